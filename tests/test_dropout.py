import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from accuracy import DIGITS, Worst
from hypothesis import given, settings, strategies as st

from analytic import dropout as analytic
from claims.dropout import CLAIMS  # noqa: F401 (collected by the plugin)
from empirical import dropout as empirical

SIDES = [analytic, empirical]
UNITS = ["coordinate", "prediction"]
RATES = [0.0, 1e-3, 0.3, 0.5, 0.97]
SCALES = [1e-3, 1.0, 1e3]
# Worst errors in ulp of the scales that the docstrings state, in either precision.
LOSS_ULPS = 2.6  # Measured 1.3.
PATH_ULPS = 3  # Measured 1.5.
MINIMIZER_ULPS = 1.1  # Measured 0.54.
SLOPE_ULPS = 0.6  # Measured 0.3.


def draw(seed, *shapes):
    """Normal arrays in the working precision."""
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=shape), float) for shape in shapes]


def exact(array):
    """An array of floats as one of mpmath numbers."""
    values = np.asarray(array, np.float64)
    return np.vectorize(mpmath.mpf, otypes=[object])(values)


def masks(units, rate):
    """All masks of some units, divided by 1 - rate, with their probabilities."""
    rate = mpmath.mpf(float(rate))
    for mask in itertools.product((0, 1), repeat=units):
        kept = sum(mask)
        probability = rate ** (units - kept) * (1 - rate) ** kept
        yield np.array(mask, object) / (1 - rate), probability


def relu(array):
    return np.where(array > 0, array, mpmath.mpf(0))


CASES = {
    "sensing": ((3, 3), (2, 3), (4, 3, 2), (4,)),
    "network": ((3, 2), (3, 3), (2, 3), (4, 2), (4, 2)),
    "coordinate": ((3,), (4, 3), (4,)),
    "prediction": ((3,), (4, 3), (4,)),
}


def closed(case, arrays, rate):
    match case:
        case "sensing":
            return analytic.sensing_loss(*arrays, rate)
        case "network":
            return analytic.network_loss(*arrays, rate)
        case _:
            return analytic.regression_loss(*arrays, rate, case)


FORMS = {
    "sensing": ("dropout.sensing_loss", ""),
    "network": ("dropout.network_loss", ""),
    "coordinate": ("dropout.regression_loss", "coordinates"),
    "prediction": ("dropout.regression_loss", "predictions"),
}


def worst_loss(case, what="", slope=False):
    """The errors of the loss of a case."""
    name, part = FORMS[case]
    what = ", ".join(filter(None, (part, what)))
    return Worst(name, "its value at absolute values", what, slope=slope)


loss = jax.jit(closed, static_argnums=0)
minimizer = jax.jit(analytic.minimizer, static_argnums=3)
regression_loss = jax.jit(analytic.regression_loss, static_argnums=4)


def absolute(arrays):
    """The arguments at which a loss is the scale of its error."""
    return [*map(jnp.abs, arrays[:-1]), -jnp.abs(arrays[-1])]


def model(case, arrays):
    """How many units a model has, and its predictions under a mask of them."""
    match case:
        case "sensing":
            left, right, sensors = arrays
            return left.shape[1], lambda mask: np.sum(
                sensors * ((left * mask) @ right.T), axis=(1, 2)
            )
        case "network":
            inner, outer, readout, inputs = arrays
            hidden = relu(relu(inputs @ inner.T) @ outer.T)
            return len(outer), lambda mask: (hidden * mask) @ readout.T
        case "coordinate":
            weights, inputs = arrays
            return len(weights), lambda mask: (inputs * mask) @ weights
        case _:
            weights, inputs = arrays
            return 1, lambda mask: (inputs @ weights) * mask[0]


def enumerated(case, arrays, rate):
    """Mean over the samples and the masks of the squared error, from the definition."""
    *rest, targets = map(exact, arrays)
    units, predict = model(case, rest)
    losses = (
        probability * np.sum((targets - predict(mask)) ** 2)
        for mask, probability in masks(units, rate)
    )
    return mpmath.fsum(losses) / len(targets)


@pytest.mark.parametrize("case", CASES)
def test_loss_is_the_mean_over_all_masks(case, precision):
    worst = worst_loss(case)
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        arrays = draw(seed, *CASES[case])
        arrays[0] = arrays[0] * size
        rate = jnp.asarray(rate, precision)
        value = loss(case, arrays, rate)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            scale = enumerated(case, absolute(arrays), rate)
            reference = enumerated(case, arrays, rate)
            worst.add(value, reference, scale, rate=rate, size=size)
    worst.check(LOSS_ULPS)


def test_path_regularizer_is_the_mean_over_inputs_and_masks(precision):
    # In two dimensions |x|^2 has mean 2 and the output is linear between the angles at
    # which a unit switches, so that quadrature between them gives all digits.
    worst = Worst("dropout.path_regularizer", "itself")
    for seed, (rate, size) in enumerate(itertools.product([0.0, 1e-3, 0.97], SCALES)):
        inner, readout = draw(seed, (2, 2), (2, 2))
        inner, rate = inner * size, jnp.asarray(rate, precision)
        value = jax.jit(analytic.path_regularizer)(inner, readout, rate)
        with mpmath.workdps(DIGITS):
            below, above = exact(inner), exact(readout)

            def change(angle, below=below, above=above, rate=rate):
                x = np.array([mpmath.cos(angle), mpmath.sin(angle)])
                hidden = relu(below @ x)
                return sum(
                    probability * np.sum((above @ ((mask - 1) * hidden)) ** 2)
                    for mask, probability in masks(2, rate)
                )

            switches = [mpmath.atan2(-a, b) % mpmath.pi for a, b in below]
            switches += [s + mpmath.pi for s in switches]
            ends = sorted([mpmath.mpf(0), *switches, 2 * mpmath.pi])
            integral = mpmath.quad(change, ends, maxdegree=5)
            reference = integral / mpmath.pi
            scale = reference or mpmath.mpf(1)
            worst.add(value, reference, scale, rate=rate, size=size)
        assert value.dtype == precision
    worst.check(PATH_ULPS)


@pytest.mark.parametrize("unit", UNITS)
def test_minimizer_solves_the_normal_equations_of_all_masked_copies(unit, precision):
    worst = Worst(
        "dropout.minimizer", "|y| cond / |column| of X, as solved", f"{unit}s"
    )
    for seed, (rate, size) in enumerate(itertools.product(RATES, SCALES)):
        inputs, targets = draw(seed, (5, 3), (5,))
        inputs = inputs * jnp.asarray([[1.0, size, 1.0]])
        rate = jnp.asarray(rate, precision)
        value = minimizer(inputs, targets, rate, unit)
        assert value.dtype == precision
        with mpmath.workdps(DIGITS):
            X, y = exact(inputs), exact(targets)
            gram, right = mpmath.zeros(3), mpmath.zeros(3, 1)
            for mask, probability in masks(3 if unit == "coordinate" else 1, rate):
                copy = X * mask
                gram += probability * mpmath.matrix((copy.T @ copy).tolist())
                right += probability * mpmath.matrix((copy.T @ y).tolist())
            reference = mpmath.lu_solve(gram, right)
            sizes = [mpmath.norm(column.tolist()) for column in X.T]
            K = X / np.array(sizes)
            matrix = np.asarray(K.T @ K, float)
            if unit == "coordinate":
                matrix = matrix + float(rate / (1 - rate)) * np.eye(3)
            scale = mpmath.norm(y.tolist()) * np.linalg.cond(matrix)
            for u, expected, norm in zip(value, reference, sizes, strict=True):
                worst.add(u, expected, scale / norm, rate=rate, size=size)
    worst.check(MINIMIZER_ULPS)


@pytest.mark.parametrize("case", CASES)
def test_gradient_of_a_loss_at_rate_zero_and_at_zero_weights(case, precision):
    # d/d rate at 0 is the regularizer without lambda; zero weights predict zero.
    arrays = draw(3, *CASES[case])
    zero = jnp.zeros((), precision)
    gradient = jax.jit(jax.grad(closed, argnums=(1, 2)), static_argnums=0)
    _, slope = gradient(case, arrays, zero)
    with mpmath.workdps(DIGITS):
        half = jnp.asarray(0.5, precision)
        reference = enumerated(case, arrays, half) - enumerated(case, arrays, zero)
        worst = worst_loss(case, "in the rate, at 0", slope=True)
        worst.add(slope, reference, enumerated(case, absolute(arrays), half), rate=0)
        worst.check(SLOPE_ULPS)
    arrays[0] = 0 * arrays[0]
    slopes, _ = gradient(case, arrays, half)
    if case in ("coordinate", "prediction"):
        expected = -2 * arrays[1].T @ arrays[2] / 4
        eps = float(jnp.finfo(precision).eps)
        assert jnp.abs(slopes[0] - expected).max() <= 4 * eps * jnp.abs(expected).max()
    assert all(jnp.isfinite(s).all() for s in slopes)


@pytest.mark.parametrize("unit", UNITS)
def test_minimizer_has_a_zero_gradient_and_a_slope_at_rate_zero(unit, precision):
    inputs, targets = draw(5, (6, 3), (6,))
    rate = jnp.asarray(0.4, precision)
    tolerance = 64 * float(jnp.finfo(precision).eps)
    best = minimizer(inputs, targets, rate, unit)
    gradient = jax.jit(jax.grad(analytic.regression_loss), static_argnums=4)(
        best, inputs, targets, rate, unit
    )
    assert jnp.abs(gradient).max() <= tolerance
    zero = jnp.zeros((), precision)
    slope = jax.jit(jax.jacfwd(analytic.minimizer, argnums=2), static_argnums=3)(
        inputs, targets, zero, unit
    )
    gram = inputs.T @ inputs
    ordinary = jnp.linalg.solve(gram, inputs.T @ targets)
    added = jnp.diag(jnp.diag(gram)) if unit == "coordinate" else gram
    expected = -jnp.linalg.solve(gram, added @ ordinary)
    assert jnp.abs(slope - expected).max() <= tolerance * jnp.abs(expected).max()


def test_rate_zero_gives_the_loss_without_dropout(precision):
    zero = jnp.zeros((), precision)
    for case, shapes in CASES.items():
        arrays = draw(1, *shapes)
        value = loss(case, arrays, zero)
        with mpmath.workdps(DIGITS):
            *rest, targets = map(exact, arrays)
            units, predict = model(case, rest)
            errors = targets - predict(np.ones(units, object))
            plain = np.sum(errors**2) / len(targets)
            scale = enumerated(case, absolute(arrays), zero)
            worst = worst_loss(case)
            worst.add(value, plain, scale, rate=0, size=1)
            worst.check(LOSS_ULPS)
    assert analytic.path_regularizer(*draw(1, (3, 2), (1, 3)), zero) == 0


def test_zero_weights_have_no_path(precision):
    rate = jnp.asarray(0.5, precision)
    inner, readout = draw(2, (3, 2), (1, 3))
    path = jax.value_and_grad(analytic.path_regularizer, argnums=(0, 1))
    value, slopes = path(0 * inner, readout, rate)
    assert value == 0
    assert not any(slope.any() for slope in slopes)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_a_rate_outside_the_domain_gives_nan(rate, precision):
    rate = jnp.asarray(rate, precision)
    for case, shapes in CASES.items():
        assert jnp.isnan(loss(case, draw(1, *shapes), rate))
    assert jnp.isnan(analytic.path_regularizer(*draw(1, (3, 2), (1, 3)), rate))
    for unit in UNITS:
        assert jnp.isnan(minimizer(*draw(1, (5, 3), (5,)), rate, unit)).all()


def test_a_minimizer_that_is_not_unique_is_nan(precision):
    zero, half = jnp.zeros((), precision), jnp.asarray(0.5, precision)
    inputs, targets = draw(1, (5, 3), (5,))
    for unit in UNITS:
        silent = inputs.at[:, 1].set(0)
        assert jnp.isnan(minimizer(silent, targets, half, unit)).all()
    few = inputs[:2], targets[:2]
    assert jnp.isnan(minimizer(*few, zero, "coordinate")).all()
    assert jnp.isnan(minimizer(*few, half, "prediction")).all()
    assert jnp.isfinite(minimizer(*few, half, "coordinate")).all()


REJECTED = {
    "sensing_loss": [(3, 2), (4, 2), (5, 3, 4), (5,)],
    "network_loss": [(4, 3), (6, 4), (2, 6), (5, 3), (5, 2)],
    "path_regularizer": [(4, 3), (2, 4)],
    "regression_loss": [(3,), (5, 3), (5,)],
    "minimizer": [(5, 3), (5,)],
}
MASKS = {"sensing_loss": (2,), "network_loss": (6,), "regression_loss": (5, 3)}


def call(side, name, shapes, unit="coordinate"):
    """Call a function of either side at arrays of ones."""
    last = (unit,) if name in ("regression_loss", "minimizer") else ()
    noise = {}
    if side is empirical and name in MASKS:
        noise = {"mask": jnp.ones(MASKS[name])}
    if side is empirical and name == "path_regularizer":
        noise = {"mask": jnp.ones(4), "x": jnp.ones(3)}
    arrays = [jnp.ones(shape) for shape in shapes]
    return getattr(side, name)(*arrays, jnp.asarray(0.5), *last, **noise)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", REJECTED)
def test_shapes_that_do_not_fit_are_refused(side, name):
    shapes = REJECTED[name]
    call(side, name, shapes)
    for position, shape in enumerate(shapes):
        # Neither the lengths of one array may change, nor its number of axes.
        alone = position == 0 and name == "minimizer"
        longer = (shape[0] + 1, *(length + (not alone) for length in shape[1:]))
        for wrong in (longer, (*shape, 1)):
            bad = [*shapes[:position], wrong, *shapes[position + 1 :]]
            with pytest.raises(
                ValueError, match=r"must have shapes .*, got \w+\.shape"
            ):
                call(side, name, bad)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["regression_loss", "minimizer"])
def test_unknown_units_are_refused(side, name):
    with pytest.raises(ValueError, match=r"unit must be .*, got unit='layer'"):
        call(side, name, REJECTED[name], unit="layer")


numbers = st.floats(-8, 8, width=16)
vectors = st.lists(numbers, min_size=3, max_size=3).map(np.array)
rates = st.floats(0, 0.96875, width=16)


@settings(max_examples=50)
@given(vectors, vectors, vectors, rates)
def test_units_agree_for_uncorrelated_inputs(weights, targets, sizes, rate):
    # A diagonal X has a diagonal X' X / n (E11.20).
    with jax.enable_x64(True):
        arguments = [jnp.asarray(a) for a in (weights, np.diag(sizes), targets)]
        one, other = (
            float(regression_loss(*arguments, jnp.asarray(rate), unit))
            for unit in UNITS
        )
    assert abs(one - other) <= 1e-14 * abs(one)


@settings(max_examples=50)
@given(vectors, vectors, vectors, rates)
def test_no_weights_are_better_than_the_minimizer(weights, targets, column, rate):
    inputs = np.stack([np.ones(3), np.arange(3), column], axis=1)
    with jax.enable_x64(True):
        X, y, p = jnp.asarray(inputs), jnp.asarray(targets), jnp.asarray(rate + 0.01)
        best = minimizer(X, y, p, "coordinate")
        least, other = (
            float(regression_loss(u, X, y, p, "coordinate"))
            for u in (best, jnp.asarray(weights))
        )
    assert np.isfinite(best).all() == np.any(column)
    assert not least > other + 1e-10 * (1 + other)
