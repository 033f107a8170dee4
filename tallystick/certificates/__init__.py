"""Certificates: bounds on the tails of integrands, read from their programs."""

from tallystick.certificates.bounds import (
    Bounded,
    Certificate,
    Lipschitz,
    Polynomial,
    VarianceBound,
    influence_scale,
    variance_above,
)
from tallystick.certificates.integrand import certify

__all__ = [
    "Bounded",
    "Certificate",
    "Lipschitz",
    "Polynomial",
    "VarianceBound",
    "certify",
    "influence_scale",
    "variance_above",
]
