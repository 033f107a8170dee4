"""The decision without sampling error: exact means, identities and bounds."""

import math

import numpy as np

from tallystick.relations import Bound
from tallystick.verdict import Decision, Verdict, Worst

__all__ = ["ZERO_VARIANCE", "decide_bound", "decide_equal", "unused_noise"]

ZERO_VARIANCE = (
    "zero variance: no draw differs from another, so the integrand does not use its"
    " noise (or only in events too rare to be seen); a deterministic claim has the"
    " relation Identity"
)

MISSED = 1e-9
"""Largest probability of missing an attained bound at which it counts as missed."""
FLOOR = 1e-13
"""Differences below this times the typical size are rounding, even about zero."""


def decide_equal(
    measured: np.ndarray,
    target: np.ndarray,
    *,
    tolerance: float,
    draws: int,
    size: np.ndarray | None = None,
) -> Decision:
    """Decide whether every measured value equals the target to rounding.

    Args:
        measured: Shape (draws, points, outputs): each draw must equal the target.
        target: Shape (points, outputs), finite.
        tolerance: Relative to the largest output at the same point.
        draws: How many draws or outcomes stand behind the measured values.
        size: Mean size of what was averaged, shape (points, outputs): where terms
            cancel, rounding is relative to them and not to their sum.
    """
    if not np.isfinite(measured).all():
        return _not_finite(measured, target, draws)
    gaps = np.abs(measured - target)
    allowed = tolerance * _scale(measured, target)
    if size is not None:
        allowed = np.maximum(allowed, tolerance * size)
    worst = _worst(gaps / allowed, measured, target)
    if (gaps <= allowed).all():
        return Decision(
            Verdict.AGREE,
            draws=draws,
            detectable=tolerance,
            detectable_factor=tolerance,
            worst=worst,
            exact=True,
        )
    return Decision(
        Verdict.DISAGREE,
        reason="the closed form is not the measured value",
        draws=draws,
        detectable=tolerance,
        detectable_factor=tolerance,
        worst=worst,
        exact=True,
    )


def decide_bound(
    measured: np.ndarray, target: np.ndarray, relation: Bound, *, random: bool
) -> Decision:
    """Decide whether no draw crosses the bound, and whether an attained one is reached.

    Args:
        measured: Shape (draws, points, outputs).
        target: The bound, shape (points, outputs), finite.
        relation: Side, tolerance and whether the bound is attained.
        random: Whether the draws differ, so that a bound may be missed by chance.
    """
    draws = len(measured)
    if not np.isfinite(measured).all():
        return _not_finite(measured, target, draws)
    sign = 1.0 if relation.side == "lower" else -1.0
    allowed = relation.tolerance * _scale(measured, target)
    room = sign * (measured - target)
    nearest = room.min(axis=0)
    tightness = _tightness(measured, target, relation)
    verdict, reason, worst = (
        Verdict.AGREE,
        "",
        _worst(-room / allowed, measured, target),
    )
    # A true bound that is reached at random is missed at some output with less than:
    missed = target.size * (1 - relation.share) ** draws if random else 0.0
    if (room < -allowed).any():
        verdict, reason = Verdict.DISAGREE, f"a draw is past the {relation.side} bound"
    elif relation.attained and (nearest > allowed.min(axis=0)).any():
        verdict = Verdict.DISAGREE if missed < MISSED else Verdict.INCONCLUSIVE
        reason = (
            f"the bound is not attained: the closest draw is at {tightness:.6g} x it"
        )
        if verdict is Verdict.INCONCLUSIVE:
            reason += f"; {draws} draws may all have missed it"
        closest = np.where(room == nearest, nearest, -math.inf)
        worst = _worst(closest, measured, target)
    return Decision(
        verdict,
        reason=reason,
        draws=draws,
        detectable=relation.tolerance if relation.attained else math.nan,
        detectable_factor=relation.tolerance if relation.attained else math.nan,
        worst=worst,
        exact=True,
        tightness=tightness,
        false_alarm=missed if relation.attained else 0.0,
    )


def unused_noise(draws: int) -> Decision:
    """The decision where no output at any point depends on the noise."""
    return Decision(Verdict.INVALID, reason=ZERO_VARIANCE, draws=draws, exact=True)


def _tightness(measured, target, relation: Bound) -> float:
    """The ratio draw / bound closest to 1; if attained, worst over the points."""
    usable = np.abs(target) > FLOOR * np.abs(target).max() if target.any() else None
    if usable is None or not usable.any():
        return math.nan
    room = np.abs(measured - target)
    nearest = np.take_along_axis(measured, room.argmin(axis=0)[None], axis=0)[0]
    ratios = (nearest / np.where(usable, target, 1.0))[usable]
    gaps = np.abs(ratios - 1)
    return float(ratios[gaps.argmax() if relation.attained else gaps.argmin()])


def _scale(measured: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Largest output at the same point, with a floor for points where all is zero."""
    size = np.maximum(np.abs(measured), np.abs(target)).max(axis=-1, keepdims=True)
    typical = float(np.median(size)) or 1.0
    return np.broadcast_to(np.maximum(size, 1e-4 * typical), measured.shape)


def _worst(score: np.ndarray, measured: np.ndarray, target: np.ndarray) -> Worst:
    draw, point, output = np.unravel_index(int(np.argmax(score)), score.shape)
    return Worst(
        int(point),
        int(output),
        float(target[point, output]),
        float(measured[draw, point, output]),
    )


def _not_finite(measured: np.ndarray, target: np.ndarray, draws: int) -> Decision:
    return Decision(
        Verdict.INVALID,
        reason="the measured value is not finite",
        draws=draws,
        worst=_worst(~np.isfinite(measured), measured, target),
        exact=True,
    )
