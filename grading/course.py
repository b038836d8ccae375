"""The instructor's side of a notebook: what it asks, what its checks are, and what a check sees."""

import ast
import contextlib
import functools
import hashlib
import io
import json
import re
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import helpers
from grading import Refused
from grading.session import DIED, Answer, Gone, patience

__all__ = ["BadCourse", "Exercise", "Question", "Sheet", "bench", "cells_of", "load_part", "parts"]

ROOT = Path(__file__).resolve().parent.parent
HIDDEN = re.compile(r"^ *### (BEGIN|END) HIDDEN TESTS *\n?", re.MULTILINE)


class BadCourse(Refused):
    """The course, not a student, is at fault: no such part, a solution that cannot be read."""


@dataclass(frozen=True)
class Exercise:
    """One check cell and the names that its answer cell is asked to define."""

    slug: str
    title: str
    points: int
    check: str
    names: tuple
    answer_id: str
    private: str = ""  # an instructor's own checks


@dataclass(frozen=True)
class Question:
    """A free-text question, marked by hand."""

    slug: str
    title: str
    points: int
    model: str


@dataclass(frozen=True)
class Sheet:
    """One exercise notebook as its solution defines it.

    Attributes
    ----------
    part, name : str
        Such as "1_landscape", "1_surfaces".
    setup : tuple of str
        The cells that every notebook has: imports, given functions, and what check cells define beside their checks.
    exercises : tuple of Exercise
    questions : tuple of Question
    skipped : frozenset of str
        Of the cells that are not run in a student's process: checks and the scorecard.
    given : dict
        From the id of a check cell to its source as it is released and with its hidden tests, to see whether a
        student has changed it.
    key : str
        Changes when anything that decides a mark changes.
    """

    part: str
    name: str
    setup: tuple
    exercises: tuple
    questions: tuple
    skipped: frozenset
    given: dict = field(hash=False, compare=False)
    key: str


def parts(root=ROOT):
    """Return the names of the parts that have solutions."""
    return sorted(path.name for path in (root / "solutions").iterdir() if path.is_dir())


def load_part(part, root=ROOT, private=None):
    """Read the sheets of a part from its solutions.

    Parameters
    ----------
    part : str
    root : Path
        The course's folder.
    private : Path, optional
        A folder with ``PART/NAME.py`` of further ``check_<slug>(answer)``, which must pass too.

    Returns
    -------
    list of Sheet

    Raises
    ------
    BadCourse
    """
    folder = root / "solutions" / part
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise BadCourse(f"There is no part {part!r}: choose one of {', '.join(parts(root))}.")
    return [_load(path, part, Path(private) / part / f"{path.stem}.py" if private else None) for path in paths]


def cells_of(path):
    """Read the cells of a solution: id, cell_type, source and metadata. (nbformat's import alone takes two seconds.)"""
    return [
        SimpleNamespace(id=c["id"], cell_type=c["cell_type"], source="".join(c["source"]), metadata=c["metadata"])
        for c in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]


def _load(path, part, private_path):
    try:
        cells = cells_of(path)
    except Exception as error:
        raise BadCourse(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    private = private_path.read_text(encoding="utf-8") if private_path and private_path.is_file() else ""
    private_checks = _functions(private, private_path)
    setup, exercises, questions, skipped, given, title = [], [], [], {"scorecard"}, {}, path.stem
    asked, answer_id = (), ""
    for at, cell in enumerate(cells):
        marks = cell.metadata.get("nbgrader", {})
        if "solution-only" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            if heading := re.match(r"#+ *(.+)", cell.source):
                title = heading[1]
            if marks.get("grade"):
                model = re.sub(r"^ *### (BEGIN|END) SOLUTION *$", "", cell.source, flags=re.MULTILINE).strip()
                slug = marks["grade_id"].removeprefix("free_")
                questions.append(Question(slug, _task(cells[at - 1].source), int(marks["points"]), model))
        elif marks.get("solution"):
            asked, answer_id = tuple(_functions(cell.source, path)), cell.id
        elif marks.get("grade"):
            slug = marks["grade_id"].removeprefix("check_")
            skipped.add(cell.id)
            given[cell.id] = (_released(cell.source).strip(), cell.source.strip())
            exercises.append(
                Exercise(slug, title, int(marks["points"]), HIDDEN.sub("", cell.source), asked, answer_id,
                         private if f"check_{slug}" in private_checks else "")
            )  # fmt: skip
            if aids := _aids(_released(cell.source)):
                setup.append(aids)
        elif cell.id != "scorecard":
            setup.append(cell.source)
    digest = hashlib.sha256(repr((setup, exercises, questions, private)).encode())
    for imported in (ROOT / "helpers.py", *sorted((ROOT / "downhill").glob("*.py"))):
        digest.update(imported.read_bytes())
    return Sheet(
        part, path.stem, tuple(setup), tuple(exercises), tuple(questions), frozenset(skipped), given, digest.hexdigest()
    )


def _functions(source, path):
    try:
        return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError as error:
        raise BadCourse(f"{path}: {error}") from None


def _aids(source):
    """Return what a check cell defines beside its check: a student's notebook has it too, so an answer may use it."""
    aids = [
        node
        for node in ast.parse(source).body
        if not isinstance(node, ast.Expr) and not getattr(node, "name", "").startswith("check_")
    ]
    return ast.unparse(ast.Module(aids, []))


def _task(source):
    return re.sub(r"^#+ *.+\n", "", source).strip()


def _released(source):
    return re.sub(r"^ *### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS *\n", "", source, flags=re.DOTALL | re.MULTILINE)


class Bench:
    """The grader's own copy of a sheet's names, in which its checks run.

    Parameters
    ----------
    sheet : Sheet

    Raises
    ------
    BadCourse
    """

    def __init__(self, sheet):
        self.sheet = sheet
        self.names = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            for source in sheet.setup:
                try:
                    exec(compile(source, f"<{sheet.name}>", "exec"), self.names)
                except Exception as error:
                    said = f"{type(error).__name__}: {error}"
                    raise BadCourse(f"What {sheet.part}/{sheet.name} gives to all does not run here. {said}") from None

    def run(self, exercise, notebook):
        """Run a check on a notebook's answer; return a dict with its state, and what the check said line by line.

        If the process dies meanwhile the check is run once more, in a new one: what another cell has left ticking, an
        alarm or a thread that ends the process, is not the answer's fault.
        """
        before = len(notebook.deaths)
        result = self._run(exercise, notebook)
        return self._run(exercise, notebook) if DIED in notebook.deaths[before:] else result

    def _run(self, exercise, notebook):
        names = self.names | {name: Answer(notebook, name) for name in exercise.names}
        out, deaths, problem = io.StringIO(), len(notebook.deaths), ""
        helpers._record.clear()
        notebook.begin()
        longest = notebook.cell_seconds * patience() + 10
        try:
            with contextlib.redirect_stdout(out), np.errstate(all="ignore"), _alarm(longest):
                exec(compile(exercise.check, f"<check of {exercise.slug}>", "exec"), names)
                if exercise.private:
                    names[f"check_{exercise.slug}"] = None
                    exec(compile(exercise.private, f"<private check of {exercise.slug}>", "exec"), names)
                    names[f"check_{exercise.slug}"](Answer(notebook, exercise.names[0]))
            passed = [exercise.slug, True, exercise.slug] in helpers._record
        except Gone as error:
            passed, problem = False, str(error)
        except AssertionError:
            passed = False
        except Exception as error:
            passed, problem = False, f"{type(error).__name__}: {error}"[:500]
        if len(notebook.deaths) > deaths:
            passed, problem = False, problem or notebook.deaths[-1]
        said = [line for line in out.getvalue().splitlines() if line.startswith(("PASS", "FAIL"))]
        failed = next((line for line in said if line.startswith("FAIL")), "")
        unanswered = helpers.NOT_ANSWERED in failed
        return {"slug": exercise.slug, "points": exercise.points if passed else 0, "worth": exercise.points,
                "state": "passed" if passed else "unanswered" if unanswered else "failed",
                "said": [line[:1000] for line in said[-20:]], "problem": problem}  # fmt: skip


@functools.lru_cache(maxsize=16)
def bench(sheet):
    """Return this process's bench of a sheet."""
    return Bench(sheet)


@contextlib.contextmanager
def _alarm(seconds):
    """Stop a check that never ends, where there is such a clock: not on Windows, nor in a thread of a cluster."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_):
        raise Gone("The check did not come to an end with this answer.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
