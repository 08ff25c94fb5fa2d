r"""The temperatures at which retrieval ends, loses to the spin glass, and is replica symmetric.

They are the lines of `critical_load` read along the other axis. At load $\alpha$

$$\alpha_M(T_M) = \alpha, \qquad f_{ret}(\alpha, T_c) = f_{SG}(\alpha, T_c), \qquad
  \Lambda(\alpha, T_R) = 1, \tag{1}$$

and $T_R<T_c<T_M<1<T_g$ up to $\alpha=0.05$. The lines turn back at low temperature (reentrance, of
the replica-symmetric theory), where (1) has two solutions:

| line | two solutions for | turns back at |
| --- | --- | --- |
| $T_M$ | $0.137905566<\alpha<0.138188511$ | $T=0.022873550$ |
| $T_c$ | $0.051854331<\alpha<0.053132083$ | $T=0.085064000$ |
| $T_R$ | $0.138185915<\alpha<0.138185988$ | $T=0.025006876$ |

The larger is returned of $T_M$ and $T_c$, of which the other reaches $T=0$ at the lower load, and
the smaller of $T_R$, of which the other meets the spinodal there: each is continuous in the load
up to where its line turns back, and beyond has no solution. The limits of small load are

$$T_M\simeq1-c_M\sqrt\alpha, \qquad T_c\simeq1-c_1\sqrt\alpha, \qquad
  T_R\simeq\tfrac43\sqrt{\frac{\alpha r}{2\pi}}\,e^{-y^2}, \tag{2}$$

with $c_M=1.95408378$, $c_1=2.59587596$, and $y$, $r$ of zero temperature (`_zero_temperature`).

Proof: `proofs/hopfield/retrieval_temperature.py`. Claim: `retrieval_overlap`.
Reference: Amit, Gutfreund & Sompolinsky (1987), Ann. Phys. 173, 30.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from theorylab.hopfield import _zero_temperature
from theorylab.hopfield.critical_load import critical_load, first_order_load, replicon_load
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_nonnegative

Beyond = Literal["raise", "nan"]

_C_M = 1.95408377757
_C_1 = 2.59587596122


class _Line(NamedTuple):
    """Where a line turns back: its largest load, and the temperature there."""

    name: str
    temperature: float
    load: float


_SPINODAL = _Line("alpha_M(T)", 0.022873549667, 0.13818851116465822)
_FIRST_ORDER = _Line("alpha_1(T)", 0.085064000113, 0.05313208281825537)
_REPLICON = _Line("the replicon's load", 0.025006875739, 0.1381859877489617)


def retrieval_temperature(load: Reals, *, beyond: Beyond = "raise") -> Float[Array, "*batch"]:
    """`T_M`, the largest temperature with a retrieval state, Eq. (1).

    Arguments:
        load: `alpha`, patterns per neuron; `>= 0`, and up to 0.138188511.
        beyond: what to do with larger loads, where no temperature has a retrieval state: an
            error, or NaN.

    Returns: the larger of two solutions where there are two, in NumPy float64, of the shape of
        `load`; to 1e-13, but to `1e-16 / sqrt(d)` at a load smaller by `d` than the largest.
    Assumes: replica symmetry.
    Raises: `ValueError` for a load out of bounds.
    """
    return _temperature(load, beyond, _SPINODAL, _end_of_retrieval)


def first_order_temperature(load: Reals, *, beyond: Beyond = "raise") -> Float[Array, "*batch"]:
    """`T_c`, up to which retrieval has a lower free energy than the spin glass, Eq. (1).

    The larger of two solutions where there are two; beyond a load of 0.053132083 retrieval is
    nowhere the ground state. Arguments, returns and errors otherwise as of `retrieval_temperature`,
    but to 1e-10 at loads below 1e-6, where the free energies hardly differ.
    """
    return _temperature(load, beyond, _FIRST_ORDER, _equal_free_energies)


def replicon_temperature(load: Reals, *, beyond: Beyond = "raise") -> Float[Array, "*batch"]:
    """`T_R`, below which the retrieval state breaks replica symmetry (de Almeida & Thouless).

    The smaller of two solutions where there are two; beyond a load of 0.138185988 it does so at
    every temperature at which it exists. Below a load of 0.0007 `T_R` is less than any floating
    number: 0. Arguments, returns and errors otherwise as of `retrieval_temperature`; the error,
    1e-12 or less at loads up to 0.13, is relative.
    """
    return _temperature(load, beyond, _REPLICON, _marginal_replicon)


def _temperature(load: Reals, beyond: str, line: _Line, solve: Callable) -> Float[Array, "*batch"]:
    if beyond not in ("raise", "nan"):
        raise ValueError(f"`beyond` must be 'raise' or 'nan'; got {beyond!r}")
    alpha = np.array(load, float)
    require_nonnegative(load=alpha)
    flat = alpha.ravel()
    inside = flat <= line.load
    if beyond == "raise" and not inside.all():
        raise ValueError(
            f"`load` must be <= {line.load:.12g}, the largest of {line.name}; "
            f"got {flat[~inside][0]:.12g}"
        )
    T = np.full_like(flat, np.nan)
    if inside.any():
        T[inside] = solve(flat[inside])
    return T.reshape(alpha.shape)[()]


def _end_of_retrieval(load: np.ndarray) -> np.ndarray:
    T = 1 - _C_M * np.sqrt(load)  # above T_M by less than the load
    solved = load > 1e-14
    T[solved] = _where_it_falls(critical_load, load[solved], _SPINODAL.temperature, T[solved])
    return T


def _equal_free_energies(load: np.ndarray) -> np.ndarray:
    T = 1 - _C_1 * np.sqrt(load)  # above T_c by twice the load
    solved = load > 1e-11  # below, rounding hides the difference of the free energies
    T[solved] = _where_it_falls(first_order_load, load[solved], _FIRST_ORDER.temperature, T[solved])
    return T


def _marginal_replicon(load: np.ndarray) -> np.ndarray:
    T = _frozen(load)
    solved = load > 0.03  # below, Eq. (2) is exact to 3e-14
    # T_R is 0.87 to 1 of Eq. (2) up to a load of 0.1379, and 0.0213 there.
    cold, last = T[solved], load[solved] > 0.1379
    low = np.where(last, 0.021, 0.85 * cold)
    high = np.where(last, _REPLICON.temperature, np.minimum(cold, _REPLICON.temperature))
    excess = lambda t: load[solved] - replicon_load(t)
    T[solved] = _falling_root(excess, low, high)
    return T


def _where_it_falls(line: Callable, load: np.ndarray, low: float, high: np.ndarray) -> np.ndarray:
    """Near `T = 1` the root of the load of a line is straight."""
    return _falling_root(lambda t: np.sqrt(line(t)) - np.sqrt(load), np.full_like(load, low), high)


def _frozen(load: np.ndarray) -> np.ndarray:
    """`T_R` of Eq. (2): at zero temperature `sech^4` is 4/3 of a delta function of width `T`."""
    alpha = np.minimum(load, _zero_temperature.CRITICAL_LOAD)
    some = alpha > 0
    y = _zero_temperature.root(np.where(some, alpha, 0.1))
    C = 2 / np.sqrt(np.pi) * y * np.exp(-(y**2)) / special.erf(y)
    T = 4 / 3 * np.sqrt(alpha / (2 * np.pi)) / (1 - C) * np.exp(-(y**2))
    return np.where(some, T, 0.0)


def _falling_root(excess: Callable, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where `excess`, positive at `low`, falls through 0: false position, of Anderson & Bjorck."""
    if not low.size:
        return low
    # Rounding may take the sign of what is 0 at an end.
    above, below = np.maximum(excess(low), 0), np.minimum(excess(high), 0)
    x, side = high, np.zeros(low.shape)
    for _ in range(60):
        with np.errstate(divide="ignore", invalid="ignore"):
            new = (low * below - high * above) / (below - above)
        new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
        here = excess(new)
        moved = np.abs(new - x) > 1e-13 * new
        rises = here > 0
        # An end that stays twice loses weight, so that the other follows.
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = 1 - here / np.where(rises, above, below)
        kept = np.where((kept > 0) & np.isfinite(kept), kept, 0.5)
        below = np.where(rises, np.where(side > 0, kept * below, below), here)
        above = np.where(rises, here, np.where(side < 0, kept * above, above))
        low, high = np.where(rises, new, low), np.where(rises, high, new)
        x, side = new, np.where(rises, 1.0, -1.0)
        if not np.any(moved & (here != 0)):
            break
    return x
