"""Noise as a pure function of a key and a counter: any number by itself, in any order.

`threefry` is the cipher, `normals` turns its words into normal numbers and `coins` into
bits, `streams` numbers the draws of a block.
"""

from empirical.montecarlo.noise.coins import (
    chance_of,
    coin_bits,
    coin_source,
    coin_words,
)
from empirical.montecarlo.noise.normals import (
    exact_normal,
    minus_log,
    normal_pair,
    normal_pair_fine,
    sine_of_turns,
)
from empirical.montecarlo.noise.streams import (
    NOISES,
    Block,
    Noise,
    first_rows,
    stream_key,
)
from empirical.montecarlo.noise.threefry import exact_bits, threefry2x32

__all__ = [
    "NOISES",
    "Block",
    "Noise",
    "chance_of",
    "coin_bits",
    "coin_source",
    "coin_words",
    "exact_bits",
    "exact_normal",
    "first_rows",
    "minus_log",
    "normal_pair",
    "normal_pair_fine",
    "sine_of_turns",
    "stream_key",
    "threefry2x32",
]
