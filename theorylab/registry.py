"""Finds claims by `family.name`: the built-in ones, and those of other packages.

A package offers claims through an entry point of the group `theorylab.claims`, whose name is the
family and whose value the module that holds them:

    [project.entry-points."theorylab.claims"]
    my_theory = "my_package.claims"
"""

from __future__ import annotations

import difflib
import fnmatch
import warnings
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from theorylab.errors import UnknownName
from theorylab.verify.claim import Claim

FAMILIES = ("deep_linear", "hopfield", "ntk", "neural_collapse", "grokking")
GROUP = "theorylab.claims"


@lru_cache(maxsize=1)
def claims() -> dict[str, Claim]:
    """Every claim by its id, family by family, in the order their modules define them.

    A package whose claims cannot be loaded is named in a warning, and the others are there.
    """
    found: dict[str, Claim] = {}
    for family in FAMILIES:
        found |= _of_family(family, import_module(f"theorylab.{family}.claims"))
    for entry in entry_points(group=GROUP):
        try:
            if entry.name in FAMILIES or "." in entry.name:
                raise ValueError("a family must be new, and its name without a dot")
            offered = _of_family(entry.name, entry.load())
            for name, claim in offered.items():
                if found.get(name, claim) is not claim:
                    raise ValueError(f"another package offers {name!r} already")
            found |= offered
        except Exception as error:
            warnings.warn(
                f"the claims of {entry.value!r} (entry point {entry.name!r} of {GROUP}) cannot be "
                f"loaded: {type(error).__name__}: {error}",
                stacklevel=2,
            )
    return found


def _of_family(family: str, module: Any) -> dict[str, Claim]:
    members = vars(module).items()
    return {f"{family}.{name}": claim for name, claim in members if isinstance(claim, Claim)}


def identify(claim: Claim) -> str:
    """The id of a claim, or the name it gave itself."""
    return next((name for name, known in claims().items() if known is claim), claim.name)


def is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def select(patterns: Iterable[str]) -> dict[str, Claim]:
    """The claims whose ids match one of the patterns; all of them without a pattern.

    Raises: `UnknownName` for a pattern that matches nothing, suggesting near ids.
    """
    known = claims()
    patterns = list(patterns)
    chosen: dict[str, Claim] = {} if patterns else dict(known)
    for pattern in patterns:
        matching = fnmatch.filter(known, pattern)
        if not matching:
            raise UnknownName(f"no claim {pattern!r}{_suggestion(pattern, known)}")
        chosen |= {name: known[name] for name in matching}
    return {name: claim for name, claim in known.items() if name in chosen}


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    tails = {full.split(".", 1)[1]: full for full in known}
    near += [tails[tail] for tail in difflib.get_close_matches(name, tails, n=2, cutoff=0.6)]
    near = list(dict.fromkeys(near))
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return "; `theorylab list` shows them all"
