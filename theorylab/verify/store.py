"""Evidence on disk: each tile of replicates a file of its own, there whole or not at all.

    <folder>/<claim>/<key>/about.json      what the evidence is of, for people
    <folder>/<claim>/<key>/000017.npz      tile 17: the observed values, and what they are given

The key is a digest of all that the values depend on: the code of the observation, its setting (with
the contents of files it names), seed, precision, size of the tiles, kind of device. A change of any
of them is other evidence; a change of the criterion is not. Arrays are read without unpickling.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from theorylab.verify.claim import Outcome

_FORMAT = 1
_VALUE = "value"
_GIVEN = "given."


class Store:
    """A folder of evidence. Several processes may read and write it at once.

    Arguments:
        folder: made where there is none.
        fresh: compute anew what is there already, and replace it.

    A tile that cannot be written (a full disk) is remembered in `trouble`; it is not lost to the
    run that computed it.
    """

    def __init__(self, folder: str | os.PathLike[str], *, fresh: bool = False):
        self.folder = Path(folder).expanduser()
        self.fresh = fresh
        self.trouble = ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"`store` must be a folder that can be written; got {str(folder)!r} "
                f"({error.strerror})"
            ) from error

    def shelf(self, claim_id: str, about: Mapping[str, Any]) -> Shelf:
        """Where the tiles of one setting are, by all that their values depend on."""
        text = json.dumps({"format": _FORMAT, **about}, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:20]
        name = re.sub(r"[^A-Za-z0-9._-]", "_", claim_id) or "claim"
        return Shelf(self, self.folder / name / key, {"claim": claim_id, **about})


class Shelf:
    """The tiles of one setting."""

    def __init__(self, store: Store, folder: Path, about: Mapping[str, Any]):
        self._store, self._folder, self._about = store, folder, about
        self._swept = False

    def read(self, index: int) -> Outcome | None:
        """The tile, or `None` where it is missing or damaged."""
        if self._store.fresh:
            return None
        try:
            with (
                self._path(index).open("rb") as file,
                np.load(file, allow_pickle=False) as arrays,
            ):
                given = {
                    name.removeprefix(_GIVEN): arrays[name]
                    for name in arrays.files
                    if name.startswith(_GIVEN)
                }
                return Outcome(arrays[_VALUE], given)
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            return None  # RuntimeError: the damage reads as a method of compression or encryption

    def write(self, index: int, outcome: Outcome) -> None:
        """Keep a tile."""
        arrays = {_VALUE: outcome.value} | {_GIVEN + k: v for k, v in outcome.given.items()}
        try:
            if not (self._folder / "about.json").exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                text = json.dumps(self._about, indent=1, sort_keys=True) + "\n"
                write_whole(self._folder / "about.json", lambda file: file.write(text.encode()))
            if not self._swept:
                self._sweep()
            write_whole(self._path(index), lambda file: np.savez(file, **arrays))
        except OSError as error:
            self._store.trouble = f"evidence is not kept in {self._store.folder}: {error.strerror}"

    def _sweep(self) -> None:
        """Remove what writes that were cut off have left; younger than a day, they may go on."""
        self._swept = True
        for draft in self._folder.glob(".*"):
            if draft.stat().st_mtime < time.time() - 86400:
                draft.unlink(missing_ok=True)

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06d}.npz"


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file that is there whole or not at all, even when the machine stops."""
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        # Not by `tempfile`: its files are the owner's alone, and the mask that others' go by can
        # only be read by changing it, for all threads.
        with draft.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def contents(setting: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the files that a setting names."""
    files = {k: Path(v) for k, v in setting.items() if isinstance(v, str) and _is_file(v)}
    return {k: hashlib.sha256(path.read_bytes()).hexdigest() for k, path in files.items()}


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
