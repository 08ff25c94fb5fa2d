"""Claims, sources and settings."""

import numpy as np
import pytest

from tests.toys import SOURCE, exact_claim
from theorylab.verify.claim import Source, is_traced, override, plain_setting


def test_a_claim_without_rivals_is_refused():
    with pytest.raises(ValueError, match="a claim needs rivals"):
        exact_claim(rivals={})


@pytest.mark.parametrize("settings", [{}, {"quick": []}, {"huge": [{}], "quick": [{}]}])
def test_a_claim_needs_quick_settings_and_known_scales(settings):
    with pytest.raises(ValueError, match="`settings` must map quick, standard, full"):
        exact_claim(settings=settings)


@pytest.mark.parametrize("replicates", [0, {"full": 3}, {"quick": 0}, {"quick": 1, "huge": 2}])
def test_a_claim_needs_replicates(replicates):
    with pytest.raises(ValueError, match="`replicates` must be >= 1, for quick, standard, full"):
        exact_claim(replicates=replicates)


@pytest.mark.parametrize("name", ["scale", "seed", "precision", "progress"])
def test_settings_do_not_shadow_the_arguments_of_check(name):
    with pytest.raises(ValueError, match=f"no setting may be called {name}"):
        exact_claim(settings={"quick": [{name: 1}]})


def test_a_scale_without_settings_takes_the_next_smaller():
    claim = exact_claim(
        settings={"quick": [dict(a=1)], "standard": [dict(a=2)]}, replicates={"quick": 3}
    )
    assert [claim.settings_at(scale) for scale in ("quick", "full")] == [[{"a": 1}], [{"a": 2}]]
    assert claim.replicates_at("full") == 3


def test_floats_and_tuples_of_floats_are_traced():
    assert is_traced(1.0)
    assert is_traced((1.0, 2.0))
    assert not any(is_traced(value) for value in (1, True, "digits", (), (1, 2), (1.0, "a")))


def test_settings_become_plain_python():
    setting = plain_setting(dict(a=np.float64(1), b=[1, 2.5], c=np.arange(2), d="x", e=True))
    assert setting == dict(a=1.0, b=(1.0, 2.5), c=(0, 1), d="x", e=True)
    assert [type(value) for value in setting.values()] == [float, tuple, tuple, str, bool]
    with pytest.raises(TypeError, match="setting `a` must be a number, a string or a tuple"):
        plain_setting(dict(a={}))


def test_settings_that_become_equal_are_checked_once():
    settings = [dict(a=1.0, b=2), dict(a=3.0, b=2)]
    assert override("id", settings, dict(a=5)) == [dict(a=5.0, b=2)]
    assert override("id", [dict(a=(1.0, 2.0))], dict(a=(1, 2))) == [dict(a=(1.0, 2.0))]


def test_a_source_reads_as_a_reference():
    assert str(SOURCE) == "Euler (1768), Institutiones calculi integralis, Ch. 7"
    both = Source("A", 2000, "T", arxiv="1", doi="2")
    assert str(both) == "A (2000), T, arXiv:1, doi:2"
