r"""Means and covariances of features by class.

For features $h_i$ (rows) with labels $y_i$, $K$ classes of $n_k$ samples each, $N$ in all,

$$\mu_k = \frac1{n_k}\sum_{y_i=k}h_i, \qquad \mu_G = \frac1N\sum_i h_i \ \text{or}\
  \frac1K\sum_k\mu_k, \tag{1}$$
$$\Sigma_W = \frac1N\sum_i(h_i-\mu_{y_i})(h_i-\mu_{y_i})^\top, \qquad
  \Sigma_B = \frac1K\sum_k(\mu_k-\mu_G)(\mu_k-\mu_G)^\top. \tag{2}$$

The two global means are one where classes are of equal size.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186.
"""

from __future__ import annotations

from theorylab.neural_collapse._classes import Centre, classes, exact_products
from theorylab.numerics.annotations import Array, Float, Reals


def class_means(
    features: Reals,
    labels: Reals,
    *,
    num_classes: int | None = None,
    centre: Centre | None = None,
) -> Float[Array, "classes features"]:
    """The mean feature of each class, one row a class, Eq. (1).

    Arguments:
        features: `h`, one row a sample: an array of NumPy, JAX, PyTorch or another library.
        labels: the class of each sample, a whole number from 0 to `num_classes - 1`.
        num_classes: `K`; `>= 2`. By default one more than the largest label; it must be given,
            and be static, where labels are traced by JAX.
        centre: the global mean to subtract, of "samples" or of "classes"; none by default.

    Returns: an array of the features' library and precision; half precision comes out as float32.
    Raises: `ValueError` for labels out of range or a class without a sample, for features that are
        not finite, and for shapes that do not fit; `TypeError` for labels that are not whole
        numbers. Where values are traced, NaN for the first three.
    """
    at = classes(features, labels, num_classes)
    return at.nan_outside(at.means if centre is None else at.centred_means(centre))


def global_mean(
    features: Reals, labels: Reals, *, num_classes: int | None = None, over: Centre = "samples"
) -> Float[Array, " features"]:
    """`mu_G`, the mean over "samples" or over "classes", Eq. (1).

    Other arguments and errors as of `class_means`.
    """
    at = classes(features, labels, num_classes)
    return at.nan_outside(at.global_mean(over))


def within_class_covariance(
    features: Reals, labels: Reals, *, num_classes: int | None = None
) -> Float[Array, "features features"]:
    """`Sigma_W` over all samples, divided by their number, Eq. (2).

    Arguments and errors as of `class_means`. The instruments of collapse never form this matrix:
    it is as large as the square of the features.
    """
    at = classes(features, labels, num_classes)
    with exact_products(at.xp):
        covariance = at.deviations.T @ at.deviations / at.deviations.shape[0]
    return at.nan_outside(covariance)


def between_class_covariance(
    features: Reals,
    labels: Reals,
    *,
    num_classes: int | None = None,
    global_mean: Centre = "samples",
) -> Float[Array, "features features"]:
    """`Sigma_B`, in which every class counts once, Eq. (2).

    Arguments:
        global_mean: the centre, the mean of "samples" or of "classes".

    Other arguments and errors as of `class_means`.
    """
    at = classes(features, labels, num_classes)
    rows = at.centred_means(global_mean)
    with exact_products(at.xp):
        return at.nan_outside(rows.T @ rows / rows.shape[0])
