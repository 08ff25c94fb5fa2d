"""A ReLU network with a deep linear head, trained to the exact lower bound of its loss."""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.experiment.data_matrix import data_matrix
from theorylab.neural_collapse.claims.bounds import COORDS, rounding
from theorylab.neural_collapse.claims.sources import DANG_2023
from theorylab.neural_collapse.deep_linear_ufm import Collapse, DeepLinearUFM
from theorylab.neural_collapse.simulation import (
    Decay,
    class_labels,
    gaussian_mixture,
    regularised_loss,
    train_classifier,
)
from theorylab.verify import Bound, Claim


@lru_cache(maxsize=8)
def digits(num_examples: int) -> tuple[np.ndarray, np.ndarray]:
    """The first handwritten digits, and one-hot labels of the classes among them."""
    inputs, targets = data_matrix("digits")
    inputs, targets = inputs[:num_examples], targets[:num_examples]
    return inputs / np.sqrt(np.mean(inputs**2)), targets[:, targets.any(axis=0)]


def class_sizes(data: str, num_examples: int) -> tuple[int, ...]:
    if data == "mixture":
        return (num_examples // 4,) * 4
    return tuple(int(n) for n in digits(num_examples)[1].sum(axis=0))


@partial(jax.jit, static_argnums=1)
def drawn_mixture(key, sizes):
    return gaussian_mixture(key, sizes, 12, 3.0), class_labels(sizes)


def trained_loss(
    key, *, data, num_examples, width, depth, weight_decay, feature_decay, bias, num_iterations
):
    """The loss at the end of training on features that a backbone makes."""
    data_key, network_key = jax.random.split(key)
    if data == "mixture":
        sizes = class_sizes(data, num_examples)
        inputs, labels = drawn_mixture(data_key, sizes)
    else:
        inputs, labels = (jnp.asarray(x) for x in digits(num_examples))
    decay = Decay((weight_decay,) * depth, feature_decay)
    losses = train_classifier(
        network_key, inputs, labels, decay,
        backbone_widths=(width, width), head_widths=(16,) * depth, bias=bias,
        num_iterations=num_iterations,
        measure=lambda at, features: regularised_loss(
            at.head, features, labels, decay, bias=bias
        ),
    )  # fmt: skip
    return losses[-1]


@lru_cache(maxsize=32)
def _collapse(sizes, depth, weight_decay, feature_decay, bias) -> Collapse:
    return DeepLinearUFM(sizes, weight_decay, feature_decay, depth=depth, bias=bias).solve()


def least(*, data, num_examples, depth, weight_decay, feature_decay, bias, **_):
    sizes = class_sizes(data, num_examples)
    return _collapse(sizes, depth, float(weight_decay), float(feature_decay), bool(bias)).loss


def without_the_half(*, weight_decay, feature_decay, **setting):
    return least(weight_decay=2 * weight_decay, feature_decay=2 * feature_decay, **setting)


def reached(**setting):
    """Where the iterations end, of the loss: measured, as descent has no end of its own."""
    return 0.0025 * least(**setting)


def room_to_interpolate(*, data, num_examples, width, depth, num_iterations, **_):
    if data not in ("mixture", "digits"):
        raise ValueError(f"`data` must be 'mixture' or 'digits'; got {data!r}")
    if data == "mixture" and (num_examples % 4 or num_examples < 8):
        raise ValueError(f"`num_examples` must be a multiple of 4, from 8 on; got {num_examples}")
    if width < num_examples:
        raise ValueError(
            f"`width` must be at least `num_examples`, so that the backbone makes any features of "
            f"them; got {width} for {num_examples}"
        )
    if depth < 1 or num_iterations < 1:
        raise ValueError(
            f"`depth` and `num_iterations` must be >= 1; got {depth} and {num_iterations}"
        )


network_bound = Claim(
    statement="The loss of a ReLU network with a deep linear head and a penalty on its features is "
    "never below that of free features, and training comes down to it.",
    source=DANG_2023,
    assumes=(
        "squared loss", "decay of the head, a penalty on features, none on the backbone",
        "a backbone wide enough to interpolate",
    ),
    predict=least,
    observe=trained_loss,
    coords=COORDS,
    quantity="loss",
    criterion=Bound(slack=rounding, side="below", attained=reached),
    rivals={
        "decays without their half": without_the_half,
        "a minimum higher by 0.5 %": lambda **setting: 1.005 * least(**setting),
    },
    settings={
        "quick": [
            dict(
                data="mixture", num_examples=40, width=48, depth=2, weight_decay=0.002,
                feature_decay=0.001, bias=False, num_iterations=500,
            ),
            dict(
                data="digits", num_examples=60, width=64, depth=2, weight_decay=0.002,
                feature_decay=0.001, bias=True, num_iterations=500,
            ),
        ],
        "standard": [
            dict(
                data=data, num_examples=n, width=width, depth=depth, weight_decay=0.002,
                feature_decay=0.001, bias=bias, num_iterations=4000,
            )
            for data, n, width in (("mixture", 40, 64), ("digits", 200, 256))
            for depth in (1, 2)
            for bias in (False, True)
        ],
    },
    domain=room_to_interpolate,
    mapped=False,
    replicates={"quick": 2, "standard": 4},
    tile=1,
    proof="neural_collapse/deep_linear_ufm",
)  # fmt: skip
