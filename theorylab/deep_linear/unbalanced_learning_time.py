r"""Time an unbalanced mode of a two-layer linear network needs.

With the conserved imbalance $c$ (of a mode $a^2-b^2$, of a one-input one-output network the $K$ of
`scalar_network`) the strength obeys $\tau\dot u = \sqrt{c^2+4u^2}\,(s-u)$, whence

$$t = \frac{\tau}{R}\Big[\ln\frac{1+T(v)\,T_*}{1-T(v)/T_*}\Big]_{v=u_0}^{v=u}, \qquad
  T(v) = \frac{2v}{|c|+\sqrt{c^2+4v^2}}, \quad R = \sqrt{c^2+4s^2}, \quad T_* = T(s). \tag{1}$$

$T$ is the half-angle tangent $\tanh\frac\theta2$ of the hyperbolic coordinate
$2v = |c|\sinh\theta$. The published form is this one at $c > 0$; it takes logarithms of negative
numbers at $c < 0$. At $c = 0$ the law is the balanced one, and needs $u_0 > 0$.

Proof: `proofs/deep_linear/unbalanced_learning_time.py`. Claim: `deep_linear.imbalanced_learning`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, appendix.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_finite,
    require_positive,
)


def unbalanced_learning_time(
    strength: Reals,
    singular_value: Reals,
    initial_strength: Reals,
    imbalance: Reals,
    *,
    tau: Reals = 1.0,
) -> Float[Array, "*batch"]:
    """Time at which the strength of an unbalanced mode reaches `strength`, Eq. (1).

    Arguments:
        strength: `u`, between `initial_strength` and `singular_value`; the time is 0 at the one
            and infinite at the other.
        singular_value: `s`; `> 0`. Targets `s < 0` mirror to `-s, -u0, -u`.
        initial_strength: `u0`, any real number; `> 0` where the imbalance is 0.
        imbalance: `c`, conserved along the flow, of either sign.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: the time, in the units of `tau`, broadcast over the arguments, an array of their
        library (NumPy by default).
    Assumes: squared loss, whitened inputs, weights aligned with the target.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (u, s, u0, c, tau) = arrays(
        strength=strength,
        singular_value=singular_value,
        initial_strength=initial_strength,
        imbalance=imbalance,
        tau=tau,
    )
    inside = require_positive(singular_value=s, tau=tau)
    inside = inside & require_finite(strength=u, initial_strength=u0, imbalance=c)
    start = "> 0 where `imbalance` is 0, to leave the saddle"
    inside = require((c != 0) | (u0 > 0), start, initial_strength=u0) & inside
    between = ((u0 <= u) & (u <= s)) | ((s <= u) & (u <= u0))
    bound = "between `initial_strength` and `singular_value` to be reached"
    inside = require(between, bound, strength=u) & inside

    u, s, u0, c = xp.broadcast_arrays(u, s, u0, xp.abs(c))
    root = lambda v: xp.hypot(c, 2 * v)
    one, R, R0 = xp.ones_like(u), root(s), root(u0)
    opposed = u0 < 0
    passed = opposed & (u >= 0)

    def spread(v, w, across):
        """`|T(v) - T(w)|` over its limit in `|v - w|` at small `c`; `across` 0, times `|c|`."""
        cross = v * root(w) + w * root(v)
        alike = xp.where(cross == 0, 2.0, 1 + c * (v + w) / xp.where(cross == 0, one, cross))
        apart = (v * root(w) - w * root(v)) / xp.where(v == w, one, v - w)
        return xp.where(across, c + apart, alike)

    # Eq. (1) is the logarithm of 1 + (T(u) - T0) (1 + T*^2) / ((T* - T(u)) (1 + T0 T*)), every
    # factor a sum of terms of one sign. The ratio is `odds`, on the way across 0 over `c^2`.
    beyond = 2 * s * (1 + c / (R0 + 2 * xp.abs(u0)))
    start = xp.where(
        opposed,
        ((c + R0) * (1 + c / (R + 2 * s)) + beyond) / (c + R),
        c + R0 + 4 * u0 * s / (c + R),
    )
    done = u == s
    way = xp.where(done, 0 * u, u - u0) / xp.where(done, one, s - u)
    odds = way * spread(u, u0, passed) / spread(u, s, u < 0) * (2 * R / start)
    late = passed & (c**2 < odds)
    safe_odds, safe_c = xp.where(late, odds, one), xp.where(late, c, one)
    across = xp.log(safe_odds) - 2 * xp.log(safe_c) + xp.log1p(safe_c**2 / safe_odds)
    near = xp.log1p(xp.where(late, one, odds) / xp.where(passed & ~late, c**2, one))
    t = tau / R * xp.where(late, across, near)
    return nan_outside(xp, inside, xp.where(done & (u0 != s), xp.inf, t))
