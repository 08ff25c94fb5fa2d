"""Eqs. (1) and (2) of `theorylab.deep_linear.mode_strength`, from the loss up."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

t, tau, s, u0, u, L, kappa, later = sp.symbols("t tau s u0 u L kappa later", positive=True)
growth = sp.exp(2 * s * t / tau)
closed_form = s * growth / (growth - 1 + s / u0)
shallow_form = s + (u0 - s) * sp.exp(-t / tau)


def speed(u, depth):
    """`du/dt`, Eq. (1)."""
    return depth * u ** (2 - sp.S(2) / depth) * (s - u) / tau


def layers(depth):
    """The weights of one mode and their velocities under gradient flow."""
    weights = sp.symbols(f"a1:{depth + 1}", positive=True)
    loss = (s - sp.prod(weights)) ** 2 / 2
    return weights, [-sp.diff(loss, weight) / tau for weight in weights]


def prove_balance_is_conserved():
    for depth in (2, 3, 4, 5):
        weights, velocities = layers(depth)
        for i in range(depth - 1):
            vanishes(2 * weights[i] * velocities[i] - 2 * weights[i + 1] * velocities[i + 1])


def prove_layers_multiply_to_the_product_law():
    for depth in (1, 2, 3, 4, 5):
        weights, velocities = layers(depth)
        product = sp.prod(weights)
        dot = sum(
            sp.diff(product, weight) * velocity
            for weight, velocity in zip(weights, velocities, strict=True)
        )
        vanishes(tau * dot - product**2 * sum(weight**-2 for weight in weights) * (s - product))


def prove_balanced_layers_obey_eq_1():
    for depth in (1, 2, 3, 4, 5):
        weights, velocities = layers(depth)
        a = u ** sp.Rational(1, depth)
        balanced = dict.fromkeys(weights, a)
        vanishes(depth * a ** (depth - 1) * velocities[0].subs(balanced) - speed(u, depth))


def prove_eq_1_at_any_real_depth():
    a = u ** (1 / L)
    vanishes(L * a ** (L - 1) * a ** (L - 1) * (s - u) / tau - speed(u, L))


def prove_eq_2_solves_eq_1():
    for form, depth in ((shallow_form, 1), (closed_form, 2)):
        vanishes(sp.diff(form, t) - speed(form, depth))
        vanishes(form.subs(t, 0) - u0)


def prove_the_flow_of_eq_2_is_a_semigroup():
    for form in (shallow_form, closed_form):
        vanishes(form.subs(u0, form.subs(t, later)) - form.subs(t, t + later))


def prove_the_flow_carries_the_derivative_in_the_start():
    """`du/du0` is the ratio of the speeds at the end and the start."""
    for form, depth in ((shallow_form, 1), (closed_form, 2)):
        vanishes(sp.diff(form, u0) * speed(u0, depth) - speed(form, depth))


def prove_eq_1_scales():
    vanishes(speed(kappa * u, L).subs(s, kappa * s) - kappa ** (3 - 2 / L) * speed(u, L))


def prove_eq_2_is_symmetric_about_the_half_time():
    ratio = sp.symbols("ratio", positive=True)  # s / u0 - 1
    half = tau / (2 * s) * sp.log(ratio)
    at = lambda x: closed_form.subs(u0, s / (1 + ratio)).subs(t, half + x)
    x = sp.symbols("x", real=True)
    vanishes(at(x) + at(-x) - s)


def prove_coloured_inputs_rescale_the_target_and_the_time():
    variance = sp.symbols("lambda", positive=True)
    coloured = L * u ** (2 - 2 / L) * (s - variance * u) / tau
    vanishes(coloured - speed(u, L).subs({s: s / variance, tau: tau / variance}, simultaneous=True))
