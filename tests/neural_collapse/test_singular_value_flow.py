"""Scalar flows: against matrices, quadrature of the time, other laws, and their proofs."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from proofs.neural_collapse import singular_value_flow as proof
from tests.strategies import decades
from theorylab.deep_linear import mode_strength
from theorylab.neural_collapse.mode_fit import mode_fit
from theorylab.neural_collapse.singular_value_flow import (
    aligned_flow,
    margin_flow,
    separatrix,
    singular_value_flow,
)

few = settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
targets, examples = decades(0.5, 5), decades(1, 100)
starts, decays, times = decades(1e-4, 3), decades(1e-5, 0.1), decades(0.1, 300)
deep = st.sampled_from([1.5, 2, 3, 6])


def one_hot(sizes):
    return np.repeat(np.eye(len(sizes)), sizes, axis=1)


def factors(vector, shapes):
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [
        part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)
    ]


def force(layers, error):
    """Minus the gradient of a loss in each factor, from that in their product, `error`."""
    forces = []
    for j in range(len(layers)):
        above = np.eye(len(error))
        for W in layers[:j:-1]:
            above = above @ W
        below = np.eye(error.shape[1])
        for W in layers[:j]:
            below = W @ below
        forces.append(-above.T @ error @ below.T)
    return forces


def product(layers):
    total = layers[0]
    for W in layers[1:]:
        total = W @ total
    return total


def matrix_flow(start, decay, slope, until):
    """The flow of matrices, features first, for the loss of gradient `slope(product)`."""
    shapes = [A.shape for A in start]

    def drift(_, vector):
        layers = factors(vector, shapes)
        forces = force(layers, slope(product(layers)))
        return np.concatenate(
            [(f - d * A).ravel() for f, d, A in zip(forces, decay, layers, strict=True)]
        )

    at = np.concatenate([A.ravel() for A in start])
    run = solve_ivp(drift, (0, until), at, method="DOP853", rtol=1e-11, atol=1e-12)
    return factors(run.y[:, -1], shapes)


def rotations(seed, dimension, count):
    rng = np.random.default_rng(seed)
    return [np.linalg.qr(rng.normal(size=(dimension, dimension)))[0] for _ in range(count)]


# One layer: the logistic.


@given(targets, examples, st.floats(0, 1), starts, times)
@example(2.0, 10.0, 0.2, 0.1, 5.0)  # s_infinity = 0
@example(2.0, 10.0, 0.2 + 1e-12, 0.1, 5.0)
@example(2.0, 10.0, 0.2 - 1e-9, 0.1, 5.0)
@example(2.0, 1.0, 0.0, 1e-300, 1e6)  # the exponential underflows
@example(0.5, 1.0, 900.0, 3.0, 1e3)
def test_the_logistic_is_the_proved_one(y, N, decay, s0, t):
    with mpmath.workdps(60):
        limit = mpmath.mpf(y) - mpmath.mpf(N) * mpmath.mpf(decay)
        law = sp.lambdify((proof.limit, proof.s0, proof.N, proof.t), proof.logistic, "mpmath")
        if limit == 0:
            exact = mpmath.mpf(s0) / (1 + 2 * mpmath.mpf(s0) * t / N)
        else:
            exact = law(limit, mpmath.mpf(s0), mpmath.mpf(N), mpmath.mpf(t))
        lost = abs(2 * t * (y + N * decay) / N)  # rounding of s_infinity, in the exponent
        found = singular_value_flow(t, y, N, decay, s0)
        assert abs(found - exact) <= 1e-14 * (1 + lost) * exact + 1e-300


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_follows_the_library_of_its_input(xp, dtype, double):
    t = xp.asarray([0.0, 3.0, 50.0], dtype=getattr(xp, dtype))
    found = singular_value_flow(t, 2.0, 12.0, 0.01, 0.3)
    assert type(found) is type(t)
    assert found.dtype == t.dtype
    expected = singular_value_flow([0.0, 3.0, 50.0], 2.0, 12.0, 0.01, 0.3)
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tolerance)
    both = separatrix(2 * xp.ones_like(t), 12.0, 0.05, depth=2)
    for ours, theirs in zip(both, separatrix(2.0, 12.0, 0.05, depth=2), strict=True):
        assert ours.dtype == t.dtype
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=10 * tolerance)


@pytest.mark.parametrize("decay", [0.01, 0.5 / 3, 0.3])
def test_derivatives_are_those_of_differences(decay, double):
    at = np.array([4.0, 2.0, 12.0, decay, 0.3])
    gradient = jax.jit(jax.grad(lambda x: singular_value_flow(*x)))(at)
    for i, h in enumerate(1e-6 * np.eye(5)):
        near = (singular_value_flow(*(at + h)) - singular_value_flow(*(at - h))) / 2e-6
        assert gradient[i] == pytest.approx(near, rel=1e-7, abs=1e-9)


def test_the_separatrix_can_be_differentiated(double):
    at = np.array([2.0, 12.0, 0.03])
    for part in (0, 1):
        gradient = jax.grad(lambda x, part=part: separatrix(*x, depth=2)[part])(at)
        for i, h in enumerate(1e-6 * np.eye(3)):
            up, down = (separatrix(*(at + sign * h), depth=2)[part] for sign in (1, -1))
            assert gradient[i] == pytest.approx((up - down) / 2e-6, rel=1e-6)


def test_bad_values_are_nan_where_traced(double):
    law = jax.jit(lambda t, s0: singular_value_flow(t, 2.0, 12.0, 0.01, s0))
    assert np.isnan(law(-1.0, 0.3))
    assert np.isnan(law(1.0, -0.3))
    assert np.isfinite(law(1.0, 0.3))


# Several layers.


def elapsed(s0, s1, y, N, decay, depth):
    """The time from `s0` to `s1`, an integral of one over the speed of `ln s`."""
    L = depth + 1
    nodes, weights = np.polynomial.legendre.leggauss(60)
    cuts = np.linspace(np.log(s0), np.log(s1), 40)
    middle, half = (cuts[1:] + cuts[:-1])[:, None] / 2, np.diff(cuts)[:, None] / 2
    s = np.exp(middle + half * nodes)
    return np.sum(half * weights / (L / N * s ** (1 - 2 / L) * (y - s) - L * decay))


@given(deep, targets, examples, decays, starts, times)
def test_times_are_integrals_of_one_over_the_speed(depth, y, N, decay, s0, t):
    end = float(singular_value_flow(t, y, N, decay, s0, depth=depth))
    speed = lambda s: depth_speed(s, y, N, decay, depth)
    assert np.sign(end - s0) in (0, np.sign(speed(s0)))
    scale = (depth + 1) * (decay + y ** (2 - 2 / (depth + 1)) / N)
    assume(min(abs(speed(s0)) / s0, abs(speed(end)) / end) > 1e-3 * scale)
    # An error of 1e-12 in ln(s) is one of the time by 1e-12 over the speed, which between the ends
    # may be below a thousandth of the scale.
    assert elapsed(s0, end, y, N, decay, depth) == pytest.approx(t, rel=1e-8, abs=1e-8 / scale)


def depth_speed(s, y, N, decay, depth):
    at = {proof.s: s, proof.y: y, proof.N: N, proof.lam: decay}
    return float(proof.speed(proof.s, sp.Float(depth + 1)).evalf(subs=at))


@given(deep, targets, examples, starts, times)
def test_without_decay_it_is_the_law_of_deep_linear_networks(depth, y, N, s0, t):
    # The features are one more layer.
    expected = mode_strength(t, y, s0, depth=depth + 1, tau=N)
    found = singular_value_flow(t, y, N, 0.0, s0, depth=depth)
    assert found == pytest.approx(expected, rel=1e-10)


@few
@given(targets, examples, decays, decades(0.1, 3), decades(0.1, 30))
def test_the_law_of_one_layer_is_the_limit_of_the_others(y, N, decay, s0, t):
    limit = singular_value_flow(t, y, N, decay, s0)
    near = [singular_value_flow(t, y, N, decay, s0, depth=1 + h) for h in (2e-6, 1e-6)]
    assert 2 * near[1] - near[0] == pytest.approx(limit, rel=1e-8)


@given(deep, targets, examples, decades(1e-6, 1.0))
def test_nothing_moves_at_the_separatrix_and_its_sides_part(depth, y, N, decay):
    both = separatrix(y, N, decay, depth=depth)
    p = (depth - 1) / (depth + 1)
    strain = N * decay / y ** (1 + p)
    if strain > p**p / (1 + p) ** (1 + p):
        assert np.all(np.isnan(both))
        return
    for s in both:
        assert (y - s) * s**p == pytest.approx(N * decay, rel=1e-7)
    assert both.unstable <= p / (1 + p) * y * (1 + 1e-7)
    assert both.stable >= p / (1 + p) * y * (1 - 1e-7)
    growth = (depth + 1) * decay * (p - both.unstable / (y - both.unstable))
    assume(both.unstable > 1e-280)
    assume(growth > 1e-2 * decay)
    law = lambda s0, t: singular_value_flow(t, y, N, decay, s0, depth=depth)
    assert law(both.unstable, 100 / growth) == pytest.approx(both.unstable, rel=1e-12)
    late = 12 / growth + 40 / (decay * depth) + 40 / growth
    assert law(0.98 * both.unstable, late) < 0.1 * both.unstable
    assert law(1.02 * both.unstable, 1e9 * late) == pytest.approx(both.stable, rel=1e-9)
    assert law(both.stable, 1e9 * late) == pytest.approx(both.stable, rel=1e-9)


@given(st.sampled_from([1, 2, 4]), targets, examples, decades(1e-5, 1e-2))
def test_flows_end_at_minimizers(depth, y, N, decay):
    fit = mode_fit(depth * N / y**2 * (N * decay ** (depth + 1)) ** (1 / depth), depth).fit
    assume(fit > 0)
    assert separatrix(y, N, decay, depth=depth).stable == pytest.approx(y * fit, rel=1e-10)
    assert singular_value_flow(1e9, y, N, decay, y, depth=depth) == pytest.approx(
        y * fit, rel=1e-10
    )


@few
@given(deep, targets, decays, starts, decades(0.1, 30))
def test_a_flow_goes_on_from_where_it_stopped(depth, y, decay, s0, t):
    law = lambda t, s0: singular_value_flow(t, y, 10.0, decay, s0, depth=depth)
    assert law(t, law(t, s0)) == pytest.approx(law(2 * t, s0), rel=1e-9)


def test_arguments_broadcast_and_times_come_in_any_order():
    t, y = np.array([[5.0], [0.0], [2.0], [5.0]]), np.array([2.0, 1.0, 2.0])
    s0 = np.array([0.1, 0.2, 0.0])
    for depth in (1, 2):
        found = singular_value_flow(t, y, 12.0, 0.01, s0, depth=depth)
        assert found.shape == (4, 3)
        np.testing.assert_array_equal(found[:, 2], 0.0)
        np.testing.assert_allclose(found[1], s0, rtol=1e-15)
        np.testing.assert_array_equal(found[0], found[3])
        alone = singular_value_flow(2.0, 1.0, 12.0, 0.01, 0.2, depth=depth)
        assert found[2, 1] == pytest.approx(alone, rel=1e-13)
    assert singular_value_flow([], 2.0, 12.0, 0.01, 0.1, depth=2).shape == (0,)


@pytest.mark.parametrize("depth", [1, 1.5, 2, 6])
def test_extreme_starts_decays_and_times(depth):
    law = lambda t, s0, decay: singular_value_flow(t, 2.0, 12.0, decay, s0, depth=depth)
    both = separatrix(2.0, 12.0, 0.01, depth=depth)
    for s0 in (1e6, 1e50):
        assert both.stable < law(1.0, s0, 0.01) < law(0.5, s0, 0.01) < 50
        assert law(1e300, s0, 0.01) == pytest.approx(both.stable, rel=1e-10)
    np.testing.assert_array_equal(law([1e3, 1e300], 1.0, 50.0), 0)
    lost = law([0.0, 1e300], 1e-200, 0.01)
    np.testing.assert_allclose(lost, [1e-200, 0.0 if depth > 1 else both.stable], rtol=1e-9)


# Against matrices.


def aligned_start(sizes, strengths, depth, seed):
    """Features first, then layers, of equal factors in random bases."""
    a = np.asarray(strengths) ** (1 / (depth + 1))
    bases = [*rotations(seed, len(sizes), depth), np.eye(len(sizes))]
    unit = np.diag(1 / np.sqrt(sizes)) @ one_hot(sizes)
    layers = [bases[j + 1] @ np.diag(a) @ bases[j].T for j in range(depth)]
    return [bases[0] @ np.diag(a) @ unit, *layers]


def strengths_of(layers, sizes):
    return np.diag(product(layers) @ one_hot(sizes).T) / np.sqrt(sizes)


def test_descent_of_matrices_leaves_the_flow_at_first_order():
    sizes, decay, s0, t = np.array([6, 3, 2]), 0.004, np.array([0.3, 0.2, 0.25]) ** 2, 24.0
    y, N, Y = np.sqrt(sizes), 11, one_hot(sizes)
    exact = singular_value_flow(t, y, float(N), decay, s0)
    np.testing.assert_allclose(
        exact, [2.403781128709, 1.645186552615, 1.301298607308], rtol=0, atol=1e-12
    )
    errors, rates = [], (0.4, 0.2, 0.1, 0.05)
    for eta in rates:
        layers = aligned_start(sizes, s0, 1, seed=0)
        for _ in range(round(t / eta)):
            forces = force(layers, (product(layers) - Y) / N)
            layers = [A + eta * (f - decay * A) for f, A in zip(forces, layers, strict=True)]
        errors.append(np.abs(strengths_of(layers, sizes) - exact).max())
    exponents = np.diff(np.log(errors)) / np.diff(np.log(rates))
    np.testing.assert_allclose(errors, [0.004734, 0.002345, 0.001167, 0.000582], atol=1e-6)
    assert np.all((exponents > 0.9) & (exponents < 1.1)), exponents
    # Laws that somebody might believe are further off than the finest descent.
    no_decay = singular_value_flow(t, y, float(N), 0.0, s0)
    slow = singular_value_flow(t / 2, y, float(N), decay, s0)
    assert np.all(np.abs(no_decay - exact) > 50 * errors[-1])
    assert np.all(np.abs(slow - exact) > 50 * errors[-1])


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_matrices_part_at_the_separatrix(scale):
    sizes, decay, N = [3, 3, 3], 0.02, 9.0
    both = separatrix(np.sqrt(3), N, decay, depth=2)
    assert both.unstable ** (1 / 3) == pytest.approx(0.103990565766, abs=1e-12)
    assert both.stable == pytest.approx(1.577422196141, abs=1e-12)
    start = aligned_start(sizes, np.full(3, both.unstable * scale), 2, seed=1)
    slope = lambda Z: (Z - one_hot(sizes)) / N
    end = strengths_of(matrix_flow(start, [decay] * 3, slope, 150.0), sizes)
    law = singular_value_flow(150.0, np.sqrt(3), N, decay, both.unstable * scale, depth=2)
    np.testing.assert_allclose(end, law, rtol=1e-6, atol=1e-11)
    assert (law > both.unstable) == (scale > 1)


def test_matrices_of_unequal_factors_with_variability():
    sizes, N, t = [4, 2], 6.0, 30.0
    layer_decays, ridge = [0.02, 0.01], 0.03
    Y, y = one_hot(sizes), np.sqrt(sizes)
    # Patterns that sum to 0 within classes.
    B = np.array([[1, 1, -1, -1, 0, 0], [0, 0, 0, 0, 1, -1]]) / np.array([[2], [np.sqrt(2)]])
    w1, w2 = np.array([0.5, 1.2]), np.array([0.8, 0.3])
    h, q = np.array([0.4, 0.9]), np.array([1.1, -0.7])
    Q, R = rotations(2, 2, 2)
    H = Q @ (np.diag(h / y) @ Y + np.diag(q) @ B)
    start = [H, R @ np.diag(w1) @ Q.T, np.diag(w2) @ R.T]
    end = matrix_flow(start, [ridge, *layer_decays], lambda Z: (Z - Y) / N, t)
    for k in range(2):
        law = aligned_flow(t, y[k], N, layer_decays, ridge, [w1[k], w2[k]], h[k], q[k])
        features = Q.T @ end[0]
        assert law.features == pytest.approx(features[k] @ Y[k] / y[k], abs=1e-9)
        assert law.within_class == pytest.approx(features[k] @ B[k], abs=1e-9)
        found = [(R.T @ end[1] @ Q)[k, k], (end[2] @ R)[k, k]]
        np.testing.assert_allclose(law.weights, found, atol=1e-9)


@few
@given(st.integers(1, 3), targets, decays, decades(1e-2, 3))
def test_equal_factors_stay_equal(depth, y, decay, s0):
    a, t = s0 ** (1 / (depth + 1)), np.array([7.0, 0.0, 2.0])
    flow = aligned_flow(t, y, 10.0, decay, decay, np.full(depth, a), a)
    s = singular_value_flow(t, y, 10.0, decay, s0, depth=depth)
    np.testing.assert_allclose(flow.features ** (depth + 1), s, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(flow.weights, flow.features[:, None] + np.zeros(depth), atol=1e-11)


@few
@given(st.lists(st.floats(-1.5, 1.5), min_size=4, max_size=4), decays)
def test_differences_of_squares_decay_as_twice_the_decay(start, decay):
    # Variability within the class counts with the features.
    w0, (h0, q0), t = np.array(start[:2]), start[2:], 4.0
    flow = aligned_flow(t, 1.5, 5.0, decay, decay, w0, h0, q0)
    squares = lambda w, h, q: np.array([w[1] ** 2 - w[0] ** 2, w[0] ** 2 - h**2 - q**2])
    before = squares(w0, h0, q0)
    np.testing.assert_allclose(squares(*flow), np.exp(-2 * decay * t) * before, atol=1e-11)


def test_variability_keeps_its_relative_precision():
    flow = aligned_flow(np.array([0.0, 400.0]), 2.0, 12.0, [0.02], 0.02, [1.0], 1.0, 1e-3)
    settled = aligned_flow([300.0, 400.0], 2.0, 12.0, [0.02], 0.02, [1.0], 1.0)
    rate = settled.weights[0, 0] ** 2 / 12 + 0.02  # no features: exact at the minimizer
    late = aligned_flow([300.0, 400.0], 2.0, 12.0, [0.02], 0.02, [1.0], 1.0, 1e-3).within_class
    assert np.log(late[0] / late[1]) == pytest.approx(100 * rate, rel=1e-9)
    assert 0 < flow.within_class[1] < 1e-20


# Cross-entropy.


@pytest.mark.parametrize("depth", [1, 2])
def test_matrices_under_cross_entropy(depth):
    K, n, decay, margin, t = 3, 2, 0.01, 0.5, 15.0
    Y, C = one_hot([n] * K), np.eye(K) - 1 / K
    a = (np.sqrt(n) * margin) ** (1 / (depth + 1))
    bases = [*rotations(3, K, depth), np.eye(K)]
    layers = [a * bases[j + 1] @ C @ bases[j].T for j in range(depth)]
    start = [a / np.sqrt(n) * bases[0] @ C @ Y, *layers]

    def slope(Z):
        odds = np.exp(Z - Z.max(axis=0))
        return (odds / odds.sum(axis=0) - Y) / (K * n)

    end = product(matrix_flow(start, [decay] * (depth + 1), slope, t))
    law = margin_flow(t, K, n, decay, margin, depth=depth)
    np.testing.assert_allclose(end, law * C @ Y, atol=1e-9)


@given(st.integers(2, 50), st.integers(1, 50), decades(1e-6, 1e-2), decades(1e-2, 30))
def test_margins_end_where_the_loss_is_stationary(K, n, decay, margin):
    assume(K * np.sqrt(n) * decay < 0.9)
    expected = np.log(1 / (np.sqrt(n) * decay) - (K - 1))
    assert margin_flow(1e12, K, n, decay, margin) == pytest.approx(expected, rel=1e-11)


def test_margins_of_the_literature_and_of_small_starts():
    assert margin_flow(1e5, 4, 3, np.sqrt(0.005 * 0.003), 0.3) == pytest.approx(4.984094163799)
    # Too much decay, or too small a start under several layers: nothing is learned.
    assert margin_flow(1e4, 4, 3, 0.3, 1.0) < 1e-100
    assert margin_flow(1e4, 4, 3, 0.01, 0.002, depth=3) < 1e-10
    assert margin_flow(1e4, 4, 3, 0.01, 2.0, depth=3) > 2
    np.testing.assert_array_equal(margin_flow([0.0, 9.0], 4, 3, 0.01, [0.2, 0.0])[1], 0)
    assert margin_flow(1.0, 4, 3, 0.01, 2000.0) < 2000  # the exponential overflows


@few
@given(st.integers(2, 20), decades(1e-4, 1e-2), decades(0.1, 3), st.sampled_from([1, 2, 4]))
def test_the_margin_obeys_the_proved_law(K, decay, margin, depth):
    h = 1e-3
    path = margin_flow([0.0, h, 2 * h], K, 5, decay, margin, depth=depth)
    symbols = sp.symbols("alpha K n", positive=True)
    at = dict(zip(symbols, (path[1], K, 5), strict=True)) | {proof.lam: decay}
    speed = float(proof.margin_speed(*symbols, depth + 1).evalf(subs=at))
    assert (path[2] - path[0]) / (2 * h) == pytest.approx(speed, rel=1e-5, abs=1e-8)


# Bad input.

GOOD = dict(t=1.0, singular_value=2.0, num_examples=12.0, weight_decay=0.01, initial_strength=0.2)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(
    ("argument", "value", "bound"),
    [
        ("t", -1.0, ">= 0"),
        ("t", np.nan, "finite and >= 0"),
        ("singular_value", 0.0, "> 0"),
        ("num_examples", -3.0, "> 0"),
        ("weight_decay", -0.1, ">= 0"),
        ("initial_strength", -0.1, ">= 0"),
        ("initial_strength", np.inf, "finite and >= 0"),
    ],
)
def test_bad_values_of_the_strength_are_refused(argument, value, bound, depth):
    with pytest.raises(ValueError, match=f"`{argument}` must be {bound}; got {value:g}"):
        singular_value_flow(**{**GOOD, argument: value}, depth=depth)


def test_bad_depths_and_decays_are_refused(unchecked):
    for depth, error in ((0.5, ValueError), (np.inf, ValueError), ("2", TypeError)):
        for law in (
            lambda depth: singular_value_flow(**GOOD, depth=depth),
            lambda depth: separatrix(2.0, 12.0, 0.1, depth=depth),
            lambda depth: margin_flow(1.0, 3, 4, 0.1, 1.0, depth=depth),
        ):
            with pytest.raises(error, match="`depth`"):
                law(depth)
    with pytest.raises(ValueError, match="`weight_decay` must be > 0; got 0"):
        separatrix(2.0, 12.0, 0.0, depth=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(t=[1.0, -2.0]), "`t` must be >= 0 everywhere; got -2"),
        (dict(singular_value=-1.0), "`singular_value` must be > 0; got -1"),
        (dict(num_examples=[1.0, 2.0]), r"`num_examples` must be one number; got shape \(2,\)"),
        (dict(weight_decay=[0.1] * 3), r"one for each of 2 layers; got shape \(3,\)"),
        (dict(weight_decay=[0.1, -0.1]), "`weight_decay` must be >= 0 everywhere; got -0.1"),
        (dict(feature_decay=-0.3), "`feature_decay` must be >= 0; got -0.3"),
        (
            dict(initial_weights=0.3),
            r"`initial_weights` must be one number a layer; got shape \(\)",
        ),
        (dict(initial_weights=[0.3, np.nan]), "`initial_weights` must be finite .*; got nan"),
        (dict(initial_features=np.inf), "`initial_features` must be finite; got inf"),
        (dict(initial_within_class=np.nan), "`initial_within_class` must be finite; got nan"),
    ],
)
def test_bad_values_of_an_aligned_mode_are_refused(change, message, unchecked):
    good = dict(
        t=1.0,
        singular_value=2.0,
        num_examples=12.0,
        weight_decay=0.1,
        feature_decay=0.1,
        initial_weights=[0.3, 0.4],
        initial_features=0.2,
    )
    with pytest.raises(ValueError, match=message):
        aligned_flow(**{**good, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(t=-1.0), "`t` must be >= 0; got -1"),
        (dict(num_classes=1), "`num_classes` must be >= 2; got 1"),
        (dict(class_size=0), "`class_size` must be > 0; got 0"),
        (dict(weight_decay=-0.1), "`weight_decay` must be >= 0; got -0.1"),
        (dict(initial_margin=-0.1), "`initial_margin` must be >= 0; got -0.1"),
    ],
)
def test_bad_values_of_the_margin_are_refused(change, message):
    good = dict(t=1.0, num_classes=3, class_size=4, weight_decay=0.1, initial_margin=1.0)
    with pytest.raises(ValueError, match=message):
        margin_flow(**{**good, **change})
