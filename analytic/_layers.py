"""One wide ReLU layer, as a function of h = (1 - cos theta) / 2, for whole arrays.

Private to `analytic`. A layer of gain 2 turns the angle theta of two inputs into theta'
with h' = h - S(theta) / (2 pi), S(theta) = sin theta - theta cos theta, and multiplies
tangent kernels by 1 - theta / pi. In z = min(h, 1 - h), of the angle phi = min(theta,
pi - theta), both are a polynomial in z times a power of sqrt z, because phi / sqrt z =
2 arcsin(sqrt z) / sqrt z and S(phi) / z^(3/2) are analytic there: no arccos, which
costs more than all the rest, and nothing that cancels at either end of [0, pi].
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = [
    "ANGLE",
    "ONCE",
    "RESIDUAL",
    "both_angles",
    "fold",
    "horner",
    "layer",
    "once",
    "root",
    "unfold",
    "unless_zero",
]

# A cosine of unit vectors is known to a few 1e-16, and so is h; inputs with a smaller
# one count as parallel in derivatives.
ROUNDING = 2.0**-48
# Near-minimax polynomials on [0, 1/2], lowest power first, of 2 arcsin(sqrt z) / sqrt z
# and of S / z^(3/2): mpmath.chebyfit at 60 digits. Relative errors below 3e-9 for
# float32 and 3e-17 for float64.
ANGLE = {
    "float32": (
        *(2.000000003, 0.3333322848, 0.1500551463, 0.08818323347, 0.07162847857),
        *(-0.0140411583, 0.2148000426, -0.2718325425, 0.2478269898),
    ),
    "float64": (
        *(2.00000000000000002, 0.333333333333299738, 0.150000000008036322),
        *(0.0892857135252300068, 0.0607639267935036571, 0.044743169558640706),
        *(0.0347285628782070564, 0.0276068917917839596, 0.0263820051435078072),
        *(-0.00520307569659937584, 0.157432227140042533, -0.593741086137964853),
        *(2.01640333010683749, -4.9817616252452234, 9.28413781997768673),
        *(-12.4585997507959715, 11.5158816626293975, -6.55786631347962454),
        1.7785808735277376,
    ),
}
RESIDUAL = {
    "float32": (
        *(2.666666663, 0.266667637, 0.08567418181, 0.0403044615, 0.01745561194),
        *(0.03197484781, -0.02799758841, 0.04061521876),
    ),
    "float64": (
        *(2.66666666666666666, 0.26666666666668141, 0.0857142857111221069),
        *(0.0396825399507744808, 0.0220959476394276373, 0.0137678056820296547),
        *(0.00924904802486040812, 0.00664309351324180492, 0.00422624297616466706),
        *(0.00791530661372585538, -0.017704735518716593, 0.0784003947555341355),
        *(-0.207942446018569877, 0.429097475221878857, -0.624588932872608859),
        *(0.62699798013686559, -0.384892190725572749, 0.113661325924460362),
    ),
}
# Likewise of (S - theta cos theta) / (pi sqrt z), to 3e-9 of its largest value.
ONCE = (
    *(-0.6366197709, 2.015962124, 0.2493684296, 0.09384225185, 0.05520107971),
    *(0.003988689771, 0.1062646896, -0.1250694923, 0.119419094),
)


def layer(
    h: Float[Array, "..."],
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """From h in [0, 1/2] to h after one layer, and the factor 1 - theta / pi.

    Args:
        h: (1 - cos theta) / 2; after a first layer it is at most 1/2.
    """
    return h - _residual(h) / (2 * jnp.pi), 1 - _angle(h) / jnp.pi


def unfold(
    h: Float[Array, "..."], rest: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """One layer from any angle: cos theta', h' and 1 - theta / pi.

    Args:
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own: then cos theta' and 1 - theta / pi keep their
            digits as they vanish at theta = pi.
    """
    acute = h <= rest
    z = jnp.where(acute, h, rest)
    part, active = _residual(z) / (2 * jnp.pi), _angle(z) / jnp.pi
    after = jnp.where(acute, h, 0.5) - part
    return (
        jnp.where(acute, 1 - 2 * after, 2 * part),
        after,
        jnp.where(acute, 1 - active, active),
    )


def fold(
    h: Float[Array, "..."], rest: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """One layer of units |z| from any angle: h after it, and 1 - 2 theta / pi.

    Args:
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own.
    """
    acute = h <= rest
    z = jnp.where(acute, h, rest)
    share = 1 - 2 * _angle(z) / jnp.pi
    return z - _residual(z) / jnp.pi, jnp.where(acute, share, -share)


def both_angles(
    h: Float[Array, "..."], rest: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The angle theta and pi - theta.

    Args:
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own.
    """
    acute = h <= rest
    small = _angle(jnp.where(acute, h, rest))
    other = jnp.pi - small
    return jnp.where(acute, small, other), jnp.where(acute, other, small)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def once(
    h: Float[Array, "..."], rest: Float[Array, "..."], tangent: bool
) -> Float[Array, "..."]:
    """A kernel of unit inputs after one layer, in float32, with one root.

    With z = min(h, 1 - h) it is max(cos theta, 0) + S / pi, or for the tangent kernel
    2 max(cos theta, 0) + z^(1/2) P(z).

    Args:
        h: (1 - cos theta) / 2 in [0, 1].
        rest: 1 - h, known on its own.
        tangent: The tangent kernel; else the covariance.
    """
    z = jnp.minimum(h, rest)
    if tangent:
        return jnp.maximum(2 - 4 * h, 0) + jnp.sqrt(z) * horner(ONCE, z)
    series = horner(RESIDUAL[str(z.dtype)], z)
    return jnp.maximum(1 - 2 * h, 0) + z * jnp.sqrt(z) * series / jnp.pi


@once.defjvp
def _once_jvp(tangent, primals, tangents):
    h, rest = primals
    _, _, active = unfold(h, rest)
    slope = -2 * active
    if tangent:
        slope = 2 * slope - (rest - h) / jnp.pi * unless_zero(h * rest, -0.5)
    return once(h, rest, tangent), slope * tangents[0]


def horner(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Array:
    """Sum of coefficients[k] x^k, in the dtype of x.

    Args:
        coefficients: Lowest power first.
        x: Where.
    """
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


@jax.custom_jvp
def _angle(z: Float[Array, "..."]) -> Float[Array, "..."]:
    """The angle in [0, pi/2] with (1 - cos) / 2 = z."""
    return root(z) * horner(ANGLE[str(z.dtype)], z)


@jax.custom_jvp
def _residual(z: Float[Array, "..."]) -> Float[Array, "..."]:
    """S of that angle."""
    return z * root(z) * horner(RESIDUAL[str(z.dtype)], z)


def root(value: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root with slope 0 at 0: second derivatives of a loop look inside.

    Args:
        value: Not negative.
    """
    some = value > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, value, 1)), 0)


def unless_zero(value: Float[Array, "..."], power: float) -> Float[Array, "..."]:
    """value^power, but 0 where rounding hides whether it is 0, also in derivatives.

    Args:
        value: Not negative.
        power: May be negative.
    """
    some = value > ROUNDING
    return jnp.where(some, jnp.where(some, value, 1) ** power, 0)


# The slope 2 / sin of the angle is infinite at z = 0, a kink; 0 is the mean of the
# slopes that meet there.
_angle.defjvps(lambda t, _, z: t * unless_zero(z * (1 - z), -0.5))
_residual.defjvps(lambda t, _, z: t * 2 * _angle(z))
