"""Full-batch gradient descent, recorded along the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from theorylab.numerics.annotations import Array, Float


class Trajectory(NamedTuple):
    """What was measured, and when: every array has the records as first axis."""

    times: Float[Array, " records"]
    measured: Any


def descend(
    loss: Callable[[Any], Float[Array, ""]],
    weights: Any,
    learning_rate: float | Float[Array, ""],
    measure: Callable[[Any], Any],
    *,
    num_records: int,
    stride: int | Array,
) -> Trajectory:
    """Descend `loss` from `weights` by autodiff, measuring at the start and every `stride` steps.

    Arguments:
        weights: any tree of arrays.
        learning_rate: the step; time is the number of steps times it.
        measure: of the weights; any tree of arrays.
        num_records: measurements, the start included; `>= 1`. Not traced.
        stride: steps between two; it may be traced, so that one compilation serves all step sizes.
    """

    def step(_, weights):
        gradient = jax.grad(loss)(weights)
        return jax.tree.map(lambda w, g: w - learning_rate * g, weights, gradient)

    def advance(weights, _):
        weights = jax.lax.fori_loop(0, stride, step, weights)
        return weights, measure(weights)

    with jax.default_matmul_precision("highest"):  # a GPU's default float32 is good to ~1e-3
        start = measure(weights)
        _, later = jax.lax.scan(advance, weights, length=num_records - 1)
    join = lambda first, rest: jnp.concatenate([jnp.asarray(first)[None], rest])
    times = learning_rate * stride * jnp.arange(num_records)
    return Trajectory(times, jax.tree.map(join, start, later))
