"""The grader's side: start the sandbox, run cells in it, call what a notebook defines."""

import builtins
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np

from grading import ROOT, GradingError
from grading.engine.runner import wanted
from grading.engine.sandbox import Limits, missing
from grading.engine.wire import Channel, ClosedError, GarbageError, LateError, decode, encode, pair

__all__ = [
    "Answer",
    "GoneError",
    "Notebook",
    "Sandbox",
    "StudentError",
    "SandboxError",
    "sandbox_of",
]

MAX_FOLDER, MAX_FILES = 64 * 2**20, 1000
MAX_LINES = 100_000  # of Python in one call, if the check limits them


class SandboxError(GradingError):
    """The sandbox cannot be had on this machine."""


class GoneError(Exception):
    """The student's process died, was too slow, or wrote garbage; the text says which."""


DIED = "The process died: out of memory, killed, or ended by the code itself."


class StudentError(Exception):
    """An error of a type that the grader does not know, raised by the student's code."""


def granted() -> tuple[str, ...]:
    """Return what a student's code may read: Python, its packages, and what lessons import."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    paths |= {
        "/usr",
        "/lib",
        "/lib64",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/dev/null",
        "/dev/urandom",
        "/dev/zero",
    }
    paths |= {str(ROOT / name) for name in ("helpers.py", "downhill", "tables")}
    # What libraries ask the machine about itself: threadpoolctl, which scikit-learn calls, and
    # joblib. "self" is the confined process, where it is resolved.
    paths |= {
        "/proc/self/maps",
        "/proc/self/stat",
        "/proc/self/statm",
        "/proc/self/status",
        "/proc/cpuinfo",
        "/proc/meminfo",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
    }
    return tuple(sorted(p for p in paths if os.path.exists(p) and not ROOT.is_relative_to(p)))


class Sandbox:
    """A runner process and the processes that it forks.

    Parameters
    ----------
    confined : bool
        False runs students' code without protection, which the command line allows only on request.
    limits : Limits
        For each forked process; what may be read and written is added here.
    parent : Sandbox, optional
        Its runner is forked, which saves the imports.
    """

    def __init__(
        self, confined: bool = True, limits: Limits | None = None, parent: "Sandbox | None" = None
    ) -> None:
        if confined and (said := missing()):
            raise SandboxError(" ".join(said))
        self.confined, self.limits, self.owner = confined, limits or Limits(), os.getpid()
        self.process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self.ready: set[str] = set(parent.ready) if parent else set()
        if parent is None:
            self._start()
        else:
            self.home: Path = parent.home
            self.control, theirs = socket.socketpair()
            self._lines = self.control.makefile("rb")
            with (
                theirs,
                contextlib.suppress(OSError),
            ):  # if it is dead, the first request starts a runner of its own
                socket.send_fds(parent.control, [b'{"op": "clone"}'], [theirs.fileno()])

    def _start(self) -> None:
        """Start a runner; it imports while we go on, and removes its folder when we are gone."""
        self.home = Path(tempfile.mkdtemp(prefix="downhill-grading-"))
        ours, theirs = socket.socketpair()
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": str(self.home / "matplotlib"),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grading.engine.runner", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self.control = ours
        self._lines, self.pid, self.ready = ours.makefile("rb"), None, set()

    def _meet(self) -> None:
        """Wait until the runner is ready, and keep it on the processors of its user."""
        if line := self._lines.readline():
            self.pid = pid = int(json.loads(line)["pid"])
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(pid, os.sched_getaffinity(0))
        elif self.process is not None:
            said = self.process.communicate()[1].decode(errors="replace")[-2000:]
            raise SandboxError(f"the sandbox did not start: {said}")

    def _ask(self, request: dict[str, Any], descriptors: Iterable[int] = ()) -> dict[str, Any]:
        for _ in range(2):
            try:
                if self.pid is None:
                    self._meet()
                socket.send_fds(self.control, [json.dumps(request).encode()], descriptors)
                if line := self._lines.readline():
                    return json.loads(line)
            except OSError:
                pass
            if request["op"] != "fork":
                return {}
            self._stop()
            self._start()
        raise SandboxError("the sandbox does not answer")

    def load(self, names: Iterable[str]) -> None:
        """Have the runner import what of its library is named, if it has not done so."""
        if new := set(names) - self.ready:
            self._ask({"op": "import", "names": sorted(new)})
            self.ready |= new

    def fork(self, folder: Path) -> tuple[int, Channel]:
        """Return the pid and the channel of a new confined process that may write in ``folder``."""
        ours, theirs = pair()
        limits = asdict(self.limits) | {"readable": granted(), "writable": (str(folder),)}
        reply = self._ask(
            {"op": "fork", "folder": str(folder), "confine": self.confined, "limits": limits},
            [theirs.fileno()],
        )
        theirs.close()
        return reply["pid"], Channel(ours.detach())

    def end(self, pid: int) -> int | None:
        """Kill a forked process; return its wait status, or None if it is not known."""
        return self._ask({"op": "end", "pid": pid}).get("status")

    def _stop(self) -> None:
        self._lines.close()
        self.control.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            if self.process.stderr is not None:
                self.process.stderr.close()
        elif self.pid is not None:  # a clone: it is its parent's child
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """End every process and remove what they wrote."""
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            shutil.rmtree(self.home, ignore_errors=True)
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@functools.lru_cache(maxsize=2)
def _first(confined: bool) -> Sandbox:
    return Sandbox(confined)


@functools.lru_cache(maxsize=4)
def _own(confined: bool, owner: int) -> Sandbox:
    first = _first(confined)
    return first if first.owner == owner else Sandbox(confined, parent=first)


def sandbox_of(confined: bool) -> Sandbox:
    """Return this process's sandbox: the first call starts it, a forked process gets a clone."""
    return _own(confined, os.getpid())


@dataclass
class Cell:
    """A code cell of a student: its source, and how it went."""

    id: str
    source: str
    error: list[str] | None = None
    output: str = ""
    bad: str = ""  # why it is left out when the notebook is run again


def load_factor() -> float:
    """Return by how much limits of time are stretched on a machine with too much work."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return min(max(load / (os.cpu_count() or 1), 1.0), 8.0)


class Notebook:
    """A student's notebook in its process, cell by cell; between cells it can be called.

    The process is started again, without what killed it, as often as needed: what has run before is
    run again.

    Parameters
    ----------
    sandbox : Sandbox
    cells : list of Cell
        Run at once. More come with ``run``.
    seconds : float
        For all that the notebook does, on a machine that is not overloaded: see ``load_factor``.
    cell_seconds : float
        For one cell, or for all calls of one check.
    sources : list of str
        Of all the cells that will come: what of the library they name is imported before the first
        one.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[Cell] = (),
        seconds: float = 120,
        cell_seconds: float = 30,
        sources: Iterable[str] = (),
    ) -> None:
        self.sandbox, self.seconds, self.cell_seconds = sandbox, seconds, cell_seconds
        self.cells: list[Cell] = []
        self.ends = time.monotonic() + seconds * load_factor()
        self.deadline = self.ends
        self.folder = Path(tempfile.mkdtemp(dir=sandbox.home))
        self.pid: int | None = None
        self.channel: Channel | None = None
        self.deaths: list[str] = []
        self.calls, self.late = 0, False
        self.imports = wanted([*sources, *(cell.source for cell in cells)])
        for cell in cells:
            self.run(cell)

    def run(self, cell: Cell) -> None:
        """Run the next cell; if it kills the process, it is left out when the others run again."""
        self.cells.append(cell)
        if time.monotonic() > self.ends:
            cell.bad = "There was no time left for it."
        elif self.channel is not None:
            self._run(cell)
        else:
            with contextlib.suppress(GoneError):
                self.start()

    def start(self) -> None:
        """Run all cells so far in a fresh process; Gone if that takes all the time that is left."""
        while time.monotonic() < self.ends:
            self._fork()
            if all(cell.bad or self._run(cell) for cell in self.cells):
                return
        self.late = True
        raise self._gone(
            f"The notebook took longer than the {self.seconds:g} s allowed for all of it."
        )

    def _run(self, cell: Cell) -> bool:
        self.begin()
        try:
            result = self._talk({"op": "cell", "source": cell.source})
        except GoneError as gone:
            cell.bad = str(gone)
            return False
        cell.error, cell.output = _pair(result.get("error")), str(result.get("output"))[:20_000]
        return True

    def has(self, names: Collection[str]) -> bool:
        """Return whether the notebook defines all of these names by now."""
        if self.channel is None:
            self.start()
        self.begin()
        return self._talk({"op": "has", "names": list(names)}).get("has") == [True] * len(names)

    def begin(self) -> None:
        """Start the clock of one cell or one check."""
        self.deadline = min(time.monotonic() + self.cell_seconds * load_factor(), self.ends)

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function of the notebook with plain data, and functions that it may call back."""
        if self.channel is None:
            self.start()
        self.calls += 1
        functions: list[Callable[..., Any]] = []

        def number(function: Callable[..., Any]) -> int:
            functions.append(function)
            return len(functions) - 1

        data, buffers = encode([list(arguments), keywords], number)
        message = {"op": "call", "id": self.calls, "name": name, "arguments": data}
        if (
            sys.gettrace() is not None
        ):  # the check counts lines: its own would be those of the grader, which waits
            message["lines"] = MAX_LINES
        while True:
            reply, buffer = self._exchange(message, buffers)
            if "callback" not in reply:
                break
            message, buffers = self._call_back(functions, reply, buffer)
        if reply.get("id") != self.calls:
            raise self._gone("The notebook wrote into the grader's line.")
        if "error" in reply:
            kind, text = _pair(reply["error"]) or ["Error", ""]
            raise _exception(kind, text)
        try:
            value, after = decode(reply.get("value"), buffer, lambda number, name: _named(name))
            changed = list(zip(arguments, after, strict=True))
        except (GarbageError, TypeError, ValueError) as error:
            raise self._gone(f"The notebook sent what cannot be read ({error}).") from None
        for argument, new in changed:
            if new is not None:
                _replace(argument, new)
        return value

    def _call_back(
        self, functions: list[Callable[..., Any]], reply: dict[str, Any], buffer: bytes
    ) -> tuple[dict[str, Any], list[bytes]]:
        try:
            if type(reply["callback"]) is not int:
                raise TypeError("a number that is none")
            function = functions[reply["callback"]]
            arguments, keywords = decode(
                reply.get("arguments"), buffer, lambda number, name: _named(name)
            )
            keywords = {str(key): value for key, value in keywords.items()}
        except (GarbageError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise self._gone(
                f"The notebook sent what cannot be read ({type(error).__name__})."
            ) from None
        try:
            data, buffers = encode(function(*arguments, **keywords))
        except (AssertionError, GoneError) as error:  # the check has had enough; or nobody is left
            self.close_process()
            raise error
        except Exception as error:
            return {"error": [type(error).__name__, str(error)[:500]]}, []
        return {"value": data}, buffers

    def _talk(self, message: dict[str, Any]) -> dict[str, Any]:
        return self._exchange(message, [])[0]

    def _exchange(
        self, message: dict[str, Any], buffers: Iterable[bytes]
    ) -> tuple[dict[str, Any], bytes]:
        """Send a message, return the reply; on silence, death or garbage end the process."""
        assert self.channel is not None, "a process was started before it is asked"
        try:
            self.channel.send(message, buffers, self.deadline)
            while True:
                try:
                    reply, buffer = self.channel.receive(min(self.deadline, time.monotonic() + 0.5))
                    break
                except LateError:
                    if time.monotonic() >= self.deadline:
                        raise
                    if self._overflows():
                        raise self._gone("The notebook filled its folder on the disk.") from None
            if not isinstance(reply, dict):
                raise GarbageError("not a reply")
        except LateError:
            self.late = True
            raise self._gone(f"It took longer than the {self.cell_seconds:g} s allowed.") from None
        except ClosedError:
            raise self._gone(DIED) from None
        except GarbageError as error:
            raise self._gone(f"The notebook sent what cannot be read ({error}).") from None
        except (
            BaseException
        ):  # the check stopped waiting: what is still to come must not be taken for the next reply
            self.close_process()
            raise
        return reply, buffer

    def _overflows(self) -> bool:
        size = count = 0
        for folder, _, files in os.walk(self.folder):
            for name in files:
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(folder, name)).st_size
                count += 1
                if size > MAX_FOLDER or count > MAX_FILES:
                    return True
        return False

    def _gone(self, sentence: str) -> GoneError:
        self.deaths.append(sentence)
        self.close_process()
        return GoneError(sentence)

    def _fork(self) -> None:
        self.close_process()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sandbox.load(self.imports)
        self.pid, self.channel = self.sandbox.fork(self.folder)
        first, _ = self.channel.receive(time.monotonic() + 30)
        if "unsafe" in first:
            raise SandboxError(str(first["unsafe"]))

    def close_process(self) -> None:
        """End the process, if there is one."""
        if self.channel is not None and self.pid is not None:
            self.sandbox.end(self.pid)
            self.channel.close()
            self.channel = None

    def close(self) -> None:
        """End the process and remove its folder."""
        self.close_process()
        shutil.rmtree(self.folder, ignore_errors=True)


class Answer:
    """What a check gets for a student's function: calls of it go to the student's process."""

    def __init__(self, notebook: Notebook, name: str) -> None:
        self._notebook, self.__name__ = notebook, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._notebook.call(self.__name__, arguments, keywords)


def _pair(error: object) -> list[str] | None:
    if isinstance(error, list) and len(error) == 2 and all(isinstance(part, str) for part in error):
        return [error[0][:100], error[1][:2000]]
    return None


def _exception(kind: str, text: str) -> Exception:
    """Return a student's exception as ours: ordinary built-in errors keep their type."""
    known: Any = getattr(builtins, kind, None)
    ordinary = (
        isinstance(known, type)
        and issubclass(known, Exception)
        and not issubclass(known, AssertionError)
    )
    if ordinary and not issubclass(
        known, StopIteration | StopAsyncIteration | Warning | UnicodeError | ExceptionGroup
    ):
        return known(text)
    return StudentError(f"{kind}: {text}")


def _named(name: object) -> Callable[..., NoReturn]:
    def function(*_: object, **__: object) -> NoReturn:
        raise StudentError("a function that an answer returns is not called by the check")

    function.__name__ = str(name)[:100]
    return function


def _replace(argument: Any, new: Any) -> None:
    """Do to the grader's argument what the student's function did to its copy."""
    if (
        isinstance(argument, np.ndarray)
        and isinstance(new, np.ndarray)
        and new.shape == argument.shape
    ):
        with contextlib.suppress(ValueError, TypeError):
            argument[...] = new
    elif isinstance(argument, list) and isinstance(new, list):
        argument[:] = new
    elif isinstance(argument, dict) and isinstance(new, dict):
        argument.clear()
        argument.update(new)
