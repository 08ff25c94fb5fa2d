"""Claims, rivals and packages of one's own."""

import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from typer.testing import CliRunner

import theorylab
from tests.toys import exact_claim, noisy_claim, rate_claim
from theorylab import registry
from theorylab.cli import app
from theorylab.testing import assert_holds


def test_a_claim_that_holds_passes():
    assert assert_holds(exact_claim(), rate=2.0).holds


def test_a_claim_that_does_not_hold_fails_in_words():
    wrong = exact_claim(predict=lambda rate, step, num_steps: np.ones(num_steps))
    with pytest.raises(AssertionError, match=r"toy.decay: refuted(.|\n)*rival '10 % slow'"):
        assert_holds(wrong)


@pytest.mark.parametrize("claim", [exact_claim(), noisy_claim(), rate_claim()])
def test_a_rival_of_ones_own_is_refuted_or_told(claim):
    verdict = theorylab.check(claim, rivals={"folklore": 3.0})
    assert verdict.holds, verdict
    assert verdict.rivals["folklore"].status == "refuted"
    assert "folklore" not in claim.rivals
    twin = theorylab.check(claim, rivals={"twin": claim.predict})
    assert not twin.holds
    assert twin.rivals["twin"].status != "refuted"


@pytest.mark.parametrize(
    ("rivals", "message"),
    [
        ({"10 % slow": 1.0}, "there is a rival '10 % slow' already"),
        ({"folklore": "big"}, "must be a law or a finite number; got 'big'"),
        ({"folklore": np.nan}, "must be a law or a finite number; got nan"),
    ],
)
def test_bad_rivals_are_refused(rivals, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(exact_claim(), rivals=rivals)


def test_rivals_are_given_on_the_command_line(monkeypatch):
    monkeypatch.setattr(registry, "claims", lambda: {"toy.decay": exact_claim()})
    run = lambda *words: CliRunner().invoke(app, ["check", "toy.decay", *words])
    assert run("--rival", "e = mc^2=3").exit_code == 0
    for wrong in ("folklore", "folklore=big", "=1"):
        result = run("--rival", wrong)
        assert result.exit_code == 2
        assert "`--rival` takes NAME=NUMBER; got" in result.stderr


@pytest.fixture
def offered(monkeypatch):
    """Entry points of other packages, as if installed."""

    def offer(**values):
        points = [EntryPoint(name, value, registry.GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        registry.claims.cache_clear()

    yield offer
    registry.claims.cache_clear()


def test_other_packages_offer_claims(offered, monkeypatch):
    module = type(sys)("other_package")
    module.decay, module.helper = exact_claim(), 3
    monkeypatch.setitem(sys.modules, "other_package", module)
    offered(other="other_package")
    assert theorylab.claims()["other.decay"] is module.decay
    assert registry.identify(module.decay) == "other.decay"
    assert "deep_linear.sigmoidal_learning" in theorylab.claims()
    assert theorylab.check("other.decay").holds


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("other", "no_such_package", "ModuleNotFoundError"),
        ("hopfield", "theorylab.hopfield.claims", "a family must be new"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_named(offered, name, value, message):
    offered(**{name: value})
    with pytest.warns(UserWarning, match=f"{value}(.|\n)*{message}"):
        assert "deep_linear.sigmoidal_learning" in theorylab.claims()
