"""Experiments on neural collapse: identities that hold on every draw, and populations in full."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

from tests.strategies import seeds
from theorylab.neural_collapse.deep_linear_ufm import DeepLinearUFM
from theorylab.neural_collapse.simulation import (
    Backbone,
    Classifier,
    Contrast,
    Decay,
    Free,
    Head,
    aligned_free,
    backbone_features,
    class_labels,
    class_singular_values,
    contrastive_loss,
    draw_backbone,
    draw_free,
    follow_central_path,
    gaussian_mixture,
    least_squares_head,
    logits,
    random_features_of,
    regularised_loss,
    train_classifier,
    train_free,
    whitened_features,
)

few = settings(max_examples=4)
SIZES, DECAYS, RIDGE = (4, 3, 2), (0.02, 0.01), 0.03
CLASSES = np.repeat(np.arange(3), SIZES)


def drawn(seed, *, sizes=SIZES, scale=0.5, bias=True):
    """Free features below two layers."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: jnp.asarray(scale * rng.normal(size=shape))
    shift = normal(len(sizes)) if bias else jnp.zeros(len(sizes))
    return Free(Head((normal(4, 5), normal(len(sizes), 4)), shift), normal(sum(sizes), 5))


def on_host(tree):
    return jax.tree.map(np.asarray, tree)


def test_labels_are_one_hot_and_class_by_class():
    labels = class_labels(SIZES)
    np.testing.assert_array_equal(labels, np.eye(3)[CLASSES])
    np.testing.assert_array_equal(jax.jit(lambda: class_labels(SIZES))(), labels)


def test_layers_and_features_start_at_one_scale(double):
    at = draw_free(jax.random.key(0), (150, 50, 50), (300, 200), 0.7)
    assert [layer.shape for layer in at.head.layers] == [(200, 300), (3, 200)]
    assert at.features.shape == (250, 300)
    for values, variance in (
        (at.head.layers[0], 0.49 / 300),
        (at.head.layers[1], 0.49 / 200),
        (at.features, 0.49 * 3 / 250),
    ):
        assert values.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / values.size))
    assert not at.head.bias.any()
    flat = [np.ravel(x)[:600] for x in (*at.head.layers, at.features)]
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 4 / np.sqrt(600)


@few
@given(seeds, st.booleans(), st.sampled_from([0.0, 0.05]))
def test_squared_loss_is_the_objective_of_the_theory(seed, bias, bias_decay):
    sizes = (3, 3, 3)  # a decayed bias is solved for equal sizes alone
    with jax.enable_x64(True):
        at, labels = drawn(seed, sizes=sizes), class_labels(sizes)
        decay = Decay(DECAYS, RIDGE, bias_decay)
        loss = regularised_loss(at.head, at.features, labels, decay, bias=bias)
    model = DeepLinearUFM(sizes, DECAYS, RIDGE, bias=bias, bias_decay=bias_decay * bias)
    weights = [np.asarray(layer) for layer in at.head.layers]
    shift = np.asarray(at.head.bias) if bias else None
    expected = model.objective(weights, np.asarray(at.features), np.repeat(range(3), sizes), shift)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)


@few
@given(seeds, st.booleans())
def test_cross_entropy_is_the_objective_of_the_theory(seed, bias):
    sizes = (2, 2, 2)
    with jax.enable_x64(True):
        at, labels = drawn(seed, sizes=sizes, scale=1.0), class_labels(sizes)
        loss = regularised_loss(
            at.head, at.features, labels, Decay(DECAYS, RIDGE), loss="ce", bias=bias
        )
    model = DeepLinearUFM(sizes, DECAYS, RIDGE, loss="ce", bias=bias)
    weights = [np.asarray(layer) for layer in at.head.layers]
    shift = np.asarray(at.head.bias) if bias else None
    expected = model.objective(weights, np.asarray(at.features), np.repeat(range(3), sizes), shift)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)


def test_squared_loss_of_unequal_classes_weighs_samples_alike(double):
    at = drawn(1)
    loss = regularised_loss(at.head, at.features, class_labels(SIZES), Decay(DECAYS, RIDGE))
    model = DeepLinearUFM(SIZES, DECAYS, RIDGE)
    weights = [np.asarray(layer) for layer in at.head.layers]
    expected = model.objective(weights, np.asarray(at.features), CLASSES)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)


@pytest.mark.parametrize("loss", ["mse", "ce"])
@pytest.mark.parametrize("bias", [False, True])
def test_descent_on_free_features_ends_where_the_gradient_is_zero(double, loss, bias):
    labels, decay = class_labels(SIZES), Decay((0.05, 0.05), 0.05, 0.1)
    objective = lambda at: regularised_loss(
        at.head, at.features, labels, decay, loss=loss, bias=bias
    )
    start = drawn(0, bias=bias)
    run = train_free(
        start, labels, decay, 0.4, lambda at: (objective(at), at),
        num_records=9, stride=400, loss=loss, bias=bias,
    )  # fmt: skip
    values, path = run.measured
    assert np.all(np.diff(values) <= 1e-15)
    assert values[1] < values[0] - 0.1
    np.testing.assert_allclose(values[0], objective(start), rtol=1e-14)
    end = jax.tree.map(lambda x: x[-1], path)
    for gradient in jax.tree.leaves(jax.jit(jax.grad(objective))(end)):
        np.testing.assert_allclose(gradient, 0, atol=1e-10)
    assert bool(np.any(end.head.bias)) == bias
    np.testing.assert_allclose(run.times, 160.0 * np.arange(9))


@few
@given(seeds)
def test_aligned_factors_make_diagonal_logits_of_the_strengths_squared(seed):
    with jax.enable_x64(True):
        strengths = jnp.asarray([0.7, 0.4, 0.9])
        at, labels = aligned_free(jax.random.key(seed), SIZES, strengths, 5), class_labels(SIZES)
        outputs, values = logits(at.head, at.features), class_singular_values(at, labels)
    at, labels, outputs, strengths = on_host((at, labels, outputs, strengths))
    (layer,) = at.head.layers
    spectra = [np.linalg.svd(x, compute_uv=False) for x in (layer, at.features, outputs)]
    own = strengths**2 / np.sqrt(SIZES)
    np.testing.assert_allclose(outputs, labels * own, atol=1e-14)
    np.testing.assert_allclose(values, strengths**2, rtol=1e-13)
    descending = np.sort(strengths)[::-1]
    for spectrum, power in zip(spectra, (1, 1, 2), strict=True):
        np.testing.assert_allclose(spectrum[:3], descending**power, rtol=1e-13)
    np.testing.assert_allclose(layer.T @ layer, at.features.T @ at.features, atol=1e-14)


@few
@given(seeds, st.floats(0.1, 3.0))
def test_whitened_features_have_the_identity_within_classes(seed, spread):
    with jax.enable_x64(True):
        means, deviations = on_host(whitened_features(jax.random.key(seed), 3, 6, 4, spread))
    assert deviations.shape == (3, 6, 4)
    flat = deviations.reshape(-1, 4)
    np.testing.assert_allclose(flat.T @ flat / 18, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(deviations.mean(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose(means.mean(axis=0), 0, atol=1e-14 * spread)


def test_class_means_are_about_as_long_as_said(double):
    means, _ = whitened_features(jax.random.key(0), 400, 2, 40, 1.5)
    squares = np.sum(np.asarray(means) ** 2, axis=1)
    assert squares.mean() == pytest.approx(1.5**2, rel=4 * np.sqrt(2 / means.size))


@few
@given(seeds)
def test_least_squares_leave_no_gradient_of_the_loss(seed):
    with jax.enable_x64(True):
        features, labels = drawn(seed).features[:, :4] + 1.0, class_labels(SIZES)
        loss = lambda head: regularised_loss(head, features, labels, Decay((0.0,), 0.0), bias=True)
        best = least_squares_head(features, labels)
        gradient = on_host(jax.grad(loss)(best))
        more = loss(best._replace(bias=best.bias + 0.01)) - loss(best)
    for part in jax.tree.leaves(gradient):
        np.testing.assert_allclose(part, 0, atol=1e-12)
    np.testing.assert_allclose(more, 0.5 * 3 * 0.01**2, rtol=1e-6)


def test_steps_on_the_central_path_are_projected_gradient_steps(double):
    """One step with the means as parameters, the head solved for anew: the loss of Danskin."""
    means, deviations = whitened_features(jax.random.key(3), 3, 6, 4, 1.0)
    labels = class_labels((6, 6, 6))

    def best_loss(means):
        features = (means[:, None] + deviations).reshape(-1, 4)
        head = least_squares_head(features, labels)
        return regularised_loss(head, features, labels, Decay((0.0,), 0.0), bias=True)

    # A mean moves six features, each by what their gradients are on the average.
    loss, gradient = jax.jit(jax.value_and_grad(best_loss))(means)
    follow = jax.jit(follow_central_path)
    step = follow(means, deviations, 0.7, 1)
    np.testing.assert_allclose(step, means - 0.7 * gradient / 6, rtol=1e-12, atol=1e-14)
    later = follow(means, deviations, 0.7, 200)
    assert best_loss(later) < loss
    np.testing.assert_allclose(later.mean(axis=0), 0, atol=1e-12)


@few
@given(seeds)
def test_covariances_are_diagonal_in_the_drawn_basis(seed):
    variance, shared = np.array([1.6, 1.1, 0.4]), np.array([1.5, 0.3, 0.2])
    with jax.enable_x64(True):
        drawn = random_features_of(jax.random.key(seed), jnp.asarray(variance), jnp.asarray(shared))
    basis, of = on_host(drawn)
    np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-14)
    for covariance, diagonal in ((of.total, variance), (of.shared, shared)):
        np.testing.assert_allclose(basis @ covariance @ basis.T, np.diag(diagonal), atol=1e-14)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-15)


@few
@given(seeds)
def test_contrastive_loss_is_its_average_over_a_finite_population(seed):
    """Four equally likely originals, each of three views; all pairs are enumerated."""
    rng = np.random.default_rng(seed)
    views = rng.normal(size=(4, 3, 5))
    layers = [rng.normal(size=(3, 5)), rng.normal(size=(2, 3))]
    flat = views.reshape(-1, 5)
    middle = views.mean(axis=1)
    covariances = flat.T @ flat / 12, middle.T @ middle / 4
    f = lambda x: layers[1] @ layers[0] @ x
    pairs = [(x, y) for one in views for x, y in itertools.product(one, one)]
    agree = np.mean([f(x) @ f(y) for x, y in pairs])
    repel = np.mean([(f(x) @ f(y)) ** 2 for x, y in itertools.product(flat, flat)])
    held = sum(np.sum(layer**2) for layer in layers)
    with jax.enable_x64(True):
        of = Contrast(*map(jnp.asarray, covariances))
        loss = contrastive_loss(tuple(map(jnp.asarray, layers)), of, 0.3)
    np.testing.assert_allclose(loss, -2 * agree + repel + 0.15 * held, rtol=1e-12)


def test_backbone_is_a_relu_network_with_a_linear_end(double):
    backbone = draw_backbone(jax.random.key(0), (40, 300, 4))
    (W1, b1), (W2, b2) = on_host(backbone.layers)
    assert (W1.shape, b1.shape, W2.shape, b2.shape) == ((300, 40), (300,), (4, 300), (4,))
    for layer in (W1, W2):
        variance = 2 / layer.shape[1]
        assert layer.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / layer.size))
    assert not b1.any()
    assert not b2.any()
    x = np.random.default_rng(0).normal(size=(7, 40))
    shifted = jax.tree.map(jnp.asarray, Backbone(((W1, b1 + 0.3), (W2, b2 - 0.2))))
    expected = np.maximum(x @ W1.T + 0.3, 0) @ W2.T - 0.2
    np.testing.assert_allclose(backbone_features(shifted, jnp.asarray(x)), expected, rtol=1e-11)
    assert expected.min() < -0.2  # the end is not rectified


def test_mixture_has_unit_variance_about_means_that_are_separated(double):
    """Squares of norms: 1 within a class, `separation**2` of a mean, both over all inputs."""
    sizes, inputs, separation = (400, 200, 100), 500, 3.0
    x = np.asarray(gaussian_mixture(jax.random.key(0), sizes, inputs, separation))
    classes = np.repeat(range(3), sizes)
    means = np.stack([x[classes == k].mean(axis=0) for k in range(3)])
    within = (x - means[classes]) * np.sqrt(np.array(sizes) / (np.array(sizes) - 1))[classes, None]
    assert np.mean(within**2) * inputs == pytest.approx(1, rel=4 * np.sqrt(2 / x.size))
    squares = np.sum(means**2, axis=1) - 1 / np.array(sizes)
    np.testing.assert_allclose(squares, separation**2, rtol=4 * np.sqrt(2 / inputs))
    cosines = np.corrcoef(means) - np.eye(3)
    assert np.abs(cosines).max() < 4 / np.sqrt(inputs)
    spectrum = np.linalg.eigvalsh(within.T @ within / len(x)) * inputs
    edge = (1 + np.sqrt(inputs / len(x))) ** 2  # of white noise
    assert spectrum.max() < 1.1 * edge


def trained_classifier(key, *, feature_penalty, num_iterations=40, bias=True):
    inputs = gaussian_mixture(jax.random.key(5), (4, 4), 3, 3.0)
    labels, decay = class_labels((4, 4)), Decay((0.01, 0.02), 0.03)
    return (inputs, labels, decay), train_classifier(
        key, inputs, labels, decay, backbone_widths=(6,), head_widths=(3, 4), bias=bias,
        num_iterations=num_iterations, measure=lambda at, features: (at, features),
        feature_penalty=feature_penalty,
    )  # fmt: skip


def objective_of(task, at, *, feature_penalty, bias=True):
    """Written out: half the mean squared error and half of every decay times its squares."""
    inputs, labels, decay = task
    features = outputs = backbone_features(at.backbone, inputs)
    for layer in at.head.layers:
        outputs = outputs @ layer.T
    outputs = outputs + bias * at.head.bias
    held = (
        jnp.sum(features**2)
        if feature_penalty
        else sum(jnp.sum(layer**2) for layer, _ in at.backbone.layers)
    )
    heads = sum(
        rate * jnp.sum(layer**2) for rate, layer in zip(decay.layers, at.head.layers, strict=True)
    )
    error = jnp.mean(jnp.sum((outputs - labels) ** 2, axis=1))
    return 0.5 * (error + heads + decay.features * held)


@pytest.mark.parametrize("feature_penalty", [True, False])
def test_classifiers_are_trained_to_a_stationary_point_of_their_loss(double, feature_penalty):
    task, ((start, features), (end, later)) = trained_classifier(
        jax.random.key(0), feature_penalty=feature_penalty, num_iterations=300
    )
    np.testing.assert_allclose(features, backbone_features(start.backbone, task[0]), rtol=1e-14)
    np.testing.assert_allclose(later, backbone_features(end.backbone, task[0]), rtol=1e-14)

    @jax.jit
    def losses_and_slopes(at):
        of = lambda penalty: lambda at: objective_of(task, at, feature_penalty=penalty)
        own, other = (jax.value_and_grad(of(p))(at) for p in (feature_penalty, not feature_penalty))
        return own[0], *(jnp.linalg.norm(ravel_pytree(g)[0]) for _, g in (own, other))

    before, slope_before, _ = losses_and_slopes(start)
    after, slope, other_slope = losses_and_slopes(end)
    assert after < 0.5 * before
    # Kinks of the rectifiers leave something; the other penalty, far more.
    assert slope < 1e-3 * slope_before
    assert other_slope > 0.01


def test_classifiers_without_a_bias_leave_it_alone(double):
    _, (_, (end, _)) = trained_classifier(jax.random.key(1), feature_penalty=True, bias=False)
    assert isinstance(end, Classifier)
    assert not end.head.bias.any()


def test_classifiers_start_from_their_key(double):
    train = lambda seed: trained_classifier(
        jax.random.key(seed), feature_penalty=True, num_iterations=1
    )[1]
    one, again, other = train(0), train(0), train(1)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(one[0][1] - other[0][1]).max() > 0.1


def test_a_head_is_applied_layer_by_layer(double):
    at = drawn(2)
    assert isinstance(at, Free)
    W1, W2 = at.head.layers
    expected = np.asarray(at.features) @ np.asarray(W2 @ W1).T + np.asarray(at.head.bias)
    np.testing.assert_allclose(logits(at.head, at.features), expected, rtol=1e-12, atol=1e-14)
    alone = Head((), at.head.bias[:2])
    np.testing.assert_array_equal(logits(alone, jnp.zeros((3, 2))), np.tile(alone.bias, (3, 1)))
