"""Eqs. (2) and (3) of `theorylab.neural_collapse.seli`, and why they are optimal."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes


def matrices(K):
    sizes = sp.symbols(f"n1:{K + 1}", positive=True)
    ones = sp.ones(K, 1)
    C = sp.eye(K) - ones * ones.T / K
    D = sp.diag(*sizes)
    inverse = D.inv()
    pseudoinverse = inverse - inverse * ones * ones.T * inverse / (ones.T * inverse * ones)[0]
    return sizes, ones, C, C * D * C, pseudoinverse


def prove_eq_3_is_the_pseudoinverse():
    for K in (2, 3, 4):
        _, ones, C, A, inverse = matrices(K)
        vanishes(inverse * ones)
        vanishes(A * inverse - C)  # a symmetric projector: all four of Penrose's equations
        vanishes(C * inverse - inverse)
        vanishes(C * A - A)


def prove_it_is_the_laplacian_of_positive_weights():
    for K in (2, 3, 4):
        sizes, _, _, _, inverse = matrices(K)
        total = sum(1 / n for n in sizes)
        for i in range(K):
            for j in range(i):
                vanishes(inverse[i, j] + 1 / (sizes[i] * sizes[j] * total))


def prove_coefficients_of_the_root_are_negative():
    # (1 - x)^(1/2) = 1 - sum b_k x^k: b_1 = 1/2, and b_{k+1} / b_k > 0.
    k = sp.Symbol("k", integer=True, positive=True)
    coefficient = lambda k: (-1) ** k * sp.ff(sp.Rational(1, 2), k) / sp.factorial(k)
    vanishes(coefficient(1) + sp.Rational(1, 2))
    for order in range(1, 12):
        ratio = coefficient(order + 1) / coefficient(order)
        vanishes(ratio - ((k - sp.Rational(1, 2)) / (k + 1)).subs(k, order))
    if not (k - sp.Rational(1, 2)).subs(k, k + 1).is_positive:
        raise AssertionError("the ratio of coefficients is not positive")


def prove_spectrum_of_two_sizes():
    nA, nB, x = sp.symbols("n_A n_B x", positive=True)
    for KA, KB in ((1, 2), (2, 2), (3, 2), (1, 4)):
        K = KA + KB
        C = sp.eye(K) - sp.ones(K, K) / K
        A = C * sp.diag(*[nA] * KA, *[nB] * KB) * C
        mixed = (nA * KB + nB * KA) / K
        expected = x * (x - nA) ** (KA - 1) * (x - nB) ** (KB - 1) * (x - mixed)
        vanishes((x * sp.eye(K) - A).det(method="berkowitz") - expected)


def prove_the_margins_are_one_and_the_multipliers_add_up():
    # Column k of (A^+)^(1/2) is sum_c m_c (e_k - e_c), with m_c >= 0 its entries less their sign:
    # that needs columns that sum to 0, and entries <= 0 off the diagonal, and no more.
    for K in (3, 4):
        C = sp.eye(K) - sp.ones(K, K) / K
        for k in range(K):
            for c in range(K):
                vanishes(C[k, k] - C[c, k] - int(c != k))
        column = sp.Matrix([*sp.symbols(f"m1:{K}", negative=True)])
        whole = sp.Matrix([-sum(column), *column])
        unit = lambda c, K=K: sp.Matrix(K, 1, lambda i, _: int(i == c))
        combined = sum((-whole[c] * (unit(0) - unit(c)) for c in range(1, K)), sp.zeros(K, 1))
        vanishes(combined - whole)
