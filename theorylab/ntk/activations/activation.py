r"""What the kernels of an infinitely wide network know of an activation: its dual.

For $(u, v)$ jointly normal with mean 0, variances $a, b$ and covariance $c$,

$$\hat\phi(a, c, b) = \langle\phi(u)\,\phi(v)\rangle, \qquad
  \widehat{\phi'}(a, c, b) = \langle\phi'(u)\,\phi'(v)\rangle
  = \partial\hat\phi/\partial c. \tag{1}$$

The last equality (Price) holds for kinks as well; where the argument is multiplied, the dual of
$\phi(su)$ is $\hat\phi(s^2a, s^2c, s^2b)$ and its derivative's $s^2\,\widehat{\phi'}$.

Proof: `proofs/ntk/dual_activation.py`.
Reference: Daniely, Frostig & Singer (2016), arXiv:1602.05897; Price (1958), IRE Trans. Inf.
Theory 4, 69.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from theorylab.numerics.annotations import Array


class Activation:
    """An activation function, as its dual and the dual of its derivative, Eq. (1).

    A new one is a subclass with `_duals`; frozen dataclasses serve, for then two of the same
    parameters are equal. `homogeneous` says that `phi(tz) = t phi(z)` for `t > 0`, which makes
    kernels without bias functions of the angle between inputs.
    """

    homogeneous: bool = False

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        """Eq. (1) for arrays of the library `xp` that broadcast, with `c^2 <= ab`."""
        raise NotImplementedError

    def _moments(self, xp: Any, a: Array) -> tuple[Array, Array]:
        """`E phi(u)^2` and `E phi'(u)^2`: Eq. (1) at `u = v`, to be written where it cancels."""
        return self._duals(xp, a, a, a)

    def _duals_by_gaps(self, xp: Any, a: Array, minus: Array, plus: Array) -> tuple[Array, ...]:
        """Eq. (1) at equal variances `a`, and the gaps `1 - rho` and `1 + rho` before and after.

        Returns: both duals, and `1 -+` the correlation of `phi(u)` and `phi(v)`. Activations whose
            duals have a root at `rho = +-1` keep the digits of small gaps.
        """
        value, derivative = self._duals(xp, a, a * (plus - minus) / 2, a)
        square = self._moments(xp, a)[0]
        return value, derivative, (square - value) / square, (square + value) / square

    def dilated(self, scale: float) -> Activation:
        """The activation `phi(scale * z)`; `scale > 0`."""
        scale = parameter("scale", scale, positive=True)
        return self if scale == 1 else Dilated(self, scale)


def parameter(name: str, value: Any, *, positive: bool = False) -> float:
    """A number of an activation, finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number; got {value!r}")
    bound = "> 0" if positive else "finite"
    if not math.isfinite(value) or (positive and not value > 0):
        raise ValueError(f"`{name}` must be {bound}; got {value:g}")
    return float(value)


@dataclass(frozen=True)
class Dilated(Activation):
    """`phi(scale * z)`."""

    activation: Activation
    scale: float

    def dilated(self, scale: float) -> Activation:
        scale = parameter("scale", scale, positive=True)
        return self.activation.dilated(self.scale * scale)

    @property
    def homogeneous(self) -> bool:
        return self.activation.homogeneous

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        s2 = self.scale**2
        value, derivative = self.activation._duals(xp, s2 * a, s2 * c, s2 * b)
        return value, s2 * derivative

    def _moments(self, xp: Any, a: Array) -> tuple[Array, Array]:
        value, derivative = self.activation._moments(xp, self.scale**2 * a)
        return value, self.scale**2 * derivative

    def _duals_by_gaps(self, xp: Any, a: Array, minus: Array, plus: Array) -> tuple[Array, ...]:
        value, derivative, *gaps = self.activation._duals_by_gaps(
            xp, self.scale**2 * a, minus, plus
        )
        return value, self.scale**2 * derivative, *gaps
