"""Makes PySC2 4.0.0 importable beside today's Python, protobuf and numpy.

Two things that PySC2 uses stopped working, and both are mended while they are imported,
without editing an installed file, pinning a package or setting an environment variable:

* Every release of `s2clientprotocol` holds code generated for protobuf before 3.19, which
  protobuf 4 and later refuse ("Descriptors cannot be created directly"). The description of the
  messages is in those files as a byte string; `_ProtocolLoader` reads that string and lets
  protobuf build the classes itself, so that the fast (upb) parser is used.
* `pysc2.lib.colors` calls `random.shuffle(sequence, function)`. Python 3.11 removed the second
  argument; that one module is given a `random` of its own which still has it.

A third module, `pysc2.lib.renderer_human`, pulls in libraries that greet on the standard output
and warn of their own old age whether or not anything is shown; it is imported quietly.

`install()` is called by `import sc2_minigames`. It only adds a finder: nothing of PySC2 is
imported by it, and modules that were imported earlier are left alone.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import io
import random
import sys
import types
import warnings
from collections.abc import Callable, MutableSequence, Sequence
from pathlib import Path
from typing import Any

PROTOCOL_PACKAGE = "s2clientprotocol"
COLORS_MODULE = "pysc2.lib.colors"
RENDERER_MODULE = "pysc2.lib.renderer_human"


class CompatibilityError(ImportError):
    """An installed file does not look as any known release of it does."""


def serialized_descriptor(source: str, filename: str) -> bytes:
    """Returns the message descriptions that an old generated `_pb2.py` file holds.

    Args:
      source: text of the file, which is parsed but never executed.
      filename: name of the file, for error messages.

    Returns:
      A serialized `google.protobuf.FileDescriptorProto`.

    Raises:
      CompatibilityError: if there is no `serialized_pb=` with a constant string in it.
    """
    for node in ast.walk(ast.parse(source, filename)):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb":
            value: ast.expr = node.value
            if isinstance(value, ast.Call) and len(value.args) == 1:  # _b('...')
                value = value.args[0]
            if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
                return value.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value.encode("latin1")
    raise CompatibilityError(
        f"{filename} must pass its message descriptions as serialized_pb=<constant string>, "
        f"and none was found; is this a release of {PROTOCOL_PACKAGE} newer than 5.0.17?"
    )


class _ProtocolLoader(importlib.abc.Loader):
    """Builds a `s2clientprotocol.*_pb2` module from the descriptions in its file."""

    def __init__(self, fullname: str, path: str):
        self._fullname = fullname
        self._path = path

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool
        from google.protobuf.internal import builder

        source = Path(self._path).read_text(encoding="utf-8")
        blob = serialized_descriptor(source, self._path)
        dependencies = descriptor_pb2.FileDescriptorProto.FromString(blob).dependency
        for dependency in dependencies:  # They must be in the pool first.
            name = dependency.removesuffix(".proto").replace("/", ".") + "_pb2"
            importlib.import_module(name)
        file_descriptor = descriptor_pool.Default().AddSerializedFile(blob)
        if file_descriptor is None:  # The pure Python pool of protobuf 3 returns nothing.
            file_name = self._fullname.replace(".", "/").removesuffix("_pb2") + ".proto"
            file_descriptor = descriptor_pool.Default().FindFileByName(file_name)
        members = module.__dict__
        members["DESCRIPTOR"] = file_descriptor
        builder.BuildMessageAndEnumDescriptors(file_descriptor, members)
        builder.BuildTopDescriptorsAndMessages(file_descriptor, self._fullname, members)


def shuffle(sequence: MutableSequence[Any], uniform: Callable[[], float]) -> None:
    """Shuffles in place, as `random.shuffle` with two arguments did before Python 3.11.

    Args:
      sequence: what to shuffle.
      uniform: draws a number in [0, 1).
    """
    for i in range(len(sequence) - 1, 0, -1):
        j = int(uniform() * (i + 1))
        sequence[i], sequence[j] = sequence[j], sequence[i]


def _give_own_random(colors: types.ModuleType) -> None:
    """Replaces the name `random` in one module; the module `random` itself stays as it is."""
    public = {name: value for name, value in vars(random).items() if not name.startswith("_")}
    colors.__dict__["random"] = types.SimpleNamespace(**(public | {"shuffle": shuffle}))


class _MendingLoader(importlib.abc.Loader):
    """Runs a module as installed, quietly, and mends it afterwards."""

    def __init__(
        self,
        loader: importlib.abc.Loader,
        mend: Callable[[types.ModuleType], None] = lambda module: None,
    ):
        self._loader = loader
        self._mend = mend

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore", DeprecationWarning)
            self._loader.exec_module(module)
        self._mend(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that need mending; every other module is left to Python."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        is_protocol = fullname.startswith(PROTOCOL_PACKAGE + ".") and fullname.endswith("_pb2")
        if not is_protocol and fullname not in (COLORS_MODULE, RENDERER_MODULE):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or spec.origin is None:
            return None
        if fullname == COLORS_MODULE:
            spec.loader = _MendingLoader(spec.loader, _give_own_random)
        elif fullname == RENDERER_MODULE:
            spec.loader = _MendingLoader(spec.loader)
        elif "serialized_pb" in Path(spec.origin).read_text(encoding="utf-8"):
            spec.loader = _ProtocolLoader(fullname, spec.origin)
        return spec


_FINDER = _Finder()


def install() -> None:
    """Makes later imports of PySC2 work. Calling it again changes nothing."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def prepare_flags() -> None:
    """Lets PySC2 read its flags in a program that does not use `absl.app.run`.

    PySC2 reads command line flags (defaults, mostly) from `absl.flags.FLAGS`, which refuses until
    a command line was parsed. A program that has parsed its own, or will later, is not disturbed.
    """
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()


def missing_pysc2_message() -> str:
    """Returns what to tell a user who has no PySC2."""
    return "PySC2 is not installed: run `pip install .[sc2]` here, or `pip install pysc2`"
