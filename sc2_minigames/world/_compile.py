"""The one way in which this package compiles functions.

Numba keeps compiled code on disk and decides by the file of a function alone whether the copy is
still good: code that calls into a changed neighbour would go on running the old neighbour. Here the
stamp covers every source file of the package and the tables that it reads, and where no directory
can be written, functions are compiled anew in each process instead of failing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

_HERE = Path(__file__).parent
# Files outside whose numbers become part of the compiled code, and those inside that have none.
_TABLES = (
    "actions.py",
    "maps.py",
    "observations.py",
    "standin/abilities.py",
    "standin/units.py",
)
_PYTHON = ("__init__.py", "batch.py", "rules.py", "single.py", "slots.py", "vector_env.py")


def _hash_sources() -> str:
    digest = hashlib.sha256()
    sources = [path for path in sorted(_HERE.glob("*.py")) if path.name not in _PYTHON]
    tables = [_HERE.parent / name for name in _TABLES]
    for path in (*sources, *filter(Path.exists, tables)):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


_STAMP = _hash_sources()


class _Cache(caching.FunctionCache):
    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)
        self._cache_file._source_stamp = _STAMP


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` on first use; it releases the interpreter lock while it runs."""
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    # A RuntimeError means that there is no directory to write to: no cache then.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = _Cache(function)  # what `njit(cache=True)` does
    return dispatcher


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` as a part of the compiled functions that call it.

    Only functions that Python calls need a copy on disk, which holds all their parts, and a wrapper
    for Python, which takes as long to compile as a small function.
    """
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(nogil=True, error_model="numpy", **options)(function)
