"""Which agent a command is about, and where its files go: --run_dir or --pretrained, and --out."""

import argparse
from pathlib import Path

from experiments import pretrained
from experiments.launch import UsageError
from experiments.pretrained import load_pretrained
from experiments.trained import TrainedAgent, load_trained_agent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the three arguments to a command."""
    shipped = ", ".join(pretrained.names()) or "none yet"
    parser.add_argument("--run_dir", type=Path, metavar="DIR", help="of the trained agent")
    parser.add_argument(
        "--pretrained",
        metavar="NAME",
        help=f"instead of --run_dir: an agent that ships with the project ({shipped}), or the "
        "path of an exported one",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where files go (default: the run directory; runs/pretrained_NAME)",
    )


def load_chosen(known: argparse.Namespace) -> tuple[TrainedAgent, Path]:
    """Returns the agent that the arguments choose, and the folder for files, which is there.

    Raises:
      UsageError: not exactly one agent is chosen, or it cannot be loaded.
      CheckpointError: the run has no intact checkpoint.
      OSError: the folder cannot be made.
    """
    if (known.run_dir is None) == (known.pretrained is None):
        got = "neither" if known.run_dir is None else "both"
        shipped = ", ".join(pretrained.names()) or "(none ships with this version)"
        raise UsageError(
            f"exactly one of --run_dir=DIR and --pretrained=NAME must be given, got {got}; "
            f"NAME is one of {shipped}"
        )
    if known.run_dir is not None:
        trained, out = load_trained_agent(known.run_dir), known.run_dir
    else:
        trained = load_pretrained(known.pretrained)
        out = Path("runs") / f"pretrained_{Path(known.pretrained).name}"
    out = known.out or out
    out.mkdir(parents=True, exist_ok=True)
    return trained, out
