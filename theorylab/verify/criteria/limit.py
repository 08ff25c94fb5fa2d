"""Laws that hold in a limit, approached with a correction of known order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from theorylab.verify.claim import Setting
from theorylab.verify.criteria.mean import Mean
from theorylab.verify.criteria.sweep import besides, shared, swept
from theorylab.verify.criteria.verdict import (
    ALPHA,
    Evidence,
    Verdict,
    first_replicates,
    within_tolerance,
)


@dataclass(frozen=True)
class Limit:
    """The mean, extrapolated to the limit of one swept setting, lies within its band.

    Where means at size `N` are `x + a / N**order` with `a` unknown, the contrast of sizes
    `sum_j w_j x_j` with `sum w_j = 1` and `sum w_j N_j**-order = 0` has mean `x`, whatever `a`. It
    is decided as by `Mean`; its weights are those of the unweighted fit.

    Arguments:
        over: the setting swept: two sizes at least.
        order: of the correction, `> 0` for system sizes, `< 0` for step sizes: it goes as
            `over**-order`.
        tolerance: the resolution claimed of the limit, a number or `(eps, **setting) -> array`,
            taken at the size nearest to it.
        bias: of the extrapolated value, by the terms after the correction; likewise.
        alpha: error level of the claim.
    """

    over: str
    order: float
    tolerance: float | Callable[..., Any]
    bias: float | Callable[..., Any] = 0.0
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not self.order or not np.isfinite(self.order):
            raise ValueError(f"`order` must be finite and not 0; got {self.order}")
        _ = self._mean  # refuses what it cannot be made of

    @property
    def _mean(self) -> Mean:
        return Mean(self.tolerance, self.bias, alpha=self.alpha)

    @property
    def coupled(self) -> frozenset[str]:
        return frozenset()

    def first_look(self, budget: int) -> int:
        return self._mean.first_look(budget)

    def validate(self, settings: Sequence[Setting]) -> None:
        for group in swept(settings, self.over, lambda setting: setting):
            sizes = np.array([setting[self.over] for setting in group], float)
            if len(sizes) < 2 or not np.all(np.isfinite(sizes) & (sizes > 0)):
                raise ValueError(
                    f"a limit needs two values of `{self.over}` or more, finite and > 0; "
                    f"got {sizes}{besides(settings, self.over)}"
                )
            if min(sizes[1:] / sizes[:-1]) <= 1:
                raise ValueError(f"the values of `{self.over}` must differ; got {sizes}")

    def tolerate(self, eps: float, setting: Setting, given: Mapping[str, Any]) -> Any:
        return self._mean.tolerate(eps, setting, given)

    def powerless(self, rivals: Mapping[str, Any], theories: Sequence[Evidence]) -> list[str]:
        return within_tolerance(rivals, self.extrapolated(theories))

    def decide(
        self,
        evidence: Sequence[Evidence],
        budget: int | None = None,
        earlier: Verdict | None = None,
    ) -> Verdict:
        theories, groups = self.extrapolated(evidence), self._groups(evidence)
        verdict = replace(self._mean, bias=0.0).decide(theories, budget, earlier)
        records = tuple(first_replicates(record, verdict.replicates) for record in evidence)
        weights = [self.weights(group).tolist() for group in groups]
        hidden = self._mean.hidden(theories, [group[-1] for group in groups])
        return replace(verdict, records=records, extra={**hidden, "weights": weights})

    def interval(
        self, record: Evidence, deviations: np.ndarray, unit: float = 1.0
    ) -> tuple[float, float]:
        """As of `Mean`, of an extrapolated record."""
        return self._mean.interval(record, deviations, unit)

    def weights(self, group: Sequence[Evidence]) -> np.ndarray:
        """The contrast of the sizes of a group, the size nearest to the limit last."""
        sizes = np.array([record.setting[self.over] for record in group], float)
        design = np.stack([np.ones_like(sizes), (sizes / sizes[-1]) ** -self.order], axis=1)
        return np.linalg.pinv(design)[0]

    def extrapolated(self, evidence: Sequence[Evidence]) -> list[Evidence]:
        """The evidence of the contrasts, one for each group."""
        return [self._extrapolate(group) for group in self._groups(evidence)]

    def _extrapolate(self, group: Sequence[Evidence]) -> Evidence:
        weights, last = self.weights(group), group[-1]
        n = min(len(record.values) for record in group)
        first = [first_replicates(record, n) for record in group]

        def combine(arrays: Sequence[Any]) -> Any:
            if any(np.shape(array)[1:] != np.shape(arrays[-1])[1:] for array in arrays):
                raise ValueError(f"observations must have one shape at every `{self.over}`")
            return sum(w * np.asarray(array) for w, array in zip(weights, arrays, strict=True))

        rival = lambda name: (
            combine([record.rivals[name] for record in first])
            if np.ndim(last.rivals[name])
            else last.rivals[name]
        )
        return last._replace(
            setting=shared(last.setting, self.over),
            values=combine([record.values for record in first]),
            predicted=combine([record.predicted for record in first]),
            rivals={name: rival(name) for name in last.rivals},
        )

    def _groups(self, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
        groups = swept(evidence, self.over, lambda record: record.setting)
        return groups if self.order > 0 else [group[::-1] for group in groups]
