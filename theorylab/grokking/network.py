r"""A network of one hidden layer that embeds both arguments of an addition alike.

Of $x, y$ modulo $p$ it gives one logit for each possible answer $j$:

$$f_j(x, y) = \sum_m \xi_m[j]\, \sigma(\theta_m[x] + \theta_m[y]). \tag{1}$$

Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.arrays import arrays, product

ACTIVATIONS = ("quadratic", "relu")


class Weights(NamedTuple):
    """Of all neurons, one in each row, over the integers modulo `p`."""

    input_weights: Float[Array, "*batch neurons p"]
    """`theta`, of the arguments."""
    output_weights: Float[Array, "*batch neurons p"]
    """`xi`, of the answers."""


def network_logits(weights: Weights, activation: str = "quadratic") -> Float[Array, "p p p"]:
    """The logit of every answer to every pair, Eq. (1): axes `x`, `y`, `j`.

    Arguments:
        weights: of one network; `neurons` times `p` each.
        activation: `"quadratic"` or `"relu"`.

    Raises: `ValueError` for shapes that differ, an even `p`, or another activation.
    """
    theta, xi = weights
    xp, (theta, xi) = arrays(input_weights=theta, output_weights=xi)
    require_pair(theta, xi)
    sigma = activation_of(xp, activation)
    hidden = sigma(theta[:, :, None] + theta[:, None, :])
    neurons, p = theta.shape
    logits = product(xp, xp.reshape(hidden, (neurons, p * p)).T, xi)
    return xp.reshape(logits, (p, p, p))


def activation_of(xp: Any, activation: str) -> Any:
    """The function by its name."""
    if activation == "quadratic":
        return lambda z: z * z
    if activation == "relu":
        return lambda z: xp.where(z > 0, z, xp.zeros_like(z))
    raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")


def require_pair(theta: Array, xi: Array, axes: int = 2) -> None:
    """Refuse input and output weights that are not `(neurons, p)` alike, `p` odd."""
    if theta.ndim != axes or theta.shape != xi.shape:
        raise ValueError(
            "`input_weights` and `output_weights` must both be (neurons, p); "
            f"got {tuple(theta.shape)} and {tuple(xi.shape)}"
        )
    odd_modulus(int(theta.shape[-1]))
