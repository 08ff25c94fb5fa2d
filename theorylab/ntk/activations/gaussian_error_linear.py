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

from theorylab.ntk.activations.regular import Regular
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import Regularised


@dataclass(frozen=True)
class GaussianErrorLinear(Regular):
    """`z Phi(z)`, Eq. (1)."""

    def _unit(self) -> float:
        return 1.0

    def _of(self, xp: Any, a: Array, c: Array, b: Array, at: Regularised) -> tuple[Array, Array]:
        root, (left, right) = xp.sqrt(at.determinant), at.root
        Q = 1 / (2 * math.pi * root)  # q times the root of (1 + a)(1 + b)
        P = 0.25 + xp.atan2(at.correlation, root) / (2 * math.pi)
        share = a / at.left  # in Eq. (1), b + ab - c^2 over that root
        rest = share * (b / right / left + left * right * at.apart)
        value = c * P + Q * (rest + c * at.correlation / at.right)
        inverses = 1 / at.left + 1 / at.right + 1 / at.determinant / at.left / at.right
        return value, P + Q * at.correlation * inverses


gelu = GaussianErrorLinear()
