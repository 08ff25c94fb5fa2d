"""Measurements of one's own against a claim."""

import numpy as np
import pytest

import theorylab
from tests.toys import decay, drawn_claim, exact_claim, rate_claim
from theorylab.errors import UnknownName


def euler(rate, step, num_steps=300):
    return (1 - rate * step) ** np.arange(num_steps)


def test_measurements_are_judged_as_simulations_are():
    verdict = theorylab.judge(exact_claim(), euler(1.0, 0.01))
    assert verdict.holds, verdict
    assert verdict.replicates == 1
    np.testing.assert_allclose(verdict.resolution, theorylab.check(exact_claim()).resolution)
    assert theorylab.judge(exact_claim(), [euler(2.0, 0.01)] * 3, rate=2.0).replicates == 3


def test_wrong_measurements_are_refuted():
    assert theorylab.judge(exact_claim(), euler(1.1, 0.01)).refuted


def test_a_law_of_each_replicate_takes_what_it_is_given():
    rates = np.array([1.2, 1.9])
    values = np.exp(-rates[:, None] * np.linspace(0, 1, 5))
    assert theorylab.judge(drawn_claim(), values, given={"rate": rates}).holds
    assert theorylab.judge(drawn_claim(), values, given={"rate": rates[::-1]}).refuted
    with pytest.raises(ValueError, match="needs `given`"):
        theorylab.judge(drawn_claim(), values)
    with pytest.raises(ValueError, match="`given` as many rows"):
        theorylab.judge(drawn_claim(), values, given={"rate": rates[:1]})


def test_sizes_of_a_rate_are_a_sequence():
    steps = [0.02 / 2**k for k in range(5)]
    ends = [(1 - step) ** round(1 / step) for step in steps]
    assert theorylab.judge(rate_claim(), ends, step=steps).holds
    assert theorylab.judge(rate_claim(), ends[::-1], step=steps).refuted
    with pytest.raises(ValueError, match="an observation for each `step`; got 4 for 5"):
        theorylab.judge(rate_claim(), ends[:4], step=steps)
    with pytest.raises(ValueError, match="four values of `step`"):
        theorylab.judge(rate_claim(), ends[:3], step=steps[:3])
    with pytest.raises(ValueError, match="an observation for each `step`"):
        theorylab.judge(rate_claim(), ends)


def test_measurements_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must have shape \(replicates, \*\(300,\)\)"):
        theorylab.judge(exact_claim(), np.ones(7))
    with pytest.raises(ValueError, match="has no setting `speed`"):
        theorylab.judge(exact_claim(), np.ones(300), speed=2.0)
    with pytest.raises(UnknownName, match="did you mean"):
        theorylab.judge("deep_linear.sigmoidal_lerning", 1.0)
    with pytest.raises(ValueError, match="one claim is needed"):
        theorylab.judge("deep_linear.*", 1.0)


def test_a_claim_of_the_library_judges_a_network_of_ones_own():
    claim = theorylab.claims()["deep_linear.scalar_learning"]
    (setting, _) = claim.settings_at("quick")
    verdict = theorylab.check(claim)
    record = verdict.records[0]
    judged = theorylab.judge(
        "deep_linear.scalar_learning", record.values, given=record.given, **setting
    )
    assert judged.holds
    assert judged.id == "deep_linear.scalar_learning"
    assert theorylab.judge(exact_claim(), decay(rate=1.0, step=0.01, num_steps=300)).holds
