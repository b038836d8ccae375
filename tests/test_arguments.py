"""The table of argument checks: what each takes, what all refuse, and that the package asks it."""

import ast
import math
from fractions import Fraction

import numpy as np
import pytest
from conftest import ROOT

from downhill.arguments import (
    finite,
    finite_array,
    generator,
    not_negative,
    one_of,
    positive,
    share,
    whole,
    within,
)

NUMBERS = {
    "finite": (finite, "a finite number", [0, -2, 0.5, 10**30, Fraction(1, 3), np.int8(-3)]),
    "not_negative": (not_negative, "a finite number of at least 0", [0, 0.0, 3, 1e300]),
    "positive": (positive, "a positive finite number", [5e-324, 1, 1e300]),
    "share": (share, "a number of at least 0 and below 1", [0, 0.5, 1 - 1e-16, np.array(0.25)]),
    "within": (lambda n, v: within(n, v, -1, 0.5), "a number from -1 to 0.5", [-1, 0, 0.5]),
    "whole": (whole, "a whole number", [0, -7, 1e3]),
    "at least": (lambda n, v: whole(n, v, 2), "a whole number of at least 2", [2, 3.0, np.int64(7), 10**30]),
    "from, to": (lambda n, v: whole(n, v, 2, 4), "a whole number from 2 to 4", [2, 4, 4.0]),
}
OUTSIDE = {
    "finite": [10**400],
    "not_negative": [-1e-300],
    "positive": [0, -1],
    "share": [1, 1.0, -0.1],
    "within": [-1.01, 0.6],
    "whole": [0.5, -1e-300],
    "at least": [1, 2.5, -3],
    "from, to": [1, 5, 3.5],
}
NO_NUMBERS = [True, False, np.True_, math.nan, math.inf, -math.inf, np.float64("nan"), None, ..., "1", "", b"1", [1],
              (), {}, 1j, np.array([1.0]), np.array(True), np.array("1"), len, int]  # fmt: skip


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_that_are_right_come_back_as_plain_python_numbers(kind):
    check, _, right = NUMBERS[kind]
    for value in right:
        found = check("rate", value)
        assert found == value or abs(found - value) < 1e-15  # a fraction
        assert type(found) is (int if kind in ("whole", "at least", "from, to") else float)


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_check_of_a_number_refuses_the_same_and_says_the_same(kind):
    check, wanted, _ = NUMBERS[kind]
    for value in NO_NUMBERS + OUTSIDE[kind]:
        with pytest.raises(ValueError) as caught:
            check("the rate", value)
        assert str(caught.value).startswith(f"the rate must be {wanted}, got ")
    with pytest.raises(ValueError, match=r", got True$"):
        check("rate", True)
    with pytest.raises(ValueError, match=r", got '0.1'$"):
        check("rate", "0.1")


def test_a_long_value_is_not_printed_in_full():
    with pytest.raises(ValueError) as caught:
        finite("rate", list(range(10_000)))
    assert len(str(caught.value)) < 100


def test_one_of():
    assert one_of("form", "a", ("a", "b")) == "a" and one_of("form", np.int64(2), (1, 2)) == 2
    assert one_of("flag", True, (1, True)) is True and one_of("size", 1, (True, 1)) == 1
    assert one_of("form", "a", {"a": 1, "b": 2}) == "a" and one_of("nothing", None, ("a", None)) is None
    for value in (True, None, math.nan, "c", 3, ["a"], np.array(["a", "b"]), np.array([]), len):
        with pytest.raises(ValueError, match="form must be one of 'a', 1, got "):
            one_of("form", value, ("a", 1))


def test_finite_array():
    for value in (1, 2.5, [1, 2], [[1.0], [2.0]], np.arange(3, dtype=np.uint8), np.zeros((0, 2)), (0.5, 1)):
        found = finite_array("X", value)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, value)
    kept = np.ones(3)
    assert finite_array("X", kept) is kept
    for value, got in (
        ([1.0, math.nan], r"nan at \[1\]"),
        ([[1.0, 2.0], [-math.inf, 0.0]], r"-inf at \[1, 0\]"),
        (math.inf, "inf$"),
    ):
        with pytest.raises(ValueError, match=f"X must be finite, got {got}"):
            finite_array("X", value)
    for value, got in (
        (True, "True"),
        ([True, False], r"\[True, False\]"),
        (None, "None"),
        ("text", "'text'"),
        ([1, None], r"\[1, None\]"),
        (["1"], r"\['1'\]"),
        ([[1], [1, 2]], r"\[\[1\], \[1, 2\]\]"),
        (1j, "1j"),
        (len, "<built-in"),
    ):
        with pytest.raises(ValueError, match=f"X must be numbers, in rows of equal length, got {got}"):
            finite_array("X", value)


def test_generator():
    rng = np.random.default_rng(0)
    assert generator("rng", rng) is rng
    for value in (0, True, None, math.nan, "0", np.random, np.random.default_rng, np.random.RandomState(0)):
        with pytest.raises(ValueError, match=r"rng must be a numpy.random.Generator, such as np.random.default_rng"):
            generator("rng", value)


def test_nowhere_else_does_the_package_ask_what_kind_of_number_it_was_given():
    """A check by hand begins with `isinstance(value, Real)` or the like: those stand in the table only."""
    kinds, found = {"Real", "Integral", "bool", "integer"}, []
    for path in sorted((ROOT / "downhill").glob("*.py")):
        if path.stem in ("arguments", "plain"):  # plain: what an answer returns, not what an argument may be
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node.args[1])}
                if names & kinds:
                    found.append(f"{path.name}:{node.lineno}")
    assert not found
