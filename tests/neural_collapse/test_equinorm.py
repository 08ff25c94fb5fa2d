"""NC2 in parts: lengths and angles of vectors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.equinorm import equiangularity, equinorm, max_angle

MEASURES = [equinorm, equiangularity, max_angle]


def orthogonal(seed, dimension):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension))).Q


@given(seeds, st.integers(2, 8), decades(1e-5, 1e5))
def test_of_frames(seed, K, scale):
    frame = scale * orthogonal(seed, 9)[:K]
    simplex = frame - frame.mean(0)
    for vectors, angle in ((simplex, 0), (frame, 1 / (K - 1))):
        assert equinorm(vectors) < 1e-14
        assert equiangularity(vectors) < 1e-14
        assert max_angle(vectors) == pytest.approx(angle, abs=1e-14)


@given(seeds, st.integers(2, 6), st.integers(1, 5))
def test_are_their_definitions(seed, K, d):
    vectors = np.random.default_rng(seed).normal(size=(K, d))
    norms = np.linalg.norm(vectors, axis=1)
    cosines = ((vectors @ vectors.T) / np.outer(norms, norms))[~np.eye(K, dtype=bool)]
    expected = norms.std() / norms.mean(), cosines.std(), np.abs(cosines + 1 / (K - 1)).mean()
    close = dict(rel=1e-11, abs=1e-15)
    assert [measure(vectors) for measure in MEASURES] == pytest.approx(expected, **close)


def test_lengths_and_angles_are_apart():
    triangle = np.array([[1, 0], [-1 / 2, math.sqrt(3) / 2], [-1 / 2, -math.sqrt(3) / 2]])
    longer = np.array([[3.0], [1.0], [2.0]]) * triangle
    assert equinorm(longer) == pytest.approx(math.sqrt(2 / 3) / 2)
    assert equiangularity(longer) < 1e-15
    assert max_angle(longer) < 1e-15


def test_zero_vectors():
    assert np.isnan(equinorm(np.zeros((3, 2))))
    one = np.eye(3)[:, :2]
    assert equinorm(one) == pytest.approx(math.sqrt(2) / 2)
    assert np.isnan(equiangularity(one))
    assert np.isnan(max_angle(one))


@pytest.mark.parametrize("measure", MEASURES)
def test_under_jax(measure, double):
    vectors = np.random.default_rng(0).normal(size=(4, 5))
    value = jax.jit(measure)(vectors)
    assert value == pytest.approx(float(measure(vectors)), rel=1e-12)
    assert jnp.all(jnp.isfinite(jax.grad(measure)(jnp.eye(4))))  # deviations of exactly 0
    assert np.isnan(jax.jit(measure)(vectors * np.inf))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_follows_the_library_of_its_input(measure, library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    vectors = np.random.default_rng(0).normal(size=(4, 5))
    value = measure(xp.asarray(vectors))
    assert type(value) is type(xp.asarray(vectors))
    assert float(value) == pytest.approx(float(measure(vectors)), rel=1e-12)
    assert measure(vectors.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_input_is_refused(measure):
    for shape in ((3,), (1, 3), (3, 0)):
        with pytest.raises(ValueError, match=r"`vectors` must be vectors in rows.* got shape"):
            measure(np.ones(shape))
    with pytest.raises(ValueError, match="`vectors` must be finite everywhere; got inf"):
        measure(np.full((2, 2), np.inf))
