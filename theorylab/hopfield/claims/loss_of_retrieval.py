"""At zero temperature, patterns are lost at the critical load."""

from __future__ import annotations

import math

import jax
import numpy as np

from theorylab.hopfield.claims.sources import AGS_1985B
from theorylab.hopfield.critical_load import critical_load
from theorylab.hopfield.simulation import glauber, overlaps, random_patterns
from theorylab.verify import Claim, Mean

# Between the overlap that retrieval ends with, 0.967, and those left beyond, about 0.3.
RETRIEVED = 0.8


def stays_at_a_pattern(key, *, num_patterns, width, num_sweeps):
    """Whether spins that start at a pattern are still near it, 1 or 0."""
    pattern_key, spin_key = jax.random.split(key)
    patterns = random_patterns(pattern_key, num_patterns, width)
    first = lambda patterns, spins: overlaps(patterns[:1], spins)[0]
    trace = glauber(spin_key, patterns, patterns[0], 0.0, num_sweeps=num_sweeps, record=first)
    return (trace[-1] > RETRIEVED).astype(patterns.dtype)


def below(limit):
    """The frequency of retrieval where it ends at `limit(width)` patterns per neuron."""
    return lambda *, num_patterns, width, **_: np.asarray(
        float(num_patterns / width < limit(width))
    )


def away_from_the_threshold(*, num_patterns, width, num_sweeps):
    load, limit = num_patterns / width, float(critical_load(0.0))
    if num_patterns < 1 or 0.9 * limit < load < 1.7 * limit:
        raise ValueError(
            f"`num_patterns` / `width` must be <= {0.9 * limit:.3f} or >= {1.7 * limit:.3f}: "
            f"between them networks of some hundred neurons retrieve some patterns; got {load:.3f}"
        )
    if width < 500 or num_sweeps < 10:
        raise ValueError(
            f"`width` must be >= 500 and `num_sweeps` >= 10; got {width} and {num_sweeps}"
        )


loss_of_retrieval = Claim(
    statement="At zero temperature patterns are retrieved below alpha_c = 0.138, none above.",
    source=AGS_1985B,
    assumes=(
        "replica symmetry",
        "patterns of independent fair signs",
        "a start at the pattern",
        "loads away from the threshold, which finite networks blur and move up",
    ),
    predict=below(lambda width: float(critical_load(0.0))),
    observe=stays_at_a_pattern,
    quantity="frequency of retrieval",
    criterion=Mean(tolerance=0.2, support=(0.0, 1.0)),
    rivals={
        "2/pi, crosstalk of the pattern alone": below(lambda width: 2 / math.pi),
        "1/(2 ln N), no error in a pattern": below(lambda width: 1 / (2 * math.log(width))),
        "1/(4 ln N), no error in all patterns": below(lambda width: 1 / (4 * math.log(width))),
    },
    settings={
        "quick": [dict(num_patterns=k, width=500, num_sweeps=15) for k in (50, 125)],
        "standard": [dict(num_patterns=k, width=1000, num_sweeps=20) for k in (100, 120, 240)],
    },
    domain=away_from_the_threshold,
    proof="hopfield/order_parameters",
    replicates={"quick": 256, "standard": 512},
    tile=16,
)
