"""Networks that solve modular addition, built by hand: their logits, margins and losses."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.grokking._modulus import num_frequencies, prime_modulus
from theorylab.grokking.claims.sources import HE_2026, NANDA_2023
from theorylab.grokking.flawed_indicator import (
    flawed_cross_entropy,
    flawed_excluded_loss,
    flawed_indicator,
    flawed_margin,
    flawed_restricted_loss,
)
from theorylab.grokking.fourier_logits import residues
from theorylab.grokking.fourier_weights import fourier_weights
from theorylab.grokking.network import network_logits
from theorylab.grokking.relu_indicator import phase_aliasing, relu_indicator, relu_peaks
from theorylab.grokking.restricted_loss import excluded_loss, restricted_loss
from theorylab.verify import Claim, Exact


def built_logits(key, *, modulus, num_phases, strength, activation="quadratic"):
    """Of groups of neurons of all frequencies, each turned by a random angle."""
    K = num_frequencies(modulus)
    offset_key, share_key = jax.random.split(key)
    offsets = jax.random.uniform(offset_key, (K,), maxval=2 * jnp.pi)
    share = jnp.exp(jax.random.normal(share_key))  # of the strength: one input against output
    power = 2 if activation == "quadratic" else 1
    weights = fourier_weights(
        modulus, num_phases, share, strength / (num_phases * share**power),
        offsets=offsets, activation=activation,
    )  # fmt: skip
    return network_logits(weights, activation)


def pair_and_answer(*, modulus, **_):
    return {name: np.arange(modulus) for name in ("x", "y", "answer")}


def predicted_logits(*, modulus, strength, **_):
    at = residues(modulus)
    return flawed_indicator(at.d, at.u, modulus, strength)


def indicator(*, modulus, strength, ghost=0.25, constant=-1.0, **_):
    """A peak at the sum, ghosts at twice either argument, and a constant."""
    at = residues(modulus)
    peak, ghosts = at.u == 0, (at.u + at.d) % modulus == 0
    mirrored = (at.u - at.d) % modulus == 0
    return strength / 2 * (constant + modulus * (peak / 2 + ghost * (1.0 * ghosts + mirrored)))


def summed_rounding(eps, *, modulus, num_phases, strength, **_):
    """The outputs of all neurons come to `4 K a` in size: four roundings of it for each halving."""
    return 4 * eps * 4 * num_frequencies(modulus) * strength * np.log2(modulus * num_phases)


def rounded_losses(eps, *, modulus, **setting):
    """That of logits, and of a mean of logarithms over all pairs."""
    mean = 4 * eps * np.log(modulus) * np.log2(modulus**2)
    return summed_rounding(eps, modulus=modulus, **setting) + mean


flawed_logits = Claim(
    statement="Quadratic neurons of all frequencies, at phases that cancel, give a peak at the sum "
    "and two ghosts of half its height, at twice either argument.",
    source=HE_2026,
    assumes=("quadratic activation", "all frequencies of equal strength", "phases that cancel"),
    predict=predicted_logits,
    observe=built_logits,
    quantity="logit $f_j(x, y)$",
    coords=pair_and_answer,
    criterion=Exact(tolerance=summed_rounding),
    rivals={
        "no ghosts": partial(indicator, ghost=0.0),
        "ghosts as high as the peak": partial(indicator, ghost=0.5),
        "ghosts of a quarter": partial(indicator, ghost=0.125),
        "no constant": partial(indicator, constant=0.0),
    },
    settings={
        "quick": [dict(modulus=15, num_phases=3, strength=2.0)],
        "standard": [
            dict(modulus=p, num_phases=n, strength=2.0) for p in (15, 31, 59) for n in (3, 5)
        ],
    },
    proof="grokking/fourier_logits",
)


def predicted_relu_logits(*, modulus, strength, **_):
    at = residues(modulus)
    return relu_indicator(at.d, at.u, modulus, strength)


def aliasing(eps, *, modulus, num_phases, strength, **setting):
    """What finitely many phases leave, the bound of `phase_aliasing`, and rounding."""
    d, k = residues(modulus).d, np.arange(1, num_frequencies(modulus) + 1)
    reach = np.abs(np.cos(np.pi * k * d[..., None] / modulus)).sum(axis=-1)
    left = phase_aliasing(num_phases) * 2 / (3 * np.pi) * strength * reach
    rounding = summed_rounding(
        eps, modulus=modulus, num_phases=num_phases, strength=strength, **setting
    )
    return left + rounding


def relu_heights(*, modulus, strength, peaks, **_):
    """The logits at heights `C_r` other than those of the modulus, for `x != y`."""
    at = residues(modulus)
    inverse = np.array([pow(int(d), -1, modulus) if d else 0 for d in range(modulus)])
    r = (at.u * inverse[at.d] + modulus // 2) % modulus - modulus // 2
    logits = 2 / (3 * np.pi) * strength * (modulus * peaks(r) - 1) / 2
    return np.where(at.d == 0, np.nan, logits)


def quadratic_peaks(r):
    return 2 / np.pi * ((r == 0) + 0.5 * (np.abs(r) == 1))


relu_logits = Claim(
    statement="ReLU neurons of all frequencies give a peak at the sum and ghosts of a third of its "
    "height, of alternating sign further off.",
    source=HE_2026,
    assumes=("ReLU", "all frequencies of equal strength", "phases evenly spread", "prime modulus"),
    predict=predicted_relu_logits,
    observe=partial(built_logits, activation="relu"),
    quantity="logit $f_j(x, y)$",
    coords=pair_and_answer,
    domain=lambda *, modulus, **_: prime_modulus(modulus),
    criterion=Exact(tolerance=aliasing),
    rivals={
        "quadratic ghosts, of a half": partial(relu_heights, peaks=quadratic_peaks),
        "two ghosts and no more": partial(
            relu_heights, peaks=lambda r: relu_peaks(r) * (np.abs(r) <= 1)
        ),
        "heights of an infinite modulus": partial(relu_heights, peaks=relu_peaks),
    },
    settings={
        "quick": [dict(modulus=13, num_phases=33, strength=2.0)],
        "standard": [
            dict(modulus=p, num_phases=n, strength=2.0) for p in (13, 23) for n in (9, 33)
        ],
    },
    proof="grokking/relu_indicator",
)


def measured_progress(key, **setting):
    """Margins off and on the diagonal; cross-entropies: all, of the answers' waves, of the rest."""
    logits = built_logits(key, **setting)
    p = len(logits)
    x = jnp.arange(p)
    answer = (x[:, None] + x) % p
    right = jax.nn.one_hot(answer, p, dtype=bool)
    lead = jnp.sum(jnp.where(right, logits, 0), axis=-1) - jnp.max(
        logits, axis=-1, where=~right, initial=-jnp.inf
    )
    loss = -jnp.mean(jnp.sum(jnp.where(right, jax.nn.log_softmax(logits), 0), axis=-1))
    return jnp.stack([lead[1, 0], lead[0, 0], loss, restricted_loss(logits), excluded_loss(logits)])


def predicted_progress(*, modulus, strength, **_):
    return np.array(
        [
            flawed_margin(1, modulus, strength),
            flawed_margin(0, modulus, strength),
            flawed_cross_entropy(modulus, strength),
            flawed_restricted_loss(modulus, strength),
            flawed_excluded_loss(modulus, strength),
        ]
    )


def clean_progress(*, modulus, strength, **_):
    """A peak of the same height and no ghosts: nothing is left without it."""
    margin = strength * modulus / 4
    loss = np.log1p((modulus - 1) * np.exp(-margin))
    return np.array([margin, margin, loss, loss, np.log(modulus)])


def as_restricted(**setting):
    """Ghosts that cost no loss."""
    *margins, _, restricted, excluded = predicted_progress(**setting)
    return np.array([*margins, restricted, restricted, excluded])


progress_measures = Claim(
    statement="Ghosts halve the margin of a network that adds by Fourier features; where the waves "
    "of the answer are taken out they are all that is left, worse than chance.",
    source=NANDA_2023,
    assumes=("quadratic activation", "all frequencies of equal strength", "phases that cancel"),
    predict=predicted_progress,
    observe=measured_progress,
    quantity="margin or loss",
    coords=lambda **_: {
        "measure": ["margin, $x \\ne y$", "margin, $x = y$", "loss", "restricted", "excluded"]
    },
    criterion=Exact(tolerance=rounded_losses),
    rivals={
        "no ghosts: the rest is chance": clean_progress,
        "ghosts cost no loss": as_restricted,
    },
    settings={
        "quick": [dict(modulus=23, num_phases=3, strength=1.7)],
        "standard": [
            dict(modulus=p, num_phases=5, strength=a) for p in (11, 23, 59) for a in (0.3, 1.7)
        ],
    },
    proof="grokking/restricted_loss",
)
