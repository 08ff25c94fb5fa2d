"""Kernels of infinitely wide networks: reference values, identities, every way of evaluation."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.ntk import FullyConnected
from theorylab.ntk.activations import leaky_relu, polynomial
from theorylab.ntk.activations.activation import Activation
from theorylab.ntk.fully_connected import _angle_series

THREE = np.array([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.5]])
UPPER = np.triu_indices(3, 1)
NAMES = ("relu", "abs", "identity", "erf", "sin", "cos", "gaussian", "gelu")

depths = st.integers(1, 6)
activations = st.sampled_from(NAMES)
variances = decades(0.2, 3)
biases = st.one_of(st.just(0.0), decades(0.01, 1))


def rows(seed: int, count: int, inputs: int, dtype=np.float64) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, inputs)).astype(dtype)


def sphere(seed: int, count: int, inputs: int, dtype=np.float64) -> np.ndarray:
    x = rows(seed, count, inputs)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)


# Values of an independent implementation of the recursion, and of neural-tangents 0.6.5.
@pytest.mark.parametrize(
    ("network", "nngp", "ntk"),
    [
        (
            FullyConnected(2, "relu"),
            (0.169386891942, 0.002892831360, 0.065397676053),
            (0.275111806646, -0.034003073052, 0.043260133405),
        ),
        (
            FullyConnected(4, "relu", 2.0, 0.01),
            (0.814016930215, 0.588530261580, 0.675496720984),
            (2.036117631054, 0.781663046853, 1.088805592741),
        ),
        (
            FullyConnected(3, "erf", 1.5**2, 0.09),
            (0.739333302850, -0.549771542447, 0.078116727593),
            (2.099326711141, -2.107928704743, -0.019043115025),
        ),
        (
            FullyConnected(2, "gelu", 1.0, 0.25),
            (0.473512812038, 0.251806260036, 0.347545043033),
            (0.682617440211, 0.202663020890, 0.389824455390),
        ),
        (
            FullyConnected(2, "sin"),
            (0.184700894480, -0.296911155118, -0.057073293770),
            (0.374909852060, -0.618162108966, -0.114336705145),
        ),
    ],
)
def test_reference_values(network, nngp, ntk):
    kernels = network.nngp_ntk(THREE)
    np.testing.assert_allclose(kernels.nngp[UPPER], nngp, rtol=0, atol=1e-12)
    np.testing.assert_allclose(kernels.ntk[UPPER], ntk, rtol=0, atol=1e-12)


@given(seeds, depths, activations, variances, biases)
def test_kernels_are_positive_and_ntk_exceeds_nngp(seed, depth, activation, weight, bias):
    kernels = FullyConnected(depth, activation, weight, bias).nngp_ntk(rows(seed, 8, 5))
    for matrix in (kernels.nngp, kernels.ntk, kernels.ntk - kernels.nngp):
        np.testing.assert_array_equal(matrix, matrix.T)
        eigenvalues = np.linalg.eigvalsh(matrix)
        assert eigenvalues[0] >= -1e-12 * np.abs(kernels.ntk).max()


@given(seeds, depths, activations, variances, biases)
def test_common_rotation_of_inputs_changes_nothing(seed, depth, activation, weight, bias):
    network = FullyConnected(depth, activation, weight, bias)
    x, y = rows(seed, 5, 4), rows(seed + 1, 3, 4)
    rotation = np.linalg.qr(rows(seed + 2, 4, 4)).Q
    turned = network.nngp_ntk(x @ rotation, y @ rotation)
    for kernel, again in zip(network.nngp_ntk(x, y), turned, strict=True):
        np.testing.assert_allclose(again, kernel, rtol=1e-9, atol=1e-10 * np.abs(kernel).max())


@given(seeds, depths, activations, variances, biases)
def test_jacot_form_is_the_same_network(seed, depth, activation, weight, bias):
    network, x = FullyConnected(depth, activation, weight, bias), rows(seed, 4, 3)
    scale, form = network.in_jacot_form()
    assert form.weight_variance == 1
    for kernel, of_form in zip(network.nngp_ntk(x), form.nngp_ntk(x), strict=True):
        np.testing.assert_allclose(scale * of_form, kernel, rtol=1e-11, atol=1e-13)


def test_jacot_constructor_scales_the_biases():
    np.testing.assert_array_equal(
        FullyConnected.jacot(3, "erf", beta=0.3).ntk(THREE),
        FullyConnected(3, "erf", 1.0, 0.09).ntk(THREE),
    )


@given(st.integers(1, 30), seeds)
def test_he_scaling_keeps_the_mean_square_and_adds_it_layer_by_layer(depth, seed):
    x = rows(seed, 4, 7)
    diagonal = FullyConnected(depth, "relu", 2.0).diagonal(x)
    square = 2 * np.sum(x**2, axis=1) / 7
    np.testing.assert_allclose(diagonal.nngp, square, rtol=1e-13)
    np.testing.assert_allclose(diagonal.ntk, depth * square, rtol=1e-13)


@given(depths, variances, seeds)
def test_linear_networks(depth, weight, seed):
    x = rows(seed, 4, 3)
    kernels = FullyConnected(depth, "identity", weight).nngp_ntk(x)
    product = weight**depth * x @ x.T / 3
    np.testing.assert_allclose(kernels.nngp, product, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(kernels.ntk, depth * product, rtol=1e-12, atol=1e-14)
    as_polynomial = FullyConnected(depth, polynomial([0, 1]), weight).ntk(x)
    np.testing.assert_allclose(as_polynomial, kernels.ntk, rtol=1e-12, atol=1e-14)


@given(seeds, depths, decades(1e-3, 1e3), decades(1e-3, 1e3))
def test_homogeneous_kernels_scale_with_either_input(seed, depth, a, b):
    network = FullyConnected(depth, leaky_relu(0.2), 1.7)
    x, y = rows(seed, 3, 4), rows(seed + 1, 2, 4)
    np.testing.assert_allclose(network.ntk(a * x, b * y), a * b * network.ntk(x, y), rtol=1e-11)


@given(seeds, st.integers(2, 5), variances, biases, st.integers(1, 1000))
def test_standard_parametrization_is_the_sum_over_its_layers(seed, depth, weight, bias, width):
    """At width 1 hidden layers count as in the other form with `sigma_w^2 = 1`, `sigma_b^2 = 1`."""
    x = rows(seed, 4, 3)
    standard = FullyConnected(depth, "erf", weight, bias, "standard", width)
    np.testing.assert_array_equal(
        standard.nngp(x), FullyConnected(depth, "erf", weight, bias).nngp(x)
    )
    at = lambda n: FullyConnected(depth, "erf", weight, bias, "standard", n).ntk(x)
    np.testing.assert_allclose(  # linear in the width
        standard.ntk(x), at(1) + (width - 1) * (at(2) - at(1)), rtol=1e-9, atol=1e-9
    )
    linear = FullyConnected(depth, "identity", 1.0, 0.0, "standard", 1, biases=False)
    product = x @ x.T
    np.testing.assert_allclose(
        linear.ntk(x), product + (depth - 1) * product / 3, rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("activation", ["relu", "abs", "identity", leaky_relu(0.3)])
@pytest.mark.parametrize("variance", [0.7, 3.0])
def test_standard_parametrization_of_scale_free_networks(activation, variance):
    network = FullyConnected(4, activation, variance, 0.0, "standard", 8, biases=False)
    x, y = rows(0, 7, 5), rows(1, 6, 5)
    for found, expected in zip(
        network.nngp_ntk(x, y), network._recursion(np, x, y, ("nngp", "ntk")), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


# The fast way: kernels as series of the angle, against the recursion in 40 digits.


def in_40_digits(x, y, depth, weight):
    """Kernels of a ReLU network without bias between two rows."""
    with mpmath.workdps(40):
        u, v = ([mpmath.mpf(float(e)) for e in row] for row in (x, y))
        dot = lambda p, q: mpmath.fsum(a * b for a, b in zip(p, q, strict=True))
        square = mpmath.sqrt(dot(u, u) * dot(v, v)) * weight / len(u)
        K = Theta = dot(u, v) * mpmath.mpf(weight) / len(u)
        for _ in range(depth - 1):
            rho = square and min(max(K / square, mpmath.mpf(-1)), mpmath.mpf(1))
            angle = mpmath.acos(-rho)
            step = angle / (2 * mpmath.pi)
            ramp = square * (mpmath.sqrt(1 - rho**2) + rho * angle) / (2 * mpmath.pi)
            K, square = weight * ramp, weight * square / 2
            Theta = weight * step * Theta + K
        return float(K), float(Theta)


@pytest.mark.parametrize("depth", [2, 4, 21])
@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-6), (np.float64, 4e-14)])
def test_fast_kernels_are_right_to_rounding(depth, dtype, error):
    x = rows(0, 140, 50, dtype)
    x[1] = 3 * x[0]  # parallel, opposite, nearly so, and nothing
    x[2], x[3] = -x[0], x[0] + dtype(1e-3) * x[9]
    x[4], x[5] = x[0] + dtype(1e-6) * x[8], 0
    network = FullyConnected(depth, "relu", 2.0)
    kernels = network.nngp_ntk(x)
    pairs = [(i, j) for i in range(12) for j in range(i)] + [(130, 7), (139, 138)]
    for i, j in pairs:
        for kernel, exact in zip(kernels, in_40_digits(x[i], x[j], depth, 2), strict=True):
            scale = max(abs(exact), 0.1 * np.sqrt(kernel[i, i] * kernel[j, j]))
            assert abs(kernel[i, j] - exact) <= error * scale, (i, j, kernel[i, j], exact)
            assert kernel[i, j] == kernel[j, i]
    for kernel, exact in zip(kernels, network.diagonal(x.astype(float)), strict=True):
        np.testing.assert_allclose(np.diag(kernel), exact, rtol=(depth + 2) * np.finfo(dtype).eps)


@pytest.mark.parametrize("activation", [*NAMES, leaky_relu(0.1)])
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_fast_kernels_of_normalised_rows_agree_with_the_recursion(activation, bias):
    network = FullyConnected(4, activation, 1.3, bias)
    x, y = sphere(1, 150, 9), sphere(2, 130, 9)
    for fast, slow in zip(
        network.nngp_ntk(x, y), network._recursion(np, x, y, ("nngp", "ntk")), strict=True
    ):
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12 * np.abs(slow).max())


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_other_rows_go_through_the_recursion_block_by_block(activation, monkeypatch):
    monkeypatch.setattr("theorylab.ntk.fully_connected._BLOCK", 1000)
    network = FullyConnected(3, activation, 1.3, 0.1)
    x, y = rows(1, 150, 4), rows(2, 130, 4)
    for pair in ((x, y), (x, None)):
        kernels = network.nngp_ntk(*pair)
        whole = network._recursion(np, *pair, ("nngp", "ntk"))
        for kernel, once in zip(kernels, whole, strict=True):
            np.testing.assert_allclose(kernel, once, rtol=1e-7, atol=1e-12)


def test_kernel_that_is_no_short_series_goes_through_the_recursion():
    """Weights of variance 25 are chaotic: after 30 layers the kernel forgets every angle."""
    network, x = FullyConnected(30, "erf", 25.0), sphere(1, 150, 9)
    x[1] = x[0]
    np.testing.assert_allclose(
        network.ntk(x), network._recursion(np, x, None, ("ntk",))[0], rtol=1e-9, atol=1e-9
    )


def test_many_tiles_give_what_one_tile_gives(monkeypatch):
    network, x, y = FullyConnected(3, "relu", 2.0), rows(0, 300, 6), rows(1, 200, 6)
    whole = network.ntk(x), network.ntk(x, y)
    monkeypatch.setattr("theorylab.numerics.pairwise._TILE", 64)
    for once, tiled in zip(whole, (network.ntk(x), network.ntk(x, y)), strict=True):
        np.testing.assert_allclose(tiled, once, rtol=1e-13)
    np.testing.assert_array_equal(network.ntk(x), network.ntk(x).T)


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_few_rows_of_single_precision_that_are_equal(bias):
    x = rows(0, 20, 6, np.float32)
    network = FullyConnected(4, "relu", 2.0, bias)
    np.testing.assert_allclose(
        np.diag(network.ntk(x, x.copy())), network.diagonal(x).ntk, rtol=5e-7
    )


def test_the_same_rows_twice_are_one_array():
    network, x = FullyConnected(3, "relu", 2.0), rows(0, 40, 6)
    np.testing.assert_array_equal(network.ntk(x, x), network.ntk(x))


# Libraries, precision, derivatives.


@pytest.mark.parametrize("count", [5, 150])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_and_precision_of_its_input(xp, dtype, count, double):
    x = rows(0, count, 6)
    kernels = FullyConnected(3, "gelu", 1.1, 0.2).nngp_ntk(xp.asarray(x, dtype=getattr(xp, dtype)))
    for kernel, expected in zip(
        kernels, FullyConnected(3, "gelu", 1.1, 0.2).nngp_ntk(x), strict=True
    ):
        assert type(kernel) is type(xp.asarray(x))
        assert kernel.dtype == getattr(xp, dtype)
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(np.asarray(kernel), expected, rtol=tolerance, atol=tolerance)


def test_torch_tensors():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = torch.asarray(THREE)
    kernel = FullyConnected(4, "relu", 2.0, 0.01).ntk(x)
    assert isinstance(kernel, torch.Tensor)
    np.testing.assert_allclose(kernel.numpy(), FullyConnected(4, "relu", 2.0, 0.01).ntk(THREE))


def test_gradient_at_equal_inputs_is_finite_and_right(double):
    """For one hidden ReLU layer `K = |x||y| kappa_1 / 2d`: the gradient in x at y = x is x/2d."""
    network, x = FullyConnected(2, "relu"), jnp.asarray([[0.3, -1.2, 0.5]])
    slope = jax.jit(jax.grad(lambda u: network.nngp(u, x + 0)[0, 0]))(x)
    np.testing.assert_allclose(slope, x / 6, rtol=1e-12)
    mixed = jax.jacfwd(jax.grad(lambda u, v: network.nngp(u, v)[0, 0]), argnums=1)
    mixed = jax.jit(mixed)(x, x + 0)
    np.testing.assert_allclose(mixed[0, :, 0], np.eye(3) / 6, atol=1e-7)
    tangent = lambda u: FullyConnected(3, "relu", 1.2, 0.1).ntk(u, x + 0).sum()
    assert np.isfinite(jax.jit(jax.grad(tangent))(x)).all()
    at_nothing = jax.jit(jax.grad(lambda u: network.ntk(u).sum()))(jnp.zeros((2, 3)))
    assert np.isfinite(at_nothing).all()


def test_gradient_by_the_variances(double):
    at = lambda w, b: FullyConnected(3, "erf", w, b).ntk(THREE)[0, 1]
    slope = jax.jit(jax.grad(at, argnums=(0, 1)))(1.3, 0.2)
    h = 1e-6
    numerical = (
        (at(1.3 + h, 0.2) - at(1.3 - h, 0.2)) / (2 * h),
        (at(1.3, 0.2 + h) - at(1.3, 0.2 - h)) / (2 * h),
    )
    np.testing.assert_allclose(slope, numerical, rtol=1e-7)


def test_under_jit_and_vmap(double):
    network, x = FullyConnected(3, "relu", 2.0), jnp.asarray(rows(0, 130, 4))
    np.testing.assert_allclose(jax.jit(network.ntk)(x), network.ntk(x), rtol=1e-7, atol=1e-12)
    stack = jnp.stack([x, 2 * x])
    np.testing.assert_allclose(jax.vmap(network.ntk)(stack)[1], 4 * network.ntk(x), rtol=1e-7)
    constant = rows(0, 130, 4)  # evaluated while something else is traced
    np.testing.assert_array_equal(
        jax.jit(lambda s: s * network.ntk(constant))(1.0), network.ntk(constant)
    )


def test_numpy_precision_does_not_depend_on_jax_configuration():
    x = rows(0, 150, 6)
    exact = FullyConnected(3, "relu", 2.0).ntk(x)
    assert exact.dtype == np.float64
    with jax.enable_x64(True):
        np.testing.assert_array_equal(FullyConnected(3, "relu", 2.0).ntk(x), exact)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(depth=0), "`depth` counts weight layers and must be >= 1; got 0"),
        (dict(depth=2, weight_variance=0.0), "`weight_variance` must be > 0; got 0"),
        (dict(depth=2, weight_variance=float("nan")), "`weight_variance` must be finite and > 0"),
        (dict(depth=2, bias_variance=-0.1), "`bias_variance` must be >= 0; got -0.1"),
        (dict(depth=2, activation="tanhh"), "`activation` must be one of relu, .*; got 'tanhh'"),
        (dict(depth=2, parametrization="mup"), "`parametrization` must be 'ntk' or 'standard'"),
        (dict(depth=2, width=0), "`width` counts neurons of a hidden layer and must be >= 1"),
        (dict(depth=2, bias_variance=1.0, biases=False), "`bias_variance` must be 0 without"),
        (dict(depth=2, weight_variance=np.ones(2)), "`weight_variance` must be one number"),
    ],
)
def test_bad_network_is_refused(arguments, message, unchecked):
    with pytest.raises(ValueError, match=message):
        FullyConnected(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(depth=2.0), "`depth` counts weight layers and must be an integer; got 2.0"),
        (dict(depth=2, activation=np.tanh), "`activation` must be a name or an activation; wrap"),
    ],
)
def test_bad_type_is_refused(arguments, message, unchecked):
    with pytest.raises(TypeError, match=message):
        FullyConnected(**arguments)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((np.ones(3), None), r"`x1` must have two axes, examples and inputs; got shape \(3,\)"),
        ((np.ones((2, 3)), np.ones((2, 4))), "equally many columns; got 3 and 4"),
        ((np.full((2, 3), np.nan), None), "`x1` must be finite everywhere; got nan"),
        ((np.ones((2, 3)), np.full((2, 3), np.inf)), "`x2` must be finite everywhere; got inf"),
        ((np.ones((0, 3)), None), r"`x1` must not be empty; got shape \(0, 3\)"),
    ],
)
def test_bad_examples_are_refused(pair, message, unchecked):
    with pytest.raises(ValueError, match=message):
        FullyConnected(2, "relu").ntk(*pair)


def test_width_is_asked_for_where_it_matters():
    network = FullyConnected(2, "relu", parametrization="standard")
    network.nngp(THREE)
    with pytest.raises(ValueError, match="`width` is needed"):
        network.ntk(THREE)
    with pytest.raises(ValueError, match="standard parametrization has no form"):
        network.in_jacot_form()


def test_traced_examples_that_are_not_finite_give_nan():
    assert np.isnan(jax.jit(FullyConnected(2, "relu").ntk)(jnp.asarray([[np.nan, 1.0]]))).all()


def test_an_activation_of_ones_own():
    class Square(Activation):
        def _duals(self, xp, a, c, b):
            return a * b + 2 * c * c, 4 * c

    own = FullyConnected(2, Square(), 0.7).ntk(THREE)
    np.testing.assert_allclose(own, FullyConnected(2, polynomial([0, 0, 1]), 0.7).ntk(THREE))


# What a reviewer broke.


@pytest.mark.parametrize("depth", [2, 4, 21, 100])
@pytest.mark.parametrize("angle", [0.01, 0.05, 0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("count", [40, 200])
def test_single_precision_is_good_to_a_millionth_at_every_angle(depth, angle, count):
    x, z = sphere(0, count, 300), rows(1, count, 300)
    z -= np.sum(z * x, axis=1, keepdims=True) * x
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    y = (np.cos(angle) * x + np.sin(angle) * z).astype(np.float32)
    x = x.astype(np.float32)
    network = FullyConnected(depth, "relu", 2.0)
    found, exact = (np.diag(network.ntk(*(u.astype(t) for u in (x, y)))) for t in ("f4", "f8"))
    np.testing.assert_allclose(found, exact, rtol=1e-6)


@pytest.mark.parametrize("tile", [64, 1024])
def test_rows_about_one_mean_are_computed_in_double_precision(tile, monkeypatch):
    """Tile after tile: the next one is under way when the first asks for more digits."""
    monkeypatch.setattr("theorylab.numerics.pairwise._TILE", tile)
    monkeypatch.setattr("theorylab.numerics.pairwise._FEW_ELEMENTS", 1000)
    x = (1 + 0.1 * rows(0, 300, 400)).astype(np.float32)
    network = FullyConnected(21, "relu", 2.0)
    np.testing.assert_allclose(network.ntk(x), network.ntk(x.astype(float)), rtol=1e-6)


@pytest.mark.parametrize(("depth", "variance"), [(1200, 1.0), (60, 1e-6), (300, 2.0)])
def test_deep_networks_neither_fail_nor_lie(depth, variance):
    x = rows(0, 5, 4)
    kernels = FullyConnected(depth, "relu", variance).nngp_ntk(x)
    assert np.isfinite(kernels.ntk).all()
    unit = FullyConnected(depth, "relu", 2.0).nngp_ntk(x)
    for kernel, of_unit in zip(kernels, unit, strict=True):
        np.testing.assert_allclose(kernel, of_unit * (variance / 2) ** depth, rtol=1e-9)


@pytest.mark.parametrize("activation", ["erf", "gelu", "gaussian"])
def test_large_inputs_keep_their_digits(activation):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 784))
    network = FullyConnected(4, activation, 10.0, 0.1)
    for scale in (1.0, 1e3):
        x = scale * pixels
        for single, double in zip(
            network.nngp_ntk(x.astype(np.float32)), network.nngp_ntk(x), strict=True
        ):
            np.testing.assert_allclose(single, double, rtol=2e-6)
        np.testing.assert_allclose(
            network.ntk(x, x.copy())[0, 0], network.diagonal(x).ntk[0], rtol=1e-3
        )


@pytest.mark.parametrize(
    ("activation", "depth", "variance"),
    [("gelu", 5, 25.0), ("erf", 5, 100.0), ("sin", 3, 100.0), ("gaussian", 10, 10.0)],
)
def test_series_that_single_precision_cannot_evaluate_are_not_used(activation, depth, variance):
    x = (5**0.5 * sphere(0, 300, 5)).astype(np.float32)
    network = FullyConnected(depth, activation, variance)
    for found, exact in zip(
        network.nngp_ntk(x), network._recursion(np, x.astype(float), None, ("nngp", "ntk")),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(found, exact, atol=2e-6 * np.abs(exact).max())


def test_traced_variances_out_of_bounds_give_nan():
    x = jnp.ones((3, 4))
    of = lambda w=1.0, b=0.0, biases=True: FullyConnected(2, "relu", w, b, biases=biases)
    assert np.isnan(jax.jit(lambda w: of(w=w).ntk(x))(-1.3)).all()
    assert np.isnan(jax.jit(lambda b: of(b=b).diagonal(x).ntk)(-5.0)).all()
    assert np.isnan(jax.jit(lambda b: of(b=b, biases=False).ntk(x))(5.0)).all()


def test_diagonal_is_that_of_the_kernel_at_any_scale(double):
    for scale, variance in ((1e20, 1e-12), (1e-24, 1e20), (1.0, 1.5)):
        x = (scale * rows(0, 5, 4)).astype(np.float32)
        network = FullyConnected(3, "relu", variance)
        np.testing.assert_array_equal(np.diag(network.ntk(x)), network.diagonal(x).ntk)
        assert np.isfinite(network.ntk(x)).all()
    small, large = 1e-170 * rows(0, 5, 4), 1e170 * rows(1, 5, 4)
    np.testing.assert_allclose(
        FullyConnected(2, "relu").ntk(small, large),
        FullyConnected(2, "relu").ntk(rows(0, 5, 4), rows(1, 5, 4)),
        rtol=1e-9,
        atol=1e-12,
    )
    slope = jax.grad(lambda w: FullyConnected(2, "relu", w).diagonal(THREE).ntk[0])(1.3)
    np.testing.assert_allclose(slope, 2 * 2 * 1.3 * 0.5 * 0.5, rtol=1e-12)


def test_tiles_of_normalised_rows_share_a_series():
    x = sphere(0, 2000, 30, np.float32)
    network = FullyConnected(3, "erf", 1.5, 0.1)
    before = _angle_series.cache_info().misses
    for start in range(0, 2000, 200):
        network.ntk(x[start : start + 200], x[:200])
    assert _angle_series.cache_info().misses - before <= 2


def test_half_precision_is_lifted_to_single():
    x = (3 * rows(0, 3, 20000)).astype(np.float16)
    assert np.isfinite(FullyConnected(2, "relu").ntk(x)).all()


def test_unhashable_activation_and_words_for_flags_are_refused(unchecked):
    class Mine(Activation):
        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="`activation` must be hashable"):
        FullyConnected(2, Mine())
    with pytest.raises(TypeError, match="`biases` must be True or False; got 'no'"):
        FullyConnected(2, "relu", biases="no")
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="`slope` must be finite"):
            leaky_relu(bad)
    with pytest.raises(TypeError, match="`weight_variance` must be a number"):
        jax.grad(lambda w: FullyConnected(2, "erf", w).in_jacot_form().network.ntk(THREE)[0, 0])(
            1.3
        )
