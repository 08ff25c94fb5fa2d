"""Claims about neural collapse: each sets a solver against a simulation."""

from theorylab.neural_collapse.claims.bounds import (
    cross_entropy_beyond_one_layer as cross_entropy_beyond_one_layer,
)
from theorylab.neural_collapse.claims.bounds import loss_bound as loss_bound
from theorylab.neural_collapse.claims.bounds import spinodal_window as spinodal_window
from theorylab.neural_collapse.claims.dynamics import balance_decay as balance_decay
from theorylab.neural_collapse.claims.dynamics import central_growth as central_growth
from theorylab.neural_collapse.claims.dynamics import mode_learning as mode_learning
from theorylab.neural_collapse.claims.dynamics import variability_rate as variability_rate
from theorylab.neural_collapse.claims.frames import collapsed_geometry as collapsed_geometry
from theorylab.neural_collapse.claims.minority import minority_merges as minority_merges
from theorylab.neural_collapse.claims.networks import network_bound as network_bound
from theorylab.neural_collapse.claims.projection import head_weights as head_weights
