"""Laws that hold to a derived tolerance, replicate by replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.verdict import (
    Evidence,
    Verdict,
    conclude,
    distances,
    farthest,
    multiples,
    rival_outcome,
    within_tolerance,
)


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

    def first_look(self, budget: int) -> int:
        return budget

    def validate(self, settings: Sequence[Setting]) -> None:
        pass

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        if callable(self.tolerance):
            return self.tolerance(eps, **setting, **given)
        return self.tolerance

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        return within_tolerance(rivals, theories)

    def decide(self, evidence: Sequence[Evidence], budget: int | None = None) -> Verdict:
        excess = [multiples(e.values, e.predicted, e.tolerance) for e in evidence]
        worst, cell = farthest(evidence, excess)
        rivals = {
            name: rival_outcome(
                *farthest(
                    evidence,
                    [multiples(e.values, e.rivals[name], e.tolerance, nan=0.0) for e in evidence],
                )
            )
            for name in evidence[0].rivals
        }
        largest = max(distances(e.values, e.predicted).max() for e in evidence)
        status, reason = conclude(worst <= 1, worst > 1, rivals)
        if status == "refuted":
            reason = f"off by {worst:.3g} tolerances at {cell}"
        elif worst < 1e-6 and any(np.any(np.asarray(e.tolerance) > 0) for e in evidence):
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
