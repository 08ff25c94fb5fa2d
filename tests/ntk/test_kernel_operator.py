"""The operator is the dense matrix: in every tiling, precision and number of threads."""

import threading

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
        (dict(tile=0), "`tile` must be >= 1; got 0"),
        (dict(threads=0), "`threads` must be >= 1; got 0"),
    ],
)
def test_arguments_out_of_bounds_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
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
