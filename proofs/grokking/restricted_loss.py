"""Eqs. (1) and (2) of `theorylab.grokking.restricted_loss`, for all logits of small moduli.

Roots of unity are powers of `z` modulo the cyclotomic polynomial: exact arithmetic.
"""

from __future__ import annotations

import itertools

import sympy as sp

from proofs.lemma import vanishes

z = sp.Symbol("z")


def reduced(p, polynomial):
    """A polynomial in `z = exp(2 pi i / p)`, in lowest terms."""
    return sp.rem(sp.expand(polynomial), sp.cyclotomic_poly(p, z), z)


def twice_cos(p, n):
    """`2 cos(2 pi n / p)`."""
    return z ** (n % p) + z ** (-n % p)


def twice_i_sin(p, n):
    """`2 i sin(2 pi n / p)`."""
    return z ** (n % p) - z ** (-n % p)


# And the sign of their squares.
WAVES = ((twice_cos, 1), (twice_i_sin, -1))


def pairs(p):
    return itertools.product(range(p), repeat=2)


def prove_eq_1_is_orthonormal():
    for p in (3, 5, 7, 9):
        scale = sp.Rational(2, p**2)
        for k, q in itertools.product(range(1, (p + 1) // 2), repeat=2):
            for (one, square), (other, _) in itertools.product(WAVES, repeat=2):
                product = lambda n: one(p, k * n) * other(p, q * n) / 4  # noqa: B023
                overlap = reduced(p, scale * sum(product(x + y) for x, y in pairs(p)))
                vanishes(overlap - (square if k == q and one is other else 0))


def projection(p, kept, f):
    """Of `f` on Eq. (1): the waves times their overlaps, which depends on the sum `s` alone."""
    waves = [(wave, square, k) for (wave, square), k in itertools.product(WAVES, kept)]
    overlaps = [
        reduced(p, sum(f[x, y] * wave(p, k * (x + y)) / 2 for x, y in pairs(p)))
        for wave, _, k in waves
    ]

    def at(s):
        terms = (
            square * wave(p, k * s) / 2 * overlap
            for (wave, square, k), overlap in zip(waves, overlaps, strict=True)
        )
        return reduced(p, sp.Rational(2, p**2) * sum(terms))

    return at


def eq_2(p, kept, f, s):
    means = [sum(f[x, (t - x) % p] for x in range(p)) / sp.Integer(p) for t in range(p)]
    waves = lambda u: sum(twice_cos(p, k * u) / 2 for k in kept)
    return reduced(p, sp.Rational(2, p) * sum(waves(s - t) * means[t] for t in range(p)))


def prove_eq_2():
    for p, kept in ((3, (1,)), (5, (2,)), (5, (1, 2)), (7, (3,))):
        f = sp.Matrix(p, p, sp.symbols(f"f0:{p * p}"))
        projected = projection(p, kept, f)
        for s in range(p):
            vanishes(projected(s) - eq_2(p, kept, f, s))


def prove_all_frequencies_leave_out_the_mean_alone():
    for p in (3, 5):
        f = sp.Matrix(p, p, sp.symbols(f"f0:{p * p}"))
        mean = sum(f) / sp.Integer(p**2)
        for s in range(p):
            of_sum = sum(f[x, (s - x) % p] for x in range(p)) / sp.Integer(p)
            vanishes(eq_2(p, range(1, (p + 1) // 2), f, s) - (of_sum - mean))


def phase_symmetric(p, k, j):
    """`(1 + cos k(x - y)) cos k(j - x - y)` over `x` and `y`, with `k` for the angle `2 pi k / p`.

    What neurons of one frequency compute if they square sums and their phases are symmetric.
    """
    cos = lambda n: twice_cos(p, k * n) / 2
    return sp.Matrix(p, p, lambda x, y: (1 + cos(x - y)) * cos(j - x - y))


def prove_waves_in_the_difference_drop_out():
    for p in (3, 5, 7):
        frequencies = range(1, (p + 1) // 2)
        for k, j, s in itertools.product(frequencies, range(p), range(p)):
            projected = eq_2(p, frequencies, phase_symmetric(p, k, j), s)
            vanishes(projected - reduced(p, twice_cos(p, k * (j - s)) / 2))
