"""Bounds on the settings of claims."""

from __future__ import annotations

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.arrays import whole_number


def within(low: float, high: float, **values: float) -> None:
    """Refuse what is not above `low` and at most `high`, naming it."""
    for name, value in values.items():
        if not low < value <= high:
            raise ValueError(f"`{name}` must be > {low:g} and <= {high:g}; got {value:g}")


def network(modulus: int, width: int) -> None:
    """Refuse an even modulus and networks without neurons."""
    odd_modulus(modulus)
    whole_number("width", width, 1)
