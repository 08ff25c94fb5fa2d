r"""Nyström approximation of a positive semidefinite matrix from a few columns, and what it solves.

Pivots $S$ are drawn by randomly pivoted Cholesky: one after another, in proportion to the diagonal
of what is left. With the Cholesky factor $A_{SS} = LL^\top$,

$$A \approx \hat A = A_{:S}A_{SS}^{-1}A_{S:} = FF^\top = U\Lambda U^\top, \qquad
  F = A_{:S}L^{-\top}, \tag{1}$$

never above $A$, and equal to it where $A$ has no greater rank. Candidates are drawn in blocks, and
thinned by rejection so that the pivots have the law of the sequential method. The shifted matrix
$A+\delta I$ is preconditioned by

$$M^{-1}v = U(\Lambda+\delta I)^{-1}U^\top v + \frac{v - UU^\top v}{\lambda_r+\delta}, \tag{2}$$

$\lambda_r$ the least eigenvalue kept, which is about the largest one missing: what $U$ does not
span is scaled by it, so that $M$ is well defined at $\delta = 0$.

References: Chen, Epperly, Tropp & Webber (2022), arXiv:2207.06503 (pivots); Epperly, Tropp &
Webber (2024), arXiv:2410.03969 (blocks); Díaz, Epperly, Frangella, Tropp & Webber (2023),
arXiv:2304.12465 (as a preconditioner); Frangella, Tropp & Udell (2021), arXiv:2110.02820, Eq. (2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, solve_triangular

from theorylab.numerics.annotations import Array, Float

# Candidates of a round: enough for products of matrices at full speed.
_BLOCK = 128
# Rows taken at a time where a product of all rows would need a second copy of the factor.
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class NystromApproximation:
    """`U Lambda U^T`, Eq. (1): eigenvalues ascending, `> 0`, and the trace it leaves out."""

    eigenvectors: Float[Array, "n rank"]
    eigenvalues: Float[Array, " rank"]
    missing_trace: float

    def precondition(self, v: Float[Array, "n columns"], shift: float) -> Float[Array, "n columns"]:
        """`M^-1 v`, Eq. (2), for the shift `delta >= 0` of the matrix."""
        if not len(self.eigenvalues):
            return v
        inside = self.eigenvectors.T @ v
        rest = v - self.eigenvectors @ inside
        least = self.eigenvalues[0] + shift
        return self.eigenvectors @ (inside / (self.eigenvalues + shift)[:, None]) + rest / least


def nystrom_approximation(
    columns: Callable[[np.ndarray], np.ndarray],
    diagonal: Float[Array, " n"],
    rank: int,
    *,
    seed: int | np.random.Generator = 0,
) -> NystromApproximation:
    """Approximate a symmetric positive semidefinite matrix by `rank` of its columns, Eq. (1).

    Arguments:
        columns: of an array of `k` indices, gives those columns of the matrix, `(n, k)`; their
            dtype tells how the entries were rounded.
        diagonal: of the matrix; `>= 0`.
        rank: columns used at most; from 0 to `n`. Fewer are used where the rest is rounding.
        seed: of the draws, or a generator to draw from.

    Returns: the approximation in float64. Memory: `n * rank` numbers; time: about
        `4 n rank^2` operations beside the columns.
    Raises: `ValueError` for a rank out of bounds or a negative diagonal, `TypeError` for one that
        is not whole.
    """
    left = np.array(diagonal, float)
    n = len(left)
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer):
        raise TypeError(f"`rank` must be a whole number; got {rank!r}")
    if not 0 <= rank <= n:
        raise ValueError(f"`rank` must be from 0 to the {n} rows of the matrix; got {rank}")
    if not np.all(left >= 0):
        raise ValueError(f"`diagonal` must be >= 0 everywhere; got {left.min():.6g}")
    rng = np.random.default_rng(seed)
    # Where this much of the diagonal is left it is rounding.
    noise = np.zeros(n)
    factor = np.empty((n, rank))
    k = 0
    while k < rank:
        left[left <= noise] = 0
        if not left.any():
            break
        drawn = rng.choice(n, min(_BLOCK, rank - k), p=left / left.sum())
        new = columns(drawn)
        noise = 10 * float(np.finfo(new.dtype).eps) * np.asarray(diagonal, float)
        new = new - factor[:, :k] @ factor[drawn, :k].T
        kept, L = _thin(new[drawn], noise[drawn], rng)
        if not kept:
            break
        drawn, upto = drawn[kept], k + len(kept)
        factor[:, k:upto] = solve_triangular(L, new[:, kept].T, lower=True).T
        left -= np.einsum("ij,ij->i", factor[:, k:upto], factor[:, k:upto])
        left[drawn] = 0
        k = upto
    return _diagonalised(factor[:, :k], float(np.maximum(left, 0).sum()))


def _thin(
    block: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> tuple[list[int], np.ndarray]:
    """Candidates that sequential draws would take, and the Cholesky factor of their block."""
    block = (block + block.T) / 2
    proposed = np.diag(block).copy()
    uniform = rng.random(len(block))
    kept: list[int] = []
    L = np.zeros_like(block)
    for i, threshold in enumerate(uniform * proposed):
        if block[i, i] > max(threshold, noise[i]):
            L[i:, i] = block[i:, i] / np.sqrt(block[i, i])
            block[i + 1 :, i + 1 :] -= np.outer(L[i + 1 :, i], L[i + 1 :, i])
            kept.append(i)
    return kept, L[np.ix_(kept, kept)]


def _diagonalised(factor: np.ndarray, missing_trace: float) -> NystromApproximation:
    """Eigenvalues and eigenvectors of `F F^T`, these in place of `F`."""
    gram = np.zeros((factor.shape[1],) * 2)
    panels = [factor[start : start + _ROWS] for start in range(0, len(factor), _ROWS)]
    for panel in panels:
        gram += panel.T @ panel
    if not len(gram):
        return NystromApproximation(factor, np.empty(0), missing_trace)
    values, vectors = eigh(gram)
    # Below this the root of an eigenvalue of F^T F is rounding, and its vector not a unit one.
    first = np.searchsorted(values, 1e-13 * values[-1])
    vectors[:, first:] /= np.sqrt(values[first:])
    for panel in panels:
        panel[:] = panel @ vectors
    return NystromApproximation(factor[:, first:], values[first:], missing_trace)
