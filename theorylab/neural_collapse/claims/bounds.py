"""No parameters have a loss below the minimum in closed form, and descent reaches it."""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from theorylab.neural_collapse.claims.frames import SETTINGS, both_ways
from theorylab.neural_collapse.claims.sources import DANG_2023, GARROD_2024, HERE
from theorylab.neural_collapse.claims.training import loss_of, minimum, trained
from theorylab.neural_collapse.cross_entropy import branches
from theorylab.neural_collapse.deep_linear_ufm import DeepLinearUFM
from theorylab.neural_collapse.simulation import Decay, class_labels, draw_free
from theorylab.numerics.arrays import require_within
from theorylab.verify import Ascent, Bound, Claim, Outcome


def final_loss(key, *, num_steps, bias=False, loss="mse", **setting):
    """The loss of a run that ends at some time, and its parameters in a row.

    Half of the runs end where descent does, the others after none to all steps, as many in each
    decade: random, half-trained and trained parameters.
    """
    run_key, time_key, end_key = jax.random.split(key, 3)
    steps = jnp.exp(jnp.log(num_steps + 1.0) * jax.random.uniform(time_key)) - 1
    steps = jnp.where(jax.random.bernoulli(end_key), num_steps, steps).astype(int)

    def measure(at, labels, decay):
        return loss_of(at, labels, decay, loss=loss, bias=bias), ravel_pytree(at)[0]

    value, row = trained(run_key, measure, num_steps=steps, bias=bias, loss=loss, **setting)
    return Outcome(value, {"parameters": row})


def loss_of_row(
    *, parameters, class_sizes, width, weight_decay, feature_decay, bias=False, loss="mse", **_
):
    """The loss as a function of all parameters in a row."""
    widths = (width,) * len(weight_decay)
    like = draw_free(jax.random.key(0), class_sizes, widths, 1.0)
    at = ravel_pytree(like)[1](parameters)
    decay = Decay(weight_decay, feature_decay)
    return loss_of(at, class_labels(class_sizes), decay, loss=loss, bias=bias)


def least_loss(**setting):
    return minimum(**setting).loss


def without_the_half(*, weight_decay, feature_decay, **setting):
    """For penalties of `lambda |W|^2` in place of its half."""
    decays = tuple(2 * rate for rate in weight_decay)
    return minimum(weight_decay=decays, feature_decay=2 * feature_decay, **setting).loss


def slightly_above(**setting):
    return 1.001 * minimum(**setting).loss


def rounding(eps, **_):
    """Sums of some hundred positive terms, which add up to 1/2 or less near the bound."""
    return 64 * eps


ADVERSARY = Ascent(over="parameters", value=loss_of_row, restarts=4, steps=100, pace=0.02)
COORDS = lambda **_: {}

loss_bound = Claim(
    statement="No layers and features, random, trained or sought to that end, have a loss below "
    "the minimum in closed form, and descent reaches it.",
    source=DANG_2023,
    assumes=("squared loss", "decay of every layer and of the features"),
    predict=least_loss,
    observe=final_loss,
    coords=COORDS,
    quantity="loss",
    criterion=Bound(slack=rounding, side="below", attained=0.0, adversary=ADVERSARY),
    rivals={
        "decays without their half": without_the_half,
        "a minimum higher by 0.1 %": slightly_above,
    },
    settings=SETTINGS | {"quick": SETTINGS["quick"][:1]},
    domain=both_ways,
    replicates={"quick": 32, "standard": 128},
    tile=16,
    proof="neural_collapse/deep_linear_ufm",
)  # fmt: skip


def inside_the_window(*, class_sizes, penalty, start, learning_rate, **_):
    require_within(0, 1, learning_rate=learning_rate)
    require_within(0, 1.5, start=start)
    if len(set(class_sizes)) > 1:
        raise ValueError(f"`class_sizes` must be equal; got {class_sizes}")
    if not 0.5 < penalty < 0.6495:
        raise ValueError(
            f"`penalty` must be > 0.5, where fitting no longer pays, and < 0.6495, where it is no "
            f"local minimum any more; got {penalty:g}"
        )


def decay_of(penalty, class_sizes):
    """The decay, of two layers and the features alike, at which `b = M K (N Lambda)^(1/M)`."""
    K, N = len(class_sizes), sum(class_sizes)
    return ((penalty / (2 * K)) ** 2 / N) ** (1 / 3)


def loss_in_the_window(key, *, class_sizes, penalty, width, **run):
    rate = decay_of(penalty, class_sizes)
    return final_loss(
        key, class_sizes=class_sizes, width=width, weight_decay=(rate, rate), feature_decay=rate,
        **run,
    )  # fmt: skip


def row_in_the_window(*, parameters, class_sizes, penalty, width, **_):
    rate = decay_of(penalty, class_sizes)
    return loss_of_row(
        parameters=parameters, class_sizes=class_sizes, width=width, weight_decay=(rate, rate),
        feature_decay=rate,
    )  # fmt: skip


@lru_cache(maxsize=32)
def _window(class_sizes, penalty) -> DeepLinearUFM:
    rate = float(decay_of(penalty, class_sizes))
    return DeepLinearUFM(class_sizes, (rate, rate), rate)


def zero_is_best(*, class_sizes, penalty, **_):
    return _window(tuple(class_sizes), float(penalty)).solve().loss


def largest_root(*, class_sizes, penalty, fitted=None, **_):
    """The level at which some directions, or all, sit at the largest root: a local minimum."""
    levels = _window(tuple(class_sizes), float(penalty)).local_minimum_losses()
    return levels[-1 if fitted is None else fitted]


spinodal_window = Claim(
    statement="Between the critical penalty and the spinodal fitting the labels is a local minimum "
    "only: nothing fitted is the global one, and descent finds either.",
    source=HERE,
    assumes=("squared loss", "two layers", "classes of equal size", "equal decays"),
    predict=zero_is_best,
    observe=loss_in_the_window,
    coords=COORDS,
    quantity="loss",
    criterion=Bound(
        slack=rounding, side="below", attained=0.0,
        adversary=Ascent(over="parameters", value=row_in_the_window, restarts=4, steps=100),
    ),
    rivals={
        "the largest root, without the threshold": largest_root,
        "the largest root in one direction": partial(largest_root, fitted=1),
    },
    settings={
        "quick": [
            dict(
                class_sizes=(4, 4, 4), penalty=0.55, width=5, start=0.8,
                learning_rate=0.5, num_steps=8000,
            )
        ],
        "standard": [
            dict(
                class_sizes=sizes, penalty=b, width=6, start=0.6,
                learning_rate=0.5, num_steps=16000,
            )
            for sizes in ((4, 4, 4), (3, 3, 3, 3))
            for b in (0.52, 0.55, 0.6)
        ],
    },
    domain=inside_the_window,
    replicates={"quick": 64, "standard": 256},
    tile=32,
    proof="neural_collapse/mode_fit",
)  # fmt: skip


def best_known_loss(*, class_sizes, weight_decay, feature_decay, **_):
    return _branches(tuple(class_sizes), tuple(weight_decay), float(feature_decay))[0].loss


@lru_cache(maxsize=32)
def _branches(class_sizes, weight_decay, feature_decay):
    return branches(len(class_sizes), class_sizes[0], weight_decay, feature_decay)


def simplex_loss(*, class_sizes, weight_decay, feature_decay, **_):
    found = _branches(tuple(class_sizes), tuple(weight_decay), float(feature_decay))
    return next(b.loss for b in found if b.name == "simplex_etf")


def halfway(**setting):
    return (best_known_loss(**setting) + simplex_loss(**setting)) / 2


def beaten_simplex(*, class_sizes, weight_decay, feature_decay, start, learning_rate, **_):
    require_within(0, 0.5, learning_rate=learning_rate)
    require_within(0, 2, start=start)
    if len(set(class_sizes)) > 1:
        raise ValueError(f"`class_sizes` must be equal; got {class_sizes}")
    if not simplex_loss(
        class_sizes=class_sizes, weight_decay=weight_decay, feature_decay=feature_decay
    ) > best_known_loss(
        class_sizes=class_sizes, weight_decay=weight_decay, feature_decay=feature_decay
    ) * (1 + 1e-3):
        raise ValueError(
            f"`class_sizes` and `weight_decay` must be such that another frame beats the simplex; "
            f"got {len(class_sizes)} classes and {weight_decay}"
        )


cross_entropy_beyond_one_layer = Claim(
    statement="Under cross-entropy with two layers the simplex frame is not the global minimum for "
    "six classes: the lowest loss of many runs is that of a frame of lower rank.",
    source=GARROD_2024,
    assumes=("cross-entropy", "classes of equal size", "the best frame known: no proof"),
    predict=best_known_loss,
    observe=partial(final_loss, loss="ce"),
    coords=COORDS,
    quantity="loss",
    criterion=Bound(
        slack=rounding, side="below", attained=1e-10,
        adversary=Ascent(
            over="parameters", value=partial(loss_of_row, loss="ce"), restarts=4, steps=100,
            pace=0.02,
        ),
    ),
    rivals={"the simplex at every depth": simplex_loss, "half of the gain": halfway},
    settings={
        "quick": [
            dict(
                class_sizes=(1,) * 6, weight_decay=(0.003, 0.003), feature_decay=0.003,
                width=6, start=1.0, learning_rate=0.3, num_steps=40000,
            )
        ],
    },
    domain=beaten_simplex,
    replicates={"quick": 32, "standard": 128},
    tile=16,
    proof="neural_collapse/cross_entropy",
)  # fmt: skip
