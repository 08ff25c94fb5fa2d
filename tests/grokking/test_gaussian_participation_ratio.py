"""What the instruments read on Gaussian weights: by proof, and by the instruments."""

import numpy as np
import pytest

from proofs.grokking import gaussian_participation_ratio as proof
from theorylab.grokking.gaussian_participation_ratio import (
    gaussian_participation_ratio,
    gaussian_participation_ratio_variance,
    random_alignment_variance,
)
from theorylab.grokking.inverse_participation_ratio import inverse_participation_ratio
from theorylab.grokking.phase_alignment import phase_alignment


@pytest.mark.parametrize("p", [3, 5, 15, 23, 97, 997])
def test_code_agrees_with_its_proof(p):
    at = {proof.K: (p - 1) // 2}
    assert gaussian_participation_ratio(p) == pytest.approx(float(proof.mean.subs(at)), rel=1e-15)
    exact = float(proof.variance.subs(at))
    assert gaussian_participation_ratio_variance(p) == pytest.approx(exact, rel=1e-14)
    assert random_alignment_variance(p) == pytest.approx(
        float(proof.alignment_variance.subs(proof.M, p)), rel=1e-15
    )


def deviations(values, mean, variance):
    """Of the mean and of the variance of a sample, in standard errors."""
    squares = (values - mean) ** 2
    return (
        (np.mean(values) - mean) / np.sqrt(variance / len(values)),
        (np.mean(squares) - variance) / np.sqrt(np.var(squares) / len(values)),
    )


@pytest.mark.parametrize("p", [5, 23])
def test_gaussian_vectors(p):
    vectors = 3 + 0.5 * np.random.default_rng(p).normal(size=(20_000, p))
    ratios = inverse_participation_ratio(vectors)
    mean, variance = gaussian_participation_ratio(p), gaussian_participation_ratio_variance(p)
    assert np.max(np.abs(deviations(ratios, mean, variance))) < 4
    # Over cosines and sines, over k and -k apart, and of powers that are all equal.
    for other in (3 / (p + 1), 2 / (p + 1), 2 / (p - 1)):
        assert abs(deviations(ratios, other, variance)[0]) > 10


def test_one_frequency_has_no_spread():
    assert gaussian_participation_ratio(3) == 1
    assert gaussian_participation_ratio_variance(3) == 0
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(inverse_participation_ratio(vectors), 1, rtol=1e-14)


@pytest.mark.parametrize("by", ["input", "both"])
def test_alignment_of_gaussian_weights(by):
    M = 6
    theta, xi = np.random.default_rng(1).normal(size=(2, 4000, M, 23))
    rho = phase_alignment(theta, xi, by=by)
    assert np.max(np.abs(deviations(rho, 0, random_alignment_variance(M)))) < 4
    assert abs(deviations(rho, 0, 1 / M)[1]) > 10


def test_bad_input_is_refused():
    for law in (gaussian_participation_ratio, gaussian_participation_ratio_variance):
        with pytest.raises(ValueError, match="`modulus` must be an odd integer >= 3; got 22"):
            law(22)
    with pytest.raises(ValueError, match="`neurons` must be >= 1; got 0"):
        random_alignment_variance(0)


def test_stored_numbers():
    # Means over Gaussian vectors drawn independently, with their standard errors.
    for p, exact, mean, error in ((23, 1 / 6, 0.16634, 0.00027), (31, 1 / 8, 0.12506, 0.00019)):
        assert gaussian_participation_ratio(p) == pytest.approx(exact, rel=1e-15)
        assert abs(gaussian_participation_ratio(p) - mean) < 2 * error
