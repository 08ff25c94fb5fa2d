r"""Balance of neighbouring factors under gradient flow with weight decay.

Layers $W_1,\dots,W_M$ on free features $H$ (examples in columns), or any other input, see the loss
through their product. Whatever the loss and the start, gradient flow with one decay $\lambda$ has

$$B_j=W_{j+1}^\top W_{j+1}-W_jW_j^\top, \quad B_j(t)=e^{-2\lambda t}B_j(0), \tag{1}$$

and so has $W_1^\top W_1-HH^\top$, with the features under the same decay. A step of descent with
gradients $G_j$ does the same to second order in the learning rate $\eta$:

$$B_j\mapsto(1-\eta\lambda)^2B_j+\eta^2(G_{j+1}^\top G_{j+1}-G_jG_j^\top). \tag{2}$$

Proof: `proofs/neural_collapse/balancedness.py`.
Claim: `balance_decay`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, and Arora, Cohen & Hazan (2018),
arXiv:1802.06509, without decay.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_nonnegative


def balancedness(
    t: Reals, initial_balance: Reals, weight_decay: float | Reals
) -> Float[Array, "*times_and_matrix"]:
    """The balance `B(t)` of neighbouring factors, Eq. (1).

    Arguments:
        t: time of the flow; `>= 0`.
        initial_balance: `B(0)`, of any shape: the matrix, one entry of it, its norm.
        weight_decay: `lambda`, one number for both factors; `>= 0`.

    Returns: `B(t)`, the axes of `t` before those of `initial_balance`; an array of the library of
        the arguments (NumPy by default).
    Assumes: equal weight decay; the loss depends on the factors through their product alone.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (t, start, decay) = arrays(t=t, initial_balance=initial_balance, weight_decay=weight_decay)
    if decay.ndim:
        raise ValueError(f"`weight_decay` must be one number; got shape {tuple(decay.shape)}")
    shared = require_nonnegative(t=t, weight_decay=decay)
    axes = (*t.shape, *(1,) * start.ndim)
    inside = xp.reshape(shared, axes) & require_finite(initial_balance=start)
    return nan_outside(xp, inside, xp.reshape(xp.exp(-2 * decay * t), axes) * start)
