"""Run the checks of a sheet in the grader, on answers that live in a student's process."""

from __future__ import annotations

import contextlib
import functools
import io
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

import helpers
from grading import CourseError
from grading.engine.session import DIED, Answer, GoneError, Notebook, load_factor
from tools.cells import hidden_lines

if TYPE_CHECKING:
    from grading.classroom.sheets import Exercise, Sheet

__all__ = ["FURTHER", "Checker", "checker_of"]

FURTHER = "FAIL - a further check"  # all that a student is told of a hidden or private test


class Said(io.TextIOBase):
    """What checks print, line by line, each with whether a hidden or private test has printed it.

    Parameters
    ----------
    file : str
        Under which the check is compiled.
    hidden : frozenset of int
        Lines of it.
    """

    def __init__(self, file: str, hidden: frozenset[int]) -> None:
        self.file, self.hidden, self.private = file, hidden, False
        self.lines: list[tuple[str, bool]] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text.startswith(("PASS", "FAIL")):
            self.lines.append(
                (text.rstrip("\n"), self.private or self.shows_hidden(_frames(sys._getframe(1))))
            )
        return len(text)

    def shows_hidden(self, frames: Iterable[tuple[str, int | None]]) -> bool:
        """Return whether one of these (file, line) is a hidden line."""
        return any(file == self.file and line in self.hidden for file, line in frames)


def _frames(frame: FrameType | None) -> Iterator[tuple[str, int | None]]:
    while frame:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


class Checker:
    """The grader's own copy of a sheet's names, in which its checks run.

    Parameters
    ----------
    sheet : Sheet

    Raises
    ------
    CourseError
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.names: dict[str, Any] = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            for source in sheet.setup:
                try:
                    exec(compile(source, f"<{sheet.name}>", "exec"), self.names)
                except Exception as error:
                    said = f"{type(error).__name__}: {error}"
                    raise CourseError(
                        f"What {sheet.part}/{sheet.name} gives to all does not run here. {said}"
                    ) from None

    def run(self, exercise: Exercise, notebook: Notebook) -> dict[str, Any]:
        """Run a check on a notebook's answer; return its state and what it said, line by line.

        If the process dies meanwhile the check is run once more, in a new one: what another cell
        has left ticking, an alarm or a thread that ends the process, is not the answer's fault.
        """
        before = len(notebook.deaths)
        result = self._run(exercise, notebook)
        return self._run(exercise, notebook) if DIED in notebook.deaths[before:] else result

    def _run(self, exercise: Exercise, notebook: Notebook) -> dict[str, Any]:
        names = self.names | {name: Answer(notebook, name) for name in exercise.names}
        file = f"<check of {exercise.slug}>"
        said, deaths, problem, secret = (
            Said(file, hidden_lines(exercise.check)),
            len(notebook.deaths),
            "",
            False,
        )
        helpers._record.clear()
        notebook.begin()
        longest = notebook.cell_seconds * load_factor() + 10
        try:
            with contextlib.redirect_stdout(said), np.errstate(all="ignore"), _alarm(longest):
                exec(compile(exercise.check, file, "exec"), names)
                passed = [exercise.slug, True, exercise.slug] in helpers._record
                if exercise.private:
                    said.private = True
                    exec(
                        compile(exercise.private, f"<private check of {exercise.slug}>", "exec"),
                        names,
                    )
                    names[f"check_{exercise.slug}"](Answer(notebook, exercise.names[0]))
        except GoneError as error:
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


def _result(
    exercise: Exercise,
    passed: bool,
    lines: list[tuple[str, bool]],
    problem: str = "",
    secret: bool = False,
) -> dict[str, Any]:
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
    if helpers.NOT_ANSWERED in failed and not any(line.startswith("PASS") for line, _ in lines):
        state = "unanswered"
    said = [line[:1000] for line, hidden in lines if not hidden]
    if not passed and (secret or any(hidden and line.startswith("FAIL") for line, hidden in lines)):
        said.append(FURTHER)
    return {
        "slug": exercise.slug,
        "points": exercise.points if passed else 0,
        "max_score": exercise.points,
        "state": state,
        "said": said[-20:],
        "problem": "" if secret else problem,
        "detail": "" if passed else (problem or failed)[:1000],
    }


@functools.lru_cache(maxsize=16)
def checker_of(sheet: Sheet) -> Checker:
    """Return this process's checker of a sheet."""
    return Checker(sheet)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Stop a check that never ends; not on Windows, nor in a cluster's thread: no clock there."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def ring(*_: object) -> NoReturn:
        raise GoneError("The check did not come to an end with this answer.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
