r"""Functions of the angle between every two rows, at little more than the price of their products.

For rows $x_i$ of unit vectors $\hat x_i$ and series $f_k$ of `theorylab.numerics.half_angle`,

$$F_{k,ij} = r_i\,r_j\,f_k(\hat x_i\cdot\hat x_j). \tag{1}$$

A product of tiles gives the correlations; what follows, however complicated the function, is one
root, one quotient and a polynomial per pair, in one pass over memory. Of a symmetric matrix one
triangle is computed. Where rows are nearly parallel their product tells the angle to the root of
the rounding error only: there it is computed anew from differences, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np

from theorylab.numerics.annotations import Array
from theorylab.numerics.half_angle import HalfAngleSeries, evaluate

# Rows of a tile: as many as a product needs to be at full speed, few enough to stay in cache.
_TILE = 1024
# Below this 1 - |rho| the product's rounding moves the angle by more than 20 roundings.
_CLOSE = 1e-3
# Up to so many pairs NumPy is done before a program is compiled.
_FEW_PAIRS = 2**14
# The most elements of the rows whose differences are taken at once.
_PAIR_ELEMENTS = 2**22


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
    symmetric = y is None
    y = x if y is None else y
    dtype = x.dtype
    table = _Table(series, dtype)
    units = [_unit(x)] * 2 if symmetric else [_unit(x), _unit(y)]
    radii = [radius.astype(dtype) for radius in (radius_x, radius_y)]
    rows, columns = _tiles(len(x)), _tiles(len(y))
    out = [np.empty((len(x), len(y)), dtype) for _ in series]

    def finish(i: slice, j: slice, tiles: Sequence[Any], close: Any) -> None:
        own = len(x[i]) if symmetric and i == j else 0
        tiles = [np.asarray(tile) for tile in tiles]
        if close > own:
            tiles = [tile.copy() for tile in tiles]
            p, q = np.nonzero(np.abs(units[0][i] @ units[1][j].T) > 1 - 1.1 * _CLOSE)
            apart = (p != q) if own else np.full(p.shape, True)
            p, q = p[apart], q[apart]
            scale = radius_x[i][p] * radius_y[j][q]
            s, near = _distances(x[i], y[j], p, q)
            for tile, one in zip(tiles, series, strict=True):
                tile[p, q] = scale * one(s, near)
        for whole, tile in zip(out, tiles, strict=True):
            whole[i, j] = tile
            if symmetric and i != j:
                whole[j, i] = tile.T
            elif symmetric:
                mirror(whole[i, i])

    with _numpy() if len(x) * len(y) <= _FEW_PAIRS else _jax(dtype) as (put, program):
        left, right = (
            [(put(unit[i]), put(radius[i])) for i in slices]
            for unit, radius, slices in zip(units, radii, (rows, columns), strict=True)
        )
        waiting = None
        for i, tile_x in zip(rows, left, strict=True):
            for j, tile_y in zip(columns, right, strict=True):
                if symmetric and j.start > i.start:
                    break
                # The next tile is computed while the last one is written.
                computed = program(*tile_x, *tile_y, table.coefficients, table.stretch)
                if waiting:
                    finish(*waiting)
                waiting = (i, j, *computed)
        if waiting:
            finish(*waiting)
    return out


_Engine = tuple[Callable[[np.ndarray], Any], Callable[..., Any]]


@contextmanager
def _numpy() -> Iterator[_Engine]:
    yield np.asarray, partial(_tile, np)


@contextmanager
def _jax(dtype: np.dtype) -> Iterator[_Engine]:
    """JAX at the precision of `dtype`, and eager even where a caller is being traced."""
    import jax

    with jax.enable_x64(dtype == np.float64), jax.ensure_compile_time_eval():
        yield jax.device_put, _compiled()


def mirror(square: np.ndarray) -> None:
    """Make a square equal to its transpose, by its lower triangle, in place."""
    square[...] = np.tril(square) + np.tril(square, -1).T


def row_lengths(x: np.ndarray) -> np.ndarray:
    """The Euclidean length of each row, in float64."""
    return np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))


class _Table:
    """The series as two arrays, of lengths that few programs serve."""

    def __init__(self, series: Sequence[HalfAngleSeries], dtype: np.dtype):
        length = -(-max(one.length for one in series) // 4) * 4
        pad = lambda one: np.pad(one.coefficients, ((0, 0), (0, length - one.length)))
        self.coefficients = np.stack([pad(one) for one in series]).astype(dtype)
        self.stretch = np.stack([one.stretch for one in series]).astype(dtype)


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


def _tiles(n: int) -> list[slice]:
    count = -(-n // _TILE)
    size = -(-n // count) if count else 0
    return [slice(start, min(start + size, n)) for start in range(0, n, max(size, 1))]


def _unit(x: np.ndarray) -> np.ndarray:
    lengths = row_lengths(x)
    return (x / np.where(lengths > 0, lengths, 1)[:, None]).astype(x.dtype)


@lru_cache(maxsize=1)
def _compiled() -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    return jax.jit(partial(_tile, jnp))


def _tile(
    xp: Any, x: Array, radius_x: Array, y: Array, radius_y: Array, coefficients: Array,
    stretch: Array,
) -> tuple[list[Array], Array]:  # fmt: skip
    """Eq. (1) for the rows of a tile, and how many pairs of them are close to parallel."""
    rho = x @ y.T if xp is np else xp.matmul(x, y.T, precision="highest")
    size = xp.abs(rho)
    s = xp.sqrt(xp.maximum((1 - size) / 2, 0))
    scale = radius_x[:, None] * radius_y
    values = [
        scale * evaluate(xp, size, s, rho >= 0, *pair)
        for pair in zip(coefficients, stretch, strict=True)
    ]
    return values, xp.sum(size > 1 - _CLOSE)
