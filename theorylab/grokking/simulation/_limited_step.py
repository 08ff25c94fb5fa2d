"""Gradient descent whose step gives way where the gradient changes fast."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from theorylab.numerics.annotations import Array, Float, Real


class LimitedStep(NamedTuple):
    """What the next step is measured against, and the time so far."""

    step: Float[Array, ""]
    direction: Any
    time: Float[Array, ""]
    time_lost: Float[Array, ""]
    """By rounding, from the sum."""


def limit_step(learning_rate: Real, max_change: Real) -> optax.GradientTransformation:
    r"""Descend by `learning_rate`, or by less where the direction changes along the way.

    From directions $v_t$ and steps $\eta_t$ follows a mean curvature of the path,
    $\kappa_t=|v_t-v_{t-1}|/(\eta_{t-1}|v_{t-1}|)$; where one mode grows it is its rate of growth.
    With $c$ the `max_change`, the next step is

    $$\eta_t=\min(\eta,\ 2\eta_{t-1},\ c/\kappa_t),$$

    so that it changes the direction by a fraction $c$ or so, and what grows, grows by $c$ at most:
    Euler's method follows the flow as long as $c$ is small. Nor does descent diverge where the loss
    is curved by $\lambda\gg c/\eta$ across the path: if a fraction $q$ of a step lies there, then
    $\kappa\ge q\lambda$; but $q$ grows only while $\eta_t>2/\lambda$, so $\kappa_t<c\lambda/2$. It
    stops at about $q=c/2$, with steps of about $2/\lambda$, as long as descent allows.
    """

    def init(params):
        dtype = jnp.result_type(*jax.tree.leaves(params))
        zero = jnp.zeros((), dtype)
        rate = jnp.asarray(learning_rate, dtype)
        return LimitedStep(rate, optax.tree.zeros_like(params), zero, zero)

    def update(updates, state, params=None):
        change = optax.tree.norm(optax.tree.sub(updates, state.direction))
        length = optax.tree.norm(state.direction)
        # 0/0 before the first step and at rest: nothing to be limited by.
        comparable = (change > 0) & (length > 0)
        longest = max_change * state.step * length / jnp.where(comparable, change, 1)
        longest = jnp.where(comparable, longest, jnp.inf)
        step = jnp.minimum(jnp.minimum(learning_rate, 2 * state.step), longest)
        step = step.astype(state.step.dtype)
        due = step - state.time_lost  # Kahan's sum: steps are many and may be short
        time = state.time + due
        state = LimitedStep(step, updates, time, (time - state.time) - due)
        return optax.tree.scale(-step, updates), state

    return optax.GradientTransformation(init, update)
