"""Restricted and excluded losses: by their definition on all pairs, and on logits known by hand."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from tests.strategies import decades, seeds
from theorylab.grokking.network import Weights, network_logits
from theorylab.grokking.restricted_loss import excluded_loss, restricted_loss, sum_projection


def grid(p):
    return np.meshgrid(*[np.arange(p)] * 3, indexing="ij")


def basis(p, frequencies):
    """The waves, one in each row over the `p^2` pairs, as they are defined."""
    x, y = np.meshgrid(np.arange(p), np.arange(p), indexing="ij")
    angles = [2 * np.pi * k * (x + y) / p for k in frequencies]
    waves = [wave(angle) for angle in angles for wave in (np.cos, np.sin)]
    return np.sqrt(2) / p * np.reshape(waves, (-1, p * p))


def projected(f, frequencies):
    p = len(f)
    waves = basis(p, frequencies)
    return (waves.T @ (waves @ f.reshape(p * p, p))).reshape(f.shape)


def entropy(f):
    """Of each pair."""
    x, y, j = grid(len(f))
    return logsumexp(f, axis=2) - f[j == (x + y) % len(f)].reshape(f.shape[:2])


def flawed_indicator(p, a):
    """The logits of a network of all frequencies and symmetric phases: ghosts at `2x` and `2y`."""
    x, y, j = grid(p)
    peak = lambda at: ((j - at) % p == 0).astype(float)
    return a / 2 * (-1 + p / 2 * peak(x + y) + p / 4 * (peak(2 * x) + peak(2 * y)))


@given(
    seeds, st.sampled_from([(3, (1,)), (7, (2,)), (7, (3, 1)), (9, (3,)), (11, (1, 2, 3, 4, 5))])
)
def test_by_definition(seed, setting):
    p, frequencies = setting
    f = 3 * np.random.default_rng(seed).normal(size=(p, p, p))
    part = projected(f, frequencies)
    np.testing.assert_allclose(sum_projection(f, frequencies), part, atol=1e-13)
    for found, logits in ((restricted_loss, part), (excluded_loss, f - part)):
        np.testing.assert_allclose(found(f, frequencies), np.mean(entropy(logits)), rtol=1e-12)
    np.testing.assert_allclose(excluded_loss(f, ()), np.mean(entropy(f)), rtol=1e-12)
    np.testing.assert_allclose(restricted_loss(f, ()), np.log(p), rtol=1e-12)
    if len(frequencies) == p // 2:
        assert restricted_loss(f) == restricted_loss(f, frequencies)


@given(seeds)
def test_a_projection_is_one(seed):
    f = np.random.default_rng(seed).normal(size=(7, 7, 7))
    once = sum_projection(f, [1, 3])
    np.testing.assert_allclose(sum_projection(once, [3, 1, 3]), once, atol=1e-14)
    np.testing.assert_allclose(sum_projection(f - once, [1, 3]), 0, atol=1e-14)
    np.testing.assert_allclose(sum_projection(once, [2]), 0, atol=1e-14)
    np.testing.assert_allclose(np.mean(once, axis=(0, 1)), 0, atol=1e-14)


@given(seeds, st.integers(0, 10))
def test_symmetries_of_addition(seed, shift):
    p = 11
    f = np.random.default_rng(seed).normal(size=(p, p, p))
    moved = np.roll(f, (shift, shift, 2 * shift), axis=(0, 1, 2))
    permuted = f[np.ix_(*[3 * np.arange(p) % p] * 3)]  # frequency k as 3k
    offset = f + np.random.default_rng(seed).normal(size=(p, p, 1))  # the same for all classes
    for loss in (restricted_loss, excluded_loss):
        expected = loss(f, [1, 4])
        np.testing.assert_allclose(loss(moved, [1, 4]), expected, rtol=1e-12)
        np.testing.assert_allclose(loss(np.swapaxes(f, 0, 1), [1, 4]), expected, rtol=1e-12)
        np.testing.assert_allclose(loss(permuted, [3, 1]), expected, rtol=1e-12)
        np.testing.assert_allclose(loss(offset, [1, 4]), expected, rtol=1e-12)


@given(decades(1e-3, 10), st.sampled_from([3, 9, 23]))
def test_the_flawed_indicator(a, p):
    f = flawed_indicator(p, a)
    x, y, j = grid(p)
    clean = a / 4 * (p * ((j - x - y) % p == 0) - 1)
    np.testing.assert_allclose(sum_projection(f), clean, atol=1e-13 * a * p)
    restricted = np.log1p((p - 1) * np.exp(-a * p / 4))
    np.testing.assert_allclose(restricted_loss(f), restricted, rtol=1e-12)
    # The peak at x + y is gone, and where x = y the ghosts stand there instead.
    ghosts = np.log(p - 2 + 2 * np.exp(a * p / 8))
    np.testing.assert_allclose(excluded_loss(f), (p - 1) / p * ghosts + restricted / p, rtol=1e-12)
    full = (p - 1) / p * np.log1p(2 * np.exp(-a * p / 8) + (p - 3) * np.exp(-a * p / 4))
    full += np.log1p((p - 1) * np.exp(-a * p / 2)) / p
    np.testing.assert_allclose(excluded_loss(f, []), full, rtol=1e-12)


def test_the_constant_stays_in_what_is_left():
    p = 7
    bias = np.random.default_rng(0).normal(size=p)
    f = flawed_indicator(p, 1.0)
    np.testing.assert_allclose(sum_projection(f + bias), sum_projection(f), atol=1e-14)
    alone = np.broadcast_to(bias, f.shape)
    assert restricted_loss(alone) == pytest.approx(np.log(p), rel=1e-14)
    assert excluded_loss(alone) == pytest.approx(np.mean(entropy(alone)), rel=1e-14)


def test_loss_over_some_of_the_pairs():
    p = 7
    random = np.random.default_rng(0)
    f, train = random.normal(size=(p, p, p)), random.uniform(size=(p, p)) < 0.6
    part = projected(f, [2])
    for found, logits in ((restricted_loss, part), (excluded_loss, f - part)):
        expected = np.mean(entropy(logits)[train])
        np.testing.assert_allclose(found(f, [2], pairs=train), expected, rtol=1e-13)
        assert found(f, [2], pairs=train | True) == pytest.approx(found(f, [2]), rel=1e-14)


def test_a_network_of_one_frequency_needs_it():
    p, k = 11, 2
    phases = 2 * np.pi * np.arange(5) / 5
    angle = 2 * np.pi * k * np.arange(p) / p
    theta = 3 * np.cos(angle + phases[:, None])
    xi = np.cos(angle + 2 * phases[:, None])
    f = network_logits(Weights(theta, xi))
    assert excluded_loss(f, [k]) > np.log(p) > restricted_loss(f, [k])
    assert excluded_loss(f, [1]) == pytest.approx(excluded_loss(f, []), rel=1e-12)


def test_large_logits_neither_overflow_nor_lose_small_losses():
    f = flawed_indicator(5, 400.0)
    assert restricted_loss(f) == pytest.approx(4 * np.exp(-500), rel=1e-9)
    assert excluded_loss(f) == pytest.approx(0.8 * (250 + np.log(2)), rel=1e-12)
    single = flawed_indicator(5, 40.0).astype(np.float32)
    assert restricted_loss(single) == pytest.approx(4 * np.exp(-50), rel=1e-4)


def test_under_jax(double):
    p = 7
    random = np.random.default_rng(0)
    f = random.normal(size=(2, p, p, p))
    train = random.uniform(size=(p, p)) < 0.6

    @jax.jit
    @jax.vmap
    def both(f):
        k = jnp.asarray([1, 3])
        return restricted_loss(f, k), excluded_loss(f, k, pairs=jnp.asarray(train))

    restricted, excluded = both(f)
    for i in range(2):
        np.testing.assert_allclose(restricted[i], restricted_loss(f[i], [1, 3]), rtol=1e-12)
        expected = excluded_loss(f[i], [1, 3], pairs=train)
        np.testing.assert_allclose(excluded[i], expected, rtol=1e-12)
    step = 1e-5 * random.normal(size=(p, p, p))
    for loss in (restricted_loss, excluded_loss):
        slope = jax.jit(jax.grad(loss))(f[0])
        difference = loss(f[0] + step) - loss(f[0] - step)
        np.testing.assert_allclose(2 * np.sum(slope * step), difference, rtol=1e-6)
    traced = jax.jit(lambda f, k, pairs: excluded_loss(f, k, pairs=pairs))
    assert np.isfinite(traced(f[0], jnp.asarray([2]), train))
    assert np.isnan(traced(f[0], jnp.asarray([4]), train))
    assert np.isnan(traced(f[0], jnp.asarray([2]), train & False))
    assert np.isnan(traced(f[0] * np.nan, jnp.asarray([2]), train))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    f = flawed_indicator(5, 0.4).astype(np.float32)
    theirs = xp.asarray(f)
    train = xp.asarray(np.eye(5) > 0)
    assert type(sum_projection(theirs, [1])) is type(theirs)
    for found, expected in (
        (restricted_loss(theirs), restricted_loss(f)),
        (excluded_loss(theirs, [1, 2], pairs=train), excluded_loss(f, pairs=np.eye(5) > 0)),
    ):
        assert found.dtype == xp.float32
        np.testing.assert_allclose(float(found), float(expected), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(logits=np.ones((5, 5))), ValueError, r"`logits` must be \(p, p, p\).* \(5, 5\)"),
        (dict(logits=np.ones((5, 5, 3))), ValueError, r"got shape \(5, 5, 3\)"),
        (dict(logits=np.ones((4, 4, 4))), ValueError, "must be an odd integer >= 3; got 4"),
        (dict(logits=np.full((5, 5, 5), np.nan)), ValueError, "`logits` must be finite everywhere"),
        (dict(frequencies=[0]), ValueError, "`frequencies` must be whole numbers .*got 0"),
        (dict(frequencies=[1, 3]), ValueError, "whole numbers from 1 to 2 everywhere; got 3"),
        (dict(frequencies=[1.5]), ValueError, "whole numbers from 1 to 2 everywhere; got 1.5"),
        (dict(frequencies=1), ValueError, r"must be a sequence of whole numbers; got shape \(\)"),
        (dict(pairs=np.ones((5, 4), bool)), ValueError, r"`pairs` must be \(5, 5\).* \(5, 4\)"),
        (dict(pairs=np.zeros((5, 5), bool)), ValueError, "`pairs` must be one pair or more; got 0"),
        (dict(pairs=np.ones((5, 5))), TypeError, "must be booleans; got an array of float64"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(change, error, message, unchecked):
    arguments = dict(logits=np.ones((5, 5, 5))) | change
    for loss in (restricted_loss, excluded_loss):
        with pytest.raises(error, match=message):
            loss(**arguments)


def test_stored_numbers():
    # Independently computed for p = 23, a = 1.7.
    f = flawed_indicator(23, 1.7)
    np.testing.assert_allclose(restricted_loss(f), 0.00125003637269, rtol=1e-11)
    np.testing.assert_allclose(excluded_loss(f), 5.41094654018254, rtol=1e-13)
    np.testing.assert_allclose(excluded_loss(f, ()), 0.0153880520498, rtol=1e-11)


def test_the_mean_of_an_answer_may_be_kept():
    """Of logits that are waves in the sum and a bias of each answer, it keeps all there is."""
    p, x = 11, np.arange(11)
    bias = np.random.default_rng(0).normal(size=p)
    waves = np.cos(2 * np.pi * (x - (x[:, None, None] + x[:, None])) / p)
    kept = restricted_loss(waves + bias, keep_mean=True)
    all_pairs = restricted_loss(waves)
    np.testing.assert_allclose(restricted_loss(waves + bias), all_pairs, rtol=1e-13)
    np.testing.assert_allclose(kept, excluded_loss(waves + bias, []), rtol=1e-13)
    assert abs(kept - all_pairs) > 0.01
