"""Eq. (2) of `theorylab.hopfield.retrieval_temperature`: the lines at small load."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

h2, s2, alpha, w = sp.symbols("h2 s2 alpha w", positive=True)
t, u = sp.symbols("t u", positive=True)

# Free energy at leading order for h^2, s^2 of order t = 1 - T and alpha of order t^2, in units of
# t, without what every state has.
size = h2 + s2
leading = (
    -h2 / 2
    + (h2**2 + 6 * h2 * s2 + 3 * s2**2) / 12
    - s2 * size / 2
    + alpha / 2 * (sp.log(size - 1) - size / (size - 1))
)
retrieval = {h2: 3 * w, s2: 1 - w}
load = (s2 * (size - 1) ** 2 / size).subs(retrieval)
glass = {h2: 0, s2: 1 + sp.sqrt(alpha)}
gap = (leading.subs(retrieval) - leading.subs(glass)).subs(alpha, load)
"""Of retrieval over the spin glass; `c_1` is `load^(-1/2)` where it vanishes."""


def prove_the_free_energy_at_small_fields():
    # m = Th and alpha r = (Ts)^2. To this order q = h^2 + s^2, C = (1 - q)/T = 1 - (q - t), and
    # L = ln 2 + <u^2>/2 - <u^4>/12.
    T, H2, S2, A = 1 - t, t * h2, t * s2, t**2 * alpha
    q, gap_of_C = H2 + S2, t * (size - 1)
    moments = size * t / 2 - t**2 * (h2**2 + 6 * h2 * s2 + 3 * s2**2) / 12
    rest = A / 2 * (sp.log(size - 1) - q / gap_of_C)  # the logarithm of t is every state's
    value = T**2 * H2 / 2 + T**2 * S2 * (1 - gap_of_C) / 2 - T * moments + rest
    vanishes(sp.expand(value).coeff(t, 0))
    vanishes(sp.expand(value).coeff(t, 1))
    vanishes(sp.limit(sp.expand(value) / t**2, t, 0) - leading)


def prove_the_leading_free_energy_is_stationary_at_its_states():
    for state in ({**retrieval, alpha: load}, glass):
        vanishes(sp.diff(leading, s2).subs(state))
    vanishes(sp.diff(leading, h2).subs({**retrieval, alpha: load}))


def prove_the_curvature_of_tanh_is_four_thirds_of_a_point():
    # At T -> 0, <sech^4> is the density exp(-y^2)/(s sqrt(2 pi)) of u at 0 times this integral.
    antiderivative = sp.tanh(u) - sp.tanh(u) ** 3 / 3
    vanishes(sp.diff(antiderivative, u) - (1 - sp.tanh(u) ** 2) ** 2)
    total = 2 * sp.limit(antiderivative, u, sp.oo)
    vanishes(total - sp.Rational(4, 3))
    # With q = 1, r = (1-C)^-2 and s = sqrt(alpha r)/T, Lambda = alpha r <sech^4> / T^2.
    r, y, T = sp.symbols("r y T", positive=True)
    replicon = alpha * r / T**2 * total * sp.exp(-(y**2)) * T / sp.sqrt(2 * sp.pi * alpha * r)
    vanishes(replicon.subs(T, total * sp.sqrt(alpha * r / (2 * sp.pi)) * sp.exp(-(y**2))) - 1)
