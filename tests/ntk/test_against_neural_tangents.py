"""Every activation that neural-tangents shares, its kernels against ours."""

import numpy as np
import pytest

from theorylab.interop import neural_tangents
from theorylab.ntk import FullyConnected
from theorylab.ntk.activations import (
    absolute,
    cosine,
    erf,
    exponential,
    gaussian,
    gelu,
    identity,
    leaky_relu,
    polynomial,
    relu,
    sine,
)

try:
    stax = neural_tangents.load().stax
except neural_tangents.MissingNeuralTangents as missing:
    pytest.skip(str(missing), allow_module_level=True)

ACTIVATIONS = {
    "relu": (relu, stax.Relu()),
    "leaky relu": (leaky_relu(0.1), stax.LeakyRelu(0.1)),
    "abs": (absolute, stax.Abs()),
    "identity": (identity, stax.Identity()),
    "erf": (erf, stax.Erf()),
    "gelu": (gelu, stax.Gelu()),
    "sin": (sine(0.7, 0.4), stax.Sin(1.0, 0.7, 0.4)),
    "cos": (cosine(), stax.Cos()),
    "exp": (exponential(0.3), stax.Exp(1.0, 0.3)),
    "gaussian": (gaussian(), stax.Gaussian()),
    "polynomial": (polynomial([0.2, 1.0, -0.3, 0.1]), stax.Polynomial([0.2, 1.0, -0.3, 0.1])),
}
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 4)), RNG.standard_normal((5, 4))


def theirs(activation, depth, weight_variance, bias_variance, parametrization="ntk", width=1):
    """`b_std` of 0 is a bias that is trained; without it there is none."""
    dense = stax.Dense(
        width,
        W_std=weight_variance**0.5,
        b_std=bias_variance**0.5,
        parameterization=parametrization,
    )
    layers = [layer for _ in range(depth - 1) for layer in (dense, activation)]
    return stax.serial(*layers, dense)[2]


@pytest.mark.parametrize(("weight", "bias"), [(1.0, 0.0), (1.69, 0.16)])
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_agree(name, depth, weight, bias):
    ours, activation = ACTIVATIONS[name]
    network = FullyConnected(depth, ours, weight, bias)
    kernel_fn = theirs(activation, depth, weight, bias)
    for get in ("nngp", "ntk"):
        peer = neural_tangents.kernel(kernel_fn, get)
        expected = peer(X, Y)
        np.testing.assert_allclose(
            getattr(network, get)(X, Y), expected, rtol=1e-12, atol=1e-13 * np.abs(expected).max()
        )
        # Their diagonal has the rounding of the angle.
        np.testing.assert_allclose(getattr(network, get)(X), peer(X), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.25])
def test_standard_parametrization_agrees(bias):
    network = FullyConnected(3, "erf", 1.3, bias, "standard", 64)
    expected = neural_tangents.kernel(theirs(stax.Erf(), 3, 1.3, bias, "standard", 64))(X, Y)
    np.testing.assert_allclose(network.ntk(X, Y), expected, rtol=1e-12)
