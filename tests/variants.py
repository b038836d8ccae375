"""Notebooks as students leave them: a solved one, changed as it happens, with what it deserves.

Each entry of ``VARIANTS`` maps a title to (slugs of the exercises that are lost, function that
changes the notebook). The grader and ``make check`` must both say so.
"""

import json

CHORDS, SLOPE, SURFACE = "violated_fraction", "central_difference", "my_surface"
VARIANTS = {}


def variant(title, *lost):
    """Register a change of a solved notebook."""

    def register(change):
        VARIANTS[title] = lost, change
        return change

    return register


def cell(notebook, name):
    return next(c for c in notebook["cells"] if c.get("id") == name)


def place(notebook, name):
    return notebook["cells"].index(cell(notebook, name))


def code(source, name="extra"):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def text(source, kind="markdown"):
    return {"cell_type": kind, "id": "note", "metadata": {}, "source": source}


def before(title, source, *lost):
    """Add a code cell below the imports."""
    variant(title, *lost)(lambda notebook: notebook["cells"].insert(2, code(source)))


def replaced(title, slug, *pairs, lost=(), first=""):
    """Replace pieces of the text of an answer, and run a cell before it."""

    def change(notebook):
        if first:
            notebook["cells"].insert(2, code(first))
        for old, new in pairs:
            source = cell(notebook, f"answer_{slug}")["source"]
            assert old in source, old
            cell(notebook, f"answer_{slug}")["source"] = source.replace(old, new)

    variant(title, *lost)(change)


def returned(title, kind, imports=""):
    """Let an answer return its numbers as another type."""
    replaced(
        f"numbers as {title}",
        SLOPE,
        ("def central", f"{imports}\ndef central"),
        ("return np.array(", f"return {kind}("),
    )


variant("as it is")(lambda notebook: None)

# ------------------------------------------------------------------------------- where a check runs


@variant("a helper's name is used again for the next exercise")
def _(notebook):
    chords, slope = cell(notebook, f"answer_{CHORDS}"), cell(notebook, f"answer_{SLOPE}")
    chords["source"] = (
        "def mix(a, b, t):\n    return (1 - t)[:, None] * a + t[:, None] * b\n\n\n"
        + chords["source"].replace(
            "(1 - t)[:, None] * starts + t[:, None] * ends", "mix(starts, ends, t)"
        )
    )
    slope["source"] = "def mix(p, m, s):\n    return (p - m) / (2 * s)\n\n\n" + slope[
        "source"
    ].replace("(f(x + s * e) - f(x - s * e)) / (2 * s)", "mix(f(x + s * e), f(x - s * e), s)")


@variant("a result takes the function's name after its check")
def _(notebook):
    notebook["cells"].insert(place(notebook, f"check_{CHORDS}") + 1, code(f"{CHORDS} = 0.5"))


@variant("the stub is copied below the check")
def _(notebook):
    notebook["cells"].insert(
        place(notebook, f"check_{CHORDS}") + 1,
        code(f"def {CHORDS}(f, starts, ends, t, slack=1e-9):\n    ..."),
    )


@variant("the check is run again below, on another answer", CHORDS)
def _(notebook):
    again = code(f"def {CHORDS}(*a, **k):\n    return 0.123\ncheck_{CHORDS}({CHORDS})")
    notebook["cells"].insert(place(notebook, f"check_{CHORDS}") + 1, again)


@variant("the check is called again in a cell of its own")
def _(notebook):
    notebook["cells"].append(code(f"check_{CHORDS}({CHORDS})\nmore = 1"))


@variant("a check cell is gone")
def _(notebook):
    del notebook["cells"][place(notebook, f"check_{SLOPE}")]


@variant("the cell with the imports is gone")
def _(notebook):
    del notebook["cells"][place(notebook, "imports")]


@variant("a check cell stands above its answer")
def _(notebook):
    at = place(notebook, f"answer_{SLOPE}")
    notebook["cells"].insert(at, notebook["cells"].pop(at + 1))


@variant("answer and check in one cell")
def _(notebook):
    at = place(notebook, f"check_{CHORDS}")
    cell(notebook, f"answer_{CHORDS}")["source"] += "\n\n" + notebook["cells"].pop(at)["source"]


@variant("answer and check in the check's cell")
def _(notebook):
    at = place(notebook, f"answer_{CHORDS}")
    cell(notebook, f"check_{CHORDS}")["source"] = (
        notebook["cells"].pop(at)["source"] + "\n\n" + cell(notebook, f"check_{CHORDS}")["source"]
    )


@variant("an edited check that lets all pass", CHORDS)
def _(notebook):
    cell(notebook, f"answer_{CHORDS}")["source"] = f"def {CHORDS}(*a, **k):\n    return 0.123"
    cell(notebook, f"check_{CHORDS}")["source"] = (
        f"@exercise\ndef check_{CHORDS}(answer):\n    check_true('yes', "
        f"True)\n\n\ncheck_{CHORDS}({CHORDS})"
    )


@variant("ends of lines as Windows writes them")
def _(notebook):
    for each in notebook["cells"]:
        each["source"] = each["source"].replace("\n", "\r\n")


@variant("without ids")
def _(notebook):
    notebook["nbformat_minor"] = 4
    for each in notebook["cells"]:
        del each["id"]


@variant("without ids and metadata, as some editors save")
def _(notebook):
    notebook["nbformat_minor"] = 4
    for each in notebook["cells"]:
        del each["id"]
        each["metadata"] = {}


@variant("an answer with a syntax error", CHORDS)
def _(notebook):
    cell(notebook, f"answer_{CHORDS}")["source"] = (
        f"def {CHORDS}(f, starts, ends, t, slack=1e-9)\n    return 0"
    )


# ------------------------------------------------------------------------------------------- magics

for name in ("%%time", "%%capture", "%%capture kept", "%%prun"):
    replaced(f"{name} on an answer", CHORDS, (f"def {CHORDS}", f"{name}\ndef {CHORDS}"))
before("%%timeit defines nothing", "%%timeit -n1 -r1\nmean = 3")
before("%%writefile", "%%writefile mine.py\ndef three():\n    return 3")
before("other languages", "%%bash\necho hello")
before("html", "%%html\n<b>bold</b>")
before(
    "get_ipython",
    "get_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().system('echo hello')",
)
before("a shell command", "!echo hello\nlisted = !ls")
replaced(
    "%time before a definition that the answer needs",
    SURFACE,
    ("def my_surface", "%time half = 0.5\ndef my_surface"),
    ("x / 2", "half * x"),
)
replaced("%pylab", CHORDS, (f"def {CHORDS}", f"%pylab inline\ndef {CHORDS}"), ("np.mean(", "mean("))
replaced(
    "a module written and imported",
    CHORDS,
    (f"def {CHORDS}", f"from mine import three\ndef {CHORDS}"),
    ("return np.mean", "return three() / 3 * np.mean"),
    first="%%writefile mine.py\ndef three():\n    return 3",
)
replaced(
    "await at the top",
    CHORDS,
    (
        f"def {CHORDS}",
        f"import asyncio\nawait asyncio.sleep(0)\nasync def one():\n    return 1\nunit = await "
        f"one()\ndef {CHORDS}",
    ),
    ("return np.mean", "return unit * np.mean"),
)
replaced(
    "await for a thread",
    CHORDS,
    (f"def {CHORDS}", f"import asyncio\nunit = await asyncio.to_thread(lambda: 1)\ndef {CHORDS}"),
    ("return np.mean", "return unit * np.mean"),
)
replaced(
    "the last value, as _",
    CHORDS,
    (f"def {CHORDS}", f"assert Out[max(Out)] == 42\nunit = _ - 41\ndef {CHORDS}"),
    ("return np.mean", "return unit * np.mean"),
    first="42",
)

replaced(
    "help on a function", CHORDS, (f"def {CHORDS}", f"np.mean?\n?np.mean\n%cd .\ndef {CHORDS}")
)
replaced(
    "a task in a cell without await",
    CHORDS,
    (f"def {CHORDS}", f"import asyncio\nasyncio.get_running_loop()\ndef {CHORDS}"),
    first="import asyncio\nasync def one():\n    return 1\ntask = asyncio.create_task(one())",
)
replaced(
    "is this a notebook?",
    CHORDS,
    (f"def {CHORDS}", f"where = get_ipython().__class__.__name__\ndef {CHORDS}"),
    ("return np.mean", "return (where == 'ZMQInteractiveShell') * np.mean"),
)


@variant("code behind the check's call, on its line")
def _(notebook):
    cell(notebook, f"check_{CHORDS}")["source"] += "; half = 0.5"
    surface = cell(notebook, f"answer_{SURFACE}")
    surface["source"] = surface["source"].replace("x / 2", "half * x")


# --------------------------------------------------------------------------------- kinds of numbers

returned("a list", "list")
returned("a Series", "pd.Series", "import pandas as pd")
returned("a deque", "deque", "from collections import deque")
returned("an array.array", "(lambda v: array.array('d', v))", "import array")
returned("a memoryview", "(lambda v: memoryview(np.array(v)))")
returned(
    "a tuple of Decimals",
    "(lambda v: tuple(Decimal(float(x)) for x in v))",
    "from decimal import Decimal",
)
returned("a generator", "(lambda v: (x for x in v))")
returned(
    "an object with __array__",
    "Mine",
    "class Mine:\n    def __init__(self, v):\n        self.v = np.array(v)\n"
    "    def __array__(self, dtype=None, copy=None):\n        return self.v\n",
)
returned("a masked array", "(lambda v: np.ma.array(v))")
replaced(
    "a Fraction",
    CHORDS,
    (f"def {CHORDS}", f"from fractions import Fraction\ndef {CHORDS}"),
    (
        "return np.mean(f(between) > chord + slack)",
        "return Fraction(int(np.sum(f(between) > chord + slack)), len(t))",
    ),
)
replaced(
    "a dict of Series",
    SURFACE,
    ("def my_surface", "import pandas as pd\ndef my_surface"),
    ('"value": u**2 + v**2', '"value": pd.Series(u**2 + v**2)'),
)
replaced(
    "a DataFrame",
    SURFACE,
    ("def my_surface", "import pandas as pd\ndef my_surface"),
    ('"minima": [[1.0, 0.5], [-1.0, -0.5]]', '"minima": pd.DataFrame([[1.0, 0.5], [-1.0, -0.5]])'),
)
replaced(
    "a mapping that is no dict",
    SURFACE,
    ("def my_surface", "from types import MappingProxyType\ndef my_surface"),
    ("return {", "return MappingProxyType({"),
    ("    }", "    })"),
)
replaced(
    "threads call the check's function",
    SLOPE,
    (
        "return np.array(",
        "from concurrent.futures import ThreadPoolExecutor\n    pool = ThreadPoolExecutor(4)\n"
        "    apart = lambda p: pool.submit(f, p)\n    return np.array(",
    ),
    ("(f(x + s * e) - f(x - s * e))", "(apart(x + s * e).result() - apart(x - s * e).result())"),
)
replaced(
    "the check's function has no attributes",
    CHORDS,
    ("chord = ", "f.grad\n    chord = "),
    lost=(CHORDS,),
)

# ------------------------------------------------------------------------------- what does not stop

before(
    "an endless loop that swallows interrupts",
    "while True:\n    try:\n        float('x')\n    except:\n        continue",
)
before("a cell that ends the process", "import os\nos._exit(0)")
before("a flood", "print([1 / (k + 3) for k in range(100_000)])")
before("an error", "1 / 0")
before("input", "name = input('who? ')")


def made(title, solved):
    """Return a variant of a solved notebook, as bytes."""
    notebook = json.loads(json.dumps(solved))
    VARIANTS[title][1](notebook)
    return json.dumps(notebook).encode()
