"""Claims about grokking: each sets a closed form against a network."""
# ruff: noqa: I001 - in the order in which they are told

from theorylab.grokking.claims.exact_networks import flawed_logits as flawed_logits
from theorylab.grokking.claims.exact_networks import relu_logits as relu_logits
from theorylab.grokking.claims.exact_networks import progress_measures as progress_measures
from theorylab.grokking.claims.chance import random_phases as random_phases
from theorylab.grokking.claims.chance import participation_by_chance as participation_by_chance
from theorylab.grokking.claims.modes import mode_growth as mode_growth
from theorylab.grokking.claims.modes import logit_correction as logit_correction
from theorylab.grokking.claims.modes import descent_error as descent_error
from theorylab.grokking.claims.lottery import first_escapes as first_escapes
from theorylab.grokking.claims.lottery import lottery as lottery
from theorylab.grokking.claims.lottery import survival as survival
from theorylab.grokking.claims.relu_modes import relu_velocity as relu_velocity
from theorylab.grokking.claims.neuron_balance import balance_is_kept as balance_is_kept
from theorylab.grokking.claims.training import memorised_accuracy as memorised_accuracy
from theorylab.grokking.claims.training import decay_hastens as decay_hastens
