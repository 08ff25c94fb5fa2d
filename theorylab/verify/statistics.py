r"""Confidence sequences: intervals that hold at every look at once, however the looks are stopped.

The mean of replicates $x_1,\dots,x_n$ with unknown variance. A normal prior of precision $g$ on
$\mu/\sigma$ and the right-Haar prior on $\sigma$ mix the likelihood ratios into a martingale; by
Ville's inequality the mean leaves $\bar x\pm q_n s/\sqrt n$ at some $n$ with probability at most
$a$, exactly so for normal data, where

$$r_n = \frac{n+g}{n}\Big(1-\exp\Big\{\frac1n\Big[2\ln a+\ln\frac{g}{n+g}\Big]\Big\}\Big), \qquad
  q_n = \sqrt{(n-1)\frac{r_n}{1-r_n}} \tag{1}$$

and $q_n$ is infinite where $r_n\ge1$. Skewed data need the factor $f$ of a Cramér-type correction,

$$w = q_n f\,\frac{s}{\sqrt n}, \qquad f = 1+\frac{|\hat\gamma|\,q_n}{3\sqrt n}. \tag{2}$$

The mean $\theta$ of outcomes in $[0,1]$ with sum $S$: a beta-binomial mixture excludes $\theta$ if

$$\ln B(\tfrac12+S,\tfrac12+n-S)-\ln B(\tfrac12,\tfrac12)-S\ln\theta-(n-S)\ln(1-\theta)
  \ge \ln\frac1a. \tag{3}$$

References: Lai (1976); Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), arXiv:2103.06476; Wang
& Ramdas (2023), arXiv:2310.03722; Wang (2005) and Jing, Shao & Wang (2003) for the skewness;
Howard, Ramdas, McAuliffe & Sekhon (2021), arXiv:1810.08240.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

FIRST_LOOK = 16


def next_look(n: int) -> int:
    """The look after `n` replicates: 16, 32, 48, ... 256, 288, ... 512, 576, ...

    Eight looks an octave above 128, and `2n` is a look whenever `n` is.
    """
    if n < FIRST_LOOK:
        return FIRST_LOOK
    doublings = 0
    while n >= 256 * 2**doublings:
        doublings += 1
    return n + FIRST_LOOK * 2**doublings


def looks(budget: int) -> tuple[int, ...]:
    """The schedule of looks up to a budget of replicates, whatever the batches they come in."""
    schedule = []
    n = next_look(0)
    while n <= budget:
        schedule.append(n)
        n = next_look(n)
    return tuple(schedule)


def prior_precision(level: Any) -> Any:
    """`g`, which makes the sequence of that error level tightest near 128 to 512 replicates."""
    evidence = np.log(1 / np.asarray(level, float))
    return 128 / (2 * evidence + np.log1p(2 * evidence))


def quantile(n: int, alpha: float, cells: int = 1) -> float:
    """`q_n`, Eq. (1), at error level `alpha` shared over `cells`; infinite where no `n` decides."""
    _require_level(alpha)
    return float(_quantile(n, np.asarray(alpha / cells)))


def _quantile(n: int, level: np.ndarray) -> np.ndarray:
    g = prior_precision(level)
    r = -(n + g) / n * np.expm1((2 * np.log(level) + np.log(g / (n + g))) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(r < 1, np.sqrt((n - 1) * r / (1 - r)), np.inf)


class Moments(NamedTuple):
    """Of `n` replicates, cell by cell: mean, standard deviation and skewness (0 if constant)."""

    n: int
    mean: np.ndarray
    deviation: np.ndarray
    skewness: np.ndarray
    constant: np.ndarray


def moments(values: np.ndarray, offset: Any = 0.0) -> Moments:
    """Moments over the first axis, in two passes.

    A cell counts as constant where its values agree to 64 roundings of the largest. `offset` is
    what was taken off the values before, at the price of its rounding.
    """
    n, mean = len(values), values.mean(axis=0)
    centred = values - mean
    second = (centred**2).mean(axis=0)
    largest = np.abs(values + offset).max(axis=0)
    constant = np.ptp(values, axis=0) <= 64 * np.finfo(float).eps * largest
    safe = np.where(constant, 1.0, second)
    skewness = np.where(constant, 0.0, (centred**3).mean(axis=0) / safe**1.5)
    deviation = np.where(constant, 0.0, np.sqrt(second * n / max(n - 1, 1)))
    return Moments(n, mean, deviation, skewness, constant)


def half_width(moments: Moments, level: Any) -> np.ndarray:
    """`w`, Eq. (2), at the error level of each cell."""
    q = _quantile(moments.n, np.broadcast_to(np.asarray(level, float), moments.mean.shape))
    root = math.sqrt(moments.n)
    with np.errstate(invalid="ignore"):
        width = q * (1 + np.abs(moments.skewness) * q / (3 * root)) * moments.deviation / root
    return np.where(np.isfinite(q), width, np.inf)


def p_value(moments: Moments, distance: np.ndarray, level: Any) -> np.ndarray:
    """The anytime p-value of each cell: the level at which Eq. (2) would just exclude `distance`.

    `distance` is how far the mean lies outside the tolerance (0 inside); `level` fixes `g`.
    """
    n, root = moments.n, math.sqrt(moments.n)
    g = prior_precision(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.where(moments.constant, 0.0, distance * root / moments.deviation)
    kappa = np.abs(moments.skewness) / (3 * root)
    q = 2 * u / (1 + np.sqrt(1 + 4 * kappa * u))
    share = q**2 / (q**2 + max(n - 1, 1))  # of one replicate q is 0
    log_p = 0.5 * np.log((n + g) / g) + n / 2 * np.log1p(-n / (n + g) * share)
    return np.minimum(1.0, np.exp(log_p))


def frequency_p_value(total: Any, n: Any, low: Any, high: Any) -> Any:
    """The anytime p-value, by Eq. (3), of a mean of outcomes that lies from `low` to `high`."""
    total = np.asarray(total, float)
    nearest = np.clip(total / n, low, high)
    log_p = (
        special.xlogy(total, nearest)
        + special.xlog1py(n - total, -nearest)
        + special.betaln(0.5, 0.5)
        - special.betaln(0.5 + total, 0.5 + n - total)
    )
    return np.minimum(1.0, np.exp(log_p))


def frequency_interval(total: Any, n: Any, level: Any) -> tuple[np.ndarray, np.ndarray]:
    """The means in `[0, 1]` that Eq. (3) does not exclude, for outcomes of sum `total`."""
    total, level = np.broadcast_arrays(np.asarray(total, float), np.asarray(level, float))
    ceiling = np.log(1 / level) - special.betaln(0.5 + total, 0.5 + n - total)
    ceiling = ceiling + special.betaln(0.5, 0.5)
    excluded = lambda theta: (
        -special.xlogy(total, theta) - special.xlog1py(n - total, -theta) >= ceiling
    )
    middle = np.asarray(total / n)
    return (
        np.where(total <= 0, 0.0, _edge(excluded, np.zeros_like(middle), middle)),
        np.where(total >= n, 1.0, _edge(excluded, np.ones_like(middle), middle)),
    )


def _edge(excluded: Any, outside: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Where exclusion ends between a point that is out and one that is in, by bisection."""
    for _ in range(64):
        middle = (outside + inside) / 2
        out = excluded(middle)
        outside, inside = np.where(out, middle, outside), np.where(out, inside, middle)
    return outside


def replicates_needed(
    sigma: float,
    delta: float,
    tolerance: float = 0.0,
    cells: int = 1,
    alpha: float = 1e-3,
    power: float = 0.9,
    skewness: float = 0.0,
) -> float:
    """The smallest look that decides with probability `power`; infinite where none does.

    Arguments:
        sigma: standard deviation of a replicate; `> 0`.
        delta: distance to what is to be refuted (a rival, less the bias); 0 to ask for holding.
        tolerance: the half-width of the band: to hold, less the bias; to refute, the rival's.
        cells: cells of the claim. Refuting shares `alpha` over them; holding does not.
        skewness: of a replicate.
    """
    _require_level(alpha)
    if not 0 < power < 1:
        raise ValueError(f"`power` must be between 0 and 1; got {power}")
    if not sigma > 0:
        raise ValueError(f"`sigma` must be > 0; got {sigma}")
    if delta:
        margin, level, z = delta - tolerance, alpha / cells, special.ndtri(power)
    else:
        margin, level, z = tolerance, alpha, special.ndtri(1 - (1 - power) / (2 * cells))
    if margin <= 0:
        return math.inf
    n = next_look(0)
    while n < 2**40:
        q = float(_quantile(n, np.asarray(level)))
        f = 1 + 0.65 * q / n + abs(skewness) * q / (3 * math.sqrt(n))
        if (q * f + z) * sigma / math.sqrt(n) <= margin:
            return n
        n = next_look(n)
    return math.inf


def _require_level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` must be between 0 and 1; got {alpha}")
