"""Turns: a decision procedure that stops wherever it asks for draws.

It runs in a thread of its own, but only while it is its turn: nothing runs at a time
with anything else.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

__all__ = ["Judge", "Looked", "Request"]


@dataclass(frozen=True)
class Looked:
    """What came of judging one form.

    Attributes:
        result: What the procedure returned.
        look: Number of the last look, -1 if there was none.
        deviation: Standard deviation of a draw there, flattened; None without a look.
        ended: Processor time of this program when it ended.
    """

    result: Any
    look: int
    deviation: np.ndarray | None
    ended: float = 0.0


@dataclass(frozen=True)
class Request:
    """What a procedure asks of a sampler; see `Sampler.moments_and_directions`."""

    key: tuple[int, int]
    draws: int
    directions: np.ndarray | None = None
    inflation: float = 1.0
    cross: bool = False
    squash: tuple[float, float] | None = None

    @property
    def sample(self) -> tuple:
        """What names the draws, whatever is measured on them."""
        return self.key, self.draws, self.inflation


class StoppedError(Exception):
    """The judge may not go on."""


class Judge:
    """One procedure, in a thread that runs only inside `go`.

    Args:
        work: The procedure, given a sampler.
        shared: Whom it asks for draws.
    """

    def __init__(self, work: Callable[[Any], Any], shared: Any):
        self.work, self.shared = work, shared
        self.request: Request | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.look, self.deviation, self.ended = -1, None, 0.0
        self._questions: SimpleQueue = SimpleQueue()
        self._answers: SimpleQueue = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def wanted(self) -> Request:
        """What it waits for."""
        assert self.request is not None
        return self.request

    def go(self, answer: Any) -> None:
        """Go on until the next request or the end."""
        if self.request is not None and self.request.key in self.shared.looks:
            self.look = self.shared.looks[self.request.key]
            self.deviation = answer[0].deviation.ravel()
        self._answers.put(answer)
        self.request = self._questions.get()
        self.ended = time.process_time()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End the thread, wherever it stands."""
        if self._thread.is_alive():
            self._answers.put(StoppedError())
        self._thread.join()

    def looked(self) -> Looked:
        """What came of it."""
        return Looked(self.result, self.look, self.deviation, self.ended)

    def _run(self) -> None:
        try:
            if not isinstance(self._answers.get(), StoppedError):
                self.result = self.work(View(self))
        except StoppedError:
            pass
        except BaseException as error:
            self.error = error
        self._questions.put(None)

    def ask(self, request: Request) -> Any:
        """Called in the thread: wait for a sample."""
        self._questions.put(request)
        answer = self._answers.get()
        if isinstance(answer, StoppedError):
            raise answer
        return answer


class View:
    """A sampler whose draws are asked for and not made.

    Args:
        judge: Who asks.
    """

    def __init__(self, judge: Judge):
        self._judge = judge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._judge.shared.sampler, name)

    def moments_and_directions(self, *args: Any, **kwargs: Any) -> Any:
        """As of a sampler."""
        return self._judge.ask(Request(*args, **kwargs))
