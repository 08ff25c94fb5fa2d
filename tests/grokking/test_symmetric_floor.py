"""The floor of symmetric networks: against its proof, and against training sets drawn."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.grokking import symmetric_floor as proof
from tests.strategies import seeds
from theorylab.grokking.network import Weights, network_logits
from theorylab.grokking.symmetric_floor import symmetric_floor, symmetric_floor_variance

moduli = st.integers(1, 100).map(lambda K: 2 * K + 1)


def covered(p, n, draws, seed=0):
    """The fraction of test pairs whose mirror image is trained, of so many training sets."""
    random = np.random.default_rng(seed)
    order = random.permuted(np.tile(np.arange(p * p), (draws, 1)), axis=1)
    trained = (order < n).reshape(draws, p, p)
    return np.sum(~trained & np.swapaxes(trained, 1, 2), axis=(1, 2)) / (p * p - n)


@given(moduli, st.floats(0, 1))
def test_code_agrees_with_its_proof(p, fraction):
    n = round(fraction * (p * p - 1))
    at = {proof.p: p, proof.n: n}
    np.testing.assert_allclose(symmetric_floor(p, n), float(proof.mean.subs(at)), rtol=1e-14)
    exact = float(proof.variance.subs(at))
    np.testing.assert_allclose(symmetric_floor_variance(p, n), exact, rtol=1e-13)


@pytest.mark.parametrize(("p", "n"), [(3, 4), (23, 396), (23, 100), (23, 528)])
def test_training_sets_drawn(p, n):
    draws = 3000
    fractions = covered(p, n, draws)
    mean, variance = symmetric_floor(p, n), symmetric_floor_variance(p, n)
    assert abs(np.mean(fractions) - mean) < 4 * np.sqrt(variance / draws)
    # The error of a variance, from the fourth moment.
    error = np.sqrt(np.var((fractions - mean) ** 2) / draws)
    assert abs(np.mean((fractions - mean) ** 2) - variance) < 4 * error


def test_nothing_and_all_but_one():
    for p in (3, 5, 23):
        assert symmetric_floor(p, 0) == symmetric_floor_variance(p, 0) == 0
        last = p * p - 1
        np.testing.assert_allclose(symmetric_floor(p, last), 1 - 1 / p, rtol=1e-14)
        np.testing.assert_allclose(symmetric_floor_variance(p, last), (1 - 1 / p) / p, rtol=1e-14)


@given(moduli)
def test_floor_rises_with_the_training_set(p):
    n = np.arange(p * p)
    floor = symmetric_floor(p, n)
    assert np.all(np.diff(floor) > 0)
    assert np.all(floor < 1)
    assert np.all(floor <= n / p**2)  # never more than the training fraction
    assert np.all(symmetric_floor_variance(p, n) >= 0)


@given(seeds, st.sampled_from(["quadratic", "relu"]))
def test_networks_answer_mirror_images_alike(seed, activation):
    # So that the pairs counted are indeed answered right with their mirror images.
    theta, xi = np.random.default_rng(seed).normal(size=(2, 4, 5))
    f = network_logits(Weights(theta, xi), activation)
    np.testing.assert_allclose(f, np.swapaxes(f, 0, 1), rtol=1e-12, atol=1e-12)


def test_under_jax(double):
    n = np.asarray([0.0, 396, 528, 529, -1, 1.5, np.nan])
    for law in (symmetric_floor, symmetric_floor_variance):
        traced = jax.jit(lambda n, law=law: law(23, n))(n)
        np.testing.assert_allclose(traced[:3], law(23, n[:3]), rtol=1e-14)
        assert np.all(np.isnan(traced[3:]))
    assert jax.grad(lambda n: symmetric_floor(23, n))(396.0) == pytest.approx(1 / (23 * 24))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    n = xp.asarray([396.0, 528.0], dtype=xp.float32)
    for law in (symmetric_floor, symmetric_floor_variance):
        assert type(law(23, n)) is type(n)
        assert law(23, n).dtype == xp.float32
        np.testing.assert_allclose(np.asarray(law(23, n)), law(23, [396, 528]), rtol=1e-6)
    # Integers of this modulus exceed 64 bits.
    assert float(symmetric_floor_variance(99_999, n)[0]) > 0


@pytest.mark.parametrize(
    ("p", "n", "message"),
    [
        (22, 5, "`modulus` must be an odd integer >= 3; got 22"),
        (1, 0, "`modulus` must be >= 3; got 1"),
        (5, 25, "`num_train` must be a whole number from 0 to 24; got 25"),
        (5, -1, "`num_train` must be a whole number from 0 to 24; got -1"),
        (5, [2, 0.75], "`num_train` must be a whole number from 0 to 24 everywhere; got 0.75"),
    ],
)
def test_bad_input_is_refused(p, n, message):
    for law in (symmetric_floor, symmetric_floor_variance):
        with pytest.raises(ValueError, match=message):
            law(p, n)


def test_stored_number():
    # For p = 23, n = 396; training sets drawn independently gave .71772, s.e. .00071.
    np.testing.assert_allclose(symmetric_floor(23, 396), 0.717391, atol=5e-7)
    assert abs(symmetric_floor(23, 396) - 0.71772) < 2 * 0.00071
