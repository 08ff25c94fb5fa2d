"""The balance of neurons is kept by any training; another degree or decay is told apart."""

from functools import cache, partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theorylab
from tests.grokking.claims.evidence import against, judged, lean, multiples
from tests.strategies import decades, seeds
from theorylab.grokking import claims

few = settings(max_examples=8)

START = dict(
    modulus=5, width=3, initial_scale=0.7, train_fraction=0.7, weight_decay=0.01,
    learning_rate=0.005, horizon=10.0,
)  # fmt: skip
BALANCE, traced = lean(
    claims.balance_is_kept,
    [dict(START, activation=activation) for activation in ("quadratic", "relu")],
    4,
)


@cache
def checked():
    return theorylab.check(BALANCE)


def test_it_holds_of_fewer_neurons():
    assert checked().holds, checked()


@few
@given(seeds, st.floats(0.05, 1.5), st.floats(0.6, 1.0), decades(1e-3, 0.1), st.integers(1, 2000))
def test_it_is_kept_from_any_start_on_any_pairs(seed, scale, fraction, decay, num_steps):
    setting = dict(
        initial_scale=scale, train_fraction=fraction, weight_decay=decay,
        horizon=0.005 * num_steps,
    )  # fmt: skip
    verdict = theorylab.check(against(BALANCE, "no decay"), seed=seed, **setting)
    assert verdict.relative_resolution <= 1, verdict


def test_it_drifts_in_proportion_to_the_step(double):
    """Of one network on one set of pairs."""
    static = dict(modulus=5, width=3, activation="relu")
    floats = {name: value for name, value in START.items() if isinstance(value, float)}
    run = jax.jit(partial(claims.balance_is_kept.observe, jax.random.key(3), **static))

    def drift(step):
        setting = floats | dict(learning_rate=step)
        found = run(**setting)
        given = {name: np.asarray(drawn) for name, drawn in found.given.items()}
        return np.abs(
            found.value - claims.balance_is_kept.predict(**static, **setting, **given)
        ).max()

    assert drift(0.005) / drift(0.00125) == pytest.approx(4, rel=0.05)


def test_the_tolerance_is_not_far_above_the_drift():
    """That of all neurons together bounds the drift of one: within a factor of their number."""
    assert multiples(checked()).max() > 0.03


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_observations_off_by_a_factor_are_refuted(factor):
    assert judged(checked(), lambda values: factor * values).refuted


def test_one_trace_serves_all_floats():
    checked()
    count = len(traced)
    floats = {name: 0.9 * value for name, value in START.items() if isinstance(value, float)}
    theorylab.check(BALANCE, **floats | dict(horizon=9.0, learning_rate=0.0045))
    assert len(traced) == count


def test_it_holds_in_single_precision():
    verdict = theorylab.check(BALANCE, precision="float32", activation="relu")
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        (dict(width=0), "`width` must be >= 1; got 0"),
        (dict(activation="tanh"), "`activation` must be one of quadratic, relu; got 'tanh'"),
        (dict(initial_scale=-0.7), "`initial_scale` must be > 0.*; got -0.7"),
        (dict(weight_decay=0.0), "`weight_decay` must be > 0.*; got 0"),
        (dict(weight_decay=-0.1), "`weight_decay` must be > 0.*; got -0.1"),
        (dict(learning_rate=0.0), "`learning_rate` must be > 0.*; got 0"),
        (dict(learning_rate=3.0), "`learning_rate` must be > 0 and <= 0.02; got 3"),
        (dict(horizon=0.0), "`horizon` must be > 0.*; got 0"),
        (dict(horizon=0.0075), "`horizon` must be a multiple of `learning_rate`; got 0.0075"),
        (dict(horizon=0.001), "`horizon` must be a multiple of `learning_rate`; got 0.001"),
        (dict(train_fraction=1.5), "`train_fraction` must be > 0 and <= 1; got 1.5"),
        (dict(train_fraction=0.0), "`train_fraction` must be > 0 and <= 1; got 0"),
        (dict(train_fraction=0.02), "`train_fraction` must leave pairs to train.*; got 0.02"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check("grokking.balance_is_kept", **change)
