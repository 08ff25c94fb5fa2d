r"""Whether the phase of what each neuron puts out is twice that of what it takes in.

At its dominant frequency a neuron takes in $\alpha\cos(\omega_kx+\phi)$ and puts out
$\beta\cos(\omega_kj+\psi)$. Its misalignment and the alignment of $M$ neurons are

$$D=2\phi-\psi, \qquad \rho=\frac1M\sum_m\cos D_m. \tag{1}$$

Neurons that add have $D=0$, so that $\rho=1$. Where phases are random, as of Gaussian weights,
$\rho$ has mean 0 and variance `random_alignment_variance`, $1/(2M)$.

Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from theorylab.grokking.fourier_coefficients import fourier_coefficients, rounding
from theorylab.grokking.inverse_participation_ratio import require_vectors
from theorylab.grokking.network import require_pair
from theorylab.grokking.restricted_loss import positions
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside


class DominantWaves(NamedTuple):
    """Of each neuron, what it takes in and puts out at its dominant frequency."""

    frequencies: Array
    """`k`, whole numbers from 1 to `K`; of equal ones the lowest."""
    input_strengths: Float[Array, "*batch neurons"]
    """`alpha`."""
    output_strengths: Float[Array, "*batch neurons"]
    """`beta`."""
    input_phases: Float[Array, "*batch neurons"]
    """`phi`, from `-pi` to `pi`."""
    output_phases: Float[Array, "*batch neurons"]
    """`psi`, from `-pi` to `pi`."""
    misalignments: Float[Array, "*batch neurons"]
    """`D = 2 phi - psi`, from `-pi` to `pi`."""


def dominant_waves(
    input_weights: Reals, output_weights: Reals, by: Literal["input", "both"] = "input"
) -> DominantWaves:
    """The dominant frequency of each neuron, with its strengths and phases there.

    Arguments:
        input_weights, output_weights: `theta` and `xi`, of shape `(..., neurons, p)` alike, `p` odd
            and `>= 3`: those of `Weights`, of one network or of many.
        by: what the dominant frequency has most of: power of the input weights, `alpha^2`, or of
            "both", `alpha^2 + beta^2`, in the units the weights are in.

    Returns: arrays of shape `(..., neurons)`. Phases and misalignment are NaN where a strength is
        0 to the rounding of the largest weight, as of a neuron that has decayed.
    Raises: `ValueError` for shapes that differ, an even `p`, no neuron, weights that are not
        finite, or another `by`; where weights are traced, NaN (but a frequency) for such neurons.
    """
    if by not in ("input", "both"):
        raise ValueError(f'`by` must be "input" or "both"; got {by!r}')
    xp, (theta, xi) = arrays(input_weights=input_weights, output_weights=output_weights)
    require_pair(theta, xi, axes=max(theta.ndim, 2))
    if not theta.shape[-2]:
        raise ValueError("`input_weights` must be of one neuron or more; got none")
    inside = require_vectors(xp, input_weights=theta, output_weights=xi)
    coefficients = fourier_coefficients(theta), fourier_coefficients(xi)
    strengths = [xp.abs(c) for c in coefficients]
    largest = xp.hypot(*strengths) if by == "both" else strengths[0]
    index = xp.argmax(largest, axis=-1)
    chosen = positions(xp, largest.shape[-1], largest) == index[..., None]
    pick = lambda part: xp.sum(xp.where(chosen, part, xp.zeros_like(part)), axis=-1)
    waves = [(pick(xp.real(c)), pick(xp.imag(c))) for c in coefficients]
    alpha, beta = (xp.hypot(*wave) for wave in waves)
    phi, psi = (
        nan_outside(
            xp,
            inside & (strength > rounding(xp, v) * xp.max(xp.abs(v), axis=-1)),
            xp.atan2(imaginary, real),
        )
        for v, strength, (real, imaginary) in zip((theta, xi), (alpha, beta), waves, strict=True)
    )
    D = 2 * phi - psi
    D = D - 2 * math.pi * xp.round(D / (2 * math.pi))
    alpha, beta = (nan_outside(xp, inside, strength) for strength in (alpha, beta))
    return DominantWaves(index + 1, alpha, beta, phi, psi, D)


def phase_alignment(
    input_weights: Reals, output_weights: Reals, by: Literal["input", "both"] = "input"
) -> Float[Array, "*batch"]:
    """The mean over neurons of the cosine of their misalignment, `rho` of Eq. (1).

    Arguments and errors as of `dominant_waves`.

    Returns: from -1 to 1, of shape `(...)`; NaN if any neuron lacks one of its waves: their mean
        without it is `nanmean(cos(dominant_waves(...).misalignments))`.
    """
    waves = dominant_waves(input_weights, output_weights, by)
    xp, (D,) = arrays(misalignments=waves.misalignments)
    rho = xp.mean(xp.cos(D), axis=-1)
    return rho if rho.ndim else rho[()]
