"""The command line: `theorylab check | list | show | figure | report`."""

from __future__ import annotations

import ast
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import platformdirs
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from theorylab.errors import UnknownName

if TYPE_CHECKING:
    from theorylab.verify.claim import Claim
    from theorylab.verify.criteria import Verdict
    from theorylab.verify.report import Verdicts

FORMATS = (".pdf", ".svg", ".png")
INTERRUPTED = 130

app = typer.Typer(
    name="theorylab",
    help="Results of deep-learning theory that run, are checked, and can be used.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ClaimId = Annotated[
    str, typer.Argument(metavar="ID", help="A claim, as `theorylab list` names it.")
]

Patterns = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID-OR-GLOB", help="Claims by id or glob; all by default."),
]
Scale = Annotated[str, typer.Option(help="How much evidence: quick, standard or full.")]
Seed = Annotated[int, typer.Option(help="Seed of all randomness.")]
Precision = Annotated[str, typer.Option(help="Of the simulations: float64 or float32.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Replace a setting: step=0.01, or data=FILE, a .npy, .npz or .csv of your own.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", metavar="N", help="Processes that compute.")]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Keep the evidence here, and resume from it; standard and full runs always keep it.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute anew what is kept already.")]


@app.command()
def check(
    patterns: Patterns = None,
    scale: Scale = "quick",
    seed: Seed = 0,
    precision: Precision = "float64",
    settings: Settings = None,
    jobs: Jobs = 1,
    store: StoreFolder = None,
    fresh: Fresh = False,
    alpha: Annotated[
        float | None,
        typer.Option(metavar="LEVEL", help="Error level of each noisy claim; 0.001 by default."),
    ] = None,
    rivals: Annotated[
        list[str] | None,
        typer.Option(
            "--rival",
            metavar="NAME=NUMBER",
            help="A theory of your own that the evidence should refute too: folklore=0.14.",
        ),
    ] = None,
    familywise: Annotated[
        float | None,
        typer.Option(
            metavar="LEVEL", help="Mark the refutations that survive Holm's correction at a level."
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the verdicts to a file.")
    ] = None,
) -> None:
    """Set claims against simulations that could have disagreed.

    Exit code: 0 all hold (those skipped are named), 1 one is refuted, 3 one is inconclusive or all
    were skipped, 4 one crashed, 2 bad usage, 130 interrupted.
    """
    from theorylab.verify.report import holm, write_json

    if json is not None:
        _require_writable("--json", json)
    for option, level in (("--alpha", alpha), ("--familywise", familywise)):
        if level is not None and not 0 < level < 1:
            _refuse(f"`{option}` must be between 0 and 1; got {level}")
    began = time.perf_counter()
    verdicts, interrupted = _reached(
        patterns or [], scale, seed, precision, settings, jobs, store, fresh, alpha, rivals
    )
    _print_verdicts(verdicts, time.perf_counter() - began)
    if familywise is not None:
        _console().print(Text(holm(verdicts, familywise)))
    if json is not None:
        try:
            write_json(verdicts, json)
        except OSError as error:
            _refuse(f"cannot write {str(json)!r}: {error.strerror}")
    if interrupted:
        _say("interrupted: the verdicts above were reached before")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(_code(verdicts))


@app.command()
def report(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="An .html file.")],
    patterns: Patterns = None,
    scale: Scale = "quick",
    seed: Seed = 0,
    precision: Precision = "float64",
    settings: Settings = None,
    jobs: Jobs = 1,
    store: StoreFolder = None,
    fresh: Fresh = False,
) -> None:
    """Check claims and write one self-contained page: verdicts, rivals, figures.

    Evidence that a store holds is not computed again. Exit codes are those of `check`.
    """
    from theorylab.verify.page import write_page

    if output.suffix.lower() not in (".html", ".htm"):
        _refuse(f"`--output` must end in .html; got {str(output)!r}")
    _require_writable("--output", output)
    verdicts, interrupted = _reached(
        patterns or [], scale, seed, precision, settings, jobs, store, fresh
    )
    try:
        write_page(verdicts, output)
    except OSError as error:
        _refuse(f"cannot write {str(output)!r}: {error.strerror}")
    _console().print(Text(f"{output}: {len(verdicts)} claims, the worst {verdicts.status}"))
    if interrupted:
        _say("interrupted: the page holds the verdicts reached before")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(_code(verdicts))


@app.command("list")
def list_claims(patterns: Patterns = None) -> None:
    """List the claims and what they state."""
    from rich.table import Table

    rows = Table(box=None, pad_edge=False, header_style="bold")
    rows.add_column("claim", no_wrap=True)
    rows.add_column("statement")
    for claim_id, claim in _select(patterns or []).items():
        rows.add_row(claim_id, Text(claim.statement))
    _console().print(rows)


@app.command()
def show(claim_id: ClaimId) -> None:
    """Show a claim: its statement, source, assumptions, rivals, settings and tolerance."""
    from rich.table import Table

    claim_id, claim = _one(claim_id)
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    add = lambda name, lines: rows.add_row(name, Text("\n".join(lines)))
    add("claim", [claim_id])
    add("statement", [claim.statement])
    add("source", [str(claim.source)])
    add("assumes", claim.assumes or ["nothing more"])
    add("criterion", [_criterion(claim)])
    add("rivals", claim.rivals)
    for scale in claim.settings:
        words = lambda setting: ", ".join(f"{name}={value}" for name, value in setting.items())
        add(scale, [words(setting) for setting in claim.settings_at(scale)])
        add("", [f"{claim.replicates_at(scale)} replicates of each"])
    add("proof", [f"proofs/{claim.proof}.py" if claim.proof else "none"])
    _console().print(rows)


@app.command()
def figure(
    claim_id: ClaimId,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .pdf, .svg or .png file.")
    ],
    scale: Scale = "quick",
    seed: Seed = 0,
    precision: Precision = "float64",
    settings: Settings = None,
) -> None:
    """Check a claim and draw its evidence: theory as lines, simulation as markers.

    Exit code 0 once it is drawn, whatever the verdict; without evidence that of `check`.
    """
    if output.suffix.lower() not in FORMATS:
        _refuse(f"`--output` must end in one of {', '.join(FORMATS)}; got {str(output)!r}")
    _require_writable("--output", output)
    claim_id, _ = _one(claim_id)
    try:
        (verdict,) = _verdicts([claim_id], scale, seed, precision, settings)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if not verdict.records:
        _refuse(f"{claim_id} has no evidence to draw: {verdict.reason}", code=_code([verdict]))

    from theorylab.verify.draw import save

    try:
        save(verdict, output)
    except OSError as error:
        _refuse(f"cannot write {str(output)!r}: {error.strerror}")
    _console().print(Text(f"{output}: {verdict}"))


class _Interrupts:
    """What Ctrl-C does: end at once, or, once there are verdicts to show, when they can be.

    It is remembered: Python drops the exception where it strikes inside a C import.
    """

    pressed = something_to_keep = False

    def __call__(self, *_: Any) -> None:
        if not self.something_to_keep:
            os.write(2, b"interrupted\n")
            os._exit(INTERRUPTED)
        self.pressed = True
        raise KeyboardInterrupt

    def heed(self) -> None:
        if self.pressed:
            raise KeyboardInterrupt


_interrupts = _Interrupts()


def main() -> None:
    """Entry point of the command `theorylab`."""
    signal.signal(signal.SIGINT, _interrupts)
    try:
        app()
    except SystemExit as ending:
        if ending.code == INTERRUPTED:
            # A computation may be running still, in a thread of XLA's that would outlive the
            # interpreter and crash: everything is printed and written, leave at once.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def _reached(*asked: Any) -> tuple[Verdicts, bool]:
    """The verdicts of `_verdicts`, those before an interrupt where there was one, and whether."""
    from theorylab.verify.report import Verdicts

    reached: list[Verdict] = []
    try:
        for verdict in _verdicts(*asked):
            reached.append(verdict)
            _interrupts.something_to_keep = True
    except KeyboardInterrupt:
        return Verdicts(reached), True
    return Verdicts(reached), False


def _verdicts(
    patterns: list[str],
    scale: str,
    seed: int,
    precision: str,
    settings: list[str] | None,
    jobs: int = 1,
    store: Path | None = None,
    fresh: bool = False,
    alpha: float | None = None,
    rivals: list[str] | None = None,
) -> Iterator[Verdict]:
    """The verdicts on the claims selected, with progress on a terminal; bad usage ends here."""
    from theorylab.registry import is_glob
    from theorylab.verify.run import BadSetting, check_claims
    from theorylab.verify.store import Store
    from theorylab.verify.workers import remember_compilations, working

    changes = dict(_parse(text) for text in settings or [])
    chosen = _select(patterns)
    lenient = not patterns or any(is_glob(pattern) for pattern in patterns)
    if store is None and scale != "quick":
        store = platformdirs.user_cache_path("theorylab") / "evidence"
    compiled = str(platformdirs.user_cache_path("theorylab") / "compiled")
    remember_compilations(compiled)
    try:
        kept = None if store is None else Store(store, fresh=fresh)
        with working(jobs, None, compiled) as hands, _progress(len(chosen), jobs) as notify:
            yield from check_claims(
                chosen,
                scale=scale,
                seed=seed,
                precision=precision,
                changes=changes,
                lenient=lenient,
                progress=notify,
                store=kept,
                executor=hands,
                alpha=alpha,
                rivals=dict(_rival(text) for text in rivals or []),
            )
    except BadSetting as error:
        _refuse(f"`--set {' '.join(settings or [])}`: {error}")
    except (ValueError, TypeError) as error:
        _refuse(str(error))
    if kept is not None and kept.trouble:
        _say(f"theorylab: {kept.trouble}")


def _code(verdicts: Sequence[Verdict]) -> int:
    """The exit code of the worst verdict; where nothing was checked, that of nothing decided."""
    from theorylab.verify.criteria import EXIT_CODES
    from theorylab.verify.report import Verdicts

    checked = any(verdict.status != "skipped" for verdict in verdicts)
    return EXIT_CODES[Verdicts(verdicts).status if checked else "inconclusive"]


def _select(patterns: list[str]) -> dict[str, Claim]:
    from theorylab import registry

    try:
        return registry.select(patterns)
    except UnknownName as error:
        _refuse(str(error))


def _one(claim_id: str) -> tuple[str, Claim]:
    chosen = _select([claim_id])
    if len(chosen) != 1:
        _refuse(f"one claim is needed; {claim_id!r} selects {len(chosen)}")
    return next(iter(chosen.items()))


def _criterion(claim: Claim) -> str:
    from theorylab.verify.criteria import Bound, Crossing, Exact, Limit, Rate

    criterion: Any = claim.criterion
    if isinstance(criterion, Rate):
        what = {"instance": "the", "mean": "the mean", "rms": "the root mean square"}[criterion.of]
        return (
            f"{what} deviation goes as {criterion.over}^{criterion.exponent:g}, "
            f"within {criterion.band:g}"
        )
    if isinstance(criterion, Bound):
        return f"the bound lies {criterion.side} every replicate"
    if isinstance(criterion, Crossing):
        what = f"the mean passes {criterion.level:g} along `{criterion.over}` where predicted"
    elif isinstance(criterion, Limit):
        what = f"the mean of replicates, extrapolated in `{criterion.over}`, in every cell"
    else:
        what = "every replicate" if isinstance(criterion, Exact) else "the mean of replicates"
        what += " in every cell"
    tolerance = getattr(criterion, "tolerance", None)
    if callable(tolerance):  # perhaps a partial, whose own docstring says nothing of it
        words = getattr(tolerance, "func", tolerance).__doc__ or "derived"
        return f"{what}; tolerance: {words.strip().splitlines()[0]}"
    return f"{what}, within {tolerance:g}"


def _parse(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        _refuse(f"`--set` takes NAME=VALUE; got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _rival(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name.strip() or _refuse(f"`--rival` takes NAME=NUMBER; got {text!r}"), float(value)
    except ValueError:
        _refuse(f"`--rival` takes NAME=NUMBER; got {text!r}")


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 118
    return console


def _print_verdicts(verdicts: Any, seconds: float) -> None:
    from theorylab.verify.report import KEY, summary, table

    console = _console()
    if verdicts:
        console.print(table(verdicts))
        console.print(Text(KEY), style="dim")
    console.print(Text(summary(verdicts, seconds)))


@contextmanager
def _progress(claims: int, jobs: int) -> Iterator[Any]:
    """A bar on the terminal, nothing where standard error is not one."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: lambda done, total: _interrupts.heed()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left, about"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=claims)
        shares: dict[str, float] = {}

        def notify(claim_id: str):
            for begun in shares:  # those before it are done, but where several run at once
                if jobs == 1:
                    shares[begun] = 1.0
            shares[claim_id] = 0.0
            bar.update(task, description=claim_id, completed=sum(shares.values()))

            def advance(done: int, total: int) -> None:
                _interrupts.heed()
                shares[claim_id] = done / total
                bar.update(task, completed=sum(shares.values()))

            return advance

        yield notify


def _require_writable(option: str, path: Path) -> None:
    """Refuse, before any work, a file that cannot be written after it."""
    if not path.parent.is_dir() or not str(path.name):
        _refuse(f"`{option}` needs an existing folder; got {str(path.parent)!r}")
    if path.is_dir():
        _refuse(f"`{option}` needs a file; got the folder {str(path)!r}")


def _say(message: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message))


def _refuse(message: str, code: int = 2) -> NoReturn:
    """One line on standard error, and the exit code of bad usage."""
    _say(f"theorylab: {message}")
    raise typer.Exit(code)


def _version(asked: bool | None) -> None:
    if asked:
        import theorylab

        typer.echo(f"theorylab {theorylab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="The version."),
    ] = None,
) -> None:
    """Results of deep-learning theory that run, are checked, and can be used."""
