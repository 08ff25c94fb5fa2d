"""What symmetry gives for free and what decay hastens; other shares are told apart."""

from functools import cache

import numpy as np
import pytest

import theorylab
from tests.grokking.claims.evidence import judged, lean
from theorylab.grokking import claims
from theorylab.grokking.claims.training import num_train

FLOOR, floor_traced = lean(
    claims.memorised_accuracy,
    [dict(claims.memorised_accuracy.settings["quick"][0], width=64)],
    4096,
    256,
)


@cache
def checked(fraction):
    return theorylab.check(FLOOR, seed=2, train_fraction=fraction)


@pytest.mark.parametrize("fraction", [0.6, 0.75])
def test_symmetry_gives_what_is_claimed_for_any_share_of_pairs(fraction):
    verdict = checked(fraction)
    assert verdict.holds, verdict


def test_one_trace_serves_all_shares_of_pairs():
    checked(0.6)
    count = len(floor_traced)
    checked(0.75)
    assert len(floor_traced) == count


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_another_share_is_refuted(factor):
    assert judged(checked(0.6), lambda values: factor * values).refuted


def test_shares_are_of_whole_numbers_of_pairs():
    for fraction in np.linspace(0.01, 0.99, 99):
        assert num_train(7, float(fraction)) == np.float32(49 * np.float32(fraction)).round()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("memorised_accuracy", dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        (
            "memorised_accuracy",
            dict(train_fraction=1.0),
            "`train_fraction` must leave pairs .*; got 1",
        ),
        (
            "memorised_accuracy",
            dict(train_fraction=1.5),
            "`train_fraction` must leave pairs .*; got 1.5",
        ),
        (
            "memorised_accuracy",
            dict(train_fraction=-0.1),
            "`train_fraction` must leave pairs .*; got -0.1",
        ),
        (
            "memorised_accuracy",
            dict(train_fraction=0.005),
            "`train_fraction` must leave pairs .*; got 0.005",
        ),
        ("memorised_accuracy", dict(width=0), "`width` must be >= 1; got 0"),
        ("decay_hastens", dict(width=0), "`width` must be >= 1; got 0"),
        ("decay_hastens", dict(train_fraction=1.0), "`train_fraction` must leave pairs .*; got 1"),
        ("decay_hastens", dict(weight_decay=0.0), "`weight_decay` must be > 0.*; got 0"),
        ("decay_hastens", dict(ratio=1.0), "`ratio` must be > 1.*; got 1"),
        ("decay_hastens", dict(ratio=-4.0), "`ratio` must be > 1.*; got -4"),
        ("memorised_accuracy", dict(num_steps=0), "`num_steps` must be >= 1; got 0"),
        (
            "memorised_accuracy",
            dict(activation="tanh"),
            "`activation` must be one of quadratic, relu",
        ),
        ("memorised_accuracy", dict(learning_rate=0.0), "`learning_rate` must be > 0.*; got 0"),
        ("decay_hastens", dict(num_steps=50), "`num_steps` must be >= 100; got 50"),
        ("decay_hastens", dict(stride=0), "`stride` must be >= 1; got 0"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"grokking.{name}", **change)
