"""Evidence as a figure: theory is a line, simulation markers with error bars, residuals below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.rcsetup import cycler

from theorylab.verify.criteria import Bound, Crossing, Evidence, Limit, Mean, Rate, Verdict
from theorylab.verify.criteria.sweep import shared, swept
from theorylab.verify.criteria.verdict import cell_in_words

# Okabe and Ito's palette: told apart by colour-blind readers, and in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=COLOURS),
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "mathtext.fontset": "cm",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "theorylab",  # the same figure gives the same file
    "text.usetex": False,  # TeX takes other texts than `plain` gives
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}

# Of an exponent; a wider interval says nothing, and hides the figure.
_MOST_SPREAD = 3.0
_MOST_PANELS, _MOST_SERIES, _MARKERS, _MOST_ROWS = 4, 5, 14, 16


def draw(verdict: Verdict, figure: Figure | None = None) -> Figure:
    """The evidence of a verdict beside its theory.

    Arguments: `figure`, an empty one to draw into; by default one of pyplot's.
    Raises: `ValueError` where there is no evidence (the claim was not simulated).
    """
    if not verdict.records or verdict.claim is None:
        raise ValueError(f"`{verdict.id}` has no evidence to draw: {verdict.reason or 'not run'}")
    with mpl.rc_context(STYLE):
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure()
        if isinstance(verdict.claim.criterion, Rate):
            _draw_rate(figure, verdict, verdict.claim.criterion)
        elif isinstance(verdict.claim.criterion, Crossing):
            _draw_crossing(figure, verdict, verdict.claim.criterion)
        elif isinstance(verdict.claim.criterion, Bound):
            _draw_bound(figure, verdict, verdict.claim.criterion)
        elif isinstance(verdict.claim.criterion, Mean | Limit):
            _draw_means(figure, verdict, verdict.claim.criterion)
        else:
            _draw_curves(figure, verdict.records, mathematics(verdict.claim.quantity))
        figure.suptitle(plain(f"{verdict.id}: {verdict.status}"), fontsize=9)
    return figure


def save(verdict: Verdict, path: Path) -> None:
    """Draw a verdict into a PDF, SVG or PNG file; the same evidence gives the same file."""
    with mpl.rc_context(STYLE):
        undated = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
        draw(verdict, Figure()).savefig(path, metadata=undated.get(path.suffix.lower()))


def image(verdict: Verdict, file: BytesIO) -> None:
    """Draw a verdict as SVG whose letters are outlines, for pages: no font is asked for."""
    with mpl.rc_context({**STYLE, "svg.fonttype": "path"}):
        figure = draw(verdict, Figure())
        figure.suptitle("")
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


def _draw_means(figure: Figure, verdict: Verdict, criterion: Mean | Limit) -> None:
    """Curves of means where there are axes to draw them along, else each mean by itself."""
    assert verdict.claim is not None
    records = verdict.records
    if isinstance(criterion, Limit):
        records = criterion.extrapolated(records)
    if max(record.values[0].size for record in records) > _MOST_SERIES:
        _draw_curves(figure, records, mathematics(verdict.claim.quantity), noisy=True)
        return
    rows = [(record, i) for record in records for i in range(record.values[0].size)][:_MOST_ROWS]
    figure.set_size_inches(4.4, 1.3 + 0.3 * len(rows) + 0.15 * len(records[0].rivals))
    axes = figure.subplots()
    axes.axvspan(-1, 1, color="0.9", zorder=0)
    axes.axvline(0, color=COLOURS[0])
    settings = [record.setting for record in records]
    labels = []
    for y, (record, i) in enumerate(rows):
        cell = lambda array, i=i: np.reshape(array, (len(array), -1))[:, i]
        tolerance = float(cell(record.tolerance)[0]) or 1.0  # of none, in the observation's units
        deviation = (cell(record.values) - cell(record.predicted)) / tolerance
        low, high = criterion.interval(record, deviation, tolerance)
        mean = deviation.mean()
        bars = np.array([[max(mean - low, 0.0)], [max(high - mean, 0.0)]])
        axes.errorbar([mean], [y], xerr=bars, fmt="o", color=COLOURS[1], capsize=2, zorder=3)
        words = [_difference(record.setting, settings), *map(plain, cell_in_words(record, i))]
        labels.append(", ".join(filter(None, words)))
        for marker, (name, rival) in zip(
            "v^sDPX*<>dphH1234+x|_", record.rivals.items(), strict=False
        ):
            theory = float(rival) if np.ndim(rival) == 0 else cell(rival).mean()
            where = (theory - cell(record.predicted).mean()) / tolerance
            axes.plot([where], [y], marker, color="0.45", label=plain(name) if y == 0 else None)
    axes.set_xscale("symlog", linthresh=2, linscale=1.5)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(rows)), labels if any(labels) else [""] * len(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"{mathematics(verdict.claim.quantity)}: mean less prediction, in tolerances")
    figure.legend(loc="outside lower center", ncols=1, title="rivals", title_fontsize=7)


def _draw_curves(
    figure: Figure, records: Sequence[Evidence], quantity: str, noisy: bool = False
) -> None:
    """For each setting the observation along its first axis, and its residual in tolerances.

    Bars span the replicates, or are standard errors of their mean.
    """
    settings = [record.setting for record in records]
    records = records[:_MOST_PANELS]
    figure.set_size_inches(2.6 * len(records) + 0.6, 3.4)
    rows = figure.subplots(2, len(records), squeeze=False, sharex="col", height_ratios=(3, 1))
    for k, (record, above, below) in enumerate(zip(records, *rows, strict=True)):
        if record.values.ndim == 1 or (len(record.predicted) > 1 and record.values.ndim > 2):
            _draw_parity(above, below, record)
        else:
            for colour, series in zip(_cycle(), _series(record), strict=False):
                _draw_series(above, below, colour, record, noisy, **series)
            below.set_xlabel(_symbol(next(iter(record.coords), "cell")))
        below.axhspan(-1, 1, color="0.9", zorder=0)
        above.set_title(_difference(record.setting, settings))
        if k == 0:
            above.set_ylabel(quantity)
            below.set_ylabel("residual\n(tolerances)")
        if len(above.get_legend_handles_labels()[0]) > 1:
            above.legend(handlelength=1.2, labelspacing=0.2)


def _draw_parity(above: Axes, below: Axes, record: Evidence) -> None:
    """Numbers, or tables with a law for every replicate: all of them against their predictions."""
    shape = record.values.shape
    predicted, tolerance = (np.broadcast_to(x, shape) for x in (record.predicted, record.tolerance))
    ends = [predicted.min(), predicted.max()]
    residual = _residual(record.values, predicted, tolerance)
    above.plot(ends, ends, "-" if ends[0] < ends[1] else "_", markersize=12)
    above.plot(predicted.ravel(), record.values.ravel(), "o", color=COLOURS[1], markersize=2)
    below.plot(predicted.ravel(), residual.ravel(), "o", color=COLOURS[1], markersize=2)
    below.set_xlabel("prediction")


def _draw_series(
    above: Axes,
    below: Axes,
    colour: str,
    record: Evidence,
    noisy: bool,
    *,
    x: np.ndarray,
    cells: tuple,
    label: str,
) -> None:
    observed, predicted, tolerance = (
        np.broadcast_to(array, record.values.shape)[cells]
        for array in (record.values, record.predicted, record.tolerance)
    )
    every = slice(None, None, max(1, len(x) // _MARKERS))
    middle = observed.mean(axis=0)
    with np.errstate(invalid="ignore"):
        spread = np.abs(np.stack([observed.min(axis=0), observed.max(axis=0)]) - middle)
    if noisy:
        spread[:] = observed.std(axis=0) / np.sqrt(len(observed))
    above.plot(x, predicted.mean(axis=0), color=colour, label=label)
    above.errorbar(
        x[every],
        middle[every],
        spread[:, every],
        color=colour,
        fmt="o",
        elinewidth=0.8,
        capsize=1.5,
    )
    residual = _residual(observed, predicted, tolerance)
    if noisy:
        error = spread[0] / np.where(tolerance[0] == 0, 1.0, tolerance[0])
        below.errorbar(x[every], residual.mean(axis=0)[every], error[every], fmt="o",
                       color=colour, markersize=2, elinewidth=0.8)  # fmt: skip
        return
    below.plot(x[every], residual.T[every], "o", color=colour, markersize=2)


def _residual(values: np.ndarray, predicted: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Signed distances in tolerances; of none, in the observation's units."""
    with np.errstate(invalid="ignore"):
        distance = np.where(values == predicted, 0.0, values - predicted)
    return distance / np.where(tolerance == 0, 1.0, tolerance)


def _series(record: Evidence) -> list[dict[str, Any]]:
    """Curves along the first axis: replicates where each has its own law, else entries of the
    other axes, evenly chosen."""
    shape = record.values.shape[1:]
    x = next(iter(record.coords.values()), np.arange(shape[0] if shape else 1))
    x = x if np.issubdtype(x.dtype, np.number) else np.arange(len(x))
    if len(record.predicted) > 1 and len(shape) <= 1:
        chosen = range(min(_MOST_SERIES, len(record.values)))
        return [dict(x=x, cells=(slice(i, i + 1),), label=f"replicate {i}") for i in chosen]
    others = list(np.ndindex(shape[1:]))
    kept = np.unique(np.linspace(0, len(others) - 1, _MOST_SERIES).round().astype(int))
    axes = list(record.coords.items())[1:]
    series = []
    for i in kept:
        words = [f"{axis} {at[j]}" for (axis, at), j in zip(axes, others[i], strict=False)]
        label = plain(", ".join(words))
        series.append(dict(x=x, cells=(slice(None), slice(None), *others[i]), label=label))
    return series


def _draw_rate(figure: Figure, verdict: Verdict, criterion: Rate) -> None:
    """Deviations against the swept setting on log axes, with a line of the claimed slope.

    Shaded is the interval of the slope that was found, about the same point.
    """
    assert verdict.claim is not None
    figure.set_size_inches(4.2, 3.4)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    groups = criterion.groups(verdict.records)[:_MOST_ROWS]
    for colour, group in zip(_cycle(), groups, strict=False):
        sizes = np.array([record.setting[criterion.over] for record in group])
        middle, spread = _deviation(criterion, group)
        slope, half = criterion.estimate(group)
        words = _difference(group[0].setting, [other[0].setting for other in groups])
        label = f"{words + ': ' if words else ''}{slope:.3f} ± {half:.3f}"
        axes.errorbar(sizes, middle, spread, fmt="o", color=colour, label=label)
        # Through the last instance, which is nearest to the limit, or the middle of noisy sizes.
        line = (sizes / sizes[-1]) ** criterion.exponent
        offset = np.log(middle / line)
        line *= np.exp(offset.mean() if criterion.noisy else offset[-1])
        axes.plot(sizes, line, color=colour)
        if np.isfinite(half) and half < _MOST_SPREAD:
            pivot = np.exp(np.log(sizes).mean()) if criterion.noisy else sizes[-1]
            low, high = (
                line * (sizes / pivot) ** (slope + side * half - criterion.exponent)
                for side in (-1, 1)
            )
            axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)
        ends: dict[float, list[str]] = {}
        for name, rival in group[0].rivals.items():
            if np.ndim(rival):
                deviation, _ = _deviation(criterion, group, name)
                axes.plot(sizes, deviation, ":", color=colour, linewidth=0.7)
                near = [end for end in ends if abs(np.log(end / deviation[-1])) < 0.3]
                ends.setdefault(near[0] if near else deviation[-1], []).append(name)
        if group is groups[0]:
            for end, names in ends.items():
                axes.annotate(plain(", ".join(names)), (sizes[-1], end), fontsize=6, color="0.35",
                              xytext=(4, 4), textcoords="offset points",
                              bbox=dict(fc="white", ec="none", pad=0.5))  # fmt: skip
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel(_symbol(criterion.over))
    what = {"instance": "largest", "mean": "mean", "rms": "rms"}[criterion.of]
    axes.set_ylabel(f"{mathematics(verdict.claim.quantity)}:\n{what} deviation from the theory")
    axes.legend(title=f"exponent (claimed {criterion.exponent:g} ± {criterion.band:g})")


def _deviation(
    criterion: Rate, group: Sequence[Evidence], rival: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What goes as a power at each size, and its bars: the range of the instances, or one s.e."""
    if criterion.noisy:
        fit = criterion.fit(group, 0, rival)
        middle = np.exp(fit.logs)
        return middle, np.stack([middle * fit.errors] * 2)
    deviation = criterion.deviations(group, rival)
    middle = np.median(deviation, axis=0)
    return middle, np.abs(np.stack([deviation.min(axis=0), deviation.max(axis=0)]) - middle)


def _draw_crossing(figure: Figure, verdict: Verdict, criterion: Crossing) -> None:
    """Means with one standard error along the sweep, the level, and where theories cross it."""
    assert verdict.claim is not None
    figure.set_size_inches(4.2, 3.0)
    axes = figure.subplots()
    axes.axhline(criterion.level, color="0.6", linewidth=0.6)
    curves = swept(verdict.records, criterion.over, lambda record: record.setting)
    settings = [curve[0].setting for curve in curves]
    for colour, curve in zip(_cycle(), curves, strict=False):
        x = [record.setting[criterion.over] for record in curve]
        mean = [record.values.mean() for record in curve]
        error = [record.values.std() / np.sqrt(len(record.values)) for record in curve]
        words = _difference(shared(curve[0].setting, criterion.over), settings)
        axes.errorbar(x, mean, error, fmt="o", color=colour, label=words, capsize=1.5)
    told: set[tuple[str, float]] = set()  # a theory may say the same of several curves
    for colour, (theory, *_) in zip(_cycle(), curves, strict=False):
        centre, band = float(theory.predicted[0]), float(theory.tolerance[0])
        if np.isfinite(centre) and ("", centre) not in told:
            axes.axvspan(centre - band, centre + band, color="0.9", zorder=0)
            axes.axvline(centre, color=colour)
        rivals = {name: float(np.ravel(rival)[0]) for name, rival in theory.rivals.items()}
        for name, where in rivals.items():
            if np.isfinite(where) and (name, where) not in told:
                axes.axvline(where, color="0.35", linestyle=":", linewidth=0.8)
                axes.annotate(plain(fill(name, 30)), (where, 1), xycoords=("data", "axes fraction"),
                              fontsize=6, color="0.35", rotation=90, va="top",
                              ha="right")  # fmt: skip
        told |= {("", centre), *rivals.items()}
    for low, high in verdict.extra.get("brackets", ()):
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([low, high], [criterion.level] * 2, "|-", color=COLOURS[1], markersize=8)
    axes.set_xlabel(_symbol(criterion.over))
    axes.set_ylabel(f"{mathematics(verdict.claim.quantity)}, mean")
    if len(curves) > 1:
        axes.legend()


def _draw_bound(figure: Figure, verdict: Verdict, criterion: Bound) -> None:
    """For each setting values against their bounds, and the line that none may cross, shaded
    beyond; what an adversary found has markers of its own."""
    sampled = [record for record in verdict.records if not record.stage][:_MOST_PANELS]
    figure.set_size_inches(2.6 * len(sampled) + 0.6, 2.8)
    panels = figure.subplots(1, len(sampled), squeeze=False)[0]
    for k, (record, axes) in enumerate(zip(sampled, panels, strict=True)):
        attacks = [r for r in verdict.records if r.stage and r.setting == record.setting]
        ends = []
        for one, marker, label in [
            (record, "o", "sampled"),
            *((a, "x", "attack") for a in attacks),
        ]:
            bounds = np.broadcast_to(one.predicted, one.values.shape).ravel()
            seen = np.isfinite(bounds) & np.isfinite(one.values.ravel())
            points = bounds[seen], one.values.ravel()[seen]
            colour = COLOURS[1] if one is record else COLOURS[2]
            axes.plot(*points, marker, color=colour, markersize=3 - (one is record), label=label)
            ends += [end(x) for x in points for end in (np.min, np.max) if len(x)]
        low, high = min(ends, default=0.0), max(ends, default=1.0)
        pad = 0.05 * ((high - low) or abs(high) or 1.0)
        line = np.array([low - pad, high + pad])
        axes.plot(line, line, color=COLOURS[0])
        beyond = line[-1] if criterion.side == "above" else line[0]
        axes.fill_between(line, line, beyond, color="0.9", linewidth=0, zorder=0)
        axes.set_xlim(*line)
        axes.set_ylim(*line)
        axes.set_title(_difference(record.setting, [r.setting for r in sampled]))
        axes.set_xlabel("bound")
        if k == 0 and verdict.claim:
            axes.set_ylabel(mathematics(verdict.claim.quantity))
        if attacks:
            corner = "upper left" if criterion.side == "above" else "lower right"
            axes.legend(loc=corner, handlelength=1.2, labelspacing=0.2)


def _cycle() -> Sequence[str]:
    return COLOURS * 4


def _difference(setting: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]) -> str:
    """What tells a setting from the others it is drawn beside."""
    varying = [k for k in setting if any(other.get(k) != setting[k] for other in settings)]
    return plain(", ".join(f"{name} {setting[name]}" for name in varying))


def _symbol(name: str) -> str:
    """A setting or an axis as figures name it: letters in italics."""
    return f"${name}$" if len(name) == 1 and name.isalpha() else plain(name.replace("_", " "))


def plain(text: str) -> str:
    """Text from anywhere, in which a dollar does not begin mathematics."""
    return text.replace("$", r"\$")


def mathematics(text: str) -> str:
    """Text in which what stands between dollars is mathematics; as it is where that is broken."""
    try:
        for line in text.split("\n") if "$" in text else ():
            MathTextParser("path").parse(line)
    except ValueError:
        return plain(text)
    return text
