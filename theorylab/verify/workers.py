"""Processes that compute tiles, and end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import parent_process


@contextmanager
def working(
    jobs: int = 1, executor: Executor | None = None, compilation_cache: str | None = None
) -> Iterator[Executor | None]:
    """What computes tiles: `jobs` processes, or an executor; nothing for a single job, done here.

    The processes are spawned, not forked: JAX has threads. `compilation_cache` is a folder in
    which they share compiled programs, if they should.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ValueError(f"`jobs` must be a whole number >= 1; got {jobs!r}")
    if executor is not None and jobs > 1:
        raise ValueError("give `jobs` or `executor`, not both")
    if executor is not None or jobs == 1:
        yield executor
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, spawn, _begin, (compilation_cache,))
    try:
        yield pool
    finally:
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:  # at once, whatever they compute
            process.kill()


def remember_compilations(folder: str) -> None:
    """Keep compiled programs in a folder, and take them from it: for programs, not libraries."""
    import jax

    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def _begin(compilation_cache: str | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if compilation_cache:
        remember_compilations(compilation_cache)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
