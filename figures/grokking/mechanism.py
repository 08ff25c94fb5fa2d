"""How networks learn to add by Fourier features: lines are closed forms, markers networks.

Top left: logits of every answer to one pair, of neurons of all frequencies; two ghosts stand at
twice either argument, half as high as the peak for quadratic neurons, a third for ReLU. Top middle
and right: one frequency from small weights, whatever its misalignment: output strength, and the
misalignment itself, up to the escape. Bottom left: when networks of one neuron escape, against the
least of the predicted times of its frequencies. Bottom middle: the largest logit in the end under
weight decay, in units of one over the time of escape without. Bottom right: in networks of 64
neurons trained beyond the first escape, how many neurons end on the frequency of least escape time,
by how much later than the first it is; hollow, those on the frequency of most power at the start.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from theorylab.grokking import (
    Weights,
    escape_time,
    flawed_indicator,
    fourier_weights,
    mode_flow,
    network_logits,
    relu_indicator,
    single_frequency_neurons,
)
from theorylab.grokking.claims.lottery import escaped, largest_logit, polar
from theorylab.grokking.claims.modes import modes
from theorylab.grokking.simulation.flow import follow
from theorylab.grokking.simulation.training import record_steps, train, train_from
from theorylab.verify.draw import COLOURS, STYLE

HERE = Path(__file__).parent


def draw() -> Figure:
    figure = Figure(figsize=(7.2, 4.6))
    (indicators, strengths, phases), (times, survival, winners) = figure.subplots(2, 3)
    draw_indicators(indicators)
    draw_flow(strengths, phases)
    draw_times(times)
    draw_survival(survival)
    draw_winners(winners)
    return figure


def draw_indicators(axes):
    p, x, y = 23, 3, 8
    j = np.arange(p)
    for colour, activation, law, n, words in (
        (COLOURS[0], "quadratic", flawed_indicator, 3, "quadratic"),
        (COLOURS[1], "relu", relu_indicator, 33, "ReLU"),
    ):
        weights = fourier_weights(p, n, 1.0, 1 / n, activation=activation)
        peak = law(x - y, 0, p, 1.0)
        seen = network_logits(weights, activation)[x, y] / peak
        shift = 0.15 if activation == "relu" else -0.15
        axes.plot(j + shift, seen, "o", color=colour, markersize=2.5, label=words)
        height = law(x - y, j - x - y, p, 1.0) / peak
        axes.vlines(j + shift, 0, height, color=colour, linewidth=1.2)
    axes.axhline(0, color="0.7", linewidth=0.6)
    axes.set_xticks([2 * x, x + y, 2 * y], ["$2x$", "$x + y$", "$2y$"])
    axes.set_ylabel("logit over its peak")
    axes.legend(loc="upper left")


@partial(jax.jit, static_argnames="modulus")
def one_mode(start, time, *, modulus):
    return modes(follow(start, time, accuracy=1e-9).weights)[:, 0]


def draw_flow(strengths, phases):
    p, k, scale = 23, 3, 0.001
    for colour, D, words in (
        (COLOURS[0], 0.0, "0"),
        (COLOURS[1], 2.0, "2"),
        (COLOURS[2], 3.0, "3"),
    ):
        whole = float(escape_time(p, scale, scale, D))
        t = whole * (1 - np.geomspace(1, 0.003, 300))
        a, b = mode_flow(t, p, scale, scale, 0.0, -D)
        strengths.plot(t * scale / p, np.abs(b) / scale, color=colour, label=f"$D_0 = {words}$")
        phases.plot(t * scale / p, np.angle(a**2 * b.conj()), color=colour)
        start = single_frequency_neurons(p, [k], scale, scale, 0.0, -D)
        start = Weights(*(jnp.asarray(w) for w in start))
        seen = whole * (1 - np.geomspace(0.9, 0.006, 9))
        found = np.array([one_mode(start, time, modulus=p)[:, k - 1] for time in seen])
        strengths.plot(seen * scale / p, np.abs(found[:, 1]) / scale, "o", color=colour)
        misaligned = np.angle(found[:, 0] ** 2 * found[:, 1].conj())
        phases.plot(seen * scale / p, misaligned, "o", color=colour)
    strengths.set_yscale("log")
    strengths.set_ylabel(r"output strength $\beta/\beta_0$")
    strengths.legend()
    phases.set_ylabel("misalignment $D$")
    for axes in (strengths, phases):
        axes.set_xlabel(r"time $t\,\beta_0/p$")


def draw_times(axes):
    p, scale = 23, 0.002
    run = partial(escaped, modulus=p, width=1, initial_scale=scale, logit=0.3)
    weights, end = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 100))
    alpha, beta, D = np.moveaxis(np.asarray(jax.vmap(polar)(weights)), 1, 0)
    predicted = escape_time(p, alpha, beta, D).min(axis=(1, 2))
    aligned = escape_time(p, alpha, beta, 0.0).min(axis=(1, 2))
    span = np.array([predicted.min() / 1.1, predicted.max() * 1.1])
    axes.plot(span, span, color="black")
    axes.plot(aligned, end.time, "o", color="0.75", label="if all were aligned")
    axes.plot(predicted, end.time, "o", color=COLOURS[0], label="with their misalignment")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("least escape time $T$")
    axes.set_ylabel("time of a logit of 0.3")
    axes.legend()


@jax.jit
def logit_under_decay(key, ratio):
    """The largest logit after descent for six times as long as an escape without decay takes."""
    weights, free = escaped(key, modulus=13, width=8, initial_scale=0.002, logit=1.0)
    run = train_from(
        weights, jnp.ones((13, 13), bool), jnp.stack([0, jnp.round(3 * free.time).astype(int)]),
        learning_rate=2.0, weight_decay=ratio / free.time, max_change=0.1,
        measure=largest_logit,
    )  # fmt: skip
    return run.measured[-1]


def draw_survival(axes):
    for ratio in np.concatenate(
        [np.arange(0.5, 0.96, 0.1), [0.96, 0.98, 1.02, 1.04], np.arange(1.1, 1.55, 0.1)]
    ):
        for seed in range(3):
            logit = logit_under_decay(jax.random.key(seed), ratio)
            axes.plot(ratio, logit, "o", color=COLOURS[0])
    axes.axvline(1, color="black")
    axes.set_yscale("log")
    axes.set_xlabel(r"weight decay $\lambda T$")
    axes.set_ylabel("largest logit in the end")


@jax.jit
def trained_further(key):
    """Networks at their start, and trained on all pairs to a small loss, as log-spaced records."""
    run = train(
        key, record_steps(20000, 2), modulus=13, width=64, train_fraction=1.0, learning_rate=2.0,
        initial_scale=0.002, max_change=0.1, keep_weights=True, measure=lambda weights: (),
    )  # fmt: skip
    first, last = (Weights(*(w[at] for w in run.weights)) for at in (0, -1))
    return polar(first), jnp.abs(modes(last)[0])


def draw_winners(axes):
    late, right, folklore = [], [], []
    for seed in range(16):
        (alpha, beta, D), ends = (np.asarray(x) for x in trained_further(jax.random.key(seed)))
        times = escape_time(13, alpha, beta, D)
        first = times.min(axis=1)
        winner = ends.argmax(axis=1)
        late.append(first / first.min())
        right.append(winner == times.argmin(axis=1))
        folklore.append(winner == (alpha**2 + beta**2).argmax(axis=1))
    late, right, folklore = (np.concatenate(x) for x in (late, right, folklore))
    edges = np.quantile(late, np.linspace(0, 1, 9))
    of = np.clip(np.searchsorted(edges, late, side="right") - 1, 0, len(edges) - 2)
    middle = np.array([np.median(late[of == i]) for i in range(len(edges) - 1)])
    axes.axhline(1, color="black")
    for hits, fill, words in ((right, "full", "least $T$"), (folklore, "none", "most power")):
        share = np.array([hits[of == i].mean() for i in range(len(middle))])
        count = np.bincount(of)
        error = np.sqrt(share * (1 - share) / count)
        axes.errorbar(middle, share, error, fmt="o", color=COLOURS[0], fillstyle=fill, label=words)
    axes.axhline(1 / 6, color="0.7", linewidth=0.8)
    axes.set_ylim(0, 1.05)
    axes.text(1.15, 1 / 6 - 0.02, "chance", va="top", fontsize=7)
    axes.set_xlabel("escape time over the first's")
    axes.set_ylabel("neurons that end as predicted")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.17))


if __name__ == "__main__":
    with mpl.rc_context(STYLE), jax.enable_x64(True):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"mechanism{suffix}", metadata=metadata)
