r"""How well one direction of the labels is fitted by a linear head on free features.

A singular value $y$ of the labels is fitted by the product $s = w_1\cdots w_M h$ of $M$ layers and
the features, all under weight decay. With the features and the split of $w=\prod_jw_j$ over the
layers at their optimum, and $w^2 = N\lambda_Hx^M$, the loss is

$$\frac{y^2}{2N}\,g(x), \quad g(x)=\frac1{1+x^M}+b\,x, \qquad
  b=\frac{MN}{y^2}\Big(N\lambda_H\prod_j\lambda_j\Big)^{1/M}. \tag{1}$$

Its global minimum $x^*$ gives the fit $t = s/y = x^M/(1+x^M)$:

$$b<b^*=\frac{(M-1)^{(M-1)/M}}M:\quad x^*\ \text{the larger root of}\ b(1+x^M)^2=Mx^{M-1};
  \qquad b\ge b^*:\quad x^*=0. \tag{2}$$

For $M=1$, where $b^*=1$, the transition is continuous,

$$x^*=b^{-1/2}-1, \quad t=1-\sqrt b, \quad g=2\sqrt b-b. \tag{3}$$

For $M\ge2$ the fit jumps from $(M-1)/M$ to 0, and the larger root stays a local minimum, with
$g>1$, up to

$$b_{spin}=\frac{(M+1)^{1+1/M}(M-1)^{(M-1)/M}}{4M}, \quad x^M=\frac{M-1}{M+1}. \tag{4}$$

In $u=\ln x$, with $u_0=\frac1{M+1}\ln\frac Mb$, the larger root is that of the increasing function

$$(M+1)(u-u_0)+2\ln(1+e^{-Mu}). \tag{5}$$

Proof: `proofs/neural_collapse/mode_fit.py`.
Claim: `spinodal_window`.
Reference: Dang, Tran, Osher, Tran-The, Ho & Nguyen (2023), arXiv:2301.00437.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_depth, require_positive
from theorylab.numerics.roots import increasing_root


class ModeFit(NamedTuple):
    """A minimum of Eq. (1): `root`, `x`; `fit`, `t`; `misfit`, `1 - t`; `loss`, `g`."""

    root: Float[Array, "*batch"]
    fit: Float[Array, "*batch"]
    misfit: Float[Array, "*batch"]
    loss: Float[Array, "*batch"]


def mode_fit(penalty: Reals, depth: float) -> ModeFit:
    """The global minimum of Eq. (1), Eq. (2).

    Arguments:
        penalty: `b`; `> 0`.
        depth: `M`, the linear layers above the features; `>= 1`, any finite real number.

    Returns: the minimum, of the shape and the library of `penalty` (NumPy by default). At
        `b = b*`, where 0 and the larger root tie for `depth > 1`, it is 0.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    M = _finite_depth(depth)
    xp, (b,) = arrays(penalty=penalty)
    inside = require_positive(penalty=b)
    fitted = b < critical_penalty(M)
    # Where nothing is fitted, a value that is keeps the gradient of the other branch finite.
    larger = _larger_root(xp, xp.where(fitted, b, critical_penalty(M) / 2), M, lowest=M - 1)
    return ModeFit(
        *(
            nan_outside(xp, inside, xp.where(fitted, value, unfitted))
            for value, unfitted in zip(larger, (0.0, 0.0, 1.0, 1.0), strict=True)
        )
    )


def local_minimum(penalty: Reals, depth: float) -> ModeFit:
    """The minimum of Eq. (1) at the larger root, metastable from `b*` up to `b_spin`, Eq. (4).

    Arguments and errors as of `mode_fit`.

    Returns: the minimum, NaN beyond `b_spin`, where 0 is the only one. There the root is double,
        and good to the square root of rounding only.
    """
    M = _finite_depth(depth)
    xp, (b,) = arrays(penalty=penalty)
    exists = require_positive(penalty=b) & (b <= spinodal_penalty(M))
    b = xp.where(exists, b, critical_penalty(M) / 2)
    larger = _larger_root(xp, b, M, lowest=(M - 1) / (M + 1))
    return ModeFit(*(nan_outside(xp, exists, value) for value in larger))


def critical_penalty(depth: float) -> float:
    """`b*`, from which on nothing is fitted, Eq. (2); `depth` as of `mode_fit`."""
    M = _finite_depth(depth)
    return (M - 1) ** ((M - 1) / M) / M


def spinodal_penalty(depth: float) -> float:
    """`b_spin`, the largest with a local minimum that fits, Eq. (4); `depth` as of `mode_fit`."""
    M = _finite_depth(depth)
    return (M + 1) ** (1 + 1 / M) * (M - 1) ** ((M - 1) / M) / (4 * M)


def _finite_depth(depth: float) -> float:
    depth = require_depth(depth)
    if depth == math.inf:
        raise ValueError("`depth` must be finite; got inf")
    return depth


def _larger_root(xp: Any, b: Array, M: float, *, lowest: float) -> ModeFit:
    """The minimum at the larger root of Eq. (2), which has `x^M >= lowest`."""
    if M == 1:
        root_b = xp.sqrt(b)
        fit = (1 - b) / (1 + root_b)  # Eq. (3) without cancellation near b = 1
        return ModeFit(fit / root_b, fit, root_b, root_b * (1 + fit))
    top = (math.log(M) - xp.log(b)) / (M + 1)
    residual = lambda u: (M + 1) * (u - top) + 2 * xp.log1p(xp.exp(-M * u))
    slope = lambda u: (M + 1) - 2 * M * xp.exp(-M * u) / (1 + xp.exp(-M * u))
    u = increasing_root(xp, residual, slope, xp.full_like(top, math.log(lowest) / M), top)
    x, unfitted = xp.exp(u), xp.exp(-M * u)
    fit = 1 / (1 + unfitted)
    misfit = unfitted * fit
    return ModeFit(x, fit, misfit, misfit + b * x)
