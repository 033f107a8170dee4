"""What the mean products over a pair of normal numbers are made of.

Private to `analytic`. For (u, v) normal with means 0, variances a and b, and covariance
c: the determinant ab - c^2 and the variance of u + v without cancellation, the moments
of u and v, and a record for a closed form together with that of the derivatives.

Source: Isserlis, "On a Formula for the Product-Moment Coefficient", Biometrika 1918
(moments); Dekker, "A Floating-Point Technique for Extending the Available Precision",
Numerische Mathematik 1971 (exact products).
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["Dual", "determinant", "moment", "radicand", "spread"]

PAIR = ("variance_x", "variance_y", "covariance")


class Dual:
    """The dual of an activation phi: call it for the mean of phi(u) phi(v).

    Args:
        module: Where it is defined.
        name: Its name there.
        formula: The mean product, in words and symbols.
        value: The closed form, as a function of a, b, c and the parameters.
        derivative: That of the mean of phi'(u) phi'(v), or None where phi has none.
        parameters: Names and annotations of the parameters of phi.

    Attributes:
        derivative: The mean of phi'(u) phi'(v), a function like the dual itself.
    """

    def __init__(
        self,
        module: str,
        name: str,
        formula: str,
        value: Callable[..., Any],
        derivative: Callable[..., Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = dict.fromkeys(PAIR, Float[Array, ""]) | dict(parameters or {})
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(n, kind, annotation=t) for n, t in names.items()],
            return_annotation=Float[Array, ""],
        )
        self.__module__, self.__name__, self.__qualname__ = module, name, name
        self.__doc__ = formula
        self._value = value
        if derivative is not None:
            of = f"Mean product of the derivatives of the activation of `{name}`."
            slope = f"{name}_derivative"
            self.derivative = Dual(module, slope, of, derivative, None, parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Float[Array, ""]:
        """The mean product, a scalar.

        Raises:
            ValueError: A variance or the covariance is not a scalar.
        """
        values = self.__signature__.bind(*args, **kwargs).args
        for name, value in zip(PAIR, values, strict=False):
            if jnp.shape(value) != ():
                raise ValueError(
                    f"{name} must be a scalar, got shape {jnp.shape(value)}"
                )
        return self._value(*map(jnp.asarray, values[:3]), *values[3:])

    def __repr__(self) -> str:
        return f"{self.__module__}.{self.__name__}"


@jax.custom_jvp
def determinant(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """The value of ab - c^2, to an ulp of itself; 0 if negative by rounding only.

    Args:
        variance_x: a.
        variance_y: b.
        covariance: c.

    Returns:
        The determinant; nan for a negative variance or where c^2 exceeds ab by more
        than 4 ulp.
    """
    product, product_rest = _exact_product(variance_x, variance_y)
    square, square_rest = _exact_product(covariance, covariance)
    # Near |correlation| = 1 the first difference is exact, and the rests decide.
    value = (product - square) + (product_rest - square_rest)
    slack = 4 * jnp.finfo(product.dtype).eps * product
    inside = (variance_x >= 0) & (variance_y >= 0) & (value >= -slack)
    return jnp.where(inside, jnp.maximum(value, 0), jnp.nan)


@determinant.defjvp
def _determinant_jvp(primals, tangents):
    """The derivative of ab - c^2, one-sided where it is 0."""
    a, b, c = primals
    da, db, dc = tangents
    return determinant(a, b, c), b * da + a * db - 2 * c * dc


def _exact_product(
    x: Float[Array, ""], y: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """A rounded product and what rounding took from it."""
    info = jnp.finfo(jnp.result_type(x, y))
    half = info.nmant // 2
    x_head, y_head = (jax.lax.reduce_precision(v, info.nexp, half) for v in (x, y))
    x_tail, y_tail = x - x_head, y - y_head
    # One bit short of the format: compilers fuse a plain product with a later sum.
    product = jax.lax.reduce_precision(x * y, info.nexp, info.nmant - 1)
    rest = x_head * y_head - product + x_head * y_tail + x_tail * y_head
    return product, rest + x_tail * y_tail


def radicand(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    scale: float | Float[Array, ""],
) -> Float[Array, ""]:
    """(1 + k a) (1 + k b) - (k c)^2, as a sum of terms that are not negative.

    Args:
        variance_x: a.
        variance_y: b.
        covariance: c.
        scale: k, not negative.
    """
    rest = scale**2 * determinant(variance_x, variance_y, covariance)
    return 1 + scale * (variance_x + variance_y) + rest


@jax.custom_jvp
def spread(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
) -> Float[Array, ""]:
    """The variance a + b + 2c of u + v, to a few ulp of itself.

    Args:
        variance_x: a.
        variance_y: b.
        covariance: c.
    """
    roots = jnp.sqrt(variance_x) * jnp.sqrt(variance_y)
    total = variance_x + variance_y
    rest = determinant(variance_x, variance_y, covariance)
    # (sqrt a - sqrt b)^2 + 2 (sqrt(ab) + c), neither term a small difference.
    apart = (variance_x - variance_y) ** 2 / jnp.where(total > 0, total + 2 * roots, 1)
    below = covariance < 0
    together = rest / jnp.where(below, roots - covariance, 1)
    return jnp.where(below, apart + 2 * together, total + 2 * covariance + 0 * rest)


@spread.defjvp
def _spread_jvp(primals, tangents):
    return spread(*primals), tangents[0] + tangents[1] + 2 * tangents[2]


def moment(
    variance_x: Float[Array, ""],
    variance_y: Float[Array, ""],
    covariance: Float[Array, ""],
    degree_x: int,
    degree_y: int,
) -> Float[Array, ""]:
    """E[u^n v^m] = sum_k n! m! a^i b^j c^k / (i! j! k! 2^(i + j)).

    Here 2i + k = n and 2j + k = m.

    Args:
        variance_x: a.
        variance_y: b.
        covariance: c.
        degree_x: n.
        degree_y: m.

    Returns:
        The moment, to a few ulp of itself, as all terms have one sign.
    """
    # nan outside of the domain, as everywhere.
    value = 0 * determinant(variance_x, variance_y, covariance)
    if (degree_x + degree_y) % 2:
        return value
    orders = math.factorial(degree_x) * math.factorial(degree_y)
    for k in range(degree_x % 2, min(degree_x, degree_y) + 1, 2):
        i, j = (degree_x - k) // 2, (degree_y - k) // 2
        ways = math.prod(map(math.factorial, (i, j, k))) * 2 ** (i + j)
        value += orders / ways * variance_x**i * variance_y**j * covariance**k
    return value
