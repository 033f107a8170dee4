"""Claims: tangent kernels of convolutional ReLU networks on a ring."""

import jax.numpy as jnp

from analytic import convolutional_tangent as analytic, neural_tangent
from empirical import convolutional_tangent as empirical
from tallystick import Axis, Choice, Claim, Control, Domain, Limit, Matrix

__all__ = ["CLAIMS"]


CLAIMS = (
    Claim(
        "cntk.circular1d",
        statement="E[grad f(x) . grad f(y)] of circular convolutions nears the "
        "recursion Theta <- A[K + S Theta], A the mean over the offsets of a filter",
        analytic=analytic.circular,
        empirical=empirical.circular,
        domain=Domain(
            x=Matrix("p", "c"),
            y=Matrix("p", "c"),
            depth=Choice(2),
            filter_size=Choice(3),
            pooling=Choice("average"),
            p=Axis(4),
            c=Axis(1),
        ),
        # Draws of convolutional networks are dear; a tighter tolerance takes minutes.
        relation=Limit("width", sizes=(2, 4), rate=1.0, tolerance=0.06, bias=0.05),
        source="Arora et al., NeurIPS 2019, section 4, on a ring",
        controls=(
            Control(
                "a dense network on all pixels",
                lambda x, y, depth, filter_size, pooling: (
                    neural_tangent.deep(jnp.ravel(x), jnp.ravel(y), depth) / len(x)
                ),
            ),
            Control(
                "the other read-out",
                lambda x, y, depth, filter_size, pooling: analytic.circular(
                    x,
                    y,
                    depth,
                    filter_size,
                    "average" if pooling == "flatten" else "flatten",
                ),
            ),
            Control(
                "filters of one pixel",
                lambda x, y, depth, filter_size, pooling: analytic.circular(
                    x, y, depth, 1, pooling
                ),
            ),
        ),
        notes="tests/test_convolutional_tangent.py compares the other read-out.",
    ),
)
