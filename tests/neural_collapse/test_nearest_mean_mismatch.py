"""NC4: the classifier against the nearest class mean, with ties."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.class_means import class_means
from theorylab.neural_collapse.nearest_mean_mismatch import nearest_mean_mismatch


def drawn(seed, K=4, n=5, d=3):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(K), n)
    return random.normal(size=(K * n, d)), labels, random.normal(size=(K, d)), random.normal(size=K)


@given(seeds)
def test_counts_samples_of_two_minds(seed):
    h, y, W, b = drawn(seed)
    distances = np.linalg.norm(h[:, None] - class_means(h, y), axis=2)
    expected = np.mean((h @ W.T + b).argmax(1) != distances.argmin(1))
    assert nearest_mean_mismatch(h, y, W, b) == (pytest.approx(expected), 0)


@given(seeds, decades(1e-3, 1e3), st.floats(-100, 100))
def test_the_nearest_mean_as_a_classifier(seed, scale, shift):
    """-|h - mu|^2/2 is linear in h but for what all classes share; far off the origin, too."""
    h, y, *_ = drawn(seed)
    h = h + shift
    means = class_means(h, y)
    bias = -scale * (means**2).sum(1) / 2
    assert nearest_mean_mismatch(h, y, scale * means, bias) == (0, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_collapse(dtype):
    K, n = 5, 4
    y = np.tile(np.arange(K), n)
    simplex = (np.eye(K) - 1 / K).astype(dtype)
    assert nearest_mean_mismatch(simplex[y] + dtype(0.3), y, simplex) == (0, 0)
    # Classes 3 and 4 have collapsed to the origin: their logits are all equal, and the lowest
    # class counts; the nearest mean of theirs is 3's or 4's.
    frame = np.diag([3.0, 2.0, 1.0, 0.0, 0.0]).astype(dtype)
    assert nearest_mean_mismatch(frame[y], y, frame) == (pytest.approx(2 / 5), 2 * n)
    # All together: both rules say 0.
    assert nearest_mean_mismatch(0 * frame[y], y, frame) == (0, K * n)


def test_what_rounding_tells_apart_is_a_tie():
    y = np.array([0, 1, 0, 1])
    h = np.array([[1.0, 0.1], [-1.0, 0.1], [1.0, 0.1], [-1.0, 0.1]])
    W = np.array([[0.0, 1.0], [1e-17, 1.0]])
    fraction, ties = nearest_mean_mismatch(h, y, W)
    assert (fraction, ties) == (0.5, 4)
    assert nearest_mean_mismatch(h, y, [[0.0, 1.0], [-1e-3, 1.0]]) == (0, 0)


def test_near_chance(double):
    """Wide features know their own class mean, whatever it is; a random classifier does not."""
    h, y, W, _ = drawn(0, K=10, n=100, d=500)
    # 1000 samples: the deviation of a fraction is 0.01 at most.
    assert nearest_mean_mismatch(h, y, W).fraction == pytest.approx(0.9, abs=0.04)


def test_under_jax(double):
    h, y, W, b = drawn(0)
    measure = jax.jit(nearest_mean_mismatch)
    assert measure(h, y, W, b) == nearest_mean_mismatch(h, y, W, b)
    assert all(np.isnan(measure(h, y, W * np.nan, b)))
    assert all(np.isnan(measure(h, y + 1, W, b)))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_follows_the_library_of_its_input(library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    arguments = drawn(0)
    theirs = nearest_mean_mismatch(*(xp.asarray(x) for x in arguments))
    assert [float(x) for x in theirs] == list(nearest_mean_mismatch(*arguments))
    assert type(theirs.fraction) is type(xp.asarray(arguments[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(weights=np.ones((4, 2))), r"`weights` must be of shape \(4, 3\).* got \(4, 2\)"),
        (dict(weights=np.ones((3, 3))), "`labels` must be from 0 to 2 .* got 3"),
        (dict(weights=np.ones((5, 3))), "`labels` has none of class 4"),
        (dict(weights=np.ones(3)), r"`weights` must be of shape \(4, 3\).* got \(3,\)"),
        (dict(weights=np.full((4, 3), np.nan)), "`weights` must be finite"),
        (dict(bias=1.0), r"`bias` must be of shape \(4,\).* got \(\)"),
        (dict(bias=np.ones(3)), r"`bias` must be of shape \(4,\).* got \(3,\)"),
        (dict(bias=np.full(4, np.inf)), "`bias` must be finite"),
    ],
)
def test_bad_classifiers_are_refused(change, message):
    h, y, W, b = drawn(0)
    with pytest.raises(ValueError, match=message):
        nearest_mean_mismatch(**dict(features=h, labels=y, weights=W, bias=b) | change)
