"""Eqs. (1) to (6) of `theorylab.grokking.escape_time`, and the duplication that evaluates them."""

from __future__ import annotations

import sympy as sp

from proofs.grokking.mode_invariants import a, a_bar, b, b_bar, balance, flux, lam, p, rate
from proofs.lemma import vanishes

B, C, Q, w, x, y, t, tau = sp.symbols("B C Q w x y t tau", positive=True)
A1, B1 = sp.symbols("A1 B1", positive=True)
total, product = A1 + B1, A1 * (A1 / 4 + B1)
radicand = B * (C + 2 * B) ** 2 - Q**2
S, P = sp.symbols("Sigma Pi", positive=True)
cubic = lambda x: x * (x**2 + S * x + P)

# The point whose half is at y, and the square root d of Eq. (2) of `numerics/carlson.py` there.
double = (y**2 - P) ** 2 / (4 * cubic(y))
root = (y**4 + 2 * S * y**3 + 6 * P * y**2 + 2 * S * P * y + P**2) / (4 * cubic(y))

alpha, beta, c = sp.symbols("alpha beta c", positive=True)
special = {
    "even": p / (2 * beta),
    "positive": p / sp.sqrt(2 * c) * (sp.pi / 2 - sp.atan(beta * sp.sqrt(2 / c))),
    "negative": p / sp.sqrt(2 * c) * sp.atanh(sp.sqrt(c / 2) / beta),
    "opposed": p / sp.sqrt(2 * c) * (sp.pi / 2 + sp.atan(beta * sp.sqrt(2 / c))),
}


def prove_eq_1():
    B_dot = rate(b * b_bar).subs(lam, 0)
    here = radicand.subs({B: b * b_bar, C: balance, Q: flux})
    vanishes(B_dot**2 - 4 / p**2 * here)
    vanishes(rate(a * a_bar).subs(lam, 0) - 2 * B_dot)


def prove_the_cubic_is_of_weierstrass_form():
    shifted = radicand.subs(B, w - C / 3)
    vanishes(shifted - (4 * w**3 - C**2 / 3 * w - C**3 / 27 - Q**2))


def prove_the_roots_from_the_turning_strengths():
    # At the largest root A1^2 B1 = Q^2; about it, the other two by their sum and product.
    at_turn = {C: A1 - 2 * B1, Q: A1 * sp.sqrt(B1)}
    vanishes(radicand.subs(at_turn).subs(B, B1))
    about = radicand.subs(at_turn).subs(B, B1 + x)
    vanishes(about - 4 * x * (x**2 + total * x + product))
    # d^2, its coefficients positive: nothing cancels.
    A = A1 + 2 * x
    vanishes(x**2 + total * x + product - A**2 / 4 - B1 * (A + A1) / 2)
    vanishes(2 * x + total - A - B1)


def prove_the_duplication_theorem():
    # dx / sqrt(cubic(x)) = 2 dy / sqrt(cubic(y)): R_F at x is twice R_F at y, both 0 at infinity.
    vanishes(sp.diff(double, y) ** 2 * cubic(y) - 4 * cubic(double))
    vanishes(double**2 + S * double + P - root**2)
    # y is x + d + sqrt(x) sqrt(2x + S + 2d); with the other sign it is P over that.
    vanishes((y - double - root) ** 2 - double * (2 * double + S + 2 * root))
    d = sp.Symbol("d", positive=True)
    both = (x + d) ** 2 - x * (2 * x + S + 2 * d)
    vanishes(both.subs(S, (d**2 - x**2 - P) / x) - P)


def prove_eq_3_at_the_mirrored_point():
    # x -> P/x reverses dx / sqrt(cubic), and takes infinity to the turn.
    mirrored = P / x
    vanishes(sp.diff(mirrored, x) ** 2 * cubic(x) - cubic(mirrored))


def prove_eq_2_counts_down():
    # T is p/2 of R_F, half the integral of dx / sqrt(cubic), while p dx/dt = 2 H = 4 sqrt(cubic).
    x_dot = 4 * sp.sqrt(cubic(x)) / p
    vanishes(-p / 2 * sp.Rational(1, 2) / sp.sqrt(cubic(x)) * x_dot + 1)


def prove_weight_decay_runs_a_clock():
    clock = (1 - sp.exp(-lam * t)) / lam
    freely, outward = sp.Function("f")(tau), sp.Function("g")(tau)
    for velocity, amplitude in (
        (2 / p * freely * outward, freely),
        (freely**2 / p, outward),
    ):
        # d/dt of exp(-lambda t) f(tau), f' being quadratic in the amplitudes.
        slowed = sp.exp(-lam * t) * (-lam * amplitude + velocity * sp.diff(clock, t))
        scaled = velocity.subs({freely: sp.exp(-lam * t) * freely,
                                outward: sp.exp(-lam * t) * outward},
                               simultaneous=True)  # fmt: skip
        vanishes(slowed - (scaled - lam * sp.exp(-lam * t) * amplitude))
    vanishes(clock.subs(t, -sp.log(1 - lam * tau) / lam) - tau)


def prove_special_cases():
    speeds = {"even": 2 * beta**2, "positive": c + 2 * beta**2, "negative": 2 * beta**2 - c,
              "opposed": -c - 2 * beta**2}  # fmt: skip
    for name, T in special.items():
        vanishes(sp.simplify(sp.diff(T, beta)) * speeds[name] / p + 1)
        if name != "opposed":
            vanishes(sp.limit(T, beta, sp.oo))
    vanishes((special["opposed"] - special["positive"]).subs(beta, 0))  # beta passes through 0
    # Equal strengths, C = -alpha^2: exp(2 artanh(y)) = (1 + y)/(1 - y) at y = 1/sqrt(2).
    y = sp.sqrt(c / 2).subs(c, beta**2) / beta
    vanishes(sp.radsimp((1 + y) / (1 - y) - (1 + sp.sqrt(2)) ** 2))


def prove_eq_6():
    # The outputs stand still: of z = a exp(-i psi/2), the real part grows and the other decays.
    g, D = sp.symbols("g D", real=True)
    z = alpha * (sp.exp(g) * sp.cos(D / 2) + sp.I * sp.exp(-g) * sp.sin(D / 2))
    conjugate = z.subs(sp.I, -sp.I)  # da/dt = (2/p) conj(a) b, with g = 2 beta t / p
    vanishes(sp.diff(z, g) - conjugate)
    # |D| = pi/2 where the parts are equal.
    parts = [sp.exp(g) * sp.cos(D / 2), sp.exp(-g) * sp.sin(D / 2)]
    turn = sp.log(sp.tan(D / 2)) / 2
    vanishes(sp.simplify(((parts[0] / parts[1]) ** 2 - 1).subs(g, turn).rewrite(sp.cos)))
    # Then aligned, from alpha cos(D/2), which takes the time of Eq. (5): with C = a^2 - 2 beta^2,
    # its artanh is a logarithm, and at first order in a^2 its argument is a^2 / (8 beta^2).
    y = sp.sqrt(1 - w**2 / 2)  # w is a / beta
    vanishes(sp.series((1 - y) / (1 + y), w, 0, 4).removeO() - w**2 / 8)
    vanishes(special["negative"].subs(c, 2 * (beta * y) ** 2) - p * sp.atanh(y) / (2 * beta * y))
    # To a relative w^2 / 4 of a large logarithm: of 1 / y.
    vanishes(sp.series(1 / y, w, 0, 4).removeO() - 1 - w**2 / 4)
