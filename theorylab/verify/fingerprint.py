"""What a function computes, in a few characters: the code it runs through, and what it reads.

The fingerprint changes with the byte code, constants and defaults of a function and of all that it
calls in its own package, followed name by name; with the versions of the libraries that numbers
come from; not with comments, docstrings, line numbers, or what else stands in its module.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

# What numbers are computed by, besides the code itself.
_LIBRARIES = ("jax", "jaxlib", "numpy", "scipy", "optax", "diffrax", "scikit-learn")


@lru_cache(maxsize=256)
def fingerprint(function: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits, the same in every process that runs the same code."""
    digest = hashlib.sha256()
    for piece in (*_versions(), *_Reader(function).read(function)):
        digest.update(piece.encode() + b"\0")
    return digest.hexdigest()[:16]


def _versions() -> Iterator[str]:
    yield f"python {sys.version_info.major}.{sys.version_info.minor}"
    for name in _LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} absent"


class _Reader:
    """Reads everything a function of a package reaches, once."""

    def __init__(self, root: Callable[..., Any]):
        while isinstance(root, partial):
            root = root.func
        self._package = str(getattr(root, "__module__", "")).split(".")[0]
        self._seen: set[int] = set()
        self._alive: list[Any] = []  # an id is only good while its object lives

    def read(self, thing: Any) -> Iterator[str]:
        if thing is None or isinstance(thing, bool | int | float | complex | str | bytes):
            yield repr(thing)
            return
        if id(thing) in self._seen:
            return
        self._seen.add(id(thing))
        self._alive.append(thing)
        if isinstance(thing, np.ndarray):
            yield f"{thing.dtype} {thing.shape} {hashlib.sha256(thing.tobytes()).hexdigest()}"
        elif isinstance(thing, tuple | list):
            for entry in thing:
                yield from self.read(entry)
        elif isinstance(thing, dict):
            for name, entry in thing.items():
                yield str(name)
                yield from self.read(entry)
        elif isinstance(thing, set | frozenset):
            yield repr(sorted(map(repr, thing)))
        elif isinstance(thing, partial):
            yield from self.read((thing.func, thing.args, dict(thing.keywords)))
        elif isinstance(thing, MethodType):
            yield from self.read((thing.__func__, thing.__self__))
        elif not self._is_ours(thing):
            yield f"{getattr(thing, '__module__', '')}.{_name(thing)}"
        elif isinstance(thing, FunctionType):
            yield from self._function(thing)
        elif callable(getattr(thing, "__wrapped__", None)):  # jitted, cached, decorated
            yield _name(thing)
            yield from self.read(thing.__wrapped__)
        elif isinstance(thing, type):
            yield _name(thing)
            for name, member in vars(thing).items():
                if not name.startswith("__") or name in ("__init__", "__call__"):
                    yield name
                    yield from self.read(getattr(member, "__func__", member))
        elif not isinstance(thing, ModuleType):
            yield _name(type(thing))
            yield from self.read(type(thing))
            yield from self.read(getattr(thing, "__dict__", {}))

    def _function(self, function: FunctionType) -> Iterator[str]:
        yield function.__qualname__
        yield from self._code(function.__code__, function.__doc__)
        yield from self.read((function.__defaults__, function.__kwdefaults__))
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            yield from self.read(wrapped)
        for cell in function.__closure__ or ():
            try:
                yield from self.read(cell.cell_contents)
            except ValueError:  # not filled yet: a function that calls itself
                continue
        names = list(dict.fromkeys(_names(function.__code__)))
        for name in names:
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType) and self._is_ours(value):
                for attribute in names:  # of the form module.attribute
                    if attribute in vars(value):
                        yield from self.read(vars(value)[attribute])
            elif name in function.__globals__:
                yield name
                yield from self.read(value)

    def _code(self, code: CodeType, doc: str | None) -> Iterator[str]:
        yield code.co_code.hex()
        yield " ".join(code.co_names + code.co_varnames)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._code(constant, None)
            elif constant != doc or doc is None:
                yield repr(
                    sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant
                )

    def _is_ours(self, thing: Any) -> bool:
        name = thing.__name__ if isinstance(thing, ModuleType) else None
        name = name or getattr(thing, "__module__", None) or type(thing).__module__
        return str(name).split(".")[0] == self._package


def _name(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", type(thing).__qualname__))


def _names(code: CodeType) -> Iterator[str]:
    """Every global or attribute that code and the functions defined in it name."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
