"""The right formula of the wrong arguments, or the right value in the wrong order.

No coefficient is fitted: the changed form must account for every output as it is.
"""

import itertools
import math
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from empirical.montecarlo.program import apply
from tallystick.diagnosis.evidence import Evidence, fit
from tallystick.diagnosis.explanation import Explanation
from tallystick.diagnosis.expressions import Reader

__all__ = ["angles", "arguments", "indices", "orders"]

MOST_VARIANTS = 24
MOST_SITES = 8
_CARRIED = {"broadcast_in_dim", "convert_element_type", "mul", "reshape", "squeeze"}
Points = Mapping[str, np.ndarray]


def orders(evidence: Evidence) -> list[Explanation]:
    """The output transposed, or its entries in the opposite order."""
    shape = evidence.value_shape
    values = evidence.target.reshape(-1, *shape)
    changed = {}
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        changed["transposed"] = np.swapaxes(values, -1, -2)
    if len(shape) == 1 and shape[0] > 1:
        changed["in the opposite order"] = values[:, ::-1]
    found = []
    for name, other in changed.items():
        text = f"the formula's value is right once it is {name}"
        suggestion = (
            "transpose the value of the formula"
            if name == "transposed"
            else "reverse the order of the formula's entries"
        )
        found += _fitting(evidence, other.ravel(), text, f"value {name}", suggestion, 2)
    return found


def arguments(evidence: Evidence) -> list[Explanation]:
    """Parameters exchanged, turned, or taken for a function of themselves."""
    variants = list(_variants(evidence.points))[:MOST_VARIANTS]
    if not variants:
        return []
    values = evidence.at([{**evidence.points, **v} for _, v in variants])
    found = []
    for (name, _), value in zip(variants, values, strict=True):
        text = f"the formula is right with {name}"
        found += _fitting(evidence, value, text, name, f"use {name}", len(variants))
    return found


def angles(evidence: Evidence) -> list[Explanation]:
    """An angle inside the formula replaced by pi minus it, at one of its uses."""
    sites = list(itertools.islice(_angle_sites(evidence.program), MOST_SITES))
    if not evidence.points or not sites:
        return []
    names = sorted(evidence.points)

    def changed(**point):
        inputs = [point[n] for n in names]
        return jnp.stack([_replaced(evidence.program, inputs, s) for s in sites])

    values = evidence.evaluated(changed, {}).reshape(len(evidence.mean), len(sites), -1)
    said = Reader(evidence.program, names)
    found = []
    for number, (user, position) in enumerate(sites):
        equation = evidence.program.jaxpr.eqns[user]
        angle = said(equation.invars[position])
        with_theta = Reader(evidence.program, names)
        with_theta.names[equation.invars[position]] = "theta"
        use = with_theta(equation.outvars[0])
        name = f"pi - theta in place of theta = {angle} in {use}"
        text, value = f"the formula is right with {name}", values[:, number].ravel()
        found += _fitting(evidence, value, text, name, f"use {name}", len(sites))
    return found


def indices(evidence: Evidence) -> list[Explanation]:
    """A static integer off by one."""
    found = []
    for name, value in evidence.static.items():
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        for other in (value + 1, value - 1):
            try:
                values = evidence.evaluated(
                    evidence.form, {**evidence.static, name: other}
                )
            except (ArithmeticError, LookupError, TypeError, ValueError):
                continue  # The form need not accept that value.
            if values.size != evidence.target.size:
                continue
            shown = f"{name} {'+' if other > value else '-'} 1"
            text = f"{shown} in place of {name} (= {value} here)"
            found += _fitting(
                evidence, values, f"the formula is right with {text}", text,
                f"use {shown}", 2,
            )  # fmt: skip
    return found


def _angle_sites(program: ClosedJaxpr):
    """Equation numbers and operand positions where an arccos or arctan is used."""
    made = {out: e for e in program.jaxpr.eqns for out in e.outvars}

    def is_angle(atom) -> bool:
        while not isinstance(atom, Literal) and atom in made:
            equation = made[atom]
            if equation.primitive.name in ("acos", "atan2"):
                return True
            # Twice an arctan is an angle as well.
            parts = [a for a in equation.invars if not isinstance(a, Literal)]
            if equation.primitive.name not in _CARRIED or len(parts) != 1:
                return False
            atom = parts[0]
        return False

    for number, equation in enumerate(program.jaxpr.eqns):
        if is_angle(equation.outvars[0]):
            continue  # It only hands the angle on.
        for position, atom in enumerate(equation.invars):
            if is_angle(atom):
                yield number, position


def _replaced(program: ClosedJaxpr, inputs, site: tuple[int, int]):
    """The program's value with pi minus the operand at one place."""
    known = dict(zip(program.jaxpr.constvars, program.consts, strict=True))
    known.update(zip(program.jaxpr.invars, inputs, strict=True))
    for number, equation in enumerate(program.jaxpr.eqns):
        given = [a.val if isinstance(a, Literal) else known[a] for a in equation.invars]
        if number == site[0]:
            given[site[1]] = jnp.pi - given[site[1]]
        known.update(zip(equation.outvars, apply(equation, given), strict=True))
    last = program.jaxpr.outvars[0]
    return jnp.ravel(last.val if isinstance(last, Literal) else known[last])


def _fitting(evidence, value, text, short, suggestion, count) -> list[Explanation]:
    if not np.isfinite(value).all():
        return []
    changed = np.abs(value - evidence.target.ravel()) / evidence.scale
    if changed.max(initial=0.0) <= evidence.limit:
        return []
    found = fit(evidence, None, value)
    if found is None or not found.good:
        return []
    cost = 2.0 + math.log(max(count, 1))
    return [Explanation("argument", short, text, suggestion, cost, found)]


def _variants(points: Points):
    """Names and changed points, the most common mistakes first."""
    for (a, x), (b, y) in itertools.combinations(points.items(), 2):
        if x.shape == y.shape and not np.array_equal(x, y):
            yield f"{a} and {b} exchanged", {a: y, b: x}
    for name, x in points.items():
        if x.dtype.kind != "f" or not x.size:
            continue
        yield from _changed(name, x)


def _changed(name: str, x: np.ndarray):
    low, high = float(x.min()), float(x.max())
    if x.ndim > 1:
        yield f"-{name} in place of {name}", {name: -x}
        if x.ndim == 3 and x.shape[1] == x.shape[2] > 1:
            yield f"{name} transposed", {name: np.swapaxes(x, 1, 2)}
        return
    if low < 0:
        yield f"-{name} in place of {name}", {name: -x}
        return
    if 1 < high <= math.pi + 1e-9:
        yield f"pi - {name} in place of {name}", {name: math.pi - x}
    if high <= 1:
        yield f"1 - {name} in place of {name}", {name: 1 - x}
    yield f"sqrt({name}) in place of {name}", {name: np.sqrt(x)}
    yield f"{name}^2 in place of {name}", {name: x**2}
    if low > 0:
        yield f"1/{name} in place of {name}", {name: 1 / x}
