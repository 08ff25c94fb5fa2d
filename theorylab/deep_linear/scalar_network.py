r"""One input, one output, any hidden width, any start: the function of the network, exactly.

For weights $w_1, w_2\in\mathbb R^H$, $u = w_1\!\cdot w_2$ and $n = \|w_1\|^2+\|w_2\|^2$, gradient
flow on $(s-u)^2/2$ gives $\tau\dot u = n(s-u)$ and $\tau\dot n = 4u(s-u)$, so that

$$K^2 = n^2-4u^2 = \|w_1-w_2\|^2\,\|w_1+w_2\|^2 \tag{1}$$

is conserved, and $u(t)$ is that of a single pair of weights of imbalance $K$,

$$a_0 = \sqrt{(n_0+K)/2}, \qquad b_0 = u_0/a_0. \tag{2}$$

$K$ is not $\big|\|w_1\|^2-\|w_2\|^2\big|$ unless the two are parallel.

Proof: `proofs/deep_linear/scalar_network.py`. Claim: `deep_linear.scalar_learning`.
Reference: derived here; Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, appendix, for a single
pair of weights.
"""

from __future__ import annotations

from theorylab.deep_linear.unbalanced_mode import unbalanced_mode
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite


def scalar_network(
    t: Reals,
    target: Reals,
    first: Float[Array, "*batch hidden"],
    second: Float[Array, "*batch hidden"],
    *,
    tau: Reals = 1.0,
) -> Float[Array, ...]:
    """Output `u(t)` at unit input of a network with weights `first`, `second` at `t = 0`, Eq. (2).

    Arguments:
        t: time since initialization, in the units of `tau`; `>= 0`. It broadcasts against the
            leading axes of the weights.
        target: `s`, the covariance of output and (whitened) input; any real number.
        first, second: `w1`, `w2`, real, their last axis the hidden units; the networks of the
            leading axes are independent.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: `u(t)`, an array of the library of the arguments (NumPy by default).
    Assumes: squared loss, a whitened input; nothing of the start.
    Raises: `ValueError` on an entry outside the bounds above or on widths that differ; under
        `jit`, NaN instead of the former.
    """
    xp, (t, s, first, second, tau) = arrays(t=t, target=target, first=first, second=second, tau=tau)
    imbalance = scalar_imbalance(first, second)
    size, strength = xp.sum(first**2 + second**2, axis=-1), xp.sum(first * second, axis=-1)
    a = xp.sqrt((size + imbalance) / 2)
    empty = a == 0
    b = xp.where(empty, a, strength / xp.where(empty, xp.ones_like(a), a))
    # Antiparallel equal weights sit on the saddle's stable manifold, which rounding would leave.
    b = xp.where(imbalance == 0, xp.sign(strength) * a, b)
    weights = unbalanced_mode(t, s, a, b, tau=tau)
    return weights.first * weights.second


def scalar_imbalance(
    first: Float[Array, "*batch hidden"], second: Float[Array, "*batch hidden"]
) -> Float[Array, "*batch"]:
    """The conserved `K`, Eq. (1), in the form that cancels nothing.

    Arguments, returns and raises as `scalar_network`.
    """
    xp, (first, second) = arrays(first=first, second=second)
    if first.ndim == 0 or second.ndim == 0 or first.shape[-1] != second.shape[-1]:
        raise ValueError(
            "`first` and `second` must have hidden units as last axis, equally many; "
            f"got shapes {tuple(first.shape)} and {tuple(second.shape)}"
        )
    inside = xp.all(require_finite(first=first, second=second), axis=-1)
    norm = lambda vector: xp.sqrt(xp.sum(vector**2, axis=-1))
    return nan_outside(xp, inside, norm(first - second) * norm(first + second))
