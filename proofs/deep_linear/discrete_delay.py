"""Eq. (1) of `theorylab.deep_linear.discrete_delay`, by backward error analysis."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

eta, s, u, u0, L = sp.symbols("eta s u u0 L", positive=True)
a = sp.symbols("a", positive=True)
f = sp.Function("f")(a)
modified = f - eta / 2 * f * sp.diff(f, a)


def mode_speed(u, depth):
    """`f` of a balanced mode, in its strength."""
    return u ** (1 - sp.S(1) / depth) * (s - u)


closed_form = eta / 2 * sp.log(mode_speed(u, L) / mode_speed(u0, L))


def prove_a_step_follows_the_modified_flow_up_to_third_order():
    flow, term = a, a
    for order in (1, 2, 3):
        term = modified * sp.diff(term, a)  # Lie series of the flow of `modified`
        flow += eta**order / sp.factorial(order) * term
    difference = sp.series(sp.expand((a + eta * f - flow).doit()), eta, 0, 3).removeO()
    vanishes(difference)
    third = sp.expand((a + eta * f - flow).doit()).coeff(eta, 3)
    if third == 0:
        raise AssertionError("the third order vanishes too")


def prove_the_time_of_the_modified_flow_is_eq_1():
    """`1/modified` is `1/f` plus the derivative of `(eta/2) ln f`, up to second order."""
    first_order = sp.series(1 / modified, eta, 0, 2).removeO()
    vanishes(first_order - 1 / f - eta / 2 * sp.diff(sp.log(f), a))


def prove_the_speed_of_a_balanced_weight():
    """Gradient flow on the balanced manifold: `a' = a^(L-1) (s - a^L)`, and `a = u^(1/L)`."""
    for depth in (1, 2, 3, 4, 5):
        weights = sp.symbols(f"a1:{depth + 1}", positive=True)
        slope = -sp.diff((s - sp.prod(weights)) ** 2 / 2, weights[0])
        vanishes(slope.subs(dict.fromkeys(weights, a)) - a ** (depth - 1) * (s - a**depth))
    vanishes((a ** (L - 1) * (s - a**L)).subs(a, u ** (1 / L)) - mode_speed(u, L))


def prove_descent_keeps_a_balanced_mode_balanced():
    depth = 3
    weights = sp.symbols(f"a1:{depth + 1}", positive=True)
    loss = (s - sp.prod(weights)) ** 2 / 2
    steps = [(w - eta * sp.diff(loss, w)).subs(dict.fromkeys(weights, a)) for w in weights]
    for step in steps[1:]:
        vanishes(step - steps[0])
