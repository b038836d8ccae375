"""One table of checks for arguments: the same values are refused everywhere, in the same sentence.

Each check takes the argument's name and what was given, and returns it as a plain Python number or an array::

    steps = whole("steps", steps, least=1)
    beta = share("beta", beta)

    share("beta", True)     # ValueError: beta must be a number of at least 0 and below 1, got True

NaN, None, text and functions are no numbers, True and False are none either, and an array is one if it has shape ().
"""

import math
import reprlib
import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

__all__ = [
    "finite", "finite_array", "generator", "not_negative", "one_of", "positive", "share", "whole", "within",
]  # fmt: skip

_LARGEST = sys.float_info.max
_SMALLEST = math.ulp(0.0)
_BELOW_ONE = math.nextafter(1.0, 0.0)


def _refuse(name: str, wanted: str, given: object) -> NoReturn:
    raise ValueError(f"{name} must be {wanted}, got {reprlib.repr(given)}")


def _plain(given: Any) -> Any:
    """Return the number inside an array of shape (), such as np.where makes; all else as it is."""
    return given[()] if isinstance(given, np.ndarray) and given.ndim == 0 else given


def _number(name: str, given: Any, wanted: str, low: float, high: float) -> float:
    """Return one number from low to high as a float; say what was wanted if it is none."""
    try:
        number = float(given) if isinstance(_plain(given), Real) and not isinstance(given, bool) else math.nan
    except OverflowError:  # a whole number beyond the floats
        number = math.inf
    if not low <= number <= high:
        _refuse(name, wanted, given)
    return number


def finite(name: str, given: Any) -> float:
    """Return one finite number as a float.

    Parameters
    ----------
    name : str
        What the argument is called; the sentence begins with it.
    given : object
        What was given for it.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no number, NaN or infinite.
    """
    return _number(name, given, "a finite number", -_LARGEST, _LARGEST)


def not_negative(name: str, given: Any) -> float:
    """Return one finite number of at least 0 as a float; all else is refused, as by ``finite``."""
    return _number(name, given, "a finite number of at least 0", 0, _LARGEST)


def positive(name: str, given: Any) -> float:
    """Return one finite number above 0 as a float; all else is refused, as by ``finite``."""
    return _number(name, given, "a positive finite number", _SMALLEST, _LARGEST)


def share(name: str, given: Any) -> float:
    """Return one number of at least 0 and below 1 as a float; all else is refused, as by ``finite``."""
    return _number(name, given, "a number of at least 0 and below 1", 0, _BELOW_ONE)


def within(name: str, given: Any, low: float, high: float) -> float:
    """Return one number from low to high, both included, as a float; all else is refused, as by ``finite``."""
    return _number(name, given, f"a number from {low} to {high}", low, high)


def whole(name: str, given: Any, least: int | None = None, most: int | None = None) -> int:
    """Return one whole number as an int; 1e3 counts as 1000.

    Parameters
    ----------
    name, given
        As for ``finite``.
    least, most : int, optional
        The smallest and the largest number allowed; the largest only beside a smallest.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is no whole number, or outside these limits.
    """
    limits = "" if least is None else f" of at least {least}" if most is None else f" from {least} to {most}"
    wanted = f"a whole number{limits}"
    number = _number(name, given, wanted, -_LARGEST if least is None else least, _LARGEST if most is None else most)
    if number != math.floor(number):
        _refuse(name, wanted, given)
    return int(given)


def one_of(name: str, given: Any, options: Iterable[Any]) -> Any:
    """Return the option that is equal to what was given; True and False are not equal to 1 and 0.

    Parameters
    ----------
    name, given
        As for ``finite``.
    options : iterable
        What is allowed.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is none of the options.
    """
    options = tuple(options)
    for option in options:
        if isinstance(given, bool) == isinstance(option, bool) and np.ndim(given) == 0 and bool(given == option):
            return option
    _refuse(name, f"one of {', '.join(map(repr, options))}", given)


def finite_array(name: str, given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return finite numbers of any shape as an array of float; a copy only where one is needed.

    Parameters
    ----------
    name, given
        As for ``finite``.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If one of them is no number, NaN or infinite, or if the rows are of different lengths.
    """
    try:
        array = np.asarray(given)
    except ValueError:  # ragged
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        _refuse(name, "numbers, in rows of equal length", given)
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(f"{name} must be finite, got {array[*place]}" + (f" at {place}" if place else ""))
    return array


def generator(name: str, given: Any) -> np.random.Generator:
    """Return a random number generator; a seed is refused, with how to make a generator of it.

    Parameters
    ----------
    name, given
        As for ``finite``.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If it is no Generator.
    """
    if not isinstance(given, np.random.Generator):
        _refuse(name, "a numpy.random.Generator, such as np.random.default_rng(0)", given)
    return given
