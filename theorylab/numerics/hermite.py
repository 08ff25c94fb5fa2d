r"""Hermite series of a function of a normal variable.

With the normalised polynomials $h_j = He_j/\sqrt{j!}$ and $z$ standard normal,

$$c_j(s) = \langle\phi(sz)\,h_j(z)\rangle, \qquad
  \sqrt{j+1}\,h_{j+1} = z\,h_j - \sqrt j\,h_{j-1}. \tag{1}$$

For standard normal $z, z'$ of correlation $\rho$ (Mehler),

$$\langle\phi(sz)\,\phi(s'z')\rangle = \sum_j c_j(s)\,c_j(s')\,\rho^j, \qquad
  \langle\phi(sz)^2\rangle = \sum_j c_j(s)^2. \tag{2}$$

What $J$ terms leave out is at most $|\rho|^J$ times the roots of what they leave of the mean
squares. The recurrence runs on $h_j(z)\,e^{-z^2/4}$, which neither over- nor underflows; the
average is Gauss-Legendre quadrature between the breaks of $\phi$, whose order grows until two
agree.

Reference: O'Donnell (2014), Analysis of Boolean functions, Ch. 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from theorylab.numerics.annotations import Float
from theorylab.numerics.piecewise import EPSILON, Function

_ORDERS = (24, 36, 54, 81)
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class HermiteSeries:
    """Coefficients `c_j` of Eq. (1), and what is known of their error.

    `square` is the mean square of the function; `left_out` a bound of the part of it beyond the
    coefficients; `error` one of the root of the sum of the squared errors of the coefficients;
    `square_error` that of `square`.
    """

    coefficients: Float[np.ndarray, " terms"]
    square: float
    left_out: float
    error: float
    square_error: float


def hermite_series(
    function: Function,
    scale: float,
    breaks: Sequence[float] | Float[np.ndarray, " breaks"] = (),
    *,
    terms: int = 1024,
) -> HermiteSeries:
    """The series of `function(scale * z)`, Eq. (1), of `terms` or as many as the mean square needs.

    Arguments:
        function: of NumPy arrays, element by element; square integrable.
        scale: `s`; `>= 0`.
        breaks: where the function or a derivative of it jumps, and where it is steep.
        terms: the most coefficients wanted.

    Raises: `ArithmeticError` where the function is not finite within the reach of the average.
    """
    reach = normal_reach(function, scale, decay=0.25, to=1e-18)
    at = np.asarray(breaks, float) / scale if scale > 0 else np.zeros(0)
    # h_j has the local wave number sqrt(j), up to 16 in a panel of width 1/2 for j = 1024.
    width = 0.5 * min(1.0, (1024 / terms) ** 0.5)
    # No round numbers: at an edge what is steep would look like a jump.
    grid = np.arange(-reach - 0.1377 * width, reach + width, width)
    edges = np.union1d(grid, at[(at > grid[0]) & (at < grid[-1])])
    c, square = _coefficients(function, scale, edges, _ORDERS[0], terms)
    error = square_error = difference = square_difference = np.inf
    for order in _ORDERS[1:]:
        coarse, coarse_square = c, square
        c, square = _coefficients(function, scale, edges, order, terms)
        both, rounding = min(len(c), len(coarse)), 8 * EPSILON * square
        c = c[:both]
        before, square_before = difference, square_difference
        difference = float(np.linalg.norm(c - coarse[:both]))
        square_difference = abs(square - coarse_square)
        error = float(convergent(difference, before)) + 8 * EPSILON * square**0.5
        square_error = float(convergent(square_difference, square_before)) + rounding
        if error <= 24 * EPSILON * square**0.5 and square_error <= 4 * rounding:
            break
    left_out = max(square - float(c @ c), 0.0) + square_error + 2 * error * square**0.5
    return HermiteSeries(c, square, left_out, error, square_error)


def normal_reach(function: Function, scale: float, *, decay: float, to: float) -> float:
    """The `z` beyond which `|function(scale * z)| * exp(-decay * z^2)` is below `to` of its top."""
    z = np.linspace(0, 38, 305)
    with np.errstate(all="ignore"):
        size = np.abs(function(scale * np.stack([z, -z]))).max(axis=0)
        size = np.where(np.isfinite(size), size, np.inf)
        weighted = np.where(size > 0, np.exp(np.log(size) - decay * z**2), 0.0)
    top = weighted[np.isfinite(weighted)].max(initial=0.0)
    if not np.isfinite(size[z <= 6]).all():
        raise ArithmeticError(
            f"the function is not finite within six standard deviations of {scale:.6g}"
        )
    beyond = np.flatnonzero(weighted > to * top)
    reach = float(z[min(beyond[-1] + 1, len(z) - 1)]) if top else 1.0
    if reach == z[-1]:
        raise ArithmeticError(
            f"the function grows too fast for averages over a normal variable of deviation "
            f"{scale:.6g}"
        )
    return max(reach, 1.0)


def _coefficients(
    function: Function, scale: float, edges: np.ndarray, order: int, terms: int
) -> tuple[np.ndarray, float]:
    x, w = gauss_legendre(order)
    half = np.diff(edges)[:, None] / 2
    z = ((edges[1:] + edges[:-1])[:, None] / 2 + half * x).ravel()
    weights = (half * w).ravel() / np.sqrt(2 * np.pi)
    envelope = np.exp(-(z**2) / 4)
    values = function(scale * z) * envelope
    square = float(weights @ values**2)
    weighted = weights * values
    c = np.empty(terms)
    previous, current = np.zeros_like(z), envelope
    block = np.empty((_BLOCK, len(z)))
    for start in range(0, terms, _BLOCK):
        rows = min(_BLOCK, terms - start)
        for j in range(start, start + rows):
            block[j - start] = current
            following = (z * current - np.sqrt(j) * previous) / np.sqrt(j + 1)
            previous, current = current, following
        c[start : start + rows] = block[:rows] @ weighted
        if square - c[: start + rows] @ c[: start + rows] <= 4 * EPSILON * square:
            return c[: start + rows], square
    return c, square


def convergent(difference: Any, before: Any) -> Any:
    """The error of the last of three approximations, from how much each differs from the next.

    Where they do not converge fast, the last difference alone may be small by accident.
    """
    slow = np.maximum(10 * difference, np.where(np.isfinite(before), before, 0.0))
    return np.where(difference <= 1e-3 * before, difference, slow)


@lru_cache(maxsize=32)
def gauss_legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on `[-1, 1]`."""
    return np.polynomial.legendre.leggauss(order)
