"""One number is wrong everywhere: a factor, a constant, the sign."""

import itertools
import math
from collections.abc import Mapping

import numpy as np

from tallystick.diagnosis.constants import Constant, Recognized, with_error
from tallystick.diagnosis.evidence import REACH, Evidence, Fit, fit
from tallystick.diagnosis.explanation import (
    Explanation,
    number,
    parameter_cost,
    settled,
)

__all__ = ["cause", "corrected", "factors", "named_sizes"]

MOST_ELSEWHERE = 3


def factors(evidence: Evidence) -> list[Explanation]:
    """A common factor, with the sign among them, and an additive constant."""
    return [e for e in (_factor(evidence), _offset(evidence)) if e is not None]


def named_sizes(evidence: Evidence) -> dict[str, int]:
    """Sizes that a constant may depend on: axes, static integers, other lengths."""
    sizes = dict(evidence.sizes)
    sizes |= {
        name: value
        for name, value in evidence.static.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    for name, values in evidence.points.items():
        for length in values.shape[1:]:
            if length not in sizes.values():
                sizes[f"len({name})"] = length
    return {name: n for name, n in sizes.items() if 1 < n < 10**6}


def cause(
    evidence: Evidence, value: float, error: float, found: Recognized, noun: str
) -> str:
    """What a wrong number may be: its name, or the interval and what fits."""
    best, sized = found.best, found.sized
    if best and not sized:
        return f"off by the {noun} {best.name}"
    if best and best.size is None:
        rivals = " or ".join(c.name for c in sized[:2])
        return f"off by the {noun} {best.name} (or {rivals}, the same here)"
    if best or (sized and not found.fits):
        names = [c for c in (best, *sized) if c is not None]
        listed = " or ".join(map(_here, names[:3]))
        if len(names) > 1 or not best:
            listed += " (one length cannot tell)"
        return f"off by the {noun} {listed}"
    if found.fits:
        low, high = value - REACH * error, value + REACH * error
        draws = evidence.draws * found.sharper**2
        return (
            f"off by a constant {noun} between {low:.4g} and {high:.4g};"
            f" {found.fits.name} fits, about {draws:.0e} draws would tell"
        )
    return (
        "off by a constant factor"
        if noun == "factor"
        else "off by an additive " + ("constant")
    )


def corrected(value: float, error: float, found: Recognized) -> str:
    """The correction of a factor, in words."""
    best = found.best or (found.sized[0] if found.sized and not found.fits else None)
    if best is None:
        return f"multiply the formula by {with_error(value, error)}"
    if best.value == 0:
        return "replace the formula by zero"
    if best.value == -1:
        return "change the sign of the formula"
    if best.name.startswith("1/"):
        return f"divide the formula by {best.name[2:]}"
    return f"multiply the formula by {best.name}"


def _here(constant: Constant) -> str:
    if constant.size is None:
        return constant.name
    return f"{constant.name} ({constant.size[0]} = {constant.size[1]} here)"


def _factor(evidence: Evidence) -> Explanation | None:
    column = evidence.target.ravel()
    found = fit(evidence, column)
    if found is None or not found.good:
        return None
    sizes = named_sizes(evidence)
    kept, guess = settled(evidence, found, column, sizes=sizes)
    value, error = found.value, found.error
    text = number(evidence, value, error)
    scope = "at every point"
    if guess.best and guess.best.value == 0:
        kind, short, why = "factor", "a mean of zero", "the mean is zero"
        scope = ""
    elif guess.best and guess.best.value == -1:
        kind, short, why = "sign", "the other sign", "the sign is wrong"
    else:
        kind, short = "factor", f"off by the factor {text}"
        why = cause(evidence, value, error, guess, "factor")
        known = bool(guess.best or guess.sized)
        elsewhere = _tried_elsewhere(evidence, guess, value) if known else None
        if elsewhere is not None:
            left, seen = elsewhere
            guess = left
            why = (
                f"off by the factor {left.best.name}"
                if left.best
                else ("off by a factor that varies")
            )
            if left.best is None or left.best.size:
                why += f" ({seen})"
    line = f"empirical = {text} x formula{' ' + scope if scope else ''}: {why}"
    structure = 0.5 if kind == "sign" else 1.0
    cost = structure + parameter_cost(value, error, guess)
    return Explanation(kind, short, line, corrected(value, error, guess), cost, kept)


def _tried_elsewhere(
    evidence: Evidence, guess: Recognized, value: float
) -> tuple[Recognized, str] | None:
    """The candidate that fits at other lengths too, if any, and what was seen there.

    None if there are no other lengths, or they leave several candidates.
    """
    candidates = [c for c in (guess.best, *guess.sized) if c is not None]
    own = named_sizes(evidence)
    seen: list[str] = []
    lengths: dict[str, set[int]] = {}
    for other in itertools.islice(evidence.elsewhere(), MOST_ELSEWHERE):
        theirs = {**named_sizes(other), **other.sizes}
        differing = [n for n in own if n in theirs and theirs[n] != own[n]]
        found = fit(other, other.target.ravel()) if other.usable else None
        if len(differing) != 1 or found is None or not found.good:
            continue
        if other.target.size < 2 or found.error > 0.1 * abs(found.value):
            continue
        candidates = [c for c in candidates if _fits(c, theirs, found)]
        name = differing[0]
        lengths.setdefault(name, {own[name]}).add(theirs[name])
        seen.append(f"{found.value:.4g} at {name} = {theirs[name]}")
    if not seen or len(candidates) > 1:
        return None
    if not candidates:
        return Recognized(), f"{value:.4g} here, {', '.join(seen)}"
    constant = candidates[0]
    if constant.size is None:
        return Recognized(best=constant), ""
    name = constant.size[0]
    if name not in lengths:
        return None
    listed = ", ".join(map(str, sorted(lengths[name])))
    return Recognized(best=constant), f"at {name} = {listed}"


def _fits(constant: Constant, sizes: Mapping[str, int], found: Fit) -> bool:
    value = constant.value
    if constant.size is not None and constant.of is not None:
        n = sizes.get(constant.size[0])
        if n is None or (n < 2 and "- 1" in constant.name):
            return False
        value = constant.of(n)
    slack = REACH * found.error + 1e-8 * abs(value)
    return math.isfinite(value) and abs(found.value - value) <= slack


def _offset(evidence: Evidence) -> Explanation | None:
    target = evidence.target.ravel()
    column = np.ones_like(target)
    found = fit(evidence, column, target)
    if found is None or not found.good or found.near(0.0):
        return None
    kept, guess = settled(
        evidence, found, column, target, named_sizes(evidence), neutral=0.0
    )
    value, error = found.value, found.error
    why = cause(evidence, value, error, guess, "constant")
    if guess.fits:
        why = "off by an additive constant"
    sign = "+" if value >= 0 else "-"
    size = number(evidence, abs(value), error)
    line = f"empirical = formula {sign} {size} at every point: {why}"
    verb = "add" if value >= 0 else "subtract"
    amount = guess.best.name.lstrip("-") if guess.best else size
    cost = 2.0 + parameter_cost(value, error, guess)
    short = f"off by the constant {sign}{size}"
    return Explanation(
        "offset", short, line, f"{verb} {amount} in the formula", cost, kept
    )
