"""Tangent kernels of wide ReLU networks: lines are the infinite network, markers random ones.

Left: the kernel between two inputs of equal length against the angle between them, as a share of
its value at angle 0. The deeper, the smaller the angle at which inputs are as good as unrelated.
Markers are the mean over networks of width 512, bars one standard deviation of a single network.
Right: the deviation of one network's kernel from the limit, root mean square relative to the
limit, on a digit. For one hidden layer it is the root of 3/n at every width.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from theorylab.ntk import FullyConnected, kernel_variance
from theorylab.ntk.claims.networks import examples
from theorylab.ntk.simulation import initial_ntk
from theorylab.verify.draw import COLOURS, STYLE

HERE = Path(__file__).parent
DEPTHS = (2, 4, 8, 16)
WIDTHS = (8, 16, 32, 64, 128, 256)
VARIANCE = 2.0


def draw() -> Figure:
    figure = Figure(figsize=(7.2, 2.7))
    by_angle, by_width = figure.subplots(1, 2)
    draw_angles(by_angle)
    draw_fluctuations(by_width)
    return figure


@partial(jax.jit, static_argnames=("width", "depth", "networks"))
def sampled(key, x, *, width, depth, networks):
    """Tangent kernels of independent networks, `(networks, examples, examples)`."""
    one = partial(
        initial_ntk, x=x, width=width, depth=depth, activation="relu", weight_variance=VARIANCE
    )
    return jax.lax.map(one, jax.random.split(key, networks), batch_size=8)


def draw_angles(axes):
    on_circle = lambda angles: np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    fine, coarse = np.linspace(0, np.pi, 400), np.linspace(0, np.pi, 13)
    for colour, depth in zip(COLOURS, DEPTHS, strict=False):
        network = FullyConnected(depth, "relu", VARIANCE)
        largest = network.diagonal(on_circle(fine[:1])).ntk
        line = network.ntk(on_circle(fine[:1]), on_circle(fine))[0] / largest
        axes.plot(fine, line, color=colour, label=f"$L = {depth}$")
        kernels = sampled(
            jax.random.key(depth), jnp.asarray(on_circle(coarse)),
            width=512, depth=depth, networks=64,
        )  # fmt: skip
        ratio = np.asarray(kernels)[:, 0] / largest
        axes.errorbar(
            coarse, ratio.mean(axis=0), ratio.std(axis=0), fmt="o", color=colour, capsize=1.5
        )
    axes.set_xticks([0, np.pi / 2, np.pi], ["0", r"$\pi/2$", r"$\pi$"])
    axes.set_xlabel("angle between inputs")
    axes.set_ylabel(r"$\Theta(\mathrm{angle})\,/\,\Theta(0)$")
    axes.legend()


def draw_fluctuations(axes):
    x = examples("digits", 1)
    widths = np.geomspace(WIDTHS[0], WIDTHS[-1], 50)
    for colour, depth in zip(COLOURS, (2, 3, 4), strict=False):
        limit = FullyConnected(depth, "relu", VARIANCE).diagonal(x).ntk[0]
        share, error = [], []
        for width in WIDTHS:
            kernels = sampled(
                jax.random.key(width), jnp.asarray(x), width=width, depth=depth, networks=1024
            )
            square = (np.asarray(kernels)[:, 0, 0] / limit - 1) ** 2
            share.append(np.sqrt(square.mean()))
            error.append(square.std() / np.sqrt(len(square)) / (2 * share[-1]))
        axes.errorbar(WIDTHS, share, error, fmt="o", color=colour, label=f"$L = {depth}$")
        if depth == 2:
            law = np.sqrt(kernel_variance(x, weight_variance=VARIANCE)[0, 0] / widths) / limit
            axes.plot(widths, law, color=colour)
        else:
            axes.plot(widths, share[-1] * np.sqrt(WIDTHS[-1] / widths), "--", color=colour)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(WIDTHS, [str(n) for n in WIDTHS])
    axes.set_xlabel("width $n$")
    axes.set_ylabel(r"rms of $\Theta_n/\Theta - 1$")
    axes.legend(title=r"dashed: $n^{-1/2}$")


if __name__ == "__main__":
    with mpl.rc_context(STYLE), jax.enable_x64(True):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"kernels{suffix}", metadata=metadata)
