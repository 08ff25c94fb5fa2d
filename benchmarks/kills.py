"""A standard run killed again and again ends, resumed, with identical evidence and verdicts.

One run of `theorylab check` is left alone. Another, with a folder and a compilation cache of its
own, is killed (SIGKILL, workers included) and started again: at random moments of its computation,
a few of them in its start-up, and a few more at the very moment a tile is being written. Then it is
let end. Every file of evidence must be that of the run left alone, arrays bit for bit, and so must
the verdicts, all but their seconds.

    python -m benchmarks.kills            # prints a table; exit code 1 on any difference
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CLAIMS = (
    "deep_linear.scalar_learning",
    "deep_linear.balance_drift",
    "deep_linear.finite_steps_balance",
    "hopfield.parallel_stationary_law",
    "hopfield.mixture_states",
)
POLL = 0.002  # seconds


class Run:
    """`theorylab check` at standard scale, with all it keeps in one folder."""

    def __init__(self, folder: Path, jobs: int):
        self.store, self.json = folder / "evidence", folder / "verdicts.json"
        self._log, self._jobs = folder / "output.txt", jobs
        self._environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "theorylab", "check", *CLAIMS, "--scale", "standard"]
        command += ["--jobs", str(self._jobs), "--store", str(self.store), "--json", str(self.json)]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # a process group of its own, to be killed whole
            )

    def tiles(self) -> set[Path]:
        return {path.relative_to(self.store) for path in self.store.glob("*/*/[0-9]*.npz")}

    def drafts(self) -> set[Path]:
        """Files begun and not finished."""
        return {path.relative_to(self.store) for path in self.store.glob("*/*/.*")}

    def verdicts(self) -> Any:
        return without_seconds(json.loads(self.json.read_text()))


def without_seconds(report: Any) -> Any:
    if isinstance(report, dict):
        return {k: without_seconds(v) for k, v in report.items() if k != "seconds"}
    return [without_seconds(part) for part in report] if isinstance(report, list) else report


def wait_until(happens: Callable[[], bool], process: subprocess.Popen, longest: float) -> bool:
    """Whether something happens before the process ends and the time is over."""
    end = time.monotonic() + longest
    while time.monotonic() < end and process.poll() is None:
        if happens():
            return True
        time.sleep(POLL)
    return False


def kill(process: subprocess.Popen) -> bool:
    """Kill a process and its workers; false where it had ended by itself."""
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return running


def differences(one: Run, other: Run) -> list[str]:
    """What tells the evidence and the verdicts of two runs apart."""
    found = [f"{path}: in one run only" for path in sorted(one.tiles() ^ other.tiles())]
    for path in sorted(one.tiles() & other.tiles()):
        with np.load(one.store / path) as a, np.load(other.store / path) as b:
            if sorted(a.files) != sorted(b.files):
                found.append(f"{path}: other arrays")
                continue
            exactly = lambda array: (array.dtype, array.shape, array.tobytes())
            found += [f"{path}: {k}" for k in a.files if exactly(a[k]) != exactly(b[k])]
    for path in sorted({path.parent for path in one.tiles() & other.tiles()}):
        about = path / "about.json"
        if (one.store / about).read_bytes() != (other.store / about).read_bytes():
            found.append(str(about))
    if one.verdicts() != other.verdicts():
        found.append("verdicts")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="at random moments")
    parser.add_argument("--aimed", type=int, default=5, help="while a tile is being written")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        alone = Run(Path(folder) / "alone", options.jobs)
        killed = Run(Path(folder) / "killed", options.jobs)
        began = time.monotonic()
        process = alone.start()
        wait_until(lambda: bool(alone.tiles()), process, 600)
        start_up = time.monotonic() - began
        process.wait()
        length = time.monotonic() - began - start_up
        total = len(alone.tiles())
        print(
            f"Left alone: {len(CLAIMS)} claims, {total} tiles, {start_up:.0f} s to the first tile "
            f"and {length:.0f} s from there; {options.jobs} processes.\n\n"
            "| kill | moment | tiles before | tiles at the kill | drafts left by it |\n"
            "| ---: | --- | ---: | ---: | ---: |",
            flush=True,
        )
        count = options.kills + options.aimed
        aimed = set(rng.choice(count, options.aimed, replace=False).tolist())
        landed = 0
        for k in range(count):
            before, drafts = killed.tiles(), killed.drafts()
            process = killed.start()
            if k in aimed:
                wait_until(lambda drafts=drafts: bool(killed.drafts() - drafts), process, 600)
                moment = "as a file is written"
            elif rng.random() < 0.15:
                delay = float(rng.uniform(0, start_up))
                wait_until(lambda: False, process, delay)
                moment = f"{delay:.2f} s after the start"
            else:
                left = length * (1 - len(before) / total) / (count - k + 1)
                delay = float(rng.uniform(0, 1.5 * left))
                wait_until(lambda before=before: killed.tiles() != before, process, 600)
                wait_until(lambda: False, process, delay)
                moment = f"{delay:.2f} s after its first tile"
            ran = kill(process)
            landed += ran
            print(
                f"| {k + 1} | {moment if ran else 'too late: it had ended'} | {len(before)} | "
                f"{len(killed.tiles())} | {len(killed.drafts() - drafts)} |",
                flush=True,
            )
        code = killed.start().wait()
        found = differences(alone, killed)
        print(
            f"\nKilled {landed} times while it ran, then let end (exit code {code}): "
            f"{len(killed.tiles())} tiles of {total}, {len(killed.drafts())} drafts left behind, "
            f"{len(found)} differences in evidence and verdicts."
        )
        for difference in found:
            print(f"- {difference}")
    raise SystemExit(bool(found) or landed < count)


if __name__ == "__main__":
    main()
