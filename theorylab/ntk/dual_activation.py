r"""Dual activations: averages of an activation over two correlated normal variables.

$$\hat\phi(a, c, b) = \langle\phi(u)\,\phi(v)\rangle, \quad
  \widehat{\phi'}(a, c, b) = \langle\phi'(u)\,\phi'(v)\rangle = \partial\hat\phi/\partial c, \qquad
  (u, v) \sim N\Big(0, \begin{pmatrix}a & c\\ c & b\end{pmatrix}\Big). \tag{1}$$

The closed forms stand in `theorylab.ntk.activations`, one file for each activation.

Proof: `proofs/ntk/dual_activation.py`.
Reference: Daniely, Frostig & Singer (2016), arXiv:1602.05897; Lee et al. (2019), arXiv:1902.06720.
"""

from __future__ import annotations

from typing import Any

from theorylab.ntk.activations import Activation, named
from theorylab.numerics.annotations import Array, Bool, Float, Reals
from theorylab.numerics.arrays import arrays, nan_outside, require, require_nonnegative


def dual_activation(
    activation: Activation | str, k11: Reals, k12: Reals, k22: Reals
) -> Float[Array, "*batch"]:
    """`<phi(u) phi(v)>` over normal `u` and `v` of mean zero, Eq. (1).

    Arguments:
        activation: `phi`, of `theorylab.ntk.activations`, or its name.
        k11, k22: variances of `u` and `v`; `>= 0`.
        k12: their covariance, `k12^2 <= k11 k22` up to rounding.

    Returns: the average, broadcast over the arguments, an array of their library (NumPy by
        default).
    Raises: `ValueError` for arguments out of bounds; under `jit`, NaN instead.
    """
    return _averages(activation, k11, k12, k22)[0]


def dual_derivative(
    activation: Activation | str, k11: Reals, k12: Reals, k22: Reals
) -> Float[Array, "*batch"]:
    """`<phi'(u) phi'(v)>`, the derivative of `dual_activation` in `k12`, Eq. (1).

    Arguments, errors and shapes are those of `dual_activation`.
    """
    return _averages(activation, k11, k12, k22)[1]


def _averages(activation: Activation | str, k11: Reals, k12: Reals, k22: Reals) -> tuple:
    phi = named(activation)
    xp, (a, c, b) = arrays(k11=k11, k12=k12, k22=k22)
    inside = require_nonnegative(k11=a, k22=b) & _within(xp, a, c, b)
    return tuple(nan_outside(xp, inside, average) for average in phi._duals(xp, a, c, b))


def _within(xp: Any, a: Array, c: Array, b: Array) -> Bool[Array, "*batch"]:
    largest = xp.sqrt(xp.abs(a)) * xp.sqrt(xp.abs(b))
    rounding = 8 * xp.finfo(c.dtype).eps
    return require(xp.abs(c) <= largest * (1 + rounding), "at most sqrt(k11 k22) in size", k12=c)
