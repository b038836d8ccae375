"""The grader gives each submission the mark it deserves, hostile ones too, and a class its table."""

import ast
import builtins
import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import symtable
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import classroom
import numpy as np
import pytest
from conftest import ROOT
from hostile import ALL, HOSTILE, VICTIM

from grading import selftest
from grading.__main__ import main
from grading.classroom.report import write_reports
from grading.classroom.sheets import load_part, parts
from grading.classroom.store import result_path
from grading.classroom.submissions import Handed, Submission, find
from grading.engine.checker import checker_of
from grading.engine.sandbox import missing
from grading.grade import Options, grade_class, grade_submission

PART, NAME = "1_landscape", "1_surfaces"
WORTH, ONE = classroom.worth(PART, NAME), classroom.worth(PART, NAME, VICTIM)
OPTIONS = Options(PART, str(ROOT), cell_seconds=4, seconds=60)
needs_sandbox = pytest.mark.skipif(bool(missing()), reason=" ".join(missing()) or "none")


def solved(path):
    """A solution as a student would hand it in."""
    notebook = json.loads(selftest.released(path))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def hand_in(tmp_path, data, name=f"{NAME}.ipynb"):
    (tmp_path / name).write_bytes(data)
    return Submission("somebody", "", (Handed(name, str(tmp_path / name)),))


def notebook_of(result, name=NAME):
    return next(n for n in result["notebooks"] if n["name"] == name)


# ----------------------------------------------------------------------------------- one submission


SHORT = [
    "an answer that loops and swallows interrupts",
    "os._exit in a cell",
    "a fork bomb",
    "reading the solution",
    "a wrong answer and a patched checker",
    "an object that equals everything",
    "a forged frame",
    "an empty file",
    "changing the arguments",
    "stripped metadata",
    "an edited check",
    "input and stderr and warnings",
]


@needs_sandbox
@pytest.mark.parametrize(
    "title", [t if t in SHORT else pytest.param(t, marks=pytest.mark.long) for t in HOSTILE]
)
def test_a_hostile_submission_gets_its_fair_mark(title, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "x")
    lost, make = HOSTILE[title]
    data = make(solved(ROOT / "solutions" / PART / f"{NAME}.ipynb")).replace(
        b"{root}", str(ROOT).encode()
    )
    before = orphans()
    result = grade_submission(hand_in(tmp_path, data), OPTIONS)
    got = notebook_of(result)
    states = [
        (e["slug"], e["state"], e["problem"], e["said"][-1:])
        for e in got["exercises"]
        if e["state"] != "passed"
    ]
    assert got["points"] == (0 if lost == ALL else WORTH - lost * ONE), (states, result["flags"])
    assert orphans() <= before
    assert not os.path.exists("/tmp/pickled")
    json.dumps(result)


def orphans():
    """The processes that a sandbox started and that have outlived it."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == "1" and b"downhill-grading-" in (folder / "environ").read_bytes():
                found.add(folder.name)
    return found


# ------------------------------------------------------------------------------------------ a class


def globals_of(source):
    """The global names that a piece of code reads."""
    tables, found = [symtable.symtable(source, "check", "exec")], set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        top = table.get_type() == "module"
        found |= {
            s.get_name()
            for s in table.get_symbols()
            if s.is_referenced() and (s.is_global() or top)
        }
    return found


@pytest.mark.parametrize("part", parts())
def test_checks_use_only_what_the_grader_has(part):
    """Names of given cells, of Python, of the check cell itself, and what its own answer cell is
    asked to define.
    """
    for sheet in load_part(part):
        assert sheet.exercises and sheet.questions
        given = set(checker_of(sheet).names) | set(dir(builtins))
        for exercise in sheet.exercises:
            assert exercise.names and exercise.answer_id
            own = {
                node.name
                for node in ast.parse(exercise.check).body
                if isinstance(node, ast.FunctionDef)
            }
            unknown = globals_of(exercise.check) - given - own - set(exercise.names)
            assert not unknown, (sheet.name, exercise.slug)


@needs_sandbox
@pytest.mark.long
@pytest.mark.parametrize("part", parts())
def test_a_class_gets_the_marks_it_deserves(part, tmp_path):
    """Over 60 students in the three parts together: every listed mistake, every other right way,
    and mixtures.
    """
    students = classroom.make_class(part, mixed=8, seed=1)
    submissions = find(classroom.hand_in(students, tmp_path / "in", part), part)
    grade_class(submissions, Options(part, str(ROOT)), tmp_path / "out", jobs=2)
    paths = {s.student: result_path(tmp_path / "out", part, OPTIONS.batch, s) for s in submissions}
    results = {student: json.loads(path.read_text()) for student, path in paths.items()}
    wrong = {}
    for student in students:
        got = {
            (n["name"], e["slug"]): e
            for n in results[student.name]["notebooks"]
            for e in n["exercises"]
        }
        assert set(got) == set(student.truth)
        for key, points in student.truth.items():
            if got[key]["points"] != points or "NameError" in str(got[key]):
                wrong[student.name, key] = points, got[key]
        assert bool(results[student.name]["flags"]) == (student.name == "never_ends")
    assert not wrong
    assert len(students) >= 19


# -------------------------------------------------------------------------------- files and reports


def small_class(folder, part=PART, more=0):
    """Three students in nbgrader's layout: one solved, one did nothing, one handed in a broken
    file. More solve too.
    """
    for student, source in (("ada", "solutions"), ("bob", "exercises")):
        (folder / student / part).mkdir(parents=True)
        path = ROOT / source / part / f"{NAME}.ipynb"
        (folder / student / part / path.name).write_bytes(selftest.released(path))
    for number in range(more):
        shutil.copytree(folder / "ada", folder / f"student{number}")
    (folder / "=cmd()" / part).mkdir(parents=True)
    (folder / "=cmd()" / part / f"{NAME}.ipynb").write_bytes(b"{")
    return folder


def run_grader(*words):
    """Run the command in this process; return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(ROOT):
        code = main([str(word) for word in words])
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def table(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


@needs_sandbox
def test_a_fault_of_the_grader_costs_one_student_a_look(tmp_path, monkeypatch):
    """Whatever it is: the class is graded, and the submission is tried again on the next run."""
    where, out = small_class(tmp_path / "in"), tmp_path / "out"
    submissions = find(where, PART)

    def faulty(submission, options, key=None):
        if submission.student == "ada":
            raise RecursionError("a fault")
        return grade_submission(submission, options, key)

    with monkeypatch.context() as patch:
        patch.setattr("grading.grade.grade_submission", faulty)
        grade_class(submissions, OPTIONS, out)
    results = {
        s.student: json.loads(result_path(out, PART, OPTIONS.batch, s).read_text())
        for s in submissions
    }
    assert "RecursionError: a fault" in results["ada"]["flags"][0] and results["ada"]["points"] == 0
    assert results["bob"]["flags"] == []
    write_reports(out, submissions, load_part(PART))
    assert "The grader failed here" in (out / "report.html").read_text()
    grade_class(submissions, OPTIONS, out)
    assert (
        json.loads(result_path(out, PART, OPTIONS.batch, submissions[1]).read_text())["points"]
        == WORTH
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grade", "nowhere", "--part", PART], "There is no file or folder nowhere"),
        (["grade", ".", "--part", "9_nothing"], "There is no part"),
        (["grade", "notebooks", "--part", PART, "--tests", "nowhere"], "no folder nowhere"),
        (["export", "nowhere"], "no graded class"),
        (["release", "9_nothing"], "There is no part"),
    ],
)
def test_bad_words_get_a_sentence(words, said):
    finished = run_grader(*words)
    assert finished.returncode == 2
    assert said in finished.stderr and "Traceback" not in finished.stderr


def processes_below(folder):
    """Return the processes that work in a folder or below it, or have it as their folder for
    temporary files.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            works, has = os.readlink(process / "cwd"), (process / "environ").read_bytes()
            if works.startswith(str(folder)) or f"TMPDIR={folder}".encode() in has:
                found.append(process.name)
    return found


def patient_until(condition, seconds=60):
    """Wait until a condition holds; fail if it never does."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.1)


@needs_sandbox
@pytest.mark.long
def test_killed_at_any_moment_it_finishes_with_the_same_table(tmp_path):
    where = small_class(tmp_path / "in", more=5)
    run_grader("grade", where, "--part", PART, "--out", tmp_path / "whole", "--jobs", 2)
    rng = np.random.default_rng(3)
    cut = tmp_path / "cut"
    command = [
        sys.executable,
        "-m",
        "grading",
        "grade",
        where,
        "--part",
        PART,
        "--out",
        cut,
        "--jobs",
        "2",
    ]
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for attempt in range(6):
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(temporary)},
        )
        time.sleep(rng.uniform(0.5, 10))
        with contextlib.suppress(ProcessLookupError):
            (os.kill if attempt % 2 else os.killpg)(running.pid, signal.SIGKILL)
        running.wait()
        patient_until(
            lambda: not processes_below(temporary)
        )  # no worker, no runner, no student's process stays
        if attempt % 2:
            assert not list(temporary.glob("downhill-grading-*"))
        else:
            shutil.rmtree(temporary)
            temporary.mkdir()
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
    assert (cut / "grades.csv").read_bytes() == (tmp_path / "whole" / "grades.csv").read_bytes()


@needs_sandbox
@pytest.mark.long
def test_private_checks_count_and_do_not_show(tmp_path):
    """An answer that knows the public inputs passes the public check, and not the private one."""
    where, tests = small_class(tmp_path / "in"), tmp_path / "private"
    path = where / "ada" / PART / f"{NAME}.ipynb"
    sly = path.read_text(encoding="utf-8").replace("> chord + slack)", "> chord + slack % 1234)")
    (where / "sly" / PART).mkdir(parents=True)
    (where / "sly" / PART / path.name).write_text(sly, encoding="utf-8")
    (tests / PART).mkdir(parents=True)
    (tests / PART / f"{NAME}.py").write_text(
        "def check_violated_fraction(answer):\n"
        "    up = lambda p: -p[..., 0] ** 2\n"
        "    ends = np.zeros((1, 2)), np.array([[2.0, 0.0]]), np.array([0.5])\n"
        "    check_close('a secret slack', answer(up, *ends, slack=1234), 0)\n",
        encoding="utf-8",
    )
    run_grader(
        "grade", where, "--part", PART, "--out", tmp_path / "out", "--tests", tests, "--jobs", 1
    )
    points = {r["student"]: r["points"] for r in table(tmp_path / "out" / "grades.csv")}
    assert (points["ada"], points["sly"]) == (f"{WORTH}", f"{WORTH - ONE}")
    assert "a secret slack" not in (tmp_path / "out" / "feedback" / "sly.html").read_text()
    assert "a secret slack" in (tmp_path / "out" / "report.html").read_text()


@needs_sandbox
@pytest.mark.long
def test_a_cluster_gives_the_same_table_though_a_worker_dies(tmp_path):
    from distributed import LocalCluster

    where = small_class(tmp_path / "in", more=4)
    run_grader("grade", where, "--part", PART, "--out", tmp_path / "here", "--jobs", 2)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as cluster:
        victim = next(iter(cluster.workers.values())).process.process.pid
        command = [sys.executable, "-m", "grading", "grade", str(where), "--part", PART]
        command += ["--out", str(tmp_path / "there"), "--scheduler", cluster.scheduler_address]
        running = subprocess.Popen(command, cwd=ROOT)
        while not list((tmp_path / "there").glob("students/*/*/*.json")):
            assert running.poll() is None
            time.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        assert running.wait(300) == 0
    assert (tmp_path / "there" / "grades.csv").read_bytes() == (
        tmp_path / "here" / "grades.csv"
    ).read_bytes()


@needs_sandbox
def test_a_longer_limit_grades_again_who_met_the_shorter_one_and_a_shorter_one_takes_nothing_back(
    tmp_path, monkeypatch
):
    notebook = solved(ROOT / "solutions" / PART / f"{NAME}.ipynb")
    answer = next(c for c in notebook["cells"] if c["id"] == "answer_central_difference")
    answer["source"] = "import time\ntime.sleep(3)\n" + answer["source"]
    (tmp_path / "ada.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    submissions = find(tmp_path / "ada.ipynb", PART)
    (path,) = (result_path(tmp_path / "out", PART, OPTIONS.batch, s) for s in submissions)
    monkeypatch.setattr("grading.engine.session.load_factor", lambda: 1.0)
    points = []
    for limit in (1, 20, 1):
        grade_class(
            submissions, replace(OPTIONS, seconds=4 * limit, cell_seconds=limit), tmp_path / "out"
        )
        points.append(json.loads(path.read_text())["points"])
    assert points == [WORTH - classroom.worth(PART, NAME, "central_difference"), WORTH, WORTH]
