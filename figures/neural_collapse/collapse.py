"""Neural collapse of a deep linear head: lines are closed forms, markers descent.

Top left: how well the labels are fitted against the penalty `b` over its critical value, for one to
six layers; dashed, the branch that is a local minimum only. Markers are singular values where
descent ends: on the branch, or at zero, which from two layers on is a local minimum always. Top
right: classes of many sizes; lengths of class means and of the rows of a head of two layers, zero
for those too small; near the threshold some runs end at zero, too. Bottom left: variability within
classes against time, with as many feature dimensions as classes and with more: the lines have the
predicted slopes. Bottom right: a ReLU network with a deep linear head, how its loss comes down to
the exact bound and its class means to the predicted frame; hollow, with weight decay in place of a
penalty on features, which collapses the variability but not to that frame.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from theorylab.neural_collapse import (
    DeepLinearUFM,
    collapse_rate,
    critical_penalty,
    gram_distance,
    local_minimum,
    mode_fit,
    spinodal_penalty,
    variability_collapse,
)
from theorylab.neural_collapse.claims.training import geometry
from theorylab.neural_collapse.simulation import (
    Decay,
    class_labels,
    draw_free,
    gaussian_mixture,
    regularised_loss,
    train_classifier,
    train_free,
)
from theorylab.verify.draw import COLOURS, STYLE

HERE = Path(__file__).parent


def draw() -> Figure:
    figure = Figure(figsize=(7.2, 5.4))
    (fits, sizes), (rates, network) = figure.subplots(2, 2)
    draw_fits(fits)
    draw_sizes(sizes)
    draw_rates(rates)
    draw_network(network)
    return figure


@partial(jax.jit, static_argnames=("sizes", "depth", "steps"))
def trained_geometry(key, decay, *, sizes, depth, steps):
    """Gram matrices and logits after descent from large weights."""
    free, labels = draw_free(key, sizes, (len(sizes) + 2,) * depth, 1.2), class_labels(sizes)
    decay = Decay((decay,) * depth, decay)
    run = train_free(
        free, labels, decay, 0.2, lambda at: geometry(at, labels, decay),
        num_records=2, stride=steps,
    )  # fmt: skip
    return run.measured[-1]


def draw_fits(axes):
    sizes = (4, 4, 4)
    K, N = len(sizes), sum(sizes)
    for colour, depth in zip(COLOURS, (1, 2, 3, 6), strict=False):
        critical, last = critical_penalty(depth), spinodal_penalty(depth)
        b = np.linspace(1e-3, 1.6, 800) * critical
        axes.plot(b / critical, mode_fit(b, depth).fit, color=colour, label=f"$M = {depth}$")
        if depth > 1:
            beyond = np.linspace(critical, last, 100)
            axes.plot(beyond / critical, local_minimum(beyond, depth).fit, "--", color=colour)
        for share in (0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 1.3):
            decay = ((share * critical / (depth * K)) ** depth / N) ** (1 / (depth + 1))
            found = np.asarray(
                trained_geometry(jax.random.key(3), decay, sizes=sizes, depth=depth, steps=60000)
            )
            fits = np.linalg.svd(found[2], compute_uv=False)
            axes.plot([share] * K, fits, "o", color=colour)
    axes.set_xlabel(r"penalty $b/b^*$")
    axes.set_ylabel("fit $t$")
    axes.legend()


def draw_sizes(axes):
    sizes, decay = (32, 20, 12, 8, 5, 3, 2, 1), 0.009
    model = DeepLinearUFM(sizes, decay, decay, depth=2)
    found = model.solve()
    runs = np.stack(
        [
            trained_geometry(jax.random.key(seed), decay, sizes=sizes, depth=2, steps=20000)
            for seed in range(4)
        ]
    )
    fine = np.geomspace(1, 32, 300)
    N, L = sum(sizes), (sum(sizes) * decay**3) ** 0.5
    b = 2 * N * L / fine
    scale = L * mode_fit(b, 2).root
    for colour, row, line, words in (
        (COLOURS[0], 0, np.sqrt(scale / decay / fine), "class mean"),
        (COLOURS[1], 1, scale / decay, "row of all layers"),
    ):
        axes.plot(fine, line, color=colour, label=words)
        lengths = np.sqrt(np.maximum(np.einsum("rkk->rk", runs[:, row]), 0))
        for run in lengths:
            axes.plot(sizes, run, "o", color=colour)
    assert (found.fit == 0).any()
    axes.axvline(model.collapse_size(), color="0.7", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("class size $n_k$")
    axes.set_ylabel("length")
    axes.legend()


@partial(jax.jit, static_argnames=("width", "records"))
def variability(key, decay, *, width, records):
    sizes = (4, 4, 4)
    free, labels = draw_free(key, sizes, (width,), 1.0), class_labels(sizes)
    classes = np.repeat(np.arange(3), 4)
    measure = lambda at: variability_collapse(at.features, classes, num_classes=3)
    return train_free(
        free, labels, Decay((decay,), decay), 0.2, measure, num_records=records, stride=20
    )


def draw_rates(axes):
    decay = 0.02
    for colour, width in ((COLOURS[0], 3), (COLOURS[1], 8)):
        for seed in range(3):
            run = variability(jax.random.key(seed), decay, width=width, records=81)
            t, nc1 = (np.asarray(x) for x in run)
            shown = nc1 > 1e-26
            axes.plot(t[shown][::4], nc1[shown][::4], "o", color=colour, markersize=2)
        rate = collapse_rate(3, 4, decay, decay, spare_dimensions=width > 3).observed
        last = np.flatnonzero(shown)[-1]
        line = nc1[last] * np.exp(-rate * (t - t[last]))
        axes.plot(t[shown], line[shown], color=colour, label=f"{width} dimensions, 3 classes")
    axes.set_yscale("log")
    axes.set_xlabel("time")
    axes.set_ylabel("NC1")
    axes.legend()


def draw_network(axes):
    sizes, iterations = (10, 10, 10, 10), (10, 30, 100, 300, 1000, 3000)
    decay = Decay((0.002, 0.002), 0.001)
    least = DeepLinearUFM(sizes, (0.002, 0.002), 0.001).solve().loss
    inputs, labels = gaussian_mixture(jax.random.key(0), sizes, 12, 3.0), class_labels(sizes)
    classes = np.repeat(np.arange(4), 10)

    def measure(at, features):
        means = labels.T @ features / jnp.asarray(sizes)[:, None]
        return (
            regularised_loss(at.head, features, labels, decay) - least,
            gram_distance(means, "orthogonal_frame"),
            variability_collapse(features, classes, num_classes=4),
        )

    for penalty, fill in ((True, "full"), (False, "none")):
        found = np.array(
            [
                train_classifier(
                    jax.random.key(1), inputs, labels, decay, backbone_widths=(64, 64),
                    head_widths=(16, 16), bias=False, num_iterations=count, measure=measure,
                    feature_penalty=penalty,
                )[-1]
                for count in iterations
            ]
        )  # fmt: skip
        for column, colour, words in (
            (0, COLOURS[0], "loss less bound"),
            (1, COLOURS[1], "distance to frame"),
            (2, COLOURS[2], "NC1"),
        ):
            if column or penalty:
                axes.plot(
                    iterations, found[:, column], "o-", color=colour, fillstyle=fill,
                    linewidth=0.5, label=words if penalty else None,
                )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("iterations of L-BFGS")
    axes.legend()


if __name__ == "__main__":
    with mpl.rc_context(STYLE), jax.enable_x64(True):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"collapse{suffix}", metadata=metadata)
