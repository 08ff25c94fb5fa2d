"""States at extensive load: the equations they solve, their limits, and published digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theorylab.hopfield import (
    _curve,
    _zero_temperature,
    critical_load,
    glass_temperature,
    mixture_overlap,
    order_parameters,
)
from theorylab.numerics.tanh_averages import tanh_averages

temperatures = st.floats(1e-4, 0.999)
shares = st.floats(1e-6, 1.0)  # of the critical load
BRANCHES = ("retrieval", "saddle", "spin_glass")

few = settings(max_examples=5)  # each example solves many states


def right_sides(state, load, temperature):
    beta = 1 / temperature
    at = tanh_averages(beta * state.overlap, beta * np.sqrt(load * state.crosstalk))
    return at.tanh, at.tanh2, state.edwards_anderson / (1 - state.susceptibility) ** 2


@pytest.mark.parametrize("branch", BRANCHES)
@few
@given(temperatures, shares)
@example(0.0228735, 1.0)  # the top of the line of spinodals
@example(0.999, 1.0)
@example(1e-4, 1.0)
@example(0.5, 1 - 1e-12)
def test_states_solve_their_equations(branch, temperature, share):
    load = share * float(critical_load(temperature))
    state = order_parameters(load, temperature, branch=branch, beyond="nan")
    if branch == "saddle" and share < 1e-4:  # its overlap vanishes as the root of the load
        return
    m, q, r = right_sides(state, load, temperature)
    np.testing.assert_allclose(m, state.overlap, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(q, state.edwards_anderson, rtol=1e-10)
    np.testing.assert_allclose(r, state.crosstalk, rtol=1e-10)
    assert 0 <= state.susceptibility < 1
    assert state.overlap**2 <= state.edwards_anderson * (1 + 1e-12)
    assert state.residual < 1e-11


@few
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_free_energy_is_stationary(temperature, share):
    load = share * float(critical_load(temperature))
    T, state = temperature, order_parameters(load, temperature)

    def free_energy(m, q, r):
        C = (1 - q) / T
        cosh = tanh_averages(m / T, np.sqrt(load * r) / T).log_cosh
        f = load / 2 + m**2 / 2 + load / 2 * (T * np.log1p(-C) - q / (1 - C))
        return f + load * r * C / 2 - T * cosh

    at = np.array([state.overlap, state.edwards_anderson, state.crosstalk])
    assert free_energy(*at) == pytest.approx(float(state.free_energy), abs=1e-13)
    for direction in np.eye(3):
        step = 1e-5 * direction
        slope = (free_energy(*(at + step)) - free_energy(*(at - step))) / 2e-5
        assert abs(slope) < 1e-6


@pytest.mark.parametrize("branch", ["retrieval", "spin_glass"])
@few
@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_the_energy_is_the_derivative_of_beta_f(branch, temperature, share):
    load, beta, step = share * float(critical_load(temperature)) * 0.9, 1 / temperature, 1e-4
    of = lambda b: b * order_parameters(load, 1 / b, branch=branch, beyond="nan").free_energy
    slope = (of(beta + step) - of(beta - step)) / (2 * step)
    expected = order_parameters(load, temperature, branch=branch).energy
    assert slope == pytest.approx(float(expected), abs=3e-6)


@few
@given(temperatures, st.floats(0.001, 0.999))
def test_retrieval_and_saddle_meet_at_the_spinodal_alone(temperature, share):
    limit = float(critical_load(temperature))
    overlap = lambda load, branch: float(order_parameters(load, temperature, branch=branch).overlap)
    assert overlap(share * limit, "retrieval") > overlap(share * limit, "saddle")
    near = [overlap(limit, branch) for branch in ("retrieval", "saddle")]
    assert near[0] == pytest.approx(near[1], rel=1e-5)


def test_the_overlap_leaves_the_spinodal_as_a_square_root():
    gaps = np.array([1e-4, 1e-6, 1e-8])
    load = float(critical_load(0.3))
    top = float(order_parameters(load, 0.3).overlap)
    rise = order_parameters(load * (1 - gaps), 0.3).overlap - top
    np.testing.assert_allclose(rise / np.sqrt(gaps), rise[-1] / 1e-4, rtol=0.02)


@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 0.1, 0.5, 0.9, 0.999])
def test_the_saddle_of_small_load_has_its_fourth_root(temperature):
    shares = np.array([1e-5, 1e-6, 1e-7, 1e-9, 1e-12, 1e-15, 1e-17, 1e-30, 1e-100])
    loads = shares * critical_load(temperature)
    state = order_parameters(loads, temperature, branch="saddle")
    assert np.all(state.overlap > 0)  # the spurious root, where Newton's iteration went
    ratio = state.overlap / loads**0.25
    # The next term is at most 0.2 of the root; at the least loads Newton's iteration has rounding.
    assert np.all(np.abs(ratio / ratio[-1] - 1) < 0.25 * np.sqrt(shares) + 2e-6)
    h, s = state.overlap / temperature, np.sqrt(loads * state.crosstalk) / temperature
    at = tanh_averages(h, s)
    np.testing.assert_allclose(at.tanh, state.overlap, rtol=1e-10, atol=1e-16)
    np.testing.assert_allclose(at.tanh2, state.edwards_anderson, rtol=1e-10)
    assert np.all(np.isfinite(state))
    assert np.all(state.residual < 1e-14)


def test_the_saddle_of_small_load_at_zero_temperature():
    loads = np.array([1e-8, 1e-20, 1e-100, 1e-300])
    cold = order_parameters(loads, 0.0, branch="saddle")
    # Eq. (1) of `_zero_temperature` at small y, where m = 2y/sqrt(pi) and C = 1.
    m = 2 / np.sqrt(np.pi) * np.sqrt(np.sqrt(loads * 9 * np.pi / 8))
    np.testing.assert_allclose(cold.overlap, m, rtol=2e-4)
    np.testing.assert_allclose(cold.overlap[1:], m[1:], rtol=1e-9)
    np.testing.assert_allclose(cold.crosstalk[1:] * loads[1:], 2 / np.pi, rtol=1e-9)


def test_the_residual_knows_the_equation_of_the_crosstalk(monkeypatch):
    right = _curve.states
    wrong = lambda T, load, **branch: right(T, 0.9 * load, **branch)
    monkeypatch.setattr(_curve, "states", wrong)
    assert order_parameters(0.05, 0.4).residual > 1e-4


@pytest.mark.parametrize("temperature", [0.05, 0.5, 0.95])
def test_no_load_is_the_pure_state(temperature):
    state = order_parameters([0.0, 1e-9], temperature)
    np.testing.assert_allclose(state.overlap, mixture_overlap(1, temperature), rtol=1e-6)
    np.testing.assert_allclose(state.replicon, 0, atol=1e-6)


@pytest.mark.parametrize("branch", BRANCHES)
def test_zero_temperature_is_the_limit(branch):
    cold = order_parameters(0.1, 0.0, branch=branch)
    for T in (1e-4, 1e-5):
        near = order_parameters(0.1, T, branch=branch)
        for name in ("overlap", "crosstalk", "susceptibility", "free_energy", "energy"):
            assert abs(getattr(near, name) - getattr(cold, name)) < 5 * T


@pytest.mark.parametrize(
    ("temperature", "load", "m", "q", "r", "f", "replicon", "glass_q", "glass_f"),
    [  # theory sheet of the AGS equations, 12 figures
        (0.2, 0.05, 0.998877763094, 0.997830410963, 1.01983666315, -0.500111164982,
         2.5547e-4, 0.841434762444, -0.498895745892),
        (0.5, 0.02, 0.945004025504, 0.894585161343, 1.43641588850, -0.512026536443,
         2.0765e-3, 0.565900242708, -0.497018178839),
        (0.1, 0.1, 0.996750843849, 0.996915837055, 1.06137534025, -0.500264751508,
         1.8248e-2, 0.927694914841, -0.567107409368),
        (0.3, 0.05, 0.991164995702, 0.982960950216, 1.10490709945, -0.501236169946,
         1.2054e-3, 0.760726635657, -0.509338415415),
        (0.4, 0.03, 0.976811298872, 0.954866799375, 1.21319898090, -0.504243291351,
         1.0589e-3, 0.664082851537, -0.491705964744),
    ],
)  # fmt: skip
def test_reference_states(temperature, load, m, q, r, f, replicon, glass_q, glass_f):
    state = order_parameters(load, temperature)
    glass = order_parameters(load, temperature, branch="spin_glass")
    digits = dict(rtol=0, atol=6e-12)
    np.testing.assert_allclose(state[:3], (m, q, r), **digits)
    np.testing.assert_allclose(state.free_energy, f, **digits)
    np.testing.assert_allclose(
        (glass.edwards_anderson, glass.free_energy), (glass_q, glass_f), **digits
    )
    assert state.replicon == pytest.approx(replicon, rel=1e-4)
    assert glass.replicon > 1


@pytest.mark.parametrize(
    ("load", "m", "r", "e", "glass_e"),
    [
        (0.05, 0.999992228149, 1.00032512815, -0.500000356383, -0.496722297800),
        (0.1, 0.997999266347, 1.04305883065, -0.500154209347, -0.570623138386),
        (0.13, 0.987211890799, 1.20951869487, -0.500912373835, -0.605991255771),
    ],
)
def test_reference_states_at_zero_temperature(load, m, r, e, glass_e):
    state = order_parameters(load, 0.0)
    np.testing.assert_allclose(state.overlap, m, rtol=0, atol=1e-12)
    np.testing.assert_allclose(state.crosstalk, r, rtol=0, atol=1e-11)
    np.testing.assert_allclose(state.energy, e, rtol=0, atol=1e-12)
    glass = order_parameters(load, 0.0, branch="spin_glass")
    np.testing.assert_allclose(glass.energy, glass_e, rtol=0, atol=1e-12)


@pytest.mark.parametrize("y", [1e-3, 0.0099, 0.0101, 0.5, 3.0])
def test_the_signal_of_zero_temperature_to_its_digits(y):
    with mpmath.workdps(40):
        Y = mpmath.mpf(y)
        bracket = mpmath.erf(Y) / Y - 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(Y**2))
        exact = float(bracket / mpmath.sqrt(2))
    np.testing.assert_allclose(_zero_temperature.signal(np.array(y)), exact, rtol=1e-11)


@few
@given(st.floats(0.001, 0.2), st.floats(1.001, 2.0))
def test_the_glass_melts_into_the_paramagnet(load, share):
    above = order_parameters(load, share * glass_temperature(load), branch="spin_glass")
    assert above.edwards_anderson == above.overlap == 0
    T = share * glass_temperature(load)
    assert above.replicon == pytest.approx(load / (T - 1) ** 2, rel=1e-12)
    paramagnet = -T * np.log(2) + load / 2 + load * T / 2 * np.log(1 - 1 / T)
    assert above.free_energy == pytest.approx(paramagnet, rel=1e-12)
    below = order_parameters(load, glass_temperature(load) / share, branch="spin_glass")
    assert 0 < below.edwards_anderson < 1
    assert below.replicon > 1


def test_a_grid_is_its_entries():
    T, load = np.meshgrid([0.0, 0.02, 0.3, 0.9, 1.2], [0.001, 0.05, 0.137, 0.2])
    grid = order_parameters(load, T, beyond="nan")
    assert np.isnan(grid.overlap[:, -1]).all()
    assert np.isnan(grid.overlap[-1]).all()
    for index in np.ndindex(T.shape):
        one = order_parameters(load[index], T[index], beyond="nan")
        np.testing.assert_allclose([x[index] for x in grid], one, rtol=1e-11, atol=1e-13)


def test_beyond_the_spinodal_is_an_error_that_names_it():
    with pytest.raises(
        ValueError, match=r"no retrieval solution: `load` exceeds alpha_M\(T\) = 0.13504918977"
    ):
        order_parameters(0.14, 0.1)
    with pytest.raises(ValueError, match="no saddle solution"):
        order_parameters([0.05, 0.2], 0.0, branch="saddle")
    with pytest.raises(ValueError, match="no retrieval solution: `temperature` must be < 1; got 1"):
        order_parameters([0.0, 0.01], 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(load=-0.05, temperature=0.1), "`load` must be >= 0; got -0.05"),
        (dict(load=0.05, temperature=-1.0), "`temperature` must be >= 0; got -1"),
        (dict(load=np.nan, temperature=0.1), "`load` must be finite and >= 0"),
        (dict(load=0.05, temperature=np.inf), "`temperature` must be finite and >= 0"),
        (dict(load=0.0, temperature=0.1, branch="saddle"), "`load` must be > 0"),
        (dict(load=0.1, temperature=0.1, branch="glass"), "`branch` must be"),
        (dict(load=0.1, temperature=0.1, beyond="zero"), "`beyond` must be"),
    ],
)
def test_bad_arguments_are_refused(unchecked, arguments, message):
    with pytest.raises(ValueError, match=message):
        order_parameters(**arguments)


def test_no_load_at_zero_temperature_is_perfect_retrieval():
    state = order_parameters(0.0, 0.0)  # without a warning: y is infinite there
    assert (state.overlap, state.crosstalk, state.energy) == (1.0, 1.0, -0.5)
