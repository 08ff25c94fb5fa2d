r"""Exponents from noisy sizes: log-log slopes with jackknife errors.

Replicates $x_{ij}$ of a deviation at sizes $N_1<\dots<N_J$, with $\ell_j=\ln N_j$. What goes as a
power of the size is a mean or a root mean square,

$$y_j=\ln|\bar x_j|+\tfrac12(\mathrm{se}_j/\bar x_j)^2 \qquad\text{or}\qquad
  y_j=\tfrac12\ln\overline{x_j^2}, \tag{1}$$

the second term undoing the bias of the logarithm to leading order. The slope is that of the
unweighted fit on $(1,\ell)$, or on $(1,\ell,N^{\omega})$ where the order of the next term is known;
weighting by estimated errors would trust sizes whose deviation happens to be small. With $v_j$
the leave-one-out jackknife variance of $y_j$,

$$\hat\kappa=\sum_jc_jy_j, \qquad h=t_\nu(1-\tfrac a2)\sqrt{\sum c_j^2v_j}, \qquad
  \nu=(R-1)\frac{(\sum c_j^2v_j)^2}{\sum(c_j^2v_j)^2}; \tag{2}$$

where one replicate supplies all sizes, the slope itself is jackknifed, with $\nu=R-1$. Curvature is
the contrast of $y$ along $\ell^2$ that the fit leaves free, by the same errors.

References: Satterthwaite (1946), Biometrics Bull. 2, 110; Efron & Stein (1981), Ann. Stat. 9, 586.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

FEWEST = 16
# Below this multiple of its standard error the mean of a size says little of its logarithm.
GATE = 4.0


class Contrast(NamedTuple):
    """A linear contrast of the `y_j`, with its standard error and degrees of freedom, Eq. (2)."""

    value: float
    error: float
    freedom: float

    def half_width(self, level: float) -> float:
        return float(special.stdtrit(self.freedom, 1 - level / 2)) * self.error

    def p_value(self, distance: float) -> float:
        """The two-sided p-value of lying `distance` away."""
        if distance <= 0:
            return 1.0
        if self.error == 0:
            return 0.0
        return float(2 * special.stdtr(self.freedom, -distance / self.error))


class Slope(NamedTuple):
    """The exponent of one curve, its curvature, and the points it was fitted to.

    `trouble` says why there is no exponent; it is empty where there is one.
    """

    exponent: Contrast
    curvature: Contrast
    logs: np.ndarray
    errors: np.ndarray
    trouble: str


def slope(
    deviations: np.ndarray,
    sizes: np.ndarray,
    *,
    of: str,
    correction: float | None = None,
    paired: bool = False,
) -> Slope:
    """The exponent with which a mean or a root mean square goes as a power of the size.

    Arguments:
        deviations: `(replicates, sizes)`; 16 replicates at least.
        sizes: `N`, strictly increasing or decreasing, all `> 0`; 4 at least.
        of: `mean` or `rms`, what goes as a power, Eq. (1).
        correction: the power of the next term relative to the leading one, with its sign.
        paired: whether a row is one replicate seen at all sizes.
    """
    x, N = np.asarray(deviations, float), np.asarray(sizes, float)
    if x.ndim != 2 or len(x) < FEWEST or x.shape[1] < 4 or N.shape != x.shape[1:]:
        raise ValueError(
            f"`deviations` must have {FEWEST} replicates of 4 sizes or more; got shape {x.shape} "
            f"for {N.size} sizes"
        )
    with np.errstate(divide="ignore"):
        ratios = N[1:] / N[:-1]
    if not (np.all(N > 0) and (np.all(ratios > 1) or np.all(ratios < 1))):
        raise ValueError(f"`sizes` must be > 0 and strictly monotone; got {N}")
    logs, without, noise = _logarithms(x, of)
    ell = np.log(N / N[0])
    columns = [np.ones_like(ell), ell] + ([] if correction is None else [(N / N[0]) ** correction])
    design = np.stack(columns, axis=1)
    fit = np.linalg.pinv(design)[1]
    bend = ell**2 - design @ np.linalg.lstsq(design, ell**2, rcond=None)[0]
    bend = bend / (bend @ ell**2)
    with np.errstate(invalid="ignore"):  # of a size without deviation
        centred = without - without.mean(axis=0)
    scale = (len(x) - 1) / len(x)
    errors = np.sqrt(scale * (centred**2).sum(axis=0))

    def contrast(weights: np.ndarray) -> Contrast:
        if paired:
            variance, freedom = scale * float(((centred @ weights) ** 2).sum()), len(x) - 1.0
        else:
            parts = weights**2 * errors**2
            variance, squares = float(parts.sum()), float((parts**2).sum())
            freedom = (len(x) - 1) * variance**2 / squares if squares > 0 else len(x) - 1.0
        return Contrast(float(weights @ logs), math.sqrt(variance), freedom)

    trouble = _trouble(logs, noise, errors, N)
    if trouble:
        nan = Contrast(math.nan, math.nan, math.nan)
        return Slope(nan, nan, logs, errors, trouble)
    return Slope(contrast(fit), contrast(bend), logs, errors, "")


def _logarithms(x: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`y_j` of Eq. (1), the same without each replicate, and standard error over mean."""
    n = len(x)
    power = x**2 if of == "rms" else x
    mean = power.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = power.std(axis=0, ddof=1) / math.sqrt(n) / np.abs(mean)
        without = np.log(np.abs(n * mean - power) / (n - 1))
        logs = np.log(np.abs(mean))
    if of == "rms":  # always positive: its noise is no matter of sign
        return logs / 2, without / 2, np.zeros_like(noise)
    return logs + noise**2 / 2, without, noise


def _trouble(logs: np.ndarray, noise: np.ndarray, errors: np.ndarray, sizes: np.ndarray) -> str:
    if not np.all(np.isfinite(logs)):
        return f"no deviation at size {sizes[~np.isfinite(logs)][0]:g}"
    if not np.all(np.isfinite(errors)):
        return f"no deviation but that of one replicate at size {sizes[~np.isfinite(errors)][0]:g}"
    if np.any(noise * GATE > 1):
        worst = int(noise.argmax())
        return (
            f"at size {sizes[worst]:g} the mean deviation is {1 / noise[worst]:.2g} of its "
            f"standard errors, below {GATE:g}"
        )
    return ""
