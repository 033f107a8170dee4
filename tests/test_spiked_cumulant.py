import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import spiked_cumulant as analytic
from claims.spiked_cumulant import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import spiked_cumulant as empirical

DTYPES = ["float32", "float64"]
LATENTS = ["rademacher", "uniform", "laplace", "skewed"]
# Worst error of a coefficient of degree k <= 12, in ulp of (1 + k) times itself.
COEFFICIENT_ULPS = 1  # Measured 0.5.
# Of a cumulant, in ulp of itself over the overlap; of the whitening, in ulp of 1.
CUMULANT_ULPS = 1.5  # Measured 0.7.
WHITENING_ULPS = 1.3  # Measured 0.6.


def latents(positive):
    """The noise that latents are made of."""
    return {
        "sign": jnp.ones(()),
        "positive": jnp.asarray(positive),
        "normals": jnp.full(4, 0.5),
    }


def gauss_rule(diagonal, squares):
    """Nodes and weights from the recurrence of a law's orthogonal polynomials."""
    with mpmath.workdps(DIGITS):
        jacobi = mpmath.diag(diagonal)
        for k, square in enumerate(squares):
            jacobi[k, k + 1] = jacobi[k + 1, k] = mpmath.sqrt(square)
        nodes, vectors = mpmath.eigsy(jacobi)
        return [(node, vectors[0, i] ** 2) for i, node in enumerate(nodes)]


def latent_rules():
    """Nodes and weights of each latent, exact for polynomials of degree 13."""
    with mpmath.workdps(DIGITS):
        half, root = mpmath.mpf(1) / 2, mpmath.sqrt(2)
        legendre = [mpmath.mpf(k * k) / (4 * k * k - 1) for k in range(1, 7)]
        laguerre = gauss_rule(
            [2 * k + 1 for k in range(7)], [k * k for k in range(1, 7)]
        )
        return {
            "rademacher": [(-1, half), (1, half)],
            "uniform": [
                (mpmath.sqrt(3) * t, w) for t, w in gauss_rule([0] * 7, legendre)
            ],
            "laplace": [(s * t / root, w / 2) for t, w in laguerre for s in (-1, 1)],
            "skewed": [(2, mpmath.mpf(1) / 5), (-half, mpmath.mpf(4) / 5)],
        }


NORMAL_RULE = gauss_rule([0] * 7, range(1, 7))
LATENT_RULES = latent_rules()


def hermite_mean(latent, gamma, k):
    """E[h_k(sqrt(gamma) nu + sqrt(1 - gamma) xi)], k <= 13, over nu and xi."""
    terms = []
    for nu, chance in LATENT_RULES[latent]:
        for xi, weight in NORMAL_RULE:
            u = mpmath.sqrt(gamma) * nu + mpmath.sqrt(1 - gamma) * xi
            previous, h = mpmath.mpf(0), mpmath.mpf(1)
            for j in range(k):
                previous, h = h, u * h - j * previous
            terms.append(chance * weight * h)
    return mpmath.fsum(terms)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("latent", LATENTS)
def test_coefficients_equal_the_mean_over_latent_and_noise(latent, dtype):
    degree = "(1 + k) times itself"
    worst = Worst("spiked_cumulant.likelihood_coefficients", degree, latent)
    for beta in (1e-3, 0.7, 5.0, 1e4):
        with jax.enable_x64(True):
            beta = jnp.asarray(beta, dtype)
            found = analytic.likelihood_coefficients(
                jnp.ones(3, dtype), beta, latent, 12
            )
        assert found.dtype == dtype
        with mpmath.workdps(DIGITS):
            exact_beta = mpmath.mpf(float(beta))
            gamma = exact_beta / (1 + exact_beta)
            for k in range(13):
                exact = hermite_mean(latent, gamma, k)
                value = np.asarray(found)[k]
                if abs(exact) < 1e-35:
                    assert value == 0
                else:
                    worst.add(value, exact, (1 + k) * exact, beta=exact_beta, k=k)
    worst.check(COEFFICIENT_ULPS)


@pytest.mark.parametrize(
    ("latent", "expected"),
    [
        ("rademacher", [-2, 0, 16, 0, -132, 0, 1216]),
        ("uniform", [-6 / 5]),
        ("laplace", [3]),
        ("skewed", [1 / 4]),
    ],
)
def test_known_values_at_pure_signal(latent, expected):
    found = analytic.likelihood_coefficients(jnp.ones(2), jnp.asarray(1e9), latent, 10)
    assert jnp.allclose(found[4 : 4 + len(expected)], jnp.asarray(expected))


@pytest.mark.parametrize("latent", LATENTS)
def test_latent_has_its_moments(latent):
    """Up to degree 4, exactly: over signs and indicators, and by a Gauss rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights /= weights.sum()
    moments = np.zeros(5)
    with jax.enable_x64(True):
        mesh = jnp.stack(jnp.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
        mass = np.outer(weights, weights).ravel()
        for sign, positive in itertools.product((-1.0, 1.0), (0.0, 1.0)):
            chance = 0.5 * (0.2 if positive else 0.8)
            # The second product of laplace is left out: it has the law of the first.
            nu = jax.vmap(
                lambda z, sign=sign, positive=positive: empirical._latent(
                    latent,
                    jnp.asarray(sign),
                    jnp.asarray(positive),
                    jnp.concatenate([z, jnp.zeros(2)]),
                )
            )(mesh)
            moments += chance * np.array([np.sum(mass * nu**m) for m in range(5)])
    if latent == "laplace":
        # Of a sum of two independent halves, each of mean 0.
        moments[4] = 2 * moments[4] + 6 * moments[2] ** 2
        moments[2] *= 2
    fourth = {"rademacher": 1, "uniform": 9 / 5, "laplace": 6, "skewed": 3.25}
    third = 1.5 if latent == "skewed" else 0
    assert np.allclose(moments, [1, 0, 1, third, fourth[latent]], atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("latent", LATENTS)
def test_cumulants_equal_those_of_the_moments(latent, dtype):
    """By the general recursion, from raw moments over latent and noise."""
    v, w = [1.0, -0.5, 2.0], [0.25, 3.0, 1.0]
    worst = Worst("spiked_cumulant.cumulants", "itself over |w . v|", latent)
    for beta in (1e-3, 0.7, 50.0):
        with jax.enable_x64(True):
            found = analytic.cumulants(
                jnp.asarray(v, dtype),
                jnp.asarray(w, dtype),
                jnp.asarray(beta, dtype),
                latent,
                5,
            )
        assert found.dtype == dtype
        with mpmath.workdps(DIGITS):
            exact_beta = mpmath.mpf(float(np.asarray(beta, dtype)))
            gamma = exact_beta / (1 + exact_beta)
            overlap = mpmath.fdot(v, w) / mpmath.norm(v) / mpmath.norm(w)
            moments = [
                mpmath.fsum(
                    chance
                    * weight
                    * (
                        overlap * mpmath.sqrt(gamma) * nu
                        + mpmath.sqrt(1 - gamma * overlap**2) * xi
                    )
                    ** m
                    for nu, chance in LATENT_RULES[latent]
                    for xi, weight in NORMAL_RULE
                )
                for m in range(6)
            ]
            exact = [mpmath.mpf(0)]
            for m in range(1, 6):
                exact.append(
                    moments[m]
                    - mpmath.fsum(
                        mpmath.binomial(m - 1, k - 1) * exact[k] * moments[m - k]
                        for k in range(1, m)
                    )
                )
            pairs = zip(np.asarray(found), exact[1:], strict=True)
            for m, (value, reference) in enumerate(pairs):
                scale = abs(reference) / abs(overlap)
                if abs(reference) < 1e-35:
                    assert value == 0
                else:
                    worst.add(value, reference, scale, beta=exact_beta, m=m)
    worst.check(CUMULANT_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("direction", [[2.0, -0.5, 1.0], [0.0, 3.0, 0.0], [-0.7]])
def test_whitening_is_the_inverse_root(direction, dtype):
    scale = "itself" if len(direction) == 1 else "1"
    worst = Worst("spiked_cumulant.whitening", scale)
    for beta in (0.0, 1e-3, 5.0, 1e4):
        with jax.enable_x64(True):
            spike = jnp.asarray(direction, dtype)
            found = analytic.whitening(spike, jnp.asarray(beta, dtype))
        assert found.dtype == dtype
        with mpmath.workdps(DIGITS):
            v = mpmath.matrix([mpmath.mpf(float(e)) for e in spike])
            covariance = (
                mpmath.eye(len(v))
                + mpmath.mpf(float(np.asarray(beta, dtype))) * v * v.T / (v.T * v)[0]
            )
            variances, axes = mpmath.eigsy(covariance)
            roots = mpmath.diag([1 / mpmath.sqrt(e) for e in variances])
            exact = axes * roots * axes.T
            for (i, j), value in np.ndenumerate(np.asarray(found)):
                scale = exact[0, 0] if len(v) == 1 else 1
                worst.add(value, exact[i, j], scale, direction=v, beta=beta)
    worst.check(WHITENING_ULPS)


def test_slopes_of_cumulants_and_whitening():
    """Finite at the corners; zero or sure where nothing changes."""
    v, w = jnp.asarray([1.0, 0.0]), jnp.asarray([0.0, 2.0])
    form = jax.jit(jax.jacobian(analytic.cumulants, (0, 1, 2)), static_argnums=(3, 4))
    for other, beta in itertools.product((v, -v, w), (0.0, 3.0)):
        slopes = form(v, other, jnp.asarray(beta), "skewed", 4)
        assert all(jnp.all(jnp.isfinite(s)) for s in slopes)
    slopes = jax.jacobian(analytic.whitening, (0, 1))(v, jnp.asarray(0.0))
    # d/d beta (1 + beta)^(-1/2) at 0 is -1/2, along the spike.
    assert jnp.allclose(slopes[1], jnp.asarray([[-0.5, 0], [0, 0]]))
    assert jnp.array_equal(slopes[0], jnp.zeros((2, 2, 2)))


def test_degenerate_cumulants_and_whitening():
    v, zero, one = jnp.asarray([1.0, 2.0]), jnp.zeros(2), jnp.ones(())
    normal = jnp.asarray([0.0, 1, 0, 0, 0])
    assert jnp.array_equal(analytic.cumulants(v, v, jnp.zeros(()), "skewed", 5), normal)
    across = jnp.asarray([2.0, -1.0])
    assert jnp.allclose(analytic.cumulants(v, across, one, "skewed", 5), normal)
    assert jnp.array_equal(analytic.whitening(v, jnp.zeros(())), jnp.eye(2))
    drawn = latents(0.0) | {"noise": jnp.ones(2)}
    for pair, beta in (((zero, v), one), ((v, zero), one), ((v, v), -one)):
        assert jnp.all(jnp.isnan(analytic.cumulants(*pair, beta, "skewed", 4)))
        draw = empirical.cumulants(*pair, beta, "skewed", 4, **drawn)
        assert jnp.all(jnp.isnan(draw))
    for spike, beta in ((zero, one), (v, -one), (v, -3 * one)):
        assert jnp.all(jnp.isnan(analytic.whitening(spike, beta)))
        assert jnp.all(jnp.isnan(empirical.whitening(spike, beta)))


def test_cumulants_and_whitening_reject():
    pair, three, one = jnp.ones(2), jnp.ones(3), jnp.ones(())
    drawn = latents(0.0) | {"noise": pair}
    for spike, w, beta, latent, order, message in (
        (pair, three, one, "skewed", 4, "projection must have the shape of direction"),
        (one, one, one, "skewed", 4, "direction must be a vector"),
        (pair, pair, pair, "skewed", 4, "signal_to_noise must be a scalar"),
        (pair, pair, one, "cauchy", 4, "latent must be one of rademacher, "),
        (pair, pair, one, "skewed", 0, "order must be from 1 to 5, got order=0"),
        (pair, pair, one, "skewed", 6, "order must be from 1 to 5, got order=6"),
    ):
        with pytest.raises(ValueError, match=message):
            analytic.cumulants(spike, w, beta, latent, order)
        with pytest.raises(ValueError, match=message):
            empirical.cumulants(spike, w, beta, latent, order, **drawn)
    for side in (analytic, empirical):
        with pytest.raises(ValueError, match="direction must be a vector"):
            side.whitening(one, one)
        with pytest.raises(ValueError, match="signal_to_noise must be a scalar"):
            side.whitening(pair, pair)


@pytest.mark.parametrize("beta", [0.0, 0.5, 40.0])
def test_input_is_the_root_of_its_covariance_times_the_raw_input(beta):
    """Against S = I - beta / (1 + beta + sqrt(1 + beta)) v v^T, in double precision."""
    with jax.enable_x64(True):
        direction = jnp.array([1.0, -2.0, 2.0])
        noise, v = jnp.array([0.3, -1.1, 0.8]), direction / 3
        draw = empirical.moments(
            direction, jnp.asarray(beta), "skewed", **latents(1.0), noise=noise
        )
        share = beta / (1 + beta + np.sqrt(1 + beta))
        raw = np.sqrt(beta) * 2 * v + noise
        x = raw - share * v * (v @ raw)
        assert jnp.allclose(draw, jnp.concatenate([x[None], jnp.outer(x, x)]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 3])
def test_moments_are_those_of_white_noise(size, dtype):
    with jax.enable_x64(True):
        found = analytic.moments(
            jnp.full(size, 0.2, dtype), jnp.asarray(3, dtype), "uniform"
        )
    assert found.dtype == dtype
    assert np.array_equal(found, np.concatenate([np.zeros((1, size)), np.eye(size)]))


@pytest.mark.parametrize("latent", LATENTS)
def test_without_signal_one_coefficient_remains(latent):
    arguments = jnp.ones(2), jnp.asarray(0.0), latent, 6
    found = analytic.likelihood_coefficients(*arguments)
    assert jnp.array_equal(found, jnp.eye(7)[0])
    slope = jax.jacobian(analytic.likelihood_coefficients, 1)(*arguments)
    assert jnp.array_equal(slope, jnp.zeros(7))


@pytest.mark.parametrize("latent", LATENTS)
def test_degrees_one_and_two_are_absent(latent):
    for beta in (0.1, 3.0, 1e3):
        found = analytic.likelihood_coefficients(
            jnp.ones(2), jnp.asarray(beta), latent, 2
        )
        assert jnp.array_equal(found, jnp.array([1, 0, 0]))


def test_slope_in_the_ratio():
    beta = jnp.asarray(2.0)  # gamma = 2/3, of slope 1/9
    slope = jax.jacobian(analytic.likelihood_coefficients, 1)(
        jnp.ones(2), beta, "skewed", 4
    )
    c3, c4 = 1.5 * 1.5 * (2 / 3) ** 0.5 / 9, 0.25 * 2 * (2 / 3) / 9
    assert jnp.allclose(slope, jnp.array([0, 0, 0, c3, c4]), rtol=1e-5)


@pytest.mark.parametrize(
    ("direction", "beta"), [([0.0, 0.0], 1.0), ([1.0, 0.0], -0.5), ([1.0, 0.0], -3.0)]
)
def test_outside_the_domain_is_nan(direction, beta):
    arguments = jnp.asarray(direction), jnp.asarray(beta), "rademacher"
    noise = latents(0.0) | {"noise": jnp.ones(2)}
    assert jnp.all(jnp.isnan(analytic.moments(*arguments)))
    assert jnp.all(jnp.isnan(analytic.likelihood_coefficients(*arguments, 4)))
    assert jnp.all(jnp.isnan(empirical.moments(*arguments, **noise)))
    draw = empirical.likelihood_coefficients(*arguments, 4, **noise)
    assert jnp.all(jnp.isnan(draw[1:]))


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.floats(-9, 9, width=16), min_size=3, max_size=3).filter(any),
    st.floats(0, 9, width=16),
    st.sampled_from(LATENTS),
)
def test_the_direction_does_not_matter(direction, beta, latent):
    beta = jnp.asarray(beta)
    one, other = (
        analytic.likelihood_coefficients(jnp.asarray(v), beta, latent, 6)
        for v in (direction, [0.0, 0.0, 1.0])
    )
    assert jnp.array_equal(one, other)


def sides(rest):
    """Both twins of both functions, their last arguments and the noise."""
    noise = latents(0.0) | {"noise": jnp.ones(2)}
    for name, more in (("moments", ()), ("likelihood_coefficients", rest)):
        yield getattr(analytic, name), more, {}
        yield getattr(empirical, name), more, noise


@pytest.mark.parametrize(
    ("shapes", "latent", "message"),
    [
        (((2, 2), ()), "uniform", r"direction must be a vector, got direction\.shape="),
        (((), ()), "uniform", r"direction must be a vector, got direction\.shape="),
        (((2,), (2,)), "uniform", r"signal_to_noise must be a scalar, got signal"),
        (((2,), ()), "cauchy", "latent must be one of rademacher, .*, got latent='c"),
    ],
)
def test_rejects(shapes, latent, message):
    direction, beta = (jnp.ones(shape) for shape in shapes)
    for function, more, noise in sides((4,)):
        with pytest.raises(ValueError, match=message):
            function(direction, beta, latent, *more, **noise)


@pytest.mark.parametrize("order", [-1, 31])
def test_rejects_an_order(order):
    for function, more, noise in itertools.islice(sides((order,)), 2, None):
        with pytest.raises(
            ValueError, match=f"order must be from 0 to 30, got {order=}"
        ):
            function(jnp.ones(2), jnp.ones(()), "uniform", *more, **noise)
