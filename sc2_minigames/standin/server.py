"""The stand-in's program: listens where StarCraft II would, and never outlives its parent.

It is started by PySC2 with the arguments of the game (`-listen`, `-port`, `-tempDir`, ...). It
ends when it is told to quit, when the process that started it has died, and when no client has
been connected for `LONELY_SECONDS`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sc2_minigames.standin import installation
from sc2_minigames.standin.protocol import Session
from sc2_minigames.standin.websocket import TICK_SECONDS, Connection, ConnectionLostError

LONELY_SECONDS = 60.0
HOSTS = ("127.0.0.1", "localhost")
PATH = "/sc2api"


class Watch:
    """Knows when the server must stop."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self.last_client = time.monotonic()

    @property
    def is_orphan(self) -> bool:
        """Whether the process that started this one has died."""
        return os.getppid() != self._parent

    @property
    def is_lonely(self) -> bool:
        """Whether nobody has been connected for long."""
        return time.monotonic() - self.last_client > LONELY_SECONDS


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Returns the game's arguments: pairs of -name and value, and -names alone.

    Raises:
      ValueError: if the port is missing or no number, or the host is not this machine.
    """
    options = {}
    for i, word in enumerate(arguments):
        if word.startswith("-"):
            value = arguments[i + 1] if i + 1 < len(arguments) else ""
            options[word[1:]] = "" if value.startswith("-") else value
    if not options.get("port", "").isdigit() or not 0 < int(options["port"]) < 65536:
        raise ValueError(f"-port must be a number from 1 to 65535, got {options.get('port')!r}")
    if options.get("listen", HOSTS[0]) not in HOSTS:
        raise ValueError(f"-listen must be one of {', '.join(HOSTS)}, got {options['listen']!r}")
    return options


def say(text: str) -> None:
    """Prints a line, if anybody can still hear it: a dead parent's pipe is broken."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - until the end


def serve(listener: socket.socket, watch: Watch) -> None:
    """Serves one client after another until it is time to stop."""
    session = Session()
    listener.settimeout(TICK_SECONDS)
    while not watch.is_orphan and not watch.is_lonely:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        with client:
            try:
                connection = Connection(client, PATH, lambda: watch.is_orphan)
                while True:
                    reply = session.handle(connection.receive())
                    if reply is None:
                        return
                    connection.send(reply)
                    watch.last_client = time.monotonic()
            except ConnectionLostError as error:
                say(f"connection lost: {error}")


def clean_up_after_parent(options: dict[str, str]) -> None:
    """Removes the temporary folders that a killed client could not remove itself."""
    temporary = Path(options.get("tempDir") or ".").absolute()
    if temporary.name.startswith("sc-"):  # As PySC2 names them.
        shutil.rmtree(temporary, ignore_errors=True)
    if options.get("dataDir"):
        installation.remove(Path(options["dataDir"]))


def main(arguments: Sequence[str]) -> int:
    """Runs the server; returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Control-C is the client's to handle.
    watch = Watch()
    try:
        options = parse_arguments(arguments)
        listener = socket.create_server((HOSTS[0], int(options["port"])), reuse_port=False)
    except (OSError, ValueError) as error:
        print(f"the stand-in cannot start: {error}", file=sys.stderr)
        return 1
    say(f"{installation.READY_LINE} {options['port']}")
    try:
        with listener:
            serve(listener, watch)
    finally:
        if watch.is_orphan:
            clean_up_after_parent(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
