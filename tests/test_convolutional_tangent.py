import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from mpmath import mpf

from analytic import convolutional_tangent as analytic, neural_tangent
from claims.convolutional_tangent import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import convolutional_tangent as empirical
from tallystick import Domain, Fixed, Limit, check

# Of the mean of |x_s| |y_t|; measured 0.4.
ULPS = 6
POOLINGS = ["flatten", "average"]


def images(pixels=5, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(pixels, channels)) for _ in range(2)]


def reference(x, y, depth, size, pooling):
    """The recursion at 50 digits, with the covariances of all pairs of pixels."""
    count, half = len(x), size // 2

    def mixed(matrix):
        return [
            [
                mpmath.fsum(
                    matrix[(s + d) % count][(t + d) % count]
                    for d in range(-half, half + 1)
                )
                / size
                for t in range(count)
            ]
            for s in range(count)
        ]

    def products(first, second):
        return mixed(
            [
                [
                    mpmath.fsum(
                        mpf(float(u)) * mpf(float(v)) for u, v in zip(p, q, strict=True)
                    )
                    for q in second
                ]
                for p in first
            ]
        )

    own = [products(v, v) for v in (x, y)]
    covariance = products(x, y)
    tangent = covariance

    def layer(a, b, c):
        root = mpmath.sqrt(max(a * b - c * c, 0))
        gap = mpmath.atan2(root, -c)
        return (root + gap * c) / mpmath.pi, gap / mpmath.pi

    last = None
    kernel, activated = covariance, own
    for number in range(depth):
        if number:
            covariance, tangent = mixed(kernel), mixed(last)
            own = [mixed(v) for v in activated]
        kernel, last = (
            [[None] * count for _ in range(count)],
            [[None] * count for _ in range(count)],
        )
        activated = [[[None] * count for _ in range(count)] for _ in own]
        for s in range(count):
            for t in range(count):
                a, b = own[0][s][s], own[1][t][t]
                value, active = layer(a, b, covariance[s][t])
                kernel[s][t] = value
                last[s][t] = value + active * tangent[s][t]
                for side, matrix in enumerate(own):
                    activated[side][s][t] = layer(
                        matrix[s][s], matrix[t][t], matrix[s][t]
                    )[0]
    if pooling == "flatten":
        return mpmath.fsum(last[s][s] for s in range(count)) / count
    return mpmath.fsum(v for row in last for v in row) / count**2


@pytest.mark.parametrize(("depth", "pooling"), [(1, "flatten"), (2, "average")])
def test_value(depth, pooling, precision):
    x, y = (np.asarray(v, precision) for v in images())
    form = jax.jit(lambda u, v: analytic.circular(u, v, depth, 3, pooling))
    value = form(jnp.asarray(x), jnp.asarray(y))
    assert value.dtype == precision
    norms = np.linalg.norm(x, axis=1).mean() * np.linalg.norm(y, axis=1).mean()
    with mpmath.workdps(DIGITS):
        exact = reference(x, y, depth, 3, pooling)
        worst = Worst(
            "convolutional_tangent.circular",
            "depth times the mean of |x_s| |y_t|",
            f"depth {depth}, {pooling}",
        )
        worst.add(value, exact, depth * norms, x=x, y=y)
        worst.check(ULPS)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_nearly_parallel_and_opposite_images(pooling, precision):
    """Each pixel turned by an angle; a covariance would lose half of the digits."""
    x = images(4, 2, seed=1)[0].astype(precision)
    across = x[:, ::-1] * np.array([1, -1], precision)
    form = jax.jit(lambda u, v: analytic.circular(u, v, 2, 3, pooling))
    worst = Worst(
        "convolutional_tangent.circular",
        "depth times the mean of |x_s| |y_t|",
        f"depth 2, {pooling}, angles from 1e-7 to pi - 1e-7",
    )
    for gap in [1e-7, 1e-6, 1e-4, 1e-2, 1.0]:
        for sign in (1, -1):
            turned = np.cos(gap) * sign * x + np.sin(gap) * across
            y = turned.astype(precision)
            value = form(jnp.asarray(x), jnp.asarray(y))
            norms = np.linalg.norm(x, axis=1).mean() * np.linalg.norm(y, axis=1).mean()
            with mpmath.workdps(DIGITS):
                exact = reference(x, y, 2, 3, pooling)
                worst.add(value, exact, 2 * norms, angle=gap, sign=sign)
    worst.check(ULPS)


def test_one_pixel_is_the_dense_network():
    x, y = (jnp.asarray(v[:1]) for v in images(channels=3))
    expected = neural_tangent.deep(x[0], y[0], 2)
    for pooling in POOLINGS:
        value = jax.jit(lambda u, v, p=pooling: analytic.circular(u, v, 2, 1, p))(x, y)
        assert jnp.allclose(value, expected, rtol=1e-5)


def test_symmetries_and_diagonal():
    x, y = map(jnp.asarray, images())
    forms = {
        p: jax.jit(lambda u, v, p=p: analytic.circular(u, v, 2, 3, p)) for p in POOLINGS
    }
    for form in forms.values():
        value = form(x, y)
        assert jnp.allclose(form(y, x), value, rtol=1e-5)
        assert jnp.allclose(form(4 * x, y / 2), 2 * value, rtol=1e-5)
        turned = [jnp.roll(v, 2, axis=0) for v in (x, y)]
        assert jnp.allclose(form(*turned), value, rtol=1e-5)
        gram = jnp.array([[form(x, x), value], [value, form(y, y)]])
        assert jnp.linalg.eigvalsh(gram)[0] > 0
    # Pooling makes a turn of one input alone invisible.
    value = forms["average"](x, y)
    turned = forms["average"](jnp.roll(x, 1, axis=0), y)
    assert jnp.allclose(turned, value, rtol=1e-5)
    # Every layer adds the mean square of a pixel.
    square = 3 * jnp.mean(jnp.sum(x * x, axis=1))
    assert jnp.allclose(forms["flatten"](x, x), square, rtol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS[1:])
def test_zero_and_parallel_inputs(pooling):
    x, y = map(jnp.asarray, images())
    form = jax.jit(
        jax.value_and_grad(lambda u, v: analytic.circular(u, v, 2, 3, pooling))
    )

    def slope(u, v):
        return form(u, v)[1]

    assert form(0 * x, y)[0] == 0
    assert empirical_draw(0 * x, y, pooling) == 0
    for other in (x, -2 * x, 0 * x):
        assert jnp.isfinite(slope(x, other)).all()
        assert jnp.isfinite(slope(other, x)).all()
    assert jnp.all(slope(0 * x, y) == 0)


def empirical_draw(x, y, pooling):
    width, channels = 2, x.shape[1]
    return empirical.circular(
        x,
        y,
        2,
        3,
        pooling,
        width=width,
        first=jnp.ones((width, 3, channels)),
        others=jnp.ones((2, width, 3, width)),
        readout=jnp.ones((len(x), width)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("pooling", POOLINGS)
def test_networks_agree(pooling):
    report = check(
        analytic.circular,
        empirical.circular,
        domain=Domain(
            x=Fixed(images(4, 1)[0]),
            y=Fixed(images(4, 1)[1]),
            depth=2,
            filter_size=3,
            pooling=pooling,
        ),
        relation=Limit("width", sizes=(3, 6), rate=1.0, tolerance=0.03, bias=0.03),
    )
    report.assert_agrees()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": jnp.ones((4, 2))}, "x and y must be matrices alike"),
        ({"depth": 0}, "depth must be at least 1, got depth=0"),
        ({"filter_size": 2}, "filter_size must be odd, got filter_size=2"),
        ({"pooling": "max"}, "pooling must be flatten or average, got pooling='max'"),
    ],
)
def test_rejects(change, message):
    x, y = map(jnp.asarray, images())
    given = {"x": x, "y": y, "depth": 2, "filter_size": 3, "pooling": "flatten"}
    noise = {
        "width": 2,
        "first": jnp.ones((2, 3, 2)),
        "others": jnp.ones((2, 2, 3, 2)),
        "readout": jnp.ones((5, 2)),
    }
    with pytest.raises(ValueError, match=message):
        analytic.circular(**{**given, **change})
    with pytest.raises(ValueError, match=message):
        empirical.circular(**{**given, **change}, **noise)
