r"""Mixtures of few patterns in the Hopfield model at low load.

$K$ patterns, finitely many as $N\to\infty$. The free energy per spin and its stationary points are

$$f(m) = \tfrac12|m|^2 - T\langle\ln 2\cosh\beta\,\xi\cdot m\rangle, \qquad
  m_\mu = \langle\xi^\mu\tanh\beta\,\xi\cdot m\rangle, \tag{1}$$

averages over the $2^K$ signs of a site. In a symmetric mixture $m_\mu=m$ for $n$ patterns and 0 for
the others; with the binomial sum $z=\sum_{\mu\le n}\xi^\mu$,

$$m=\tfrac1n\langle z\tanh\beta mz\rangle, \quad q=\langle\tanh^2\beta mz\rangle, \quad
  \tilde Q=\Big\langle\frac{z^2-n}{n(n-1)}\tanh^2\beta mz\Big\rangle, \tag{2}$$

and the Hessian of $f$ has the eigenvalues

$$\lambda_1=1-\beta(1-q)+\beta(n-1)\tilde Q, \quad \lambda_2=1-\beta(1-q)-\beta\tilde Q, \quad
  \lambda_3=1-\beta(1-q) \tag{3}$$

(once, $n-1$ times, $K-n$ times). Even mixtures are never stable; odd ones below the $T_n$ at which
$\lambda_2=0$: 0.459794 for three patterns, where graphs were read as 0.461.

Proof: `proofs/hopfield/mixture_overlap.py`. Claim: `mixture_states`.
Reference: Amit, Gutfreund & Sompolinsky (1985), Phys. Rev. A 32, 1007.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_nonnegative, require_positive


class MixtureStability(NamedTuple):
    """Eigenvalues of the Hessian at a symmetric mixture, Eq. (3).

    `along` the mixture itself, `between` its patterns (NaN for one), `towards` other patterns.
    """

    along: Float[Array, "*batch"]
    between: Float[Array, "*batch"]
    towards: Float[Array, "*batch"]


def mixture_overlap(num_patterns: int, temperature: Reals) -> Float[Array, "*batch"]:
    """The overlap `m` of a symmetric mixture with each of its patterns, Eq. (2).

    Arguments:
        num_patterns: `n`, how many patterns are mixed; `>= 1`.
        temperature: `T`; `>= 0`. From 1 on `m = 0`.

    Returns: the largest solution, in NumPy float64, of the shape of `temperature`.
    Assumes: few patterns, independent fair signs, N infinite.
    Raises: `ValueError` for arguments out of bounds.
    """
    n = _count(num_patterns)
    T = np.array(temperature, float)
    require_nonnegative(temperature=T)
    z, weights = _binomial(n)
    size = (np.abs(z) * weights).sum() / n  # at T = 0
    safe = np.where((T > 0) & (T < 1), T, 0.5)[..., None]
    # The map is concave and increasing in m > 0: from above, Newton's iteration falls to the root.
    m = np.full(T.shape, size)
    for _ in range(200):
        tanh = np.tanh(m[..., None] * z / safe)
        excess = (z * tanh * weights).sum(-1) / n - m
        slope = (z**2 * (1 - tanh**2) / safe * weights).sum(-1) / n - 1
        step = -excess / slope
        m = np.clip(m + step, 0, size)
        if np.all(np.abs(step) <= 1e-16 + 1e-14 * m):
            break
    return np.where(T == 0, size, np.where(T < 1, m, 0.0))[()]


def mixture_stability(num_patterns: int, temperature: Reals) -> MixtureStability:
    """The eigenvalues of the Hessian at a symmetric mixture, Eq. (3); stable where all are > 0.

    Arguments and errors as of `mixture_overlap`, but `temperature > 0`.
    """
    n = _count(num_patterns)
    T = np.array(temperature, float)
    require_positive(temperature=T)
    z, weights = _binomial(n)
    m = np.asarray(mixture_overlap(n, T))
    tanh2 = np.tanh(m[..., None] * z / T[..., None]) ** 2
    towards = 1 - (1 - (tanh2 * weights).sum(-1)) / T
    if n == 1:
        return MixtureStability(towards, np.full_like(towards, np.nan), towards)
    pair = ((z**2 - n) * tanh2 * weights).sum(-1) / (n * (n - 1)) / T
    return MixtureStability(towards + (n - 1) * pair, towards - pair, towards)


def mixture_threshold(num_patterns: int) -> float:
    """`T_n`, below which a symmetric mixture of an odd number of patterns is locally stable.

    Arguments:
        num_patterns: `n`; odd, `>= 3` (one pattern is stable below 1, even numbers never are).

    Raises: `ValueError` for another number.
    """
    n = _count(num_patterns)
    if n < 3 or n % 2 == 0:
        raise ValueError(f"`num_patterns` must be odd and >= 3 for a threshold; got {n}")
    between = lambda T: float(mixture_stability(n, T).between)
    low, high = 0.05, 0.95
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if between(middle) > 0 else (low, middle)
    return (low + high) / 2


def low_load_free_energy(overlaps: Reals, temperature: Reals) -> Float[Array, "*batch"]:
    """`f(m)`, Eq. (1), per spin.

    Arguments:
        overlaps: `m`, with the patterns on the last axis; 16 at most.
        temperature: `T`; `> 0`, broadcast with the other axes.

    Raises: `ValueError` for arguments out of bounds.
    """
    m, T, field = _fields(overlaps, temperature)
    size = np.abs(field) / T[..., None]
    log_cosh = (size + np.log1p(np.exp(-2 * size))).mean(-1)
    return ((m**2).sum(-1) / 2 - T * log_cosh)[()]


def overlap_map(overlaps: Reals, temperature: Reals) -> Float[Array, "*batch patterns"]:
    """The right side of the equations of state (1): a stationary point is mapped to itself.

    One parallel sweep of heat-bath dynamics, and the drift of the sequential one. Arguments and
    errors as of `low_load_free_energy`.
    """
    m, T, field = _fields(overlaps, temperature)
    return np.tanh(field / T[..., None]) @ sign_columns(m.shape[-1]) / field.shape[-1]


def _fields(overlaps: Reals, temperature: Reals) -> tuple[np.ndarray, np.ndarray, Any]:
    m = np.asarray(overlaps, float)
    T = np.asarray(temperature, float)
    require_positive(temperature=T)
    if m.ndim == 0 or not 1 <= m.shape[-1] <= 16:
        raise ValueError(f"`overlaps` must have 1 to 16 patterns as last axis; got {m.shape}")
    if not np.all(np.isfinite(m)):
        raise ValueError("`overlaps` must be finite everywhere")
    T = np.asarray(np.broadcast_to(T, np.broadcast_shapes(T.shape, m.shape[:-1])))
    return m, T, m @ sign_columns(m.shape[-1]).T


def sign_columns(count: int) -> np.ndarray:
    """The signs of a site, up to a global flip, under which every average here is even."""
    others = np.arange(2 ** (count - 1))[:, None] >> np.arange(count - 1) & 1
    return np.concatenate([np.ones((len(others), 1)), 1 - 2.0 * others], axis=1)


def _binomial(n: int) -> tuple[np.ndarray, Any]:
    k = np.arange(n + 1)
    return n - 2.0 * k, special.comb(n, k) / 2.0**n


def _count(num_patterns: int) -> int:
    n = operator.index(num_patterns)
    if isinstance(num_patterns, bool) or not 1 <= n <= 1000:
        raise ValueError(f"`num_patterns` must be from 1 to 1000; got {num_patterns}")
    return n
