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

from theorylab.ntk.kernel_operator import Kernel, KernelOperator
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, require_finite, require_positive
from theorylab.numerics.nystrom import nystrom_approximation

Progress = Callable[[int, int, float], None]

# What the preconditioner holds by default at most: 2 GB.
_MOST_NUMBERS = 2**28


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
        flat = self.coefficients.reshape(len(self.coefficients), -1)
        values = self.operator.predict(x_new, flat)
        return values.reshape(len(values), *self.coefficients.shape[1:])


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
        first keyboard interrupt end: after one product more. A second one is raised.
    Raises: `ValueError` for arguments out of bounds, or for what the kernel returns.
    """
    A = KernelOperator(kernel, x, ridge=ridge, tile=tile, threads=threads)
    n = len(A.x)
    labels = _labels("y", y, n)
    shape, Y = labels.shape, labels.reshape(n, -1)
    require_positive(tolerance=np.asarray(tolerance, float))
    rank = min(n, round(8 * n**0.5), _MOST_NUMBERS // n) if rank is None else rank
    if not 0 <= rank <= n:
        raise ValueError(f"`rank` must be from 0 to the {n} examples; got {rank}")
    if max_products < 2:
        raise ValueError(f"`max_products` must be >= 2; got {max_products}")
    if start is None:
        alpha = np.zeros_like(Y)
    else:
        alpha = _labels("start", start, n).reshape(n, -1).copy()
        if alpha.shape != Y.shape:
            raise ValueError(f"`start` must have the shape {shape} of `y`; got {np.shape(start)}")

    norms = np.linalg.norm(Y, axis=0)
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

    R = Y if start is None else Y - multiply(alpha)
    worst, before = tell(R), np.inf
    if worst > tolerance:
        diagonal = A.diagonal() - A.ridge
        nystrom = nystrom_approximation(A.columns, diagonal, rank, seed=seed)
        precondition = lambda V: nystrom.precondition(V, A.ridge)
    while worst > tolerance and not stopped:
        if products + 2 > max_products:
            stopped = "`max_products` is reached"
            break
        if worst > before / 2:
            stopped = "rounding leaves no smaller one"
            break
        before = worst
        try:
            for R_now in _search(multiply, precondition, alpha, R):
                if tell(R_now) <= tolerance or products + 1 >= max_products:
                    break
        except np.linalg.LinAlgError:
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


def _labels(name: str, y: Reals, n: int) -> np.ndarray:
    """Labels, or coefficients, as a float64 array: one row for each example."""
    _, (y,) = arrays(**{name: y})
    y = np.asarray(y, float)
    if y.ndim not in (1, 2) or len(y) != n or not y.size:
        raise ValueError(
            f"`{name}` must be ({n},) or ({n}, outputs), a row for each of `x`; got shape {y.shape}"
        )
    require_finite(**{name: y})
    return y
