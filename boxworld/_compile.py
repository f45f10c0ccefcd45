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


def _hash_sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


_STAMP = _hash_sources()


class _PackageStamp:
    def get_source_stamp(self) -> str:
        return _STAMP


class _GivenDirectory(_PackageStamp, caching.UserProvidedCacheLocator):
    """`NUMBA_CACHE_DIR`, if it is set."""


class _PackageDirectory(_PackageStamp, caching.InTreeCacheLocator):
    """`__pycache__` beside the sources, if it can be written."""


class _UserDirectory(_PackageStamp, caching.UserWideCacheLocator):
    """The user's own cache directory, if it can be written."""


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_GivenDirectory, _PackageDirectory, _UserDirectory]  # noqa: RUF012


class _Cache(caching.FunctionCache):
    _impl_class = _Implementation


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` on first use; it releases the interpreter lock while it runs."""
    dispatcher: Any = numba.njit(nogil=True)(function)
    # A RuntimeError means that there is no directory to write to: no cache then.
    with contextlib.suppress(RuntimeError):
        # What `njit(cache=True)` does, but with the directories and the stamp above.
        dispatcher._cache = _Cache(function)
    return dispatcher


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Copies `function` into each compiled function that calls it: for small, hot ones.

    Passing an array to a compiled function costs more than painting a pixel.
    """
    return numba.njit(nogil=True, inline="always")(function)
