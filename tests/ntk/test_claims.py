"""The claims of the family: they hold, could have failed, and refuse what they do not cover."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import theorylab
from theorylab.ntk import claims
from theorylab.ntk.claims.networks import layer_by_layer, predicted_kernels
from theorylab.verify import Rate
from theorylab.verify.tiles import Experiment

ALL = {name: claim for name, claim in theorylab.claims().items() if name.startswith("ntk.")}
EPS = float(np.finfo(float).eps)


# The variance is exact at every width: narrow networks are drawn faster.
SMALLER = {"ntk.one_layer_variance": dict(width=64)}


@cache
def checked(name):
    """One verdict serves all tests."""
    return theorylab.check(name, seed=7, **SMALLER.get(name, {}))


def test_the_family_has_its_claims():
    assert set(ALL) == {
        "ntk.initial_kernel",
        "ntk.infinite_width",
        "ntk.one_layer_variance",
        "ntk.kernel_fluctuations",
    }
    for claim in ALL.values():
        assert len(claim.rivals) >= 2
        assert claim.proof
        assert claim.assumes
        assert claim.domain


@pytest.mark.parametrize("name", ALL)
def test_every_claim_holds_with_another_seed(name):
    verdict = checked(name)
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("name", "setting"),
    [("initial_kernel", {}), ("infinite_width", dict(depth=2, activation="relu"))],
)
def test_no_claim_is_refuted_in_single_precision(name, setting):
    claim = ALL[f"ntk.{name}"]
    one_tile = replace(claim, replicates=claim.tile, name=name)
    verdict = theorylab.check(one_tile, precision="float32", **setting)
    assert verdict.status in ("holds", "inconclusive"), verdict
    assert verdict.records, verdict  # simulated, not given up beforehand


@pytest.mark.parametrize("name", ALL)
def test_rounding_to_single_precision_changes_no_verdict(name):
    verdict = checked(name)
    rounded = [
        r._replace(values=r.values.astype(np.float32).astype(float)) for r in verdict.records
    ]
    assert verdict.claim.criterion.decide(rounded, len(rounded[0].values)).holds


@pytest.mark.parametrize("name", ALL)
def test_one_trace_serves_settings_that_differ_in_floats(name):
    claim, traces = ALL[name], []

    def counted(key, **setting):
        traces.append(setting["width"])
        return claim.observe(key, **setting)

    setting = claim.settings_at("quick")[0]
    floats = {k: 0.5 * x + 0.1 for k, x in setting.items() if isinstance(x, float)}
    assert set(floats) == {"weight_variance", "bias_variance"}
    for one in (setting, {**setting, **floats}):
        Experiment.of(replace(claim, observe=counted), one, 0, "float64").shape()
    assert len(traces) == 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scale", ["quick", "standard"])
def test_settings_lie_in_the_domain_and_have_predictions(name, scale):
    claim = ALL[name]
    claim.criterion.validate(claim.settings_at(scale))
    for setting in claim.settings_at(scale):
        claim.domain(**setting)
        theories = [claim.predict, *(rival for rival in claim.rivals.values() if callable(rival))]
        said = [np.asarray(theory(**setting)) for theory in theories]
        assert all(np.isfinite(one).all() for one in said)
        assert {one.shape for one in said} == {said[0].shape}
        assert claim.coords is None or said[0].shape == tuple(
            len(axis) for axis in claim.coords(**setting).values()
        )
        tolerance = np.asarray(claim.criterion.tolerate(EPS, setting, {}))
        assert np.all(np.isfinite(tolerance) & (tolerance >= 0))


def gap(claim, rival, setting):
    """How far a rival is from the prediction where it is farthest, in tolerances."""
    distance = np.abs(np.asarray(rival(**setting)) - claim.predict(**setting))
    return np.max(distance / claim.criterion.tolerate(EPS, setting, {}))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scale", ["quick", "standard"])
def test_rivals_are_told_from_the_prediction(name, scale):
    """By two tolerances, for a tolerance is at most half the gap to the nearest rival."""
    claim = ALL[name]
    for rival in claim.rivals.values():
        if isinstance(claim.criterion, Rate):
            assert abs(rival - claim.criterion.exponent) > 2 * claim.criterion.band
        else:
            assert max(gap(claim, rival, s) for s in claim.settings_at(scale)) > 2


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("initial_kernel", lambda values, width: 1.05 * values),
        ("initial_kernel", lambda values, width: 0.95 * values),
        ("infinite_width", lambda values, width: 1.08 * values),
        ("infinite_width", lambda values, width: values.swapaxes(2, 3)[:, ::-1]),
        ("one_layer_variance", lambda values, width: 1.5 * values),
        ("one_layer_variance", lambda values, width: 0.6 * values),
    ],
)
def test_a_mutated_observation_is_refuted(name, change):
    verdict = checked(f"ntk.{name}")
    records = [r._replace(values=change(r.values, r.setting["width"])) for r in verdict.records]
    mutant = verdict.claim.criterion.decide(records, len(records[0].values))
    assert not mutant.holds, mutant
    assert mutant.worst_cell
    assert mutant.relative_resolution > 1, mutant


def test_a_scatter_of_another_exponent_is_refuted():
    verdict = checked("ntk.kernel_fluctuations")
    shrunk = [
        r._replace(values=r.predicted + (r.values - r.predicted) * r.setting["width"] ** -0.25)
        for r in verdict.records
    ]
    mutant = verdict.claim.criterion.decide(shrunk, len(shrunk[0].values))
    assert not mutant.holds, mutant
    assert mutant.rivals["N^-3/4"].status == "open", mutant


def test_layer_by_layer_is_the_theory_where_nothing_is_changed():
    for setting in claims.infinite_width.settings_at("standard"):
        np.testing.assert_allclose(
            layer_by_layer(**setting), predicted_kernels(**setting), rtol=1e-7
        )  # the angle of an example with itself keeps half of the digits


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("initial_kernel", dict(depth=3), "`depth` must be 2, one hidden layer.*; got 3"),
        ("initial_kernel", dict(width=0), "`width` and `num_examples` must be >= 1; got 0, 4"),
        ("initial_kernel", dict(num_examples=0), "`width` and `num_examples` must be >= 1; got 16"),
        ("infinite_width", dict(depth=1), "`depth` must be >= 2; got 1"),
        ("infinite_width", dict(num_examples=0), "`num_examples` must be >= 1"),
        ("one_layer_variance", dict(activation="erf"), "`activation` must be 'relu'.*; got erf"),
        ("one_layer_variance", dict(depth=3), "`depth` must be 2"),
        ("one_layer_variance", dict(width=0), "`width` and `num_examples` must be >= 1; got 0"),
        ("kernel_fluctuations", dict(depth=1), "`depth` must be >= 2; got 1"),
        ("kernel_fluctuations", dict(num_examples=-1), "must be >= 1; got 64, -1"),
        ("initial_kernel", dict(weight_variance=-1.0), "`weight_variance` must be > 0; got -1"),
        ("initial_kernel", dict(bias_variance=-0.1), "`bias_variance` must be >= 0; got -0.1"),
        ("initial_kernel", dict(activation="step"), "`activation` must be one of"),
        ("initial_kernel", dict(data="dgits"), "no data matrix 'dgits'"),
        ("infinite_width", dict(width=32), "`width`"),
    ],
)
def test_settings_out_of_bounds_are_refused(name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"ntk.{name}", **change)
