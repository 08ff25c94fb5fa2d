"""Tiles of replicates: what is computed, wherever it is computed.

A tile is a fixed number of replicates, whatever their total: replicate `i` of a seed has the same
key, and the same value to the bit, however many others are asked for, by however many processes.
Floats of a setting are arguments of the compiled program, everything else is part of it.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.verify.claim import Claim, Outcome, Setting, is_traced
from theorylab.verify.fingerprint import fingerprint
from theorylab.verify.store import Shelf, Store, contents

# Tiles handed to an executor at a time: enough for a cluster, few enough to hold in memory.
_IN_FLIGHT = 64


@dataclass(frozen=True)
class Experiment:
    """The replicates of one setting, of one seed, in tiles; can be sent to another process.

    Arguments:
        observe: one replicate, as a claim has it.
        setting: its keyword arguments.
        stream: of random keys, by which settings differ.
        mapped: whether `observe` can be traced and mapped; if not, it is called on the host.
    """

    observe: Callable[..., Any]
    setting: Setting
    tile: int
    seed: int
    stream: int
    precision: str
    mapped: bool

    @classmethod
    def of(cls, claim: Claim, setting: Setting, seed: int, precision: str) -> Experiment:
        named = {k: v for k, v in setting.items() if k not in claim.criterion.coupled}
        stream = setting_hash(named)
        return cls(claim.observe, setting, claim.tile, seed, stream, precision, claim.mapped)

    def shape(self) -> Outcome | None:
        """A tile's arrays in shape and type alone; `None` where only computing one can tell."""
        if not self.mapped:
            return None
        with at_precision(self.precision):
            return self._program.eval_shape(*self._stream, 0, self._traced)

    def compute(self, index: int) -> Outcome:
        """Replicates `index * tile` onwards, on the host."""
        first = index * self.tile
        with at_precision(self.precision):
            if self.mapped:
                return jax.tree.map(np.asarray, self._program(*self._stream, first, self._traced))
            key = _stream_key(*self._stream)
            replicates = [
                _outcome(self.observe(jax.random.fold_in(key, first + i), **self.setting))
                for i in range(self.tile)
            ]
            return jax.tree.map(lambda *arrays: np.stack(arrays), *replicates)

    def about(self) -> dict[str, Any]:
        """All that the values depend on."""
        return {
            "observe": fingerprint(self.observe),
            "setting": self.setting,
            "files": contents(self.setting),
            "stream": self.stream,
            "seed": self.seed,
            "precision": self.precision,
            "tile": self.tile,
            "device": f"{jax.default_backend()} {jax.devices()[0].device_kind}",
        }

    @property
    def _stream(self) -> tuple[np.uint32, np.uint32]:
        return np.uint32(self.seed), np.uint32(self.stream)

    @property
    def _traced(self) -> dict[str, Any]:
        return {name: jnp.asarray(x) for name, x in self.setting.items() if is_traced(x)}

    @property
    def _program(self) -> Any:
        static = tuple((name, x) for name, x in sorted(self.setting.items()) if not is_traced(x))
        return _program(self.observe, static, self.tile)


class Gathering:
    """Tiles as they are wanted: kept ones from a store, the others computed.

    Arguments:
        claim_id: under which the store keeps them.
        executor: computes tiles, many at once; this process one by one without any.
        computed: called after each tile.
    """

    def __init__(
        self,
        claim_id: str,
        store: Store | None,
        executor: Executor | None,
        computed: Callable[[], None],
    ):
        self._claim_id, self._store, self._executor = claim_id, store, executor
        self._computed = computed
        self._shelves: dict[int, Shelf] = {}
        self._last: dict[int, tuple[int, Outcome]] = {}  # a tile may serve several looks

    def replicates(
        self, wanted: Sequence[tuple[Experiment, int, int]]
    ) -> Iterator[tuple[int, Outcome]]:
        """Of each experiment the replicates from one number to another, a tile's at a time.

        Yields: the experiment's place and the replicates, for each experiment in their order.
        """
        tiles = [
            (k, index)
            for k, (experiment, first, last) in enumerate(wanted)
            for index in range(first // experiment.tile, -(-last // experiment.tile))
            if first < last
        ]
        for (k, index), tile in self._tiles([wanted[k][0] for k, _ in tiles], tiles):
            experiment, first, last = wanted[k]
            start = index * experiment.tile
            kept = slice(max(first - start, 0), last - start)
            yield k, jax.tree.map(lambda array, kept=kept: array[kept], tile)

    def _tiles(
        self, experiments: Sequence[Experiment], places: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[tuple[int, int], Outcome]]:
        here = [
            self._kept(experiment, index)
            for experiment, (_, index) in zip(experiments, places, strict=True)
        ]
        if self._executor is None:
            for experiment, place, tile in zip(experiments, places, here, strict=True):
                if tile is None:
                    tile = self._keep(experiment, place[1], experiment.compute(place[1]))
                self._computed()
                yield place, tile
            return
        try:
            pickle.dumps(experiments)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                "to be computed by other processes, `observe` must be defined at the top level of "
                f"a module ({error})"
            ) from error
        queue = [j for j, tile in enumerate(here) if tile is None][::-1]
        running: dict[Any, int] = {}
        try:
            while queue or running:
                while queue and len(running) < _IN_FLIGHT:
                    j = queue.pop()
                    future = self._executor.submit(_compute, experiments[j], places[j][1])
                    running[future] = j
                # Kept as they come, not in their order: nothing computed waits to be lost.
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    j = running.pop(future)
                    here[j] = self._keep(experiments[j], places[j][1], future.result())
                    self._computed()
        finally:
            for future in running:
                future.cancel()
        for place, tile in zip(places, here, strict=True):
            assert tile is not None
            yield place, tile

    def _kept(self, experiment: Experiment, index: int) -> Outcome | None:
        last, tile = self._last.get(id(experiment), (-1, None))
        if last == index:
            return tile
        shelf = self._shelf(experiment)
        tile = shelf.read(index) if shelf else None
        if tile is not None:
            self._last[id(experiment)] = index, tile
        return tile

    def _keep(self, experiment: Experiment, index: int, tile: Outcome) -> Outcome:
        self._last[id(experiment)] = index, tile
        shelf = self._shelf(experiment)
        if shelf:
            shelf.write(index, tile)
        return tile

    def _shelf(self, experiment: Experiment) -> Shelf | None:
        if self._store is None:
            return None
        if id(experiment) not in self._shelves:
            self._shelves[id(experiment)] = self._store.shelf(self._claim_id, experiment.about())
        return self._shelves[id(experiment)]


def _compute(experiment: Experiment, index: int) -> Outcome:
    return experiment.compute(index)


@lru_cache(maxsize=256)
def _program(observe: Callable[..., Any], static: tuple, tile: int) -> Any:
    def replicate(key, traced):
        try:
            return _outcome(observe(key, **dict(static), **traced))
        except jax.errors.ConcretizationTypeError as error:
            raise ValueError(
                "`observe` needs the value of what JAX traces. Floats of a setting are traced: "
                "make what fixes a shape, or a branch, an integer; or set `mapped=False`, to "
                f"observe on the host ({str(error).splitlines()[0]})"
            ) from error

    def compute(seed, stream, first, traced):
        key = _stream_key(seed, stream)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(first + jnp.arange(tile))
        return jax.vmap(replicate, (0, None))(keys, traced)

    return jax.jit(compute, compiler_options=_compiler_options())


def _stream_key(seed: Any, stream: Any) -> Any:
    return jax.random.fold_in(jax.random.key(seed), stream)


def _outcome(observed: Any) -> Outcome:
    if observed is None:
        raise ValueError("`observe` returned nothing: does it end in `return`?")
    if not isinstance(observed, Outcome):
        observed = Outcome(observed, {})
    return jax.tree.map(jnp.asarray, Outcome(observed.value, dict(observed.given)))


def _compiler_options() -> dict[str, Any]:
    """On CPUs compilation is most of a quick check, and its first level gives programs as fast as
    its last in a quarter to an eighth of the time (measured on training loops of small networks
    and on spin updates).
    """
    return {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else {}


def setting_hash(setting: Setting) -> int:
    """A number below 2^32 that tells settings apart, the same on every machine."""
    text = json.dumps(setting, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@contextmanager
def at_precision(precision: str) -> Iterator[None]:
    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision("highest"):
        yield
