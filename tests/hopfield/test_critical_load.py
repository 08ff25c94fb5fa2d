"""Lines of the phase diagram: digits, order, and the reentrance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from proofs.hopfield import critical_load as proof
from theorylab.hopfield import (
    critical_load,
    first_order_load,
    glass_temperature,
    mixture_overlap,
    order_parameters,
    replicon_load,
    spinodal,
)

TEMPERATURES = [0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
# The digit of T = 0.01 ends in 980 by 25-digit quadrature, not in 972.
SPINODAL = [0.137929792968, 0.138098990980, 0.137793957944, 0.135049189774, 0.122558860623,
            0.103329782579, 0.058815520548, 0.022321973422, 0.002568368048]  # fmt: skip
OVERLAP = [0.967394, 0.967166, 0.965667, 0.962555, 0.950861, 0.929212, 0.845940, 0.693273, 0.416448]
FIRST_ORDER = [0.051883750156, 0.052133584587, 0.052911409580, 0.053091550496, 0.050724876554,
               0.045030713299, 0.028076255181, 0.011481501370, 0.001409374071]  # fmt: skip

few = settings(max_examples=5)  # each example solves many states


def test_the_spinodal_to_its_digits():
    np.testing.assert_allclose(spinodal(TEMPERATURES).load, SPINODAL, rtol=0, atol=6e-13)
    np.testing.assert_allclose(spinodal(TEMPERATURES).overlap, OVERLAP, rtol=0, atol=6e-7)


def test_zero_temperature_to_its_digits():
    at = spinodal()
    assert at.load == pytest.approx(0.137905566494931738, abs=1e-16)
    assert at.overlap == pytest.approx(0.967417115685291592, abs=1e-15)
    assert first_order_load() == pytest.approx(0.0518543309189170567, abs=1e-17)
    energies = [
        order_parameters(first_order_load(), 0.0, branch=b).energy
        for b in ("retrieval", "spin_glass")
    ]
    assert energies[0] == pytest.approx(float(energies[1]), abs=1e-15)


def test_the_spinodal_is_smooth_down_to_zero_temperature():
    # The derivative of the slope's averages at widths of 1e8 and more: it was lost to rounding.
    T = np.array([1e-12, 1e-9, 1e-7, 1e-6, 1e-5])
    cold, warm = spinodal(), spinodal(T)
    assert np.all(np.abs(warm.load - cold.load - 0.02477 * T) < 1e-5 * T + 2e-16)
    assert np.all(np.abs(warm.overlap - cold.overlap + 0.02277 * T) < 1e-4 * T + 1e-15)


def test_the_first_order_line_to_its_digits():
    np.testing.assert_allclose(first_order_load(TEMPERATURES), FIRST_ORDER, rtol=0, atol=6e-13)


@pytest.mark.parametrize(
    ("temperature", "load"),
    [(5.41924e-6, 0.05), (3.15987e-4, 0.08), (1.450247e-3, 0.1), (4.987934e-3, 0.12),
     (9.472977e-3, 0.13), (1.4210055e-2, 0.135)],
)  # fmt: skip
def test_the_replicon_line(temperature, load):
    assert replicon_load(temperature) == pytest.approx(load, abs=2e-8)


def test_the_lines_are_reentrant():
    top = optimize.minimize_scalar(lambda T: -critical_load(T), (0.01, 0.02, 0.04), tol=1e-10)
    assert -top.fun == pytest.approx(0.1381885112, abs=1e-10)
    assert top.x == pytest.approx(0.0228735, abs=2e-6)
    top = optimize.minimize_scalar(lambda T: -first_order_load(T), (0.05, 0.08, 0.12), tol=1e-10)
    assert -top.fun == pytest.approx(0.0531320828, abs=1e-10)
    slope = (critical_load(1e-4) - critical_load(0.0)) / 1e-4
    assert slope == pytest.approx(0.0248, abs=5e-4)


def test_the_replicon_line_ends_on_the_spinodal():
    assert np.isfinite(replicon_load(0.02506))
    assert np.isnan(replicon_load(0.02508))
    assert replicon_load(0.025068) == pytest.approx(0.1381859150, abs=1e-7)


def test_the_spinodal_near_one_has_its_constant():
    expected = float(proof.constant_at_the_root)
    assert expected == pytest.approx(1.95408377757, abs=1e-11)
    t = np.array([1e-2, 1e-3])
    ratio = t / np.sqrt(critical_load(1 - t))
    assert np.all(np.abs(ratio / expected - 1) < t / 5)


@few
@given(st.floats(0.1, 0.99))
def test_lines_are_in_order(temperature):
    assert 0 < first_order_load(temperature) < critical_load(temperature)
    assert glass_temperature(critical_load(temperature)) > 1 > temperature


@few
@given(st.floats(0.1, 0.99), st.floats(0.01, 0.99))
def test_retrieval_is_the_ground_state_below_the_first_order_line(temperature, share):
    load = float(first_order_load(temperature))
    gap = lambda a: float(
        order_parameters(a, temperature).free_energy
        - order_parameters(a, temperature, branch="spin_glass").free_energy
    )
    assert gap(share * load) < 0
    assert gap(load + share * (float(critical_load(temperature)) - load)) > 0
    assert abs(gap(load)) < 1e-12


def test_there_is_no_retrieval_from_one_on():
    at = spinodal([1.0, 3.0])
    assert not at.load.any()
    assert not at.overlap.any()
    assert not first_order_load([1.0, 2.0]).any()
    assert mixture_overlap(1, 1.0) == 0


@pytest.mark.parametrize("line", [critical_load, first_order_load, replicon_load, spinodal])
def test_a_negative_temperature_is_refused(line):
    with pytest.raises(ValueError, match="`temperature` must be >= 0"):
        line(-0.1)


def test_a_negative_load_is_refused():
    with pytest.raises(ValueError, match="`load` must be >= 0"):
        glass_temperature(-0.1)
