"""One ReLU node: velocities from the defining averages, flows, starts and bounds."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst, assert_near
from hypothesis import given, settings, strategies as st
from mpmath import fdot, mpf, norm
from relu_plane import exact, in_plane, pairs, plane_gradient, relu
from scipy import integrate

from analytic import relu_gradient, relu_node as analytic
from claims.relu_node import CLAIMS  # noqa: F401  # collected by the plugin
from empirical import relu_node as empirical

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PAIRS = ["polar_velocity", "distance_decay", "limit_point"]
X, ZERO, NAN = jnp.array([0.3, -2.0, 1.0]), jnp.zeros(3), jnp.full(3, jnp.nan)
RATIOS = [1e-6, 0.3, 1.0, 1.42, 1.999, 2.0, 2.5]
# Where the matrix of Lemma 3.2 stops being positive definite.
CRITICAL_ANGLE = 2.3276

numbers = st.floats(-9, 9, width=16)
vectors = st.lists(numbers, min_size=3, max_size=3).filter(any).map(jnp.array)


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def velocity_references(student, teacher):
    """Rates of norm, angle and half squared distance, and the scales of the errors."""
    _, w, t = in_plane(student, teacher)

    def residual(x):
        return relu(fdot(w, x)) - relu(fdot(t, x))

    along, across = (-part for part in plane_gradient(residual, w, [w, t]))
    r, R = norm(student), norm(teacher)
    turn = -across / r if t[1] else mpf(0)  # Across is the side of the teacher.
    decay = along * (w[0] - t[0]) + across * (w[1] - t[1])
    gap = norm([a - b for a, b in zip(student, teacher, strict=True)])
    return (along, r + R), (turn, abs(turn)), (decay, gap**2)


@DTYPES
def test_velocities_against_the_defining_integrals(dtype):
    worst = [
        Worst("relu_node.polar_velocity", "r + R", "of the norm"),
        Worst("relu_node.polar_velocity", "itself", "of the angle"),
        Worst("relu_node.distance_decay", "|w - w*|^2"),
    ]
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        points = [*pairs(dtype)][::2]
        stacked = [np.stack(side) for side in zip(*points, strict=True)]
        polar, decay = (
            np.asarray(jax.jit(jax.vmap(form))(*stacked))
            for form in (analytic.polar_velocity, analytic.distance_decay)
        )
        for values, last, (x, y) in zip(polar, decay, points, strict=True):
            found = velocity_references(exact(x), exact(y))
            for number, (value, (truth, scale)) in enumerate(
                zip((*values, last), found, strict=True)
            ):
                if value == 0 and abs(truth) <= 1e-25 * norm(exact(y)) / norm(exact(x)):
                    continue  # No turn, to rounding of the inputs.
                worst[number].add(value, truth, scale, student=x, teacher=y)
    for errors in worst:
        errors.check(6)


@pytest.mark.usefixtures("double")
def test_the_flow_closes_in_norm_and_angle():
    rng = np.random.default_rng(1)
    slope, polar = jax.jit(relu_gradient.node_gradient), jax.jit(_polar_field)
    for _ in range(2):
        start, teacher = rng.normal(size=(2, 6))
        both = np.linalg.norm(start), np.linalg.norm(teacher)
        angle = np.arccos(start @ teacher / np.prod(both))
        times = [0.5, 2.0, 6.0]
        solve = functools.partial(
            integrate.solve_ivp, t_span=(0, 6), t_eval=times, rtol=1e-10, atol=1e-12
        )
        full = solve(lambda _, w, t=teacher: -np.asarray(slope(w, t)), y0=start).y
        field = functools.partial(polar, norm=both[1])
        short = solve(lambda _, y, f=field: np.asarray(f(y)), y0=[both[0], angle]).y
        norms = np.linalg.norm(full, axis=0)
        # Both within the tolerance of the solver.
        assert_near(norms, short[0], 1e-7)
        assert_near(np.arccos(teacher @ full / norms / both[1]), short[1], 1e-7)


def _polar_field(state, norm):
    student = state[0] * jnp.stack([jnp.cos(state[1]), jnp.sin(state[1])])
    return analytic.polar_velocity(student, jnp.stack([norm, 0 * norm]))


@pytest.mark.usefixtures("double")
def test_late_the_distance_halves_and_early_the_opposite_holds_it_back():
    polar = jax.jit(_polar_field)

    def leaving(_, state, norm):
        return state[1] - np.pi / 2

    leaving.terminal = True
    solve = functools.partial(
        integrate.solve_ivp,
        lambda _, y, norm: np.asarray(polar(y, norm)),
        rtol=1e-9,
        atol=1e-14,
        args=(1.0,),
    )
    times = [
        solve(t_span=(0, 99), y0=[1.0, np.pi - gap], events=leaving).t[-1]
        for gap in (1e-3, 1e-5)
    ]
    # 2 log(1 / gap), up to a constant that the first gap still changes by its size.
    assert_near(np.diff(times), 2 * np.log(1e2), 0.02)
    late = solve(t_span=(0, 22), y0=[0.3, 2.0], t_eval=[18, 22]).y
    distance = np.hypot(late[0] * np.cos(late[1]) - 1, late[0] * np.sin(late[1]))
    # exp(-t / 2), once the terms of second order, exp(-9), are gone.
    assert_near(np.log(distance[0] / distance[1]) / 2, 1, 1e-2)


def quadratic_form(angle):
    """The matrix of the lemma, times 2 pi."""
    o = ((2 * mpmath.pi - angle) * mpmath.cos(angle) + mpmath.sin(angle)) / 2
    first = mpmath.pi - angle + mpmath.sin(2 * angle) / 2
    return mpmath.matrix([[first, -o], [-o, mpmath.pi]])


def test_where_the_quadratic_form_is_definite():
    root = mpmath.findroot(lambda t: mpmath.det(quadratic_form(t)), CRITICAL_ANGLE)
    assert abs(root - CRITICAL_ANGLE) < 5e-5
    for angle in (0.1, 1.0, 2.0, 2.32):
        assert mpmath.det(quadratic_form(mpf(angle))) > 0
    for angle in (2.34, 2.7, 3.1):
        assert mpmath.det(quadratic_form(mpf(angle))) < 0
    with jax.enable_x64(True):
        for angle in (0.3, 1.5, 2.6):
            student = 0.7 * jnp.array([jnp.cos(angle), jnp.sin(angle)])
            value = analytic.distance_decay(student, jnp.array([1.3, 0.0]))
            y = mpmath.matrix([1.3, 0.7])
            form = (y.T * quadratic_form(mpf(angle)) * y)[0] / (2 * mpmath.pi)
            assert_near(value, -float(form), 1e-15)


@settings(deadline=None, max_examples=50)
@given(vectors, vectors)
def test_what_the_flow_only_lowers(x, y):
    r, R = jnp.linalg.norm(x), jnp.linalg.norm(y)
    growth, turn = analytic.polar_velocity(x, y)
    assert turn <= 0  # The angle falls, strictly inside (0, pi).
    if abs(x @ y) < 0.99 * r * R:
        assert turn < 0
    decay = analytic.distance_decay(x, y)
    if jnp.linalg.norm(x - y) < 0.999 * R:
        assert decay <= 0
    # The loss falls too: its slope along the flow is minus the squared speed. Float32.
    speed = growth**2 + (r * turn) ** 2
    slope = relu_gradient.node_gradient(x, y)
    assert_near(slope @ slope / (r + R) ** 2, speed / (r + R) ** 2, 4e-6)
    assert_near(-(x - y) @ slope / (r + R) ** 2, decay / (r + R) ** 2, 4e-6)


@settings(deadline=None, max_examples=30)
@given(vectors, vectors)
def test_scales_of_the_velocities(x, y):
    growth, turn = analytic.polar_velocity(x, y)
    np.testing.assert_array_equal(
        analytic.polar_velocity(4 * x, 4 * y), jnp.stack([4 * growth, turn])
    )
    decay = analytic.distance_decay(x, y)
    assert analytic.distance_decay(4 * x, 4 * y) == 16 * decay


SPECIAL = [
    (analytic.polar_velocity, X, X, [0, 0]),
    (analytic.polar_velocity, X, ZERO, [-(5.09**0.5) / 2, 0]),
    (analytic.polar_velocity, X, -X, [-(5.09**0.5) / 2, 0]),
    (analytic.polar_velocity, ZERO, X, [jnp.nan, jnp.nan]),
    (analytic.distance_decay, X, X, 0),
    (analytic.distance_decay, X, -2 * X, -3 * 5.09 / 2),
    (analytic.distance_decay, X, ZERO, -5.09 / 2),
    (analytic.distance_decay, ZERO, X, jnp.nan),
    (analytic.distance_decay, ZERO, ZERO, 0),
    (analytic.limit_point, X, 2 * X, 2 * X),
    (analytic.limit_point, X, -X, ZERO),
    (analytic.limit_point, ZERO, X, NAN),
    (analytic.limit_point, ZERO, ZERO, ZERO),
]


@pytest.mark.parametrize(("form", "x", "y", "expected"), SPECIAL)
def test_special_positions(form, x, y, expected):
    assert_near(form(x, y), expected, 1e-6, 1e-6)


def test_experiments_in_special_positions():
    for factor in (2.0, -2.0):
        for seed in range(2):
            draw = jax.random.normal(jax.random.key(seed), (3,))
            assert empirical.polar_velocity(X, factor * X, inputs=draw)[1] == 0
            assert empirical.distance_decay(X, X, inputs=draw) == 0


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("dimension", [2, 10, 50])
def test_descent_from_a_small_ball_ends_at_the_teacher(dimension):
    rng = np.random.default_rng(dimension)
    teacher = rng.normal(size=dimension) / dimension**0.5
    starts = rng.normal(size=(200, dimension))
    radii = 0.1 * rng.uniform(size=(200, 1)) ** (1 / dimension)
    starts *= radii / np.linalg.norm(starts, axis=1, keepdims=True)
    ends = jax.jit(jax.vmap(empirical.limit_point, (0, None)))(starts, teacher)
    # 600 steps of 0.1 at the late rate: (1 - 0.05)^600 = 4e-14, less the time to leave.
    assert_near(ends, np.broadcast_to(teacher, ends.shape), 1e-8)
    opposite = jax.jit(empirical.limit_point)(-teacher, teacher)
    assert_near(opposite, np.zeros(dimension), 1e-11)


def beta(x, d):
    """The regularized incomplete beta function of the claim."""
    return mpmath.betainc(mpf(d + 1) / 2, mpf(1) / 2, 0, x, regularized=True)


def hit_reference(ratio, d):
    """The formula of the claim's statement."""
    if ratio >= 2:
        return ratio**-d
    cap = beta(1 - (1 - ratio**2 / 2) ** 2, d) / 2
    cap = cap if ratio**2 <= 2 else 1 - cap
    return beta(1 - ratio**2 / 4, d) / 2 + ratio**-d * cap


@DTYPES
@pytest.mark.parametrize("dimension", [1, 2, 5, 20, 100])
def test_chances_and_their_slopes_against_incomplete_beta_functions(dtype, dimension):
    what = f"dimension {dimension}"
    worst = Worst("relu_node.hit_probability", "itself", what)
    slope_scale = "d P / rho, or d P"
    worst_slope = Worst("relu_node.hit_probability", slope_scale, what, slope=True)
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        ratios = np.array(RATIOS, dtype)
        form = functools.partial(analytic.hit_probability, dimension=dimension)
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(form)))(ratios)
        for ratio, value, slope in zip(ratios, values, slopes, strict=True):
            rho = mpf(float(ratio))
            truth = hit_reference(rho, dimension)
            if truth < float(np.finfo(dtype).tiny):
                continue
            worst.add(value, truth, truth, ratio=ratio)
            if ratio != 2:  # A kink for dimension 1.
                step = mpf("1e-20")
                change = hit_reference(rho + step, dimension)
                change -= hit_reference(rho - step, dimension)
                scale = dimension * max(truth, truth / rho)
                worst_slope.add(slope, change / (2 * step), scale, ratio=ratio)
    # Measured: 7.4 at d = 20 and 48 at 100, where the power multiplies errors by d.
    worst.check(8 + 0.5 * dimension)
    worst_slope.check(8 + 0.5 * dimension)


@pytest.mark.usefixtures("double")
def test_ends_of_the_chances():
    for dimension in (1, 2, 5):
        zero = jnp.zeros(())
        assert_near(analytic.hit_probability(zero, dimension), 0.5, 1e-15)
        kappa = float(
            mpmath.gamma(dimension / 2 + 1) / mpmath.gamma(dimension / 2 + 0.5)
        )
        slope = -(dimension - 1) / (dimension + 1) * kappa / np.pi**0.5 / 2
        found = jax.grad(analytic.hit_probability)(zero, dimension)
        assert_near(found, slope, 1e-14)
        assert jnp.isnan(analytic.hit_probability(zero - 1, dimension))
    ratios = jnp.linspace(0.1, 2, 9)
    chance = jax.vmap(lambda rho: analytic.hit_probability(rho, 1))(ratios)
    assert_near(chance, np.full(9, 0.5), 1e-15)  # On the line: always a half.


@pytest.mark.usefixtures("double")
def test_the_bounds_follow_from_the_chances():
    for dimension in (3, 4, 5, 20, 100):
        teacher = jnp.zeros(dimension).at[1].set(0.5)
        slope = float(analytic.hit_loss(teacher)) * 0.5
        kappa = slope * (dimension + 1) / (dimension - 1)
        chance = jax.jit(
            jax.vmap(lambda rho, d=dimension: analytic.hit_probability(rho, d))
        )
        ratios = np.linspace(1e-3, 2, 100)
        chances = np.asarray(chance(ratios))
        assert (chances >= (1 - ratios * slope) / 2 - 1e-14).all()
        assert (1 - ratios * kappa <= 1 - ratios * slope).all()
        assert kappa <= np.sqrt((dimension + 1) / (2 * np.pi))
        assert_near(chances[0], (1 - ratios[0] * slope) / 2, 1e-6)  # Sharp at 0.
        if dimension == 3:
            assert_near(chances, (1 - ratios * slope) / 2, 1e-14)


@pytest.mark.usefixtures("double")
def test_the_theorem_stays_loose_in_high_dimension():
    # At r = eps sqrt(2 pi / (d + 1)) R the chance tends to erfc(sqrt(pi) eps / 2) / 2,
    # not to the theorem's (1 - eps) / 2: for eps = 1/2 to 1.06 times that.
    limit = float(mpmath.erfc(mpmath.sqrt(mpmath.pi) / 4) / 2)
    chances = [
        analytic.hit_probability(jnp.asarray(0.5 * (2 * np.pi / (d + 1)) ** 0.5), d)
        for d in (50, 100)
    ]
    gaps = np.array(chances) - limit
    assert_near(gaps[1:] / gaps[:-1], 0.5, 0.05)  # The error falls like 1 / d.
    assert limit > 1.06 * 0.25


@DTYPES
def test_the_sharp_loss_to_50_digits(dtype):
    worst = Worst("relu_node.hit_loss", "itself")
    with jax.enable_x64(dtype == "float64"), mpmath.workdps(DIGITS):
        for size in (3, 4, 5, 20, 100):
            teacher = np.random.default_rng(size).normal(size=size).astype(dtype)
            half = mpf(size) / 2
            kappa = mpmath.gamma(half + 1) / mpmath.gamma(half + 0.5)
            truth = mpf(size - 1) / (size + 1) * kappa / mpmath.sqrt(mpmath.pi)
            truth /= norm(exact(teacher))
            value = analytic.hit_loss(jnp.asarray(teacher))
            worst.add(value, truth, truth, teacher=teacher)
    worst.check(4)


def test_a_zero_teacher_and_an_empty_ball():
    assert analytic.hit_loss(ZERO) == jnp.inf
    assert empirical.hit_loss(ZERO, fraction=jnp.asarray(0.5)) == jnp.inf
    noise = {"direction": X, "depth": jnp.asarray(0.5)}
    assert empirical.hit_probability(jnp.zeros(()), 3, **noise) == 0


@pytest.mark.parametrize("name", PAIRS)
def test_rejects_vectors_unlike(name):
    noise = {} if name == "limit_point" else {"inputs": X}
    for shape in [(2,), (1, 3), ()]:
        for side, more in ((analytic, {}), (empirical, noise)):
            with pytest.raises(ValueError, match=r"must be vectors alike, got \{"):
                getattr(side, name)(X, jnp.ones(shape), **more)


def test_rejects_ratios_dimensions_and_teachers():
    for shape, dimension in [((1,), 3), ((), 0), ((), 101)]:
        with pytest.raises(ValueError, match="ratio must be a scalar and dimension"):
            analytic.hit_probability(jnp.ones(shape), dimension)
    noise = {"direction": X, "depth": jnp.asarray(0.5)}
    with pytest.raises(ValueError, match="ratio must be a scalar"):
        empirical.hit_probability(jnp.ones(1), 3, **noise)
    for shape in [(2,), (3, 3), ()]:
        with pytest.raises(ValueError, match="teacher must be a vector of 3 or more"):
            analytic.hit_loss(jnp.ones(shape))
    with pytest.raises(ValueError, match="teacher must be a vector"):
        empirical.hit_loss(jnp.ones((3, 3)), fraction=jnp.asarray(0.5))
