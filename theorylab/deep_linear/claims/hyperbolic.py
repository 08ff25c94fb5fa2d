"""The error of descent on an unbalanced mode, which two claims share."""

from __future__ import annotations

import numpy as np

from theorylab.deep_linear.implicit_balancing import implicit_balancing
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode


def hyperbolic_error(times, s, u0, imbalance, eta):
    """What descent leaves `du/dt = n (s - u)`, `n^2 = K^2 + 4 u^2`, by, to first order.

    With `2u = K sinh y`, a step of descent is Euler's step of `dy/dt = 2 (s - u)` up to third
    order, late by `(eta/2) ln(r/r_0)`, `r = s - u`, and shrinks `ln K` by `eta^2 r^2`. The response
    of `u` to `ln K` is at most `K r t`, and the sum of `eta r^2` is at most the change of `ln K` in
    `implicit_balancing`, Eq. (2). Derived in `proofs/deep_linear/implicit_balancing.py`.
    """
    a = np.sqrt((np.hypot(imbalance, 2 * u0) + imbalance) / 2)
    weights = unbalanced_mode(times, s, a, u0 / a)
    u = weights.first * weights.second
    residual, size = s - u, np.hypot(imbalance, 2 * u)
    tiny = np.finfo(float).tiny
    decay = np.log(np.maximum(np.abs(residual), tiny) / np.maximum(np.abs(s - u0), tiny))
    late = eta / 2 * np.abs(size * residual * decay)
    shrinkage = np.abs(implicit_balancing(s, u0, np.maximum(imbalance, tiny), eta))
    return late + imbalance * np.abs(residual) * times * shrinkage
