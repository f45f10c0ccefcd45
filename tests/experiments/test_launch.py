"""The launcher: its words, and its run directory."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from launched import RUN_FILES, TINY, checkpoint_states, frames_of, run

from experiments import configs, launch, training
from experiments.cli.main import parse
from experiments.cli.shared import experiment_of
from relational_rl.config import to_dict
from relational_rl.run import train
from relational_rl.run.directory import read_experiment
from relational_rl.run.machine import source_commit

# Those that another agent, or another stem, does not have.
BLOCKS = ("num_blocks", "num_heads", "head_size")
PATCH = ("entity_size", "num_frequencies")
NETWORK = (*BLOCKS, *PATCH, "num_references", "mlp")


pytestmark = pytest.mark.usefixtures("eager")


def test_names_and_values_become_a_config():
    flags = parse(["train", *TINY, "--config.seed=3", "--run_dir=~/somewhere"])
    assert flags.run_dir == Path.home() / "somewhere"
    assert (flags.backend, flags.ray_address) == (None, None)
    experiment = experiment_of(flags)
    assert (experiment.run.seed, experiment.agent.mlp, experiment.curriculum) == (3, (8,), None)
    assert experiment.learner.policy_clip == configs.load("boxworld_easy").learner.policy_clip


def test_old_names_and_new_ones_say_the_same():
    new = ["--config.run.seed=3", "--config.agent.num_blocks=3", "--config.learner.optimizer=adam"]
    old = ["--config.seed=3", "--config.num_blocks=3", "--config.optimizer=adam"]
    one, other = (
        experiment_of(parse(["train", "--config=boxworld_easy", *texts])) for texts in (new, old)
    )
    assert one == other


def test_a_preset_can_be_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from experiments.configs.boxworld_easy import experiment as easy\n"
        "from relational_rl.config import replace\n"
        "experiment = replace(easy, {'run.seed': 5})\n"
    )
    assert experiment_of(parse(["train", f"--config={path}"])).run.seed == 5


def test_a_run_directory_is_found_for_it(monkeypatch):
    asked = []
    monkeypatch.setattr(training, "train", lambda run_dir, *_: asked.append(run_dir))
    assert launch.main([*TINY, "--config.seed=7"]) == 0
    assert asked == [Path("runs") / "boxworld_easy_seed7"]


def test_a_value_that_would_do_nothing_is_refused(tmp_path, capfd):
    assert run(tmp_path, "--config.stem=conv", without=("num_frequencies",)) == 1
    assert capfd.readouterr().err == (
        "error: config.entity_size does nothing here: there is no agent.encoder.stem.size\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=chess"], r"config must be one of .*boxworld_easy.*, got 'chess'"),
        (["--seed=3"], r"unknown argument '--seed=3'; values of .* are --config\.NAME=VALUE"),
        (["--config.seed"], r"unknown argument '--config.seed'; .*values of"),
        (["--config.seed", "3"], r"unknown argument '--config.seed'; .*values of"),
        (["--bakend=local"], r"unknown argument '--bakend=local'; did you mean '--backend'\?"),
        (["--conf.seed=3"], r"unknown argument '--conf.seed=3'"),
        (["--backend=cloud"], r"backend must be one of local.*, got 'cloud'"),
        (
            ["--config.sead=3"],
            r"config\.sead is unknown; did you mean 'seed'.*relational-rl configs NAME",
        ),
        (["--config.seed=three"], r"config\.run\.seed must be a whole number, got 'three'"),
        (["--config.seed=-1"], r"seed must be at least 0, got -1"),
        (["--config.seed=1.5"], r"config\.run\.seed must be a whole number, got 1\.5"),
        (
            ["--config.agent=best"],
            r"agent must be one of control, random, relational, .*got 'best'",
        ),
        (
            ["--config.branch_length=1"],
            r"an argument .* is config\.env\.kwargs\.branch_length",
        ),
        (["--config.learning_rate=1e999"], r"learning_rate must be finite, got inf"),
        (["--config.mlp=[8, -1]"], r"mlp\[1\] must be at least 1, got -1"),
        (["--config.env_kwargs={'x': {1}}"], r"kwargs must be JSON-serialisable, got"),
        (["--config.env_kwargs={[]: 1}"], r"env_kwargs must be a Python value, got"),
        (["--config.env_kwargs=3"], r"env\.kwargs must be a mapping of names to values, got 3"),
        (["--config.env_id=boxworld:Chess-v0"], r"env='boxworld:Chess-v0' with .*Chess"),
        (["--config.env_id=chess:Chess-v0"], r"env='chess:Chess-v0' .*No module named 'chess'"),
        (["--config.env_kwargs={'size': 6}"], r"with \{'size': 6\} cannot be made: .*'size'"),
        (["--config.env_kwargs={'room_size': 1}"], r"room_size must be .*got 1"),
        (["--config.curriculum=[{}, {'solution_length': 99}]"], r"solution_length must be .*99"),
        (["--config.curriculum=[{}, {'room_size': 7}]"], r"stage 1 of 2 must have"),
        (
            ["--config.env_id=CartPole-v1", "--config.env_kwargs={}"],
            r"encoder=cells needs an image, got vector observations",
        ),
        (
            ["--config.stem=conv", "--config.conv_padding=VALID"],
            r"max_entities needs a map as large as the image",
        ),
        (
            ["--config.stem=conv", "--config.implementation=packed"],
            r"implementation must be plain or auto, got 'packed': ",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, capfd, arguments, message):
    run_dir = tmp_path / "run"
    without = PATCH if "--config.stem=conv" in arguments else ()
    assert run(run_dir, *arguments, without=without) == 1
    output = capfd.readouterr()
    assert re.fullmatch(f"error: .*{message}.*\n", output.err), output.err
    assert output.out == ""
    assert {path.name for path in run_dir.glob("*")} <= {".lock"}


def test_a_run_directory_must_be_writable(tmp_path, capfd):
    file = tmp_path / "file"
    file.write_text("mine")
    for run_dir in (file, file / "run"):
        assert run(run_dir) == 1
        error = capfd.readouterr().err
        assert re.fullmatch(f"error: cannot .*{re.escape(str(run_dir))}.*: .*\n", error), error
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "content", ["{", "null", "[1]", '{"sead": 3}', '{"run": {"seed": "three"}}']
)
def test_a_config_file_must_be_one(tmp_path, capfd, content):
    (tmp_path / "config.json").write_text(content)
    assert run(tmp_path) == 1
    assert re.fullmatch(r"error: .*config\.json is no configuration: .*\n", capfd.readouterr().err)


def test_an_interruption_before_training_is_no_traceback(tmp_path, capfd, monkeypatch):
    def interrupt(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "Trainer", interrupt)
    assert run(tmp_path) == 130
    assert capfd.readouterr().err == "error: interrupted\n"


def test_a_run_directory_holds_all_and_the_same_command_goes_on(tmp_path, capfd):
    assert run(tmp_path) == 0
    output = capfd.readouterr()
    assert f"relational agent on boxworld:BoxWorld-v0; run in {tmp_path}\n" in output.out
    assert re.search(r"^parameters: relational [\d,]+, control [\d,]+$", output.out, re.M)
    assert re.search(r"^1\d\d frames in 0\.\d minutes: all frames learned from$", output.out, re.M)
    assert {path.name for path in tmp_path.iterdir()} == RUN_FILES
    experiment = experiment_of(parse(["train", *TINY]))
    assert json.loads((tmp_path / "config.json").read_text()) == to_dict(experiment)
    assert read_experiment(tmp_path) == experiment
    (machine,) = json.loads((tmp_path / "machine.json").read_text())
    known = {"started", "version", "python", "system", "cores", "machine", "commit", "versions"}
    assert set(machine) == known
    assert machine["commit"] == source_commit()
    assert machine["python"] == sys.version.split()[0]
    assert set(machine["versions"]) >= {"tensorflow", "dm-sonnet", "numpy", "gymnasium"}
    assert (tmp_path / "learning_curve.png").read_bytes()[:4] == b"\x89PNG"
    assert list((tmp_path / "tensorboard").iterdir())
    frames = frames_of(tmp_path)
    assert frames == sorted(frames)
    assert 150 <= frames[-1] < 150 + 64
    assert checkpoint_states(tmp_path)[-1]["frames"] == frames[-1]

    # What only prolongs the run may change.
    assert run(tmp_path, "--config.total_frames=300", "--config.checkpoint_seconds=0") == 0
    assert f"resumed at {frames[-1]} frames (0." in capfd.readouterr().out
    later = frames_of(tmp_path)
    assert later[: len(frames)] == frames
    assert later == sorted(set(later))
    assert 300 <= later[-1] < 300 + 64
    assert len(json.loads((tmp_path / "machine.json").read_text())) == 2
    assert json.loads((tmp_path / "config.json").read_text())["run"]["total_frames"] == 300

    # What defines the experiment may not.
    for change, message in {
        "--config.learning_rate=0.5": r"learner\.learning_rate=0\.001, got 0\.5",
        "--config.seed=1": r"run\.seed=0, got 1",
        "--config.mlp=[8, 8]": r"agent\.mlp=\(8,\), got \(8, 8\)",
    }.items():
        assert run(tmp_path, "--config.total_frames=300", change) == 1
        error = capfd.readouterr().err
        assert re.fullmatch(
            rf"error: {tmp_path} was started with config\.{message}; choose another --run_dir\n",
            error,
        ), error
    assert frames_of(tmp_path) == later


def damage(path):
    """Flips one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path, capfd, caplog):
    assert run(tmp_path, "--config.checkpoint_seconds=0") == 0
    states = checkpoint_states(tmp_path)
    assert len(states) == 3
    paths = sorted((tmp_path / "checkpoints").glob("step-*"))
    damage(next(paths[-1].glob("variables.data*")))
    capfd.readouterr()
    assert run(tmp_path, "--config.checkpoint_seconds=0") == 0
    assert f"resumed at {states[-2]['frames']} frames" in capfd.readouterr().out
    (message,) = caplog.messages
    assert f"{paths[-1]} is damaged" in message
    assert f"falling back to {paths[-2].name}" in message
    frames = frames_of(tmp_path)
    assert frames == sorted(set(frames))
    assert frames[-1] >= 150

    for path in (tmp_path / "checkpoints").glob("step-*"):
        damage(path / "state.json")
    assert run(tmp_path) == 1
    error = capfd.readouterr().err
    assert re.fullmatch(r"error: no checkpoint in .* is intact \(3 found\): .*\n", error), error


@pytest.mark.parametrize("agent", ["random", "control"])
def test_the_other_agents_are_launched_alike(tmp_path, agent):
    more = [f"--config.agent={agent}"] + ["--config.control_blocks=1"] * (agent == "control")
    without = BLOCKS if agent == "control" else NETWORK
    assert run(tmp_path, *more, without=without) == 0
    assert run(tmp_path, *more, without=without) == 0
    assert {path.name for path in tmp_path.iterdir()} == RUN_FILES


@pytest.mark.parametrize(
    "change",
    [["--config.baseline_cost=3e38"], ["--config.learning_rate=1e38"]],
    ids=["loss", "step"],
)
def test_a_run_that_diverges_stops_and_keeps_what_was_good(tmp_path, capfd, change):
    more = (*change, "--config.checkpoint_seconds=0", "--config.total_frames=100_000")
    assert run(tmp_path, *more) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"error: .* (is (nan|inf) in|is not finite).*", last), last
    for path in (tmp_path / "checkpoints").glob("step-*"):
        reader = tf.train.load_checkpoint(str(path / "variables"))
        for name, dtype in reader.get_variable_to_dtype_map().items():
            if dtype == tf.float32:
                assert np.isfinite(reader.get_tensor(name)).all(), (path, name)
