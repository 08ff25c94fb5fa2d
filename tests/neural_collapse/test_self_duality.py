"""NC3: classifier against class means, for classes of equal sizes and of unequal ones."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.class_means import class_means
from theorylab.neural_collapse.self_duality import duality_cosines, self_duality


def orthogonal(seed, dimension):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension))).Q


@given(seeds, st.integers(2, 6), decades(1e-5, 1e5))
def test_zero_for_a_multiple_and_two_for_the_opposite(seed, K, scale):
    means = np.random.default_rng(seed).normal(size=(K, 4))
    assert self_duality(scale * means, means) < 1e-15
    assert self_duality(-scale * means, means) == pytest.approx(2)
    np.testing.assert_allclose(duality_cosines(scale * means, means), 1, rtol=1e-14)


def test_about_the_root_of_two_at_chance():
    random = np.random.default_rng(0)
    W, M = random.normal(size=(2, 10, 10_000))
    # The square is 2 - 2 cos, and the cosine of deviation 1/sqrt(10 * 10 000).
    assert self_duality(W, M) == pytest.approx(math.sqrt(2), abs=4 / math.sqrt(2e5))


@given(seeds, st.lists(decades(0.1, 3), min_size=3, max_size=3), decades(1e-3, 1))
def test_scales_of_an_orthogonal_classifier_under_imbalance(seed, lengths, decay):
    """Features that minimise squared loss with decay for a given classifier, by their equation."""
    sizes = np.array([1, 3, 6])
    labels = np.repeat(np.arange(3), sizes)
    W = np.array(lengths)[:, None] * orthogonal(seed, 5)[:3]
    N, onehot = 10, np.eye(3)[labels]
    features = np.linalg.solve(W.T @ W / N + decay * np.eye(5), W.T @ onehot.T / N).T
    means = class_means(features, labels)
    scales = (W**2).sum(1) + N * decay
    assert self_duality(W, means, scales=scales) < 1e-12
    np.testing.assert_allclose(duality_cosines(W, means), 1, rtol=1e-12)
    if max(lengths) > 2 * min(lengths):
        assert self_duality(W, means) > 1e-3


def test_a_class_that_has_vanished_has_no_direction():
    W = np.diag([1.0, 2.0, 0.0])
    assert self_duality(W, W) == 0
    np.testing.assert_array_equal(duality_cosines(W, W), [1, 1, np.nan])
    assert np.isnan(self_duality(0 * W, W))


def test_under_jax(double):
    W, M = np.random.default_rng(0).normal(size=(2, 3, 5))
    assert jax.jit(self_duality)(W, M) == pytest.approx(float(self_duality(W, M)), rel=1e-13)
    assert jnp.all(jnp.isfinite(jax.grad(self_duality)(jnp.asarray(W), W)))
    assert np.isnan(jax.jit(self_duality)(W * np.nan, M))
    scaled = jax.jit(lambda scales: self_duality(W, M, scales=scales))
    assert np.isnan(scaled(jnp.array([1.0, -1.0, 1.0])))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_follows_the_library_of_its_input(library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    W, M = np.random.default_rng(0).normal(size=(2, 3, 5))
    value = self_duality(xp.asarray(W), xp.asarray(M), scales=[1, 2, 3])
    assert type(value) is type(xp.asarray(W))
    assert float(value) == pytest.approx(float(self_duality(W, M, scales=[1, 2, 3])), rel=1e-13)
    cosines = duality_cosines(xp.asarray(W), xp.asarray(M))
    np.testing.assert_allclose(np.asarray(cosines), duality_cosines(W, M), rtol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(weights=np.ones((3, 4))), r"of one shape.* got \(3, 4\) and \(3, 5\)"),
        (dict(weights=np.ones((5, 3))), r"of one shape.* got \(5, 3\) and \(3, 5\)"),
        (dict(weights=np.ones(5)), r"`weights` must be vectors in rows.* \(5,\)"),
        (dict(class_means=np.ones((1, 5))), r"`class_means` must be .* \(1, 5\)"),
        (dict(class_means=np.full((3, 5), np.nan)), "`class_means` must be finite"),
        (dict(scales=[1, 2]), r"`scales` must be one number for each of 3 classes.* \(2,\)"),
        (dict(scales=[1, -2, 1]), "`scales` must be >= 0 everywhere; got -2"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = dict(weights=np.ones((3, 5)), class_means=np.ones((3, 5)))
    with pytest.raises(ValueError, match=message):
        self_duality(**arguments | change)
