"""Eqs. (1) to (6) of `theorylab.grokking.relu_indicator`."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

p = sp.Symbol("p", positive=True)
r = sp.Symbol("r", integer=True)
height = (
    (-1) ** (r + 1)
    / (2 * p)
    * (1 / sp.sin(sp.pi * (2 * r - 1) / (2 * p)) - 1 / sp.sin(sp.pi * (2 * r + 1) / (2 * p)))
)
limiting_height = 2 / sp.pi * (-1) ** (r + 1) / (4 * r**2 - 1)

N = sp.Symbol("N", positive=True)
angle, w = sp.symbols("angle w", real=True)
half = sp.pi / (2 * N)
aliased = (sp.cos(angle + w) / sp.sin(half) - sp.cos(angle + 3 * w) / sp.sin(3 * half)) / (2 * N)
fraction = 3 * sp.pi / (4 * N) * (sp.cot(half) - sp.cot(3 * half)) - 1


def prove_the_sum_of_waves_over_a_period():
    # Sum over m = -K ... K, p = 2K + 1, of cos(m z) = sin(p z / 2) / sin(z / 2): it telescopes.
    m, z = sp.symbols("m z")
    difference = sp.sin((m + sp.Rational(1, 2)) * z) - sp.sin((m - sp.Rational(1, 2)) * z)
    vanishes(sp.expand(sp.expand_trig(2 * sp.sin(z / 2) * sp.cos(m * z) - difference)))


def prove_eqs_1_and_2():
    # Where d has an inverse, m = k d runs over -K ... K as k does, cos(pi m / p) >= 0 there, and
    # k u = m r. Both signs of k count alike: 1 + 2 (sum over k) = p C.
    m = sp.Symbol("m", real=True)
    product = sp.cos(sp.pi * m / p) * sp.cos(2 * sp.pi * m * r / p)
    waves = [sp.pi * (2 * r + 1) / p, sp.pi * (2 * r - 1) / p]
    vanishes(product - sum(sp.cos(m * z) for z in waves) / 2)
    ends = [(-1) ** r, -((-1) ** r)]
    for z, end in zip(waves, ends, strict=True):
        vanishes(sp.expand_trig(sp.sin(sp.expand(p * z / 2))) - end)
    total = sum(end / sp.sin(z / 2) for z, end in zip(waves, ends, strict=True)) / 2
    vanishes(sp.simplify(total - p * height))
    a, C = sp.symbols("a C")
    vanishes(2 * a / (3 * sp.pi) * (p * C - 1) / 2 - a / (3 * sp.pi) * (p * C - 1))


def prove_eq_3():
    for order in (-2, -1, 0, 1, 2, 3):
        vanishes(sp.limit(height.subs(r, order), p, sp.oo) - limiting_height.subs(r, order))


def prove_all_is_at_the_peak_where_the_inputs_agree():
    # d = 0: of the modulus 1 that is left, the only residue.
    vanishes(height.subs({r: 0, p: 1}) - 1)


def prove_eq_4():
    # N points of the half circle where cos A > 0, about the middle w, in steps of pi/N: sums of
    # cosines in steps of pi/N and 3 pi/N.
    A, x, step, index = sp.symbols("A x step index", real=True)
    product = sp.cos(A) * sp.cos(2 * A + angle)
    vanishes(product - (sp.cos(A + angle) + sp.cos(3 * A + angle)) / 2)
    # 2 sin(step/2) cos(x + index step) telescopes, to sin(N step / 2) / sin(step / 2) cos(middle).
    ahead, behind = (x + (index + sign * sp.Rational(1, 2)) * step for sign in (1, -1))
    terms = 2 * sp.sin(step / 2) * sp.cos(x + index * step)
    vanishes((sp.sin(ahead) - sp.sin(behind) - terms).rewrite(sp.exp))
    ends = sp.sin(x + (N - sp.Rational(1, 2)) * step) - sp.sin(x - step / 2)
    middle = 2 * sp.sin(N * step / 2) * sp.cos(x + (N - 1) * step / 2)
    vanishes((ends - middle).rewrite(sp.exp))
    mean = lambda times: sp.sin(N * times * sp.pi / (2 * N)) / sp.sin(times * sp.pi / (2 * N)) / N
    waves = mean(1) * sp.cos(angle + w) + mean(3) * sp.cos(angle + 3 * w)
    vanishes(waves / 2 - aliased)


def prove_the_limit_of_many_phases():
    vanishes(sp.limit(aliased.subs(w, 0), N, sp.oo) - 2 / (3 * sp.pi) * sp.cos(angle))


def prove_eq_6():
    # The mean over the phases is the sum over q of h(1 + q N) exp(i q tau), with the Fourier
    # coefficients h of |cos|; those of q != 0 have one sign but (-1)^(q N), so that their moduli
    # add up where exp(i tau) = (-1)^N: at w = pi / 2N, where Eq. (4) is
    at_worst = aliased.subs({w: half, angle: 0})
    vanishes(at_worst / (2 / (3 * sp.pi)) - 1 - fraction)
    m = sp.Symbol("m", integer=True)
    A = sp.Symbol("A", real=True)
    for order in (0, 1, 2, 3, -4):
        coefficient = sp.integrate(
            sp.cos(A) * sp.cos(2 * order * A), (A, -sp.pi / 2, sp.pi / 2)
        ) / sp.pi  # fmt: skip
        vanishes(coefficient - (2 / sp.pi * (-1) ** (m + 1) / (4 * m**2 - 1)).subs(m, order))
    step = sp.Symbol("step", positive=True)
    small = sp.series(fraction.subs(N, sp.pi / (2 * step)), step, 0, 4).removeO()
    vanishes(small - step**2)
