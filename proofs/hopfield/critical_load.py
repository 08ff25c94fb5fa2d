"""The spinodal near `T = 1`: the constant of `theorylab.hopfield.critical_load`."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

w, t = sp.symbols("w t", positive=True)  # t = 1 - T, w = h^2 / 3t
h2, s2 = 3 * t * w, t * (1 - w)
load = sp.Rational(4, 9) * s2 * h2**2 / (h2 + s2)
top = (sp.sqrt(33) - 1) / 8
constant = (4 * w**2 * (1 - w) / (1 + 2 * w)) ** sp.Rational(-1, 2)
constant_at_the_root = constant.subs(w, top)


def prove_small_fields_obey_the_equation_of_the_overlap():
    # M = h <1 - ...>: tanh u = u - u^3/3, with <u^3> = h^3 + 3 h s^2, and M = (1 - t) h.
    h, s = sp.symbols("h s", positive=True)
    vanishes((h - (h**3 + 3 * h * s**2) / 3 - (1 - t) * h) / h - (t - h**2 / 3 - s**2))
    vanishes(t - h2 / 3 - s2)


def prove_small_fields_give_the_load():
    # q = <u^2>, C = (1 - q)/(1 - t): to leading order 1 - C = q - t and alpha = s^2 (1-C)^2 / q.
    vanishes(load - s2 * (h2 + s2 - t) ** 2 / (h2 + s2))


def prove_the_spinodal_is_at_the_root():
    vanishes(sp.diff(load, w).subs(w, top))
    vanishes(constant.subs(w, top) ** 2 * load.subs(w, top) - t**2)
