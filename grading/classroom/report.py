"""Write what a graded class is read from: tables, the class report, a page a student."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from grading.classroom.sheets import Sheet
    from grading.classroom.submissions import Submission

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from downhill.figures import COLORS  # noqa: E402
from grading.classroom.alike import alike  # noqa: E402
from grading.classroom.classbook import (  # noqa: E402
    EMPTY,
    Book,
    Column,
    Student,
    open_book,
    version,
)
from grading.classroom.marks import FREE_TEXT, Mark, Row, safe  # noqa: E402
from grading.classroom.store import write  # noqa: E402

__all__ = ["write_reports"]

PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
STATES = {
    "passed": "right",
    "failed": "wrong",
    "unanswered": "not answered",
    "stopped": "stopped",
    "absent": "not handed in",
}
SHADES = {
    "passed": COLORS["primary"],
    "failed": "#c4622d",
    "unanswered": "#d9d9d9",
    "stopped": "#7a3b69",
    "absent": "#f4f4f4",
}
NAMED = 50  # students that are named for one failing check
RUBRIC = re.compile(r"\n*\((\d+ points?): (.+?)\.?\)\s*$", re.DOTALL)


def write_reports(
    out: Path, submissions: Sequence[Submission], sheets: Sequence[Sheet], lms: str | None = None
) -> dict[str, Any]:
    """Write every report from all that is stored: every part, every batch.

    Parameters
    ----------
    out : Path
        The folder that holds ``students/PART/BATCH/*.json``.
    submissions : list of Submission
        Of this run.
    sheets : list of Sheet
        Of the part that was graded in it.
    lms : {None, "moodle", "canvas"}
        Also write a table of this part that the learning platform imports.

    Returns
    -------
    dict
        What the last line of a run says: see ``summary``.

    Raises
    ------
    GradingError
        A mark that is none, or nobody's; a file that cannot be written.
    """
    book, part = open_book(out, sheets, submissions), sheets[0].part
    write(out / "free_text.csv", _csv(free_text(book)))
    write(out / "free_text.html", questions_page(book))
    write(out / "grades.csv", _csv(grades(book)))
    for student in book.students:
        write(out / "feedback" / f"{student.slug}.html", student_page(book, student))
    write(out / "report.html", class_page(book, out))
    if lms:
        write(out / f"grades-{lms}.csv", _csv(LMS[lms](book, part)))
    return summary(book, submissions, part, lms)


def summary(
    book: Book, submissions: Sequence[Submission], part: str, lms: str | None = None
) -> dict[str, Any]:
    """Return how many handed in, were graded and need a look in this run, and what else to say.

    Returns
    -------
    dict
        "students", "max_score" and "mean_points" of the part, "free_text_waiting" and "free_text_blank"
        of it; of this run "handed_in", "graded", "need_a_look"; "earlier", the names of students
        whose work is from other runs alone; "mixed", sentences on checks that differ;
        "unreadable", stored files; "left_out", names that the platform's table lacks.
    """
    own = {submission.id for submission in submissions}
    here = [student for student in book.students if part in student.work]
    mine = [student for student in here if student.id in own]
    texts = [(student, column) for student in here for column in book.of(part, by_hand=True)]
    return {
        "students": len(here),
        "max_score": book.max_score(part),
        "mean_points": _mean([book.points(s, part) for s in here]),
        "free_text_waiting": sum(book.waits(*text) for text in texts),
        "free_text_blank": sum(_is_blank(book, *text) for text in texts),
        "handed_in": len(submissions),
        "graded": sum(student.work[part].graded for student in mine),
        "need_a_look": sum(bool(_reasons(book, student, part)) for student in mine),
        "earlier": [student.name for student in book.students if student.id not in own],
        "mixed": book.mixed,
        "unreadable": [str(path) for path in book.broken],
        "left_out": [student.name for student in here if not student.lms_id] if lms else [],
    }


# ------------------------------------------------------------------------------------------- tables


def grades(book: Book) -> list[list[Any]]:
    """Return the rows of ``grades.csv``: one a student, one column for all that is worth points."""
    several = book.parts if len(book.parts) > 1 else []
    rows: list[list[Any]] = [
        [
            "student",
            "lms_id",
            "points",
            "worth",
            "needs_a_look",
            *several,
            *(f"{c.notebook}/{c.slug}" for c in book.columns),
        ]
    ]
    for student in book.students:
        points = {part: book.points(student, part) for part in student.work}
        look = sum(len(_reasons(book, student, part)) for part in student.work)
        rows.append(
            [
                student.name,
                student.lms_id,
                _figure(sum(points.values())),
                book.max_score(),
                look,
                *(_figure(points.get(part)) for part in several),
                *(_cell(book, student, column) for column in book.columns),
            ]
        )
    return rows


def _cell(book: Book, student: Student, column: Column) -> float | str:
    """Return the points for one column; "" without a mark, or if its part was not handed in."""
    if column.part not in student.work:
        return ""
    if column.by_hand:
        return _figure((book.mark(student, column) or Mark()).mark)
    return book.exercise(student, column)["points"]


def free_text(book: Book) -> list[list[Any]]:
    """Return the rows of ``free_text.csv``: by question, then what is blank, then what is kept."""
    marks: list[Mark | Row] = [*book.marks.values(), *book.kept]
    more = list(dict.fromkeys(title for mark in marks for title, _ in mark.extra))
    written: list[list[Any]] = []
    blank: list[list[Any]] = []
    for column in (column for column in book.columns if column.by_hand):
        for student in book.students:
            question, mark = book.question(student, column), book.mark(student, column)
            if question is None and mark is None:
                continue
            mark = mark or Mark()
            which = version(question) if question else mark.version
            empty = question is None or which == EMPTY
            (blank if empty else written).append(
                [
                    student.name,
                    student.lms_id,
                    *column.key,
                    column.max_score,
                    _figure(mark.mark),
                    mark.comment,
                    mark.earlier,
                    which,
                    question["text"] if question and not empty else "(nothing was written)",
                    *_more(mark, more),
                ]
            )
    kept: list[list[Any]] = [
        [*(getattr(row, title) for title in FREE_TEXT), *_more(row, more)] for row in book.kept
    ]
    return [[*FREE_TEXT, *more], *written, *blank, *kept]


def _more(mark: Mark | Row, titles: list[str]) -> list[str]:
    return [dict(mark.extra).get(title, "") for title in titles]


def moodle(book: Book, part: str) -> list[list[Any]]:
    """Return the rows that Moodle's "Upload grading worksheet" reads, in an English interface.

    It needs the three titles Identifier, Grade and Last modified (grade); a blank date is older
    than any grade.
    """
    rows: list[list[Any]] = [
        ["Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)"]
    ]
    for student in _numbered(book, part):
        points = _figure(book.points(student, part))
        rows.append(
            [f"Participant {student.lms_id}", student.name, points, book.max_score(part), ""]
        )
    return rows


def canvas(book: Book, part: str) -> list[list[Any]]:
    """Return the rows that Canvas's gradebook imports; its assignment is called as the part is."""
    rows: list[list[Any]] = [
        ["Student", "ID", "SIS Login ID", "Section", part],
        ["    Points Possible", "", "", "", book.max_score(part)],
    ]
    for student in _numbered(book, part):
        rows.append([student.name, student.lms_id, "", "", _figure(book.points(student, part))])
    return rows


LMS = {"moodle": moodle, "canvas": canvas}


def _numbered(book: Book, part: str) -> list[Student]:
    return [student for student in book.students if part in student.work and student.lms_id]


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(safe, row) for row in rows])
    return "\ufeff" + text.getvalue()


def _figure(number: float | None) -> float | str:
    return "" if number is None else int(number) if float(number).is_integer() else number


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _is_blank(book: Book, student: Student, column: Column) -> bool:
    question, mark = book.question(student, column), book.mark(student, column)
    return (
        question is not None and version(question) == EMPTY and (mark is None or mark.mark is None)
    )


def _reasons(book: Book, student: Student, part: str) -> list[str]:
    """Return why an instructor should look at a student's work in a part."""
    work, reasons = student.work[part], list(student.work[part].flags)
    known = {column.key for column in book.of(part)}
    found = {
        (part, name, entry["slug"])
        for name, notebook in work.notebooks.items()
        for entry in notebook["exercises"] + notebook["questions"]
    }
    asked = {column.key for column in book.of(part, by_hand=False)}
    if found - known or asked - found:
        reasons.append(
            "It was graded with other exercises than the course has now: grade its folder again."
        )
    for column in book.of(part, by_hand=True):
        mark = book.mark(student, column)
        if mark and mark.mark is not None and book.question(student, column) is None:
            reasons.append(
                f"{column.notebook}: there is a mark for {column.slug}, and no text any more."
            )
        elif mark and mark.earlier and mark.mark is None:
            reasons.append(
                f"{column.notebook}: the text of {column.slug} has changed, and waits for a new "
                f"mark."
            )
    return reasons


# -------------------------------------------------------------------------------------------- pages


def student_page(book: Book, student: Student) -> str:
    """Return a student's page: a table, then what checks said; nothing for instructors alone."""
    parts = [_student_part(book, student, part) for part in sorted(student.work)]
    return PAGES.get_template("student.html").render(name=student.name, parts=parts, states=STATES)


def _student_part(book: Book, student: Student, part: str) -> dict[str, Any]:
    work, notebooks = student.work[part], []
    for name in dict.fromkeys(column.notebook for column in book.of(part)):
        found = work.notebooks.get(name, {"file": "", "cells": [], "answers": {}})
        columns = [column for column in book.of(part) if column.notebook == name]
        exercises = [
            _exercise(book, student, column, found) for column in columns if not column.by_hand
        ]
        questions = [
            {
                "column": column,
                "mark": book.mark(student, column) or Mark(),
                "waits": book.waits(student, column),
                "text": (book.question(student, column) or {"text": ""})["text"],
                "id": f"{name}-{column.slug}",
            }
            for column in columns
            if column.by_hand
        ]
        if not found["file"]:  # what has a mark is shown all the same
            exercises, questions = (
                [],
                [question for question in questions if question["mark"].mark is not None],
            )
        shown = {entry["column"].key for entry in exercises + questions}
        answers = {column.asked.answer_id for column in columns if not column.by_hand}
        notebooks.append(
            {
                "name": name,
                "file": found["file"],
                "exercises": exercises,
                "questions": questions,
                "cells": [cell for cell in found["cells"] if cell["id"] not in answers],
                "lacking": sum(column.max_score for column in columns if column.key not in shown),
            }
        )
    return {
        "part": part,
        "points": book.points(student, part),
        "max_score": book.max_score(part),
        "notes": work.notes,
        "notebooks": notebooks,
    }


def _exercise(
    book: Book, student: Student, column: Column, notebook: dict[str, Any]
) -> dict[str, Any]:
    found, answer = book.exercise(student, column), column.asked.answer_id
    stops = [cell for cell in notebook["cells"] if cell["id"] == answer]
    said = [("passed" if line.startswith("PASS") else "failed", line) for line in found["said"]]
    return {
        "column": column,
        "state": found["state"],
        "points": found["points"],
        "problem": found["problem"],
        "said": said,
        "stops": [] if found["problem"] else stops,
        "id": f"{column.notebook}-{column.slug}",
        "source": notebook["answers"].get(answer, ""),
    }


def class_page(book: Book, out: Path) -> str:
    """Return the instructor's report by part: whom to look at, what was hard, what went wrong."""
    look = [
        (student, [(part, why) for part in student.work for why in _reasons(book, student, part)])
        for student in book.students
    ]
    return PAGES.get_template("class.html").render(
        parts=[_class_part(book, part) for part in book.parts],
        look=[(s, why) for s, why in look if why],
        broken=[path.relative_to(out) for path in book.broken],
        mixed=book.mixed,
        states=STATES,
        renumbered=_renumbered(book),
        students=[(s, {part: book.points(s, part) for part in s.work}) for s in book.students],
    )


def _renumbered(book: Book) -> list[str]:
    """Return the names that have another number in each part."""
    numbers = defaultdict(list)
    for student in book.students:
        if student.lms_id:
            numbers[student.name].append(set(student.work))
    return [
        name
        for name, each in numbers.items()
        if len(each) > 1 and len(set().union(*each)) == sum(map(len, each))
    ]


def _class_part(book: Book, part: str) -> dict[str, Any]:
    here = [student for student in book.students if part in student.work]
    exercises, texts = (
        book.of(part, by_hand=False),
        [(s, c) for s in here for c in book.of(part, by_hand=True)],
    )
    counts = {
        c.key: Counter(book.exercise(student, c)["state"] for student in here) for c in exercises
    }
    hardest = sorted(exercises, key=lambda c: counts[c.key]["passed"])
    totals, max_score = [book.points(student, part) for student in here], book.max_score(part)
    return {
        "part": part,
        "n": len(here),
        "max_score": max_score,
        "mean": _mean(totals),
        "hardest": hardest,
        "counts": counts,
        "waiting": sum(book.waits(*text) for text in texts),
        "blank": sum(_is_blank(book, *text) for text in texts),
        "failing": _commonest(book, here, exercises, "failed"),
        "stopped": _commonest(book, here, exercises, "stopped"),
        "alike": alike(here, part, [(c.notebook, c.asked) for c in exercises]),
        "named": NAMED,
        "bars": _bars(
            [(f"{c.notebook}: {c.slug.replace('_', ' ')}", counts[c.key]) for c in hardest],
            len(here),
        ),
        "histogram": _histogram(totals, max_score),
    }


def _commonest(
    book: Book, students: list[Student], columns: list[Column], state: str, most: int = 20
) -> list[tuple[Column, str, list[tuple[Student, str]]]]:
    """Return (column, sentence, [(student, detail)]) for the commonest reasons of a state."""
    groups = defaultdict(list)
    for column in columns:
        for student in students:
            if (found := book.exercise(student, column))["state"] == state:
                detail = found["detail"]
                reason = detail if state == "failed" else found["problem"] or detail
                groups[column, _title(reason)].append((student, detail))
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [(column, sentence, who) for (column, sentence), who in ranked[:most]]


def _title(sentence: str) -> str:
    """Name what failed without its numbers, so that equal failures are counted together."""
    return sentence.removeprefix("FAIL - ").split(":")[0].strip()[:120]


def questions_page(book: Book) -> str:
    """Return the page with each free-text question, its model answer, and its rubric by lines."""
    asked = []
    for column in (column for column in book.columns if column.by_hand):
        question, found = column.asked, RUBRIC.search(column.asked.model)
        asked.append(
            {
                "column": column,
                "title": question.title,
                "task": "" if question.task.lstrip("# ") == question.title else question.task,
                "model": question.model[: found.start()] if found else question.model,
                "rubric": [line.strip() for line in found[2].split(";")] if found else [],
                "waiting": sum(book.waits(student, column) for student in book.students),
            }
        )
    return PAGES.get_template("questions.html").render(asked=asked)


# ------------------------------------------------------------------------------------------ figures


def _svg(figure: Figure) -> str:
    """Return a figure as SVG that is the same on every run."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "downhill", "svg.fonttype": "none"}):
        figure.savefig(
            text, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


@plt.style.context("seaborn-v0_8-whitegrid")
def _bars(rows: Sequence[tuple[str, Counter[str]]], n: int) -> str:
    """Draw one bar an exercise, its length the students, parted by what became of their answers."""
    figure, ax = plt.subplots(figsize=(8, 0.3 * len(rows) + 1.2))
    left = [0] * len(rows)
    for state, words in STATES.items():
        width = [counts[state] for _, counts in rows]
        ax.barh(
            range(len(rows)),
            width,
            left=left,
            color=SHADES[state],
            edgecolor="grey",
            linewidth=0.4,
            label=words,
        )
        left = [a + b for a, b in zip(left, width, strict=True)]
    ax.set(
        yticks=range(len(rows)),
        yticklabels=[name for name, _ in rows],
        xlim=(0, max(n, 1)),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="students",
    )
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(STATES), frameon=False)
    return _svg(figure)


@plt.style.context("seaborn-v0_8-whitegrid")
def _histogram(totals: Sequence[float], max_score: int) -> str:
    figure, ax = plt.subplots(figsize=(8, 2.6))
    ax.hist(
        totals,
        bins=[max_score * i / 20 for i in range(21)],
        color=COLORS["primary"],
        edgecolor="white",
    )
    ax.set(xlabel=f"points of {max_score}", ylabel="students", xlim=(0, max_score))
    locator: Any = ax.yaxis.get_major_locator()
    locator.set_params(integer=True)
    return _svg(figure)
