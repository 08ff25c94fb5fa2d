"""One input and one output from random weights, seed by seed."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.hyperbolic import hyperbolic_error, hyperbolic_strength
from theorylab.deep_linear.claims.sources import HERE
from theorylab.deep_linear.claims.training import (
    HIGHER_ORDERS,
    LARGEST_STEP,
    clock,
    curvature,
    require_run,
    scales,
    stride,
)
from theorylab.deep_linear.scalar_network import scalar_imbalance, scalar_network
from theorylab.deep_linear.simulation import draw_gaussian, train
from theorylab.numerics.arrays import require, require_positive
from theorylab.verify import Claim, Exact, Outcome


def trained_scalar(
    key, measure, *, target, weight_scale, hidden, step, horizon, num_records
) -> Outcome:
    """One input, one output, hidden weights at random: nothing is aligned or balanced."""
    weights = draw_gaussian(key, (1, hidden, 1), weight_scale)
    run = train(
        weights,
        target * jnp.ones((1, 1)),
        jnp.ones((1, 1)),
        step / curvature(jnp.abs(target), 2),
        num_records=num_records,
        stride=stride(step, horizon, num_records, jnp),
        measure=measure,
    )
    return Outcome(run.measured, {"first": weights[0][:, 0], "second": weights[1][0]})


def learned_outputs(key, **setting):
    return trained_scalar(key, lambda weights: (weights[1] @ weights[0])[0, 0], **setting)


def random_network(*, target, weight_scale, hidden, step, horizon, num_records=2, largest=2.0):
    """Refuse networks without units, weights or a target."""
    require_run(step=step, horizon=horizon, num_records=num_records, largest=largest)
    target, hidden = np.asarray(target), np.asarray(hidden)
    require_positive(weight_scale=np.asarray(weight_scale))
    require(np.isfinite(target) & (target != 0), "finite and not 0", target=target)
    require(hidden >= 1, ">= 1", hidden=hidden)


def output_times(*, target, step, horizon, num_records, **_):
    return clock(step, horizon, num_records) / curvature(abs(target), 2)


def predicted_outputs(
    *,
    target,
    weight_scale,
    hidden,
    step,
    horizon,
    num_records,
    first,
    second,
    imbalance=None,
    tau=1.0,
):
    times = output_times(target=target, step=step, horizon=horizon, num_records=num_records)
    if imbalance is None:
        return scalar_network(times, target, first, second, tau=tau)
    return hyperbolic_strength(times, target, first @ second, imbalance(first, second), tau=tau)


def difference_of_norms(first, second):
    return abs(first @ first - second @ second)


def output_error(eps, *, target, weight_scale, hidden, step, horizon, num_records, first, second):
    """The first-order error of descent on this network (`hyperbolic_error`), and rounding."""
    times = output_times(target=target, step=step, horizon=horizon, num_records=num_records)
    K = float(scalar_imbalance(first, second))
    eta = step / curvature(abs(target), 2)
    error = HIGHER_ORDERS * hyperbolic_error(times, target, first @ second, K, eta).max()
    return error + 10 * eps * (horizon / step) * (abs(target) + first @ first + second @ second)


SCALAR = dict(target=1.2, weight_scale=0.3, hidden=8, step=0.005, horizon=8.0, num_records=41)


scalar_learning = Claim(
    statement="One input, one output, any width, ANY start: the output follows the law of a single "
    "pair of weights of imbalance K, K^2 = n^2 - 4 u^2, seed by seed.",
    source=HERE,
    assumes=("squared loss", "a whitened input"),
    predict=predicted_outputs,
    observe=learned_outputs,
    quantity="input-output weight $w$",
    domain=partial(random_network, largest=LARGEST_STEP),
    coords=lambda **setting: {"t": output_times(**setting)},
    criterion=Exact(tolerance=output_error),
    rivals={
        "the difference of the layers' norms for K": partial(
            predicted_outputs, imbalance=difference_of_norms
        ),
        "K = 0, as if balanced": partial(
            predicted_outputs, imbalance=lambda first, second: 0.0 * first[0]
        ),
        "learning 2 % slow": partial(predicted_outputs, tau=1.02),
    },
    settings=scales(
        quick=[SCALAR, {**SCALAR, "target": -0.7}],
        standard=[
            {**SCALAR, "target": target, "weight_scale": weight_scale, "step": 0.002}
            for target in (1.2, -0.7, 0.3)
            for weight_scale in (0.3, 0.1, 1.0)
        ],
    ),
    replicates={"quick": 16, "standard": 64, "full": 1024},
    tile=16,
    proof="deep_linear/scalar_network",
)
