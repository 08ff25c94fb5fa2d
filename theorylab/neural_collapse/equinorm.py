r"""NC2 of given vectors: equal lengths, and equal angles as wide as can be.

Of $K$ vectors $v_k$ (rows) with cosines $c_{kl}$,

$$\mathrm{std}_k\|v_k\| \,/\, \mathrm{mean}_k\|v_k\|, \qquad \mathrm{std}_{k\ne l}\,c_{kl}, \qquad
  \mathrm{mean}_{k\ne l}\Big|c_{kl}+\frac1{K-1}\Big|, \tag{1}$$

all 0 for a simplex equiangular tight frame. Of an orthogonal frame the first two are. Deviations
are of the population: divided by their number. The vectors count as they are given: class means
that collapse to a simplex do so about the global mean (`class_means(..., centre="samples")`),
orthogonal ones about the origin. At chance, in $d$ dimensions, the first is about $1/\sqrt{2d}$ and
the second $1/\sqrt d$.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186.
"""

from __future__ import annotations

from typing import Any

from theorylab.neural_collapse._classes import (
    exact_products,
    identity,
    norm,
    ratio,
    root,
    vectors_in_rows,
    widened,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside


def equinorm(vectors: Reals) -> Float[Array, ""]:
    """How unequal the lengths of vectors are, relative to their mean, Eq. (1).

    Arguments:
        vectors: `v`, one a row: class means, or a classifier's weights; 2 or more.

    Returns: 0 for equal lengths; NaN if all are 0.
    Raises: `ValueError` for another shape or numbers that are not finite; where values are
        traced, NaN for the latter.
    """
    xp, (V,) = arrays(vectors=vectors)
    inside = vectors_in_rows(xp, vectors=V)
    return nan_outside(xp, inside, spread_of_norms(xp, widened(xp, V)))


def equiangularity(vectors: Reals) -> Float[Array, ""]:
    """How unequal the cosines between vectors are, Eq. (1): 0 where all are one.

    Arguments and errors as of `equinorm`; NaN if any vector is 0.
    """
    xp, (V,) = arrays(vectors=vectors)
    inside = vectors_in_rows(xp, vectors=V)
    return nan_outside(xp, inside, spread_of_cosines(xp, widened(xp, V)))


def max_angle(vectors: Reals) -> Float[Array, ""]:
    """How far cosines are from `-1 / (K - 1)`, the least that all can have, Eq. (1).

    Arguments and errors as of `equinorm`; NaN if any vector is 0.
    """
    xp, (V,) = arrays(vectors=vectors)
    inside = vectors_in_rows(xp, vectors=V)
    V = widened(xp, V)
    K = V.shape[0]
    others = 1 - identity(xp, K, V)
    excess = xp.abs(_cosines(xp, V) + 1 / (K - 1))
    return nan_outside(xp, inside, xp.sum(others * excess) / (K * (K - 1)))


def spread_of_norms(xp: Any, V: Array) -> Array:
    norms = norm(xp, V, axis=1)
    mean = xp.mean(norms)
    return ratio(xp, root(xp, xp.mean((norms - mean) ** 2)), mean)


def spread_of_cosines(xp: Any, V: Array) -> Array:
    K = V.shape[0]
    others, c = 1 - identity(xp, K, V), _cosines(xp, V)
    mean = xp.sum(others * c) / (K * (K - 1))
    return root(xp, xp.sum(others * (c - mean) ** 2) / (K * (K - 1)))


def _cosines(xp: Any, V: Array) -> Array:
    norms = norm(xp, V, axis=1)
    units = V / xp.where(norms == 0, xp.nan, norms)[:, None]
    with exact_products(xp):
        return units @ units.T
