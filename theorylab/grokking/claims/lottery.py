"""Which frequency a neuron ends on, when, and whether it survives weight decay."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np

from theorylab.grokking.claims.bounds import network
from theorylab.grokking.claims.modes import largest, modes, safe_time
from theorylab.grokking.claims.sources import HE_2026, HERE
from theorylab.grokking.escape_time import escape_time
from theorylab.grokking.folklore_winners import (
    fastest_growth,
    largest_power,
    smallest_misalignment,
)
from theorylab.grokking.network import Weights, network_logits
from theorylab.grokking.simulation.flow import follow
from theorylab.grokking.simulation.training import draw_weights
from theorylab.grokking.winning_frequency import escape_times, winning_frequency
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Crossing, Exact, Outcome

# Of each step of the integrator: far below what tells two times of escape apart.
_ACCURACY = 1e-7
# In times before which no mode can escape: of `width * K` modes some escape sooner.
_LATEST = 100


def largest_logit(weights):
    return jnp.max(jnp.abs(network_logits(weights)))


def escaped(key, *, modulus, width, initial_scale, logit, decay=0.0):
    """The start of a network, and its state once its largest logit has reached a level.

    `decay` is in units of one over the predicted time of the first escape.
    """
    weights = draw_weights(key, modulus, width, initial_scale)
    latest = _LATEST * safe_time(modes(weights), modulus)
    weight_decay = decay / jnp.min(escape_times(*weights))
    end = follow(
        weights, latest, until=lambda w: largest_logit(w) >= logit, weight_decay=weight_decay,
        accuracy=_ACCURACY,
    )  # fmt: skip
    return weights, end


def polar(weights):
    """Strengths and misalignment of every mode, `(3, neurons, frequencies)`."""
    a, b = modes(weights)
    return jnp.stack([jnp.abs(a), jnp.abs(b), jnp.angle(a**2 * jnp.conj(b))])


def winners(key, *, modulus, width, initial_scale, logit, lead):
    """The strongest frequency of every neuron that has one, else 0.

    Its largest strength has doubled, and its strongest frequency is so many times the next.
    """
    weights, end = escaped(
        key, modulus=modulus, width=width, initial_scale=initial_scale, logit=logit
    )
    before, after = (jnp.abs(modes(w)) for w in (weights, end.weights))
    grown = jnp.max(after, axis=(0, 2)) >= 2 * jnp.max(before, axis=(0, 2))
    *_, second, first = jnp.sort(after[0], axis=-1).T
    won = grown & (first >= lead * second)
    strongest = 1 + jnp.argmax(after[0], axis=-1)
    out = jnp.where(jnp.isfinite(end.time), jnp.where(won, strongest, 0), jnp.nan)
    theta, xi = weights
    return Outcome(out, {"theta": theta, "xi": xi, "won": won})


def predicted_winners(*, theta, xi, won, law=winning_frequency, **_):
    return np.where(won, law(theta, xi), 0)


def first_if_aligned(theta, xi):
    alpha, beta, _ = polar(Weights(theta, xi))
    return 1 + np.argmin(escape_time(theta.shape[-1], np.asarray(alpha), np.asarray(beta), 0.0), -1)


def fastest_outputs(theta, xi):
    """By the velocity of the output strength at the start, `alpha^2 cos D / p`."""
    alpha, _, D = polar(Weights(theta, xi))
    return 1 + np.argmax(alpha**2 * np.cos(D), axis=-1)


def to_the_label(eps, **_):
    """None: strengths go as one over the time left, so that one of twice another escapes first."""
    return 0.0


def resolved(*, modulus, width, initial_scale, logit, **_):
    """A level that one mode reaches near its escape, before the loss falls.

    No mode of largest amplitude `u`, about three times the scale, escapes before `p / (2 u)`: a
    scale of a 200th of the level's cube root keeps the time left below a thirtieth of that.
    """
    network(modulus, width)
    if not 0 < logit <= 1:
        raise ValueError(f"`logit` must be > 0 and <= 1, before the loss falls; got {logit:g}")
    require_within(0, logit ** (1 / 3) / 200, initial_scale=initial_scale)


def with_a_winner(*, lead, **setting):
    resolved(**setting)
    if setting["modulus"] < 5:
        raise ValueError("`modulus` must be >= 5, to have two frequencies; got 3")
    if not lead >= 2:
        raise ValueError(f"`lead` must be >= 2, so that a winner has come out; got {lead:g}")


def before_death(*, decay, **setting):
    resolved(**setting)
    if not 0 <= decay <= 0.9:
        raise ValueError(f"`decay` must be >= 0 and <= 0.9, where escapes are late; got {decay:g}")


def with_ratio(*, ratio, **setting):
    resolved(**setting)
    require_within(0, np.inf, ratio=ratio)


FLOW = ("quadratic activation", "cross-entropy over all pairs", "small start", "gradient flow")

lottery = Claim(
    statement="The frequency that wins a neuron, to twice the strength of any other, is the one "
    "whose escape time at the start was least.",
    source=HE_2026,
    assumes=FLOW,
    predict=predicted_winners,
    observe=winners,
    quantity="winning frequency $k$",
    coords=lambda *, width, **_: {"neuron": np.arange(width)},
    domain=with_a_winner,
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
            dict(modulus=23, width=1, initial_scale=0.002, logit=0.3, lead=2.0),
            dict(modulus=13, width=32, initial_scale=0.002, logit=0.3, lead=2.0),
        ],
        "standard": [
            dict(modulus=p, width=width, initial_scale=0.002, logit=0.3, lead=2.0)
            for p, width in ((23, 1), (59, 1), (13, 64), (23, 64))
        ],
    },
    replicates={"quick": 16, "standard": 64},
    tile=16,
    proof="grokking/escape_time",
)  # fmt: skip


def first_escape(key, *, modulus, width, initial_scale, logit, decay):
    """The time at which the largest logit reaches a level, times the scale at the start."""
    weights, end = escaped(
        key, modulus=modulus, width=width, initial_scale=initial_scale, logit=logit, decay=decay
    )
    theta, xi = weights
    return Outcome(end.time * initial_scale, {"theta": theta, "xi": xi})


def time_left(modulus, logit):
    """Of one mode by itself: `beta = p / (2 t)`, and a largest logit of `8 beta^3`.

    Under weight decay too: the flow's clock is slower by as much as the weights are smaller.
    """
    return modulus / logit ** (1 / 3)


def predicted_first_escape(
    *, modulus, initial_scale, logit, decay, theta, xi, law=escape_time, **_
):
    weight_decay = decay / np.min(escape_times(theta, xi))
    modes = np.asarray(polar(Weights(theta, xi)))
    times = law(modulus, *modes, weight_decay=weight_decay)
    return initial_scale * (np.min(times) - time_left(modulus, logit))


def as_long_again(eps, *, modulus, initial_scale, logit, decay, theta, xi, **_):
    """The time that is left, once again: two equal frequencies in one neuron double a weight.

    Their logits are then eight times as high, and are reached twice as early. The integrator errs
    by its accuracy relative to the time, which decay stretches.
    """
    accuracy = 100 * max(_ACCURACY, eps) * np.min(escape_times(theta, xi)) / (1 - decay)
    return initial_scale * (time_left(modulus, logit) + accuracy)


def aligned(modulus, alpha, beta, D, *, weight_decay):
    return escape_time(modulus, alpha, beta, 0.0, weight_decay=weight_decay)


def without_delay(modulus, alpha, beta, D, *, weight_decay):
    return escape_time(modulus, alpha, beta, D)


def late(modulus, alpha, beta, D, *, weight_decay):
    return 1.03 * escape_time(modulus, alpha, beta, D, weight_decay=weight_decay)


def balanced(modulus, alpha, beta, D, *, weight_decay):
    """On the balanced manifold `alpha = sqrt(2) beta`, at the amplitude of the outputs."""
    on_it = np.where(np.cos(D) > 0, beta * np.abs(np.cos(D)), 0)
    return escape_time(modulus, np.sqrt(2) * on_it, on_it, 0.0, weight_decay=weight_decay)


def exponential(modulus, alpha, beta, D, *, weight_decay):
    """Growth at the rate of the start, to amplitudes of order one."""
    rate = 2 * beta * np.cos(D) / modulus - weight_decay
    return np.where(rate > 0, -np.log(alpha) / np.abs(rate), np.inf)


first_escapes = Claim(
    statement="The first frequency of a network escapes at the least of all escape times, which "
    "are Carlson's integral T of strengths and misalignment at the start; under weight decay at "
    "-ln(1 - decay T) / decay.",
    source=HERE,
    assumes=FLOW,
    predict=predicted_first_escape,
    observe=first_escape,
    quantity="time of the escape, times the scale at the start",
    domain=before_death,
    criterion=Exact(tolerance=as_long_again),
    rivals={
        "all aligned": partial(predicted_first_escape, law=aligned),
        "decay does not delay": partial(predicted_first_escape, law=without_delay),
        "balanced strengths": partial(predicted_first_escape, law=balanced),
        "exponential growth": partial(predicted_first_escape, law=exponential),
        "3 % late": partial(predicted_first_escape, law=late),
    },
    settings={
        "quick": [
            dict(modulus=13, width=4, initial_scale=0.002, logit=0.3, decay=decay)
            for decay in (0.0, 0.8)
        ],
        "standard": [
            dict(modulus=p, width=width, initial_scale=0.001, logit=0.3, decay=decay)
            for p, width in ((23, 1), (13, 32), (23, 32))
            for decay in (0.0, 0.8)
        ],
    },
    replicates={"quick": 16, "standard": 64},
    tile=16,
    proof="grokking/escape_time",
)


def survives(key, *, modulus, width, initial_scale, logit, ratio):
    """Whether a network escapes under decay `ratio / T`, of its predicted first escape time.

    It has died where its largest amplitude is a tenth of that at the start.
    """
    weights = draw_weights(key, modulus, width, initial_scale)
    time = jnp.min(escape_times(*weights))
    least = largest(modes(weights)) / 10
    decided = lambda w: (largest_logit(w) >= logit) | (largest(modes(w)) <= least)
    end = follow(
        weights, _LATEST * time, until=decided, weight_decay=ratio / time, accuracy=_ACCURACY
    )
    alive = largest_logit(end.weights) >= logit
    return jnp.where(jnp.isfinite(end.time), 1.0 * alive, jnp.nan)


survival = Claim(
    statement="A network escapes from weight decay if and only if the decay is less than one over "
    "the least of its escape times.",
    source=HERE,
    assumes=FLOW,
    predict=lambda **_: 1.0,
    observe=survives,
    quantity="frequency of survival",
    domain=with_ratio,
    criterion=Crossing(over="ratio", level=0.5, support=(0.0, 1.0), tolerance=0.04, refine=0),
    rivals={
        "logits, cubic in the weights, decay three times as fast": 1 / 3,
        "decay acts on squares": 1 / 2,
        "half of the growth is lost": np.log(2),
        "a tenth higher": 1.1,
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
