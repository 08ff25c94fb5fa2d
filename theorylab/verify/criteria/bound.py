"""Inequalities: what no instance exceeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from theorylab.verify.claim import Setting, is_traced
from theorylab.verify.criteria.verdict import (
    ALPHA,
    Evidence,
    RivalOutcome,
    Verdict,
    conclude,
    farthest,
    number,
    rival_outcome,
)

Side = Literal["above", "below"]


@dataclass(frozen=True)
class Bound:
    """No replicate lies beyond its bound, in any cell.

    `predict` is the bound and `observe` the value, most often of an instance the seed drew
    (`Outcome.given`). No statistics: one violation refutes. The claim holds when there is none and
    every rival, a tighter bound, has been violated by some instance; a looser bound is no rival,
    for only a violation of the claim could refute it. That the bound holds with probability
    `1 - delta` alone is another claim: `Mean` of an indicator, with `support=(0, 1)`.

    `Verdict.extra` tells how tight the bound was. `tightness` names the measure: a ratio, 1 where
    the bound is reached, or the gap, where some bound or value is not positive. By setting follow
    that of the `tightest` replicate and its number, of the last in the tightest per cent, and of
    the `median` one; that of the `tightest_attack`; and the `gap` to the bound where it is to be
    attained. A share of violating instances above `violation_limit` would have shown among the
    replicates with probability 0.999: it speaks of the law they are drawn from and of no other.

    Arguments:
        slack: what a value may be beyond its bound by rounding, a number or
            `(eps, **setting[, **given]) -> array`: 4 `eps` times the sum of magnitudes (not of
            signed terms) that enter both, for each contraction.
        side: on which the bound is of the value, `above` or `below`.
        attained: makes the claim one of optimality: in every cell, the best replicate of each
            setting comes this close to the bound (and its slack), else the claim does not hold. A
            number or `(**setting[, **given]) -> array`. Attacks do not count: that some instance
            is tight is shown by refuting the rival `(1 - delta) * bound`.
        adversary: tries to violate the bound, and the rivals, from the tightest replicates on.
    """

    slack: float | Callable[..., Any]
    side: Side = "above"
    attained: float | Callable[..., Any] | None = None
    adversary: Ascent | None = None

    def __post_init__(self) -> None:
        if self.side not in ("above", "below"):
            raise ValueError(f"`side` must be 'above' or 'below'; got {self.side!r}")
        if not (self.attained is None or callable(self.attained) or self.attained >= 0):
            raise ValueError(f"`attained` must be >= 0; got {self.attained}")

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset()

    def first_look(self, budget: int) -> int:
        return budget

    def validate(self, settings: Sequence[Setting]) -> None:
        pass

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        return self.slack(eps, **setting, **given) if callable(self.slack) else self.slack

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        """The rivals that are nowhere tighter by more than the slack."""
        tighter = lambda record, name: _multiples(
            _beyond(record.predicted, record.rivals[name], self.side), record.tolerance
        )
        return [
            name
            for name in rivals
            if theories and all(tighter(record, name).max() <= 1 for record in theories)
        ]

    def attack(self, record: Evidence) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
        """Values and drawn quantities of the instances an adversary finds, where there is one."""
        return self.adversary.attack(record, self.side) if self.adversary else None

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        for record in evidence:
            _refuse_nan(record)
        evidence = sorted(evidence, key=lambda record: record.stage)  # attacks last
        sampled = [record for record in evidence if not record.stage]
        excess = [_beyond(e.values, e.predicted, self.side) for e in evidence]
        multiple = [_multiples(x, e.tolerance) for x, e in zip(excess, evidence, strict=True)]
        measure, tightness = _tightness(evidence, self.side)
        which, index = _peak(multiple)
        worst, beyond = (float(x[which][index]) for x in (multiple, excess))
        if worst <= 0:  # nowhere beyond the bound, so where nearest to it
            which, index = _peak(tightness)
        where = _place(evidence[which], index)
        rivals = {name: self._told_of(name, evidence) for name in evidence[0].rivals}
        reached = [] if self.attained is None else [self._reach(record) for record in sampled]
        short = max(reached, key=lambda reach: reach.multiple, default=None)
        status, reason = conclude(worst <= 1, worst > 1, rivals)
        if status == "refuted":
            reason = (
                f"beyond the bound by {number(beyond)}, {worst:.3g} times the slack, at {where}"
            )
        elif short is not None and short.multiple > 1:
            status = "inconclusive"
            reason = short.words + (f"; {reason}" if reason else "")
        replicates = min(len(record.values) for record in sampled)
        extra = _tightness_in_words(measure, tightness[: len(sampled)])
        extra["violation_limit"] = violation_limit(replicates) if worst <= 1 else math.nan
        if len(evidence) > len(sampled):
            found = _tightness_in_words(measure, tightness[len(sampled) :])
            extra["tightest_attack"] = found["tightest"]
        if reached:
            extra["gap"] = [reach.gap for reach in reached]
        return Verdict(
            status,
            reason,
            max(0.0, *(float(x.max()) for x in excess)),
            max(0.0, worst),
            replicates,
            where,
            rivals,
            tuple(evidence),
            extra=extra,
        )

    def _told_of(self, name: str, evidence: Sequence[Evidence]) -> RivalOutcome:
        """A rival is refuted by one violation beyond the slack; it has no say where it is NaN."""
        multiple = [
            _multiples(_beyond(e.values, e.rivals[name], self.side), e.tolerance) for e in evidence
        ]
        which, index = _peak(multiple)
        return rival_outcome(float(multiple[which][index]), _place(evidence[which], index))

    def _reach(self, record: Evidence) -> _Reach:
        """How close the best replicate comes to the bound, in the cell where it is farthest."""
        assert self.attained is not None
        near: Any = self.attained
        if callable(near):
            rows = range(len(record.values)) if record.given else [0]
            drawn = [{k: np.asarray(x[i], float) for k, x in record.given.items()} for i in rows]
            near = np.stack([np.asarray(near(**record.setting, **given)) for given in drawn])
            near = near.reshape(
                len(near), *(1,) * (record.values.ndim - near.ndim), *near.shape[1:]
            )
            if not np.all(np.isfinite(near) & (near >= 0)):
                raise ValueError("`attained` must be finite and >= 0 everywhere")
        gap = -_beyond(record.values, record.predicted, self.side)
        allowed = np.broadcast_to(record.tolerance + near, gap.shape)
        multiple = _multiples(gap, allowed)
        best = multiple.min(axis=0)
        cell = np.unravel_index(best.argmax(), best.shape)
        index = (int(multiple[(slice(None), *cell)].argmin()), *cell)
        words = (
            f"the best comes within {number(gap[index])} of the bound, "
            f"not within {number(allowed[index])}: {_place(record, index)}"
        )
        return _Reach(float(multiple[index]), float(gap[index]), words)


@dataclass(frozen=True)
class Ascent:
    """Tries to break a bound by ascending the logarithm of value over bound from its tightest
    replicates.

    Steps go along the normalised gradient, `pace / sqrt(k)` times the norm of the instance, and the
    best visited is kept. Where bound or value is not positive the difference is ascended. A bound
    of several cells is attacked in each of them, from the replicates tightest there. In the end the
    value is computed anew in double precision, for an ascent finds the errors of rounding too, and
    the bound is the claim's own `predict`.

    Arguments:
        over: the drawn quantity that is the instance.
        value: `(**setting, **given) -> array`, what was observed, as a differentiable JAX function
            of what was drawn.
        bound: likewise; by default what `predict` says of the replicate, for bounds that do not
            depend on the instance.
        project: `(instance, **setting) -> instance`, onto the domain of the theorem.
        inside: `(instance, **setting) -> bool`, the hypotheses: no step is taken out of them (the
            boundary is followed by `project` alone).
        restarts: how many ascents, for each cell.
        steps: of each ascent.
        pace: the first step, relative to the instance.
    """

    over: str
    value: Callable[..., Any]
    bound: Callable[..., Any] | None = None
    project: Callable[..., Any] | None = None
    inside: Callable[..., Any] | None = None
    restarts: int = 8
    steps: int = 200
    pace: float = 0.1

    def __post_init__(self) -> None:
        for name in ("restarts", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be >= 1; got {getattr(self, name)}")
        if not 0 < self.pace < math.inf:
            raise ValueError(f"`pace` must be finite and > 0; got {self.pace}")

    def attack(self, record: Evidence, side: Side) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What the ascents from the replicates of one setting end at: values, and what is drawn.

        Raises: `ValueError` where `value` is not what was observed.
        """
        from theorylab.verify.tiles import at_precision

        if not np.issubdtype(np.asarray(record.given.get(self.over)).dtype, np.floating):
            raise ValueError(
                f"the adversary needs real numbers `{self.over}`, drawn by each replicate; "
                f"drawn are: {', '.join(record.given) or 'none'}"
            )
        measure, (tightness,) = _tightness([record], side)
        by_cell = tightness.reshape(len(tightness), -1)
        order = np.argsort(-by_cell, axis=0, kind="stable")[: self.restarts]
        starts, cells = order.T.ravel(), np.repeat(np.arange(order.shape[1]), len(order))
        drawn = {name: array[starts] for name, array in record.given.items()}
        instances = drawn.pop(self.over)
        bounds = np.broadcast_to(record.predicted, record.values.shape)[starts]
        static = tuple((k, x) for k, x in sorted(record.setting.items()) if not is_traced(x))
        traced = {k: np.asarray(x) for k, x in record.setting.items() if is_traced(x)}
        values = _values(self, static)
        with at_precision("float64"):
            before = values({self.over: instances.astype(float), **drawn}, traced)
        self._compare(record, starts, np.asarray(before))
        ascend = _ascents(self, static, side, "/" in measure)
        found = np.asarray(ascend(instances, drawn, bounds, cells, traced))
        with at_precision("float64"):
            after = values({self.over: found.astype(float), **drawn}, traced)
        return np.asarray(after, float), {**drawn, self.over: found}

    def _compare(self, record: Evidence, starts: np.ndarray, values: np.ndarray) -> None:
        """Refuse a `value` that is another function of the instance than what was observed."""
        eps = np.finfo(record.given[self.over].dtype).eps
        slack = np.broadcast_to(record.tolerance, record.values.shape)
        for start, value in zip(starts, values, strict=True):
            observed = record.values[start]
            agrees = value.shape == observed.shape and np.allclose(
                value, observed, rtol=math.sqrt(eps), atol=slack[start].max()
            )
            if not agrees:
                raise ValueError(
                    f"`value` of the adversary must be what is observed, {observed} in replicate "
                    f"{start}; got {value}"
                )


class _Reach(NamedTuple):
    """How far the best replicate stays from the bound: in what is allowed, as it is, in words."""

    multiple: float
    gap: float
    words: str


def violation_limit(replicates: int, alpha: float = ALPHA) -> float:
    """The share of violating instances that `replicates` without one exclude: `1 - alpha^(1/R)`."""
    return -math.expm1(math.log(alpha) / replicates)


def _beyond(values: np.ndarray, bound: Any, side: Side) -> np.ndarray:
    """By how much values are beyond the bound, 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        excess = np.where(values == bound, 0.0, values - bound)
    return excess if side == "above" else -excess


def _multiples(excess: np.ndarray, slack: Any) -> np.ndarray:
    """Excess in slacks, 0/0 = 0; what is not a number is beyond nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = np.where(excess == 0, 0.0, excess / slack)
    return np.nan_to_num(multiple, nan=-np.inf, posinf=np.inf, neginf=-np.inf)


def _tightness(evidence: Sequence[Evidence], side: Side) -> tuple[str, list[np.ndarray]]:
    """What tells how near values are to their bounds, and that, growing as they come nearer.

    The ratio where it makes sense everywhere; else the excess, which is called by the gap.
    """
    value_first = side == "above"
    positive = all(
        np.all((e.predicted > 0) & np.isfinite(e.predicted)) and np.all(e.values > 0)
        for e in evidence
    )
    if not positive:
        measure = "bound - value" if value_first else "value - bound"
        return measure, [_beyond(e.values, e.predicted, side) for e in evidence]
    with np.errstate(over="ignore"):
        ratios = [
            e.values / e.predicted if value_first else e.predicted / e.values for e in evidence
        ]
    return "value / bound" if value_first else "bound / value", ratios


def _tightness_in_words(measure: str, tightness: Sequence[np.ndarray]) -> dict[str, Any]:
    """The tightness of replicates, each in its tightest cell, setting by setting."""
    sign = 1 if "/" in measure else -1
    best = [np.sort(t.reshape(len(t), -1).max(axis=1)) for t in tightness]
    rank = lambda q: [sign * float(t[math.ceil(q * len(t)) - 1]) + 0.0 for t in best]  # no -0
    return {
        "tightness": measure,
        "tightest": rank(1.0),
        "tightest_replicate": [int(np.unravel_index(t.argmax(), t.shape)[0]) for t in tightness],
        "tightest_percent": rank(0.99),
        "median": rank(0.5),
    }


def _peak(arrays: Sequence[np.ndarray]) -> tuple[int, tuple[Any, ...]]:
    """Which of several arrays has the largest entry, and where."""
    which = int(np.argmax([array.max() for array in arrays]))
    return which, np.unravel_index(arrays[which].argmax(), arrays[which].shape)


def _place(record: Evidence, index: tuple[Any, ...]) -> str:
    """A cell of a replicate in words, an attack called by its name."""
    here = np.zeros(record.values.shape)
    here[index] = 1
    _, where = farthest([record], [here])
    name = f"replicate {index[0]}"
    return where.replace(name, f"attack {index[0]}", 1) if record.stage else where


def _refuse_nan(record: Evidence) -> None:
    what = "attack" if record.stage else "replicate"
    predicted = np.broadcast_to(record.predicted, record.values.shape)
    for name, array in (("the value", record.values), ("the bound", predicted)):
        if np.isnan(array).any():
            first, *cell = (int(i) for i in np.argwhere(np.isnan(array))[0])
            place = f"{what} {first}" + (f", cell {tuple(cell)}" if cell else "")
            raise ValueError(f"{place}: {name} is not a number")


@lru_cache(maxsize=64)
def _ascents(ascent: Ascent, static: tuple, side: Side, ratio: bool) -> Any:
    """One program for all ascents of a setting: instances in, the best visited out."""
    import jax
    import jax.numpy as jnp

    from theorylab.verify.tiles import _compiler_options

    sign = 1 if side == "above" else -1

    def nearness(x, drawn, predicted, cell, setting):
        value = jnp.asarray(ascent.value(**setting, **drawn, **{ascent.over: x}))
        bound = predicted
        if ascent.bound is not None:
            bound = ascent.bound(**setting, **drawn, **{ascent.over: x})
        v, b = (jnp.broadcast_to(y, value.shape).ravel()[cell] for y in (value, bound))
        excess = jnp.asarray(sign * (v - b), float)
        if not ratio:
            return excess
        positive = (v > 0) & (b > 0)
        v, b = (jnp.where(positive, y, 1) for y in (v, b))  # keeps the gradient finite
        undecided = jnp.where(excess > 0, jnp.inf, -jnp.inf)
        return jnp.where(positive, jnp.asarray(sign * (jnp.log(v) - jnp.log(b)), float), undecided)

    def one(start, drawn, predicted, cell, traced):
        setting = {**dict(static), **traced}

        def step(state, k):
            x, best, highest = state
            height, slope = jax.value_and_grad(nearness)(x, drawn, predicted, cell, setting)
            better = height > highest
            best, highest = jnp.where(better, x, best), jnp.where(better, height, highest)
            size, steepness = jnp.linalg.norm(x.ravel()), jnp.linalg.norm(slope.ravel())
            size = ascent.pace / jnp.sqrt(k) * jnp.where(size > 0, size, 1)
            moved = x + size * slope / jnp.where(steepness > 0, steepness, 1)
            if ascent.project is not None:
                moved = ascent.project(moved, **setting)
            allowed = jnp.all(jnp.isfinite(moved))
            if ascent.inside is not None:
                allowed &= ascent.inside(moved, **setting)
            x = jnp.where(allowed, moved, x).astype(start.dtype)
            return (x, best, highest), None

        first = start, start, jnp.full((), -jnp.inf)
        # The last of these steps is not taken: it looks at where the one before has led.
        (_, best, _), _ = jax.lax.scan(step, first, 1 + jnp.arange(ascent.steps + 1.0))
        return best

    return jax.jit(jax.vmap(one, (0, 0, 0, 0, None)), compiler_options=_compiler_options())


@lru_cache(maxsize=64)
def _values(ascent: Ascent, static: tuple) -> Any:
    """The values of many instances."""
    import jax

    value = lambda drawn, traced: ascent.value(**dict(static), **traced, **drawn)
    return jax.jit(jax.vmap(value, (0, None)))
