"""Where time goes: seconds that pass in named parts of the code, for whoever asks for them."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator


class Stopwatch:
    """Adds up the seconds that pass in parts of the code, by name.

    The acting loop and the packed network take one: `acting.loop.Loop`,
    `agents.EntityAgent.watch`. Each thread that times the same part needs its own.

    Attributes:
      seconds: that passed in all calls of a part, by name.
      calls: how often a part was entered, by name.
      first: seconds of the first call, in which TensorFlow and Numba compile.
    """

    def __init__(self) -> None:
        """Makes a stopwatch that has seen nothing."""
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self.first: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        """Adds a call of a part."""
        self.first.setdefault(name, seconds)
        self.seconds[name] += seconds
        self.calls[name] += 1

    def later(self, name: str) -> float:
        """Returns the seconds in all calls of a part but the first."""
        return self.seconds.get(name, 0.0) - self.first.get(name, 0.0)

    @contextlib.contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Adds what passes within the context to a part, after an exception too."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)


def timed(stopwatch: Stopwatch | None, name: str) -> contextlib.AbstractContextManager[None]:
    """Returns a context that adds to a part; without a stopwatch one that does nothing."""
    return contextlib.nullcontext() if stopwatch is None else stopwatch.time(name)
