"""The criterion of limits: extrapolation on synthetic sizes of known truth."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import theorylab
from tests.toys import SOURCE
from theorylab.verify import Claim, Limit
from theorylab.verify.criteria import Evidence


def sweep(law, sizes, predicted=1.0, tolerance=0.02, rivals=None, replicates=1024, noise=0.05):
    rng = np.random.default_rng(0)
    row = lambda x: np.full((1, 2), float(x))
    return [
        Evidence(
            {"n": n, "m": 3},
            law(n) + noise * rng.normal(size=(replicates, 2)),
            row(predicted),
            {name: row(r) for name, r in (rivals or {}).items()},
            row(tolerance),
            {},
            {},
        )
        for n in sizes
    ]


@pytest.mark.parametrize("sizes", [(50, 100), (50, 100, 200), (200, 50)])
def test_a_correction_of_known_order_drops_out(sizes):
    law = lambda n: 1 + 10 / n
    verdict = Limit("n", 1.0, 0.02).decide(sweep(law, sizes, rivals={"off": 1.06}))
    assert verdict.holds, verdict
    assert verdict.resolution <= 0.02
    assert len(verdict.records) == len(sizes)
    assert all(len(record.values) == verdict.replicates for record in verdict.records)


def test_step_sizes_have_negative_orders():
    law = lambda h: 1 + 0.5 * h**2
    records = sweep(law, (0.4, 0.2), rivals={"off": 1.06})
    assert Limit("n", -2.0, 0.02).decide(records).holds
    assert not Limit("n", -1.0, 0.02).decide(records).holds


def test_another_order_leaves_a_bias():
    records = sweep(lambda n: 1 + 10 / n**0.5, (50, 100), rivals={"off": 9.0}, noise=0.02)
    assert Limit("n", 1.0, 0.02).decide(records).refuted
    assert Limit("n", 0.5, 0.02).decide(records).holds


def test_a_wrong_limit_is_refuted():
    records = sweep(lambda n: 1.1 + 10 / n, (50, 100))
    verdict = Limit("n", 1.0, 0.02).decide(records)
    assert verdict.refuted
    assert "m 3" in verdict.reason
    assert " n " not in verdict.reason


@given(st.lists(st.floats(10, 1000), min_size=2, max_size=5, unique=True), st.floats(0.3, 3))
def test_the_weights_cancel_the_correction_and_keep_the_limit(sizes, order):
    sizes = sorted(sizes)
    if min(b / a for a, b in itertools.pairwise(sizes)) < 1.05:
        return
    weights = Limit("n", order, 0.1).weights(sweep(lambda n: 0.0, sizes, replicates=1))
    np.testing.assert_allclose(weights.sum(), 1, atol=1e-7)
    np.testing.assert_allclose(weights @ np.array(sizes) ** -order, 0, atol=1e-7)


def test_rivals_within_the_tolerance_of_the_limit_have_no_power():
    theories = sweep(lambda n: 0.0, (50, 100), rivals={"near": 1.01, "far": 1.2}, replicates=1)
    assert Limit("n", 1.0, 0.02).powerless({"near": None, "far": None}, theories) == ["near"]


def mean_of_squares(key, *, count):
    """The biased variance, `1 - 1/count` on average."""
    return jax.random.normal(key, (count,)).var()


def test_the_runner_extrapolates():
    claim = Claim(
        statement="The biased variance tends to that of the law.",
        source=SOURCE,
        predict=lambda count: 1.0,
        observe=mean_of_squares,
        criterion=Limit("count", 1.0, 0.05),
        rivals={"9/10": lambda count: 0.9},
        settings={"quick": [dict(count=16), dict(count=32)]},
        replicates=8192,
        tile=256,
        name="toy.variance",
    )
    verdict = theorylab.check(claim)
    assert verdict.holds, verdict
    assert verdict.extra["weights"] == [pytest.approx([-1.0, 2.0])]
    judged = theorylab.judge(claim, [r.values for r in verdict.records], count=[16, 32])
    assert (judged.status, judged.resolution) == (verdict.status, verdict.resolution)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([{"n": 1.0}], "two values of `n` or more"),
        ([{"n": 0.0}, {"n": 1.0}], "finite and > 0"),
        ([{"m": 1.0}], "every setting must have `n`"),
        ([{"n": 1.0, "m": 2}, {"n": 2.0, "m": 4}], "`m` differs too, so that each value of it is"),
    ],
)
def test_sizes_that_have_no_limit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Limit("n", 1.0, 0.1).validate(settings)


def test_bad_limits_are_refused():
    with pytest.raises(ValueError, match="`order` must be finite and not 0"):
        Limit("n", 0.0, 0.1)
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1"):
        Limit("n", 1.0, 0.1, alpha=2.0)
