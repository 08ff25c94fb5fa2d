"""How the overlap of a pure state scatters about its limit."""

from __future__ import annotations

from theorylab.hopfield.claims.sources import AGS_1985A
from theorylab.hopfield.mixture_overlap import mixture_overlap
from theorylab.hopfield.simulation import balanced_patterns, block_gibbs, overlaps
from theorylab.verify import Claim, Rate


def final_overlap(key, *, temperature, num_patterns, width, num_sweeps):
    """The overlap with a pattern, some time after a start there."""
    patterns = balanced_patterns(num_patterns, width)
    first = lambda patterns, spins: overlaps(patterns[:1], spins)[0]
    trace = block_gibbs(
        key, patterns, patterns[0], 1 / temperature, num_sweeps=num_sweeps, record=first
    )
    return trace[-1]


def far_below_criticality(*, temperature, num_patterns, width, num_sweeps):
    # At 0.2 few of thousands of runs have a spin against the pattern; from 0.65 on the line of 128
    # spins and more is curved.
    if not 0.25 <= temperature <= 0.6:
        raise ValueError(
            f"`temperature` must be >= 0.25, so that spins move, and <= 0.6, so that fluctuations "
            f"are far from critical; got {temperature:g}"
        )
    if width < 64:
        raise ValueError(f"`width` must be >= 64, for the state to outlive the run; got {width}")
    if num_sweeps < 20:
        raise ValueError(f"`num_sweeps` must be >= 20, to reach equilibrium; got {num_sweeps}")


thermal_fluctuations = Claim(
    statement="The overlap of a pure state scatters about its limit as the root of 1/N.",
    source=AGS_1985A,
    assumes=("few patterns", "every combination of signs equally often", "T well below 1"),
    predict=lambda temperature, **_: mixture_overlap(1, temperature),
    observe=final_overlap,
    quantity="overlap $m$",
    criterion=Rate("width", exponent=-0.5, band=0.08, of="rms"),
    rivals={"N^-1/4, as at the critical point": -0.25, "N^-1/3": -1 / 3, "1/N, of its mean": -1.0},
    settings={
        "quick": [
            dict(temperature=0.5, num_patterns=2, width=n, num_sweeps=30)
            for n in (128, 256, 512, 1024, 2048)
        ],
        "standard": [
            dict(temperature=t, num_patterns=k, width=n, num_sweeps=30)
            for t, k in ((0.5, 2), (0.3, 3))
            for n in (256, 512, 1024, 2048, 4096, 8192)
        ],
    },
    domain=far_below_criticality,
    proof="hopfield/mixture_overlap",
    replicates={"quick": 4096, "standard": 4096},
    tile=64,
)
