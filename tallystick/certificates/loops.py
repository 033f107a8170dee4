"""Ranges through loops of a fixed number of turns, followed turn by turn."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo.program import run, subprograms
from tallystick.certificates.arithmetic import Interval, interval_of

__all__ = ["LONGEST", "followed"]

LONGEST = 64
"""Turns of the longest loop that is followed."""

Rule = Callable[[JaxprEqn, list[Any]], Sequence[Interval]]


def followed(
    equation: JaxprEqn, given: list[Interval], rule: Rule
) -> list[Interval] | None:
    """The ranges that a `scan` gives; None for other equations and longer loops.

    Args:
        equation: The equation.
        given: Ranges of its inputs: constants, what is carried on, rows.
        rule: Gives the ranges of the equations of the body.
    """
    options = equation.params
    if equation.primitive.name != "scan" or not 0 < options["length"] <= LONGEST:
        return None
    body = next(subprograms(equation))
    if not isinstance(body, ClosedJaxpr):
        return None
    start, carried = options["num_consts"], options["num_carry"]
    fixed, carry = given[:start], given[start : start + carried]
    columns = given[start + carried :]
    turns = range(options["length"])
    stacked: list[list[Interval]] = []
    for turn in reversed(turns) if options["reverse"] else turns:
        row = [_row(column, turn) for column in columns]
        found = [interval_of(v) for v in run(body, [*fixed, *carry, *row], rule)]
        carry = found[:carried]
        stacked.append(found[carried:])
    if options["reverse"]:
        stacked.reverse()
    return [*carry, *(_stack(rows) for rows in zip(*stacked, strict=True))]


def _row(column: Interval, turn: int) -> Interval:
    low = column.low[turn]
    return Interval(low, low if column.fixed else column.high[turn])


def _stack(rows: Sequence[Interval]) -> Interval:
    low = np.stack([row.low for row in rows])
    if all(row.fixed for row in rows):
        return Interval(low, low)
    return Interval(low, np.stack([row.high for row in rows]))
