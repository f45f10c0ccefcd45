"""The named experiments ("presets"): one module each, with an `experiment` and its reasons."""

import ast
import importlib
import importlib.util
import pkgutil
import shlex
from pathlib import Path
from typing import Any

from relational_rl.config import Experiment, from_dict, replace, to_dict
from relational_rl.config.base import did_you_mean
from relational_rl.config.tree import paths
from relational_rl.errors import ConfigError


def names() -> list[str]:
    """Returns the names of all presets."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Experiment:
    """Returns the experiment of a preset.

    Args:
      name: one of `names()`, or the path of a user's own Python file that defines `experiment`.

    Raises:
      ConfigError: there is none of that name, or the file defines none.
    """
    if name.endswith(".py"):
        return _load_file(Path(name).expanduser())
    if name not in names():
        raise ConfigError(
            f"config must be one of {', '.join(names())}, or the path of a .py file, "
            f"got {name!r}{did_you_mean(name, names())}"
        )
    return importlib.import_module(f"{__name__}.{name}").experiment


def _load_file(path: Path) -> Experiment:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"config must be a Python file that exists, got {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"config {str(path)!r}: {type(error).__name__}: {error}") from error
    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        raise ConfigError(
            f"config {str(path)!r} must define `experiment`, a relational_rl.Experiment, "
            f"got {experiment!r}"
        )
    return experiment


def about(name: str) -> str:
    """Returns the first line of what a preset says of itself."""
    spec = importlib.util.find_spec(f"{__name__}.{name}")
    assert spec is not None and spec.origin is not None
    documentation = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    return (documentation or "").split("\n")[0]


def train_command(experiment: Experiment) -> str:
    """Returns a command that trains exactly this: the nearest preset, and what differs.

    It is read off the experiment, not remembered, so that it holds after a preset has changed.
    """
    wanted = _values(experiment)
    presets = {name: load(name) for name in names()}
    counts = {name: len(_differing(preset, wanted)) for name, preset in presets.items()}
    nearest = min(counts, key=lambda name: (counts[name], name))
    changes = _changes(presets[nearest], wanted)
    words = ["relational-rl", "train", f"--config={nearest}"]
    words += [f"--config.{path}={value}" for path, value in sorted(changes.items())]
    return shlex.join(words)


_ABSENT = object()


def _changes(experiment: Experiment, wanted: dict[str, Any]) -> dict[str, Any]:
    """Returns the fewest values to set, by path: another choice brings its own defaults."""
    changes: dict[str, Any] = {}
    while different := sorted(_differing(experiment, wanted) - changes.keys(), key=_order):
        path = different[0]
        changes[path] = wanted[path]
        experiment = replace(experiment, {path: wanted[path]})
    return changes


def _order(path: str) -> tuple[int, str]:
    """Choices come before their values, as on the command line."""
    return path.count("."), path


def _differing(experiment: Experiment, wanted: dict[str, Any]) -> set[str]:
    here = _values(experiment)
    return {path for path, value in wanted.items() if here.get(path, _ABSENT) != value}


def _values(experiment: Experiment) -> dict[str, Any]:
    plain = paths(from_dict(to_dict(experiment)))
    return {path: list(v) if isinstance(v, tuple) else v for path, v in plain.items()}
