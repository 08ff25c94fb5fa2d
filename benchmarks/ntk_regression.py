"""Regression with a kernel of 60 000 inputs on two cores, the matrix never stored.

Inputs of 64 features whose variances fall off as 1/k, labels of a random network of one hidden
layer plus noise, 10 outputs, all float32. A product with the kernel's matrix is set against the
kernel's tiles alone, and against those of the bare Gram matrix: in the same tiles of one triangle,
by the same threads, nothing done with them. Then come the products and the time to a relative
residual of 1e-4, the residual, and the most memory the process has had. The kernel is the library's
tangent kernel of ReLU networks, or with `--kernel square` the square of the Gram matrix, to show
what the operator adds to the cheapest kernel there is. Ratios of processor times are worth
something on a machine that does other work too.

    python -m benchmarks.ntk_regression  # exit code 1 above 8 GB, or without convergence
"""

from __future__ import annotations

import argparse
import itertools
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
from threadpoolctl import threadpool_limits

from theorylab.ntk import FullyConnected
from theorylab.ntk.kernel_operator import Kernel, KernelOperator
from theorylab.ntk.kernel_regression import kernel_regression
from theorylab.numerics.pairwise import slices

MOST_BYTES = 8e9
FEATURES, OUTPUTS, NOISE = 64, 10, 0.3


def teacher_data(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, noisy labels and labels without noise, each output of unit variance."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, FEATURES + 1) ** -0.5
    scale *= np.sqrt(FEATURES / np.sum(scale**2))
    x = (rng.standard_normal((n, FEATURES)) * scale).astype(np.float32)
    hidden = rng.standard_normal((FEATURES, 100), np.float32) / np.sqrt(np.float32(FEATURES))
    clean = np.maximum(x @ hidden, 0) @ rng.standard_normal((100, OUTPUTS), np.float32)
    clean = (clean - clean.mean(0)) / clean.std(0)
    return x, clean + NOISE * rng.standard_normal(clean.shape, np.float32), clean


def gram(x1: np.ndarray, x2: np.ndarray | None = None) -> np.ndarray:
    return x1 @ (x1 if x2 is None else x2).T


def square(x1: np.ndarray, x2: np.ndarray | None = None) -> np.ndarray:
    product = gram(x1, x2) / np.float32(FEATURES)
    return np.multiply(product, product, out=product)


def tiles_alone(operator: KernelOperator, kernel: Kernel) -> None:
    """A kernel in the operator's tiles, by its threads, and nothing done with it."""
    x = operator.x
    tiles = itertools.combinations_with_replacement(slices(len(x), operator.tile), 2)

    def compute(tile: tuple[slice, slice]) -> None:
        kernel(x[tile[0]], x[tile[1]])

    limits = threadpool_limits(1, "blas") if operator.threads > 1 else nullcontext()
    with limits, ThreadPoolExecutor(operator.threads) as pool:
        list(pool.map(compute, tiles))


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Time on the wall, and of the processors."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--kernel", choices=("ntk", "square"), default="ntk")
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--ridge", type=float, default=0.1)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--products-only", action="store_true")
    arguments = parser.parse_args()

    x, y, clean = teacher_data(arguments.examples + 2000)
    train, test = slice(0, arguments.examples), slice(arguments.examples, None)
    network = FullyConnected(depth=arguments.depth, activation="relu", weight_variance=2.0)
    kernel = network.ntk if arguments.kernel == "ntk" else square
    operator = KernelOperator(kernel, x[train], tile=arguments.tile, threads=arguments.threads)
    print(
        f"{arguments.examples} inputs on {platform.processor() or platform.machine()}, "
        f"{operator.threads} threads, tiles of {operator.tile}"
    )

    runs = {
        "bare Gram matrix": lambda: tiles_alone(operator, gram),
        "kernel alone": lambda: tiles_alone(operator, kernel),
        "product": lambda: operator @ y[train],
    }
    kernel(x[: 2 * arguments.tile], x[: 2 * arguments.tile])  # makes and compiles what it needs
    times = np.array([[seconds(run) for run in runs.values()] for _ in range(arguments.repeats)])
    for name, (wall, processor) in zip(runs, np.median(times, axis=0), strict=True):
        print(f"{name}: {wall:.2f} s, {processor:.2f} s of processors")
    ratios = np.median(times[:, 2:, 1] / times[:, :2, 1], axis=0)
    print("a product in processor time: {:.2f} bare Gram matrices, {:.2f} kernels".format(*ratios))
    if arguments.products_only:
        return 0

    start = time.perf_counter()

    def progress(done: int, total: int, residual: float) -> None:
        print(
            f"  {done:3d} products {time.perf_counter() - start:6.1f} s  {residual:.2e}",
            file=sys.stderr,
            flush=True,
        )

    solution = kernel_regression(
        kernel,
        x[train],
        y[train],
        ridge=arguments.ridge,
        tolerance=arguments.tolerance,
        rank=arguments.rank,
        tile=arguments.tile,
        threads=arguments.threads,
        progress=progress,
    )
    took = time.perf_counter() - start
    error = np.mean((solution.predict(x[test]) - clean[test]) ** 2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{solution.products} products and {took:.0f} s to a relative residual of "
        f"{solution.residual.max():.2e} at ridge {arguments.ridge:g}; "
        f"error on new inputs {error:.4f}, of the labels {NOISE**2:.4f}; "
        f"peak memory {memory / 1e9:.2f} GB"
    )
    return 0 if solution.converged and memory < MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
