import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst, ulps
from mpmath import mpf

from analytic import network_depth as analytic
from claims.network_depth import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import network_depth as empirical

ANGLES = [1e-3, 0.03, 0.5, 1.5, 2.6, 3.1]
# In ulp of float32 of the kernel itself; measured 3.1. The recursion in cosines is off
# by 1300 at an angle of 1e-3.
SINGLE_ULPS = 8


def layers(angle, depth):
    """Cosine and tangent kernel after some layers, by the recursion as printed."""
    cosine = kernel = mpmath.cos(mpf(float(angle)))
    for _ in range(depth):
        theta = mpmath.acos(cosine)
        active = 1 - theta / mpmath.pi
        cosine = (mpmath.sin(theta) + (mpmath.pi - theta) * cosine) / mpmath.pi
        kernel = cosine + active * kernel
    return cosine, kernel


@pytest.mark.parametrize("depth", [1, 50])
def test_single_precision(depth):
    angles = jnp.asarray(np.float32(ANGLES))
    form = jax.jit(jax.vmap(lambda a: analytic.single_precision(a, depth)))
    values = form(angles)
    worst = Worst("network_depth.single_precision", "the kernel or 1", f"depth {depth}")
    with mpmath.workdps(DIGITS):
        for value, angle in zip(values, angles, strict=True):
            exact = layers(angle, depth)[1]
            # At depth 1 the kernel changes its sign.
            worst.add(value, exact, max(abs(exact), 1), angle=angle)
    worst.check(SINGLE_ULPS)
    with jax.enable_x64(True):
        # The same digits, in the dtype of the input.
        wide = form(jnp.asarray(angles, "float64"))
        assert wide.dtype == "float64"
        assert jnp.array_equal(wide.astype("float32"), wide)


def test_limits_are_rounded_constants(precision):
    angle = jnp.asarray(1.5, precision)
    with mpmath.workdps(DIGITS):
        constants = {
            "correlation_rate": 9 * mpmath.pi**2 / 2,
            "tangent_limit": mpf("1/4"),
        }
        for name, exact in constants.items():
            worst = Worst(f"network_depth.{name}", "itself")
            worst.add(getattr(analytic, name)(angle), exact, exact, angle=angle)
            worst.check(0.5)


def test_cosines_lose_the_digits_that_angles_keep():
    angle = np.float32(1e-3)
    cosine = kernel = np.cos(angle)
    for _ in range(50):
        theta = np.arccos(np.minimum(cosine, np.float32(1)))
        gap = np.float32(np.pi) - theta
        cosine = (np.sin(theta) + gap * np.cos(theta)) / np.float32(np.pi)
        kernel = cosine + gap / np.float32(np.pi) * kernel
    with mpmath.workdps(DIGITS):
        exact = layers(angle, 50)[1]
        assert ulps(kernel, exact, exact) > 100


def test_experiment_is_the_recursion():
    with jax.enable_x64(True):
        for angle in ANGLES:
            value = empirical.single_precision(jnp.array(angle), 20)
            with mpmath.workdps(DIGITS):
                exact = layers(angle, 20)[1]
            assert ulps(value, exact, exact) <= 2**12  # 1e-12: twenty quadratures


@pytest.mark.parametrize("depth", [100, 1000])
def test_limits_are_approached_as_the_source_says(depth):
    with mpmath.workdps(30):
        cosine, kernel = layers(1.5, depth)
        rate = float(depth**2 * (1 - cosine) / (9 * mpmath.pi**2 / 2))
        # As sheets of formulas give it, with errors of log(depth) / depth.
        assert abs(rate - {100: 0.803, 1000: 0.971}[depth]) < 5e-4
        quotient = float(kernel / (depth + 1))
        assert abs(quotient - {100: 0.27292, 1000: 0.25333}[depth]) < 5e-6
    with jax.enable_x64(True):
        angle = jnp.array(1.5)
        measured = empirical.correlation_rate(angle, depth=depth)
        assert jnp.allclose(measured / analytic.correlation_rate(angle), rate)
        assert jnp.allclose(empirical.tangent_limit(angle, depth=depth), quotient)


def test_parallel_inputs_and_angles_out_of_range():
    zero = jnp.array(0.0)
    assert analytic.correlation_rate(zero) == 0
    assert empirical.correlation_rate(zero, depth=4) == 0
    assert analytic.tangent_limit(zero) == 1
    assert jnp.allclose(empirical.tangent_limit(zero, depth=4), 1)
    assert analytic.single_precision(zero, 5) == 6
    assert jnp.allclose(empirical.single_precision(zero, 5), 6)
    for angle in (jnp.array(-0.1), jnp.array(3.2)):
        assert jnp.isnan(analytic.correlation_rate(angle))
        assert jnp.isnan(analytic.tangent_limit(angle))
        assert jnp.isnan(analytic.single_precision(angle, 3))


def test_rejects():
    one, two = jnp.ones(()), jnp.ones(2)
    for name in ("correlation_rate", "tangent_limit"):
        with pytest.raises(ValueError, match="angle must be a scalar"):
            getattr(analytic, name)(two)
        with pytest.raises(ValueError, match="angle must be a scalar"):
            getattr(empirical, name)(two, depth=3)
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            getattr(empirical, name)(one, depth=0)
    for side in (analytic, empirical):
        with pytest.raises(ValueError, match="angle must be a scalar"):
            side.single_precision(two, 3)
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            side.single_precision(one, 0)
