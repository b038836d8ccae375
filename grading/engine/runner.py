"""The side of the sandbox: it has the course's imports ready, and forks a process a notebook.

``python -m grading.engine.runner DESCRIPTOR`` is started by ``grading.engine.session`` in a clean
environment. It holds nothing that a student must not see: no solution, no hidden test, no other
student's work, no secret of the instructor's environment.
"""

import builtins
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from grading import import_helpers
from grading.engine.sandbox import Limits, confine
from grading.engine.shell import ZMQInteractiveShell, make_shell, open_loop
from grading.engine.wire import (
    Channel,
    ClosedError,
    GarbageError,
    Opaque,
    TooLargeError,
    decode,
    encode,
)

LIBRARY = (
    "pandas",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.optimize",
    "scipy.spatial",
    "scipy.special",
    "scipy.stats",
    "seaborn",
    "sklearn.datasets",
    "sklearn.dummy",
    "sklearn.ensemble",
    "sklearn.feature_selection",
    "sklearn.gaussian_process",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "sklearn.tree",
    "downhill.bayesian",
    "downhill.language",
    "downhill.multi_fidelity",
    "downhill.optimizers",
    "downhill.schedules",
    "downhill.spaces",
    "downhill.transformer",
    "downhill.tuning",
)
MAX_OUTPUT = 20_000  # characters kept of what a cell prints


# --------------------------------------------------------------------------- the process that forks


def preload() -> ZMQInteractiveShell:
    """Import what every notebook imports, so that forks have it; return the shell."""
    import matplotlib

    matplotlib.use("Agg")
    import_helpers()
    import helpers

    load(("downhill.networks", "downhill.surfaces"))
    silent = {"show": "figures", "explore": "figures", "animate": "figures", "quiz": "quizzes"}
    for name, module in silent.items():
        setattr(helpers, name, lambda *a, **k: None)
        setattr(sys.modules[f"downhill.{module}"], name, lambda *a, **k: None)
    return make_shell()


def load(names: Iterable[str]) -> None:
    """Import what some notebooks import; what is not there is missed by who needs it."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # a fork that collects garbage does not touch, and so copy, what was imported


def wanted(sources: Iterable[str]) -> list[str]:
    """Return what of the library these cells may import: all words of its name occur in them."""
    words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(sources)))
    return [name for name in LIBRARY if words.issuperset(name.split("."))]


def main(descriptor: int) -> None:
    """Import, then serve requests for forks until the grader goes away."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # who interrupts the grader does not mean this process
    shell = preload()
    serve(socket.socket(fileno=descriptor), shell)
    shutil.rmtree(os.getcwd(), ignore_errors=True)


def serve(control: socket.socket, shell: ZMQInteractiveShell) -> None:
    """Serve requests until the socket's other end is closed; forks run cells in this shell."""
    children: set[int] = set()
    reply: dict[str, Any]
    with contextlib.suppress(ConnectionError):  # the other end left without reading all
        control.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        while True:
            request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
            if not request:
                break
            request = json.loads(request)
            if request["op"] == "clone":
                if os.fork() == 0:
                    control.close()
                    serve(socket.socket(fileno=descriptors[0]), shell)
                    os._exit(0)
                os.close(descriptors[0])
                continue
            if request["op"] == "fork":
                pid = os.fork()
                if pid == 0:
                    control.close()
                    os._exit(child(descriptors[0], request, shell))
                os.close(descriptors[0])
                children.add(pid)
                reply = {"pid": pid}
            elif request["op"] == "import":
                load(set(LIBRARY) & set(request["names"]))
                reply = {}
            else:
                reply = {"status": end(request["pid"]) if request["pid"] in children else None}
                children.discard(request["pid"])
            control.sendall(json.dumps(reply).encode() + b"\n")
    for pid in children:
        end(pid)


def end(pid: int) -> int:
    """Kill a child and return its wait status."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


# ----------------------------------------------------------------------------- the confined process


def child(descriptor: int, request: dict[str, Any], shell: ZMQInteractiveShell) -> int:
    """Confine this process, then run what the grader sends until it hangs up."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.nice(
            5
        )  # a student's threads do not keep the grader waiting, which may share their processor
        sys.setswitchinterval(
            0.0005
        )  # nor do they keep each other waiting: a call goes back and forth at once
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        if descriptor != 3:
            os.dup2(descriptor, 3)
        os.closerange(4, 65536)
        os.chdir(request["folder"])
        os.environ["HOME"] = request["folder"]
        sys.path.insert(0, "")  # a module that the notebook itself has written
        open_loop(shell)
        if request["confine"]:
            limits = request["limits"]
            confine(
                Limits(**limits | {key: tuple(limits[key]) for key in ("readable", "writable")})
            )
        channel = Channel(3)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Channel(3).send({"unsafe": f"{type(error).__name__}: {error}"})
        return 1
    try:
        channel.send({"ready": True})
        Student(channel, shell).serve()
    except (ClosedError, GarbageError):
        return 0
    return 0


class Bounded(io.TextIOBase):
    """A text stream that keeps the first characters and forgets the rest."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if len(self.text) < MAX_OUTPUT:
            self.text += str(text)[: MAX_OUTPUT - len(self.text)]
        return len(text)


def no_input(prompt: object = "") -> NoReturn:
    """Stand for ``input``: nobody is there to answer."""
    raise EOFError("input() has nobody to ask while the notebook is graded")


class Student:
    """A student's notebook while it is graded: its names, and calls that the grader asks for."""

    def __init__(self, channel: Channel, shell: ZMQInteractiveShell) -> None:
        self.channel, self.run, self.names = channel, shell.run_source, shell.user_ns
        self.turn, self.current = (
            threading.RLock(),
            None,
        )  # the channel's user, and the call that is being answered
        self.names["display"] = lambda *a, **k: None
        builtins.input = no_input

    def serve(self) -> None:
        """Answer the grader's messages until it hangs up."""
        while True:
            message, buffer = self.channel.receive()
            if message["op"] == "cell":
                self.channel.send(self.cell(message["source"]))
            elif message["op"] == "has":
                self.channel.send({"has": [name in self.names for name in message["names"]]})
            else:
                self.call(message, buffer)

    def cell(self, source: str) -> dict[str, Any]:
        """Run one cell; return how it went and what it printed."""
        out, error = Bounded(), None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                raised = self.run(source)
            except BaseException as fault:
                raised = fault
            if (
                "sys" not in sys.modules
            ):  # Python itself is in pieces; a notebook's kernel is dead then, too
                os._exit(1)
            if raised is not None:
                error = describe(raised)
        return {"error": error, "output": out.text}

    def call(self, message: dict[str, Any], buffer: bytes) -> None:
        """Call one of the student's functions; send its result or error, and changed arguments."""
        self.current = message["id"]
        arguments, keywords = decode(
            message["arguments"], buffer, functools.partial(self.callback, message["id"])
        )
        before = [snapshot(argument) for argument in arguments]
        out = Bounded()
        buffers: list[bytes] = []
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                function = self.function(message["name"])
                if message.get("lines"):
                    function = limited(function, message["lines"])
                value = function(*arguments, **keywords)
            after = [
                argument
                if isinstance(argument, np.ndarray | list | dict) and was != snapshot(argument)
                else None
                for argument, was in zip(arguments, before, strict=True)
            ]
            data, buffers = encode([value, after])
            reply = {"id": message["id"], "value": data}
        except (ClosedError, GarbageError) as error:
            if not isinstance(error, TooLargeError):
                raise
            reply = {"id": message["id"], "error": describe(error)}
        except BaseException as raised:
            reply = {"id": message["id"], "error": describe(raised)}
        with (
            self.turn
        ):  # a thread of the answer that still calls back is waited for, and then too late
            self.current = None
            try:
                self.channel.send(reply, buffers)
            except TooLargeError as error:
                self.channel.send({"id": message["id"], "error": describe(error)})

    def function(self, name: str) -> Any:
        """Return what the notebook calls by this name; a name that is missing gets its sentence."""
        if name not in self.names:
            raise NameError(
                f"the notebook defines no {name}: its cell was removed, renamed, or stopped with "
                f"an error"
            )
        return self.names[name]

    def callback(self, called: int, number: int | None, name: str) -> Any:
        """Return a function that asks the grader, which waits, to call its function of a number.

        An answer may call it from several threads: they take turns.
        """
        if number is None:
            return Opaque("function")

        def call(*arguments: Any, **keywords: Any) -> Any:
            data, buffers = encode([list(arguments), keywords])
            with self.turn:
                if self.current != called:
                    raise RuntimeError(f"{name} was called after the answer had returned")
                self.channel.send({"callback": number, "arguments": data}, buffers)
                message, buffer = self.channel.receive()
            if "error" in message:
                kind = getattr(builtins, message["error"][0], RuntimeError)
                raise (
                    kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError
                )(message["error"][1])
            return decode(message["value"], buffer, functools.partial(self.callback, called))

        call.__name__ = name
        return call


def limited(function: Callable[..., Any], lines: int) -> Callable[..., Any]:
    """Return the function with an end: it raises RuntimeError after so many lines of Python."""
    left = lines

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise RuntimeError(
                f"stopped after {lines} lines of Python: a loop that takes too long, or for ever"
            )
        return count

    def run(*arguments: Any, **keywords: Any) -> Any:
        sys.settrace(count)
        try:
            return function(*arguments, **keywords)
        finally:
            sys.settrace(None)

    return run


def snapshot(argument: Any) -> object:
    """Return something that differs when an argument has been changed in place."""
    return (
        (argument.shape, argument.tobytes()) if isinstance(argument, np.ndarray) else repr(argument)
    )


def describe(error: BaseException) -> list[str]:
    """Return an exception as the name of its type and its text."""
    try:
        text = str(error)
    except BaseException:
        text = ""
    return [type(error).__name__[:100], text[:2000]]


if __name__ == "__main__":
    main(int(sys.argv[1]))
