"""Grade one submission, or a class of them."""

import contextlib
import functools
import hashlib
import multiprocessing
import os
import re
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from grading import session
from grading.course import bench, load_part
from grading.runner import wanted
from grading.sandbox import end_with_parent
from grading.session import Notebook, sandbox_of
from grading.store import result_path, save, stored
from grading.submissions import BadNotebook, known_notebooks, match, read_cells, remarks

__all__ = ["Options", "grade_class", "grade_submission", "key_of"]

VERSION = "1"
MAX_COPIES = 3  # files of one student that answer the same notebook
CHECK_CELL = re.compile(r"^\s*@exercise\s*\n\s*def check_\w+\(", re.MULTILINE)
SECRET = re.compile(
    r"solutions[/\\]|/proc/|\b(ctypes|subprocess|socket|grading|_record|_exit|sys\.modules|__subclasses__)\b"
)


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
def sheets_of(options):
    """Read the part once a process."""
    return tuple(load_part(options.part, Path(options.root), options.private))


@functools.cache
def grader_hash():
    """Return a hash of the grader's own source: another grader grades anew."""
    digest = hashlib.sha256(VERSION.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def course_key(options):
    """Return a hash of the grader, the course's code and the checks of the part."""
    digest = hashlib.sha256(grader_hash().encode())
    for sheet in sheets_of(options):
        digest.update(sheet.key.encode())
    return digest.hexdigest()


def key_of(submission, options):
    """Return a hash of all that decides the result of a submission."""
    digest = hashlib.sha256(course_key(options).encode())
    others = [handed.label for handed in submission.others]
    about = (submission.student, submission.lms_id, others, submission.notes, options.confined)
    digest.update(repr(about).encode())
    for handed in submission.files:
        digest.update(handed.label.encode())
        try:
            digest.update(handed.read())
        except BadNotebook as error:
            digest.update(str(error).encode())
    return digest.hexdigest()


def grade_submission(submission, options, key=None):
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
    flags, strays, files = [], [], {sheet.name: [] for sheet in sheets}
    for handed in submission.files:
        try:
            cells = read_cells(handed.read(), handed.label)
        except BadNotebook as error:
            flags.append(str(error))
            continue
        sheet, sentence = match(cells, handed.label, sheets, known_notebooks(Path(options.root)))
        if sheet is None:
            strays.append(sentence)
        else:
            files[sheet.name].append((handed.label, cells))
    missing = [name for name, handed in files.items() if not handed]
    flags += remarks(submission, missing, strays)
    graded = []
    for sheet in sheets:
        tries = [_grade(sheet, cells, label, options) for label, cells in files[sheet.name][:MAX_COPIES]]
        if len(files[sheet.name]) > 1:
            names = ", ".join(label for label, _ in files[sheet.name])
            flags.append(f"{len(files[sheet.name])} files answer {sheet.name}; the best counts: {names}.")
        graded.append(max(tries, key=lambda t: t["points"], default=None) or _absent(sheet))
    return {
        "student": submission.student, "lms_id": submission.lms_id, "part": options.part,
        "key": key or key_of(submission, options), "points": sum(g["points"] for g in graded),
        "worth": sum(g["worth"] for g in graded), "flags": flags + [f for g in graded for f in g.pop("flags")],
        "notebooks": graded,
    }  # fmt: skip


def _absent(sheet):
    exercises = [{"slug": e.slug, "points": 0, "worth": e.points, "state": "absent", "said": [], "problem": ""}
                 for e in sheet.exercises]  # fmt: skip
    return {"name": sheet.name, "file": "", "points": 0, "worth": sum(e.points for e in sheet.exercises),
            "exercises": exercises, "questions": [], "cells": [], "answers": {}, "flags": []}  # fmt: skip


def _grade(sheet, cells, label, options):
    """Grade one notebook on one sheet."""
    given = {cell.id or cell.grade_id: cell.source for cell in cells}
    run = [session.Cell("setup", source) for source in sheet.setup]
    run += [
        session.Cell(cell.id, cell.source)
        for cell in cells
        if cell.kind == "code" and cell.source.strip() and not _skipped(cell, sheet)
    ]
    notebook = Notebook(sandbox_of(options.confined), run, options.seconds, options.cell_seconds)
    try:
        with contextlib.suppress(session.Gone):
            notebook.start()
        results = [bench(sheet).run(exercise, notebook) for exercise in sheet.exercises]
        deaths = list(notebook.deaths)
    finally:
        notebook.close()
    flags = [f"{label}: {sentence}" for sentence in dict.fromkeys(deaths)]
    edited = [i for i, source in sheet.given.items() if i in given and given[i].strip() not in source]
    flags += [f"{label}: the check cell {i} was changed; the original was used." for i in edited]
    if any(SECRET.search(cell.source) for cell in run[len(sheet.setup) :]):
        flags.append(f"{label}: the code reaches for what no exercise needs; please look at it.")
    texts = {cell.grade_id or cell.id: cell.source for cell in cells if cell.kind == "markdown"}
    questions = [
        {"slug": q.slug, "worth": q.points, "text": texts.get(f"free_{q.slug}", "")[:20_000]} for q in sheet.questions
    ]
    by_id = {cell.id or cell.grade_id: cell.source for cell in cells}
    shown = [{"id": c.id, "error": c.error, "bad": c.bad, "output": c.output[:2000]}
             for c in run[len(sheet.setup):] if c.error or c.bad]  # fmt: skip
    return {
        "name": sheet.name, "file": label, "points": sum(r["points"] for r in results),
        "worth": sum(r["worth"] for r in results), "exercises": results, "questions": questions, "cells": shown,
        "answers": {e.answer_id: by_id.get(e.answer_id, "")[:20_000] for e in sheet.exercises}, "flags": flags,
    }  # fmt: skip


def _skipped(cell, sheet):
    return cell.id in sheet.skipped or cell.grade_id in sheet.skipped or bool(CHECK_CELL.search(cell.source))


# ------------------------------------------------------------------------------------------------- a class


def work(submission, options, out):
    """Grade one submission unless its result is there already; return (slug, points, worth, whether it was new)."""
    path = result_path(out, options.part, options.batch, submission)
    key, old = key_of(submission, options), stored(path)
    if old and old.get("key") == key:
        return submission.slug, old["points"], old["worth"], False
    try:
        result = grade_submission(submission, options, key)
    except session.Unsafe:
        raise
    except Exception as error:  # a fault of the grader itself costs one student a look, not the class its grades
        result = ungraded(submission, options, f"{type(error).__name__}: {error}")
    save(path, result)
    return submission.slug, result["points"], result["worth"], True


def ungraded(submission, options, reason):
    """Return the result of a submission on which the grader itself failed; without a key it is tried again."""
    notebooks = [_absent(sheet) for sheet in sheets_of(options)]
    for notebook in notebooks:
        del notebook["flags"]
    return {
        "student": submission.student, "lms_id": submission.lms_id, "part": options.part, "key": "", "points": 0,
        "worth": sum(n["worth"] for n in notebooks), "notebooks": notebooks,
        "flags": [f"The grader failed here, and nothing is graded; look at it by hand. {reason}"[:500]],
    }  # fmt: skip


def grade_class(submissions, options, out, jobs=1, progress=lambda done: None):
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
        bench(sheet)
    sandbox_of(options.confined).load(wanted(source for sheet in sheets_of(options) for source in sheet.setup))
    if jobs == 1:
        with _on_one_processor():
            for submission in submissions:
                progress(work(submission, options, out))
        return
    waiting = list(reversed(submissions))
    while waiting:
        lost, running = [], {}
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


def _pool(jobs):
    # Linux forks, so that workers need not import everything again; the grader has one thread when it does so.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(jobs, context, initializer=_settle, initargs=(context.Value("i", 0),))


def _settle(taken):
    """Keep this process, and the students' processes that it starts, on a processor of their own.

    A check and an answer take turns. On one processor a turn is passed on about three times as fast as between two.
    A worker does not outlive the process that feeds it.
    """
    if sys.platform == "linux":
        end_with_parent()
    if hasattr(os, "sched_setaffinity"):
        with taken.get_lock():
            number, taken.value = taken.value, taken.value + 1
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[number % len(processors)]})


@contextlib.contextmanager
def _on_one_processor():
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


def _alone(submission, options, out):
    """Grade a submission in a process of its own, since the last one died; if this one dies too, say so."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, submission, options, out).result()
        except BrokenProcessPool:
            result = ungraded(submission, options, "Its process was killed twice: out of memory?")
            save(result_path(out, options.part, options.batch, submission), result)
            return submission.slug, 0, result["worth"], True
