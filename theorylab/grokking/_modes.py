r"""What escape time and flow of a mode share: its orbit, its clock under decay, its amplitudes.

In units of the larger strength, and of time $p$ over it, $A=\alpha^2$ and $B=\beta^2$ obey

$$\dot B = 2H,\quad A = C + 2B,\quad H = \mathrm{Re}(a^2\bar b),\quad
  H^2 = BA^2 - Q^2 = 4(B-B_1)(B-B_2)(B-B_3). \tag{1}$$

The largest real root $B_1$, and $A_1 = C + 2B_1$, are where the strengths turn:

$$2\beta_1^3 + C\beta_1 = |Q|, \qquad B_1=\beta_1^2, \qquad A_1\beta_1 = |Q|. \tag{2}$$

The other two, real or conjugate, enter by

$$\Sigma = (B_1-B_2)+(B_1-B_3) = A_1+B_1, \qquad
  \Pi = (B_1-B_2)(B_1-B_3) = A_1\big(\tfrac14A_1+B_1\big), \tag{3}$$
$$d^2 = (B-B_2)(B-B_3) = \tfrac14A^2+\tfrac12B_1(A+A_1), \qquad h = \frac{H}{2d},\quad h^2=B-B_1.
  \tag{4}$$

The sign of $h$ is that of $\cos D$. The time to the divergence is half of $R_F(h^2)$ after the
turn, and by Eq. (2) of `numerics/carlson.py` equals $R_F(x)$ at

$$x = h^2 + d + h\sqrt{2h^2 + \Sigma + 2d}, \tag{5}$$

which holds before the turn as well, where $h<0$ and $x$ is better had as $\Pi$ over the same with
$-h$. Beyond $C$ nothing is subtracted.

Proof: `proofs/grokking/escape_time.py`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from theorylab.numerics.annotations import Array
from theorylab.numerics.roots import increasing_root

# Below it the first order of a clock is good to rounding, in double precision.
_SLOW = 1e-8


class Orbit(NamedTuple):
    """Symbols of Eqs. (2) to (5), in units of `scale`."""

    scale: Array
    A1: Array
    B1: Array
    total: Array
    product: Array
    Q: Array
    h: Array
    x: Array
    moves: Array
    """Whether `alpha > 0`."""
    escapes: Array


def orbit(xp: Any, alpha: Array, beta: Array, D: Array) -> Orbit:
    """Eqs. (2) to (5) for strengths `>= 0`; where nothing moves, numbers of no meaning."""
    alpha, beta, D = xp.broadcast_arrays(alpha, beta, D)
    one, zero = xp.ones_like(alpha), xp.zeros_like(alpha)
    scale = xp.maximum(alpha, beta)
    scale = xp.where(scale > 0, scale, one)
    A, beta = (alpha / scale) ** 2, beta / scale
    moves = A > 0
    A = xp.where(moves, A, one)
    # The number nearest to pi stands for pi.
    opposed = xp.abs(D) == xp.asarray(math.pi, dtype=D.dtype)
    Q = A * beta * xp.where(opposed, zero, xp.sin(D))
    H = A * beta * xp.where(opposed, -one, xp.cos(D))
    C = A - 2 * beta**2
    beta1 = _turning_strength(xp, C, xp.abs(Q))
    B1 = beta1**2
    A1 = xp.where(C < 0, xp.abs(Q) / xp.where(C < 0, beta1, one), C + 2 * B1)
    total, product = A1 + B1, A1 * (A1 / 4 + B1)
    d = xp.sqrt(A**2 / 4 + B1 * (A + A1) / 2)
    h = H / (2 * d)
    after = h >= 0
    far = h**2 + d + xp.where(after, h, -h) * xp.sqrt(A + B1 + 2 * d)
    x = xp.where(after, far, product / far)
    return Orbit(scale, A1, B1, total, product, Q, h, x, moves, moves & (x > 0))


def _turning_strength(xp: Any, C: Array, size: Array) -> Array:
    """`beta_1`, the largest root of Eq. (2), `size` being `|Q|`."""
    zero, one = xp.zeros_like(C), xp.ones_like(C)
    rests = (C == 0) & (size == 0)  # at a triple root, of no slope
    size = xp.where(rests, one, size)
    residual = lambda b: (2 * b**2 + C) * b - size
    slope = lambda b: 6 * b**2 + C
    low = xp.sqrt(xp.maximum(-C, zero) / 2)
    root = increasing_root(xp, residual, slope, low, low + (size / 2) ** (1 / 3))
    return xp.where(rests, zero, root)


def slowed(xp: Any, t: Array, decay: Array) -> Array:
    """`tau = (1 - exp(-decay t)) / decay`: how far the flow without decay has come."""
    z = decay * t
    moved = z > _SLOW
    safe = xp.where(moved, z, xp.ones_like(z))
    return t * xp.where(moved, -xp.expm1(-safe) / safe, 1 - z / 2)


def elapsed(xp: Any, tau: Array, decay: Array) -> Array:
    """The inverse of `slowed`: `t = -ln(1 - decay tau) / decay`, infinite where there is none."""
    finite = xp.isfinite(tau)
    z = decay * xp.where(finite, tau, xp.ones_like(tau))
    lost = finite & (z >= 1)
    moved = (xp.abs(z) > _SLOW) & (z < 1)
    safe = xp.where(moved, z, xp.full_like(z, 0.5))
    t = tau * xp.where(moved, -xp.log1p(-safe) / safe, 1 + z / 2)
    return xp.where(lost, xp.inf, t)


def amplitudes(**quantities: Any) -> tuple[Any, tuple[Array, ...]]:
    """The array library of complex amplitudes, and each of them as a complex array of it.

    Raises: `TypeError` for what is no number or an array of them; `ValueError` for what is not
        finite.
    """
    foreign = [x for x in quantities.values() if _is_foreign(x)]
    xp: Any = array_api_compat.array_namespace(*foreign) if foreign else np
    found = []
    for name, value in quantities.items():
        if not _is_foreign(value):
            value = np.asarray(value)
            if value.dtype.kind not in "iufc":
                raise TypeError(f"`{name}` must be a number or an array of them")
            value = xp.asarray(value)
        if not xp.isdtype(value.dtype, "complex floating"):
            single = value.dtype == xp.float32
            value = xp.astype(value, xp.complex64 if single else complex_default(xp))
        found.append(value)
    for name, value in zip(quantities, found, strict=True):
        try:
            finite = bool(xp.all(xp.isfinite(value)))
        except TypeError:  # traced
            continue
        if not finite:
            raise ValueError(f"`{name}` must be finite everywhere")
    return xp, tuple(found)


def _is_foreign(value: Any) -> bool:
    return not isinstance(value, np.ndarray | np.generic) and array_api_compat.is_array_api_obj(
        value
    )


def complex_default(xp: Any) -> Any:
    """The complex dtype of the library's default real one."""
    return xp.complex64 if xp.asarray(1.0).dtype == xp.float32 else xp.complex128


def complex_of(xp: Any, real: Array, imaginary: Array) -> Array:
    """A complex array of its parts."""
    dtype = xp.complex64 if real.dtype == xp.float32 else xp.complex128
    value = xp.astype(real, dtype) + 1j * xp.astype(imaginary, dtype)
    return value if value.ndim else value[()]
