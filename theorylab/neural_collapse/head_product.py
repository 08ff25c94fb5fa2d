r"""A head of linear layers: the classifier it amounts to, and the balance of its layers.

Layers $W_1,\dots,W_M$ on top of features, $W_1$ nearest to them and of shape
$d_{j+1}\times d_j$, act as the one classifier

$$W_M\cdots W_1. \tag{1}$$

Under weight decay $\lambda_j$ every stationary point is balanced: neighbours obey

$$\lambda_{j+1}W_{j+1}^\top W_{j+1} = \lambda_jW_jW_j^\top. \tag{2}$$

Features that are free, with a decay of their own, count as one more layer below: `features.T`.

Reference: Dang et al. (2023), arXiv:2301.00437.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from theorylab.neural_collapse._classes import exact_products, norm, ratio, widened
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_positive


def head_product(layers: Sequence[Reals]) -> Float[Array, "classes features"]:
    """The one classifier that a head of linear layers amounts to, Eq. (1).

    Arguments:
        layers: `W_1, ..., W_M` from the features up, each outputs x inputs; one or more.

    For collapse at a layer `j` in between, `head_product(layers[j:])` is set against the means of
    `features @ head_product(layers[:j]).T`.

    Raises: `ValueError` for no layer, shapes that do not fit, or numbers that are not finite;
        where values are traced, NaN for the latter.
    """
    xp, inside, matrices = _layers(layers)
    product = matrices[0]
    with exact_products(xp):
        for matrix in matrices[1:]:
            product = matrix @ product
    return nan_outside(xp, inside, product)


def layer_balance(layers: Sequence[Reals], weight_decay: Reals = 1.0) -> Float[Array, " joints"]:
    """How far neighbouring layers are from balance: the sides of Eq. (2) over the right one.

    Arguments:
        layers: two or more, as of `head_product`.
        weight_decay: `lambda_j`, one for all layers or one for each; `> 0`.

    Returns: the relative distance (Frobenius) for each two neighbours, from the features up: 0 at
        a stationary point. `inf` where only the lower layer is 0, NaN where both are.
    Raises: as `head_product`, and `ValueError` for decays out of bounds or of another number.
    """
    xp, inside, matrices = _layers(layers)
    if len(matrices) < 2:
        raise ValueError("`layers` must be 2 or more for a balance; got 1")
    _, (decay, _) = arrays(weight_decay=weight_decay, like=matrices[0])
    if decay.ndim and tuple(decay.shape) != (len(matrices),):
        raise ValueError(
            f"`weight_decay` must be one number, or one for each of {len(matrices)} layers; "
            f"got shape {tuple(decay.shape)}"
        )
    inside = xp.all(require_positive(weight_decay=decay)) & inside
    decays = [decay[j] if decay.ndim else decay for j in range(len(matrices))]
    joints = []
    with exact_products(xp):
        for j in range(len(matrices) - 1):
            below = decays[j] * (matrices[j] @ matrices[j].T)
            above = decays[j + 1] * (matrices[j + 1].T @ matrices[j + 1])
            joints.append(ratio(xp, norm(xp, above - below), norm(xp, below)))
    return nan_outside(xp, inside, xp.stack(joints))


def _layers(layers: Sequence[Reals]) -> tuple[Any, Bool[Array, ""], list[Array]]:
    if not len(layers):
        raise ValueError("`layers` must hold one matrix or more; got none")
    names = [f"layers[{j}]" for j in range(len(layers))]
    xp, matrices = arrays(**dict(zip(names, layers, strict=True)))
    inside: Any = True
    for name, matrix in zip(names, matrices, strict=True):
        if matrix.ndim != 2:
            raise ValueError(
                f"`{name}` must be a matrix, outputs x inputs; got shape {tuple(matrix.shape)}"
            )
    for j, (below, above) in enumerate(itertools.pairwise(matrices)):
        if above.shape[1] != below.shape[0]:
            raise ValueError(
                f"`{names[j + 1]}` must have {below.shape[0]} columns, as many as `{names[j]}` has "
                f"rows; got shape {tuple(above.shape)}"
            )
    for name, matrix in zip(names, matrices, strict=True):
        inside = xp.all(require_finite(**{name: matrix})) & inside
    return xp, inside, [widened(xp, matrix) for matrix in matrices]
