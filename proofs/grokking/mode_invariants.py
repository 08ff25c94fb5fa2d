"""Eqs. (1) to (4) of `theorylab.grokking.mode_invariants`, from the loss up."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

p, alpha, beta, lam, t = sp.symbols("p alpha beta lambda t", positive=True)
phi, psi = sp.symbols("phi psi", real=True)
a, a_bar, b, b_bar = sp.symbols("a abar b bbar")
D = 2 * phi - psi
amplitudes = (a, a_bar, b, b_bar)
velocities = (
    2 / p * a_bar * b - lam * a,
    2 / p * a * b_bar - lam * a_bar,
    a**2 / p - lam * b,
    a_bar**2 / p - lam * b_bar,
)
balance = a * a_bar - 2 * b * b_bar
flux = (a**2 * b_bar - a_bar**2 * b) / (2 * sp.I)


def rate(expression):
    """The time derivative along Eq. (1)."""
    return sum(sp.diff(expression, z) * v for z, v in zip(amplitudes, velocities, strict=True))


def prove_eq_1_from_the_network():
    # The cross-entropy to first order in logits, whose mean over answers the softmax takes off.
    n = 5
    theta, xi = sp.symbols(f"theta:{n}"), sp.symbols(f"xi:{n}")
    mean = sum(xi) / sp.Integer(n)
    gain = sum(
        (theta[x] + theta[y]) ** 2 * (xi[(x + y) % n] - mean) for x in range(n) for y in range(n)
    ) / sp.Integer(n**2)
    w = sp.Symbol("w")  # a primitive root of unity
    of = lambda v, k: sp.Rational(2, n) * sum(v[x] * w ** (-k * x % n) for x in range(n))
    for k in (1, 2):
        a_dot = of([sp.diff(gain, weight) for weight in theta], k)
        b_dot = of([sp.diff(gain, weight) for weight in xi], k)
        for residual in (
            a_dot - sp.Rational(2, n) * of(theta, -k) * of(xi, k),
            b_dot - of(theta, k) ** 2 / n,
        ):
            vanishes(sp.rem(sp.expand(residual), sp.cyclotomic_poly(n, w), w))


def prove_eq_2_from_eq_1():
    polar = {a: alpha * sp.exp(sp.I * phi), a_bar: alpha * sp.exp(-sp.I * phi),
             b: beta * sp.exp(sp.I * psi), b_bar: beta * sp.exp(-sp.I * psi), lam: 0}  # fmt: skip
    a_dot, _, b_dot, _ = (velocity.subs(polar) for velocity in velocities)
    alpha_dot, beta_dot = 2 * alpha * beta * sp.cos(D) / p, alpha**2 * sp.cos(D) / p
    phi_dot, psi_dot = -2 * beta * sp.sin(D) / p, alpha**2 * sp.sin(D) / (p * beta)
    along = lambda z_dot, phase: (z_dot * sp.exp(-sp.I * phase)).rewrite(sp.exp)
    for residual in (
        along(a_dot, phi) - alpha_dot - sp.I * alpha * phi_dot,
        along(b_dot, psi) - beta_dot - sp.I * beta * psi_dot,
    ):
        vanishes(sp.expand(residual.rewrite(sp.exp)))
    vanishes(2 * phi_dot - psi_dot + (4 * beta / p + alpha**2 / (p * beta)) * sp.sin(D))


def prove_both_invariants_decay_at_their_rates():
    vanishes(rate(balance) + 2 * lam * balance)
    vanishes(rate(flux) + 3 * lam * flux)


def prove_eq_4():
    # Of outputs xi_j sigma(z_s), z_s = theta_x + theta_y, a loss has any derivatives r_js. By
    # Euler's theorem z sigma'(z) = q sigma(z), the pull on theta is q times that on xi.
    z, q = sp.symbols("z q", positive=True)
    vanishes(z * sp.diff(z**q, z) - q * z**q)
    theta, xi, r = sp.symbols("theta:2"), sp.symbols("xi:2"), sp.symbols("r:8")
    pairs = [(theta[x] + theta[y]) for x in range(2) for y in range(2)]
    for degree in (1, 2):
        loss = sum(
            r[4 * j + s] * xi[j] * pairs[s] ** degree for j in range(2) for s in range(4)
        )  # to first order about the weights
        theta_dot, xi_dot = ([-sp.diff(loss, w) - lam * w for w in v] for v in (theta, xi))
        inner = lambda u, v: sum(x * y for x, y in zip(u, v, strict=True))
        change = 2 * inner(theta, theta_dot) - 2 * degree * inner(xi, xi_dot)
        vanishes(change + 2 * lam * (inner(theta, theta) - degree * inner(xi, xi)))
