"""neural-tangents on today's JAX: it works, JAX does not notice, and its kernels are right."""

import subprocess
import sys
from functools import partial
from importlib import metadata
from types import ModuleType
from typing import Any

import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest

from theorylab.errors import MissingExtra
from theorylab.interop import neural_tangents as interop
from theorylab.interop.neural_tangents import kernel, load

KEY = jax.random.PRNGKey(0)


@pytest.fixture(scope="module")
def nt():
    try:
        return load()
    except MissingExtra as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def network(nt):
    """`init_fn, apply_fn, kernel_fn` of two layers with biases."""
    dense = nt.stax.Dense
    return nt.stax.serial(dense(8, b_std=0.3), nt.stax.Erf(), dense(3, b_std=0.3))


def compiled(kernel_fn):
    return jax.jit(kernel_fn, static_argnums=2)  # `get`


@pytest.fixture(scope="module")
def ntk(network):
    return kernel(compiled(network[2]))


def examples(count, *shape, seed=1):
    return np.random.default_rng(seed).normal(size=(count, *shape))


def arc_cosine_kernels(x):
    """NNGP and NTK of Dense, ReLU, Dense at unit weight variance, by Cho & Saul (2009)."""
    covariance = x @ x.T / x.shape[1]
    norm = np.sqrt(np.outer(covariance.diagonal(), covariance.diagonal()))
    angle = np.arccos(np.clip(covariance / norm, -1, 1))
    nngp = norm * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
    return nngp, nngp + covariance * (np.pi - angle) / (2 * np.pi)


# No trace


NO_TRACE = """
import importlib, sys
import jax, jax.scipy.special, scipy.linalg, scipy.special
import jax.example_libraries.stax, jax.experimental.ode, jax.extend.core, jax.extend.linear_util
import frozendict
import theorylab.interop.neural_tangents as interop
assert "neural_tangents" not in sys.modules  # the module loads the package when asked

def state():
    watched = ("jax", "jaxlib", "numpy", "scipy", "builtins", "importlib", "warnings")
    spaces = {
        (name, key): id(value)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in watched
        for key, value in vars(module).items()
    }
    settings = tuple(sorted((k, str(v)) for k, v in jax.config.values.items()))
    return spaces, settings, list(sys.meta_path), list(sys.path), list(sys.path_hooks)

def fails(name):
    try:
        importlib.import_module(name)
    except ImportError:
        return True

util_failed, names, before = fails("jax.util"), set(sys.modules), state()

# A load that breaks off half way leaves nothing.
broken, sys.modules["jax.example_libraries.stax"] = sys.modules["jax.example_libraries.stax"], None
try:
    interop.load()
except ImportError as error:
    assert "does not run on JAX" in str(error) and "stax" in str(error), error
else:
    raise AssertionError("the load went through")
sys.modules["jax.example_libraries.stax"] = broken
assert set(sys.modules) == names, set(sys.modules) - names
assert state() == before

nt = interop.load()
added = {name.partition(".")[0] for name in set(sys.modules) - names}
assert added == {"neural_tangents"}, added
assert state() == before
assert fails("jax.util") == util_failed

# Computing with it leaves none either: lazily found names are found in the views.
x = jax.numpy.ones((2, 3))
_, _, kernel_fn = nt.stax.serial(nt.stax.Dense(4), nt.stax.Relu(), nt.stax.Dense(1))
nt.predict.gradient_descent_mse(kernel_fn(x, None, "ntk"), x[:, :1], diag_reg=0.1)(1.0)
nt.predict.max_learning_rate(kernel_fn(x, None, "ntk"))
after = state()[0]
seen = ("jax", "jax.core", "jax.interpreters", "jax.interpreters.ad", "jax.numpy", "scipy",
        "scipy.linalg", "builtins")
assert all(after[at] == value for at, value in before[0].items() if at[0] in seen)

import neural_tangents, neural_tangents.stax, neural_tangents.experimental
assert neural_tangents is nt is interop.load() and neural_tangents.stax is nt.stax
assert not [name for name in vars(neural_tangents.experimental) if name[0] != "_"]
assert not {"tensorflow", "tf2jax", "absl"} & set(sys.modules)
print("no trace")
"""


def run(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_jax_is_as_before(nt):
    assert run(NO_TRACE) == "no trace\n"


def test_many_threads_load_one_package_after_an_import_that_failed(nt):
    script = """
import importlib, sys
from concurrent.futures import ThreadPoolExecutor
def load(i):
    if i % 3 == 2:  # the plain import in between: it fails before the package is published
        try:
            return importlib.import_module("neural_tangents")
        except (ImportError, AttributeError):
            return None
    from theorylab.interop.neural_tangents import load
    return load()
assert load(2) is None, "neural-tangents imports as published: nothing of this is needed"
with ThreadPoolExecutor(6) as pool:
    loaded = [module for module in pool.map(load, range(12)) if module is not None]
assert len(loaded) >= 8 and set(loaded) == {load(0)} == {load(2)}
assert all(hasattr(module, "Kernel") for module in loaded)
print("one")
"""
    assert run(script) == "one\n"


def test_the_package_is_not_loaded_before_it_is_asked_for():
    script = (
        "import sys, theorylab\nassert 'theorylab.interop' not in sys.modules\n"
        "import theorylab.interop.neural_tangents\n"
        "print([name for name in ('jax', 'neural_tangents') if name in sys.modules])"
    )
    assert run(script) == "[]\n"


# What is refused


def test_a_package_of_the_users_own_is_taken_as_it_is(monkeypatch):
    own = ModuleType("neural_tangents")
    monkeypatch.setitem(sys.modules, "neural_tangents", own)
    assert load() is own


@pytest.fixture
def unloaded(monkeypatch):
    monkeypatch.setattr(interop, "_loaded", {})
    monkeypatch.delitem(sys.modules, "neural_tangents", raising=False)
    return monkeypatch


def test_says_how_to_install(unloaded):
    unloaded.setitem(sys.modules, "neural_tangents", None)  # as if it were not there
    with pytest.raises(MissingExtra, match=r"pip install --no-deps neural-tangents==0\.6\.5"):
        load()


def test_another_version_is_refused(nt, unloaded):
    unloaded.setattr(metadata, "version", lambda name: "0.7.0")
    with pytest.raises(MissingExtra, match=r"neural-tangents 0\.7\.0 .* 0\.6\.5 alone is"):
        load()


def test_without_frozendict_it_is_refused(nt, unloaded):
    unloaded.setitem(sys.modules, "frozendict", None)
    with pytest.raises(MissingExtra, match="frozendict, which is not installed"):
        load()


def test_a_name_that_jax_lacks_is_named(nt, unloaded):
    unloaded.delattr(jax.extend.core, "JaxprEqn")
    with pytest.raises(ImportError, match=rf"does not run on JAX {jax.__version__}.*JaxprEqn"):
        load()


# Kernels


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_relu_kernels_at_the_precision_of_numpy_input(nt, dtype):
    layers = nt.stax.Dense(1), nt.stax.Relu(), nt.stax.Dense(1)
    kernel_fn = nt.stax.serial(*layers)[2]
    x = examples(5, 4).astype(dtype)
    for get, exact in zip(("nngp", "ntk"), arc_cosine_kernels(examples(5, 4)), strict=True):
        values = kernel(compiled(kernel_fn), get)(x)
        assert type(values) is np.ndarray
        assert values.dtype == dtype
        # arccos loses half of the digits where the correlation nears 1
        np.testing.assert_allclose(values, exact, rtol=np.sqrt(np.finfo(dtype).eps))
        np.testing.assert_allclose(
            *(v[~np.eye(5, dtype=bool)] for v in (values, exact)), rtol=100 * np.finfo(dtype).eps
        )
    assert jnp.asarray(1.0).dtype == jnp.float32  # JAX is at 32 bit as before


def test_tiles_make_up_the_matrix(ntk):
    x = examples(4, 4)
    tiles = [[ntk(rows, columns) for columns in (x[:2], x[2:])] for rows in (x[:2], x[2:])]
    np.testing.assert_allclose(np.block(tiles), ntk(x), rtol=1e-12)
    ntk(x)[0, 0] = 1  # an array of the caller's own


def test_jax_input_gives_jax_output(ntk, double):
    x = jnp.asarray(examples(4, 4))
    for values in (ntk(x), jax.jit(ntk)(x)):
        assert isinstance(values, jax.Array)
        assert values.dtype == jnp.float64
        np.testing.assert_allclose(values, ntk(np.asarray(x)), rtol=1e-13)
    assert jax.eval_shape(ntk, x.astype(jnp.float32)).dtype == jnp.float32
    assert jax.eval_shape(jax.grad(lambda x: ntk(x).sum()), x).shape == x.shape


def test_lists_count_as_numpy(ntk):
    assert ntk(examples(4, 4).tolist()).dtype == np.float64


def test_empirical_kernel_once_its_parameters_are_given(nt, network):
    init, apply, _ = network
    _, params = init(KEY, (-1, 4))
    empirical = kernel(partial(nt.empirical_kernel_fn(apply), params=params))
    x = jnp.asarray(examples(3, 4), jnp.float32)

    @jax.jit
    def by_hand(x):
        jacobian = jax.jacobian(apply)(params, x)
        flat = jnp.concatenate([j.reshape(3, 3, -1) for j in jax.tree.leaves(jacobian)], axis=-1)
        return jnp.einsum("acp,bcp->ab", flat, flat) / 3  # neural-tangents averages the outputs

    np.testing.assert_allclose(jax.jit(empirical)(x), by_hand(x), rtol=1e-5)


def test_bad_arguments_of_a_kernel_are_refused(unchecked):
    not_a_function: Any = "ntk"
    with pytest.raises(ValueError, match="`get` must be 'ntk' or 'nngp'; got 'cov1'"):
        kernel(lambda x1, x2, get: x1 @ x2.T, "cov1")
    with pytest.raises(TypeError, match="`kernel_fn` must be a function"):
        kernel(not_a_function)
    with pytest.raises(ValueError, match=r"one shape .* \(2, 4\) and \(3, 5\)"):
        kernel(lambda x1, x2, get: x1 @ x2.T)(examples(2, 4), examples(3, 5))
    spatial = lambda x1, x2, get: jnp.ones((2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"one number for each pair .* got \(2, 2, 3, 3\)"):
        kernel(spatial)(examples(2, 3, 1))


def test_convolution_and_pooling_of_a_linear_network(nt):
    """`f = mean over positions of w . patch / 3 + v`: its NTK is the mean product of patches."""
    stax = nt.stax
    convolution = stax.Conv(1, (3, 3), padding="VALID", b_std=1.0)
    _, _, kernel_fn = stax.serial(convolution, stax.GlobalAvgPool())
    x = examples(3, 5, 4, 1)
    patches = np.lib.stride_tricks.sliding_window_view(x[..., 0], (3, 3), axis=(1, 2))
    mean_patch = patches.reshape(3, -1, 9).mean(1)
    values = kernel(compiled(kernel_fn))(x)
    np.testing.assert_allclose(values, mean_patch @ mean_patch.T / 9 + 1, rtol=1e-12)


def test_monte_carlo_of_a_convolutional_network(nt):
    """With one hidden layer, outputs covary as the NNGP kernel says at any width."""
    stax, num_samples = nt.stax, 2000
    init, apply, kernel_fn = stax.serial(
        stax.Conv(8, (2, 2), padding="CIRCULAR"),
        stax.Relu(),
        stax.AvgPool((2, 2)),
        stax.Flatten(),
        stax.Dense(1),
    )
    x = examples(2, 4, 4, 1).astype(np.float32)
    draw = lambda key: apply(init(key, x.shape)[1], x)[:, 0]
    outputs = np.asarray(jax.jit(jax.vmap(draw))(jax.random.split(KEY, num_samples)), float)
    products = outputs[:, :, None] * outputs[:, None]
    error = products.std(0, ddof=1) / np.sqrt(num_samples)
    nngp = jax.jit(kernel(kernel_fn, "nngp"))(jnp.asarray(x))
    assert np.all(abs(products.mean(0) - nngp) < 5 * error)


def test_monte_carlo_kernels_of_the_package(nt, network):
    init, apply, _ = network
    x = jnp.asarray(examples(2, 4), jnp.float32)
    sampled = nt.monte_carlo_kernel_fn(init, apply, KEY, 1, vmap_axes=0)
    drawn, _ = jax.random.split(jax.random.split(KEY)[1])
    outputs = apply(init(drawn, x.shape)[1], x)
    np.testing.assert_allclose(kernel(sampled, "nngp")(x), outputs @ outputs.T / 3, rtol=1e-5)


def test_attention_sees_the_order_of_tokens_by_their_positions_alone(nt):
    stax, x = nt.stax, examples(3, 5, 2)
    for positions, sees in (("NONE", False), ("SUM", True)):
        attention = stax.GlobalSelfAttention(
            4,
            n_chan_key=4,
            n_chan_val=4,
            n_heads=2,
            pos_emb_type=positions,
            pos_emb_decay_fn=lambda distance: jnp.exp(-distance),
        )
        _, _, kernel_fn = stax.serial(stax.Dense(4), attention, stax.GlobalAvgPool())
        ntk = kernel(compiled(kernel_fn))
        with pytest.warns(UserWarning, match="Linear scaling attention"):
            ordered, permuted = (ntk(x, x2) for x2 in (x, x[:, [3, 1, 4, 0, 2]]))
        assert np.allclose(ordered, permuted, rtol=1e-10) is not sees


# Empirical kernels, expansions, dynamics


@pytest.mark.parametrize("axes", [{}, dict(vmap_axes=0), dict(trace_axes=(), diagonal_axes=(-1,))])
def test_implementations_agree(nt, network, double, axes):
    init, apply, _ = network
    _, params = init(KEY, (-1, 4))
    contracted, *others = of_each_implementation(
        nt, apply, params, examples(3, 4), examples(2, 4, seed=2), **axes
    )
    for other in others:
        np.testing.assert_allclose(other, contracted, rtol=1e-12)


def of_each_implementation(nt, function, params, x1, x2=None, **options):
    modes = nt.NtkImplementation
    explicit = modes.JACOBIAN_CONTRACTION, modes.NTK_VECTOR_PRODUCTS, modes.STRUCTURED_DERIVATIVES
    kernel_fns = [
        nt.empirical_ntk_fn(function, implementation=mode, **options) for mode in explicit
    ]
    every = lambda params, x1, x2: [kernel_fn(x1, x2, params) for kernel_fn in kernel_fns]
    return jax.jit(every)(params, x1, x2)


def test_structured_derivatives_of_convolutions(nt, double):
    stax = nt.stax
    init, apply, _ = stax.serial(
        stax.Conv(2, (2, 2), b_std=0.1), stax.Relu(), stax.AvgPool((2, 2)), stax.Flatten()
    )
    _, params = init(KEY, (-1, 4, 4, 1))
    contracted, _, structured = of_each_implementation(nt, apply, params, examples(2, 4, 4, 1))
    np.testing.assert_allclose(structured, contracted, rtol=1e-12)


@pytest.mark.parametrize("options", [{}, dict(_j_rules=False, _fwd=False)])
def test_structured_derivatives_of_a_function_of_ones_own(nt, double, options):
    def function(params, x):  # a parameter used twice, one not at all, and a compiled part
        hidden = jax.jit(jnp.tanh)(x @ params["in"] * params["in"].sum())
        return jnp.concatenate([hidden @ params["out"], x @ params["in"][:, :1]], axis=-1)

    params = {"in": examples(4, 3), "out": examples(3, 2), "unused": np.ones(2)}
    # slicing has no rule: neural-tangents says so, and takes the slower way
    with pytest.warns(UserWarning, match="No Jacobian rule found"):
        kernels = of_each_implementation(nt, function, params, examples(3, 4), **options)
    for other in kernels[1:]:
        np.testing.assert_allclose(other, kernels[0], rtol=1e-12)


def test_structured_derivatives_through_a_call(nt, double):
    function = jax.checkpoint(lambda params, x: jnp.tanh(x @ params[0]) @ params[1])
    params = examples(4, 3), examples(3, 2)
    with pytest.warns(UserWarning, match="No Jacobian rule found for remat"):
        contracted, _, structured = of_each_implementation(nt, function, params, examples(2, 4))
    np.testing.assert_allclose(structured, contracted, rtol=1e-12)


def test_the_cheapest_implementation_is_found(nt, capsys):
    automatic = nt.empirical_ntk_fn(lambda w, x: x @ w, implementation=nt.NtkImplementation.AUTO)
    x = jnp.asarray(examples(3, 4), jnp.float32)
    np.testing.assert_allclose(automatic(x, None, jnp.ones((4, 2))), x @ x.T, rtol=1e-5)
    assert capsys.readouterr().out.count("flops") == 3  # neural-tangents prints what it compares


def test_expansions_in_the_parameters(nt, network, double):
    init, apply, _ = network
    _, params = init(KEY, (-1, 4))
    x = jnp.asarray(examples(3, 4))

    @jax.jit
    def errors(size):
        moved = jax.tree.map(lambda p: p + size, params)
        orders = nt.linearize(apply, params), nt.taylor_expand(apply, params, 2)
        return jnp.array([abs(f(moved, x) - apply(moved, x)).max() for f in orders])

    observed_order = np.log2(errors(1e-2) / errors(5e-3))
    np.testing.assert_allclose(observed_order, [2, 3], atol=0.1)


def test_batches_give_the_same_kernel(nt, network, ntk):
    x = examples(4, 4)
    batched = kernel(nt.batch(network[2], batch_size=2, device_count=0))(x)
    np.testing.assert_allclose(batched, ntk(x), rtol=1e-12)


def test_learning_dynamics(nt, network, ntk, double):
    """Closed form, its ensemble and the integrated flow of `f' = -Theta (f - y) / (P C)`."""
    kernel_fn, time = network[2], 7.0
    x, y, x_test = examples(4, 4), examples(4, 3, seed=3), examples(2, 4, seed=4)
    theta, theta_test = ntk(x), ntk(x_test, x)
    evals, evecs = np.linalg.eigh(theta)
    decay = evecs @ np.diag(-np.expm1(-evals * time / y.size) / evals) @ evecs.T
    exact, exact_test = theta @ decay @ y, theta_test @ decay @ y

    closed = nt.predict.gradient_descent_mse(theta, y)
    train, test = closed(time, jnp.zeros_like(y), jnp.zeros((2, 3)), theta_test)
    np.testing.assert_allclose(train, exact, rtol=1e-8)
    np.testing.assert_allclose(test, exact_test, rtol=1e-8)

    ensemble = nt.predict.gradient_descent_mse_ensemble(
        compiled(kernel_fn), *map(jnp.asarray, (x, y))
    )
    mean = ensemble(t=time, x_test=jnp.asarray(x_test), get="ntk")
    np.testing.assert_allclose(mean, exact_test, rtol=1e-8)

    loss = lambda f, y: 0.5 * jnp.mean((f - y) ** 2)
    flow = nt.predict.gradient_descent(loss, theta, y)
    train, test = flow(time, jnp.zeros_like(y), jnp.zeros((2, 3)), theta_test)
    np.testing.assert_allclose(train, exact, atol=1e-6)  # the integrator's tolerance is 1.4e-8
    np.testing.assert_allclose(test, exact_test, atol=1e-6)


def test_largest_stable_step(nt, ntk, double):
    theta = ntk(examples(4, 4))
    largest = np.linalg.eigvalsh(theta)[-1]
    step = nt.predict.max_learning_rate(theta, y_train_size=12, eps=0.0)
    np.testing.assert_allclose(step, 2 * 12 / largest, rtol=1e-12)
