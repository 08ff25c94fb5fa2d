"""Eq. (1) of `theorylab.deep_linear.unbalanced_learning_time`, from the speed of the strength."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

tau, s, c = sp.symbols("tau s c", positive=True)  # c is |c|
v = sp.symbols("v", real=True)
h, k = sp.symbols("h k", real=True)  # the half-angle tangents of v and of s, within (-1, 1)


def root(v):
    return sp.sqrt(c**2 + 4 * v**2)


def half_angle(v):
    """`T(v)`, the half-angle tangent."""
    return 2 * v / (c + root(v))


# Eq. (1): the time to `u` from `u0` is `bracket(u) - bracket(u0)`.
bracket = (
    tau
    / root(s)
    * sp.log((1 + half_angle(v) * half_angle(s)) / (1 - half_angle(v) / half_angle(s)))
)


def strength(h):
    """The strength of half-angle tangent `h`."""
    return c * h / (1 - h**2)


def root_of(h):
    return c * (1 + h**2) / (1 - h**2)


def prove_the_half_angle_tangent():
    """`T(strength(h)) = h` for `|h| < 1`, where the root is `root_of(h)`."""
    vanishes(c**2 + 4 * strength(h) ** 2 - root_of(h) ** 2)
    vanishes(2 * strength(h) / (c + root_of(h)) - h)
    theta = sp.symbols("theta", real=True)
    hyperbolic = sp.tanh(theta / 2)
    vanishes((strength(hyperbolic) - c / 2 * sp.sinh(theta)).rewrite(sp.exp))


def prove_eq_1():
    """In the tangents all of it is rational: `dt/du = tau / (sqrt(c^2 + 4 u^2) (s - u))`."""
    time = tau / root_of(k) * sp.log((1 + h * k) / (1 - h / k))
    speed = root_of(h) * (strength(k) - strength(h)) / tau
    vanishes(sp.diff(time, h) * speed - sp.diff(strength(h), h))


def prove_eq_1_as_one_logarithm_that_cancels_nothing():
    """`1 + (T - T0) (1 + T*^2) / ((T* - T) (1 + T0 T*))`, and its factors without differences."""
    j = sp.symbols("j", real=True)  # the tangent of u0
    ratio = (1 + h * k) / (1 - h / k) * (1 - j / k) / (1 + j * k)
    vanishes(ratio - 1 - (h - j) * (1 + k**2) / ((k - h) * (1 + j * k)))
    v, w, V, W = strength(h), strength(j), root_of(h), root_of(j)
    spread = 1 + c * (v + w) / (v * W + w * V)
    vanishes(h - j - 2 * c * (v - w) * spread / ((c + V) * (c + W)))
    across = 1 + (v * W - w * V) / (c * (v - w))  # where w < 0 < v
    vanishes(spread - across)
    S, R = strength(k), root_of(k)
    vanishes((c + R) * (1 + k**2) - 2 * R)
    vanishes((c + W) * (1 + j * k) - (c + W + 4 * w * S / (c + R)))
    beyond = 2 * S * (1 + c / (W - 2 * w))
    vanishes((c + W) * (1 + j * k) - c * ((c + W) * (1 + c / (R + 2 * S)) + beyond) / (c + R))


def prove_the_speed_of_the_angle():
    """`2 u = c sinh(theta)` gives `tau theta' = 2 s - c sinh(theta)`."""
    theta = sp.symbols("theta", real=True)
    u = c / 2 * sp.sinh(theta)
    speed = c * sp.cosh(theta) * (s - u) / tau  # sqrt(c^2 + 4 u^2) = c cosh(theta)
    vanishes(c**2 * sp.cosh(theta) ** 2 - c**2 - 4 * u**2)
    vanishes(tau * speed / sp.diff(u, theta) - (2 * s - c * sp.sinh(theta)))


def prove_the_published_form_differs_by_a_constant():
    """`(R + c + 2sT) / (R - c - 2sT)` over the ratio in Eq. (1) does not depend on `T`."""
    R, S = root_of(k), strength(k)
    published = (R + c + 2 * S * h) / (R - c - 2 * S * h)
    vanishes(sp.diff(published * (1 - h / k) / (1 + h * k), h))


def prove_the_balanced_limit():
    """As `c` tends to 0 the slope of Eq. (1) is that of the logistic."""
    u = sp.symbols("u", positive=True)
    slope = tau / (root(u) * (s - u))
    vanishes(sp.limit(slope, c, 0) - tau / (2 * u * (s - u)))
