r"""Averages over a pair of normal variables of a function that has kinks in either of them.

Let $u, v$ be normal of deviations $s, s'$ and correlation $\rho$. With independent standard normal
$x, y$ and $\cos\tfrac\theta2 = \sqrt{(1+\rho)/2}$, $\sin\tfrac\theta2 = \sqrt{(1-\rho)/2}$,

$$u = s\,\big(x\cos\tfrac\theta2 + y\sin\tfrac\theta2\big), \qquad
  v = s'\big(x\cos\tfrac\theta2 - y\sin\tfrac\theta2\big). \tag{1}$$

In this frame nothing becomes narrow as $\rho\to1$. Kinks in $u$ and $v$ are lines of slope
$\mp\tan\tfrac\theta2$: the inner integral over $x$ is broken where it meets them, the outer one
over $y$ where two of them meet, which is all that Gauss-Legendre quadrature needs to converge
geometrically. For $\rho<0$ the parts of $x$ and $y$ are exchanged. The order grows until two
agree; their difference is the error returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from theorylab.numerics.annotations import Float
from theorylab.numerics.hermite import convergent, gauss_legendre

_ORDERS = (10, 15, 22, 33, 50, 75)
_AT_ONCE = 2**19
_MOST = 2**23


class PairAverages(NamedTuple):
    value: Float[np.ndarray, "functions pairs"]
    error: Float[np.ndarray, "functions pairs"]


def pair_averages(
    functions: Callable[[np.ndarray, np.ndarray], np.ndarray],
    deviations: tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]],
    gaps: tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]],
    breaks: Sequence[float] | Float[np.ndarray, " breaks"],
    *,
    reach: float,
    goal: Float[np.ndarray, "functions pairs"],
) -> PairAverages:
    """Averages of several functions of `u` and `v`, Eq. (1), for many pairs at a time.

    Arguments:
        functions: of arrays `u` and `v` of one shape; the results stacked along a new first axis.
        deviations: `s` and `s'`; `> 0`.
        gaps: `1 - rho` and `1 + rho`, `>= 0`, each with all its digits where it is small.
        breaks: where the functions have kinks or jumps in `u` or `v`, or are steep.
        reach: of `x` and `y`, in deviations; 9.6 for functions that do not grow; `> 4.5`.
        goal: the errors at which the order grows no more.

    Returns: the averages and their errors, from the differences between orders.
    """
    value = np.zeros_like(goal)
    error, difference = (np.full_like(goal, np.inf) for _ in range(2))
    frame = _frame(*deviations, *gaps, np.asarray(breaks, float), reach)
    open_ = np.arange(goal.shape[1])
    before: np.ndarray | None = None
    for order in _ORDERS:
        nodes = order**2 * frame.panels
        if nodes > _MOST:
            break
        chunks = np.array_split(open_, min(len(open_), -(-len(open_) * nodes // _AT_ONCE)))
        now = np.concatenate([_rule(functions, frame.of(rows), order) for rows in chunks], axis=1)
        if before is not None:
            new = np.abs(now - before)
            error[:, open_] = np.where(
                new <= goal[:, open_], new, convergent(new, difference[:, open_])
            )
            value[:, open_], difference[:, open_] = now, new
        left = (error[:, open_] > goal[:, open_]).any(axis=0)
        before, open_ = now[:, left], open_[left]
        if not len(open_):
            break
    return PairAverages(value, error)


class _Frame(NamedTuple):
    """`u = s (p x + q y)`, `v = s' (p x - q y)` with `p >= q`; the sign of `s'` is that of rho."""

    s: np.ndarray
    t: np.ndarray
    p: np.ndarray
    q: np.ndarray
    u_lines: np.ndarray
    v_lines: np.ndarray
    y_edges: np.ndarray
    x_edges: np.ndarray

    @property
    def panels(self) -> int:
        inner = len(self.x_edges) + self.u_lines.shape[1] + self.v_lines.shape[1]
        return self.y_edges.shape[1] * inner

    def of(self, rows: np.ndarray) -> _Frame:
        s, t, p, q, u_lines, v_lines, y_edges = (part[rows] for part in self[:-1])
        return _Frame(s, t, p, q, u_lines, v_lines, y_edges, self.x_edges)


def _frame(
    s: np.ndarray,
    t: np.ndarray,
    minus: np.ndarray,
    plus: np.ndarray,
    breaks: np.ndarray,
    reach: float,
) -> _Frame:
    p, q = np.sqrt(np.maximum(minus, plus) / 2), np.sqrt(np.minimum(minus, plus) / 2)
    t = np.where(minus <= plus, t, -t)
    u_lines, v_lines = breaks / s[:, None], breaks / t[:, None]
    apart = (u_lines[:, :, None] - v_lines[:, None, :]).reshape(len(s), len(breaks) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = np.where(apart == 0, 0.0, apart / (2 * q[:, None]))
    # Wide where the density is small; a function that grows moves the weight there.
    # No round numbers: at an edge what is steep would look like a jump.
    inner = np.array([-4.41, -1.93, 0.137, 2.11, 4.57])
    beyond = np.arange(9.6, reach, 5.1)
    grid = np.concatenate([[-reach], -beyond[::-1], inner, beyond, [reach]])
    grid = np.unique(grid)
    return _Frame(s, t, p, q, u_lines, v_lines, _edges(grid, meet), grid)


def _edges(grid: np.ndarray, more: np.ndarray) -> np.ndarray:
    """`grid` and `more` in order along the last axis, less what is empty everywhere."""
    spread = np.broadcast_to(grid, (*more.shape[:-1], len(grid)))
    edges = np.sort(np.concatenate([spread, np.clip(more, grid[0], grid[-1])], axis=-1), axis=-1)
    wide = np.diff(edges, axis=-1).reshape(-1, edges.shape[-1] - 1).any(axis=0)
    return edges[..., np.append(True, wide)]


def _nodes(edges: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes, and weights that contain the normal density."""
    x, w = gauss_legendre(order)
    half = np.diff(edges)[..., None] / 2
    shape = (*edges.shape[:-1], -1)
    nodes = ((edges[..., 1:] + edges[..., :-1])[..., None] / 2 + half * x).reshape(shape)
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return nodes, (half * w).reshape(shape) * density


def _rule(functions: Callable, frame: _Frame, order: int) -> np.ndarray:
    y, y_weights = _nodes(frame.y_edges, order)
    column = lambda part: part[:, None, None]
    shift = column(frame.q) * y[:, :, None]
    p = column(frame.p)
    u_meets = (frame.u_lines[:, None, :] - shift) / p
    v_meets = (frame.v_lines[:, None, :] + shift) / p
    edges = _edges(frame.x_edges, np.concatenate([u_meets, v_meets], axis=-1))
    x, x_weights = _nodes(edges, order)
    values = functions(column(frame.s) * (p * x + shift), column(frame.t) * (p * x - shift))
    # Nodes of an empty panel lie on a kink, where a derivative may be anything.
    values = np.where(x_weights > 0, values, 0.0)
    return np.einsum("fpyx,pyx,py->fp", values, x_weights, y_weights, optimize=True)
