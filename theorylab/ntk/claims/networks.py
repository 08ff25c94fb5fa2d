"""What the claims share: examples, the kernel of one random network, and its prediction."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from theorylab.experiment.data_matrix import data_matrix
from theorylab.ntk.dual_activation import dual_activation, dual_derivative
from theorylab.ntk.fully_connected import FullyConnected
from theorylab.ntk.simulation import initial_nngp, initial_ntk


@lru_cache(maxsize=32)
def examples(data: str, num_examples: int) -> np.ndarray:
    """The first examples of a data matrix, in units of the root mean square of its entries."""
    inputs = data_matrix(data).inputs
    return inputs[:num_examples] / np.sqrt(np.mean(inputs**2))


def sampled_kernels(key, *, data, num_examples, width, depth, activation, **variances):
    """The NNGP and tangent kernels of one random network: `(2, examples, examples)`.

    The first is the covariance of an output given all weights but the last.
    """
    x = jnp.asarray(examples(data, num_examples))
    network = dict(width=width, depth=depth, activation=activation, **variances)
    return jnp.stack([initial_nngp(key, x, **network), initial_ntk(key, x, **network)])


def sampled_tangent_kernel(key, *, data, num_examples, **network):
    x = jnp.asarray(examples(data, num_examples))
    return initial_ntk(key, x, **network)


def limit(*, depth, activation, weight_variance, bias_variance, **_) -> FullyConnected:
    return FullyConnected(depth, activation, weight_variance, bias_variance)


def predicted_kernels(*, data, num_examples, deeper=0, **network) -> np.ndarray:
    infinite = limit(**network)
    infinite = replace(infinite, depth=infinite.depth + deeper)
    return np.stack(infinite.nngp_ntk(examples(data, num_examples)))


def kernel_scale(*, data, num_examples, **network) -> np.ndarray:
    """The geometric mean of the diagonal elements of either kernel, for every pair."""
    diagonal = np.stack(limit(**network).diagonal(examples(data, num_examples)))
    return np.sqrt(diagonal[:, :, None] * diagonal[:, None, :])


def axes(*, num_examples, **_) -> dict[str, Any]:
    names = np.arange(num_examples)
    return {"kernel": ["nngp", "ntk"], "example": names, "other example": names}


def layer_by_layer(
    *, data, num_examples, depth, activation, weight_variance, bias_variance,
    slope=1.0, first=None, bias_trained=True, **_,
) -> np.ndarray:  # fmt: skip
    """The recursion of both kernels with slips of one's own.

    Arguments:
        slope: a factor of the weight variance that multiplies the kernel of the layers below.
        first: of `K`: the tangent kernel of the first layer.
        bias_trained: whether biases count in the tangent kernel.
    """
    x = examples(data, num_examples)
    own = lambda K: K if bias_trained else K - bias_variance
    K = weight_variance * (x @ x.T) / x.shape[1] + bias_variance
    Theta = own(K) if first is None else first(K)
    for _ in range(depth - 1):
        a = np.diag(K)
        below = slope * weight_variance * dual_derivative(activation, a[:, None], K, a)
        K = weight_variance * dual_activation(activation, a[:, None], K, a) + bias_variance
        Theta = below * Theta + own(K)
    return np.stack([K, Theta])
