"""Speed of the Hopfield order parameters: a 200 x 200 grid that ends on the spinodal, one thread.

At each of 200 temperatures, from 0 to beyond 1, there are 200 loads from 0 to 1.05 of the spinodal;
one of them is the spinodal to the last bit, where iterating the equations of state would stall.
Printed are the best time of three, set against the limit of 2 seconds, the largest residual of the
equations, and the largest error of the overlap at the spinodal, which `spinodal` finds on its own.
An error there of the root of the machine's precision is what the square root of the branch allows.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when NumPy is imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

import numpy as np

from theorylab.hopfield import order_parameters, spinodal

LIMIT = 2.0
SIZE = 200
AT_SPINODAL = 190  # the column of the grid that lies on it


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Loads and temperatures, `(SIZE, SIZE)`: a row for each temperature."""
    temperature = np.linspace(0, 1.05, SIZE)
    ratio = np.arange(SIZE) / AT_SPINODAL
    edge = spinodal(temperature).load
    # From T = 1 on there is no retrieval at any load: the loads of a small spinodal do.
    load = ratio * np.where(edge > 0, edge, 0.01)[:, None]
    load[:, AT_SPINODAL] = np.where(edge > 0, edge, load[:, AT_SPINODAL])
    return load, np.broadcast_to(temperature[:, None], load.shape)


def main() -> None:
    load, temperature = grid()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        state = order_parameters(load, temperature, beyond="nan")
        seconds.append(time.perf_counter() - start)
    found = np.isfinite(state.overlap)
    exists = (temperature < 1) & (np.arange(SIZE) <= AT_SPINODAL)
    edge = temperature[:, AT_SPINODAL] < 1
    wanted = spinodal(temperature[edge, AT_SPINODAL]).overlap
    error = np.abs(state.overlap[edge, AT_SPINODAL] - wanted)
    verdict = "within" if min(seconds) < LIMIT else "ABOVE"
    print(f"{SIZE} x {SIZE} cells, {found.sum()} with a state: best of 3 {min(seconds):.2f} s,")
    print(f"  {verdict} the limit of {LIMIT:g} s ({', '.join(f'{s:.2f}' for s in seconds)})")
    print(f"states missing or too many: {(found != exists).sum()}")
    print(f"largest residual: {state.residual[found].max():.1e}")
    print(f"largest error of the overlap at {edge.sum()} spinodal cells: {error.max():.1e}")


if __name__ == "__main__":
    main()
