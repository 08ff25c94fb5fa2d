r"""The curve of condensed states at one temperature, by the noise field.

At temperature $T$ the noise field $s=\beta\sqrt{\alpha r}$ gives everything else without iteration
on the equations of state: with the averages $M, \bar Q, S_4, B, D$ of `numerics.tanh_averages`,

$$M(h,s) = Th, \qquad C = \bar Q/T, \qquad q = 1-\bar Q, \qquad r = q/(1-C)^2, \tag{1}$$
$$\alpha(s) = \frac{(sT(1-C))^2}{q}, \qquad m = Th, \tag{2}$$

for $0<s<s_{\max}$, $\bar Q(0,s_{\max})=T$. $M$ is concave in $h>0$, so that Newton's iteration from
$h=1/T$ falls monotonically to the one positive root. $\alpha(s)$ is a single hump (seen, not
proved): its top is the spinodal, retrieval lies before it, the saddle behind. With

$$\alpha(s) = \alpha_M \sin^2\theta(s) \tag{3}$$

$\theta$ grows smoothly from 0 to $\pi$ across both, and $s(\theta)$ has no square root at the top.
The saddle of small load is, from the series of $M$ and $\bar Q$ in $h$ at $s_{\max}$,

$$h^2 = \frac{3\sqrt{\alpha q}}{s_{\max}|D|}, \qquad
  s = s_{\max} - \frac{h^2}{6 s_{\max}}: \tag{4}$$

its overlap vanishes as the fourth root of the load.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from theorylab.numerics.tanh_averages import tanh_averages

_NODES = 48


class Point(NamedTuple):
    """A state on the curve of its temperature; arrays of one shape."""

    temperature: np.ndarray
    noise: np.ndarray
    field: np.ndarray
    load: np.ndarray
    slope: np.ndarray  # d log(load) / ds
    edwards_anderson: np.ndarray
    susceptibility: np.ndarray
    replicon: np.ndarray
    log_cosh: np.ndarray
    residual: np.ndarray


def point(temperature: np.ndarray, noise: np.ndarray, field: np.ndarray | None = None) -> Point:
    """The states at given noise fields, Eqs. (1) and (2), from a guess of the field or above it."""
    T, s = (np.array(x) for x in np.broadcast_arrays(temperature, noise))
    start = 1 / T if field is None else np.broadcast_to(field, T.shape)
    h, open_ = np.array(start, float), np.ones(T.shape, bool)
    for _ in range(200):
        t, h0 = T[open_], h[open_]
        at = tanh_averages(h0, s[open_])
        step = (at.tanh - t * h0) / (t - at.sech2)
        h[open_] = np.clip(h0 + step, 0, 1 / t)
        open_[open_] = np.abs(step) > 1e-9 * h0  # the next step is of the order of its square
        if not open_.any():
            break
    return _point(T, s, h, tanh_averages(h, s))


def _point(T, s, h, at) -> Point:
    C, q = at.sech2 / T, at.tanh2
    load = (s * T * (1 - C)) ** 2 / q
    # At either end, where there is no load, its slope is infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = at.bend * s * at.bend / (T - at.sech2) + s * at.curvature
        slope = 2 / s - 2 * turn / T / (1 - C) + turn / q
    residual = np.abs(at.tanh - T * h)
    return Point(T, s, h, load, slope, q, C, s**2 * at.sech4 / q, at.log_cosh, residual)


def widest(temperature: np.ndarray) -> np.ndarray:
    """`s_max`, where the overlap vanishes: `sech2(0, s) = T`, for `0 < T < 1`."""
    T = np.asarray(temperature, float)
    low, high = np.zeros_like(T), np.sqrt(2 / np.pi) / T  # sech2(0, s) < sqrt(2/pi)/s
    return bisect(lambda s: tanh_averages(0.0, s).sech2 > T, low, high)


def top(temperature: np.ndarray) -> Point:
    """The spinodal: the largest load of each temperature, `0 < T < 1`."""
    T = np.asarray(temperature, float)
    end = widest(T)
    rising = lambda s: point(T, s).slope > 0
    # The slope has the sign of d load/ds: one change, from + to -.
    s = bisect(rising, np.zeros_like(T), end * (1 - 1e-9), 52)
    return point(T, s)


def bisect(before, low: np.ndarray, high: np.ndarray, steps: int = 60) -> np.ndarray:
    """Where a condition that holds at `low` ceases to hold."""
    for _ in range(steps):
        middle = (low + high) / 2
        here = before(middle)
        low, high = np.where(here, middle, low), np.where(here, high, middle)
    return (low + high) / 2


def states(temperature: np.ndarray, load: np.ndarray, *, saddle: bool = False) -> Point:
    """Retrieval states, or saddles, at `0 < T < 1` and `0 < load <= alpha_M(T)`.

    Newton's iteration on Eqs. (1) and (3) together, from a table of each temperature; on the saddle
    before that table ends, from Eq. (4).
    """
    T, alpha = temperature.ravel(), load.ravel()
    distinct, row = np.unique(T, return_inverse=True)
    peak = top(distinct)
    summit, crest = peak.load[row], peak.noise[row]
    angle = np.arcsin(np.sqrt(np.minimum(alpha / summit, 1)))
    wanted = np.pi - angle if saddle else angle
    s, h = _guess(distinct, peak, row, wanted, alpha)
    # At the least loads of the saddle, what rounding leaves of `1 - C = sqrt(alpha q) / sT` is
    # worse than Eq. (4), whose error is a fifth of the root of `alpha / alpha_M`.
    known = np.sqrt(alpha / summit) * np.sqrt(alpha * (1 - T)) / (s * T)
    open_ = np.flatnonzero(known > 1e-14) if saddle else np.arange(T.size)
    for _ in range(30):
        t, h0, s0 = T[open_], h[open_], s[open_]
        at = tanh_averages(h0, s0)
        to_curve = (at.tanh - t * h0) / (t - at.sech2)
        sech2 = at.sech2 + at.bend * to_curve  # to first order on the curve
        reached = (s0 * (t - sech2)) ** 2 / (1 - sech2)
        theta = np.arcsin(np.sqrt(np.minimum(reached / summit[open_], 1)))
        theta = np.where(s0 > crest[open_], np.pi - theta, theta)
        slope = _point(t, s0, h0, at).slope
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (wanted[open_] - theta) / (slope * np.tan(theta) / 2)
        # Beside the top the load says no more of s than the root of its rounding.
        close = np.abs(reached - alpha[open_]) <= 1e-15 * alpha[open_]
        step = np.where(close | ~np.isfinite(step), 0.0, np.clip(step, -s0 / 2, s0 / 2))
        h[open_] = np.clip(h0 + to_curve + at.bend * s0 / (t - at.sech2) * step, 0, 1 / t)
        s[open_] = s0 + step
        # The next step would be of the order of the square of this one, relative to `s` or, by
        # Eq. (4), to its distance from the end of the curve.
        scale = np.minimum(s0, h0**2 / s0)
        open_ = open_[(np.abs(step) > 1e-8 * scale) | (np.abs(to_curve) > 1e-8 * h0)]
        if not open_.size:
            break
    found = _point(T, s, h, tanh_averages(h, s))
    return Point(*(column.reshape(temperature.shape) for column in found))


def _guess(
    T: np.ndarray, peak: Point, row: np.ndarray, wanted: np.ndarray, load: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Noise and field at angles of Eq. (3): cubic interpolation in a table of each temperature."""
    s_max = widest(T)
    end = s_max[:, None] * (1 - 1e-6)
    nodes = (1 - np.cos(np.pi * np.arange(1, _NODES + 1) / (_NODES + 1))) / 2
    s = end * nodes
    # Where the overlap vanishes h does as the root of the distance; at small s it is 1/T or so.
    table = point(T[:, None], s)
    theta = np.arcsin(np.sqrt(np.minimum(table.load / peak.load[:, None], 1)))
    theta = np.where(table.noise > peak.noise[:, None], np.pi - theta, theta)
    # Rows one after the other, so that one search serves all.
    turn = 4.0
    after = np.searchsorted(
        (theta + turn * np.arange(len(T))[:, None]).ravel(), wanted + turn * row
    )
    first = np.clip(after - row * _NODES - 2, 0, _NODES - 4)
    columns = first[:, None] + np.arange(4)
    near = theta[row[:, None], columns]
    weights = np.ones_like(near)
    for j in range(4):
        for k in range(4):
            if j != k:
                weights[:, j] *= (wanted - near[:, k]) / (near[:, j] - near[:, k])
    value = lambda column: (weights * column[row[:, None], columns]).sum(axis=1)
    noise = np.clip(value(table.noise), 1e-3 * table.noise[row, 0], end[row, 0])
    # At small loads s is proportional to sin(theta), and the field is that of no load.
    below = wanted < theta[row, 0]
    noise = np.where(below, table.noise[row, 0] * np.sin(wanted) / np.sin(theta[row, 0]), noise)
    field = np.where(below, table.field[row, 0], np.clip(value(table.field), 1e-9, 1 / T[row]))
    # At small loads of the saddle, Eq. (4).
    at, widest_noise = tanh_averages(0.0, s_max), s_max[row]
    square = 3 * np.sqrt(load * at.tanh2[row]) / (widest_noise * -at.curvature[row])
    above = wanted > theta[row, -1]
    noise = np.where(above, widest_noise - square / (6 * widest_noise), noise)
    return noise, np.where(above, np.sqrt(square), field)
