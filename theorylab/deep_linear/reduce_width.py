r"""A narrow two-layer linear network with the dynamics of a wide one, exactly.

Its gradient flow and descent depend on $Q = [W_1^\top; W_2]$, of shape (inputs + outputs, hidden),
only up to rotations $Q \to QR$ of the hidden units: the map, the similarities $W_1^\top W_1$ and
$W_2W_2^\top$, and the loss are the same at all times for $Q$ and for the transpose of the
triangular factor of $Q^\top$.
"""

from __future__ import annotations

from theorylab.deep_linear.balance import neighbouring_layers
from theorylab.numerics.annotations import Array, Float


def reduce_width(
    first: Float[Array, "hidden inputs"], second: Float[Array, "outputs hidden"]
) -> tuple[Float[Array, "narrow inputs"], Float[Array, "outputs narrow"]]:
    """Weights of hidden width at most inputs + outputs that train exactly as these do.

    Arguments: `first`, `W1`, and `second`, `W2`.
    Returns: the narrow weights; the given ones where they are narrow already. Arrays of the library
        of the arguments (NumPy by default).
    Raises: `ValueError` where the hidden widths differ.
    """
    xp, (W1, W2) = neighbouring_layers(first, second)
    if W1.shape[0] <= W1.shape[1] + W2.shape[0]:
        return W1, W2
    triangular = xp.linalg.qr(xp.concat([W1, W2.T], axis=1)).R
    return triangular[:, : W1.shape[1]], triangular[:, W1.shape[1] :].T
