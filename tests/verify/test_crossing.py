"""The criterion of thresholds: brackets on synthetic curves of known crossing."""

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import special

import theorylab
from tests.toys import SOURCE
from theorylab.verify import Claim, Crossing
from theorylab.verify.criteria import Evidence
from theorylab.verify.criteria.crossing import _extrapolated

AT = 0.53
GRID = np.linspace(0, 1, 17)


def frequency(x, width=0.05):
    return special.expit((x - AT) / width)


def sweep(curve=frequency, grid=GRID, predicted=AT, tolerance=0.05, replicates=512, rivals=None,
          outcomes=True, seed=0, **setting):  # fmt: skip
    rng = np.random.default_rng(seed)
    number = lambda x: np.full(1, float(x))

    def values(x):
        if outcomes:
            return (rng.random(replicates) < curve(x)).astype(float)
        return curve(x) + 0.3 * rng.normal(size=replicates)

    return [
        Evidence(
            {"x": float(x), **setting},
            values(x),
            number(predicted),
            {name: number(r) for name, r in (rivals or {}).items()},
            number(tolerance),
            {},
            {},
        )
        for x in grid
    ]


def crossing(**options):
    return Crossing("x", **({"tolerance": 0.05, "level": 0.5, "support": (0.0, 1.0)} | options))


def test_a_true_crossing_holds_and_refutes_its_rivals():
    verdict = crossing(tolerance=0.1).decide(sweep(tolerance=0.1, rivals={"far": 0.8, "near": 0.7}))
    assert verdict.holds, verdict
    ((low, high),) = verdict.extra["brackets"]
    assert low < AT < high
    assert verdict.resolution == max(AT - low, high - AT)
    assert verdict.replicates in (16, 32, 48, 64, 80, 96, 112, 128)


def test_a_wrong_crossing_is_refuted():
    verdict = crossing().decide(sweep(predicted=0.2))
    assert verdict.refuted
    assert "outside 0.2" in verdict.reason


@pytest.mark.parametrize("falling", [False, True])
def test_means_need_no_support(falling):
    curve = lambda x: (AT - x) * (1 if falling else -1)
    verdict = Crossing("x", 0.15).decide(
        sweep(curve, tolerance=0.15, outcomes=False, rivals={"far": 0.9}, replicates=4096)
    )
    assert verdict.holds, verdict


def test_brackets_rarely_miss():
    misses = 0
    for seed in range(100):
        verdict = crossing(alpha=0.05).decide(sweep(tolerance=1e-6, replicates=128, seed=seed))
        ((low, high),) = verdict.extra["brackets"]
        misses += not low <= AT <= high
        assert verdict.inconclusive or not low <= AT <= high
    assert misses <= 5


def test_a_narrow_bracket_asks_for_a_finer_grid():
    rule = crossing(tolerance=0.02)
    verdict = rule.decide(sweep(tolerance=0.02, rivals={"r": 0.6}), 512)
    assert verdict.inconclusive
    assert len(verdict.more) == 8
    assert verdict.wanted == 16
    ((low, high),) = verdict.extra["brackets"]
    assert all(low < setting["x"] < high for setting in verdict.more)
    seen = sweep(tolerance=0.02, rivals={"r": 0.6})
    finer = sweep(
        grid=[s["x"] for s in verdict.more],
        tolerance=0.02,
        rivals={"r": 0.6},
        replicates=4096,
        seed=1,
    )
    final = rule.decide([*seen, *(r._replace(stage=1) for r in finer)], 4096)
    ((lower, upper),) = final.extra["brackets"]
    assert low <= lower < AT < upper <= high
    assert final.holds or final.more


def test_the_verdict_is_a_function_of_the_replicates():
    records = sweep(replicates=4096, tolerance=0.1)
    few = [record._replace(values=record.values[:512]) for record in records]
    one, other = crossing().decide(few), crossing().decide(records)
    assert (one.status, one.replicates) == (other.status, other.replicates)


def test_two_changes_of_sign_are_told():
    wave = lambda x: 0.5 + 0.45 * np.sin(3 * np.pi * x - 1.0)
    verdict = crossing().decide(sweep(wave))
    assert verdict.inconclusive
    assert "more than one change of sign" in verdict.reason


def test_a_grid_that_misses_the_crossing_is_told():
    verdict = crossing().decide(sweep(grid=np.linspace(0.7, 1, 5)))
    assert verdict.inconclusive
    assert "both ends of the grid lie on one side" in verdict.reason
    verdict = crossing().decide(sweep(grid=np.linspace(0.53, 1, 9)))
    assert verdict.inconclusive
    assert "widen the grid" in verdict.reason


def test_sizes_extrapolate_with_the_order_of_their_shift():
    shifted = lambda n: [
        *sweep(lambda x: frequency(x - 4 / n), tolerance=0.15, rivals={"r": 0.9}, n=n)
    ]
    records = [record for n in (25, 50, 100) for record in shifted(n)]
    known = Crossing("x", 0.15, level=0.5, support=(0, 1), sizes="n", correction=1.0)
    ((low, high),) = known.decide(records).extra["brackets"]
    assert low < AT < high
    unknown = Crossing("x", 0.15, level=0.5, support=(0, 1), sizes="n")
    ((wide_low, wide_high),) = unknown.decide(records).extra["brackets"]
    assert wide_low <= low < high <= wide_high


def test_extrapolation_is_exact_for_exact_brackets():
    sizes = np.array([10.0, 20.0, 40.0])
    x = 0.3 + 2 / sizes**0.5
    np.testing.assert_allclose(_extrapolated(sizes, x, x, 0.5), 0.3)
    low, high = _extrapolated(sizes, x - 0.01, x + 0.01, 0.5)
    assert high - low > 0.02


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ([{"x": 1.0}], {}, "two different values of `x`"),
        ([{"x": 1.0}, {"x": 1.0}], {}, "two different values of `x`"),
        ([{"x": 0.0}, {"x": np.nan}], {}, "all finite"),
        ([{"x": 0.0}, {"x": 1.0}], dict(refine=2), "lies below the finest step"),
        ([{"x": 0}, {"x": 1}], dict(tolerance=0.4), "lies below the finest step"),
        ([{"x": 0.0}, {"x": 0.1}], dict(sizes="n"), "must have `n`, by which"),
        ([{"n": 1.0}], {}, "every setting must have `x`"),
    ],
)
def test_grids_that_bracket_nothing_are_refused(settings, options, message):
    with pytest.raises(ValueError, match=message):
        Crossing("x", **({"tolerance": 0.05} | options)).validate(settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(alpha=1.0), "`alpha` must be"),
        (dict(refine=-1), "`refine` must be >= 0"),
        (dict(level=1.0), "`level` must lie inside `support`"),
        (dict(correction=-1.0), "`correction` must be > 0"),
    ],
)
def test_bad_crossings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        crossing(**options)


def test_outcomes_without_their_support_are_refused():
    with pytest.raises(ValueError, match="declare `support=\\(0, 1\\)`"):
        Crossing("x", 0.05, level=0.5).decide(sweep())


def test_rivals_closer_than_two_tolerances_have_no_power():
    theories = sweep(rivals={"near": AT + 0.09, "far": AT + 0.11}, replicates=1)
    assert crossing().powerless({"near": None, "far": None}, theories) == ["near"]


def outcome(key, *, x):
    return jax.random.bernoulli(key, jax.nn.sigmoid((x - 0.53) / 0.05)).astype(float)


def threshold_claim(**changes):
    fields = dict(
        statement="Outcomes are even at 0.53.",
        source=SOURCE,
        predict=lambda x: 0.53,
        observe=outcome,
        criterion=Crossing("x", 0.03, level=0.5, support=(0.0, 1.0)),
        rivals={"0.46": lambda x: 0.46, "0.6": lambda x: 0.6},
        settings={"quick": [dict(x=float(x)) for x in np.linspace(0.2, 0.9, 8)]},
        replicates=4096,
        tile=64,
        name="toy.threshold",
    )
    return Claim(**(fields | changes))


def test_the_runner_refines_the_grid(tmp_path):
    claim = threshold_claim()
    verdict = theorylab.check(claim, store=tmp_path)
    assert verdict.rivals["0.6"].status == "refuted"
    assert verdict.holds, verdict
    stages = {record.stage for record in verdict.records}
    assert stages == {0, 1, 2} or stages == {0, 1}
    again = theorylab.check(claim, store=tmp_path)  # from the disk
    assert (again.status, again.resolution) == (verdict.status, verdict.resolution)
    verdict.plot()
    values = [r.values for r in verdict.records if r.stage == 0]
    xs = [r.setting["x"] for r in verdict.records if r.stage == 0]
    assert theorylab.judge(claim, values, x=xs).status in ("holds", "inconclusive")


def test_the_runner_refutes_a_wrong_threshold():
    assert theorylab.check(threshold_claim(predict=lambda x: 0.3)).refuted


def test_rivals_that_cross_nowhere():
    theory = sweep(rivals={"unknown": np.nan, "never": np.inf})
    assert crossing().powerless(theory[0].rivals, theory) == ["unknown"]
    verdict = crossing(tolerance=0.1).decide(sweep(tolerance=0.1, rivals={"never": np.inf}))
    assert verdict.holds, verdict


def test_a_refuted_crossing_has_the_p_value_of_its_level():
    assert crossing().decide(sweep(predicted=0.2)).p_value == crossing().alpha
    assert crossing().decide(sweep()).p_value == 1.0


def test_every_curve_is_drawn_with_its_own_threshold():
    claim = threshold_claim(
        predict=lambda x, shift: 0.53 + shift,
        observe=lambda key, *, x, shift: outcome(key, x=x - shift),
        criterion=Crossing("x", 0.2, level=0.5, support=(0.0, 1.0)),
        rivals={"far": 9.0},
        settings={"quick": [dict(x=x, shift=s) for s in (0.0, 0.1) for x in (0.2, 0.4, 0.6, 0.8)]},
    )
    (axes,) = theorylab.check(claim).plot(Figure()).axes
    upright = [line.get_xdata()[0] for line in axes.lines if np.ptp(line.get_xdata()) == 0]
    assert [upright.count(at) for at in (0.53, 0.63, 9.0)] == [1, 1, 1]


def test_fewer_replicates_than_a_look_decide_nothing():
    verdict = crossing(tolerance=0.4).decide(sweep(tolerance=0.4, replicates=12), 512)
    assert verdict.inconclusive
    assert "12 replicates are too few for a look at 16" in verdict.reason
    assert verdict.wanted == 16


def test_a_bracket_open_at_one_end_may_refute():
    verdict = crossing().decide(sweep(grid=np.linspace(0, 0.55, 12), predicted=0.1))
    assert verdict.refuted, verdict
    assert verdict.extra["brackets"][0][1] == np.inf
