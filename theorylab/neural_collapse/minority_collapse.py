r"""Cross-entropy over imbalanced free features, one layer: when small classes fall together.

Above free features of $N=\sum_kn_k$ samples lies one linear layer. With
$\lambda=\sqrt{\lambda_W\lambda_H}$ and $D=\mathrm{diag}(n_k)$, all samples of a class end at the
same logits, the columns of $\bar Z$, which solve the convex problem

$$\min_{\bar Z}\ \sum_k\frac{n_k}N\,\mathrm{CE}(\bar z_k,k)+\lambda\,\|\bar ZD^{1/2}\|_*. \tag{1}$$

**Minority collapse.** Take $m\ge2$ classes of equal size $n_B$, beside any others. Their contrast
$c$, the logit of the right class less that of another of the group, and their rows of the
classifier obey

$$c=0 \text{ if } n_B\le N^2\lambda_W\lambda_H, \quad\text{else}\quad
1-\frac{\lambda N}{\sqrt{n_B}}=q\,\frac{e^c-1}{e^c+m-1},\qquad
\|w_i-w_j\|^2=2c\sqrt{n_B\lambda_H/\lambda_W}, \tag{2}$$

$q$ being the probability that samples of the group are given for the group as a whole. The
threshold knows nothing of the other classes, and holds with a bias as without. For $K_A$ classes
of $Rn_B$ samples and $K_B\ge2$ of $n_B$, these collapse if

$$R\ge\frac1{K_A}\Big(\frac1{\sqrt{n_B\lambda_W\lambda_H}}-K_B\Big). \tag{3}$$

**Everything vanishes** (without a bias) if and only if

$$\lambda\ge\frac1N\,\|CDC\|_{op}^{1/2},\qquad C=I-\tfrac1K\mathbf{11}^\top. \tag{4}$$

Proof: `proofs/neural_collapse/cross_entropy.py`.
Claim: `minority_merges`.
Reference: Fang, He, Long & Su (2021), arXiv:2101.12699, for the phenomenon; Hong & Ling (2023),
arXiv:2309.09725, for thresholds. Eqs. (2) to (4) are derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_positive


class MinorityCollapse(NamedTuple):
    """The optimum of Eq. (1): `logits` of one sample a class in columns, and what is left of it.

    `singular_values` are of the logits of all samples, largest first; `gap` is what the loss
    exceeds the minimum by at most, from the dual problem.
    """

    logits: Float[Array, "classes classes"]
    singular_values: Float[Array, " classes"]
    loss: float
    gap: float


def minority_collapse(
    class_sizes: Reals, weight_decay: Reals, feature_decay: Reals
) -> MinorityCollapse:
    """The global minimum of Eq. (1), numerically, with a proof of how near it is.

    Arguments:
        class_sizes: `n_k`; whole numbers `>= 1`, of 2 classes or more.
        weight_decay: `lambda_W`; `> 0`.
        feature_decay: `lambda_H`, of the square of all features, not of their mean; `> 0`.

    Returns: NumPy float64. Descent on factors of the logits finds the minimum, and proximal
        steps, which set singular values to 0, end it; no step is taken below a gap of 1e-13.
    Assumes: features of at least `K` dimensions; no bias.
    Raises: `ValueError` for arguments outside the bounds above.
    """
    from scipy import optimize, special

    n, decay, features = _host(class_sizes, weight_decay, feature_decay)
    N, root_n, penalty = n.sum(), np.sqrt(n), np.sqrt(decay) * np.sqrt(features)
    K = n.size
    share, right = n / N, np.arange(K)

    def fidelity(X):
        """Cross-entropy of `X = Z D^(1/2)`, its gradient, and probabilities less the labels."""
        Z = X / root_n
        leads = Z - np.diag(Z)
        leads[right, right] = -np.inf
        losses = np.logaddexp(0, np.logaddexp.reduce(leads, axis=0))
        wrong = np.exp(leads - losses)
        wrong[right, right] = -np.sum(wrong, axis=0)
        return share @ losses, wrong * (root_n / N), wrong

    def objective(x):
        W, H = x.reshape(2, K, K)
        value, G, _ = fidelity(W @ H)
        slope = np.stack([G @ H.T + penalty * W, W.T @ G + penalty * H])
        return value + penalty / 2 * (x @ x), slope.ravel()

    def gap(X, G, value, wrong):
        """Loss less the dual's, at the probabilities that `G` scaled to a norm of `penalty` has."""
        scale = min(1.0, penalty / max(np.linalg.norm(G, 2), np.finfo(float).tiny))
        given = scale * wrong
        given[right, right] = 1 + given[right, right]
        entropy = -np.sum(special.xlogy(given, given), axis=0)
        loss = value + penalty * np.linalg.norm(X, "nuc")
        return loss, loss - float(share @ entropy)

    # From the direction of small decay, C D^(1/2), in balanced factors.
    left, s, right_vectors = np.linalg.svd((np.eye(K) - 1 / K) * root_n)
    s = np.sqrt(s)
    start = np.stack([left * s, s[:, None] * right_vectors])
    options = dict(maxiter=20_000, maxfun=40_000, maxcor=30, ftol=0, gtol=1e-13)
    found = optimize.minimize(
        objective, start.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    W, H = found.x.reshape(2, K, K)
    X = W @ H
    step = 2 * N  # the curvature of cross-entropy is at most 1/2 a sample
    previous, speed = X, 1.0
    best = (np.inf, np.inf, X)
    for _ in range(500):
        value, G, wrong = fidelity(X)
        loss, excess = gap(X, G, value, wrong)
        best = min(best, (excess, loss, X), key=lambda entry: entry[0])
        if excess < 1e-13:
            break
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead = X + (speed - 1) / faster * (X - previous)
        _, G, _ = fidelity(ahead)
        U, s, V = np.linalg.svd(ahead - step * G)
        following = (U * np.maximum(s - step * penalty, 0)) @ V
        # Momentum that leads uphill is dropped.
        speed = 1.0 if np.sum((ahead - following) * (following - X)) > 0 else faster
        previous, X = X, following
    excess, loss, X = best
    rounding = 8 * np.finfo(float).eps * (1 + abs(loss))
    singular_values = np.linalg.svd(X, compute_uv=False)
    return MinorityCollapse(X / root_n, singular_values, float(loss), max(excess, 0.0) + rounding)


class MinorityContrast(NamedTuple):
    """How far apart the classes of a group of one size are: in logits, and as classifier rows."""

    contrast: Float[Array, "*batch"]
    classifier_distance: Float[Array, "*batch"]


def minority_contrast(
    group_mass: Reals,
    group_classes: Reals,
    class_size: Reals,
    num_samples: Reals,
    weight_decay: Reals,
    feature_decay: Reals,
) -> MinorityContrast:
    """Contrast within a group of classes of one size, and distance of classifier rows, Eq. (2).

    Arguments:
        group_mass: `q`, the probability its samples are given for the group; `<= 1` and
            above `1 - N sqrt(lambda_W lambda_H / n_B)`, `> 0`.
        group_classes: `m`, classes of this size; whole, `>= 2`.
        class_size: `n_B`, samples in each; `>= 1`.
        num_samples: `N`, samples of all classes; `>= group_classes * class_size`.
        weight_decay: `lambda_W`; `> 0`.
        feature_decay: `lambda_H`; `> 0`.

    Returns: both 0 for `n_B` up to `minority_collapse_size`. Arrays of the library of the
        arguments, broadcast over them.
    Assumes: as Eq. (1), with a bias or without. `q` is of the optimum: 1 where the group is all.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (q, m, n, N, decay, features) = arrays(
        group_mass=group_mass,
        group_classes=group_classes,
        class_size=class_size,
        num_samples=num_samples,
        weight_decay=weight_decay,
        feature_decay=feature_decay,
    )
    inside = require_positive(weight_decay=decay, feature_decay=features)
    inside = inside & require((m >= 2) & (m == xp.floor(m)), "whole and >= 2", group_classes=m)
    inside = inside & require((n >= 1) & xp.isfinite(n), ">= 1", class_size=n)
    bound = "at least the samples of the group"
    inside = inside & require((m * n <= N) & xp.isfinite(N), bound, num_samples=N + 0 * m * n)
    inside = inside & require((q > 0) & (q <= 1), "> 0 and <= 1", group_mass=q)
    separation = xp.maximum(1 - N * xp.sqrt(decay) * xp.sqrt(features) / xp.sqrt(n), 0 * N)
    bound = "above 1 - N sqrt(weight_decay feature_decay / class_size)"
    inside = inside & require(q > separation, bound, group_mass=q + 0 * separation)
    # Eq. (2) solved: (e^c - 1) / (e^c + m - 1) = ratio.
    ratio = separation / q
    contrast = xp.log1p(m * ratio / (1 - ratio))
    apart = contrast > 0
    square = 2 * contrast * xp.sqrt(n) * xp.sqrt(features) / xp.sqrt(decay)
    distance = xp.where(apart, xp.sqrt(xp.where(apart, square, 1.0)), 0.0)
    return MinorityContrast(nan_outside(xp, inside, contrast), nan_outside(xp, inside, distance))


def minority_collapse_size(
    num_samples: Reals, weight_decay: Reals, feature_decay: Reals
) -> Float[Array, "*batch"]:
    """`N^2 lambda_W lambda_H`: classes of one size are told apart above it only, Eq. (2).

    Arguments:
        num_samples: `N`, of all classes; `>= 1`.
        weight_decay: `lambda_W`; `> 0`.
        feature_decay: `lambda_H`; `> 0`.

    Returns: a size `n_B`, the same as for squared loss. Assumptions and errors as of
        `minority_contrast`.
    """
    xp, (N, decay, features) = arrays(
        num_samples=num_samples, weight_decay=weight_decay, feature_decay=feature_decay
    )
    inside = require_positive(weight_decay=decay, feature_decay=features)
    inside = inside & require((N >= 1) & xp.isfinite(N), ">= 1", num_samples=N)
    return nan_outside(xp, inside, N**2 * decay * features)


def minority_collapse_ratio(
    majority_classes: Reals,
    minority_classes: Reals,
    minority_size: Reals,
    weight_decay: Reals,
    feature_decay: Reals,
) -> Float[Array, "*batch"]:
    """The imbalance ratio `R` from which on the small classes collapse, Eq. (3).

    Arguments:
        majority_classes: `K_A`, of `R n_B` samples each; `>= 1`.
        minority_classes: `K_B`; `>= 2`.
        minority_size: `n_B`, samples in each; `>= 1`.
        weight_decay: `lambda_W`; `> 0`.
        feature_decay: `lambda_H`; `> 0`.

    Returns: 0 or less where they collapse whatever the other classes. Assumptions and errors as of
        `minority_contrast`.
    """
    xp, (KA, KB, n, decay, features) = arrays(
        majority_classes=majority_classes,
        minority_classes=minority_classes,
        minority_size=minority_size,
        weight_decay=weight_decay,
        feature_decay=feature_decay,
    )
    inside = require_positive(weight_decay=decay, feature_decay=features)
    inside = inside & require((KA >= 1) & xp.isfinite(KA), ">= 1", majority_classes=KA)
    inside = inside & require((KB >= 2) & xp.isfinite(KB), ">= 2", minority_classes=KB)
    inside = inside & require((n >= 1) & xp.isfinite(n), ">= 1", minority_size=n)
    ratio = (1 / (xp.sqrt(n) * xp.sqrt(decay) * xp.sqrt(features)) - KB) / KA
    return nan_outside(xp, inside, ratio)


def vanishing_decay(class_sizes: Reals) -> float:
    """The `sqrt(lambda_W lambda_H)` from which on all logits are 0, Eq. (4).

    Arguments and errors as of `minority_collapse`. For balanced classes it is `1 / (K sqrt(n))`.
    """
    n, *_ = _host(class_sizes, 1.0, 1.0)
    C = np.eye(n.size) - 1 / n.size
    return float(np.linalg.norm(C * np.sqrt(n), 2) / n.sum())


def _host(class_sizes: Reals, weight_decay: Reals, feature_decay: Reals):
    n = np.asarray(class_sizes, float)
    if n.ndim != 1 or n.size < 2:
        raise ValueError(f"`class_sizes` must be one a class, 2 or more; got shape {n.shape}")
    whole = np.isfinite(n) & (n >= 1) & (n == np.floor(n))
    require(whole, "a whole number >= 1", class_sizes=n)
    decays = {"weight_decay": weight_decay, "feature_decay": feature_decay}
    for name, value in decays.items():
        if np.ndim(value):
            raise ValueError(f"`{name}` must be one number; got shape {np.shape(value)}")
        require_positive(**{name: np.asarray(value, float)})
    return n, float(weight_decay), float(feature_decay)
