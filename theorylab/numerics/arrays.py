"""One body of code for every array library: conversion of arguments, and their bounds.

A closed form begins with `arrays(...)`, states its domain by `require_positive(...)` and its kin,
and ends with `nan_outside(...)`:

    xp, (t, s) = arrays(t=t, singular_value=singular_value)
    inside = require_nonnegative(t=t) & require_positive(singular_value=s)
    return nan_outside(xp, inside, 1 - xp.exp(-s * t))

Concrete values out of bounds raise; values traced by JAX cannot, and give NaN.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from theorylab.numerics.annotations import Array, Bool


def arrays(**quantities: Any) -> tuple[Any, tuple[Array, ...]]:
    """The array library of the arguments, and each of them as a floating array of that library.

    Arguments: the quantities by the names their caller knows them by. Python numbers and
        sequences count as NumPy when no other library is present, and follow it otherwise.

    Returns: `(xp, arrays)`, the arrays in the order given, of one dtype: the widest floating dtype
        among the arguments that are arrays, float32 at least, or the library's default where none
        is floating.
    Raises: `TypeError` for what is not a real number or an array of them, or for two libraries.
    """
    foreign = [value for value in quantities.values() if is_foreign(value)]
    try:
        xp: Any = _namespace(*foreign)
    except TypeError as error:
        names = ", ".join(f"`{name}`" for name, value in quantities.items() if is_foreign(value))
        raise TypeError(f"{names} must be arrays of one library; got several") from error
    plain = {
        name: value if is_foreign(value) else _real_numbers(name, value)
        for name, value in quantities.items()
    }
    typed = [value for value in plain.values() if is_foreign(value)]
    typed += [
        plain[name]
        for name, value in quantities.items()
        if isinstance(value, np.ndarray | np.generic)
    ]
    floating = [_dtype_in(xp, value.dtype) for value in typed if _is_floating(xp, value.dtype)]
    dtype = xp.result_type(*floating) if floating else xp.asarray(1.0).dtype
    if xp.finfo(dtype).bits < 32:
        dtype = xp.float32
    for name, value in plain.items():
        if is_foreign(value) and xp.isdtype(value.dtype, "complex floating"):
            raise TypeError(f"`{name}` must be real; got an array of {value.dtype}")
    return xp, tuple(
        xp.astype(value, dtype) if is_foreign(value) else xp.asarray(value, dtype=dtype)
        for value in plain.values()
    )


def _namespace(*values: Any) -> Any:
    """The library of arrays; NumPy's own namespace follows the standard and costs no import."""
    foreign = [value for value in values if is_foreign(value)]
    return array_api_compat.array_namespace(*foreign) if foreign else np


def is_foreign(value: Any) -> bool:
    """Whether `value` is an array of a library other than NumPy."""
    return not isinstance(value, np.ndarray | np.generic) and array_api_compat.is_array_api_obj(
        value
    )


def _real_numbers(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged sequence
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"`{name}` must be a real number or an array of them; got {value!r}")
    return array


def _is_floating(xp: Any, dtype: Any) -> bool:
    return (
        np.issubdtype(dtype, np.floating)
        if isinstance(dtype, np.dtype)
        else xp.isdtype(dtype, "real floating")
    )


def _dtype_in(xp: Any, dtype: Any) -> Any:
    """A dtype, NumPy's perhaps, as the library `xp` names it."""
    return getattr(xp, dtype.name) if isinstance(dtype, np.dtype) and xp is not np else dtype


def require(
    condition: Bool[Array, "*batch"], bound: str, **quantity: Array
) -> Bool[Array, "*batch"]:
    """Refuse concrete values of the one `quantity` where `condition` fails; return `condition`.

    Raises: `ValueError` naming the quantity, its bound and the first offending value, unless the
        values are traced by JAX.
    """
    ((name, value),) = quantity.items()
    xp = _namespace(condition)
    try:
        holds = bool(xp.all(condition))
    except TypeError:  # traced: JAX does not know the value
        return condition
    if not holds:
        condition, value = (np.asarray(x) for x in np.broadcast_arrays(condition, _host(value)))
        offending, where = value[~condition].ravel()[0], " everywhere" if value.ndim else ""
        if not np.isfinite(offending) and not bound.startswith("finite"):
            bound = f"finite and {bound}"
        raise ValueError(f"`{name}` must be {bound}{where}; got {float(offending):.6g}")
    return condition


def _host(value: Array) -> np.ndarray:
    while True:
        try:
            return np.asarray(value)
        except TypeError:  # a value that is being differentiated: its primal is concrete
            value = value.primal


def product(xp: Any, a: Array, b: Array) -> Array:
    """The matrix product, at full precision: that of a GPU is good to 1e-3 by default in JAX."""
    if xp.__name__.startswith("jax"):
        return xp.matmul(a, b, precision="highest")
    return a @ b


def host_array(value: Array) -> np.ndarray | None:
    """A concrete array of floats that lies in the memory of this process, as NumPy's.

    Half precision becomes float32. None for what JAX traces, what lies on an accelerator, and other
    libraries' arrays.
    """
    if not isinstance(value, np.ndarray):
        if not array_api_compat.is_jax_array(value):
            return None
        from jax.core import Tracer

        if isinstance(value, Tracer):
            return None
        if any(device.platform != "cpu" for device in value.devices()):
            return None
        value = np.asarray(value)
    return value if value.dtype in (np.float32, np.float64) else value.astype(np.float32)


def _finite_and(bound: str, within: Callable[[Array, float], Any] | None = None):
    def require_all(**quantities: Array) -> Bool[Array, "*batch"]:
        inside: Any = True
        for name, value in quantities.items():
            condition = _namespace(value).isfinite(value)
            if within is not None:
                condition = condition & within(value, 0)
            inside = require(condition, bound, **{name: value}) & inside
        return inside

    return require_all


require_finite = _finite_and("finite")
require_positive = _finite_and("> 0", operator.gt)
require_nonnegative = _finite_and(">= 0", operator.ge)
require_nonpositive = _finite_and("<= 0", operator.le)


def nan_outside(xp: Any, inside: Bool[Array, "*batch"], value: Array) -> Array:
    """`value`, but NaN where a traced argument was out of bounds. Scalars come out as scalars."""
    value = xp.where(inside, value, xp.nan)
    return value if value.ndim else value[()]


def require_within(low: float, high: float, **quantities: float) -> None:
    """Refuse Python numbers that are not above `low` and at most `high`.

    Raises: `ValueError` naming the quantity, its bounds and its value.
    """
    most = f" and <= {high:g}" if high < np.inf else ""
    for name, value in quantities.items():
        if not low < value <= high:
            raise ValueError(f"`{name}` must be > {low:g}{most}; got {value:g}")


def require_depth(depth: float) -> float:
    """Refuse a depth that is not a Python number `>= 1` (a static one: it is never traced)."""
    if isinstance(depth, bool) or not isinstance(depth, int | float | np.integer | np.floating):
        raise TypeError(f"`depth` must be a number: it counts weight matrices; got {depth!r}")
    if not depth >= 1:
        raise ValueError(f"`depth` counts weight matrices and must be >= 1; got {depth}")
    return float(depth)


def whole_number(name: str, value: Any, least: int) -> int:
    """`value`, a static argument, as an int.

    Raises: `TypeError` for what is no whole number, a boolean included; `ValueError` below `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"`{name}` must be a whole number; got {value!r}")
    if number < least:
        raise ValueError(f"`{name}` must be >= {least}; got {number}")
    return number


def require_examples(**quantities: Array) -> None:
    """Refuse arrays that are not examples in rows, all of equally many columns."""
    for name, x in quantities.items():
        if x.ndim != 2:
            raise ValueError(
                f"`{name}` must have two axes, examples and inputs; got shape {tuple(x.shape)}"
            )
        if not x.shape[0] or not x.shape[1]:
            raise ValueError(f"`{name}` must not be empty; got shape {tuple(x.shape)}")
    columns = [x.shape[1] for x in quantities.values()]
    if len(set(columns)) > 1:
        names = " and ".join(f"`{name}`" for name in quantities)
        raise ValueError(
            f"{names} must have equally many columns; got {' and '.join(map(str, columns))}"
        )
