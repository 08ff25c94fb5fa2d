"""Evidence, verdicts, and what every criterion says the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from theorylab.verify.claim import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theorylab.verify.claim import Claim

# Error level of a claim, where a criterion has one.
ALPHA = 1e-3

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
    theories' may have one replicate that stands for all. `stage` counts how often evidence was
    asked for in view of other evidence: 0 for the settings of the claim itself.
    """

    setting: Setting
    values: np.ndarray
    predicted: np.ndarray
    rivals: Mapping[str, np.ndarray | float]
    tolerance: np.ndarray
    coords: Mapping[str, np.ndarray]
    given: Mapping[str, np.ndarray]
    stage: int = 0


@dataclass(frozen=True)
class RivalOutcome:
    """What the evidence says of a rival.

    `distance` is how far it is from the evidence where it is farthest, in tolerances: a rival is
    refuted above 1. `where` names that place.
    """

    status: Literal["refuted", "open", "no power"]
    distance: float
    where: str = ""


@dataclass(frozen=True, eq=False, repr=False)
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
        p_value: of the claim, valid at any look (noisy criteria).
        forecast: about how many replicates a verdict would take, where it is open.
        wanted: how many replicates the criterion asks for next; 0 once it is done.
        more: settings of the next stage that the criterion asks for, `wanted` replicates of each.
        state: what the criterion remembers of the looks so far; given back to `decide` as
            `earlier` with more replicates, it spares looking again, and changes nothing else.
        extra: what a criterion has to say beside, by name: numbers, strings, and lists of them; of
            an error its `traceback`.
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
    p_value: float = np.nan
    forecast: float = np.nan
    wanted: int = 0
    more: Sequence[Setting] = ()
    state: Any = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
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

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from theorylab.verify.report import html

        return html([self])


class Criterion(Protocol):
    """What decides a claim."""

    @property
    def coupled(self) -> frozenset[str]:
        """Settings that do not enter the random key: replicate i is one instance for all."""
        ...

    def first_look(self, budget: int) -> int:
        """How many replicates of a budget to compute before the first decision."""
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

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        """The verdict on the evidence of all settings, of a budget of replicates."""
        ...


def distances(values: np.ndarray, theory: Any) -> np.ndarray:
    """`|values - theory|`, 0 where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return np.where(values == theory, 0.0, np.abs(values - theory))


def multiples(values: np.ndarray, theory: Any, tolerance: Any, nan: float = np.inf) -> np.ndarray:
    """Distances in tolerances, 0/0 = 0; `nan` where one side alone is not a number."""
    distance = distances(values, theory)
    with np.errstate(divide="ignore", invalid="ignore"):
        multiple = np.where(distance == 0, 0.0, distance / tolerance)
    return np.nan_to_num(multiple, nan=nan, posinf=np.inf)


def within_tolerance(rivals: Iterable[str], theories: Sequence[Evidence]) -> list[str]:
    """The rivals that no cell of any setting takes out of the tolerance of the prediction."""
    near = lambda name: all(
        multiples(theory.predicted, theory.rivals[name], theory.tolerance, nan=0.0).max() <= 1
        for theory in theories
    )
    return [name for name in rivals if theories and near(name)]


def needing_a_small_bias(
    rivals: Iterable[str], theories: Sequence[Evidence], biases: Sequence[Any]
) -> list[str]:
    """The rivals that a bias at its bound could hide: told apart only where it is smaller.

    `biases` bound the bias of each theory, as part of its tolerance.
    """
    clear = lambda name: any(
        np.any(distances(t.predicted, t.rivals[name]) - t.tolerance - bias > 0)
        for t, bias in zip(theories, biases, strict=True)
    )
    return [name for name in rivals if not clear(name)]


def farthest(evidence: Sequence[Evidence], excess: Sequence[np.ndarray]) -> tuple[float, str]:
    """The largest multiple of the tolerance, and its place in words."""
    which = int(np.argmax([e.max() for e in excess]))
    record, place = evidence[which], np.unravel_index(excess[which].argmax(), excess[which].shape)
    where = ", ".join([*_named(record, place[1:]), f"replicate {place[0]}"])
    return float(excess[which][place]), where + within(record.setting)


def cell_in_words(record: Evidence, cell: int) -> list[str]:
    """Where a cell of an observation lies, counted along its axes: a word for each axis."""
    return _named(record, np.unravel_index(cell, record.values.shape[1:]))


def place_of_cell(record: Evidence, cell: int, *but: str) -> str:
    """A cell of an observation, counted along its axes, and its setting in words.

    `but` names settings that are swept and left out.
    """
    setting = {name: value for name, value in record.setting.items() if name not in but}
    return (", ".join(cell_in_words(record, cell)) or "the mean") + within(setting)


def _named(record: Evidence, index: Sequence[Any]) -> list[str]:
    axes = list(record.coords.items()) or [(f"axis {k}", None) for k in range(len(index))]
    return [
        f"{name} = {i if values is None else number(values[i])}"
        for (name, values), i in zip(axes, index, strict=True)
    ]


def refuse_outcomes(
    evidence: Sequence[Evidence], support: tuple[float, float] | None = None
) -> None:
    """Refuse outcomes that are not finite, or not within their support; frequencies must have one.

    Raises: `ValueError` naming replicate and cell.
    """
    refuse_what_is_not_finite(evidence, support)
    if support is None and all(np.all((e.values == 0) | (e.values == 1)) for e in evidence):
        raise ValueError("outcomes are all 0 or 1: declare `support=(0, 1)`")


def refuse_what_is_not_finite(
    evidence: Sequence[Evidence], support: tuple[float, float] | None = None
) -> None:
    """Refuse outcomes that are not finite, or not within their support, or not there.

    Raises: `ValueError` naming replicate and cell.
    """
    for record in evidence:
        values = record.values
        if not values.size:
            raise ValueError(f"one replicate at least is needed; got outcomes {values.shape}")
        bad = ~np.isfinite(values)
        if support is not None:
            bad |= (values < support[0]) | (values > support[1])
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            what = f"within {support}" if support else "finite"
            raise ValueError(
                f"replicate {place[0]}, cell {place[1:]}: an outcome must be {what}; "
                f"got {values[place]}"
            )


def first_replicates(record: Evidence, n: int) -> Evidence:
    """The evidence of the first `n` replicates."""
    one = lambda array: array if np.ndim(array) == 0 or len(array) == 1 else array[:n]
    return record._replace(
        values=record.values[:n],
        predicted=one(record.predicted),
        tolerance=one(record.tolerance),
        rivals={name: one(rival) for name, rival in record.rivals.items()},
        given={name: drawn[:n] for name, drawn in record.given.items()},
    )


def joined(records: Sequence[Evidence]) -> Evidence:
    """The evidence of one setting, from records of successive replicates."""
    first = records[0]
    drawn = bool(first.given)
    join = lambda arrays: np.concatenate(arrays) if drawn and np.ndim(arrays[0]) else arrays[0]
    return first._replace(
        values=np.concatenate([record.values for record in records]),
        predicted=join([record.predicted for record in records]),
        tolerance=join([record.tolerance for record in records]),
        rivals={name: join([record.rivals[name] for record in records]) for name in first.rivals},
        given={name: np.concatenate([r.given[name] for r in records]) for name in first.given},
    )


def rival_outcome(distance: float, where: str) -> RivalOutcome:
    return RivalOutcome("refuted" if distance > 1 else "open", distance, where)


def conclude(
    agrees: bool, excluded: bool, rivals: Mapping[str, RivalOutcome]
) -> tuple[Status, str]:
    survivors = [name for name, outcome in rivals.items() if outcome.status != "refuted"]
    if excluded:
        return "refuted", ""
    if agrees and not survivors:
        return "holds", ""
    names = ", ".join(f"'{name}'" for name in survivors)
    return "inconclusive", f"not refuted by this evidence: {names}" if survivors else ""


def within(setting: Mapping[str, Any]) -> str:
    """` of` a setting, in words; nothing of an empty one."""
    words = ", ".join(f"{name} {number(value)}" for name, value in setting.items())
    return f" of {words}" if words else ""


def number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
