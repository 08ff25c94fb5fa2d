"""Neural tangent kernel and Gaussian-process limit of wide networks.

Depth counts weight layers: one hidden layer is depth 2. Examples are rows. Kernels are those of one
output; with several they are these times the identity.
"""

from theorylab.ntk import activations as activations
from theorylab.ntk.dual_activation import dual_activation as dual_activation
from theorylab.ntk.dual_activation import dual_derivative as dual_derivative
from theorylab.ntk.empirical_ntk import empirical_ntk as empirical_ntk
from theorylab.ntk.empirical_ntk import empirical_ntk_of as empirical_ntk_of
from theorylab.ntk.fully_connected import FullyConnected as FullyConnected
from theorylab.ntk.fully_connected import JacotForm as JacotForm
from theorylab.ntk.fully_connected import Kernels as Kernels
from theorylab.ntk.kernel_operator import KernelOperator as KernelOperator
from theorylab.ntk.kernel_regression import KernelSolution as KernelSolution
from theorylab.ntk.kernel_regression import kernel_regression as kernel_regression
from theorylab.ntk.kernel_variance import kernel_variance as kernel_variance
