"""Eqs. (1) to (3) of `theorylab.neural_collapse.collapse_rate`, from the flow near a minimizer."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes, vanishes_given

N, y, rest, lam1, lam_h = sp.symbols("N y w_rest lambda1 lambda_H", positive=True)
w1, h, v, g, t, n = sp.symbols("w1 h v g t n", positive=True)

# One class: its row of W1 and its mean times sqrt(n), along the mode and across; `rest` is the
# product of the layers above.
logit = rest * (w1 * h + v * g)
loss = (logit - y) ** 2 / (2 * N) + lam1 * (w1**2 + v**2) / 2 + lam_h * (h**2 + g**2) / 2
straight = {v: 0, g: 0}
force_w, force_h = (sp.diff(loss, x).subs(straight) for x in (w1, h))
kappa = rest * (y - rest * w1 * h) / N


def prove_the_decay_of_what_is_read():
    # A deviation d from a class mean along the mode adds (w d)^2 / (2N) + lambda_H d^2 / 2.
    d = sp.Symbol("d", real=True)
    w = rest * w1
    added = sum(loss.subs(straight).subs(h, h + sign * d) for sign in (1, -1)) / 2
    added = sp.expand(added - loss.subs(straight))
    rate = w**2 / N + lam_h
    vanishes(sp.diff(added, d) - rate * d)
    # At the minimum over h the fit is t = w h / y.
    best = sp.solve(force_h, h)[0]
    vanishes(rate - lam_h / (1 - w * best / y))


def prove_the_decay_of_what_is_not_read():
    # In a direction that no row of W1 has, the loss is that of the decay alone.
    d = sp.Symbol("d", real=True)
    vanishes(sp.diff(loss.subs(v, 0).subs(g, d), d) - lam_h * d)


def prove_eq_2():
    flow = sp.Matrix([-sp.diff(loss, x) for x in (g, v)])
    block = flow.jacobian([g, v]).subs(straight)
    vanishes(block - sp.Matrix([[-lam_h, kappa], [kappa, -lam1]]))
    # Stationary along the mode: kappa h = lambda1 w1 and kappa w1 = lambda_H h.
    vanishes(force_w + kappa * h - lam1 * w1)
    vanishes(force_h + kappa * w1 - lam_h * h)
    k = sp.Symbol("kappa", positive=True)
    inverse = sp.Symbol("inverse", positive=True)  # of w1 h, which is not 0
    vanishes_given(k**2 - lam1 * lam_h, k * h - lam1 * w1, k * w1 - lam_h * h, inverse * w1 * h - 1)


def prove_the_eigenvalues_of_eq_2():
    block = sp.Matrix([[-lam_h, sp.sqrt(lam1 * lam_h)], [sp.sqrt(lam1 * lam_h), -lam1]])
    x = sp.Symbol("x")
    vanishes(block.charpoly(x).as_expr() - x * (x + lam1 + lam_h))
    # The mode at rest turns both: (g, v) along (h, w1).
    vanishes(block * sp.Matrix([sp.sqrt(lam1), sp.sqrt(lam_h)]))


def prove_the_slow_exponent():
    # A deviation of e^(-lambda_H t) times the tilt, squared.
    tilt, deviation = lam1 + lam_h, lam_h
    vanishes(2 * (tilt + deviation) - 2 * (2 * lam_h + lam1))


def prove_the_rate_of_one_layer():
    # t = 1 - sqrt(b) with b = K N lambda1 lambda_H, and N = K n.
    K = sp.Symbol("K", positive=True)
    clean = 2 * lam_h / sp.sqrt(K * (K * n) * lam1 * lam_h)
    vanishes(clean - 2 / (K * n) * sp.sqrt(n * lam_h / lam1))


def prove_eq_4():
    eta, r, k = sp.symbols("eta r k", positive=True)
    # k steps multiply an amplitude by (1 - eta r)^k, in time k eta.
    vanishes(sp.exp(sp.log(1 - eta * r) / eta * (k * eta)) - (1 - eta * r) ** k)
