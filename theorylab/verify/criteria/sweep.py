"""Settings that are judged together: those that differ in one swept setting alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from theorylab.verify.claim import Setting

Item = TypeVar("Item")


def swept(
    items: Sequence[Item], over: str, setting_of: Callable[[Item], Setting]
) -> list[list[Item]]:
    """Groups that differ only in the setting `over`, each ascending in it.

    Raises: `ValueError` for a setting without it.
    """
    groups: dict[Any, list[Item]] = {}
    for item in items:
        setting = setting_of(item)
        if over not in setting:
            raise ValueError(f"every setting must have `{over}`, which is swept")
        groups.setdefault(tuple(sorted(shared(setting, over).items())), []).append(item)
    return [
        sorted(group, key=lambda item: float(setting_of(item)[over])) for group in groups.values()
    ]


def besides(settings: Sequence[Setting], over: str) -> str:
    """In words, what else varies between settings that should differ in one alone; may be none."""
    names = dict.fromkeys(name for setting in settings for name in setting if name != over)
    differing = [n for n in names if any(s.get(n) != settings[0].get(n) for s in settings)]
    if not differing:
        return ""
    listed = ", ".join(f"`{name}`" for name in differing)
    return (
        f"; {listed} {'differ' if len(differing) > 1 else 'differs'} too, so that each value of "
        f"{'them' if len(differing) > 1 else 'it'} is a group of its own"
    )


def shared(setting: Setting, *over: str) -> Setting:
    """What the settings of a group have in common."""
    return {name: value for name, value in setting.items() if name not in over}
