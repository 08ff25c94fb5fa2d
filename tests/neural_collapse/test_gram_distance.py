"""NC2 as one distance: frames against each other, with and without their mean."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.gram_distance import gram_distance, normalized_distance

FRAMES = ["simplex_etf", "orthogonal_frame", "general_orthogonal_frame"]


def orthogonal(seed, dimension):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension))).Q


@given(seeds, st.integers(2, 8), decades(1e-5, 1e5), st.floats(-3, 3))
def test_each_frame_is_on_its_target(seed, K, scale, shift):
    frame = scale * orthogonal(seed, 9)[:K]
    lengths = np.random.default_rng(seed).uniform(0, 2, K)
    assert gram_distance(frame - frame.mean(0) + scale * shift) < 1e-13
    assert gram_distance(frame, "orthogonal_frame") < 1e-14
    assert gram_distance(lengths[:, None] * frame, "general_orthogonal_frame") < 1e-14
    assert gram_distance(lengths[:, None] * frame, np.diag(lengths**2)) < 1e-14


@pytest.mark.parametrize("K", [2, 5, 40])
def test_a_simplex_is_an_orthogonal_frame_without_its_mean(K):
    frame = 3 * orthogonal(0, K)
    exact = math.sqrt(2 * (1 - math.sqrt((K - 1) / K)))
    assert gram_distance(frame) < 1e-14  # about its mean it is one
    assert gram_distance(frame, centred=False) == pytest.approx(exact, rel=1e-13)
    simplex = frame - frame.mean(0)
    assert gram_distance(simplex, "orthogonal_frame") == pytest.approx(exact, rel=1e-13)
    assert gram_distance(simplex, centred=False) < 1e-14
    if K == 5:
        assert exact == pytest.approx(0.4595058410947, abs=5e-14)


@given(seeds, st.integers(2, 6), st.integers(1, 5))
def test_bounds_and_the_nearest_diagonal(seed, K, d):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(K, d))
    for frame in FRAMES:
        assert 0 <= gram_distance(vectors, frame, centred=False) <= math.sqrt(2)
    nearest = gram_distance(vectors, "general_orthogonal_frame")
    for diagonal in (np.ones(K), random.uniform(size=K)):
        assert gram_distance(vectors, np.diag(diagonal)) >= nearest - 1e-15
    expected = normalized_distance(vectors @ vectors.T, np.eye(K))
    assert gram_distance(vectors, "orthogonal_frame") == pytest.approx(float(expected), rel=1e-13)


def test_a_seli_target():
    """The Gram matrix of logits of unequal classes is not that of any frame with a name."""
    n = np.array([12.0, 6, 3, 1])
    centring = np.eye(4) - 1 / 4
    means = np.linalg.svd(centring * np.sqrt(n)).U * np.sqrt([4, 3, 2, 0.0])
    target = means @ means.T
    assert gram_distance(means @ orthogonal(1, 4), target) < 1e-14
    assert min(gram_distance(means, frame) for frame in FRAMES) > 0.1


def test_nothing_has_no_direction():
    assert np.isnan(gram_distance(np.zeros((3, 2)), "orthogonal_frame"))
    assert np.isnan(normalized_distance([0.0, 0.0], [1.0, 0.0]))
    assert normalized_distance([2.0, 0.0], [-1.0, 0.0]) == 2


def test_under_jax(double):
    vectors = np.random.default_rng(0).normal(size=(4, 5))
    for frame in FRAMES:
        measure = jax.jit(lambda v, frame=frame: gram_distance(v, frame))
        exact = float(gram_distance(vectors, frame))
        assert measure(vectors) == pytest.approx(exact, rel=1e-12)
        slope = jax.grad(measure)(jnp.asarray(np.eye(4)))
        assert jnp.all(jnp.isfinite(slope))
    assert jax.jit(gram_distance)(vectors, np.eye(4)) == pytest.approx(
        float(gram_distance(vectors, "orthogonal_frame")), rel=1e-12
    )
    assert np.isnan(jax.jit(gram_distance)(vectors, np.full((4, 4), np.nan)))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_follows_the_library_of_its_input(library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    vectors = np.random.default_rng(0).normal(size=(4, 5))
    for target in (*FRAMES, np.eye(4), xp.asarray(np.eye(4))):
        value = gram_distance(xp.asarray(vectors), target)
        assert type(value) is type(xp.asarray(vectors))
        plain = target if isinstance(target, str) else np.eye(4)
        assert float(value) == pytest.approx(float(gram_distance(vectors, plain)), rel=1e-12)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("simplex", "`target` must be a Gram matrix or one of \"simplex_etf\".* got 'simplex'"),
        (np.eye(3), r"`target` must be 4 x 4.* got shape \(3, 3\)"),
        (np.ones(4), r"`target` must be 4 x 4.* got shape \(4,\)"),
        (np.full((4, 4), np.nan), "`target` must be finite everywhere; got nan"),
    ],
)
def test_bad_targets_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        gram_distance(np.eye(4), target)


def test_bad_vectors_are_refused():
    with pytest.raises(ValueError, match=r"`vectors` must be .* 2 or more; got shape \(1, 3\)"):
        gram_distance(np.ones((1, 3)))
    with pytest.raises(ValueError, match="`vectors` must be finite"):
        gram_distance(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"of one shape; got \(2,\) and \(3,\)"):
        normalized_distance(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="`second` must be finite"):
        normalized_distance(np.ones(2), [1, np.inf])
