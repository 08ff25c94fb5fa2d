"""Eqs. (1) to (7) of `theorylab.grokking.mode_flow`."""

from __future__ import annotations

import sympy as sp

from proofs.grokking.escape_time import A1, B1, product, total
from proofs.grokking.mode_invariants import a, a_bar, amplitudes, b, b_bar, balance, flux
from proofs.lemma import vanishes

A, B = a * a_bar, b * b_bar
H = (a**2 * b_bar + a_bar**2 * b) / 2
doubled_a = ((A + 2 * B) * a**2 - 2 * a_bar**2 * b**2) / (2 * sp.sqrt(2) * H)
doubled_b = (4 * A * b**2 - a**4) / (4 * H)
swap = dict(zip(amplitudes, (a_bar, a, b_bar, b), strict=True))
conjugate = lambda z: z.subs(swap, simultaneous=True)
doubled = (doubled_a, conjugate(doubled_a), doubled_b, conjugate(doubled_b))
u, C, Q = sp.symbols("u C Q", real=True)


def by_u(z):
    """The derivative by `u`, backward in time, along the mode equations."""
    velocities = (-a_bar * b, -a * b_bar, -(a**2) / 2, -(a_bar**2) / 2)
    return sum(sp.diff(z, x) * v for x, v in zip(amplitudes, velocities, strict=True))


def prove_eq_5_solves_the_mode_equations():
    vanishes(by_u(doubled[0]) + 2 * doubled[1] * doubled[2])
    vanishes(by_u(doubled[2]) + doubled[0] ** 2)
    # And with the same pole, of real positive amplitudes.
    pole = dict(zip(amplitudes, (sp.sqrt(2) / u, sp.sqrt(2) / u, 1 / u, 1 / u), strict=True))
    vanishes(doubled[0].subs(pole) - sp.sqrt(2) / (2 * u))
    vanishes(doubled[2].subs(pole) - 1 / (2 * u))


def prove_eq_5_keeps_the_invariants():
    at_double = dict(zip(amplitudes, doubled, strict=True))
    vanishes(balance.subs(at_double, simultaneous=True) - balance)
    vanishes(flux.subs(at_double, simultaneous=True) - flux)


def prove_eq_3():
    # In B = B1 + x: H(2u)/H and h(2u) by the tangent, A(2u) = A1 + 2 h(2u)^2.
    x, R, q = sp.symbols("x R q")  # R = H^2, q = Q^2
    strengths = {R: 4 * x * (x**2 + total * x + product), q: A1**2 * B1}
    A, B = A1 + 2 * x, B1 + x
    vanishes((R + q).subs(strengths) - A**2 * B)
    # |a(2u)|^2 by Eq. (5), where the real part of (a^2 conj(b))^2 is R - q.
    size = ((A + 2 * B) ** 2 * A**2 + 4 * A**2 * B**2 - 4 * (A + 2 * B) * (R - q)) / (8 * R)
    vanishes((size - A1 - 2 * (x**2 - product) ** 2 / R).subs(strengths))


def prove_eq_4():
    turned = sp.sqrt(2) * a**2 / A**2 * ((A**3 + 4 * flux**2) / (4 * H) + sp.I * flux)
    vanishes(doubled_a - turned)


def prove_eq_2():
    vanishes(b - a**2 * (H - sp.I * flux) / A**2)
    # d ln(a / conj a) / du = 2 i dPhi/du, with dPhi/du = Q / |a|^2.
    vanishes((by_u(a) / a - by_u(a_bar) / a_bar) / (2 * sp.I) - flux / A)


def prove_eq_1():
    w = B + balance / 3
    g2, g3 = balance**2 / 3, balance**3 / 27 + flux**2
    vanishes(by_u(w) ** 2 - (4 * w**3 - g2 * w - g3))
    vanishes(by_u(w) + H)
    vanishes(A - 2 * w - balance / 3)


def prove_the_series_at_small_u():
    e1, P = sp.symbols("e1 Pi")
    g2, g3 = 12 * e1**2 - 4 * P, 4 * e1 * (P - 2 * e1**2)
    vanishes(4 * e1**3 - g2 * e1 - g3)
    c2, c3 = g2 / 20, g3 / 28
    c4, c5, c6 = c2**2 / 3, 3 * c2 * c3 / 11, (2 * c2**3 + 3 * c3**2) / 39
    w = 1 / u**2 + c2 * u**2 + c3 * u**4 + c4 * u**6 + c5 * u**8 + c6 * u**10
    residual = sp.expand((sp.diff(w, u) ** 2 - 4 * w**3 + g2 * w + g3) * u**6)
    for power in range(13):
        vanishes(residual.coeff(u, power))
    # Phi, with A = 2 w + C / 3, to three terms.
    c, d2, d3 = sp.symbols("C c2 c3")
    rate = 1 / (2 / u**2 + c / 3 + 2 * d2 * u**2 + 2 * d3 * u**4)
    Phi = u**3 * (sp.Rational(1, 6) - c * u**2 / 60 + ((c / 6) ** 2 - d2) * u**4 / 14)
    vanishes(sp.series(rate, u, 0, 8).removeO() - sp.diff(Phi, u))


def prove_eq_6():
    # D = pi and A1 = 0: with s = t/p, alpha' = -2 alpha beta, beta' = -alpha^2.
    s, r, b0 = sp.symbols("s r b0", positive=True)
    X = sp.cosh(2 * r * s) + b0 / r * sp.sinh(2 * r * s)
    slope = sp.diff(X, s) / (2 * X)  # beta, if alpha is proportional to 1/X
    vanishes(sp.diff(slope, s) + 2 * (b0**2 - r**2) / X**2)  # alpha0^2 = 2 (b0^2 - r^2)
    vanishes(slope.subs(s, 0) - b0)
    beta2 = sp.simplify(sp.expand((slope**2 - r**2) * X**2))
    vanishes((beta2 - (b0**2 - r**2)).rewrite(sp.exp))


def prove_the_phases_about_eq_6():
    # phi' = -2 Q / alpha^2 by Eq. (2) of mode_invariants, and the integral of 1 / alpha^2.
    s, r, b0 = sp.symbols("s r b0", positive=True)
    z, v = 2 * r * s, 2 * b0 * s
    ramp, excess = sp.sinh(z) / z, (sp.sinh(2 * z) / (2 * z) - 1) / (2 * z**2)
    integral = s * (1 + v * ramp**2 + (z**2 + v**2) * excess)
    growth = sp.cosh(z) + v * ramp
    vanishes(sp.expand((sp.diff(integral, s) - growth**2).rewrite(sp.exp)))
    vanishes(sp.limit(integral, s, 0))
    # Near D = pi, to first order in Q, Eq. (2) turns b by sin D = Q / (alpha^2 beta), against H.
    small, strength = sp.symbols("Q beta0", positive=True)
    exact = (-sp.sqrt(strength**2 - small**2) - sp.I * small).series(small, 0, 2).removeO()
    vanishes(exact + strength + sp.I * small)


def prove_eq_7():
    # In beta_0 exp(i psi), and time g = 2 beta_0 t / p: a' = conj(a) b, b' = a^2 / 2. With
    # e = alpha_0 / beta_0, both are solved but for terms of order e^2 beside those kept.
    g, e, co, si = sp.symbols("g e c s", positive=True)
    E = sp.Symbol("E", positive=True)  # e c exp(g) / (2 sqrt 2), of order one at the escape
    along, across = 2 * sp.sqrt(2) * E / (1 - E**2), e**2 * co * si / (2 * sp.sqrt(2) * E)
    b = (1 + E**2) / (1 - E**2)
    by_g = lambda f: E * sp.diff(f, E)
    vanishes(by_g(along) - along * b)  # of the parts along and across, a' = b (along - across)
    vanishes(by_g(b) - along**2 / 2)
    vanishes(by_g(across) + across)
    vanishes(across.subs(E, e * co * sp.exp(g) / (2 * sp.sqrt(2))) - e * si * sp.exp(-g))
    # `across` keeps its rate while E is small, and is of order e^2 once it is not.
    vanishes(sp.series(b, E, 0, 2).removeO() - 1)
