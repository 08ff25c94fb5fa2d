"""Claims about Hopfield networks: each sets a solver against a simulation."""

from theorylab.hopfield.claims.mixture_states import mixture_states as mixture_states
from theorylab.hopfield.claims.parallel_stationary_law import (
    parallel_stationary_law as parallel_stationary_law,
)
from theorylab.hopfield.claims.retrieval import retrieval_energy as retrieval_energy
from theorylab.hopfield.claims.retrieval import retrieval_overlap as retrieval_overlap
