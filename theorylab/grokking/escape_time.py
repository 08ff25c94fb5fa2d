r"""When a Fourier mode of a neuron escapes from a small start.

A neuron with $\sigma(z)=z^2$ and single-frequency weights of small strengths $\alpha$, $\beta$ and
misalignment $D$ follows the mode equations of `mode_invariants`, whose strengths diverge in finite
time. With the invariants $C=\alpha^2-2\beta^2$ and $Q=\alpha^2\beta\sin D$, $B=\beta^2$ obeys

$$\dot B = \frac{2\operatorname{sgn}(\cos D)}p\sqrt{B(C+2B)^2-Q^2}. \tag{1}$$

With $e_1$ the largest real root $B$ of the radicand, $e_2$ and $e_3$ the others, and Carlson's
integral $R_F$, the strengths diverge at

$$T = \frac p2\begin{cases}R_F(B-e_1,B-e_2,B-e_3)&\cos D\ge0\\
  2\,\Omega-R_F(B-e_1,B-e_2,B-e_3)&\cos D<0\end{cases}\qquad
  \Omega=R_F(0,e_1-e_2,e_1-e_3). \tag{2}$$

If $\cos D<0$ the strengths fall first, until $|D|=\pi/2$ at

$$t_{\pi/2} = \tfrac p2\big[\Omega - R_F(B-e_1,B-e_2,B-e_3)\big]. \tag{3}$$

Weight decay $\lambda$, added to the velocities of both strengths, only runs the flow by a clock
that stops, at $1/\lambda$:

$$\tau = (1-e^{-\lambda t})/\lambda, \tag{4}$$

so that a mode escapes iff $\lambda T<1$, at $-\ln(1-\lambda T)/\lambda$, and else decays to 0.
Special cases of Eq. (2), for $D=0$:

$$\alpha=\sqrt2\beta:\ \frac p{2\beta};\qquad
  C>0:\ \frac p{\sqrt{2C}}\Big[\frac\pi2-\arctan\Big(\beta\sqrt{\tfrac2C}\Big)\Big];\qquad
  C<0:\ \frac p{\sqrt{2|C|}}\operatorname{artanh}\frac{\sqrt{|C|/2}}\beta. \tag{5}$$

At $D=\pi$ and $C>0$, $\beta$ passes through 0, and the bracket is $\pi/2+\arctan$; for $C\le0$ the
mode comes to rest at $\alpha=0$ and never escapes. In between, for $C<0$, the time grows as the
logarithm of $\pi-|D|$, and for $\alpha\ll\beta$, to a relative error of
$\frac14(\alpha/\beta)^2$, it is

$$T=\frac p{2\beta}\ln\frac{2\sqrt2\,\beta}{\alpha|\cos\frac D2|}, \qquad
  t_{\pi/2}=\frac p{4\beta}\ln\big|\tan\tfrac D2\big|. \tag{6}$$

Proof: `proofs/grokking/escape_time.py`.
Claims: `grokking.first_escapes`, `grokking.survival`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for the mode equations; the times are
derived here.
"""

from __future__ import annotations

from typing import Any

from theorylab.grokking._modes import Orbit, elapsed, faint_time, faint_turn, orbit
from theorylab.grokking._modulus import odd_modulus
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require_finite, require_nonnegative
from theorylab.numerics.carlson import carlson_rf


def escape_time(
    modulus: int,
    input_strength: Reals,
    output_strength: Reals,
    misalignment: Reals,
    *,
    weight_decay: Reals = 0.0,
) -> Float[Array, "*batch"]:
    """When the strengths of a mode diverge, Eq. (2).

    Arguments:
        modulus: `p`, odd and `>= 3`; not traced.
        input_strength: `alpha`, amplitude of the input weights at the frequency; `>= 0`.
        output_strength: `beta`, amplitude of the output weights at the frequency; `>= 0`.
        misalignment: `D = 2 phi - psi`, of the phases of input and output weights; any real
            number. The floating-point pi counts as pi, and so do its multiples up to four, of
            either sign, as floating-point numbers.
        weight_decay: `lambda`; `>= 0`.

    Returns: `T`, broadcast over the arguments, an array of their library (NumPy by default), in
        step size times steps; infinite where the mode never escapes, and nowhere else unless it
        overflows. Inversely proportional to the strengths, if both are scaled. By Eq. (6) where
        `alpha / beta` is below half the root of the rounding. The relative error is a few roundings
        times the condition number: that of `T` as a function of `alpha`, `beta` and `D`, which is
        large only where both `C` and `pi - |D|` are small, and about `lambda T / (1 - lambda T)`
        where `lambda T` is close to 1. JAX's derivatives are right, but for second ones at `D = 0`,
        where they miss that of `|Q|`; infinite times have none.
    Assumes: quadratic activation, cross-entropy averaged over all `p^2` pairs, gradient flow,
        logits that stay small: of order one at the escape, which the divergence stands for.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    p, xp, given, decay, inside = _given(
        modulus, input_strength, output_strength, misalignment, weight_decay
    )
    at = orbit(xp, *given)
    return nan_outside(xp, inside, elapsed(xp, p * _over(xp, duration(xp, at), at.scale), decay))


def duration(xp: Any, at: Orbit) -> Array:
    """`T / p` without decay, in units of the orbit."""
    x = xp.where(at.escapes, at.x, xp.ones_like(at.x))
    time = carlson_rf(xp, x, at.total, at.product)
    return xp.where(at.faint, faint_time(xp, at) / 2, xp.where(at.escapes, time, xp.inf))


def turning_time(
    modulus: int,
    input_strength: Reals,
    output_strength: Reals,
    misalignment: Reals,
    *,
    weight_decay: Reals = 0.0,
) -> Float[Array, "*batch"]:
    """When `|D| = pi/2`, where the strengths without decay are smallest, Eq. (3).

    Arguments, errors, assumptions as of `escape_time`.

    Returns: the time, negative where it lies before the start, which is for `|D| < pi/2`; infinite
        if it never comes (`D = pi` and `C <= 0`, or `alpha = 0`), minus infinity if it never was
        (`D = 0` and `C <= 0`; a `|D|` below 1e-30 in single precision, and 1e-290 in double, may
        count as 0).
    """
    p, xp, given, decay, inside = _given(
        modulus, input_strength, output_strength, misalignment, weight_decay
    )
    at = orbit(xp, *given)
    # At half the period less u, B - e_1 is product / (B - e_1). R_F of that and the pair, all times
    # h^2 over the larger of h^2 and product: no entry is large, nor small but beside a large one.
    size = xp.maximum(at.h**2, at.product)
    share = at.h**2 / size
    rf = carlson_rf(xp, at.product / size, at.total * share, at.product * share**2)
    time = xp.where(at.faint, faint_turn(xp, at) / 2, -at.h / (2 * xp.sqrt(size)) * rf)
    return nan_outside(xp, inside, elapsed(xp, p * _over(xp, time, at.scale), decay))


def _over(xp: Any, time: Array, scale: Array) -> Array:
    """`time / scale`; infinite times have no slope."""
    finite = xp.isfinite(time)
    return xp.where(finite, xp.where(finite, time, xp.ones_like(time)) / scale, time)


def _given(modulus: int, alpha: Reals, beta: Reals, D: Reals, decay: Reals):
    p = odd_modulus(modulus)
    xp, (alpha, beta, D, decay) = arrays(
        input_strength=alpha, output_strength=beta, misalignment=D, weight_decay=decay
    )
    inside = require_nonnegative(input_strength=alpha, output_strength=beta, weight_decay=decay)
    inside = require_finite(misalignment=D) & inside
    # A traced value out of bounds must not disturb the rest.
    alpha, beta, D = (xp.where(inside, x, xp.ones_like(x)) for x in (alpha, beta, D))
    return p, xp, (alpha, beta, D), decay, inside
