"""Gradients of two kernels of ReLU features where formulas in the arccosine fail.

The kernels are E[(u.z)_+ (v.z)_+], and the tangent kernel of two layers, which adds
u.v P(u.z > 0, v.z > 0). Errors are relative to the exact gradient in u, or to |v| where
it is 0; a gradient of a kink is the mean of the slopes that meet there.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

from analytic import arc_cosine, neural_tangent

__all__ = ["measured"]

SERVER = Path(__file__).parents[1] / "peers" / "gradients_neural_tangents.py"
DIGITS = 50
KERNELS = ("product", "tangent")
FIRST, SIDE = np.array([0.3, -1.0, 2.0]), np.array([2.0, 0.0, -0.3])


def points() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs u, v by the name of their position, in float32."""
    size = np.linalg.norm(FIRST)
    side = SIDE / np.linalg.norm(SIDE) * size

    def turned(angle: float) -> np.ndarray:
        return np.cos(angle) * FIRST + np.sin(angle) * side

    zero = np.zeros(3)
    found = {
        "u = v": (FIRST, FIRST),
        "u = 2v": (2 * FIRST, FIRST),
        "theta = 1e-4": (turned(1e-4), FIRST),
        "theta = 1": (turned(1.0), FIRST),
        "pi - theta = 1e-3": (turned(np.pi - 1e-3), FIRST),
        "pi - theta = 1e-5": (turned(np.pi - 1e-5), FIRST),
        "u = -v": (-FIRST, FIRST),
        "u = 0": (zero, FIRST),
        "u = v = 0": (zero, zero),
        "norms of 1e-12": (1e-12 * turned(1.0), 1e-12 * FIRST),
    }
    return {
        name: (
            np.asarray(u, np.float32),
            np.asarray(v, np.float32),
        )  # The same points in both precisions.
        for name, (u, v) in found.items()
    }


def exact(kernel: str, u: np.ndarray, v: np.ndarray) -> list[Any]:
    """The gradient in u; in a zero vector 0, as differentiating the units gives."""
    x, y = ([mpmath.mpf(float(e)) for e in vector] for vector in (u, v))
    length, other = mpmath.norm(x), mpmath.norm(y)
    if not length or not other:
        return [mpmath.mpf(0)] * len(x)
    unit = [e / length for e in x]
    cosine = max(-1, min(1, mpmath.fdot(unit, y) / other))
    across = [b / other - cosine * a for a, b in zip(unit, y, strict=True)]
    sine = mpmath.norm(across)
    gap = mpmath.atan2(sine, -cosine)
    found = [
        (other * sine * a + gap * b) / (2 * mpmath.pi)
        for a, b in zip(unit, y, strict=True)
    ]
    if kernel == "tangent":
        # The slope of the angle; at a kink the mean of opposite ones.
        turn = mpmath.fdot(x, y) / (2 * mpmath.pi * length)
        steep = [turn * c / sine if sine > 1e-30 else 0 for c in across]
        found = [
            p + gap / (2 * mpmath.pi) * b + c
            for p, b, c in zip(found, y, steep, strict=True)
        ]
    return found


def ours(kernel: str) -> Callable[..., Any]:
    """The closed form."""
    if kernel == "tangent":
        return neural_tangent.both_layers
    return lambda u, v: arc_cosine.kernel(u, v, 1) / 2


def naive(kernel: str) -> Callable[..., Any]:
    """As the formulas are printed, the cosine clipped so that values are finite."""

    def form(u, v):
        norms = jnp.linalg.norm(u) * jnp.linalg.norm(v)
        cosine = jnp.clip(u @ v / norms, -1, 1)
        theta = jnp.arccos(cosine)
        angular = jnp.sin(theta) + (jnp.pi - theta) * cosine
        value = norms * angular / (2 * jnp.pi)
        shared = u @ v * (jnp.pi - theta) / (2 * jnp.pi)
        return value + shared if kernel == "tangent" else value

    return form


def error(found: np.ndarray, kernel: str, u: np.ndarray, v: np.ndarray) -> float | None:
    """Relative error of a gradient; None if it is not finite."""
    if not np.isfinite(found).all():
        return None
    with mpmath.workdps(DIGITS):
        truth, length = exact(kernel, u, v), mpmath.norm([float(e) for e in v])
        size = mpmath.norm(truth)
        if size <= mpmath.mpf(10) ** -30 * length:  # 0, but for the digits of pi
            truth, size = [mpmath.mpf(0)] * len(truth), length or mpmath.mpf(1)
        gaps = [mpmath.mpf(float(a)) - b for a, b in zip(found, truth, strict=True)]
        return float(f"{float(mpmath.norm(gaps) / size):.2g}")


def measured(peer: str | None, stored: dict[str, Any]) -> dict[str, Any]:
    """Errors by kernel, method and position; None for a gradient that is not finite.

    Args:
        peer: A Python that has neural-tangents, or None.
        stored: What was measured before, from which its part is kept without `peer`.
    """
    pairs = points()
    u, v = (np.stack(side) for side in zip(*pairs.values(), strict=True))
    found: dict[str, Any] = {}
    for kernel in KERNELS:
        rows: dict[str, Any] = {}
        for dtype in ("float32", "float64"):
            for name, form in (("ours", ours(kernel)), ("arccos", naive(kernel))):
                with jax.enable_x64(dtype == "float64"):
                    given = jnp.asarray(u, dtype), jnp.asarray(v, dtype)
                    # Not compiled, so that equal inputs have equal directions.
                    slopes = jax.vmap(jax.grad(form))(*given)
                    second = jax.vmap(jax.hessian(form))(*given)
                rows[f"{name} {dtype}"] = _errors(np.asarray(slopes), kernel, pairs)
                finite = np.isfinite(second).all(axis=(1, 2))
                rows[f"{name} {dtype}, second"] = dict(
                    zip(pairs, finite.tolist(), strict=True)
                )
        name = "neural-tangents float32"
        if peer is not None:
            rows[name] = _errors(_served(peer, kernel, u, v), kernel, pairs)
        elif name in stored.get(kernel, {}):
            rows[name] = stored[kernel][name]
        found[kernel] = rows
    return found


def _errors(slopes: np.ndarray, kernel: str, pairs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: error(slope, kernel, *pair)
        for slope, (name, pair) in zip(slopes, pairs.items(), strict=True)
    }


def _served(peer: str, kernel: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Gradients of neural-tangents, from its own environment."""
    name = {"product": "nngp", "tangent": "ntk"}[kernel]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.json"
        path.write_text(json.dumps([u.tolist(), v.tolist()]))
        answer = subprocess.run(
            [peer, str(SERVER), name, str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
    return np.array(json.loads(answer.stdout), np.float32)
