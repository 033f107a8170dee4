"""One claim whose draws several processes share, seen from process 0."""

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from empirical.montecarlo.fleet import Fleet, FleetError
from tallystick.distributed.channel import LostError
from tallystick.report import Report

if TYPE_CHECKING:
    from tallystick.distributed.hub import Member

__all__ = ["Share", "mark_of", "split"]


class Share:
    """The exchanges of one shared claim: process 0 gathers the parts and sends them on.

    Args:
        task: Its number.
        crew: The other processes that take part.
    """

    def __init__(self, task: int, crew: Sequence["Member"]):
        self.task, self.crew = task, list(crew)
        self.fleet = Fleet(0, len(self.crew) + 1, self._swap)
        self._parts: dict[int, dict[int, bytes]] = {}
        self._ended: dict[int, str] = {}
        self._reason = ""
        self._news = threading.Condition()

    def start(self, claim: int) -> None:
        """Ask the crew to begin."""
        for rank, member in enumerate(self.crew, 1):
            with contextlib.suppress(LostError):
                member.channel.send(
                    "share", task=self.task, claim=claim, index=rank, size=self.size
                )

    @property
    def size(self) -> int:
        """How many processes draw."""
        return self.fleet.size

    def stop(self, reason: str = "it is over") -> None:
        """Nobody need go on with this claim; the crew is told."""
        with self._news:
            self._reason = reason
            self._news.notify_all()
        self._tell_over()

    def deliver(self, member: "Member", number: int, part: bytes) -> None:
        """What one process computed for exchange `number`."""
        with self._news:
            self._parts.setdefault(number, {})[member.index] = part
            self._news.notify_all()

    def ended(self, member: "Member", mark: str) -> None:
        """One process has finished its check, with a report of that mark."""
        with self._news:
            self._ended[member.index] = mark
            self._news.notify_all()

    def confirm(self, report: Report) -> None:
        """Wait for all others, who must have come to the same report.

        Raises:
            FleetError: One has not: the machines compute differently, and draws of
                different looks may have been mixed.
        """
        self._tell_over()
        with self._news:
            while len(self._ended) < len(self.crew) and not self._reason:
                self._news.wait()
            if self._reason:
                raise FleetError(self._reason)
            for index, mark in self._ended.items():
                if mark != mark_of(report):
                    raise FleetError(f"process {index} came to another report")

    def _tell_over(self) -> None:
        for member in self.crew:
            with contextlib.suppress(LostError):
                member.channel.send("over", task=self.task)

    def _swap(self, number: int, message: bytes) -> list[bytes]:
        theirs = self._gather(number)
        for member in self.crew:
            others = [part for i, part in theirs.items() if i != member.index]
            sizes = [len(part) for part in (message, *others)]
            with contextlib.suppress(LostError):  # Its reader will tell.
                member.channel.send(
                    "parts",
                    b"".join([message, *others]),
                    task=self.task,
                    number=number,
                    sizes=sizes,
                )
        return list(theirs.values())

    def _gather(self, number: int) -> dict[int, bytes]:
        """Wait for all parts; whoever keeps silent is lost, and that stops the wait."""
        everyone = {member.index for member in self.crew}
        with self._news:
            while True:
                found = self._parts.setdefault(number, {})
                if self._reason:
                    raise FleetError(self._reason)
                if found.keys() == everyone:
                    return self._parts.pop(number)
                if gone := (everyone - found.keys()) & self._ended.keys():
                    raise FleetError(f"process {min(gone)} ended its check early")
                self._news.wait()


def mark_of(report: Report) -> str:
    """A hash of all but the time; the address of an object is not what it is."""
    text = json.dumps({**report.as_dict(), "seconds": 0.0})
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return hashlib.sha256(text.encode()).hexdigest()


def split(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Parts that were sent as one."""
    parts, start = [], 0
    for size in sizes:
        parts.append(data[start : start + size])
        start += size
    return parts
