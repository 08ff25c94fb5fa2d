"""Where few patterns begin to be remembered."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from theorylab.hopfield.claims.sources import AGS_1985A
from theorylab.hopfield.simulation import balanced_patterns, block_gibbs, overlaps
from theorylab.verify import Claim, Crossing


def growth(key, *, temperature, num_patterns, width, start, num_sweeps):
    """How much a small overlap with one pattern has grown."""
    patterns = balanced_patterns(num_patterns, width)
    start_key, spin_key = jax.random.split(key)
    follow = jax.random.uniform(start_key, (width,), patterns.dtype) < (1 + start) / 2
    spins = jnp.where(follow, patterns[0], -patterns[0])
    first = lambda patterns, spins: overlaps(patterns[:1], spins)[0]
    trace = block_gibbs(
        spin_key, patterns, spins, 1 / temperature, num_sweeps=num_sweeps, record=first
    )
    return trace[-1] - first(patterns, spins)


def no_growth(*, num_patterns, width, start, num_sweeps, **_):
    """Where an overlap `m` neither grows nor shrinks: `1/T - 1 = (m^2 + 3 K s^2) / 3`.

    A sweep takes it to `<xi tanh(xi.m / T)>` on average, to third order `m/T - m (m^2 + 3 K s^2)/3`
    where all `K` overlaps, as the auxiliaries pass them on, scatter by `s`. Auxiliaries and spins
    add `1/N` each to `s^2` in every sweep, and the start as much: on average over the sweeps it is
    `(1 + num_sweeps) / N`.
    """
    return 1 / (1 + small(width, num_patterns, start, num_sweeps))


def small(width, num_patterns, start, num_sweeps):
    return (start**2 + 3 * num_patterns * (1 + num_sweeps) / width) / 3


def next_order_and_resolution(eps, *, num_patterns, width, start, num_sweeps, **_):
    """A resolution of 0.01, and the next order: `artanh(m)/m = 1 + m^2/3 + m^4/5`."""
    return 0.01 + 2 * small(width, num_patterns, start, num_sweeps) ** 2


def small_overlap(*, temperature, num_patterns, width, start, num_sweeps):
    if not 0 < start <= 0.3:
        raise ValueError(
            f"`start` must be > 0 and <= 0.3, so that its cube is small; got {start:g}"
        )
    if not 0.5 <= temperature <= 2:
        raise ValueError(f"`temperature` must be from 0.5 to 2; got {temperature:g}")
    if num_sweeps < 1 or num_patterns < 1:
        raise ValueError("`num_sweeps` and `num_patterns` must be >= 1")
    shift = small(width, num_patterns, start, num_sweeps)
    if not shift <= 0.1:
        raise ValueError(
            "`start`^2 / 3 + `num_patterns` (1 + `num_sweeps`) / `width` must be <= 0.1, so that "
            f"its square is small; got {shift:.3g}"
        )


condensation_temperature = Claim(
    statement="Small overlaps with few patterns grow below T = 1, less (m^2 + 3 K s^2) / 3.",
    source=AGS_1985A,
    assumes=("few patterns", "every combination of signs equally often"),
    predict=no_growth,
    observe=growth,
    quantity="growth of the overlap $m$",
    criterion=Crossing("temperature", tolerance=next_order_and_resolution),
    rivals={
        "1 + sqrt(K/N), where spins freeze at extensive load": lambda num_patterns, width, **_: (
            1 + (num_patterns / width) ** 0.5
        ),
        "1, without fluctuations": lambda **_: 1.0,
    },
    settings={
        "quick": [
            dict(temperature=t, num_patterns=4, width=4000, start=0.25, num_sweeps=8)
            for t in (0.84, 0.88, 0.92, 0.96, 1.0, 1.04, 1.08)
        ],
    },
    domain=small_overlap,
    proof="hopfield/mixture_overlap",
    replicates={"quick": 4096, "standard": 16384},
    tile=64,
)
