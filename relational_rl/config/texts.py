"""Values given as texts, as on a command line."""

import ast
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from relational_rl.config import old_names
from relational_rl.config.base import did_you_mean, family_of, shorten
from relational_rl.config.experiment import Experiment
from relational_rl.config.tree import hints, part_of, paths, replace
from relational_rl.errors import ConfigError

_LONGEST = 10_000


def override(experiment: Experiment, texts: Mapping[str, str]) -> Experiment:
    """Replaces values by what their texts say.

    Numbers, lists and mappings are written as in Python, true, false and null as in JSON; texts as
    they are. A name is a dotted path (learner.learning_rate) or an old flat name (learning_rate). A
    name that is neither, but an argument of the environment that is set already, replaces that one.

    Raises:
      ConfigError: a name is unknown or a value is wrong.
    """
    changed = experiment
    chosen = {name: _read(changed, name, texts[name]) for name in texts if name in _CHOICES}
    if chosen:
        changed = old_names.from_flat(chosen, changed)
    # What chooses an implementation comes before the values of that implementation.
    dotted = sorted((name for name in texts if not _is_old(name)), key=lambda name: name.count("."))
    kinds = [name for name in dotted if _is_kind(changed, name)]
    for name in kinds:
        changed = _apply(changed, name, texts[name])
    moved = {name: _read(changed, name, texts[name]) for name in texts if name in old_names.MOVED}
    for name in moved:
        _check_there(changed, name)
    changed = old_names.set_old(changed, moved)
    for name in dotted:
        if name not in kinds:
            changed = _apply(changed, name, texts[name])
    return changed


def parse(name: str, text: str) -> Any:
    """Reads a Python or JSON value; a text that is neither stands for itself.

    Raises:
      ConfigError: it begins like a list or mapping and is none, or is too long.
    """
    if len(text) > _LONGEST:
        raise ConfigError(f"{name} must have at most {_LONGEST} characters, got {len(text)}")
    words = {"true": True, "false": False, "null": None, "none": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        if text.lstrip()[:1] in tuple("([{\"'-+"):
            raise ConfigError(f"{name} must be a Python value, got {shorten(text)}") from None
        return text


_CHOICES = old_names.CHOICES


def _is_old(name: str) -> bool:
    return name in old_names.MOVED or name in _CHOICES


def _read(experiment: Experiment, name: str, text: str) -> Any:
    """Reads the value of an old name."""
    for place in old_names.MOVED.get(name, ()):
        if _is_text(experiment, place):
            return text
    return parse(f"config.{name}", text)


def _check_there(experiment: Experiment, name: str) -> None:
    """Checks that an old name has a place in a configuration."""
    places = old_names.MOVED[name]
    if name == "num_references" or any(_exists(experiment, place) for place in places):
        return
    raise ConfigError(f"config.{name} does nothing here: there is no {' or '.join(places)}")


def _exists(experiment: Any, path: str) -> bool:
    try:
        functools.reduce(getattr, path.split("."), experiment)
    except AttributeError:
        return False
    return True


def _is_kind(experiment: Experiment, path: str) -> bool:
    """Whether a path is that of a choice."""
    *before, last = path.split(".")
    try:
        holder = functools.reduce(getattr, before, experiment)
        return family_of(hints(type(holder)).get(last)) is not None
    except AttributeError:
        return False


def _apply(experiment: Experiment, name: str, text: str) -> Experiment:
    known = paths(experiment)
    top = {field.split(".")[0] for field in known} | {"env", "source", "run", "curriculum"}
    if name.split(".")[0] not in top:
        if name in experiment.env.kwargs:
            name = f"env.kwargs.{name}"
        else:
            raise ConfigError(_unknown(name, known))
    as_text = _is_text(experiment, name)
    return replace(experiment, {name: text if as_text else parse(f"config.{name}", text)})


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    last = {path.rpartition(".")[2]: path for path in known}
    hint = f"; did you mean {last[name]!r}?" if name in last else ""
    hint = hint or did_you_mean(name, [*known, *old_names.MOVED, *old_names.CHOICES])
    return (
        f"config.{name} is unknown{hint}; an argument of the environment is "
        f"config.env.kwargs.{name}, and `relational-rl configs NAME` lists all names"
    )


def _is_text(experiment: Any, path: str) -> bool:
    """Whether the value of a path is a text or the kind of a choice, and is not to be parsed."""
    name, _, rest = path.partition(".")
    annotation = hints(type(experiment)).get(name)
    if rest:
        inner = getattr(experiment, name, None)
        if isinstance(inner, Mapping):
            return isinstance(inner.get(rest), str)
        if inner is None:
            cls = part_of(annotation)
            annotation = hints(cls).get(rest) if cls is not None else None
            return _texts_only(annotation)
        return _is_text(inner, rest)
    return _texts_only(annotation)


def _texts_only(annotation: Any) -> bool:
    if family_of(annotation) is not None:
        return True
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        return str in typing.get_args(annotation)
    return annotation is str
