"""From a claim to a verdict: replicates in tiles, one compilation for each static part.

Floats of a setting are arguments of the compiled program, everything else is part of it. A tile is
a fixed number of replicates, whatever their total: replicate `i` of a seed has the same key, and
the same value to the bit, however many others are asked for.
"""

from __future__ import annotations

import hashlib
import json
import operator
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.errors import MissingExtra
from theorylab.verify.claim import Claim, Outcome, Setting, is_traced, override
from theorylab.verify.criteria import Evidence, RivalOutcome, Verdict
from theorylab.verify.criteria.verdict import joined

PRECISIONS = ("float64", "float32")

Progress = Callable[[int, int], None]
"""Called with the tiles of a claim computed so far, and their total."""


class BadSetting(ValueError):
    """A value that replaces one of a claim's settings, and that its theory refuses."""


def check_claims(
    claims: Mapping[str, Claim],
    *,
    scale: str = "quick",
    seed: int = 0,
    precision: str = "float64",
    changes: Mapping[str, Any] | None = None,
    lenient: bool = False,
    progress: Callable[[str], Progress] | None = None,
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

    Yields: each verdict as soon as it is reached, of status `error` when the claim's own code
        fails, `skipped` when it needs an extra that is not installed.
    Raises: `ValueError` for bad arguments, before any work; `BadSetting` where a claim refuses the
        values of `changes`, before it is simulated.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` must be one of {', '.join(PRECISIONS)}; got {precision!r}")
    if isinstance(seed, bool) or not 0 <= operator.index(seed) < 2**32:
        raise ValueError(f"`seed` must be a whole number from 0 to 2^32 - 1; got {seed!r}")
    seed = operator.index(seed)
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

    def verdicts() -> Iterator[Verdict]:
        for claim_id, settings in plans.items():
            began = time.perf_counter()
            if isinstance(settings, str):
                verdict = Verdict("skipped", settings)
            else:
                notify = progress(claim_id) if progress else None
                verdict = _check(
                    claims[claim_id], settings, scale, seed, precision, bool(changes), notify
                )
            yield replace(
                verdict,
                id=claim_id,
                claim=claims[claim_id],
                scale=scale,
                seed=seed,
                precision=precision,
                seconds=time.perf_counter() - began,
            )

    return verdicts()


def _check(
    claim: Claim,
    settings: Sequence[Setting],
    scale: str,
    seed: int,
    precision: str,
    changed: bool,
    progress: Progress | None,
) -> Verdict:
    replicates = claim.replicates_at(scale)
    tiles = -(-replicates // claim.tile)
    eps = float(np.finfo(precision).eps)
    try:
        with _precision(precision):
            try:
                if claim.domain:
                    for setting in settings:
                        claim.domain(**setting)
                experiments = [Experiment(claim, setting, seed) for setting in settings]
                theories = [
                    _evidence(claim, experiment.setting, eps, *experiment.blank())
                    for experiment in experiments
                    if not experiment.draws_its_law
                ]
                drawn = len(theories) < len(experiments)
            except (ValueError, TypeError, LookupError, OSError) as error:
                if changed and not isinstance(error, MissingExtra):
                    raise BadSetting(str(error)) from error
                raise
            powerless = claim.criterion.powerless(claim.rivals, [] if drawn else theories)
            if powerless:
                return _without_power(powerless, claim)
            records: list[list[Evidence]] = [[] for _ in experiments]
            have, want, done = 0, claim.criterion.first_look(replicates), 0
            while True:
                for k, experiment in enumerate(experiments):
                    for outcome in experiment.replicates(have, want):
                        record = (
                            _evidence(claim, experiment.setting, eps, *outcome)
                            if drawn
                            else theories[k]._replace(values=np.asarray(outcome.value, float))
                        )
                        records[k].append(record)
                        done += 1
                        if progress:
                            progress(done, max(done, tiles * len(settings)))
                verdict = claim.criterion.decide([joined(parts) for parts in records], replicates)
                if not verdict.wanted:
                    return verdict
                have, want = want, verdict.wanted
    except BadSetting:
        raise
    except MissingExtra as missing:
        return Verdict("skipped", str(missing))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.name}, {where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
        return Verdict("error", f"{type(error).__name__}: {error} ({place})")


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
            prediction; for a rate a sequence of them, one for each size.
        given: what the law of each replicate depends on, where it does, a replicate in each row.
        precision: at which `observed` was computed.
        setting: of the measurement; what is left out is that of the claim's first quick one. Of a
            rate the swept setting is a sequence.

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
            f"got {len(tables)} for {len(settings)} sizes"
        )
    claim.criterion.validate(settings)
    records = []
    for one, table in zip(settings, tables, strict=True):
        if claim.domain:
            claim.domain(**one)
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


class Experiment:
    """The replicates of one setting, tile by tile."""

    def __init__(self, claim: Claim, setting: Setting, seed: int):
        self.setting = setting
        static = tuple((name, x) for name, x in sorted(setting.items()) if not is_traced(x))
        self._traced = {name: jnp.asarray(x) for name, x in setting.items() if is_traced(x)}
        self._program = _program(claim.observe, static, claim.tile)
        self._tile = claim.tile
        named = {k: v for k, v in setting.items() if k not in claim.criterion.coupled}
        self._key = jax.random.fold_in(jax.random.key(seed), setting_hash(named))
        self._shape: Outcome = self._program.eval_shape(self._key, 0, self._traced)

    @property
    def draws_its_law(self) -> bool:
        """Whether the prediction depends on what the seed draws."""
        return bool(self._shape.given)

    def blank(self) -> Outcome:
        """An outcome of one replicate of the right shape and no meaning."""
        return Outcome(np.zeros((1, *self._shape.value.shape[1:])), {})

    def tile(self, index: int) -> Outcome:
        """Replicates `index * tile` onwards, on the host."""
        outcome = self._program(self._key, index * self._tile, self._traced)
        return jax.tree.map(np.asarray, outcome)

    def replicates(self, first: int, last: int) -> Iterator[Outcome]:
        """Replicates `first` to `last`, a tile or what is asked of it at a time."""
        for index in range(first // self._tile, -(-last // self._tile)):
            start = index * self._tile
            wanted = slice(max(first - start, 0), last - start)
            yield jax.tree.map(lambda array, kept=wanted: array[kept], self.tile(index))


@lru_cache(maxsize=256)
def _program(observe: Callable[..., Any], static: tuple, tile: int) -> Any:
    def replicate(key, traced):
        outcome = observe(key, **dict(static), **traced)
        if not isinstance(outcome, Outcome):
            outcome = Outcome(outcome, {})
        return jax.tree.map(jnp.asarray, Outcome(outcome.value, dict(outcome.given)))

    def compute(key, first, traced):
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(first + jnp.arange(tile))
        return jax.vmap(replicate, (0, None))(keys, traced)

    return jax.jit(compute, compiler_options=_compiler_options())


def _compiler_options() -> dict[str, Any]:
    """On CPUs compilation is most of a quick check, and its first level gives programs as fast as
    its last in a quarter to an eighth of the time (measured on training loops of small networks
    and on spin updates).
    """
    return {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else {}


def setting_hash(setting: Setting) -> int:
    """A number below 2^32 that tells settings apart, the same on every machine."""
    text = json.dumps(setting, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


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
        stack = np.stack([np.asarray(law(**setting, **g), float) for g in drawn])
        if stack.shape[1:] != cells:
            raise ValueError(f"{name} has shape {stack.shape[1:]}, the observation {cells}")
        return stack

    predicted = theory("the prediction", claim.predict)
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


def _without_power(powerless: Sequence[str], claim: Claim) -> Verdict:
    names = ", ".join(f"'{name}'" for name in powerless)
    outcomes = {
        name: RivalOutcome("no power" if name in powerless else "open", 0.0)
        for name in claim.rivals
    }
    reason = f"within the tolerance everywhere, so that the claim cannot hold: {names}"
    return Verdict("inconclusive", f"not simulated; {reason}", rivals=outcomes)


@contextmanager
def _precision(precision: str) -> Iterator[None]:
    with jax.enable_x64(precision == "float64"), jax.default_matmul_precision("highest"):
        yield
