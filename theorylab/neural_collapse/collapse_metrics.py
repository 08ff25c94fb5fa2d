r"""Neural collapse of a network at a glance: its four properties in one call and one line.

    print(collapse_metrics(features, labels, weights, bias))
    NC1 0.0013 CDNV 2e-05 | NC2 norms 0.03 angles 0.04 frame 0.1 | NC3 0.2 | NC4 0.002 (0 ties)

Features are what the classifier sees: the outputs of the last hidden layer, one row a sample.

| field | property | at collapse | at chance, $n$ samples a class, $d\gg K$ dimensions |
| --- | --- | --- | --- |
| `variability_collapse` | NC1 | 0 | $(K-1)(n-1)/(d-K)$ |
| `class_distance_variance` | NC1 | 0 | about $(n-1)/2$ |
| `equinorm` | NC2 | 0 | about $1/\sqrt{2d}$ |
| `equiangularity` | NC2 | 0 | about $1/\sqrt d$ |
| `frame_distance` | NC2 | 0 | about $\sqrt{K/d}$ |
| `self_duality` | NC3 | 0 | about $\sqrt2$ |
| `nearest_mean_mismatch` | NC4 | 0 | about $1-1/K$ |
| `ties` | NC4 | 0 | 0 |

What chance gives is of features that are independent standard normal numbers: wide features look
like a frame whatever the network has learned. Where class sizes differ lengths do too, and
`equinorm` and `self_duality` are not 0 at collapse: see `duality_cosines`.

Reference: Papyan, Han & Donoho (2020), arXiv:2008.08186.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.neural_collapse._classes import Centre, classes
from theorylab.neural_collapse.equinorm import spread_of_cosines, spread_of_norms
from theorylab.neural_collapse.gram_distance import (
    Frame,
    distance_of_directions,
    distance_to,
    require_frame,
)
from theorylab.neural_collapse.nearest_mean_mismatch import mismatch, with_classifier
from theorylab.neural_collapse.variability_collapse import cdnv, nc1
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, require_finite


class CollapseMetrics(NamedTuple):
    """Neural collapse in numbers, each 0 at collapse; None where no classifier was given.

    `variability_collapse` and `class_distance_variance` are of the samples about their class means;
    `equinorm`, `equiangularity` and `frame_distance` of the class means; `self_duality` of class
    means and classifier; `nearest_mean_mismatch` is a fraction of the samples, `ties` a number.
    """

    variability_collapse: Float[Array, ""]
    class_distance_variance: Float[Array, ""]
    equinorm: Float[Array, ""]
    equiangularity: Float[Array, ""]
    frame_distance: Float[Array, ""]
    self_duality: Float[Array, ""] | None = None
    nearest_mean_mismatch: Float[Array, ""] | None = None
    ties: Float[Array, ""] | None = None

    def __str__(self) -> str:
        try:
            # PyTorch warns of numbers that can still be differentiated.
            values = [
                float(value.detach() if hasattr(value, "detach") else value)
                for value in self
                if value is not None
            ]
        except TypeError:  # traced, or numbers for many networks
            return repr(self)
        nc1, cdnv, norms, angles, frame, *rest = (f"{value:.2g}" for value in values)
        line = f"NC1 {nc1} CDNV {cdnv} | NC2 norms {norms} angles {angles} frame {frame}"
        if not rest:
            return line
        return f"{line} | NC3 {rest[0]} | NC4 {rest[1]} ({values[-1]:.0f} ties)"


def collapse_metrics(
    features: Reals,
    labels: Reals,
    weights: Reals | None = None,
    bias: Reals | None = None,
    *,
    num_classes: int | None = None,
    global_mean: Centre = "samples",
    frame: Reals | Frame = "simplex_etf",
) -> CollapseMetrics:
    """All four properties of neural collapse, as numbers that print in one line.

    Arguments:
        features: what the classifier sees, one row a sample: an array of NumPy, JAX, PyTorch or
            another library.
        labels: the class of each sample, a whole number from 0 to `num_classes - 1`.
        weights: the classifier, one row a class; of a deep linear head, `head_product(layers)`.
        bias: the classifier's bias, one number a class; none by default.
        num_classes: `K`; `>= 2`. By default as many as `weights` has rows, or one more than the
            largest label; static.
        global_mean: the centre of the class means, the mean of "samples" or of "classes".
        frame: what the class means should form: "simplex_etf" (cross-entropy, or any loss with a
            bias), about the global mean; about the origin, "orthogonal_frame" (squared loss
            without bias), "general_orthogonal_frame" (the same with classes of unequal sizes), or
            a Gram matrix of your own.

    Returns: numbers of the features' library and precision. With `num_classes` and `frame`
        static, the function works under `jax.jit`, `vmap` and `grad`.
    Raises: `ValueError` for labels out of range or a class without a sample, for numbers that are
        not finite, and for shapes that do not fit; `TypeError` for labels that are not whole
        numbers. Where values are traced, NaN for the first three.
    """
    if isinstance(frame, str):
        require_frame("frame", frame)
    if weights is None:
        at, W, b = classes(features, labels, num_classes), None, None
    else:
        at, W, b = with_classifier(features, labels, weights, bias, num_classes)
    xp, target = at.xp, frame
    if not isinstance(frame, str):
        _, (target, _) = arrays(frame=frame, features=at.features)
        at = at._replace(inside=at.inside & xp.all(require_finite(frame=target)))
    centred = isinstance(frame, str) and frame == "simplex_etf"
    M = at.centred_means(global_mean) if centred else at.means
    values = (
        nc1(at, global_mean),
        cdnv(at),
        spread_of_norms(xp, M),
        spread_of_cosines(xp, M),
        distance_to(xp, M, target, "frame"),
    )
    of_means = CollapseMetrics(*(at.nan_outside(value) for value in values))
    if W is None or b is None:
        return of_means
    rules = mismatch(at, W, b)
    return of_means._replace(
        self_duality=at.nan_outside(distance_of_directions(xp, W, M)),
        nearest_mean_mismatch=rules.fraction,
        ties=rules.ties,
    )
