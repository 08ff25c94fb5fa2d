"""How evidence decides a claim: criteria, and the verdicts they reach.

A criterion is a pure function of the ordered replicates: stored evidence can be judged again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from theorylab.verify.claim import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theorylab.verify.claim import Claim

Status = Literal["holds", "refuted", "inconclusive", "error", "skipped"]

# From best to worst; the worst of several claims decides the exit code of `theorylab check`.
EXIT_CODES: dict[Status, int] = {
    "holds": 0,
    "skipped": 0,
    "inconclusive": 3,
    "refuted": 1,
    "error": 4,
}


class Evidence(NamedTuple):
    """All replicates of one setting, with what every theory says of them.

    Every array has the replicate as first axis and the cells of an observation behind; the
    theories' may have one replicate that stands for all.
    """

    setting: Setting
    values: np.ndarray
    predicted: np.ndarray
    rivals: Mapping[str, np.ndarray | float]
    tolerance: np.ndarray
    coords: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RivalOutcome:
    """What the evidence says of a rival.

    `distance` is how far it is from the evidence where it is farthest, in tolerances: a rival is
    refuted above 1. `where` names that place.
    """

    status: Literal["refuted", "open", "no power"]
    distance: float
    where: str = ""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the evidence decided, and how sharply.

    Attributes:
        status: `holds`, `refuted`, `inconclusive`, `error` or `skipped` (an extra is missing).
        reason: in words, what decided or what is open.
        resolution: the smallest tolerance that would still have held, in the units of the
            observation (for an exponent, of the exponent).
        relative_resolution: the same as a multiple of the tolerance: at most 1 where the claim
            holds.
        replicates: how many of each setting were used.
        worst_cell: where prediction and observation differ most, in words.
        rivals: what became of each rival.
        evidence: the replicates themselves, a setting each.
    """

    status: Status
    reason: str = ""
    resolution: float = np.nan
    relative_resolution: float = np.nan
    replicates: int = 0
    worst_cell: str = ""
    rivals: Mapping[str, RivalOutcome] = field(default_factory=dict)
    records: Sequence[Evidence] = field(default=(), repr=False)
    id: str = ""
    claim: Claim | None = field(default=None, repr=False)
    scale: str = ""
    seed: int = 0
    precision: str = "float64"
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.status == "holds"

    @property
    def refuted(self) -> bool:
        return self.status == "refuted"

    @property
    def inconclusive(self) -> bool:
        return self.status == "inconclusive"

    @property
    def evidence(self) -> Any:
        """The evidence as a list of `xarray.Dataset`, one for each setting."""
        from theorylab.verify.report import dataset

        return [dataset(record) for record in self.records]

    def plot(self, figure: Figure | None = None) -> Figure:
        """Theory as lines, simulation as markers, and what is left over below."""
        from theorylab.verify.draw import draw

        return draw(self, figure)

    def __str__(self) -> str:
        from theorylab.verify.report import line

        return line(self)

    def _repr_html_(self) -> str:
        from theorylab.verify.report import html

        return html([self])


class Criterion(Protocol):
    """What decides a claim."""

    @property
    def coupled(self) -> frozenset[str]:
        """Settings that do not enter the random key: replicate i is one instance for all."""
        ...

    def validate(self, settings: Sequence[Setting]) -> None:
        """Refuse settings that cannot be judged together, before anything is computed."""
        ...

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        """The tolerance of one setting, in the shape of an observation."""
        ...

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        """The rivals that no observation could tell from the prediction.

        `theories` (their `values` unread) is empty where the law depends on what is drawn.
        """
        ...

    def decide(self, evidence: Sequence[Evidence]) -> Verdict:
        """The verdict on the evidence of all settings."""
        ...


@dataclass(frozen=True)
class Exact:
    """Every replicate lies within the tolerance of its prediction, in every cell.

    No statistics: several replicates are several instances of one law, and all must agree. With
    `Outcome.given`, the criterion of laws that hold for each seed by itself.

    Arguments:
        tolerance: a number, or `(eps, **setting[, **given]) -> array`, derived from the method's
            error (step size, 1/N, residual) and its rounding at machine precision `eps`. A cell of
            tolerance 0 must agree to the bit.
    """

    tolerance: float | Callable[..., Any]

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset()

    def validate(self, settings: Sequence[Setting]) -> None:
        pass

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        if callable(self.tolerance):
            return self.tolerance(eps, **setting, **given)
        return self.tolerance

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        near = lambda name: all(
            _multiples(theory.predicted, theory.rivals[name], theory.tolerance, nan=0.0).max() <= 1
            for theory in theories
        )
        return [name for name in rivals if theories and near(name)]

    def decide(self, evidence: Sequence[Evidence]) -> Verdict:
        excess = [_multiples(e.values, e.predicted, e.tolerance) for e in evidence]
        worst, cell = _farthest(evidence, excess)
        rivals = {
            name: _rival_outcome(
                *_farthest(
                    evidence,
                    [_multiples(e.values, e.rivals[name], e.tolerance, nan=0.0) for e in evidence],
                )
            )
            for name in evidence[0].rivals
        }
        largest = max(_distances(e.values, e.predicted).max() for e in evidence)
        status, reason = _conclude(worst <= 1, worst > 1, rivals)
        if status == "refuted":
            reason = f"off by {worst:.3g} tolerances at {cell}"
        elif worst < 1e-6:
            reason = "tolerance far above the error" + (f"; {reason}" if reason else "")
        return Verdict(
            status,
            reason,
            float(largest),
            float(worst),
            len(evidence[0].values),
            cell,
            rivals,
            tuple(evidence),
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

    def decide(self, evidence: Sequence[Evidence]) -> Verdict:
        groups = self.groups(evidence)
        worst, cell, refuted = -np.inf, "", False
        resolution = np.nan
        rivals: dict[str, RivalOutcome] = {}
        for group in groups:
            shared = {k: v for k, v in group[0].setting.items() if k != self.over}
            slope, half = self.local_exponent(group)
            far = np.nan_to_num(np.abs(slope - self.exponent) + half, nan=np.inf)
            i = int(np.argmax(far))
            place = f"replicate {i}" + (f" of {_words(shared)}" if shared else "")
            if far[i] / self.band > worst:
                worst, resolution = far[i] / self.band, far[i]
                cell = f"{place}: exponent {slope[i]:.4f} ± {half[i]:.4f}"
            refuted |= bool(np.any(np.abs(slope - self.exponent) - half > self.band))
            refuted |= any(not np.all(np.isfinite(e.values)) for e in group)
            for name, rival in group[0].rivals.items():
                if np.ndim(rival) == 0:
                    apart = np.abs(slope - rival) - half
                    told = slope
                else:
                    told, width = self.local_exponent(group, name)
                    apart = np.abs(told - self.exponent) - width
                apart = np.nan_to_num(apart / self.band, nan=-np.inf)
                j = int(np.argmax(apart))
                outcome = _rival_outcome(float(apart[j]), f"{place}: exponent {told[j]:.4f}")
                if name not in rivals or outcome.distance > rivals[name].distance:
                    rivals[name] = outcome
        status, reason = _conclude(bool(worst <= 1), refuted, rivals)
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
        columns = [_distances(e.values, theory(e)) for e in group]
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


def _distances(values: np.ndarray, theory: Any) -> np.ndarray:
    """`|values - theory|`, 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return np.where(values == theory, 0.0, np.abs(values - theory))


def _multiples(values: np.ndarray, theory: Any, tolerance: Any, nan: float = np.inf) -> np.ndarray:
    """Distances in tolerances, 0/0 = 0; `nan` where one side alone is not a number."""
    distance = _distances(values, theory)
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = np.where(distance == 0, 0.0, distance / tolerance)
    return np.nan_to_num(multiple, nan=nan, posinf=np.inf)


def _farthest(evidence: Sequence[Evidence], excess: Sequence[np.ndarray]) -> tuple[float, str]:
    """The largest multiple of the tolerance, and its place in words."""
    which = int(np.argmax([e.max() for e in excess]))
    record, place = evidence[which], np.unravel_index(excess[which].argmax(), excess[which].shape)
    axes = list(record.coords.items()) or [(f"axis {k}", None) for k in range(len(place) - 1)]
    words = [
        f"{name} = {i if values is None else _number(values[i])}"
        for (name, values), i in zip(axes, place[1:], strict=True)
    ]
    where = ", ".join([*words, f"replicate {place[0]}"])
    return float(excess[which][place]), f"{where} of {_words(record.setting)}"


def _rival_outcome(distance: float, where: str) -> RivalOutcome:
    return RivalOutcome("refuted" if distance > 1 else "open", distance, where)


def _conclude(
    agrees: bool, excluded: bool, rivals: Mapping[str, RivalOutcome]
) -> tuple[Status, str]:
    survivors = [name for name, outcome in rivals.items() if outcome.status != "refuted"]
    if excluded:
        return "refuted", ""
    if agrees and not survivors:
        return "holds", ""
    names = ", ".join(f"'{name}'" for name in survivors)
    return "inconclusive", f"not refuted by this evidence: {names}" if survivors else ""


def _words(setting: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in setting.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
