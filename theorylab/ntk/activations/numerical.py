r"""Any function as an activation, its duals by series and quadrature, with their errors.

With the Hermite coefficients $c_j(s)$ of $\phi(sz)$ and $d_j(s)$ of $\phi'(sz)$, and
$\rho = c/\sqrt{ab}$,

$$\hat\phi = \sum_j c_j(\sqrt a)\,c_j(\sqrt b)\,\rho^j, \qquad
  \widehat{\phi'} = \sum_j d_j(\sqrt a)\,d_j(\sqrt b)\,\rho^j. \tag{1}$$

Series of smooth functions are short. Those of functions with kinks have algebraic tails, which
$|\rho|^J$ makes harmless except near $\rho = \pm1$; there two-dimensional quadrature broken at the
kinks takes their place (`theorylab.numerics.normal_pair`). Either returns a bound or an estimate of
its error, and a dual whose error exceeds the tolerance is refused.

At equal variances the gaps of the correlation are sums without cancellation,

$$\hat\phi(a, a, a) - \hat\phi(a, c, a) = \sum_j c_j^2\,(1-\rho^j)
  = \tfrac12\big\langle(\phi(u)-\phi(v))^2\big\rangle. \tag{2}$$

Reference: Daniely, Frostig & Singer (2016), arXiv:1602.05897.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theorylab.ntk.activations.activation import Activation
from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.arrays import require, require_nonnegative
from theorylab.numerics.hermite import HermiteSeries, hermite_series, normal_reach
from theorylab.numerics.normal_pair import PairAverages, pair_averages
from theorylab.numerics.piecewise import EPSILON, Function, Piecewise, piecewise

_TERMS = 1024
_ROUNDING = 64 * EPSILON
# The error aimed at, relative to the root of the mean squares; the tolerance only refuses.
_GOAL = 2 * _ROUNDING
# A variance of 0 is one so small that the function has its limits from either side of 0.
_LEAST = 1e-140
# Where a function is steeper, between breaks, quadrature in the plane could miss it.
_STEEPEST = 4e-3
_PAIRS = 2**16
# Half-angles of up to so much from either pole have a series between so many nodes.
_POLE, _POLE_NODES = 0.15, 32
_PROBES = np.linspace(-2.9, 3.1, 37)


class DualEstimate(NamedTuple):
    """Both duals, and bounds or estimates of their errors, absolute."""

    value: Float[np.ndarray, "*batch"]
    derivative: Float[np.ndarray, "*batch"]
    error: Float[np.ndarray, "*batch"]
    derivative_error: Float[np.ndarray, "*batch"]


@dataclass(frozen=True)
class Numerical(Activation):
    """A function of one's own, Eq. (1); made by `numerical`."""

    function: Function
    slope: Function | None = None
    kinks: tuple[float, ...] = ()
    tolerance: float = field(default=1e-10, kw_only=True)

    def duals_with_error(self, k11: Array, k12: Array, k22: Array) -> DualEstimate:
        """The duals, Eq. (1), and their errors, whatever the tolerance.

        Arguments:
            k11, k22: variances of `u` and `v`; `>= 0`.
            k12: their covariance, of size `sqrt(k11 k22)` at most.

        Returns: NumPy arrays, broadcast over the arguments. Where the function jumps, its
            derivative has no dual: NaN.
        Raises: `ValueError` for arguments out of bounds.
        """
        a, c, b = (np.asarray(x, float) for x in (k11, k12, k22))
        require_nonnegative(k11=a, k22=b)
        largest = np.sqrt(a) * np.sqrt(b) * (1 + 8 * EPSILON)
        require(np.abs(c) <= largest, "at most sqrt(k11 k22) in size", k12=c)
        return self._with_error(a, c, b)

    def _with_error(self, a: Array, c: Array, b: Array) -> DualEstimate:
        """The same where rounding may have put a covariance out of bounds."""
        a, c, b = (np.asarray(x, float) for x in (a, c, b))
        scale = np.sqrt(a) * np.sqrt(b)
        rho = np.divide(c, scale, out=np.zeros_like(scale + c), where=scale > 0)
        rho = np.clip(rho, -1, 1)
        return DualEstimate(*self._estimates(a, 1 - rho, 1 + rho, b)[:4])

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        _require_numpy(a, c, b)
        return self._within_tolerance(self._with_error(a, c, b), a, c, b)

    def _moments(self, xp: Any, a: Array) -> tuple[Array, Array]:
        _require_numpy(a)
        value, slope = self._squares(a)
        if _pieces(self, float(_deviation(np.asarray(a, float)).max())).jumps:
            slope = np.full_like(slope, np.nan)
        estimate = DualEstimate(value[0], slope[0], value[1], slope[1])
        return self._within_tolerance(estimate, a, a, a)

    def _duals_by_gaps(self, xp: Any, a: Array, minus: Array, plus: Array) -> tuple[Array, ...]:
        _require_numpy(a, minus, plus)
        *estimate, below, above = self._estimates(a, minus, plus, a, gaps=True)
        c = a * (plus - minus) / 2
        value, derivative = self._within_tolerance(DualEstimate(*estimate), a, c, a)
        square = self._squares(a)[0][0]
        return value, derivative, below / square, above / square

    def _squares(self, a: Array) -> list[np.ndarray]:
        """The mean squares of the function and its derivative, each with its error."""
        a = np.asarray(a, float)
        variances, at = np.unique(a.ravel(), return_inverse=True)
        both = [_series(self, float(variance)) for variance in variances]
        table = np.array([[(one.square, one.square_error) for one in pair] for pair in both])
        return [table[at, which].T.reshape(2, *a.shape) for which in (0, 1)]

    def _within_tolerance(
        self, estimate: DualEstimate, a: Array, c: Array, b: Array
    ) -> tuple[Array, Array]:
        """The duals in the precision of the arguments. Raises: `ArithmeticError`."""
        left, right = self._squares(a), self._squares(b)
        names = ("dual", "derivative's dual")
        for name, error, x, y in zip(names, estimate[2:], left, right, strict=True):
            scale = np.sqrt(x[0]) * np.sqrt(y[0])
            # NaN, of a derivative that has no dual, passes.
            bad = error > self.tolerance * scale
            if bad.any():
                error, scale, *at = (
                    np.broadcast_to(x, bad.shape)[bad][0] for x in (error, scale, a, b, c)
                )
                raise ArithmeticError(
                    f"the {name} of {_name(self.function)} at variances {at[0]:.6g} and "
                    f"{at[1]:.6g}, covariance {at[2]:.6g}, is known to {error / scale:.1e} of its "
                    f"scale, not to `tolerance` = {self.tolerance:.1e}: pass `kinks` where the "
                    "function bends or jumps, its `derivative`, or a larger `tolerance`"
                )
        dtype = np.result_type(a, b, c)
        return estimate.value.astype(dtype), estimate.derivative.astype(dtype)

    def _estimates(
        self, a: Array, minus: Array, plus: Array, b: Array, *, gaps: bool = False
    ) -> list[np.ndarray]:
        """Both duals and their errors; with `gaps`, those of the value below and above."""
        a, minus, plus, b = (np.asarray(x, float) for x in (a, minus, plus, b))
        shape = np.broadcast_shapes(a.shape, minus.shape, b.shape)
        variances, at = np.unique(np.concatenate([a.ravel(), b.ravel()]), return_inverse=True)
        left, right = at[: a.size].reshape(a.shape), at[a.size :].reshape(b.shape)
        both = [_series(self, float(variance)) for variance in variances]
        tables = [_Table.of([pair[which] for pair in both]) for which in (0, 1)]
        flat = [np.broadcast_to(x, shape).ravel() for x in (left, minus, plus, right)]
        out = np.empty((6 if gaps else 4, flat[0].size))
        for start in range(0, out.shape[1], _PAIRS):
            rows = slice(start, start + _PAIRS)
            out[:, rows] = self._of_pairs(variances, tables, *(x[rows] for x in flat), gaps=gaps)
        return [row.reshape(shape) for row in out]

    def _of_pairs(
        self,
        variances: np.ndarray,
        tables: list[_Table],
        left: np.ndarray,
        minus: np.ndarray,
        plus: np.ndarray,
        right: np.ndarray,
        *,
        gaps: bool,
    ) -> np.ndarray:
        """Series, and quadrature where it knows better, for pairs of rows of the tables."""
        closeness, near = np.minimum(minus, plus), minus <= plus
        sums = [table.dual(left, right, closeness, near) for table in tables]
        out = np.stack([sums[0][0], sums[1][0], sums[0][1], sums[1][1]])
        scales = np.stack([sums[0][2], sums[1][2]])
        if gaps:
            out = np.concatenate([out, tables[0].gaps(left, closeness, near)])
        given = np.stack([table.given_error(left, right) for table in tables])
        far = np.flatnonzero((out[2:4] > _GOAL * scales + 1.1 * given).any(axis=0))
        pieces = _pieces(self, float(_deviation(variances).max()))
        finest = pieces.finest if pieces.resolved else 0.0
        wide = _deviation(np.maximum(variances[left[far]], variances[right[far]]))
        far = far[finest >= _STEEPEST * wide]
        if len(far):
            found = _in_the_plane(
                self, pieces, variances, left[far], minus[far], plus[far], right[far]
            )
            error = found.error.copy()
            error[:2] += given[:, far]
            for which in (0, 1):
                better = error[which] < out[2 + which, far]
                out[which, far[better]] = found.value[which, better]
                out[2 + which, far[better]] = error[which, better]
                if gaps and not which:
                    out[4:, far[better]] = found.value[2:, better]
        if pieces.jumps:
            out[[1, 3]] = np.nan
        return out


def numerical(
    function: Function,
    derivative: Function | None = None,
    *,
    kinks: Iterable[float] = (),
    tolerance: float = 1e-10,
) -> Numerical:
    """Any function as an activation, its duals computed numerically, Eq. (1).

    Arguments:
        function: `phi`, of NumPy arrays of float64, element by element; square integrable under
            every normal law. A JAX function serves in 64-bit mode only.
        derivative: `phi'`, likewise (of a JAX function, `jax.grad(lambda z: phi(z).sum())`);
            without it, that of Chebyshev series of `phi`, good to about 1e-12.
        kinks: where the function or a derivative of it jumps. Kinks are looked for, and found where
            they are well apart; those given need not be.
        tolerance: the largest error a kernel may meet, as a multiple of the root of the mean
            squares of `phi(u)` and `phi(v)`, or of `phi'(u)` and `phi'(v)`; `> 0`. The error itself
            is mostly near 1e-14: `duals_with_error` returns it.

    Returns: an activation for kernels of NumPy arrays; those of other libraries are refused.
        Inputs of one length cost least: each variance has series of its own.
    Assumes: no feature so narrow that 31 x 24 points on each of four scales miss it.
    Raises: `ValueError` or `TypeError` for arguments out of bounds; in a kernel, `ArithmeticError`
        where the estimated error exceeds the tolerance.
    """
    if not callable(function):
        raise TypeError(f"`function` must be callable; got {function!r}")
    if derivative is not None and not callable(derivative):
        raise TypeError(f"`derivative` must be callable; got {derivative!r}")
    kinks = tuple(sorted(float(x) for x in kinks))
    if not all(map(math.isfinite, kinks)):
        raise ValueError(f"`kinks` must be finite; got {kinks}")
    if not tolerance > 0:
        raise ValueError(f"`tolerance` must be > 0; got {tolerance:g}")
    activation = Numerical(function, derivative, kinks, tolerance=float(tolerance))
    if derivative is not None:
        _require_its_derivative(activation)
    else:
        _doubles("function", function, _PROBES)
    return activation


class _Table(NamedTuple):
    """Series of one function at several variances, a row each."""

    coefficients: np.ndarray
    lengths: np.ndarray
    squares: np.ndarray
    left_out: np.ndarray
    errors: np.ndarray
    given_errors: np.ndarray

    @classmethod
    def of(cls, series: list[_Series]) -> _Table:
        lengths = np.array([len(one.coefficients) for one in series])
        coefficients = np.zeros((len(series), lengths.max()))
        for row, one in zip(coefficients, series, strict=True):
            row[: len(one.coefficients)] = one.coefficients
        columns = ("square", "left_out", "error", "given_error")
        return cls(
            coefficients, lengths, *(np.array([getattr(s, x) for s in series]) for x in columns)
        )

    def dual(
        self, i: np.ndarray, j: np.ndarray, closeness: np.ndarray, near: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eq. (1), its error, its scale; `closeness` is `1 - |rho|`, `near` says `rho >= 0`."""
        size = 1 - closeness
        rho, value = np.where(near, size, -size), np.zeros(len(i))
        if len(self.coefficients) == 1:
            for square in self.coefficients[0, ::-1] ** 2:
                value = value * rho + square
        else:
            for column in self.coefficients.T[::-1]:
                value = value * rho + column[i] * column[j]
        norms = np.sqrt(self.squares)
        # What follows the shorter series: of the longer one, with what it has there.
        beyond = np.cumsum(self.coefficients[:, ::-1] ** 2, axis=1)[:, ::-1]
        beyond = np.pad(beyond, ((0, 0), (0, 1)))
        short = np.minimum(self.lengths[i], self.lengths[j])
        tails = [np.sqrt(self.left_out[k] + beyond[k, short]) for k in (i, j)]
        error = size**short * tails[0] * tails[1] + _ROUNDING * norms[i] * norms[j]
        error += self.errors[i] * norms[j] + norms[i] * self.errors[j]
        return value, error, norms[i] * norms[j]

    def given_error(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """What the error of the function itself brings to its dual."""
        norms = np.sqrt(self.squares)
        return self.given_errors[i] * norms[j] + norms[i] * self.given_errors[j]

    def gaps(self, i: np.ndarray, closeness: np.ndarray, near: np.ndarray) -> np.ndarray:
        """`sum c_j^2 (1 - rho^j)`, Eq. (2), and `sum c_j^2 (1 + rho^j)`."""
        out = np.empty((2, len(i)))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_size = np.log1p(-closeness)
        for row in np.unique(i):
            pairs = np.flatnonzero(i == row)
            squares = self.coefficients[row, : self.lengths[row]] ** 2
            # The part left out is of orders from here on.
            powers = np.arange(1, len(squares) + 1)
            squares = np.append(squares[1:], max(self.squares[row] - squares.sum(), 0.0))
            lost = -np.expm1(powers * log_size[pairs, None])
            small = lost @ squares
            odd = powers % 2 == 1
            mixed = lost[:, ~odd] @ squares[~odd] + (2 - lost[:, odd]) @ squares[odd]
            constant = 2 * self.coefficients[row, 0] ** 2
            large = constant + (2 - lost) @ squares
            other = constant + lost[:, odd] @ squares[odd] + (2 - lost[:, ~odd]) @ squares[~odd]
            out[0, pairs] = np.where(near[pairs], small, mixed)
            out[1, pairs] = np.where(near[pairs], large, other)
        return out


@dataclass(frozen=True, eq=False)
class _Series(HermiteSeries):
    given_error: float


@lru_cache(maxsize=4096)
def _series(activation: Numerical, variance: float) -> tuple[_Series, _Series]:
    """Series of the function and of its derivative at one variance."""
    s = float(_deviation(np.asarray(variance)))
    pieces = _pieces(activation, s)
    breaks = np.union1d(pieces.edges if pieces.resolved else [], pieces.breaks)
    blur, error = pieces.blur / s, 0.0
    if activation.slope is None:
        from scipy.special import ndtr

        root = np.sqrt(np.diff(ndtr(pieces.edges / s)))
        error = float(np.linalg.norm(pieces.slope_error[root > 0] * root[root > 0]))
    both = []
    for function, extra in ((_phi(activation), 0.0), (_slope(activation, pieces), error)):
        one = hermite_series(function, s, breaks, terms=_TERMS)
        norm = one.square**0.5
        given = extra + blur * norm
        of_square = 2 * given * norm + given**2
        both.append(
            _Series(
                one.coefficients,
                one.square,
                one.left_out,
                one.error + given,
                one.square_error + of_square,
                given,
            )
        )
    return both[0], both[1]


def _pieces(activation: Numerical, deviation: float) -> Piecewise:
    reach = _reach(activation, deviation, 1e-18) * deviation
    return _pieces_within(activation, 2.0 ** max(0, math.ceil(math.log2(reach))))


@lru_cache(maxsize=256)
def _pieces_within(activation: Numerical, reach: float) -> Piecewise:
    with np.errstate(all="ignore"):
        return piecewise(_phi(activation), reach, activation.kinks)


def _reach(activation: Numerical, deviation: float, to: float) -> float:
    return normal_reach(_phi(activation), deviation, decay=0.25, to=to)


def _in_the_plane(
    activation: Numerical,
    pieces: Piecewise,
    variances: np.ndarray,
    left: np.ndarray,
    minus: np.ndarray,
    plus: np.ndarray,
    right: np.ndarray,
) -> PairAverages:
    """Both duals and the gaps by quadrature, for rows of `variances`.

    Of many pairs of one variance, only some by themselves: near `rho = +-1` all four are short
    series in the half-angle.
    """
    if len(variances) > 1 or pieces.jumps or len(left) < 4 * _POLE_NODES:
        return _quadrature(activation, pieces, variances[left], minus, plus, variances[right])
    half_angle = np.sqrt(np.minimum(minus, plus) / 2)
    value, error = np.empty((4, len(left))), np.empty((4, len(left)))
    close = half_angle <= _POLE
    for near in (True, False):
        here = np.flatnonzero(close & ((minus <= plus) == near))
        series = _pole(activation, float(variances[0]), near)
        t = 2 * half_angle[here] / _POLE - 1
        value[:, here] = np.polynomial.chebyshev.chebval(t, series.coefficients)
        if series.square is not None:
            value[series.square, here] *= half_angle[here] ** 2
        error[:, here] = series.error[:, None]
    rest = np.flatnonzero(~close)
    if len(rest):
        direct = _quadrature(
            activation,
            pieces,
            variances[left[rest]],
            minus[rest],
            plus[rest],
            variances[right[rest]],
        )
        value[:, rest], error[:, rest] = direct
    return PairAverages(value, error)


class _Pole(NamedTuple):
    """Series of both duals and the gaps in the half-angle, its square taken out of one of them."""

    coefficients: np.ndarray
    error: np.ndarray
    square: int | None


@lru_cache(maxsize=1024)
def _pole(activation: Numerical, variance: float, near: bool) -> _Pole:
    angles = (np.arange(_POLE_NODES) + 0.5) * np.pi / _POLE_NODES
    half_angle = np.append(_POLE * (1 + np.cos(angles)) / 2, 0.0)
    small = 2 * half_angle**2
    minus, plus = (small, 2 - small) if near else (2 - small, small)
    a = np.full_like(small, variance)
    pieces = _pieces(activation, float(_deviation(np.asarray(variance))))
    value, error = _quadrature(activation, pieces, a, minus, plus, a)
    # The gap that closes at the pole, below or (of odd functions) above, is as the square.
    square = 2 if near else 3
    values = value[:, :-1].copy()
    vanishes = value[square, -1] <= EPSILON**2 * value[5 - square, -1]
    if vanishes:
        values[square] /= half_angle[:-1] ** 2
    orders = np.arange(_POLE_NODES)
    transform = 2 / _POLE_NODES * np.cos(np.outer(angles, orders))
    transform[:, 0] /= 2
    coefficients = values @ transform
    last = 4 * np.abs(coefficients[:, -4:]).sum(axis=1)
    return _Pole(coefficients.T, last + 3 * error.max(axis=1), square if vanishes else None)


def _quadrature(
    activation: Numerical,
    pieces: Piecewise,
    a: np.ndarray,
    minus: np.ndarray,
    plus: np.ndarray,
    b: np.ndarray,
) -> PairAverages:
    phi, slope = _phi(activation), _slope(activation, pieces)

    def products(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        f, g = phi(u), phi(v)
        return np.stack([f * g, slope(u) * slope(v), (f - g) ** 2 / 2, (f + g) ** 2 / 2])

    s, t = _deviation(a), _deviation(b)
    (value, _), (derivative, _) = activation._squares(a)
    (other, _), (other_derivative, _) = activation._squares(b)
    scales = np.sqrt(np.stack([value * other, derivative * other_derivative]))
    scales = np.concatenate([scales, scales[:1], scales[:1]])
    reach = max(_reach(activation, float(x), 1e-10) for x in (s.max(), t.max()))
    value, error = pair_averages(
        products,
        (s, t),
        (minus, plus),
        pieces.breaks,
        reach=max(9.6, 1.05 * reach),
        goal=_GOAL * scales,
    )
    return PairAverages(value, error + _ROUNDING * scales)


def _phi(activation: Numerical) -> Function:
    return lambda z: _doubles("function", activation.function, z)


def _slope(activation: Numerical, pieces: Piecewise) -> Function:
    slope = activation.slope
    return pieces.derivative if slope is None else lambda z: _doubles("derivative", slope, z)


def _doubles(name: str, function: Function, z: np.ndarray) -> np.ndarray:
    value = np.asarray(function(z))
    if value.shape != z.shape:
        raise ValueError(
            f"`{name}` must work element by element; got shape {value.shape} for shape {z.shape}"
        )
    if value.dtype != np.float64 and value.dtype.kind not in "biu":
        raise TypeError(f"`{name}` must return float64; got {value.dtype}")
    return value.astype(float)


def _require_its_derivative(activation: Numerical) -> None:
    pieces = _pieces_within(activation, 4.0)
    given, series = _slope(activation, pieces)(_PROBES), pieces.derivative(_PROBES)
    wrong = np.abs(given - series) > 1e-5 * (1 + np.abs(series))
    if pieces.resolved and np.mean(wrong) > 0.5:
        x, told, true = (values[wrong][0] for values in (_PROBES, given, series))
        raise ValueError(
            f"`derivative` must be that of `function`, whose slope at {x:.4g} is {true:.6g}; "
            f"got {told:.6g}"
        )


def _require_numpy(*arrays: Array) -> None:
    for array in arrays:
        if not isinstance(array, np.ndarray | np.generic | float | int):
            raise NotImplementedError(
                "duals of a function of one's own are known for NumPy arrays only; got "
                f"{type(array).__module__.partition('.')[0]}'s"
            )


def _deviation(variance: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(np.sqrt(variance), _LEAST))


def _name(function: Function) -> str:
    return getattr(function, "__name__", repr(function))
