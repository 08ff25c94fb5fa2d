"""Where the claims about grokking were published."""

from __future__ import annotations

from theorylab.verify import Source

HE_2026 = Source(
    "He, Wang, Chen, Yang",
    2026,
    "On the Mechanism and Dynamics of Modular Addition: Fourier Features, Lottery Ticket, and "
    "Grokking",
    arxiv="2602.16849",
)
DOSHI_2023 = Source(
    "Doshi, Das, He, Gromov",
    2023,
    "To grok or not to grok: disentangling generalization and memorization on corrupted "
    "algorithmic datasets",
    arxiv="2310.13061",
)
NANDA_2023 = Source(
    "Nanda, Chan, Lieberum, Smith, Steinhardt",
    2023,
    "Progress measures for grokking via mechanistic interpretability",
    arxiv="2301.05217",
)
HERE = Source("theorylab", 2026, "derived in proofs/grokking")
