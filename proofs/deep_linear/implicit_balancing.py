"""Eqs. (1) and (2) of `theorylab.deep_linear.implicit_balancing`, from one step of descent."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

eta, K = sp.symbols("eta K", positive=True)
s, u, u0 = sp.symbols("s u u0", real=True)
first, second = (sp.Matrix(sp.symbols(f"{name}1:4", real=True)) for name in ("v", "w"))  # 3 units
residual = s - first.dot(second)
loss = residual**2 / 2
stepped_first, stepped_second = (
    weights - eta * sp.Matrix([sp.diff(loss, weight) for weight in weights])
    for weights in (first, second)
)

antiderivative = s / 2 * sp.asinh(2 * u / K) - sp.sqrt(K**2 + 4 * u**2) / 4
closed_form = -eta * (antiderivative.subs(u, s) - antiderivative.subs(u, u0))


def imbalance_squared(first, second):
    minus, plus = first - second, first + second
    return minus.dot(minus) * plus.dot(plus)


def prove_a_step_scales_the_sum_and_the_difference_of_the_weights():
    vanishes(stepped_first + stepped_second - (1 + eta * residual) * (first + second))
    vanishes(stepped_first - stepped_second - (1 - eta * residual) * (first - second))


def prove_eq_1():
    """Squared: `K^2` is multiplied by `(1 - eta^2 r^2)^2`."""
    factor = sp.symbols("factor", real=True)  # eta r
    vanishes(
        imbalance_squared(
            (1 + factor) * (first + second) / 2 + (1 - factor) * (first - second) / 2,
            (1 + factor) * (first + second) / 2 - (1 - factor) * (first - second) / 2,
        )
        - imbalance_squared(first, second) * (1 - factor**2) ** 2
    )


def prove_eq_1_of_a_mode():
    a, b = sp.symbols("a b", real=True)
    r = s - a * b
    vanishes((a + eta * b * r) ** 2 - (b + eta * a * r) ** 2 - (a**2 - b**2) * (1 - eta**2 * r**2))


def prove_a_step_costs_its_squared_residual():
    """`ln(1 - eta^2 r^2) = -eta (eta r^2) + O(eta^4)`: a sum over steps of `eta r^2`."""
    r = sp.symbols("r", real=True)
    vanishes(sp.series(sp.log(1 - eta**2 * r**2), eta, 0, 4).removeO() + eta**2 * r**2)


def prove_eq_2():
    """The sum of `eta r^2` is the integral of `r^2 dt`, and `du = sqrt(K^2 + 4u^2) r dt`."""
    vanishes(sp.diff(antiderivative, u) - (s - u) / sp.sqrt(K**2 + 4 * u**2))
