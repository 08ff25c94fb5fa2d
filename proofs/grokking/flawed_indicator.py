"""Eqs. (1) to (5) of `theorylab.grokking.flawed_indicator`, from the waves up."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

a, p = sp.symbols("a p", positive=True)
peak, ghosts = a / 2 * (p / 2), a / 2 * (p / 4)
base = -a / 2


def mean_cross_entropy(off_diagonal, on_diagonal):
    """The loss over all pairs, of logits given as (right, ((others, how many), ...))."""
    of_one = lambda right, others: sp.log(
        1 + sum(times * sp.exp(logit - right) for logit, times in others)
    )
    return (p - 1) / p * of_one(*off_diagonal) + of_one(*on_diagonal) / p


cross_entropy = (
    (p - 1) / p * sp.log(1 + 2 * sp.exp(-a * p / 8) + (p - 3) * sp.exp(-a * p / 4))
    + sp.log(1 + (p - 1) * sp.exp(-a * p / 2)) / p
)  # fmt: skip
restricted_loss = sp.log(1 + (p - 1) * sp.exp(-a * p / 4))
excluded_loss = (
    (p - 1) / p * sp.log(p - 2 + 2 * sp.exp(a * p / 8))
    + sp.log(1 + (p - 1) * sp.exp(-a * p / 4)) / p
)  # fmt: skip


def prove_sum_of_all_waves():
    # sum over k = 1 ... K of cos(2 pi k u / p) = (p 1[u = 0] - 1) / 2, p = 2K + 1: it telescopes.
    k, z, K = sp.symbols("k z K")
    difference = sp.sin((k + sp.Rational(1, 2)) * z) - sp.sin((k - sp.Rational(1, 2)) * z)
    vanishes(sp.expand(sp.expand_trig(2 * sp.sin(z / 2) * sp.cos(k * z) - difference)))
    u = sp.Symbol("u", integer=True)
    ends = sp.sin((K + sp.Rational(1, 2)) * z) - sp.sin(z / 2)
    total = (ends / (2 * sp.sin(z / 2))).subs(z, 2 * sp.pi * u / (2 * K + 1))
    vanishes(sp.simplify(total) + sp.Rational(1, 2))  # at u = 0 it is K = (p - 1) / 2


def prove_ghosts():
    # (1 + cos w d) cos w u: a wave at j = x + y, and half a wave at j = 2x and at j = 2y each.
    w, x, y, j = sp.symbols("w x y j", real=True)
    d, u = x - y, j - x - y
    doubles = sp.cos(w * (j - 2 * x)) + sp.cos(w * (j - 2 * y))
    vanishes((2 * sp.cos(w * d) * sp.cos(w * u) - doubles).rewrite(sp.exp))


def prove_eq_1():
    # a/2 times the sums of all waves, for the three indicators.
    at_sum, at_double_x, at_double_y = sp.symbols("q0 q1 q2")
    all_waves = lambda indicator: (p * indicator - 1) / 2
    logits = a / 2 * (all_waves(at_sum) + (all_waves(at_double_x) + all_waves(at_double_y)) / 2)
    vanishes(logits - (base + peak * at_sum + ghosts * (at_double_x + at_double_y)))


def prove_eq_2():
    vanishes(peak - ghosts - a * p / 8)
    vanishes(peak + 2 * ghosts - a * p / 2)


def prove_eq_3():
    off = (base + peak, ((base + ghosts, 2), (base, p - 3)))
    on = (base + peak + 2 * ghosts, ((base, p - 1),))
    vanishes(mean_cross_entropy(off, on) - cross_entropy)


def prove_the_projection_is_the_peak():
    # The mean over the pairs of one sum: waves of d average to 0, and the ghosts with them. What is
    # left sums to 0 over the sums, so that no constant is lost.
    p_peak = sp.Symbol("q0")
    projection = a / 2 * (p * p_peak - 1) / 2
    vanishes(projection - (-a / 4 + peak * p_peak))
    vanishes(projection.subs(p_peak, 1) + (p - 1) * projection.subs(p_peak, 0))


def prove_eq_4():
    everywhere = (-a / 4 + peak, ((-a / 4, p - 1),))
    vanishes(mean_cross_entropy(everywhere, everywhere) - restricted_loss)


def prove_eq_5():
    rest = base + a / 4
    off = (rest, ((rest + ghosts, 2), (rest, p - 3)))
    on = (rest + 2 * ghosts, ((rest, p - 1),))
    vanishes(mean_cross_entropy(off, on) - excluded_loss)
