r"""Fluctuations of the logits when the phases of the neurons are random.

An aligned neuron of frequency $\omega$, input strength $\alpha$ and output strength $\beta$, at a
phase uniform on the circle, gives logits whose mean is that of `fourier_logits`, with
$a=\alpha^2\beta$ (for ReLU $\alpha\beta$). For differences $d=x-y$ and two answers at distances
$u$ and $u'$ from $x+y$, the covariance of a quadratic neuron is

$$\frac58(\alpha^2\beta)^2(1+\cos\omega d)^2\cos\omega(u-u'), \tag{1}$$

and that of a ReLU neuron

$$(\alpha\beta)^2\cos^2\frac{\omega d}2\Big[\frac12\cos\omega(u-u')
  -\frac4{9\pi^2}\cos\omega u\cos\omega u'\Big]. \tag{2}$$

With $R$ independent neurons for each frequency, of total strength $a_k=R\alpha_k^2\beta_k$ (ReLU:
$R\alpha_k\beta_k$), covariances add up to the sum over $k$ of Eq. (1) or (2) with $a_k^2/R$ for the
square of one neuron's strength. For quadratic neurons of all frequencies alike the variance of
every logit is

$$\frac{5a^2}{32R}(3p-8) \quad(d\ne0), \qquad \frac{5a^2}{4R}(p-1) \quad(d=0). \tag{3}$$

All of this is derived here.

Proof: `proofs/grokking/random_phases.py`.
Claim: `grokking.random_phases`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for the networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theorylab.grokking.fourier_logits import cosine, distinct, entries, strengths_and_residues
from theorylab.grokking.fourier_weights import per_frequency, require_frequencies
from theorylab.grokking.network import activation_of
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import nan_outside, product, require_nonnegative, whole_number


def random_phase_covariance(
    d: Any,
    u: Any,
    other: Any,
    modulus: int,
    feature_strengths: Reals,
    num_neurons: int = 1,
    frequencies: Any = None,
    *,
    activation: str = "quadratic",
) -> Float[Array, "*batch"]:
    """Covariance of two logits over random phases, the sum of Eq. (1), or of Eq. (2) for ReLU.

    Their means are `fourier_logits(d, u, modulus, feature_strengths, frequencies, ...)`.

    Arguments:
        d: `x - y`, whole numbers, not traced.
        u: `j - x - y` of one answer, whole numbers, not traced.
        other: `u'`, the same of the other answer; the variance is at `other = u`.
        modulus: `p`; odd and `>= 3`.
        feature_strengths: `a`, one for all frequencies or one for each, `num_neurons` times
            `input_strength**2 * output_strength`, for ReLU `input_strength * output_strength`;
            `>= 0`.
        num_neurons: `R`, of each frequency; `>= 1`.
        frequencies: `k`; whole numbers from 1 to `(p - 1) / 2`, by default all of them. Not traced.
        activation: `"quadratic"` or `"relu"`.

    Returns: the covariance, broadcast over `d`, `u` and `other`, of the arguments' library (NumPy
        by default).
    Assumes: aligned neurons, `psi = 2 phi`, of independent phases uniform on the circle.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    activation_of(np, activation)
    R = whole_number("num_neurons", num_neurons, 1)
    xp, a, (d, u, v) = strengths_and_residues(modulus, feature_strengths, d=d, u=u, other=other)
    k = require_frequencies(modulus, frequencies)
    inside = xp.all(require_nonnegative(feature_strengths=a))
    a = per_frequency(xp, k, feature_strengths=a)
    d, of_d = distinct(d)
    raised = 1 + cosine(k * d[:, None], modulus)
    gain = 5 / 8 * raised**2 if activation == "quadratic" else raised / 2
    gain = a * a * xp.asarray(gain / R, dtype=a.dtype)

    def waves(distance: Any) -> Array:
        distance, of_distance = distinct(np.asarray(distance % modulus))
        of_each = xp.asarray(cosine(k[:, None] * distance, modulus), dtype=a.dtype)
        return entries(xp, product(xp, gain, of_each), of_d, of_distance)

    if activation == "quadratic":
        return nan_outside(xp, inside, waves(u - v))
    of_means = 2 / (9 * np.pi**2)  # times cos w(u - u') + cos w(u + u'), a product of two cosines
    return nan_outside(xp, inside, (0.5 - of_means) * waves(u - v) - of_means * waves(u + v))
