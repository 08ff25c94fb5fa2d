"""Inputs that are not white, but coloured along the modes."""

from __future__ import annotations

from functools import lru_cache, partial

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.balanced import path_error
from theorylab.deep_linear.claims.sources import HERE
from theorylab.deep_linear.claims.training import (
    HIGHER_ORDERS,
    RUN,
    Task,
    clock,
    curvature,
    require_small_steps,
    rounding,
    scales,
    trained_modes,
    whitened_task,
)
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.verify import Claim, Exact


@lru_cache(maxsize=32)
def coloured_task(data: str, spread: int) -> tuple[Task, np.ndarray]:
    """A whitened data matrix with its inputs stretched along the modes, and the stretches."""
    task = whitened_task(data)
    variance = np.geomspace(spread, 1.0, task.singular_values.size)
    stretch = task.right * (np.sqrt(variance) - 1) @ task.right.T + np.eye(len(task.right))
    coloured = Task(
        task.target @ stretch,
        stretch @ task.input_covariance @ stretch,
        task.left,
        task.singular_values * np.sqrt(variance),
        task.right,
    )
    return coloured, variance


def coloured_strengths(key, *, data, spread, start, step, horizon, num_records):
    task, variance = coloured_task(data, spread)
    strengths = jnp.full(
        (2, variance.size), (start * whitened_task(data).singular_values[0]) ** 0.5
    )
    return trained_modes(key, task, strengths, step, horizon, num_records)


def predicted_coloured(
    *, data, spread, start, step, horizon, num_records, divide=True, hasten=True, tau=1.0
):
    task, variance = coloured_task(data, spread)
    s, u0 = task.singular_values, start * whitened_task(data).singular_values[0]
    times = coloured_times(data, spread, step, horizon, num_records)[:, None]
    limit = s / variance if divide else s
    return mode_strength(times, limit, u0, tau=tau / variance if hasten else tau)


def coloured_times(data, spread, step, horizon, num_records):
    s = coloured_task(data, spread)[0].singular_values
    return clock(step, horizon, num_records) / curvature(s[0], 2)


def coloured_error(eps, *, data, spread, start, step, horizon, num_records):
    """As `step_error`, in the units that whiten each mode."""
    task, variance = coloured_task(data, spread)
    s, u0 = task.singular_values, start * whitened_task(data).singular_values[0]
    eta = step / curvature(s[0], 2)
    error = HIGHER_ORDERS * path_error(s / variance, u0, eta * variance, 2)
    return error + rounding(eps, s=s, start=start, step=step, horizon=horizon)


coloured_inputs = Claim(
    statement="Inputs coloured along the modes, of variance lambda, follow the white law with "
    "s/lambda for s and tau/lambda for tau.",
    source=HERE,
    assumes=("squared loss", "modes diagonalize the input covariance", "balanced aligned weights"),
    predict=predicted_coloured,
    observe=coloured_strengths,
    quantity="mode strength $u$",
    domain=require_small_steps,
    coords=lambda data, spread, step, horizon, num_records, **_: {
        "t": coloured_times(data, spread, step, horizon, num_records),
        "mode": 1 + np.arange(whitened_task(data).singular_values.size),
    },
    criterion=Exact(tolerance=coloured_error),
    rivals={
        "the white law": partial(predicted_coloured, divide=False, hasten=False),
        "the white time constant": partial(predicted_coloured, hasten=False),
        "learning 1 % slow": partial(predicted_coloured, tau=1.01),
    },
    settings=scales(
        quick=[dict(data="digits", spread=4, **RUN)],
        standard=[
            dict(data=data, spread=spread, **{**RUN, "step": 0.002})
            for data in ("digits", "wine", "breast_cancer")
            for spread in (4, 25)
        ],
    ),
    replicates=2,
    tile=2,
    proof="deep_linear/mode_strength",
)
