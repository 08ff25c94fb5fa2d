"""What the claims share: descent on a head and free features, and the minimum it should find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.neural_collapse.deep_linear_ufm import Collapse, DeepLinearUFM
from theorylab.neural_collapse.mode_fit import mode_fit
from theorylab.neural_collapse.simulation import (
    Decay,
    Free,
    class_labels,
    draw_free,
    logits,
    regularised_loss,
    train_free,
)


def trained(
    key, measure, *, class_sizes, width, weight_decay, feature_decay, bias, start, learning_rate,
    num_steps, loss="mse",
):  # fmt: skip
    """What is measured of the parameters at the end of a run."""
    widths = (width,) * len(weight_decay)
    free, labels = draw_free(key, class_sizes, widths, start), class_labels(class_sizes)
    decay = Decay(weight_decay, feature_decay)
    run = train_free(
        free, labels, decay, learning_rate, lambda at: measure(at, labels, decay),
        num_records=2, stride=num_steps, loss=loss, bias=bias,
    )  # fmt: skip
    return jax.tree.map(lambda records: records[-1], run.measured)


def geometry(at: Free, labels, _) -> Any:
    """Gram matrices of the class means and of the rows of all layers together, and the logits.

    `(3, classes, classes)`; of the logits the class means, a class in each row.
    """
    sizes = jnp.sum(labels, axis=0)[:, None]
    means = labels.T @ at.features / sizes
    product = jnp.eye(at.features.shape[1])
    for layer in at.head.layers:
        product = layer @ product
    outputs = labels.T @ logits(at.head, at.features) / sizes
    return jnp.stack([means @ means.T, product @ product.T, outputs])


def loss_of(at: Free, labels, decay, *, loss="mse", bias=False):
    return regularised_loss(at.head, at.features, labels, decay, loss=loss, bias=bias)


@lru_cache(maxsize=128)
def _minimum(sizes, weight_decay, feature_decay, bias, loss) -> Collapse:
    return DeepLinearUFM(sizes, weight_decay, feature_decay, bias=bias, loss=loss).solve()


def minimum(*, class_sizes, weight_decay, feature_decay, bias=False, loss="mse", **_) -> Collapse:
    return _minimum(tuple(class_sizes), tuple(weight_decay), float(feature_decay), bool(bias), loss)


def predicted_geometry(**setting) -> np.ndarray:
    found = minimum(**setting)
    return np.stack([found.class_mean_gram, found.product_gram, found.class_logits])


def with_penalty(change: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The geometry that another law of `b`, of the penalty and the setting, would give."""

    def rival(**setting) -> np.ndarray:
        found = minimum(**setting)
        assert found.penalty is not None
        decays, H = np.asarray(setting["weight_decay"]), setting["feature_decay"]
        M, N = len(decays), sum(setting["class_sizes"])
        y2 = (found.logit_singular_values / found.fit) ** 2
        fitted = mode_fit(change(found.penalty, squares=y2, **setting), M)
        scale = (N * H * decays.prod()) ** (1 / M) * fitted.root
        h2, w2 = scale / H, (scale[None] / decays[:, None]).prod(axis=0)
        means = found.class_modes.T @ (h2[:, None] * found.class_modes)
        product = (found.output_modes * w2) @ found.output_modes.T
        outputs = (found.output_modes * (np.sqrt(y2) * fitted.fit)) @ found.class_modes
        return np.stack([means, product, outputs.T + found.bias])

    return rival


def slowest_rate(**setting) -> float:
    """What decays slowest near the minimum, under the flow.

    Features that no layer reads fade at their decay, and what unbalances layers at two decays. A
    bias `b` shifts all logits as a common feature `m` does, with the quadratic form
    `|b + w m|^2 / 2 + lambda_H |m|^2 / 2` in units of the root of N: its determinant over its trace
    is below its lowest eigenvalue.
    """
    rates = [*setting["weight_decay"], setting["feature_decay"]]
    if setting.get("bias"):
        w2 = minimum(**setting).product_singular_values.max() ** 2 / sum(setting["class_sizes"])
        rates += [setting["feature_decay"] / (1 + w2 + setting["feature_decay"])]
    return min(rates)


def rounded(eps, *, horizon, learning_rate, **_):
    """Of numbers of order 1: a rounding in each step, all of one sign."""
    return eps * horizon / learning_rate


def converged(setting: Mapping[str, Any], eps: float) -> float:
    """What descent leaves after its steps, relative: the slowest mode, and rounding.

    Taken to be of order 1, within ten, at the start. A rate `r` is felt for `1 / (learning_rate r)`
    steps, each of which rounds.
    """
    rate = slowest_rate(**setting)
    time = setting["learning_rate"] * setting["num_steps"]
    return 10 * np.exp(-rate * time) + 4 * eps / (setting["learning_rate"] * rate)
