"""Claims about deep linear networks: each sets a closed form against a trained network."""
# ruff: noqa: I001 - in the order in which they are told

from theorylab.deep_linear.claims.sigmoidal_learning import sigmoidal_learning as sigmoidal_learning
from theorylab.deep_linear.claims.depth_sets_the_plateau import (
    depth_sets_the_plateau as depth_sets_the_plateau,
)
from theorylab.deep_linear.claims.unlearning import unlearning as unlearning
from theorylab.deep_linear.claims.coloured_inputs import coloured_inputs as coloured_inputs
from theorylab.deep_linear.claims.imbalanced_learning import (
    imbalanced_learning as imbalanced_learning,
)
from theorylab.deep_linear.claims.scalar_learning import scalar_learning as scalar_learning
from theorylab.deep_linear.claims.descent import first_order_descent as first_order_descent
from theorylab.deep_linear.claims.descent import discretization_delay as discretization_delay
from theorylab.deep_linear.claims.balance_drift import balance_drift as balance_drift
from theorylab.deep_linear.claims.finite_steps_balance import (
    finite_steps_balance as finite_steps_balance,
)
