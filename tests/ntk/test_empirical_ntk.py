"""The tangent kernel of given networks, against Jacobians contracted in full."""

import subprocess
import sys
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theorylab.ntk import _contraction
from theorylab.ntk.empirical_ntk import empirical_ntk, empirical_ntk_of

INPUTS, OUTPUTS = 4, 3
WIDTHS = (7, 5, 6)
VARIANCES = dict(weight_variance=1.7, bias_variance=0.3)


def draw_network(depth, seed=0, outputs=OUTPUTS, widths=WIDTHS):
    rng = np.random.default_rng(seed)
    sizes = [INPUTS, *widths[: depth - 1], outputs]
    weights = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return weights, [rng.normal(size=size) for size in sizes[1:]]


def examples(count, seed=1):
    return np.random.default_rng(seed).normal(size=(count, INPUTS))


def network(parameters, x, activation=jnp.tanh, weight_variance=1.7, bias_variance=0.3):
    """Eq. (2) of the module, biases and all."""
    weights, biases = parameters
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        x = activation(x) if i else x
        x = (weight_variance / W.shape[0]) ** 0.5 * x @ W + bias_variance**0.5 * b
    return x


def standard_network(parameters, x, activation=jnp.tanh):
    weights, biases = parameters
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        x = (activation(x) if i else x) @ W + b
    return x


def contracted(apply, parameters, x1, x2, outputs="all"):
    """Eq. (1), literally."""

    def flat(x):
        leaves = jax.tree.leaves(jax.jacrev(apply)(parameters, jnp.asarray(x)))
        return np.concatenate([np.reshape(leaf, (len(x), OUTPUTS, -1)) for leaf in leaves], axis=-1)

    kernel = np.einsum("acp,bdp->abcd", flat(x1), flat(x2))
    return kernel if outputs == "all" else np.einsum("abcc->ab", kernel) / OUTPUTS


@pytest.mark.parametrize("outputs", ["mean", "all"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_layers_sum_to_the_contracted_jacobians(double, depth, outputs):
    weights, biases = draw_network(depth)
    x1, x2 = examples(6), examples(5, seed=2)
    setting = dict(activation=jnp.tanh, biases=biases, outputs=outputs, **VARIANCES)
    for other in (x2, None):
        expected = contracted(network, (weights, biases), x1, x1 if other is None else x2, outputs)
        kernel = empirical_ntk(weights, x1, other, **setting)
        np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", ["mean", "all"])
@pytest.mark.parametrize("activation", [jax.nn.relu, jnp.sin, lambda z: z**3])
def test_without_biases_only_weights_count(double, activation, outputs):
    weights, biases = draw_network(3)
    apply = lambda weights, x: network((weights, biases), x, activation, 1.7, 0.0)
    expected = contracted(apply, weights, examples(6), examples(6), outputs)
    kernel = empirical_ntk(
        weights, examples(6), activation=activation, weight_variance=1.7, outputs=outputs
    )
    np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", ["mean", "all"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_standard_weights_have_factors_of_one(double, depth, outputs):
    weights, biases = draw_network(depth)
    setting = dict(activation=jnp.tanh, parametrization="standard", outputs=outputs)
    expected = contracted(standard_network, (weights, biases), examples(6), examples(6), outputs)
    kernel = empirical_ntk(weights, examples(6), biases=biases, **setting)
    np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-12)
    apply = lambda weights, x: standard_network((weights, [0.0 * b for b in biases]), x)
    expected = contracted(apply, weights, examples(6), examples(6), outputs)
    kernel = empirical_ntk(weights, examples(6), **setting)
    np.testing.assert_allclose(kernel, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_trained_layers_add_up(double, outputs):
    weights, biases = draw_network(4)
    setting = dict(activation=jnp.tanh, biases=biases, outputs=outputs, **VARIANCES)
    kernel = lambda layers: empirical_ntk(weights, examples(6), layers=layers, **setting)
    np.testing.assert_allclose(
        kernel((0, 3)) + kernel([2]) + kernel([1]), kernel(None), rtol=1e-12, atol=1e-12
    )
    for layer in range(4):

        def apply(trained, x, layer=layer):
            replaced = [[*p[:layer], new, *p[layer + 1 :]]
                        for p, new in zip((weights, biases), trained, strict=True)]  # fmt: skip
            return network(replaced, x)

        trained = (weights[layer], biases[layer])
        expected = contracted(apply, trained, examples(6), examples(6), outputs)
        np.testing.assert_allclose(kernel([layer]), expected, rtol=1e-12, atol=1e-12)


def spy_on(monkeypatch, record):
    """Every method of contraction, with a look at its arguments before it runs."""
    for name in ("layerwise", "by_jacobians", "by_vector_products"):
        method = getattr(_contraction, name)

        def spied(*arguments, name=name, method=method, **options):
            record(name, method, arguments, options)
            return method(*arguments, **options)

        monkeypatch.setattr(_contraction, name, spied)


@pytest.mark.parametrize("outputs", ["mean", "all"])
@pytest.mark.parametrize("x2", [None, examples(20, seed=2)])
def test_tiles_change_nothing(double, monkeypatch, outputs, x2):
    weights, biases = draw_network(3)
    setting = dict(activation=jnp.tanh, biases=biases, outputs=outputs, **VARIANCES)
    whole = empirical_ntk(weights, examples(11), x2, **setting)
    tiles = set()
    spy_on(monkeypatch, lambda name, _, __, options: tiles.add((name, options["tile"])))
    for memory in (1, 4e3, 2e4):
        kernel = empirical_ntk(weights, examples(11), x2, memory=memory, **setting)
        np.testing.assert_allclose(kernel, whole, rtol=1e-12, atol=1e-12)
        kernel = empirical_ntk_of(
            network, (weights, biases), examples(11), x2, outputs=outputs, memory=4 * memory
        )
        np.testing.assert_allclose(kernel, whole, rtol=1e-12, atol=1e-12)
    sizes = lambda method: {tile for name, tile in tiles if name == method}
    assert sizes("layerwise") & {2, 3, 4, 5, 6, 7, 8, 9, 10}  # none of which divides 11
    assert sizes("by_jacobians") & {2, 3, 4, 5, 6, 7, 8, 9, 10}
    assert 1 in sizes("by_vector_products")


@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_work_stays_within_the_memory_it_is_given(monkeypatch, outputs):
    weights, biases = draw_network(4, widths=(80, 90, 100))
    weights, biases = jax.tree.map(lambda w: jnp.asarray(w, jnp.float32), (weights, biases))
    x = jnp.asarray(examples(200), jnp.float32)
    taken = {}

    def measure(name, method, arguments, options):
        compiled = method.lower(*arguments, **options).compile()
        taken[name, memory] = compiled.memory_analysis().temp_size_in_bytes

    spy_on(monkeypatch, measure)
    for memory in (1e6, 4e6):
        empirical_ntk(
            weights, x, activation=jnp.tanh, biases=biases, outputs=outputs, memory=memory
        )
    for memory in (1e4, 3e6, 1e7):
        empirical_ntk_of(network, (weights, biases), x, outputs=outputs, memory=memory)
    assert {name for name, _ in taken} == {"layerwise", "by_jacobians", "by_vector_products"}
    gradient = sum(leaf.nbytes for leaf in (*weights, *biases))
    for (method, memory), temporary in taken.items():
        assert temporary <= memory + (4 * gradient if method == "by_vector_products" else 0)


def test_examples_may_be_images(double):
    rng = np.random.default_rng(0)
    filters, readout = rng.normal(size=(3, 3, 2, 5)), rng.normal(size=(5, OUTPUTS))
    images = rng.normal(size=(6, 8, 8, 2))

    def apply(parameters, x):
        filters, readout = parameters
        hidden = jax.lax.conv_general_dilated(
            x, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.tanh(hidden).mean((1, 2)) @ readout

    expected = contracted(apply, (filters, readout), images, images)
    for memory in (2**30, 1e4, 1):
        kernel = empirical_ntk_of(apply, (filters, readout), images, outputs="all", memory=memory)
        np.testing.assert_allclose(kernel, expected, rtol=1e-11, atol=1e-12)


def test_kernel_is_positive_and_of_a_rank_below_the_number_of_parameters(double):
    weights, biases = draw_network(2, widths=(2,))
    parameters = sum(leaf.size for leaf in (*weights, *biases))
    setting = dict(activation=jnp.tanh, biases=biases, outputs="all", **VARIANCES)
    kernel = empirical_ntk(weights, examples(20), **setting)
    matrix = kernel.transpose(0, 2, 1, 3).reshape(20 * OUTPUTS, -1)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-13, atol=1e-13)
    eigenvalues = np.linalg.eigvalsh(matrix)[::-1]
    assert eigenvalues[-1] >= -1e-13 * eigenvalues[0]
    assert np.all(np.abs(eigenvalues[parameters:]) <= 1e-13 * eigenvalues[0])
    assert parameters < 20 * OUTPUTS


@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_order_of_hidden_units_is_immaterial(double, outputs):
    weights, biases = draw_network(3)
    rng = np.random.default_rng(3)
    first, second = (rng.permutation(width) for width in WIDTHS[:2])
    moved = [weights[0][:, first], weights[1][first][:, second], weights[2][second]]
    moved_biases = [biases[0][first], biases[1][second], biases[2]]
    setting = dict(activation=jnp.tanh, outputs=outputs, **VARIANCES)
    np.testing.assert_allclose(
        empirical_ntk(weights, examples(6), biases=biases, **setting),
        empirical_ntk(moved, examples(6), biases=moved_biases, **setting),
        rtol=1e-12,
        atol=1e-12,
    )


def test_kernel_of_a_linear_model_does_not_know_its_weights(double):
    x = examples(6)
    kernels = [empirical_ntk(draw_network(1, seed)[0], x, activation=jnp.tanh) for seed in range(2)]
    np.testing.assert_array_equal(*kernels)
    np.testing.assert_allclose(kernels[0], x @ x.T / INPUTS, rtol=1e-14, atol=1e-14)


def test_vector_products_in_both_modes_agree(double):
    weights, biases = draw_network(3)
    x = jnp.asarray(examples(6))
    value, pull = jax.vjp(lambda p: network(p, x), (weights, biases))
    v = np.random.default_rng(5).normal(size=value.shape)
    push = jax.jvp(lambda p: network(p, x), ((weights, biases),), pull(jnp.asarray(v)))[1]
    setting = dict(activation=jnp.tanh, biases=biases, outputs="all", **VARIANCES)
    kernel = empirical_ntk(weights, examples(6), **setting)
    np.testing.assert_allclose(np.einsum("abcd,bd->ac", kernel, v), push, rtol=1e-12, atol=1e-12)


def test_compiled_mapped_and_differentiated(double):
    networks = [draw_network(3, seed) for seed in range(4)]
    weights = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    x = jnp.asarray(examples(6))

    def kernel(parameters, x, weight_variance, memory=2**30):
        return empirical_ntk(
            parameters[0], x, activation=jnp.tanh, biases=parameters[1],
            weight_variance=weight_variance, bias_variance=0.3, memory=memory,
        )  # fmt: skip

    each = np.stack([kernel(parameters, examples(6), 1.7) for parameters in networks])
    for memory in (2**30, 2000):
        mapped = jax.jit(jax.vmap(lambda p, m=memory: kernel(p, x, 1.7, m)))(weights)
        np.testing.assert_allclose(mapped, each, rtol=1e-12, atol=1e-12)
    mapped = jax.vmap(lambda p: empirical_ntk_of(network, p, x))(weights)
    np.testing.assert_allclose(mapped, each, rtol=1e-12, atol=1e-12)
    traced = jax.jit(kernel)
    parameters = jax.tree.map(jnp.asarray, networks[0])
    np.testing.assert_allclose(traced(parameters, x, 1.7), each[0], rtol=1e-12, atol=1e-12)
    assert np.all(np.isnan(traced(parameters, x, -1.0)))
    total = lambda variance: kernel(parameters, x, variance).sum()
    slope = (total(1.7 + 1e-6) - total(1.7 - 1e-6)) / 2e-6
    assert jax.grad(total)(1.7) == pytest.approx(float(slope), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_has_the_library_and_precision_of_the_input(dtype):
    weights, x = [w.astype(dtype) for w in draw_network(3)[0]], examples(6).astype(dtype)
    apply = lambda weights, x: x @ weights[0] @ weights[1]
    for kernel in (
        empirical_ntk(weights, x, activation=jnp.tanh),
        empirical_ntk_of(apply, weights, x),
    ):
        assert type(kernel) is np.ndarray
        assert kernel.dtype == dtype
    with jax.enable_x64(dtype == np.float64):
        weights, x = [jnp.asarray(w) for w in weights], jnp.asarray(x)
        kernel = empirical_ntk(weights, x, activation=jnp.tanh)
        assert isinstance(kernel, jax.Array)
        assert kernel.dtype == dtype
        assert empirical_ntk_of(apply, weights, x).dtype == dtype


def test_single_precision_is_single_rounding():
    weights, _ = draw_network(3, widths=(300, 300), outputs=1)
    x = examples(50)
    single = empirical_ntk(
        [w.astype(np.float32) for w in weights], x.astype(np.float32), activation=jax.nn.relu
    )
    exact = empirical_ntk(weights, x, activation=jax.nn.relu)
    assert np.abs(single - exact).max() < 1e-6 * exact.max()


def test_reading_the_instrument_does_not_load_jax():
    code = "import sys, theorylab.ntk.empirical_ntk; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


W, B = draw_network(3)
X = examples(6)


def normalised(z):
    return z / jnp.sqrt(jnp.mean(z**2, axis=-1, keepdims=True))


@pytest.mark.parametrize(
    "activation",
    [
        jax.nn.softmax,
        lambda z: jax.nn.softmax(z, axis=0),
        jax.nn.standardize,
        normalised,
        lambda z: jnp.roll(z, 1, axis=-1),
        jnp.sort,
    ],
)
@pytest.mark.parametrize("width", [2, 2000])
def test_an_activation_that_mixes_entries_is_refused(activation, width):
    weights, _ = draw_network(3, widths=(3, width))
    with pytest.raises(ValueError, match="`activation` must act on every entry by itself"):
        empirical_ntk(weights, X, activation=activation)
    with pytest.raises(ValueError, match="`activation` must act on every entry by itself"):
        jax.jit(lambda weights: empirical_ntk(weights, jnp.asarray(X), activation=activation))(
            jax.tree.map(jnp.asarray, weights)
        )


class Unhashable:
    __hash__ = None

    def __call__(self, z):
        return z


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("relu", "`activation` must be a function of JAX arrays; got 'relu'"),
        (lambda z: np.maximum(z, 0), "`activation` must be a function that JAX can trace"),
        (lambda z: z if z > 0 else 0 * z, "`activation` must be a function that JAX can trace"),
        (lambda z: z[z > 0], "`activation` must be a function that JAX can trace"),
        (Unhashable(), "`activation` must be hashable"),
    ],
)
def test_an_activation_that_jax_cannot_use_is_refused(unchecked, activation, message):
    with pytest.raises(TypeError, match=message):
        empirical_ntk(W, X, activation=activation)


@pytest.mark.parametrize(
    "activation",
    [
        jnp.log,  # NaN at half of all numbers
        jnp.floor,  # without a slope
        jnp.exp,
        lambda z: jnp.arange(6.0) * jnp.sin(z),  # one function for each neuron
        lambda z: (1e3 + z**2) - 1e3,
    ],
)
def test_an_activation_of_every_entry_is_not_refused(activation):
    weights = [w.astype(np.float32) for w in draw_network(3, widths=(6, 6))[0]]
    empirical_ntk(weights, X.astype(np.float32), activation=activation)


def test_a_parameter_of_the_activation_may_be_traced(double):
    weights = jax.tree.map(jnp.asarray, W)
    total = lambda slope: empirical_ntk(
        weights, jnp.asarray(X), activation=lambda z: slope * jnp.tanh(z)
    ).sum()
    difference = (total(1.3 + 1e-6) - total(1.3 - 1e-6)) / 2e-6
    assert jax.grad(total)(1.3) == pytest.approx(float(difference), rel=1e-7)
    assert jax.jit(total)(1.3) == pytest.approx(float(total(1.3)), rel=1e-12)


def test_memory_that_is_no_number_is_refused(unchecked):
    with pytest.raises(TypeError, match="`memory` must be a number of bytes; got '1 GB'"):
        empirical_ntk(W, X, activation=jnp.tanh, memory="1 GB")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(weights=[]), "`weights` must have a matrix for each layer; got none"),
        (
            dict(weights=[W[0], W[2]]),
            r"`weights\[1\]` must have as many rows as .*\(5, 3\) and \(4, 7\)",
        ),
        (dict(weights=[W[0][0]]), r"`weights\[0\]` must be a matrix .*; got shape \(7,\)"),
        (dict(weights=[np.full_like(W[0], np.nan), *W[1:]]), r"`weights\[0\]` must be finite"),
        (dict(x1=X[0]), r"`x1` must have two axes, .*; got shape \(4,\)"),
        (dict(x1=X[:0]), r"`x1` must not be empty; got shape \(0, 4\)"),
        (dict(x2=X[:, :2]), "`x1` and `x2` must have equally many columns; got 4 and 2"),
        (dict(x1=X[:, :2]), r"`x1` must have as many columns as `weights\[0\]`.*; got 2 and 4"),
        (dict(x1=X + np.inf), "`x1` must be finite"),
        (dict(biases=B[:2]), "`biases` must have a vector for each of 3 layers; got 2"),
        (dict(biases=B[::-1]), r"`biases\[0\]` must have shape \(7,\); got \(3,\)"),
        (dict(biases=None, bias_variance=0.1), "`bias_variance` must be 0 where no `biases`"),
        (dict(weight_variance=-1.0), "`weight_variance` must be > 0; got -1"),
        (dict(bias_variance=-0.5), "`bias_variance` must be >= 0; got -0.5"),
        (dict(weight_variance=[1.0, 2.0]), r"`weight_variance` must be one number.*\(2,\)"),
        (dict(bias_variance=np.ones(3)), r"`bias_variance` must be one number.*\(3,\)"),
        (dict(parametrization="maximal"), "must be 'ntk' or 'standard'; got 'maximal'"),
        (
            dict(parametrization="standard", weight_variance=2.0),
            "`weight_variance` must be 1 in the standard parametrization, whose weights have",
        ),
        (
            dict(parametrization="standard", bias_variance=0.5),
            "`bias_variance` must be 0 in the standard parametrization, whose weights have",
        ),
        (dict(outputs="sum"), "`outputs` must be 'mean' or 'all'; got 'sum'"),
        (dict(layers=(3,)), "`layers` must be from 0 to 2; got 3"),
        (dict(layers=(1, 1)), r"`layers` must be different layers, one or more; got \[1, 1\]"),
        (dict(layers=()), r"`layers` must be different layers, one or more; got \[\]"),
        (dict(memory=0), "`memory` must be > 0 bytes; got 0"),
        (dict(memory=np.inf), "`memory` must be finite and > 0 bytes; got inf"),
        (dict(memory=np.nan), "`memory` must be > 0 bytes; got nan"),
        (dict(activation=jnp.sum), r"`activation` must act on every entry: it turned shape"),
    ],
)
@pytest.mark.parametrize("library", [np.asarray, jnp.asarray])
def test_bad_networks_are_refused(unchecked, library, changes, message):
    setting = dict(weights=W, x1=X, activation=jnp.tanh, biases=B, bias_variance=0.1)
    if changes.get("parametrization") == "standard":
        setting["bias_variance"] = 0.0
    setting |= changes
    for name in ("weights", "biases", "x1", "x2"):
        if setting.get(name) is not None:
            setting[name] = jax.tree.map(library, setting[name])
    with pytest.raises(ValueError, match=message):
        empirical_ntk(**setting)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(parameters={}), ValueError, "`parameters` must have an array or more; got none"),
        (
            dict(parameters={"w": np.arange(4)}),
            TypeError,
            r"`parameters\['w'\]` must be a floating array; got int64",
        ),
        (
            dict(parameters={"w": np.full(4, np.inf)}),
            ValueError,
            r"`parameters\['w'\]` must be finite everywhere; got inf",
        ),
        (dict(x1=X[0]), ValueError, r"`x1` must be an array .*; got shape \(4,\)"),
        (
            dict(x2=X[:, :2]),
            ValueError,
            r"`x2` must have examples of the shape .*\(4,\); got \(2,\)",
        ),
        (dict(outputs="sum"), ValueError, "`outputs` must be 'mean' or 'all'; got 'sum'"),
        (dict(memory=-1), ValueError, "`memory` must be > 0 bytes; got -1"),
        (
            dict(apply=lambda p, x: x @ p["w"]),
            ValueError,
            r"`apply` must return an array \(examples, outputs\); got shape \(6,\) for 6",
        ),
    ],
)
def test_bad_functions_are_refused(unchecked, changes, error, message):
    setting = dict(apply=lambda p, x: x @ p["w"][:, None], parameters={"w": np.ones(4)}, x1=X)
    with pytest.raises(error, match=message):
        empirical_ntk_of(**(setting | changes))
