"""A step taken a fixed number of times, in any array library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import array_api_compat

State = TypeVar("State", bound=tuple)


def repeated(xp: Any, step: Callable[[State], State], state: State, count: int) -> State:
    """`step` applied `count` times to a tuple of arrays, which keep their shapes.

    JAX traces and compiles it once, and differentiates it in either direction.
    """
    if "jax" in sys.modules and array_api_compat.is_jax_namespace(xp):
        import jax

        return jax.lax.fori_loop(0, count, lambda _, now: step(now), state)
    for _ in range(count):
        state = step(state)
    return state
