import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import ica as analytic
from claims.ica import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import ica as empirical

DTYPES = ["float32", "float64"]
ALIGNMENTS = [0.0, 1e-3, 0.3, -0.8, 1 - 1e-6, 1.0]
RATIOS = [0.0, 1e-3, 0.7, 5.0, 1e4]
# Worst errors in ulp of the value, in either dtype.
LOSS_ULPS = 5  # Measured 2.5.
# In ulp of 3 + |kurtosis| gamma^2 alpha^4.
QUARTIC_ULPS = 3  # Measured 1.5.
# Slopes in the alignment and in the ratio, in ulp of 1.
SLOPE_ULPS = 2.1  # Measured 1.02.

CONTRASTS = {
    "exp": lambda s: -mpmath.exp(-s * s / 2),
    "quartic": lambda s: s**4 / 4,
    "logcosh": lambda s: mpmath.log(mpmath.cosh(s)),
}
SLOPES = {
    "exp": lambda s: s * mpmath.exp(-s * s / 2),
    "quartic": lambda s: s**3,
    "logcosh": mpmath.tanh,
}
CURVATURES = {
    "exp": lambda s: (1 - s * s) * mpmath.exp(-s * s / 2),
    "quartic": lambda s: 3 * s * s,
    "logcosh": lambda s: mpmath.sech(s) ** 2,
}


def normal_rule():
    """Trapezoid rule at 50 digits: at this step its error is of order 10^-50."""
    with mpmath.workdps(DIGITS):
        nodes = [mpmath.mpf(i) / 16 for i in range(-16 * 18, 16 * 18 + 1)]
        return [(z, mpmath.npdf(z) / 16) for z in nodes]


RULE = normal_rule()


def projected_mean(alpha, beta, function, latents=((-1, 0.5), (1, 0.5))):
    """E[function(nu, s)], s = alpha u + sqrt(1 - alpha^2) eta, at a value of nu.

    The two normal parts of s are merged into one of their joint variance.
    """
    gamma = beta / (1 + beta)
    spread = mpmath.sqrt(1 - gamma * alpha**2)
    return mpmath.fsum(
        chance * weight * function(nu, alpha * mpmath.sqrt(gamma) * nu + spread * z)
        for nu, chance in latents
        for z, weight in RULE
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_population_loss_equals_the_defining_integral(contrast, dtype):
    grid = np.array(list(itertools.product(ALIGNMENTS, RATIOS)), dtype)
    loss = jax.vmap(lambda a, b: analytic.population_loss(a, b, contrast))
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(loss)(*jnp.asarray(grid.T)))
    assert found.dtype == dtype
    worst = Worst("ica.population_loss", "itself", contrast)
    with mpmath.workdps(DIGITS):
        for value, row in zip(found, grid, strict=True):
            alpha, beta = (mpmath.mpf(float(entry)) for entry in row)
            exact = projected_mean(alpha, beta, lambda _, s: CONTRASTS[contrast](s))
            worst.add(value, exact, exact, alpha=alpha, beta=beta)
    worst.check(LOSS_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_slopes_equal_those_of_the_integral(contrast, dtype):
    """Differentiated under the integral, the normal part by Stein's lemma.

    In the signal q, s = sqrt(q) nu + sqrt(1 - q) z has the slope
    (E[nu G'(s)] / sqrt(q) - E[G''(s)]) / 2, which vanishes like q at q = 0.
    """
    grid = np.array(list(itertools.product(ALIGNMENTS, RATIOS[:4])), dtype)
    slopes = jax.grad(lambda a, b: analytic.population_loss(a, b, contrast), (0, 1))
    with jax.enable_x64(True):
        found = np.stack(jax.jit(jax.vmap(slopes))(*jnp.asarray(grid.T)), 1)
    worst = Worst("ica.population_loss", "1", contrast, slope=True)
    with mpmath.workdps(DIGITS):
        for (by_alpha, by_beta), row in zip(found, grid, strict=True):
            alpha, beta = (mpmath.mpf(float(entry)) for entry in row)
            gamma = beta / (1 + beta)
            root = mpmath.sqrt(gamma) * alpha
            curved = projected_mean(alpha, beta, lambda _, s: CURVATURES[contrast](s))
            if root:
                pulled = projected_mean(
                    alpha, beta, lambda nu, s: nu * SLOPES[contrast](s)
                )
                by_signal = (pulled / root - curved) / 2
            else:
                by_signal = mpmath.mpf(0)
            exact = by_signal * 2 * gamma * alpha
            worst.add(by_alpha, exact, 1, alpha=alpha, beta=beta)
            exact = by_signal * alpha**2 / (1 + beta) ** 2
            worst.add(by_beta, exact, 1, alpha=alpha, beta=beta)
    worst.check(SLOPE_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_quartic_loss_equals_the_defining_integral(dtype):
    grid = np.array(
        list(itertools.product(ALIGNMENTS, RATIOS, [1e-3, 0.2, 0.5, 0.9])), dtype
    )
    with jax.enable_x64(True):
        found = np.asarray(
            jax.jit(jax.vmap(analytic.quartic_loss))(*jnp.asarray(grid.T))
        )
    assert found.dtype == dtype
    worst = Worst("ica.quartic_loss", "3 + |kappa| gamma^2 alpha^4")
    with mpmath.workdps(DIGITS):
        for value, row in zip(found, grid, strict=True):
            alpha, beta, p = (mpmath.mpf(float(entry)) for entry in row)
            latents = [
                (mpmath.sqrt((1 - p) / p), p),
                (-mpmath.sqrt(p / (1 - p)), 1 - p),
            ]
            gamma = beta / (1 + beta)
            a, b = alpha * mpmath.sqrt(gamma), 1 - gamma * alpha**2
            exact = mpmath.fsum(
                chance * ((a * nu) ** 4 + 6 * (a * nu) ** 2 * b + 3 * b**2)
                for nu, chance in latents
            )
            kurtosis = mpmath.fsum(chance * nu**4 for nu, chance in latents) - 3
            scale = 3 + abs(kurtosis) * (gamma * alpha**2) ** 2
            worst.add(value, exact, scale, alpha=alpha, beta=beta, p=p)
    worst.check(QUARTIC_ULPS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_loss_equals_the_defining_integral_and_its_slope(dtype):
    """The slope as that of an integral: E[(u - alpha y / across) G'(s)]."""
    grid = np.array(list(itertools.product(ALIGNMENTS, RATIOS)), dtype)
    with jax.enable_x64(True):
        rows = jnp.asarray(grid.T)
        found = np.asarray(jax.jit(jax.vmap(analytic.exp_loss))(*rows))
        slopes = jax.jit(jax.vmap(jax.jacobian(analytic.exp_loss, (0, 1))))(*rows)
    assert found.dtype == dtype
    assert all(np.isfinite(s).all() for s in slopes)
    worst = Worst("ica.exp_loss", "itself")
    with mpmath.workdps(DIGITS):
        for (loss, slope), row in zip(found, grid, strict=True):
            alpha, beta = (mpmath.mpf(float(entry)) for entry in row)
            gamma = beta / (1 + beta)
            exact = projected_mean(alpha, beta, lambda _, s: CONTRASTS["exp"](s))
            worst.add(loss, exact, exact, alpha=alpha, beta=beta)
            # d/d alpha of s = alpha sqrt(gamma) nu + sqrt(1 - gamma alpha^2) z.
            spread = mpmath.sqrt(1 - gamma * alpha**2)
            exact = projected_mean(
                alpha,
                beta,
                lambda nu, s, alpha=alpha, gamma=gamma, spread=spread: (
                    SLOPES["exp"](s)
                    * (
                        mpmath.sqrt(gamma) * nu
                        - gamma
                        * alpha
                        * (s - alpha * mpmath.sqrt(gamma) * nu)
                        / spread**2
                    )
                ),
            )
            if abs(exact) < 1e-35:
                assert slope == 0
            else:
                worst.add(slope, exact, exact, alpha=alpha, beta=beta)
    worst.check(LOSS_ULPS)


def test_a_draw_of_exp_loss_is_the_contrast_and_its_slope():
    """Against a difference of the other twin's draw, in double precision."""
    with jax.enable_x64(True):
        beta, step = jnp.asarray(3.0), 1e-5
        drawn = {"latent": jnp.ones(()), "noise": jnp.asarray([0.3, -0.7, 1.1])}
        pair = jnp.asarray([[1.0, 2.0, 2.0], [2.0, 1.0, -2.0]]) / 3
        spikes = {"spike": pair[0], "other": pair[1]}

        def loss(alpha):
            return empirical.population_loss(
                jnp.asarray(alpha), beta, "exp", **spikes, **drawn
            )

        draw = empirical.exp_loss(jnp.asarray(0.6), beta, **drawn)
        assert jnp.isclose(draw[0], loss(0.6))
        difference = (loss(0.6 + step) - loss(0.6 - step)) / (2 * step)
        assert jnp.isclose(draw[1], difference, rtol=1e-7)


def test_exp_loss_starts_like_the_fourth_power():
    """By gamma^2 alpha^4 / (16 sqrt(2)), the next term smaller by alpha^2."""
    with jax.enable_x64(True):
        for beta in (0.5, 5.0):
            alpha, gamma = 0.01, beta / (1 + beta)
            arguments = jnp.asarray(alpha), jnp.asarray(beta)
            gained = analytic.exp_loss(*arguments)[0] + 0.5**0.5
            first = gamma**2 * alpha**4 / (16 * 2**0.5)
            assert np.isclose(gained, first, rtol=1e-3)
            slope = analytic.exp_loss(*arguments)[1]
            assert np.isclose(slope, 4 * first / alpha, rtol=1e-3)


@pytest.mark.parametrize("latent", ["rademacher", "uniform", "laplace"])
def test_favoured_is_the_sign_of_the_product(latent):
    kurtosis = 1 if latent == "laplace" else -1
    for contrast, fourth in (("exp", -1), ("quartic", 1), ("logcosh", -1)):
        for side in (analytic, empirical):
            found = side.favoured(jnp.asarray(4.0), contrast, latent)
            assert found == fourth * kurtosis
            assert side.favoured(jnp.asarray(0.0), contrast, latent) == 0
            assert jnp.isnan(side.favoured(jnp.asarray(-0.5), contrast, latent))


def test_exp_loss_and_favoured_outside_and_rejected():
    one, pair = jnp.ones(()), jnp.ones(2)
    drawn = {"latent": one, "noise": jnp.ones(3)}
    for alpha, beta in ((1.5, 1.0), (0.5, -0.5), (0.5, -2.0)):
        arguments = jnp.asarray(alpha), jnp.asarray(beta)
        assert jnp.all(jnp.isnan(analytic.exp_loss(*arguments)))
        assert jnp.all(jnp.isnan(empirical.exp_loss(*arguments, **drawn)))
    for arguments in ((pair, one), (one, pair)):
        with pytest.raises(ValueError, match="must be scalars"):
            analytic.exp_loss(*arguments)
        with pytest.raises(ValueError, match="must be scalars"):
            analytic.population_loss(*arguments, "exp")
    with pytest.raises(ValueError, match="must be scalars"):
        empirical.exp_loss(one, pair, **drawn)
    for side in (analytic, empirical):
        with pytest.raises(ValueError, match="signal_to_noise must be a scalar"):
            side.favoured(pair, "exp", "uniform")
        with pytest.raises(ValueError, match="contrast must be exp, quartic or logco"):
            side.favoured(one, "tanh", "uniform")
        with pytest.raises(ValueError, match="latent must be rademacher, uniform or"):
            side.favoured(one, "exp", "skewed")


def test_the_quartic_contrast_falls_towards_a_sign():
    """Erratum E9: at gamma = 5/6 the fourth moment is 3 across and 1.611 along."""
    half, beta = jnp.asarray(0.5), jnp.asarray(5.0)
    across = analytic.quartic_loss(jnp.asarray(0.0), beta, half)
    along = analytic.quartic_loss(jnp.asarray(1.0), beta, half)
    assert across == 3
    assert jnp.isclose(along, 29 / 18)


@pytest.mark.parametrize(
    ("contrast", "gaussian"),
    [("exp", -(0.5**0.5)), ("quartic", 0.75), ("logcosh", 0.37456720749143797)],
)
@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 4.0), (0.9, 0.0), (1.0, 0.0)])
def test_without_overlap_or_signal_the_mean_is_gaussian(
    contrast, gaussian, alpha, beta
):
    alpha, beta = jnp.asarray(alpha), jnp.asarray(beta)
    found = analytic.population_loss(alpha, beta, contrast)
    assert jnp.isclose(found, gaussian, rtol=1e-6)
    assert analytic.quartic_loss(alpha, beta, jnp.asarray(0.2)) == 3


def noise(latent):
    return {
        "spike": jnp.array([0.0, 0.6, 0.8]),
        "other": jnp.array([1.0, 0.0, 0.0]),
        latent: jnp.asarray(1.0),
        "noise": jnp.array([0.3, -1.1, 0.4]),
    }


@pytest.mark.parametrize(
    ("alpha", "beta"), [(1.001, 1.0), (-2.0, 1.0), (0.5, -0.5), (0.5, -2.0)]
)
def test_outside_the_domain_is_nan(alpha, beta):
    alpha, beta, half = jnp.asarray(alpha), jnp.asarray(beta), jnp.asarray(0.5)
    for contrast in CONTRASTS:
        assert jnp.isnan(analytic.population_loss(alpha, beta, contrast))
        draw = empirical.population_loss(alpha, beta, contrast, **noise("latent"))
        assert jnp.isnan(draw)
    assert jnp.isnan(analytic.quartic_loss(alpha, beta, half))
    assert jnp.isnan(empirical.quartic_loss(alpha, beta, half, **noise("positive")))


@pytest.mark.parametrize("probability", [-0.1, 0.0, 1.0, 1.5])
def test_no_latent_without_two_values(probability):
    one, drawn = jnp.ones(()), noise("positive")
    drawn["positive"] = jnp.asarray(float(probability >= 1))
    probability = jnp.asarray(probability)
    assert jnp.isnan(analytic.quartic_loss(one, one, probability))
    assert jnp.isnan(empirical.quartic_loss(one, one, probability, **drawn))


@pytest.mark.parametrize("alpha", [-1.0, 1.0])
def test_aligned_the_projection_is_the_spike(alpha):
    beta = jnp.asarray(3.0)
    arguments = jnp.asarray(alpha), beta, jnp.asarray(0.5)
    draw = empirical.quartic_loss(*arguments, **noise("positive"))
    # Along the spike: (sqrt(3) * 1 + v . z) / 2, and v . z = -0.66 + 0.32.
    assert jnp.isclose(draw, ((3**0.5 - 0.34) / 2) ** 4)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1, width=16), st.floats(0, 9, width=16))
def test_losses_are_even_and_agree(alpha, beta):
    alpha, beta, half = jnp.asarray(alpha), jnp.asarray(beta), jnp.asarray(0.5)
    for contrast in CONTRASTS:
        one = analytic.population_loss(alpha, beta, contrast)
        assert one == analytic.population_loss(-alpha, beta, contrast)
    quartic = analytic.population_loss(alpha, beta, "quartic")
    assert jnp.isclose(4 * quartic, analytic.quartic_loss(alpha, beta, half))


@pytest.mark.parametrize("contrast", ["exp", "logcosh"])
def test_a_sign_raises_these_contrasts_along_the_spike(contrast):
    alphas = jnp.linspace(0.2, 1, 9)
    loss = jax.vmap(lambda a: analytic.population_loss(a, jnp.asarray(5.0), contrast))
    assert jnp.all(jnp.diff(loss(alphas)) > 0)


@pytest.mark.parametrize("place", [0, 1])
def test_rejects_vectors(place):
    arguments = [jnp.ones(()), jnp.ones(())]
    arguments[place] = jnp.ones(2)
    half = jnp.asarray(0.5)
    message = r"alignment and signal_to_noise must be scalars, got alignment\.shape="
    with pytest.raises(ValueError, match=message):
        analytic.population_loss(*arguments, "exp")
    with pytest.raises(ValueError, match=message):
        empirical.population_loss(*arguments, "exp", **noise("latent"))
    with pytest.raises(ValueError, match=message):
        analytic.quartic_loss(*arguments, half)
    with pytest.raises(ValueError, match=message):
        empirical.quartic_loss(*arguments, half, **noise("positive"))


def test_rejects_a_vector_of_probabilities():
    one, message = jnp.ones(()), r"probability must be a scalar, got probability\.shape"
    with pytest.raises(ValueError, match=message):
        analytic.quartic_loss(one, one, jnp.ones(2))
    with pytest.raises(ValueError, match=message):
        empirical.quartic_loss(one, one, jnp.ones(2), **noise("positive"))


def test_rejects_a_contrast():
    one, message = jnp.ones(()), "contrast must be exp, quartic or logcosh, got contr"
    with pytest.raises(ValueError, match=message):
        analytic.population_loss(one, one, "tanh")
    with pytest.raises(ValueError, match=message):
        empirical.population_loss(one, one, "tanh", **noise("latent"))
