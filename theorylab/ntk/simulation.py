r"""Experiments on fully connected networks of finite width, in the parametrization of the NTK.

Examples are rows. $z^1 = \frac{\sigma_w}{\sqrt d}xW^1 + \sigma_bb^1$,
$z^{l+1} = \frac{\sigma_w}{\sqrt{n_l}}\phi(z^l)W^{l+1} + \sigma_bb^{l+1}$; the output is the last of
them, without activation. All $W$ and $b$ are standard normal at the start, and all are trained.
Depth counts weight layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from theorylab.ntk.empirical_ntk import empirical_ntk
from theorylab.numerics.annotations import Array, Float, PRNGKeyArray


def exact_gelu(z: Array) -> Array:
    return jax.nn.gelu(z, approximate=False)


def leaky_relu(z: Array) -> Array:
    return jax.nn.leaky_relu(z, 0.1)


def gaussian(z: Array) -> Array:
    return jnp.exp(-(z**2))


def identity(z: Array) -> Array:
    return z


ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "relu": jax.nn.relu,
        "leaky_relu": leaky_relu,
        "abs": jnp.abs,
        "identity": identity,
        "erf": jax.scipy.special.erf,
        "tanh": jnp.tanh,
        "sin": jnp.sin,
        "cos": jnp.cos,
        "exp": jnp.exp,
        "gaussian": gaussian,
        "gelu": exact_gelu,
    }
)
"""`leaky_relu` has slope 0.1 below 0, `gaussian` is exp(-z^2), `gelu` is z Phi(z)."""


class Network(NamedTuple):
    """A matrix (inputs, outputs) and a vector (outputs) for each layer, the first layer first."""

    weights: Sequence[Array]
    biases: Sequence[Array]


def random_weights(key: PRNGKeyArray, inputs: int, width: int, outputs: int, depth: int) -> Network:
    """Independent standard normal weights and biases; `depth - 1` hidden layers of one width.

    Raises: `ValueError` where a number is not `>= 1`.
    """
    for name, number in (
        ("inputs", inputs), ("width", width), ("outputs", outputs), ("depth", depth)
    ):  # fmt: skip
        if number < 1:
            raise ValueError(f"`{name}` must be >= 1; got {number}")
    widths = [inputs, *[width] * (depth - 1), outputs]
    weight_keys, bias_keys = jax.random.split(key, (2, depth))
    return Network(
        [jax.random.normal(weight_keys[i], (widths[i], widths[i + 1])) for i in range(depth)],
        [jax.random.normal(bias_keys[i], (widths[i + 1],)) for i in range(depth)],
    )


def forward(
    network: Network,
    x: Float[Array, "examples inputs"],
    activation: str,
    weight_variance: float | Float[Array, ""] = 1.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, "examples outputs"]:
    """The outputs of a network."""
    *hidden, last = _scaled(network, weight_variance, bias_variance)
    phi = _activation(activation)
    with jax.default_matmul_precision("highest"):  # a GPU's default float32 is good to ~1e-3
        for W, b in hidden:
            x = phi(x @ W + b)
        return x @ last[0] + last[1]


def initial_ntk(
    key: PRNGKeyArray,
    x: Float[Array, "examples inputs"],
    *,
    width: int,
    depth: int,
    activation: str,
    weight_variance: float | Float[Array, ""] = 1.0,
    bias_variance: float | Float[Array, ""] = 0.0,
    parametrization: str = "ntk",
    outputs: int = 1,
) -> Float[Array, "examples examples"]:
    """The tangent kernel of one random network: the mean of those of its outputs.

    With `parametrization="standard"` the derivatives are by `sigma_w W / sqrt(n)` and `sigma_b b`:
    the same network, another kernel, to which biases contribute even where `sigma_b` is 0.
    """
    network = random_weights(key, x.shape[1], width, outputs, depth)
    phi = _activation(activation)
    if parametrization == "standard":
        weights, biases = zip(*_scaled(network, weight_variance, bias_variance), strict=True)
        return empirical_ntk(
            weights, x, activation=phi, biases=biases, parametrization=parametrization
        )
    return empirical_ntk(
        network.weights,
        x,
        activation=phi,
        biases=network.biases,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
        parametrization=parametrization,
    )


def initial_nngp(
    key: PRNGKeyArray,
    x: Float[Array, "examples inputs"],
    *,
    width: int,
    depth: int,
    activation: str,
    weight_variance: float | Float[Array, ""] = 1.0,
    bias_variance: float | Float[Array, ""] = 0.0,
) -> Float[Array, "examples examples"]:
    """Covariance of an output of one random network, over its last layer given all others.

    The same key gives the network of `initial_ntk`. It is the tangent kernel of that last layer.
    """
    network = random_weights(key, x.shape[1], width, 1, depth)
    return empirical_ntk(
        network.weights,
        x,
        activation=_activation(activation),
        biases=network.biases,
        weight_variance=weight_variance,
        bias_variance=bias_variance,
        layers=(depth - 1,),
    )


def _activation(name: str) -> Callable[[Array], Array]:
    if name not in ACTIVATIONS:
        raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)}; got {name!r}")
    return ACTIVATIONS[name]


def _scaled(
    network: Network,
    weight_variance: float | Float[Array, ""],
    bias_variance: float | Float[Array, ""],
) -> list[tuple[Array, Array]]:
    """Weights and biases as they multiply and add."""
    return [
        (jnp.sqrt(weight_variance / W.shape[0]) * W, jnp.sqrt(bias_variance) * b)
        for W, b in zip(network.weights, network.biases, strict=True)
    ]
