"""The life of a run: started, stopped, killed, damaged, resumed, as a user would do it."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments import launch

ROOT = Path(__file__).parents[2]
# A tiny Box-World and a tiny network: what is tested is the run, not the learning.
TINY = [
    "--config=boxworld_easy",
    "--config.env_kwargs={'solution_length': 1, 'num_branches': 0, 'room_size': 6}",
    "--config.curriculum=()",
    "--config.envs_per_actor=16",
    "--config.batch_size=16",
    "--config.unroll_length=8",
    "--config.entity_size=8",
    "--config.head_size=8",
    "--config.num_references=0",
    "--config.num_frequencies=4",
    "--config.mlp=(16,)",
    "--config.num_blocks=1",
    "--config.metrics_seconds=0",
    "--config.checkpoint_seconds=0",
    "--config.stop_at_solved=0",
]


def _command(run_dir, *more):
    module = [sys.executable, "-m", "experiments.launch", f"--run_dir={run_dir}"]
    return [*module, *TINY, *more]


def _start(run_dir, *more):
    return subprocess.Popen(
        _command(run_dir, *more),
        cwd=run_dir.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process, timeout=180):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def _wait_for(condition, process, timeout=180):
    end = time.monotonic() + timeout
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def _checkpoints(run_dir):
    return sorted((run_dir / "checkpoints").glob("step-*"))


def _frames(checkpoint):
    return json.loads((checkpoint / "state.json").read_text())["state"]["frames"]


def _metrics(run_dir):
    with (run_dir / "metrics.csv").open() as file:
        return [int(float(row["frames"])) for row in csv.DictReader(file)]


def test_a_run_directory_holds_everything_and_the_same_command_goes_on(tmp_path):
    run_dir = tmp_path / "run"
    status, out, err = _finish(_start(run_dir, "--config.total_frames=2000"))
    assert status == 0, err
    assert (
        "parameters: relational " in out
        and ", control " in out
        and "all frames learned from" in out
    )
    for name in ("config.json", "machine.json", "metrics.csv", "learning_curve.png"):
        assert (run_dir / name).stat().st_size > 0
    assert list((run_dir / "tensorboard").iterdir())
    assert "Traceback" not in err and "WARNING" not in err and "I0000" not in err
    first = _metrics(run_dir)
    status, out, err = _finish(_start(run_dir, "--config.total_frames=4000"))
    assert status == 0, err
    assert f"resumed at {first[-1]:,} frames" in out
    frames = _metrics(run_dir)
    assert frames[: len(first)] == first and frames[-1] >= 4000
    assert frames == sorted(frames)
    assert len(json.loads((run_dir / "machine.json").read_text())) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends_well(tmp_path, number):
    run_dir = tmp_path / "run"
    process = _start(run_dir)
    _wait_for(lambda: _checkpoints(run_dir), process)
    process.send_signal(number)
    status, out, err = _finish(process)
    assert status == 0, err
    assert "interrupted and saved" in out
    assert _frames(_checkpoints(run_dir)[-1]) == _metrics(run_dir)[-1]


def test_killed_five_times_it_goes_on_from_its_last_checkpoint(tmp_path):
    run_dir = tmp_path / "run"
    moments = random.Random(0)
    saved = 0
    for _ in range(5):
        process = _start(run_dir)
        before = len(_checkpoints(run_dir)) and _checkpoints(run_dir)[-1].name
        _wait_for(
            lambda before=before: (
                _checkpoints(run_dir) and _checkpoints(run_dir)[-1].name != before
            ),
            process,
        )
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        _, out, _ = _finish(process)
        if saved:
            resumed = int(out.split("resumed at ")[1].split(" frames")[0].replace(",", ""))
            assert resumed >= saved
        saved = _frames(_checkpoints(run_dir)[-1])
    status, out, err = _finish(_start(run_dir, f"--config.total_frames={saved + 1000}"))
    assert status == 0, err
    frames = _metrics(run_dir)
    assert frames == sorted(frames) and frames[-1] >= saved + 1000


def test_a_torn_newest_checkpoint_falls_back_to_the_one_before(tmp_path):
    run_dir = tmp_path / "run"
    assert _finish(_start(run_dir, "--config.total_frames=2000"))[0] == 0
    before, newest = _checkpoints(run_dir)[-2:]
    data = next(newest.glob("variables.data*"))
    data.write_bytes(data.read_bytes()[:100])
    status, out, err = _finish(_start(run_dir, "--config.total_frames=3000"))
    assert status == 0, err
    assert f"resumed at {_frames_text(before, out)} frames" in out
    assert "is damaged" in err and before.name in err


def _frames_text(checkpoint, out):
    # The checkpoint may be gone by now; what was resumed is what the metrics were cut to.
    if checkpoint.exists():
        return f"{_frames(checkpoint):,}"
    return out.split("resumed at ")[1].split(" frames")[0]


def test_another_experiment_is_refused(tmp_path):
    run_dir = tmp_path / "run"
    assert _finish(_start(run_dir, "--config.total_frames=300"))[0] == 0
    status, _, err = _finish(_start(run_dir, "--config.learning_rate=0.5"))
    assert status == 1
    assert "was started with config.learning_rate=0.001, got 0.5; choose another --run_dir" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--config.learning_rat=1"], "config.learning_rat is unknown; the names are adam_"),
        (["--config.optimizer=sgd"], "optimizer must be one of rmsprop, adam, got 'sgd'"),
        (["--config.num_heads=0"], "num_heads must be at least 1, got 0"),
        (["--config.num_heads=two"], "config.num_heads must be a Python value, got 'two'"),
        (["--learning_rate=1"], "unknown argument '--learning_rate=1'"),
        (["--backend=slurm"], "backend must be one of local, got 'slurm'"),
        (["--config.env_id=boxworld:BoxWorld-v9"], "env_id='boxworld:BoxWorld-v9'"),
        (["--config.env_id=CartPole-v1", "--config.env_kwargs={}"], "must be a Box image"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path, capfd, arguments, text):
    run_dir = tmp_path / "run"
    assert launch.main([f"--run_dir={run_dir}", *TINY, *arguments]) == 1
    err = capfd.readouterr().err
    assert text in err
    assert err.startswith("error: ") and len(err.strip().splitlines()) == 1
    assert not run_dir.exists()  # the corrected command does not meet a half-made run


def test_an_unknown_config_names_the_known(capfd):
    assert launch.main(["--config=chess"]) == 1
    err = capfd.readouterr().err
    assert "config must be one of boxworld, boxworld_easy, boxworld_paper, got 'chess'" in err


def test_an_unwritable_directory_is_one_clear_line(tmp_path, capfd):
    (tmp_path / "run").write_text("a file where the directory should be")
    assert launch.main([f"--run_dir={tmp_path / 'run'}", *TINY]) == 1
    err = capfd.readouterr().err
    assert err.startswith("error: ") and len(err.strip().splitlines()) == 1
    assert str(tmp_path / "run") in err


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path):
    run_dir = tmp_path / "run"
    assert _finish(_start(run_dir, "--config.total_frames=300"))[0] == 0
    good = _frames(_checkpoints(run_dir)[-1])
    config = json.loads((run_dir / "config.json").read_text())
    config["reward_scale"] = 1e38  # its square is beyond float32
    (run_dir / "config.json").write_text(json.dumps(config))
    status, _, err = _finish(_start(run_dir, "--config.reward_scale=1e38"))
    assert status == 1
    assert "error: the " in err and "Traceback" not in err
    assert _frames(_checkpoints(run_dir)[-1]) >= good
    # The parameters that are kept are finite: the first command's values go on from them.
    config["reward_scale"] = 0.5
    (run_dir / "config.json").write_text(json.dumps(config))
    status, _, err = _finish(_start(run_dir, f"--config.total_frames={good + 5000}"))
    assert status == 0, err
