"""Messages between two processes: authenticated, with a time limit on everything.

A message is a JSON object and some bytes. Nothing is unpickled, so a message may be
wrong but cannot run code. The connection is authenticated once, when it is made, by a
secret that both sides know; it is not encrypted.
"""

import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import struct
import threading
import time
from typing import Any

__all__ = ["PATIENCE", "Channel", "LostError", "connect"]

PATIENCE = 8.0
"""Seconds of silence after which the other side counts as lost."""
PULSE = 1.0
"""Seconds between signs of life."""
FIRST = 2**12
"""Most bytes of a message from somebody who is not authenticated yet."""
MOST = 2**31
PIECE = 2**16
"""Bytes sent under one time limit, so that a slow line is no lost process."""


class LostError(Exception):
    """The other side is gone, silent, or not who it should be."""


class Channel:
    """One connection.

    Args:
        sock: A connected socket.
    """

    def __init__(self, sock: socket.socket):
        self._socket = sock
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sending = threading.Lock()
        self._closed = threading.Event()

    def send(self, kind: str, data: bytes = b"", **fields: Any) -> None:
        """Send a message.

        Raises:
            LostError: The other side does not take it.
        """
        head = json.dumps({"kind": kind, **fields}).encode()
        frame = struct.pack(">QI", len(head) + len(data), len(head)) + head + data
        try:
            with self._sending:
                for start in range(0, len(frame), PIECE):
                    self._socket.sendall(frame[start : start + PIECE])
        except OSError as error:
            raise self._lost(_said(error)) from None

    def receive(self, most: int = MOST) -> tuple[dict[str, Any], bytes]:
        """Wait for a message, at most `PATIENCE` seconds without a sign of life.

        Raises:
            LostError: None comes, or one that is no message.
        """
        try:
            while True:
                length, head = struct.unpack(">QI", self._exactly(12))
                if not head <= length <= most:
                    raise ValueError(f"{length} bytes")
                text = self._exactly(length)
                message = {"kind": "", **json.loads(text[:head])}
                if message["kind"] != "alive":
                    return message, text[head:]
        except OSError as error:
            raise self._lost(_said(error)) from None
        except (ValueError, TypeError):
            raise self._lost("sent something else than a message") from None

    def beat(self) -> None:
        """Give signs of life from now on, until closed."""

        def beating() -> None:
            with contextlib.suppress(LostError):
                while not self._closed.wait(PULSE):
                    self.send("alive")

        threading.Thread(target=beating, daemon=True).start()

    def close(self) -> None:
        """Close the connection; whoever waits for a message is woken."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def greet(self, secret: bytes) -> None:
        """Let the side that called prove that it knows the secret, and prove it.

        Raises:
            LostError: It does not.
        """
        mine = secrets.token_hex(16)
        self.send("who", nonce=mine)
        message, _ = self.receive(FIRST)
        theirs = str(message.get("nonce"))
        proof = _proof(secret, "caller", mine, theirs)
        if not hmac.compare_digest(proof, str(message.get("proof"))):
            self.send("refused", reason="it has another TALLYSTICK_SECRET")
            raise self._lost("has another TALLYSTICK_SECRET")
        self.send("known", proof=_proof(secret, "called", mine, theirs))

    def answer(self, secret: bytes) -> None:
        """The other half of `greet`.

        Raises:
            LostError: The other side refuses, or does not know the secret either.
        """
        message, _ = self.receive(FIRST)
        theirs, mine = str(message.get("nonce")), secrets.token_hex(16)
        self.send("mine", nonce=mine, proof=_proof(secret, "caller", theirs, mine))
        message, _ = self.receive(FIRST)
        proof = _proof(secret, "called", theirs, mine)
        if not hmac.compare_digest(proof, str(message.get("proof"))):
            raise self._lost("has another TALLYSTICK_SECRET")

    def _lost(self, why: str) -> LostError:
        """The error to raise; nothing more is to come from this connection."""
        self.close()
        return LostError(why)

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            piece = self._socket.recv(min(count - len(found), 2**20))
            if not piece:
                raise ConnectionError
            found += piece
        return bytes(found)


def connect(host: str, port: int, wait: float) -> Channel:
    """A channel to a process that may still be starting.

    Raises:
        LostError: Nobody answers for `wait` seconds.
    """
    deadline = time.monotonic() + wait
    while True:
        left = max(deadline - time.monotonic(), 0.5)
        try:
            return Channel(socket.create_connection((host, port), timeout=left))
        except OSError as error:
            if time.monotonic() >= deadline:
                slow = isinstance(error, TimeoutError)
                said = "does not answer" if slow else _said(error)
                raise LostError(said) from None
            time.sleep(0.1)


def _proof(secret: bytes, *parts: str) -> str:
    text = " ".join(parts).encode()
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def _said(error: OSError) -> str:
    """What an error of the network means, after the name of the other side."""
    if isinstance(error, TimeoutError):
        return f"was silent for {PATIENCE:.0f} s"
    if isinstance(error, ConnectionRefusedError):
        return "does not answer"
    if isinstance(error, ConnectionError):
        return "closed the connection"
    return f"cannot be reached ({error.strerror or error})"
