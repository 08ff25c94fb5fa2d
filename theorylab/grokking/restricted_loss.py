r"""What a network's loss owes to waves in the sum of its arguments: progress hidden in the logits.

Logits $f_j(x,y)$ of pairs modulo $p$, class by class a function on the $p^2$ pairs, are projected
on the span over $k\in\mathcal K$ of

$$\frac{\sqrt2}p\cos\omega_k(x+y), \quad \frac{\sqrt2}p\sin\omega_k(x+y), \qquad
  \omega_k=\frac{2\pi k}p, \tag{1}$$

which are orthonormal. The projection depends on $s=x+y$ alone: it is the mean over pairs of one
sum, of which a Fourier transform in $s$ keeps the frequencies $\pm k$,

$$\Pi f_j(s)=\frac2p\sum_{k\in\mathcal K}\sum_{s'}\cos\omega_k(s-s')\,
  \frac1p\sum_{x'+y'=s'}f_j(x',y'). \tag{2}$$

The restricted loss is the cross-entropy of $\Pi f$ at the answers $j=x+y$, the excluded loss that
of $f-\Pi f$. No frequency in $\mathcal K$ is 0: the mean over all pairs, one number a class, is no
part of $\Pi f$, unless one asks for it, and stays in $f-\Pi f$. The restricted loss falls as a
network finds the waves, and the excluded loss rises once it depends on them, beyond $\log p$ where
what is left is wrong.

Proof: `proofs/grokking/restricted_loss.py`.
Reference: Nanda, Chan, Lieberum, Smith & Steinhardt (2023), arXiv:2301.05217, who project the
logits of a transformer and evaluate the excluded loss on its training pairs.
"""

from __future__ import annotations

from typing import Any

import array_api_compat

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_finite


def restricted_loss(
    logits: Reals,
    frequencies: Reals | None = None,
    *,
    pairs: Any = None,
    keep_mean: bool = False,
) -> Float[Array, ""]:
    """Cross-entropy of the waves in `x + y` alone, `Pi f` of Eq. (2).

    Arguments:
        logits: `f`, of shape `(p, p, p)` over `x`, `y` and the answer `j`; `p` odd and `>= 3`.
        frequencies: those kept, a sequence of whole numbers from 1 to `K = (p - 1) / 2`; all by
            default. Of none the loss is `log p`.
        pairs: those the loss is averaged over, `(p, p)` booleans with one or more of them true, as
            of a training set; all by default. The projection is over all pairs in any case.
        keep_mean: whether every answer keeps its mean over pairs too. Conventions differ: it is a
            bias of the answers that no wave carries, and that some add back.

    Returns: the loss, a number of the library of `logits`; small ones to their relative precision.
    Raises: `ValueError` for another shape, an even `p`, a frequency that is none of the above,
        logits that are not finite, or no pair; where values are traced, NaN for the last three.
    """
    at = _Sums(logits, frequencies, pairs)
    kept = at.projection
    if keep_mean:
        kept = kept + at.xp.mean(at.logits, axis=(0, 1))
    return at.loss(kept[None, :, :])


def excluded_loss(
    logits: Reals, frequencies: Reals | None = None, *, pairs: Any = None
) -> Float[Array, ""]:
    """Cross-entropy of the logits without their waves in `x + y`, `f - Pi f` of Eq. (2).

    Arguments, result and errors as of `restricted_loss`, but for `frequencies`, which are those
    left out: of none the loss is that of the network.
    """
    at = _Sums(logits, frequencies, pairs)
    return at.loss(at.logits - at.projection)


def sum_projection(logits: Reals, frequencies: Reals | None = None) -> Float[Array, "p p p"]:
    """The projection of logits on waves in `x + y`, Eq. (2), over `x`, `y` and `j`.

    Arguments and errors as of `restricted_loss`; where values are traced, NaN throughout.
    """
    at = _Sums(logits, frequencies, None)
    xp, index = at.xp, at.index
    sums = xp.reshape((index[:, None] + index) % at.p, (-1,))
    projection = xp.reshape(xp.take(at.projection, sums, axis=0), at.logits.shape)
    return nan_outside(xp, at.inside, projection)


def positions(xp: Any, length: int, like: Array) -> Array:
    """`0 ... length - 1`, where `like` is: JAX places new arrays by itself."""
    if array_api_compat.is_jax_array(like):
        return xp.arange(length)
    return xp.arange(length, device=array_api_compat.device(like))


class _Sums:
    """Logits over `x`, `s = x + y` and `j`, and their projection over `s` and `j`."""

    def __init__(self, logits: Reals, frequencies: Reals | None, pairs: Any) -> None:
        given = {} if frequencies is None else dict(frequencies=frequencies)
        xp, (f, *k) = arrays(logits=logits, **given)
        if f.ndim != 3 or len(set(f.shape)) != 1:
            raise ValueError(
                f"`logits` must be (p, p, p), over x, y and the answer; got shape {tuple(f.shape)}"
            )
        p = odd_modulus(int(f.shape[0]))
        self.xp, self.p, self.index = xp, p, positions(xp, p, f)
        self.inside = xp.all(require_finite(logits=f))
        kept = self._kept(f, *k)
        mask = None if pairs is None else self._mask(f, pairs)
        x, s = self.index[:, None], self.index
        self.flat = xp.reshape(p * x + (s - x) % p, (-1,))
        self.logits = xp.reshape(xp.take(xp.reshape(f, (p * p, p)), self.flat, axis=0), (p, p, p))
        waves = xp.fft.rfft(xp.mean(self.logits, axis=0), axis=0)
        waves = xp.where(kept[:, None], waves, xp.zeros_like(waves))
        self.projection = xp.fft.irfft(waves, n=p, axis=0)
        self.mask = mask

    def _kept(self, f: Array, k: Array | None = None) -> Bool[Array, " harmonics"]:
        """Which of the frequencies `0 ... K` are in the set."""
        xp, K = self.xp, self.p // 2
        harmonics = positions(xp, K + 1, f)
        if k is None:
            return harmonics > 0
        if k.ndim != 1:
            raise ValueError(
                f"`frequencies` must be a sequence of whole numbers; got shape {tuple(k.shape)}"
            )
        known = (xp.round(k) == k) & (k >= 1) & (k <= K)
        known = require(known, f"whole numbers from 1 to {K}", frequencies=k)
        self.inside = self.inside & xp.all(known)
        return xp.any(xp.astype(harmonics, k.dtype)[:, None] == k, axis=1)

    def _mask(self, f: Array, pairs: Any) -> Float[Array, "p p"]:
        """1 for the pairs that count, 0 for the others."""
        xp, p = self.xp, self.p
        chosen = xp.asarray(pairs)
        if not xp.isdtype(chosen.dtype, "bool"):
            raise TypeError(f"`pairs` must be booleans; got an array of {chosen.dtype}")
        if tuple(chosen.shape) != (p, p):
            raise ValueError(
                f"`pairs` must be ({p}, {p}), over x and y; got shape {tuple(chosen.shape)}"
            )
        mask = xp.astype(chosen, f.dtype)
        count = xp.sum(mask)
        self.inside = self.inside & require(count > 0, "one pair or more", pairs=count)
        return mask

    def loss(self, logits: Float[Array, "x p p"]) -> Float[Array, ""]:
        """Mean cross-entropy of logits over `x` (1 where all are alike), `s` and `j`."""
        xp, p = self.xp, self.p
        answer = self.index[:, None] == self.index
        right = xp.sum(xp.where(answer, logits, xp.zeros_like(logits)), axis=-1, keepdims=True)
        ahead = logits - right
        # log(1 + sum over wrong j of exp(ahead)) over the largest term, so that it neither
        # overflows nor loses a small sum beside 1.
        top = xp.max(ahead, axis=-1, keepdims=True)
        wrong = xp.where(answer, xp.zeros_like(ahead), xp.exp(ahead - top))
        top = top[..., 0]
        entropy = top + xp.log1p(xp.expm1(-top) + xp.sum(wrong, axis=-1))
        if self.mask is None:
            return nan_outside(xp, self.inside, xp.mean(entropy))
        weight = xp.reshape(xp.take(xp.reshape(self.mask, (-1,)), self.flat, axis=0), (p, p))
        mean = xp.sum(weight * entropy) / xp.sum(weight)
        return nan_outside(xp, self.inside, mean)
