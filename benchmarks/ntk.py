"""Tangent kernels: speed and rounding against neural-tangents, as ratios taken in one run.

    python benchmarks/ntk.py [SECTION ...]

prints a Markdown table for each section named, or for all of them. Methods take turns; a time is a
median over the turns, a ratio the median of the ratios within a turn, with the least and largest.

`kernels`: the tangent kernel of an infinitely wide ReLU network between 4000 random inputs of 784
features, float32, against `stax` of neural-tangents, jitted, and against the bare Gram product, the
faster of NumPy's and JAX's. Errors are relative, of 2 x 10^5 pairs off the diagonal, from the
recursion in extended precision.

`empirical`: the kernel of a given network, float32, 256 examples of 32 inputs, hidden layers of 512
ReLU, one output. Every mode of neural-tangents is jitted and told that examples are independent
(`vmap_axes=0`, which is several times faster); ours is called as users do, its checks of the
arguments included. The error is the largest, over the largest entry, from Jacobians in float64.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.interop import neural_tangents
from theorylab.ntk import FullyConnected, empirical_ntk, empirical_ntk_of


class Table(NamedTuple):
    header: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]


class Timing(NamedTuple):
    seconds: float
    ratio: float  # to the first method
    least: float
    largest: float

    @property
    def in_words(self) -> str:
        return f"{self.ratio:.3g} ({self.least:.3g} to {self.largest:.3g})"


def timed(methods: Mapping[str, Callable[[], object]], turns: int) -> dict[str, Timing]:
    """Methods in turn, each compiled before; a turn of a fast one is the median of several runs."""
    for method in methods.values():
        jax.block_until_ready(method())
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(turns):
        for name, method in methods.items():
            runs: list[float] = []
            while not runs or (sum(runs) < 0.2 and len(runs) < 25):
                start = time.perf_counter()
                jax.block_until_ready(method())
                runs.append(time.perf_counter() - start)
            seconds[name].append(float(np.median(runs)))
    base = np.array(seconds[next(iter(methods))])
    ratios = {name: np.array(values) / base for name, values in seconds.items()}
    return {
        name: Timing(
            float(np.median(values)), float(np.median(ratios[name])),
            float(ratios[name].min()), float(ratios[name].max()),
        )
        for name, values in seconds.items()
    }  # fmt: skip


def kernels() -> Table:
    stax = neural_tangents.load().stax
    x = np.random.default_rng(0).standard_normal((4000, 784)).astype(np.float32)
    on_device = jnp.asarray(x)
    gram = jax.jit(lambda x: x @ x.T)

    def rows():
        for depth in (2, 4, 21):
            dense = stax.Dense(1, W_std=2**0.5)
            layers = [layer for _ in range(depth - 1) for layer in (dense, stax.Relu())]
            *_, kernel_fn = stax.serial(*layers, dense)
            peer = jax.jit(lambda x, of_network=kernel_fn: of_network(x, None, "ntk"))
            network = FullyConnected(depth, "relu", 2.0)
            some = x[:50].astype(np.longdouble)
            exact = network._recursion(np, some, x[50:].astype(np.longdouble), ("ntk",))[0]
            methods = {
                "FullyConnected.ntk": lambda network=network: network.ntk(x),
                "neural-tangents": lambda peer=peer: peer(on_device),
                "Gram product, NumPy": lambda: x @ x.T,
                "Gram product, JAX": lambda: gram(on_device),
            }
            for name, timing in timed(methods, turns=7).items():
                found = np.asarray(methods[name]())[:50, 50:]
                error = f"{np.abs(found / exact - 1).max():.1e}" if "Gram" not in name else ""
                yield (str(depth), name, f"{1e3 * timing.seconds:.0f}", timing.in_words, error)

    header = ("weight layers", "method", "time (ms)", "time to that of `ntk`", "error")
    return Table(header, rows())


def relu_network(weights, x):
    for layer, W in enumerate(weights):
        x = (jax.nn.relu(x) if layer else x) @ W / len(W) ** 0.5
    return x


def empirical() -> Table:
    nt = neural_tangents.load()
    modes = nt.NtkImplementation

    def rows():
        for depth in (2, 3, 4):
            rng = np.random.default_rng(depth)
            shapes = [(32 if i == 0 else 512, 1 if i == depth - 1 else 512) for i in range(depth)]
            weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
            x = rng.normal(size=(256, 32)).astype(np.float32)
            exact = empirical_ntk_of(
                relu_network, [w.astype(np.float64) for w in weights], x.astype(np.float64)
            )
            weights, x = jax.tree.map(jnp.asarray, (weights, x))

            def peer(mode, weights=weights, x=x):
                of_function = nt.empirical_ntk_fn(relu_network, implementation=mode, vmap_axes=0)
                kernel = jax.jit(lambda x, weights: of_function(x, None, weights))
                return lambda: kernel(x, weights)

            methods = {
                "empirical_ntk": lambda weights=weights, x=x: empirical_ntk(
                    weights, x, activation=jax.nn.relu
                ),
                "empirical_ntk_of": lambda weights=weights, x=x: empirical_ntk_of(
                    relu_network, weights, x
                ),
                "Jacobian contraction": peer(modes.JACOBIAN_CONTRACTION),
                "NTK-vector products": peer(modes.NTK_VECTOR_PRODUCTS),
                "structured derivatives": peer(modes.STRUCTURED_DERIVATIVES),
            }
            for name, timing in timed(methods, turns=7).items():
                error = np.abs(np.asarray(methods[name]()) - exact).max() / np.abs(exact).max()
                yield (
                    str(depth), name, f"{1e3 * timing.seconds:.2f}",
                    timing.in_words, f"{error:.1e}",
                )  # fmt: skip

    header = ("weight layers", "method", "time (ms)", "time to that of `empirical_ntk`", "error")
    return Table(header, rows())


SECTIONS: Mapping[str, Callable[[], Table]] = {"kernels": kernels, "empirical": empirical}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"sections are {', '.join(SECTIONS)}; got {', '.join(unknown)}")
    for name in names or SECTIONS:
        header, rows = SECTIONS[name]()
        print(f"## {name}\n")
        print("| " + " | ".join(header) + " |")
        print("|" + " --- |" * len(header))
        for row in rows:
            print("| " + " | ".join(row) + " |", flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
