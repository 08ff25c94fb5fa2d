"""Updating all spins at once samples another law."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.hopfield.claims.sources import PERETTO_1984
from theorylab.hopfield.simulation import overlaps, parallel_heat_bath
from theorylab.verify import Claim, Mean

BURN_IN = 100


def drawn_patterns(pattern_seed: int, num_patterns: int, width: int) -> np.ndarray:
    return np.random.default_rng(pattern_seed).choice([-1.0, 1.0], (num_patterns, width))


def squared_overlaps(key, *, temperature, num_patterns, width, pattern_seed, num_sweeps):
    patterns = jnp.asarray(drawn_patterns(pattern_seed, num_patterns, width))
    start_key, spin_key = jax.random.split(key)
    start = jax.random.rademacher(start_key, (width,), patterns.dtype)
    trace = parallel_heat_bath(
        spin_key,
        patterns,
        start,
        1 / temperature,
        num_sweeps=num_sweeps,
        record=lambda patterns, spins: overlaps(patterns, spins) ** 2,
    )
    return trace[BURN_IN:].mean(axis=0)


def enumerated(weight):
    """Mean squared overlaps under `exp(weight(fields, spins, beta))`, over all states."""

    def law(*, temperature, num_patterns, width, pattern_seed, self_coupling=0.0, **_):
        patterns = drawn_patterns(pattern_seed, num_patterns, width)
        spins = np.array(list(itertools.product((-1.0, 1.0), repeat=width)))
        m = spins @ patterns.T / width
        fields = m @ patterns - (1 - self_coupling) * num_patterns / width * spins
        log_weight = weight(fields, spins, 1 / temperature)
        probability = np.exp(log_weight - log_weight.max())
        return probability @ m**2 / probability.sum()

    return law


def little(fields, spins, beta):
    size = np.abs(beta * fields)
    return (size + np.log1p(np.exp(-2 * size))).sum(axis=1)


def boltzmann(fields, spins, beta):
    return beta / 2 * (fields * spins).sum(axis=1)


def small(*, temperature, num_patterns, width, pattern_seed, num_sweeps):
    if not 2 <= width <= 16:
        raise ValueError(f"`width` must be from 2 to 16, to enumerate its states; got {width}")
    if not temperature > 0 or num_patterns < 1 or num_sweeps <= BURN_IN:
        raise ValueError(
            f"`temperature` must be > 0, `num_patterns` >= 1 and `num_sweeps` > {BURN_IN}; "
            f"got {temperature:g}, {num_patterns} and {num_sweeps}"
        )


parallel_stationary_law = Claim(
    statement="Heat bath of all spins at once samples prod_i cosh(h_i / T), not exp(-H / T).",
    source=PERETTO_1984,
    coords=lambda num_patterns, **_: {"pattern": np.arange(num_patterns)},
    assumes=("symmetric couplings without diagonal", "all spins updated at once"),
    predict=enumerated(little),
    observe=squared_overlaps,
    quantity="squared overlap $m^2$",
    criterion=Mean(tolerance=0.005),
    rivals={
        "Boltzmann's law": enumerated(boltzmann),
        "Little's law with self-coupling": lambda **s: enumerated(little)(**s, self_coupling=1.0),
        "temperature 5 % higher": lambda temperature, **s: enumerated(little)(
            temperature=1.05 * temperature, **s
        ),
    },
    settings={
        "quick": [dict(temperature=0.7, num_patterns=3, width=8, pattern_seed=0, num_sweeps=4100)],
        "standard": [
            dict(temperature=t, num_patterns=3, width=8, pattern_seed=p, num_sweeps=4100)
            for t in (0.7, 1.2)
            for p in (0, 1)
        ],
    },
    domain=small,
    proof="hopfield/parallel_stationary_law",
    replicates={"quick": 512, "standard": 1024},
    tile=16,
)
