"""Velocities of ReLU modes are as claimed from any small start; others are told apart."""

from functools import cache

import pytest
from hypothesis import given, settings

import theorylab
from tests.grokking.claims.evidence import judged, lean, multiples
from tests.strategies import decades, seeds
from theorylab.grokking import claims

few = settings(max_examples=10)

VELOCITY, traced = lean(claims.relu_velocity, [dict(modulus=31, initial_scale=0.001)], 8)


@cache
def checked():
    return theorylab.check(VELOCITY)


def test_it_holds_of_a_smaller_modulus():
    assert checked().holds, checked()


@few
@given(seeds, decades(1e-6, 5e-3))
def test_velocities_are_as_claimed_from_any_small_start(seed, scale):
    verdict = theorylab.check(VELOCITY, seed=seed, initial_scale=scale)
    assert verdict.relative_resolution <= 1, verdict


@pytest.mark.parametrize("modulus", [5, 101])
def test_ends_of_sums_are_as_large_as_the_modulus_lets_them_be(modulus):
    """The tolerance follows the deviation over a factor of 20 of it: a tenth would not do."""
    verdict = theorylab.check(claims.relu_velocity, modulus=modulus)
    assert 0.1 < multiples(verdict).max() <= 1, verdict


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_observations_off_by_a_factor_are_refuted(factor):
    assert judged(checked(), lambda values: factor * values).refuted


def test_one_trace_serves_all_floats():
    checked()
    count = len(traced)
    theorylab.check(VELOCITY, initial_scale=0.002)
    assert len(traced) == count


def test_it_holds_in_single_precision():
    verdict = theorylab.check(VELOCITY, precision="float32")
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        (dict(initial_scale=0.0), "`initial_scale` must be > 0 and <= 0.01; got 0"),
        (dict(initial_scale=0.03), "`initial_scale` must be > 0 and <= 0.01; got 0.03"),
        (dict(initial_scale=float("nan")), "`initial_scale` must be .*; got nan"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check("grokking.relu_velocity", **change)
