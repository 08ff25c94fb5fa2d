"""Training on modular addition: a step against its own matrix products, and many seeds against one.

    python -m benchmarks.grokking

prints a Markdown table for each network, float32, cross-entropy over half of the pairs. All methods
take turns; a time is a median over the turns, a ratio the median of those within a turn, with the
least and largest.

The products are those a step cannot do without, timed bare in one compiled loop, their factors in
memory: of the hidden layer and the output weights, and the two of the gradient, for the p(p+1)/2
unordered pairs; and for all p^2 pairs, which a step that did not know f(x, y) = f(y, x) would take.
The naive step is autodiff of the loss on all pairs. Ours is timed as users run it: by
`train_modular`, its checks, its draw of weights and pairs, and both its records included, over as
many steps as make these small. Sixteen seeds are run by one call, and by sixteen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ntk import timed
from theorylab.grokking.network import Weights, network_logits
from theorylab.grokking.simulation.training import train_modular

NETWORKS = {(59, 256): 100, (23, 48): 2000}  # steps of a run
SEEDS = 16
TURNS = 5


def nothing(weights: Weights) -> tuple[()]:
    return ()


def products(pairs: int, modulus: int, width: int, num_steps: int) -> Callable[[], object]:
    """The three products of each step; carried, so that none is moved out of the loop."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = (pairs, width), (pairs, modulus), (modulus, width)
    hidden, residual, output = (jax.random.normal(*of) for of in zip(keys, shapes, strict=True))
    output = output / (modulus**0.5 + width**0.5)  # of norm 1: nothing overflows

    @jax.jit
    def run(hidden, residual, output):
        def step(_, carry):
            hidden, residual, _ = carry
            return residual @ output, hidden @ output.T, residual.T @ hidden

        return jax.lax.fori_loop(0, num_steps, step, (hidden, residual, output))

    return lambda: run(hidden, residual, output)


def naive(modulus: int, width: int, activation: str, num_steps: int) -> Callable[[], object]:
    keys = jax.random.split(jax.random.key(0), 3)
    start = Weights(*(0.1 * jax.random.normal(key, (width, modulus)) for key in keys[:2]))
    mask = jax.random.bernoulli(keys[2], 0.5, (modulus, modulus))
    answers = np.add.outer(np.arange(modulus), np.arange(modulus)) % modulus

    @jax.jit
    def run(weights, mask):
        def loss(weights):
            shares = jax.nn.log_softmax(network_logits(weights, activation))
            right = jnp.take_along_axis(shares, answers[..., None], axis=-1)[..., 0]
            return -jnp.sum(mask * right) / jnp.sum(mask)

        def step(_, weights):
            return jax.tree.map(lambda w, g: w - 0.01 * g, weights, jax.grad(loss)(weights))

        return jax.lax.fori_loop(0, num_steps, step, weights)

    return lambda: run(start, mask)


def one_by_one(trained: Callable[..., object]) -> list[object]:
    return [
        jax.block_until_ready(trained(key)) for key in jax.random.split(jax.random.key(0), SEEDS)
    ]


def main() -> None:
    for (modulus, width), num_steps in NETWORKS.items():
        for activation in ("quadratic", "relu"):
            trained = partial(
                train_modular, modulus=modulus, width=width, train_fraction=0.5,
                learning_rate=0.01, activation=activation, num_steps=num_steps, num_records=2,
                measure=nothing,
            )  # fmt: skip
            key = jax.random.key(0)
            products_of = partial(products, modulus=modulus, width=width, num_steps=num_steps)
            methods = {
                "bare products": products_of(modulus * (modulus + 1) // 2),
                "bare products, all pairs": products_of(modulus**2),
                "step": partial(trained, key),
                "step, AdamW": partial(trained, key, optimizer="adamw"),
                "naive step": naive(modulus, width, activation, num_steps),
            }
            if activation == "quadratic":
                methods["step, limited"] = partial(trained, key, max_change=0.1)
            print(f"## p = {modulus}, {width} neurons, {activation}\n")
            print("| one run | steps per second | time to that of the bare products |")
            print("| --- | --- | --- |")
            for name, timing in timed(methods, TURNS).items():
                print(f"| {name} | {num_steps / timing.seconds:.0f} | {timing.in_words} |")
            methods = {
                f"{SEEDS} at once": partial(trained, key, num_seeds=SEEDS),
                f"{SEEDS} one by one": partial(one_by_one, trained),
            }
            print("\n| seeds | steps of a seed per second | time to that at once |")
            print("| --- | --- | --- |")
            for name, timing in timed(methods, TURNS).items():
                print(f"| {name} | {SEEDS * num_steps / timing.seconds:.0f} | {timing.in_words} |")
            print(flush=True)


if __name__ == "__main__":
    main()
