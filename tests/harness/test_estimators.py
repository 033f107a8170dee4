"""Fewer draws: Sobol points in the right directions, error bars, and wedges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import gamma

from empirical.montecarlo import (
    Bernoulli,
    Key,
    Layout,
    NoiseError,
    Normal,
    Permutation,
    Uniform,
    expectation,
)
from empirical.montecarlo.quasi import Estimator, choose, estimate, wedge_sums
from empirical.montecarlo.quasi.pilot import pilot
from empirical.montecarlo.quasi.rotation import frames
from empirical.montecarlo.quasi.sobol import (
    direction_numbers,
    reversed_points,
    scrambled,
    seeds,
)
from empirical.montecarlo.quasi.steps import steps
from empirical.montecarlo.quasi.wedges import _radial_rule

KEY = (3, 14)
RANDOM = np.random.default_rng(0)
PAIRS = {name: RANDOM.standard_normal((2, 8)) for name in "uv"}


def relu_gradient(u, v, x):
    return jnp.where(u @ x > 0, jax.nn.relu(v @ x), 0.0) * x


def ntk_entry(u, v, x):
    gates = jnp.where((u @ x > 0) & (v @ x > 0), 1.0, 0.0)
    return u @ v * gates + jax.nn.relu(u @ x) * jax.nn.relu(v @ x)


def tanh_pair(u, v, x):
    return jnp.tanh(u @ x) * jnp.tanh(v @ x)


def layout(integrand, points, **laws):
    return Layout(expectation(integrand, **laws), points, {})


def frames_of(integrand):
    found = pilot(layout(integrand, PAIRS, x=Normal(8)), PAIRS, KEY)
    assert found is not None
    return frames(found)


def wedges_of(integrand, points, **laws):
    found = wedge_sums(layout(integrand, points, **laws), points, KEY)
    assert found is not None
    return found


def estimator(found, points):
    # Draws are few here: what takes time is to compile.
    return Estimator(found, points, KEY, optimized=False)


def geometry(u, v):
    sizes = np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1)
    theta = np.arccos((u * v).sum(axis=1) / sizes)
    return sizes, theta, (np.pi - theta) / (2 * np.pi)


def gradient_mean(u, v):
    sizes, theta, share = geometry(u, v)
    along = sizes * np.sin(theta) / (2 * np.pi) / (u**2).sum(axis=1)
    return share[:, None] * v + along[:, None] * u


def tangent_mean(u, v):
    sizes, theta, share = geometry(u, v)
    inner = (u * v).sum(axis=1)
    return (2 * inner * share + sizes * np.sin(theta) / (2 * np.pi))[:, None]


@pytest.fixture(scope="module")
def gradient():
    return estimator(layout(relu_gradient, PAIRS, x=Normal(8)), PAIRS)


# Points


def points(replicates, dimensions, size):
    with jax.enable_x64(True):
        words = {
            name: jnp.asarray(part)[:, None]
            for name, part in seeds(KEY, replicates, dimensions).items()
        }
        index = jnp.arange(size, dtype=jnp.uint32)
        base = reversed_points(jnp.asarray(direction_numbers(dimensions)), index)
        return np.asarray(scrambled(base[None], words))


def test_every_coordinate_has_one_point_in_each_interval():
    x = points(2, 64, 2**10)
    cells = np.sort(np.floor(x * 2**10), axis=1)
    assert (cells == np.arange(2**10)[None, :, None]).all()


def test_the_first_pair_has_one_point_in_each_square():
    x = points(4, 2, 2**10)
    cells = np.floor(x * 2**5) @ np.array([2**5, 1])
    assert (np.sort(cells, axis=1) == np.arange(2**10)[None]).all()


def test_one_number_is_uniform_over_the_scramblings():
    x = points(4096, 2, 4)[:, 3]
    counts = np.array([np.histogram(c, 16, (0, 1))[0] for c in x.T])
    # Chi square with 15 degrees of freedom; 45 is exceeded with probability 1e-4.
    assert (((counts - 256) ** 2 / 256).sum(axis=1) < 45).all()


# Directions


def test_rotations_are_orthogonal_and_start_with_the_jump():
    found = frames_of(relu_gradient)
    for point in range(2):
        rotation = np.eye(8) - found.v[point] @ found.w[point]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(8), atol=1e-13)
        # The gate jumps, the node has a kink only.
        gate = PAIRS["u"][point] / np.linalg.norm(PAIRS["u"][point])
        assert abs(rotation[:, 0] @ gate) == pytest.approx(1, abs=1e-12)
        node = PAIRS["v"][point] / np.linalg.norm(PAIRS["v"][point])
        assert np.linalg.norm(node @ rotation[:, :2]) == pytest.approx(1, abs=1e-12)
    assert (found.core == 2).all()
    assert (found.leading == 8).all()


def test_axes_follow_the_arguments_of_smooth_functions():
    found = frames_of(tanh_pair)
    first = (np.eye(8) - found.v[0] @ found.w[0])[:, 0]
    units = [PAIRS[n][0] / np.linalg.norm(PAIRS[n][0]) for n in "uv"]
    assert max(abs(first @ unit) for unit in units) == pytest.approx(1, abs=1e-12)
    assert (found.leading == 2).all()


def test_steps_are_found_inside_calls():
    def function(x):
        inner = jax.jit(lambda y: jax.nn.relu(y) + jnp.abs(y - 1))(x[0])
        return inner + jnp.where(x[1] > 2, jnp.clip(x[2], -1, 1), jnp.tanh(x[0] * x[1]))

    with jax.enable_x64(True):
        switches, bends = steps(function, jnp.array([3.0, 5.0, 7.0]))
    assert sorted(np.abs(switches).tolist()) == [2.0, 3.0, 3.0, 6.0, 8.0]
    assert np.asarray(bends).tolist() == [15.0]


# Estimates


@pytest.mark.parametrize("method", ["sobol", "rotated", "stretched", "mirrored"])
def test_every_method_has_the_mean_and_no_other(gradient, method):
    found = gradient.estimate((1, 1), 2**15, method)
    truth = gradient_mean(**PAIRS)
    width = found.half_width(1 - 1e-5)
    assert found.method == method
    assert found.draws == 2**15
    assert (np.abs(found.mean - truth) <= width).all()
    assert (np.abs(found.mean - 1.3 * truth) > width).any()


def test_the_choice_takes_far_fewer_draws(gradient):
    choice = gradient.choose()
    assert choice.method == "mirrored"
    assert "mirrored Sobol points" in choice.text
    assert "times fewer draws than plain" in choice.text
    found = gradient.estimate((1, 2), 2**19)
    assert found.method == "mirrored"
    assert found.fewer > 500
    assert found.draws == 2**19 + choice.draws
    truth = gradient_mean(**PAIRS)
    assert (np.abs(found.mean - truth) <= found.half_width(1 - 1e-5)).all()


def test_the_key_fixes_the_answer(gradient):
    first, again, other = (
        gradient.estimate((1, seed), 2**12, "rotated").mean for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).all()


def test_plain_draws_agree(gradient):
    plain = gradient.estimate((1, 3), 2**15, "plain")
    assert plain.method == "plain"
    assert plain.degrees == np.inf
    found = gradient.estimate((1, 4), 2**15, "rotated")
    gap = np.abs(plain.mean - found.mean)
    assert (gap <= 5 * np.hypot(plain.standard_error, found.standard_error)).all()
    # The gain is measured against the variance of one draw: this is how it compares.
    share = np.mean((found.standard_error / plain.standard_error) ** 2)
    assert found.fewer * share == pytest.approx(1, rel=0.3)


def test_intervals_cover_as_often_as_they_say():
    def integrand(x):
        return jnp.exp(jnp.sum(x)) + jnp.abs(x[0])

    engine = estimator(layout(integrand, {}, x=Normal(2)), {})
    truth = np.exp(1) + np.sqrt(2 / np.pi)
    inside = 0
    for seed in range(200):
        found = engine.estimate((2, seed), 2**11, "stretched")
        inside += abs(found.mean[0, 0] - truth) <= found.half_width()[0, 0]
    # Of 200 at 95 %: outside this range with probability 1e-4.
    assert 177 <= inside <= 199


def test_skewed_replicates_are_refused_for_plain_draws():
    def integrand(p):
        return p[0] ** -0.48

    engine = estimator(layout(integrand, {}, p=Uniform(2)), {})
    by_name = engine.estimate((1, 1), 2**14, "sobol")
    assert by_name.method == "sobol"
    found = engine.estimate((1, 1), 2**14)
    assert found.method == "plain"


def test_a_refusal_after_the_choice_says_why(monkeypatch, gradient):
    choice = gradient.choose(2**12)
    monkeypatch.setattr("empirical.montecarlo.quasi.estimator.SKEWNESS", 0.0)
    found = gradient.estimate((1, 5), 2**12)
    assert choice.method != "plain"
    assert found.method == "plain"
    assert "since rotated" in found.text
    assert "skewness" in found.text
    assert found.draws >= 2 * 2**12 + choice.draws


@pytest.fixture
def few_dimensions(monkeypatch):
    monkeypatch.setattr("empirical.montecarlo.quasi.replicates.DIMENSIONS", 64)


@pytest.mark.usefixtures("few_dimensions")
def test_masks_are_sobol_points_and_more_than_the_points_have_are_independent():
    def loss(mask, x):
        return (1 - jnp.mean(mask) + jnp.mean(x)) ** 2

    found = estimate(
        layout(loss, {}, mask=Bernoulli(0.7, 40), x=Normal(80)),
        {},
        KEY,
        2**14,
        "rotated",
    )
    truth = 0.09 + 0.21 / 40 + 1 / 80
    assert abs(found.mean[0, 0] - truth) <= found.half_width(1 - 1e-5)[0, 0]
    assert abs(found.mean[0, 0] - 1.1 * truth) > found.half_width(1 - 1e-5)[0, 0]


@pytest.mark.usefixtures("few_dimensions")
def test_mirrored_draws_repeat_the_independent_numbers():
    def integrand(x):
        return jnp.where(x[0] > 0, 1.0, 0.0) * (1 + jnp.sum(x[1:]))

    found = estimate(layout(integrand, {}, x=Normal(100)), {}, KEY, 2**12, "mirrored")
    # What is left is a step along the first axis, which two strata share at most.
    assert abs(found.mean[0, 0] - 0.5) < 1e-2
    assert found.fewer > 500


@pytest.mark.parametrize("noise", ["normal", "mask"])
def test_sums_of_many_functions_of_one_number_each_take_fewer_draws(noise):
    # All but a few of the directions matter little, and together they are all.
    laws = {"normal": {"x": Normal(300)}, "mask": {"x": Bernoulli(0.3, 300)}}

    def integrand(x):
        return jnp.sqrt(1 + jnp.sum(x**2))

    engine = estimator(layout(integrand, {}, **laws[noise]), {})
    assert engine.choose(2**11).method != "plain"
    found = engine.estimate((1, 1), 2**12, "sobol")
    assert found.fewer > 10
    # E sqrt(1 + S) over the law of S = |x|^2.
    count = np.arange(301)
    if noise == "mask":
        truth = stats.binom.pmf(count, 300, 0.3) @ np.sqrt(1 + count)
    else:
        truth = stats.chi2(300).expect(lambda s: np.sqrt(1 + s), lb=100, ub=600)
    width = found.half_width(1 - 1e-5)
    assert abs(found.mean[0, 0] - truth) <= width[0, 0]
    assert abs(found.mean[0, 0] - 1.01 * truth) > width[0, 0]


def test_keys_of_their_own_are_drawn_plainly():
    def integrand(key):
        return jax.random.uniform(key)

    found = layout(integrand, {}, key=Key())
    choice = choose(found, {}, KEY)
    assert choice.method == "plain"
    assert choice.text == "independent draws"
    with pytest.raises(NoiseError, match=r"allows auto, plain$"):
        estimate(found, {}, KEY, 2**11, "sobol")


def test_noise_with_no_gradient_gets_sobol_points():
    def integrand(x, order):
        return jnp.where(x[order[0]] > 0, 1.0, 0.0)

    found = layout(integrand, {}, x=Normal(3), order=Permutation(3))
    answer = estimator(found, {}).estimate((1, 1), 2**13)
    assert abs(answer.mean[0, 0] - 0.5) <= max(5 * answer.standard_error[0, 0], 1e-12)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("lattice", "method must be one of auto, plain, sobol, .*got 'lattice'"),
        ("mirrored", "method 'mirrored' does not suit integrand"),
    ],
)
def test_other_methods_are_refused(method, message):
    def integrand(p):
        return jnp.sum(p)

    with pytest.raises(NoiseError, match=message):
        estimate(layout(integrand, {}, p=Uniform(2)), {}, KEY, 2**11, method)


# Wedges


@pytest.mark.parametrize(
    ("integrand", "closed"), [(relu_gradient, gradient_mean), (ntk_entry, tangent_mean)]
)
def test_wedges_are_exact(integrand, closed):
    sums, nodes = wedges_of(integrand, PAIRS, x=Normal(8))
    truth = closed(**PAIRS)
    assert sums.shape == (3, *truth.shape)
    assert np.abs(sums[0] - truth).max() <= 1e-13 * np.abs(truth).max()
    assert (sums[1] >= np.abs(truth)).all()
    assert (sums[2] > 0).all()
    # 64 for the value, 192 to confirm it, and the tests.
    assert nodes == 64 + 192 + 3 * 2**8


def test_wedges_of_half_a_plane_and_of_a_line():
    def gated(u, v, x):
        return jnp.where(u @ x > 0, (v @ x) ** 2, 0.0)

    sums, _ = wedges_of(gated, PAIRS, x=Normal(8))
    truth = (PAIRS["v"] ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(sums[0][:, 0], truth, rtol=1e-12)
    sums, _ = wedges_of(lambda z: jnp.abs(z), {}, z=Normal())
    assert sums[0, 0, 0] == pytest.approx(np.sqrt(2 / np.pi), rel=1e-12)


def test_wedges_of_no_polynomial():
    def integrand(z):
        return jnp.exp(-jnp.abs(z[0])) * jax.nn.relu(z[1])

    sums, _ = wedges_of(integrand, {}, z=Normal(2))
    # E exp(-|z|) = 2 exp(1/2) P(z > 1), E z_+ = 1 / sqrt(2 pi).
    tail = 0.15865525393145707
    truth = 2 * np.exp(0.5) * tail / np.sqrt(2 * np.pi)
    assert sums[0, 0, 0] == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(
    "integrand",
    [
        lambda z: jax.nn.relu(z[0] - 1),  # The kink is no ray.
        lambda z: jax.nn.relu(z[0]) * jnp.sum(z**2),  # More than the plane matters.
        lambda z: jax.nn.relu(z[0]) * jax.nn.relu(z[1]) * jax.nn.relu(z[2]),
        lambda z: jnp.tanh(z[0]) ** 2,  # No kink at all.
        lambda z: jnp.where(z[0] ** 2 + z[1] ** 2 > 1, 1.0, 0.0),  # A curve.
        lambda z: jnp.round(jnp.abs(z[0])),  # Jumps that are not looked for.
    ],
)
def test_wedges_refuse_what_they_cannot_do(integrand):
    assert wedge_sums(layout(integrand, {}, z=Normal(4)), {}, KEY) is None


def test_wedges_are_for_normal_noise():
    def integrand(p, z):
        return jnp.abs(z) * p

    assert wedge_sums(layout(integrand, {}, p=Uniform(), z=Normal()), {}, KEY) is None


@pytest.mark.parametrize("order", [2, 4, 8])
def test_the_radial_rule_is_exact_to_its_degree_and_not_beyond(order):
    nodes, weights = _radial_rule(order)
    for degree in range(2 * order):
        truth = 2 ** (degree / 2) * gamma(degree / 2 + 1)
        assert weights @ nodes**degree == pytest.approx(truth, rel=1e-11)
    truth = 2**order * gamma(order + 1)
    assert weights @ nodes ** (2 * order) != pytest.approx(truth, rel=1e-6)


def test_an_expectation_can_be_estimated_by_fewer_draws():
    # A third kink, which no plane holds together with the other two.
    kernel = expectation(
        lambda u, v, x: jax.nn.relu(u @ x) * jax.nn.relu(v @ x) + jnp.abs(x[1] - x[2]),
        x=Normal(8),
    )
    u, v = np.eye(8)[0], np.full(8, 8**-0.5)
    angle = np.arccos(8**-0.5)
    true = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    true += 2 / np.sqrt(np.pi)
    plain = kernel.estimate(u=u, v=v, draws=2**16, method="plain")
    found = kernel.estimate(u=u, v=v, draws=2**16)
    assert plain.method == "independent draws"
    assert found.standard_error < plain.standard_error / 10
    assert abs(found.mean - true) < 6 * found.standard_error
    assert "fewer draws than plain" in found.method
    with pytest.raises(NoiseError, match="method must be one of auto, plain"):
        kernel.estimate(u=u, v=v, method="magic")
