"""From a claim to a verdict: evidence is gathered until its criterion is satisfied.

Replicates are added look by look, in tiles (`theorylab.verify.tiles`), kept in a store where there
is one, and computed by whatever executor is given: the verdict is the same.
"""

from __future__ import annotations

import operator
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from theorylab.errors import MissingExtra
from theorylab.verify.claim import Claim, Setting, override, require_rival
from theorylab.verify.criteria import Evidence, RivalOutcome, Verdict
from theorylab.verify.criteria.verdict import joined
from theorylab.verify.store import Store
from theorylab.verify.tiles import Experiment, Gathering, at_precision

PRECISIONS = ("float64", "float32")

# Claims under way at once where an executor computes their tiles: few looks ask for many tiles.
_CLAIMS_AT_ONCE = 4

Progress = Callable[[int, int], None]
"""Called with the tiles of a claim computed so far, and their total."""


class BadSetting(ValueError):
    """A value that replaces one of a claim's settings, and that its theory refuses."""


@dataclass(frozen=True)
class _Run:
    """What all claims of one run share."""

    scale: str
    seed: int
    precision: str
    changed: bool
    store: Store | None
    executor: Executor | None

    @property
    def eps(self) -> float:
        return float(np.finfo(self.precision).eps)


def check_claims(
    claims: Mapping[str, Claim],
    *,
    scale: str = "quick",
    seed: int = 0,
    precision: str = "float64",
    changes: Mapping[str, Any] | None = None,
    lenient: bool = False,
    progress: Callable[[str], Progress] | None = None,
    store: Store | None = None,
    executor: Executor | None = None,
    alpha: float | None = None,
    rivals: Mapping[str, Any] | None = None,
) -> Iterator[Verdict]:
    """Gather the evidence a scale asks for and decide, claim by claim.

    Arguments:
        claims: by id.
        scale: `quick`, `standard` or `full`.
        seed: of all randomness; `>= 0`.
        precision: of the simulations; it enters the tolerances.
        changes: values of settings that replace the claims' own.
        lenient: skip claims without the settings changed, instead of refusing.
        progress: of an id, gives what is called as the tiles of that claim are computed.
        store: keeps the evidence as it is gathered, and supplies what it holds already.
        executor: computes the tiles, several claims' at once; this process without any.
        alpha: error level of each noisy claim, instead of its own.
        rivals: more rivals of each claim: laws of the signature of its prediction, or numbers.

    Yields: each verdict as soon as it and those before it are reached, of status `error` when the
        claim's own code fails, `skipped` when it needs an extra that is not installed.
    Raises: `ValueError` for bad arguments, before any work; `BadSetting` where a claim refuses the
        values of `changes`, before it is simulated.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {', '.join(PRECISIONS)}; got {precision!r}")
    if isinstance(seed, bool) or not 0 <= operator.index(seed) < 2**32:
        raise ValueError(f"`seed` must be a whole number from 0 to 2^32 - 1; got {seed!r}")
    if alpha is not None:
        claims = {claim_id: _at_level(claim, alpha) for claim_id, claim in claims.items()}
    if rivals:
        claims = {claim_id: _against(claim, rivals) for claim_id, claim in claims.items()}
    run = _Run(scale, operator.index(seed), precision, bool(changes), store, executor)
    plans: dict[str, list[Setting] | str] = {}
    for claim_id, claim in claims.items():
        plans[claim_id] = settings = claim.settings_at(scale)
        if changes:
            try:
                plans[claim_id] = settings = override(claim_id, settings, changes)
                claim.criterion.validate(settings)
            except ValueError as refusal:
                if not lenient:
                    raise
                plans[claim_id] = str(refusal)
    if claims and all(isinstance(plan, str) for plan in plans.values()):
        raise ValueError(f"no claim selected can be checked so: {next(iter(plans.values()))}")

    def verdict_on(claim_id: str) -> Verdict:
        began, plan = time.perf_counter(), plans[claim_id]
        if isinstance(plan, str):
            verdict = Verdict("skipped", plan)
        else:
            notify = progress(claim_id) if progress else None
            verdict = _check(claim_id, claims[claim_id], plan, run, notify)
        return replace(
            verdict,
            id=claim_id,
            claim=claims[claim_id],
            scale=scale,
            seed=run.seed,
            precision=precision,
            seconds=time.perf_counter() - began,
        )

    def verdicts() -> Iterator[Verdict]:
        if executor is None:
            yield from map(verdict_on, plans)
            return
        with ThreadPoolExecutor(_CLAIMS_AT_ONCE) as threads:
            pending = [threads.submit(verdict_on, claim_id) for claim_id in plans]
            try:
                for future in pending:
                    yield future.result()
            finally:
                for future in pending:
                    future.cancel()

    return verdicts()


def _at_level(claim: Claim, alpha: float) -> Claim:
    """The claim at another error level, where its criterion has one; a claim of its own."""
    if not hasattr(claim.criterion, "alpha"):
        return claim
    criterion: Any = claim.criterion
    return replace(claim, criterion=replace(criterion, alpha=alpha))


def _against(claim: Claim, rivals: Mapping[str, Any]) -> Claim:
    """The claim with more rivals."""
    for name, rival in rivals.items():
        if name in claim.rivals:
            raise ValueError(f"there is a rival '{name}' already")
        require_rival(name, rival)
    return replace(claim, rivals={**claim.rivals, **rivals})


def _check(
    claim_id: str,
    claim: Claim,
    settings: Sequence[Setting],
    run: _Run,
    progress: Progress | None,
) -> Verdict:
    try:
        with at_precision(run.precision):
            return _decide(claim_id, claim, settings, run, progress)
    except BadSetting:
        raise
    except MissingExtra as missing:
        return Verdict("skipped", str(missing))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.name}, {where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
        whole = {"traceback": traceback.format_exc()}
        return Verdict("error", f"{type(error).__name__}: {error} ({place})", extra=whole)


@dataclass(eq=False)
class _Record:
    """The evidence of one setting as it grows."""

    experiment: Experiment
    theory: Evidence | None  # None where each replicate draws its own
    stage: int = 0
    count: int = 0
    parts: list[Evidence] = field(default_factory=list)

    @property
    def evidence(self) -> Evidence:
        self.parts = [joined(self.parts)]
        return self.parts[0]._replace(stage=self.stage)


def _decide(
    claim_id: str,
    claim: Claim,
    settings: Sequence[Setting],
    run: _Run,
    progress: Progress | None,
) -> Verdict:
    budget = claim.replicates_at(run.scale)
    tiles_of_a_setting, done, planned = -(-budget // claim.tile), 0, len(settings)

    def computed() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, max(done, tiles_of_a_setting * planned))

    gathering = Gathering(claim_id, run.store, run.executor, computed)
    try:
        for setting in settings:
            _require_domain(claim, setting)
        records = [_begin(claim, setting, run, gathering) for setting in settings]
    except (ValueError, TypeError, LookupError, OSError) as error:
        if run.changed and not isinstance(error, MissingExtra):
            raise BadSetting(str(error)) from error
        raise
    theories = [record.theory for record in records if record.theory is not None]
    drawn = len(theories) < len(records)
    for name in claim.rivals:  # a rival may say nothing of a setting, but of all
        if not drawn and all(np.isnan(theory.rivals[name]).all() for theory in theories):
            raise ValueError(f"rival '{name}' is not a number in any cell of any setting")
    powerless = claim.criterion.powerless(claim.rivals, [] if drawn else theories)
    if powerless:
        return _without_power(powerless, claim)
    attacks: list[Evidence] = []
    verdict: Verdict | None = None
    want, stage = claim.criterion.first_look(budget), 0
    while True:
        growing = [record for record in records if record.stage == stage]
        wanted = [(record.experiment, record.count, want) for record in growing]
        for k, outcome in gathering.replicates(wanted):
            growing[k].parts.append(_told(claim, growing[k], run.eps, *outcome))
        for record in growing:
            record.count = max(record.count, want)
        evidence = [record.evidence for record in records]
        seen = {"earlier": verdict} if verdict and verdict.state is not None else {}
        verdict = claim.criterion.decide([*evidence, *attacks], budget, **seen)
        if verdict.more:
            stage += 1
            records += [_begin(claim, setting, run, gathering, stage) for setting in verdict.more]
            planned += len(verdict.more)
        elif not verdict.wanted:
            attack = getattr(claim.criterion, "attack", None)
            if attack is None or attacks or verdict.refuted:
                return verdict
            for one in evidence:
                found = attack(one)
                if found is not None:
                    told = _evidence(claim, one.setting, run.eps, *found)
                    attacks.append(told._replace(stage=1))
            if not attacks:
                return verdict
            continue
        want = verdict.wanted


def _require_domain(claim: Claim, setting: Setting) -> None:
    """Refuse a setting outside the domain, which raises, or says False."""
    if claim.domain and claim.domain(**setting) is False:
        raise ValueError(f"outside the domain of the claim: {setting}")


def _begin(
    claim: Claim, setting: Setting, run: _Run, gathering: Gathering, stage: int = 0
) -> _Record:
    """The record of a setting before its first replicate: what its theories say, if they can."""
    experiment = Experiment.of(claim, setting, run.seed, run.precision)
    shape = experiment.shape()
    if shape is None:
        ((_, shape),) = gathering.replicates([(experiment, 0, 1)])
    if shape.given:
        return _Record(experiment, None, stage)
    blank = np.zeros((1, *shape.value.shape[1:]))
    return _Record(experiment, _evidence(claim, setting, run.eps, blank, {}), stage)


def _told(
    claim: Claim, record: _Record, eps: float, values: Any, given: Mapping[str, Any]
) -> Evidence:
    """What every theory says of new replicates."""
    if record.theory is None:
        return _evidence(claim, record.experiment.setting, eps, values, given)
    return record.theory._replace(values=np.asarray(values, float))


def judge_claim(
    claim: Claim,
    observed: Any,
    *,
    claim_id: str = "",
    given: Mapping[str, Any] | None = None,
    precision: str = "float64",
    setting: Mapping[str, Any] | None = None,
) -> Verdict:
    """Set measurements of one's own against a claim's prediction, criterion and rivals.

    Arguments:
        observed: `(replicates, *cells)`, or `(*cells)` of a single one, in the shape of the
            prediction; where a setting is swept (by a rate, a limit or a crossing) a sequence of
            them, one for each of its values.
        given: what the law of each replicate depends on, where it does, a replicate in each row.
        precision: at which `observed` was computed.
        setting: of the measurement; what is left out is that of the claim's first quick one. A
            swept setting is a sequence.

    Raises: `ValueError` where the measurements do not fit the claim.
    """
    claim_id = claim_id or claim.name or "(unregistered)"
    changes, over = dict(setting or {}), getattr(claim.criterion, "over", None)
    sizes = np.ravel(changes.pop(over, ())).tolist() if over else []
    (base,) = override(claim_id, claim.settings_at("quick")[:1], changes)
    settings = [{**base, over: size} for size in sizes] if over else [base]
    tables = list(observed) if over else [observed]
    if not settings or len(tables) != len(settings):
        raise ValueError(
            f"`{claim_id}` needs an observation for each `{over}`; "
            f"got {len(tables)} for {len(settings)} of them"
        )
    claim.criterion.validate(settings)
    records = []
    for one, table in zip(settings, tables, strict=True):
        _require_domain(claim, one)
        values = np.asarray(table, float)
        drawn = {name: np.asarray(array, float) for name, array in (given or {}).items()}
        try:
            cells = np.shape(claim.predict(**one, **{name: x[0] for name, x in drawn.items()}))
        except TypeError as error:
            raise ValueError(f"`{claim_id}` needs `given`: {error}") from error
        values = values[None] if values.shape == cells else values
        if values.shape[1:] != cells or any(len(x) != len(values) for x in drawn.values()):
            raise ValueError(
                f"`observed` must have shape (replicates, *{cells}) or {cells}, and `given` as "
                f"many rows; got {np.shape(table)}"
            )
        eps = float(np.finfo(precision).eps)
        records.append(_evidence(claim, one, eps, values, drawn))
    verdict = claim.criterion.decide(records)
    return replace(verdict, id=claim_id, claim=claim, scale="judged", precision=precision, wanted=0)


def _evidence(
    claim: Claim, setting: Setting, eps: float, values: Any, given: Mapping[str, Any]
) -> Evidence:
    """What every theory says of the replicates of one setting."""
    values = np.asarray(values, float)
    if given:
        drawn = [{k: np.asarray(v[i], float) for k, v in given.items()} for i in range(len(values))]
    else:
        drawn = [{}]
    cells = values.shape[1:]

    def theory(name: str, law: Any) -> Any:
        if not callable(law):
            return float(law)
        with _named(name):
            said = [law(**setting, **g) for g in drawn]
            if any(one is None for one in said):
                raise ValueError("nothing is returned: does it end in `return`?")
            stack = np.stack([np.asarray(one, float) for one in said])
        if stack.shape[1:] != cells:
            raise ValueError(f"{name} has shape {stack.shape[1:]}, the observation {cells}")
        return stack

    predicted = theory("the prediction", claim.predict)
    if not given and np.isnan(predicted).all():  # of drawn laws it may be news, and refutes
        raise ValueError("the prediction is not a number in any cell")
    with _named("the tolerance (`eps` is its first argument)"):
        tolerance = np.stack(
            [
                np.broadcast_to(np.asarray(claim.criterion.tolerate(eps, setting, g), float), cells)
                for g in drawn
            ]
        )
    if not np.all(np.isfinite(tolerance) & (tolerance >= 0)):
        raise ValueError("the tolerance must be finite and >= 0 everywhere")
    axes = claim.coords(**setting) if claim.coords else {}
    coords = {name: np.asarray(axis) for name, axis in axes.items()}
    if coords and tuple(len(axis) for axis in coords.values()) != cells:
        lengths = tuple(len(axis) for axis in coords.values())
        raise ValueError(f"`coords` has lengths {lengths}, the observation {cells}")
    rivals = {name: theory(f"rival '{name}'", law) for name, law in claim.rivals.items()}
    return Evidence(setting, values, predicted, rivals, tolerance, coords, dict(given))


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Say of an error of arguments or shapes in which function of a claim it arose."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {error}") from error


def _without_power(powerless: Sequence[str], claim: Claim) -> Verdict:
    names = ", ".join(f"'{name}'" for name in powerless)
    outcomes = {
        name: RivalOutcome("no power" if name in powerless else "open", 0.0)
        for name in claim.rivals
    }
    reason = f"nowhere told from the prediction, so that the claim cannot hold: {names}"
    return Verdict("inconclusive", f"not simulated; {reason}", rivals=outcomes)
