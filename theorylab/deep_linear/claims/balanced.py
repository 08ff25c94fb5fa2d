"""Balanced modes: the observation, prediction and tolerance that several claims share."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.training import (
    HIGHER_ORDERS,
    curvature,
    record_times,
    rounding,
    trained_modes,
    whitened_task,
)
from theorylab.deep_linear.discrete_delay import discrete_delay
from theorylab.deep_linear.mode_strength import mode_strength


def trained_strengths(key, *, data, depth, start, step, horizon, num_records):
    """Mode strengths of a network of width 16 (or of as many units as modes) while it trains."""
    task = whitened_task(data)
    s = task.singular_values
    strengths = jnp.full((depth, s.size), (start * s[0]) ** (1 / depth))
    return trained_modes(key, task, strengths, step, horizon, num_records)


def predicted_strengths(*, data, depth, start, step, horizon, num_records, law=mode_strength, **_):
    s = whitened_task(data).singular_values
    times = record_times(data, depth, step, horizon, num_records)
    return law(times[:, None], s, start * s[0], depth=depth)


def step_error(eps, *, data, depth, start, step, horizon, num_records):
    """What descent may leave the flow by: its rate times its delay (`discrete_delay`, Eq. (1)).

    Exact to first order in the step, at its maximum over the path; the factor 1.5 covers the higher
    orders up to `step = 0.05`.
    """
    s = whitened_task(data).singular_values
    return HIGHER_ORDERS * path_error(
        s, start * s[0], step / curvature(s[0], depth), depth
    ) + rounding(eps, s=s, start=start, step=step, horizon=horizon)


def path_error(s, u0, eta, depth):
    """The largest `|du/dt| * |delay|` between `u0` and `s`, for each mode."""
    fraction = np.concatenate([np.geomspace(1e-6, 0.5, 200), 1 - np.geomspace(1e-6, 0.5, 200)])
    u = u0 * (s / u0) ** fraction[:, None]
    still = s == u0
    delay = discrete_delay(np.where(still, 1.0, u), np.where(still, 2.0, s),
                           np.where(still, 1.0, u0), eta, depth=depth)  # fmt: skip
    rate = depth * u ** (2 - 2 / depth) * np.abs(s - u)
    return np.where(still, 0.0, np.abs(rate * delay).max(axis=0))
