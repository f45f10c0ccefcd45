"""Reads the command line and runs a sub-command."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from relational_rl.errors import FAILURES, UsageError

COMMANDS = (
    "train", "evaluate", "generalise", "attention", "export", "results", "benchmark", "configs",
    "imitate", "demo",
)  # fmt: skip

# The packages that an extra of the distribution brings, by what they are needed for.
_EXTRAS = {
    "train": (
        "training and evaluation need TensorFlow",
        ("tensorflow", "sonnet", "pydantic", "scipy", "matplotlib", "PIL", "tensorboard", "tqdm",
         "threadpoolctl", "jinja2"),
    ),
    "ray": ("this backend needs Ray", ("ray",)),
    "sc2": ("StarCraft II needs PySC2", ("pysc2", "s2clientprotocol", "websocket")),
    "examples": (
        "this comparison needs other libraries", ("torch", "minigrid", "stable_baselines3")
    ),
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """A parser that answers a usage error with one line, and suggests what was meant."""

    def error(self, message: str) -> NoReturn:
        """Prints the error and exits with status 2."""
        self.exit(2, f"error: {message}\n(--help lists what there is)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; returns the exit status: 0 done, 1 failed, 2 wrong usage."""
    if arguments is None:  # import paths reach files of the working directory, as with `python -m`
        sys.path.append(os.getcwd())
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        flags = parse(given)
        return flags.run(flags) or 0
    except BrokenPipeError:  # whoever read the output has enough
        sys.stderr.close()
        return 0
    except FAILURES as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if not (line := _install(error.name)):
            raise
        print(f"error: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before a training began, or for the second time
        print("error: interrupted", file=sys.stderr)
        return 130


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads a command line; `flags.texts` holds the values `--config.NAME=VALUE` by name.

    Raises:
      UsageError: a flag is unknown.
    """
    flags, rest = parser().parse_known_args(list(arguments))
    flags.texts = _config_texts(rest, flags)
    return flags


def parser() -> Parser:
    """Returns the parser of all commands."""
    whole = Parser(
        prog="relational-rl",
        description="Relational deep reinforcement learning: train agents, evaluate them, and see "
        "why they act.",
        allow_abbrev=False,
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"experiments.cli.{name}")
        command = commands.add_parser(
            name, help=module.HELP, description=module.HELP, allow_abbrev=False
        )
        module.add_flags(command)
        command.set_defaults(run=module.run, flags_known=_flags_of(command))
    return whole


def _config_texts(rest: Sequence[str], flags: argparse.Namespace) -> dict[str, str]:
    """Returns the values `--config.NAME=VALUE` by name.

    Raises:
      UsageError: something else is among the arguments.
    """
    if not rest:
        return {}
    from relational_rl.config.base import did_you_mean

    texts = {}
    takes_config = hasattr(flags, "config")
    for argument in rest:
        name, separator, text = argument.removeprefix("--config.").partition("=")
        if not (takes_config and argument.startswith("--config.") and separator):
            flag = argument.partition("=")[0]
            hint = "; values of the configuration are --config.NAME=VALUE" if takes_config else ""
            raise UsageError(
                f"unknown argument {argument!r}{did_you_mean(flag, flags.flags_known)}{hint}"
            )
        texts[name] = text
    return texts


def _install(module: str | None) -> str:
    """Returns what to install for a missing module, "" if no extra brings it."""
    package = (module or "").partition(".")[0]
    for extra, (need, packages) in _EXTRAS.items():
        if package in packages:
            return f"{need} (no module {package!r}): pip install 'relational-deep-rl[{extra}]'"
    return ""


def _flags_of(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings]
