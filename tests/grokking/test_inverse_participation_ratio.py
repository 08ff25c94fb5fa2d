"""What a participation ratio must be: of few waves, of any size, and its conventions."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import of_either_sign, seeds, ten_decades
from theorylab.grokking.inverse_participation_ratio import inverse_participation_ratio

P = 23
K = (P - 1) // 2
X = np.arange(P)


def waves(frequencies, phases, strengths=1.0):
    angles = 2 * np.pi * np.outer(frequencies, X) / P + np.reshape(phases, (-1, 1))
    return np.reshape(strengths, (-1, 1)) * np.cos(angles)


@given(seeds, of_either_sign(ten_decades))
def test_waves_of_equal_power_count_as_so_many(seed, offset):
    random = np.random.default_rng(seed)
    for m in (1, 2, K):
        frequencies = random.choice(np.arange(1, K + 1), size=m, replace=False)
        v = np.sum(waves(frequencies, random.uniform(0, 2 * np.pi, m)), axis=0) + offset
        # Beside an offset a wave keeps that much fewer digits.
        rtol = 1e-13 * max(1, abs(offset))
        np.testing.assert_allclose(inverse_participation_ratio(v), 1 / m, rtol=rtol)


@given(seeds)
def test_equals_its_definition_and_stays_in_range(seed):
    v = np.random.default_rng(seed).normal(size=(5, P))
    power = np.abs(np.exp(-2j * np.pi * np.outer(np.arange(1, K + 1), X) / P) @ v.T) ** 2
    expected = np.sum(power**2, axis=0) / np.sum(power, axis=0) ** 2
    found = inverse_participation_ratio(v)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.all((found >= 1 / K) & (found <= 1))


@given(seeds, st.integers(0, P - 1), st.integers(1, P - 1))
def test_shifts_reflections_and_permuted_frequencies_do_not_matter(seed, shift, factor):
    v = np.random.default_rng(seed).normal(size=P)
    moved = np.stack([np.roll(v, shift), -v, v[-X % P], v[factor * X % P]])
    np.testing.assert_allclose(
        inverse_participation_ratio(moved), inverse_participation_ratio(v), rtol=1e-12
    )


@given(seeds, of_either_sign(st.floats(-300, 300).map(lambda exponent: 10.0**exponent)))
@example(0, 1e-200)
@example(0, 1e200)
@example(0, 1e-306)
@example(0, 1e307)
def test_size_does_not_matter(seed, size):
    v = np.random.default_rng(seed).uniform(-1, 1, size=(3, P))
    # The factor rounds each entry.
    np.testing.assert_allclose(
        inverse_participation_ratio(size * v), inverse_participation_ratio(v), rtol=1e-12
    )


def test_subnormal_numbers():
    whole = np.random.default_rng(0).integers(-99, 99, size=(3, P)).astype(float)
    np.testing.assert_array_equal(
        inverse_participation_ratio(np.ldexp(whole, -1074)), inverse_participation_ratio(whole)
    )


def test_other_conventions_differ():
    phases = np.linspace(0, 2, 9)
    tone = waves(np.full(9, 3), phases)
    complex_power = np.abs(np.fft.fft(tone)[:, 1:]) ** 2
    real = np.fft.rfft(tone)[:, 1:]
    real_power = np.concatenate([real.real, real.imag], axis=1) ** 2
    ratio = lambda power: np.sum(power**2, axis=1) / np.sum(power, axis=1) ** 2
    np.testing.assert_allclose(inverse_participation_ratio(tone), 1, rtol=1e-13)
    np.testing.assert_allclose(ratio(complex_power), 1 / 2, rtol=1e-13)
    fourth_powers = np.cos(phases) ** 4 + np.sin(phases) ** 4
    np.testing.assert_allclose(ratio(real_power), fourth_powers, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [3, 23, 211, 997])
def test_constants_have_none(p, dtype):
    constants = np.array([[0.0], [0.1], [-7.3], [1e-30], [1e30]], dtype) + np.zeros(p, dtype)
    for library in (np, jnp) if (p, dtype) == (211, np.float32) else (np,):
        ratio = inverse_participation_ratio(library.asarray(constants))
        assert ratio.shape == (5,)
        assert np.all(np.isnan(ratio))
    assert inverse_participation_ratio(constants + np.eye(p, dtype=dtype)[0])[1] > 0


def test_single_precision():
    tone = waves([4], [0.3]).astype(np.float32)
    for v in (tone, jnp.asarray(tone), jnp.asarray(tone) * 1e-30, jnp.asarray(tone) * 1e30):
        ratio = inverse_participation_ratio(v)
        assert ratio.dtype == np.float32
        np.testing.assert_allclose(ratio, 1, rtol=1e-6)


def test_under_jax(double):
    v = np.random.default_rng(0).normal(size=(2, 3, P))
    expected = inverse_participation_ratio(v)
    np.testing.assert_allclose(jax.jit(inverse_participation_ratio)(v), expected, rtol=1e-12)
    mapped = jax.jit(jax.vmap(jax.vmap(inverse_participation_ratio)))(v)
    np.testing.assert_allclose(mapped, expected, rtol=1e-12)
    slope = jax.jit(jax.grad(inverse_participation_ratio))
    step = 1e-6 * np.random.default_rng(1).normal(size=P)
    at = v[0, 0]
    difference = inverse_participation_ratio(at + step) - inverse_participation_ratio(at - step)
    np.testing.assert_allclose(2 * slope(at) @ step, difference, rtol=1e-6)
    np.testing.assert_allclose(slope(at) @ at, 0, atol=1e-13)
    for size in (1e-200, 1e200):
        np.testing.assert_allclose(size * slope(size * at), slope(at), rtol=1e-9, atol=1e-13)
    assert np.isnan(jax.jit(inverse_participation_ratio)(np.r_[np.inf, at[1:]]))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    v = xp.asarray(np.eye(3))
    ratio = inverse_participation_ratio(v)
    assert type(ratio) is type(v)
    np.testing.assert_allclose(np.asarray(ratio), 1, rtol=1e-5)
    assert inverse_participation_ratio([1, 0, 0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (1.0, "`weights` must have an axis of the integers modulo p; got a number"),
        (np.ones(4), "`modulus` must be an odd integer >= 3; got 4"),
        (np.ones(1), "`modulus` must be >= 3; got 1"),
        ([1.0, np.nan, 0.0], "`weights` must be finite everywhere; got nan"),
    ],
)
def test_bad_input_is_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        inverse_participation_ratio(weights)
