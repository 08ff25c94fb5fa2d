r"""NC4: the classifier decides as the nearest class mean does.

$$\frac1N\#\Big\{i:\ \arg\max_k(w_k^\top h_i+b_k) \ne \arg\min_k\|h_i-\mu_k\|\Big\}, \tag{1}$$

0 at collapse. Entries that differ by less than the rounding of their computation,
$d\,\epsilon$ times the product of lengths, tie; of those that tie with the best the lowest class
counts. So it is with classes that collapse to the origin, all of whose logits are equal.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from theorylab.neural_collapse._classes import (
    Classes,
    classes,
    classifier,
    exact_products,
    norm,
    widened,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays


class NearestMeanMismatch(NamedTuple):
    """NC4: the fraction of samples the two rules disagree on, and the number either ties on."""

    fraction: Float[Array, ""]
    ties: Float[Array, ""]


def nearest_mean_mismatch(
    features: Reals, labels: Reals, weights: Reals, bias: Reals | None = None
) -> NearestMeanMismatch:
    """The fraction of samples that classifier and nearest class mean disagree on, Eq. (1).

    Arguments:
        features: `h`, one row a sample, of whose means the nearest is sought.
        labels: the class of each sample, a whole number.
        weights: `W`, one row a class; of a deep linear head, `head_product(layers)`.
        bias: `b`, one number a class; none by default.

    Returns: the fraction, 0 at collapse and about `1 - 1/K` at chance, and the number of ties.
    Raises: as `variability_collapse`, and `ValueError` for a classifier of another shape.
    """
    at, W, b = with_classifier(features, labels, weights, bias, None)
    return mismatch(at, W, b)


def with_classifier(
    features: Reals,
    labels: Reals,
    weights: Reals,
    bias: Reals | None,
    num_classes: int | None,
) -> tuple[Classes, Array, Array]:
    """Features by class beside a classifier that fits them, all of one library."""
    given = dict(features=features, labels=labels, weights=weights)
    given |= {} if bias is None else dict(bias=bias)
    xp, (H, _, W, *b) = arrays(**given)
    if num_classes is None and W.ndim == 2:
        num_classes = W.shape[0]
    at = classes(H, labels, num_classes)
    b = b[0] if b else xp.zeros_like(at.counts)
    inside = classifier(xp, W, b, *at.means.shape)
    return at._replace(inside=at.inside & inside), widened(xp, W), widened(xp, b)


def mismatch(at: Classes, W: Array, b: Array) -> NearestMeanMismatch:
    """Eq. (1), the distance as `-h.m + |m|^2 / 2` about the global mean."""
    xp, centre = at.xp, at.global_mean("samples")
    M = at.means - centre
    chosen, tied = _best(xp, at.features, W, b)
    nearest, also_tied = _best(xp, at.features - centre, M, -xp.sum(M**2, axis=1) / 2)
    fraction = xp.mean(xp.astype(chosen != nearest, M.dtype))
    ties = xp.sum(xp.astype(tied | also_tied, M.dtype))
    return NearestMeanMismatch(at.nan_outside(fraction), at.nan_outside(ties))


def _best(xp: Any, H: Array, W: Array, b: Array) -> tuple[Array, Array]:
    """The class of the largest `w.h + b` for each row `h`, and whether it ties."""
    with exact_products(xp):
        scores = H @ W.T + b
    unit = H.shape[1] * xp.finfo(H.dtype).eps
    size = norm(xp, H, axis=1) * xp.max(norm(xp, W, axis=1)) + xp.max(xp.abs(b))
    top = scores >= xp.max(scores, axis=1)[:, None] - unit * size[:, None]
    top = xp.astype(top, xp.int32)
    return xp.argmax(top, axis=1), xp.sum(top, axis=1) > 1
