"""Functions of the angle between every two rows, in tiles."""

import numpy as np
import pytest

from theorylab.numerics import pairwise
from theorylab.numerics.half_angle import half_angle_series

ANGLE = lambda minus, plus: 2 * np.arctan2(np.sqrt(minus), np.sqrt(plus))
SERIES = {
    np.float32: [half_angle_series(ANGLE, tolerance=3e-8)],
    np.float64: [half_angle_series(ANGLE, tolerance=1e-14)],
}


def rows(seed, count, inputs, dtype):
    return np.random.default_rng(seed).standard_normal((count, inputs)).astype(dtype)


def angles(x, y):
    """From differences and sums of directions, in extended precision."""
    u, v = (z.astype(np.longdouble) for z in (x, y))
    u, v = (z / np.sqrt(np.sum(z**2, axis=1, keepdims=True)) for z in (u, v))
    apart = np.linalg.norm((u[:, None] - v).astype(float), axis=2)
    together = np.linalg.norm((u[:, None] + v).astype(float), axis=2)
    return 2 * np.arctan2(apart, together)


def computed(x, y, dtype):
    ones = lambda z: np.ones(len(z))
    return pairwise.pairwise_series(SERIES[dtype], x, y, ones(x), ones(x if y is None else y))[0]


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("inputs", [1, 3, 200])
def test_angles_of_all_pairs(inputs, dtype, error, monkeypatch):
    monkeypatch.setattr(pairwise, "_TILE", 16)
    x, y = rows(0, 37, inputs, dtype), rows(1, 50, inputs, dtype)
    np.testing.assert_allclose(computed(x, y, dtype), angles(x, y), rtol=0, atol=error)
    own = computed(x, None, dtype)
    np.testing.assert_array_equal(own, own.T)
    off = ~np.eye(len(x), dtype=bool)
    np.testing.assert_allclose(own[off], angles(x, x)[off], rtol=0, atol=error)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearly_parallel_rows_keep_their_angle(dtype, monkeypatch):
    monkeypatch.setattr(pairwise, "_TILE", 16)
    monkeypatch.setattr(pairwise, "_PAIR_ELEMENTS", 64)  # several steps of pairs
    common, small = rows(0, 1, 20, dtype), dtype(1e-3)
    x = (common + small * rows(1, 40, 20, dtype)) * np.where(np.arange(40) % 3, 1, -1)[:, None]
    x = x.astype(dtype)
    x[7] = 2 * x[5]
    off = ~np.eye(len(x), dtype=bool)
    found = computed(x, None, dtype)
    exact = angles(x, x)
    # By their product they would be off by the root of the rounding error: 3e-4 and 1e-8.
    error = {np.float32: 3e-7, np.float64: 3e-14}[dtype]
    np.testing.assert_allclose(found[off], exact[off], rtol=0, atol=error)
    assert found[5, 7] == found[7, 5] < error


def test_rows_of_zeros_are_perpendicular_and_radii_are_factors():
    x = rows(0, 5, 3, np.float64)
    x[2] = 0
    factors = np.arange(5.0)
    (scaled,) = pairwise.pairwise_series(SERIES[np.float64], x, None, factors, factors)
    plain = computed(x, None, np.float64)
    np.testing.assert_allclose(scaled, np.outer(factors, factors) * plain, rtol=1e-14)
    np.testing.assert_allclose(np.delete(plain[2], 2), np.pi / 2, rtol=1e-14)


def test_precision_is_that_of_the_rows():
    for dtype in (np.float32, np.float64):
        assert computed(rows(0, 5, 3, dtype), None, dtype).dtype == dtype
