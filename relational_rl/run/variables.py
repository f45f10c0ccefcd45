"""The variables of objects (modules, optimisers) by their paths of attributes."""

from collections.abc import Iterator, Mapping
from typing import Any

from relational_rl._quiet import tf


def kind_of(variable: tf.Variable) -> str:
    """Returns a variable's dtype and shape in words, e.g. "float32 [3, 64]"."""
    return f"{variable.dtype.name} {variable.shape.as_list()}"


def named_variables(trackables: Mapping[str, Any]) -> dict[str, tf.Variable]:
    """Returns every variable of some objects by its path of attributes."""
    return {name: x for name, x in _walk(trackables) if isinstance(x, tf.Variable)}


def children_of(trackables: Mapping[str, Any]) -> dict[str, bool]:
    """Returns, for every object by its path of attributes, whether it has children."""
    return {name: bool(tf.train.TrackableView.children(x)) for name, x in _walk(trackables)}


def _walk(trackables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields every object once, with its path of attributes, breadth first."""
    queue = sorted(trackables.items())
    seen: set[int] = set()
    while queue:
        name, trackable = queue.pop(0)
        if id(trackable) in seen:
            continue
        seen.add(id(trackable))
        yield name, trackable
        children = tf.train.TrackableView.children(trackable)
        queue += [(f"{name}/{child}", x) for child, x in sorted(children.items())]
