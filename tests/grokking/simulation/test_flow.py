"""The flow against another integrator with gradients by hand, and where it stops."""

from functools import partial
from itertools import pairwise

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.integrate import solve_ivp

from tests.strategies import decades, seeds
from theorylab.grokking.network import Weights
from theorylab.grokking.simulation import flow
from theorylab.grokking.simulation.flow import State, cross_entropy, follow
from theorylab.grokking.simulation.training import draw_weights

P, WIDTH = 5, 3
few = settings(max_examples=8)


def drawn(seed=0, scale=0.4):
    return draw_weights(jax.random.key(seed), P, WIDTH, scale)


def size(weights):
    return jnp.sqrt(sum(jnp.sum(x**2) for x in weights))


def followed(weights, horizon, decay=0.0, level=jnp.inf, share=1.0, accuracy=1e-8):
    """Until the weights are as large as a level, down a share of the loss."""
    return follow(
        weights,
        horizon,
        until=lambda w: size(w) >= level,
        loss=lambda w: share * cross_entropy(w),
        weight_decay=decay,
        accuracy=accuracy,
    )


_RUN = jax.jit(followed)


def run(weights, horizon, **options):
    """One compilation serves all numbers."""
    defaults = dict(decay=0.0, level=np.inf, share=1.0, accuracy=1e-8)
    return _RUN(weights, horizon, **{k: float(x) for k, x in (defaults | options).items()})


def softmax_error(theta, xi):
    """Hidden layer before and after, and the gradient of the loss in the logits."""
    z = theta[:, :, None] + theta[:, None, :]
    f = np.einsum("mj,mxy->xyj", xi, z**2)
    x = np.arange(P)
    shifted = np.exp(f - f.max(axis=-1, keepdims=True))
    softmax = shifted / shifted.sum(axis=-1, keepdims=True)
    right = np.eye(P)[(x[:, None] + x) % P]
    return z, (softmax - right) / P**2, -np.mean(np.log(np.sum(softmax * right, axis=-1)))


def gradient(theta, xi):
    z, error, _ = softmax_error(theta, xi)
    of_hidden = 2 * z * np.einsum("mj,xyj->mxy", xi, error)
    return of_hidden.sum(axis=2) + of_hidden.sum(axis=1), np.einsum("mxy,xyj->mj", z**2, error)


def integrated(weights, horizon, decay=0.0, **options):
    start = np.stack([np.asarray(x, float) for x in weights])

    def velocity(_, y):
        w = y.reshape(start.shape)
        return -(np.stack(gradient(*w)) + decay * w).ravel()

    found = solve_ivp(
        velocity, (0, horizon), start.ravel(), method="DOP853", rtol=1e-12, atol=1e-13, **options
    )
    return found, found.y[:, -1].reshape(start.shape)


def gap(weights, exact):
    return np.abs(np.stack([np.asarray(x) for x in weights]) - exact).max()


def test_the_loss_is_cross_entropy(double):
    weights = drawn()
    *_, loss = softmax_error(*(np.asarray(x) for x in weights))
    assert cross_entropy(weights) == pytest.approx(loss, rel=1e-13)
    everywhere = jnp.ones((P, P), bool)
    assert cross_entropy(weights, trained=everywhere) == pytest.approx(loss, rel=1e-13)


def test_the_loss_of_some_pairs_is_their_mean(double):
    weights, one = drawn(), lambda x, y: jnp.zeros((P, P), bool).at[x, y].set(True)
    of = lambda trained: cross_entropy(weights, activation="relu", trained=trained)
    assert of(one(1, 2) | one(4, 4)) == pytest.approx((of(one(1, 2)) + of(one(4, 4))) / 2)
    assert of(one(1, 2)) == pytest.approx(float(of(one(2, 1))))


@few
@given(seeds, decades(0.1, 1.0), decades(0.1, 100.0), st.floats(0.0, 0.1))
def test_agrees_with_another_integrator(seed, scale, horizon, decay):
    with jax.enable_x64(True):
        weights = drawn(seed, scale)
        end = run(weights, horizon, decay=decay)
    _, exact = integrated(weights, horizon, decay)
    assert float(end.time) == horizon
    assert gap(end.weights, exact) < 1e-5 * np.abs(exact).max()


def test_errors_are_of_the_accuracy(double):
    weights = drawn()
    _, exact = integrated(weights, 30.0)
    errors = [gap(run(weights, 30.0, accuracy=a).weights, exact) for a in (1e-4, 1e-6, 1e-8, 1e-10)]
    assert errors[-1] < 1e-8
    for coarse, fine in pairwise(errors):
        assert fine < coarse / 10


def test_stops_where_it_should(double):
    """At the end of the first step beyond the level, and not where it was before."""
    weights = drawn(scale=0.2)
    level = 1.5 * float(size(weights))
    reach = lambda _, y: np.linalg.norm(y) - level
    reach.terminal = True
    found, _ = integrated(weights, 1000.0, events=reach)
    (reached,) = found.t_events[0]
    end = run(weights, 1000.0, level=level)
    assert reached < end.time < 1.2 * reached
    assert size(end.weights) >= level
    _, exact = integrated(weights, float(end.time))
    assert gap(end.weights, exact) < 1e-6
    before = run(weights, 0.999 * reached, level=level)
    assert before.time == 0.999 * reached
    assert size(before.weights) < level


def test_goes_to_the_horizon_where_nothing_is_reached(double):
    assert run(drawn(), 7.0, level=1e3).time == 7.0
    assert follow(drawn(), 7.0).time == 7.0


@given(decades(1e-3, 10.0), decades(0.1, 3.0))
def test_decay_alone_is_exponential(decay, duration):
    horizon = duration / decay
    with jax.enable_x64(True):
        weights = drawn()
        end = run(weights, horizon, decay=decay, share=0.0)
        for found, start in zip(end.weights, weights, strict=True):
            np.testing.assert_allclose(found, start * np.exp(-duration), rtol=1e-6)


def test_not_a_number_where_steps_do_not_suffice(double, monkeypatch):
    monkeypatch.setattr(flow, "_MOST_STEPS", 5)
    end = jax.jit(partial(followed, horizon=1000.0))(drawn())
    assert np.isnan(end.time)
    assert all(np.isnan(x).all() for x in end.weights)


def test_many_are_followed_as_one_is(double):
    keys = jax.random.split(jax.random.key(1), 3)
    starts = jax.vmap(lambda key: draw_weights(key, P, WIDTH, 0.2))(keys)
    level = 1.2 * float(size(starts)) / 3**0.5
    ends = jax.jit(jax.vmap(partial(followed, horizon=300.0, level=level)))(starts)
    for i in range(3):
        one = run(Weights(*(x[i] for x in starts)), 300.0, level=level)
        assert ends.time[i] == pytest.approx(float(one.time), rel=1e-6)
        assert gap([x[i] for x in ends.weights], np.stack([*one.weights])) < 1e-6


def test_follows_the_precision_of_the_weights():
    weights = drawn()
    end = run(weights, 30.0, accuracy=1e-5)
    assert isinstance(end, State)
    assert {x.dtype for x in (end.time, *end.weights)} == {jnp.dtype("float32")}
    _, exact = integrated(weights, 30.0)
    assert gap(end.weights, exact) < 1e-3


def test_a_small_start_is_as_good_as_a_large_one(double):
    """Accuracy is relative to the start, however small."""
    weights = drawn(scale=1e-7)
    end = run(weights, 1e6, accuracy=1e-8)
    moved = gap(end.weights, np.stack([*weights])) / 1e-7
    fine = run(weights, 1e6, accuracy=1e-11)
    assert moved > 0.01
    assert gap(end.weights, np.stack([*fine.weights])) < 1e-6 * 1e-7


def test_draws_normal_weights_of_a_scale():
    theta, xi = draw_weights(jax.random.key(0), 51, 100, 0.3)
    assert theta.shape == xi.shape == (100, 51)
    for found in (theta, xi):
        assert np.std(found) == pytest.approx(0.3, rel=0.03)
        assert abs(np.mean(found)) < 0.01
    assert not np.any(theta == xi)
