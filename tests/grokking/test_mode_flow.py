"""The flow of a mode against an integrator, its symmetries, limits and derivatives."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tests.strategies import decades, fractions, scales
from theorylab.grokking.escape_time import escape_time
from theorylab.grokking.mode_flow import mode_flow
from theorylab.grokking.mode_invariants import mode_invariants, mode_velocity

strengths = decades(0.1, 10)
angles = st.floats(-np.pi, np.pi)


def integrated(t, p, alpha, beta, phi, psi, decay=0.0):
    start = np.array([alpha * np.exp(1j * phi), beta * np.exp(1j * psi)])
    drift = lambda _, y: np.array(mode_velocity(p, *y, weight_decay=decay))
    run = solve_ivp(
        drift, (0, t), start, method="DOP853", rtol=1e-12, atol=1e-14 * max(alpha, beta, 1e-9)
    )
    return run.y[:, -1]


def agree(found, exact, rtol):
    found = np.array(found)
    np.testing.assert_allclose(found, exact, rtol=0, atol=rtol * np.abs(exact).max())


@given(strengths, strengths, angles, angles, st.floats(0.01, 0.95))
@example(1.0, 1.0, 0.0, 3.1415, 0.9)  # passes near alpha = 0
@example(2.0, 1.0, 0.0, 3.1415, 0.6)  # passes near beta = 0
@example(1.0, 2.0, 0.0, 0.0, 0.5)
def test_agrees_with_an_integrator(alpha, beta, phi, psi, share):
    t = share * min(escape_time(23, alpha, beta, 2 * phi - psi), 1e3 / max(alpha, beta))
    found = np.array(mode_flow(t, 23, alpha, beta, phi, psi))
    exact = integrated(t, 23, alpha, beta, phi, psi)
    # The integrator's errors, 1e-12 a step for some hundred steps, grow as those of a start do.
    moved = np.array(mode_flow(t, 23, alpha * (1 + 1e-8), beta, phi + 1e-8, psi))
    grown = np.abs(moved - found).max() / 1e-8 + np.abs(exact).max()
    assert np.abs(found - exact).max() < 1e-10 * grown


@given(decades(1e-4, 1e4), angles, angles)
def test_starts_where_it_starts(ratio, phi, psi):
    start = np.array([ratio * np.exp(1j * phi), np.exp(1j * psi)])
    found = np.array(mode_flow(0.0, 23, ratio, 1.0, phi, psi))
    # Time is good to some roundings of T: as of an error of it, 100 roundings long.
    T = escape_time(23, ratio, 1.0, 2 * phi - psi)
    speed = np.abs(mode_velocity(23, *start))
    bound = 100 * np.finfo(float).eps * (np.abs(start).max() + speed.max() * min(T, 1e15))
    assert np.abs(found - start).max() < bound


@given(strengths, strengths, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), fractions)
def test_conserves_and_composes(alpha, beta, phi, psi, share):
    D = 2 * phi - psi
    T = escape_time(23, alpha, beta, D)
    t = 0.9 * share * T
    a, b = mode_flow(t, 23, alpha, beta, phi, psi)
    size = max(abs(a), abs(b), alpha, beta)
    before = mode_invariants(alpha, beta, D)
    after = mode_invariants(abs(a), abs(b), 2 * np.angle(a) - np.angle(b))
    assert abs(after.balance - before.balance) < 1e-12 * size**2
    assert abs(after.flux - before.flux) < 1e-12 * size**3
    rest = 0.5 * (0.95 * T - t)
    again = mode_flow(rest, 23, abs(a), abs(b), np.angle(a), np.angle(b))
    agree(again, np.array(mode_flow(t + rest, 23, alpha, beta, phi, psi)), 1e-10)


@given(strengths, strengths, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), angles, scales)
def test_symmetries(alpha, beta, phi, psi, turn, scale):
    t = 0.8 * escape_time(23, alpha, beta, 2 * phi - psi)
    once = np.array(mode_flow(t, 23, alpha, beta, phi, psi))
    turned = mode_flow(t, 23, alpha, beta, phi + turn, psi + 2 * turn)
    agree(turned, once * np.exp(1j * turn * np.array([1, 2])), 1e-11)
    agree(mode_flow(t / scale, 23, scale * alpha, scale * beta, phi, psi), scale * once, 1e-11)
    agree(mode_flow(t, 23, alpha, beta, -phi, -psi), once.conj(), 1e-12)


def test_escape_is_where_it_is_said_to_be():
    T = escape_time(23, 1.0, 1.0, 1.0)
    left = 1e-4 * T
    a, b = mode_flow(T - left, 23, 1.0, 1.0, 0.5, 0.0)
    # a ~ p / (sqrt(2) (T - t)), b ~ p / (2 (T - t)), aligned.
    assert abs(b) == pytest.approx(23 / (2 * left), rel=1e-6)
    assert abs(a) == pytest.approx(23 / (2**0.5 * left), rel=1e-6)
    assert np.angle(a**2 * b.conjugate()) == pytest.approx(0, abs=1e-9)
    for t in (T, 2 * T):
        assert np.isnan(mode_flow(t, 23, 1.0, 1.0, 0.5, 0.0)).all()


@pytest.mark.parametrize(
    ("alpha", "beta", "psi"),
    [(1.0, 1.0, np.pi), (1.0, 2.0, -np.pi), (1.0, 0.0, 1.0), (1.0, 0.0, np.pi), (2.0, 1.0, np.pi),
     (1.0, 0.5**0.5, np.pi), (0.0, 1.0, 0.3), (0.0, 0.0, 0.3)],
)  # fmt: skip
def test_degenerate_starts(alpha, beta, psi):
    exact = integrated(8.0, 23, alpha, beta, 0.0, psi)
    np.testing.assert_allclose(
        np.array(mode_flow(8.0, 23, alpha, beta, 0.0, psi)), exact, atol=1e-10
    )
    if escape_time(23, alpha, beta, psi) == np.inf:
        a, b = mode_flow(1e6, 23, alpha, beta, 0.0, psi)
        assert abs(a) < 1e-4
        assert abs(b) == pytest.approx(max(beta**2 - alpha**2 / 2, 0) ** 0.5, abs=1e-4)


def test_weight_decay():
    T = escape_time(23, 1.0, 0.8, 2.0)
    for share, t in ((0.9, 2 * T), (1.2, 3 * T), (1e-12, 0.9 * T)):
        decay = share / T
        found = mode_flow(t, 23, 1.0, 0.8, 1.0, 0.0, weight_decay=decay)
        agree(found, integrated(t, 23, 1.0, 0.8, 1.0, 0.0, decay), 3e-9)
    end = escape_time(23, 1.0, 0.8, 2.0, weight_decay=0.9 / T)
    assert np.isnan(mode_flow(1.001 * end, 23, 1.0, 0.8, 1.0, 0.0, weight_decay=0.9 / T)).all()


def test_many_at_once_and_derivatives(double):
    at = np.array([(1, 1, 0.0, 0.0), (1, 1, 0.3, 0.1), (1, 0.5, 0.2, 1.9), (0.3, 1, 1.0, 5.0)])
    parts = lambda x: jnp.stack(
        [f(z) for z in mode_flow(5.0, 23, *x) for f in (jnp.real, jnp.imag)]
    )
    slopes = jax.jit(jax.vmap(jax.jacfwd(parts)))(jnp.asarray(at))
    step = 1e-4 * np.eye(4)
    flow = lambda x: np.array(mode_flow(np.full(x.shape[:-1], 5.0), 23, *np.moveaxis(x, -1, 0)))
    central = (flow(at[:, None] + step) - flow(at[:, None] - step)) / 2e-4
    central = np.moveaxis(np.stack([central.real, central.imag], 1).reshape(4, 4, 4), 0, 1)
    np.testing.assert_allclose(slopes, central, rtol=1e-5, atol=1e-6)
    assert mode_flow(np.ones((3, 1)), 23, *at.T)[0].shape == (3, 4)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    x = xp.asarray([1.0, 0.5])
    a, b = mode_flow(0.1, 23, x, 1.0, x, 0.0)
    assert type(a) is type(b) is type(x)
    exact = mode_flow(0.1, 23, np.array([1.0, 0.5]), 1.0, np.array([1.0, 0.5]), 0.0)
    np.testing.assert_allclose(np.asarray(a), exact[0], rtol=1e-5)


def test_single_precision():
    given = np.float32([0.01, 0.02]), np.float32(0.01), np.float32(0.3), np.float32(1.0)
    times = np.float32([[1.0], [400.0]])
    found, exact = mode_flow(times, 23, *given), mode_flow(*_as_float(times, 23, *given))
    assert found.input_amplitude.dtype == np.complex64
    agree(found, np.array(exact), 1e-4)


def _as_float(*values):
    return [x if isinstance(x, int) else np.asarray(x, float) for x in values]


def test_bad_input_is_refused():
    good = dict(t=0.1, input_strength=1.0, output_strength=1.0, input_phase=0.0, output_phase=0.0)
    for name in ("t", "input_strength", "output_strength", "weight_decay"):
        for bad in (-0.5, np.nan):
            with pytest.raises(ValueError, match=f"`{name}` must be .*>= 0; got"):
                mode_flow(modulus=23, **{**good, name: bad})
    for name in ("input_phase", "output_phase"):
        with pytest.raises(ValueError, match=f"`{name}` must be finite; got"):
            mode_flow(modulus=23, **{**good, name: np.inf})
    with pytest.raises(ValueError, match="odd integer >= 3; got 4"):
        mode_flow(modulus=4, **good)
