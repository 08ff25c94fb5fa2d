"""The exponents of NC1: against layers and features trained from random starts."""

import itertools

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import decades
from theorylab.neural_collapse.collapse_rate import collapse_rate
from theorylab.neural_collapse.mode_fit import critical_penalty


def variability(H, Y):
    """NC1 of features in columns."""
    K, N = Y.shape
    means = H @ Y.T * K / N
    centred = means - means.mean(axis=1, keepdims=True)
    U, s, _ = np.linalg.svd(centred / np.sqrt(K), full_matrices=False)
    rank = min(len(H), K - 1)
    return np.sum(((U[:, :rank] / s[:rank]).T @ (H - means @ Y)) ** 2) / (K * N)


def measured_exponent(K, n, d, decays, ridge, bias, eta, seed=0):
    """The slope of ln NC1 in time, over what is not rounding, under gradient descent."""
    rng = np.random.default_rng(seed)
    N, Y = K * n, np.repeat(np.eye(K), n, axis=1)
    sizes = [d] * len(decays) + [K]
    H = rng.normal(size=(d, N)) / np.sqrt(d)
    shapes = [(b, a) for a, b in itertools.pairwise(sizes)]
    layers = [1.5 * rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes]
    b, trace = np.zeros((K, 1)), []
    for step in range(40000):
        signals = [H]
        for W in layers:
            signals.append(W @ signals[-1])
        back = (signals[-1] + b - Y) / N
        if bias:
            b = b - eta * back.sum(axis=1, keepdims=True)
        for j in reversed(range(len(layers))):
            W = layers[j]
            layers[j] = W - eta * (back @ signals[j].T + decays[j] * W)
            back = W.T @ back
        H = H - eta * (back + ridge * H)
        if step % 10 == 0:
            trace.append((step * eta, np.log(variability(H, Y))))
            if trace[-1][1] < -50:
                break
    times, logs = np.array(trace).T
    late = logs < -20
    return -np.polyfit(times[late], logs[late], 1)[0]


@pytest.mark.parametrize(
    ("K", "n", "d", "decays", "ridge", "bias", "clean", "slow"),
    [
        (3, 4, 8, (0.02,), 0.02, False, 0.3333, 0.1200),
        (3, 4, 8, (0.005,), 0.05, False, 1.0541, 0.2100),
        (3, 4, 8, (0.01, 0.03), 0.02, False, 0.4481, 0.1000),
        (3, 4, 8, (0.02,), 0.02, True, 0.3333, 0.1200),
        (3, 4, 3, (0.04,), 0.04, False, 0.3333, 0.2400),
        (3, 4, 3, (0.03, 0.03), 0.03, False, 0.3977, 0.1800),
        (3, 4, 2, (0.04,), 0.04, True, 0.3333, 0.2400),
    ],
)
def test_descent_from_random_starts(K, n, d, decays, ridge, bias, clean, slow):
    spare = d > K - bias
    flow = collapse_rate(K, n, decays, ridge, spare_dimensions=spare)
    assert flow.clean == pytest.approx(clean, abs=1e-4)
    assert flow.slow == pytest.approx(slow, abs=1e-12)
    eta = 0.5
    law = collapse_rate(K, n, decays, ridge, spare_dimensions=spare, learning_rate=eta)
    found = measured_exponent(K, n, d, decays, ridge, bias, eta)
    assert found == pytest.approx(law.observed, rel=0.02)
    # The other exponent, a tilt that is forgotten, a rate that is not squared.
    no_tilt = law.slow - 2 * decays[0]
    rivals = [law.clean, no_tilt, law.slow / 2] if spare else [law.slow, law.clean / 2]
    assert all(abs(found / rival - 1) > 0.04 for rival in rivals)


@given(st.integers(2, 20), st.integers(1, 50), decades(1e-6, 1e-2), decades(1e-6, 1e-2))
def test_the_rate_of_one_layer(K, n, decay, ridge):
    assume(K**2 * n * decay * ridge < 0.9)
    rates = collapse_rate(K, n, decay, ridge)
    assert rates.clean == pytest.approx(2 / (K * n) * np.sqrt(n * ridge / decay), rel=1e-10)
    assert rates.slow == pytest.approx(2 * (2 * ridge + decay), rel=1e-14)
    assert rates.observed == min(rates.clean, rates.slow)
    unread = collapse_rate(K, n, decay, ridge, spare_dimensions=False)
    assert unread.observed == rates.clean


@given(st.integers(2, 10), decades(1e-5, 1e-2), st.integers(1, 5))
def test_with_small_decay_the_decay_alone_is_seen(K, decay, depth):
    assume(depth * K * (K * 5 * decay ** (depth + 1)) ** (1 / depth) < critical_penalty(depth) / 2)
    rates = collapse_rate(K, 5, np.full(depth, decay), decay)
    assert rates.observed <= 6 * decay * (1 + 1e-12)
    # The best fit is by the decay alone where it is small: 1 - t vanishes with it.
    assert rates.clean > 2 * decay


@given(decades(1e-9, 1.0))
def test_descent_tends_to_the_flow_at_first_order(eta):
    flow = collapse_rate(3, 4, [0.02, 0.02], 0.02, spare_dimensions=False)
    law = collapse_rate(3, 4, [0.02, 0.02], 0.02, spare_dimensions=False, learning_rate=eta)
    r = flow.clean / 2
    assert law.clean == pytest.approx(-2 * np.log1p(-eta * r) / eta, rel=1e-13)
    assert 0 <= law.clean - flow.clean <= eta * r**2 / (1 - eta * r) + 1e-15


def test_arguments_broadcast_over_all_but_layers():
    decays = np.array([[0.01, 0.02], [0.02, 0.01], [0.03, 0.03]])
    found = collapse_rate([[3], [4]], 5, decays, 0.01)
    assert all(part.shape == (2, 3) for part in found)
    alone = collapse_rate(4, 5, decays[1], 0.01)
    np.testing.assert_allclose([part[1, 1] for part in found], alone, rtol=1e-14)


@pytest.mark.parametrize(
    ("xp", "dtype"),
    [
        (np, "float32"),
        (array_api_strict, "float32"),
        (array_api_strict, "float64"),
        (jnp, "float64"),
    ],
)
def test_follows_the_library_of_its_input(xp, dtype, double):
    decays = xp.asarray([0.02, 0.03], dtype=getattr(xp, dtype))
    found = collapse_rate(3, 4, decays, 0.01, learning_rate=0.3)
    expected = collapse_rate(3, 4, [0.02, 0.03], 0.01, learning_rate=0.3)
    tolerance = {"float32": 2e-6, "float64": 1e-13}[dtype]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == decays.dtype
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=tolerance)


def test_it_can_be_compiled_mapped_and_differentiated(double):
    law = jax.jit(lambda ridge, eta: collapse_rate(3, 4, 0.02, ridge, learning_rate=eta).clean)
    found = jax.vmap(law)(jnp.asarray([0.02, -0.02, 0.02, 3.0]), jnp.asarray([0.0, 0.0, 9.0, 0.0]))
    np.testing.assert_array_equal(np.isnan(found), [False, True, True, True])
    assert found[0] == pytest.approx(1 / 3)
    for eta in (0.0, 0.5):
        near = (law(0.02 + 1e-6, eta) - law(0.02 - 1e-6, eta)) / 2e-6
        assert jax.grad(law)(0.02, eta) == pytest.approx(float(near), rel=1e-6)
    assert jax.grad(law, 1)(0.02, 0.0) == pytest.approx(1 / 36)  # r^2, by Eq. (4)


GOOD = dict(num_classes=3, class_size=4, weight_decay=0.02, feature_decay=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(num_classes=1), "`num_classes` must be >= 2; got 1"),
        (dict(num_classes=np.nan), "`num_classes` must be finite and >= 2; got nan"),
        (dict(class_size=0), "`class_size` must be > 0; got 0"),
        (dict(weight_decay=[0.1, 0.0]), "`weight_decay` must be > 0 everywhere; got 0"),
        (dict(weight_decay=[]), "`weight_decay` must be one number for each layer; got none"),
        (dict(feature_decay=-0.1), "`feature_decay` must be > 0; got -0.1"),
        (dict(learning_rate=-0.1), "`learning_rate` must be >= 0; got -0.1"),
        (dict(learning_rate=7.0), "`learning_rate` must be below 1 / r; got 7"),
        (
            dict(weight_decay=1.0, feature_decay=1e-3, learning_rate=1.0),
            "`learning_rate` must be below 1 / r; got 1",
        ),
        (dict(weight_decay=3.0), r"`weight_decay` must be small enough .*below 1\); got 2.16"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        collapse_rate(**{**GOOD, **change})
