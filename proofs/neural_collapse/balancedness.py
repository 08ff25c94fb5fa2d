"""Eqs. (1) and (2) of `theorylab.neural_collapse.balancedness`, for any loss of the product."""

from __future__ import annotations

import itertools

import sympy as sp

from proofs.lemma import vanishes

lam, eta = sp.symbols("lambda eta", positive=True)


def _matrix(name, rows, columns):
    return sp.Matrix(rows, columns, sp.symbols(f"{name}0:{rows * columns}", real=True))


# Two layers on features; `G` is the gradient in the product, whatever the loss.
W2, W1, H, G = _matrix("v", 2, 3), _matrix("u", 3, 2), _matrix("h", 2, 3), _matrix("g", 2, 3)
gradients = (G * H.T * W1.T, W2.T * G * H.T, W1.T * W2.T * G)
upper = lambda above, below: above.T * above - below * below.T


def prove_the_gradients_of_the_factors():
    # A loss of gradient G in the product changes by <G, d(W2 W1 H)>.
    change = lambda A, B: sum(a * b for a, b in zip(A, B, strict=True))
    product = change(G, W2 * W1 * H)
    for factor, gradient in zip((W2, W1, H), gradients, strict=True):
        vanishes(sp.Matrix([sp.diff(product, x) for x in factor]) - sp.Matrix(list(gradient)))


def prove_eq_1():
    v, u, h = (
        -gradient - lam * W for gradient, W in zip(gradients, (W2, W1, H), strict=True)
    )  # the flow
    for (above, up), (below, down) in (((W2, v), (W1, u)), ((W1, u), (H, h))):
        rate = up.T * above + above.T * up - down * below.T - below * down.T
        vanishes(rate + 2 * lam * upper(above, below))


def prove_eq_2():
    pairs = list(zip((W2, W1, H), gradients, strict=True))
    for (above, g), (below, f) in itertools.pairwise(pairs):
        after = upper((1 - eta * lam) * above - eta * g, (1 - eta * lam) * below - eta * f)
        vanishes(after - (1 - eta * lam) ** 2 * upper(above, below) - eta**2 * upper(g, f))
