r"""The error function.

$$\hat\phi = \frac2\pi\arcsin\frac{2c}{\sqrt{(1+2a)(1+2b)}}, \qquad
  \widehat{\phi'} = \frac4\pi\big((1+2a)(1+2b) - 4c^2\big)^{-1/2}. \tag{1}$$

Reference: Williams (1997), Computing with infinite networks, Eq. (11).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from theorylab.ntk.activations.regular import Regular
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import Regularised


@dataclass(frozen=True)
class ErrorFunction(Regular):
    """`erf(z)`, Eq. (1)."""

    def _unit(self) -> float:
        return 2.0

    def _of(self, xp: Any, a: Array, c: Array, b: Array, at: Regularised) -> tuple[Array, Array]:
        root, (left, right) = xp.sqrt(at.determinant), at.root
        # arcsin(y / hypot(y, root)) keeps the digits that arcsin loses near 1.
        return 2 / math.pi * xp.atan2(at.correlation, root), 4 / math.pi / root / left / right


erf = ErrorFunction()
