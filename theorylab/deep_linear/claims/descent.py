"""Descent against the flow: the order of its error, and the delay that is the error."""

from __future__ import annotations

from functools import partial

import numpy as np

from theorylab.deep_linear.claims.balanced import predicted_strengths, trained_strengths
from theorylab.deep_linear.claims.depth_sets_the_plateau import one_layer_moves
from theorylab.deep_linear.claims.sources import HERE, SAXE_2014, at
from theorylab.deep_linear.claims.training import (
    FINE_STEPS,
    RUN,
    STEPS,
    curvature,
    record_times,
    require_run,
    rounding,
    swept,
    time_and_mode,
    whitened_task,
)
from theorylab.deep_linear.discrete_delay import discrete_delay
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.numerics.arrays import require
from theorylab.verify import Claim, Outcome, Rate


def away_from_target(*, start, **setting):
    """The delay is a logarithm of the distance to the target: refuse starts that have none."""
    require_run(start=start, **setting)
    require(np.asarray(start != 1), "unequal to 1, where a mode starts at its target",
            start=np.asarray(start))  # fmt: skip


def recorded_strengths(key, **setting):
    """The strengths, given to the theory too: the delay is a function of the strength reached."""
    strengths = trained_strengths(key, **setting)
    return Outcome(strengths, {"strengths": strengths})


def delayed_strengths(
    *, data, depth, start, step, horizon, num_records, strengths, coefficient=0.5
):
    """The flow's strengths, later by the delay at the strength that descent has reached.

    The law speaks of modes on their way: where the flow has learned one to a part in a million its
    delay has lost its digits, and the flow itself is predicted. A mode found beyond its target, or
    nowhere, while the flow is on its way contradicts the law: no delay leads there.
    """
    s = whitened_task(data).singular_values
    u0 = start * s[0]
    times = np.broadcast_to(
        record_times(data, depth, step, horizon, num_records)[:, None], strengths.shape
    )
    flow = mode_strength(times, s, u0, depth=depth)
    on_its_way = np.abs(s - flow) > 1e-6 * s
    lawful = (strengths > 0) & (np.sign(s - strengths) == np.sign(s - u0))
    u = np.where(lawful, strengths, u0)
    delay = discrete_delay(u, s, u0, step / curvature(s[0], depth), depth=depth)
    late = np.maximum(times - 2 * coefficient * delay, 0)
    delayed = mode_strength(late, s, u0, depth=depth)
    return np.where(on_its_way, np.where(lawful, delayed, np.nan), flow)


def step_rounding(eps, *, data, start, step, horizon, **_):
    s = whitened_task(data).singular_values
    return rounding(eps, s=s, start=start, step=step, horizon=horizon).max()


first_order_descent = Claim(
    statement="Gradient descent follows the flow with an error of first order in the step.",
    source=at(SAXE_2014, "The time course of learning"),
    assumes=("squared loss", "whitened inputs", "balanced weights aligned with the target"),
    predict=predicted_strengths,
    observe=recorded_strengths,
    quantity="mode strength $u$",
    domain=away_from_target,
    coords=time_and_mode,
    criterion=Rate(over="step", exponent=1.0, band=0.05, rounding=step_rounding),
    rivals={
        "one layer's share of the rate": partial(predicted_strengths, law=one_layer_moves),
        "learning 1 % slow": partial(predicted_strengths, law=partial(mode_strength, tau=1.01)),
        "second order": 2.0,
    },
    settings={
        "quick": [
            setting
            for depth in (2, 3)
            for setting in swept("step", STEPS, data="digits", depth=depth, **RUN)
        ],
        "standard": [
            setting
            for depth in (1, 2, 3, 5)
            for data in ("digits", "wine")
            for setting in swept("step", FINE_STEPS, data=data, depth=depth, **RUN)
        ],
    },
    replicates=2,
    tile=2,
    proof="deep_linear/discrete_delay",
)


discretization_delay = Claim(
    statement="Descent reaches a strength later than the flow by (eta/2) ln(f(a)/f(a_0)), "
    "f(a) = a^(L-1) (s - a^L), up to second order in the step.",
    source=HERE,
    assumes=("squared loss", "whitened inputs", "balanced weights aligned with the target"),
    predict=delayed_strengths,
    observe=recorded_strengths,
    quantity="mode strength $u$",
    domain=away_from_target,
    coords=time_and_mode,
    criterion=Rate(over="step", exponent=2.0, band=0.05, rounding=step_rounding),
    rivals={
        "no delay": partial(delayed_strengths, coefficient=0.0),
        "the delay 10 % short": partial(delayed_strengths, coefficient=0.45),
        "eta for eta/2": partial(delayed_strengths, coefficient=1.0),
        "descent runs ahead": partial(delayed_strengths, coefficient=-0.5),
    },
    settings=first_order_descent.settings,
    replicates=2,
    tile=2,
    proof="deep_linear/discrete_delay",
)
