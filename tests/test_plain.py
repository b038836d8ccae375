"""What a check sees of an answer is the same in a notebook and over the grader's wire."""

import array
import collections
import decimal
import enum
import fractions
import itertools
import json
import types

import numpy as np
import pandas as pd
import pytest

from downhill.plain import MAX_ITEMS, plain, plain_function
from grading.engine.wire import decode, encode


class Whole(enum.IntEnum):
    THREE = 3


class Mine:
    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise ValueError("no")


Pair = collections.namedtuple("Pair", "a b")

# Each is made anew for both, since an iterator can be read once: a maker, and what it stands for.
KINDS = {
    "Fraction": (lambda: fractions.Fraction(1, 4), 0.25),
    "Decimal": (lambda: decimal.Decimal("1.5"), 1.5),
    "deque": (lambda: collections.deque([1, 2]), [1, 2]),
    "array.array": (lambda: array.array("d", [1, 2]), np.array([1.0, 2.0])),
    "memoryview": (lambda: memoryview(np.ones((2, 2))), np.ones((2, 2))),
    "__array__": (Mine, np.arange(3.0)),
    "IntEnum": (lambda: Whole.THREE, 3),
    "namedtuple": (lambda: Pair(1, fractions.Fraction(1, 2)), (1, 0.5)),
    "Series": (lambda: pd.Series([1, 2.5], index=["a", "b"]), np.array([1, 2.5])),
    "Index": (lambda: pd.Index([1, 2]), np.array([1, 2])),
    "DataFrame": (lambda: pd.DataFrame({"a": [1, 2]}), np.array([[1], [2]])),
    "dict of Series": (lambda: {"v": pd.Series([1])}, {"v": np.array([1])}),
    "OrderedDict": (lambda: collections.OrderedDict(a=1), {"a": 1}),
    "defaultdict": (lambda: collections.defaultdict(list, a=[1]), {"a": [1]}),
    "UserDict": (lambda: collections.UserDict(a=2), {"a": 2}),
    "MappingProxyType": (lambda: types.MappingProxyType({"q": 1}), {"q": 1}),
    "UserList": (lambda: collections.UserList([1]), [1]),
    "frozenset": (lambda: frozenset({1}), {1}),
    "bytearray": (lambda: bytearray(b"x"), b"x"),
    "items of a dict": (lambda: {1: 2}.items(), [(1, 2)]),
    "zip": (lambda: zip([1], [2], strict=True), [(1, 2)]),
    "generator": (lambda: (n for n in range(3)), [0, 1, 2]),
    "matrix": (lambda: np.matrix([[1, 2]]), np.array([[1, 2]])),
    "masked array with nothing masked": (lambda: np.ma.array([1, 2]), np.array([1, 2])),
    "array of objects": (
        lambda: np.array([decimal.Decimal(1), None], object),
        np.array([1.0, None], object),
    ),
    "float32": (lambda: [np.float32(0.1)], [np.float32(0.1)]),
    "large": (lambda: 2**80, 2**80),
}


@pytest.mark.parametrize("kind", KINDS)
def test_notebook_and_wire_agree_on_what_a_value_stands_for(kind):
    make, expected = KINDS[kind]
    data, buffers = encode(make())
    by_wire = decode(json.loads(json.dumps(data)), b"".join(buffers))
    for got in (plain(make()), by_wire):
        assert type(got) is type(expected)
        assert repr(got) == repr(expected)


def test_what_stands_for_no_numbers_stays_as_it_is():
    for value in (object(), print, Broken(), np.ma.array([1, 2], mask=[True, False])):
        assert plain(value) is value


def test_an_iterator_that_never_ends_is_cut():
    assert len(plain(itertools.count())) == MAX_ITEMS


def test_an_array_is_not_copied():
    value = np.ones(3)
    assert plain(value) is value
    assert plain([value])[0] is value


def test_an_answer_sees_only_bare_functions_and_a_check_only_plain_data():
    def surface(point):
        assert type(point) is np.ndarray
        return fractions.Fraction(1, 2)

    surface.grad = print

    def answer(f, scale=None):
        """Its own words."""
        assert not hasattr(f, "grad") and f.__name__ == "surface"
        return collections.deque([f(pd.Series([1.0])), scale(2)])

    checked = plain_function(answer)
    assert checked(surface, scale=lambda x: pd.Series([x])) == [0.5, np.array([2])]
    assert checked.__doc__ == "Its own words."
