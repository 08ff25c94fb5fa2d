"""NC1 of features without labels' knowledge against draws, and of Gaussians against a design."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.null_variability_collapse import (
    mixture_variability_collapse,
    null_variability_collapse,
)
from theorylab.neural_collapse.variability_collapse import variability_collapse


@partial(jax.jit, static_argnames=("K", "n", "d", "draws"))
def drawn(key, K, n, d, draws):
    features = jax.random.normal(key, (draws, K * n, d), float)
    labels = np.repeat(np.arange(K), n)
    return jax.vmap(lambda h: variability_collapse(h, labels, num_classes=K))(features)


# The variance is finite for d >= K + 3 or d <= K - 5; these have finite fourth moments or nearly.
@pytest.mark.parametrize(
    ("K", "n", "d", "exact"),
    [(4, 5, 10, 2), (4, 5, 30, 6 / 13), (8, 3, 3, 2), (10, 4, 5, 5), (2, 4, 9, 3 / 7)],
)
def test_draws_agree_and_refute_the_neighbours(K, n, d, exact, double):
    assert null_variability_collapse(K, n, d) == pytest.approx(exact, rel=1e-15)
    values = np.asarray(drawn(jax.random.key(0), K, n, d, 4000))
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - exact) < 4 * error
    for wrong in (n / (n - 1), K, (d - K) / (d - K - 1) if d > K else (K - 2 - d) / (K - 1 - d)):
        assert abs(values.mean() - wrong * exact) > 4 * error


def test_infinite_between_and_zero_for_one_sample():
    d = np.arange(1, 9)
    values = null_variability_collapse(5, 3, d)
    np.testing.assert_array_equal(values, [1, 4, np.inf, np.inf, np.inf, 8, 4, 8 / 3])
    np.testing.assert_array_equal(null_variability_collapse(5, 1, d), 0)


def test_under_jit(double):
    compiled = jax.jit(null_variability_collapse)
    assert compiled(4, 5, 10) == 2
    assert np.isnan(compiled(1, 5, 10))
    assert np.isnan(compiled(4, 5, 2.5))


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [("num_classes", 1, 2), ("samples_per_class", 0, 1), ("dimension", 2.5, 1)],
)
def test_bad_numbers_are_refused(name, value, bound):
    arguments = dict(num_classes=3, samples_per_class=2, dimension=9) | {name: value}
    with pytest.raises(
        ValueError, match=f"`{name}` must be a whole number >= {bound}; got {value}"
    ):
        null_variability_collapse(**arguments)


def design(means, deviation):
    """Samples of which each class has exactly its mean and exactly the covariance of the noise."""
    K, d = means.shape
    arms = deviation * math.sqrt(d) * np.concatenate([np.eye(d), -np.eye(d)])
    return (means[:, None] + arms).reshape(-1, d), np.repeat(np.arange(K), 2 * d)


@given(seeds, st.integers(2, 6), st.integers(1, 8), decades(1e-3, 10))
def test_a_design_of_exact_covariance_agrees(seed, K, d, deviation):
    means = np.random.default_rng(seed).normal(size=(K, d))
    expected = mixture_variability_collapse(means, deviation**2)
    np.testing.assert_allclose(variability_collapse(*design(means, deviation)), expected, rtol=1e-9)


@given(st.integers(2, 12), decades(0.01, 100), decades(0.01, 100))
def test_a_simplex(K, length, deviation):
    means = length * math.sqrt(K / (K - 1)) * (np.eye(K) - 1 / K) + 0.7
    expected = deviation**2 * (K - 1) ** 2 / (K * length**2)
    assert mixture_variability_collapse(means, deviation**2) == pytest.approx(expected, rel=1e-9)


def test_gaussians(double):
    means = 2 * math.sqrt(5 / 4) * (np.eye(5) - 1 / 5)
    exact = float(mixture_variability_collapse(means, 0.09))
    assert exact == pytest.approx(0.0720, rel=1e-12)
    n, labels = 500, np.repeat(np.arange(5), 500)
    noise = 0.3 * jax.random.normal(jax.random.key(1), (100, 5 * n, 5), float)
    values = jax.jit(jax.vmap(lambda x: variability_collapse(x, labels, num_classes=5)))(
        means[labels] + noise
    )
    # To first order in 1/n: the lost degrees of freedom, and the noise of the means, of variance
    # s = 0.09/n, in the inverse of 4 x 4 products that are 5 I without it: (2*4 + 2 - 5) s/5.
    expected = exact * (1 - 1 / n + 0.09 / n)
    assert abs(values.mean() - expected) < 4 * values.std() / 10


def test_the_mixture_follows_its_input_and_has_a_slope(double):
    means = jnp.eye(4)
    slope = jax.jit(jax.grad(mixture_variability_collapse))(means, 1.0)
    # NC1 scales as the inverse square of the means.
    assert jnp.sum(slope * means) == pytest.approx(
        -2 * float(mixture_variability_collapse(means, 1))
    )


@pytest.mark.parametrize(
    ("means", "variance", "message"),
    [
        (np.ones(3), 1, r"`class_means` must be vectors in rows.* \(3,\)"),
        (np.ones((1, 3)), 1, r"`class_means` must be .* 2 or more; got shape \(1, 3\)"),
        (np.full((3, 3), 0.1), 1, "`class_means` must be vectors that differ"),
        (np.full((3, 3), np.inf), 1, "`class_means` must be finite"),
        (np.eye(3), -1, "`noise_variance` must be .*>= 0; got -1"),
        (np.eye(3), [1, 2], "`noise_variance` must be one number"),
    ],
)
def test_bad_mixtures_are_refused(means, variance, message):
    with pytest.raises(ValueError, match=message):
        mixture_variability_collapse(means, variance)
