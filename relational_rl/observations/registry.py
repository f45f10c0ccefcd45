"""The kinds of entries that an observation may have, in a list that users can add to.

image         Box (H, W, C), or (C, H, W); stacks of them, Box (S, H, W, C)
units         Box (N, F) of floats whose columns say what they mean: a set of objects
objects       Box (N, F) of floats: a set of objects
sequence      Sequence of Box (F,) or Discrete: a set of objects of any number
graph         Graph: nodes are objects, edges a bias on their attention
text          Text, or another space of strings: words or characters
choices       MultiDiscrete, MultiBinary: numbers
vector        Discrete, Box (V,) or (): numbers

A kind is an `entry.Kind`; `register` adds one of a user's own, for instance for pairs of images:

    register(Kind("pair", "a Box pair of images", matches, read))
"""

import gymnasium

from relational_rl.observations import choices, graph, image, objects, sequence, text, units, vector
from relational_rl.observations.entry import Kind

_KINDS: list[Kind] = [
    image.KIND,
    units.KIND,
    objects.KIND,
    sequence.KIND,
    graph.KIND,
    text.KIND,
    choices.KIND,
    vector.KIND,
]


def register(kind: Kind) -> None:
    """Adds a kind of entry, which is asked before those that are there.

    A kind that was registered under the same name gives way.
    """
    _KINDS[:] = [kind, *(other for other in _KINDS if other.name != kind.name)]


def kind_for(space: gymnasium.Space) -> Kind | None:
    """Returns the kind that reads a space, None if there is none."""
    return next((kind for kind in _KINDS if kind.matches(space)), None)


def refusal(key: str | None, space: gymnasium.Space) -> str:
    """Returns the sentence that says why a space of no kind is refused."""
    allowed = list(dict.fromkeys(kind.described for kind in _KINDS))
    if key is None:
        wanted = _either([*allowed, "a Dict or Tuple of these"])
        return f"observation_space must be {wanted}, got {space}"
    return (
        f"observation entry {key!r} must be {_either(allowed)}, got {space}; "
        "leave it out with observation_keys"
    )


def _either(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
