"""Read the marks that were given by hand."""

import csv
import io

from grading import Refused

__all__ = ["FREE_TEXT", "BadMarks", "read_marks"]

FREE_TEXT = ("student", "notebook", "question", "worth", "mark", "comment", "answer")


class BadMarks(Refused):
    """The file with the marks given by hand has something in it that is no mark."""


def read_marks(path):
    """Read the marks that were written into ``free_text.csv``.

    Parameters
    ----------
    path : Path
        If it does not exist there are no marks yet.

    Returns
    -------
    dict
        (student, notebook, question) to (mark or None, comment).

    Raises
    ------
    BadMarks
    """
    marks = {}
    if not path.is_file():
        return marks
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    for line, row in enumerate(csv.DictReader(io.StringIO(text), delimiter=delimiter), start=2):
        if not {"student", "notebook", "question", "mark", "worth"} <= set(row):
            raise BadMarks(f"{path} lacks a column; it needs {', '.join(FREE_TEXT)}.")
        written = (row["mark"] or "").strip().replace(",", ".")
        try:
            mark = float(written) if written else None
        except ValueError:
            mark = float("nan")
        if mark is not None and not 0 <= mark <= float(row["worth"]):
            raise BadMarks(f"{path}, row {line}: the mark {row['mark']!r} is not a number from 0 to {row['worth']}.")
        key = tuple(_bare(row[name]) for name in ("student", "notebook", "question"))
        marks[key] = (mark, _bare(row.get("comment") or ""))
    return marks


def _bare(value):
    return value[1:] if value[:1] == "'" and value[1:2] in tuple("=+-@\t\r") else value
