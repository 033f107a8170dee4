import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout_induced as analytic
from claims.dropout_induced import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout_induced as empirical

SHAPES = [(3, 4), (4, 2), (1, 3)]
SIZES = [1e-3, 1.0, 1e3]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
NUCLEAR_ULPS = 4.3  # Measured 2.2.
ROTATION_ULPS = 1.3  # Measured 0.65.
SLOPE_ULPS = 1  # Measured 0.51.
# The construction against the closed form, and its product against M.
EQUAL_ULPS = 47  # Measured 23.5.
PRODUCT_ULPS = 21  # Measured 10.3.

minimum = jax.jit(analytic.minimum, static_argnums=1)
squared_norms = jax.jit(analytic.squared_norms, static_argnums=1)
rotation_minimum = jax.jit(analytic.rotation_minimum)


def draw(seed, *shapes):
    """Normal arrays in the working precision."""
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), float) for shape in shapes]


def exact(array):
    """A matrix of floats as one of mpmath numbers."""
    return mpmath.matrix(np.asarray(array, np.float64).tolist())


def regularizer(left, right):
    """Sum of |u_j|^2 |v_j|^2 of mpmath matrices, from the definition."""
    return mpmath.fsum(
        sum(x * x for x in left[:, j]) * sum(x * x for x in right[:, j])
        for j in range(left.cols)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_minimum_and_norms_follow_from_the_singular_values(shape, precision):
    worst = Worst("dropout_induced.minimum", "itself")
    worst_norm = Worst("dropout_induced.squared_norms", "itself")
    for seed, size in enumerate(SIZES):
        (product,) = draw(seed, shape)
        product = product * size
        with mpmath.workdps(DIGITS):
            # Rows of a wide matrix would be singular values 0 of the transpose.
            wide = exact(product if shape[0] <= shape[1] else product.T)
            nuclear = mpmath.fsum(mpmath.svd_r(wide, compute_uv=False))
            for width in (min(shape), 5):
                value = minimum(product, width)
                norms = squared_norms(product, width)
                assert (value.dtype, norms.dtype) == (precision, precision)
                assert norms.shape == (2, width)
                least = nuclear**2 / width
                worst.add(value, least, least, size=size, width=width)
                equal = nuclear / width
                for norm in norms.ravel():
                    worst_norm.add(norm, equal, equal, size=size, width=width)
    worst.check(NUCLEAR_ULPS)
    worst_norm.check(NUCLEAR_ULPS)


def test_rotation_minimum_is_the_least_over_all_angles(precision):
    worst = Worst("dropout_induced.rotation_minimum", "|U|^2 |V|^2")
    for seed, (first, second) in enumerate(itertools.product(SIZES, SIZES)):
        left, right = draw(seed, (3, 2), (4, 2))
        left, right = left * first, right * second
        if seed % 2:
            right = jnp.pad(left, ((0, 1), (0, 0)))  # balanced
        value = rotation_minimum(left, right)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            U, V = exact(left), exact(right)

            def turned(angle, left=U, right=V):
                cos, sin = mpmath.cos(angle), mpmath.sin(angle)
                rotation = mpmath.matrix([[cos, -sin], [sin, cos]])
                return regularizer(left * rotation, right * rotation)

            # A quarter turn swaps the columns, so that the value is a constant plus a
            # sinusoid of four times the angle: three of its values give the minimum.
            zero, eighth, quarter = (turned(mpmath.pi * k / 8) for k in range(3))
            middle = (zero + quarter) / 2
            reference = middle - mpmath.hypot(zero - middle, eighth - middle)
            scale = mpmath.fsum(x * x for x in U) * mpmath.fsum(x * x for x in V)
            assert turned(mpmath.mpf(seed)) > reference
            worst.add(value, reference, scale, sizes=(first, second))
    worst.check(ROTATION_ULPS)


def test_gradient_of_the_minimum(precision):
    (product,) = draw(3, (3, 4))
    w, _, y = jnp.linalg.svd(product, full_matrices=False)
    value, slope = jax.jit(jax.value_and_grad(lambda m: analytic.minimum(m, 4)))(
        product
    )
    expected = 2 * jnp.sqrt(value / 4) * w @ y
    eps = float(jnp.finfo(precision).eps)
    assert jnp.abs(slope - expected).max() <= SLOPE_ULPS * eps * jnp.sqrt(value)


def test_the_zero_matrix(precision):
    zero = jnp.zeros((3, 4), precision)
    value, slope = jax.value_and_grad(lambda m: analytic.minimum(m, 4))(zero)
    assert value == 0
    assert not slope.any()
    assert not squared_norms(zero, 4).any()
    assert not jax.jit(empirical.squared_norms, static_argnums=1)(zero, 4).any()
    search = jax.jit(empirical.minimum, static_argnums=1)
    assert search(zero, 4, start=draw(1, (4, 4))[0]) == 0


def test_zero_factors_and_factors_that_no_rotation_changes(precision):
    left, right = draw(2, (3, 2), (4, 2))
    slopes = jax.jit(jax.grad(analytic.rotation_minimum, argnums=(0, 1)))
    search = jax.jit(empirical.rotation_minimum)
    angle = jnp.ones((), precision)
    assert rotation_minimum(0 * left, right) == 0
    assert search(0 * left, right, start=angle) == 0
    assert all(jnp.isfinite(s).all() for s in slopes(0 * left, right))
    # A = I: tr A tr B / 2, whatever B is (E11.2).
    identity, uneven = jnp.eye(2, dtype=precision), jnp.diag(jnp.asarray([3.0, 1.0]))
    assert rotation_minimum(identity, uneven) == 10
    assert abs(search(identity, uneven, start=angle) - 10) < 1e-5
    assert minimum(identity @ uneven, 2) == pytest.approx(8)
    # (10 I from the traces, 4 diag(1, -1) from <A_0, B_0>, nothing from |A_0|.)
    assert jnp.array_equal(slopes(identity, uneven)[0], jnp.diag(jnp.array([14, 6])))


def test_equalized_factors_are_equal_and_keep_the_product(precision):
    norms = products = 0.0
    eps = float(jnp.finfo(precision).eps)
    for shape, width in [((3, 4), 3), ((4, 2), 6), ((1, 3), 1)]:
        (batch,) = draw(1, (16, *shape))
        build = jax.jit(jax.vmap(lambda m, w=width: empirical._equalized(m, w)))
        left, right = build(batch)
        assert (left.shape[2], right.shape[2]) == (width, width)
        size = jax.vmap(lambda m, w=width: squared_norms(m, w))(batch)
        measured = jnp.stack([jnp.sum(left**2, 1), jnp.sum(right**2, 1)], 1)
        norms = max(norms, float(jnp.abs(measured / size - 1).max() / eps))
        gaps = jnp.abs(left @ right.mT - batch).max((1, 2))
        products = max(products, float((gaps / jnp.abs(batch).max((1, 2))).max() / eps))
    assert norms <= EQUAL_ULPS
    assert products <= PRODUCT_ULPS


def call(side, name, *arguments):
    """Call a function of either side."""
    noise = {}
    if side is empirical and name == "minimum":
        noise = {"start": jnp.eye(arguments[1])}
    if side is empirical and name == "rotation_minimum":
        noise = {"start": jnp.ones(())}
    return getattr(side, name)(*arguments, **noise)


@pytest.mark.parametrize("side", [analytic, empirical])
def test_rejects(side):
    for name in ("minimum", "squared_norms"):
        with pytest.raises(
            ValueError, match=r"product must be .*, got product\.shape="
        ):
            call(side, name, jnp.ones(3), 3)
        with pytest.raises(
            ValueError, match=r"width must be at least 3, .*got width=2"
        ):
            call(side, name, jnp.ones((3, 4)), 2)
    good = jnp.ones((4, 2))
    for bad in (jnp.ones(2), jnp.ones((4, 3))):
        with pytest.raises(
            ValueError, match=r"left must have shape .*, got factor\.sha"
        ):
            call(side, "rotation_minimum", bad, good)
        with pytest.raises(
            ValueError, match=r"right must have shape .*, got factor\.sh"
        ):
            call(side, "rotation_minimum", good, bad)


numbers = st.floats(-8, 8, width=16)


def matrices(rows, columns):
    """Small matrices with many zeros and ties."""
    row = st.lists(numbers, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(np.array)


@settings(max_examples=50)
@given(matrices(3, 2), matrices(4, 2))
def test_order_of_the_minima(left, right):
    # All factors, then rotations alone, then no change at all.
    with jax.enable_x64(True):
        U, V = jnp.asarray(left), jnp.asarray(right)
        given_factors = np.sum(np.sum(left**2, 0) * np.sum(right**2, 0))
        rotated = float(rotation_minimum(U, V))
        # The product has rank 2 at most, and so has factors of width 2.
        least = float(minimum(U @ V.T, 3)) * 3 / 2
    slack = 1e-13 * np.sum(left**2) * np.sum(right**2)
    assert least <= rotated + slack
    assert rotated <= given_factors + slack


@settings(max_examples=50)
@given(matrices(3, 4), st.sampled_from([0.5, 2.0, -4.0]))
def test_minimum_is_homogeneous_and_blind_to_transposition(product, factor):
    with jax.enable_x64(True):
        value = float(minimum(jnp.asarray(product), 4))
        scaled = float(minimum(jnp.asarray(factor * product), 4))
        transposed = float(minimum(jnp.asarray(product.T), 4))
    assert scaled == pytest.approx(factor**2 * value, rel=1e-13)
    assert transposed == pytest.approx(value, rel=1e-13)


@settings(max_examples=25)
@given(matrices(3, 3))
def test_minimum_of_a_diagonal_matrix(product):
    sizes = np.diagonal(product)
    with jax.enable_x64(True):
        value = float(minimum(jnp.asarray(np.diag(sizes)), 3))
    assert value == pytest.approx(np.sum(np.abs(sizes)) ** 2 / 3, rel=1e-13)
