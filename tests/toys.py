"""Small claims of known truth, for tests of the engine: Euler steps of exponential decay."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.verify import Claim, Exact, Mean, Outcome, Rate, Source

SOURCE = Source("Euler", 1768, "Institutiones calculi integralis", at="Ch. 7")


def decay(*, rate, step, num_steps, slow=1.0, **_):
    return np.exp(-rate * slow * step * np.arange(num_steps))


def euler(key, *, rate, step, num_steps):
    return (1 - rate * step) ** jnp.arange(num_steps)


def euler_error(eps, *, rate, step, num_steps):
    """First order: t exp(-rate t) rate^2 step / 2, at most rate step / (2 e)."""
    return 1.5 * rate * step / (2 * np.e)


def exact_claim(**changes) -> Claim:
    fields = dict(
        statement="Euler's steps follow the exponential.",
        source=SOURCE,
        predict=decay,
        observe=euler,
        coords=lambda step, num_steps, **_: {"t": step * np.arange(num_steps)},
        criterion=Exact(tolerance=euler_error),
        rivals={"10 % slow": lambda **setting: decay(slow=0.9, **setting)},
        settings={"quick": [dict(rate=1.0, step=0.01, num_steps=300)]},
        name="toy.decay",
    )
    return Claim(**(fields | changes))


def drawn(key, *, pace):
    rate = pace * (1 + jax.random.uniform(key))
    return Outcome(jnp.exp(-rate * jnp.linspace(0.0, 1.0, 5)), {"rate": rate})


def drawn_claim(**changes) -> Claim:
    """A law that depends on what the seed drew."""
    fields = dict(
        statement="Each replicate decays at the rate it drew.",
        source=SOURCE,
        predict=lambda pace, rate: np.exp(-rate * np.linspace(0, 1, 5)),
        observe=drawn,
        criterion=Exact(tolerance=lambda eps, pace, rate: 10 * eps),
        rivals={"the mean rate": lambda pace, rate: np.exp(-1.5 * pace * np.linspace(0, 1, 5))},
        settings={"quick": [dict(pace=1.0)]},
        name="toy.drawn",
    )
    return Claim(**(fields | changes))


def end_of_euler(key, *, rate, step):
    steps = jnp.round(1 / step).astype(int)
    return jax.lax.fori_loop(0, steps, lambda _, x: x * (1 - rate * step), jnp.ones(()))


def rate_claim(**changes) -> Claim:
    fields = dict(
        statement="Euler's error is of first order in the step.",
        source=SOURCE,
        predict=lambda rate, step: np.exp(-rate),
        observe=end_of_euler,
        criterion=Rate(over="step", exponent=1.0, band=0.05),
        rivals={"second order": 2.0, "1 % slow": lambda rate, step: np.exp(-0.99 * rate)},
        settings={"quick": [dict(rate=1.0, step=0.02 / 2**k) for k in range(5)]},
        name="toy.order",
    )
    return Claim(**(fields | changes))


def normal(key, *, centre):
    return centre + 0.5 * jax.random.normal(key, (3,))


def noisy_claim(**changes) -> Claim:
    """Outcomes that scatter about what is predicted."""
    fields = dict(
        statement="Outcomes scatter about their centre.",
        source=SOURCE,
        predict=lambda centre: np.full(3, centre),
        observe=normal,
        criterion=Mean(tolerance=0.3),
        rivals={"one too much": lambda centre: np.full(3, centre + 1)},
        settings={"quick": [dict(centre=1.0), dict(centre=2.0)]},
        replicates=512,
        tile=16,
        name="toy.noisy",
    )
    return Claim(**(fields | changes))


def slow_normal(key, *, centre):
    """On the host, some time each: to be interrupted."""
    time.sleep(0.02)
    return centre + 0.5 * np.asarray(jax.random.normal(key, (3,)))
