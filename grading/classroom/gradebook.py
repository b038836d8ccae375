"""Write scores into an nbgrader gradebook, for those who keep their marks there."""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from grading import ROOT, GradingError
from grading.classroom.classbook import Book, Student, open_book
from grading.classroom.sheets import cells_of
from grading.classroom.store import check_format

__all__ = ["export"]


def export(results: Path, url: str) -> int:
    """Write the results of a graded class into a gradebook.

    Parameters
    ----------
    results : Path
        The folder that ``grade --out`` wrote. All its parts and batches are exported, as in its
        tables.
    url : str
        An SQLAlchemy URL: ``sqlite:///downhill-grades.db``, ``postgresql://…``.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    GradingError
        If there is no graded class, or the database cannot be written.
    """
    try:
        from nbgrader.api import Gradebook
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise GradingError("nbgrader is not installed here: pip install nbgrader.") from None
    if not (results / "students").is_dir():
        raise GradingError(f"There is no graded class in {results}.")
    check_format(results)
    here = str(
        Path(sys.executable).parent
    )  # nbgrader calls `alembic` by name, be the environment active or not
    os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    book = open_book(results)
    if not book.students:
        raise GradingError(f"There is no graded class in {results}.")
    try:
        with warnings.catch_warnings(), Gradebook(url) as gradebook:
            warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy
            for part in book.parts:
                gradebook.update_or_create_assignment(part)
                for name in dict.fromkeys(column.notebook for column in book.of(part)):
                    _add_notebook(gradebook, part, name)
            for student in book.students:
                for part in student.work:
                    _add_submission(gradebook, book, student, part)
    except (SQLAlchemyError, ImportError, OSError) as error:  # ImportError: the database's driver
        raise GradingError(f"{url} cannot be written: {str(error).splitlines()[0]}") from None
    print(f"{len(book.students)} students are in {url}.")
    return 0


def _add_notebook(gradebook: Any, part: str, name: str) -> None:
    gradebook.update_or_create_notebook(name, part)
    for cell in cells_of(ROOT / "solutions" / part / f"{name}.ipynb"):
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade"):
            gradebook.update_or_create_grade_cell(
                marks["grade_id"], name, part, max_score=marks["points"], cell_type=cell.cell_type
            )
        if marks.get("solution"):
            gradebook.update_or_create_solution_cell(marks["grade_id"], name, part)


def _add_submission(gradebook: Any, book: Book, student: Student, part: str) -> None:
    named = {"last_name": student.name, "lms_user_id": student.lms_id} if student.lms_id else {}
    gradebook.update_or_create_student(student.id, **named)
    submission = gradebook.update_or_create_submission(part, student.id)
    grades = {
        (notebook.name, grade.name): grade
        for notebook in submission.notebooks
        for grade in notebook.grades
    }
    for column in book.of(part):
        wanted = column.notebook, f"{'free' if column.by_hand else 'check'}_{column.slug}"
        if wanted not in grades:
            raise GradingError(
                f"The gradebook was made for other exercises: {student.id} has no cell "
                f"{wanted[1]} of {part}/"
                f"{column.notebook} in it. Export into a new one with --db."
            )
        grade = grades[wanted]
        if column.by_hand:
            mark = book.mark(student, column)
            grade.manual_score = mark.mark if mark else None
            grade.needs_manual_grade = book.waits(student, column)
        else:
            grade.auto_score = book.exercise(student, column)["points"]
            grade.needs_manual_grade = False
    gradebook.db.commit()
