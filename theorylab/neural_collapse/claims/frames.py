"""The frames that class means and classifier collapse to, in every setting."""

from __future__ import annotations

import numpy as np

from theorylab.neural_collapse.claims.sources import DANG_2023
from theorylab.neural_collapse.claims.training import (
    converged,
    geometry,
    minimum,
    predicted_geometry,
    trained,
    with_penalty,
)
from theorylab.neural_collapse.mode_fit import critical_penalty
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact


def trained_geometry(key, **setting):
    return trained(key, geometry, **setting)


def remaining(eps, **setting):
    """Of the largest entry of each matrix, what the steps leave."""
    size = np.abs(predicted_geometry(**setting)).max(axis=(1, 2), keepdims=True)
    return converged(setting, eps) * size


def without_depth(penalty, weight_decay, **_):
    return penalty / len(weight_decay)


def as_if_balanced(penalty, squares, class_sizes, **_):
    """Every direction of the labels taken for one of classes of equal size."""
    return penalty * squares / (sum(class_sizes) / len(class_sizes))


def simplex_everywhere(**setting):
    """Means and classifier in the equiangular frame of balanced classes with a bias."""
    K = len(setting["class_sizes"])
    centre = np.eye(K) - 1 / K
    means, product, outputs = predicted_geometry(**setting)
    frames = [np.trace(gram) / (K - 1) * centre for gram in (means, product)]
    return np.stack([*frames, outputs])


def both_ways(
    *, class_sizes, width, weight_decay, feature_decay, start, learning_rate, num_steps, bias, **_
):
    """Where descent was seen to find the global minimum; that it does is not derived."""
    K = len(class_sizes)
    if min(class_sizes) < 1:
        raise ValueError(f"`class_sizes` must be >= 1; got {class_sizes}")
    for rate in weight_decay:
        require_within(0, np.inf, weight_decay=rate)
    require_within(0, np.inf, feature_decay=feature_decay)
    require_within(0, 2, start=start)
    if width < K:
        raise ValueError(f"`width` must be >= {K}, the number of classes; got {width}")
    if len(weight_decay) > 1:
        if not 0.8 <= start <= 1.5:
            raise ValueError(
                f"`start` must be from 0.8 to 1.5, for descent to find the global minimum and be "
                f"stable; got {start:g}"
            )
        found = minimum(
            class_sizes=class_sizes, weight_decay=weight_decay, feature_decay=feature_decay,
            bias=bias,
        )  # fmt: skip
        share = found.penalty.max() / critical_penalty(len(weight_decay))
        if share > 0.25:
            raise ValueError(
                f"`weight_decay` must leave every penalty below a quarter of the critical one, for "
                f"descent to find the global minimum; got {share:.3g} of it"
            )
    require_within(0, 0.5, learning_rate=learning_rate)
    if num_steps < 1:
        raise ValueError(f"`num_steps` must be >= 1; got {num_steps}")


RUN = dict(width=6, start=0.8)
SETTINGS = {
    "quick": [
        dict(
            class_sizes=(9, 6, 3, 2), weight_decay=(0.005, 0.005), feature_decay=0.005,
            bias=False, learning_rate=0.3, num_steps=24000, **RUN,
        ),
        dict(
            class_sizes=(9, 6, 3, 2), weight_decay=(0.01, 0.005), feature_decay=0.005,
            bias=True, learning_rate=0.3, num_steps=24000, **RUN,
        ),
    ],
    "standard": [
        dict(
            class_sizes=sizes, weight_decay=decays, feature_decay=0.004,
            bias=bias, learning_rate=0.25, num_steps=36000, **RUN,
        )
        for sizes in ((9, 6, 3, 2), (5, 5, 5, 5))
        for decays in ((0.01,), (0.01, 0.004), (0.004, 0.01, 0.004))
        for bias in (False, True)
    ],
}  # fmt: skip
collapsed_geometry = Claim(
    statement="Class means, layers and logits of a deep linear head on free features collapse to "
    "one geometry: without a bias orthogonal, each class of a length of its own; with one, the "
    "same about the mean.",
    source=DANG_2023,
    assumes=(
        "squared loss",
        "decay of every layer and of the features",
        "descent finds the global minimum",
    ),
    predict=predicted_geometry,
    observe=trained_geometry,
    coords=lambda class_sizes, **_: {
        "of": ["class means", "all layers", "logits"],
        "class": np.arange(len(class_sizes)),
        "other class": np.arange(len(class_sizes)),
    },
    quantity="inner product, or logit",
    criterion=Exact(tolerance=remaining),
    rivals={
        "no factor of depth": with_penalty(without_depth),
        "as if classes were of equal size": with_penalty(as_if_balanced),
        "a simplex frame in every setting": simplex_everywhere,
        "decays 0.1 % stronger": with_penalty(lambda penalty, **_: 1.001 * penalty),
    },
    settings=SETTINGS,
    domain=both_ways,
    replicates=4,
    tile=4,
    proof="neural_collapse/deep_linear_ufm",
)  # fmt: skip
