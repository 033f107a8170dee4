"""Directions: the few combinations of normal numbers that a smooth function depends on.

If the gradient of f lies in the span of the columns of V, an orthonormal frame, then
f(z) = f(V V' z), and V' z is again standard normal, of few numbers. Gradients at drawn
points give V; fresh points, most of them farther out, test the identity itself.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from empirical.montecarlo.evaluate import Layout

__all__ = ["frames", "is_smooth"]


class Integrand(Protocol):
    """The outputs at all points, as functions of normal numbers and an outcome."""

    count: int
    numbers: int
    outputs: int
    chunk: int

    def draw(self, point: Any, normals: jax.Array, index: Any) -> jax.Array:
        """The outputs at one point."""
        ...

    def values(self, normals: np.ndarray, index: np.ndarray) -> np.ndarray:
        """The outputs at all points, shape (points, draws, outputs)."""
        ...


PILOTS = 256
"""Gradients at every point, from which the directions are read."""
RANK = 1e-9
"""Singular values below this, relative to the largest, are rounding."""
TESTS = 2**12
"""Fresh draws at every point on which the function must not leave its directions."""
SAME = 1e-9
"""Largest change off the directions, relative to the value and to its usual size."""
SPREADS = (1.0, 2.0, 3.0)
"""Scales of the drawn numbers: what shows only far out is looked for there."""
MOST_GRADIENTS = 2**24
"""Entries of all pilot gradients together."""

# fmt: off
_KINKS = {
    "abs", "approx_top_k", "argmax", "argmin", "ceil", "clamp", "cummax", "cummin",
    "eq", "floor", "ge", "gt", "is_finite", "le", "lt", "max", "min", "ne",
    "nextafter", "reduce_and", "reduce_max", "reduce_min", "reduce_or", "rem",
    "round", "sign", "sort", "top_k",
}
# fmt: on
# Functions that are smooth although their programs have kinks that cancel. A name that
# misleads only costs time.
_SMOOTH = {"det", "inv", "log_sigmoid", "sinc", "slogdet", "softplus", "solve"}
_CALLS = {"checkpoint", "custom_jvp_call", "custom_vjp_call", "jit", "pjit", "remat2"}


def is_smooth(layout: Layout, points: Mapping[str, Any]) -> bool:
    """Whether no step of the integrand that depends on normal noise has a kink or jump.

    Gauss-Hermite rules do not converge where there is one, so that a look at the
    program saves running it.
    """
    point = {n: jax.ShapeDtypeStruct(v.shape[1:], v.dtype) for n, v in points.items()}
    kinds = {"normal": jnp.float64, "uniform": jnp.float64, "words": jnp.uint32}
    base = {s: jax.ShapeDtypeStruct((n,), kinds[s]) for s, n in layout.sizes.items()}
    with jax.enable_x64(True):
        program = jax.make_jaxpr(layout.draw)(point, base)
    # Inputs have the order of the sorted names: those of the points come first.
    noisy = [False] * len(point) + [source == "normal" for source in sorted(base)]
    return _follow(program.jaxpr, noisy) is not None


def _follow(jaxpr: Jaxpr, noisy: list[bool]) -> list[bool] | None:
    """Which outputs depend on noise; None if they do so through a kink."""
    known = dict(zip(jaxpr.invars, noisy, strict=True))

    def read(atom: Any) -> bool:
        return known.get(atom, False) if not hasattr(atom, "val") else False

    for equation in jaxpr.eqns:
        given = [read(atom) for atom in equation.invars]
        depends = any(given)
        name = equation.primitive.name
        results = [depends] * len(equation.outvars)
        if depends and equation.params.get("name") not in _SMOOTH:
            # A selection by the parameters alone is no jump.
            jumps = name in _KINKS or (name == "select_n" and given[0])
            if jumps or not all(map(_is_real, equation.outvars)):
                return None
            for body in _bodies(equation.params):
                # A loop or a branch: any of its values may depend on the noise.
                same = name in _CALLS and len(body.invars) == len(given)
                inner = _follow(body, given if same else [True] * len(body.invars))
                if inner is None:
                    return None
                if same and len(inner) == len(results):
                    results = inner
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _bodies(options: Mapping[str, Any]):
    for option in options.values():
        for part in option if isinstance(option, (list, tuple)) else (option,):
            if isinstance(part, ClosedJaxpr):
                yield part.jaxpr
            elif isinstance(part, Jaxpr):
                yield part


def _is_real(variable: Any) -> bool:
    """Whether a value is a number in double precision: others are steps."""
    return getattr(variable.aval, "dtype", None) == jnp.float64


def frames(
    integrand: Integrand,
    points: Mapping[str, Any],
    outcomes: int,
    key: tuple[int, int],
    most: int,
) -> np.ndarray | None:
    """An orthonormal frame at every point that the integrand does not leave.

    Args:
        integrand: What is averaged.
        points: Array parameters, with a leading axis for the points.
        outcomes: How many outcomes the discrete noise has.
        key: Names the draws.
        most: Largest number of directions.

    Returns:
        Frames of shape (points, numbers, directions), padded with zeros where a point
        has fewer directions; None if one has more, or if a fresh draw shows another.
    """
    random = np.random.default_rng(key)
    gradients = _gradients(integrand, points, outcomes, random)
    if gradients is None or not np.isfinite(gradients).all():
        return None
    # Far out gradients may be huge: every draw has its say.
    norms = np.linalg.norm(gradients, axis=2, keepdims=True)
    floor = 1e-6 * np.median(norms, axis=1, keepdims=True)
    gradients = gradients / np.maximum(np.maximum(norms, floor), 1e-300)
    _, sizes, axes = np.linalg.svd(gradients, full_matrices=False)
    ranks = (sizes > RANK * sizes[:, :1]).sum(axis=1)
    if ranks.max() > most:
        return None
    kept = max(int(ranks.max()), 1)
    axes = np.where((np.arange(kept) < ranks[:, None])[:, :, None], axes[:, :kept], 0.0)
    found = np.swapaxes(axes, 1, 2)
    return found if _stays(integrand, found, outcomes, random) else None


def _gradients(integrand, points, outcomes, random) -> np.ndarray | None:
    """Gradients of one combination of the outputs a draw, (points, draws, numbers)."""
    count, numbers = integrand.count, integrand.numbers
    if count * PILOTS * numbers > MOST_GRADIENTS:
        return None

    def combined(normals, point, index, weights):
        return weights @ integrand.draw(point, normals, index)

    over_draws = jax.vmap(jax.grad(combined), (0, None, 0, 0))
    over_points = jax.vmap(over_draws, (None, 0, None, None), axis_size=count)
    # It runs once: compiled in half the time.
    program = jax.jit(
        over_points, compiler_options={"xla_backend_optimization_level": 0}
    )
    normals = _normals(random, PILOTS, numbers)
    index = np.resize(random.permutation(outcomes), PILOTS)
    weights = random.standard_normal((PILOTS, integrand.outputs))
    try:
        with jax.enable_x64(True):
            return np.asarray(program(normals, points, index, weights))
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None  # A step without a derivative, which is as good a function to draw.


def _stays(integrand, found, outcomes, random) -> bool:
    """Whether fresh draws give the same values when they are put into the frames."""
    normals = _normals(random, TESTS, integrand.numbers)[None]
    # At most a quarter as many outcomes as draws: every one has its turn.
    index = np.resize(random.permutation(outcomes), TESTS)
    for start in range(0, TESTS, integrand.chunk):
        chunk = slice(start, start + integrand.chunk)
        part, which = normals[:, chunk], index[chunk]
        whole = integrand.values(part, which)
        within = integrand.values((part @ found) @ np.swapaxes(found, 1, 2), which)
        typical = np.median(np.abs(whole), axis=1, keepdims=True)
        limit = SAME * (np.abs(whole) + typical)
        # Not finite is not the same.
        if not (np.abs(whole - within) <= limit).all():
            return False
    return True


def _normals(random: np.random.Generator, draws: int, numbers: int) -> np.ndarray:
    """Normal numbers of shape (draws, numbers), of several scales in turn."""
    scales = random.permutation(np.resize(SPREADS, draws))
    return scales[:, None] * random.standard_normal((draws, numbers))
