"""What the claims about pairs of normal numbers share: domains and wrong forms."""

import inspect
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import ModuleType
from typing import Any

import jax.numpy as jnp

from tallystick import Claim, Control, Domain, Scalar

__all__ = ["claim_of", "correlation", "doubled", "independent", "opposite", "other"]
__all__ += ["pairs", "times"]


def pairs(
    lowest: float,
    highest: float = 1.0,
    variances: tuple[float, float] = (0, 3),
    **parameters: Any,
) -> Domain:
    """All pairs with correlations between two numbers, a zero variance a corner."""
    return Domain(
        variance_x=Scalar(*variances),
        variance_y=Scalar(*variances),
        covariance=Scalar(
            lambda variance_x, variance_y: lowest * (variance_x * variance_y) ** 0.5,
            lambda variance_x, variance_y: highest * (variance_x * variance_y) ** 0.5,
        ),
        **parameters,
    )


def claim_of(
    sides: tuple[ModuleType, ModuleType],
    name: str,
    statement: str,
    source: str,
    domain: Domain,
    wrong: Mapping[str, Callable[..., Any]],
) -> Claim:
    """The claim about a dual activation, or with `.derivative` about its slopes.

    Args:
        sides: The closed forms and the experiments.
        name: Of the activation, in both modules.
        statement: What is claimed.
        source: Who found it.
        domain: Where.
        wrong: Functions of the form, the variances, the covariance and the parameters,
            by what is wrong with them.
    """
    form, experiment = map(attrgetter(name), sides)
    return Claim(
        "dual." + name.replace(".", "_"),
        statement=statement,
        analytic=form,
        empirical=experiment,
        domain=domain,
        source=source,
        controls=tuple(Control(what, _control(form, w)) for what, w in wrong.items()),
    )


def _control(form: Any, wrong: Callable[..., Any]) -> Callable[..., Any]:
    """A wrong form with the parameters of the right one."""
    signature = inspect.signature(form)

    def control(**parameters):
        return wrong(form, *signature.bind(**parameters).args)

    control.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return control


def times(factor: float) -> Callable[..., Any]:
    """The form with a factor in front."""
    return lambda f, *given: factor * f(*given)


def other(form: Callable[..., Any]) -> Callable[..., Any]:
    """Another form in place of the right one."""
    return lambda f, *given: form(*given)


def independent(f, a, b, c, *extra):
    """As if the covariance were 0."""
    return f(a, b, 0 * c, *extra)


def opposite(f, a, b, c, *extra):
    """The covariance with the other sign."""
    return f(a, b, -c, *extra)


def doubled(f, a, b, c, *extra):
    """Variances and covariance twice as large."""
    return f(2 * a, 2 * b, 2 * c, *extra)


def correlation(f, a, b, c):
    """The correlation; 0 where a variance is."""
    square = a * b
    return jnp.clip(c / jnp.sqrt(jnp.where(square > 0, square, 1)), -1, 1)
