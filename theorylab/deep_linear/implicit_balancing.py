r"""Finite steps balance the layers: the imbalance gradient flow conserves shrinks under descent.

For a one-input one-output network (or one aligned mode) a step of size $\eta$ at residual
$r = s-u$ multiplies $\|w_1\pm w_2\|$ by $|1\pm\eta r|$, and so the imbalance $K$ of
`scalar_network` (of a mode $|c|$, $c = a^2-b^2$), exactly, by

$$K \mapsto K\,|1-\eta^2r^2|. \tag{1}$$

Over a whole run, the sum of $r^2$ along the flow gives

$$\ln\frac{K_\infty}{K_0} = -\eta\Big[\frac s2\Big(\mathrm{asinh}\frac{2s}{K}
  - \mathrm{asinh}\frac{2u_0}{K}\Big) - \frac14\Big(\sqrt{K^2+4s^2}-\sqrt{K^2+4u_0^2}\Big)\Big]
  + O(\eta^2). \tag{2}$$

Proof: `proofs/deep_linear/implicit_balancing.py`. Claim: `deep_linear.finite_steps_balance`.
Reference: derived here from Eq. (1); the effect is that of Wang, Chen, Zhao & Tao (2022),
arXiv:2110.03677, at small steps.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_positive


def implicit_balancing(
    target: Reals, initial_strength: Reals, imbalance: Reals, learning_rate: Reals
) -> Float[Array, "*batch"]:
    """Logarithm of the final over the initial imbalance after training to convergence, Eq. (2).

    Arguments:
        target: `s`, any real number.
        initial_strength: `u0`, any real number.
        imbalance: `K` at the start, or `|c|` of a mode; `> 0`.
        learning_rate: `eta`, with `tau = 1`; `> 0`.

    Returns: `ln(K_final / K_initial)`, negative, with an error of second order in `eta`; an array
        of the library of the arguments (NumPy by default).
    Assumes: squared loss, a whitened input, convergence, `eta |s - u| < sqrt(2)` throughout.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (s, u0, c, eta) = arrays(
        target=target,
        initial_strength=initial_strength,
        imbalance=imbalance,
        learning_rate=learning_rate,
    )
    inside = require_positive(imbalance=c, learning_rate=eta)
    inside = inside & require_finite(target=s, initial_strength=u0)
    # The integral of (s - v) / sqrt(c^2 + 4 v^2) from u0 to s, as sums of terms of one sign: it
    # keeps its digits where u0 is close to s.
    end, start = xp.hypot(c, 2 * s), xp.hypot(c, 2 * u0)
    cross = 4 * u0 * s
    same = (c**2 + 4 * (s**2 + u0**2)) / (start * end + xp.abs(cross))
    opposite = start / c * (end / c) - cross / c / c
    angle = xp.asinh(2 * (s - u0) / (end + start) * (1 + xp.where(cross > 0, same, opposite)))
    roots = 4 * (s - u0) * (s + u0) / (end + start)
    return nan_outside(xp, inside, -eta * (s / 2 * angle - roots / 4))
