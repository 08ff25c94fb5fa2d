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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from theorylab.ntk.activations import Activation, named
from theorylab.ntk.activations.activation import parameter
from theorylab.numerics.annotations import Array, Float, Real, Reals
from theorylab.numerics.arc_cosine import within_variances
from theorylab.numerics.arrays import (
    arrays,
    host_array,
    product,
    require_examples,
    require_finite,
    require_nonnegative,
    require_positive,
)
from theorylab.numerics.half_angle import HalfAngleSeries, half_angle_series
from theorylab.numerics.pairwise import mirror, pairwise_series, row_lengths, slices

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
        if not isinstance(self.biases, bool):
            raise TypeError(f"`biases` must be True or False; got {self.biases!r}")
        try:
            hash(self.activation)
        except TypeError:
            raise TypeError(
                f"`activation` must be hashable, a frozen dataclass for instance; got "
                f"{self.activation!r}"
            ) from None
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

        Raises: `ValueError` for the standard parametrization, which has no such form; `TypeError`
            for a weight variance that JAX traces, as it becomes part of the activation.
        """
        if self.parametrization != "ntk":
            raise ValueError("the standard parametrization has no form with weights of variance 1")
        variance = parameter("weight_variance", self.weight_variance)
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
            Concrete arrays of NumPy, and of JAX in this machine's memory, go the fast way where the
            kernel is a function of the angle alone: without biases for activations of two slopes,
            and between rows of one length for all (2^14 pairs or more). The cost is that of the
            product of the inputs; the error is rounding, about 1e-6 of the kernel in single
            precision and 1e-14 in double, relative to a tenth of the diagonal where the kernel is
            smaller. All else goes through the recursion, in double precision for what lies in
            memory: between nearly parallel rows it has the error of the angle, the root of the
            rounding error. It is what JAX differentiates.
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
        self._require_width()
        xp, (x, *_) = arrays(x=x, **self._traced())
        require_examples(x=x)
        inside = xp.all(require_finite(x=x)) & self._inside()
        host = host_array(x) if self._concrete() else None
        if host is not None:
            exact = self._diagonal(np, row_lengths(host) ** 2, x.shape[1])
            return Kernels(*(xp.asarray(kernel.astype(host.dtype)) for kernel in exact))
        exact = self._diagonal(xp, xp.sum(x * x, axis=1), x.shape[1])
        return Kernels(*(xp.where(inside, kernel, xp.nan) for kernel in exact))

    def _kernels(self, x1: Any, x2: Any, which: Sequence[str]) -> list[Array]:
        if "ntk" in which:
            self._require_width()
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
        inside = inside & self._inside()
        if self._concrete():
            left, right = host_array(x1), None if x2 is None else host_array(x2)
            if left is not None and (x2 is None or right is not None):
                return [xp.asarray(kernel) for kernel in self._in_memory(left, right, which)]
        kernels = self._recursion(xp, x1, x2, which)
        return [xp.where(inside, kernel, xp.nan) for kernel in kernels]

    def _require_width(self) -> None:
        if self.parametrization == "standard" and self.width is None:
            raise ValueError("`width` is needed by the standard parametrization's tangent kernel")

    def _inside(self) -> Any:
        """Whether traced variances are in bounds; concrete ones are."""
        inside: Any = True
        for name, value in self._traced().items():
            bounded = require_positive if name == "weight_variance" else require_nonnegative
            inside = inside & bounded(**{name: value})
            if name == "bias_variance" and not self.biases:
                inside = inside & (value == 0)
        return inside

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
        products, inputs = product(xp, x1, other.T), x1.shape[1]
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
        inputs, dtype = x1.shape[1], x1.dtype
        lengths = [row_lengths(x) for x in (x1, x1 if x2 is None else x2)]
        found = [self._of_angle(name, lengths, inputs, dtype) for name in which]
        short = [one for one in found if one is not None]
        if len(short) == len(which):
            common = short[0][1]
            radii = [math.sqrt(common) * radius for radius in self._radii(lengths, inputs)]
            kernels = pairwise_series([series for series, _ in short], x1, x2, *radii)
            for kernel, (_, factor) in zip(kernels, short, strict=True):
                if factor != common:  # of the standard parametrization's two kernels
                    kernel *= dtype.type(factor / common)
        else:
            kernels = self._by_blocks(x1, x2, which)
        if x2 is None:
            exact = self._diagonal(np, lengths[0] ** 2, inputs)._asdict()
            for name, kernel in zip(which, kernels, strict=True):
                np.fill_diagonal(kernel, exact[name])
        return kernels

    def _radii(self, lengths: Sequence[np.ndarray], inputs: int) -> list[np.ndarray]:
        """What multiplies the function of the angle: a factor for each row."""
        if self._scale_free("nngp"):
            return [length / math.sqrt(inputs) for length in lengths]
        return [np.ones_like(length) for length in lengths]

    def _of_angle(
        self, name: str, lengths: Sequence[np.ndarray], inputs: int, dtype: np.dtype
    ) -> tuple[HalfAngleSeries, float] | None:
        """A kernel as a series of the angle and a factor, where it is one and the series short."""
        epsilon, network, factor = float(np.finfo(dtype).eps), self, 1.0
        low, high = min(r.min() for r in lengths), max(r.max() for r in lengths)
        if self._scale_free(name):
            # At the variance that keeps the mean square, so that no depth underflows.
            square = float(named(self.activation)._moments(np, np.asarray(1.0))[0])
            if not square:
                return None
            network, level = replace(self, weight_variance=1 / square), 1.0
            power = self.depth - (name == "ntk" and self.parametrization == "standard")
            with np.errstate(over="ignore"):
                factor = float(np.float64(self.weight_variance * square) ** power)
        elif self._scale_free("nngp") or len(lengths[0]) * len(lengths[1]) < _MANY_PAIRS:
            return None
        elif low > 0 and high - low <= 4 * epsilon * high:
            # Rounded, so that tiles of the same rows share a series.
            step = 4 * epsilon
            level = math.exp(round(2 * math.log(high) / step) * step) / inputs
        else:
            return None
        series = _angle_series(network, name, level, inputs, dtype)
        # A kernel in single precision is good to some roundings, in double to 1e-11.
        return (series, factor) if series.error <= max(8 * epsilon, 1e-11) else None

    def _scale_free(self, name: str) -> bool:
        """Whether a kernel is the rows' lengths times a function of the angle."""
        bias = self.bias_variance
        if name == "ntk" and self.parametrization == "standard":
            bias = self.biases
        return named(self.activation).homogeneous and not bias

    def _by_blocks(
        self, x1: np.ndarray, x2: np.ndarray | None, which: Sequence[str]
    ) -> list[np.ndarray]:
        """The recursion over blocks of rows; of a symmetric kernel, over one triangle.

        In float64 always: nearly parallel rows have the error of the root of the rounding.
        """
        out = [np.empty((len(x1), len(x1 if x2 is None else x2)), x1.dtype) for _ in which]
        left = x1.astype(np.float64)
        right = left if x2 is None else x2.astype(np.float64)
        for rows in slices(len(left), max(1, _BLOCK // len(right))):
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
    network: FullyConnected, name: str, level: float, inputs: int, dtype: np.dtype
) -> HalfAngleSeries:
    """A kernel between inputs of mean square `level`, as a function of their correlation."""

    def kernel(minus: np.ndarray, plus: np.ndarray) -> np.ndarray:
        square = np.full_like(minus, level * inputs)
        with np.errstate(all="ignore"):  # what is not finite shows in the error
            kernels = network._layers_by_gaps(square, minus, plus, inputs)
        return kernels[Kernels._fields.index(name)]

    epsilon = float(np.finfo(dtype).eps)
    return half_angle_series(kernel, tolerance=max(epsilon / 4, 1e-14), dtype=dtype)


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
