"""The names annotations use, free of any array library.

Annotations are never evaluated at run time (PEP 563). Only a checker needs the real jaxtyping,
whose import costs as much as NumPy's: it is used where it is loaded already (tests, pyright, any
program that works with it), and stand-ins serve everywhere else.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

Array: TypeAlias = Any
"""An array of any library that follows the array API standard."""

Reals: TypeAlias = Any
"""A real number, a sequence of them, or an array."""

Real: TypeAlias = Any
"""A real number, or a value that JAX traces."""

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float, PRNGKeyArray
else:

    class Float:
        """Stands for `jaxtyping.Float`."""

        def __class_getitem__(cls, item):
            return Any

    Bool = Float
    PRNGKeyArray = Any

__all__ = ["Array", "Bool", "Float", "PRNGKeyArray", "Real", "Reals"]
