"""Eqs. (2) to (5) of `theorylab.ntk.fully_connected`, from the gradients of a network.

A layer on top of others is differentiated as it stands, at width 2; the average over its weights
then gives the recursion, in which wide layers make averages of the sums over neurons.
"""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes
from proofs.ntk.dual_activation import a, alpha, b, c, gamma, slopes, slopes_derivative

WIDTH = 2
sw, sb = sp.symbols("sigma_w sigma_b", positive=True)
phi = sp.Function("phi")
W = sp.symbols(f"W:{WIDTH}", real=True)  # the layer's weights and bias
bias = sp.Symbol("b", real=True)
theta = sp.symbols("theta:3", real=True)  # parameters of the layers below
z = [[sp.Function(f"z{i}{e}")(*theta) for i in range(WIDTH)] for e in range(2)]  # at two inputs


def output(example, scale, bias_scale):
    below = sum(w * phi(neuron) for w, neuron in zip(W, z[example], strict=True))
    return scale * below + bias_scale * bias


def by_parameters(parameters, scale, bias_scale):
    """Sum over the parameters of the product of the outputs' derivatives at the two inputs."""
    first, second = (output(example, scale, bias_scale) for example in range(2))
    return sum(sp.diff(first, p) * sp.diff(second, p) for p in parameters)


def averaged_over_weights(expression):
    """`<W_i W_j> = delta_ij` for the quadratic form in the weights that a tangent kernel is."""
    form = sp.Poly(sp.expand(expression), *W)
    squares = [form.coeff_monomial(w**2) for w in W]
    return sum(squares)


def slope(neuron):
    u = sp.Symbol("u", real=True)
    return sp.diff(phi(u), u).subs(u, neuron)


def prove_eq_3_for_the_layers_own_parameters():
    # The layer's own part is K: the sum of phi phi' over neurons is the dual's average.
    own = by_parameters([*W, bias], sw / sp.sqrt(WIDTH), sb)
    neurons = sum(phi(u) * phi(v) for u, v in zip(*z, strict=True)) / WIDTH
    vanishes(own - (sw**2 * neurons + sb**2))


def prove_eq_3_for_the_layers_below():
    below = averaged_over_weights(by_parameters(theta, sw / sp.sqrt(WIDTH), sb))
    tangent = [sum(sp.diff(u, p) * sp.diff(v, p) for p in theta) for u, v in zip(*z, strict=True)]
    neurons = (
        sum(slope(u) * slope(v) * kernel for u, v, kernel in zip(*z, tangent, strict=True)) / WIDTH
    )
    vanishes(sp.expand((below - sw**2 * neurons).doit()))


def prove_eq_4():
    # The trained weights are sigma_w W / sqrt(n): derivatives by them lose the factor.
    own = by_parameters([*W, bias], 1, 1)
    neurons = sum(phi(u) * phi(v) for u, v in zip(*z, strict=True)) / WIDTH
    vanishes(own - (WIDTH * neurons + 1))


def prove_covariance_of_outputs_is_eq_2():
    first, second = (output(example, sw / sp.sqrt(WIDTH), sb) for example in range(2))
    product = sp.Poly(sp.expand(first * second), *W, bias)
    mean = sum(product.coeff_monomial(w**2) for w in (*W, bias))  # all variances are 1
    neurons = sum(phi(u) * phi(v) for u, v in zip(*z, strict=True)) / WIDTH
    vanishes(mean - (sw**2 * neurons + sb**2))


def prove_eq_5_layer_by_layer():
    # z = sigma_w u turns a layer of one form into that of the other.
    u = sp.symbols(f"u:{WIDTH}", real=True)
    ours = sum(w * phi(sw * x) for w, x in zip(W, u, strict=True)) * sw / sp.sqrt(WIDTH) + sb * bias
    dilated = lambda x: phi(sw * x)
    jacot = sum(w * dilated(x) for w, x in zip(W, u, strict=True)) / sp.sqrt(WIDTH)
    vanishes(ours - sw * (jacot + sb / sw * bias))
    f, parameter = sp.Function("f"), theta[0]  # so gradients, and their squares the kernel
    vanishes(
        sp.diff(sw * f(parameter), parameter) ** 2 - sw**2 * sp.diff(f(parameter), parameter) ** 2
    )


def prove_eq_5_of_the_kernels():
    # Layer by layer K = sigma_w^2 K', Theta = sigma_w^2 Theta', where beta = sigma_b / sigma_w.
    K, Theta = sp.symbols("K Theta", positive=True)
    dual, dual_slope = sp.Function("dual"), sp.Function("dual_slope")
    inputs = sp.symbols("inputs", real=True)
    beta = sb / sw
    vanishes(sw**2 * inputs + sb**2 - sw**2 * (inputs + beta**2))
    own_K, own_Theta = K / sw**2, Theta / sw**2
    next_K = sw**2 * dual(K) + sb**2
    own_next_K = dual(sw**2 * own_K) + beta**2
    vanishes(next_K - sw**2 * own_next_K)
    next_Theta = sw**2 * dual_slope(K) * Theta + next_K
    own_slope = sw**2 * dual_slope(sw**2 * own_K)
    vanishes(next_Theta - sw**2 * (own_slope * own_Theta + own_next_K))


def prove_he_scaling():
    # ReLU, sigma_w^2 = 2, no bias, equal inputs: K stays, and Theta grows by K each layer.
    K, depth = sp.symbols("K depth", positive=True)
    relu = {alpha: 0, gamma: 1, a: K, b: K, c: K}
    vanishes(2 * slopes.subs(relu) - K)
    Theta = depth * K
    vanishes(2 * slopes_derivative.subs(relu) * Theta + K - (depth + 1) * K)
