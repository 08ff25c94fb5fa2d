"""The runner: keys, tiles, compilations, errors."""

import re

import numpy as np
import pytest

import theorylab
from tests.toys import drawn_claim, euler, exact_claim, rate_claim
from theorylab.errors import MissingExtra
from theorylab.verify import Outcome
from theorylab.verify.run import check_claims
from theorylab.verify.tiles import Experiment, setting_hash

EIGHT = {"quick": 8}


def check(claim, **options):
    (verdict,) = check_claims({claim.name: claim}, **options)
    return verdict


def counting(traces, observe):
    """`observe`, adding a line to `traces` whenever JAX traces it."""

    def counted(key, **setting):
        traces.append(setting)
        return observe(key, **setting)

    return counted


@pytest.mark.parametrize(
    "claim", [exact_claim(), drawn_claim(), rate_claim()], ids=lambda c: c.name
)
def test_true_claims_hold_and_refute_their_rivals(claim):
    verdict = check(claim)
    assert verdict.holds, verdict
    assert all(outcome.status == "refuted" for outcome in verdict.rivals.values())
    assert verdict.resolution > 0
    assert verdict.seconds > 0


def test_wrong_claims_are_refuted():
    assert check(exact_claim(predict=lambda rate, step, num_steps: np.ones(num_steps))).refuted
    assert check(rate_claim(predict=lambda rate, step: 0.9)).refuted


def test_one_compilation_serves_all_floats():
    traces = []
    settings = [dict(rate=rate, step=0.01, num_steps=300) for rate in (0.5, 1.0, 1.5)]
    claim = exact_claim(observe=counting(traces, euler), settings={"quick": settings})
    assert check(claim).holds
    assert check(claim, seed=1).holds
    assert check(claim, changes={"rate": 0.7}).holds
    assert len(traces) == 1


def test_each_static_part_compiles_once():
    traces = []
    settings = [dict(rate=r, step=0.01, num_steps=n) for n in (100, 200) for r in (1.0, 2.0)]
    check(exact_claim(observe=counting(traces, euler), settings={"quick": settings}))
    assert [setting["num_steps"] for setting in traces] == [100, 200]


def test_replicates_do_not_depend_on_their_number():
    few, many = (check(drawn_claim(replicates=n)).records[0].values for n in (3, 11))
    np.testing.assert_array_equal(few, many[:3])


def test_replicates_do_not_depend_on_the_tiles():
    one, other = (check(drawn_claim(tile=n, replicates=9)).records[0] for n in (2, 8))
    np.testing.assert_array_equal(one.given["rate"], other.given["rate"])


def test_replicates_differ_with_seed_setting_and_index():
    rates = lambda **options: check(drawn_claim(), **options).records[0].given["rate"]
    plain = rates()
    assert len(set(plain)) == len(plain)
    assert not set(plain) & set(rates(seed=1))
    assert not set(plain) & set(rates(changes={"pace": 1.0 + 1e-12}))


def test_sizes_of_a_rate_share_their_instances():
    def draw(key, *, step, pace):
        outcome = drawn_claim().observe(key, pace=pace)
        return Outcome(outcome.value * (1 + step), outcome.given)

    claim = rate_claim(
        observe=draw,
        predict=lambda pace, step, rate: np.exp(-rate * np.linspace(0, 1, 5)),
        rivals={"second order": 2.0},
        settings={"quick": [dict(pace=1.0, step=0.02 / 2**k) for k in range(5)]},
    )
    verdict = check(claim)
    assert verdict.holds, verdict
    rates = [record.given["rate"] for record in verdict.records]
    assert all(np.array_equal(rates[0], other) for other in rates)


def test_the_key_of_a_replicate_is_that_of_the_documentation(double):
    import jax

    setting = dict(pace=1.0)
    key = jax.random.fold_in(jax.random.key(5), setting_hash(setting))
    expected = drawn_claim().observe(jax.random.fold_in(key, 6), **setting).given["rate"]
    assert (
        Experiment.of(drawn_claim(tile=4), setting, 5, "float64").compute(1).given["rate"][2]
        == expected
    )


def test_the_hash_of_a_setting_is_the_same_everywhere():
    assert (
        setting_hash(dict(b=1, a=(0.1, 2.0))) == setting_hash(dict(a=(0.1, 2.0), b=1)) == 4237653699
    )


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_precision_asked_for_is_the_one_computed_in(precision):
    seen = []

    def observe(key, *, rate, step, num_steps):
        values = euler(key, rate=rate, step=step, num_steps=num_steps)
        seen.append(str(values.dtype))
        return values

    assert check(exact_claim(observe=observe), precision=precision).holds
    assert seen == [precision]


def test_a_crash_is_an_error_of_its_claim_alone():
    def crash(key, **setting):
        raise ZeroDivisionError("lost")

    broken = exact_claim(observe=crash, name="broken")
    verdicts = list(check_claims({"broken": broken, "whole": exact_claim()}))
    assert [verdict.status for verdict in verdicts] == ["error", "holds"]
    assert "ZeroDivisionError: lost (crash, test_run.py" in verdicts[0].reason
    assert "in crash" in verdicts[0].extra["traceback"]


def test_a_missing_extra_skips_its_claim():
    def missing(**setting):
        raise MissingExtra("data", "a matrix")

    verdict = check(exact_claim(predict=missing))
    assert verdict.status == "skipped"
    assert "pip install 'theorylab[data]'" in verdict.reason


def test_a_rival_within_the_tolerance_is_told_without_simulating():
    def forbidden(key, **setting):
        return euler(key, **setting)

    claim = exact_claim(rivals={"twin": exact_claim().predict}, observe=forbidden)
    verdict = check(claim, progress=lambda _: pytest.fail)
    assert verdict.inconclusive
    assert verdict.rivals["twin"].status == "no power"
    assert not verdict.records


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(predict=lambda **_: np.ones(3)), r"the prediction has shape \(3,\), the observation"),
        (dict(rivals={"odd": lambda **_: np.ones(3)}), "rival 'odd' has shape"),
        (dict(coords=lambda **_: {"t": np.ones(3)}), "`coords` has lengths"),
    ],
)
def test_shapes_that_differ_are_told(changes, message):
    verdict = check(exact_claim(**changes))
    assert verdict.status == "error"
    assert re.search(message, verdict.reason), verdict.reason


@pytest.mark.parametrize("tolerance", [-1.0, np.nan, np.inf])
def test_a_tolerance_must_be_finite_and_nonnegative(tolerance):
    from theorylab.verify import Exact

    assert "tolerance must be finite" in check(exact_claim(criterion=Exact(tolerance))).reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(scale="big"), "`scale` must be one of quick, standard, full; got 'big'"),
        (dict(seed=-1), "`seed` must be a whole number from 0 .* got -1"),
        (dict(seed=True), "got True"),
        (dict(precision="float16"), "`precision` must be one of float64, float32; got 'float16'"),
        (dict(changes={"speed": 1.0}), "`toy.decay` has no setting `speed`; it has rate, step"),
        (dict(changes={"rate": "fast"}), "setting `rate` of `toy.decay` must be of type float"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(options, message):
    with pytest.raises(ValueError, match=message):
        check_claims({"toy.decay": exact_claim(observe=pytest.fail)}, **options)


def test_values_a_theory_refuses_are_bad_arguments():
    from theorylab.verify.run import BadSetting

    def predict(rate, step, num_steps):
        if rate < 0:
            raise ValueError("`rate` must be > 0; got -1")
        return np.exp(-rate * step * np.arange(num_steps))

    with pytest.raises(BadSetting, match="`rate` must be > 0"):
        check(exact_claim(predict=predict), changes={"rate": -1.0})


def test_settings_outside_the_domain_are_refused_before_any_work():
    from theorylab.verify.run import BadSetting

    def domain(rate, **_):
        if rate > 5:
            raise ValueError("`rate` must be <= 5; got 9")

    claim = exact_claim(domain=domain, observe=pytest.fail)
    with pytest.raises(BadSetting, match="`rate` must be <= 5; got 9"):
        check(claim, changes={"rate": 9.0})


def test_claims_that_cannot_take_a_change_are_skipped_among_several():
    claims = {"decay": exact_claim(), "order": rate_claim()}
    statuses = {v.id: v for v in check_claims(claims, changes={"step": 0.02}, lenient=True)}
    assert statuses["decay"].holds
    assert "four values of `step`" in statuses["order"].reason


def test_whole_numbers_serve_for_floats():
    assert check(exact_claim(), changes={"rate": 1}).records[0].setting["rate"] == 1.0


def test_changes_that_spoil_a_rate_are_refused():
    with pytest.raises(ValueError, match="four values of `step` or more"):
        check(rate_claim(), changes={"step": 0.1})


def test_several_claims_skip_those_without_the_setting():
    claims = {"decay": exact_claim(), "drawn": drawn_claim()}
    statuses = {v.id: v.status for v in check_claims(claims, changes={"pace": 2.0}, lenient=True)}
    assert statuses == {"decay": "skipped", "drawn": "holds"}
    with pytest.raises(ValueError, match="no claim selected can be checked so"):
        check_claims(claims, changes={"speed": 2.0}, lenient=True)


def test_progress_reaches_its_end():
    seen = []
    claim = drawn_claim(replicates=9, tile=4, settings={"quick": [dict(pace=1.0), dict(pace=2.0)]})
    check(claim, progress=lambda claim_id: lambda done, total: seen.append((claim_id, done, total)))
    assert seen == [("toy.drawn", k, 6) for k in range(1, 7)]


def test_the_configuration_of_jax_is_left_alone():
    import jax

    check(exact_claim())
    assert jax.numpy.ones(1).dtype == "float32"


def test_claims_of_one_name_are_told_apart():
    assert [v.id for v in theorylab.check(exact_claim(), exact_claim())] == [
        "toy.decay",
        "toy.decay #2",
    ]
    for wrong in (3, None, ["toy.decay"]):
        with pytest.raises(TypeError, match="a claim, its id or a glob is needed; got"):
            theorylab.check(wrong)


def test_the_front_door_takes_a_claim_of_ones_own():
    verdict = theorylab.check(exact_claim(), rate=2.0)
    assert verdict.holds
    assert verdict.id == "toy.decay"
    assert verdict.records[0].setting["rate"] == 2.0
