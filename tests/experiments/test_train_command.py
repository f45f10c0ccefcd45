"""The commit of a file under, beside and without version control; commands that say a config."""

import shlex
import subprocess

import pytest

from experiments import configs
from experiments.cli.main import parse
from experiments.configs import train_command
from relational_rl.config import Control, EnvSpec, Experiment, from_dict, override, replace
from relational_rl.run.machine import source_commit


def git(directory, *arguments):
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    result = subprocess.run(
        ["git", *who, *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one committed file, a tag, and a file that it ignores."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "module.py").write_text("one\n")
    (tmp_path / ".gitignore").write_text("installed.py\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=First")
    git(tmp_path, "tag", "v1")
    (tmp_path / "installed.py").write_text("a copy\n")
    return tmp_path


def test_the_commit_is_the_whole_one_and_says_what_is_not_in_it(repository):
    commit = source_commit(repository / "module.py")
    assert commit == git(repository, "rev-parse", "HEAD")
    assert len(commit) == 40
    (repository / "module.py").write_text("two\n")
    assert source_commit(repository / "module.py") == f"{commit}-dirty"


def test_a_copy_within_another_repository_has_no_commit(repository):
    assert source_commit(repository / "installed.py") is None


def test_without_a_repository_or_without_git_the_commit_is_unknown(
    repository, tmp_path_factory, monkeypatch
):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "module.py").write_text("one\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    assert source_commit(outside / "module.py") is None
    monkeypatch.setenv("PATH", "")
    assert source_commit(repository / "module.py") is None


@pytest.mark.parametrize("name", configs.names())
def test_a_preset_is_trained_by_its_name(name):
    assert train_command(configs.load(name)) == f"relational-rl train --config={name}"


@pytest.mark.parametrize(
    "experiment",
    [
        replace(
            configs.load("boxworld"),
            {"run.seed": 3, "learner.learning_rate": 1e-8, "agent.mlp": (8, 8)},
        ),
        replace(configs.load("boxworld_easy"), {"agent": "control", "agent.residual_channels": 7}),
        replace(
            configs.load("sc2_movetobeacon"),
            {"agent.memory": None, "learner.optimizer": "rmsprop", "source.queue_size": 5},
        ),
        Experiment(
            env=EnvSpec(
                id="minigrid:MiniGrid-Empty-5x5-v0",
                kwargs={"text": "it's a $HOME", "none": None, "pair": [1, 2.5], "flag": True},
                observation_keys=("image", "direction"),
            ),
            curriculum={"stages": ({"a": 1}, {})},
            run={"stop_at": {"solved": 0.5}},
            hooks=("package.module:Hook",),
        ),
    ],
)
def test_the_command_says_every_difference(experiment):
    program, *arguments = shlex.split(train_command(experiment))
    assert program == "relational-rl"
    flags = parse(arguments)
    assert override(configs.load(flags.config), flags.texts) == experiment


def test_the_nearest_preset_is_named_and_a_choice_brings_its_own_values():
    command = train_command(replace(configs.load("boxworld"), {"run.seed": 2}))
    assert command == "relational-rl train --config=boxworld --config.run.seed=2"
    control = replace(configs.load("boxworld"), {"agent": "control"})
    assert isinstance(control.agent, Control)
    assert train_command(control) == (
        "relational-rl train --config=boxworld --config.agent=control"
    )


def test_a_flat_config_of_before_is_told_in_todays_names():
    flat = {"env_id": "boxworld:BoxWorld-v0", "queue_size": 2, "num_actors": 2}
    flat |= {"envs_per_actor": 64, "seed": 1}
    assert train_command(from_dict(flat)) == (
        "relational-rl train --config=boxworld_paper --config.run.seed=1"
    )
