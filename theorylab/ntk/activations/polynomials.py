r"""Polynomials.

$\phi(z) = \sum_m p_m z^m$ has the Hermite coefficients $a^{j/2}e_j(a)$ at variance $a$, so that

$$\hat\phi = \sum_j e_j(a)\,e_j(b)\,c^j, \qquad
  e_j(a) = \frac1{\sqrt{j!}}\sum_k \frac{(j+2k)!}{2^k\,k!}\,p_{j+2k}\,a^k, \tag{1}$$

an exact finite sum, without a root or a quotient of variances. $\widehat{\phi'}$ is its derivative
in $c$.

Reference: Daniely, Frostig & Singer (2016), arXiv:1602.05897.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.activation import Activation
from theorylab.numerics.annotations import Array


@dataclass(frozen=True)
class Polynomial(Activation):
    """`sum_m coefficients[m] * z^m`, Eq. (1)."""

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.coefficients or not all(map(math.isfinite, self.coefficients)):
            raise ValueError(
                f"`coefficients` must be finite numbers, one or more; got {self.coefficients}"
            )

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        value = derivative = 0 * (a + b + c)
        # Horner's rule in c; the derivative's runs along.
        for j in reversed(range(len(self.coefficients))):
            derivative = derivative * c + value
            value = value * c + self._hermite(j, a) * self._hermite(j, b)
        return value, derivative

    def _hermite(self, j: int, a: Array) -> Array:
        total = 0 * a
        for k in reversed(range((len(self.coefficients) - 1 - j) // 2 + 1)):
            count = math.factorial(j + 2 * k) // (2**k * math.factorial(k))
            total = total * a + count / math.sqrt(math.factorial(j)) * self.coefficients[j + 2 * k]
        return total


def polynomial(coefficients: Iterable[float]) -> Polynomial:
    """`sum_m coefficients[m] * z^m`, ascending powers."""
    return Polynomial(tuple(float(p) for p in coefficients))
