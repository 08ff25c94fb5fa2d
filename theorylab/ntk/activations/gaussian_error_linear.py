r"""The Gaussian error linear unit, $z\,\Phi(z)$ with the normal distribution function $\Phi$.

With $D = (1+a)(1+b) - c^2$ and $q = 1/(2\pi\sqrt D)$,

$$\hat\phi = cP + q\Big[\frac{a(b + ab - c^2)}{1+a} + \frac{c^2}{1+b}\Big], \qquad
  \widehat{\phi'} = P + qc\Big[\frac1{1+a} + \frac1{1+b} + \frac1D\Big], \tag{1}$$
$$P = \frac14 + \frac1{2\pi}\arctan\frac c{\sqrt D}. \tag{2}$$

$P$ is the probability $\langle\Phi(u)\Phi(v)\rangle$; the rest follows by Stein's lemma.

Reference: Tsuchida, Pearce, van der Heide, Roosta & Gallagher (2021), arXiv:2002.08517.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.activation import Activation
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import gram_determinant


@dataclass(frozen=True)
class GaussianErrorLinear(Activation):
    """`z Phi(z)`, Eq. (1)."""

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        determinant = gram_determinant(xp, a, c, b)
        D = 1 + a + b + determinant
        root = xp.sqrt(D)
        q = 1 / (2 * math.pi * root)
        P = 0.25 + xp.atan2(c, root) / (2 * math.pi)
        value = c * P + q * (a * (b + determinant) / (1 + a) + c * c / (1 + b))
        return value, P + q * c * (1 / (1 + a) + 1 / (1 + b) + 1 / D)


gelu = GaussianErrorLinear()
