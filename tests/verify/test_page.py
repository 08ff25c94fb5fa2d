"""The page of verdicts: whole, escaped, and without anything of others' that could run."""

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import jax
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import theorylab
from tests.toys import exact_claim, noisy_claim, rate_claim
from theorylab import registry
from theorylab.cli import app
from theorylab.verify import Exact, Mean, Source
from theorylab.verify.criteria import RivalOutcome, Verdict
from theorylab.verify.draw import save
from theorylab.verify.page import page, write_page
from theorylab.verify.report import Verdicts

HOSTILE = '"><script>alert(1)</script> & $x_'


def crash(key, **setting):
    raise ZeroDivisionError(HOSTILE)


def hostile(**changes):
    return exact_claim(
        statement=HOSTILE,
        source=Source(HOSTILE, 2000, HOSTILE, arxiv='1" onclick="x'),
        assumes=(HOSTILE,),
        rivals={HOSTILE: lambda rate, step, num_steps: np.zeros(num_steps)},
        name=HOSTILE,
        **changes,
    )


class Reader(HTMLParser):
    """Tags with their attributes, and whether every one is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "input", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def verdicts():
    claims = [exact_claim(), noisy_claim(), rate_claim(), hostile(), hostile(observe=crash)]
    return Verdicts(theorylab.check(*claims))


@pytest.fixture(scope="module")
def text(verdicts):
    return page(verdicts)


def test_every_claim_has_its_card_and_figure(text, verdicts):
    tags = Reader(text).tags
    cards = [attributes for tag, attributes in tags if tag == "article"]
    assert [card["data-status"] for card in cards] == [v.status for v in verdicts]
    assert [card["id"] for card in cards] == [v.id for v in verdicts]
    assert "no figure" not in text
    drawn = sum(bool(v.records) for v in verdicts)
    assert sum(tag == "img" for tag, _ in tags) == drawn
    for verdict in verdicts:
        assert f"{verdict.seconds:.1f}" in text


def test_text_from_anywhere_is_escaped(text):
    tags = Reader(text).tags
    assert sum(tag == "script" for tag, _ in tags) == 1
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert "ZeroDivisionError: &quot;&gt;&lt;script&gt;" in text


def test_links_of_a_source_do_not_nest():
    name = "X onclick=alert(1)"
    claim = exact_claim(source=Source("A", 2000, f"doi:{name}", arxiv=f"doi:{name}", doi=name))
    links = [a for tag, a in Reader(page([Verdict("skipped", id="a", claim=claim)])).tags
             if tag == "a"]  # fmt: skip
    assert [link["href"] for link in links] == [
        "#a", f"https://arxiv.org/abs/doi:{name}", f"https://doi.org/{name}"
    ]  # fmt: skip
    assert all(set(link) <= {"href", "rel"} for link in links)


def test_text_that_is_not_unicode_does_not_cost_the_page(tmp_path):
    write_page([Verdict("error", "no file '\udcff.csv'", id="a")], tmp_path / "a.html")
    assert "no file &#x27;?.csv&#x27;" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_rivals_without_a_distance_and_behind_the_bias_are_told():
    verdict = Verdict(
        "inconclusive",
        id="a",
        rivals={"<r>": RivalOutcome("open", np.nan)},
        extra={"hidden_by_the_largest_bias": ["<r>"]},
    )
    text = page([verdict])
    assert "open</td><td>–</td>" in text
    assert "Told apart only if the bias is below its bound: &#x27;&lt;r&gt;&#x27;." in text


def test_code_in_a_statement_is_set_as_code():
    verdict = theorylab.check(exact_claim(statement="Eq. (1) of `a < b`."))
    assert "Eq. (1) of <code>a &lt; b</code>." in page([verdict])


def test_the_page_allows_its_own_script_alone(text):
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for tag, a in Reader(text).tags if "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy
    for rule in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy


def test_nothing_is_fetched(text):
    for _, attributes in Reader(text).tags:
        assert attributes.get("src", "data:").startswith("data:image/svg+xml;base64,") or (
            attributes.get("src") is None
        )
    assert "url(" not in text
    assert "@import" not in text


def test_a_figure_that_cannot_be_drawn_does_not_cost_the_page(verdicts, monkeypatch):
    def fail(*_):
        raise RuntimeError("no <ink>")

    monkeypatch.setattr("theorylab.verify.draw.image", fail)
    assert "no figure: RuntimeError: no &lt;ink&gt;" in page(verdicts)


@pytest.mark.parametrize("quantity", ["$x_{$", r"overlap $\nothing$", "5 $", "a $ b $ c_"])
@pytest.mark.parametrize("claim", [exact_claim(), noisy_claim(), rate_claim()])
def test_broken_mathematics_is_drawn_as_it_is(claim, quantity):
    verdict = theorylab.check(dataclasses.replace(claim, quantity=quantity))
    assert "<img" in page([verdict])


@pytest.mark.parametrize("criterion", [Exact(0.1), Mean(0.1)])
@pytest.mark.parametrize("cells", [2, 9])
def test_names_of_cells_are_no_mathematics(criterion, cells):
    claim = exact_claim(
        predict=lambda a: np.full((cells, 2), a),
        observe=lambda key, a: a + 0.01 * jax.random.normal(key, (cells, 2)),
        coords=lambda a: {"$x_{$": np.arange(cells), "m": np.array(["$y_{$", "z"])},
        criterion=criterion,
        rivals={"none": 0.0},
        settings={"quick": [dict(a=1.0)]},
        replicates=64,
    )
    assert "<img" in page([theorylab.check(claim)])


def test_a_value_that_is_no_number_has_no_residual():
    values = np.array([1.0, np.nan, np.inf])
    claim = exact_claim(
        predict=lambda a: np.array([a, 1.0, np.inf]),
        observe=lambda key, a: a * values,
        coords=None,
        criterion=Exact(0.0),
        rivals={"none": lambda a: np.zeros(3)},
        settings={"quick": [dict(a=1.0)]},
    )
    _, below = theorylab.check(claim).plot(Figure()).axes
    np.testing.assert_array_equal(below.lines[0].get_ydata(), [0, np.nan, 0])


def test_every_rival_has_its_marker():
    off = {f"{k} too much": lambda centre, k=k: np.full(3, centre + k) for k in range(1, 13)}
    (legend,) = theorylab.check(noisy_claim(rivals=off)).plot(Figure()).legends
    assert [text.get_text() for text in legend.get_texts()] == list(off)


def test_of_many_curves_some_are_drawn():
    settings = [dict(rate=0.1 * k, step=0.02 / 2**j) for k in range(1, 31) for j in range(4)]
    figure = theorylab.check(rate_claim(settings={"quick": settings})).plot(Figure())
    assert len(figure.axes[0].get_legend_handles_labels()[0]) == 16


def test_figures_need_no_tex():
    verdict = theorylab.check(exact_claim(name="10 % of a_b"))
    with mpl.rc_context({"text.usetex": True}):
        assert "<img" in page([verdict])


@pytest.mark.parametrize("suffix", [".PDF", ".SVG"])
def test_no_date_is_in_a_file_whatever_its_ending(tmp_path, suffix):
    save(theorylab.check(exact_claim()), tmp_path / f"a{suffix}")
    written = (tmp_path / f"a{suffix}").read_bytes()
    assert b"CreationDate" not in written
    assert b"<dc:date>" not in written


def test_a_page_of_nothing(tmp_path):
    write_page(Verdicts(), tmp_path / "a.html")
    assert "0 claims" in (tmp_path / "a.html").read_text()


def test_the_command_writes_a_page(tmp_path, monkeypatch):
    claims = {
        "toy.decay": exact_claim(),
        "wrong.decay": exact_claim(predict=lambda **_: np.ones(300)),
    }
    monkeypatch.setattr(registry, "claims", lambda: claims)
    run = lambda *words: CliRunner().invoke(app, ["report", *words])
    path = tmp_path / "a.html"
    assert run("toy.*", "-o", str(path)).exit_code == 0
    assert "toy.decay" in path.read_text()
    assert run("-o", str(path)).exit_code == 1
    for wrong, message in (
        (tmp_path / "a.txt", "must end in .html"),
        ("no/a.html", "existing folder"),
    ):
        result = run("-o", str(wrong))
        assert result.exit_code == 2
        assert message in result.stderr
