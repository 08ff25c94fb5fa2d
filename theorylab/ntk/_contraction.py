"""Products of parameter gradients, summed over parameters in tiles of examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from theorylab.numerics.annotations import Array, Bool


@partial(jax.jit, static_argnames=("activation", "parametrization", "outputs", "layers", "tile"))
@jax.default_matmul_precision("highest")
def layerwise(
    weights: Sequence[Array],
    biases: Sequence[Array] | None,
    x1: Array,
    x2: Array | None,
    weight_variance: Array,
    bias_variance: Array,
    *,
    activation: Callable[[Array], Array],
    parametrization: str,
    outputs: str,
    layers: tuple[int, ...],
    tile: int,
) -> Array:
    """Eq. (3) of `theorylab.ntk.empirical_ntk`, `tile` examples of `x1` and of `x2` at a time.

    What is kept of a tile are `phi^{l-1}` and `delta^l` of every trained layer `l`. The signals of
    the last layer are the unit vectors; those of the last hidden layer are its slopes times
    output weights, so that their mean over outputs needs the slopes alone.
    """
    depth, num_outputs = len(weights), weights[-1].shape[1]
    if parametrization == "ntk":
        scales = [jnp.sqrt(weight_variance / W.shape[0]) for W in weights]
        bias_scale = jnp.sqrt(bias_variance)
    else:
        scales, bias_scale = [1.0] * depth, 1.0
    mean = outputs == "mean"
    readout = scales[-1] * weights[-1].T  # of one output in each row

    def gradients(x):
        below, slopes = [x], []
        for layer in range(depth - 1):
            z = below[-1] @ (scales[layer] * weights[layer])
            if biases is not None:
                z = z + bias_scale * biases[layer]
            phi, slope = jax.jvp(activation, (z,), (jnp.ones_like(z),))
            if phi.shape != z.shape:
                raise ValueError(
                    "`activation` must act on every entry: it turned shape "
                    f"{z.shape} into {phi.shape}"
                )
            below.append(phi)
            slopes.append(slope)
        signals: list[Any] = [None] * depth
        if depth > 1:
            top = slopes[-1][:, None] * readout
            signals[-2] = slopes[-1] if mean else top
            for layer in reversed(range(layers[0], depth - 2)):
                top = top @ (scales[layer + 1] * weights[layer + 1].T) * slopes[layer][:, None]
                signals[layer] = top
        return [(below[layer], signals[layer]) for layer in layers]

    def contract(gradients1, gradients2):
        kernel: Any = 0.0
        for layer, (below1, signals1), (below2, signals2) in zip(
            layers, gradients1, gradients2, strict=True
        ):
            trained = below1 @ below2.T
            if parametrization == "ntk":
                trained = scales[layer] ** 2 * trained
            if biases is not None:
                trained = trained + bias_scale**2
            if not mean:
                trained = trained[:, :, None, None]
            if layer == depth - 1:
                kernel += trained if mean else trained * jnp.eye(num_outputs, dtype=x1.dtype)
            elif mean and layer == depth - 2:
                kernel += trained * (signals1 * jnp.mean(readout**2, axis=0) @ signals2.T)
            else:
                kernel += trained * product(signals1, signals2, mean)
        return kernel

    return in_tiles(gradients, contract, x1, x2, tile)


@partial(jax.jit, static_argnames=("apply", "outputs", "tile"))
@jax.default_matmul_precision("highest")
def by_jacobians(
    parameters: Any,
    x1: Array,
    x2: Array | None,
    *,
    apply: Callable[[Any, Array], Array],
    outputs: str,
    tile: int,
) -> Array:
    """Eq. (1) of `theorylab.ntk.empirical_ntk` from the Jacobians of two tiles of examples."""

    def jacobians(x):
        one = lambda x: jax.jacrev(lambda p: apply(p, x[None])[0])(parameters)
        flat = lambda leaf: leaf.reshape(*leaf.shape[:2], -1)
        return [flat(leaf) for leaf in jax.tree.leaves(jax.vmap(one)(x))]

    def contract(jacobians1, jacobians2):
        kernel: Any = 0.0
        for leaf1, leaf2 in zip(jacobians1, jacobians2, strict=True):
            kernel += product(leaf1, leaf2, outputs == "mean")
        return kernel

    return in_tiles(jacobians, contract, x1, x2, tile)


@partial(jax.jit, static_argnames=("apply", "outputs", "tile"))
@jax.default_matmul_precision("highest")
def by_vector_products(
    parameters: Any,
    x1: Array,
    x2: Array | None,
    *,
    apply: Callable[[Any, Array], Array],
    outputs: str,
    tile: int,
) -> Array:
    """The same, one gradient at a time, contracted by forward mode with `tile` examples of `x2`."""
    columns = x1 if x2 is None else x2

    def row(x):
        value, pull = jax.vjp(lambda p: apply(p, x[None])[0], parameters)

        def of_output(unit):
            (gradient,) = pull(unit)
            push = lambda x: jax.jvp(lambda p: apply(p, x[None])[0], (parameters,), (gradient,))[1]
            products = jax.lax.map(push, columns, batch_size=tile)
            return products @ unit if outputs == "mean" else products

        rows = jax.lax.map(of_output, jnp.eye(value.size, dtype=value.dtype))
        return jnp.mean(rows, axis=0) if outputs == "mean" else jnp.swapaxes(rows, 0, 1)

    return jax.lax.map(row, x1)


def product(a: Array, b: Array, mean: bool) -> Array:
    """Over the last axis of arrays (examples, outputs, parameters); the mean over outputs, or all.

    One matrix product either way: the mean is one over outputs and parameters together.
    """
    if mean:
        return a.reshape(a.shape[0], -1) @ (b.reshape(b.shape[0], -1) / b.shape[1]).T
    flat = a.reshape(-1, a.shape[-1]) @ b.reshape(-1, b.shape[-1]).T
    return jnp.swapaxes(flat.reshape(*a.shape[:2], *b.shape[:2]), 1, 2)


def in_tiles(
    features: Callable[[Array], Any],
    contract: Callable[[Any, Any], Array],
    x1: Array,
    x2: Array | None,
    tile: int,
) -> Array:
    """`contract(features(x1), features(x2))`, with features of two tiles at any time.

    Examples are the first axis of `x1` and `x2`, and the first two of the contraction. Without
    `x2` it is symmetric under exchange of examples together with outputs, and only the tiles of
    one triangle are computed. Where tiles do not divide the examples the last one overlaps the one
    before it: a slice is moved to where it fits, in reading and in writing.
    """
    columns = x1 if x2 is None else x2
    if tile >= max(len(x1), len(columns)):
        first = features(x1)
        return contract(first, first if x2 is None else features(x2))
    height, breadth = min(tile, len(x1)), min(tile, len(columns))
    cut = lambda x, start, size: features(jax.lax.dynamic_slice_in_dim(x, start, size))

    def put(kernel, block, *start):
        return jax.lax.dynamic_update_slice(kernel, block, (*start, *[0] * (block.ndim - 2)))

    def exchanged(block):
        block = jnp.swapaxes(block, 0, 1)
        return jnp.swapaxes(block, 2, 3) if block.ndim == 4 else block

    def row(i, kernel):
        first = cut(x1, i * height, height)

        def column(j, kernel):
            block = contract(first, cut(columns, j * breadth, breadth))
            kernel = put(kernel, block, i * height, j * breadth)
            return kernel if x2 is not None else put(
                kernel, exchanged(block), j * breadth, i * height
            )  # fmt: skip

        if x2 is None:
            kernel = put(kernel, contract(first, first), i * height, i * height)
        begin = i + 1 if x2 is None else 0
        return jax.lax.fori_loop(begin, -(-len(columns) // breadth), column, kernel)

    one = jax.eval_shape(lambda x: contract(features(x), features(x)), x1[:1])
    kernel = jnp.zeros((len(x1), len(columns), *one.shape[2:]), one.dtype)
    return jax.lax.fori_loop(0, -(-len(x1) // height), row, kernel)


@jax.jit
def all_finite(values: Sequence[Array]) -> Bool[Array, ""]:
    return jnp.stack([jnp.isfinite(value).all() for value in values]).all()
