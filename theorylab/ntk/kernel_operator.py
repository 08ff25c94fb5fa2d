r"""The matrix of a kernel as a linear operator, never stored.

For inputs $x_1,\dots,x_n$ and a symmetric kernel $\Theta$ the operator is

$$v \mapsto (\Theta + \delta I)v, \qquad \Theta_{ij} = \Theta(x_i, x_j). \tag{1}$$

Each product computes the matrix anew, in square tiles of one triangle: a tile $\Theta_{IJ}$ off
the diagonal serves $\Theta_{IJ}v_J$ and $\Theta_{IJ}^\top v_I$ before it is let go, so that the
operator is symmetric whatever the kernel's rounding. Sums are taken in float64, within tiles too,
and in a fixed order: sums in float32 were off by $10^{-5}$ of the labels for coefficients that fit
8192 inputs, and an iterative solver could not go on below that, while the rounding of a float32
*entry* is the same in every product and only perturbs the kernel.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeAlias, TypeVar

import numpy as np
from scipy.sparse.linalg import LinearOperator
from threadpoolctl import threadpool_limits

from theorylab.numerics.annotations import Array, Float, Real, Reals
from theorylab.numerics.arrays import (
    arrays,
    require_examples,
    require_finite,
    require_nonnegative,
    whole_number,
)
from theorylab.numerics.pairwise import slices

Kernel: TypeAlias = Callable[..., Any]
"""`kernel(x1, x2=None)`: an array, rows of `x1` against rows of `x2` (or of `x1` again)."""

_Task = TypeVar("_Task")
_Value = TypeVar("_Value")

# Rows for the diagonal: few, so that entries off it cost nothing; enough to share a call's cost.
_DIAGONAL_TILE = 64
# What JAX keeps for each thread and a kernel's numbers depend on.
_JAX_SETTINGS = ("enable_x64", "default_matmul_precision", "default_device")


class KernelOperator(LinearOperator):
    """`v -> (Theta + ridge I) v`, Eq. (1): a SciPy operator in float64, symmetric.

    Arguments:
        kernel: `(x1, x2=None) -> (n1, n2)` array of finite floating numbers, symmetric in its
            inputs, such as the method `ntk` of a `FullyConnected`. Several threads call it at a
            time.
        x: inputs, one a row; finite. The kernel gets rows of it, in its own floating dtype.
        ridge: `delta`, added to the diagonal; `>= 0`.
        tile: rows of a tile; `>= 1`. Beside `x` and the vectors, a product holds for each thread a
            tile in float64 and what the kernel needs for one.
        threads: tiles computed at a time; `>= 1`, by default one for each processor. With more than
            one, NumPy's products of matrices keep to one thread each while a product lasts.

    Threads work in the context of the one that asks for a product: its `numpy.errstate`, and of
    JAX its 64 bits, precision of products and device. The same product gives the same bits;
    `threads` enters by the rounding of BLAS alone.
    Raises: `ValueError` for arguments out of bounds; in a product, also where the kernel returns
        another shape, no floating numbers, or some that are not finite. `TypeError` for what is
        not a number, or a count that is not whole.
    """

    def __init__(
        self,
        kernel: Kernel,
        x: Reals,
        *,
        ridge: float = 0.0,
        tile: int = 1024,
        threads: int | None = None,
    ):
        self.kernel = kernel
        self.x = _examples("x", x)
        self.ridge = one_number("ridge", ridge)
        require_nonnegative(ridge=np.asarray(self.ridge))
        self.tile = whole_number("tile", tile, 1)
        self.threads = whole_number("threads", _processors() if threads is None else threads, 1)
        super().__init__(np.dtype(float), (len(self.x), len(self.x)))

    def diagonal(self) -> Float[Array, " examples"]:
        """The diagonal, ridge included, at the cost of 64 entries for each of its own."""
        out = np.empty(len(self.x))
        for rows in slices(len(self.x), _DIAGONAL_TILE):
            out[rows] = np.diagonal(self._tile(self.x[rows]))
        return _finite(out) + self.ridge

    def columns(self, indices: np.ndarray) -> Float[Array, "examples columns"]:
        """Columns of the kernel's matrix, without the ridge, in the dtype the kernel returns."""
        chosen, tiles = self.x[indices], []
        compute = lambda rows: self._tile(self.x[rows], chosen)
        keep = lambda _, tile: tiles.append(tile)
        self._each(compute, slices(len(self.x), self.tile), keep)
        return _finite(np.concatenate(tiles))

    def predict(self, x_new: Reals, coefficients: Reals) -> Float[Array, "new ..."]:
        """`Theta(x_new, x) @ coefficients`, without the ridge, at inputs of the dtype of `x`.

        The coefficients are one vector, or several in columns.
        """
        x_new = _examples("x_new", x_new).astype(self.x.dtype)
        require_examples(x_new=x_new, x=self.x)
        coefficients = vectors("coefficients", coefficients, len(self.x))
        doubled = _Doubled()
        out = np.zeros((len(x_new), *coefficients.shape[1:]))

        def product(tile: tuple[slice, slice]) -> np.ndarray:
            new, old = tile
            return doubled(self._tile(x_new[new], self.x[old])) @ coefficients[old]

        def add(tile: tuple[slice, slice], part: np.ndarray) -> None:
            out[tile[0]] += part

        new, old = (slices(len(x), self.tile) for x in (x_new, self.x))
        self._each(product, list(itertools.product(new, old)), add)
        return _finite(out)

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        v = np.ascontiguousarray(X, float)
        require_finite(vector=v)
        doubled = _Doubled()
        out = np.zeros_like(v)

        def products(tile: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
            rows, columns = tile
            diagonal = rows == columns
            theta = doubled(self._tile(self.x[rows], None if diagonal else self.x[columns]))
            # A tile on the diagonal counts with its transpose like the others, but half.
            share = 0.5 if diagonal else 1.0
            return share * (theta @ v[columns]), share * (theta.T @ v[rows])

        def add(tile: tuple[slice, slice], parts: tuple[np.ndarray, np.ndarray]) -> None:
            for rows, part in zip(tile, parts, strict=True):
                out[rows] += part

        triangle = itertools.combinations_with_replacement(slices(len(self.x), self.tile), 2)
        self._each(products, list(triangle), add)
        return _finite(out) + self.ridge * v

    def _adjoint(self) -> KernelOperator:
        return self

    def _transpose(self) -> KernelOperator:
        return self

    def _tile(self, x1: np.ndarray, x2: np.ndarray | None = None) -> np.ndarray:
        """The kernel of two tiles of inputs, of the shape it must have."""
        theta = np.asarray(self.kernel(x1) if x2 is None else self.kernel(x1, x2))
        expected = (len(x1), len(x1 if x2 is None else x2))
        if theta.shape != expected or theta.dtype.kind != "f":
            raise ValueError(
                f"`kernel` must return floating numbers of shape {expected} here; "
                f"got {theta.dtype} of shape {theta.shape}"
            )
        return theta

    def _each(
        self,
        compute: Callable[[_Task], _Value],
        tasks: Sequence[_Task],
        then: Callable[[_Task, _Value], None],
    ) -> None:
        """Compute all tasks, by several threads, and hand on what comes out in their order."""
        if self.threads == 1 or len(tasks) == 1:
            for task in tasks:
                then(task, compute(task))
            return
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.threads) as pool:
            try:
                for task, value in zip(tasks, pool.map(_as_here(compute), tasks), strict=True):
                    then(task, value)
            except BaseException:  # an interrupt too: what has not begun is not waited for
                pool.shutdown(cancel_futures=True)
                raise


class _Doubled:
    """Tiles in float64, each thread's in memory of its own that is used again."""

    def __init__(self):
        self._of_thread = threading.local()

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        if tile.dtype == np.float64:
            return tile
        memory = getattr(self._of_thread, "memory", None)
        if memory is None or memory.size < tile.size:
            memory = self._of_thread.memory = np.empty(tile.size)
        out = memory[: tile.size].reshape(tile.shape)
        np.copyto(out, tile)
        return out


def _as_here(compute: Callable[[_Task], _Value]) -> Callable[[_Task], _Value]:
    """The function, in the context that this thread has now wherever it is called."""
    here = contextvars.copy_context()
    jax = sys.modules.get("jax")  # else the kernel's tiles are the first to load it
    settings = [] if jax is None else [
        (getattr(jax, name), getattr(jax.config, f"jax_{name}")) for name in _JAX_SETTINGS
    ]  # fmt: skip

    def computed(task: _Task) -> _Value:
        with ExitStack() as stack:
            for setting, value in settings:
                stack.enter_context(setting(value))
            return here.copy().run(compute, task)

    return computed


def vectors(name: str, value: Reals, rows: int) -> np.ndarray:
    """A vector of so many entries, or several in columns, finite, in float64."""
    _, (value,) = arrays(**{name: value})
    value = np.asarray(value, float)
    if value.ndim not in (1, 2) or len(value) != rows or not value.size:
        raise ValueError(
            f"`{name}` must be ({rows},) or ({rows}, outputs), a row for each of `x`; "
            f"got shape {value.shape}"
        )
    require_finite(**{name: value})
    return value


def one_number(name: str, value: Real) -> float:
    _, (value,) = arrays(**{name: value})
    if value.ndim:
        raise ValueError(f"`{name}` must be one number; got shape {tuple(value.shape)}")
    return float(value)


def _examples(name: str, x: Reals) -> np.ndarray:
    """Examples in rows, finite, as a floating array of NumPy."""
    _, (x,) = arrays(**{name: x})
    x = np.asarray(x)
    require_examples(**{name: x})
    require_finite(**{name: x})
    return x


def _processors() -> int:
    """Processors this process may use, where the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _finite(values: np.ndarray) -> np.ndarray:
    """What was computed from the kernel: one bad entry shows in a row of its product."""
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
        raise ValueError(f"`kernel` must return finite numbers; in row {row} it did not")
    return values
