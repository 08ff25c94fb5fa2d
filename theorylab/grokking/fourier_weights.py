r"""Weights of a network that adds modulo $p$ by waves, one frequency a neuron.

A neuron of frequency $k$, $\omega_k=2\pi k/p$, has weights

$$\theta[x]=\alpha\cos(\omega_kx+\phi), \quad \xi[j]=\beta\cos(\omega_kj+\psi). \tag{1}$$

Each frequency has a group of $n$ aligned neurons, $\psi=2\phi$, at equally spaced phases

$$\phi_l=\iota_k+2\pi l/n \quad\text{or}\quad \phi_l=\iota_k+\pi l/n, \quad l=0\dots n-1. \tag{2}$$

All that depends on the phases cancels in the outputs of a group of quadratic neurons if

$$\sum_le^{2i\phi_l}=\sum_le^{4i\phi_l}=0, \tag{3}$$

which is so for $n=3$ and $n\ge5$ at spacing $2\pi/n$, for $n\ge3$ at spacing $\pi/n$. ReLU also has
a linear part, half its argument. It cancels if $\sum_le^{i\phi_l}=\sum_le^{3i\phi_l}=0$, together
with Eq. (3) for $n\ge5$ at spacing $2\pi/n$ and for no $n$ at spacing $\pi/n$ (derived here); what
the modulus of its argument leaves is `phase_aliasing`.

Proof: `proofs/grokking/fourier_logits.py`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theorylab.grokking._modulus import num_frequencies
from theorylab.grokking.network import Weights, activation_of
from theorylab.numerics.annotations import Array, Reals
from theorylab.numerics.arrays import arrays, require_finite, require_nonnegative, whole_number

SPACINGS = ("full", "half")


def single_frequency_neurons(
    modulus: int,
    frequencies: Any,
    input_strength: Reals = 1.0,
    output_strength: Reals = 1.0,
    input_phase: Reals = 0.0,
    output_phase: Reals = 0.0,
) -> Weights:
    """Neurons of one frequency each, at any phases, Eq. (1).

    Arguments:
        modulus: `p`; odd and `>= 3`.
        frequencies: `k`, of each neuron; whole numbers from 1 to `(p - 1) / 2`, not traced.
        input_strength: `alpha`; `>= 0`.
        output_strength: `beta`; `>= 0`.
        input_phase: `phi`, in radians.
        output_phase: `psi`, in radians; aligned where it is `2 phi`.

    Returns: weights of shape `(..., neurons, p)`, of the arguments' library (NumPy by default). All
        arguments but the first broadcast to the shape `(..., neurons)`.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    k = require_frequencies(modulus, frequencies)
    xp, (alpha, beta, phi, psi) = arrays(
        input_strength=input_strength,
        output_strength=output_strength,
        input_phase=input_phase,
        output_phase=output_phase,
    )
    inside = require_nonnegative(input_strength=alpha, output_strength=beta)
    inside = require_finite(input_phase=phi, output_phase=psi) & inside
    angles = 2 * np.pi / modulus * (k[..., None] * np.arange(modulus) % modulus)
    angles = xp.asarray(angles, dtype=alpha.dtype)
    one = xp.ones(k.shape or (1,), dtype=alpha.dtype)
    amplitude = lambda strength: (one * xp.where(inside, strength, xp.nan))[..., None]
    theta = amplitude(alpha) * xp.cos(angles + (one * phi)[..., None])
    xi = amplitude(beta) * xp.cos(angles + (one * psi)[..., None])
    return Weights(*xp.broadcast_arrays(theta, xi))


def fourier_weights(
    modulus: int,
    num_phases: int,
    input_strength: Reals = 1.0,
    output_strength: Reals = 1.0,
    frequencies: Any = None,
    offsets: Reals = 0.0,
    *,
    spacing: str = "full",
    activation: str = "quadratic",
) -> Weights:
    """Groups of aligned neurons at equally spaced phases, Eq. (2), one for each frequency.

    Arguments:
        modulus: `p`; odd and `>= 3`.
        num_phases: `n`, the neurons in a group.
        input_strength: `alpha`, one for all frequencies or one for each; `>= 0`.
        output_strength: `beta`, one for all frequencies or one for each; `>= 0`.
        frequencies: `k`; whole numbers from 1 to `(p - 1) / 2`, by default all of them. Not traced.
        offsets: `iota`, in radians, one for all frequencies or one for each.
        spacing: of the phases: `"full"`, `2 pi / n`, or `"half"`, `pi / n`.
        activation: `"quadratic"` or `"relu"`, what the phases are to cancel for.

    Returns: the weights, `n` neurons for each frequency in the order given, of the arguments'
        library (NumPy by default).
    Raises: `ValueError` on an entry outside the bounds above (under `jit`, NaN instead), and for
        phases that do not cancel; `single_frequency_neurons` takes any.
    """
    n = cancelling_phases(num_phases, spacing, activation)
    k = require_frequencies(modulus, frequencies)
    xp, (alpha, beta, iota) = arrays(
        input_strength=input_strength, output_strength=output_strength, offsets=offsets
    )
    require_nonnegative(input_strength=alpha, output_strength=beta)
    require_finite(offsets=iota)
    turn = 2 * np.pi if spacing == "full" else np.pi
    steps = xp.asarray(turn / n * np.arange(n), dtype=iota.dtype)
    alpha, beta, iota = (
        per_frequency(xp, k, **quantity)[:, None]
        for quantity in (dict(input_strength=alpha), dict(output_strength=beta), dict(offsets=iota))
    )
    phi = iota + steps
    in_a_row = lambda x: xp.reshape(xp.broadcast_to(x, phi.shape), (-1,))
    return single_frequency_neurons(
        modulus, np.repeat(k, n), *(in_a_row(x) for x in (alpha, beta, phi, 2 * phi))
    )


def cancelling_phases(num_phases: int, spacing: str, activation: str) -> int:
    """`n`, or the refusal of phases that do not cancel."""
    n = whole_number("num_phases", num_phases, 1)
    if spacing not in SPACINGS:
        raise ValueError(f"`spacing` must be one of {', '.join(SPACINGS)}; got {spacing!r}")
    activation_of(np, activation)
    if activation == "relu":
        if spacing == "half":
            raise ValueError('`spacing` must be "full" for "relu"; got "half"')
        if n < 5:
            raise ValueError(
                "`num_phases` needs sum exp(m i phi) = 0 for m = 1, 2, 3, 4: "
                f"n >= 5 for spacing 2pi/n; got {n}"
            )
    elif n < 3 or (n == 4 and spacing == "full"):
        bound = (
            "n = 3 or n >= 5 for spacing 2pi/n" if spacing == "full" else "n >= 3 for spacing pi/n"
        )
        raise ValueError(
            f"`num_phases` needs sum exp(2i phi) = sum exp(4i phi) = 0: {bound}; got {n}"
        )
    return n


def require_frequencies(modulus: int, frequencies: Any) -> np.ndarray:
    """The frequencies as an array of NumPy, all by default."""
    K = num_frequencies(modulus)
    if frequencies is None:
        return np.arange(1, K + 1)
    k = whole_numbers("frequencies", frequencies)
    if not k.size:
        raise ValueError("`frequencies` must not be empty")
    outside = (k < 1) | (k > K)
    if outside.any():
        offending = k[outside].ravel()[0]
        raise ValueError(f"`frequencies` must be from 1 to (p - 1) / 2 = {K}; got {offending}")
    return k


def whole_numbers(name: str, value: Any) -> np.ndarray:
    """`value` as an array of NumPy's int64.

    Raises: `TypeError` for what is not whole numbers, or is traced.
    """
    try:
        numbers = np.asarray(value)
    except (TypeError, ValueError):  # traced, or a ragged sequence
        numbers = np.asarray(None)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be whole numbers, and not traced; got {value!r}")
    return numbers.astype(np.int64)


def per_frequency(xp: Any, frequencies: np.ndarray, **quantity: Array) -> Array:
    """The one `quantity`, given for all frequencies or for each, for each."""
    ((name, value),) = quantity.items()
    if frequencies.ndim != 1:
        shape = frequencies.shape
        raise ValueError(f"`frequencies` must be a sequence of numbers; got shape {shape}")
    if value.shape not in ((), frequencies.shape):
        raise ValueError(
            f"`{name}` must be one number, or one for each of {frequencies.size} frequencies; "
            f"got shape {tuple(value.shape)}"
        )
    return xp.broadcast_to(value, frequencies.shape)
