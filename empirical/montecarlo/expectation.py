"""An expectation: a function of parameters and noise, with the laws of its noise."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from empirical.montecarlo.laws import Law
from empirical.montecarlo.names import NoiseError, axis_lengths, parameter_names

__all__ = ["Estimate", "Expectation", "NoiseError", "expectation"]


@dataclass(frozen=True)
class Estimate:
    """A measured mean.

    Attributes:
        mean: The mean, of the shape of one value of the integrand.
        standard_error: Standard error of each entry; 0 if the mean is exact.
        skewness: Skewness of one draw, per entry; nan if the draws were not
            independent.
        draws: How many draws were averaged, or outcomes summed.
        exact: Whether nothing was sampled: all outcomes of discrete noise were summed,
            or a quadrature rule has converged.
        method: How it was measured, in words; where fewer draws were needed than of
            independent ones, how many times fewer.
    """

    mean: np.ndarray
    standard_error: np.ndarray
    skewness: np.ndarray
    draws: int
    exact: bool
    method: str


class Expectation:
    """A deterministic function of parameters and one draw of noise, and the laws.

    Calling it evaluates the function on one draw. The engine draws and averages.

    Args:
        integrand: The function. Its value is one draw.
        laws: The law of each parameter of the integrand that is noise.

    Raises:
        NoiseError: A law is not a `Law`, names no parameter of the integrand, or
            depends on a parameter that the integrand lacks.
    """

    def __init__(self, integrand: Callable[..., Any], laws: Mapping[str, Law]):
        if not callable(integrand):
            raise NoiseError(f"integrand must be a function, got {integrand!r}")
        functools.update_wrapper(self, integrand)
        self.integrand = integrand
        self.laws = dict(laws)
        self.name = getattr(integrand, "__name__", "integrand")
        names = parameter_names(integrand)
        for noise, law in self.laws.items():
            if not isinstance(law, Law):
                raise NoiseError(
                    f"the law of {noise!r} must be one of Normal, Uniform,"
                    f" Rademacher, Bernoulli, Sphere, Categorical, Permutation or Key,"
                    f" got {law!r}"
                )
            if noise not in names:
                raise NoiseError(
                    f"{self.name} has no parameter {noise!r} to be noise: it takes"
                    f" ({', '.join(names)})"
                )
        self.parameters = tuple(n for n in names if n not in self.laws)
        for noise, law in self.laws.items():
            for setting in filter(callable, law.settings):
                unknown = set(parameter_names(setting)) - set(self.parameters)
                if unknown:
                    raise NoiseError(
                        f"the law of {noise!r} depends on {sorted(unknown)}, which are"
                        f" no parameters of {self.name} ({', '.join(self.parameters)})"
                    )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the integrand on one draw of the noise."""
        return self.integrand(*args, **kwargs)

    def __repr__(self) -> str:
        laws = ", ".join(f"{name}={law}" for name, law in self.laws.items())
        return f"expectation({self.name}, {laws})"

    @property
    def signature(self) -> inspect.Signature:
        """The parameters that are not noise."""
        full = inspect.signature(self.integrand)
        kept = [p for n, p in full.parameters.items() if n in self.parameters]
        return full.replace(parameters=kept)

    def noise_shapes(self, parameters: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Shape of one draw of each noise variable, at given parameters.

        Raises:
            NoiseError: A law has an axis that no parameter has.
        """
        lengths = axis_lengths(self.integrand, parameters)
        shapes = {}
        for noise, law in self.laws.items():
            missing = [a for a in law.axes if isinstance(a, str) and a not in lengths]
            if missing:
                raise NoiseError(
                    f"axis {missing[0]!r} of the noise {noise!r} must be an axis of a"
                    f" parameter of {self.name}, got only {sorted(lengths)}: annotate"
                    f' one, as in x: Float[Array, " {missing[0]}"], or give a number'
                )
            shapes[noise] = tuple(
                lengths[a] if isinstance(a, str) else a for a in law.axes
            )
        return shapes

    def estimate(
        self,
        *,
        key: int = 0,
        draws: int = 2**20,
        method: str = "auto",
        **parameters: Any,
    ) -> Estimate:
        """Mean of the integrand at one point, in double precision.

        Args:
            key: Seed of the noise; the same seed gives the same answer.
            draws: How many draws, rounded up to whole blocks, if the mean is sampled.
            method: "exact": discrete noise with few outcomes is summed, and a function
                that depends on its normal numbers through few directions is integrated,
                between kinks in a plane if it has any. "auto": exact if that can be,
                else what takes the fewest draws by a pilot. "plain": independent draws.
                Or a name of `empirical.montecarlo.quasi.METHODS`.
            parameters: The integrand's parameters, by name.

        Raises:
            NoiseError: A parameter is missing or unknown, or the method is, or the
                noise does not allow it.
        """
        # Imported here: both need this class.
        from empirical.montecarlo.evaluate import Layout
        from empirical.montecarlo.exact import exact_mean
        from empirical.montecarlo.quasi import Estimator
        from empirical.montecarlo.sampler import Sampler, stream_key

        if set(parameters) != set(self.parameters):
            raise NoiseError(
                f"parameters of {self.name} must be ({', '.join(self.parameters)}),"
                f" got ({', '.join(parameters)})"
            )
        static = {n: v for n, v in parameters.items() if not is_array_like(v)}
        points = {
            n: np.asarray(v, dtype=as_double(v))[None]
            for n, v in parameters.items()
            if n not in static
        }
        sampler = Sampler(Layout(self, points, static), points, directions=0)
        if method in ("auto", "exact"):
            exact = exact_mean(sampler, stream_key(key))
            if exact is not None:
                mean = exact.mean[0].reshape(sampler.value_shape)
                zero = np.zeros_like(mean)
                return Estimate(mean, zero, zero, exact.evaluations, True, exact.method)
            if method == "exact":
                raise NoiseError(
                    f"the mean of {self.name} can be neither summed over outcomes nor"
                    " integrated along few directions: its method cannot be 'exact'"
                )
        shape = sampler.value_shape
        if method != "plain":
            pilot = stream_key(key, "pilot")
            estimator = Estimator(sampler.layout, points, pilot, sampler=sampler)
            found = estimator.estimate(stream_key(key), draws, method)
            return Estimate(
                found.mean[0].reshape(shape),
                found.standard_error[0].reshape(shape),
                np.full(shape, np.nan),
                found.draws,
                exact=False,
                method=found.text,
            )
        moments = sampler.moments(stream_key(key), draws)
        return Estimate(
            moments.mean[0].reshape(shape),
            moments.standard_error[0].reshape(shape),
            moments.skewness[0].reshape(shape),
            moments.count,
            exact=False,
            method="independent draws",
        )


def expectation(integrand: Callable[..., Any] | None = None, /, **laws: Law) -> Any:
    """Declare the laws of an integrand's noise: as a decorator, or of a given function.

    `expectation(f, x=Normal(8))` and `@expectation(x=Normal(8))` give an `Expectation`.
    """
    if integrand is None:
        return lambda function: Expectation(function, laws)
    return Expectation(integrand, laws)


def is_array_like(value: Any) -> bool:
    """Whether a parameter is data (array or float), not a static int, bool or str."""
    if isinstance(value, (bool, int, str)) or value is None:
        return False
    try:
        return np.asarray(value).dtype.kind in "fciub"
    except ValueError:
        return False


def as_double(value: Any) -> np.dtype:
    """The dtype that a parameter has inside the engine: floats become double."""
    kind = np.asarray(value).dtype
    return np.dtype(np.float64) if kind.kind == "f" or kind.name == "bfloat16" else kind
