"""Shapes and types are checked at every call; hypothesis draws the same examples every time."""

import os

import hypothesis
import jaxtyping

# Before theorylab is imported: its annotations are real only where jaxtyping is loaded.
_CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
jaxtyping.install_import_hook("theorylab", _CHECKER)

import jax  # noqa: E402
import pytest  # noqa: E402

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=500)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    """What the command line keeps between runs, out of the user's own folders."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def double():
    """JAX at 64 bit, for the length of one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def unchecked():
    """No check of annotations, so that the library's own refusal of bad input is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
