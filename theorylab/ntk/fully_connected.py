r"""Kernels of fully connected networks of infinite width.

With depth $L$ (weight layers), width $n$, activation $\phi$ and parameters $W, b\sim N(0,1)$, all
trained,

$$z^1 = \frac{\sigma_w}{\sqrt d}W^1x + \sigma_bb^1, \qquad
  z^{l+1} = \frac{\sigma_w}{\sqrt n}W^{l+1}\phi(z^l) + \sigma_bb^{l+1}, \qquad f = z^L. \tag{1}$$

As $n\to\infty$ outputs are independent Gaussian processes of covariance $K = K^L$ (`nngp`), and the
tangent kernel $\langle\partial_\theta f(x), \partial_\theta f(x')\rangle$ tends to
$\Theta = \Theta^L$ (`ntk`):

$$K^1 = \sigma_w^2\,\frac{x\cdot x'}d + \sigma_b^2, \qquad
  K^{l+1} = \sigma_w^2\,\hat\phi(K^l) + \sigma_b^2, \tag{2}$$
$$\Theta^1 = K^1, \qquad
  \Theta^{l+1} = \sigma_w^2\,\widehat{\phi'}(K^l)\,\Theta^l + K^{l+1}, \tag{3}$$

with the duals of `dual_activation`. The standard parametrization, $W\sim N(0,\sigma_w^2/n_{in})$
and $b\sim N(0,\sigma_b^2)$ with one learning rate for all, has the same $K$ and

$$\Theta^1 = x\cdot x' + 1, \qquad
  \Theta^{l+1} = \sigma_w^2\,\widehat{\phi'}(K^l)\,\Theta^l + n\,\hat\phi(K^l) + 1, \tag{4}$$

where the 1 is the biases' part. The form of Jacot et al. has $\sigma_w=1$ and $\sigma_b=\beta$; for
networks of any width, with $\tilde\phi(u) = \phi(\sigma_wu)$,

$$f_{(\sigma_w,\sigma_b),\phi} = \sigma_w\,f_{(1,\,\sigma_b/\sigma_w),\tilde\phi}, \qquad
  \Theta_{(\sigma_w,\sigma_b),\phi} = \sigma_w^2\,\Theta_{(1,\,\sigma_b/\sigma_w),\tilde\phi}.
  \tag{5}$$

Proof: `proofs/ntk/fully_connected.py`.
Claims: `initial_kernel`, `infinite_width`, `kernel_fluctuations`.
Reference: Jacot, Gabriel & Hongler (2018), arXiv:1806.07572; Lee et al. (2018), arXiv:1711.00165,
and (2019), arXiv:1902.06720; Sohl-Dickstein, Novak, Schoenholz & Lee (2020), arXiv:2001.07301, for
Eq. (4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theorylab.ntk.activations import Activation, named
from theorylab.numerics.annotations import Array, Float, Real, Reals
from theorylab.numerics.arc_cosine import within_variances
from theorylab.numerics.arrays import (
    arrays,
    host_array,
    require_examples,
    require_finite,
    require_nonnegative,
    require_positive,
)
from theorylab.numerics.half_angle import HalfAngleSeries, half_angle_series
from theorylab.numerics.pairwise import mirror, pairwise_series, row_lengths

# From so many pairs on, the series of an angle is worth its making.
_MANY_PAIRS = 2**14
# The most elements of a block of rows that the recursion works on at once.
_BLOCK = 2**20


class Kernels(NamedTuple):
    nngp: Float[Array, "left right"]
    ntk: Float[Array, "left right"]


class JacotForm(NamedTuple):
    scale: float
    network: FullyConnected


@dataclass(frozen=True)
class FullyConnected:
    """A fully connected network of infinite width, Eq. (1): its kernels are its methods.

    Arguments:
        depth: `L`, weight layers; `>= 1`. One hidden layer is depth 2.
        activation: `phi`: an activation of `theorylab.ntk.activations`, or a name: `"relu"`,
            `"abs"`, `"identity"`, `"erf"`, `"sin"`, `"cos"`, `"exp"`, `"gaussian"`, `"gelu"`.
        weight_variance: `sigma_w^2`; `> 0`. ReLU keeps the mean square at 2.
        bias_variance: `sigma_b^2`; `>= 0`. Either may be traced by JAX.
        parametrization: `"ntk"`, Eq. (1), or `"standard"`, Eq. (4).
        width: `n`, of the hidden layers; needed by the standard parametrization's `ntk` alone.
        biases: whether there are biases. It matters to the standard parametrization, whose biases
            are trained even where they start at 0.

    Raises: `ValueError` or `TypeError` for arguments out of bounds.
    """

    depth: int
    activation: Activation | str = "relu"
    weight_variance: Real = 1.0
    bias_variance: Real = 0.0
    parametrization: str = "ntk"
    width: int | None = None
    biases: bool = True

    def __post_init__(self) -> None:
        _require_count("depth", self.depth, "weight layers")
        object.__setattr__(self, "activation", named(self.activation))
        for name, bound in (("weight_variance", "> 0"), ("bias_variance", ">= 0")):
            object.__setattr__(self, name, _number(name, getattr(self, name), bound))
        if self.parametrization not in ("ntk", "standard"):
            raise ValueError(
                f"`parametrization` must be 'ntk' or 'standard'; got {self.parametrization!r}"
            )
        if self.width is not None:
            _require_count("width", self.width, "neurons of a hidden layer")
        if not self.biases and self._concrete() and self.bias_variance:
            raise ValueError(
                f"`bias_variance` must be 0 without biases; got {self.bias_variance:g}"
            )

    @classmethod
    def jacot(
        cls, depth: int, activation: Activation | str = "relu", *, beta: float = 0.1
    ) -> FullyConnected:
        """The network in the form of Jacot et al.: `sigma_w = 1`, and biases scaled by `beta`."""
        return cls(depth, activation, 1.0, _number("beta", beta, ">= 0") ** 2)

    def in_jacot_form(self) -> JacotForm:
        """The same network with `sigma_w = 1`, Eq. (5): its kernels times `scale` are these.

        Raises: `ValueError` for the standard parametrization, which has no such form.
        """
        if self.parametrization != "ntk":
            raise ValueError("the standard parametrization has no form with weights of variance 1")
        variance = self.weight_variance
        network = replace(
            self,
            activation=named(self.activation).dilated(math.sqrt(variance)),
            weight_variance=1.0,
            bias_variance=self.bias_variance / variance,
        )
        return JacotForm(variance, network)

    def nngp(self, x1: Reals, x2: Reals | None = None) -> Float[Array, "left right"]:
        """Covariance `K` of an output between inputs, Eq. (2).

        Arguments:
            x1, x2: `(examples, inputs)`, examples in rows; without `x2`, `x1` against itself,
                whose diagonal is exact.

        Returns: an array of the library of the arguments (NumPy by default), of their precision.
            Concrete arrays of NumPy and JAX go the fast way where the kernel is a function of the
            angle alone: without biases for activations of two slopes, and for rows of one length
            for all. The cost is that of the product of the inputs, and the error rounding. What
            JAX traces, and other libraries' arrays, go through the recursion as it stands, which
            can be differentiated; there, and with rows of many lengths, nearly parallel rows of
            different arrays have the error of the angle, the root of the rounding error (of
            float64 for NumPy).
        Raises: `ValueError` for arrays that are not two-dimensional or do not fit, and for values
            that are not finite; under `jit`, NaN for the latter.
        """
        return self._kernels(x1, x2, ("nngp",))[0]

    def ntk(self, x1: Reals, x2: Reals | None = None) -> Float[Array, "left right"]:
        """Tangent kernel `Theta` between inputs, Eq. (3) or (4), of one output.

        With several outputs it is this times the identity. Arguments, results and errors are those
        of `nngp`.
        """
        return self._kernels(x1, x2, ("ntk",))[0]

    def nngp_ntk(self, x1: Reals, x2: Reals | None = None) -> Kernels:
        """Both kernels at once, at little more than the cost of one."""
        return Kernels(*self._kernels(x1, x2, ("nngp", "ntk")))

    def diagonal(self, x: Reals) -> Kernels:
        """Both kernels between each example and itself, exactly: `(examples)` each."""
        xp, (x,) = arrays(x=x)
        require_examples(x1=x)
        inside = xp.all(require_finite(x1=x))
        exact = self._diagonal(xp, xp.sum(x * x, axis=1), x.shape[1])
        return Kernels(*(xp.where(inside, kernel, xp.nan) for kernel in exact))

    def _kernels(self, x1: Any, x2: Any, which: Sequence[str]) -> list[Array]:
        if "ntk" in which and self.parametrization == "standard" and self.width is None:
            raise ValueError("`width` is needed by the standard parametrization's tangent kernel")
        if x2 is x1:
            x2 = None
        if x2 is None:
            xp, (x1, *_) = arrays(x1=x1, **self._traced())
            require_examples(x1=x1)
            inside = xp.all(require_finite(x1=x1))
        else:
            xp, (x1, x2, *_) = arrays(x1=x1, x2=x2, **self._traced())
            require_examples(x1=x1, x2=x2)
            inside = xp.all(require_finite(x1=x1)) & xp.all(require_finite(x2=x2))
        if self._concrete():
            left, right = host_array(x1), None if x2 is None else host_array(x2)
            if left is not None and (x2 is None or right is not None):
                return [xp.asarray(kernel) for kernel in self._in_memory(left, right, which)]
        kernels = self._recursion(xp, x1, x2, which)
        return [xp.where(inside, kernel, xp.nan) for kernel in kernels]

    def _concrete(self) -> bool:
        return not self._traced()

    def _traced(self) -> dict[str, Any]:
        """The variances that are arrays, as they are where one differentiates by them."""
        variances = {"weight_variance": self.weight_variance, "bias_variance": self.bias_variance}
        return {name: v for name, v in variances.items() if not isinstance(v, float)}

    # Eqs. (2) to (4), in any array library.

    def _recursion(self, xp: Any, x1: Array, x2: Array | None, which: Sequence[str]) -> list[Array]:
        squares1 = xp.sum(x1 * x1, axis=1)
        other, squares2 = (x1, squares1) if x2 is None else (x2, xp.sum(x2 * x2, axis=1))
        products, inputs = x1 @ other.T, x1.shape[1]
        kernels = self._layers(xp, squares1[:, None], products, squares2[None, :], inputs, which)
        if x2 is not None:
            return kernels
        row = xp.arange(x1.shape[0])
        below, same = row[:, None] > row, row[:, None] == row
        exact = self._diagonal(xp, squares1, inputs)._asdict()
        return [
            xp.where(same, exact[name][:, None], xp.where(below, kernel, kernel.T))
            for name, kernel in zip(which, kernels, strict=True)
        ]

    def _layers(
        self, xp: Any, a: Array, c: Array, b: Array, inputs: int, which: Sequence[str]
    ) -> list[Array]:
        """The kernels from the products of inputs, `c`, and their squares, `a` and `b`."""
        phi = named(self.activation)
        a, b = (self._first(square, inputs) for square in (a, b))
        K, Theta = self._first(c, inputs), self._first_tangent(c, inputs)
        for _ in range(self.depth - 1):
            value, derivative = phi._duals(xp, a, within_variances(xp, a, K, b), b)
            a, b = (self._next(phi._moments(xp, square)[0]) for square in (a, b))
            K = self._next(value)
            if "ntk" in which:
                Theta = self._next_tangent(Theta, value, derivative)
        return [{"nngp": K, "ntk": Theta}[name] for name in which]

    def _layers_by_gaps(
        self, square: np.ndarray, minus: np.ndarray, plus: np.ndarray, inputs: int
    ) -> Kernels:
        """Kernels of inputs of equal `square`, from `1 - rho` and `1 + rho` of the inputs.

        Layer by layer the gaps are carried, not their difference, so that the angle between nearly
        parallel inputs keeps its digits.
        """
        phi = named(self.activation)
        product = square * (plus - minus) / 2
        K, Theta = self._first(product, inputs), self._first_tangent(product, inputs)
        a = self._first(square, inputs)
        weight, bias = (a - self.bias_variance) / a, self.bias_variance / a
        for _ in range(self.depth - 1):
            minus, plus = weight * minus, weight * plus + 2 * bias
            value, derivative, minus, plus = phi._duals_by_gaps(np, a, minus, plus)
            a = self._next(phi._moments(np, a)[0])
            weight, bias = (a - self.bias_variance) / a, self.bias_variance / a
            K, Theta = self._next(value), self._next_tangent(Theta, value, derivative)
        return Kernels(K, Theta)

    def _diagonal(self, xp: Any, squares: Array, inputs: int) -> Kernels:
        K, Theta = self._first(squares, inputs), self._first_tangent(squares, inputs)
        for _ in range(self.depth - 1):
            value, derivative = named(self.activation)._moments(xp, K)
            K, Theta = self._next(value), self._next_tangent(Theta, value, derivative)
        return Kernels(K, Theta)

    def _first(self, product: Array, inputs: int) -> Array:
        return self.weight_variance / inputs * product + self.bias_variance

    def _next(self, value: Array) -> Array:
        return self.weight_variance * value + self.bias_variance

    def _first_tangent(self, product: Array, inputs: int) -> Array:
        if self.parametrization == "standard":
            return product + int(self.biases)
        return self._first(product, inputs)

    def _next_tangent(self, Theta: Array, value: Array, derivative: Array) -> Array:
        fresh = self._next(value)
        if self.parametrization == "standard":
            fresh = (self.width or 1) * value + int(self.biases)
        return self.weight_variance * derivative * Theta + fresh

    # Many pairs in memory.

    def _in_memory(
        self, x1: np.ndarray, x2: np.ndarray | None, which: Sequence[str]
    ) -> list[np.ndarray]:
        """Kernels of concrete arrays: as functions of the angle, or by blocks of rows."""
        inputs, epsilon = x1.shape[1], float(np.finfo(x1.dtype).eps)
        lengths = [row_lengths(x) for x in (x1, x1 if x2 is None else x2)]
        level = self._level(lengths, inputs, epsilon)
        if not self._scale_free() and len(lengths[0]) * len(lengths[1]) < _MANY_PAIRS:
            level = None
        series = []
        if level is not None:
            series = [_angle_series(self, name, level, inputs, epsilon) for name in which]
        if level is None or any(one.error > max(epsilon, 1e-11) for one in series):
            kernels = self._by_blocks(x1, x2, which)
        else:
            scale = math.sqrt(inputs)
            free = self._scale_free()
            radii = [length / scale if free else np.ones_like(length) for length in lengths]
            kernels = pairwise_series(series, x1, x2, *radii)
        if x2 is None:
            exact = self._diagonal(np, lengths[0] ** 2, inputs)._asdict()
            for name, kernel in zip(which, kernels, strict=True):
                np.fill_diagonal(kernel, exact[name])
        return kernels

    def _scale_free(self) -> bool:
        """Whether kernels are the rows' lengths times a function of the angle."""
        bias = self.biases if self.parametrization == "standard" else self.bias_variance
        return named(self.activation).homogeneous and not bias

    def _level(self, lengths: Sequence[np.ndarray], inputs: int, epsilon: float) -> float | None:
        """The mean square of inputs at which kernels are functions of the angle alone."""
        if self._scale_free():
            return 1.0
        low, high = min(r.min() for r in lengths), max(r.max() for r in lengths)
        if low > 0 and high - low <= 4 * epsilon * high:
            return float(((low + high) / 2) ** 2 / inputs)
        return None

    def _by_blocks(
        self, x1: np.ndarray, x2: np.ndarray | None, which: Sequence[str]
    ) -> list[np.ndarray]:
        """The recursion over blocks of rows; of a symmetric kernel, over one triangle.

        In float64 always: nearly parallel rows have the error of the root of the rounding.
        """
        out = [np.empty((len(x1), len(x1 if x2 is None else x2)), x1.dtype) for _ in which]
        left = x1.astype(np.float64)
        right = left if x2 is None else x2.astype(np.float64)
        for rows in _blocks(len(left), len(right)):
            columns = slice(0, rows.stop) if x2 is None else slice(None)
            tiles = self._recursion(np, left[rows], right[columns], which)
            for whole, tile in zip(out, tiles, strict=True):
                whole[rows, columns] = tile
                if x2 is None:
                    whole[columns, rows] = tile.T
                    mirror(whole[rows, rows])
        return out


@lru_cache(maxsize=64)
def _angle_series(
    network: FullyConnected, name: str, level: float, inputs: int, epsilon: float
) -> HalfAngleSeries:
    """A kernel between inputs of mean square `level`, as a function of their correlation."""

    def kernel(minus: np.ndarray, plus: np.ndarray) -> np.ndarray:
        square = np.full_like(minus, level * inputs)
        return network._layers_by_gaps(square, minus, plus, inputs)[Kernels._fields.index(name)]

    return half_angle_series(kernel, tolerance=max(epsilon / 4, 1e-14))


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, _BLOCK // columns)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _require_count(name: str, value: Any, meaning: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` counts {meaning} and must be an integer; got {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` counts {meaning} and must be >= 1; got {value}")


def _number(name: str, value: Any, bound: str) -> Any:
    """A variance as a Python float, or as it is where JAX traces it."""
    _, (array,) = arrays(**{name: value})
    if array.ndim:
        raise ValueError(f"`{name}` must be one number; got shape {tuple(array.shape)}")
    (require_positive if bound == "> 0" else require_nonnegative)(**{name: array})
    try:
        return float(value)
    except TypeError:  # traced
        return value
