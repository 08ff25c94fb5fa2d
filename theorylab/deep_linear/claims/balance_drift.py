"""The balance of two layers after one step, on coloured data."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from theorylab.deep_linear.balance import balance
from theorylab.deep_linear.balance_after_step import balance_after_step
from theorylab.deep_linear.claims.sources import HERE
from theorylab.deep_linear.claims.training import constants
from theorylab.deep_linear.input_output_modes import input_output_modes
from theorylab.deep_linear.simulation import draw_gaussian, train
from theorylab.experiment.data_matrix import data_matrix
from theorylab.numerics.arrays import require, require_positive
from theorylab.verify import Claim, Exact, Outcome


@lru_cache(maxsize=32)
def coloured_covariances(data: str) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of a data matrix as it is, but for centring and the scale of its columns."""
    X, Y = data_matrix(data)
    X = X - X.mean(axis=0)
    deviation = X.std(axis=0)
    modes = input_output_modes(X / np.where(deviation > 0, deviation, 1), Y, whiten=False)
    return modes.left * modes.singular_values @ modes.right.T, modes.input_covariance


def random_layers(*, data, hidden, weight_scale, learning_rate):
    """Refuse layers without units or weights, and steps that are none."""
    data_matrix(data)
    require_positive(weight_scale=np.asarray(weight_scale), learning_rate=np.asarray(learning_rate))
    require(np.asarray(hidden >= 1), ">= 1", hidden=np.asarray(hidden))


def stepped_balance(key, *, data, hidden, weight_scale, learning_rate):
    """The balance of random layers after one step of descent on real, coloured data."""
    target, covariance = constants(*coloured_covariances(data))
    outputs, inputs = target.shape
    weights = draw_gaussian(key, (inputs, hidden, outputs), weight_scale)
    run = train(
        weights,
        target,
        covariance,
        learning_rate,
        num_records=2,
        measure=lambda weights: balance(*weights),
    )
    return Outcome(run.measured[1], {"first": weights[0], "second": weights[1]})


def predicted_balance(*, data, hidden, weight_scale, learning_rate, first, second, factor=1.0):
    before = balance(first, second)
    target, covariance = coloured_covariances(data)
    after = balance_after_step(first, second, target, learning_rate, covariance)
    return before + factor * (after - before)


def predicted_white_balance(*, data, hidden, weight_scale, learning_rate, first, second):
    return balance_after_step(first, second, coloured_covariances(data)[0], learning_rate)


def balance_rounding(eps, *, data, hidden, weight_scale, learning_rate, first, second):
    """Four roundings for each of the contractions, against the magnitudes that enter them."""
    target, covariance = (np.abs(x) for x in coloured_covariances(data))
    W1, W2 = np.abs(first), np.abs(second)
    error = target + W2 @ W1 @ covariance
    W1, W2 = W1 + learning_rate * W2.T @ error, W2 + learning_rate * error @ W1.T
    return 5 * 4 * eps * (W2.T @ W2 + W1 @ W1.T)


STEP = dict(hidden=6, weight_scale=0.3, learning_rate=0.05)


balance_drift = Claim(
    statement="One step of descent changes the balance of neighbouring layers by eta^2 (W1 E^T E "
    "W1^T - W2^T E E^T W2) exactly, for any weights and data; the flow conserves it.",
    source=HERE,
    assumes=("squared loss", "full-batch descent"),
    predict=predicted_balance,
    observe=stepped_balance,
    quantity="balance $W_2^T W_2 - W_1 W_1^T$",
    domain=random_layers,
    coords=lambda hidden, **_: {"row": np.arange(hidden), "column": np.arange(hidden)},
    criterion=Exact(tolerance=balance_rounding),
    rivals={
        "balance is conserved, as by the flow": partial(predicted_balance, factor=0.0),
        "the drift of the other sign": partial(predicted_balance, factor=-1.0),
        "whitened inputs": predicted_white_balance,
    },
    settings={
        "quick": [dict(data=data, **STEP) for data in ("digits", "wine")],
        "standard": [
            dict(data=data, **{**STEP, "learning_rate": rate})
            for data in ("digits", "wine", "breast_cancer", "iris", "diabetes")
            for rate in (1e-4, 0.01, 0.05)
        ],
    },
    replicates={"quick": 4, "standard": 64, "full": 1024},
    proof="deep_linear/balance_after_step",
)
