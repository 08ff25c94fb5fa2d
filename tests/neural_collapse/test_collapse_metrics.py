"""The summary: its parts, its one line, and its values at collapse and at chance."""

import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from tests.strategies import seeds
from theorylab.neural_collapse.class_means import class_means
from theorylab.neural_collapse.collapse_metrics import CollapseMetrics, collapse_metrics
from theorylab.neural_collapse.equinorm import equiangularity, equinorm
from theorylab.neural_collapse.gram_distance import gram_distance
from theorylab.neural_collapse.nearest_mean_mismatch import nearest_mean_mismatch
from theorylab.neural_collapse.null_variability_collapse import null_variability_collapse
from theorylab.neural_collapse.self_duality import self_duality
from theorylab.neural_collapse.variability_collapse import (
    class_distance_variance,
    variability_collapse,
)


def drawn(seed, sizes=(4, 5, 6), d=5):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = random.normal(size=(len(labels), d)) + random.normal(size=(len(sizes), d))[labels]
    return features, labels, random.normal(size=(len(sizes), d)), random.normal(size=len(sizes))


@given(seeds)
def test_each_number_is_its_instrument_s(seed):
    h, y, W, b = drawn(seed)
    for centre in ("samples", "classes"):
        for frame in ("simplex_etf", "orthogonal_frame", "general_orthogonal_frame", np.eye(3)):
            simplex = isinstance(frame, str) and frame == "simplex_etf"
            M = class_means(h, y, centre=centre if simplex else None)
            parts = CollapseMetrics(
                variability_collapse(h, y, global_mean=centre),
                class_distance_variance(h, y),
                equinorm(M),
                equiangularity(M),
                gram_distance(M, frame, centred=False),
                self_duality(W, M),
                *nearest_mean_mismatch(h, y, W, b),
            )
            found = collapse_metrics(h, y, W, b, global_mean=centre, frame=frame)
            np.testing.assert_allclose(found, parts, rtol=1e-12)
    assert collapse_metrics(h, y)[:5] == collapse_metrics(h, y, W, b)[:5]
    assert collapse_metrics(h, y)[5:] == (None, None, None)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_zero_at_collapse(dtype, rounding):
    K = 6
    y = np.tile(np.arange(K), 3)
    frame = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 9))).Q[:K].astype(dtype)
    simplex = frame - frame.mean(0)
    with_offset = collapse_metrics(simplex[y] + dtype(0.25), y, 2 * simplex)
    uncentred = collapse_metrics(frame[y], y, 2 * frame, frame="orthogonal_frame")
    for numbers in (with_offset, uncentred):
        np.testing.assert_allclose(numbers, 0, atol=rounding)
        assert all(number.dtype == dtype for number in numbers)


def test_at_chance():
    K, n, d = 20, 5, 1000
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(K), n)
    found = collapse_metrics(random.normal(size=(K * n, d)), y, random.normal(size=(K, d)))
    expected = CollapseMetrics(
        null_variability_collapse(K, n, d), (n - 1) / 2,
        1 / math.sqrt(2 * d), 1 / math.sqrt(d), math.sqrt(K / d), math.sqrt(2), 1 - 1 / K, 0,
    )  # fmt: skip
    # Lengths of 20 vectors tell their spread to 1/sqrt(40); everything else is better known.
    np.testing.assert_allclose(found, expected, rtol=4 / math.sqrt(2 * K))


def test_one_line():
    h, y, W, b = drawn(0)
    line = str(collapse_metrics(h, y, W, b))
    assert "\n" not in line
    assert len(line) < 120
    for part in ("NC1", "CDNV", "NC2", "NC3", "NC4", "(0 ties)"):
        assert part in line
    assert "NC3" not in str(collapse_metrics(h, y))
    assert str(CollapseMetrics(*np.arange(8.0))) == (
        "NC1 0 CDNV 1 | NC2 norms 2 angles 3 frame 4 | NC3 5 | NC4 6 (7 ties)"
    )


def test_under_jax(double):
    h, y, W, b = drawn(0)
    lines = []

    @jax.jit
    def measure(h, y, W, b):
        numbers = collapse_metrics(h, y, W, b)
        lines.append(str(numbers))  # what is traced prints, too
        return numbers

    np.testing.assert_allclose(measure(h, y, W, b), collapse_metrics(h, y, W, b), rtol=1e-11)
    assert lines[0].startswith("CollapseMetrics(")
    assert str(measure(h, y, W, b)) == str(collapse_metrics(h, y, W, b))
    assert all(np.isnan(measure(h, y + 1, W, b)))
    assert all(np.isnan(measure(h, y, W * np.nan, b))[5:])
    both = jax.jit(jax.vmap(lambda h: collapse_metrics(h, y, W, b)))(np.stack([h, h + 1]))
    np.testing.assert_allclose(both.variability_collapse, variability_collapse(h, y), rtol=1e-11)
    assert str(both).startswith("CollapseMetrics(")
    slope = jax.jit(jax.grad(lambda h: sum(collapse_metrics(h, y, W, b)[:6])))
    for features in (h, np.eye(3, 5)[y]):  # and at collapse
        assert jnp.all(jnp.isfinite(slope(features)))


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax.numpy"])
def test_follows_the_library_of_its_input(library, double):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    arguments = drawn(0)
    theirs = collapse_metrics(*(xp.asarray(x) for x in arguments))
    ours = collapse_metrics(*arguments)
    np.testing.assert_allclose([float(x) for x in theirs], ours, rtol=1e-11)
    assert all(type(number) is type(xp.asarray(arguments[0])) for number in theirs)
    assert str(theirs) == str(ours)


def test_on_another_device():
    xp = pytest.importorskip("array_api_strict")
    device = xp.Device("device1")
    h, y, W, b = drawn(0)
    theirs = [xp.asarray(x, device=device) for x in (h, W, b)]
    found = collapse_metrics(theirs[0], y, *theirs[1:])
    assert all(number.device == device for number in found)


def test_torch_in_training():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    h, y, W, _ = drawn(0)
    features = torch.tensor(h, requires_grad=True)
    numbers = collapse_metrics(features, y, torch.tensor(W))
    assert str(numbers) == str(collapse_metrics(h, y, W))
    numbers.variability_collapse.backward()
    assert bool(torch.all(torch.isfinite(features.grad)))


def test_needs_no_jax_for_numpy():
    code = (
        "import sys, numpy as np;"
        "from theorylab.neural_collapse.collapse_metrics import collapse_metrics;"
        "print(collapse_metrics(np.eye(4), [0, 0, 1, 1], np.eye(2, 4)));"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(weights=np.ones((3, 4))), r"`weights` must be of shape \(3, 5\).* got \(3, 4\)"),
        (dict(weights=np.ones((4, 5))), "`labels` has none of class 3"),
        (dict(weights=np.ones((4, 5)), num_classes=3), r"`weights` must be of shape \(3, 5\)"),
        (dict(bias=np.ones(2)), r"`bias` must be of shape \(3,\).* got \(2,\)"),
        (dict(frame="tetrahedron"), "`frame` must be a Gram matrix or one of .*'tetrahedron'"),
        (dict(frame=np.eye(4)), r"`frame` must be 3 x 3.* got shape \(4, 4\)"),
        (dict(frame=np.full((3, 3), np.inf)), "`frame` must be finite everywhere; got inf"),
        (dict(global_mean="mean"), 'of "samples" or of "classes"; got \'mean\''),
        (dict(features=np.ones(15)), "`features` must have two axes"),
        (dict(labels=[0, 1, 2]), "`labels` must be one row of .* 15"),
        (dict(num_classes=1), "`num_classes` must be >= 2; got 1"),
    ],
)
def test_bad_input_is_refused(change, message, unchecked):
    h, y, W, b = drawn(0)
    with pytest.raises(ValueError, match=message):
        collapse_metrics(**dict(features=h, labels=y, weights=W, bias=b) | change)
