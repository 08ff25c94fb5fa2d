"""Calibration of the engine: how often it errs on synthetic claims of known truth.

Streams of NumPy numbers go straight into the criteria's own `decide`, claim by claim: no JAX, no
files. Each case counts an event over independent claims, such as a refutation of a true claim, and
states what rate the event has at most (an error level) or at least (a power). Its limits are the
binomial quantiles of that rate which a rate just allowed passes but once in 10^4; they follow the
number of claims, so that the tests run every case too, with fewer claims.

    python -m benchmarks.calibration      # prints a line as each case ends, writes calibration.md
"""

from __future__ import annotations

import platform
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import scipy
from scipy.stats import binom

import theorylab
from theorylab.verify import Crossing, Limit, Mean, Rate
from theorylab.verify.criteria import Evidence, Verdict
from theorylab.verify.statistics import frequency_interval, quantile, replicates_needed

FAILURE = 1e-4  # of a case whose rate is just the one allowed
SEED = 0
REPORT = Path(__file__).with_suffix(".md")

SIZES = np.array([32.0, 64, 128, 256, 512])

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Case:
    """How often something happens in independent claims of known truth.

    Arguments:
        name: of the truth and of what is counted.
        count: `(runs, rng) -> count` over that many claims.
        at_most: the rate the event may have, if it is an error.
        at_least: the rate it must have, if it is a success; without either the count is news.
        runs: claims of the full calibration.
        few: claims of the tests.
    """

    name: str
    count: Callable[[int, np.random.Generator], int]
    at_most: float | None = None
    at_least: float | None = None
    runs: int = 10_000
    few: int = 300

    def __call__(self, runs: int, seed: int) -> int:
        """The count, on a stream of the case's own."""
        return self.count(runs, np.random.default_rng([seed, zlib.crc32(self.name.encode())]))

    @property
    def limited(self) -> bool:
        return self.at_most is not None or self.at_least is not None

    def limits(self, runs: int) -> tuple[int, int]:
        """The least and the largest count that pass."""
        low = 0 if self.at_least is None else binom.ppf(FAILURE, runs, self.at_least)
        high = runs if self.at_most is None else binom.isf(FAILURE, runs, self.at_most)
        return int(low), int(high)


def standardised(mean: float, variance: float, draw: Draw) -> Draw:
    return lambda rng, shape: (draw(rng, shape) - mean) / np.sqrt(variance)


LAWS: dict[str, Draw] = {  # of mean 0 and variance 1, by falling kindness
    "Gaussian": lambda rng, shape: rng.normal(size=shape),
    "t3": standardised(0.0, 3.0, lambda rng, shape: rng.standard_t(3, size=shape)),
    "Exp": standardised(1.0, 1.0, lambda rng, shape: rng.exponential(size=shape)),
    "chi2_1": standardised(1.0, 2.0, lambda rng, shape: rng.chisquare(1, size=shape)),
    "LN": standardised(
        np.exp(0.5), np.exp(2) - np.exp(1), lambda rng, shape: rng.lognormal(size=shape)
    ),
}


def claim(values: np.ndarray, tolerance: float, predicted: float = 0.0, **rivals) -> Evidence:
    """The evidence of a claim, which predicts one number for all cells; a rival says its own."""
    row = lambda theory: np.broadcast_to(np.asarray(theory, float), (1, *values.shape[1:]))
    rivals = {name: row(theory) for name, theory in rivals.items()}
    return Evidence({}, values, row(predicted), rivals, row(tolerance), {}, {})


def verdicts(
    runs: int, values: Callable[[], np.ndarray], criterion: Mean, predicted: float = 0.0, **rivals
) -> Iterator[Verdict]:
    """Of a criterion on fresh evidence of the same claim, again and again."""
    for _ in range(runs):
        record = claim(values(), float(criterion.tolerance), predicted, **rivals)
        yield criterion.decide([record])


def number_of(events: Iterable[object]) -> int:
    return sum(bool(event) for event in events)


# --- what is counted ---


def paths_outside_eq_1(
    runs: int, rng: np.random.Generator, *, alpha: float, horizon: int = 4096
) -> int:
    """Paths of the mean that leave Eq. (1), skewness factor 1, at any `n`."""
    n = np.arange(2, horizon + 1)
    q = np.array([quantile(int(k), alpha) for k in n])
    left = 0
    for start in range(0, runs, 250):
        draws = rng.normal(size=(min(250, runs - start), horizon))
        sums, squares = draws.cumsum(axis=1)[:, 1:], (draws**2).cumsum(axis=1)[:, 1:]
        error = np.sqrt((squares - sums**2 / n) / (n - 1) / n)
        left += number_of((np.abs(sums / n) > q * error).any(axis=1))
    return left


def paths_outside_eq_3(
    runs: int, rng: np.random.Generator, *, theta: float, alpha: float, horizon: int = 4096
) -> int:
    """Paths of a frequency whose intervals, Eq. (3), leave out `theta` at any `n`."""
    n = np.arange(1, horizon + 1)
    # Both limits grow with the sum: theta is left out up to one sum and from another on.
    below = bisect(lambda sums: frequency_interval(sums, n, alpha)[1] < theta, n * 0 - 1, n * theta)
    above = bisect(lambda sums: frequency_interval(sums, n, alpha)[0] > theta, n + 1, n * theta)
    left = 0
    for start in range(0, runs, 250):
        outcomes = rng.random((min(250, runs - start), horizon)) < theta
        sums = outcomes.cumsum(axis=1)
        left += number_of(((sums <= below) | (sums >= above)).any(axis=1))
    return left


def bisect(
    holds: Callable[[np.ndarray], np.ndarray], there: np.ndarray, nearly: np.ndarray
) -> np.ndarray:
    """The whole number farthest from `there` for which something holds, as it does `there`."""
    there, other = there.copy(), np.rint(nearly).astype(int)
    while np.any(np.abs(there - other) > 1):
        middle = (there + other) // 2
        inside = holds(middle)
        there, other = np.where(inside, middle, there), np.where(inside, other, middle)
    return there


def refuted_though_true(
    runs: int, rng: np.random.Generator, *, law: str, alpha: float, cells: int = 10, n: int = 256
) -> int:
    values = lambda: LAWS[law](rng, (n, cells))
    return number_of(v.refuted for v in verdicts(runs, values, Mean(0.0, alpha=alpha)))


def flagged_though_true(
    runs: int, rng: np.random.Generator, *, law: str, alpha: float, cells: int = 10, n: int = 256
) -> int:
    """Claims that would be refuted if fresh replicates did not have to confirm it."""
    values = lambda: LAWS[law](rng, (n, cells))
    return number_of(v.p_value < alpha for v in verdicts(runs, values, Mean(0.0, alpha=alpha)))


def frequency_refuted_though_true(
    runs: int, rng: np.random.Generator, *, theta: float, alpha: float, n: int = 256
) -> int:
    values = lambda: (rng.random((n, 1)) < theta).astype(float)
    criterion = Mean(0.0, support=(0.0, 1.0), alpha=alpha)
    return number_of(v.refuted for v in verdicts(runs, values, criterion, predicted=theta))


def holds_at_its_edge(
    runs: int,
    rng: np.random.Generator,
    *,
    law: str,
    side: int,
    tolerance: float = 0.6,
    cells: int = 1,
    n: int = 512,
) -> int:
    """The mean of one cell lies on an edge of its band; the other cells are as predicted."""
    shift = np.zeros(cells)
    shift[0] = tolerance * side
    values = lambda: LAWS[law](rng, (n, cells)) + shift
    return number_of(v.holds for v in verdicts(runs, values, Mean(tolerance, alpha=0.01)))


def holds_as_planned(
    runs: int, rng: np.random.Generator, *, margin: float, cells: int, law: str = "Gaussian"
) -> int:
    n = int(replicates_needed(1.0, 0.0, margin, cells=cells))
    values = lambda: LAWS[law](rng, (n, cells))
    return number_of(v.holds for v in verdicts(runs, values, Mean(margin)))


def rival_refuted_as_planned(
    runs: int, rng: np.random.Generator, *, margin: float, cells: int
) -> int:
    """A rival that differs in one cell, by the tolerance and a margin."""
    tolerance = 0.3
    n = int(replicates_needed(1.0, tolerance + margin, tolerance, cells=cells))
    rival = np.zeros(cells)
    rival[0] = tolerance + margin
    values = lambda: rng.normal(size=(n, cells))
    reached = verdicts(runs, values, Mean(tolerance), rival=rival)
    return number_of(v.rivals["rival"].status == "refuted" for v in reached)


def wrong_and_refuted(runs: int, rng: np.random.Generator, *, cells: int = 10) -> int:
    """Every cell is off by twice the tolerance."""
    values = lambda: rng.normal(size=(4096, cells)) + 0.6
    return number_of(v.refuted for v in verdicts(runs, values, Mean(0.3)))


def wrong_and_holds(runs: int, rng: np.random.Generator, *, law: str) -> int:
    """Off by twice the tolerance, on the side where a skewed law's mean looks too small."""
    values = lambda: LAWS[law](rng, (4096, 1)) + 0.6
    return number_of(v.holds for v in verdicts(runs, values, Mean(0.3)))


def rival_inside_told(runs: int, rng: np.random.Generator) -> int:
    """Reported before a replicate is drawn, and by none refuted."""
    criterion, near = Mean(0.3), 0.25
    values = lambda: rng.normal(size=(4096, 1))
    told = criterion.powerless({"rival": near}, [claim(values()[:0], 0.3, rival=near)]) == ["rival"]
    reached = verdicts(runs, values, criterion, rival=near)
    return number_of(told and v.inconclusive for v in reached)


def exponent_refuted_though_true(
    runs: int, rng: np.random.Generator, *, law: str, of: str, alpha: float, n: int = 512
) -> int:
    """A deviation that goes exactly as `N^-1/2`: of its mean, or of its root mean square."""
    # Of a mean ten times its standard deviation, which the gate lets pass.
    draw = lambda: LAWS[law](rng, (n, SIZES.size)) + (10.0 if of == "mean" else 0.0)
    criterion = Rate("n", -0.5, band=1e-9, of=of, alpha=alpha)
    refuted = 0
    for _ in range(runs):
        values = draw() * SIZES**-0.5
        records = [
            claim(values[:, j], 0.0)._replace(setting={"n": size}) for j, size in enumerate(SIZES)
        ]
        refuted += criterion.decide(records).refuted
    return refuted


def bracket_misses(
    runs: int, rng: np.random.Generator, *, width: float, points: int, alpha: float, n: int = 128
) -> int:
    """Frequencies that cross one half off the grid."""
    at, grid = 0.53, np.linspace(0, 1, points)
    chance = 1 / (1 + np.exp((at - grid) / width))
    criterion = Crossing("x", 1e-9, level=0.5, support=(0.0, 1.0), alpha=alpha)
    missed = 0
    for _ in range(runs):
        outcomes = (rng.random((n, points)) < chance).astype(float)
        records = [
            claim(outcomes[:, j], 1e-9, at)._replace(setting={"x": x}) for j, x in enumerate(grid)
        ]
        missed += criterion.decide(records).refuted
    return missed


def limit_refuted_though_true(
    runs: int, rng: np.random.Generator, *, law: str, alpha: float, cells: int = 10, n: int = 256
) -> int:
    """Means `1/N` from their limit, at two sizes."""
    criterion = Limit("n", 1.0, 0.0, alpha=alpha)
    refuted = 0
    for _ in range(runs):
        records = [
            claim(LAWS[law](rng, (n, cells)) + 1 / size, 0.0)._replace(setting={"n": size})
            for size in SIZES[:2]
        ]
        refuted += criterion.decide(records).refuted
    return refuted


CASES = [
    # The floor is the rate whose limit at 10^4 is half the level; .038 was measured.
    Case(
        "Eq. (1), f = 1, every n <= 4096, Gaussian, alpha .05: leaves",
        partial(paths_outside_eq_1, alpha=0.05),
        at_most=0.05,
        at_least=0.03125,
    ),
    *(
        Case(
            f"Eq. (3), every n <= 4096, Bern({theta:g}), alpha .01: leaves",
            partial(paths_outside_eq_3, theta=theta, alpha=0.01),
            at_most=0.01,
        )
        for theta in (0.01, 0.1, 0.5)
    ),
    Case(
        "true, 10 cells, Gaussian, alpha .05: flagged",
        partial(flagged_though_true, law="Gaussian", alpha=0.05),
        at_most=0.05,
    ),
    *(
        Case(
            f"true, 10 cells, {law}, alpha {alpha:g}: refuted",
            partial(refuted_though_true, law=law, alpha=alpha),
            at_most=alpha,
            few=300 if alpha == 0.05 else 100,
        )
        for alpha in (0.05, 0.01, 1e-3)
        for law in LAWS
    ),
    Case(
        "true, `support`, Bern(.1), alpha .05: refuted",
        partial(frequency_refuted_though_true, theta=0.1, alpha=0.05),
        at_most=0.05,
        runs=1000,
        few=40,
    ),
    *(
        Case(
            f"mean = p {'+' if side > 0 else '-'} tau, {law}, tau = .6 sigma, alpha .01: holds",
            partial(holds_at_its_edge, law=law, side=side),
            at_most=0.01,
            few=100,
        )
        for law in ("Gaussian", "Exp", "chi2_1")
        for side in (1, -1)
    ),
    *(
        Case(
            f"mean = p {'+' if side > 0 else '-'} tau, LN, tau = .1 sigma, alpha .01: holds",
            partial(holds_at_its_edge, law="LN", side=side, tolerance=0.1, n=4096),
            at_most=0.01,
            few=60,
        )
        for side in (1, -1)
    ),
    # Wide bands decide within a hundred replicates, which have not seen the tail of this law: the
    # level is exceeded, as for any rule. Counted, without a limit.
    Case(
        "mean = p + tau, LN, tau = .6 sigma, alpha .01: holds (beyond the method)",
        partial(holds_at_its_edge, law="LN", side=1),
        runs=2000,
        few=60,
    ),
    *(
        Case(
            f"mean = p - tau in 1 cell of 30, {law}, tau = .6 sigma, alpha .01: holds",
            partial(holds_at_its_edge, law=law, side=-1, cells=30),
            at_most=0.01,
            runs=2000,
            few=40,
        )
        for law in ("Gaussian", "Exp", "LN")
    ),
    *(
        Case(
            f"true, {cells} cells, tau = {margin:g} sigma, n as planned for .9: holds",
            partial(holds_as_planned, margin=margin, cells=cells),
            at_least=0.9,
            runs=2000,
            few=40,
        )
        for margin, cells in ((0.5, 1), (0.5, 10), (0.5, 100), (0.2, 1), (0.2, 10))
    ),
    *(
        Case(
            f"rival off by tau + .5 sigma in 1 of {cells}, n as planned for .9: refuted",
            partial(rival_refuted_as_planned, margin=0.5, cells=cells),
            at_least=0.9,
            runs=2000,
            few=40,
        )
        for cells in (1, 10, 100)
    ),
    Case(
        "wrong by 2 tau, 10 cells, Gaussian, tau = .3 sigma, n <= 4096: refuted",
        wrong_and_refuted,
        at_least=1.0,
        runs=1000,
        few=60,
    ),
    Case(
        "wrong by 2 tau, LN, tau = .3 sigma, n <= 4096: holds",
        partial(wrong_and_holds, law="LN"),
        at_most=0.0,
        runs=1000,
        few=60,
    ),
    Case(
        "rival inside the tolerance: told beforehand, and inconclusive at n = 4096",
        rival_inside_told,
        at_least=1.0,
        runs=1000,
        few=60,
    ),
    *(
        Case(
            f"true limit of two sizes, 10 cells, {law}, alpha .05: refuted",
            partial(limit_refuted_though_true, law=law, alpha=0.05),
            at_most=0.05,
            runs=2000,
            few=60,
        )
        for law in ("Gaussian", "Exp")
    ),
    # Root mean squares of skewed laws are known to err more: chi2_1 in 1.5 %, LN (left out) 1.9 %.
    *(
        Case(
            f"N^-1/2 at 5 sizes, {of} of {law}, n <= 512, alpha .01: refuted",
            partial(exponent_refuted_though_true, law=law, of=of, alpha=0.01),
            at_most=rate,
            few=100,
        )
        for law, of, rate in (
            ("Gaussian", "rms", 0.01),
            ("chi2_1", "rms", 0.02),
            ("Gaussian", "mean", 0.01),
            ("Exp", "mean", 0.01),
        )
    ),
    *(
        Case(
            f"crossing off a grid of {points}, width {width:g}, n <= 128, alpha .01: missed",
            partial(bracket_misses, width=width, points=points, alpha=0.01),
            at_most=0.01,
            few=100,
        )
        for width, points in ((0.05, 17), (0.15, 17), (0.05, 65))
    ),
]


def main() -> None:
    began = time.perf_counter()
    lines = [
        "| case | claims | count | least | most | pass | seconds |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    print("\n".join(lines), flush=True)
    failed = 0
    for case in CASES:
        start = time.perf_counter()
        count = case(case.runs, SEED)
        low, high = case.limits(case.runs)
        passes = low <= count <= high
        failed += not passes
        limits = f"{low} | {high} | {'yes' if passes else '**no**'}" if case.limited else " | | –"
        seconds = time.perf_counter() - start
        lines.append(f"| {case.name} | {case.runs} | {count} | {limits} | {seconds:.0f} |")
        print(lines[-1], flush=True)
    seconds = time.perf_counter() - began
    limited = sum(case.limited for case in CASES)
    about = (
        f"Seed {SEED}; {datetime.now(UTC):%Y-%m-%d}; theorylab {theorylab.__version__}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, Python {platform.python_version()}; "
        f"{seconds:.0f} s on one core."
    )
    head = (
        "# Calibration of the engine",
        "What `make calibrate` measures on synthetic claims of known truth, through the criteria's "
        "own `decide`. A case passes where its count lies within limits that a rate just allowed "
        f"would miss once in 10^4. {limited - failed} of {limited} pass; a case without limits is "
        "only counted.",
    )
    REPORT.write_text("\n\n".join([*head, "\n".join(lines), about]) + "\n")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
