r"""Frames that class means and classifiers collapse to, as vectors in rows, one a class.

With $C = I - \frac1K\mathbf{11}^\top$, the Gram matrices are

$$\text{simplex equiangular tight frame: } \tfrac{K}{K-1}\,C, \tag{1}$$
$$\text{orthogonal frame: } I, \qquad \text{general orthogonal frame: }
\mathrm{diag}(r_1^2,\dots,r_K^2), \tag{2}$$
$$\text{cross-polytope: } 1 \text{ on the diagonal, } -1 \text{ within the pairs }
(1,2), (3,4), \dots, \ 0 \text{ elsewhere.} \tag{3}$$

Any rotation of the rows is the same frame; these lie along the first axes, and the others are 0.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186, for Eq. (1); Dang et al. (2023),
arXiv:2301.00437, for Eq. (2).
"""

from __future__ import annotations

import numpy as np

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_nonnegative, whole_number


def simplex_etf(num_classes: int, dimension: int | None = None) -> Float[Array, "classes features"]:
    """Unit vectors at equal angles, of cosine `-1 / (K - 1)`, whose sum is 0, Eq. (1).

    Arguments:
        num_classes: `K`; `>= 2`.
        dimension: of the space they lie in; `>= K - 1`, by default `K`.

    Returns: NumPy float64, `num_classes` rows.
    Raises: `ValueError` for fewer classes or dimensions; `TypeError` for what is no whole number.
    """
    K = whole_number("num_classes", num_classes, 2)
    d = _dimension(dimension, K, K - 1, "the classes less one")
    # The contrasts of Helmert, an orthonormal basis of what sums to 0: j times 1, then -j.
    below = np.tril(np.ones((K, K)), -1)[1:]
    below -= np.diag(np.arange(1.0, K), k=1)[:-1]
    contrasts = below / np.linalg.norm(below, axis=1, keepdims=True)
    return _padded(np.sqrt(K / (K - 1)) * contrasts.T, d)


def orthogonal_frame(
    num_classes: int, dimension: int | None = None
) -> Float[Array, "classes features"]:
    """Orthogonal unit vectors, Eq. (2).

    Arguments:
        num_classes: `K`; `>= 2`.
        dimension: of the space they lie in; `>= K`, by default `K`.

    Returns and errors as of `simplex_etf`.
    """
    K = whole_number("num_classes", num_classes, 2)
    return np.eye(K, _dimension(dimension, K, K, "the classes"))


def general_orthogonal_frame(
    norms: Reals, dimension: int | None = None
) -> Float[Array, "classes features"]:
    """Orthogonal vectors of given lengths, Eq. (2); a collapsed class has length 0.

    Arguments:
        norms: the lengths `r`, one a class, 2 or more; `>= 0`.
        dimension: of the space they lie in; at least the number of lengths above 0, by default `K`.

    Returns and errors as of `simplex_etf`.
    """
    r = np.asarray(norms, float)
    if r.ndim != 1 or r.size < 2:
        raise ValueError(f"`norms` must be one a class, 2 or more; got shape {r.shape}")
    require_nonnegative(norms=r)
    present = np.flatnonzero(r)
    d = _dimension(dimension, r.size, max(present.size, 1), "the lengths above 0")
    frame = np.zeros((r.size, d))
    # Each class along its own axis where there is one for all, the present ones in order otherwise.
    axes = present if d >= r.size else np.arange(present.size)
    frame[present, axes] = r[present]
    return frame


def cross_polytope(
    num_classes: int, dimension: int | None = None
) -> Float[Array, "classes features"]:
    """Orthogonal axes with a class at either end, Eq. (3): classes `2i` and `2i + 1` are opposite.

    Arguments:
        num_classes: `K`; even, `>= 2`.
        dimension: of the space they lie in; `>= K / 2`, by default `K / 2`.

    Returns and errors as of `simplex_etf`.
    """
    K = whole_number("num_classes", num_classes, 2)
    if K % 2:
        raise ValueError(f"`num_classes` must be even: classes come in pairs; got {K}")
    d = _dimension(dimension, K // 2, K // 2, "the pairs of classes")
    return np.kron(np.eye(K // 2, d), np.array([[1.0], [-1.0]]))


def _dimension(dimension: int | None, default: int, least: int, meaning: str) -> int:
    if dimension is None:
        return default
    d = whole_number("dimension", dimension, 1)
    if d < least:
        raise ValueError(f"`dimension` must be >= {least}, {meaning}; got {d}")
    return d


def _padded(rows: np.ndarray, dimension: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, dimension - rows.shape[1])))
