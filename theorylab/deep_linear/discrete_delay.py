r"""How much later than the flow gradient descent reaches a strength.

A scalar flow $\dot a = f(a)$ followed with steps of size $\eta$ reaches $a_k$ at step $k$ with

$$k\eta = T(a_k) + \frac\eta2\ln\frac{f(a_k)}{f(a_0)} + O(\eta^2), \tag{1}$$

$T$ the time of the flow: descent follows $f-\frac\eta2ff'$. A balanced mode of a network of $L$
weight matrices has $a = u^{1/L}$ and $f(a) = a^{L-1}(s-a^L) = u^{1-1/L}(s-u)$. Both sides are to
be taken at the strength actually reached, not at a threshold it has passed.

Proof: `proofs/deep_linear/discrete_delay.py`. Claim: `deep_linear.discretization_delay`.
Reference: backward error analysis, Hairer, Lubich & Wanner (2006), Geometric Numerical
Integration, Ch. IX; for descent, Barrett & Dherin (2021), arXiv:2009.11162.
"""

from __future__ import annotations

import math

from theorylab.deep_linear.learning_time import require_initial
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_depth,
    require_finite,
    require_positive,
)


def discrete_delay(
    strength: Reals,
    singular_value: Reals,
    initial_strength: Reals,
    learning_rate: Reals,
    *,
    depth: float = 2,
) -> Float[Array, "*batch"]:
    """The delay of descent behind the flow when it reaches `strength`, Eq. (1).

    Arguments:
        strength: `u`, reached by descent; on the same side of `s` as `u0`.
        singular_value: `s`; `> 0`.
        initial_strength: `u0`; `> 0` (any number at depth 1), not equal to `s`.
        learning_rate: `eta`, with `tau = 1`; `> 0`.
        depth: `L`, the number of weight matrices; any real number `>= 1`. Not traced.

    Returns: the delay, in units of time, positive or negative, with an error of second order in
        `eta`; an array of the library of the arguments (NumPy by default).
    Assumes: squared loss, whitened inputs, balanced weights aligned with the target, `eta` well
        below `2 / (L s^(2 - 2/L))`.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    depth = require_depth(depth)
    if math.isinf(depth):
        raise ValueError("`depth` must be finite: rescaled time has no steps; got inf")
    xp, (u, s, u0, eta) = arrays(
        strength=strength,
        singular_value=singular_value,
        initial_strength=initial_strength,
        learning_rate=learning_rate,
    )
    inside = require_positive(singular_value=s, learning_rate=eta)
    inside = require_initial(depth, u0) & inside
    inside = require(u0 != s, "unequal to `singular_value`", initial_strength=u0 + 0 * s) & inside
    ahead = require_finite(strength=u) & ((s - u) * xp.sign(s - u0) > 0) & ((u > 0) | (depth == 1))
    bound = "positive, and on the same side of `singular_value` as `initial_strength`"
    inside = require(ahead, bound, strength=u + 0 * (s + u0)) & inside
    power = 1 - 1 / depth
    growth = power * xp.log(u / u0) if power else 0
    return nan_outside(xp, inside, eta / 2 * (growth + xp.log((s - u) / (s - u0))))
