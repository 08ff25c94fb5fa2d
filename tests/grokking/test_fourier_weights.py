"""Neurons of one frequency, and groups of them at phases that cancel."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import seeds, strengths
from theorylab.grokking.fourier_coefficients import fourier_coefficients
from theorylab.grokking.fourier_weights import fourier_weights, single_frequency_neurons
from theorylab.grokking.network import network_logits

moduli = st.sampled_from([3, 5, 9, 15, 23])


@given(moduli, seeds, strengths, strengths)
def test_a_neuron_has_one_frequency(p, seed, alpha, beta):
    rng = np.random.default_rng(seed)
    k = rng.integers(1, (p - 1) // 2 + 1, 4)
    phi, psi = rng.uniform(-9, 9, (2, 4))
    weights = single_frequency_neurons(p, k, alpha, beta, phi, psi)
    for found, amplitude, phase in zip(weights, (alpha, beta), (phi, psi), strict=True):
        expected = np.zeros((4, (p - 1) // 2), complex)
        expected[np.arange(4), k - 1] = amplitude * np.exp(1j * phase)
        np.testing.assert_allclose(fourier_coefficients(found), expected, atol=1e-14 * amplitude)
        np.testing.assert_allclose(found.sum(axis=-1), 0, atol=1e-13 * amplitude)


def test_groups_follow_the_order_of_the_frequencies():
    frequencies, alpha, beta, iota = [3, 1], [0.5, 2.0], [1.0, 4.0], [0.1, 0.7]
    weights = fourier_weights(11, 5, alpha, beta, frequencies, iota)
    a, b = (fourier_coefficients(w) for w in weights)
    assert weights.input_weights.shape == weights.output_weights.shape == (10, 11)
    for group, k in enumerate(frequencies):
        phases = iota[group] + 2 * np.pi * np.arange(5) / 5
        rows = slice(5 * group, 5 * group + 5)
        np.testing.assert_allclose(a[rows, k - 1], alpha[group] * np.exp(1j * phases), rtol=1e-13)
        np.testing.assert_allclose(b[rows, k - 1], beta[group] * np.exp(2j * phases), rtol=1e-13)
    assert fourier_weights(11, 3).input_weights.shape == (15, 11)


@pytest.mark.parametrize(("spacing", "turn"), [("full", 2 * np.pi), ("half", np.pi)])
@pytest.mark.parametrize(("activation", "orders"), [("quadratic", (2, 4)), ("relu", (1, 2, 3, 4))])
def test_phases_are_refused_just_where_they_do_not_cancel(spacing, turn, activation, orders):
    for n in range(1, 25):
        phases = turn / n * np.arange(n)
        cancels = all(abs(np.exp(1j * m * phases).sum()) < 1e-9 for m in orders)
        try:
            fourier_weights(5, n, spacing=spacing, activation=activation)
        except ValueError:
            assert not cancels, n
        else:
            assert cancels, n


@pytest.mark.parametrize(("spacing", "n"), [("full", 3), ("full", 5), ("half", 3), ("half", 4)])
def test_a_shift_of_the_offsets_changes_nothing(spacing, n):
    p, rng = 15, np.random.default_rng(n)
    alpha, beta, iota = rng.uniform(0.5, 2, (3, 7))
    logits = network_logits(fourier_weights(p, n, alpha, beta, spacing=spacing))
    shifted = network_logits(fourier_weights(p, n, alpha, beta, offsets=iota, spacing=spacing))
    np.testing.assert_allclose(shifted, logits, atol=1e-14 * np.abs(logits).max())


@pytest.mark.parametrize(("xp", "dtype"), [(np, None), (array_api_strict, None), (jnp, "float32")])
def test_follows_the_library_of_its_input(xp, dtype):
    alpha = xp.asarray([1.0, 2.0], dtype=dtype and getattr(xp, dtype))
    for weights in fourier_weights(5, 3, alpha), single_frequency_neurons(5, [1, 2], alpha):
        for w in weights:
            assert type(w) is type(alpha)
            assert w.dtype == alpha.dtype
    assert single_frequency_neurons(5, 2).input_weights.shape == (1, 5)


def test_batches_of_random_phases(double):
    phases = jax.random.uniform(jax.random.key(0), (3, 4), maxval=2 * np.pi)
    make = lambda phi: single_frequency_neurons(7, [1, 2, 3, 3], 0.5, 2.0, phi, 2 * phi)
    for one, batched in zip(jax.vmap(make)(phases), make(phases), strict=True):
        assert one.shape == (3, 4, 7)
        np.testing.assert_allclose(one, batched, rtol=1e-12)


def test_traced_strengths_and_offsets(double):
    loss = lambda alpha, iota: jnp.sum(fourier_weights(7, 5, alpha, 1.0, None, iota)[0] ** 2)
    value, slope = map(float, jax.jit(jax.value_and_grad(loss))(1.5, 0.3))
    assert value == pytest.approx(3 * 5 * 1.5**2 * 7 / 2, rel=1e-13)
    assert slope == pytest.approx(2 * value / 1.5, rel=1e-13)
    assert np.isnan(jax.jit(loss)(-1.5, 0.3))
    assert np.isnan(jax.jit(loss)(1.5, jnp.nan))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fourier_weights(23, 4),
            r"`num_phases` needs sum exp\(2i phi\) = sum exp\(4i phi\) = 0: "
            "n = 3 or n >= 5 for spacing 2pi/n; got 4",
        ),
        (lambda: fourier_weights(23, 2, spacing="half"), "n >= 3 for spacing pi/n; got 2"),
        (lambda: fourier_weights(23, 4, activation="relu"), "n >= 5 for spacing 2pi/n; got 4"),
        (
            lambda: fourier_weights(23, 9, spacing="half", activation="relu"),
            '`spacing` must be "full" for "relu"; got "half"',
        ),
        (lambda: fourier_weights(23, 3, spacing="third"), "`spacing` must be one of full, half"),
        (lambda: fourier_weights(23, 3, activation="tanh"), "`activation` must be one of"),
        (lambda: fourier_weights(22, 3), "`modulus` must be an odd integer >= 3; got 22"),
        (lambda: fourier_weights(23, 3, -1.0), "`input_strength` must be >= 0; got -1"),
        (lambda: fourier_weights(23, 3, 1.0, [1.0, 2.0]), "`output_strength` must be one number"),
        (lambda: fourier_weights(23, 3, offsets=np.nan), "`offsets` must be finite; got nan"),
        (
            lambda: fourier_weights(23, 3, frequencies=[1, 12]),
            r"`frequencies` must be from 1 to \(p - 1\) / 2 = 11; got 12",
        ),
        (lambda: fourier_weights(23, 3, frequencies=[]), "`frequencies` must not be empty"),
        (lambda: fourier_weights(23, 3, frequencies=3), "`frequencies` must be a sequence"),
        (lambda: single_frequency_neurons(23, 0), "`frequencies` must be from 1 to"),
        (lambda: single_frequency_neurons(23, 1, output_phase=np.inf), "`output_phase` must be"),
    ],
)
def test_bad_input_is_refused(call, message, unchecked):
    with pytest.raises(ValueError, match=message):
        call()


def test_frequencies_that_are_no_whole_numbers_are_refused(unchecked):
    for frequencies in (1.5, "1", [[1], [2, 3]], [True]):
        with pytest.raises(TypeError, match="`frequencies` must be whole numbers"):
            single_frequency_neurons(23, frequencies)
    with pytest.raises(TypeError, match="`num_phases` must be a whole number"):
        fourier_weights(23, 3.0)
