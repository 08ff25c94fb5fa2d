r"""Time a singular mode needs, in a linear network of any depth under gradient flow.

A balanced mode of strength $u$ in a network of $L$ weight matrices obeys

$$\tau\dot u = L\,u^{2-2/L}(s-u), \qquad u(0) = u_0 > 0. \tag{1}$$

With $x = u/s$, $p = 1 - 2/L$ and the scaled time $\theta = L s^{2-2/L}\,t/\tau$ this reads
$x' = x^{1+p}(1-x)$, for every depth from 1 to infinity. In the logit $z = \ln\frac{x}{|1-x|}$,
which runs from $z_0$ to infinity on either side of the target,

$$\theta = \int_{z_0}^{z}(1+e^{-y})^{p}\,dy \quad (u<s), \qquad
  \theta = \int_{z_0}^{z}(1-e^{-y})^{p}\,dy \quad (u>s). \tag{2}$$

Taking out the powers that diverge leaves incomplete Beta functions: with $v = 1/x$,

$$\theta = \Big[\frac{x^{-p}-1}{-p} + \frac{x^{1-p}-1}{1-p} + B(x; 2-p, 0)\Big]_{x_0}^{x}, \qquad
  \theta = \Big[\frac{v^{1+p}}{1+p} + B(v; 2+p, 0)\Big]_{v_0}^{v}. \tag{3}$$

Small starts make plateaus: logarithmic at depth 2, a power of $u_0$ beyond,

$$t \simeq \frac{\tau\,u_0^{-(1-2/L)}}{s\,(L-2)} \quad (L>2,\ u_0\to0). \tag{4}$$

Saxe et al. count layers of neurons, $N_l = L + 1$, and sum over examples where we average: their
covariances are ours times the number of examples. At infinite depth the rate $L/\tau$ diverges, and
times are those of $\dot u = u^2(s-u)$, that is $Lt/\tau$ in place of $t/\tau$.

Proof: `proofs/deep_linear/learning_time.py`. Claims: `deep_linear.depth_sets_the_plateau`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120.
"""

from __future__ import annotations

import math
from typing import Any

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_depth,
    require_finite,
    require_positive,
)
from theorylab.numerics.special import box_cox, incomplete_beta, softplus


def learning_time(
    strength: Reals,
    singular_value: Reals,
    initial_strength: Reals,
    *,
    depth: float = 2,
    tau: Reals = 1.0,
) -> Float[Array, "*batch"]:
    """Time at which a mode reaches `strength`, Eq. (3): the inverse of `mode_strength`.

    Arguments:
        strength: `u`, between `initial_strength` and `singular_value`; the time is 0 at the one
            and infinite at the other.
        singular_value: `s`, the strength the mode has in the target; `> 0`.
        initial_strength: `u0`, the strength at time 0, below or above `s`; `> 0`, or any number
            at depth 1.
        depth: `L`, the number of weight matrices; any real number `>= 1`, or `inf`. Not traced.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: the time, in the units of `tau` (at infinite depth `L` times the time), broadcast over
        the arguments, an array of their library (NumPy by default).
    Assumes: squared loss, whitened inputs, balanced weights aligned with the target.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    depth = require_depth(depth)
    xp, (u, s, u0, tau) = arrays(
        strength=strength,
        singular_value=singular_value,
        initial_strength=initial_strength,
        tau=tau,
    )
    inside = require_positive(singular_value=s, tau=tau) & require_initial(depth, u0)
    inside = require_finite(strength=u) & inside
    between = ((u0 <= u) & (u <= s)) | ((s <= u) & (u <= u0))
    bound = "between `initial_strength` and `singular_value` to be reached"
    inside = require(between, bound, strength=u) & inside
    if depth == 1:
        return nan_outside(xp, inside, tau * _log_ratio(xp, s - u0, s - u))
    below = u0 <= s
    start = xp.where(u0 == s, s / 2, u0)
    rest = xp.where(u == s, start, u)
    theta = elapsed(xp, logit(xp, rest, s), below, depth)
    theta = theta - elapsed(xp, logit(xp, start, s), below, depth)
    t = tau * theta / rate(s, depth)
    return nan_outside(xp, inside, xp.where((u == s) & (u0 != s), xp.inf, t))


def half_time(
    singular_value: Reals, initial_strength: Reals, *, depth: float = 2, tau: Reals = 1.0
) -> Float[Array, "*batch"]:
    """Time at which a mode has half its final strength: `learning_time` at `u = s/2`.

    Stronger modes come first at equal starts only where `s/u0` is large enough: at depth 2 the
    half time `(tau/2s) ln(s/u0 - 1)` falls with `s` only for `s/u0 > 4.59112147666862`, the root
    of `x/(x - 1) = ln(x - 1)`.

    Arguments, returns, assumes and raises as `learning_time`; `u0` at most `s/2`.
    """
    _, (s, u0, tau) = arrays(
        singular_value=singular_value, initial_strength=initial_strength, tau=tau
    )
    require_positive(singular_value=s, tau=tau)
    require_initial(require_depth(depth), u0)
    require(u0 <= s / 2, "<= `singular_value` / 2 for half to be reached from below",
            initial_strength=u0)  # fmt: skip
    return learning_time(s / 2, s, u0, depth=depth, tau=tau)


def transition_width(
    singular_value: Reals,
    *,
    depth: float = 2,
    tau: Reals = 1.0,
    lower: float = 0.1,
    upper: float = 0.9,
) -> Float[Array, "*batch"]:
    """Time between the fractions `lower` and `upper` of the final strength: no start enters it.

    At depth 2 and the default fractions it is `tau ln(9) / s`. Arguments, returns, assumes and
    raises as `learning_time`; `0 < lower <= upper < 1`.
    """
    if not 0 < lower <= upper < 1:
        raise ValueError(
            f"`lower` and `upper` must be 0 < lower <= upper < 1; got {lower}, {upper}"
        )
    _, (s, tau) = arrays(singular_value=singular_value, tau=tau)
    return learning_time(upper * s, s, lower * s, depth=depth, tau=tau)


def plateau(
    singular_value: Reals, initial_strength: Reals, *, depth: float, tau: Reals = 1.0
) -> Float[Array, "*batch"]:
    """Length of the plateau of a deep network from a small start, Eq. (4): leading order in `u0`.

    The correction is of order 1 as `u0` tends to 0, and negative; `learning_time` is exact.

    Arguments, returns, assumes and raises as `learning_time`; `depth` above 2 (at depth 2 the
    plateau grows as `ln(s/u0)/s`, at infinite depth it is `1/(s u0)` in the rescaled time).
    """
    if not require_depth(depth) > 2:
        raise ValueError(f"`depth` must be > 2 for a power-law plateau; got {depth}")
    xp, (s, u0, tau) = arrays(
        singular_value=singular_value, initial_strength=initial_strength, tau=tau
    )
    inside = require_positive(singular_value=s, initial_strength=u0, tau=tau)
    scale = 1 if math.isinf(depth) else depth - 2
    return nan_outside(xp, inside, tau * u0 ** (2 / depth - 1) / (s * scale))


def require_initial(depth: float, u0: Array) -> Any:
    """Only a shallow map leaves 0, or has modes of either sign."""
    if depth == 1:
        return require_finite(initial_strength=u0)
    return require_positive(initial_strength=u0)


def rate(s: Array, depth: float) -> Array:
    """Scaled time per time, `L s^(2 - 2/L)`; without `L` at infinite depth."""
    return (1 if math.isinf(depth) else depth) * s ** (2 - 2 / depth)


def logit(xp: Any, u: Array, s: Array) -> Array:
    """`ln(u / |s - u|)`, to full relative accuracy where it is close to 0 above the target."""
    gap = xp.abs(s - u)
    return xp.where(u < s, xp.log(u / gap), xp.log1p(s / gap))


def elapsed(xp: Any, z: Array, below: Array, depth: float) -> Array:
    """Scaled time at logit `z`, Eq. (3), from an origin of its own on each side of the target."""
    p = 1 - 2 / depth
    log_x, log_gap = -softplus(xp, -z), -softplus(xp, z)
    rising = box_cox(xp, log_x, -p) + box_cox(xp, log_x, 1 - p)
    rising = rising + incomplete_beta(xp, log_x, log_gap, 2 - p)
    z = xp.where(below, xp.ones_like(z), z)
    log_v = xp.log(-xp.expm1(-z))
    falling = xp.exp((1 + p) * log_v) / (1 + p) + incomplete_beta(xp, log_v, -z, 2 + p)
    return xp.where(below, rising, falling)


def _log_ratio(xp: Any, numerator: Array, denominator: Array) -> Array:
    """`ln(numerator / denominator)`: 0 where they are equal, infinite where the latter is 0."""
    equal, spent = numerator == denominator, denominator == 0
    one = xp.ones_like(numerator)
    ratio = xp.where(spent, one, numerator / xp.where(spent, one, denominator))
    return xp.where(spent & ~equal, xp.inf, xp.log(ratio))
