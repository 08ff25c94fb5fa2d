"""Experiments on neural collapse: layers on free features, and on those of a network.

Examples are rows; a layer's matrix is (outputs, inputs). The loss is the mean over samples of half
the squared error, or of the cross-entropy, plus half of every decay times the sum of squares of
what it holds: the layers, the features of all samples, the bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from theorylab.experiment.descent import Trajectory, descend
from theorylab.numerics.annotations import Array, Float, PRNGKeyArray


class Head(NamedTuple):
    """Layers from the features up, and the bias of the last one."""

    layers: tuple[Array, ...]
    bias: Array


class Free(NamedTuple):
    """A head and features that are parameters themselves."""

    head: Head
    features: Array


class Decay(NamedTuple):
    """Of every layer, of the features, and of the bias."""

    layers: Sequence[Any]
    features: Any
    bias: Any = 0.0


def class_labels(class_sizes: Sequence[int]) -> Float[Array, "samples classes"]:
    """One-hot labels, class by class."""
    sizes = jnp.asarray(class_sizes)
    return jnp.repeat(
        jnp.eye(len(class_sizes)), sizes, axis=0, total_repeat_length=sum(class_sizes)
    )


def draw_free(
    key: PRNGKeyArray, class_sizes: Sequence[int], widths: Sequence[int], scale: Any
) -> Free:
    """Normal layers of `scale / sqrt(inputs)`, features of `scale sqrt(classes / samples)`."""
    classes, samples = len(class_sizes), sum(class_sizes)
    feature_key, *keys = jax.random.split(key, len(widths) + 1)
    shapes = list(zip([*widths[1:], classes], widths, strict=True))
    layers = tuple(
        scale / shape[1] ** 0.5 * jax.random.normal(k, shape)
        for k, shape in zip(keys, shapes, strict=True)
    )
    features = jax.random.normal(feature_key, (samples, widths[0]))
    return Free(Head(layers, jnp.zeros(classes)), scale * (classes / samples) ** 0.5 * features)


def logits(head: Head, features: Float[Array, "samples width"]) -> Float[Array, "samples classes"]:
    for layer in head.layers:
        features = features @ layer.T
    return features + head.bias


def regularised_loss(
    head: Head,
    features: Float[Array, "samples width"],
    labels: Float[Array, "samples classes"],
    decay: Decay,
    *,
    loss: str = "mse",
    bias: bool = False,
) -> Float[Array, ""]:
    """The loss of a head on features, whoever made them; without `bias` that of the head is 0."""
    head = head if bias else head._replace(bias=jnp.zeros_like(head.bias))
    outputs = logits(head, features)
    if loss == "mse":
        fidelity = 0.5 * jnp.mean(jnp.sum((outputs - labels) ** 2, axis=1))
    else:
        fidelity = -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(outputs), axis=1))
    held = [*zip(decay.layers, head.layers, strict=True)]
    held += [(decay.features, features), (decay.bias, head.bias)]
    return fidelity + sum(0.5 * rate * jnp.sum(x**2) for rate, x in held)


def train_free(
    start: Free,
    labels: Float[Array, "samples classes"],
    decay: Decay,
    learning_rate: Any,
    measure: Callable[[Free], Any],
    *,
    num_records: int,
    stride: Any,
    loss: str = "mse",
    bias: bool = False,
) -> Trajectory:
    """Gradient descent on layers, features and bias together."""
    objective = lambda at: regularised_loss(
        at.head, at.features, labels, decay, loss=loss, bias=bias
    )
    return descend(objective, start, learning_rate, measure, num_records=num_records, stride=stride)


class Backbone(NamedTuple):
    """A ReLU network whose linear output are the features: (outputs, inputs) matrices, biases."""

    layers: tuple[tuple[Array, Array], ...]


def draw_backbone(key: PRNGKeyArray, widths: Sequence[int]) -> Backbone:
    """He's initialization, biases at zero; `widths` from the inputs to the features."""
    keys = jax.random.split(key, len(widths) - 1)
    pairs = zip(keys, widths, widths[1:], strict=False)
    return Backbone(
        tuple(((2 / n) ** 0.5 * jax.random.normal(k, (m, n)), jnp.zeros(m)) for k, n, m in pairs)
    )


def backbone_features(
    backbone: Backbone, inputs: Float[Array, "samples inputs"]
) -> Float[Array, "samples width"]:
    *hidden, (last, shift) = backbone.layers
    for layer, bias in hidden:
        inputs = jax.nn.relu(inputs @ layer.T + bias)
    return inputs @ last.T + shift


def gaussian_mixture(
    key: PRNGKeyArray, class_sizes: Sequence[int], inputs: int, separation: Any
) -> Float[Array, "samples inputs"]:
    """Samples of unit variance over all inputs about class means `separation` times as far."""
    mean_key, noise_key = jax.random.split(key)
    means = separation * jax.random.normal(mean_key, (len(class_sizes), inputs)) / inputs**0.5
    noise = jax.random.normal(noise_key, (sum(class_sizes), inputs)) / inputs**0.5
    return class_labels(class_sizes) @ means + noise


class Contrast(NamedTuple):
    """Covariances of linear contrastive learning: of an input, and of two views of one."""

    total: Array
    shared: Array


def contrastive_loss(layers: Sequence[Array], of: Contrast, weight_decay: Any) -> Float[Array, ""]:
    """The linear spectral contrastive loss of stacked layers, with decay on each.

    `-2 <f(x) . f(x+)> + <(f(x) . f(x'))^2>` over pairs of views and independent inputs.
    """
    product = jnp.eye(of.total.shape[0])
    for layer in layers:
        product = layer @ product
    gram = product.T @ product
    agree = -2 * jnp.trace(gram @ of.shared)
    repel = jnp.trace(gram @ of.total @ gram @ of.total)
    return agree + repel + 0.5 * weight_decay * sum(jnp.sum(layer**2) for layer in layers)


def aligned_free(
    key: PRNGKeyArray, class_sizes: Sequence[int], strengths: Float[Array, " classes"], width: int
) -> Free:
    """One layer and features in one basis, class by class, each of the same singular value.

    The hidden basis is drawn; logits are diagonal, of singular values `strengths**2`.
    """
    basis = jnp.linalg.qr(jax.random.normal(key, (width, width)))[0][: len(class_sizes)]
    share = strengths / jnp.sqrt(jnp.asarray(class_sizes, strengths.dtype))
    features = class_labels(class_sizes) @ (share[:, None] * basis)
    return Free(Head((strengths[:, None] * basis,), jnp.zeros(len(class_sizes))), features)


def class_singular_values(
    at: Free, labels: Float[Array, "samples classes"]
) -> Float[Array, " classes"]:
    """Of logits that are one number for each class, at its own samples."""
    own = jnp.sum(labels * logits(at.head, at.features), axis=0)
    return own / jnp.sqrt(jnp.sum(labels, axis=0))


def whitened_features(
    key: PRNGKeyArray, num_classes: int, class_size: int, width: int, spread: Any
) -> tuple[Array, Array]:
    """Random class means of length about `spread`, and deviations of covariance 1."""
    mean_key, within_key = jax.random.split(key)
    means = spread * jax.random.normal(mean_key, (num_classes, width)) / width**0.5
    means = means - jnp.mean(means, axis=0)
    shape = (num_classes, class_size, width)
    deviations = jax.random.normal(within_key, shape)
    deviations = deviations - jnp.mean(deviations, axis=1, keepdims=True)
    flat = deviations.reshape(-1, width)
    root = jnp.linalg.cholesky(flat.T @ flat / len(flat))
    return means, jax.scipy.linalg.solve_triangular(root, flat.T, lower=True).T.reshape(shape)


def least_squares_head(
    features: Float[Array, "samples width"], labels: Float[Array, "samples classes"]
) -> Head:
    """The layer and bias that fit the labels best."""
    middle, target = jnp.mean(features, axis=0), jnp.mean(labels, axis=0)
    x, y = features - middle, labels - target
    layer = jnp.linalg.solve(x.T @ x, x.T @ y).T
    return Head((layer,), target - layer @ middle)


def follow_central_path(
    means: Float[Array, "classes width"],
    deviations: Float[Array, "classes size width"],
    learning_rate: Any,
    num_steps: Any,
) -> Float[Array, "classes width"]:
    """Class means after descent on the loss under the best head, deviations kept.

    The gradient of the loss by every feature, by autodiff, is averaged over its class: that is its
    projection on features of the same covariance within classes.
    """
    classes, size, width = deviations.shape
    labels = class_labels((size,) * classes)

    def step(_, means):
        features = (means[:, None] + deviations).reshape(-1, width)
        head = least_squares_head(features, labels)
        loss = lambda x: 0.5 * jnp.mean(jnp.sum((logits(head, x) - labels) ** 2, axis=1))
        gradient = jax.grad(loss)(features).reshape(deviations.shape)
        return means - learning_rate * jnp.mean(gradient, axis=1)

    return jax.lax.fori_loop(0, num_steps, step, means)


def random_features_of(
    key: PRNGKeyArray, variance: Float[Array, " features"], shared: Float[Array, " features"]
) -> tuple[Float[Array, "features features"], Contrast]:
    """A random basis, in its rows, and covariances that are diagonal in it."""
    count = len(variance)
    basis = jnp.linalg.qr(jax.random.normal(key, (count, count)))[0]
    turned = lambda diagonal: basis.T @ (diagonal[:, None] * basis)
    return basis, Contrast(turned(variance), turned(shared))


class Classifier(NamedTuple):
    """A backbone and the head on its features."""

    backbone: Backbone
    head: Head


@partial(jax.jit, static_argnums=(1, 2))
def _draw_classifier(
    key: PRNGKeyArray, backbone_widths: tuple[int, ...], head_widths: tuple[int, ...]
) -> Classifier:
    backbone_key, *keys = jax.random.split(key, len(head_widths))
    pairs = zip(keys, head_widths[:-1], head_widths[1:], strict=True)
    layers = tuple(jax.random.normal(k, (m, n)) / n**0.5 for k, n, m in pairs)
    return Classifier(
        draw_backbone(backbone_key, backbone_widths), Head(layers, jnp.zeros(head_widths[-1]))
    )


def train_classifier(
    key: PRNGKeyArray,
    inputs: Float[Array, "samples inputs"],
    labels: Float[Array, "samples classes"],
    decay: Decay,
    *,
    backbone_widths: Sequence[int],
    head_widths: Sequence[int],
    bias: bool,
    num_iterations: int,
    measure: Callable[[Classifier, Array], Any],
    feature_penalty: bool = True,
) -> list[Any]:
    """SciPy's L-BFGS on a ReLU backbone without decay and a deep linear head on its features.

    Arguments:
        backbone_widths: of the hidden layers; the features have the first of `head_widths`.
        measure: of the classifier and its features, before and after the iterations.
        feature_penalty: whether the features are penalised, as the theory wants it; without it
            every weight of the backbone has the decay of the features instead.

    Not traced: the loop is SciPy's.
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    widths = (inputs.shape[1], *backbone_widths, head_widths[0])
    start = _draw_classifier(key, widths, (*head_widths, labels.shape[1]))
    flat, unravel = ravel_pytree(start)

    def loss(row):
        at = unravel(row)
        features = backbone_features(at.backbone, inputs)
        if feature_penalty:
            return regularised_loss(at.head, features, labels, decay, bias=bias)
        fit = regularised_loss(at.head, features, labels, decay._replace(features=0.0), bias=bias)
        squares = sum(jnp.sum(layer**2) for layer, _ in at.backbone.layers)
        return fit + 0.5 * decay.features * squares

    value_and_gradient = jax.jit(jax.value_and_grad(loss))

    def on_host(row):
        value, gradient = value_and_gradient(jnp.asarray(row))
        return float(value), np.asarray(gradient, float)

    options = dict(maxiter=num_iterations, maxfun=2 * num_iterations, maxcor=10, ftol=0, gtol=0)
    with threadpool_limits(1, "blas"):  # its products are small: threads wait for each other
        found = minimize(
            on_host, np.asarray(flat, float), jac=True, method="L-BFGS-B", options=options
        )
    ends = [start, unravel(jnp.asarray(found.x, flat.dtype))]
    measured = jax.jit(lambda at: measure(at, backbone_features(at.backbone, inputs)))
    return [measured(at) for at in ends]
