"""Fourier modes of a network that grows from small weights, by gradient flow and by descent."""

from __future__ import annotations

from functools import partial

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from theorylab.experiment.descent import descend
from theorylab.grokking.claims.bounds import network
from theorylab.grokking.claims.sources import HE_2026, HERE
from theorylab.grokking.fourier_coefficients import fourier_coefficients
from theorylab.grokking.mode_flow import mode_flow
from theorylab.grokking.network import network_logits
from theorylab.grokking.simulation.flow import cross_entropy, follow
from theorylab.grokking.simulation.training import draw_weights
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact, Outcome, Rate

_ACCURACY = 1e-9


def modes(weights):
    """Complex amplitudes of input and output weights, `(2, neurons, frequencies)`."""
    return jnp.stack([fourier_coefficients(w) for w in weights])


def parts(amplitudes):
    return jnp.stack([jnp.real(amplitudes), jnp.imag(amplitudes)])


def largest(amplitudes):
    return jnp.max(jnp.abs(amplitudes))


def safe_time(start, modulus):
    """Before any escape: the largest amplitude `u` grows by `2 u^2 / p` at most."""
    return modulus / (2 * largest(start))


def grown_modes(key, *, modulus, width, initial_scale, growth, decay):
    """Once the largest amplitude has grown so many times; in units of `initial_scale`.

    `decay` is in units of one over the time before which no mode escapes without it.
    """
    weights = draw_weights(key, modulus, width, initial_scale)
    start = modes(weights)
    limit = growth * largest(start)
    weight_decay = decay / safe_time(start, modulus)
    end = follow(
        weights,
        100 * safe_time(start, modulus),
        until=lambda w: largest(modes(w)) >= limit,
        weight_decay=weight_decay,
        accuracy=_ACCURACY,
    )
    given = {
        "start": parts(start) / initial_scale,
        "time": end.time * initial_scale,
        "weight_decay": weight_decay / initial_scale,
        "logit": jnp.max(jnp.abs(network_logits(end.weights))),
    }
    return Outcome(parts(modes(end.weights)) / initial_scale, given)


def predicted_modes(*, modulus, start, time, weight_decay=0.0, inputs=1.0, outputs=1.0, **_):
    """The mode flow, its velocities multiplied by `inputs` and `outputs`.

    It is the flow itself in other units of the amplitudes.
    """
    a, b = start[0] + 1j * start[1]
    da, db = np.sqrt(inputs * outputs), inputs
    polar = np.abs(a) * da, np.abs(b) * db, np.angle(a), np.angle(b)
    ends = mode_flow(time, modulus, *polar, weight_decay=weight_decay)
    return _parts(ends.input_amplitude / da, ends.output_amplitude / db)


def _parts(a, b):
    ends = np.stack([a, b])
    return np.stack([np.real(ends), np.imag(ends)])


def undecayed(*, weight_decay, **given):
    """Decay that shrinks the weights, and leaves the clock of their growth alone."""
    return np.exp(-weight_decay * given["time"]) * predicted_modes(**given)


def slow_clock(law):
    """A law without decay, run under it as the mode equations are."""

    def under_decay(*, time, weight_decay, **given):
        passed = -np.expm1(-weight_decay * time) / weight_decay if weight_decay else time
        return np.exp(-weight_decay * time) * law(time=passed, **given)

    return under_decay


@slow_clock
def still_phases(*, modulus, start, time, **_):
    """Strengths that grow by the cosine of a misalignment that stays."""
    a, b = start[0] + 1j * start[1]
    cosine = np.cos(2 * np.angle(a) - np.angle(b))
    flipped = np.where(cosine < 0, -1, 1)
    apart = np.where(cosine < 0, np.pi, 0)
    ends = mode_flow(time * np.abs(cosine), modulus, np.abs(a), np.abs(b), 0, apart)
    return _parts(
        ends.input_amplitude * np.exp(1j * np.angle(a)),
        ends.output_amplitude * flipped * np.exp(1j * np.angle(b)),
    )


@slow_clock
def repelled_phases(*, modulus, start, time, **_):
    """The mode equations with the sign of the phases' velocities turned."""
    a, b = start[0] + 1j * start[1]
    shape = (2, 2, *a.shape)

    def velocity(_, y):
        (log_alpha, log_beta), (phi, psi) = y.reshape(shape)
        alpha, beta, D = np.exp(log_alpha), np.exp(log_beta), 2 * phi - psi
        into, out = 2 * beta / modulus, alpha**2 / (modulus * beta)
        along, across = np.cos(D), np.sin(D)
        return np.stack([into * along, out * along, into * across, -out * across]).ravel()

    y = np.stack([np.log(np.abs(a)), np.log(np.abs(b)), np.angle(a), np.angle(b)]).ravel()
    found = solve_ivp(velocity, (0, float(time)), y, rtol=1e-8)
    (log_alpha, log_beta), (phi, psi) = found.y[:, -1].reshape(shape)
    return _parts(np.exp(log_alpha + 1j * phi), np.exp(log_beta + 1j * psi))


def by_logits(eps, *, start, growth, logit, **_):
    """The largest amplitude times the largest logit, and what the integrator leaves.

    Softmax leaves its uniform value by as much as the logits, relative to the difference of the
    right answer to it, and so do the velocities, relative. Logits grow as `(T - t)^-3`: they add up
    to `F (T - t) / 2` in all, of velocities that end at `u / (T - t)`, and to as much by what
    earlier ones have shifted since. Errors of the integrator are errors of time, relative to `T`,
    and `T - t` is less by `growth`.
    """
    u = growth * np.abs(start[0] + 1j * start[1]).max()
    return u * (logit + 100 * growth * max(_ACCURACY, eps))


def small_logits(*, modulus, width, initial_scale, growth, decay):
    network(modulus, width)
    require_within(1, 30, growth=growth)
    if not 0 <= decay <= 0.2:
        raise ValueError(f"`decay` must be >= 0 and <= 0.2, so that some mode grows; got {decay:g}")
    require_within(0, np.inf, initial_scale=initial_scale)
    if growth * initial_scale > 0.1:
        raise ValueError(
            f"`initial_scale` times `growth` must be <= 0.1, so that logits stay small; "
            f"got {initial_scale:g} and {growth:g}"
        )


def part_of_mode(*, modulus, width, **_):
    return {
        "part": ["real", "imaginary"],
        "weights": ["input", "output"],
        "neuron": np.arange(width),
        "frequency": np.arange(1, modulus // 2 + 1),
    }


mode_growth = Claim(
    statement="From small weights every frequency of every neuron grows by itself, along the "
    "Weierstrass function of its two invariants; weight decay shrinks it and slows its clock.",
    source=HE_2026,
    assumes=(
        "quadratic activation",
        "cross-entropy over all pairs",
        "small logits",
        "gradient flow",
    ),
    predict=predicted_modes,
    observe=grown_modes,
    quantity="amplitude over its scale at the start",
    coords=part_of_mode,
    domain=small_logits,
    criterion=Exact(tolerance=by_logits),
    rivals={
        "inputs as slow as outputs": partial(predicted_modes, inputs=0.5),
        "outputs as fast as inputs": partial(predicted_modes, outputs=2.0),
        "phases stay": still_phases,
        "phases that are repelled": repelled_phases,
        "3 % slow": partial(predicted_modes, inputs=0.97, outputs=0.97),
        "decay leaves the clock alone": undecayed,
    },
    settings={
        "quick": [
            dict(modulus=13, width=8, initial_scale=0.003, growth=5.0, decay=decay)
            for decay in (0.0, 0.15)
        ],
        "standard": [
            dict(modulus=p, width=16, initial_scale=0.002, growth=g, decay=decay)
            for p in (13, 23)
            for g in (2.0, 8.0)
            for decay in (0.0, 0.15)
        ],
    },
    proof="grokking/mode_flow",
)


def modes_in_time(key, *, modulus, width, initial_scale, share):
    """At a share of the time before which none can escape; in units of `initial_scale`."""
    weights = draw_weights(key, modulus, width, initial_scale)
    start = modes(weights)
    time = share * safe_time(start, modulus)
    end = follow(weights, time, accuracy=_ACCURACY)
    return Outcome(parts(modes(end.weights)) / initial_scale, in_units(start, time, initial_scale))


def in_units(start, time, initial_scale):
    return {"start": parts(start) / initial_scale, "time": time * initial_scale}


def flow_accuracy(eps, *, start, **_):
    return 100 * max(_ACCURACY, eps) * np.abs(start[0] + 1j * start[1]).max()


def not_beyond(*, modulus, width, initial_scale, share):
    """No mode of largest amplitude `u` escapes before `p asinh(1) / (sqrt(2) u)`: share 1.246."""
    network(modulus, width)
    require_within(0, 0.2, initial_scale=initial_scale)
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be > 0 and <= 1, before modes escape; got {share:g}")


def of_many_steps(*, modulus, width, initial_scale, share, step):
    not_beyond(modulus=modulus, width=width, initial_scale=initial_scale, share=share)
    require_within(0, 0.005, initial_scale=initial_scale)
    require_within(0, share / 8, step=step)


logit_correction = Claim(
    statement="What the logits add to the mode flow is of third order in the scale of the weights.",
    source=HERE,
    assumes=mode_growth.assumes,
    predict=predicted_modes,
    observe=modes_in_time,
    quantity="amplitude over its scale at the start",
    coords=part_of_mode,
    domain=not_beyond,
    criterion=Rate(
        over="initial_scale", exponent=3.0, band=0.2, correction=3.0, rounding=flow_accuracy
    ),
    rivals={
        "of first order, as a bias would be": 1.0,
        "of second order, as a product of two layers": 2.0,
        "2 % slow": partial(predicted_modes, inputs=0.98, outputs=0.98),
    },
    settings={
        "quick": [
            dict(modulus=13, width=8, initial_scale=initial_scale, share=1.0)
            for initial_scale in (0.02, 0.04, 0.08, 0.16)
        ],
    },
    proof="grokking/mode_flow",
)


def descended_modes(key, *, modulus, width, initial_scale, share, step):
    """By descent, whose step is so much of the time that no escape can be before."""
    weights = draw_weights(key, modulus, width, initial_scale)
    start = modes(weights)
    learning_rate = step * safe_time(start, modulus)
    num_steps = jnp.round(share / step).astype(int)
    run = descend(cross_entropy, weights, learning_rate, modes, num_records=2, stride=num_steps)
    given = in_units(start, num_steps * learning_rate, initial_scale)
    return Outcome(parts(run.measured[-1]) / initial_scale, given)


def descent_rounding(eps, *, share, step, **_):
    """One in each step, of weights of order one, times what the flow grows by."""
    return 10 * eps * share / step


descent_error = Claim(
    statement="Gradient descent follows the mode flow up to a first order of its step.",
    source=HE_2026,
    assumes=(*mode_growth.assumes[:-1], "gradient descent"),
    predict=predicted_modes,
    observe=descended_modes,
    quantity=mode_growth.quantity,
    coords=part_of_mode,
    domain=of_many_steps,
    criterion=Rate(over="step", exponent=1.0, band=0.1, rounding=descent_rounding),
    rivals={
        "of second order, as of a midpoint rule": 2.0,
        "1 % slow": partial(predicted_modes, inputs=0.99, outputs=0.99),
    },
    settings={
        "quick": [
            dict(modulus=13, width=8, initial_scale=1e-5, share=1.0, step=step)
            for step in (1 / 640, 1 / 320, 1 / 160, 1 / 80)
        ],
    },
    proof="grokking/mode_flow",
)
