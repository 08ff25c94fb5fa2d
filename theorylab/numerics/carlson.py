r"""Carlson's elliptic integral of the first kind, of a real number and a pair, complex perhaps.

$$R_F(x, y, z) = \frac12\int_0^\infty\frac{ds}{\sqrt{(s+x)(s+y)(s+z)}}. \tag{1}$$

The pair enters by its distances $u = y - x$ and $v = z - x$, two real numbers or conjugates, and
these by $\Sigma = u + v$ and $\Pi = uv$. The duplication theorem then needs real arithmetic only,
and subtracts nothing: $R_F(x) = 2R_F(x')$ at the same $\Sigma$, $\Pi$, with

$$x' = x + d + \sqrt{x}\,\sqrt{2x + \Sigma + 2d}, \qquad d = \sqrt{x^2 + \Sigma x + \Pi}. \tag{2}$$

Once $x \gg \Sigma$ the Taylor series about equal arguments, to seventh order, is good to rounding.
A small $x$ grows to $2\sqrt{\Sigma x}$ at least, and a large one fourfold.

Proof: `proofs/grokking/escape_time.py`.
Reference: Carlson (1995), Numerical Algorithms 10, 13-26; the form of Eq. (2) is derived here.
"""

from __future__ import annotations

from typing import Any

from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.repetition import repeated

# Ten steps take x = 1e-300 Sigma to 0.4 Sigma, four more to where the series is good to 1e-17.
_STEPS = 14


def carlson_rf(
    xp: Any,
    x: Float[Array, "*batch"],
    total: Float[Array, "*batch"],
    product: Float[Array, "*batch"],
) -> Float[Array, "*batch"]:
    """`R_F(x, x + u, x + v)`, Eq. (1), of `total = u + v` and `product = u v`.

    Arguments: `>= 0` all three, of the array library `xp`. Infinite where `x` and `product` are 0,
        as two of the three numbers are.
    """
    x, total, product = xp.broadcast_arrays(x, total, product)
    diverges = (x == 0) & (product == 0)
    x = xp.where(diverges, xp.ones_like(x), x)

    def duplicate(state):
        (x,) = state
        d = xp.sqrt(x * x + total * x + product)
        return (x + d + xp.sqrt(x) * xp.sqrt(2 * x + total + 2 * d),)

    (x,) = repeated(xp, duplicate, (x,), _STEPS)
    third = total / 3
    mean = x + third
    e2 = (product - 3 * third * third) / mean**2
    e3 = third * (product - 2 * third * third) / mean**3
    series = (
        1
        - e2 / 10
        + e3 / 14
        + e2**2 / 24
        - 3 * e2 * e3 / 44
        - 5 * e2**3 / 208
        + 3 * e3**2 / 104
        + e2**2 * e3 / 16
    )
    return xp.where(diverges, xp.inf, 2.0**_STEPS * series / xp.sqrt(mean))
