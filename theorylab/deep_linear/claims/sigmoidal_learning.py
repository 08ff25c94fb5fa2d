"""Two layers: the sigmoid."""

from __future__ import annotations

from functools import partial

from theorylab.deep_linear.claims.balanced import predicted_strengths, step_error, trained_strengths
from theorylab.deep_linear.claims.sources import SAXE_2014, at
from theorylab.deep_linear.claims.training import RUN, require_small_steps, scales, time_and_mode
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.verify import Claim, Exact

predicted = partial(predicted_strengths, depth=2)

sigmoidal_learning = Claim(
    statement="Every mode of a trained two-layer linear network follows the sigmoid, Eq. (2) of "
    "`mode_strength`.",
    source=at(SAXE_2014, "The time course of learning"),
    assumes=("squared loss", "whitened inputs", "balanced weights aligned with the target"),
    predict=predicted,
    observe=partial(trained_strengths, depth=2),
    quantity="mode strength $u$",
    domain=require_small_steps,
    coords=time_and_mode,
    criterion=Exact(tolerance=partial(step_error, depth=2)),
    rivals={
        "a shallow network's law": partial(
            predicted, law=lambda t, s, u0, depth: mode_strength(t, s, u0, depth=1)
        ),
        "one layer's share of the rate": partial(predicted, law=partial(mode_strength, tau=2.0)),
        "learning 1 % slow": partial(predicted, law=partial(mode_strength, tau=1.01)),
    },
    settings=scales(
        quick=[dict(data=data, **RUN) for data in ("digits", "wine")],
        standard=[
            dict(data=data, **{**RUN, "step": 0.002, "start": start})
            for data in ("digits", "wine", "breast_cancer", "iris", "diabetes")
            for start in (0.05, 1e-4)
        ],
    ),
    replicates=2,
    tile=2,
    proof="deep_linear/mode_strength",
)
