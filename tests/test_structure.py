"""The contract between kinds of code covers every module, and what claims point at exists."""

import tomllib
from pathlib import Path

import pytest

import theorylab
from theorylab.registry import FAMILIES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PROJECT["tool"]["importlinter"]["contracts"]
CLOSED_FORMS, SIMULATIONS, INSTRUMENTS = (
    {name for name in contract["source_modules"] if not name.startswith("theorylab.experiment")}
    for contract in CONTRACTS[:3]
)
# What predicts nothing, so that closed forms and simulations may share it.
DEFINITIONS = {
    f"theorylab.grokking.{name}" for name in ("_modulus", "fourier_coefficients", "network")
}
# What was seen and is claimed as such, without a derivation.
EMPIRICAL = {"grokking.decay_hastens"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_module_of_a_family_is_of_one_kind(family):
    folder = ROOT / "theorylab" / family
    parts = [
        path
        for path in folder.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    ]
    modules = {f"theorylab.{family}.{path.stem}" for path in parts}
    modules -= {f"theorylab.{family}.{name}" for name in ("__init__", "claims")}
    of_family = lambda names: {name for name in names if name.startswith(f"theorylab.{family}.")}
    assert modules == of_family(CLOSED_FORMS | SIMULATIONS | INSTRUMENTS)
    assert not CLOSED_FORMS & INSTRUMENTS


def test_simulations_are_kept_from_every_closed_form():
    assert set(CONTRACTS[1]["forbidden_modules"]) >= CLOSED_FORMS - DEFINITIONS


def test_closed_forms_are_kept_from_everything_else():
    assert set(CONTRACTS[0]["forbidden_modules"]) >= SIMULATIONS | INSTRUMENTS


@pytest.mark.parametrize("claim_id", sorted(set(theorylab.claims()) - EMPIRICAL))
def test_every_claim_has_its_proof(claim_id):
    assert (ROOT / "proofs" / f"{theorylab.claims()[claim_id].proof}.py").is_file()


@pytest.mark.parametrize("path", sorted(CLOSED_FORMS))
def test_docstrings_point_at_proofs_and_claims_that_exist(path):
    file = ROOT / (path.replace(".", "/") + ".py")
    text = (file if file.is_file() else file.with_suffix("") / "__init__.py").read_text()
    for word in text.split('"""')[1].split("`"):
        if word.startswith("proofs/"):
            assert (ROOT / word).is_file(), word
        if word.split(".")[0] in FAMILIES and "." in word and " " not in word:
            assert word in theorylab.claims(), word


@pytest.mark.parametrize("path", sorted(p for p in CLOSED_FORMS | INSTRUMENTS if "._" not in p))
def test_every_solver_is_offered_by_its_family(path):
    """What a module is named after, or whatever else it has; a package as it is."""
    family, name = path.split(".")[1:]
    offered = vars(getattr(theorylab, family))
    here = {key for key, x in offered.items() if getattr(x, "__module__", "") == path}
    package = (ROOT / "theorylab" / family / name).is_dir()
    assert package or here


def test_top_level_folders_are_not_shipped():
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["theorylab"]
