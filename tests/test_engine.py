"""The engine that runs answers which nobody trusts: its wire, its sandbox, its sessions."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from grading import CourseError, selftest
from grading.classroom.sheets import load_part
from grading.engine.checker import Checker
from grading.engine.runner import wanted
from grading.engine.sandbox import missing
from grading.engine.session import Answer, Cell, GoneError, Notebook, Sandbox, sandbox_of
from grading.engine.wire import GarbageError, Opaque, decode, encode

needs_sandbox = pytest.mark.skipif(bool(missing()), reason=" ".join(missing()) or "none")


# ----------------------------------------------------------------------------------------- the wire


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -(2**70),
        0.1,
        float("inf"),
        1 - 2j,
        "é\ud800",
        b"\x00",
        ...,
        [1, [2.5, None]],
        (1, "a"),
        {"a": 1, 2: [3]},
        {1, 2},
        range(3, 9, 2),
        np.float32(0.1),
        np.int8(-3),
        np.array(["ab", "c"]),
        np.array([1, None, "x"], dtype=object),
        np.zeros((0, 3)),
        np.arange(6.0).reshape(2, 3).T,
    ],
    ids=repr,
)
def test_values_survive_the_wire(value):
    data, buffers = encode(value)
    back = decode(json.loads(json.dumps(data)), b"".join(buffers))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_what_is_no_plain_value_becomes_opaque():
    for value in (object(), np, print):
        data, buffers = encode(value)
        assert isinstance(decode(data, b""), Opaque)
    assert decode(*encode(object())[:1], b"") != decode(*encode(object())[:1], b"")


def test_garbage_is_refused_as_garbage():
    """Whatever is decoded, the only error is Garbage; the seeds are whole values of which one part
    is spoilt.
    """
    rng = np.random.default_rng(0)
    seeds = [
        encode(v)[0]
        for v in ([1, "a", 2.5], {"a": np.ones(3)}, (None, [1, 2]), np.float32(1), {1, 2}, range(3))
    ]
    junk = [
        None,
        -1,
        10**30,
        "x",
        [],
        {},
        ["a"],
        ["a", "<f8", [2**62]],
        ["a", "O", [1]],
        ["i", "zz"],
        ["oa", [3], [1]],
        ["b", -5],
    ]

    def spoil(data):
        if not isinstance(data, list) or not data or rng.random() < 0.3:
            return junk[rng.integers(len(junk))]
        at = int(rng.integers(len(data)))
        return [spoil(part) if i == at else part for i, part in enumerate(data)]

    refused = 0
    for _ in range(3000):
        try:
            decode(spoil(seeds[rng.integers(len(seeds))]), bytes(24))
        except GarbageError:
            refused += 1
    assert refused > 1000


# -------------------------------------------------------------------------------------- the sandbox


@needs_sandbox
def test_nothing_gets_out_of_the_sandbox():
    assert not [name for name, worked in selftest.break_out(sandbox_of(True)).items() if worked]


HONEST = {
    "neighbours and pools of threads": "from sklearn.metrics import pairwise_distances_argmin\n"
    "import numpy as np\nX = np.random.default_rng(0).random((300, "
    "4))\npairwise_distances_argmin(X, X)",
    "k-means": "from sklearn.cluster import KMeans\nKMeans(3, n_init=1).fit(X)",
    "a random forest": "from sklearn.ensemble import RandomForestClassifier\n"
    "RandomForestClassifier(5).fit(X, X[:, 0] > 0.5)",
    "a grid search": "from sklearn.model_selection import GridSearchCV\nfrom sklearn.svm import SVC\n"
    "GridSearchCV(SVC(), {'C': [1, 2]}).fit(X, X[:, 0] > 0.5)",
    "counting processors": "import joblib, os, threadpoolctl\n"
    "joblib.cpu_count(), os.cpu_count(), threadpoolctl.threadpool_info()",
    "a figure in a file": "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.savefig('f.png')",
    "files of its own": "np.save('a.npy', X); np.load('a.npy')\nwith open('b', 'w') as f: f.write('x')",
    "threads": "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(2).map(abs, [1, -2]))",
    "a Sobol sequence": "from scipy.stats import qmc\nqmc.Sobol(2).random(4)",
    "the clock": "import time, datetime\ntime.sleep(0.01); time.process_time(); datetime.datetime.now().astimezone()",
    "a seaborn figure": "import pandas, seaborn\nseaborn.scatterplot(pandas.DataFrame({'x': [1, 2]}), x='x', y='x')",
    "the course's tables": "import downhill.tuning\ndownhill.tuning.load_table('random')",
}


@needs_sandbox
def test_what_honest_answers_use_works_in_the_sandbox():
    cells = [Cell(title, source) for title, source in HONEST.items()]
    notebook = Notebook(sandbox_of(True), cells, cell_seconds=30)
    notebook.close()
    assert {cell.id: cell.error or cell.bad for cell in cells if cell.error or cell.bad} == {}


def test_the_sandbox_imports_what_cells_name():
    assert wanted(["import numpy as np", "# a word: scipy"]) == []
    assert wanted(["from sklearn import tree", "import scipy.stats as st"]) == [
        "scipy.stats",
        "sklearn.tree",
    ]


# ------------------------------------------------------------------------------ sessions and checks


@needs_sandbox
def test_a_check_that_counts_lines_stops_an_endless_answer():
    """The lines are counted where the answer runs; the process lives on, and the next call is as
    before.
    """
    notebook = Notebook(
        sandbox_of(True), [Cell("a", "def ask(n):\n    while n:\n        pass\n    return 7")]
    )
    before = sys.gettrace()
    try:
        sys.settrace(lambda *a: None)
        with pytest.raises(RuntimeError, match="lines of Python"):
            Answer(notebook, "ask")(1)
        assert Answer(notebook, "ask")(0) == 7
    finally:
        sys.settrace(before)
        notebook.close()
    assert notebook.deaths == []


@needs_sandbox
def test_an_answer_that_calls_back_for_ever_meets_its_limit():
    notebook = Notebook(
        sandbox_of(True),
        [Cell("a", "def ask(f):\n    while True:\n        f(1.0)")],
        cell_seconds=1,
    )
    try:
        notebook.begin()
        with pytest.raises(GoneError, match="longer than"):
            Answer(notebook, "ask")(lambda x: x)
    finally:
        notebook.close()


def test_a_sheet_that_does_not_run_here_is_the_course_s_fault():
    with pytest.raises(
        CourseError, match="1_surfaces gives to all does not run here. ModuleNotFoundError"
    ):
        Checker(replace(load_part("1_landscape")[0], setup=("import a_package_that_nobody_has",)))


@needs_sandbox
def test_a_clone_of_a_sandbox_is_a_fork_of_its_runner():
    """It needs no runner of its own, which would import everything again."""
    with Sandbox(True) as parent, Sandbox(True, parent=parent) as clone:
        for sandbox in (clone, parent):
            notebook = Notebook(sandbox, [Cell("a", "def ask():\n    return 7")])
            assert Answer(notebook, "ask")() == 7
            notebook.close()
        assert clone.process is None and clone.pid != parent.pid


@needs_sandbox
def test_an_answer_that_is_called_while_another_runs_ends_the_notebook_with_a_sentence():
    source = "def ask(f):\n    return f()\n\n\ndef other():\n    return 7"
    notebook = Notebook(sandbox_of(True), [Cell("a", source)])
    with pytest.raises(GoneError, match="wrote into the grader's line"):
        Answer(notebook, "ask")(Answer(notebook, "other"))
    notebook.close()
