"""Carlson's integral against SciPy and mpmath, in both cases of the pair."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special

from tests.strategies import decades
from theorylab.numerics.carlson import carlson_rf
from theorylab.numerics.repetition import repeated

wide = decades(1e-12, 1e12)


def rf(x, total, product):
    return float(carlson_rf(np, *(np.float64(v) for v in (x, total, product))))


@given(wide | st.just(0.0), wide, wide)
def test_real_arguments(x, u, v):
    np.testing.assert_allclose(rf(x, u + v, u * v), special.elliprf(x, x + u, x + v), rtol=3e-15)


@given(wide | st.just(0.0), wide, st.floats(0, 1.57))
def test_a_conjugate_pair(x, size, angle):
    u = size * np.exp(1j * angle)
    exact = special.elliprf(x + 0j, x + u, x + u.conjugate()).real
    np.testing.assert_allclose(rf(x, 2 * u.real, size**2), exact, rtol=3e-15)


@given(decades(1e-300, 1e-10), decades(1e-300, 1e-10))
@example(1e-300, 1e-300)
def test_near_its_divergence(x, product):
    with mpmath.workdps(400):
        v = (1 + mpmath.sqrt(1 - 4 * mpmath.mpf(product))) / 2
        exact = float(mpmath.elliprf(x, x + product / v, x + v))
    np.testing.assert_allclose(rf(x, 1.0, product), exact, rtol=3e-15)
    assert rf(0.0, 1.0, 0.0) == np.inf


@given(wide, wide, wide)
def test_homogeneous_and_decreasing(x, total, product):
    np.testing.assert_allclose(
        rf(4 * x, 4 * total, 16 * product), rf(x, total, product) / 2, rtol=2e-15
    )
    assert rf(2 * x, total, product) < rf(x, total, product)


def test_derivatives(double):
    x, total, product = 0.3, 1.7, 0.9
    slope = jax.grad(lambda *v: carlson_rf(jnp, *(jnp.asarray(w) for w in v)), (0, 1, 2))
    step = 1e-5
    points = (x, total, product)
    central = [
        (rf(*(np.array(points) + e)) - rf(*(np.array(points) - e))) / (2 * step)
        for e in step * np.eye(3)
    ]
    np.testing.assert_allclose(slope(*points), central, rtol=1e-8)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_its_library(xp):
    one = xp.asarray([1.0, 2.0])
    value = carlson_rf(xp, one, one, one)
    assert type(value) is type(one)
    np.testing.assert_allclose(np.asarray(value), carlson_rf(np, *[np.array([1.0, 2.0])] * 3), 1e-6)
    (counted,) = repeated(xp, lambda state: (state[0] + 1,), (one,), 5)
    assert float(counted[0]) == 6
