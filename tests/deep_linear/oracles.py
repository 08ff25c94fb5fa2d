"""The proved expressions at sixty digits, and the size of the errors rounding must make.

A solver cannot be closer to the truth than its arguments are: moving `t` and `u0` by one rounding
moves `u` by `eps (|t du/dt| + |u0 du/du0|)`, however it is computed. Errors are therefore measured
against `|u| + |t du/dt| + |u0 du/du0|`, as backward errors. (By the scaling of Eq. (1) the
derivative in `s` adds nothing new.)
"""

from __future__ import annotations

import math

import mpmath
import sympy as sp

from proofs.deep_linear import learning_time as proof

DIGITS = 60
_functions = {
    (below, depth): sp.lambdify((x, proof.p), expression, "mpmath")
    for (below, depth, x, expression) in (
        (True, None, proof.x, proof.below),
        (True, 2, proof.x, proof.logistic),
        (True, math.inf, proof.x, proof.bottomless),
        (False, None, proof.v, proof.above),
    )
}


def exact(expression, **symbols):
    """`expression` at exact values of its symbols (those of the given names), as an `mpf`."""
    names = sorted(expression.free_symbols, key=str)
    function = sp.lambdify(names, expression, "mpmath")
    with mpmath.workdps(DIGITS):
        return function(*(mpmath.mpf(symbols[str(name)]) for name in names))


def with_condition(function, *arguments):
    """The value of `function` at exact arguments and, by differences, its condition.

    The latter is `|f| + |x df/dx| + |y df/dy| + ...`: what one relative rounding of the arguments
    and of the value can make.
    """
    with mpmath.workdps(2 * DIGITS):
        x = [mpmath.mpf(argument) for argument in arguments]
        step = mpmath.mpf(10) ** -(DIGITS // 2)
        value = mpmath.re(function(*x))
        moved = (mpmath.re(function(*x[:i], x[i] * (1 + step), *x[i + 1 :])) for i in range(len(x)))
        return value, abs(value) + sum(abs(other - value) for other in moved) / step


def exact_time(u, s, u0, depth):
    """Time from `u0` to `u` at `tau = 1`, by Eq. (3) of `learning_time` or its limits."""
    with mpmath.workdps(DIGITS):
        u, s, u0, L = (mpmath.mpf(value) for value in (u, s, u0, depth))
        if depth == 1:
            return mpmath.log((s - u0) / (s - u))
        below = u0 < s
        function = _functions.get((below, depth)) or _functions[below, None]
        p = 1 - 2 / L
        elapsed = lambda u: function(u / s if below else s / u, p)
        return (elapsed(u) - elapsed(u0)) / exact_rate(s, L)


def exact_rate(s, L):
    return (1 if mpmath.isinf(L) else L) * s ** (2 - 2 / L)


def exact_speed(u, s, depth):
    with mpmath.workdps(DIGITS):
        u, s, L = (mpmath.mpf(value) for value in (u, s, depth))
        return (1 if mpmath.isinf(L) else L) * u ** (2 - 2 / L) * (s - u)
