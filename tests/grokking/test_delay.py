"""Times at which an accuracy is reached to stay, and what lies between two of them."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import seeds
from theorylab.grokking.delay import delay, generalization_time, memorization_time

TIMES = 10.0 * np.arange(12)


def by_hand(times, accuracy, threshold, hold):
    for start in range(len(times) - hold + 1):
        if all(value >= threshold for value in accuracy[start : start + hold]):
            return times[start]
    return np.inf


@given(seeds, st.integers(1, 12), st.integers(1, 20).map(lambda n: n / 20))
def test_first_of_a_run_that_holds(seed, hold, threshold):
    random = np.random.default_rng(seed)
    accuracy = np.round(random.uniform(size=(2, 6, 12)) ** 0.2, 1)
    times = np.cumsum(random.uniform(0.1, 1, 12))
    for time in (memorization_time, generalization_time):
        found = time(times, accuracy, threshold, hold)
        expected = [[by_hand(times, row, threshold, hold) for row in rows] for rows in accuracy]
        np.testing.assert_array_equal(found, expected)


@given(seeds)
def test_a_higher_threshold_or_a_longer_hold_is_never_earlier(seed):
    accuracy = np.random.default_rng(seed).uniform(size=12) ** 0.2
    thresholds = np.linspace(0.05, 1, 20)
    rising = memorization_time(TIMES, accuracy, thresholds, 2)
    assert rising.shape == (20,)
    assert np.all(rising[1:] >= rising[:-1])
    holds = [memorization_time(TIMES, accuracy, 0.8, hold) for hold in range(1, 13)]
    assert np.all(np.diff(np.where(np.isinf(holds), 1e9, holds)) >= 0)


def test_what_comes_later_changes_nothing():
    accuracy = np.where(TIMES >= 30, 1.0, 0.2)
    accuracy[1] = 1.0  # passing
    assert memorization_time(TIMES, accuracy) == 30
    spiked = np.where(TIMES >= 80, 0.1, accuracy)  # a spike after five evaluations
    assert memorization_time(TIMES, spiked) == 30
    assert memorization_time(TIMES, np.where(TIMES == 70, 0.1, accuracy)) == np.inf
    assert memorization_time(TIMES, np.where(TIMES >= 80, 1.0, 0.0)) == np.inf  # four are left


def test_delay():
    early, late, never = (np.where(start <= TIMES, 1.0, 0.5) for start in (10, 50, np.inf))
    assert delay(TIMES, early, late) == 40
    assert delay(TIMES, late, early) == -40
    assert delay(TIMES, early, never) == np.inf
    assert delay(TIMES, never, never) == np.inf
    assert delay(TIMES, never, early) == -np.inf
    seeds_ = delay(TIMES, np.stack([early] * 3), np.stack([late, never, early]))
    np.testing.assert_array_equal(seeds_, [40, np.inf, 0])
    assert np.median(seeds_) == 40


def test_each_accuracy_has_its_threshold():
    train, test = np.where(TIMES >= 20, 0.97, 0.3), np.where(TIMES >= 40, 0.96, 0.3)
    assert delay(TIMES, train, test) == -np.inf
    assert delay(TIMES, train, test, train_threshold=0.97) == 20
    assert delay(TIMES, train, test, train_threshold=0.97, test_threshold=0.97) == np.inf
    assert delay(TIMES, train, test, train_threshold=0.97, hold=12) == np.inf


def test_rounding_of_an_accuracy_misses_no_threshold():
    # 19 of 20 is less than 0.95 once single precision meets double.
    nineteen_of_twenty = np.full(12, 19 / 20, np.float32)
    assert nineteen_of_twenty.astype(float)[0] < 0.95
    assert generalization_time(TIMES, nineteen_of_twenty) == 0
    assert memorization_time(TIMES, np.full(12, 1 - 2.0**-24, np.float32), 1.0) == 0
    assert memorization_time(TIMES, np.full(12, 1 - 1e-6), 1.0) == np.inf  # of a million pairs


def test_under_jax(double):
    random = np.random.default_rng(0)
    train, test = random.uniform(size=(2, 8, 12)) ** 0.02
    expected = delay(TIMES, train, test)
    assert len(set(expected)) > 2
    np.testing.assert_array_equal(jax.jit(delay)(TIMES, train, test), expected)
    mapped = jax.jit(jax.vmap(delay, in_axes=(None, 0, 0)))(TIMES, train, test)
    np.testing.assert_array_equal(mapped, expected)
    traced = jax.jit(delay)
    for bad in (train + 1, train * np.nan):
        assert np.all(np.isnan(traced(TIMES, bad, test)))
        assert np.all(np.isnan(traced(TIMES, test, bad)))
    assert np.isnan(jax.jit(memorization_time)(-TIMES, train[0]))
    assert np.isnan(jax.jit(memorization_time)(TIMES, train[0], 1.5))
    # The times may be traced, too.
    high, low = np.ones(12), np.where(TIMES >= 50, 1.0, 0.0)
    slope = jax.jit(jax.grad(lambda unit, test: delay(unit * TIMES, high, test)))
    assert slope(2.0, low) == 50
    assert slope(2.0, 0 * low) == 0


def test_single_precision_follows_jax():
    accuracy = jnp.full(12, 0.95, jnp.float32)
    found = generalization_time(TIMES, accuracy)
    assert found.dtype == jnp.float32
    assert found == 0


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    accuracy = xp.asarray([0.1, 0.2, 1.0, 1.0])
    time = memorization_time(xp.arange(4), accuracy, hold=2)
    assert float(time) == 2
    assert isinstance(time, type(accuracy) if xp is not np else np.floating)
    assert memorization_time([0, 1], [1, 1], 1, 2) == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(threshold=0.0), ValueError, "`threshold` must be > 0 and <= 1; got 0"),
        (dict(threshold=1.01), ValueError, "`threshold` must be > 0 and <= 1; got 1.01"),
        (dict(threshold=np.nan), ValueError, "`threshold` must be finite and > 0.* got nan"),
        (dict(hold=0), ValueError, "`hold` must be >= 1; got 0"),
        (dict(hold=13), ValueError, "`hold` must be at most the number of evaluations, 12; got 13"),
        (dict(hold=2.5), TypeError, "`hold` must be a whole number; got 2.5"),
        (dict(train_accuracy=np.full(12, 97.0)), ValueError, ">= 0 and <= 1 everywhere; got 97"),
        (dict(train_accuracy=np.full(12, np.nan)), ValueError, "`train_accuracy` must be finite"),
        (dict(train_accuracy=np.ones(11)), ValueError, r"one entry .* \(12,\) and \(11,\)"),
        (dict(train_accuracy=1.0), ValueError, r"one entry .* got shapes \(12,\) and \(\)"),
        (dict(times=0 * TIMES), ValueError, "`times` must be increasing everywhere; got 0"),
        (dict(times=np.r_[TIMES[1:], np.inf]), ValueError, "`times` must be finite"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(change, error, message, unchecked):
    arguments = dict(times=TIMES, train_accuracy=np.ones(12)) | change
    with pytest.raises(error, match=message):
        memorization_time(**arguments)
