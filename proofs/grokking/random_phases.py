"""Eqs. (1) to (3) of `theorylab.grokking.random_phases`, by averages over the phase."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

# Phases of the waves of d, u and u', and the uniform one, of the sum of the inputs.
wd, wu, wv, chi = sp.symbols("wd wu wv chi", real=True)
quadratic_covariance = sp.Rational(5, 8) * (1 + sp.cos(wd)) ** 2 * sp.cos(wu - wv)
relu_covariance = sp.cos(wd / 2) ** 2 * (
    sp.cos(wu - wv) / 2 - 4 / (9 * sp.pi**2) * sp.cos(wu) * sp.cos(wv)
)


def average(expression, start, end):
    """Over a circle, of what differs from 0 between `start` and `end`."""
    return sp.integrate(sp.expand(sp.expand_trig(expression)), (chi, start, end)) / (2 * sp.pi)


def prove_eq_1():
    neuron = lambda of: (1 + sp.cos(wd)) * (1 + sp.cos(chi)) * sp.cos(chi + of)
    mean = lambda of: average(neuron(of), 0, 2 * sp.pi)
    vanishes(mean(wu) - (1 + sp.cos(wd)) / 2 * sp.cos(wu))
    second = average(neuron(wu) * neuron(wv), 0, 2 * sp.pi)
    vanishes(sp.expand(sp.expand_trig(second - mean(wu) * mean(wv) - quadratic_covariance)))


def prove_eq_2():
    # The argument is 2 cos(wd/2) cos(A); where cos(wd/2) < 0, A is shifted by pi.
    c = sp.Symbol("c", positive=True)
    neuron = lambda of: 2 * c * sp.cos(chi) * sp.cos(2 * chi + of)
    mean = lambda of: average(neuron(of), -sp.pi / 2, sp.pi / 2)
    vanishes(mean(wu) - 2 * c / (3 * sp.pi) * sp.cos(wu))
    second = average(neuron(wu) * neuron(wv), -sp.pi / 2, sp.pi / 2)
    covariance = relu_covariance.subs(sp.cos(wd / 2), c)
    vanishes(sp.expand(sp.expand_trig(second - mean(wu) * mean(wv) - covariance)))


def prove_eq_3():
    # A wave of d, summed over all frequencies, is -1/2 unless d = 0, where it is K.
    z = sp.Symbol("z", real=True)
    waves = sp.Rational(3, 2) + 2 * sp.cos(z) + sp.cos(2 * z) / 2
    vanishes(sp.expand_trig((1 + sp.cos(z)) ** 2 - waves))
    a, R, p = sp.symbols("a R p", positive=True)
    K, sum_of_waves = (p - 1) / 2, -sp.Rational(1, 2)
    of_one = sp.Rational(5, 8) * a**2 / R
    apart = sp.Rational(3, 2) * K + 2 * sum_of_waves + sum_of_waves / 2
    vanishes(of_one * apart - 5 * a**2 / (32 * R) * (3 * p - 8))
    vanishes(of_one * 4 * K - 5 * a**2 / (4 * R) * (p - 1))
