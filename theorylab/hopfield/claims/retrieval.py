"""Retrieval at extensive load: overlap and energy of the state at a pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.hopfield.claims.sources import AGS_1987
from theorylab.hopfield.critical_load import critical_load
from theorylab.hopfield.order_parameters import order_parameters
from theorylab.hopfield.simulation import block_gibbs, energy, overlaps, random_patterns
from theorylab.numerics.tanh_averages import tanh_averages
from theorylab.verify import Claim, Mean

BURN_IN = 50


def sampled(key, *, temperature, num_patterns, width, num_sweeps, record):
    """Thermal mean of a record, after a start at one of random patterns."""
    pattern_key, spin_key = jax.random.split(key)
    patterns = random_patterns(pattern_key, num_patterns, width)
    trace = block_gibbs(
        spin_key, patterns, patterns[0], 1 / temperature, num_sweeps=num_sweeps, record=record
    )
    return jnp.mean(trace[BURN_IN:])


def sampled_overlap(key, **setting):
    first = lambda patterns, spins: overlaps(patterns[:1], spins)[0]
    return sampled(key, **setting, record=first)


def sampled_energy(key, **setting):
    return sampled(key, **setting, record=energy)


def predicted(quantity: str) -> Callable[..., np.ndarray]:
    def state(*, temperature, num_patterns, width, **_):
        return getattr(order_parameters(num_patterns / width, temperature), quantity)

    return state


def with_crosstalk(law: Callable[[Any, Any], Any], quantity: str) -> Callable[..., np.ndarray]:
    """The theory with another law `r(q, C)`, by iteration, far from its spinodal."""

    def state(*, temperature, num_patterns, width, **_):
        alpha, T = num_patterns / width, temperature
        m = r = 1.0
        for _ in range(500):
            at = tanh_averages(m / T, np.sqrt(alpha * r) / T)
            q, C = float(at.tanh2), float(at.sech2) / T
            m, r = float(at.tanh), law(q, C)
        e = alpha / 2 - m**2 / 2 - alpha / 2 * (T * C / (1 - C) + r)
        return np.asarray({"overlap": m, "energy": e}[quantity])

    return state


def finite_size(eps, *, width, **_):
    """Corrections to the limit are of order 1/N away from the spinodal."""
    return 1 / width


def inside_the_spinodal(*, temperature, num_patterns, width, num_sweeps):
    if not 0 < temperature < 1:
        raise ValueError(f"`temperature` must be > 0 and < 1; got {temperature:g}")
    limit = 0.9 * float(critical_load(temperature))
    if not num_patterns / width <= limit:
        raise ValueError(
            f"`num_patterns` / `width` must be <= 0.9 alpha_M(T) = {limit:.4g}, so that the state "
            f"outlives the run; got {num_patterns / width:.4g}"
        )
    if num_sweeps <= BURN_IN:
        raise ValueError(f"`num_sweeps` must be > {BURN_IN}, the burn-in; got {num_sweeps}")


SETTINGS = {
    "quick": [dict(temperature=0.4, num_patterns=80, width=1600, num_sweeps=200)],
    "standard": [
        dict(temperature=t, num_patterns=k, width=3200, num_sweeps=200)
        for t, k in ((0.4, 160), (0.5, 64), (0.2, 320))
    ],
}
ASSUMES = (
    "replica symmetry",
    "patterns of independent fair signs",
    "one condensed pattern",
    "the state outlives the run",
)

retrieval_overlap = Claim(
    statement="Spins overlap with a pattern as the replica-symmetric theory says, r = q/(1-C)^2.",
    source=AGS_1987,
    assumes=ASSUMES,
    predict=predicted("overlap"),
    observe=sampled_overlap,
    criterion=Mean(tolerance=0.0012, bias=finite_size),
    rivals={
        "r = q/(1-C)": with_crosstalk(lambda q, C: q / (1 - C), "overlap"),
        "r = q, of the Sherrington-Kirkpatrick model": with_crosstalk(lambda q, C: q, "overlap"),
    },
    settings=SETTINGS,
    domain=inside_the_spinodal,
    proof="hopfield/order_parameters",
    replicates={"quick": 1024, "standard": 2048},
    tile=16,
)

retrieval_energy = Claim(
    statement="The energy per spin of the retrieval state is that of the replica-symmetric theory.",
    source=AGS_1987,
    assumes=ASSUMES,
    predict=predicted("energy"),
    observe=sampled_energy,
    criterion=Mean(tolerance=0.0012, bias=finite_size),
    rivals={
        "with the diagonal of the couplings": lambda **s: (
            predicted("energy")(**s) - s["num_patterns"] / s["width"] / 2
        ),
        "r = q, of the Sherrington-Kirkpatrick model": with_crosstalk(lambda q, C: q, "energy"),
        "the crosstalk's energy left out": lambda **s: -(predicted("overlap")(**s) ** 2) / 2,
    },
    settings=SETTINGS,
    domain=inside_the_spinodal,
    proof="hopfield/order_parameters",
    replicates={"quick": 1024, "standard": 2048},
    tile=16,
)
