"""Grade one submission, or a class of them."""

import contextlib
import datetime
import functools
import hashlib
import io
import multiprocessing
import os
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from grading.classroom.essays import free_texts
from grading.classroom.sheets import Exercise, Sheet, load_part
from grading.classroom.store import FORMAT, result_path, save, stored
from grading.classroom.submissions import Submission, known_notebooks, match, remarks
from grading.engine import session
from grading.engine.checker import checker_of
from grading.engine.runner import wanted
from grading.engine.sandbox import end_with_parent
from grading.engine.session import Notebook, sandbox_of
from tools import versions
from tools.cells import Cell, NotebookError, fingerprint, normal, plan, read_cells, released

__all__ = ["Options", "grade_class", "grade_submission", "key_of"]

MAX_TOKENIZED = 200_000  # characters of a cell
MAX_COPIES = 25  # different files of one student that answer the same notebook
SECRET_WORDS = {"ctypes", "subprocess", "socket", "grading", "_record", "_exit", "__subclasses__"}
SECRET_PATHS = re.compile(r"solutions[/\\]|/proc/")

Done = tuple[str, float, float, bool]  # slug, points, max_score, whether it was new


@dataclass(frozen=True)
class Options:
    """What decides how a class is graded; it is handed to every worker.

    Attributes
    ----------
    part, root : str
    private : str or None
        The folder of an instructor's own checks.
    seconds, cell_seconds : float
        For one notebook, and for one cell or check of it.
    confined : bool
    batch : str
        What this run's submissions are called in the results: see ``store.batch_of``.
    """

    part: str
    root: str
    private: str | None = None
    seconds: float = 120
    cell_seconds: float = 30
    confined: bool = True
    batch: str = "class"


@functools.lru_cache(maxsize=4)
def sheets_of(options: Options) -> tuple[Sheet, ...]:
    """Read the part once a process."""
    return tuple(load_part(options.part, Path(options.root), options.private))


@functools.cache
def grader_hash() -> str:
    """Return a hash of the grader's own source: another grader grades anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def course_key(options: Options) -> str:
    """Return a hash of the grader, the course's code and the checks of the part."""
    digest = hashlib.sha256(grader_hash().encode())
    for sheet in sheets_of(options):
        digest.update(sheet.key.encode())
    return digest.hexdigest()


def key_of(submission: Submission, options: Options) -> str:
    """Return a hash of all that decides the result of a submission."""
    digest = hashlib.sha256(course_key(options).encode())
    others = [handed.label for handed in submission.others]
    about = (submission.student, submission.lms_id, others, submission.notes, options.confined)
    digest.update(repr(about).encode())
    for handed in submission.files:
        digest.update(handed.label.encode())
        try:
            digest.update(handed.read())
        except NotebookError as error:
            digest.update(str(error).encode())
    return digest.hexdigest()


def grade_submission(
    submission: Submission, options: Options, key: str | None = None
) -> dict[str, Any]:
    """Grade what one student handed in.

    Parameters
    ----------
    submission : Submission
    options : Options
    key : str, optional
        From ``key_of``, if it is known.

    Returns
    -------
    dict
        Plain data: what the student's JSON file holds.
    """
    sheets = sheets_of(options)
    flags, notes, strays = list(submission.notes), [], []
    copies: dict[str, dict[str, tuple[str, list[Cell]]]] = {sheet.name: {} for sheet in sheets}
    for handed in submission.files:
        try:
            data = handed.read()
            cells = read_cells(data, handed.label)
        except NotebookError as error:
            notes.append(str(error))
            continue
        sheet, why = match(cells, handed.label, sheets, known_notebooks(Path(options.root)))
        if sheet is None:
            strays.append(why)
        else:
            copies[sheet.name].setdefault(hashlib.sha256(data).hexdigest(), (handed.label, cells))
    notes += remarks(submission, [name for name, found in copies.items() if not found], strays)
    graded = [_best(sheet, list(copies[sheet.name].values()), options) for sheet in sheets]
    for notebook in graded:
        notes += notebook.pop("notes")
        flags += notebook.pop("flags")
    return {
        "format": FORMAT,
        "id": submission.id,
        "student": submission.student,
        "lms_id": submission.lms_id,
        "part": options.part,
        "batch": options.batch,
        "key": key or key_of(submission, options),
        "points": sum(g["points"] for g in graded),
        "max_score": sum(g["max_score"] for g in graded),
        "flags": notes + flags,
        "notes": notes,
        "notebooks": graded,
        "checks": course_key(options),
        "limit": options.seconds if any(notebook["late"] for notebook in graded) else None,
    }


def _absent(sheet: Sheet) -> dict[str, Any]:
    exercises = [
        {
            "slug": e.slug,
            "points": 0,
            "max_score": e.points,
            "state": "absent",
            "said": [],
            "problem": "",
            "detail": "",
        }
        for e in sheet.exercises
    ]
    return {
        "name": sheet.name,
        "file": "",
        "points": 0,
        "max_score": sum(e.points for e in sheet.exercises),
        "exercises": exercises,
        "questions": [],
        "cells": [],
        "answers": {},
        "flags": [],
        "notes": [],
        "late": False,
    }


def _best(sheet: Sheet, copies: list[tuple[str, list[Cell]]], options: Options) -> dict[str, Any]:
    """Grade each copy of a notebook; return the one with most points, of equals a fuller one."""
    tries = [_grade(sheet, cells, label, options) for label, cells in copies[:MAX_COPIES]]
    if not tries:
        return _absent(sheet)
    best = max(tries, key=lambda t: (t["points"], not any(q["empty"] for q in t["questions"])))
    best["late"] = any(t["late"] for t in tries)
    if len(tries) > 1:
        said = ", ".join(f"{t['file']} ({t['points']})" for t in tries)
        best["notes"].insert(
            0, f"{len(tries)} different files answer {sheet.name}: {said}; {best['file']} counts."
        )
    if len(copies) > MAX_COPIES:
        said = f"Only the first {MAX_COPIES} of {len(copies)} files that answer {sheet.name} were graded."
        best["flags"].append(said)
    return best


def _grade(sheet: Sheet, cells: list[Cell], label: str, options: Options) -> dict[str, Any]:
    """Grade a notebook on a sheet: cells run from top to bottom, checks where their cells stand."""
    steps = plan(cells, sheet.checks)
    texts = free_texts(sheet, cells)
    essays = {at for question in texts.values() for at in question.cells}
    run = [
        session.Cell(cells[step.at].id, step.source) if step.source else step.check
        for step in steps
        if step.check or step.at not in essays
    ]
    code = [cell for cell in run if isinstance(cell, session.Cell)]
    asked = {exercise.slug: exercise for exercise in sheet.exercises}
    said: dict[str, dict[str, Any]] = {}
    notebook = Notebook(
        sandbox_of(options.confined),
        [session.Cell("setup", source) for source in (*sheet.setup, _stand_ins(sheet))],
        options.seconds,
        options.cell_seconds,
        [cell.source for cell in code],
    )
    try:
        for step in run:
            if isinstance(step, session.Cell):
                notebook.run(step)
            elif _ready(notebook, asked[step]):
                said[step] = checker_of(sheet).run(asked[step], notebook)
        for slug in [
            slug for slug in asked if slug not in said
        ]:  # no check cell, or one above its answer
            notebook.run(session.Cell("aids", asked[slug].aids))
            said[slug] = checker_of(sheet).run(asked[slug], notebook)
        deaths, late = list(notebook.deaths), notebook.late
    finally:
        notebook.close()
    results = [said[slug] for slug in asked]
    for exercise, result in zip(sheet.exercises, results, strict=True):
        _explain(exercise, result, code)
    notes, flags = _changes(sheet, cells, label, results)
    notes += [f"{label}: {sentence}" for sentence in dict.fromkeys(deaths)]
    if any(reaches_for_secrets(cell.source) for cell in code):
        flags.append(f"{label}: the code reaches for what no exercise needs; please look at it.")
    questions = []
    for question in sheet.questions:
        text = texts[question.slug].text
        version = f"v{fingerprint(text)}" if text else ""
        questions.append(
            {
                "slug": question.slug,
                "title": question.title,
                "max_score": question.points,
                "text": text[:20_000],
                "version": version,
                "empty": not text,
            }
        )
    shown = [
        {"id": c.id, "error": c.error, "bad": c.bad, "output": c.output[:2000]}
        for c in code
        if c.error or c.bad
    ]
    return {
        "name": sheet.name,
        "file": label,
        "points": sum(r["points"] for r in results),
        "max_score": sum(r["max_score"] for r in results),
        "exercises": results,
        "questions": questions,
        "cells": shown,
        "answers": {e.answer_id: _answer(e, cells)[:20_000] for e in sheet.exercises},
        "flags": flags,
        "notes": notes,
        "late": late,
    }


def _stand_ins(sheet: Sheet) -> str:
    """Return code with each check as a function that does nothing: the grader has the real one."""
    return "\n".join(f"def check_{exercise.slug}(*answers): pass" for exercise in sheet.exercises)


def _answer(exercise: Exercise, cells: Iterable[Cell]) -> str:
    """Return the source of an answer's cell: found by its id, or by the function it defines."""
    named = [c.source for c in cells if exercise.answer_id in (c.id, c.grade_id)]
    define = re.compile(rf"^(async )?def {exercise.names[0]}\(", re.MULTILINE)
    return next(
        iter(named + [c.source for c in cells if c.kind == "code" and define.search(c.source)]), ""
    )


def _ready(notebook: Notebook, exercise: Exercise) -> bool:
    """Return whether what a check asks for is defined; without time left, the check will say."""
    try:
        return notebook.has(exercise.names)
    except session.GoneError:
        return True


def _explain(exercise: Exercise, result: dict[str, Any], code: Iterable[session.Cell]) -> None:
    """Where an answer is missing since its cell stopped, say so in the exercise's own place."""
    if result["state"] != "stopped" or "the notebook defines no" not in result["problem"]:
        return
    define = re.compile(rf"^(async )?def {exercise.names[0]}\(", re.MULTILINE)
    for cell in code:
        stopped = cell.bad or ": ".join(cell.error or ())
        if stopped and (cell.id == exercise.answer_id or define.search(cell.source)):
            result["problem"] = result["detail"] = f"Its cell stopped. {stopped}"


def _changes(
    sheet: Sheet, cells: Iterable[Cell], label: str, results: Iterable[dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """Return what to say of changed check cells: to both, and to the instructor alone."""
    notes: list[str] = []
    flags: list[str] = []
    state = {result["slug"]: result["state"] for result in results}
    history = versions.released(sheet.part, sheet.name)
    for cell in cells:
        name = cell.id if cell.id in sheet.checks else cell.grade_id
        slug = sheet.checks.get(name)
        if not slug or normal(cell.source) in (normal(sheet.given[name]), normal(sheet.full[name])):
            continue
        dates = dict(history.get(name, ()))
        if date := dates.get(fingerprint(released(cell.source))):
            day = datetime.date.fromisoformat(date)
            said = f"{label}: {slug} was solved with the check of {day.day} {day:%B %Y}; the present one was used."
            (notes if state[slug] == "passed" else flags).append(said)
        else:
            notes.append(f"{label}: the check cell {name} was changed; the original was used.")
    return notes, flags


def reaches_for_secrets(source: str) -> bool:
    """Return whether code, its comments apart, names what no exercise needs.

    Parameters
    ----------
    source : str

    Returns
    -------
    bool
    """
    try:
        if len(source) > MAX_TOKENIZED:
            raise ValueError
        tokens = [
            (token.type, token.string)
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type != tokenize.COMMENT
        ]
    except (
        tokenize.TokenError,
        SyntaxError,
        ValueError,
    ):  # magics, errors, a book: the lines as they are
        text = re.sub(r"#.*", "", source)
        return bool(SECRET_PATHS.search(text) or SECRET_WORDS & set(re.findall(r"\w+", text)))
    words = {text.strip("\"'") for _, text in tokens}
    modules = "sys.modules" in "".join(text for _, text in tokens)
    return (
        modules
        or bool(SECRET_WORDS & words)
        or any(SECRET_PATHS.search(text) for _, text in tokens)
    )


# ------------------------------------------------------------------------------------------ a class


def holds(old: dict[str, Any] | None, key: str, options: Options) -> TypeGuard[dict[str, Any]]:
    """Return whether a stored result need not be made again, as a longer limit of time asks.

    Parameters
    ----------
    old : dict or None
    key : str
        From ``key_of``.
    options : Options

    Returns
    -------
    bool
    """
    return (
        old is not None
        and old.get("key") == key
        and options.seconds <= (old.get("limit") or options.seconds)
    )


def work(submission: Submission, options: Options, out: Path) -> Done:
    """Grade a submission unless that is done; return (slug, points, max_score, whether new)."""
    path = result_path(out, options.part, options.batch, submission)
    key, old = key_of(submission, options), stored(path)
    if holds(old, key, options):
        return submission.slug, old["points"], old["max_score"], False
    try:
        result = grade_submission(submission, options, key)
    except session.SandboxError:
        raise
    except (
        Exception
    ) as error:  # a fault of the grader itself costs one student a look, not the class its grades
        result = ungraded(submission, options, f"{type(error).__name__}: {error}")
    save(path, result)
    return submission.slug, result["points"], result["max_score"], True


def ungraded(submission: Submission, options: Options, reason: str) -> dict[str, Any]:
    """Return the result of a submission on which the grader failed; it has no key: try again."""
    notebooks = [_absent(sheet) for sheet in sheets_of(options)]
    for notebook in notebooks:
        del notebook["flags"], notebook["notes"]
    return {
        "format": FORMAT,
        "id": submission.id,
        "student": submission.student,
        "lms_id": submission.lms_id,
        "part": options.part,
        "batch": options.batch,
        "key": "",
        "points": 0,
        "max_score": sum(n["max_score"] for n in notebooks),
        "notebooks": notebooks,
        "notes": [],
        "flags": [
            f"The grader failed here, and nothing is graded; look at it by hand. {reason}"[:500]
        ],
    }


def grade_class(
    submissions: Sequence[Submission],
    options: Options,
    out: Path,
    jobs: int = 1,
    progress: Callable[[Done], object] = lambda done: None,
) -> None:
    """Grade a class on this machine.

    Parameters
    ----------
    submissions : list of Submission
    options : Options
    out : Path
        Where ``students/*.json`` goes. What is there and still holds is kept.
    jobs : int
        Processes. Each has a sandbox of its own.
    progress : callable
        It is called with what ``work`` returns, as each submission is done.
    """
    for sheet in sheets_of(options):  # before this process forks: what all use is imported once
        checker_of(sheet)
    sandbox_of(options.confined).load(
        wanted(source for sheet in sheets_of(options) for source in sheet.setup)
    )
    if jobs == 1:
        with _on_one_processor():
            for submission in submissions:
                progress(work(submission, options, out))
        return
    waiting = list(reversed(submissions))
    while waiting:
        lost: list[Submission] = []
        running: dict[Future[Done], Submission] = {}
        with _pool(jobs) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < 2 * jobs:
                        running[pool.submit(work, waiting[-1], options, out)] = waiting[-1]
                        waiting.pop()
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        progress(future.result())
                        del running[future]
            except BrokenProcessPool:  # a process of the grader was killed
                lost = list(running.values())
        for submission in lost:
            progress(_alone(submission, options, out))


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Linux forks, so that workers need not import everything again; the grader has one thread when
    # it does so.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(
        jobs, context, initializer=_settle, initargs=(context.Value("i", 0),)
    )


def _settle(taken: Any) -> None:
    """Keep this process, and the students' processes that it starts, on a processor of their own.

    A check and an answer take turns. On one processor a turn is passed on about three times as fast
    as between two. A worker does not outlive the process that feeds it.
    """
    if sys.platform == "linux":
        end_with_parent()
    if hasattr(os, "sched_setaffinity"):
        with taken.get_lock():
            number, taken.value = taken.value, taken.value + 1
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[number % len(processors)]})


@contextlib.contextmanager
def _on_one_processor() -> Iterator[None]:
    """Do the same for this process, for a while."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _alone(submission: Submission, options: Options, out: Path) -> Done:
    """Grade a submission in a process of its own, since the last one died, and say if this does."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, submission, options, out).result()
        except BrokenProcessPool:
            result = ungraded(submission, options, "Its process was killed twice: out of memory?")
            save(result_path(out, options.part, options.batch, submission), result)
            return submission.slug, 0, result["max_score"], True
