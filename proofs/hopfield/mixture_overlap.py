"""Eq. (3) of `theorylab.hopfield.mixture_overlap`, from the Hessian of the free energy."""

from __future__ import annotations

from itertools import product

import sympy as sp

from proofs.lemma import vanishes

beta, m = sp.symbols("beta m", positive=True)


def hessian(mixed, patterns):
    """`A = 1 - beta <xi xi' (1 - tanh^2)>`; `tanh^2` of each `|z|` is a symbol."""
    signs = list(product((1, -1), repeat=patterns))
    tanh2 = lambda z: sp.Symbol(f"t{abs(z)}") if z else sp.S.Zero
    entry = lambda a, b: sp.Add(*(x[a] * x[b] * (1 - tanh2(sum(x[:mixed]))) for x in signs))
    average = lambda a, b: entry(a, b) / len(signs)
    return sp.Matrix(patterns, patterns, lambda a, b: int(a == b) - beta * average(a, b))


def prove_eigenvalues_of_the_hessian():
    for n in (2, 3, 4, 5):
        A = hessian(n, n + 1)
        signs = list(product((1, -1), repeat=n))
        tanh2 = lambda z: sp.Symbol(f"t{abs(z)}") if z else sp.S.Zero
        q = sp.Add(*(tanh2(sum(x)) for x in signs)) / len(signs)
        pair = sp.Add(*((sum(x) ** 2 - n) * tanh2(sum(x)) for x in signs)) / len(signs)
        pair = pair / (n * (n - 1))
        along = sp.Matrix([1] * n + [0])
        between = sp.Matrix([1, -1] + [0] * (n - 1))
        towards = sp.Matrix([0] * n + [1])
        vanishes(A * along - (1 - beta * (1 - q) + beta * (n - 1) * pair) * along)
        vanishes(A * between - (1 - beta * (1 - q) - beta * pair) * between)
        vanishes(A * towards - (1 - beta * (1 - q)) * towards)


def prove_the_gradient_and_the_hessian_of_f():
    overlaps = sp.symbols("m1:4", real=True)
    signs = list(product((1, -1), repeat=3))
    field = lambda x: beta * sum(a * b for a, b in zip(x, overlaps, strict=True))
    f = sum(a**2 for a in overlaps) / 2 - sum(sp.log(2 * sp.cosh(field(x))) for x in signs) / (
        beta * len(signs)
    )
    equation = overlaps[0] - sum(x[0] * sp.tanh(field(x)) for x in signs) / len(signs)
    vanishes(
        (sp.diff(f, overlaps[0]) - equation)
        .rewrite(sp.tanh)
        .subs(dict(zip(overlaps, (m, 2 * m, 0), strict=True)))
    )
    curvature = -beta * sum(x[0] * x[1] * (1 - sp.tanh(field(x)) ** 2) for x in signs) / len(signs)
    vanishes(sp.diff(equation, overlaps[1]) - curvature)
