"""Networks trained on some of the pairs: what symmetry gives for free, and what decay hastens."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from theorylab.grokking.claims.sources import HE_2026, HERE
from theorylab.grokking.delay import delay
from theorylab.grokking.network import network_logits
from theorylab.grokking.simulation.training import record_steps, train
from theorylab.grokking.symmetric_floor import symmetric_floor
from theorylab.verify import Claim, Mean

_ADAMW = dict(activation="quadratic", optimizer="adamw", learning_rate=0.01, initial_scale=0.1)


def right_by_symmetry(key, *, modulus, width, train_fraction, num_steps):
    """The share of test pairs that a trained network has right and whose mirror image it has seen.

    Of networks that have every training pair right; NaN otherwise.
    """
    run = train(
        key, record_steps(num_steps, 2), modulus=modulus, width=width,
        train_fraction=train_fraction, keep_weights=False, measure=lambda weights: (), **_ADAMW,
    )  # fmt: skip
    x = jnp.arange(modulus)
    right = jnp.argmax(network_logits(run.weights), axis=-1) == (x[:, None] + x) % modulus
    seen = run.train_mask
    free = jnp.sum(right & ~seen & seen.T) / jnp.sum(~seen)
    return jnp.where(jnp.all(right | ~seen), free, jnp.nan)


def num_train(modulus, train_fraction):
    return np.round(train_fraction * modulus**2)


def predicted_floor(*, modulus, train_fraction, **_):
    return symmetric_floor(modulus, num_train(modulus, train_fraction))


floor = Claim(
    statement="A network that embeds both arguments alike and has memorised n pairs has n / (p (p "
    "+ 1)) of the others right, on average.",
    source=HERE,
    assumes=("one embedding of both arguments", "every training pair right", "pairs at random"),
    predict=predicted_floor,
    observe=right_by_symmetry,
    quantity="share of test pairs right by symmetry",
    criterion=Mean(tolerance=0.03),
    rivals={
        "the share of pairs seen": lambda *, modulus, train_fraction, **_: (
            num_train(modulus, train_fraction) / modulus**2
        ),
        "one of two orders": lambda *, modulus, train_fraction, **_: (
            num_train(modulus, train_fraction) / (2 * modulus**2)
        ),
        "that of pairs off the diagonal": lambda *, modulus, train_fraction, **_: (
            num_train(modulus, train_fraction) / (modulus**2 - 1)
        ),
    },
    settings={
        "quick": [dict(modulus=7, width=32, train_fraction=0.75, num_steps=200)],
        "standard": [
            dict(modulus=p, width=48, train_fraction=r, num_steps=400)
            for p in (7, 11)
            for r in (0.6, 0.75)
        ],
    },
    replicates=8192,
    tile=512,
    proof="grokking/symmetric_floor",
)


def sooner(key, *, modulus, width, train_fraction, weight_decay, ratio, num_steps, num_records):
    """Whether a run generalises sooner after memorising at a decay so many times as high.

    Start and pairs are the same. Two runs that never generalise do not count as sooner.
    """
    steps = record_steps(num_steps, num_records)

    def waited(decay):
        run = train(
            key, steps, modulus=modulus, width=width, train_fraction=train_fraction,
            weight_decay=decay, measure=lambda weights: (), **_ADAMW,
        )  # fmt: skip
        return delay(run.steps, run.train_accuracy, run.test_accuracy)

    return 1.0 * (waited(ratio * weight_decay) < waited(weight_decay))


decay_hastens = Claim(
    statement="Of one start and one set of pairs, stronger weight decay generalises sooner after "
    "memorising (seen, not derived).",
    source=HE_2026,
    assumes=("AdamW", "cross-entropy", "decay well below one over the escape time"),
    predict=lambda **_: 1.0,
    observe=sooner,
    quantity="share of starts that are sooner",
    criterion=Mean(tolerance=0.25, support=(0.0, 1.0)),
    rivals={
        "decay does not matter": lambda **_: 0.5,
        "decay holds generalisation up": lambda **_: 0.0,
    },
    settings={
        "quick": [
            dict(
                modulus=17, width=64, train_fraction=0.75, weight_decay=0.1, ratio=4.0,
                num_steps=600, num_records=60,
            )
        ],
    },
    replicates=128,
    tile=16,
)  # fmt: skip
