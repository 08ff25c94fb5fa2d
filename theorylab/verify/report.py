"""Verdicts as text, table, JSON, HTML and labelled arrays."""

from __future__ import annotations

import html as escaping
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theorylab.verify.claim import Setting
from theorylab.verify.criteria import EXIT_CODES, Evidence, Status, Verdict
from theorylab.verify.store import write_whole

if TYPE_CHECKING:
    import xarray
    from rich.table import Table

_COLOURS: dict[Status, str] = {
    "holds": "green",
    "refuted": "red",
    "inconclusive": "yellow",
    "error": "red",
    "skipped": "dim",
}


class Verdicts(tuple[Verdict, ...]):
    """Several verdicts: prints as a table, in a notebook too."""

    @property
    def holds(self) -> bool:
        """Whether every claim holds."""
        return all(verdict.holds for verdict in self)

    @property
    def status(self) -> Status:
        """The worst status among them."""
        statuses: list[Status] = ["holds", *(verdict.status for verdict in self)]
        return max(statuses, key=severity)

    def plot(self) -> list[Any]:
        """A figure for each verdict that has evidence."""
        return [verdict.plot() for verdict in self if verdict.records]

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=118, no_color=True, force_terminal=False)
        with console.capture() as capture:
            console.print(table(self))
        return capture.get() + summary(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(self)


def severity(status: Status) -> int:
    """Rank of a status, from best to worst."""
    return list(EXIT_CODES).index(status)


def line(verdict: Verdict) -> str:
    """A verdict in one line."""
    text, row = f"{verdict.id}: {verdict.status}", cells(verdict)
    if math.isfinite(verdict.relative_resolution):
        text += f" to {row['resolution']} ({row['in tol.']} of the tolerance)"
    if verdict.rivals:
        text += f"; rivals refuted: {row['rivals']}"
        text += f", the nearest at {row['nearest']} tolerances"
    return text + (f" ({verdict.reason})" if verdict.reason else "")


def cells(verdict: Verdict) -> dict[str, str]:
    """The columns of a verdict's row, by their headings; - where there is no number."""
    number = lambda x: f"{x:.2g}" if math.isfinite(x) else "-"
    outcomes = verdict.rivals.values()
    count = sum(outcome.status == "refuted" for outcome in outcomes)
    nearest = min((outcome.distance for outcome in outcomes), default=math.nan)
    return {
        "claim": verdict.id,
        "verdict": verdict.status,
        "resolution": number(verdict.resolution),
        "in tol.": number(verdict.relative_resolution),
        "rivals": f"{count}/{len(outcomes)}" if outcomes else "-",
        "nearest": f"{max(nearest, 0.0):.3g}" if math.isfinite(nearest) else "-",
        "n": str(verdict.replicates) if verdict.replicates else "-",
        "s": f"{verdict.seconds:.1f}",
    }


def table(verdicts: Iterable[Verdict]) -> Table:
    """One row for each verdict."""
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None, pad_edge=False, header_style="bold")
    for k, heading in enumerate(cells(Verdict("holds"))):
        rows.add_column(
            heading, no_wrap=k > 0, overflow="fold", justify="left" if k < 2 else "right"
        )
    for verdict in verdicts:
        row = cells(verdict)
        status = Text(row.pop("verdict"), _COLOURS[verdict.status])
        rows.add_row(row.pop("claim"), status, *row.values())
    return rows


KEY = (
    "resolution: the smallest tolerance that would still have held, and that in tolerances used; "
    "nearest: distance of the rival least refuted, in tolerances; n: replicates"
)


def summary(verdicts: Sequence[Verdict], seconds: float | None = None) -> str:
    """What did not hold and why, then the counts, in so many seconds (of work, if not given)."""
    lines = [f"{v.id}: {v.reason}" for v in verdicts if v.reason]
    for verdict in verdicts:
        hidden = verdict.extra.get("hidden_by_the_largest_bias", ())
        if hidden:
            names = ", ".join(f"'{name}'" for name in hidden)
            lines.append(f"{verdict.id}: told apart only if the bias is below its bound: {names}")
    counts = {status: sum(v.status == status for v in verdicts) for status in EXIT_CODES}
    parts = [f"{count} {status}" for status, count in counts.items() if count]
    if seconds is None:
        seconds = sum(verdict.seconds for verdict in verdicts)
    lines.append(f"{', '.join(parts) or 'no claims'} in {seconds:.1f} s")
    return "\n".join([*lines, *filter(None, [by_chance(verdicts)])])


def by_chance(verdicts: Sequence[Verdict]) -> str:
    """How many refutations chance alone may explain, of the claims that it can refute."""
    noisy = [verdict for verdict in verdicts if math.isfinite(verdict.p_value)]
    if not noisy:
        return ""
    most = sum(getattr(v.claim.criterion, "alpha", 0.0) for v in noisy if v.claim)
    refuted = sum(verdict.refuted for verdict in noisy)
    return f"{refuted} of {len(noisy)} noisy refuted; at most {most:.2g} expected by chance"


def holm(verdicts: Sequence[Verdict], level: float) -> str:
    """The refutations that survive Holm's correction at a level, over the claims of one run.

    Those without a p-value (exact laws) are certain and need none.
    """
    judged = sorted(
        (v for v in verdicts if math.isfinite(v.p_value)), key=lambda verdict: verdict.p_value
    )
    surviving = []
    for k, verdict in enumerate(judged):
        if verdict.p_value > level / (len(judged) - k):
            break
        surviving.append(verdict)
    certain = [v.id for v in verdicts if v.refuted and not math.isfinite(v.p_value)]
    names = certain + [verdict.id for verdict in surviving if verdict.refuted]
    return (
        f"refuted at a familywise level of {level:g}, over {len(judged)} noisy claims: "
        f"{', '.join(names) or 'none'}"
    )


def write_json(verdicts: Iterable[Verdict], path: Path) -> None:
    """Write the verdicts to a file."""
    document = {"schema": 1, "verdicts": [as_json(verdict) for verdict in verdicts]}
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, a device or pipe as it is."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    write_whole(path, lambda file: file.write(text.encode()))


def as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON knows it; numbers that are not finite become null."""
    finite = lambda x: x if math.isfinite(x) else None
    return {
        "id": verdict.id,
        "status": verdict.status,
        "reason": verdict.reason,
        "resolution": finite(verdict.resolution),
        "relative_resolution": finite(verdict.relative_resolution),
        "replicates": verdict.replicates,
        "p_value": finite(verdict.p_value),
        "forecast": finite(verdict.forecast),
        "extra": _plain(verdict.extra),
        "seconds": round(verdict.seconds, 3),
        "scale": verdict.scale,
        "seed": verdict.seed,
        "precision": verdict.precision,
        "worst_cell": verdict.worst_cell,
        "rivals": {
            name: {
                "status": outcome.status,
                "distance": finite(outcome.distance),
                "where": outcome.where,
            }
            for name, outcome in verdict.rivals.items()
        },
        "settings": _plain(distinct(record.setting for record in verdict.records)),
    }


def distinct(settings: Iterable[Setting]) -> list[Setting]:
    """Each setting once: an attack is recorded under the setting it was made in."""
    seen: list[Setting] = []
    for setting in settings:
        if setting not in seen:
            seen.append(setting)
    return seen


def _plain(value: Any) -> Any:
    """Numbers, strings and lists of them; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def html(verdicts: Sequence[Verdict]) -> str:
    """A table for notebooks; every text is escaped."""
    head = [*cells(Verdict("holds")), "why"]
    rows = [[*cells(verdict).values(), verdict.reason] for verdict in verdicts]
    row = lambda tag, texts: "".join(f"<{tag}>{escaping.escape(text)}</{tag}>" for text in texts)
    body = "".join(f"<tr>{row('td', texts)}</tr>" for texts in rows)
    return f"<table><thead><tr>{row('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def dataset(record: Evidence) -> xarray.Dataset:
    """The evidence of one setting: observed and predicted values, tolerance, drawn quantities."""
    import numpy as np
    import xarray

    axes = list(record.coords) or [f"axis_{k}" for k in range(record.values.ndim - 1)]
    dims = ("replicate", *axes)
    full = lambda array: (dims, np.broadcast_to(array, record.values.shape))
    names = {
        "observed": record.values,
        "predicted": record.predicted,
        "tolerance": record.tolerance,
    }
    variables = {name: full(array) for name, array in names.items()}
    for name, array in record.given.items():
        given_dims = [f"{name}_{k}" for k in range(array.ndim - 1)]
        variables[name if name not in variables else f"given_{name}"] = (
            ("replicate", *given_dims),
            array,
        )
    return xarray.Dataset(
        variables, coords=dict(record.coords), attrs={**record.setting, "stage": record.stage}
    )
