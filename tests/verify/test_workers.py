"""Evidence is the same whoever computes it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import theorylab
from tests.toys import drawn_claim, noisy_claim, slow_normal
from theorylab.verify.workers import working

TOYS = (drawn_claim(), noisy_claim())


def bits(verdict):
    values = [record.values.tobytes() for record in verdict.records]
    return values, verdict.status, verdict.resolution, verdict.replicates


@pytest.mark.parametrize("claim", TOYS, ids=lambda c: c.name)
def test_any_executor_gives_the_same_evidence(claim):
    with ThreadPoolExecutor(3) as threads:
        assert bits(theorylab.check(claim, executor=threads)) == bits(theorylab.check(claim))


def test_processes_give_the_same_evidence(tmp_path):
    claims = "deep_linear.balance_drift", "deep_linear.coloured_inputs"
    here = theorylab.check(*claims)
    there = theorylab.check(*claims, jobs=2, store=tmp_path)
    assert [bits(verdict) for verdict in there] == [bits(verdict) for verdict in here]
    assert tuple(verdict.id for verdict in there) == tuple(verdict.id for verdict in here)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_crash_elsewhere_is_an_error_of_its_claim():
    def crash(key, centre):
        raise ZeroDivisionError("lost")

    with ThreadPoolExecutor(2) as threads:
        broken = noisy_claim(observe=crash, mapped=False, name="broken")
        verdicts = theorylab.check(broken, noisy_claim(), executor=threads)
    assert [verdict.status for verdict in verdicts] == ["error", "holds"]


def test_what_cannot_be_sent_is_an_error_that_says_so():
    claim = noisy_claim(observe=lambda key, centre: centre, mapped=False)
    verdict = theorylab.check(claim, jobs=2)
    assert verdict.status == "error"
    assert "top level of a module" in verdict.reason


def test_observations_on_the_host_are_those_of_their_keys():
    mapped = theorylab.check(noisy_claim(replicates=16))
    host = theorylab.check(noisy_claim(replicates=16, observe=slow_normal, mapped=False))
    assert host.records[0].values.shape == mapped.records[0].values.shape
    assert abs(host.records[0].values - mapped.records[0].values).max() < 1e-14


@pytest.mark.parametrize("jobs", [0, -1, True])
def test_a_number_of_jobs_that_is_none_is_refused(jobs):
    with pytest.raises(ValueError, match="`jobs` must be a whole number >= 1"), working(jobs):
        pass


def test_jobs_and_executor_are_one_choice():
    with ThreadPoolExecutor(1) as threads, pytest.raises(ValueError, match="not both"):
        theorylab.check(noisy_claim(), jobs=2, executor=threads)
