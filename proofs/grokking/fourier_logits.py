"""Eqs. (1) to (3) of `theorylab.grokking.fourier_weights`, (2) to (4) of `fourier_logits`."""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

alpha, beta, p = sp.symbols("alpha beta p", positive=True)
k, x, y, j, phi = sp.symbols("k x y j phi", real=True)
omega = 2 * sp.pi * k / p
d, s = x - y, x + y
u = j - s

theta = lambda x: alpha * sp.cos(omega * x + phi)
xi = beta * sp.cos(omega * j + 2 * phi)
quadratic_neuron = (
    alpha**2 * beta * (1 + sp.cos(omega * d)) * (1 + sp.cos(omega * s + 2 * phi))
) * sp.cos(omega * j + 2 * phi)
quadratic_mean = alpha**2 * beta / 2 * (1 + sp.cos(omega * d)) * sp.cos(omega * u)

# A ReLU neuron has the argument 2 alpha c cos(A) and the output weight beta cos(2A + wu). Where the
# cosine c of half a difference is negative, A is shifted by pi: c stands for its modulus.
A, wu = sp.symbols("A wu", real=True)
c = sp.Symbol("c", positive=True)
relu_mean = 2 / (3 * sp.pi) * alpha * beta * c * sp.cos(wu)


def phase_sum(num_phases, turn, order):
    """The sum of `exp(i order phi)` over equally spaced phases from 0 to `turn`."""
    steps = (sp.Rational(order * index, num_phases) * turn for index in range(num_phases))
    return sum(sp.cos(step) + sp.I * sp.sin(step) for step in steps)


def prove_eq_2_from_the_weights():
    vanishes((quadratic_neuron - xi * (theta(x) + theta(y)) ** 2).rewrite(sp.exp))


def prove_eq_3_from_phases_that_cancel():
    # All that is left beside the mean goes as exp(2i phi) and exp(4i phi).
    gain = alpha**2 * beta / 2 * (1 + sp.cos(omega * d))
    rest = 2 * sp.cos(omega * j + 2 * phi) + sp.cos(omega * (s + j) + 4 * phi)
    vanishes((quadratic_neuron - quadratic_mean - gain * rest).rewrite(sp.exp))


def geometric_sum(num_phases, turn, order):
    """`phase_sum` in closed form, where the ratio of its terms is not 1."""
    ratio = sp.exp(sp.I * order * turn / num_phases)
    assert ratio != 1
    return (sp.exp(sp.I * order * turn) - 1) / (ratio - 1)


def prove_which_equally_spaced_phases_cancel():
    full, half = 2 * sp.pi, sp.pi
    for n in (3, 5, 6, 7, 8, 9, 10):
        for order in (2, 4):
            vanishes(geometric_sum(n, full, order))
            vanishes(geometric_sum(n, half, order))
    vanishes(geometric_sum(4, half, 2))
    vanishes(geometric_sum(4, half, 4))
    # Those refused: the terms are all 1.
    for n, turn, order, value in (
        (1, full, 2, 1),
        (2, full, 2, 2),
        (4, full, 4, 4),
        (1, half, 2, 1),
        (2, half, 4, 2),
    ):
        vanishes(phase_sum(n, turn, order) - value)


def prove_which_phases_cancel_the_linear_part_of_relu():
    # Half the argument times the output weight goes as exp(i phi) and exp(3i phi).
    linear = sp.cos(A) * sp.cos(2 * A + wu)
    vanishes(linear - (sp.cos(3 * A + wu) + sp.cos(A + wu)) / 2)
    for n in (5, 6, 7, 8, 9, 10):
        vanishes(geometric_sum(n, 2 * sp.pi, 1))
        vanishes(geometric_sum(n, 2 * sp.pi, 3))
    vanishes(phase_sum(3, 2 * sp.pi, 3) - 3)
    # Over half the circle: never, for the numerator of the sum is -2.
    for order in (1, 3):
        vanishes(sp.exp(sp.I * order * sp.pi) + 1)


def prove_the_argument_and_output_of_a_relu_neuron():
    half = omega * s / 2 + phi
    vanishes(
        (theta(x) + theta(y) - 2 * alpha * sp.cos(omega * d / 2) * sp.cos(half)).rewrite(sp.exp)
    )
    vanishes(sp.expand(2 * half + omega * u - (omega * j + 2 * phi)))


def prove_eq_4_from_the_average_over_phases():
    on = (A, -sp.pi / 2, sp.pi / 2)  # where the argument is positive
    product = 2 * alpha * c * beta * sp.cos(A) * sp.cos(2 * A + wu)
    average = sp.integrate(sp.expand(sp.expand_trig(product)), on) / (2 * sp.pi)
    vanishes(average - relu_mean)
