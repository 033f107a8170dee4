"""Claims: kernels of wide ReLU networks at great depth, and in single precision."""

import jax
import jax.numpy as jnp

from analytic import network_depth as analytic
from empirical import network_depth as empirical
from tallystick import Choice, Claim, Control, Domain, Identity, Limit, Scalar

__all__ = ["CLAIMS"]

# From small angles the limit is reached only at depths beyond 10 / angle.
ANGLES = Domain(angle=Scalar(0.5, 3.14159))


def _by_cosines(angle, depth):
    """The recursion in the cosine and its arccosine, in float32."""

    def layer(_, state):
        cosine, kernel = state
        theta = jnp.arccos(jnp.clip(cosine, -1, 1))
        gap = jnp.float32(jnp.pi) - theta
        cosine = (jnp.sin(theta) + gap * jnp.cos(theta)) / jnp.float32(jnp.pi)
        return cosine, cosine + gap / jnp.float32(jnp.pi) * kernel

    start = jnp.cos(angle).astype(jnp.float32)
    return jax.lax.fori_loop(0, depth, layer, (start, start))[1].astype(angle.dtype)


CLAIMS = (
    Claim(
        "ntk.deep_float32",
        statement="Theta_L at depth 50 in float32, by sin^2(theta/2) in place of cos "
        "theta, is that of the layers' definitions in float64",
        analytic=analytic.single_precision,
        empirical=empirical.single_precision,
        # Gauss-Legendre rules of 24 nodes are good to 1e-15 on any arc.
        domain=Domain(angle=Scalar(1e-3, 3.14), depth=Choice(50)),
        relation=Identity(tolerance=1e-6),
        source="derived here: the half-angle form of (9.15)",
        controls=(
            Control("cosines and arccosines in float32", _by_cosines),
            Control(
                "one layer less",
                lambda angle, depth: analytic.single_precision(angle, depth - 1),
            ),
        ),
    ),
    Claim(
        "nngp.depth_rate",
        statement="L^2 (1 - cos theta_L) -> 9 pi^2 / 2 as the depth L grows",
        analytic=analytic.correlation_rate,
        empirical=empirical.correlation_rate,
        domain=ANGLES,
        # The error is log(L) / L: what is left of it after extrapolation is 1e-3.
        relation=Limit("depth", sizes=(2000, 8000), rate=1.0, bias=3e-3),
        source="expansion of (9.15) at theta = 0",
        controls=(
            Control("9 pi^2", lambda angle: 2 * analytic.correlation_rate(angle)),
            Control("the limit of theta L, 3 pi", lambda angle: 3 * jnp.pi + 0 * angle),
        ),
    ),
    Claim(
        "ntk.depth_limit",
        statement="Theta_L / (L + 1) -> 1/4 for unit inputs that are not parallel, as "
        "the depth L grows",
        analytic=analytic.tangent_limit,
        empirical=empirical.tangent_limit,
        domain=ANGLES,
        relation=Limit("depth", sizes=(2000, 8000), rate=1.0, bias=3e-3),
        source="expansion of (9.15)-(9.17) at theta = 0",
        controls=(
            Control("1, as for parallel inputs", lambda angle: 1 + 0 * angle),
            Control("1/3", lambda angle: 1 / 3 + 0 * angle),
        ),
    ),
)
