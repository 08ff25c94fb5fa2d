r"""What NC1 is of features that know nothing of their labels, and of a mixture of Gaussians.

Let $N=Kn$ independent features $h\sim\mathcal N(0,\Sigma)$ in $d$ dimensions carry balanced labels
without meaning. Then $N\Sigma_W$ and $N\Sigma_B$ are independent Wishart matrices of $N-K$ and
$K-1$ degrees of freedom. If $\Sigma=I$, or $\Sigma_B$ has full rank, the means of Wishart matrices
and of their inverses give

$$\mathbb E\,\mathrm{NC1} = \begin{cases}\dfrac{(K-1)(n-1)}{d-K} & d>K\\[1ex]
  \dfrac{d(n-1)}{K-2-d} & d<K-2\end{cases} \tag{1}$$

and infinity in between, where $\Sigma_B$ is nearly singular too often. The variance is finite for
$d\ge K+3$ or $d\le K-5$.

Of classes $\mathcal N(\mu_k,\sigma^2I)$ of equal size, $n\to\infty$,

$$\mathrm{NC1} = \frac{\sigma^2}K\,\mathrm{tr}\,\Sigma_B^+, \tag{2}$$

$\sigma^2(K-1)^2/(Ka^2)$ if the means form a simplex equiangular tight frame of length $a$.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186, for NC1; von Rosen (1988), Scand. J.
Statist. 15, 97, for moments of the inverse Wishart matrix.
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_finite,
    require_nonnegative,
)


def null_variability_collapse(
    num_classes: Reals, samples_per_class: Reals, dimension: Reals
) -> Float[Array, "*batch"]:
    """The mean of NC1 over features that are independent of their labels, Eq. (1).

    Arguments:
        num_classes: `K`; a whole number `>= 2`.
        samples_per_class: `n`; a whole number `>= 1`. Of one sample a class NC1 is 0.
        dimension: `d`, of the features; a whole number `>= 1`.

    Returns: broadcast over the arguments, an array of their library; `inf` where the mean is.
    Assumes: independent standard normal features, classes of equal size; for `d <= K - 1` any
        covariance that is invertible.
    Raises: `ValueError` for an entry outside the bounds above; under `jit`, NaN instead.
    """
    xp, (K, n, d) = arrays(
        num_classes=num_classes, samples_per_class=samples_per_class, dimension=dimension
    )
    whole = lambda x, least: xp.isfinite(x) & (xp.round(x) == x) & (x >= least)
    inside = (
        require(whole(K, 2), "a whole number >= 2", num_classes=K)
        & require(whole(n, 1), "a whole number >= 1", samples_per_class=n)
        & require(whole(d, 1), "a whole number >= 1", dimension=d)
    )
    excess = xp.where(d > K, d - K, K - 2 - d)
    divergent = (excess <= 0) & (n > 1)
    mean = xp.where(d > K, K - 1, d) * (n - 1) / xp.where(excess <= 0, 1.0, excess)
    return nan_outside(xp, inside, xp.where(divergent, xp.inf, mean))


def mixture_variability_collapse(class_means: Reals, noise_variance: Reals) -> Float[Array, ""]:
    """NC1 of classes that are round Gaussians of one size, Eq. (2).

    Arguments:
        class_means: `mu`, one row a class; 2 or more, not all equal.
        noise_variance: `sigma^2`, of each coordinate about its class mean; `>= 0`, one number.

    Returns: a number of the arguments' library. Directions in which the means spread by less than
        the rounding of the largest spread do not count.
    Assumes: classes of equal size, many samples a class.
    Raises: `ValueError` for another shape, an entry out of bounds or means that are all equal;
        under `jit`, NaN instead for the latter two.
    """
    xp, (M, variance) = arrays(class_means=class_means, noise_variance=noise_variance)
    if M.ndim != 2 or M.shape[0] < 2 or not M.shape[1]:
        raise ValueError(
            "`class_means` must be vectors in rows, one a class and 2 or more; "
            f"got shape {tuple(M.shape)}"
        )
    if variance.ndim:
        raise ValueError(f"`noise_variance` must be one number; got shape {tuple(variance.shape)}")
    inside = xp.all(require_finite(class_means=M)) & require_nonnegative(noise_variance=variance)
    K, d = M.shape
    # One combination of K centred means vanishes, and rounding leaves something of it.
    spread = xp.linalg.svdvals(M - xp.mean(M, axis=0))[: min(d, K - 1)]
    kept = spread > max(d, K) * xp.finfo(M.dtype).eps * spread[0]
    apart = spread[0] > 4 * xp.finfo(M.dtype).eps * xp.max(xp.abs(M))  # of the mean's rounding
    apart = require(apart, "vectors that differ, of a spread > 0", class_means=spread[0])
    value = variance * xp.sum(xp.where(kept, 1 / xp.where(kept, spread, 1.0) ** 2, 0.0))
    return nan_outside(xp, inside & apart, value)
