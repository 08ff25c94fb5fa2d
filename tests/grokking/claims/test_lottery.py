"""Winners, first escapes and survival are as claimed from drawn starts; folklore is told apart."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theorylab
from tests.grokking.claims.evidence import against, judged, lean, multiples
from tests.strategies import decades, seeds
from theorylab.grokking import claims

few = settings(max_examples=6)

ONE = dict(modulus=13, width=1, initial_scale=0.002, logit=0.3)
LOTTERY, lottery_traced = lean(claims.lottery, [dict(lead=2.0, **ONE)], 16)
FIRST, first_traced = lean(claims.first_escapes, [dict(ONE, decay=0.5)], 16)
SURVIVAL, survival_traced = lean(
    claims.survival, [dict(ONE, modulus=7, ratio=ratio) for ratio in (0.91, 0.97, 1.03, 1.09)], 16
)
ALL = {"lottery": LOTTERY, "first_escapes": FIRST, "survival": SURVIVAL}


@cache
def checked(name):
    return theorylab.check(ALL[name], seed=5)


@pytest.mark.parametrize("name", ALL)
def test_claims_hold_of_one_neuron(name):
    assert checked(name).holds, checked(name)


@few
@given(seeds, decades(1e-6, 2.5e-3), st.floats(0.2, 1.0))
def test_one_neuron_ends_on_its_first_frequency_from_any_small_start(seed, scale, logit):
    claim = against(LOTTERY, "the least misaligned")
    verdict = theorylab.check(claim, seed=seed, initial_scale=scale, logit=logit)
    assert verdict.holds, verdict


@few
@given(seeds, decades(1e-8, 3e-3), st.floats(0.3, 1.0), st.floats(0.0, 0.9))
def test_the_first_escape_is_in_time_from_any_small_start(seed, scale, logit, decay):
    claim = against(FIRST, "all aligned")
    setting = dict(initial_scale=scale, logit=logit, decay=decay)
    verdict = theorylab.check(claim, seed=seed, **setting)
    assert verdict.holds, verdict


def test_the_time_left_is_told_by_the_level():
    """The tolerance follows the deviation: a tenth of it would not do."""
    for logit in (0.1, 0.3, 1.0):
        verdict = theorylab.check(FIRST, logit=logit)
        assert 0.1 < multiples(verdict).max() <= 1, verdict


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_escapes_off_by_a_factor_are_refuted(factor):
    assert judged(checked("first_escapes"), lambda values: factor * values).refuted


def test_one_neuron_on_another_frequency_refutes():
    def one_off(values):
        changed = values.copy()
        changed[3, 0] = changed[3, 0] % 6 + 1
        return changed

    verdict = checked("lottery")
    assert np.all(verdict.records[0].values[3] > 0)
    assert judged(verdict, one_off).refuted


@pytest.mark.parametrize("threshold", [0.75, 1.25])
def test_survival_up_to_another_threshold_is_refuted(threshold):
    verdict = checked("survival")
    records = [
        r._replace(values=0 * r.values + (r.setting["ratio"] < threshold)) for r in verdict.records
    ]
    assert not verdict.claim.criterion.decide(records).holds
    crossing = {name: rival.distance for name, rival in verdict.rivals.items()}
    assert min(crossing.values()) > 1


def test_one_trace_serves_all_floats():
    for name, traces, floats in (
        ("lottery", lottery_traced, dict(initial_scale=0.001, logit=0.5, lead=3.0)),
        ("first_escapes", first_traced, dict(initial_scale=0.001, logit=0.5, decay=0.3)),
        ("survival", survival_traced, dict(initial_scale=0.001, logit=0.5)),
    ):
        checked(name)
        count = len(traces)
        theorylab.check(ALL[name], **floats)
        assert len(traces) == count


def test_escapes_are_in_time_in_single_precision():
    verdict = theorylab.check(FIRST, precision="float32")
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("lottery", dict(logit=0.0), "`logit` must be > 0 and <= 1, .*; got 0"),
        ("lottery", dict(logit=1.1), "`logit` must be > 0 and <= 1, .*; got 1.1"),
        ("lottery", dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        ("first_escapes", dict(logit=-1.0), "`logit` must be > 0 and <= 1, .*; got -1"),
        ("first_escapes", dict(logit=float("nan")), "`logit` must be > 0 and <= 1, .*; got nan"),
        ("first_escapes", dict(decay=0.95), "`decay` must be >= 0 and <= 0.9, .*; got 0.95"),
        ("first_escapes", dict(decay=-0.1), "`decay` must be >= 0 and <= 0.9, .*; got -0.1"),
        ("survival", dict(logit=1.5), "`logit` must be > 0 and <= 1, .*; got 1.5"),
        ("lottery", dict(lead=1.9), "`lead` must be >= 2, .*; got 1.9"),
        ("lottery", dict(modulus=3), "`modulus` must be >= 5, to have two frequencies; got 3"),
        ("lottery", dict(width=0), "`width` must be >= 1; got 0"),
        ("lottery", dict(initial_scale=-0.002), "`initial_scale` must be > 0.*; got -0.002"),
        ("first_escapes", dict(initial_scale=0.0), "`initial_scale` must be > 0.*; got 0"),
        ("first_escapes", dict(initial_scale=0.01), "`initial_scale` must be .* <= 0.0033.*; got"),
        ("first_escapes", dict(logit=0.001), "`initial_scale` must be .* <= 0.0005; got 0.002"),
        ("survival", dict(initial_scale=0.1), "`initial_scale` must be .*; got 0.1"),
        ("survival", dict(width=-1), "`width` must be >= 1; got -1"),
        ("survival", dict(ratio=-1.0), "a crossing needs two different values of `ratio`"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"grokking.{name}", **change)
