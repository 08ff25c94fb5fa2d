"""Laws that hold on average."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.verdict import (
    ALPHA,
    Evidence,
    RivalOutcome,
    Verdict,
    first_replicates,
    needing_a_small_bias,
    place_of_cell,
    refuse_outcomes,
    rival_outcome,
    within_tolerance,
)
from theorylab.verify.statistics import (
    FIRST_LOOK,
    Moments,
    frequency_interval,
    frequency_p_value,
    half_width,
    looks,
    moments,
    next_look,
    p_value,
    replicates_needed,
)

# A margin this close to its threshold, relative, is left to the next look: the last bits of a
# replicate may depend on what it was computed beside.
_MARGIN = 1e-12


@dataclass(frozen=True)
class Mean:
    """The mean over replicates lies within the band around its prediction, in every cell.

    Replicates are added until all is decided or the budget is spent, and looked at on a fixed
    schedule. At each look, with confidence sequences that hold at all looks at once:

    1. a cell that lies outside its band raises a flag, which the same number of fresh replicates
       must confirm: only then is the claim **refuted**;
    2. the claim **holds** when every cell lies inside its band and every rival has been left by
       some cell; `alpha` is shared over cells to refute, not to hold, where all must agree.

    Arguments:
        tolerance: the resolution claimed, a number or `(eps, **setting[, **given]) -> array`.
        bias: the derived systematic part (finite size, step), which widens the band; likewise.
        support: the interval outcomes lie in, for frequencies and rare events: exact bounds for
            0/1 outcomes, valid for any in the interval, and no confirmation is needed.
        alpha: error level of the claim.
    """

    tolerance: float | Callable[..., Any]
    bias: float | Callable[..., Any] = 0.0
    support: tuple[float, float] | None = None
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` must be between 0 and 1; got {self.alpha}")
        if self.support is not None and not self.support[0] < self.support[1]:
            raise ValueError(f"`support` must be an interval (low, high); got {self.support}")

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset()

    def first_look(self, budget: int) -> int:
        return min(FIRST_LOOK, budget)

    def validate(self, settings: Sequence[Setting]) -> None:
        pass

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        resolution = self.tolerance
        if callable(resolution):
            resolution = resolution(eps, **setting, **given)
        return self.bias_at(eps, setting, given) + np.asarray(resolution, float)

    def bias_at(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        bias = self.bias(eps, **setting, **given) if callable(self.bias) else self.bias
        return np.asarray(bias, float)

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        return within_tolerance(rivals, theories)

    def decide(
        self,
        evidence: Sequence[Evidence],
        budget: int | None = None,
        earlier: Verdict | None = None,
    ) -> Verdict:
        count = min(len(record.values) for record in evidence)
        cells = _Cells.of(evidence, self)
        seen = earlier.state if earlier else _Seen()
        pending, p_claim, gone = seen.pending, seen.p_value, dict(seen.gone)
        n, view = count, None
        status, reason = "inconclusive", ""
        for n in looks(count):
            if n <= seen.n:
                continue
            view = cells.look(n)
            p_claim = min(p_claim, view.p_value)
            for name, outcome in view.rivals.items():
                if outcome.status == "refuted":
                    gone.setdefault(name, outcome)
            if pending and n == 2 * pending.n:
                off = pending.confirmed_by(cells)
                pending = None
                if off is not None:
                    status, reason = "refuted", f"off at {off}, confirmed by fresh replicates"
                    break
            if pending is None and view.flagged.any():
                pending = _Flag(n, view.flagged, np.sign(view.estimate))
                if self.support is not None:  # exact bounds need no confirmation
                    off = cells.place(int(view.outside.argmax()))
                    status, reason = "refuted", f"off at {off}"
                    break
            if pending is None and view.agrees and len(gone) == len(cells.rivals):
                status, reason = "holds", self._rare(view, n)
                break
        view = view or cells.look(count)
        forecast, wanted = math.nan, 0
        if status == "inconclusive":
            reason, forecast = self._what_is_open(cells, view, gone, count)
            limit = count if budget is None else budget
            if pending and pending.n <= limit:  # a flag beyond the budget is not followed up
                limit = max(limit, 2 * pending.n)
            following = next_look(count if count >= FIRST_LOOK else 0)
            wanted = following if following <= limit else 0
        return Verdict(
            status,
            reason,
            float(view.reach.max()),
            float(view.relative.max()),
            n,
            cells.place(int(view.relative.argmax())),
            {**view.rivals, **gone},
            tuple(first_replicates(record, n) for record in evidence),
            p_value=p_claim,
            forecast=forecast,
            wanted=wanted,
            state=_Seen(n, pending, p_claim, gone),
            extra=self.hidden(evidence, evidence),
        )

    def interval(
        self, record: Evidence, deviations: np.ndarray, unit: float = 1.0
    ) -> tuple[float, float]:
        """Where one cell's mean deviation from its prediction lies, for the claim to hold.

        `deviations`, of all replicates, are in multiples of `unit`.
        """
        if self.support is None:
            seen = moments(deviations[:, None])
            width = float(half_width(seen, self.alpha)[0])
            return float(seen.mean[0]) - width, float(seen.mean[0]) + width
        size = (self.support[1] - self.support[0]) / unit
        low = float((self.support[0] - record.predicted.min()) / unit)
        total = (deviations - low).sum() / size
        lower, upper = frequency_interval(total, len(deviations), self.alpha)
        return low + size * float(lower), low + size * float(upper)

    def hidden(
        self, theories: Sequence[Evidence], records: Sequence[Evidence]
    ) -> dict[str, list[str]]:
        """The rivals that a bias at its bound could hide, if any; `records` set the bounds."""
        if (not callable(self.bias) and self.bias == 0) or any(r.given for r in records):
            return {}
        eps = float(np.finfo(float).eps)
        biases = [self.bias_at(eps, record.setting, {}) for record in records]
        names = needing_a_small_bias(theories[0].rivals, theories, biases)
        return {"hidden_by_the_largest_bias": names} if names else {}

    def _rare(self, view: _View, n: int) -> str:
        """What a cell that never varied leaves open."""
        if not view.constant.any():
            return ""
        rate = math.log(1 / self.alpha) / n
        return (
            f"{int(view.constant.sum())} cells constant in all replicates: events rarer than "
            f"{rate:.2g} per replicate are not excluded"
        )

    def _what_is_open(
        self, cells: _Cells, view: _View, gone: Mapping[str, Any], n: int
    ) -> tuple[str, float]:
        """In words what keeps the verdict, and the replicates it would take."""
        if n < FIRST_LOOK:
            return f"{n} replicates are too few for a look at {FIRST_LOOK}", float(FIRST_LOOK)
        if view.constant.all():
            return "constant in all replicates: use `Exact`, or declare `support`", math.inf
        stuck = view.constant & (view.relative > 1)
        worst = int(np.argmax(stuck if stuck.any() else view.relative))
        place, gap = cells.place(worst), abs(float(view.estimate[worst]))
        if stuck.any():
            advice = "use `Exact`, or declare `support`"
            return f"{place} will not hold, constant in all replicates: {advice}", math.inf
        band = float(cells.tolerance[worst])
        plan = partial(
            replicates_needed,
            max(float(view.deviation[worst]), float(np.finfo(float).tiny)),
            cells=len(view.estimate),
            alpha=self.alpha,
            skewness=float(view.skewness[worst]),
        )
        if view.agrees:
            names = ", ".join(f"'{name}'" for name in cells.rivals if name not in gone)
            return f"not refuted by this evidence: {names}", math.inf
        if gap > band:
            needed = plan(gap, band)
            return f"{place} will not hold; refutation needs about {needed} replicates", needed
        needed = plan(0.0, band - gap)
        return f"open at {place}; to hold needs about {needed} replicates", needed


class _Flag(NamedTuple):
    """Cells that lay outside their bands after `n` replicates, and on which side."""

    n: int
    cells: np.ndarray
    signs: np.ndarray

    def confirmed_by(self, cells: _Cells) -> str | None:
        """The cell that replicates `n` to `2n` put outside too, on that side, in words."""
        new = slice(self.n, 2 * self.n)
        fresh = moments(cells.deviations[new], cells.predicted[new])
        level = 1 - ALPHA / int(self.cells.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (self.signs * fresh.mean - cells.tolerance) * math.sqrt(self.n) / fresh.deviation
        t = np.where(self.cells & ~fresh.constant, t, -np.inf)
        worst = int(t.argmax())
        return cells.place(worst) if t[worst] > special.stdtrit(self.n - 1, level) else None


class _Seen(NamedTuple):
    """What the looks up to `n` replicates leave to the next."""

    n: int = 0
    pending: _Flag | None = None
    p_value: float = 1.0
    gone: Mapping[str, RivalOutcome] = {}


class _View(NamedTuple):
    """What one look shows, cell by cell; `outside` and `relative` in tolerances."""

    estimate: np.ndarray
    deviation: np.ndarray
    skewness: np.ndarray
    constant: np.ndarray
    flagged: np.ndarray
    outside: np.ndarray
    reach: np.ndarray
    relative: np.ndarray
    agrees: bool
    p_value: float
    rivals: dict[str, RivalOutcome]


class _Cells(NamedTuple):
    """The cells of all settings side by side, as deviations from their predictions."""

    evidence: Sequence[Evidence]
    criterion: Mean
    deviations: np.ndarray
    predicted: np.ndarray
    tolerance: np.ndarray
    level: np.ndarray
    rivals: dict[str, np.ndarray]
    low: np.ndarray
    high: np.ndarray
    drawn: bool

    @classmethod
    def of(cls, evidence: Sequence[Evidence], criterion: Mean) -> _Cells:
        n = min(len(record.values) for record in evidence)
        flat = lambda array: np.asarray(array, float).reshape(len(array), -1)
        side_by_side = lambda columns: np.concatenate(
            [np.broadcast_to(c, (n, c.shape[1])) for c in columns], axis=1
        )
        refuse_outcomes(evidence, criterion.support)
        values = side_by_side([flat(record.values[:n]) for record in evidence])
        first = lambda array: flat(array[:n])
        predicted = side_by_side([first(record.predicted) for record in evidence])
        tolerance = side_by_side([first(record.tolerance) for record in evidence])
        if not np.all(np.isfinite(predicted)):
            raise ValueError("the prediction of a mean must be finite everywhere")
        if np.ptp(tolerance, axis=0).any():
            raise ValueError("the tolerance of a mean must not depend on what is drawn")
        rival = lambda record, name: (
            first(record.rivals[name])
            if np.ndim(record.rivals[name])
            else np.full((1, flat(record.values).shape[1]), record.rivals[name])
        )
        laws = {
            name: side_by_side([rival(record, name) for record in evidence])
            for name in evidence[0].rivals
        }
        counts = [flat(record.values).shape[1] for record in evidence]
        level = np.repeat([criterion.alpha / (len(evidence) * c) for c in counts], counts)
        low, high = criterion.support or (-np.inf, np.inf)
        drawn = any(record.given for record in evidence)
        if criterion.support is not None:
            same = lambda law: np.array_equal(law, np.broadcast_to(law[0], law.shape), True)
            if not all(same(law) for law in (predicted, *laws.values())):
                raise ValueError("with `support` no theory may depend on what is drawn")
            drawn = False
        rivals = {name: values - law for name, law in laws.items()}
        return cls(evidence, criterion, values - predicted, predicted, tolerance[0], level, rivals,
                   low - predicted[0], high - predicted[0], drawn)  # fmt: skip

    def look(self, n: int) -> _View:
        """Intervals for the mean deviations after `n` replicates."""
        alpha, seen = self.criterion.alpha, moments(self.deviations[:n], self.predicted[:n])
        bounded = self.criterion.support is not None
        constant = np.zeros_like(seen.constant) if bounded else seen.constant
        low, high = self._interval(seen, self.low, self.high, self.level)
        inner = self._interval(seen, self.low, self.high, alpha)
        beyond = np.maximum(low, -high)
        reach = np.maximum(np.abs(inner[0]), np.abs(inner[1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            outside = np.where(constant, 0.0, beyond / self.tolerance)
            relative = np.where(reach == 0, 0.0, reach / self.tolerance)
        flagged = ~constant & (beyond > self.tolerance * (1 + _MARGIN))
        p = float(np.min(self._p_value(seen) * alpha / self.level))
        agrees = bool(np.all(reach <= self.tolerance * (1 - _MARGIN))) and not constant.all()
        rivals = {}
        for name, deviations in self.rivals.items():
            shift = self.deviations[0] - deviations[0]  # of the rival from the prediction
            left, silent = (low - shift, high - shift), constant
            if self.drawn:
                drawn = moments(deviations[:n])
                left = self._interval(drawn, None, None, self.level)
                silent = constant | drawn.constant
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = np.maximum(left[0], -left[1]) / self.tolerance
            distance = np.where(silent | np.isnan(distance), -np.inf, distance)
            cell = int(distance.argmax())
            rivals[name] = rival_outcome(float(distance[cell]), self.place(cell))
        return _View(seen.mean, seen.deviation, seen.skewness, constant, flagged, outside, reach,
                     relative, agrees, min(1.0, p), rivals)  # fmt: skip

    def _interval(self, seen: Moments, low: Any, high: Any, level: Any) -> tuple:
        """Lower and upper limits of the mean deviation."""
        if self.criterion.support is None:
            width = half_width(seen, level)
            return seen.mean - width, seen.mean + width
        size = high - low
        lower, upper = frequency_interval(seen.n * (seen.mean - low) / size, seen.n, level)
        return low + size * lower, low + size * upper

    def _p_value(self, seen: Moments) -> np.ndarray:
        """Of each cell's mean lying within its tolerance, valid at any look."""
        if self.criterion.support is None:
            excess = np.maximum(np.abs(seen.mean) - self.tolerance, 0)
            return p_value(seen, excess, self.level)
        size = self.high - self.low
        total = seen.n * np.clip((seen.mean - self.low) / size, 0, 1)
        low, high = (
            np.clip((x - self.low) / size, 0, 1) for x in (-self.tolerance, self.tolerance)
        )
        return frequency_p_value(total, seen.n, low, high)

    def place(self, cell: int) -> str:
        """A cell in words."""
        for record in self.evidence:
            count = int(np.prod(record.values.shape[1:]))
            if cell < count:
                return place_of_cell(record, cell)
            cell -= count
        raise IndexError(f"there is no cell {cell}")
