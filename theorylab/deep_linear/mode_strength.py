r"""Strength of a singular mode of a linear network of any depth, under gradient flow.

A target mode of singular value $s$ is learned by a product $u = a_1\cdots a_L$ of one weight from
each layer. On the balanced manifold $a_1 = \dots = a_L$, gradient flow on $(s-u)^2/2$ is

$$\tau\dot u = L\,u^{2-2/L}(s-u), \quad u(0) = u_0, \tag{1}$$

with the solutions, at depth 1 and 2,

$$u = s + (u_0-s)\,e^{-t/\tau}, \qquad
  u = \frac{s\,e^{2st/\tau}}{e^{2st/\tau} - 1 + s/u_0}, \tag{2}$$

and at any other depth the inverse of the time law, Eq. (3) of `learning_time`.

Proof: `proofs/deep_linear/mode_strength.py`. Claims: `deep_linear.sigmoidal_learning`,
`deep_linear.depth_sets_the_plateau`, `deep_linear.first_order_descent`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120.
"""

from __future__ import annotations

import math
from typing import Any

from theorylab.deep_linear.learning_time import elapsed, logit, rate, require_initial
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require_depth,
    require_nonnegative,
    require_positive,
)
from theorylab.numerics.roots import increasing_root


def mode_strength(
    t: Reals,
    singular_value: Reals,
    initial_strength: Reals,
    *,
    depth: float = 2,
    tau: Reals = 1.0,
) -> Float[Array, "*batch"]:
    """Strength `u(t)` of one singular mode, Eq. (1).

    Arguments:
        t: time since initialization, in the units of `tau`; `>= 0`. At infinite depth, `L` times
            the time.
        singular_value: `s`, the strength the mode has in the target; `> 0`. Modes the target
            lacks or opposes decay: `decaying_strength`.
        initial_strength: `u0`, the strength at `t = 0`, below or above `s`; `> 0`, or any number
            at depth 1.
        depth: `L`, the number of weight matrices; any real number `>= 1`, or `inf`. Not traced.
        tau: time constant of the flow, one over the learning rate; `> 0`.

    Returns: `u(t)`, broadcast over the arguments, an array of their library (NumPy by default).
        Inputs coloured along the modes, of variance `lambda` along this one, are the white problem
        with `s / lambda` and `tau / lambda`.
    Assumes: squared loss, whitened inputs, balanced weights aligned with the target.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    depth = require_depth(depth)
    xp, (t, s, u0, tau) = arrays(
        t=t, singular_value=singular_value, initial_strength=initial_strength, tau=tau
    )
    inside = require_nonnegative(t=t) & require_positive(singular_value=s, tau=tau)
    inside = require_initial(depth, u0) & inside
    # Every sum below is of terms of one sign where u0 > 0, and no exponential grows.
    if depth == 1:
        u = u0 * xp.exp(-t / tau) - s * xp.expm1(-t / tau)
    elif depth == 2:
        decay, learned = xp.exp(-2 * s * t / tau), -xp.expm1(-2 * s * t / tau)
        u = s * u0 / (s * decay + u0 * learned)
    else:
        u = _deep(xp, rate(s, depth) * t / tau, s, u0, depth)
    return nan_outside(xp, inside, u)


def _deep(xp: Any, theta: Array, s: Array, u0: Array, depth: float) -> Array:
    """Solve `elapsed(z) = elapsed(z0) + theta` for the logit `z` of `u`.

    The unknown is not `z` but `w(z)`, the time with `1 + e^-y` in Eq. (2) of `learning_time`
    replaced by `max(1, e^-y)`, or `1 - e^-y` by `min(1, y)`: it is inverted by hand, and the time
    as a function of it has slopes within a factor of two of 1 all the way from plateau to tail.
    """
    theta, s, u0 = xp.broadcast_arrays(theta, s, u0)
    start = xp.where(u0 == s, s / 2, u0)
    below = start < s
    p = 1 - 2 / depth
    z0 = logit(xp, start, s)
    begun = elapsed(xp, z0, below, depth)
    above = lambda x: xp.where(below, xp.ones_like(x), x)  # else 0 * inf enters the gradient
    w0 = xp.where(below, _rising_clock(xp, z0, p), _falling_clock(xp, above(z0), p))
    unwind = lambda w: xp.where(below, _rising_logit(xp, w, p), _falling_logit(xp, above(w), p))

    def residual(w):
        return elapsed(xp, unwind(w), below, depth) - begun - theta

    def slope(w):
        z = unwind(w)
        rising = 1 + xp.exp(-xp.abs(z))
        fast = xp.where(z == 0, xp.ones_like(z), xp.minimum(xp.abs(z), xp.ones_like(z)))
        falling = xp.where(z == 0, 1.0, -xp.expm1(-xp.abs(z)) / fast)
        return xp.where(below, rising, falling) ** p

    slopes = (1.0, 2.0**p, (1 - math.exp(-1)) ** p)
    w = increasing_root(xp, residual, slope, w0 + theta / max(slopes), w0 + theta / min(slopes))
    z = unwind(w)
    u = s / xp.where(below, 1 + xp.exp(-z), -xp.expm1(-z))
    # At the fixed point and at the start the flow is its linearization, which carries derivatives.
    u = xp.where(theta == 0, u0 + (u0 / s) ** (1 + p) * (s - u0) * theta, u)
    return xp.where(u0 == s, s + (u0 - s) * xp.exp(-theta), u)


def _rising_clock(xp: Any, z: Array, p: float) -> Array:
    """The integral of `max(1, e^-y)^p` from 0 to `z`."""
    plateau = xp.minimum(z, xp.zeros_like(z))
    return xp.maximum(z, xp.zeros_like(z)) + (-xp.expm1(-p * plateau) / p if p else plateau)


def _rising_logit(xp: Any, w: Array, p: float) -> Array:
    plateau = xp.minimum(w, xp.zeros_like(w))
    return xp.maximum(w, xp.zeros_like(w)) + (-xp.log1p(-p * plateau) / p if p else plateau)


def _falling_clock(xp: Any, z: Array, p: float) -> Array:
    """The integral of `min(1, y)^p` from 0 to `z >= 0`."""
    one = xp.ones_like(z)
    return xp.minimum(z, one) ** (1 + p) / (1 + p) + (xp.maximum(z, one) - 1)


def _falling_logit(xp: Any, w: Array, p: float) -> Array:
    fast, one = w * (1 + p), xp.ones_like(w)
    return xp.minimum(fast, one) ** (1 / (1 + p)) + xp.maximum((fast - 1) / (1 + p), 0 * one)
