"""Simple constants, recognized within an error bar, and numbers with their errors."""

import math

__all__ = ["constant_name", "with_error"]

_RATIONAL = {
    f"{top}/{bottom}" if bottom > 1 else str(top): top / bottom
    for bottom in (1, 2, 3, 4, 6, 8)
    for top in (1, 2, 3, 4, 6, 8)
    if math.gcd(top, bottom) == 1 and top != bottom
}
_IRRATIONAL = {
    "pi": math.pi,
    "2 pi": 2 * math.pi,
    "pi/2": math.pi / 2,
    "sqrt(2)": math.sqrt(2),
    "sqrt(pi)": math.sqrt(math.pi),
    "sqrt(2 pi)": math.sqrt(2 * math.pi),
    "sqrt(pi/2)": math.sqrt(math.pi / 2),
    "10": 10.0,
}
_NAMED = {
    **_RATIONAL,
    **_IRRATIONAL,
    **{f"1/({name})": 1 / value for name, value in _IRRATIONAL.items()},
}


def constant_name(value: float, error: float) -> str:
    """The one simple constant within three errors of a value, with its sign, or "".

    A value that is known to less than one percent could be almost anything.
    """
    if 3 * error > 0.01 * abs(value):
        return ""
    sign = "-" if value < 0 else ""
    inside = [
        name
        for name, constant in _NAMED.items()
        if abs(abs(value) - constant) <= 3 * error + 1e-9 * constant
    ]
    if abs(abs(value) - 1) <= 3 * error:
        inside.append("1")
    return sign + inside[0] if len(inside) == 1 else ""


def with_error(value: float, error: float) -> str:
    """A number with its standard error in the last digits, as in 0.5000(2)."""
    if not (error > 0 and math.isfinite(error) and math.isfinite(value)):
        return f"{value:.6g}"
    digits = -math.floor(math.log10(error))
    if digits < 0 or digits > 12:
        return f"{value:.4g} +- {error:.1g}"
    last = round(error * 10**digits)
    if last == 10:
        digits, last = digits - 1, 1
    return f"{value:.{max(digits, 0)}f}({last})"
