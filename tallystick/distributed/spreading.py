"""Process 0's part: it hands out claims, gathers reports, and makes good for losses."""

import contextlib
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from empirical.montecarlo.fleet import FleetError
from tallystick import __version__
from tallystick.bench import Settings
from tallystick.distributed.channel import LostError
from tallystick.distributed.hub import Hub, Member
from tallystick.distributed.share import Share
from tallystick.entries import Entry
from tallystick.outcome import INTERRUPTED
from tallystick.report import Report
from tallystick.running import report_of

__all__ = ["Spread", "greeting_of"]


def greeting_of(
    entries: Sequence[Entry], settings: Settings, marks: Mapping[str, str]
) -> dict[str, Any]:
    """What all processes must agree on, by name, in the order of comparison.

    The marks hold the code of the claims and the versions of all that they use.
    """
    return {
        "version of tallystick": __version__,
        "claims": [entry.name for entry in entries],
        "settings (--seed, --quick)": repr(settings),
        "code or version of JAX": [marks[entry.name] for entry in entries],
    }


@dataclass
class _Task:
    """One attempt at a claim: here, at one other process, or everywhere at a time."""

    number: int
    claim: int
    crew: list[Member] = field(default_factory=list)
    share: Share | None = None

    @property
    def here(self) -> bool:
        return self.share is not None or not self.crew


class Spread:
    """Claims spread over the processes that have joined.

    With at least as many claims as processes each process checks its own, and whoever
    joins late gets what is left. With fewer, all check the same claim and each draws
    its share of the blocks.

    Args:
        hub: The connections.
        entries: All claims, in the order that all processes know.
        wanted: Those to be checked.
        settings: How hard to try.
        jobs: How many claims this process checks at a time.
        marks: What each result depends on, by name.
        seconds: What claims took before, by name: long ones are begun first.
        warn: Called with a line about a process that is lost, refused or late.
    """

    def __init__(
        self,
        hub: Hub,
        entries: Sequence[Entry],
        wanted: Sequence[Entry],
        settings: Settings,
        jobs: int,
        marks: Mapping[str, str],
        seconds: Mapping[str, float],
        warn: Callable[[str], Any],
    ):
        self.hub, self.entries, self.settings = hub, entries, settings
        self.jobs, self.warn = jobs, warn
        names = [entry.name for entry in entries]
        chosen = [names.index(entry.name) for entry in wanted]
        # One whose time is unknown may be the longest.
        chosen.sort(key=lambda i: -seconds.get(names[i], float("inf")))
        self.waiting = deque(chosen)
        self.together = len(chosen) < hub.place.size
        self.members: list[Member] = []
        self.known: set[int] = set()
        """Who has joined or was refused, ever."""
        self.alone: set[int] = set()
        """Claims that did not go well together."""
        self.tasks: dict[int, _Task] = {}
        self.threads: list[threading.Thread] = []
        self.done: Counter[tuple[int, ...]] = Counter()
        """How many claims were checked by which processes."""
        self._count = 0
        self._late_said = False
        hub.open(greeting_of(entries, settings, marks))

    def reports(self) -> Iterator[Report]:
        """Reports as they are finished, in any order."""
        left = len(self.waiting)
        while left:
            self._remark_on_the_late()
            self._hand_out()
            try:
                kind, *rest = self.hub.events.get(timeout=0.2)
            except queue.Empty:
                continue
            report = getattr(self, f"_on_{kind}")(*rest)
            if report is not None:
                left -= 1
                yield report

    def close(self, *, interrupted: bool) -> None:
        """Say who checked what, and send everybody home."""
        self.warn(self._summary())
        late = ", ".join(map(str, self.hub.absent))
        if late and not interrupted and not self.hub.overdue:
            self.warn(f"waiting until process {late} has connected, to send it home")
        code = INTERRUPTED if interrupted else 0
        self.hub.close(code, linger=not interrupted)
        while not self.hub.events.empty():
            kind, *rest = self.hub.events.get()
            if kind == "refused":
                self._on_refused(*rest)

    def _summary(self) -> str:
        parts = []
        for crew, count in sorted(self.done.items()):
            who = f"process {crew[0]}" if len(crew) == 1 else f"processes {crew} shared"
            who = who.replace("(", "").replace(")", "")
            parts.append(f"{who} {count}")
        return f"claims by process: {'; '.join(parts) or 'none was left to check'}"

    @property
    def unfinished(self) -> bool:
        """Whether abandoned checks still run here."""
        return any(thread.is_alive() for thread in self.threads)

    def _hand_out(self) -> None:
        if self.together and self._late() and not self.hub.overdue:
            return  # Those who are late would have nothing to draw.
        while self.waiting:
            claim = self.waiting[0]
            if self.together and self.members and claim not in self.alone:
                if not self._free(None):
                    return
                self._begin(claim, list(self.members), share=True)
            else:
                most = max([None, *self.members], key=self._free)
                if self._free(most) < 1:
                    return
                self._begin(claim, [most] if most else [], share=False)
            self.waiting.popleft()

    def _free(self, member: Member | None) -> int:
        """How many more claims a process can begin; None is this one."""
        if member is None:
            return self.jobs - sum(task.here for task in self.tasks.values())
        return member.slots - sum(member in task.crew for task in self.tasks.values())

    def _begin(self, claim: int, crew: list[Member], *, share: bool) -> None:
        self._count += 1
        task = _Task(self._count, claim, crew)
        self.tasks[task.number] = task
        if share:
            task.share = self.hub.shares[task.number] = Share(task.number, crew)
            task.share.start(claim)
        if task.here:
            thread = threading.Thread(target=self._check, args=(task,), daemon=True)
            self.threads.append(thread)
            thread.start()
        else:
            with contextlib.suppress(LostError):  # The reader says so as well.
                crew[0].channel.send("check", task=task.number, claim=claim)

    def _check(self, task: _Task) -> None:
        fleet = task.share.fleet if task.share else None
        try:
            report = report_of(self.entries[task.claim], self.settings, fleet)
            if task.share:
                task.share.confirm(report)
            self.hub.events.put(("report", None, task.number, report))
        except FleetError as error:
            self.hub.events.put(("failed", task.number, str(error)))
        except BaseException as error:
            self.hub.events.put(("raised", error))

    def _end(self, number: int) -> _Task | None:
        """Forget a task; None if it was given up before."""
        task = self.tasks.pop(number, None)
        if task and task.share:
            task.share.stop()
            self.hub.shares.pop(number, None)
        return task

    def _on_joined(self, member: Member) -> None:
        self.members = sorted([*self.members, member], key=lambda m: m.index)
        self.known.add(member.index)

    def _on_refused(self, index: int | None, why: str) -> None:
        if index is not None:
            self.known.add(index)
        name = "a process" if index is None else f"process {index}"
        self.warn(f"{name} was refused: {why}")

    def _on_lost(self, member: Member, why: str) -> None:
        if member in self.members:
            self.members.remove(member)
        lost = [task for task in self.tasks.values() if member in task.crew]
        for task in lost:
            self._end(task.number)
            self.waiting.appendleft(task.claim)
        names = ", ".join(self.entries[task.claim].name for task in lost)
        where = "elsewhere" if self.members else "here"
        after = time.monotonic() - member.since
        self.warn(
            f"process {member.index} was lost after {after:.0f} s: it {why}"
            + (f"; {names} is checked again {where}" if len(lost) == 1 else "")
            + (f"; {names} are checked again {where}" if len(lost) > 1 else "")
        )

    def _on_report(
        self, _member: Member | None, number: int, report: Report
    ) -> Report | None:
        task = self._end(number)
        if task is None:  # Given up before: somebody else checks it again.
            return None
        here = [0] if task.here else []
        self.done[(*here, *(member.index for member in task.crew))] += 1
        return report

    def _on_failed(self, number: int, why: str) -> None:
        task = self._end(number)
        if task:  # Nobody was lost, so it would go wrong again.
            self.alone.add(task.claim)
            self.waiting.appendleft(task.claim)
            name = self.entries[task.claim].name
            self.warn(f"the draws of {name} could not be shared: {why}; checked alone")

    def _on_raised(self, error: BaseException) -> None:
        raise error

    def _late(self) -> list[int]:
        """Who has not been heard of so far."""
        return [i for i in range(1, self.hub.place.size) if i not in self.known]

    def _remark_on_the_late(self) -> None:
        if self.hub.overdue and not self._late_said:
            self._late_said = True
            for index in self._late():
                self.warn(
                    f"process {index} has not connected after"
                    f" {self.hub.place.wait:g} s: going on without it"
                )
