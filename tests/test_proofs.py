import pytest
import sympy as sp

from proofs import __main__, lemma
from proofs.lemma import ProofFailed, vanishes, vanishes_at, vanishes_given

proofs = {
    f"{family}/{module}: {name}": prove for family, module, name, prove in lemma.every_proof()
}
x, y = sp.symbols("x y", positive=True)


@pytest.mark.parametrize("prove", proofs.values(), ids=proofs)
def test_proof_holds(prove):
    prove()


@pytest.mark.parametrize(
    "identity",
    [
        (x + y) ** 3 - x**3 - 3 * x**2 * y - 3 * x * y**2 - y**3,
        x ** (1 - y) * x**y - x,
        sp.log(x * y) - sp.log(x) - sp.log(y),
        sp.sinh(2 * x) - 2 * sp.sinh(x) * sp.cosh(x),
        1 / (x * (1 - x)) - 1 / x - 1 / (1 - x),
        sp.sin(3 * x) - 3 * sp.sin(x) + 4 * sp.sin(x) ** 3,
        sp.zeros(2, 2),
    ],
)
def test_an_identity_vanishes(identity):
    vanishes(identity)


@pytest.mark.parametrize(
    "residual",
    [x - y, sp.log(x * y) - sp.log(x), sp.Float("1e-30"), sp.Matrix([[0, x - y]]), sp.nan, sp.zoo],
)
def test_a_false_identity_is_refused(residual):
    with pytest.raises(ProofFailed):
        vanishes(residual)


def test_an_identity_may_hold_given_relations():
    vanishes_given(x**4 - y**4, x - y)
    vanishes_given(x / (1 + y) - 1, x - 1 - y)
    with pytest.raises(ProofFailed):
        vanishes_given(x - y, x**2 - y**2)


def test_an_identity_at_a_point_is_held_to_its_digits():
    vanishes_at(sp.exp(x + y) - sp.exp(x) * sp.exp(y), {x: sp.Rational(1, 3), y: sp.sqrt(2)})
    with pytest.raises(ProofFailed, match="1e-150"):
        vanishes_at(sp.sin(x) - sp.Rational(314, 1000), {x: sp.pi})
    with pytest.raises(ProofFailed, match="free"):
        vanishes_at(x - y, {x: 1})


def test_the_program_names_every_proof_and_fails_with_any(monkeypatch, capsys):
    def prove_nothing():
        vanishes(x - y)

    outcomes = {"all is well": lambda: None, "nothing": prove_nothing}
    every = [("family", "quantity", *outcome) for outcome in outcomes.items()]
    monkeypatch.setattr(__main__, "every_proof", lambda: every)
    assert __main__.main() == 1
    said = capsys.readouterr().out
    assert "family/quantity: all is well" in said
    assert "FAILED" in said
    assert "1 failed" in said
    monkeypatch.setattr(__main__, "every_proof", lambda: every[:1])
    assert __main__.main() == 0
