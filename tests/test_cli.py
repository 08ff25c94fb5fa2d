"""The command line: exit codes, output, refusals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from tests.toys import decay, drawn_claim, exact_claim, rate_claim
from theorylab import registry
from theorylab.cli import app
from theorylab.errors import MissingExtra


def crash(key, **setting):
    raise ZeroDivisionError("lost")


def missing(**setting):
    raise MissingExtra("data", "a matrix")


CLAIMS = {
    "toy.decay": exact_claim(),
    "toy.drawn": drawn_claim(),
    "toy.order": rate_claim(),
    "wrong.decay": exact_claim(predict=lambda **setting: 0.5 * decay(**setting)),
    "wrong.rivals": exact_claim(rivals={"twin": decay}),
    "wrong.crash": exact_claim(observe=crash),
    "wrong.missing": exact_claim(predict=missing),
}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr(registry, "claims", lambda: CLAIMS)


def run(*words):
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("toy.*", 0),
        ("wrong.decay", 1),
        ("wrong.rivals", 3),
        ("wrong.crash", 4),
        ("wrong.missing", 3),
        ("*", 4),
        ("*.decay", 1),
    ],
)
def test_the_worst_verdict_decides_the_exit_code(pattern, code):
    assert run("check", pattern).exit_code == code


def test_a_check_prints_a_row_for_each_claim_and_why_one_fails():
    result = run("check", "toy.decay", "wrong.*")
    rows = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()[1:6]}
    assert rows == {
        "toy.decay": "holds",
        "wrong.decay": "refuted",
        "wrong.rivals": "inconclusive",
        "wrong.crash": "error",
        "wrong.missing": "skipped",
    }
    flat = " ".join(result.stdout.split())
    assert "wrong.crash: ZeroDivisionError: lost" in flat
    assert "wrong.missing: a matrix needs the extra `data`" in flat
    assert "1 holds, 1 skipped, 1 inconclusive, 1 refuted, 1 error in" in flat
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 118


def test_json_is_written(tmp_path):
    path = tmp_path / "out.json"
    assert run("check", "toy.*", "--json", str(path)).exit_code == 0
    verdicts = json.loads(path.read_text())["verdicts"]
    assert [(v["id"], v["status"]) for v in verdicts] == [
        ("toy.decay", "holds"),
        ("toy.drawn", "holds"),
        ("toy.order", "holds"),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "toy.deacy"), "no claim 'toy.deacy'; did you mean toy.decay"),
        (("check", "decay"), "did you mean toy.decay"),
        (("check", "zzz"), "`theorylab list` shows them all"),
        (("show", "toy.*"), "one claim is needed; 'toy.*' selects 3"),
        (("check", "toy.decay", "--scale", "huge"), "`scale` must be one of"),
        (("check", "toy.decay", "--seed", "-1"), "`seed` must be a whole number"),
        (("check", "toy.decay", "--precision", "half"), "`precision` must be one of"),
        (("check", "toy.decay", "--set", "speed=1"), "has no setting `speed`; it has rate"),
        (("check", "toy.decay", "--set", "rate"), "`--set` takes NAME=VALUE; got 'rate'"),
        (
            ("check", "toy.decay", "--set", "rate=fast"),
            "must be of type float, such as 1.0; got 'fast'",
        ),
        (("check", "toy.decay", "--json", "no/such/x.json"), "`--json` needs an existing folder"),
        (("figure", "toy.decay", "-o", "x.gif"), "`--output` must end in one of .pdf, .svg, .png"),
        (("figure", "toy.decay", "-o", "no/such/x.pdf"), "`--output` needs an existing folder"),
        (("figure", "toy.*", "-o", "x.pdf"), "one claim is needed"),
        (("check", "toy.decay", "--alpha", "1"), "`--alpha` must be between 0 and 1; got 1.0"),
        (("check", "toy.decay", "--json", "."), "`--json` needs a"),
        (("check", "toy.decay", "--json", "tests"), "needs a file; got the folder"),
        (("check", "toy.decay", "--set", "rate=None"), "setting `rate` must be a number"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(words, message):
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_settings_are_replaced_from_the_command_line(tmp_path):
    path = tmp_path / "out.json"
    words = ("--set", "rate=2", "--set", "num_steps=50", "--json", str(path))
    assert run("check", "toy.decay", *words).exit_code == 0
    (verdict,) = json.loads(path.read_text())["verdicts"]
    assert verdict["settings"] == [{"rate": 2.0, "step": 0.01, "num_steps": 50}]


def test_the_version_is_told():
    assert run("--version").stdout.startswith("theorylab 0.")


def test_list_names_every_claim():
    result = run("list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in CLAIMS)
    assert "wrong" not in run("list", "toy.*").stdout


def test_show_tells_all_there_is_to_know():
    text = run("show", "toy.decay").stdout
    for part in ("Euler's steps follow", "Euler (1768)", "10 % slow", "rate=1.0", "First order"):
        assert part in text
    assert "step^1, within 0.05" in run("show", "toy.order").stdout


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_figure_draws_a_claim(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    result = run("figure", "toy.decay", "-o", str(path))
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 1000


def test_a_figure_without_evidence_is_refused(tmp_path):
    result = run("figure", "wrong.crash", "-o", str(tmp_path / "a.pdf"))
    assert result.exit_code == 4
    assert "has no evidence to draw: ZeroDivisionError: lost" in result.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupt_keeps_the_verdicts_reached(monkeypatch):
    def interrupt(key, **setting):
        raise KeyboardInterrupt

    claims = {"toy.decay": exact_claim(), "toy.long": exact_claim(observe=interrupt)}
    monkeypatch.setattr(registry, "claims", lambda: claims)
    result = run("check")
    assert result.exit_code == 130
    assert "toy.decay" in result.stdout
    assert "interrupted: the verdicts above" in result.stderr


def test_ctrl_c_ends_the_command_cleanly():
    command = [sys.executable, "-m", "theorylab", "check", "--scale", "full"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(6)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
