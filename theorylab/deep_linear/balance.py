"""The balance of two neighbouring layers, which gradient flow conserves."""

from __future__ import annotations

from typing import Any

from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.arrays import arrays


def balance(
    first: Float[Array, "hidden inputs"], second: Float[Array, "outputs hidden"]
) -> Float[Array, "hidden hidden"]:
    """`W2^T W2 - W1 W1^T` of neighbouring weights: zero when they are balanced.

    Arguments: `first`, `W1`, and `second`, `W2`, which is applied after it.
    Returns: an array of the library of the arguments (NumPy by default).
    Raises: `ValueError` where the hidden widths differ.
    """
    _, (W1, W2) = neighbouring_layers(first, second)
    return W2.T @ W2 - W1 @ W1.T


def neighbouring_layers(first: Any, second: Any) -> tuple[Any, tuple[Array, ...]]:
    """The array library of two layers and their weights, which must fit each other."""
    xp, (W1, W2) = arrays(first=first, second=second)
    if W1.ndim != 2 or W2.ndim != 2 or W2.shape[1] != W1.shape[0]:
        raise ValueError(
            "`second` must have as many columns as `first` has rows; "
            f"got shapes {tuple(W2.shape)} and {tuple(W1.shape)}"
        )
    return xp, (W1, W2)
