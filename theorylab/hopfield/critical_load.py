r"""The loads at which retrieval ends, loses to the spin glass, and loses replica symmetry.

On the curve $\alpha(s)$ of states at temperature $T$ (`_curve`), retrieval runs up to its top,

$$\alpha_M(T) = \max_s \alpha(s), \tag{1}$$

the spinodal; it is the ground state up to $\alpha_1(T)$, where $f_{ret}=f_{SG}$; and replica
symmetry holds up to where $\Lambda = s^2\langle\mathrm{sech}^4\rangle/q = 1$. As functions of
$T$ all three are single-valued. Neither of the first two is monotone: $\alpha_M$ grows from
$0.137905566$ at $T=0$ to $0.138188511$ at $T=0.0228735$, and $\alpha_1$ is largest, $0.0531320828$,
at $T=0.085064$ (reentrance, of the replica-symmetric theory).

Near $T = 1$, $\alpha_M\simeq((1-T)/c_M)^2$ with $c_M=1.95408377757$.

Proof: `proofs/hopfield/critical_load.py`. Claim: `retrieval_overlap`.
Reference: Amit, Gutfreund & Sompolinsky (1987), Ann. Phys. 173, 30.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from theorylab.hopfield import _curve, _zero_temperature
from theorylab.hopfield.order_parameters import condensed, order_parameters
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require_nonnegative

# The root of e_ret = e_SG at zero temperature, in 20-digit arithmetic.
_FIRST_ORDER_AT_ZERO = 0.0518543309189170567


class Spinodal(NamedTuple):
    """Where retrieval ends: the load, and the overlap it ends with."""

    load: Float[Array, "*batch"]
    overlap: Float[Array, "*batch"]


def spinodal(temperature: Reals = 0.0) -> Spinodal:
    """The largest load with a retrieval state and its overlap there, Eq. (1).

    Arguments:
        temperature: `T`; `>= 0`. From 1 on there is no retrieval: both are 0.

    Returns: NumPy float64, of the shape of `temperature`.
    Assumes: replica symmetry.
    Raises: `ValueError` for a negative temperature.
    """
    T, shape = _temperature(temperature)
    load, overlap = np.zeros_like(T), np.zeros_like(T)
    load[T == 0] = _zero_temperature.CRITICAL_LOAD
    overlap[T == 0] = special.erf(_zero_temperature.TURNING_POINT)
    warm = (T > 0) & (T < 1)
    if np.any(warm):
        peak = _curve.top(T[warm])
        load[warm], overlap[warm] = peak.load, T[warm] * peak.field
    return Spinodal(load.reshape(shape)[()], overlap.reshape(shape)[()])


def critical_load(temperature: Reals = 0.0) -> Float[Array, "*batch"]:
    """`alpha_M(T)`, the largest load with a retrieval state, Eq. (1): 0.137905566494932 at `T = 0`.

    Arguments, returns and errors as of `spinodal`.
    """
    return spinodal(temperature).load


def first_order_load(temperature: Reals = 0.0) -> Float[Array, "*batch"]:
    """`alpha_1(T)`, up to which retrieval has a lower free energy than the spin glass.

    Arguments, returns and errors as of `spinodal`.
    """
    T, shape = _temperature(temperature)
    load = np.where(T == 0, _FIRST_ORDER_AT_ZERO, 0.0)
    warm = (T > 0) & (T < 1)
    if np.any(warm):
        t = T[warm]

        def ground_state(s: np.ndarray) -> np.ndarray:
            at = _curve.point(t, s)
            glass = order_parameters(at.load, t, branch="spin_glass")
            return condensed(at.load, t, at).free_energy < glass.free_energy

        peak = _curve.top(t)
        s = _curve.bisect(ground_state, 1e-4 * peak.noise, peak.noise, 50)
        load[warm] = _curve.point(t, s).load
    return load.reshape(shape)[()]


def replicon_load(temperature: Reals) -> Float[Array, "*batch"]:
    """The load above which the retrieval state breaks replica symmetry (de Almeida & Thouless).

    NaN where it never does: above `T = 0.0250683717`, where the line ends on the spinodal.
    Arguments and errors as of `spinodal`; at `T = 0` symmetry is broken at every load.
    """
    T, shape = _temperature(temperature)
    load = np.where(T == 0, 0.0, np.nan)
    warm = (T > 0) & (T < 1)
    if np.any(warm):
        t = T[warm]
        peak = _curve.top(t)
        stable = lambda s: _curve.point(t, s).replicon < 1
        s = _curve.bisect(stable, 1e-6 * peak.noise, peak.noise)
        found = _curve.point(t, s)
        load[warm] = np.where(peak.replicon < 1, np.nan, found.load)
    return load.reshape(shape)[()]


def glass_temperature(load: Reals) -> Float[Array, "*batch"]:
    """`T_g = 1 + sqrt(load)`, below which spins freeze without any overlap.

    Arguments:
        load: `alpha`, patterns per neuron; `>= 0`.
    """
    require_nonnegative(load=np.asarray(load, float))
    return 1 + np.sqrt(np.asarray(load, float))


def _temperature(temperature: Reals) -> tuple[np.ndarray, tuple[int, ...]]:
    T = np.array(temperature, float)
    require_nonnegative(temperature=T)
    return T.ravel(), T.shape
