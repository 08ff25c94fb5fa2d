"""The operator is the dense matrix: in every tiling, precision and number of threads."""

import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.ntk.kernel_operator import KernelOperator


def gaussian(x1, x2=None):
    x2 = x1 if x2 is None else x2
    square = (x1**2).sum(1)[:, None] + (x2**2).sum(1) - 2 * x1 @ x2.T
    return np.exp(-square / (2 * x1.shape[1]), dtype=x1.dtype)


def drawn(seed, n, d=3, columns=4, dtype=float):
    rng = np.random.default_rng(seed)
    x, v = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((n, columns))
    return x, v


@given(
    seeds,
    st.integers(1, 40),
    st.integers(1, 45),
    st.integers(1, 3),
    st.sampled_from([np.float32, np.float64]),
    decades(1e-3, 10),
)
@example(0, 1, 1, 2, np.float32, 0.0)
@settings(max_examples=25)
def test_it_is_the_dense_matrix(seed, n, tile, threads, dtype, ridge):
    x, v = drawn(seed, n, dtype=dtype)
    operator = KernelOperator(gaussian, x, ridge=ridge, tile=tile, threads=threads)
    matrix = gaussian(x).astype(float) + ridge * np.eye(n)
    # The entries of a tile and of the whole may be rounded apart.
    rounding = 20 * np.finfo(dtype).eps
    close = lambda got, expected, size: np.testing.assert_allclose(
        got, expected, rtol=0, atol=rounding * size
    )
    close(operator @ v, matrix @ v, np.abs(v).sum())
    close(operator @ v[:, 0], matrix @ v[:, 0], np.abs(v).sum())
    close(operator.H @ v, matrix @ v, np.abs(v).sum())
    close(operator.T @ v, matrix @ v, np.abs(v).sum())
    close(operator.diagonal(), np.diag(matrix), 1)
    chosen = np.arange(n)[::2]
    close(operator.columns(chosen), gaussian(x)[:, chosen], 1)
    close(operator.predict(x[: n // 2 + 1], v), gaussian(x)[: n // 2 + 1] @ v, np.abs(v).sum())
    assert (operator @ v).dtype == operator.dtype == np.float64
    assert operator.columns(chosen).dtype == dtype


@given(seeds, st.integers(2, 20))
def test_it_is_symmetric_whatever_the_kernel(seed, tile):
    """A kernel that is not symmetric counts with one triangle, and the mean of diagonal tiles."""
    x, _ = drawn(seed, 23)
    skew = lambda x1, x2=None: gaussian(x1, x2) + x1[:, :1]
    operator = KernelOperator(skew, x, tile=tile)
    matrix = operator @ np.eye(23)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-15 * np.abs(matrix).max())


def test_sums_are_taken_in_double_precision():
    """The sum of a tile of float32 numbers, many and of one size, to float64's rounding."""
    n = 5000
    constant = lambda x1, x2=None: np.full(
        (len(x1), len(x1 if x2 is None else x2)), 0.1, np.float32
    )
    operator = KernelOperator(constant, np.zeros((n, 1), np.float32), tile=2500)
    np.testing.assert_allclose(operator @ np.ones(n), n * float(np.float32(0.1)), rtol=1e-14)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_product_is_the_same_each_time(threads):
    x, v = drawn(0, 300, dtype=np.float32)
    operator = KernelOperator(gaussian, x, tile=32, threads=threads)
    first = operator @ v
    for _ in range(5):
        np.testing.assert_array_equal(operator @ v, first)


def test_each_pair_of_tiles_is_computed_once():
    calls, lock = [], threading.Lock()

    def counted(x1, x2=None):
        with lock:
            calls.append(x1.shape + (x1 if x2 is None else x2).shape)
        return gaussian(x1, x2)

    KernelOperator(counted, drawn(0, 40)[0], tile=10) @ np.ones(40)
    assert len(calls) == 4 * 5 / 2


def test_arrays_of_jax_and_whole_numbers_are_inputs_and_values():
    x, v = drawn(0, 20, dtype=np.float32)
    values = lambda x1, x2=None: jnp.asarray(gaussian(x1, x2))
    np.testing.assert_allclose(
        KernelOperator(values, jnp.asarray(x), tile=8) @ v, gaussian(x).astype(float) @ v, atol=1e-5
    )
    np.testing.assert_allclose(
        KernelOperator(gaussian, [[1, 0], [0, 2]]) @ np.eye(2), gaussian(np.diag([1.0, 2.0]))
    )


def jax_gram(x1, x2=None):
    x1 = jnp.asarray(x1)
    return x1 @ (x1 if x2 is None else jnp.asarray(x2)).T


def test_threads_have_the_precision_of_jax_that_their_caller_has(double):
    x, v = drawn(0, 60)
    one, two = (KernelOperator(jax_gram, x, tile=10, threads=threads) @ v for threads in (1, 2))
    np.testing.assert_allclose(two, one, rtol=1e-13, atol=1e-13)
    columns = KernelOperator(jax_gram, x, tile=10, threads=2).columns(np.arange(3))
    assert columns.dtype == np.float64


def test_threads_have_the_settings_of_their_caller():
    x, seen, lock = drawn(0, 60)[0], [], threading.Lock()

    def watched(x1, x2=None):
        with lock:
            seen.append(
                (
                    jax.config.jax_default_matmul_precision,
                    jax.config.jax_default_device,
                    np.geterr()["over"],
                    threading.current_thread() is threading.main_thread(),
                )
            )
        return gaussian(x1, x2)

    device = jax.devices()[0]
    with (
        jax.default_matmul_precision("highest"),
        jax.default_device(device),
        np.errstate(over="raise"),
    ):
        KernelOperator(watched, x, tile=10, threads=2) @ np.ones(60)
    assert set(seen) == {("highest", device, "raise", False)}


def test_an_overflow_that_the_caller_wants_raised_is_raised():
    overflowing = lambda x1, x2=None: np.exp(1e3 + gaussian(x1, x2))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        KernelOperator(overflowing, drawn(0, 60)[0], tile=10, threads=2) @ np.ones(60)


def test_a_product_does_not_load_jax():
    code = (
        "import sys, numpy as np; from theorylab.ntk.kernel_operator import KernelOperator\n"
        "gram = lambda x1, x2=None: x1 @ (x1 if x2 is None else x2).T\n"
        "KernelOperator(gram, np.eye(9), tile=2, threads=2) @ np.ones(9)\n"
        "assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_vector_predicts_a_vector():
    x, v = drawn(0, 20)
    operator = KernelOperator(gaussian, x, tile=8)
    one = operator.predict(x[:7], v[:, 0])
    assert one.shape == (7,)
    np.testing.assert_allclose(one, operator.predict(x[:7], v)[:, 0], rtol=1e-13)
    np.testing.assert_allclose(operator.predict(x[:7], v[:, 0].tolist()), one, rtol=1e-13)


def test_an_error_of_the_kernel_is_raised_and_the_rest_not_computed():
    calls, lock = [], threading.Lock()

    def failing(x1, x2=None):
        with lock:
            calls.append(len(x1))
        raise ArithmeticError("no kernel")

    operator = KernelOperator(failing, np.zeros((100, 1)), tile=1, threads=2)
    with pytest.raises(ArithmeticError, match="no kernel"):
        operator @ np.ones(100)
    assert len(calls) < 5050
    assert threading.active_count() < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(x=np.zeros(3)), r"`x` must have two axes.*got shape \(3,\)"),
        (dict(x=np.zeros((0, 3))), r"`x` must not be empty; got shape \(0, 3\)"),
        (dict(x=np.array([[1.0, np.nan]])), "`x` must be finite everywhere; got nan"),
        (dict(ridge=-1.0), "`ridge` must be >= 0; got -1"),
        (dict(ridge=np.inf), "`ridge` must be finite and >= 0; got inf"),
        (dict(ridge=[0.1, 0.2]), r"`ridge` must be one number; got shape \(2,\)"),
        (dict(tile=0), "`tile` must be >= 1; got 0"),
        (dict(threads=0), "`threads` must be >= 1; got 0"),
    ],
)
def test_arguments_out_of_bounds_are_refused(unchecked, arguments, message):
    with pytest.raises(ValueError, match=message):
        KernelOperator(**dict(kernel=gaussian, x=np.zeros((4, 2))) | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(tile=2.7), "`tile` must be a whole number; got 2.7"),
        (dict(tile=np.nan), "`tile` must be a whole number; got nan"),
        (dict(threads=2.5), "`threads` must be a whole number; got 2.5"),
        (dict(threads=True), "`threads` must be a whole number; got True"),
        (dict(ridge="small"), "`ridge` must be a real number"),
    ],
)
def test_arguments_of_another_kind_are_refused(unchecked, arguments, message):
    with pytest.raises(TypeError, match=message):
        KernelOperator(**dict(kernel=gaussian, x=np.zeros((4, 2))) | arguments)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda x1, x2=None: np.ones(4), r"shape \(4, 4\) here; got float64 of shape \(4,\)"),
        (lambda x1, x2=None: np.ones((4, 4), int), r"floating numbers.*got int64 of shape"),
        (lambda x1, x2=None: x1 @ x1.T * np.nan, "`kernel` must return finite numbers; in row 0"),
        (lambda x1, x2=None: np.diag([1, np.inf, 1, 1.0])[: len(x1)], "numbers; in row 1"),
    ],
)
def test_what_is_no_kernel_is_told(kernel, message):
    with pytest.raises(ValueError, match=message):
        KernelOperator(kernel, np.zeros((4, 2))) @ np.ones((4, 1))


def test_vectors_and_inputs_that_do_not_fit_are_refused():
    operator = KernelOperator(gaussian, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="dimension mismatch"):
        operator @ np.ones(3)
    with pytest.raises(ValueError, match="`vector` must be finite everywhere; got nan"):
        operator @ np.full(4, np.nan)
    with pytest.raises(ValueError, match="`x_new` and `x` must have equally many columns"):
        operator.predict(np.zeros((1, 3)), np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"`coefficients` must be \(4,\) or .*shape \(3, 1\)"):
        operator.predict(np.zeros((1, 2)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="`coefficients` must be finite everywhere; got inf"):
        operator.predict(np.zeros((1, 2)), np.full(4, np.inf))
