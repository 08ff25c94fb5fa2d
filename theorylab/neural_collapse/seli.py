r"""Simplex-encoded-labels interpolation: the geometry of small decay at any imbalance.

With one linear layer above free features, cross-entropy of vanishing decay leads to the direction
of the smallest nuclear norm that leaves every sample a margin of 1,

$$\min_Z \|Z\|_* \quad\text{such that}\quad z_{y_i,i}-z_{c,i}\ge 1 \ \text{ for all } c\ne y_i.
\tag{1}$$

Its solution is $Z = CY$, whatever the class sizes $n_k$, with $C=I-\frac1K\mathbf{11}^\top$ and
$Y$ the one-hot labels. With $D=\mathrm{diag}(n_k)$ and $A=CDC$, classifier $W$ (classes in rows)
and class means $\bar H$ (likewise) of least norm have the Gram matrices

$$WW^\top = A^{1/2}, \qquad \bar H\bar H^\top = (A^{1/2})^{+}, \tag{2}$$
$$A^+ = D^{-1} - \frac{D^{-1}\mathbf{11}^\top D^{-1}}{\mathbf 1^\top D^{-1}\mathbf 1}. \tag{3}$$

$A^+$ is the Laplacian of a complete graph of positive weights, $c\,(I-T)$ with $T\ge0$, so that
its root $\sqrt c\,(I-\frac12T-\frac18T^2-\dots)$ has negative entries off the diagonal, and columns
that sum to 0. They are the multipliers of Eq. (1), which proves its solution optimal; and class
means lie at obtuse angles, all of them. Balanced classes give the simplex equiangular tight frame.
Networks come near it as one over the logarithm of the decay only.

Proof: `proofs/neural_collapse/seli.py`.
Reference: Thrampoulidis, Kini, Vakilian & Behnia (2022), arXiv:2208.05512; the compact form of
Eq. (2) is derived here.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, require


class SELIGrams(NamedTuple):
    """Gram matrices of the classifier's rows and of the class means."""

    classifier: Float[Array, "classes classes"]
    class_means: Float[Array, "classes classes"]


def seli_grams(class_sizes: Reals) -> SELIGrams:
    """Gram matrices of the solution of Eq. (1), Eq. (2).

    Arguments:
        class_sizes: `n_k`, samples in each class; whole numbers `>= 1`, of 2 classes or more.

    Returns: arrays of the library of `class_sizes` (NumPy float64 by default), for logits `CY`;
        both are free up to a factor `a` and `1 / a`.
    Assumes: cross-entropy or the support vector machine of Eq. (1), one linear layer above free
        features of at least `K - 1` dimensions, equal decay of both, in the limit of none; no bias.
    Raises: `ValueError` for sizes outside the bounds above; where they are traced, NaN.
    """
    xp, (n,) = arrays(class_sizes=class_sizes)
    if n.ndim != 1 or n.shape[0] < 2:
        raise ValueError(f"`class_sizes` must be one a class, 2 or more; got shape {n.shape}")
    whole = xp.isfinite(n) & (n >= 1) & (n == xp.floor(n))
    inside = require(whole, "a whole number >= 1", class_sizes=n)
    n = xp.where(inside, n, xp.nan)
    K = n.shape[0]
    # The singular vectors of C D^(1/2) are the eigenvectors of C D C, its values their roots: so
    # small classes keep their digits beside large ones. The last value is 0, of the constant.
    centred = xp.eye(K, dtype=n.dtype) - 1 / K
    vectors, roots, _ = xp.linalg.svd(centred * xp.sqrt(n)[None, :], full_matrices=False)
    vectors, roots = vectors[:, :-1], roots[:-1]
    return SELIGrams((vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T)
