"""Where the claims about neural collapse come from."""

from __future__ import annotations

from theorylab.verify import Source

DANG_2023 = Source(
    "Dang, Tran, Osher, Tran-The, Ho, Nguyen",
    2023,
    "Neural collapse in deep linear networks: from balanced to imbalanced data",
    arxiv="2301.00437",
)
GARROD_2024 = Source(
    "Garrod, Keating",
    2024,
    "The persistence of neural collapse despite low-rank bias",
    arxiv="2410.23169",
)
HONG_2023 = Source(
    "Hong, Ling",
    2023,
    "Neural collapse for unconstrained feature model under cross-entropy loss with imbalanced data",
    arxiv="2309.09725",
)
HAN_2021 = Source(
    "Han, Papyan, Donoho",
    2021,
    "Neural collapse under MSE loss: proximity to and dynamics on the central path",
    arxiv="2106.02073",
)
XUE_2024 = Source(
    "Xue, Gan, Ni, Joshi, Mirzasoleiman",
    2024,
    "Investigating the benefits of projection head for representation learning",
    arxiv="2403.11391",
)
HERE = Source("theorylab", 2026, "derived in proofs/neural_collapse")
