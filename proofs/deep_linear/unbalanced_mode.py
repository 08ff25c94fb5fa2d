"""Eqs. (2) and (3) of `theorylab.deep_linear.unbalanced_mode`, from the loss up."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes, vanishes_given

t, tau = sp.symbols("t tau", positive=True)
s, a0, b0, a, b, c, u = sp.symbols("s a0 b0 a b c u", real=True)
loss = (s - a * b) ** 2 / 2
a_dot, b_dot = -sp.diff(loss, a) / tau, -sp.diff(loss, b) / tau

# Eqs. (2) and (3), of the angle, the rate, the start in the rotated frame, and e^(kappa t).
phi, plus, minus = sp.symbols("phi z_plus z_minus", real=True)
kappa, E = sp.symbols("kappa E", positive=True)
N = 1 + plus**2 * (E**2 - 1) / (2 * kappa) + minus**2 * (1 - E**-2) / (2 * kappa)
x_plus, x_minus = plus * E / sp.sqrt(N), minus / (E * sp.sqrt(N))
first = x_plus * sp.cos(phi) - x_minus * sp.sin(phi)
second = x_plus * sp.sin(phi) + x_minus * sp.cos(phi)

_c0 = a0**2 - b0**2
_kappa, _phi = sp.sqrt(s**2 + _c0**2 / 4), sp.atan2(s, _c0 / 2) / 2
_symbols = {
    kappa: _kappa,
    phi: _phi,
    plus: a0 * sp.cos(_phi) + b0 * sp.sin(_phi),
    minus: b0 * sp.cos(_phi) - a0 * sp.sin(_phi),
    E: sp.exp(_kappa * t / tau),
}
closed_form = tuple(weight.subs(_symbols, simultaneous=True) for weight in (first, second))


def along(expression):
    """Time derivative along the flow."""
    return sp.diff(expression, a) * a_dot + sp.diff(expression, b) * b_dot


def prove_the_imbalance_is_conserved():
    vanishes(along(a**2 - b**2))


def prove_the_angle_diagonalizes_the_linear_flow():
    """`atan2` has the half angle of the matrix `[[c/2, s], [s, -c/2]]`, whose rate is kappa."""
    rate, angle = sp.sqrt(s**2 + c**2 / 4), sp.atan2(s, c / 2)
    vanishes(rate * sp.cos(angle) - c / 2)
    vanishes(rate * sp.sin(angle) - s)
    turn = sp.Matrix([[sp.cos(phi), -sp.sin(phi)], [sp.sin(phi), sp.cos(phi)]])
    flow = kappa * sp.Matrix(
        [[sp.cos(2 * phi), sp.sin(2 * phi)], [sp.sin(2 * phi), -sp.cos(2 * phi)]]
    )
    vanishes(turn.T * flow * turn - sp.diag(kappa, -kappa))


def prove_a_normalized_linear_flow_obeys_eq_1():
    """`a = p / sqrt(N)`, `b = q / sqrt(N)` with `p, q` linear, `N' = p^2 + q^2`, tau = 1."""
    p, q = sp.symbols("p q", real=True)
    norm = sp.symbols("N", positive=True)
    p_dot, q_dot, norm_dot = c / 2 * p + s * q, s * p - c / 2 * q, p**2 + q**2
    dot = lambda x: sp.diff(x, p) * p_dot + sp.diff(x, q) * q_dot + sp.diff(x, norm) * norm_dot
    vanishes(dot(p**2 - q**2 - c * norm))  # hence c = (p^2 - q^2) / N throughout
    first, second = p / sp.sqrt(norm), q / sp.sqrt(norm)
    constant = {c: (p**2 - q**2) / norm}
    vanishes((dot(first) - second * (s - first * second)).subs(constant))
    vanishes((dot(second) - first * (s - first * second)).subs(constant))


def prove_eq_3_solves_eq_1():
    """Directly: `s = kappa sin(2 phi)`, where `a0^2 - b0^2 = 2 kappa cos(2 phi)`."""
    cos, sin = sp.symbols("cos sin", real=True)
    start = (plus * cos - minus * sin) ** 2 - (plus * sin + minus * cos) ** 2
    relations = cos**2 + sin**2 - 1, start - 2 * kappa * (cos**2 - sin**2)
    dot = lambda x: sp.diff(x, E) * kappa * E
    p, q = plus * E * cos - minus / E * sin, plus * E * sin + minus / E * cos
    for weight, other in (
        (p, q),
        (q, p),
    ):  # d(p / sqrt(N)) = q / sqrt(N) (s - p q / N), N^(3/2) times
        feedback = other * (2 * kappa * sin * cos * N - p * q)
        vanishes_given(dot(weight) * N - weight * dot(N) / 2 - feedback, *relations)


def prove_eq_3_starts_at_the_start():
    cos, sin = sp.cos(phi), sp.sin(phi)
    at_start = {E: 1, plus: a0 * cos + b0 * sin, minus: b0 * cos - a0 * sin}
    vanishes(first.subs(at_start) - a0)
    vanishes(second.subs(at_start) - b0)


def prove_eq_3_is_what_is_left_of_the_start_plus_what_has_grown():
    """`a sqrt(N) = a0 / E + z_+ cos(phi) (E - 1/E)`, and the same for `b` with the sine."""
    cos, sin = sp.cos(phi), sp.sin(phi)
    rotated = {a0: plus * cos - minus * sin, b0: plus * sin + minus * cos}
    for weight, start, part in ((first, a0, cos), (second, b0, sin)):
        split = start / E + plus * part * (E - 1 / E)
        vanishes(weight * sp.sqrt(N) - split.subs(rotated))


def prove_eq_2_integrates_the_norm():
    """`N' = x_+^2 + x_-^2` before normalization, `N(0) = 1`."""
    vanishes(sp.diff(N, E) * kappa * E - (plus * E) ** 2 - (minus / E) ** 2)
    vanishes(N.subs(E, 1) - 1)


def prove_the_antisymmetric_line_is_invariant():
    for sign in (1, -1):
        vanishes(along(a + sign * b) - sign * (a + sign * b) * (s - a * b) / tau)


def prove_the_kernel_depends_on_the_strength_alone():
    """`a^2 + b^2 = sqrt(c^2 + 4 u^2)`, and it is the rate of `u`: Eq. (1) of `kernel_change`."""
    vanishes((a**2 + b**2) ** 2 - (a**2 - b**2) ** 2 - 4 * (a * b) ** 2)
    vanishes(tau * along(a * b) - (a**2 + b**2) * (s - a * b))


def prove_the_lazy_limit_is_exponential_up_to_second_order():
    """In the time `|c| t / tau` the speed of `u` has no term of first order in `1/c`."""
    inverse = sp.symbols("inverse", positive=True)
    rate = sp.sqrt(1 + 4 * u**2 * inverse**2)
    series = sp.series(rate * (s - u), inverse, 0, 2).removeO()
    vanishes(series - (s - u))
    x, u0 = sp.symbols("x u0", real=True)
    lazy = s + (u0 - s) * sp.exp(-x)
    vanishes(sp.diff(lazy, x) - (s - lazy))
    vanishes(lazy.subs(x, 0) - u0)


def prove_the_symmetries_of_eq_1():
    swap = {a: b, b: a}
    vanishes(a_dot.subs(swap, simultaneous=True) - b_dot)
    mirror = {b: -b, s: -s}
    vanishes(a_dot.subs(mirror, simultaneous=True) - a_dot)
    vanishes(b_dot.subs(mirror, simultaneous=True) + b_dot)
    root = sp.symbols("root", positive=True)  # of kappa
    scaled = {a: root * a, b: root * b, s: root**2 * s}
    vanishes(a_dot.subs(scaled, simultaneous=True) - root**3 * a_dot)
