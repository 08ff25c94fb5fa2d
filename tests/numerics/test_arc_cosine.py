import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import decades
from theorylab.numerics.arc_cosine import arc_cosine_kernels, correlation, regularised

ROOT_3 = 3**0.5


def test_values():
    k0, k1 = arc_cosine_kernels(np, np.asarray([-1.0, 0.0, 0.5, 1.0]))
    np.testing.assert_allclose(k0, [0, 0.5, 2 / 3, 1], rtol=1e-15)
    np.testing.assert_allclose(
        k1, [0, 1 / np.pi, (ROOT_3 / 2 + np.pi / 3) / np.pi, 1], rtol=1e-15, atol=1e-16
    )


@given(st.floats(-1, 1))
def test_kernels_against_40_digits(rho):
    with mpmath.workdps(40):
        angle = mpmath.acos(-mpmath.mpf(rho))
        exact = (
            float(angle / mpmath.pi),
            float((mpmath.sqrt(1 - mpmath.mpf(rho) ** 2) + rho * angle) / mpmath.pi),
        )
    np.testing.assert_allclose(arc_cosine_kernels(np, np.asarray(rho)), exact, atol=4e-16)


@pytest.mark.parametrize("beyond", [1 + 1e-15, -1 - 1e-15, 1.1])
def test_rounding_beyond_one_is_clipped(beyond, double):
    for xp in (np, jnp):
        k0, k1 = arc_cosine_kernels(xp, xp.asarray(beyond))
        assert (float(k0), float(k1)) == ((1.0, 1.0) if beyond > 0 else (0.0, 0.0))


def test_derivatives_at_the_poles(double):
    """`kappa_1' = kappa_0` everywhere, `kappa_1'' = 1/(pi sqrt(1 - rho^2))`, 0 at the poles."""
    ramp = lambda rho: arc_cosine_kernels(jnp, rho)[1]
    at = jnp.asarray([-1.0, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(jax.vmap(jax.grad(ramp))(at), [0, 0.5, 2 / 3, 1], atol=1e-15)
    bends = jax.vmap(jax.grad(jax.grad(ramp)))(at)
    np.testing.assert_allclose(bends, [0, 1 / np.pi, 0.367552596947861, 0], rtol=1e-13)
    third = jax.grad(jax.grad(jax.grad(ramp)))(0.5)
    np.testing.assert_allclose(third, 0.5 / np.pi / 0.75**1.5, rtol=1e-12)
    forward = jax.jit(jax.vmap(jax.jacfwd(ramp)))(at)
    np.testing.assert_allclose(forward, [0, 0.5, 2 / 3, 1], atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_and_precision_of_its_input(xp, dtype, double):
    a, c, b = (
        xp.asarray(x, dtype=getattr(xp, dtype)) for x in ([1.0, 0.0], [0.5, 0.0], [2.0, 3.0])
    )
    scale, rho = correlation(xp, a, c, b)
    for array in (scale, rho, *regularised(xp, a, c, b, 2.0), *arc_cosine_kernels(xp, rho)):
        assert type(array) is type(a)
        assert array.dtype == a.dtype


@given(decades(1e-150, 1e150), decades(1e-150, 1e150), st.floats(-1, 1))
def test_correlation_of_any_variances(a, b, rho):
    c = rho * np.sqrt(a) * np.sqrt(b)
    scale, found = correlation(np, *map(np.float64, (a, c, b)))
    np.testing.assert_allclose(found, rho, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(scale, np.sqrt(a) * np.sqrt(b), rtol=1e-15)


def test_correlation_with_nothing_is_zero(double):
    zero, one = jnp.asarray(0.0), jnp.asarray(1.0)
    for at in ((zero, zero, one), (one, zero, zero), (zero, zero, zero)):
        for which in (0, 1):
            entry = lambda a, c, b, which=which: correlation(jnp, a, c, b)[which]
            assert entry(*at) == 0
            assert np.isfinite(jax.grad(entry, argnums=(0, 1, 2))(*at)).all()


@given(decades(1e-8, 1e140), decades(1e-8, 1e140), st.floats(-1, 1), decades(0.1, 10))
@example(1e17, 1e17, 1.0, 2.0)
def test_regularised_determinant_to_rounding(a, b, rho, k):
    c = float(rho * np.sqrt(a) * np.sqrt(b))
    found = regularised(np, *map(np.float64, (a, c, b)), k)
    with mpmath.workdps(400):
        a, b, c, k = map(mpmath.mpf, (a, b, c, k))
        exact = float(((1 + k * a) * (1 + k * b) - (k * c) ** 2) / ((1 + k * a) * (1 + k * b)))
    assert abs(found.determinant - exact) <= 4e-15
    assert found.determinant > 0


@given(decades(1e-8, 1e140), decades(0.1, 10))
def test_regularised_determinant_of_a_variable_with_itself(a, k):
    found = regularised(np, *[np.float64(a)] * 3, k, apart=0.0)
    np.testing.assert_allclose(
        found.determinant, (1 + 2 * k * a) / (1 + k * a) / (1 + k * a), 1e-14
    )
