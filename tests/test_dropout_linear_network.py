import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout_linear_network as analytic
from claims.dropout_linear_network import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout_linear_network as empirical

RATES = [0.0, 1e-3, 0.5, 0.97]
SCALES = [1e-3, 1.0, 1e3]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
REGULARIZER_ULPS = 1.6  # Measured 0.75.
MINIMUM_ULPS = 5.5  # Measured 2.74.
SCALAR_ULPS = 1.8  # Measured 0.89.

regularizer = jax.jit(analytic.regularizer)
minimum = jax.jit(analytic.minimum, static_argnums=3)
scalar_minimizer = jax.jit(analytic.scalar_minimizer, static_argnums=3)


def draw(seed, *shapes):
    """Normal arrays in the working precision."""
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), float) for shape in shapes]


def exact(array):
    """An array of floats as one of mpmath numbers."""
    values = np.asarray(array, np.float64)
    return np.vectorize(mpmath.mpf, otypes=[object])(values)


def masks(units, rate):
    """All masks of some units, divided by 1 - rate, with their probabilities."""
    rate = mpmath.mpf(float(rate))
    for mask in itertools.product((0, 1), repeat=units):
        kept = sum(mask)
        probability = rate ** (units - kept) * (1 - rate) ** kept
        yield np.array(mask, object) / (1 - rate), probability


def enumerated(inner, middle, readout, factor, rate):
    """Mean over all masks and inputs of the squared change of the output."""
    first = inner @ factor
    plain = readout @ middle @ first
    total = mpmath.mpf(0)
    for low, one in masks(len(inner), rate):
        for high, other in masks(len(middle), rate):
            masked = readout @ (high[:, None] * (middle @ (low[:, None] * first)))
            total += one * other * np.sum((masked - plain) ** 2)
    return total


def test_regularizer_is_the_mean_over_all_masks(precision):
    absolute = "its value at absolute values"
    worst = Worst("dropout_linear_network.regularizer", absolute)
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        arrays = draw(seed, (2, 2), (2, 2), (2, 2), (2, 2))
        arrays[0] = arrays[0] * size
        rate = jnp.asarray(rate, precision)
        value = regularizer(*arrays, rate)
        assert value.dtype == precision
        if rate == 0:
            assert value == 0
            continue
        with mpmath.workdps(DIGITS):
            reference = enumerated(*map(exact, arrays), rate)
            scale = enumerated(*(abs(exact(a)) for a in arrays), rate)
            worst.add(value, reference, scale, rate=rate, size=size)
    worst.check(REGULARIZER_ULPS)


def test_networks_of_signs_reach_the_minimum_for_rank_one(precision):
    # Balanced and equal: first layer signs / sqrt(d_1) on the map's input direction.
    worst = Worst("dropout_linear_network.minimum", "itself times |M| |S| / |M S|")
    for seed, rate in enumerate(RATES):
        above, below, factor = draw(seed, (3,), (2,), (2, 2))
        rate = jnp.asarray(rate, precision)
        # Few digits, so that the product is the outer product exactly.
        above = jnp.round(above * 16) / 16
        below = jnp.round(below * 16) / 16
        value = minimum(jnp.outer(above, below), factor, rate, (4, 2))
        assert value.dtype == precision
        if rate == 0:
            assert value == 0
            continue
        with mpmath.workdps(DIGITS):
            a, b, S = exact(above), exact(below), exact(factor)
            root = mpmath.sqrt(2)
            low, high = (
                np.array([1, -1, 1, 1]) / mpmath.mpf(2),
                np.array([1, -1]) / root,
            )
            layers = np.outer(low, b), np.outer(high, low), np.outer(a, high), S
            reference = enumerated(*layers, rate)
            sizes = [mpmath.norm(list(x.ravel())) for x in (np.outer(a, b), S)]
            spoiled = (
                sizes[0] * sizes[1] / mpmath.norm(list(np.outer(a, b @ S).ravel()))
            )
            worst.add(value, reference, reference * spoiled, rate=rate)
    worst.check(MINIMUM_ULPS)


def test_the_minimum_is_a_lower_bound_that_rank_two_does_not_reach():
    # Random networks; the identity of rank 2 by networks of equal units is above it.
    with jax.enable_x64(True):
        rate, factor = jnp.asarray(0.5), jnp.eye(2)
        for seed in range(20):
            layers = draw(seed, (3, 2), (2, 3), (2, 2))
            product = layers[2] @ layers[1] @ layers[0]
            least = minimum(product, factor, rate, (3, 2))
            assert regularizer(*layers, factor, rate) >= least * (1 - 1e-12)
        identity = jnp.eye(2)
        reached = regularizer(identity, identity, identity, factor, rate)
        # 2 + 2 + 2 against ((3/2)^2 - 1) 2^2.
        assert reached == 6
        assert minimum(identity, factor, rate, (2, 2)) == pytest.approx(5)


def test_scalar_minimizer_solves_the_normal_equations_of_one_unit(precision):
    # Of the best networks all units are equal, so that only nu counts.
    worst = Worst(
        "dropout_linear_network.scalar_minimizer", "|y| cond / |column| of X, as solved"
    )
    for seed, rate in enumerate(RATES):
        inputs, targets = draw(seed, (5, 2), (5,))
        rate = jnp.asarray(rate, precision)
        for widths in ((1,), (2, 3)):
            value = scalar_minimizer(inputs, targets, rate, widths)
            assert value.dtype == precision
            with mpmath.workdps(DIGITS):
                X, y = exact(inputs), exact(targets)
                drop = mpmath.mpf(float(rate))
                grown = mpmath.fprod(1 + drop / (1 - drop) / w for w in widths)
                gram = mpmath.matrix((X.T @ X).tolist())
                right = mpmath.matrix((X.T @ y).tolist())
                reference = mpmath.lu_solve(gram, right) / grown
                sizes = [mpmath.norm(column.tolist()) for column in X.T]
                K = np.asarray(X / np.array(sizes), float)
                scale = mpmath.norm(y.tolist()) * np.linalg.cond(K.T @ K)
                for w, expected, size in zip(value, reference, sizes, strict=True):
                    worst.add(w, expected, scale / size, rate=rate, widths=widths)
    worst.check(SCALAR_ULPS)


def test_zeros_and_their_derivatives(precision):
    zero, half = jnp.zeros((), precision), jnp.asarray(0.5, precision)
    inner, middle, readout, factor = draw(1, (3, 2), (2, 3), (2, 2), (2, 2))
    assert regularizer(inner, middle, readout, factor, zero) == 0
    assert regularizer(0 * inner, middle, readout, factor, half) == 0
    assert minimum(readout, factor, zero, (2, 3)) == 0
    slope = jax.jit(jax.value_and_grad(analytic.minimum), static_argnums=3)
    value, slopes = slope(0 * readout, factor, half, (2, 3))
    assert value == 0
    assert not slopes.any()
    few = draw(1, (1, 2), (1,))
    assert jnp.isnan(scalar_minimizer(*few, half, (2,))).all()


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_rates_outside_give_nan(rate, precision):
    rate = jnp.asarray(rate, precision)
    inner, middle, readout, factor = draw(1, (3, 2), (2, 3), (2, 2), (2, 2))
    assert jnp.isnan(regularizer(inner, middle, readout, factor, rate))
    assert jnp.isnan(minimum(readout, factor, rate, (2,)))
    assert jnp.isnan(scalar_minimizer(inner, middle[0], rate, (2,))).all()


HALF, KEY = jnp.asarray(0.5, jnp.float32), jax.random.key(0)


@pytest.mark.parametrize("side", [analytic, empirical])
def test_rejects(side):
    noise = {"low": jnp.ones(3), "high": jnp.ones(4), "signs": jnp.ones(2)}
    noise, key = (noise, {"key": KEY}) if side is empirical else ({}, {})
    good = [jnp.ones(shape) for shape in ((3, 2), (4, 3), (2, 4), (2, 2))]
    for position, array in enumerate(good):
        wrong = jnp.ones((array.shape[0] + 1, array.shape[1] + 1))
        bad = [*good[:position], wrong, *good[position + 1 :]]
        with pytest.raises(ValueError, match=r"must have shapes .*, got inner\.shape"):
            side.regularizer(*bad, HALF, **noise)
    for bad in ((jnp.ones(2), jnp.eye(2)), (jnp.ones((3, 2)), jnp.eye(3))):
        with pytest.raises(ValueError, match=r"must have shapes .*, got product\.sh"):
            side.minimum(*bad, HALF, (3,), **key)
    for widths in ((), (1,), (2, 1)):
        with pytest.raises(ValueError, match=r"widths must be at least 2, .*got wid"):
            side.minimum(jnp.ones((3, 2)), jnp.eye(2), HALF, widths, **key)
    for bad in ((jnp.ones(2), jnp.ones(2)), (jnp.ones((3, 2)), jnp.ones(2))):
        with pytest.raises(ValueError, match=r"must have shapes .*, got inputs\.sha"):
            side.scalar_minimizer(*bad, HALF, (2,), **key)
    for widths in ((), (0,)):
        with pytest.raises(ValueError, match=r"widths must be at least 1, .*got wid"):
            side.scalar_minimizer(jnp.ones((3, 2)), jnp.ones(3), HALF, widths, **key)


numbers = st.floats(-8, 8, width=16)


def matrices(rows, columns):
    """Small matrices with many zeros and ties."""
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(np.array)


@settings(max_examples=30)
@given(matrices(2, 2), matrices(2, 2), st.floats(0, 6.25), st.floats(0, 0.9))
def test_the_minimum_scales_and_knows_no_rotation(product, factor, angle, rate):
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    with jax.enable_x64(True):
        M, S, Q, p = (jnp.asarray(a) for a in (product, factor, turn, rate))
        value = float(minimum(M, S, p, (2, 3)))
        others = [minimum(Q @ M, S, p, (2, 3)), minimum(M, S @ Q, p, (2, 3))]
        others += [minimum(-2 * M, S, p, (2, 3)) / 4, minimum(M, S, p, (3, 2))]
        nu = rate / (1 - rate)
        slack = 1e-12 * (nu + nu**2) * np.sum(product**2) * np.sum(factor**2)
        assert all(abs(float(other) - value) <= slack for other in others)
