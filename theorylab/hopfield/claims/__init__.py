"""Claims about Hopfield networks: each sets a solver against a simulation."""

from theorylab.hopfield.claims.condensation_temperature import (
    condensation_temperature as condensation_temperature,
)
from theorylab.hopfield.claims.loss_of_retrieval import loss_of_retrieval as loss_of_retrieval
from theorylab.hopfield.claims.mixture_states import mixture_states as mixture_states
from theorylab.hopfield.claims.overlap_relaxation import overlap_relaxation as overlap_relaxation
from theorylab.hopfield.claims.parallel_stationary_law import (
    parallel_stationary_law as parallel_stationary_law,
)
from theorylab.hopfield.claims.retrieval import retrieval_energy as retrieval_energy
from theorylab.hopfield.claims.retrieval import retrieval_overlap as retrieval_overlap
from theorylab.hopfield.claims.thermal_fluctuations import (
    thermal_fluctuations as thermal_fluctuations,
)
