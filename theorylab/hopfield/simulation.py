r"""Experiments on Hopfield networks.

$N$ spins in $e^{-\beta H}$, $H=-\frac1{2N}\sum_\mu\sum_{i\ne j}\xi_i^\mu\xi_j^\mu\sigma_i\sigma_j$.
Patterns have shape `(K, N)`, spins `(N,)`, both of signs.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from theorylab.numerics.annotations import Array, Float, PRNGKeyArray, Reals


def random_patterns(key: PRNGKeyArray, num_patterns: int, width: int) -> Float[Array, "K N"]:
    """Independent fair signs."""
    return jax.random.rademacher(key, (num_patterns, width), jnp.result_type(float))


def balanced_patterns(num_patterns: int, width: int) -> Float[Array, "K N"]:
    """Each of the `2^K` columns of signs equally often: no fluctuation of the disorder.

    Raises: `ValueError` where `width` is not a multiple of `2^K`.
    """
    columns = 2**num_patterns
    if width % columns:
        raise ValueError(
            f"`width` must be a multiple of 2^{num_patterns} for balanced patterns; got {width}"
        )
    bits = jnp.arange(columns)[None] >> jnp.arange(num_patterns)[:, None] & 1
    return jnp.tile(1.0 - 2.0 * bits, width // columns)


def overlaps(patterns: Float[Array, "K N"], spins: Float[Array, " N"]) -> Float[Array, " K"]:
    """`m = xi . sigma / N` with every pattern."""
    return patterns @ spins / spins.size


def energy(patterns: Float[Array, "K N"], spins: Float[Array, " N"]) -> Float[Array, ""]:
    """`H / N`, without the diagonal of the couplings."""
    return (patterns.shape[0] / spins.size - jnp.sum(overlaps(patterns, spins) ** 2)) / 2


def block_gibbs(
    key: PRNGKeyArray,
    patterns: Float[Array, "K N"],
    spins: Float[Array, " N"],
    beta: Reals,
    *,
    num_sweeps: int,
    record: Callable[[Array, Array], Array] = overlaps,
) -> Array:
    """Sample `exp(-beta H)` by alternating two blocks, and record after every sweep.

    Gaussian auxiliaries, one for each pattern, make the spins independent: `z_mu` is normal about
    `sqrt(beta/N) xi_mu . sigma`, and each spin is up with probability `sigmoid(2 sqrt(beta/N)
    sum_mu z_mu xi_mu)`. Each block is in detailed balance; the diagonal is a constant.
    """
    scale = jnp.sqrt(beta / spins.size)

    def sweep(spins, key):
        normal, uniform = jax.random.split(key)
        z = scale * (patterns @ spins) + jax.random.normal(normal, patterns.shape[:1], spins.dtype)
        up = jax.nn.sigmoid(2 * scale * (z @ patterns))
        spins = jnp.where(jax.random.uniform(uniform, spins.shape, spins.dtype) < up, 1.0, -1.0)
        return spins.astype(patterns.dtype), record(patterns, spins)

    return jax.lax.scan(sweep, spins, jax.random.split(key, num_sweeps))[1]


def glauber(
    key: PRNGKeyArray,
    patterns: Float[Array, "K N"],
    spins: Float[Array, " N"],
    temperature: Reals,
    *,
    num_sweeps: int,
    record: Callable[[Array, Array], Array] = overlaps,
) -> Array:
    """Heat bath of one random spin after the other; a sweep is `N` attempts, then a record.

    At temperature 0 a spin follows its field, and keeps still where there is none. The products
    with the patterns are carried along: an attempt costs `O(K)`. The diagonal `K/N` that is left
    out is that of signs: a pattern of zeros would count.
    """
    count, width = patterns.shape

    def attempt(state, drawn):
        spins, products = state
        site, chance = drawn
        ours = patterns[:, site]
        field = (products @ ours - count * spins[site]) / width
        up = jax.nn.sigmoid(2 * field / jnp.where(temperature > 0, temperature, 1.0))
        warm = jnp.where(chance < up, 1.0, -1.0)
        cold = jnp.where(field == 0, spins[site], jnp.sign(field))
        new = jnp.where(temperature > 0, warm, cold).astype(spins.dtype)
        products = products + ours * (new - spins[site])
        return (spins.at[site].set(new), products), None

    def sweep(state, key):
        sites, chances = jax.random.split(key)
        drawn = (
            jax.random.randint(sites, (width,), 0, width),
            jax.random.uniform(chances, (width,), spins.dtype),
        )
        state, _ = jax.lax.scan(attempt, state, drawn)
        return state, record(patterns, state[0])

    start = (spins, patterns @ spins)
    return jax.lax.scan(sweep, start, jax.random.split(key, num_sweeps))[1]


def parallel_heat_bath(
    key: PRNGKeyArray,
    patterns: Float[Array, "K N"],
    spins: Float[Array, " N"],
    beta: Reals,
    *,
    num_sweeps: int,
    record: Callable[[Array, Array], Array] = overlaps,
) -> Array:
    """Heat bath of all spins at once, without self-coupling, recorded after every step.

    Its stationary law is not `exp(-beta H)` but Little's. Patterns are of signs, as for `glauber`.
    """
    count, width = patterns.shape

    def step(spins, key):
        field = (overlaps(patterns, spins) @ patterns) - count / width * spins
        chance = jax.random.uniform(key, spins.shape, spins.dtype)
        spins = jnp.where(chance < jax.nn.sigmoid(2 * beta * field), 1.0, -1.0)
        return spins.astype(patterns.dtype), record(patterns, spins)

    return jax.lax.scan(step, spins, jax.random.split(key, num_sweeps))[1]
