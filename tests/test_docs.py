"""What the README and the pages of `docs` show runs; what is generated is well formed."""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import theorylab
from docs import generate, offline
from theorylab.cli import app

DOCS = Path(__file__).parents[1] / "docs"
FILES = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
GENERATED = generate.pages()

# `expression  # what it is`: a number cut off by an ellipsis, or a Python value.
SHOWN = re.compile(r"(?P<code>\S.*?)  # (?P<value>-?\d+\.\d+…|'.*'|True|\(.*\)|\[.*\])$")


def python_blocks(page):
    """The Python of a page, without the indent it has in a list."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def shown(block):
    """The expressions of a block with the values that their comments show."""
    matches = map(SHOWN.match, block.splitlines())
    return [(m["code"].split(" = ", 1)[-1], m["value"]) for m in matches if m]


@pytest.mark.parametrize("name", PAGES)
def test_every_block_runs_and_gives_what_it_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "strengths.npy" in PAGES[name]:  # measurements of the reader's own
        verdict = theorylab.check("deep_linear.sigmoidal_learning", seed=5, data="digits")
        np.save("strengths.npy", verdict.records[0].values)
    names: dict = {}
    for block in python_blocks(PAGES[name]):
        exec(compile(block, f"{name}.md", "exec"), names)  # it is our own text
        for expression, value in shown(block):
            found = eval(expression, names)
            if value.endswith("…"):
                assert repr(float(found)).startswith(value[:-1]), expression
            else:
                assert found == eval(value), expression


def test_pages_show_values():
    counts = {name: sum(len(shown(b)) for b in python_blocks(page)) for name, page in PAGES.items()}
    assert min(counts.values()) >= 1, counts
    assert sum(counts.values()) >= 30


@pytest.mark.parametrize("name", PAGES)
def test_every_command_is_one(name):
    """Commands and options exist, and so do the claims they name."""
    for words in re.findall(r"^ *\$ theorylab (.*)$", PAGES[name], re.MULTILINE):
        first, *options = words.split()
        command = [] if first.startswith("-") else [first]
        usage = CliRunner().invoke(app, [*command, "--help"]).stdout
        assert "Usage" in usage, words
        for option in [first, *options] if not command else options:
            if option.startswith("-"):
                assert option in usage, words
            elif re.fullmatch(r"'?(deep_linear|hopfield)\..*", option):
                assert theorylab.registry.select([option.strip("'")]), words


# ---------------------------------------------------------------------- generated pages


def test_there_is_a_page_for_every_claim_and_every_public_name():
    for claim_id, claim in theorylab.claims().items():
        family = claim_id.split(".")[0]
        if family in theorylab.registry.FAMILIES:
            page = GENERATED[f"{family}/{claim_id}.md"]
            assert f"theorylab check {claim_id}" in page
            assert page.count("\n- ") >= len(claim.rivals)
    for family in theorylab.registry.FAMILIES:
        package = getattr(theorylab, family)
        public = {
            name
            for name, thing in vars(package).items()
            if callable(thing) and not name.startswith("_")
        }
        titles = "\n".join(page for path, page in GENERATED.items() if path.startswith(family))
        assert {name for name in public if f"\n## `{name}`\n" in titles} == public


@pytest.mark.parametrize("path", GENERATED)
def test_links_of_generated_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", GENERATED[path]):
        if target.startswith("https://"):
            continue
        way, _, place = target.partition("#")
        where = (DOCS / "_generated" / path).parent.joinpath(way).resolve()
        if where.is_relative_to(DOCS / "_generated"):
            text = GENERATED[where.relative_to(DOCS / "_generated").as_posix()]
            assert not place or f"({place})=" in text, target
        else:
            assert not place or f"### `{place.capitalize()}`" in where.read_text(), target


@pytest.mark.parametrize("path", GENERATED)
def test_mathematics_of_generated_pages_is_whole(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", GENERATED[path], flags=re.DOTALL)
    assert "$$" not in text
    assert text.replace(r"\$", "").count("$") % 2 == 0


def test_pages_are_written_once_and_old_ones_removed(tmp_path):
    generate.write(tmp_path)
    page = tmp_path / "deep_linear" / "deep_linear.sigmoidal_learning.md"
    written, old = page.stat().st_mtime_ns, tmp_path / "deep_linear" / "gone.md"
    old.write_text("# Gone")
    generate.write(tmp_path)
    assert page.stat().st_mtime_ns == written
    assert not old.exists()


DOCSTRING = """Strength `u(t)` of a mode, Eq. (1).

    Arguments:
        t: time, in the units of `tau`; `>= 0`. At infinite depth
            `L` times the time.
        first, second: the weights.

    Returns: the strength,
        an array.
    Raises: `ValueError`.

    $$u = s, \\tag{1}$$

    Proof: `proofs/x.py`. Claims: `family.one`,
    `family.two`.
    Reference: Euler (1768), arXiv:1234.56789.
    """


def test_sections_become_labels_and_entries_definitions():
    link = {"family.two": "two.md"}.get
    blocks = generate.render(DOCSTRING, lambda name: link(name, "")).split("\n\n")
    assert blocks == [
        "Strength `u(t)` of a mode, Eq. (1).",
        "**Arguments**",
        "`t`\n: time, in the units of `tau`; `>= 0`. At infinite depth\n  `L` times the time.",
        "`first`, `second`\n: the weights.",
        "**Returns:** the strength, an array.",
        "**Raises:** `ValueError`.",
        "```{math}\n:no-wrap:",
        "\\[u = s, \\tag{1}\\]\n```",
        "**Proof:** `proofs/x.py`.",
        "**Claims:** `family.one`,\n[`family.two`](two.md).",
        "**Reference:** Euler (1768), [arXiv:1234.56789](https://arxiv.org/abs/1234.56789).",
    ]


def test_named_entries_outside_sections_are_definitions_too():
    text = "`mean`, `rms`: of sizes, in\n    each cell:\n\n        h = 1\n\n    in all.\n\nThe end."
    assert generate.render(text) == (
        "`mean`, `rms`\n: of sizes, in\n  each cell:\n  \n  ```text\n  h = 1\n  ```\n  \n"
        "  in all.\n\nThe end."
    )


@pytest.mark.parametrize("text", [None, "", "One line."])
def test_short_docstrings_stay(text):
    assert generate.render(text) == (text or "")


def test_wide_equations_are_broken_where_their_source_is():
    narrow = generate.equation("a = b, \\qquad\n  c = d \\tag{1}")
    assert "gathered" not in narrow
    assert narrow.endswith("\\tag{1}\\]\n```")
    wide = generate.equation("a = " + "+b" * 40 + ", \\qquad\n  c = \\frac{1}{\n 2} \\tag{1}")
    assert "b, \\\\[4pt]\nc = \\frac{1}{\n2}\n\\end{gathered} \\tag{1}\\]" in wide


def test_signatures_are_as_written():
    def law(t: float, *rest: int, depth: float = 2, law=None, **setting) -> "float": ...

    assert generate.signature(law) == (
        'law(t: float, *rest: int, depth: float = 2, law=None, **setting) -> "float"'
    )


# ---------------------------------------------------------------------- no network


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<SCRIPT SRC="//cdn.example/a.js"></SCRIPT>',
        '<link rel="stylesheet" href="http://example/a.css">',
        '<link rel="preconnect stylesheet" href="https://fonts.example">',
        '<img src="https://example/a.png">',
        '<svg><image href="https://example/a.png"/></svg>',
        '<svg><use xlink:href="https://example/a.svg#b"/></svg>',
        '<img srcset="a.png 1x, https://example/b.png 2x">',
        "<style>@import 'https://example/a.css';</style>",
        "<style>body { background: url(//example/a.png) }</style>",
        '<p style="background: url(https://example/a.png)">',
    ],
)
def test_what_would_be_fetched_is_found(html):
    assert len(offline.fetched_by(html)) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://arxiv.org/abs/1312.6120">arXiv</a>',
        '<link rel="canonical" href="https://example/page">',
        '<script src="_static/a.js?v=1"></script><link rel="icon" href="a.svg"><img src="../a.png">'
        '<link rel="stylesheet" href="a.css">',
        '<img src="data:image/png;base64,AAAA"><svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ],
)
def test_what_people_follow_is_not(html):
    assert offline.fetched_by(html) == []


def test_a_built_folder_is_searched(tmp_path, capsys):
    assert offline.main(tmp_path) == 1  # nothing was built
    (tmp_path / "index.html").write_text("<p>Well.</p>")
    assert offline.main(tmp_path) == 0
    (tmp_path / "a.css").write_text("@font-face { src: url('https://example/a.woff2') }")
    assert offline.main(tmp_path) == 1
    assert "a.css fetches https://example/a.woff2" in capsys.readouterr().err


def test_the_picture_of_the_report_is_small():
    picture = (DOCS / "report.png").read_bytes()
    assert len(picture) < 200_000
    assert int.from_bytes(picture[16:20]) == 1150
    assert np.frombuffer(picture[:4], np.uint8).tolist() == [137, 80, 78, 71]
