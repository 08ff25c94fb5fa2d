"""Eqs. (1) to (5) of `theorylab.neural_collapse.mode_fit`, from the loss of one direction up."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

w, h, y, N, x, b, M = sp.symbols("w h y N x b M", positive=True)
feature_decay, s, q = sp.symbols("lambda_H s q", positive=True)
m = sp.symbols("m", positive=True)
"""`M - 1`, where there is more than one layer."""
delta = sp.symbols("delta", real=True)
layer_decays = sp.symbols("lambda_1:4", positive=True)

loss = 1 / (1 + x**M) + b * x
"""`g` of Eq. (1)."""

fit = x**M / (1 + x**M)
critical_penalty = (M - 1) ** ((M - 1) / M) / M
spinodal_penalty = (M + 1) ** (1 + 1 / M) * (M - 1) ** ((M - 1) / M) / (4 * M)


def log_stationarity(log_x, log_top):
    """Eq. (5)."""
    return (M + 1) * (log_x - log_top) + 2 * sp.log(1 + sp.exp(-M * log_x))


def prove_the_features_are_a_ridge_regression():
    value = (w * h - y) ** 2 / (2 * N) + feature_decay * h**2 / 2
    best = w * y / (w**2 + N * feature_decay)
    vanishes(sp.diff(value, h).subs(h, best))
    vanishes(sp.diff(value, h, 2) - (w**2 / N + feature_decay))
    vanishes(value.subs(h, best) - y**2 / (2 * N) / (1 + w**2 / (N * feature_decay)))


def prove_the_cheapest_split_over_layers_is_balanced():
    # In the logarithms of the factors the penalty is convex and the product a linear constraint:
    # the stationary point below is the minimum. Two and three factors stand for any number.
    for decays in (layer_decays[:2], layer_decays):
        n = len(decays)
        shared = (sp.prod(decays) * s**2) ** sp.Rational(1, n)
        factors = [sp.sqrt(shared / decay) for decay in decays]
        vanishes(sp.log(sp.prod(factors)) - sp.log(s))
        for decay, factor in zip(decays, factors, strict=True):
            vanishes(decay * factor**2 - shared)  # d penalty / d ln factor: one multiplier for all
        penalty = sum(decay * factor**2 for decay, factor in zip(decays, factors, strict=True)) / 2
        vanishes(penalty - sp.Rational(n, 2) * shared)


def prove_eq_1():
    product = sp.symbols("Pi", positive=True)  # of the decays of the layers
    strength = sp.sqrt(N * feature_decay * x**M)
    misfit = y**2 / (2 * N) / (1 + strength**2 / (N * feature_decay))
    penalty = M / 2 * (product * strength**2) ** (1 / M)
    b_of_decays = M * N / y**2 * (N * feature_decay * product) ** (1 / M)
    vanishes(misfit + penalty - y**2 / (2 * N) * loss.subs(b, b_of_decays))
    ridge = strength * y / (strength**2 + N * feature_decay)
    vanishes(strength * ridge - fit * y)


def prove_stationarity():
    vanishes(sp.diff(loss, x) * (1 + x**M) ** 2 - (b * (1 + x**M) ** 2 - M * x ** (M - 1)))


def prove_the_critical_penalty():
    # g < 1 is b < ratio(x), which has one maximum, b*, where g touches 1.
    ratio = x ** (M - 1) / (1 + x**M)
    vanishes(1 - loss - x * (ratio - b))
    vanishes(sp.diff(ratio, x) - x ** (M - 2) * (M - 1 - x**M) / (1 + x**M) ** 2)
    stationary = b * (1 + x**M) ** 2 - M * x ** (M - 1)
    for residual in (
        ratio - critical_penalty,
        fit - (M - 1) / M,
        stationary.subs(b, critical_penalty),
    ):
        vanishes(residual.subs(M, m + 1).subs(x, m ** (1 / (m + 1))))


def prove_the_spinodal_penalty():
    # Stationary points are where b is this function, of one maximum.
    stationary = M * x ** (M - 1) / (1 + x**M) ** 2
    slope = M * x ** (M - 2) * (M - 1 - (M + 1) * x**M) / (1 + x**M) ** 3
    vanishes(sp.diff(stationary, x) - slope)
    residual = (stationary / spinodal_penalty).subs(M, m + 1)
    vanishes(residual.subs(x, (m / (m + 2)) ** (1 / (m + 1))) - 1)
    vanishes(critical_penalty.subs(M, 2) - sp.Rational(1, 2))
    vanishes(spinodal_penalty.subs(M, 2) - 3 * sp.sqrt(3) / 8)


def prove_one_layer():
    g = loss.subs(M, 1)
    best = 1 / sp.sqrt(b) - 1
    vanishes(sp.diff(g, x).subs(x, best))
    vanishes(sp.diff(g, x, 2) - 2 / (1 + x) ** 3)  # convex
    vanishes(g.subs(x, best) - (2 * sp.sqrt(b) - b))
    vanishes(fit.subs(M, 1).subs(x, best) - (1 - sp.sqrt(b)))


def prove_eq_5():
    # Its exponential is b (1 + x^M)^2 / (M x^(M-1)): it has the sign of g', and increases where x
    # is beyond the spinodal, so that its root there is a minimum.
    log_top = sp.log(M / b) / (M + 1)
    form = log_stationarity(sp.log(x), log_top)
    vanishes(form - sp.log(b * (1 + x**M) ** 2 / (M * x ** (M - 1))))
    slope = (M + 1) - 2 * M / (1 + x**M)
    vanishes(x * sp.diff(form, x) - slope)
    vanishes(slope * (1 + x**M) - ((M + 1) * x**M - (M - 1)))
    # At the upper end of the bracket it is positive.
    log_x = sp.symbols("u", real=True)
    vanishes(log_stationarity(log_x, log_x) - 2 * sp.log(1 + sp.exp(-M * log_x)))


def prove_the_root_at_small_penalties():
    # x = x_0 (1 - 2 q / (M + 1)) with q = x_0^-M, up to q^2: of Eq. (5) at u = u_0 + delta.
    form = (M + 1) * delta + 2 * sp.log(1 + q * sp.exp(-M * delta))
    first_order = form.subs(delta, sp.log(1 - 2 * q / (M + 1)))
    vanishes(first_order.subs(q, 0))
    vanishes(sp.diff(first_order, q).subs(q, 0))
    vanishes(((M / b) ** (1 / (M + 1))) ** (-M) - (b / M) ** (M / (M + 1)))
