"""Global minimisers of deep linear heads: digits, searches over all matrices, invariances."""

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import optimize

from proofs.neural_collapse import deep_linear_ufm as proof
from tests.strategies import decades, seeds
from theorylab.neural_collapse.deep_linear_ufm import DeepLinearUFM
from theorylab.neural_collapse.mode_fit import critical_penalty, mode_fit

sizes = st.lists(st.integers(1, 30), min_size=2, max_size=5)
equal_sizes = st.tuples(st.integers(1, 12), st.integers(2, 5)).map(lambda nk: [nk[0]] * nk[1])
decays = decades(1e-4, 0.1)
heads = st.lists(decays, min_size=1, max_size=3)
some_widths = st.lists(st.integers(1, 6), min_size=3, max_size=3)
biases = st.booleans()
factors_of_two = st.sampled_from([0.25, 0.5, 2.0, 4.0])


@st.composite
def drawn(draw):
    """The arguments of a model, of every kind that squared error has."""
    kind = draw(st.sampled_from(["none", "free", "decayed"]))
    head = draw(heads)
    widths = draw(st.none() | some_widths.map(lambda d: d[: len(head)]))
    return dict(
        class_sizes=draw(equal_sizes if kind == "decayed" else sizes),
        weight_decay=head,
        feature_decay=draw(decays),
        widths=widths,
        bias=kind != "none",
        bias_decay=draw(decades(1e-3, 10)) if kind == "decayed" else 0.0,
    )


def replace(model, **changes):
    names = ("class_sizes", "weight_decay", "feature_decay", "widths", "bias", "bias_decay")
    return DeepLinearUFM(**({name: getattr(model, name) for name in names} | changes))


# Digits: SciPy's L-BFGS over all entries agrees with each to 1e-16 in the loss.


def test_one_layer_to_its_digits():
    at = DeepLinearUFM([12, 6, 3, 1], [0.03], 0.02).solve()
    w = [1.545453695439, 1.24899959968, 0.987022574399, 0.613593172165]
    h = [1.892786487462, 1.529705854078, 1.208850835943, 0.75149509073]
    np.testing.assert_allclose(at.layer_singular_values[0], w, rtol=2e-12)
    np.testing.assert_allclose(at.feature_singular_values, h, rtol=2e-12)
    t = [0.844436508139, 0.78, 0.688873016278, 0.461112256588]
    np.testing.assert_allclose(at.fit, t, rtol=2e-12)
    assert at.loss == pytest.approx(0.18537411804141, rel=1e-13)


def test_six_layers_to_their_digits():
    at = DeepLinearUFM([200, 100, 50, 50], 5e-4, 5e-4, depth=6).solve()
    b = [0.004588346948, 0.009176693896, 0.018353387792, 0.018353387792]
    w = [1.459575917275, 1.388725604303, 1.321044055234, 1.321044055234]
    t = [0.997865080259, 0.996127889149, 0.992969948797, 0.992969948797]
    x = [2.78579002299, 2.521900143003, 2.28207336845, 2.28207336845]
    np.testing.assert_allclose(at.penalty, b, rtol=2e-10)
    np.testing.assert_allclose(mode_fit(at.penalty, 6).root, x, rtol=2e-12)
    np.testing.assert_allclose(at.layer_singular_values, np.tile(w, (6, 1)), rtol=2e-12)
    np.testing.assert_allclose(at.feature_singular_values, w, rtol=2e-12)
    np.testing.assert_allclose(at.fit, t, rtol=2e-12)
    assert at.loss == pytest.approx(0.013220353373, rel=1e-11)


def test_equal_sizes_to_their_digits():
    at = DeepLinearUFM([10] * 4, (0.002, 0.002), 0.001).solve()
    np.testing.assert_allclose(at.penalty, 0.0032, rtol=1e-13)
    np.testing.assert_allclose(at.layer_singular_values, 1.301642415508, rtol=1e-12)
    np.testing.assert_allclose(at.feature_singular_values, 1.840800357372, rtol=1e-12)
    np.testing.assert_allclose(at.fit, 0.986256944606, rtol=1e-12)
    assert at.loss == pytest.approx(0.020425711519989, rel=1e-13)
    free = DeepLinearUFM([10] * 4, (0.002, 0.002), 0.001, bias=True).solve()
    assert free.loss == pytest.approx(0.015319283639992, rel=1e-13)


def test_a_collapsed_class_to_its_digits():
    model = DeepLinearUFM([20, 10, 4, 1], 0.008, 0.008, depth=3)
    at = model.solve()
    assert at.penalty[3] == pytest.approx(0.549539140112, rel=1e-11)
    w = [1.443160977046, 1.316143840223, 1.156803284212, 0]
    np.testing.assert_allclose(at.layer_singular_values, np.tile(w, (3, 1)), rtol=2e-12)
    t = [0.969938303951, 0.94888465219, 0.895381374517, 0]
    np.testing.assert_allclose(at.fit, t, rtol=2e-12)
    assert at.loss == pytest.approx(0.097992874640659, rel=1e-13)
    assert at.collapsed_classes.tolist() == [False, False, False, True]
    assert 1 < model.collapse_size() < 4
    assert np.argmax(model.critical_decay() < 0.008) == 3


def test_unequal_sizes_with_a_bias_to_their_digits():
    at = DeepLinearUFM([9, 6, 3, 1], [0.005], 0.0005, bias=True).solve()
    np.testing.assert_allclose(at.fit, [0.988900850407, 0.984481440969, 0.973046261164], rtol=2e-12)
    w = [0.920011647071, 0.776318388028, 0.585624232093]
    h = [2.909332278628, 2.45493429564, 1.851906426402]
    np.testing.assert_allclose(at.layer_singular_values[0], w, rtol=2e-12)
    np.testing.assert_allclose(at.feature_singular_values, h, rtol=2e-12)
    assert at.loss == pytest.approx(0.0090314870577658, rel=1e-13)


def test_a_factor_missing_from_the_penalty_is_seen():
    at = DeepLinearUFM([9, 6, 3, 2], (0.005, 0.005), 0.005).solve()
    np.testing.assert_allclose(at.fit, [0.97671, 0.96940, 0.95112, 0.93559], atol=5e-6)


def test_a_trained_network_has_this_self_duality():
    # An MLP with this head measured 0.448419.
    at = DeepLinearUFM([20, 10, 6, 3], 0.002, 0.001, depth=2).solve()
    assert at.self_duality == pytest.approx(0.448421, abs=5e-7)


def test_levels_of_the_spinodal_window_to_their_digits():
    # Decays that make b = 0.55 at depth 2: 6 sqrt(12 Lambda).
    decay = ((0.55 / 6) ** 2 / 12) ** (1 / 3)
    model = DeepLinearUFM([4] * 3, decay, decay, depth=2)
    levels = [0.5, 0.50791431, 0.51582862, 0.52374293]
    np.testing.assert_allclose(model.local_minimum_losses(), levels, atol=6e-9)
    assert model.critical_decay()[0] < decay < model.spinodal_decay()[0]


# Searches over all matrices, with a loss and a gradient of their own.


def loss_and_gradient(entries, shapes, model, one_hot):
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    parts = [x.reshape(s) for x, s in zip(np.split(entries, cuts), shapes, strict=True)]
    *weights, features, bias = parts
    layers = [features]
    for weight in weights:
        layers.append(layers[-1] @ weight.T)
    error = layers[-1] + model.bias * bias - one_hot
    decays = [*model.weight_decay, model.feature_decay, model.bias_decay]
    loss = np.sum(error**2) / (2 * len(features))
    loss += sum(decay / 2 * np.sum(x**2) for decay, x in zip(decays, parts, strict=True))
    back = error / len(features)
    gradient = [model.bias * back.sum(0) + model.bias_decay * bias]
    by_layer = []
    for weight, layer, decay in zip(weights[::-1], layers[-2::-1], decays[-3::-1], strict=True):
        by_layer.insert(0, back.T @ layer + decay * weight)
        back = back @ weight
    gradient = [*by_layer, back + model.feature_decay * features, *gradient]
    return loss, np.concatenate([g.ravel() for g in gradient])


def descend(model, start):
    """The loss and the matrices where L-BFGS ends."""
    shapes = [x.shape for x in start]
    one_hot = one_hot_labels(model)
    end = optimize.minimize(
        loss_and_gradient,
        np.concatenate([x.ravel() for x in start]),
        (shapes, model, one_hot),
        jac=True,
        method="L-BFGS-B",
        options=dict(maxiter=5000, maxfun=9999, ftol=1e-16, gtol=1e-11, maxcor=30),
    )
    parts = np.split(end.x, np.cumsum([x.size for x in start])[:-1])
    return end.fun, [x.reshape(shape) for x, shape in zip(parts, shapes, strict=True)]


def search(model, starts, scale=1.0):
    """Losses and matrices where random starts end, best first."""
    rng = np.random.default_rng(0)
    K, N = len(model.class_sizes), sum(model.class_sizes)
    widths = [*(model.widths or (K + 1,) * model.depth), K]
    shapes = [(widths[j + 1], widths[j]) for j in range(model.depth)] + [(N, widths[0]), (1, K)]
    draw = lambda: [scale * rng.standard_normal(shape) for shape in shapes]
    return sorted((descend(model, draw()) for _ in range(starts)), key=lambda pair: pair[0])


def one_hot_labels(model):
    K = len(model.class_sizes)
    return np.eye(K)[np.repeat(np.arange(K), model.class_sizes)]


SEARCHED = [
    DeepLinearUFM([4] * 3, (0.008, 0.004, 0.006), 0.005),
    DeepLinearUFM([3] * 4, (0.004, 0.006), 0.005, widths=(6, 2)),
    DeepLinearUFM([3] * 4, (0.004,), 0.005, widths=(2,), bias=True),
    DeepLinearUFM([9, 6, 3, 1], (0.01,), 0.006),
    DeepLinearUFM([20, 10, 4, 1], (0.008,) * 3, 0.008, widths=(5, 2, 5)),
    DeepLinearUFM([9, 6, 3, 2], (0.006, 0.004), 0.005, bias=True),
    DeepLinearUFM([4] * 3, (0.01, 0.008), 0.01, bias=True, bias_decay=1.0),
    DeepLinearUFM([3] * 4, (0.006,), 0.008, bias=True, bias_decay=0.5, widths=(3,)),
]


@pytest.mark.parametrize("model", SEARCHED)
def test_no_search_goes_below_the_minimum_and_one_attains_it(model):
    at = model.solve()
    loss, (*weights, features, bias) = search(model, 4)[0]
    assert abs(loss - at.loss) < 2e-14
    for matrix, values in [
        *zip(weights, at.layer_singular_values, strict=True),
        (features, at.feature_singular_values),
    ]:
        measured = np.linalg.svd(matrix, compute_uv=False)
        fitted = np.sort(values[values > 0])[::-1]
        expected = np.pad(fitted, (0, len(measured) - len(fitted)))
        np.testing.assert_allclose(measured, expected, atol=2e-6)
    if model.bias:
        np.testing.assert_allclose(bias[0], at.bias, atol=2e-6)
    if at.unique:
        one_hot = one_hot_labels(model)
        means = (one_hot / one_hot.sum(0)).T @ features
        product = np.eye(len(means))
        for j in reversed(range(model.depth)):
            product = product @ weights[j]
            np.testing.assert_allclose(product @ product.T, at.layer_product_grams[j], atol=1e-5)
        for j in range(model.depth):
            np.testing.assert_allclose(means @ means.T, at.layer_mean_grams[j], atol=1e-5)
            means = means @ weights[j].T
        np.testing.assert_allclose(means + model.bias * bias, at.class_logits, atol=1e-5)


def test_every_search_ends_on_a_level():
    model = DeepLinearUFM([4] * 3, 0.0888, 0.0888, depth=2)  # b is between critical and spinodal
    ends = np.array([loss for loss, _ in search(model, 12, scale=0.4)])
    distance = np.abs(ends[:, None] - model.local_minimum_losses())
    assert np.max(np.min(distance, axis=1)) < 1e-13
    assert len(set(np.argmin(distance, axis=1))) > 1  # not the minimum alone


@pytest.mark.parametrize(
    "model",
    [
        DeepLinearUFM([4] * 3, 0.01, 0.01, depth=2),
        DeepLinearUFM([9, 6, 3], 0.01, 0.01, depth=2),
        DeepLinearUFM([9, 6, 3], 0.01, 0.01, depth=2, bias=True),
        DeepLinearUFM([4] * 3, 0.01, 0.01, depth=2, bias=True, bias_decay=1.0),
    ],
)
def test_levels_are_local_minima(model):
    # The minimum of a narrow network is one of a wide network's levels, by padding with zeros.
    levels, rng = model.local_minimum_losses(), np.random.default_rng(0)
    for rank in range(1, len(levels)):
        narrow = replace(model, widths=[rank, rank]).factors(rng)
        first, second = narrow.weights
        first = np.pad(first, (0, 4 - rank))
        second = np.pad(second, ((0, 0), (0, 4 - rank)))
        features = np.pad(narrow.features, ((0, 0), (0, 4 - rank)))
        bias = np.zeros((1, 3)) if narrow.bias is None else narrow.bias[None]
        start = [first, second, features, bias]
        near = [x + 1e-3 * rng.standard_normal(x.shape) for x in start]
        assert descend(model, near)[0] == pytest.approx(levels[rank], abs=1e-13)


# Properties, over drawn models.


@given(drawn(), seeds, decades(0.01, 3))
def test_no_matrices_have_a_lower_objective(arguments, seed, scale):
    model = DeepLinearUFM(**arguments)
    at, rng = model.solve(), np.random.default_rng(seed)
    best = model.factors(rng)
    noise = lambda x: x + scale * rng.standard_normal(x.shape)
    bias = None if best.bias is None else noise(best.bias)
    weights = [noise(weight) for weight in best.weights]
    assert model.objective(weights, noise(best.features), best.labels, bias) >= at.loss - 1e-14
    tiny = [weight + 1e-3 * rng.standard_normal(weight.shape) for weight in best.weights]
    assert model.objective(tiny, best.features, best.labels, best.bias) >= at.loss - 1e-14


@given(drawn(), st.none() | seeds)
@example(dict(class_sizes=[2, 1], weight_decay=[9.0], feature_decay=9.0), 0)  # nothing is fitted
def test_the_constructed_matrices_attain_the_minimum(arguments, seed):
    model = DeepLinearUFM(**arguments)
    at = model.solve()
    made = model.factors(None if seed is None else np.random.default_rng(seed))
    loss = model.objective(*made)
    assert loss == pytest.approx(at.loss, abs=2e-15)
    K = len(model.class_sizes)
    means = np.array([made.features[made.labels == k].mean(0) for k in range(K)])
    product = np.eye(K)
    for j in reversed(range(model.depth)):
        product = product @ made.weights[j]
        np.testing.assert_allclose(product @ product.T, at.layer_product_grams[j], atol=1e-11)
    np.testing.assert_allclose(means @ means.T, at.class_mean_gram, atol=1e-11)
    np.testing.assert_allclose(product @ means.T, (at.class_logits - at.bias).T, atol=1e-12)
    if at.feature_singular_values.any():
        direct = product / np.linalg.norm(product) - means / np.linalg.norm(means)
        assert at.self_duality == pytest.approx(np.linalg.norm(direct), abs=1e-12)
    else:
        assert np.isnan(at.self_duality)
    for upper, lower, over, under in zip(
        made.weights[1:], made.weights, model.weight_decay[1:], model.weight_decay, strict=False
    ):
        np.testing.assert_allclose(
            over * upper.T @ upper, under * lower @ lower.T, atol=1e-13 * over + 1e-14
        )


@given(drawn())
def test_the_loss_is_between_none_and_the_labels(arguments):
    model = DeepLinearUFM(**arguments)
    at = model.solve()
    n = np.array(model.class_sizes)
    most = 0.5
    if model.bias:
        weight = model.bias_decay / (1 + model.bias_decay)
        most = (1 - (1 - weight) * np.sum(n**2) / n.sum() ** 2) / 2
    assert 0 < at.loss <= most * (1 + 1e-14)
    assert np.all((at.fit >= 0) & (at.fit < 1))
    if model.depth > 1:
        fitted = at.fit[at.fit > 0]
        assert np.all(fitted >= (model.depth - 1) / model.depth)
    assert at.optimality == "proved"


@given(drawn())
def test_every_factor_pays_the_same(arguments):
    model = DeepLinearUFM(**arguments)
    at = model.solve()
    paid = np.array(model.weight_decay)[:, None] * at.layer_singular_values**2
    features = model.feature_decay * at.feature_singular_values**2
    np.testing.assert_allclose(paid, np.tile(features, (model.depth, 1)), rtol=1e-12)
    np.testing.assert_allclose(
        at.product_singular_values * at.feature_singular_values,
        at.logit_singular_values,
        rtol=1e-11,
    )


@given(drawn())
def test_the_derivatives_are_differences(arguments):
    model = DeepLinearUFM(**arguments)
    threshold = critical_penalty(model.depth)
    assume(np.all(np.abs(np.log(model.solve().penalty / threshold)) > 1e-2))
    slopes = model.solve().loss_derivatives
    step = 1e-4

    def difference(**at):
        ((name, value),) = at.items()
        up, down = (replace(model, **{name: value(sign * step)}).solve().loss for sign in (1, -1))
        return (up - down) / 2

    for j, slope in enumerate(slopes.weight_decay):
        moved = lambda d, j=j: [
            decay * (1 + d * (i == j)) for i, decay in enumerate(model.weight_decay)
        ]
        expected = slope * step * model.weight_decay[j]
        assert difference(weight_decay=moved) == pytest.approx(expected, rel=1e-4, abs=1e-15)
    moved = lambda d: model.feature_decay * (1 + d)
    expected = slopes.feature_decay * step * model.feature_decay
    assert difference(feature_decay=moved) == pytest.approx(expected, rel=1e-4, abs=1e-15)
    if model.bias_decay:
        moved = lambda d: model.bias_decay * (1 + d)
        expected = slopes.bias_decay * step * model.bias_decay
        assert difference(bias_decay=moved) == pytest.approx(expected, rel=1e-4, abs=1e-15)


@given(drawn(), st.data())
def test_the_loss_rises_with_each_decay_and_is_concave(arguments, data):
    model = DeepLinearUFM(**arguments)
    j = data.draw(st.integers(0, model.depth))
    at = [*model.weight_decay, model.feature_decay]

    def solved(factor):
        moved = [decay * (factor if i == j else 1) for i, decay in enumerate(at)]
        return replace(model, weight_decay=moved[:-1], feature_decay=moved[-1]).solve()

    low, middle, high = solved(1.0), solved(2.0), solved(3.0)
    assert low.loss <= middle.loss <= high.loss
    assert low.loss + high.loss <= 2 * middle.loss + 1e-15
    assert np.all(low.fit >= middle.fit)


@given(drawn(), factors_of_two, st.data())
def test_decay_moved_between_factors_scales_them(arguments, a, data):
    model = DeepLinearUFM(**arguments)
    i = data.draw(st.integers(0, model.depth - 1))
    moved = list(model.weight_decay)
    moved[i] *= a
    new = replace(model, weight_decay=moved, feature_decay=model.feature_decay / a)
    before, after = model.solve(), new.solve()
    assert after.loss == pytest.approx(before.loss, rel=1e-13)
    np.testing.assert_allclose(after.fit, before.fit, rtol=1e-9)
    np.testing.assert_allclose(
        after.layer_singular_values[i] * np.sqrt(a), before.layer_singular_values[i], rtol=1e-9
    )


@given(drawn(), st.randoms(use_true_random=False))
def test_layers_and_classes_can_be_permuted(arguments, random):
    model = DeepLinearUFM(**arguments)
    assume(model.solve().unique)
    order = list(range(model.depth))
    random.shuffle(order)
    at = model.solve()
    moved = replace(model, weight_decay=np.array(model.weight_decay)[order]).solve()
    np.testing.assert_allclose(
        moved.layer_singular_values, at.layer_singular_values[order], rtol=1e-12
    )
    classes = list(range(len(model.class_sizes)))
    random.shuffle(classes)
    moved = replace(model, class_sizes=np.array(model.class_sizes)[classes]).solve()
    assert moved.loss == pytest.approx(at.loss, rel=1e-13)
    for gram in ("class_mean_gram", "classifier_gram", "product_gram", "class_logits"):
        expected = getattr(at, gram)[np.ix_(classes, classes)]
        np.testing.assert_allclose(getattr(moved, gram), expected, atol=1e-9)


@given(drawn(), st.integers(2, 4))
def test_replicated_samples_change_nothing(arguments, a):
    model = DeepLinearUFM(**arguments)
    more = replace(
        model,
        class_sizes=a * np.array(model.class_sizes),
        feature_decay=model.feature_decay / a,
    )
    before, after = model.solve(), more.solve()
    assert after.loss == pytest.approx(before.loss, rel=1e-12)
    assert after.unique == before.unique
    np.testing.assert_allclose(after.layer_singular_values, before.layer_singular_values, rtol=1e-9)
    if before.unique:
        np.testing.assert_allclose(
            np.diag(after.class_mean_gram), np.diag(before.class_mean_gram), atol=1e-9
        )


@given(drawn(), some_widths)
def test_a_wider_network_is_not_worse(arguments, more):
    model = DeepLinearUFM(**arguments)
    assume(model.widths is not None)
    wider = [width + extra for width, extra in zip(model.widths, more, strict=False)]
    assert replace(model, widths=wider).solve().loss <= model.solve().loss
    enough = replace(model, widths=[len(model.class_sizes)] * model.depth)
    assert enough.solve().loss == replace(model, widths=None).solve().loss


@given(drawn())
def test_a_bias_does_not_hurt(arguments):
    model = DeepLinearUFM(**arguments)
    free = replace(model, bias=True, bias_decay=0.0).solve().loss
    none = replace(model, bias=False, bias_decay=0.0).solve().loss
    assert free <= none + 1e-15
    if model.bias_decay:
        assert free - 1e-15 <= model.solve().loss <= none + 1e-15


@given(equal_sizes, heads, decays)
def test_a_decayed_bias_leads_from_a_free_one_to_none(class_sizes, head, decay):
    with_bias = lambda strength: DeepLinearUFM(
        class_sizes, head, decay, bias=True, bias_decay=strength
    ).solve()
    free, none = with_bias(0.0), DeepLinearUFM(class_sizes, head, decay).solve()
    almost_free, almost_none = with_bias(1e-9), with_bias(1e12)
    assert almost_free.loss == pytest.approx(free.loss, abs=1e-8)
    np.testing.assert_allclose(almost_free.bias, free.bias, atol=1e-8)
    np.testing.assert_allclose(almost_free.class_mean_gram, free.class_mean_gram, atol=1e-9)
    assume(np.all(np.abs(none.penalty / critical_penalty(len(head)) - 1) > 1e-6))
    assert almost_none.loss == pytest.approx(none.loss, abs=1e-10)
    np.testing.assert_allclose(almost_none.class_mean_gram, none.class_mean_gram, atol=1e-5)


@given(equal_sizes, heads, decays, biases)
def test_equal_sizes_give_the_named_frames(class_sizes, head, decay, bias):
    at = DeepLinearUFM(class_sizes, head, decay, bias=bias).solve()
    K, n = len(class_sizes), class_sizes[0]
    frame = np.eye(K) - (1 / K if bias else 0)
    h, w = at.feature_singular_values[0], at.layer_singular_values[-1, 0]
    np.testing.assert_allclose(at.class_mean_gram, h**2 / n * frame, atol=1e-12 * (1 + h**2))
    np.testing.assert_allclose(at.classifier_gram, w**2 * frame, atol=1e-12 * (1 + w**2))
    logits = at.fit[0] * frame + (1 / K if bias else 0)
    np.testing.assert_allclose(at.class_logits, logits, atol=1e-13)
    assert np.isnan(at.self_duality) or at.self_duality < 1e-13
    assert at.collapsed_classes.all() == (h == 0)


@given(sizes)
def test_a_free_bias_interlaces_the_sizes(class_sizes):
    at = DeepLinearUFM(class_sizes, [1e-4], 1e-6, bias=True).solve()
    squares = (at.logit_singular_values / at.fit) ** 2
    ordered, slack = np.sort(class_sizes)[::-1], 1e-11 * max(class_sizes)
    assert np.all((ordered[1:] - slack <= squares) & (squares <= ordered[:-1] + slack))
    np.testing.assert_allclose(at.bias, np.array(class_sizes) / sum(class_sizes), rtol=1e-15)
    means = at.class_modes @ np.array(class_sizes)  # of all samples: zero
    np.testing.assert_allclose(means, 0, atol=1e-10)


@given(sizes, decays, decays)
def test_one_layer_thresholds_softly(class_sizes, weight_decay, feature_decay):
    at = DeepLinearUFM(class_sizes, [weight_decay], feature_decay).solve()
    n, N, rho = np.array(class_sizes), sum(class_sizes), np.sqrt(weight_decay * feature_decay)
    s = np.maximum(np.sqrt(n) - N * rho, 0)
    np.testing.assert_allclose(at.logit_singular_values, s, atol=1e-12)
    losses = np.where(n > N**2 * rho**2, rho * np.sqrt(n) - N * rho**2 / 2, n / (2 * N))
    assert at.loss == pytest.approx(losses.sum(), rel=1e-12)


@given(drawn())
def test_penalty_and_factors_agree_with_their_proof(arguments):
    model = DeepLinearUFM(**arguments)
    at, M = model.solve(), model.depth
    y = np.ones(len(at.penalty))
    fitted = at.fit > 0
    y[fitted] = at.logit_singular_values[fitted] / at.fit[fitted]
    N = float(sum(model.class_sizes))
    samples = np.full(len(y), N)
    if model.bias_decay:
        samples[-1] *= (1 + model.bias_decay) / model.bias_decay
    product = float(np.prod(model.weight_decay) * model.feature_decay)
    for i in np.flatnonzero(fitted):
        exact = {proof.M: M, proof.N: samples[i], proof.y: y[i], proof.product: product}
        assert at.penalty[i] == pytest.approx(float(proof.penalty.subs(exact)), rel=1e-11)
        x = mode_fit(at.penalty[i], M).root
        b = float(proof.stationary.subs({proof.M: M, proof.x: float(x)}))
        assert b == pytest.approx(at.penalty[i], rel=1e-10)
        paid = (samples[i] * product) ** (1 / M) * x
        assert model.feature_decay * at.feature_singular_values[i] ** 2 == pytest.approx(
            paid, rel=1e-10
        )


@given(drawn(), st.sampled_from([0.999, 1.001]))
def test_directions_vanish_at_the_critical_decay(arguments, share):
    model = DeepLinearUFM(**arguments)
    mean = np.prod([*model.weight_decay, model.feature_decay]) ** (1 / (model.depth + 1))
    model = replace(model, widths=None)
    for i, critical in enumerate(model.critical_decay()):
        factor = share * critical / mean
        scaled = replace(
            model,
            weight_decay=factor * np.array(model.weight_decay),
            feature_decay=factor * model.feature_decay,
        )
        assert (scaled.solve().fit[i] > 0) == (share < 1)
    assert np.all(model.spinodal_decay() >= model.critical_decay() * (1 - 1e-14))


@given(sizes, heads, decays)
def test_classes_up_to_the_collapse_size_vanish(class_sizes, head, decay):
    model = DeepLinearUFM(class_sizes, head, decay)
    size = model.collapse_size()
    assume(all(abs(n - size) > 1e-9 * n for n in class_sizes))
    collapsed = [n < size for n in class_sizes]
    assert model.solve().collapsed_classes.tolist() == collapsed


@given(drawn())
def test_the_minimum_is_a_level(arguments):
    model = DeepLinearUFM(**arguments)
    levels = model.local_minimum_losses()
    assert np.min(levels) == pytest.approx(model.solve().loss, rel=1e-13)
    assert model.depth > 1 or len(levels) == 1


# Uniqueness.


@pytest.mark.parametrize(
    ("model", "unique"),
    [
        (DeepLinearUFM([5] * 4, 0.01, 0.01, depth=2), True),
        (DeepLinearUFM([5] * 4, 0.01, 0.01, widths=(4, 3)), False),
        (DeepLinearUFM([5] * 4, 0.01, 0.01, widths=(4, 3), bias=True), True),
        (DeepLinearUFM([5] * 4, 0.01, 0.01, widths=(4, 2), bias=True), False),
        (DeepLinearUFM([5] * 4, 0.01, 0.01, widths=(3,), bias=True, bias_decay=1.0), True),
        (DeepLinearUFM([9, 6, 3], 0.01, 0.01, widths=(2,)), True),
        (DeepLinearUFM([9, 6, 6], 0.01, 0.01, widths=(2,)), False),
        (DeepLinearUFM([9, 6, 6, 6], 0.01, 0.01, widths=(2,), bias=True), False),
        (DeepLinearUFM([5] * 4, 9.0, 9.0, widths=(2,)), True),  # nothing is fitted
    ],
)
def test_equal_values_at_the_cut_leave_a_choice(model, unique):
    assert model.solve().unique == unique


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_the_critical_decay_leaves_a_choice_beyond_one_layer(depth):
    decay = float(DeepLinearUFM([5] * 4, 1.0, 1.0, depth=depth).critical_decay()[0])
    K, n = 4, 5
    closed = ((critical_penalty(depth) / (depth * K)) ** depth / (K * n)) ** (1 / (depth + 1))
    assert decay == pytest.approx(closed, rel=1e-14)
    at = DeepLinearUFM([5] * 4, decay, decay, depth=depth).solve()
    assert at.unique == (depth == 1)
    assert at.loss == pytest.approx(0.5, rel=1e-13)


# The objective of given matrices.


@pytest.mark.parametrize("loss", ["mse", "ce"])
@pytest.mark.parametrize("xp", [array_api_strict, jnp])
def test_the_objective_follows_the_library_of_its_input(xp, loss, double):
    model = DeepLinearUFM([2] * 3, (0.1, 0.2), 0.3, loss=loss, bias=True, bias_decay=0.4)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in [(5, 4), (3, 5), (6, 4), (3,)]]
    labels = np.array([2, 0, 1, 1, 0, 2])
    first, second, features, bias = arrays
    expected = model.objective([first, second], features, labels, bias)
    logits = features @ first.T @ second.T + bias
    if loss == "mse":
        direct = np.sum((logits - np.eye(3)[labels]) ** 2) / 12
    else:
        direct = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(6), labels])
    for decay, x in zip([0.1, 0.2, 0.3, model.bias_decay], arrays, strict=True):
        direct += decay / 2 * np.sum(x**2)
    assert expected == pytest.approx(direct, rel=1e-14)
    first, second, features, bias = map(xp.asarray, arrays)
    value = model.objective([first, second], features, xp.asarray(labels), bias)
    assert type(value) is type(features)
    assert float(value) == pytest.approx(direct, rel=1e-14)


def test_the_objective_can_be_traced(double):
    model = DeepLinearUFM([3, 2], (0.1, 0.1), 0.1)
    made = model.factors(np.random.default_rng(1))
    objective = jax.jit(jax.value_and_grad(model.objective, argnums=(0, 1)))
    weights = [jnp.asarray(weight) for weight in made.weights]
    value, gradients = objective(weights, jnp.asarray(made.features), jnp.asarray(made.labels))
    assert float(value) == pytest.approx(model.solve().loss, rel=1e-13)
    for gradient in jax.tree.leaves(gradients):
        np.testing.assert_allclose(gradient, 0, atol=1e-14)


# Cross-entropy.


@settings(max_examples=10)
@given(st.integers(2, 6), st.integers(1, 4), heads, decays, seeds)
def test_cross_entropy_attains_its_loss(K, n, head, decay, seed):
    model = DeepLinearUFM([n] * K, head, decay, loss="ce")
    at, made = model.solve(), model.factors(np.random.default_rng(seed))
    assert model.objective(*made) == pytest.approx(at.loss, rel=1e-12)
    assert at.optimality == ("proved" if len(head) == 1 or K == 2 else "best known")
    assert np.isnan(at.fit).all()
    assert np.isfinite(at.loss_derivatives.feature_decay)


def test_cross_entropy_of_one_layer_to_its_digits():
    model = DeepLinearUFM([3] * 4, [0.005], 0.003, loss="ce", bias=True)
    at = model.solve()
    assert at.loss == pytest.approx(0.120632830506, rel=1e-11)
    margin = at.class_logits[0, 0] - at.class_logits[0, 1]
    assert margin == pytest.approx(4.984094163799, rel=1e-12)
    assert at.unique
    assert not at.bias.any()
    critical = model.critical_decay()
    np.testing.assert_allclose(critical, 1 / np.sqrt(48), rtol=1e-13)
    np.testing.assert_allclose(model.spinodal_decay(), critical)
    assert DeepLinearUFM([3] * 4, 0.15, 0.15, depth=1, loss="ce").solve().loss == np.log(4)


def test_cross_entropy_of_more_layers_prefers_a_low_rank():
    at = DeepLinearUFM([1] * 6, 3e-3, 3e-3, depth=2, loss="ce").solve()
    assert at.loss == pytest.approx(0.080407514215, rel=1e-10)
    np.testing.assert_allclose(at.logit_singular_values, [12.476286816] * 3, rtol=1e-9)
    assert at.optimality == "best known"
    assert not at.unique


# Bad input.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(class_sizes=[3]), "`class_sizes` must be of two classes at least; got 1"),
        (dict(class_sizes=[3, 2.5]), "`class_sizes` must be whole numbers >= 1; got 2.5"),
        (dict(class_sizes=[3, 0]), "`class_sizes` must be whole numbers >= 1; got 0"),
        (dict(class_sizes=[]), "`class_sizes` must be a list of whole numbers"),
        (dict(class_sizes=np.ones((2, 2))), "`class_sizes` must be a list of whole numbers"),
        (dict(weight_decay=[0.1, 0.0]), "`weight_decay` must be > 0 everywhere; got 0"),
        (dict(weight_decay=[0.1, np.nan]), "`weight_decay` must be finite and > 0"),
        (dict(weight_decay=[[0.1, 0.1]]), "`weight_decay` must be one number or one for each"),
        (dict(weight_decay=[]), "`weight_decay` must be one number or one for each"),
        (dict(depth=3), "`weight_decay` must be one number or one for each of the 3 layers"),
        (dict(weight_decay=0.1), "`depth` must be given"),
        (dict(weight_decay=0.1, depth=0), "`depth` must be whole numbers >= 1; got 0"),
        (dict(feature_decay=-1.0), "`feature_decay` must be > 0; got -1"),
        (dict(feature_decay=[0.1, 0.1]), "`feature_decay` must be one number"),
        (dict(widths=[3]), "`widths` must be one for each of the 2 layers; got 1"),
        (dict(widths=[3, 0]), "`widths` must be whole numbers >= 1; got 0"),
        (dict(loss="hinge"), "`loss` must be 'mse' or 'ce'; got 'hinge'"),
        (dict(bias_decay=0.1), "`bias_decay` needs `bias`; got 0.1"),
        (dict(bias=True, bias_decay=-0.1), "`bias_decay` must be >= 0; got -0.1"),
        (dict(bias=True, bias_decay=[0.1]), "`bias_decay` must be one number"),
    ],
)
def test_bad_models_are_refused(changes, message, unchecked):
    good = dict(class_sizes=[3, 2], weight_decay=[0.1, 0.1], feature_decay=0.1)
    with pytest.raises(ValueError, match=message):
        DeepLinearUFM(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(loss="ce"), "`loss` 'ce' .*equal size; got `class_sizes` from 2 to 3"),
        (dict(bias=True, bias_decay=0.1), "`bias_decay` .*equal size; got `class_sizes` from 2"),
        (dict(class_sizes=[2] * 4, loss="ce", widths=[4, 2]), "`widths` >= 3.*got 2"),
    ],
)
def test_models_without_a_closed_form_say_so(changes, message):
    good = dict(class_sizes=[3, 2], weight_decay=[0.1, 0.1], feature_decay=0.1)
    with pytest.raises(NotImplementedError, match=message):
        DeepLinearUFM(**(good | changes))


def test_methods_without_a_closed_form_say_so():
    model = DeepLinearUFM([2] * 3, [0.1, 0.1], 0.1, loss="ce", bias=True)
    for method in ("critical_decay", "spinodal_decay", "collapse_size", "local_minimum_losses"):
        with pytest.raises(NotImplementedError, match="known"):
            getattr(model, method)()


def test_decays_beyond_the_floating_range():
    with pytest.raises(ValueError, match="`weight_decay` and `feature_decay` must have a product"):
        DeepLinearUFM([2, 2], [1e-300], 1e-300).solve()
    assert DeepLinearUFM([2, 2], [1e300], 1e300).solve().loss == 0.5
    deep = DeepLinearUFM([2, 2], 1e-9, 1e-9, depth=60).solve()  # Lambda underflows
    assert 0 < deep.loss < 1e-6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(weights=[np.ones((3, 4))]), "`weights` must be 2 matrices; got 1"),
        (dict(weights=[np.ones((4, 2)), np.ones((2, 5))]), r"`weights\[1\]` must have 4 columns"),
        (dict(weights=[np.ones((4, 9)), np.ones((2, 4))]), r"`weights\[0\]` must have 2 columns"),
        (dict(weights=[np.ones((4, 2)), np.ones((3, 4))]), r"`weights\[1\]` must have 2 rows"),
        (dict(weights=[np.ones((5, 2)), np.ones((2, 5))]), r"`widths` .*\(2, 4\); got \(2, 5\)"),
        (dict(features=np.ones((4, 2))), "`features` must have 5 rows"),
        (dict(labels=[0, 0, 0, 1]), "`labels` must be 5"),
        (dict(labels=[0, 0, 0, 1, 2]), "`labels` must be from 0 to 1; got 2"),
        (dict(labels=[0, 0, 1, 1, 1]), r"`labels` must count .*\(3, 2\); got \(2, 3\)"),
        (dict(bias=np.ones(3)), "`bias` must have 2 entries"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(changes, message, unchecked):
    model = DeepLinearUFM([3, 2], [0.1, 0.1], 0.1, widths=(2, 4), bias=True)
    good = dict(
        weights=[np.ones((4, 2)), np.ones((2, 4))],
        features=np.ones((5, 2)),
        labels=[0, 0, 0, 1, 1],
    )
    with pytest.raises(ValueError, match=message):
        model.objective(**(good | changes))


def test_other_misuse_is_refused():
    model = DeepLinearUFM([3, 2], [0.1], 0.1)
    weights, features, labels, bias = model.factors()
    assert bias is None
    with pytest.raises(ValueError, match="`bias` must be None"):
        model.objective(weights, features, labels, np.zeros(2))
    with pytest.raises(TypeError, match="`labels` must be whole numbers"):
        model.objective(weights, features, labels.astype(float))
    with pytest.raises(TypeError, match="`class_sizes` must be a real number"):
        DeepLinearUFM(np.array(["3", "2"]), [0.1], 0.1)
    with pytest.raises(TypeError, match="`weight_decay` must be a real number"):
        DeepLinearUFM([3, 2], [[0.1], [0.1, 0.2]], 0.1)
    model = DeepLinearUFM([3, 2], np.array([0.1], np.float32), 0.001)
    assert model.feature_decay == 0.001  # not rounded with the others
