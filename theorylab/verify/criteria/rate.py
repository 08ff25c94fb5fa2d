"""Orders at which a deviation vanishes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.sweep import besides, shared, swept
from theorylab.verify.criteria.verdict import (
    ALPHA,
    Evidence,
    RivalOutcome,
    Verdict,
    conclude,
    distances,
    first_replicates,
    place_of_cell,
    refuse_what_is_not_finite,
    rival_outcome,
    within,
)
from theorylab.verify.slopes import FEWEST, Slope, slope

# The first look of a noisy rate, at each size; the next ones double it.
_FIRST = 64


@dataclass(frozen=True)
class Rate:
    """The deviation from the prediction goes as the claimed power of one swept setting.

    It is claimed to go as `N**exponent`: step sizes with positive, system sizes with negative
    exponents. What the deviation is depends on `of`:

    `instance`: of deterministic sizes. Every replicate is an instance of its own, the same at all
        sizes, and judged by itself by its largest `|observed - predicted|` over the cells. The
        estimate is the last local slope, with half-width

            h = |difference of the last two slopes| / (q**(correction / 2) - 1) + 2 rounding / ln q

        for sizes of ratio `q` whose next correction is of order `correction`.
    `mean`, `rms`: of noisy sizes, `|mean of (observed - predicted)|` or the root of its mean
        square, in each cell: every cell must show the exponent. The estimate is an unweighted
        log-log slope with jackknife errors (`theorylab.verify.slopes`), looked at after 64, 128,
        256, ... replicates of each size. Curvature beyond its error leaves the verdict open, and a
        mean below four of its standard errors gives no exponent. The exponent claimed is the
        effective one over the stated sizes, unless `correction` is given.

    A rival law is refuted when its own deviation goes with another power; a rival given as a
    number is another exponent.

    Arguments:
        over: the setting swept: four sizes at least, over a factor of 8; of constant ratio for
            instances.
        exponent: the claimed order, not 0.
        band: the exponents within `exponent +- band` agree with the claim.
        of: `instance`, `mean` or `rms`.
        correction: order of the next term, relative to the leading one: 1 for instances, none
            fitted for noisy sizes if left out.
        rounding: error of an observation by rounding, a number or `(eps, **setting[, **given])`;
            of instances only.
        paired: whether a replicate of noisy sizes has the same key at all of them, such as the
            times of one run.
        alpha: error level of a noisy rate.
    """

    over: str
    exponent: float
    band: float
    of: str = "instance"
    correction: float | None = None
    rounding: float | Callable[..., Any] = 0.0
    paired: bool = False
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not self.exponent or not math.isfinite(self.exponent):
            raise ValueError(f"`exponent` must be finite and not 0; got {self.exponent}")
        if not self.band > 0:
            raise ValueError(f"`band` must be > 0; got {self.band}")
        if self.correction is not None and not self.correction > 0:
            raise ValueError(f"`correction` must be > 0; got {self.correction}")
        if self.of not in ("instance", "mean", "rms"):
            raise ValueError(f"`of` must be 'instance', 'mean' or 'rms'; got {self.of!r}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` must be between 0 and 1; got {self.alpha}")

    @property
    def noisy(self) -> bool:
        return self.of != "instance"

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset({self.over}) if self.paired or not self.noisy else frozenset()

    def first_look(self, budget: int) -> int:
        return min(_FIRST, budget) if self.noisy else budget

    def validate(self, settings: Sequence[Setting]) -> None:
        for group in swept(settings, self.over, lambda setting: setting):
            sizes = np.array([setting[self.over] for setting in group], float)
            if not np.all(np.isfinite(sizes) & (sizes > 0)):
                raise ValueError(f"every `{self.over}` must be finite and > 0; got {sizes}")
            ratios = sizes[1:] / sizes[:-1]
            if len(sizes) < 4 or sizes[-1] / sizes[0] < 8 * (1 - 1e-9) or min(ratios) <= 1:
                raise ValueError(
                    f"a rate needs four values of `{self.over}` or more, over a factor of 8; "
                    f"got {', '.join(f'{size:g}' for size in sizes)}{besides(settings, self.over)}"
                )
            if not self.noisy and np.ptp(ratios) > 1e-6 * abs(ratios[0]):
                raise ValueError(
                    f"the values of `{self.over}` must have a constant ratio; got {sizes}"
                )

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        return self.rounding(eps, **setting, **given) if callable(self.rounding) else self.rounding

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        numbers = {name: r for name, r in rivals.items() if not callable(r)}
        return [name for name, r in numbers.items() if abs(r - self.exponent) <= 2 * self.band]

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        if self.noisy:
            return self._decide_noisy(evidence, budget)
        groups = self.groups(evidence)
        worst, cell, refuted = -np.inf, "", ""
        resolution = np.nan
        rivals: dict[str, RivalOutcome] = {}
        for group in groups:
            estimate, half = self.local_exponent(group)
            far = np.nan_to_num(np.abs(estimate - self.exponent) + half, nan=np.inf)
            i = int(np.argmax(far))
            setting = within(shared(group[0].setting, self.over))
            words = lambda i, setting=setting, estimate=estimate, half=half: (
                f"replicate {i}{setting}: exponent {estimate[i]:.4f} ± {half[i]:.4f}"
            )
            if far[i] / self.band > worst:
                worst, resolution = far[i] / self.band, far[i]
                cell = words(i)
            outside = np.nan_to_num(np.abs(estimate - self.exponent) - half, nan=-np.inf)
            # As for `Exact`: not a number on one side alone contradicts the law.
            outside[~np.isfinite(self.deviations(group)).all(axis=1)] = np.inf
            if outside.max() > self.band:
                refuted = words(int(outside.argmax()))
            for name, rival in group[0].rivals.items():
                if np.ndim(rival) == 0:
                    apart = np.abs(estimate - rival) - half
                    told = estimate
                else:
                    told, width = self.local_exponent(group, name)
                    apart = np.abs(told - self.exponent) - width
                apart = np.nan_to_num(apart / self.band, nan=-np.inf)
                j = int(np.argmax(apart))
                where = f"replicate {j}{setting}: exponent {told[j]:.4f}"
                _farther(rivals, name, float(apart[j]), where)
        status, reason = conclude(bool(worst <= 1), bool(refuted), rivals)
        if status != "holds" and not worst <= 1:
            reason = f"{refuted or cell} is not within {self.exponent:g} ± {self.band:g}"
            if len(evidence[0].values) >= FEWEST:
                reason += "; of noisy sizes use of='mean' or of='rms'"
        replicates = len(evidence[0].values)
        return Verdict(
            status,
            reason,
            float(resolution),
            float(worst),
            replicates,
            cell,
            rivals,
            tuple(evidence),
        )

    def _decide_noisy(self, evidence: Sequence[Evidence], budget: int | None) -> Verdict:
        count = min(len(record.values) for record in evidence)
        refuse_what_is_not_finite(evidence)
        if count < _FIRST:
            few = f"{count} replicates of each size are too few for a look at {_FIRST}"
            return Verdict("inconclusive", few, replicates=count, records=tuple(evidence))
        gone: dict[str, RivalOutcome] = {}
        p_value = 1.0
        for k, n in enumerate(_looks(count), start=1):
            records = [first_replicates(record, n) for record in evidence]
            view = self._look(records, self.alpha / (k * (k + 1)))
            p_value = min(p_value, k * (k + 1) * view.p_value)
            for name, outcome in view.rivals.items():
                if outcome.status == "refuted":
                    gone.setdefault(name, outcome)
            status, reason = conclude(view.agrees, bool(view.excluded), {**view.rivals, **gone})
            if status != "inconclusive":
                break
        if view.excluded:
            reason = view.excluded
        elif not view.agrees:
            reason = view.reason
        limit = count if budget is None else budget
        # An interval shrinks as the root of the replicates.
        needed = math.nan if view.agrees or view.excluded else n * max(1.0, view.shortage) ** 2
        return Verdict(
            status,
            reason,
            view.resolution,
            view.resolution / self.band,
            n,
            view.worst,
            {**view.rivals, **gone},
            tuple(records),
            p_value=p_value,
            forecast=needed,
            wanted=2 * n if status == "inconclusive" and 2 * n <= limit else 0,
            extra=view.extra,
        )

    def _look(self, records: Sequence[Evidence], level: float) -> _View:
        """What one look shows, over all curves: cells of groups."""
        groups = self.groups(records)
        curves = [(group, i) for group in groups for i in range(group[0].values[0].size)]
        spread = level / len(curves)  # to refute; to hold, all must agree
        view = _View()
        for group, i in curves:
            fit = self.fit(group, i)
            place = place_of_cell(group[0], i, self.over)
            local = np.diff(fit.logs) / np.diff(np.log(self._sizes(group)))
            view.extra.setdefault("local_slopes", []).append(local.tolist())
            if fit.trouble:
                view.open(math.inf, math.inf, f"{place}: {fit.trouble}")
            else:
                estimate, half = fit.exponent.value, fit.exponent.half_width(level)
                gap, wide = abs(estimate - self.exponent), fit.exponent.half_width(spread)
                words = f"{place}: exponent {estimate:.4f} ± {half:.4f}"
                curved = abs(fit.curvature.value) > fit.curvature.half_width(level)
                reason = f"{words} is not within {self.exponent:g} ± {self.band:g}"
                if curved:
                    reason = f"{place}: the log-log line is curved, so that no power is told"
                inside = gap + half <= self.band and not curved
                shortage = half / max(self.band - gap, self.band / 100)
                if inside:
                    view.add(gap + half, words)
                else:
                    view.open(gap + half, shortage, reason, words)
                if gap - wide > self.band and not curved:
                    view.excluded = reason
                view.p_value = min(
                    view.p_value, len(curves) * fit.exponent.p_value(gap - self.band)
                )
                view.extra.setdefault("exponents", []).append(estimate)
                view.extra.setdefault("curvatures", []).append(fit.curvature.value)
            for name, rival in group[0].rivals.items():
                told, centre = (fit, float(rival)) if np.ndim(rival) == 0 else (
                    self.fit(group, i, name), self.exponent)  # fmt: skip
                apart = -math.inf
                if not told.trouble:
                    apart = abs(told.exponent.value - centre) - told.exponent.half_width(spread)
                words = f"{place}: exponent {told.exponent.value:.4f}"
                _farther(view.rivals, name, apart / self.band, words)
        return view

    def groups(self, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
        """Evidence that differs only in the swept setting, the size of least deviation last."""
        groups = swept(evidence, self.over, lambda record: record.setting)
        return groups if self.exponent < 0 else [group[::-1] for group in groups]

    def deviations(self, group: Sequence[Evidence], rival: str | None = None) -> np.ndarray:
        """Deviation of each replicate at each size, `(replicates, sizes)`, from one theory."""
        columns = [distances(e.values, _theory(e, rival)) for e in group]
        return np.stack([column.reshape(len(column), -1).max(axis=1) for column in columns], axis=1)

    def fit(self, group: Sequence[Evidence], cell: int = 0, rival: str | None = None) -> Slope:
        """The log-log slope of one cell of noisy sizes, of its deviation from one theory."""
        deviations = np.stack(
            [(e.values - _theory(e, rival)).reshape(len(e.values), -1)[:, cell] for e in group],
            axis=1,
        )
        order = None
        if self.correction is not None:
            order = math.copysign(self.correction, self.exponent)
        return slope(
            deviations, self._sizes(group), of=self.of, correction=order, paired=self.paired
        )

    def estimate(self, group: Sequence[Evidence]) -> tuple[float, float]:
        """The exponent of a group and its half-width, of its first instance or cell."""
        if self.noisy:
            exponent = self.fit(group).exponent
            return exponent.value, exponent.half_width(self.alpha)
        slope, half = self.local_exponent(group)
        return float(slope[0]), float(half[0])

    def local_exponent(
        self, group: Sequence[Evidence], rival: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The last local slope of each replicate and its half-width; NaN without a deviation."""
        deviation, sizes = self.deviations(group, rival), self._sizes(group)
        rounding = max(float(np.max(e.tolerance)) for e in group[-2:])
        log_ratio = np.log(sizes[-1] / sizes[-2])
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.diff(np.log(deviation), axis=1) / log_ratio
            noise = 2 * rounding / deviation.min(axis=1) / abs(log_ratio)
        last, drift = slopes[:, -1], np.abs(slopes[:, -1] - slopes[:, -2])
        correction = 1.0 if self.correction is None else self.correction
        half = drift / np.expm1(correction / 2 * abs(log_ratio)) + noise
        valid = np.isfinite(last) & np.isfinite(half)
        return np.where(valid, last, np.nan), np.where(valid, half, np.nan)

    def _sizes(self, group: Sequence[Evidence]) -> np.ndarray:
        return np.array([record.setting[self.over] for record in group], float)


@dataclass
class _View:
    """What one look at noisy sizes shows, gathered over the curves."""

    agrees: bool = True
    excluded: str = ""  # in words, the curve that contradicts the claim
    p_value: float = 1.0
    resolution: float = 0.0
    shortage: float = 0.0
    worst: str = ""
    reason: str = ""
    rivals: dict[str, RivalOutcome] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def add(self, far: float, words: str) -> None:
        """A curve whose interval reaches `far` from the claimed exponent."""
        if far >= self.resolution or not self.worst:
            self.resolution, self.worst = far, words

    def open(self, far: float, shortage: float, reason: str, words: str = "") -> None:
        """A curve that does not agree yet, with an interval `shortage` times too wide."""
        self.add(far, words or reason)
        self.agrees = False
        if shortage >= self.shortage:
            self.shortage, self.reason = shortage, reason


def _looks(count: int) -> list[int]:
    """64, 128, 256, ... up to a number of replicates."""
    schedule = [_FIRST]
    while 2 * schedule[-1] <= count:
        schedule.append(2 * schedule[-1])
    return schedule


def _theory(record: Evidence, rival: str | None) -> Any:
    return record.predicted if rival is None else record.rivals[rival]


def _farther(rivals: dict[str, RivalOutcome], name: str, distance: float, where: str) -> None:
    """Remember where a rival is farthest from the evidence."""
    if name not in rivals or distance > rivals[name].distance:
        rivals[name] = rival_outcome(distance, where)
