"""What a claim is: a statement, its source, a prediction, an observation, a criterion, rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from theorylab.numerics.annotations import Array

if TYPE_CHECKING:
    from theorylab.verify.criteria import Criterion

SCALES = ("quick", "standard", "full")

# Arguments of `theorylab.check`, beside which settings are given.
RESERVED = frozenset(
    {
        "scale",
        "seed",
        "precision",
        "progress",
        "store",
        "jobs",
        "executor",
        "alpha",
        "rivals",
        "stage",
    }
)

Setting: TypeAlias = dict[str, Any]
"""Keyword arguments of an experiment: numbers, strings, and tuples of them."""


@dataclass(frozen=True)
class Source:
    """Where a statement was published, and at which equation or section."""

    authors: str
    year: int
    title: str
    arxiv: str | None = None
    doi: str | None = None
    at: str | None = None

    def __str__(self) -> str:
        parts = [f"{self.authors} ({self.year})", self.title]
        parts += [f"arXiv:{self.arxiv}"] if self.arxiv else []
        parts += [f"doi:{self.doi}"] if self.doi else []
        return ", ".join(parts + ([self.at] if self.at else []))


class Outcome(NamedTuple):
    """One replicate of an experiment whose law depends on what the seed drew.

    `value` is the observation; `given` are the drawn quantities by name, which the prediction, its
    rivals and the tolerance receive beside the setting.
    """

    value: Array
    given: Mapping[str, Array]


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """A prediction set against an observation that could have disagreed.

    Arguments:
        statement: what is claimed, in a sentence.
        source: where it was claimed first.
        predict: `(**setting[, **given]) -> array`, the closed form, in NumPy float64.
        observe: `(key, **setting) -> array or Outcome`, one replicate, in JAX. Floats and tuples
            of floats of the setting arrive traced; integers, strings and booleans are static.
        criterion: how agreement is decided, with its derived tolerance.
        rivals: wrong theories by name, of the signature of `predict` (a number where the criterion
            takes one); at least one.
        settings: for each scale the settings checked; a scale left out takes the next smaller.
        coords: `(**setting) -> {axis: values}`, the axes of an observation, in order.
        domain: `(**setting)`, raises `ValueError` for a setting outside the theorem's domain, or
            outside that of the tolerance's derivation, before anything is computed.
        assumes: the hypotheses of the theorem.
        proof: the derivation, as `family/module` below `proofs/`.
        quantity: what is observed, with its symbol, as figures name it: `overlap $m$`.
        replicates: how many per setting, for all scales or for each; a budget where the criterion
            adds replicates until all is decided.
        tile: how many of them are computed together, always.
        mapped: whether `observe` can be traced and mapped by JAX; if not (an optimiser with
            restarts, enumeration by SciPy), it is called on the host, replicate by replicate, and
            floats reach it as they are.
        name: what verdicts call a claim that no family registers.
    """

    statement: str
    source: Source
    predict: Callable[..., Any]
    observe: Callable[..., Any]
    criterion: Criterion
    rivals: Mapping[str, Callable[..., Any] | float]
    settings: Mapping[str, Sequence[Setting]]
    coords: Callable[..., Mapping[str, Any]] | None = None
    domain: Callable[..., Any] | None = None
    assumes: Sequence[str] = ()
    proof: str | None = None
    quantity: str = "observation"
    replicates: int | Mapping[str, int] = 4
    tile: int = 4
    mapped: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        for name, kind, of in (
            ("source", Source, "a Source"),
            ("rivals", Mapping, "a mapping of names to laws"),
            ("settings", Mapping, "a mapping of scales to settings"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"`{name}` must be {of}; got {getattr(self, name)!r}")
        for name in ("predict", "observe"):
            if not callable(getattr(self, name)):
                raise TypeError(f"`{name}` must be a function; got {getattr(self, name)!r}")
        if isinstance(self.criterion, type) or not hasattr(self.criterion, "decide"):
            raise TypeError(f"`criterion` must be one, such as Mean(0.1); got {self.criterion!r}")
        for name, rival in self.rivals.items():
            require_rival(name, rival)
        if not self.rivals:
            raise ValueError(
                "a claim needs rivals: a check that could not have failed proves nothing"
            )
        unknown = set(self.settings) - set(SCALES)
        if unknown or not self.settings.get("quick"):
            raise ValueError(
                f"`settings` must map {', '.join(SCALES)} to settings, `quick` at least"
            )
        if self.tile < 1:
            raise ValueError(f"`tile` must be >= 1; got {self.tile}")
        counts = {"quick": self.replicates} if isinstance(self.replicates, int) else self.replicates
        if set(counts) - set(SCALES) or "quick" not in counts or min(counts.values()) < 1:
            raise ValueError(
                f"`replicates` must be >= 1, for {', '.join(SCALES)}, `quick` at least; "
                f"got {self.replicates}"
            )
        for scale, settings in self.settings.items():
            if not all(isinstance(setting, Mapping) for setting in settings):
                raise TypeError(f"`settings` of {scale} must be a list of settings; got {settings}")
            taken = RESERVED.intersection(name for setting in settings for name in setting)
            if taken:
                raise ValueError(f"no setting may be called {', '.join(sorted(taken))}")
            self.criterion.validate([plain_setting(setting) for setting in settings])

    def settings_at(self, scale: str) -> list[Setting]:
        """The settings of a scale, of the next smaller where it has none of its own."""
        return [plain_setting(setting) for setting in _at_scale(self.settings, scale)]

    def replicates_at(self, scale: str) -> int:
        """How many replicates of each setting a scale asks for."""
        if isinstance(self.replicates, int):
            return self.replicates
        return _at_scale(self.replicates, scale)


def require_rival(name: str, rival: Any) -> None:
    """Refuse what is neither a law nor a number.

    Raises: `ValueError` naming the rival.
    """
    number = isinstance(rival, int | float | np.number) and not isinstance(rival, bool)
    if not (callable(rival) or (number and np.isfinite(rival))):
        raise ValueError(f"rival '{name}' must be a law or a finite number; got {rival!r}")


def _at_scale(by_scale: Mapping[str, Any], scale: str) -> Any:
    if scale not in SCALES:
        raise ValueError(f"`scale` must be one of {', '.join(SCALES)}; got {scale!r}")
    below = SCALES[: SCALES.index(scale) + 1]
    return next(by_scale[name] for name in reversed(below) if name in by_scale)


def plain_setting(setting: Mapping[str, Any]) -> Setting:
    """A setting of Python numbers, strings, booleans and tuples: hashable, printable, storable."""
    return {name: _plain(name, value) for name, value in setting.items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        entries = tuple(_plain(name, entry) for entry in value)
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in entries)
        if numbers and any(isinstance(x, float) for x in entries):
            return tuple(float(x) for x in entries)
        return entries
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"setting `{name}` must be a number, a string or a tuple; got {value!r}")
    return value


def is_traced(value: Any) -> bool:
    """Whether a value of a setting reaches JAX as a number rather than as part of the program."""
    return isinstance(value, float) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(x, float) for x in value)
    )


def override(
    claim_id: str, settings: Sequence[Setting], changes: Mapping[str, Any]
) -> list[Setting]:
    """The settings with some values replaced, each different one once.

    A whole number given for a float counts as that float.
    Raises: `ValueError` naming the settings there are, where one is unknown.
    """
    known = dict.fromkeys(name for setting in settings for name in setting)
    for name in changes:
        if name not in known:
            raise ValueError(f"`{claim_id}` has no setting `{name}`; it has {', '.join(known)}")
    changed = []
    for setting in settings:
        new = {**setting, **plain_setting(changes)}
        for name in changes:
            old = setting.get(name)
            if isinstance(old, float) and type(new[name]) is int:
                new[name] = float(new[name])
            elif is_traced(old) and isinstance(new[name], tuple) and not is_traced(new[name]):
                new[name] = tuple(float(x) for x in new[name])
            elif old is not None and type(new[name]) is not type(old):
                raise ValueError(
                    f"setting `{name}` of `{claim_id}` must be of type {type(old).__name__}, "
                    f"such as {old!r}; got {new[name]!r}"
                )
        if new not in changed:
            changed.append(new)
    return changed
