"""Inequalities: claims of known truth, and an adversary that tries to break them."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import theorylab
from tests.toys import SOURCE
from theorylab.verify import Ascent, Bound, Claim, Outcome
from theorylab.verify.criteria import Evidence
from theorylab.verify.criteria.bound import violation_limit
from theorylab.verify.draw import draw
from theorylab.verify.report import as_json
from theorylab.verify.run import check_claims
from theorylab.verify.store import Store


def check(claim, **options):
    (verdict,) = check_claims({claim.name: claim}, **options)
    return verdict


# The spectral norm of a matrix is at most its Frobenius norm, which one of rank 1 reaches.


def draw_matrix(key, *, size):
    matrix = jax.random.normal(key, (size, size))
    return Outcome(jnp.linalg.norm(matrix, 2), {"matrix": matrix})


def frobenius(factor=1.0):
    return lambda size, matrix: factor * np.sqrt((matrix**2).sum())


def norm_rounding(eps, size, matrix):
    """A backward stable singular value, and a sum of size^2 squares."""
    return 4 * eps * size * np.sqrt((matrix**2).sum())


def spectral_norm(size, matrix):
    return jnp.linalg.norm(matrix, 2)


def frobenius_norm(size, matrix):
    return jnp.linalg.norm(matrix)


ASCENT = Ascent("matrix", value=spectral_norm, bound=frobenius_norm)


def norm_claim(adversary=None, **changes):
    fields = dict(
        statement="The spectral norm is at most the Frobenius norm.",
        source=SOURCE,
        predict=frobenius(),
        observe=draw_matrix,
        criterion=Bound(slack=norm_rounding, adversary=adversary),
        rivals={"0.4 of it": frobenius(0.4)},
        settings={"quick": [dict(size=20)]},
        replicates=100,
        tile=100,
        name="toy.norm",
    )
    return Claim(**(fields | changes))


def test_a_true_bound_holds_and_tells_how_tight_it_was():
    verdict = check(norm_claim(replicates=1000))
    assert verdict.holds, verdict
    assert verdict.resolution == verdict.relative_resolution == 0
    (record,) = verdict.records
    ratio = record.values / record.predicted
    extra = verdict.extra
    assert extra["tightness"] == "value / bound"
    (i,) = extra["tightest_replicate"]
    assert extra["tightest"] == [ratio[i]] == [ratio.max()]
    assert 0.45 < ratio.max() < 0.55  # .493 in a thousand others
    assert extra["median"][0] <= np.median(ratio) <= extra["tightest_percent"][0] < ratio.max()
    assert np.mean(ratio <= extra["tightest_percent"][0]) == 0.99
    assert verdict.worst_cell == f"replicate {i} of size 20"
    np.testing.assert_allclose(extra["violation_limit"], 0.0069, atol=5e-5)


def test_a_false_bound_is_refuted_by_one_instance_and_names_it():
    verdict = check(norm_claim(predict=frobenius(0.46), adversary=ASCENT))
    assert verdict.refuted
    (record,) = verdict.records  # no attack is needed
    excess = record.values - record.predicted
    assert 0 < np.sum(excess > 0) < 20
    np.testing.assert_allclose(verdict.resolution, excess.max())
    found = re.search(r"times the slack, at replicate (\d+) of size 20", verdict.reason)
    assert found, verdict.reason
    assert excess[int(found[1])] > 0
    assert np.isnan(verdict.extra["violation_limit"])


def test_an_ascent_reaches_a_tight_bound_and_does_not_pass_it():
    verdict = check(norm_claim(ASCENT))
    assert verdict.holds, verdict
    (tightest,) = verdict.extra["tightest_attack"]
    assert 0.99998 < tightest < 1 + 1e-13
    assert verdict.relative_resolution < 0.1  # what rounding there is stays far inside the slack


def test_an_adversary_refutes_a_rival_that_samples_leave_open():
    rivals = {"0.9 of it": frobenius(0.9)}
    sampled = check(norm_claim(rivals=rivals))
    assert sampled.inconclusive
    assert "not refuted by this evidence: '0.9 of it'" in sampled.reason
    attacked = check(norm_claim(ASCENT, rivals=rivals))
    assert attacked.holds, attacked
    assert re.match(r"attack \d of size 20", attacked.rivals["0.9 of it"].where)
    assert [record.stage for record in attacked.records] == [0, 1]
    np.testing.assert_array_equal(sampled.records[0].values, attacked.records[0].values)
    assert attacked.extra["violation_limit"] == sampled.extra["violation_limit"]
    assert attacked.extra["tightest"] == sampled.extra["tightest"]


def test_an_adversary_refutes_a_false_bound_that_samples_do_not():
    false = norm_claim(predict=frobenius(0.9), criterion=Bound(slack=norm_rounding))
    assert check(false).holds
    attacked = check(norm_claim(ASCENT, predict=frobenius(0.9)))
    assert attacked.refuted
    assert re.search(r"at attack \d of size 20", attacked.reason)
    np.testing.assert_allclose(
        attacked.resolution, attacked.records[1].values.max() - attacked.records[1].predicted.max(),
        rtol=0.2,
    )  # fmt: skip


# The absolute sum of a vector is at most sqrt(n) times its norm: cheap to compile.


def sum_and_norm(x):
    return jnp.sum(jnp.abs(x)), jnp.linalg.norm(x)


def draw_vector(key, *, n):
    x = jax.random.normal(key, (n,))
    return Outcome(sum_and_norm(x)[0], {"x": x})


def mean_of_draws(key, *, n):
    return jnp.mean(jax.random.uniform(key, (n,)))


def cauchy(factor=1.0):
    return lambda n, x: factor * np.sqrt(n) * np.linalg.norm(x)


def sum_rounding(eps, n, x):
    return 4 * eps * np.sqrt(n) * np.abs(x).sum()


VECTORS = Ascent(
    "x",
    value=lambda n, x: sum_and_norm(x)[0],
    bound=lambda n, x: np.sqrt(n) * sum_and_norm(x)[1],
)


def vector_claim(adversary=VECTORS, **changes):
    fields = dict(
        statement="The absolute sum is at most the norm times the root of the dimension.",
        predict=cauchy(),
        observe=draw_vector,
        criterion=Bound(slack=sum_rounding, adversary=adversary),
        rivals={"0.99 of it": cauchy(0.99)},
        settings={"quick": [dict(n=30)]},
        replicates=20,
        tile=20,
        name="toy.cauchy",
    )
    return norm_claim(**(fields | changes))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_rounding_an_ascent_finds_is_not_a_violation(precision):
    verdict = check(vector_claim(), precision=precision)
    assert verdict.holds, verdict
    assert verdict.relative_resolution < 0.5
    assert verdict.extra["tightest_attack"][0] > 0.9999


def test_a_lower_bound_is_attacked_from_above():
    def draw(key, *, n):
        given = draw_vector(key, n=n).given
        return Outcome(jnp.sqrt(n) * jnp.linalg.norm(given["x"]), given)

    mean = lambda factor: lambda n, x: factor * np.abs(x).sum()
    descent = dataclasses.replace(VECTORS, value=VECTORS.bound, bound=VECTORS.value)
    claim = vector_claim(
        predict=mean(1.0),
        observe=draw,
        criterion=Bound(slack=sum_rounding, side="below", adversary=descent),
        rivals={"1.01 times it": mean(1.01)},
    )
    verdict = check(claim)
    assert verdict.holds, verdict
    assert verdict.extra["tightness"] == "bound / value"
    mirrored = check(vector_claim())
    for name in ("tightest", "tightest_replicate", "median"):
        np.testing.assert_allclose(verdict.extra[name], mirrored.extra[name])
    assert 0.9999 < verdict.extra["tightest_attack"][0] < 1 + 1e-13
    assert check(dataclasses.replace(claim, predict=mean(1.01))).refuted


# A double well, descended from many starts: its lower minimum is found by some of them.


def double_well(x):
    return (x**2 - 1) ** 2 + 0.25 * x


LOWEST = float(min(double_well(x) for x in np.roots([4, 0, -4, 0.25]).real))  # where its slope is 0


def descend(key, *, rate, steps):
    slope = jax.grad(double_well)
    step = lambda _, x: x - rate * slope(x)
    x = jax.lax.fori_loop(0, steps, step, 3 * jax.random.uniform(key, minval=-0.5, maxval=0.5))
    return Outcome(double_well(x), {"x": x})


WELL_ASCENT = Ascent("x", value=lambda rate, steps, x: double_well(x))


def well_claim(lowest=LOWEST, attained=1e-6, adversary=None, **changes):
    fields = dict(
        statement="Nothing lies below the lower minimum, which the best start reaches.",
        source=SOURCE,
        predict=lambda rate, steps, x: np.asarray(lowest),
        observe=descend,
        criterion=Bound(slack=1e-14, side="below", attained=attained, adversary=adversary),
        rivals={"the other well": lambda rate, steps, x: np.asarray(LOWEST + 0.5)},
        settings={"quick": [dict(rate=0.02, steps=400)]},
        replicates=16,
        tile=16,
        name="toy.well",
    )
    return Claim(**(fields | changes))


def test_the_best_start_reaches_an_optimum():
    verdict = check(well_claim())
    assert verdict.holds, verdict
    assert abs(verdict.extra["gap"][0]) < 1e-6
    values = verdict.records[0].values
    assert np.sum(values > LOWEST + 0.1) >= 2  # some end in the other well, and may


def test_an_optimum_that_no_start_reaches_is_not_held():
    settings = {"quick": [dict(rate=0.02, steps=400), dict(rate=0.02, steps=5)]}
    assert check(well_claim(attained=None, settings=settings)).holds
    verdict = check(well_claim(settings=settings, adversary=WELL_ASCENT))
    assert verdict.inconclusive
    assert re.search(r"the best comes within 0\.\d+ of the bound, not within 1e-06: replicate \d+ "
                     "of rate 0.02, steps 5", verdict.reason), verdict.reason  # fmt: skip
    assert verdict.extra["gap"][1] > 1e-3  # attacks reach it and do not count
    assert verdict.extra["tightest_attack"][1] < 1e-4


def test_a_looser_bound_is_not_attained():
    assert check(well_claim(lowest=LOWEST - 0.1)).inconclusive
    assert check(well_claim(lowest=LOWEST + 0.1)).refuted


@pytest.mark.parametrize("attained", [np.nan, -1.0])
def test_what_is_attained_must_be_a_tolerance(attained):
    with pytest.raises(ValueError, match=f"`attained` must be >= 0; got {attained}"):
        Bound(0.0, attained=attained)
    verdict = check(well_claim(attained=lambda **_: attained))
    assert "`attained` must be finite and >= 0 everywhere" in verdict.reason


# Of numbers alone.


def evidence(values, bound, slack=0.0, rivals=None, stage=0, setting=None):
    values = np.asarray(values, float)
    full = lambda x: np.broadcast_to(np.asarray(x, float), (1, *values.shape[1:]))
    rivals = {name: full(rival) for name, rival in (rivals or {}).items()}
    return Evidence(setting or {}, values, full(bound), rivals, full(slack), {}, {}, stage)


def test_a_violation_is_what_exceeds_the_slack_and_nothing_less():
    at = lambda value, slack: Bound(slack).decide([evidence([1.0, value], 2.0, slack)])
    slack = 2.0**-50
    assert at(2 + slack, slack).holds
    assert at(2 + slack, slack).relative_resolution == 1
    assert at(2 + 1.5 * slack, slack).refuted
    assert at(2.0, 0.0).holds
    assert at(2.0, 0.0).relative_resolution == 0
    assert at(np.nextafter(2, 3), 0.0).refuted
    assert at(np.nextafter(2, 3), 0.0).relative_resolution == np.inf


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6), st.floats(0, 1))
def test_the_resolution_is_the_smallest_slack_that_holds(values, slack):
    values = np.array(values)
    verdict = Bound(slack).decide([evidence(values, 1.0, slack)])
    assert verdict.resolution == max(0, (values - 1).max())
    assert verdict.holds == (verdict.resolution <= slack) == (verdict.relative_resolution <= 1)
    assert Bound(0.0).decide([evidence(values, 1.0, verdict.resolution)]).holds
    if verdict.resolution > 1e-300:
        assert Bound(0.0).decide([evidence(values, 1.0, 0.999 * verdict.resolution)]).refuted


@given(st.lists(st.floats(0.1, 3), min_size=2, max_size=6), st.floats(0, 0.5))
def test_sides_mirror_each_other(values, slack):
    values = np.array(values)
    above = evidence(values, 2.0, slack, {"rival": 1.5})
    below = evidence(-values, -2.0, slack, {"rival": -1.5})
    one, other = Bound(slack).decide([above]), Bound(slack, "below").decide([below])
    assert (one.status, one.resolution) == (other.status, other.resolution)
    assert one.rivals == other.rivals
    assert one.worst_cell == other.worst_cell


def test_cells_have_bounds_of_their_own():
    verdict = Bound(0.0).decide([evidence([[1.0, 5.0], [0.5, 8.0]], [1.5, 7.0], setting={"n": 3})])
    assert verdict.refuted
    assert "beyond the bound by 1, inf times the slack" in verdict.reason
    assert verdict.worst_cell == "axis 0 = 1, replicate 1 of n 3"


def test_every_cell_must_be_attained_by_some_replicate():
    reached = evidence([[1.0, 0.2], [0.3, 2.0]], [1.0, 2.0])
    assert Bound(0.0, attained=0.1).decide([reached]).holds
    short = evidence([[1.0, 0.2], [0.3, 1.8]], [1.0, 2.0])
    verdict = Bound(0.0, attained=0.1).decide([short])
    assert verdict.inconclusive
    assert verdict.reason == "the best comes within 0.2 of the bound, not within 0.1: " + (
        "axis 0 = 1, replicate 1"
    )
    by_cell = Bound(0.0, attained=lambda: np.array([0.0, 0.3]))
    assert by_cell.decide([short]).holds


def test_where_a_bound_is_not_positive_differences_are_told():
    verdict = Bound(0.0).decide([evidence([-2.0, -1.0, -3.0], 0.0)])
    assert verdict.extra["tightness"] == "bound - value"
    assert verdict.extra["tightest"] == [1.0]
    assert verdict.extra["tightest_replicate"] == [1]
    assert verdict.extra["median"] == [2.0]


def test_a_number_that_is_none_is_refused_and_infinities_compare():
    for values, bound, where in [
        ([1.0, np.nan], 2.0, "replicate 1: the value"),
        ([1.0, 1.0], np.nan, "replicate 0: the bound"),
    ]:
        with pytest.raises(ValueError, match=f"{where} is not a number"):
            Bound(0.1).decide([evidence(values, bound, 0.1)])
    with pytest.raises(ValueError, match=r"replicate 0, cell \(1,\): the value is not a number"):
        Bound(0.1).decide([evidence([[1.0, np.nan]], [2.0, 2.0], 0.1)])
    nothing = lambda key, *, n: Outcome(jnp.nan, {"x": jnp.zeros(n)})
    lost = check(vector_claim(observe=nothing))
    assert lost.status == "error"
    assert "replicate 0: the value is not a number" in lost.reason
    assert Bound(0.1).decide([evidence([1.0, np.inf], 2.0, 0.1)]).refuted
    assert Bound(0.1).decide([evidence([1.0, -np.inf], 2.0, 0.1)]).holds
    assert Bound(0.1).decide([evidence([1.0, np.inf], np.inf, 0.1)]).holds


def test_a_rival_with_nan_has_no_say():
    verdict = Bound(0.1).decide([evidence([1.0], 2.0, 0.1, {"rival": np.nan})])
    assert verdict.inconclusive


def test_rivals_that_no_instance_could_violate_are_told_before_simulating():
    rivals = {"looser": 2.5, "the same": 2.0, "tighter": 1.5, "within the slack": 1.95}
    theory = evidence([0.0], 2.0, 0.1, rivals)
    powerless = Bound(0.1).powerless(theory.rivals, [theory])
    assert powerless == ["looser", "the same", "within the slack"]
    assert Bound(0.1, "below").powerless(theory.rivals, [theory]) == [
        "the same", "tighter", "within the slack"
    ]  # fmt: skip
    assert Bound(0.1).powerless(theory.rivals, []) == []
    claim = lambda rival: vector_claim(
        predict=lambda n: 50.0,
        observe=mean_of_draws,
        criterion=Bound(1e-9),
        rivals={"rival": lambda n: rival},
    )
    assert check(claim(60.0)).rivals["rival"].status == "no power"
    assert check(claim(1e-3)).holds


@pytest.mark.parametrize(("replicates", "limit"), [(100, 0.067), (1000, 0.0069)])
def test_clean_replicates_exclude_a_share_of_violations(replicates, limit):
    np.testing.assert_allclose(violation_limit(replicates), limit, rtol=0.01)
    np.testing.assert_allclose((1 - violation_limit(replicates)) ** replicates, 1e-3)


def test_attacks_do_not_count_as_samples():
    sampled = evidence([0.2, 0.4, 0.3], 1.0, 0.0, {"half": 0.5})
    attack = evidence([0.6, 0.9], 1.0, 0.0, {"half": 0.5}, stage=1)
    assert Bound(0.0).decide([sampled]).inconclusive
    verdict = Bound(0.0).decide([sampled, attack])
    assert verdict.holds
    assert verdict.replicates == 3
    assert verdict.extra["violation_limit"] == violation_limit(3)
    assert verdict.extra["tightest"] == [0.4]
    assert verdict.extra["tightest_attack"] == [0.9]
    assert verdict.worst_cell == "attack 1"
    optimal = Bound(0.0, attained=0.2).decide([sampled, attack])
    assert optimal.inconclusive
    assert optimal.extra["gap"] == [0.6]


def test_the_order_of_settings_and_attacks_does_not_matter():
    rivals = {"half": 0.5}
    records = [
        evidence([0.2, 0.4], 1.0, 0.1, rivals, setting={"n": 1}),
        evidence([0.3, 0.1], 1.0, 0.1, rivals, setting={"n": 2}),
        evidence([0.8], 1.0, 0.1, rivals, stage=1, setting={"n": 2}),
    ]
    one, other = (Bound(0.1, attained=0.5).decide(r) for r in (records, records[::-1]))
    assert (one.status, one.reason, one.rivals) == (other.status, other.reason, other.rivals)
    assert one.extra["gap"] == [0.6, 0.7] == other.extra["gap"][::-1]
    assert other.records[-1].stage == 1


# What surrounds the decision.


def test_evidence_is_judged_again_to_the_same_verdict(tmp_path):
    claim = vector_claim()
    plain = lambda verdict: {k: v for k, v in as_json(verdict).items() if k != "seconds"}
    first, again = (check(claim, store=Store(tmp_path)) for _ in range(2))
    assert plain(first) == plain(again)
    assert plain(first)["status"] == "holds"
    for records in (first.records, again.records):
        once = claim.criterion.decide(records)
        assert once.extra == first.extra
        assert (once.status, once.rivals) == (first.status, first.rivals)
        assert (once.reason, once.worst_cell) == (first.reason, first.worst_cell)


def test_what_a_verdict_says_beside_is_json():
    verdict = check(vector_claim())
    extra = json.loads(json.dumps(as_json(verdict)["extra"], allow_nan=False))
    assert extra == verdict.extra
    refuted = check(vector_claim(predict=cauchy(0.1)))
    assert as_json(refuted)["extra"]["violation_limit"] is None
    assert len(refuted.evidence) == 1


def test_measurements_of_ones_own_are_judged_without_attack():
    matrices = np.random.default_rng(0).normal(size=(5, 20, 20))
    norms = np.linalg.norm(matrices, 2, axis=(1, 2))
    verdict = theorylab.judge(norm_claim(ASCENT), norms, given={"matrix": matrices})
    assert verdict.holds
    assert [record.stage for record in verdict.records] == [0]
    assert theorylab.judge(norm_claim(), 3 * norms, given={"matrix": matrices}).refuted


def test_one_program_serves_all_ascents():
    traces = []

    def value(n, unit, x):
        traces.append(n)
        return unit * sum_and_norm(x)[0]

    def draw(key, *, n, unit):
        total, given = draw_vector(key, n=n)
        return Outcome(unit * total, given)

    law = lambda factor: lambda n, unit, x: unit * cauchy(factor)(n, x)
    ascent = Ascent("x", value=value, bound=lambda n, unit, x: unit * VECTORS.bound(n, x))
    claim = vector_claim(
        predict=law(1.0),
        observe=draw,
        rivals={"0.99 of it": law(0.99)},
        criterion=Bound(lambda eps, n, unit, x: unit * sum_rounding(eps, n, x), adversary=ascent),
        settings={"quick": [dict(n=30, unit=unit) for unit in (0.5, 1.0, 2.0)]},
    )
    verdict = check(claim)
    assert verdict.holds, verdict
    assert len(verdict.records) == 6
    assert len(traces) == 2  # of the ascent, and of the values at its ends


def pair(x):
    return jnp.stack([2 * jnp.linalg.norm(x), jnp.linalg.norm(x, ord=1)])


def test_every_cell_is_attacked_and_other_draws_go_along():
    """|x|_1 <= sqrt(n) |x|, beside a cell that is always tight; the weight is drawn too."""

    def draw(key, *, n):
        x, weight = jax.random.normal(key, (n,)), 1 + jax.random.uniform(key)
        return Outcome(weight * pair(x), {"x": x, "weight": weight})

    law = lambda factor: (
        lambda n, x, weight: weight * np.linalg.norm(x) * np.array([2, factor * np.sqrt(n)])
    )
    claim = norm_claim(
        predict=law(1.0),
        observe=draw,
        criterion=Bound(
            lambda eps, n, x, weight: 4 * eps * n * np.abs(x).sum(),
            adversary=Ascent(
                "x",
                value=lambda n, x, weight: weight * pair(x),
                bound=lambda n, x, weight: (
                    weight * jnp.linalg.norm(x) * jnp.array([2.0, np.sqrt(n)])
                ),
                restarts=3,
            ),
        ),
        rivals={"0.999 of it": law(0.999)},
        settings={"quick": [dict(n=30)]},
        replicates=10,
        tile=10,
    )
    verdict = check(claim)
    assert verdict.holds, verdict
    sampled, attacks = verdict.records
    assert attacks.values.shape == (6, 2)
    assert attacks.given["weight"].shape == (6,)
    assert set(attacks.given["weight"]) <= set(sampled.given["weight"])


def test_an_ascent_keeps_to_the_domain():
    """Where one entry has 0.9 of the norm or more, the absolute sum has a smaller bound."""

    def draw(key, *, n):
        x = jax.random.normal(key, (n,)).at[0].set(0)
        x = x.at[0].set(3 * jnp.linalg.norm(x)) / jnp.linalg.norm(x)
        return Outcome(sum_and_norm(x)[0], {"x": x})

    law = lambda factor: (
        lambda n, x: factor * (0.9 + np.sqrt((n - 1) * (1 - 0.9**2))) * np.linalg.norm(x)
    )
    kept = dataclasses.replace(
        VECTORS,
        project=lambda x, n: x / jnp.linalg.norm(x),
        inside=lambda x, n: x[0] >= 0.9 * jnp.linalg.norm(x),
    )
    claim = lambda adversary: vector_claim(
        adversary, predict=law(1.0), observe=draw, rivals={"0.95 of it": law(0.95)}
    )
    verdict = check(claim(kept))
    assert verdict.holds, verdict
    found = verdict.records[1].given["x"]
    assert np.all(found[:, 0] >= 0.9 * np.linalg.norm(found, axis=1))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert check(claim(VECTORS)).refuted


def test_an_adversary_of_something_else_is_refused():
    wrong = dataclasses.replace(VECTORS, value=lambda n, x: 2 * VECTORS.value(n, x))
    verdict = check(vector_claim(wrong))
    assert verdict.status == "error"
    assert "`value` of the adversary must be what is observed" in verdict.reason
    lost = check(vector_claim(dataclasses.replace(VECTORS, over="weights")))
    assert "needs real numbers `weights`, drawn by each replicate; drawn are: x" in lost.reason


@pytest.mark.parametrize("bad", [dict(restarts=0), dict(steps=0), dict(pace=0.0)])
def test_an_ascent_out_of_bounds_is_refused(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        dataclasses.replace(ASCENT, **bad)


def test_a_side_is_above_or_below(unchecked):
    with pytest.raises(ValueError, match="`side` must be 'above' or 'below'; got 'left'"):
        Bound(0.0, side="left")


def test_an_ascent_passes_what_is_not_a_number():
    """A gradient that is infinite at 0, and a start there."""

    def draw(key, *, n):
        x = jnp.zeros(n)
        return Outcome(jnp.linalg.norm(x), {"x": x})

    law = lambda factor: lambda n, x: factor * np.abs(x).sum()
    ascent = Ascent("x", value=lambda n, x: jnp.linalg.norm(x), bound=lambda n, x: jnp.abs(x).sum())
    claim = norm_claim(
        predict=law(1.0),
        observe=draw,
        criterion=Bound(1e-14, adversary=ascent),
        rivals={"half": law(0.5)},
        settings={"quick": [dict(n=3)]},
        replicates=2,
    )
    assert check(claim).inconclusive


@pytest.mark.parametrize("claim", [vector_claim(), well_claim()])
def test_a_figure_sets_values_against_bounds(claim):
    verdict = check(claim)
    (axes,) = draw(verdict, Figure()).axes
    assert axes.get_xlabel() == "bound"
    *points, line = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    assert [len(marks.get_xdata()) for marks in points] == [
        len(record.values) for record in verdict.records
    ]
