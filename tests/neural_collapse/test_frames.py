"""Frames: their Gram matrices, in as few dimensions as they fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorylab.neural_collapse.frames import (
    cross_polytope,
    general_orthogonal_frame,
    orthogonal_frame,
    simplex_etf,
)

counts = st.integers(2, 40)
spare = st.integers(0, 5)


@given(counts, spare)
def test_the_simplex_is_equiangular_and_tight(K, extra):
    F = simplex_etf(K, K - 1 + extra)
    assert F.shape == (K, K - 1 + extra)
    np.testing.assert_allclose(F @ F.T, K / (K - 1) * (np.eye(K) - 1 / K), atol=1e-12)
    np.testing.assert_allclose(F.sum(axis=0), 0, atol=1e-12)
    projector = F.T @ F * (K - 1) / K
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-12)
    assert np.trace(projector) == pytest.approx(K - 1, abs=1e-12)


@given(counts, spare)
def test_the_orthogonal_frame_is_orthonormal(K, extra):
    F = orthogonal_frame(K, K + extra)
    assert F.shape == (K, K + extra)
    np.testing.assert_array_equal(F @ F.T, np.eye(K))


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3e5]), min_size=2, max_size=8), st.data())
def test_the_general_orthogonal_frame_has_its_norms(norms, data):
    present = max(np.count_nonzero(norms), 1)
    F = general_orthogonal_frame(norms, data.draw(st.integers(present, 10)))
    np.testing.assert_array_equal(F @ F.T, np.diag(np.square(norms)))


@given(counts.map(lambda pairs: 2 * pairs), spare)
def test_the_cross_polytope_has_opposite_pairs(K, extra):
    F = cross_polytope(K, K // 2 + extra)
    assert F.shape == (K, K // 2 + extra)
    gram = np.kron(np.eye(K // 2), [[1, -1], [-1, 1]])
    np.testing.assert_array_equal(F @ F.T, gram)


def test_dimensions_are_those_needed_by_default():
    assert simplex_etf(4).shape == orthogonal_frame(4).shape == (4, 4)
    assert general_orthogonal_frame([1, 0, 2]).shape == (3, 3)
    assert cross_polytope(6).shape == (6, 3)


def test_two_classes_are_opposite():
    np.testing.assert_allclose(simplex_etf(2, 1), -cross_polytope(2) * [[-1], [-1]] * [[1]])


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (simplex_etf, (1,), "`num_classes` must be >= 2; got 1"),
        (simplex_etf, (4, 2), "`dimension` must be >= 3, the classes less one; got 2"),
        (orthogonal_frame, (4, 3), "`dimension` must be >= 4, the classes; got 3"),
        (orthogonal_frame, (0,), "`num_classes` must be >= 2; got 0"),
        (cross_polytope, (5,), "`num_classes` must be even: classes come in pairs; got 5"),
        (cross_polytope, (6, 2), "`dimension` must be >= 3, the pairs of classes; got 2"),
        (general_orthogonal_frame, ([1, 2, 0], 1), "must be >= 2, the lengths above 0; got 1"),
        (general_orthogonal_frame, ([1, -2],), "`norms` must be >= 0 everywhere; got -2"),
        (general_orthogonal_frame, ([1, np.nan],), "`norms` must be finite and >= 0"),
        (general_orthogonal_frame, ([1.0],), "`norms` must be one a class, 2 or more"),
        (general_orthogonal_frame, ([[1.0, 2.0]],), "`norms` must be one a class, 2 or more"),
    ],
)
def test_what_does_not_fit_is_refused(frame, arguments, message):
    with pytest.raises(ValueError, match=message):
        frame(*arguments)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("value", [2.5, "4", True, None])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match="`num_classes` must be a whole number"):
        simplex_etf(value)
