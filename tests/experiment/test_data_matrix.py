"""Data matrices by name and from files."""

import numpy as np
import pytest

from theorylab.errors import MissingExtra, UnknownName
from theorylab.experiment.data_matrix import NAMES, _read, data_matrix

SHAPES = {
    "digits": ((1797, 64), 10),
    "wine": ((178, 13), 3),
    "breast_cancer": ((569, 30), 2),
    "iris": ((150, 4), 3),
    "diabetes": ((442, 10), 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_named_matrices_have_the_shapes_they_say(name):
    inputs, targets = data_matrix(name)
    assert (inputs.shape, targets.shape[1]) == SHAPES[name]
    if targets.shape[1] > 1:
        np.testing.assert_array_equal(targets.sum(axis=1), 1)


def table(path, text):
    path.write_text(text, encoding="utf-8")
    return data_matrix(str(path))


@pytest.mark.parametrize("header", ["", "a,b,y\n", "\ufeffa,b,y\n"])
def test_a_table_may_have_a_header(tmp_path, header):
    inputs, targets = table(tmp_path / "t.csv", header + "1,2,0.5\n3,4,1.5\n\n5,6,2.5\n")
    np.testing.assert_array_equal(inputs, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(targets, [[0.5], [1.5], [2.5]])


@pytest.mark.parametrize("labels", [("cat", "dog", "cat"), ("7", "9", "7"), ("7.0", "9.0", "7.0")])
def test_words_and_few_whole_numbers_are_classes(tmp_path, labels):
    rows = "\n".join(f"{i},{i * i},{label}" for i, label in enumerate(labels))
    np.testing.assert_array_equal(table(tmp_path / "t.csv", rows).targets, np.eye(2)[[0, 1, 0]])


def test_many_whole_numbers_are_a_quantity(tmp_path):
    rows = "\n".join(f"{i},{i * i},{i}" for i in range(21))
    assert table(tmp_path / "t.csv", rows).targets.shape == (21, 1)


def test_arrays_are_read(tmp_path):
    X, Y = np.random.default_rng(0).normal(size=(2, 6, 3))
    for names in (("inputs", "targets"), ("X", "y")):
        np.savez(tmp_path / f"{names[0]}.npz", **dict(zip(names, (X, Y), strict=True)))
        stored = data_matrix(str(tmp_path / f"{names[0]}.npz"))
        np.testing.assert_array_equal(stored.inputs, X)
        np.testing.assert_array_equal(stored.targets, Y)
    np.save(tmp_path / "t.npy", X)
    np.testing.assert_array_equal(data_matrix(str(tmp_path / "t.npy")).targets, X[:, 2:])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n4,x,6\n", "must hold numbers; got 'x' in row 2"),
        ("1,2,3\n4,5\n", "equally many in every row"),
        ("1\n2\n", "two columns or more"),
        ("", "no rows of data"),
        ("a,b,y\n", "no rows of data"),
        ("1,2,0.5\n1,2,\n", "throughout; got '' in row 2"),
        ("1,2,0.5\n", "two examples or more"),
        ("1,nan,0.5\n1,2,0.6\n", "inputs of .* must be finite; got nan in row 1"),
        ("1,2,0.5\n1,2,inf\n", "targets of .* must be finite; got inf in row 2"),
    ],
)
def test_tables_that_are_not_numbers_are_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        table(tmp_path / "t.csv", text)


def test_arrays_that_are_no_tables_are_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros(4))
    with pytest.raises(ValueError, match="a table of two columns or more"):
        data_matrix(str(tmp_path / "t.npy"))
    np.savez(tmp_path / "t.npz", a=np.zeros(4))
    with pytest.raises(ValueError, match="must hold `inputs` and `targets`; it holds"):
        data_matrix(str(tmp_path / "t.npz"))
    np.savez(tmp_path / "u.npz", inputs=np.zeros((4, 2)), targets=np.zeros(3))
    with pytest.raises(ValueError, match="as many inputs as targets"):
        data_matrix(str(tmp_path / "u.npz"))


@pytest.mark.parametrize("name", ["dgits", "missing.csv", "table.xlsx"])
def test_unknown_names_are_refused(name):
    with pytest.raises(UnknownName, match="must be one of digits, wine"):
        data_matrix(name)


def test_a_missing_library_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    _read.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'theorylab\[data\]'"):
        data_matrix("wine")


def test_a_file_that_changes_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    table(path, "1,2,0.5\n3,4,1.5\n")
    with pytest.raises(ValueError, match="has changed since it was read"):
        table(path, "1,2,0.5\n3,4,1.5\n5,6,7.5\n")
