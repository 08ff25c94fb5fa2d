r"""NC1: how much of the features' variation is left within classes.

With $\Sigma_W, \Sigma_B$ of `class_means`, and $v_k$ the mean squared distance of a class from its
mean,

$$\mathrm{NC1} = \tfrac1K\,\mathrm{tr}(\Sigma_W\Sigma_B^+), \tag{1}$$
$$\frac{\mathrm{tr}\,\Sigma_W}{\mathrm{tr}\,\Sigma_B}, \tag{2}$$
$$\mathrm{CDNV} = \frac1{K(K-1)}\sum_{k\ne l}\frac{v_k+v_l}{2\|\mu_k-\mu_l\|^2}. \tag{3}$$

All are 0 at collapse, and at chance near what `null_variability_collapse` gives (1), and $(n-1)/2$
(3) with $n$ samples a class. NC1 is blind to orthogonal maps, shifts and scales of the features,
and to every other invertible linear map only where $\Sigma_B$ has full rank ($d\le K-1$).

The centred means $A$ ($K\times d$, rows $\mu_k-\mu_G$) have a combination that vanishes, of weights
$n_k$ or 1. It is reflected away first: what rounding would leave of it has a reciprocal. Of the
$K-1$ rows that remain,

$$\mathrm{NC1} = \tfrac1N\|E\tilde A^+\|_F^2, \qquad E_i = h_i-\mu_{y_i}. \tag{4}$$

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186, for (1); Galanti, György & Hutter (2022),
arXiv:2112.15121, for (3).
"""

from __future__ import annotations

from typing import Any

import array_api_compat

from theorylab.neural_collapse._classes import (
    Centre,
    Classes,
    classes,
    exact_products,
    identity,
    norm,
    ratio,
)
from theorylab.numerics.annotations import Array, Float, Reals


def variability_collapse(
    features: Reals,
    labels: Reals,
    *,
    num_classes: int | None = None,
    global_mean: Centre = "samples",
) -> Float[Array, ""]:
    """NC1, Eq. (1): the within-class covariance against the between-class one.

    Arguments:
        features: `h`, one row a sample: an array of NumPy, JAX, PyTorch or another library.
        labels: the class of each sample, a whole number from 0 to `num_classes - 1`.
        num_classes: `K`; `>= 2`. By default one more than the largest label; it must be given,
            and be static, where labels are traced by JAX.
        global_mean: the centre of the class means, the mean of "samples" or of "classes".

    Returns: 0 at collapse (1e-30 or so in float64); `inf` where the class means coincide to
        rounding and the samples do not; NaN where both do. Directions in which the class means
        spread by less than the rounding of the largest spread do not count.
    Raises: `ValueError` for labels out of range or a class without a sample, for features that are
        not finite, and for shapes that do not fit; `TypeError` for labels that are not whole
        numbers. Where values are traced, NaN for the first three.
    """
    at = classes(features, labels, num_classes)
    return at.nan_outside(nc1(at, global_mean))


def trace_ratio(
    features: Reals,
    labels: Reals,
    *,
    num_classes: int | None = None,
    global_mean: Centre = "samples",
) -> Float[Array, ""]:
    """The variance within classes over that between them, Eq. (2).

    Arguments and errors as of `variability_collapse`; `inf` and NaN as there, for means that
    coincide exactly.
    """
    at = classes(features, labels, num_classes).of_unit_scale()
    N, K = at.features.shape[0], at.means.shape[0]
    spread = at.xp.sum(at.centred_means(global_mean) ** 2)
    return at.nan_outside(ratio(at.xp, at.xp.sum(at.deviations**2) / N, spread / K))


def class_distance_variance(
    features: Reals, labels: Reals, *, num_classes: int | None = None
) -> Float[Array, ""]:
    """CDNV, the class-distance normalised variance, Eq. (3).

    Arguments and errors as of `variability_collapse`. `inf` where the means of two classes
    coincide of which one has any variance, NaN where neither has.
    """
    at = classes(features, labels, num_classes)
    return at.nan_outside(cdnv(at))


def nc1(at: Classes, centre: Centre) -> Array:
    """Eq. (4)."""
    at = at.of_unit_scale()
    xp, E, H = at.xp, at.deviations, at.features
    K, d = at.means.shape
    eps = float(xp.finfo(H.dtype).eps)
    A = at.centred_means(centre)
    weights = at.weights(centre)
    # The reflection that takes the weights' direction to the last axis.
    last = xp.concat([xp.zeros_like(weights[1:]), xp.ones_like(weights[:1])])
    v = weights / xp.sqrt(xp.sum(weights**2)) + last
    v = v / xp.sqrt(xp.sum(v**2))
    with exact_products(xp):
        reflected = A - 2 * v[:, None] * (v @ A)[None, :]
        inverse = xp.linalg.pinv(reflected[: K - 1, :], rtol=eps * max(d, K))
        value = xp.sum((E @ inverse) ** 2) / E.shape[0]
    # A mean is off by a rounding or two of itself.
    together = norm(xp, A) <= 4 * eps * norm(xp, at.means)
    collapsed = norm(xp, E) <= 4 * eps * norm(xp, H)
    return xp.where(together & collapsed, xp.nan, xp.where(together, xp.inf, value))


def cdnv(at: Classes) -> Array:
    """Eq. (3)."""
    at = at.of_unit_scale()
    xp, means = at.xp, at.means
    K = means.shape[0]
    v = at.sums(xp.sum(at.deviations**2, axis=1)) / at.counts
    same = identity(xp, K, means)
    pairs = (1 - same) * (v[:, None] + v[None, :])
    return xp.sum(ratio(xp, pairs, 2 * _squared_distances(xp, means) + same)) / (K * (K - 1))


def _squared_distances(xp: Any, rows: Array) -> Array:
    """Of every two rows, by differences: products would cancel where two are close."""
    from_row = lambda row: xp.sum((rows - row) ** 2, axis=1)
    if array_api_compat.is_jax_namespace(xp):
        import jax

        return jax.lax.map(from_row, rows)
    return xp.stack([from_row(rows[k, :]) for k in range(rows.shape[0])])
