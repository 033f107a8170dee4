"""Subjects: what can be drawn, a claim or any formula with its experiment."""

from dataclasses import dataclass

from empirical.montecarlo import Expectation
from tallystick.domain import Domain
from tallystick.forms import Form
from tallystick.relations import Relation

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """A formula and an experiment that are no claim; a `Claim` has the same attributes.

    Attributes:
        name: Title of the figure.
        statement: The formula in plain text; may be empty.
        analytic: The closed form.
        empirical: The experiment.
        domain: Where they are compared.
        relation: In what sense.
    """

    name: str
    statement: str
    analytic: Form
    empirical: Expectation
    domain: Domain
    relation: Relation
