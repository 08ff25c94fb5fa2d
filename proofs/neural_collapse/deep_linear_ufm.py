"""Eqs. (2) to (5) of `theorylab.neural_collapse.deep_linear_ufm`, from the loss up.

The reduction to singular values. With `p(Z)` the least penalty of factors of product `Z`, which is
`(M + 1)/2 sum_i (Lambda s_i^2)^(1/(M + 1))` of its singular values (the split over the factors is
proved in `mode_fit`), von Neumann's trace inequality gives

    |Z - Y|^2 / (2N) + p(Z) >= sum_i [(s_i - y_i)^2 / (2N) + p(s_i)],

with equality where `Z` has the singular vectors of the target: one problem of `mode_fit` for each
`y_i`, of which narrow layers keep those of the largest gain. A free bias replaces `Z` and `Y` by
`Z C` and `Y C`, `C` the centring, and `p(Z C) <= p(Z)`.

A decayed bias. With equal sizes all `y_i = y`. The fidelity that is left (below) is

    kappa |Z - Y|^2 + (1 - kappa) |Z C - Y C|^2
        >= kappa sum_{i <= K} (s_i - y)^2 + (1 - kappa) sum_{i < K} (s_i(Z C) - y)^2,

`s_i` of `Z` in descending order. As `s_i(Z C) <= s_i`, the second sum is at least that of
`(y - min(s_i, y))^2`, and the bound falls if `s_i` is cut down to `y`: it is at least

    sum_{i < K} (s_i - y)^2 + kappa (s_K - y)^2,  0 <= s_i <= y,

so that the loss is at least `K - 1` scalar problems and one with `kappa/N` for `1/N`. Singular
vectors of `Y`, that of the last direction along the ones, attain it, at any depth.

Local minima. Near factors of product `Z` the same bounds hold, and the ordered singular values move
continuously: where the largest `y_i` are fitted, each at a local minimum of its scalar problem, and
the others are 0 (a strict one for two layers and more), the loss is a local minimum.
"""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes
from proofs.neural_collapse import mode_fit

M, N, b, x, y = mode_fit.M, mode_fit.N, mode_fit.b, mode_fit.x, mode_fit.y
n, K, decay, layer_decay, feature_decay = sp.symbols("n K lambda lambda_W lambda_H", positive=True)
product, bias_decay, kappa = sp.symbols("Lambda lambda_beta kappa", positive=True)
theta = sp.symbols("theta", real=True)

penalty = M * N / y**2 * (N * product) ** (1 / M)
"""`b_i` of Eq. (3)."""

stationary = M * x ** (M - 1) / (1 + x**M) ** 2
"""`b` at the larger root."""


def _at_a_minimum(expression):
    """With the decays of that `b`: `N Lambda = (b y^2 / (M N))^M`."""
    return expression.subs(product, (stationary * y**2 / (M * N)) ** M / N)


def prove_the_bias_is_a_ridge_regression():
    # Of one row of residuals; three samples stand for any number.
    r = sp.Matrix(sp.symbols("r_1:4", real=True))
    ones, samples, beta = sp.ones(3, 1), 3, sp.symbols("beta", real=True)
    residual = r + beta * ones
    value = residual.dot(residual) / (2 * samples) + bias_decay * beta**2 / 2
    best = -r.dot(ones) / samples / (1 + bias_decay)
    vanishes(sp.diff(value, beta).subs(beta, best))
    left = sp.eye(3) - ones * ones.T / (samples * (1 + bias_decay))
    vanishes(value.subs(beta, best) - (r.T * left * r)[0] / (2 * samples))
    # Along the ones the weight is kappa = lambda / (1 + lambda), elsewhere 1.
    vanishes(left * ones - ones * bias_decay / (1 + bias_decay))


def prove_the_target_of_a_free_bias():
    # Y C Y' = D - n n'/N, of classes of 3, 2 and 1.
    labels = [0, 0, 0, 1, 1, 2]
    Y = sp.Matrix(3, 6, lambda k, i: int(labels[i] == k))
    sizes, ones = Y * sp.ones(6, 1), sp.ones(6, 1)
    centred = Y * (sp.eye(6) - ones * ones.T / 6)
    A = sp.diag(*sizes) - sizes * sizes.T / 6
    vanishes(centred * centred.T - A)
    vanishes(A * sp.ones(3, 1))
    # The right singular vectors at a sample of class k: U' (e_k - n/N) / y.
    vanishes(centred - (Y - sizes * ones.T / 6))


def prove_a_weaker_fidelity_has_a_larger_penalty():
    # kappa/N for 1/N: Eq. (5), and kappa y^2 for y^2 in Eq. (4).
    weaker = penalty.subs(N, N / kappa)
    vanishes(weaker - penalty * kappa ** (-(1 + 1 / M)))
    vanishes(y**2 / (2 * (N / kappa)) - kappa * y**2 / (2 * N))
    # The bias is the mean residual, (1 - t_0)/K, over 1 + lambda; here of three classes.
    fit, fit_of_ones = sp.symbols("t t_0", positive=True)
    ones = sp.ones(3, 1)
    centring = sp.eye(3) - ones * ones.T / 3
    logits = fit * centring + fit_of_ones * ones * ones.T / 3
    vanishes((sp.eye(3) - logits) * ones / 3 - (1 - fit_of_ones) * ones / 3)


def prove_the_factors_share_their_decay():
    # (Lambda s^2)^(1/(M+1)) = (N Lambda)^(1/M) x, the c that `mode_fit` gives each factor.
    s = mode_fit.fit * y
    ratio = (product * s**2) / ((N * product) ** (1 / M) * x) ** (M + 1)
    vanishes(sp.log(_at_a_minimum(ratio)))


def prove_the_envelope():
    # dL*/d ln(decay) = c/2 for each factor: x is stationary, and b ~ decay^(1/M) for a layer.
    for depth in (1, 2, 3):
        g = mode_fit.loss.subs(M, depth)
        at = penalty.subs(M, depth)
        loss = y**2 / (2 * N) * g.subs(b, at)
        shared = (N * product) ** sp.Rational(1, depth) * x
        vanishes(product * sp.diff(loss, product) - shared / 2)


def prove_self_duality():
    # Row k of the product of layers over class mean k; sqrt(n) from the mean of unit vectors.
    w = mode_fit.w
    h = w * sp.sqrt(n) / (w**2 + N * feature_decay)
    vanishes(w * sp.sqrt(n) / h - (w**2 + N * feature_decay))


def prove_one_layer_thresholds_softly():
    at = {M: 1, y: sp.sqrt(n), product: layer_decay * feature_decay}
    root_b = sp.sqrt(penalty.subs(at))
    rho = sp.sqrt(layer_decay * feature_decay)
    s = (1 - root_b) * sp.sqrt(n)
    vanishes(s - (sp.sqrt(n) - N * rho))
    vanishes(rho * s / layer_decay - (sp.sqrt(n * feature_decay / layer_decay) - N * feature_decay))
    value = n / (2 * N) * (2 * root_b - root_b**2)
    vanishes(value - (rho * sp.sqrt(n) - N * rho**2 / 2))


def prove_minority_collapse():
    # b >= b* in terms of the size of the class, and of one decay for all, Lambda = lambda^(M+1).
    size = M * N * (N * product) ** (1 / M) / mode_fit.critical_penalty
    vanishes(penalty.subs(y, sp.sqrt(size)) - mode_fit.critical_penalty)
    critical = ((b * y**2 / (M * N)) ** M / N) ** (1 / (M + 1))
    vanishes(penalty.subs(product, critical ** (M + 1)) - b)
    balanced = ((b / (M * K)) ** M / (K * n)) ** (1 / (M + 1))
    vanishes((critical / balanced).subs(N, K * n).subs(y, sp.sqrt(n)) - 1)


def prove_replication():
    # n -> a n, lambda_H -> lambda_H / a leaves b, hence t, as it is.
    a = sp.symbols("a", positive=True)
    replicated = {N: a * N, y: sp.sqrt(a) * y, product: product / a}
    vanishes(penalty.subs(replicated, simultaneous=True) - penalty)


def prove_fitting_a_smaller_direction_alone_is_a_saddle():
    # Of s u v' with the singular vectors of y_2, turned towards those of y_1, not fitted.
    s, y_1, y_2 = sp.symbols("s y_1 y_2", positive=True)
    u = sp.Matrix([sp.sin(theta), sp.cos(theta)])
    misfit = s * u * u.T - sp.diag(y_1, y_2)
    value = sum(entry**2 for entry in misfit) / 2
    vanishes(sp.diff(value, theta).subs(theta, 0))
    vanishes(sp.diff(value, theta, 2).subs(theta, 0) - 2 * s * (y_2 - y_1))
