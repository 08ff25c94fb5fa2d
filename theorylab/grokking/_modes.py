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

Of a faint mode, $\alpha\ll\beta$, these underflow. The outputs then stand still while the part of
$a$ along $e^{i\psi/2}$ grows and the part across it decays, both at the rate $2\beta/p$, and it is
aligned by the time $\beta$ grows. To a relative error of $\frac14(\alpha/\beta)^2$

$$T=\frac p{2\beta}\ln\frac{2\sqrt2\,\beta}{\alpha|\cos\frac D2|}, \qquad
  t_{\pi/2}=\frac p{4\beta}\ln\big|\tan\tfrac D2\big|. \tag{6}$$

Proof: `proofs/grokking/escape_time.py`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from theorylab.numerics.annotations import Array
from theorylab.numerics.arrays import is_foreign
from theorylab.numerics.roots import increasing_root

# Below it the first order of a clock is good to rounding, in double precision.
_SLOW = 1e-8

# In roots of the rounding: below this alpha / beta, Eq. (6) is good to a sixteenth of a rounding.
_FAINT = 0.5

# Of pi, in the misalignments of phases up to pi, or up to 2 pi, in size.
_MULTIPLES = (-4, -3, -2, -1, 1, 2, 3, 4)


class Orbit(NamedTuple):
    """Symbols of Eqs. (2) to (5), in units of `scale`; where `faint`, of another mode."""

    scale: Array
    """The larger strength, or 1 where both are 0."""
    faint: Array
    """Whether Eq. (6) is to be used; also where nothing moves."""
    alpha: Array
    """At the start, not in units."""
    beta: Array
    half_cos: Array
    half_sin: Array
    """`cos(D/2)` and `sin(D/2)`."""
    A1: Array
    B1: Array
    total: Array
    product: Array
    Q: Array
    h: Array
    x: Array
    escapes: Array
    """Whether it does, if not faint."""


def orbit(xp: Any, alpha: Array, beta: Array, D: Array) -> Orbit:
    """Eqs. (2) to (5) for strengths `>= 0`."""
    alpha, beta, D = xp.broadcast_arrays(alpha, beta, D)
    one = xp.ones_like(alpha)
    scale = xp.maximum(alpha, beta)
    scale = xp.where(scale > 0, scale, one)
    faint = alpha / scale <= _FAINT * float(xp.finfo(D.dtype).eps) ** 0.5
    half_cos, half_sin = _half_angle(xp, D)
    A, b = xp.where(faint, one, alpha / scale) ** 2, beta / scale
    Q = A * b * 2 * half_sin * half_cos
    H = A * b * xp.cos(D)
    C = A - 2 * b**2
    # A mode that starts at Q = 0 stays there: the slope of |Q| is none of its own.
    size = xp.where(Q == 0, xp.zeros_like(Q), xp.abs(Q))
    beta1 = _turning_strength(xp, C, size)
    B1 = beta1**2
    A1 = xp.where(C < 0, size / xp.where(C < 0, beta1, one), C + 2 * B1)
    total, product = A1 + B1, A1 * (A1 / 4 + B1)
    d = xp.sqrt(A**2 / 4 + B1 * (A + A1) / 2)
    h = H / (2 * d)
    after = h >= 0
    far = h**2 + d + xp.where(after, h, -h) * xp.sqrt(A + B1 + 2 * d)
    x = xp.where(after, far, product / far)
    mode = (scale, faint, alpha, beta, half_cos, half_sin)
    return Orbit(*mode, A1, B1, total, product, Q, h, x, x > 0)


def _half_angle(xp: Any, D: Array) -> tuple[Array, Array]:
    """`cos(D/2)` and `sin(D/2)`, where a multiple of the floating-point pi counts as that of pi.

    They and their slopes are then exact: a difference from the multiple, 0 itself, is left.
    """
    k = near = xp.zeros_like(D)
    pi = xp.asarray(math.pi, dtype=D.dtype)
    for count in _MULTIPLES:
        multiple = count * pi
        k = xp.where(multiple == D, xp.full_like(D, count), k)
        near = xp.where(multiple == D, multiple, near)
    left = (D - near) / 2
    cosine, sine = xp.cos(left), xp.sin(left)
    quarter = k - 4 * xp.floor(k / 4)
    odd = (quarter == 1) | (quarter == 3)
    sign = xp.where(quarter < 2, xp.ones_like(D), -xp.ones_like(D))
    return xp.where(odd, -sine, cosine) * sign, xp.where(odd, cosine, sine) * sign


def faint_time(xp: Any, at: Orbit) -> Array:
    """`2 beta T / p` of Eq. (6), infinite where there is no escape."""
    ends = (at.alpha > 0) & (at.half_cos != 0)
    one = xp.ones_like(at.alpha)
    log = lambda x: xp.log(xp.where(ends, x, one))
    # Ratios would overflow.
    time = 1.5 * math.log(2) + log(at.scale) - log(at.alpha) - log(xp.abs(at.half_cos))
    return xp.where(ends, time, xp.inf)


def faint_turn(xp: Any, at: Orbit) -> Array:
    """`2 beta` times the turning time over `p`, Eq. (6)."""
    one = xp.ones_like(at.alpha)
    log = lambda x: xp.log(xp.where(x == 0, one, xp.abs(x)))
    turn = (log(at.half_sin) - log(at.half_cos)) / 2
    turn = xp.where(at.half_sin == 0, -xp.inf, turn)
    return xp.where((at.half_cos == 0) | (at.alpha == 0), xp.inf, turn)


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
    held = xp.where(finite, tau, xp.ones_like(tau))
    z = decay * held
    lost = finite & (z >= 1)
    moved = (xp.abs(z) > _SLOW) & (z < 1)
    safe = xp.where(moved, z, xp.full_like(z, 0.5))
    t = held * xp.where(moved, -xp.log1p(-safe) / safe, 1 + z / 2)
    return xp.where(lost, xp.inf, xp.where(finite, t, tau))


def amplitudes(*beside: Any, **quantities: Any) -> tuple[Any, tuple[Array, ...]]:
    """The array library of complex amplitudes, and each of them as a complex array of it.

    Arguments: the amplitudes by name; before them others, whose library counts as well.

    Raises: `TypeError` for what is no number or an array of them; `ValueError` for what is not
        finite.
    """
    foreign = [x for x in (*beside, *quantities.values()) if is_foreign(x)]
    xp: Any = array_api_compat.array_namespace(*foreign) if foreign else np
    found = []
    for name, value in quantities.items():
        if not is_foreign(value):
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


def complex_default(xp: Any) -> Any:
    """The complex dtype of the library's default real one."""
    return xp.complex64 if xp.asarray(1.0).dtype == xp.float32 else xp.complex128


def complex_of(xp: Any, real: Array, imaginary: Array) -> Array:
    """A complex array of its parts."""
    dtype = xp.complex64 if real.dtype == xp.float32 else xp.complex128
    value = xp.astype(real, dtype) + 1j * xp.astype(imaginary, dtype)
    return value if value.ndim else value[()]
