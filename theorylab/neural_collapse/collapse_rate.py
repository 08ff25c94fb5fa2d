r"""The rate at which variability within the classes dies out under gradient flow.

Near a minimizer of the squared loss with balanced classes (`mode_fit`: fit $t$, product of the
layers $w$, $w^2+N\lambda_H=N\lambda_H/(1-t)$), deviations from the class means decay along the
directions the layers read, and those they do not read feel the weight decay alone:

$$e^{-rt},\quad r=\frac{w^2}N+\lambda_H=\frac{\lambda_H}{1-t}; \qquad e^{-\lambda_Ht}. \tag{1}$$

Features with more dimensions than that also let the span of the class means tilt against the rows
of $W_1$. The tilt of class mean and row, $(g,v)$, obeys

$$\dot g=\kappa v-\lambda_Hg,\quad \dot v=\kappa g-\lambda_1v,\quad \kappa^2=\lambda_1\lambda_H,
  \tag{2}$$

with eigenvalues 0, a rotation of both, and $-(\lambda_1+\lambda_H)$. NC1 weighs deviations by the
inverse covariance of the class means, which sees unread ones through the tilt. So
$\mathrm{NC1}\asymp e^{-\gamma t}$ with the smaller of

$$\gamma_{clean}=\frac{2\lambda_H}{1-t}, \qquad \gamma_{slow}=2(2\lambda_H+\lambda_1) \tag{3}$$

from a generic start, and $\gamma_{clean}$ alone where all dimensions are read or the start is
aligned: with spare dimensions and small decay, NC1 falls at a rate of the weight decay and not of
the data. One layer: $\gamma_{clean}=\frac2N\sqrt{n\lambda_H/\lambda_1}$. Gradient descent with
learning rate $\eta$ turns each amplitude's $r$ into

$$-\ln(1-\eta r)/\eta. \tag{4}$$

Proof: `proofs/neural_collapse/collapse_rate.py`.
Claim: `variability_rate`.
Reference: derived here; the minimizers are those of Dang et al. (2023), arXiv:2301.00437.
"""

from __future__ import annotations

from typing import NamedTuple

from theorylab.neural_collapse.mode_fit import critical_penalty, mode_fit
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_nonnegative,
    require_positive,
)


class CollapseRate(NamedTuple):
    """Exponents of NC1: the one `observed`, and the two it is the smaller of, Eq. (3)."""

    observed: Float[Array, "*batch"]
    clean: Float[Array, "*batch"]
    slow: Float[Array, "*batch"]


def collapse_rate(
    num_classes: Reals,
    class_size: Reals,
    weight_decay: Reals,
    feature_decay: Reals,
    *,
    spare_dimensions: bool = True,
    learning_rate: Reals = 0.0,
) -> CollapseRate:
    """The exponent `gamma` with which NC1 decays in time, Eq. (3).

    Arguments:
        num_classes: `K`; `>= 2`.
        class_size: `n`, examples in each class; `> 0`.
        weight_decay: `lambda_j`, of the layers from the features up along the last axis (a number:
            one layer); `> 0`.
        feature_decay: `lambda_H`, of all features together; `> 0`.
        spare_dimensions: whether features have more dimensions than classes (with a bias, than
            classes less one) and start unaligned with the layers. Else only `clean` is observed.
        learning_rate: `eta` of gradient descent, Eq. (4), with time in units of one over it; 0 is
            the flow. `>= 0`, and below `1 / r` for every rate `r` of Eqs. (1) and (2).

    Returns: exponents, broadcast over the arguments less the axis of layers, in their library
        (NumPy by default). Where the two are close the smaller one takes long to rule.
    Assumes: squared loss, balanced classes, with or without a bias that does not decay, layers and
        features at least as wide as the classes need, convergence to the global minimum.
    Raises: `ValueError` on an entry outside the bounds above, or where decays are so large that
        nothing is fitted; under `jit`, NaN instead.
    """
    xp, (K, n, decays, ridge, eta) = arrays(
        num_classes=num_classes,
        class_size=class_size,
        weight_decay=weight_decay,
        feature_decay=feature_decay,
        learning_rate=learning_rate,
    )
    decays = decays if decays.ndim else decays[None]
    M = decays.shape[-1]
    if not M:
        raise ValueError("`weight_decay` must be one number for each layer; got none")
    inside = require(xp.isfinite(K) & (K >= 2), ">= 2", num_classes=K)
    inside = require_nonnegative(learning_rate=eta) & inside
    inside = require_positive(class_size=n, feature_decay=ridge) & inside
    inside = xp.all(require_positive(weight_decay=decays), axis=-1) & inside
    positive = lambda x: xp.where(x > 0, x, xp.ones_like(x))
    N = positive(K) * positive(n)
    logs = xp.sum(xp.log(positive(decays)), axis=-1) + xp.log(N * positive(ridge))
    penalty = M * K * xp.exp(logs / M)
    at = mode_fit(penalty, M)
    bound = f"small enough to fit the labels (a penalty below {critical_penalty(M):.6g})"
    inside = require(at.fit > 0, bound, weight_decay=penalty) & inside
    read, tilt = ridge / at.misfit, decays[..., 0] + ridge
    stable = eta * xp.maximum(read, tilt) < 1
    inside = require(stable, "below 1 / r", learning_rate=eta) & inside

    def rate(r: Array) -> Array:
        """Eq. (4), `r` itself at `eta = 0`."""
        step = xp.where(inside, eta * r, 0 * r)
        taken = xp.where(step > 0, step, 0 * step + 0.5)
        return r * xp.where(step > 0, -xp.log1p(-taken) / taken, 1 + step / 2)

    clean = 2 * rate(read)
    slow = 2 * (rate(ridge) + rate(tilt))
    clean, slow = xp.broadcast_arrays(clean, slow)
    observed = xp.minimum(clean, slow) if spare_dimensions else clean
    return CollapseRate(*(nan_outside(xp, inside, gamma) for gamma in (observed, clean, slow)))
