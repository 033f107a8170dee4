"""Labels: names of parameters as a reader would write them, in plain Unicode text."""

from collections.abc import Mapping
from typing import Any
from unicodedata import lookup, name as called

import numpy as np

__all__ = ["MINUS", "held_text", "number", "power_of_ten", "quantity", "symbol"]

_NAMES = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota"),
    *("kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon"),
    *("phi", "chi", "psi", "omega"),
)
_SPELLED = {"lambda": "lamda"}  # As Unicode has it.
_GREEK = {
    name: lookup(f"Greek small letter {_SPELLED.get(name, name)}") for name in _NAMES
}
_GREEK |= {name.capitalize(): letter.upper() for name, letter in _GREEK.items()}
_BELOW = {ord(d): lookup(called(d).replace("DIGIT", "SUBSCRIPT")) for d in "0123456789"}
_ABOVE = {
    ord(d): lookup(called(d).replace("DIGIT", "SUPERSCRIPT")) for d in "0123456789"
}
_ABOVE[ord("-")] = "\N{SUPERSCRIPT MINUS}"
MINUS = "\N{MINUS SIGN}"
MOST_HELD = 110
"""Characters that say what is held fixed."""


def symbol(name: str) -> str:
    """A parameter's name: "theta" as the Greek letter, "x_1" with an index, or words.

    The number of a letter becomes an index, that of a word stays.
    """
    words: list[str] = []
    for word in name.split("_"):
        if words and word.isdigit() and _is_letter(words[-1]):
            words[-1] += word.translate(_BELOW)
        elif word:
            words.append(_word(word))
    return " ".join(words)


def _word(word: str) -> str:
    stem = word.rstrip("0123456789")
    letter = _GREEK.get(stem, stem)
    if not _is_letter(letter):
        return word
    return letter + word[len(stem) :].translate(_BELOW)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha()


def quantity(form: Any) -> str:
    """What a function returns, by its name."""
    name = getattr(form, "__name__", getattr(form, "name", "value"))
    return "value" if name == "<lambda>" else symbol(name)


def number(value: Any) -> str:
    """A value in a few characters."""
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "fi":
        return f"{array[()]:.3g}".replace("-", MINUS)
    return str(value)


def power_of_ten(power: int) -> str:
    """A power of ten with its exponent above."""
    return f"10{str(power).translate(_ABOVE)}"


def held_text(values: Mapping[str, Any]) -> str:
    """What is held fixed: "rate = 0.4, width = 2", cut where it grows too long."""
    pieces = [f"{symbol(n)} = {number(v)}" for n, v in values.items()]
    text = ", ".join(pieces)
    if len(text) <= MOST_HELD:
        return text
    while pieces and len(", ".join(pieces)) > MOST_HELD - 3:
        pieces.pop()
    return ", ".join([*pieces, "…"])
