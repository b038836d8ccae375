"""The side of the sandbox: a process that has the course's imports ready, and forks one confined process a notebook.

``python -m grading.runner DESCRIPTOR`` is started by ``grading.session`` in a clean environment. It holds nothing that
a student must not see: no solution, no hidden test, no other student's work, no secret of the instructor's environment.
"""

import builtins
import contextlib
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
import time
import types

import numpy as np

from grading import import_helpers
from grading.sandbox import Limits, confine
from grading.wire import Channel, Closed, Garbage, Opaque, TooLarge, decode, encode

LIBRARY = (
    "pandas", "scipy.integrate", "scipy.interpolate", "scipy.optimize", "scipy.spatial", "scipy.special", "scipy.stats",
    "seaborn", "sklearn.datasets", "sklearn.dummy", "sklearn.ensemble", "sklearn.feature_selection",
    "sklearn.gaussian_process", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection",
    "sklearn.neighbors", "sklearn.neural_network", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.svm",
    "sklearn.tree", "downhill.bayesian", "downhill.multi_fidelity", "downhill.optimizers", "downhill.schedules",
    "downhill.spaces", "downhill.transformer", "downhill.tuning",
)  # fmt: skip
MAX_OUTPUT = 20_000  # characters kept of what a cell prints


# ---------------------------------------------------------------------------------- the process that forks


def preload():
    """Import what every notebook imports, so that each fork has it, and make figures cost nothing."""
    import matplotlib

    matplotlib.use("Agg")
    import_helpers()
    import helpers

    load(("IPython.core.inputtransformer2", "downhill.networks", "downhill.surfaces"))
    for name in ("show", "explore", "animate", "quiz"):
        setattr(helpers, name, lambda *a, **k: None)
        setattr(sys.modules["downhill.figures"], name, lambda *a, **k: None)


def load(names):
    """Import what some notebooks import; what is not there is missed by who needs it."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # a fork that collects garbage does not touch, and so copy, what was imported


def wanted(sources):
    """Return what of the library these cells may import: all words of its name occur in them."""
    words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(sources)))
    return [name for name in LIBRARY if words.issuperset(name.split("."))]


def main(descriptor):
    """Import, then serve requests for forks until the grader goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the grader does not mean this process
    preload()
    serve(socket.socket(fileno=descriptor))
    shutil.rmtree(os.getcwd(), ignore_errors=True)


def serve(control):
    """Serve requests on this socket until its other end is closed."""
    children = set()
    with contextlib.suppress(ConnectionError):  # the other end left without reading all
        control.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        while True:
            request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
            if not request:
                break
            request = json.loads(request)
            if request["op"] == "twin":
                if os.fork() == 0:
                    control.close()
                    serve(socket.socket(fileno=descriptors[0]))
                    os._exit(0)
                os.close(descriptors[0])
                continue
            if request["op"] == "fork":
                pid = os.fork()
                if pid == 0:
                    control.close()
                    os._exit(child(descriptors[0], request))
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


def end(pid):
    """Kill a child and return its wait status."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


# ------------------------------------------------------------------------------------ the confined process


def child(descriptor, request):
    """Confine this process, then run what the grader sends until it hangs up."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.nice(5)  # a student's threads do not keep the grader waiting, which may share their processor
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        if descriptor != 3:
            os.dup2(descriptor, 3)
        os.closerange(4, 65536)
        os.chdir(request["folder"])
        if request["confine"]:
            limits = request["limits"]
            confine(Limits(**limits | {key: tuple(limits[key]) for key in ("readable", "writable")}))
        channel = Channel(3)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Channel(3).send({"unsafe": f"{type(error).__name__}: {error}"})
        return 1
    try:
        channel.send({"ready": True})
        Student(channel).serve()
    except (Closed, Garbage):
        return 0
    return 0


class Bounded(io.TextIOBase):
    """A text stream that keeps the first characters and forgets the rest."""

    def __init__(self):
        self.text = ""

    def writable(self):
        return True

    def write(self, text):
        if len(self.text) < MAX_OUTPUT:
            self.text += str(text)[: MAX_OUTPUT - len(self.text)]
        return len(text)


class Shell:
    """What ``get_ipython()`` returns: every method of it does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *a, **k: None


def no_input(prompt=""):
    """Stand for ``input``: nobody is there to answer."""
    raise EOFError("input() has nobody to ask while the notebook is graded")


class Student:
    """A student's notebook while it is graded: its names, and the calls that the grader asks for."""

    def __init__(self, channel):
        from IPython.core.inputtransformer2 import TransformerManager

        self.channel = channel
        self.transform = TransformerManager().transform_cell
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = module.__dict__
        self.names.update(get_ipython=Shell, display=lambda *a, **k: None)
        builtins.input = no_input

    def serve(self):
        """Answer the grader's messages until it hangs up."""
        while True:
            message, buffer = self.channel.receive()
            if message["op"] == "cell":
                self.channel.send(self.cell(message["source"]))
            else:
                self.call(message, buffer)

    def cell(self, source):
        """Run one cell; return how it went and what it printed."""
        out, error = Bounded(), None
        started = time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                exec(compile(self.transform(source), "<cell>", "exec"), self.names)
            except BaseException as raised:
                error = describe(raised)
        return {"error": error, "output": out.text, "seconds": time.process_time() - started}

    def call(self, message, buffer):
        """Call one of the student's functions; send its result, or its error, and its arguments if it changed them."""
        arguments, keywords = decode(message["arguments"], buffer, self.callback)
        before = [snapshot(argument) for argument in arguments]
        out = Bounded()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                function = self.function(message["name"])
                if message.get("lines"):
                    function = limited(function, message["lines"])
                value = function(*arguments, **keywords)
            after = [
                argument if isinstance(argument, np.ndarray | list | dict) and was != snapshot(argument) else None
                for argument, was in zip(arguments, before, strict=True)
            ]
            data, buffers = encode([value, after])
            self.channel.send({"id": message["id"], "value": data}, buffers)
        except (Closed, Garbage) as error:
            if not isinstance(error, TooLarge):
                raise
            self.channel.send({"id": message["id"], "error": describe(error)})
        except BaseException as raised:
            self.channel.send({"id": message["id"], "error": describe(raised)})

    def function(self, name):
        """Return what the notebook calls by this name; a name that is missing gets its sentence."""
        if name not in self.names:
            raise NameError(f"the notebook defines no {name}: its cell was removed, renamed, or stopped with an error")
        return self.names[name]

    def callback(self, number, name):
        """Return a function that asks the grader to call its function of that number."""
        if number is None:
            return Opaque("function")

        def call(*arguments, **keywords):
            data, buffers = encode([list(arguments), keywords])
            self.channel.send({"callback": number, "arguments": data}, buffers)
            message, buffer = self.channel.receive()
            if "error" in message:
                kind = getattr(builtins, message["error"][0], RuntimeError)
                raise (kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError)(
                    message["error"][1]
                )
            return decode(message["value"], buffer, self.callback)

        call.__name__ = name
        return call


def limited(function, lines):
    """Return the function with an end: it raises RuntimeError after so many lines of Python."""
    left = lines

    def count(frame, event, argument):
        nonlocal left
        left -= 1
        if left < 0:
            raise RuntimeError(f"stopped after {lines} lines of Python: a loop that takes too long, or for ever")
        return count

    def run(*arguments, **keywords):
        sys.settrace(count)
        try:
            return function(*arguments, **keywords)
        finally:
            sys.settrace(None)

    return run


def snapshot(argument):
    """Return something that differs when an argument has been changed in place."""
    return (argument.shape, argument.tobytes()) if isinstance(argument, np.ndarray) else repr(argument)


def describe(error):
    """Return an exception as the name of its type and its text."""
    try:
        text = str(error)
    except BaseException:
        text = ""
    return [type(error).__name__[:100], text[:2000]]


if __name__ == "__main__":
    main(int(sys.argv[1]))
