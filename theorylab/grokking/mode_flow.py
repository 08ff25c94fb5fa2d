r"""Amplitudes of a Fourier mode in time, from a small start to its escape.

The mode equations of `mode_invariants`, $\dot a=\frac2p\bar ab$ and $\dot b=\frac1pa^2$, are solved
by Weierstrass' function of the invariants $C$ and $Q$: with $u=\frac2p(T-t)$ and the escape time
$T$,

$$\beta^2=\wp(u)-\tfrac13C, \quad \alpha^2=2\wp(u)+\tfrac13C, \quad
  g_2=\tfrac13C^2, \quad g_3=\tfrac1{27}C^3+Q^2, \tag{1}$$
$$\phi=\phi_T+\Phi(u), \qquad \Phi=Q\int_0^u\frac{du'}{\alpha^2}, \qquad
  b=a^2\,\frac{H-iQ}{\alpha^4}, \qquad H=\alpha^2\beta\cos D=-\wp'(u). \tag{2}$$

All are built up from a small $u$, where they are short series, by doubling it. With
$x=\wp(u)-e_1=\beta^2-e_1'$, $h=\sqrt x$, and $\Sigma=A_1+B_1$, $\Pi=A_1(\frac14A_1+B_1)$ of the
least strengths $\alpha^2=A_1$, $\beta^2=B_1=e_1'$,

$$h(2u)=\frac{x^2-\Pi}{2hd}, \qquad d^2=x^2+\Sigma x+\Pi, \qquad H=2hd, \tag{3}$$
$$\Phi(2u)=2\Phi(u)+\arg\Big(\frac{\alpha^6+4Q^2}{4H}+iQ\Big), \tag{4}$$

where $h$ takes the sign of $\cos D$. Together Eqs. (3) and (4) are a duplication theorem of the
amplitudes: for phases that end at 0,

$$a(2u)=\frac{(|a|^2+2|b|^2)\,a^2-2\bar a^2b^2}{2\sqrt2\,H}, \qquad
  b(2u)=\frac{4|a|^2b^2-a^4}{4H}. \tag{5}$$

A mode that starts at $D=\pi$ with $C\le0$ never escapes: with $r=\sqrt{|C|/2}$ and $s=t/p$,

$$\alpha=\frac{\alpha_0}{\cosh2rs+\beta_0\,r^{-1}\sinh2rs}, \qquad
  \beta^2=r^2+\tfrac12\alpha^2, \tag{6}$$

where $\dot\phi=-\frac2pQ/\alpha^2$ and Eq. (2) for $b$ hold to first order about $Q=0$. A faint
one, $\alpha_0\ll\beta_0$, is to a relative error of order $(\alpha_0/\beta_0)^2$, with
$g=2\beta_0s$ and $E=\alpha_0\cos\frac D2\,e^g/(2\sqrt2\beta_0)$, which escapes at 1,

$$a=\alpha_0e^{i\psi/2}\Big(\frac{e^g\cos\frac D2}{1-E^2}+ie^{-g}\sin\tfrac D2\Big), \qquad
  b=\beta_0e^{i\psi}\,\frac{1+E^2}{1-E^2}. \tag{7}$$

Weight decay $\lambda$ multiplies the amplitudes by $e^{-\lambda t}$, taken at $\tau=(1-e^{-\lambda
t})/\lambda$ for $t$.

Proof: `proofs/grokking/mode_flow.py`.
Claims: `grokking.mode_growth`, `grokking.logit_correction`, `grokking.descent_error`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for the mode equations; their solution is
derived here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from theorylab.grokking._modes import Orbit, complex_of, orbit, slowed
from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.escape_time import duration
from theorylab.numerics.annotations import Array, Reals
from theorylab.numerics.arrays import arrays, require_finite, require_nonnegative
from theorylab.numerics.repetition import repeated

# To u sqrt(Sigma) < 0.2 from 80, more than a period where alpha turns at 1e-8 of 1e-8 beta.
_DOUBLINGS = 9

# Roundings of the escape time before it in which its side of it is not known.
_UNCERTAIN = 8


class ModeAmplitudes(NamedTuple):
    """Complex amplitudes of one mode: `a = alpha e^(i phi)` and `b = beta e^(i psi)`."""

    input_amplitude: Array
    output_amplitude: Array


def mode_flow(
    t: Reals,
    modulus: int,
    input_strength: Reals,
    output_strength: Reals,
    input_phase: Reals,
    output_phase: Reals,
    *,
    weight_decay: Reals = 0.0,
) -> ModeAmplitudes:
    """Amplitudes of input and output weights at time `t`, Eqs. (1) to (7).

    Arguments:
        t: step size times steps; `>= 0`.
        modulus: `p`, odd and `>= 3`; not traced.
        input_strength: `alpha` at the start; `>= 0`.
        output_strength: `beta` at the start; `>= 0`.
        input_phase: `phi` at the start; any real number.
        output_phase: `psi` at the start; any real number.
        weight_decay: `lambda`; `>= 0`.

    Returns: `a` and `b`, broadcast over the arguments, complex arrays of their library (NumPy by
        default), to compare with `fourier_coefficients` of the weights. NaN from the escape time
        on, and for 8 roundings of it before. Relative to the larger amplitude the error is some
        tens of roundings, times what time itself is amplified by: `T` over the time in which the
        amplitudes change, near the escape `T` over what is left of it. JAX's derivatives are right,
        of starts that never escape too, but where both `D = pi` and `C = 0`. At `D = pi`, `C < 0`
        those by phases grow as `alpha` decays, and are cut off at about 1e120 (1e15 in single
        precision).
    Assumes: quadratic activation, cross-entropy averaged over all `p^2` pairs, gradient flow,
        logits that stay small.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    p = odd_modulus(modulus)
    xp, given = arrays(
        t=t,
        input_strength=input_strength,
        output_strength=output_strength,
        input_phase=input_phase,
        output_phase=output_phase,
        weight_decay=weight_decay,
    )
    t, alpha, beta, phi, psi, decay = given
    inside = require_nonnegative(
        t=t, input_strength=alpha, output_strength=beta, weight_decay=decay
    )
    inside = require_finite(input_phase=phi, output_phase=psi) & inside
    t, alpha, beta, phi, psi = (
        xp.where(inside, x, xp.ones_like(x)) for x in (t, alpha, beta, phi, psi)
    )
    at = orbit(xp, alpha, beta, 2 * phi - psi)
    time = at.scale * slowed(xp, t, decay) / p
    whole = 2 * duration(xp, at)
    one = xp.ones_like(whole)
    finite = xp.isfinite(whole)
    whole = xp.where(finite, whole, one)
    u = whole - 2 * time
    ended = finite & (u <= _UNCERTAIN * float(xp.finfo(u.dtype).eps) * whole)
    # From the escape on, and where there is none, any number that does no harm.
    escapes = finite & ~at.faint
    start = _reached(xp, at, xp.where(escapes, whole, one))
    now = _reached(xp, at, xp.where(escapes & ~ended, u, one))
    phi_now = phi + now.Phi - start.Phi
    escaping = _turned(xp, phi_now, xp.sqrt(now.A), now.H / now.A, at.Q / now.A)
    resting = _resting(xp, at, phi, time)
    limit = xp.where(finite, whole + 1, math.log(float(xp.finfo(u.dtype).max)) * one)
    faint = _faint(xp, at, psi, time, limit)
    shrunk = xp.where(inside & ~ended, at.scale * xp.exp(-decay * t), xp.nan)
    a_re, a_im, b_re, b_im = (
        shrunk * xp.where(at.faint, weak, xp.where(escapes, moving, still))
        for weak, moving, still in zip(faint, escaping, resting, strict=True)
    )
    return ModeAmplitudes(complex_of(xp, a_re, a_im), complex_of(xp, b_re, b_im))


class _Reached(NamedTuple):
    A: Array
    H: Array
    Phi: Array


def _reached(xp: Any, at: Orbit, u: Array) -> _Reached:
    """`alpha^2`, `H` and `Phi` at `0 < u <= 2 Omega`, Eqs. (3) and (4), in units of the orbit."""
    A1, total, product, Q = at.A1, at.total, at.product, at.Q
    C = A1 - 2 * at.B1
    e1 = total / 3
    g2 = 12 * e1**2 - 4 * product
    g3 = 4 * e1 * (product - 2 * e1**2)
    c2, c3 = g2 / 20, g3 / 28
    c4, c5 = c2**2 / 3, 3 * c2 * c3 / 11
    c6 = (2 * c2**3 + 3 * c3**2) / 39
    u = u * 2.0**-_DOUBLINGS
    z = u**2
    x = 1 / z - e1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * c6))))
    Phi = Q * u * z * (1 / 6 - C * z / 60 + ((C / 6) ** 2 - c2) * z**2 / 14)

    def double(state):
        h, Phi = state
        x = h**2
        d = xp.sqrt(x**2 + total * x + product)
        H, A = 2 * xp.where(h > 0, h, -h) * d, A1 + 2 * x
        # A^3 would overflow in single precision.
        angle = xp.atan2(Q, A**2 * (A / (4 * H)) + Q**2 / H)
        return (x**2 - product) / H, 2 * Phi + angle

    h, Phi = repeated(xp, double, tuple(xp.broadcast_arrays(xp.sqrt(x), Phi)), _DOUBLINGS)
    x = h**2
    return _Reached(A1 + 2 * x, 2 * h * xp.sqrt(x**2 + total * x + product), Phi)


def _turned(xp: Any, phi: Array, alpha: Array, along: Array, across: Array) -> tuple[Array, ...]:
    """Parts of `a` and, by Eq. (2), of `b`, whose `beta cos D` and `beta sin D` are given."""
    cosine, sine = xp.cos(2 * phi), xp.sin(2 * phi)
    return (
        alpha * xp.cos(phi),
        alpha * xp.sin(phi),
        along * cosine + across * sine,
        along * sine - across * cosine,
    )


def _resting(xp: Any, at: Orbit, phi: Array, time: Array) -> tuple[Array, ...]:
    """Parts of the amplitudes of a mode that never escapes, Eq. (6), in units of the orbit.

    Its `Q` is 0, but not the slopes of `Q`.
    """
    beta = at.beta / at.scale
    r = xp.sqrt(xp.where(at.B1 > 0, at.B1, xp.ones_like(at.B1)))
    r = xp.where(at.B1 > 0, r, xp.zeros_like(r))
    fading = xp.exp(-2 * r * time)
    # (1 - fading^2) / (2 r), which is 2 time at r = 0.
    grown = 2 * slowed(xp, time, 4 * r)
    h0 = xp.abs(at.h)
    h = h0 * fading / ((1 + fading**2) / 2 + beta * grown)
    # (alpha_0 / alpha)^2 and its integral, which multiply 0 here, may not overflow.
    most = math.log(float(xp.finfo(time.dtype).max)) / 5
    s = xp.minimum(time, most / (2 * r + most * math.exp(-most)))
    z = 2 * r * s
    small = z < 0.5
    y, z = z**2, xp.where(small, xp.ones_like(z), z)
    ramp, excess = (
        xp.where(small, sum(c * y**n for n, c in enumerate(series)), exact)
        for series, exact in (
            (_RAMP, xp.sinh(z) / z),
            (_EXCESS, (xp.sinh(2 * z) / (2 * z) - 1) / (2 * z**2)),
        )
    )
    v = 2 * beta * s
    squared = (xp.sqrt(1 + y * ramp**2) + v * ramp) ** 2
    integral = s * (1 + v * ramp**2 + (y + v**2) * excess)
    Q = at.Q / (at.A1 + 2 * h0**2)
    B = at.B1 + h**2
    strength = xp.where(B > 0, xp.sqrt(xp.where(B > 0, B, xp.ones_like(B))), h)
    return _turned(xp, phi - 2 * Q * integral, 2**0.5 * h, -strength, Q * squared)


# Series of sinh(z) / z and of (sinh(2z) / 2z - 1) / 2z^2 by powers of z^2, to rounding at z = 1/2.
_RAMP = tuple(1 / math.factorial(2 * n + 1) for n in range(7))
_EXCESS = tuple(2 ** (2 * n + 1) / math.factorial(2 * n + 3) for n in range(9))


def _faint(xp: Any, at: Orbit, psi: Array, time: Array, limit: Array) -> tuple[Array, ...]:
    """Parts of the amplitudes of a faint mode, Eq. (7), in units of the orbit."""
    beta = at.beta / at.scale
    one = xp.ones_like(beta)
    root = xp.exp(xp.where(at.faint, xp.minimum(2 * beta * time, limit), 0 * one) / 2)
    # In halves: where alpha / beta is beyond the range of floats, so is exp(g).
    half = xp.sqrt(at.scale)
    grown = at.alpha / half * (root / half) * at.half_cos * root
    E2 = xp.where(at.faint, grown, one) ** 2 / 8
    E2 = xp.where(E2 < 1, E2, 0.5 * one)
    along, across = grown / (1 - E2), at.alpha / at.scale / root / root * at.half_sin
    beta = beta * (1 + E2) / (1 - E2)
    cosine, sine = xp.cos(psi / 2), xp.sin(psi / 2)
    return (
        along * cosine - across * sine,
        along * sine + across * cosine,
        beta * xp.cos(psi),
        beta * xp.sin(psi),
    )
