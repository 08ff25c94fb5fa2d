"""Any depth: the plateau and the transition."""

from __future__ import annotations

from functools import partial

from theorylab.deep_linear.claims.balanced import predicted_strengths, step_error, trained_strengths
from theorylab.deep_linear.claims.sources import SAXE_2014, at
from theorylab.deep_linear.claims.training import RUN, require_small_steps, scales, time_and_mode
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.verify import Claim, Exact


def other_depth(t, s, u0, *, depth):
    return mode_strength(t, s, u0, depth=depth + 1)


def other_exponent(t, s, u0, *, depth):
    """`du/dt = L u^(2 - 1/L) (s - u)`: the law of depth `2L`, at half its rate."""
    return mode_strength(t, s, u0, depth=2 * depth, tau=2.0)


def one_layer_moves(t, s, u0, *, depth):
    return mode_strength(t, s, u0, depth=depth, tau=float(depth))


depth_sets_the_plateau = Claim(
    statement="Every mode of a linear network of depth L obeys du/dt = L u^(2 - 2/L) (s - u): "
    "no plateau at depth 1, a logarithmic one at depth 2, a power law beyond.",
    source=at(SAXE_2014, "Deeper multilayer dynamics"),
    assumes=("squared loss", "whitened inputs", "balanced weights aligned with the target"),
    predict=predicted_strengths,
    observe=trained_strengths,
    quantity="mode strength $u$",
    domain=require_small_steps,
    coords=time_and_mode,
    criterion=Exact(tolerance=step_error),
    rivals={
        "depth counts layers of neurons": partial(predicted_strengths, law=other_depth),
        "exponent 2 - 1/L": partial(predicted_strengths, law=other_exponent),
        "no factor L": partial(predicted_strengths, law=one_layer_moves),
        "learning 1 % slow": partial(predicted_strengths, law=partial(mode_strength, tau=1.01)),
    },
    settings=scales(
        quick=[
            *(dict(data="digits", depth=depth, **RUN) for depth in (1, 2, 3, 5)),
            dict(data="breast_cancer", depth=3, **RUN),
        ],
        standard=[
            dict(data=data, depth=depth, **{**RUN, "step": 0.002, "horizon": 60.0})
            for depth in (1, 2, 3, 4, 5, 8)
            for data in ("digits", "wine", "breast_cancer", "iris", "diabetes")
        ],
    ),
    replicates=2,
    tile=2,
    proof="deep_linear/learning_time",
)
