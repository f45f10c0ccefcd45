"""What truly belongs together in a Box-World scene, by the rules of the game.

The solution path runs key 1, lock 1, key 2, lock 2, ... gem. The next target is where the agent has
to go now: the path's lock of the key that it holds, else the key or gem that lies free.
"""

from collections.abc import Iterator
from typing import NamedTuple

from experiments.attention.scene import Scene, Thing

NEXT = "agent -> next target"
PATH_LOCK = "agent -> path's lock among locks of its colour"
HELD_TO_PATH = "held key -> path's lock among locks of its colour"
HELD_TO_LOCKS = "held key -> its locks"
KEY_TO_LOCKS = "key on the board -> its locks"
LOCK_TO_CONTENT = "lock -> its content"
CONTENT_TO_LOCK = "content -> locks it opens"
GEM_TO_NEXT = "gem -> next target"
TO_AGENT = "every object -> agent"

RELATIONS = (
    NEXT, PATH_LOCK, HELD_TO_PATH, HELD_TO_LOCKS, KEY_TO_LOCKS, LOCK_TO_CONTENT, CONTENT_TO_LOCK,
    GEM_TO_NEXT, TO_AGENT,
)  # fmt: skip


class Pair(NamedTuple):
    """Something that could attend to what it belongs to.

    Attributes:
      relation: one of RELATIONS.
      source: what attends.
      targets: what it belongs to.
      others: what it could attend to instead.
    """

    relation: str
    source: Thing
    targets: list[Thing]
    others: list[Thing]


def next_target(scene: Scene) -> Thing | None:
    """Returns where the agent has to go now; None in a dead end."""
    held = scene.held
    if held is not None:
        return next(
            (t for t in scene.things if t.kind == "lock" and t.on_path and t.color == held.color),
            None,
        )
    locked = {thing.box for thing in scene.things if thing.kind == "lock"}
    free = [t for t in scene.things if t.kind in ("key", "gem") and t.on_path]
    return next((thing for thing in free if thing.box not in locked), None)


def lock_after_next(scene: Scene) -> Thing | None:
    """Returns the path's lock after the one that is to be opened next; None where there is none."""
    locks = [thing for thing in scene.things if thing.kind == "lock" and thing.on_path]
    locks.sort(key=lambda thing: thing.box or 0)
    return locks[1] if len(locks) > 1 and next_target(scene) is not None else None


def pairs(scene: Scene) -> Iterator[Pair]:
    """Yields all that belongs together in a scene and has something to be told from."""
    for pair in _pairs(scene):
        others = [
            other
            for other in pair.others
            if other is not pair.source and not any(other is target for target in pair.targets)
        ]
        if pair.targets and others:
            yield pair._replace(others=others)


def _pairs(scene: Scene) -> Iterator[Pair]:
    things = list(scene.things)
    agent, held, target = scene.agent, scene.held, next_target(scene)
    locks = [thing for thing in things if thing.kind == "lock"]
    if target is not None:
        yield Pair(NEXT, agent, [target], things)
        if target.kind == "lock":
            alike = [lock for lock in locks if lock.color == target.color]
            yield Pair(PATH_LOCK, agent, [target], alike)
            if held is not None:
                yield Pair(HELD_TO_PATH, held, [target], alike)
    for thing in things:
        opens = [lock for lock in locks if lock.color == thing.color]
        if thing.held:
            yield Pair(HELD_TO_LOCKS, thing, opens, things)
        elif thing.kind == "key":
            yield Pair(KEY_TO_LOCKS, thing, opens, things)
            if thing.box is not None and any(lock.box == thing.box for lock in locks):
                yield Pair(CONTENT_TO_LOCK, thing, opens, things)
        elif thing.kind == "lock":
            content = [t for t in things if t.box == thing.box and t.kind in ("key", "gem")]
            yield Pair(LOCK_TO_CONTENT, thing, content, things)
        elif thing.kind == "gem" and target is not None and target is not thing:
            yield Pair(GEM_TO_NEXT, thing, [target], things)
        if thing is not agent:
            yield Pair(TO_AGENT, thing, [agent], things)
