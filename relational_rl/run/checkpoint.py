"""Checkpoints that survive a kill at any moment, a full disk and a damaged file.

A checkpoint is a directory `step-000000012345` that holds

    variables.index, variables.data-*   written by tf.train.Checkpoint
    state.json                          the caller's state; the variables' names and shapes
    manifest.json                       the SHA-256 of every other file

It is written under a temporary name beside its final one, flushed to the disk and renamed,
so a directory of that name is either complete or was damaged later. Restoring verifies the
checksums and falls back to the newest intact checkpoint.
"""

import hashlib
import json
import logging
import operator
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from relational_rl._quiet import tf
from relational_rl.checks import check_positive
from relational_rl.errors import CheckpointError
from relational_rl.run.variables import children_of, kind_of, named_variables

_logger = logging.getLogger(__name__)

_STEP_DIRECTORY = re.compile(r"step-\d{12,}")
# What a killed write or removal leaves behind.
_LEFTOVER = re.compile(r"\.(?:writing|removed)-step-\d{12,}")
# A checkpoint whose place a newer one of the same step is about to take.
_REPLACED = re.compile(r"\.replaced-step-\d{12,}")
_VARIABLES = "variables"
_STATE = "state.json"
_MANIFEST = "manifest.json"


class Restored(NamedTuple):
    """What came back besides the variables."""

    step: int
    state: dict[str, Any]


class _Damaged(Exception):
    """A checkpoint that must not be loaded; the message says why."""


class CheckpointStore:
    """The newest checkpoints of some objects, in one directory.

    Making a store touches nothing on the disk, so that an evaluation can read a directory to
    which a training run is writing. Only one process may write to a directory.

    The objects that are restored may be a part of those that were saved (the agent without
    its optimizer). Variables that an object creates later, as Sonnet's optimizers do at
    their first `apply`, take their restored value when they are created; until then nothing
    can be saved.

    Args:
      directory: Where the checkpoints are; made at the first save.
      keep: How many checkpoints to keep, the newest ones.
      **trackables: The objects (modules, optimizers, variables) to save and restore, under
          the names that identify them in the checkpoint.

    Raises:
      ValueError: If keep is below 1 or there is nothing to save.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 3, **trackables: Any) -> None:
        check_positive(keep=keep)
        if not trackables:
            raise ValueError("trackables must name at least one object, got none")
        self._directory = Path(directory)
        self._keep = keep
        self._trackables = trackables
        self._checkpoint = tf.train.Checkpoint(**trackables)
        self._damaged: set[Path] = set()
        # The names of restored variables that their objects have yet to create.
        self._awaited: set[str] = set()

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Writes a checkpoint, then removes those that are no longer kept.

        Args:
          step: A count that orders the checkpoints, at least 0. A checkpoint of the same
              step is replaced.
          state: What else a resumed run needs; JSON-able.

        Returns:
          The directory of the checkpoint.

        Raises:
          CheckpointError: If it cannot be written (the disk is full, for example), or a
              restored variable has not been created yet; what was stored before stays.
          TypeError: If the state is not JSON-able.
          ValueError: If the step is negative.
        """
        step = operator.index(step)
        if step < 0:
            raise ValueError(f"step must be at least 0, got {step}")
        variables = {name: kind_of(v) for name, v in named_variables(self._trackables).items()}
        self._settle_awaited(variables)
        text = json.dumps({"step": step, "state": dict(state), "variables": variables}, indent=1)
        final = self._directory / f"step-{step:012d}"
        writing = _hidden("writing", final)
        with _writing(final, writing):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._remove_hidden(_LEFTOVER)
            writing.mkdir()
            self._checkpoint.write(str(writing / _VARIABLES))
            (writing / _STATE).write_text(text, encoding="utf-8")
            _write_manifest(writing)
            _flush(writing)
            replaced = _hidden("replaced", final)
            if final.exists():
                shutil.rmtree(replaced, ignore_errors=True)
                final.rename(replaced)
            writing.rename(final)
            _flush_directory(self._directory)
            self._damaged.discard(final)
            self._remove_old(final)
            self._remove_hidden(_LEFTOVER)
            self._remove_hidden(_REPLACED)
        return final

    def restore_latest(self) -> Restored | None:
        """Loads the newest intact checkpoint into the objects.

        A damaged checkpoint is skipped with a warning.

        Returns:
          Its step and state, or None where there is no checkpoint yet.

        Raises:
          CheckpointError: If there are checkpoints and none is intact, or the variables of
              the objects are not those of the checkpoint; then no variable was changed.
        """
        # A kill half-way through a replacement leaves the checkpoint under its hidden name.
        paths = [*self.paths(), *self._find(_REPLACED)]
        paths.sort(key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
        for path, older in zip(paths, [*paths[1:], None], strict=False):
            try:
                content = _read_verified(path)
            except _Damaged as error:
                self._damaged.add(path)
                last = f"{path} is damaged ({error})"
                if older is not None:
                    _logger.warning("checkpoint %s; falling back to %s", last, older.name)
                continue
            self._load(path, content["variables"])
            return Restored(content["step"], content["state"])
        if paths:
            raise CheckpointError(
                f"no checkpoint in {self._directory} is intact ({len(paths)} found): {last}"
            )
        return None

    def paths(self) -> list[Path]:
        """Returns the directories of the checkpoints, the oldest first.

        Raises:
          CheckpointError: If the directory is there but cannot be read.
        """
        return sorted(
            self._find(_STEP_DIRECTORY), key=lambda path: int(path.name.removeprefix("step-"))
        )

    def _find(self, pattern: re.Pattern[str]) -> list[Path]:
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(f"cannot read {self._directory}: {_reason(error)}") from error
        return [self._directory / name for name in names if pattern.fullmatch(name)]

    def _load(self, path: Path, saved: Mapping[str, str]) -> None:
        awaited = _missing_variables(path, saved, self._trackables)
        try:
            self._checkpoint.read(str(path / _VARIABLES)).expect_partial()
        except (tf.errors.OpError, ValueError) as error:
            raise CheckpointError(f"cannot load checkpoint {path}: {_reason(error)}") from error
        self._awaited = awaited

    def _settle_awaited(self, present: Mapping[str, str]) -> None:
        """Checks that every restored variable exists: else its value would not be saved."""
        for name in sorted(self._awaited - present.keys()):
            raise CheckpointError(
                f"cannot write a checkpoint to {self._directory}: variable {name} was restored"
                " but its object has not created it yet"
            )
        self._awaited = set()

    def _remove_old(self, newest: Path) -> None:
        """Removes what is neither among the newest nor just written."""
        paths = self.paths()
        kept = [path for path in paths if path not in self._damaged][-self._keep :]
        for path in paths:
            if path not in kept and path != newest:
                # Renamed first: a kill half-way leaves no directory like a checkpoint's.
                path.rename(_hidden("removed", path))
        self._damaged.clear()

    def _remove_hidden(self, pattern: re.Pattern[str]) -> None:
        for path in self._find(pattern):
            shutil.rmtree(path)


def _hidden(what: str, path: Path) -> Path:
    return path.with_name(f".{what}-{path.name}")


@contextmanager
def _writing(final: Path, temporary: Path) -> Iterator[None]:
    """Turns every way in which a disk refuses into one CheckpointError."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f"cannot write checkpoint {final}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # TensorFlow says "{{node}} path; reason [Op:SaveV2]", and at times more lines.
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rpartition("; ")[2].partition(" [Op:")[0]


def _write_manifest(directory: Path) -> None:
    digests = {path.name: _sha256(path) for path in sorted(directory.iterdir())}
    text = json.dumps({"sha256": digests}, indent=1)
    (directory / _MANIFEST).write_text(text, encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(directory: Path) -> None:
    """Forces the files of a directory, and their names, to the disk."""
    for path in directory.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _flush_directory(directory)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_verified(path: Path) -> dict[str, Any]:
    """Returns the content of the state file of an intact checkpoint."""
    try:
        digests = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
        names = {entry.name for entry in path.iterdir()} - {_MANIFEST}
    except OSError as error:
        raise _Damaged(f"{_MANIFEST}: {_reason(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _Damaged(f"{_MANIFEST}: not a manifest") from error
    if not isinstance(digests, dict) or {_STATE, f"{_VARIABLES}.index"} - digests.keys():
        raise _Damaged(f"{_MANIFEST}: not a manifest")
    for name, digest in digests.items():
        if name not in names:
            raise _Damaged(f"{name}: missing")
        try:
            actual = _sha256(path / name)
        except OSError as error:
            raise _Damaged(f"{name}: {_reason(error)}") from error
        if actual != digest:
            raise _Damaged(f"{name}: checksum differs")
    return json.loads((path / _STATE).read_text(encoding="utf-8"))


def _missing_variables(
    path: Path, saved: Mapping[str, str], trackables: Mapping[str, Any]
) -> set[str]:
    """Checks that a checkpoint fits the objects.

    Args:
      path: The checkpoint, for the errors.
      saved: The names and kinds of its variables.
      trackables: The objects to restore.

    Returns:
      The names of the variables that the objects have yet to create.

    Raises:
      CheckpointError: If they do not fit; names the first variable that does not.
    """
    children = children_of(trackables)
    present = {name: kind_of(v) for name, v in named_variables(trackables).items()}
    for name in sorted(present):
        if name not in saved:
            raise CheckpointError(f"checkpoint {path} has no variable {name} {present[name]}")
        if saved[name] != present[name]:
            raise CheckpointError(
                f"variable {name} is {saved[name]} in checkpoint {path},"
                f" but {present[name]} in the object to restore"
            )
    awaited = {name for name in saved if name.split("/")[0] in trackables and name not in present}
    built = {name.split("/")[0] for name in present}
    for name in sorted(awaited):
        owner = name.rpartition("/")[0]
        while owner not in children:
            owner = owner.rpartition("/")[0]
        # An object without children, or without any variable, has not been built yet.
        if children[owner] and name.split("/")[0] in built:
            raise CheckpointError(
                f"checkpoint {path} has variable {name} {saved[name]},"
                " but the object to restore has none of that name"
            )
    return awaited
