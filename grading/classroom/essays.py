"""Find the free-text answers of a notebook, wherever in it the student wrote them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.cells import Cell, normal

if TYPE_CHECKING:
    from grading.classroom.sheets import Question, Sheet

__all__ = ["Essay", "free_texts"]

NOTE = 40  # characters: what is shorter, and stands elsewhere, is a note and no answer


@dataclass(frozen=True)
class Essay:
    """A free-text answer.

    Attributes
    ----------
    text : str
        "" if there is none.
    cells : tuple of int
        Numbers of the code cells that hold some of it: they are no code.
    """

    text: str
    cells: tuple[int, ...]


def free_texts(sheet: Sheet, cells: Sequence[Cell]) -> dict[str, Essay]:
    """Return the free-text answer to each question of a sheet.

    It is looked for in the cell that was meant for it, of whatever kind; in new cells below the
    question; in the question's own cell; and, if there is nothing, in new text cells elsewhere.

    Parameters
    ----------
    sheet : Sheet
    cells : list of Cell
        Of the notebook that was handed in.

    Returns
    -------
    dict
        From the slug of a question to its Essay.
    """
    names = _names(sheet, cells)
    return {question.slug: _find(question, sheet, cells, names) for question in sheet.questions}


def _names(sheet: Sheet, cells: Sequence[Cell]) -> list[str]:
    """Return the id under which each cell was released; "" for one that the student added."""
    answers = {e.answer_id for e in sheet.exercises} | {q.answer_id for q in sheet.questions}
    known = answers | set(sheet.given) | set(sheet.checks)
    by_source = {normal(source): name for name, source in sheet.given.items()}
    by_function = {name: e.answer_id for e in sheet.exercises for name in e.names}
    by_task = {q.task[:60]: q.answer_id for q in sheet.questions if q.task_id == q.answer_id}
    found = []
    for cell in cells:
        name = next((name for name in (cell.id, cell.grade_id) if name in known), "")
        name = name or by_source.get(normal(cell.source), "")
        name = name or next((to for task, to in by_task.items() if task in normal(cell.source)), "")
        if not name and cell.kind == "code":
            defined = re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE)
            name = next((by_function[word] for word in defined if word in by_function), "")
            name = name or ("scorecard" if cell.source.lstrip().startswith("scorecard(") else "")
        found.append(name)
    return found


def _find(question: Question, sheet: Sheet, cells: Sequence[Cell], names: list[str]) -> Essay:
    asked = names.index(question.task_id) if question.task_id in names else -1
    meant = [at for at, name in enumerate(names) if name == question.answer_id]
    start = asked + 1 if asked >= 0 else meant[0] if meant else len(cells)
    below = range(start, len(cells))
    end = next((at for at in below if names[at] not in ("", question.answer_id)), len(cells))
    places = sorted({*meant, *range(start, end)})
    pieces = [
        (at, _added(cells[at].source, question.stub) if at in meant else _text(cells[at]))
        for at in places
    ]
    if asked >= 0 and asked not in meant:
        pieces.insert(0, (asked, _added(cells[asked].source, sheet.given[question.task_id])))
    new = [at for at, name in enumerate(names) if not name and cells[at].kind != "code"]
    for elsewhere in ([at for at in new if at in below], new):
        if not any(text for _, text in pieces):
            pieces = [(at, _text(cells[at])) for at in elsewhere]
            pieces = [(at, text) for at, text in pieces if at in below or len(text) >= NOTE]
    pieces = [(at, text) for at, text in pieces if text]
    return Essay(
        "\n\n".join(text for _, text in pieces),
        tuple(at for at, _ in pieces if cells[at].kind == "code"),
    )


def _text(cell: Cell) -> str:
    """Return what a new cell holds of an answer; code is none, but for what only shows a text."""
    text = normal(cell.source)
    if cell.kind == "code" and (shown := re.match(r"%%(markdown|latex|html)\b.*\n", text)):
        return text[shown.end() :]
    return "" if cell.kind == "code" and _is_code(text) else text


def _is_code(text: str) -> bool:
    if len(text) > 20_000:
        return True
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return bool(re.match(r"\s*[%!]", text))
    return not all(map(_is_text, statements))


def _is_text(statement: ast.stmt) -> bool:
    """Say whether a statement only holds a text: "…", print("…"), answer = "…"."""
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Assign):
        return isinstance(value, ast.Constant) and len(str(value.value)) >= NOTE
    if not isinstance(statement, ast.Expr):
        return False
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        nested = [part.args for part in value.args if isinstance(part, ast.Call)]
        return all(
            isinstance(part, ast.Constant | ast.Call) for part in [*value.args, *sum(nested, [])]
        ) and value.func.id in ("print", "display", "Markdown", "HTML")
    return isinstance(value, ast.Constant | ast.Name)


def _added(source: str, given: str) -> str:
    """Return what a student has written into a cell that was given."""
    source, given = normal(source), normal(given)
    if source.startswith(given):
        return source[len(given) :].strip()
    lines = set(given.split("\n"))
    return "\n".join(line for line in source.split("\n") if line not in lines).strip()
