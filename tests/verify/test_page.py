"""The page of verdicts: whole, escaped, and without anything of others' that could run."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

import theorylab
from tests.toys import exact_claim, noisy_claim, rate_claim
from theorylab import registry
from theorylab.cli import app
from theorylab.verify import Source
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


def test_code_in_a_statement_is_set_as_code():
    verdict = theorylab.check(exact_claim(statement="Eq. (1) of `a < b`."))
    assert "Eq. (1) of <code>a &lt; b</code>." in page([verdict])


def test_the_page_allows_its_own_script_alone(text):
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for tag, a in Reader(text).tags if "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


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
