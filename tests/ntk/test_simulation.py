"""Random networks and their kernels; nothing here knows a limit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theorylab.ntk import simulation
from theorylab.ntk.empirical_ntk import empirical_ntk_of

X = np.random.default_rng(0).normal(size=(5, 3))
SETTING = dict(width=7, activation="gelu", weight_variance=1.7, bias_variance=0.3)
VARIANCES = dict(weight_variance=1.7, bias_variance=0.3)


def test_weights_are_standard_normal_and_independent(double):
    drawn = simulation.random_weights(jax.random.key(0), 200, 300, 100, 3)
    assert [W.shape for W in drawn.weights] == [(200, 300), (300, 300), (300, 100)]
    assert [b.shape for b in drawn.biases] == [(300,), (300,), (100,)]
    for values in (*drawn.weights, jnp.concatenate(drawn.biases)):
        error = 1 / np.sqrt(values.size)
        assert abs(values.mean()) < 4 * error
        assert abs(values.var() - 1) < 4 * np.sqrt(2) * error
        assert abs((values**4).mean() - 3) < 4 * np.sqrt(96) * error
    flat = [np.ravel(values)[:100] for values in (*drawn.weights, *drawn.biases)]
    correlations = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(correlations).max() < 0.5


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_kernel_is_that_of_the_network(double, depth):
    key = jax.random.key(1)
    drawn = simulation.random_weights(key, 3, 7, 2, depth)
    apply = lambda drawn, x: simulation.forward(drawn, x, "gelu", **VARIANCES)
    kernel = simulation.initial_ntk(key, jnp.asarray(X), depth=depth, outputs=2, **SETTING)
    np.testing.assert_allclose(kernel, empirical_ntk_of(apply, drawn, X), rtol=1e-12, atol=1e-12)


def test_standard_parametrization_is_of_the_same_network(double):
    key = jax.random.key(1)
    drawn = simulation.random_weights(key, 3, 7, 1, 3)
    scaled = simulation.Network(
        [np.sqrt(1.7 / len(W)) * W for W in drawn.weights], [np.sqrt(0.3) * b for b in drawn.biases]
    )

    def apply(scaled, x):
        for layer, (W, b) in enumerate(zip(*scaled, strict=True)):
            x = (jax.nn.gelu(x, approximate=False) if layer else x) @ W + b
        return x

    np.testing.assert_allclose(
        apply(scaled, X), simulation.forward(drawn, jnp.asarray(X), "gelu", **VARIANCES), rtol=1e-12
    )
    kernel = simulation.initial_ntk(
        key, jnp.asarray(X), depth=3, parametrization="standard", **SETTING
    )
    np.testing.assert_allclose(kernel, empirical_ntk_of(apply, scaled, X), rtol=1e-12, atol=1e-12)


def test_nngp_sample_is_the_covariance_over_the_last_layer(double):
    key = jax.random.key(2)
    drawn = simulation.random_weights(key, 3, 7, 1, 3)
    sample = simulation.initial_nngp(key, jnp.asarray(X), depth=3, **SETTING)

    def output(last):
        weights, biases = [*drawn.weights[:-1], last[0]], [*drawn.biases[:-1], last[1]]
        network = simulation.Network(weights, biases)
        return simulation.forward(network, jnp.asarray(X), "gelu", **VARIANCES)[:, 0]

    keys = jax.random.split(jax.random.key(3), 20_000)
    draw = lambda key: (jax.random.normal(key, (7, 1)), jnp.zeros(1))
    with_zero_bias = jax.vmap(lambda key: output(draw(key)))(keys)
    products = with_zero_bias[:, :, None] * with_zero_bias[:, None, :] + 0.3
    error = products.std(0) / np.sqrt(len(keys))
    assert np.all(np.abs(products.mean(0) - sample) < 4 * error)


def test_seeds_are_mapped_and_floats_traced(double):
    keys = jax.random.split(jax.random.key(0), 3)
    traces = []

    @jax.jit
    def kernels(keys, weight_variance, bias_variance):
        traces.append(1)
        kernel = lambda key: simulation.initial_ntk(
            key, jnp.asarray(X), width=7, depth=3, activation="erf",
            weight_variance=weight_variance, bias_variance=bias_variance,
        )  # fmt: skip
        return jax.vmap(kernel)(keys)

    for variances in ((1.7, 0.3), (2.0, 0.0)):
        setting = dict(zip(("weight_variance", "bias_variance"), variances, strict=True))
        one = simulation.initial_ntk(
            keys[1], jnp.asarray(X), width=7, depth=3, activation="erf", **setting
        )
        np.testing.assert_allclose(kernels(keys, *variances)[1], one, rtol=1e-12, atol=1e-12)
    assert len(traces) == 1


def test_kernel_of_a_relu_network_fluctuates_with_variance_3_over_width(double):
    """One neuron contributes `z_+^2 + v^2 1_{z>0}`, of mean 1 and variance 3."""
    width, x = 200, jnp.sqrt(3) * jnp.asarray(X[:1]) / np.linalg.norm(X[0])
    kernel = lambda key: simulation.initial_ntk(key, x, width=width, depth=2, activation="relu")
    keys = jax.random.split(jax.random.key(0), 40_000)
    values = jax.jit(lambda keys: jax.lax.map(kernel, keys, batch_size=1000))(keys)[:, 0, 0]
    squares = width * (values - 1) ** 2
    for measured, expected in ((values, 1.0), (squares, 3.0)):
        assert abs(measured.mean() - expected) < 4 * measured.std() / np.sqrt(len(keys))
    assert squares.std() / np.sqrt(len(keys)) < 0.03


@pytest.mark.parametrize("name", simulation.ACTIVATIONS)
def test_activations_have_the_names_they_say(double, name):
    from scipy import special

    z = np.linspace(-3, 3, 31)
    expected = {
        "relu": np.maximum(z, 0),
        "leaky_relu": np.where(z > 0, z, 0.1 * z),
        "abs": abs(z),
        "identity": z,
        "erf": special.erf(z),
        "tanh": np.tanh(z),
        "sin": np.sin(z),
        "cos": np.cos(z),
        "exp": np.exp(z),
        "gaussian": np.exp(-(z**2)),
        "gelu": z * special.ndtr(z),
    }
    np.testing.assert_allclose(
        simulation.ACTIVATIONS[name](jnp.asarray(z)), expected[name], rtol=1e-13, atol=1e-15
    )


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="`width` must be >= 1; got 0"):
        simulation.random_weights(jax.random.key(0), 3, 0, 1, 2)
    with pytest.raises(ValueError, match=r"`activation` must be one of relu, .*; got 'step'"):
        simulation.initial_ntk(
            jax.random.key(0), jnp.ones((2, 3)), width=4, depth=2, activation="step"
        )
    with pytest.raises(ValueError, match="`weight_variance` must be > 0; got -1"):
        simulation.initial_ntk(
            jax.random.key(0), jnp.ones((2, 3)), width=4, depth=2, activation="erf",
            weight_variance=-1.0,
        )  # fmt: skip
