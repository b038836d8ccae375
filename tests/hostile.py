"""Hostile and broken submissions of one notebook, made from its solution, each with the points it deserves.

Each entry of ``HOSTILE`` maps a title to (what is lost, function from the solved notebook to the bytes handed in). A
notebook that only misbehaves beside right answers keeps its points: 0 exercises are lost. An answer that is wrong, or
misbehaves itself, loses those of its exercise: 1 is lost, the victim. ``ALL`` are lost if nothing can be read.
"""

import copy
import json

VICTIM, ALL = "violated_fraction", "all"
WRONG = f"def {VICTIM}(f, starts, ends, t, slack=1e-9):\n    return 0.123\n"
HOSTILE = {}


def hostile(lost=0, title=None):
    """Register a generator of a submission."""

    def register(make):
        HOSTILE[title or make.__name__.replace("_", " ")] = lost, make
        return make

    return register


def dump(notebook):
    return json.dumps(notebook).encode()


def cell(notebook, cell_id):
    return next(c for c in notebook["cells"] if c["id"] == cell_id)


def code(source, cell_id="extra"):
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def beside(source):
    """Add a cell after the imports; the answers stay right."""

    def make(notebook):
        notebook["cells"].insert(2, code(source))
        return dump(notebook)

    return make


def inside(body, before=""):
    """Replace the victim's answer by a function with this body."""

    def make(notebook):
        indented = "\n".join("    " + line for line in body.splitlines())
        signature = f"def {VICTIM}(f, starts, ends, t, slack=1e-9):\n"
        cell(notebook, f"answer_{VICTIM}")["source"] = before + "\n" + signature + indented
        return dump(notebook)

    return make


def add(title, lost, make):
    HOSTILE[title] = lost, make


# ---- never-ending, too large, too many
LOOP = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
add("a cell that loops and swallows interrupts", 0, beside(LOOP))
add("an answer that loops and swallows interrupts", 1, inside(LOOP))
add("a cell that sleeps", 0, beside("import time; time.sleep(10_000)"))
add("a cell that takes all memory", 0, beside("x = []\nwhile True: x.append(bytearray(10**8))"))
add("an answer that takes all memory", 1, inside("x = []\nwhile True: x.append(bytearray(10**8))"))
add("one large file", 0, beside("with open('x', 'wb') as f:\n    while True: f.write(bytes(10**7))"))
add("many files", 0, beside("i = 0\nwhile True:\n    i += 1\n    open(f'x{i}', 'wb').write(bytes(10**5))"))
add("a fork bomb", 0, beside("import os\nwhile True: os.fork()"))
add("a bomb of programs", 0, beside("import subprocess\nfor _ in range(1000): subprocess.Popen(['sleep', '1000'])"))
add(
    "a bomb of threads",
    0,
    beside(
        "import threading, time\nfor _ in range(100_000): threading.Thread(target=time.sleep, args=(1000,)).start()"
    ),
)
add("100 MB of output", 0, beside("for _ in range(1000): print('x' * 10**5)"))
add(
    "100 MB on the raw descriptors",
    0,
    beside("import os\nfor _ in range(1000): os.write(1, b'x' * 10**5); os.write(2, b'x' * 10**5)"),
)
add("an endless recursion", 1, inside("return violated_fraction(f, starts, ends, t)"))
add(
    "a recursion that breaks the stack",
    1,
    inside("import sys\nsys.setrecursionlimit(10**9)\ng = lambda n: g(n + 1)\nreturn g(0)"),
)
add("a whole number of a million digits", 1, inside("return 10**10**6"))
add("an array of 8 GB", 1, inside("return np.zeros(10**9)"))
add("an array that is large on the wire", 1, inside("return np.zeros(3 * 10**7)"))
add("a list nested a thousand times", 1, inside("x = []\nfor _ in range(1000): x = [x]\nreturn x"))
add("a list that holds itself", 1, inside("x = []\nx.append(x)\nreturn x"))

# ---- death
add("os._exit in a cell", 0, beside("import os; os._exit(0)"))
add("os._exit in an answer", 1, inside("import os; os._exit(0)"))
add("sys.exit in a cell", 0, beside("import sys; sys.exit(0)"))
add("SystemExit in an answer", 1, inside("raise SystemExit(0)"))
add("a segfault in a cell", 0, beside("import ctypes; ctypes.string_at(0)"))
add("a segfault in an answer", 1, inside("import ctypes; ctypes.string_at(0)"))
add("killing the parent", 0, beside("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"))
add("killing everybody", 0, beside("import os, signal\nos.kill(-1, signal.SIGKILL)"))
add("stopping itself", 0, beside("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"))
add(
    "an alarm that rings later",
    0,
    beside("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.2)\nimport time; time.sleep(1)"),
)
add(
    "lowering the limits of the parent",
    0,
    beside("import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))"),
)

# ---- cheating
add("a wrong answer and a patched checker", 1,
    inside("return 0.123", "import helpers\nhelpers.check_close = helpers.check_true = lambda *a, **k: None\ncheck_close = lambda *a, **k: None"))  # fmt: skip
add("a wrong answer and a patched record", 1,
    inside("return 0.123", f"import helpers\nhelpers._record.append(['{VICTIM}', True, '{VICTIM}'])\nhelpers._fail = lambda *a, **k: None"))  # fmt: skip
add(
    "a wrong answer and a patched NumPy",
    1,
    inside("return 0.123", "np.all = np.allclose = np.any = np.isclose = lambda *a, **k: True"),
)
add("an object that equals everything", 1, inside(
    "class E(float):\n    __eq__ = __ne__ = __le__ = __ge__ = __lt__ = __gt__ = lambda s, o: True\n"
    "    __sub__ = __rsub__ = lambda s, o: 0\n    __array__ = lambda s, *a, **k: s\n    __class__ = bool\nreturn E(0.123)"))  # fmt: skip
add("an object that pickles into a command", 1, inside(
    "import os\nclass P:\n    def __reduce__(self): return os.system, ('touch /tmp/pickled',)\nreturn P()"))  # fmt: skip
add("an answer that never stops the loop over it", 1, inside("raise StopIteration"))
add("an answer that leaves the generator", 1, inside("raise GeneratorExit"))
add("an answer that raises a passed check", 1, inside("raise AssertionError('PASS')"))
add(
    "an answer that raises an error of its own kind",
    1,
    inside("class E(BaseException):\n    __str__ = lambda s: 1 / 0\nraise E"),
)
add("a hook on the syntax tree", 1, inside("return 0.123",
    "import ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(self, n): return None\nget_ipython().ast_transformers.append(T())"))  # fmt: skip
add("a hook after each cell", 1, inside("return 0.123",
    "get_ipython().events.register('post_run_cell', lambda r: setattr(r, 'error_in_exec', None))"))  # fmt: skip
add("a forged output", 1, lambda nb: (
    cell(nb, f"answer_{VICTIM}").update(source=WRONG),
    cell(nb, f"check_{VICTIM}").update(outputs=[{"output_type": "stream", "name": "stdout", "text": "PASS - all\n"}]),
    dump(nb))[-1])  # fmt: skip
add("reading the solution", 1, inside(
    "import json, glob\nfor p in glob.glob('{root}/solutions/*/1_surfaces.ipynb'):\n"
    "    for c in json.load(open(p))['cells']:\n        if 'answer_violated' in str(c.get('id')):\n            ns = {'np': np}\n"
    "            exec(''.join(c['source']), ns)\n            return ns['violated_fraction'](f, starts, ends, t, slack)\nreturn 0.123"))  # fmt: skip
add("looking for expected values in memory", 1, inside(
    "import gc, sys\nfor o in gc.get_objects():\n    if isinstance(o, str) and 'check_violated_fraction' in o and 'HIDDEN' in o: return 0.6\n"
    "frame = sys._getframe()\nwhile frame:\n    if 'rise' in frame.f_locals: return float(np.mean(frame.f_locals['rise'] > 1e-9))\n"
    "    frame = frame.f_back\nreturn 0.123"))  # fmt: skip
add("reading the environment", 1, inside("import os\nreturn 0.6 if 'GRADER_SECRET' in os.environ else 0.123"))
add("reading other processes", 1, inside(
    "import os\nfor p in os.listdir('/proc'):\n    if p.isdigit():\n        print(open(f'/proc/{p}/cmdline').read())\nreturn 0.6"))  # fmt: skip

# ---- out of the box
add("opening a socket", 0, beside("import socket\ns = socket.create_connection(('127.0.0.1', 22))"))
add("leaving an orphan", 0, beside(
    "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        import time; time.sleep(1000)\n    os._exit(0)"))  # fmt: skip
add("writing the results", 0, beside(
    "import os\nfor folder, _, files in os.walk('{root}'):\n    for name in files:\n        open(os.path.join(folder, name), 'w').write('evil')"))  # fmt: skip
add("changing modes and times", 0, beside("import os\nos.chmod('{root}', 0)\nos.utime('{root}/README.md', (0, 0))"))
add("closing every descriptor", 0, beside("import os\nos.closerange(0, 1000)"))
add(
    "removing its folder",
    0,
    beside("import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\nos.chdir('/usr')"),
)
add("a new root, a new mount", 0, beside(
    "import ctypes\nl = ctypes.CDLL(None)\nl.mount(b'none', b'/tmp', b'tmpfs', 0, 0); l.unshare(0x10000000); l.ptrace(16, 1, 0, 0)"))  # fmt: skip

# ---- the wire
add("garbage on every descriptor, from a cell", 0, beside(
    "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'garbage' * 100)\n    except OSError: pass"))  # fmt: skip
add("garbage on every descriptor, from an answer", 1, inside(
    "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'\\x00' * 100)\n    except OSError: pass\nreturn 0.123"))  # fmt: skip
add("a forged frame", 1, inside(
    "import os, struct\nb = b'{\"id\":1,\"value\":[\"l\",[true,[\"l\",[]]]]}'\nos.write(3, struct.pack('<II', len(b), 0) + b)\nreturn 0.123"))  # fmt: skip
add("a frame of 4 GB that never comes", 1, inside(
    "import os, struct\nos.write(3, struct.pack('<II', 2**32 - 1, 2**32 - 1))\nreturn 0.123"))  # fmt: skip
add("a patched protocol", 1, inside("return 0.123",
    "import json, os, sys\nfor m in list(sys.modules.values()):\n    for n in ('encode', 'decode'):\n"
    "        if getattr(m, '__name__', '').startswith('grading'): setattr(m, n, lambda *a, **k: (True, []))"))  # fmt: skip
add("calling the check's function for ever", 1, inside("while True: f(starts)"))
add("calling the check's function with nonsense", 1, inside(
    "for x in (None, 'x', [], {}, object(), np.zeros(0)):\n    try: f(x)\n    except Exception: pass\nreturn 0.123"))  # fmt: skip
add("an error and a value with half a character", 1, inside("raise ValueError('\\ud800\\x00')"))
add("a value with half a character", 1, inside("return '\\ud800'"))
add("half a character in a cell", 0, beside("x = '\ud800'"))
add("forgetting every module", 0, beside("import sys\nsys.modules.clear()"))
add("eight busy threads", 0, beside(
    "import threading\ndef work():\n    while True: pass\n"
    "for _ in range(8): threading.Thread(target=work, daemon=True).start()"))  # fmt: skip
add("an alarm that kills the process after a second", 0, beside("import signal\nsignal.alarm(1)"))
add("a thread that ends the process a little later", 0, beside(
    "import os, threading\nthreading.Timer(0.3, os._exit, [0]).start()"))  # fmt: skip
add("changing the arguments", 1, inside(
    "r = float(np.mean(f((1 - t)[:, None] * starts + t[:, None] * ends) > (1 - t) * f(starts) + t * f(ends) + slack))\n"
    "starts *= 0\nreturn r"))  # fmt: skip


# ---- cells and files
@hostile()
def copied_check_cells(notebook):
    check = cell(notebook, f"check_{VICTIM}")
    notebook["cells"] += [copy.deepcopy(check), copy.deepcopy(check) | {"id": "another"}]
    return dump(notebook)


@hostile(lost=1)
def a_deleted_answer_cell(notebook):
    notebook["cells"].remove(cell(notebook, f"answer_{VICTIM}"))
    return dump(notebook)


@hostile()
def deleted_check_cells(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if not c["id"].startswith("check_")]
    return dump(notebook)


@hostile()
def deleted_imports(notebook):
    notebook["cells"].remove(cell(notebook, "imports"))
    return dump(notebook)


@hostile(lost=1)
def an_edited_check(notebook):
    cell(notebook, f"answer_{VICTIM}")["source"] = WRONG
    cell(notebook, f"check_{VICTIM}")["source"] = (
        f"@exercise\ndef check_{VICTIM}(answer):\n    check_true('', True)\n\n\ncheck_{VICTIM}({VICTIM})"
    )
    return dump(notebook)


@hostile()
def cells_in_reverse(notebook):
    notebook["cells"] = notebook["cells"][::-1]
    return dump(notebook)


@hostile()
def stripped_metadata(notebook):
    for c in notebook["cells"]:
        c["metadata"] = {}
        del c["id"]
    return dump(notebook | {"metadata": {}, "nbformat_minor": 0})


@hostile()
def new_ids(notebook):
    for number, c in enumerate(notebook["cells"]):
        c["id"] = f"cell-{number}"
    return dump(notebook)


@hostile()
def saved_in_utf16(notebook):
    return json.dumps(notebook, ensure_ascii=False).encode("utf-16")


@hostile()
def saved_with_a_byte_order_mark(notebook):
    return b"\xef\xbb\xbf" + dump(notebook)


@hostile(lost=ALL)
def an_empty_file(notebook):
    return b""


@hostile(lost=ALL)
def half_a_file(notebook):
    return dump(notebook)[:5000]


@hostile(lost=ALL)
def a_web_page(notebook):
    return b"<!doctype html><title>Sign in</title>"


@hostile(lost=ALL)
def json_that_is_no_notebook(notebook):
    return b'{"cells": 5, "metadata": []}'


@hostile(lost=ALL)
def json_nested_very_deeply(notebook):
    return b"[" * 200_000 + b"]" * 200_000


@hostile(lost=ALL)
def cells_that_are_none(notebook):
    return dump(
        {"cells": [1, None, "x", {"cell_type": 3, "source": {"a": 1}}, {"cell_type": "code", "source": [1, 2]}]}
    )


@hostile()
def another_kernel_in_the_metadata(notebook):
    return dump(notebook | {"metadata": {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}})


@hostile(lost=1)
def a_cell_that_is_no_python(notebook):
    cell(notebook, f"answer_{VICTIM}")["source"] = "violated <- function(f) { 1 }"
    return dump(notebook)


@hostile()
def magics_and_shell_commands(notebook):
    notebook["cells"].insert(2, code("%matplotlib inline\n%load_ext autoreload\n!rm -rf /\nfiles = !ls\n%time x = 1"))
    notebook["cells"].insert(3, code("%%bash\nrm -rf /", "bash"))
    return dump(notebook)


@hostile()
def input_and_stderr_and_warnings(notebook):
    notebook["cells"].insert(2, code("x = input('name')"))
    answer = cell(notebook, f"answer_{VICTIM}")
    answer["source"] = answer["source"].replace(
        "    ### BEGIN",
        "    import sys, warnings\n    warnings.warn('careful')\n    print('noise', file=sys.stderr)\n    ### BEGIN",
    )
    return dump(notebook)


@hostile()
def a_script_in_the_answer(notebook):
    notebook["cells"].insert(2, code("raise ValueError('</pre><script>alert(1)</script>')"))
    return dump(notebook)
