r"""The balance of two neighbouring layers after one step of gradient descent, exactly.

Gradient flow conserves the balance $C = W_2^\top W_2 - W_1W_1^\top$; one step of descent does not.
With whitened inputs and $E = \Sigma_{yx} - W_2W_1$,

$$C \mapsto C + \eta^2\big(W_1E^\top E\,W_1^\top - W_2^\top EE^\top W_2\big), \tag{1}$$

of a single mode $a^2-b^2 \mapsto (a^2-b^2)\,(1-\eta^2(s-ab)^2)$. Coloured inputs: the same with
$E = \Sigma_{yx} - W_2W_1\Sigma_x$.

Proof: `proofs/deep_linear/balance_after_step.py`. Claim: `deep_linear.balance_drift`.
Reference: the conservation law is that of Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, and
Arora, Cohen & Hazan (2018), arXiv:1802.06509; the drift is derived here.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_positive


def balance_after_step(
    first: Float[Array, "hidden inputs"],
    second: Float[Array, "outputs hidden"],
    target: Float[Array, "outputs inputs"],
    learning_rate: Reals,
    input_covariance: Float[Array, "inputs inputs"] | None = None,
) -> Float[Array, "hidden hidden"]:
    """The balance `C` one step of descent later, Eq. (1).

    Arguments:
        first, second: the weights `W1`, `W2` before the step.
        target: `Sigma_yx`, the covariance of outputs and inputs.
        learning_rate: `eta`, a number `> 0`.
        input_covariance: `Sigma_x`; the identity (whitened inputs) by default.

    Returns: `C` after the step, an array of the library of the arguments (NumPy by default).
    Assumes: squared loss, full-batch descent; nothing of the weights.
    Raises: `ValueError` on shapes that do not fit, or an entry outside the bounds above; under
        `jit`, NaN instead of the latter.
    """
    white = input_covariance is None
    xp, (W1, W2, S, eta, covariance) = arrays(
        first=first,
        second=second,
        target=target,
        learning_rate=learning_rate,
        input_covariance=1.0 if white else input_covariance,
    )
    if not all(x.ndim == 2 for x in (W1, W2, S)) or (
        (W2.shape[1], W2.shape[0], W1.shape[1]) != (W1.shape[0], *S.shape)
    ):
        raise ValueError(
            "`second @ first` must have the shape of `target`; got shapes "
            f"{tuple(W2.shape)}, {tuple(W1.shape)} and {tuple(S.shape)}"
        )
    if eta.ndim or not (white or covariance.shape == (S.shape[1],) * 2):
        raise ValueError(
            f"`learning_rate` must be a number, `input_covariance` of shape {(S.shape[1],) * 2}; "
            f"got shapes {tuple(eta.shape)} and {tuple(covariance.shape)}"
        )
    inside = require_positive(learning_rate=eta)
    tables = {"first": W1, "second": W2, "target": S, "input_covariance": covariance}
    for name, matrix in tables.items():
        inside = inside & xp.all(require_finite(**{name: matrix}))
    product = W2 @ W1 if white else W2 @ W1 @ covariance
    E = S - product
    backward, forward = W1 @ E.T, W2.T @ E  # the steps of the two layers, over eta
    drift = backward @ backward.T - forward @ forward.T
    return nan_outside(xp, inside, W2.T @ W2 - W1 @ W1.T + eta**2 * drift)
