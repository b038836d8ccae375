"""Find what students handed in, in the layouts that courses have, and read it without believing it."""

import hashlib
import io
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.cells import BadNotebook

__all__ = ["Handed", "Submission", "find", "match"]

MAX_NOTEBOOK = 50 * 2**20
MAX_ZIP_MEMBERS = 200_000
MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_\w+?_?$")
CANVAS = re.compile(r"^(?P<name>[^_/]+)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)$")


@dataclass(frozen=True)
class Handed:
    """One file that was handed in: on the disk, or in a zip on the disk, or in a zip in that zip.

    Attributes
    ----------
    label : str
        As the student knows it.
    path : str
        On the disk.
    inside : tuple of str
        Names of members, from the outer zip to the inner.
    """

    label: str
    path: str
    inside: tuple = ()

    def read(self):
        """Return the bytes; BadNotebook if they cannot be had or are too many."""
        try:
            if not self.inside:
                with open(self.path, "rb") as file:
                    data = file.read(MAX_NOTEBOOK + 1)
            else:
                source = self.path
                for member in self.inside:
                    with zipfile.ZipFile(source) as archive, archive.open(member) as file:
                        data = file.read(MAX_NOTEBOOK + 1)
                    source = io.BytesIO(data)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
            raise BadNotebook(f"{self.label} cannot be read ({type(error).__name__}).") from None
        if len(data) > MAX_NOTEBOOK:
            raise BadNotebook(f"{self.label} is larger than {MAX_NOTEBOOK // 2**20} MB: clear its outputs.")
        return data


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    student : str
    lms_id : str
        The number that Moodle or Canvas gave, or "".
    files : tuple of Handed
    """

    student: str
    lms_id: str
    files: tuple
    others: tuple = ()
    notes: tuple = ()

    @property
    def id(self):
        return self.lms_id or self.student

    @property
    def slug(self):
        """A file name for the student: readable, and different for different students."""
        plain = unicodedata.normalize("NFKD", self.student).encode("ascii", "ignore").decode()
        readable = re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._")[:60] or "student"
        same = readable == self.student
        return readable if same else f"{readable}-{hashlib.sha256(self.student.encode()).hexdigest()[:8]}"


def find(where, part):
    """List the submissions in a folder or a zip.

    Parameters
    ----------
    where : Path
        nbgrader's ``submitted`` (``<student>/<part>/*.ipynb``), a flat folder of ``<student>.ipynb`` or
        ``<student>/*.ipynb``, or a zip (or its unpacked folder) as Moodle or Canvas hands it out.
    part : str

    Returns
    -------
    list of Submission
        Sorted by student.

    Raises
    ------
    FileNotFoundError
        If there is nothing at that place, or no notebook in it.
    """
    where = Path(where)
    if where.is_dir():
        inside = where.resolve()  # a link that leads out of the folder, to the solutions for instance, is not followed
        entries = (
            (p.relative_to(where).as_posix(), Handed(p.name, str(p)))
            for p in sorted(where.rglob("*"))
            if p.is_file() and p.resolve().is_relative_to(inside)
        )
    elif where.is_file() and zipfile.is_zipfile(where):
        with zipfile.ZipFile(where) as archive:
            names = sorted(i.filename for i in archive.infolist()[:MAX_ZIP_MEMBERS] if not i.is_dir())
        entries = ((name, Handed(PurePosixPath(name).name, str(where), (name,))) for name in names)
    else:
        raise FileNotFoundError(f"{where} is neither a folder nor a zip.")
    found = [each for name, handed in entries for each in _unpacked(name, handed)]
    outer = _wrapper([PurePosixPath(name).parts for name, _ in found])
    students = {}
    for name, handed in found:
        if owner := _owner(name.removeprefix(outer), part):
            students.setdefault(owner, []).append(handed)
    if not students:
        raise FileNotFoundError(f"There is no notebook of {part} in {where}.")
    return [Submission(*owner, tuple(files)) for owner, files in sorted(students.items())]


def _wrapper(paths):
    """Return the one folder, with its slash, that holds the folders of several students; "" if there is none."""
    inner = {path[1] for path in paths if len(path) >= 3}
    if len({path[0] for path in paths}) != 1 or any(len(path) < 3 for path in paths) or len(inner) < 2:
        return ""
    return "" if any(re.match(r"\d+_", name) for name in inner) else f"{paths[0][0]}/"  # one student's parts


def _unpacked(name, handed):
    """Yield the notebook, or the notebooks in a student's zip, as (name that says whose it is, Handed)."""
    base = PurePosixPath(name)
    if any(piece.startswith((".", "__MACOSX")) for piece in base.parts):
        return
    if base.suffix.lower() == ".ipynb":
        yield name, handed
    elif base.suffix.lower() == ".zip":
        try:
            with zipfile.ZipFile(io.BytesIO(handed.read())) as archive:
                members = [i.filename for i in archive.infolist()[:1000]]
        except (BadNotebook, zipfile.BadZipFile):
            members = []
        inside = [m for m in members if m.lower().endswith(".ipynb") and not re.search(r"(^|/)[._]", m)]
        for member in inside:
            yield (
                f"{base.with_suffix('')}/{PurePosixPath(member).name}",
                Handed(PurePosixPath(member).name, handed.path, (*handed.inside, member)),
            )
        if not inside:
            yield name, handed


def _owner(name, part):
    """Return (student, number in the learning platform) of a file by its path, or None if it is of another part."""
    pieces = PurePosixPath(name).parts
    if moodle := next((m for piece in pieces[:-1] if (m := MOODLE.match(piece))), None):
        return moodle["name"], moodle["id"]
    if canvas := CANVAS.match(pieces[-1] if len(pieces) == 1 else pieces[0]):
        return canvas["name"], canvas["id"]
    if len(pieces) == 1:
        return PurePosixPath(name).stem, ""
    if len(pieces) >= 3 and re.match(r"\d+_", pieces[1]) and pieces[1] != part:
        return None
    return pieces[0], ""


def match(cells, label, sheets):
    """Return the sheet that a notebook answers, or None: by cell ids, then by names of functions, then by its name."""
    ids = {cell.id for cell in cells} | {cell.grade_id for cell in cells}
    text = "\n".join(cell.source for cell in cells if cell.kind == "code")
    defined = set(re.findall(r"^def (\w+)\(", text, re.MULTILINE))

    def likeness(sheet):
        asked = {name for exercise in sheet.exercises for name in exercise.names}
        known = {e.answer_id for e in sheet.exercises} | set(sheet.given)
        return len(ids & known) + len(defined & asked), PurePosixPath(label).stem == sheet.name

    best = max(sheets, key=likeness)
    if likeness(best) > (0, False):
        return best, ""
    return None, f"{label} answers no notebook of {sheets[0].part}."
