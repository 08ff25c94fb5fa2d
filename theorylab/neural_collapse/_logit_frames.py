"""Frames of logits, each at its best scale, and how they are put together.

The algebra behind `branches`, whose docstring has the equations this refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np

from theorylab.numerics.annotations import Array, Float
from theorylab.numerics.roots import increasing_root

_CRITICAL = "critical point"


class Branch(NamedTuple):
    """A critical point of the loss: its logits, and what is known of it.

    `logits` are those of one sample a class, in columns; `singular_values_of_logits` those of all
    `N` columns, largest first; `margin` is the least by which a right class leads; `status` is
    "proved" (the global minimum), "best known" or "critical point"; `residual` is the largest
    derivative of the loss by the logarithm of a scale that is left.
    """

    name: str
    margin: float
    rank: int
    loss: float
    singular_values_of_logits: Float[Array, " classes"]
    logits: Float[Array, "classes classes"]
    residual: float
    status: str


class Frame(NamedTuple):
    """A frame of `classes` classes at `r = 1`: margins and how often, own logit, singular value."""

    name: str
    classes: int
    margins: np.ndarray
    counts: np.ndarray
    own: float
    sigma: float
    rank: int
    logits: Callable[[], np.ndarray]

    def cost(self, power: float, *, scale: float = 1.0, alone: bool = True) -> float:
        """Penalty at a least margin of 1, of other classes too unless `alone`."""
        least = float(np.min(self.margins)) if alone else min(np.min(self.margins), self.own)
        return float(self.rank * (self.sigma * scale / least) ** power)


def simplex(p: int) -> Frame:
    logits = lambda: np.eye(p) - 1 / p
    return Frame(f"{p}", p, np.array([1.0]), np.array([p - 1.0]), 1 - 1 / p, 1.0, p - 1, logits)


def polygon(p: int) -> Frame:
    steps = np.arange(1, p // 2 + 1)
    margins = 2 * np.sin(np.pi * steps / p) ** 2
    counts = np.where(2 * steps == p, 1.0, 2.0)
    turns = np.arange(p)
    logits = lambda: np.cos(2 * np.pi * (turns[:, None] - turns) / p)
    return Frame(f"{p}-gon", p, margins, counts, 1.0, p / 2, 2, logits)


def frames_of(p: int) -> list[Frame]:
    # Four classes of a polygon are two pairs.
    return [simplex(p), polygon(p)] if p >= 5 else [simplex(p)]


class Part(NamedTuple):
    """A frame at its best `r`, with the factor that repetition puts on its singular values."""

    frame: Frame
    repeats: float
    r: float
    loss: float
    residual: float


class Setting(NamedTuple):
    K: int
    L: int
    log_decay: float  # of (n Lambda)^(1/L)

    def part(self, frame: Frame, repeats: float, others: int) -> Part | None:
        """Eq. (2) at its best `r`, where there is one; `others` are the classes of other blocks."""
        p = 2 / self.L
        deltas, counts = frame.margins, frame.counts
        if others:
            deltas, counts = np.append(deltas, frame.own), np.append(counts, others)
        share = frame.classes / self.K if others else 1.0
        log_gain = np.log(counts * deltas * share)
        log_penalty = (
            np.log(frame.rank) + self.log_decay + p * np.log(frame.sigma * repeats)
        )  # of the derivative of the penalty by log r, at r = 1

        def excess(u: np.ndarray) -> np.ndarray:
            """Log of penalty over gain, both by log r: negative where a larger r is better."""
            r = np.exp(u)
            decays = -deltas * r[..., None]
            wrong = np.sum(counts * np.exp(decays), axis=-1)
            gain = np.logaddexp.reduce(log_gain + decays, axis=-1) - np.log1p(wrong) + u
            return log_penalty + p * u - gain

        def slope(u: np.ndarray) -> np.ndarray:
            # d log gain / d log r = 1 - r (variance / mean) of the margin under the softmax.
            r = np.exp(u)
            decays = -deltas * r[..., None]
            wrong = counts * np.exp(decays)
            first = np.sum(wrong * deltas, axis=-1) / (1 + np.sum(wrong, axis=-1))
            weights = np.exp(log_gain + decays - np.max(log_gain + decays, axis=-1, keepdims=True))
            second = np.sum(weights * deltas, axis=-1) / np.sum(weights, axis=-1)
            return p - 1 + r * (second - first)

        # A minimum needs r variance / mean >= 1 - p, and the variance is at most max(delta) means.
        low = np.log((1 - p) / np.max(deltas))
        # Above, r e^(-r min(delta)) sum(counts delta) is less than the penalty, as
        # log r <= c r - 1 - log c for c = min(delta) / 2.
        half = np.min(deltas) / 2
        high = max(np.logaddexp.reduce(log_gain) - log_penalty, 0.0) + max(-1 - np.log(half), 0.0)
        high = max(np.log(high / half + 2), low + 1)
        grid = np.linspace(low, high, 257)
        values = excess(grid)
        (rising,) = np.nonzero((values[:-1] < 0) & (values[1:] >= 0))
        if not rising.size:
            return None
        u = increasing_root(np, excess, slope, grid[rising], grid[rising + 1])
        r = np.exp(u)
        wrong = np.sum(counts * np.exp(-deltas * r[:, None]), axis=-1)
        penalty = np.exp(log_penalty + p * u)
        loss = share * np.log1p(wrong) + penalty / p
        best = int(np.argmin(loss))
        rounding = 8 * np.finfo(float).eps
        residual = float((penalty * (np.abs(np.expm1(-excess(u))) + rounding))[best])
        return Part(frame, repeats, float(r[best]), float(loss[best]), residual)

    def best_part(self, p: int, repeats: float, others: int) -> Part | None:
        parts = [part for f in frames_of(p) if (part := self.part(f, repeats, others)) is not None]
        return min(parts, key=lambda part: part.loss) if parts else None


def candidates(setting: Setting) -> Iterator[tuple[str, list[Part] | None]]:
    K = setting.K
    whole = lambda frame: None if (part := setting.part(frame, 1.0, 0)) is None else [part]
    yield "zero", []
    yield "simplex_etf", whole(simplex(K))
    if K >= 5:
        yield "polygon", whole(polygon(K))
    if K >= 4:
        pairs = setting.part(simplex(2), 1.0, K - 2)
        if K % 2 == 0:
            yield "cross_polytope", None if pairs is None else [pairs] * (K // 2)

        def block(p: int) -> tuple[float, list[Part]]:
            part = setting.best_part(p, 1.0, K - p)
            return (np.inf, []) if part is None else (part.loss, [part])

        loss, blocks = cheapest_sum(K, block)
        sizes = [part.frame.classes for part in blocks]
        if np.isfinite(loss) and set(sizes) != {2}:
            names = ", ".join(part.frame.name for part in blocks)
            yield f"sum({names})", blocks
    digits = [
        [setting.best_part(p, K / p, 0) for p in numbers]
        for numbers in factorizations(K)
        if K != 4  # 2 x 2 is the cross-polytope
    ]
    digits = [parts for parts in digits if all(part is not None for part in parts)]
    if digits:
        best = min(digits, key=lambda parts: sum(part.loss for part in parts if part))
        names = ", ".join(part.frame.name for part in best if part)
        yield f"product({names})", [part for part in best if part]


def cheapest_sum(K: int, block: Callable[[int], tuple[float, list]]) -> tuple[float, list]:
    """The partition of `K` into blocks from 2 to `K - 1` whose costs have the least sum."""
    cost = {p: block(p) for p in range(2, K)}
    best: list[tuple[float, list]] = [(0.0, []), (np.inf, [])]
    for k in range(2, K + 1):
        reached = [(cost[p][0] + best[k - p][0], p) for p in range(2, min(k, K - 1) + 1)]
        least, p = min(reached, default=(np.inf, 0))
        best.append((least, [*cost[p][1], *best[k - p][1]] if np.isfinite(least) else []))
    loss, parts = best[K]
    return loss, sorted(parts, key=lambda part: -part.frame.classes)


def factorizations(K: int, least: int = 2) -> list[list[int]]:
    """Every way to write `K` as a product of two whole numbers or more, from 2 on."""
    found = []
    for p in range(least, int(np.sqrt(K)) + 1):
        if K % p == 0:
            found += [[p, K // p], *([p, *rest] for rest in factorizations(K // p, p))]
    return found


def composed(name: str, K: int, n: int, parts: list[Part] | None) -> Branch | None:
    """A sum of blocks, or a product of digits, put together."""
    if parts is None:
        return None
    if not parts:
        return Branch(name, 0.0, 0, float(np.log(K)), np.zeros(K), np.zeros((K, K)), 0.0, _CRITICAL)
    scaled = [part.r * part.frame.logits() for part in parts]
    if name.startswith("product"):
        sizes = [part.frame.classes for part in parts]
        ones = [np.ones((p, p)) for p in sizes]
        logits = sum(
            reduce(np.kron, [*ones[:i], block, *ones[i + 1 :]]) for i, block in enumerate(scaled)
        )
    else:
        logits, at = np.zeros((K, K)), 0
        for block in scaled:
            logits[at : at + len(block), at : at + len(block)] = block
            at += len(block)
    values = [
        v
        for part in parts
        for v in [np.sqrt(n) * part.r * part.frame.sigma * part.repeats] * part.frame.rank
    ]
    loss = sum(part.loss for part in parts)
    residual = max(part.residual for part in parts)
    return _assembled(name, K, values, loss, np.asarray(logits), residual)


def _assembled(
    name: str, K: int, values: list, loss: float, logits: np.ndarray, residual: float
) -> Branch:
    singular = np.zeros(K)
    singular[: len(values)] = np.sort(values)[::-1]
    wrong = np.where(np.eye(K, dtype=bool), -np.inf, logits)
    margin = float(np.min(np.diag(logits) - np.max(wrong, axis=0)))
    return Branch(name, margin, len(values), float(loss), singular, logits, residual, _CRITICAL)


def pyramid(setting: Setting, n: int) -> Branch | None:
    """Eq. (3), by Newton's method from the scale of the base alone."""
    from scipy import optimize

    K, L, p = setting.K, setting.L, 2 / setting.L
    decay = np.exp(setting.log_decay)
    base = setting.part(simplex(2), 1.0, K - 2)
    if base is None:
        return None
    side = np.array([1.0, 2.0, 1.0])  # of r, in the margins of base classes; a is in the last
    count = np.array([K - 3.0, 1.0, 1.0])

    def terms(x):
        r, a, b = np.exp(x[0]), x[1], np.exp(x[2])
        wrong = count * np.exp(-side * r - np.array([0, 0, a]))
        apex = (K - 1) * np.exp(-b)
        lift = (K - 1) / K * ((K - 1) * a**2 + b**2)
        return r, a, b, wrong, apex, lift

    def loss(x):
        r, _, _, wrong, apex, lift = terms(x)
        penalty = (K - 1) / 2 * (2 * r) ** p + lift ** (p / 2)
        return (K - 1) / K * np.log1p(wrong.sum()) + np.log1p(apex) / K + L / 2 * decay * penalty

    def gradient(x):
        r, a, b, wrong, apex, lift = terms(x)
        q = (K - 1) / K * wrong / (1 + wrong.sum())
        pull = decay * (K - 1) / K * lift ** (p / 2 - 1)
        by_r = decay * (K - 1) * (2 * r) ** (p - 1) - q @ side
        by_b = pull * b - apex / (1 + apex) / K
        return np.array([r * by_r, pull * (K - 1) * a - q[2], b * by_b])

    # Descent from the base's own scale, and a root of the gradient for the last digits. Where there
    # is no pyramid the scales run off to 0 or beyond all numbers.
    r = base.r / 2
    with np.errstate(all="ignore"):
        start = [np.log(r), r / 10, np.log(r)]
        start = optimize.minimize(loss, start, jac=gradient, method="BFGS", tol=1e-8).x
        x = optimize.root(gradient, start, tol=1e-15).x
        rounding = 8 * np.finfo(float).eps * loss(x)
        residual = float(np.max(np.abs(gradient(x))) + rounding)
        # A minimum needs margins of 1 - p, as in `part`: those by r, and those by a and b.
        least = min(2 * np.exp(x[0]), max(x[1], np.exp(x[2])))
    if not (residual < 1e-8 * loss(x) and least > 1 - p):
        return None
    r, a, b = np.exp(x[0]), x[1], np.exp(x[2])
    logits = np.zeros((K, K))
    logits[:-1, :-1] = np.kron(np.eye((K - 1) // 2), r * np.array([[1.0, -1.0], [-1.0, 1.0]]))
    apex = np.append(np.full(K - 1, 1 / K), 1 / K - 1)  # what the apex lies below the base by
    logits += apex[:, None] * np.append(np.full(K - 1, a), -b)
    lift = float(terms(x)[5])
    values = [np.sqrt(n) * 2 * r] * ((K - 1) // 2) + [np.sqrt(n * lift)]
    return _assembled("pyramid", K, values, loss(x), logits, residual)
