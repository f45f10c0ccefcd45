"""Agents that ship: those that are there keep their word; export and loading refuse the rest."""

import hashlib
import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import TINY, save_run

from experiments.cli.main import main
from experiments.evaluation import export as exporting
from experiments.evaluation import generalise
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.export import export
from experiments.published import CONDITIONS
from relational_rl import pretrained, shipped
from relational_rl.acting.policy import Policy
from relational_rl.config import replace, to_dict
from relational_rl.errors import UsageError
from relational_rl.pretrained import VARIABLES_FILE, load_card, load_pretrained, save_pretrained
from relational_rl.run.checkpoint import CheckpointStore
from relational_rl.run.directory import CHECKPOINTS, CONFIG, MACHINE
from relational_rl.run.variables import named_variables
from relational_rl.shipped import CARD, SHIPPED
from relational_rl.trained import load_run

ROOT = Path(__file__).resolve().parents[2]
# Observations of random play in each shipped agent's environment, with the policy logits and the
# baselines that the agent gave when it was exported.
REMEMBERED = Path(__file__).with_name("shipped_agents.npz")
# Of the levels that a card speaks of: enough to see an agent that has changed.
LEVELS = 100


def solved_by(trained, num_levels):
    """Returns the share that an agent solves of the first levels."""
    return evaluate(trained, num_levels=num_levels, baseline=False)[0].solved.value


def rewrite(directory, experiment):
    """Gives an exported agent another configuration, as if it had been exported with it."""
    content = json.dumps(to_dict(experiment))
    (directory / CONFIG).write_text(content)
    card = json.loads((directory / CARD).read_text())
    card["config_sha256"] = hashlib.sha256(content.encode()).hexdigest()
    (directory / CARD).write_text(json.dumps(card))


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """The folder of an exported agent."""
    directory = tmp_path_factory.mktemp("exported") / "tiny"
    export(finished_run, directory, min_solved=0.1, num_levels=60)
    return directory


@pytest.fixture(scope="module")
def loaded(exported):
    """The agent in that folder; a test that changes it puts it back."""
    return load_pretrained(str(exported))


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of that folder, to spoil."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


# What ships.


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_agent_is_what_it_was_and_solves_what_its_card_promises(name):
    trained = load_pretrained(name)
    card = load_card(SHIPPED / name)
    assert card.description == trained.description
    assert card.command.startswith("relational-rl train --config=")
    assert card.config_sha256
    files = [path for path in (SHIPPED / name).iterdir()]
    assert sorted(path.name for path in files) == sorted([CARD, CONFIG, VARIABLES_FILE])
    assert sum(path.stat().st_size for path in files) < 1_000_000
    if name in {key.split("/")[0] for key in np.load(REMEMBERED)}:
        remembered = np.load(REMEMBERED)
        images = remembered[f"{name}/images"]
        policy = Policy(trained.agent)
        output, _ = policy.act({"image": images}, (), np.zeros((len(images), policy.num_draws)))
        # On another processor the sums may be added up in another order.
        for found, key in ((output.policy_logits, "logits"), (output.baseline, "baseline")):
            np.testing.assert_allclose(found, remembered[f"{name}/{key}"], rtol=0, atol=5e-5)
    if card.min_solved:
        assert solved_by(trained, LEVELS) >= card.min_solved


def test_the_agents_of_the_first_version_are_remembered():
    names = {key.split("/")[0] for key in np.load(REMEMBERED)}
    assert names == {"boxworld", "boxworld_branch3", "boxworld_withheld"} <= set(shipped.names())


def test_an_agent_that_changed_breaks_its_promise(exported, loaded, tmp_path):
    card = load_card(exported)
    assert card.evaluation["share"] >= card.min_solved
    variables = named_variables({"agent": loaded.agent})
    (bias,) = (v for name, v in variables.items() if name.endswith("_policy/b"))
    before = bias.numpy()
    about = {
        name: getattr(card, name)
        for name in ("command", "sessions", "exported", "evaluation", "min_solved")
    }
    try:
        bias.assign([100.0, 0.0, 0.0, 0.0])  # up, always
        save_pretrained(loaded, tmp_path, about)
    finally:
        bias.assign(before)
    assert solved_by(load_pretrained(str(tmp_path)), 60) < card.min_solved


# Export, and back.


def test_an_exported_agent_is_that_of_the_run(loaded, finished_run):
    before, after = load_run(finished_run), loaded
    assert (after.experiment, after.spec, after.description) == (
        before.experiment,
        before.spec,
        before.description,
    )
    assert (after.frames, after.minutes, after.stage, after.ended) == (12_345, 1.5, 0, "frames")
    old, new = (named_variables({"agent": x.agent}) for x in (before, after))
    assert old.keys() == new.keys()
    assert any("background" in name for name in old)
    for name in old:
        np.testing.assert_array_equal(old[name].numpy(), new[name].numpy())
    assert before.agent.encoder.background.numpy().any()


def test_the_card_says_where_the_agent_comes_from(exported, loaded, finished_run):
    card = load_card(exported)
    assert (card.frames, card.minutes, card.seed, card.ended) == (12_345, 1.5, 5, "frames")
    assert card.sessions == json.loads((finished_run / MACHINE).read_text())
    assert "--config.run.seed=5" in card.command
    assert card.num_parameters == loaded.agent.num_parameters()
    assert card.evaluation["environment"] == "boxworld:BoxWorld-Easy-v0"
    assert (card.evaluation["trials"], card.min_solved) == (60, 0.1)
    assert card.evaluation["low"] < card.evaluation["share"] < card.evaluation["high"]


def test_the_variables_do_not_depend_on_how_the_network_is_computed(loaded, copy):
    assert not loaded.agent.can_compile  # it computes packed features
    rewrite(copy, replace(loaded.experiment, {"agent.implementation": "plain"}))
    plain = load_pretrained(str(copy))
    assert plain.agent.can_compile
    assert plain.experiment.agent.implementation == "plain"


def test_the_export_command_says_how_to_go_on(finished_run, tmp_path, capsys):
    arguments = ["export", f"--run_dir={finished_run}", "--name=tiny", f"--to={tmp_path}"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "relational agent after 12,345 frames" in shown
    command = f"relational-rl evaluate --pretrained={tmp_path / 'tiny'}"
    assert shown.endswith(f"evaluate it: {command}\n")
    assert load_card(tmp_path / "tiny").min_solved is None
    assert main(arguments) == 1
    assert "is there already; choose another --name, or --replace it" in capsys.readouterr().err
    assert main([*arguments, "--replace"]) == 0


def test_what_should_not_ship_is_refused(finished_run, tiny_run, tmp_path, capsys, monkeypatch):
    def error(*arguments, run_dir=finished_run):
        assert main(["export", f"--run_dir={run_dir}", f"--to={tmp_path}", *arguments]) == 1
        assert not list(tmp_path.iterdir())
        return capsys.readouterr().err

    assert error("--name=x", run_dir=tiny_run) == (
        f"error: the training in {tiny_run} is not over: 12,345 of 1,000,000,000 frames, "
        "1.5 minutes, stage 1 of 1; go on training, or export the agent as it is with "
        "--unfinished\n"
    )
    assert "is no run directory" in error("--name=x", run_dir=tmp_path)
    assert "name must be of lower-case letters, digits and '_', got '../x'" in error("--name=../x")
    assert "min_solved must be in (0, 1], got 97.0" in error("--name=x", "--min_solved=97")
    floor = error("--name=x", "--min_solved=1", "--levels=60")
    assert "the agent must solve min_solved=100.0% of 60 levels, got " in floor
    monkeypatch.setattr(exporting, "SHIPPED", tmp_path / "site-packages" / "x" / "pretrained")
    assert main(["export", f"--run_dir={finished_run}", "--name=x"]) == 1
    assert "only a checkout of the project has a place" in capsys.readouterr().err


def test_an_unfinished_agent_ships_only_if_asked_to(tiny_run, tmp_path):
    card = export(tiny_run, tmp_path / "x", unfinished=True)
    assert card.ended == ""


def test_an_agent_that_is_not_finite_is_refused(tmp_path):
    run_dir = tmp_path / "run"
    agent = save_run(run_dir, replace(TINY, {"run.total_frames": 5}))
    agent.trainable_variables[3].assign(agent.trainable_variables[3] * np.nan)
    state = {"frames": 9, "minutes": 1.0, "curriculum": {"stage": 0, "recent": []}}
    CheckpointStore(run_dir / CHECKPOINTS, agent=agent).save(8, state)
    with pytest.raises(UsageError, match="variable must be finite, got NaN or infinity in agent/"):
        export(run_dir, tmp_path / "x")
    assert not (tmp_path / "x").exists()


# Loading what does not fit.


@pytest.mark.parametrize("name", [CONFIG, VARIABLES_FILE])
def test_a_damaged_file_is_named(copy, name):
    content = (copy / name).read_bytes()
    for place in range(0, len(content), len(content) // 50):
        damaged = bytearray(content)
        damaged[place] ^= 1
        (copy / name).write_bytes(damaged)
        with pytest.raises(UsageError, match=rf"{name} is damaged: its checksum is not the one"):
            load_pretrained(str(copy))
    (copy / name).unlink()
    with pytest.raises(UsageError, match=rf"cannot read .*{name}: No such file"):
        load_pretrained(str(copy))


def test_a_damaged_card_is_named(copy):
    (copy / CARD).write_text("{}")
    with pytest.raises(UsageError, match=r"agent.json is no card of an agent: .*missing"):
        load_pretrained(str(copy))


def test_an_agent_that_the_first_version_exported_loads(loaded, copy):
    card = json.loads((copy / CARD).read_text())
    del card["config_sha256"]
    (copy / CARD).write_text(json.dumps(card))
    assert load_pretrained(str(copy)).experiment == loaded.experiment


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"agent.mlp": (17,)},
            r"agent/_baseline/w must be float32 \[17, 1\], got float32 \[16, 1\]",
        ),
        ({"agent.mlp": (16, 16)}, r"_mlp/.* must be float32 \[16\], got none"),
        ({"agent.mlp": ()}, r"agent/_mlp/.* must be absent, got float32"),
        ({"agent.encoder.references": "references"}, r"agent/encoder/.* must be .*, got none"),
        ({"agent.share_weights": False}, r"agent/core/.* must be float32 .*, got none"),
    ],
)
def test_variables_of_another_network_are_named(copy, loaded, change, message):
    rewrite(copy, replace(loaded.experiment, change))
    with pytest.raises(UsageError, match=message):
        load_pretrained(str(copy))


# --pretrained.


def test_every_command_takes_an_exported_agent(exported, tmp_path, monkeypatch, capsys):
    drawn = []

    def draw(flags, trained, env, out):
        drawn.append((trained.description, env.id, out))
        return "drawn"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("experiments.attention.command.draw", draw)
    alone = partial(generalise.generalise, conditions=CONDITIONS[:1])
    monkeypatch.setattr(generalise, "generalise", alone)
    before = sorted(exported.iterdir())
    assert main(["evaluate", f"--pretrained={exported}", "--levels=60"]) == 0
    assert f"{load_card(exported).evaluation['share']:.2%}" in capsys.readouterr().out
    assert main(["generalise", f"--pretrained={exported}", "--levels=2"]) == 0
    assert main(["attention", f"--pretrained={exported}", "--out=elsewhere"]) == 0
    description = load_card(exported).description
    assert drawn == [(description, "boxworld:BoxWorld-Easy-v0", Path("elsewhere/attention"))]
    out = Path("runs/pretrained_tiny")
    assert sorted(path.name for path in out.iterdir()) == [
        "evaluation_BoxWorld-Easy-v0_sampled.json",
        "generalisation.json",
        "generalisation.md",
    ]
    assert sorted(exported.iterdir()) == before


def test_a_shipped_agent_is_known_by_its_name(exported, tmp_path, monkeypatch, capsys):
    shutil.copytree(exported, tmp_path / "shipped" / "mine")
    (tmp_path / "shipped" / "__pycache__").mkdir()
    for module in (shipped, pretrained):
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    assert shipped.names() == ["mine"]
    assert main(["evaluate", "--pretrained=mine", "--levels=2"]) == 0
    assert f"written to {Path('runs/pretrained_mine')}/evaluation_" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"pretrained must be one of mine, or .*, got 'yours'"):
        load_pretrained("yours")
    with pytest.raises(UsageError, match=r"got '\.\.'"):
        load_pretrained("..")


@pytest.mark.parametrize("command", ["evaluate", "generalise", "attention"])
@pytest.mark.parametrize(
    ("arguments", "got"), [([], "neither"), (["--run_dir=x", "--pretrained=y"], "both")]
)
def test_exactly_one_agent_must_be_chosen(command, arguments, got, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "names", lambda: ["a", "b"])
    assert main([command, *arguments]) == 1
    assert capsys.readouterr().err == (
        "error: exactly one of --run_dir=DIR and --pretrained=NAME must be given, "
        f"got {got}; NAME is one of a, b\n"
    )


def test_an_installed_library_has_the_agents(tmp_path):
    """What setuptools would install, from a copy with an agent in it."""
    for name in ("setup.cfg", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    package = tmp_path / "relational_rl"
    (package / "pretrained" / "sample").mkdir(parents=True)
    for module in ("__init__.py", "version.py", "pretrained/__init__.py"):
        shutil.copy(ROOT / "relational_rl" / module, package / module)
    for name in (CARD, CONFIG, VARIABLES_FILE):
        (package / "pretrained" / "sample" / name).touch()
    code = (
        "import setuptools; d = setuptools.Distribution(); d.parse_config_files(['setup.cfg']); "
        "c = d.get_command_obj('build_py'); c.ensure_finalized(); "
        "print(*(f'{x[0]}/{f}' for x in c.data_files for f in x[3] if 'sample' in f))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    names = {f"relational_rl.pretrained/sample/{name}" for name in (CARD, CONFIG, VARIABLES_FILE)}
    assert set(result.stdout.split()) == names
