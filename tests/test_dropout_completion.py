import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout_completion as analytic, dropout_induced
from claims.dropout_completion import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout_completion as empirical
from empirical.dropout_induced import _equalized

RATES = [0.0, 1e-3, 0.5, 0.97]
SCALES = [1e-3, 1.0, 1e3]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
REGULARIZER_ULPS = 3.7  # Measured 1.81.
MINIMUM_ULPS = 8.1  # Measured 4.01.
ROTATION_ULPS = 1.5  # Measured 0.71.

regularizer = jax.jit(analytic.regularizer)
minimum = jax.jit(analytic.minimum, static_argnums=3)
rotation_minimum = jax.jit(analytic.rotation_minimum)


def draw(seed, *shapes):
    """Normal arrays in the working precision; vectors are positive weights."""
    rng = np.random.default_rng(seed)
    arrays = (rng.normal(size=shape) for shape in shapes)
    return [jnp.asarray(abs(a) + 0.01 if a.ndim == 1 else a, float) for a in arrays]


def exact(array):
    """An array of floats as one of mpmath numbers."""
    values = np.asarray(array, np.float64)
    return np.vectorize(mpmath.mpf, otypes=[object])(values)


def seen(left, right, rows, columns):
    """Mean over the entries of the sum of the squared terms of the units."""
    p, q = rows / np.sum(rows), columns / np.sum(columns)
    entries = itertools.product(range(len(p)), range(len(q)))
    return mpmath.fsum(
        p[k] * q[m] * np.sum((left[k] * right[m]) ** 2) for k, m in entries
    )


def test_regularizer_is_the_mean_over_entries_and_masks(precision):
    worst = Worst("dropout_completion.regularizer", "itself")
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        left, right, rows, columns = draw(seed, (3, 2), (2, 2), (3,), (2,))
        left, rate = left * size, jnp.asarray(rate, precision)
        value = regularizer(left, right, rows, columns, rate)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            U, V, p, q = map(exact, (left, right, rows, columns))
            drop = mpmath.mpf(float(rate))
            reference = mpmath.mpf(0)
            for mask in itertools.product((0, 1), repeat=2):
                chance = drop ** (2 - sum(mask)) * (1 - drop) ** sum(mask)
                change = U * (np.array(mask, object) / (1 - drop) - 1)
                total = np.outer(p, q) * (change @ V.T) ** 2
                reference += chance * np.sum(total) / np.sum(p) / np.sum(q)
            scale = reference or mpmath.mpf(1)
            worst.add(value, reference, scale, rate=rate, size=size)
    worst.check(REGULARIZER_ULPS)


def test_minimum_is_reached_by_rescaled_equal_factors(precision):
    worst = Worst("dropout_completion.minimum", "itself")
    for seed, size in enumerate(SCALES * 2):
        product, rows, columns = draw(seed, (2, 3), (2,), (3,))
        product = product * size
        with mpmath.workdps(DIGITS):
            p, q = (exact(w) / np.sum(exact(w)) for w in (rows, columns))
            weighted = exact(product) * np.sqrt(np.outer(p, q))
            matrix = mpmath.matrix(weighted.tolist())
            nuclear = mpmath.fsum(mpmath.svd_r(matrix, compute_uv=False))
            for width in (2, 4):
                value = minimum(product, rows, columns, width)
                assert value.dtype == precision
                least = nuclear**2 / width
                worst.add(value, least, least, size=size, width=width)
    worst.check(MINIMUM_ULPS)
    with jax.enable_x64(True):
        product, rows, columns = draw(1, (2, 3), (2,), (3,))
        p, q = (np.sqrt(np.asarray(w / w.sum())) for w in (rows, columns))
        weighted = jnp.asarray(p[:, None] * np.asarray(product) * q)
        left, right = jax.jit(_equalized, static_argnums=1)(weighted, 3)
        left, right = np.asarray(left) / p[:, None], np.asarray(right) / q[:, None]
        # The construction is good to a few ulp of each.
        assert np.abs(left @ right.T - np.asarray(product)).max() <= 1e-14
        reached = float(seen(left, right, np.asarray(rows), np.asarray(columns)))
        assert reached == pytest.approx(
            float(minimum(product, rows, columns, 3)), rel=1e-13
        )


def test_rotation_minimum_is_the_least_over_all_angles(precision):
    lengths = "|P^(1/2) U|^2 |Q^(1/2) V|^2"
    worst = Worst("dropout_completion.rotation_minimum", lengths)
    for seed, size in enumerate(SCALES * 2):
        left, right, rows, columns = draw(seed, (3, 2), (2, 2), (3,), (2,))
        left = left * size
        value = rotation_minimum(left, right, rows, columns)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            U, V, p, q = map(exact, (left, right, rows, columns))

            def turned(angle, left=U, right=V, p=p, q=q):
                cos, sin = mpmath.cos(angle), mpmath.sin(angle)
                rotation = np.array([[cos, -sin], [sin, cos]])
                return seen(left @ rotation, right @ rotation, p, q)

            # A constant plus a sinusoid of four times the angle.
            zero, eighth, quarter = (turned(mpmath.pi * k / 8) for k in range(3))
            middle = (zero + quarter) / 2
            reference = middle - mpmath.hypot(zero - middle, eighth - middle)
            scale = np.sum(p @ U**2) * np.sum(q @ V**2) / np.sum(p) / np.sum(q)
            worst.add(value, reference, scale, size=size)
    worst.check(ROTATION_ULPS)


def test_zeros(precision):
    half, zero = jnp.asarray(0.5, precision), jnp.zeros((), precision)
    left, right, rows, columns = draw(1, (3, 2), (2, 2), (3,), (2,))
    assert regularizer(0 * left, right, rows, columns, half) == 0
    assert regularizer(left, right, rows, columns, zero) == 0
    assert rotation_minimum(0 * left, right, rows, columns) == 0
    slope = jax.jit(jax.value_and_grad(analytic.minimum), static_argnums=3)
    value, slopes = slope(jnp.zeros((3, 2), precision), rows, columns, 2)
    assert value == 0
    assert not slopes.any()
    assert jnp.isnan(regularizer(left, right, 0 * rows, columns, half))


def test_rows_of_weight_zero_do_not_count(precision):
    left, right, rows, columns = draw(1, (3, 2), (2, 2), (3,), (2,))
    absent = rows.at[1].set(0)
    half = jnp.asarray(0.5, precision)
    rest = left[::2], right, rows[::2], columns
    eps = float(jnp.finfo(precision).eps)
    pairs = [
        (
            regularizer(left, right, absent, columns, half),
            regularizer(*rest, half),
        ),
        (
            minimum(left @ right.T, absent, columns, 2),
            minimum(rest[0] @ right.T, rows[::2], columns, 2),
        ),
        (rotation_minimum(left, right, absent, columns), rotation_minimum(*rest)),
    ]
    for value, expected in pairs:
        assert value == pytest.approx(float(expected), rel=32 * eps)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_rates_outside_give_nan(rate, precision):
    arrays = draw(1, (3, 2), (2, 2), (3,), (2,))
    assert jnp.isnan(regularizer(*arrays, jnp.asarray(rate, precision)))


def call(side, name, arrays, width=2):
    """Call a function of either side."""
    noise, last = {}, ()
    if name == "regularizer":
        last = (jnp.asarray(0.5),)
        noise = {
            "row_order": jnp.arange(3),
            "column_order": jnp.arange(4),
            "mask": jnp.ones(2),
        }
    elif name == "minimum":
        last, noise = (width,), {"start": jnp.eye(3)}
    else:
        noise = {"start": jnp.ones(())}
    return getattr(side, name)(*arrays, *last, **(noise if side is empirical else {}))


@pytest.mark.parametrize("side", [analytic, empirical])
@pytest.mark.parametrize("name", ["regularizer", "minimum", "rotation_minimum"])
def test_rejects(side, name):
    factors = [(3, 4)] if name == "minimum" else [(3, 2), (4, 2)]
    good = [jnp.ones(shape) for shape in (*factors, (3,), (4,))]
    for position, array in enumerate(good):
        longer = jnp.ones((*array.shape[:-1], array.shape[-1] + 1))
        for wrong in (longer, array[..., None]):
            bad = [*good[:position], wrong, *good[position + 1 :]]
            with pytest.raises(ValueError, match=r"must have shapes .*, got \w+\.sh"):
                call(side, name, bad, width=3)
    if name == "minimum":
        with pytest.raises(ValueError, match=r"width must be at least 3, .*width=2"):
            call(side, name, good, width=2)
    if name == "rotation_minimum":
        bad = [jnp.ones((3, 3)), jnp.ones((4, 3)), *good[2:]]
        with pytest.raises(ValueError, match=r"left must have shape \(m, 2\), got"):
            call(side, name, bad)


numbers = st.floats(-8, 8, width=16)
weights = st.lists(st.floats(0.125, 4, width=16), min_size=3, max_size=3).map(np.array)


def matrices(rows, columns):
    """Small matrices with many zeros and ties."""
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(np.array)


@settings(max_examples=30)
@given(matrices(3, 2), matrices(3, 2), weights, weights)
def test_order_of_the_minima_and_equal_weights(left, right, rows, columns):
    with jax.enable_x64(True):
        U, V, p, q = (jnp.asarray(a) for a in (left, right, rows, columns))
        # Lambda is 1 at rate 1/2.
        given_factors = float(regularizer(U, V, p, q, jnp.asarray(0.5)))
        rotated = float(rotation_minimum(U, V, p, q))
        # The product has rank 2 at most, and so has factors of width 2.
        least = float(minimum(U @ V.T, p, q, 3)) * 3 / 2
        # Weights count relative to each other, and equal ones as 1/3 each.
        scaled = float(minimum(U @ V.T, 4 * p, q, 3)) * 3 / 2
        equal = float(minimum(U @ V.T, jnp.ones(3), jnp.ones(3), 3))
        plain = float(dropout_induced.minimum(U @ V.T, 3)) / 9
    slack = 1e-13 * np.sum(left**2) * np.sum(right**2)
    assert least <= rotated + slack
    assert rotated <= given_factors + slack
    assert scaled == pytest.approx(least, rel=1e-13)
    assert abs(equal - plain) <= slack
