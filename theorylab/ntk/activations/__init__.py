"""Activations, each as its dual: closed forms, and `numerical` for any callable.

Kernels take these objects or, for those without parameters, their names.
"""

from theorylab.ntk.activations.activation import Activation as Activation
from theorylab.ntk.activations.error_function import erf as erf
from theorylab.ntk.activations.exponentials import exponential as exponential
from theorylab.ntk.activations.exponentials import gaussian as gaussian
from theorylab.ntk.activations.gaussian_error_linear import gelu as gelu
from theorylab.ntk.activations.numerical import DualEstimate as DualEstimate
from theorylab.ntk.activations.numerical import numerical as numerical
from theorylab.ntk.activations.polynomials import polynomial as polynomial
from theorylab.ntk.activations.slopes import absolute as absolute
from theorylab.ntk.activations.slopes import identity as identity
from theorylab.ntk.activations.slopes import leaky_relu as leaky_relu
from theorylab.ntk.activations.slopes import relu as relu
from theorylab.ntk.activations.waves import cosine as cosine
from theorylab.ntk.activations.waves import sine as sine

NAMED = {
    "relu": relu,
    "abs": absolute,
    "identity": identity,
    "erf": erf,
    "sin": sine(),
    "cos": cosine(),
    "exp": exponential(),
    "gaussian": gaussian(),
    "gelu": gelu,
}


def named(activation: str | Activation) -> Activation:
    """The activation of a name, or the activation itself.

    Raises: `ValueError` for an unknown name, listing those known; `TypeError` for anything else.
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        if activation not in NAMED:
            raise ValueError(f"`activation` must be one of {', '.join(NAMED)}; got {activation!r}")
        return NAMED[activation]
    raise TypeError(
        "`activation` must be a name or an activation; wrap a function of your own in "
        f"theorylab.ntk.activations.numerical; got {activation!r}"
    )
