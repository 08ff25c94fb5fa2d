"""Two layers of unequal strength: from rich to lazy."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np

from theorylab.deep_linear.claims.hyperbolic import hyperbolic_error, hyperbolic_strength
from theorylab.deep_linear.claims.sources import SAXE_2014, at
from theorylab.deep_linear.claims.training import (
    HIGHER_ORDERS,
    curvature,
    record_times,
    require_small_steps,
    rounding,
    scales,
    time_and_mode,
    trained_modes,
    whitened_task,
)
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.verify import Claim, Exact


def imbalanced_strengths(key, *, data, first, second, step, horizon, num_records):
    """Two layers that start with different strengths, `first` and `second` over `sqrt(s_1)`."""
    task = whitened_task(data)
    s = task.singular_values
    start = jnp.stack([jnp.full(s.size, x * s[0] ** 0.5) for x in (first, second)])
    return trained_modes(key, task, start, step, horizon, num_records)


def predicted_imbalanced(
    *, data, first, second, step, horizon, num_records, law=None, bend=1.0, tau=1.0
):
    """The strengths of `unbalanced_mode`; `bend` scales the imbalance."""
    s = whitened_task(data).singular_values
    times = record_times(data, 2, step, horizon, num_records)[:, None]
    a, b = (x * s[0] ** 0.5 for x in (first, second))
    if law is not None:
        return law(times, s, a, b)
    return hyperbolic_strength(times, s, a * b, bend * (a**2 - b**2), tau=tau)


def lazy_strength(t, s, a, b):
    return s + (a * b - s) * np.exp(-(a**2 + b**2) * t)


def balanced_strength(t, s, a, b):
    """No balanced weights start at a negative strength: there the law says nothing."""
    return mode_strength(t, s, a * b) if a * b > 0 else np.full((len(t), len(s)), np.nan)


def imbalanced_error(eps, *, data, first, second, step, horizon, num_records):
    """The first-order error of descent at this imbalance (`hyperbolic_error`), and rounding."""
    s = whitened_task(data).singular_values
    a, b = (x * s[0] ** 0.5 for x in (first, second))
    times = record_times(data, 2, step, horizon, num_records)[:, None]
    eta = step / curvature(s[0], 2)
    error = HIGHER_ORDERS * hyperbolic_error(times, s, a * b, abs(a**2 - b**2), eta).max(axis=0)
    return error + rounding(eps, s=s, start=abs(first * second), step=step, horizon=horizon)


LOPSIDED = dict(first=0.8, second=0.05, step=0.005, horizon=19.2, num_records=61)


imbalanced_learning = Claim(
    statement="With unequal layers the imbalance c = a^2 - b^2 sets the course of learning, "
    "du/dt = sqrt(c^2 + 4 u^2) (s - u): from rich at small to lazy at large c.",
    source=at(SAXE_2014, "Hyperbolic dynamics of learning (appendix)"),
    assumes=("squared loss", "whitened inputs", "weights aligned with the target"),
    predict=predicted_imbalanced,
    observe=imbalanced_strengths,
    quantity="mode strength $u$",
    domain=require_small_steps,
    coords=time_and_mode,
    criterion=Exact(tolerance=imbalanced_error),
    rivals={
        "the balanced law": partial(predicted_imbalanced, law=balanced_strength),
        "the lazy law": partial(predicted_imbalanced, law=lazy_strength),
        "imbalance 5 % small": partial(predicted_imbalanced, bend=0.95),
        "learning 2 % slow": partial(predicted_imbalanced, tau=1.02),
    },
    settings=scales(
        quick=[
            dict(data="digits", **LOPSIDED),
            dict(data="wine", **{**LOPSIDED, "first": 0.6, "second": -0.2}),
        ],
        standard=[
            dict(data=data, **{**LOPSIDED, "first": first, "second": second, "step": 0.002})
            for data in ("digits", "wine", "breast_cancer", "diabetes")
            for first, second in ((0.8, 0.05), (0.1, 0.5), (-0.7, 0.3), (2.0, 0.01))
        ],
    ),
    replicates=2,
    tile=2,
    proof="deep_linear/unbalanced_mode",
)
