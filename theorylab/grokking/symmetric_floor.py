r"""What memorising gives for free: the pairs whose mirror image was trained.

A network that embeds $x$ and $y$ alike gives both orders of a pair the same logits,
$f(x,y)=f(y,x)$. Once it answers all of its training pairs it answers those test pairs $(x,y)$ too
for which $(y,x)$ was trained: its test accuracy is at least the fraction $F$ of the test pairs that
are so covered, whatever else it has learned. If $n$ of the $p^2$ ordered pairs are trained, drawn
uniformly without replacement, then exactly, for every $n<p^2$,

$$\mathbb E\,F=\frac n{p(p+1)}, \tag{1}$$
$$\mathrm{Var}\,F=\frac{n\,[\,2(p^2-p-3)\,n(p^2-n)+p(p+1)(p^3-2p^2-p+4)\,]}
  {p^2(p+1)^2(p^2-2)(p^2-3)(p^2-n)}. \tag{2}$$

A network that has memorised and learned nothing else comes down to that: of the pairs not covered
it has almost none right, fewer than chance, since of all training pairs that share an argument with
one of them none has its answer (seen, not derived).

Pairs $(x,x)$ are their own mirror image, so that they are never covered: with but one pair held
out $\mathbb E\,F=1-1/p$. If a fraction $r$ of all pairs is trained, the mean tends to $r$ as $p$
grows, and the standard deviation falls as $\sqrt2\,r/p$. All of this is derived here.

Proof: `proofs/grokking/symmetric_floor.py`.
Claim: `grokking.memorised_accuracy`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require


def symmetric_floor(modulus: int, num_train: Reals) -> Float[Array, "*batch"]:
    """The expected fraction of test pairs whose mirror image is trained, Eq. (1).

    Arguments:
        modulus: `p`, odd and `>= 3`. Static.
        num_train: `n`, the number of ordered pairs trained; whole numbers from 0 to `p^2 - 1`.

    Returns: the mean over training sets, of the shape and the library of `num_train` (NumPy by
        default). It is the mean of a lower bound: one training set may cover more or less.
    Assumes: training pairs drawn uniformly without replacement; logits symmetric in `x` and `y`,
        all training pairs answered right.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    p, xp, n, inside = _bounded(modulus, num_train)
    return nan_outside(xp, inside, n / float(p * (p + 1)))


def symmetric_floor_variance(modulus: int, num_train: Reals) -> Float[Array, "*batch"]:
    """The variance over training sets of the fraction of test pairs covered, Eq. (2).

    Arguments, assumptions and errors as of `symmetric_floor`.
    """
    p, xp, n, inside = _bounded(modulus, num_train)
    held_out = xp.where(inside, float(p**2) - n, xp.ones_like(n))
    # Eq. (2) term by term, so that no integer exceeds what an array holds.
    drawn = 2 * (p**2 - p - 3) / (p * (p + 1)) ** 2 * n
    lone = (p**3 - 2 * p**2 - p + 4) / (p * (p + 1)) / held_out
    return nan_outside(xp, inside, (drawn + lone) * n / float((p**2 - 2) * (p**2 - 3)))


def _bounded(modulus: int, num_train: Reals) -> tuple[int, Any, Array, Bool[Array, "*batch"]]:
    p = odd_modulus(modulus)
    xp, (n,) = arrays(num_train=num_train)
    whole = xp.isfinite(n) & (xp.round(n) == n) & (n >= 0) & (n < float(p**2))
    inside = require(whole, f"a whole number from 0 to {p**2 - 1}", num_train=n)
    return p, xp, n, inside
