"""Escape and turning times: digits, symmetries, limits, the flow they end, weight decay."""

from functools import partial

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.grokking import escape_time as proof
from tests.strategies import decades, fractions, scales
from theorylab.grokking.escape_time import escape_time, turning_time
from theorylab.grokking.mode_flow import mode_flow

strengths = decades(1e-6, 10)
angles = st.floats(-np.pi, np.pi) | decades(1e-12, 1).map(lambda x: np.pi - x)

# By 30-digit quadrature.
REFERENCE = [
    (23, 0.01, 0.01, 0.0, 1433.41805232253),
    (23, 0.012, 0.009, 2.0, 1864.93779725973),
    (23, 0.01, 0.02, -1.0, 1111.90749549764),
    (31, 0.015, 0.01, 3.1, 8535.46419333519),
]


@pytest.mark.parametrize(("p", "alpha", "beta", "D", "T"), REFERENCE)
def test_to_its_digits(p, alpha, beta, D, T):
    np.testing.assert_allclose(escape_time(p, alpha, beta, D), T, rtol=4e-15)


def exact_times(p, alpha, beta, D, digits=150):
    """Eqs. (2) and (3) as they stand, with the roots of the cubic."""
    with mpmath.workdps(digits):
        alpha, beta, D = (mpmath.mpf(x) for x in (alpha, beta, D))
        C, Q = alpha**2 - 2 * beta**2, alpha**2 * beta * mpmath.sin(D)
        roots = mpmath.polyroots([4, 4 * C, C**2, -(Q**2)], maxsteps=1000, extraprec=1000)
        e1 = max(roots, key=lambda e: mpmath.re(e) - digits * abs(mpmath.im(e)) / abs(e))
        roots.remove(e1)
        R = mpmath.elliprf(beta**2 - e1, *(beta**2 - e for e in roots))
        half = mpmath.elliprf(0, *(e1 - e for e in roots))
        T = R if mpmath.cos(D) >= 0 else 2 * half - R
        turn = (half - R) * mpmath.sign(-mpmath.cos(D))
        return float(mpmath.re(T) * p / 2), float(mpmath.re(turn) * p / 2)


def amplification(alpha, beta, D):
    """How relative errors of the strengths, as of their squares in `C`, change `T`."""
    step = 1e-6
    by_alpha, by_beta = (
        np.log(escape_time(23, alpha * up[0], beta * up[1], D) / escape_time(23, alpha, beta, D))
        / step
        for up in ((1 + step, 1), (1, 1 + step))
    )
    return 1 + abs(by_alpha) + abs(by_beta)


@given(strengths, strengths, decades(1e-12, 1) | decades(1e-12, 2.1).map(lambda x: np.pi - x))
@example(1e-6, 1.0, np.pi - 1e-8)  # two roots merge
@example(1.0, 1e-6, np.pi - 1e-8)
@example(2**0.5, 1.0, np.pi - 1e-8)  # three roots all but merge
@example(1.0, 1.0, 1.5707963267948966)
def test_agrees_with_the_roots_of_the_cubic(alpha, beta, D):
    T, turn = exact_times(23, alpha, beta, D)
    rtol = 4e-15 * amplification(alpha, beta, D)
    np.testing.assert_allclose(escape_time(23, alpha, beta, D), T, rtol=rtol)
    if abs(D - np.pi / 2) > 1e-6 and np.pi / 2 < D:
        np.testing.assert_allclose(turning_time(23, alpha, beta, D), turn, rtol=4 * rtol)


@pytest.mark.parametrize("alpha", [1e-7, 7.5e-9, 7.4e-9, 1e-14])  # Eq. (6) holds below 7.45e-9
@pytest.mark.parametrize("D", [-0.3, 2.0, np.pi - 1e-6])
def test_faint_modes(alpha, D):
    T, turn = exact_times(23, alpha, 1.0, abs(D))
    np.testing.assert_allclose(escape_time(23, alpha, 1.0, D), T, rtol=4e-15)
    if abs(D) > 1.6:
        # Its size is that of log(tan(D/2)), and its error that of D.
        np.testing.assert_allclose(turning_time(23, alpha, 1.0, D), turn, rtol=2e-14, atol=1e-13)


def test_strengths_far_apart():
    times = [(1e-170, 1.0), (1e-300, 1e300), (5e-324, 1e8), (1e-300, 1e-300), (1e-200, 1e-100)]
    for alpha, beta in times:
        log = (1.5 * np.log(2) - np.log(alpha) + np.log(beta) - np.log(np.cos(0.15))) / beta
        exact = 3.5 * log if alpha < beta else escape_time(7, 1.0, 1.0, 0.3) / alpha
        np.testing.assert_allclose(escape_time(7, alpha, beta, 0.3), exact, rtol=1e-14)
    assert escape_time(7, jnp.float32(1e-20), 1.0, 0.3) == pytest.approx(164.8595, rel=1e-6)
    for one in (np.float32(1), jnp.float32(1), 1.0):
        for alpha in (1e-3, 1e-12, 1e-37):
            turn = turning_time(7, alpha * one, one, 2 * one)
            assert turn == pytest.approx(1.75 * np.log(np.tan(1.0)), rel=2e-6)
    # Near D = 0 and pi/2, the smallest of what R_F is given; C > 0 with hardly any beta.
    near = 7 / 4 * np.log(5e-31), 7 / 4 * 2 * 1e-5, np.pi * 7 / (4 * 2**0.5) - 3.5e-30
    found = (
        turning_time(7, np.float32(1e-3), np.float32(1), np.float32(1e-30)),
        turning_time(7, 1e-7, 1.0, np.pi / 2 + 2e-5),
        escape_time(7, 1.0, 1e-30, 0.3) / 2,
    )
    np.testing.assert_allclose(found, near, rtol=1e-5)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_multiples_of_pi(kind):
    pi, traced = kind(np.pi), jax.jit(partial(escape_time, 7, 1.0, 1.0))
    for multiple in (pi, 3 * pi, 2 * pi + pi, kind(3 * np.pi)):
        for D in (multiple, -multiple):
            assert escape_time(7, kind(1), kind(1), D) == np.inf
            assert turning_time(7, kind(1), kind(1), D) == np.inf
            with jax.enable_x64(kind is np.float64):
                assert traced(D) == np.inf
    for D in (2 * pi, -2 * pi, 4 * pi, -4 * pi):
        assert escape_time(7, kind(1), kind(1), D) == escape_time(7, kind(1), kind(1), kind(0))
        assert turning_time(7, kind(1), kind(1), D) == -np.inf
    assert escape_time(7, kind(1), kind(1), np.nextafter(pi, kind(0))) < np.inf


@given(strengths, strengths)
def test_special_cases(alpha, beta):
    C = sp.Rational(alpha) ** 2 - 2 * sp.Rational(beta) ** 2
    at = {proof.p: 23, proof.beta: sp.Rational(beta), proof.c: abs(C)}
    exact = lambda name: float(proof.special[name].subs(at).evalf(40))
    kind = "positive" if C > 0 else "negative"
    np.testing.assert_allclose(escape_time(23, alpha, beta, 0.0), exact(kind), rtol=4e-15)
    # C is rounded: near alpha = sqrt(2) beta the time from D = pi is sensitive to it.
    loose = float(1e-15 * (alpha**2 + 2 * beta**2) / abs(C))
    opposed = escape_time(23, alpha, beta, np.pi)
    if C > 0:
        np.testing.assert_allclose(opposed, exact("opposed"), rtol=4e-15 + loose)
    else:
        assert opposed == np.inf
    np.testing.assert_allclose(
        escape_time(23, 2**0.5 * beta, beta, 0.0), 23 / (2 * beta), rtol=1e-15
    )
    equal = 23 * np.log1p(2**0.5) / (2**0.5 * beta)
    np.testing.assert_allclose(escape_time(23, beta, beta, 0.0), equal, rtol=2e-15)


def test_what_never_escapes():
    assert escape_time(23, 0.0, 0.0, 1.0) == np.inf
    assert escape_time(23, 0.0, 0.1, 1.0) == np.inf
    assert escape_time(23, 0.1, 0.1, np.pi) == escape_time(23, 0.1, 0.1, -np.pi) == np.inf
    assert escape_time(23, 0.1, 0.0, np.pi) == escape_time(23, 0.1, 0.0, 0.0) < np.inf
    assert turning_time(23, 0.1, 0.1, np.pi) == np.inf
    assert turning_time(23, 0.1, 0.1, 0.0) == -np.inf
    assert turning_time(23, 0.0, 0.1, 1.0) == np.inf


@given(strengths, strengths, st.floats(0.01, 3.1), scales)
def test_symmetries(alpha, beta, D, scale):
    T = escape_time(23, alpha, beta, D)
    assert escape_time(23, alpha, beta, -D) == T
    assert escape_time(23, alpha, beta, D + 0.03) > T * (1 - 1e-14)
    np.testing.assert_allclose(
        escape_time(23, scale * alpha, scale * beta, D), T / scale, rtol=1e-14
    )
    np.testing.assert_allclose(escape_time(69, alpha, beta, D), 3 * T, rtol=1e-14)
    np.testing.assert_allclose(escape_time(23, alpha, beta, D + 2 * np.pi), T, rtol=1e-12)


@given(decades(0.1, 10), decades(0.1, 10), st.floats(-3.1, 3.1), fractions)
def test_the_rest_of_the_time_along_the_flow(alpha, beta, D, share):
    T, turn = escape_time(23, alpha, beta, D), turning_time(23, alpha, beta, D)
    t = share * T
    a, b = mode_flow(t, 23, alpha, beta, D / 2, 0.0)
    ahead = abs(a), abs(b), np.angle(a**2 * b.conjugate())
    np.testing.assert_allclose(escape_time(23, *ahead), T - t, rtol=1e-12, atol=1e-12 * T)
    if turn > 0:
        a, b = mode_flow(turn, 23, alpha, beta, D / 2, 0.0)
        assert abs((a**2 * b.conjugate()).real) < 1e-10 * abs(a) ** 2 * abs(b)
        np.testing.assert_allclose(turning_time(23, *ahead), turn - t, rtol=1e-9, atol=1e-11 * T)


@given(strengths, strengths, st.floats(-3.1, 3.1), st.floats(0.01, 1.5))
@example(0.01, 0.01, 0.0, 1 + 1e-12)
@example(0.01, 0.01, 0.0, 1 - 1e-12)
def test_weight_decay_stops_a_clock(alpha, beta, D, share):
    T = escape_time(23, alpha, beta, D)
    slowed = escape_time(23, alpha, beta, D, weight_decay=share / T)
    if share > 1:
        assert slowed == np.inf
    else:
        exact = -T * np.log1p(-share) / share
        np.testing.assert_allclose(slowed, exact, rtol=1e-14 / (1 - share))
    small = escape_time(23, alpha, beta, D, weight_decay=1e-9 / T)
    np.testing.assert_allclose(small, T * (1 + 5e-10), rtol=1e-15)


def test_decayed_escapes_to_their_digits():
    T = escape_time(23, 0.012, 0.009, 2.0)
    times = escape_time(23, 0.012, 0.009, 2.0, weight_decay=np.array([0.9, 0.99, 1.01]) / T)
    np.testing.assert_allclose(times, [4771.3, 8675.1, np.inf], atol=0.06)


def test_derivatives(double):
    # By alpha, beta, D and the decay, which starts at 0 and has T^2 / 2.
    at = np.array(
        [
            (1.0, 1.0, 1.0),
            (1.0, 0.5, np.pi / 2),
            (1.0, 0.5, 2.5),
            (1.0, 2.0, 3.1),
            (0.3, 1.0, 0.0),
            (2**0.5, 1.0, 0.0),
            (2.0, 1.0, np.pi),
            (1.0, 0.0, 0.3),
        ]
    )
    T = lambda x: escape_time(23, x[..., 0], x[..., 1], x[..., 2], weight_decay=x[..., 3])
    others = [(1e-200, 2.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, np.pi), (0.0, 0.0, 1.0)]
    starts = np.c_[np.concatenate([at, others]), np.zeros(12)]
    slope, (faint, *never) = np.split(
        np.asarray(jax.jit(jax.vmap(jax.grad(T)))(jnp.asarray(starts))), [8]
    )
    step = 1e-4 * np.eye(3)
    inner = at[:-1, None]
    free = lambda x: escape_time(23, *np.moveaxis(x, -1, 0))
    central = lambda h: (free(inner + h * step) - free(inner - h * step)) / (2e-4 * h)
    fourth_order = (4 * central(0.5) - central(1)) / 3
    np.testing.assert_allclose(slope[:-1, :3], fourth_order, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slope[:, 3], free(at) ** 2 / 2, rtol=1e-12)
    # At beta = 0, from above.
    forward = (escape_time(23, 1.0, 1e-6, 0.3) - escape_time(23, 1.0, 0.0, 0.3)) / 1e-6
    np.testing.assert_allclose(slope[-1, 1], forward, rtol=1e-5)
    # Of a faint mode, T = p/(2 beta) ln(2 sqrt(2) beta / (alpha cos(D/2))).
    time = escape_time(23, 1e-200, 2.0, 1.0)
    exact = [-23 / 4e-200, (23 / 4 - time) / 2, 23 / 8 * np.tan(0.5), time**2 / 2]
    np.testing.assert_allclose(faint, exact, rtol=1e-13)
    # Infinite times have none, so that they spoil no other.
    assert not np.any(never)


def test_single_precision():
    x = np.float32([0.01, 0.02])
    assert escape_time(23, x, 0.01, 2.0).dtype == np.float32
    np.testing.assert_allclose(
        escape_time(23, x, 0.01, 2.0), escape_time(23, x.astype(float), 0.01, 2.0), rtol=1e-5
    )


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("law", [escape_time, turning_time])
def test_follows_the_library_of_its_input(xp, law):
    x = xp.asarray([1.0, 0.5])
    assert type(law(23, x, 1.0, x)) is type(x)


@pytest.mark.parametrize("law", [escape_time, turning_time])
def test_bad_input_is_refused(law, unchecked):
    good = dict(input_strength=0.1, output_strength=0.1, misalignment=1.0, weight_decay=0.0)
    for name in ("input_strength", "output_strength", "weight_decay"):
        for bad in (-0.5, np.nan, np.inf):
            with pytest.raises(ValueError, match=f"`{name}` must be .*>= 0; got"):
                law(23, **{**good, name: bad})
    with pytest.raises(ValueError, match="`misalignment` must be finite; got"):
        law(23, **{**good, "misalignment": np.nan})
    for bad in (22, 1, -3):
        with pytest.raises(ValueError, match="`modulus` must be"):
            law(bad, **good)
    with pytest.raises(TypeError, match="`modulus`"):
        law(23.5, **good)
    assert np.isnan(jax.jit(lambda a: law(23, a, 0.1, 1.0))(-1.0))
