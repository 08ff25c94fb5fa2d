"""Networks trained on some of the pairs: what symmetry gives for free, and what decay hastens."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.grokking.claims.bounds import network
from theorylab.grokking.claims.sources import HE_2026, HERE
from theorylab.grokking.delay import delay
from theorylab.grokking.network import activation_of
from theorylab.grokking.simulation.training import record_steps, train
from theorylab.grokking.symmetric_floor import symmetric_floor
from theorylab.numerics.arrays import require_within, whole_number
from theorylab.verify import Claim, Mean


def test_accuracy(
    key, *, modulus, width, activation, train_fraction, initial_scale, learning_rate, num_steps
):
    """Of a network that has every training pair right, by gradient descent without decay.

    NaN where it has not.
    """
    run = train(
        key, record_steps(num_steps, 2), modulus=modulus, width=width, activation=activation,
        train_fraction=train_fraction, initial_scale=initial_scale, learning_rate=learning_rate,
        measure=lambda weights: (),
    )  # fmt: skip
    memorised = run.train_accuracy[-1] == 1
    return jnp.where(memorised, run.test_accuracy[-1], jnp.nan)


def num_train(modulus, train_fraction):
    return np.round(train_fraction * modulus**2)


def predicted_floor(*, modulus, train_fraction, **_):
    return symmetric_floor(modulus, num_train(modulus, train_fraction))


def half_by_symmetry(**setting):
    """That of pairs whose order is left open."""
    return predicted_floor(**setting) / 2


def chance_for_the_rest(*, modulus, **setting):
    floor = predicted_floor(modulus=modulus, **setting)
    return floor + (1 - floor) / modulus


def share_seen(*, modulus, train_fraction, **_):
    return num_train(modulus, train_fraction) / modulus**2


def some_pairs(
    *, modulus, width, activation, train_fraction, initial_scale, learning_rate, num_steps
):
    network(modulus, width)
    activation_of(np, activation)
    require_within(0, np.inf, initial_scale=initial_scale, learning_rate=learning_rate)
    record_steps(num_steps, 2)
    of_both_kinds(modulus, train_fraction)


def of_both_kinds(modulus, train_fraction):
    if not 1 <= num_train(modulus, train_fraction) < modulus**2:
        raise ValueError(
            f"`train_fraction` must leave pairs to train and to test, of {modulus**2}; "
            f"got {train_fraction:g}"
        )


# Of all pairs with one of the two arguments only this one has its answer: what a network has
# memorised of them speaks against it, unless it has seen the pair itself or its mirror image.
_MEMORISE = dict(train_fraction=0.75, initial_scale=0.5, learning_rate=1.0, num_steps=60)

memorised_accuracy = Claim(
    statement="A network that embeds both arguments alike and has memorised n pairs has n / (p (p "
    "+ 1)) of the others right on average, those whose mirror image it has seen; of the rest none, "
    "less than chance.",
    source=HERE,
    assumes=("one embedding of both arguments", "wide, and large at the start", "pairs at random"),
    predict=predicted_floor,
    observe=test_accuracy,
    quantity="test accuracy",
    domain=some_pairs,
    criterion=Mean(tolerance=0.02),
    rivals={
        "chance for the rest": chance_for_the_rest,
        "the share of pairs seen": share_seen,
        "one of two orders": half_by_symmetry,
    },
    settings={
        "quick": [dict(modulus=7, width=96, activation="quadratic", **_MEMORISE)],
        "standard": [
            dict(modulus=p, width=96, activation="quadratic", **_MEMORISE) for p in (7, 9)
        ],
    },
    replicates=8192,
    tile=256,
    proof="grokking/symmetric_floor",
)


def each_sooner(key, *, modulus, width, train_fraction, weight_decay, ratio, num_steps, stride):
    """Whether a run generalises the sooner after memorising the stronger its decay, of three.

    Start and pairs are the same; the decays are so many times one another. The weakest may be later
    than the last step.
    """
    steps = stride * np.arange(1 + num_steps // stride)

    def waited(decay):
        run = train(
            key, steps, modulus=modulus, width=width, train_fraction=train_fraction,
            weight_decay=decay, optimizer="adamw", learning_rate=0.01, initial_scale=0.1,
            measure=lambda weights: (),
        )  # fmt: skip
        return delay(run.steps, run.train_accuracy, run.test_accuracy)

    weak, middle, strong = jax.lax.map(waited, weight_decay * ratio ** jnp.arange(3))
    memorised = strong > -jnp.inf
    return 1.0 * (memorised & (strong < middle) & (middle < weak))


def three_decays(*, modulus, width, train_fraction, weight_decay, ratio, num_steps, stride):
    network(modulus, width)
    of_both_kinds(modulus, train_fraction)
    require_within(0, np.inf, weight_decay=weight_decay)
    require_within(1, np.inf, ratio=ratio)
    whole_number("stride", stride, 1)
    whole_number("num_steps", num_steps, 10 * stride)


decay_hastens = Claim(
    statement="Of one start and one set of pairs, the stronger the weight decay the sooner a "
    "network generalises after memorising (seen in networks of these sizes, not derived).",
    source=HE_2026,
    assumes=("AdamW", "cross-entropy", "quadratic activation", "decay that lets it memorise"),
    predict=lambda **_: 1.0,
    observe=each_sooner,
    quantity="share of starts in order",
    domain=three_decays,
    criterion=Mean(tolerance=0.25, support=(0.0, 1.0)),
    rivals={
        "decay does not matter: any order": lambda **_: 1 / 6,
        "the weaker two alike": lambda **_: 1 / 2,
        "decay holds generalisation up": lambda **_: 0.0,
    },
    settings={
        "quick": [
            dict(
                modulus=23, width=48, train_fraction=0.75, weight_decay=0.05, ratio=4.0,
                num_steps=1000, stride=10,
            )
        ],
    },
    replicates=256,
    tile=16,
)  # fmt: skip
