"""Means and covariances by class: their definitions, and the law of total covariance."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import seeds
from theorylab.neural_collapse.class_means import (
    between_class_covariance,
    class_means,
    global_mean,
    within_class_covariance,
)

sizes = st.lists(st.integers(1, 6), min_size=2, max_size=6)


def samples(seed, class_sizes, dimension=4):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
    return random.normal(size=(len(labels), dimension)) + labels[:, None], labels


@given(seeds, sizes)
def test_means_are_those_of_the_rows(seed, class_sizes):
    h, y = samples(seed, class_sizes)
    means = np.stack([h[y == k].mean(0) for k in range(len(class_sizes))])
    close = lambda value, expected: np.testing.assert_allclose(value, expected, atol=1e-14)
    close(class_means(h, y), means)
    close(global_mean(h, y), h.mean(0))
    close(global_mean(h, y, over="classes"), means.mean(0))
    close(class_means(h, y, centre="samples"), means - h.mean(0))
    close(class_means(h, y, centre="classes"), means - means.mean(0))


@given(seeds, sizes)
def test_covariances_add_up_where_classes_are_equal(seed, class_sizes):
    h, y = samples(seed, [max(class_sizes)] * len(class_sizes))
    total = np.cov(h.T, bias=True)
    within, between = within_class_covariance(h, y), between_class_covariance(h, y)
    np.testing.assert_allclose(within + between, total, atol=1e-13)
    np.testing.assert_allclose(between_class_covariance(h, y, global_mean="classes"), between)


@given(seeds, sizes)
def test_covariances_are_divided_by_samples_and_classes(seed, class_sizes):
    h, y = samples(seed, class_sizes)
    means = class_means(h, y)
    deviations = h - means[y]
    expected = deviations.T @ deviations / len(y)
    np.testing.assert_allclose(within_class_covariance(h, y), expected, atol=1e-14)
    for centre in ("samples", "classes"):
        rows = means - global_mean(h, y, over=centre)
        np.testing.assert_allclose(
            between_class_covariance(h, y, global_mean=centre),
            rows.T @ rows / len(rows),
            atol=1e-14,
        )


def test_under_jit():
    h, y = samples(0, [3, 4])
    for measure in (class_means, global_mean, within_class_covariance, between_class_covariance):
        value = jax.jit(measure, static_argnames="num_classes")(h, y, num_classes=2)
        np.testing.assert_allclose(value, measure(h, y), rtol=1e-5)


def test_an_unknown_centre_is_refused(unchecked):
    with pytest.raises(ValueError, match='of "samples" or of "classes"; got 1'):
        class_means([[0.0], [1.0]], [0, 1], centre=1)
