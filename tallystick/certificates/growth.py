"""Moments: how large an integrand of normal noise is on average, at most.

Norms |Y|_p = (E |Y|^p)^(1/p) are followed through the program, for those p that the
output asks for: exact for what is linear in the normal numbers, by the triangle
inequality for sums, by Hoelder's inequality for products, or without loss where the
factors depend on different noise. The result bounds the variance, Var Y <= |Y|_2^2, of
piecewise polynomials such as products of ReLUs, which are neither bounded nor smooth.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jax.extend.core import ClosedJaxpr, JaxprEqn

from empirical.montecarlo.program import run
from tallystick.certificates.arithmetic import Interval
from tallystick.certificates.derivatives import Sloped, sloped
from tallystick.certificates.intervals import evaluate, exact_value
from tallystick.certificates.lipschitz import follow, variables
from tallystick.certificates.shaping import SHAPING, dot, kind_of

__all__ = ["moment_bounds"]

_LINEAR = {
    "add",
    "add_any",
    "convert_element_type",
    "div",
    "dot_general",
    "mul",
    "neg",
    "select_n",
    "sub",
    *SHAPING,
}
ROUNDING = 1 + 1e-6
"""Far more than double precision adds on the way."""
HIGHEST_NORM = 64
"""Products of more factors than this are not followed."""
Norm = Callable[[float], np.ndarray]


@dataclass(frozen=True)
class _Node:
    """A value whose norms are known.

    Attributes:
        known: Its range, and its derivatives.
        center: Its value where all normal numbers are zero; None if other noise
            matters.
        norm: The bound on its norm of a given order.
        noise: The inputs that it depends on.
    """

    known: Sloped
    center: np.ndarray | None
    norm: Norm
    noise: frozenset[int] = frozenset()

    @property
    def linear(self) -> bool:
        """Whether it is a linear function of the normal numbers, plus a constant."""
        slope = self.known.slope
        return self.center is not None and slope is not None and slope.fixed


def moment_bounds(
    program: ClosedJaxpr, ranges: Sequence[Interval], normal: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Bounds on the standard deviations and on the norms of order 4 of the outputs.

    Args:
        program: The program of an integrand, with one output.
        ranges: The range of each of its inputs; all noise is independent.
        normal: For each input whether it is made of independent normal numbers.

    Returns:
        Two arrays of the shape of the output, infinite where there is no bound; None if
        the program is too large to follow.
    """
    inputs = variables(ranges, normal)
    if inputs is None:
        return None
    nodes = []
    for number, (interval, is_normal) in enumerate(zip(ranges, normal, strict=True)):
        center = interval.low if interval.fixed else None
        center = np.zeros(interval.low.shape) if is_normal else center
        noise = frozenset() if interval.fixed else frozenset({number})
        nodes.append(_node(inputs[number], center, None, noise))
    (found,) = run(program, nodes, _rule)
    found = _as_node(found)
    spread = _length(found) if found.linear else found.norm(2.0)
    return ROUNDING * spread, ROUNDING * found.norm(4.0)


def _node(known: Sloped, center, norm: Norm | None, noise: frozenset[int]) -> _Node:
    """A value with the best of the bounds: its own, its size, or that of a normal."""
    node = _Node(known, center, lambda order: known.value.size, noise)
    own = functools.partial(_normal_norm, node) if node.linear else norm

    @functools.cache
    def best(order: float) -> np.ndarray:
        size = known.value.size
        if own is None or order > HIGHEST_NORM or known.value.fixed:
            return size
        with np.errstate(all="ignore"):
            found = np.broadcast_to(own(order), size.shape)
        return np.where(np.isnan(found), size, np.minimum(found, size))

    return _Node(known, center, best, noise)


def _as_node(value: Any) -> _Node:
    if isinstance(value, _Node):
        return value
    known = sloped(value)
    return _node(known, known.value.low, None, frozenset())


def _length(node: _Node) -> np.ndarray:
    """Standard deviation of a linear function of normal numbers."""
    assert node.known.slope is not None
    return np.sqrt((node.known.slope.low**2).sum(axis=0))


def _normal_norm(node: _Node, order: float) -> np.ndarray:
    """Of c + s z: exact for the order 2 or c = 0, else by the triangle inequality."""
    assert node.center is not None
    center, length = np.abs(node.center), _length(node)
    if order == 2:
        return np.hypot(center, length)
    logarithm = order / 2 * math.log(2) + scipy.special.gammaln((order + 1) / 2)
    unit = math.exp((logarithm - math.log(math.pi) / 2) / order)
    return center + length * unit


def _rule(equation: JaxprEqn, values: list[Any]) -> list[_Node]:
    given = [_as_node(v) for v in values]
    known = _followed(equation, given)
    noise = frozenset().union(*(g.noise for g in given))
    name = equation.primitive.name
    centers: list[np.ndarray | None] = [None] * len(known)
    if noise and all(g.center is not None for g in given):
        found = exact_value(equation, [g.center for g in given])
        centers = centers if found is None else list(found)
    norms: list[Norm | None] = [None] * len(known)
    # Unsigned integers that fall below zero become large.
    unsigned = any(kind_of(v).dtype.kind == "u" for v in equation.outvars)
    if noise and name in _NORMS and not unsigned:
        norms = [functools.partial(_NORMS[name], equation, given)] * len(known)
        if name == "split":
            norms = [functools.partial(_part, norms[0], n) for n in range(len(known))]
    return [
        _node(k, k.value.low if k.value.fixed else c, n, noise)
        for k, c, n in zip(known, centers, norms, strict=True)
    ]


def _followed(equation: JaxprEqn, given: list[_Node]) -> list[Sloped]:
    """Ranges, and the derivatives of what is linear."""
    name, inputs = equation.primitive.name, [g.known for g in given]
    noisy = [bool(g.noise) for g in given]
    linear = name in _LINEAR and all(
        g.linear for g, n in zip(given, noisy, strict=True) if n
    )
    if name in ("mul", "dot_general"):
        linear = linear and sum(noisy) == 1
    elif name in ("div", "select_n"):
        linear = linear and not noisy[1 if name == "div" else 0]
    if linear and any(noisy):
        return follow(equation, inputs)
    ranges = evaluate(equation, [known.value for known in inputs])
    return [Sloped(r, None, smooth=r.fixed) for r in ranges]


def _part(norm: Any, number: int, order: float) -> np.ndarray:
    return norm(order)[number]


# --- norms of an equation's output ---------------------------------------------------


def _shaped(equation: JaxprEqn, given: list[_Node], order: float) -> Any:
    rule = SHAPING[equation.primitive.name]
    return rule(equation.params, *(g.norm(order) for g in given))


def _sum(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    del equation
    return given[0].norm(order) + given[1].norm(order)


def _same(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    del equation
    return given[0].norm(order)


def _powered(exponent: float):
    def rule(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
        del equation
        # Norms grow with their order, and have a triangle inequality from order 1 on.
        return given[0].norm(max(exponent * order, 1.0)) ** exponent

    return rule


def _integer_power(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    exponent = int(equation.params["y"])
    if exponent < 1:
        return np.full(given[0].known.value.low.shape, np.nan)
    return _powered(exponent)(equation, given, order)


def _products(given: list[_Node], order: float):
    """Pairs of bounds, each of which bounds the norm of a product of two values."""
    left, right = given
    if not left.noise & right.noise:
        return [(left.norm(order), right.norm(order))]
    return [
        (left.norm(2 * order), right.norm(2 * order)),
        (left.known.value.size, right.norm(order)),
        (left.norm(order), right.known.value.size),
    ]


def _mul(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    if equation.invars[0] is equation.invars[1]:
        return _powered(2)(equation, given[:1], order)
    return functools.reduce(np.fmin, [a * b for a, b in _products(given, order)])


def _dot(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    pairs = _products(given, order)
    return functools.reduce(np.fmin, [dot(equation.params, *pair) for pair in pairs])


def _div(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    del equation
    upper, lower = given
    low, high = lower.known.value.low, lower.known.value.high
    least = np.where((low > 0) | (high < 0), np.minimum(np.abs(low), np.abs(high)), 0.0)
    return upper.norm(order) / least


def _any_of(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    """|Y|_p^p is at most the sum of those of all values that Y may be."""
    del equation
    norms = np.broadcast_arrays(*(g.norm(order) for g in given))
    largest = functools.reduce(np.maximum, norms)
    scale = np.where(largest > 0, largest, 1.0)
    total = np.sum([(n / scale) ** order for n in norms], axis=0)
    return scale * total ** (1 / order)


def _select(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    which, *cases = given
    if which.known.value.fixed:
        choice = which.known.value.low.astype(int)
        return np.choose(choice, [case.norm(order) for case in cases])
    return _any_of(equation, cases, order)


def _extreme(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    axes = tuple(int(a) for a in equation.params["axes"])
    return (given[0].norm(order) ** order).sum(axis=axes) ** (1 / order)


def _prod(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    axes = tuple(int(a) for a in equation.params["axes"])
    shape = kind_of(equation.invars[0]).shape
    count = math.prod(shape[a] for a in axes)
    return given[0].norm(count * order).prod(axis=axes)


def _exp(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    """The lognormal law, where the exponent is normal."""
    del equation
    if not given[0].linear:
        return np.full(given[0].known.value.low.shape, np.nan)
    assert given[0].center is not None
    return np.exp(given[0].center + order * _length(given[0]) ** 2 / 2)


def _convert(equation: JaxprEqn, given: list[_Node], order: float) -> np.ndarray:
    exact = np.dtype(equation.params["new_dtype"]) == np.float64
    return given[0].norm(order) if exact else np.full((), np.nan)


_NORMS: dict[str, Callable[[JaxprEqn, list[_Node], float], Any]] = {
    "abs": _same,
    "add": _sum,
    "add_any": _sum,
    "convert_element_type": _convert,
    "div": _div,
    "dot_general": _dot,
    "exp": _exp,
    "integer_pow": _integer_power,
    "max": _any_of,
    "min": _any_of,
    "mul": _mul,
    "neg": _same,
    "reduce_max": _extreme,
    "reduce_min": _extreme,
    "reduce_prod": _prod,
    "select_n": _select,
    "sqrt": _powered(0.5),
    "square": _powered(2),
    "stop_gradient": _same,
    "sub": _sum,
    **dict.fromkeys(SHAPING, _shaped),
}
