"""Experiments and instruments: identities that need no closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import seeds
from theorylab.deep_linear import balance, input_output_modes, reduce_width
from theorylab.deep_linear.simulation import (
    covariance_loss,
    draw_decoupled,
    draw_gaussian,
    end_to_end,
    example_loss,
    train,
    train_on_examples,
)
from theorylab.experiment.data_matrix import NAMES, data_matrix
from theorylab.experiment.descent import descend

few = settings(max_examples=10)


def gaussian(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


@few
@given(seeds)
def test_covariances_stand_for_the_examples(seed):
    X, Y = gaussian(seed, (30, 5), (30, 3))
    with jax.enable_x64(True):
        weights = draw_gaussian(jax.random.key(seed), (5, 4, 3), 0.5)
        S, C = Y.T @ X / 30, X.T @ X / 30
        constant = np.sum(Y**2) / 60
        loss = covariance_loss(weights, S, C) + constant
        np.testing.assert_allclose(loss, example_loss(weights, X, Y), rtol=1e-13)
        options = dict(num_records=4, stride=5)
        by_covariance = train(weights, S, C, 0.05, **options)
        by_example = train_on_examples(weights, X, Y, 0.05, **options)
    np.testing.assert_allclose(by_covariance.measured, by_example.measured, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(by_covariance.times, 0.05 * 5 * np.arange(4))


@few
@given(seeds)
def test_narrow_networks_train_as_wide_ones(seed):
    W1, W2, S = gaussian(seed, (20, 3), (4, 20), (4, 3))
    narrow = reduce_width(0.3 * W1, 0.3 * W2)
    assert narrow[0].shape == (7, 3)
    assert narrow[1].shape == (4, 7)
    similarities = lambda weights: (end_to_end(weights), weights[0].T @ weights[0],
                                    weights[1] @ weights[1].T)  # fmt: skip
    with jax.enable_x64(True):
        runs = [
            train(weights, S, np.eye(3), 0.02, num_records=3, stride=20, measure=similarities)
            for weights in ((0.3 * W1, 0.3 * W2), narrow)
        ]
    for wide, small in zip(*(run.measured for run in runs), strict=True):
        np.testing.assert_allclose(wide, small, atol=1e-12)


def test_narrow_networks_are_left_as_they_are():
    W1, W2 = gaussian(0, (5, 3), (4, 5))
    np.testing.assert_array_equal(reduce_width(W1, W2)[0], W1)


@few
@given(seeds, st.integers(1, 5))
def test_decoupled_weights_have_the_modes_asked_for(seed, depth):
    left, _ = np.linalg.qr(gaussian(seed, (5, 3))[0])
    right, _ = np.linalg.qr(gaussian(seed + 1, (6, 3))[0])
    strengths = 0.5 + np.arange(3.0 * depth).reshape(depth, 3)
    with jax.enable_x64(True):
        weights = draw_decoupled(jax.random.key(seed), left, right, jnp.asarray(strengths), width=4)
        shapes = [weight.shape for weight in weights]
        product = left.T @ np.asarray(end_to_end(weights)) @ right
    assert shapes == [
        (5 if layer == depth - 1 else 4, 6 if layer == 0 else 4) for layer in range(depth)
    ]
    np.testing.assert_allclose(product, np.diag(strengths.prod(axis=0)), atol=1e-9 * product.max())


def test_layers_of_equal_strength_are_balanced(double):
    basis, _ = np.linalg.qr(gaussian(0, (5, 3))[0])
    weights = draw_decoupled(jax.random.key(0), basis, basis, jnp.full((2, 3), 0.7), width=4)
    np.testing.assert_allclose(balance(*weights), 0, atol=1e-15)


def test_descent_records_the_start_and_every_stride(double):
    run = descend(lambda x: x**2 / 2, jnp.ones(()), 0.5, lambda x: x, num_records=4, stride=2)
    np.testing.assert_allclose(run.measured, 0.25 ** np.arange(4))
    np.testing.assert_allclose(run.times, np.arange(4.0))


def test_a_traced_stride_gives_the_same_run(double):
    start, loss = jnp.ones(3), lambda x: jnp.sum(jnp.cos(x))
    run = lambda stride: descend(loss, start, 0.1, jnp.sum, num_records=5, stride=stride).measured
    np.testing.assert_array_equal(run(3), jax.jit(run)(3))


@pytest.mark.parametrize("name", NAMES)
def test_whitened_inputs_are_white(name):
    modes = input_output_modes(*data_matrix(name))
    rank = modes.inputs.shape[1]
    np.testing.assert_allclose(modes.input_covariance, np.eye(rank), atol=1e-13)
    np.testing.assert_allclose(modes.inputs.mean(axis=0), 0, atol=1e-9)
    covariance = data_matrix(name).targets.T @ modes.inputs / len(modes.inputs)
    rebuilt = modes.left * modes.singular_values @ modes.right.T
    np.testing.assert_allclose(rebuilt, covariance, atol=1e-12 * np.abs(covariance).max())
    assert np.all(np.diff(modes.singular_values) <= 0)


def test_constant_and_repeated_inputs_are_dropped():
    X, Y = gaussian(0, (40, 3), (40, 2))
    padded = np.hstack([X, np.ones((40, 1)), X[:, :1] - 2 * X[:, 1:2]])
    modes = input_output_modes(padded, Y)
    assert modes.inputs.shape == (40, 3)
    np.testing.assert_allclose(modes.singular_values, input_output_modes(X, Y).singular_values)


@few
@given(seeds)
def test_modes_do_not_depend_on_the_basis_of_the_inputs(seed):
    X, Y, mixing = gaussian(seed, (50, 4), (50, 2), (4, 4))
    mixing += 3 * np.eye(4)
    one, other = (input_output_modes(inputs, Y) for inputs in (X, 7 + X @ mixing))
    np.testing.assert_allclose(one.singular_values, other.singular_values, rtol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: input_output_modes(np.ones((4, 2)), np.ones((4, 1))), "`inputs` must vary"),
        (lambda: input_output_modes(np.ones((4, 2)), np.ones((3, 1))), r"\(4, 2\) and \(3, 1\)"),
        (lambda: input_output_modes(np.ones(4), np.ones((4, 1))), "must be tables"),
        (lambda: input_output_modes(np.ones((7, 3)) * [0.1, 0.2, 0.3], np.eye(7)), "`inputs` must"),
        (lambda: input_output_modes(np.eye(4), np.ones((4, 1))), "`targets` must vary"),
        (lambda: input_output_modes(np.ones((5, 0)), np.eye(5)), "a column or more"),
        (lambda: input_output_modes([[1, np.nan]], [[1.0]]), "`inputs` must be finite everywhere"),
        (lambda: input_output_modes([[1.0, 2]], [[np.inf]]), "`targets` must be finite"),
        (lambda: balance(np.ones((3, 2)), np.ones((2, 4))), r"\(2, 4\) and \(3, 2\)"),
        (lambda: reduce_width(np.ones((3, 2)), np.ones((2, 4))), r"\(2, 4\) and \(3, 2\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call, message, unchecked):
    with pytest.raises(ValueError, match=message):
        call()
