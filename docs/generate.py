"""Pages of the reference, written from the code: one for each claim and each solver.

    python docs/generate.py    writes docs/_generated, as every build does first

Docstrings are Markdown with mathematics between dollars, and with sections whose entries are
indented; `render` gives them the form MyST understands.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from theorylab import registry
from theorylab.verify import Claim, Source

DOCS = Path(__file__).parent
PROOFS = DOCS.parent / "proofs"

SECTIONS = ("Arguments", "Attributes", "Returns", "Yields", "Assumes", "Raises")
LABELS = ("Proof", "Proofs", "Claim", "Claims", "Reference", "References")

Link = Callable[[str], str]
"""Gives the page of a name between backticks, or nothing."""


# ---------------------------------------------------------------------- docstrings


def render(docstring: str | None, link: Link = lambda name: "") -> str:
    """A docstring as MyST: sections as bold labels, their entries as definitions, equations whole.

    Arguments:
        docstring: as written, indented or not.
        link: of a name in backticks, gives the page to link it to, or an empty string.
    """
    lines = inspect.cleandoc(docstring or "").split("\n")
    return "\n\n".join(_linked(block, link) for block in _blocks(lines))


def _blocks(lines: Sequence[str]) -> list[str]:
    blocks: list[str] = []
    k = 0
    while k < len(lines):
        line = lines[k]
        if not line.strip():
            k += 1
        elif line.startswith("$$"):
            stop = next(j for j in range(k, len(lines)) if lines[j].rstrip().endswith("$$")
                        and (j > k or line.count("$$") > 1))  # fmt: skip
            text = "\n".join(lines[k : stop + 1]).strip().removeprefix("$$").removesuffix("$$")
            blocks.append(equation(text))
            k = stop + 1
        elif line.startswith("    "):  # preformatted
            body, k = _indented(lines, k)
            blocks.append("```text\n" + "\n".join(body) + "\n```")
        elif label := re.match(rf"({'|'.join(SECTIONS)}):(?: (.*))?$", line):
            body, k = _indented(lines, k + 1)
            head, first = label.groups()
            if first:
                blocks.append(f"**{head}:** " + " ".join([first, *map(str.strip, body)]).strip())
            else:
                blocks += [f"**{head}**", _definitions(body)]
        elif re.match(r"`\w+`.*:", line) and k + 1 < len(lines) and lines[k + 1][:4] == "    ":
            body, k = _indented(lines, k + 1)
            name, _, rest = line.partition(": ")
            blocks.append(_definition(name, [rest, *body]))
        else:
            start, k = k, k + 1
            while k < len(lines) and lines[k].strip() and not _begins_another(lines[k]):
                k += 1
            blocks += _paragraphs(lines[start:k])
    return blocks


def _begins_another(line: str) -> bool:
    return line.startswith("$$") or any(line.startswith(f"{head}:") for head in SECTIONS + LABELS)


def _indented(lines: Sequence[str], k: int) -> tuple[list[str], int]:
    """The indented lines from `k` on, without their indent, and where they end."""
    stop = k
    while stop < len(lines) and (not lines[stop].strip() or lines[stop].startswith("    ")):
        stop += 1
    return dedent("\n".join(lines[k:stop])).strip("\n").split("\n"), stop


def _definitions(body: Sequence[str]) -> str:
    """The entries of a section, `name: meaning` each, with deeper lines behind."""
    entries: list[tuple[str, list[str]]] = []
    for line in body:
        if line[:1].strip() and ": " in line:
            name, _, meaning = line.partition(": ")
            entries.append((", ".join(f"`{one.strip('` ')}`" for one in name.split(",")),
                            [meaning]))  # fmt: skip
        elif entries:
            entries[-1][1].append(line)
    return "\n\n".join(_definition(name, meaning) for name, meaning in entries)


def _definition(name: str, body: Sequence[str]) -> str:
    first, *rest = body
    inner = _blocks([first, *dedent("\n".join(rest)).split("\n")])
    text = "\n\n".join(inner).replace("\n", "\n  ")
    return f"{name}\n: {text}"


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """A paragraph, or one for each label (proof, claim, reference) in it."""
    text = "\n".join(lines)
    heads = "|".join(LABELS)
    if not re.match(rf"({heads}): ", text):
        return [text]
    parts = re.split(rf"(?:^|(?<=\.)\s)(?=(?:{heads}): )", text)
    return [re.sub(rf"^({heads}): ", r"**\1:** ", part) for part in parts if part.strip()]


# About as many signs as fit on a line of a page.
WIDE = 75


def equation(tex: str) -> str:
    """A displayed equation as MathJax takes it, a wide one broken where its source is.

    Sphinx would put `split` around lines, which takes no tag.
    """
    tags = re.findall(r"\\tag\{[^}]*\}", tex)
    rows = _rows(re.sub(r"\\tag\{[^}]*\}", "", tex).strip())
    if len(rows) > 1 and signs(tex) > WIDE:
        breakable = [re.sub(r"\s*\\q?quad$", "", row) for row in rows]
        inner = "\\begin{gathered}\n" + " \\\\[4pt]\n".join(breakable) + "\n\\end{gathered}"
    else:
        inner = "\n".join(rows)
    return "```{math}\n:no-wrap:\n\n\\[" + " ".join([inner, *tags]) + "\\]\n```"


def signs(tex: str) -> int:
    """About how many signs an equation shows; those of a fraction count beside each other."""
    hidden = r"\\tag\{.*?\}|\\(begin|end)\{\w+\}|\\(mathrm|text|[bB]ig+|left|right|[dt]?frac)\b"
    tex = re.sub(hidden, "", tex).replace(r"\qquad", "~~~~").replace(r"\quad", "~~")
    tex = re.sub(r"\\[A-Za-z]+", "x", re.sub(r"\\[,;! ]", "", tex))
    return len(re.sub(r"[\\\s^_{}]", "", tex))


def _rows(tex: str) -> list[str]:
    """The lines of an equation, those within braces or environments joined."""
    rows: list[str] = []
    depth = 0
    for line in map(str.strip, tex.split("\n")):
        rows = [*rows[:-1], f"{rows[-1]}\n{line}"] if depth and rows else [*rows, line]
        depth += len(re.findall(r"(?<!\\)\{|\\begin\b|\\left\b", line))
        depth -= len(re.findall(r"(?<!\\)\}|\\end\b|\\right\b", line))
    return [row for row in rows if row]


def _linked(block: str, link: Link) -> str:
    if block.startswith("```"):
        return block

    def name(match: re.Match[str]) -> str:
        page = link(match[1])
        return f"[`{match[1]}`]({page})" if page else match[0]

    # What stands between dollars or in a fence is left alone.
    parts = re.split(r"(```.*?```|\$[^$]+\$|`[^`\n]+`)", block, flags=re.DOTALL)
    for k, part in enumerate(parts):
        if re.fullmatch(r"`[^`\n]+`", part):
            parts[k] = re.sub(r"`([^`]+)`", name, part)
        elif not part.startswith(("$", "```")):
            parts[k] = re.sub(
                r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", part
            )
    return "".join(parts)


# ---------------------------------------------------------------------- solvers


def solvers(family: str) -> dict[str, dict[str, Any]]:
    """The public names of a family by the module that defines them, in its table of contents.

    A package among them, such as one of activations, has a table of contents of its own; there
    values count as well as functions and classes.
    """
    found: dict[str, dict[str, Any]] = {}

    def gather(package: Any) -> None:
        path = package.__name__
        for name, thing in vars(package).items():
            if name.startswith("_"):
                continue
            if inspect.ismodule(thing) and hasattr(thing, "__path__") and name != "claims":
                if thing.__name__ == f"{path}.{name}":
                    gather(thing)
            elif (module := origin(thing, path)).startswith(f"{path}."):
                found.setdefault(module.removeprefix(f"theorylab.{family}."), {})[name] = thing

    gather(import_module(f"theorylab.{family}"))
    return found


def origin(thing: Any, package: str) -> str:
    """The module that defines a function or class, or the class of a value of a subpackage."""
    if inspect.isfunction(thing) or inspect.isclass(thing) or package.count(".") > 1:
        return getattr(thing, "__module__", "") or ""
    return ""


def solver_page(family: str, module: str, things: Mapping[str, Any], link: Link) -> str:
    """The equations of a module, then each of its public names."""
    path = f"theorylab.{family}.{module}"
    title, _, rest = inspect.cleandoc(import_module(path).__doc__ or module).partition("\n")
    classes = [name for name, thing in things.items() if inspect.isclass(thing)]
    names = [name for name in things if name not in classes] + classes
    names.sort(key=lambda name: name != module)  # what the module is named after comes first
    parts = [f"# {module}", "> " + render(title, link), render(rest, link)]
    source = path.rsplit(".", 1)[0]
    line = f"from {source} import {', '.join(names)}"
    if len(line) > 88:
        line = f"from {source} import (\n    " + ",\n    ".join(names) + ",\n)"
    parts += [f"```python\n{line}\n```"]
    for name in names:
        parts += [f"({anchor(family, name)})=\n## `{name}`"]
        thing = things[name]
        if not callable(thing):
            parts += [f"```python\n{name} = {thing!r}\n```"]
            continue
        parts += [f"```python\n{signature(thing)}\n```", render(thing.__doc__, link)]
        for method, body in methods(thing).items():
            parts += [f"### `{name}.{method}`", f"```python\n{signature(body)}\n```"]
            parts += [render(body.__doc__, link)]
    return "\n\n".join(parts) + "\n"


def methods(thing: Any) -> dict[str, Any]:
    """The documented public methods of a class, in the order written."""
    if not inspect.isclass(thing):
        return {}
    bodies = {name: getattr(body, "__func__", body) for name, body in vars(thing).items()}
    return {
        name: body
        for name, body in bodies.items()
        if inspect.isfunction(body) and body.__doc__ and not name.startswith("_")
    }


def anchor(family: str, name: str) -> str:
    kind = "tuple-" if name[:1].isupper() else ""  # `Spinodal` is what `spinodal` returns
    return f"{family}-{kind}{name}".replace("_", "-").lower()


def signature(thing: Any) -> str:
    """How a function is called, or what fields a tuple has, as written in its source."""
    node = ast.parse(dedent(inspect.getsource(thing))).body[0]
    own = [argument.arg for argument in getattr(getattr(node, "args", None), "args", [])][:1]
    if own in (["self"], ["cls"]):
        node.args.args.pop(0)  # of a method
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(field) for field in node.body if isinstance(field, ast.AnnAssign)]
        return "\n".join([f"class {node.name}:", *(f"    {field}" for field in fields)])
    assert isinstance(node, ast.FunctionDef)
    arguments = _arguments(node.args)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{node.name}({', '.join(arguments)}){returns}".replace("'", '"')
    if len(line) <= 88:
        return line
    body = "".join(f"    {argument},\n" for argument in arguments)
    return f"{node.name}(\n{body}){returns}".replace("'", '"')


def _arguments(of: ast.arguments) -> list[str]:
    positional = [*of.posonlyargs, *of.args]
    defaults = [None] * (len(positional) - len(of.defaults)) + list(of.defaults)
    written = [_argument(*pair) for pair in zip(positional, defaults, strict=True)]
    if of.vararg:
        written.append(f"*{ast.unparse(of.vararg)}")
    elif of.kwonlyargs:
        written.append("*")
    written += [_argument(*pair) for pair in zip(of.kwonlyargs, of.kw_defaults, strict=True)]
    return written + ([f"**{ast.unparse(of.kwarg)}"] if of.kwarg else [])


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if argument.annotation else "="
    return ast.unparse(argument) + (f"{equals}{ast.unparse(default)}" if default else "")


# ---------------------------------------------------------------------- claims


def claim_page(claim_id: str, claim: Claim, link: Link) -> str:
    """Everything a claim says of itself."""
    family, name = claim_id.split(".", 1)
    module = defining_module(family, name, claim)
    words = inspect.cleandoc(module.__doc__ or "")
    shared = words == inspect.cleandoc(import_module(f"theorylab.{family}.claims").__doc__ or "")
    parts = [
        f"# {claim_id}",
        "> " + _linked(prose(claim.statement), link),
        f"**Source:** {cited(claim.source)}",
        f"```console\n$ theorylab check {claim_id}\n```",
    ]
    if words and not shared:
        parts += ["## The experiment", render(words, link)]
    parts += ["## Assumptions", listed(map(prose, claim.assumes)) or "Nothing more."]
    parts += ["## Decided by", decision(claim, link)]
    parts += ["## Rivals", rivals(claim, link)]
    parts += ["## Settings", settings(claim)]
    if words := docstring(claim.domain):
        parts += ["## Domain", render(words, link)]
    if claim.proof:
        proved = proofs(PROOFS / f"{claim.proof}.py")
        parts += ["## Proof", f"`proofs/{claim.proof}.py`, run by `make proofs`:", listed(proved)]
    if pages := solvers_of(family, claim_id, link):
        parts += ["## Solvers", listed(pages)]
    return "\n\n".join(part for part in parts if part) + "\n"


def defining_module(family: str, name: str, claim: Claim) -> Any:
    """The module whose text assigns the claim to its name."""
    package = import_module(f"theorylab.{family}.claims")
    below = [
        import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(getattr(package, "__path__", []))
    ]
    for module in below:
        if vars(module).get(name) is claim and name in assigned(inspect.getsource(module)):
            return module
    return package


def assigned(text: str) -> set[str]:
    """The names a module's text assigns at its top level."""
    targets = [node.targets for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return {target.id for some in targets for target in some if isinstance(target, ast.Name)}


def cited(source: Source) -> str:
    parts = [f"{prose(source.authors)} ({source.year})", f"*{prose(source.title)}*"]
    if source.arxiv:
        parts += [f"[arXiv:{source.arxiv}](https://arxiv.org/abs/{source.arxiv})"]
    if source.doi:
        parts += [f"[doi:{source.doi}](https://doi.org/{source.doi})"]
    return ", ".join(parts + ([prose(source.at)] if source.at else [])) + "."


def decision(claim: Claim, link: Link) -> str:
    """The criterion, and its fields: numbers as they are, laws by their docstrings."""
    criterion: Any = claim.criterion
    kind = type(criterion).__name__
    parts = [f"[`{kind}`](../../verdicts.md#{kind.lower()})."]
    for name, field in type(criterion).__dataclass_fields__.items():
        value = getattr(criterion, name)
        if name in ("tolerance", "bias", "slack", "rounding", "attained") and callable(value):
            words = render(docstring(value), link) or f"derived in `{written_in(value)}`"
            parts.append(f"`{name}`\n: " + words.replace("\n", "\n  "))
        elif value != field.default:
            parts.append(f"`{name}`\n: {inline(value)}")
    return "\n\n".join(parts)


def inline(value: Any) -> str:
    if isinstance(value, str | bool | int | float | tuple):
        return f"`{value!r}`" if not isinstance(value, str) else f"`{value}`"
    fields = getattr(type(value), "__dataclass_fields__", {})
    shown = [f"{k}={getattr(value, k)!r}" for k in fields if not callable(getattr(value, k))]
    return f"`{type(value).__name__}({', '.join(shown)})`"


def docstring(law: Any) -> str:
    """Of a function, or of the one that a partial calls."""
    law = _called(law)
    return inspect.getdoc(law) or "" if inspect.isroutine(law) else ""


def written_in(law: Any) -> str:
    """The file of a function, below the repository's root."""
    return getattr(_called(law), "__module__", "").replace(".", "/") + ".py"


def _called(law: Any) -> Any:
    while isinstance(law, partial):
        law = law.func
    return law


def rivals(claim: Claim, link: Link) -> str:
    """The wrong theories, by name; those that are numbers with their value."""
    lines = []
    for name, law in claim.rivals.items():
        words = "" if callable(law) else f": `{law:.4g}`"
        lines.append(_linked(prose(name), link) + words)
    return "The same evidence must refute\n\n" + listed(lines)


def settings(claim: Claim) -> str:
    """The settings of each scale, those that a criterion sweeps in one row."""
    over = getattr(claim.criterion, "over", None)
    parts = []
    for scale in claim.settings:
        rows = _swept_together(claim.settings_at(scale), over)
        count = claim.replicates_at(scale)
        parts.append(f"`{scale}`, {count} replicates of each{_at_most(claim)}:")
        parts.append(_table(rows))
    return "\n\n".join(parts)


def _at_most(claim: Claim) -> str:
    """Criteria that stop when all is decided take fewer than their budget."""
    return " at most" if claim.criterion.first_look(1024) < 1024 else ""


def _swept_together(settings: Iterable[Mapping[str, Any]], over: str | None) -> list[dict]:
    rows: dict[tuple, dict] = {}
    for setting in settings:
        key = tuple(item for item in setting.items() if item[0] != over)
        row = rows.setdefault(key, {k: [] if k == over else v for k, v in setting.items()})
        if over is not None:
            row[over].append(setting[over])
    return list(rows.values())


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    words = lambda value: (
        ", ".join(map(words, value)) if isinstance(value, list | tuple)
        else f"{value:.6g}" if isinstance(value, float) else str(value)
    )  # fmt: skip
    names = list(dict.fromkeys(name for row in rows for name in row))
    line = lambda texts: "| " + " | ".join(texts) + " |"
    body = [line(words(row.get(name, "")) for name in names) for row in rows]
    return "\n".join([line(f"`{name}`" for name in names), line("---" for _ in names), *body])


def proofs(path: Path) -> list[str]:
    """What a derivation proves, from the names of its functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name[6:].replace("_", " ") for name in names if name.startswith("prove_")]


def solvers_of(family: str, claim_id: str, link: Link) -> list[str]:
    """The solvers whose docstrings point at a claim."""
    found = []
    for module, things in solvers(family).items():
        words = import_module(f"theorylab.{family}.{module}").__doc__ or ""
        if f"`{claim_id}`" in words or f"`{claim_id.split('.', 1)[1]}`" in words:
            found += [f"[`{name}`]({link(name)})" for name in things if link(name)]
    return found


def prose(text: str) -> str:
    """Plain text as Markdown: nothing in it is a mark, but for backticks."""
    return re.sub(r"([*<>\[\]$])", r"\\\1", text)


def listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


# ---------------------------------------------------------------------- the whole


def family_page(family: str, claims: Mapping[str, Claim], link: Link) -> str:
    """What a family is about, its closed forms, and its claims."""
    words = inspect.cleandoc(import_module(f"theorylab.{family}").__doc__ or family)
    title, _, rest = words.partition(":")
    rest = rest.strip()
    rows = []
    for module, things in solvers(family).items():
        about = inspect.cleandoc(import_module(f"theorylab.{family}.{module}").__doc__ or "")
        names = [f"[`{name}`]({link(name)})" for name in things if link(name)]
        rows.append([", ".join(names), render(about.split("\n")[0], link)])
    parts = [f"# {title}", render(rest[:1].upper() + rest[1:], link)]
    parts += [f"```python\nfrom theorylab import {family}\n```"]
    parts += ["## Closed forms and instruments", columns(["of `" + family + "`", "about"], rows)]
    parts += ["## Claims", columns(["claim", "statement"], stated(claims, link))]
    parts += [toctree(["solvers", "claims"], hidden=True)]
    return "\n\n".join(parts) + "\n"


def stated(claims: Mapping[str, Claim], link: Link) -> list[list[str]]:
    return [
        [f"[`{claim_id}`]({link(claim_id)})", _linked(prose(claim.statement), link)]
        for claim_id, claim in claims.items()
    ]


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    line = lambda cells: "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    return "\n".join([line(heads), line(["---"] * len(heads)), *map(line, rows)])


def toctree(entries: Iterable[str], *, hidden: bool = False) -> str:
    options = ":hidden:\n" if hidden else ":maxdepth: 1\n"
    return "```{toctree}\n" + options + "\n" + "\n".join(entries) + "\n```"


def links(family: str, prefix: str) -> Link:
    """Where a name in backticks leads, from a page of a family; `prefix` is the way to its folder.

    Solvers of the family are known by their own name and those of others with their family's;
    claims likewise.
    """
    known: dict[str, str] = {}
    for other in registry.FAMILIES:
        way = prefix + ("" if other == family else f"../{other}/")
        for module, things in solvers(other).items():
            for name in things:
                known[f"{other}.{name}"] = f"{way}solvers/{module}.md#{anchor(other, name)}"
        for claim_id in of_family(other):
            known[claim_id] = f"{way}{claim_id}.md"

    def link(name: str) -> str:
        return known.get(name) or known.get(f"{family}.{name}") or ""

    return link


def of_family(family: str) -> dict[str, Claim]:
    claims = registry.claims().items()
    return {claim_id: claim for claim_id, claim in claims if claim_id.startswith(f"{family}.")}


def pages() -> dict[str, str]:
    """Every generated page by its path below `_generated`."""
    found = {}
    for family in registry.FAMILIES:
        here, below = links(family, ""), links(family, "../")
        claims = of_family(family)
        found[f"{family}/index.md"] = family_page(family, claims, here)
        listing = toctree(f"solvers/{module}" for module in solvers(family))
        short = [f"{claim_id.split('.', 1)[1]} <{claim_id}>" for claim_id in claims]
        found[f"{family}/solvers.md"] = f"# Closed forms and instruments\n\n{listing}\n"
        found[f"{family}/claims.md"] = f"# Claims\n\n{toctree(short)}\n"
        for claim_id, claim in claims.items():
            found[f"{family}/{claim_id}.md"] = claim_page(claim_id, claim, here)
        for module, things in solvers(family).items():
            found[f"{family}/solvers/{module}.md"] = solver_page(family, module, things, below)
    parts = ["# All claims"]
    for family in registry.FAMILIES:
        parts += [f"## [{family}]({family}/index.md)"]
        table = stated(of_family(family), links(family, f"{family}/"))
        parts += [columns(["claim", "statement"], table)]
    found["index.md"] = "\n\n".join(parts) + "\n"
    return found


def write(folder: Path = DOCS / "_generated") -> None:
    """Write every page; those of what is no longer there are removed, unchanged ones kept."""
    wanted = pages()
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    shutil.rmtree(DOCS / "_generated", ignore_errors=True)
    write()
