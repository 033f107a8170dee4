"""The connections of process 0: who has joined, who is lost, and what they send."""

import contextlib
import ipaddress
import json
import queue
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tallystick.distributed.channel import Channel, LostError
from tallystick.distributed.place import Place
from tallystick.distributed.share import Share
from tallystick.errors import TallystickError
from tallystick.report import Report

__all__ = ["Hub", "Member"]

GOODBYE = 2.0
"""Seconds to wait for the others to hang up at the end."""


@dataclass(eq=False)
class Member:
    """Another process that has joined.

    Attributes:
        index: Which one.
        channel: The connection to it.
        slots: How many claims it checks at a time.
        since: When it joined.
        reader: The thread that reads what it sends.
    """

    index: int
    channel: Channel
    slots: int
    since: float = field(default_factory=time.monotonic)
    reader: threading.Thread = field(default_factory=threading.current_thread)


class Hub:
    """Process 0's ends of all connections.

    Each connection is read by a thread of its own, which puts what happens into
    `events`: ("joined", member), ("refused", index, why), ("lost", member, why) and
    ("report", member, task, report). The parts of shared draws go straight to their
    `Share`.

    Args:
        place: This process among the others.

    Raises:
        TallystickError: It cannot listen there.
    """

    def __init__(self, place: Place):
        self.place = place
        self.start = time.monotonic()
        self.events: queue.SimpleQueue[tuple] = queue.SimpleQueue()
        self.shares: dict[int, Share] = {}
        self.settled: set[int] = set()
        """Who has joined or was refused, ever."""
        self._members: dict[int, Member] = {}
        self._lock = threading.Lock()
        self._opened, self._closed = threading.Event(), threading.Event()
        self._greeting: dict[str, Any] = {}
        self._listener = _listen(place)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, greeting: Mapping[str, Any]) -> None:
        """Let the others join.

        Args:
            greeting: What all processes must agree on, by name.
        """
        self._greeting = dict(greeting)
        self._opened.set()

    @property
    def absent(self) -> list[int]:
        """Who has not connected so far."""
        return [i for i in range(1, self.place.size) if i not in self.settled]

    @property
    def overdue(self) -> bool:
        """Whether all others should have connected by now."""
        return time.monotonic() - self.start > self.place.wait

    def close(self, code: int = 0, *, linger: bool = False) -> None:
        """Send everybody home with an exit code.

        Args:
            code: The exit code.
            linger: Whether to wait for those who are still starting: they would find
                nobody, and call that an error.
        """
        while linger and self.absent and not self.overdue:
            time.sleep(0.05)
        self._closed.set()
        with self._lock:
            members = list(self._members.values())
        for member in members:
            with contextlib.suppress(LostError):
                member.channel.send("stop", code=code)
        # Hanging up first could destroy the message on its way.
        deadline = time.monotonic() + GOODBYE
        for member in members:
            member.reader.join(max(deadline - time.monotonic(), 0.0))
        for member in members:
            member.channel.close()
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.2)
        while not self._closed.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._meet, args=(sock,), daemon=True).start()

    def _meet(self, sock: socket.socket) -> None:
        """Admit a process, then read what it sends until it is gone."""
        channel, member = Channel(sock), None
        try:
            channel.greet(self.place.secret)
            channel.beat()  # Reading the claims may take this process a while.
            hello, _ = channel.receive()
            while not self._opened.wait(0.2):
                if self._closed.is_set():
                    raise LostError("came to a run that did not begin")
            member = self._admit(hello, channel)
            while member is not None:
                self._take(member, *channel.receive())
        except LostError as error:
            channel.close()
            if member is not None:
                with self._lock:
                    self._members.pop(member.index, None)
                self.events.put(("lost", member, str(error)))
            elif "SECRET" in str(error):  # Anything else is no process of ours.
                self.events.put(("refused", None, str(error)))

    def _admit(self, hello: dict[str, Any], channel: Channel) -> Member | None:
        index = hello.get("process")
        with self._lock:
            reason = self._objection(hello)
            member = None
            if not reason:
                assert isinstance(index, int)
                member = Member(index, channel, max(int(hello.get("slots", 1)), 1))
                self._members[index] = member
        if member is None:
            self.events.put(("refused", index, reason))
            channel.send("refused", reason=reason)
            channel.close()
        else:
            self.events.put(("joined", member))
            with contextlib.suppress(LostError):  # Whoever reads from it will notice.
                # The run may be over already.
                over = self._closed.is_set()
                channel.send("stop" if over else "welcome", code=0)
        if isinstance(index, int):
            self.settled.add(index)
        return member

    def _objection(self, hello: dict[str, Any]) -> str:
        index, size = hello.get("process"), self.place.size
        if not isinstance(index, int) or not 0 < index < size:
            return f"there is no process {index!r} among {size}"
        if index in self._members:
            return f"there is a process {index} already"
        theirs = hello.get("greeting", {})
        for name, mine in self._greeting.items():
            if theirs.get(name) != mine:
                return f"it has other {name} than process 0"
        return ""

    def _take(self, member: Member, message: dict[str, Any], data: bytes) -> None:
        task = message.get("task", -1)
        if message["kind"] == "report":
            try:
                report = Report.from_dict(json.loads(data))
            except (ValueError, KeyError, TypeError):
                raise LostError("sent something else than a report") from None
            self.events.put(("report", member, task, report))
        elif task in self.shares:
            if message["kind"] == "part":
                self.shares[task].deliver(member, message["number"], data)
            elif message["kind"] == "ended":
                self.shares[task].ended(member, str(message.get("mark")))


def _listen(place: Place) -> socket.socket:
    """A socket at the loopback address if that is named, else at all addresses."""
    host, port = place.host, place.port
    try:
        if _is_loopback(host):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family)
        # The name may belong to a router or stand for several addresses of this host.
        if socket.has_dualstack_ipv6():
            everywhere = ("", port)
            return socket.create_server(
                everywhere, family=socket.AF_INET6, dualstack_ipv6=True
            )
        return socket.create_server(("", port))
    except OSError as error:
        raise TallystickError(
            f"process 0 cannot listen at {host}:{port}: {error.strerror or error}"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
