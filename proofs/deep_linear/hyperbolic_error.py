"""The first-order error of descent on an unbalanced mode, `theorylab.deep_linear.claims`.

In the coordinates `K` and `y`, `2u = K sinh y`, a step of descent is exact enough to read off both
its delay and the drift of `K`; the response to the drift is variation of constants.
"""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

eta, K = sp.symbols("eta K", positive=True)
s, y, r, plus, minus = sp.symbols("s y r plus minus", real=True)
u, n = K * sp.sinh(y) / 2, K * sp.cosh(y)


def prove_coordinates_fit_the_conserved_quantity():
    vanishes(n**2 - 4 * u**2 - K**2)


def prove_the_flow_moves_y_by_twice_the_residual():
    vanishes(sp.diff(u, y) * 2 * (s - u) - n * (s - u))  # du/dt = n (s - u) at constant K


def prove_a_step_is_eulers_in_y_up_to_third_order():
    """`e^(2y)` is the ratio of `n + 2u` and `n - 2u`, which a step scales by `(1 +- eta r)^2`."""
    vanishes((n + 2 * u) / (n - 2 * u) - sp.exp(2 * y))
    step = sp.log((1 + eta * r) / (1 - eta * r))
    vanishes(sp.series(step, eta, 0, 4).removeO() - 2 * eta * r - 2 * (eta * r) ** 3 / 3)


def prove_a_step_lowers_the_logarithm_of_the_imbalance():
    """`K^2` is the product of the two."""
    log_k = sp.log((1 + eta * r) ** 2 * (1 - eta * r) ** 2) / 2
    vanishes(sp.series(log_k, eta, 0, 4).removeO() + (eta * r) ** 2)


def prove_the_delay_of_a_falling_imbalance():
    """At fixed `y`, `u` goes with `K`: `-eta r^2 u` per time, which along `n r` adds up to
    `-(eta/4) n r ln(n/n_0)`, for `dn/dt = 4 u r`.
    """
    vanishes(K * sp.diff(u, K) - u)
    rate = sp.diff(n, y) * 2 * r  # dn/dt at constant K
    vanishes(rate - 4 * u * r)
    vanishes(-eta * r**2 * u / (n * r) + eta / 4 * rate / n)


def prove_the_response_to_a_change_of_imbalance():
    """At fixed `u`, `d(n r)/d ln K = K^2 r / n`; variations along the flow go as `n r`.

    So a change `delta` of `ln K` moves `u` by `n r` times the integral of `delta K^2 / n^2`, at
    most `n r t delta K^2 / min n^2`.
    """
    strength = sp.symbols("u", real=True)
    speed = sp.sqrt(K**2 + 4 * strength**2) * (s - strength)
    size = sp.sqrt(K**2 + 4 * strength**2)
    vanishes(K * sp.diff(speed, K) - K**2 * (s - strength) / size)
    vanishes(K * sp.diff(speed, K) / speed - K**2 / size**2)
