"""Put together what is stored: a student over all parts and batches, the best copies, the marks."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading import ROOT, GradingError
from grading.classroom.marks import Mark, Row, read_marks, settled
from grading.classroom.sheets import Sheet, load_part, parts
from grading.classroom.store import everything

if TYPE_CHECKING:
    from grading.classroom.submissions import Submission

__all__ = ["EMPTY", "Book", "Column", "Student", "Work", "merged", "open_book"]

EMPTY = "vempty"  # the version of an answer in which nothing was written


@dataclass(frozen=True)
class Column:
    """What is worth points: an exercise, or a question that is marked by hand."""

    part: str
    notebook: str
    slug: str
    title: str
    max_score: int
    by_hand: bool
    asked: Any  # the Exercise or Question

    @property
    def key(self) -> tuple[str, str, str]:
        """Part, notebook and slug."""
        return self.part, self.notebook, self.slug


@dataclass(frozen=True)
class Work:
    """What counts of one student's work in one part.

    Attributes
    ----------
    notebooks : dict
        From the name to what a result holds of the copy that counts.
    flags, notes : tuple of str
        For the instructor; for the student.
    batches : tuple of str
        In which there is work of this student.
    graded : bool
        Whether a notebook was found and graded.
    """

    notebooks: dict[str, dict[str, Any]]
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    batches: tuple[str, ...]
    graded: bool


@dataclass(frozen=True)
class Student:
    """All that is stored of one identity: ``slug`` names its page, ``work`` is Work by part."""

    id: str
    name: str
    lms_id: str
    slug: str
    work: dict[str, Work]


@dataclass(frozen=True)
class Book:
    """A class: what is worth points, who has handed in, and the marks given by hand.

    Attributes
    ----------
    columns : tuple of Column
        Of each part that is stored or just graded, in the course's order.
    students : list of Student
    marks : dict
        From (identity, part, notebook, question) to Mark, as it holds for the present text.
    kept : list of marks.Row
        Marks of parts and students of which nothing is stored here.
    broken : list of Path
        Stored files that cannot be read.
    mixed : list of str
        Sentences on parts of which some results were made with other checks than others.
    """

    columns: tuple[Column, ...]
    students: list[Student]
    marks: dict[tuple[str, str, str, str], Mark]
    kept: list[Row]
    broken: list[Path]
    mixed: list[str]

    @property
    def parts(self) -> list[str]:
        """The parts that the columns are of."""
        return sorted({column.part for column in self.columns})

    def of(self, part: str, by_hand: bool | None = None) -> list[Column]:
        """Return the columns of a part; all, or those (not) marked by hand."""
        return [c for c in self.columns if c.part == part and by_hand in (None, c.by_hand)]

    def max_score(self, part: str | None = None) -> int:
        """Return the points that a part is worth, or all parts together."""
        return sum(column.max_score for column in self.columns if part in (None, column.part))

    def exercise(self, student: Student, column: Column) -> dict[str, Any]:
        """Return what a student's result says of an exercise; it is "absent" if there is none."""
        found = _entry(student, column, "exercises")
        return found or {
            "slug": column.slug,
            "points": 0,
            "max_score": column.max_score,
            "state": "absent",
            "said": [],
            "problem": "",
            "detail": "",
        }

    def question(self, student: Student, column: Column) -> dict[str, Any] | None:
        """Return a student's text as a result holds it, or None if there is no notebook."""
        return _entry(student, column, "questions")

    def mark(self, student: Student, column: Column) -> Mark | None:
        """Return the Mark of a student's text, or None."""
        return self.marks.get((student.id, *column.key))

    def points(self, student: Student, part: str) -> float:
        """Return a student's points in a part, those given by hand among them."""
        total = sum(
            self.exercise(student, column)["points"] for column in self.of(part, by_hand=False)
        )
        marks = [self.mark(student, column) for column in self.of(part, by_hand=True)]
        return total + sum(m.mark for m in marks if m and m.mark is not None)

    def waits(self, student: Student, column: Column) -> bool:
        """Return whether a text waits for its mark."""
        question, mark = self.question(student, column), self.mark(student, column)
        return (
            question is not None
            and version(question) != EMPTY
            and (mark is None or mark.mark is None)
        )


def open_book(
    out: Path, sheets: Sequence[Sheet] = (), submissions: Iterable[Submission] = ()
) -> Book:
    """Read a results folder.

    Parameters
    ----------
    out : Path
    sheets : list of Sheet
        Of the part that is graded now, if there is one.
    submissions : list of Submission
        Of this run: whoever is in it may have a mark before there is a result.

    Returns
    -------
    Book

    Raises
    ------
    GradingError
        A mark that is none or nobody's; results of a part that the course does not have.
    """
    results, broken = everything(out)
    own = {sheets[0].part: sheets} if sheets else {}
    stored = {result["part"] for result in results}
    if strange := sorted(stored - set(parts())):
        raise GradingError(
            f"{out} holds results of {strange[0]}, a part that this course does not have: choose "
            f"another "
            "--out."
        )
    loaded = {part: own.get(part) or load_part(part, ROOT) for part in parts()}
    here = sorted(stored | set(own))
    columns = tuple(column for part in here for sheet in loaded[part] for column in _columns(sheet))
    elsewhere = [sheet for part in loaded if part not in here for sheet in loaded[part]]
    others = {
        (sheet.part, sheet.name, question.slug)
        for sheet in elsewhere
        for question in sheet.questions
    }
    people = {(result["id"], result["student"], result["lms_id"]) for result in results}
    people |= {(s.id, s.student, s.lms_id) for s in submissions}
    max_score = {column.key: column.max_score for column in columns if column.by_hand}
    marks, kept = read_marks(out / "free_text.csv", sorted(people), max_score, others, bool(broken))
    students = merged(results)
    stored_ids = {student.id for student in students}
    kept += [mark.row for key, mark in marks.items() if mark.row and key[0] not in stored_ids]
    texts = {
        (s.id, *c.key): _entry(s, c, "questions") for s in students for c in columns if c.by_hand
    }
    marks = {
        key: settled(mark, version(text) if (text := texts.get(key)) else None)
        for key, mark in marks.items()
    }
    return Book(columns, students, marks, kept, broken, _mixed(results))


def _mixed(results: Iterable[dict[str, Any]]) -> list[str]:
    """Say of which parts the results were not all made with the same checks."""
    made: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for result in results:
        if checks := result.get("checks"):
            made[result["part"]][checks].add(result["batch"])
    said = []
    for part, places in made.items():
        if len(places) > 1:
            names = sorted({name.rpartition("-")[0] for each in places.values() for name in each})
            said.append(
                f"{part}: not all results were made with the same checks (corrected ones, your own "
                f"with --tests, another version). Grade all of it again: {', '.join(names)}."
            )
    return said


def version(question: dict[str, Any]) -> str:
    """Return which text a result holds, by its hash, or ``EMPTY``."""
    return EMPTY if question["empty"] else question["version"]


def _columns(sheet: Sheet) -> Iterator[Column]:
    for exercise in sheet.exercises:
        yield Column(
            sheet.part, sheet.name, exercise.slug, exercise.title, exercise.points, False, exercise
        )
    for question in sheet.questions:
        yield Column(
            sheet.part, sheet.name, question.slug, question.title, question.points, True, question
        )


def _entry(student: Student, column: Column, kind: str) -> dict[str, Any] | None:
    work = student.work.get(column.part)
    notebook = work.notebooks.get(column.notebook) if work else None
    return (
        next((entry for entry in notebook[kind] if entry["slug"] == column.slug), None)
        if notebook
        else None
    )


def merged(results: Iterable[dict[str, Any]]) -> list[Student]:
    """Return the students of the stored results, sorted by name.

    Parameters
    ----------
    results : list of dict
        From ``store.everything``, in its order: among equally good copies the one in the last
        batch counts.

    Returns
    -------
    list of Student
    """
    own = defaultdict(list)
    for result in results:
        own[result["id"]].append(result)
    students, taken = [], set()
    for who, mine in sorted(
        own.items(), key=lambda item: (item[1][0]["student"].casefold(), item[0])
    ):
        first, parts = mine[0], sorted({result["part"] for result in mine})
        slug, number = first["slug"], 1
        while slug.casefold() in taken:  # two identities of one file name, from two batches
            number += 1
            slug = f"{first['slug']}-{number}"
        taken.add(slug.casefold())
        work = {
            part: _work([result for result in mine if result["part"] == part]) for part in parts
        }
        students.append(Student(who, first["student"], first["lms_id"], slug, work))
    return students


def _work(results: list[dict[str, Any]]) -> Work:
    """Return what counts of one student's results in one part, one result a batch."""
    batches = tuple(result["batch"] for result in results)
    flags, notes = (
        list(dict.fromkeys(s for r in results for s in r[key])) for key in ("flags", "notes")
    )
    copies = defaultdict(list)
    for result in results:
        for notebook in result["notebooks"]:
            copies[notebook["name"]].append((result["batch"], notebook))
    for name, each in copies.items():
        handed = [(batch, notebook) for batch, notebook in each if notebook["file"]]
        if len({_content(notebook) for _, notebook in handed}) > 1:
            places = [_readable(batch, batches) for batch, _ in handed]
            flags.append(
                f"{name} was handed in more than once, in {' and in '.join(places)}; the best "
                f"counts."
            )
    if (
        len(
            names := sorted({unicodedata.normalize("NFC", result["student"]) for result in results})
        )
        > 1
    ):
        flags.append(f"One identity, several names: {', '.join(names)}. Is that one student?")
    best = {name: _best(each) for name, each in copies.items()}
    for notebook in best.values():
        if any(e["state"] not in ("unanswered", "absent") for e in notebook["exercises"]):
            flags += [
                f"{notebook['file']}: the free-text answer ({q.get('title', q['slug'])}) is empty."
                for q in notebook["questions"]
                if version(q) == EMPTY
            ]
    return Work(
        best,
        tuple(flags),
        tuple(notes),
        batches,
        any(notebook["file"] for each in copies.values() for _, notebook in each),
    )


def _best(copies: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the copy that counts; a text that it lacks is taken from the next one that has it."""
    ranked = sorted((notebook for _, notebook in reversed(copies)), key=_rank, reverse=True)
    questions = [
        next(
            (
                q
                for other in ranked
                for q in other["questions"]
                if q["slug"] == own["slug"] and version(q) != EMPTY
            ),
            own,
        )
        for own in ranked[0]["questions"]
    ]
    return ranked[0] | {"questions": questions}


def _rank(notebook: dict[str, Any]) -> tuple[bool, float, int]:
    return (
        bool(notebook["file"]),
        notebook["points"],
        sum(version(q) != EMPTY for q in notebook["questions"]),
    )


def _content(notebook: dict[str, Any]) -> str:
    """Return what makes the work of two copies the same, wherever they lie."""
    texts = [(q["slug"], q["text"]) for q in notebook["questions"]]
    verdicts = [(e["slug"], e["state"]) for e in notebook["exercises"]]
    return json.dumps([notebook["answers"], texts, verdicts], sort_keys=True)


def _readable(batch: str, batches: Sequence[str]) -> str:
    """Return a batch's name without the hash of its place, unless others are called the same."""
    short = re.sub(r"-[0-9a-f]{8}$", "", batch)
    return (
        short
        if sum(re.sub(r"-[0-9a-f]{8}$", "", other) == short for other in batches) == 1
        else batch
    )
