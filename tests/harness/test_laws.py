"""Laws of noise: moments, exact outcomes, axes and settings, and what they refuse."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from empirical.montecarlo import (
    Bernoulli,
    Categorical,
    Expectation,
    Key,
    NoiseError,
    Normal,
    Permutation,
    Rademacher,
    Sphere,
    Uniform,
    expectation,
)

# Standard errors that a correct mean exceeds once in 1e7 runs; all seeds are fixed.
Z_LIMIT = 5.3
DRAWS = 2**17


def within_error(estimate, expected):
    """Whether a mean is the expected one, to Z_LIMIT standard errors."""
    gap = np.abs(estimate.mean - expected)
    return bool((gap <= Z_LIMIT * estimate.standard_error + 1e-12).all())


@pytest.mark.parametrize(
    ("law", "value", "expected"),
    [
        (
            Normal(5),
            lambda z: jnp.array([z[0], z[1] ** 2, z[2] ** 4, z[3] * z[4]]),
            [0, 1, 3, 0],
        ),
        (Uniform(4), lambda z: jnp.array([z[0], z[1] ** 2]), [1 / 2, 1 / 3]),
        (
            Uniform(4, low=-1, high=3),
            lambda z: jnp.array([z[0], z[1] ** 2]),
            [1, 7 / 3],
        ),
        (
            Sphere(4),
            lambda z: jnp.array([z[0], z[1] ** 2, z[2] ** 4]),
            [0, 1 / 4, 1 / 8],
        ),
        (Sphere(2, 4), lambda z: jnp.sum(z**2, axis=1), [1, 1]),
    ],
    ids=["normal", "uniform", "uniform on an interval", "sphere", "two spheres"],
)
def test_moments_of_continuous_laws(law, value, expected):
    found = Expectation(lambda z: value(z), {"z": law}).estimate(draws=DRAWS)
    assert not found.exact
    assert within_error(found, np.array(expected))


@pytest.mark.parametrize(
    ("law", "outcomes", "expected"),
    [
        (Rademacher(3), 8, [0, 1, 0]),
        (Bernoulli(0.3, 3), 8, [0.3, 0.3, 0.09]),
        (Categorical([0.2, 0.3, 0.5], 2), 9, [1.3, 2.3, 1.69]),
        (Permutation(4), 24, [1.5, 3.5, 22 / 12]),
    ],
    ids=["rademacher", "bernoulli", "categorical", "permutation"],
)
def test_discrete_laws_enumerated_and_sampled(law, outcomes, expected):
    def value(z):
        z = z.astype(float)
        return jnp.array([z[0], z[1] ** 2, z[0] * z[1]])

    exact = Expectation(value, {"z": law}).estimate()
    assert exact.exact
    assert exact.draws == outcomes
    np.testing.assert_allclose(exact.mean, expected, atol=1e-14)
    # An unused uniform number forces the sampling route.
    sampled = Expectation(
        lambda z, idle: value(z) + 0 * idle[0], {"z": law, "idle": Uniform(4)}
    ).estimate(draws=DRAWS)
    assert not sampled.exact
    assert within_error(sampled, np.array(expected))


def test_permutations_are_listed_once_each():
    law = Permutation(4)
    listed = {
        tuple(np.asarray(law.outcome(jnp.asarray(i), (4,), {})[0]).tolist())
        for i in range(24)
    }
    assert listed == set(itertools.permutations(range(4)))


def test_a_key_is_fresh_at_every_draw():
    found = Expectation(
        lambda key: jax.random.uniform(key, (2,)), {"key": Key()}
    ).estimate(draws=DRAWS)
    assert within_error(found, np.full(2, 0.5))
    assert np.all(found.standard_error > 0)


def test_several_laws_are_independent():
    @expectation(a=Normal(2), b=Normal(2), c=Rademacher(), d=Uniform(2))
    def products(*, a, b, c, d):
        return jnp.array([a[0] * b[0], a[0] * a[1], a[0] * c, d[0] * d[1]])

    assert within_error(products.estimate(draws=DRAWS), np.array([0, 0, 0, 0.25]))


def test_named_axes_and_settings_follow_the_parameters():
    @expectation(mask=Bernoulli(lambda rate: 1 - rate, "k"), w=Rademacher("width", "k"))
    def masked(x: Float[Array, " k"], rate, width: int, *, mask, w):
        assert w.shape == (width, x.size)
        return jnp.sum(x * mask) + 0 * w.sum()

    found = masked.estimate(x=[1.0, 2.0, 3.0], rate=0.25, width=2)
    assert found.exact
    assert found.draws == 2 ** (3 + 6)
    np.testing.assert_allclose(found.mean, 4.5, rtol=1e-14)


def test_an_outcome_that_cannot_happen_counts_for_nothing():
    @expectation(mask=Bernoulli(lambda rate: 1 - rate, 2))
    def divided(rate, *, mask):
        return jnp.sum(mask) / jnp.where(jnp.all(mask == 0), 0.0, 1.0)

    assert divided.estimate(rate=0.0).mean == pytest.approx(2.0)


def test_quadrature_where_it_converges_and_only_there():
    smooth = Expectation(lambda z: jnp.cos(z), {"z": Normal()}).estimate()
    assert smooth.exact
    np.testing.assert_allclose(smooth.mean, math.exp(-0.5), rtol=1e-13)
    absolute = Expectation(lambda z: jnp.abs(z), {"z": Normal()})
    kinked = absolute.estimate(method="exact")
    assert kinked.exact
    assert "between the kinks" in kinked.method
    np.testing.assert_allclose(kinked.mean, math.sqrt(2 / math.pi), rtol=1e-12)
    sampled = absolute.estimate(draws=DRAWS, method="plain")
    assert not sampled.exact
    assert within_error(sampled, math.sqrt(2 / math.pi))
    shifted = Expectation(lambda z: jnp.maximum(z, 1.0), {"z": Normal()})
    with pytest.raises(NoiseError, match="its method cannot be 'exact'"):
        shifted.estimate(method="exact")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0), "axes of Normal must be positive integers or names, got 0"),
        (lambda: Normal(2.5), "axes of Normal must be positive"),
        (lambda: Normal("two words"), "axes of Normal must be positive"),
        (lambda: Bernoulli(1.5), r"p of Bernoulli must lie in \[0, 1\], got p=1.5"),
        (
            lambda: Uniform(low=1, high=1),
            "low must be less than high, got low=1, high=1",
        ),
        (lambda: Categorical([0.5, 0.6]), "probabilities must sum to 1, got 1.1"),
        (
            lambda: Categorical([-0.5, 1.5]),
            "probabilities must be a sequence of numbers",
        ),
        (lambda: Sphere(), "Sphere must have at least one axis, got none"),
        (
            lambda: expectation(lambda x: x, y=Normal()),
            "<lambda> has no parameter 'y' to be noise: it takes",
        ),
        (
            lambda: expectation(lambda x: x, x=3),
            "the law of 'x' must be one of Normal, .* got 3",
        ),
        (
            lambda: expectation(lambda x, m: x, m=Bernoulli(lambda q: q)),
            r"the law of 'm' depends on \['q'\], which are no parameters",
        ),
        (
            lambda: expectation(lambda *x: x, x=Normal()),
            r"every parameter of <lambda> must have a name, got \*x",
        ),
        (lambda: expectation(3), "integrand must be a function, got 3"),
    ],
)
def test_declarations_that_are_refused(make, message):
    with pytest.raises(NoiseError, match=message):
        make()


def test_an_unknown_axis_is_refused_when_parameters_are_known():
    law = expectation(lambda x, z: x @ z, z=Normal("d"))
    with pytest.raises(
        NoiseError, match="axis 'd' of the noise 'z' must be an axis of"
    ):
        law.estimate(x=[1.0, 2.0])


def test_missing_and_unknown_parameters_are_refused():
    law = expectation(lambda x, z: x @ z, z=Normal(2))
    with pytest.raises(NoiseError, match=r"must be \(x\), got \(y\)"):
        law.estimate(y=[1.0, 2.0])


def test_one_axis_has_one_length():
    @expectation(z=Normal("d"))
    def product(x: Float[Array, " d"], y: Float[Array, " d"], *, z):
        return x @ z + y @ z

    with pytest.raises(NoiseError, match="axis 'd' must have one length, got 2 and 3"):
        product.estimate(x=[1.0, 2.0], y=[1.0, 2.0, 3.0])


def test_a_value_that_is_no_real_array_is_refused():
    complex_value = expectation(lambda z: z + 1j, z=Normal(8))
    with pytest.raises(NoiseError, match="must return one real array"):
        complex_value.estimate()
