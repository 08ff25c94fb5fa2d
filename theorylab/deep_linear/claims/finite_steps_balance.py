"""Balancing by finite steps, over a whole run."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.scalar_learning import (
    difference_of_norms,
    random_network,
    trained_scalar,
)
from theorylab.deep_linear.claims.sources import HERE
from theorylab.deep_linear.claims.training import STEPS, curvature, swept
from theorylab.deep_linear.implicit_balancing import implicit_balancing
from theorylab.deep_linear.scalar_network import scalar_imbalance
from theorylab.numerics.arrays import require
from theorylab.verify import Claim, Outcome, Rate


def trained_shrinkage(key, **setting):
    """Logarithm of the final over the initial `K` of a random network."""
    (start, end), given = trained_scalar(key, _log_imbalance, num_records=2, **setting)
    return Outcome(end - start, given)


def _log_imbalance(weights):
    first, second = weights[0][:, 0], weights[1][0]
    return 0.5 * sum(jnp.log(jnp.sum((first + sign * second) ** 2)) for sign in (1, -1))


def predicted_shrinkage(
    *,
    target,
    weight_scale,
    hidden,
    step,
    horizon,
    first,
    second,
    imbalance=scalar_imbalance,
    factor=1.0,
):
    eta = step / curvature(abs(target), 2)
    return factor * implicit_balancing(target, first @ second, imbalance(first, second), eta)


def random_network_to_convergence(*, horizon, **setting):
    """What is left of the residual, squared, is below `e^-24` of it."""
    random_network(horizon=horizon, **setting)
    horizon = np.asarray(horizon)
    require(horizon >= 12, ">= 12, so that training converges", horizon=horizon)


BALANCING = dict(target=1.2, weight_scale=0.3, hidden=8, horizon=16.0)


finite_steps_balance = Claim(
    statement="Descent balances the layers by a finite amount of first order in the step, Eq. (2) "
    "of `implicit_balancing`, up to second order.",
    source=HERE,
    assumes=("squared loss", "a whitened input", "training to convergence"),
    predict=predicted_shrinkage,
    observe=trained_shrinkage,
    quantity="shrinkage $\\log(K/K_0)$",
    domain=random_network_to_convergence,
    criterion=Rate(
        over="step",
        exponent=2.0,
        band=0.1,
        rounding=lambda eps, step, horizon, **_: 10 * eps * horizon / step,
    ),
    rivals={
        "balance is conserved, as by the flow": partial(predicted_shrinkage, factor=0.0),
        "shrinkage 10 % small": partial(predicted_shrinkage, factor=0.9),
        "the difference of the layers' norms for K": partial(
            predicted_shrinkage, imbalance=difference_of_norms
        ),
    },
    settings={
        "quick": swept("step", (0.08, 0.04, 0.02, 0.01), **BALANCING),
        "standard": swept("step", STEPS, **BALANCING)
        + swept("step", STEPS, **{**BALANCING, "target": -0.7}),
    },
    replicates={"quick": 8, "standard": 64},
    tile=8,
    proof="deep_linear/implicit_balancing",
)
