"""Little's law is stationary for parallel heat bath: detailed balance, for symmetric couplings."""

from __future__ import annotations

from itertools import product

import sympy as sp

from proofs.lemma import vanishes

beta = sp.Symbol("beta", positive=True)
SPINS = 3
J = sp.Matrix(SPINS, SPINS, lambda i, j: 0 if i == j else sp.Symbol(f"J{min(i, j)}{max(i, j)}"))


def prove_detailed_balance():
    states = [sp.Matrix(x) for x in product((1, -1), repeat=SPINS)]
    weight = lambda x: sp.prod([2 * sp.cosh(beta * field) for field in J * x])
    chance = lambda x, new: sp.prod(
        [sp.exp(beta * n * f) / (2 * sp.cosh(beta * f)) for n, f in zip(new, J * x, strict=True)]
    )
    for x in states:
        for new in states:
            flow = weight(x) * chance(x, new) - weight(new) * chance(new, x)
            vanishes(sp.powsimp(sp.expand(flow)))
