"""One direction of the labels: digits, the transition, the metastable branch."""

import array_api_strict
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from proofs.neural_collapse import mode_fit as proof
from tests.strategies import decades, fractions
from theorylab.neural_collapse.mode_fit import (
    critical_penalty,
    local_minimum,
    mode_fit,
    spinodal_penalty,
)

depths = st.sampled_from([1, 1.5, 2, 3, 4, 6, 50])
deep = st.sampled_from([1.5, 2, 3, 4, 6, 50])
penalties = decades(1e-12, 10)

# By 30-digit roots of the stationarity of Eq. (1).
REFERENCE = [
    (0.1, 1, 2.1622776601684, 0.68377223398316, 0.53245553203368),
    (0.1, 2, 2.4492796641260, 0.85712185146487, 0.38780611494773),
    (0.1, 3, 2.2430804929874, 0.91860560224841, 0.30570244705033),
    (0.1, 6, 1.7789644375661, 0.96941516028696, 0.20848128346966),
    (0.4, 2, 1.2068386268968, 0.59291003509118, 0.88982541566753),
    (1e-3, 2, 12.546129365996, 0.99368708238823, 0.018859046977767),
    (1e-3, 6, 3.4646883728884, 0.99942221810593, 0.0040424702669536),
]
CRITICAL = [1.0, 0.5, 0.529133683989, 0.569876764239, 0.606286626604, 0.722467405584]
SPINODAL = [1.0, 0.649519052838, 0.839947366597, 1.06520565606, 1.30136612544, 2.52516767274]


@pytest.mark.parametrize(("b", "depth", "root", "fit", "loss"), REFERENCE)
def test_minima_to_their_digits(b, depth, root, fit, loss):
    at = mode_fit(b, depth)
    np.testing.assert_allclose([at.root, at.fit, at.loss], [root, fit, loss], rtol=3e-14)
    assert at.fit + at.misfit == pytest.approx(1, abs=1e-15)


def test_thresholds_to_their_digits():
    depths = (1, 2, 3, 4, 5, 10)
    np.testing.assert_allclose([critical_penalty(M) for M in depths], CRITICAL, rtol=2e-12)
    np.testing.assert_allclose([spinodal_penalty(M) for M in depths], SPINODAL, rtol=5e-12)
    assert critical_penalty(7) == pytest.approx(float(proof.critical_penalty.subs(proof.M, 7)))
    assert spinodal_penalty(7) == pytest.approx(float(proof.spinodal_penalty.subs(proof.M, 7)))


@given(fractions, depths)
@example(1e-300, 2)
@example(1e-290, 50)
@example(1 - 1e-12, 2)
@example(1 - 1e-12, 1)  # 1 - sqrt(b) cancels
def test_minimum_agrees_with_its_proof(share, depth):
    b = share * critical_penalty(depth)
    at = mode_fit(b, depth)
    with mpmath.workdps(40):
        top = mpmath.log(depth / mpmath.mpf(b)) / (depth + 1)
        u = sp.symbols("u")
        stationarity = proof.log_stationarity(u, sp.Float(top, 40)).subs(proof.M, depth)
        start = mpmath.log(at.root)
        root = mpmath.exp(mpmath.findroot(sp.lambdify(u, stationarity, "mpmath"), start))
        forms = (proof.fit, proof.loss.subs(proof.b, 0), proof.loss)  # the misfit is g at b = 0
        at_root = [sp.lambdify((proof.x, proof.b, proof.M), form, "mpmath") for form in forms]
        truth = [float(root), *(float(form(root, mpmath.mpf(b), depth)) for form in at_root)]
    np.testing.assert_allclose(at, truth, rtol=2e-13)


@given(penalties, depths)
def test_nothing_lies_below_the_minimum(b, depth):
    at = mode_fit(b, depth)
    x = np.logspace(-3, 3, 2001) * max(at.root, 1)
    assert np.all(1 / (1 + x**depth) + b * x >= at.loss * (1 - 1e-14))
    assert at.loss <= 1


@given(penalties, depths, fractions)
def test_fit_falls_and_loss_rises_with_the_penalty(b, depth, share):
    less, more = mode_fit(share * b, depth), mode_fit(b, depth)
    assert 0 <= more.fit <= less.fit
    assert less.fit < 1 or less.misfit > 0
    assert less.loss <= more.loss


@given(deep, fractions)
def test_the_fit_jumps_at_the_critical_penalty(depth, share):
    b = critical_penalty(depth)
    assert mode_fit(share * b, depth).fit > (depth - 1) / depth
    assert mode_fit(b * (1 - 1e-15), depth).fit == pytest.approx((depth - 1) / depth, abs=1e-7)
    assert mode_fit(b, depth) == (0, 0, 1, 1)


@given(deep, fractions)
def test_the_larger_root_is_metastable_up_to_the_spinodal(depth, share):
    b, end = critical_penalty(depth), spinodal_penalty(depth)
    between = b + share * (end - b)
    at = local_minimum(between, depth)
    assert at.loss > 1 == mode_fit(between, depth).loss
    assert at.root**depth > (depth - 1) / (depth + 1) * (1 - 1e-7)
    slope = between - depth * at.root ** (depth - 1) / (1 + at.root**depth) ** 2
    assert abs(slope) < 1e-13 * depth
    assert np.isnan(local_minimum(end * (1 + 1e-12), depth)).all()
    np.testing.assert_array_equal(local_minimum(share * b, depth), mode_fit(share * b, depth))


def test_the_metastable_branch_to_its_digits():
    at = local_minimum(0.55, 2)
    np.testing.assert_allclose([at.root, at.loss], [0.898825, 1.047486], atol=5e-7)


@given(decades(1e-9, 1e-5), deep)
def test_the_root_at_small_penalties(b, depth):
    small = (b / depth) ** (depth / (depth + 1))
    leading = (depth / b) ** (1 / (depth + 1))
    correction = mode_fit(b, depth).root / leading - 1 + 2 * small / (depth + 1)
    assert abs(correction) < 4 * small**2 + 1e-14


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_derivatives_follow_the_envelope(double, depth):
    b = jnp.array([0.01, 0.1, 0.9 * critical_penalty(depth), 1.1, 3.0])
    loss = lambda b: mode_fit(b, depth).loss
    slope = jax.jit(jax.vmap(jax.grad(loss)))(b)
    np.testing.assert_allclose(slope, mode_fit(np.asarray(b), depth).root, rtol=1e-12)
    metastable = jax.vmap(jax.grad(lambda b: local_minimum(b, depth).loss))(b[:3])
    np.testing.assert_allclose(metastable, slope[:3], rtol=1e-12)


def test_single_precision():
    b = jnp.array([1e-3, 0.1, 0.4, 0.6])
    at = mode_fit(b, 2)
    assert at.root.dtype == jnp.float32
    np.testing.assert_allclose(at.fit, mode_fit(np.array(b, float), 2).fit, rtol=1e-6)


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("law", [mode_fit, local_minimum])
def test_follows_the_library_of_its_input(xp, law):
    b = xp.asarray([0.1, 0.4])
    assert all(type(value) is type(b) for value in law(b, 2))
    assert all(type(value) is type(b) for value in law(b, 1))


@pytest.mark.parametrize("law", [mode_fit, local_minimum])
def test_bad_input_is_refused(law):
    for bad in (0.0, -0.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"`penalty` must be .*> 0; got"):
            law(bad, 2)
        assert np.isnan(jax.jit(lambda b: law(b, 2))(bad).loss)
    for wrong in (0.5, np.inf, np.nan):
        with pytest.raises(ValueError, match="`depth`"):
            law(0.1, wrong)
