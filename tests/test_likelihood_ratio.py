import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import likelihood_ratio as analytic, spiked_cumulant
from claims.likelihood_ratio import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import likelihood_ratio as empirical

DTYPES = ["float32", "float64"]
RATIOS = [0.0, 1e-3, 0.7, 5.0, 100.0]
# Worst errors in ulp of the scales that the docstrings state, in either dtype.
RATIO_ULPS = 0.6  # Measured 0.3.
OVERLAP_ULPS = 2.4  # Measured 1.2.
# In ulp of (1 + beta)^2 (1 + l).
SLOPE_ULPS = 0.6  # Measured 0.3.


def density_ratio(u, beta):
    """Density of sqrt(gamma) nu + sqrt(1 - gamma) xi at u, over that of xi."""
    gamma = beta / (1 + beta)
    spread = mpmath.sqrt(1 - gamma)
    sides = [mpmath.npdf(u, nu * mpmath.sqrt(gamma), spread) for nu in (-1, 1)]
    return sum(sides) / 2 / mpmath.npdf(u)


def exact(vector):
    return [mpmath.mpf(float(entry)) for entry in vector]


def product(first, second):
    return mpmath.fsum(a * b for a, b in zip(first, second, strict=True))


POINTS = [[0.0, 0.0, 0.0], [0.3, -0.2, 0.1], [1.5, 1.0, -2.0], [1e-4, 0.0, 3.0]]
SPIKES = [[1.0, 0.0, 0.0], [0.3, -0.4, 0.5], [2.0, 1e-3, -1.0]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_ratio_equals_that_of_the_densities(dtype):
    rows = list(itertools.product(POINTS, SPIKES, RATIOS))
    with jax.enable_x64(True):
        x, v, beta = (jnp.asarray(c, dtype) for c in zip(*rows, strict=True))
        found = np.asarray(jax.jit(jax.vmap(analytic.ratio))(x, v, beta))
        slopes = jax.jit(jax.vmap(jax.grad(analytic.ratio, (0, 1, 2))))(x, v, beta)
    assert found.dtype == dtype
    for slope in slopes:
        assert np.isfinite(slope).all()
    scale = "itself times 1 + (1 + beta) (1 + |x|)^2"
    worst = Worst("likelihood_ratio.ratio", scale)
    with mpmath.workdps(DIGITS):
        for i, value in enumerate(found):
            point, spike, b = exact(x[i]), exact(v[i]), mpmath.mpf(float(beta[i]))
            u = product(point, spike) / mpmath.norm(spike)
            reference = density_ratio(u, b)
            scale = reference * (1 + (1 + b) * (1 + mpmath.norm(point)) ** 2)
            if reference > 1e-30:  # Within the range of float32.
                at = {"point": point, "spike": spike, "beta": b}
                worst.add(value, reference, scale, **at)
    worst.check(RATIO_ULPS)


def test_slopes_of_the_ratio():
    """Along the spike and in beta, also the second one, against 50 digits."""

    def form(u, beta):
        return analytic.ratio(u * jnp.eye(2)[0], jnp.eye(2)[0], beta)

    def slopes(u, beta):
        return *jax.grad(form, (0, 1))(u, beta), jax.grad(jax.grad(form))(u, beta)

    grid = list(itertools.product([0.0, 0.2, 1.5], [1e-3, 0.7, 5.0]))
    with jax.enable_x64(True):
        found = jax.jit(jax.vmap(slopes))(*jnp.asarray(grid).T)
    scale = "(1 + beta)^2 (1 + the ratio)"
    worst = Worst("likelihood_ratio.ratio", scale, "first and second", slope=True)
    with mpmath.workdps(DIGITS):
        for i, row in enumerate(grid):
            point = exact(row)
            scale = (1 + point[1]) ** 2 * (1 + density_ratio(*point))
            for values, order in zip(found, [(1, 0), (0, 1), (2, 0)], strict=True):
                reference = mpmath.diff(density_ratio, tuple(point), order)
                worst.add(values[i], reference, scale, u=point[0], beta=point[1])
    worst.check(SLOPE_ULPS)


@pytest.mark.parametrize(
    ("second", "beta"),
    [([1, 0], 0.75), ([-2, 0], 1.5), ([0.75, 1], 0.75), ([0, 1], 2)],
)
def test_overlap_equals_the_defining_integral(second, beta):
    """By the trapezoid rule in the plane, whose error is below 1e-20 at this step."""
    with mpmath.workdps(25):
        rule = [
            (z, mpmath.npdf(z) / 5) for z in (mpmath.mpf(i) / 5 for i in range(-60, 61))
        ]
        own, b = [mpmath.mpf(e) / mpmath.norm(second) for e in second], mpmath.mpf(beta)
        reference = mpmath.fsum(
            m * w * density_ratio(z, b) * density_ratio(own[0] * z + own[1] * y, b)
            for z, m in rule
            for y, w in (rule if own[1] else [(0, 1)])
        )
    worst = Worst("likelihood_ratio.overlap", "itself times 1 + beta")
    for dtype in DTYPES:
        with jax.enable_x64(True):
            first, other = (jnp.asarray(v, dtype) for v in ([1, 0], second))
            found = analytic.overlap(first, other, jnp.asarray(beta, dtype))
        worst.add(found, reference, reference * (1 + beta), second=second, beta=beta)
    worst.check(OVERLAP_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_overlap_to_rounding(dtype):
    """Against the printed form, which the integral above and the series confirm."""
    rows = list(itertools.product([*SPIKES, [-1.0, 1e-5, 0.0]], SPIKES, RATIOS))
    with jax.enable_x64(True):
        v, w, beta = (jnp.asarray(c, dtype) for c in zip(*rows, strict=True))
        found = np.asarray(jax.jit(jax.vmap(analytic.overlap))(v, w, beta))
        slopes = jax.jit(jax.vmap(jax.grad(analytic.overlap, (0, 1, 2))))(v, w, beta)
    assert found.dtype == dtype
    for slope in slopes:
        assert np.isfinite(slope).all()
    worst = Worst("likelihood_ratio.overlap", "itself times 1 + beta")
    with mpmath.workdps(DIGITS):
        for i, value in enumerate(found):
            one, other, b = exact(v[i]), exact(w[i]), mpmath.mpf(float(beta[i]))
            q = product(one, other) / mpmath.norm(one) / mpmath.norm(other)
            q *= b / (1 + b)
            sides = mpmath.exp(q / (1 + q)) + mpmath.exp(-q / (1 - q))
            reference = sides / 2 / mpmath.sqrt(1 - q * q)
            at = {"first": one, "second": other, "beta": b}
            worst.add(value, reference, reference * (1 + b), **at)
    worst.check(OVERLAP_ULPS)


@pytest.mark.parametrize("t", [-0.5, 0.3])
def test_overlap_is_the_series_of_squared_coefficients(t):
    with jax.enable_x64(True):
        beta = jnp.asarray(1.0)
        first, second = jnp.asarray([1.0, 0.0]), jnp.asarray([t, (1 - t * t) ** 0.5])
        c = spiked_cumulant.likelihood_coefficients(first, beta, "rademacher", 30)
        k = np.arange(31)
        factorials = np.cumprod(np.maximum(k, 1).astype(float))
        # Terms fall like (gamma t)^k, gamma = 1/2: the rest is below 1e-15.
        series = np.sum(np.asarray(c) ** 2 * t**k / factorials)
        assert np.isclose(analytic.overlap(first, second, beta), series, rtol=1e-13)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.floats(-2, 2, width=16), min_size=6, max_size=6).filter(
        lambda v: any(v[:3]) and any(v[3:])
    ),
    st.floats(0, 4, width=16),
)
def test_overlap_is_symmetric_and_even(entries, beta):
    """Exactly: both orders and signs run through the same sums."""
    v, w, beta = jnp.asarray(entries[:3]), jnp.asarray(entries[3:]), jnp.asarray(beta)
    form = jax.jit(analytic.overlap)
    value = form(v, w, beta)
    # Even in t, since the latent is; the two exponentials change places.
    assert jnp.isclose(form(w, v, beta), value, rtol=1e-5)
    assert jnp.isclose(form(-v, w, beta), value, rtol=1e-5)
    assert value >= 1 - 1e-5


@settings(deadline=None, max_examples=25)
@given(st.floats(-4, 4, width=16), st.floats(0, 9, width=16))
def test_ratio_is_even(u, beta):
    beta, v = jnp.asarray(beta), jnp.asarray([0.0, 1.0])
    form = jax.jit(analytic.ratio)
    assert form(u * v, v, beta) == form(-u * v, v, beta) == form(u * v, -v, beta)


def test_without_signal_both_are_one():
    zero, v, w = jnp.zeros(()), jnp.asarray([1.0, 2.0]), jnp.asarray([0.5, -0.25])
    sign = jnp.ones(())
    assert analytic.ratio(w, v, zero) == 1
    assert jnp.isclose(empirical.ratio(w, v, zero, latent=sign), 1)
    assert analytic.overlap(w, v, zero) == 1
    draw = empirical.overlap(w, v, zero, sample=v, latents=jnp.ones(2))
    assert jnp.isclose(draw, 1)
    orthogonal = jnp.asarray([2.0, 0.0]), jnp.asarray([0.0, 3.0])
    assert jnp.isclose(analytic.overlap(*orthogonal, jnp.asarray(3.0)), 1)


def test_a_draw_of_the_ratio_is_one_of_densities():
    """In one dimension, at latent 1: u = sqrt(gamma) + sqrt(1 - gamma) xi."""
    with jax.enable_x64(True):
        arguments = jnp.asarray([0.4]), jnp.asarray([2.0]), jnp.asarray(3.0)
        draw = empirical.ratio(*arguments, latent=jnp.ones(()))
        with mpmath.workdps(DIGITS):
            density = mpmath.npdf(0.4, mpmath.sqrt(0.75), 0.5) / mpmath.npdf(0.4)
        assert np.isclose(draw, float(density), rtol=1e-12)


@pytest.mark.parametrize(
    ("direction", "beta"), [([0.0, 0.0], 1.0), ([1.0, 0.0], -0.5), ([1.0, 0.0], -3.0)]
)
def test_outside_the_domain_is_nan(direction, beta):
    v, beta, one = jnp.asarray(direction), jnp.asarray(beta), jnp.ones(2)
    assert jnp.isnan(analytic.ratio(one, v, beta))
    assert jnp.isnan(empirical.ratio(one, v, beta, latent=jnp.ones(())))
    for pair in ((v, one), (one, v)):
        assert jnp.isnan(analytic.overlap(*pair, beta))
        assert jnp.isnan(empirical.overlap(*pair, beta, sample=one, latents=one))


def test_rejects_shapes():
    pair, three, one = jnp.ones(2), jnp.ones(3), jnp.ones(())
    for first, second in ((pair, three), (one, one), (jnp.ones((2, 2)),) * 2):
        message = "point and direction must be vectors of one length, got "
        with pytest.raises(ValueError, match=message):
            analytic.ratio(first, second, one)
        with pytest.raises(ValueError, match=message):
            empirical.ratio(first, second, one, latent=one)
        message = "direction and other must be vectors of one length, got "
        with pytest.raises(ValueError, match=message):
            analytic.overlap(first, second, one)
        with pytest.raises(ValueError, match=message):
            empirical.overlap(first, second, one, sample=pair, latents=pair)
    message = r"signal_to_noise must be a scalar, got signal_to_noise\.shape="
    with pytest.raises(ValueError, match=message):
        analytic.ratio(pair, pair, pair)
    with pytest.raises(ValueError, match=message):
        empirical.overlap(pair, pair, pair, sample=pair, latents=pair)
