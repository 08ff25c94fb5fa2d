"""Dominant waves: planted ones are found again, with their phases."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import seeds
from theorylab.grokking.network import Weights
from theorylab.grokking.phase_alignment import dominant_waves, phase_alignment

P = 23
K = (P - 1) // 2
X = np.arange(P)


def wave(strength, frequency, phase):
    angle = 2 * np.pi * np.multiply.outer(frequency, X) / P + np.asarray(phase)[..., None]
    return np.asarray(strength)[..., None] * np.cos(angle)


def same_angle(found, expected, **tolerance):
    np.testing.assert_allclose(np.exp(1j * np.asarray(found)), np.exp(1j * expected), **tolerance)


@given(seeds, st.sampled_from([1e-200, 1e-3, 1.0, 1e200]))
def test_planted_waves_are_found(seed, size):
    random = np.random.default_rng(seed)
    k, weaker = random.permuted(np.tile(np.arange(1, K + 1), (4, 1)), axis=1)[:, :2].T
    alpha, beta = random.uniform(0.2, 2, (2, 4))
    phi, psi, noise = random.uniform(-np.pi, np.pi, (3, 4))
    theta = wave(alpha, k, phi) + wave(alpha / 2, weaker, noise) + 0.3
    # What is put out most of is at the other frequency, which counts for "both".
    xi = wave(beta, k, psi) + wave(3 + beta, weaker, noise) - 0.2
    weights = Weights(size * theta, size * xi)
    found = dominant_waves(*weights)
    np.testing.assert_array_equal(found.frequencies, k)
    np.testing.assert_allclose(found.input_strengths / size, alpha, rtol=1e-12)
    np.testing.assert_allclose(found.output_strengths / size, beta, rtol=1e-12)
    same_angle(found.input_phases, phi, atol=1e-12)
    same_angle(found.output_phases, psi, atol=1e-12)
    same_angle(found.misalignments, 2 * phi - psi, atol=1e-12)
    assert np.all(np.abs(found.misalignments) <= np.pi)
    expected = np.mean(np.cos(2 * phi - psi))
    np.testing.assert_allclose(phase_alignment(*weights), expected, atol=1e-12)
    np.testing.assert_array_equal(dominant_waves(*weights, by="both").frequencies, weaker)
    # There both phases are `noise`.
    expected = np.mean(np.cos(noise))
    np.testing.assert_allclose(phase_alignment(*weights, by="both"), expected, atol=1e-12)


@given(seeds, st.integers(0, P - 1))
def test_a_shift_of_the_arguments_changes_no_misalignment(seed, shift):
    theta, xi = np.random.default_rng(seed).normal(size=(2, 3, P))
    before = dominant_waves(theta, xi)
    after = dominant_waves(np.roll(theta, shift, axis=1), np.roll(xi, 2 * shift, axis=1))
    np.testing.assert_array_equal(after.frequencies, before.frequencies)
    same_angle(after.misalignments, before.misalignments, atol=1e-10)


def test_neurons_that_add_are_aligned_and_their_opposites_are_not():
    theta, xi = wave(np.ones(3), [1, 5, 5], [0.1, 2, -3]), wave(np.ones(3), [1, 5, 5], [0.2, 4, -6])
    np.testing.assert_allclose(phase_alignment(theta, xi), 1, rtol=1e-14)
    np.testing.assert_allclose(phase_alignment(theta, -xi), -1, rtol=1e-14)


def test_both_powers_count():
    # Strengths of 0.8 and 0.8 have more power together than 1 and 0, or 0 and 1.
    theta = wave(1.0, 1, 0.1) + wave(0.8, 2, 0.2)
    xi = wave(0.8, 2, 0.3) + wave(1.0, 3, 0.4)
    for by, k in (("input", 1), ("both", 2)):
        assert dominant_waves(theta[None], xi[None], by=by).frequencies == k


def test_networks_on_leading_axes():
    theta, xi = np.random.default_rng(0).normal(size=(2, 2, 3, 4, P))
    rho = phase_alignment(theta, xi)
    assert rho.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        np.testing.assert_allclose(rho[i, j], phase_alignment(theta[i, j], xi[i, j]), rtol=1e-13)


def test_a_neuron_without_a_wave_is_not_a_number():
    theta, xi = np.random.default_rng(0).normal(size=(2, 3, P))
    theta[1] = 0.1  # a constant
    xi[2] = 0
    found = dominant_waves(theta, xi)
    np.testing.assert_array_equal(np.isnan(found.misalignments), [False, True, True])
    np.testing.assert_array_equal(np.isnan(found.input_phases), [False, True, False])
    np.testing.assert_array_equal(np.isnan(found.output_phases), [False, False, True])
    assert np.isnan(phase_alignment(theta, xi))


def test_under_jax(double):
    theta, xi = np.random.default_rng(0).normal(size=(2, 3, 4, P))
    expected = dominant_waves(theta, xi)
    for measure in (jax.jit(dominant_waves), jax.jit(jax.vmap(dominant_waves))):
        for found, value in zip(
            measure(jnp.asarray(theta), jnp.asarray(xi)), expected, strict=True
        ):
            np.testing.assert_allclose(found, value, rtol=1e-10)
    slope = jax.jit(jax.grad(phase_alignment, argnums=(0, 1)))
    step = 1e-6 * np.random.default_rng(1).normal(size=(2, 4, P))
    at = np.stack([theta[0], xi[0]])
    difference = phase_alignment(*(at + step)) - phase_alignment(*(at - step))
    np.testing.assert_allclose(2 * np.sum(slope(*at) * step), difference, rtol=1e-5)
    tones = wave(np.ones(2), [1, 5], [0.1, 0.7])  # all else is 0 to rounding
    assert np.all(np.isfinite(slope(tones, tones)))
    assert np.isnan(jax.jit(phase_alignment)(theta[0] * np.inf, xi[0]))
    tiny = jax.jit(dominant_waves)(1e-200 * theta, 1e-200 * xi)
    np.testing.assert_allclose(tiny.misalignments, expected.misalignments, rtol=1e-10)
    np.testing.assert_array_equal(tiny.frequencies, expected.frequencies)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("by", ["input", "both"])
def test_follows_the_library_of_its_input(xp, by):
    theta, xi = np.random.default_rng(0).normal(size=(2, 3, P)).astype(np.float32)
    found = phase_alignment(xp.asarray(theta), xp.asarray(xi), by=by)
    assert found.dtype == xp.float32
    assert float(found) == pytest.approx(float(phase_alignment(theta, xi, by=by)), abs=1e-5)
    expected = phase_alignment(theta.astype(float), xi.astype(float), by=by)
    assert float(found) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("theta", "xi", "by", "message"),
    [
        (np.ones((2, 5)), np.ones((3, 5)), "input", r"must both be .* got \(2, 5\) and \(3, 5\)"),
        (np.ones(5), np.ones(5), "input", r"must both be \(neurons, p\)"),
        (np.ones((2, 4)), np.ones((2, 4)), "input", "`modulus` must be an odd integer >= 3; got 4"),
        (np.ones((0, 5)), np.ones((0, 5)), "input", "one neuron or more; got none"),
        (np.ones((1, 3)), np.full((1, 3), np.inf), "input", "`output_weights` must be finite"),
        (np.ones((1, 3)), np.ones((1, 3)), "output", '`by` must be "input" or "both"; got'),
    ],
)
def test_bad_input_is_refused(theta, xi, by, message, unchecked):
    with pytest.raises(ValueError, match=message):
        phase_alignment(theta, xi, by=by)
