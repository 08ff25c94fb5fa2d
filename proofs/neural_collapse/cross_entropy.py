"""The equations of `theorylab.neural_collapse.cross_entropy` and `.minority_collapse`."""

from __future__ import annotations

import sympy as sp
from sympy import KroneckerProduct, exp, log

from proofs.lemma import vanishes

K, kappa, alpha = sp.symbols("K kappa alpha", positive=True)
r, a, b, c = sp.symbols("r a b c", positive=True)

# One layer: the simplex of margin alpha, Eq. (1).
simplex_loss = log(1 + (K - 1) * exp(-alpha)) + (K - 1) * kappa * alpha
margin = log(1 / kappa - (K - 1))
least_loss = (K - 1) * kappa * margin - log(1 - (K - 1) * kappa)


def centring(p):
    return sp.eye(p) - sp.ones(p, p) / p


def losses(logits):
    """Cross-entropy of each column, its own class on the diagonal: the argument of the log."""
    size = logits.shape[0]
    return [sum(exp(logits[i, k] - logits[k, k]) for i in range(size)) for k in range(size)]


def softmax(logits):
    size = logits.shape[0]
    total = [sum(exp(logits[i, k]) for i in range(size)) for k in range(size)]
    return sp.Matrix(size, size, lambda i, k: exp(logits[i, k]) / total[k])


def prove_eq_1_is_the_minimum():
    slope = sp.diff(simplex_loss, alpha)
    vanishes(slope.subs(alpha, margin))
    # Convex: the second derivative is a product of probabilities.
    wrong = (K - 1) * exp(-alpha) / (1 + (K - 1) * exp(-alpha))
    vanishes(sp.diff(slope, alpha) - wrong * (1 - wrong))
    vanishes(sp.simplify(exp(simplex_loss.subs(alpha, margin) - least_loss)) - 1)


def prove_the_margin_vanishes_at_its_threshold():
    vanishes(margin.subs(kappa, 1 / K))
    vanishes(sp.diff(simplex_loss, alpha).subs(alpha, 0) - (K - 1) * (kappa - 1 / K))
    vanishes(simplex_loss.subs(alpha, 0) - log(K))


def prove_the_subgradient_of_the_simplex():
    # Cross-entropy pulls along C by 1 - (probability right less wrong): the nuclear norm's kappa.
    for p in (2, 3, 4):
        pull = (sp.eye(p) - softmax(alpha * centring(p))) / p
        expected = 1 / (p - 1 + exp(alpha))
        vanishes(sp.simplify(pull - expected * centring(p)))
        vanishes(sp.simplify(expected.subs(alpha, margin.subs(K, p)) - kappa))


def prove_frames_of_simplex_and_polygon():
    for p in (3, 5):
        C = centring(p)
        vanishes(C * C - C)
        vanishes(C.trace() - (p - 1))
    for p in (5, 6, 8):
        G = sp.Matrix(p, p, lambda i, j, p=p: sp.cos(2 * sp.pi * (i - j) / p))
        vanishes(G * G - sp.Rational(p, 2) * G)
        vanishes(G.trace() - p)  # over p / 2: the rank is 2
        vanishes(G * sp.ones(p, 1))


def prove_losses_of_a_product_add_up():
    x, y = sp.symbols("x y", positive=True)
    for p, q in ((2, 2), (2, 3)):
        G = lambda p, size: size * centring(p)
        left = KroneckerProduct(G(p, x), sp.ones(q, q)).doit()
        right = KroneckerProduct(sp.ones(p, p), G(q, y)).doit()
        for loss in losses(left + right):
            vanishes(loss - (1 + (p - 1) * exp(-x)) * (1 + (q - 1) * exp(-y)))
        vanishes(left * left - q * x * left)  # singular values sigma K / p times r
        vanishes(left * right)
    # Two equal digits, the Hamming scheme.
    vanishes(1 + 2 * (K - 1) * exp(-r) + (K - 1) ** 2 * exp(-2 * r) - (1 + (K - 1) * exp(-r)) ** 2)


def prove_losses_of_a_sum_decouple():
    x, y = sp.symbols("x y", positive=True)
    for p, q in ((3, 2), (2, 2), (4, 3)):
        K = p + q
        Z = sp.diag(x * centring(p), y * centring(q))
        found = losses(Z)
        block = lambda p, x, K=K: 1 + (p - 1) * exp(-x) + (K - p) * exp(-x * sp.Rational(p - 1, p))
        vanishes(found[0] - block(p, x))
        vanishes(found[-1] - block(q, y))
        # Critical: the pull of cross-entropy on each block's contrasts is one number.
        pull = softmax(Z) - sp.eye(K)
        for first, second in ((0, 1), (0, p - 1), (K - 2, K - 1)):
            contrast = sp.Matrix(K, 1, lambda i, _, f=first, s=second: int(i == f) - int(i == s))
            image = pull * contrast
            vanishes(sp.simplify(image - image[first] * contrast))


def prove_the_cross_polytope_is_a_sum_of_pairs():
    # Margins 2r to the opposite class and r to the others; singular values 2r.
    V = sp.Matrix([[1, 0], [-1, 0], [0, 1], [0, -1]])
    Z = r * V * V.T
    vanishes(Z - 2 * r * sp.diag(centring(2), centring(2)))
    for loss in losses(Z):
        vanishes(loss - (1 + 2 * exp(-r) + exp(-2 * r)))
    vanishes(Z * Z - 2 * r * Z)


def prove_eq_3_of_the_pyramid():
    for size in (5, 7):
        base = size - 1
        Z = sp.zeros(size, size)
        for i in range(0, base, 2):
            Z[i, i] = Z[i + 1, i + 1] = r
            Z[i, i + 1] = Z[i + 1, i] = -r
        lift = sp.Matrix([*[sp.Rational(1, size)] * base, sp.Rational(1, size) - 1])
        Z += lift * sp.Matrix([[*[a] * base, -b]])
        *of_base, apex = losses(Z)
        for loss in of_base:
            vanishes(loss - (1 + (size - 3) * exp(-r) + exp(-2 * r) + exp(-r - a)))
        vanishes(apex - (1 + (size - 1) * exp(-b)))
        squares = Z * Z.T
        vanishes(squares * lift - sp.Rational(base, size) * (base * a**2 + b**2) * lift)
        pair = sp.Matrix([1, -1, *[0] * (size - 2)])
        vanishes(squares * pair - 4 * r**2 * pair)
        vanishes(squares.trace() - 4 * r**2 * base / 2 - (base * a**2 + b**2) * base / size)


def prove_the_pyramid_is_critical():
    # On the base's pairs the pull is one number; along the lift all that is left are a and b.
    Z = sp.zeros(5, 5)
    for i in (0, 2):
        Z[i, i] = Z[i + 1, i + 1] = r
        Z[i, i + 1] = Z[i + 1, i] = -r
    lift = sp.Matrix([*[sp.Rational(1, 5)] * 4, -sp.Rational(4, 5)])
    Z += lift * sp.Matrix([[a, a, a, a, -b]])
    pull = softmax(Z) - sp.eye(5)
    for pair in (sp.Matrix([1, -1, 0, 0, 0]), sp.Matrix([0, 0, 1, -1, 0])):
        image = pull * pair
        vanishes(sp.simplify(image - (pull * sp.Matrix([1, -1, 0, 0, 0]))[0] * pair))
    for row in (sp.ones(5, 1).T, sp.Matrix([[1, 1, -1, -1, 0]])):
        vanishes(sp.simplify(row * pull * sp.Matrix([1, 1, 1, 1, 0])))
        vanishes(sp.simplify(row * pull * sp.Matrix([0, 0, 0, 0, 1])))


def prove_where_pairs_are_cheaper():
    # (K / 2) 2^(2 / L) against K - 1, to the power L: from K = 6 at L = 3, from 4 at L = 4.
    excess = lambda K, L: sp.Rational(K, 2) ** L * 4 - (K - 1) ** L
    signs = [sp.sign(excess(K, L)) for K, L in ((4, 3), (6, 3), (4, 4))]
    if signs != [1, -1, -1]:
        raise AssertionError(f"pairs against the simplex: {signs}")
    # Beyond, 2^(2 / L) / 2 against (K - 1) / K: the one falls with L, the other grows with K.
    vanishes(sp.diff((K - 1) / K, K) - 1 / K**2)


N, n, m, q, penalty = sp.symbols("N n m q lambda", positive=True)
contrast = log(1 + m * (1 - penalty * N / sp.sqrt(n)) / (q - (1 - penalty * N / sp.sqrt(n))))


def prove_the_contrast_of_a_group():
    # Probabilities on a sample of the group: e^c to 1 for its own class, q for the whole group.
    other = q / (exp(c) + m - 1)
    own = other * exp(c)
    vanishes(own + (m - 1) * other - q)
    # The slope by X = Z D^(1/2) on contrasts is sqrt(n) / N (own - 1 - other), and -lambda where
    # they are present.
    condition = sp.sqrt(n) / N * (own - 1 - other) + penalty
    stated = 1 - penalty * N / sp.sqrt(n) - q * (exp(c) - 1) / (exp(c) + m - 1)
    vanishes(condition + stated * sp.sqrt(n) / N)
    vanishes(stated.subs(c, contrast))
    # At c = 0 the slope is sqrt(n) / N whatever q: within lambda if n <= (N lambda)^2.
    vanishes(condition.subs(c, 0) - (penalty - sp.sqrt(n) / N))


def prove_the_slope_is_one_number_on_contrasts():
    # Columns of m = 3 classes of a group among 5: symmetric in the group, anything outside.
    own, other = sp.symbols("own other")
    inside = lambda i, k: own - 1 if i == k else other
    G = sp.Matrix(3, 3, inside)
    for vector in (sp.Matrix([1, -1, 0]), sp.Matrix([0, 1, -1])):
        vanishes(G * vector - (own - 1 - other) * vector)


def prove_the_distance_of_classifier_rows():
    lW, lH = sp.symbols("lambda_W lambda_H", positive=True)
    x = c * sp.sqrt(n)  # the singular value of X on contrasts of c C
    w2 = x * sp.sqrt(lH / lW)  # balanced: lambda_W w^2 = lambda_H h^2, w h = x
    vanishes(lW * w2 - lH * (x**2 / w2))
    rows = w2 * centring(3)
    vanishes(rows[0, 0] + rows[1, 1] - 2 * rows[0, 1] - 2 * c * sp.sqrt(n * lH / lW))


def prove_eq_3_of_the_imbalance_ratio():
    KA, KB = sp.symbols("K_A K_B", positive=True)
    ratio = (1 / (penalty * sp.sqrt(n)) - KB) / KA
    samples = KA * ratio * n + KB * n
    vanishes(samples**2 * penalty**2 - n)


def prove_eq_4_of_the_slope_at_zero():
    for size in (2, 3, 4):
        n = sp.symbols(f"n1:{size + 1}", positive=True)
        root = sp.diag(*(sp.sqrt(x) for x in n))
        slope = (sp.ones(size, size) / size - sp.eye(size)) * root / N
        vanishes(slope * slope.T - centring(size) * root**2 * centring(size) / N**2)
