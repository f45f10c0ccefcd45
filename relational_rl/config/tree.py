"""A configuration as a tree of names and values: to and from JSON, and with some values replaced.

In JSON a part is an object; a choice has its kind as the entry "kind" beside its values.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from relational_rl.config.base import (
    Choice,
    did_you_mean,
    family_of,
    find_choice,
    kind_of,
    shorten,
)
from relational_rl.config.experiment import Experiment, describe_callable
from relational_rl.errors import ConfigError

Part = TypeVar("Part")
_KIND = "kind"


def to_dict(config: Any) -> dict[str, Any]:
    """Returns the values of a part by name, JSON-serialisable."""
    values = {field.name: _plain(getattr(config, field.name)) for field in _fields(config)}
    return {_KIND: kind_of(config), **values} if isinstance(config, Choice) else values


def from_dict(values: Any, cls: type[Part] = Experiment, where: str = "config") -> Part:  # type: ignore[assignment]
    """Makes a part of its values by name; names that are missing take their default.

    Args:
      values: as `to_dict` gives them.
      cls: which part; of a family of choices the entry "kind" says which.
      where: names the part in errors.

    Raises:
      ConfigError: a name is unknown (the message lists the known ones) or a value is wrong.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a mapping of names to values, got {shorten(values)}")
    given = dict(values)
    if issubclass(cls, Choice):
        kind = given.pop(_KIND, cls.kind)
        cls = find_choice(cls, str(kind), f"{where}.{_KIND}")
    annotations = hints(cls)
    for name in given:
        _check_name(cls, str(name), where)
    made = {
        name: _make(annotations[name], value, f"{where}.{name}", _default_kind(cls, name))
        for name, value in given.items()
    }
    return construct(cls, made, where)


def construct(cls: type[Part], values: Mapping[str, Any], where: str) -> Part:
    """Makes a part; an error names it by `where`."""
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from None


def replace(config: Part, changes: Mapping[str, Any], where: str = "config") -> Part:
    """Returns a part with some values replaced.

    Args:
      config: any part.
      changes: new values by dotted path, "learner.learning_rate"; JSON values or parts. The kind of
        a choice is a text: the new one keeps the values that both have.
      where: names the part in errors.

    Raises:
      ConfigError: a path is unknown or a value is wrong.
    """
    # Choices before their values, whatever the order they were given in.
    for path in sorted(changes, key=lambda path: path.count(".")):
        config = _replace(config, path.split("."), changes[path], where)
    return config


def hints(cls: type) -> dict[str, Any]:
    """Returns the annotations of a part's values by name."""
    return typing.get_type_hints(cls, include_extras=True)


def part_of(annotation: Any) -> type | None:
    """Returns the class of a value that is a part, or a part or None; None for other values."""
    for entry in (annotation, *typing.get_args(annotation)):
        if isinstance(entry, type) and (
            dataclasses.is_dataclass(entry) or issubclass(entry, Choice)
        ):
            return entry
    return None


def paths(config: Any, before: str = "") -> dict[str, Any]:
    """Returns every value by its dotted path; a part that is there by the path of its values."""
    found: dict[str, Any] = {}
    for field in _fields(config):
        value = getattr(config, field.name)
        path = before + field.name
        if dataclasses.is_dataclass(value):
            if isinstance(value, Choice):
                found[path] = kind_of(value)
            found |= paths(value, f"{path}.")
        else:
            found[path] = value
    return found


def _replace(config: Any, names: list[str], value: Any, where: str) -> Any:
    name, *rest = names
    cls = type(config)
    _check_name(cls, name, where)
    annotation, now = hints(cls)[name], getattr(config, name)
    inner = f"{where}.{name}"
    if rest and isinstance(now, Mapping):
        new: Any = {**now, ".".join(rest): value}
    elif rest:
        if now is None and part_of(annotation) is not None:
            now = from_dict({}, _default_class(annotation), inner)
        if not dataclasses.is_dataclass(now):
            raise ConfigError(f"{inner} has no value {'.'.join(rest)!r}")
        new = _replace(now, rest, value, inner)
    elif isinstance(value, str) and family_of(annotation) is not None:
        new = switch(now, family_of(annotation), value, inner)
    else:
        new = _make(annotation, value, inner)
    values = {field.name: getattr(config, field.name) for field in _fields(config)}
    return construct(cls, {**values, name: new}, where)


def switch(now: Any, family: Any, kind: str, where: str) -> Any:
    """Returns the choice of a kind, with the values that it shares with the present one."""
    if kind.lower() == "none":
        return None
    named = getattr(type(now), "named", None)
    cls = find_choice(family, named(kind) if named else kind, where)
    if isinstance(now, cls) and type(now) is cls:
        return now
    # A value of the same name means the same only where it comes from the same base: the
    # epsilon of one optimiser is not that of another.
    kept = {
        field.name: getattr(now, field.name)
        for field in _fields(cls)
        if hasattr(now, field.name) and _owner(cls, field.name) is _owner(type(now), field.name)
    }
    return construct(cls, kept, where)


def _owner(cls: type, name: str) -> type | None:
    """Returns the class that declares a value."""
    return next(
        (base for base in cls.__mro__ if name in vars(base).get("__annotations__", ())), None
    )


def _default_class(annotation: Any) -> Any:
    family = family_of(annotation)
    cls = part_of(annotation)
    if family is not None and not family.kind:
        known = ", ".join(sorted(family.kinds()))
        raise ConfigError(f"choose one of {known} before its values are set")
    return cls


def _make(annotation: Any, value: Any, where: str, kind: str = "") -> Any:
    """Makes a part of a mapping, if the value is a part; leaves other values as they are.

    Of a choice that does not say its kind it is the one given.
    """
    cls = part_of(annotation)
    if cls is None or value is None or not isinstance(value, Mapping | str):
        return value
    if isinstance(value, str):
        if not issubclass(cls, Choice):
            return value
        return from_dict({_KIND: value}, cls, where)
    if issubclass(cls, Choice) and kind:
        value = {_KIND: kind, **value}
    return from_dict(value, cls, where)


def _default_kind(cls: type, name: str) -> str:
    """Returns the kind of the choice that is a value's default; "" if it is none."""
    default = next(field.default for field in _fields(cls) if field.name == name)
    if isinstance(default, FieldInfo):
        default = default.get_default(call_default_factory=True, validated_data={})
    return kind_of(default) if isinstance(default, Choice) else ""


def _check_name(cls: type, name: str, where: str) -> None:
    names = [field.name for field in _fields(cls)]
    if name not in names:
        raise ConfigError(
            f"{where}.{name} is unknown{did_you_mean(name, names)}; "
            f"the names in {where} are {', '.join(sorted(names)) or 'none'}"
        )


def _fields(part: Any) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(part) if dataclasses.is_dataclass(part) else ()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_dict(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if callable(value):
        return describe_callable(value)
    return value.item() if hasattr(value, "item") else value
