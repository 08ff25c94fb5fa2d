r"""A function of one variable as Chebyshev series between breaks that are found by bisection.

An interval is halved until a series of 24 terms represents the function on each part to rounding,
that of its argument included, at the nodes and at points between them and close to the ends.
Where parts become narrower than a thousandth of the first ones the function bends sharply, as at a
kink: it is then broken at the shortest decimal number within the narrowest part, so that a kink at
0, 1 or 2.5 is met exactly, and the parts beside it can be wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from theorylab.numerics.annotations import Float

Function: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""A function of NumPy arrays, element by element."""

EPSILON = float(np.finfo(float).eps)

_TERMS = 24
_PARTS = 31
_ROUNDING = 2e-15
_DEEPEST = 42
_MOST = 3000
_SHARP = 2.0**-10
# Numbers of so many decimals are taken for the exact place of a kink.
_ROUND = 8
_FINER = (4096, 256, 16, 1)

# Angles in units of pi / 2N, less whole turns: large ones have large rounding errors.
_ODD = 2 * np.arange(_TERMS)[::-1] + 1
_NODES = np.cos(np.pi / (2 * _TERMS) * _ODD)
_TURNS = np.outer(np.arange(_TERMS), _ODD) % (4 * _TERMS)
_TRANSFORM = 2 / _TERMS * np.cos(np.pi / (2 * _TERMS) * _TURNS)
_TRANSFORM[0] /= 2
_BETWEEN = np.array([-1 + 1e-8, -1 + 1e-5, -0.9987, -0.31, 0.043, 0.77, 0.9987, 1 - 1e-5, 1 - 1e-8])
_SERIES_BETWEEN = np.polynomial.chebyshev.chebvander(_BETWEEN, _TERMS - 1).T


@dataclass(frozen=True, eq=False)
class Piecewise:
    """A function on `[edges[0], edges[-1]]`, a Chebyshev series on each part.

    `breaks` are the places of sharp bends, given or found, the latter to within `blur`; `jumps`
    whether the function is discontinuous at one of them; `slope_error` the root mean square error
    of the derivative on each part, infinite where the series do not represent the function;
    `finest` the width of the narrowest part that halving led to, which tells how steep it is.
    """

    edges: Float[np.ndarray, " edges"]
    coefficients: Float[np.ndarray, "terms parts"]
    breaks: tuple[float, ...]
    blur: float
    jumps: bool
    slope_error: Float[np.ndarray, " parts"]
    finest: float

    @property
    def resolved(self) -> bool:
        return bool(np.isfinite(self.slope_error).all())

    def derivative(self, x: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
        """The derivative of the series; beyond the edges, that of the last one."""
        slopes = np.polynomial.chebyshev.chebder(self.coefficients)
        part = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, slopes.shape[1] - 1)
        width = np.diff(self.edges)[part]
        t = 2 * (x - self.edges[part]) / width - 1
        # Clenshaw's recurrence, a term of all parts at a time.
        later, current = np.zeros_like(t), np.zeros_like(t)
        for row in slopes[:0:-1]:
            later, current = current, row[part] + 2 * t * current - later
        return (slopes[0][part] + t * current - later) * 2 / width


def piecewise(function: Function, reach: float, breaks: Iterable[float] = ()) -> Piecewise:
    """The function on `[-reach, reach]`, and a little beyond.

    Arguments:
        function: of NumPy arrays, element by element; finite there.
        reach: half the width of the interval; `> 0`.
        breaks: where it is known to bend or jump.

    Places of sharp bends are looked for on shorter intervals as well, down to `reach / 4096`: what
    happens near 0 only is small on the whole.
    """
    breaks, found = [float(x) for x in breaks], {}
    for finer in _FINER:
        parts = _bisect(function, reach / finer, {*breaks, *found})
        if not parts.crowded:
            found |= _bends(parts.edges, 2 * reach / finer / _PARTS * _SHARP)
    parts = _bisect(function, reach, {*breaks, *found})
    edges, coefficients = parts.edges, parts.coefficients
    known = tuple(sorted(x for x in {*breaks, *found} if edges[0] < x < edges[-1]))
    left, right = coefficients.sum(axis=0), _at_left_end(coefficients)
    at = np.searchsorted(edges, known)
    ends = np.abs(right[at] - left[at - 1]) if known else np.zeros(1)
    size = np.abs(coefficients).sum(axis=0)
    # A term of order n left out, or the rounding of one, has a slope of about 1.4 n on [-1, 1].
    # Terms of the size of rounding would cost time and add nothing.
    rounding = 3 * EPSILON * size
    rest = np.maximum(parts.rest, rounding)
    terms = 2 + np.flatnonzero((np.abs(coefficients) > rounding).any(axis=1)).max(initial=0)
    slope_error = np.full_like(rest, np.inf) if parts.crowded else 4 * _TERMS * rest
    return Piecewise(
        edges,
        coefficients[:terms],
        known,
        max((found[x] for x in known if x not in breaks), default=0.0),
        bool(ends.max() > 1e-9 * size.max()),
        slope_error * 2 / np.diff(edges),
        parts.finest,
    )


def _at_left_end(coefficients: np.ndarray) -> np.ndarray:
    return coefficients[::2].sum(axis=0) - coefficients[1::2].sum(axis=0)


class _Parts(NamedTuple):
    edges: np.ndarray
    coefficients: np.ndarray
    rest: np.ndarray
    finest: float
    crowded: bool


def _bisect(function: Function, reach: float, breaks: set[float]) -> _Parts:
    # Ends that are no round numbers: no midpoint then falls on a kink, which would hide it.
    low, high = -1.0137 * reach, 1.0291 * reach
    inside = {x for x in breaks if low < x < high}
    start = np.array(sorted({*np.linspace(low, high, _PARTS + 1), *inside}))
    typical = np.sqrt(np.mean(function(np.linspace(-reach / 8, reach / 8, 64)) ** 2))
    left, right, size = start[:-1], start[1:], None
    lefts, series, rests, finest, crowded = [], [], [], np.inf, False
    for depth in range(_DEEPEST + 1):
        middle, half = (left + right)[:, None] / 2, (right - left)[:, None] / 2
        values = function(middle + half * _NODES)
        coefficients = values @ _TRANSFORM.T
        if size is None:
            size = np.maximum(np.abs(values).max(axis=1), 0.1 * typical)
        rest = np.abs(coefficients[:, -3:]).max(axis=1)
        between = function(middle + half * _BETWEEN) - coefficients @ _SERIES_BETWEEN
        rest = np.maximum(rest, np.abs(between).max(axis=1) / 8)
        slope = np.abs(coefficients) @ np.arange(_TERMS) / half[:, 0]
        rounding = _ROUNDING * size + 1e-16 * slope * np.abs(middle[:, 0])
        crowded = sum(map(len, lefts)) + len(left) > _MOST
        good = (rest <= rounding) | (depth == _DEEPEST) | crowded
        for kept, new in (
            (lefts, left),
            (series, coefficients),
            (rests, np.maximum(rest, rounding)),
        ):
            kept.append(new[good])
        if depth:
            finest = min(finest, 2 * float(half.min()))
        if good.all():
            break
        left, right, size = (np.repeat(x[~good], 2) for x in (left, right, size))
        middle = (left + right) / 2
        lower = np.arange(len(left)) % 2 == 0
        left, right = np.where(lower, left, middle), np.where(lower, middle, right)
    order = np.argsort(np.concatenate(lefts))
    edges, rest = (np.concatenate(kept)[order] for kept in (lefts, rests))
    coefficients = np.concatenate(series)[order].T
    return _Parts(np.append(edges, high), coefficients, rest, finest, crowded)


def _bends(edges: np.ndarray, sharp: float) -> dict[float, float]:
    """One place for each run of parts narrower than `sharp`, and its uncertainty."""
    narrow = np.flatnonzero(np.diff(edges) < sharp)
    runs = np.split(narrow, np.flatnonzero(np.diff(narrow) > 1) + 1) if len(narrow) else []
    places = {}
    for run in runs:
        part = run[np.argmin(np.diff(edges)[run])]
        width = float(edges[part + 1] - edges[part])
        low, high = float(edges[part]) - width, float(edges[part + 1]) + width
        place, digits = _shortest_decimal(low, high)
        places[place] = 0.0 if digits <= _ROUND else 3 * width
    return places


def _shortest_decimal(low: float, high: float) -> tuple[float, int]:
    middle = (low + high) / 2
    for digits in range(17):
        if low <= round(middle, digits) <= high:
            return round(middle, digits) + 0.0, digits
    return middle, 17
