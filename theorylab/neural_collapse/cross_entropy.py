r"""Cross-entropy over balanced free features: how far apart the logits are driven, and which frame.

Above $N=Kn$ free features $H$ lie $M$ linear layers; $Z=W_M\cdots W_1H$ are the logits, and

$$\mathcal L=\frac1N\sum_i \mathrm{CE}(z_i,y_i)+\tfrac12\sum_j\lambda_j\|W_j\|_F^2
+\tfrac12\lambda_H\|H\|_F^2, \qquad L=M+1,\quad \Lambda=\lambda_H\textstyle\prod_j\lambda_j.$$

The least decay that makes given logits is $\frac L2\Lambda^{1/L}\sum_is_i(Z)^{2/L}$, of their
singular values. Below, $\bar Z$ holds the logits of one sample a class: $Z$ repeats each column
$n$ times, so that $s_i(Z)=\sqrt n\,s_i(\bar Z)$. There is no bias: at depth 1 its best value is
0, but at more a free one lowers the loss further, as a class may then lie at the origin.

**One layer** ($M=1$): the nuclear norm is convex, and the optimum is a simplex equiangular tight
frame $\bar Z=\alpha(I-\frac1K\mathbf{11}^\top)$, with $\kappa=\sqrt{n\lambda_W\lambda_H}$,

$$\alpha=\log\Big(\frac1\kappa-(K-1)\Big) \text{ if } K\kappa<1, \text{ else } 0, \qquad
\mathcal L=\log(1+(K-1)e^{-\alpha})+(K-1)\kappa\alpha. \tag{1}$$

**More layers**: $\sum s^{2/L}$ rewards low rank, and the simplex, though a critical point at every
depth, is not the best in general. `branches` sets others against it, each at its best scale $r$.

A *simplex* or a regular *polygon* over $p$ classes has margins $r\delta_j$ and the loss

$$\log\Big(1+\sum_je^{-r\delta_j}\Big)+\tfrac L2 m\,(n\Lambda\sigma^2r^2)^{1/L}, \tag{2}$$

with $\delta=1$ and $m=p-1$ singular values $\sigma=1$ for the one, and for the other
$\delta_j=1-\cos\frac{2\pi j}p$ and $m=2$, $\sigma=\frac p2$.

In a *sum*, blocks of $p_1+p_2+\dots=K$ classes lie in orthogonal spaces, each a simplex or a
polygon; classes of other blocks have logit 0. The loss is a sum over blocks, of Eq. (2) with its
logarithm times $p_i/K$ and with $K-p_i$ further margins in it, of $\delta=1-\frac1{p_i}$ for a
simplex and $1$ for a polygon. Pairs alone make the *cross-polytope*, of $\frac K2$ singular values.

In a *product*, classes are numbered by digits, $p_1p_2\cdots=K$, and the logits of digits add up.
The loss is the sum over digits of Eq. (2), with $\sigma K/p_i$ for $\sigma$. Equal digits make the
Hamming scheme.

A *pyramid* ($K$ odd) has a cross-polytope of $K-1$ classes, an apex, and three scales:

$$\tfrac{K-1}K\log\big(1+(K-3)e^{-r}+e^{-2r}+e^{-r-a}\big)+\tfrac1K\log\big(1+(K-1)e^{-b}\big)
+\tfrac L2\Big[\tfrac{K-1}2(4n\Lambda r^2)^{1/L}
+\big(n\Lambda\tfrac{K-1}K((K-1)a^2+b^2)\big)^{1/L}\Big]. \tag{3}$$

All are critical points of $\mathcal L$: a symmetry of the classes leaves but the scales free. That
the best of them is a global minimum is proved for $M=1$, and for $K=2$: there $Z$, centred, has one
singular value, and cross-entropy is convex in the ball of that radius. Otherwise it is the best
known.

As $\Lambda\to0$ every margin grows alike and a frame costs $\sum m(\sigma/\delta_{\min})^{2/L}$: a
cross-polytope $\frac K22^{2/L}$ against the simplex's $K-1$. It is cheaper from $K=6$ on for $M=2$,
and from $K=4$ on for $M\ge3$.

Proof: `proofs/neural_collapse/cross_entropy.py`.
Claim: `cross_entropy_beyond_one_layer`.
Reference: Zhu et al. (2021), arXiv:2105.02375, for one layer; Sukenik, Lampert & Mondelli (2024),
arXiv:2405.14468, and Garrod & Keating (2024), arXiv:2410.23169, for the bias to low rank. Eqs. (1)
to (3) are derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorylab.neural_collapse._logit_frames import (
    Branch,
    Part,
    Setting,
    candidates,
    cheapest_sum,
    composed,
    factorizations,
    frames_of,
    pyramid,
    simplex,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_positive, whole_number


class ETFCollapse(NamedTuple):
    """The optimum of one layer: logits, and the frames of classifier and class means."""

    margin: Float[Array, "*batch"]
    loss: Float[Array, "*batch"]
    singular_value: Float[Array, "*batch"]
    classifier_strength: Float[Array, "*batch"]
    feature_strength: Float[Array, "*batch"]


def etf_collapse(
    num_classes: Reals, samples_per_class: Reals, weight_decay: Reals, feature_decay: Reals
) -> ETFCollapse:
    r"""The global minimum of cross-entropy with one layer above balanced features, Eq. (1).

    Arguments:
        num_classes: `K`; whole, `>= 2`.
        samples_per_class: `n`; whole, `>= 1`.
        weight_decay: `lambda_W` of the one layer; `> 0`.
        feature_decay: `lambda_H`, of the square of all features, not of their mean; `> 0`.

    Returns: `margin`, the logit of the right class less that of any other; `loss`; and the
        singular values, `K - 1` times each, `singular_value` of `Z`, `classifier_strength` `w` of
        `W` and `feature_strength` `h` of `H`: with `C` the centring matrix, the Gram matrix of the
        rows of `W` is `w^2 C`, and that of the class means `(h^2 / n) C`. All but the loss are 0
        from `sqrt(n lambda_W lambda_H) = 1 / K` on. Arrays of the library of the arguments,
        broadcast over them.
    Assumes: features of at least `K - 1` dimensions. A bias may be there, without decay or with.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (K, n, decay, features) = arrays(
        num_classes=num_classes,
        samples_per_class=samples_per_class,
        weight_decay=weight_decay,
        feature_decay=feature_decay,
    )
    inside = require((K >= 2) & (xp.floor(K) == K), "a whole number >= 2", num_classes=K)
    inside = inside & require(
        (n >= 1) & (xp.floor(n) == n), "a whole number >= 1", samples_per_class=n
    )
    inside = inside & require_positive(weight_decay=decay, feature_decay=features)
    kappa = xp.sqrt(n) * xp.sqrt(decay) * xp.sqrt(features)
    separate = K * kappa < 1
    # Where classes stay together the branch not taken is kept finite, for its gradient.
    k = xp.where(separate, kappa, 0.5 / K)
    margin = xp.where(separate, xp.log1p((1 - K * k) / k), 0.0)
    # Eq. (1) with e^-margin = k / (1 - (K - 1) k).
    loss = xp.where(separate, (K - 1) * k * margin - xp.log1p(-(K - 1) * k), xp.log(K))
    balance = xp.sqrt(features) / xp.sqrt(decay)
    s = xp.sqrt(n) * margin
    positive = xp.where(separate, s, 1.0)
    w = xp.where(separate, xp.sqrt(positive * balance), 0.0)
    h = xp.where(separate, xp.sqrt(positive / balance), 0.0)
    return ETFCollapse(*(nan_outside(xp, inside, x) for x in (margin, loss, s, w, h)))


def branches(
    num_classes: int, samples_per_class: int, weight_decay: Reals, feature_decay: Reals
) -> list[Branch]:
    """The critical points known in closed form, up to their scale: the best first.

    Arguments:
        num_classes: `K`; `>= 2`.
        samples_per_class: `n`; `>= 1`.
        weight_decay: one of each of the `M` layers above the features; `> 0`.
        feature_decay: `lambda_H`, which multiplies the square of all features; `> 0`.

    Returns: branches by ascending loss. For `M = 1` the one global minimum; otherwise the simplex,
        the cross-polytope, the polygon, the pyramid, the best other sum and product, as far as they
        exist, and "zero", of loss `log K`. Those above it are metastable.
    Assumes: layers and features at least as wide as the rank of a branch. Sums and products are of
        simplices and polygons; no other configuration is sought.
    Raises: `TypeError` or `ValueError` for arguments outside the bounds above.
    """
    K, n = (
        whole_number("num_classes", num_classes, 2),
        whole_number("samples_per_class", samples_per_class, 1),
    )
    decays, features = np.asarray(weight_decay, float), np.asarray(feature_decay, float)
    if decays.ndim != 1 or not decays.size:
        raise ValueError(
            f"`weight_decay` must be a sequence, one a layer; got shape {decays.shape}"
        )
    if features.ndim:
        raise ValueError(f"`feature_decay` must be one number; got shape {features.shape}")
    require_positive(weight_decay=decays, feature_decay=features)
    M = decays.size
    log_decay = float(np.sum(np.log(decays)) + np.log(features))
    found: list[Branch | None]
    if M == 1:
        optimum = etf_collapse(K, n, decays[0], features)
        alpha = float(optimum.margin)
        parts = [Part(simplex(K), 1.0, alpha, float(optimum.loss), 0.0)] if alpha else []
        found = [composed("simplex_etf" if alpha else "zero", K, n, parts)]
    else:
        setting = Setting(K, M + 1, (np.log(n) + log_decay) / (M + 1))
        found = [composed(name, K, n, parts) for name, parts in candidates(setting)]
        found += [pyramid(setting, n)] if K % 2 and K >= 5 else []
    first, *others = sorted((b for b in found if b is not None), key=lambda b: b.loss)
    best = "proved" if M == 1 or K == 2 else "best known"
    return [first._replace(status=best), *others]


def etf_is_beaten(num_classes: int, depth: int) -> bool:
    """Whether some known frame is cheaper than the simplex in the limit of small decay.

    Arguments:
        num_classes: `K`; `>= 2`.
        depth: `M`, linear layers above the features; `>= 1`.

    Without a bias. True from `K = 6` on for `depth` 2, and from `K = 4` on beyond. The limit is
    approached as one over the logarithm of the decay: at `K = 5`, `depth = 2` the pyramid is the
    better one at a decay of 1e-3, and the simplex in the limit.
    """
    K, M = whole_number("num_classes", num_classes, 2), whole_number("depth", depth, 1)
    power = 2 / (M + 1)
    frames = {p: frames_of(p) for p in range(2, K + 1)}
    within = lambda p: (min(f.cost(power, alone=False) for f in frames[p]), [])
    digit = lambda p: min(f.cost(power, scale=K / p) for f in frames[p])
    costs = [f.cost(power) for f in frames[K][1:]]
    costs += [cheapest_sum(K, within)[0]]
    costs += [sum(digit(p) for p in digits) for digits in factorizations(K)]
    if K % 2 and K >= 5:
        costs += [(K - 1) / 2 * 2**power + ((K - 1) / K) ** (power / 2)]
    # Sums of equal costs, such as of the cross-polytope of two classes, differ by rounding.
    return min(costs) < (K - 1) * (1 - 1e-12)
