"""NC1: its definition, what it is blind to, what rounding leaves of it, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.class_means import (
    between_class_covariance,
    class_means,
    within_class_covariance,
)
from theorylab.neural_collapse.variability_collapse import (
    class_distance_variance,
    trace_ratio,
    variability_collapse,
)

MEASURES = [variability_collapse, trace_ratio, class_distance_variance]
sizes = st.lists(st.integers(1, 6), min_size=2, max_size=6).filter(lambda sizes: max(sizes) > 1)


def samples(seed, class_sizes, dimension, noise=0.5):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
    means = random.normal(size=(len(class_sizes), dimension))
    return means[labels] + noise * random.normal(size=(len(labels), dimension)), labels


def orthogonal(seed, dimension):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension))).Q


def collapsed(num_classes, dimension, per_class, offset=0.0):
    """A simplex of unit length, in features that have rounded differently."""
    centring = np.eye(num_classes) - 1 / num_classes
    means = centring @ orthogonal(0, dimension)[:num_classes] + offset
    labels = np.repeat(np.arange(num_classes), per_class)
    spins = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], (len(labels), dimension))
    return means[labels] * (1 + 2.0**-53 * spins), labels


@given(seeds, sizes, st.integers(1, 8), st.sampled_from(["samples", "classes"]))
def test_is_the_trace_of_its_definition(seed, class_sizes, d, centre):
    h, y = samples(seed, class_sizes, d)
    K = len(class_sizes)
    within = within_class_covariance(h, y)
    between = between_class_covariance(h, y, global_mean=centre)
    value, vectors = np.linalg.eigh(between)
    r = min(d, K - 1)
    inverse = (vectors[:, -r:] / value[-r:]) @ vectors[:, -r:].T
    condition = value[-1] / value[-r]  # of squares: what forming the matrices costs
    np.testing.assert_allclose(
        variability_collapse(h, y, global_mean=centre),
        np.trace(within @ inverse) / K,
        rtol=1e-13 * condition,
    )
    np.testing.assert_allclose(
        trace_ratio(h, y, global_mean=centre), np.trace(within) / np.trace(between), rtol=1e-12
    )


@given(seeds, sizes)
def test_class_distances_are_those_of_the_definition(seed, class_sizes):
    h, y = samples(seed, class_sizes, 4)
    groups = [h[y == k] for k in range(len(class_sizes))]
    variances = [((group - group.mean(0)) ** 2).sum(1).mean() for group in groups]
    means = [group.mean(0) for group in groups]
    terms = [
        (variances[i] + variances[j]) / 2 / ((means[i] - means[j]) ** 2).sum()
        for i in range(len(groups))
        for j in range(len(groups))
        if i != j
    ]
    np.testing.assert_allclose(class_distance_variance(h, y), np.mean(terms), rtol=1e-11)


@pytest.mark.parametrize("measure", MEASURES)
@given(seed=seeds, scale=decades(1e-5, 1e5), shift=st.floats(-10, 10))
def test_blind_to_rotation_scale_shift_and_order(measure, seed, scale, shift):
    h, y = samples(seed, [4, 5, 6, 3], 7)
    order = np.random.default_rng(seed).permutation(len(y))
    renamed = np.array([2, 0, 3, 1])[y]
    moved = scale * (h @ orthogonal(seed, 7) + shift)
    np.testing.assert_allclose(measure(moved[order], renamed[order]), measure(h, y), rtol=1e-10)


@given(seeds)
def test_blind_to_linear_maps_only_where_class_means_span_all_directions(seed):
    stretch = np.diag([1.0, 2.0, 3.0, 1.0, 5.0, 0.5, 1.5])
    for d, invariant in ((3, True), (7, False)):
        h, y = samples(seed, [4, 5, 6, 3], d)
        value, stretched = (variability_collapse(x, y) for x in (h, h @ stretch[:d, :d]))
        assert np.isclose(value, stretched, rtol=1e-9) == invariant


@pytest.mark.parametrize("offset", [0.0, 0.3, 7.0])
@pytest.mark.parametrize(("K", "d"), [(2, 5), (5, 5), (5, 12), (10, 40)])
def test_rounding_alone_is_left_at_collapse(K, d, offset):
    h, y = collapsed(K, d, 9, offset)
    assert np.any(h != h[np.argmax(y[:, None] == y, axis=1)])  # the samples of a class differ
    # Deviations are half a rounding of a feature; the smallest spread of the simplex is 1/sqrt(K).
    bound = (2.0**-53) ** 2 * np.sum(h**2) / len(y) * K
    for measure in MEASURES:
        assert 0 <= measure(h, y) <= 4 * bound
        exact = class_means(h, y)[y]
        assert measure(exact, y) == 0


def test_no_direction_of_rounding_counts():
    """Deviations along what is no direction of class means; its reciprocal would be 1e32."""
    h, y = collapsed(5, 5, 4)
    normal = np.linalg.svd(class_means(h, y)).Vh[-1]
    along = np.tile([1.0, -1.0], len(y) // 2)[:, None] * normal
    assert variability_collapse(h + along, y) < 1e-28
    assert trace_ratio(h + along, y) == pytest.approx(1 / (4 / 5))


@pytest.mark.parametrize("centre", ["samples", "classes"])
def test_far_off_the_origin(centre):
    """The combination of means that vanishes is off by the rounding of a million."""
    h, y = samples(0, [4, 5, 6, 3], 7)
    near, far = (variability_collapse(x, y, global_mean=centre) for x in (h, h + 1e6))
    assert far == pytest.approx(float(near), rel=1e-8)


def test_coinciding_classes_lower_the_rank():
    h, y = samples(0, [5, 5, 5, 5], 6)
    means = class_means(h, y)
    means[1] = means[0]
    h = means[y] + h - class_means(h, y)[y]
    between = between_class_covariance(h, y)
    expected = np.trace(within_class_covariance(h, y) @ np.linalg.pinv(between, 1e-9)) / 4
    assert variability_collapse(h, y) == pytest.approx(expected, rel=1e-10)
    # Sums of samples have moved the two means apart again, by a rounding.
    assert class_distance_variance(h, y) > 1e28


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3])
@pytest.mark.parametrize("per_class", [3, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_spread_of_means(value, per_class, dtype):
    y = np.repeat(np.arange(3), per_class)
    constant = np.full((len(y), 4), value, dtype)
    assert np.isnan(variability_collapse(constant, y))
    varied = constant + np.tile(np.arange(per_class, dtype=dtype), 3)[:, None]
    assert variability_collapse(varied, y) == np.inf
    many = np.full((1000, 4), value, dtype)
    assert np.isnan(variability_collapse(many, np.arange(1000) // 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_that_coincide_but_for_rounding(dtype):
    scale = np.sqrt(np.arange(2, 30))
    h = (np.array([1, 2, 3, 1.5, 2.5, 1.25, 1.75, 3])[:, None] * scale).astype(dtype)
    y = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    assert np.ptp(class_means(h, y), axis=0).max() > 0
    assert variability_collapse(h, y) == np.inf


def test_exactly_coinciding_means():
    y = np.repeat(np.arange(3), 2)
    h = np.array([[1.0], [-1.0]] * 3)
    assert trace_ratio(h, y) == class_distance_variance(h, y) == np.inf
    assert np.isnan(trace_ratio(0 * h, y))
    assert np.isnan(class_distance_variance(0 * h, y))


@pytest.mark.parametrize("measure", MEASURES)
def test_single_precision_and_half(measure):
    h, y = samples(0, [20, 30, 10], 8)
    value = measure(h.astype(np.float32), y)
    assert value.dtype == np.float32
    assert value == pytest.approx(float(measure(h, y)), rel=1e-5)
    half = h.astype(np.float16)
    assert measure(half, y) == measure(half.astype(np.float32), y)


def test_a_mean_of_many_single_precision_features_is_not_lost():
    """A running sum of 200 000 numbers near 1 would be off by 1e-4 of them."""
    h, y = samples(0, [200_000, 200_000], 2, noise=1e-4)
    h = (h - h.mean(0) + 1).astype(np.float32)
    exact = variability_collapse(h.astype(float), y)
    assert variability_collapse(h, y) == pytest.approx(float(exact), rel=1e-3)


@pytest.mark.parametrize("measure", MEASURES)
def test_under_jax(measure, double):
    h, y = samples(0, [4, 5, 6, 3], 7)
    options = dict(num_classes=4)
    compiled = jax.jit(measure, static_argnames="num_classes")
    assert compiled(h, y, **options) == pytest.approx(float(measure(h, y)), rel=1e-12)
    stack = jnp.stack([h, 2 * h @ orthogonal(0, 7)])
    both = jax.jit(jax.vmap(lambda h: measure(h, y)))(stack)
    np.testing.assert_allclose(both, measure(h, y), rtol=1e-11)
    assert np.isnan(compiled(h, y + 1, **options))
    assert np.isnan(compiled(h, np.minimum(y, 2), **options))  # a class without a sample
    assert np.isnan(compiled(np.where(h == h[0, 0], np.nan, h), y, **options))
    with pytest.raises(TypeError, match="`num_classes` must be given where `labels` are traced"):
        jax.jit(measure)(h, y)


@pytest.mark.parametrize("measure", MEASURES)
def test_slopes_at_a_simplex_whose_singular_values_are_one(measure, double):
    means, labels = collapsed(4, 6, 1)
    h = np.concatenate([1.5 * means, 0.5 * means])
    y = np.tile(labels, 2)
    slope = jax.jit(jax.grad(lambda h: measure(h, y)))(h)
    direction = np.random.default_rng(0).normal(size=h.shape)
    step = 1e-5
    change = measure(h + step * direction, y) - measure(h - step * direction, y)
    assert jnp.sum(slope * direction) == pytest.approx(change / (2 * step), rel=1e-7)
    flat = jax.jit(jax.grad(lambda h: measure(h, labels)))(means)
    np.testing.assert_allclose(flat, 0, atol=1e-14)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax.numpy"])
def test_follows_the_library_of_its_input(measure, library, double):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    h, y = samples(0, [4, 5, 6, 3], 7)
    for labels in (xp.asarray(y), y, y.astype(np.uint8), y.tolist()):
        value = measure(xp.asarray(h), labels)
        assert type(value) is type(xp.asarray(h))
        assert float(value) == pytest.approx(float(measure(h, y)), rel=1e-12)
    assert type(measure(h, xp.asarray(y))) is type(xp.asarray(h))


@pytest.mark.parametrize("measure", [*MEASURES, class_means])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(labels=[0, 1, 2, 3]), ValueError, "`labels` must be from 0 to 2 .* got 3"),
        (dict(labels=[0, 1, 2, -1]), ValueError, "`labels` must be from 0 to 2 .* got -1"),
        (dict(labels=[0, 1, 1, 0]), ValueError, "`labels` has none of class 2"),
        (dict(labels=[0, 2, 2, 0], num_classes=None), ValueError, "none of class 1"),
        (dict(labels=[0.0, 1.0, 2.0, 2.0]), TypeError, "`labels` must be whole numbers"),
        (dict(labels=[0, 1, 2]), ValueError, r"`labels` must be one row .* 4; got shape \(3,\)"),
        (dict(labels=[[0, 1, 2, 2]]), ValueError, r"`labels` must be one row .* \(1, 4\)"),
        (dict(labels=2**32 + np.arange(4) % 3), ValueError, "got 4.29497e.09"),
        (dict(features=np.ones(4)), ValueError, "`features` must have two axes"),
        (dict(features=np.ones((4, 0))), ValueError, "`features` must not be empty"),
        (dict(features=np.full((4, 2), np.nan)), ValueError, "`features` must be finite .* nan"),
        (dict(features=[["a"] * 2] * 4), TypeError, "`features` must be a real number"),
        (dict(num_classes=1), ValueError, "`num_classes` must be >= 2; got 1"),
        (dict(labels=[0] * 4, num_classes=None), ValueError, "`num_classes` must be >= 2; got 1"),
        (dict(num_classes=3.0), TypeError, "`num_classes` must be a whole number; got 3.0"),
    ],
)
def test_bad_input_is_refused_by_name(measure, change, error, message, unchecked):
    arguments = dict(features=np.arange(8.0).reshape(4, 2), labels=[0, 1, 2, 2], num_classes=3)
    with pytest.raises(error, match=message):
        measure(**arguments | change)


def test_an_unknown_centre_is_refused(unchecked):
    with pytest.raises(ValueError, match='of "samples" or of "classes"; got \'median\''):
        variability_collapse([[0.0], [1.0]], [0, 1], global_mean="median")


@pytest.mark.parametrize("scale", [1e-200, 1e-25, 1e25, 1e200])
def test_scales_at_which_squares_vanish_or_overflow(scale):
    features = np.random.default_rng(0).standard_normal((12, 5))
    labels = np.repeat(range(3), 4)
    for measure in (variability_collapse, trace_ratio, class_distance_variance):
        expected = measure(features, labels)
        np.testing.assert_allclose(measure(scale * features, labels), expected, rtol=1e-12)
        if 1e-30 < scale < 1e30:
            single = (scale * features).astype(np.float32)
            np.testing.assert_allclose(measure(single, labels), expected, rtol=1e-4)
