"""Find what gives a solution away in any file: markers, and passages of the course's solutions."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grading.classroom.sheets import cells_of

__all__ = ["leak", "passages"]

MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)[ \t]*$", re.MULTILINE)
SECRET = re.compile(
    r"^[ \t]*### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)^[ \t]*### END", re.MULTILINE | re.DOTALL
)
PICTURE = re.compile(r"data:[\w/+]+;base64,[A-Za-z0-9+/=]+")
# So many words in a row are no coincidence. Lessons teach the same idioms as solutions: code of up
# to 20 words agrees.
PROSE, CODE, SHORTEST = 12, 22, 8


def passages(root: Path) -> dict[int, dict[str, str]]:
    """Collect what students must not get from every solution of the course.

    Parameters
    ----------
    root : Path
        The course's folder.

    Returns
    -------
    dict of {int: dict of {str: str}}
        By number of words, from words in a row to where they stand, such as
        "1_landscape/1_surfaces, answer_slope".
    """
    found: dict[int, dict[str, str]] = {}
    given: set[str] = set()
    for path in sorted((root / "solutions").glob("*/*.ipynb")):
        for cell in cells_of(path):
            length = PROSE if cell.cell_type == "markdown" else CODE
            if "solution-only" in cell.metadata.get("tags", []):
                secret = [cell.source]
            else:
                secret = SECRET.findall(cell.source)
                given |= set(_runs(_words(SECRET.sub(" ... ", cell.source)), length))
            for text in secret:
                words = _words(text)
                if len(words) >= SHORTEST:
                    size = min(length, len(words))
                    for run in _runs(words, size):
                        found.setdefault(size, {})[run] = (
                            f"{path.parent.name}/{path.stem}, {cell.id}"
                        )
    return {
        size: {run: at for run, at in runs.items() if run not in given}
        for size, runs in found.items()
    }


def _words(text: str) -> list[str]:
    return re.findall(
        r"\w+", re.sub(r"\\[nrt]", " ", text)
    )  # ends of lines may be written as in JSON


def _runs(words: list[str], size: int) -> Iterator[str]:
    return (" ".join(words[at : at + size]) for at in range(len(words) - size + 1))


def leak(name: str, content: bytes, known: dict[int, dict[str, str]]) -> str:
    """Say what a file gives away.

    Parameters
    ----------
    name : str
        The file's name; its ending says how to read it.
    content : bytes
    known : dict
        What ``passages`` returns.

    Returns
    -------
    str
        The end of a sentence that begins with the file's name; "" if it gives nothing away.
    """
    if zipfile.is_zipfile(io.BytesIO(content)):  # a zip, and a table of NumPy's
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = (leak(member, archive.read(member), known) for member in archive.namelist())
            return next(filter(None, inside), "")
    text = content.decode("utf-8", errors="ignore")
    if name.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        if any("solution-only" in cell["metadata"].get("tags", []) for cell in cells):
            return 'has a cell with the tag "solution-only"'
        text = "\n".join("".join(part) for cell in cells for part in _texts(cell))
    if found := MARKER.search(text):
        return f"holds the marker {found[0].strip()!r}"
    words = _words(text)
    for size, runs in known.items():
        for run in _runs(words, size):
            if run in runs:
                return f"holds words of the solution {runs[run]}: {run[:80]!r}"
    return ""


def _texts(cell: dict[str, Any]) -> Iterator[str | list[str]]:
    """Yield what can be read in a cell: source, texts of its outputs, metadata."""
    yield cell["source"]
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield output.get("evalue", "")
        for data in output.get("data", {}).values():
            yield PICTURE.sub(
                "",
                data
                if isinstance(data, str)
                else json.dumps(data)
                if isinstance(data, dict)
                else "".join(data),
            )
    yield json.dumps(cell["metadata"], ensure_ascii=False)
