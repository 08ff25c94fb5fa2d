"""Eqs. (2) to (4) of `theorylab.deep_linear.learning_time`, from Eq. (1)."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes, vanishes_at

t, tau, s, u, u0, L, x, x0, v, a, gap = sp.symbols("t tau s u u0 L x x0 v a gap", positive=True)
z = sp.symbols("z", real=True)
p = sp.symbols("p", positive=True)


def incomplete_beta(x, c):
    """`B(x; c, 0)`, the integral of `y^(c-1) / (1-y)`."""
    return sp.betainc(c, 0, 0, x)


# Eq. (3): the scaled time below the target, as a function of x = u/s, and above, of v = s/u.
below = (x**-p - 1) / -p + (x ** (1 - p) - 1) / (1 - p) + incomplete_beta(x, 2 - p)
above = v ** (1 + p) / (1 + p) + incomplete_beta(v, 2 + p)
# The same at depth 2 and at infinite depth, where p is 0 and 1, and at depth 1.
logistic = sp.log(x) - sp.log(1 - x)
bottomless = logistic - 1 / x

shallow_time = tau * sp.log((s - u0) / (s - u))
logistic_time = tau / (2 * s) * sp.log(u * (s - u0) / (u0 * (s - u)))
bottomless_time = tau * (sp.log(u * (s - u0) / (u0 * (s - u))) / s**2 + 1 / (s * u0) - 1 / (s * u))
half_time = tau / (2 * s) * sp.log(s / u0 - 1)


def speed(u, depth):
    return depth * u ** (2 - sp.S(2) / depth) * (s - u) / tau


def scaled(theta):
    """Time from scaled time."""
    return tau * theta / (L * s ** (2 - 2 / L))


def prove_scaled_time_leaves_one_equation_for_all_depths():
    speed_of_x = speed(s * x, L) / s * scaled(1)
    vanishes(speed_of_x - x ** (2 - 2 / L) * (1 - x))


def prove_eq_2():
    """`d theta / dz = x^-p` on both sides of the target, and `x = 1 / (1 -+ e^-z)`."""
    for logit, side in ((sp.log(x / (1 - x)), 1), (sp.log(x / (x - 1)), -1)):
        vanishes(sp.diff(logit, x) * x ** (1 + p) * (1 - x) - x**p)
        vanishes(1 + side * sp.exp(-logit) - 1 / x)


def prove_eq_3_below_the_target():
    vanishes(sp.diff(below, x) - 1 / (x ** (1 + p) * (1 - x)))


def prove_eq_3_above_the_target():
    speed_of_v = -(v**2) * (x ** (1 + p) * (1 - x)).subs(x, 1 / v)
    vanishes(sp.diff(above, v) * speed_of_v - 1)


def prove_the_limits_of_eq_3_at_depth_2_and_at_infinite_depth():
    """With `B(x; 2, 0) = -x - ln(1-x)` and `B(x; 1, 0) = -ln(1-x)`."""
    two, one = -x - sp.log(1 - x), -sp.log(1 - x)
    for series, c in ((two, 2), (one, 1)):
        vanishes(sp.diff(series - incomplete_beta(x, c), x))
        vanishes(series.subs(x, 0))
    vanishes(sp.limit((x**-p - 1) / -p, p, 0) + x - 1 + two - (logistic - 1))
    inverse = 1 - 1 / x + sp.limit((x ** (1 - p) - 1) / (1 - p), p, 1) + one
    vanishes(inverse - (bottomless + 1))


def prove_eq_3_above_the_target_at_infinite_depth_and_at_depth_2():
    """`v^(1+p)/(1+p) + B(v; 2+p, 0)` is `-ln(1-v)`, less `v` where p is 1."""
    vanishes(sp.diff(above.subs(p, 0) + sp.log(1 - v), v))
    vanishes(sp.diff(above.subs(p, 1) + sp.log(1 - v) + v, v))


def prove_the_elementary_times_solve_eq_1():
    vanishes(sp.diff(shallow_time, u) * speed(u, 1) - 1)
    vanishes(sp.diff(logistic_time, u) * speed(u, 2) - 1)
    vanishes(sp.diff(bottomless_time, u) * u**2 * (s - u) / tau - 1)
    for time in (shallow_time, logistic_time, bottomless_time):
        vanishes(time.subs(u, u0))


def prove_the_partial_fraction_in_the_weight():
    product = a**L
    vanishes(1 / (a ** (L - 1) * (s - product)) - 1 / (s * a ** (L - 1)) - a / (s * (s - product)))


def prove_the_published_hypergeometric_form():
    """`H_L(x) = x^(2/L) 2F1(1, 2/L; 1 + 2/L; x) / 2` is `B(x; 2/L, 0) / L`, and Eq. (3) holds it.

    The two sides have equal derivatives; the series of the first has the ratio
    `(k + 2/L) / (k + 1 + 2/L)` of successive terms.
    """
    c, k = 2 / L, sp.symbols("k", integer=True, nonnegative=True)
    ratio = (1 + k) * (c + k) / ((1 + c + k) * (1 + k))
    vanishes(ratio - (c + k) / (c + k + 1))
    published = -(u ** (c - 1)) / (L - 2) + s ** (c - 1) * incomplete_beta(u / s, c) / L
    vanishes(sp.diff(tau / s * published, u) * speed(u, L) - 1)


def prove_the_elementary_form_at_integer_depth():
    """`H_L(y^L)` is a sum of logarithms over the roots of unity; its derivative `y / (1 - y^L)`."""
    y = sp.symbols("y", real=True)
    for depth in (3, 4, 6):
        roots = [sp.expand_complex(sp.exp(2 * sp.pi * sp.I * k / depth)) for k in range(depth)]
        elementary = -sum(root**2 * sp.log(1 - y / root) for root in roots) / depth
        vanishes(sp.diff(elementary, y) - y / (1 - y**depth))


def prove_the_half_time():
    vanishes((logistic_time.subs(u, s / 2) - half_time).subs(s, u0 + gap))


def prove_the_symmetric_passage():
    """From `epsilon` to `s - epsilon` at depth 2 takes `(tau/s) ln(s/epsilon - 1)`."""
    passage = logistic_time.subs(u, s - u0)
    vanishes((passage - tau / s * sp.log(s / u0 - 1)).subs(s, u0 + gap))


def prove_the_transition_width_at_depth_2():
    width = logistic_time.subs({u: 9 * s / 10, u0: s / 10}, simultaneous=True)
    vanishes(width - tau * sp.log(9) / s)


def prove_stronger_modes_come_first_above_a_threshold():
    ratio = sp.symbols("ratio", positive=True)
    slope = sp.diff(half_time, s).subs(s, ratio * u0)
    vanishes(slope - tau / (2 * ratio**2 * u0**2) * (ratio / (ratio - 1) - sp.log(ratio - 1)))
    threshold = sp.nsolve(ratio / (ratio - 1) - sp.log(ratio - 1), ratio, 4.6, prec=30)
    vanishes_at(threshold - sp.Float("4.59112147666862", 30), {}, digits=14)


def prove_eq_4():
    """`t` is Eq. (4) plus what stays bounded as `x0` tends to 0."""
    power = {p: 1 - 2 / L}
    leading = scaled(x0**-p / p).subs(power).subs(x0, u0 / s)
    vanishes(leading - tau * u0 ** (2 / L - 1) / (s * (L - 2)))
    rest = -below.subs(x, x0) - x0**-p / p
    for depth in (3, 4, 5):
        bounded = (rest + incomplete_beta(x0, 2 - p)).subs(p, 1 - sp.Rational(2, depth))
        if not sp.limit(bounded, x0, 0, "+").is_finite:
            raise AssertionError(depth)
    # At infinite depth the bounded part is a logarithm.
    vanishes(sp.limit(x0 * (bottomless.subs(x, sp.S.Half) - bottomless.subs(x, x0)), x0, 0) - 1)


def prove_the_inflection_of_the_strength():
    turn = s * (2 * L - 2) / (3 * L - 2)
    vanishes(sp.simplify(sp.diff(speed(u, L), u)).subs(u, turn))
