r"""How few frequencies a vector on the integers modulo $p$ is made of.

With the coefficients $c_k$ of a real vector at the $K=(p-1)/2$ frequencies and the power
$P_k=|c_k|^2$, which counts $k$ and $-k$ as one and leaves out the constant,

$$\mathrm{IPR}=\frac{\sum_kP_k^2}{\big(\sum_kP_k\big)^2}, \tag{1}$$

1 for a wave of one frequency, whatever its phase, and $1/m$ for $m$ of equal power. Other
conventions go by the same name. Over the $p$ complex coefficients, where $k$ and $-k$ are two, a
wave has 1/2. Over the cosines and sines, $2K$ of them, it has $\cos^4\phi+\sin^4\phi$, which
depends on its phase $\phi$. Of Gaussian vectors the mean is `gaussian_participation_ratio`.

Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849; Doshi, Das, He & Gromov (2023),
arXiv:2310.13061.
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.fourier_coefficients import fourier_coefficients, rounding
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite


def inverse_participation_ratio(weights: Reals) -> Float[Array, "*batch"]:
    """The inverse participation ratio over pairs of frequencies `k` and `-k`, Eq. (1).

    Mind the convention when you compare: of one wave the ratio is 1 here, where the `p` complex
    coefficients give 1/2, and those of cosines and sines `cos^4 + sin^4` of the phase.

    Arguments:
        weights: `v`, of shape `(..., p)`, `p` odd and `>= 3`: one vector, or the neurons of a
            layer, one in each row. Of any size: only ratios count.

    Returns: from `1/K` to 1, of shape `(...)`, an array of the argument's library. NaN (0/0) where
        all coefficients are 0 to the rounding of the largest entry: of vectors that are constant.
    Raises: `ValueError` for an even or too short last axis, and for entries that are not finite;
        where those are traced, NaN.
    """
    xp, (v,) = arrays(weights=weights)
    inside = require_vectors(xp, weights=v)
    c = fourier_coefficients(_rescaled(xp, v))
    power = xp.real(c) ** 2 + xp.imag(c) ** 2
    total = xp.sum(power, axis=-1)
    waves = total > rounding(xp, v) ** 2  # the largest entry of v is 1 to 2 now
    ratio = xp.sum(power**2, axis=-1) / xp.where(waves, total, xp.ones_like(total)) ** 2
    return nan_outside(xp, inside & waves, ratio)


def require_vectors(xp: Any, **vectors: Array) -> Bool[Array, "*batch"]:
    """Refuse what is not vectors of odd length; whether all entries of each are finite."""
    inside: Any = True
    for name, v in vectors.items():
        if not v.ndim:
            raise ValueError(f"`{name}` must have an axis of the integers modulo p; got a number")
        odd_modulus(int(v.shape[-1]))
        inside = xp.all(require_finite(**{name: v}), axis=-1) & inside
    return inside


def _rescaled(xp: Any, v: Array) -> Array:
    """Each vector times the power of 2 that brings its largest entry to between 1 and 2.

    So that no power of it over- or underflows; in two steps, for the factor might. Through `floor`
    no gradient flows: that of the largest entry would overflow.
    """
    size = xp.max(xp.abs(v), axis=-1, keepdims=True)
    exponent = -xp.floor(xp.log2(xp.where(size > 0, size, xp.ones_like(size))))
    half = xp.floor(exponent / 2)
    return v * 2.0**half * 2.0 ** (exponent - half)
