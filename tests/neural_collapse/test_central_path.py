"""The central path: its law, its limits, and features trained under the best classifier."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.neural_collapse import central_path as proof
from tests.strategies import decades
from theorylab.neural_collapse.central_path import central_path

starts = st.lists(decades(1e-6, 30), min_size=1, max_size=5)


@given(decades(1e-6, 1e8), starts, st.integers(1, 1000))
@example(1e-300, [1e-150], 1)
@example(1e12, [1e-150, 50.0], 1)
def test_values_obey_the_proved_law(t, start, n):
    K = len(start) + 1
    path = central_path(t, start, n)
    clock = sp.lambdify(proof.omega, proof.clock, "mpmath")
    with mpmath.workdps(40):
        for before, after in zip(start, path.singular_values, strict=True):
            moved = clock(mpmath.mpf(after)) - clock(mpmath.mpf(before))
            size = 1 + abs(clock(mpmath.mpf(before))) + t / (K**2 * n)
            # Rounding of ln(omega) where it is large, and of its exponential, times the slope.
            slope = (1 + mpmath.mpf(after) ** 2) ** 2
            assert abs(moved - mpmath.mpf(t) / (K**2 * n)) < 1e-14 * (size + 10 * slope)
    assert path.loss == pytest.approx(np.sum(1 / (1 + path.singular_values**2)) / (2 * K))


@given(decades(1e-2, 1e4), starts, st.integers(1, 100))
def test_the_path_goes_on_from_where_it_stopped_and_downhill(t, start, n):
    halfway = central_path(t, start, n)
    end = central_path([2 * t, 0.0], start, n)
    again = central_path(t, halfway.singular_values, n)
    np.testing.assert_allclose(again.singular_values, end.singular_values[0], rtol=1e-12)
    np.testing.assert_allclose(end.singular_values[1], start, rtol=1e-13)
    assert end.loss[0] < halfway.loss < end.loss[1]
    assert end.variability_collapse[0] < halfway.variability_collapse
    # Order is kept, and ratios tend to 1.
    order = np.argsort(start, kind="stable")
    assert np.all(np.diff(end.singular_values[0][order]) >= 0)
    ratio = lambda values: values.max() / values.min()
    assert ratio(end.singular_values[0]) <= ratio(halfway.singular_values) * (1 + 1e-13)


@pytest.mark.parametrize("K", [2, 5])
def test_variability_falls_as_the_root_of_time(K):
    start, n = np.linspace(0.1, 2, K - 1), 20
    limit = lambda t: (K - 1) / (2 * K) * np.sqrt(K**2 * n / t)
    times = 10.0 ** np.array([6, 8, 10])
    path = central_path(times, start, n)
    gap = path.variability_collapse / limit(times) - 1
    # The next term is a root smaller: omega^2 = 2 sqrt(tau) - 2 + ..., NC1 off by sqrt(K N / t).
    np.testing.assert_allclose(gap * np.sqrt(times / (K**2 * n)), 1, rtol=0.1)
    spread = path.singular_values.max(axis=-1) / path.singular_values.min(axis=-1) - 1
    assert np.all(spread < 3 / (times / (K**2 * n)))


def trained(omega, n, d, eta, t, seed):
    """Class means under the gradient of the best classifier's loss; deviations stay white."""
    rng = np.random.default_rng(seed)
    K = len(omega) + 1
    Y = np.repeat(np.eye(K), n, axis=1)
    classes = Y.T / n
    noise = rng.normal(size=(d, K * n))
    noise -= noise @ classes @ Y
    noise = np.linalg.solve(np.linalg.cholesky(noise @ noise.T / (K * n)), noise)
    basis = np.linalg.qr(np.column_stack([np.ones(K), rng.normal(size=(K, K - 1))]))[0][:, 1:]
    frame = np.linalg.qr(rng.normal(size=(d, K - 1)))[0]
    means = np.sqrt(K) * frame * omega @ basis.T + rng.normal(size=(d, 1))
    for _ in range(round(t / eta)):
        H = means @ Y + noise
        padded = np.vstack([H, np.ones(K * n)])
        fit = np.linalg.solve(padded @ padded.T, padded @ Y.T).T
        gradient = fit[:, :-1].T @ (fit @ padded - Y) / (K * n)
        means = means - eta * gradient @ classes
    centred = means - means.mean(axis=1, keepdims=True)
    return np.linalg.svd(centred / np.sqrt(K), compute_uv=False)[: K - 1]


def test_descent_leaves_the_path_at_first_order():
    omega, n, t, rates = np.array([0.54477874, 0.47788517]), 10, 400.0, (0.8, 0.4, 0.2)
    law = central_path(t, omega, n).singular_values
    errors = [np.abs(trained(omega, n, 4, eta, t, seed=0) - law).max() for eta in rates]
    exponents = np.diff(np.log(errors)) / np.diff(np.log(rates))
    assert np.all(np.abs(exponents - 1) < 0.05), (errors, exponents)
    # Time in units of N, or without the quartic: omega^2 + ln omega alone.
    wrong_time = central_path(3 * t, omega, n).singular_values
    no_quartic = np.sqrt(omega**2 + t / 90)
    assert min(np.abs(wrong - law).min() for wrong in (wrong_time, no_quartic)) > 50 * errors[-1]


def test_a_value_found_in_small_steps():
    # 7500 to 30000 steps of descent, extrapolated.
    path = central_path(6000.0, [0.54477874, 0.47788517], 10)
    np.testing.assert_allclose(path.singular_values, [3.775470478, 3.772084960], atol=2e-9)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_follows_the_library_of_its_input(xp, dtype, double):
    start = xp.asarray([0.5, 1.5], dtype=getattr(xp, dtype))
    path = central_path([3.0, 400.0], start, 10)
    expected = central_path([3.0, 400.0], [0.5, 1.5], 10)
    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype]
    for ours, theirs in zip(path, expected, strict=True):
        assert type(ours) is type(start)
        assert ours.dtype == start.dtype
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=tolerance)


def test_it_can_be_compiled_mapped_and_differentiated(double):
    start = jnp.asarray([0.5, 1.5])
    law = jax.jit(lambda t, start: central_path(t, start, 10).singular_values)
    found = jax.vmap(law, (0, None))(jnp.asarray([3.0, -1.0]), start)
    np.testing.assert_allclose(found[0], central_path(3.0, [0.5, 1.5], 10).singular_values)
    assert np.all(np.isnan(found[1]))
    assert np.isnan(law(3.0, jnp.asarray([0.5, -1.0])))[1]
    slope = jax.jacfwd(law)(400.0, start)
    for mode, after in enumerate(law(400.0, start)):
        at = {proof.omega: float(after), proof.K: 3, proof.N: 30}
        assert slope[mode] == pytest.approx(float(proof.omega_dot.evalf(subs=at)), rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, [0.5], 10), "`t` must be >= 0; got -1"),
        ((1.0, [0.5, 0.0], 10), "`initial_values` must be > 0 everywhere; got 0"),
        ((1.0, [0.5, np.nan], 10), "`initial_values` must be finite and > 0 everywhere; got nan"),
        ((1.0, 0.5, 10), r"`initial_values` must be one row of numbers.*; got shape \(\)"),
        ((1.0, [], 10), r"`initial_values` must be one row of numbers.*; got shape \(0,\)"),
        ((1.0, [0.5], 0), "`class_size` must be > 0; got 0"),
        ((1.0, [0.5], [3, 4]), r"`class_size` must be one number; got shape \(2,\)"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        central_path(*arguments)
