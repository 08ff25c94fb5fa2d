r"""The central path: features under a classifier that always fits them best.

$K$ classes of $n$ examples, $N=Kn$, under the squared loss
$\frac1{2N}\|WH+b\mathbf1^\top-Y\|_F^2$ without weight decay. Weights and bias are always the least
squares fit to the features, and the features follow the gradient flow of the loss projected on the
features of within-class covariance $I$ (the loss does not see which coordinates they are written
in). With $\omega_j$, $j\le K-1$, the singular values of the centred class means over $\sqrt K$, the
loss is

$$\mathcal L=\frac1{2K}\sum_j\frac1{1+\omega_j^2}, \tag{1}$$

the singular vectors stay, and $\dot\omega=\omega/\big(KN(1+\omega^2)^2\big)$ integrates to

$$\ln\omega_j+\omega_j^2+\tfrac14\omega_j^4=\text{const}_j+\frac t{KN}. \tag{2}$$

Variability within the classes, relative to that between them, falls as a power of time only, and
the $\omega_j$ become equal: the class means, a simplex.

$$\mathrm{NC1}=\frac1K\sum_j\omega_j^{-2}\simeq\frac{K-1}{2K}\sqrt{\frac{KN}t}. \tag{3}$$

Proof: `proofs/neural_collapse/central_path.py`.
Claim: `central_growth`.
Reference: Han, Papyan & Donoho (2021), arXiv:2106.02073; the constants are derived here.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_nonnegative, require_positive
from theorylab.numerics.roots import increasing_root


class CentralPath(NamedTuple):
    """`omega` along the last axis, the loss of Eq. (1), and NC1, Eq. (3)."""

    singular_values: Float[Array, "*times modes"]
    loss: Float[Array, "*times"]
    variability_collapse: Float[Array, "*times"]


def central_path(t: Reals, initial_values: Reals, class_size: Reals) -> CentralPath:
    """Singular values of the class means on the central path, Eq. (2), with loss and NC1.

    Arguments:
        t: time of the flow; step `k` of descent with learning rate `eta` is at `k eta`. `>= 0`.
        initial_values: `omega_j(0)`, one for each of the `K - 1` dimensions that class means span
            about their mean, of the means over `sqrt(K)` in coordinates where the covariance
            within classes is the identity; `> 0`.
        class_size: `n`, one number; `> 0`.

    Returns: the path at the times, in the library of the arguments (NumPy by default), its last
        axis in the order of `initial_values`.
    Assumes: classes of equal size, `K - 1` to `N - K` feature dimensions, no weight decay, weights
        and bias at their best throughout.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (t, start, n) = arrays(t=t, initial_values=initial_values, class_size=class_size)
    if start.ndim != 1 or not start.shape[0]:
        raise ValueError(
            "`initial_values` must be one row of numbers, one less than classes; "
            f"got shape {tuple(start.shape)}"
        )
    if n.ndim:
        raise ValueError(f"`class_size` must be one number; got shape {tuple(n.shape)}")
    K = start.shape[0] + 1
    inside = require_nonnegative(t=t)[..., None] & require_positive(class_size=n)
    inside = inside & require_positive(initial_values=start)
    t, start, inside = xp.broadcast_arrays(t[..., None] / (n * K**2), start, inside)
    t, start = xp.where(inside, t, 0 * t), xp.where(inside, start, xp.ones_like(start))
    # For u = ln(omega) Eq. (2) is convex of slope 1 at least: Newton's method from above stays
    # above. From a start u0 the root is below u0 + t, and, once positive, where omega^4 is 4 const.
    u0 = xp.log(start)
    left = lambda u: u + xp.exp(2 * u) + xp.exp(4 * u) / 4
    begun = left(u0)
    one = xp.ones_like(t)
    late = xp.maximum(xp.log(xp.maximum(4 * (begun + t), one)) / 4, u0)
    slope = lambda u: (1 + xp.exp(2 * u)) ** 2
    residual = lambda u: left(u) - begun - t
    u = increasing_root(xp, residual, slope, u0, xp.minimum(u0 + t, late))
    omega, total = xp.exp(u), xp.all(inside, axis=-1)
    return CentralPath(
        nan_outside(xp, inside, omega),
        nan_outside(xp, total, xp.sum(1 / (1 + omega**2), axis=-1) / (2 * K)),
        nan_outside(xp, total, xp.sum(omega**-2, axis=-1) / K),
    )
