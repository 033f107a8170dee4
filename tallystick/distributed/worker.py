"""Every process but process 0: it checks what it is told, and prints nothing."""

import contextlib
import json
import queue
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from empirical.montecarlo.fleet import Fleet, FleetError
from tallystick.bench import Settings
from tallystick.catalogue import find
from tallystick.distributed.channel import Channel, LostError, connect
from tallystick.distributed.place import Place
from tallystick.distributed.share import mark_of, split
from tallystick.distributed.spreading import greeting_of
from tallystick.entries import Entry
from tallystick.errors import TallystickError
from tallystick.journal import fingerprints
from tallystick.outcome import INTERRUPTED, USAGE, leave
from tallystick.running import report_of

__all__ = ["fleet_of", "join", "work"]


def work(place: Place, names: Sequence[str], settings: Settings, jobs: int) -> NoReturn:
    """Serve process 0 until it says stop, then end this process.

    Claims that nobody waits for any more may still run in threads, so the process ends
    without waiting for them.

    Args:
        place: This process among the others.
        names: The claims, as on the command line.
        settings: How hard to try.
        jobs: How many claims are checked at a time.

    Raises:
        TallystickError: Process 0 cannot be reached, or refuses this process.
    """
    entries = find(names).entries
    greeting = greeting_of(entries, settings, fingerprints(entries, settings))
    channel = join(place, jobs, greeting)
    try:
        code = _Worker(channel, entries, settings).serve()
    except LostError as error:
        _say(
            f"process 0 {error}: process {place.index} ends; what was finished before"
            " is in the journal of process 0"
        )
        code = USAGE
    except KeyboardInterrupt:
        code = INTERRUPTED
    channel.close()
    leave(code)


def join(place: Place, jobs: int, greeting: Mapping[str, Any]) -> Channel:
    """A connection to process 0, which has accepted this process.

    Raises:
        TallystickError: It has not, or it cannot be reached.
    """
    try:
        channel = connect(place.host, place.port, place.wait)
        channel.answer(place.secret)
        channel.send("hello", process=place.index, slots=jobs, greeting=dict(greeting))
        channel.beat()
        message, _ = channel.receive()
    except LostError as error:
        raise TallystickError(
            f"process 0 at {place.host}:{place.port} {error}: process {place.index}"
            " ends"
        ) from None
    if message["kind"] == "refused":
        raise TallystickError(
            f"process 0 refuses process {place.index}: {message.get('reason')}"
        )
    if message["kind"] == "stop":  # The run was over before this process was ready.
        channel.close()
        sys.exit(0)
    return channel


class _Worker:
    """The messages of process 0, one after the other; each claim has a thread."""

    def __init__(self, channel: Channel, entries: Sequence[Entry], settings: Settings):
        self.channel, self.entries, self.settings = channel, entries, settings
        self.boxes: dict[int, queue.SimpleQueue] = {}

    def serve(self) -> int:
        """Until process 0 says stop; returns the exit code."""
        while True:
            message, data = self.channel.receive()
            kind, task = message["kind"], message.get("task", -1)
            if kind == "stop":
                return int(message.get("code", 0))
            if kind == "check":
                self._begin(self._check, message)
            elif kind == "share":
                self.boxes[task] = queue.SimpleQueue()
                self._begin(self._share, message)
            elif kind in ("parts", "over") and task in self.boxes:
                self.boxes[task].put((message, data))

    def _begin(self, work: Callable[..., None], message: dict[str, Any]) -> None:
        threading.Thread(target=work, args=(message,), daemon=True).start()

    def _check(self, message: dict[str, Any]) -> None:
        """Check a claim alone and send the report."""
        report = report_of(self.entries[message["claim"]], self.settings)
        text = json.dumps(report.as_dict()).encode()
        # If process 0 is gone, the main thread notices as well, and ends all.
        with contextlib.suppress(LostError):
            self.channel.send("report", text, task=message["task"])

    def _share(self, message: dict[str, Any]) -> None:
        """Check a claim together with the others; process 0 makes the same report."""
        task = message["task"]
        fleet = fleet_of(self.channel, message, self.boxes[task].get)
        mark = ""
        with contextlib.suppress(FleetError):  # Process 0 says what comes next.
            entry = self.entries[message["claim"]]
            mark = mark_of(report_of(entry, self.settings, fleet))
        with contextlib.suppress(LostError):
            self.channel.send("ended", task=task, mark=mark)
        self.boxes.pop(task, None)


def fleet_of(
    channel: Channel,
    message: Mapping[str, Any],
    answer: Callable[[], tuple[dict[str, Any], bytes]],
) -> Fleet:
    """The fleet that process 0 invites to, seen from another process.

    Args:
        channel: The connection to process 0.
        message: The invitation.
        answer: Waits for the next message about it.
    """

    def swap(number: int, part: bytes) -> list[bytes]:
        try:
            channel.send("part", part, task=message["task"], number=number)
        except LostError as error:
            raise FleetError(str(error)) from None
        reply, data = answer()
        if reply["kind"] == "over" or reply["number"] != number:
            raise FleetError("process 0 ended this check")
        return split(data, reply["sizes"])

    return Fleet(message["index"], message["size"], swap)


def _say(text: str) -> None:
    print(f"tallystick: {text}", file=sys.stderr)  # noqa: T201
