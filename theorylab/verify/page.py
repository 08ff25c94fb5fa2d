"""Verdicts as one self-contained page: readable without network, without scripts, on paper.

Every text is escaped, whatever a store, a file or a claim of another package holds; the page allows
itself no request and no script but its own, whose digest it names.
"""

from __future__ import annotations

import base64
import hashlib
import math
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

from theorylab.verify.claim import Source
from theorylab.verify.criteria import EXIT_CODES, RivalOutcome, Verdict
from theorylab.verify.criteria.verdict import number
from theorylab.verify.report import by_chance, cells, distinct, write_text

_LIBRARIES = ("theorylab", "jax", "jaxlib", "numpy", "scipy", "scikit-learn", "matplotlib")


def write_page(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write the page of some verdicts to a file, whole or not at all."""
    write_text(path, page(verdicts))


def page(verdicts: Sequence[Verdict]) -> str:
    """The page of some verdicts, as HTML."""
    statuses = [status for status in EXIT_CODES if any(v.status == status for v in verdicts)]
    allowed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    )
    boxes = "".join(
        f'<label class="{status}"><input type="checkbox" value="{status}" checked>{status} '
        f"<b>{sum(v.status == status for v in verdicts)}</b></label>"
        for status in statuses
    )
    seconds = sum(verdict.seconds for verdict in verdicts)
    about = ", ".join(filter(None, [f"{seconds:.0f} s of work", by_chance(verdicts)]))
    text = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>theorylab: {len(verdicts)} claims</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>theorylab</h1>
<p>{len(verdicts)} claims, each set against a simulation that could have disagreed and against
rivals, deliberately wrong theories: {escape(about)}.</p>
<form role="search" hidden>
<input type="search" placeholder="Search claims, sources, rivals" aria-label="Search">
<span class="boxes">{boxes}</span><output></output>
</form>
</header>
<main>
{_summary(verdicts, statuses)}
{"".join(_card(verdict) for verdict in verdicts)}
</main>
<footer><p>{escape(_versions())}</p></footer>
<script>{_SCRIPT}</script>
</body>
</html>
"""
    # A name of a file that is not UTF-8 reaches messages as lone surrogates, which no file takes.
    return text.encode(errors="replace").decode()


def _summary(verdicts: Sequence[Verdict], statuses: Sequence[str]) -> str:
    """A row for each family."""
    families = dict.fromkeys(_family(verdict) for verdict in verdicts)
    head = "".join(f"<th>{status}</th>" for status in statuses)
    rows = []
    for family in families:
        own = [verdict for verdict in verdicts if _family(verdict) == family]
        counts = [sum(v.status == status for v in own) for status in statuses]
        tds = "".join(
            f'<td class="{status if count else "none"}">{count or "–"}</td>'
            for status, count in zip(statuses, counts, strict=True)
        )
        seconds = sum(verdict.seconds for verdict in own)
        rows.append(f'<tr><th scope="row">{escape(family)}</th>{tds}<td>{seconds:.1f}</td></tr>')
    return (
        f'<table class="summary"><thead><tr><th>family</th>{head}<th>seconds</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _card(verdict: Verdict) -> str:
    """A claim, its verdict, its rivals and its figure."""
    claim = verdict.claim
    words = [verdict.id, verdict.status]
    parts = [
        f'<h2><a href="#{escape(verdict.id)}">{escape(verdict.id)}</a>'
        f'<span class="badge {verdict.status}">{verdict.status}</span></h2>'
    ]
    if claim:
        words += [claim.statement, str(claim.source), *claim.assumes]
        statement = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(claim.statement))
        parts.append(f'<p class="statement">{statement}</p>')
        parts.append(f'<p class="source">{_source(claim.source)}</p>')
    words += verdict.rivals
    if verdict.reason:
        parts.append(f'<p class="reason">{escape(verdict.reason)}</p>')
    left = [_facts(verdict), _rivals(verdict.rivals)]
    if hidden := verdict.extra.get("hidden_by_the_largest_bias", ()):
        names = ", ".join(f"'{name}'" for name in hidden)
        told = f"Told apart only if the bias is below its bound: {names}."
        left.append(f'<p class="reason">{escape(told)}</p>')
    if claim and claim.assumes:
        items = "".join(f"<li>{escape(text)}</li>" for text in claim.assumes)
        left.append(f"<h3>Assumes</h3><ul>{items}</ul>")
    left.append(_settings(verdict))
    parts.append(f'<div class="body"><div>{"".join(left)}</div>{_figure(verdict)}</div>')
    data = escape(" ".join(words).lower())
    return (
        f'<article id="{escape(verdict.id)}" data-status="{verdict.status}" data-words="{data}">'
        f"{''.join(parts)}</article>\n"
    )


def _source(source: Source) -> str:
    """A source with links to follow; nothing is fetched by itself."""
    parts = [escape(f"{source.authors} ({source.year})"), escape(source.title)]
    for prefix, name, site in (
        ("arXiv:", source.arxiv, "https://arxiv.org/abs/"),
        ("doi:", source.doi, "https://doi.org/"),
    ):
        if name:
            parts.append(
                f'<a href="{escape(site + name)}" rel="noreferrer">{escape(prefix + name)}</a>'
            )
    return ", ".join(parts + ([escape(source.at)] if source.at else []))


def _facts(verdict: Verdict) -> str:
    row = cells(verdict)
    facts = {
        "resolution": row["resolution"],
        "in tolerances": row["in tol."],
        "replicates": row["n"],
        "worst at": verdict.worst_cell,
        "p-value": number(float(verdict.p_value)) if math.isfinite(verdict.p_value) else "",
        "needed": f"about {verdict.forecast:.0f}" if math.isfinite(verdict.forecast) else "",
        "scale, seed": f"{verdict.scale}, {verdict.seed}",
        "precision": verdict.precision,
        "seconds": f"{verdict.seconds:.1f}",
        "proof": f"proofs/{verdict.claim.proof}.py"
        if verdict.claim and verdict.claim.proof
        else "",
    }
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in facts.items()
        if value not in ("", "-")
    )
    return f"<dl>{pairs}</dl>"


def _rivals(rivals: Mapping[str, RivalOutcome]) -> str:
    """How decisively each rival is refuted: its distance in tolerances, on a log scale."""
    if not rivals:
        return ""
    rows = []
    for name, outcome in rivals.items():
        distance = outcome.distance if math.isfinite(outcome.distance) else 0.0
        # 1 tolerance, where a rival begins to be refuted, at a quarter of the bar; 1000 at its end.
        share = 0.25 * (1 + math.log10(distance)) if distance > 0.1 else 0.0
        told = outcome.status != "no power" and not math.isnan(outcome.distance)
        far = f"{distance:.3g}" if told else "–"
        if outcome.distance == math.inf:
            share, far = 1.0, "∞"
        rows.append(
            f'<tr title="{escape(outcome.where)}"><td>{escape(name)}</td>'
            f'<td class="{"holds" if outcome.status == "refuted" else "inconclusive"}">'
            f"{escape(outcome.status)}</td><td>{far}</td>"
            f'<td class="bar"><i style="width:{100 * min(share, 1):.0f}%"></i></td></tr>'
        )
    return (
        "<h3>Rivals</h3><table class='rivals'><thead><tr><th>theory</th><th></th>"
        "<th>tolerances</th><th>off the evidence</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _settings(verdict: Verdict) -> str:
    settings = distinct(record.setting for record in verdict.records)
    if not settings:
        return ""
    names = list(dict.fromkeys(name for setting in settings for name in setting))
    row = lambda tag, texts: "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)
    body = "".join(
        f"<tr>{row('td', [_short(setting.get(name, '')) for name in names])}</tr>"
        for setting in settings
    )
    return (
        f"<details><summary>{len(settings)} setting{'s' * (len(settings) > 1)}</summary>"
        f"<table><thead><tr>{row('th', names)}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _short(value: Any) -> str:
    return ", ".join(map(number, value)) if isinstance(value, tuple) else number(value)


def _figure(verdict: Verdict) -> str:
    """The evidence as an image: what is in one is never run."""
    if not verdict.records or verdict.claim is None:
        return ""
    from theorylab.verify.draw import image

    drawn = BytesIO()
    try:
        image(verdict, drawn)
    except Exception as error:  # a figure that fails must not cost the report
        return f"<p>no figure: {escape(f'{type(error).__name__}: {error}')}</p>"
    width = re.search(rb'width="([0-9.]+)pt"', drawn.getvalue())
    wide = ' class="wide"' if width and float(width[1]) > 500 else ""
    data = base64.b64encode(drawn.getvalue()).decode()
    alt = f"{verdict.id}: theory as lines, simulation as markers, {verdict.status}"
    return (
        f'<figure{wide}><img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"></figure>'
    )


def _family(verdict: Verdict) -> str:
    return verdict.id.split(".", 1)[0] if "." in verdict.id else "claims of one's own"


def _versions() -> str:
    found = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join([*found, f"{platform.system()} {platform.machine()}"])


_STYLE = """
:root { --ink: #1b1f24; --dim: #5b6570; --line: #d9dee4; --paper: #fff; --card: #fff;
  --blue: #0072b2; --green: #00785a; --red: #b3261e; --amber: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa4ae; --line: #333b44;
  --paper: #14181c; --card: #1a1f24; --blue: #6cb8e6; --green: #4cc9a0; --red: #ff8a80;
  --amber: #f0b64f; } figure img { filter: invert(1) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1.25rem 3rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: .5rem 0 0; } h3 { font-size: .8rem; margin: 1rem 0 .2rem;
  color: var(--dim); text-transform: uppercase; letter-spacing: .04em; }
header p, .source, footer, .reason { color: var(--dim); } a { color: var(--blue); }
form { position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: .6rem 1rem; padding: .6rem 0;
  align-items: center; background: var(--paper); border-bottom: 1px solid var(--line); z-index: 1; }
form[hidden] { display: none; }
input[type=search] { flex: 1 1 16rem; padding: .4rem .6rem; font: inherit; color: inherit;
  background: var(--card); border: 1px solid var(--line); border-radius: .4rem; }
.boxes label { margin-right: .8rem; white-space: nowrap; } output { color: var(--dim); }
article { margin: 1.2rem 0; padding: 1rem 1.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; break-inside: avoid;
  scroll-margin-top: 4rem; }
h2 { font: 600 1.05rem/1.3 ui-monospace, monospace; margin: 0; display: flex; gap: .8rem;
  flex-wrap: wrap; align-items: baseline; overflow-wrap: anywhere; }
h2 a { color: inherit; text-decoration: none; }
.badge { font: 600 .8rem system-ui, sans-serif; border: 1px solid; border-radius: 1rem;
  padding: .05rem .6rem; }
.holds { color: var(--green); } .refuted, .error { color: var(--red); }
.inconclusive { color: var(--amber); } .skipped, .none { color: var(--dim); }
.statement { font: 1.05rem/1.45 Georgia, "Times New Roman", serif; margin: .5rem 0 .2rem; }
.source, .reason { margin: .1rem 0; font-size: .9rem; }
.body { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr); gap: 1.5rem; }
@media (max-width: 50rem) { .body { grid-template-columns: minmax(0, 1fr); } }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; margin: .8rem 0 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .9rem; } ul { margin: .2rem 0; padding-left: 1.2rem; }
th { font-weight: 500; color: var(--dim); text-align: left; }
th, td { padding: .15rem .8rem .15rem 0; vertical-align: top; }
.summary { margin: 1rem 0; } .summary td { text-align: right; }
.summary th { text-align: right; } .summary th:first-child { text-align: left; }
.rivals { width: 100%; } .rivals td:nth-child(3) { text-align: right; }
.bar { width: 30%; min-width: 5rem; }
.bar i { display: block; height: .55rem; margin-top: .45rem; background: var(--blue); opacity: .7; }
td.bar { background: linear-gradient(var(--dim), var(--dim)) 25% 50% / 1px 100% no-repeat
  content-box content-box; }
details { margin-top: .8rem; overflow-x: auto; } summary { color: var(--dim); cursor: pointer; }
figure { margin: .8rem 0 0; } figure img { max-width: 100%; height: auto; }
figure.wide { grid-column: 1 / -1; }
footer { margin-top: 2rem; font-size: .85rem; }
@media print { form { display: none; } details { display: block; } }
"""

_SCRIPT = """
const form = document.querySelector("form"), words = form.querySelector("input[type=search]");
const boxes = [...form.querySelectorAll("input[type=checkbox]")];
const articles = [...document.querySelectorAll("article")];
function filter() {
  const asked = words.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const shown = new Set(boxes.filter(box => box.checked).map(box => box.value));
  let count = 0;
  for (const article of articles) {
    const fits = shown.has(article.dataset.status)
      && asked.every(word => article.dataset.words.includes(word));
    article.hidden = !fits;
    count += fits;
  }
  form.querySelector("output").value = `${count} of ${articles.length} shown`;
}
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
form.hidden = false;
filter();
"""
