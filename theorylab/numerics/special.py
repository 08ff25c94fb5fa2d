r"""Special functions in the operations of the array API standard.

They serve every array library, float width and JAX transformation with one body; SciPy's serve
NumPy alone, and JAX's `hyp2f1` has no reverse-mode derivative.

The integrals behind power-law relaxation, for $c > 0$, are the incomplete Beta function with
second parameter zero and its alternating companion:

$$B(x; c, 0) = \int_0^x \frac{y^{c-1}}{1-y}\,dy = \sum_{k\ge0} \frac{x^{c+k}}{c+k}, \tag{1}$$
$$A(x; c) = \int_0^x \frac{y^{c-1}}{1+y}\,dy = \frac{x^c}{c\,(1+x)}\sum_{k\ge0}
    \frac{k!}{(c+1)_k}\Big(\frac{x}{1+x}\Big)^k. \tag{2}$$
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from theorylab.numerics.annotations import Array, Float

# At x <= 1/2 the tail of either series after 56 terms is below 2^-56 of its sum.
_TERMS = 56


def incomplete_beta(
    xp: Any, log_x: Float[Array, "*batch"], log_complement: Float[Array, "*batch"], c: float
) -> Float[Array, "*batch"]:
    """`B(x; c, 0)`, Eq. (1), for `c >= 1`.

    Arguments:
        log_x, log_complement: `ln x` and `ln(1 - x)`, which keep their digits at both ends of
            `0 < x < 1`; of the array library `xp`.
        c: the first parameter, a Python number.

    Up to 1/2 the series (1); beyond, `-ln(1 - x)` plus a power series in `1 - x`.
    """
    small, large, constant = _incomplete_beta_series(c)
    x, complement = xp.exp(log_x), xp.exp(log_complement)
    first, half = x <= 0.5, xp.full_like(x, 0.5)
    near_zero, near_one = xp.where(first, x, half), xp.where(first, half, complement)
    below = xp.exp(c * log_x) * _horner(small, near_zero)
    above = constant - log_complement + near_one * _horner(large, near_one)
    return xp.where(first, below, above)


@lru_cache(maxsize=256)
def _incomplete_beta_series(c: float) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Coefficients of (1) in x, of its regular part in 1 - x, and the constant of the latter.

    With `w = 1 - x`, the regular part is the integral over w of `(1 - (1 - w)^(c-1)) / w`, and
    `binom` runs through the binomial coefficients of `(1 - w)^(c-1)`, signs included.
    """
    small = tuple(1 / (c + k) for k in range(_TERMS))
    large, binom = [], 1.0
    for k in range(1, _TERMS + 1):
        binom *= -(c - k) / k
        large.append(-binom / k)
    half = math.fsum(0.5**k * a for k, a in enumerate(small)) * 0.5**c
    regular = math.fsum(0.5 ** (k + 1) * a for k, a in enumerate(large))
    return small, tuple(large), half - math.log(2) - regular


def alternating_incomplete_beta(
    xp: Any, x: Float[Array, "*batch"], c: float
) -> Float[Array, "*batch"]:
    """`A(x; c)`, Eq. (2), for `0 <= x <= 1` and `c > 0`, a Python number."""
    terms, term = [], 1 / c
    for k in range(_TERMS):
        terms.append(term)
        term *= (k + 1) / (c + 1 + k)
    return x**c / (1 + x) * _horner(tuple(terms), x / (1 + x))


def box_cox(xp: Any, log_x: Float[Array, "*batch"], power: float) -> Float[Array, "*batch"]:
    """`(x^power - 1) / power`, the integral of `y^(power-1)` from 1; `ln x` at `power = 0`."""
    return xp.expm1(power * log_x) / power if power else log_x


def softplus(xp: Any, z: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """`ln(1 + e^z)`."""
    return xp.logaddexp(xp.zeros_like(z), z)


def _horner(coefficients: tuple[float, ...], x: Array) -> Array:
    total = 0 * x + coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total
