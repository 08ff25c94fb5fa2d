"""The claims of the family: they hold, could have failed, and refuse what they do not cover."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theorylab
from tests.strategies import seeds
from theorylab.neural_collapse import DeepLinearUFM
from theorylab.neural_collapse.claims import bounds, minority, networks, training
from theorylab.verify import Bound, Rate
from theorylab.verify.tiles import Experiment

FAMILY = "neural_collapse."
ALL = {name: claim for name, claim in theorylab.claims().items() if name.startswith(FAMILY)}
NAMES = [name.removeprefix(FAMILY) for name in ALL]
BOUNDS = [name for name in NAMES if isinstance(ALL[FAMILY + name].criterion, Bound)]
EPS = float(np.finfo(float).eps)
few = settings(max_examples=4)


def shortened():
    """Claims without what `make check` spends most of its time on."""
    for name in NAMES:
        claim = replace(ALL[FAMILY + name], name=name)
        if name in ("cross_entropy_beyond_one_layer", "spinodal_window"):  # another keeps its own
            claim = replace(claim, criterion=replace(claim.criterion, adversary=None))
        if name == "network_bound":  # one network, for L-BFGS is SciPy's
            claim = replace(claim, replicates=1, settings={"quick": claim.settings["quick"][:1]})
        yield name, claim


SHORT = dict(shortened())


@cache
def checked(name):
    """One verdict serves all tests."""
    return theorylab.check(SHORT[name], seed=7)


def test_the_family_has_its_claims():
    assert len(ALL) == 11
    for claim in ALL.values():
        assert len(claim.rivals) >= 2
        assert claim.proof
        assert claim.assumes
        assert claim.domain


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_holds_with_another_seed(name):
    verdict = checked(name)
    assert verdict.holds, verdict
    assert verdict.relative_resolution <= 1


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BOUNDS])
def test_no_claim_is_refuted_in_single_precision(name):
    quick = SHORT[name].settings["quick"]
    one = quick if isinstance(SHORT[name].criterion, Rate) else quick[:1]
    verdict = theorylab.check(replace(SHORT[name], settings={"quick": one}), precision="float32")
    assert verdict.status in ("holds", "inconclusive"), verdict


@pytest.mark.parametrize("name", BOUNDS)
def test_rounding_to_single_precision_violates_no_bound(name):
    claim, eps = SHORT[name], float(np.finfo(np.float32).eps)
    rounded = [
        record._replace(
            values=record.values.astype(np.float32).astype(float),
            tolerance=np.asarray(claim.criterion.tolerate(eps, record.setting, {})),
        )
        for record in checked(name).records
        if not record.stage
    ]
    verdict = claim.criterion.decide(rounded)
    assert verdict.holds, verdict


# One trace for all floats.


@pytest.mark.parametrize("name", [name for name in NAMES if ALL[FAMILY + name].mapped])
def test_one_trace_serves_settings_that_differ_in_floats(name):
    claim, traces = SHORT[name], []

    def counted(key, **setting):
        traces.append(1)
        return claim.observe(key, **setting)

    setting = claim.settings_at("quick")[0]
    smaller = lambda x: tuple(0.9 * y for y in x) if isinstance(x, tuple) else 0.9 * x
    floats = {
        k: smaller(x)
        for k, x in setting.items()
        if isinstance(x, float) or (isinstance(x, tuple) and isinstance(x[0], float))
    }
    assert len(floats) >= 2
    for one in (setting, {**setting, **floats}):
        Experiment.of(replace(claim, observe=counted), one, 0, "float64").shape()
    assert len(traces) == 1


# Settings, predictions, and rivals.


def drawn_of(name, setting):
    """What a prediction needs beside the setting."""
    if name == "minority_merges":
        return {"group_mass": np.asarray(0.95)}
    given = checked(name).records[0].given
    return {k: x[0] for k, x in given.items() if k != "parameters"}


@pytest.mark.parametrize("scale", ["quick", "standard"])
@pytest.mark.parametrize("name", NAMES)
def test_settings_lie_in_the_domain_and_have_predictions(name, scale):
    claim = ALL[FAMILY + name]
    claim.criterion.validate(claim.settings_at(scale))
    for setting in claim.settings_at(scale):
        claim.domain(**setting)
        drawn = drawn_of(name, setting)
        said = [
            np.asarray(law(**setting, **drawn)) for law in (claim.predict, *claim.rivals.values())
        ]
        assert all(np.isfinite(one).all() for one in said)
        assert {one.shape for one in said} == {said[0].shape}
        axes = claim.coords(**setting) if claim.coords else {}
        assert not axes or said[0].shape == tuple(map(len, axes.values()))
        tolerance = np.asarray(claim.criterion.tolerate(EPS, setting, drawn))
        assert np.all(np.isfinite(tolerance) & (tolerance >= 0))


@pytest.mark.parametrize("scale", ["quick", "standard"])
@pytest.mark.parametrize("name", NAMES)
def test_rivals_are_told_from_the_prediction(name, scale):
    claim = ALL[FAMILY + name]
    gaps = dict.fromkeys(claim.rivals, 0.0)
    for setting in claim.settings_at(scale):
        drawn = drawn_of(name, setting)
        predicted = np.asarray(claim.predict(**setting, **drawn))
        # Whatever is a rate's constant, 1 % tells laws apart that step sizes make no difference of.
        near = 0.01 * np.abs(predicted)
        if not isinstance(claim.criterion, Rate):
            near = claim.criterion.tolerate(EPS, setting, drawn)
        for rival, law in claim.rivals.items():
            off = np.asarray(law(**setting, **drawn)) - predicted
            # A rival of a bound that no value is below must lie above it.
            off = off if isinstance(claim.criterion, Bound) else np.abs(off)
            gaps[rival] = max(gaps[rival], np.max(off / near))
    assert min(gaps.values()) > 2, gaps


# What is wrong is refuted.


def judged(name, change):
    """The verdict on observations that are changed, with everything else as it was."""
    verdict = checked(name)
    records = [
        record._replace(values=change(record.values))
        for record in verdict.records
        if not record.stage
    ]
    return verdict.claim.criterion.decide(records)


@pytest.mark.parametrize("factor", [0.95, 1.05])
@pytest.mark.parametrize(
    "name", [n for n in NAMES if not isinstance(ALL[FAMILY + n].criterion, Bound)]
)
def test_observations_off_by_a_factor_are_refuted(name, factor):
    mutant = judged(name, lambda values: factor * values)
    assert mutant.refuted, mutant


@pytest.mark.parametrize("name", BOUNDS)
def test_a_loss_below_its_bound_is_refuted_and_one_far_above_does_not_reach_it(name):
    below = judged(name, lambda values: 0.99 * values)
    assert below.refuted, below
    above = judged(name, lambda values: 1.01 * values)
    assert above.inconclusive, above
    assert "the best comes within" in above.reason


def test_descent_of_another_order_is_refuted():
    """Deviations that fall as the root or the square of the step."""
    verdict = checked("mode_learning")
    for power in (0.5, 2.0):
        records = [
            r._replace(
                values=r.predicted
                + (r.values - r.predicted) * r.setting["learning_rate"] ** (power - 1)
            )
            for r in verdict.records
        ]
        assert verdict.claim.criterion.decide(records).refuted


# Drawn settings. Descent may leave small classes at a local minimum where decays are large.

starts = st.floats(0.8, 1.5)
decays = st.floats(0.004, 0.012)


def small(name, **changes):
    """A claim with one rival that any setting tells, and few replicates."""
    claim = SHORT[name]
    first = next(iter(claim.rivals))
    changes.setdefault("rivals", {first: claim.rivals[first]})
    return replace(claim, **changes)


GEOMETRY = small("collapsed_geometry")
LOSS = small(
    "loss_bound", replicates=16,
    criterion=replace(ALL[FAMILY + "loss_bound"].criterion, adversary=None),
)  # fmt: skip


@few
@given(seeds, st.tuples(decays, decays), decays, starts)
def test_every_head_collapses_to_its_geometry(seed, weight_decay, feature_decay, start):
    setting = dict(weight_decay=weight_decay, feature_decay=feature_decay, start=start)
    for claim, static in ((GEOMETRY, dict(bias=False)), (GEOMETRY, dict(bias=True)), (LOSS, {})):
        verdict = theorylab.check(claim, seed=seed, **setting, **static)
        assert verdict.holds, verdict


@few
@given(seeds, st.floats(0.53, 0.645))
def test_nothing_fitted_is_best_in_the_whole_window(seed, penalty):
    verdict = theorylab.check(small("spinodal_window"), seed=seed, penalty=penalty)
    assert verdict.holds, verdict


@few
@given(seeds, st.floats(0.2, 0.9) | st.floats(1.1, 1.5), st.floats(0.5, 2.0))
def test_small_classes_have_their_contrast_from_any_start(seed, share, start):
    verdict = theorylab.check(small("minority_merges"), seed=seed, share=share, start=start)
    assert verdict.holds, verdict


@few
@given(seeds, st.floats(0.04, 0.2), st.floats(0.4, 1.2), st.floats(0.02, 0.05))
def test_linear_layers_weigh_features_alike_from_any_start(seed, weight_decay, start, step):
    setting = dict(weight_decay=weight_decay, start=start, learning_rate=step)
    verdict = theorylab.check(small("head_weights"), seed=seed, **setting)
    assert verdict.holds, verdict


@few
@given(seeds, st.tuples(*[st.floats(0.05, 1.0)] * 3), st.floats(0.001, 0.05))
def test_modes_are_learned_to_first_order_from_any_aligned_start(seed, start, weight_decay):
    setting = dict(start=start, weight_decay=weight_decay)
    verdict = theorylab.check(small("mode_learning"), seed=seed, **setting)
    assert not verdict.refuted, verdict
    assert verdict.relative_resolution < 2, verdict


# Refusals.

REFUSALS = [
    ("collapsed_geometry", dict(width=3), "`width` must be >= 4, the number of classes; got 3"),
    ("collapsed_geometry", dict(start=0.7), "`start` must be from 0.8 to 1.5.*; got 0.7"),
    ("collapsed_geometry", dict(start=1.6), "`start` must be from 0.8 to 1.5.*; got 1.6"),
    (
        "collapsed_geometry",
        dict(learning_rate=0.6),
        "`learning_rate` must be > 0 and <= 0.5; got 0.6",
    ),
    (
        "collapsed_geometry",
        dict(learning_rate=0.0),
        "`learning_rate` must be > 0 and <= 0.5; got 0",
    ),
    ("collapsed_geometry", dict(num_steps=0), "`num_steps` must be >= 1; got 0"),
    ("loss_bound", dict(width=3), "`width` must be >= 4, the number of classes; got 3"),
    (
        "spinodal_window",
        dict(class_sizes=(4, 4, 3)),
        r"`class_sizes` must be equal; got \(4, 4, 3\)",
    ),
    ("spinodal_window", dict(penalty=0.5), "`penalty` must be > 0.5.*; got 0.5"),
    ("spinodal_window", dict(penalty=0.65), "`penalty` must be > 0.5.* and < 0.6495.*; got 0.65"),
    (
        "cross_entropy_beyond_one_layer",
        dict(class_sizes=(1, 2)),
        "`class_sizes` must be equal; got",
    ),
    (
        "cross_entropy_beyond_one_layer",
        dict(class_sizes=(1,) * 4),
        "`class_sizes` and `weight_decay` must be such that another frame beats the simplex",
    ),
    ("mode_learning", dict(learning_rate=0.6), "`learning_rate` must be > 0 and <= 0.5; got 0.6"),
    ("mode_learning", dict(learning_rate=-0.1), "`learning_rate` must be > 0 and <= 0.5; got -0.1"),
    (
        "mode_learning",
        dict(horizon=24.01),
        "`horizon` must be a multiple of `learning_rate`.*24.01",
    ),
    ("mode_learning", dict(horizon=0.0), "`horizon` must be > 0; got 0"),
    ("balance_decay", dict(start=30.0), "`start` must be > 0 and <= 2; got 30"),
    ("central_growth", dict(start=0.0), "`start` must be > 0 and <= 10; got 0"),
    ("central_growth", dict(horizon=-1.0), "`horizon` must be > 0; got -1"),
    ("central_growth", dict(horizon=3201.3), "`horizon` must be a multiple of `learning_rate`"),
    ("variability_rate", dict(start=3.0), "`start` must be > 0 and <= 2; got 3"),
    ("variability_rate", dict(begin=-1.0), "`begin` must be >= 0; got -1"),
    ("variability_rate", dict(horizon=0.0), "`horizon` must be > 0; got 0"),
    ("minority_merges", dict(width=3), "`width` must be >= 5, the classes; got 3"),
    ("minority_merges", dict(start=0.0), "`start` must be > 0 and <= 2; got 0"),
    ("head_weights", dict(start=0.1), "`start` must be from 0.3 to 1.2.*; got 0.1"),
    ("spinodal_window", dict(learning_rate=5.0), "`learning_rate` must be > 0 and <= 1; got 5"),
    ("spinodal_window", dict(start=3.0), "`start` must be > 0 and <= 1.5; got 3"),
    (
        "cross_entropy_beyond_one_layer",
        dict(learning_rate=-1.0),
        "`learning_rate` must be > 0 and <= 0.5; got -1",
    ),
    ("loss_bound", dict(weight_decay=(0.01, 0.0)), "`weight_decay` must be > 0; got 0"),
    ("loss_bound", dict(feature_decay=-0.1), "`feature_decay` must be > 0; got -0.1"),
    (
        "collapsed_geometry",
        dict(weight_decay=(0.03, 0.03)),
        "`weight_decay` must leave every penalty below a quarter of the critical one",
    ),
    ("balance_decay", dict(horizon=16.001), "`horizon` must be a multiple of `learning_rate`"),
    ("balance_decay", dict(learning_rate=0.7), "`learning_rate` must be > 0 and <= 0.5; got 0.7"),
    ("central_growth", dict(width=1), "`width` must be from 2 to 27, .*; got 1"),
    ("central_growth", dict(width=28), "`width` must be from 2 to 27, .*; got 28"),
    ("central_growth", dict(learning_rate=31.0), "`learning_rate` must be > 0 and <= 30; got 31"),
    ("central_growth", dict(learning_rate=0.0), "`learning_rate` must be > 0 and <= 30; got 0"),
    ("variability_rate", dict(weight_decay=(0.04,)), "`weight_decay` must make the rate of decay"),
    (
        "variability_rate",
        dict(learning_rate=0.6),
        "`learning_rate` must be > 0 and <= 0.5; got 0.6",
    ),
    (
        "minority_merges",
        dict(class_sizes=(8, 8, 3)),
        "`class_sizes` must have two smallest classes",
    ),
    ("minority_merges", dict(class_sizes=(3, 3, 3)), "`class_sizes` must have .* and larger ones"),
    ("minority_merges", dict(share=0.0), "`share` must be > 0 and <= 1.5.*; got 0"),
    ("minority_merges", dict(share=1.6), "`share` must be > 0 and <= 1.5.*; got 1.6"),
    ("minority_merges", dict(share=1.01), "`share` must be .* 0.05 away from 1.*; got 1.01"),
    ("minority_merges", dict(learning_rate=1.1), "`learning_rate` must be > 0 and <= 1; got 1.1"),
    ("network_bound", dict(data="iris"), "`data` must be 'mixture' or 'digits'; got 'iris'"),
    ("network_bound", dict(num_examples=42), "`num_examples` must be a multiple of 4.*; got 42"),
    (
        "network_bound",
        dict(num_examples=4),
        "`num_examples` must be a multiple of 4, from 8 on; got 4",
    ),
    ("network_bound", dict(width=39), "`width` must be at least `num_examples`.*; got 39 for 40"),
    ("network_bound", dict(depth=0), "`depth` and `num_iterations` must be >= 1; got 0"),
    ("network_bound", dict(num_iterations=0), "`depth` and `num_iterations` must be >= 1"),
    ("head_weights", dict(noise=(0.1, 0.8)), "`kept` and `noise` must be as long; got 5 and 2"),
    ("head_weights", dict(depth=1), "`depth` must be >= 2, an encoder and a head; got 1"),
    ("head_weights", dict(learning_rate=0.06), "`learning_rate` must be > 0 and <= 0.05; got 0.06"),
    ("head_weights", dict(weight_decay=0.3), "`weight_decay` must keep every feature.*; got 0.3"),
]


@pytest.mark.parametrize(("name", "change", "message"), REFUSALS)
def test_settings_out_of_bounds_are_refused(name, change, message):
    claim = ALL[FAMILY + name]
    with pytest.raises(ValueError, match=message):
        claim.domain(**{**claim.settings_at("quick")[0], **change})


def test_every_domain_refuses_something():
    assert {name for name, _, _ in REFUSALS} == set(NAMES)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "collapsed_geometry",
            dict(class_sizes=(5, 0)),
            "`class_sizes` must be >= 1",
        ),
        ("collapsed_geometry", dict(feature_decay=-0.01), "`feature_decay` must be > 0; got -0.01"),
        ("head_weights", dict(weight_decay=-0.1), "`weight_decay` must be > 0; got -0.1"),
        ("spinodal_window", dict(penalty=0.7), "`penalty` must be"),
    ],
)
def test_checks_refuse_settings_before_any_work(name, change, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(FAMILY + name, **change)


# What predictions are made of.


def test_decay_in_the_window_has_the_penalty_asked_for():
    """`b = M K (N Lambda)^(1/M)`, as the solver has it."""
    for sizes, penalty in (((4, 4, 4), 0.55), ((3, 3, 3, 3), 0.6)):
        rate = float(bounds.decay_of(penalty, sizes))
        found = DeepLinearUFM(sizes, (rate, rate), rate).solve()
        np.testing.assert_allclose(found.penalty, penalty, rtol=1e-12)


def test_share_of_the_threshold_is_where_small_classes_merge():
    for sizes in ((8, 8, 3, 3, 3), (40, 40, 5, 5, 5)):
        rate = minority.decay_at(1.0, sizes)
        assert min(sizes) == pytest.approx(sum(sizes) ** 2 * rate**2)


def test_geometry_of_the_law_itself_is_the_prediction():
    """The rivals' construction, with the penalty left alone."""
    unchanged = training.with_penalty(lambda penalty, **_: penalty)
    for scale in ("quick", "standard"):
        for setting in ALL[FAMILY + "collapsed_geometry"].settings_at(scale):
            np.testing.assert_allclose(
                unchanged(**setting), training.predicted_geometry(**setting), rtol=1e-10, atol=1e-13
            )


def test_runs_end_at_random_and_at_the_end():
    """Half of the losses are those of converged descent, the others lie above."""
    record = checked("loss_bound").records[0]
    excess = record.values - record.predicted
    assert np.sum(excess < 1e-12) >= 8
    assert np.sum(excess > 1e-4) >= 8


def test_digits_and_mixtures_are_counted_by_class():
    inputs, labels = networks.digits(60)
    assert inputs.shape == (60, 64)
    np.testing.assert_allclose(np.mean(networks.digits(1797)[0] ** 2), 1)
    np.testing.assert_array_equal(labels.sum(axis=0), networks.class_sizes("digits", 60))
    assert networks.class_sizes("mixture", 40) == (10,) * 4
    np.testing.assert_array_equal(labels.sum(axis=1), 1)
