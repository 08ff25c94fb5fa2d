"""Neural collapse: deep linear heads on unconstrained features, metrics, and dynamics.

The loss is the mean over samples of half the squared error (or of the cross-entropy) plus half of
every weight decay times a sum of squares; the features' sum runs over all samples. Depth counts the
linear layers above the features. Examples are rows, layers are (outputs, inputs).
"""

from theorylab.neural_collapse.balancedness import balancedness as balancedness
from theorylab.neural_collapse.central_path import CentralPath as CentralPath
from theorylab.neural_collapse.central_path import central_path as central_path
from theorylab.neural_collapse.class_means import (
    between_class_covariance as between_class_covariance,
)
from theorylab.neural_collapse.class_means import class_means as class_means
from theorylab.neural_collapse.class_means import global_mean as global_mean
from theorylab.neural_collapse.class_means import within_class_covariance as within_class_covariance
from theorylab.neural_collapse.collapse_metrics import CollapseMetrics as CollapseMetrics
from theorylab.neural_collapse.collapse_metrics import collapse_metrics as collapse_metrics
from theorylab.neural_collapse.collapse_rate import CollapseRate as CollapseRate
from theorylab.neural_collapse.collapse_rate import collapse_rate as collapse_rate
from theorylab.neural_collapse.cross_entropy import ETFCollapse as ETFCollapse
from theorylab.neural_collapse.cross_entropy import branches as branches
from theorylab.neural_collapse.cross_entropy import etf_collapse as etf_collapse
from theorylab.neural_collapse.cross_entropy import etf_is_beaten as etf_is_beaten
from theorylab.neural_collapse.deep_linear_ufm import Collapse as Collapse
from theorylab.neural_collapse.deep_linear_ufm import DecayDerivatives as DecayDerivatives
from theorylab.neural_collapse.deep_linear_ufm import DeepLinearUFM as DeepLinearUFM
from theorylab.neural_collapse.deep_linear_ufm import Minimiser as Minimiser
from theorylab.neural_collapse.equinorm import equiangularity as equiangularity
from theorylab.neural_collapse.equinorm import equinorm as equinorm
from theorylab.neural_collapse.equinorm import max_angle as max_angle
from theorylab.neural_collapse.frames import cross_polytope as cross_polytope
from theorylab.neural_collapse.frames import general_orthogonal_frame as general_orthogonal_frame
from theorylab.neural_collapse.frames import orthogonal_frame as orthogonal_frame
from theorylab.neural_collapse.frames import simplex_etf as simplex_etf
from theorylab.neural_collapse.gram_distance import gram_distance as gram_distance
from theorylab.neural_collapse.gram_distance import normalized_distance as normalized_distance
from theorylab.neural_collapse.head_product import head_product as head_product
from theorylab.neural_collapse.head_product import layer_balance as layer_balance
from theorylab.neural_collapse.minority_collapse import MinorityCollapse as MinorityCollapse
from theorylab.neural_collapse.minority_collapse import MinorityContrast as MinorityContrast
from theorylab.neural_collapse.minority_collapse import minority_collapse as minority_collapse
from theorylab.neural_collapse.minority_collapse import (
    minority_collapse_ratio as minority_collapse_ratio,
)
from theorylab.neural_collapse.minority_collapse import (
    minority_collapse_size as minority_collapse_size,
)
from theorylab.neural_collapse.minority_collapse import minority_contrast as minority_contrast
from theorylab.neural_collapse.minority_collapse import vanishing_decay as vanishing_decay
from theorylab.neural_collapse.mode_fit import ModeFit as ModeFit
from theorylab.neural_collapse.mode_fit import critical_penalty as critical_penalty
from theorylab.neural_collapse.mode_fit import local_minimum as local_minimum
from theorylab.neural_collapse.mode_fit import mode_fit as mode_fit
from theorylab.neural_collapse.mode_fit import spinodal_penalty as spinodal_penalty
from theorylab.neural_collapse.nearest_mean_mismatch import (
    NearestMeanMismatch as NearestMeanMismatch,
)
from theorylab.neural_collapse.nearest_mean_mismatch import (
    nearest_mean_mismatch as nearest_mean_mismatch,
)
from theorylab.neural_collapse.null_variability_collapse import (
    mixture_variability_collapse as mixture_variability_collapse,
)
from theorylab.neural_collapse.null_variability_collapse import (
    null_variability_collapse as null_variability_collapse,
)
from theorylab.neural_collapse.projection_head import ProjectionHead as ProjectionHead
from theorylab.neural_collapse.projection_head import dropping_decay as dropping_decay
from theorylab.neural_collapse.projection_head import projection_head as projection_head
from theorylab.neural_collapse.self_duality import duality_cosines as duality_cosines
from theorylab.neural_collapse.self_duality import self_duality as self_duality
from theorylab.neural_collapse.seli import SELIGrams as SELIGrams
from theorylab.neural_collapse.seli import seli_grams as seli_grams
from theorylab.neural_collapse.singular_value_flow import AlignedMode as AlignedMode
from theorylab.neural_collapse.singular_value_flow import Separatrix as Separatrix
from theorylab.neural_collapse.singular_value_flow import aligned_flow as aligned_flow
from theorylab.neural_collapse.singular_value_flow import margin_flow as margin_flow
from theorylab.neural_collapse.singular_value_flow import separatrix as separatrix
from theorylab.neural_collapse.singular_value_flow import singular_value_flow as singular_value_flow
from theorylab.neural_collapse.variability_collapse import (
    class_distance_variance as class_distance_variance,
)
from theorylab.neural_collapse.variability_collapse import trace_ratio as trace_ratio
from theorylab.neural_collapse.variability_collapse import (
    variability_collapse as variability_collapse,
)
