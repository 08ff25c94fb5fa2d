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

from theorylab.grokking.winning_frequency import mode_coordinates
from theorylab.numerics.annotations import Array, Reals


def smallest_misalignment(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (1).

    Arguments:
        input_weights: `theta`, `(neurons, p)`, `p` odd and `>= 3`.
        output_weights: `xi`, `(neurons, p)`.

    Returns: whole numbers from 1 to `(p - 1) / 2`, one a neuron, in the library of the weights
        (NumPy by default).
    Assumes: equal strengths at all frequencies, for it to be the winner.
    Raises: `ValueError` for weights that are not finite or not both `(neurons, p)`.
    """
    xp, _, _, D, _ = mode_coordinates(input_weights, output_weights)
    return xp.argmax(xp.cos(D), axis=-1) + 1


def largest_power(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (2), a heuristic.

    Arguments, returns and errors as of `smallest_misalignment`.
    """
    xp, alpha, beta, _, _ = mode_coordinates(input_weights, output_weights)
    return xp.argmax(alpha**2 + beta**2, axis=-1) + 1


def fastest_growth(input_weights: Reals, output_weights: Reals) -> Array:
    """The frequency of each neuron by Eq. (3), a heuristic.

    Arguments, returns and errors as of `smallest_misalignment`.
    """
    xp, _, beta, D, _ = mode_coordinates(input_weights, output_weights)
    return xp.argmax(beta * xp.cos(D), axis=-1) + 1
