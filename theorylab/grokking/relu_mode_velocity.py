r"""How a single-frequency neuron with ReLU starts to move, and into which harmonics it leaks.

A neuron of weights $\theta[x]=\alpha\cos A$, $A=2\pi kx/p+\phi$, and
$\xi[j]=\beta\cos(2\pi kj/p+\psi)$, with $D=2\phi-\psi$, follows, while all logits are small and as
$p\to\infty$, the gradient flow of the cross-entropy averaged over pairs by

$$\dot\theta[x]=\frac{2\beta}{\pi p}\,|\sin A|\cos(A-D), \qquad
  \dot\xi[j]=\frac{2\alpha}{\pi p}
  \Big(\big|\cos(\tfrac{\pi kj}p+\phi)\big|-\frac2\pi\Big). \tag{1}$$

On the frequency $k$ itself that is, for $a=\alpha e^{i\phi}$, $b=\beta e^{i\psi}$ and
$c=8/(3\pi^2p)$,

$$\dot\alpha=c\beta\cos D,\quad \dot\beta=c\alpha\cos D,\quad
  \dot\phi=-2c\,\tfrac\beta\alpha\sin D,\quad \dot\psi=c\,\tfrac\alpha\beta\sin D, \tag{2}$$
$$\dot a=\frac c2\Big(\frac{3\bar ab}{\alpha}-\frac{a^3\bar b}{\alpha^3}\Big), \qquad
  \dot b=c\,\frac{a^2}\alpha. \tag{3}$$

The equations do not close. Velocities of other harmonics of $k$, over that of $k$ itself, are

$$\text{output, } r\ge1:\ \frac3{4r^2-1}; \qquad
  \text{input, odd } n:\ \frac3{n\,|n^2-4|}
  \sqrt{\frac{n^2\cos^2D+4\sin^2D}{\cos^2D+4\sin^2D}}, \tag{4}$$

and 0 for even $n$. What counts at finite $p$ is $N=p/\gcd(k,p)$, how many values the weights have:
the output is off by order $N^{-2}$, about $3/N^2$ of it. The sum over pairs for the input ends at a
step between two of its terms, at the same place between them for all $x$, which adds a square wave
in $A$. Its share $\epsilon$ of the velocity at $k$, and what it changes the ratio at $n$ by, are to
first order

$$|\epsilon|\le\frac{3\pi}{2N}\frac{|\cos D|}{\sqrt{\cos^2D+4\sin^2D}}\le\frac{3\pi}{2N},
  \tag{5}$$
$$\frac{3\pi}{2N}\,|\sin2D|\,\Big|\frac{n^2-4}{3(n^2\cos^2D+4\sin^2D)}
  +\frac1{\cos^2D+4\sin^2D}\Big| \text{ of it at most} \tag{6}$$

for $n\ge3$. For $n=3$, where the ratio is up to $3/5$, that is up to $1.44/N$.

Proof: `proofs/grokking/relu_mode_velocity.py`.
Claim: `grokking.relu_velocity`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849, for the setting; Eqs. (1) to (6) are
derived here.
"""

from __future__ import annotations

import math

from theorylab.grokking._modes import amplitudes, complex_of
from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.mode_invariants import ModeVelocity
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_finite, whole_number


def relu_mode_velocity(
    modulus: int, input_amplitude: Array, output_amplitude: Array
) -> ModeVelocity:
    """Velocities of the complex amplitudes of one mode at its own frequency, Eq. (3).

    Arguments:
        modulus: `p`, odd and `>= 3`; not traced.
        input_amplitude: `a`, a complex number or an array of them; not 0.
        output_amplitude: `b`, likewise; any.

    Returns: the derivatives of `a` and `b` by step size times steps, complex arrays of the library
        of the amplitudes (NumPy by default).
    Assumes: ReLU, weights of one frequency `k`, small logits, large `p / gcd(k, p)` (for prime
        `p`, large `p`), cross-entropy averaged over all `p^2` pairs. Errors at finite `p` are those
        of Eq. (5).
    Raises: `ValueError` for amplitudes that are not finite or an `a` of 0; under `jit`, NaN
        instead.
    """
    p = odd_modulus(modulus)
    xp, (a, b) = amplitudes(input_amplitude=input_amplitude, output_amplitude=output_amplitude)
    size = xp.abs(a)
    require(size > 0, "nonzero", input_amplitude=size)
    c = 8 / (3 * math.pi**2 * p)
    # Division of complex numbers overflows, and the size of tiny ones has few digits.
    parts = xp.real(a), xp.imag(a)
    larger = xp.maximum(*(xp.abs(part) for part in parts))
    unit = [part / larger for part in parts]
    unit = complex_of(xp, *(part / xp.hypot(*unit) for part in unit))
    return ModeVelocity(
        c / 2 * (3 * xp.conj(unit) * b - unit**3 * xp.conj(b)), c * unit * a + 0 * b
    )


def relu_output_leakage(harmonic: int) -> float:
    """Velocity of the output weights at `r` times their frequency over that at it, Eq. (4).

    Arguments:
        harmonic: `r`, a whole number `>= 1`; not traced.

    Assumes: as `relu_mode_velocity`.
    """
    r = whole_number("harmonic", harmonic, 1)
    return 3 / (4 * r**2 - 1)


def relu_input_leakage(harmonic: int, misalignment: Reals = 0.0) -> Float[Array, "*batch"]:
    """Velocity of the input weights at `n` times their frequency over that at it, Eq. (4).

    Arguments:
        harmonic: `n`, a whole number `>= 1`; not traced.
        misalignment: `D`; any real number.

    Returns: the ratio of the sizes of the two complex velocities, an array of the library of
        `misalignment` (NumPy by default). At finite `p` it is off by Eq. (6).
    Assumes: as `relu_mode_velocity`.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    n = whole_number("harmonic", harmonic, 1)
    xp, (D,) = arrays(misalignment=misalignment)
    inside = require_finite(misalignment=D)
    along, across = xp.cos(D) ** 2, 4 * xp.sin(D) ** 2
    ratio = xp.sqrt((n**2 * along + across) / (along + across))
    scale = 3 / (n * abs(n**2 - 4)) if n % 2 else 0.0
    return nan_outside(xp, inside, scale * ratio)
