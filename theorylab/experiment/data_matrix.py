"""Data matrices by name, or from a file of one's own."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from theorylab.errors import MissingExtra, UnknownName

NAMES = ("digits", "wine", "breast_cancer", "iris", "diabetes")
SUFFIXES = (".npy", ".npz", ".csv")

# Whole numbers of at most so many different values are class labels.
_MOST_CLASSES = 20


class DataMatrix(NamedTuple):
    """Examples in rows: `inputs` of shape (examples, inputs), `targets` (examples, outputs)."""

    inputs: np.ndarray
    targets: np.ndarray


def data_matrix(name: str) -> DataMatrix:
    """A data matrix, with one-hot targets where the labels are classes.

    Arguments:
        name: `digits` (1797 x 64), `wine` (178 x 13), `breast_cancer` (569 x 30), `iris`
            (150 x 4) or `diabetes` (442 x 10), of scikit-learn; or a file:
            `.npz` with arrays `inputs` and `targets` (or `X` and `y`);
            `.npy` or `.csv`, a table whose last column is the target (a header is allowed).
            Targets that are words, or whole numbers of at most 20 values, are classes.

    A file is read once: what was derived from it stands for as long as the program runs.

    Raises: `UnknownName` for anything else; `ValueError` for a table that is not numbers throughout
        or has fewer than two rows, and for a file that has changed since it was read;
        `MissingExtra` without scikit-learn.
    """
    if name not in NAMES and Path(name).is_file():
        stamp = Path(name).stat()
        seen = _stamps.setdefault(name, (stamp.st_mtime_ns, stamp.st_size))
        if seen != (stamp.st_mtime_ns, stamp.st_size):
            raise ValueError(f"{name} has changed since it was read: give it another name")
    return _read(name)


_stamps: dict[str, tuple[int, int]] = {}


@lru_cache(maxsize=32)
def _read(name: str) -> DataMatrix:
    if name in NAMES:
        return _of_scikit_learn(name)
    path = Path(name)
    if path.suffix not in SUFFIXES or not path.is_file():
        kinds = ", ".join(SUFFIXES)
        raise UnknownName(
            f"no data matrix {name!r}: it must be one of {', '.join(NAMES)}, "
            f"or an existing file of a kind among {kinds}"
        )
    if path.suffix == ".csv":
        inputs, targets = _of_table(path)
    else:
        try:
            stored = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, zipfile.BadZipFile):
            raise ValueError(f"{name} must hold arrays of numbers") from None
        if path.suffix == ".npz":
            pairs = [
                pair for pair in (("inputs", "targets"), ("X", "y")) if set(pair) <= set(stored)
            ]
            if not pairs:
                raise ValueError(
                    f"{name} must hold `inputs` and `targets`; it holds {list(stored)}"
                )
            inputs, targets = (stored[key] for key in pairs[0])
        elif stored.ndim != 2 or stored.shape[1] < 2:
            raise ValueError(f"{name} must be a table of two columns or more; got {stored.shape}")
        else:
            inputs, targets = stored[:, :-1], stored[:, -1]
    return _checked(name, inputs, targets)


def _of_scikit_learn(name: str) -> DataMatrix:
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingExtra("data", f"the data matrix {name!r}") from None
    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    return _checked(name, inputs, targets)


def _of_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be a text in UTF-8") from None
    if rows and not all(_is_number(entry) for entry in rows[0][:-1]):
        rows = rows[1:]
    if not rows:
        raise ValueError(f"{path} must have two columns or more; it has no rows of data")
    if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise ValueError(f"{path} must have two columns or more, equally many in every row")
    inputs = [[_number(path, i, entry) for entry in row[:-1]] for i, row in enumerate(rows, 1)]
    labels = [row[-1].strip() for row in rows]
    numbers = [_is_number(label) for label in labels]
    numeric = all(numbers)
    if any(numbers) and not numeric:
        row = numbers.index(False)
        raise ValueError(
            f"the targets of {path} must be numbers or words throughout; "
            f"got {labels[row]!r} in row {row + 1} of the data"
        )
    return np.array(inputs), np.array([float(x) for x in labels] if numeric else labels)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(path: Path, row: int, text: str) -> float:
    if not _is_number(text):
        raise ValueError(f"{path} must hold numbers; got {text!r} in row {row} of the data")
    return float(text)


def _checked(name: str, inputs: np.ndarray, targets: np.ndarray) -> DataMatrix:
    inputs, targets = np.asarray(inputs), np.asarray(targets)
    if (
        inputs.ndim != 2
        or not targets.ndim
        or len(inputs) < 2
        or len(targets) != len(inputs)
        or targets.ndim > 2
    ):
        raise ValueError(
            f"{name} must hold two examples or more, as many inputs as targets; "
            f"got shapes {inputs.shape} and {targets.shape}"
        )
    if targets.ndim == 1:
        targets = _one_hot(targets) if _is_classes(targets) else targets[:, None]
    for role, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"the {role} of {name} must be numbers; got {array.dtype}")
        bad = np.argwhere(~np.isfinite(array.astype(float)))
        if len(bad):
            raise ValueError(f"the {role} of {name} must be finite; got {array[tuple(bad[0])]} in "
                             f"row {bad[0][0] + 1}")  # fmt: skip
    return DataMatrix(inputs.astype(float), targets.astype(float))


def _is_classes(targets: np.ndarray) -> bool:
    if targets.dtype.kind not in "iuf":
        return True
    whole = bool(np.all(np.isfinite(targets)) and np.all(targets == np.round(targets)))
    return whole and len(np.unique(targets)) <= _MOST_CLASSES


def _one_hot(labels: Sequence | np.ndarray) -> np.ndarray:
    _, classes = np.unique(labels, return_inverse=True)
    return np.eye(classes.max() + 1)[classes]
