"""What the engine adds to the bare simulation's time: at most 5 %.

`theorylab.check` of `hopfield.retrieval_overlap`, with a budget it spends whole and its evidence
kept on disk, against a loop that computes the same tiles by the same program, jitted and mapped
once, and nothing else. Both are warm, in one process, in alternating order; the replicates of both
are the same to the bit. Three ratios are told, by their median and spread over the pairs: of times,
which is worth something only where nothing else runs; of processor times; and of the engine's time
to what its own tiles took within it. Then where the engine's time goes.

    python -m benchmarks.engine_overhead  # exit code 1 if either of the last two is above 1.05
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import theorylab
from theorylab.hopfield.claims.retrieval import finite_size
from theorylab.verify import Claim, Mean, run
from theorylab.verify.store import Shelf, Store
from theorylab.verify.tiles import (
    Experiment,
    Gathering,
    _compiler_options,
    at_precision,
    setting_hash,
)

MOST = 1.05
RATIOS = (
    "Time of the engine to the bare simulation's",
    "Processor time of the engine to the bare simulation's",
    "Time of the engine to that of its own tiles",
)
PARTS = (
    (Experiment, "compute"),
    (Experiment, "shape"),
    (Experiment, "about"),
    (Shelf, "read"),
    (Shelf, "write"),
    (Store, "shelf"),
    (Gathering, "_tiles"),
    (Mean, "decide"),
    (run, "_evidence"),  # what the closed forms say: once for a setting, however many tiles
)
NAMES = [f"{owner.__name__.split('.')[-1]}.{name}" for owner, name in PARTS]


def endless(replicates: int, scale: str) -> Claim:
    """The claim, with no tolerance beyond the bias: it can neither hold so soon nor be refuted."""
    claim = theorylab.claims()["hopfield.retrieval_overlap"]
    return replace(
        claim,
        criterion=Mean(tolerance=0.0, bias=finite_size),
        settings={"quick": claim.settings_at(scale)[:1]},
        replicates=replicates,
    )


def bare_simulation(claim: Claim, replicates: int) -> Callable[[], np.ndarray]:
    """The replicates of the claim's setting, tile by tile, without the engine."""
    (setting,) = claim.settings_at("quick")
    traced = {name: value for name, value in setting.items() if isinstance(value, float)}
    static = {name: value for name, value in setting.items() if name not in traced}

    def tile(seed, stream, first, traced):
        key = jax.random.fold_in(jax.random.key(seed), stream)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(first + jnp.arange(claim.tile))
        return jax.vmap(lambda key: jnp.asarray(claim.observe(key, **static, **traced)))(keys)

    program = jax.jit(tile, compiler_options=_compiler_options())
    stream = np.uint32(setting_hash(setting))

    def simulate() -> np.ndarray:
        with at_precision("float64"):
            numbers = {name: jnp.asarray(value) for name, value in traced.items()}
            tiles = [
                np.asarray(program(np.uint32(0), stream, first, numbers))
                for first in range(0, replicates, claim.tile)
            ]
        return np.concatenate(tiles)

    return simulate


def timed(work: Callable[[], Any]) -> np.ndarray:
    """Seconds on the clock, and of the processor."""
    start = np.array([time.perf_counter(), time.process_time()])
    work()
    return np.array([time.perf_counter(), time.process_time()]) - start


@contextmanager
def clocks(*parts: tuple[Any, str]) -> Iterator[dict[str, float]]:
    """The seconds spent in functions while the context lasts; of nested ones each its own."""
    seconds: dict[str, float] = defaultdict(float)
    within: list[float] = []

    def clocked(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*arguments, **named):
            within.append(0.0)
            start = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                took = time.perf_counter() - start
                seconds[name] += took - within.pop()
                if within:
                    within[-1] += took

        return call

    plain = {(owner, name): getattr(owner, name) for owner, name in parts}
    for (owner, name), method in plain.items():
        setattr(owner, name, clocked(f"{owner.__name__.split('.')[-1]}.{name}", method))
    try:
        yield seconds
    finally:
        for (owner, name), method in plain.items():
            setattr(owner, name, method)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument(
        "--scale", default="standard", help="whose first setting: quick or standard"
    )
    options = parser.parse_args()
    claim = endless(options.replicates, options.scale)
    simulate = bare_simulation(claim, options.replicates)

    def check() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            return theorylab.check(claim, store=folder)

    bare, verdict = simulate(), check()
    assert verdict.replicates == options.replicates, verdict
    assert np.array_equal(verdict.records[0].values, bare)
    print(
        f"`hopfield.retrieval_overlap`, {options.scale} setting, {options.replicates} replicates "
        f"in {-(-options.replicates // claim.tile)} tiles, evidence on disk; "
        f"JAX {jax.__version__} on {jax.default_backend()}, Python {platform.python_version()}.\n\n"
        "| pair | bare, s | engine, s | ratio | of processor time | to its tiles |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        flush=True,
    )
    rows, parts = [], []
    for pair in range(options.pairs):
        with clocks(*PARTS) as seconds:
            if pair % 2:
                engine, alone = timed(check), timed(simulate)
            else:
                alone, engine = timed(simulate), timed(check)
        parts.append([seconds[part] for part in NAMES])
        rows.append((*engine / alone, engine[0] / seconds["Experiment.compute"]))
        times = f"| {pair + 1} | {alone[0]:.3f} | {engine[0]:.3f} | "
        print(times + " | ".join(f"{ratio:.3f}" for ratio in rows[-1]) + " |", flush=True)
        parts[-1].append(engine[0] - sum(parts[-1]))
    columns = np.transpose(rows)
    for name, ratios in zip(RATIOS, columns, strict=True):
        low, median, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        print(
            f"\n{name}: median {median:.3f}, quartiles {low:.3f} and {high:.3f}, "
            f"from {ratios.min():.3f} to {ratios.max():.3f}."
        )
    print("\n| of a check, medians | s | share |\n| --- | ---: | ---: |")
    typical = dict(zip([*NAMES, "all else"], np.median(parts, axis=0), strict=True))
    for name, part in sorted(typical.items(), key=lambda item: -item[1]):
        print(f"| `{name}` | {part:.4f} | {part / sum(typical.values()):.2%} |")
    raise SystemExit(bool(np.median(columns[1:], axis=1).max() > MOST))


if __name__ == "__main__":
    main()
