"""Eqs. (1) to (3) of `theorylab.neural_collapse.central_path`, from the least squares fit."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

omega, K, N, t, tau = sp.symbols("omega K N t tau", positive=True)
loss_of_mode = 1 / (2 * K * (1 + omega**2))
omega_dot = omega / (K * N * (1 + omega**2) ** 2)
clock = sp.log(omega) + omega**2 + omega**4 / 4  # the left side of Eq. (2)


def prove_the_loss_of_a_mode():
    # Centred features have covariance I + A A^T, and A^T / sqrt(K) with the labels, whose own is
    # C / K. With A of singular value omega the fit leaves, along the mode,
    covariance, cross, own = 1 + omega**2, omega / sp.sqrt(K), 1 / K
    vanishes((own - cross**2 / covariance) / 2 - loss_of_mode)


def _example():
    """Three classes of two in two dimensions, aligned: features, labels and their best fit."""
    a, b = sp.symbols("a b", positive=True)
    # Rows of M: an orthonormal basis of the vectors of sum 0, times sqrt(K) omega.
    M = sp.Matrix([[1, -1, 0], [1, 1, -2]])
    M = sp.diag(a * sp.sqrt(3) / sp.sqrt(2), b * sp.sqrt(3) / sp.sqrt(6)) * M
    Y = sp.Matrix(3, 6, lambda k, i: int(i // 2 == k))
    # Deviations +-e_k in each class, of covariance E E^T / 6 = I.
    e = sp.Matrix([[sp.sqrt(3), 0, 0], [0, sp.sqrt(3), 0]])
    E = sp.Matrix(2, 6, lambda d, i: e[d, i // 2] * (-1) ** i)
    H = M * Y + E
    ones = sp.ones(1, 6)
    centred = H - H * ones.T * ones / 6
    target = Y - Y * ones.T * ones / 6
    W = target * centred.T * (centred * centred.T).inv()
    return (a, b), M, E, (W * centred - target), W


def prove_eq_1_of_examples():
    (a, b), _, E, residual, _ = _example()
    vanishes(E * E.T / 6 - sp.eye(2))
    loss = sum(r**2 for r in residual) / 12
    vanishes(loss - sum(loss_of_mode.subs({omega: value, K: 3}) for value in (a, b)))


def prove_the_flow_of_class_means_of_examples():
    # Class means move by the mean of minus the gradient in their examples, W^T residual / N.
    (a, b), M, _, residual, W = _example()
    gradient = W.T * residual / 6
    means = -gradient * sp.Matrix(6, 3, lambda i, k: sp.Rational(int(i // 2 == k), 2))
    rates = [(omega_dot / omega).subs({omega: value, K: 3, N: 6}) for value in (a, b)]
    vanishes(means - sp.diag(*rates) * M)


def prove_variability_feels_no_force():
    # What the gradient does to the deviations is S E with S symmetric: it is normal to the features
    # of covariance E E^T / N = I, whose tangents D have D E^T antisymmetric.
    _, _, E, residual, W = _example()
    gradient = W.T * residual / 6
    means = gradient * sp.Matrix(6, 6, lambda i, j: sp.Rational(int(i // 2 == j // 2), 2))
    S = (gradient - means) * E.T / 6
    vanishes(gradient - means - S * E)
    vanishes(S - S.T)


def prove_the_flow_of_a_mode():
    # A = [means - their mean] / sqrt(K), and n examples move each mean: n K = N.
    vanishes(omega_dot + sp.diff(loss_of_mode, omega) / N)


def prove_eq_2():
    vanishes(sp.diff(clock, omega) * omega_dot - 1 / (K * N))


def prove_eq_3():
    # The quartic rules at large times: omega^2 (4 tau)^(-1/2) -> 1 with tau = t / (KN).
    vanishes(sp.limit(clock / omega**4, omega, sp.oo) - sp.Rational(1, 4))
    late = (K - 1) / K / sp.sqrt(4 * t / (K * N))
    vanishes(late - (K - 1) / (2 * K) * sp.sqrt(K * N / t))
