r"""The exponential and the Gaussian.

$$e^{\mu z}:\quad \hat\phi = e^{\mu^2(a+b+2c)/2}, \qquad \widehat{\phi'} = \mu^2\hat\phi, \tag{1}$$
$$e^{-\mu z^2}:\quad \hat\phi = D^{-1/2}, \qquad \widehat{\phi'} = 4\mu^2c\,D^{-3/2}, \qquad
  D = (1+2\mu a)(1+2\mu b) - 4\mu^2c^2. \tag{2}$$

Reference: Daniely, Frostig & Singer (2016), arXiv:1602.05897, for the exponential; Williams (1997)
for the Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.activation import Activation, parameter
from theorylab.ntk.activations.regular import Regular
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import Regularised


@dataclass(frozen=True)
class Exponential(Activation):
    """`exp(rate * z)`, Eq. (1)."""

    rate: float = 1.0

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        value = xp.exp(self.rate**2 * ((a + b) / 2 + c))
        return value, self.rate**2 * value


@dataclass(frozen=True)
class Gaussian(Regular):
    """`exp(-decay * z^2)`, Eq. (2); `decay > 0`."""

    decay: float = 1.0

    def _unit(self) -> float:
        return 2 * self.decay

    def _of(self, xp: Any, a: Array, c: Array, b: Array, at: Regularised) -> tuple[Array, Array]:
        root, (left, right) = xp.sqrt(at.determinant), at.root
        slope = at.correlation / root**3 / at.left / at.right
        return 1 / root / left / right, 2 * self.decay * slope


def exponential(rate: float = 1.0) -> Exponential:
    """`exp(rate * z)`."""
    return Exponential(parameter("rate", rate))


def gaussian(decay: float = 1.0) -> Gaussian:
    """`exp(-decay * z^2)`."""
    return Gaussian(parameter("decay", decay, positive=True))
