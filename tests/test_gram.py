import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst

from analytic import _layer_fits, _layers, arc_cosine, gram as analytic, neural_tangent
from claims.gram import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import gram as empirical

NAMES = ["covariance", "tangent"]
# Distances of the planted pairs in units of the norm; 0 is the same input.
CLOSE = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 0]
# Worst relative error of float32 entries of close pairs, and of all others relative to
# the larger of the entry and |x| |y| / 4. Measured 1.9e-7 and 7e-7.
RELATIVE, ABSOLUTE = 5e-7, 1.5e-6
# Likewise of all entries, in ulp of the scales that the docstrings state.
ENTRY_ULPS = 8  # Measured 3.4.


def inputs(dimension=16):
    """Rows, others close to them, and others nearly opposite."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(CLOSE), dimension)).astype("float32")
    across = rng.normal(size=x.shape)
    across *= np.linalg.norm(x, axis=1, keepdims=True) / dimension**0.5
    near = (x + np.array(CLOSE)[:, None] * across).astype("float32")
    return jnp.asarray(x), jnp.asarray(np.concatenate([near, -2 * near]))


def reference(x, y, depth, weight=2, bias=0):
    """Both kernels of one pair, by the recursion in the covariances."""
    u, v = (
        [e if isinstance(e, mpmath.mpf) else mpmath.mpf(float(e)) for e in row]
        for row in (x, y)
    )
    weight, bias = mpmath.mpf(weight) / 2, mpmath.mpf(bias)
    x_square, y_square, kernel = (
        mpmath.fdot(*pair) + bias for pair in ((u, u), (v, v), (u, v))
    )
    tangent = kernel
    for _ in range(depth):
        norms = mpmath.sqrt(x_square * y_square)
        theta = mpmath.acos(max(-1, min(1, kernel / norms)))
        angular = mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)
        kernel = weight * norms * angular / mpmath.pi + bias
        tangent = kernel + weight * (1 - theta / mpmath.pi) * tangent
        x_square, y_square = weight * x_square + bias, weight * y_square + bias
    return kernel, tangent


SCALES = {
    ("covariance", "float32"): "the entry or |x| |y| / 4",
    ("covariance", "float64"): "the entry or |x| |y|",
    ("tangent", "float32"): "the entry or (L + 1) |x| |y| / 4",
    ("tangent", "float64"): "the entry or L^2 |x| |y| / theta, at most of 1e-8 in all",
}


def compare(name, depth, matrix, exact, x, y):
    """Every entry, in ulp of the scale that the docstring states for its dtype."""
    dtype = str(matrix.dtype)
    worst = Worst(f"gram.{name}", SCALES[name, dtype])
    with mpmath.workdps(DIGITS):
        for (i, j), value in np.ndenumerate(matrix):
            u, v = ([mpmath.mpf(float(e)) for e in row] for row in (x[i], y[j]))
            norms = mpmath.norm(u) * mpmath.norm(v)
            size = norms / 4 if dtype == "float32" else norms
            if name == "tangent":
                cosine = min(1, abs(mpmath.fdot(u, v)) / norms)
                theta = max(mpmath.acos(cosine), 2e-8)
                size *= depth + 1 if dtype == "float32" else depth**2 / theta
            worst.add(value, exact[i, j], max(size, abs(exact[i, j])), x=u, y=v)
    worst.check(ENTRY_ULPS)


@pytest.mark.parametrize(
    ("depth", "variances"), [(1, {}), (3, {}), (10, {}), (50, {}), (2, (1.5, 0.25))]
)
def test_every_entry(depth, variances):
    x, y = inputs()
    names = dict(zip(("weight_variance", "bias_variance"), variances, strict=False))
    with mpmath.workdps(DIGITS):
        exact = np.array(
            [[reference(u, v, depth, *variances) for v in y] for u in x]
        ).transpose(2, 0, 1)
    norms = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(y, axis=1)
    for name, truths in zip(NAMES, exact, strict=True):
        form, values = getattr(analytic, name), truths.astype(float)
        matrix = np.asarray(form(x, y, depth=depth, **names))
        assert matrix.dtype == "float32"
        compare(name, depth, matrix, truths, x, y)
        with jax.enable_x64(True):
            wide = (jnp.asarray(v, "float64") for v in (x, y))
            double = np.asarray(form(*wide, depth=depth, **names))
        assert double.dtype == "float64"
        compare(name, depth, double, truths, x, y)
        error = np.abs(matrix - values)
        relative = np.diagonal(error / np.abs(values))
        assert relative.max() <= RELATIVE, (name, relative)
        assert (error / np.maximum(np.abs(values), norms / 4)).max() <= ABSOLUTE, name


def test_small_entries_keep_their_digits():
    """Nearly opposite inputs, where the kernel of one layer vanishes."""
    x, y = inputs()
    y = y[len(x) :]
    matrix = np.asarray(analytic.covariance(x, y, depth=1))
    with mpmath.workdps(DIGITS):
        for k, distance in enumerate(CLOSE[:3]):
            exact = float(reference(x[k], y[k], 1)[0])
            assert matrix[k, k] == pytest.approx(exact, rel=2e-6), distance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_polynomials(dtype):
    """The error bounds that stand beside the coefficients, on 500 points."""
    bound = {"float32": 3.5e-9, "float64": 3e-17}[dtype]
    with mpmath.workdps(DIGITS):
        for k in range(1, 501):
            z = mpmath.mpf(k) / 1000
            angle = 2 * mpmath.asin(mpmath.sqrt(z))
            residual = mpmath.sin(angle) - angle * mpmath.cos(angle)
            for table, value in [
                (_layers.ANGLE, angle / mpmath.sqrt(z)),
                (_layers.RESIDUAL, residual / z ** mpmath.mpf(1.5)),
            ]:
                # The float64 coefficients are themselves rounded.
                rounding = 0 if dtype == "float32" else 2e-16
                fitted = mpmath.fsum(c * z**n for n, c in enumerate(table[dtype]))
                assert abs(fitted / value - 1) <= bound + rounding


@pytest.mark.parametrize("depth", [4, 17, 60])
@pytest.mark.parametrize("tangent", [False, True])
def test_profile_is_the_recursion(depth, tangent):
    fit = _layer_fits.profile(depth, tangent)
    assert fit is not None
    assert len(fit.coefficients) <= _layer_fits.LONGEST
    worst = 0
    with mpmath.workdps(20):
        for theta in [1e-6, 1e-3, 0.02, 0.3, 1.0, 1.6, 2.2, 3.0, 3.1415]:
            x, y = (1.0, 0.0), (mpmath.cos(theta), mpmath.sin(theta))
            exact = reference(x, y, depth)[tangent]
            v = np.sin(theta / 2)
            v = v / (v + fit.stretch * np.cos(theta / 2))
            series = np.polynomial.polynomial.polyval(2 * v - 1, fit.coefficients)
            value = fit.start - v**fit.power * series
            worst = max(worst, abs(value / exact - 1))
    assert worst <= 2 * _layer_fits.TAIL


def test_deeper_than_any_fit():
    assert _layer_fits.profile(1000, True) is None
    x = jnp.array([[1.0, 0], [0.6, 0.8]])
    matrix = analytic.tangent(x, depth=1000)
    pair = float(neural_tangent.deep(*x, 1000))
    assert float(matrix[0, 1]) == pytest.approx(pair, rel=3e-5)
    assert float(matrix[0, 0]) == pytest.approx(1001, rel=1e-6)


def test_one_layer_with_one_root():
    """The bound that stands beside the coefficients, and the polynomial's ends."""
    with mpmath.workdps(DIGITS):
        for k in range(1, 501):
            z = mpmath.mpf(k) / 1000
            angle = 2 * mpmath.asin(mpmath.sqrt(z))
            value = mpmath.sin(angle) - 2 * angle * mpmath.cos(angle)
            value /= mpmath.pi * mpmath.sqrt(z)
            fitted = mpmath.fsum(c * z**n for n, c in enumerate(_layers.ONCE))
            assert abs(fitted - value) <= 3e-9


@pytest.mark.parametrize("biases", [{}, {"bias_variance": 0.1}])
def test_no_second_matrix(biases):
    """A tile that is read back costs no copy of the whole; all is symmetric."""
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(4 * analytic.TILE + 1, 3)), jnp.float32)
    form = jax.jit(lambda x: analytic.tangent(x, depth=1, **biases)).lower(x).compile()
    memory = form.memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < memory.output_size_in_bytes / 2
    matrix = form(x)
    assert jnp.array_equal(matrix, matrix.T)


def test_tiles():
    """Larger than a tile, and no multiple: as part by part, and symmetric."""
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(analytic.TILE + 70, 3)), jnp.float32)
    half = analytic.TILE + 30
    for name in NAMES:
        form = getattr(analytic, name)
        whole = form(x, depth=4)
        scale = jnp.linalg.norm(x, axis=1)
        atol = 1e-6 * float(jnp.max(scale) ** 2) * 5
        assert jnp.allclose(whole, whole.T, rtol=1e-6, atol=atol)
        parts = [form(x[:half], x, depth=4), form(x[half:], x, depth=4)]
        assert jnp.allclose(whole, jnp.concatenate(parts), rtol=1e-6, atol=atol)


def test_is_the_pointwise_kernel():
    x, y = (v[:3] for v in inputs(4))
    for u, row, ntk in zip(
        x,
        analytic.covariance(x, y, depth=1),
        analytic.tangent(x, y, depth=5),
        strict=True,
    ):
        pairs = [(arc_cosine.kernel(u, v, 1), neural_tangent.deep(u, v, 5)) for v in y]
        assert jnp.allclose(row, jnp.array([p[0] for p in pairs]), rtol=2e-6)
        assert jnp.allclose(ntk, jnp.array([p[1] for p in pairs]), rtol=2e-6)


@pytest.mark.parametrize("depth", [2, 6])
def test_derivatives(depth):
    """With a parallel, an opposite, a zero and two ordinary inputs."""
    x = jnp.array([[0.3, -1.0, 2.0]])
    y = jnp.array([[0.6, -2.0, 4.0], [-0.3, 1.0, -2.0], [0, 0, 0], [1, 1, 0]])
    covariance = jax.jit(jax.jacobian(lambda x: analytic.covariance(x, y, depth=depth)))
    tangent = jax.jit(jax.jacobian(lambda x: analytic.tangent(x, y, depth=depth)))
    deep = jax.jit(jax.jacobian(lambda x, y: neural_tangent.deep(x, y, depth)))
    slopes = covariance(x)[0, :, 0]
    assert jnp.allclose(slopes[0], y[0], rtol=1e-6)  # |y| times the direction of x
    assert jnp.allclose(slopes[2], 0)
    for slope, v in zip(tangent(x)[0, :, 0], y, strict=True):
        # Noise of 1e-7 over the angle, here of 1e-7 or more, and a kink.
        assert jnp.allclose(slope, deep(x[0], v), rtol=2e-5, atol=1e-4)
    second = jax.jit(jax.hessian(lambda x: analytic.covariance(x, y, depth=depth)))
    assert jnp.isfinite(second(x)).all()


# Worst error of slopes, in ulp of (L + 1)^2 (|x| + |y|). Measured 0.13.
ZERO_SLOPE_ULPS = 0.5


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_slopes_in_zero_inputs_with_biases(depth, precision):
    """Both modes, in both inputs: central differences of the recursion in mpmath."""
    weight, bias = 1.5, 0.25
    rows = [[0, 0, 0], [0.25, -1, 2]], [[0, 0, 0], [1, 0.5, 0.125]]
    x, y = (jnp.asarray(v, precision) for v in rows)

    def both(x, y):
        settings = {"depth": depth, "weight_variance": weight, "bias_variance": bias}
        return jnp.stack([getattr(analytic, n)(x, y, **settings) for n in NAMES])

    # Run once: what optimization would gain is less than what it costs.
    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def slopes(x, y):
        return jax.jacfwd(both, (0, 1))(x, y), jax.jacrev(both, (0, 1))(x, y)

    worst = [
        Worst(f"gram.{n}", "(L + 1)^2 (|x| + |y|)", "zero inputs, biases", slope=True)
        for n in NAMES
    ]
    step = mpmath.mpf(10) ** -20
    with mpmath.workdps(DIGITS):
        for side, (ahead, back) in enumerate(zip(*slopes(x, y), strict=True)):
            assert ahead.dtype == precision
            for i, j, k in np.ndindex(2, 2, 3):
                values = []
                for sign in (1, -1):
                    pair = [list(map(mpmath.mpf, rows[0][i]))]
                    pair.append(list(map(mpmath.mpf, rows[1][j])))
                    pair[side][k] += sign * step
                    values.append(reference(pair[0], pair[1], depth, weight, bias))
                size = mpmath.norm(rows[0][i]) + mpmath.norm(rows[1][j])
                scale = (depth + 1) ** 2 * max(size, 1e-3)
                for n, errors in enumerate(worst):
                    exact = (values[0][n] - values[1][n]) / (2 * step)
                    for found in (ahead, back):
                        slope = found[n, i, j, (i, j)[side], k]
                        errors.add(slope, exact, scale, x=rows[0][i], y=rows[1][j])
                        other = found[n, i, j, 1 - (i, j)[side], k]
                        assert other == 0  # Of another row.
    for errors in worst:
        errors.check(ZERO_SLOPE_ULPS)


def test_slopes_in_the_variances():
    x = inputs(3)[0]

    @jax.jit
    def total(weight, bias):
        return jnp.sum(
            analytic.tangent(x, depth=2, weight_variance=weight, bias_variance=bias)
        )

    slopes = jax.grad(total, (0, 1))(1.5, 0.3)
    step = 1e-2
    ahead = [total(1.5 + step, 0.3), total(1.5, 0.3 + step)]
    behind = [total(1.5 - step, 0.3), total(1.5, 0.3 - step)]
    for slope, a, b in zip(slopes, ahead, behind, strict=True):
        assert float(slope) == pytest.approx(float(a - b) / (2 * step), rel=1e-3)


NOISE = {
    "width": 2,
    "first": jnp.ones((2, 3)),
    "others": jnp.ones((1, 2, 2)),
    "biases": jnp.ones((1, 2)),
    "last_bias": jnp.ones(()),
}


@pytest.mark.parametrize("name", NAMES)
def test_zero_input_and_left_out_inputs(name):
    x = jnp.array([[1.0, -2, 2], [0, 0, 0]])
    for form in (getattr(analytic, name), lambda *a, **k: twin(name, *a, **k)):
        matrix = form(x, depth=1)
        assert not matrix[1].any()
        assert not matrix[:, 1].any()
        assert jnp.array_equal(matrix, form(x, x, depth=1))


def twin(name, *args, **others):
    return getattr(empirical, name)(*args, **others, **NOISE)


@pytest.mark.parametrize("name", NAMES)
def test_rejections(name):
    one = jnp.ones((2, 3))
    for form in (getattr(analytic, name), lambda *a, **k: twin(name, *a, **k)):
        for x, y in [(one, one[:, :2]), (one[0], one), (one, one[0])]:
            with pytest.raises(ValueError, match="x and y must be matrices with rows"):
                form(x, y, depth=1)
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            form(one, depth=0)
    with pytest.raises(ValueError, match="must be float32 or float64, got int32"):
        getattr(analytic, name)(jnp.ones((2, 3), int), depth=1)
    negative = getattr(analytic, name)(one, depth=1, bias_variance=-1.0)
    assert jnp.isnan(negative).all()
