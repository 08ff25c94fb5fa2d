"""Features by class: what every instrument of neural collapse starts from.

Class means are taken twice, the second time of the deviations from the first: they are then good to
the rounding of one feature, and features that have collapsed leave deviations of exactly 0. Nothing
here is of the size features x features, or samples x classes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import array_api_compat
import numpy as np

from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_examples,
    require_finite,
)

Centre: TypeAlias = Literal["samples", "classes"]
"""The global mean: of all samples, or of the class means, each class counting once."""


class Classes(NamedTuple):
    """Features sorted out by class; `inside` is false where traced input is out of bounds."""

    xp: Any
    counts: Float[Array, " classes"]
    means: Float[Array, "classes features"]
    features: Float[Array, "samples features"]
    deviations: Float[Array, "samples features"]
    labels: Array
    sums: Callable[[Array], Array]
    inside: Bool[Array, ""]

    def weights(self, centre: Centre) -> Float[Array, " classes"]:
        """The share of each class mean in the global mean."""
        if centre not in ("samples", "classes"):
            raise ValueError(f'the global mean is of "samples" or of "classes"; got {centre!r}')
        counts = self.counts if centre == "samples" else self.xp.ones_like(self.counts)
        return counts / self.xp.sum(counts)

    def global_mean(self, centre: Centre) -> Float[Array, " features"]:
        average = lambda rows: self.xp.sum(self.weights(centre)[:, None] * rows, axis=0)
        first = average(self.means)
        return first + average(self.means - first)

    def centred_means(self, centre: Centre) -> Float[Array, "classes features"]:
        return self.means - self.global_mean(centre)

    def of_unit_scale(self) -> Classes:
        """Divided by the largest feature, for measures that do not know scales: no square then
        overflows or vanishes."""
        xp = self.xp
        largest = xp.max(xp.abs(self.features))
        scale = xp.where(largest > 0, largest, xp.ones_like(largest))
        return self._replace(
            means=self.means / scale,
            features=self.features / scale,
            deviations=self.deviations / scale,
        )

    def nan_outside(self, value: Array) -> Array:
        return nan_outside(self.xp, self.inside, value)


def classes(features: Reals, labels: Reals, num_classes: int | None) -> Classes:
    """Read what users pass; every refusal of features and labels is here."""
    xp, (H, _) = arrays(features=features, labels=labels)
    require_examples(features=H)
    given, labels = labels, _integers(xp, H, labels)
    if labels.ndim != 1 or labels.shape[0] != H.shape[0]:
        raise ValueError(
            f"`labels` must be one row of as many as `features` has rows, {H.shape[0]}; "
            f"got shape {tuple(labels.shape)}"
        )
    y = xp.astype(labels, xp.int32)
    K = _largest(xp, given) + 1 if num_classes is None else num_classes
    K = _number_of_classes(K)
    inside = xp.all(require_finite(features=H))
    # What does not come back as it was did not fit: it is out of range, too.
    known = (y >= 0) & (y < K) & (xp.astype(y, labels.dtype) == labels)
    inside = xp.all(require(known, f"from 0 to {K - 1}", labels=labels)) & inside
    H = widened(xp, H)
    sums = _sums(xp, y, K)
    counts = sums(xp.ones_like(H[:, 0]))
    with contextlib.suppress(TypeError):  # traced: JAX does not know the value
        if not bool(xp.all(counts > 0)):
            empty = int(xp.argmin(counts))
            raise ValueError(
                f"every class must have a sample: `labels` has none of class {empty}, "
                f"and `num_classes` is {K}"
            )
    inside = inside & xp.all(counts > 0)
    n = xp.where(counts > 0, counts, 1.0)[:, None]
    means = sums(H) / n
    correction = sums(H - xp.take(means, y, axis=0)) / n
    means = means + correction
    return Classes(xp, counts, means, H, H - xp.take(means, y, axis=0), y, sums, inside)


def _integers(xp: Any, features: Array, labels: Any) -> Array:
    """Labels as an array of whole numbers beside the features; never by way of floating ones."""
    ours = xp is np or isinstance(labels, np.ndarray | np.generic)
    if ours or not array_api_compat.is_array_api_obj(labels):
        labels = xp.asarray(np.asarray(labels), **beside(features))
    y: Array = labels
    if not xp.isdtype(y.dtype, "integral"):
        raise TypeError(f"`labels` must be whole numbers; got an array of {y.dtype}")
    return y


def _largest(xp: Any, labels: Any) -> int:
    """The largest label, of concrete ones within a function that JAX traces, too."""
    ours = array_api_compat.is_numpy_array(labels) or array_api_compat.is_jax_array(labels)
    ours = ours or not array_api_compat.is_array_api_obj(labels)
    try:
        return int(np.max(np.asarray(labels)) if ours else xp.max(labels))
    except TypeError as error:
        raise TypeError("`num_classes` must be given where `labels` are traced") from error


def _number_of_classes(num_classes: int) -> int:
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer):
        raise TypeError(f"`num_classes` must be a whole number; got {num_classes!r}")
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be >= 2; got {num_classes}")
    return int(num_classes)


def _sums(xp: Any, labels: Array, num_classes: int) -> Callable[[Array], Array]:
    """The function that sums rows over each class."""
    if array_api_compat.is_jax_namespace(xp):
        import jax

        return lambda rows: jax.ops.segment_sum(rows, labels, num_classes)
    order = xp.argsort(labels)
    steps = xp.arange(num_classes + 1, dtype=labels.dtype, **beside(labels))
    ends = [int(end) for end in xp.searchsorted(xp.take(labels, order), steps)]
    members = [order[ends[k] : ends[k + 1]] for k in range(num_classes)]
    return lambda rows: xp.stack(
        [xp.sum(xp.take(rows, member, axis=0), axis=0) for member in members]
    )


def classifier(
    xp: Any, weights: Array, bias: Array, num_classes: int, features: int
) -> Bool[Array, ""]:
    """Refuse a classifier that does not fit the features; whether traced values are finite."""
    if tuple(weights.shape) != (num_classes, features):
        raise ValueError(
            f"`weights` must be of shape {(num_classes, features)}, one row a class and one column "
            f"a feature; got {tuple(weights.shape)}"
        )
    if tuple(bias.shape) != (num_classes,):
        raise ValueError(
            f"`bias` must be of shape {(num_classes,)}, one number a class; got {tuple(bias.shape)}"
        )
    return xp.all(require_finite(weights=weights)) & xp.all(require_finite(bias=bias))


def vectors_in_rows(xp: Any, **vectors: Array) -> Bool[Array, ""]:
    """Refuse what is not two vectors or more, in rows; whether traced values are finite."""
    inside: Any = True
    for name, rows in vectors.items():
        if rows.ndim != 2 or rows.shape[0] < 2 or not rows.shape[1]:
            raise ValueError(
                f"`{name}` must be vectors in rows, one a class and 2 or more; "
                f"got shape {tuple(rows.shape)}"
            )
        inside = xp.all(require_finite(**{name: rows})) & inside
    return inside


def widened(xp: Any, values: Array) -> Array:
    """Half precision as float32: no library decomposes matrices of less."""
    return xp.astype(values, xp.float32) if xp.finfo(values.dtype).bits < 32 else values


def beside(array: Array) -> dict[str, Any]:
    """Where new arrays belong. JAX places them by itself."""
    jax = array_api_compat.is_jax_array(array)
    return {} if jax else {"device": array_api_compat.device(array)}


def identity(xp: Any, size: int, like: Array) -> Array:
    return xp.eye(size, dtype=like.dtype, **beside(like))


def exact_products(xp: Any) -> contextlib.AbstractContextManager:
    """An accelerator's default product of float32 matrices is good to 1e-3, and no collapse is."""
    if not array_api_compat.is_jax_namespace(xp):
        return contextlib.nullcontext()
    import jax

    return jax.default_matmul_precision("highest")


def ratio(xp: Any, part: Array, whole: Array) -> Array:
    """`part / whole` of what is not negative: `inf` over 0, and NaN for 0 over 0."""
    none = whole == 0
    quotient = part / xp.where(none, 1.0, whole)
    return xp.where(none & (part == 0), xp.nan, xp.where(none, xp.inf, quotient))


def root(xp: Any, square: Array) -> Array:
    """The square root, with the slope 0 at 0: distances are differentiated at collapse."""
    none = square <= 0
    return xp.where(none, 0.0, xp.sqrt(xp.where(none, 1.0, square)))


def norm(xp: Any, x: Array, axis: int | None = None) -> Array:
    return root(xp, xp.sum(x**2, axis=axis))
