"""Exporting a trained agent: a folder of some hundred KB, without the optimiser."""

import re
import time
from pathlib import Path
from typing import Any

from experiments.configs import train_command
from experiments.evaluation.evaluate import evaluate
from experiments.training import check_learned_by_reinforcement
from relational_rl.errors import UsageError
from relational_rl.pretrained import Card, save_pretrained
from relational_rl.run.directory import read_sessions
from relational_rl.shipped import CARD, SHIPPED
from relational_rl.trained import TrainedAgent, load_run

_LEVELS = 1000


def export(
    run_dir: Path,
    directory: Path,
    min_solved: float | None = None,
    num_levels: int = _LEVELS,
    unfinished: bool = False,
    progress: bool = False,
) -> Card:
    """Writes the agent of a run into a folder.

    Args:
      run_dir: of the run.
      directory: the agent's; its name becomes the agent's.
      min_solved: a share; the agent must solve so much of `num_levels` levels now, and a test
        holds that it goes on doing so. None evaluates nothing.
      num_levels: how many.
      unfinished: whether to export an agent whose training is not over.
      progress: whether to show a progress bar.

    Raises:
      UsageError: the agent is not one to ship; the message says why.
      CheckpointError: the run has no intact checkpoint.
      OSError: a file cannot be written.
    """
    if min_solved is not None and not 0 < min_solved <= 1:
        raise UsageError(f"min_solved must be in (0, 1], got {min_solved}")
    check_learned_by_reinforcement(run_dir)
    trained = load_run(run_dir)
    _check_finished(run_dir, trained, unfinished)
    return save_pretrained(
        trained,
        directory,
        {
            "command": train_command(trained.experiment),
            "sessions": read_sessions(run_dir) or [],
            "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "evaluation": (
                _evaluated(trained, min_solved, num_levels, progress) if min_solved else None
            ),
            "min_solved": min_solved,
        },
    )


def _check_finished(run_dir: Path, trained: TrainedAgent, unfinished: bool) -> None:
    if unfinished or trained.ended:
        return
    experiment = trained.experiment
    minutes = f"{trained.minutes:.1f}"
    if experiment.run.max_minutes:
        minutes += f" of {experiment.run.max_minutes:g}"
    stages = len(experiment.stages)
    raise UsageError(
        f"the training in {run_dir} is not over: {trained.frames:,} of "
        f"{experiment.run.total_frames:,} frames, {minutes} minutes, stage {trained.stage + 1} of "
        f"{stages}; go on training, or export the agent as it is with --unfinished"
    )


def _evaluated(
    trained: TrainedAgent, min_solved: float, num_levels: int, progress: bool
) -> dict[str, Any]:
    """Returns what the agent solves; raises UsageError if that is less than the floor."""
    evaluation, _ = evaluate(trained, num_levels=num_levels, baseline=False, progress=progress)
    if evaluation.solved is None:
        raise UsageError(
            f"min_solved needs an environment that says whether a level was solved, "
            f"got env={trained.experiment.env.name!r}"
        )
    if evaluation.solved.value < min_solved:
        raise UsageError(
            f"the agent must solve min_solved={min_solved:.1%} of {num_levels:,} levels, "
            f"got {evaluation.solved.value:.1%}"
        )
    names = ("environment", "env_kwargs", "policy", "seed", "first_level", "num_levels")
    found = evaluation.to_dict()
    return {name: found[name] for name in names} | found["solved"]


def new_directory(name: str, to: Path | None, replace: bool) -> Path:
    """Returns the folder for an agent of this name.

    Raises:
      UsageError: the name is no name, is taken, or this is no checkout to write into.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name):
        raise UsageError(f"name must be of lower-case letters, digits and '_', got {name!r}")
    if to is None and not (SHIPPED.parents[1] / "setup.cfg").exists():
        raise UsageError(
            "only a checkout of the project has a place for agents that ship with it; "
            "give --to=DIR, and load the agent by --pretrained=DIR/NAME"
        )
    directory = (to or SHIPPED) / name
    if (directory / CARD).exists() and not replace:
        raise UsageError(f"{directory} is there already; choose another --name, or --replace it")
    return directory
