r"""Relaxation of the overlaps with few patterns, under heat bath of one random spin at a time.

Each of $N$ spins is drawn once per unit of time on average (time counts sweeps), and set up with
probability $1/(1+e^{-2\beta h_i})$. As $N\to\infty$ with $K$ patterns the overlaps follow

$$\dot m = -m + \langle\xi\tanh\beta\,\xi\cdot m\rangle = -\nabla f(m), \tag{1}$$

the gradient flow of the free energy of `low_load_free_energy`: $\dot f=-|\dot m|^2$, stationary
points are those of $f$, and the flow's matrix there is minus the Hessian. Near $m=0$ differences
grow at rate $\beta-1$ and nowhere faster, and none shrinks faster than $e^{-t}$: the flow is never
stiff. At zero temperature

$$\dot m = -m + \langle\xi\,\mathrm{sgn}(\xi\cdot m)\rangle \tag{2}$$

is exponential between the times at which a field $\xi\cdot m$ changes sign. A field that is 0
stays 0 where nothing drives it, as it does at every $T>0$; the spins of a simulation at $T=0$,
which keep still there, do not follow this.

Proof: `proofs/hopfield/overlap_flow.py`. Claim: `overlap_relaxation`.
Reference: Amit, Gutfreund & Sompolinsky (1985), Phys. Rev. A 32, 1007; Glauber (1963), J. Math.
Phys. 4, 294, for the rates.
"""

from __future__ import annotations

import numpy as np

from theorylab.hopfield.mixture_overlap import overlap_map, sign_columns
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import require, require_nonnegative

# Relative and absolute error of one step.
_STEP_ERROR = 1e-13


def overlap_flow(
    overlaps: Reals, temperature: float, times: Reals
) -> Float[Array, "*times patterns"]:
    """Overlaps `m(t)` with every pattern from a given start, Eq. (1), or (2) at `T = 0`.

    Arguments:
        overlaps: `m(0)`, one number in `[-1, 1]` for each of 1 to 16 patterns.
        temperature: `T`, a number; `>= 0`.
        times: `t`, in sweeps; `>= 0`, in any order.

    Returns: one row for each time, in NumPy float64 (the solver is SciPy's). Steps are taken to
        1e-13; the error is 1e-12 or so, times what the flow amplifies differences of starts by,
        at most `exp(t (1/T - 1))` beside an unstable state. At `T = 0`, rounding alone.
    Assumes: sequential heat bath, few patterns of independent fair signs, N infinite.
    Raises: `ValueError` for arguments out of bounds.
    """
    m, T, t = (np.asarray(x, float) for x in (overlaps, temperature, times))
    if m.ndim != 1 or not 1 <= m.size <= 16:
        raise ValueError(f"`overlaps` must be one row of 1 to 16 numbers; got shape {m.shape}")
    require((m >= -1) & (m <= 1), "from -1 to 1", overlaps=m)
    if T.ndim:
        raise ValueError(f"`temperature` must be one number; got shape {T.shape}")
    require_nonnegative(temperature=T, times=t)
    distinct, row = np.unique(t, return_inverse=True)
    solve = _warm if T > 0 else _cold
    return solve(m, float(T), distinct)[row.reshape(t.shape)]


def _warm(m: np.ndarray, T: float, times: np.ndarray) -> np.ndarray:
    """Eq. (1), stepped from each time to the next: no interpolation."""
    from scipy.integrate import solve_ivp  # 0.1 s to import: only where it is used

    drift = lambda _, m: overlap_map(m, T) - m
    states, now = [], 0.0
    for t in times:
        if t > now:
            run = solve_ivp(drift, (now, t), m, method="DOP853", rtol=_STEP_ERROR, atol=_STEP_ERROR)
            if not run.success:
                raise ArithmeticError(f"no step at `temperature` {T:g}: {run.message}")
            m, now = run.y[:, -1], t
        states.append(m)
    return np.array(states).reshape(len(times), m.size)


def _cold(m: np.ndarray, _: float, times: np.ndarray) -> np.ndarray:
    """Eq. (2), from one change of sign to the next."""
    signs = sign_columns(m.size)
    field, states, now = signs @ m, np.empty((len(times), m.size)), 0.0
    field[np.abs(field) < 1e-14] = 0.0  # what the rounding of the sum leaves
    side = np.sign(field)
    while True:
        target = side @ signs / len(signs)
        aim = signs @ target
        # From the field u to its aim w as e^-t: through 0 at t = log(1 - u/w) where signs differ.
        crossing = (side * aim < 0) | ((side == 0) & (np.abs(aim) > 1e-14))
        with np.errstate(divide="ignore", invalid="ignore"):
            wait = np.where(crossing, np.log1p(np.maximum(-field / aim, 0)), np.inf)
        step = wait.min()
        here = (times >= now) & (times <= now + step)
        states[here] = target + (m - target) * np.exp(now - times[here])[:, None]
        if now + step >= times.max(initial=0.0):
            return states
        together = wait <= step * (1 + 1e-12) + 1e-14
        m = target + (m - target) * np.exp(-step)
        now, side = now + step, np.where(together, np.sign(aim), side)
        field = np.where(together, 0.0, signs @ m)
