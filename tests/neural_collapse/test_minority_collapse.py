"""Imbalanced classes under cross-entropy: thresholds, the contrast equation, the convex solver."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize

from theorylab.neural_collapse.cross_entropy import etf_collapse
from theorylab.neural_collapse.minority_collapse import (
    minority_collapse,
    minority_collapse_ratio,
    minority_collapse_size,
    minority_contrast,
    vanishing_decay,
)

few = settings(max_examples=10)
class_sizes = st.lists(st.integers(1, 60), min_size=2, max_size=6)


def group_of(sizes, size):
    (members,) = np.nonzero(np.asarray(sizes) == size)
    return members


def measured(found, members):
    """Contrast of a group, and the probability its samples are given for the group."""
    Z = found.logits
    given = np.exp(Z - Z.max(axis=0))
    given /= given.sum(axis=0)
    first, second = members[:2]
    return Z[first, first] - Z[second, first], given[members, first].sum()


@few
@given(class_sizes, st.floats(0.01, 1.2))
@example([100] * 8 + [10] * 8, 0.3)
@example([500, 20, 3], 1e-4)
def test_the_gap_closes(sizes, share):
    decay = share * vanishing_decay(sizes)
    found = minority_collapse(sizes, decay, decay)
    assert 0 <= found.gap < 1e-10
    assert found.loss <= np.log(len(sizes)) + found.gap
    np.testing.assert_allclose(found.logits.sum(axis=0), 0, atol=1e-9)


def test_the_gap_is_an_upper_bound_on_what_matrices_can_gain():
    sizes, decays = [9, 5, 2], (0.01, 0.03)
    N, K = sum(sizes), len(sizes)
    labels = np.repeat(np.arange(K), sizes)
    found = minority_collapse(sizes, *decays)

    def loss(x):  # all features free: nothing is known of their collapse
        W, H = x[: K * K].reshape(K, K), x[K * K :].reshape(K, N)
        Z = W @ H
        given = np.exp(Z - Z.max(axis=0))
        given /= given.sum(axis=0)
        slope = given.copy()
        slope[labels, np.arange(N)] -= 1
        value = -np.mean(np.log(given[labels, np.arange(N)]))
        value += (decays[0] * np.sum(W**2) + decays[1] * np.sum(H**2)) / 2
        slopes = slope @ H.T / N + decays[0] * W, W.T @ slope / N + decays[1] * H
        return value, np.concatenate([s.ravel() for s in slopes])

    start = np.random.default_rng(0).normal(size=K * (K + N))
    trained = optimize.minimize(loss, start, jac=True, options=dict(gtol=1e-9)).x
    assert loss(trained)[0] == pytest.approx(found.loss, abs=1e-12)
    assert loss(trained)[0] >= found.loss - found.gap
    W, H = trained[: K * K].reshape(K, K), trained[K * K :].reshape(K, N)
    np.testing.assert_allclose((W @ H)[:, [0, 9, 14]], found.logits, atol=1e-5)
    singular_values = np.linalg.svd(W @ H, compute_uv=False)
    np.testing.assert_allclose(singular_values, found.singular_values, atol=1e-5)


@few
@given(st.integers(2, 6), st.integers(1, 30), st.floats(0.01, 0.95))
def test_balanced_classes_are_the_simplex(K, n, share):
    decay = share * vanishing_decay([n] * K)
    assert vanishing_decay([n] * K) == pytest.approx(1 / (K * np.sqrt(n)), rel=1e-13)
    found, exact = minority_collapse([n] * K, decay, decay), etf_collapse(K, n, decay, decay)
    assert found.loss == pytest.approx(float(exact.loss), abs=1e-12)
    np.testing.assert_allclose(found.logits, exact.margin * (np.eye(K) - 1 / K), atol=1e-4)
    one_group = minority_contrast(1.0, K, n, K * n, decay, decay)
    assert one_group.contrast == pytest.approx(float(exact.margin), rel=1e-9)
    w = exact.classifier_strength
    assert one_group.classifier_distance == pytest.approx(float(np.sqrt(2) * w), rel=1e-9)


@pytest.mark.parametrize(
    ("sizes", "small", "threshold"),
    [([40, 40, 5, 5, 5], 5, 0.023538), ([30, 20, 7, 7, 3], 7, 0.039489)],
)
def test_small_classes_collapse_at_the_threshold(sizes, small, threshold):
    N, members = sum(sizes), group_of(sizes, small)
    assert np.sqrt(small) / N == pytest.approx(threshold, abs=1e-6)
    for share in (0.98, 0.9, 0.7, 0.3):
        decay = share * np.sqrt(small) / N
        assert minority_collapse_size(N, decay, decay) < small
        contrast, mass = measured(minority_collapse(sizes, decay, decay), members)
        expected = minority_contrast(mass, len(members), small, N, decay, decay)
        assert contrast == pytest.approx(float(expected.contrast), abs=1e-8)
        if share == 0.98:  # near the threshold: c = (m / q) (1 - share), to first order
            assert contrast == pytest.approx(len(members) / mass * 0.02, rel=0.05)
    decay = 1.02 * np.sqrt(small) / N
    assert minority_collapse_size(N, decay, decay) > small
    assert abs(measured(minority_collapse(sizes, decay, decay), members)[0]) < 1e-9


def test_the_distance_is_that_of_classifier_rows():
    sizes, weight_decay, feature_decay = [40, 40, 5, 5, 5], 0.04, 0.01
    members = group_of(sizes, 5)
    found = minority_collapse(sizes, weight_decay, feature_decay)
    U, s, _ = np.linalg.svd(found.logits * np.sqrt(sizes))
    rows = U * np.sqrt(s * np.sqrt(feature_decay / weight_decay))
    expected = minority_contrast(
        measured(found, members)[1], 3, 5, sum(sizes), weight_decay, feature_decay
    )
    distance = np.linalg.norm(rows[members[0]] - rows[members[1]])
    assert distance == pytest.approx(float(expected.classifier_distance), rel=1e-7)
    assert distance > 0.5


@given(st.integers(1, 5), st.integers(2, 5), st.integers(1, 20), st.floats(1e-4, 0.05))
def test_the_ratio_is_that_of_the_sizes(KA, KB, n, decay):
    ratio = minority_collapse_ratio(KA, KB, n, decay, decay)
    samples = KA * ratio * n + KB * n
    if ratio > 0 and samples >= 1:
        assert minority_collapse_size(samples, decay, decay) == pytest.approx(n, rel=1e-9)


@pytest.mark.parametrize("sizes", [[12, 6, 3, 1], [5, 5], [50, 2, 2]])
def test_everything_vanishes_at_its_threshold(sizes):
    decay = vanishing_decay(sizes)
    assert minority_collapse(sizes, 0.97 * decay, 0.97 * decay).singular_values[0] > 0.1
    above = minority_collapse(sizes, 1.03 * decay, 1.03 * decay)
    assert above.singular_values[0] < 1e-12
    assert above.loss == pytest.approx(np.log(len(sizes)), abs=1e-12)


def test_only_the_product_of_decays_counts():
    first, second = (
        minority_collapse([7, 3, 2], 0.01, 0.04),
        minority_collapse([7, 3, 2], 0.02, 0.02),
    )
    assert first.loss == pytest.approx(second.loss, abs=1e-12)


@given(st.integers(2, 9), st.floats(0.1, 0.999), st.floats(0.05, 1.5))
def test_the_contrast_solves_its_equation(m, q, share):
    n, N = 4, 4 * m + 60
    decay = share * np.sqrt(n) / N
    if q <= 1 - share:
        with pytest.raises(ValueError, match="`group_mass` must be above 1 - N sqrt"):
            minority_contrast(q, m, n, N, decay, decay)
        return
    c = minority_contrast(q, m, n, N, decay, decay).contrast
    right = q * np.expm1(c) / (np.exp(c) + m - 1)
    assert right == pytest.approx(max(1 - share, 0), abs=1e-12)
    assert (c > 0) == (share < 1)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    decay = xp.asarray([0.001, 0.02, 1.0])
    found = minority_contrast(0.99, 3, 5, 95, decay, 0.01)
    assert type(found.contrast) is type(decay)
    assert found.contrast.shape == found.classifier_distance.shape == (3,)
    assert type(minority_collapse_size(95, decay, 0.01)) is type(decay)
    assert type(minority_collapse_ratio(2, 3, 5, decay, 0.01)) is type(decay)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], 0.1, 0.1), "`class_sizes` must be one a class, 2 or more"),
        (([3, 0], 0.1, 0.1), "`class_sizes` must be a whole number >= 1 everywhere; got 0"),
        (([3, 1.5], 0.1, 0.1), "`class_sizes` must be a whole number >= 1 everywhere; got 1.5"),
        (([3, 2], 0.0, 0.1), "`weight_decay` must be > 0; got 0"),
        (([3, 2], [0.1, 0.2], 0.1), "`weight_decay` must be one number"),
        (([3, 2], 0.1, np.nan), "`feature_decay` must be finite and > 0; got nan"),
    ],
)
def test_bad_input_of_the_solver_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        minority_collapse(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.1, 3, 5, 95, 0.02, 0.02), "`group_mass` must be > 0 and <= 1; got 1.1"),
        ((0.9, 1, 5, 95, 0.02, 0.02), "`group_classes` must be whole and >= 2; got 1"),
        ((0.9, 3, 0, 95, 0.02, 0.02), "`class_size` must be >= 1; got 0"),
        ((0.9, 3, 5, 10, 0.02, 0.02), "`num_samples` must be at least the samples of the group"),
        ((0.9, 3, 5, 95, 0.0, 0.02), "`weight_decay` must be > 0; got 0"),
    ],
)
def test_bad_input_of_the_contrast_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        minority_contrast(*arguments)
    assert np.isnan(jax.jit(minority_contrast)(*arguments).contrast)


def test_bad_input_of_the_thresholds_is_refused():
    with pytest.raises(ValueError, match="`num_samples` must be >= 1; got 0"):
        minority_collapse_size(0, 0.1, 0.1)
    with pytest.raises(ValueError, match="`minority_classes` must be >= 2; got 1"):
        minority_collapse_ratio(2, 1, 5, 0.1, 0.1)
    with pytest.raises(ValueError, match="`class_sizes` must be one a class"):
        vanishing_decay([[1, 2]])
