import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import decades
from theorylab.numerics.roots import increasing_root


@given(st.floats(-0.999, 0.999), decades(1e-3, 1e6))
def test_root_of_a_steep_sigmoid_is_found(value, steepness):
    """Newton alone leaves from the plateaus; the bracket holds it."""
    residual = lambda x: np.tanh(steepness * x) - value
    slope = lambda x: steepness / np.cosh(np.minimum(np.abs(steepness * x), 300)) ** 2
    low, high = np.asarray(-7e3), np.asarray(7e3)
    with np.errstate(divide="ignore", over="ignore"):
        root = increasing_root(np, residual, slope, low, high)
    np.testing.assert_allclose(root, np.arctanh(value) / steepness, rtol=1e-10, atol=1e-14)


@given(decades(1e-8, 1e8), st.sampled_from([0.2, 1.0, 3.0]))
def test_root_of_a_power_is_found_to_rounding(value, power):
    residual, slope = lambda x: x**power - value, lambda x: power * x ** (power - 1)
    truth = value ** (1 / power)
    root = increasing_root(np, residual, slope, np.asarray(truth / 3), np.asarray(truth * 3))
    np.testing.assert_allclose(root, truth, rtol=1e-14)


def test_roots_at_the_ends_of_the_bracket_and_in_an_empty_one():
    low, high = np.asarray([1.0, 0.0, 1.0]), np.asarray([2.0, 1.0, 1.0])
    root = increasing_root(np, lambda x: x**2 - 1, lambda x: 2 * x, low, high)
    np.testing.assert_array_equal(root, [1, 1, 1])


def test_roots_of_a_batch_are_found_one_by_one():
    value = np.logspace(-6, 6, 200)
    root = increasing_root(np, lambda x: x**3 - value, lambda x: 3 * x**2, 0 * value, 1 + value)
    np.testing.assert_allclose(root, np.cbrt(value), rtol=1e-13)


def cube_root(xp, value):
    return increasing_root(
        xp, lambda x: x**3 - value, lambda x: 3 * x**2, value / (1 + value), 1 + value
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_every_library_finds_the_root_at_its_width(xp, dtype, double):
    value = xp.asarray([0.1, 1.0, 70.0], dtype=getattr(xp, dtype))
    root = cube_root(xp, value)
    assert root.dtype == getattr(xp, dtype)
    np.testing.assert_allclose(
        np.asarray(root), np.cbrt([0.1, 1, 70]), rtol=8 * np.finfo(dtype).eps
    )


def test_the_root_is_differentiated_by_the_implicit_function_theorem(double):
    value = jnp.asarray([0.1, 1.0, 70.0])
    root = lambda value: cube_root(jnp, value)
    slopes = jax.vmap(jax.grad(root))(value)
    np.testing.assert_allclose(slopes, root(value) / (3 * value), rtol=1e-13)
    bends = jax.jit(jax.vmap(jax.grad(jax.grad(root))))(value)
    np.testing.assert_allclose(bends, -2 * root(value) / (9 * value**2), rtol=1e-12)
