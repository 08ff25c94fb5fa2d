import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theorylab.numerics.arrays import (
    arrays,
    nan_outside,
    require,
    require_depth,
    require_finite,
    require_nonnegative,
    require_nonpositive,
    require_positive,
)


@pytest.mark.parametrize(
    "value", [1, 2.5, [1.0, 2.0], (1, 2), np.arange(3), np.float64(2), np.int64(3), range(4)]
)
def test_numbers_and_sequences_become_numpy_doubles(value):
    xp, (array,) = arrays(x=value)
    assert xp.float64 == array.dtype == np.float64
    np.testing.assert_array_equal(array, np.asarray(value, float))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
def test_plain_numbers_follow_the_library_and_the_width_of_the_arrays(xp):
    narrow = xp.asarray([1.0, 2.0], dtype=xp.float32)
    _, (x, y, z) = arrays(x=narrow, y=3, z=[0.5])
    assert type(y) is type(z) is type(narrow)
    assert x.dtype == y.dtype == z.dtype == xp.float32


@pytest.mark.parametrize("xp", [np, array_api_strict])
def test_the_widest_array_decides(xp):
    narrow, wide = xp.asarray(1.0, dtype=xp.float32), xp.asarray(1.0, dtype=xp.float64)
    _, (x, y) = arrays(x=narrow, y=wide)
    assert x.dtype == y.dtype == xp.float64
    _, (x, y) = arrays(x=xp.asarray([1, 2]), y=narrow)
    assert x.dtype == y.dtype == xp.float32
    _, (x,) = arrays(x=xp.asarray([1, 2]))
    assert x.dtype == xp.float64


def test_numpy_arrays_join_the_library_of_the_others(double):
    for xp in (array_api_strict, jnp):
        _, (x, y) = arrays(x=xp.asarray([1.0, 2.0], dtype=xp.float32), y=np.asarray([1.0, 2.0]))
        assert type(x) is type(y)
        assert x.dtype == y.dtype == xp.float64


@pytest.mark.parametrize("value", [np.float64(2.0), np.asarray([2.0])])
def test_numpy_doubles_do_not_ask_jax_for_a_width_it_does_not_have(value):
    _, (x, y) = arrays(x=jnp.asarray(1.0), y=value)
    assert x.dtype == y.dtype == jnp.float32


@pytest.mark.parametrize(
    "value", ["three", 1j, None, [[1.0], [1.0, 2.0]], np.asarray([1j]), [True], object()]
)
def test_what_is_no_real_number_is_refused_by_name(value):
    with pytest.raises(TypeError, match="`load` must be a real number or an array of them; got"):
        arrays(rate=1.0, load=value)


def test_complex_arrays_are_refused_by_name():
    for xp in (array_api_strict, jnp):
        with pytest.raises(TypeError, match=r"`load` must be real; got an array of .*complex64"):
            arrays(load=xp.asarray(1.0, dtype=xp.complex64))


def test_two_libraries_are_refused_by_name():
    with pytest.raises(TypeError, match="`x`, `z` must be arrays of one library; got several"):
        arrays(x=jnp.asarray(1.0), y=2.0, z=array_api_strict.asarray(1.0))


@pytest.mark.parametrize("xp", [np, array_api_strict, jnp])
@pytest.mark.parametrize(
    ("check", "bound", "good", "bad"),
    [
        (require_positive, "> 0", 1e-30, 0.0),
        (require_nonnegative, ">= 0", 0.0, -1e-30),
        (require_nonpositive, "<= 0", 0.0, 1e-30),
        (require_finite, "finite", -3.0, np.inf),
    ],
)
def test_bounds_name_the_argument_and_the_value_met(xp, check, bound, good, bad):
    assert bool(xp.all(check(load=xp.asarray([good, good]))))
    also = bound if bound == "finite" else f"finite and {bound}"
    for value, words in ((bad, bound), (np.nan, also), (np.inf, also)):
        with pytest.raises(ValueError, match=f"`load` must be {words}; got {value:.6g}"):
            check(load=xp.asarray(value))
        with pytest.raises(ValueError, match=f"`load` must be {words} everywhere; got {value:.6g}"):
            check(load=xp.asarray([good, value, good]))


def test_one_condition_of_several_quantities_masks_all():
    inside = jax.jit(lambda x, y: require_positive(x=x, y=y))
    np.testing.assert_array_equal(
        inside(jnp.asarray([1.0, -1.0, 1.0]), jnp.asarray([1.0, 1.0, 0.0])), [True, False, False]
    )


def test_a_condition_may_be_wider_than_its_quantity():
    with pytest.raises(ValueError, match="`x` must be below `y` everywhere; got 2"):
        require(np.asarray([True, False]), "below `y`", x=np.asarray(2.0) + np.zeros(2))


def test_a_value_being_differentiated_is_still_refused():
    with pytest.raises(ValueError, match="`x` must be > 0; got -1"):
        jax.grad(lambda x: jnp.where(require_positive(x=x), x, 0.0))(-1.0)


def test_traced_values_out_of_bounds_give_nan():
    def root(x):
        return nan_outside(jnp, require_nonnegative(x=x), jnp.sqrt(jnp.abs(x)))

    out = jax.jit(root)(jnp.asarray([4.0, -4.0]))
    np.testing.assert_array_equal(out, [2.0, np.nan])


def test_scalars_come_out_as_scalars():
    assert isinstance(nan_outside(np, np.asarray(True), np.asarray(2.0)), np.float64)
    assert nan_outside(np, np.asarray(True), np.asarray([2.0])).shape == (1,)


def test_depth_is_a_number_of_at_least_one(unchecked):
    assert [require_depth(depth) for depth in (1, 2.5, np.int64(3), np.inf)] == [1, 2.5, 3, np.inf]
    for depth in (0, 0.99, -2, np.nan):
        with pytest.raises(ValueError, match=f"`depth` counts .* must be >= 1; got {depth}"):
            require_depth(depth)
    for depth in ("2", True, None, 2j, [2], np.asarray([2.0])):
        with pytest.raises(TypeError, match="`depth` must be a number"):
            require_depth(depth)
