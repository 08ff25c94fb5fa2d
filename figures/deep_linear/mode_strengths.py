"""Four modes of the digits learned at four depths: theory as lines, a trained network as markers.

Inset: the largest error of the flow's law against the step of descent, of first order, and of
second order once the delay of descent is accounted for.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import theorylab
from theorylab.verify.draw import COLOURS, STYLE

MODES = (1, 4, 7, 9)
HERE = Path(__file__).parent


def draw() -> Figure:
    verdict = theorylab.check("deep_linear.depth_sets_the_plateau", data="digits")
    assert verdict.holds, verdict
    figure = Figure(figsize=(7.2, 2.3))
    panels = figure.subplots(1, 4, sharey=True)
    for axes, record in zip(panels, verdict.records, strict=True):
        draw_depth(axes, record)
    panels[0].set_ylabel(r"mode strength $u$")
    draw_orders(panels[0].inset_axes((0.52, 0.14, 0.46, 0.44)))
    return figure


def draw_depth(axes, record):
    t, modes = (record.coords[name] for name in ("t", "mode"))
    for colour, mode in zip(COLOURS, MODES, strict=False):
        column = list(modes).index(mode)
        observed, predicted = record.values[:, :, column], record.predicted[0, :, column]
        every = slice(None, None, 5)
        middle = observed.mean(axis=0)
        spread = np.stack([middle - observed.min(axis=0), observed.max(axis=0) - middle])
        axes.plot(t, predicted, color=colour)
        axes.errorbar(
            t[every], middle[every], np.abs(spread[:, every]), fmt="o", color=colour, capsize=1.5
        )
        if record.setting["depth"] == 5:
            axes.annotate(f"mode {mode}", (t[-1], predicted[-1]), xytext=(4, 0), color=colour,
                          fontsize=6, va="center", textcoords="offset points")  # fmt: skip
    axes.set_title(f"$L = {record.setting['depth']}$")
    axes.set_xlabel(r"time $t/\tau$")


def draw_orders(axes):
    axes.set_xscale("log")
    axes.set_yscale("log")
    for name, colour, words in (
        ("first_order_descent", COLOURS[1], r"$\eta$"),
        ("discretization_delay", COLOURS[0], r"$\eta^2$"),
    ):
        verdict = theorylab.check(f"deep_linear.{name}")
        assert verdict.holds, verdict
        criterion = verdict.claim.criterion
        group = criterion.groups(verdict.records)[0]
        steps = np.array([record.setting["step"] for record in group])
        error = criterion.deviations(group).max(axis=0)
        axes.plot(steps, error[-1] * (steps / steps[-1]) ** criterion.exponent, color=colour)
        axes.plot(steps, error, "o", color=colour, markersize=2)
        axes.annotate(words, (steps[2], error[2]), xytext=(-7, 2), textcoords="offset points")
    axes.tick_params(labelsize=5, pad=1, length=1.5)
    axes.minorticks_off()
    axes.set_xlabel(r"step $\eta h$", fontsize=6, labelpad=0)
    axes.set_ylabel("error", fontsize=6, labelpad=0)


if __name__ == "__main__":
    with mpl.rc_context(STYLE):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"mode_strengths{suffix}", metadata=metadata)
