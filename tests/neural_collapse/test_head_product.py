"""Heads of linear layers: their product, and the balance of neighbours."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.neural_collapse.head_product import head_product, layer_balance


def layers(seed, widths=(5, 6, 4, 3)):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape) for shape in zip(widths[1:], widths[:-1], strict=True)]


@given(seeds)
def test_acts_as_the_layers_in_turn(seed):
    head = layers(seed)
    h = np.random.default_rng(seed + 1).normal(size=(7, 5))
    logits = h
    for layer in head:
        logits = logits @ layer.T
    np.testing.assert_allclose(h @ head_product(head).T, logits, atol=1e-12)
    between = h @ head_product(head[:2]).T
    np.testing.assert_allclose(between @ head_product(head[2:]).T, logits, atol=1e-12)
    np.testing.assert_array_equal(head_product(head[:1]), head[0])


@given(seeds, st.lists(decades(1e-3, 1), min_size=4, max_size=4))
def test_zero_for_balanced_layers(seed, decays):
    """Factors of shared singular vectors with lambda s^2 alike, the features' included."""
    random = np.random.default_rng(seed)
    widths = (8, 5, 6, 4, 3)
    bases = [np.linalg.qr(random.normal(size=(width, 3))).Q for width in widths]
    s = random.uniform(0.5, 2, size=3)
    balanced = [
        (above * s / np.sqrt(decay)) @ below.T
        for below, above, decay in zip(bases, bases[1:], decays, strict=False)
    ]
    np.testing.assert_allclose(layer_balance(balanced, decays), 0, atol=1e-14)
    doubled = [*balanced[:-1], 2 * balanced[-1]]
    np.testing.assert_allclose(layer_balance(doubled, decays), [0, 0, 3], atol=1e-13)


def test_is_its_definition():
    first, second = layers(0)[:2]
    below, above = 0.1 * first @ first.T, 0.3 * second.T @ second
    expected = np.linalg.norm(above - below) / np.linalg.norm(below)
    assert layer_balance([first, second], [0.1, 0.3]) == pytest.approx([expected])
    with np.errstate(all="raise"):
        nothing = layer_balance([0 * first, second, layers(0)[2]])
    assert nothing[0] == np.inf
    assert np.isnan(layer_balance([0 * first, 0 * second])[0])


def test_under_jax(double):
    head = layers(0)
    np.testing.assert_allclose(jax.jit(head_product)(head), head_product(head), rtol=1e-12)
    np.testing.assert_allclose(jax.jit(layer_balance)(head), layer_balance(head), rtol=1e-12)
    assert np.all(np.isnan(jax.jit(layer_balance)(head, -1.0)))
    assert np.all(np.isnan(jax.jit(head_product)([np.nan * layer for layer in head])))


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_follows_the_library_of_its_input(library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    head = layers(0)
    theirs = [xp.asarray(layer) for layer in head]
    for measure in (head_product, layer_balance):
        value = measure(theirs)
        assert type(value) is type(theirs[0])
        np.testing.assert_allclose(np.asarray(value), measure(head), rtol=1e-12)


@pytest.mark.parametrize(
    ("head", "decay", "message"),
    [
        ([], 1, "`layers` must hold one matrix or more"),
        ([np.ones((2, 2))], 1, "`layers` must be 2 or more"),
        ([np.ones((3, 2)), np.ones((2, 4))], 1, r"`layers\[1\]` must have 3 columns.* \(2, 4\)"),
        ([np.ones(3), np.ones((2, 3))], 1, r"`layers\[0\]` must be a matrix.* \(3,\)"),
        ([np.ones((2, 2)), np.full((2, 2), np.inf)], 1, r"`layers\[1\]` must be finite.* got inf"),
        ([np.ones((2, 2))] * 2, 0, "`weight_decay` must be > 0; got 0"),
        ([np.ones((2, 2))] * 2, [1, 2, 3], r"`weight_decay` must be .* each of 2 layers.*\(3,\)"),
    ],
)
def test_bad_input_is_refused(head, decay, message):
    with pytest.raises(ValueError, match=message):
        layer_balance(head, decay)
