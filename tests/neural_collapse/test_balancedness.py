"""Balance of the factors: matrices under gradient flow and descent, whatever the loss."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tests.strategies import decades
from theorylab.neural_collapse.balancedness import balancedness

SHAPES = [(5, 6), (4, 5), (3, 4)]  # features, then layers; six examples of three classes
Y = np.repeat(np.eye(3), 2, axis=1)


def start(seed):
    rng = np.random.default_rng(seed)
    return [0.7 * rng.normal(size=shape) for shape in SHAPES]


def squared(Z):
    return (Z - Y) / 6


def cross_entropy(Z):
    odds = np.exp(Z - Z.max(axis=0))
    return (odds / odds.sum(axis=0) - Y) / 6


def forces(layers, slope):
    H, W1, W2 = layers
    G = slope(W2 @ W1 @ H)
    return [-W1.T @ W2.T @ G, -W2.T @ G @ H.T, -G @ H.T @ W1.T]


def balances(layers):
    H, W1, W2 = layers
    return np.concatenate([(W1.T @ W1 - H @ H.T).ravel(), (W2.T @ W2 - W1 @ W1.T).ravel()])


def flow(layers, decay, slope, t):
    ends = np.cumsum([A.size for A in layers])[:-1]
    split = lambda x: [p.reshape(s) for p, s in zip(np.split(x, ends), SHAPES, strict=True)]

    def drift(_, x):
        layers = split(x)
        pairs = zip(forces(layers, slope), layers, strict=True)
        return np.concatenate([(f - decay * A).ravel() for f, A in pairs])

    begin = np.concatenate([A.ravel() for A in layers])
    return split(solve_ivp(drift, (0, t), begin, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1])


@pytest.mark.parametrize("slope", [squared, cross_entropy])
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_the_balance_of_matrices_decays(slope, decay):
    begin = start(0)
    end = flow(begin, decay, slope, 20.0)
    assert np.linalg.norm(end[2] - np.exp(-decay * 20) * begin[2]) > 0.3  # it did learn
    law = balancedness(20.0, balances(begin), decay)
    np.testing.assert_allclose(balances(end), law, atol=1e-9)


def descend(layers, decay, eta, steps):
    for _ in range(steps):
        pairs = zip(forces(layers, squared), layers, strict=True)
        layers = [A + eta * (f - decay * A) for f, A in pairs]
    return layers


def test_descent_leaves_the_law_at_first_order():
    decay, t, rates, errors = 0.02, 10.0, np.array([0.05, 0.025, 0.0125]), []
    begin = start(1)
    law = balancedness(t, balances(begin), decay)
    for eta in rates:
        end = descend(begin, decay, eta, round(t / eta))
        errors.append(np.linalg.norm(balances(end) - law))
    exponents = np.diff(np.log(errors)) / np.diff(np.log(rates))
    assert np.all(np.abs(exponents - 1) < 0.1), exponents
    # Half the rate, or none, is further off than descent.
    for wrong in (decay / 2, 0.0):
        off = balancedness(t, balances(begin), wrong) - law
        assert np.linalg.norm(off) > 10 * errors[-1]


@given(st.floats(0, 50), st.floats(-3, 3), decades(1e-4, 1))
def test_it_is_an_exponential_whatever_the_shape(t, entry, decay):
    times, matrix = np.array([0.0, t]), np.array([[entry, 1.0], [1.0, -entry]])
    found = balancedness(times, matrix, decay)
    assert found.shape == (2, 2, 2)
    np.testing.assert_array_equal(found[0], matrix)
    np.testing.assert_allclose(found[1], np.exp(-2 * decay * t) * matrix, rtol=1e-14)
    assert balancedness(t, entry, decay) == found[1, 0, 0]


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    matrix = xp.asarray([[1.0, 2.0], [2.0, 3.0]], dtype=xp.float32)
    found = balancedness([0.0, 1.0], matrix, 0.1)
    assert type(found) is type(matrix)
    assert found.dtype == xp.float32
    np.testing.assert_allclose(np.asarray(found)[1], np.exp(-0.2) * np.asarray(matrix), rtol=1e-6)


def test_bad_values_are_nan_where_traced():
    law = jax.jit(lambda t, start: balancedness(t, start, 0.1))
    found = law(jnp.asarray([1.0, -1.0]), jnp.asarray([1.0, jnp.nan]))
    np.testing.assert_array_equal(np.isnan(found), [[False, True], [True, True]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 1.0, 0.1), "`t` must be >= 0; got -1"),
        ((1.0, [1.0, np.nan], 0.1), "`initial_balance` must be finite everywhere; got nan"),
        ((1.0, 1.0, -0.1), "`weight_decay` must be >= 0; got -0.1"),
        ((1.0, 1.0, [0.1, 0.2]), r"`weight_decay` must be one number; got shape \(2,\)"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        balancedness(*arguments)
