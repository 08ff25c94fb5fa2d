"""Eqs. (1) to (3) of `theorylab.hopfield.order_parameters`, from the free energy."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

m, q, r, alpha, beta, h, s, y = sp.symbols("m q r alpha beta h s y", positive=True)
M, gap = sp.symbols("M Qbar", positive=True)  # averages of tanh and of sech^2
z = sp.Symbol("z", real=True)
C = beta * (1 - q)

# Without the average L of the logarithm, whose derivatives are M and s Qbar.
rest = (
    alpha / 2
    + m**2 / 2
    + alpha / (2 * beta) * (sp.log(1 - C) - beta * q / (1 - C))
    + alpha * beta / 2 * r * (1 - q)
)
noise = beta * sp.sqrt(alpha * r)
crosstalk = q / (1 - C) ** 2
energy = alpha / 2 - m**2 / 2 - alpha / 2 * ((1 - q) / (1 - C) + q / (1 - C) ** 2)


def log_cosh_along(parameter):
    """The derivative of `L(beta m, beta sqrt(alpha r))`."""
    return M * sp.diff(beta * m, parameter) + noise * gap * sp.diff(noise, parameter)


def prove_averages_are_derivatives_of_each_other():
    # <z g(h + sz)> = s <g'(h + sz)>: the difference of the integrands is a total derivative.
    density = sp.exp(-(z**2) / 2)
    for g in (sp.tanh, lambda u: sp.tanh(u) ** 2):
        value = g(h + s * z)
        total = sp.diff(density * value, z)
        vanishes(z * density * value - density * sp.diff(value, z) + total)


def prove_the_free_energy_is_stationary_at_eq_1():
    vanishes((sp.diff(rest, m) - log_cosh_along(m) / beta).subs(M, m))
    vanishes((sp.diff(rest, r) - log_cosh_along(r) / beta).subs(gap, 1 - q))
    vanishes(sp.diff(rest, q).subs(r, crosstalk))


def prove_eq_3_is_the_derivative_of_beta_f():
    slope = sp.diff(beta * rest, beta) - log_cosh_along(beta)
    vanishes(slope.subs({M: m, gap: 1 - q}).subs(r, crosstalk) - energy)


def prove_the_load_of_the_curve_is_that_of_eq_1():
    T = 1 / beta
    on_curve = (s * T * (1 - C)) ** 2 / q
    vanishes(beta**2 * on_curve * crosstalk - s**2)


def prove_zero_temperature():
    overlap = sp.erf(y)
    root_r = overlap / (y * sp.sqrt(2 * alpha))  # y = m / sqrt(2 alpha r)
    response = sp.sqrt(2 / (sp.pi * alpha)) / root_r * sp.exp(-(y**2))
    # r = (1 - C)^-2, over root_r:
    condition = sp.sqrt(2 * alpha) * y - (overlap - 2 / sp.sqrt(sp.pi) * y * sp.exp(-(y**2)))
    vanishes(overlap * (1 / root_r - (1 - response)) - condition)
    # At T = 0, where 1 - q = T C vanishes, Eq. (3) is alpha/2 - m^2/2 - alpha r/2.
    cold = alpha / 2 - m**2 / 2 - alpha * crosstalk / 2
    vanishes(energy - cold + alpha / 2 * (1 - q) / (1 - C))
