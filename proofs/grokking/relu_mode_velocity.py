"""Eqs. (1) to (6) of `theorylab.grokking.relu_mode_velocity`."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

A, D, B, z = sp.symbols("A D B z", real=True)
alpha, beta, c = sp.symbols("alpha beta c", positive=True)
phi, psi = sp.symbols("phi psi", real=True)


def input_coefficient(n):
    """Of exp(i n A) in |sin A| cos(A - D), for odd `n`."""
    return -2 * (n * sp.cos(D) - 2 * sp.I * sp.sin(D)) / (sp.pi * n * (n**2 - 4))


def prove_eq_1():
    # cos A + cos B > 0 for |B| < pi - A, if 0 < A < pi; the sum over y is an average over B.
    share = sp.integrate(sp.cos(A - D + B), (B, -(sp.pi - A), sp.pi - A)) / (2 * sp.pi)
    vanishes(sp.expand_trig(share - sp.sin(A) * sp.cos(A - D) / sp.pi))
    # Sum of two cosines, 2 cos(half sum) cos(half difference): the mean of its positive part.
    mean = sp.integrate(sp.cos(z), (z, -sp.pi / 2, sp.pi / 2)) / (2 * sp.pi)
    vanishes(mean - 1 / sp.pi)
    vanishes(sp.integrate(sp.cos(z), (z, -sp.pi / 2, sp.pi / 2)) / sp.pi - 2 / sp.pi)


def prove_input_harmonics():
    for n in (1, 3, 5):
        force = lambda sign: sign * sp.sin(A) * sp.cos(A - D)
        wave = sp.cos(n * A) - sp.I * sp.sin(n * A)
        halves = (
            sp.integrate(sp.expand(sp.expand_trig(force(sign) * wave)), (A, low, low + sp.pi))
            for sign, low in ((-1, -sp.pi), (1, 0))
        )
        vanishes(sp.expand_trig(sum(halves) / (2 * sp.pi) - input_coefficient(n)))
    # Any odd n = 2m + 1, by the series |sin A| = sum of s_m exp(2 i m A).
    m = sp.Symbol("m", integer=True)
    s = lambda m: -2 / (sp.pi * (4 * m**2 - 1))
    both = (s(m) * sp.exp(-sp.I * D) + s(m + 1) * sp.exp(sp.I * D)) / 2
    vanishes((both - input_coefficient(2 * m + 1)).rewrite(sp.exp))


def prove_output_harmonics():
    for r in (1, 2, 3):
        inside = sp.integrate(sp.cos(z) * sp.cos(2 * r * z), (z, -sp.pi / 2, sp.pi / 2))
        vanishes(2 * inside / sp.pi - (-1) ** (r + 1) * 4 / (sp.pi * (4 * r**2 - 1)))


def prove_eq_2_and_eq_3():
    # The real amplitude is twice the coefficient: 2/(pi p) times 4/(3 pi) is c.
    vanishes(
        2 * input_coefficient(1) - sp.Rational(4, 3) / sp.pi * (sp.cos(D) - 2 * sp.I * sp.sin(D))
    )
    a, b = alpha * sp.exp(sp.I * phi), beta * sp.exp(sp.I * psi)
    conj = lambda w: w.subs(sp.I, -sp.I)
    a_dot = c / 2 * (3 * conj(a) * b / alpha - a**3 * conj(b) / alpha**3)
    b_dot = c * a**2 / alpha
    turn = 2 * phi - psi
    polar_a = c * beta * (sp.cos(turn) - 2 * sp.I * sp.sin(turn)) * sp.exp(sp.I * phi)
    polar_b = c * alpha * (sp.cos(turn) + sp.I * sp.sin(turn)) * sp.exp(sp.I * psi)
    for residual in (a_dot - polar_a, b_dot - polar_b):
        vanishes(sp.expand(residual.rewrite(sp.exp)))


def prove_eq_4():
    n = sp.Symbol("n", positive=True)
    squared = lambda n: 4 * (n**2 * sp.cos(D) ** 2 + 4 * sp.sin(D) ** 2) / (n * (n**2 - 4)) ** 2
    stated = 9 / (n * (n**2 - 4)) ** 2 * (n**2 * sp.cos(D) ** 2 + 4 * sp.sin(D) ** 2)
    stated /= sp.cos(D) ** 2 + 4 * sp.sin(D) ** 2
    vanishes(squared(n) / squared(1) - stated)
    at_zero = sp.sqrt(stated.subs(D, 0))
    vanishes(at_zero.subs(n, 3) - sp.Rational(3, 5))
    vanishes(at_zero.subs(n, 5) - sp.Rational(1, 7))


def prove_eq_5_and_eq_6():
    # Over B = 2 pi k y/p + phi, cos(A - D + B) is summed where |B| < pi - |A|. For A > 0 the sum
    # ends at A + B = pi and B - A = -pi; for A < 0 at B - A = pi and A + B = -pi. On differences
    # of A and B, multiples of 2 pi/N, pi is halfway for odd N, and Euler and Maclaurin's term is 0.
    # On sums it is eta, at most 1/2 in size, from it, alike for all A, at cos(pi - D) = -cos D.
    vanishes(sp.expand_trig(sp.cos(A - D + B).subs(B, sp.pi - A) + sp.cos(D)))
    vanishes(sp.expand_trig(sp.cos(A - D + B).subs(B, -sp.pi - A) + sp.cos(D)))
    # So the average gains eta cos D sgn(A) / N. Its harmonics are those of a square wave:
    n, N, eta = sp.symbols("n N eta", positive=True)
    m = sp.Symbol("m", integer=True)
    square = -sp.I * sp.integrate(sp.sin((2 * m + 1) * A), (A, 0, sp.pi)) / sp.pi
    vanishes(sp.simplify(square + 2 * sp.I / (sp.pi * (2 * m + 1))))
    wave = -2 * sp.I / (sp.pi * n)
    gain = eta * sp.cos(D) / N * wave
    own = input_coefficient(n) / sp.pi  # |sin A| cos(A - D) / pi is the average
    conj = lambda w: w.subs(sp.I, -sp.I)
    size2 = sp.cos(D) ** 2 + 4 * sp.sin(D) ** 2
    first = (gain * conj(gain) / (own * conj(own))).subs(n, 1)
    stated = (3 * sp.pi * eta / N) ** 2 * sp.cos(D) ** 2 / size2
    vanishes(sp.simplify(sp.expand(first - stated)))
    # Of a ratio of sizes, the relative change is the real part of gain / own, here and at k.
    part = lambda w: (w + conj(w)) / 2
    shift = lambda at: part(gain / own).subs(n, at)
    for at in (3, 5):
        bracket = sp.Rational(at**2 - 4, 3) / (at**2 * sp.cos(D) ** 2 + 4 * sp.sin(D) ** 2)
        change = 3 * sp.pi * eta / N * sp.sin(2 * D) * (bracket + 1 / size2)
        found = shift(at) - shift(1)
        residual = sp.together(sp.expand_trig(found**2 - change**2))
        vanishes(sp.simplify(residual))
