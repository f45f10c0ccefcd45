"""The program in a pseudo-terminal, and a level to play there."""

import os
import re
import select
import subprocess
import sys
import time

from boxworld.keys import DOWN, LEFT, RIGHT

TEXT = """\
@.c.a
.....
..*A.
bA...
....c
"""
SOLUTION = [RIGHT, RIGHT, RIGHT, RIGHT, DOWN, DOWN, LEFT, LEFT]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """The real program in a pseudo-terminal."""

    def __init__(self, *arguments, size=(24, 80)):
        import fcntl
        import pty
        import struct
        import termios

        self._termios = termios
        self._screen, self._keys = pty.openpty()
        fcntl.ioctl(self._keys, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.settings_before = self.settings()
        self.output = ""
        self.program = subprocess.Popen(
            [sys.executable, "-m", "boxworld.play", *arguments],
            stdin=self._keys,
            stdout=self._keys,
            stderr=self._keys,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.kill()
        self.program.wait()
        os.close(self._keys)
        os.close(self._screen)

    def settings(self):
        return self._termios.tcgetattr(self._keys)

    def press(self, data):
        os.write(self._screen, data)

    def shown(self, start=0):
        return ESCAPE.sub("", self.output[start:])

    def read_until(self, text, seconds=120):
        """Reads until `text` has been shown; what was shown before is not looked at again."""
        start, deadline = len(self.output), time.monotonic() + seconds
        while text not in self.shown(start):
            ready, _, _ = select.select([self._screen], [], [], 0.1)
            if ready:
                self.output += os.read(self._screen, 65536).decode()
            elif time.monotonic() > deadline or self.program.poll() is not None:
                raise AssertionError(f"{text!r} was not shown, but {self.shown()[-500:]!r}")
