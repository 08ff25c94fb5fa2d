r"""Functions of the angle between two directions, as two short series.

Let $f(\rho)$ be given on $\rho = \cos\theta\in[-1, 1]$, with square roots at $\rho=\pm1$ as kernels
of wide networks have them. In the half-angle distances to the nearer pole,

$$s = \sin\frac\theta2 = \tfrac12\|\hat x-\hat y\| \quad(\rho\ge0), \qquad
  s = \cos\frac\theta2 = \tfrac12\|\hat x+\hat y\| \quad(\rho<0), \tag{1}$$

$f$ is analytic on $0\le s\le1/\sqrt2$, so that a Chebyshev series converges geometrically. Layer by
layer a network changes small angles as $\theta\to\theta/(1+\theta/3\pi)$ (for ReLU): the kernel of
a deep one varies within a distance of order 1/depth of $s=0$. The map

$$t = s/(1 + gs) \tag{2}$$

spreads that range; its $g\ge0$ is chosen for the shortest series, each pole for itself. The error
of the truncated series is about the sum of what was left out, whose terms decay geometrically; what
is stated is the error measured between the nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theorylab.numerics.annotations import Array

_EDGE = 0.5**0.5
_STRETCHES = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_NODES = 96
_CHECKS = 384


@dataclass(frozen=True)
class HalfAngleSeries:
    """A function of the correlation as two polynomials, one for each sign of it.

    With `u` from -1 at the pole to 1 at `rho = 0`, and `w = (1 - u) / 2`, the function is
    `f_0 + w q(u)`, which keeps its digits at small correlations, where those of most data lie.
    `coefficients[side]` are `f_0` and those of ascending powers in `q`, `side` 0 for `rho >= 0`;
    `stretch[side]` is `g` of Eq. (2); `error` the largest deviation from the function seen between
    the nodes, and what an evaluation in the dtype asked for adds, over its largest value.
    """

    coefficients: np.ndarray
    stretch: np.ndarray
    error: float

    @property
    def length(self) -> int:
        return self.coefficients.shape[1]

    def limits(self, growth: float, relative: float) -> tuple[float, float]:
        """Sizes of correlations, positive and negative, up to which `growth * rho` may be an error.

        The function then changes by at most `relative` of itself, or of a tenth of its largest
        value where it is smaller than that.
        """
        s = np.linspace(1e-3, _EDGE, 400)
        rho = 1 - 2 * s**2
        values = [self(s, np.full(s.shape, near)) for near in (True, False)]
        least = 0.1 * max(np.abs(v).max() for v in values)
        found = []
        for v in values:
            slope = np.abs(np.gradient(v, s)) / (4 * s)  # by rho
            changed = slope * growth * rho > relative * np.maximum(np.abs(v), least)
            found.append(float(rho[changed].min(initial=1.0)))
        return found[0], found[1]

    def __call__(self, s: Array, near: Array) -> Array:
        """The function at distance `s` to the pole `rho = 1` where `near`, to -1 elsewhere."""
        return evaluate(np, 1 - 2 * s**2, s, near, self.coefficients, self.stretch)


def evaluate(
    xp: Any, size: Array, s: Array, near: Array, coefficients: Array, stretch: Array
) -> Array:
    """The series at `size = |rho|` and `s`, Eq. (1), in the operations of the library `xp`."""
    choose = lambda pair: xp.where(near, pair[0], pair[1])
    # 1 - t/t_max with t_max that of s = 1/sqrt 2, without a difference of like numbers.
    w = size / ((2**0.5 * s + 1) * (1 + choose(stretch) * s))
    u = 1 - 2 * w
    total = choose(coefficients[:, -1])
    for power in range(coefficients.shape[1] - 2, 0, -1):
        total = total * u + choose(coefficients[:, power])
    return choose(coefficients[:, 0]) + w * total


def half_angle_series(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    tolerance: float,
    dtype: Any = np.float64,
) -> HalfAngleSeries:
    """The shortest series that meets `tolerance`, relative to the function's largest value.

    Arguments:
        function: of `1 - rho` and `1 + rho`, arrays, whose small values have all their digits.
        tolerance: the error wanted of the series, measured between the nodes.
        dtype: what the series will be evaluated in: `error` counts its rounding.

    Returns: a series; its `error` is not finite where the function is not, and is above
        `tolerance` where no series of up to 87 terms meets it (the function is not analytic in the
        half-angle, or itself not so exact), and by the rounding of `dtype`.
    """
    nodes, points, transform = _chebyshev()
    sides = []
    for near in (True, False):
        # All stretches at once: the function has a price per call.
        grid = np.concatenate([nodes, points])
        s = np.stack([_distance(grid, stretch) for stretch in _STRETCHES])
        small = 2 * s**2
        values = function(small, 2 - small) if near else function(2 - small, small)
        fits = [
            _fit(
                transform @ row[: len(nodes)], row[len(nodes) :], place[len(nodes) :], g, tolerance
            )
            for g, row, place in zip(_STRETCHES, values, s, strict=True)
        ]
        good = [fit for fit in fits if fit.error <= 2 * tolerance * fit.scale]
        shortest = lambda fit: len(fit.table)
        sides.append(min(good, key=shortest) if good else min(fits, key=lambda fit: fit.error))
    scale = max(side.scale for side in sides)
    coefficients = np.zeros((2, max(len(side.table) for side in sides)))
    for row, side in zip(coefficients, sides, strict=True):
        row[: len(side.table)] = side.table
    stretch = np.array([side.stretch for side in sides])
    error = max(side.error for side in sides) / scale if scale else 0.0 * scale
    error += _rounding(coefficients, stretch, dtype) / (scale or 1.0)
    return HalfAngleSeries(coefficients, stretch, float(error))


def _rounding(coefficients: np.ndarray, stretch: np.ndarray, dtype: Any) -> float:
    """What an evaluation in `dtype` is off by the one in float64, at most, over the angles."""
    if dtype == np.float64:
        return 0.0
    s = np.linspace(0, _EDGE, 1000).astype(dtype)
    size = (1 - 2 * s**2).astype(dtype)
    off = 0.0
    for near in (np.full(s.shape, True), np.full(s.shape, False)):
        found = evaluate(np, size, s, near, coefficients.astype(dtype), stretch.astype(dtype))
        exact = evaluate(np, size.astype(float), s.astype(float), near, coefficients, stretch)
        off = max(off, float(np.abs(found - exact).max()))
    return off


class _Fit(NamedTuple):
    table: np.ndarray
    stretch: float
    error: float
    scale: float


def _fit(
    chebyshev: np.ndarray, truth: np.ndarray, s: np.ndarray, stretch: float, tolerance: float
) -> _Fit:
    """The series of one stretch towards one pole, cut where the rest is below the tolerance."""
    scale = float(np.abs(truth).max())
    # Terms fall off geometrically, by half at least: their sum is below twice the first.
    left_out = 2 * np.maximum.accumulate(np.abs(chebyshev[::-1]))[::-1]
    length = int(np.argmax(left_out <= max(tolerance * scale, 2 * left_out[-8])))
    powers = np.polynomial.chebyshev.cheb2poly(chebyshev[: max(length, 2)])
    # The value at u = 1, then the quotient of the rest by w.
    sums = np.cumsum(powers[::-1])[::-1]
    table = np.concatenate([sums[:1], -2 * sums[1:]])
    series = evaluate(np, 1 - 2 * s**2, s, s >= 0, np.stack([table] * 2), np.full(2, stretch))
    return _Fit(table, stretch, float(np.abs(series - truth).max()), scale)


def _distance(u: np.ndarray, stretch: float) -> np.ndarray:
    t = (u + 1) / 2 * _EDGE / (1 + stretch * _EDGE)
    return t / (1 - stretch * t)


@lru_cache(maxsize=1)
def _chebyshev() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of the first kind, points between them, and what takes values there to coefficients."""
    odd = 2 * np.arange(_NODES) + 1
    # Angles in units of pi / 2N, less whole turns: a large one has a large rounding error.
    turns = np.outer(np.arange(_NODES), odd) % (4 * _NODES)
    transform = 2 / _NODES * np.cos(np.pi / (2 * _NODES) * turns)
    transform[0] /= 2
    points = (np.arange(_CHECKS) + 0.5) / _CHECKS * 2 - 1
    return np.cos(np.pi / (2 * _NODES) * odd), points, transform
