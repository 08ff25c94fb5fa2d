"""Phase diagram of the Hopfield model: lines are the replica-symmetric theory, all else simulation.

The colour is the overlap that 1000 spins keep with the pattern they start at. It is lost at the
spinodal, past which no retrieval state is; only below the first-order line is retrieval the ground
state. A marker is the load at which half of the runs of one size keep their pattern, its bar runs
from the load where three quarters do to that where a quarter does. The bars close in on the
spinodal as N grows; near T = 0 they lie beyond it and come down slowly. The sizes were run at
temperatures 0.025 apart, so that bars do not overlap. Insets: the spinodal bends back at low
temperature, and there the replicon line, below which replica symmetry is broken, ends on it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from theorylab.hopfield import critical_load, first_order_load, glass_temperature, replicon_load
from theorylab.hopfield.simulation import block_gibbs, glauber, random_patterns
from theorylab.verify.draw import COLOURS, STYLE

HERE = Path(__file__).parent
OVERLAP = LinearSegmentedColormap.from_list("overlap", ["#ffffff", "#cfe1f0", "#73a9d0"])
LOADS, TEMPERATURES = np.arange(0.005, 0.26, 0.01), np.arange(0.025, 1.5, 0.05)
COLD = 0.05  # up to here Glauber's updates: those in blocks move slowly
STARTS = 4  # patterns of one sample at which runs start


@partial(jax.jit, static_argnames=("most", "width", "num_sweeps", "cold"))
def final_overlaps(key, count, temperatures, *, most, width, num_sweeps, cold):
    """Overlaps with the patterns started at, `(temperatures, STARTS)`, over the last half of a run.

    `count` patterns of `most`, the others zero: one program serves all loads. To block Gibbs zeros
    are nothing; Glauber takes `most` for the self-coupling, right again in patterns scaled so.
    """
    pattern_key, spin_key = jax.random.split(key)
    patterns = random_patterns(pattern_key, most, width)
    patterns = jnp.where(jnp.arange(most)[:, None] < count, patterns, 0)

    def run(key, T, start):
        record = lambda _, spins: patterns[start] @ spins / width
        update, x, heat = (
            (glauber, patterns * jnp.sqrt(most / count), T * most / count)
            if cold
            else (block_gibbs, patterns, 1 / T)
        )
        trace = update(key, x, patterns[start], heat, num_sweeps=num_sweeps, record=record)
        return trace[num_sweeps // 2 :].mean()

    keys = jax.random.split(spin_key, (len(temperatures), STARTS))
    starts = jax.vmap(run, (0, None, 0))
    return jax.vmap(starts, (0, 0, None))(keys, temperatures, jnp.arange(STARTS))


def overlap_map(width=1000, samples=2):
    """Mean overlaps `(TEMPERATURES, LOADS)`; Glauber in the coldest row, where blocks are slow."""
    run = partial(final_overlaps, most=round(LOADS[-1] * width), width=width)
    columns = []
    for load in LOADS:
        count, keys = round(load * width), jax.random.split(jax.random.key(0), samples)
        cold = [run(k, count, TEMPERATURES[:1], num_sweeps=40, cold=True) for k in keys]
        warm = [run(k, count, TEMPERATURES[1:], num_sweeps=200, cold=False) for k in keys]
        columns.append(np.concatenate([np.hstack(cold), np.hstack(warm)]).mean(axis=1))
    return np.stack(columns, axis=1)


def survival_loads(temperature, width, samples, ratios):
    """Loads at which 3/4, 1/2 and 1/4 of the runs keep an overlap above 0.7.

    Linear between the loads run, of the shares made to fall: nested patterns make most of them do.
    """
    cold = temperature <= COLD
    loads = ratios * critical_load(temperature)
    run = partial(final_overlaps, most=int(0.14 * ratios[-1] * width), width=width,
                  num_sweeps=40 if cold else 200, cold=cold)  # fmt: skip
    keys = jax.random.split(jax.random.key(1), samples)
    share = [
        np.mean([run(k, round(load * width), np.full(1, temperature)) > 0.7 for k in keys])
        for load in loads
    ]
    falling = np.minimum.accumulate(share)
    return np.interp([0.25, 0.5, 0.75], falling[::-1], loads[::-1])[::-1]


def draw() -> Figure:
    figure = Figure(figsize=(7.2, 3.9))
    axes = figure.subplots()
    edges = (0, 0.26, 0, 1.5)
    picture = axes.imshow(overlap_map(), cmap=OVERLAP, vmin=0, vmax=1, origin="lower",
                          extent=edges, aspect="auto", interpolation="nearest")  # fmt: skip
    bar = figure.colorbar(picture, ax=axes, pad=0.01, fraction=0.03, aspect=40)
    bar.set_label(r"overlap $m$, simulated")
    bar.outline.set_linewidth(0.4)
    axes.set(xlim=edges[:2], ylim=edges[2:])
    axes.set_xlabel(r"load $\alpha$ (patterns per neuron)")
    axes.set_ylabel(r"temperature $T$")
    draw_lines(axes)
    draw_survival(axes)
    draw_reentrance(axes.inset_axes((0.46, 0.46, 0.21, 0.28)))
    draw_replicon(axes.inset_axes((0.765, 0.46, 0.21, 0.28)))
    return figure


def draw_lines(axes):
    load, T = np.linspace(0, 0.51, 200) ** 2, np.linspace(0, 1, 401)
    axes.plot(load, glass_temperature(load), color=COLOURS[6])
    axes.plot(critical_load(T), T, color=COLOURS[1])
    axes.plot(first_order_load(T), T, color=COLOURS[2])
    for words, colour, (x, y), slope in (  # beside its line, along it
        (r"glass temperature $T_g=1+\sqrt{\alpha}$", COLOURS[6], (0.041, 1.235), 1.9),
        (r"spinodal $\alpha_M(T)$", COLOURS[1], (0.0255, 0.72), -6.4),
        (r"first order $\alpha_1(T)$", COLOURS[2], (0.0215, 0.605), -11.2),
    ):
        axes.text(x, y, words, color=colour, fontsize=7, rotation=np.degrees(np.arctan(slope)),
                  rotation_mode="anchor", transform_rotates_text=True)  # fmt: skip
    for words, at in (
        ("paramagnet", (0.01, 1.36)),
        ("spin glass", (0.06, 0.98)),
        ("retrieval,\nground state", (0.008, 0.17)),
        ("retrieval,\nmetastable", (0.07, 0.17)),
    ):
        axes.text(*at, words, color="0.2", fontsize=7, linespacing=1.1, style="italic")


def draw_survival(axes):
    mark = dict(fmt="o", color="0.1", ms=3.2, mew=0.6, elinewidth=0.7, capsize=1.2, clip_on=False)
    for width, samples, ratios, shift, face in (
        (250, 16, np.linspace(0.5, 2.1, 9), 0.05, "1.0"),
        (1000, 8, np.linspace(0.7, 1.5, 9), 0.025, "0.6"),
        (4000, 3, np.linspace(0.88, 1.28, 6), 0.0, "0.0"),
    ):
        for T in np.array([0.0, 0.15, 0.3, 0.45]) + shift:
            low, half, high = survival_loads(T, width, samples, ratios)
            axes.errorbar(half, T, xerr=[[half - low], [high - half]], mfc=face, **mark)
        axes.errorbar(0.142, 0.29 + 1.6 * shift, mfc=face, **mark)
        axes.text(0.145, 0.29 + 1.6 * shift, f"$N = {width}$", fontsize=6,
                  va="center_baseline")  # fmt: skip
    axes.text(0.1405, 0.41, "half of the runs keep their pattern\n(bars: from 3/4 of them to 1/4)",
              fontsize=6, linespacing=1.1)  # fmt: skip


def draw_reentrance(axes):
    T = np.linspace(0, 0.06, 601)
    axes.plot(critical_load(T), T, color=COLOURS[1])
    axes.plot(replicon_load(T), T, color=COLOURS[0])
    axes.text(0.13655, 0.0235, "replicon line", color=COLOURS[0], fontsize=6)
    axes.text(0.13655, 0.004, "replica symmetry\nbroken", color="0.2", fontsize=6, style="italic")
    axes.text(0.13775, 0.052, "spinodal", color=COLOURS[1], fontsize=6)
    axes.set_title("reentrance", fontsize=7, pad=3)
    axes.set(xlim=(0.1365, 0.1385), ylim=(0, 0.06), xticks=(0.137, 0.138), yticks=(0, 0.03, 0.06))
    dress(axes)


def draw_replicon(axes):
    T = np.geomspace(1e-6, 0.0251, 300)  # beyond its end, on the spinodal, the line is NaN
    load = replicon_load(T)
    end = np.flatnonzero(np.isfinite(load))[-1]
    axes.semilogy(load, T, color=COLOURS[0])
    axes.plot(load[end], T[end], "o", color=COLOURS[1])
    axes.text(0.133, T[end], "ends on the spinodal", color=COLOURS[1], fontsize=6, ha="right")
    axes.text(0.088, 3e-5, "replicon line", color=COLOURS[0], fontsize=6)
    axes.set_title("replica symmetry breaking", fontsize=7, pad=3)
    axes.set(xlim=(0.04, 0.145), ylim=(1e-6, 0.1), xticks=(0.05, 0.1), yticks=(1e-6, 1e-4, 1e-2))
    dress(axes)


def dress(axes):
    axes.minorticks_off()
    axes.tick_params(labelsize=6, pad=1, length=1.5)
    axes.set_xlabel(r"load $\alpha$", fontsize=6, labelpad=0)
    axes.set_ylabel(r"temperature $T$", fontsize=6, labelpad=0)


if __name__ == "__main__":
    with mpl.rc_context(STYLE):
        figure = draw()
        for suffix, metadata in ((".svg", {"Date": None}), (".png", None)):
            figure.savefig(HERE / f"phase_diagram{suffix}", metadata=metadata)
