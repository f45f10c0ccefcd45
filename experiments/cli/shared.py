"""Flags that several commands have, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relational_rl.errors import UsageError

if TYPE_CHECKING:
    from relational_rl.config import EnvSpec, Experiment
    from relational_rl.trained import TrainedAgent

POLICIES = ("sampled", "greedy")


def path(text: str) -> Path:
    """Reads a path; `~` is the home directory."""
    return Path(text).expanduser()


def whole(text: str) -> int:
    """Reads a whole number; 1e6 is one.

    Raises:
      ValueError: the text is none.
    """
    number = float(text) if not text.lstrip("+-").isdigit() else int(text)
    if number != int(number):
        raise ValueError(text)
    return int(number)


whole.__name__ = "whole number"  # as argparse calls it in errors


def add_experiment(parser: argparse.ArgumentParser, run_dir: str) -> None:
    """Adds the flags that say what to train, and where."""
    parser.add_argument(
        "--config",
        required=True,
        help="a preset (`relational-rl configs` lists them) or the path of a .py file; "
        "--config.NAME=VALUE replaces any of its values",
    )
    parser.add_argument("--run_dir", type=path, metavar="DIR", help=f"default: {run_dir}")


def experiment_of(flags: argparse.Namespace) -> "Experiment":
    """Returns the experiment that the flags describe.

    Raises:
      ConfigError: a name is unknown or a value is wrong.
    """
    from experiments import configs
    from relational_rl.config import override

    return override(configs.load(flags.config), flags.texts)


def config_name(flags: argparse.Namespace) -> str:
    """Returns the name of the preset or file, for directories."""
    return Path(flags.config).stem


def add_agent(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which trained agent, and where files go."""
    parser.add_argument("--run_dir", type=path, metavar="DIR", help="of the trained agent")
    parser.add_argument(
        "--pretrained",
        metavar="NAME",
        help=f"instead of --run_dir: an agent that ships with the library ({_shipped()}), or the "
        "path of an exported one",
    )
    parser.add_argument(
        "--out",
        type=path,
        metavar="DIR",
        help="where files go (default: the run directory; runs/pretrained_NAME)",
    )


def add_playing(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say how an agent plays."""
    parser.add_argument("--policy", default="sampled", help="sampled or greedy (default sampled)")
    parser.add_argument("--seed", type=whole, default=0, help="of the sampled actions (default 0)")


def agent_of(flags: argparse.Namespace) -> "tuple[TrainedAgent, Path]":
    """Returns the agent that the flags choose, and the folder for files, which is there.

    Raises:
      UsageError: not exactly one agent is chosen, or it cannot be loaded.
      CheckpointError: the run has no intact checkpoint.
      OSError: the folder cannot be made.
    """
    if (flags.run_dir is None) == (flags.pretrained is None):
        got = "neither" if flags.run_dir is None else "both"
        raise UsageError(
            f"exactly one of --run_dir=DIR and --pretrained=NAME must be given, got {got}; "
            f"NAME is one of {_shipped()}"
        )
    from relational_rl.pretrained import load_pretrained
    from relational_rl.trained import load_run

    if flags.run_dir is not None:
        trained, out = load_run(flags.run_dir), flags.run_dir
    else:
        trained = load_pretrained(str(path(flags.pretrained)))
        out = Path("runs") / f"pretrained_{Path(flags.pretrained).name}"
    out = flags.out or out
    out.mkdir(parents=True, exist_ok=True)
    return trained, out


def env_of(flags: argparse.Namespace, trained: "TrainedAgent") -> "EnvSpec":
    """Returns the environment to play in: what the run was trained for, or another by its id."""
    from experiments.games import other_env

    return other_env(trained.experiment, flags.env_id) if flags.env_id else trained.env


def _shipped() -> str:
    from relational_rl.shipped import names

    return ", ".join(names()) or "none ships with this version"
