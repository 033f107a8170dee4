"""Sites: the operations of a formula that its author wrote, and where they stand.

What counts as written by the author: every equation of the program, except what lies
inside a call (`jit`, `custom_jvp`, ...) of a function that comes with an installed
library, such as `jnp.linalg.norm`, `jnp.where` or `jax.nn.relu`. Such a call is one
operation: what is given to it may change, what it does inside may not. Functions of the
formula's own package are opened, decorated or not, and so are loops of a fixed number
of turns (`scan`); `while` loops and branches are not, since a wrong condition may never
end. What does not reach the result is left out: changing it gives the same program.
"""

import functools
import inspect
import linecache
import os
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Var

from empirical.montecarlo.program import is_call, subprograms

__all__ = ["Author", "Site", "sites"]


@dataclass(frozen=True)
class Site:
    """An operation that the author wrote.

    Attributes:
        equation: The equation of the program.
        file: The file of the line that made it; "" if unknown.
        line: The number of that line.
        count: How many operations of this kind the line has made before.
    """

    equation: JaxprEqn
    file: str
    line: int
    count: int

    @property
    def key(self) -> tuple:
        """What names the site in the programs of all cases."""
        return self.file, self.line, self.equation.primitive.name, self.count

    @property
    def location(self) -> str:
        """The line of source, as "file:line: code"."""
        if not self.file:
            return ""
        code = linecache.getline(self.file, self.line).strip()
        shown = os.path.relpath(self.file)
        shown = self.file if shown.startswith(os.pardir) else shown
        return f"{shown}:{self.line}: {code}"


class Author:
    """Tells what the author of a formula wrote from what libraries do for it.

    Args:
        form: The formula.
    """

    def __init__(self, form: Callable[..., Any]):
        try:
            file = inspect.getfile(inspect.unwrap(form))
            self.own = str(Path(file).resolve().parent) + os.sep
        except TypeError:  # Made without a file, as a partial application is.
            self.own = ""

    def opens(self, equation: JaxprEqn) -> bool:
        """Whether the body of a call or a loop was written by the author."""
        if equation.primitive.name == "scan":
            return self.written(equation)[0] != ""
        if not is_call(equation):
            return False
        body = next(subprograms(equation), None)
        return body is not None and not self._foreign(_defined(body))

    def written(self, equation: JaxprEqn) -> tuple[str, int]:
        """File and line of the innermost frame that is not of a library."""
        traceback = equation.source_info.traceback
        for frame in traceback.frames if traceback else ():
            if not self._foreign(frame.file_name):
                return frame.file_name, frame.line_num
        return "", 0

    def _foreign(self, file: str) -> bool:
        """Whether a file belongs to a library other than the formula's own package."""
        root = _library(file)
        if not root:
            return False
        return not (self.own.startswith(root) and file.startswith(self.own))


def sites(program: ClosedJaxpr, author: Author) -> list[Site]:
    """The operations of a program that reach its result, in order, each once."""
    seen: set[int] = set()
    counts: Counter = Counter()
    found = []
    wanted = [True] * len(program.jaxpr.outvars)
    for equation in _live(program.jaxpr, wanted, author.opens):
        if id(equation) in seen:  # The body of a function that is called twice.
            continue
        seen.add(id(equation))
        file, line = author.written(equation)
        counted = (file, line, equation.primitive.name)
        found.append(Site(equation, file, line, counts[counted]))
        counts[counted] += 1
    return found


def _live(
    jaxpr: Jaxpr, wanted: list[bool], opens: Callable[[JaxprEqn], bool]
) -> Iterator[JaxprEqn]:
    """Equations that reach the wanted outputs; an opened body stands for its call."""
    asked = [v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w]
    live = {v for v in asked if isinstance(v, Var)}
    kept: list[tuple[JaxprEqn, list[bool]]] = []
    for equation in reversed(jaxpr.eqns):
        reached = [v in live for v in equation.outvars]
        if any(reached):
            kept.append((equation, reached))
            live |= {v for v in equation.invars if isinstance(v, Var)}
    for equation, reached in reversed(kept):
        if not opens(equation):
            yield equation
            continue
        body = next(subprograms(equation))
        inner = body.jaxpr if isinstance(body, ClosedJaxpr) else body
        if equation.primitive.name == "scan":  # What it carries may come round again.
            reached = [True] * len(inner.outvars)
        yield from _live(inner, reached, opens)


def _defined(body: ClosedJaxpr | Jaxpr) -> str:
    """The file of the function that a call was made from; "" if unknown."""
    jaxpr = body.jaxpr if isinstance(body, ClosedJaxpr) else body
    described = getattr(jaxpr.debug_info, "func_src_info", None) or ""
    return described.rpartition(" at ")[2].rpartition(":")[0]


@functools.cache
def _library(file: str) -> str:
    """The folder of the library that a file is part of; "" if it is of none."""
    if file.startswith("<frozen"):
        return file
    return next((root for root in _LIBRARIES if file.startswith(root)), "")


_LIBRARIES = tuple(
    os.path.join(folder, "")
    for folder in {
        str(Path(jax.__file__).parent),
        str(Path(__file__).parents[1]),
        *(sysconfig.get_path(n) for n in ("purelib", "platlib", "stdlib")),
    }
)
