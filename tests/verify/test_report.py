"""Verdicts as text, table, JSON, HTML, arrays and figures."""

import json
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import theorylab
from tests.toys import drawn_claim, exact_claim, noisy_claim, rate_claim
from theorylab.verify import Exact
from theorylab.verify.criteria import Verdict
from theorylab.verify.draw import save
from theorylab.verify.report import Verdicts, by_chance, holm, write_json


@pytest.fixture(scope="module")
def verdict():
    return theorylab.check(exact_claim())


def test_a_verdict_reads_in_one_line(verdict):
    text = str(verdict)
    assert text.startswith("toy.decay: holds to ")
    assert "rivals refuted: 1/1" in text
    assert "\n" not in text


def test_verdicts_print_as_a_table(verdict):
    crashed = Verdict("error", "ValueError: lost", id="toy.broken")
    text = str(Verdicts([verdict, crashed]))
    assert "toy.decay" in text
    assert "toy.broken: ValueError: lost" in text
    assert "1 holds, 1 error in" in text
    assert "\x1b" not in text


def test_the_worst_status_counts():
    order = ["holds", "skipped", "inconclusive", "refuted", "error"]
    verdicts = [Verdict(status) for status in order]
    for k, status in enumerate(order):
        assert Verdicts(verdicts[: k + 1]).status == status
    assert not Verdicts(verdicts).holds


def test_html_is_escaped(verdict):
    evil = replace(verdict, id="<script>alert(1)</script>", reason="a < b & c")
    html = Verdicts([evil])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a &lt; b &amp; c" in html
    assert verdict._repr_html_().startswith("<table>")


def test_json_follows_its_schema(tmp_path, verdict):
    path = tmp_path / "verdicts.json"
    write_json([verdict, Verdict("error", "lost", id="toy.broken")], path)
    document = json.loads(path.read_text())
    assert document["schema"] == 1
    first, second = document["verdicts"]
    assert (first["id"], first["status"], first["replicates"]) == ("toy.decay", "holds", 4)
    assert first["rivals"]["10 % slow"]["status"] == "refuted"
    assert second["resolution"] is None
    assert [file.name for file in tmp_path.iterdir()] == ["verdicts.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, verdict):
    path = tmp_path / "verdicts.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_json([replace(verdict, reason=object())], path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_json_goes_into_a_pipe_and_through_a_link(tmp_path, verdict):
    target, link, pipe = (tmp_path / name for name in ("target", "link", "pipe"))
    link.symlink_to(target)
    write_json([verdict], link)
    assert link.is_symlink()
    assert json.loads(target.read_text())["schema"] == 1
    os.mkfifo(pipe)
    reader = threading.Thread(target=pipe.read_text)
    reader.start()
    write_json([verdict], pipe)
    reader.join(10)
    assert pipe.is_fifo()


def test_evidence_comes_as_labelled_arrays(verdict):
    (data,) = verdict.evidence
    assert data.observed.dims == ("replicate", "t")
    assert data.attrs["rate"] == 1.0
    gap = np.abs(data.observed - data.predicted)
    np.testing.assert_allclose(float(gap.max()), verdict.resolution)
    assert {"observed", "predicted"} <= set(data.to_dataframe().columns)
    (drawn,) = theorylab.check(drawn_claim()).evidence
    assert drawn.rate.dims == ("replicate",)


@pytest.mark.parametrize(
    "claim", [exact_claim(), drawn_claim(), rate_claim()], ids=lambda c: c.name
)
@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_evidence_is_drawn_into_the_same_file_twice(tmp_path, claim, suffix):
    verdict = theorylab.check(claim)
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save(verdict, first)
    save(verdict, second)
    assert first.stat().st_size > 1000
    assert first.read_bytes() == second.read_bytes()


def test_a_verdict_plots(verdict):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure = verdict.plot()
    above, below = figure.axes
    t = np.asarray(verdict.records[0].coords["t"])
    np.testing.assert_array_equal(above.lines[0].get_xdata(), t)
    np.testing.assert_allclose(above.lines[0].get_ydata(), np.exp(-t))
    assert below.get_ylabel().startswith("residual")
    plt.close(figure)


def test_a_number_is_drawn_against_its_prediction():
    settings = {"quick": [dict(rate=1.0, step=0.01)]}
    claim = rate_claim(
        criterion=Exact(0.01), settings=settings, rivals={"no decay": lambda rate, step: 1.0}
    )
    verdict = theorylab.check(claim)
    assert verdict.holds, verdict
    assert verdict.plot(Figure()).axes


def test_nothing_to_draw_is_told():
    with pytest.raises(ValueError, match="has no evidence to draw"):
        Verdict("error", "lost", id="toy.broken").plot()


def test_json_has_no_number_that_is_not_finite(tmp_path, verdict):
    cold = [record._replace(setting={"beta": np.inf}) for record in verdict.records]
    path = tmp_path / "verdicts.json"
    write_json([replace(verdict, records=cold, extra={"ends": [-np.inf, np.nan]})], path)
    (document,) = json.loads(path.read_text())["verdicts"]
    assert document["settings"] == [{"beta": None}]
    assert document["extra"] == {"ends": [None, None]}


def test_chance_explains_refutations_of_noisy_claims_alone():
    refuted = lambda name, claim, p: Verdict("refuted", id=name, claim=claim, p_value=p)
    certain = [refuted("exact", exact_claim(), np.nan), refuted("rate", rate_claim(), np.nan)]
    assert by_chance(certain) == ""
    noisy = [refuted("slight", noisy_claim(), 0.004), refuted("plain", noisy_claim(), 1e-9)]
    assert by_chance(certain + noisy) == "2 of 2 noisy refuted; at most 0.002 expected by chance"
    assert holm(certain + noisy, 0.01).endswith("over 2 noisy claims: exact, rate, plain, slight")
    assert holm(certain + noisy, 0.003).endswith("exact, rate, plain")
