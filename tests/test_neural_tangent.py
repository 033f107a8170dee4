import functools
import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import gram, neural_tangent as analytic
from analytic.arc_cosine import kernel
from claims.neural_tangent import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import neural_tangent as empirical

DTYPES = ["float32", "float64"]
ANGLES = [1e-7, 1e-5, 1e-3, 0.03, 0.5, 1.0, 1.5, 1.6, 2.0, 2.6, 3.1]
NORMS = [(1.0, 1.0), (1e-3, 1e3), (700.0, 0.03)]
# Worst error over the pairs below, in ulp of |x| |y| (for the variance, of its square
# over the width). Measured 0.6, 0.4 and 1.0.
TWO_LAYER_ULPS = {"first_layer": 1.5, "first_layer_variance": 1, "both_layers": 2}
# Likewise for the deep kernel, in ulp of depth^2 |x| |y|. Measured 2.4, 0.5 and 0.3.
DEEP_ULPS = {1: 5, 3: 1, 40: 0.5}
# At depth 50, in ulp of the kernel itself.
DEEP_RELATIVE_ULPS = 16
# Likewise for the gradient in x, in ulp of its norm, at angles from 0.03 to 3.1: nearer
# to a kink its direction is lost in the inverse proportion. Measured 3.5, but 17 for
# the variance, a product of p and 1 - p whose slopes cancel in part.
GRADIENT_ULPS = 7
VARIANCE_GRADIENT_ULPS = 34


def pairs(dtype):
    """Pairs of vectors in space with the angles and norms above, batched."""
    angles = np.array([*ANGLES, *(np.pi - a for a in ANGLES[:4])])
    frames = itertools.cycle([np.eye(3)[:2], np.array([[2, -3, 6], [6, -2, -3]]) / 7])
    rows = [
        (norm_x * u, norm_y * (np.cos(angle) * u + np.sin(angle) * v))
        for angle, (norm_x, norm_y), (u, v) in zip(
            np.repeat(angles, len(NORMS)), itertools.cycle(NORMS), frames, strict=False
        )
    ]
    x, y = np.moveaxis(np.array(rows, dtype), 1, 0)
    return jnp.asarray(x), jnp.asarray(y)


def exact(vector):
    return mpmath.matrix([float(entry) for entry in vector])


def mean_product(x_square, y_square, inner, degree):
    """E[u_+^n v_+^n] for n = 0, 1 and a normal pair, by quadrature over the circle."""
    norms = mpmath.sqrt(x_square * y_square)
    theta = mpmath.acos(max(-1, min(1, inner / norms)))
    angular = mpmath.quad(
        lambda t: (mpmath.cos(t) * mpmath.cos(t - theta)) ** degree,
        [theta - mpmath.pi / 2, mpmath.pi / 2],
        method="gauss-legendre",
    )
    # The mean square radius is 2.
    return (2 * norms) ** degree * angular / (2 * mpmath.pi)


def two_layer_reference(name, x, y):
    """Scale and value at width 3, from the definitions."""
    moments = mpmath.norm(x) ** 2, mpmath.norm(y) ** 2, mpmath.fdot(x, y)
    norms = mpmath.norm(x) * mpmath.norm(y)
    active = mean_product(*moments, 0)
    match name:
        case "first_layer":
            return norms, moments[2] * active
        case "first_layer_variance":
            # The kernel is a mean of 3 independent products x . y 1{active}.
            value = moments[2] ** 2 * active - (moments[2] * active) ** 2
            return norms**2 / 3, value / 3
        case _:
            return norms, moments[2] * active + mean_product(*moments, 1)


def deep_reference(x, y, depth):
    """The recursion over layers of the two inputs' covariance and tangent kernel."""
    x_square, y_square = mpmath.norm(x) ** 2, mpmath.norm(y) ** 2
    inner = tangent = mpmath.fdot(x, y)
    for _ in range(depth):
        active = 2 * mean_product(x_square, y_square, inner, 0)
        inner = 2 * mean_product(x_square, y_square, inner, 1)
        tangent = inner + active * tangent
    return tangent


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO_LAYER_ULPS)
def test_two_layers(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        x, y = pairs(dtype)
        extra = (3,) if name == "first_layer_variance" else ()
        form = jax.jit(jax.vmap(lambda x, y: getattr(analytic, name)(x, y, *extra)))
        values = form(x, y)
        assert values.dtype == dtype
    scale = "|x|^2 |y|^2 / m" if extra else "|x| |y|"
    worst = Worst(f"neural_tangent.{name}", scale)
    with mpmath.workdps(DIGITS):
        for value, u, v in zip(values, map(exact, x), map(exact, y), strict=True):
            scale, reference = two_layer_reference(name, u, v)
            worst.add(value, reference, scale, x=u, y=v)
    worst.check(TWO_LAYER_ULPS[name])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", DEEP_ULPS)
def test_deep(depth, dtype):
    with jax.enable_x64(dtype == "float64"):
        x, y = (v[:: 1 if depth < 9 else 5] for v in pairs(dtype))
        values = jax.vmap(analytic.deep, (0, 0, None))(x, y, depth)
        assert values.dtype == dtype
    worst = Worst("neural_tangent.deep", "depth^2 |x| |y|", f"depth {depth}")
    with mpmath.workdps(DIGITS):
        for value, u, v in zip(values, map(exact, x), map(exact, y), strict=True):
            scale = depth**2 * mpmath.norm(u) * mpmath.norm(v)
            worst.add(value, deep_reference(u, v, depth), scale, x=u, y=v)
    worst.check(DEEP_ULPS[depth])


@pytest.mark.parametrize("name", [*TWO_LAYER_ULPS, "deep"])
def test_gradient(name):
    extra = {"first_layer_variance": (3,), "deep": (3,)}.get(name, ())
    with jax.enable_x64(True):
        x, y = (v[9:33:4] for v in pairs("float64"))
        form = jax.grad(getattr(analytic, name))
        gradient = jax.jit(jax.vmap(lambda x, y: form(x, y, *extra)))(x, y)

    def reference(x, y):
        if name == "deep":
            return deep_reference(x, y, 3)
        return two_layer_reference(name, x, y)[1]

    worst = Worst(f"neural_tangent.{name}", "its norm", "angles to 0.03", slope=True)
    with mpmath.workdps(DIGITS):
        for values, u, v in zip(gradient, map(exact, x), map(exact, y), strict=True):
            step = mpmath.norm(u) / mpmath.mpf(10) ** 16
            largest = mpmath.norm(exact(values))
            for k, value in enumerate(values):
                ahead, behind = u.copy(), u.copy()
                ahead[k] += step
                behind[k] -= step
                slope = (reference(ahead, v) - reference(behind, v)) / (2 * step)
                worst.add(value, slope, largest, x=u, y=v)
    variance = name == "first_layer_variance"
    worst.check(VARIANCE_GRADIENT_ULPS if variance else GRADIENT_ULPS)


EXTRA = {"first_layer_variance": (4,), "deep": (2,)}
TWO_LAYERS = {"weights": jnp.ones((4, 3)), "signs": jnp.ones(4)}
NOISE = {
    "first_layer": TWO_LAYERS,
    "first_layer_variance": {k: jnp.stack([v, -v]) for k, v in TWO_LAYERS.items()},
    "both_layers": {"weights": jnp.ones((4, 3)), "readout": jnp.ones(4)},
    "deep": {"width": 4, "first": jnp.ones((4, 3)), "others": jnp.ones((2, 4, 4))},
}


def with_inputs_alone(side, name, noise):
    """A function of one side as a jitted function of the two inputs."""
    function, extra = getattr(side, name), EXTRA.get(name, ())
    return jax.jit(lambda x, y: function(x, y, *extra, **noise))


FORMS = {name: with_inputs_alone(analytic, name, {}) for name in NOISE}
DRAWS = {name: with_inputs_alone(empirical, name, NOISE[name]) for name in NOISE}


@pytest.mark.parametrize("name", FORMS)
def test_zero_input(name):
    zero, one = jnp.zeros(3), jnp.array([1.0, -2, 2])
    for x, y in [(zero, one), (one, zero), (zero, zero)]:
        assert FORMS[name](x, y) == 0
        assert DRAWS[name](x, y) == 0
        for slope in jax.jit(jax.grad(FORMS[name], (0, 1)))(x, y):
            assert jnp.array_equal(slope, zero)


@pytest.mark.parametrize(
    ("name", "parallel", "opposite"),
    # Slopes along y in units of |y|; the deep network has depth 2, where opposite
    # inputs have the kernel |x| |y| / pi.
    [("first_layer", 1 / 2, 0), ("both_layers", 1, 0), ("deep", 3, -1 / np.pi)],
)
def test_gradient_is_the_mean_slope_at_a_kink(name, parallel, opposite):
    x = jnp.array([0.3, -1.0, 2.0])
    for factor, along in [(2, parallel), (-2, opposite)]:
        # Not compiled: then the two directions are equal to the last bit.
        slope = jax.grad(getattr(analytic, name))(x, factor * x, *EXTRA.get(name, ()))
        atol = 16 * jnp.finfo(x.dtype).eps * 2 * jnp.linalg.norm(x)
        assert jnp.allclose(slope, along * factor * x, rtol=0, atol=atol)


@pytest.mark.parametrize("width", [1, 7])
def test_opposite_inputs_share_no_unit(width):
    x = jnp.array([0.3, -1.0, 2.0])
    assert analytic.first_layer_variance(x, -2 * x, width) == 0
    weights = jnp.ones((2, width, 3))
    noise = {"weights": weights, "signs": jnp.ones((2, width))}
    assert empirical.first_layer_variance(x, -2 * x, width, **noise) == 0


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("shapes", [((3,), (2,)), ((3, 1), (3, 1)), ((), ())])
def test_rejects_shapes(name, shapes):
    x, y = map(jnp.ones, shapes)
    for form in (FORMS[name], DRAWS[name]):
        with pytest.raises(ValueError, match="x and y must be vectors alike"):
            form(x, y)


def test_rejects_sizes():
    x = jnp.ones(3)
    noise = {"first": jnp.ones((4, 3)), "others": jnp.ones((2, 4, 4))}
    with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
        analytic.deep(x, x, 0)
    with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
        empirical.deep(x, x, 0, width=4, **noise)
    with pytest.raises(ValueError, match="width must be at least 1, got width=0"):
        empirical.deep(x, x, 2, width=0, **noise)
    with pytest.raises(ValueError, match="width must be at least 1, got width=0"):
        analytic.first_layer_variance(x, x, 0)
    with pytest.raises(ValueError, match="width must be at least 1, got width=0"):
        empirical.first_layer_variance(
            x, x, 0, weights=jnp.ones((2, 0, 3)), signs=jnp.ones((2, 0))
        )


numbers = st.floats(-9, 9, width=16)
inputs = st.lists(numbers, min_size=3, max_size=3).map(jnp.array)


@settings(deadline=None)
@given(inputs, inputs)
def test_identities(x, y):
    eps = jnp.finfo(x.dtype).eps
    norms = jnp.linalg.norm(x) * jnp.linalg.norm(y)
    for name, form in FORMS.items():
        power = 2 if name == "first_layer_variance" else 1
        close = functools.partial(jnp.allclose, rtol=0, atol=16 * eps * norms**power)
        assert close(form(x, y), form(y, x))
        assert close(form(2 * x, y / 2), form(x, y))
        assert close(form(3 * x, y) / 3**power, form(x, y))
    # One hidden layer; the deep network's gain of 2 is the only difference.
    both = analytic.both_layers(x, y)
    assert jnp.allclose(analytic.deep(x, y, 1), 2 * both, rtol=0, atol=8 * eps * norms)
    # The diagonal: every layer adds |x|^2.
    square = jnp.sum(x * x)
    assert jnp.allclose(analytic.first_layer(x, x), square / 2, rtol=4 * eps)
    assert jnp.allclose(analytic.deep(x, x, 5), 6 * square, rtol=8 * eps)


def extreme_pairs(dtype):
    """Angles from 1e-7 to pi - 1e-7 at norms from 1e-18 to 1e18, batched."""
    rng = np.random.default_rng(0)
    rows = []
    for gap, end in itertools.product([1e-7, 1e-4, 0.1, 1.0], [1, -1]):
        for norms in itertools.product([1e-18, 1, 1e18], repeat=2):
            u = rng.normal(size=16)
            v = rng.normal(size=16)
            u = np.array(u / np.linalg.norm(u), dtype).astype(float)
            v -= v @ u * u / (u @ u)
            y = end * (np.cos(gap) * u + np.sin(gap) * v / np.linalg.norm(v))
            rows.append((norms[0] * u, norms[1] * y))
    x, y = np.moveaxis(np.array(rows, dtype), 1, 0)
    return jnp.asarray(x), jnp.asarray(y)


def closed_forms(x, y):
    """Kernels of the features and of both layers, with their gradients in x."""
    x_norm, y_norm = mpmath.norm(x), mpmath.norm(y)
    u, v = x / x_norm, y / y_norm
    across = v - mpmath.fdot(u, v) * u
    sine, cosine = mpmath.norm(across), mpmath.fdot(u, v)
    gap = mpmath.atan2(sine, -cosine)
    features, bend = sine + gap * cosine, gap * sine
    # The derivatives are those in the gap.
    both = (cosine * gap + features) / 2, (cosine + sine * gap + bend) / 2
    for value, change in [(features, bend), both]:
        gradient = y_norm * (value * u + change * across / sine) / mpmath.pi
        yield x_norm * y_norm * value / mpmath.pi, gradient


# Worst relative error over the pairs above: values in ulp, gradients (as vectors) in
# ulp of the gradient. Measured 7.7 and 6.
EXTREME_ULPS = 16


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_angles_and_norms(dtype):
    forms = functools.partial(kernel, degree=1), analytic.both_layers
    with jax.enable_x64(dtype == "float64"):
        x, y = extreme_pairs(dtype)
        found = [jax.jit(jax.vmap(jax.value_and_grad(f)))(x, y) for f in forms]
    tiny = float(jnp.finfo(dtype).tiny) * 1e3
    names = "arc_cosine.kernel", "neural_tangent.both_layers"
    extreme = "degree 1, all angles and norms", "all angles and norms"
    both = [
        [Worst(n, "itself", e, slope=slope) for slope in (False, True)]
        for n, e in zip(names, extreme, strict=True)
    ]
    with mpmath.workdps(60):
        for k, (u, v) in enumerate(zip(map(exact, x), map(exact, y), strict=True)):
            for (values, slopes), (value, gradient), (of_values, of_slopes) in zip(
                found, closed_forms(u, v), both, strict=True
            ):
                if abs(value) > tiny:  # else it underflows
                    of_values.add(values[k], value, value, x=u, y=v)
                error = mpmath.norm(exact(slopes[k]) - gradient)
                eps = float(jnp.finfo(dtype).eps)
                if mpmath.norm(gradient) > tiny:
                    error = float(error / mpmath.norm(gradient)) / eps
                    of_slopes.put(error, dtype, x=u, y=v)
    for worst in (*both[0], *both[1]):
        worst.check(EXTREME_ULPS)


@pytest.mark.parametrize("name", ["first_layer", "both_layers", "deep"])
def test_second_derivatives(name):
    """Of an ordinary pair, against differences; finite for a zero and at kinks."""
    extra = EXTRA.get(name, ())
    with jax.enable_x64(True):
        x, y = jnp.array([0.3, -1.0, 2.0]), jnp.array([1.0, 0.5, 0.2])
        slope = jax.jit(jax.grad(lambda x, y: getattr(analytic, name)(x, y, *extra)))
        second = jax.jit(jax.jacfwd(slope))
        again = jax.jit(jax.jacrev(slope))
        step = 1e-5 * jnp.eye(3)
        rows = [(slope(x + e, y) - slope(x - e, y)) / 2e-5 for e in step]
        assert jnp.allclose(second(x, y), jnp.stack(rows, axis=1), atol=1e-8)
        assert jnp.allclose(second(x, y), again(x, y), atol=1e-12)
        for other in (x, -x, 0 * x):
            assert jnp.isfinite(second(x, other)).all()
            assert jnp.isfinite(second(other, x)).all()


def test_deep_at_depth_fifty_in_float32():
    """Against the same recursion in 50 digits, in ulp of the kernel itself."""
    x, y = (v[:: len(NORMS)] for v in pairs("float32"))
    values = jax.jit(jax.vmap(lambda x, y: analytic.deep(x, y, 50)))(x, y)
    worst = Worst("neural_tangent.deep", "itself", "depth 50")
    with mpmath.workdps(DIGITS):
        for value, u, v in zip(values, map(exact, x), map(exact, y), strict=True):
            inner, norms = mpmath.fdot(u, v), mpmath.norm(u) * mpmath.norm(v)
            tangent = inner
            for _ in range(50):
                theta = mpmath.acos(max(-1, min(1, inner / norms)))
                angular = mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)
                inner = norms * angular / mpmath.pi
                tangent = inner + (1 - theta / mpmath.pi) * tangent
            worst.add(value, tangent, tangent, x=u, y=v)
    worst.check(DEEP_RELATIVE_ULPS)


# Worst error of kernels with other activations, in ulp of depth times the kernel at the
# larger input. Measured 0.8; the quadrature of tanh adds its own.
NETWORK_ULPS = 16


def network_reference(x, y, depth, activation, weight, bias):
    """Covariance and tangent kernel by the recursion, at 30 digits."""
    weight, bias = mpmath.mpf(weight), mpmath.mpf(bias)
    a, b, c = (mpmath.fdot(*pair) + bias for pair in ((x, x), (y, y), (x, y)))
    tangent = c

    def erf(a, b, c):
        square = (1 + 2 * a) * (1 + 2 * b)
        return 2 / mpmath.pi * mpmath.asin(2 * c / mpmath.sqrt(square))

    def erf_slope(a, b, c):
        return 4 / mpmath.pi / mpmath.sqrt((1 + 2 * a) * (1 + 2 * b) - 4 * c * c)

    def relu(a, b, c):
        return mean_product(a, b, c, 1)

    def step(a, b, c):
        return mean_product(a, b, c, 0)

    def sign(a, b, c):
        return 4 * step(a, b, c) - 1

    dual, slope = {
        "erf": (erf, erf_slope),
        "relu": (relu, step),
        "abs": (lambda a, b, c: 4 * relu(a, b, c) - c, sign),
        "step": (step, lambda *_: 0),
        "sign": (sign, lambda *_: 0),
    }[activation]
    for _ in range(depth):
        rate = weight * slope(a, b, c)
        rows = (a, a, a), (b, b, b), (a, b, c)
        a, b, c = (weight * dual(*row) + bias for row in rows)
        tangent = c + rate * tangent
    return c, tangent


@pytest.mark.parametrize("activation", ["relu", "abs", "erf", "step", "sign"])
@pytest.mark.parametrize("bias", [0.0, 0.25])
def test_networks_with_any_activation(activation, bias, precision):
    """Nearly parallel and nearly opposite inputs included."""
    settings = {"activation": activation, "weight_variance": 1.5, "bias_variance": bias}
    jumps = activation in ("step", "sign")
    forms = {
        name: jax.jit(
            jax.vmap(functools.partial(getattr(analytic, name), depth=2, **settings))
        )
        for name in ("covariance", "kernel")[: 1 if jumps else 2]
    }
    x, y = (v[::7] for v in pairs(precision))
    found = {name: form(x, y) for name, form in forms.items()}
    scale = "depth times the kernel at the larger input"
    worst = {n: Worst(f"neural_tangent.{n}", scale, activation) for n in forms}
    with mpmath.workdps(30):
        for k, (u, v) in enumerate(zip(map(exact, x), map(exact, y), strict=True)):
            values = network_reference(u, v, 2, activation, 1.5, bias)
            largest = max(
                network_reference(w, w, 2, activation, 1.5, bias)[1] for w in (u, v)
            )
            for name, value in zip(forms, values, strict=not jumps):
                assert found[name].dtype == precision
                worst[name].add(found[name][k], value, 2 * largest, x=u, y=v)
    for errors in worst.values():
        errors.check(NETWORK_ULPS)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_slopes_in_a_zero_input_with_biases(activation, precision):
    """Both modes, in ulp of the tangent kernel of the other input, over its norm."""
    settings = {"activation": activation, "weight_variance": 1.5, "bias_variance": 0.25}
    other = [1.0, -2.0, 0.5]
    zero, one = jnp.zeros(3, precision), jnp.asarray(other, precision)
    step, exact = mpmath.mpf(10) ** -10, []
    with mpmath.workdps(30):
        v = mpmath.matrix(other)
        ahead, back = (
            network_reference(
                mpmath.matrix([sign * step, 0, 0]), v, 2, activation, 1.5, 0.25
            )
            for sign in (1, -1)
        )
        exact = [float((p - q) / (2 * step)) for p, q in zip(ahead, back, strict=True)]
    for name, slope in zip(("covariance", "kernel"), exact, strict=True):
        form = functools.partial(getattr(analytic, name), depth=2, **settings)
        both = jax.jit(
            lambda x, y, f=form: (jax.grad(f)(x, y), jax.jacfwd(f, 1)(y, x)),
            compiler_options={"xla_backend_optimization_level": 0},
        )
        tolerance = 16 * float(jnp.finfo(precision).eps)
        for found in both(zero, one):
            # Along the other input; the reference has rounding of 1e-15 at most.
            assert jnp.allclose(found, slope * one, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("activation", ["abs", "gelu", "tanh", "cos"])
def test_activations_at_kinks_and_parallel_inputs(activation):
    x, y = jnp.array([0.5, -1.0, 2.0]), jnp.array([1.0, 0.5, 0.25])

    def form(x, y):
        return analytic.kernel(
            x, y, depth=2, activation=activation, bias_variance=0.125
        )

    both = jax.jit(jax.value_and_grad(form))
    value = both(x, y)[0]
    eps = jnp.finfo(x.dtype).eps
    assert jnp.allclose(value, both(y, x)[0], rtol=64 * eps)
    matrix = jnp.array([[both(x, x)[0], value], [value, both(y, y)[0]]])
    assert jnp.linalg.eigvalsh(matrix)[0] > 0
    for other in (x, -2 * x, 0 * x):
        for first, second in ((x, other), (other, x)):
            number, slope = both(first, second)
            assert jnp.isfinite(number)
            assert jnp.isfinite(slope).all()


def test_relu_is_that_of_the_deep_network_and_of_the_gram_matrix():
    x, y = jnp.array([0.3, -1.0, 2.0]), jnp.array([1.0, 0.5, 0.25])
    eps = jnp.finfo(x.dtype).eps
    for other in (x, y, -x):
        value = analytic.kernel(x, other, depth=3)
        expected = analytic.deep(x, other, 3)
        assert jnp.allclose(value, expected, rtol=16 * eps, atol=16 * eps)
        settings = {"depth": 3, "weight_variance": 1.5, "bias_variance": 0.5}
        value = analytic.kernel(x, other, **settings)
        expected = gram.tangent(x[None], other[None], **settings)[0, 0]
        assert jnp.allclose(value, expected, rtol=16 * eps)
        value = analytic.covariance(x, other, **settings)
        expected = gram.covariance(x[None], other[None], **settings)[0, 0]
        assert jnp.allclose(value, expected, rtol=16 * eps)


@pytest.mark.parametrize("name", ["kernel", "covariance"])
def test_networks_reject(name):
    x = jnp.ones(3)
    noise = {
        "width": 2,
        "first": jnp.ones((2, 3)),
        "others": jnp.ones((1, 2, 2)),
        "biases": jnp.ones((1, 2)),
        "last_bias": jnp.ones(()),
    }
    for side, more in ((analytic, {}), (empirical, noise)):
        form = getattr(side, name)
        with pytest.raises(ValueError, match="activation must be one of"):
            form(x, x, depth=1, activation="swish", **more)
        with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
            form(x, x, depth=0, activation="erf", **more)
        with pytest.raises(ValueError, match="x and y must be vectors alike"):
            form(x, jnp.ones(2), depth=1, **more)
    with pytest.raises(ValueError, match="depth must be at least 1, got depth=0"):
        getattr(analytic, name)(x, x, depth=0)
    with pytest.raises(ValueError, match="width must be at least 1, got width=0"):
        getattr(empirical, name)(x, x, depth=1, **{**noise, "width": 0})
