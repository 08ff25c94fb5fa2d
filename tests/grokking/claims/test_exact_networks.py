"""Built networks have the logits, margins and losses that are claimed; others are told apart."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings

import theorylab
from tests.grokking.claims.evidence import against, judged, lean, multiples
from tests.strategies import decades, seeds
from theorylab.grokking import claims

few = settings(max_examples=8)

LOGITS, logits_traced = lean(claims.flawed_logits, [dict(modulus=9, num_phases=3, strength=2.0)], 2)
RELU, relu_traced = lean(claims.relu_logits, [dict(modulus=11, num_phases=33, strength=2.0)], 4)
PROGRESS, progress_traced = lean(
    claims.progress_measures, [dict(modulus=9, num_phases=5, strength=1.7)], 2
)
ALL = {"logits": LOGITS, "relu": RELU, "progress": PROGRESS}


@cache
def checked(name):
    return theorylab.check(ALL[name])


@few
@given(seeds, decades(1e-2, 1e2))
def test_quadratic_and_relu_logits_hold_at_any_strength(seed, strength):
    for claim in (LOGITS, RELU):
        verdict = theorylab.check(claim, seed=seed, strength=strength)
        assert verdict.holds, verdict


@few
@given(seeds, decades(1e-4, 3.0))
@example(0, 0.01)  # rounding of a loss near ln p had been forgotten: 3 tolerances
def test_margins_and_losses_hold_at_any_strength(seed, strength):
    claim = against(PROGRESS, "no ghosts: the rest is chance")
    verdict = theorylab.check(claim, seed=seed, strength=strength)
    assert verdict.holds, verdict


@pytest.mark.parametrize("num_phases", [5, 6, 7, 8, 16])
def test_few_phases_leave_what_is_claimed_and_not_far_less(num_phases):
    """Odd or even; rivals other than none lie within what so few leave."""
    none = {"no logits": lambda modulus, **_: np.zeros([modulus] * 3)}
    few = replace(claims.relu_logits, rivals=none, replicates=4)
    verdict = theorylab.check(few, modulus=7, num_phases=num_phases)
    assert verdict.holds, verdict
    assert multiples(verdict).max() > 0.1


def test_quadratic_logits_are_good_to_rounding():
    assert checked("logits").resolution < 1e-13
    assert checked("progress").resolution < 1e-13


@pytest.mark.parametrize("factor", [0.97, 1.03])
@pytest.mark.parametrize("name", ALL)
def test_observations_off_by_a_factor_are_refuted(name, factor):
    assert judged(checked(name), lambda values: factor * values).refuted


def test_one_trace_serves_all_strengths():
    for name, traces in (
        ("logits", logits_traced),
        ("relu", relu_traced),
        ("progress", progress_traced),
    ):
        checked(name)
        count = len(traces)
        theorylab.check(ALL[name], strength=0.9)
        assert len(traces) == count


@pytest.mark.parametrize("name", ALL)
def test_claims_hold_in_single_precision(name):
    verdict = theorylab.check(ALL[name], precision="float32")
    assert verdict.holds, verdict
    assert np.all(multiples(verdict) <= 1)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("flawed_logits", dict(modulus=14), "`modulus` must be an odd integer >= 3; got 14"),
        ("flawed_logits", dict(modulus=1), "`modulus` must be >= 3; got 1"),
        ("flawed_logits", dict(num_phases=4), "`num_phases` needs .* n = 3 or n >= 5.*; got 4"),
        ("flawed_logits", dict(num_phases=0), "`num_phases` must be >= 1; got 0"),
        ("flawed_logits", dict(strength=-2.0), "`feature_strength` must be >= 0; got -2"),
        ("relu_logits", dict(modulus=14), "`modulus` must be an odd integer >= 3; got 14"),
        ("relu_logits", dict(modulus=15), "`modulus` must be prime here; got 15 = 3 \\* 5"),
        ("relu_logits", dict(num_phases=4), "`num_phases` needs .* n >= 5 .*; got 4"),
        ("relu_logits", dict(strength=-2.0), "`feature_strength` must be >= 0; got -2"),
        ("progress_measures", dict(num_phases=2), "`num_phases` needs .*; got 2"),
        ("progress_measures", dict(strength=float("inf")), "`feature_strength` must be finite"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"grokking.{name}", **change)
