"""Deep linear networks: exact learning dynamics.

Closed forms and instruments; the experiments are in `theorylab.deep_linear.simulation`, the claims
in `theorylab.deep_linear.claims`. Conventions: depth counts weight matrices; examples are rows;
covariances are means over examples; `tau` is one over the learning rate, so that step `k` of
descent with rate `eta` is at time `k eta` with `tau = 1`.
"""

from theorylab.deep_linear.balance import balance as balance
from theorylab.deep_linear.balance_after_step import balance_after_step as balance_after_step
from theorylab.deep_linear.decaying_strength import decaying_strength as decaying_strength
from theorylab.deep_linear.discrete_delay import discrete_delay as discrete_delay
from theorylab.deep_linear.implicit_balancing import implicit_balancing as implicit_balancing
from theorylab.deep_linear.input_output_modes import InputOutputModes as InputOutputModes
from theorylab.deep_linear.input_output_modes import input_output_modes as input_output_modes
from theorylab.deep_linear.kernel_change import kernel_change as kernel_change
from theorylab.deep_linear.learning_time import half_time as half_time
from theorylab.deep_linear.learning_time import learning_time as learning_time
from theorylab.deep_linear.learning_time import plateau as plateau
from theorylab.deep_linear.learning_time import transition_width as transition_width
from theorylab.deep_linear.mode_strength import mode_strength as mode_strength
from theorylab.deep_linear.reduce_width import reduce_width as reduce_width
from theorylab.deep_linear.scalar_network import scalar_imbalance as scalar_imbalance
from theorylab.deep_linear.scalar_network import scalar_network as scalar_network
from theorylab.deep_linear.unbalanced_learning_time import (
    unbalanced_learning_time as unbalanced_learning_time,
)
from theorylab.deep_linear.unbalanced_mode import ModeWeights as ModeWeights
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode as unbalanced_mode
