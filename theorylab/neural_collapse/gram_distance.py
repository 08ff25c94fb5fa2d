r"""NC2 as one number: the distance of vectors from the frame they should form, up to scale.

For the Gram matrix $G$ of $K$ vectors and a target $G_0$,

$$\Big\|\frac G{\|G\|_F}-\frac{G_0}{\|G_0\|_F}\Big\|_F, \tag{1}$$

from 0 to $\sqrt2$. The target is $I-\frac1K\mathbf{11}^\top$ for a simplex equiangular tight
frame, $I$ for an orthogonal frame, and for a general orthogonal frame, whose lengths are free, the
diagonal of $G$: of all diagonals the nearest. Once its mean is subtracted an orthogonal frame is a
simplex, so that only vectors as they are tell the two apart: their distance is
$\sqrt{2(1-\sqrt{(K-1)/K})}$.

Reference: Dang et al. (2023), arXiv:2301.00437, for the frames of deep linear networks.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from theorylab.neural_collapse._classes import (
    exact_products,
    identity,
    norm,
    vectors_in_rows,
    widened,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite

Frame = Literal["simplex_etf", "orthogonal_frame", "general_orthogonal_frame"]


def gram_distance(
    vectors: Reals, target: Reals | Frame = "simplex_etf", *, centred: bool | None = None
) -> Float[Array, ""]:
    """The distance of vectors from a frame, up to rotation and scale, Eq. (1).

    Arguments:
        vectors: one a row: class means, or a classifier's weights; 2 or more.
        target: the frame by name, or a Gram matrix, such as of `seli_grams`.
        centred: whether to subtract the mean of the vectors. By default so for "simplex_etf"
            alone: features of a network with a bias, or with rectifiers, collapse about a mean.

    Returns: 0 on target; NaN where the vectors or the target are 0.
    Raises: `ValueError` for shapes that do not fit, another name, or numbers that are not finite;
        where values are traced, NaN for the latter.
    """
    if isinstance(target, str):
        require_frame("target", target)
        xp, (V,) = arrays(vectors=vectors)
        G0, inside = target, True
    else:
        xp, (V, G0) = arrays(vectors=vectors, target=target)
        inside = xp.all(require_finite(target=G0))
    inside = vectors_in_rows(xp, vectors=V) & inside
    V = widened(xp, V)
    if centred is None:
        centred = isinstance(target, str) and target == "simplex_etf"
    if centred:
        V = V - xp.mean(V, axis=0)
        V = V - xp.mean(V, axis=0)  # of the rounding of the first
    return nan_outside(xp, inside, distance_to(xp, V, G0, "target"))


def normalized_distance(first: Reals, second: Reals) -> Float[Array, ""]:
    """The distance of two arrays of one shape, each over its norm: Eq. (1) for given matrices.

    Arguments:
        first, second: Gram matrices, products of a classifier and class means, or vectors.

    Returns: from 0 to 2; NaN where either is 0.
    Raises: `ValueError` for two shapes or numbers that are not finite; where values are traced,
        NaN for the latter.
    """
    xp, (x, y) = arrays(first=first, second=second)
    if x.shape != y.shape:
        raise ValueError(
            f"`first` and `second` must be of one shape; got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    inside = xp.all(require_finite(first=x)) & xp.all(require_finite(second=y))
    return nan_outside(xp, inside, distance_of_directions(xp, widened(xp, x), widened(xp, y)))


def require_frame(name: str, frame: str) -> None:
    if frame not in get_args(Frame):
        known = ", ".join(f'"{known}"' for known in get_args(Frame))
        raise ValueError(f"`{name}` must be a Gram matrix or one of {known}; got {frame!r}")


def distance_to(xp: Any, V: Array, target: Any, name: str) -> Array:
    """Eq. (1) for vectors in rows as they are; `name` is what users call the target."""
    K = V.shape[0]
    with exact_products(xp):
        G = V @ V.T
    eye = identity(xp, K, V)
    if not isinstance(target, str):
        if tuple(target.shape) != (K, K):
            raise ValueError(
                f"`{name}` must be {K} x {K}, a Gram matrix of one vector a class; "
                f"got shape {tuple(target.shape)}"
            )
        G0 = xp.astype(target, V.dtype)
    elif target == "simplex_etf":
        G0 = eye - 1 / K
    else:
        G0 = eye if target == "orthogonal_frame" else G * eye
    return distance_of_directions(xp, G, G0)


def distance_of_directions(xp: Any, x: Array, y: Array) -> Array:
    return norm(xp, direction(xp, x) - direction(xp, y))


def direction(xp: Any, x: Array, axis: int | None = None) -> Array:
    """`x` over its norm, or NaN: each of its rows for `axis=1`."""
    size = norm(xp, x, axis)
    size = xp.where(size == 0, xp.nan, size)
    return x / (size if axis is None else size[:, None])
