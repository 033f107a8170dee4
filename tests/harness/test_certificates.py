"""Certificates: every bound holds, and what has no bound gets none."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from standin import NumpySampler

from empirical.montecarlo import Layout, Sampler
from empirical.montecarlo.program import run, trace
from tallystick import (
    Bernoulli,
    Categorical,
    ClaimError,
    Key,
    Mean,
    Normal,
    Permutation,
    Rademacher,
    Report,
    Scalar,
    Sphere,
    Uniform,
    Verdict,
    check,
    expectation,
    levels,
)
from tallystick.certificates import (
    Bounded,
    Lipschitz,
    Polynomial,
    VarianceBound,
    certify,
    influence_scale,
    variance_above,
)
from tallystick.certificates.arithmetic import Interval
from tallystick.certificates.integrand import traced
from tallystick.certificates.intervals import evaluate
from tallystick.decide.mean import decide_mean

AGREE, DISAGREE = Verdict.AGREE, Verdict.DISAGREE
ONE = {"a": Scalar(0.5, 2)}
POINTS = {"a": np.array([-1.5, 0.5, 2.0])}


def certificate(integrand, points=POINTS, bound=None, **laws):
    layout = Layout(expectation(integrand, **laws), points, {})
    return certify(layout, points, bound)


def ranges(integrand, points=POINTS, **laws):
    layout = Layout(expectation(integrand, **laws), points, {})
    whole = traced(layout, points)
    (found,) = run(whole.program, whole.ranges, evaluate)
    return found.low, found.high


# --- intervals -----------------------------------------------------------------------

UNARY = {
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "inverse square": lambda x: x**-2,
    "exp": jnp.exp,
    "log": lambda x: jnp.log(jnp.abs(x) + 0.1),
    "root": lambda x: jnp.sqrt(jnp.abs(x)),
    "sin": lambda x: jnp.sin(3 * x),
    "cos": lambda x: jnp.cos(3 * x),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "erf": jax.scipy.special.erf,
    "relu": jax.nn.relu,
    "sign": jnp.sign,
    "floor": jnp.floor,
    "clip": lambda x: jnp.clip(x, -0.5, 1.5),
    "step": lambda x: jnp.where(x > 0.3, x, -2.0),
    "softmax": jax.nn.softmax,
    "cumsum": jnp.cumsum,
    "flip": lambda x: x[::-1],
    "norm": lambda x: x / (1 + jnp.linalg.norm(x)),
    "integers": lambda x: jnp.floor(2 * x).astype(int).astype(float),
    "largest": lambda x: x - jnp.max(x),
    "self product": lambda x: x * (x @ x),
}
BINARY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / (jnp.abs(y) + 0.5),
    "matrix": lambda x, y: jnp.outer(x, y) @ x,
    "larger": lambda x, y: jnp.maximum(x, y),
    "compare": lambda x, y: jnp.where((x <= y) & (x > -y), x, y),
}


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.sampled_from([*UNARY, *BINARY]), min_size=1, max_size=5),
    low=st.sampled_from([-2.0, -0.25, 0.0, 1.0]),
    width=st.sampled_from([0.01, 0.5, 3.0]),
    factor=st.sampled_from([-1.0, 0.0, 0.3, 2.0]),
    seed=st.integers(0, 99),
)
def test_values_lie_in_their_intervals(names, low, width, factor, seed):
    def program(x, y):
        value = factor * x
        for name in names:
            value = UNARY[name](value) if name in UNARY else BINARY[name](value, y)
        return value

    kind = jax.ShapeDtypeStruct((3,), np.float64)
    flat = trace(program, {"x": kind, "y": kind})
    given_x = Interval(np.full(3, low), np.full(3, low + width))
    given_y = Interval.known(np.array([-1.0, 0.4, 2.0]))
    (found,) = run(flat, [given_x, given_y], evaluate)
    draws = np.random.default_rng(seed).uniform(low, low + width, (64, 3))
    draws[0], draws[1] = low, low + width
    with jax.enable_x64(True):
        values = jax.vmap(program, (0, None))(jnp.asarray(draws), given_y.low)
    values = np.asarray(values)
    inside = (found.low <= values) & (values <= found.high)
    assert np.all(inside | ~np.isfinite(values)), (names, found)


@pytest.mark.parametrize(
    ("integrand", "laws", "low", "high"),
    [
        (lambda a, z: a * z, {"z": Uniform()}, [-1.5, 0, 0], [0, 0.5, 2]),
        (
            lambda a, z: a * jnp.tanh(z),
            {"z": Normal()},
            [-1.5, -0.5, -2],
            [1.5, 0.5, 2],
        ),
        (lambda a, z: (a * z > 0) * 1.0, {"z": Normal()}, [0] * 3, [1] * 3),
        (lambda a, z: jnp.exp(-a * a * z**2), {"z": Normal()}, [0] * 3, [1] * 3),
        (lambda a, z: 0 * a + jnp.exp(-(z @ z)), {"z": Normal(3)}, [0] * 3, [1] * 3),
        (
            lambda a, z: a + jnp.sum(z),
            {"z": Rademacher(2)},
            [-3.5, -1.5, 0],
            [0.5, 2.5, 4],
        ),
        (lambda a, z: a + z[0], {"z": Sphere(3)}, [-2.5, -0.5, 1], [-0.5, 1.5, 3]),
        (lambda a, z: a * z, {"z": Bernoulli(0.2)}, [-1.5, 0, 0], [0, 0.5, 2]),
        (
            lambda a, z: a + z,
            {"z": Categorical([0.5] * 2)},
            [-1.5, 0.5, 2],
            [-0.5, 1.5, 3],
        ),
        (lambda a, z: a + z[0], {"z": Permutation(3)}, [-1.5, 0.5, 2], [0.5, 2.5, 4]),
        (
            lambda a, z: z,
            {"z": Uniform(low=lambda a: a - jnp.ones(()), high=lambda a: a)},
            [-2.5, -0.5, 1],
            [-1.5, 0.5, 2],
        ),
        (lambda a, z: a * z, {"z": Normal()}, [-np.inf] * 3, [np.inf] * 3),
        (lambda a, z: a / z, {"z": Uniform()}, [-np.inf] * 3, [np.inf] * 3),
        (
            lambda a, z: a + jnp.log(z - 0.5),
            {"z": Uniform()},
            [-np.inf] * 3,
            [np.inf] * 3,
        ),
    ],
)
def test_ranges_of_the_noise_are_followed(integrand, laws, low, high):
    found = ranges(integrand, **laws)
    assert np.allclose(np.stack(found)[:, :, 0], [low, high], rtol=1e-6, atol=1e-8)


def test_what_wraps_rounds_or_loops_is_not_bounded_by_its_real_value():
    def wraps(a, z):
        return a + ((z + 1) * 2**30).astype(jnp.int32) * 3

    found = certificate(wraps, z=Categorical([0.5] * 2))
    assert not found.words or found.width.min() > 2**31

    def narrow(a, z):
        return a * (z.astype(jnp.float16) - z)

    assert certificate(narrow, z=Uniform()).width.min() > 1e-4

    def loops(a, z):
        return jax.lax.while_loop(lambda x: x < 3, lambda x: x + a**2, z)

    found = certificate(loops, z=Uniform())
    assert not found.words
    assert np.isinf(found.high).all()
    assert certificate(lambda a, z: a * jax.random.uniform(z), z=Key()) is None


def test_loops_of_a_fixed_number_of_turns_are_followed():
    def powers(a, z):
        def turn(power, shift):
            return power * z + shift, power - a

        last, rows = jax.lax.scan(turn, jnp.ones(()), jnp.arange(3.0), reverse=True)
        return jnp.stack([last, *rows, jax.lax.fori_loop(0, 3, lambda _, x: x + a, z)])

    low, high = ranges(powers, z=Uniform())
    rng = np.random.default_rng(0)
    values = np.array([-1.5, 0.5, 2.0])
    draws = jax.jit(jax.vmap(powers, (None, 0)))
    assert low.shape == (len(values), 5)
    for a, lowest, highest in zip(values, low, high, strict=True):
        drawn = np.asarray(draws(a, rng.uniform(size=50)))
        assert (drawn >= lowest - 1e-6).all()
        assert (drawn <= highest + 1e-6).all()
        # The first row of the scan, the last turn's input, does not depend on z alone.
        assert np.isclose(highest[3] - lowest[3], 0, atol=1e-6)
        assert np.isclose(highest[4] - lowest[4], 1, atol=1e-6)

    def long(a, z):
        return jax.lax.fori_loop(0, 1000, lambda _, x: x + a, z)

    assert not certificate(long, z=Uniform()).words


# --- degrees -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("integrand", "laws", "degree"),
    [
        (lambda a, z: a * jnp.sum(z**2), {"z": Normal(3)}, 2),
        (lambda a, z: (z @ z - 3) ** 2 / a, {"z": Normal(3)}, 4),
        (lambda a, z: a * jnp.prod(z) + z[0], {"z": Normal(3)}, 3),
        (lambda a, z, s: a * jnp.sum(z * s), {"z": Normal(3), "s": Rademacher(3)}, 2),
        (lambda a, z, s: a * z + s, {"z": Normal(), "s": Rademacher()}, 1),
        (lambda a, z: jnp.where(a > 0, z**2, z[0] * z), {"z": Normal(3)}, 2),
        (lambda a, z: jnp.stack([jnp.exp(a), z**3]), {"z": Normal()}, 3),
    ],
)
def test_polynomials_are_recognised(integrand, laws, degree):
    found = certificate(integrand, **laws)
    assert isinstance(found, Polynomial)
    assert found.words == f"a polynomial of degree {degree}"


@pytest.mark.parametrize(
    ("integrand", "laws"),
    [
        (lambda a, z: a * z**2 + jnp.tanh(z), {"z": Normal()}),
        (lambda a, z: a / z, {"z": Normal()}),
        (lambda a, z: a * jnp.exp(z), {"z": Normal()}),
        (lambda a, z: a * jnp.abs(z) ** 2.5, {"z": Normal()}),
        (lambda a, z: jnp.where(z > 0, z**2, a), {"z": Normal()}),
        (lambda a, z, u: a * z * u, {"z": Normal(), "u": Uniform()}),
        (lambda a, z: a * z**9, {"z": Normal()}),
    ],
)
def test_what_is_no_polynomial_or_of_a_high_degree_is_not_taken_for_one(
    integrand, laws
):
    assert not isinstance(certificate(integrand, **laws), Polynomial)


@pytest.mark.parametrize(
    ("draw", "kurtosis"),
    [
        (lambda rng, n: rng.standard_normal(n) ** 2, 15),
        (lambda rng, n: rng.standard_normal(n) ** 3, 9**3),
        (lambda rng, n: rng.choice([-1.0, 1.0], (n, 2)).prod(axis=1), 9**2),
    ],
)
def test_the_kurtosis_of_polynomials_is_within_its_bound(draw, kurtosis):
    values = draw(np.random.default_rng(0), 10**6)
    gaps = values - values.mean()
    # The square of a normal number has it exactly.
    assert (gaps**4).mean() <= 1.05 * kurtosis * (gaps**2).mean() ** 2


# --- slopes --------------------------------------------------------------------------

WEIGHTS = np.random.default_rng(0).standard_normal((3, 4, 4))
SMOOTH = [
    lambda a, z: a[0] @ z,
    lambda a, z: a @ jax.nn.relu(a @ z),
    lambda a, z: z + a @ jnp.tanh(a @ z),
    lambda a, z: jnp.max(jnp.abs(a @ z)) + jnp.minimum(z[0], 1.0),
    lambda a, z: jax.nn.relu(a @ z) - jnp.cos(z) + jax.scipy.special.erf(z) / 2,
    lambda a, z: jnp.sum(jnp.where(a > 0, a, 1.0) @ z)[None] * 2 - 3 * z,
    lambda a, z: jnp.arctan(z) * jnp.sin(z[::-1]) + z,
    lambda a, z: jnp.stack([z[0], z[1]]) / 3 + jax.nn.sigmoid(z[:2]),
]


@pytest.mark.parametrize("number", range(len(SMOOTH)))
def test_slopes_bound_all_gradients(number):
    integrand = SMOOTH[number]
    found = certificate(integrand, {"a": WEIGHTS}, z=Normal(4))
    assert isinstance(found, Lipschitz)
    noise = np.random.default_rng(1).standard_normal((50, 4)) * 2
    with jax.enable_x64(True):

        def values(a, z):
            return jnp.ravel(integrand(a, z))

        over = jax.vmap(jax.vmap(jax.jacfwd(values, 1), (None, 0)), (0, None))
        gradients = np.asarray(over(jnp.asarray(WEIGHTS), jnp.asarray(noise)))
    largest = np.linalg.norm(gradients, axis=-1).max(axis=1).ravel()
    assert np.all(largest <= found.slope * (1 + 1e-8))
    # Not vacuous: for the linear function it is the norm of the coefficients.
    if number == 0:
        assert np.allclose(largest, found.slope)


@pytest.mark.parametrize(
    "integrand",
    [
        lambda a, z: z + jnp.where(z > 0, a, 0.0),
        lambda a, z: z + a * jnp.sign(z),
        lambda a, z: a * jnp.floor(z),
        lambda a, z: z + a * (z > 0),
        lambda a, z: jax.lax.stop_gradient(a * z),
        lambda a, z: a * jnp.sqrt(jnp.abs(z)),
        lambda a, z: jax.nn.relu(z) * jax.nn.relu(z + a),
        lambda a, z: a * jnp.exp(z),
    ],
)
def test_jumps_and_steep_slopes_have_no_lipschitz_constant(integrand):
    assert not isinstance(certificate(integrand, z=Normal()), Lipschitz)


# --- moments -------------------------------------------------------------------------

relu = jax.nn.relu
GROWING = {
    "kernel": lambda a, z, s: relu(a[0] @ z) * relu(a[1] @ z),
    "gate": lambda a, z, s: (a[0] @ z > 0) * relu(a[1] @ z) * z,
    "network": lambda a, z, s: s @ relu(a @ z) ** 2,
    "lognormal": lambda a, z, s: jnp.exp(a[0] @ z / 4) * s[0],
    "roots": lambda a, z, s: jnp.sqrt(jnp.abs(a @ z)) / (2 + s) - jnp.max(z),
    "cases": lambda a, z, s: jnp.where(a @ z > 1, (a @ z) ** 3, jnp.minimum(z, s)),
    "product": lambda a, z, s: jnp.prod(relu(z[:3] + 1)) + jnp.flip(s) * z,
}


@pytest.mark.parametrize("name", GROWING)
def test_moments_are_within_their_bounds(name):
    laws = {"z": Normal(4), "s": Uniform(4, low=-1.0, high=1.0)}
    layout = Layout(expectation(GROWING[name], **laws), {"a": WEIGHTS}, {})
    found = certify(layout, {"a": WEIGHTS})
    assert isinstance(found, VarianceBound)
    # A key of ordinary draws: twelve moments of a sample may exceed a tight bound.
    values = Sampler(layout, {"a": WEIGHTS}).values((1, 1), 2**14)
    values = values.reshape(len(values), -1)
    spread, fourth = values.std(axis=0), (values**4).mean(axis=0) ** 0.25
    assert np.all(spread <= found.deviation)
    assert np.all(fourth <= found.fourth)
    assert np.all(found.deviation < 25 * spread)


@pytest.mark.parametrize(
    "integrand",
    [
        lambda a, z: relu(z) * a / z,
        lambda a, z: relu(z) * jnp.exp(a * z**2),
        lambda a, z: relu(z) + a * jnp.log(jnp.abs(z)),
        lambda a, z: relu(z) * jnp.tan(a * z),
    ],
)
def test_what_may_grow_too_fast_has_no_moments(integrand):
    assert not certificate(integrand, z=Normal()).words


# --- coverage at an inflated level ---------------------------------------------------

RUNS, LEVEL = 2000, 0.05
WIDE = {
    "rare indicator": (lambda rng, shape: rng.uniform(size=shape) < 0.02, 0.02, 1.0),
    "rare zero": (lambda rng, shape: rng.uniform(size=shape) > 0.02, 0.98, 1.0),
    "uniform": (lambda rng, shape: rng.uniform(size=shape), 0.5, 1.0),
}


def rate(failures):
    """Share of failures, less three standard errors."""
    return failures.mean() - 3 * np.sqrt(LEVEL / len(failures))


@pytest.mark.parametrize("law", WIDE)
@pytest.mark.parametrize("side", [-1, 1])
def test_radii_of_bounded_draws_cover(law, side):
    draw, mean, width = WIDE[law]
    values = draw(np.random.default_rng(0), (RUNS, 200)) * 1.0
    radius = Bounded("", np.array([width])).radius(
        values.std(axis=1, ddof=1), 200, LEVEL, np.ones((1, 1))
    )
    assert rate(side * (values.mean(axis=1) - mean) > radius) <= LEVEL
    assert radius.max() < 0.3


def test_radii_of_lipschitz_draws_cover():
    normals = np.random.default_rng(0).standard_normal((RUNS, 20))
    radius = Lipschitz("", np.array([1.0])).radius(np.ones(1), 20, LEVEL)
    for values, mean in (
        (normals, 0.0),
        (np.maximum(normals, 0), 1 / np.sqrt(2 * np.pi)),
        (-np.maximum(normals, 0), -1 / np.sqrt(2 * np.pi)),
    ):
        assert rate(values.mean(axis=1) - mean > radius) <= LEVEL
    assert np.isclose(radius, np.sqrt(2 * np.log(20) / 20))


@pytest.mark.parametrize(
    ("draw", "kurtosis"),
    [
        (lambda rng, shape: rng.standard_normal(shape), 3.0),
        (lambda rng, shape: rng.standard_normal(shape) ** 2, 15.0),
        (lambda rng, shape: (rng.uniform(size=shape) < 0.01) * 1.0, 1 / 0.0099 - 3),
    ],
)
def test_variances_are_below_their_estimated_bounds(draw, kurtosis):
    count = 4000
    rng = np.random.default_rng(0)
    true = draw(rng, 10**6).var()
    samples = draw(rng, (RUNS // 2, count)).var(axis=1, ddof=1)
    bounds = np.array([variance_above(s, kurtosis, count, LEVEL) for s in samples])
    assert rate(bounds < true) <= LEVEL
    assert np.median(bounds) < 4 * true
    assert variance_above(1.0, kurtosis, 4, LEVEL) == np.inf


@pytest.mark.parametrize("law", ["two values", "heavy tail", "normal"])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_influence_test_holds_its_level(law, side):
    rng, count = np.random.default_rng(0), 100
    if law == "two values":
        values = (rng.uniform(size=(RUNS, count)) < 0.005) / 0.005 - 1.0
        variance = 0.995 / 0.005
    elif law == "heavy tail":
        values = rng.standard_t(3, size=(RUNS, count))
        variance = 3.0
    else:
        values, variance = rng.standard_normal((RUNS, count)), 1.0
    scale = influence_scale(variance, count, LEVEL)

    def squashed(shift):
        scaled = scale * (side * values + shift)
        psi = np.sign(scaled) * np.log1p(np.abs(scaled) + scaled**2 / 2)
        return psi.mean(axis=1) / scale

    logarithm = -np.log(LEVEL)
    bound = scale * variance / 2 + logarithm / (scale * count)
    assert np.isclose(bound, np.sqrt(2 * variance * logarithm / count))
    assert rate(squashed(0.0) > bound) <= LEVEL
    assert rate(squashed(-bound) > bound) <= LEVEL
    assert np.mean(squashed(3 * bound) > bound) > 0.9


# --- verdicts ------------------------------------------------------------------------


def judge(formula, integrand, relation="mean", budget=2**18, **laws):
    return check(
        formula,
        expectation(integrand, **laws),
        relation=relation,
        points=4,
        budget=budget,
        **ONE,
    )


def test_bounded_integrands_are_decided_for_any_number_of_draws():
    def wave(a, u):
        return a * (2 + jnp.sin(jnp.sum(u)))

    # E exp(i u) = (exp(i) - 1) / i, to the fourth power.
    mean = 2 + np.imag(((np.exp(1j) - 1) / 1j) ** 4)
    right = judge(lambda a: mean * a, wave, u=Uniform(4))
    assert right.verdict is AGREE
    assert right.guaranteed.startswith("bounded in [")
    assert "guaranteed: bounded in [" in str(right)
    assert "blind to" not in str(right)
    wrong = judge(lambda a: 1.05 * mean * a, wave, u=Uniform(4))
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed.startswith("bounded in [")
    assert wrong.false_alarm == levels.PROVEN_ALARM
    again = Report.from_dict(json.loads(wrong.to_json()))
    assert again.guaranteed == wrong.guaranteed


def test_a_rare_indicator_is_decided_in_spite_of_its_skewness(monkeypatch):
    def rare(a, u):
        return a * (u < 2e-3)

    wrong = judge(lambda a: 1e-3 * a, rare, budget=2**16, u=Uniform())
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed
    # Without the certificate the same draws are too skewed.
    monkeypatch.setattr("tallystick.bench.certify", lambda *given: None)
    left = judge(lambda a: 1e-3 * a, rare, budget=2**14, u=Uniform())
    assert left.verdict is Verdict.INCONCLUSIVE
    assert not left.guaranteed
    assert "asymptotic" not in str(left)


def test_slopes_and_degrees_guarantee_a_disagreement():
    wrong = judge(
        lambda a: 1.2 * a * jnp.sqrt(2 / jnp.pi),
        # Kinks off the origin are not integrated between.
        lambda a, z: a * jnp.abs(z @ jnp.ones(8) / jnp.sqrt(8) - 0.01),
        z=Normal(8),
    )
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed.startswith("slope at most 2 ")
    square = expectation(
        lambda a, z, s: a * (jnp.sum(z**2) + z[0] * s), z=Normal(4), s=Rademacher()
    )
    wrong = check(lambda a: 3.8 * a, square, points=4, budget=2**18, **ONE)
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed == "a polynomial of degree 2"
    right = check(lambda a: 4 * a, square, points=4, budget=2**18, **ONE)
    assert right.verdict is AGREE
    assert not right.guaranteed
    assert "draws, asymptotic" in str(right)


def test_moments_guarantee_that_a_wrong_kernel_is_refused():
    def product(a, z):
        return a * relu(z[0] - 0.01) * relu(z @ jnp.ones(8))

    wrong = judge(lambda a: a, product, z=Normal(8))
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed.startswith("standard deviation at most ")


def test_a_declared_variance_guarantees_a_disagreement():
    def heavy(a, u):
        return a * jnp.sum((1 - u) ** (-1 / 5))  # Pareto: the mean is 5 / 4 each.

    relation = Mean(variance_bound=4 * 2 * 0.2)
    wrong = judge(lambda a: 2.4 * a, heavy, relation, u=Uniform(2))
    assert wrong.verdict is DISAGREE
    assert wrong.guaranteed == "variance at most 1.6, declared"
    # The program shows no bound: the power of a uniform number has no rule.
    asymptotic = judge(lambda a: 2.4 * a, heavy, u=Uniform(2))
    assert asymptotic.verdict is DISAGREE
    assert not asymptotic.guaranteed
    assert asymptotic.false_alarm == levels.false_alarm_bound()
    # Too large a bound proves nothing, but it takes nothing away either.
    loose = judge(lambda a: 2.4 * a, heavy, Mean(variance_bound=1e6), u=Uniform(2))
    assert loose.verdict is DISAGREE
    assert not loose.guaranteed
    for bad in (0.0, -1.0, np.inf):
        with pytest.raises(ClaimError, match="variance_bound must be positive"):
            Mean(variance_bound=bad)


def test_exact_means_are_guaranteed():
    report = judge(lambda a: a / 2, lambda a, b: a * b, b=Bernoulli(0.5))
    assert report.guaranteed == "exact"
    assert "exact" in str(report).splitlines()[0]


def test_a_program_that_cannot_be_followed_has_no_certificate(monkeypatch):
    def broken(*given):
        raise RuntimeError("no rule")

    monkeypatch.setattr("tallystick.certificates.integrand.traced", broken)
    assert certificate(lambda a, u: a * u, u=Uniform()) is None
    declared = certificate(lambda a, u: a * u, bound=4.0, u=Uniform())
    assert isinstance(declared, VarianceBound)
    assert np.array_equal(declared.deviation, np.full(3, 2.0))


@pytest.mark.parametrize(
    "proof",
    [
        Bounded("bounded", np.ones(2)),
        VarianceBound("declared", np.full(2, np.sqrt(1 / 12))),
        VarianceBound("moments", np.full(2, 0.5), np.full(2, 0.2**0.25)),
        Polynomial("degree", 3.0),
    ],
    ids=["bounded", "declared", "moments", "kurtosis"],
)
def test_proofs_alone_keep_their_level(proof, monkeypatch):
    # All other hurdles are taken away; the proof is left at an inflated level.
    monkeypatch.setattr(levels, "SCREEN_LEVEL", 0.9)
    monkeypatch.setattr(levels, "CONVICTION_Z", -5.0)
    monkeypatch.setattr(levels, "PROVEN_ALARM", 0.05)
    sampler = NumpySampler(lambda rng, n: rng.uniform(size=(n, 2)))
    runs = 80
    decisions = [
        decide_mean(
            sampler,
            np.full(2, 0.5),
            tolerance=1e-9,
            budget=2**14,
            seed=(run,),
            certificate=proof,
        )
        for run in range(runs)
    ]
    proven = sum(d.verdict is DISAGREE and bool(d.guaranteed) for d in decisions)
    assert proven <= 0.05 * runs + 3 * np.sqrt(0.05 * runs)
