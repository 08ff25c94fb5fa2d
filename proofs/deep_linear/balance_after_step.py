"""Eq. (1) of `theorylab.deep_linear.balance_after_step`, from one step on the loss."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

eta = sp.symbols("eta", positive=True)
INPUTS, HIDDEN, OUTPUTS = 3, 2, 2


def matrix(name, rows, columns):
    return sp.Matrix(rows, columns, lambda i, j: sp.Symbol(f"{name}_{i}{j}", real=True))


first, second = matrix("V", HIDDEN, INPUTS), matrix("W", OUTPUTS, HIDDEN)
target = matrix("S", OUTPUTS, INPUTS)
white = sp.eye(INPUTS)
coloured = sp.Matrix(INPUTS, INPUTS, lambda i, j: sp.Symbol(f"X_{min(i, j)}{max(i, j)}", real=True))


def balance(first, second):
    return second.T * second - first * first.T


def loss(covariance):
    """Mean squared error over two, up to a constant, in the covariances of the data."""
    product = second * first
    return -(target * product.T).trace() + (product * covariance * product.T).trace() / 2


def after_step(covariance):
    value = loss(covariance)
    slope = lambda weights: weights.applyfunc(lambda weight: sp.diff(value, weight))
    return balance(first - eta * slope(first), second - eta * slope(second))


def closed_form(covariance):
    """Eq. (1)."""
    E = target - second * first * covariance
    drift = first * E.T * E * first.T - second.T * E * E.T * second
    return balance(first, second) + eta**2 * drift


def prove_eq_1():
    vanishes(after_step(white) - closed_form(white))


def prove_eq_1_with_coloured_inputs():
    vanishes(after_step(coloured) - closed_form(coloured))


def prove_the_flow_conserves_the_balance():
    """The terms of first order in the step cancel."""
    for entry in after_step(coloured):
        vanishes(sp.diff(entry, eta).subs(eta, 0))


def prove_eq_1_of_a_mode():
    a, b, s = sp.symbols("a b s", real=True)
    r = s - a * b
    vanishes((a + eta * b * r) ** 2 - (b + eta * a * r) ** 2 - (a**2 - b**2) * (1 - eta**2 * r**2))
