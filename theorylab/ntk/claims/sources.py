"""Where the claims about tangent kernels were published."""

from theorylab.verify import Source

JACOT_2018 = Source(
    "Jacot, Gabriel, Hongler",
    2018,
    "Neural tangent kernel: convergence and generalization in neural networks",
    arxiv="1806.07572",
    at="Theorem 1",
)
LEE_2019 = Source(
    "Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein, Pennington",
    2019,
    "Wide neural networks of any depth evolve as linear models under gradient descent",
    arxiv="1902.06720",
)
HERE = Source("theorylab", 2026, "Derived here")
