r"""Simpler guesses at which frequency a neuron ends on, to set against `winning_frequency`.

Each goes by one feature of the start, of the strengths $\alpha_k$, $\beta_k$ and the misalignment
$D_k$ of frequency $k$; none is the law but in special cases.

$$\arg\min_k|D_k| \bmod 2\pi, \tag{1}$$
$$\arg\max_k\,(\alpha_k^2+\beta_k^2), \tag{2}$$
$$\arg\max_k\,\beta_k\cos D_k: \tag{3}$$

(1) holds for equal strengths at all frequencies; (2) is the largest initial Fourier power; (3) the
largest initial rate of growth of the input weights, $\dot\alpha/\alpha=\frac2p\beta\cos D$.

Claim: `grokking.lottery`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for Eq. (1).
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking.winning_frequency import mode_coordinates
from theorylab.numerics.annotations import Array, Reals


def smallest_misalignment(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (1).

    Arguments:
        input_weights: `theta`, `(neurons, p)`, `p` odd and `>= 3`.
        output_weights: `xi`, `(neurons, p)`.

    Returns: whole numbers from 1 to `(p - 1) / 2`, one a neuron, in the library of the weights
        (NumPy by default); 0 where no frequency has both a strength of input weights and one of
        output weights above rounding, as `escape_times` has it.
    Assumes: equal strengths at all frequencies, for it to be the winner.
    Raises: `ValueError` for weights that are not finite or not both `(neurons, p)`; under `jit`, 0
        for neurons whose weights are not finite.
    """
    xp, alpha, beta, D, _ = mode_coordinates(input_weights, output_weights)
    return _greatest(xp, xp.cos(D), (alpha > 0) & (beta > 0))


def largest_power(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (2), a heuristic.

    Arguments, returns and errors as of `smallest_misalignment`, but 0 where there is no power.
    """
    xp, alpha, beta, _, _ = mode_coordinates(input_weights, output_weights)
    size = xp.hypot(alpha, beta)  # squares would overflow
    return _greatest(xp, size, size > 0)


def fastest_growth(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (3), a heuristic.

    Arguments, returns and errors as of `smallest_misalignment`, but 0 where no input strength is
        above rounding.
    """
    xp, alpha, beta, D, _ = mode_coordinates(input_weights, output_weights)
    return _greatest(xp, beta * xp.cos(D), alpha > 0)


def _greatest(xp: Any, score: Array, eligible: Array) -> Array:
    """Of each neuron, the eligible frequency of the greatest score; 0 where there is none."""
    eligible = eligible & xp.isfinite(score)
    winner = xp.argmax(xp.where(eligible, score, -xp.inf), axis=-1) + 1
    return xp.where(xp.any(eligible, axis=-1), winner, xp.zeros_like(winner))
