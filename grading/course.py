"""The instructor's side of a notebook: what it asks, what its checks are, and what a check sees."""

import ast
import contextlib
import functools
import hashlib
import io
import json
import re
import signal
import sys
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import helpers
from grading import Refused
from grading.session import DIED, Answer, Gone, patience
from tools.cells import without_checks

__all__ = ["BadCourse", "Exercise", "Question", "Sheet", "bench", "cells_of", "load_part", "parts"]

ROOT = Path(__file__).resolve().parent.parent
MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION *\n?", re.MULTILINE)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS *\n?", re.DOTALL | re.MULTILINE)
TEXT_STUB = "*Write your answer here.*"  # as nbgrader_config.py has it
FURTHER = "FAIL - a further check"  # all that a student is told of a hidden or private test


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
    aids: str = ""  # what the check cell defines beside its check: the answer may use it
    stub: str = ""  # the answer cell as it is released
    solution: str = ""  # and as it is in the solution
    private: str = ""  # an instructor's own checks


@dataclass(frozen=True)
class Question:
    """A free-text question, marked by hand."""

    slug: str
    title: str
    points: int
    model: str
    task: str = ""
    task_id: str = ""  # of the cell that asks, which may be the cell of the answer
    answer_id: str = ""
    stub: str = ""  # the answer's cell as it is released


@dataclass(frozen=True)
class Sheet:
    """One exercise notebook as its solution defines it.

    Attributes
    ----------
    part, name : str
        Such as "1_landscape", "1_surfaces".
    setup : tuple of str
        The cells that every notebook has: imports and given functions.
    exercises : tuple of Exercise
    questions : tuple of Question
    checks : dict
        From the id of a check cell to its slug, and from the scorecard's to "": see ``tools.cells.plan``.
    given : dict
        From the id of a cell that is no answer to its source as it is released, to see what a student has changed.
    full : dict
        From the id of a check cell to its source in the solution, which somebody may hand in.
    key : str
        Changes when anything that decides a mark changes.
    """

    part: str
    name: str
    setup: tuple
    exercises: tuple
    questions: tuple
    checks: dict = field(hash=False, compare=False)
    given: dict = field(hash=False, compare=False)
    full: dict = field(hash=False, compare=False)
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
    if private:
        _refuse_strangers(Path(private) / part, paths)
    return [_load(path, part, Path(private) / part / f"{path.stem}.py" if private else None) for path in paths]


def _refuse_strangers(folder, paths):
    """Refuse a folder of private checks in which something belongs to no notebook: it would never run."""
    files = sorted(folder.glob("*.py"))
    known = {path.stem for path in paths}
    if not files:
        raise BadCourse(f"There are no checks of your own in {folder}: it holds no NOTEBOOK.py.")
    if strange := [file.name for file in files if file.stem not in known]:
        raise BadCourse(
            f"{folder} has {', '.join(strange)}, but the part has no such notebook: name the files "
            f"{', '.join(f'{name}.py' for name in sorted(known))}."
        )


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
    setup, exercises, questions, title = [], [], [], path.stem
    checks, given, full, answer, before = {"scorecard": ""}, {}, {}, None, None
    for cell in cells:
        marks = cell.metadata.get("nbgrader", {})
        if "solution-only" in cell.metadata.get("tags", []):
            continue
        if not marks.get("solution"):
            given[cell.id] = _released(cell.source)
        if cell.cell_type == "markdown":
            if marks.get("grade"):
                asked, stub, model = _taken_apart(cell.source)
                if heading := re.match(r"#+ *(.+)", asked):
                    title = heading[1]
                asks = cell if asked else before
                questions.append(
                    Question(marks["grade_id"].removeprefix("free_"), title, int(marks["points"]), model,
                             _task(asked or before.source), asks.id, cell.id, stub)
                )  # fmt: skip
            elif heading := re.match(r"#+ *(.+)", cell.source):
                title = heading[1]
            before = cell
        elif marks.get("solution"):
            answer = cell
        elif marks.get("grade"):
            slug = marks["grade_id"].removeprefix("check_")
            checks[cell.id], full[cell.id] = slug, cell.source
            exercises.append(Exercise(
                slug, title, int(marks["points"]), cell.source, tuple(_functions(answer.source, path)), answer.id,
                without_checks(_released(cell.source)), _stub(answer.source), MARKER.sub("", answer.source),
                private if f"check_{slug}" in private_checks else "",
            ))  # fmt: skip
        elif cell.id != "scorecard":
            setup.append(cell.source)
    known = [f"check_{exercise.slug}" for exercise in exercises]
    if unknown := [name for name in private_checks if name.startswith("check_") and name not in known]:
        raise BadCourse(
            f"{private_path} has {', '.join(unknown)}, but {path.stem} has no such exercise. Its checks are called "
            f"{', '.join(known)}."
        )
    digest = hashlib.sha256(repr((setup, exercises, questions, private)).encode())
    for imported in (ROOT / "helpers.py", *sorted((ROOT / "downhill").glob("*.py"))):
        digest.update(imported.read_bytes())
    return Sheet(
        part, path.stem, tuple(setup), tuple(exercises), tuple(questions), checks, given, full, digest.hexdigest()
    )


def _functions(source, path):
    try:
        return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError as error:
        raise BadCourse(f"{path}: {error}") from None


def _task(source):
    return re.sub(r"^#+ *.+\n", "", source).strip()


def _taken_apart(source):
    """Return what stands above the model answer in its cell, the cell as it is released, and the model answer."""
    asked, _, rest = source.partition("### BEGIN SOLUTION")
    model, _, below = rest.partition("### END SOLUTION")
    return asked.strip(), f"{asked}{TEXT_STUB}{below}", model.strip()


def _released(source):
    return HIDDEN.sub("", source)


def _stub(source):
    return re.sub(r"( *)### BEGIN SOLUTION.*?### END SOLUTION", r"\1...", source, flags=re.DOTALL)


def _hidden_lines(source):
    """Return the numbers of the lines of a check cell that are hidden from students."""
    return frozenset(
        number
        for found in HIDDEN.finditer(source)
        for number in range(source.count("\n", 0, found.start()) + 1, source.count("\n", 0, found.end()) + 1)
    )


class Said(io.TextIOBase):
    """What checks print, line by line, each with whether a hidden or private test has printed it.

    Parameters
    ----------
    file : str
        Under which the check is compiled.
    hidden : frozenset of int
        Lines of it.
    """

    def __init__(self, file, hidden):
        self.file, self.hidden, self.private, self.lines = file, hidden, False, []

    def writable(self):
        return True

    def write(self, text):
        if text.startswith(("PASS", "FAIL")):
            self.lines.append((text.rstrip("\n"), self.private or self.shows_hidden(_frames(sys._getframe(1)))))
        return len(text)

    def shows_hidden(self, frames):
        """Return whether one of these (file, line) is a hidden line."""
        return any(file == self.file and line in self.hidden for file, line in frames)


def _frames(frame):
    while frame:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


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
        file = f"<check of {exercise.slug}>"
        said, deaths, problem, secret = Said(file, _hidden_lines(exercise.check)), len(notebook.deaths), "", False
        helpers._record.clear()
        notebook.begin()
        longest = notebook.cell_seconds * patience() + 10
        try:
            with contextlib.redirect_stdout(said), np.errstate(all="ignore"), _alarm(longest):
                exec(compile(exercise.check, file, "exec"), names)
                passed = [exercise.slug, True, exercise.slug] in helpers._record
                if exercise.private:
                    said.private = True
                    exec(compile(exercise.private, f"<private check of {exercise.slug}>", "exec"), names)
                    names[f"check_{exercise.slug}"](Answer(notebook, exercise.names[0]))
        except Gone as error:
            passed, problem = False, str(error)
        except AssertionError:
            passed = False
        except Exception as error:
            passed, problem = False, f"{type(error).__name__}: {error}"[:500]
            secret = said.private or said.shows_hidden(
                (f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)
            )
        if len(notebook.deaths) > deaths:
            passed, problem = False, problem or notebook.deaths[-1]
        return _result(exercise, passed, said.lines, problem, secret)


def _result(exercise, passed, lines, problem="", secret=False):
    """Return how an exercise went, as plain data: see ``grade.grade_submission``.

    Parameters
    ----------
    exercise : Exercise
    passed : bool
    lines : list of (str, bool)
        What its check said, and whether that is hidden from students.
    problem : str
        What stopped it, if anything did.
    secret : bool
        Whether a hidden test was under way then.
    """
    failed = next((line for line, _ in lines if line.startswith("FAIL")), "")
    state = "passed" if passed else "stopped" if problem else "failed"
    if helpers.NOT_ANSWERED in failed:
        state = "unanswered"
    said = [line[:1000] for line, hidden in lines if not hidden]
    if not passed and (secret or any(hidden and line.startswith("FAIL") for line, hidden in lines)):
        said.append(FURTHER)
    return {
        "slug": exercise.slug, "points": exercise.points if passed else 0, "worth": exercise.points, "state": state,
        "said": said[-20:], "problem": "" if secret else problem,
        "detail": "" if passed else (problem or failed)[:1000],
    }  # fmt: skip


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
