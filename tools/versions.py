"""Tell a notebook's release, and put a later one around its answers. Standard library only.

``exercises/versions.json`` knows every cell that was ever released, apart from those that students
fill in: ``{"PART/NAME": {cell id: [[fingerprint, date], ...]}}``, the oldest first. ``make
exercises`` writes it. So a cell in work/ that an earlier release had can be told from one that a
student has changed.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cells import CHECK, NotebookError, fingerprint
from tools.relink import plain, source_of

__all__ = ["NotebookError", "Change", "changes", "load", "read", "record", "released", "updated"]

ROOT = Path(__file__).resolve().parent.parent
NAME = "versions.json"
Known = dict[str, list[tuple[str, str]]]  # what was released of a notebook: see `released`


def load(root: Path | str = ROOT) -> dict[str, Any]:
    """Return the whole history, or an empty one where there is none."""
    path = Path(root) / "exercises" / NAME
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def released(part: str, name: str, root: Path | str = ROOT) -> dict[str, list[tuple[str, str]]]:
    """Return what was ever released of an exercise notebook.

    Parameters
    ----------
    part, name : str
        Such as "1_landscape", "1_surfaces".
    root : path
        The course's folder.

    Returns
    -------
    dict
        From the id of a cell to a list of (fingerprint, date), the oldest first. That of a code
        cell is ``tools.cells.fingerprint`` of its source; that of a text does not count where its
        links lead. The date is that of the release, as YYYY-MM-DD.
    """
    return {
        cell: [tuple(version) for version in versions]
        for cell, versions in load(root).get(f"{part}/{name}", {}).items()
    }


def record(folder: Path, date: str) -> None:
    """Add what is new in a folder of exercises to its history; without news the file stays.

    Parameters
    ----------
    folder : Path
        Such as exercises/.
    date : str
        YYYY-MM-DD.
    """
    history = load(folder.parent)
    before = json.dumps(history)
    for path in sorted(folder.glob("*/*.ipynb")):
        note(history.setdefault(f"{path.parent.name}/{path.stem}", {}), read(path), date)
    if json.dumps(history) != before:
        lines = [
            f'"{name}": {{\n'
            + ",\n".join(
                f"  {json.dumps(cell)}: {json.dumps(versions)}" for cell, versions in cells.items()
            )
            + "\n}"
            for name, cells in sorted(history.items())
        ]
        (folder / NAME).write_text(
            "{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n"
        )


def note(known: dict[str, list[list[str]]], notebook: dict[str, Any], date: str) -> None:
    """Add a notebook's cells to the history of that notebook, in place."""
    for cell in notebook["cells"]:
        if not is_answer(cell):
            versions = known.setdefault(cell["id"], [])
            if _mark(cell) not in [mark for mark, _ in versions]:
                versions.append([_mark(cell), date])


def read(path: Path | str) -> dict[str, Any]:
    """Read the JSON of a notebook.

    Raises
    ------
    NotebookError
    """
    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        for cell in notebook["cells"]:
            cell["cell_type"] + source_of(cell) + cell.get("id", ""), _graded(cell).get("solution")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotebookError(
            f"{path} is not a notebook that can be read ({type(error).__name__})"
        ) from None
    return notebook


def is_answer(cell: dict[str, Any]) -> bool:
    """Say whether a cell is one that students fill in, code or text."""
    return bool(_graded(cell).get("solution"))


def _graded(cell: dict[str, Any]) -> dict[str, Any]:
    return cell.get("metadata", {}).get("nbgrader") or {}


def _is_check(cell: dict[str, Any]) -> bool:
    return bool(
        CHECK.search(source_of(cell)) or (_graded(cell).get("grade") and not is_answer(cell))
    )


def _mark(cell: dict[str, Any]) -> str:
    source = source_of(cell)
    return fingerprint(plain(source) if cell["cell_type"] == "markdown" else source)


def _defined(cell: dict[str, Any]) -> set[str]:
    """Return the names of the functions that a code cell defines at its left margin."""
    return (
        set(re.findall(r"^def (\w+)\(", source_of(cell), re.MULTILINE))
        if cell["cell_type"] == "code"
        else set()
    )


# -- what belongs to what --------------------------------------------------------------------


def _matched(
    mine: list[dict[str, Any]], given: list[dict[str, Any]], known: Known
) -> dict[int, int]:
    """Return {position in `given`: position in `mine`}: by id, nbgrader's id, then content.

    An answer is also found where its function is defined, if that cell is another's place too: two
    cells merged.
    """
    found: dict[int, int] = {}
    used: set[int] = set()

    def take(tell: Callable[[dict[str, Any]], str | None]) -> None:
        places: dict[str, int] = {}
        for at, cell in enumerate(mine):
            if at not in used and (key := tell(cell)):
                places.setdefault(key, at)
        for at, cell in enumerate(given):
            if (
                at not in found
                and (key := tell(cell))
                and (place := places.get(key)) is not None
                and place not in used
            ):
                found[at] = place
                used.add(place)

    take(lambda cell: cell.get("id"))
    take(lambda cell: _graded(cell).get("grade_id"))
    for at, cell in enumerate(given):
        if at in found:
            continue
        if names := is_answer(cell) and _defined(cell):
            places = [place for place, other in enumerate(mine) if names <= _defined(other)]
        else:
            marks = {_mark(cell), *(mark for mark, _ in known.get(cell["id"], []))}
            places = [
                place
                for place, other in enumerate(mine)
                if place not in used and _mark(other) in marks
            ]
        if places:
            found[at] = places[0]
            used.add(places[0])
    return found


def _since(
    mine: list[dict[str, Any]], given: list[dict[str, Any]], known: Known, found: dict[int, int]
) -> str:
    """Return the date of the newest released cell in a student's notebook, "" without one."""
    dates = [
        date
        for at, place in found.items()
        for mark, date in known.get(given[at]["id"], [])
        if mark == _mark(mine[place])
    ]
    return max(dates, default="")


@dataclass(frozen=True)
class Change:
    """One thing that a later release has changed: "new", "revised" or "removed", and in words.

    `at` is the cell's position in the released notebook, `place` that in the student's, None where
    there is none; `own` says that the student has changed the cell too.
    """

    kind: str
    what: str
    at: int | None
    place: int | None
    own: bool = False


def changes(mine: dict[str, Any], given: dict[str, Any], known: Known) -> list[Change]:
    """List what a release has changed against a student's notebook, not what the student has.

    Parameters
    ----------
    mine, given : dict
        The notebooks' JSON: the student's, and the exercise as it is released now.
    known : dict
        What ``released`` returns for it.

    Returns
    -------
    list of Change
        In the order of the released notebook. Empty where nothing is known of earlier releases.
    """
    if not known:
        return []
    student, release = mine["cells"], given["cells"]
    found = _matched(student, release, known)
    listed: list[Change] = []
    since = _since(student, release, known, found)
    for at, cell in enumerate(release):
        if is_answer(cell):
            if at not in found and _is_new(release, at, known, since):
                listed.append(Change("new", _words(release, at), at, None))
            continue
        now = _mark(cell)
        dates = dict(known.get(cell["id"], []))
        if at not in found:
            if dates and min(dates.values()) > since:
                listed.append(Change("new", _words(release, at), at, None))
            continue
        has = _mark(student[found[at]])
        if has != now and (has in dates or (len(dates) > 1 and dates.get(now, "") > since)):
            listed.append(Change("revised", _words(release, at), at, found[at], has not in dates))
    there, used = {cell["id"] for cell in release}, set(found.values())
    for place, cell in enumerate(student):
        if (
            place not in used
            and cell.get("id") in known
            and cell["id"] not in there
            and not is_answer(cell)
        ):
            own = _mark(cell) not in dict(known[cell["id"]])
            listed.append(Change("removed", _words(student, place), None, place, own))
    return listed


def _is_new(given: list[dict[str, Any]], at: int, known: Known, since: str) -> bool:
    """Say whether an answer, which has no history, belongs to a check that a copy is older than."""
    after = (cell for cell in given[at + 1 :] if not is_answer(cell))
    before = (cell for cell in reversed(given[:at]) if not is_answer(cell))
    nearest = next(after if given[at]["cell_type"] == "code" else before, None)
    dates = [date for _, date in known.get(nearest["id"], [])] if nearest else []
    return bool(dates) and min(dates) > since


def _words(cells: list[dict[str, Any]], at: int) -> str:
    """Say what a cell is, by its heading."""
    heading = ""
    for cell in cells[: at + 1]:
        if cell["cell_type"] == "markdown" and (
            lines := re.findall(r"^#+ +(.+)$", source_of(cell), re.MULTILINE)
        ):
            heading = lines[-1].lstrip("★ ").strip()
    cell = cells[at]
    if cell["cell_type"] == "markdown":
        kind = "the place for the answer" if is_answer(cell) else "the text"
    elif is_answer(cell):
        kind = "the answer cell"
    else:
        kind = "the check" if _is_check(cell) else "the given code"
    return f'{kind} of "{heading}"' if heading else kind


# -- the update ------------------------------------------------------------------------------


def updated(mine: dict[str, Any], given: dict[str, Any], known: Known) -> dict[str, Any]:
    """Put a release around a student's answers.

    Answers, free text and cells that the student has added stay as they are and where they are. A
    cell that an earlier release had becomes that of this one; a missing cell comes to its place.
    Where the student has changed a cell that was revised, the new one stands before it; a changed
    check alone is not kept, since two would run.

    Parameters
    ----------
    mine, given : dict
        The notebooks' JSON: the student's, and the exercise as it is released now.
    known : dict
        What ``released`` returns for it.

    Returns
    -------
    dict
        A notebook; `mine` is left as it is.
    """
    cells, release = [dict(cell) for cell in mine["cells"]], given["cells"]
    found = _matched(cells, release, known)
    asked = set().union(*(_defined(cell) for cell in release if is_answer(cell)))
    after: dict[int, list[dict[str, Any]]] = {}  # new cells by the place they follow
    dropped: set[int] = set()  # places that go
    stays: dict[int, int] = {}  # where a cell stands
    for change in changes(mine, given, known):
        if change.place is None:  # it is new
            continue
        old = cells[change.place]
        if change.at is None:  # it was removed
            if change.own:
                cells[change.place] = _as_own(old)
            else:
                dropped.add(change.place)
            continue
        cell = dict(release[change.at])
        if asked & _defined(old):
            # An answer was put into a given cell: it stays, and the new cell comes after it.
            cells[change.place] = _as_own(old)
            after.setdefault(change.place, []).append(cell)
        elif change.own and not _is_check(old):
            cells[change.place] = cell
            after.setdefault(change.place, []).append(_as_own(old))
        else:
            cells[change.place] = cell
    for at, cell in enumerate(release):
        if at in found:
            stays[at] = found[at]
            if "id" not in cells[found[at]]:
                cells[found[at]]["id"] = cell["id"]
            continue
        stays[at] = stays.get(at - 1, -1)  # after its predecessor, wherever the student has that
        after.setdefault(stays[at], []).append(dict(cell))
    done = after.get(-1, [])
    for place, cell in enumerate(cells):
        done += [] if place in dropped else [cell]
        done += after.get(place, [])
    return {
        **mine,
        "cells": _with_ids(done),
        "nbformat": 4,
        "nbformat_minor": max(5, mine.get("nbformat_minor", 5)),
    }


def _as_own(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell as one that the student has added: without the course's id and marks."""
    metadata = {key: value for key, value in cell.get("metadata", {}).items() if key != "nbgrader"}
    return {key: value for key, value in cell.items() if key != "id"} | {"metadata": metadata}


def _with_ids(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each cell without an id, and each but the first with the same one, an id of its own."""
    taken, done = {cell["id"] for cell in cells if "id" in cell}, set()
    for cell in cells:
        if "id" not in cell or cell["id"] in done:
            number = 1
            while f"own-{number}" in taken:
                number += 1
            cell["id"] = f"own-{number}"
            taken.add(cell["id"])
        done.add(cell["id"])
    return cells
