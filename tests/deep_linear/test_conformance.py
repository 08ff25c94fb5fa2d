"""What every solver must do alike, over one table of solvers and arguments."""

import math
from functools import partial

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theorylab.deep_linear.balance_after_step import balance_after_step
from theorylab.deep_linear.decaying_strength import decaying_strength
from theorylab.deep_linear.discrete_delay import discrete_delay
from theorylab.deep_linear.implicit_balancing import implicit_balancing
from theorylab.deep_linear.kernel_change import kernel_change
from theorylab.deep_linear.learning_time import (
    half_time,
    learning_time,
    plateau,
    transition_width,
)
from theorylab.deep_linear.mode_strength import mode_strength
from theorylab.deep_linear.scalar_network import scalar_imbalance, scalar_network
from theorylab.deep_linear.unbalanced_learning_time import unbalanced_learning_time
from theorylab.deep_linear.unbalanced_mode import unbalanced_mode

mode = dict(t=0.7, singular_value=1.3, initial_strength=0.1, tau=0.9)
reach = dict(strength=0.8, singular_value=1.3, initial_strength=0.1, tau=0.9)
decay = dict(t=0.7, target=-1.3, initial_strength=0.4, tau=0.9)
pair = dict(t=0.7, target=1.3, initial_first=0.9, initial_second=-0.2, tau=0.9)
passage = dict(strength=0.8, singular_value=1.3, initial_strength=-0.2, imbalance=-0.6, tau=0.9)
start = dict(singular_value=1.3, initial_strength=0.1, tau=0.9)
layers = dict(first=[0.3, -0.2, 0.5], second=[0.4, 0.1, -0.3])
step = dict(
    first=[[0.3, -0.2, 0.5], [0.1, 0.7, -0.4]],
    second=[[0.6, -0.5], [0.2, 0.9]],
    target=[[1.0, 0.3, -0.2], [0.4, -0.8, 0.5]],
    learning_rate=0.1,
)
covariance = [[1.0, 0.2, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 1.4]]

# Where branches meet, or a special case is met: the start, the half, the target, either side.
modes = [
    mode,
    {**mode, "t": 0.0},
    {**mode, "initial_strength": 0.65},
    {**mode, "initial_strength": 1.3},
    {**mode, "initial_strength": 4.0},
]
reaches = [
    reach,
    {**reach, "strength": 0.65},
    {**reach, "strength": 0.1},
    {**reach, "initial_strength": 4.0, "strength": 2.0},
]
decays = [decay, {**decay, "t": 0.0}, {**decay, "initial_strength": 1.3}]
pairs = [
    pair,
    {**pair, "t": 0.0},
    {**pair, "target": -1.3},
    {**pair, "initial_second": -1.4},
    {**pair, "initial_second": 0.9},
    {**pair, "target": 0.0},
    {**pair, "target": 0.65, "initial_second": 2.0},
]
passages = [
    passage,
    {**passage, "initial_strength": 0.3},
    {**passage, "initial_strength": 0.0},
    {**passage, "strength": -0.1},
    {**passage, "strength": -0.2},
    {**passage, "strength": 2.0, "initial_strength": 4.0},
]

CASES = {  # solver, options, points
    **{f"strength, depth {L}": (mode_strength, {"depth": L}, modes) for L in (1, 2, 3, math.inf)},
    **{f"time, depth {L}": (learning_time, {"depth": L}, reaches) for L in (1, 2, 3, math.inf)},
    "half time": (half_time, {"depth": 3}, [start, {**start, "initial_strength": 0.65}]),
    "transition width": (transition_width, {"depth": 4}, [dict(singular_value=1.3, tau=0.9)]),
    "plateau": (plateau, {"depth": 3}, [start]),
    **{f"decay, depth {L}": (decaying_strength, {"depth": L}, decays) for L in (1, 2, 3, math.inf)},
    "unbalanced mode": (unbalanced_mode, {}, pairs),
    "unbalanced time": (unbalanced_learning_time, {}, passages),
    "scalar network": (scalar_network, {}, [dict(t=0.7, target=1.3, **layers, tau=0.9)]),
    "scalar imbalance": (scalar_imbalance, {}, [layers]),
    "kernel change": (
        kernel_change,
        {},
        [
            dict(target=1.3, initial_strength=0.2, imbalance=-0.7),
            dict(target=1.3, initial_strength=0.2, imbalance=0.0),
        ],
    ),
    "delay": (
        discrete_delay,
        {"depth": 3},
        [dict(strength=0.8, singular_value=1.3, initial_strength=0.1, learning_rate=0.05)],
    ),
    "balancing": (
        implicit_balancing,
        {},
        [
            dict(target=1.3, initial_strength=0.2, imbalance=0.7, learning_rate=0.1),
            dict(target=1.3, initial_strength=0.0, imbalance=0.7, learning_rate=0.1),
            dict(target=1.3, initial_strength=-0.2, imbalance=0.7, learning_rate=0.1),
        ],
    ),
    "balance after a step": (balance_after_step, {}, [step]),
    "balance after a coloured step": (
        balance_after_step,
        {},
        [{**step, "input_covariance": covariance}],
    ),
}
# Reverse mode is forward mode transposed: it tests both. One of each sort is enough of the latter.
FORWARD = ("strength, depth 2", "time, depth 1", "decay, depth 3", "unbalanced mode")
DIFFERENTIATED = [
    name
    for name in CASES
    if not name.endswith("inf") and name not in ("time, depth 2", "half time", "transition width")
]
# One run of each program: quick to compile is better than quick to run.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
every_case = pytest.mark.parametrize("name", CASES)


def parts(result):
    """What a solver returns, one array or several, as a tuple."""
    return result if isinstance(result, tuple) else (result,)


def outputs(result):
    return [np.asarray(part) for part in parts(result)]


def as_arrays(xp, arguments, dtype="float64"):
    return {name: xp.asarray(x, dtype=getattr(xp, dtype)) for name, x in arguments.items()}


def flat(name, xp=np):
    """The solver as a function of one vector, the points as rows, and whose each column is."""
    solver, options, points = CASES[name]
    shapes = {argument: np.shape(x) for argument, x in points[0].items()}
    owners = np.repeat(list(shapes), [math.prod(shape) for shape in shapes.values()])

    def function(vector):
        given = {arg: vector[owners == arg].reshape(shape) for arg, shape in shapes.items()}
        return xp.concatenate([xp.ravel(part) for part in parts(solver(**given, **options))])

    rows = [np.concatenate([np.ravel(x) for x in point.values()]) for point in points]
    return function, np.asarray(rows, dtype=float), owners


def differences(function, x, step=1e-5):
    """Jacobian by central differences; on the edge of the domain by one-sided ones."""
    columns = []
    for i, xi in enumerate(x):
        h = step * max(abs(xi), 0.1)
        e = h * np.eye(len(x))[i]
        try:
            columns.append((function(x + e) - function(x - e)) / (2 * h))
        except ValueError:
            try:
                near, far = function(x + e), function(x + 2 * e)
            except ValueError:
                h, near, far = -h, function(x - e), function(x - 2 * e)
            columns.append((4 * near - 3 * function(x) - far) / (2 * h))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("xp", [array_api_strict, jnp])
@every_case
def test_follows_the_library_of_its_input(name, xp, double):
    solver, options, points = CASES[name]
    for arguments in points[: 1 if xp is jnp else None]:  # each call compiles its loops afresh
        given = as_arrays(xp, arguments)
        result = solver(**given, **options)
        for part in parts(result):
            assert type(part) is type(next(iter(given.values())))
            assert part.dtype == xp.float64
        expected = solver(**as_arrays(np, arguments), **options)
        for ours, theirs in zip(outputs(result), outputs(expected), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@every_case
def test_numbers_and_lists_count_as_numpy(name, unchecked):
    solver, options, points = CASES[name]
    for arguments in points:
        expected = solver(**as_arrays(np, arguments), **options)
        result = solver(**arguments, **options)
        for ours, theirs in zip(outputs(result), outputs(expected), strict=True):
            assert ours.dtype == np.float64
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", [name for name in CASES if "step" not in name])
def test_arguments_broadcast(name):
    """Of numbers, entry by entry; of weights, the leading axes."""
    solver, options, (arguments, *_) = CASES[name]
    factors = np.asarray([1.0, 1.01, 1.02])
    batch = {name: np.multiply.outer(factors, x) for name, x in arguments.items()}
    together = outputs(solver(**batch, **options))
    for i in range(3):
        alone = outputs(solver(**{name: x[i] for name, x in batch.items()}, **options))
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours[i], theirs, rtol=1e-14)
    first, *_, last = arguments
    if not np.ndim(arguments[first]) == np.ndim(arguments[last]) == 0:
        return
    wide = {first: arguments[first] * factors, last: arguments[last] * factors[:2, None]}
    wide = as_arrays(np, {**arguments, **wide})
    assert all(part.shape == (2, 3) for part in outputs(solver(**wide, **options)))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@every_case
def test_single_precision_in_is_single_precision_out(name, xp):
    """With an error of the rounding of the arguments: `eps (|f| + sum |x df/dx|)`, a few times."""
    solver, options, points = CASES[name]
    function, rows, _ = flat(name)
    rows = rows.astype(np.float32).astype(float)
    for arguments, row in list(zip(points, rows, strict=True))[: 1 if xp is jnp else None]:
        result = solver(**as_arrays(xp, arguments, "float32"), **options)
        assert all(part.dtype == xp.float32 for part in parts(result))
        found = np.concatenate([np.ravel(part) for part in outputs(result)])
        condition = np.abs(function(row))
        condition = condition + np.abs(differences(function, row)) @ np.abs(row)
        assert np.all(np.abs(found - function(row)) <= 10 * np.finfo(np.float32).eps * condition)


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_derivatives_are_those_of_differences(name, double):
    function, rows, _ = flat(name)
    traced, _, _ = flat(name, jnp)
    derivative = jax.jacfwd if name in FORWARD else jax.jacrev
    for jacobian, row in zip(compiled(jax.vmap(derivative(traced)))(rows), rows, strict=True):
        near = differences(function, row)
        tolerance = 1e-8 * np.max(np.abs(near))
        np.testing.assert_allclose(jacobian, near, rtol=0, atol=tolerance, err_msg=str(row))


BOUNDS = {
    "t": (">= 0", -0.05),
    "tau": ("> 0", 0.0),
    "singular_value": ("> 0", -0.05),
    "learning_rate": ("> 0", -0.05),
}


def bad_values(name, argument):
    """Values out of bounds and, where the message states it, the bound."""
    solver, options, _ = CASES[name]
    deep = "depth" in options and options["depth"] != 1
    yield "", math.nan
    yield "", math.inf
    if argument in BOUNDS:
        yield BOUNDS[argument]
    if argument == "imbalance" and solver is implicit_balancing:
        yield "> 0", 0.0
    if argument == "initial_strength" and deep:
        yield "> 0", -0.05
    if argument == "target" and solver is decaying_strength:
        yield "<= 0", 0.5


@every_case
def test_bad_values_are_refused_by_name_bound_and_value(name):
    solver, options, (arguments, *_) = CASES[name]
    for argument in arguments:
        for bound, value in bad_values(name, argument):
            entries = np.array(arguments[argument], dtype=float)
            entries[(0,) * entries.ndim] = value
            given = {**as_arrays(np, arguments), argument: entries}
            message = rf"^`{argument}` must be .*{bound}.*; got {value:.6g}$"
            with pytest.raises(ValueError, match=message):
                solver(**given, **options)


@every_case
def test_compiles_maps_and_gives_nan_for_bad_values_alone(name, double):
    function, rows, owners = flat(name)
    traced, _, _ = flat(name, jnp)
    bad = []
    for column, argument in enumerate(owners):
        for _, value in bad_values(name, argument):
            bad.append(rows[0].copy())
            bad[-1][column] = value
    found = np.asarray(compiled(jax.vmap(traced))(np.concatenate([rows, bad])))
    expected = [function(row) for row in rows]
    np.testing.assert_allclose(found[: len(rows)], expected, rtol=1e-12)
    assert np.all(np.isnan(found[len(rows) :]))


@pytest.mark.parametrize("value", ["three", 1j, [[1.0], [1.0, 2.0]], None])
@every_case
def test_what_is_no_number_is_refused_by_name(name, value, unchecked):
    solver, options, (arguments, *_) = CASES[name]
    for argument in arguments:
        if (argument, value) == ("input_covariance", None):
            continue  # the default
        with pytest.raises(TypeError, match=rf"^`{argument}` must be a real number or an array"):
            solver(**{**arguments, argument: value}, **options)


@every_case
def test_arrays_of_two_libraries_are_refused_by_name(name, unchecked):
    solver, options, (arguments, *_) = CASES[name]
    mixed = as_arrays(jnp, arguments, "float32")
    last = list(mixed)[-1]
    mixed[last] = array_api_strict.asarray(arguments[last])
    with pytest.raises(TypeError, match=rf"`{last}`.* must be arrays of one library; got"):
        solver(**mixed, **options)


@pytest.mark.parametrize("name", [name for name, (_, options, _) in CASES.items() if options])
def test_bad_depths_are_refused(name, unchecked):
    solver, _, (arguments, *_) = CASES[name]
    for depth in (0, 0.5, -2, math.nan):
        with pytest.raises(ValueError, match=rf"`depth` counts weight matrices .* got {depth}"):
            solver(**arguments, depth=depth)
    for depth in ("2", None, True):
        with pytest.raises(TypeError, match="`depth` must be a number"):
            solver(**arguments, depth=depth)
