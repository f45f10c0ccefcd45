"""Export a trained agent: python -m experiments.export --run_dir=DIR --name=NAME.

Writes the agent of a run, without its optimiser, into a folder of a few hundred KB that ships with
the project, so that other commands know it by --pretrained=NAME.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.evaluate import evaluate
from experiments.launch import MACHINE_FILE, UsageError, check_learned_by_reinforcement
from experiments.pretrained import CARD_FILE, SHIPPED, Card, save_pretrained
from experiments.provenance import launch_command
from experiments.trained import COMMAND_ERRORS, TrainedAgent, load_trained_agent

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
    trained = load_trained_agent(run_dir)
    _check_finished(run_dir, trained, unfinished)
    machine = run_dir / MACHINE_FILE
    return save_pretrained(
        trained,
        directory,
        {
            "command": launch_command(trained.config),
            "sessions": json.loads(machine.read_text()) if machine.exists() else [],
            "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "evaluation": (
                _evaluated(trained, min_solved, num_levels, progress) if min_solved else None
            ),
            "min_solved": min_solved,
        },
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    known = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        directory = _new_directory(known.name, known.to, known.replace)
        card = export(
            known.run_dir, directory, known.min_solved, known.levels, known.unfinished, True
        )
    except COMMAND_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in directory.iterdir())
    print(card.description)
    if card.evaluation:
        print(f"solves {card.evaluation['share']:.2%} of {card.evaluation['num_levels']:,} levels")
    print(f"written to {directory} ({size / 1024:.0f} KB)")
    shown = known.name if directory.parent == SHIPPED else directory
    print(f"evaluate it: python -m experiments.evaluate --pretrained={shown}")
    return 0


def _check_finished(run_dir: Path, trained: TrainedAgent, unfinished: bool) -> None:
    if unfinished or trained.ended:
        return
    config = trained.config
    minutes = f"{trained.minutes:.1f}"
    if config.max_minutes:
        minutes += f" of {config.max_minutes:g}"
    stages = max(len(config.curriculum), 1)
    raise UsageError(
        f"the training in {run_dir} is not over: {trained.frames:,} of {config.total_frames:,} "
        f"frames, {minutes} minutes, stage {trained.stage + 1} of {stages}; go on training, or "
        "export the agent as it is with --unfinished"
    )


def _evaluated(
    trained: TrainedAgent, min_solved: float, num_levels: int, progress: bool
) -> dict[str, Any]:
    """Returns what the agent solves; raises UsageError if that is less than the floor."""
    evaluation, _ = evaluate(trained, num_levels=num_levels, baseline=False, progress=progress)
    if evaluation.solved is None:
        raise UsageError(
            f"min_solved needs an environment that says whether a level was solved, "
            f"got env_id={trained.config.env_id!r}"
        )
    if evaluation.solved.value < min_solved:
        raise UsageError(
            f"the agent must solve min_solved={min_solved:.1%} of {num_levels:,} levels, "
            f"got {evaluation.solved.value:.1%}"
        )
    names = ("environment", "env_kwargs", "policy", "seed", "first_level", "num_levels")
    found = evaluation.to_dict()
    return {name: found[name] for name in names} | found["solved"]


def _new_directory(name: str, to: Path | None, replace: bool) -> Path:
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
    if (directory / CARD_FILE).exists() and not replace:
        raise UsageError(f"{directory} is there already; choose another --name, or --replace it")
    return directory


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.export",
        description="Write a run's agent into a small folder that --pretrained=NAME loads.",
        allow_abbrev=False,
    )
    parser.add_argument("--run_dir", type=Path, required=True, help="of the trained agent")
    parser.add_argument("--name", required=True, help="of the agent, for --pretrained=NAME")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="default: experiments/pretrained of the checkout"
    )
    parser.add_argument(
        "--min_solved",
        type=float,
        metavar="SHARE",
        help="refuse an agent that solves less; a test holds that it goes on solving as much",
    )
    parser.add_argument(
        "--levels", type=int, default=_LEVELS, help=f"for --min_solved (default {_LEVELS})"
    )
    parser.add_argument(
        "--unfinished", action="store_true", help="even if the training is not over"
    )
    parser.add_argument("--replace", action="store_true", help="an agent of the same name")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
