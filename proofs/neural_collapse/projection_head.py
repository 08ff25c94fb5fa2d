"""Eqs. (2) to (6) of `theorylab.neural_collapse.projection_head`, from the loss."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

phi, kept, lam, a, t, L = sp.symbols("phi phi_plus lambda a t L", positive=True)
M = 2 * L - 1
objective = -2 * kept * a**2 + phi**2 * a**4 + L * lam / 2 * a ** (2 / L)  # Eq. (2)
strain = lam / (4 * kept) * (phi**2 / kept) ** (1 - 1 / L)
penalty = M * strain ** (2 * L / M)  # Eq. (4)
critical = (1 - t) * t ** (1 - 1 / L) - strain  # 0 where Eq. (2) is stationary
# The decay at which a fit of t is stationary.
decay_of_fit = 4 * kept * (kept / phi**2) ** (1 - 1 / L) * (1 - t) * t ** (1 - 1 / L)
fitted = sp.sqrt(t * kept) / phi


def prove_the_square_of_the_loss():
    # With B = S A'A S, S the root of E xx', the loss is |B - T|^2 - |T|^2, T = S^-1 Sigma+ S^-1.
    S = sp.Matrix(2, 2, sp.symbols("s0 s1 s1 s2", real=True))
    T = sp.Matrix(2, 2, sp.symbols("t0 t1 t1 t2", real=True))
    A = sp.Matrix(2, 2, sp.symbols("a0:4", real=True))
    square = lambda X: sum(x**2 for x in X)
    pairs = -2 * (A * S * T * S * A.T).trace() + ((A * S * S * A.T) ** 2).trace()
    vanishes(square(S * A.T * A * S - T) - square(T) - pairs)


def prove_eq_2_of_one_feature():
    # Along an eigenvector S^2 = phi and S T S = phi_plus; L layers share the decay by a^(1/L).
    root, target = sp.sqrt(phi), kept / phi
    vanishes((root * a**2 * root - target) ** 2 - target**2 - objective.subs(lam, 0))
    for depth in (2, 3):
        factors = sp.symbols(f"w1:{depth + 1}", positive=True)
        multiplier = sp.Symbol("multiplier")
        lagrangian = lam / 2 * sum(w**2 for w in factors) - multiplier * sp.prod(factors)
        equal = {w: a ** sp.Rational(1, depth) for w in factors}
        gradient = [sp.diff(lagrangian, w).subs(equal) for w in factors]
        for force in gradient[1:]:
            vanishes(force - gradient[0])
        cost = lam / 2 * sum(w**2 for w in factors)
        vanishes(cost.subs(equal) - (objective - objective.subs(lam, 0)).subs(L, depth))


def prove_eq_3():
    vanishes(sp.diff(objective.subs(lam, 0), a).subs(a, sp.sqrt(kept) / phi))


def prove_eq_4():
    # Stationary points of Eq. (2), and of g of `mode_fit` at the penalty b, are the same fits.
    for depth in (1, 2, 3, 4):
        at = {L: depth}
        slope = sp.diff(objective.subs(at), a).subs(a, fitted)
        vanishes(sp.powsimp(sp.expand_power_base(slope.subs(lam, decay_of_fit.subs(at)))))
        vanishes(critical.subs(at).subs(lam, decay_of_fit.subs(at)))
        # b (1 + x^M)^2 = M x^(M-1) with x^M = t / (1 - t), by strain = (1 - t) t^(1 - 1/L).
        order = 2 * depth - 1
        x = sp.Symbol("x", positive=True)
        fit = x**order / (1 + x**order)
        b = order * ((1 - fit) * fit ** (1 - sp.Rational(1, depth))) ** sp.Rational(
            2 * depth, order
        )
        vanishes((b * (1 + x**order) ** 2) ** order - (order * x ** (order - 1)) ** order)


def prove_the_cubic_of_two_layers():
    slope = sp.diff(objective.subs(L, 2), a)
    vanishes(slope - (4 * phi**2 * a**3 - 4 * kept * a + lam))


def prove_eq_6():
    # g = (1 - t)(1 + M t) at a root; what (2) falls by is (phi_plus / phi)^2 (1 - g).
    for depth in (1, 2, 3, 4):
        at = {L: depth}
        order = 2 * depth - 1
        value = objective.subs(at).subs(a, fitted).subs(lam, decay_of_fit.subs(at))
        gain = (kept / phi) ** 2 * (1 - (1 - t) * (1 + order * t))
        vanishes(sp.powsimp(sp.expand_power_base(sp.expand(value))) + sp.expand(gain))
    x, order = sp.symbols("x M", positive=True)
    at_root = 1 / (1 + x**order) + order * x**order / (1 + x**order) ** 2  # b x at the root
    fit = x**order / (1 + x**order)
    vanishes(at_root - (1 - fit) * (1 + order * fit))


def prove_eq_5():
    # The gain is 0 at t = (M-1)/M, whose decay is lambda_c.
    at_drop = (2 * L - 2) / (2 * L - 1)
    vanishes(sp.simplify(1 - (1 - at_drop) * (1 + M * at_drop)))
    for depth in (2, 3, 4):
        fit = at_drop.subs(L, depth)
        a_c = sp.sqrt(fit * kept) / phi
        lambda_c = 4 * kept / (2 * depth - 1) * a_c ** (2 - sp.Rational(2, depth))
        vanishes(lambda_c - decay_of_fit.subs(L, depth).subs(t, fit))
    # One layer: up to where 4 phi_plus = lambda there is no gain and no fit.
    vanishes(decay_of_fit.subs(L, 1).subs(t, 0) - 4 * kept)
