"""Winners of the lottery: symmetries, agreement with the network, and the simpler guesses."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import scales, seeds
from theorylab.grokking.escape_time import escape_time
from theorylab.grokking.folklore_winners import (
    fastest_growth,
    largest_power,
    smallest_misalignment,
)
from theorylab.grokking.winning_frequency import escape_times, winning_frequency

p, K = 11, 5
RULES = [winning_frequency, smallest_misalignment, largest_power, fastest_growth]


def gaussian(seed, neurons=6):
    return np.random.default_rng(seed).standard_normal((2, neurons, p))


def waves(alpha, beta, D):
    """One neuron whose frequencies have these coordinates."""
    k, x = np.arange(1, K + 1)[:, None], np.arange(p)
    wave = lambda size, phase: (
        np.array(size)[:, None] * np.cos(2 * np.pi * k * x / p + np.array(phase)[:, None])
    ).sum(0)
    return wave(alpha, [0.0] * K)[None], wave(beta, -np.array(D))[None]


@given(seeds)
def test_the_winner_escapes_first(seed):
    theta, xi = gaussian(seed)
    times = escape_times(theta, xi)
    assert times.shape == (6, K)
    np.testing.assert_array_equal(winning_frequency(theta, xi), times.argmin(-1) + 1)


def test_times_are_those_of_the_coordinates():
    alpha, beta, D = [1.0, 0.5, 2.0, 1.0, 1.0], [0.3, 1.0, 1.0, 2.0, 1.0], [0.0, 1.0, 2.0, 3.0, -1]
    times = escape_times(*waves(alpha, beta, D))
    np.testing.assert_allclose(times[0], escape_time(p, alpha, beta, D), rtol=1e-12)


@given(seeds, scales, st.integers(1, p - 1), st.integers(2, p - 1))
def test_symmetries(seed, scale, shift, g):
    theta, xi = gaussian(seed)
    times = escape_times(theta, xi)
    np.testing.assert_allclose(escape_times(scale * theta, scale * xi), times / scale, rtol=1e-9)
    shifted = escape_times(np.roll(theta, shift, -1), np.roll(xi, 2 * shift, -1))
    np.testing.assert_allclose(shifted, times, rtol=1e-9)
    # x -> g x takes frequency k to g k, up to sign.
    x, k = np.arange(p), np.arange(1, K + 1)
    moved = np.minimum(g * k % p, -g * k % p) - 1
    permuted = escape_times(theta[:, g * x % p], xi[:, g * x % p])
    np.testing.assert_allclose(permuted[:, moved], times, rtol=1e-9)
    # Constants play no part.
    np.testing.assert_allclose(escape_times(theta + 3, xi - 2), times, rtol=1e-9)


def test_one_neuron_ends_on_its_winner(double):
    # The network itself, small, along the pull of its loss to first order in logits, and past
    # the time at which the predicted frequency dominates.
    theta, xi = 0.01 * gaussian(5, 40)
    first = escape_times(theta, xi).min(-1)
    x = np.arange(p)
    total = (x[:, None] + x) % p

    def gain(weights):
        theta, xi = weights
        hidden = (theta[:, :, None] + theta[:, None, :]) ** 2
        return jnp.sum(hidden * (xi - xi.mean(-1, keepdims=True))[:, total]) / p**2

    @jax.jit
    def trained(weights, step):
        def climb(_, weights):
            return jax.tree.map(
                lambda w, g: w + step[:, None] * g, weights, jax.grad(gain)(weights)
            )

        return jax.lax.fori_loop(0, 2000, climb, weights)

    theta_end, _ = trained((jnp.asarray(theta), jnp.asarray(xi)), jnp.asarray(0.98 * first / 2000))
    power = np.abs(np.fft.rfft(theta_end)[:, 1:])
    found = power.argmax(-1) + 1
    agreement = [np.mean(found == rule(theta, xi)) for rule in RULES]
    assert agreement[0] > 0.95
    assert max(agreement[1:]) < 0.8


def test_the_simpler_guesses_where_they_are_right():
    ones = [1.0] * K
    D = [0.5, -0.1, 2.0, 3.0, 6.28 - 1]
    assert {int(rule(*waves(ones, ones, D))[0]) for rule in RULES[:2] + RULES[3:]} == {2}
    alpha, beta = [1.0, 1.0, 3.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0, 1.0]
    D = [0.1, 0.5, 3.0, 1.0, 1.0]
    assert [int(rule(*waves(alpha, beta, D))[0]) for rule in RULES[1:]] == [1, 3, 2]


def test_weight_decay_leaves_the_winner_or_none():
    theta, xi = gaussian(3)
    times = escape_times(theta, xi)
    decay = 1 / np.median(times.min(-1))
    survivors = winning_frequency(theta, xi, weight_decay=decay)
    winners = winning_frequency(theta, xi)
    lost = decay * times.min(-1) >= 1
    np.testing.assert_array_equal(survivors, np.where(lost, 0, winners))
    np.testing.assert_array_equal(winning_frequency(0 * theta, xi), np.zeros(6))


@pytest.mark.parametrize("rule", RULES)
def test_rounding_names_no_winner(rule):
    theta, xi = gaussian(0)
    for size in (1e-30, 1.0, 7.3):
        constant = np.full_like(theta, size * 0.3)
        np.testing.assert_array_equal(rule(constant, xi if rule != largest_power else constant), 0)
        # A neuron of one wave on a constant ends on it.
        x = 2 * np.pi * 2 * np.arange(p) / p
        wave = constant + 1e-3 * size * np.cos(x)
        np.testing.assert_array_equal(rule(wave, wave), 2)
    assert np.all(escape_times(np.full_like(theta, 0.3), xi) == np.inf)


@pytest.mark.parametrize("rule", RULES)
def test_weights_of_any_size(rule):
    theta, xi = gaussian(1)
    for scale in (1e-200, 1e200):
        np.testing.assert_array_equal(rule(scale * theta, scale * xi), rule(theta, xi))
    small, tiny = (np.float32(scale) * gaussian(1).astype(np.float32) for scale in (1, 1e-20))
    np.testing.assert_array_equal(rule(*tiny), rule(*small))


@pytest.mark.parametrize("rule", RULES)
def test_traced_neurons_that_are_not_finite(rule):
    theta, xi = gaussian(1)
    theta[2, 3], xi[4, 0] = np.nan, np.inf
    found = jax.jit(rule)(jnp.asarray(theta), jnp.asarray(xi))
    np.testing.assert_array_equal(
        found, np.where(np.isin(np.arange(6), [2, 4]), 0, rule(*gaussian(1)))
    )


def test_slopes_survive_a_lost_coefficient():
    theta, xi = (jnp.asarray(w) for w in waves([1.0, 0, 1, 1, 1], [1.0, 1, 0, 1, 1], [0.5] * 5))
    slope = jax.jit(jax.grad(lambda v: jnp.sum(1 / escape_times(v, xi))))(theta)
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    theta, xi = (xp.asarray(w) for w in gaussian(0))
    assert type(escape_times(theta, xi)) is type(theta)
    assert type(winning_frequency(theta, xi)) is type(theta)
    for rule in RULES[1:]:
        np.testing.assert_array_equal(np.asarray(rule(theta, xi)), rule(*gaussian(0)))


@pytest.mark.parametrize("law", [escape_times, *RULES])
def test_bad_input_is_refused(law):
    theta, xi = gaussian(0)
    with pytest.raises(ValueError, match="must both be"):
        law(theta, xi[:-1])
    with pytest.raises(ValueError, match="odd integer >= 3; got 10"):
        law(theta[:, :10], xi[:, :10])
    theta[0, 0] = np.nan
    with pytest.raises(ValueError, match="`input_weights` must be finite everywhere"):
        law(theta, xi)
    if law in (escape_times, winning_frequency):
        with pytest.raises(ValueError, match="`weight_decay` must be"):
            law(xi, xi, weight_decay=-1.0)
