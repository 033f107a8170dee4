"""Quadrature: along few directions of many normal numbers, where it is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from empirical.montecarlo import (
    Bernoulli,
    Categorical,
    Expectation,
    Layout,
    Normal,
    Rademacher,
    Sphere,
    Uniform,
    exact_mean,
)
from empirical.montecarlo.directions import is_smooth
from empirical.montecarlo.sampler import Sampler
from tallystick import Vector, Verdict, check, expectation

DIMENSION = 50
UNITS = np.random.default_rng(0).standard_normal((4, DIMENSION))
UNITS /= np.linalg.norm(UNITS, axis=1, keepdims=True)
U, V, W, _ = UNITS
MANY = {"x": Normal(DIMENSION)}


def estimate(integrand, laws, **parameters):
    return Expectation(integrand, laws).estimate(draws=2**14, **parameters)


def base(u, v, x):
    return (u @ x) ** 3 * jnp.tanh(v @ x)


def plane_mean(function, cosine, order=150):
    """E f(s, t) for standard normal s, t of this correlation, by a rule of its own."""
    nodes, weights = special.roots_hermitenorm(order)
    weights = weights / weights.sum()
    first, second = np.meshgrid(nodes, nodes, indexing="ij")
    other = cosine * first + np.sqrt(1 - cosine**2) * second
    return np.sum(np.outer(weights, weights) * function(first, other))


def test_two_directions_of_fifty_are_integrated():
    found = estimate(base, MANY, u=U, v=V)
    assert found.exact
    want = plane_mean(lambda s, t: s**3 * np.tanh(t), U @ V)
    np.testing.assert_allclose(found.mean, want, rtol=0, atol=1e-9)


def test_every_point_has_its_own_directions_and_rank():
    points = {"u": np.stack([U, V, U, 0 * U]), "v": np.stack([V, W, U, V])}
    sampler = Sampler(Layout(Expectation(base, MANY), points, {}), points)
    found = exact_mean(sampler, (1, 2))
    assert found is not None
    for u, v, mean in zip(points["u"], points["v"], found.mean[:, 0], strict=True):
        want = plane_mean(lambda s, t: s**3 * np.tanh(t), min(u @ v, 1.0))
        np.testing.assert_allclose(mean, want if u.any() else 0.0, atol=1e-9)


def test_several_outputs_through_three_directions():
    def waves(u, x):
        along = u @ x
        return jnp.stack([jnp.prod(jnp.cos(along)), 1e-6 * jnp.sum(along**2)])

    found = estimate(waves, MANY, u=UNITS[:3])
    assert found.exact
    # E prod cos(s_i) over signs: the mean of exp(-|s1 e1 + s2 e2 + s3 e3|^2 / 2).
    signs = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [1, -1, -1]])
    want = np.mean(np.exp(-np.sum((signs @ UNITS[:3]) ** 2, axis=1) / 2))
    np.testing.assert_allclose(found.mean, [want, 3e-6], rtol=1e-9)


def test_four_directions_are_sampled():
    found = estimate(lambda u, x: jnp.sum(jnp.sin(u @ x) ** 2), MANY, u=UNITS)
    assert not found.exact


@pytest.mark.parametrize(
    "extra",
    [
        lambda t: 1e-3 * jnp.exp(5 * (t - 4)),
        lambda t: 1e-3 * jnp.exp(-8 * (t - 4) ** 2),
        lambda t: 1e-3 * jnp.exp(-50 * (t + 3) ** 2),
    ],
)
def test_a_direction_that_shows_only_far_out_is_not_missed(extra):
    found = estimate(
        lambda u, v, w, x: base(u, v, x) + extra(w @ x), MANY, u=U, v=V, w=W
    )
    # Three directions may be integrated if they converge; two may not.
    want = plane_mean(lambda s, t: s**3 * np.tanh(t), U @ V)
    nodes = np.linspace(-12, 12, 20001)
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    want += np.trapezoid(np.asarray(extra(nodes)) * density, nodes)
    assert not found.exact or abs(found.mean - want) < 1e-9


@pytest.mark.parametrize(
    "integrand",
    [
        lambda u, x: jax.nn.relu(u @ x),
        lambda u, x: jnp.abs(u @ x),
        lambda u, x: 1.0 * (u @ x > 0),
        lambda u, x: jnp.sign(u @ x) * (u @ x) ** 3,
        lambda u, x: jnp.floor(u @ x),
        lambda u, x: jnp.max(x),
        lambda u, x: jnp.sum(jnp.sort(x)[:3]),
        lambda u, x: jax.lax.cond(u @ x > 0, jnp.sin, jnp.cos, u @ x),
        lambda u, x: jax.lax.scan(
            lambda c, y: (jax.nn.relu(c + y), None), 0 * u[0], u * x
        )[0],
        lambda u, x: ((u @ x).astype(jnp.float32) ** 2).astype(jnp.float64),
    ],
)
def test_kinks_jumps_and_single_precision_are_seen_in_the_program(integrand):
    points = {"u": U[None]}
    assert not is_smooth(Layout(Expectation(integrand, MANY), points, {}), points)


@pytest.mark.parametrize(
    "integrand",
    [
        lambda u, x: jax.nn.softplus(u @ x) + jnp.sinc(x[0]),
        lambda u, x: jnp.where(u[0] > 0, u, -u) @ x,
        lambda u, x: jnp.tanh(jax.nn.relu(u) @ x),
        lambda u, x: jnp.where(u[0] > 0, jnp.sin(u @ x), jnp.nan),
        lambda u, x: jax.lax.scan(
            lambda c, y: (jnp.tanh(c + y), None), 0 * u[0], u * x
        )[0],
        lambda u, x: jax.grad(lambda y: jnp.sin(u @ y))(x),
    ],
)
def test_smooth_programs_are_taken_for_smooth(integrand):
    points = {"u": U[None]}
    assert is_smooth(Layout(Expectation(integrand, MANY), points, {}), points)


def test_discontinuous_and_coarse_integrands_are_sampled():
    step = estimate(lambda u, x: 1.0 * (u @ x > 0.3), MANY, u=U)
    assert not step.exact
    coarse = estimate(lambda u, x: jnp.float32(u @ x) ** 2, MANY, u=U)
    assert not coarse.exact
    # Not smooth to the last digit, although no step of the program says so.
    rough = estimate(
        lambda u, x: (u @ x) ** 2 + 1e-7 * jnp.sin(1e6 * (x @ x)), MANY, u=U
    )
    assert not rough.exact


def test_what_has_no_derivative_is_sampled():
    @jax.custom_jvp
    def sine(angle):
        return jnp.sin(angle)

    @sine.defjvp
    def rule(primals, tangents):
        raise NotImplementedError

    assert not estimate(lambda u, x: sine(u @ x), MANY, u=U).exact


def test_a_few_outcomes_and_a_few_normal_numbers():
    def masked(p, *, mask, sign, kind, z):
        return jnp.sum(mask) * jnp.exp(sign * z[0] / 2) * (kind + z[1] ** 2)

    laws = {
        "mask": Bernoulli(lambda p: p, 3),
        "sign": Rademacher(),
        "kind": Categorical([0.2, 0.3, 0.5]),
        "z": Normal(2),
    }
    found = estimate(masked, laws, p=0.3)
    assert found.exact
    assert found.draws == 2**3 * 2 * 3 * (47**2 + 64**2)
    np.testing.assert_allclose(found.mean, 0.9 * np.exp(1 / 8) * 2.3, rtol=1e-10)


def test_outcomes_beside_few_directions_of_many():
    found = estimate(
        lambda u, *, s, x: jnp.sin(u @ x + s[0] / 2) * s[1],
        {"s": Rademacher(2), **MANY},
        u=U,
    )
    assert found.exact
    np.testing.assert_allclose(found.mean, 0.0, atol=1e-12)
    # A direction that only one outcome in three hundred opens.
    rare = estimate(
        lambda u, *, b, x: jnp.sin(u[0] @ x) + jnp.prod(b) * jnp.sum((u @ x) ** 2),
        {"b": Bernoulli(0.25, 4), **MANY},
        u=UNITS,
    )
    assert not rare.exact


@pytest.mark.parametrize(
    ("integrand", "laws"),
    [
        (lambda *, x: x[0] ** 2, {"x": Sphere(DIMENSION)}),
        (lambda *, x, b: x * jnp.sum(b), {"x": Normal(), "b": Bernoulli(0.5, 11)}),
        (lambda *, x, b: x * b, {"x": Normal(), "b": Uniform()}),
        (
            lambda *, x, b: jax.nn.relu(x) * b,
            {"x": Normal(), "b": Bernoulli(0.5)},
        ),
    ],
)
def test_what_is_left_to_sampling(integrand, laws):
    assert not estimate(integrand, laws).exact


def test_a_check_through_few_directions_is_exact_and_sharp():
    ridge = expectation(lambda u, x: jnp.exp(u @ x), x=Normal(6))

    def scaled(factor):
        return lambda u: factor * jnp.exp(u @ u / 2)

    for factor, verdict in [(1.0, Verdict.AGREE), (1 + 1e-6, Verdict.DISAGREE)]:
        report = check(
            scaled(factor),
            ridge,
            points=4,
            u=Vector(6, norm=(0.1, 1.5)),
        )
        assert report.verdict is verdict
        assert report.exact
