"""Evidence on disk: whole or absent, of the right experiment, and the same when resumed."""

import errno
import functools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import theorylab
from tests import toys
from tests.toys import drawn_claim, exact_claim, noisy_claim, slow_normal
from theorylab.verify import Outcome
from theorylab.verify.fingerprint import fingerprint
from theorylab.verify.store import Store
from theorylab.verify.tiles import Experiment

ABOUT = dict(setting=dict(rate=1.0), seed=0)
TILE = Outcome(np.arange(6.0).reshape(2, 3), {"rate": np.array([1.0, 2.0])})


def bits(verdict):
    """All that a verdict rests on."""
    values = [record.values.tobytes() for record in verdict.records]
    return values, verdict.status, verdict.resolution, verdict.replicates


def shelf(folder, **about):
    return Store(folder).shelf("toy.claim", {**ABOUT, **about})


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.npz")
        if not path.name.startswith(".")
    }


def arrays(folder):
    return {name: np.load(folder / name)["value"].tobytes() for name in files(folder)}


def test_what_is_written_is_read_back_to_the_bit(tmp_path):
    shelf(tmp_path).write(3, TILE)
    tile = shelf(tmp_path).read(3)
    np.testing.assert_array_equal(tile.value, TILE.value)
    np.testing.assert_array_equal(tile.given["rate"], TILE.given["rate"])
    assert shelf(tmp_path).read(2) is None


@pytest.mark.parametrize("other", [dict(seed=1), dict(setting=dict(rate=1.1)), dict(more=1)])
def test_other_experiments_have_other_shelves(tmp_path, other):
    shelf(tmp_path).write(0, TILE)
    assert shelf(tmp_path, **other).read(0) is None


def test_drafts_that_were_cut_off_are_removed_once_they_are_old(tmp_path):
    shelf(tmp_path).write(0, TILE)
    (tile,) = tmp_path.rglob("*.npz")
    old, young = tile.parent / ".000001.npz.abc", tile.parent / ".000002.npz.abc"
    for draft in (old, young):
        draft.write_bytes(b"cut off")
    os.utime(old, (0, 0))
    shelf(tmp_path).write(3, TILE)
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize("length", [0, 10, 200])
def test_a_damaged_tile_counts_as_missing(tmp_path, length):
    shelf(tmp_path).write(0, TILE)
    (path,) = tmp_path.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:length])
    assert shelf(tmp_path).read(0) is None


def test_pickled_arrays_are_not_unpickled(tmp_path):
    shelf(tmp_path).write(0, TILE)
    (path,) = tmp_path.rglob("*.npz")
    np.savez(path, value=np.array([print], dtype=object))
    assert shelf(tmp_path).read(0) is None


def test_a_full_disk_loses_nothing_of_the_run(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("theorylab.verify.store.os.fsync", full)
    verdict = theorylab.check(noisy_claim(), store=tmp_path)
    assert verdict.holds
    assert bits(verdict) == bits(theorylab.check(noisy_claim()))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    store = Store(tmp_path)
    store.shelf("toy", ABOUT).write(0, TILE)
    assert "No space left" in store.trouble


def test_a_store_that_cannot_be_made_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="`store` must be a folder that can be written"):
        theorylab.check(noisy_claim(), store=tmp_path / "file" / "within")


@pytest.mark.parametrize(
    "claim", [exact_claim(), drawn_claim(), noisy_claim()], ids=lambda c: c.name
)
def test_kept_evidence_gives_the_same_verdict_without_computing(tmp_path, claim, monkeypatch):
    first = theorylab.check(claim, store=tmp_path)
    monkeypatch.setattr(Experiment, "compute", lambda *_: pytest.fail("computed again"))
    assert bits(theorylab.check(claim, store=tmp_path)) == bits(first)


def test_evidence_is_judged_again_under_another_criterion(tmp_path, monkeypatch):
    theorylab.check(noisy_claim(), store=tmp_path)
    monkeypatch.setattr(Experiment, "compute", lambda *_: pytest.fail("computed again"))
    wrong = noisy_claim(predict=lambda centre: np.full(3, centre - 1), replicates=32)
    assert theorylab.check(wrong, store=tmp_path).status != "holds"


def test_other_code_seed_precision_or_file_is_other_evidence(tmp_path):
    def about(observe=toys.normal, setting=None, **changes):
        fields = dict(seed=0, precision="float64") | changes
        claim = noisy_claim(observe=observe)
        return Experiment.of(claim, setting or dict(centre=1.0), **fields).about()

    data = tmp_path / "data.csv"
    data.write_text("1,2")
    before = about(setting=dict(data=str(data)))
    data.write_text("1,3")
    keys = [
        about(),
        about(seed=1),
        about(precision="float32"),
        about(observe=lambda key, centre: toys.normal(key, centre=centre) + 1),
        before,
        about(setting=dict(data=str(data))),
    ]
    assert all(one != other for i, one in enumerate(keys) for other in keys[:i])
    assert about() == about()


def outer(x):
    return inner(x) + jnp.sin(x)


def inner(x):
    return 2 * x


def test_a_fingerprint_follows_what_a_function_calls(monkeypatch):
    fingerprint.cache_clear()
    before = fingerprint(outer)
    assert before == fingerprint(outer)
    assert fingerprint(functools.partial(outer, 1)) != fingerprint(functools.partial(outer, 2))
    fingerprint.cache_clear()
    monkeypatch.setitem(globals(), "inner", lambda x: 3 * x)
    assert fingerprint(outer) != before
    fingerprint.cache_clear()


def test_a_fingerprint_does_not_read_comments_or_docstrings():
    def made(text):
        scope = {"__name__": "somewhere"}
        exec(text, scope)
        return scope["f"]

    plain = fingerprint(made("def f(x):\n    return x + 1\n"))
    told = fingerprint(made("# why\n\ndef f(x):\n    # how\n    return x + 1\n"))
    assert plain == told
    one, other = (fingerprint(made(f"def f(x):\n    '{doc}'\n    return x + 1\n")) for doc in "ab")
    assert one == other
    assert plain != fingerprint(made("def f(x):\n    return x + 2\n"))


def test_the_fingerprint_is_the_same_in_another_process():
    from theorylab.deep_linear.claims import sigmoidal_learning

    text = (
        "from theorylab.deep_linear.claims import sigmoidal_learning as claim\n"
        "from theorylab.verify.fingerprint import fingerprint\n"
        "print(fingerprint(claim.observe))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", text],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert sigmoidal_learning.observe


# The toys by their folder: `tests` may be another package's in a process of its own.
INTERRUPTED = """
import sys, theorylab
sys.path.insert(0, sys.argv[2])
from toys import noisy_claim, slow_normal
claim = noisy_claim(observe=slow_normal, mapped=False, tile=4)
theorylab.check(claim, store=sys.argv[1])
"""


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path):
    claim = noisy_claim(observe=slow_normal, mapped=False, tile=4)
    whole = theorylab.check(claim, store=tmp_path / "whole")
    moments = random.Random(0)
    for _ in range(3):
        run = subprocess.Popen(
            [
                sys.executable,
                "-c",
                INTERRUPTED,
                str(tmp_path / "cut"),
                str(Path(toys.__file__).parent),
            ]
        )
        begun = len(files(tmp_path))
        for _ in range(600):
            if len(files(tmp_path)) > begun or run.poll() is not None:
                break
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.3))
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL  # it had not ended before
        assert len(files(tmp_path)) > begun
    resumed = theorylab.check(claim, store=tmp_path / "cut")
    assert bits(resumed) == bits(whole)
    assert arrays(tmp_path / "cut") == arrays(tmp_path / "whole")


def test_damage_of_any_byte_is_a_missing_tile_or_none(tmp_path):
    place = shelf(tmp_path)
    place.write(0, TILE)
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    for k in range(len(whole)):  # some read as encryption, or as an unknown compression
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 0xFF]) + whole[k + 1 :])
        tile = place.read(0)
        assert tile is None or np.array_equal(tile.value, TILE.value)


def test_files_follow_the_mask_of_the_process_and_leave_it_alone(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.delattr(os, "umask")  # to read it is to change it, for all threads
            shelf(tmp_path).write(0, TILE)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.*") if path.is_file()} == {
        0o640
    }
