"""The kinds of entries that an observation may have, in a list that users can add to.

image         Box (H, W, C), or (C, H, W)
objects       Box (N, F) of floats: a set of objects
vector        Discrete, Box (V,): numbers

A kind is an `entry.Kind`; `register` adds one of a user's own, for instance for MultiBinary:

    register(Kind("switches", "a MultiBinary", matches, read))
"""

import gymnasium

from relational_rl.observations import image, objects, vector
from relational_rl.observations.entry import Kind

_KINDS: list[Kind] = [image.KIND, objects.KIND, vector.KIND]


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
    allowed = [kind.described for kind in _KINDS]
    if key is None:
        return f"observation_space must be {_either([*allowed, 'a Dict of these'])}, got {space}"
    return (
        f"observation entry {key!r} must be {_either(allowed)}, got {space}; "
        "leave it out with observation_keys"
    )


def _either(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
