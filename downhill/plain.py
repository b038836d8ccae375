"""What counts as plain data: one definition, for checks in a notebook and for the grader's wire.

An answer may return whatever stands for numbers: a list, an array, a pandas Series, a Fraction, a
deque. A check sees all of them as plain Python and NumPy values, so that it says the same wherever
it runs.
"""

import array
import functools
import itertools
import numbers
from collections import UserList, deque
from collections.abc import Callable, Iterator, Mapping, MappingView
from typing import Any

import numpy as np

from downhill.annotations import Array

__all__ = ["plain", "plain_function", "simpler"]

MAX_ITEMS = 1_000_000  # of an iterator: one that never ends is cut here
_BYTES, _SETS = (bytes, bytearray), (set, frozenset)
_LISTS: tuple[Any, ...] = (deque, UserList, MappingView, Iterator)
_KEPT = (type(None), bool, int, float, complex, str, type(...), range, np.generic)


def simpler(value: Any) -> Any:
    """Return the list, dict, array or number that an object stands for; the object itself if it
    stands for none.

    Parameters
    ----------
    value : object
        Anything but what is plain already.

    Returns
    -------
    object
        A list for a deque, an iterator or the keys of a dict; a dict for any other mapping; an
        array for what offers its numbers by ``__array__`` (Series, DataFrame, tensor), for an
        ``array.array`` and a memoryview; a float for any other number (Fraction, Decimal).
    """
    try:
        if isinstance(value, _LISTS):
            return list(itertools.islice(value, MAX_ITEMS))
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, array.array | memoryview) or hasattr(type(value), "__array__"):
            return np.asarray(value)
        if isinstance(value, numbers.Number):
            return float(value)  # type: ignore[arg-type]
    except Exception:  # whatever a foreign object does when it is asked for its numbers
        pass
    return value


def plain(value: Any) -> Any:
    """Return an answer as a check sees it.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        Subclasses of Python's types become the types themselves, foreign objects what ``simpler``
        makes of them, at every depth. An array stays the same array. What is no data (an object, a
        masked array, a function) stays.
    """
    if type(value) in _KEPT or type(value) is np.ndarray and value.dtype.kind != "O":
        return value
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, np.generic):
        return value
    for kind in (int, float, complex, str):
        if isinstance(value, kind):
            return kind(value)  # type: ignore[arg-type]
    if isinstance(value, _BYTES):
        return bytes(value)
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, _SETS):
        return {plain(item) for item in value}
    found = simpler(value)
    return value if found is value else plain(found)


def _plain_array(value: Any) -> Array:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        return value
    value = np.asarray(value)
    if value.dtype.kind != "O":
        return value
    made = np.empty(value.size, dtype=object)
    made[:] = [plain(item) for item in value.ravel().tolist()]
    return made.reshape(value.shape)


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function through which only plain data comes back.

    Functions among its arguments are passed on as bare functions that get plain data and return it:
    an answer sees no more of them in a notebook than it does while it is graded.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """

    @functools.wraps(function)
    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        given = {name: _bare(item) for name, item in keywords.items()}
        return plain(function(*map(_bare, arguments), **given))

    return wrapped


def _bare(argument: Any) -> Any:
    if not callable(argument):
        return argument

    def function(*arguments: Any, **keywords: Any) -> Any:
        given = {name: plain(item) for name, item in keywords.items()}
        return plain(argument(*map(plain, arguments), **given))

    function.__name__ = str(getattr(argument, "__name__", type(argument).__name__))
    return function
