r"""Kernel ridge regression by conjugate gradients, without the kernel's matrix.

The predictor $f(x) = \Theta(x, X)\,\alpha$ of labels $Y$, one column for each output, where

$$(\Theta(X, X) + \delta I)\,\alpha = Y. \tag{1}$$

With $\Theta$ the neural tangent kernel it is the mean of infinitely many infinitely wide networks:
trained to convergence at $\delta = 0$, with a penalty on the distance from initialization else.
(The ridge is not divided by the number of examples.)

The outputs share every product with the matrix, by the block method: with $R = Y - A\alpha$, $P$ an
orthonormal basis of the directions searched, and $M$ the preconditioner,

$$\alpha \leftarrow \alpha + P\,a,\quad (P^\top AP)\,a = P^\top R,\qquad
  P \leftarrow \mathrm{orth}\big(M^{-1}R - P\,b\big),\quad (P^\top AP)\,b = (AP)^\top M^{-1}R.
  \tag{2}$$

Each output is fitted within the directions of all: with 10 outputs, 3000 inputs and residuals down
to $10^{-4}$, 17 to 19 products where conjugate gradients with a step for each output took 22 to 25,
and SciPy's `cg` on all outputs as one vector 25 to 27. Orthonormal bases keep the method sound
where outputs are dependent, as the columns of one-hot labels are.

$M$ is the Nyström approximation of `theorylab.numerics.nystrom`.

References: O'Leary (1980), Linear Algebra Appl. 29, 293, for Eq. (2); Dubrulle (2001), ETNA 12,
216, for orthonormal directions; Frangella, Tropp & Udell (2021), arXiv:2110.02820, for $M$.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from theorylab.ntk.kernel_operator import (
    Kernel,
    KernelOperator,
    one_number,
    vectors,
)
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_positive, whole_number
from theorylab.numerics.nystrom import nystrom_approximation

Progress = Callable[[int, int, float], None]

# What the preconditioner holds by default at most: 2 GB.
_MOST_NUMBERS = 2**28
# In the norm of the inverse the residual never grows: where it does so by this factor in the usual
# one, the condition number is above its square. In runs that converged, of two kernels and ridges
# down to 0, it came to 64 at most.
_MOST_GROWTH = 1000.0


@dataclass(frozen=True, eq=False)
class KernelSolution:
    """What `kernel_regression` found.

    Attributes:
        coefficients: `alpha`, in the shape of the labels, in float64.
        residual: of each output, `|Y - (Theta + ridge I) alpha| / |Y|`, computed anew from
            `coefficients` (0 for an output whose labels are all 0, and `alpha` with them).
        converged: whether no residual is above the tolerance.
        products: products with the kernel's matrix made, the last one for `residual` included.
        operator: the matrix of Eq. (1).
    """

    coefficients: Float[Array, "examples ..."]
    residual: Float[Array, " *outputs"]
    converged: bool
    products: int
    operator: KernelOperator

    def predict(self, x_new: Reals) -> Float[Array, "new ..."]:
        """`f(x_new)` in float64, computed in tiles; inputs are taken at the dtype of `x`."""
        return self.operator.predict(x_new, self.coefficients)


def kernel_regression(
    kernel: Kernel,
    x: Reals,
    y: Reals,
    *,
    ridge: float,
    tolerance: float = 1e-4,
    rank: int | None = None,
    max_products: int = 200,
    start: Reals | None = None,
    seed: int | np.random.Generator = 0,
    tile: int = 1024,
    threads: int | None = None,
    progress: Progress | None = None,
) -> KernelSolution:
    """Solve Eq. (1) to a relative residual, for inputs whose kernel matrix is too large to store.

    Arguments:
        kernel: `(x1, x2=None) -> (n1, n2)` array, symmetric and positive semidefinite: the method
            `ntk` of a `FullyConnected`, or any other. Called from several threads at a time.
        x: inputs, `(examples, features)`. Their dtype is what the kernel is computed in.
        y: labels, `(examples,)` or `(examples, outputs)`.
        ridge: `delta`; `>= 0`. At 0 the kernel itself must be positive definite, rounding included.
        tolerance: relative residual to reach in every output; `> 0`.
        rank: columns for the preconditioner, from 0 (none) to `examples`; by default
            `8 sqrt(examples)`, or what fills 2 GB if that is fewer. It holds `examples * rank`
            float64 numbers; more of them save products where the ridge is small.
        max_products: products with the matrix made at most; `>= 2`.
        start: coefficients to begin from, those of an earlier solution say; 0 by default.
        seed: of the preconditioner's columns, or a generator to draw from.
        tile, threads: how a product is computed, as for `KernelOperator`.
        progress: called after each product with the number made, `max_products`, and the largest
            relative residual so far (as the iteration has it, exact after the last product).

    Returns: the coefficients and their residual, computed from them by a product of its own. Where
        the tolerance is not met a `RuntimeWarning` says why, `converged` is false, and the
        coefficients are the last, whose error is the least so far in the norm of the matrix (the
        residual may have been smaller before); `start=solution.coefficients` goes on. So does a
        first keyboard interrupt end: after one product more. A second one is raised. Where the
        matrix turns out not to be positive definite, or the residual grows a thousandfold, as it
        does where a singular matrix cannot give the labels (inputs that occur twice, with labels
        that differ), the coefficients are those of the least residual so far.
    Raises: `ValueError` for arguments out of bounds, or for what the kernel returns; `TypeError`
        for what is not a number, or a count that is not whole.
    """
    A = KernelOperator(kernel, x, ridge=ridge, tile=tile, threads=threads)
    n = len(A.x)
    labels = vectors("y", y, n)
    shape, Y = labels.shape, labels.reshape(n, -1)
    tolerance = one_number("tolerance", tolerance)
    require_positive(tolerance=np.asarray(tolerance))
    rank = min(n, round(8 * n**0.5), _MOST_NUMBERS // n) if rank is None else rank
    if not 0 <= whole_number("rank", rank, 0) <= n:
        raise ValueError(f"`rank` must be from 0 to the {n} examples; got {rank}")
    max_products = whole_number("max_products", max_products, 2)
    if start is None:
        alpha = np.zeros_like(Y)
    else:
        alpha = vectors("start", start, n).reshape(n, -1).copy()
        if alpha.shape != Y.shape:
            raise ValueError(f"`start` must have the shape {shape} of `y`; got {np.shape(start)}")

    norms = np.linalg.norm(Y, axis=0)
    alpha[:, norms == 0] = 0  # and it stays there: such an output has no residual to search by
    norms[norms == 0] = 1.0
    relative = lambda R: np.linalg.norm(R, axis=0) / norms
    products, stopped = 0, ""

    def multiply(V: np.ndarray) -> np.ndarray:
        nonlocal products
        out = A.matmat(V)
        products += 1
        return out

    def tell(R: np.ndarray) -> float:
        worst = float(relative(R).max())
        if progress and products:
            progress(products, max_products, worst)
        return worst

    R = Y - multiply(alpha) if alpha.any() else Y
    worst, before = tell(R), np.inf
    least, best, most = worst, alpha.copy(), _MOST_GROWTH * max(worst, 1.0)
    if worst > tolerance:
        diagonal = A.diagonal() - A.ridge
        nystrom = nystrom_approximation(A.columns, diagonal, rank, seed=seed)
        precondition = lambda V: nystrom.precondition(V, A.ridge)
    while worst > tolerance and not stopped:
        if products + 2 > max_products:
            stopped = "`max_products` is reached"
            if worst > 1:
                stopped += (
                    ", and coefficients of 0 have a smaller one still: a larger `ridge` or `rank`, "
                    "or more products, are needed"
                )
            break
        if worst > before / 2:
            stopped = "rounding leaves no smaller one"
            break
        before = worst
        try:
            for R_now in _search(multiply, precondition, alpha, R):
                now = tell(R_now)
                if now < least:
                    least, best = now, alpha.copy()
                if now > most:
                    alpha = best
                    stopped = (
                        f"it grew to {now:.2g}: the matrix is singular, or nearly, and cannot give "
                        "these labels: a larger `ridge` is needed"
                    )
                    break
                if now <= tolerance or products + 1 >= max_products:
                    break
        except np.linalg.LinAlgError:
            alpha = best
            stopped = "the matrix is not positive definite: a larger `ridge` is needed"
        except KeyboardInterrupt:
            stopped = "interrupted"
        try:
            R = Y - multiply(alpha)
        except KeyboardInterrupt:
            if stopped == "interrupted":
                raise
            stopped = "interrupted"
            R = Y - multiply(alpha)
        worst = tell(R)
    if worst > tolerance:
        warnings.warn(
            f"relative residual {worst:.2g} after {products} products, above the `tolerance` "
            f"{tolerance:g}: {stopped}",
            RuntimeWarning,
            stacklevel=2,
        )
    return KernelSolution(
        coefficients=alpha.reshape(shape),
        residual=relative(R).reshape(shape[1:]),
        converged=worst <= tolerance,
        products=products,
        operator=A,
    )


def _search(
    multiply: Callable[[np.ndarray], np.ndarray],
    precondition: Callable[[np.ndarray], np.ndarray],
    alpha: np.ndarray,
    R: np.ndarray,
) -> Iterator[np.ndarray]:
    """Eq. (2): improve `alpha`, of residual `R`, in place; yield the residual after each product.

    Raises: `LinAlgError` where the matrix is not positive definite on the directions searched.
    """
    P = np.linalg.qr(precondition(R)).Q
    while True:
        AP = multiply(P)
        curvature = cho_factor(P.T @ AP)
        a = cho_solve(curvature, P.T @ R)
        alpha += P @ a
        R = R - AP @ a
        yield R
        Z = precondition(R)
        P = np.linalg.qr(Z - P @ cho_solve(curvature, AP.T @ Z)).Q
