"""Updates of spins against the enumeration of all states, where there are few."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theorylab
from theorylab.hopfield import simulation

PATTERNS = np.random.default_rng(3).choice([-1.0, 1.0], (3, 8))
TEMPERATURE = 0.7


def exact_square():
    spins = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    energies = np.array([8 * simulation.energy(PATTERNS, x) for x in spins])
    weight = np.exp(-energies / TEMPERATURE)
    return ((spins @ PATTERNS.T / 8) ** 2 * weight[:, None]).sum(0) / weight.sum()


@pytest.mark.parametrize("update", ["block_gibbs", "glauber"])
def test_updates_sample_the_law_of_boltzmann(double, update):
    method = getattr(simulation, update)
    parameter = 1 / TEMPERATURE if update == "block_gibbs" else TEMPERATURE

    def squares(key):
        trace = method(key, jnp.array(PATTERNS), jnp.ones(8), parameter, num_sweeps=600)
        return (trace[50:] ** 2).mean(0)

    runs = jax.jit(jax.vmap(squares))(jax.random.split(jax.random.key(0), 128))
    error = runs.std(0) / np.sqrt(128)
    assert np.all(np.abs(runs.mean(0) - exact_square()) < 4 * error)
    assert np.all(error < 0.005)


def test_energy_is_that_of_the_couplings():
    couplings = PATTERNS.T @ PATTERNS / 8
    np.fill_diagonal(couplings, 0)
    spins = PATTERNS[0] * np.array([1, 1, -1, 1, 1, 1, -1, 1])
    assert simulation.energy(PATTERNS, spins) == pytest.approx(-spins @ couplings @ spins / 16)


def test_cold_glauber_never_climbs_and_stops_where_every_spin_follows_its_field(double):
    patterns = simulation.random_patterns(jax.random.key(0), 20, 200)
    final = lambda patterns, spins: jnp.append(spins, simulation.energy(patterns, spins))
    trace = simulation.glauber(
        jax.random.key(1), patterns, patterns[0], 0.0, num_sweeps=30, record=final
    )
    assert np.all(np.diff(trace[:, -1]) <= 1e-13)
    spins = np.asarray(trace[-1, :-1])
    couplings = np.array(patterns.T @ patterns / 200)
    np.fill_diagonal(couplings, 0)
    assert np.all(spins * (couplings @ spins) >= -1e-12)


def test_balanced_patterns_have_every_column_equally_often():
    patterns = np.asarray(simulation.balanced_patterns(3, 16))
    columns, counts = np.unique(patterns, axis=1, return_counts=True)
    assert columns.shape == (3, 8)
    assert set(counts) == {2}
    with pytest.raises(ValueError, match=r"`width` must be a multiple of 2\^3"):
        simulation.balanced_patterns(3, 12)


@pytest.mark.parametrize("seed", [1, 2])
def test_claims_hold_at_other_seeds(seed):
    for name in ("mixture_states", "parallel_stationary_law", "condensation_temperature"):
        verdict = theorylab.check(f"hopfield.{name}", seed=seed)
        assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("claim", "setting", "message"),
    [
        (
            "retrieval_overlap",
            dict(neurons_per_pattern=8),
            "`neurons_per_pattern` must be >= 17.63",
        ),
        (
            "retrieval_overlap",
            dict(width=600),
            "`width` must be >= 743.6, so that the state",
        ),
        ("retrieval_overlap", dict(width=1610), "a multiple of `neurons_per_pattern`; got 1610"),
        ("retrieval_overlap", dict(temperature=1.5), "`temperature` must be > 0 and < 1"),
        ("retrieval_energy", dict(num_sweeps=10), "`num_sweeps` must be > 50"),
        ("mixture_states", dict(temperatures=(0.4,)), "0.7 of where the mixture loses stability"),
        (
            "mixture_states",
            dict(width=400),
            "`width` must be >= 2000, so that the mixture outlives",
        ),
        ("condensation_temperature", dict(num_sweeps=200), "must be <= 0.1, so that its square"),
        ("mixture_states", dict(num_patterns=2), "`num_patterns` must be 1, 3 or 5"),
        ("loss_of_retrieval", dict(num_patterns=75), "retrieve some patterns; got 0.150"),
        ("thermal_fluctuations", dict(temperature=0.9), "and <= 0.6, so that fluctuations"),
        ("thermal_fluctuations", dict(temperature=0.1), "must be >= 0.25, so that spins move"),
        ("condensation_temperature", dict(start=0.5), "`start` must be > 0 and <= 0.3"),
        ("parallel_stationary_law", dict(width=30), "`width` must be from 2 to 16"),
    ],
)
def test_claims_refuse_settings_outside_their_domain(claim, setting, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check(f"hopfield.{claim}", **setting)


@pytest.mark.parametrize("name", [n for n in theorylab.claims() if n.startswith("hopfield.")])
def test_settings_of_every_scale_lie_in_the_domain(name):
    claim = theorylab.claims()[name]
    for scale in claim.settings:
        for setting in claim.settings_at(scale):
            claim.domain(**setting)
