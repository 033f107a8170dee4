import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout, dropout_sensing as analytic
from claims.dropout_sensing import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout_sensing as empirical

RATES = [0.0, 1e-3, 0.5, 0.97]
SCALES = [1e-3, 1.0, 1e3]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
GRADIENT_ULPS = 2.5  # Measured 1.23.
MEAN_ULPS = 2.4  # Measured 1.20.
VARIANCE_ULPS = 3.3  # Measured 1.61.
PRODUCT_ULPS = 0.9  # Measured 0.44.

loss_gradient = jax.jit(analytic.loss_gradient)
added_loss = jax.jit(analytic.added_loss, static_argnums=3)
added_loss_variance = jax.jit(analytic.added_loss_variance, static_argnums=3)
vectorized_product = jax.jit(analytic.vectorized_product)


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


def mean_gradient(left, right, sensors, targets, rate):
    """Mean over samples and masks of the gradient of one squared error."""
    total = np.zeros((len(left) + len(right), left.shape[1]), object)
    for mask, probability in masks(left.shape[1], rate):
        for sensor, target in zip(sensors, targets, strict=True):
            residual = np.sum(((left * mask) @ right.T) * sensor) - target
            in_left, in_right = sensor @ right * mask, sensor.T @ left * mask
            slope = 2 * residual * np.concatenate([in_left, in_right])
            total = total + probability * slope
    return total / len(targets)


def test_gradient_is_the_mean_over_samples_and_masks(precision):
    worst = Worst("dropout_sensing.loss_gradient", "its value at absolute values")
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        arrays = draw(seed, (3, 2), (2, 2), (3, 3, 2), (3,))
        arrays[0] = arrays[0] * size
        rate = jnp.asarray(rate, precision)
        value = loss_gradient(*arrays, rate)
        assert value.dtype == precision
        absolute = [*map(jnp.abs, arrays[:-1]), -jnp.abs(arrays[-1])]
        with mpmath.workdps(DIGITS):
            reference = mean_gradient(*map(exact, arrays), rate)
            scales = mean_gradient(*map(exact, absolute), rate)
            for entry in np.ndindex(value.shape):
                numbers = value[entry], reference[entry], scales[entry]
                worst.add(*numbers, rate=rate, size=size)
    worst.check(GRADIENT_ULPS)


def test_gradient_is_that_of_the_loss_with_its_regularizer():
    with jax.enable_x64(True):
        arrays = draw(1, (3, 4), (2, 4), (5, 3, 2), (5,))
        rate = jnp.asarray(0.3)
        slopes = jax.jit(jax.grad(dropout.sensing_loss, (0, 1)))(*arrays, rate)
        gap = jnp.concatenate(slopes) - loss_gradient(*arrays, rate)
        # Two orders of the same sums.
        assert jnp.abs(gap).max() <= 1e-13


def gaussian_moments(left, right, rate):
    """Mean and variance of what dropout adds at one Gaussian sensor.

    From the masks: with T = (U' A V) on the units, what is added is t' K t with the
    covariance K of the masks, and t is normal with covariance C, so that the mean is
    tr(K C) and the variance 2 tr(K C K C).
    """
    units = left.shape[1]
    K = np.zeros((units, units), object)
    for mask, probability in masks(units, rate):
        K = K + probability * np.outer(mask - 1, mask - 1)
    # t_j = sum_kl U_kj A_kl V_lj, entry by entry of A.
    rows = [np.outer(left[:, j], right[:, j]).ravel() for j in range(units)]
    C = np.array([[np.sum(a * b) for b in rows] for a in rows])
    KC = K @ C
    return np.trace(KC), 2 * np.trace(KC @ KC)


def test_mean_and_variance_at_gaussian_sensors(precision):
    worst_mean = Worst("dropout_sensing.added_loss", "itself")
    worst_variance = Worst(
        "dropout_sensing.added_loss_variance", "its value at absolute values"
    )
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        left, right = draw(seed, (3, 3), (2, 3))
        left, rate = left * size, jnp.asarray(rate, precision)
        mean = added_loss(left, right, rate, 4)
        variance = added_loss_variance(left, right, rate, 4)
        assert (mean.dtype, variance.dtype) == (precision, precision)
        with mpmath.workdps(DIGITS):
            one, spread = gaussian_moments(exact(left), exact(right), rate)
            absolute = exact(abs(left)), exact(abs(right))
            _, scale = gaussian_moments(*absolute, rate)
            if rate == 0:
                assert mean == variance == 0
                continue
            worst_mean.add(mean, one, one, rate=rate, size=size)
            worst_variance.add(variance, spread / 4, scale / 4, rate=rate, size=size)
    worst_mean.check(MEAN_ULPS)
    worst_variance.check(VARIANCE_ULPS)


def test_vectorized_product_is_the_inner_product(precision):
    worst = Worst("dropout_sensing.vectorized_product", "its value at absolute values")
    for seed, size in enumerate(SCALES * 3):
        arrays = draw(seed, (3, 2), (4, 2), (3, 4))
        arrays[0] = arrays[0] * size
        value = vectorized_product(*arrays)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            left, right, sensor = map(exact, arrays)
            reference = np.sum((left @ right.T) * sensor)
            scale = np.sum((abs(left) @ abs(right).T) * abs(sensor))
            worst.add(value, reference, scale, size=size)
    worst.check(PRODUCT_ULPS)


def test_zero_factors_and_rate_zero(precision):
    zero, half = jnp.zeros((), precision), jnp.asarray(0.5, precision)
    left, right, sensors, targets = draw(1, (3, 2), (2, 2), (4, 3, 2), (4,))
    assert not loss_gradient(0 * left, 0 * right, sensors, targets, half).any()
    assert vectorized_product(0 * left, right, sensors[0]) == 0
    for form in (added_loss, added_loss_variance):
        assert form(0 * left, right, half, 2) == 0
        assert form(left, right, zero, 2) == 0
        slopes = jax.jit(jax.grad(form, (0, 1, 2)), static_argnums=3)(
            0 * left, right, half, 2
        )
        assert all(jnp.isfinite(s).all() for s in slopes)
    # Without dropout: the gradient of the plain loss.
    residuals = jnp.einsum("mw,nmk,kw->n", left, sensors, right) - targets
    plain = jnp.einsum("n,nmk,kw->mw", residuals, sensors, right) / 2
    value = loss_gradient(left, right, sensors, targets, zero)[:3]
    eps = float(jnp.finfo(precision).eps)
    assert jnp.abs(value - plain).max() <= 32 * eps * jnp.abs(plain).max()


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_rates_outside_give_nan(rate, precision):
    left, right, sensors, targets = draw(1, (3, 2), (2, 2), (4, 3, 2), (4,))
    rate = jnp.asarray(rate, precision)
    assert jnp.isnan(loss_gradient(left, right, sensors, targets, rate)).all()
    assert jnp.isnan(added_loss(left, right, rate, 1))
    assert jnp.isnan(added_loss_variance(left, right, rate, 1))


def call(side, name, arrays, samples=2):
    """Call a function of either side; the noise of the empirical one is ones."""
    half, noise, static = (jnp.asarray(0.5),), {}, ()
    if name.startswith("added"):
        static = (samples,)
        if side is empirical:
            double = (2,) if name.endswith("variance") else ()
            noise = {"sensors": jnp.ones((*double, 2, 3, 4))}
    if name == "vectorized_product":
        half = ()
    if name == "loss_gradient" and side is empirical:
        noise = {"order": jnp.arange(5), "mask": jnp.ones(2)}
    return getattr(side, name)(*arrays, *half, *static, **noise)


REJECTED = {
    "loss_gradient": [(3, 2), (4, 2), (5, 3, 4), (5,)],
    "added_loss": [(3, 2), (4, 2)],
    "added_loss_variance": [(3, 2), (4, 2)],
    "vectorized_product": [(3, 2), (4, 2), (3, 4)],
}


@pytest.mark.parametrize("side", [analytic, empirical])
@pytest.mark.parametrize("name", REJECTED)
def test_rejects(side, name):
    good = [jnp.ones(shape) for shape in REJECTED[name]]
    call(side, name, good)
    for position, array in enumerate(good):
        longer = jnp.ones((*array.shape[:-1], array.shape[-1] + 1))
        for wrong in (longer, array[..., None]):
            bad = [*good[:position], wrong, *good[position + 1 :]]
            with pytest.raises(ValueError, match=r"must have shapes .*, got left\.sh"):
                call(side, name, bad)
    if name.startswith("added"):
        with pytest.raises(ValueError, match=r"samples must be at least 1, got sample"):
            call(side, name, good, samples=0)


numbers = st.floats(-8, 8, width=16)


def matrices(rows, columns):
    """Small matrices with many zeros and ties."""
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(np.array)


@settings(max_examples=30)
@given(matrices(3, 2), matrices(2, 2), st.floats(0, 6.25), st.sampled_from([0.5, -2.0]))
def test_mean_and_variance_know_no_rotation_and_scale(left, right, angle, factor):
    with jax.enable_x64(True):
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        rate = jnp.asarray(0.25)
        U, turned, V = (jnp.asarray(a) for a in (left, turn @ left, right))
        for form, power in ((added_loss, 2), (added_loss_variance, 4)):
            value = float(form(U, V, rate, 3))
            # Squares of the entries add up to the scale of every rounding.
            slack = 1e-13 * float(form(abs(U), abs(V), rate, 3))
            slack += 1e-13 * (np.sum(left**2) * np.sum(right**2)) ** (power / 2)
            assert abs(float(form(turned, V, rate, 3)) - value) <= slack
            scaled = float(form(factor * U, V, rate, 3))
            assert scaled == pytest.approx(factor**power * value, rel=1e-13)


@settings(max_examples=30)
@given(matrices(3, 2), matrices(2, 2))
def test_the_variance_lies_between_that_of_one_unit_and_of_equal_ones(left, right):
    with jax.enable_x64(True):
        rate = jnp.asarray(0.5)
        U, V = jnp.asarray(left), jnp.asarray(right)
        mean = float(added_loss(U, V, rate, 1))
        variance = float(added_loss_variance(U, V, rate, 1))
    # Cauchy-Schwarz: the most if all units measure the same; tr C^2 >= (tr C)^2 / 2.
    slack = 1e-13 * mean**2
    assert mean**2 - slack <= variance <= 2 * mean**2 + slack
