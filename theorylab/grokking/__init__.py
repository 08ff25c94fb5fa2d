"""Grokking: how networks learn modular addition by Fourier features.

A network of one hidden layer embeds both arguments alike: input weights `theta` and output weights
`xi`, a neuron in each row. Frequencies are 1 ... K, `K = (p - 1) / 2`; phases are added. The loss
is the cross-entropy averaged over pairs, and time the step size times the steps of plain gradient
descent on it. Networks are trained by `theorylab.grokking.simulation.training.train_modular`.
"""

from theorylab.grokking.delay import delay as delay
from theorylab.grokking.delay import generalization_time as generalization_time
from theorylab.grokking.delay import memorization_time as memorization_time
from theorylab.grokking.escape_time import escape_time as escape_time
from theorylab.grokking.escape_time import turning_time as turning_time
from theorylab.grokking.flawed_indicator import flawed_cross_entropy as flawed_cross_entropy
from theorylab.grokking.flawed_indicator import flawed_excluded_loss as flawed_excluded_loss
from theorylab.grokking.flawed_indicator import flawed_indicator as flawed_indicator
from theorylab.grokking.flawed_indicator import flawed_margin as flawed_margin
from theorylab.grokking.flawed_indicator import flawed_restricted_loss as flawed_restricted_loss
from theorylab.grokking.folklore_winners import fastest_growth as fastest_growth
from theorylab.grokking.folklore_winners import largest_power as largest_power
from theorylab.grokking.folklore_winners import smallest_misalignment as smallest_misalignment
from theorylab.grokking.fourier_coefficients import fourier_coefficients as fourier_coefficients
from theorylab.grokking.fourier_logits import Residues as Residues
from theorylab.grokking.fourier_logits import fourier_logits as fourier_logits
from theorylab.grokking.fourier_logits import residues as residues
from theorylab.grokking.fourier_weights import fourier_weights as fourier_weights
from theorylab.grokking.fourier_weights import single_frequency_neurons as single_frequency_neurons
from theorylab.grokking.gaussian_participation_ratio import (
    gaussian_participation_ratio as gaussian_participation_ratio,
)
from theorylab.grokking.gaussian_participation_ratio import (
    gaussian_participation_ratio_variance as gaussian_participation_ratio_variance,
)
from theorylab.grokking.gaussian_participation_ratio import (
    random_alignment_variance as random_alignment_variance,
)
from theorylab.grokking.inverse_participation_ratio import (
    inverse_participation_ratio as inverse_participation_ratio,
)
from theorylab.grokking.mode_flow import ModeAmplitudes as ModeAmplitudes
from theorylab.grokking.mode_flow import mode_flow as mode_flow
from theorylab.grokking.mode_invariants import ModeInvariants as ModeInvariants
from theorylab.grokking.mode_invariants import ModeVelocity as ModeVelocity
from theorylab.grokking.mode_invariants import mode_invariants as mode_invariants
from theorylab.grokking.mode_invariants import mode_velocity as mode_velocity
from theorylab.grokking.mode_invariants import neuron_balance as neuron_balance
from theorylab.grokking.network import Weights as Weights
from theorylab.grokking.network import network_logits as network_logits
from theorylab.grokking.phase_alignment import DominantWaves as DominantWaves
from theorylab.grokking.phase_alignment import dominant_waves as dominant_waves
from theorylab.grokking.phase_alignment import phase_alignment as phase_alignment
from theorylab.grokking.random_phases import random_phase_covariance as random_phase_covariance
from theorylab.grokking.relu_indicator import aliased_relu_logits as aliased_relu_logits
from theorylab.grokking.relu_indicator import phase_aliasing as phase_aliasing
from theorylab.grokking.relu_indicator import relu_indicator as relu_indicator
from theorylab.grokking.relu_indicator import relu_peaks as relu_peaks
from theorylab.grokking.relu_mode_velocity import relu_input_leakage as relu_input_leakage
from theorylab.grokking.relu_mode_velocity import relu_mode_velocity as relu_mode_velocity
from theorylab.grokking.relu_mode_velocity import relu_output_leakage as relu_output_leakage
from theorylab.grokking.restricted_loss import excluded_loss as excluded_loss
from theorylab.grokking.restricted_loss import restricted_loss as restricted_loss
from theorylab.grokking.restricted_loss import sum_projection as sum_projection
from theorylab.grokking.symmetric_floor import symmetric_floor as symmetric_floor
from theorylab.grokking.symmetric_floor import symmetric_floor_variance as symmetric_floor_variance
from theorylab.grokking.winning_frequency import escape_times as escape_times
from theorylab.grokking.winning_frequency import winning_frequency as winning_frequency
