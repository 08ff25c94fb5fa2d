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


def shared(setting: Setting, *over: str) -> Setting:
    """What the settings of a group have in common."""
    return {name: value for name, value in setting.items() if name not in over}
