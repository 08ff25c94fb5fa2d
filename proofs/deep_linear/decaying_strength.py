"""Eqs. (2) and (3) of `theorylab.deep_linear.decaying_strength`, from Eq. (1)."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.function import ArgumentIndexError

from proofs.lemma import vanishes

t, tau, s, u0, u, L, p, x, v = sp.symbols("t tau s u0 u L p x v", positive=True)  # s is |s|
zeta = sp.symbols("zeta", real=True)
decay = sp.exp(-2 * s * t / tau)
opposed_form = s * u0 * decay / (s + u0 * (1 - decay))  # depth 2
lacking_form = u0 * (1 + (2 * L - 2) * u0 ** (2 - 2 / L) * t / tau) ** (-L / (2 * L - 2))


def speed(u, depth, s=s):
    """`du/dt`, Eq. (1)."""
    return -depth * u ** (2 - sp.S(2) / depth) * (s + u) / tau


class alternating_incomplete_beta(sp.Function):  # noqa: N801
    """`A(x; c)`, the integral of `y^(c-1) / (1+y)` from 0."""

    nargs = 2

    def fdiff(self, argindex=1):
        args: Any = self.args
        x, c = args
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return x ** (c - 1) / (1 + x)


A = alternating_incomplete_beta
# Eq. (3), the scaled time: of x = e^-zeta = u/|s| <= 1, and of v = e^zeta = |s|/u <= 1.
late = (x**-p - 1) / p - (1 - x ** (1 - p)) / (1 - p) + A(1, 2 - p) - A(x, 2 - p)
early = (v ** (1 + p) - 1) / (1 + p) + A(1, 2 + p) - A(v, 2 + p)
# The same at infinite depth, where p is 1.
bottomless = 1 / x - 1 - sp.log(1 + 1 / x) + sp.log(2)


def prove_eq_2_solves_eq_1():
    vanishes(sp.diff(opposed_form, t) - speed(opposed_form, 2))
    vanishes(opposed_form.subs(t, 0) - u0)
    # At depth 1 + m every exponent is real, and with the ratio (u0/u)^(2-2/L) for t, a monomial.
    m, ratio = sp.symbols("m ratio", positive=True)
    elapsed = (ratio - 1) * tau / ((2 * L - 2) * u0 ** (2 - 2 / L))
    slope = sp.diff(lacking_form, t) - speed(lacking_form, L, 0)
    vanishes(sp.powsimp(sp.simplify(slope.subs(t, elapsed).subs(L, 1 + m))))
    vanishes(lacking_form.subs(t, 0) - u0)


def prove_eq_2_decays_from_the_logistic_at_negative_targets():
    growth = sp.exp(-2 * s * t / tau)
    vanishes(-s * growth / (growth - 1 - s / u0) - opposed_form)


def prove_the_integrand_of_eq_3():
    """With `u = |s| e^-zeta`, the speed of `zeta` in scaled time is one over the integrand."""
    at = s * sp.exp(-zeta)
    speed_of_zeta = -speed(at, L) / at * tau / (L * s ** (2 - 2 / L))
    integrand = sp.exp((1 - 2 / L) * zeta) / (1 + sp.exp(-zeta))
    vanishes(sp.expand(1 / speed_of_zeta - integrand, power_exp=True))


def prove_eq_3():
    integrand = sp.exp(p * zeta) / (1 + sp.exp(-zeta))
    vanishes(sp.diff(late, x) * -x - x**-p / (1 + x))
    vanishes(sp.diff(early, v) * v - v**p / (1 + 1 / v))
    vanishes((x**-p / (1 + x)).subs(x, sp.exp(-zeta)) - integrand)
    vanishes((v**p / (1 + 1 / v)).subs(v, sp.exp(zeta)) - integrand)
    vanishes(late.subs(x, 1))
    vanishes(early.subs(v, 1))


def prove_eq_3_at_infinite_depth():
    vanishes(sp.diff(bottomless, x) * -x - (x**-p / (1 + x)).subs(p, 1))
    vanishes(bottomless.subs(x, 1))


def prove_the_tail():
    """`x^-p / p` is what Eq. (3) grows as, and the tail of the module docstring solves for it."""
    for power in (sp.Rational(1, 3), sp.S.Half, sp.S.One):
        vanishes(sp.limit(x**-power / (1 + x) * x**power, x, 0) - 1)
    beyond = sp.symbols("beyond", positive=True)  # L - 2
    depth, power = 2 + beyond, beyond / (2 + beyond)
    age = beyond * s * t / tau
    tail = age ** (-depth / beyond)
    vanishes(tail**-power - age)
    vanishes(age * s**power / power - depth * s ** (1 + power) * t / tau)
