"""Orders at which a deviation vanishes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.verdict import (
    Evidence,
    RivalOutcome,
    Verdict,
    conclude,
    distances,
    rival_outcome,
    within,
)


@dataclass(frozen=True)
class Rate:
    """The deviation from the prediction vanishes at the claimed order in one swept setting.

    The deviation at size `N` is the largest `|observed - predicted|` over the cells; it is
    claimed to go as `N**exponent`: step sizes with positive, system sizes with negative exponents.
    Every replicate is an instance of its own, the same at all sizes, and judged by itself: the
    estimate is the last local slope, with half-width

        h = |difference of the last two slopes| / (q**(correction / 2) - 1) + 2 rounding / ln q

    for sizes of ratio `q` whose next correction is of order `correction`.

    A rival law is refuted when its own deviation vanishes at another order; a rival given as a
    number is another exponent.

    Arguments:
        over: the setting swept: four sizes at least, of constant ratio, over a factor of 8.
        exponent: the claimed order, not 0.
        band: the exponents within `exponent +- band` agree with the claim.
        correction: order of the next term, relative to the leading one.
        rounding: error of an observation by rounding, a number or `(eps, **setting[, **given])`.
    """

    over: str
    exponent: float
    band: float
    correction: float = 1.0
    rounding: float | Callable[..., Any] = 0.0

    def __post_init__(self) -> None:
        if not self.exponent or not math.isfinite(self.exponent):
            raise ValueError(f"`exponent` must be finite and not 0; got {self.exponent}")
        for name in ("band", "correction"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be > 0; got {getattr(self, name)}")

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset({self.over})

    def first_look(self, budget: int) -> int:
        return budget

    def validate(self, settings: Sequence[Setting]) -> None:
        for group in self._grouped(settings, lambda setting: setting):
            sizes = np.array([setting[self.over] for setting in group], float)
            if not np.all(np.isfinite(sizes) & (sizes > 0)):
                raise ValueError(f"every `{self.over}` must be finite and > 0; got {sizes}")
            ratios = sizes[1:] / sizes[:-1]
            if len(sizes) < 4 or max(sizes[0] / sizes[-1], sizes[-1] / sizes[0]) < 8 * (1 - 1e-9):
                raise ValueError(
                    f"a rate needs four values of `{self.over}` or more, over a factor of 8; "
                    f"got {', '.join(f'{size:g}' for size in sizes)}"
                )
            if np.ptp(ratios) > 1e-6 * abs(ratios[0]):
                raise ValueError(
                    f"the values of `{self.over}` must have a constant ratio; got {sizes}"
                )

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        return self.rounding(eps, **setting, **given) if callable(self.rounding) else self.rounding

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        numbers = {name: r for name, r in rivals.items() if not callable(r)}
        return [name for name, r in numbers.items() if abs(r - self.exponent) <= 2 * self.band]

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        groups = self.groups(evidence)
        worst, cell, refuted = -np.inf, "", False
        resolution = np.nan
        rivals: dict[str, RivalOutcome] = {}
        for group in groups:
            shared = {k: v for k, v in group[0].setting.items() if k != self.over}
            slope, half = self.local_exponent(group)
            far = np.nan_to_num(np.abs(slope - self.exponent) + half, nan=np.inf)
            i = int(np.argmax(far))
            place = f"replicate {i}{within(shared)}"
            if far[i] / self.band > worst:
                worst, resolution = far[i] / self.band, far[i]
                cell = f"{place}: exponent {slope[i]:.4f} ± {half[i]:.4f}"
            refuted |= bool(np.any(np.abs(slope - self.exponent) - half > self.band))
            # As for `Exact`: not a number on one side alone contradicts the law.
            refuted |= not np.all(np.isfinite(self.deviations(group)))
            for name, rival in group[0].rivals.items():
                if np.ndim(rival) == 0:
                    apart = np.abs(slope - rival) - half
                    told = slope
                else:
                    told, width = self.local_exponent(group, name)
                    apart = np.abs(told - self.exponent) - width
                apart = np.nan_to_num(apart / self.band, nan=-np.inf)
                j = int(np.argmax(apart))
                outcome = rival_outcome(float(apart[j]), f"{place}: exponent {told[j]:.4f}")
                if name not in rivals or outcome.distance > rivals[name].distance:
                    rivals[name] = outcome
        status, reason = conclude(bool(worst <= 1), refuted, rivals)
        if status != "holds" and not worst <= 1:
            reason = f"{cell} is not within {self.exponent:g} ± {self.band:g}"
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

    def groups(self, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
        """Evidence that differs only in the swept setting, the size of least deviation last."""
        return self._grouped(evidence, lambda record: record.setting)

    def deviations(self, group: Sequence[Evidence], rival: str | None = None) -> np.ndarray:
        """Deviation of each replicate at each size, `(replicates, sizes)`, from one theory."""
        theory = lambda e: e.predicted if rival is None else e.rivals[rival]
        columns = [distances(e.values, theory(e)) for e in group]
        return np.stack([column.reshape(len(column), -1).max(axis=1) for column in columns], axis=1)

    def local_exponent(
        self, group: Sequence[Evidence], rival: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The last local slope of each replicate and its half-width; NaN without a deviation."""
        deviation = self.deviations(group, rival)
        sizes = np.array([e.setting[self.over] for e in group], float)
        rounding = max(float(np.max(e.tolerance)) for e in group[-2:])
        log_ratio = np.log(sizes[-1] / sizes[-2])
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.diff(np.log(deviation), axis=1) / log_ratio
            noise = 2 * rounding / deviation.min(axis=1) / abs(log_ratio)
        last, drift = slopes[:, -1], np.abs(slopes[:, -1] - slopes[:, -2])
        half = drift / np.expm1(self.correction / 2 * abs(log_ratio)) + noise
        valid = np.isfinite(last) & np.isfinite(half)
        return np.where(valid, last, np.nan), np.where(valid, half, np.nan)

    def _grouped(
        self, items: Sequence[Any], setting_of: Callable[[Any], Setting]
    ) -> list[list[Any]]:
        groups: dict[Any, list[Any]] = {}
        for item in items:
            setting = setting_of(item)
            if self.over not in setting:
                raise ValueError(f"every setting must have `{self.over}`, the rate's variable")
            shared = tuple((k, v) for k, v in sorted(setting.items()) if k != self.over)
            groups.setdefault(shared, []).append(item)
        order = lambda item: float(setting_of(item)[self.over]) * -np.sign(self.exponent)
        return [sorted(group, key=order) for group in groups.values()]
