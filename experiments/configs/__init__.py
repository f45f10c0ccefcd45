"""The named experiments: one module each, with a `config` and the reasons for its values."""

import importlib
import pkgutil

from relational_rl.config import Config


def names() -> list[str]:
    """Returns the names of all experiments."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Config:
    """Returns the config of an experiment.

    Raises:
      ValueError: there is none of that name; the message lists the names.
    """
    if name not in names():
        raise ValueError(f"config must be one of {', '.join(names())}, got {name!r}")
    return importlib.import_module(f"{__name__}.{name}").config
