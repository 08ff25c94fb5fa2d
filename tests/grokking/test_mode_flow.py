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
    for D, alpha in ((0.0, 1.0), (2.0, 3.0), (0.4, 1e-12)):
        for decay in (0.0, 0.5 / escape_time(7, alpha, 1.0, D)):
            T = escape_time(7, alpha, 1.0, D, weight_decay=decay)
            assert np.isnan(mode_flow(T, 7, alpha, 1.0, 0.0, -D, weight_decay=decay)).all()
            before = mode_flow(T * (1 - 1e-13), 7, alpha, 1.0, 0.0, -D, weight_decay=decay)
            assert np.isfinite(before).all()


@given(decades(1e-12, 1e-6), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0, 0.95))
@example(7.4e-9, 1.3, -0.3, 0.5)  # either side of half the root of the rounding
@example(7.5e-9, 1.3, -0.3, 0.5)
@example(1e-10, np.pi / 2, 0.0, 0.01)
def test_faint_modes(alpha, phi, psi, share):
    t = share * min(escape_time(23, alpha, 1.0, 2 * phi - psi), 1e3)
    # In a / alpha, while b moves by alpha^2 only: its parts along and across exp(i psi/2).
    found = np.array(mode_flow(t, 23, alpha, 1.0, phi, psi))
    E = alpha * np.cos(phi - psi / 2) * np.exp(2 * t / 23) / 8**0.5
    parts = np.cos(phi - psi / 2) * np.exp(2 * t / 23) / (1 - E**2), np.sin(phi - psi / 2)
    a = alpha * np.exp(0.5j * psi) * (parts[0] + 1j * parts[1] * np.exp(-2 * t / 23))
    b = np.exp(1j * psi) * (1 + E**2) / (1 - E**2)
    # The first is as `alpha^2` while that of time is of a hundred roundings of T.
    np.testing.assert_allclose(found, [a, b], rtol=40 * alpha**2 / (1 - E) + 1e-11)


def test_strengths_far_apart():
    a, b = mode_flow(np.array([0.0, 1.0, 1400.0]), 7, 1e-200, 1.0, 0.2, 0.1)
    np.testing.assert_allclose(a[0], 1e-200 * np.exp(0.2j), rtol=1e-14)
    assert abs(a[2]) == pytest.approx(1e-200 * np.exp(400) * np.cos(0.15), rel=1e-12)
    np.testing.assert_allclose(b, np.exp(0.1j), rtol=1e-14)
    for t in (0.0, 1e3, 1e9):  # no escape: the parts across decay
        a, b = mode_flow(t, 7, 1e-300, 1e8, 0.0, np.pi)
        assert abs(a) <= 1e-300
        assert b == pytest.approx(-1e8)
    assert np.isnan(mode_flow(300.0, 7, jnp.float32(1e-30), 1.0, 0.2, 0.1)[0])
    assert mode_flow(200.0, 7, jnp.float32(1e-30), 1.0, 0.2, 0.1)[1] == pytest.approx(
        np.exp(0.1j), rel=1e-5
    )


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
        # At C = 0 it falls as p / (2 t), until its square underflows.
        late = mode_flow(1e200, 23, alpha, beta, 0.0, psi)[1]
        assert abs(late) <= abs(b) * (1 + 1e-12)


def test_weight_decay():
    T = escape_time(23, 1.0, 0.8, 2.0)
    for share, t in ((0.9, 2 * T), (1.2, 3 * T), (1e-12, 0.9 * T)):
        decay = share / T
        found = mode_flow(t, 23, 1.0, 0.8, 1.0, 0.0, weight_decay=decay)
        agree(found, integrated(t, 23, 1.0, 0.8, 1.0, 0.0, decay), 3e-9)
    end = escape_time(23, 1.0, 0.8, 2.0, weight_decay=0.9 / T)
    assert np.isnan(mode_flow(1.001 * end, 23, 1.0, 0.8, 1.0, 0.0, weight_decay=0.9 / T)).all()


def parts(x, t):
    return jnp.stack([f(z) for z in mode_flow(t, 23, *x) for f in (jnp.real, jnp.imag)])


SLOPES = jax.jit(jax.vmap(jax.jacrev(parts), (0, None)))  # of eight starts at once


def test_derivatives_of_starts_that_never_escape(double):
    at = [(1, 1, 0, np.pi), (1, 2, 0.3, 0.6 - np.pi), (1, 0.71, 0, -np.pi), (0.1, 1, np.pi, -np.pi),
          (2, 1, 0, np.pi), (0, 1, 0.3, 0.3), (0, 0, 0.3, 0.3), (1e-10, 1, 0, np.pi)]  # fmt: skip
    step = 1e-4 * np.eye(4)

    # An integrator, not knowing T, crosses from starts that escape to those that do not.
    def flow(x):
        start = [complex(x[i] * np.exp(1j * x[i + 2])) for i in (0, 1)]
        drift = lambda _, y: np.array(mode_velocity(23, *y))
        run = solve_ivp(drift, (0, 5.0), start, method="DOP853", rtol=1e-12, atol=1e-14)
        a, b = run.y[:, -1]
        return np.array([a.real, a.imag, b.real, b.imag])

    found = np.asarray(SLOPES(jnp.asarray(at), 5.0))
    for x, slope in zip(np.array(at), found, strict=True):
        central = np.stack([flow(x + e) - flow(x - e) for e in step], -1) / 2e-4
        np.testing.assert_allclose(slope, central, atol=2e-7 * max(1, np.abs(central).max()))
    # Long after, where they have grown beyond use.
    late = np.asarray(SLOPES(jnp.asarray(at), 1e6))
    assert np.isfinite(late[[0, 1, 3]]).all()


def test_many_at_once_and_derivatives(double):
    at = np.array([(1, 1, 0.0, 0.0), (1, 1, 0.3, 0.1), (1, 0.5, 0.2, 1.9), (0.3, 1, 1.0, 5.0)])
    slopes = SLOPES(jnp.asarray(np.tile(at, (2, 1))), 5.0)[:4]
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
