"""What chance gives: it is as claimed, and other chances are told apart."""

from functools import cache, partial

import pytest

import theorylab
from tests.grokking.claims.evidence import judged, lean
from theorylab.grokking import claims
from theorylab.grokking.claims.chance import predicted_covariance

PHASES = dict(modulus=7, num_neurons=2)


@cache
def covariance(activation):
    law = claims.random_phases
    claim, _ = lean(law, [dict(activation=activation, **PHASES)], 16384, law.tile)
    return theorylab.check(claim, seed=3)


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_logits_of_fewer_neurons_fluctuate_as_claimed(activation):
    verdict = covariance(activation)
    assert verdict.relative_resolution <= 1, verdict
    told = {name for name, rival in verdict.rivals.items() if rival.status == "refuted"}
    assert told == set(claims.random_phases.rivals)


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_a_covariance_a_third_higher_is_refuted(activation):
    assert judged(covariance(activation), lambda values: 4 / 3 * values).refuted


def test_the_rival_of_a_squared_mean_is_a_fifth_lower():
    setting = dict(activation="quadratic", **PHASES)
    lower = claims.random_phases.rivals["that of the square of a mean, 1/2 for 5/8"](**setting)
    assert lower == pytest.approx(0.8 * predicted_covariance(**setting))


@cache
def participation():
    return theorylab.check("grokking.participation_by_chance", modulus=11, seed=3)


def test_weights_of_another_modulus_participate_as_claimed():
    assert participation().holds, participation()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_another_participation_is_refuted(factor):
    assert judged(participation(), lambda values: factor * values).refuted


@pytest.mark.parametrize(
    "check",
    [
        partial(theorylab.check, "grokking.participation_by_chance", modulus=11),
        partial(theorylab.check, "grokking.random_phases", activation="quadratic"),
    ],
)
def test_chance_holds_in_single_precision(check):
    verdict = check(precision="float32")
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("random_phases", dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        ("random_phases", dict(num_neurons=0), "`num_neurons` must be >= 1; got 0"),
        ("random_phases", dict(num_neurons=-1), "`num_neurons` must be >= 1; got -1"),
        ("random_phases", dict(activation="tanh"), "`activation` must be one of quadratic, relu"),
        ("participation_by_chance", dict(modulus=6), "`modulus` must be an odd integer >= 3"),
        ("participation_by_chance", dict(modulus=1), "`modulus` must be >= 3; got 1"),
    ],
)
def test_settings_out_of_bounds_are_refused(unchecked, name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"grokking.{name}", **change)
