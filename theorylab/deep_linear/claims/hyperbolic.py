"""Unbalanced strengths and the error of descent on them, which two claims share."""

from __future__ import annotations

import numpy as np

from theorylab.deep_linear.implicit_balancing import implicit_balancing
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode


def hyperbolic_strength(times, s, u0, imbalance, *, tau=1.0):
    """`u(t)` of `tau du/dt = sqrt(K^2 + 4 u^2) (s - u)`, through a pair of weights that has `K`."""
    imbalance = np.abs(imbalance)
    a = np.sqrt((np.hypot(imbalance, 2 * u0) + imbalance) / 2)
    weights = unbalanced_mode(times, s, a, u0 / a, tau=tau)
    return weights.first * weights.second


def hyperbolic_error(times, s, u0, imbalance, eta):
    """What descent leaves `du/dt = n (s - u)`, `n^2 = K^2 + 4 u^2`, by, to first order.

    With `2u = K sinh y` and `r = s - u`, a step of descent is Euler's step of `dy/dt = 2r` up to
    third order, which is late by `(eta/2) ln(r/r_0)`, and lowers `ln K` by `eta^2 r^2` at the same
    `y`, which delays `u` by `(eta/4) ln(n/n_0)` more. That `ln K` is lower since then moves `u` by
    at most `n r t K^2 / min n^2` times the change, at most that of the whole run,
    `implicit_balancing`, Eq. (2). Derived in
    `proofs/deep_linear/hyperbolic_error.py`.
    """
    imbalance = np.maximum(imbalance, 1e-100)  # the limit, with squares to spare
    u = hyperbolic_strength(times, s, u0, imbalance)
    residual, size = s - u, np.hypot(imbalance, 2 * u)
    tiny = np.finfo(float).tiny
    decay = np.log(np.maximum(np.abs(residual), tiny) / np.maximum(np.abs(s - u0), tiny))
    growth = np.log(size / np.hypot(imbalance, 2 * u0))
    late = eta / 2 * np.abs(size * residual * (decay + growth / 2))
    shrinkage = np.abs(implicit_balancing(s, u0, imbalance, eta))
    least = np.hypot(imbalance, np.where(u0 * s > 0, 2 * np.minimum(np.abs(u0), np.abs(s)), 0.0))
    respond = size * np.abs(residual) * times * (imbalance / least) ** 2
    return late + respond * shrinkage
