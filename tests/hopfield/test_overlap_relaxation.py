"""The claim on the flow of overlaps, and the 1/N term it corrects for, against exact chains."""

import numpy as np
import pytest

import theorylab
from theorylab.hopfield import overlap_flow
from theorylab.hopfield.claims.overlap_relaxation import expansion, next_order

TIMES = np.array([1.0, 2.0, 3.0])


def exact_means(start, temperature, width):
    """Mean overlaps with two patterns after every sweep: the chain of both classes' mean spins."""
    half = width // 2
    spin = np.linspace(-1, 1, half + 1)
    a, b = np.meshgrid(spin, spin, indexing="ij")
    law = np.zeros_like(a)
    law[tuple(round((1 + x) / 2 * half) for x in (start[0] + start[1], start[0] - start[1]))] = 1
    chance = lambda x, new: (
        (1 - new * x) / 4 / (1 + np.exp(-2 * (new * x + 2 / width) / temperature))
    )
    up_a, down_a, up_b, down_b = (chance(x, new) for x in (a, b) for new in (1, -1))
    stay = 1 - up_a - down_a - up_b - down_b
    means = []
    for _ in TIMES:
        for _ in range(width):
            new = law * stay
            new[1:] += (law * up_a)[:-1]
            new[:-1] += (law * down_a)[1:]
            new[:, 1:] += (law * up_b)[:, :-1]
            new[:, :-1] += (law * down_b)[:, 1:]
            law = new
        means.append([(law * (a + b) / 2).sum(), (law * (a - b) / 2).sum()])
    return np.array(means)


# The field of class a is u_a = m_1 + m_2 = x_a, and likewise u_b = x_b, as in `chance`. Widths are
# the least of the claim's domain, or half of it for (0.5, 0.3).
@pytest.mark.parametrize(
    ("temperature", "start", "width"),
    [
        (0.3, (0.5, 0.3), 480),
        (0.2, (0.6, 0.3), 240),
        (0.5, (0.6, 0.2), 440),
        (0.4, (0.7, 0.1), 100),
    ],
)
def test_the_mean_has_the_1_n_term_and_the_next_is_bounded(temperature, start, width):
    terms = expansion(start, temperature, TIMES)
    off = exact_means(start, temperature, width) - overlap_flow(start, temperature, TIMES)
    rest = np.abs(off - terms.first / width).max()
    bound = next_order(
        0.0, overlaps=start, temperature=temperature, width=width, num_sweeps=len(TIMES)
    )
    assert rest < bound
    assert rest < 0.2 * np.abs(off).max()


def test_the_claim_holds():
    verdict = theorylab.check("hopfield.overlap_relaxation", seed=1)
    assert verdict.holds, verdict


def test_the_claim_holds_in_single_precision_and_for_one_pattern():
    verdict = theorylab.check(
        "hopfield.overlap_relaxation", overlaps=(0.5,), width=1000, precision="float32"
    )
    assert verdict.holds, verdict


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(overlaps=(0.4, 0.3)), "`width` must be >= 53.., for fluctuations"),
        (dict(overlaps=(0.5, 0.3, 0.2)), "for fluctuations to leave the signs"),
        (dict(overlaps=(0.5, 0.5)), "for fluctuations to leave the signs"),
        (dict(overlaps=(0.5, 0.31)), "`overlaps` must be those of `width` spins"),
        (dict(overlaps=(0.8, 0.4)), "`overlaps` must be those of `width` spins"),
        (dict(overlaps=(0.1,) * 5), "`overlaps` must be 1 to 4 numbers; got 5"),
        (dict(width=2002), r"`width` must be a multiple of 2\^2"),
        (dict(temperature=0.0), "`temperature` must be > 0; got 0"),
        (dict(num_sweeps=0), "`num_sweeps` must be >= 1; got 0"),
    ],
)
def test_the_claim_refuses_settings_outside_its_domain(setting, message):
    with pytest.raises(ValueError, match=message):
        theorylab.check("hopfield.overlap_relaxation", **setting)
