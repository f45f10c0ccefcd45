"""A tiny run of the launcher, and what it leaves behind."""

import csv
import json

from experiments import launch

# Frames in one unroll are at most 16 * 4.
TINY = [
    "--config=boxworld_easy",
    "--config.env_id=boxworld:BoxWorld-v0",
    "--config.env_kwargs={'room_size': 6, 'num_colors': 4, 'solution_length': 1, "
    "'num_branches': 0, 'max_steps': 10}",
    "--config.curriculum=[]",
    "--config.envs_per_actor=16",
    "--config.batch_size=16",
    "--config.num_passes=1",
    "--config.unroll_length=4",
    "--config.entity_size=8",
    "--config.num_frequencies=2",
    "--config.num_references=0",
    "--config.num_blocks=1",
    "--config.num_heads=1",
    "--config.head_size=8",
    "--config.mlp=[8]",
    "--config.metrics_seconds=0",
    "--config.total_frames=150",
]
RUN_FILES = {
    ".lock",
    "checkpoints",
    "config.json",
    "learning_curve.png",
    "machine.json",
    "metrics.csv",
    "tensorboard",
}


def run(run_dir, *more, without=()):
    """Launches the tiny run, without the values whose names are given."""
    names = [text.partition("=")[0].removeprefix("--config.") for text in TINY]
    texts = [text for name, text in zip(names, TINY, strict=True) if name not in without]
    return launch.main([*texts, f"--run_dir={run_dir}", *more])


def checkpoint_states(run_dir):
    """Returns the states of the checkpoints, the oldest first; a run may go on meanwhile."""
    states = []
    for path in sorted((run_dir / "checkpoints").glob("step-*")):
        try:
            states.append(json.loads((path / "state.json").read_text())["state"])
        except FileNotFoundError:
            assert not path.exists()  # the run has removed it whole, as it does with old ones
    return states


def frames_of(run_dir):
    """Returns the column of frames, without a line that is only half written."""
    text = (run_dir / "metrics.csv").read_text()
    rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    return [int(row["frames"]) for row in rows]
