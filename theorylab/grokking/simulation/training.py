r"""Networks trained on modular addition: full batch, recorded along the way.

The network is that of `Weights`, on pairs $x, y$ with the answer $x + y$ modulo $p$. Both arguments
are embedded alike, so that $f(x, y) = f(y, x)$: only the $p(p+1)/2$ unordered pairs are computed,
each counted as often (0, 1, 2) as its orders are in training,

$$L = \frac1n \sum_{x \le y} c(x, y)\, \ell\big(f(x, y), x + y\big), \quad \sum c = n. \tag{1}$$

`"cross_entropy"` is its own $\ell$; that of `"mse"` is the mean over the $p$ answers of the squared
error from one-hot labels. Gradient descent couples the decay to the loss, AdamW does not: with a
step $\eta$,

$$w \leftarrow w - \eta\,(\nabla L + \lambda w), \qquad
w \leftarrow w - \eta\,(\mathrm{Adam}(\nabla L) + \lambda w). \tag{2}$$

Gradients are autodiff's; steps are optax's, but for the one of `limit_step`.

Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.fourier_coefficients import fourier_coefficients
from theorylab.grokking.inverse_participation_ratio import inverse_participation_ratio
from theorylab.grokking.network import ACTIVATIONS, Weights, activation_of
from theorylab.grokking.phase_alignment import dominant_waves
from theorylab.grokking.simulation._limited_step import limit_step
from theorylab.numerics.annotations import Array, Bool, Float, PRNGKeyArray, Real
from theorylab.numerics.arrays import (
    arrays,
    require,
    require_nonnegative,
    require_positive,
    whole_number,
)

LOSSES = ("cross_entropy", "mse")
OPTIMIZERS = ("gradient_descent", "adamw")

# Floats of hidden layers that a core keeps close by: more seeds in one program wait for memory.
_HIDDEN_AT_ONCE = 24_000
# So that some are left for other cores, on any machine: rounding depends on how many run together.
_SEEDS_AT_ONCE = 8


class History(NamedTuple):
    """A run, or a number of runs with the seeds as first axis of every array."""

    steps: Array
    """Taken by each record."""
    times: Float[Array, "*seeds records"]
    """The sum of the step sizes."""
    train_loss: Float[Array, "*seeds records"]
    train_accuracy: Float[Array, "*seeds records"]
    test_loss: Float[Array, "*seeds records"]
    """Like the accuracy NaN where every pair is in training."""
    test_accuracy: Float[Array, "*seeds records"]
    measured: Any
    """What `measure` gives, with an axis of records."""
    weights: Weights
    """At the end; with `keep_weights` at every record, on an axis before neurons."""
    train_mask: Bool[Array, "*seeds p p"]
    """Whether the pair `x, y` is in training."""


class Measured(NamedTuple):
    """What is recorded of the weights unless told otherwise."""

    input_participation: Float[Array, "*records"]
    """The inverse participation ratio of input weights, its mean over neurons."""
    alignment: Float[Array, "*records"]
    """The mean over neurons of the cosine of their misalignment."""
    input_power: Float[Array, "*records K"]
    """`|c_k|^2` of the input weights, summed over neurons."""
    input_norm: Float[Array, "*records"]
    output_norm: Float[Array, "*records"]
    """Roots of the sums of squares."""


def measure_features(weights: Weights) -> Measured:
    """Sparsity, alignment, spectrum and size; neurons that have no waves are left out of means."""
    theta, xi = weights
    c = fourier_coefficients(theta)
    return Measured(
        jnp.nanmean(inverse_participation_ratio(theta)),
        jnp.nanmean(jnp.cos(dominant_waves(theta, xi).misalignments)),
        jnp.sum(jnp.real(c) ** 2 + jnp.imag(c) ** 2, axis=-2),
        jnp.linalg.norm(theta),
        jnp.linalg.norm(xi),
    )


def record_steps(num_steps: int, num_records: int) -> np.ndarray:
    """Numbers of steps from 0 to `num_steps`, evenly spaced on a log scale as far as they differ.

    Arguments:
        num_steps: `>= 1`.
        num_records: from 2 to `num_steps + 1`.

    Returns: whole numbers, increasing, of shape `(num_records,)`.
    """
    steps = whole_number("num_steps", num_steps, 1)
    records = whole_number("num_records", num_records, 2)
    if records > steps + 1:
        raise ValueError(
            f"`num_records` must be at most `num_steps` + 1 = {steps + 1}; got {records}"
        )
    # Spacing on a log scale is convex: once it is ahead of one by one, it goes by more than one.
    spaced = np.floor(np.geomspace(1, steps, records - 1) + 0.5).astype(int)
    spaced[-1] = steps  # not 1, of two records
    return np.concatenate([[0], np.maximum(spaced, np.arange(1, records))])


def draw_weights(key: PRNGKeyArray, modulus: int, width: int, scale: Real) -> Weights:
    """Normal weights of standard deviation `scale`."""
    theta, xi = jax.random.normal(key, (2, width, modulus))
    return Weights(scale * theta, scale * xi)


def draw_train_mask(key: PRNGKeyArray, modulus: int, num_pairs: Any) -> Bool[Array, "p p"]:
    """`num_pairs` of the ordered pairs, uniformly; the number may be traced."""
    order = jax.random.permutation(key, modulus**2)
    return (order < num_pairs).reshape(modulus, modulus)


def train_modular(
    key: PRNGKeyArray,
    *,
    modulus: int,
    width: int,
    train_fraction: Real,
    num_seeds: int = 1,
    learning_rate: Real,
    weight_decay: Real = 0.0,
    initial_scale: Real = 0.1,
    activation: str = "quadratic",
    loss: str = "cross_entropy",
    optimizer: str = "gradient_descent",
    betas: tuple[Real, Real] = (0.9, 0.98),
    max_change: Real | None = None,
    num_steps: int,
    num_records: int = 50,
    measure: Callable[[Weights], Any] = measure_features,
    keep_weights: bool = False,
) -> History:
    """Train networks on random parts of all pairs, one for each seed, from normal weights.

    Seeds run side by side on the cores of a CPU. It is not to be traced: `train` is.

    Arguments:
        modulus: `p`, odd and `>= 3`.
        width: neurons; `>= 1`.
        train_fraction: of the `p^2` ordered pairs, in `(0, 1]`; rounded to a whole number of them,
            `>= 1`. With all pairs in training, those of the test have loss and accuracy NaN.
        num_seeds: `>= 1`.
        learning_rate: `eta`, `> 0`.
        weight_decay: `lambda`, `>= 0`, of Eq. (2).
        initial_scale: standard deviation of the weights at the start; `> 0`.
        activation: `"quadratic"` or `"relu"`.
        loss: `"cross_entropy"` or `"mse"`, Eq. (1).
        optimizer: `"gradient_descent"` or `"adamw"`, Eq. (2).
        betas: of AdamW's means of gradients and of their squares; in `[0, 1)`.
        max_change: of gradient descent, how much of the gradient, decay included, a step may change
            before steps are cut short, `> 0`: 0.1 follows the flow through the escape of the first
            modes, where fixed steps diverge. The first step is `learning_rate`, with None all are.
            Not for ReLU: steps would shrink to nothing where its gradient jumps.
        num_steps, num_records: as of `record_steps`.
        measure: of `Weights`, both `(neurons, p)`: any tree of arrays. Like the strings and the
            whole numbers but `num_steps` it is compiled in: pass the same function again.
        keep_weights: at every record, not at the end only.

    Returns: `History`, with the seeds as first axis of every array.
    Raises: `ValueError` outside the bounds above, before any work.
    """
    p = odd_modulus(modulus)
    width = whole_number("width", width, 1)
    seeds = whole_number("num_seeds", num_seeds, 1)
    steps = record_steps(num_steps, num_records)
    for name, value, known in (
        ("activation", activation, ACTIVATIONS),
        ("loss", loss, LOSSES),
        ("optimizer", optimizer, OPTIMIZERS),
    ):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {', '.join(known)}; got {value!r}")
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"`betas` must be two numbers; got {betas!r}")
    floats = dict(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        initial_scale=initial_scale,
        train_fraction=train_fraction,
        beta1=betas[0],
        beta2=betas[1],
    )
    if max_change is not None:
        if optimizer != "gradient_descent":
            raise ValueError(f"`max_change` is for gradient descent; got `optimizer` {optimizer!r}")
        if activation == "relu":
            raise ValueError(
                "`max_change` is for gradients without jumps; those of `activation` 'relu' jump, "
                "however short the step"
            )
        floats["max_change"] = max_change
    _, values = arrays(**floats)
    checked = dict(zip(floats, values, strict=True))
    for name, value in checked.items():
        if value.ndim:
            raise ValueError(f"`{name}` must be a number; got shape {tuple(value.shape)}")
    fraction, beta1, beta2 = (checked.pop(n) for n in ("train_fraction", "beta1", "beta2"))
    require_nonnegative(weight_decay=checked["weight_decay"])
    require_positive(**{name: x for name, x in checked.items() if name != "weight_decay"})
    require((fraction > 0) & (fraction <= 1), "in (0, 1]", train_fraction=fraction)
    require(fraction * p**2 > 0.5, "enough for one pair of all p^2", train_fraction=fraction)
    require((beta1 >= 0) & (beta1 < 1), "in [0, 1)", betas=beta1)
    require((beta2 >= 0) & (beta2 < 1), "in [0, 1)", betas=beta2)
    static = dict(
        modulus=p,
        width=width,
        activation=activation,
        loss=loss,
        optimizer=optimizer,
        measure=measure,
        keep_weights=keep_weights,
    )
    at_once = _seeds_at_once(p, width, seeds)
    keys = jax.random.split(key, seeds)
    keys = keys.reshape(seeds // at_once, at_once, *keys.shape[1:])
    floats = dict(checked, train_fraction=fraction, betas=(beta1, beta2))
    run = lambda keys, steps=steps: _train_seeds(keys, steps, floats, tuple(static.items()))
    runs = _in_threads(run, keys, before=lambda: run(keys[0], 0 * steps))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *runs)


@partial(jax.jit, static_argnums=3)
def _train_seeds(
    keys: Array, steps: Array, floats: dict[str, Any], static: tuple[tuple[str, Any], ...]
) -> History:
    run = lambda key: train(key, steps, **floats, **dict(static))
    # An axis of one slows a product down.
    return jax.vmap(run)(keys) if len(keys) > 1 else jax.lax.map(run, keys)


def _seeds_at_once(modulus: int, width: int, num_seeds: int) -> int:
    """Seeds in one program, a divisor of all: as a core's cache holds, or all on an accelerator."""
    if jax.default_backend() != "cpu":
        return num_seeds
    hidden = modulus * (modulus + 1) // 2 * width
    most = min(num_seeds, _SEEDS_AT_ONCE, max(1, _HIDDEN_AT_ONCE // hidden))
    return max(n for n in range(1, most + 1) if num_seeds % n == 0)


def _in_threads(
    run: Callable[[Array], History], keys: Array, before: Callable[[], Any]
) -> list[History]:
    """`run` of each row of keys, side by side on the cores: small programs keep one busy, no more.

    `before` compiles, once for all threads. They have the caller's precision; JAX keeps it apart.
    """
    threads = min(len(keys), os.cpu_count() or 1)
    if threads == 1:
        return [run(row) for row in keys]
    before()
    double = jnp.result_type(float) == jnp.float64

    def alone(row):
        with jax.enable_x64(double):
            return jax.block_until_ready(run(row))

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(alone, keys))


def train(
    key: PRNGKeyArray,
    steps: Any,
    *,
    modulus: int,
    width: int,
    train_fraction: Real,
    initial_scale: Real,
    **settings: Any,
) -> History:
    """One run from normal weights on a random part of the pairs, to be jitted by the caller.

    Arguments:
        steps: of the records, whole numbers, increasing: `record_steps` or any other; an array, so
            that one compilation serves all schedules of as many records.
        modulus, width: static. Floats may be traced.
        train_fraction: of the `p^2` ordered pairs, rounded to a whole number of them.
        settings: those of `train_from`.

    Nothing is checked here: see `train_modular`.
    """
    weight_key, mask_key = jax.random.split(key)
    start = draw_weights(weight_key, modulus, width, initial_scale)
    mask = draw_train_mask(mask_key, modulus, jnp.round(train_fraction * modulus**2))
    return train_from(start, mask, steps, **settings)


def train_from(
    start: Weights,
    train_mask: Bool[Array, "p p"],
    steps: Any,
    *,
    learning_rate: Real,
    weight_decay: Real = 0.0,
    activation: str = "quadratic",
    loss: str = "cross_entropy",
    optimizer: str = "gradient_descent",
    betas: tuple[Real, Real] = (0.9, 0.98),
    max_change: Real | None = None,
    measure: Callable[[Weights], Any] = measure_features,
    keep_weights: bool = False,
) -> History:
    """One run from given weights on given pairs; arguments as of `train_modular`."""
    p = start.input_weights.shape[-1]
    dtype = start.input_weights.dtype
    rate = jnp.asarray(learning_rate, dtype)
    sigma = activation_of(jnp, activation)
    x, y = np.triu_indices(p)
    answers = (x + y) % p
    one_hot = jnp.asarray(np.eye(p)[answers], dtype)
    train_mask = jnp.asarray(train_mask)
    orders = jnp.stack([train_mask[x, y], train_mask[y, x] & (x < y)]).astype(dtype)
    train_counts = jnp.sum(orders, axis=0)
    test_counts = np.where(x == y, 1, 2) - train_counts
    mean = lambda counts, of_pairs: jnp.sum(counts * of_pairs) / jnp.sum(counts)

    def logits(weights):
        embedded = weights.input_weights[np.stack([x, y])]
        return sigma(embedded[0] + embedded[1]) @ weights.output_weights.T

    def losses(f):
        if loss == "mse":
            return jnp.mean((f - one_hot) ** 2, axis=-1)
        return -jnp.sum(one_hot * jax.nn.log_softmax(f), axis=-1)

    gradient = jax.grad(lambda weights: mean(train_counts, losses(logits(weights))))
    direction = optax.identity() if optimizer == "gradient_descent" else optax.scale_by_adam(*betas)
    limited = max_change is not None
    step_by = limit_step(rate, max_change) if limited else optax.scale_by_learning_rate(rate)
    update = optax.chain(direction, optax.add_decayed_weights(weight_decay), step_by)

    def step(_, carry):
        weights, state = carry
        changes, state = update.update(gradient(weights), state, weights)
        return optax.apply_updates(weights, changes), state

    def record(weights):
        f = logits(weights)
        right = jnp.argmax(f, axis=-1) == answers
        return [
            mean(counts, of_pairs)
            for counts in (train_counts, test_counts)
            for of_pairs in (losses(f), right.astype(dtype))
        ]

    def advance(carry, count):
        weights, state = jax.lax.fori_loop(0, count, step, carry)
        at = _transposed(weights)
        time = state[-1].time if limited else jnp.zeros((), dtype)
        kept = at if keep_weights else None
        return (weights, state), (time, record(weights), measure(at), kept)

    steps = jnp.asarray(steps)
    with jax.default_matmul_precision("highest"):  # a GPU's default float32 is good to ~1e-3
        weights = _transposed(start)
        counts = jnp.diff(steps, prepend=0)
        (weights, _), records = jax.lax.scan(advance, (weights, update.init(weights)), counts)
    times, (train_loss, train_accuracy, test_loss, test_accuracy), measured, kept = records
    return History(
        steps=steps,
        times=times if limited else rate * steps,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        test_loss=test_loss,
        test_accuracy=test_accuracy,
        measured=measured,
        weights=_transposed(weights) if kept is None else kept,
        train_mask=train_mask,
    )


def _transposed(weights: Weights) -> Weights:
    """Neurons as columns, so that a pair gathers rows that lie together in memory; and back."""
    return Weights(weights.input_weights.T, weights.output_weights.T)
