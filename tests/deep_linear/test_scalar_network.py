import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import solve_ivp

from tests.strategies import of_either_sign, seeds, singular_values, times, weights
from theorylab.deep_linear.scalar_network import scalar_imbalance, scalar_network
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode

targets = of_either_sign(singular_values)
layers = arrays(float, (2, 5), elements=weights)


@pytest.mark.parametrize("seed", range(4))
def test_output_follows_the_flow_of_the_weights(seed):
    first, second = np.random.default_rng(seed).normal(0, 0.4, (2, 6))
    target, tau = (-1) ** seed * 1.2, 0.7

    def flow(_, weights):
        residual = target - weights[:6] @ weights[6:]
        return residual / tau * np.concatenate([weights[6:], weights[:6]])

    t = np.linspace(0, 5, 20)
    start = np.concatenate([first, second])
    run = solve_ivp(flow, (0, 5), start, method="DOP853", t_eval=t, rtol=1e-12, atol=1e-14).y
    u = np.sum(run[:6] * run[6:], axis=0)
    np.testing.assert_allclose(scalar_network(t, target, first, second, tau=tau), u, rtol=1e-10)
    imbalances = scalar_imbalance(run[:6].T, run[6:].T)
    np.testing.assert_allclose(imbalances, scalar_imbalance(first, second), rtol=1e-10)


@given(times, targets, layers, seeds)
def test_a_rotation_of_the_hidden_units_changes_nothing(t, s, layers, seed):
    first, second = layers
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))
    u = scalar_network(t, s, first, second)
    # On its way past the saddle the flow amplifies rounding.
    amplified = 1e-13 * np.exp(2 * abs(s) * min(t, 20 / abs(s)))
    rotated = scalar_network(t, s, first @ rotation, second @ rotation)
    np.testing.assert_allclose(rotated, u, rtol=1e-10, atol=amplified)


@given(times, targets, layers)
def test_the_layers_can_be_swapped_and_mirrored(t, s, layers):
    first, second = layers
    u = scalar_network(t, s, first, second)
    np.testing.assert_allclose(scalar_network(t, s, second, first), u, rtol=1e-12)
    np.testing.assert_allclose(scalar_network(t, -s, first, -second), -u, rtol=1e-10, atol=1e-12)


@given(times, targets, weights, weights, st.floats(0.1, 3))
def test_one_hidden_unit_is_an_unbalanced_mode(t, s, a, b, tau):
    assume(abs(a + np.sign(s) * b) > 1e-3)
    mode = unbalanced_mode(t, s, a, b, tau=tau)
    network = scalar_network(t, s, np.asarray([a]), np.asarray([b]), tau=tau)
    np.testing.assert_allclose(network, mode.first * mode.second, rtol=1e-8, atol=1e-12)


@given(times, targets, layers)
def test_idle_units_change_nothing(t, s, layers):
    first, second = layers
    padded = np.concatenate([layers, np.zeros((2, 3))], axis=1)
    u = scalar_network(t, s, first, second)
    np.testing.assert_allclose(scalar_network(t, s, *padded), u, rtol=1e-12)


@given(layers)
def test_the_imbalance_exceeds_that_of_the_norms_unless_parallel(layers):
    first, second = layers
    norms = abs(first @ first - second @ second)
    assert scalar_imbalance(first, second) >= norms * (1 - 1e-14)
    parallel = scalar_imbalance(first, 0.5 * first)
    np.testing.assert_allclose(parallel, 0.75 * first @ first, rtol=1e-14)


@given(layers)
def test_the_imbalance_cancels_nothing_for_nearly_equal_weights(layers):
    first, _ = layers
    near = first * (1 + 1e-9)
    size = np.sqrt((first - near) @ (first - near)) * np.sqrt((first + near) @ (first + near))
    np.testing.assert_allclose(scalar_imbalance(first, near), size, rtol=1e-14)


@given(targets, layers)
def test_output_starts_at_the_product_and_ends_at_the_target(s, layers):
    first, second = layers
    assume(np.sum((first + np.sign(s) * second) ** 2) > 1e-6)
    u = scalar_network(np.asarray([0.0, 1e4]), s, first, second)
    np.testing.assert_allclose(u[0], first @ second, rtol=1e-12, atol=1e-14 * np.sum(layers**2))
    np.testing.assert_allclose(u[1], s, rtol=1e-12)


@given(times, targets, arrays(float, 4, elements=weights))
def test_antiparallel_equal_weights_never_leave_the_saddle(t, s, first):
    u = scalar_network(1e3 * t, s, first, -np.sign(s) * first)
    assert 0 <= -np.sign(s) * u <= first @ first * (1 + 1e-14)


def test_networks_of_the_leading_axes_are_independent():
    first, second = np.random.default_rng(0).normal(size=(2, 3, 4))
    t = np.asarray([0.1, 1.0, 2.0])
    together = scalar_network(t, 1.2, first, second)
    apart = [scalar_network(*each) for each in zip(t, [1.2] * 3, first, second, strict=True)]
    np.testing.assert_allclose(together, apart, rtol=1e-15)


def test_layers_of_different_width_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"equally many; got shapes \(2,\) and \(3,\)"):
        scalar_network(1.0, 1.0, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="hidden units as last axis"):
        scalar_network(1.0, 1.0, 1.0, 1.0)
