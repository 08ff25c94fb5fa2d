r"""Sines and cosines.

For $\sin(wz + \omega)$,

$$\hat\phi = \tfrac12 e^{-w^2(a+b)/2}\big(e^{w^2c} - \cos2\omega\,e^{-w^2c}\big), \qquad
  \widehat{\phi'} = \tfrac12 w^2 e^{-w^2(a+b)/2}\big(e^{w^2c} + \cos2\omega\,e^{-w^2c}\big).
  \tag{1}$$

Both exponents together are negative, so that nothing overflows. At small variances the difference
of the exponentials is taken of what they are beyond 1.

Reference: Pearce, Tsuchida, Zaki, Brintrup & Neely (2019), arXiv:1905.06076.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.activation import Activation, parameter
from theorylab.numerics.annotations import Array


@dataclass(frozen=True)
class Wave(Activation):
    """`sin(frequency * z + phase)`, Eq. (1)."""

    frequency: float = 1.0
    phase: float = 0.0

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        w2, mirrored = self.frequency**2, math.cos(2 * self.phase)
        mean = w2 * (a + b) / 2
        near = mean < 0.5  # the two exponentials may cancel: there they are taken less 1
        one = lambda x: xp.where(near, xp.expm1(xp.where(near, x, 0 * x)), xp.exp(x))
        same, opposite = one(w2 * c - mean) / 2, mirrored * one(-w2 * c - mean) / 2
        rest = lambda constant: xp.where(near, constant + 0 * mean, 0 * mean)
        value = same - opposite + rest(math.sin(self.phase) ** 2)
        return value, w2 * (same + opposite + rest(math.cos(self.phase) ** 2))


def sine(frequency: float = 1.0, phase: float = 0.0) -> Wave:
    """`sin(frequency * z + phase)`."""
    return Wave(parameter("frequency", frequency), parameter("phase", phase))


def cosine(frequency: float = 1.0) -> Wave:
    """`cos(frequency * z)`."""
    return Wave(parameter("frequency", frequency), math.pi / 2)
