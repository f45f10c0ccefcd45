"""The named experiments ("presets"): one module each, with an `experiment` and its reasons."""

import ast
import importlib
import importlib.util
import pkgutil
from pathlib import Path

from relational_rl.config import Experiment
from relational_rl.config.base import did_you_mean
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
