"""The instructor's side of a notebook: what it asks, what its checks are, and what a check sees."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from grading import ROOT, CourseError
from tools.cells import MARKER, TEXT_STUB, released, stub, without_checks

__all__ = ["Exercise", "Question", "Sheet", "cells_of", "load_part", "parts"]


@dataclass(frozen=True)
class Exercise:
    """One check cell and the names that its answer cell is asked to define."""

    slug: str
    title: str
    points: int
    check: str
    names: tuple[str, ...]
    answer_id: str
    aids: str = ""  # what the check cell defines beside its check: the answer may use it
    stub: str = ""  # the answer cell as it is released
    solution: str = ""  # and as it is in the solution
    private: str = ""  # an instructor's own checks


@dataclass(frozen=True)
class Question:
    """A free-text question, marked by hand."""

    slug: str
    title: str
    points: int
    model: str
    task: str = ""
    task_id: str = ""  # of the cell that asks, which may be the cell of the answer
    answer_id: str = ""
    stub: str = ""  # the answer's cell as it is released


@dataclass(frozen=True)
class Sheet:
    """One exercise notebook as its solution defines it.

    Attributes
    ----------
    part, name : str
        Such as "1_landscape", "1_surfaces".
    setup : tuple of str
        The cells that every notebook has: imports and given functions.
    exercises : tuple of Exercise
    questions : tuple of Question
    checks : dict
        From the id of a check cell to its slug, and from the scorecard's to "": see
        ``tools.cells.plan``.
    given : dict
        From the id of a cell that is no answer to its source as it is released, to see what a
        student has changed.
    full : dict
        From the id of a check cell to its source in the solution, which somebody may hand in.
    key : str
        Changes when anything that decides a mark changes.
    """

    part: str
    name: str
    setup: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...]
    checks: dict[str, str] = field(hash=False, compare=False)
    given: dict[str, str] = field(hash=False, compare=False)
    full: dict[str, str] = field(hash=False, compare=False)
    key: str


def parts(root: Path = ROOT) -> list[str]:
    """Return the names of the parts that have solutions."""
    return sorted(path.name for path in (root / "solutions").iterdir() if path.is_dir())


def load_part(part: str, root: Path = ROOT, private: Path | str | None = None) -> list[Sheet]:
    """Read the sheets of a part from its solutions.

    Parameters
    ----------
    part : str
    root : Path
        The course's folder.
    private : Path, optional
        A folder with ``PART/NAME.py`` of further ``check_<slug>(answer)``, which must pass too.

    Returns
    -------
    list of Sheet

    Raises
    ------
    CourseError
    """
    folder = root / "solutions" / part
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(f"There is no part {part!r}: choose one of {', '.join(parts(root))}.")
    if private:
        _refuse_strangers(Path(private) / part, paths)
    return [
        _load(path, part, Path(private) / part / f"{path.stem}.py" if private else None)
        for path in paths
    ]


def _refuse_strangers(folder: Path, paths: Iterable[Path]) -> None:
    """Refuse a folder of private checks with a file of no notebook: it would never run."""
    files = sorted(folder.glob("*.py"))
    known = {path.stem for path in paths}
    if not files:
        raise CourseError(f"There are no checks of your own in {folder}: it holds no NOTEBOOK.py.")
    if strange := [file.name for file in files if file.stem not in known]:
        raise CourseError(
            f"{folder} has {', '.join(strange)}, but the part has no such notebook: name the files "
            f"{', '.join(f'{name}.py' for name in sorted(known))}."
        )


def cells_of(path: Path) -> list[SimpleNamespace]:
    """Read a solution's cells: id, cell_type, source, metadata. (To import nbformat takes 2 s.)"""
    return [
        SimpleNamespace(
            id=c["id"],
            cell_type=c["cell_type"],
            source="".join(c["source"]),
            metadata=c["metadata"],
        )
        for c in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]


def _load(path: Path, part: str, private_path: Path | None) -> Sheet:
    try:
        cells = cells_of(path)
    except Exception as error:
        raise CourseError(f"{path} cannot be read: {type(error).__name__}: {error}") from None
    private = (
        private_path.read_text(encoding="utf-8") if private_path and private_path.is_file() else ""
    )
    private_checks = _functions(private, private_path)
    setup: list[str] = []
    exercises: list[Exercise] = []
    questions: list[Question] = []
    checks, title = {"scorecard": ""}, path.stem
    given: dict[str, str] = {}
    full: dict[str, str] = {}
    answer: Any = None
    before: Any = None
    for cell in cells:
        marks = cell.metadata.get("nbgrader", {})
        if "solution-only" in cell.metadata.get("tags", []):
            continue
        if not marks.get("solution"):
            given[cell.id] = released(cell.source)
        if cell.cell_type == "markdown":
            if marks.get("grade"):
                asked, open_cell, model = _taken_apart(cell.source)
                if heading := re.match(r"#+ *(.+)", asked):
                    title = heading[1]
                asks = cell if asked else before
                questions.append(
                    Question(
                        marks["grade_id"].removeprefix("free_"),
                        title,
                        int(marks["points"]),
                        model,
                        _task(asked or before.source),
                        asks.id,
                        cell.id,
                        open_cell,
                    )
                )
            elif heading := re.match(r"#+ *(.+)", cell.source):
                title = heading[1]
            before = cell
        elif marks.get("solution"):
            answer = cell
        elif marks.get("grade"):
            slug = marks["grade_id"].removeprefix("check_")
            checks[cell.id], full[cell.id] = slug, cell.source
            exercises.append(
                Exercise(
                    slug,
                    title,
                    int(marks["points"]),
                    cell.source,
                    tuple(_functions(answer.source, path)),
                    answer.id,
                    without_checks(released(cell.source)),
                    stub(answer.source),
                    MARKER.sub("", answer.source),
                    private if f"check_{slug}" in private_checks else "",
                )
            )
        elif cell.id != "scorecard":
            setup.append(cell.source)
    known = [f"check_{exercise.slug}" for exercise in exercises]
    if unknown := [
        name for name in private_checks if name.startswith("check_") and name not in known
    ]:
        raise CourseError(
            f"{private_path} has {', '.join(unknown)}, but {path.stem} has no such exercise. Its "
            f"checks are called "
            f"{', '.join(known)}."
        )
    digest = hashlib.sha256(repr((setup, exercises, questions, private)).encode())
    for imported in (ROOT / "helpers.py", *sorted((ROOT / "downhill").glob("*.py"))):
        digest.update(imported.read_bytes())
    return Sheet(
        part,
        path.stem,
        tuple(setup),
        tuple(exercises),
        tuple(questions),
        checks,
        given,
        full,
        digest.hexdigest(),
    )


def _functions(source: str, path: Path | None) -> list[str]:
    try:
        return [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError as error:
        raise CourseError(f"{path}: {error}") from None


def _task(source: str) -> str:
    return re.sub(r"^#+ *.+\n", "", source).strip()


def _taken_apart(source: str) -> tuple[str, str, str]:
    """Return what stands above a model answer, its cell as it is released, and the answer."""
    asked, _, rest = source.partition("### BEGIN SOLUTION")
    model, _, below = rest.partition("### END SOLUTION")
    return asked.strip(), f"{asked}{TEXT_STUB}{below}", model.strip()
