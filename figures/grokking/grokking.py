"""Eight networks grok addition modulo 23, from three quarters of the pairs, by gradient descent.

Everything predicted is so before the first step. Top left: accuracy; networks memorise at once, and
have the dashed share of the other pairs right by symmetry alone, until much later they generalise.
Top right: losses, of the networks and of what is left of their logits by and without the waves of
the answer. Middle left, of the half of the neurons that escapes first: how far one concentrates
on one frequency and how its phases align, from the values of chance (dashed) on; and the share of
its power at the frequency whose escape time at the start is least. Middle right: power of every
frequency in one network; thick, those of the first eight neurons to escape. Bottom: where the power
of the first forty neurons of that network ends, grey from none to all of it; circles, the
prediction, right for 83 % of such neurons of the eight networks (most power at the start: 66 %).
"""

from __future__ import annotations

from pathlib import Path

import jax
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from theorylab.grokking import (
    Weights,
    dominant_waves,
    escape_times,
    excluded_loss,
    fourier_coefficients,
    gaussian_participation_ratio,
    inverse_participation_ratio,
    network_logits,
    restricted_loss,
    symmetric_floor,
)
from theorylab.grokking.simulation.training import History, train_modular
from theorylab.verify.draw import COLOURS, STYLE

HERE = Path(__file__).parent
P, SHOWN = 23, 0


def train() -> History:
    return train_modular(
        jax.random.key(0),
        modulus=P,
        width=96,
        train_fraction=0.75,
        num_seeds=8,
        learning_rate=2.0,
        weight_decay=3e-4,
        initial_scale=0.3,
        max_change=0.2,
        num_steps=30000,
        num_records=60,
        keep_weights=True,
    )


def draw() -> Figure:
    run = jax.tree.map(np.asarray, train())
    figure = Figure(figsize=(7.2, 6.6))
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 0.75))
    top, middle = ([figure.add_subplot(grid[row, i]) for i in range(2)] for row in range(2))
    draw_accuracy(top[0], run)
    draw_losses(top[1], run)
    draw_features(middle[0], run)
    draw_spectrum(middle[1], run)
    draw_neurons(figure.add_subplot(grid[2, :]), run)
    for axes in (*top, *middle):
        axes.set_xscale("symlog", linthresh=10, linscale=0.3)
        axes.set_xlim(0, 30000)
        axes.set_xlabel("steps")
    return figure


def several(axes, steps, values, colour, words, **style):
    """Every seed thinly, and their median."""
    axes.plot(steps, values.T, color=colour, linewidth=0.4, alpha=0.5)
    axes.plot(steps, np.median(values, axis=0), color=colour, label=words, **style)


def draw_accuracy(axes, run):
    steps = run.steps[0]
    several(axes, steps, run.train_accuracy, COLOURS[0], "pairs in training")
    several(axes, steps, run.test_accuracy, COLOURS[1], "other pairs")
    floor = float(symmetric_floor(P, run.train_mask[0].sum()))
    axes.axhline(floor, color="black", linestyle="--", label="predicted: by symmetry")
    axes.set_ylabel("accuracy")
    axes.legend()


def at(run: History, seed: int, record: int) -> Weights:
    return Weights(*(w[seed, record].astype(float) for w in run.weights))


def draw_losses(axes, run):
    steps, shape = run.steps[0], run.test_loss.shape
    several(axes, steps, run.train_loss, COLOURS[0], "training")
    several(axes, steps, run.test_loss, COLOURS[1], "test")
    logits = lambda *of: network_logits(at(run, *of))
    for colour, loss, words in (
        (COLOURS[2], restricted_loss, "restricted"),
        (COLOURS[3], excluded_loss, "excluded"),
    ):
        found = np.reshape([loss(logits(*of)) for of in np.ndindex(shape)], shape)
        several(axes, steps, found, colour, words)
    axes.set_yscale("log")
    axes.set_ylim(1e-3, 1e1)
    axes.set_ylabel("cross-entropy")
    axes.legend()


def power(weights: Weights) -> np.ndarray:
    return np.abs(fourier_coefficients(weights.input_weights)) ** 2


def draw_features(axes, run):
    steps, shape = run.steps[0], run.test_loss.shape
    ratio, aligned, kept = (np.empty(shape) for _ in range(3))
    for seed, record in np.ndindex(shape):
        start, now = at(run, seed, 0), at(run, seed, record)
        times = escape_times(*start)
        share = power(now) / power(now).sum(axis=-1, keepdims=True)
        named = np.take_along_axis(share, times.argmin(axis=-1)[:, None], axis=-1)[:, 0]
        first = times.min(axis=-1) <= np.median(times.min(axis=-1))
        of = (seed, record)
        ratio[of] = inverse_participation_ratio(now.input_weights)[first].mean()
        aligned[of] = np.cos(dominant_waves(*now).misalignments)[first].mean()
        kept[of] = named[first].mean()
    several(axes, steps, ratio, COLOURS[0], "inverse participation ratio")
    several(axes, steps, aligned, COLOURS[1], "phase alignment")
    several(axes, steps, kept, COLOURS[2], "power at the predicted frequency")
    for level, colour in (
        (gaussian_participation_ratio(P), COLOURS[0]),
        (0, COLOURS[1]),
    ):
        axes.axhline(level, color=colour, linestyle="--", linewidth=0.8)
    axes.set_ylabel("mean over neurons")
    axes.legend()


def draw_spectrum(axes, run):
    times = escape_times(*at(run, SHOWN, 0))
    first = np.argsort(times.min(axis=-1))[:8]
    named = set(times[first].argmin(axis=-1))
    spectrum = run.measured.input_power[SHOWN]
    for k in range(spectrum.shape[-1]):
        axes.plot(
            run.steps[SHOWN], spectrum[:, k], color=mpl.colormaps["viridis"](k / 11),
            linewidth=1.8 if k in named else 0.6,
        )  # fmt: skip
    axes.set_ylabel("power of a frequency")


def draw_neurons(axes, run):
    times = escape_times(*at(run, SHOWN, 0))
    first = np.argsort(times.min(axis=-1))[:40]
    ended = power(at(run, SHOWN, -1))[first]
    share = ended / ended.sum(axis=-1, keepdims=True)
    axes.imshow(
        share.T, origin="lower", aspect="auto", cmap="Greys", vmin=0, vmax=1,
        extent=(0.5, len(first) + 0.5, 0.5, share.shape[1] + 0.5),
    )  # fmt: skip
    named = 1 + times[first].argmin(axis=-1)
    axes.plot(
        1 + np.arange(len(first)), named, "o", fillstyle="none", color=COLOURS[1], markersize=5
    )
    axes.set_xlabel("neuron, by its escape time at the start")
    axes.set_ylabel("frequency $k$")
    axes.set_yticks(range(1, share.shape[1] + 1, 2))


if __name__ == "__main__":
    with mpl.rc_context(STYLE):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"grokking{suffix}", metadata=metadata)
