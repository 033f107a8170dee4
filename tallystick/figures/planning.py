"""Which picture a subject gets: what it is drawn along, and by what means."""

import numpy as np

from tallystick.bench import Settings
from tallystick.claim import Claim
from tallystick.errors import TallystickError
from tallystick.figures.along import along_direction, telling
from tallystick.figures.directions import ANGLE
from tallystick.figures.discrete import along_choice, along_entries
from tallystick.figures.laws import along_values
from tallystick.figures.measuring import Stage
from tallystick.figures.picture import Picture
from tallystick.figures.sizes import along_sizes
from tallystick.figures.slices import choices, known_names, unknown
from tallystick.figures.subject import Subject
from tallystick.relations import Distribution, Exponent, Limit

__all__ = ["ENTRIES", "planned"]

ENTRIES = "entries"
FEW_ENTRIES = 3
"""A value with fewer entries is drawn over something else."""


def planned(
    subject: Claim | Subject,
    along: str | None,
    settings: Settings | None,
    points: int,
    draws: int,
) -> Picture:
    """The picture of a subject; see `tallystick.figures.draw`.

    Raises:
        DomainError: There is nothing of that name to draw along.
        TallystickError: The closed form is finite nowhere on the slice.
    """
    picture = _picture(subject, along, settings, points, draws)
    if not any(np.isfinite(series.line_y).any() for series in picture.series):
        raise TallystickError(
            f"{subject.name} cannot be drawn along {picture.x_label}: the closed form"
            " is finite nowhere"
        )
    return picture


def _picture(
    subject: Claim | Subject,
    along: str | None,
    settings: Settings | None,
    points: int,
    draws: int,
) -> Picture:
    seed = (settings or Settings()).seed
    # A figure takes few draws: what they gain by optimization is less than it costs.
    stage = Stage(subject, Settings(seed, optimized=False), draws)
    relation, case = stage.relation, stage.cases[0]
    slicer = stage.slicer(case)
    directions = {d.name: d for d in slicer.directions()}
    static = choices(subject.domain)
    size = getattr(relation, "size", None)
    law = isinstance(relation, Distribution)
    extra = (relation.argument,) if law else (size,) if size else ()
    extra = tuple(
        name for name in (*extra, ENTRIES) if name not in (*directions, *static)
    )
    names = known_names(slicer, extra)
    if along in ("theta", "θ") and along not in names:
        along = ANGLE
    if along is not None and along not in names:
        raise unknown(along, names)
    if isinstance(relation, Distribution):
        chosen = directions.get(along or "")
        if along is not None and chosen is None and along != relation.argument:
            raise unknown(along, (relation.argument, *directions))
        return along_values(stage, points, chosen)
    if isinstance(relation, (Limit, Exponent)) and along in (None, size):
        return along_sizes(stage)
    if along is None:
        along = _default(stage, directions, static)
    if along in directions:
        return along_direction(stage, directions[along], points)
    if along in static:
        return along_choice(stage, along)
    return along_entries(stage)


def _default(stage: Stage, directions, static) -> str:
    """What a figure is drawn along if nobody says."""
    if directions:
        return telling(stage, stage.cases[0], [*directions.values()]).name
    case = stage.cases[0]
    outputs = stage.line(case, stage.slicer(case).rows(None, [0.0])).shape[1]
    if outputs >= FEW_ENTRIES or not static:
        return ENTRIES
    return max(static, key=lambda name: len(static[name]))
