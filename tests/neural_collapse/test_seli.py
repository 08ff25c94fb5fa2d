"""The geometry of small decay: Gram matrices, their certificate, and the logits themselves."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorylab.neural_collapse.minority_collapse import minority_collapse
from theorylab.neural_collapse.seli import seli_grams

class_sizes = st.lists(st.integers(1, 400), min_size=2, max_size=11)


def centring(K):
    return np.eye(K) - 1 / K


@given(class_sizes)
def test_grams_are_those_of_the_singular_vectors(sizes):
    K = len(sizes)
    X = centring(K) * np.sqrt(sizes)  # one column a class, weighted as its samples are
    U, s, V = np.linalg.svd(X)
    U, s, V = U[:, :-1], s[:-1], V[:-1]
    means = (np.sqrt(s)[:, None] * V) / np.sqrt(sizes)
    grams = seli_grams(sizes)
    atol = 1e-12 * max(sizes)
    np.testing.assert_allclose(grams.classifier, (U * s) @ U.T, atol=atol)
    np.testing.assert_allclose(grams.class_means, means.T @ means, atol=atol)


@given(class_sizes)
def test_the_pseudoinverse_is_eq_3(sizes):
    inverse = 1 / np.asarray(sizes)
    expected = np.diag(inverse) - np.outer(inverse, inverse) / inverse.sum()
    means = seli_grams(sizes).class_means
    np.testing.assert_allclose(means @ means, expected, atol=1e-12)


@given(class_sizes)
def test_the_certificate_of_optimality(sizes):
    means = seli_grams(sizes).class_means
    np.testing.assert_allclose(means.sum(axis=0), 0, atol=1e-12)
    assert np.all(means[~np.eye(len(sizes), dtype=bool)] < 0)  # and class means at obtuse angles


@given(st.integers(2, 12), st.integers(1, 1000))
def test_balanced_classes_make_a_simplex(K, n):
    grams = seli_grams([n] * K)
    np.testing.assert_allclose(grams.classifier, np.sqrt(n) * centring(K), atol=1e-12 * n)
    np.testing.assert_allclose(grams.class_means, centring(K) / np.sqrt(n), atol=1e-12)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 300), st.integers(1, 300))
def test_the_spectrum_of_two_sizes(KA, KB, nA, nB):
    K = KA + KB
    W = seli_grams([nA] * KA + [nB] * KB).classifier
    expected = [nA] * (KA - 1) + [nB] * (KB - 1) + [(nA * KB + nB * KA) / K, 0]
    np.testing.assert_allclose(np.linalg.eigvalsh(W @ W), np.sort(expected), atol=1e-10 * K * 300)


@given(class_sizes, st.randoms(use_true_random=False))
def test_permuting_classes_permutes_the_grams(sizes, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    for gram, permuted in zip(
        seli_grams(sizes), seli_grams([sizes[i] for i in order]), strict=True
    ):
        np.testing.assert_allclose(permuted, gram[np.ix_(order, order)], atol=1e-12 * max(sizes))


def test_the_norms_to_their_digits():
    grams = seli_grams([12, 6, 3, 1])
    rows, means = np.sqrt(np.diag(grams.classifier)), np.sqrt(np.diag(grams.class_means))
    np.testing.assert_allclose(rows, [1.53192063, 1.33309803, 1.18844519, 1.06753525], atol=6e-9)
    np.testing.assert_allclose(means, [0.49149299, 0.57305305, 0.65537237, 0.71993248], atol=6e-9)


def test_logits_approach_it_as_one_over_the_logarithm_of_decay():
    sizes = [12, 6, 3, 1]
    X = centring(4) * np.sqrt(sizes)
    distances = []
    decays = np.array([1e-3, 1e-5, 1e-7, 1e-9])
    for decay in decays:
        found = minority_collapse(sizes, decay, decay).logits * np.sqrt(sizes)
        distances.append(np.linalg.norm(found / np.linalg.norm(found) - X / np.linalg.norm(X)))
    np.testing.assert_allclose(distances, [0.09993, 0.06066, 0.04362, 0.03404], atol=2e-5)
    # The constant settles as 1 / log itself: 0.69, 0.698, 0.703, 0.705.
    constants = distances * np.log(1 / decays)
    assert np.all(np.abs(np.diff(constants)) < 0.01)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    sizes = xp.asarray([12.0, 6.0, 3.0, 1.0])
    grams = seli_grams(sizes)
    assert type(grams.classifier) is type(sizes)
    exact = seli_grams([12, 6, 3, 1])
    np.testing.assert_allclose(np.asarray(grams.class_means), exact.class_means, atol=1e-13)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([3], "`class_sizes` must be one a class, 2 or more"),
        ([[3, 2]], "`class_sizes` must be one a class, 2 or more"),
        ([3, 0], "`class_sizes` must be a whole number >= 1 everywhere; got 0"),
        ([3, 2.5], "`class_sizes` must be a whole number >= 1 everywhere; got 2.5"),
        ([3, np.nan], "`class_sizes` must be finite and a whole number >= 1"),
    ],
)
def test_other_sizes_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        seli_grams(sizes)


def test_traced_sizes_out_of_bounds_give_nan():
    assert np.all(np.isnan(jax.jit(seli_grams)(jnp.asarray([3.0, 0.5])).classifier))
