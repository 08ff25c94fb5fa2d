"""Which frequency a neuron ends on, when, and whether it survives weight decay."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np

from theorylab.grokking.claims.modes import largest, modes, safe_time
from theorylab.grokking.claims.sources import HE_2026, HERE
from theorylab.grokking.escape_time import escape_time
from theorylab.grokking.folklore_winners import (
    fastest_growth,
    largest_power,
    smallest_misalignment,
)
from theorylab.grokking.network import Weights, network_logits
from theorylab.grokking.simulation.flow import draw_weights, follow
from theorylab.grokking.winning_frequency import winning_frequency
from theorylab.verify import Claim, Crossing, Exact, Outcome

# Of each step of the integrator: far below what tells two times of escape apart.
_ACCURACY = 1e-7
# In times before which no mode can escape: of `width * K` modes some escape sooner.
_LATEST = 100


def largest_logit(weights):
    return jnp.max(jnp.abs(network_logits(weights)))


def escaped(key, *, modulus, width, initial_scale, logit):
    """The start of a network, and its state once its largest logit has reached a level."""
    weights = draw_weights(key, modulus, width, initial_scale)
    latest = _LATEST * safe_time(modes(weights), modulus)
    end = follow(weights, latest, until=lambda w: largest_logit(w) >= logit, accuracy=_ACCURACY)
    return weights, end


def polar(weights):
    """Strengths and misalignment of every mode, `(3, neurons, frequencies)`."""
    a, b = modes(weights)
    return jnp.stack([jnp.abs(a), jnp.abs(b), jnp.angle(a**2 * jnp.conj(b))])


def winners(key, *, modulus, width, initial_scale, logit, growth):
    """The strongest frequency of every neuron whose strength has grown so many times, else 0."""
    weights, end = escaped(
        key, modulus=modulus, width=width, initial_scale=initial_scale, logit=logit
    )
    before, after = (jnp.abs(modes(w)) for w in (weights, end.weights))
    grown = jnp.max(after, axis=(0, 2)) >= growth * jnp.max(before, axis=(0, 2))
    strongest = 1 + jnp.argmax(after[0], axis=-1)
    out = jnp.where(jnp.isfinite(end.time), jnp.where(grown, strongest, 0), jnp.nan)
    theta, xi = weights
    return Outcome(out, {"theta": theta, "xi": xi, "grown": grown})


def predicted_winners(*, theta, xi, grown, law=winning_frequency, **_):
    return np.where(grown, law(theta, xi), 0)


def first_if_aligned(theta, xi):
    alpha, beta, _ = polar(Weights(theta, xi))
    return 1 + np.argmin(escape_time(theta.shape[-1], np.asarray(alpha), np.asarray(beta), 0.0), -1)


def fastest_outputs(theta, xi):
    """By the velocity of the output strength at the start, `alpha^2 cos D / p`."""
    alpha, _, D = polar(Weights(theta, xi))
    return 1 + np.argmax(alpha**2 * np.cos(D), axis=-1)


def to_the_label(eps, *, width, **_):
    """None: a frequency is named or it is not. Those that tie to the accuracy are one in 10^4."""
    return 0.0


def resolved(*, logit, growth=2.0, **_):
    if not 0 < logit <= 1:
        raise ValueError(f"`logit` must be > 0 and <= 1, before the loss falls; got {logit:g}")
    if not growth >= 2:
        raise ValueError(f"`growth` must be >= 2, so that a winner has come out; got {growth:g}")


FLOW = ("quadratic activation", "cross-entropy over all pairs", "small start", "gradient flow")

lottery = Claim(
    statement="A neuron that escapes ends on the frequency whose escape time at the start was "
    "least.",
    source=HE_2026,
    assumes=FLOW,
    predict=predicted_winners,
    observe=winners,
    quantity="winning frequency $k$",
    coords=lambda *, width, **_: {"neuron": np.arange(width)},
    domain=resolved,
    criterion=Exact(tolerance=to_the_label),
    rivals={
        "the least misaligned": partial(predicted_winners, law=smallest_misalignment),
        "the most power": partial(predicted_winners, law=largest_power),
        "the fastest inputs at the start": partial(predicted_winners, law=fastest_growth),
        "the fastest outputs at the start": partial(predicted_winners, law=fastest_outputs),
        "the first if all were aligned": partial(predicted_winners, law=first_if_aligned),
    },
    settings={
        "quick": [
            dict(modulus=23, width=1, initial_scale=0.002, logit=0.3, growth=5.0),
            dict(modulus=13, width=32, initial_scale=0.002, logit=0.3, growth=5.0),
        ],
        "standard": [
            dict(modulus=p, width=width, initial_scale=0.002, logit=0.3, growth=5.0)
            for p, width in ((23, 1), (59, 1), (13, 64), (23, 64))
        ],
    },
    replicates={"quick": 16, "standard": 64},
    tile=16,
    proof="grokking/escape_time",
)  # fmt: skip


def first_escape(key, *, modulus, width, initial_scale, logit):
    """The time at which the largest logit reaches a level, times the scale at the start."""
    weights, end = escaped(
        key, modulus=modulus, width=width, initial_scale=initial_scale, logit=logit
    )
    given = {"start": polar(weights)}
    return Outcome(end.time * initial_scale, given)


def time_left(modulus, logit):
    """Of one mode by itself: `beta = p / (2 t)`, and a largest logit of `8 beta^3`."""
    return modulus / logit ** (1 / 3)


def predicted_first_escape(*, modulus, initial_scale, logit, start, law=escape_time, **_):
    times = law(modulus, *start)
    return initial_scale * (np.min(times) - time_left(modulus, logit))


def as_long_again(eps, *, modulus, initial_scale, logit, start, **_):
    """The time that is left, once again: two equal frequencies in one neuron double a weight.

    Their logits are then eight times as high, and are reached twice as early.
    """
    return initial_scale * time_left(modulus, logit)


def aligned(modulus, alpha, beta, D):
    return escape_time(modulus, alpha, beta, 0.0)


def balanced(modulus, alpha, beta, D):
    """On the balanced manifold `alpha = sqrt(2) beta`, at the amplitude of the outputs."""
    return np.where(np.cos(D) > 0, modulus / (2 * beta * np.abs(np.cos(D))), np.inf)


def exponential(modulus, alpha, beta, D):
    """Growth at the rate of the start, to amplitudes of order one."""
    rate = 2 * beta * np.cos(D) / modulus
    return np.where(rate > 0, -np.log(alpha) / np.abs(rate), np.inf)


first_escapes = Claim(
    statement="The first frequency of a network escapes at the least of all escape times, which "
    "are Carlson's integral of strengths and misalignment at the start.",
    source=HERE,
    assumes=FLOW,
    predict=predicted_first_escape,
    observe=first_escape,
    quantity="time of the escape, times the scale at the start",
    domain=resolved,
    criterion=Exact(tolerance=as_long_again),
    rivals={
        "all aligned": partial(predicted_first_escape, law=aligned),
        "balanced strengths": partial(predicted_first_escape, law=balanced),
        "exponential growth": partial(predicted_first_escape, law=exponential),
        "3 % late": partial(predicted_first_escape, law=lambda *x: 1.03 * escape_time(*x)),
    },
    settings={
        "quick": [dict(modulus=23, width=1, initial_scale=0.002, logit=0.3)],
        "standard": [
            dict(modulus=p, width=width, initial_scale=0.001, logit=0.3)
            for p, width in ((23, 1), (13, 32), (23, 32))
        ],
    },
    replicates={"quick": 16, "standard": 64},
    tile=16,
    proof="grokking/escape_time",
)


def survives(key, *, modulus, width, initial_scale, logit, ratio):
    """Whether a network escapes under decay `ratio / T`, if it does at `T` without any.

    It has died where its largest amplitude is a tenth of that at the start.
    """
    weights, free = escaped(
        key, modulus=modulus, width=width, initial_scale=initial_scale, logit=logit
    )
    least = largest(modes(weights)) / 10
    decided = lambda w: (largest_logit(w) >= logit) | (largest(modes(w)) <= least)
    end = follow(
        weights, _LATEST * free.time, until=decided, weight_decay=ratio / free.time,
        accuracy=_ACCURACY,
    )  # fmt: skip
    alive = largest_logit(end.weights) >= logit
    return jnp.where(jnp.isfinite(end.time), 1.0 * alive, jnp.nan)


survival = Claim(
    statement="A network escapes from weight decay if and only if the decay is less than one over "
    "the time of its escape without.",
    source=HERE,
    assumes=FLOW,
    predict=lambda **_: 1.0,
    observe=survives,
    quantity="frequency of survival",
    domain=resolved,
    criterion=Crossing(over="ratio", level=0.5, support=(0.0, 1.0), tolerance=0.04, refine=0),
    rivals={
        "logits, cubic in the weights, decay three times as fast": 1 / 3,
        "decay acts on squares": 1 / 2,
        "half of the growth is lost": np.log(2),
        "decay is felt as half its square": 2.0,
    },
    settings={
        "quick": [
            dict(modulus=13, width=4, initial_scale=0.002, logit=0.3, ratio=ratio)
            for ratio in (0.85, 0.91, 0.97, 1.03, 1.09, 1.15)
        ],
    },
    replicates={"quick": 64},
    tile=16,
    proof="grokking/escape_time",
)
