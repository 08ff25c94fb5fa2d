r"""Logits of a network that adds modulo $p$ by groups of neurons, one group for each frequency.

The logit of answer $j$ to $x$ and $y$ depends on two of

$$d=x-y, \quad s=x+y, \quad u=j-s \pmod p, \tag{1}$$

the difference and the distance of $j$ from the right answer. An aligned neuron of frequency
$\omega=2\pi k/p$, input strength $\alpha$, output strength $\beta$ and phase $\phi$ gives, if it is
quadratic,

$$\alpha^2\beta\,(1+\cos\omega d)(1+\cos(\omega s+2\phi))\cos(\omega j+2\phi). \tag{2}$$

A group of $n$ at phases that cancel (`fourier_weights`) leaves, of a set of frequencies,

$$f=\sum_k\frac{a_k}2(1+\cos\omega_kd)\cos\omega_ku, \quad a_k=n\alpha_k^2\beta_k. \tag{3}$$

ReLU neurons at phases spread evenly over the circle leave (derived here)

$$f=\frac2{3\pi}\sum_ka_k\Big|\cos\frac{\omega_kd}2\Big|\cos\omega_ku,
  \quad a_k=n\alpha_k\beta_k, \tag{4}$$

as $n\to\infty$; `aliased_relu_logits` has the logits at finite $n$.

Proof: `proofs/grokking/fourier_logits.py`.
Claim: `grokking.flawed_logits`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.fourier_weights import per_frequency, require_frequencies, whole_numbers
from theorylab.grokking.network import activation_of
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, product, require_nonnegative


class Residues(NamedTuple):
    """What a logit depends on, Eq. (1), as NumPy's whole numbers from 0 to `p - 1`."""

    d: Array
    s: Array
    u: Array


def residues(modulus: int) -> Residues:
    """`d`, `s` and `u` of all pairs and answers, Eq. (1), that broadcast to axes `x`, `y`, `j`.

    `fourier_logits(r.d, r.u, p, a)` at `r = residues(p)` is laid out as `network_logits`.
    """
    x = np.arange(odd_modulus(modulus))
    y, j = x[:, None], x
    x = x[:, None, None]
    return Residues((x - y) % modulus, (x + y) % modulus, (j - x - y) % modulus)


def fourier_logits(
    d: Any,
    u: Any,
    modulus: int,
    feature_strengths: Reals,
    frequencies: Any = None,
    *,
    activation: str = "quadratic",
) -> Float[Array, "*batch"]:
    """Logits of groups of neurons whose phases cancel, Eq. (3), or Eq. (4) for ReLU.

    Arguments:
        d: `x - y`, whole numbers, not traced.
        u: `j - x - y`, whole numbers, not traced.
        modulus: `p`; odd and `>= 3`.
        feature_strengths: `a`, one for all frequencies or one for each, `n` times
            `input_strength**2 * output_strength`, for ReLU `input_strength * output_strength`;
            `>= 0`.
        frequencies: `k`; whole numbers from 1 to `(p - 1) / 2`, by default all of them. Not traced.
        activation: `"quadratic"` or `"relu"`.

    Returns: the logits, broadcast over `d` and `u`, of the arguments' library (NumPy by default).
    Assumes: aligned neurons, `psi = 2 phi`. ReLU: phases spread evenly over the circle.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    activation_of(np, activation)
    xp, a, (d, u) = strengths_and_residues(modulus, feature_strengths, d=d, u=u)
    k = require_frequencies(modulus, frequencies)
    inside = xp.all(require_nonnegative(feature_strengths=a))
    a = per_frequency(xp, k, feature_strengths=a)
    # Every difference with every distance, as one matrix product; then those asked for.
    (d, of_d), (u, of_u) = distinct(d), distinct(u)
    turns = k * d[:, None]
    if activation == "quadratic":
        gain = (1 + cosine(turns, modulus)) / 2
    else:
        gain = 2 / (3 * np.pi) * half_angle_cosine(turns, modulus)
    waves = cosine(k[:, None] * u, modulus)
    values = product(xp, a * xp.asarray(gain, dtype=a.dtype), xp.asarray(waves, dtype=a.dtype))
    return nan_outside(xp, inside, entries(xp, values, of_d, of_u))


def strengths_and_residues(
    modulus: int, feature_strengths: Reals, **integers: Any
) -> tuple[Any, Array, tuple[np.ndarray, ...]]:
    """The library of the arguments, the strengths in it, and the integers modulo `p` in NumPy."""
    p = odd_modulus(modulus)
    hosted = tuple(np.asarray(whole_numbers(name, x) % p) for name, x in integers.items())
    xp, (a, *_) = arrays(feature_strengths=feature_strengths, **integers)
    return xp, a, hosted


def distinct(whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different numbers among `whole`, and which of them each one is."""
    values, where = np.unique(whole, return_inverse=True)
    return values, np.reshape(where, whole.shape)


def entries(xp: Any, table: Array, rows: np.ndarray, columns: np.ndarray) -> Array:
    """Those of a matrix at `rows` and `columns`, which broadcast."""
    where = np.asarray(rows * table.shape[1] + columns)
    chosen = xp.take(xp.reshape(table, (-1,)), xp.asarray(where.ravel()))
    return xp.reshape(chosen, where.shape)


def cosine(turns: np.ndarray, modulus: int) -> np.ndarray:
    """`cos(2 pi turns / p)` of whole numbers, to rounding whatever their size."""
    return np.cos(2 * np.pi / modulus * np.arange(modulus))[turns % modulus]


def half_angle_cosine(turns: np.ndarray, modulus: int) -> np.ndarray:
    """`|cos(pi turns / p)|` of whole numbers."""
    return np.abs(np.cos(np.pi / modulus * np.arange(modulus)))[turns % modulus]
