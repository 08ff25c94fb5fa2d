"""The criteria as pure functions: no simulation."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorylab.verify.criteria import Evidence, Exact, Rate

POWERS = st.floats(0.25, 4.0)


def evidence(values, predicted, tolerance, rivals=None, setting=None):
    values = np.asarray(values, float)
    full = lambda x: np.broadcast_to(np.asarray(x, float), (1, *values.shape[1:]))
    rivals = {k: r if np.ndim(r) == 0 else full(r) for k, r in (rivals or {}).items()}
    return Evidence(setting or {}, values, full(predicted), rivals, full(tolerance), {}, {})


def sweep(deviation, sizes, rivals=None, rounding=0.0):
    """One replicate at each size, off the prediction 0 by `deviation(size)`."""
    rivals = rivals or {}
    return [
        evidence([[deviation(n)]], [0.0], [rounding],
                 {k: [r(n)] if callable(r) else r for k, r in rivals.items()}, {"n": n})
        for n in sizes
    ]  # fmt: skip


SIZES = [32.0, 64.0, 128.0, 256.0, 512.0]


def test_exact_holds_within_tolerance_and_refutes_beyond_it():
    near = evidence([[1.0, 2.09]], [1.0, 2.0], [0.1, 0.1], {"far": [1.0, 3.0]})
    verdict = Exact(0.1).decide([near])
    assert verdict.holds
    np.testing.assert_allclose([verdict.resolution, verdict.relative_resolution], [0.09, 0.9])
    assert verdict.rivals["far"].status == "refuted"
    off = evidence([[1.0, 2.11]], [1.0, 2.0], [0.1, 0.1], {"far": [1.0, 3.0]})
    verdict = Exact(0.1).decide([off])
    assert verdict.refuted
    assert "axis 0 = 1, replicate 0" in verdict.worst_cell


def test_a_surviving_rival_makes_a_claim_inconclusive():
    verdict = Exact(0.1).decide(
        [evidence([[1.0]], [1.0], [0.1], {"near": [1.05], "distant": [2.0]})]
    )
    assert verdict.inconclusive
    assert "near" in verdict.reason
    assert "distant" not in verdict.reason
    assert verdict.rivals["near"].status == "open"


def test_a_rival_is_refuted_by_one_cell_of_one_setting():
    records = [
        evidence([[1.0, 1.0]], [1.0, 1.0], [0.1, 0.1], {"rival": [1.0, 1.0]}),
        evidence([[1.0, 1.0]], [1.0, 1.0], [0.1, 0.1], {"rival": [1.0, 1.2]}),
    ]
    assert Exact(0.1).decide(records).holds


def test_every_replicate_must_agree():
    assert Exact(0.1).decide([evidence([[1.0], [1.2]], [1.0], [0.1], {"far": [9.0]})]).refuted


def test_a_cell_of_tolerance_zero_agrees_to_the_bit():
    assert Exact(0.0).decide([evidence([[1.0]], [1.0], [0.0], {"far": [2.0]})]).holds
    assert Exact(0.0).decide([evidence([[1.0 + 1e-15]], [1.0], [0.0], {"far": [2.0]})]).refuted


def test_infinities_agree_with_themselves_and_nan_with_nothing():
    same = evidence([[np.inf, 1.0]], [np.inf, 1.0], [0.1, 0.1], {"far": [np.inf, 2.0]})
    assert Exact(0.1).decide([same]).holds
    for wrong in (np.nan, -np.inf, 1.0):
        off = evidence([[wrong, 1.0]], [np.inf, 1.0], [0.1, 0.1], {"far": [np.inf, 2.0]})
        assert Exact(0.1).decide([off]).refuted


def test_a_rival_with_nan_in_a_cell_has_no_say_there():
    survivor = evidence([[1.0, 1.0]], [1.0, 1.0], [0.1, 0.1], {"rival": [np.nan, 1.0]})
    assert Exact(0.1).decide([survivor]).inconclusive


@given(st.floats(-5, 5), st.floats(0.1, 10), st.lists(st.floats(-3, 3), min_size=2, max_size=6))
def test_exact_does_not_depend_on_units(shift, scale, values):
    values = np.array([values])
    plain = evidence(values, 0 * values[0], 0 * values[0] + 1.0, {"r": values[0] + 2})
    moved = evidence(
        scale * values + shift,
        0 * values[0] + shift,
        0 * values[0] + scale,
        {"r": scale * (values[0] + 2) + shift},
    )
    one, other = Exact(1.0).decide([plain]), Exact(1.0).decide([moved])
    if abs(one.relative_resolution - 1) > 1e-9:
        assert one.status == other.status
    np.testing.assert_allclose(one.relative_resolution, other.relative_resolution, atol=1e-9)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6).filter(lambda x: max(map(abs, x)) > 1e-3))
def test_the_resolution_is_the_smallest_tolerance_that_holds(values):
    values = np.array([values])
    width = Exact(9.0).decide([evidence(values, 0 * values[0], 9 + 0 * values[0])]).resolution
    at = lambda tolerance: evidence(values, 0 * values[0], tolerance + 0 * values[0])
    assert Exact(width).decide([at(width)]).holds
    assert Exact(width).decide([at(0.999 * width)]).refuted


def test_a_tolerance_far_above_the_error_is_told():
    verdict = Exact(1.0).decide([evidence([[1.0 + 1e-9]], [1.0], [1.0], {"far": [3.0]})])
    assert "tolerance far above the error" in verdict.reason


def test_a_tolerance_of_none_is_not_far_above_the_error():
    verdict = Exact(0.0).decide([evidence([[1.0]], [1.0], [0.0], {"far": [3.0]})])
    assert verdict.holds
    assert "tolerance" not in verdict.reason


def test_rivals_within_the_tolerance_are_found_before_simulating():
    theory = evidence([[0.0]], [1.0], [0.1], {"inside": [1.05], "outside": [1.2]})
    assert Exact(0.1).powerless(theory.rivals, [theory]) == ["inside"]
    assert Exact(0.1).powerless(theory.rivals, []) == []
    assert Rate("n", -1.0, band=0.05).powerless({"near": -1.09, "far": -1.2}, []) == ["near"]


@given(POWERS, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_an_exact_power_law_gives_its_exponent(power, factor, unit):
    rate = Rate("n", -power, band=0.01)
    verdict = rate.decide(sweep(lambda n: factor * n**-power, [unit * n for n in SIZES],
                                {"other": -power - 1}))  # fmt: skip
    assert verdict.holds, verdict
    assert verdict.resolution < 1e-10


def test_a_positive_exponent_is_judged_at_the_small_end():
    bend = lambda n: n * (1 + n)  # first order below 1, second above
    steps = [0.02 / 2**k for k in range(6)]
    assert Rate("n", 1.0, band=0.05).decide(sweep(bend, steps, {"second": 2.0})).holds
    assert not Rate("n", 2.0, band=0.05).decide(sweep(bend, steps, {"first": 1.0})).holds


def test_a_wrong_exponent_is_refuted():
    verdict = Rate("n", -1.0, band=0.05).decide(sweep(lambda n: n**-0.5, SIZES, {"flat": 0.0}))
    assert verdict.refuted
    assert "exponent -0.5000" in verdict.reason


def test_a_rival_law_is_refuted_by_the_order_of_its_own_deviation():
    rivals = {"off by 1": lambda n: -1.0, "of the same order": lambda n: 0.1 / n}
    verdict = Rate("n", -1.0, band=0.05).decide(sweep(lambda n: 1 / n, SIZES, rivals))
    assert verdict.rivals["off by 1"].status == "refuted"
    assert verdict.rivals["of the same order"].status == "open"
    assert verdict.inconclusive


def test_a_rival_exponent_is_told_of_the_replicate_that_is_farthest_from_it():
    group = [
        evidence([[1 / n], [n**-1.04]], [0.0], [0.0], {"steep": -1.2}, {"n": n}) for n in SIZES
    ]
    verdict = Rate("n", -1.0, band=0.05).decide(group)
    assert "replicate 1" in verdict.worst_cell
    assert verdict.rivals["steep"].where == "replicate 0: exponent -1.0000"


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_the_interval_covers_the_exponent_of_a_law_with_corrections(a, b):
    rate = Rate("n", -1.0, band=0.05, correction=2.0)
    law = lambda n: (1 + a / n**2 + b / n**4) / n
    (group,) = rate.groups(sweep(law, SIZES))
    slope, half = rate.local_exponent(group)
    assert abs(slope[0] + 1) <= half[0] + 1e-12


def test_the_instance_that_refutes_is_named():
    wide = lambda n: (1 + 0.9 * np.sin(n)) / n  # no clean exponent: an interval of 10 or so
    steep = lambda n: n**-3.0
    columns = [[wide(n), steep(n)] for n in SIZES]
    records = [
        evidence(np.reshape(x, (2, 1)), [0.0], [0.0], {"flat": 0.0})._replace(setting={"n": n})
        for n, x in zip(SIZES, columns, strict=True)
    ]
    verdict = Rate("n", -1.0, band=0.05).decide(records)
    assert verdict.refuted
    assert verdict.reason.startswith("replicate 1: exponent -3.0")


def test_rounding_widens_the_interval():
    sharp = Rate("n", -1.0, band=0.05).decide(sweep(lambda n: 1 / n, SIZES, {"flat": 0.0}))
    blunt = Rate("n", -1.0, band=0.05).decide(
        sweep(lambda n: 1 / n, SIZES, {"flat": 0.0}, rounding=1e-4)
    )
    assert sharp.holds
    assert blunt.inconclusive  # 2e-4 * 512 / ln 2 = 0.15
    np.testing.assert_allclose(blunt.resolution, 2e-4 * 512 / np.log(2))


@pytest.mark.parametrize("order", [1, -1])
def test_every_group_must_show_the_rate(order):
    good = [e._replace(setting={**e.setting, "m": 1}) for e in sweep(lambda n: 1 / n, SIZES)]
    dead = [e._replace(setting={**e.setting, "m": 2}) for e in sweep(lambda n: 0.0, SIZES)]
    lost = [e._replace(setting={**e.setting, "m": 2}) for e in sweep(lambda n: np.nan, SIZES)]
    rate = Rate("n", -1.0, band=0.05)
    assert rate.decide((good + dead)[::order]).inconclusive
    assert rate.decide((good + lost)[::order]).refuted


@pytest.mark.parametrize(
    "bad", [dict(exponent=0.0), dict(exponent=np.nan), dict(band=0.0), dict(correction=-1.0)]
)
def test_a_rate_out_of_bounds_is_refused(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Rate(**({"over": "n", "exponent": -1.0, "band": 0.05} | bad))


def test_a_vanished_deviation_decides_nothing():
    assert (
        Rate("n", -1.0, band=0.05).decide(sweep(lambda n: 0.0, SIZES, {"flat": 0.0})).inconclusive
    )


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([1.0, 2.0, 4.0], "four values of `n` or more"),
        ([1.0, 1.5, 2.25, 3.375], "over a factor of 8"),
        ([1.0, 2.0, 4.0, 9.0], "constant ratio"),
        ([0.0, 1.0, 2.0, 4.0], "must be finite and > 0"),
    ],
)
def test_sizes_that_show_no_rate_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Rate("n", -1.0, band=0.05).validate([{"n": n} for n in sizes])


def test_a_rate_needs_its_variable():
    with pytest.raises(ValueError, match="every setting must have `n`"):
        Rate("n", -1.0, band=0.05).validate([{"m": 1.0}])


def test_verdicts_are_immutable():
    verdict = Exact(0.1).decide([evidence([[1.0]], [1.0], [0.1], {"far": [2.0]})])
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.status = "refuted"
