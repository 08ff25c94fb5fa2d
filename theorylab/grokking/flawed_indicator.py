r"""The flawed indicator: what quadratic neurons of all frequencies make of addition modulo $p$.

With equal strength $a$ at every frequency the waves of `fourier_logits` add up to

$$f_j(x,y)=\frac a2\Big\{-1+\frac p2\,1[j=x+y]+\frac p4\big(1[j=2x]+1[j=2y]\big)\Big\}: \tag{1}$$

a peak at the sum, two ghosts of half its height. For $x=y$ all three coincide. The right logit
leads the largest other one by

$$\frac{ap}8 \quad(x\ne y), \qquad \frac{ap}2 \quad(x=y), \tag{2}$$

and the cross-entropy, averaged over all pairs, is

$$L=\frac{p-1}p\log\big(1+2e^{-ap/8}+(p-3)e^{-ap/4}\big)
  +\frac1p\log\big(1+(p-1)e^{-ap/2}\big). \tag{3}$$

The projection of the logits, as functions of the pair, on the waves of $x+y$ is the peak alone,
$\frac a4(p\,1[j=x+y]-1)$. Its cross-entropy, the restricted loss, is

$$L_{res}=\log\big(1+(p-1)e^{-ap/4}\big), \tag{4}$$

and that of the rest of the logits, the excluded loss, above $\log p$ for the ghosts are wrong,

$$L_{exc}=\frac{p-1}p\log\big(p-2+2e^{ap/8}\big)
  +\frac1p\log\big(1+(p-1)e^{-ap/4}\big). \tag{5}$$

Eqs. (4) and (5) are derived here.

Proof: `proofs/grokking/flawed_indicator.py`.
Claims: `grokking.flawed_logits`, `grokking.progress_measures`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849; for the restricted and excluded loss,
Nanda, Chan, Lieberum, Smith & Steinhardt (2023), arXiv:2301.05217.
"""

from __future__ import annotations

import math
from typing import Any

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.fourier_logits import strengths_and_residues
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_nonnegative


def flawed_indicator(
    d: Any, u: Any, modulus: int, feature_strength: Reals
) -> Float[Array, "*batch"]:
    """Logits of quadratic neurons of all frequencies, Eq. (1).

    Arguments:
        d: `x - y`, whole numbers, not traced.
        u: `j - x - y`, whole numbers, not traced.
        modulus: `p`; odd and `>= 3`.
        feature_strength: `a = n input_strength**2 * output_strength`; `>= 0`.

    Returns: the logits, broadcast over the arguments, of their library (NumPy by default).
    Assumes: aligned neurons at phases that cancel, of all frequencies alike: `fourier_weights`.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, a, (d, u) = strengths_and_residues(modulus, feature_strength, d=d, u=u)
    inside, p = require_nonnegative(feature_strength=a), odd_modulus(modulus)
    peak, ghosts = u == 0, 1 * (u == d) + (u == (-d) % p)
    shape = p / 4 * peak + p / 8 * ghosts - 0.5
    return nan_outside(xp, inside, a * xp.asarray(shape, dtype=a.dtype))


def flawed_margin(d: Any, modulus: int, feature_strength: Reals) -> Float[Array, "*batch"]:
    """By how much the right logit of Eq. (1) leads the largest other one, Eq. (2).

    Arguments, assumptions and errors as of `flawed_indicator`.
    """
    xp, a, (d,) = strengths_and_residues(modulus, feature_strength, d=d)
    inside, p = require_nonnegative(feature_strength=a), odd_modulus(modulus)
    shape = p / 8 + 3 * p / 8 * (d == 0)
    return nan_outside(xp, inside, a * xp.asarray(shape, dtype=a.dtype))


def flawed_cross_entropy(modulus: int, feature_strength: Reals) -> Float[Array, "*batch"]:
    """Cross-entropy of Eq. (1), averaged over all pairs, Eq. (3).

    Arguments, assumptions and errors as of `flawed_indicator`.

    Returns: the loss, of the shape and library of `feature_strength` (NumPy by default). Its
        relative error is a few roundings, and that of the exponent `a p / 8`.
    """
    p, xp, inside, e = _eighth(modulus, feature_strength)
    loss = (p - 1) / p * xp.log1p(2 * xp.exp(-e) + (p - 3) * xp.exp(-2 * e))
    return nan_outside(xp, inside, loss + xp.log1p((p - 1) * xp.exp(-4 * e)) / p)


def flawed_restricted_loss(modulus: int, feature_strength: Reals) -> Float[Array, "*batch"]:
    """Cross-entropy of the peak without its ghosts, averaged over all pairs, Eq. (4).

    Arguments, assumptions and errors as of `flawed_indicator`; precision as of
    `flawed_cross_entropy`.
    """
    p, xp, inside, e = _eighth(modulus, feature_strength)
    return nan_outside(xp, inside, xp.log1p((p - 1) * xp.exp(-2 * e)))


def flawed_excluded_loss(modulus: int, feature_strength: Reals) -> Float[Array, "*batch"]:
    """Cross-entropy of the ghosts without the peak, averaged over all pairs, Eq. (5).

    Arguments, assumptions and errors as of `flawed_indicator`.
    """
    p, xp, inside, e = _eighth(modulus, feature_strength)
    # Eq. (5) over exp(ap/8), which overflows.
    wrong = e + math.log(2) + xp.log1p((p - 2) / 2 * xp.exp(-e))
    loss = (p - 1) / p * wrong + xp.log1p((p - 1) * xp.exp(-2 * e)) / p
    return nan_outside(xp, inside, loss)


def _eighth(
    modulus: int, feature_strength: Reals
) -> tuple[int, Any, Bool[Array, "*batch"], Float[Array, "*batch"]]:
    """The modulus, the library, where the strength is in bounds, and `a p / 8`."""
    p = odd_modulus(modulus)
    xp, (a,) = arrays(feature_strength=feature_strength)
    return p, xp, require_nonnegative(feature_strength=a), a * (p / 8)
