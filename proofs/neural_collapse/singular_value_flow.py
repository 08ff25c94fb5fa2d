"""Eqs. (1) to (5) of `theorylab.neural_collapse.singular_value_flow`, from the loss up."""

from __future__ import annotations

import itertools

import sympy as sp

from proofs.lemma import vanishes

t, N, lam, s, s0 = sp.symbols("t N lambda s s0", positive=True)
y = sp.Symbol("y", positive=True)
limit = sp.Symbol("s_infinity", real=True)
logistic = limit * s0 / (s0 + (limit - s0) * sp.exp(-2 * limit * t / N))


def speed(s, L):
    """`ds/dt`, Eq. (2)."""
    return L / N * s ** (2 - 2 / sp.sympify(L)) * (y - s) - L * lam * s


def margin_speed(alpha, K, n, L):
    """`dalpha/dt`, Eq. (5)."""
    gain = n ** (-1 / sp.sympify(L)) * alpha ** (1 - 2 / sp.sympify(L)) / (K - 1 + sp.exp(alpha))
    return L * alpha * (gain - lam)


def squared_loss(layers, H, Y, decays):
    """The loss over its examples, with `decays` of the layers and last of the features."""
    product = H
    for W in layers:
        product = W * product
    square = lambda A: sum(entry**2 for entry in A)
    penalty = sum(d * square(W) for d, W in zip(decays, (*layers, H), strict=True)) / 2
    return square(product - Y) / (2 * Y.shape[1]) + penalty


def prove_eq_1_from_the_matrices():
    # Two classes of two, two layers. A rotation of the space of features changes nothing, so that
    # layers and means may be taken as diagonal.
    names = iter(sp.symbols("x0:16", real=True))
    W1, W2 = (sp.Matrix(2, 2, [next(names) for _ in range(4)]) for _ in range(2))
    H = sp.Matrix(2, 4, [next(names) for _ in range(8)])
    decays = sp.symbols("lambda1 lambda2 lambdaH", positive=True)
    w1, w2, h, q = (sp.symbols(f"{name}1:3", real=True) for name in ("u", "v", "h", "q"))
    Y = sp.Matrix([[1, 1, 0, 0], [0, 0, 1, 1]])
    B = sp.Matrix([[1, -1, 0, 0], [0, 0, 1, -1]])
    aligned = (
        sp.diag(*w1),
        sp.diag(*w2),
        (sp.diag(*h) * Y + sp.diag(*q) * B) / sp.sqrt(2),
    )
    at = dict(zip((*W1, *W2, *H), itertools.chain(*aligned), strict=True))
    loss = squared_loss((W1, W2), H, Y, decays)
    flow = [-sp.Matrix(A.shape[0], A.shape[1], [sp.diff(loss, x) for x in A]).subs(at)
            for A in (W1, W2, H)]  # fmt: skip
    y_k, N_all = sp.sqrt(2), 4
    speeds = []
    for a, b, c, e in zip(w1, w2, h, q, strict=True):
        w, strength = a * b, a * b * c
        pull = ((strength - y_k) * c + w * e**2) / N_all  # Eq. (1) with s/w_j as a product
        speeds.append((
            -pull * b - decays[0] * a,
            -pull * a - decays[1] * b,
            -(strength - y_k) * w / N_all - decays[2] * c,
            -(w**2 / N_all + decays[2]) * e,
        ))  # fmt: skip
    first, second, means, patterns = zip(*speeds, strict=True)
    vanishes(flow[0] - sp.diag(*first))
    vanishes(flow[1] - sp.diag(*second))
    vanishes(flow[2] - (sp.diag(*means) * Y + sp.diag(*patterns) * B) / sp.sqrt(2))


def prove_eq_2_from_equal_factors():
    a = sp.Symbol("a", positive=True)
    for L in (2, 3, 4, 5):
        factors = sp.symbols(f"a1:{L + 1}", positive=True)
        loss = (sp.prod(factors) - y) ** 2 / (2 * N) + lam * sum(f**2 for f in factors) / 2
        equal = dict.fromkeys(factors, a)
        a_dot = -sp.diff(loss, factors[0]).subs(equal)
        vanishes(-sp.diff(loss, factors[-1]).subs(equal) - a_dot)
        vanishes(L * a ** (L - 1) * a_dot - speed(a**L, L))


def prove_eq_3_solves_eq_2():
    shallow = speed(logistic, 2).subs(y, limit + N * lam)
    vanishes(sp.diff(logistic, t) - shallow)
    vanishes(logistic.subs(t, 0) - s0)
    # As s_infinity goes through 0.
    vanishes(sp.limit(logistic, limit, 0) - s0 / (1 + 2 * s0 * t / N))


def prove_eq_4():
    for L in (3, 4, 5, sp.Symbol("L", positive=True)):
        rest = (y - s) * s ** (1 - 2 / sp.sympify(L)) - N * lam
        vanishes(sp.expand(speed(s, L) - L / N * s * rest))
        # The left side is largest between the two strengths.
        top = sp.diff(rest, s).subs(s, y * (L - 2) / (2 * L - 2))
        vanishes(sp.simplify(top))


def prove_eq_4_is_that_of_the_minimizers():
    # With s = t y and t = x^M / (1 + x^M), b of `mode_fit` at equal decays obeys b (1+x^M)^2 =
    # M x^(M-1): powers M of both sides, as strain^(M+1) = (N lambda)^(M+1) / y^(2M).
    x = sp.Symbol("x", positive=True)
    for M in (1, 2, 3, 4):
        L = M + 1
        fit = x**M / (1 + x**M)
        decay = (1 - fit) * y * (fit * y) ** (1 - sp.Rational(2, L)) / N
        b_to_the_M = (M * N / y**2) ** M * N * decay**L
        vanishes(b_to_the_M * (1 + x**M) ** (2 * M) - (M * x ** (M - 1)) ** M)


def prove_eq_5_from_cross_entropy():
    K, n = 3, 2
    N_all = K * n
    C = sp.eye(K) - sp.ones(K) / K
    Y = sp.Matrix(K, N_all, lambda k, i: int(i // n == k))
    alpha, a = sp.symbols("alpha a", positive=True)
    Z = sp.Matrix(K, N_all, sp.symbols(f"z0:{K * N_all}", real=True))
    own = lambda i: sum(Y[k, i] * Z[k, i] for k in range(K))
    columns = range(N_all)
    loss = sum(sp.log(sum(sp.exp(z) for z in Z[:, i])) - own(i) for i in columns) / N_all
    at = dict(zip(Z, alpha * C * Y, strict=True))
    gradient = sp.Matrix(K, N_all, [sp.simplify(sp.diff(loss, z).subs(at)) for z in Z])
    # The gradient has the singular vectors of the logits, C Y, of singular values sqrt(n).
    vanishes(gradient + C * Y * K / (N_all * (K - 1 + sp.exp(alpha))))
    for L in (2, 3, 4):
        # Along each of them a factor moves by the other factors times the gradient's value.
        size, margin = sp.sqrt(n), a**L / sp.sqrt(n)
        a_dot = a ** (L - 1) * size * K / (N_all * (K - 1 + sp.exp(margin))) - lam * a
        vanishes(sp.diff(margin, a) * a_dot - margin_speed(margin, K, n, L))


def prove_the_margin_at_rest_with_one_layer():
    K, n = sp.symbols("K n", positive=True)
    rest = 1 / (sp.sqrt(n) * lam) - (K - 1)
    speed_over_alpha = (margin_speed(s, K, n, 2) / s).subs(sp.exp(s), rest)
    vanishes(speed_over_alpha)
