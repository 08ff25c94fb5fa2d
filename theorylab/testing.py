"""Claims in a test suite of one's own.

from theorylab.testing import assert_holds

def test_my_theory():
    assert_holds(my_claim)
    assert_holds("deep_linear.sigmoidal_learning", data="mine.csv")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theorylab.verify.claim import Claim
    from theorylab.verify.criteria import Verdict


def assert_holds(claim: str | Claim, **options: Any) -> Verdict:
    """Fail unless a claim holds: agreement within its tolerance, and every rival refuted.

    Arguments:
        claim: a claim or its id.
        options: as of `theorylab.check`: scale, seed, settings of the claim.

    Returns: the verdict.
    Raises: `AssertionError` with the verdict in words, how far every rival is, and what is open.
    """
    import theorylab

    __tracebackhide__ = True  # pytest shows the line that called
    verdict = theorylab.check(claim, **options)
    if not verdict.holds:
        rivals = [
            f"  rival '{name}': {outcome.status}, at {max(outcome.distance, 0.0):.3g} tolerances"
            for name, outcome in verdict.rivals.items()
        ]
        raise AssertionError("\n".join([str(verdict), *rivals]))
    return verdict
