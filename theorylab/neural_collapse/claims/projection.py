"""What a projection head does to the weights of features in linear contrastive learning."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.experiment.descent import descend
from theorylab.neural_collapse.claims.sources import XUE_2024
from theorylab.neural_collapse.projection_head import projection_head
from theorylab.neural_collapse.simulation import contrastive_loss, random_features_of
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact


def learned_weights(key, *, kept, noise, depth, weight_decay, learning_rate, num_steps, start):
    """Weight of each feature after the first layer, and after all: `(2, features)`."""
    basis_key, *keys = jax.random.split(key, depth + 1)
    kept, noise = jnp.asarray(kept), jnp.asarray(noise)
    count = len(kept)
    basis, covariances = random_features_of(basis_key, kept + noise, kept)
    layers = [jnp.linalg.qr(jax.random.normal(k, (count, count)))[0] * start for k in keys]
    loss = lambda layers: contrastive_loss(layers, covariances, weight_decay)

    def weights(layers):
        after_one = layers[0] @ basis.T
        after_all = after_one
        for layer in layers[1:]:
            after_all = layer @ after_all
        return jnp.stack([jnp.linalg.norm(x, axis=0) for x in (after_one, after_all)])

    run = descend(loss, layers, learning_rate, weights, num_records=2, stride=num_steps)
    return run.measured[-1]


def predicted_weights(*, kept, noise, depth, weight_decay, **_):
    kept, noise = np.asarray(kept), np.asarray(noise)
    found = projection_head(kept + noise, kept, depth=depth, weight_decay=weight_decay)
    return np.stack([found.before, found.after])


def no_decay(*, weight_decay, **setting):
    return predicted_weights(weight_decay=0.0, **setting)


def one_weighting(**setting):
    after = predicted_weights(**setting)[1]
    return np.stack([after, after])


def halves(*, depth, **setting):
    """As if the logarithm were shared over one layer more than there are."""
    after = predicted_weights(depth=depth, **setting)[1]
    return np.stack([after ** (1 / (depth + 1)), after])


def settled(eps, *, weight_decay, learning_rate, num_steps, **setting):
    """Layers balance at twice the decay; modes not aligned fade at the decay or faster."""
    rate = weight_decay
    return 10 * np.exp(-rate * learning_rate * num_steps) + 16 * eps / (learning_rate * rate)


def kept_features(*, kept, noise, weight_decay, learning_rate, depth, start, **_):
    if len(kept) != len(noise):
        raise ValueError(f"`kept` and `noise` must be as long; got {len(kept)} and {len(noise)}")
    if depth < 2:
        raise ValueError(f"`depth` must be >= 2, an encoder and a head; got {depth}")
    require_within(0, 0.05, learning_rate=learning_rate)
    require_within(0, np.inf, weight_decay=weight_decay)
    if not 0.3 <= start <= 1.2:
        raise ValueError(
            f"`start` must be from 0.3 to 1.2, for descent to keep every feature and be stable; "
            f"got {start:g}"
        )
    if not predicted_weights(kept=kept, noise=noise, depth=depth, weight_decay=weight_decay).all():
        raise ValueError(
            f"`weight_decay` must keep every feature: descent may drop one at a local minimum; got "
            f"{weight_decay:g}"
        )


head_weights = Claim(
    statement="In linear contrastive learning the logarithm of a feature's weight is proportional "
    "to the layers passed: before a projection head features are weighted more evenly than after.",
    source=XUE_2024,
    assumes=("spectral contrastive loss", "linear layers of full width", "commuting covariances"),
    predict=predicted_weights,
    observe=learned_weights,
    coords=lambda kept, **_: {
        "after": ["the encoder", "the head"],
        "feature": np.arange(len(kept)),
    },
    quantity="weight of a feature",
    criterion=Exact(tolerance=settled),
    rivals={
        "no effect of the decay": no_decay,
        "the same weights before the head": one_weighting,
        "one layer more": halves,
    },
    settings={
        "quick": [
            dict(
                kept=(1.5, 1.0, 0.7, 0.5, 0.3), noise=(0.1, 0.8, 0.05, 1.0, 0.3), depth=2,
                weight_decay=0.05, learning_rate=0.02, num_steps=30000, start=0.8,
            ),
        ],
        "standard": [
            dict(
                kept=(1.5, 1.0, 0.7, 0.5, 0.3), noise=(0.1, 0.8, 0.05, 1.0, 0.3), depth=depth,
                weight_decay=0.03, learning_rate=0.01, num_steps=120000, start=0.8,
            )
            for depth in (2, 3, 4)
        ],
    },
    domain=kept_features,
    replicates=4,
    tile=4,
    proof="neural_collapse/projection_head",
)  # fmt: skip
