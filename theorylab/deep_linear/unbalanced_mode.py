r"""One mode of a two-layer linear network from any start: the two weights under gradient flow.

$$\tau\dot a = b\,(s-ab), \quad \tau\dot b = a\,(s-ab), \quad c = a^2-b^2 \text{ conserved}.
  \tag{1}$$

With $\kappa = \sqrt{s^2+c^2/4}$ and the angle $\varphi = \frac12\mathrm{atan2}(s, c/2)$, the
coordinates $z_\pm$ of the start along the growing and the shrinking direction give, in units of
$\tau$,

$$N = 1 + z_+^2\,\frac{e^{2\kappa t}-1}{2\kappa} + z_-^2\,\frac{1-e^{-2\kappa t}}{2\kappa}, \qquad
  x_\pm = \frac{z_\pm e^{\pm\kappa t}}{\sqrt N}, \tag{2}$$
$$a = x_+\cos\varphi - x_-\sin\varphi, \qquad b = x_+\sin\varphi + x_-\cos\varphi. \tag{3}$$

All terms of $N$ are positive. The starts $b = -\mathrm{sgn}(s)\,a$ lie on the stable manifold of
the saddle at the origin and stay there.

Proof: `proofs/deep_linear/unbalanced_mode.py`. Claim: `deep_linear.imbalanced_learning`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, appendix; this form is the scalar
case of the matrix solution of Fukumizu (1998) and Dominé, Anguita, Proca et al. (2024),
arXiv:2409.14623.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require_finite,
    require_nonnegative,
    require_positive,
)


class ModeWeights(NamedTuple):
    """The weights of one mode: `first`, `a`, of the input layer, `second`, `b`, of the output's."""

    first: Float[Array, "*batch"]
    second: Float[Array, "*batch"]


def unbalanced_mode(
    t: Reals,
    target: Reals,
    initial_first: Reals,
    initial_second: Reals,
    *,
    tau: Reals = 1.0,
) -> ModeWeights:
    """Weights `(a, b)` at time `t`, Eq. (3); their product is the strength of the mode.

    Arguments:
        t: time since initialization, in the units of `tau`; `>= 0`.
        target: `s`, of any sign or zero.
        initial_first, initial_second: `a` and `b` at `t = 0`, any real numbers.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: `(first, second)`, broadcast over the arguments, arrays of their library (NumPy by
        default).
    Assumes: squared loss, whitened inputs, weights aligned with the target; no balance.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (t, s, a, b, tau) = arrays(
        t=t, target=target, initial_first=initial_first, initial_second=initial_second, tau=tau
    )
    inside = require_nonnegative(t=t) & require_positive(tau=tau)
    inside = inside & require_finite(target=s, initial_first=a, initial_second=b)
    t, s, a, b = xp.broadcast_arrays(t / tau, s, a, b)
    c = (a - b) * (a + b)
    kappa = xp.hypot(s, c / 2)
    # Up to a sign of both, which drops out; taken from the nearer axis, the small one is a sine.
    half = xp.atan2(s, xp.where(c < 0, -c, c) / 2) / 2
    cos = xp.where(c < 0, xp.sin(half), xp.cos(half))
    sin = xp.where(c < 0, xp.cos(half), xp.sin(half))
    on_saddle = (a == -xp.sign(s) * b) & (s != 0)  # rounding would grow in `plus`
    plus = xp.where(on_saddle, 0 * a, a * cos + b * sin)
    minus = b * cos - a * sin
    # Eq. (2) over exp(2 kappa t), which overflows.
    decay, lost = xp.exp(-kappa * t), -xp.expm1(-2 * kappa * t)
    free, one = kappa == 0, xp.ones_like(t)
    gain = xp.where(free, t, lost / xp.where(free, one, 2 * kappa))
    slow = 1 + minus**2 * gain
    norm = xp.sqrt(xp.where(on_saddle, slow, decay**2 * slow + plus**2 * gain))
    # Eq. (3) as what is left of the start plus what has grown: the smaller weight keeps its digits.
    left = xp.where(on_saddle, decay, decay**2)
    return ModeWeights(
        nan_outside(xp, inside, (a * left + plus * cos * lost) / norm),
        nan_outside(xp, inside, (b * left + plus * sin * lost) / norm),
    )
