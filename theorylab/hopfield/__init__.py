"""Hopfield networks: order parameters at low and at high load, critical lines, mixtures, flow.

Patterns per neuron are the `load`; energies are per spin and leave out the diagonal of the
couplings; temperatures are in units of the coupling, with the Boltzmann weight `exp(-H/T)`.
"""

from theorylab.hopfield.critical_load import Spinodal as Spinodal
from theorylab.hopfield.critical_load import critical_load as critical_load
from theorylab.hopfield.critical_load import first_order_load as first_order_load
from theorylab.hopfield.critical_load import glass_temperature as glass_temperature
from theorylab.hopfield.critical_load import replicon_load as replicon_load
from theorylab.hopfield.critical_load import spinodal as spinodal
from theorylab.hopfield.mixture_overlap import MixtureStability as MixtureStability
from theorylab.hopfield.mixture_overlap import low_load_free_energy as low_load_free_energy
from theorylab.hopfield.mixture_overlap import mixture_overlap as mixture_overlap
from theorylab.hopfield.mixture_overlap import mixture_stability as mixture_stability
from theorylab.hopfield.mixture_overlap import mixture_threshold as mixture_threshold
from theorylab.hopfield.mixture_overlap import overlap_map as overlap_map
from theorylab.hopfield.order_parameters import OrderParameters as OrderParameters
from theorylab.hopfield.order_parameters import order_parameters as order_parameters
from theorylab.hopfield.overlap_flow import overlap_flow as overlap_flow
from theorylab.hopfield.retrieval_temperature import (
    first_order_temperature as first_order_temperature,
)
from theorylab.hopfield.retrieval_temperature import replicon_temperature as replicon_temperature
from theorylab.hopfield.retrieval_temperature import (
    retrieval_temperature as retrieval_temperature,
)
