r"""Order parameters of the Hopfield model at extensive load, replica-symmetric.

$N$ spins with $H=-\frac1{2N}\sum_\mu\sum_{i\neq j}\xi_i^\mu\xi_j^\mu\sigma_i\sigma_j$ and
$K=\alpha N$ fair patterns, one of them condensed. With the averages $M$, $L$ of a normal field
(`numerics.tanh_averages`), $h=\beta m$ and $s=\beta\sqrt{\alpha r}$,

$$m = M(h,s), \qquad q = \langle\tanh^2\rangle, \qquad r = \frac{q}{(1-C)^2}, \qquad C=\beta(1-q),
  \tag{1}$$
$$f = \frac\alpha2+\frac{m^2}2+\frac{\alpha}{2\beta}\Big[\ln(1-C)-\frac{\beta q}{1-C}\Big]
      +\frac{\alpha r C}{2}-\frac{L}{\beta}, \tag{2}$$
$$e = \frac\alpha2-\frac{m^2}2-\frac\alpha2\Big[\frac{1-q}{1-C}+\frac{q}{(1-C)^2}\Big], \tag{3}$$

and replica symmetry is stable where $\Lambda=\alpha\beta^2\langle\mathrm{sech}^4\rangle/(1-C)^2<1$.
The equations are never iterated: retrieval and saddle are found on the curve of states that each
temperature has (`_curve`), which is regular at the spinodal, where iteration stalls.

Proof: `proofs/hopfield/order_parameters.py`. Claims: `retrieval_overlap`, `retrieval_energy`.
Reference: Amit, Gutfreund & Sompolinsky (1985), Phys. Rev. Lett. 55, 1530; (1987), Ann. Phys. 173,
30. Energies here leave out the diagonal of the couplings: theirs are lower by $\alpha/2$.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from theorylab.hopfield import _curve, _zero_temperature
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_nonnegative
from theorylab.numerics.tanh_averages import tanh_averages

Branch = Literal["retrieval", "spin_glass", "saddle"]


class OrderParameters(NamedTuple):
    """A state of the Hopfield model, Eqs. (1) to (3)."""

    overlap: Float[Array, "*batch"]
    edwards_anderson: Float[Array, "*batch"]
    crosstalk: Float[Array, "*batch"]
    susceptibility: Float[Array, "*batch"]
    free_energy: Float[Array, "*batch"]
    energy: Float[Array, "*batch"]
    replicon: Float[Array, "*batch"]
    residual: Float[Array, "*batch"]


def order_parameters(
    load: Reals,
    temperature: Reals,
    *,
    branch: Branch = "retrieval",
    beyond: Literal["raise", "nan"] = "raise",
) -> OrderParameters:
    """Overlap `m`, `q`, `r`, `C`, free energy, energy and replicon of one branch, Eqs. (1) to (3).

    Arguments:
        load: `alpha`, patterns per neuron; `>= 0`, and `> 0` but for retrieval.
        temperature: `T`; `>= 0`. At 0 the closed form.
        branch: `retrieval`, the state at a pattern; `saddle`, between it and the others;
            `spin_glass`, with no overlap (that is the paramagnet above `1 + sqrt(load)`).
        beyond: what becomes of loads above the spinodal `critical_load(temperature)`, where no
            retrieval state or saddle is: an error, or NaN.

    Returns: the state, broadcast over the arguments, in NumPy float64 (the solver is NumPy's), with
        the residual of its equations, the larger error of `m` and of `C`. `replicon` above 1 says
        that replica symmetry is broken; at `T = 0`, where it diverges or vanishes, it is NaN.
    Raises: `ValueError` for arguments out of bounds, and beyond the spinodal.
    Assumes: replica symmetry, one condensed pattern, independent fair signs, infinite N.
    """
    if branch not in ("retrieval", "spin_glass", "saddle"):
        raise ValueError(f"`branch` must be 'retrieval', 'spin_glass' or 'saddle'; got {branch!r}")
    if beyond not in ("raise", "nan"):
        raise ValueError(f"`beyond` must be 'raise' or 'nan'; got {beyond!r}")
    require_nonnegative(load=np.asarray(load, float), temperature=np.asarray(temperature, float))
    shape = np.broadcast_shapes(np.shape(load), np.shape(temperature))
    alpha = np.broadcast_to(np.asarray(load, float), shape).ravel()
    T = np.broadcast_to(np.asarray(temperature, float), shape).ravel()
    if branch != "retrieval" and np.any(alpha == 0):
        raise ValueError(f"`load` must be > 0 for branch {branch!r}; got 0.0")
    columns = np.full((len(OrderParameters._fields), alpha.size), np.nan)
    cold = T == 0
    if branch == "spin_glass":
        solvable = np.ones_like(cold)
        solve, solve_cold = _glass, _cold_glass
    else:
        solvable = alpha <= _limits(T)
        if beyond == "raise" and not np.all(solvable):
            where = int(np.argmin(solvable))
            t, limit = T[where], _limits(T)[where]
            if t >= 1:
                raise ValueError(f"no {branch} solution: `temperature` must be < 1; got {t:.12g}")
            raise ValueError(
                f"no {branch} solution: `load` exceeds alpha_M(T) = {limit:.15g}, the spinodal at "
                f"`temperature` {t:g}; got {alpha[where]:.15g}"
            )
        solve = lambda a, t: _condensed(a, t, branch == "saddle")
        solve_cold = lambda a: _cold_condensed(a, branch == "saddle")
    for chosen, parts in (
        (solvable & ~cold, lambda a, t: solve(a, t)),
        (solvable & cold, lambda a, t: solve_cold(a)),
    ):
        if np.any(chosen):
            columns[:, chosen] = np.stack(parts(alpha[chosen], T[chosen]))
    return OrderParameters(*(column.reshape(shape)[()] for column in columns))


def _limits(T: np.ndarray) -> np.ndarray:
    distinct, row = np.unique(T, return_inverse=True)
    limits = np.where(distinct == 0, _zero_temperature.CRITICAL_LOAD, 0.0)
    warm = (distinct > 0) & (distinct < 1)
    if np.any(warm):
        limits[warm] = _curve.top(distinct[warm]).load
    limits[distinct >= 1] = -1.0  # no retrieval at all
    return limits[row]


def _condensed(alpha: np.ndarray, T: np.ndarray, saddle: bool) -> OrderParameters:
    empty = alpha == 0
    at = _curve.states(T, np.where(empty, 1e-3 * np.maximum(_limits(T), 0), alpha), saddle=saddle)
    if np.any(empty):
        bare = _curve.point(T[empty], np.zeros(empty.sum()))
        for column, value in zip(at, bare, strict=True):
            column[empty] = value
    return condensed(alpha, T, at)


def condensed(load: np.ndarray, temperature: np.ndarray, at: _curve.Point) -> OrderParameters:
    """The state at a point of the curve of its temperature."""
    m = temperature * at.field
    return _state(load, temperature, m, at.noise, at.edwards_anderson, at.susceptibility,
                  at.log_cosh, at.replicon, at.residual)  # fmt: skip


def _state(alpha, T, m, s, q, C, log_cosh, replicon, residual) -> OrderParameters:
    # s = beta sqrt(alpha r) is to rounding, where 1 - C of the averages cancels: near C = 1.
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(s * alpha > 0, np.sqrt(alpha * q) / (s * T), 1 - C)
    residual = np.maximum(residual, np.abs(gap - (1 - C)))
    C = np.where(gap < 0.1, 1 - gap, C)
    r = q / gap**2
    log_gap = np.where(gap < 0.1, np.log(gap), np.log1p(-np.minimum(C, 0.95)))
    f = alpha / 2 + m**2 / 2 + alpha / 2 * (T * log_gap - q / gap) + alpha * r * C / 2
    e = alpha / 2 - m**2 / 2 - alpha / 2 * (T * C / gap + r)
    return OrderParameters(m, q, r, C, f - T * log_cosh, e, replicon, residual)


def _glass(alpha: np.ndarray, T: np.ndarray) -> OrderParameters:
    """`T(s) = (sqrt(alpha q) + s sech2) / s` falls from `1 + sqrt(alpha)`: one root."""
    warmer = 1 + np.sqrt(alpha) <= T
    low = np.full(T.shape, 1e-9)
    high = (np.sqrt(alpha) + np.sqrt(2 / np.pi)) / T + 1
    s = (low + high) / 2
    for _ in range(100):
        at = tanh_averages(0.0, s)
        root_q = np.sqrt(at.tanh2)
        excess = np.sqrt(alpha) * root_q + s * at.sech2 - T * s
        turn = s * at.curvature  # d sech2 / ds at no field
        slope = -np.sqrt(alpha) * turn / (2 * root_q) + at.sech2 + s * turn - T
        low, high = np.where(excess > 0, s, low), np.where(excess > 0, high, s)
        new = s - excess / slope
        new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
        done = np.all((np.abs(new - s) <= 1e-10 * s) | warmer)  # the next one is its square
        s = new
        if done:
            break
    s = np.where(warmer, 0.0, s)
    at = tanh_averages(0.0, s)
    q = at.tanh2
    C = at.sech2 / T
    frozen = s**2 * at.sech4 / np.where(warmer, 1, q)  # 1 - C by Eq. (1), as on the curve
    replicon = np.where(warmer, alpha / np.where(warmer, T - 1, 1) ** 2, frozen)
    return _state(alpha, T, 0 * T, s, q, C, at.log_cosh, replicon, 0 * T)


def _cold_condensed(alpha: np.ndarray, saddle: bool) -> tuple:
    some = np.maximum(alpha, 1e-300)
    y = _zero_temperature.root(some, saddle=saddle)
    m = special.erf(y)
    C = 2 / np.sqrt(np.pi) * y * np.exp(-(y**2)) / m  # Eq. (2) with Eq. (1)
    # The second form, from y = m / sqrt(2 alpha r), is to rounding near C = 1.
    r = np.where(C < 0.5, 1 / np.square(1 - np.minimum(C, 0.5)), (m / y) ** 2 / (2 * some))
    e = alpha / 2 - m**2 / 2 - alpha * r / 2
    residual = np.abs(_zero_temperature.signal(y) - np.sqrt(alpha))
    return m, np.ones_like(m), r, C, e, e, np.full_like(m, np.nan), residual


def _cold_glass(alpha: np.ndarray) -> tuple:
    root_r = 1 + np.sqrt(2 / (np.pi * alpha))
    C = 1 - 1 / root_r
    e = alpha / 2 - alpha * root_r**2 / 2
    nan = np.full_like(alpha, np.nan)
    return 0 * alpha, np.ones_like(alpha), root_r**2, C, e, e, nan, 0 * alpha
