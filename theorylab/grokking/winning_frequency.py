r"""Which frequency each neuron ends on: the one that escapes first.

From small weights every frequency $k$ of every neuron $m$ grows by itself, with the strengths
$\alpha_{mk}$, $\beta_{mk}$ and the misalignment $D_{mk}$ of its Fourier coefficients, and diverges
at the time $T$ of `escape_time`. The first to do so takes the neuron:

$$k^*_m=\arg\min_kT(\alpha_{mk},\beta_{mk},D_{mk}). \tag{1}$$

It depends on magnitudes as much as on phases. It is the same after the weights are scaled, or
shifted, $x\to x+t$ and $j\to j+2t$, and for prime $p$ it follows $x\to gx$, so that Gaussian
weights make every frequency equally likely.

Claim: `grokking.lottery`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for equal magnitudes, where the least
misalignment wins; for any, derived here.
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking.escape_time import escape_time
from theorylab.grokking.fourier_coefficients import fourier_coefficients, rounding
from theorylab.grokking.network import require_pair
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, require_finite


def escape_times(
    input_weights: Reals, output_weights: Reals, *, weight_decay: Reals = 0.0
) -> Float[Array, "neurons frequencies"]:
    """When each frequency of each neuron would escape, `T` of Eq. (1).

    Arguments:
        input_weights: `theta`, `(neurons, p)`, `p` odd and `>= 3`; small.
        output_weights: `xi`, `(neurons, p)`.
        weight_decay: `lambda`, one number, or one for each neuron and frequency; `>= 0`.

    Returns: times of the frequencies `1 ... (p - 1) / 2` in order, in the library of the weights
        (NumPy by default); infinite where there is no escape. A coefficient counts as 0 where it
        is 0 to the rounding of the largest weight of its neuron, as of constant weights.
    Assumes: quadratic activation, all `p^2` pairs, gradient flow of their averaged cross-entropy.
        Exact while logits are small: other neurons, once escaped, slow what comes later than about
        1.3 times the first escape of all.
    Raises: `ValueError` for weights that are not finite or not both `(neurons, p)`, or a negative
        decay; under `jit`, NaN instead.
    """
    _, alpha, beta, D, p = mode_coordinates(input_weights, output_weights)
    return escape_time(p, alpha, beta, D, weight_decay=weight_decay)


def winning_frequency(
    input_weights: Reals, output_weights: Reals, *, weight_decay: Reals = 0.0
) -> Array:
    """The frequency of each neuron that escapes first, Eq. (1).

    Arguments, assumptions and errors as of `escape_times`, but 0 for NaN.

    Returns: whole numbers from 1 to `(p - 1) / 2`, one a neuron; 0 where none escapes.
    """
    xp, *_ = mode_coordinates(input_weights, output_weights)
    times = escape_times(input_weights, output_weights, weight_decay=weight_decay)
    winner = xp.argmin(times, axis=-1) + 1
    return xp.where(xp.any(xp.isfinite(times), axis=-1), winner, xp.zeros_like(winner))


def mode_coordinates(
    input_weights: Reals, output_weights: Reals
) -> tuple[Any, Array, Array, Array, int]:
    """Array library, `alpha`, `beta` and `D` of all neurons and frequencies, and `p`.

    Coefficients that are 0 to rounding are 0, with the phase 0; of weights not finite, NaN.
    """
    xp, (theta, xi) = arrays(input_weights=input_weights, output_weights=output_weights)
    require_pair(theta, xi)
    inside = require_finite(input_weights=theta, output_weights=xi)
    theta, xi = (xp.where(inside, v, xp.nan) for v in (theta, xi))
    (alpha, phi), (beta, psi) = _polar(xp, theta), _polar(xp, xi)
    return xp, alpha, beta, 2 * phi - psi, int(theta.shape[-1])


def _polar(xp: Any, v: Array) -> tuple[Array, Array]:
    c = fourier_coefficients(v)
    noise = xp.abs(c) <= rounding(xp, v) * xp.max(xp.abs(v), axis=-1, keepdims=True)
    c = xp.where(noise, xp.ones_like(c), c)  # at 0 neither size nor phase has a slope
    size = xp.abs(c)
    return xp.where(noise, xp.zeros_like(size), size), xp.atan2(xp.imag(c), xp.real(c))
