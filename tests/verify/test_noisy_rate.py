"""Exponents from noisy sizes: slopes, their errors, and the verdicts on synthetic laws."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theorylab
from tests.toys import SOURCE
from theorylab.verify import Claim, Rate
from theorylab.verify.criteria import Evidence
from theorylab.verify.slopes import slope

SIZES = np.array([32.0, 64, 128, 256, 512])
seeds = st.integers(0, 10_000)
few = settings(max_examples=15)


def draws(seed, replicates=64, law=lambda n: n**-0.5, noise="normal"):
    """Replicates with `law(N)` as root mean square."""
    rng = np.random.default_rng(seed)
    shape = (replicates, len(SIZES))
    x = rng.normal(size=shape) if noise == "normal" else rng.exponential(size=shape) / np.sqrt(2)
    return x * law(SIZES)


def decide(x, rivals=None, exponent=-0.5, band=0.1, budget=None, **options):
    records = [
        Evidence(
            {"n": float(n)},
            x[:, j],
            np.zeros(1),
            {name: r if callable(r) is False else r(n) for name, r in (rivals or {}).items()},
            np.zeros(1),
            {},
            {},
        )
        for j, n in enumerate(SIZES)
    ]
    return Rate("n", exponent, band=band, **({"of": "rms"} | options)).decide(records, budget)


@given(st.floats(-3, 3).filter(lambda k: abs(k) > 0.01), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_exact_powers_give_their_exponent(power, size, unit):
    row = unit * (size * SIZES) ** power
    x = np.stack([row, 1.1 * row] * 8)
    for of in ("mean", "rms"):
        found = slope(x, size * SIZES, of=of)
        np.testing.assert_allclose(found.exponent.value, power, atol=1e-10)
        np.testing.assert_allclose(found.curvature.value, 0.0, atol=1e-10)


@few
@given(seeds, st.floats(0.01, 100), st.floats(0.01, 100))
def test_units_of_sizes_and_deviations_change_nothing(seed, size, unit):
    x = draws(seed)
    plain, moved = slope(x, SIZES, of="rms"), slope(unit * x, size * SIZES, of="rms")
    np.testing.assert_allclose(moved.exponent, plain.exponent, rtol=1e-9)
    np.testing.assert_allclose(moved.curvature, plain.curvature, rtol=1e-6, atol=1e-12)


def test_the_jackknife_agrees_with_the_delta_method():
    errors = []
    for replicates in (64, 256, 1024):
        x = draws(0, replicates)
        square = x**2
        delta = square.std(axis=0, ddof=1) / square.mean(axis=0) / 2 / np.sqrt(replicates)
        errors.append(np.abs(slope(x, SIZES, of="rms").errors / delta - 1).max())
    assert errors[0] < 0.2
    assert errors[2] < errors[0] / 4


def test_the_correction_is_fitted_where_its_order_is_known():
    bent = lambda n: (1 + 4 * n**-0.5) / n
    x = np.stack([bent(SIZES), 1.01 * bent(SIZES)] * 8)
    plain = slope(x, SIZES, of="mean").exponent.value
    fitted = slope(x, SIZES, of="mean", correction=-0.5).exponent.value
    np.testing.assert_allclose(plain, -1.133, atol=2e-3)  # the reference values
    np.testing.assert_allclose(fitted, -1.036, atol=2e-3)


def test_intervals_of_paired_sizes_heed_what_the_sizes_share():
    """A trend of each replicate along the sizes: independent errors would be too small."""
    rng = np.random.default_rng(0)
    trend = rng.normal(size=(64, 1)) * np.linspace(-1, 1, 5)
    x = np.exp(0.3 * trend + 0.02 * rng.normal(size=(64, 5))) / SIZES
    paired, apart = (slope(x, SIZES, of="mean", paired=p).exponent for p in (True, False))
    assert paired.error > 1.3 * apart.error
    assert paired.freedom == 63


@pytest.mark.parametrize("noise", ["normal", "exponential"])
def test_true_exponents_hold_and_rivals_go(noise):
    verdict = decide(draws(1, 1024, noise=noise), {"1/N": -1.0, "N^-1/3": -1 / 3}, band=0.08)
    assert verdict.holds, verdict
    assert verdict.resolution <= 0.08
    assert verdict.replicates in (64, 128, 256, 512, 1024)
    assert len(verdict.extra["local_slopes"][0]) == 4


def test_wrong_exponents_are_refuted():
    verdict = decide(draws(1, 1024), {"flat": 0.2}, exponent=-1.0)
    assert verdict.refuted, verdict
    assert verdict.p_value < 1e-3


def test_a_rival_law_goes_with_the_power_of_its_own_deviation():
    x = 1 / SIZES + 0.1 / SIZES * np.random.default_rng(0).normal(size=(256, 5))
    verdict = decide(x, {"off": lambda n: np.full(1, 0.05)}, exponent=-1.0, band=0.05, of="mean")
    assert verdict.holds, verdict
    near = decide(x, {"twin": lambda n: np.zeros(1)}, exponent=-1.0, band=0.05, of="mean")
    assert near.inconclusive
    assert near.rivals["twin"].status == "open"


def test_noise_alone_shows_no_exponent():
    """Means of nothing go as N^-1/2 by their scatter; the gate refuses them."""
    verdict = decide(draws(3, 256), of="mean", exponent=-0.5, band=0.5)
    assert verdict.inconclusive
    assert "of its standard errors, below 4" in verdict.reason


def test_curvature_leaves_the_verdict_open():
    verdict = decide(draws(4, 4096, law=lambda n: n**-0.5 + 0.1), exponent=-0.2, band=0.05)
    assert verdict.inconclusive
    assert "curved" in verdict.reason


def test_replicates_double_until_all_is_decided():
    x = draws(5, 1024)
    verdict = decide(x[:64], {"far": -2.0}, band=0.05, budget=1024)
    assert verdict.wanted == 128
    assert 512 < verdict.forecast < 8192
    assert decide(x[:64], {"far": -2.0}, band=0.05, budget=100).wanted == 0
    whole, part = (decide(x[:n], {"far": -2.0}, band=0.2) for n in (1024, 128))
    assert whole.holds
    assert (whole.status, whole.replicates, whole.resolution) == (
        part.status,
        part.replicates,
        part.resolution,
    )


def test_every_cell_must_show_the_exponent():
    good, bad = draws(6, 512), draws(7, 512, law=lambda n: n**-0.8)
    both = np.stack([good, bad], axis=2)
    assert decide(good, band=0.1).holds
    verdict = decide(both, band=0.1)
    assert verdict.refuted
    assert "axis 0 = 1" in decide(both, band=0.25).worst_cell


@pytest.mark.parametrize(
    ("x", "sizes", "message"),
    [
        (np.ones((15, 5)), SIZES, "16 replicates of 4 sizes"),
        (np.ones((16, 3)), SIZES[:3], "16 replicates of 4 sizes"),
        (np.ones((16, 5)), SIZES[[0, 1, 1, 2, 3]], "strictly monotone"),
        (np.ones((16, 5)), SIZES - 32, "must be > 0"),
    ],
)
def test_bad_sizes_are_refused(x, sizes, message):
    with pytest.raises(ValueError, match=message):
        slope(x, sizes, of="mean")


def test_a_size_without_deviation_gives_no_exponent():
    x = draws(0)
    x[:, 2] = 0
    assert "no deviation at size 128" in slope(x, SIZES, of="rms").trouble
    x[0, 2] = 1
    assert "that of one replicate at size 128" in slope(x, SIZES, of="rms").trouble
    assert "that of one replicate" in decide(x).reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_deviations_that_are_not_finite_are_refused(bad):
    x = draws(0)
    x[3, 2] = bad
    with pytest.raises(ValueError, match=r"replicate 3.* must be finite"):
        decide(x)


def test_a_refutation_names_the_curve_that_is_wrong():
    noise = np.random.default_rng(0).normal(size=(256, 5))
    x = np.stack([SIZES**-0.3 * (1 + 0.1 * noise), noise], axis=-1)  # the second has no mean
    verdict = decide(x, exponent=-1.0, of="mean")
    assert verdict.refuted
    assert "axis 0 = 0: exponent -0.2994" in verdict.reason


def test_a_rival_left_open_has_no_forecast():
    verdict = decide(draws(0, 512), rivals={"unknown": np.nan})
    assert verdict.inconclusive
    assert "'unknown'" in verdict.reason
    assert np.isnan(verdict.forecast)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dict(of="median"), "`of` must be 'instance', 'mean' or 'rms'"),
        (dict(alpha=0.0), "`alpha` must be between 0 and 1"),
        (dict(correction=0.0), "`correction` must be > 0"),
    ],
)
def test_bad_rates_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        Rate("n", -1.0, band=0.1, **bad)


def mean_of_signs(key, *, count):
    return jax.random.rademacher(key, (count,), float).mean()


def test_the_runner_decides_a_noisy_rate():
    claim = Claim(
        statement="Means of signs scatter as one over the root of their number.",
        source=SOURCE,
        predict=lambda count: 0.0,
        observe=mean_of_signs,
        criterion=Rate("count", -0.5, band=0.1, of="rms"),
        rivals={"1/N": -1.0, "N^-1/4": -0.25},
        settings={"quick": [dict(count=n) for n in (16, 32, 64, 128)]},
        replicates=1024,
        tile=64,
        name="toy.signs",
    )
    verdict = theorylab.check(claim)
    assert verdict.holds, verdict
    values = [record.values for record in verdict.records]
    assert not np.array_equal(np.sign(values[0]), np.sign(values[1]))  # keys of their own
    verdict.plot()


def test_fewer_replicates_than_a_look_decide_nothing():
    verdict = decide(draws(0, 40), band=0.4, budget=4096)
    assert verdict.inconclusive
    assert "40 replicates of each size are too few for a look at 64" in verdict.reason
