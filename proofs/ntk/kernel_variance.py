"""Eq. (2) of `theorylab.ntk.kernel_variance`, from the averages over one neuron."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

theta = sp.Symbol("theta", positive=True)
psi, r, v, sw2, a, b, n = sp.symbols("psi r v sigma_w^2 a b n", positive=True)
rho = sp.cos(theta)
kappa_0 = (sp.pi - theta) / sp.pi
kappa_1 = (sp.sin(theta) + rho * (sp.pi - theta)) / sp.pi
bracket = (
    sp.Rational(5, 2) * rho * kappa_1
    + (sp.Rational(1, 2) + rho**2) * kappa_0
    - (kappa_1 + rho * kappa_0) ** 2 / 4
)
closed_form = sw2**2 * a * b * bracket


def both_active(power: int) -> sp.Expr:
    """`<(u w)^power>` over the quadrant where both are positive, of unit variances.

    In the plane `u = r cos(psi)` and `w = r cos(psi - theta)` are positive on one arc.
    """
    radial = sp.integrate(r ** (2 * power + 1) * sp.exp(-(r**2) / 2), (r, 0, sp.oo))
    angular = sp.expand(sp.expand_trig((sp.cos(psi) * sp.cos(psi - theta)) ** power), trig=False)
    arc = sp.integrate(angular, (psi, theta - sp.pi / 2, sp.pi / 2))
    return radial * arc / (2 * sp.pi)


def normal_moment(power: int) -> sp.Expr:
    density = sp.exp(-(v**2) / 2) / sp.sqrt(2 * sp.pi)
    return 2 * sp.integrate(v**power * density, (v, 0, sp.oo))


def prove_arc_cosine_kernels_are_averages_over_the_quadrant():
    vanishes(2 * both_active(0) - kappa_0)
    vanishes(2 * both_active(1) - kappa_1)


def prove_variance_of_one_neuron_is_eq_2():
    # Of one neuron: sw2 sqrt(ab) [u w + v^2 rho] where both are active, and 0 elsewhere.
    second, fourth = normal_moment(2), normal_moment(4)
    mean = both_active(1) + second * rho * both_active(0)
    square = both_active(2) + 2 * second * rho * both_active(1) + fourth * rho**2 * both_active(0)
    vanishes(sw2**2 * a * b * (square - mean**2) - closed_form)


def prove_mean_of_one_neuron_is_the_limit_at_every_width():
    layer = sw2 * sp.sqrt(a * b)
    nngp, slope = layer * kappa_1 / 2, sw2 * kappa_0 / 2
    limit = slope * sp.sqrt(a * b) * rho + nngp  # Eq. (3) of `fully_connected`, without biases
    neuron = layer * (both_active(1) + normal_moment(2) * rho * both_active(0))
    vanishes(n * neuron / n - limit)


def prove_three_on_the_diagonal():
    vanishes(sp.limit(bracket, theta, 0) - 3)
