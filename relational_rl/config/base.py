"""What every part of a configuration is: a frozen dataclass, validated when made.

`part` makes a class such a dataclass (on pydantic, which converts and validates the values). A
`Choice` is a part that stands for one of several implementations: it owns the values that this
implementation needs, and nothing else, and builds it. In JSON and on the command line a choice is
named by its kind, or by an import path, `my_package.module:Class`, if it is a user's own.
"""

import dataclasses
import difflib
import functools
import importlib
import typing
from collections.abc import Callable, Iterable
from typing import Annotated, Any, ClassVar, TypeVar

import pydantic
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from relational_rl.errors import ConfigError

Part = TypeVar("Part")


def _whole(value: Any) -> Any:
    """Takes 1e6 and NumPy's integers for whole numbers, but neither texts nor booleans."""
    if isinstance(value, bool | str):
        raise ValueError("must be a whole number")
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError("must be a whole number")
        return int(value)
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


_LARGEST = 2**62  # whole numbers must fit where TensorFlow and NumPy count with 64 bits
Whole = Annotated[int, pydantic.BeforeValidator(_whole), Field(le=_LARGEST)]
"""A whole number; `1e6` is one."""
Natural = Annotated[Whole, Field(ge=0)]
"""A whole number, at least 0."""
Count = Annotated[Whole, Field(ge=1)]
"""A whole number, at least 1."""
Number = Annotated[float, pydantic.BeforeValidator(_number), Field(allow_inf_nan=False)]
"""A finite number."""
Positive = Annotated[Number, Field(gt=0)]
"""A finite number above 0."""
NonNegative = Annotated[Number, Field(ge=0)]
"""A finite number, at least 0."""
Share = Annotated[Number, Field(ge=0, le=1)]
"""A number in [0, 1]."""
Sizes = tuple[Count, ...]
"""Sizes of layers."""
Switch = pydantic.StrictBool
"""True or false."""


def value(default: Any, meaning: str, **rules: Any) -> Any:
    """Declares a value of a part.

    Args:
      default: its default; a class without arguments to make one, for mutable and nested defaults.
      meaning: what it is, in a few words; `relational-rl configs NAME` prints it.
      **rules: of `pydantic.Field`.
    """
    if isinstance(default, type):
        return Field(default_factory=default, description=meaning, **rules)
    return Field(default=default, description=meaning, **rules)


@typing.dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(value,))
def part(cls: type[Part]) -> type[Part]:
    """Makes a class a part of the configuration.

    A wrong value raises `ConfigError`, one line that names the value, the rule and what was given.
    """
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    made = dataclass(frozen=True, kw_only=True, config=config)(cls)
    init: Callable[..., None] = made.__init__

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **values: Any) -> None:
        try:
            init(self, *args, **values)
        except pydantic.ValidationError as error:
            raise _error(made, error) from None

    made.__init__ = checked  # type: ignore[method-assign, misc]
    return typing.cast(type[Part], made)


class Choice:
    """A part that is one of several implementations.

    Attributes:
      kind: its name in JSON and on the command line; "" for classes that are only bases.
    """

    kind: ClassVar[str] = ""

    @classmethod
    def kinds(cls) -> dict[str, type]:
        """Returns all choices of this family by kind."""
        found = {cls.kind: cls} if cls.kind and _is_ours(cls) else {}
        for child in cls.__subclasses__():
            found |= child.kinds()
        return found


def kind_of(choice: Any) -> str:
    """Returns what names a choice: its kind or its import path."""
    cls = type(choice)
    if isinstance(choice, Choice) and cls.kind and _is_ours(cls):
        return cls.kind
    return f"{cls.__module__}:{cls.__qualname__}"


def _is_ours(cls: type) -> bool:
    """Whether a class is the package's own; a user's is named by its import path."""
    return cls.__module__.startswith("relational_rl.")


def find_choice(family: type[Choice], name: str, where: str) -> type:
    """Returns the class of a choice by its kind or import path.

    Raises:
      ConfigError: there is none; `where` names the value in the message.
    """
    kinds = family.kinds()
    if name in kinds:
        return kinds[name]
    if ":" not in name:
        known = ", ".join(sorted(kinds))
        raise ConfigError(
            f"{where} must be one of {known} or an import path 'package.module:Class', "
            f"got {shorten(name)}{did_you_mean(name, kinds)}"
        )
    found = import_path(name, where)
    if not isinstance(found, type) or not issubclass(found, family):
        raise ConfigError(
            f"{where} must be a subclass of {family.__module__}.{family.__qualname__}, "
            f"got {shorten(name)}"
        )
    return found


def import_path(path: str, where: str) -> Any:
    """Imports `package.module:name`.

    Raises:
      ConfigError: it cannot be imported; `where` names the value in the message.
    """
    module, _, name = path.partition(":")
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        reason = str(error) if len(str(error)) <= 200 else type(error).__name__
        raise ConfigError(f"{where}: cannot import {shorten(path)}: {reason}") from error


def family_of(annotation: Any) -> type[Choice] | None:
    """Returns the family of a value that is a choice, or a choice or None; None for others."""
    for entry in (annotation, *typing.get_args(annotation)):
        if isinstance(entry, type) and issubclass(entry, Choice):
            return entry
    return None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns '; did you mean ...?' for the known names that look like `name`, "" if none does."""
    alike = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(each) for each in alike)}?" if alike else ""


_RULES = {
    "is_instance_of": "must be a {class}",
    "dataclass_type": "must be a {class_name}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "finite_number": "must be finite",
    "literal_error": "must be one of {expected}",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing_size": "must be a whole number of at most 62 bits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


def _error(cls: type, error: pydantic.ValidationError) -> ConfigError:
    """Returns one line for the first thing that is wrong with the values of a part."""
    first = error.errors(include_url=False)[0]
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    name = str(first["loc"][0]) if first["loc"] else cls.__name__
    if first["type"] == "unexpected_keyword_argument":
        return ConfigError(
            f"{name} is unknown to {cls.__name__}{did_you_mean(name, names)}; "
            f"its values are {', '.join(names) or 'none'}"
        )
    if not first["loc"]:  # raised by the part's own check, which names everything
        return ConfigError(str(first["msg"]).removeprefix("Value error, "))
    place = "".join(f"[{entry}]" for entry in first["loc"][1:] if isinstance(entry, int))
    rule = _RULES.get(first["type"], first["msg"].removeprefix("Value error, "))
    rule = rule.format(**first.get("ctx", {}))
    if first["type"] == "literal_error":
        rule = rule.replace("'", "").replace(" or ", ", ")
    return ConfigError(f"{name}{place} {rule}, got {shorten(first['input'])}")


def shorten(given: Any) -> str:
    """Returns a value as it was given, cut where it is very long."""
    try:
        text = repr(given)
    except ValueError:  # an integer of more digits than Python prints
        text = f"a {type(given).__name__} too large to print"
    return text if len(text) <= 200 else f"{text[:200]}..."
