r"""What a projection head does to features: weights before and after it, in a linear model.

$f(x)=W_L\cdots W_1x$ is trained on the spectral contrastive loss

$$-2\,\mathbb E f(x)^\top f(x^+)+\mathbb E\big(f(x)^\top f(x')\big)^2
  +\frac\lambda2\sum_j\|W_j\|_F^2, \tag{1}$$

$x,x^+$ a positive pair, $x,x'$ independent. Features are the common eigenvectors of
$\mathbb E xx^\top$, of eigenvalues $\phi_i$, and of $\mathbb E x{x^+}^\top$, of eigenvalues
$\phi_i^+$: what augmentation keeps of their variance. With layers aligned to them, the singular
value $a$ of $W_L\cdots W_1$ along each feature minimizes

$$-2\phi^+a^2+\phi^2a^4+\tfrac{L\lambda}2a^{2/L}, \tag{2}$$

and each layer has the singular value $a^{1/L}$: after $\ell$ layers the feature has weight
$a^{\ell/L}$. Features before the head, $\ell<L$, are weighted more uniformly than after. As
$\lambda\to0$,

$$a=\sqrt{\phi^+}/\phi. \tag{3}$$

Else $a^2=t\,\phi^+/\phi^2$, where $t$ is the fit of `mode_fit` at depth $M=2L-1$ (the loss sees
$a^2$, a product of $2L$ equal factors) and penalty

$$b=M\Big(\frac{\lambda}{4\phi^+}\Big(\frac{\phi^2}{\phi^+}\Big)^{1-1/L}\Big)^{2L/M}. \tag{4}$$

For $L=2$: the largest root of $4\phi^2a^3-4\phi^+a+\lambda=0$. Decay drops a feature from

$$\lambda_c=\frac{4\phi^+}{2L-1}\,a_c^{2-2/L},\quad
  a_c^2=\frac{2L-2}{2L-1}\,\frac{\phi^+}{\phi^2} \tag{5}$$

on ($4\phi^+$ for one layer), at which $a$ falls from $a_c$ to 0. A network of width $m$ keeps the
$m$ features of largest gain: what (2) falls by,

$$(\phi^+/\phi)^2\,(1-g), \tag{6}$$

$g$ the loss of `mode_fit`. Those need not be the ones of largest weight.

Proof: `proofs/neural_collapse/projection_head.py`.
Claim: `head_weights`.
Reference: Xue, Gan, Ni, Joshi & Mirzasoleiman (2024), arXiv:2403.11391, without decay; Eqs. (4) to
(6) are derived here.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.neural_collapse.mode_fit import mode_fit
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_nonnegative,
    require_positive,
)


class ProjectionHead(NamedTuple):
    """Weights of the features `before` and `after` the head, and the `gain` of each in loss."""

    before: Float[Array, "*batch"]
    after: Float[Array, "*batch"]
    gain: Float[Array, "*batch"]


def projection_head(
    variance: Reals,
    kept_variance: Reals,
    *,
    depth: int = 2,
    encoder_depth: int = 1,
    weight_decay: Reals = 0.0,
    width: int | None = None,
) -> ProjectionHead:
    """Weights of features in a linear encoder and after its projection head, Eqs. (3) and (4).

    Arguments:
        variance: `phi`, of each feature, along the last axis; `> 0`.
        kept_variance: `phi+`, the covariance of the feature in a positive pair; `>= 0`, and at most
            `variance`.
        depth: `L`, the layers of encoder and head together; `>= 1`. Not traced.
        encoder_depth: `l`, those before the head; from 1 to `depth`, which is no head.
        weight_decay: `lambda`; `>= 0`, with 0 the limit of vanishing decay, Eq. (3).
        width: `m`, of the narrowest layer, outputs included; `>= 1`, None for no limit.

    Returns: for each feature, broadcast over the arguments and in their library (NumPy by default),
        its weight after `l` layers and after all, and its gain, Eq. (6). Dropped features have 0
        of each, those that the width leaves out as well; of equal gains the first are kept, though
        training may mix them.
    Assumes: layers aligned with the features at the global minimum: so they are at vanishing decay;
        otherwise this is not proved, and no training seen went below. Decay on two layers or more
        makes local minima that lack features: best of several starts.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    L, encoder = _count("depth", depth), _count("encoder_depth", encoder_depth)
    if encoder > L:
        raise ValueError(f"`encoder_depth` must be at most `depth`, {L}; got {encoder}")
    width = None if width is None else _count("width", width)
    xp, (total, kept, decay) = arrays(
        variance=variance, kept_variance=kept_variance, weight_decay=weight_decay
    )
    inside = require_positive(variance=total)
    inside = require_nonnegative(kept_variance=kept, weight_decay=decay) & inside
    inside = require(kept <= total, "at most `variance`", kept_variance=kept + 0 * total) & inside
    total, kept, decay, inside = xp.broadcast_arrays(total, kept, decay, inside)
    present = inside & (kept > 0)
    one = xp.ones_like(total)
    total, kept = xp.where(present, total, one), xp.where(present, kept, one)
    M, decays = 2 * L - 1, decay > 0
    strain = xp.where(decays, decay, one) / (4 * kept) * (total * total / kept) ** (1 - 1 / L)
    penalty = M * strain ** (2 * L / M)
    decays = decays & (penalty > 0)  # else it underflows
    at = mode_fit(xp.where(decays, penalty, one), M)
    fit = xp.where(decays, at.fit, one)
    # 1 - g, which is 0 or above at the global minimum.
    gain = xp.where(decays, fit * (M * fit - (M - 1)), one) * (kept / total) ** 2
    retained = present & (fit > 0)
    if width is not None and total.ndim:
        worth = xp.where(retained, gain, -one)
        order = xp.argsort(-worth, axis=-1, stable=True)
        retained = retained & (xp.argsort(order, axis=-1) < width)
    after = xp.sqrt(xp.where(retained, fit, one) * kept) / total
    of_retained = lambda x: nan_outside(xp, inside, xp.where(retained, x, xp.zeros_like(x)))
    return ProjectionHead(
        of_retained(after ** (encoder / L)), of_retained(after), of_retained(gain)
    )


def dropping_decay(
    variance: Reals, kept_variance: Reals, *, depth: int = 2
) -> Float[Array, "*batch"]:
    """The weight decay `lambda_c` from which on a feature is dropped, Eq. (5).

    Arguments, assumptions and errors as of `projection_head`.
    """
    L = _count("depth", depth)
    xp, (total, kept) = arrays(variance=variance, kept_variance=kept_variance)
    inside = require_positive(variance=total) & require_nonnegative(kept_variance=kept)
    inside = require(kept <= total, "at most `variance`", kept_variance=kept + 0 * total) & inside
    total = xp.where(inside, total, xp.ones_like(total))
    power = 1 - 1 / L
    at_drop = ((L - 1) / (L - 0.5)) ** power / (2 * L - 1)
    return nan_outside(xp, inside, 4 * at_drop * kept ** (2 - 1 / L) * total ** (-2 * power))


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"`{name}` must be a whole number; got {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be >= 1; got {value}")
    return int(value)
