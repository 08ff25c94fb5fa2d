"""Experiments on deep linear networks: weights, losses, and training by autodiff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from theorylab.experiment.descent import Trajectory, descend
from theorylab.numerics.annotations import Array, Float, PRNGKeyArray

Weights: TypeAlias = tuple[Array, ...]
"""One matrix for each layer, of shape (outputs, inputs) of that layer, the first layer first."""


def draw_decoupled(
    key: PRNGKeyArray,
    left: Float[Array, "outputs modes"],
    right: Float[Array, "inputs modes"],
    layer_strengths: Float[Array, "layers modes"],
    *,
    width: int,
) -> Weights:
    """Weights in which every mode is a chain of its own, `R_l diag(a_l) R_{l-1}^T`.

    Arguments:
        left, right: the modes at the outputs and at the inputs, orthonormal columns.
        layer_strengths: `a_l`, of each mode in each layer, the first layer first.
        width: hidden units of every hidden layer, at least as many as modes; their bases are
            random.
    """
    depth, modes = layer_strengths.shape
    draws = jax.random.normal(key, (depth - 1, width, modes), layer_strengths.dtype)
    bases = [right, *jnp.linalg.qr(draws).Q, left]
    return tuple(
        (bases[layer + 1] * layer_strengths[layer]) @ bases[layer].T for layer in range(depth)
    )


def draw_gaussian(
    key: PRNGKeyArray, widths: Sequence[int], scale: float | Float[Array, ""]
) -> Weights:
    """Weights with independent normal entries of standard deviation `scale`.

    `widths` runs from the inputs to the outputs: one more than there are layers.
    """
    keys = jax.random.split(key, len(widths) - 1)
    shapes = zip(widths[1:], widths[:-1], strict=True)
    return tuple(scale * jax.random.normal(k, shape) for k, shape in zip(keys, shapes, strict=True))


def end_to_end(weights: Weights) -> Float[Array, "outputs inputs"]:
    """The linear map of the network, `W_L ... W_1`."""
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    return product


def covariance_loss(
    weights: Weights,
    target: Float[Array, "outputs inputs"],
    input_covariance: Float[Array, "inputs inputs"],
) -> Float[Array, ""]:
    """Squared loss up to a constant, through the covariances of the data alone.

    Full-batch descent on it is that on the examples: their number costs nothing per step.
    """
    W = end_to_end(weights)
    return 0.5 * jnp.sum((W @ input_covariance) * W) - jnp.sum(target * W)


def example_loss(
    weights: Weights,
    inputs: Float[Array, "examples inputs"],
    targets: Float[Array, "examples outputs"],
) -> Float[Array, ""]:
    """Squared loss over examples, `1/2P` times the sum of squared errors."""
    return 0.5 * jnp.mean(jnp.sum((targets - inputs @ end_to_end(weights).T) ** 2, axis=1))


@partial(jax.jit, static_argnames=("num_records", "measure"))
def train(
    weights: Weights,
    target: Float[Array, "outputs inputs"],
    input_covariance: Float[Array, "inputs inputs"],
    learning_rate: float | Float[Array, ""],
    *,
    num_records: int,
    stride: int | Array = 1,
    measure: Callable[[Weights], Any] = end_to_end,
) -> Trajectory:
    """Train by full-batch gradient descent; record the linear map along the way.

    Arguments:
        weights: at the start, the first layer first; any widths that fit.
        target, input_covariance: `Sigma_yx` and `Sigma_x`, the covariances of the data.
        learning_rate: the step; time is the number of steps times it.
        num_records: measurements, the start included. Not traced.
        stride: steps between two; it may be traced.
        measure: of the weights, at each record.

    Nothing here knows a closed form: autodiff on the matrices supplies the gradient.
    """
    loss = lambda weights: covariance_loss(weights, target, input_covariance)
    return descend(loss, weights, learning_rate, measure, num_records=num_records, stride=stride)


@partial(jax.jit, static_argnames=("num_records", "measure"))
def train_on_examples(
    weights: Weights,
    inputs: Float[Array, "examples inputs"],
    targets: Float[Array, "examples outputs"],
    learning_rate: float | Float[Array, ""],
    *,
    num_records: int,
    stride: int | Array = 1,
    measure: Callable[[Weights], Any] = end_to_end,
) -> Trajectory:
    """`train`, through the examples: the same run at the cost of all of them at every step."""
    loss = lambda weights: example_loss(weights, inputs, targets)
    return descend(loss, weights, learning_rate, measure, num_records=num_records, stride=stride)
