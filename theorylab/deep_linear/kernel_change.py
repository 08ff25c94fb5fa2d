r"""How far the tangent kernel of a mode moves while it is learned: the lazy-rich dial.

The tangent kernel of a two-layer mode is $a^2+b^2=\sqrt{c^2+4u^2}$ times that of its inputs, so
that training from $u_0$ to $s$ at imbalance $c$ changes it by the fraction

$$\sqrt{\frac{c^2+4s^2}{c^2+4u_0^2}} - 1. \tag{1}$$

Rich at $|c| \ll s$; lazy, with $u \to s+(u_0-s)e^{-|c|t/\tau}$ up to $O(c^{-2})$, at $|c| \gg s$.

Proof: `proofs/deep_linear/unbalanced_mode.py`.
Reference: Dominé, Anguita, Proca et al. (2024), arXiv:2409.14623.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_finite


def kernel_change(
    target: Reals, initial_strength: Reals, imbalance: Reals
) -> Float[Array, "*batch"]:
    """Relative change of the tangent kernel over training, Eq. (1).

    Arguments:
        target: `s`; initial_strength: `u0`; imbalance: `c`; any real numbers, the last two not
            both 0.

    Returns: the fraction, 0 in the lazy limit, an array of the library of the arguments.
    Assumes: squared loss, whitened inputs, weights aligned with the target.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (s, u0, c) = arrays(target=target, initial_strength=initial_strength, imbalance=imbalance)
    inside = require_finite(target=s, initial_strength=u0, imbalance=c)
    start = xp.hypot(c, 2 * u0)
    inside = inside & require(
        start > 0, "nonzero where `initial_strength` is 0", imbalance=c + 0 * u0
    )
    # Eq. (1) as a quotient that cancels nothing, for small changes.
    total = start + xp.hypot(c, 2 * s)
    return nan_outside(xp, inside, 4 * (s - u0) / start * ((s + u0) / total))
