"""The commit of a file under, beside and without version control; commands that say a config."""

import dataclasses
import shlex
import subprocess

import pytest

from experiments import configs, launch
from experiments.provenance import launch_command, source_commit
from relational_rl.config import Config


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
def test_a_named_config_is_trained_by_its_name(name):
    assert launch_command(configs.load(name)) == f"python -m experiments.launch --config={name}"


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(configs.load("boxworld"), seed=3, learning_rate=1e-8, mlp=(8, 8)),
        dataclasses.replace(configs.load("boxworld_easy"), agent="control", share_weights=False),
        Config(
            env_id="minigrid:MiniGrid-Empty-5x5-v0",
            env_kwargs={"text": "it's a $HOME", "none": None, "pair": [1, 2.5], "flag": True},
            observation_keys=("image", "direction"),
            curriculum=({"a": 1}, {}),
        ),
    ],
)
def test_the_command_says_every_difference(config):
    _, _, module, *arguments = shlex.split(launch_command(config))
    assert module == "experiments.launch"
    assert launch.parse(arguments)[1] == config


def test_the_nearest_config_is_named():
    command = launch_command(dataclasses.replace(configs.load("boxworld"), seed=2))
    assert command == "python -m experiments.launch --config=boxworld --config.seed=2"
