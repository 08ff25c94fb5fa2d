"""Eqs. (1) and (2) of `theorylab.deep_linear.scalar_network`, from the loss up."""

from __future__ import annotations

from itertools import combinations

import sympy as sp

from proofs.lemma import vanishes

tau = sp.symbols("tau", positive=True)
s = sp.symbols("s", real=True)
first, second = (sp.Matrix(sp.symbols(f"{name}1:4", real=True)) for name in ("v", "w"))  # 3 units
u, n = first.dot(second), first.dot(first) + second.dot(second)
loss = (s - u) ** 2 / 2


def along(expression):
    """Time derivative along the flow."""
    return (
        -sum(sp.diff(expression, weight) * sp.diff(loss, weight) for weight in (*first, *second))
        / tau
    )


def prove_the_strength_and_the_size_close_on_themselves():
    vanishes(tau * along(u) - n * (s - u))
    vanishes(tau * along(n) - 4 * u * (s - u))


def prove_eq_1_is_conserved():
    vanishes(along(n**2 - 4 * u**2))


def prove_eq_1_is_a_product_of_norms():
    minus, plus = first - second, first + second
    vanishes(n**2 - 4 * u**2 - minus.dot(minus) * plus.dot(plus))


def prove_one_pair_of_weights_has_the_same_size_strength_and_imbalance():
    """Eq. (2): `a0 = sqrt((n + K) / 2)` and `b0 = u / a0` are an unbalanced mode of imbalance K."""
    size, K, strength = sp.symbols("n K u", positive=True)
    a0 = sp.sqrt((size + K) / 2)
    b0 = strength / a0
    conserved = {strength: sp.sqrt(size**2 - K**2) / 2}
    vanishes((a0 * b0 - strength).subs(conserved))
    vanishes((a0**2 + b0**2 - size).subs(conserved))
    vanishes((a0**2 - b0**2 - K).subs(conserved))


def prove_the_imbalance_exceeds_that_of_the_norms_unless_the_weights_are_parallel():
    """Lagrange's identity: the excess of `K^2` is a sum of squares of the minors."""
    norms = first.dot(first) - second.dot(second)
    minors = sum(
        (x * later - y * earlier) ** 2
        for (x, earlier), (y, later) in combinations(
            zip(first.flat(), second.flat(), strict=True), 2
        )
    )
    vanishes(n**2 - 4 * u**2 - norms**2 - 4 * minors)
