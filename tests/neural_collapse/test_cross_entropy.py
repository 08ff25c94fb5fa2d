"""Cross-entropy over balanced features: the simplex of one layer, and its rivals above more."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize
from threadpoolctl import threadpool_limits

from proofs.neural_collapse import cross_entropy as proof
from theorylab.neural_collapse.cross_entropy import branches, etf_collapse, etf_is_beaten

decays = st.floats(-9, -1).map(lambda e: 10.0**e)
few = settings(max_examples=15)


def simplex_of(found):
    return next(b for b in found if b.name == "simplex_etf")


def loss_and_gradients(layers, decay, n):
    """The loss of matrices, and its derivatives: `layers` from the classifier down to features."""
    K = layers[0].shape[0]
    labels = np.repeat(np.eye(K), n, axis=1)
    before = [np.eye(K)]
    for layer in layers:
        before.append(before[-1] @ layer)
    Z = before[-1]
    after = np.eye(K * n)
    top = np.max(Z, axis=0)
    given = np.exp(Z - top)
    total = np.sum(given, axis=0)
    value = np.sum(np.log(total) + top - np.sum(Z * labels, axis=0)) / (K * n)
    value += sum(d * np.sum(W**2) for d, W in zip(decay, layers, strict=True)) / 2
    slope = (given / total - labels) / (K * n)
    slopes = []
    for i in reversed(range(len(layers))):
        slopes.append(before[i].T @ slope @ after.T + decay[i] * layers[i])
        after = layers[i] @ after
    return value, slopes[::-1]


def least_of_starts(K, n, decay, starts, seed=0):
    """The best of descents on all entries of all matrices, all layers `K` wide."""
    shapes = [(K, K)] * (len(decay) - 1) + [(K, K * n)]
    ends = np.cumsum([a * b for a, b in shapes])
    split = lambda x: [p.reshape(s) for p, s in zip(np.split(x, ends[:-1]), shapes, strict=True)]

    def objective(x):
        value, slopes = loss_and_gradients(split(x), decay, n)
        return value, np.concatenate([s.ravel() for s in slopes])

    rng = np.random.default_rng(seed)
    options = dict(maxiter=5000, maxfun=8000, gtol=1e-9, ftol=1e-16, maxcor=20)
    starting = [rng.normal(size=ends[-1]) * 1.7 / np.sqrt(K) for _ in range(starts)]
    with threadpool_limits(1):  # threads on matrices this small only wait for each other
        runs = [
            optimize.minimize(objective, x, jac=True, method="L-BFGS-B", options=options)
            for x in starting
        ]
    best = min(runs, key=lambda run: run.fun)
    Z = np.linalg.multi_dot(split(best.x)) if len(shapes) > 1 else best.x
    return best.fun, np.linalg.svd(Z, compute_uv=False), Z


def matrices(branch, n, decay):
    """Balanced factors of the logits of a branch, from the classifier down to features."""
    K = branch.logits.shape[0]
    U, s, V = np.linalg.svd(np.repeat(branch.logits, n, axis=1), full_matrices=False)
    s = np.where(np.arange(K) < branch.rank, s, 0)
    energy = (np.prod(decay) * s**2) ** (1 / len(decay))
    strengths = [np.sqrt(energy / d) for d in decay]
    return [U * strengths[0], *(np.diag(x) for x in strengths[1:-1]), strengths[-1][:, None] * V]


# One layer.


@pytest.mark.parametrize(
    ("arguments", "margin", "loss"),
    [
        ((4, 3, 0.005, 0.003), 4.984094163799, 0.120632830506),
        ((3, 4, 0.02, 0.03), 2.913025139453, 0.388535139343),
        ((4, 3, 0.09, 0.08), 1.336089467472, 1.170534254956),
    ],
)
def test_one_layer_to_its_digits(arguments, margin, loss):
    found = etf_collapse(*arguments)
    assert found.margin == pytest.approx(margin, abs=6e-13)
    assert found.loss == pytest.approx(loss, abs=6e-13)
    value, _, Z = least_of_starts(*arguments[:2], arguments[2:], starts=2)
    assert value == pytest.approx(float(found.loss), abs=1e-14)
    K, n = arguments[:2]
    logits = found.margin * np.repeat(np.eye(K) - 1 / K, n, axis=1)
    np.testing.assert_allclose(Z, logits, atol=1e-6)


@given(st.integers(2, 50), st.floats(1e-12, 0.999999))
@example(4, 1e-100)
@example(4, 1 - 1e-13)  # the margin is 4e-13 here, the logarithm of a number next to 1
def test_one_layer_agrees_with_its_proof(K, share):
    at = {proof.K: K, proof.kappa: proof.sp.Float(share, 60) / K}
    found = etf_collapse(K, 1, share / K, share / K)
    tolerance = 1e-15 / (1 - share) + 1e-12
    assert found.margin == pytest.approx(float(proof.margin.evalf(40, subs=at)), rel=tolerance)
    assert found.loss == pytest.approx(float(proof.least_loss.evalf(40, subs=at)), rel=1e-12)


@given(st.integers(2, 20), st.integers(1, 50), decays, decays)
def test_one_layer_is_balanced(K, n, decay, features):
    found = etf_collapse(K, n, decay, features)
    w, h, s = found.classifier_strength, found.feature_strength, found.singular_value
    np.testing.assert_allclose(w * h, s, rtol=1e-12)
    np.testing.assert_allclose(decay * w**2, features * h**2, rtol=1e-12)
    kappa = np.sqrt(n * decay * features)
    assert (found.margin > 0) == (K * kappa < 1)
    assert 0 < found.loss <= np.log(K) * (1 + 1e-15)
    # Envelope: the loss grows by half the squared norm of the classifier.
    step = 1e-5
    ends = [etf_collapse(K, n, decay * (1 + x), features).loss for x in (step, -step)]
    if K * kappa * (1 + step) < 1:
        slope = (K - 1) * w**2 / 2 * decay
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(slope), rel=1e-4, abs=1e-10)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_follows_the_library_of_its_input(xp):
    decay = xp.asarray([1e-3, 1e-2, 1.0])
    found = etf_collapse(4, 3, decay, 0.01)
    assert all(type(x) is type(decay) and x.shape == (3,) for x in found)


@pytest.mark.usefixtures("double")
def test_is_differentiable_on_both_sides_of_the_threshold():
    for decay in (0.01, 1.0):
        found = etf_collapse(4, 3, decay, 0.02)
        slope = jax.grad(lambda d: etf_collapse(4, 3, d, 0.02).loss)(decay)
        assert slope == pytest.approx(1.5 * float(found.classifier_strength) ** 2, rel=1e-12)


@given(st.integers(2, 9), st.integers(1, 9), decays, decays)
def test_one_layer_has_but_the_global_minimum(K, n, decay, features):
    (only,) = branches(K, n, [decay], features)
    assert only.status == "proved"
    assert only.loss == pytest.approx(float(etf_collapse(K, n, decay, features).loss), rel=1e-14)


# More layers: what the table of reference says, and descent.


@pytest.mark.parametrize(
    ("K", "M", "decay", "name", "best", "simplex"),
    [
        (4, 2, 1e-2, "simplex_etf", 0.151445692068, 0.151445692068),
        (5, 2, 1e-3, "pyramid", 0.025051726482, 0.025192634563),
        (6, 2, 3e-3, "cross_polytope", 0.080407514215, 0.085831447951),
        (4, 3, 1e-3, "cross_polytope", 0.016595176010, 0.017974848253),
        (3, 3, 1e-3, "simplex_etf", 0.011983358140, 0.011983358140),
        (3, 4, 1e-3, "simplex_etf", 0.012149881355, 0.012149881355),
        (5, 5, 1e-3, "polygon", 0.019085421183, None),
        (7, 3, 1e-3, "sum(5-gon, 2)", 0.029965610405, None),
    ],
)
def test_the_best_of_random_starts_is_the_best_branch(K, M, decay, name, best, simplex):
    found = branches(K, 1, [decay] * M, decay)
    assert found[0].name == name
    assert found[0].status == "best known"
    assert found[0].loss == pytest.approx(best, abs=6e-13)
    if simplex:
        assert simplex_of(found).loss == pytest.approx(simplex, abs=6e-13)
    value, singular_values, _ = least_of_starts(K, 1, [decay] * (M + 1), starts=10)
    assert value == pytest.approx(found[0].loss, abs=1e-12)
    np.testing.assert_allclose(singular_values, found[0].singular_values_of_logits, atol=2e-3)


def test_the_simplex_is_beaten_by_more_than_descent_errs():
    found = branches(6, 1, [3e-3] * 2, 3e-3)
    value, singular_values, _ = least_of_starts(6, 1, [3e-3] * 3, starts=8, seed=1)
    assert value < simplex_of(found).loss - 5e-3
    np.testing.assert_allclose(singular_values, [12.4763] * 3 + [0] * 3, atol=1e-3)
    assert found[0].logits[0, 0] == pytest.approx(6.238143409194, abs=6e-13)


def test_digits_beat_the_simplex_at_25_classes_and_blocks_beat_digits():
    loss = {b.name: b.loss for b in branches(25, 1, [1e-4] * 2, 1e-4)}
    assert loss["product(5, 5)"] == pytest.approx(0.016159245001, abs=6e-13)
    assert loss["simplex_etf"] == pytest.approx(0.017798416209, abs=6e-13)
    assert loss["pyramid"] < loss["product(5, 5)"]


@pytest.mark.parametrize(("K", "n", "decay"), [(3, 2, 5e-3), (4, 3, 2e-3)])
def test_two_layers_of_few_classes_keep_the_simplex(K, n, decay):
    first = branches(K, n, [decay, 2 * decay], decay / 2)[0]
    value, _, _ = least_of_starts(K, n, [2 * decay, decay, decay / 2], starts=6)
    assert first.name == "simplex_etf"
    assert value == pytest.approx(first.loss, abs=1e-13)


# What is true of every branch.


@few
@given(st.integers(2, 12), st.integers(2, 6), st.integers(1, 3), st.lists(decays, min_size=7))
@example(5, 2, 1, [1e-3] * 7)
@example(9, 4, 2, [1e-4] * 7)
@example(12, 5, 1, [1e-3] * 7)
@example(6, 9, 1, [1e-3] * 10)
@example(7, 2, 1, [0.03] * 3)  # all branches are above log K
def test_every_branch_is_a_critical_point_of_the_matrices(K, M, n, all_decays):
    decay = np.array(all_decays[: M + 1])
    for branch in branches(K, n, decay[:-1], decay[-1]):
        layers = matrices(branch, n, [*decay[:-1][::-1], decay[-1]])
        value, slopes = loss_and_gradients(layers, [*decay[:-1][::-1], decay[-1]], n)
        assert value == pytest.approx(branch.loss, rel=1e-12), branch.name
        size = [np.linalg.norm(layer, 2) for layer in layers]
        for i, (slope, d) in enumerate(zip(slopes, [*decay[:-1][::-1], decay[-1]], strict=True)):
            rounding = 1e-15 * np.prod(np.delete(size, i))
            assert np.max(np.abs(slope)) <= 1e-9 * d * size[i] + rounding, branch.name
        Z = np.repeat(branch.logits, n, axis=1)
        singular_values = np.linalg.svd(Z, compute_uv=False)
        np.testing.assert_allclose(
            branch.singular_values_of_logits, singular_values, atol=1e-11 * (1 + branch.margin)
        )
        np.testing.assert_allclose(branch.logits.sum(axis=0), 0, atol=1e-11 * (1 + branch.margin))
        assert np.count_nonzero(branch.singular_values_of_logits) == branch.rank
        assert branch.residual <= 1e-10 * max(branch.loss, 1e-12)


@few
@given(st.integers(2, 9), st.integers(2, 4), st.integers(1, 20), decays)
def test_branches_are_in_order_and_say_what_is_known(K, M, n, decay):
    found = branches(K, n, [decay] * M, decay)
    losses = [b.loss for b in found]
    assert losses == sorted(losses)
    assert found[0].status == ("proved" if K == 2 else "best known")
    assert {b.status for b in found[1:]} <= {"critical point"}
    assert {b.name: b.loss for b in found}["zero"] == pytest.approx(np.log(K))
    assert all((b.margin > 0) == (b.name != "zero") for b in found)


@few
@given(st.integers(3, 8), decays, st.permutations([0, 1, 2]))
def test_only_the_product_of_decays_counts(K, decay, order):
    triple = np.array([decay, 3 * decay, decay / 7])
    first, second = (branches(K, 2, x[:2], x[2]) for x in (triple, triple[order]))
    assert [b.name for b in first] == [b.name for b in second]
    np.testing.assert_allclose([b.loss for b in first], [b.loss for b in second], rtol=1e-11)


def test_two_classes_have_no_rival_in_random_starts():
    for M, decay in ((2, 0.02), (3, 0.01), (2, 0.2)):
        first = branches(2, 2, [decay] * M, decay)[0]
        value, _, _ = least_of_starts(2, 2, [decay] * (M + 1), starts=6)
        assert value == pytest.approx(first.loss, abs=1e-12)


def test_the_simplex_outlives_its_being_the_minimum():
    # Metastable: of a loss above log K, the loss of no logits at all.
    found = branches(3, 1, [0.2] * 2, 0.2)
    assert found[0].name == "zero"
    losses = [simplex_of(branches(3, 1, [x] * 2, x)).loss for x in np.linspace(0.05, 0.19, 15)]
    assert min(losses) < np.log(3) < max(losses)
    assert all(b.name == "zero" for b in branches(3, 1, [1.0] * 2, 1.0))


# The limit of small decay.


def test_where_the_simplex_is_beaten():
    for M, first in ((2, 6), (3, 4), (4, 4), (9, 4)):
        assert [K for K in range(2, 40) if etf_is_beaten(K, M)] == list(range(first, 40))
    assert not any(etf_is_beaten(K, 1) for K in range(2, 40))


@pytest.mark.parametrize(("K", "M"), [(3, 3), (4, 2), (4, 3), (5, 2), (6, 2), (7, 3), (9, 2)])
def test_the_limit_is_that_of_the_losses(K, M):
    first = branches(K, 1, [1e-30] * M, 1e-30)[0]
    assert (first.name != "simplex_etf") == etf_is_beaten(K, M)


def test_the_limit_is_far_at_five_classes():
    assert not etf_is_beaten(5, 2)
    assert branches(5, 1, [1e-3] * 2, 1e-3)[0].name == "pyramid"
    assert branches(5, 1, [1e-8] * 2, 1e-8)[0].name == "simplex_etf"


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 1, [0.1], 0.1), "`num_classes` must be >= 2; got 1"),
        ((3, 0, [0.1], 0.1), "`samples_per_class` must be >= 1; got 0"),
        ((3, 1, [0.1, 0.0], 0.1), "`weight_decay` must be > 0 everywhere; got 0"),
        ((3, 1, [0.1, np.nan], 0.1), "`weight_decay` must be finite and > 0"),
        ((3, 1, [0.1], -0.1), "`feature_decay` must be > 0; got -0.1"),
        ((3, 1, 0.1, 0.1), "`weight_decay` must be a sequence, one a layer"),
        ((3, 1, [], 0.1), "`weight_decay` must be a sequence, one a layer"),
        ((3, 1, [0.1], [0.1, 0.2]), "`feature_decay` must be one number"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        branches(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 1, 0.1, 0.1), "`num_classes` must be a whole number >= 2; got 1"),
        ((2.5, 1, 0.1, 0.1), "`num_classes` must be a whole number >= 2; got 2.5"),
        ((3, 0, 0.1, 0.1), "`samples_per_class` must be a whole number >= 1; got 0"),
        ((3, 1, 0.0, 0.1), "`weight_decay` must be > 0; got 0"),
        ((3, 1, 0.1, np.inf), "`feature_decay` must be finite and > 0; got inf"),
    ],
)
def test_bad_input_of_one_layer_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        etf_collapse(*arguments)
    assert np.isnan(jax.jit(etf_collapse)(*arguments).loss)


def test_bad_counts_of_the_limit_are_refused():
    with pytest.raises(ValueError, match="`num_classes` must be >= 2; got 1"):
        etf_is_beaten(1, 2)
    with pytest.raises(ValueError, match="`depth` must be >= 1; got 0"):
        etf_is_beaten(3, 0)
