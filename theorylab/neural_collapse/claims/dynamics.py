"""How collapse comes about: modes one by one, variability last, layers in balance."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.neural_collapse.balancedness import balancedness
from theorylab.neural_collapse.central_path import central_path
from theorylab.neural_collapse.claims.sources import HAN_2021, HERE
from theorylab.neural_collapse.claims.training import rounded
from theorylab.neural_collapse.collapse_rate import collapse_rate
from theorylab.neural_collapse.simulation import (
    Decay,
    aligned_free,
    class_labels,
    class_singular_values,
    draw_free,
    follow_central_path,
    train_free,
    whitened_features,
)
from theorylab.neural_collapse.singular_value_flow import singular_value_flow
from theorylab.neural_collapse.variability_collapse import variability_collapse
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact, Outcome, Rate


def steps_to(horizon, learning_rate):
    return jnp.round(horizon / learning_rate).astype(int)


# Modes of an aligned start, one layer.


def mode_strengths(key, *, class_sizes, start, weight_decay, horizon, learning_rate):
    labels = class_labels(class_sizes)
    free = aligned_free(key, class_sizes, jnp.asarray(start), len(class_sizes) + 1)
    run = train_free(
        free, labels, Decay((weight_decay,), weight_decay), learning_rate,
        lambda at: class_singular_values(at, labels),
        num_records=2, stride=steps_to(horizon, learning_rate),
    )  # fmt: skip
    return run.measured[-1]


def predicted_strengths(*, class_sizes, start, weight_decay, horizon, rate=1.0, **_):
    sizes = np.asarray(class_sizes, float)
    return singular_value_flow(
        rate * horizon, np.sqrt(sizes), sizes.sum(), weight_decay, np.asarray(start) ** 2
    )


def without_decay(*, weight_decay, **setting):
    return predicted_strengths(weight_decay=0.0, **setting)


def at_half_the_rate(**setting):
    return predicted_strengths(rate=0.5, **setting)


def whole_numbers_of_steps(*, horizon, learning_rate, **_):
    require_within(0, 0.5, learning_rate=learning_rate)
    multiple_of_steps(horizon=horizon, learning_rate=learning_rate)


def multiple_of_steps(*, horizon, learning_rate):
    require_within(0, np.inf, horizon=horizon)
    steps = horizon / learning_rate
    if abs(steps - round(steps)) > 1e-6 * steps:
        raise ValueError(
            f"`horizon` must be a multiple of `learning_rate`, so that every run ends there; got "
            f"{horizon:g} and {learning_rate:g}"
        )


mode_learning = Claim(
    statement="From an aligned start each class is learned along a logistic curve under the flow; "
    "descent deviates from it in first order of its step.",
    source=HERE,
    assumes=("squared loss", "one layer, no bias", "aligned factors of equal singular value"),
    predict=predicted_strengths,
    observe=mode_strengths,
    coords=lambda class_sizes, **_: {"class": np.arange(len(class_sizes))},
    quantity="singular value $s$",
    criterion=Rate("learning_rate", exponent=1, band=0.1, rounding=rounded),
    rivals={"no decay in the limit": without_decay, "half the rate": at_half_the_rate},
    settings={
        "quick": [
            dict(
                class_sizes=(6, 3, 2), start=(0.3, 0.2, 0.25), weight_decay=0.004, horizon=24.0,
                learning_rate=eta,
            )
            for eta in (0.05, 0.1, 0.2, 0.4)
        ],
    },
    domain=whole_numbers_of_steps,
    replicates=2,
    tile=2,
    proof="neural_collapse/singular_value_flow",
)  # fmt: skip


# Balance of neighbouring factors, from any start.


def final_balance(key, *, class_sizes, width, start, weight_decay, horizon, learning_rate):
    """Of layer and features, and of two layers, at the end; at the beginning as given."""
    labels, M = class_labels(class_sizes), 2
    free = draw_free(key, class_sizes, (width,) * M, start)

    def balance(at):
        first, second = at.head.layers
        return jnp.stack(
            [first.T @ first - at.features.T @ at.features, second.T @ second - first @ first.T]
        )

    run = train_free(
        free, labels, Decay((weight_decay,) * M, weight_decay), learning_rate, balance,
        num_records=2, stride=steps_to(horizon, learning_rate),
    )  # fmt: skip
    return Outcome(run.measured[-1], {"initial_balance": run.measured[0]})


def predicted_balance(*, initial_balance, weight_decay, horizon, rate=1.0, **_):
    return balancedness(horizon, initial_balance, rate * weight_decay)


def moderate_start(*, start, weight_decay, **setting):
    require_within(0, 2, start=start)
    require_within(0, 0.5, weight_decay=weight_decay)
    whole_numbers_of_steps(**setting)


balance_decay = Claim(
    statement="What unbalances neighbouring factors decays at twice their weight decay, whatever "
    "the loss does; descent deviates in first order of its step.",
    source=HERE,
    assumes=("equal decay of all factors",),
    predict=predicted_balance,
    observe=final_balance,
    quantity="balance",
    criterion=Rate("learning_rate", exponent=1, band=0.15, rounding=rounded),
    rivals={
        "conserved, as without decay": lambda **setting: predicted_balance(rate=0.0, **setting),
        "at the decay once": lambda **setting: predicted_balance(rate=0.5, **setting),
    },
    settings={
        "quick": [
            dict(
                class_sizes=(4, 3, 2), width=4, start=1.0, weight_decay=0.02, horizon=16.0,
                learning_rate=eta,
            )
            for eta in (0.0025, 0.005, 0.01, 0.02)
        ],
    },
    domain=moderate_start,
    replicates=2,
    tile=2,
    proof="neural_collapse/balancedness",
)  # fmt: skip


# The central path.


def means_on_the_path(key, *, num_classes, class_size, width, start, horizon, learning_rate):
    """Singular values of the class means over `sqrt(K)`, the largest first; the first as given."""
    means, deviations = whitened_features(key, num_classes, class_size, width, start)
    values = lambda m: jnp.linalg.svd(m / num_classes**0.5, compute_uv=False)[: num_classes - 1]
    end = follow_central_path(means, deviations, learning_rate, steps_to(horizon, learning_rate))
    return Outcome(values(end), {"initial_values": values(means)})


def predicted_path(*, initial_values, class_size, horizon, clock=1.0, **_):
    return central_path(clock * horizon, initial_values, class_size).singular_values


def without_the_quartic(*, initial_values, num_classes, class_size, horizon, **_):
    """`ln w + w^2 = const + t / KN`, by bisection."""
    left = lambda w: np.log(w) + w**2
    goal = left(initial_values) + horizon / (num_classes**2 * class_size)
    low, high = initial_values, initial_values + np.sqrt(np.maximum(goal, 1)) + 1
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (
            np.where(left(middle) < goal, middle, low),
            np.where(left(middle) < goal, high, middle),
        )
    return low


def room_for_the_path(*, num_classes, class_size, width, start, horizon, learning_rate):
    if not num_classes - 1 <= width <= num_classes * (class_size - 1):
        raise ValueError(
            f"`width` must be from {num_classes - 1} to {num_classes * (class_size - 1)}, the "
            f"dimensions of deviations; got {width}"
        )
    # The gradient's scale is 1 / N: steps may be as much longer.
    require_within(0, num_classes * class_size, learning_rate=learning_rate)
    require_within(0, 10, start=start)
    multiple_of_steps(horizon=horizon, learning_rate=learning_rate)


central_growth = Claim(
    statement="With the classifier always at its best, class means grow along ln w + w^2 + w^4/4 = "
    "const + t/KN and their lengths become equal; descent deviates in first order of its step.",
    source=HAN_2021,
    assumes=("squared loss", "a bias", "no weight decay", "classes of equal size"),
    predict=predicted_path,
    observe=means_on_the_path,
    quantity="singular value of the means",
    criterion=Rate("learning_rate", exponent=1, band=0.1, rounding=rounded),
    rivals={
        "the clock t/N": lambda num_classes, **setting: predicted_path(
            clock=num_classes, num_classes=num_classes, **setting
        ),
        "no quartic term": without_the_quartic,
    },
    settings={
        "quick": [
            dict(
                num_classes=3, class_size=10, width=4, start=0.8, horizon=3200.0,
                learning_rate=eta,
            )
            for eta in (0.5, 1.0, 2.0, 4.0)
        ],
    },
    domain=room_for_the_path,
    replicates=2,
    tile=2,
    proof="neural_collapse/central_path",
)  # fmt: skip


# The rate at which variability within classes dies out.


def observed_rate(
    key, *, num_classes, class_size, width, weight_decay, feature_decay, start, learning_rate,
    begin, horizon,
):  # fmt: skip
    """The exponent of NC1 between two times, from the logarithms there."""
    sizes = (class_size,) * num_classes
    labels = class_labels(sizes)
    classes = np.repeat(np.arange(num_classes), class_size)
    free = draw_free(key, sizes, (width,) * len(weight_decay), start)
    decay = Decay(weight_decay, feature_decay)
    spread = lambda at: variability_collapse(at.features, classes, num_classes=num_classes)
    keep = lambda at: at
    run = lambda at, measure, time: jax.tree.map(
        lambda records: records[-1],
        train_free(
            at, labels, decay, learning_rate, measure, num_records=2,
            stride=steps_to(time, learning_rate),
        ).measured,
    )  # fmt: skip
    early = run(free, keep, begin)
    late = run(early, spread, horizon)
    return jnp.log(spread(early) / late) / (steps_to(horizon, learning_rate) * learning_rate)


def predicted_rate(
    *, num_classes, class_size, width, weight_decay, feature_decay, learning_rate, **_
):
    return collapse_rate(
        num_classes, class_size, np.asarray(weight_decay), feature_decay,
        spare_dimensions=width > num_classes, learning_rate=learning_rate,
    ).observed  # fmt: skip


def clean_rate(*, width, **setting):
    return predicted_rate(width=0, **setting)


def mixing(eps, *, begin, horizon, weight_decay, feature_decay, start, **setting):
    """What else still changes at the beginning, and rounding.

    The other exponent's part has fallen by the difference of the two, and layers come into balance,
    on which NC1 depends, as `exp(-2 lambda t)`. What that multiplies is not derived: a hundred was
    the most seen, for starts of order 1. NC1 is a square, rounded at `eps^2`.
    """
    both = collapse_rate(
        setting["num_classes"], setting["class_size"], np.asarray(weight_decay), feature_decay
    )
    apart = abs(float(both.clean - both.slow))
    relaxed = np.exp(-2 * min(*weight_decay, feature_decay) * begin)
    reached = np.exp(-min(both.clean, both.slow) * (begin + horizon))
    changing = 300 * max(start, 1) ** 2 * (np.exp(-apart * begin) + relaxed)
    return (changing + 1e3 * eps**2 / reached) / horizon


def apart(*, begin, horizon, learning_rate, weight_decay, feature_decay, start, **setting):
    both = collapse_rate(
        setting["num_classes"], setting["class_size"], np.asarray(weight_decay), feature_decay
    )
    clean, slow = float(both.clean), float(both.slow)
    if clean < 1.5 * slow:
        raise ValueError(
            f"`weight_decay` must make the rate of decay smaller than that of the data by a factor "
            f"of 1.5, for it to show; they are {slow:.3g} and {clean:.3g}"
        )
    require_within(0, 0.5, learning_rate=learning_rate)
    require_within(0, 2, start=start)
    require_within(0, np.inf, horizon=horizon)
    if begin < 0:
        raise ValueError(f"`begin` must be >= 0; got {begin:g}")


variability_rate = Claim(
    statement="Where features have more dimensions than classes, NC1 dies out at a rate of weight "
    "decay alone, 2(2 lambda_H + lambda_1); where they have as many, at the rate of the data.",
    source=HERE,
    assumes=("squared loss, no bias", "classes of equal size", "a generic start"),
    predict=predicted_rate,
    observe=observed_rate,
    quantity=r"exponent $\gamma$ of NC1",
    criterion=Exact(tolerance=mixing),
    rivals={
        "the data's rate in every width": clean_rate,
        "4 lambda_H: no tilt of means against rows": lambda feature_decay, **_: 4 * feature_decay,
        "2 lambda_H, of the variability itself": lambda feature_decay, **_: 2 * feature_decay,
    },
    settings={
        "quick": [
            dict(
                num_classes=3, class_size=4, width=8, weight_decay=(0.02,), feature_decay=0.02,
                start=1.0, learning_rate=0.2, begin=200.0, horizon=200.0,
            ),
        ],
        "standard": [
            dict(
                num_classes=3, class_size=4, width=width, weight_decay=decays, feature_decay=0.02,
                start=1.0, learning_rate=0.1, begin=begin, horizon=begin,
            )
            for width, decays, begin in (
                (8, (0.02,), 200.0), (8, (0.02, 0.02), 200.0), (8, (0.01, 0.03), 200.0),
                (3, (0.02,), 60.0),
            )
        ],
    },
    domain=apart,
    replicates=4,
    tile=4,
    proof="neural_collapse/collapse_rate",
)  # fmt: skip
