"""What chance alone gives: random phases, Gaussian weights, random training pairs."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.grokking._modulus import num_frequencies, odd_modulus
from theorylab.grokking.claims.sources import DOSHI_2023, HERE
from theorylab.grokking.fourier_weights import single_frequency_neurons
from theorylab.grokking.gaussian_participation_ratio import gaussian_participation_ratio
from theorylab.grokking.inverse_participation_ratio import inverse_participation_ratio
from theorylab.grokking.network import network_logits
from theorylab.grokking.random_phases import random_phase_covariance
from theorylab.numerics.arrays import whole_number
from theorylab.verify import Claim, Mean

# `x - y`, and how far two answers lie from the sum.
_PLACES = ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1), (1, 1, 2), (2, 1, 1))


def difference_of_networks(key, *, modulus, num_neurons, activation):
    """Products of what two networks differ by, at pairs of answers, over all pairs so far apart.

    Half of it is the covariance of one.
    """
    k = np.repeat(np.arange(1, num_frequencies(modulus) + 1), num_neurons)

    def logits(phase_key):
        phase = jax.random.uniform(phase_key, k.shape, maxval=2 * jnp.pi)
        share = 1 / num_neurons
        weights = single_frequency_neurons(modulus, k, 1.0, share, phase, 2 * phase)
        return network_logits(weights, activation)

    one, other = (logits(key) for key in jax.random.split(key))
    f = one - other
    x = jnp.arange(modulus)
    at = lambda d, u: f[x, (x - d) % modulus, (2 * x - d + u) % modulus]
    return jnp.stack([jnp.mean(at(d, u) * at(d, v)) / 2 for d, u, v in _PLACES])


def predicted_covariance(*, modulus, num_neurons, activation, factor=1.0, of=lambda *place: place):
    d, u, v = np.array([of(*place) for place in _PLACES]).T
    return factor * random_phase_covariance(
        d, u, v, modulus, 1.0, num_neurons, activation=activation
    )


def independent_answers(**setting):
    """Of two answers nothing; of one the right variance."""
    one = np.array([u == v for _, u, v in _PLACES])
    return np.where(one, predicted_covariance(**setting), 0.0)


def tenth_of_the_variance(eps, *, modulus, num_neurons, activation):
    """A resolution of 10 % of the variance."""
    of = partial(predicted_covariance, of=lambda d, u, _: (d, u, u))
    return 0.1 * of(modulus=modulus, num_neurons=num_neurons, activation=activation)


def some_neurons(*, modulus, num_neurons, activation):
    odd_modulus(modulus)
    whole_number("num_neurons", num_neurons, 1)


random_phases = Claim(
    statement="Logits of aligned neurons at random phases fluctuate with covariance 5/8 (1 + cos "
    "wd)^2 cos w(u - u') of each quadratic neuron; of ReLU with another, also in closed form.",
    source=HERE,
    assumes=("aligned neurons", "independent phases, uniform on the circle"),
    predict=predicted_covariance,
    observe=difference_of_networks,
    quantity="covariance of two logits",
    coords=lambda **_: {"place": [f"$d={d}$, $u={u}$, $u'={v}$" for d, u, v in _PLACES]},
    domain=some_neurons,
    criterion=Mean(tolerance=tenth_of_the_variance),
    rivals={
        "that of the square of a mean, 1/2 for 5/8": partial(predicted_covariance, factor=4 / 5),
        "answers by themselves": independent_answers,
        "the same for equal arguments": partial(
            predicted_covariance, of=lambda d, u, v: (max(d, 1), u, v)
        ),
    },
    settings={
        "quick": [
            dict(modulus=7, num_neurons=3, activation=activation)
            for activation in ("quadratic", "relu")
        ],
        "standard": [
            dict(modulus=p, num_neurons=3, activation=activation)
            for p in (7, 13)
            for activation in ("quadratic", "relu")
        ],
    },
    replicates={"quick": 16384},
    tile=512,
    proof="grokking/random_phases",
)


def drawn_ratio(key, *, modulus):
    return inverse_participation_ratio(jax.random.normal(key, (modulus,)))


def predicted_ratio(*, modulus):
    return gaussian_participation_ratio(modulus)


participation_by_chance = Claim(
    statement="Gaussian weights have an inverse participation ratio of 2 / (K + 1) on average.",
    source=DOSHI_2023,
    assumes=("independent normal weights", "cosine and sine of a frequency taken together"),
    predict=predicted_ratio,
    observe=drawn_ratio,
    quantity="inverse participation ratio",
    criterion=Mean(tolerance=lambda eps, *, modulus: 0.04 * predicted_ratio(modulus=modulus)),
    rivals={
        "equal powers": lambda *, modulus: 1 / num_frequencies(modulus),
        "cosines and sines apart": lambda *, modulus: 3 / (modulus + 1),
        "of normal amplitudes, 2 / K": lambda *, modulus: 2 / num_frequencies(modulus),
    },
    settings={"quick": [dict(modulus=23)], "standard": [dict(modulus=p) for p in (11, 23, 113)]},
    replicates=16384,
    tile=1024,
    proof="grokking/gaussian_participation_ratio",
)
