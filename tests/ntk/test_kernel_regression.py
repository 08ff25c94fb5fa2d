"""Regression by conjugate gradients: the dense solution, and a residual that is the true one."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import decades, seeds
from theorylab.ntk import FullyConnected
from theorylab.ntk.kernel_regression import kernel_regression


def gaussian(x1, x2=None):
    x2 = x1 if x2 is None else x2
    square = (x1**2).sum(1)[:, None] + (x2**2).sum(1) - 2 * x1 @ x2.T
    return np.exp(-square / (2 * x1.shape[1]), dtype=x1.dtype)


def arc_cosine(x1, x2=None):
    """The tangent kernel of one hidden layer of ReLUs: positive definite, of slow decay."""
    x2 = x1 if x2 is None else x2
    size = np.linalg.norm(x1, axis=1)[:, None] * np.linalg.norm(x2, axis=1)
    rho = np.clip(x1 @ x2.T / size, -1, 1)
    angle = np.arccos(-rho)
    return size * (np.sqrt(1 - rho**2) + 2 * rho * angle) / (2 * np.pi)


def linear(x1, x2=None):
    return x1 @ (x1 if x2 is None else x2).T


def drawn(seed, n=60, d=4, outputs=3, dtype=float):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(dtype)
    return x, np.sin(x.astype(float) @ rng.standard_normal((d, outputs))) + 0.1


def true_residual(kernel, x, y, ridge, coefficients):
    A = kernel(x).astype(float) + ridge * np.eye(len(x))
    return np.linalg.norm(y - A @ coefficients, axis=0) / np.linalg.norm(y, axis=0)


def never(x1, x2=None):
    raise AssertionError("the kernel was called before the arguments were looked at")


few = settings(max_examples=20)


@few
@given(seeds, st.sampled_from([gaussian, arc_cosine]), decades(1e-3, 10), st.integers(0, 60))
def test_it_is_the_dense_solution(seed, kernel, ridge, rank):
    x, y = drawn(seed)
    A = kernel(x) + ridge * np.eye(60)
    solution = kernel_regression(
        kernel, x, y, ridge=ridge, tolerance=1e-10, rank=rank, tile=17, seed=seed
    )
    assert solution.converged
    assert solution.residual.max() <= 1e-10
    expected = np.linalg.solve(A, y)
    # |error| <= |residual| / least eigenvalue
    error = np.linalg.norm(solution.coefficients - expected, axis=0)
    bound = 1e-10 * np.linalg.norm(y, axis=0) / np.linalg.eigvalsh(A)[0]
    assert np.all(error <= 1.01 * bound)
    new = drawn(seed + 1, 13)[0]
    np.testing.assert_allclose(
        solution.predict(new), kernel(new, x) @ solution.coefficients, atol=1e-10
    )


@few
@given(seeds, decades(1e-2, 1), decades(1e-6, 1e-2), st.sampled_from([np.float32, np.float64]))
def test_the_residual_stated_is_the_true_one(seed, ridge, tolerance, dtype):
    x, y = drawn(seed, dtype=dtype)
    solution = kernel_regression(gaussian, x, y, ridge=ridge, tolerance=tolerance, rank=5, tile=60)
    truth = true_residual(gaussian, x, y, ridge, solution.coefficients)
    np.testing.assert_allclose(solution.residual, truth, rtol=1e-7, atol=1e-12)
    assert np.all(truth <= tolerance)
    assert solution.coefficients.dtype == np.float64


def test_tangent_kernels_of_networks_are_kernels():
    """In float32, against the matrix in float64: entries differ by a few roundings."""
    x, y = drawn(0, n=150, dtype=np.float32)
    network = FullyConnected(depth=3, activation="relu", weight_variance=2.0)
    solution = kernel_regression(network.ntk, x, y, ridge=0.1, tolerance=1e-5, rank=20, tile=64)
    alpha = solution.coefficients
    entries = network.ntk(x.astype(float))
    rounding = (
        1e-5 * np.linalg.norm(np.abs(entries) @ np.abs(alpha), axis=0) / np.linalg.norm(y, axis=0)
    )
    truth = np.linalg.norm(y - entries @ alpha - 0.1 * alpha, axis=0) / np.linalg.norm(y, axis=0)
    assert np.all(truth <= 1e-5 + rounding)
    new = drawn(1, n=13)[0].astype(np.float32)
    entries = network.ntk(new.astype(float), x.astype(float))
    off = np.abs(solution.predict(new) - entries @ alpha)
    assert np.all(off <= 1e-5 * np.abs(entries) @ np.abs(alpha))


def test_one_output_keeps_its_shape():
    x, y = drawn(0)
    several = kernel_regression(gaussian, x, y[:, :1], ridge=0.1, tolerance=1e-8)
    one = kernel_regression(gaussian, x, y[:, 0], ridge=0.1, tolerance=1e-8)
    assert one.coefficients.shape == (60,)
    assert one.residual.shape == ()
    assert one.predict(x[:7]).shape == (7,)
    np.testing.assert_array_equal(one.coefficients, several.coefficients[:, 0])


def test_each_output_meets_the_tolerance_whatever_its_scale():
    x, y = drawn(0)
    scale = np.array([1e-8, 1.0, 1e8])
    solution = kernel_regression(gaussian, x, y * scale, ridge=0.1, tolerance=1e-6)
    assert np.all(true_residual(gaussian, x, y * scale, 0.1, solution.coefficients) <= 1e-6)


def test_a_positive_definite_kernel_needs_no_ridge():
    x, y = drawn(0)
    solution = kernel_regression(arc_cosine, x, y, ridge=0.0, tolerance=1e-9)
    assert solution.converged
    np.testing.assert_allclose(solution.predict(x), y, atol=1e-7)


def test_labels_in_the_span_of_a_kernel_of_low_rank_need_no_ridge():
    x, _ = drawn(0)
    y = x @ np.array([1.0, -2.0, 0.5, 3.0])
    solution = kernel_regression(linear, x, y, ridge=0.0, tolerance=1e-8, rank=0)
    np.testing.assert_allclose(solution.predict(np.eye(4)), [1.0, -2.0, 0.5, 3.0], atol=1e-6)


def test_the_preconditioner_saves_products():
    x, y = drawn(0, n=300)
    none, some, many, every = (
        kernel_regression(gaussian, x, y, ridge=1e-3, tolerance=1e-6, rank=rank).products
        for rank in (0, 20, 100, 300)
    )
    assert none > some > many > every
    assert many < none / 4
    assert every == 2  # the first direction is the solution, and one product tells


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_kernel_of_low_rank_is_solved_at_once(dtype):
    x, y = drawn(0, n=200, dtype=dtype)
    assert kernel_regression(linear, x, y, ridge=1.0, rank=50).products <= 3
    assert kernel_regression(linear, x, y, ridge=1.0, rank=0).products > 3


def test_outputs_share_their_products():
    """One product an iteration, and no more of them for ten outputs than for one."""
    x, y = drawn(0, n=200, outputs=10)
    one, ten = (
        kernel_regression(gaussian, x, labels, ridge=0.01, tolerance=1e-6, rank=0).products
        for labels in (y[:, 0], y)
    )
    assert ten < 0.7 * one


@few
@given(seeds)
def test_dependent_outputs_are_no_obstacle(seed):
    """Labels of classes, which sum to 0; an output twice; one that is 0; more than examples."""
    x, _ = drawn(seed, n=20)
    classes = np.eye(4)[np.random.default_rng(seed).integers(4, size=20)] - 0.25
    y = np.hstack([classes, classes[:, :1], np.zeros((20, 1)), np.eye(20)])
    solution = kernel_regression(gaussian, x, y, ridge=0.01, tolerance=1e-9, rank=3)
    assert solution.converged
    np.testing.assert_allclose(
        solution.coefficients, np.linalg.solve(gaussian(x) + 0.01 * np.eye(20), y), atol=1e-5
    )


def test_labels_of_0_are_solved_by_0():
    x, _ = drawn(0)
    solution = kernel_regression(gaussian, x, np.zeros(60), ridge=0.1)
    assert solution.converged
    assert solution.products == 0
    assert solution.residual == 0
    np.testing.assert_array_equal(solution.predict(x), 0)
    warm = kernel_regression(gaussian, x, np.zeros(60), ridge=0.1, start=np.ones(60))
    assert warm.residual == 0
    np.testing.assert_array_equal(warm.coefficients, 0)
    y = np.column_stack([np.zeros(60), np.sin(x[:, 0])])
    warm = kernel_regression(gaussian, x, y, ridge=0.1, start=np.ones((60, 2)))
    assert warm.residual[0] == 0
    assert warm.converged
    np.testing.assert_array_equal(warm.coefficients[:, 0], 0)


def test_inputs_that_occur_twice_share_their_coefficient():
    x, y = drawn(0, n=30)
    twice = kernel_regression(
        gaussian, np.tile(x, (2, 1)), np.tile(y, (2, 1)), ridge=0.2, tolerance=1e-10
    )
    once = kernel_regression(gaussian, x, y, ridge=0.1, tolerance=1e-10)
    np.testing.assert_allclose(twice.coefficients[:30], twice.coefficients[30:], atol=1e-8)
    np.testing.assert_allclose(2 * twice.coefficients[:30], once.coefficients, atol=1e-8)


def test_it_goes_on_from_where_it_stopped():
    x, y = drawn(0, n=200)
    settings = dict(ridge=1e-3, tolerance=1e-8, rank=10)
    whole = kernel_regression(gaussian, x, y, **settings)
    with pytest.warns(RuntimeWarning, match=r"after 70 products.*`max_products` is reached"):
        part = kernel_regression(gaussian, x, y, **settings, max_products=70)
    assert not part.converged
    assert part.products == 70
    assert part.residual.max() > 1e-8
    truth = true_residual(gaussian, x, y, 1e-3, part.coefficients)
    np.testing.assert_allclose(part.residual, truth, rtol=1e-7)
    rest = kernel_regression(gaussian, x, y, **settings, start=part.coefficients)
    assert rest.converged
    assert rest.products < whole.products
    done = kernel_regression(gaussian, x, y, **settings, start=rest.coefficients)
    assert done.products == 1
    np.testing.assert_array_equal(done.coefficients, rest.coefficients)


@pytest.mark.parametrize("at", [1, 4])
def test_an_interrupt_loses_nothing(at):
    x, y = drawn(0, n=200)

    def interrupt(done, total, residual):
        if done == at:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="interrupted"):
        solution = kernel_regression(gaussian, x, y, ridge=1e-3, rank=0, progress=interrupt)
    assert not solution.converged
    assert solution.products == at + 1
    truth = true_residual(gaussian, x, y, 1e-3, solution.coefficients)
    np.testing.assert_allclose(solution.residual, truth, rtol=1e-9)
    assert truth.max() < 1


def test_an_interrupt_of_the_last_product_makes_another_and_a_second_one_is_raised():
    x, y = drawn(0)
    whole = kernel_regression(gaussian, x, y, ridge=0.1)
    calls, at = 0, {whole.products + 1}  # one call for the diagonal, one for each product

    def kernel(x1, x2=None):
        nonlocal calls
        calls += len(x1) == 60 and x2 is None
        if calls in at:
            at.discard(calls)
            raise KeyboardInterrupt
        return gaussian(x1, x2)

    settings = dict(ridge=0.1, tile=60, threads=1)
    solution = kernel_regression(kernel, x, y, **settings)
    assert solution.converged
    np.testing.assert_allclose(solution.coefficients, whole.coefficients, atol=1e-9)
    calls, at = 0, {3, 4}
    with pytest.raises(KeyboardInterrupt):
        kernel_regression(kernel, x, y, **settings)


def test_progress_is_told_after_each_product():
    x, y = drawn(0, n=200)
    told = []
    solution = kernel_regression(
        gaussian, x, y, ridge=0.01, rank=10, progress=lambda *what: told.append(what)
    )
    done, total, residual = zip(*told, strict=True)
    assert done == tuple(range(1, solution.products + 1))
    assert set(total) == {200}
    assert residual[-1] == pytest.approx(solution.residual.max())
    assert residual[-1] < residual[0]


def test_a_matrix_that_is_not_positive_definite_is_told_and_nothing_is_lost():
    x, y = drawn(0)
    with pytest.warns(RuntimeWarning, match="the matrix is not positive definite"):
        solution = kernel_regression(
            lambda *x: gaussian(*x) - 0.9, x, y, ridge=0.01, rank=0, tolerance=1e-8
        )
    assert not solution.converged
    assert np.all(np.isfinite(solution.coefficients))
    assert solution.residual.max() <= 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rank", [0, 10, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_that_contradict_each_other_end_it_and_leave_the_best(dtype, rank, seed):
    """Inputs that occur twice: half of random labels no coefficients give without a ridge."""
    x = np.tile(np.random.default_rng(seed).standard_normal((40, 4)).astype(dtype), (2, 1))
    y = np.random.default_rng(seed + 9).standard_normal(80)
    kernel = FullyConnected(3, "relu", 1.0, 0.1).ntk
    told = []
    progress = lambda done, total, residual: told.append(residual)
    with pytest.warns(RuntimeWarning, match="the matrix is singular, or nearly.*larger `ridge`"):
        solution = kernel_regression(kernel, x, y, ridge=0.0, rank=rank, progress=progress)
    assert not solution.converged
    assert solution.products < 40
    assert solution.residual <= 1
    assert solution.residual == pytest.approx(min([1.0, *told]), rel=1e-3)
    assert kernel_regression(kernel, x, y, ridge=0.1, rank=rank).converged


def test_labels_of_inputs_that_occur_twice_may_agree():
    x, y = drawn(0)
    solution = kernel_regression(arc_cosine, np.tile(x, (2, 1)), np.tile(y, (2, 1)), ridge=0.0)
    assert solution.converged


def test_a_bad_start_is_no_growth():
    x, y = drawn(0)
    solution = kernel_regression(gaussian, x, y, ridge=0.1, start=1e9 * np.ones_like(y))
    assert solution.converged


def test_too_few_products_for_anything_are_told():
    x = np.random.default_rng(0).standard_normal((500, 4))
    y = np.random.default_rng(1).standard_normal(500)
    with pytest.warns(RuntimeWarning, match="`max_products` is reached, and coefficients of 0"):
        solution = kernel_regression(gaussian, x, y, ridge=1e-3, rank=0, max_products=10)
    assert solution.residual > 1


def test_a_tolerance_below_rounding_ends():
    x, y = drawn(0)
    with pytest.warns(RuntimeWarning, match="rounding leaves no smaller one"):
        solution = kernel_regression(gaussian, x, y, ridge=0.1, tolerance=1e-18)
    assert solution.residual.max() < 1e-14


def test_the_seed_settles_the_answer():
    x, y = drawn(0)
    first, again = (
        kernel_regression(gaussian, x, y, ridge=0.1, rank=5, seed=3).coefficients for _ in "ab"
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(ridge=-0.5), "`ridge` must be >= 0; got -0.5"),
        (dict(x=np.zeros(5)), r"`x` must have two axes.*got shape \(5,\)"),
        (dict(x=np.full((5, 2), np.inf)), "`x` must be finite everywhere; got inf"),
        (dict(y=np.zeros(4)), r"`y` must be \(5,\) or \(5, outputs\).*got shape \(4,\)"),
        (dict(y=np.zeros((5, 0))), r"got shape \(5, 0\)"),
        (dict(y=np.array([0, 1, np.nan, 0, 0])), "`y` must be finite everywhere; got nan"),
        (dict(tolerance=0.0), "`tolerance` must be > 0; got 0"),
        (dict(rank=6), "`rank` must be from 0 to the 5 examples; got 6"),
        (dict(rank=-1), "`rank` must be >= 0; got -1"),
        (dict(max_products=1), "`max_products` must be >= 2; got 1"),
        (dict(start=np.zeros((5, 2))), r"`start` must have the shape \(5,\).*got \(5, 2\)"),
        (dict(tile=0), "`tile` must be >= 1; got 0"),
        (dict(tolerance=[1e-3, 1e-4]), r"`tolerance` must be one number; got shape \(2,\)"),
        (dict(tolerance=np.nan), "`tolerance` must be finite and > 0; got nan"),
        (dict(ridge=[0.1, 0.2]), r"`ridge` must be one number; got shape \(2,\)"),
    ],
)
def test_arguments_out_of_bounds_are_refused(unchecked, arguments, message):
    sound = dict(kernel=never, x=np.zeros((5, 2)), y=np.arange(5.0), ridge=0.1)
    with pytest.raises(ValueError, match=message):
        kernel_regression(**sound | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(rank=2.5), "`rank` must be a whole number; got 2.5"),
        (dict(rank=np.nan), "`rank` must be a whole number; got nan"),
        (dict(max_products=np.nan), "`max_products` must be a whole number; got nan"),
        (dict(max_products=20.5), "`max_products` must be a whole number; got 20.5"),
        (dict(tile=2.7), "`tile` must be a whole number; got 2.7"),
        (dict(tolerance="tight"), "`tolerance` must be a real number"),
    ],
)
def test_arguments_of_another_kind_are_refused(unchecked, arguments, message):
    sound = dict(kernel=never, x=np.zeros((5, 2)), y=np.arange(5.0), ridge=0.1)
    with pytest.raises(TypeError, match=message):
        kernel_regression(**sound | arguments)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda x1, x2=None: np.ones(4), "`kernel` must return floating numbers of shape"),
        (lambda *x: gaussian(*x) * np.nan, "`kernel` must return finite numbers"),
        (lambda *x: -gaussian(*x), "`diagonal` must be >= 0"),
    ],
)
def test_what_is_no_kernel_is_told(kernel, message):
    x, y = drawn(0)
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        kernel_regression(kernel, x, y, ridge=0.1)
