from functools import cache, partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given

from theorylab.grokking.network import network_logits
from theorylab.grokking.simulation import training
from theorylab.grokking.simulation.training import (
    draw_train_mask,
    draw_weights,
    measure_features,
    record_steps,
    train,
    train_from,
    train_modular,
)

P, WIDTH = 7, 5


def naive_losses(weights, *, activation, loss):
    """Of all ordered pairs, from the logits of all of them."""
    f = network_logits(weights, activation)
    answers = (jnp.arange(P)[:, None] + jnp.arange(P)) % P
    one_hot = jax.nn.one_hot(answers, P, dtype=f.dtype)
    if loss == "mse":
        return jnp.mean((f - one_hot) ** 2, axis=-1)
    return jax.nn.logsumexp(f, axis=-1) - jnp.sum(f * one_hot, axis=-1)


@partial(jax.jit, static_argnames=("count", "activation", "loss", "optimizer"))
def naive_steps(weights, mask, count, *, rate, decay, betas, activation, loss, optimizer):
    """Eq. (2) on Eq. (1), pair by pair; Adam from its definition."""
    objective = lambda w: jnp.mean(naive_losses(w, activation=activation, loss=loss), where=mask)
    first = second = jax.tree.map(jnp.zeros_like, weights)
    for step in range(1, count + 1):
        direction = jax.grad(objective)(weights)
        if optimizer == "adamw":
            mean = lambda b, old, new: jax.tree.map(lambda o, n: b * o + (1 - b) * n, old, new)
            first = mean(betas[0], first, direction)
            second = mean(betas[1], second, jax.tree.map(jnp.square, direction))
            direction = jax.tree.map(
                lambda m, v, k=step: m / (1 - betas[0] ** k)
                / (jnp.sqrt(v / (1 - betas[1] ** k)) + 1e-8),
                first,
                second,
            )  # fmt: skip
        weights = jax.tree.map(lambda w, d: w - rate * (d + decay * w), weights, direction)
    return weights


@partial(jax.jit, static_argnums=(0, 1, 2))
def start_and_mask(seed=0, scale=0.5, pairs=30):
    weight_key, mask_key = jax.random.split(jax.random.key(seed))
    return draw_weights(weight_key, P, WIDTH, scale), draw_train_mask(mask_key, P, pairs)


CHOICES = [
    dict(activation=activation, loss=loss, optimizer=optimizer)
    for activation in ("quadratic", "relu")
    for loss in ("cross_entropy", "mse")
    for optimizer in ("gradient_descent", "adamw")
]
RATES = dict(learning_rate=0.03, weight_decay=0.2, betas=(0.8, 0.95))


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(choice.values()))
def test_a_step_is_that_of_all_ordered_pairs(double, choice):
    start, mask = start_and_mask()
    run = jax.jit(lambda: train_from(start, mask, [0, 3], measure=lambda _: 0, **RATES, **choice))()
    wanted = naive_steps(start, mask, 3, rate=0.03, decay=0.2, betas=(0.8, 0.95), **choice)
    for found, weight in zip(run.weights, wanted, strict=True):
        np.testing.assert_allclose(found, weight, rtol=0, atol=1e-14)
    losses = np.asarray(naive_losses(wanted, activation=choice["activation"], loss=choice["loss"]))
    mask = np.asarray(mask)
    np.testing.assert_allclose(run.train_loss[-1], losses[mask].mean(), rtol=1e-13)
    np.testing.assert_allclose(run.test_loss[-1], losses[~mask].mean(), rtol=1e-13)


@pytest.mark.parametrize("activation", ["quadratic", "relu"])
def test_a_step_in_single_precision(activation):
    start, mask = start_and_mask()
    settings = dict(activation=activation, loss="cross_entropy", optimizer="gradient_descent")
    run = jax.jit(
        lambda: train_from(start, mask, [0, 1], learning_rate=1.0, measure=lambda _: 0, **settings)
    )()
    wanted = naive_steps(start, mask, 1, rate=1.0, decay=0.0, betas=(0.9, 0.98), **settings)
    for found, weight in zip(run.weights, wanted, strict=True):
        assert found.dtype == jnp.float32
        # Sums of up to 30 pairs of 7 answers, each term a gradient or so; weights are about 1.
        np.testing.assert_allclose(found, weight, rtol=0, atol=20 * 2**-24)


@cache
def three_seeds():
    return train_modular(
        jax.random.key(3), modulus=P, width=WIDTH, train_fraction=0.6, num_seeds=3,
        learning_rate=0.05, weight_decay=0.01, optimizer="adamw", num_steps=40, num_records=6,
        keep_weights=True,
    )  # fmt: skip


def test_records_are_those_of_the_weights():
    run = three_seeds()
    assert run.weights.input_weights.shape == (3, 6, WIDTH, P)
    np.testing.assert_array_equal(run.steps, np.tile(record_steps(40, 6), (3, 1)))
    np.testing.assert_allclose(run.times, 0.05 * run.steps, rtol=1e-6)
    of_records = lambda f: jax.jit(jax.vmap(jax.vmap(f)))(run.weights)
    losses = np.asarray(
        of_records(lambda w: naive_losses(w, activation="quadratic", loss="cross_entropy"))
    )
    answers = np.argmax(of_records(network_logits), axis=-1)
    right = answers == np.add.outer(np.arange(P), np.arange(P)) % P
    for seed in range(3):
        mask = np.asarray(run.train_mask[seed])
        for found, of_pairs, pairs in (
            (run.train_loss, losses, mask),
            (run.test_loss, losses, ~mask),
            (run.train_accuracy, right, mask),
            (run.test_accuracy, right, ~mask),
        ):
            wanted = of_pairs[seed][:, pairs].mean(axis=-1)
            np.testing.assert_allclose(found[seed], wanted, rtol=1e-5)
    for found, wanted in zip(run.measured, of_records(measure_features), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_masks_have_the_size_asked_for_and_differ():
    masks = np.asarray(three_seeds().train_mask)
    assert masks.sum(axis=(1, 2)).tolist() == [29] * 3  # .6 of 49 is 29.4
    assert len({mask.tobytes() for mask in masks}) == 3


@given(st.integers(0, 2**31 - 1), st.integers(1, P**2))
@example(0, P**2)
def test_a_mask_has_any_number_of_pairs(seed, pairs):
    assert draw_train_mask(jax.random.key(seed), P, pairs).sum() == pairs


def test_seeds_at_once_are_seeds_one_by_one(double, monkeypatch):
    settings = dict(
        modulus=P, width=WIDTH, train_fraction=0.6, learning_rate=0.05, weight_decay=0.1,
        measure=lambda _: 0,
    )  # fmt: skip
    key = jax.random.key(3)
    # Pairs of seeds, side by side where there are two cores.
    monkeypatch.setattr(training, "_HIDDEN_AT_ONCE", 2 * WIDTH * P * (P + 1) // 2)
    in_pairs = train_modular(key, num_seeds=4, num_steps=20, num_records=3, **settings)
    one = jax.jit(lambda key: train(key, record_steps(20, 3), initial_scale=0.1, **settings))
    alone = [one(key) for key in jax.random.split(key, 4)]
    for found, *single in zip(*map(jax.tree.leaves, (in_pairs, *alone)), strict=True):
        assert found.dtype != jnp.float32
        np.testing.assert_allclose(np.stack(single), found, rtol=1e-9, atol=1e-12)


def test_seeds_run_together_as_long_as_they_fit_into_a_cache():
    assert training._seeds_at_once(7, 5, 16) == 8
    assert training._seeds_at_once(7, 5, 7) == 7
    assert training._seeds_at_once(13, 64, 15) == 3
    assert training._seeds_at_once(59, 256, 16) == 1


def test_one_compilation_serves_all_rates_fractions_and_lengths():
    traces = []

    def measure(weights):
        traces.append(weights)
        return jnp.zeros(())

    run = lambda **settings: train_modular(
        jax.random.key(0), **dict(
            dict(modulus=5, width=2, train_fraction=0.5, learning_rate=0.1, num_steps=9,
                 num_records=3, measure=measure, max_change=0.1),
            **settings,
        ),
    )  # fmt: skip
    run()
    count = len(traces)
    assert count >= 1
    for settings in (
        dict(learning_rate=1), dict(weight_decay=0.5), dict(train_fraction=1), dict(num_steps=70),
        dict(initial_scale=2.0), dict(max_change=0.7), dict(betas=(0.5, 0.6)),
    ):  # fmt: skip
        run(**settings)
    assert len(traces) == count
    run(width=3)
    assert len(traces) > count


def test_weights_without_gradient_decay_alone(double):
    start, mask = start_and_mask(pairs=49)
    start = start._replace(input_weights=jnp.zeros_like(start.input_weights))
    settings = dict(learning_rate=0.3, weight_decay=0.25, measure=lambda _: 0)
    run = train_from(start, mask, [0, 20], **settings)
    # At theta = 0 neither gradient is left: that of xi has the hidden layer as a factor, that of
    # theta its derivative, 2 (theta[x] + theta[y]).
    np.testing.assert_allclose(
        run.weights.output_weights, (1 - 0.3 * 0.25) ** 20 * start.output_weights, rtol=1e-13
    )
    assert not np.any(run.weights.input_weights)
    assert np.isfinite(run.test_loss).tolist() == [False, False]  # all pairs are in training


def test_a_limited_step_follows_the_flow_where_a_fixed_one_blows_up(double):
    start, mask = start_and_mask(scale=0.02, pairs=49)
    run = jax.jit(
        lambda rate, steps, limit: train_from(
            start, mask, steps, learning_rate=rate, max_change=limit, measure=lambda _: 0
        )
    )
    fixed = train_from(start, mask, [0, 4000], learning_rate=2.0, measure=lambda _: 0)
    assert not np.isfinite(fixed.train_loss[-1])
    limited = run(2.0, np.arange(0, 4001, 50), 0.1)
    assert np.isfinite(limited.train_loss).all()
    assert limited.train_loss[-1] < 0.05
    assert np.all(np.diff(limited.train_loss) <= 1e-12)
    assert np.all(np.diff(limited.times) > 0)
    assert np.all(np.diff(limited.times) <= 100 * (1 + 1e-12))
    # The times are true: a tenth of the step, hardly ever limited, passes the same losses then.
    fine = run(0.02, np.arange(0, 40001, 500), 1e3)
    when = np.interp(-1.0, -np.asarray(limited.train_loss), limited.times)
    fine_when = np.interp(-1.0, -np.asarray(fine.train_loss), fine.times)
    np.testing.assert_allclose(when, fine_when, rtol=0.05)


@given(st.integers(1, 10**6), st.integers(2, 300))
@example(1, 2)
@example(299, 300)
@example(10**6, 300)
def test_records_run_from_the_start_to_the_end_without_repeats(num_steps, num_records):
    num_records = min(num_records, num_steps + 1)
    steps = record_steps(num_steps, num_records)
    assert steps.shape == (num_records,)
    assert steps[0] == 0
    assert steps[-1] == num_steps
    assert np.all(np.diff(steps) >= 1)
    # Evenly on a log scale once that is sparser than one by one.
    spaced = np.geomspace(1, num_steps, num_records - 1)
    spaced[-1] = num_steps
    ahead = spaced >= np.arange(1, num_records)
    assert np.all(np.abs(steps[1:] - spaced)[ahead] <= 0.5)


GOOD = dict(modulus=5, width=2, train_fraction=0.5, learning_rate=0.1, num_steps=5, num_records=3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (dict(modulus=6), "`modulus` must be an odd integer >= 3; got 6"),
        (dict(width=0), "`width` must be >= 1"),
        (dict(train_fraction=0.0), r"`train_fraction` must be in \(0, 1\]; got 0"),
        (dict(train_fraction=1.2), r"`train_fraction` must be in \(0, 1\]; got 1.2"),
        (dict(train_fraction=0.01), "`train_fraction` must be enough for one pair"),
        (dict(num_seeds=0), "`num_seeds` must be >= 1"),
        (dict(learning_rate=0.0), "`learning_rate` must be finite and > 0|must be > 0"),
        (dict(learning_rate=[0.1, 0.2]), "`learning_rate` must be a number"),
        (dict(weight_decay=-0.1), "`weight_decay` must be >= 0; got -0.1"),
        (dict(initial_scale=float("nan")), "`initial_scale` must be finite and > 0"),
        (dict(activation="tanh"), "`activation` must be one of quadratic, relu; got 'tanh'"),
        (dict(loss="hinge"), "`loss` must be one of cross_entropy, mse; got 'hinge'"),
        (dict(optimizer="sgd"), "`optimizer` must be one of gradient_descent, adamw; got 'sgd'"),
        (dict(betas=(0.9, 1.0)), r"`betas` must be in \[0, 1\); got 1"),
        (dict(max_change=0.0), "`max_change` must be > 0"),
        (dict(max_change=0.1, optimizer="adamw"), "`max_change` is for gradient descent"),
        (dict(max_change=0.1, activation="relu"), "`max_change` is for gradients without jumps"),
        (dict(num_records=7), r"`num_records` must be at most `num_steps` \+ 1 = 6; got 7"),
        (dict(num_records=1), "`num_records` must be >= 2"),
        (dict(num_steps=0), "`num_steps` must be >= 1"),
    ],
)
def test_bad_input_is_refused(unchecked, monkeypatch, bad, message):
    monkeypatch.delattr(training, "_train_seeds")  # before any work
    with pytest.raises(ValueError, match=message):
        train_modular(jax.random.key(0), **GOOD | bad)
