"""One frequency of a ReLU network: how fast it grows, and what it leaks to others."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from theorylab.grokking._modulus import odd_modulus
from theorylab.grokking.claims.sources import HERE
from theorylab.grokking.fourier_coefficients import fourier_coefficients
from theorylab.grokking.fourier_weights import single_frequency_neurons
from theorylab.grokking.relu_mode_velocity import (
    relu_input_leakage,
    relu_mode_velocity,
    relu_output_leakage,
)
from theorylab.grokking.simulation.flow import cross_entropy
from theorylab.numerics.arrays import require_within
from theorylab.verify import Claim, Exact, Outcome


def fallen(key, *, modulus, initial_scale):
    """Minus the gradient at one neuron of one frequency, over the scale; and its leakage.

    Two complex velocities at the neuron's own frequency, as real numbers, then the sizes of those
    at twice the frequency of the outputs and three times that of the inputs over these.
    """
    a_key, b_key, phase_key = jax.random.split(key, 3)
    alpha, beta = (jnp.exp(jax.random.uniform(k, minval=-1)) for k in (a_key, b_key))
    phi, psi = jax.random.uniform(phase_key, (2,), maxval=2 * jnp.pi)
    weights = single_frequency_neurons(
        modulus, [1], initial_scale * alpha, initial_scale * beta, phi, psi
    )
    with jax.default_matmul_precision("highest"):
        gradient = jax.grad(partial(cross_entropy, activation="relu"))(weights)
    da, db = (-fourier_coefficients(g)[0] / initial_scale for g in gradient)
    leaks = jnp.stack([jnp.abs(db[1] / db[0]), jnp.abs(da[2] / da[0])])
    seen = jnp.stack([da[0].real, da[0].imag, db[0].real, db[0].imag])
    given = {"alpha": alpha, "beta": beta, "phi": phi, "psi": psi}
    return Outcome(jnp.concatenate([modulus * seen, leaks]), given)


def predicted_fall(*, modulus, alpha, beta, phi, psi, law=relu_mode_velocity, leakage=None, **_):
    da, db = law(modulus, alpha * np.exp(1j * phi), beta * np.exp(1j * psi))
    if leakage is None:
        leakage = relu_output_leakage(2), relu_input_leakage(3, 2 * phi - psi)
    own = modulus * np.array([da.real, da.imag, db.real, db.imag])
    return np.concatenate([own, leakage])


def changed(inputs, outputs):
    """The law with velocities so many times as high."""

    def law(modulus, a, b):
        da, db = relu_mode_velocity(modulus, a, b)
        return inputs * da, outputs * db

    return law


def holomorphic(modulus, a, b):
    """The form of a quadratic neuron's, at the rates of ReLU where phases are aligned."""
    _, db = relu_mode_velocity(modulus, a, b)
    return 8 / (3 * np.pi**2 * modulus) * a.conjugate() * b / abs(a), db


def ends_of_sums(eps, *, modulus, initial_scale, alpha, beta, phi, psi):
    """Of sums over residues in place of integrals.

    That of the inputs ends at a step between two terms, which leaves up to `3 pi / (2 p)` of the
    aligned velocity; that of the outputs has a kink, which leaves about `3 / p^2`: twice it. The
    ratio of two inputs, both of which have a step, is off by `1.44 / p` at most, and by orders
    beyond. Logits add their own size, relative.
    """
    p, da, db = modulus, beta * 8 / (3 * np.pi**2), alpha * 8 / (3 * np.pi**2)
    small = 4 * initial_scale**2
    inputs, outputs = 3 * np.pi / (2 * p) + 5 / p**2 + small, 6 / p**2 + small
    return np.array([da * inputs] * 2 + [db * outputs] * 2 + [2 * outputs, 2 / p + small])


def small_scale(*, modulus, initial_scale):
    odd_modulus(modulus)
    require_within(0, 0.01, initial_scale=initial_scale)


relu_velocity = Claim(
    statement="A ReLU neuron of one frequency grows at it by c = 8 / (3 pi^2 p), turns its input "
    "phase by twice that, and leaks a fifth of its output velocity to twice the frequency.",
    source=HERE,
    assumes=("ReLU", "one frequency", "small logits", "large modulus", "cross-entropy, all pairs"),
    predict=predicted_fall,
    observe=fallen,
    quantity="velocity times $p$, or share that leaks",
    coords=lambda **_: {
        "of": ["Re $a$", "Im $a$", "Re $b$", "Im $b$", "output, $2k$", "input, $3k$"]
    },
    domain=small_scale,
    criterion=Exact(tolerance=ends_of_sums),
    rivals={
        "inputs twice as fast, as quadratic": partial(predicted_fall, law=changed(2, 1)),
        "velocities of a quadratic neuron's form": partial(predicted_fall, law=holomorphic),
        "outputs 1 % fast": partial(predicted_fall, law=changed(1, 1.01)),
        "frequencies by themselves": partial(predicted_fall, leakage=(0.0, 0.0)),
        "leakage of aligned inputs": partial(
            predicted_fall, leakage=(relu_output_leakage(2), relu_input_leakage(3))
        ),
    },
    settings={
        "quick": [dict(modulus=59, initial_scale=0.001)],
        "standard": [dict(modulus=p, initial_scale=0.001) for p in (59, 127)],
    },
    replicates=8,
    tile=8,
    proof="grokking/relu_mode_velocity",
)
