import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st
from mpmath import mpf

from analytic import finite_network as analytic, neural_tangent
from claims.finite_network import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import finite_network as empirical

# Of the largest entry of the gradient; measured 1.2, sums of a few products.
BACKPROP_ULPS = 6


def weights(dimension=3, width=4, hidden=2, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(
        rng.normal(size=shape)
        for shape in (dimension, (width, dimension), (hidden, width, width), width)
    )


def exact_network(x, first, others, readout):
    """The network of 50-digit numbers."""
    gain = mpmath.sqrt(mpf(2) / len(readout))
    for matrix in (first, *others):
        x = [
            gain * max(mpmath.fsum(w * v for w, v in zip(row, x, strict=True)), 0)
            for row in matrix
        ]
    return mpmath.fsum(a * v for a, v in zip(readout, x, strict=True))


def test_backprop_is_the_difference_quotient(precision):
    x, *matrices = (np.asarray(v, precision) for v in weights())
    gradient = analytic.backprop(*map(jnp.asarray, (x, *matrices)))
    assert gradient.dtype == precision
    with mpmath.workdps(2 * DIGITS):
        exact = [np.vectorize(lambda v: mpf(float(v)))(m) for m in (x, *matrices)]
        step, place = mpf(10) ** -30, 0
        worst = Worst("finite_network.backprop", "its largest entry")
        largest = float(jnp.max(jnp.abs(gradient)))
        for matrix in exact[1:]:
            for index in np.ndindex(matrix.shape):
                kept, values = matrix[index], []
                for sign in (1, -1):
                    matrix[index] = kept + sign * step
                    values.append(exact_network(*exact))
                matrix[index] = kept
                slope = (values[0] - values[1]) / (2 * step)
                worst.add(gradient[place], slope, largest, entry=place)
                place += 1
    assert place == gradient.size
    worst.check(BACKPROP_ULPS)


def test_backprop_of_one_hidden_layer_and_of_a_zero_input():
    x, first, _, readout = map(jnp.asarray, weights())
    none = jnp.zeros((0, 4, 4))
    for point in (x, 0 * x):
        ours = analytic.backprop(point, first, none, readout)
        theirs = empirical.backprop(point, first, none, readout)
        assert jnp.allclose(ours, theirs, rtol=1e-6)
    assert jnp.all(analytic.backprop(0 * x, first, none, readout) == 0)


@pytest.mark.parametrize("depth", [3])
def test_diagonal_is_that_of_the_wide_kernel(depth, precision):
    x = jnp.asarray(np.array([0.3, -1.25, 2.0]), precision)
    one, zero = jnp.ones((), precision), jnp.zeros((), precision)
    value = analytic.diagonal(x, depth, zero, one)
    assert value.dtype == precision
    with mpmath.workdps(DIGITS):
        square = mpmath.fsum(mpf(float(v)) ** 2 for v in x)
        exact = (depth + 1) * square
    worst = Worst("finite_network.diagonal", "itself")
    worst.add(value, exact, exact, x=x, depth=depth)
    worst.check(2)
    wide = neural_tangent.kernel(x, x, depth=depth)
    assert jnp.allclose(wide, value, rtol=16 * jnp.finfo(precision).eps)
    # For |z| the gain is 1, with which `kernel` keeps norms.
    wide = neural_tangent.kernel(
        x, x, depth=depth, activation="abs", weight_variance=1.0
    )
    assert jnp.allclose(wide, value, rtol=64 * jnp.finfo(precision).eps)
    assert jnp.isnan(analytic.diagonal(x, depth, zero, zero))


def test_moments_to_rounding(precision):
    square, cumulant = (
        Worst(f"finite_network.{name}", "itself")
        for name in ("norm_square", "fourth_cumulant")
    )
    for scale in (1e-8, 1, 1e8):
        x = scale * jnp.asarray(np.array([0.3, -1.25, 2.0]), precision)
        values = analytic.norm_square(x, 2), analytic.fourth_cumulant(x, 7, 3)
        with mpmath.workdps(DIGITS):
            exact = mpmath.fsum(mpf(float(v)) ** 2 for v in x)
            square.add(values[0], exact, exact, x=x)
            exact = 15 * exact**2 / 28
            cumulant.add(values[1], exact, exact, x=x)
    square.check(2)
    cumulant.check(4)


def test_deviation_bound_to_rounding(precision):
    worst = Worst("finite_network.deviation_bound", "itself times 1 + m e^2 / n^2")
    for width, deviation in [(1, 0.1), (50, 0.5), (1000, 1.0)]:
        e = jnp.asarray(deviation, precision)
        value = analytic.deviation_bound(jnp.zeros(4, precision), e, width)
        with mpmath.workdps(DIGITS):
            share = width * mpf(float(e)) ** 2 / 16
            exact = 32 * mpmath.exp(-share / 2)
            worst.add(value, exact, exact * (1 + share), width=width, deviation=e)
    worst.check(2)


def test_deviation_bound_at_the_width_that_the_lemma_asks_for():
    # n = 8, e = 1/2 and delta = 1/10 take 3,664 units; inputs do not matter.
    width = int(np.ceil(2 * 64 * np.log(2 * 64 / 0.1) / 0.25))
    bound = analytic.deviation_bound(jnp.arange(8.0), jnp.asarray(0.5), width)
    assert 0.0998 < bound <= 0.1
    assert analytic.deviation_bound(jnp.zeros(3), jnp.asarray(0.0), 5) == 18


@pytest.mark.parametrize("module", [analytic, empirical])
@pytest.mark.parametrize(("shape", "width"), [((2, 2), 4), ((3,), 0)])
def test_deviation_bound_refuses_other_shapes(module, shape, width):
    given = {"weights": jnp.ones((4, 2))} if module is empirical else {}
    with pytest.raises(ValueError, match="angles must be a vector and width at least"):
        module.deviation_bound(jnp.zeros(shape), jnp.asarray(0.5), width, **given)


def test_one_layer_far_from_the_mean_and_one_near_it():
    turns = (jnp.arange(512) + 0.25) * 2 * jnp.pi / 512
    even = jnp.stack([jnp.cos(turns), jnp.sin(turns)], axis=1)
    angles, half = jnp.array([0.3, 1.2, 2.9]), jnp.asarray(0.5)
    assert empirical.deviation_bound(angles, half, 512, weights=even) == 0
    # All units active at the first input only: its entry is off by one half.
    one = jnp.broadcast_to(jnp.array([np.cos(0.3), np.sin(0.3)]), (512, 2))
    assert empirical.deviation_bound(angles, half / 2, 512, weights=one) == 1


@pytest.mark.parametrize(("fourth_moment", "kurtosis"), [(1, 3), (3, 15)])
def test_excess_kurtosis(fourth_moment, kurtosis):
    x, width = jnp.array([0.6, -0.8, 1.5]), 10
    value = analytic.fourth_cumulant(x, width, fourth_moment)
    variance = jnp.sum(x * x) / 2
    rtol = 8 * jnp.finfo(x.dtype).eps
    assert jnp.allclose(value / variance**2, kurtosis / width, rtol=rtol)


def test_zero_input():
    zero = jnp.zeros(3)
    assert analytic.norm_square(zero, 2) == 0
    assert analytic.fourth_cumulant(zero, 4, 3) == 0
    assert analytic.diagonal(zero, 2, jnp.zeros(()), jnp.ones(())) == 0
    noise = {"first": jnp.ones((3, 3)), "others": jnp.ones((2, 3, 3))}
    assert empirical.norm_square(zero, 2, **noise) == 0
    draw = empirical.diagonal(zero, 2, jnp.zeros(()), jnp.ones(()), **noise)
    assert draw == 0


def test_rejects():
    x, first, others, readout = map(jnp.asarray, weights())
    one = jnp.ones(())
    noise = {"first": jnp.ones((3, 3)), "others": jnp.ones((2, 3, 3))}
    pair = {k: jnp.ones(s) for k, s in (("first", (2, 2, 3)), ("signs", (2, 2)))}
    pair["normals"] = jnp.ones((2, 2))
    for side in (analytic, empirical):
        with pytest.raises(ValueError, match=r"first must be \(m, d\)"):
            side.backprop(x, first.T, others, readout)
    for form, more in ((analytic.norm_square, {}), (empirical.norm_square, noise)):
        with pytest.raises(ValueError, match="x must be a vector"):
            form(jnp.ones((3, 1)), 2, **more)
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            form(x, 0, **more)
    for form, more in ((analytic.diagonal, {}), (empirical.diagonal, noise)):
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            form(x, 0, one, one, **more)
    sides = (analytic.fourth_cumulant, {}), (empirical.fourth_cumulant, pair)
    for form, more in sides:
        with pytest.raises(ValueError, match="width must be at least 1, got width=0"):
            form(x, 0, 1, **more)
        with pytest.raises(ValueError, match="fourth_moment must be"):
            form(x, 2, 0.5, **more)
        with pytest.raises(ValueError, match="x must be a vector"):
            form(jnp.ones((3, 1)), 2, 1, **more)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.25, 4, width=16))
def test_homogeneity(scale):
    x, first, others, readout = (jnp.asarray(v) for v in weights())
    eps = jnp.finfo(x.dtype).eps
    value = analytic.backprop(x, first, others, readout)
    scaled = analytic.backprop(scale * x, first, others, readout)
    # f is homogeneous in x and in each matrix: <W_h, df/dW_h> = f for every layer.
    assert jnp.allclose(scaled, scale * value, rtol=64 * eps, atol=64 * eps)
    sizes = np.cumsum([first.size, *[m.size for m in others]])
    layers = jnp.split(value, sizes)
    products = [
        jnp.sum(jnp.ravel(m) * g)
        for m, g in zip((first, *others, readout), layers, strict=True)
    ]
    assert jnp.allclose(jnp.stack(products), products[0], rtol=1e-4, atol=1e-5)
    assert jnp.allclose(
        analytic.fourth_cumulant(scale * x, 2, 3),
        scale**4 * analytic.fourth_cumulant(x, 2, 3),
        rtol=16 * eps,
    )
