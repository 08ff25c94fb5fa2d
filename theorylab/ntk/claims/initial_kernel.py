"""The tangent kernel of random networks against the recursions of the infinite one."""

from __future__ import annotations

from functools import partial

import numpy as np

from theorylab.ntk.claims.networks import (
    axes,
    kernel_scale,
    layer_by_layer,
    predicted_kernels,
    sampled_kernels,
)
from theorylab.ntk.claims.sources import HERE, JACOT_2018
from theorylab.verify import Claim, Limit, Mean

ASSUMES = (
    "independent standard normal weights and biases",
    "the parametrization of the NTK",
    "every layer is trained",
)


def one_hidden_layer(*, depth, width, num_examples, **_):
    if depth != 2:
        raise ValueError(
            f"`depth` must be 2, one hidden layer: deeper kernels have a bias of order 1/width; "
            f"got {depth}"
        )
    _small_enough(width, num_examples)


def several_layers(*, depth, width, num_examples, **_):
    if depth < 2:
        raise ValueError(f"`depth` must be >= 2; got {depth}")
    _small_enough(width, num_examples)


def _small_enough(width, num_examples):
    if width < 1 or num_examples < 1:
        raise ValueError(f"`width` and `num_examples` must be >= 1; got {width}, {num_examples}")


def with_a_bias(*, width, **network):
    """What a correction of relative order 1/width would make of it."""
    return predicted_kernels(**network) * (1 + 1 / width)


RIVALS = {
    "the first layer is not trained": partial(layer_by_layer, first=np.zeros_like),
    "biases are not trained": partial(layer_by_layer, bias_trained=False),
    "half of the weight variance before the derivative's dual": partial(layer_by_layer, slope=0.5),
    "depth counts hidden layers": partial(predicted_kernels, deeper=1),
}

initial_kernel = Claim(
    statement="With one hidden layer the mean NNGP and tangent kernels of random networks are, at "
    "every width, those of the infinite network.",
    source=HERE,
    assumes=(*ASSUMES, "one hidden layer"),
    predict=predicted_kernels,
    observe=sampled_kernels,
    coords=axes,
    quantity="kernel",
    criterion=Mean(tolerance=lambda eps, **setting: 0.02 * kernel_scale(**setting)),
    rivals={**RIVALS, "a bias of 1/n": with_a_bias},
    settings={
        "quick": [
            dict(
                data="digits", num_examples=4, width=16, depth=2,
                activation="relu", weight_variance=2.0, bias_variance=0.1,
            )
        ],
        "standard": [
            dict(
                data="digits", num_examples=6, width=n, depth=2,
                activation=activation, weight_variance=w, bias_variance=0.1,
            )
            for activation, w, n in (
                ("relu", 2.0, 4), ("erf", 2.0, 16), ("gelu", 1.5, 16), ("sin", 1.0, 8),
                ("abs", 1.0, 16), ("cos", 1.0, 8), ("gaussian", 1.0, 8),
            )
        ],
    },
    domain=one_hidden_layer,
    replicates={"quick": 65536, "standard": 65536},
    tile=512,
    proof="ntk/fully_connected",
)  # fmt: skip

infinite_width = Claim(
    statement="The mean NNGP and tangent kernels of deep random networks, less a correction of "
    "order 1/width, are those of the recursions.",
    source=JACOT_2018,
    assumes=ASSUMES,
    predict=predicted_kernels,
    observe=sampled_kernels,
    coords=axes,
    quantity="kernel",
    criterion=Limit(
        "width", order=1, tolerance=lambda eps, **setting: 0.03 * kernel_scale(**setting)
    ),
    rivals=RIVALS,
    settings={
        "quick": [
            dict(
                data="digits", num_examples=4, width=n, depth=3,
                activation="gelu", weight_variance=1.5, bias_variance=0.1,
            )
            for n in (16, 64)
        ],
        "standard": [
            dict(
                data="digits", num_examples=4, width=n, depth=depth,
                activation=activation, weight_variance=w, bias_variance=0.1,
            )
            for activation, depth, w in (("relu", 4, 2.0), ("gelu", 5, 1.5), ("erf", 4, 2.0))
            for n in (32, 128)
        ],
    },
    domain=several_layers,
    replicates={"quick": 65536, "standard": 65536},
    tile=256,
    proof="ntk/fully_connected",
)  # fmt: skip
