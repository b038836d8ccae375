"""What a graded notebook is: kinds of cells, markers, when checks run. Standard library only.

``tools.check`` runs a student's notebook by it, ``grading`` what a class handed in, so that both
say the same.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CHECK",
    "HIDDEN",
    "MARKER",
    "TEXT_STUB",
    "Cell",
    "NotebookError",
    "Step",
    "fingerprint",
    "hidden_lines",
    "normal",
    "plan",
    "read_cells",
    "released",
    "stub",
    "without_checks",
]

CHECK = re.compile(
    r"^(?:def )?check_(\w+)\(", re.MULTILINE
)  # a check, or a call of one, at the margin
MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION *\n?", re.MULTILINE)
HIDDEN = re.compile(
    r"^ *### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS *\n?", re.DOTALL | re.MULTILINE
)
TEXT_STUB = "*Write your answer here.*"  # as nbgrader_config.py has it
_START = re.compile(r"@exercise\b|def check_\w+\(")
_CALL = re.compile(r"check_\w+\([^;]*\)\s*(?:#.*|;(?P<more>.*))?$")


class NotebookError(Exception):
    """A file that cannot be read as a notebook; the text says why, for the student."""


@dataclass(frozen=True)
class Cell:
    """A cell as far as grading needs it."""

    kind: str
    id: str
    grade_id: str
    source: str


def read_cells(data: bytes, label: str) -> list[Cell]:
    """Return the cells of a notebook given as bytes, whatever wrote it.

    Raises
    ------
    NotebookError
        With a sentence for the student.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if not text.strip():
        raise NotebookError(f"{label} is empty.")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise NotebookError(
            f"{label} is not a notebook: its text is not JSON. Hand in the .ipynb file itself."
        ) from None
    worksheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    if (
        isinstance(worksheets, list) and worksheets and isinstance(worksheets[0], dict)
    ):  # format 3, before 2015
        notebook = worksheets[0]
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise NotebookError(f"{label} is JSON, but no notebook: it has no cells.")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else ""
    return Cell(
        *(
            part if isinstance(part, str) else ""
            for part in (cell.get("cell_type"), cell.get("id"), grade_id, source)
        )
    )


@dataclass(frozen=True)
class Step:
    """One thing to do when a notebook runs from top to bottom.

    Attributes
    ----------
    at : int
        Of the cell.
    source : str
        The code to run, or "".
    check : str
        The slug of the exercise to check, or "".
    """

    at: int
    source: str = ""
    check: str = ""


def normal(source: str) -> str:
    """Return a source without what editors change: ends of lines, spaces there, blank ends."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def fingerprint(source: str) -> str:
    """Return twelve letters for a cell's source, the same for sources with the same ``normal``."""
    return hashlib.sha256(normal(source).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def released(source: str) -> str:
    """Return a check cell without its hidden tests."""
    return HIDDEN.sub("", source)


def stub(source: str) -> str:
    """Return an answer cell as it is released: open where the solution has its markers."""
    return re.sub(r"( *)### BEGIN SOLUTION.*?### END SOLUTION", r"\1...", source, flags=re.DOTALL)


def hidden_lines(source: str) -> frozenset[int]:
    """Return the numbers of the lines of a check cell that are hidden from students."""
    return frozenset(
        number
        for found in HIDDEN.finditer(source)
        for number in range(
            source.count("\n", 0, found.start()) + 1, source.count("\n", 0, found.end()) + 1
        )
    )


def without_checks(source: str) -> str:
    """Return what a cell holds beside its check, ``check_<slug>`` and its call.

    The text is cut by its lines and not parsed, since a cell may hold magics and errors.
    """
    kept, inside = [], False
    for line in normal(source).split("\n"):
        at_margin = line[:1] not in ("", " ", "\t", ")", "#")
        if _START.match(line):
            inside = True
        elif at_margin:
            inside = inside and line.startswith("@")
        call = _CALL.match(line)
        if not inside and (not call or call["more"]):
            kept.append(call["more"].strip() if call else line)
    return "\n".join(kept).strip("\n")


def plan(cells: Iterable[Cell], checks: dict[str, str]) -> list[Step]:
    """Say in which order the cells of a notebook and the checks of its exercises run.

    Parameters
    ----------
    cells : list of Cell
        Of the notebook that was handed in.
    checks : dict
        From the id of a check cell as released to its slug. Ids of cells that do not run at all map
        to "".

    Returns
    -------
    list of Step
        A check runs where its cell stands, known by its id or by the function that it defines or
        calls. A cell that holds other code beside its check runs that code first. A check without a
        cell is not among the steps: it comes at the end.
    """
    steps = []
    for at, cell in enumerate(cells):
        source = cell.source
        if cell.kind != "code" or not source.strip():
            continue
        known = [checks[name] for name in (cell.id, cell.grade_id) if name in checks]
        slugs = [slug for slug in CHECK.findall(normal(source)) if slug in checks.values()]
        if not slugs and known[:1] == [""]:
            continue
        slugs = slugs or known[:1]
        if rest := without_checks(source) if slugs else source:
            steps.append(Step(at, source=rest))
        steps += [Step(at, check=slug) for slug in dict.fromkeys(slugs)]
    return steps
