"""How the tangent kernel of random networks scatters about its limit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import numpy as np

from theorylab.ntk.claims.initial_kernel import ASSUMES, one_hidden_layer, several_layers
from theorylab.ntk.claims.networks import examples, limit, sampled_tangent_kernel
from theorylab.ntk.claims.sources import HERE, LEE_2019
from theorylab.ntk.kernel_variance import kernel_variance
from theorylab.verify import Claim, Mean, Rate


def squared_difference(key, *, width, **setting):
    """`n (Theta - Theta')^2 / 2` of two independent networks, whose mean is `n Var Theta`."""
    first, second = (
        sampled_tangent_kernel(k, width=width, **setting) for k in jax.random.split(key)
    )
    return width * (first - second) ** 2 / 2


def predicted_variance(*, data, num_examples, weight_variance, bias_variance, **_):
    return kernel_variance(
        examples(data, num_examples), weight_variance=weight_variance, bias_variance=bias_variance
    )


def without_fourth_moment(*, data, num_examples, weight_variance, bias_variance, **setting):
    """The variance if output weights were random signs: `v^4` averages to 1 in place of 3."""
    variance = predicted_variance(
        data=data,
        num_examples=num_examples,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
    )
    x = examples(data, num_examples)
    K = weight_variance * x @ x.T / x.shape[1] + bias_variance
    a = np.sqrt(np.diag(K))
    both_active = np.arccos(np.clip(-K / np.outer(a, a), -1, 1)) / (2 * np.pi)
    return variance - 2 * weight_variance**2 * K**2 * both_active


def three_everywhere(*, data, num_examples, **network):
    """The value on the diagonal, carried to every pair: `3 (sigma_w^2)^2 a b`."""
    diagonal = np.diag(predicted_variance(data=data, num_examples=num_examples, **network))
    return np.sqrt(np.outer(diagonal, diagonal))


def relu_alone(*, activation, **setting):
    if activation != "relu":
        raise ValueError(f"`activation` must be 'relu', whose variance is known; got {activation}")
    one_hidden_layer(**setting)


def variance_scale(share, eps, **setting):
    return share * three_everywhere(**setting)


one_layer_variance = Claim(
    statement="The tangent kernel of one hidden layer of n ReLU neurons has the variance of Eq. (2)"
    " over n: on the diagonal, without biases, three times its squared mean over n.",
    source=HERE,
    assumes=(*ASSUMES, "one hidden layer", "ReLU"),
    predict=predicted_variance,
    observe=squared_difference,
    coords=lambda num_examples, **_: {
        "example": np.arange(num_examples),
        "other example": np.arange(num_examples),
    },
    quantity="variance times width",
    criterion=Mean(tolerance=partial(variance_scale, 0.1)),
    rivals={
        "output weights are signs": without_fourth_moment,
        "three for every pair": three_everywhere,
        "two on the diagonal": lambda **setting: 2 / 3 * predicted_variance(**setting),
    },
    settings={
        "quick": [
            dict(
                data="digits", num_examples=4, width=256, depth=2,
                activation="relu", weight_variance=2.0, bias_variance=0.0,
            )
        ],
        "standard": [
            dict(
                data="digits", num_examples=6, width=n, depth=2,
                activation="relu", weight_variance=2.0, bias_variance=b,
            )
            for n, b in ((64, 0.0), (512, 0.1))
        ],
    },
    domain=relu_alone,
    replicates={"quick": 16384, "standard": 65536},
    tile=64,
    proof="ntk/kernel_variance",
)  # fmt: skip

kernel_fluctuations = Claim(
    statement="The tangent kernel of random networks scatters about its limit as the root of "
    "1/width.",
    source=replace(LEE_2019, at="Sec. 2.3"),
    assumes=ASSUMES,
    predict=lambda data, num_examples, **network: limit(**network).ntk(
        examples(data, num_examples)
    ),
    observe=sampled_tangent_kernel,
    quantity=r"tangent kernel $\Theta$",
    criterion=Rate("width", exponent=-0.5, band=0.06, of="rms"),
    rivals={"1/n, as of its drift": -1.0, "N^-1/4": -0.25, "N^-3/4": -0.75, "N^-2/3": -2 / 3},
    settings={
        "quick": [
            dict(
                data="digits", num_examples=3, width=n, depth=2,
                activation="erf", weight_variance=2.0, bias_variance=0.1,
            )
            for n in (64, 128, 256, 512)
        ],
        "standard": [
            dict(
                data="digits", num_examples=3, width=n, depth=depth,
                activation=activation, weight_variance=2.0, bias_variance=0.1,
            )
            for activation, depth in (("erf", 3), ("relu", 3), ("gelu", 4))
            for n in (64, 128, 256, 512)
        ],
    },
    domain=several_layers,
    replicates={"quick": 4096, "standard": 4096},
    tile=32,
    proof="ntk/fully_connected",
)  # fmt: skip
