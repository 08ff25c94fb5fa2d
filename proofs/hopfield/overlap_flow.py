"""Eq. (1) of `theorylab.hopfield.overlap_flow`, and the 1/N term of its claim, from the flips."""

from __future__ import annotations

from functools import reduce
from itertools import product
from operator import add

import sympy as sp

from proofs.lemma import vanishes

beta = sp.Symbol("beta", positive=True)
PATTERNS = 3
overlaps = sp.Matrix(sp.symbols(f"m1:{PATTERNS + 1}", real=True))
columns = [sp.Matrix(signs) for signs in product((1, -1), repeat=PATTERNS)]
average = lambda value: reduce(add, map(value, columns)) / len(columns)
field = lambda xi: (xi.T * overlaps)[0]

f = (overlaps.T * overlaps)[0] / 2
f -= average(lambda xi: sp.log(2 * sp.cosh(beta * field(xi)))) / beta
drift = average(lambda xi: xi * sp.tanh(beta * field(xi))) - overlaps

x, h, coupling, step = sp.symbols("x h K epsilon", real=True)
chance = lambda new, u: 1 / (1 + sp.exp(-2 * beta * new * u))


def attempt(moment, u=lambda spin: h):
    """Mean of `moment(new - old)` at a site of mean spin `x`, with the field that the spin sees."""
    return sum(
        (1 + old * x) / 2 * chance(new, u(old)) * moment(new - old)
        for old in (1, -1)
        for new in (1, -1)
    )


def prove_the_drift_from_the_rates():
    # With N attempts a sweep, spread over all sites, dm/dt is the mean over columns of xi times
    # the mean change of a spin there, and m that of xi times the mean spin.
    vanishes(attempt(lambda change: change) - (sp.tanh(beta * h) - x))
    spin = {tuple(xi): sp.Symbol(f"x{k}") for k, xi in enumerate(columns)}
    moved = average(lambda xi: xi * (sp.tanh(beta * field(xi)) - spin[tuple(xi)]))
    vanishes(moved + average(lambda xi: xi * spin[tuple(xi)]) - (drift + overlaps))


def prove_the_flow_descends_the_free_energy():
    gradient = sp.Matrix([sp.diff(f, m) for m in overlaps])
    gradient = gradient.replace(sp.sinh, lambda u: sp.tanh(u) * sp.cosh(u))
    vanishes(gradient + drift)
    # So along the flow df/dt = gradient . drift = -|drift|^2.


def prove_the_linear_flow_is_minus_the_hessian():
    # The gradient is -drift, so that the Hessian of f is minus its Jacobian.
    A = sp.eye(PATTERNS) - beta * average(
        lambda xi: xi * xi.T * (1 - sp.tanh(beta * field(xi)) ** 2)
    )
    vanishes(drift.jacobian(overlaps) + A)


def prove_no_difference_grows_faster_than_beta_minus_one():
    # In any direction e, e.(-A).e = -1 + beta <(xi.e)^2 sech^2>, from -1 up to where sech^2 is 1.
    e = sp.Matrix(sp.symbols(f"e1:{PATTERNS + 1}", real=True))
    vanishes(average(lambda xi: (xi.T * e)[0] ** 2) - (e.T * e)[0])


def prove_the_square_and_the_diagonal_of_an_attempt():
    # Eq. (1) of the claim: B and G, for a class of N/C sites drawn with chance 1/C.
    vanishes(attempt(lambda change: change**2) - 2 * (1 - x * sp.tanh(beta * h)))
    seen = attempt(lambda change: change, u=lambda spin: h - step * coupling * spin)
    first = sp.diff(seen, step).subs(step, 0)
    vanishes(first + beta * coupling * x * (1 - sp.tanh(beta * h) ** 2))


def prove_the_terms_of_a_step_of_time():
    # One class, moments of y' = y + e (F(y) + e G) + noise of variance e^2 (B - F^2), e = 1/N,
    # with mean y + e a and variance e S: orders e^2 of the mean and of the variance.
    F0, F1, F2, G, B, a, S = sp.symbols("F0 F1 F2 G B a S")
    mean_step = step * (F0 + step * a * F1 + step * S * F2 / 2 + step * G)
    a_dot = F1 * a + F2 * S / 2 + G - F1 * F0 / 2
    path = step * F0 + step**2 * F1 * F0 / 2 + step * step * a_dot  # y'' = F1 F0
    vanishes(sp.expand(mean_step - path))
    spread = (1 + step * F1) ** 2 * step * S + step**2 * (B - F0**2) - step * S
    vanishes(sp.expand(spread / step**2).subs(step, 0) - (2 * F1 * S + B - F0**2))
