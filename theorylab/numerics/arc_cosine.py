r"""Correlations of normal variables, and the arc-cosine kernels, safe at correlation $\pm1$.

$$\kappa_0(\rho) = \frac{\arccos(-\rho)}\pi, \qquad
  \kappa_1(\rho) = \frac{\sqrt{1-\rho^2} + \rho\arccos(-\rho)}\pi, \qquad
  \kappa_1' = \kappa_0, \quad \kappa_0' = \frac1{\pi\sqrt{1-\rho^2}}. \tag{1}$$

Differentiating the formula of $\kappa_1$ as it stands gives the difference of two infinities at
$\rho = \pm1$; these rules give $\kappa_0$ there, and 0 for the infinite $\kappa_0'$.

Reference: Cho & Saul (2009), Kernel methods for deep learning.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

from theorylab.numerics.annotations import Array


class Regularised(NamedTuple):
    """Variances `a`, `b` and a covariance `c`, with a unit of noise: `1 + ka`, `1 + kb`.

    `correlation` is `kc` over the root of their product, `apart` is `k^2 (ab - c^2)` and
    `determinant` `(1 + ka)(1 + kb) - k^2 c^2` over that product.
    """

    left: Array
    right: Array
    correlation: Array
    apart: Array
    determinant: Array

    @property
    def root(self) -> tuple[Array, Array]:
        """The roots of both, whose product overflows later than that of the two."""
        return self.left**0.5, self.right**0.5


def regularised(xp: Any, a: Array, c: Array, b: Array, k: float, apart: Any = None) -> Regularised:
    """A sum of positive terms for the determinant: nothing cancels, nothing overflows.

    `apart`, where it is known better than from `c`, is `1 - c^2 / ab`.
    """
    left, right = 1 + k * a, 1 + k * b
    bound = k * _safe_sqrt(xp, a) / xp.sqrt(left) * (_safe_sqrt(xp, b) / xp.sqrt(right))
    correlation = k * c / xp.sqrt(left) / xp.sqrt(right)
    same = 1 / left + k * a / left / right
    if apart is not None:
        apart = bound**2 * apart
        return Regularised(left, right, correlation, apart, same + apart)
    apart = (bound - correlation) * (bound + correlation)
    determinant = same + apart
    # At variances of 1/eps rounding alone makes it negative; elsewhere gradients pass.
    determinant = xp.where(determinant > 0, determinant, same)
    return Regularised(left, right, correlation, apart, determinant)


def within_variances(xp: Any, a: Array, c: Array, b: Array) -> Array:
    """The covariance `c`, brought back to `c^2 <= ab` where it has left it by more than rounding.

    Chaotic networks amplify rounding from layer to layer. At the boundary itself gradients pass.
    """
    bound = _safe_sqrt(xp, a) * _safe_sqrt(xp, b)
    outside = xp.abs(c) > bound * (1 + 32 * xp.finfo(c.dtype).eps)
    return xp.where(outside, xp.sign(c) * bound, c)


def correlation(xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
    """`sqrt(ab)` and `c / sqrt(ab)`, which is 0 where a variance is 0, gradients included.

    Rounding may leave the correlation beyond +-1; what uses it clips, so that gradients pass.
    """
    scale = _safe_sqrt(xp, a) * _safe_sqrt(xp, b)
    inside = scale > 0
    return scale, xp.where(inside, c / xp.where(inside, scale, xp.ones_like(scale)), 0 * c)


def _safe_sqrt(xp: Any, a: Array) -> Array:
    """The root, with the derivative 0 in place of infinity at 0."""
    inside = a > 0
    return xp.where(inside, xp.sqrt(xp.where(inside, a, xp.ones_like(a))), 0 * a)


def arc_cosine_kernels(xp: Any, rho: Array) -> tuple[Array, Array]:
    """`kappa_0` and `kappa_1` of the correlation, Eq. (1), clipped to [-1, 1].

    Derivatives of the first order are right in any library at `|rho| < 1`, and at +-1 (where that
    of `kappa_1` is `kappa_0`) in JAX, whose derivatives of any order follow Eq. (1).
    """
    if xp.__name__.startswith("jax"):
        return _jax_kernels()(rho)
    return _kernels(xp, rho)


def _kernels(xp: Any, rho: Array) -> tuple[Array, Array]:
    rho = xp.clip(rho, -1.0, 1.0)
    angle = xp.acos(-rho)
    return angle / math.pi, (xp.sqrt((1 - rho) * (1 + rho)) + rho * angle) / math.pi


@lru_cache(maxsize=1)
def _jax_kernels():
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp
    def step(rho):
        return _kernels(jnp, rho)[0]

    @step.defjvp
    def _(primals, tangents):
        (rho,), (tangent,) = primals, tangents
        square = (1 - rho) * (1 + rho)
        inside = square > 0
        slope = jnp.where(inside, 1 / (math.pi * jnp.sqrt(jnp.where(inside, square, 1))), 0)
        return step(rho), slope * tangent

    @jax.custom_jvp
    def ramp(rho):
        return _kernels(jnp, rho)[1]

    @ramp.defjvp
    def _(primals, tangents):
        (rho,), (tangent,) = primals, tangents
        return ramp(rho), step(rho) * tangent

    return lambda rho: (step(rho), ramp(rho))
