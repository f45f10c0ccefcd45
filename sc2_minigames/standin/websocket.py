"""The server side of a websocket (RFC 6455), as much as one local client needs.

One connection at a time, binary messages, no extensions. Every wait ends: while nothing is under
way a callback is asked every half second whether to go on; a message that was begun must be
complete within `MESSAGE_SECONDS`.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import time
from collections.abc import Callable

TICK_SECONDS = 0.5
MESSAGE_SECONDS = 10.0
MAX_HEADER = 16 * 1024
MAX_MESSAGE = 64 * 1024 * 1024
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # Fixed by RFC 6455, section 1.3.
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10


class ConnectionLostError(Exception):
    """The client went away, fell silent in mid-message, or broke the rules of the protocol."""


class Connection:
    """A websocket connection with a client."""

    def __init__(self, sock: socket.socket, path: str, should_stop: Callable[[], bool]):
        """Shakes hands.

        Args:
          sock: a connected socket, which is closed with this object.
          path: the only address that is served.
          should_stop: asked now and then while waiting; True ends the connection.

        Raises:
          ConnectionLostError: if what the client says is no request for a websocket at `path`.
        """
        self._socket = sock
        self._should_stop = should_stop
        self._buffer = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(TICK_SECONDS)
        self._shake_hands(path)

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def receive(self) -> bytes:
        """Returns the next message.

        Raises:
          ConnectionLostError: if there will be none.
        """
        message = bytearray()
        deadline: float | None = None
        while True:
            is_last, opcode, payload = self._read_frame(deadline)
            if opcode == _PING:
                self._send_frame(_PONG, payload)
            elif opcode == _CLOSE:
                raise ConnectionLostError("the client closed the connection")
            elif opcode in (_CONTINUATION, _TEXT, _BINARY):
                message += payload
                if len(message) > MAX_MESSAGE:
                    raise ConnectionLostError(
                        f"a message must have at most {MAX_MESSAGE} bytes, got {len(message)}"
                    )
                if is_last:
                    return bytes(message)
                deadline = deadline or time.monotonic() + MESSAGE_SECONDS
            elif opcode != _PONG:
                raise ConnectionLostError(f"frames of kind {opcode} are not defined")

    def send(self, message: bytes) -> None:
        """Sends a binary message.

        Raises:
          ConnectionLostError: if the client does not take it.
        """
        self._send_frame(_BINARY, message)

    def _shake_hands(self, path: str) -> None:
        deadline = time.monotonic() + MESSAGE_SECONDS
        while b"\r\n\r\n" not in self._buffer:
            self._fill(deadline)
            if len(self._buffer) > MAX_HEADER:
                raise ConnectionLostError(f"the request has more than {MAX_HEADER} bytes")
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        request, *lines = head.decode("latin1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        parts = request.split()
        key = headers.get("sec-websocket-key")
        if len(parts) != 3 or parts[0] != "GET" or parts[1] != path:
            self._refuse("404 Not Found", f"GET {path} is served, got {request!r}")
        if key is None or headers.get("upgrade", "").lower() != "websocket":
            self._refuse("400 Bad Request", "the request must ask for a websocket")
        accept = base64.b64encode(hashlib.sha1(str(key).encode() + _MAGIC).digest()).decode()
        self._write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    def _refuse(self, status: str, reason: str) -> None:
        self._write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        raise ConnectionLostError(reason)

    def _fill(self, deadline: float | None) -> None:
        """Waits for more bytes; without a deadline as long as `should_stop` allows."""
        while True:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                if self._should_stop():
                    raise ConnectionLostError("the server is stopping") from None
                if deadline is not None and time.monotonic() > deadline:
                    raise ConnectionLostError(
                        f"a message must be complete in {MESSAGE_SECONDS} seconds"
                    ) from None
                continue
            except OSError as error:
                raise ConnectionLostError(f"the connection broke: {error}") from error
            if not data:
                raise ConnectionLostError("the client went away")
            self._buffer += data
            return

    def _take(self, count: int, deadline: float | None) -> bytes:
        if len(self._buffer) < count and deadline is None and self._buffer:
            deadline = time.monotonic() + MESSAGE_SECONDS
        while len(self._buffer) < count:
            self._fill(deadline)
            deadline = deadline or time.monotonic() + MESSAGE_SECONDS
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _read_frame(self, deadline: float | None) -> tuple[bool, int, bytes]:
        first, second = self._take(2, deadline)
        deadline = deadline or time.monotonic() + MESSAGE_SECONDS
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2, deadline))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8, deadline))
        if not second & 0x80:
            raise ConnectionLostError("frames of a client must be masked")
        if length > MAX_MESSAGE:
            raise ConnectionLostError(
                f"a message must have at most {MAX_MESSAGE} bytes, got {length}"
            )
        mask = self._take(4, deadline)
        payload = self._take(length, deadline)
        return bool(first & 0x80), first & 0x0F, _unmask(payload, mask)

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, length)
        elif length < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 127, length)
        self._write(head + payload)

    def _write(self, data: bytes) -> None:
        try:
            self._socket.settimeout(MESSAGE_SECONDS)
            self._socket.sendall(data)
            self._socket.settimeout(TICK_SECONDS)
        except OSError as error:
            raise ConnectionLostError(f"the client does not take data: {error}") from error


def _unmask(payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    keys = (mask * (length // 4 + 1))[:length]
    mixed = int.from_bytes(payload, "little") ^ int.from_bytes(keys, "little")
    return mixed.to_bytes(length, "little")
