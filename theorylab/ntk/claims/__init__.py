"""Claims about tangent kernels: each sets a solver against a simulation."""

from theorylab.ntk.claims.fluctuations import kernel_fluctuations as kernel_fluctuations
from theorylab.ntk.claims.fluctuations import one_layer_variance as one_layer_variance
from theorylab.ntk.claims.initial_kernel import infinite_width as infinite_width
from theorylab.ntk.claims.initial_kernel import initial_kernel as initial_kernel
