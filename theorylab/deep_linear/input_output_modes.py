r"""The singular modes of a data set: what a linear network learns of it, and in which order.

Examples are rows. With the means over examples $\Sigma_x = \frac1PX^\top X$ and
$\Sigma_{yx} = \frac1PY^\top X = U\,\mathrm{diag}(s)\,V^\top$, the squared loss of a linear map $W$
depends on the data through $\Sigma_x$, $\Sigma_{yx}$ and a constant only. Whitened inputs,
$X \mapsto (X-\bar x)E\,\mathrm{diag}(w)^{-1/2}$ with $\Sigma_x = E\,\mathrm{diag}(w)E^\top$ of the
centred inputs, have $\Sigma_x = 1$: then the exact dynamics hold for any targets, real data
included.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.arrays import arrays, require_finite

# Directions that deviate by less than this fraction of the largest are dropped: they are constant
# inputs or duplicates of others, up to rounding. As variances, a fraction of 1e-10.
_LEAST_DEVIATION = 1e-5


class InputOutputModes(NamedTuple):
    """Modes by descending singular value, and the data they are of.

    `left @ diag(singular_values) @ right.T` is the covariance of targets and `inputs`; `inputs` are
    the whitened ones if that was asked for, with `inputs.shape[1]` the rank that was kept.
    """

    left: Float[Array, "outputs modes"]
    singular_values: Float[Array, " modes"]
    right: Float[Array, "inputs modes"]
    inputs: Float[Array, "examples inputs"]
    input_covariance: Float[Array, "inputs inputs"]


def input_output_modes(
    inputs: Float[Array, "examples features"],
    targets: Float[Array, "examples outputs"],
    *,
    whiten: bool = True,
) -> InputOutputModes:
    """Modes of the covariance of `targets` and (whitened) `inputs`.

    Arguments:
        inputs, targets: `X` and `Y`, an example in each row.
        whiten: centre the inputs and give them unit covariance, dropping directions without
            variance; else take them as they are.

    Returns: the modes and the inputs, arrays of the library of the arguments (NumPy by default).
    Raises: `ValueError` on shapes that do not fit, on NaN or infinity, and on constant inputs or
        targets.
    """
    xp, (X, Y) = arrays(inputs=inputs, targets=targets)
    if X.ndim != 2 or Y.ndim != 2 or X.shape[0] != Y.shape[0]:
        raise ValueError(
            "`inputs` and `targets` must be tables of as many examples; "
            f"got shapes {tuple(X.shape)} and {tuple(Y.shape)}"
        )
    require_finite(inputs=X)
    require_finite(targets=Y)
    count = X.shape[0]
    if X.shape[0] < 2 or 0 in (X.shape[1], Y.shape[1]):
        raise ValueError(
            "`inputs` and `targets` must have two examples or more, and a column or more; "
            f"got shapes {tuple(X.shape)} and {tuple(Y.shape)}"
        )
    if whiten:
        require_varying(xp, inputs=X)
    require_varying(xp, targets=Y)
    if whiten:
        X = X - xp.mean(X, axis=0)
        # The left factor of the inputs is orthonormal to rounding, however they are conditioned;
        # dividing by eigenvalues of their covariance would square the condition number.
        whitened, deviations, _ = xp.linalg.svd(X, full_matrices=False)
        X = whitened[:, deviations > _LEAST_DEVIATION * deviations[0]] * count**0.5
    left, s, right = xp.linalg.svd(Y.T @ X / count, full_matrices=False)
    return InputOutputModes(left, s, right.T, X, X.T @ X / count)


def require_varying(xp: Any, **table: Float[Array, "examples columns"]) -> None:
    """Refuse a table whose rows are equal up to rounding."""
    ((name, values),) = table.items()
    spread = xp.max(values, axis=0) - xp.min(values, axis=0)
    size = xp.max(xp.abs(values), axis=0)
    if not bool(xp.any(spread > 64 * xp.finfo(values.dtype).eps * size)):
        raise ValueError(f"`{name}` must vary over the examples; all rows are equal")
