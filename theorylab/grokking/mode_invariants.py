r"""What gradient flow conserves in a Fourier mode of a neuron, and in the neuron as a whole.

Let a neuron with $\sigma(z)=z^2$ have the input weights $\theta[x]$ and output weights $\xi[j]$, of
coefficients $a=\alpha e^{i\phi}$ and $b=\beta e^{i\psi}$ at one frequency. While all logits are
small, gradient flow on the cross-entropy, averaged over the $p^2$ pairs, couples neither neurons
nor frequencies:

$$\dot a=\tfrac2p\,\bar ab-\lambda a, \qquad \dot b=\tfrac1p\,a^2-\lambda b, \tag{1}$$

with weight decay $\lambda$. In strengths, phases and the misalignment $D=2\phi-\psi$, without
decay,

$$\dot\alpha=\tfrac2p\alpha\beta\cos D,\quad \dot\beta=\tfrac1p\alpha^2\cos D,\quad
  \dot\phi=-\tfrac{2\beta}p\sin D,\quad \dot\psi=\tfrac{\alpha^2}{p\beta}\sin D,\quad
  \dot D=-\Big(\tfrac{4\beta}p+\tfrac{\alpha^2}{p\beta}\Big)\sin D: \tag{2}$$

$D=0$ attracts, and $D=\pi$ repels. Two numbers are conserved,

$$C=\alpha^2-2\beta^2, \qquad Q=\mathrm{Im}(a^2\bar b)=\alpha^2\beta\sin D, \tag{3}$$

and decay as $e^{-2\lambda t}$ and $e^{-3\lambda t}$ under weight decay. So $\sin D$ falls as
$Q/(\alpha^2\beta)$ while the strengths grow.

One law holds throughout training. Under any loss of the outputs and any data, for an activation
homogeneous of degree $q$ (2 for $z^2$, 1 for ReLU), each neuron's

$$\|\theta\|^2-q\,\|\xi\|^2 \propto e^{-2\lambda t}. \tag{4}$$

Proof: `proofs/grokking/mode_invariants.py`.
Claim: `grokking.balance_is_kept`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for Eqs. (1) and (2), where the sign of
$\dot\phi$ is ours; the invariants are derived here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from theorylab.grokking._modes import amplitudes
from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.network import activation_of, require_pair
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_nonnegative


class ModeInvariants(NamedTuple):
    """Of Eq. (3): `balance`, `C`, and `flux`, `Q`."""

    balance: Float[Array, "*batch"]
    flux: Float[Array, "*batch"]


class ModeVelocity(NamedTuple):
    """Time derivatives of complex amplitudes: of `a` and of `b`."""

    input_velocity: Array
    output_velocity: Array


def mode_invariants(
    input_strength: Reals, output_strength: Reals, misalignment: Reals
) -> ModeInvariants:
    """The two numbers that the mode equations conserve, Eq. (3).

    Arguments:
        input_strength: `alpha`; `>= 0`.
        output_strength: `beta`; `>= 0`.
        misalignment: `D = 2 phi - psi`; any real number.

    Returns: `C` and `Q`, broadcast over the arguments, arrays of their library (NumPy by default);
        infinite, of the right sign, where they overflow.
    Assumes: quadratic activation, small logits, gradient flow without weight decay.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (alpha, beta, D) = arrays(
        input_strength=input_strength, output_strength=output_strength, misalignment=misalignment
    )
    inside = require_nonnegative(input_strength=alpha, output_strength=beta)
    inside = require_finite(misalignment=D) & inside
    # A power of 2 takes no digit, and keeps the difference of squares within range.
    shrink = 2.0 ** -(math.frexp(float(xp.finfo(alpha.dtype).max))[1] // 2 + 2)
    size = xp.where(xp.maximum(alpha, beta) > 1 / shrink**0.5, shrink * xp.ones_like(alpha), 1.0)
    C = ((size * alpha) ** 2 - 2 * (size * beta) ** 2) / size / size
    return ModeInvariants(
        nan_outside(xp, inside, C + 0 * D),
        nan_outside(xp, inside, alpha * xp.sin(D) * beta * alpha),
    )


def mode_velocity(
    modulus: int, input_amplitude: Array, output_amplitude: Array, *, weight_decay: Reals = 0.0
) -> ModeVelocity:
    """Velocities of the complex amplitudes of one mode, Eq. (1).

    Arguments:
        modulus: `p`, odd and `>= 3`; not traced.
        input_amplitude: `a`, a complex number or an array of them, as of `fourier_coefficients`.
        output_amplitude: `b`, likewise.
        weight_decay: `lambda`, a real number; `>= 0`.

    Returns: the derivatives of `a` and `b` by step size times steps, complex arrays of the library
        of the arguments (NumPy by default).
    Assumes: quadratic activation, cross-entropy averaged over all `p^2` pairs, small logits.
    Raises: `ValueError` for amplitudes that are not finite, or on an entry outside the bounds
        above; under `jit`, NaN instead.
    """
    p = odd_modulus(modulus)
    xp, (a, b) = amplitudes(
        weight_decay, input_amplitude=input_amplitude, output_amplitude=output_amplitude
    )
    _, (decay, _) = arrays(weight_decay=weight_decay, like=xp.real(a))
    inside = require_nonnegative(weight_decay=decay)
    decay = xp.astype(xp.where(inside, decay, xp.nan), a.dtype)
    return ModeVelocity(2 / p * xp.conj(a) * b - decay * a, a**2 / p - decay * b)


def neuron_balance(
    t: Reals,
    input_weights: Reals,
    output_weights: Reals,
    activation: str = "quadratic",
    *,
    weight_decay: Reals = 0.0,
) -> Float[Array, "*neurons"]:
    """The balance of each neuron at time `t`, `|theta|^2 - q |xi|^2`, Eq. (4).

    Arguments:
        t: step size times steps since the weights were as given; `>= 0`, and at 0 the balance is
            that of the weights.
        input_weights: `theta` at the start, `(neurons, p)`.
        output_weights: `xi` at the start, `(neurons, p)`.
        activation: `"quadratic"` (`q = 2`) or `"relu"` (`q = 1`).
        weight_decay: `lambda`; `>= 0`.

    Returns: one number a neuron, in the library of the weights (NumPy by default); `t` and
        `weight_decay` broadcast against the neurons.
    Assumes: gradient flow, of any loss of the outputs, on any data. Gradient descent drifts in
        proportion to its step size.
    Raises: `ValueError` for weights that are not finite, not both `(neurons, p)`, or an entry
        outside the bounds above; under `jit`, NaN instead.
    """
    xp, (t, theta, xi, decay) = arrays(
        t=t, input_weights=input_weights, output_weights=output_weights, weight_decay=weight_decay
    )
    require_pair(theta, xi)
    activation_of(xp, activation)
    q = 2 if activation == "quadratic" else 1
    inside = require_nonnegative(t=t, weight_decay=decay)
    finite = require_finite(input_weights=theta, output_weights=xi)
    balance = xp.sum(theta**2, axis=-1) - q * xp.sum(xi**2, axis=-1)
    return nan_outside(xp, inside & xp.all(finite, axis=-1), balance * xp.exp(-2 * decay * t))
