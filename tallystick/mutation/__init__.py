"""Mutation: whether a check would notice that its formula is wrong.

Wrong variants of the closed form are made in its program and judged with the draws that
a check takes. A mutant is killed if the check refuses it. Those that survive show what
AGREE does not exclude.
"""

from tallystick.mutation.mutating import MOST, Mutator, mutate, mutate_claim
from tallystick.mutation.report import Mutant, Mutation, Status

__all__ = [
    "MOST",
    "Mutant",
    "Mutation",
    "Mutator",
    "Status",
    "mutate",
    "mutate_claim",
]
