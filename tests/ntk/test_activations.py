"""Duals of every activation: the proofs' expressions, quadrature, identities, libraries, errors."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, special

import proofs.ntk.dual_activation as proof
from tests.strategies import decades
from theorylab.ntk.activations.error_function import erf
from theorylab.ntk.activations.exponentials import exponential, gaussian
from theorylab.ntk.activations.gaussian_error_linear import gelu
from theorylab.ntk.activations.numerical import numerical
from theorylab.ntk.activations.polynomials import polynomial
from theorylab.ntk.activations.slopes import absolute, identity, leaky_relu, relu
from theorylab.ntk.activations.waves import cosine, sine

CUBIC = (1.0, -1.0, 0.5, 0.25)
CLOSED = {
    "relu": relu,
    "absolute": absolute,
    "identity": identity,
    "leaky": leaky_relu(0.125),
    "erf": erf,
    "sine": sine(),
    "wave": sine(0.5, 0.25),
    "cosine": cosine(),
    "exponential": exponential(0.25),
    "gaussian": gaussian(0.5),
    "gelu": gelu,
    "cubic": polynomial(CUBIC),
}
FUNCTIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "absolute": np.abs,
    "identity": lambda z: z,
    "leaky": lambda z: np.where(z > 0, z, z / 8),
    "erf": special.erf,
    "sine": np.sin,
    "wave": lambda z: np.sin(z / 2 + 0.25),
    "cosine": np.cos,
    "exponential": lambda z: np.exp(z / 4),
    "gaussian": lambda z: np.exp(-(z**2) / 2),
    "gelu": lambda z: z * special.ndtr(z),
    "cubic": lambda z: np.polynomial.polynomial.polyval(z, CUBIC),
}
half, eighth, quarter = sp.Rational(1, 2), sp.Rational(1, 8), sp.Rational(1, 4)
cubic = proof.polynomial(1, -1, half, quarter)
EXPRESSIONS = {
    "relu": (proof.slopes, proof.slopes_derivative, {proof.alpha: 0, proof.gamma: 1}),
    "absolute": (proof.slopes, proof.slopes_derivative, {proof.alpha: -1, proof.gamma: 1}),
    "identity": (proof.slopes, proof.slopes_derivative, {proof.alpha: 1, proof.gamma: 1}),
    "leaky": (proof.slopes, proof.slopes_derivative, {proof.alpha: eighth, proof.gamma: 1}),
    "erf": (proof.erf, proof.erf_derivative, {}),
    "sine": (proof.wave, proof.wave_derivative, {proof.w: 1, proof.omega: 0}),
    "wave": (proof.wave, proof.wave_derivative, {proof.w: half, proof.omega: quarter}),
    "cosine": (proof.wave, proof.wave_derivative, {proof.w: 1, proof.omega: sp.pi / 2}),
    "exponential": (proof.exponential, proof.exponential_derivative, {proof.mu: quarter}),
    "gaussian": (proof.gaussian, proof.gaussian_derivative, {proof.mu: half}),
    "gelu": (proof.gelu, proof.gelu_derivative, {}),
    "cubic": (cubic, sp.diff(cubic, proof.c), {}),
}
IN_40_DIGITS = {
    name: [sp.lambdify((proof.a, proof.c, proof.b), dual.subs(at), "mpmath") for dual in (one, two)]
    for name, (one, two, at) in EXPRESSIONS.items()
}
KINKED = ("relu", "absolute", "leaky")
EPSILON = np.finfo(float).eps

names = st.sampled_from(sorted(CLOSED))
variances = decades(1e-8, 1e4)
moderate = decades(0.05, 20)
correlations = st.floats(-0.999, 0.999)
# Near -1 and 1 by their logarithm: those whose products with roots of variances are exact enough.
close = st.builds(lambda sign, gap: sign * (1 - gap), st.sampled_from([-1, 1]), decades(1e-14, 1))


def duals(name, a, c, b):
    return [float(x) for x in CLOSED[name]._duals(np, *map(np.float64, (a, c, b)))]


def scales(name, a, b):
    """The root of the product of mean squares, of the function and of its derivative."""
    left, right = (CLOSED[name]._moments(np, np.float64(x)) for x in (a, b))
    return [float(np.sqrt(x) * np.sqrt(y)) for x, y in zip(left, right, strict=True)]


def of(a, b, rho):
    return a, float(rho * np.sqrt(a) * np.sqrt(b)), b


# What is true.


@given(names, variances, variances, st.one_of(correlations, close))
@example("sine", 1e-8, 2e-8, 0.3)  # a difference of exponentials near 1
@example("cosine", 1e-8, 2e-8, 0.3)
@example("exponential", 1e4, 1e4, -1 + 1e-12)
@example("erf", 1e4, 1e4, 1 - 1e-14)
@example("gelu", 1e4, 1e-8, -0.9)
def test_code_agrees_with_its_proof(name, a, b, rho):
    if name == "exponential":
        a, b = min(a, 1e3), min(b, 1e3)
    a, c, b = of(a, b, rho)
    with mpmath.workdps(40):
        exact = [mpmath.re(f(*map(mpmath.mpf, (a, c, b)))) for f in IN_40_DIGITS[name]]
    inside = max((a * b - c * c) / (a * b), 1e-14)
    for order, (value, true, scale) in enumerate(
        zip(duals(name, a, c, b), exact, scales(name, a, b), strict=True)
    ):
        # Rounding of the arguments: of exponents and determinants in large variances, and of the
        # angle, whose derivative is (1 - rho^2)^(-1/2), in the derivative of what has a kink.
        tolerance = 16 * EPSILON * (1 + (a + b if name not in KINKED else 0))
        if name in KINKED and order:
            tolerance += 4 * EPSILON / np.sqrt(inside)
        assert abs(value - float(true)) <= tolerance * scale, (value, float(true), scale)


@given(names, moderate, moderate, st.one_of(correlations, st.sampled_from([-1.0, 0.0, 1.0])))
def test_closed_forms_are_the_averages(name, a, b, rho):
    a, c, b = of(a, b, rho)
    estimate = numerical(FUNCTIONS[name]).duals_with_error(a, c, b)
    for value, average, error, scale in zip(
        duals(name, a, c, b), estimate[:2], estimate[2:], scales(name, a, b), strict=True
    ):
        angle = 1e-8 if name in KINKED and abs(rho) == 1 else 1e-14
        assert abs(value - average) <= error + angle * scale
        assert error <= 1e-11 * scale


@given(names, variances, variances, correlations)
def test_duals_are_symmetric_and_bounded_by_their_moments(name, a, b, rho):
    if name == "exponential":
        a, b = min(a, 1e3), min(b, 1e3)
    a, c, b = of(a, b, rho)
    for one, other, scale in zip(
        duals(name, a, c, b), duals(name, b, c, a), scales(name, a, b), strict=True
    ):
        assert abs(one - other) <= 1e-14 * scale
        assert abs(one) <= (1 + 1e-14) * scale


@given(names, variances)
def test_moments_are_the_duals_at_equal_arguments(name, a):
    a = min(a, 1e3) if name == "exponential" else a
    for moment, dual in zip(
        CLOSED[name]._moments(np, np.float64(a)), duals(name, a, a, a), strict=True
    ):
        np.testing.assert_allclose(moment, dual, rtol=2e-8 if name in KINKED else 1e-11)


@given(
    st.sampled_from(["absolute", "identity", "erf", "sine", "cosine", "gaussian"]),
    moderate,
    moderate,
    correlations,
)
def test_odd_and_even_functions_have_odd_and_even_duals(name, a, b, rho):
    sign = 1 if name in ("absolute", "cosine", "gaussian") else -1
    a, c, b = of(a, b, rho)
    value, derivative = duals(name, a, c, b)
    mirrored, mirrored_derivative = duals(name, a, -c, b)
    np.testing.assert_allclose(mirrored, sign * value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(mirrored_derivative, -sign * derivative, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_duals_at_one_variance_increase_and_are_convex(name):
    """Their coefficients in powers of the correlation are squares."""
    rho = np.linspace(0, 1, 101)
    one = np.ones_like(rho)
    value, derivative = CLOSED[name]._duals(np, one, rho, one)
    for dual in (value, derivative):
        assert (np.diff(dual) >= -1e-14).all()
        assert (np.diff(dual, 2) >= -1e-14).all()


@given(names, moderate, moderate, correlations)
def test_price_by_autodiff(name, a, b, rho):
    a, c, b = of(a, b, rho)
    with jax.enable_x64(True):
        dual = lambda c: CLOSED[name]._duals(jnp, jnp.asarray(a), c, jnp.asarray(b))
        slope = float(jax.grad(lambda c: dual(c)[0])(jnp.asarray(c)))
        derivative = float(dual(jnp.asarray(c))[1])
    assert abs(slope - derivative) <= 1e-12 * scales(name, a, b)[1]


@settings(max_examples=15)
@given(names, moderate, moderate, correlations, decades(0.3, 3))
def test_dilated_functions(name, a, b, rho, scale):
    """`phi(scale * z)` by its own quadrature."""
    a, c, b = of(a, b, rho)
    function = FUNCTIONS[name]
    own = numerical(lambda z: function(scale * z)).duals_with_error(a, c, b)
    dilated = CLOSED[name].dilated(scale)
    values = dilated._duals(np, *map(np.float64, (a, c, b)))
    squares = [dilated._moments(np, np.float64(x)) for x in (a, b)]
    for which in (0, 1):
        size = np.sqrt(squares[0][which] * squares[1][which])
        assert abs(values[which] - own[which]) <= own[2 + which] + 1e-13 * size


@given(names, moderate, decades(1e-14, 1), st.booleans())
def test_gaps_of_the_correlation_have_all_their_digits(name, a, gap, near):
    minus, plus = (gap, 2 - gap) if near else (2 - gap, gap)
    value, derivative, below, above = CLOSED[name]._duals_by_gaps(
        np, *(np.full(3, x) for x in (a, minus, plus))
    )
    with mpmath.workdps(40):
        rho = 1 - mpmath.mpf(gap) if near else mpmath.mpf(gap) - 1
        c = rho * mpmath.mpf(a)
        exact = [mpmath.re(f(mpmath.mpf(a), c, mpmath.mpf(a))) for f in IN_40_DIGITS[name]]
        square = mpmath.mpf(float(CLOSED[name]._moments(np, np.float64(a))[0]))
        gaps = float(1 - exact[0] / square), float(1 + exact[0] / square)
    size = scales(name, a, a)
    np.testing.assert_allclose(value, float(exact[0]), rtol=0, atol=1e-13 * size[0])
    # The angle is known from its gap: no error of its own, in what has a kink.
    np.testing.assert_allclose(derivative, float(exact[1]), rtol=0, atol=1e-13 * size[1])
    digits = dict(rtol=1e-13, atol=1e-15) if name in KINKED else dict(rtol=0, atol=1e-13)
    np.testing.assert_allclose(below, gaps[0], **digits)
    np.testing.assert_allclose(above, gaps[1], **digits)


# At correlation 1 and variance 0.


@pytest.mark.parametrize("name", sorted(CLOSED))
@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_gradients_at_full_correlation(name, rho, double):
    """By `c` that of the value is the derivative's dual; all of them are finite."""
    at = tuple(map(jnp.asarray, (1.7, 1.7 * rho, 1.7)))
    dual = lambda a, c, b: CLOSED[name]._duals(jnp, a, c, b)
    slope = jax.grad(lambda c: dual(at[0], c, at[2])[0])(at[1])
    np.testing.assert_allclose(slope, dual(*at)[1], rtol=1e-12, atol=1e-12)
    for which in (0, 1):
        gradient = jax.grad(lambda *at, which=which: dual(*at)[which], argnums=(0, 1, 2))(*at)
        assert np.isfinite(gradient).all()
    by_variances = jax.grad(lambda *at: dual(*at)[0], argnums=(0, 2))(*at)
    np.testing.assert_allclose(*by_variances, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_values_and_gradients_at_zero_variance(name, double):
    """`phi(0) <phi(v)>`, and finite gradients."""
    zero, b = jnp.asarray(0.0), jnp.asarray(1.3)
    dual = lambda a, c, b: CLOSED[name]._duals(jnp, a, c, b)
    z, w = np.polynomial.hermite_e.hermegauss(100)
    mean = w @ FUNCTIONS[name](np.sqrt(1.3) * z) / w.sum()
    expected = FUNCTIONS[name](np.zeros(1))[0] * mean
    np.testing.assert_allclose(dual(zero, zero, b)[0], expected, rtol=1e-12, atol=1e-15)
    for at in ((zero, zero, b), (b, zero, zero), (zero, zero, zero)):
        for which in (0, 1):
            gradient = jax.grad(lambda *at, which=which: dual(*at)[which], argnums=(0, 1, 2))(*at)
            assert np.isfinite(gradient).all()


# Libraries and precision.


@pytest.mark.parametrize("name", sorted(CLOSED))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_and_precision_of_its_input(xp, dtype, name, double):
    numbers = [0.9, 0.3], [0.6, -0.2], [1.7, 0.4]
    at = [xp.asarray(x, dtype=getattr(xp, dtype)) for x in numbers]
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    exact = CLOSED[name]._duals(np, *map(np.asarray, numbers))
    for found, true in zip(CLOSED[name]._duals(xp, *at), exact, strict=True):
        assert type(found) is type(at[0])
        assert found.dtype == at[0].dtype
        np.testing.assert_allclose(np.asarray(found), true, rtol=tolerance)
    for found in (*CLOSED[name]._moments(xp, at[0]), *CLOSED[name].dilated(1.5)._duals(xp, *at)):
        assert type(found) is type(at[0])
        assert found.dtype == at[0].dtype


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_torch_tensors(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    import array_api_compat.torch as xp

    at = [torch.asarray([x], dtype=torch.float64, requires_grad=True) for x in (0.9, 0.6, 1.7)]
    value, derivative = CLOSED[name]._duals(xp, *at)
    np.testing.assert_allclose(value.detach(), duals(name, 0.9, 0.6, 1.7)[0], rtol=1e-13)
    (slope,) = torch.autograd.grad(value.sum(), at[1])
    np.testing.assert_allclose(slope, derivative.detach(), rtol=1e-12)


# Numbers of an independent evaluation, by 200-point tensor Gauss-Hermite where phi is smooth.


@pytest.mark.parametrize(
    ("activation", "value", "derivative"),
    [
        (erf, 0.222128452524, 0.386007436004),
        (sine(), 0.173508342284, 0.323076961507),
        (exponential(), 6.685894442279, 6.685894442279),
        (gaussian(0.5), 0.457868546496, 0.057593527861),
        (gelu, 0.284386222018, 0.341042848547),
        (relu, 0.370514293459, 0.330603168402),
        (leaky_relu(0.1), 0.360116577702, 0.367788566405),
    ],
)
def test_reference_values(activation, value, derivative):
    found = activation._duals(np, *map(np.float64, (0.9, 0.6, 1.7)))
    np.testing.assert_allclose(found, (value, derivative), rtol=0, atol=6e-13)


# Functions of one's own.


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def test_reference_values_of_functions_without_closed_forms():
    value, derivative, *_ = numerical(np.tanh).duals_with_error(1.0, 0.5, 1.0)
    np.testing.assert_allclose(value, 0.186324413203448, rtol=0, atol=6e-16)
    np.testing.assert_allclose(derivative, 0.384747028441, rtol=0, atol=6e-13)
    np.testing.assert_allclose(
        numerical(elu).duals_with_error(0.9, 0.6, 1.7).value, 0.38191019497699, rtol=0, atol=6e-15
    )
    heaviside = numerical(lambda z: (z > 0) * 1.0)
    step = heaviside.duals_with_error(0.9, 0.6, 1.7)
    np.testing.assert_allclose(step.value, 0.330603168402, rtol=0, atol=6e-13)
    np.testing.assert_allclose(heaviside._moments(np, np.ones(2)), [[0.5] * 2, [np.nan] * 2])
    assert np.isnan(step.derivative)  # a delta function
    assert np.isnan(step.derivative_error)


HONESTY = {
    # kinks away from 0, and at places without a short decimal
    "hard tanh": (lambda z: np.clip(z, -1, 1), None),
    "shifted": (lambda z: np.maximum(z - np.sqrt(2), 0), None),
    "elu": (elu, None),
    "hard swish": (lambda z: z * np.clip(z + 3, 0, 6) / 6, None),
    # smooth, steep, oscillating, growing
    "tanh": (np.tanh, lambda z: 1 / np.cosh(np.clip(z, -300, 300)) ** 2),
    "steep": (lambda z: np.tanh(30 * z), None),
    "oscillating": (lambda z: np.cos(9 * z + 1), None),
    "growing": (lambda z: np.exp(0.1 * z**2), None),
    "softplus": (lambda z: np.logaddexp(z, 0), special.expit),
}


def exact_dual(function, a, rho, b, breaks=()):
    """By adaptive quadrature of another kind, of the conditional average, far from rho = +-1."""
    s, t, root = np.sqrt(a), np.sqrt(b), np.sqrt(1 - rho**2)
    density = lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    x, w = np.polynomial.legendre.leggauss(40)

    def inner(first):
        at = [(k / t - rho * first) / root for k in breaks]
        edges = np.unique(np.clip([*np.linspace(-14, 14, 113), *at], -14, 14))
        wide = np.diff(edges)[:, None] / 2
        y = (edges[1:] + edges[:-1])[:, None] / 2 + wide * x
        values = function(t * (rho * first + root * y)) * density(y) * wide * w
        return float(function(np.asarray([s * first]))[0] * density(first) * values.sum())

    points = sorted({*np.clip([k / s for k in breaks], -14, 14), *np.linspace(-12, 12, 13)})
    return integrate.quad(inner, -14, 14, points=points, limit=400, epsabs=1e-13, epsrel=1e-13)[0]


@pytest.mark.parametrize("name", sorted(HONESTY))
def test_errors_are_never_smaller_than_the_truth(name):
    function, derivative = HONESTY[name]
    breaks = {
        "hard tanh": (-1.0, 1.0),
        "shifted": (np.sqrt(2),),
        "hard swish": (-3.0, 3.0),
        "oscillating": (),
    }.get(name, (0.0,))
    activation = numerical(function, derivative)
    for a, rho, b in ((0.7, 0.5, 1.9), (1.0, -0.9, 1.0), (0.05, 0.97, 2.0)):
        estimate = activation.duals_with_error(a, rho * np.sqrt(a * b), b)
        exact = exact_dual(function, a, rho, b, breaks)
        assert abs(estimate.value - exact) <= estimate.error + 3e-14 * max(1, abs(exact))


@pytest.mark.parametrize("steepness", [3.0, 30.0, 100.0, 1e3, 1e5])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.99, 1 - 1e-4, 1 - 1e-6, 1 - 1e-8, 1.0, -0.999])
def test_errors_of_steep_functions_are_never_smaller_than_the_truth(steepness, rho):
    """From a smooth function to one that no quadrature in the plane tells from a step."""
    a, gaps = 1.3, (1 - rho, 1 + rho)
    true = erf.dilated(steepness)._duals_by_gaps(np, *map(np.asarray, (a, *gaps)))[:2]
    found = numerical(lambda z: special.erf(steepness * z))._estimates(a, *gaps, a)
    for value, average, error in zip(true, found[:2], found[2:4], strict=True):
        assert abs(value - average) <= error * (1 + 1e-12)  # it may be all that is left out


@pytest.mark.parametrize("rho", [-1.0, -0.9999, 0.0, 0.7, 0.99, 1.0])
def test_errors_of_an_infinite_slope(rho):
    """`<|u|^p |v|^p> = 2^p Gamma((p+1)/2)^2 / pi 2F1(-p/2, -p/2; 1/2; rho^2)`, with p = 1/2."""
    phi = numerical(lambda z: np.sqrt(np.abs(z)))
    series = special.hyp2f1(-0.25, -0.25, 0.5, rho**2)
    true = np.sqrt(2) * special.gamma(0.75) ** 2 / np.pi * series
    estimate = phi.duals_with_error(1.0, rho, 1.0)
    assert abs(estimate.value - true) <= estimate.error
    assert abs(phi._squares(1.0)[0][0] - np.sqrt(2 / np.pi)) <= phi._squares(1.0)[0][1]
    with pytest.raises(ArithmeticError, match="the derivative's dual"):  # whose square is infinite
        phi._moments(np, np.ones(1))


@pytest.mark.parametrize("rho", [-1.0, -0.999999, -0.3, 0.0, 0.98, 1 - 1e-7, 1.0])
@pytest.mark.parametrize("name", sorted(CLOSED))
def test_errors_at_every_correlation_are_not_smaller_than_the_truth(name, rho):
    a = 1.3
    gaps = 1 - rho, 1 + rho
    true = CLOSED[name]._duals_by_gaps(np, *map(np.asarray, (a, *gaps)))[:2]
    found = numerical(FUNCTIONS[name])._estimates(a, *gaps, a)
    for value, average, error in zip(true, found[:2], found[2:4], strict=True):
        assert abs(value - average) <= error + 4 * EPSILON * abs(value)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "cubic", "wave"])
def test_gaps_of_functions_of_ones_own(name):
    gap = 10.0 ** -np.arange(1, 15, 2.0)
    for minus, plus in ((gap, 2 - gap), (2 - gap, gap)):
        a = np.full_like(gap, 0.8)
        found = numerical(FUNCTIONS[name])._duals_by_gaps(np, a, minus, plus)
        true = CLOSED[name]._duals_by_gaps(np, a, minus, plus)
        for one, other in zip(found, true, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-13)
    if name == "relu":  # whose closed form has every digit of the gap
        np.testing.assert_allclose(found[2:], true[2:], rtol=1e-8)


@pytest.mark.parametrize("name", ["relu", "leaky", "absolute"])
@pytest.mark.parametrize("near", [True, False])
def test_many_pairs_of_one_variance_near_a_pole(name, near):
    """They go through a series in the half-angle, gaps included."""
    gap = np.concatenate([np.logspace(-14, -2, 200), np.linspace(0.01, 0.2, 50)])
    minus, plus = (gap, 2 - gap) if near else (2 - gap, gap)
    a = np.full_like(gap, 1.7)
    activation = numerical(FUNCTIONS[name])
    found = activation._duals_by_gaps(np, a, minus, plus)
    true = CLOSED[name]._duals_by_gaps(np, a, minus, plus)
    errors = activation._estimates(a, minus, plus, a)[2:4]
    for one, other, error in zip(found[:2], true[:2], errors, strict=True):
        assert (np.abs(one - other) <= error).all()
        assert error.max() <= 1e-11
    np.testing.assert_allclose(found[2:], true[2:], rtol=1e-8, atol=1e-15)


def test_many_pairs_of_kinks_apart_are_as_good_as_few():
    """Lines of different kinks meet at `exp(-1 / s^2)`, of which a series in `s` knows nothing."""
    activation = numerical(lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1) * 1.0)
    gap = np.linspace(1e-6, 0.3, 300)
    for a in (1.0, 30.0):
        many = activation._estimates(np.full(300, a), gap, 2 - gap, np.full(300, a))
        few = activation._estimates(*(np.full(10, a), gap[::30], 2 - gap[::30], np.full(10, a)))
        for which in (0, 1):
            off = np.abs(many[which][::30] - few[which])
            assert (off <= many[2 + which][::30] + few[2 + which]).all()


def test_what_is_not_known_to_the_tolerance_is_refused():
    noisy = numerical(lambda z: np.tanh(z) + 1e-7 * np.sin(1e7 * z))
    with pytest.raises(ArithmeticError, match=r"variances 1 and 1, covariance 0.5.*`kinks`"):
        noisy._duals(np, *(np.asarray([x]) for x in (1.0, 0.5, 1.0)))
    steep = numerical(lambda z: np.tanh(1e5 * z), tolerance=1e-3)
    with pytest.raises(ArithmeticError, match=r"known to .* of its scale, not to `tolerance` = 1"):
        steep._duals(np, *(np.asarray([x]) for x in (1.0, 0.99999999, 1.0)))
    with pytest.raises(ArithmeticError, match="grows too fast"):
        numerical(lambda z: np.exp(z**2 / 3))._moments(np, np.ones(1))


def test_broadcasting_and_precision_of_ones_own():
    a, b = np.asarray([[0.3], [1.1], [2.0]]), np.asarray([[0.5, 1.0, 1.1, 4.0]])
    c = 0.4 * np.sqrt(a * b)
    for dtype in (np.float32, np.float64):
        at = [x.astype(dtype) for x in (a, c, b)]
        found = numerical(FUNCTIONS["gelu"])._duals(np, *at)
        for one, other in zip(found, gelu._duals(np, *at), strict=True):
            assert one.shape == (3, 4)
            assert one.dtype == dtype
            np.testing.assert_allclose(one, other, rtol=8 * np.finfo(dtype).eps, atol=1e-12)


def test_zero_variance_of_ones_own():
    estimate = numerical(np.cos).duals_with_error(0.0, 0.0, [0.0, 1.0])
    np.testing.assert_allclose(estimate.value, [1, np.exp(-0.5)], atol=1e-14)
    ramp = numerical(FUNCTIONS["relu"]).duals_with_error(0.0, 0.0, 1.0)
    np.testing.assert_allclose(ramp[:2], (0, 0.25), atol=1e-12)


def test_other_libraries_are_refused():
    with pytest.raises(NotImplementedError, match="NumPy arrays only; got jax"):
        numerical(np.tanh)._duals(jnp, *map(jnp.asarray, (1.0, 0.5, 1.0)))
    with pytest.raises(NotImplementedError, match="NumPy arrays only; got array_api_strict"):
        numerical(np.tanh)._moments(array_api_strict, array_api_strict.asarray(1.0))


def test_jax_functions_serve_in_64_bit(double):
    slope = jax.grad(lambda z: jnp.tanh(z).sum())
    phi, own = numerical(jnp.tanh, slope), numerical(np.tanh)
    at = [np.asarray([x]) for x in (0.9, 0.6, 1.7)]
    for one, other in zip(phi._duals(np, *at), own._duals(np, *at), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11)


def test_bad_arguments_are_refused(unchecked):
    with pytest.raises(TypeError, match="`function` must be callable; got 'relu'"):
        numerical("relu")
    with pytest.raises(TypeError, match="`derivative` must be callable; got 1"):
        numerical(np.tanh, 1)
    with pytest.raises(ValueError, match="`kinks` must be finite"):
        numerical(np.tanh, kinks=[np.nan])
    with pytest.raises(ValueError, match="`tolerance` must be > 0; got 0"):
        numerical(np.tanh, tolerance=0)
    with pytest.raises(ValueError, match="`function` must work element by element; got shape"):
        numerical(np.sum)
    with pytest.raises(TypeError, match="`function` must return float64; got float32"):
        numerical(lambda z: np.tanh(z).astype(np.float32))
    with pytest.raises(ValueError, match="`derivative` must be that of `function`, whose slope at"):
        numerical(np.tanh, np.tanh)
    with pytest.raises(ValueError, match="`k11` must be >= 0; got -1"):
        numerical(np.tanh).duals_with_error(-1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"`k12` must be at most sqrt\(k11 k22\) in size; got 1.1"):
        numerical(np.tanh).duals_with_error(1.0, 1.1, 1.0)


def test_dilation_is_by_a_positive_number(unchecked):
    assert relu.dilated(1) is relu
    assert relu.dilated(2).homogeneous
    for scale in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="`scale` must be > 0"):
            relu.dilated(scale)


@pytest.mark.parametrize("coefficients", [(), (1.0, np.inf)])
def test_bad_coefficients_are_refused(coefficients):
    with pytest.raises(ValueError, match="`coefficients` must be finite numbers, one or more"):
        polynomial(coefficients)


def test_bad_decay_is_refused():
    with pytest.raises(ValueError, match="`decay` must be > 0; got 0"):
        gaussian(0)
