"""Finds claims: those of the built-in families, by `family.name`."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module

from theorylab.errors import UnknownName
from theorylab.verify.claim import Claim

FAMILIES = ("deep_linear", "hopfield")


@lru_cache(maxsize=1)
def claims() -> dict[str, Claim]:
    """Every claim by its id, family by family, in the order their modules define them."""
    return {
        f"{family}.{name}": value
        for family in FAMILIES
        for name, value in vars(import_module(f"theorylab.{family}.claims")).items()
        if isinstance(value, Claim)
    }


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
