import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout_shrinkage as analytic
from claims.dropout_shrinkage import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout_shrinkage as empirical

RATES = [0.0, 1e-3, 0.3, 0.9]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
VALUE_ULPS = 2.7  # Measured 1.33.
MAP_ULPS = 1.4  # Measured 0.66.
SLOPE_ULPS = 2.1  # Measured 1.04.

minimum = jax.jit(analytic.minimum, static_argnums=3)
minimizer = jax.jit(analytic.minimizer, static_argnums=3)
slope_of_minimum = jax.jit(jax.grad(analytic.minimum), static_argnums=3)


def draw(seed, *shapes):
    """Normal arrays in the working precision."""
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), float) for shape in shapes]


def exact(array):
    """A matrix of floats as one of mpmath numbers."""
    return mpmath.matrix(np.asarray(array, np.float64).tolist())


def loss(product, factor, added, left, right):
    """The mean loss of a two-layer network, from the definition of its regularizer."""
    gap = (product - left * right.T) * factor
    weighted = factor.T * right
    sizes = (
        mpmath.fsum(x * x for x in left[:, j])
        * mpmath.fsum(x * x for x in weighted[:, j])
        for j in range(left.cols)
    )
    return mpmath.fsum(x * x for x in gap) + added * mpmath.fsum(sizes)


def best(product, factor, rate, width):
    """The map and the loss of networks that are balanced on every subspace.

    Networks of singular vectors 1 to k whose singular values lose `lost` each: for each
    k the loss is a parabola in `lost`, and the least over all k with no negative
    singular value is the minimum. Their columns can be made equal, so that the
    regularizer is lambda / width times the square of the sum.
    """
    rate = mpmath.mpf(float(rate))
    added = rate / (1 - rate)
    weighted = exact(product) * exact(factor)
    tall = weighted.rows >= weighted.cols
    U, S, V = mpmath.svd_r(weighted if tall else weighted.T)
    found = None
    for count in range(min(width, len(S)) + 1):
        total = mpmath.fsum(S[:count])
        lost = added * total / (width + added * count)
        if count and S[count - 1] < lost:
            continue
        value = count * lost**2 + mpmath.fsum(s**2 for s in S[count:])
        value += added / width * (total - count * lost) ** 2
        if found is None or value < found[0]:
            sizes = [s - lost if i < count else 0 for i, s in enumerate(S)]
            shrunk = U * mpmath.diag(sizes) * V
            found = value, shrunk if tall else shrunk.T
    value, shrunk = found
    return value, shrunk * exact(factor) ** -1


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_minimum_and_minimizer(shape, precision):
    worst_value = Worst("dropout_shrinkage.minimum", "|M| |S| sqrt(minimum)")
    worst_map = Worst(
        "dropout_shrinkage.minimizer",
        "|M| |S| cond(S) s_width / (s_width - s_(width + 1)), of the map times S",
    )
    for seed, rate in enumerate(RATES * 2):
        product, factor = draw(seed, shape, (shape[1], shape[1]))
        product = product * (1e3 if seed >= len(RATES) else 1)
        rate = jnp.asarray(rate, precision)
        for width in (1, 2, 4):
            value = minimum(product, factor, rate, width)
            network = minimizer(product, factor, rate, width)
            assert (value.dtype, network.dtype) == (precision, precision)
            with mpmath.workdps(DIGITS):
                least, shrunk = best(product, factor, rate, width)
                size = float(jnp.linalg.norm(product) * jnp.linalg.norm(factor))
                scale = size * max(mpmath.sqrt(least), 1e-30)
                if rate == 0 and width > 1:
                    assert value == 0
                else:
                    worst_value.add(value, least, scale, rate=rate, width=width)
                sizes = np.linalg.svd(np.asarray(product @ factor), compute_uv=False)
                gap = sizes[width - 1] - sizes[width] if width < len(sizes) else 1
                over = sizes[width - 1] / gap if width < len(sizes) else 1
                condition = float(np.linalg.cond(np.asarray(factor)) * over)
                error = exact(network) * exact(factor) - shrunk * exact(factor)
                missed = float(mpmath.norm(list(error)) / (size * condition))
                missed /= float(jnp.finfo(precision).eps)
                worst_map.put(missed, network.dtype, rate=rate, width=width)
    worst_value.check(VALUE_ULPS)
    worst_map.check(MAP_ULPS)


def test_no_network_near_the_minimizer_is_better():
    # From the definition: factors of the map with equal columns reach the value, and
    # all small changes of them are worse.
    with jax.enable_x64(True):
        product, factor = draw(4, (2, 2), (2, 2))
        rate = jnp.asarray(0.3)
        value = float(minimum(product, factor, rate, 2))
        shrunk = np.asarray(minimizer(product, factor, rate, 2) @ factor)
        w, sizes, y = np.linalg.svd(shrunk)
        # An eighth of a turn equals the columns of two balanced factors.
        turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
        left, right = w * np.sqrt(sizes) @ turn, y.T * np.sqrt(sizes) @ turn
        right = np.linalg.solve(np.asarray(factor).T, right)
        rng = np.random.default_rng(0)
        with mpmath.workdps(DIGITS):
            added = mpmath.mpf(0.3) / (1 - mpmath.mpf(0.3))
            given = exact(product), exact(factor), added
            reached = loss(*given, exact(left), exact(right))
            assert float(reached) == pytest.approx(value, rel=1e-13)
            for size in (1e-3, 1e-1):
                for _ in range(10):
                    changes = rng.normal(size=(2, 2, 2)) * size
                    a, b = exact(left + changes[0]), exact(right + changes[1])
                    assert loss(*given, a, b) > reached


def test_a_wide_layer_without_dropout_learns_the_map(precision):
    zero = jnp.zeros((), precision)
    product, factor = draw(5, (3, 2), (2, 2))
    eps = float(jnp.finfo(precision).eps)
    gap = minimizer(product, factor, zero, 2) - product
    assert jnp.abs(gap).max() <= 64 * eps * jnp.abs(product).max()
    # A narrow one keeps the first singular value (E11.5).
    diagonal = jnp.diag(jnp.asarray([2.0, 1.0], precision))
    identity = jnp.eye(2, dtype=precision)
    kept = minimizer(diagonal, identity, zero, 1)
    assert jnp.array_equal(kept, jnp.diag(jnp.asarray([2.0, 0.0])))
    assert minimum(diagonal, identity, zero, 1) == 1


def test_the_zero_map(precision):
    zero, half = jnp.zeros((3, 2), precision), jnp.asarray(0.5, precision)
    factor = draw(1, (2, 2))[0]
    assert minimum(zero, factor, half, 2) == 0
    assert not minimizer(zero, factor, half, 2).any()
    slopes = jax.jit(jax.grad(analytic.minimum, (0, 1, 2)), static_argnums=3)
    assert all(not s.any() for s in slopes(zero, factor, half, 2))
    jacobian = jax.jit(jax.jacobian(analytic.minimizer), static_argnums=3)
    assert not jacobian(zero, factor, half, 2).any()


def test_a_singular_factor_has_no_one_map(precision):
    product, factor = draw(1, (3, 2), (2, 2))
    singular = factor.at[:, 1].set(0)
    half = jnp.asarray(0.5, precision)
    assert jnp.isfinite(minimum(product, singular, half, 2))
    assert not jnp.isfinite(minimizer(product, singular, half, 2)).all()


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_rates_outside_give_nan(rate, precision):
    product, factor = draw(1, (3, 2), (2, 2))
    rate = jnp.asarray(rate, precision)
    assert jnp.isnan(minimum(product, factor, rate, 2))
    assert jnp.isnan(minimizer(product, factor, rate, 2)).all()


TIES = {
    "generic": [[2.0, 0.3], [-0.4, 1.0], [0.1, 0.7]],
    "equal": [[0.0, 1.5], [1.5, 0.0], [0.0, 0.0]],
    "rank one": [[1.0, 2.0], [0.5, 1.0], [0.0, 0.0]],
}


@jax.jit
def directional(point, changes):
    """Derivative of the map for width 2."""
    form = functools.partial(analytic.minimizer, width=2)
    return jax.jvp(form, point, changes)[1]


@pytest.mark.parametrize("case", TIES)
def test_derivative_of_the_map(case):
    # Central differences of step h: an error of h^2, and rounding over h.
    with jax.enable_x64(True):
        product, rate = jnp.asarray(TIES[case]), jnp.asarray(0.2)
        factor = jnp.asarray([[1.0, 0.0], [0.0, 1.0]])
        changes = draw(7, (3, 2), (2, 2), ())
        point, step = (product, factor, rate), 1e-5
        slope = directional(point, tuple(changes))
        ends = [
            minimizer(
                *(p + sign * step * c for p, c in zip(point, changes, strict=True)), 2
            )
            for sign in (1, -1)
        ]
        measured = (ends[0] - ends[1]) / (2 * step)
        assert jnp.abs(slope - measured).max() <= 1e-8


def test_the_derivative_of_the_minimum_is_twice_what_is_not_learnt(precision):
    eps = float(jnp.finfo(precision).eps)
    for seed in range(4):
        product, factor = draw(seed, (3, 2), (2, 2))
        rate = jnp.asarray(0.3, precision)
        slope = slope_of_minimum(product, factor, rate, 2)
        gap = (product - minimizer(product, factor, rate, 2)) @ factor
        scale = jnp.linalg.norm(product) * jnp.linalg.norm(factor) ** 2
        scale *= np.linalg.cond(np.asarray(factor))
        assert jnp.abs(slope - 2 * gap @ factor.T).max() <= SLOPE_ULPS * eps * scale


@pytest.mark.parametrize("name", ["minimum", "minimizer"])
@pytest.mark.parametrize("side", [analytic, empirical])
def test_rejects(side, name):
    def call(product, factor, width):
        noise = {}
        if side is empirical:
            noise = {"inner": jnp.ones((width, 2)), "outer": jnp.ones((3, width))}
        return getattr(side, name)(product, factor, jnp.asarray(0.5), width, **noise)

    good = jnp.ones((3, 2)), jnp.eye(2)
    for bad in ((jnp.ones(2), good[1]), (good[0], jnp.eye(3)), (good[0], jnp.ones(2))):
        with pytest.raises(ValueError, match=r"must have shapes .*, got product\.sh"):
            call(*bad, 2)
    with pytest.raises(ValueError, match=r"width must be at least 1, got width=0"):
        call(*good, 0)


numbers = st.floats(-8, 8, width=16)


def matrices(rows, columns):
    """Small matrices with many zeros and ties."""
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(np.array)


@settings(max_examples=30)
@given(matrices(3, 2), st.floats(0, 6.25), st.floats(0, 0.9), st.sampled_from([1, 2]))
def test_the_minimum_scales_and_knows_no_rotation(product, angle, rate, width):
    with jax.enable_x64(True):
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        M, turned, S = (jnp.asarray(a) for a in (product, turn @ product, np.eye(2)))
        rate = jnp.asarray(rate)
        value = float(minimum(M, S, rate, width))
        other = float(minimum(turned, S, rate, width))
        scaled = float(minimum(-2 * M, S, rate, width))
    slack = 1e-13 * np.sum(product**2)
    assert abs(other - value) <= slack
    assert abs(scaled - 4 * value) <= 4 * slack


@settings(max_examples=30)
@given(matrices(3, 2), st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_minimum_grows_with_the_rate_and_falls_with_the_width(product, one, other):
    with jax.enable_x64(True):
        M, S = jnp.asarray(product), jnp.eye(2)
        low, high = (jnp.asarray(r) for r in sorted((one, other)))
        narrow, wide = (float(minimum(M, S, low, w)) for w in (1, 2))
        more = float(minimum(M, S, high, 1))
    size = np.sum(product**2)
    assert wide <= narrow + 1e-13 * size
    # At most the loss of the network that does nothing.
    assert narrow <= more + 1e-13 * size <= size * (1 + 1e-12)
