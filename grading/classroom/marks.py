"""Read the marks given by hand, whatever a spreadsheet has made of the file, and never lose one."""

import codecs
import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from grading import GradingError

__all__ = ["FREE_TEXT", "MarksError", "Mark", "bare", "read_marks", "safe", "settled"]

LIVE = "=+-@\t\r＝＋－＠"  # what a spreadsheet takes for the beginning of a formula
NUMBER = re.compile(r"\d+([.,]\d*)?|[.,]\d+")
MOST = 8  # faults that are named at once


class Row(NamedTuple):
    """A row of the file: its number in a spreadsheet, its cells, and what columns were added."""

    number: int
    student: str
    lms_id: str
    part: str
    notebook: str
    question: str
    worth: str
    mark: str
    comment: str
    earlier_mark: str
    version: str
    answer: str
    extra: tuple[tuple[str, str], ...]


FREE_TEXT = Row._fields[1:-1]  # the file's titles


class MarksError(GradingError):
    """The file with the marks given by hand has something in it that is no mark, or is nobody's."""


@dataclass(frozen=True)
class Mark:
    """What was written by hand about one answer.

    Attributes
    ----------
    mark : float or None
    comment : str
    earlier : str
        In words: marks for texts that have changed since.
    version : str
        Of the text that the mark is for; "" if the file does not say so.
    row : Row or None
        Of the file, as it stands there.
    extra : tuple of (str, str)
        What stands in columns that the marker has added.
    """

    mark: float | None = None
    comment: str = ""
    earlier: str = ""
    version: str = ""
    row: Row | None = None
    extra: tuple[tuple[str, str], ...] = ()


def read_marks(
    path: Path,
    people: Iterable[tuple[str, str, str]],
    worth: dict[tuple[str, str, str], int],
    others: Collection[tuple[str, str, str]] = frozenset(),
    lost: bool = False,
) -> tuple[dict[tuple[str, str, str, str], Mark], list[Row]]:
    """Read the marks that were written into ``free_text.csv``.

    Parameters
    ----------
    path : Path
        If it does not exist there are no marks yet.
    people : iterable of (str, str, str)
        Identity, name and number in the learning platform of everybody who may have a mark.
    worth : dict
        From (part, notebook, question) to the points it is worth.
    others : set of (str, str, str)
        Questions of parts that are not graded here yet.
    lost : bool
        Whether there are results that cannot be read: a row that is nobody's may belong to one of
        them.

    Returns
    -------
    dict
        (identity, part, notebook, question) to Mark.
    list of Row
        Rows of the other questions, and of the lost, to be kept as they are.

    Raises
    ------
    MarksError
        With every row that is at fault. Nothing has been written then.
    """
    find, known = _finder(people, lost), {**worth, **dict.fromkeys(others)}
    marks: dict[tuple[str, str, str, str], Mark] = {}
    kept: list[Row] = []
    faults: list[str] = []
    for row in _rows(path):
        if not (row.mark or row.comment or row.earlier_mark or row.extra):
            continue  # nothing was written by hand: the row is made anew
        try:
            question = _question(row, known)
            if question in others:
                kept.append(row)
                continue
            owner = find(row)
            if owner is None:
                kept.append(row)
                continue
            key = (owner, *question)
            given = Mark(
                _number(row, worth[question]),
                row.comment,
                row.earlier_mark,
                row.version,
                row,
                row.extra,
            )
            marks[key] = _joined(marks[key], given) if key in marks else given
        except _Fault as fault:
            faults.append(f"{path}, row {row.number}: {fault}")
    if faults:
        more = [f"… and {len(faults) - MOST} more rows."] if len(faults) > MOST else []
        raise MarksError("\n".join([*faults[:MOST], *more, "Nothing was changed."]))
    return marks, kept


def settled(given: Mark | None, version: str | None) -> Mark:
    """Return what holds for the present text: a mark for another text becomes an earlier one.

    Parameters
    ----------
    given : Mark or None
    version : str or None
        Of the present text; None if there is no notebook to have one.
    """
    given = given or Mark()
    if given.mark is None or version is None or given.version in ("", version):
        return given
    was = f"{given.mark:g} for the text before it changed" + (
        f": {given.comment}" if given.comment else ""
    )
    return replace(
        given, mark=None, comment="", earlier="; ".join(filter(None, (was, given.earlier)))
    )


def safe(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and (
        value[:1] in tuple(LIVE) or (value[:1] == "'" and value[1:2] in tuple("'" + LIVE))
    ):
        return f"'{value}"
    return value


def bare(cell: str) -> str:
    """Return what ``safe`` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("'" + LIVE) else cell


class _Fault(Exception):
    """What is wrong with one row."""


# ----------------------------------------------------------------------------------------- the file


def _rows(path: Path) -> Iterator[Row]:
    """Yield the rows below the titles, with the numbers that a spreadsheet shows."""
    if not path.is_file():
        return
    lines = _table(path)
    filled = [at for at, line in enumerate(lines) if any(cell.strip() for cell in line)]
    if filled and lines[filled[0]][0].strip().lower().startswith(
        "sep="
    ):  # what tells a spreadsheet the delimiter
        del filled[0]
    if not filled:
        raise MarksError(
            f"{path} is empty. Take it away, and it is made anew, or put back what was in it."
        )
    head = filled[0]
    titles = [cell.strip().casefold() for cell in lines[head]]
    lacking = {"notebook", "question", "mark"} - set(titles)
    if lacking or not {"student", "lms_id"} & set(titles):
        raise MarksError(
            f"{path} lacks a column ({', '.join(sorted(lacking)) or 'student'}). Its first row "
            f"must name "
            f"them: {', '.join(FREE_TEXT)}."
        )
    if twice := sorted(
        {title for title in titles if title in FREE_TEXT and titles.count(title) > 1}
    ):
        raise MarksError(f"{path} has the column {twice[0]!r} twice: keep one.")
    for number, line in enumerate(lines[head + 1 :], start=head + 2):
        if any(cell.strip() for cell in line[len(titles) :]):
            raise MarksError(
                f"{path}, row {number}: it has more cells than there are titles. A text with a "
                f"comma or a "
                "line break in it must stand in quotation marks."
            )
        cells = dict(zip(titles, line, strict=False))
        found = {title: bare(cells.get(title, "").strip()) for title in FREE_TEXT}
        extra = tuple(
            (lines[head][at].strip(), bare(cell.strip()))
            for at, cell in enumerate(line[: len(titles)])
            if titles[at] and titles[at] not in FREE_TEXT and cell.strip()
        )
        if extra or any(found.values()):
            yield Row(number, **found, extra=extra)


def _table(path: Path) -> list[list[str]]:
    """Return the cells of a file, line by line."""
    try:
        text = _decoded(path.read_bytes()).replace("\0", "")
    except OSError as error:
        raise MarksError(
            f"{path} cannot be read: {error.strerror}. Close it if it is open in another program."
        ) from None
    if text.startswith("PK"):
        raise MarksError(
            f"{path} is a workbook with another ending. Save it as CSV (in Excel: 'CSV UTF-8')."
        )
    best = max(",;\t", key=lambda mark: len(_titles(text, mark) & set(FREE_TEXT)))
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=best, strict=True))
    except csv.Error as error:
        raise MarksError(
            f"{path} is no table ({error}): a quotation mark is open somewhere."
        ) from None


def _titles(text: str, delimiter: str) -> set[str]:
    """Return the titles that the first lines hold if cells are parted by a delimiter."""
    first = [line for line in re.split(r"[\r\n]+", text[:5000]) if line.strip(" ,;\t")][:2]
    return {
        cell.strip().strip('"').strip().casefold()
        for line in first
        for cell in line.split(delimiter)
    }


def _decoded(data: bytes) -> str:
    """Return a file's text: UTF-8 or UTF-16, marked or not, or what Windows writes in the West."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if 0 in data[:2]:
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


# ------------------------------------------------------------------------------------------ one row


def _number(row: Row, worth: int) -> float | None:
    """Return the mark of a row, or None; it must fit what the question is worth."""
    if not row.mark:
        return None
    written, before = row.mark.lstrip("'").strip(), row.worth.lstrip("'").strip().replace(",", ".")
    mark = float(written.replace(",", ".")) if NUMBER.fullmatch(written) else float("nan")
    if before and not (NUMBER.fullmatch(before) and float(before) == worth):
        raise _Fault(
            f"the mark {row.mark!r} was given out of {row.worth}, and the question is worth "
            f"{worth} now. "
            f"Write the mark that holds now, and {worth} under worth."
        )
    if not 0 <= mark <= worth:
        raise _Fault(f"the mark {row.mark!r} is not a number from 0 to {worth}.")
    return mark


def _question(row: Row, known: Iterable[tuple[str, str, str]]) -> tuple[str, str, str]:
    """Return (part, notebook, question) of a row; old files name no part."""
    wanted = [
        key for key in known if key[1:] == (row.notebook, row.question) and row.part in ("", key[0])
    ]
    if len(wanted) == 1:
        return wanted[0]
    if wanted:
        raise _Fault(f"{row.notebook} is in several parts; write which into a column 'part'.")
    names = ["/".join(key) for key in known]
    asked = "/".join(filter(None, (row.part, row.notebook, row.question)))
    near = difflib.get_close_matches(asked, names, 1, 0.5) or difflib.get_close_matches(
        asked, names, 1, 0
    )
    raise _Fault(f"there is no question {asked or 'without a name'}{_meant(near)}.")


def _joined(one: Mark, other: Mark) -> Mark:
    """Return one mark for two rows about the same answer, which must not contradict each other."""
    for name in ("mark", "comment", "version", "extra"):
        first, second = getattr(one, name), getattr(other, name)
        if first not in (None, "", ()) and second not in (None, "", ()) and first != second:
            if name == "version" and None in (one.mark, other.mark):
                continue
            there = f"row {one.row.number}" if one.row else "another row"
            raise _Fault(
                f"it contradicts {there}, which is about the same answer: "
                f"{name} {second!r} here, {first!r} there."
            )
    full, rest = (one, other) if one.mark is not None else (other, one)
    return replace(
        full,
        comment=full.comment or rest.comment,
        earlier=full.earlier or rest.earlier,
        extra=full.extra or rest.extra,
        row=one.row,
    )


def _finder(people: Iterable[tuple[str, str, str]], lost: bool) -> Callable[[Row], str | None]:
    """Return a function that says whose a row is: an identity, or None for one of the lost."""
    ids: dict[str, str] = {}
    numbers: dict[str, str] = {}
    names: dict[str, set[str]] = {}
    called: dict[str, set[str]] = {}
    for identity, name, lms_id in people:
        ids[_plain(identity)] = identity
        names.setdefault(_plain(name), set()).add(identity)
        called.setdefault(identity, set()).add(_plain(name))
        if lms_id:
            numbers[lms_id.strip()] = identity

    def find(row: Row) -> str | None:
        name, number = _plain(row.student), row.lms_id.lstrip("'")
        if number:
            if number not in numbers:
                if lost:
                    return None
                raise _Fault(
                    f"nobody here has the number {number}{_meant(_near(number, numbers))}. A "
                    f"spreadsheet "
                    "drops leading zeros: read the column as text, or empty it, and names count."
                )
            owner = numbers[number]
            if name in names and name not in called[owner]:
                raise _Fault(
                    f"the number {number} is not that of {row.student}: the rows have slipped."
                )
            return owner
        if name in ids:
            return ids[name]
        if len(names.get(name, ())) == 1:
            return next(iter(names[name]))
        if name in names:
            raise _Fault(
                f"{len(names[name])} students are called {row.student}: write the number of the "
                f"one you mean "
                f"({', '.join(sorted(names[name]))}) under lms_id."
            )
        if lost:
            return None
        near = _near(name, ids) or _near(name, names)
        raise _Fault(f"nobody here is called {row.student or '(no name)'}{_meant(near)}.")

    return find


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _near(wanted: str, known: Iterable[str]) -> list[str]:
    """Return who may be meant: a number without leading zeros, or the most similar name."""
    digits = re.sub(r"[.,]0+$", "", wanted)
    same = [
        name
        for name in known
        if digits.isdecimal() and name.isdecimal() and int(name) == int(digits)
    ]
    return sorted(same)[:1] or difflib.get_close_matches(wanted, sorted(known), 1, 0.6)


def _meant(near: list[str]) -> str:
    return f" (did you mean {near[0]}?)" if near else ""
