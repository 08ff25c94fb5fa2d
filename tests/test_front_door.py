"""What importing costs, and what the package offers."""

import subprocess
import sys

import pytest

import theorylab
from theorylab.errors import UnknownName
from theorylab.verify.report import Verdicts

HEAVY = ("jax", "scipy", "sympy", "matplotlib", "xarray", "pandas", "jaxtyping", "rich", "typer")


def printed(script):
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("statement", ["import theorylab", "from theorylab import deep_linear"])
def test_importing_loads_nothing_heavy(statement):
    script = f"import sys\n{statement}\nprint([m for m in {HEAVY} if m in sys.modules])"
    assert printed(script) == "[]\n"


def test_solvers_work_with_numpy_alone():
    script = (
        "import sys\nfrom theorylab import deep_linear as d\n"
        "assert abs(d.mode_strength(1, 2, .05, depth=3) - 0.9920632937045) < 1e-12\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert printed(script) == "[]\n"


def test_annotations_resolve_without_a_checker():
    script = (
        "import typing\nfrom theorylab import deep_linear\n"
        "print(sorted(typing.get_type_hints(deep_linear.mode_strength)))"
    )
    assert "singular_value" in printed(script)


def test_one_claim_gives_a_verdict_and_several_give_verdicts():
    one = theorylab.check("deep_linear.scalar_learning")
    several = theorylab.check("deep_linear.scalar_*")
    assert one.id == "deep_linear.scalar_learning"
    assert isinstance(several, Verdicts)
    assert [verdict.id for verdict in several] == [one.id]
    assert several.holds


def test_unknown_claims_suggest_near_ones():
    with pytest.raises(UnknownName, match=r"did you mean deep_linear\.sigmoidal_learning"):
        theorylab.check("deep_linear.sigmoid_learning")
    with pytest.raises(AttributeError, match="no attribute 'deep_liner'"):
        theorylab.deep_liner  # noqa: B018


def test_claims_come_by_id():
    claims = theorylab.claims()
    assert next(iter(claims)) == "deep_linear.sigmoidal_learning"
    claims.clear()
    assert theorylab.claims()
