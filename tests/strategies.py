"""Physical ranges to draw from: on a log scale where a quantity spans decades."""

from __future__ import annotations

import math

from hypothesis import strategies as st


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats between `low` and `high`, uniform in the logarithm."""
    return st.floats(math.log10(low), math.log10(high)).map(lambda exponent: 10.0**exponent)


def of_either_sign(magnitudes: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.builds(math.copysign, magnitudes, st.sampled_from([1.0, -1.0]))


ten_decades = decades(1e-5, 1e5)
times = decades(1e-2, 1e2)
singular_values = decades(0.1, 10)
small_strengths = decades(1e-6, 1e-1)
strengths = decades(1e-4, 10)
fractions = st.floats(0.001, 0.999)
scales = decades(0.1, 10)
weights = of_either_sign(decades(1e-2, 3))
imbalances = of_either_sign(decades(1e-4, 30))
learning_rates = decades(1e-4, 1e-1)
depths = st.sampled_from([1, 2, 2.5, 3, 4, 7, 50, math.inf])
deep = st.sampled_from([2.5, 3, 4, 7, 50, math.inf])
seeds = st.integers(0, 2**32 - 1)
