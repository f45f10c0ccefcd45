"""A headless Chromium, driven over a pipe with the Chrome DevTools Protocol."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

# Makes the pipes the file descriptors 3 and 4, and becomes the browser.
_LAUNCH = """
import os, sys
read, write = int(sys.argv[1]), int(sys.argv[2])
os.dup2(read, 3)
os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
_KEY_CODES = {"Enter": 13, " ": 32, "End": 35, "Home": 36, "Tab": 9, "p": 80}
_KEY_CODES |= {f"Arrow{way}": 37 + i for i, way in enumerate(("Left", "Up", "Right", "Down"))}
_TEXTS = {"Enter": "\r", " ": " ", "p": "p"}


class Browser:
    """One page of a browser of its own; a context manager."""

    def __init__(self):
        """Starts the browser; skips the test where there is none."""
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            pytest.skip("needs Debian's package chromium")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self._write = (_above(end) for end in os.pipe())
        self._read, answers = (_above(end) for end in os.pipe())
        flags = [*_FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(commands), str(answers), program, *flags],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer = b""
        self._number = 0
        self._session = {}

    def __enter__(self):
        targets = self._send("Target.getTargets")["targetInfos"]
        (page,) = (target["targetId"] for target in targets if target["type"] == "page")
        attached = self._send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._folder.cleanup()

    def open(self, path, width, scheme="light"):
        """Loads a file in a window of a width, in the colour scheme "light" or "dark"."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self._send("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._send("Emulation.setEmulatedMedia", features=[feature])
        self._send("Page.navigate", url=path.as_uri())
        while self.run("document.readyState") != "complete":
            pass

    def run(self, script):
        """Returns the value of a script's last expression."""
        answer = self._send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys):
        """Presses and releases keys, each a `KeyboardEvent.key`."""
        for key in keys:
            event = {"key": key, "code": key, "windowsVirtualKeyCode": _KEY_CODES[key]}
            text = {"text": _TEXTS[key]} if key in _TEXTS else {}
            self._send("Input.dispatchKeyEvent", type="keyDown", **event, **text)
            self._send("Input.dispatchKeyEvent", type="keyUp", **event)

    def _send(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                received = os.read(self._read, 1 << 20)
                assert received, "the browser ended"
                self._buffer += received
            text, _, self._buffer = self._buffer.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]


def _above(descriptor):
    """Moves a file descriptor out of the way of those that the browser reads."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
