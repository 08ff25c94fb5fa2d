import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import decades, of_either_sign
from theorylab.numerics.special import (
    alternating_incomplete_beta,
    box_cox,
    incomplete_beta,
    softplus,
)

parameters = st.sampled_from([1.0, 1.1, 4 / 3, 1.5, 2.0, 2.2, 3.0])  # 2 - p and 2 + p of the theory
logits = st.floats(-150, 150)  # ln(x / (1-x)): both ends beyond what x itself resolves


def logarithms(z):
    return -np.logaddexp(0, -z), -np.logaddexp(0, z)


@given(logits, parameters)
@example(0.0, 1.5)
@example(1e-12, 3.0)
@example(150.0, 1.0)
def test_incomplete_beta_agrees_with_the_hypergeometric_function(z, c):
    log_x, log_complement = logarithms(z)
    with mpmath.workdps(90):  # 1 - x may be as small as e^-150
        x = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
        truth = mpmath.betainc(c, 0, 0, x)
    value = incomplete_beta(np, log_x, log_complement, c)
    # To the rounding of the logarithms, which is that of the value where it is a power of x.
    condition = 1 + abs(c * log_x)
    np.testing.assert_allclose(value, float(truth), rtol=4e-15 * condition)


@given(decades(1e-12, 1), parameters)
@example(1.0, 2.5)
def test_alternating_incomplete_beta_agrees_with_the_hypergeometric_function(x, c):
    with mpmath.workdps(40):
        truth = mpmath.mpf(x) ** c / c * mpmath.hyp2f1(1, c, 1 + c, -mpmath.mpf(x))
    value = alternating_incomplete_beta(np, np.asarray(x), c)
    np.testing.assert_allclose(value, float(truth), rtol=1e-14)


def test_incomplete_beta_is_continuous_where_the_series_meet():
    z = np.asarray([-1e-15, 1e-15])
    for c in (1.0, 4 / 3, 3.0):
        np.testing.assert_allclose(*incomplete_beta(np, *logarithms(z), c), rtol=1e-14)


def test_elementary_cases():
    x = np.asarray([1e-9, 0.2, 0.5, 0.7, 0.999])
    log_x, log_complement = np.log(x), np.log1p(-x)
    np.testing.assert_allclose(
        incomplete_beta(np, log_x, log_complement, 1.0), -log_complement, rtol=1e-14
    )
    np.testing.assert_allclose(
        incomplete_beta(np, log_x, log_complement, 2.0)[1:], (-x - log_complement)[1:], rtol=1e-13
    )
    np.testing.assert_allclose(alternating_incomplete_beta(np, x, 1.0), np.log1p(x), rtol=1e-14)


@given(st.floats(-30, 30), st.just(0.0) | of_either_sign(decades(1e-12, 2)))
def test_box_cox_is_the_integral_of_a_power(log_x, power):
    with mpmath.workdps(60):
        log_x_, power_ = mpmath.mpf(log_x), mpmath.mpf(power)
        truth = mpmath.expm1(power_ * log_x_) / power_ if power else log_x_
    value = box_cox(np, np.asarray(log_x), power)
    np.testing.assert_allclose(value, float(truth), rtol=2e-14, atol=1e-290)


@given(st.floats(-800, 800))
def test_softplus_is_the_logarithm_of_one_plus_the_exponential(z):
    with mpmath.workdps(30):
        truth = mpmath.log1p(mpmath.exp(mpmath.mpf(z)))
    np.testing.assert_allclose(softplus(np, np.asarray(z)), float(truth), rtol=1e-15, atol=1e-307)


@pytest.mark.parametrize("xp", [array_api_strict, jnp])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_agrees_at_every_width(xp, dtype, double):
    z = np.linspace(-30, 30, 25).astype(dtype)
    here = lambda array: xp.asarray(array, dtype=getattr(xp, dtype))
    tolerance = {"rtol": 60 * np.finfo(dtype).eps, "atol": np.finfo(dtype).tiny}
    for c in (4 / 3, 3.0):
        value = incomplete_beta(xp, *map(here, logarithms(z)), c)
        assert value.dtype == getattr(xp, dtype)
        expected = incomplete_beta(np, *logarithms(z.astype(float)), c)
        np.testing.assert_allclose(np.asarray(value), expected, **tolerance)
        x = np.exp(logarithms(z)[0])
        value = alternating_incomplete_beta(xp, here(x), c)
        assert value.dtype == getattr(xp, dtype)
        expected = alternating_incomplete_beta(np, x.astype(float), c)
        np.testing.assert_allclose(np.asarray(value), expected, **tolerance)


@pytest.mark.parametrize("c", [4 / 3, 3.0])
def test_derivatives_are_the_integrands(c, double):
    z = jnp.linspace(-5.0, 5.0, 9)  # 0 among them, where the series meet
    x = jax.nn.sigmoid(z)
    beta = lambda z: incomplete_beta(jnp, -jax.nn.softplus(-z), -jax.nn.softplus(z), c)
    np.testing.assert_allclose(jax.vmap(jax.grad(beta))(z), x**c, rtol=1e-13)
    alternating = lambda x: alternating_incomplete_beta(jnp, x, c)
    slopes = jax.vmap(jax.grad(alternating))(x)
    np.testing.assert_allclose(slopes, x ** (c - 1) / (1 + x), rtol=1e-13)
