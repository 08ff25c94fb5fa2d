r"""Gradient flow of linear layers on free features, aligned with the labels: scalar equations.

A mode of the one-hot labels has singular value $y$, $\sqrt{n_k}$ for a class of $n_k$ of the $N$
examples. If features and layers are aligned with it at the start they stay so, and the flow of

$$\frac1{2N}\|W_M\cdots W_1H-Y\|_F^2+\frac12\sum_j\lambda_j\|W_j\|_F^2+\frac{\lambda_H}2\|H\|_F^2$$

closes on the singular values $w_j$ of the layers, $h$ of the class means and $q$ of a pattern that
sums to 0 within the classes. With $w=\prod_jw_j$ and $s=wh$,

$$\dot w_j=-\frac1N\,\frac{(s-y)s+w^2q^2}{w_j}-\lambda_jw_j,\quad
  \dot h=-\frac1N(s-y)w-\lambda_Hh,\quad \dot q=-\Big(\frac{w^2}N+\lambda_H\Big)q. \tag{1}$$

From equal values under equal decays, without $q$, the $L=M+1$ factors stay equal:

$$\dot s=\frac LN\,s^{2-2/L}(y-s)-L\lambda s. \tag{2}$$

One layer learns by a logistic, which decays instead where $s_\infty<0$,

$$M=1:\quad s=\frac{s_\infty s_0}{s_0+(s_\infty-s_0)e^{-2s_\infty t/N}}, \quad
  s_\infty=y-N\lambda. \tag{3}$$

With more, small starts are lost: Eq. (2) is at rest where

$$(y-s)\,s^{1-2/L}=N\lambda, \tag{4}$$

at no strength but 0 if $\lambda$ is large, else at $s_-<\frac{L-2}{2L-2}\,y<s_+$: below the
separatrix $s_-$ a mode decays to 0, above it, it goes to $s_+$.

Under cross-entropy, $K$ classes of $n$ examples, layers and centred class means that form one
simplex give logits $\alpha(I-\mathbf1\mathbf1^\top/K)$, and the margin $\alpha$ obeys

$$\dot\alpha=L\alpha\Big[\frac{n^{-1/L}\alpha^{1-2/L}}{K-1+e^\alpha}-\lambda\Big]. \tag{5}$$

Proof: `proofs/neural_collapse/singular_value_flow.py`.
Claim: `mode_learning`.
Reference: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120, without decay; Dang et al. (2023),
arXiv:2301.00437, for the minimizers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from theorylab.neural_collapse.mode_fit import local_minimum
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_depth,
    require_finite,
    require_nonnegative,
    require_positive,
)
from theorylab.numerics.roots import increasing_root

# Relative and absolute error of one step of an integration.
_STEP_ERROR = 1e-13
# Within this distance of a stable point a flow is followed by its linearization.
_SETTLED = 1e-9
# A logarithm below which a number that decays has underflowed before its rate can change.
_LOST = -700.0


def singular_value_flow(
    t: Reals,
    singular_value: Reals,
    num_examples: Reals,
    weight_decay: Reals,
    initial_strength: Reals,
    *,
    depth: float = 1,
) -> Float[Array, "*batch"]:
    """Singular value `s(t)` of the logits along one mode, Eq. (2).

    Arguments:
        t: time of the flow; step `k` of descent with learning rate `eta` is at `k eta`. `>= 0`.
        singular_value: `y`, of the labels along the mode: `sqrt(n_k)` for class `k`; `> 0`.
        num_examples: `N`; `> 0`.
        weight_decay: `lambda`, of the layers and of all features together; `>= 0`.
        initial_strength: `s(0)`, a power `depth + 1` of the singular value of each factor; `>= 0`,
            and at 0 it stays.
        depth: `M`, the linear layers above the features; any finite real number `>= 1`. Not traced.

    Returns: `s(t)`, broadcast over the arguments. At depth 1, Eq. (3), an array of their library
        (NumPy by default). Beyond, NumPy float64 (integrated step by step to 1e-13): the error is
        relative, 1e-12 or so times what the flow amplifies differences of starts by, and up to
        1e-9 where the two strengths of Eq. (4) all but coincide. A start at the separatrix to
        rounding stays there.
    Assumes: squared loss, no bias, aligned factors of equal singular value, no variability within
        classes.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, at depth 1, NaN instead.
    """
    L = _finite_depth(depth) + 1
    xp, (t, y, N, decay, s0) = arrays(
        t=t,
        singular_value=singular_value,
        num_examples=num_examples,
        weight_decay=weight_decay,
        initial_strength=initial_strength,
    )
    inside = require_positive(singular_value=y, num_examples=N)
    inside = require_nonnegative(t=t, weight_decay=decay, initial_strength=s0) & inside
    if L == 2:
        return nan_outside(xp, inside, _logistic(xp, t, y - N * decay, N, s0))
    return _relaxed(lambda y, N, decay: _growth(y, N, decay, L), t, s0, y, N, decay)


def _logistic(xp: Any, t: Array, limit: Array, N: Array, s0: Array) -> Array:
    """Eq. (3) over its growing exponential, and over `limit`, which may be 0 or negative."""
    rate, size, learning = xp.abs(2 * limit * t / N), xp.abs(limit), limit >= 0
    one = xp.ones_like(rate)
    moving = rate > 1e-8
    # (1 - exp(-rate)) / size.
    late = -xp.expm1(-xp.where(moving, rate, one)) / xp.where(moving, size, one)
    early = 2 * t / N * (1 - xp.where(moving, one, rate) / 2)
    decay, grown = xp.exp(-rate), s0 * xp.where(moving, late, early)
    denominator = xp.where(s0 > 0, xp.where(learning, decay, one) + grown, one)
    return s0 * xp.where(learning, one, decay) / denominator


def _growth(y: float, N: float, decay: float, L: float) -> tuple[Callable, Callable, float]:
    """Eq. (2) for `ln s`: its speed, the derivative of that, and the size of what cancels in it."""
    p, pace, decay = 1 - 2 / L, L / N, L * decay

    def speed(z: float) -> float:
        return pace * math.exp(p * z) * (y - math.exp(z)) - decay

    def slope(z: float) -> float:
        s = math.exp(z)
        return pace * math.exp(p * z) * (p * (y - s) - s)

    return speed, slope, decay


class Separatrix(NamedTuple):
    """The strengths at rest, Eq. (4): `unstable`, `s_-`; `stable`, `s_+`."""

    unstable: Float[Array, "*batch"]
    stable: Float[Array, "*batch"]


def separatrix(
    singular_value: Reals, num_examples: Reals, weight_decay: Reals, *, depth: float = 1
) -> Separatrix:
    """Below which singular value of the logits a mode is lost, and where it goes above, Eq. (4).

    Arguments: as of `singular_value_flow`, with `weight_decay` `> 0`.

    Returns: both, broadcast over the arguments, in their library (NumPy by default); NaN where 0 is
        the only strength at rest. At depth 1, `s_- = 0`.
    Assumes: as `singular_value_flow`.
    Raises: `ValueError` on an entry outside the bounds above; under `jit`, NaN instead.
    """
    M = _finite_depth(depth)
    xp, (y, N, decay) = arrays(
        singular_value=singular_value, num_examples=num_examples, weight_decay=weight_decay
    )
    inside = require_positive(singular_value=y, num_examples=N, weight_decay=decay)
    y, N, decay, inside = xp.broadcast_arrays(y, N, decay, inside)
    # In units of y, Eq. (4) is t^p (1 - t) = strain.
    p = (M - 1) / (M + 1)
    positive = lambda x: xp.where(inside, x, xp.ones_like(x))
    y, log_strain = (
        positive(y),
        xp.log(positive(N) * positive(decay)) - (1 + p) * xp.log(positive(y)),
    )
    stable = local_minimum(M * xp.exp((1 + 1 / M) * log_strain), M).fit
    exists = ~xp.isnan(stable)
    if p == 0:
        unstable = xp.zeros_like(stable)
    else:
        # For u = -ln t: convex, so that Newton's method from above stays above.
        largest = p * math.log(p) - (1 + p) * math.log1p(p)
        log_strain = xp.where(exists, log_strain, largest - 1)
        lowest = math.log1p(1 / p)
        residual = lambda u: p * u - xp.log(-xp.expm1(-u)) + log_strain
        slope = lambda u: xp.maximum(p - 1 / xp.expm1(u), xp.finfo(u.dtype).eps + 0 * u)
        low = xp.full_like(log_strain, lowest)
        unstable = xp.exp(-increasing_root(xp, residual, slope, low, -log_strain / p))
    return Separatrix(
        *(nan_outside(xp, inside & exists, y * fraction) for fraction in (unstable, stable))
    )


class AlignedMode(NamedTuple):
    """Singular values along one mode, Eq. (1): `w_j`, `h` and `q` at each time."""

    weights: Float[Array, "*times layers"]
    features: Float[Array, "*times"]
    within_class: Float[Array, "*times"]


def aligned_flow(
    t: Reals,
    singular_value: float,
    num_examples: float,
    weight_decay: Reals,
    feature_decay: float,
    initial_weights: Reals,
    initial_features: float,
    initial_within_class: float = 0.0,
) -> AlignedMode:
    """Singular values of layers, class means and variability along one mode, Eq. (1).

    Arguments:
        t: times of the flow, in any order; `>= 0`.
        singular_value: `y`, as of `singular_value_flow`; `> 0`.
        num_examples: `N`; `> 0`.
        weight_decay: `lambda_j`, one for all layers or one for each, from the features up; `>= 0`.
        feature_decay: `lambda_H`, of all features together; `>= 0`.
        initial_weights: `w_j(0)`, one for each layer from the features up; any real numbers.
        initial_features: `h(0)`, of the class means times the square root of the class size.
        initial_within_class: `q(0)`, of deviations from the class means along the direction of
            `h`, in a pattern over examples that no other mode shares.

    Returns: the singular values at the times, in NumPy float64 (integrated to 1e-13 a step; `q`
        keeps its relative precision as it decays). The work grows as the largest time.
    Assumes: squared loss, no bias, factors aligned with the labels.
    Raises: `ValueError` for arguments out of bounds or of a wrong shape.
    """
    times, decays, w0 = (np.asarray(x, float) for x in (t, weight_decay, initial_weights))
    if w0.ndim != 1 or not w0.size:
        raise ValueError(f"`initial_weights` must be one number a layer; got shape {w0.shape}")
    if decays.shape not in ((), w0.shape):
        raise ValueError(
            f"`weight_decay` must be one number, or one for each of {w0.size} layers; "
            f"got shape {decays.shape}"
        )
    numbers = dict(
        singular_value=singular_value,
        num_examples=num_examples,
        feature_decay=feature_decay,
        initial_features=initial_features,
        initial_within_class=initial_within_class,
    )
    y, N, ridge, h0, q0 = (_number(name, value) for name, value in numbers.items())
    require_nonnegative(t=times)
    require_nonnegative(weight_decay=decays, feature_decay=ridge)
    require_positive(singular_value=y, num_examples=N)
    require_finite(initial_weights=w0, initial_features=h0, initial_within_class=q0)
    layers = np.arange(w0.size)
    others = layers[None, :] != layers[:, None]

    def drift(_: float, state: np.ndarray) -> np.ndarray:
        w, h, faded = state[:-2], state[-2], state[-1]
        rest = np.where(others, w, 1.0).prod(axis=1)  # w / w_j, which may be 0 / 0
        product = w[0] * rest[0]
        pull, q = (product * h - y) / N, q0 * np.exp(-faded)
        w_dot = -(pull * h + product * q**2 / N) * rest - decays * w
        return np.array([*w_dot, -pull * product - ridge * h, product**2 / N + ridge])

    distinct, row = np.unique(times, return_inverse=True)
    states = _integrated(drift, np.array([*w0, h0, 0.0]), distinct)
    states = states[row.reshape(times.shape)]
    return AlignedMode(states[..., :-2], states[..., -2], q0 * np.exp(-states[..., -1]))


def margin_flow(
    t: Reals,
    num_classes: Reals,
    class_size: Reals,
    weight_decay: Reals,
    initial_margin: Reals,
    *,
    depth: float = 1,
) -> Float[Array, "*batch"]:
    """Margin `alpha(t)` of the logits under cross-entropy, Eq. (5).

    Arguments:
        t: time of the flow; `>= 0`.
        num_classes: `K`; `>= 2`.
        class_size: `n`, examples in each class; `> 0`.
        weight_decay: `lambda`, of the layers and of all features together; `>= 0`.
        initial_margin: `alpha(0)`, logit of the own class minus any other's; `>= 0`, and at 0 it
            stays.
        depth: `M`, the linear layers above the features; any finite real number `>= 1`.

    Returns: `alpha(t)`, broadcast over the arguments, in NumPy float64, with the errors of
        `singular_value_flow` beyond depth 1.
    Assumes: classes of equal size, aligned factors of equal singular value that form a simplex, no
        variability within classes; a bias, if any, that starts at 0 stays there.
    Raises: `ValueError` on an entry outside the bounds above.
    """
    L = _finite_depth(depth) + 1
    given = (t, num_classes, class_size, weight_decay, initial_margin)
    times, K, n, decay, start = (np.asarray(x, float) for x in given)
    require_nonnegative(t=times, weight_decay=decay, initial_margin=start)
    require_positive(class_size=n)
    require(np.isfinite(K) & (K >= 2), ">= 2", num_classes=K)
    return _relaxed(lambda K, n, decay: _margin_growth(K, n, decay, L), times, start, K, n, decay)


def _margin_growth(K: float, n: float, decay: float, L: float) -> tuple[Callable, Callable, float]:
    """Eq. (5) for `ln alpha`, as `_growth`."""
    p, pace, decay = 1 - 2 / L, L * n ** (-1 / L), L * decay

    def gain(z: float) -> tuple[float, float]:
        """The speed but for the decay, and `e^alpha / (K - 1 + e^alpha)`."""
        alpha = math.exp(z)
        away = math.exp(-alpha)
        share = 1 / ((K - 1) * away + 1)
        return pace * math.exp(p * z) * away * share, share

    def speed(z: float) -> float:
        return gain(z)[0] - decay

    def slope(z: float) -> float:
        value, share = gain(z)
        return value * (p - math.exp(z) * share)

    return speed, slope, decay


def _relaxed(
    law: Callable[..., tuple[Callable, Callable, float]],
    t: Array,
    start: Array,
    *parameters: Array,
) -> Array:
    """`exp(z)` with `z' = speed(z)` for each entry; one run for all times of the same setting."""
    t, *setting = np.broadcast_arrays(*(np.asarray(x, float) for x in (t, start, *parameters)))
    settings, run = np.unique(np.stack(setting, -1).reshape(-1, len(setting)), axis=0,
                              return_inverse=True)  # fmt: skip
    times, run, found = t.ravel(), run.ravel(), np.zeros(t.size)
    for index, (begin, *given) in enumerate(settings):
        here = run == index
        distinct, row = np.unique(times[here], return_inverse=True)
        if begin > 0:
            found[here] = begin * np.exp(_relative(law(*given), math.log(begin), distinct))[row]
    return found.reshape(t.shape)[()]


def _relative(law: tuple[Callable, Callable, float], start: float, times: np.ndarray) -> np.ndarray:
    """How far `z`, which obeys `law`, has gone from `start` at ascending times."""
    from scipy.integrate import DOP853  # 0.1 s to import: only where it is used

    speed, slope, cancelling = law
    if abs(speed(start)) <= 8 * np.finfo(float).eps * (1 + abs(start)) * cancelling:
        return np.zeros(len(times))  # at rest to rounding
    moved, now, path = 0.0, 0.0, []
    tail: Callable[[float], float] | None = None
    for t in times:
        solver = None
        while tail is None and now < t:
            f, f_prime = speed(start + moved), slope(start + moved)
            lost = f < 0 and start + moved < _LOST
            if lost or abs(f) < -_SETTLED * f_prime:
                tail = _tail(moved, now, f, 0.0 if lost else f_prime)
                break
            if solver is None:
                drift = lambda _, z: np.array([speed(start + z[0])])
                # From a large start the first step that SciPy would guess is far too long.
                first = min(t - now, 0.1 / (abs(f) + abs(f_prime)))
                solver = DOP853(
                    drift, now, [moved], t, rtol=_STEP_ERROR, atol=_STEP_ERROR, first_step=first
                )
            message = solver.step()
            if solver.status == "failed":
                raise ArithmeticError(f"no step at time {solver.t:g}: {message}")
            moved, now = float(solver.y[0]), float(solver.t)
        path.append(moved if tail is None else tail(t))
    return np.array(path)


def _tail(moved: float, now: float, speed: float, slope: float) -> Callable[[float], float]:
    """The flow near a stable point, `speed / -slope` away, or at constant speed for slope 0."""
    if slope == 0:
        return lambda t: moved + speed * (t - now)
    return lambda t: moved + speed / slope * math.expm1(slope * (t - now))


def _integrated(drift: Callable, state: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The states at ascending times, stepped from each to the next: no interpolation."""
    from scipy.integrate import solve_ivp

    states, now = [], 0.0
    for t in times:
        if t > now:
            run = solve_ivp(
                drift, (now, t), state, method="DOP853", rtol=_STEP_ERROR, atol=_STEP_ERROR
            )
            if not run.success:
                raise ArithmeticError(f"no step before time {t:g}: {run.message}")
            state, now = run.y[:, -1], t
        states.append(state)
    return np.array(states).reshape(len(times), state.size)


def _number(name: str, value: float) -> np.ndarray:
    number = np.asarray(value, float)
    if number.ndim:
        raise ValueError(f"`{name}` must be one number; got shape {number.shape}")
    return number


def _finite_depth(depth: float) -> float:
    depth = require_depth(depth)
    if depth == math.inf:
        raise ValueError("`depth` must be finite; got inf")
    return depth
