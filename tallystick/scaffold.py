"""`tallystick new`: the four files of a new result, from a worked template."""

import re
from pathlib import Path

from tallystick.errors import TallystickError

__all__ = ["write_files"]

_ANALYTIC = '''"""{title}: one line that says what the quantity is.

Two to five lines of theory: the model, the symbols, the limit. The example below is the
mean of the larger of two correlated normal numbers; replace it by your result.

Source: Authors, "Title", venue year, section or equation.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["{result}"]


def {result}(x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
    """E max(w . x, w . y) = |x - y| / sqrt(2 pi) for w ~ N(0, I).

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.

    Returns:
        The mean, to a few ulp of itself.

    Degenerate cases:
        Equal vectors give 0.

    Raises:
        ValueError: `x` and `y` are not vectors alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {{x.shape=}}, {{y.shape=}}")
    return jnp.linalg.norm(x - y) / jnp.sqrt(2 * jnp.pi).astype(x.dtype)
'''

_EMPIRICAL = '''"""{title}, measured: what is drawn, in the original dimension.

The twin of `analytic.{topic}`: the same names and parameters, then the noise. It
imports nothing of it and shares no derivation with it.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from empirical.montecarlo import Normal, expectation

__all__ = ["{result}"]


@expectation(weight=Normal("d"))
def {result}(
    x: Float[Array, " d"], y: Float[Array, " d"], *, weight: Float[Array, " d"]
) -> Float[Array, ""]:
    """The larger of two projections on one random vector.

    Args:
        x: First vector.
        y: Second vector, of the length and dtype of `x`.
        weight: Noise: standard normal.

    Returns:
        One draw. Its mean over `weight` is the analytic value.

    Degenerate cases:
        Equal vectors give w . x, whose mean is 0.

    Raises:
        ValueError: `x` and `y` are not vectors alike.
    """
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be vectors alike, got {{x.shape=}}, {{y.shape=}}")
    return jnp.maximum(x @ weight, y @ weight)
'''

_CLAIM = '''"""Claims about {title_lower}."""

from analytic import {topic} as analytic
from empirical import {topic} as empirical
from tallystick import Axis, Claim, Control, Domain, Vector

__all__ = ["CLAIMS"]

CLAIMS = (
    Claim(
        "{name}",
        statement="E max(w.x, w.y) = |x - y| / sqrt(2 pi), w ~ N(0, I)",
        analytic=analytic.{result},
        empirical=empirical.{result},
        # Two vectors on one axis are also drawn parallel, opposite and orthogonal.
        domain=Domain(x=Vector("d"), y=Vector("d"), d=Axis(5, 1)),
        source="Authors year, equation",
        # Wrong forms that must be refused: proof that the check can fail.
        controls=(
            Control("no square root", lambda x, y: analytic.{result}(x, y) ** 2),
            Control("x + y for x - y", lambda x, y: analytic.{result}(x, -y)),
        ),
    ),
)
'''

_TEST = """import jax
import jax.numpy as jnp
import mpmath
import pytest
from accuracy import DIGITS, ulps

from analytic import {topic}
from claims.{topic} import CLAIMS  # noqa: F401  # Collected by the pytest plugin.


def test_equals_the_defining_integral():
    x, y = jnp.array([1.0, 2.0]), jnp.array([0.5, -1.0])
    with mpmath.workdps(DIGITS):  # max(a, b) = (a + b + |a - b|) / 2, a - b ~ N(0, s^2)
        s = mpmath.norm([mpmath.mpf(float(v)) for v in x - y])
        exact = mpmath.quad(lambda z: abs(s * z) / 2 * mpmath.npdf(z), [-20, 0, 20])
    assert ulps({topic}.{result}(x, y), exact, exact) <= 4  # Worst seen: 1.


def test_equal_vectors_give_zero():
    x = jnp.array([1.0, 2.0])
    assert {topic}.{result}(x, x) == 0


def test_gradient_is_the_derivative():
    x, y = jnp.array([1.0, 2.0]), jnp.array([0.5, -1.0])
    found = jax.grad({topic}.{result})(x, y)
    expected = (x - y) / jnp.linalg.norm(x - y) / jnp.sqrt(2 * jnp.pi)
    assert jnp.allclose(found, expected, rtol=1e-5)


def test_rejects_vectors_that_are_not_alike():
    with pytest.raises(ValueError, match=r"x and y must be vectors alike, got"):
        {topic}.{result}(jnp.ones(2), jnp.ones(3))
"""

_FILES = {
    "analytic/{topic}.py": _ANALYTIC,
    "empirical/{topic}.py": _EMPIRICAL,
    "claims/{topic}.py": _CLAIM,
    "tests/test_{topic}.py": _TEST,
}


def write_files(root: Path, name: str) -> list[Path]:
    """Write the four files of a new topic with one worked result.

    Args:
        root: Folder that holds analytic/, empirical/, claims/ and tests/.
        name: The topic and its first result, as in "pooling.maximum_mean".

    Returns:
        The files written.

    Raises:
        TallystickError: The name is not of this form, a folder is missing, or a file
            exists: nothing is overwritten, and nothing is written then.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", name):
        raise TallystickError(
            "a name must be a topic and a result in small letters, such as"
            f" pooling.maximum_mean, got {name!r}"
        )
    topic, _, result = name.partition(".")
    title = topic.replace("_", " ").capitalize()
    paths = {root / place.format(topic=topic): text for place, text in _FILES.items()}
    for path in paths:
        if not path.parent.is_dir():
            raise TallystickError(f"there is no folder {path.parent}: give --root")
        if path.exists():
            raise TallystickError(
                f"{path} exists: add the result to the topic's four files by hand"
            )
    for path, text in paths.items():
        path.write_text(
            text.format(
                topic=topic,
                result=result,
                name=name,
                title=title,
                title_lower=title.lower(),
            )
        )
    return list(paths)
