"""theorylab: results of deep-learning theory that run, are checked, and can be used.

    theorylab.check("deep_linear.*")          set claims against simulations, and print the verdicts
    theorylab.judge("deep_linear....", data)  set measurements of your own against a claim
    theorylab.claims()                        all claims by id
    from theorylab import deep_linear         closed forms: deep_linear.mode_strength(t, s, u0)

Nothing heavy is imported until it is used: closed forms need NumPy alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from theorylab import deep_linear as deep_linear
    from theorylab import grokking as grokking
    from theorylab import hopfield as hopfield
    from theorylab import neural_collapse as neural_collapse
    from theorylab import ntk as ntk
    from theorylab.verify.claim import Claim
    from theorylab.verify.criteria import Verdict

__version__ = "0.1.0.dev0"
__all__ = [
    "check",
    "claims",
    "deep_linear",
    "grokking",
    "hopfield",
    "judge",
    "neural_collapse",
    "ntk",
]


def claims() -> dict[str, Claim]:
    """Every claim by its id."""
    from theorylab import registry

    return dict(registry.claims())


def check(
    *selection: str | Claim,
    scale: str = "quick",
    seed: int = 0,
    precision: str = "float64",
    progress: Callable[[int, int], None] | None = None,
    store: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    executor: Executor | None = None,
    alpha: float | None = None,
    rivals: Mapping[str, Callable[..., Any] | float] | None = None,
    **setting: Any,
) -> Any:
    """Set claims against their simulations.

    Arguments:
        selection: claims, ids or globs such as `"deep_linear.*"`; every claim without any.
        scale: `quick`, `standard` or `full`: how much evidence.
        seed: of all randomness; `>= 0`.
        precision: `float64` or `float32`, of the simulations; it enters the tolerances.
        progress: called with the tiles computed so far and their total, claim by claim.
        store: a folder that keeps the evidence as it is gathered. What it holds already, of the
            same code, setting, seed and precision, is not computed again.
        jobs: how many processes compute; the verdicts are the same. They import what they compute:
            a claim's `observe` must stand at the top level of a module, and a script must call
            `check` below `if __name__ == "__main__":`.
        executor: any `concurrent.futures.Executor`, such as a cluster's, instead of `jobs`.
        alpha: error level of each noisy claim; its own, mostly 0.001, if left out.
        rivals: theories of your own that the evidence should refute too, by name: a law of the
            signature of the claim's prediction, or a number, such as `{"folklore": 0.14}`.
        setting: values that replace those of the claims' own settings, such as `data="my.csv"`.

    Returns: one claim or one id gives a `Verdict`, anything else the `Verdicts` in a row. Both
        print, render in a notebook and `plot()`.
    Raises: `UnknownName` and `ValueError` for bad arguments, before any work. A claim that crashes
        is a verdict of status `error`; of several, those without a `setting` given are `skipped`.
    """
    from theorylab import registry
    from theorylab.verify.claim import Claim
    from theorylab.verify.report import Verdicts
    from theorylab.verify.run import check_claims
    from theorylab.verify.store import Store
    from theorylab.verify.workers import working

    patterns = [item for item in selection if isinstance(item, str)]
    own = [item for item in selection if not isinstance(item, str)]
    chosen = registry.select(patterns) if patterns or not own else {}
    for claim in own:
        if not isinstance(claim, Claim):
            raise TypeError(f"a claim, its id or a glob is needed; got {claim!r}")
        name = registry.identify(claim) or "claim"
        taken = sum(known.split(" #")[0] == name for known in chosen)
        chosen[f"{name} #{taken + 1}" if taken else name] = claim
    single = len(selection) == 1 and not any(registry.is_glob(pattern) for pattern in patterns)
    with working(jobs, executor) as hands:
        verdicts = Verdicts(
            check_claims(
                chosen,
                scale=scale,
                seed=seed,
                precision=precision,
                changes=setting,
                lenient=not single,
                progress=(lambda _: progress) if progress else None,
                store=None if store is None else Store(store),
                executor=hands,
                alpha=alpha,
                rivals=rivals,
            )
        )
    return verdicts[0] if single else verdicts


def judge(
    claim: str | Claim,
    observed: Any,
    *,
    given: Mapping[str, Any] | None = None,
    precision: str = "float64",
    **setting: Any,
) -> Verdict:
    """Set measurements of your own against a claim, with its criterion and its rivals.

        times, strengths = ...                                    # of your own network
        theorylab.judge("deep_linear.sigmoidal_learning", strengths, data="digits", num_records=61)

    Arguments:
        claim: a claim or its id.
        observed: `(replicates, *cells)`, or `(*cells)` of a single one, in the shape the claim
            predicts; where a setting is swept (by a rate, a limit or a crossing) a sequence of
            them, one for each of its values.
        given: what the law of each replicate depends on, where it does, a replicate in each row.
        precision: at which `observed` was computed; it enters the tolerance.
        setting: of the measurement; what is left out is that of the claim's first quick one. A
            swept setting is a sequence.

    Raises: `UnknownName`, and `ValueError` where the measurements do not fit the claim.
    """
    from theorylab import registry
    from theorylab.verify.run import judge_claim

    if isinstance(claim, str):
        if registry.is_glob(claim):
            raise ValueError(f"one claim is needed; got the glob {claim!r}")
        ((claim_id, claim),) = registry.select([claim]).items()
    else:
        claim_id = registry.identify(claim)
    return judge_claim(
        claim, observed, claim_id=claim_id, given=given, precision=precision, setting=setting
    )


def __getattr__(name: str) -> Any:
    if name in ("deep_linear", "grokking", "hopfield", "neural_collapse", "ntk"):
        return import_module(f"theorylab.{name}")
    raise AttributeError(f"module 'theorylab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
