r"""Functions of the angle between every two rows, at little more than the price of their products.

For rows $x_i$ of unit vectors $\hat x_i$ and series $f_k$ of `theorylab.numerics.half_angle`,

$$F_{k,ij} = r_i\,r_j\,f_k(\hat x_i\cdot\hat x_j). \tag{1}$$

A product of tiles gives the correlations; what follows, however complicated the function, is one
root, one quotient and a polynomial per pair, in one pass over memory. Of a symmetric matrix one
triangle is computed.

A product of $d$ terms in single precision is off by $\delta\rho\approx\epsilon\rho\sqrt d/4$, and
the angle by $\delta\rho/\sin\theta$. How large $\rho$ may be for that depends on $f$. Where a tile
holds pairs beyond, they are computed from differences of rows if they are few; else this product
and all later ones are taken in double precision, where differences are for rows all but parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from theorylab.numerics.annotations import Array
from theorylab.numerics.arrays import product
from theorylab.numerics.half_angle import HalfAngleSeries, evaluate

# Rows of a tile: as many as a product needs to be at full speed, few enough to stay in cache.
_TILE = 1024
# What an error of the product may change of a function's value, in single precision.
_RELATIVE_ERROR = 7e-7
# Below this 1 - |rho| the product of double precision moves the angle by more than 20 roundings.
_CLOSE = 1e-3
# Up to so many pairs NumPy is done before a program is compiled.
_FEW_PAIRS = 2**14
# The most elements of rows whose differences are taken at once.
_PAIR_ELEMENTS = 2**22
# So many are few: their differences cost less than a tile in double precision.
_FEW_ELEMENTS = 2**19


def pairwise_series(
    series: Sequence[HalfAngleSeries],
    x: np.ndarray,
    y: np.ndarray | None,
    radius_x: np.ndarray,
    radius_y: np.ndarray,
) -> list[np.ndarray]:
    """`F_k`, Eq. (1), for every series: `(rows of x, rows of y)` each, in the dtype of `x`.

    Arguments:
        series: one function of the correlation each.
        x, y: rows, both float32 or both float64, finite; without `y` both are `x`, and of the
            diagonal nothing is promised. A row of zeros counts as perpendicular to all.
        radius_x, radius_y: `r`, a factor for each row.
    """
    few = len(x) * len(x if y is None else y) <= _FEW_PAIRS
    with _numpy() if few else _jax() as (put, program):
        pairs, waiting = _Pairs(series, x, y, radius_x, radius_y, put), None
        for i in slices(len(x), _TILE):
            for j in slices(len(pairs.y), _TILE):
                if pairs.symmetric and j.start > i.start:
                    break
                # The next tile is computed while the last one is written.
                computed = program(*pairs.tile(i, j))
                if waiting:
                    pairs.write(program, *waiting)
                waiting = (i, j, *computed)
        if waiting:
            pairs.write(program, *waiting)
        return pairs.out


class _Pairs:
    """The rows, and the matrices as they are filled."""

    def __init__(
        self,
        series: Sequence[HalfAngleSeries],
        x: np.ndarray,
        y: np.ndarray | None,
        radius_x: np.ndarray,
        radius_y: np.ndarray,
        put: Callable[[np.ndarray], Any],
    ):
        self.series, self.symmetric = series, y is None
        self.x, self.y = x, x if y is None else y
        self.radii = radius_x, radius_y
        self.dtype = x.dtype
        self.product = x.dtype  # what products are taken in
        self.out = [np.empty((len(x), len(self.y)), x.dtype) for _ in series]
        self.table = _table(series, x.dtype)
        growth = float(np.finfo(np.float32).eps) * x.shape[1] ** 0.5 / 4
        found = [one.limits(growth, _RELATIVE_ERROR) for one in series]
        self.single_limits = tuple(min(side) for side in zip(*found, strict=True))
        self.put = put
        self.cache: dict[tuple, tuple[Any, Any]] = {}

    @property
    def limits(self) -> list[np.ndarray]:
        """The correlations, of either sign, from which on a product does not do."""
        if self.product == np.float64:
            limits = (1 - _CLOSE,) * 2 if self.dtype == np.float64 else (2.0, 2.0)
        else:
            limits = self.single_limits
        return [np.asarray(limit, self.product) for limit in limits]

    def tile(self, i: slice, j: slice) -> tuple:
        """What `_tile` takes."""
        return (*self.rows(0, i), *self.rows(1, j), *self.table, *self.limits)

    def rows(self, side: int, at: slice) -> tuple[Any, Any]:
        """Unit rows of a tile, and their factors."""
        key = (0 if self.symmetric else side, at.start, self.product)
        if key not in self.cache:
            x = (self.x, self.y)[side][at].astype(self.product, copy=False)
            self.cache[key] = self.put(_unit(x)), self.put(self.radii[side][at].astype(self.dtype))
        return self.cache[key]

    def write(
        self, program: Callable[..., Any], i: slice, j: slice, tiles: Sequence[Any], close: Any
    ) -> None:
        """Put the values of a tile in their places, those of close pairs computed anew."""
        square = self.symmetric and i == j
        if int(close) > (i.stop - i.start if square else 0):  # a row is close to itself
            tiles = self._anew(program, i, j, [np.array(tile) for tile in tiles])
        for whole, tile in zip(self.out, tiles, strict=True):
            whole[i, j] = tile
            if square:
                mirror(whole[i, i])
            elif self.symmetric:
                whole[j, i] = np.asarray(tile).T

    def _anew(
        self, program: Callable[..., Any], i: slice, j: slice, tiles: list[np.ndarray]
    ) -> Sequence[Any]:
        if self.product != self.dtype:  # decided since this tile was computed
            return program(*self.tile(i, j))[0]
        rho = np.asarray(self.rows(0, i)[0]) @ np.asarray(self.rows(1, j)[0]).T
        above, below = self.limits
        p, q = np.nonzero((rho > above - 1e-5) | (rho < 1e-5 - below))
        if self.symmetric and i == j:
            p, q = p[p != q], q[p != q]
        if self.dtype == np.float32 and len(p) * self.x.shape[1] > _FEW_ELEMENTS:
            self.product = np.dtype(np.float64)
            return program(*self.tile(i, j))[0]
        scale = self.radii[0][i][p] * self.radii[1][j][q]
        s, near = _distances(self.x[i], self.y[j], p, q)
        for tile, one in zip(tiles, self.series, strict=True):
            tile[p, q] = scale * one(s, near)
        return tiles


_Engine = tuple[Callable[[np.ndarray], Any], Callable[..., Any]]


@contextmanager
def _numpy() -> Iterator[_Engine]:
    yield np.asarray, partial(_tile, np)


@contextmanager
def _jax() -> Iterator[_Engine]:
    """The program of a tile in JAX, at either precision, eager even where a caller is traced."""
    import jax

    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        yield jax.device_put, _compiled()


def mirror(square: np.ndarray) -> None:
    """Make a square equal to its transpose, by its lower triangle, in place."""
    n = len(square)
    if n <= 64:
        square[...] = np.tril(square) + np.tril(square, -1).T
        return
    half = n // 2
    square[:half, half:] = square[half:, :half].T
    mirror(square[:half, :half])
    mirror(square[half:, half:])


def row_lengths(x: np.ndarray) -> np.ndarray:
    """The Euclidean length of each row, in float64, of rows of any scale."""
    largest = np.max(np.abs(x), axis=1, initial=0.0).astype(np.float64)
    # Squares of numbers of middling size neither vanish nor overflow, and need no scaling.
    if not largest.size or (largest.max() < 1e100 and largest.min() > 1e-100):
        return np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))
    scale = np.where(largest > 0, largest, 1)
    scaled = x.astype(np.float64) / scale[:, None]
    return scale * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))


def _table(series: Sequence[HalfAngleSeries], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """The series as two arrays, of lengths that few programs serve."""
    length = -(-max(one.length for one in series) // 4) * 4
    pad = lambda one: np.pad(one.coefficients, ((0, 0), (0, length - one.length)))
    coefficients = np.stack([pad(one) for one in series])
    return coefficients.astype(dtype), np.stack([one.stretch for one in series]).astype(dtype)


def _distances(
    x: np.ndarray, y: np.ndarray, p: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Half the distance of the directions of rows `p` and `q`, or of opposite ones, and which."""
    s, near = np.empty(len(p)), np.empty(len(p), bool)
    step = max(1, _PAIR_ELEMENTS // x.shape[1])
    for start in range(0, len(p), step):
        some = slice(start, start + step)
        u, v = (rows.astype(np.float64) for rows in (x[p[some]], y[q[some]]))
        u, v = (rows / row_lengths(rows)[:, None] for rows in (u, v))
        near[some] = np.einsum("ij,ij->i", u, v) > 0
        s[some] = row_lengths(u - np.where(near[some], 1, -1)[:, None] * v) / 2
    return s, near


def slices(count: int, size: int) -> list[slice]:
    """Slices of nearly equal length that cover `count` rows, none longer than `size`."""
    number = max(1, -(-count // size))
    edges = [count * k // number for k in range(number + 1)]
    return [slice(*pair) for pair in pairwise(edges)]


def _unit(x: np.ndarray) -> np.ndarray:
    lengths = row_lengths(x)
    return (x / np.where(lengths > 0, lengths, 1)[:, None]).astype(x.dtype)


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    return jax.jit(partial(_tile, jnp))


def _tile(
    xp: Any, x: Array, radius_x: Array, y: Array, radius_y: Array,
    coefficients: Array, stretch: Array, above: Array, below: Array,
) -> tuple[list[Array], Array]:  # fmt: skip
    """Eq. (1) for the rows of a tile, and how many pairs of them are too close for the product."""
    rho = product(xp, x, y.T)
    close = xp.sum((rho > above) | (rho < -below), dtype=xp.int32)
    near, size = rho >= 0, xp.abs(rho)
    s = xp.sqrt(xp.maximum((1 - size) / 2, 0)).astype(coefficients.dtype)
    size = size.astype(coefficients.dtype)
    scale = radius_x[:, None] * radius_y
    values = [
        scale * evaluate(xp, size, s, near, *pair)
        for pair in zip(coefficients, stretch, strict=True)
    ]
    return values, close
