"""The modulus of modular arithmetic."""

from __future__ import annotations

from theorylab.numerics.arrays import whole_number


def odd_modulus(modulus: int) -> int:
    """`p`, or the refusal of what is no odd whole number `>= 3`."""
    p = whole_number("modulus", modulus, 3)
    if p % 2 == 0:
        raise ValueError(f"`modulus` must be an odd integer >= 3; got {p}")
    return p


def prime_modulus(modulus: int) -> int:
    """`p`, or the refusal of what is no odd prime."""
    p = odd_modulus(modulus)
    factor = next((q for q in range(3, int(p**0.5) + 1, 2) if p % q == 0), None)
    if factor:
        raise ValueError(f"`modulus` must be prime here; got {p} = {factor} * {p // factor}")
    return p


def num_frequencies(modulus: int) -> int:
    """`K = (p - 1) / 2`: the frequencies are `1 ... K`."""
    return (odd_modulus(modulus) - 1) // 2
