r"""Global minimisers of a deep linear head on unconstrained features.

$K$ classes of $n_k$ samples, $N=\sum_kn_k$, one-hot labels $Y$ ($K\times N$), free features $H$
($d_1\times N$; in the functions examples are rows) and $M$ layers $W_j$ ($d_{j+1}\times d_j$,
$d_{M+1}=K$), of which $W_M$ is the classifier, minimise

$$\mathcal L=\frac1{2N}\|W_M\cdots W_1H+\beta\mathbf1^\top-Y\|_F^2+\frac12\sum_j\lambda_j\|W_j\|_F^2
  +\frac{\lambda_H}2\|H\|_F^2+\frac{\lambda_\beta}2\|\beta\|^2, \tag{1}$$

or with the mean cross-entropy (natural logarithm) as first term. $\lambda_H$ multiplies the sum
over all samples: a penalty on their mean is $N$ times as large.

At the minimum of (1) all factors share the singular vectors of the target $\tilde Y$ that is left
when the bias has been minimised over,

$$\tilde Y=Y\ (y_k^2=n_k) \quad\text{or, with a free bias,}\quad \tilde Y=Y-Y\mathbf1\mathbf1^\top/N
  \ \big(y_i^2\ \text{the non-zero eigenvalues of}\ \mathrm{diag}(n)-nn^\top/N\big), \tag{2}$$

and each of the $R=\min(r,d_1,\dots,d_M)$ largest of its $r$ singular values is a scalar problem,
`mode_fit`, with $\Lambda=\lambda_H\prod_j\lambda_j$:

$$b_i=\frac{MN}{y_i^2}(N\Lambda)^{1/M}, \quad s_i=t_iy_i, \quad
  \lambda_jw_{j,i}^2=\lambda_Hh_i^2=(\Lambda s_i^2)^{1/(M+1)}, \tag{3}$$
$$\mathcal L^*=\frac1{2N}\Big[\sum_{i\le R}y_i^2\,g(b_i)+\sum_{i>R}y_i^2\Big]. \tag{4}$$

Without a bias the class means and the rows of the classifier are orthogonal, of lengths that grow
with $n_k$, and those of the classes with $b_k\ge b^*$ vanish (minority collapse). With a free bias
and equal sizes they form a simplex equiangular tight frame, if no layer is narrower than $K-1$.

A decayed bias weakens the fidelity along $\mathbf1_N$ by $\kappa=\lambda_\beta/(1+\lambda_\beta)$.
For equal sizes the direction $\mathbf1_K$ then has

$$b_0=b\,\kappa^{-(1+1/M)}, \quad \beta_k=\frac{1-t_0}{K(1+\lambda_\beta)}, \tag{5}$$

and $\kappa y^2$ for $y^2$ in (4).

For $M=1$ every local minimum is global. For $M\ge2$ the points where only some of the largest
$y_i$ are fitted, each at the larger root of `mode_fit`, are local minima too; where a smaller
one is fitted and a larger one is not, a rotation of the singular vectors lowers the loss.

Proof: `proofs/neural_collapse/deep_linear_ufm.py`.
Claims: `collapsed_geometry`, `loss_bound`, `network_bound`.
Reference: Dang, Tran, Osher, Tran-The, Ho & Nguyen (2023), arXiv:2301.00437; unequal sizes with a
bias and the decayed bias are derived in the proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from theorylab.neural_collapse.mode_fit import (
    critical_penalty,
    local_minimum,
    mode_fit,
    spinodal_penalty,
)
from theorylab.numerics.annotations import Array, Bool, Float, Real, Reals
from theorylab.numerics.arrays import arrays, require_nonnegative, require_positive

Optimality = Literal["proved", "best known"]


class DecayDerivatives(NamedTuple):
    """Derivatives of the minimal loss by each decay: half the squared norm of what it decays."""

    weight_decay: Float[np.ndarray, " depth"]
    feature_decay: float
    bias_decay: float


class Minimiser(NamedTuple):
    """Matrices that attain the minimum; examples are rows of `features`, ordered by class.

    They are the arguments of `DeepLinearUFM.objective`, in its order.
    """

    weights: list[np.ndarray]
    features: Float[np.ndarray, "samples width"]
    labels: np.ndarray
    bias: Float[np.ndarray, " classes"] | None


@dataclass(frozen=True, eq=False)
class Collapse:
    """The global minimum of a `DeepLinearUFM`, up to rotations of the hidden bases, Eq. (3).

    Singular directions are in the order of the classes without a bias, and by descending `y_i`
    otherwise, the direction of all ones last; directions that are not fitted have zeros.

    Attributes:
        fit: `t_i`, the fitted share of each singular value of the target; NaN under
            cross-entropy, which has no target.
        penalty: `b_i` of `mode_fit`; NaN under cross-entropy.
        output_modes: the left singular vectors of the target, its columns.
        class_modes: the right ones, in rows, by their value at a sample of each class.
        logit_singular_values: `s_i`, of the logits without bias, all samples.
        layer_singular_values: `w_{j,i}`, of each layer, from the features up.
        feature_singular_values: `h_i`, of the features, all samples.
        bias: zeros without one, and under cross-entropy, where it is solved with one.
        loss: the minimum of the loss.
        unique: whether the geometry (every Gram matrix below) is proved to be the only one.
            It is not where equal singular values are cut by a narrow layer, where `b_i` is
            critical to rounding and `depth > 1`, and where optimality is not proved.
        optimality: `proved` for squared error at any depth, and for cross-entropy at depth 1 or
            of two classes; beyond, the `best known` branch, which others may beat.
        branch: which configuration of logits it is, under cross-entropy.
    """

    fit: Float[np.ndarray, " modes"]
    penalty: Float[np.ndarray, " modes"]
    output_modes: Float[np.ndarray, "classes modes"]
    class_modes: Float[np.ndarray, "modes classes"]
    logit_singular_values: Float[np.ndarray, " modes"]
    layer_singular_values: Float[np.ndarray, "depth modes"]
    feature_singular_values: Float[np.ndarray, " modes"]
    bias: Float[np.ndarray, " classes"]
    loss: float
    unique: bool
    optimality: Optimality
    branch: str | None = None

    @property
    def product_singular_values(self) -> Float[np.ndarray, " modes"]:
        """Of the product of all layers, `w_i`."""
        return self.layer_singular_values.prod(0)

    @property
    def layer_mean_grams(self) -> Float[np.ndarray, "depth classes classes"]:
        """Inner products of the class means at the input of each layer; the features' first."""
        inputs = np.vstack([self.feature_singular_values, self.layer_singular_values[:-1]])
        return self.class_modes.T @ (np.cumprod(inputs, 0)[:, :, None] ** 2 * self.class_modes)

    @property
    def layer_product_grams(self) -> Float[np.ndarray, "depth classes classes"]:
        """Inner products of the rows of `W_M ... W_j`, `j = 1, ..., M`; the classifier's last."""
        products = np.cumprod(self.layer_singular_values[::-1], 0)[::-1]
        return (self.output_modes * products[:, None, :] ** 2) @ self.output_modes.T

    @property
    def class_mean_gram(self) -> Float[np.ndarray, "classes classes"]:
        """Inner products of the class means of the features."""
        return self.layer_mean_grams[0]

    @property
    def product_gram(self) -> Float[np.ndarray, "classes classes"]:
        """Inner products of the rows of the product of all layers."""
        return self.layer_product_grams[0]

    @property
    def classifier_gram(self) -> Float[np.ndarray, "classes classes"]:
        """Inner products of the rows of the last layer."""
        return self.layer_product_grams[-1]

    @property
    def class_logits(self) -> Float[np.ndarray, "classes classes"]:
        """Logits of a sample of each class, in rows; with the bias."""
        logits = (self.output_modes * self.logit_singular_values) @ self.class_modes
        return logits.T + self.bias

    @property
    def self_duality(self) -> float:
        """Distance of the product of all layers from the class means, each of norm 1 (NC3).

        Zero where classes of equal size are all fitted alike, NaN where nothing is fitted.
        """
        if not self.feature_singular_values.any():
            return math.nan
        product = self.output_modes * self.product_singular_values
        means = self.class_modes.T * self.feature_singular_values
        norm = np.linalg.norm
        return float(norm(product / norm(product) - means / norm(means)))

    @property
    def collapsed_classes(self) -> Bool[np.ndarray, " classes"]:
        """Which class means vanish: of the smallest classes first, without a bias.

        With one, small classes of equal size merge instead, where their directions lose `fit`.
        """
        norms = np.sqrt(np.maximum(np.diag(self.class_mean_gram), 0))
        return norms <= 1e-12 * norms.max()

    @property
    def loss_derivatives(self) -> DecayDerivatives:
        """Derivatives of `loss` by the decays, one-sided where `b_i` is critical."""
        return DecayDerivatives(
            np.sum(self.layer_singular_values**2, 1) / 2,
            float(np.sum(self.feature_singular_values**2) / 2),
            float(np.sum(self.bias**2) / 2),
        )


class _Modes(NamedTuple):
    """The singular directions of the target, in the order of `Collapse`."""

    squares: np.ndarray
    """y_i^2"""
    samples: np.ndarray
    """N, or N / kappa where the fidelity is weakened"""
    output: np.ndarray
    by_class: np.ndarray


@dataclass(frozen=True, eq=False)
class DeepLinearUFM:
    """A deep linear head on unconstrained features, Eq. (1).

    Arguments:
        class_sizes: `n_k`, the samples of each class; whole numbers `>= 1`, two at least.
        weight_decay: `lambda_j` of every layer, from the features up, or one number for all;
            `> 0`: without decay the minimum is not attained.
        feature_decay: `lambda_H`, on the sum over all samples; `> 0`.
        widths: `d_1, ..., d_M`, the dimension of the features and of what enters each further
            layer; by default as wide as the classes are many, more has no effect.
        loss: `mse`, halved squared error, or `ce`, cross-entropy.
        bias: whether the last layer has a bias.
        bias_decay: `lambda_beta >= 0`.
        depth: `M`, the linear layers above the features; needed where neither `weight_decay`
            nor `widths` has one entry for each.

    Assumes: under `ce`, classes of equal size, widths of `K - 1` at least, and no
        bias beyond depth 1 and two classes; with a `bias_decay`,
        classes of equal size.
    Raises: `ValueError` for arguments out of bounds, `NotImplementedError` where no closed form is
        known.
    """

    class_sizes: Sequence[int] | np.ndarray
    weight_decay: Reals
    feature_decay: Real
    _: KW_ONLY
    widths: Sequence[int] | np.ndarray | None = None
    loss: str = "mse"
    bias: bool = False
    bias_decay: Real = 0.0
    depth: int | None = None

    def __post_init__(self):
        if self.loss not in ("mse", "ce"):
            raise ValueError(f"`loss` must be 'mse' or 'ce'; got {self.loss!r}")
        sizes = _whole_numbers("class_sizes", self.class_sizes)
        if len(sizes) < 2:
            raise ValueError(f"`class_sizes` must be of two classes at least; got {len(sizes)}")
        decays = _real_numbers("weight_decay", self.weight_decay)
        feature_decay = _real_numbers("feature_decay", self.feature_decay)
        bias_decay = _real_numbers("bias_decay", self.bias_decay)
        widths = None if self.widths is None else _whole_numbers("widths", self.widths)
        if self.depth is not None:
            (depth,) = _whole_numbers("depth", [self.depth])
        elif decays.ndim:
            depth = len(decays)
        elif widths is not None:
            depth = len(widths)
        else:
            raise ValueError("`depth` must be given where `weight_decay` is one number for all")
        if widths is not None and len(widths) != depth:
            raise ValueError(
                f"`widths` must be one for each of the {depth} layers; got {len(widths)}"
            )
        if decays.ndim > 1 or (decays.ndim == 1 and len(decays) != depth) or not depth:
            raise ValueError(
                f"`weight_decay` must be one number or one for each of the {depth} layers; "
                f"got shape {decays.shape}"
            )
        for name, value in (("feature_decay", feature_decay), ("bias_decay", bias_decay)):
            if value.ndim:
                raise ValueError(f"`{name}` must be one number; got shape {value.shape}")
        require_positive(weight_decay=decays, feature_decay=feature_decay)
        require_nonnegative(bias_decay=bias_decay)
        if bias_decay > 0 and not self.bias:
            raise ValueError(f"`bias_decay` needs `bias`; got {float(bias_decay):g} without")
        balanced = len(set(sizes)) == 1
        if not balanced and (bias_decay > 0 or self.loss == "ce"):
            what = "`loss` 'ce'" if self.loss == "ce" else "`bias_decay` > 0"
            raise NotImplementedError(
                f"{what} has a closed form for classes of equal size; got `class_sizes` "
                f"from {min(sizes)} to {max(sizes)}"
            )
        if self.loss == "ce" and widths is not None and min(widths) < len(sizes) - 1:
            raise NotImplementedError(
                f"`loss` 'ce' is solved for `widths` >= {len(sizes) - 1}, one less than the "
                f"classes; got {min(widths)}"
            )
        settled = dict(
            class_sizes=sizes,
            weight_decay=tuple(np.broadcast_to(decays, depth).tolist()),
            feature_decay=float(feature_decay),
            widths=widths,
            bias_decay=float(bias_decay),
            depth=depth,
        )
        for name, value in settled.items():
            object.__setattr__(self, name, value)

    def solve(self) -> Collapse:
        """The global minimum, in NumPy float64.

        Closed but for one root of each singular value (`mode_fit`) and, with a bias and unequal
        sizes, the eigenvectors of Eq. (2).
        """
        return self._cross_entropy() if self.loss == "ce" else self._squared_error()

    def critical_decay(self) -> Float[np.ndarray, " modes"]:
        """The geometric mean of all decays from which on each direction is not fitted.

        In the order of `Collapse`, and for `depth` decays on layers and one on features: where
        all are equal it is their critical value. A layer too narrow for the direction is not
        regarded.
        """
        return self._decay_at(critical_penalty(self._depth))

    def spinodal_decay(self) -> Float[np.ndarray, " modes"]:
        """The geometric mean of all decays up to which fitting a direction is a local minimum."""
        return self._decay_at(spinodal_penalty(self._depth))

    def collapse_size(self) -> float:
        """The largest size at which a class collapses, for this number of samples in all.

        `n_k <= M N (N Lambda)^(1/M) / b*`, without a bias.
        """
        if self.loss == "ce" or self.bias:
            raise NotImplementedError("`collapse_size` is known for `loss` 'mse' without a bias")
        M, N = self._depth, sum(self._sizes)
        return M * N * math.exp((math.log(N) + self._log_decay) / M) / critical_penalty(M)

    def local_minimum_losses(self) -> Float[np.ndarray, " levels"]:
        """Losses of the local minima, by how many directions are fitted, from none up.

        For `depth` 1 there is one, the global minimum. Ties make every choice among equal
        singular values of the target a local minimum of the same loss. That there are no others
        is what random starts find, not proved. Raises `NotImplementedError` for cross-entropy.
        """
        if self.loss == "ce":
            raise NotImplementedError("local minima are known for `loss` 'mse'")
        if self._depth == 1:
            return np.array([self.solve().loss])
        modes = self._modes()
        penalty = self._penalties(modes)
        order = np.argsort(penalty, kind="stable")[: self._rank(len(penalty))]
        fitted = order[penalty[order] <= spinodal_penalty(self._depth)]
        share = modes.squares / (2 * modes.samples)
        gains = share[fitted] * (1 - local_minimum(penalty[fitted], self._depth).loss)
        return np.sum(share) - np.concatenate([[0.0], np.cumsum(gains)])

    def factors(self, rng: np.random.Generator | None = None) -> Minimiser:
        """Matrices that attain the minimum of `solve`.

        Arguments:
            rng: turns every hidden basis at random; by default they are the coordinate axes.

        Returns: the layers from the features up, the features, their labels, and the bias, None
            for a model without.
        """
        found = self.solve()
        fitted = np.flatnonzero(found.feature_singular_values)
        widths = self._widths or (len(self._sizes),) * self._depth
        bases = [_orthonormal(width, len(fitted), rng) for width in widths]
        values = found.layer_singular_values[:, fitted]
        uppers = [*bases[1:], found.output_modes[:, fitted]]
        weights = [(up * w) @ low.T for up, w, low in zip(uppers, values, bases, strict=True)]
        labels = np.repeat(np.arange(len(self._sizes)), self._sizes)
        h = found.feature_singular_values[fitted]
        features = (found.class_modes[fitted].T * h)[labels] @ bases[0].T
        return Minimiser(weights, features, labels, found.bias if self.bias else None)

    def objective(
        self,
        weights: Sequence[Any],
        features: Float[Array, "samples width"],
        labels: Any,
        bias: Float[Array, " classes"] | None = None,
    ) -> Float[Array, ""]:
        """The regularised loss of given matrices, Eq. (1): nowhere below what `solve` proves.

        Arguments:
            weights: `W_1, ..., W_M`, each of outputs times inputs.
            features: what enters `W_1`, examples in rows.
            labels: the class of each example, whole numbers from 0.
            bias: of the last layer; zero by default.

        Returns: the loss, in the library of `features` and `weights`.
        Raises: `ValueError` for shapes that do not fit the model, and for labels that do not
            count `class_sizes` (unless traced by JAX).
        """
        K, N = len(self._sizes), sum(self._sizes)
        if bias is not None and not self.bias:
            raise ValueError("`bias` must be None for a model without")
        if len(weights) != self._depth:
            raise ValueError(f"`weights` must be {self._depth} matrices; got {len(weights)}")
        named = {f"weights[{j}]": weight for j, weight in enumerate(weights)}
        xp, (features, beta, *layers) = arrays(
            features=features, bias=[0.0] * K if bias is None else bias, **named
        )
        if features.ndim != 2 or features.shape[0] != N:
            raise ValueError(
                f"`features` must have {N} rows, as `class_sizes` count; "
                f"got shape {tuple(features.shape)}"
            )
        widths = [features.shape[1], *(layer.shape[0] for layer in layers)]
        for name, layer, incoming in zip(named, layers, widths, strict=False):
            if layer.ndim != 2 or layer.shape[1] != incoming:
                raise ValueError(
                    f"`{name}` must have {incoming} columns; got shape {tuple(layer.shape)}"
                )
        if widths[-1] != K:
            raise ValueError(f"`weights[{self._depth - 1}]` must have {K} rows; got {widths[-1]}")
        if self._widths is not None and tuple(widths[:-1]) != self._widths:
            raise ValueError(f"`widths` of the model are {self._widths}; got {tuple(widths[:-1])}")
        if tuple(beta.shape) != (K,):
            raise ValueError(f"`bias` must have {K} entries; got shape {tuple(beta.shape)}")
        self._require_labels(labels)
        classes = xp.arange(K)
        one_hot = xp.astype(xp.asarray(labels)[:, None] == classes[None, :], features.dtype)
        logits = features
        for layer in layers:
            logits = logits @ layer.T
        logits = logits + beta
        if self.loss == "ce":
            top = xp.max(logits, axis=1, keepdims=True)
            surplus = xp.log(xp.sum(xp.exp(logits - top), axis=1)) + top[:, 0]
            error = xp.sum(surplus - xp.sum(logits * one_hot, axis=1)) / N
        else:
            error = xp.sum((logits - one_hot) ** 2) / (2 * N)
        decays = [*self._decays, self.feature_decay, self.bias_decay]
        for decay, factor in zip(decays, [*layers, features, beta], strict=True):
            error = error + decay / 2 * xp.sum(factor**2)
        return error

    # What `__post_init__` has settled.
    @property
    def _sizes(self) -> tuple[int, ...]:
        return cast("tuple[int, ...]", self.class_sizes)

    @property
    def _decays(self) -> tuple[float, ...]:
        return cast("tuple[float, ...]", self.weight_decay)

    @property
    def _widths(self) -> tuple[int, ...] | None:
        return cast("tuple[int, ...] | None", self.widths)

    @property
    def _depth(self) -> int:
        return cast("int", self.depth)

    @property
    def _log_decay(self) -> float:
        """`ln Lambda`: the product itself may leave the floating range."""
        return sum(math.log(decay) for decay in (*self._decays, self.feature_decay))

    def _rank(self, modes: int) -> int:
        return min(modes, *self._widths) if self._widths else modes

    def _modes(self) -> _Modes:
        n = np.array(self._sizes, float)
        K, N = len(n), n.sum()
        if not self.bias:
            return _Modes(n, np.full(K, N), np.eye(K), np.diag(n**-0.5))
        if self.bias_decay == 0:
            # D^(1/2) (I - q q') has the squares of Eq. (2) as eigenvalues and keeps the digits
            # of the small ones; the last is zero.
            q = np.sqrt(n / N)
            output, y, _ = np.linalg.svd(np.sqrt(n)[:, None] * (np.eye(K) - np.outer(q, q)))
            output, y = output[:, :-1], y[:-1]
            by_class = (output.T - (output.T @ n / N)[:, None]) / y[:, None]
            return _Modes(y**2, np.full(K - 1, N), output, by_class)
        kappa = self.bias_decay / (1 + self.bias_decay)
        output = np.linalg.svd(np.eye(K) - 1 / K)[0]
        output[:, -1] = K**-0.5
        samples = np.append(np.full(K - 1, N), N / kappa)
        return _Modes(n, samples, output, output.T / np.sqrt(n[0]))

    def _penalties(self, modes: _Modes) -> np.ndarray:
        M = self._depth
        log_samples = np.log(modes.samples)
        log_penalty = math.log(M) + log_samples - np.log(modes.squares)
        log_penalty += (log_samples + self._log_decay) / M
        if log_penalty.min() < -700:
            raise ValueError(
                "`weight_decay` and `feature_decay` must have a product in the floating range; "
                f"got a geometric mean of {math.exp(self._log_decay / (M + 1)):.3g}"
            )
        return np.exp(np.minimum(log_penalty, 700))

    def _decay_at(self, penalty: float) -> np.ndarray:
        if self.loss == "ce" and self._depth > 1:
            raise NotImplementedError("`loss` 'ce' has a known threshold for `depth` 1 only")
        M = self._depth
        modes = self._modes()
        log_samples = np.log(modes.samples)
        log_product = M * (math.log(penalty / M) + np.log(modes.squares) - log_samples)
        decay = np.exp((log_product - log_samples) / (M + 1))
        return decay[: len(self._sizes) - 1] if self.loss == "ce" else decay

    def _squared_error(self) -> Collapse:
        M = self._depth
        modes = self._modes()
        penalty = self._penalties(modes)
        rank = self._rank(len(penalty))
        order = np.argsort(penalty, kind="stable")
        fits = mode_fit(penalty, M)
        kept = np.zeros(len(penalty), bool)
        kept[order[:rank]] = True
        fit = np.where(kept, fits.fit, 0.0)
        share = modes.squares / (2 * modes.samples)
        loss = np.sum(share * np.where(kept, fits.loss, 1.0))
        last = penalty[order[rank - 1]]
        cut = np.any(fits.fit[~kept] > 0) and penalty[order[rank]] <= last * (1 + 1e-10)
        critical = M > 1 and np.any(np.abs(penalty[kept] / critical_penalty(M) - 1) <= 1e-13)
        bias = np.zeros(len(self._sizes))
        if self.bias:
            bias = np.array(self._sizes) / sum(self._sizes)
        if self.bias_decay > 0:
            misfit = fits.misfit[-1] if kept[-1] else 1.0
            bias = bias * misfit / (1 + self.bias_decay)
        return self._collapse(
            modes.output,
            modes.by_class,
            fit * np.sqrt(modes.squares),
            fit=fit,
            penalty=penalty,
            bias=bias,
            loss=float(loss),
            unique=not (cut or critical),
            optimality="proved",
        )

    def _cross_entropy(self) -> Collapse:
        from theorylab.neural_collapse.cross_entropy import branches

        K, n = len(self._sizes), self._sizes[0]
        if self.bias and self._depth > 1 and K > 2:
            raise NotImplementedError(
                f"`loss` 'ce' with `bias` is solved for `depth` 1 and for two classes, as a bias "
                f"lowers the loss of the branches known beyond; got `depth` {self._depth}"
            )
        best = branches(K, n, self._decays, self.feature_decay)[0]
        output, values, by_class = np.linalg.svd(np.asarray(best.logits))
        proved = best.status == "proved"
        return self._collapse(
            output[:, : best.rank],
            by_class[: best.rank] / np.sqrt(n),
            np.sqrt(n) * values[: best.rank],
            fit=np.full(best.rank, np.nan),
            penalty=np.full(best.rank, np.nan),
            bias=np.zeros(K),
            loss=float(best.loss),
            unique=proved,
            optimality="proved" if proved else "best known",
            branch=best.name,
        )

    def _collapse(
        self, output_modes: np.ndarray, class_modes: np.ndarray, s: np.ndarray, **rest: Any
    ) -> Collapse:
        L = self._depth + 1
        shared = math.exp(self._log_decay / L) * s ** (2 / L)  # Eq. (3)
        return Collapse(
            output_modes=output_modes,
            class_modes=class_modes,
            logit_singular_values=s,
            layer_singular_values=np.sqrt(shared / np.array(self._decays)[:, None]),
            feature_singular_values=np.sqrt(shared / self.feature_decay),
            **rest,
        )

    def _require_labels(self, labels: Any) -> None:
        try:
            given = np.asarray(labels)
        except TypeError:  # traced by JAX
            return
        K = len(self._sizes)
        if given.dtype.kind not in "iu":
            raise TypeError(f"`labels` must be whole numbers; got an array of {given.dtype}")
        if given.shape != (sum(self._sizes),):
            raise ValueError(
                f"`labels` must be {sum(self._sizes)}, as `class_sizes` count; "
                f"got shape {given.shape}"
            )
        outside = given[(given < 0) | (given >= K)]
        if outside.size:
            raise ValueError(f"`labels` must be from 0 to {K - 1}; got {outside[0]}")
        counts = tuple(np.bincount(given, minlength=K).tolist())
        if counts != self._sizes:
            raise ValueError(f"`labels` must count `class_sizes` {self._sizes}; got {counts}")


def _real_numbers(name: str, values: Any) -> np.ndarray:
    on_host = values if isinstance(values, list | tuple) else np.asarray(values)
    _, (given,) = arrays(**{name: on_host})
    return np.asarray(given, float)


def _whole_numbers(name: str, values: Any) -> tuple[int, ...]:
    given = _real_numbers(name, values)
    if given.ndim != 1 or not given.size:
        raise ValueError(f"`{name}` must be a list of whole numbers; got {values!r}")
    wrong = given[~((given >= 1) & (given == np.floor(given)) & np.isfinite(given))]
    if wrong.size:
        raise ValueError(f"`{name}` must be whole numbers >= 1; got {wrong[0]:g}")
    return tuple(int(value) for value in given)


def _orthonormal(width: int, rank: int, rng: np.random.Generator | None) -> np.ndarray:
    if rng is None:
        return np.eye(width, rank)
    q, r = np.linalg.qr(rng.standard_normal((width, rank)))
    return q * np.sign(np.diag(r))
