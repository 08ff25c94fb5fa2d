r"""How long after a network knows its training set it knows the rest: the delay of grokking.

Of accuracies $A_i$ evaluated at times $t_1<t_2<\dots$, the time at which a threshold $A^*$ is
reached to stay is the first at which it is held for $h$ evaluations,

$$T(A)=\min\{t_i:\ A_i,\dots,A_{i+h-1}\ge A^*\}, \tag{1}$$

infinite if there is none, and the delay is

$$T(A_{test})-T(A_{train}), \tag{2}$$

with thresholds of their own. What comes later changes nothing: adaptive optimisers are prone to
spikes once the loss has all but vanished. Delays of several seeds have a median where they have
no mean.

Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

import operator
from functools import reduce

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, whole_number

# An accuracy is a whole number of pairs over another: single precision rounds it by less than
# this, and those of a million pairs differ by more.
_ROUNDING = 2.0**-22


def memorization_time(
    times: Reals, train_accuracy: Reals, threshold: Reals = 0.99, hold: int = 5
) -> Float[Array, "*batch"]:
    """When the training set is learned, Eq. (1).

    Arguments:
        times: of the evaluations, `(..., records)`, increasing: steps or time of the flow.
        train_accuracy: the fraction of training pairs answered right, `(..., records)`, from 0
            to 1.
        threshold: `A*`, `> 0` and `<= 1`, of shape `(...)`. Reached where missed by rounding.
        hold: `h`, evaluations in a row, the first included; `>= 1` and at most as many as there
            are. Static.

    Returns: the time, broadcast over the leading axes, an array of the arguments' library;
        infinite where the threshold is never held, as where it is reached with fewer than `h`
        evaluations left.
    Raises: `ValueError` for arguments out of bounds or shapes that do not fit; where they are
        traced, NaN instead for the former.
    """
    return _time_held(times, threshold, hold, train_accuracy=train_accuracy)


def generalization_time(
    times: Reals, test_accuracy: Reals, threshold: Reals = 0.95, hold: int = 5
) -> Float[Array, "*batch"]:
    """When pairs that were held out are answered, Eq. (1).

    Arguments, result and errors as of `memorization_time`, but for `test_accuracy`, the fraction
    of the pairs held out that are answered right.
    """
    return _time_held(times, threshold, hold, test_accuracy=test_accuracy)


def delay(
    times: Reals,
    train_accuracy: Reals,
    test_accuracy: Reals,
    *,
    train_threshold: Reals = 0.99,
    test_threshold: Reals = 0.95,
    hold: int = 5,
) -> Float[Array, "*batch"]:
    """From memorization to generalization, Eq. (2).

    Arguments and errors as of `memorization_time` and `generalization_time`.

    Returns: the delay, infinite where the network never generalizes, memorize or not. It is
        negative where the test threshold, the lower one, is reached first, and `-inf` where the
        network generalizes but never memorizes: so that a median of delays remains right. Never
        NaN for arguments within bounds.
    """
    memorized = memorization_time(times, train_accuracy, train_threshold, hold)
    generalized = generalization_time(times, test_accuracy, test_threshold, hold)
    xp, (memorized, generalized) = arrays(memorized=memorized, generalized=generalized)
    never = xp.isinf(generalized)
    # inf - inf would be NaN, and so would its gradient.
    difference = generalized - xp.where(never, xp.zeros_like(memorized), memorized)
    return nan_outside(xp, ~xp.isnan(memorized), difference)


def _time_held(
    times: Reals, threshold: Reals, hold: int, **accuracy: Reals
) -> Float[Array, "*batch"]:
    """Eq. (1) for the one `accuracy`, by its name."""
    ((name, _),) = accuracy.items()
    h = whole_number("hold", hold, 1)
    xp, (t, level, A) = arrays(times=times, threshold=threshold, **accuracy)
    if not t.ndim or not A.ndim or t.shape[-1] != A.shape[-1]:
        raise ValueError(
            f"`times` and `{name}` must have one entry for each evaluation on their last axis; "
            f"got shapes {tuple(t.shape)} and {tuple(A.shape)}"
        )
    records = t.shape[-1]
    if records < h:
        raise ValueError(f"`hold` must be at most the number of evaluations, {records}; got {h}")
    inside = require((level > 0) & (level <= 1), "> 0 and <= 1", threshold=level)
    within = require((A >= 0) & (A <= 1), ">= 0 and <= 1", **{name: A})
    finite = require(xp.isfinite(t), "finite", times=t)
    later = require(t[..., 1:] > t[..., :-1], "increasing", times=t[..., 1:])
    inside = inside & xp.all(within, axis=-1) & xp.all(finite, axis=-1) & xp.all(later, axis=-1)
    reached = level[..., None] <= A + _ROUNDING
    first = records - h + 1  # as many evaluations have h - 1 after them
    held = reduce(operator.and_, (reached[..., i : i + first] for i in range(h)))
    return nan_outside(xp, inside, xp.min(xp.where(held, t[..., :first], xp.inf), axis=-1))
