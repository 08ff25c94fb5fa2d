"""The claims of the family: over drawn settings, in float32, against broken solvers."""

import sys
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import theorylab
from tests.strategies import seeds
from theorylab.deep_linear import claims, mode_strength, scalar_network
from theorylab.deep_linear.claims.balanced import predicted_strengths
from theorylab.deep_linear.claims.descent import delayed_strengths
from theorylab.deep_linear.claims.training import whitened_task
from theorylab.deep_linear.simulation import draw_decoupled, train
from theorylab.experiment.data_matrix import data_matrix
from theorylab.verify import Outcome

ALL = theorylab.claims()
few = settings(max_examples=12)


def test_the_family_has_its_claims():
    assert sum(name.startswith("deep_linear.") for name in ALL) == 10
    assert all(len(claim.rivals) >= 2 and claim.assumes for claim in ALL.values())


@pytest.mark.parametrize("claim_id", ALL)
def test_every_claim_holds_with_another_seed(claim_id):
    verdict = theorylab.check(claim_id, seed=7)
    assert verdict.holds, verdict


@pytest.mark.parametrize("claim_id", ALL)
def test_no_claim_is_refuted_in_single_precision(claim_id):
    verdict = theorylab.check(claim_id, precision="float32")
    assert verdict.status in ("holds", "inconclusive"), verdict
    if verdict.records and "Exact" in repr(verdict.claim.criterion):
        assert verdict.relative_resolution <= 1


# From a start near the target a law 1 % slow lies within the tolerance: a coarser rival there.
from_any_start = replace(
    claims.sigmoidal_learning,
    rivals={
        "no learning": partial(
            predicted_strengths, depth=2, law=lambda t, s, u0, depth: u0 + 0 * t * s
        )
    },
)


def no_learning_of_two(*, first, second, **setting):
    return 0 * claims.imbalanced_learning.predict(first=first, second=second, **setting)


# A rival that any start refutes, where closer ones lie within the tolerance of some.
from_any_layers = replace(claims.imbalanced_learning, rivals={"no learning": no_learning_of_two})


@few
@given(seeds, st.floats(0.005, 3.0), st.floats(0.005, 0.03))
@example(3, 1.0, 0.02)  # the strongest mode starts where it ends
@example(3, 2.0, 0.02)  # all modes start above
def test_networks_follow_the_sigmoid_from_any_start(seed, start, step):
    verdict = theorylab.check(from_any_start, seed=seed, start=start, step=step)
    assert verdict.holds, verdict


@few
@given(seeds, st.floats(0.02, 1.0), st.floats(-3.0, 3.0).filter(lambda s: abs(s) > 0.2))
def test_random_networks_follow_their_own_law(seed, scale, target):
    verdict = theorylab.check(claims.scalar_learning, seed=seed, weight_scale=scale, target=target)
    assert verdict.relative_resolution < 1, verdict


@few
@given(seeds, st.floats(-1.5, 1.5).filter(lambda x: abs(x) > 0.2), st.floats(0.02, 0.3))
def test_unequal_layers_follow_their_imbalance(seed, first, second):
    verdict = theorylab.check(from_any_layers, seed=seed, first=first, second=second, data="wine")
    assert verdict.holds, verdict


@few
@given(seeds, st.floats(0.02, 0.1), st.floats(0.8, 1.25))
@example(0, 0.05, 0.9)  # the drop of the imbalance at fixed y was forgotten: 1.14 tolerances
@example(0, 0.02, 0.9)
def test_small_nearly_balanced_layers_follow_their_imbalance(seed, first, ratio):
    setting = dict(first=first, second=first * ratio, data="wine", step=0.01, horizon=40.0)
    verdict = theorylab.check(from_any_layers, seed=seed, **setting)
    assert verdict.holds, verdict


def test_unlearning_holds_until_rounding_leaves_the_saddle():
    verdict = theorylab.check(claims.unlearning, horizon=50.0, step=0.02)
    assert verdict.holds, verdict
    with pytest.raises(ValueError, match="`horizon` must be <= 50, before rounding leaves"):
        theorylab.check(claims.unlearning, horizon=100.0, step=0.02)
    with pytest.raises(ValueError, match="`depth` must be >= 2; got 1"):
        theorylab.check(claims.unlearning, depth=1)


@pytest.mark.parametrize("mutate", [lambda u, s: 3 * s, lambda u, s: s, lambda u, s: jnp.nan])
def test_modes_that_overshoot_do_not_pass_for_late_ones(mutate):
    s = whitened_task("digits").singular_values

    def observe(key, **setting):
        u = claims.discretization_delay.observe(key, **setting).value
        u = jnp.where(u > 0.5 * s, mutate(u, s), u)
        return Outcome(u, {"strengths": u})

    assert theorylab.check(replace(claims.discretization_delay, observe=observe)).refuted


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_a_solver_off_by_a_factor_is_refuted(factor):
    broken = lambda t, s, u0, **options: factor * mode_strength(t, s, u0, **options)
    mutant = replace(
        claims.sigmoidal_learning, predict=partial(predicted_strengths, depth=2, law=broken)
    )
    assert theorylab.check(mutant).refuted


def test_a_solver_slow_by_a_factor_is_refuted(monkeypatch):
    module = sys.modules["theorylab.deep_linear.claims.scalar_learning"]
    slow = lambda t, *arguments, **options: scalar_network(0.97 * t, *arguments, **options)
    monkeypatch.setattr(module, "scalar_network", slow)
    assert theorylab.check(claims.scalar_learning).refuted


def test_a_broken_delay_is_refuted():
    mutant = replace(
        claims.discretization_delay, predict=partial(delayed_strengths, coefficient=0.48)
    )
    assert theorylab.check(mutant).refuted


def test_one_compilation_serves_all_steps():
    traces = []

    def counted(key, **setting):
        traces.append(setting["depth"])
        return claims.first_order_descent.observe(key, **setting)

    claim = replace(claims.first_order_descent, observe=counted)
    assert theorylab.check(claim).holds
    assert traces == [2, 3]


def test_modes_stay_decoupled_while_they_are_learned(double):
    target, covariance, left, s, right = whitened_task("wine")
    start = jnp.full((3, s.size), 0.1)
    weights = draw_decoupled(jax.random.key(0), left, right, start, width=5)
    run = train(weights, target, covariance, 0.1, num_records=20, stride=20)
    strengths = np.einsum("om,roi,in->rmn", left, run.measured, right)
    crosstalk = strengths - np.einsum("rmm->rm", strengths)[:, :, None] * np.eye(s.size)
    assert np.abs(crosstalk).max() < 1e-13
    assert np.abs(strengths[-1].diagonal() - s).max() < 1e-3


@pytest.mark.parametrize("data", ["iris", "diabetes", "breast_cancer"])
def test_the_sigmoid_holds_on_other_data(data):
    assert theorylab.check("deep_linear.sigmoidal_learning", data=data).holds


def test_claims_hold_on_a_table_of_ones_own(tmp_path):
    inputs, targets = data_matrix("iris")
    path = tmp_path / "flowers.csv"
    rows = [
        ",".join(map(str, x)) + f",kind {y.argmax()}" for x, y in zip(inputs, targets, strict=True)
    ]
    path.write_text("\n".join(["a,b,c,d,kind", *rows]))
    verdict = theorylab.check("deep_linear.depth_sets_the_plateau", data=str(path))
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(step=-1.0), "`step` must be > 0; got -1"),
        (dict(step=2.5), "`step` must be < 2, or descent is unstable; got 2.5"),
        (dict(step=0.1), "`step` must be <= 0.05, as far as the tolerance is derived; got 0.1"),
        (dict(horizon=0.0), "`horizon` must be > 0; got 0"),
        (dict(num_records=1), "`num_records` must be between 2 and 100000; got 1"),
        (dict(start=-0.1), "`start` must be > 0; got -0.1"),
        (dict(data="dgits"), "no data matrix 'dgits'"),
    ],
)
def test_settings_out_of_bounds_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check("deep_linear.sigmoidal_learning", **setting)
