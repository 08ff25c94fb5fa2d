r"""What ReLU neurons of all frequencies make of addition modulo $p$, and of few phases.

With equal strength $a$ at every frequency and phases spread evenly over the circle, the waves of
`fourier_logits` add up, for differences $d=x-y$ and distances $u=j-x-y$, to

$$f=\frac a{3\pi}(p\,C_r-1), \quad r=u\,d^{-1} \pmod p, \tag{1}$$
$$C_r=\frac{(-1)^{r+1}}{2p}\Big[\csc\frac{\pi(2r-1)}{2p}-\csc\frac{\pi(2r+1)}{2p}\Big]. \tag{2}$$

The peak is at $r=0$, ghosts at $r=\pm1$, $j=2x$ and $2y$, and on at all $j=x+y+rd$:

$$C_r\to\frac2\pi\,\frac{(-1)^{r+1}}{4r^2-1} \quad(p\to\infty), \tag{3}$$

so that the first ghosts have a third of the peak's height and the next are negative, a fifteenth.
Where $d$ and $p$ have the greatest common divisor $g>1$, Eq. (1) holds with $C_r$ of $p/g$ at
$r=(u/g)(d/g)^{-1}$ if $g$ divides $u$, and 0 in its place if not; at $d=0$ it is $1[u=0]$.

A group of $n\ge5$ phases $\iota+2\pi l/n$ samples the modulus of the cosine at $N$ points of its
period, $N=n$ for odd $n$ and $n/2$ for even $n$. With $s=x+y$,

$$f=\sum_k\frac{a_k}{2N}\Big|\cos\frac{\omega_kd}2\Big|
  \Big[\frac{\cos(\omega_ku+w_k)}{\sin(\pi/2N)}-\frac{\cos(\omega_ku+3w_k)}{\sin(3\pi/2N)}\Big],
  \tag{4}$$
$$w_k=\Big(\frac{\omega_ks}2+\iota_k+\frac\pi2 \bmod\frac\pi N\Big)-\frac\pi{2N}, \tag{5}$$

exactly. It differs from the limit by at most, and at $u=0$, $w=\pi/2N$ for one frequency by, the
fraction

$$\varepsilon=\frac{3\pi}{4N}\Big[\cot\frac\pi{2N}-\cot\frac{3\pi}{2N}\Big]-1
  \simeq\frac{\pi^2}{4N^2} \tag{6}$$

of the sum over frequencies of $\frac2{3\pi}a_k|\cos(\omega_kd/2)|$. All of this is derived here.

Proof: `proofs/grokking/relu_indicator.py`.
Claim: `grokking.relu_logits`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for the networks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.fourier_logits import (
    distinct,
    entries,
    half_angle_cosine,
    strengths_and_residues,
)
from theorylab.grokking.fourier_weights import (
    cancelling_phases,
    per_frequency,
    require_frequencies,
    whole_numbers,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    product,
    require_finite,
    require_nonnegative,
)


def relu_indicator(d: Any, u: Any, modulus: int, feature_strength: Reals) -> Float[Array, "*batch"]:
    """Logits of ReLU neurons of all frequencies, Eq. (1).

    Arguments:
        d: `x - y`, whole numbers, not traced.
        u: `j - x - y`, whole numbers, not traced.
        modulus: `p`; odd and `>= 3`, prime or not.
        feature_strength: `a = n input_strength * output_strength`; `>= 0`.

    Returns: the logits, broadcast over the arguments, of their library (NumPy by default).
    Assumes: aligned neurons of all frequencies alike, at phases spread evenly over the circle:
        `fourier_weights` as `num_phases` grows.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    p = odd_modulus(modulus)
    xp, a, (d, u) = strengths_and_residues(p, feature_strength, d=d, u=u)
    inside = require_nonnegative(feature_strength=a)
    divisor = np.gcd(d, p)
    order = p // divisor
    each, where = distinct(d)
    shared = np.gcd(each, p)
    inverse = [pow(int(e // g), -1, p // int(g)) for e, g in zip(each, shared, strict=True)]
    r = u // divisor * np.asarray(inverse, np.int64)[where]
    height = np.where(u % divisor == 0, _peaks(r, order), 0)
    shape = xp.asarray((modulus * height - 1) / (3 * np.pi), dtype=a.dtype)
    return nan_outside(xp, inside, a * shape)


def relu_peaks(r: Any, modulus: int | None = None) -> Float[Array, "*batch"]:
    """Height `C_r` of the peak and its ghosts, Eq. (2), or of their limit, Eq. (3).

    Arguments:
        r: whole numbers, 0 for the peak; not traced.
        modulus: `p`; odd and `>= 3`, or None for the limit of large moduli.

    Returns: the heights, NumPy float64, to full relative precision.
    """
    r = whole_numbers("r", r)
    if modulus is not None:
        return _peaks(r, odd_modulus(modulus))[()]
    return (2 / np.pi * (2 * (r % 2) - 1) / (4.0 * r * r - 1))[()]


def _peaks(r: Array, p: Any) -> Array:
    """Eq. (2), its cosecants over one denominator; `p = 1` allowed."""
    r = (r + p // 2) % p - p // 2
    sign = 2 * (r % 2) - 1
    half = np.pi / (2 * p)
    # sin((p - 2|r|) half) = cos(pi r / p), without cancellation at its zero.
    above = np.sin((p - 2 * np.abs(r)) * half) * np.sin(half)
    return sign * above / (p * np.sin((2 * r - 1) * half) * np.sin((2 * r + 1) * half))


def phase_aliasing(num_phases: int) -> float:
    """What so many phases leave a group of ReLU neurons off by, as a fraction, Eq. (6).

    The logits of `fourier_weights` with this many phases are within `phase_aliasing` times the
    sum of `2 / (3 pi) a_k |cos(pi k d / p)|` over the frequencies of those of `fourier_logits`, at
    any offsets. Quadratic neurons are exact.

    Arguments:
        num_phases: `n`; `>= 5`.

    Raises: `ValueError` for phases that do not even cancel the linear part.
    """
    N = _samples(cancelling_phases(num_phases, "full", "relu"))
    half = math.pi / (2 * N)
    # cot x - cot 3x = 2 cos x / sin 3x; and x cos x - sin x, as a series where it would cancel.
    if half > 0.05:
        behind = half * math.cos(half) - math.sin(half)
    else:
        behind = -(half**3) / 3 * (1 - half**2 / 10 * (1 - half**2 / 28 * (1 - half**2 / 54)))
    return (3 * behind + 4 * math.sin(half) ** 3) / math.sin(3 * half)


def aliased_relu_logits(
    d: Any,
    s: Any,
    u: Any,
    modulus: int,
    feature_strengths: Reals,
    num_phases: int,
    frequencies: Any = None,
    offsets: Reals = 0.0,
) -> Float[Array, "*batch"]:
    """Logits of groups of finitely many ReLU neurons, Eq. (4).

    Arguments:
        d: `x - y`, whole numbers, not traced.
        s: `x + y`, whole numbers, not traced.
        u: `j - x - y`, whole numbers, not traced.
        modulus: `p`; odd and `>= 3`.
        feature_strengths: `a = n input_strength * output_strength`, one for all frequencies or one
            for each; `>= 0`.
        num_phases: `n`; `>= 5`.
        frequencies: `k`; whole numbers from 1 to `(p - 1) / 2`, by default all of them. Not traced.
        offsets: `iota`, in radians, one for all frequencies or one for each.

    Returns: the logits, broadcast over `d`, `s` and `u`, of the arguments' library (NumPy by
        default).
    Assumes: the weights of `fourier_weights` at full spacing.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    N = _samples(cancelling_phases(num_phases, "full", "relu"))
    xp, a, (d, s, u) = strengths_and_residues(modulus, feature_strengths, d=d, s=s, u=u)
    k = require_frequencies(modulus, frequencies)
    xp, (a, iota) = arrays(feature_strengths=a, offsets=offsets)
    inside = xp.all(require_nonnegative(feature_strengths=a))
    inside = xp.all(require_finite(offsets=iota)) & inside
    a = per_frequency(xp, k, feature_strengths=a)
    iota = per_frequency(xp, k, offsets=iota)
    host = lambda x: xp.asarray(x, dtype=a.dtype)
    # Every pair with every distance, as one matrix product; then those asked for.
    d, s = np.broadcast_arrays(d, s)
    pairs = np.arange(d.size).reshape(d.shape)
    u, of_u = distinct(u)
    # The fraction of a step that the phases stand at, from whole numbers as far as they go.
    start = host(N * k * s.reshape(-1, 1) % modulus / modulus + N / 2) + N / np.pi * iota
    w = np.pi / N * (start - xp.floor(start) - 0.5)
    half = math.pi / (2 * N)
    wave = lambda of: of(w) / math.sin(half) - of(3 * w) / math.sin(3 * half)
    gain = a * host(half_angle_cosine(k * d.reshape(-1, 1), modulus) / (2 * N))
    angle = 2 * np.pi / modulus * (k[:, None] * u % modulus)
    logits = product(xp, gain * wave(xp.cos), host(np.cos(angle)))
    logits = logits - product(xp, gain * wave(xp.sin), host(np.sin(angle)))
    return nan_outside(xp, inside, entries(xp, logits, pairs, of_u))


def _samples(num_phases: int) -> int:
    """`N`, the points of its period at which the modulus of the cosine is met."""
    return num_phases if num_phases % 2 else num_phases // 2
