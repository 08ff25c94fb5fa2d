r"""Fourier coefficients of weights on the integers modulo $p$.

A real vector $v \in \mathbb R^p$, $p$ odd, is a constant and $K = (p-1)/2$ waves:

$$c_k(v) = \frac2p \sum_x v[x]\, e^{-2\pi i k x/p}, \quad k = 1 \dots K, \tag{1}$$
$$v[x] = \bar v + \sum_k |c_k| \cos(2\pi k x/p + \arg c_k). \tag{2}$$
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.annotations import Array, Reals
from theorylab.numerics.arrays import arrays


def fourier_coefficients(weights: Reals) -> Array:
    """Amplitudes and phases of every frequency, Eq. (1), as complex numbers.

    Arguments:
        weights: `v`, of shape `(..., p)`; `p` odd and `>= 3`.

    Returns: `c`, complex, of shape `(..., K)`, frequencies `1 ... K` in order; the constant is
        dropped. The amplitude is that of a cosine, and its phase is added, as in Eq. (2).
    Raises: `ValueError` for an even or too short last axis.
    """
    xp, (v,) = arrays(weights=weights)
    if not v.ndim:
        raise ValueError("`weights` must have an axis of the integers modulo p; got a number")
    p = odd_modulus(int(v.shape[-1]))
    return 2 / p * xp.fft.rfft(v)[..., 1:]


def rounding(xp: Any, v: Array) -> float:
    """What the coefficients of a constant vector may come to, relative to its entries.

    The root of their total power is up to 7 units of rounding, for `p` up to `10^4`.
    """
    return 32 * float(xp.finfo(v.dtype).eps)
