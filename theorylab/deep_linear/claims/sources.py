"""Where the claims of this family come from."""

from __future__ import annotations

from theorylab.verify import Source

SAXE_2014 = Source(
    "Saxe, McClelland & Ganguli",
    2014,
    "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    arxiv="1312.6120",
)


HERE = Source("theorylab", 2026, "derived in proofs/deep_linear")


def at(source: Source, place: str) -> Source:
    return Source(source.authors, source.year, source.title, source.arxiv, source.doi, place)
