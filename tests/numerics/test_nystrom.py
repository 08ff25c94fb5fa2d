"""Nyström approximation: below the matrix, exact where the rank suffices, and what it solves."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.numerics.nystrom import nystrom_approximation


def of_rank(seed, n, rank, dtype=float):
    factor = np.random.default_rng(seed).standard_normal((n, rank))
    return (factor @ factor.T).astype(dtype)


def decaying(seed, n, power=2.0):
    """A matrix of eigenvalues `k^-power`, and its eigenvectors."""
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n))).Q
    return (Q * np.arange(1, n + 1) ** -power) @ Q.T


def approximate(A, rank, seed=0):
    return nystrom_approximation(lambda chosen: A[:, chosen], np.diag(A), rank, seed=seed)


def dense(nystrom):
    return (nystrom.eigenvectors * nystrom.eigenvalues) @ nystrom.eigenvectors.T


@given(seeds, st.integers(0, 30))
def test_it_lies_below_the_matrix_and_tells_what_it_leaves_out(seed, rank):
    A = decaying(seed, 30)
    nystrom = approximate(A, rank, seed)
    left = A - dense(nystrom)
    assert np.linalg.eigvalsh(left).min() > -1e-13
    assert nystrom.missing_trace == pytest.approx(np.trace(left), abs=1e-13)
    U = nystrom.eigenvectors
    np.testing.assert_allclose(U.T @ U, np.eye(U.shape[1]), atol=1e-11)
    assert np.all(np.diff(nystrom.eigenvalues) >= 0)
    assert np.all(nystrom.eigenvalues > 0)


@given(seeds, st.integers(1, 6), st.sampled_from([np.float32, np.float64]))
def test_a_matrix_of_low_rank_is_found_and_no_more_columns_are_used(seed, rank, dtype):
    A = of_rank(seed, 40, rank, dtype)
    nystrom = approximate(A, 20, seed)
    assert len(nystrom.eigenvalues) == rank
    np.testing.assert_allclose(dense(nystrom), A, atol=300 * np.finfo(dtype).eps * A.max())


def test_equal_rows_are_chosen_once():
    A = np.kron(decaying(0, 10), np.ones((5, 5)))
    nystrom = approximate(A, 30)
    assert len(nystrom.eigenvalues) == 10
    np.testing.assert_allclose(dense(nystrom), A, atol=1e-12)


def test_pivots_have_the_law_of_sequential_draws():
    """The first two pivots of a 3 x 3 matrix, against the probabilities of drawing in turn."""
    A = np.array([[3.0, 1.2, 0.5], [1.2, 1.0, 0.3], [0.5, 0.3, 0.6]])
    expected = {}
    for i in range(3):
        left = np.diag(A) - A[i] ** 2 / A[i, i]
        for j in set(range(3)) - {i}:
            pair = frozenset((i, j))
            expected[pair] = expected.get(pair, 0) + A[i, i] / np.trace(A) * left[j] / left.sum()
    rng, draws = np.random.default_rng(0), 2000
    # A rank of 2 leaves one eigenvector out: where it is 0 in the residual tells the pivots.
    found = dict.fromkeys(expected, 0)
    for _ in range(draws):
        left = np.diag(A - dense(approximate(A, 2, rng)))
        found[frozenset(np.argsort(left)[:2].tolist())] += 1
    for pair, probability in expected.items():
        deviation = np.sqrt(probability * (1 - probability) / draws)
        assert abs(found[pair] / draws - probability) < 4 * deviation


@given(seeds, st.sampled_from([5, 30]), decades(1e-8, 1))
@example(0, 30, 0.0)
def test_the_preconditioner_is_symmetric_and_positive(seed, rank, shift):
    nystrom = approximate(decaying(seed, 30), rank, seed)
    inverse = nystrom.precondition(np.eye(30), shift)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-9 * np.abs(inverse).max())
    assert np.linalg.eigvalsh((inverse + inverse.T) / 2).min() > 0


def test_with_every_column_it_is_the_inverse():
    A = decaying(0, 30)
    inverse = approximate(A, 30).precondition(np.eye(30), 1e-3)
    np.testing.assert_allclose(inverse @ (A + 1e-3 * np.eye(30)), np.eye(30), atol=1e-10)


@settings(max_examples=8)
@given(seeds)
def test_twice_the_effective_dimension_bounds_the_condition_number(seed):
    """By the theorem of Frangella et al., 28 on average, which pivots of another law attain too."""
    A, shift = decaying(seed, 200), 1e-3
    eigenvalues = np.linalg.eigvalsh(A)
    effective = np.sum(eigenvalues / (eigenvalues + shift))
    nystrom = approximate(A, 2 * int(np.ceil(1.5 * effective)) + 1, seed)
    spectrum = np.linalg.eigvals(nystrom.precondition(A + shift * np.eye(200), shift)).real
    assert spectrum.max() / spectrum.min() < 28


def test_the_seed_settles_the_columns():
    A = decaying(0, 50)
    first, again, other = (approximate(A, 10, seed).eigenvalues for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_columns_precondition_nothing():
    v = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(approximate(np.eye(3), 0).precondition(v, 0.1), v)
    np.testing.assert_array_equal(approximate(np.zeros((3, 3)), 2).precondition(v, 0.1), v)


@pytest.mark.parametrize("rank", [-1, 4])
def test_a_rank_out_of_bounds_is_refused(rank):
    with pytest.raises(ValueError, match=f"`rank` must be from 0 to the 3 rows.*got {rank}"):
        approximate(np.eye(3), rank)


def test_a_rank_that_is_not_whole_is_refused(unchecked):
    with pytest.raises(TypeError, match=r"`rank` must be a whole number; got 1\.5"):
        approximate(np.eye(3), 1.5)


def test_a_negative_diagonal_is_refused():
    with pytest.raises(ValueError, match="`diagonal` must be >= 0 everywhere; got -1"):
        approximate(np.diag([1.0, -1.0]), 1)
