"""Eqs. (1) and (2) of `theorylab.grokking.symmetric_floor`, by counting training sets."""

from __future__ import annotations

import itertools

import sympy as sp

from proofs.lemma import vanishes

p, n = sp.symbols("p n", positive=True, integer=True)
mean = n / (p * (p + 1))
variance = (
    n
    * (2 * (p**2 - p - 3) * n * (p**2 - n) + p * (p + 1) * (p**3 - 2 * p**2 - p + 4))
    / (p**2 * (p + 1) ** 2 * (p**2 - 2) * (p**2 - 3) * (p**2 - n))
)
couples = p * (p - 1) / 2  # of a pair and its mirror image


def chance(trained, held_out):
    """That so many given pairs are trained and so many others held out.

    Of the `binomial(p^2, n)` training sets, `binomial(p^2 - trained - held_out, n - trained)`.
    """
    free = p**2 - trained - held_out
    return sp.ff(n, trained) * sp.ff(p**2 - n, held_out) / sp.ff(p**2, p**2 - free)


def prove_the_chance_counts_training_sets():
    N = sp.Symbol("N", positive=True, integer=True)
    for trained, held_out in ((1, 1), (2, 2)):
        free = N - trained - held_out
        sets = sp.binomial(free, n - trained) / sp.binomial(N, n)
        product = sp.ff(n, trained) * sp.ff(N - n, held_out) / sp.ff(N, N - free)
        vanishes(sp.combsimp(sp.expand_func(sets) / product) - 1)


def prove_eq_1():
    # One pair of a couple is trained, the other is a test pair that it covers.
    vanishes(couples * 2 * chance(1, 1) / (p**2 - n) - mean)


def prove_eq_2():
    one, two = couples * 2 * chance(1, 1), couples * (couples - 1) * 4 * chance(2, 2)
    vanishes((one + two - one**2) / (p**2 - n) ** 2 - variance)


def prove_both_over_all_training_sets():
    pairs = list(itertools.product(range(3), repeat=2))
    for size in range(1, 9):
        covered = []
        for trained in itertools.combinations(pairs, size):
            test = [pair for pair in pairs if pair not in trained]
            covered.append(sp.Rational(sum(pair[::-1] in trained for pair in test), len(test)))
        first, second = (sum(F**power for F in covered) / len(covered) for power in (1, 2))
        at = {p: 3, n: size}
        vanishes(first - mean.subs(at))
        vanishes(second - first**2 - variance.subs(at))


def prove_the_limits():
    # One pair held out is covered unless it is its own mirror image.
    vanishes(mean.subs(n, p**2 - 1) - (1 - 1 / p))
    vanishes(variance.subs(n, p**2 - 1) - (1 - 1 / p) / p)
    r = sp.Symbol("r", positive=True)
    vanishes(sp.limit(mean.subs(n, r * p**2), p, sp.oo) - r)
    vanishes(sp.limit(p**2 * variance.subs(n, r * p**2), p, sp.oo) - 2 * r**2)
