r"""Decay of a mode the target lacks or opposes, in a linear network of any depth.

With a target $s \le 0$ a balanced mode of positive strength cannot change sign: at depth
$L \ge 2$ it decays to 0,

$$\tau\dot u = -L\,u^{2-2/L}(|s| + u), \quad u(0) = u_0 > 0. \tag{1}$$

A mode the target lacks falls as a power, one it opposes exponentially at depth 2,

$$s = 0:\ u = u_0\big[1 + (2L-2)\,u_0^{2-2/L}\,t/\tau\big]^{-L/(2L-2)}, \qquad
  L = 2:\ u = \frac{|s|\,u_0\,e^{-2|s|t/\tau}}{|s| + u_0(1-e^{-2|s|t/\tau})}, \tag{2}$$

and at other depths $u = |s|\,e^{-\zeta}$, where with $p = 1 - 2/L$ and the alternating companion
$A$ of the incomplete Beta function

$$\frac{L|s|^{2-2/L}t}{\tau} = \Theta(\zeta)-\Theta(\zeta_0), \quad \Theta(\zeta)
  = \int_{0}^{\zeta}\frac{e^{py}\,dy}{1+e^{-y}}
  = \begin{cases}\frac{x^{-p}-1}{p} - \frac{1-x^{1-p}}{1-p} + A(1;2-p) - A(x;2-p),
      & x = e^{-\zeta} \le 1,\\
    \frac{v^{1+p}-1}{1+p} + A(1;2+p) - A(v;2+p), & v = e^{\zeta} \le 1. \end{cases} \tag{3}$$

Its tail is $u \simeq [(L-2)|s|t/\tau]^{-L/(L-2)}$ for $L > 2$.

Proof: `proofs/deep_linear/decaying_strength.py`. Claim: `deep_linear.unlearning`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, for targets of any sign.
"""

from __future__ import annotations

import math
from typing import Any

from theorylab.deep_linear.learning_time import rate, require_initial
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require_depth,
    require_nonnegative,
    require_nonpositive,
    require_positive,
)
from theorylab.numerics.roots import increasing_root
from theorylab.numerics.special import alternating_incomplete_beta, box_cox


def decaying_strength(
    t: Reals, target: Reals, initial_strength: Reals, *, depth: float = 2, tau: Reals = 1.0
) -> Float[Array, "*batch"]:
    """Strength `u(t)` of a mode whose target is zero or negative, Eq. (1).

    Arguments:
        t: time since initialization, in the units of `tau`; `>= 0`. At infinite depth, `L` times
            the time.
        target: `s`, the projection of the target on the mode; `<= 0`.
        initial_strength: `u0`, the strength at `t = 0`; `> 0`, or any number at depth 1.
        depth: `L`, the number of weight matrices; 1, any real number `>= 2`, or `inf`. Not traced.
            A shallow map alone goes on to a negative target.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: `u(t)`, broadcast over the arguments, an array of their library (NumPy by default).
    Assumes: squared loss, whitened inputs, balanced weights aligned with the target.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    depth = require_depth(depth)
    if 1 < depth < 2:
        raise ValueError(f"`depth` must be 1 or >= 2; got {depth}")
    xp, (t, s, u0, tau) = arrays(t=t, target=target, initial_strength=initial_strength, tau=tau)
    inside = require_nonnegative(t=t) & require_nonpositive(target=s) & require_positive(tau=tau)
    inside = require_initial(depth, u0) & inside
    t, opposed = xp.broadcast_arrays(t / tau, xp.where(s == 0, xp.ones_like(s), -s))
    if depth == 1:
        return nan_outside(xp, inside, s + (u0 - s) * xp.exp(-t))
    power = 2 - 2 / depth
    pace = power if math.isinf(depth) else 2 * depth - 2
    lacking = u0 * (1 + pace * u0**power * t) ** (-1 / power)
    if depth == 2:
        decay, gone = xp.exp(-2 * opposed * t), -xp.expm1(-2 * opposed * t)
        u = opposed * u0 * decay / (opposed + u0 * gone)
    else:
        u = _deep(xp, rate(opposed, depth) * t, opposed, u0, depth)
    return nan_outside(xp, inside, xp.where(s == 0, lacking, u))


def _deep(xp: Any, theta: Array, s: Array, u0: Array, depth: float) -> Array:
    """Solve Eq. (3) for `zeta` through `w(zeta)`, which has `max(1, e^-y)` for `1 + e^-y`."""
    theta, s, u0 = xp.broadcast_arrays(theta, s, u0)
    p = 1 - 2 / depth
    one, zero = xp.ones_like(s), xp.zeros_like(s)
    above, below = lambda x: xp.maximum(x, zero), lambda x: xp.minimum(x, zero)
    at_one = alternating_incomplete_beta(xp, one, 2 - p)

    def clock(zeta):
        return xp.exp((1 + p) * below(zeta)) / (1 + p) + box_cox(xp, above(zeta), p)

    def unwind(w):
        late = xp.log1p(p * above(w - 1 / (1 + p))) / p
        return late + xp.log(xp.minimum((1 + p) * w, one)) / (1 + p)

    def elapsed(zeta):
        late, v = above(zeta), xp.exp(below(zeta))
        fast = v ** (1 + p) / (1 + p) - alternating_incomplete_beta(xp, v, 2 + p)
        slow = at_one - alternating_incomplete_beta(xp, xp.exp(-late), 2 - p)
        return fast + slow + box_cox(xp, late, p) - box_cox(xp, late, p - 1)

    zeta0 = -xp.log(u0 / s)
    w0, begun = clock(zeta0), elapsed(zeta0)
    residual = lambda w: elapsed(unwind(w)) - begun - theta
    slope = lambda w: 1 / (1 + xp.exp(-xp.abs(unwind(w))))
    w = increasing_root(xp, residual, slope, w0 + theta, w0 + 2 * theta)
    # At the start the flow is its linearization, which carries the derivative in time.
    begin = u0 - (u0 / s) ** (1 + p) * (s + u0) * theta
    return xp.where(theta == 0, begin, s * xp.exp(-unwind(w)))
