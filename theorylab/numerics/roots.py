"""Roots of increasing functions, elementwise, in any array library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import array_api_compat

from theorylab.numerics.annotations import Array, Float

Elementwise = Callable[[Array], Array]

# Newton inside a bracket needs about eight steps where the slope varies by a factor of two;
# sixty-four halvings settle whatever it cannot.
_MOST_STEPS = 64


def increasing_root(
    xp: Any,
    residual: Elementwise,
    slope: Elementwise,
    low: Float[Array, "*batch"],
    high: Float[Array, "*batch"],
) -> Float[Array, "*batch"]:
    """The root of `residual` in `[low, high]`, by Newton's method, bisecting where it leaves.

    Arguments:
        residual: increasing in each entry by itself, `<= 0` at `low` and `>= 0` at `high`.
        slope: its derivative.

    Under JAX the root is differentiated by the implicit function theorem, to any order.
    """

    def improve(state):
        low, high, x, _ = state
        error = residual(x)
        low, high = xp.where(error <= 0, x, low), xp.where(error >= 0, x, high)
        newton = x - error / slope(x)
        following = xp.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        # At the last bits Newton steps to and fro: a step of four roundings is the end.
        moved = xp.abs(following - x) > 4 * xp.finfo(x.dtype).eps * xp.abs(following)
        return low, high, following, moved

    start = (low, high, high, xp.ones_like(low, dtype=xp.bool))
    if "jax" in sys.modules and array_api_compat.is_jax_namespace(xp):
        return _jax_root(residual, improve, start)
    state = start
    for _ in range(_MOST_STEPS):
        state = improve(state)
        if not xp.any(state[3]):
            break
    return state[2]


def _jax_root(residual: Elementwise, improve: Callable, start: tuple) -> Array:
    import jax

    def solve(_, high):
        state = (0, *start)
        going = lambda state: (state[0] < _MOST_STEPS) & jax.numpy.any(state[4])
        return jax.lax.while_loop(going, lambda s: (s[0] + 1, *improve(s[1:])), state)[3]

    linear_solve = lambda linear, y: y / linear(jax.numpy.ones_like(y))
    return jax.lax.custom_root(residual, start[1], solve, linear_solve)
