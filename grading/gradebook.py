"""Write scores into an nbgrader gradebook, for those who keep their marks there."""

import os
import sys
from pathlib import Path

from grading.course import ROOT, cells_of, load_part
from grading.marks import read_marks
from grading.store import stored

__all__ = ["export"]


def export(results, url):
    """Write the results of a graded class into a gradebook.

    Parameters
    ----------
    results : Path
        The folder that ``grade --out`` wrote.
    url : str
        An SQLAlchemy URL: ``sqlite:///gradebook.db``, ``postgresql://…``.

    Returns
    -------
    int
        The exit code.
    """
    try:
        from nbgrader.api import Gradebook
    except ImportError:
        print("nbgrader is not installed here: pip install nbgrader.", file=sys.stderr)
        return 2
    here = str(Path(sys.executable).parent)  # nbgrader calls `alembic` by name, be the environment active or not
    os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    students = [found for path in sorted((results / "students").glob("*/*/*.json")) if (found := stored(path))]
    if not students:
        raise FileNotFoundError(f"There is no graded class in {results}.")
    marks = read_marks(results / "free_text.csv")
    with Gradebook(url) as book:
        for part in sorted({student["part"] for student in students}):
            book.update_or_create_assignment(part)
            for sheet in load_part(part, ROOT):
                _add_notebook(book, part, sheet.name)
        for student in students:
            _add_student(book, student, marks)
    print(f"{len(students)} students are in {url}.")
    return 0


def _add_notebook(book, part, name):
    book.update_or_create_notebook(name, part)
    for cell in cells_of(ROOT / "solutions" / part / f"{name}.ipynb"):
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade"):
            book.update_or_create_grade_cell(marks["grade_id"], name, part, max_score=marks["points"],
                                             cell_type=cell.cell_type)  # fmt: skip
        if marks.get("solution"):
            book.update_or_create_solution_cell(marks["grade_id"], name, part)


def _add_student(book, student, marks):
    book.update_or_create_student(student["student"])
    submission = book.update_or_create_submission(student["part"], student["student"])
    for graded in student["notebooks"]:
        notebook = next(n for n in submission.notebooks if n.name == graded["name"])
        scores = {f"check_{e['slug']}": e["points"] for e in graded["exercises"]}
        by_hand = {
            f"free_{q['slug']}": marks.get((student["student"], graded["name"], q["slug"]), (None, ""))[0]
            for q in graded["questions"]
        }
        for grade in notebook.grades:
            if grade.name in scores:
                grade.auto_score, grade.needs_manual_grade = scores[grade.name], False
            elif grade.name in by_hand:
                grade.manual_score = by_hand[grade.name]
                grade.needs_manual_grade = by_hand[grade.name] is None
    book.db.commit()
