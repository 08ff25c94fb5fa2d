"""Gradient flow of a network that adds modulo p, followed by an adaptive integrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp

from theorylab.grokking.network import Weights, network_logits
from theorylab.numerics.annotations import Array, Bool, Float

_MOST_STEPS = 20_000


class State(NamedTuple):
    """Weights at a time of the flow."""

    time: Float[Array, ""]
    weights: Weights


def cross_entropy(
    weights: Weights, *, activation: str = "quadratic", trained: Bool[Array, "p p"] | None = None
) -> Float[Array, ""]:
    """Averaged over the pairs `trained`, all of them by default."""
    logits = network_logits(weights, activation)
    p = len(logits)
    x = jnp.arange(p)
    right = jax.nn.one_hot((x[:, None] + x) % p, p)
    of_pairs = -jnp.sum(right * jax.nn.log_softmax(logits), axis=-1)
    return jnp.mean(of_pairs) if trained is None else jnp.sum(of_pairs * trained) / jnp.sum(trained)


def follow(
    weights: Weights,
    horizon: Any,
    *,
    until: Callable[[Weights], Bool[Array, ""]] | None = None,
    loss: Callable[[Weights], Float[Array, ""]] = cross_entropy,
    weight_decay: Any = 0.0,
    accuracy: Any = 1e-8,
) -> State:
    """Flow down the gradient of `loss`, with decay, to the horizon or until something is true.

    Arguments:
        horizon: the time of the flow at which it ends at the latest; `> 0`.
        until: of the weights; the first step at whose end it is true is the last.
        weight_decay: `lambda` of `dw/dt = -grad - lambda w`.
        accuracy: of each step, relative, and to the largest weight at the start.

    Returns: time and weights at the end; NaN where the steps did not suffice.
    """
    largest = lambda w: jnp.maximum(*(jnp.max(jnp.abs(x)) for x in w))

    def velocity(_, weights, __):
        fall = lambda g, w: -g - weight_decay * w
        return jax.tree.map(fall, jax.grad(loss)(weights), weights)

    dtype = weights.input_weights.dtype
    horizon = jnp.asarray(horizon, dtype)
    with jax.default_matmul_precision("highest"):
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            diffrax.Tsit5(),
            jnp.zeros((), dtype),
            horizon,
            horizon / 1000,
            weights,
            stepsize_controller=diffrax.PIDController(accuracy, accuracy * largest(weights)),
            event=None if until is None else diffrax.Event(lambda _, w, *__, **___: until(w)),
            max_steps=_MOST_STEPS,
            throw=False,
        )
    assert found.ts is not None
    arrived = (found.result == diffrax.RESULTS.successful) | (
        found.result == diffrax.RESULTS.event_occurred
    )
    last = lambda records: jnp.where(arrived, records[-1], jnp.nan)
    return State(last(found.ts), jax.tree.map(last, found.ys))
