"""Modes the target lacks or opposes."""

from __future__ import annotations

from functools import lru_cache, partial

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.sources import SAXE_2014, at
from theorylab.deep_linear.claims.training import (
    HIGHER_ORDERS,
    RUN,
    Task,
    curvature,
    record_times,
    require_small_steps,
    scales,
    time_and_mode,
    trained_modes,
    whitened_task,
)
from theorylab.deep_linear.decaying_strength import decaying_strength
from theorylab.numerics.arrays import require
from theorylab.verify import Claim, Exact


def on_the_saddle(*, depth, start, horizon, **setting):
    """Refuse a shallow map, which follows an opposing target, and runs that rounding ends.

    Modes that decay slide onto a saddle, along which rounding grows by `e^(s t)`, by `e^25` at most
    here: it is in the tolerance, but once it is large the modes no longer go their own ways.
    """
    require(np.asarray(depth >= 2), ">= 2", depth=np.asarray(depth))
    require_small_steps(start=start, horizon=horizon, **setting)
    longest = np.asarray(25 * depth / start ** (1 - 2 / depth))
    bound = f"<= {longest:.3g}, before rounding leaves the saddle"
    require(np.asarray(horizon <= longest), bound, horizon=np.asarray(horizon))


def unlearned_strengths(key, *, data, depth, start, step, horizon, num_records):
    """Modes that start against the target, and one that the target lacks where there is one."""
    task, left, right = _opposed_modes(data)
    strengths = jnp.full((depth, left.shape[1]), (start * task.singular_values[0]) ** (1 / depth))
    opposed = task._replace(left=left, right=right)
    return trained_modes(key, opposed, strengths, step, horizon, num_records)


@lru_cache(maxsize=32)
def _opposed_modes(data: str) -> tuple[Task, np.ndarray, np.ndarray]:
    task = whitened_task(data)
    left, right, modes = -task.left, task.right, task.singular_values.size
    if modes < min(task.target.shape):
        spare = [np.linalg.svd(basis)[0][:, modes:][:, :1] for basis in (left, right)]
        left, right = np.hstack([left, spare[0]]), np.hstack([right, spare[1]])
    return task, left, right


def opposing_targets(data: str) -> np.ndarray:
    task, left, _ = _opposed_modes(data)
    lacking = np.zeros(left.shape[1] - task.singular_values.size)
    return np.concatenate([-task.singular_values, lacking])


def predicted_decay(*, data, depth, start, step, horizon, num_records, law=decaying_strength):
    u0 = start * whitened_task(data).singular_values[0]
    times = record_times(data, depth, step, horizon, num_records)
    return law(times[:, None], opposing_targets(data), u0, depth=depth)


def decay_error(eps, *, data, depth, start, step, horizon, num_records):
    """As `step_error`: rate times delay at the strengths the mode passes through."""
    s1 = whitened_task(data).singular_values[0]
    u0, target = start * s1, opposing_targets(data)
    eta = step / curvature(s1, depth)
    times = record_times(data, depth, step, horizon, num_records)
    u = decaying_strength(times[:, None], target, u0, depth=depth)
    rate = depth * u ** (2 - 2 / depth) * (u - target)
    with np.errstate(divide="ignore", invalid="ignore"):
        delay = eta / 2 * np.log((u / u0) ** (1 - 1 / depth) * (u - target) / (u0 - target))
        first_order = np.where(rate > 0, np.abs(rate * delay), 0.0).max(axis=0)
    linear = eps * (horizon / step)
    # Rounding off the mode grows along the saddle, in the weights; strengths are their product.
    saddle = linear * np.exp(-target * u0 ** (1 - 2 / depth) * times[:, None])
    return HIGHER_ORDERS * first_order + 10 * linear * (u0 - target) + (u0 - target) * saddle**2


unlearning = Claim(
    statement="A balanced mode the target opposes or lacks decays to zero and never changes sign: "
    "exponentially at depth 2, as a power of time beyond or where the target is zero.",
    source=at(SAXE_2014, "Deeper multilayer dynamics, for targets of any sign"),
    assumes=("squared loss", "whitened inputs", "balanced weights aligned with the target"),
    predict=predicted_decay,
    observe=unlearned_strengths,
    quantity="mode strength $u$",
    domain=on_the_saddle,
    coords=lambda **setting: {
        **time_and_mode(**setting),
        "mode": 1 + np.arange(opposing_targets(setting["data"]).size),
    },
    criterion=Exact(tolerance=decay_error),
    rivals={
        "a shallow network's law": partial(
            predicted_decay, law=lambda t, s, u0, **_: decaying_strength(t, s, u0, depth=1)
        ),
        "the target is not seen": partial(
            predicted_decay,
            law=lambda t, s, u0, depth: decaying_strength(t, 0 * s, u0, depth=depth),
        ),
        "decay 2 % slow": partial(predicted_decay, law=partial(decaying_strength, tau=1.02)),
    },
    settings=scales(
        quick=[
            dict(data="digits", depth=depth, **{**RUN, "start": 1.0, "step": 0.005})
            for depth in (2, 3)
        ],
        standard=[
            dict(data=data, depth=depth, **{**RUN, "start": start, "step": 0.002})
            for data in ("digits", "wine", "diabetes")
            for depth in (2, 3, 5)
            for start in (0.3, 1.0)
        ],
    ),
    replicates=2,
    tile=2,
    proof="deep_linear/decaying_strength",
)
