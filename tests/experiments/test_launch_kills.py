"""What a run survives: the launcher in whole processes, killed and interrupted."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launched import RUN_FILES, TINY, checkpoint_states, frames_of, run

pytestmark = pytest.mark.usefixtures("eager")


ROOT = Path(__file__).resolve().parents[2]
LAUNCH = [sys.executable, "-m", "experiments.launch"]


@pytest.fixture
def start():
    """Starts the command in a process of its own; its output goes to files beside the run."""
    with contextlib.ExitStack() as stack:

        def start(run_dir, *more):
            command = [*LAUNCH, *TINY, f"--run_dir={run_dir}", *more]
            with (
                open(run_dir.with_suffix(".out"), "w") as out,
                open(run_dir.with_suffix(".err"), "w") as err,
            ):
                process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)
            stack.enter_context(process)  # waits, after what follows has ended it
            stack.callback(process.kill)
            return process

        yield start


def wait_until(condition, process, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def newest_frames(run_dir):
    """Returns the frames of the newest checkpoint; -1 if there is none."""
    states = checkpoint_states(run_dir)
    return states[-1]["frames"] if states else -1


def test_a_run_survives_three_kills_and_an_interruption(start, tmp_path):
    run_dir = tmp_path / "run"
    out = run_dir.with_suffix(".out")
    more = ("--config.checkpoint_seconds=0", "--config.total_frames=1_000_000")
    moments = random.Random(0)
    saved = -1
    for kill in range(3):
        process = start(run_dir, *more)
        wait_until(lambda: "parameters:" in out.read_text(), process)
        if kill:  # it goes on from what was saved last, wherever the kill before fell
            wait_until(lambda: "resumed at" in out.read_text(), process)
            found = re.search(r"resumed at ([\d,]+) frames", out.read_text())
            assert int(found[1].replace(",", "")) == saved
        if kill % 2 == 0:  # while it saves, again and again; else while it still compiles
            wait_until(lambda before=saved: newest_frames(run_dir) > before, process)
        time.sleep(moments.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
        assert newest_frames(run_dir) >= saved
        saved = newest_frames(run_dir)
        frames = frames_of(run_dir) if (run_dir / "metrics.csv").exists() else []
        assert frames == sorted(set(frames))
        assert (frames[-1] if frames else 0) >= saved
    assert saved > 0

    process = start(run_dir, *more)
    wait_until(lambda: newest_frames(run_dir) > saved, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    errors = run_dir.with_suffix(".err").read_text()
    assert "Traceback" not in errors
    last = out.read_text().splitlines()[-1]
    frames = newest_frames(run_dir)
    assert last.startswith(f"{frames:,} frames in ")
    assert last.endswith(": interrupted and saved; rerun the command to resume")
    assert frames_of(run_dir)[-1] == frames
    assert {path.name for path in run_dir.iterdir()} >= RUN_FILES

    # Here, without a process: the same command, to an end that is near.
    assert run(run_dir, *more, f"--config.total_frames={frames + 1}") == 0
    column = frames_of(run_dir)
    assert column == sorted(set(column))
    assert frames < column[-1] <= frames + 64
    assert len(json.loads((run_dir / "machine.json").read_text())) == 5


def test_errors_of_the_command_are_one_line_and_status_1(start, tmp_path):
    process = start(tmp_path / "run", "--config.seed=three")
    assert process.wait(300) == 1
    errors = (tmp_path / "run.err").read_text()
    assert errors == "error: config.run.seed must be a whole number, got 'three'\n"
    assert (tmp_path / "run.out").read_text() == ""


def test_tensorflow_is_quiet():
    code = """
import numpy as np
import relational_rl as rrl
from gymnasium.spaces import Box, Discrete
from relational_rl.observations.spec import EnvironmentSpec
spec = EnvironmentSpec.from_spaces(Box(0, 255, (4, 4, 3), np.uint8), Discrete(4))
agent = rrl.Relational(mlp=(8,)).build(spec)
image = np.zeros((2, 4, 4, 3), np.uint8)
step, _ = agent.act({"image": image}, agent.initial_state(2), np.zeros((2, 1)))
print(step.actions.shape)
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=300,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "(2,)\n", "")
