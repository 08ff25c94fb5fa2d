r"""neural-tangents on today's JAX, and its kernels as kernels of ours.

    from theorylab.interop.neural_tangents import kernel, load

    nt = load()
    _, _, kernel_fn = nt.stax.serial(nt.stax.Dense(512), nt.stax.Relu(), nt.stax.Dense(1))
    ntk = kernel(kernel_fn)              # (x1, x2) -> array, of the library of x1
    nt.empirical_ntk_fn, nt.predict, ... # the package itself, whole

neural-tangents 0.6.5, as published, requires TensorFlow and imports on no JAX since 0.5, which
dropped names that it uses. Here its modules run with an `__import__` of their own, which answers
`jax` by views that have these names again. JAX itself is not touched, and no other module sees a
difference: `jax.core`, `jax.util` and the rest are for everyone else what they were. The modules
are published in `sys.modules` once all of them have run, so that `import neural_tangents` works
from then on; a load that fails leaves nothing behind.

Everything in the package works, with two differences: `neural_tangents.experimental`, whose
content needs TensorFlow, is empty; and structured derivatives transpose each linear equation by
`jax.linear_transpose` instead of by rules of JAX that no longer have that form.

Conventions of neural-tangents that are easily missed: `Dense` has no bias unless `b_std` is given;
`predict` divides the learning time by the number of entries of `y_train`; `stax` counts the
examples along axis 0 and the channels along the last one.

Reference: Novak, Xiao, Hron, Lee, Alemi, Sohl-Dickstein & Schoenholz (2020), arXiv:1912.02803;
structured derivatives: Novak, Sohl-Dickstein & Schoenholz (2022), arXiv:2206.08720.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec, resolve_name
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from theorylab.errors import MissingExtra
from theorylab.numerics.annotations import Array, Float, Reals
from theorylab.numerics.arrays import arrays

_NAME = "neural_tangents"
_VERSION = "0.6.5"
_LOADING = threading.RLock()
_loaded: dict[str, ModuleType] = {}


class MissingNeuralTangents(MissingExtra):
    """neural-tangents is not installed as it is needed: no extra, for it would bring TensorFlow."""

    def __init__(self, problem: str):
        ImportError.__init__(
            self,
            f"{problem}: pip install --no-deps neural-tangents=={_VERSION} && pip install "
            "frozendict",
        )
        self.extra = "neural-tangents"


def load() -> ModuleType:
    """The package `neural_tangents`, working on the JAX that is installed.

    Returns: the module, with `stax`, `predict`, `batch`, `empirical_ntk_fn` and all else. The same
        one at every call, and in every thread; where a program has imported a `neural_tangents`
        that works, that one, as it is.
    Raises: `MissingNeuralTangents`, an `ImportError`, unless version 0.6.5 and frozendict are
        installed; `ImportError` naming what is missing on a JAX that lacks a name this needs.
    """
    with _LOADING:
        if sys.modules.get(_NAME) is not None:
            try:
                return importlib.import_module(_NAME)  # waits, should another thread import it now
            except Exception:  # it failed in that thread
                pass
        if not _loaded:
            _require_installed()
            import jax

            try:
                _loaded.update(_executed())
            except (ImportError, AttributeError) as error:
                raise ImportError(
                    f"neural-tangents {_VERSION} does not run on JAX {jax.__version__}: {error}"
                ) from error
        sys.modules.update(_loaded)  # again, where an import that failed has taken them out
        return _loaded[_NAME]


def kernel(kernel_fn: Callable[..., Any], get: str = "ntk") -> Callable[..., Array]:
    """A `kernel_fn` of neural-tangents as a function of two sets of examples and nothing else.

    Arguments:
        kernel_fn: analytic (`stax`), batched or by Monte Carlo; an empirical one once its
            parameters are given: `functools.partial(kernel_fn, params=params)`.
        get: `"ntk"`, or `"nngp"` for the covariance of the outputs at initialization.

    Returns: `k(x1, x2=None)`, the matrix `(n1, n2)` of the kernel between the examples, which stand
        along the first axis; `x2=None` stands for `x1`. NumPy in, NumPy out, and JAX in, JAX out,
        at the precision of the input, 64 bit included. Works under `jit` and `grad` as far as
        `kernel_fn` does.
    Raises: `ValueError` for another `get`; by `k`, for examples whose shapes do not match, and for
        a network whose output keeps axes beside those of examples and channels.
    """
    if not callable(kernel_fn):
        raise TypeError(f"`kernel_fn` must be a function; got {kernel_fn!r}")
    if get not in ("ntk", "nngp"):
        raise ValueError(f"`get` must be 'ntk' or 'nngp'; got {get!r}")

    def between(x1: Reals, x2: Reals | None = None) -> Float[Array, "n1 n2"]:
        import jax
        import jax.numpy as jnp

        _, both = arrays(x1=x1) if x2 is None else arrays(x1=x1, x2=x2)
        first, second = both[0], both[-1]
        if not isinstance(first, np.ndarray | jax.Array):
            raise TypeError(f"`x1` must be an array of NumPy or JAX; got {type(first).__name__}")
        if not first.ndim or first.shape[1:] != second.shape[1:]:
            raise ValueError(
                "`x1` and `x2` must be examples of one shape along a first axis; "
                f"got arrays of shape {first.shape} and {second.shape}"
            )
        double = first.dtype == np.float64
        with jax.enable_x64(True) if double else nullcontext():
            a, *b = (jnp.asarray(x) for x in both)
            values = jnp.asarray(kernel_fn(a, b[0] if b else None, get), dtype=a.dtype)
        if values.shape != (len(first), len(second)):
            raise ValueError(
                "`kernel_fn` must give one number for each pair of examples (end the network with "
                "`Flatten` or `GlobalAvgPool` and `Dense`); "
                f"got {values.shape} from {len(first)} and {len(second)}"
            )
        return values if isinstance(first, jax.Array) else np.array(values)

    return between


def _require_installed() -> None:
    try:
        version = metadata.version("neural-tangents")
        if find_spec(_NAME) is None:
            raise metadata.PackageNotFoundError
    except metadata.PackageNotFoundError:
        raise MissingNeuralTangents("neural-tangents is not installed") from None
    if version != _VERSION:
        raise MissingNeuralTangents(
            f"neural-tangents {version} is not known to work here, {_VERSION} alone is"
        )
    if find_spec("frozendict") is None:
        raise MissingNeuralTangents("neural-tangents needs frozendict, which is not installed")


def _executed() -> dict[str, ModuleType]:
    """The modules of the package by name, run with views of JAX; `sys.modules` is left alone."""
    views = _views()
    experimental = ModuleSpec(f"{_NAME}.experimental", None, is_package=True)
    modules = {experimental.name: module_from_spec(experimental)}

    def own(name: str) -> ModuleType:
        if name not in modules:
            parent, _, child = name.rpartition(".")
            spec = PathFinder.find_spec(name, own(parent).__path__) if parent else find_spec(name)
            if spec is None or spec.loader is None:
                raise ImportError(f"no module named {name!r}")
            modules[name] = module = module_from_spec(spec)
            module.__dict__["__builtins__"] = {**vars(builtins), "__import__": imported}
            spec.loader.exec_module(module)
            if parent:
                setattr(modules[parent], child, module)
        return modules[name]

    def imported(name, namespace=None, local=None, fromlist=(), level=0):
        package = (namespace or {}).get("__package__")
        target = resolve_name("." * level + name, package)
        root = target.partition(".")[0]
        if root == _NAME:
            module = own(target)
            for item in fromlist or ():
                if not hasattr(module, item):
                    setattr(module, item, own(f"{target}.{item}"))
            return module if fromlist else own(root)
        if fromlist and target in views:
            return views[target]
        module = builtins.__import__(name, namespace, local, fromlist, level)
        return module if fromlist else views.get(root, module)

    own(_NAME)
    empirical: Any = modules[f"{_NAME}._src.empirical"]
    empirical._get_primals_out_and_pullback = partial(_primals_out_and_pullback, empirical)
    empirical._eqn_vjp_fn = partial(_transposed, empirical)
    empirical._get_flops = _flops
    return modules


class _View(ModuleType):
    """A module as neural-tangents expects it: the real one, and the names it has lost."""

    def __init__(self, module: ModuleType, **names: Any):
        super().__init__(module.__name__)
        self.__dict__.update(names, _real=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _views() -> dict[str, ModuleType]:
    """What the package sees instead of modules of JAX and SciPy, by their names."""
    import jax
    import jax.core
    import jax.extend.core as extend
    import jax.interpreters.ad
    import jax.numpy as jnp
    import scipy.linalg

    moved = ("Jaxpr", "JaxprEqn", "Literal", "Primitive", "Var")
    core = _View(
        jax.core,
        DShapedArray=None,  # compared with types: JAX has no such arrays any more
        **{name: getattr(extend, name) for name in moved},
    )
    util = ModuleType("jax.util")
    util.__dict__.update(
        safe_map=lambda function, *columns: [function(*row) for row in zip(*columns, strict=True)],
        safe_zip=lambda *columns: list(zip(*columns, strict=True)),
    )
    ad = _View(
        jax.interpreters.ad,
        zeros_like_p=extend.Primitive("zeros_like"),  # the key of a rule: no JAX emits it any more
        source_info_util=SimpleNamespace(transform_name_stack=nullcontext),  # names, for profilers
        config=SimpleNamespace(jax_enable_checks=False),  # the check calls what JAX has lost
    )
    interpreters = _View(jax.interpreters, ad=ad)
    numpy = _View(  # JAX deprecates these two for arguments that are not arrays, or not dtypes
        jnp,
        size=lambda a, axis=None: (
            a.size if hasattr(a, "size") and axis is None else jnp.size(a, axis)
        ),
        dtype=lambda a: a.dtype if hasattr(a, "dtype") else jnp.dtype(a),
    )
    linalg = _View(
        scipy.linalg,
        eigvalsh=lambda a, eigvals=None: scipy.linalg.eigvalsh(a, subset_by_index=eigvals),
    )
    names = dict(core=core, util=util, interpreters=interpreters, numpy=numpy)
    views = _View(jax, **names), _View(scipy, linalg=linalg), *names.values(), ad, linalg
    return {view.__name__: view for view in views}


def _primals_out_and_pullback(
    empirical: Any,
    fn: Callable[..., Any],
    mode: Any,
    j_rules: bool,
    s_rules: bool,
    fwd: bool | None,
    params: Any,
) -> tuple[Any, Callable[..., Any]]:
    """`empirical._get_primals_out_and_pullback`, by the public `jax.linearize`."""
    import jax

    leaves, tree = jax.tree.flatten((params,))
    with jax.disable_jit():  # the rules know single operations, not calls
        outputs, tangent = jax.linearize(fn, params)
        linear = jax.make_jaxpr(lambda *leaves: jax.tree.leaves(tangent(*tree.unflatten(leaves))))(
            *leaves
        )

    def pullback(*cotangents: Any) -> Any:
        gathered = empirical._backward_pass(
            linear.jaxpr,
            mode,
            linear.consts,
            [empirical.UndefinedPrimal(variable.aval) for variable in linear.jaxpr.invars],
            tuple(jax.tree.leaves(cotangents)),
            j_rules,
            s_rules,
            fwd,
        )
        return tree.unflatten(gathered)

    return outputs, pullback


def _transposed(empirical: Any, equation: Any, cotangent: Any, *values: Any) -> Any:
    """`empirical._eqn_vjp_fn`, by the public `jax.linear_transpose`."""
    import jax

    if equation is None:  # the identity
        return (cotangent,)
    unknown = [i for i, v in enumerate(values) if isinstance(v, empirical.UndefinedPrimal)]
    cotangents: list[Any] = [None] * len(values)
    if not unknown or isinstance(cotangent, empirical.Zero):
        return cotangents

    def linear(*arguments: Any) -> Any:
        operands = list(values)
        for i, argument in zip(unknown, arguments, strict=True):
            operands[i] = argument
        output = equation.primitive.bind(*operands, **equation.params)
        return output[0] if equation.primitive.multiple_results else output

    pulled = jax.linear_transpose(linear, *(values[i].aval for i in unknown))(cotangent)
    for i, value in zip(unknown, pulled, strict=True):
        cotangents[i] = value
    return cotangents


def _flops(function: Callable[..., Any], optimize: bool, *args: Any, **kwargs: Any) -> float:
    """`empirical._get_flops`; compiled code gives its analysis as a dictionary now."""
    import jax

    lowered = jax.jit(function).lower(*args, **kwargs)
    analysis: Any = lowered.compile().cost_analysis() if optimize else lowered.cost_analysis()
    return analysis["flops"]
