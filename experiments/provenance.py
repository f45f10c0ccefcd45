"""The command that trains an experiment."""

import shlex

from experiments import configs
from relational_rl.config import Experiment, from_dict, to_dict
from relational_rl.config.tree import paths


def train_command(experiment: Experiment) -> str:
    """Returns a command that trains exactly this: the nearest preset, and what differs.

    It is read off the experiment, not remembered, so that it holds after a preset has changed.
    """
    values = _values(experiment)
    differences: dict[str, dict[str, object]] = {}
    for name in configs.names():
        preset = _values(configs.load(name))
        differences[name] = {
            path: value for path, value in values.items() if preset.get(path, _ABSENT) != value
        }
    nearest = min(differences, key=lambda name: (len(differences[name]), name))
    words = ["relational-rl", "train", f"--config={nearest}"]
    words += [f"--config.{path}={value}" for path, value in sorted(differences[nearest].items())]
    return shlex.join(words)


_ABSENT = object()


def _values(experiment: Experiment) -> dict[str, object]:
    plain = paths(from_dict(to_dict(experiment)))
    return {path: list(v) if isinstance(v, tuple) else v for path, v in plain.items()}
