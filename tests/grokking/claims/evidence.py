"""What the claims are put through: smaller settings, counted traces, changed observations."""

from dataclasses import replace

import numpy as np


def lean(claim, settings, replicates, tile=None):
    """A claim at other settings, and the traces of its observation so far, a list that grows."""
    traces = []

    def observe(key, **setting):
        traces.append(setting)
        return claim.observe(key, **setting)

    small = replace(
        claim, observe=observe, settings={"quick": settings}, replicates=replicates,
        tile=tile or replicates,
    )  # fmt: skip
    return small, traces


def against(claim, rival):
    """The claim with one rival, that any setting tells."""
    return replace(claim, rivals={rival: claim.rivals[rival]})


def judged(verdict, change):
    """The verdict on observations that are changed, with everything else as it was."""
    records = [record._replace(values=change(record.values)) for record in verdict.records]
    return verdict.claim.criterion.decide(records)


def multiples(verdict):
    """The largest deviation of each replicate, in tolerances."""
    found = []
    for record in verdict.records:
        far = np.abs(record.values - record.predicted) / record.tolerance
        found.extend(far.reshape(len(far), -1).max(axis=1))
    return np.array(found)
