"""Claims: a closed form, its twin, and what is claimed about the pair."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from empirical.montecarlo import Expectation, NoiseError
from empirical.montecarlo.names import parameter_names
from tallystick.domain import Domain
from tallystick.errors import ClaimError, DomainError
from tallystick.forms import Form
from tallystick.formulas import as_form
from tallystick.relations import (
    Distribution,
    Exponent,
    Limit,
    Mean,
    Relation,
    as_relation,
)

__all__ = ["Claim", "Control", "Erratum", "shared_names"]


@dataclass(frozen=True)
class Control:
    """A plausible wrong closed form that the claim must refuse.

    Attributes:
        name: What is wrong with it.
        form: The wrong form; it takes the parameters of the closed form. Of a law it
            may be a distribution function or an experiment.
    """

    name: str
    form: Form


@dataclass(frozen=True)
class Erratum:
    """A form printed in a source that the claim refutes.

    Attributes:
        name: Number of the erratum.
        where: The place in the source.
        printed: The form as printed.
        corrected: What it should be.
        form: The printed form, as a function of the parameters of the closed form.
        at: The counterexample: a value for each parameter.
    """

    name: str
    where: str
    printed: str
    corrected: str
    form: Form
    at: Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """Two halves that should match, and where, in what sense and from which source.

    Attributes:
        name: Short id, dotted, as in "gate.mean".
        statement: The claim as a formula, in plain text.
        analytic: The closed form: a JAX function, a number or a SymPy expression; where
            the relation is a law also another experiment, see `Distribution`.
        empirical: Its twin: an `Expectation`, or a function if there is no noise.
        domain: One space for each parameter.
        source: Authors, title or venue, year, section or equation.
        relation: In what sense the halves match.
        controls: Wrong forms that must be refused; at least one.
        errata: Printed forms that are refuted.
        notes: Anything a reader should know: conventions, limits of the check.

    Raises:
        ClaimError: The halves are no twins, or the domain does not fit them.
    """

    name: str
    statement: str
    analytic: Form
    empirical: Expectation | Form
    domain: Domain
    source: str
    relation: Relation = field(default_factory=Mean)
    controls: tuple[Control, ...] = ()
    errata: tuple[Erratum, ...] = ()
    notes: str = ""

    def __post_init__(self):
        set_field = object.__setattr__  # Normalised once; frozen from here on.
        set_field(self, "relation", as_relation(self.relation))
        empirical = as_expectation(self.empirical)
        set_field(self, "empirical", empirical)
        set_field(self, "analytic", as_formula(self.analytic, empirical, self.relation))
        set_field(self, "controls", tuple(self.controls))
        set_field(self, "errata", tuple(self.errata))
        if not self.name or any(c.isspace() or c in "*?[]" for c in self.name):
            raise ClaimError(
                f"name must be a word such as 'gate.mean', got {self.name!r}"
            )
        if not self.controls:
            raise ClaimError(
                f"{self.name} must have a control, a wrong form that is refused:"
                " without one, agreement may only mean that the check cannot fail"
            )
        require_twins(self.name, self.analytic, empirical, self.relation)
        require_domain(self.name, self.analytic, self.domain, self.relation)
        for other in (*self.controls, *self.errata):
            require_same_parameters(
                f"{self.name}: {other.name}",
                other.form,
                self.parameters,
                self.relation,
            )
        for erratum in self.errata:
            if set(erratum.at) != set(self.parameters):
                raise ClaimError(
                    f"the counterexample of {erratum.name} must give"
                    f" ({', '.join(self.parameters)}), got ({', '.join(erratum.at)})"
                )
            try:
                self.domain.validate(erratum.at)
            except DomainError as error:
                raise ClaimError(
                    f"the counterexample of {erratum.name} must lie in the domain:"
                    f" {error}"
                ) from None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the shared parameters."""
        return shared_names(self.analytic, self.relation)

    @property
    def sizes(self) -> tuple[str, ...]:
        """Parameters of the twin alone: the size of a limit or of an exponent."""
        return _own_sizes(self.relation)

    def plot(self, along: str | None = None, **options: Any) -> Any:
        """Draw the claim along a slice of its domain; see `tallystick.figures.draw`."""
        from tallystick.figures import draw

        return draw(self, along, **options)


def as_expectation(empirical: Any) -> Expectation:
    """An expectation as it is; a function as an expectation without noise.

    Raises:
        ClaimError: It is neither.
    """
    if isinstance(empirical, Expectation):
        return empirical
    if not callable(empirical):
        raise ClaimError(
            "the empirical side must be an expectation or a function,"
            f" got {empirical!r}"
        )
    return Expectation(empirical, {})


def as_formula(formula: Any, empirical: Expectation, relation: Relation) -> Any:
    """A closed form as a function of the parameters that it shares with its twin.

    Raises:
        ClaimError: See `tallystick.formulas.as_form`.
    """
    sizes = _own_sizes(relation)
    return as_form(formula, [n for n in empirical.parameters if n not in sizes])


def shared_names(form: Form, relation: Relation) -> tuple[str, ...]:
    """The parameters of a closed form that a domain gives.

    A distribution function takes the value besides, an experiment its noise.

    Raises:
        ClaimError: The form is no form of this relation.
        NoiseError: It takes *args or **kwargs.
    """
    if isinstance(form, Expectation):
        if not isinstance(relation, Distribution):
            raise ClaimError(
                "the closed form must be a function, got an expectation; only the"
                " relation Distribution compares two experiments"
            )
        if not form.laws:
            raise ClaimError(f"{form.name} must have noise to have a law")
        return form.parameters
    if not callable(form):
        raise ClaimError(f"the closed form must be a function, got {form!r}")
    names = parameter_names(form)
    if not isinstance(relation, Distribution):
        return names
    if relation.argument not in names:
        raise ClaimError(
            f"a distribution function must take {relation.argument!r} for the value of"
            f" a draw, as in F({', '.join([*names, relation.argument])}), got"
            f" ({', '.join(names)}); Distribution(argument=...) gives it another name"
        )
    return tuple(n for n in names if n != relation.argument)


def _own_sizes(relation: Relation) -> tuple[str, ...]:
    return (relation.size,) if isinstance(relation, (Limit, Exponent)) else ()


def require_twins(
    name: str, analytic: Form, empirical: Expectation, relation: Relation
) -> None:
    """Refuse two halves whose parameters differ.

    Raises:
        ClaimError: With both lists of parameters, and what to do about it.
    """
    try:
        ours = shared_names(analytic, relation)
    except ClaimError as error:
        raise ClaimError(f"{name}: {error}") from None
    except (NoiseError, TypeError, ValueError) as error:
        raise ClaimError(f"{name}: the closed form: {error}") from None
    sizes = _own_sizes(relation)
    theirs = empirical.parameters
    if isinstance(relation, Distribution) and not empirical.laws:
        raise ClaimError(
            f"{name}: {empirical.name} must have noise to have a law: declare it, as in"
            f" expectation({empirical.name}, z=Normal(8))"
        )
    lacking = [size for size in sizes if size not in theirs]
    if lacking:
        raise ClaimError(
            f"{name}: {empirical.name} must take the size {lacking[0]!r},"
            f" got ({', '.join(theirs)})"
        )
    theirs = tuple(n for n in theirs if n not in sizes)
    missing = [n for n in ours if n not in theirs]
    if missing:
        raise ClaimError(
            f"{name}: the integrand {empirical.name} lacks the parameter"
            f" {missing[0]!r} of the formula: it takes ({', '.join(theirs)}) besides"
            f" its noise, the formula takes ({', '.join(ours)})"
        )
    extra = [n for n in theirs if n not in ours]
    if extra:
        raise ClaimError(
            f"{name}: the parameter {extra[0]!r} of {empirical.name} is neither a"
            f" parameter of the formula ({', '.join(ours)}) nor declared noise: declare"
            f" its law, as in expectation({empirical.name}, {extra[0]}=Normal(8))"
        )


def require_domain(
    name: str, analytic: Form, domain: Domain, relation: Relation
) -> None:
    """Refuse a domain that does not fit the closed form.

    Raises:
        ClaimError: With the parameters of both.
    """
    names = shared_names(analytic, relation)
    ours = set(names)
    for parameter in sorted(ours ^ set(domain.spaces)):
        kind = (
            "lacks a space for" if parameter in ours else "has a space for the unknown"
        )
        raise ClaimError(
            f"{name}: the domain {kind} parameter {parameter!r}: the formula takes"
            f" ({', '.join(names)}), the domain gives"
            f" ({', '.join(domain.spaces)}); each needs a law, a space or a"
            " constant, as in Normal(8), Scalar(0, 1), Angle()"
        )


def require_same_parameters(
    name: str, form: Form, parameters: tuple[str, ...], relation: Relation
) -> None:
    """Refuse a form whose parameters are not those given.

    Raises:
        ClaimError: With both lists.
    """
    if isinstance(relation, Distribution):
        # A law may be stated as a function or as an experiment: the order is free.
        theirs = shared_names(form, relation)
        same = sorted(theirs) == sorted(parameters)
    else:
        theirs = tuple(inspect.signature(form).parameters)
        same = theirs == parameters
    if not same:
        raise ClaimError(
            f"{name} must take ({', '.join(parameters)}), got ({', '.join(theirs)})"
        )
