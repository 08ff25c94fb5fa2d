r"""Relaxation of the overlaps with few patterns, spin after spin.

The sites where a pattern has the columns $\pm\xi_c$ are alike but for a flip: with balanced
patterns, $C=2^{K-1}$ classes of $N/C$ sites, each with a mean gauged spin $x_c$, are a Markov chain
of their own. With $u_c=\xi_c\cdot m$ and time in sweeps of $N$ attempts, one attempt changes $x$
by a mean of $(F+G/N)/N$ and a mean square of $B/N^2$,

$$F_c=\tanh\beta u_c-x_c, \qquad G_c=-\beta K x_c\,\mathrm{sech}^2\beta u_c, \qquad
  B_c=2C(1-x_c\tanh\beta u_c), \tag{1}$$

$G$ from the diagonal that the couplings lack. To order $1/N$ the mean is $x+a/N$ and the covariance
$\Sigma/N$, where $\dot x=F$ and, with $J=\partial F/\partial x$,

$$\dot a = Ja + \tfrac12 F'':\Sigma + G - \tfrac12 JF, \qquad
  \dot\Sigma = J\Sigma+\Sigma J^T + B - FF^T, \tag{2}$$

the last terms because an attempt is a step of time $1/N$ and not a random wait.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from theorylab.hopfield.claims.sources import AGS_1985A
from theorylab.hopfield.mixture_overlap import mixture_overlap, overlap_map, sign_columns
from theorylab.hopfield.overlap_flow import overlap_flow
from theorylab.hopfield.simulation import balanced_patterns, glauber
from theorylab.verify import Claim, Mean


def relaxed_overlaps(key, *, overlaps, temperature, width, num_sweeps):
    """Overlaps after every sweep, from spins of given overlaps."""
    m = jnp.asarray(overlaps)
    patterns = balanced_patterns(len(overlaps), width)
    columns = 2 ** len(overlaps)
    # Column by column, as many spins up as give a mean of xi . m.
    rank = jnp.arange(width) // columns
    up = rank + 0.5 < (1 + m @ patterns) / 2 * (width // columns)
    spins = jnp.where(up, 1.0, -1.0).astype(patterns.dtype)
    return glauber(key, patterns, spins, temperature, num_sweeps=num_sweeps)


class Expansion(NamedTuple):
    """Eq. (2) for the overlaps: the 1/N term `a`, and how uncertain the signs of fields are."""

    first: np.ndarray
    uncertainty: float


def expansion(overlaps: Any, temperature: float, times: np.ndarray) -> Expansion:
    """The overlaps' 1/N term at `times`, and `N` times the largest `var(u) / u^2` on the way."""
    m, beta = np.asarray(overlaps), 1 / temperature
    signs = sign_columns(m.size)
    classes = len(signs)
    to_field = signs @ signs.T / classes

    def rate(_, state):
        x, a = state[: 2 * classes].reshape(2, classes)
        S = state[2 * classes :].reshape(classes, classes)
        tanh = np.tanh(beta * to_field @ x)
        sech2 = 1 - tanh**2
        F, J = tanh - x, beta * sech2[:, None] * to_field - np.eye(classes)
        bend = -2 * beta**2 * tanh * sech2 * np.diag(to_field @ S @ to_field.T)
        G, B = -beta * m.size * x * sech2, np.diag(2 * classes * (1 - x * tanh))
        spread = J @ S + S @ J.T + B - np.outer(F, F)
        return np.concatenate([F, J @ (a - F / 2) + bend / 2 + G, spread.ravel()])

    start = np.concatenate([signs @ m, np.zeros(classes + classes**2)])
    path = np.linspace(0, times[-1], 200)[1:]
    seen = solve_ivp(
        rate, (0, times[-1]), start, t_eval=np.union1d(path, times), rtol=1e-8, atol=1e-10
    )
    x, a = seen.y[: 2 * classes].reshape(2, classes, -1)
    S = seen.y[2 * classes :].reshape(classes, classes, -1)
    field, variance = to_field @ x, np.einsum("cd,det,ce->ct", to_field, S, to_field)
    at = np.searchsorted(seen.t, times)
    with np.errstate(divide="ignore"):
        uncertainty = float(np.max(variance / field**2))
    return Expansion(a[:, at].T @ signs / classes, uncertainty)


def sweeps(num_sweeps: int) -> np.ndarray:
    return np.arange(1.0, num_sweeps + 1)


def predicted_overlaps(*, overlaps, temperature, width, num_sweeps):
    """The flow, with its 1/N term."""
    t = sweeps(num_sweeps)
    return (
        overlap_flow(overlaps, temperature, t) + expansion(overlaps, temperature, t).first / width
    )


def next_order(eps, *, overlaps, temperature, width, num_sweeps):
    """`5 (rho/N)^2`, the scale of the next order; `rho/N` is the largest `var(u) / u^2` of a field.

    Overlaps are functions, of order 1, of how the fields `u` deviate relative to their size; the
    fourth moments of that are `3 (rho/N)^2`. Exact chains of two patterns stay within 4 `(rho/N)^2`
    from `N = 100 rho` on.
    """
    uncertainty = expansion(overlaps, temperature, sweeps(num_sweeps)).uncertainty
    return 5 * (uncertainty / width) ** 2


def parallel_sweeps(*, overlaps, temperature, num_sweeps, **_):
    """All spins at once."""
    m, rows = np.asarray(overlaps), []
    for _ in range(num_sweeps):
        m = overlap_map(m, temperature)
        rows.append(m)
    return np.array(rows)


def orderly_sweeps(*, overlaps, temperature, num_sweeps, **_):
    """Every spin once in each sweep, in random order: `dm/dt = <xi tanh> - m(start of sweep)`."""
    m, rows = np.asarray(overlaps), []
    for _ in range(num_sweeps):
        rate = lambda _, now, left=m: overlap_map(now, temperature) - left
        m = solve_ivp(rate, (0, 1), m, rtol=1e-8, atol=1e-10).y[:, -1]
        rows.append(m)
    return np.array(rows)


def slow_flow(*, overlaps, temperature, num_sweeps, **_):
    return overlap_flow(overlaps, temperature, sweeps(num_sweeps) / 1.05)


def straight_to_the_pure_state(*, overlaps, temperature, num_sweeps, **_):
    """Every overlap exponentially to its last value, at rate 1."""
    start = np.asarray(overlaps)
    end = np.where(np.arange(start.size) == np.argmax(start), mixture_overlap(1, temperature), 0.0)
    return end + (start - end) * np.exp(-sweeps(num_sweeps))[:, None]


def decided(*, overlaps, temperature, width, num_sweeps):
    count = len(overlaps)
    if not 1 <= count <= 4:
        raise ValueError(f"`overlaps` must be 1 to 4 numbers; got {count}")
    if not temperature > 0:
        raise ValueError(f"`temperature` must be > 0; got {temperature:g}")
    if num_sweeps < 1:
        raise ValueError(f"`num_sweeps` must be >= 1; got {num_sweeps}")
    patterns = np.asarray(balanced_patterns(count, width))[:, : 2**count]
    mean = np.asarray(overlaps) @ patterns
    up = (1 + mean) / 2 * (width // 2**count)
    if np.abs(mean).max() > 1 or np.abs(up - np.round(up)).max() > 1e-6:
        raise ValueError(
            "`overlaps` must be those of `width` spins: xi . m in [-1, 1] and `width` (1 + xi . m) "
            f"/ 2^{count + 1} whole for every column xi of signs; got {tuple(overlaps)} and {width}"
        )
    uncertainty = expansion(overlaps, temperature, sweeps(num_sweeps)).uncertainty
    if not uncertainty <= width / 100:
        raise ValueError(
            f"`width` must be >= {100 * uncertainty:.4g}, for fluctuations to leave the signs of "
            f"the fields xi . m, and so the state relaxed to, to the start; got {width}"
        )


overlap_relaxation = Claim(
    statement="Spin by spin, overlaps relax by dm/dt = -m + <xi tanh(xi.m / T)>, t in sweeps.",
    source=AGS_1985A,
    coords=lambda overlaps, num_sweeps, **_: {
        "t": sweeps(num_sweeps),
        "pattern": np.arange(len(overlaps)),
    },
    assumes=(
        "few patterns",
        "every combination of signs equally often",
        "one spin drawn at random per attempt",
    ),
    predict=predicted_overlaps,
    observe=relaxed_overlaps,
    quantity="overlap $m$",
    criterion=Mean(tolerance=0.001, bias=next_order),
    rivals={
        "all spins at once": parallel_sweeps,
        "every spin once in each sweep": orderly_sweeps,
        "time 5 % slow": slow_flow,
        "exponentially to the pure state": straight_to_the_pure_state,
    },
    settings={
        "quick": [dict(overlaps=(0.5, 0.3), temperature=0.3, width=2000, num_sweeps=3)],
        "standard": [
            dict(overlaps=(0.5, 0.3), temperature=0.3, width=8000, num_sweeps=4),
            dict(overlaps=(0.5, 0.25, 0.125), temperature=0.5, width=16000, num_sweeps=4),
        ],
    },
    domain=decided,
    proof="hopfield/overlap_flow",
    replicates={"quick": 8192, "standard": 8192},
    tile=64,
)
