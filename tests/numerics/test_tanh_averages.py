"""Averages over a normal field: against mpmath, across the two rules, and derivatives."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theorylab.numerics.tanh_averages import tanh_averages

means = st.floats(-30, 30)
deviations = st.floats(0, 1e5)
INTEGRANDS = (
    mp.tanh,
    lambda u: mp.tanh(u) ** 2,
    lambda u: mp.sech(u) ** 2,
    lambda u: mp.sech(u) ** 4,
    lambda u: -2 * mp.tanh(u) * mp.sech(u) ** 2,
    lambda u: 4 * mp.sech(u) ** 2 - 6 * mp.sech(u) ** 4,
    lambda u: mp.log(2 * mp.cosh(u)),
)


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [(0.2, 0.3), (1.3, 1.599), (1.3, 1.601), (-2.0, 2.5), (5.0, 10.0), (0.0, 1.0), (40.0, 1.0)],
)
def test_averages_are_the_integrals(mean, deviation):
    edges = np.linspace(-13, 13, 53).tolist()
    with mp.workdps(25):
        exact = [
            float(mp.quad(lambda z, g=g: g(mean + deviation * z) * mp.npdf(z), edges))
            for g in INTEGRANDS
        ]
    np.testing.assert_allclose(tanh_averages(mean, deviation), exact, rtol=4e-15, atol=1e-15)


@pytest.mark.parametrize("deviation", [1e4, 1e8])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.5, 4.0])
def test_derivatives_of_sech2_keep_their_digits_where_the_field_is_wide(ratio, deviation):
    # Of a point of weight 2 at no field, and its second moment, pi^2/6: they cancel in sech^4.
    at = tanh_averages(ratio * deviation, deviation)
    density = np.exp(-(ratio**2) / 2) / (deviation * np.sqrt(2 * np.pi))
    bend, curvature = -2 * ratio * density / deviation, 2 * (ratio**2 - 1) * density / deviation**2
    np.testing.assert_allclose(
        (at.bend, at.curvature), (bend, curvature), rtol=20 / deviation**2 + 1e-13
    )


def test_the_two_rules_agree_where_they_meet(monkeypatch):
    mean, deviation = np.meshgrid(np.linspace(0, 8, 33), np.linspace(1.5, 1.7, 9))
    averages = []
    for wide in (1.0, 2.0):
        monkeypatch.setattr("theorylab.numerics.tanh_averages._WIDE", wide)
        averages.append(np.stack(tanh_averages(mean, deviation)))
    np.testing.assert_allclose(*averages, rtol=2e-13, atol=1e-15)


@given(means, deviations)
@example(0.0, 0.0)
@example(30.0, 0.01)
def test_identities_hold(mean, deviation):
    at = tanh_averages(mean, deviation)
    mirror = tanh_averages(-mean, deviation)
    np.testing.assert_allclose(at.tanh2 + at.sech2, 1, rtol=1e-14)
    assert at.tanh == pytest.approx(-mirror.tanh, abs=1e-15)
    assert at.log_cosh == pytest.approx(mirror.log_cosh, rel=1e-14)
    assert 0 <= at.sech4 <= at.sech2 <= 1 + 1e-14
    assert at.tanh**2 <= at.tanh2 + 1e-14


@settings(max_examples=20)
@given(st.floats(-5, 5), st.floats(0.1, 20))
def test_derivatives_are_averages(mean, deviation):
    step = 1e-4
    over = lambda name, dh, ds: (
        (
            getattr(tanh_averages(mean + dh, deviation + ds), name)
            - getattr(tanh_averages(mean - dh, deviation - ds), name)
        )
        / (2 * step)
    )
    at = tanh_averages(mean, deviation)
    close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7)
    close(over("log_cosh", step, 0), at.tanh)
    close(over("tanh", step, 0), at.sech2)
    close(over("sech2", step, 0), at.bend)
    close(over("bend", step, 0), at.curvature)
    np.testing.assert_allclose(4 * at.sech2 - 6 * at.sech4, at.curvature, atol=1e-14)
    close(over("log_cosh", 0, step), deviation * at.sech2)
    close(over("tanh", 0, step), deviation * at.bend)
