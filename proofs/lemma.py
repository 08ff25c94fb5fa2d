"""What proofs are made of: residuals that vanish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import sympy as sp


class ProofFailed(AssertionError):
    """A residual that should be 0 and could not be shown to be."""


def _rational(residual: Any) -> Any:
    return sp.cancel(sp.together(residual))


def _powers(residual: Any) -> Any:
    return sp.powsimp(sp.expand(sp.expand_log(sp.powdenest(residual)), power_exp=False))


_strategies: tuple[Callable[[Any], Any], ...] = (
    sp.expand,
    _rational,
    _powers,
    sp.simplify,
    lambda residual: sp.simplify(_rational(_powers(residual))),
    lambda residual: sp.simplify(sp.expand(residual.rewrite(sp.exp))),
    lambda residual: sp.simplify(sp.factor(sp.expand_trig(residual))),
)


def vanishes(residual: Any) -> None:
    """Raise `ProofFailed` unless `residual`, or every entry of it, simplifies to 0.

    The strategies only rewrite: what they turn into 0 is 0 wherever it is defined.
    """
    if isinstance(residual, sp.MatrixBase):
        for entry in residual:
            vanishes(entry)
        return
    residual = sp.sympify(residual)
    for strategy in _strategies:
        if strategy(residual) == 0:
            return
    raise ProofFailed(f"not shown to vanish: {sp.simplify(residual)}")


def vanishes_given(residual: Any, *relations: Any) -> None:
    """Raise `ProofFailed` unless the rational `residual` is 0 where all polynomial relations are.

    Its numerator must reduce to 0 modulo their Groebner basis.
    """
    numerator = sp.numer(sp.together(residual))
    symbols = sorted(numerator.free_symbols.union(*(r.free_symbols for r in relations)), key=str)
    basis = sp.groebner(relations, *symbols, order="grevlex")
    if not basis.contains(sp.expand(numerator)):
        raise ProofFailed(f"not in the ideal of {relations}: {numerator}")


def vanishes_at(residual: Any, at: dict, digits: int = 150) -> None:
    """Raise `ProofFailed` unless `residual` is below `10^-digits` at the one exact point `at`.

    Evidence, not proof: for constants, and for identities that no strategy of `vanishes` settles.
    """
    value = sp.sympify(residual).subs(at)
    if value.free_symbols:
        raise ProofFailed(f"{at} leaves {value.free_symbols} free")
    size = abs(sp.N(value, 2 * digits, maxn=20 * digits))
    if not size < sp.Float(10, 2 * digits) ** -digits:
        raise ProofFailed(f"not below 1e-{digits} at {at}: {sp.N(size, 5)}")


def every_proof() -> Iterator[tuple[str, str, str, Callable[[], None]]]:
    """Family, module, sentence and function of every `prove_*` in `proofs/*/*.py`."""
    for path in sorted(Path(__file__).parent.glob("*/*.py")):
        family, quantity = path.parent.name, path.stem
        module = import_module(f"proofs.{family}.{quantity}")
        for name, prove in vars(module).items():
            if name.startswith("prove_") and prove.__module__ == module.__name__:
                yield family, quantity, name.removeprefix("prove_").replace("_", " "), prove
