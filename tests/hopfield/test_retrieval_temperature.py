"""Lines of the phase diagram at given loads: digits, inversion, order, and ends."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs.hopfield import retrieval_temperature as proof
from theorylab.hopfield import (
    critical_load,
    first_order_load,
    first_order_temperature,
    glass_temperature,
    replicon_load,
    replicon_temperature,
    retrieval_temperature,
)

few = settings(max_examples=3)  # each example solves many states


def test_the_end_of_retrieval_to_its_digits():
    expected = [0.93781470312, 0.80101812154, 0.65041706711, 0.54225503792, 0.31543222368]
    loads = [0.001, 0.01, 0.03, 0.05, 0.1]
    np.testing.assert_allclose(retrieval_temperature(loads), expected, rtol=0, atol=6e-12)


def test_the_first_order_line_to_its_digits():
    # The sheet's last digit at 0.05, 1 for 2, is off: first_order_load(T) there is 0.05 to 1e-15.
    expected = [0.91609896827, 0.72162396739, 0.47879294446, 0.21638335002]
    loads = [0.001, 0.01, 0.03, 0.05]
    np.testing.assert_allclose(first_order_temperature(loads), expected, rtol=0, atol=6e-12)


def test_the_replicon_line_to_its_digits():
    expected = [5.41924e-6, 3.15987e-4, 1.450247e-3, 4.987934e-3, 9.472977e-3, 1.4210055e-2]
    found = replicon_temperature([0.05, 0.08, 0.1, 0.12, 0.13, 0.135])
    np.testing.assert_allclose(found, expected, rtol=9e-7)


@few
@given(st.floats(1e-4, 0.138))
def test_the_end_of_retrieval_is_the_spinodal(load):
    assert critical_load(retrieval_temperature(load)) == pytest.approx(load, rel=1e-10)


@few
@given(st.floats(1e-3, 0.0531))
def test_the_first_order_line_inverts_its_load(load):
    assert first_order_load(first_order_temperature(load)) == pytest.approx(load, rel=1e-10)


@few
@given(st.floats(0.02, 0.13818))
def test_the_replicon_line_inverts_its_load(load):
    assert replicon_load(replicon_temperature(load)) == pytest.approx(load, rel=1e-12)


@few
@given(st.floats(1e-3, 0.05))
def test_lines_are_in_order(load):
    T_R, T_c, T_M = (
        float(line(load))
        for line in (replicon_temperature, first_order_temperature, retrieval_temperature)
    )
    assert T_R < T_c < T_M < 1 < glass_temperature(load)


def test_the_larger_of_two_solutions():
    # At a load between that of T = 0 and the largest, the line is crossed twice.
    load, colder = 0.138, 0.003
    assert critical_load(0.0) < critical_load(colder) < load < critical_load(0.02)
    assert retrieval_temperature(load) > 0.0228735
    assert first_order_load(0.0) < 0.0525 < first_order_load(0.08)
    assert first_order_temperature(0.0525) > 0.085064


def test_the_replicon_line_turns_back_before_it_meets_the_spinodal():
    end = 0.025068371707376
    load = 0.13818595
    assert critical_load(end) < load < replicon_load(0.025006876)
    assert replicon_temperature(load) < 0.025006876 < end
    assert replicon_load(0.02506) > critical_load(end)


@pytest.mark.parametrize(
    ("line", "load", "temperature"),
    [
        (retrieval_temperature, 0.13818851116, 0.0228735),
        (first_order_temperature, 0.053132082815, 0.085064),
        (replicon_temperature, 0.13818598774, 0.0250069),
    ],
)
def test_lines_end_where_they_turn_back(line, load, temperature):
    assert line(load) == pytest.approx(temperature, abs=3e-5)
    found = line([0.01, load + 1e-9], beyond="nan")
    assert np.isfinite(found[0])
    assert np.isnan(found[1])
    with pytest.raises(ValueError, match=r"`load` must be <= .*, the largest of .*; got"):
        line([0.01, load + 1e-9])


def test_small_loads():
    root = sp.lambdify(proof.w, proof.gap, "mpmath")
    with mpmath.workdps(30):
        w = mpmath.findroot(root, (0.8, 0.95), solver="anderson")
        constant = float(1 / mpmath.sqrt(sp.lambdify(proof.w, proof.load, "mpmath")(w)))
    assert constant == pytest.approx(2.59587596122, abs=1e-11)
    loads = np.array([1e-12, 3e-12, 1e-10, 1e-8, 1e-6])
    cold = 1 - first_order_temperature(loads)
    assert np.all(np.abs(cold - constant * np.sqrt(loads)) < 2 * loads + 1e-15)
    cold = 1 - retrieval_temperature(loads)
    assert np.all(np.abs(cold - 1.95408377757 * np.sqrt(loads)) < loads + 1e-15)
    asymptote = lambda a: np.sqrt(8 * a / (9 * np.pi)) * np.exp(-1 / (2 * a))
    assert replicon_temperature(0.05) / asymptote(0.05) == pytest.approx(1.0036, abs=1e-4)
    assert replicon_temperature(0.01) / asymptote(0.01) == pytest.approx(1, abs=1e-10)


def test_the_replicon_line_has_no_step_where_its_solver_changes():
    low, high = replicon_temperature(np.array([0.03, 0.03 * (1 + 1e-12)]))
    # d log T / d load is 1 / 2 load^2, and a bit.
    assert high / low - 1 == pytest.approx(1e-12 * (1 / 0.06 + 0.5), abs=5e-13)


def test_no_load():
    assert retrieval_temperature(0.0) == first_order_temperature(0.0) == 1
    assert replicon_temperature(0.0) == replicon_temperature(1e-4) == 0
    assert retrieval_temperature(np.zeros((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    "line", [retrieval_temperature, first_order_temperature, replicon_temperature]
)
def test_bad_arguments_are_refused(line, unchecked):
    with pytest.raises(ValueError, match=r"`load` must be >= 0; got -0\.1"):
        line(-0.1)
    with pytest.raises(ValueError, match="`load` must be finite and >= 0 everywhere; got nan"):
        line([0.01, np.nan])
    with pytest.raises(ValueError, match="`beyond` must be 'raise' or 'nan'; got 'zero'"):
        line(0.1, beyond="zero")
