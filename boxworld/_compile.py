"""The one way in which this package compiles functions.

Numba keeps compiled code on disk and decides by the file of a function alone whether the copy is
still good: code that calls into a changed neighbour would go on running the old neighbour. Here the
stamp covers every source file of the package, and where no directory can be written (a read-only
installation and no home), functions are compiled anew in each process instead of failing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

_SOURCES = sorted(Path(__file__).parent.glob("*.py"))
_STAMP = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in _SOURCES))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` on first use; it releases the interpreter lock while it runs."""
    dispatcher: Any = numba.njit(nogil=True)(function)
    # A RuntimeError means that there is no directory to write to: no cache then.
    with contextlib.suppress(RuntimeError):
        cache = caching.FunctionCache(function)  # what `njit(cache=True)` does
        cache._cache_file._source_stamp = _STAMP.hexdigest()
        dispatcher._cache = cache
    return dispatcher


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Copies `function` into each compiled function that calls it: for small, hot ones.

    Passing an array to a compiled function costs more than painting a pixel.
    """
    return numba.njit(nogil=True, inline="always")(function)
