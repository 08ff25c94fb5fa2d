"""What the smooth activations made of normal densities share: duals of regularised variances."""

from __future__ import annotations

from typing import Any

from theorylab.ntk.activations.activation import Activation
from theorylab.numerics.annotations import Array
from theorylab.numerics.arc_cosine import Regularised, regularised


class Regular(Activation):
    """An activation whose duals are functions of `1 + ka`, `1 + kb` and `c`, for one `k`."""

    def _unit(self) -> float:
        """`k`."""
        raise NotImplementedError

    def _of(self, xp: Any, a: Array, c: Array, b: Array, at: Regularised) -> tuple[Array, Array]:
        """Both duals."""
        raise NotImplementedError

    def _duals(self, xp: Any, a: Array, c: Array, b: Array) -> tuple[Array, Array]:
        return self._of(xp, a, c, b, regularised(xp, a, c, b, self._unit()))

    def _moments(self, xp: Any, a: Array) -> tuple[Array, Array]:
        return self._of(xp, a, a, a, regularised(xp, a, a, a, self._unit(), apart=0.0))

    def _duals_by_gaps(self, xp: Any, a: Array, minus: Array, plus: Array) -> tuple[Array, ...]:
        c = a * (plus - minus) / 2
        at = regularised(xp, a, c, a, self._unit(), apart=minus * plus)
        value, derivative = self._of(xp, a, c, a, at)
        square = self._moments(xp, a)[0]
        return value, derivative, (square - value) / square, (square + value) / square
