r"""Activations of one slope below zero and another above: ReLU, leaky ReLU, the absolute value.

With slopes $\alpha$ and $\gamma$, mean $s = (\alpha+\gamma)/2$ and half difference
$h = (\gamma-\alpha)/2$, and the arc-cosine kernels of `theorylab.numerics.arc_cosine`,

$$\hat\phi = \sqrt{ab}\,\big[s^2\rho + h^2(2\kappa_1(\rho) - \rho)\big], \qquad
  \widehat{\phi'} = s^2 + h^2(2\kappa_0(\rho) - 1). \tag{1}$$

At $\rho=1$ they are $a(\alpha^2+\gamma^2)/2$ and $(\alpha^2+\gamma^2)/2$. The second has a cusp
there, $1 - \kappa_0 \approx \sqrt{2(1-\rho)}/\pi$: as a function of one input, a tangent kernel of
ReLU has a kink at the other one. Autodiff takes the derivative 0 there.

At equal variances the gap of the correlation is known without cancellation,

$$1 - \hat\phi/\hat\phi(1) = \frac{s^2(1-\rho) + h^2g}{s^2+h^2}, \qquad
  g = (1-\cos x) - \tfrac2\pi(\sin x - x\cos x), \quad x = \min(\theta, \pi-\theta), \tag{2}$$

for the angle $\theta = \arccos\rho$, and $1 + \hat\phi/\hat\phi(1)$ with $1+\rho$ and $2-g$.

Reference: Cho & Saul (2009), Kernel methods for deep learning, Eq. (1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.activation import Activation, parameter
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import arc_cosine_kernels, correlation


@dataclass(frozen=True)
class Slopes(Activation):
    """`negative * z` for `z < 0` and `positive * z` for `z > 0`, Eq. (1)."""

    negative: float
    positive: float
    homogeneous = True

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        s2 = ((self.positive + self.negative) / 2) ** 2
        h2 = ((self.positive - self.negative) / 2) ** 2
        scale, rho = correlation(xp, a, c, b)
        if not h2:
            return s2 * c, xp.full_like(c, s2)
        k0, k1 = arc_cosine_kernels(xp, rho)
        return s2 * c + h2 * (2 * scale * k1 - c), s2 + h2 * (2 * k0 - 1)

    def _moments(self, xp: Any, a: Array) -> tuple[Array, Array]:
        square = (self.negative**2 + self.positive**2) / 2
        return square * a, xp.full_like(a, square)

    def _duals_by_gaps(self, xp: Any, a: Array, minus: Array, plus: Array) -> tuple[Array, ...]:
        s2 = ((self.positive + self.negative) / 2) ** 2
        h2 = ((self.positive - self.negative) / 2) ** 2
        below, above = xp.sqrt(minus), xp.sqrt(plus)
        x = 2 * xp.atan2(xp.minimum(below, above), xp.maximum(below, above))
        g = xp.minimum(minus, plus) - 2 / math.pi * (xp.sin(x) - x * xp.cos(x))
        value = a * (s2 * (plus - minus) / 2 + h2 * (1 - g))
        derivative = s2 + h2 * (1 - 2 / math.pi * x) * xp.where(minus < plus, 1.0, -1.0)
        gaps = ((s2 * minus + h2 * g) / (s2 + h2), (s2 * plus + h2 * (2 - g)) / (s2 + h2))
        return value, derivative, *gaps


relu = Slopes(0.0, 1.0)
absolute = Slopes(-1.0, 1.0)
identity = Slopes(1.0, 1.0)


def leaky_relu(slope: float = 0.01) -> Slopes:
    """`z` for `z > 0`, and `slope * z` below."""
    return Slopes(parameter("slope", slope), 1.0)
