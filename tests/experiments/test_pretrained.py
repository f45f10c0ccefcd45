"""Agents that ship: those that are there keep their word; export and loading refuse the rest."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_runs import TINY, save_run

from experiments import chosen, evaluate, export, generalisation, pretrained
from experiments.attention import __main__ as attention
from experiments.generalisation import CONDITIONS
from experiments.launch import UsageError
from experiments.pretrained import CARD_FILE, VARIABLES_FILE, load_card, load_pretrained
from experiments.trained import load_trained_agent
from relational_rl.config import to_dict
from relational_rl.run.checkpoint import CheckpointStore, named_variables
from relational_rl.run.trainer import CHECKPOINTS

ROOT = Path(__file__).resolve().parents[2]
WITH_FLOOR = [
    name for name in pretrained.names() if load_card(pretrained.SHIPPED / name).min_solved
]


def solved_now(directory):
    """Returns the share that an exported agent solves of the levels its floor speaks of."""
    levels = load_card(directory).evaluation["num_levels"]
    trained = load_pretrained(str(directory))
    return evaluate.evaluate(trained, num_levels=levels, baseline=False)[0].solved.value


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """The folder of an exported agent."""
    directory = tmp_path_factory.mktemp("exported") / "tiny"
    export.export(finished_run, directory, min_solved=0.1, num_levels=60)
    return directory


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of that folder, to spoil."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


# What ships.


@pytest.mark.parametrize("name", pretrained.names())
def test_a_shipped_agent_loads_and_is_small(name):
    trained = load_pretrained(name)
    card = load_card(pretrained.SHIPPED / name)
    assert card.description == trained.description
    assert card.command.startswith("python -m experiments.launch --config=")
    files = [path for path in (pretrained.SHIPPED / name).iterdir()]
    assert sorted(path.name for path in files) == sorted([CARD_FILE, "config.json", VARIABLES_FILE])
    assert sum(path.stat().st_size for path in files) < 1_000_000


@pytest.mark.parametrize("name", WITH_FLOOR)
def test_a_shipped_agent_still_solves_what_its_card_promises(name):
    directory = pretrained.SHIPPED / name
    assert solved_now(directory) >= load_card(directory).min_solved


def test_an_agent_that_changed_breaks_its_promise(exported, tmp_path):
    card = load_card(exported)
    assert solved_now(exported) == card.evaluation["share"] >= card.min_solved
    trained = load_pretrained(str(exported))
    variables = named_variables({"agent": trained.agent})
    (bias,) = (v for name, v in variables.items() if name.endswith("_policy/b"))
    bias.assign([100.0, 0.0, 0.0, 0.0])  # up, always
    about = {
        name: getattr(card, name)
        for name in ("command", "sessions", "exported", "evaluation", "min_solved")
    }
    pretrained.save_pretrained(trained, tmp_path, about)
    assert solved_now(tmp_path) < card.min_solved


# Export, and back.


def test_an_exported_agent_is_that_of_the_run(exported, finished_run):
    before, after = load_trained_agent(finished_run), load_pretrained(str(exported))
    assert (after.config, after.spec, after.description) == (
        before.config,
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


def test_the_card_says_where_the_agent_comes_from(exported, finished_run):
    card = load_card(exported)
    assert (card.frames, card.minutes, card.seed, card.ended) == (12_345, 1.5, 5, "frames")
    assert card.sessions == json.loads((finished_run / "machine.json").read_text())
    assert "--config.seed=5" in card.command
    assert card.num_parameters == load_pretrained(str(exported)).agent.num_parameters()
    assert card.evaluation["environment"] == "boxworld:BoxWorld-Easy-v0"
    assert (card.evaluation["trials"], card.min_solved) == (60, 0.1)
    assert card.evaluation["low"] < card.evaluation["share"] < card.evaluation["high"]


def test_the_variables_do_not_depend_on_how_the_network_is_computed(exported, copy):
    config = json.loads((copy / "config.json").read_text())
    assert load_pretrained(str(exported)).agent._packed is not None
    (copy / "config.json").write_text(json.dumps({**config, "implementation": "plain"}))
    plain = load_pretrained(str(copy))
    assert plain.agent._packed is None
    assert plain.config.implementation == "plain"


def test_the_export_command_says_how_to_go_on(finished_run, tmp_path, capsys):
    arguments = [f"--run_dir={finished_run}", "--name=tiny", f"--to={tmp_path}"]
    assert export.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "relational agent after 12,345 frames" in shown
    command = f"python -m experiments.evaluate --pretrained={tmp_path / 'tiny'}"
    assert shown.endswith(f"evaluate it: {command}\n")
    assert load_card(tmp_path / "tiny").min_solved is None
    assert export.main(arguments) == 1
    assert "is there already; choose another --name, or --replace it" in capsys.readouterr().err
    assert export.main([*arguments, "--replace"]) == 0


def test_what_should_not_ship_is_refused(finished_run, tiny_run, tmp_path, capsys, monkeypatch):
    def error(*arguments, run_dir=finished_run):
        assert export.main([f"--run_dir={run_dir}", f"--to={tmp_path}", *arguments]) == 1
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
    monkeypatch.setattr(export, "SHIPPED", tmp_path / "site-packages" / "experiments" / "x")
    assert export.main([f"--run_dir={finished_run}", "--name=x"]) == 1
    assert "only a checkout of the project has a place" in capsys.readouterr().err


def test_an_unfinished_agent_ships_only_if_asked_to(tiny_run, tmp_path):
    card = export.export(tiny_run, tmp_path / "x", unfinished=True)
    assert card.ended == ""


def test_an_agent_that_is_not_finite_is_refused(tmp_path):
    run_dir = tmp_path / "run"
    agent = save_run(run_dir, dataclasses.replace(TINY, total_frames=5))
    agent.trainable_variables[3].assign(agent.trainable_variables[3] * np.nan)
    state = {"frames": 9, "minutes": 1.0, "curriculum": {"stage": 0, "recent": []}}
    CheckpointStore(run_dir / CHECKPOINTS, agent=agent).save(8, state)
    with pytest.raises(UsageError, match="variable must be finite, got NaN or infinity in agent/"):
        export.export(run_dir, tmp_path / "x")
    assert not (tmp_path / "x").exists()


# Loading what does not fit.


def test_a_damaged_file_is_named(copy):
    content = bytearray((copy / VARIABLES_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / VARIABLES_FILE).write_bytes(content)
    with pytest.raises(UsageError, match=r"variables.npz is damaged: its checksum is not the one"):
        load_pretrained(str(copy))
    (copy / VARIABLES_FILE).unlink()
    with pytest.raises(UsageError, match=r"cannot read .*variables.npz: No such file"):
        load_pretrained(str(copy))
    (copy / CARD_FILE).write_text("{}")
    with pytest.raises(UsageError, match=r"agent.json is no card of an agent: .*missing"):
        load_pretrained(str(copy))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mlp": [17]}, r"agent/_baseline/w must be float32 \[17, 1\], got float32 \[16, 1\]"),
        ({"mlp": [16, 16]}, r"_mlp/.* must be float32 \[16\], got none"),
        ({"num_references": 2}, r"agent/encoder/.* must be float32 .*, got none"),
        ({"share_weights": False}, r"agent/core/.* must be float32 .*, got none"),
    ],
)
def test_variables_of_another_network_are_named(copy, change, message):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UsageError, match=message):
        load_pretrained(str(copy))


def test_a_variable_too_many_is_named(exported, copy):
    config = dataclasses.replace(load_pretrained(str(exported)).config, mlp=())
    (copy / "config.json").write_text(json.dumps(to_dict(config)))
    with pytest.raises(UsageError, match=r"agent/_mlp/.* must be absent, got float32"):
        load_pretrained(str(copy))


# --pretrained.


def test_every_command_takes_an_exported_agent(exported, copy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        generalisation.generalise, "__defaults__", (1000, 0, "sampled", 0, CONDITIONS[:1], False)
    )
    before = sorted(exported.iterdir())
    assert evaluate.main([f"--pretrained={exported}", "--levels=60"]) == 0
    assert f"{load_card(exported).evaluation['share']:.2%}" in capsys.readouterr().out
    assert generalisation.main([f"--pretrained={exported}", "--levels=2"]) == 0
    config = json.loads((copy / "config.json").read_text())
    config["env_kwargs"]["max_steps"] = 6  # to draw a step takes half a second
    (copy / "config.json").write_text(json.dumps(config))
    arguments = [f"--pretrained={copy}", "--level_seed=1", "--out=elsewhere"]
    assert attention.main(arguments) == 0
    out = Path("runs/pretrained_tiny")
    assert sorted(path.name for path in out.iterdir()) == [
        "evaluation_BoxWorld-Easy-v0_sampled.json",
        "generalisation.json",
        "generalisation.md",
    ]
    assert list(Path("elsewhere/attention").glob("*/index.html"))
    assert sorted(exported.iterdir()) == before


def test_a_shipped_agent_is_known_by_its_name(exported, tmp_path, monkeypatch, capsys):
    shutil.copytree(exported, tmp_path / "shipped" / "mine")
    (tmp_path / "shipped" / "__pycache__").mkdir()
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    assert pretrained.names() == ["mine"]
    assert evaluate.main(["--pretrained=mine", "--levels=2"]) == 0
    assert f"written to {Path('runs/pretrained_mine')}/evaluation_" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"pretrained must be one of mine, or .*, got 'yours'"):
        load_pretrained("yours")
    with pytest.raises(UsageError, match=r"got '\.\.'"):
        load_pretrained("..")


@pytest.mark.parametrize("command", [evaluate, generalisation, attention])
@pytest.mark.parametrize(
    ("arguments", "got"), [([], "neither"), (["--run_dir=x", "--pretrained=y"], "both")]
)
def test_exactly_one_agent_must_be_chosen(command, arguments, got, monkeypatch, capsys):
    monkeypatch.setattr(chosen.pretrained, "names", lambda: ["a", "b"])
    assert command.main(arguments) == 1
    assert capsys.readouterr().err == (
        "error: exactly one of --run_dir=DIR and --pretrained=NAME must be given, "
        f"got {got}; NAME is one of a, b\n"
    )


def test_an_installed_project_has_the_agents(tmp_path):
    """What setuptools would install, from a copy with an agent in it."""
    for name in ("setup.cfg", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    package = tmp_path / "experiments"
    shutil.copytree(ROOT / "experiments", package, ignore=shutil.ignore_patterns("__pycache__"))
    agent = package / "pretrained" / "sample"
    agent.mkdir()
    for name in (CARD_FILE, "config.json", VARIABLES_FILE):
        (agent / name).touch()
    code = (
        "import setuptools; d = setuptools.Distribution(); d.parse_config_files(['setup.cfg']); "
        "c = d.get_command_obj('build_py'); c.ensure_finalized(); "
        "print(*(f'{x[0]}/{f}' for x in c.data_files for f in x[3] if 'sample' in f))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    shipped = {f"experiments.pretrained/sample/{path.name}" for path in agent.iterdir()}
    assert set(result.stdout.split()) == shipped
