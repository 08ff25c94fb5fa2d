"""Eqs. (1) and (2) of `theorylab.grokking.gaussian_participation_ratio`, from Gaussian entries."""

from __future__ import annotations

import itertools

import sympy as sp

from proofs.lemma import vanishes

K, M = sp.symbols("K M", positive=True)
mean = 2 / (K + 1)
variance = 4 * (K - 1) / ((K + 1) ** 2 * (K + 2) * (K + 3))
alignment_variance = 1 / (2 * M)

z = sp.Symbol("z")


def sum_of_powers(p, exponent):
    """The sum over `x` of `exp(2 pi i exponent x / p)`, exactly: as a polynomial in a root."""
    total = sum(z ** (exponent * x % p) for x in range(p))
    return sp.rem(total, sp.cyclotomic_poly(p, z), z)


def prove_coefficients_are_independent_and_circular():
    # Gaussian numbers of mean 0 with E c_k c_q = 0, and E c_k conj(c_q) = 0 but for k = q. The
    # mean of the entries drops out with frequency 0.
    for p in (3, 5, 7, 9, 15):
        for k, q in itertools.product(range(1, (p + 1) // 2), repeat=2):
            vanishes(sum_of_powers(p, -k - q))
            vanishes(sum_of_powers(p, q - k) - (p if k == q else 0))
            vanishes(sum_of_powers(p, -k))


def prove_powers_are_exponential():
    u, t = sp.symbols("u t", positive=True)
    beyond = sp.integrate(u * sp.exp(-(u**2) / 2), (u, sp.sqrt(2 * t), sp.oo))  # |c|^2 > 2t
    vanishes(beyond - sp.exp(-t))


def prove_fractions_are_independent_of_the_sum():
    # The density exp(-S) of K powers, in S and K - 1 fractions, is S^(K-1) exp(-S) times a
    # constant: no fraction enters.
    S = sp.Symbol("S", positive=True)
    for size in (2, 3, 4, 5):
        w = sp.symbols(f"w1:{size}", positive=True)
        powers = sp.Matrix([S * fraction for fraction in (*w, 1 - sum(w))])
        jacobian = powers.jacobian(sp.Matrix([*w, S])).det()
        vanishes(jacobian - S ** (size - 1))


def moment(*exponents):
    """Of a product of fractions: that of the powers over that of their sum."""
    t = sp.Symbol("t", positive=True)
    order = sum(exponents)
    of_powers = sp.prod(sp.integrate(t**m * sp.exp(-t), (t, 0, sp.oo)) for m in exponents)
    of_sum = sp.rf(K, order)  # of the density S^(K-1) exp(-S) / Gamma(K)
    return of_powers / of_sum


def prove_the_moments_of_the_sum():
    S = sp.Symbol("S", positive=True)
    for order in (2, 4):
        total = sp.integrate(S ** (K - 1 + order) * sp.exp(-S), (S, 0, sp.oo))
        vanishes(sp.gammasimp(total / sp.gamma(K)) - sp.rf(K, order))


def prove_eq_1():
    first = K * moment(2)
    second = K * moment(4) + K * (K - 1) * moment(2, 2)
    vanishes(first - mean)
    vanishes(second - first**2 - variance)


def prove_eq_1_by_integration_over_the_simplex():
    w, v = sp.symbols("w v", positive=True)
    ratio = w**2 + (1 - w) ** 2
    first, second = (sp.integrate(ratio**m, (w, 0, 1)) for m in (1, 2))
    vanishes(first - mean.subs(K, 2))
    vanishes(second - first**2 - variance.subs(K, 2))
    ratio = w**2 + v**2 + (1 - w - v) ** 2
    inner = lambda m: sp.integrate(sp.expand(ratio**m), (v, 0, 1 - w))
    first, second = (2 * sp.integrate(sp.expand(inner(m)), (w, 0, 1)) for m in (1, 2))
    vanishes(first - mean.subs(K, 3))
    vanishes(second - first**2 - variance.subs(K, 3))
    vanishes(variance.subs(K, 1))


def prove_eq_2():
    # Whatever phi is, psi makes the cosine that of a uniform angle.
    phi, psi = sp.symbols("phi psi", real=True)
    average = lambda value: sp.integrate(sp.expand_trig(value), (psi, 0, 2 * sp.pi)) / (2 * sp.pi)
    cosine = sp.cos(2 * phi - psi)
    vanishes(average(cosine))
    vanishes(average((1 + sp.cos(4 * phi - 2 * psi)) / 2) / M - alignment_variance)
    vanishes(cosine**2 - (1 + sp.cos(4 * phi - 2 * psi)) / 2)
