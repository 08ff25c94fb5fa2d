r"""What the instruments read on weights that have learned nothing.

The coefficients $c_k$, $k=1\dots K$, of a vector of $p$ independent Gaussian entries are
independent and of the same circular law: their powers are exponential, and as fractions of their
sum uniform on the simplex. The inverse participation ratio then has, exactly,

$$\mathbb E\,\mathrm{IPR}=\frac2{K+1}, \qquad
  \mathrm{Var}\,\mathrm{IPR}=\frac{4(K-1)}{(K+1)^2(K+2)(K+3)}, \qquad K=\frac{p-1}2. \tag{1}$$

Phases are uniform and independent of all powers, whichever frequency the powers choose. So the
misalignment $D=2\phi-\psi$ is uniform, and the alignment of $M$ neurons has

$$\mathbb E\,\rho=0, \qquad \mathrm{Var}\,\rho=\frac1{2M}. \tag{2}$$

The variances are derived here.

Proof: `proofs/grokking/gaussian_participation_ratio.py`.
Claim: `grokking.participation_by_chance`.
Reference: He, Wang, Chen & Yang (2026), arXiv:2602.16849.
"""

from __future__ import annotations

from theorylab.grokking._modulus import num_frequencies
from theorylab.numerics.arrays import whole_number


def gaussian_participation_ratio(modulus: int) -> float:
    """The mean inverse participation ratio of Gaussian vectors, Eq. (1).

    Arguments:
        modulus: `p`, odd and `>= 3`.

    Assumes: independent Gaussian entries of one mean and one variance; the convention of
        `inverse_participation_ratio`.
    Raises: `ValueError` for another modulus.
    """
    return 2 / (num_frequencies(modulus) + 1)


def gaussian_participation_ratio_variance(modulus: int) -> float:
    """The variance of the inverse participation ratio of Gaussian vectors, Eq. (1).

    Argument, assumptions and errors as of `gaussian_participation_ratio`.
    """
    K = num_frequencies(modulus)
    return 4 * (K - 1) / ((K + 1) ** 2 * (K + 2) * (K + 3))


def random_alignment_variance(neurons: int) -> float:
    """The variance of the phase alignment of neurons with random phases, Eq. (2).

    Arguments:
        neurons: `M`; `>= 1`.

    Assumes: independent neurons, of which either phase is uniform whatever the rest is.
    Raises: `ValueError` for no neuron.
    """
    return 1 / (2 * whole_number("neurons", neurons, 1))
