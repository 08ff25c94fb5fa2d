"""The engine errs as rarely as its levels say: the calibration, with fewer claims."""

import pytest
from scipy.stats import binom

from benchmarks import calibration
from benchmarks.calibration import CASES, Case

SEED = 1


@pytest.mark.usefixtures("unchecked")  # of the thousands of claims half the time would be checks
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_engine_errs_within_its_limits(case):
    low, high = case.limits(case.few)
    assert low <= case(case.few, SEED) <= high


def test_limits_are_binomial_quantiles():
    limits = lambda at_most, at_least=None, runs=10_000: Case(
        "", lambda runs, rng: 0, at_most, at_least
    ).limits(runs)
    assert limits(0.05, 0.03125) == (250, 583)
    assert [limits(level)[1] for level in (0.01, 1e-3, 0.0)] == [139, 24, 0]
    assert limits(None, 0.9, 2000) == (1748, 2000)
    assert limits(None, 1.0, 1000) == (1000, 1000)


def test_an_engine_too_liberal_by_a_third_would_be_found_at_the_wide_level_only():
    assert binom.cdf(583, 10_000, 1.3 * 0.05) < 0.005
    assert binom.cdf(24, 10_000, 1.3e-3) > 0.99


def test_a_kernel_of_the_wrong_level_is_found(monkeypatch):
    kernel = CASES[0]
    right = calibration.quantile
    for factor, side in ((4.0, 1), (1e-3, -1)):
        monkeypatch.setattr(
            calibration, "quantile", lambda n, alpha, factor=factor: right(n, factor * alpha)
        )
        low, high = kernel.limits(1000)
        count = kernel(1000, SEED)
        assert count > high if side > 0 else count < low


def test_names_of_cases_differ():
    assert len({case.name for case in CASES}) == len(CASES)
