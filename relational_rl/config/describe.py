"""Every value of a configuration with its meaning, for people."""

import dataclasses
from typing import Any

from relational_rl.config.base import Choice, kind_of
from relational_rl.config.tree import to_dict


@dataclasses.dataclass(frozen=True)
class Described:
    """One value.

    Attributes:
      path: dotted, "learner.learning_rate".
      value: as JSON would have it; of a choice its kind.
      meaning: what it is, in a few words.
    """

    path: str
    value: Any
    meaning: str


def describe(config: Any, before: str = "") -> list[Described]:
    """Returns every value of a part, depth first, with what it means."""
    described = []
    plain = to_dict(config)
    for field in dataclasses.fields(config):
        value, path = getattr(config, field.name), before + field.name
        meaning = _meaning(config, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            kind = kind_of(value) if isinstance(value, Choice) else ""
            described.append(Described(path, kind, meaning))
            described += describe(value, f"{path}.")
        else:
            described.append(Described(path, plain[field.name], meaning))
    return described


def _meaning(config: Any, name: str) -> str:
    info = getattr(type(config), "__pydantic_fields__", {}).get(name)
    return (info.description or "") if info is not None else ""
