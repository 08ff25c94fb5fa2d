r"""NC3: the classifier is the class means, up to scale.

For a classifier $W$ and class means $M$, both $K\times d$ with a row for each class,

$$\Big\|\frac W{\|W\|_F}-\frac M{\|M\|_F}\Big\|_F, \tag{1}$$

0 at collapse of classes of equal size. Where sizes differ, means and classifier keep their
directions and not their lengths: under squared loss with decay $\lambda_H$ of $N$ features,

$$w_k = (\|w_k\|^2+N\lambda_H)\,\mu_k, \tag{2}$$

if the rows of $W$ are orthogonal. Means are taken about the global mean where they collapse to a
simplex and as they are where to an orthogonal frame (squared loss without bias).

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186, for (1); Dang et al. (2023),
arXiv:2301.00437, for lengths under imbalance.
"""

from __future__ import annotations

from typing import Any

from theorylab.neural_collapse._classes import vectors_in_rows, widened
from theorylab.neural_collapse.gram_distance import direction, distance_of_directions
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_nonnegative


def self_duality(
    weights: Reals, class_means: Reals, *, scales: Reals | None = None
) -> Float[Array, ""]:
    """The distance of classifier and class means, up to scale, Eq. (1).

    Arguments:
        weights: `W`, one row a class; of a deep linear head, `head_product(layers)`.
        class_means: `M`, one row a class, of `class_means`: with `centre` where they collapse to a
            simplex.
        scales: a factor `>= 0` for each class mean: under imbalance `||w_k||^2 + N lambda_H`,
            Eq. (2).

    Returns: 0 at collapse, about `sqrt(2)` at chance, 2 at most; NaN where either is 0.
    Raises: `ValueError` for shapes that do not fit or numbers that are not finite; where values
        are traced, NaN for the latter.
    """
    xp, inside, W, M, factors = _pair(weights, class_means, scales)
    return nan_outside(xp, inside, distance_of_directions(xp, W, factors[:, None] * M))


def duality_cosines(weights: Reals, class_means: Reals) -> Float[Array, " classes"]:
    """The cosine between each classifier and its class mean: 1 at collapse, of any class sizes.

    Arguments and errors as of `self_duality`.
    Returns: one number for each class; NaN where either vector is 0.
    """
    xp, inside, W, M, _ = _pair(weights, class_means, None)
    cosines = xp.sum(direction(xp, W, axis=1) * direction(xp, M, axis=1), axis=1)
    return nan_outside(xp, inside, cosines)


def _pair(
    weights: Reals, class_means: Reals, scales: Reals | None
) -> tuple[Any, Bool[Array, ""], Array, Array, Array]:
    given = dict(weights=weights, class_means=class_means)
    xp, (W, M, *factors) = arrays(**given, **({} if scales is None else {"scales": scales}))
    inside = vectors_in_rows(xp, weights=W, class_means=M)
    if W.shape != M.shape:
        raise ValueError(
            "`weights` and `class_means` must be of one shape, a row for each class and a column "
            f"for each feature; got {tuple(W.shape)} and {tuple(M.shape)}"
        )
    factors = factors[0] if factors else xp.ones_like(M[:, 0])
    if tuple(factors.shape) != (M.shape[0],):
        raise ValueError(
            f"`scales` must be one number for each of {M.shape[0]} classes; "
            f"got shape {tuple(factors.shape)}"
        )
    inside = xp.all(require_nonnegative(scales=factors)) & inside
    return xp, inside, widened(xp, W), widened(xp, M), widened(xp, factors)
