r"""Associative memory at zero temperature, in closed form.

With $y=m/\sqrt{2\alpha r}$ the equations of state become one,

$$\sqrt{2\alpha}\,y = \mathrm{erf}(y)-\frac{2}{\sqrt\pi}\,y\,e^{-y^2}, \tag{1}$$
$$m=\mathrm{erf}\,y, \quad r=(1-C)^{-2}, \quad C=\sqrt{\frac{2}{\pi\alpha r}}\,e^{-y^2}, \quad
  e=\frac\alpha2-\frac{m^2}2-\frac{\alpha r}2. \tag{2}$$

Retrieval is the larger root. The spin glass has $m=0$ and $\sqrt r=1+\sqrt{2/\pi\alpha}$.

Reference: Amit, Gutfreund & Sompolinsky (1987), Ann. Phys. 173, 30, Sec. 4.
"""

from __future__ import annotations

import numpy as np
from scipy import special

# Where the load of Eq. (1) is largest, and that load: the ends of the retrieval branch.
TURNING_POINT = 1.511218556327656576
CRITICAL_LOAD = 0.137905566494931737844


def signal(y: np.ndarray) -> np.ndarray:
    """The right side of Eq. (1) over `y sqrt(2)`: the root of the load."""
    y = np.asarray(y, float)
    small = np.abs(y) < 1e-2
    safe = np.where(small, 1.0, y)
    exact = (special.erf(safe) / safe - 2 / np.sqrt(np.pi) * np.exp(-(safe**2))) / np.sqrt(2)
    y2 = np.where(small, y, 0.0) ** 2
    series = y2 * (4 / 3 - 4 / 5 * y2 + 2 / 7 * y2**2) / np.sqrt(2 * np.pi)
    return np.where(small, series, exact)


def root(load: np.ndarray, *, saddle: bool = False) -> np.ndarray:
    """The solution `y` of Eq. (1) on either side of its turning point, by bisection of `log y`."""
    goal = np.sqrt(load)
    inner = np.full(goal.shape, TURNING_POINT)
    # Beyond the roots: `signal` is below 1 / y sqrt(2), and below the first term of its series.
    outer = np.sqrt(goal * np.sqrt(9 * np.pi / 8)) if saddle else 1 / np.sqrt(2 * load) + 1
    for _ in range(80):
        middle = np.sqrt(inner * outer)
        above = signal(middle) > goal
        inner, outer = np.where(above, middle, inner), np.where(above, outer, middle)
    return np.sqrt(inner * outer)
