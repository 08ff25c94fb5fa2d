"""Claims, rivals and packages of one's own."""

import re
import subprocess
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


def test_two_packages_do_not_offer_the_same_claim(monkeypatch):
    points = []
    for name in ("one_package", "two_package"):
        module = type(sys)(name)
        module.decay = exact_claim()
        monkeypatch.setitem(sys.modules, name, module)
        points.append(EntryPoint("other", name, registry.GROUP))
    points.insert(1, points[0])  # a package found twice is the same
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry.claims.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"two_package(.|\n)*'other.decay' already") as told:
            assert theorylab.claims()["other.decay"] is sys.modules["one_package"].decay
        assert len(told) == 1
    finally:
        registry.claims.cache_clear()


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


WRONG_KINDS = """
from theorylab.verify import Claim, Exact, Source

right = dict(
    statement="s", source=Source("a", 2000, "t"), predict=lambda n: n, observe=lambda key, n: n,
    criterion=Exact(0.1), rivals={"r": 3.0}, settings={"quick": [dict(n=1)]},
)
for wrong in (
    dict(source="Euler 1768"), dict(rivals=[abs]), dict(rivals={"r": "0.3"}),
    dict(settings={"quick": dict(n=1)}), dict(predict=1.0), dict(criterion=Exact),
):
    try:
        print(Claim(**right | wrong))
    except (TypeError, ValueError) as error:
        print(error)
"""


def test_parts_of_the_wrong_kind_are_refused():
    """As users meet them: the tests check annotations, and would refuse them first."""
    ran = subprocess.run([sys.executable, "-c", WRONG_KINDS], capture_output=True, text=True)
    messages = ran.stdout.splitlines()
    assert len(messages) == 6, ran
    for message, start in zip(
        messages,
        (
            "`source` must be a Source; got 'Euler 1768'",
            "`rivals` must be a mapping of names to laws; got [",
            "rival 'r' must be a law or a finite number; got '0.3'",
            "`settings` of quick must be a list of settings; got {'n': 1}",
            "`predict` must be a function; got 1.0",
            "`criterion` must be one, such as Mean(0.1); got <class",
        ),
        strict=True,
    ):
        assert message.startswith(start), message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (dict(predict=lambda **_: np.full(300, np.nan)), "the prediction is not a number in any"),
        (dict(predict=lambda **_: None), "the prediction: nothing is returned"),
        (dict(rivals={"r": lambda **_: np.full(300, np.nan)}), "rival 'r' is not a number in any"),
        (dict(predict=lambda n: n), "the prediction: .*unexpected keyword"),
        (dict(rivals={"r": lambda n: n}), "rival 'r': .*unexpected keyword"),
        (dict(observe=lambda key, **_: None), "`observe` returned nothing"),
        (dict(observe=lambda key, rate, **_: np.zeros(int(rate))), "make what fixes a shape"),
        (dict(domain=lambda **_: False), "outside the domain of the claim"),
    ],
)
def test_functions_that_do_not_fit_are_named(changes, reason):
    verdict = theorylab.check(exact_claim(**changes))
    assert verdict.status == "error"
    assert re.search(reason, verdict.reason), verdict.reason


def test_a_tolerance_that_does_not_fit_is_named():
    criterion = type(exact_claim().criterion)
    for tolerance in (lambda rate, **_: 0.1, lambda eps, **_: np.ones(7)):
        reason = theorylab.check(exact_claim(criterion=criterion(tolerance))).reason
        assert "the tolerance (`eps` is its first argument):" in reason
