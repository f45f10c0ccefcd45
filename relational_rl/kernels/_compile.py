"""The one way in which this package compiles functions, and keeps what it compiled on disk.

Numba decides by the file of a function alone whether a kept copy is still good, so a kernel would
go on running what it inlined of a changed neighbour: here the stamp covers every source file of the
package. And numba never finds a kept kernel that closes over another kernel, which it describes by
a random number: each process would compile it anew and leave one more copy behind. Numba also
names compiled code by a function's name and a number counted in each process, so that two copies of
one kernel for different sizes, kept by different processes, can have the same name, and one of them
would run in place of the other: here the name tells the sizes. Where no directory can be written,
functions are compiled in each process instead of failing.

The same in small as `boxworld/_compile.py`; neither package may import the other.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching
from numba.core.dispatcher import Dispatcher


def _hash_sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


_STAMP = _hash_sources()


def _closure(function: Any) -> tuple[Any, ...]:
    """Returns what a function closes over, in the same words in every process."""
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    return tuple(
        (value.py_func.__qualname__, *_closure(value.py_func))
        if isinstance(value, Dispatcher)
        else repr(value)
        for value in values
    )


class _Cache(caching.FunctionCache):
    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)
        self._cache_file._source_stamp = _STAMP

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        # The stamp stands for all code, so only what is computed when kernels are made is missing.
        return sig, codegen.magic_tuple(), _closure(self._py_func)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` on first use, for arrays that hold neither NaN nor infinity.

    It releases the interpreter lock while it runs.
    """
    dispatcher: Any = numba.njit(nogil=True, fastmath=True, error_model="numpy")(function)
    # A RuntimeError means that there is no directory to write to: no cache then.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = _Cache(function)  # what `njit(cache=True)` does
    if values := _closure(function):
        digest = hashlib.sha256(repr(values).encode())
        function.__qualname__ += f"_{digest.hexdigest()[:16]}"
    return dispatcher
