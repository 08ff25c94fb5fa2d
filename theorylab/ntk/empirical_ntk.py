r"""The tangent kernel of a given network, at any width.

Over the trained parameters $\theta$, and for outputs $f_c$,

$$\Theta_{cc'}(x, x') = \sum_\theta \partial_\theta f_c(x)\,\partial_\theta f_{c'}(x'). \tag{1}$$

For a fully connected network, examples being rows,

$$z^1 = \tfrac{\sigma_w}{\sqrt d}\,xW^1 + \sigma_b b^1, \quad
z^{l+1} = \tfrac{\sigma_w}{\sqrt{n_l}}\,\phi(z^l)W^{l+1} + \sigma_b b^{l+1}, \quad
f = z^{L}, \tag{2}$$

the gradient by a weight is a product of what enters its layer, $\phi^{l-1} = \phi(z^{l-1})$ (the
input in the first layer), and of the signal $\delta^l_c = \partial f_c/\partial z^l$ that comes
back to its layer. So is the sum over the layer's parameters:

$$\Theta_{cc'}(x, x') = \sum_{l=1}^{L} \Big[\frac{\sigma_w^2}{n_{l-1}}\,
\phi^{l-1}(x)\cdot\phi^{l-1}(x') + \sigma_b^2\Big]\,
\delta^l_c(x)\cdot\delta^l_{c'}(x'). \tag{3}$$

It takes one pass forward, one backward, and two Gram matrices for each layer, where (1) takes
products of vectors as long as the parameters. In the standard parametrization, $z = \phi W + b$,
all factors are 1.

Reference: Jacot, Gabriel & Hongler (2018), arXiv:1806.07572; products (3) as in Novak,
Sohl-Dickstein & Schoenholz (2022), arXiv:2206.08720.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_examples,
    require_finite,
    require_nonnegative,
    require_positive,
)


def empirical_ntk(
    weights: Sequence[Array],
    x1: Float[Array, "examples inputs"],
    x2: Float[Array, "others inputs"] | None = None,
    *,
    activation: Callable[[Array], Array],
    biases: Sequence[Array] | None = None,
    weight_variance: Reals = 1.0,
    bias_variance: Reals = 0.0,
    parametrization: str = "ntk",
    outputs: str = "mean",
    layers: Sequence[int] | None = None,
    memory: float = 2**30,
) -> Float[Array, "examples others"] | Float[Array, "examples others outputs outputs"]:
    """Tangent kernel of a fully connected network, Eq. (3).

    Arguments:
        weights: a matrix (inputs, outputs) for each layer, the first layer first.
        x1, x2: examples in rows; without `x2`, `x1` against itself.
        activation: a function of JAX arrays that acts on every entry by itself, differentiable and
            hashable. It is compiled once for every function object: a new lambda at each call
            compiles each time. Whether an entry depends on others is tried at random numbers.
        biases: a vector for each layer; trained where they are given.
        weight_variance, bias_variance: `sigma_w^2 > 0` and `sigma_b^2 >= 0`, one number each,
            factors of the network, Eq. (2): weights and biases are of order 1.
        parametrization: "ntk", Eq. (2); or "standard", a network `phi(z) W + b` whose weights and
            biases have their scale in themselves: then both variances stay at their defaults.
        outputs: "mean" for the mean over outputs of `Theta_cc`, "all" for every pair of outputs.
        layers: indices of the layers that are trained, from 0; all by default.
        memory: bytes that the work may take besides arguments and result. Tiles of examples are
            chosen to fit it (never less than one example), and are computed afresh where needed.
            One tile costs least, and only then does reverse-mode differentiation go through.

    Returns: `(n1, n2)`, or `(n1, n2, C, C)`; of the library and precision of the arguments, which
        are NumPy's (double precision) or JAX's. Under `jit` and `vmap`, the latter.
    Raises: `ValueError` on shapes that do not fit, values outside the bounds above, NaN or
        infinity, unknown words, and an activation that does not act on every entry by itself;
        `TypeError` on one that JAX cannot trace. Under `jit`, NaN for variances out of bounds.
    """
    _require_word(parametrization=parametrization, known=("ntk", "standard"))
    _require_word(outputs=outputs, known=("mean", "all"))
    _require_memory(memory)
    named = {f"weights[{i}]": W for i, W in enumerate(weights)}
    named |= {f"biases[{i}]": b for i, b in enumerate(() if biases is None else biases)}
    named |= {"x1": x1} | ({} if x2 is None else {"x2": x2})
    xp, (*values, weight_variance, bias_variance) = arrays(
        **named, weight_variance=weight_variance, bias_variance=bias_variance
    )
    named = dict(zip(named, values, strict=True))
    W, b = values[: len(weights)], None if biases is None else values[len(weights) :][: len(biases)]
    _require_layers(W, b)
    x1, x2 = named["x1"], named.get("x2")
    require_examples(**{name: named[name] for name in ("x1", "x2") if name in named})
    if x1.shape[1] != W[0].shape[0]:
        raise ValueError(
            "`x1` must have as many columns as `weights[0]` has rows; "
            f"got {x1.shape[1]} and {W[0].shape[0]}"
        )
    trained = _trained(layers, len(W))
    variances = {"weight_variance": weight_variance, "bias_variance": bias_variance}
    for name, variance in variances.items():
        if variance.ndim:
            raise ValueError(f"`{name}` must be one number; got shape {tuple(variance.shape)}")
    inside = require_positive(weight_variance=weight_variance)
    inside &= require_nonnegative(bias_variance=bias_variance)
    if parametrization == "standard":
        why = "in the standard parametrization, whose weights have their scale in themselves"
        inside &= require(weight_variance == 1, f"1 {why}", weight_variance=weight_variance)
        inside &= require(bias_variance == 0, f"0 {why}", bias_variance=bias_variance)
    elif biases is None:
        bound = "0 where no `biases` are given"
        inside &= require(bias_variance == 0, bound, bias_variance=bias_variance)
    _require_all_finite(xp, named)
    hidden, num_outputs = [v.shape[1] for v in W[:-1]], W[-1].shape[1]
    _require_activation(activation, hidden, x1.dtype.itemsize > 4)

    signals = num_outputs * sum(hidden) if outputs == "all" else num_outputs * sum(hidden[:-1])
    tile = _tile(
        memory / x1.dtype.itemsize,
        per_example=W[0].shape[0] + 3 * sum(hidden) + 2 * signals,
        per_pair=3 * (num_outputs**2 if outputs == "all" else 1),
        most=max(len(x1), 0 if x2 is None else len(x2)),
    )

    def kernel(W, b, x1, x2, weight_variance, bias_variance):
        from theorylab.ntk._contraction import layerwise

        return layerwise(
            W, b, x1, x2, weight_variance, bias_variance,
            activation=activation, parametrization=parametrization,
            outputs=outputs, layers=trained, tile=tile,
        )  # fmt: skip

    value = _in_jax(xp, kernel, W, b, x1, x2, weight_variance, bias_variance)
    return nan_outside(xp, inside, value)


def empirical_ntk_of(
    apply: Callable[[Any, Array], Array],
    parameters: Any,
    x1: Float[Array, "examples ..."],
    x2: Float[Array, "others ..."] | None = None,
    *,
    outputs: str = "mean",
    memory: float = 2**30,
) -> Float[Array, "examples others"] | Float[Array, "examples others outputs outputs"]:
    """Tangent kernel of any differentiable function, Eq. (1).

    Arguments:
        apply: of parameters and examples, in JAX: `apply(parameters, x)` has shape (examples,
            outputs), each row a function of one example. Compiled once for every function object.
        parameters: a tree of floating arrays, all of them trained.
        x1, x2: examples along the first axis, of any shape; without `x2`, `x1` against itself.
        outputs: "mean" for the mean over outputs of `Theta_cc`, "all" for every pair of outputs.
        memory: bytes that the work may take besides arguments and result. Jacobians have (examples
            x outputs x parameters) entries: those of two tiles of examples are kept, with what
            `apply` saves for its derivative. Where not even tiles of one example fit, single
            gradients are contracted by forward mode: besides `memory` that takes a few copies of
            the parameters, and the time of `2 n1 n2 C` evaluations.

    Returns: `(n1, n2)`, or `(n1, n2, C, C)`; of the library and precision of the arguments, which
        are NumPy's (double precision) or JAX's. Under `jit` and `vmap`, the latter.
    Raises: `ValueError` on shapes that do not fit, NaN or infinity, and unknown words; `TypeError`
        on parameters that are not floating.
    """
    import jax

    _require_word(outputs=outputs, known=("mean", "all"))
    _require_memory(memory)
    leaves, tree = jax.tree.flatten(parameters)
    if not leaves:
        raise ValueError("`parameters` must have an array or more; got none")
    named = {"parameters" + jax.tree_util.keystr(path): leaf
             for path, leaf in jax.tree_util.tree_leaves_with_path(parameters)}  # fmt: skip
    for name, leaf in named.items():
        kind = np.asarray(leaf).dtype if not isinstance(leaf, jax.Array) else leaf.dtype
        if not jax.numpy.issubdtype(kind, jax.numpy.floating):
            raise TypeError(f"`{name}` must be a floating array; got {kind}")
    named |= {"x1": x1} | ({} if x2 is None else {"x2": x2})
    xp, values = arrays(**named)
    named = dict(zip(named, values, strict=True))
    _require_examples_of_any_shape(named)
    _require_all_finite(xp, named)

    def kernel(parameters, x1, x2):
        from theorylab.ntk._contraction import by_jacobians, by_vector_products

        shape = jax.eval_shape(apply, parameters, x1).shape
        if len(shape) != 2 or shape[0] != x1.shape[0] or shape[1] == 0:
            raise ValueError(
                "`apply` must return an array (examples, outputs); "
                f"got shape {shape} for {x1.shape[0]} examples"
            )
        one, two = (_saved(apply, parameters, x1, number) for number in (1, 2))
        gradients = shape[1] * sum(leaf.size for leaf in jax.tree.leaves(parameters))
        signals = (1 + shape[1]) * (two - one)
        budget = memory / x1.dtype.itemsize
        fits = 2 * (gradients + signals) <= budget
        tile = _tile(
            budget,
            per_example=gradients + signals if fits else two - one + shape[1],
            per_pair=2 * (shape[1] ** 2 if outputs == "all" else 1),
            most=max(len(x1), 0 if x2 is None else len(x2)),
        )
        method = by_jacobians if fits else by_vector_products
        return method(parameters, x1, x2, apply=apply, outputs=outputs, tile=tile)

    x1, x2 = named["x1"], named.get("x2")
    return _in_jax(xp, kernel, jax.tree.unflatten(tree, values[: len(leaves)]), x1, x2)


def _tile(budget: float, *, per_example: float, per_pair: float, most: int) -> int:
    """The most examples `t`, at least one, with `2 t per_example + t^2 per_pair <= budget`."""
    root = math.sqrt(per_example**2 + per_pair * budget)
    return max(1, min(most, int(budget / (per_example + root))))


def _saved(apply: Callable, parameters: Any, x: Array, number: int) -> int:
    """Numbers that reverse mode saves of so many examples and of the parameters."""
    import jax

    pull = lambda parameters, x: jax.vjp(lambda p: apply(p, x), parameters)[1]
    x = jax.ShapeDtypeStruct((number, *x.shape[1:]), x.dtype)
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(pull, parameters, x)))


def _in_jax(xp: Any, kernel: Callable, *arguments: Any) -> Array:
    """The kernel by JAX: of its arrays as they are, of others at their own precision."""
    import jax

    if xp is jax.numpy:
        return kernel(*arguments)
    dtypes = {leaf.dtype.itemsize for leaf in jax.tree.leaves(arguments)}
    with jax.enable_x64(max(dtypes) > 4):
        return xp.asarray(np.asarray(kernel(*jax.tree.map(jax.numpy.asarray, arguments))))


def _require_word(*, known: tuple[str, ...], **word: str) -> None:
    ((name, value),) = word.items()
    if value not in known:
        raise ValueError(f"`{name}` must be {' or '.join(map(repr, known))}; got {value!r}")


def _require_memory(memory: float) -> None:
    if isinstance(memory, bool) or not isinstance(memory, int | float | np.integer | np.floating):
        raise TypeError(f"`memory` must be a number of bytes; got {memory!r}")
    if not memory > 0:
        raise ValueError(f"`memory` must be > 0 bytes; got {memory}")
    if math.isinf(memory):
        raise ValueError(f"`memory` must be finite and > 0 bytes; got {memory}")


def _require_activation(activation: Any, widths: list[int], double: bool) -> None:
    """Refuse what is not a function of JAX arrays, or mixes the entries of its argument."""
    if not callable(activation):
        raise TypeError(f"`activation` must be a function of JAX arrays; got {activation!r}")
    try:
        hash(activation)
    except TypeError as error:
        raise TypeError(
            f"`activation` must be hashable, to be compiled once; got {activation!r}"
        ) from error
    if widths:
        _try_activation(activation, max(widths), double)


@lru_cache(maxsize=256)
def _try_activation(activation: Callable[[Array], Array], width: int, double: bool) -> None:
    """Compare its derivatives along two directions: `J v = (J 1) v` where `J` is diagonal."""
    import jax
    import jax.numpy as jnp
    from jax.core import Tracer

    @jax.jit
    def derivatives(z, v):
        along = lambda direction: jax.jvp(activation, (z,), (direction,))
        return (*along(jnp.ones_like(z)), along(v)[1])

    # A direction that goes with z, lest what a mixing of many entries adds should average out.
    z, v = np.random.default_rng(0).normal(size=(2, 2, width))
    v = z + v
    with jax.enable_x64(double), jax.ensure_compile_time_eval():
        z, v = jnp.asarray(z, float), jnp.asarray(v, float)
        try:
            value, slope, found = derivatives(z, v)
        except (TypeError, ValueError, IndexError) as error:
            raise TypeError(
                "`activation` must be a function that JAX can trace and differentiate (of "
                f"`jax.numpy`, not NumPy); got {activation!r}"
            ) from error
    if value.shape != z.shape:
        raise ValueError(
            f"`activation` must act on every entry: it turned shape {z.shape} into {value.shape}"
        )
    if any(isinstance(x, Tracer) for x in (slope, found)):
        return  # it has a parameter that is being traced
    slope, found, v = (np.asarray(x) for x in (slope, found, v))
    # Far above the rounding of float32, far below what any mixing does.
    if np.any(np.abs(found - slope * v) > 1e-3 * np.nanmax(np.abs(found))):
        raise ValueError(
            "`activation` must act on every entry by itself; one of "
            f"{activation!r} changes with others"
        )


def _require_layers(weights: Sequence[Array], biases: Sequence[Array] | None) -> None:
    if not weights:
        raise ValueError("`weights` must have a matrix for each layer; got none")
    for i, W in enumerate(weights):
        if W.ndim != 2 or 0 in W.shape:
            raise ValueError(
                f"`weights[{i}]` must be a matrix (inputs, outputs); got shape {tuple(W.shape)}"
            )
        if i and W.shape[0] != weights[i - 1].shape[1]:
            raise ValueError(
                f"`weights[{i}]` must have as many rows as `weights[{i - 1}]` has columns; "
                f"got shapes {tuple(W.shape)} and {tuple(weights[i - 1].shape)}"
            )
    if biases is None:
        return
    if len(biases) != len(weights):
        raise ValueError(
            f"`biases` must have a vector for each of {len(weights)} layers; got {len(biases)}"
        )
    for i, b in enumerate(biases):
        if tuple(b.shape) != (weights[i].shape[1],):
            raise ValueError(
                f"`biases[{i}]` must have shape {(weights[i].shape[1],)}; got {tuple(b.shape)}"
            )


def _require_examples_of_any_shape(named: dict[str, Array]) -> None:
    """Refuse `x1` and `x2` without examples, or of shapes that do not fit."""
    first = named["x1"]
    for name, x in ((name, named[name]) for name in ("x1", "x2") if name in named):
        shape = tuple(x.shape)
        if x.ndim < 2 or 0 in shape:
            raise ValueError(
                f"`{name}` must be an array (examples, inputs), or of more axes, with an example "
                f"or more; got shape {shape}"
            )
        if shape[1:] != tuple(first.shape[1:]):
            raise ValueError(
                f"`x2` must have examples of the shape of those of `x1`, {tuple(first.shape[1:])}; "
                f"got {shape[1:]}"
            )


def _trained(layers: Sequence[int] | None, depth: int) -> tuple[int, ...]:
    if layers is None:
        return tuple(range(depth))
    for layer in layers:
        if isinstance(layer, bool) or not isinstance(layer, int | np.integer):
            raise TypeError(f"`layers` must be whole numbers; got {layer!r}")
        if not 0 <= layer < depth:
            raise ValueError(f"`layers` must be from 0 to {depth - 1}; got {layer}")
    if not len(layers) or len(set(layers)) != len(layers):
        raise ValueError(f"`layers` must be different layers, one or more; got {list(layers)}")
    return tuple(sorted(int(layer) for layer in layers))


def _require_all_finite(xp: Any, named: dict[str, Array]) -> None:
    """One compiled pass over JAX's arrays; an offender, or what is traced, array by array."""
    import jax

    from theorylab.ntk._contraction import all_finite

    if xp is jax.numpy:
        try:
            if bool(all_finite(list(named.values()))):
                return
        except jax.errors.TracerBoolConversionError:
            pass
    for name, value in named.items():
        require_finite(**{name: value})
