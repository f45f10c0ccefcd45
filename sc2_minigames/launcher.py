"""Starts a game from a chosen folder and keeps what it prints.

PySC2 finds the game through the environment variable SC2PATH and lets it print to the terminal,
so that the reason of a failed start is lost behind "Failed to connect to the SC2 websocket".
Here the folder is chosen for one block of code in one thread, through PySC2's own registry of
run configurations, and the output goes to a temporary file whose last lines can be shown.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pysc2.lib import sc_process
from pysc2.run_configs import platforms

# Path of the game's executable below Versions/Base<build>, by operating system.
EXECUTABLES = {
    "Linux": "SC2_x64",
    "Darwin": "SC2.app/Contents/MacOS/SC2",
    "Windows": "SC2_x64.exe",
}
EARLY_DEATH_SECONDS = 0.25
READY_SECONDS = 120.0


class GameOutput:
    """What a game printed, and how it ended. Holds an unnamed temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the game
        self.returncode: int | None = None

    def fileno(self) -> int:
        """File descriptor that the game writes to."""
        return self._file.fileno()

    def text(self, limit: int = 65536) -> str:
        """Returns the last `limit` bytes as text."""
        size = os.fstat(self._file.fileno()).st_size
        start = max(0, size - limit)
        return os.pread(self._file.fileno(), size - start, start).decode("utf-8", "replace")

    def last_lines(self, count: int = 20) -> list[str]:
        """Returns the last lines, at most `count`, without empty ones."""
        return [line.rstrip() for line in self.text().splitlines() if line.strip()][-count:]

    def describe(self) -> str:
        """Returns how the game ended and its last lines, for an error message."""
        if self.returncode is None:
            ending = "The game had not ended by itself."
        elif self.returncode < 0:
            ending = f"The game was ended by signal {signal_name(-self.returncode)}."
        else:
            ending = f"The game ended with exit code {self.returncode}."
        lines = self.last_lines()
        if not lines:
            return f"{ending} It printed nothing."
        return "\n    ".join([f"{ending} Its last lines:", *lines])

    def close(self) -> None:
        """Deletes the output."""
        self._file.close()


def signal_name(number: int) -> str:
    """Returns "11 (SIGSEGV)" for 11."""
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


class _Choice(threading.local):
    """What the next game of this thread is started with."""

    directory: Path | None = None
    output: GameOutput | None = None
    timeout_seconds: int = 120
    ready_line: str | None = None


_choice = _Choice()


class _RecordedProcess(sc_process.StarcraftProcess):
    """A game whose output is kept."""

    def __init__(self, run_config: ChosenGame, **kwargs: Any):
        self._output = run_config.output
        self._ready_line = run_config.ready_line
        super().__init__(run_config, **kwargs)

    def _launch(self, run_config: ChosenGame, args: list[str], **kwargs: Any) -> subprocess.Popen:
        del kwargs
        try:
            process = subprocess.Popen(
                args,
                cwd=run_config.cwd,
                env=run_config.env,
                stdin=subprocess.DEVNULL,
                stdout=self._output.fileno(),
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise sc_process.SC2LaunchError(f"{args[0]} could not be run: {error}") from error
        # PySC2 waits a quarter of its time-out for a process that dies at once.
        patience = READY_SECONDS if self._ready_line else EARLY_DEATH_SECONDS
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._output.returncode = process.returncode
                raise sc_process.SC2LaunchError(f"{args[0]} ended while it was starting")
            if self._ready_line and self._ready_line in self._output.text():
                break
            time.sleep(0.01)
        return process

    def _shutdown(self) -> None:
        if self._proc is not None and self._output.returncode is None:
            self._output.returncode = self._proc.poll()  # None: we are the ones who end it.
        super()._shutdown()


class ChosenGame(platforms.LocalBase):
    """PySC2 run configuration for the folder chosen by `choose`, if there is one."""

    def __init__(self, version: str | None = None):
        directory, output = _choice.directory, _choice.output
        if directory is None or output is None:
            raise ValueError("a ChosenGame must be made inside choose(...)")
        self.output = output
        self.ready_line = _choice.ready_line
        self._timeout_seconds = _choice.timeout_seconds
        environment = dict(os.environ)
        libraries = [environment.get("LD_LIBRARY_PATH"), str(directory / "Libs")]
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
        super().__init__(
            str(directory),
            executable_name(),
            version,
            cwd="Support64" if platform.system() == "Windows" else None,
            env=environment,
        )

    @classmethod
    def priority(cls) -> int | None:
        """Outranks PySC2's own configurations inside `choose`, and does not exist outside."""
        return 100 if _choice.directory is not None else None

    def start(self, want_rgb: bool = False, **kwargs: Any) -> _RecordedProcess:
        """Launches the game; rendering for human eyes is not asked for."""
        del want_rgb
        build = f"Base{self.version.build_version:05d}"
        path = Path(self.data_dir) / "Versions" / build / self._exec_name
        return _RecordedProcess(
            self,
            exec_path=str(path),
            version=self.version,
            timeout_seconds=self._timeout_seconds,
            **kwargs,
        )


@contextlib.contextmanager
def choose(
    directory: Path,
    output: GameOutput,
    *,
    timeout_seconds: int = 120,
    ready_line: str | None = None,
) -> Iterator[None]:
    """Makes PySC2 start games of this thread from `directory`, for the length of the block.

    Args:
      directory: an installation, with `Versions` and `Maps` in it.
      output: collects what the game prints; must outlive the game.
      timeout_seconds: how long to wait for the game to listen, and for each of its replies.
      ready_line: if the game is known to print this once it listens, it is waited for;
        that saves the whole second that PySC2 sleeps between two attempts to connect.
    """
    before = vars(_choice).copy()
    _choice.directory = directory
    _choice.output = output
    _choice.timeout_seconds = timeout_seconds
    _choice.ready_line = ready_line
    try:
        yield
    finally:
        vars(_choice).clear()
        vars(_choice).update(before)


def executable_name() -> str:
    """Returns the path of the game below `Versions/Base<build>` on this operating system."""
    return EXECUTABLES.get(platform.system(), EXECUTABLES["Linux"])


def default_directory() -> Path:
    """Returns where PySC2 looks for the game: SC2PATH, or the operating system's usual place."""
    chosen = os.environ.get("SC2PATH")
    usual = {
        "Darwin": "/Applications/StarCraft II",
        "Windows": "C:/Program Files (x86)/StarCraft II",
    }
    return Path(chosen or usual.get(platform.system(), "~/StarCraftII")).expanduser()
