r"""How the tangent kernel of a ReLU network of one hidden layer scatters at finite width.

In the network of `FullyConnected` with depth 2 every neuron $j$ adds an independent term

$$\Theta_n = \sigma_b^2 + \frac{\sigma_w^2}n\sum_{j=1}^n\big[\phi(z_j)\phi(z_j')
  + v_j^2\,K^1\,\phi'(z_j)\phi'(z_j')\big], \tag{1}$$

with $z = z^1(x)$, $z' = z^1(x')$ of covariance $K^1$ and output weights $v_j\sim N(0, 1)$: its mean
is the limit at every width, without a correction in $1/n$, and its variance, with $a, b$ the
diagonal of $K^1$, $\rho$ the correlation and the arc-cosine kernels $\kappa$,

$$n\operatorname{Var}\Theta_n = \sigma_w^4\,ab\,\Big[\tfrac52\rho\kappa_1
  + \big(\tfrac12+\rho^2\big)\kappa_0 - \tfrac14(\kappa_1+\rho\kappa_0)^2\Big]. \tag{2}$$

At $x=x'$ the bracket is 3: the kernel's relative deviation is $\sqrt{3/n}$ without biases.

Proof: `proofs/ntk/kernel_variance.py`. Claim: `one_layer_variance`.
Derived here; the kernels are those of Cho & Saul (2009).
"""

from __future__ import annotations

from theorylab.numerics.annotations import Array, Float, Real, Reals
from theorylab.numerics.arc_cosine import arc_cosine_kernels, correlation
from theorylab.numerics.arrays import (
    arrays,
    product,
    require_examples,
    require_finite,
    require_nonnegative,
    require_positive,
)


def kernel_variance(
    x1: Reals,
    x2: Reals | None = None,
    *,
    weight_variance: Real = 1.0,
    bias_variance: Real = 0.0,
) -> Float[Array, "left right"]:
    """`n Var Theta_n` of a ReLU network with one hidden layer of `n` neurons, Eq. (2).

    Arguments:
        x1, x2: `(examples, inputs)`, examples in rows; without `x2`, `x1` against itself.
        weight_variance: `sigma_w^2`, one number; `> 0`.
        bias_variance: `sigma_b^2`, one number; `>= 0`.

    Returns: the variance over initializations, times the width: an array of the library of the
        arguments (NumPy by default). Between nearly parallel rows the error is that of the angle,
        the root of the rounding error; the diagonal is exact.
    Assumes: standard normal weights in the parametrization of the NTK, all trained; one output.
    Raises: `ValueError` for arguments out of bounds; under `jit`, NaN instead.
    """
    named = {"x1": x1} | ({} if x2 is None else {"x2": x2})
    xp, (*examples, sw2, sb2) = arrays(
        **named, weight_variance=weight_variance, bias_variance=bias_variance
    )
    require_examples(**dict(zip(named, examples, strict=True)))
    for name, variance in ("weight_variance", sw2), ("bias_variance", sb2):
        if variance.ndim:
            raise ValueError(f"`{name}` must be one number; got shape {tuple(variance.shape)}")
    inside = require_positive(weight_variance=sw2) & require_nonnegative(bias_variance=sb2)
    for name, x in zip(named, examples, strict=True):
        inside = inside & xp.all(require_finite(**{name: x}))
    left, right = examples[0], examples[-1]
    first = lambda squares: sw2 / left.shape[1] * squares + sb2
    a, b = first(xp.sum(left * left, axis=1)), first(xp.sum(right * right, axis=1))
    scale, rho = correlation(xp, a[:, None], first(product(xp, left, right.T)), b[None, :])
    k0, k1 = arc_cosine_kernels(xp, rho)
    bracket = 2.5 * rho * k1 + (0.5 + rho**2) * k0 - (k1 + rho * k0) ** 2 / 4
    if x2 is None:  # on the diagonal there is no angle to round
        row = xp.arange(left.shape[0])
        bracket = xp.where(row[:, None] == row, 3.0, bracket)
    return xp.where(inside, (sw2 * scale) ** 2 * bracket, xp.nan)
