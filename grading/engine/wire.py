"""What the grader and a student's process exchange: JSON and raw arrays, never pickle.

A frame is 8 bytes with the lengths of its two parts, then JSON, then the bytes of its arrays one
after the other. The grader decodes what a stranger wrote, so ``decode`` believes nothing: every
tag, shape, dtype and length is checked, size and depth are limited, and whatever is not a plain
value becomes an ``Opaque`` that equals nothing.
"""

import json
import math
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from downhill.plain import simpler

__all__ = [
    "Channel",
    "ClosedError",
    "GarbageError",
    "LateError",
    "Opaque",
    "TooLargeError",
    "decode",
    "encode",
    "pair",
]

MAX_FRAME = 64 * 2**20  # bytes; a class of honest answers stays below one
MAX_NODES, MAX_DEPTH, MAX_DIGITS = 1_000_000, 60, 4000
_HEADER = struct.Struct("<II")
_ARRAYS, _SEQUENCES, _BYTES, _SETS = (
    (np.ndarray, np.generic),
    (list, tuple),
    (bytes, bytearray),
    (set, frozenset),
)
_PLAIN = (str, int)  # bool is one
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_from_json = json.JSONDecoder().decode


class GarbageError(Exception):
    """The other side sent what no honest process sends."""


class TooLargeError(GarbageError):
    """A value, or a frame, beyond the limits above."""


class ClosedError(Exception):
    """The other side has gone."""


class LateError(Exception):
    """Nothing complete came before the deadline."""


class Opaque:
    """Stands for what is no plain data: an object, a generator, a module. It equals only itself."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<an object of type {self.kind}>"


# ------------------------------------------------------------------------------------------- values


def encode(
    value: object, functions: Callable[[Callable[..., Any]], int] | None = None
) -> tuple[Any, list[bytes]]:
    """Turn a value into JSON-ready data and a list of buffers.

    Parameters
    ----------
    value : object
        Anything; what is not plain data is sent as its type's name.
    functions : callable, optional
        From a function to the number under which the other side may call it. Without it a function
        is opaque.

    Returns
    -------
    data : object
        For ``json.dumps``.
    buffers : list of bytes

    Raises
    ------
    TooLargeError
    """
    buffers, left = [], [MAX_NODES]

    def walk(value: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > MAX_DEPTH or left[0] < 0:
            raise TooLargeError("a value with too many parts, or nested too deeply")
        if type(value) is np.ndarray:
            return array(value, depth)
        if value is None or value is True or value is False:
            return value
        if value is Ellipsis:
            return ["..."]
        if isinstance(value, _ARRAYS):
            return array(value, depth)
        if isinstance(value, int):
            if abs(value) < 2**53:
                return int(value)
            if value.bit_length() > 3 * MAX_DIGITS:
                raise TooLargeError("a whole number with too many digits")
            return ["i", hex(int(value))]
        if isinstance(value, float):
            return ["f", repr(float(value))]
        if isinstance(value, complex):
            return ["c", repr(value.real), repr(value.imag)]
        if isinstance(value, str):
            return str(value)
        if isinstance(value, _BYTES):
            buffers.append(bytes(value))
            return ["b", len(value)]
        if isinstance(value, _SEQUENCES):
            return [
                "l" if isinstance(value, list) else "t",
                [walk(item, depth + 1) for item in value],
            ]
        if isinstance(value, dict):
            return ["d", [[walk(k, depth + 1), walk(v, depth + 1)] for k, v in value.items()]]
        if isinstance(value, _SETS):
            return ["s", [walk(item, depth + 1) for item in value]]
        if isinstance(value, range):
            return ["r", value.start, value.stop, value.step]
        if callable(value):
            name = str(getattr(value, "__name__", type(value).__name__))[:100]
            return ["fn", functions(value) if functions else None, name]
        found = simpler(value)
        return ["o", type(value).__name__[:100]] if found is value else walk(found, depth + 1)

    def array(value: Any, depth: int) -> list[Any]:
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            return ["o", "MaskedArray"]
        if type(value) is not np.ndarray:
            value = np.asarray(value)
        if value.dtype.kind == "O":
            return [
                "oa",
                list(value.shape),
                [walk(item, depth + 1) for item in value.ravel().tolist()],
            ]
        if value.dtype.kind not in "biufcU":
            return ["o", f"array of {value.dtype}"[:100]]
        if value.dtype.byteorder == ">":
            value = value.astype(value.dtype.newbyteorder("<"))
        if value.nbytes > MAX_FRAME:
            raise TooLargeError(f"an array of {value.nbytes} bytes")
        buffers.append(value.tobytes())
        return ["a" if value.ndim else "g", value.dtype.str, list(value.shape)]

    return walk(value, 0), buffers


def decode(
    data: object, buffer: bytes, function: Callable[[int | None, str], Any] | None = None
) -> Any:
    """Turn what ``encode`` made back into a value.

    Parameters
    ----------
    data : object
        From ``json.loads``.
    buffer : bytes
        The buffers, joined.
    function : callable, optional
        From the number and the name of a function on the other side to something that calls it.

    Returns
    -------
    object

    Raises
    ------
    GarbageError
        If it is not what ``encode`` makes.
    """
    return _Reader(buffer, function).walk(data, 0)


class _Reader:
    """One run of ``decode``: where it is in the buffer, and how many parts it may still make."""

    def __init__(self, buffer: bytes, function: Callable[[int | None, str], Any] | None) -> None:
        self.buffer, self.function, self.at, self.left = buffer, function, 0, MAX_NODES

    def take(self, size: object) -> bytes:
        if type(size) is not int or not 0 <= size <= len(self.buffer) - self.at:
            raise GarbageError("a length that does not fit")
        self.at += size
        return self.buffer[self.at - size : self.at]

    def walk(self, data: object, depth: int) -> Any:
        self.left -= 1
        if depth > 2 * MAX_DEPTH or self.left < 0:
            raise TooLargeError("a value with too many parts, or nested too deeply")
        if data is None or isinstance(data, _PLAIN):
            return data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise GarbageError("a value without a tag")
        tag, *rest = data
        try:
            return _READ[tag](self, depth, *rest)
        except (GarbageError, RecursionError):
            raise
        except Exception as error:  # a missing part, another type, a dtype that NumPy does not know
            raise GarbageError(
                f"a bad value of kind {tag[:10]!r}: {type(error).__name__}"
            ) from None

    def items(self, depth: int, values: object) -> list[Any]:
        if not isinstance(values, list):
            raise GarbageError("a list that is none")
        return [self.walk(item, depth + 1) for item in values]

    def array(self, depth: int, dtype: Any, shape: Any) -> np.ndarray:
        kind = np.dtype(dtype)
        if kind.kind not in "biufcU" or kind.hasobject or kind.itemsize == 0 and kind.kind != "U":
            raise GarbageError("a dtype that no answer needs")
        if (
            not isinstance(shape, list)
            or len(shape) > 32
            or any(type(n) is not int or n < 0 for n in shape)
        ):
            raise GarbageError("a shape that is none")
        return (
            np.frombuffer(self.take(math.prod(shape) * kind.itemsize), kind).reshape(shape).copy()
        )

    def objects(self, depth: int, shape: Any, values: object) -> np.ndarray:
        values = self.items(depth, values)
        if math.prod(shape) != len(values):
            raise GarbageError("a shape that does not fit")
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made.reshape(shape)

    def whole(self, depth: int, text: object) -> int:
        if not isinstance(text, str) or len(text) > 3 * MAX_DIGITS:
            raise TooLargeError("a whole number with too many digits")
        return int(text, 16)

    def dictionary(self, depth: int, pairs: Any) -> dict[Any, Any]:
        return {self.walk(k, depth + 1): self.walk(v, depth + 1) for k, v in pairs}

    def called(self, depth: int, number: object, name: object) -> Any:
        if number is not None and type(number) is not int:
            raise GarbageError("a function without a number")
        return self.function(number, str(name)) if self.function else Opaque("function")


_READ: dict[str, Callable[..., Any]] = {
    "...": lambda reader, depth: Ellipsis,
    "f": lambda reader, depth, text: float(text),
    "c": lambda reader, depth, real, imag: complex(float(real), float(imag)),
    "i": _Reader.whole,
    "b": lambda reader, depth, size: bytes(reader.take(size)),
    "l": _Reader.items,
    "t": lambda reader, depth, values: tuple(reader.items(depth, values)),
    "s": lambda reader, depth, values: set(reader.items(depth, values)),
    "d": _Reader.dictionary,
    "r": lambda reader, depth, start, stop, step: range(start, stop, step),
    "a": _Reader.array,
    "g": lambda reader, depth, dtype, shape: reader.array(depth, dtype, shape)[()],
    "oa": _Reader.objects,
    "fn": _Reader.called,
    "o": lambda reader, depth, kind: Opaque(str(kind)[:100]),
}


# -------------------------------------------------------------------------------------- the channel


class Channel:
    """Frames over a connected socket, given as its file descriptor; only read and write are used.

    Deadlines are looked at as often as the socket's own limits, SO_RCVTIMEO and SO_SNDTIMEO, wake
    the process: see ``pair``.

    Parameters
    ----------
    descriptor : int
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self._ahead = descriptor, bytearray()

    def send(
        self, message: object, buffers: Iterable[bytes] = (), deadline: float | None = None
    ) -> None:
        """Write one frame.

        Parameters
        ----------
        message : object
            For JSON.
        buffers : list of bytes
        deadline : float, optional
            On the clock of ``time.monotonic``.

        Raises
        ------
        TooLargeError, ClosedError, LateError
        """
        text = _to_json(message).encode()
        body = b"".join(buffers)
        if len(text) + len(body) > MAX_FRAME:
            raise TooLargeError(f"a message of {len(text) + len(body)} bytes")
        left = memoryview(_HEADER.pack(len(text), len(body)) + text + body)
        while left:
            try:
                left = left[os.write(self.descriptor, left) :]
            except BlockingIOError:
                _look(deadline)
            except OSError as error:
                raise ClosedError(str(error)) from None

    def receive(self, deadline: float | None = None) -> tuple[Any, bytes]:
        """Read a frame: its message and its buffers, joined. After ``LateError`` ask again.

        Raises
        ------
        GarbageError, ClosedError, LateError
        """
        self._fill(_HEADER.size, deadline)
        text, body = _HEADER.unpack_from(self._ahead)
        if text + body > MAX_FRAME:
            raise TooLargeError(f"a message of {text + body} bytes")
        start, end = _HEADER.size + text, _HEADER.size + text + body
        self._fill(end, deadline)
        text, body = self._ahead[_HEADER.size : start], bytes(self._ahead[start:end])
        del self._ahead[:end]
        try:
            return _from_json(text.decode()), body
        except (ValueError, RecursionError) as error:
            raise GarbageError(f"not JSON: {type(error).__name__}") from None

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def _fill(self, size: int, deadline: float | None) -> None:
        """Read until that many bytes are there."""
        while len(self._ahead) < size:
            _look(
                deadline
            )  # also if there is always something to read: a function may call back for ever
            try:
                part = os.read(self.descriptor, min(max(size - len(self._ahead), 2**12), 2**20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ClosedError(str(error)) from None
            if not part:
                raise ClosedError("the other side has gone")
            self._ahead += part


def _look(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise LateError


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets; the user of the first has deadlines, and waits 0.1 s a time."""
    ours, theirs = socket.socketpair()
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 0, 100_000))
    return ours, theirs
