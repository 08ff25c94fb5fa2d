"""Bounds on the settings of claims."""

from __future__ import annotations

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.arrays import whole_number


def network(modulus: int, width: int) -> None:
    """Refuse an even modulus and networks without neurons."""
    odd_modulus(modulus)
    whole_number("width", width, 1)
