"""Thresholds, bracketed in the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.sweep import shared, swept
from theorylab.verify.criteria.verdict import (
    ALPHA,
    Evidence,
    RivalOutcome,
    Verdict,
    conclude,
    first_replicates,
    number,
    refuse_outcomes,
    rival_outcome,
    within,
)
from theorylab.verify.statistics import (
    FIRST_LOOK,
    frequency_interval,
    half_width,
    looks,
    moments,
    next_look,
)

# A bracket of so many steps of its grid is refined, by so many points within it.
_STEPS, _POINTS = 4, 8
# Powers of the size tried where theory gives no order of the shift.
_ORDERS = (1 / 2, 2 / 3, 1.0)


@dataclass(frozen=True)
class Crossing:
    """The mean changes sign, or passes a level, at the predicted value of one swept setting.

    What is observed is a number whose mean crosses the level once along the sweep; what `predict`
    and the rivals give is where. No curve is fitted. From either end of the grid the points whose
    confidence sequences lie on the side of that end are walked through, up to the first that does
    not: the crossing lies between the last ones, since of a monotone mean only the first point
    beyond the crossing can err on each side. A bracket of four steps or fewer is refined by eight
    points inside, at half the error level of the stage before; the brackets of all stages
    intersect.

    The claim **holds** when the bracket lies within the tolerance of the prediction and outside
    that of every rival, and is **refuted** when it lies outside that of the prediction.

    Arguments:
        over: the setting swept; floats where it is to be refined.
        tolerance: of the crossing, a number or `(eps, **setting) -> number`, the shift by finite
            size included.
        level: what the mean crosses.
        support: the interval outcomes lie in, for frequencies, as of `Mean`.
        refine: how often the grid is refined, at most.
        sizes: a setting by which the crossing is extrapolated to infinity, `x + a / size**order`.
        correction: that order. Without it the bracket covers what 1/2, 2/3 and 1 give.
        alpha: error level of the claim, shared by its curves.
    """

    over: str
    tolerance: float | Callable[..., Any]
    level: float = 0.0
    support: tuple[float, float] | None = None
    refine: int = 2
    sizes: str | None = None
    correction: float | None = None
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` must be between 0 and 1; got {self.alpha}")
        if self.refine < 0:
            raise ValueError(f"`refine` must be >= 0; got {self.refine}")
        if self.correction is not None and not self.correction > 0:
            raise ValueError(f"`correction` must be > 0; got {self.correction}")
        low, high = self.support or (-math.inf, math.inf)
        if not low < self.level < high:
            raise ValueError(f"`level` must lie inside `support` {self.support}; got {self.level}")

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset()

    def first_look(self, budget: int) -> int:
        return min(FIRST_LOOK, budget)

    def validate(self, settings: Sequence[Setting]) -> None:
        for group in swept(settings, self.over, lambda setting: setting):
            grid = np.array([setting[self.over] for setting in group], float)
            if len(grid) < 2 or not np.all(np.isfinite(grid)) or np.any(np.diff(grid) <= 0):
                raise ValueError(
                    f"a crossing needs two different values of `{self.over}` or more, all finite; "
                    f"got {grid}"
                )
            stages = self.refine if self._refinable(group) else 0
            finest = float(np.diff(grid).max()) * (_STEPS / (_POINTS + 1)) ** stages
            band = float(self.tolerate(float(np.finfo(float).eps), group[0], {}))
            if 2 * band < finest:
                raise ValueError(
                    f"the tolerance {band:.3g} of the crossing lies below the finest step, "
                    f"{finest:.3g}, of `{self.over}`: refine the grid"
                )
            if self.sizes is not None and self.sizes not in group[0]:
                raise ValueError(
                    f"every setting must have `{self.sizes}`, by which it extrapolates"
                )

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        if callable(self.tolerance):
            return self.tolerance(eps, **setting, **given)
        return self.tolerance

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        """A rival's band must be disjoint from that of the prediction."""
        apart = lambda name: any(
            abs(_number(t.rivals[name]) - _number(t.predicted)) > 2 * _number(t.tolerance)
            for t in theories
        )
        return [name for name in rivals if theories and not apart(name)]

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        for record in evidence:
            if record.values.ndim > 1:
                raise ValueError(
                    f"a crossing is of one number; got observations {record.values.shape[1:]}"
                )
        refuse_outcomes(evidence, self.support)
        last = max(record.stage for record in evidence)
        curves = self._curves(evidence)
        for stage in range(last + 1):
            of_stage = [record for record in evidence if record.stage == stage]
            count = min(len(record.values) for record in of_stage)
            started = curves
            if count < FIRST_LOOK:
                few = f"{count} replicates are too few for a look at {FIRST_LOOK}"
                open_ = Verdict("inconclusive", few, replicates=count, records=tuple(evidence))
                return _wanting(open_, FIRST_LOOK if (budget or 0) >= FIRST_LOOK else 0)
            for n in looks(count):
                level = self.alpha / len(curves) / 2 ** (stage + 1)
                curves = [curve.narrowed(stage, n, level, self) for curve in started]
                verdict = self._judge(curves, n)
                if verdict.status != "inconclusive":
                    return verdict
                finer = self._finer(curves) if stage < self.refine else []
                if finer and stage < last:
                    break
                if finer and budget is not None:
                    return _wanting(verdict, min(FIRST_LOOK, budget), finer)
            following = next_look(n)
        limit = count if budget is None else budget
        return _wanting(verdict, following if following <= limit else 0)

    def _judge(self, curves: Sequence[_Curve], n: int) -> Verdict:
        targets = self._targets(curves)
        rivals: dict[str, RivalOutcome] = {}
        worst, resolution, reason, excluded = 0.0, 0.0, "", False
        cell = ""
        for target in targets:
            theory, low, high = target.theory, target.low, target.high
            centre, band = _number(theory.predicted), _number(theory.tolerance)
            reach = max(abs(low - centre), abs(high - centre))
            apart = max(low - centre, centre - high)
            words = (
                f"the crossing lies in [{number(low)}, {number(high)}]{within(target.setting)}"
                f"{target.trouble}"
            )
            if not (math.isfinite(low) and math.isfinite(high)):
                words += "; nothing is certain at an end: widen the grid, or add replicates"
            if reach / band >= worst:
                worst, resolution, cell = reach / band, reach, words
            if apart > band and not target.trouble:
                excluded, reason = True, f"{words}, outside {centre:.6g} ± {band:.2g}"
            for name, rival in theory.rivals.items():
                distance = max(low - _number(rival), _number(rival) - high) / band
                if name not in rivals or distance > rivals[name].distance:
                    rivals[name] = rival_outcome(float(distance), words)
        trouble = next((t.trouble for t in targets if t.trouble), "")
        agrees = worst <= 1 and not trouble
        status, open_ = conclude(agrees, excluded, rivals)
        if not excluded:
            reason = open_ if agrees else f"{cell}: not yet within the tolerance"
        return Verdict(
            status,
            reason,
            float(resolution),
            float(worst),
            n,
            cell,
            rivals,
            tuple(first_replicates(r, k) for c in curves for k, stage in c.used for r in stage),
            # Brackets are of one level: all that is known is on which side of it the p-value lies.
            p_value=self.alpha if excluded else 1.0,
            extra={"brackets": [[target.low, target.high] for target in targets]},
        )

    def _curves(self, evidence: Sequence[Evidence]) -> list[_Curve]:
        groups = swept(evidence, self.over, lambda record: record.setting)
        for group in groups:
            values = {(_number(r.predicted), _number(r.tolerance)) for r in group}
            if len(values) > 1:
                raise ValueError(f"the predicted crossing must not depend on `{self.over}`")
        return [_Curve(tuple(group), shared(group[0].setting, self.over)) for group in groups]

    def _targets(self, curves: Sequence[_Curve]) -> list[_Target]:
        """What is judged: each curve, or each family of sizes."""
        if self.sizes is None:
            return [_Target(c.records[0], c.setting, c.low, c.high, c.trouble) for c in curves]
        targets = []
        for family in swept(curves, self.sizes, lambda curve: curve.setting):
            sizes = np.array([curve.setting[self.sizes] for curve in family], float)
            low, high = np.array([[c.low, c.high] for c in family]).T
            trouble = next((curve.trouble for curve in family if curve.trouble), "")
            ends = [(-math.inf, math.inf)]
            if len(sizes) < 2:
                trouble = trouble or f"; two values of `{self.sizes}` are needed"
            elif np.all(np.isfinite(low) & np.isfinite(high)):
                orders = _ORDERS if self.correction is None else (self.correction,)
                ends = [_extrapolated(sizes, low, high, order) for order in orders]
            setting = shared(family[0].setting, self.sizes)
            bracket = min(end[0] for end in ends), max(end[1] for end in ends)
            targets.append(_Target(family[-1].records[0], setting, *bracket, trouble))
        return targets

    def _finer(self, curves: Sequence[_Curve]) -> list[Setting]:
        """The settings of the next stage; none while a bracket that is open is too wide."""
        open_ = [curve for curve in curves if self.sizes is not None or not self._closed(curve)]
        if not open_ or not all(self._refinable([r.setting for r in c.records]) for c in open_):
            return []
        if any(curve.steps > _STEPS or curve.trouble for curve in open_):
            return []
        inside = np.arange(1, _POINTS + 1) / (_POINTS + 1)
        return [
            {**curve.setting, self.over: float(x)}
            for curve in open_
            for x in curve.low + (curve.high - curve.low) * inside
        ]

    def _closed(self, curve: _Curve) -> bool:
        """Whether a curve lies inside its band, and outside those of its rivals."""
        centre, band = (
            _number(x) for x in (curve.records[0].predicted, curve.records[0].tolerance)
        )
        inside = max(centre - curve.low, curve.high - centre) <= band
        return inside and all(
            max(curve.low - _number(r), _number(r) - curve.high) > band
            for r in curve.records[0].rivals.values()
        )

    def _refinable(self, settings: Sequence[Setting]) -> bool:
        return all(isinstance(setting[self.over], float) for setting in settings)


class _Target(NamedTuple):
    """A bracket to be judged, with the theory that speaks of it."""

    theory: Evidence
    setting: Setting
    low: float
    high: float
    trouble: str


class _Curve(NamedTuple):
    """One sweep: its records of all stages, and the bracket that they leave so far.

    `side` is the sign of the mean's distance from the level at the lower end; `steps` counts those
    of the latest grid that the bracket spans; `used` are the replicates used of each stage.
    """

    records: tuple[Evidence, ...]
    setting: Setting
    low: float = -math.inf
    high: float = math.inf
    side: int = 0
    steps: float = math.inf
    trouble: str = ""
    used: tuple[tuple[int, tuple[Evidence, ...]], ...] = ()

    def narrowed(self, stage: int, n: int, level: float, criterion: Crossing) -> _Curve:
        """The bracket that `n` replicates of a stage leave of this one."""
        points = tuple(record for record in self.records if record.stage == stage)
        if not points:
            return self
        x = np.array([record.setting[criterion.over] for record in points], float)
        # Half the level for each end of the bracket.
        values = np.stack([record.values[:n] for record in points], axis=1)
        signs = _sides(values, level / 2, criterion)
        side = self.side or signs[0] or -signs[-1]
        used = (*self.used, (n, points))
        if stage == 0 and signs[0] and signs[0] == signs[-1]:
            trouble = "; both ends of the grid lie on one side: widen it"
            return self._replace(trouble=trouble, used=used)
        first = _run(signs, side)
        last = len(x) - _run(signs[::-1], -side)
        low = float(x[first - 1]) if first else self.low
        high = float(x[last]) if last < len(x) else self.high
        trouble = ""
        between = signs[first:last]
        if side and -side in between and side in between[between.index(-side) :]:
            trouble = "; there is more than one change of sign"
        steps = last - first + 1.0 if math.isfinite(low) and math.isfinite(high) else math.inf
        return self._replace(low=low, high=high, side=side, steps=steps, trouble=trouble, used=used)


def _sides(values: np.ndarray, level: float, criterion: Crossing) -> list[int]:
    """The side of the level on which each mean certainly lies; 0 where it is not certain."""
    if criterion.support is not None:
        low, high = criterion.support
        total = ((values - low) / (high - low)).sum(axis=0)
        below, above = (
            low + (high - low) * x for x in frequency_interval(total, len(values), level)
        )
    else:
        seen = moments(values)
        width = np.where(seen.constant, np.inf, half_width(seen, level))
        below, above = seen.mean - width, seen.mean + width
    sides = (below > criterion.level).astype(int) - (above < criterion.level).astype(int)
    return sides.tolist()


def _run(signs: Sequence[int], side: int) -> int:
    """How many points from the first on are certain to lie on a side."""
    if not side:
        return 0
    return next((k for k, sign in enumerate(signs) if sign != side), len(signs))


def _extrapolated(
    sizes: np.ndarray, low: np.ndarray, high: np.ndarray, order: float
) -> tuple[float, float]:
    """Where `x` of `x + a / size**order` may lie, each size being anywhere in its bracket."""
    design = np.stack([np.ones_like(sizes), (sizes / sizes[-1]) ** -order], axis=1)
    weights = np.linalg.pinv(design)[0]
    middle, half = weights @ (low + high) / 2, np.abs(weights) @ (high - low) / 2
    return float(middle - half), float(middle + half)


def _number(theory: Any) -> float:
    """A crossing that a theory predicts: the same for every replicate."""
    values = np.ravel(np.asarray(theory, float))
    if np.any(values != values[0]) and not np.all(np.isnan(values)):
        raise ValueError("a predicted crossing must be one number, whatever is drawn")
    return float(values[0])


def _wanting(verdict: Verdict, wanted: int, more: Sequence[Setting] = ()) -> Verdict:
    return replace(verdict, wanted=wanted, more=tuple(more))
