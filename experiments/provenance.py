"""The command that trains an experiment."""

import shlex
from typing import Any

from experiments import configs
from relational_rl.config import Experiment, from_dict, replace, to_dict
from relational_rl.config.tree import paths


def train_command(experiment: Experiment) -> str:
    """Returns a command that trains exactly this: the nearest preset, and what differs.

    It is read off the experiment, not remembered, so that it holds after a preset has changed.
    """
    wanted = _values(experiment)
    presets = {name: configs.load(name) for name in configs.names()}
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
