"""What no training changes: the balance of each neuron."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.experiment.descent import descend
from theorylab.grokking.claims.bounds import network
from theorylab.grokking.claims.sources import HERE
from theorylab.grokking.mode_invariants import neuron_balance
from theorylab.grokking.network import activation_of
from theorylab.grokking.simulation.flow import cross_entropy
from theorylab.grokking.simulation.training import draw_weights
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact, Outcome

_DEGREES = {"quadratic": 2, "relu": 1}


def trained_balance(
    key, *, modulus, width, activation, initial_scale, train_fraction, weight_decay, learning_rate,
    horizon,
):  # fmt: skip
    """The balance of every neuron after descent on some of the pairs, and the weights before.

    The fall of the loss, decay included, is given too.
    """
    weight_key, pair_key = jax.random.split(key)
    weights = draw_weights(weight_key, modulus, width, initial_scale)
    trained = jax.random.uniform(pair_key, (modulus, modulus)) < train_fraction

    def loss(w):
        squares = sum(jnp.sum(x**2) for x in w)
        fit = cross_entropy(w, activation=activation, trained=trained)
        return fit + weight_decay * squares / 2

    def measure(w):
        theta, xi = (jnp.sum(x**2, axis=-1) for x in w)
        return theta - _DEGREES[activation] * xi, loss(w)

    steps = jnp.round(horizon / learning_rate).astype(int)
    run = descend(loss, weights, learning_rate, measure, num_records=2, stride=steps)
    ends, losses = run.measured
    given = {"theta": weights.input_weights, "xi": weights.output_weights}
    return Outcome(ends[-1], {**given, "fall": losses[0] - losses[-1]})


def predicted_balance(
    *, activation, weight_decay, horizon, theta, xi, swapped=False, rate=1.0, **_
):
    if swapped:
        activation = {"quadratic": "relu", "relu": "quadratic"}[activation]
    return neuron_balance(horizon, theta, xi, activation, weight_decay=rate * weight_decay)


def second_order(eps, *, activation, learning_rate, weight_decay, horizon, theta, xi, fall, **_):
    """What steps add, `eta^2 |g|^2` each, of one kind of weight less `q` times the other.

    The loss falls by `eta |g|^2` in a step: in all they add no more than `q eta` times its fall,
    for all neurons together. Decay by steps is faster by `eta lambda^2 t`. Twice that for higher
    orders.
    """
    q = _DEGREES[activation]
    squares = np.sum(theta**2, axis=-1) + q * np.sum(xi**2, axis=-1)
    step = q * fall + weight_decay**2 * horizon * squares
    return 2 * learning_rate * step + eps * squares * horizon / learning_rate


def small_steps(
    *, modulus, width, activation, initial_scale, train_fraction, weight_decay, learning_rate,
    horizon,
):  # fmt: skip
    """That descend, on a draw of pairs that is not empty but once in a million."""
    network(modulus, width)
    activation_of(np, activation)
    require_within(0, 2, initial_scale=initial_scale)
    require_within(0, np.inf, weight_decay=weight_decay, horizon=horizon)
    require_within(0, 0.02, learning_rate=learning_rate)
    require_within(0, 1, train_fraction=train_fraction)
    if (1 - train_fraction) ** (modulus**2) > 1e-6:
        raise ValueError(
            f"`train_fraction` must leave pairs to train, of {modulus**2}; got {train_fraction:g}"
        )
    steps = horizon / learning_rate
    if abs(steps - round(steps)) > 1e-6 * steps:
        raise ValueError(
            f"`horizon` must be a multiple of `learning_rate`; got {horizon:g} and "
            f"{learning_rate:g}"
        )


balance_is_kept = Claim(
    statement="Training keeps |theta|^2 - q |xi|^2 of every neuron, q the degree of the "
    "activation, but for the decay of weights, at twice its rate.",
    source=HERE,
    assumes=("an activation homogeneous of degree q", "any loss and data", "small steps"),
    predict=predicted_balance,
    observe=trained_balance,
    quantity="balance of a neuron",
    coords=lambda *, width, **_: {"neuron": np.arange(width)},
    domain=small_steps,
    criterion=Exact(tolerance=second_order),
    rivals={
        "the other activation's degree": partial(predicted_balance, swapped=True),
        "decay at its own rate": partial(predicted_balance, rate=0.5),
        "no decay": partial(predicted_balance, rate=0.0),
    },
    settings={
        "quick": [
            dict(
                modulus=7, width=6, activation=activation, initial_scale=0.7, train_fraction=0.7,
                weight_decay=0.01, learning_rate=0.005, horizon=20.0,
            )
            for activation in ("quadratic", "relu")
        ],
        "standard": [
            dict(
                modulus=13, width=24, activation=activation, initial_scale=0.5, train_fraction=0.7,
                weight_decay=0.005, learning_rate=0.005, horizon=100.0,
            )
            for activation in ("quadratic", "relu")
        ],
    },
    proof="grokking/mode_invariants",
)  # fmt: skip
