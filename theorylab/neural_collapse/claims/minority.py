"""Minority collapse: small classes lose their contrast under cross-entropy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.neural_collapse.claims.sources import HONG_2023
from theorylab.neural_collapse.claims.training import trained
from theorylab.neural_collapse.minority_collapse import minority_contrast
from theorylab.neural_collapse.simulation import logits
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact, Outcome


def decay_at(share, class_sizes):
    """The decay of layer and features at `share` of the threshold, `sqrt(n_B) / N`."""
    return share * min(class_sizes) ** 0.5 / sum(class_sizes)


def group_contrast(key, *, class_sizes, share, **run):
    """Contrast in logits among the smallest classes; the probability they give their own group."""
    small = np.flatnonzero(np.asarray(class_sizes) == min(class_sizes))

    def measure(at, labels, _):
        outputs = labels.T @ logits(at.head, at.features) / jnp.sum(labels, axis=0)[:, None]
        group = outputs[small][:, small]
        own = jnp.trace(group) / len(small)
        other = (jnp.sum(group) - jnp.trace(group)) / (len(small) * (len(small) - 1))
        mass = jnp.sum(jax.nn.softmax(outputs)[small][:, small], axis=1)
        return own - other, jnp.mean(mass)

    rate = decay_at(share, class_sizes)
    contrast, mass = trained(
        key, measure, class_sizes=class_sizes, weight_decay=(rate,), feature_decay=rate,
        bias=False, loss="ce", **run,
    )  # fmt: skip
    return Outcome(contrast, {"group_mass": mass})


def predicted_contrast(*, group_mass, class_sizes, share, stronger=1.0, **_):
    rate = stronger * decay_at(share, class_sizes)
    small = min(class_sizes)
    return minority_contrast(
        group_mass, sum(n == small for n in class_sizes), small, sum(class_sizes), rate, rate
    ).contrast


def without_the_root(*, class_sizes, **setting):
    """The threshold at `n_B / N`: small classes are apart up to `sqrt(n_B)` times the decay."""
    return predicted_contrast(class_sizes=class_sizes, stronger=min(class_sizes) ** -0.5, **setting)


def as_one_group(*, group_mass, **setting):
    """The law of balanced classes, `q = 1`."""
    return predicted_contrast(group_mass=np.ones_like(group_mass), **setting)


def unconverged(eps, *, class_sizes, share, learning_rate, num_steps, **_):
    """The contrast's own mode relaxes at `|1 - share|` of the decay, or twice that below it."""
    rate = decay_at(share, class_sizes) * min(abs(1 - share), 1.0)
    return 50 * np.exp(-rate * learning_rate * num_steps) + 64 * eps / (learning_rate * rate)


def two_small_classes(*, class_sizes, share, width, start, learning_rate, **_):
    if sum(n == min(class_sizes) for n in class_sizes) < 2 or len(set(class_sizes)) < 2:
        raise ValueError(
            f"`class_sizes` must have two smallest classes or more, and larger ones; got "
            f"{class_sizes}"
        )
    if not 0 < share <= 1.5 or abs(share - 1) < 0.05:
        raise ValueError(
            f"`share` must be > 0 and <= 1.5, and 0.05 away from 1, where descent takes for ever; "
            f"got {share:g}"
        )
    if width < len(class_sizes):
        raise ValueError(f"`width` must be >= {len(class_sizes)}, the classes; got {width}")
    require_within(0, 1, learning_rate=learning_rate)
    require_within(0, 2, start=start)


minority_merges = Claim(
    statement="Under cross-entropy classes of equal size merge when their size falls to N^2 "
    "lambda_W lambda_H, whatever the other classes; above, their contrast obeys one equation.",
    source=HONG_2023,
    assumes=("cross-entropy", "one layer on free features", "no bias"),
    predict=predicted_contrast,
    observe=group_contrast,
    quantity="contrast of logits",
    criterion=Exact(tolerance=unconverged),
    rivals={
        "the threshold without its root": without_the_root,
        "as if the group were all classes": as_one_group,
        "decay 1 % stronger": lambda **setting: predicted_contrast(stronger=1.01, **setting),
        "a threshold higher by a quarter": lambda **setting: predicted_contrast(
            stronger=0.8, **setting
        ),
    },
    settings={
        "quick": [
            dict(
                class_sizes=(8, 8, 3, 3, 3), share=share, width=5, start=1.0,
                learning_rate=1.0, num_steps=30000,
            )
            for share in (0.8, 1.2)
        ],
        "standard": [
            dict(
                class_sizes=(40, 40, 5, 5, 5), share=share, width=6, start=1.0,
                learning_rate=1.0, num_steps=120000,
            )
            for share in (0.5, 0.9, 1.1)
        ],
    },
    domain=two_small_classes,
    replicates=2,
    tile=2,
    proof="neural_collapse/cross_entropy",
)  # fmt: skip
