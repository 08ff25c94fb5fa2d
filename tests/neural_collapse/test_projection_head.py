"""Weights before and after a projection head: brute force, training, and their proof."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from proofs.neural_collapse import projection_head as proof
from tests.strategies import decades
from theorylab.neural_collapse.projection_head import dropping_decay, projection_head

KEPT = np.array([1.5, 1.0, 0.7, 0.5, 0.3])
VARIANCE = KEPT + np.array([0.1, 0.8, 0.05, 1.0, 0.3])
depths, variances, shares = st.integers(1, 4), decades(0.1, 10), st.floats(0.05, 1)


objective = sp.lambdify((proof.a, proof.phi, proof.kept, proof.lam, proof.L), proof.objective)


@given(depths, variances, shares, st.floats(0.01, 0.98))
@example(1, 1.0, 1.0, 0.9765625)  # a weight of few steps of the grid
def test_the_weight_is_the_minimizer(depth, variance, share, part):
    kept = share * variance
    decay = part * dropping_decay(variance, kept, depth=depth)
    head = projection_head(variance, kept, depth=depth, weight_decay=decay)
    top = np.sqrt(kept) / variance
    loss = lambda a: objective(a, variance, kept, decay, depth)
    grid = np.linspace(1e-6, 1.1, 400) * top
    at = grid[np.argmin(loss(grid))]
    near = (at - grid[1] + grid[0], at + grid[1] - grid[0])
    best = minimize_scalar(loss, bounds=near, options=dict(xatol=1e-11 * top))
    assert head.after == pytest.approx(best.x, rel=1e-6)
    assert head.gain == pytest.approx(-best.fun, rel=1e-9, abs=1e-12 * (kept / variance) ** 2)
    assert head.before == pytest.approx(head.after ** (1 / depth), rel=1e-13)


@given(depths, variances, shares)
def test_features_are_dropped_at_the_dropping_decay(depth, variance, share):
    kept = share * variance
    edge = dropping_decay(variance, kept, depth=depth)
    low, high = (
        projection_head(variance, kept, depth=depth, weight_decay=edge * (1 + side))
        for side in (-1e-9, 1e-9)
    )
    assert tuple(high) == (0, 0, 0)
    at_drop = np.sqrt((2 * depth - 2) / (2 * depth - 1) * kept) / variance
    assert low.after == pytest.approx(at_drop, rel=1e-6, abs=1e-4 * np.sqrt(kept) / variance)
    # What no grid improves on: no gain is left, and there is none above.
    grid = np.linspace(1e-4, 1.2, 2000) * np.sqrt(kept) / variance
    assert np.all(objective(grid, variance, kept, edge * (1 + 1e-9), depth) > 0)
    assert abs(objective(at_drop, variance, kept, edge, depth)) < 1e-12 * (kept / variance) ** 2


@given(variances, shares, st.floats(0.01, 0.99))
def test_two_layers_solve_the_cubic(variance, share, part):
    kept = share * variance
    decay = part * dropping_decay(variance, kept)
    angle = -3 * np.sqrt(3) * decay * variance / (8 * kept**1.5)
    root = 2 * np.sqrt(kept / (3 * variance**2)) * np.cos(np.arccos(angle) / 3)
    assert projection_head(variance, kept, weight_decay=decay).after == pytest.approx(
        root, rel=1e-9
    )
    assert dropping_decay(variance, kept) == pytest.approx(
        4 / 3 * kept * np.sqrt(2 * kept / (3 * variance**2)), rel=1e-13
    )


@given(st.integers(2, 6), decades(1e-9, 1e-6))
def test_vanishing_decay_is_the_limit(depth, decay):
    limit = projection_head(VARIANCE, KEPT, depth=depth)
    np.testing.assert_allclose(limit.after, np.sqrt(KEPT) / VARIANCE, rtol=1e-14)
    near = projection_head(VARIANCE, KEPT, depth=depth, weight_decay=decay)
    np.testing.assert_allclose(near.after, limit.after, rtol=10 * decay)
    np.testing.assert_allclose(near.gain, limit.gain, rtol=100 * decay)


@given(st.integers(2, 5), st.floats(0, 0.2))
@example(2, 1e-308)  # the penalty underflows
def test_logarithms_grow_with_depth(depth, decay):
    heads = [
        projection_head(VARIANCE, KEPT, depth=depth, encoder_depth=layers, weight_decay=decay)
        for layers in range(1, depth + 1)
    ]
    present = heads[0].before > 0  # the others are dropped, and have 0 throughout
    logs = np.log([head.before[present] for head in heads])
    np.testing.assert_allclose(logs, np.arange(1, depth + 1)[:, None] * logs[0], atol=1e-13)
    np.testing.assert_array_equal(heads[-1].before, heads[-1].after)


@given(st.integers(1, 6), st.floats(0, 0.4), st.permutations(range(5)))
def test_a_width_keeps_the_features_of_largest_gain(width, decay, order):
    order = np.array(order)
    free = projection_head(VARIANCE, KEPT, weight_decay=decay)
    narrow = projection_head(VARIANCE[order], KEPT[order], weight_decay=decay, width=width)
    best = np.sort(free.gain)[::-1][:width]
    assert np.sum(narrow.gain) == pytest.approx(np.sum(best), rel=1e-14)
    for part, whole in zip(narrow, free, strict=True):
        present = part > 0
        np.testing.assert_array_equal(part[present], whole[order][present])
    assert np.count_nonzero(narrow.after) == min(width, np.count_nonzero(free.after))


def test_largest_gain_is_not_largest_weight():
    # Weight sqrt(kept) / variance is larger for the small feature, gain (kept / variance)^2 less.
    head = projection_head([1.0, 0.1], [0.9, 0.05], width=1)
    assert head.after[1] == 0 < head.after[0]
    assert np.all(projection_head([1.0, 0.1], [0.9, 0.05]).after[1] > head.after[0])


def test_decay_changes_the_order_of_gains():
    # The feature of small variance is kept better, and costs more weight.
    at = lambda decay: projection_head([0.11, 6.0], [0.1, 4.8], weight_decay=decay, width=1).after
    assert at(0.01)[0] > 0 == at(0.01)[1]
    assert at(0.1)[1] > 0 == at(0.1)[0]
    assert projection_head([0.11, 6.0], [0.1, 4.8], weight_decay=0.1).after[0] > 0


def test_features_that_augmentation_destroys_are_dropped():
    head = projection_head([1.0, 2.0], [0.0, 1.0], weight_decay=[[0.0], [0.1]], width=2)
    assert all(np.all(part[:, 0] == 0) and np.all(part[:, 1] > 0) for part in head)


def trained(depth, decay, width, seed):
    """Layers trained from a random start on features in a random basis."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    total, pairs = basis * VARIANCE @ basis.T, basis * KEPT @ basis.T
    sizes = [5] * depth + [width]
    shapes = [(sizes[j + 1], sizes[j]) for j in range(depth)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    split = lambda x: [p.reshape(s) for p, s in zip(np.split(x, ends), shapes, strict=True)]

    def loss(x):
        layers = split(x)
        A = np.linalg.multi_dot(layers[::-1])
        square = A @ total @ A.T
        value = -2 * np.trace(A @ pairs @ A.T) + np.sum(square**2) + decay / 2 * x @ x
        error = 4 * (square @ A @ total - A @ pairs)
        gradient = []
        for j in range(depth):
            above, below = np.eye(width), np.eye(5)
            for W in layers[:j:-1]:
                above = above @ W
            for W in layers[:j]:
                below = W @ below
            gradient.append((above.T @ error @ below.T).ravel())
        return value, np.concatenate(gradient) + decay * x

    begin = 0.8 * rng.normal(size=sum(int(np.prod(shape)) for shape in shapes))
    run = minimize(loss, begin, jac=True, method="BFGS", options=dict(gtol=1e-8))
    layers = split(run.x)
    weights = lambda A: np.linalg.norm(A @ basis, axis=0)
    return run.fun, weights(layers[0]), weights(np.linalg.multi_dot(layers[::-1]))


@pytest.mark.parametrize(
    ("depth", "decay", "width"), [(2, 0.05, 5), (3, 0.03, 5), (2, 0.05, 3), (2, 0.6, 5)]
)
def test_training_finds_these_weights(depth, decay, width):
    head = projection_head(VARIANCE, KEPT, depth=depth, weight_decay=decay, width=width)
    runs = [trained(depth, decay, width, seed) for seed in range(5)]
    assert min(run[0] for run in runs) == pytest.approx(-np.sum(head.gain), abs=1e-9)
    _, before, after = min(runs, key=lambda run: run[0])
    np.testing.assert_allclose(before, head.before, atol=1e-5)
    np.testing.assert_allclose(after, head.after, atol=1e-5)
    assert np.max(np.abs(before - head.after)) > 0.05  # before is not after


def test_stored_values():
    head = projection_head(VARIANCE, KEPT, weight_decay=0.05)
    assert np.sum(head.gain) == pytest.approx(2.2300706598, abs=1e-10)
    np.testing.assert_allclose(
        head.before, [0.87250, 0.74108, 1.05191, 0.67703, 0.94407], atol=6e-6
    )
    np.testing.assert_allclose(head.after, [0.76126, 0.54920, 1.10651, 0.45837, 0.89128], atol=6e-6)
    assert projection_head(VARIANCE, KEPT, weight_decay=0.6).after[1] == pytest.approx(
        0.45481, abs=6e-6
    )
    np.testing.assert_allclose(dropping_decay(VARIANCE, KEPT)[[1, 3, 4]], [0.605, 0.257, 0.298],
                               atol=6e-4)  # fmt: skip


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_follows_the_library_of_its_input(xp, dtype, double):
    variance = xp.asarray(VARIANCE, dtype=getattr(xp, dtype))
    found = projection_head(variance, KEPT.tolist(), weight_decay=0.3, width=3)
    expected = projection_head(VARIANCE, KEPT, weight_decay=0.3, width=3)
    tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is type(variance)
        assert ours.dtype == variance.dtype
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=tolerance)
    edge = dropping_decay(variance, KEPT.tolist())
    assert edge.dtype == variance.dtype
    np.testing.assert_allclose(np.asarray(edge), dropping_decay(VARIANCE, KEPT), rtol=tolerance)


def test_it_can_be_compiled_mapped_and_differentiated(double):
    law = jax.jit(lambda decay: projection_head(VARIANCE, KEPT, weight_decay=decay))
    found = jax.vmap(law)(jnp.asarray([0.0, 0.1, 0.6, -1.0]))
    for part, expected in zip(
        found, projection_head(VARIANCE, KEPT, weight_decay=[[0.0], [0.1], [0.6]]), strict=True
    ):
        np.testing.assert_allclose(part[:3], expected, rtol=1e-12)
        assert np.all(np.isnan(part[3]))
    for decay in (0.1, 0.6):
        slope = jax.jacfwd(lambda decay: law(decay).after)(decay)
        near = (law(decay + 1e-6).after - law(decay - 1e-6).after) / 2e-6
        np.testing.assert_allclose(slope, near, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(variance=0.0), ValueError, "`variance` must be > 0; got 0"),
        (dict(kept_variance=-0.1), ValueError, "`kept_variance` must be >= 0; got -0.1"),
        (dict(kept_variance=np.nan), ValueError, "`kept_variance` must be finite .*; got nan"),
        (dict(weight_decay=-0.1), ValueError, "`weight_decay` must be >= 0; got -0.1"),
        (dict(depth=0), ValueError, "`depth` must be >= 1; got 0"),
        (dict(depth=2.5), TypeError, "`depth` must be a whole number; got 2.5"),
        (dict(encoder_depth=0), ValueError, "`encoder_depth` must be >= 1; got 0"),
        (dict(encoder_depth=3), ValueError, "`encoder_depth` must be at most `depth`, 2; got 3"),
        (dict(width=0), ValueError, "`width` must be >= 1; got 0"),
        (dict(width=True), TypeError, "`width` must be a whole number; got True"),
    ],
)
def test_bad_arguments_are_refused(change, error, message, unchecked):
    with pytest.raises(error, match=message):
        projection_head(**{**dict(variance=1.0, kept_variance=0.5), **change})


def test_bad_arguments_of_the_dropping_decay_are_refused():
    with pytest.raises(ValueError, match="`variance` must be > 0; got -1"):
        dropping_decay(-1.0, 0.5)
    with pytest.raises(ValueError, match="`depth` must be >= 1; got 0"):
        dropping_decay(1.0, 0.5, depth=0)
