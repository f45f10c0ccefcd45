"""Named points of a forward pass, at which it can be watched and changed.

A module passes a value through `point(name, value)`. That is the value itself, unless the pass runs
inside `handling(handler)`: then it is what the handler makes of it. Nothing is kept here between
passes, and a pass without a handler is exactly what it is without points.

The points of the relational agent, B batch, N entities, F features, H heads, D head size, R
references; blocks are numbered from 1:

    cells              int32 [B, N], the cell of each entity
    present            bool [B, N], which entities are there
    references         float32 [B, N, R], how much each reference chooses each entity
    entities           float32 [B, N, F], before the first block
    block1/product     float32 [B, H, N, N], query times key
    block1/bias        float32 [B, H, N, N], of likeness and edges; only where there are any
    block1/logits      float32 [B, H, N, N], before the softmax
    block1/weights     float32 [B, H, N, N]
    block1/values      float32 [B, N, H, D], what the heads bring to each entity
    block1/output      float32 [B, N, F]
    pooled             bool [B, N], which entities take part in the pooling
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

from relational_rl._quiet import tf

Handler = Callable[[str, tf.Tensor], tf.Tensor]

_handler: contextvars.ContextVar[Handler | None] = contextvars.ContextVar("handler", default=None)
_place: contextvars.ContextVar[str] = contextvars.ContextVar("place", default="")


def point(name: str, value: tf.Tensor) -> tf.Tensor:
    """Returns a value as the handler of the pass, if there is one, leaves it."""
    handler = _handler.get()
    return value if handler is None else handler(f"{_place.get()}{name}", value)


def is_handled() -> bool:
    """Whether the pass runs with a handler."""
    return _handler.get() is not None


@contextlib.contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """Lets a handler see, and change, the values at all points of the passes inside."""
    token = _handler.set(handler)
    try:
        yield
    finally:
        _handler.reset(token)


@contextlib.contextmanager
def inside(place: str) -> Iterator[None]:
    """Puts `place/` before the names of the points inside."""
    token = _place.set(f"{_place.get()}{place}/")
    try:
        yield
    finally:
        _place.reset(token)
