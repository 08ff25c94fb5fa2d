"""Training a network on a data matrix from decoupled weights, and what the flow says of it.

Times and steps are free of units, so that one setting suits any data: with the curvature
`h = L s_1^(2 - 2/L)` at the strongest mode, `step` is the learning rate times `h` (descent is
stable below 2), `horizon` the time times `h`, and `start` the initial strength over `s_1`.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.input_output_modes import input_output_modes
from theorylab.deep_linear.simulation import draw_decoupled, train
from theorylab.experiment.data_matrix import data_matrix
from theorylab.numerics.arrays import require, require_positive


class Task(NamedTuple):
    """What a linear network sees of a data matrix: covariances, and their modes."""

    target: np.ndarray
    input_covariance: np.ndarray
    left: np.ndarray
    singular_values: np.ndarray
    right: np.ndarray


@lru_cache(maxsize=32)
def whitened_task(data: str) -> Task:
    """The modes of a whitened data matrix that are not zero."""
    modes = input_output_modes(*data_matrix(data))
    s = modes.singular_values
    kept = s > 1e-9 * s[0]
    left, right = modes.left[:, kept], modes.right[:, kept]
    target = modes.left * s @ modes.right.T
    return Task(target, modes.input_covariance, left, s[kept], right)


def curvature(s: Any, depth: int) -> Any:
    """Sharpness at the balanced minimum: the unit of `step` and `horizon`."""
    return depth * s ** (2 - 2 / depth)


def stride(step: Any, horizon: Any, num_records: int, xp: Any = np) -> Any:
    """Steps between records, for `num_records` records up to the horizon."""
    # Just below one half, so that halves round alike at 32 and at 64 bits.
    return xp.maximum(1, xp.floor(horizon / step / (num_records - 1) + 0.499)).astype(int)


def clock(step: float, horizon: float, num_records: int) -> np.ndarray:
    """Times of the records, in units of one over the curvature."""
    return step * stride(step, horizon, num_records) * np.arange(num_records)


# Errors of first order in the step are taken with this factor for the higher ones.
HIGHER_ORDERS, LARGEST_STEP = 1.5, 0.05


def require_run(*, step, horizon, num_records=2, largest=2.0, data=None, start=1.0, **_) -> None:
    """Refuse a run without steps, with steps beyond stability, or without a positive start."""
    step, horizon, count = np.asarray(step), np.asarray(horizon), np.asarray(num_records)
    require_positive(step=step, horizon=horizon, start=np.asarray(start))
    require(step < 2, "< 2, or descent is unstable", step=step)
    require(step <= largest, f"<= {largest}, as far as the tolerance is derived", step=step)
    require((count >= 2) & (count <= 100_000), "between 2 and 100000", num_records=count)
    if data is not None:
        data_matrix(data)


require_small_steps = partial(require_run, largest=LARGEST_STEP)


def record_times(
    data: str, depth: int, step: float, horizon: float, num_records: int
) -> np.ndarray:
    s = whitened_task(data).singular_values
    return clock(step, horizon, num_records) / curvature(s[0], depth)


def time_and_mode(*, data, step, horizon, num_records, depth=2, **_):
    modes = whitened_task(data).singular_values.size
    times = record_times(data, depth, step, horizon, num_records)
    return {"t": times, "mode": 1 + np.arange(modes)}


def constants(*matrices):
    """NumPy matrices as constants of a traced experiment, at the precision it runs in.

    JAX remembers the dtype with which it met a NumPy array first, at whatever precision: so it is
    given a new one.
    """
    return tuple(jnp.asarray(matrix.astype(jnp.result_type(float))) for matrix in matrices)


def trained_modes(key, task, layer_strengths, step, horizon, num_records):
    target, covariance, left, s, right = constants(*task)
    depth = len(layer_strengths)
    weights = draw_decoupled(key, left, right, layer_strengths, width=max(16, s.size))
    run = train(
        weights,
        target,
        covariance,
        step / curvature(s[0], depth),
        num_records=num_records,
        stride=stride(step, horizon, num_records, jnp),
        measure=partial(_projections, left, right),
    )
    return run.measured


def _projections(left, right, weights):
    product = weights[0] @ right
    for weight in weights[1:]:
        product = weight @ product
    return jnp.sum(left * product, axis=0)


def rounding(eps, *, s, start, step, horizon):
    """One rounding a step of the largest strength, for the few products a step takes."""
    return 10 * eps * (horizon / step) * np.maximum(s, start * s[0])


def scales(quick, standard):
    """Settings by scale; the full one takes the standard's with an eighth of the step."""
    full = [{**setting, "step": setting["step"] / 8} for setting in standard]
    return {"quick": quick, "standard": standard, "full": full}


def swept(name: str, values, **setting):
    return [{**setting, name: value} for value in values]


RUN = dict(start=0.05, step=0.02, horizon=19.2, num_records=61)


STEPS = (0.08, 0.04, 0.02, 0.01, 0.005)
FINE_STEPS = tuple(0.04 / 2**k for k in range(6))
