"""Find what students handed in, in the layouts that courses have, and believe none of it."""

from __future__ import annotations

import bz2
import contextlib
import functools
import gzip
import hashlib
import lzma
import os
import re
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from grading import ROOT, GradingError
from grading.classroom import layouts
from grading.classroom.layouts import Claim, Entry, Listing, plain_name
from tools.cells import Cell, NotebookError, read_cells

if TYPE_CHECKING:
    from grading.classroom.sheets import Sheet

__all__ = [
    "Class",
    "Handed",
    "Known",
    "Submission",
    "choose",
    "find",
    "known_notebooks",
    "match",
    "remarks",
    "sheet_names",
    "survey",
]

MAX_NOTEBOOK = 50 * 2**20
MAX_ARCHIVE = 2**30  # of an archive in an archive, or of what a compressed tar holds
MAX_MEMBERS = 200_000  # of a class
MAX_HANDED = 2000  # files of one student's archive
PLATFORMS = {"moodle", "sakai", "blackboard", "brightspace", "canvas"}
MAX_DEPTH = 6  # archives in archives
UNREAD = {  # kinds of entries that are not read
    "closed": "cannot be read: this account has no permission.",
    "link": "is a link and was not followed: the file itself is needed.",
    "locked": "is protected by a password: it is needed without.",
    "outside": "has a name that leads out of its archive: it was left alone.",
    "special": "is no ordinary file: it was left alone.",
    "beyond": f"comes after {MAX_MEMBERS} others in the archive: it was left out.",
}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHER_ARCHIVES = (".rar", ".7z", ".gz", ".bz2", ".xz", *ARCHIVES)
NO_NOTEBOOK = {
    ".html": "a web page",
    ".htm": "a web page",
    ".pdf": "a PDF",
    ".py": "a script",
    ".docx": "a text document",
    ".doc": "a text document",
    ".odt": "a text document",
    ".md": "a text",
    ".rtf": "a text document",
    ".png": "a picture",
    ".jpg": "a picture",
    ".jpeg": "a picture",
    ".heic": "a picture",
    ".csv": "a table",
    ".xlsx": "a table",
    ".url": "a link",
    ".webloc": "a link",
    ".lnk": "a link",
    ".gdoc": "a link",
}


@dataclass(frozen=True)
class Handed:
    """One file that was handed in: on the disk, in an archive there, or in an archive in that.

    Attributes
    ----------
    label : str
        As the student knows it.
    path : str
        On the disk.
    inside : tuple of str
        Names of members, from the outer archive to the inner.
    """

    label: str
    path: str
    inside: tuple[str, ...] = ()

    def open(self) -> IO[bytes]:
        """Return a file to read from, or raise OSError or another that ``BAD_FILE`` lists."""
        if not self.inside:
            return open(self.path, "rb")
        *outer, member = self.inside
        return _opened(self.path, tuple(outer)).open(member)

    def head(self, size: int) -> bytes:
        """Return the first bytes; OSError if they cannot be had."""
        try:
            with self.open() as file:
                return file.read(size)
        except BAD_FILE as error:
            raise OSError(str(error)) from None

    def read(self) -> bytes:
        """Return the bytes; NotebookError if they cannot be had or are too many."""
        try:
            with self.open() as file:
                data = file.read(MAX_NOTEBOOK + 1)
        except BAD_FILE as error:
            raise NotebookError(f"{self.label} cannot be read: {_reason(error)}.") from None
        if len(data) > MAX_NOTEBOOK:
            raise NotebookError(
                f"{self.label} is larger than {MAX_NOTEBOOK // 2**20} MB: clear its outputs."
            )
        return data


def _reason(error: Exception) -> str:
    """Say in words why a file cannot be read."""
    if isinstance(error, PermissionError):
        return "this account has no permission"
    if isinstance(error, FileNotFoundError | KeyError):
        return "it is not there any more"
    if "password" in str(error) or "encrypted" in str(error):
        return "it is protected by a password"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it is damaged ({type(error).__name__})"


# ----------------------------------------------------------------------------------------- archives

BAD_FILE = (
    OSError,
    KeyError,
    RuntimeError,
    ValueError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
)


class _Zip:
    """A zip: its members, and how one is opened."""

    def __init__(self, file: IO[bytes]) -> None:
        self.archive = zipfile.ZipFile(file)
        self.first = {info.filename: info for info in reversed(self.archive.infolist())}

    def members(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield (what ``open`` takes, name, kind, size)."""
        seen = set()
        for at, info in enumerate(self.archive.infolist()):
            kind = "link" if stat.S_ISLNK(info.external_attr >> 16) else "file"
            kind = "folder" if info.filename.endswith(("/", "\\")) else kind
            member = (
                f"\0{at}" if info.filename in seen else info.filename
            )  # names may stand twice in a zip
            seen.add(info.filename)
            yield (
                member,
                _name_in_zip(info),
                "locked" if info.flag_bits & 1 else kind,
                info.file_size,
            )

    def open(self, member: str) -> IO[bytes]:
        return self.archive.open(
            self.archive.infolist()[int(member[1:])] if member[:1] == "\0" else self.first[member]
        )


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """Return a member's name: macOS does not say that it is UTF-8, Windows has backslashes."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


class _Tar:
    """A tar, uncompressed: its members, and how one is opened."""

    def __init__(self, file: IO[bytes]) -> None:
        self.archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115

    def members(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield (what ``open`` takes, name, kind, size)."""
        for info in self.archive:
            kind = "folder" if info.isdir() else "file" if info.isreg() else "link"
            yield info.name, info.name, kind, info.size

    def open(self, member: str) -> IO[bytes]:
        file = self.archive.extractfile(member)
        if file is None:
            raise OSError("not a file")
        return file


def _archive_in(file: IO[bytes]) -> _Zip | _Tar:
    """Return the archive that a file holds; one of ``BAD_FILE`` if it holds none."""
    start = file.read(6)
    file.seek(0)
    if start[:2] == b"PK":
        return _Zip(file)
    openers: dict[bytes, Callable[..., Any]] = {
        b"\x1f\x8b": gzip.open,
        b"BZ": bz2.open,
        b"\xfd7": lzma.open,
    }
    if opener := openers.get(start[:2]):
        with opener(file) as plain:
            file = _copied(plain)
    return _Tar(file)


def _copied(file: IO[bytes]) -> IO[bytes]:
    """Return a copy in a temporary file, which can be read from any place."""
    copy = tempfile.SpooledTemporaryFile(max_size=2**24)  # noqa: SIM115
    while data := file.read(2**20):
        copy.write(data)
        if copy.tell() > MAX_ARCHIVE:
            raise OSError(0, f"it holds more than {MAX_ARCHIVE // 2**20} MB; unpack it")
    copy.seek(0)
    return copy


def _opened(path: str, inside: tuple[str, ...] = ()) -> _Zip | _Tar:
    """Return the archive at a path, or one inside it; the last few stay open in this process."""
    state = os.stat(path)
    return _keep(
        path, inside, state.st_mtime_ns, state.st_size, os.getpid()
    )  # a fork must not share a file's place


@functools.lru_cache(maxsize=8)
def _keep(path: str, inside: tuple[str, ...], *_: int) -> _Zip | _Tar:
    if not inside:
        return _archive_in(open(path, "rb"))  # noqa: SIM115
    with _opened(path, inside[:-1]).open(inside[-1]) as file:
        return _archive_in(_copied(file))


# -------------------------------------------------------------------------------------- submissions


Placed = tuple[tuple[str, ...], Entry]  # a file of a student: its path and its entry


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes
    ----------
    student : str
        The name to show: a folder's, or the one that the learning platform writes.
    lms_id : str
        What the learning platform calls the student, mostly a number; or "".
    files : tuple of Handed
        What may be a notebook.
    others : tuple of Handed
        What is none.
    notes : tuple of str
        Sentences for the instructor about how it was found.
    """

    student: str
    lms_id: str
    files: tuple[Handed, ...]
    others: tuple[Handed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Who it is: two students of one name differ, two spellings in Unicode do not."""
        return self.lms_id or unicodedata.normalize("NFC", self.student)

    @property
    def slug(self) -> str:
        """A file name: readable, and different for different identities in any file system."""
        plain = unicodedata.normalize("NFKD", self.student).encode("ascii", "ignore").decode()
        readable = (
            re.sub(r"[^A-Za-z0-9.-]+", "_", plain).strip("._-")[:60].rstrip("._-") or "student"
        )
        if re.fullmatch(r"[0-9]{1,20}", self.lms_id):
            return f"{readable}-{self.lms_id}"
        taken = re.fullmatch(
            r".*-(\d+|x[0-9a-f]{8})|(con|prn|aux|nul|(com|lpt)\d)(\..*)?", readable
        )
        if (
            readable == self.id == self.id.lower() and not taken
        ):  # taken: by the other two, and by Windows
            return readable
        readable = readable.replace(".", "_") if taken else readable
        return f"{readable}-x{hashlib.sha256(self.id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Class:
    """Who handed in, and how that was found out.

    Attributes
    ----------
    submissions : tuple of Submission
        Sorted by name.
    layouts : tuple of str
        Sentences: which rule, for how many entries, of what.
    nobodys : tuple of str
        Paths of files that belong to no student.
    """

    submissions: tuple[Submission, ...]
    layouts: tuple[str, ...]
    nobodys: tuple[str, ...]


def sheet_names(root: Path) -> dict[str, list[str]]:
    """Return the names of the course's exercise notebooks by part."""
    names: dict[str, list[str]] = defaultdict(list)
    for folder in ("solutions", "exercises"):
        for path in sorted((Path(root) / folder).glob("*/*.ipynb")):
            if path.stem not in names[path.parent.name]:
                names[path.parent.name].append(path.stem)
    return dict(names)


def find(where: Path | str, part: str, layout: str | None = None) -> list[Submission]:
    """List the submissions in a folder, an archive, or one notebook; see ``survey``.

    Returns
    -------
    list of Submission
        Sorted by student.

    Raises
    ------
    FileNotFoundError, GradingError
    """
    return list(survey(where, part, layout).submissions)


def survey(where: Path | str, part: str, layout: str | None = None, root: Path = ROOT) -> Class:
    """Say who handed in what.

    Parameters
    ----------
    where : Path
        A folder or an archive in one of ``layouts.LAYOUTS``, also with folders or archives around
        it; or a notebook.
    part : str
        Files in folders of other parts are left out where there are some of this one.
    layout : str, optional
        A name of ``layouts.LAYOUTS``; without it the rules decide.
    root : Path
        The course's folder.

    Returns
    -------
    Class

    Raises
    ------
    FileNotFoundError
        If there is nothing at that place, or nothing in it.
    GradingError
        If there is no such part, or it is not in the layout that was named.
    """
    where = Path(where)
    sheets = sheet_names(root)
    if part not in sheets:
        raise GradingError(f"There is no part {part!r}: choose one of {', '.join(sheets)}.")
    if where.is_dir():
        found = _listed(_of_folder(where, sheets), layout, where.resolve().name)
    elif not where.is_file():
        raise FileNotFoundError(f"There is no file or folder {where}.")
    elif archive := _try_archive(Handed(where.name, str(where))):
        found = _listed(_of_archive(archive, sheets), layout, where.name)
    else:
        entry = Entry((where.name,), Handed(where.name, str(where)), size=where.stat().st_size)
        if where.name.lower().endswith(OTHER_ARCHIVES):
            raise GradingError(
                f"{where} cannot be opened: download it again, or unpack it and name the folder."
            )
        if not _is_notebook(entry):
            raise GradingError(f"{where} is neither a folder, nor an archive, nor a notebook.")
        found = (
            [(entry, Claim(layouts.ENDINGS.sub("", where.name), "", (where.name,)))],
            ["one file"],
            [],
        )
    claims, said, nobodys = found
    if layout and not any(sentence.startswith(f"{layout}:") for sentence in said):
        raise GradingError(
            f"Nothing in {where} is in the layout {layout}: {layouts.LAYOUTS[layout][1]}. "
            "Without --layout the rules decide."
        )
    submissions = _by_student(claims, part, sheets)
    if not submissions:
        raise FileNotFoundError(f"Nobody has handed in anything in {where}.")
    return Class(tuple(submissions), tuple(said), tuple(nobodys))


# --- listings


def _is_junk(name: str) -> bool:
    """Say whether a piece of a path is what computers and editors leave behind: nobody's work."""
    low = name.casefold()
    return (
        (low.startswith(".") and low != ".ipynb")
        or low
        in (
            "__macosx",
            "__pycache__",
            "thumbs.db",
            "desktop.ini",
            "icon\r",
            "$recycle.bin",
            "ehthumbs.db",
        )
        or low.startswith("~$")
    )


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _pieces(name: str) -> tuple[str, ...]:
    """Return the pieces of a path, whichever slash it is written with."""
    try:
        name.encode()
    except UnicodeEncodeError:  # a name on the disk that is not UTF-8
        name = os.fsencode(name).decode("latin-1")
    pieces = (" ".join(piece.split()) for piece in _nfc(name).replace("\\", "/").split("/"))
    return tuple(piece for piece in pieces if piece not in ("", "."))


def _with_empty_folders(
    entries: Sequence[Entry], folders: Iterable[tuple[str, ...]]
) -> tuple[Entry, ...]:
    """Add an entry for each folder without files that has no folder without files in it."""
    full = {entry.parts[:n] for entry in entries for n in range(1, len(entry.parts) + 1)}
    empty = {folder for folder in folders if folder and folder not in full}
    outer = {folder[:n] for folder in empty for n in range(1, len(folder))}
    return (*entries, *(Entry(folder, None, "folder") for folder in sorted(empty - outer)))


def _of_folder(where: Path, sheets: dict[str, list[str]]) -> Listing:
    """Return a folder as a listing. Links are listed and never followed.

    A link that leads to another student's file, or to the solution, must not earn marks.
    """
    entries, folders, repositories = [], set(), set()

    def closed(error: OSError) -> None:
        entries.append(
            Entry(_pieces(os.path.relpath(error.filename, where)) or (str(where),), None, "closed")
        )

    for folder, inner, files in os.walk(where, onerror=closed):
        above = _pieces(os.path.relpath(folder, where)) or ()
        if ".git" in inner or ".git" in files:
            repositories.add(above)
        folders.add(above)
        links = [name for name in inner if os.path.islink(os.path.join(folder, name))]
        inner[:] = sorted(name for name in inner if not _is_junk(name) and name not in links)
        for name in sorted(files + links):
            path = os.path.join(folder, name)
            if _is_junk(name):
                continue
            state = os.lstat(path)
            kind = (
                "link"
                if stat.S_ISLNK(state.st_mode)
                else "file"
                if stat.S_ISREG(state.st_mode)
                else "special"
            )
            parts = above + (
                _pieces(name) or (name,)
            )  # unpacked from a zip of Windows, a\\b is one name here
            entries.append(Entry(parts, Handed(parts[-1], path), kind, state.st_size))
    name = "/".join(_pieces(where.resolve().name)) or "class"
    return Listing(name, _with_empty_folders(entries, folders), sheets, frozenset(repositories))


def _try_archive(handed: Handed) -> tuple[Handed, _Zip | _Tar] | None:
    """Return (handed, archive) if a file is an archive that can be opened, else None."""
    try:
        return handed, _opened(handed.path, handed.inside)
    except BAD_FILE:
        return None


def _of_archive(opened: tuple[Handed, _Zip | _Tar], sheets: dict[str, list[str]]) -> Listing:
    """Return an archive as a listing."""
    handed, archive = opened
    entries, folders, repositories = [], set(), set()
    for count, (member, name, kind, size) in enumerate(archive.members()):
        pieces = _pieces(name)
        if ".." in pieces:
            kind, pieces = "outside", tuple(piece for piece in pieces if piece != "..")
        if not pieces:
            continue
        if ".git" in pieces:
            repositories.add(pieces[: pieces.index(".git")])
        kept = next((n for n, piece in enumerate(pieces) if _is_junk(piece)), None)
        if kept is not None or kind == "folder":
            if not (kept is not None and pieces[kept].casefold() == "__macosx"):
                folders.add(pieces[:kept])
            continue
        kind = "beyond" if count >= MAX_MEMBERS else kind
        entries.append(
            Entry(pieces, Handed(pieces[-1], handed.path, (*handed.inside, member)), kind, size)
        )
    stem = layouts.ENDINGS.sub("", _nfc(handed.label)) or handed.label
    return Listing(stem, _with_empty_folders(entries, folders), sheets, frozenset(repositories))


# --- claims


def _listed(
    listing: Listing, layout: str | None, title: str
) -> tuple[list[tuple[Entry, Claim]], list[str], list[str]]:
    """Return (entry, claim) pairs, those of class archives too; sentences; what is nobody's."""
    claims, used = layouts.apply(listing, layout)
    if classes := _class_archives(listing, claims):
        rest = tuple(entry for entry in listing.entries if entry not in classes)
        wrappers = layouts.wrappers_of(listing.entries)
        claims, used = layouts.apply(
            replace(listing, entries=rest, wrappers=wrappers, rest=True), layout
        )
    said = [
        f"{name}: {count} of {len(listing.entries)} entries of {title}"
        for name, count in used.items()
    ]
    found = [(entry, claim) for entry, claim in claims.items() if claim.student]
    nobodys = ["/".join(entry.parts) for entry, claim in claims.items() if not claim.student]
    for entry, inside in classes.items():
        claimed, sentences, others = _listed(inside, layout, entry.parts[-1])
        found, said, nobodys = found + claimed, said + sentences, nobodys + others
    return found, said, nobodys


def _class_archives(listing: Listing, claims: dict[Entry, Claim]) -> dict[Entry, Listing]:
    """Return the listings of the archives in a listing that are not one student's, but a class's.

    Such an archive has a platform's names, or several people's folders and is the only work there
    or beside archives with a platform's names. It lies beside the students, or there is nothing but
    class archives: what one student has zipped says nothing about others.
    """
    top = len(layouts.wrappers_of(listing.entries)) + 1
    works = [e for e in listing.entries if e.kind == "file" and layouts.WORK.fullmatch(e.parts[-1])]
    inside, strong, many = {}, set(), set()
    for entry in works:
        student = claims[entry].student
        platform = claims[entry].lms_id or "assignsubmission" in "/".join(entry.parts)
        handed = entry.handed
        if (
            platform
            or handed is None
            or len(handed.inside) > MAX_DEPTH  # a zip may hold itself
            or not entry.parts[-1].lower().endswith(ARCHIVES)
            or not (opened := _try_archive(handed))
        ):
            continue
        inside[entry] = _of_archive(opened, listing.sheets)
        theirs, used = layouts.apply(inside[entry])
        people = {(claim.student, claim.lms_id) for claim in theirs.values() if claim.student}
        known = used.keys() & PLATFORMS or (
            used.keys() & {"github", "nbgrader"} and len(people) > 1
        )
        if known or _class_archives(inside[entry], theirs):
            strong.add(entry)
        elif (len(works) == 1 and listing.is_course_folder(student)) or _are_names(listing, people):
            many.add(entry)
    if len(strong | many) == len(works) and (strong or len(works) == 1):
        return inside
    found = strong | many if strong else set()
    return {entry: inside[entry] for entry in works if entry in found and len(entry.parts) == top}


def _are_names(listing: Listing, people: Iterable[tuple[str, str]]) -> bool:
    """Say whether several folders of an archive may be people, and not versions of one's work."""
    names = [student for student, _ in people]
    return len(names) > 1 and not all(map(listing.is_course_folder, names))


def _by_student(
    claims: Iterable[tuple[Entry, Claim]], part: str, sheets: Collection[str]
) -> list[Submission]:
    """Put together what one student handed in."""
    people = defaultdict(list)
    for entry, claim in claims:
        people[claim.lms_id, claim.student if not claim.lms_id else ""].append((entry, claim))
    submissions = []
    for (lms_id, _), items in people.items():
        for mine in _told_apart(items):
            submissions.append(_submission(mine[0][1].student, lms_id, mine, part, sheets))
    return sorted(
        _with_different_ids(submissions), key=lambda s: (s.student.casefold(), s.student, s.id)
    )


def _told_apart(items: list[tuple[Entry, Claim]]) -> list[list[tuple[Entry, Claim]]]:
    """Part items: one number with two names is two people, unless a name is "Participant"."""
    names = defaultdict(list)
    for item in items:
        names[item[1].student.casefold()].append(item)
    nameless = [name for name in names if len(names) > 1 and layouts.is_nameless(name)]
    hidden = [item for name in nameless for item in names.pop(name)]
    people = list(names.values()) or [[]]
    return [people[0] + hidden, *people[1:]]


def _with_different_ids(submissions: Iterable[Submission]) -> Iterator[Submission]:
    """Give a second person with a number that is taken another one."""
    taken = set()
    for submission in submissions:
        base, count = submission, 1
        while submission.id in taken:
            count += 1
            note = f"{base.id} is somebody else's number too; here it is {base.id}-{count}."
            submission = replace(base, lms_id=f"{base.id}-{count}", notes=(*base.notes, note))
        taken.add(submission.id)
        yield submission


def _submission(
    student: str, lms_id: str, items: list[tuple[Entry, Claim]], part: str, sheets: Collection[str]
) -> Submission:
    """Sort one student's entries into notebooks and others."""
    notes = [claim.note for _, claim in items if claim.note]
    loose, others, empty = [], [], []
    for entry, claim in items:
        path = "/".join(claim.below or entry.parts)
        if not claim.own:
            continue
        if entry.kind == "folder":
            empty.append(path)
        elif entry.kind in UNREAD:
            notes.append(f"{path} {UNREAD[entry.kind]}")
        else:
            more, said, unread = _unpacked(claim.below or entry.parts[-1:], entry)
            loose += more
            others += unread
            notes += said
    loose, left_out = _of_part(loose, part, sheets)
    notes += left_out
    notebooks: list[Placed] = []
    more = []
    for placed in loose:
        (notebooks if _is_notebook(placed[1]) else more).append(placed)
    others = more + others
    if not notebooks and not others and not notes:
        notes.append(f"Nothing was handed in: {'an empty folder' if empty else 'no file'}.")
    files, same = _distinct(notebooks)
    notes += same
    labelled = _labelled(files), _labelled(others)
    return Submission(student, lms_id, *labelled, tuple(dict.fromkeys(notes)))


def _unpacked(
    path: tuple[str, ...], entry: Entry, depth: int = 0
) -> tuple[list[Placed], list[str], list[Placed]]:
    """Return a student's file, or what an archive of it holds; sentences; unreadable ones."""
    name = path[-1].lower()
    if not name.endswith(ARCHIVES):
        return [(path, entry)], [], []
    opened = _try_archive(entry.handed) if entry.handed and depth < MAX_DEPTH else None
    if opened is None:
        return [], [], [(path, entry)]
    try:
        listing = _of_archive(opened, {})
    except BAD_FILE:
        return [], [], [(path, entry)]
    inside = [each for each in listing.entries if each.kind != "folder"]
    found: list[Placed] = []
    notes: list[str] = []
    unread: list[Placed] = []
    if not inside:
        notes.append(f"{path[-1]} is an empty archive.")
    if len(inside) > MAX_HANDED:
        notes.append(
            f"{path[-1]} holds {len(inside)} files: those beyond {MAX_HANDED} were left out, "
            f"notebooks last."
        )
        inside.sort(key=lambda each: not layouts.WORK.fullmatch(each.parts[-1]))
    for each in inside[:MAX_HANDED]:
        below = (*path[:-1], layouts.ENDINGS.sub("", path[-1]), *each.parts)
        if each.kind == "file":
            more, sentences, others = _unpacked(below, each, depth + 1)
            found, notes, unread = found + more, notes + sentences, unread + others
        else:
            notes.append(f"{each.parts[-1]} in {path[-1]} {UNREAD[each.kind]}")
    return found, notes, unread


def _of_part(
    loose: list[Placed], part: str, sheets: Collection[str]
) -> tuple[list[Placed], list[str]]:
    """Leave out the course's solutions, and other parts' folders if there is something else."""

    def other_part(path: tuple[str, ...]) -> str | None:
        return next((piece for piece in path[:-1] if piece in sheets and piece != part), None)

    def solution(path: tuple[str, ...]) -> bool:
        return any(a == "solutions" and b in sheets for a, b in zip(path, path[1:], strict=False))

    mine = [(path, entry) for path, entry in loose if not other_part(path)]
    notes = []
    if not any(layouts.WORK.fullmatch(path[-1]) for path, _ in mine):
        mine = loose
        notes = [
            f"{path[-1]} lies in the folder {other_part(path)}."
            for path, _ in loose
            if other_part(path)
        ]
    own = [(path, entry) for path, entry in mine if not solution(path)]
    if len(own) < len(mine) and any(layouts.WORK.fullmatch(path[-1]) for path, _ in own):
        notes.append("The course's folder solutions/ was handed in too, and left out.")
        mine = own
    return mine, notes


def _is_notebook(entry: Entry) -> bool:
    """Say whether a file is to be read as a notebook: by its name, or else by what it holds."""
    name = entry.parts[-1].lower()
    if re.search(r"\.ipynb(\.(json|txt|ipynb|download|part|crdownload))*$", name):
        return True
    if (
        PurePosixPath(name).suffix in NO_NOTEBOOK
        or name.endswith(OTHER_ARCHIVES)
        or not entry.handed
    ):
        return False
    try:
        start = entry.handed.head(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        if start[:1] != b"{" and start[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            return False
        read_cells(entry.handed.read(), "")
    except (OSError, NotebookError):
        return False
    return True


def _distinct(notebooks: list[Placed]) -> tuple[list[Placed], list[str]]:
    """Leave out files that equal another with a shorter name; return sentences about them."""
    alike = Counter(entry.size for _, entry in notebooks)
    kept: list[Placed] = []
    seen: dict[object, str] = {}
    notes: list[str] = []
    for path, entry in sorted(notebooks, key=lambda item: (len(item[0][-1]), item[0])):
        if entry.handed and alike[entry.size] > 1:
            digest: object
            try:
                digest = hashlib.sha256(entry.handed.read()).digest()
            except NotebookError:
                digest = path
            if digest in seen:
                notes.append(f"{'/'.join(path)} is the same file as {seen[digest]}.")
                continue
            seen[digest] = "/".join(path)
        kept.append((path, entry))
    return sorted(kept, key=lambda item: item[0]), notes


def _labelled(items: list[Placed]) -> tuple[Handed, ...]:
    """Return files with labels that differ: a file's name, or its path if the name stands twice."""
    names = Counter(path[-1] for path, _ in items)
    return tuple(
        replace(entry.handed, label=path[-1] if names[path[-1]] == 1 else "/".join(path))
        for path, entry in items
        if entry.handed
    )


# -------------------------------------------------------------------------- what is said about them


def choose(submissions: Sequence[Submission], words: str) -> tuple[list[Submission], list[str]]:
    """Return (chosen, unknown): the submissions that names, ids or slugs separated by commas mean.

    A name may have commas itself.
    """
    names = defaultdict(list)
    for submission in submissions:
        for name in dict.fromkeys((submission.student, submission.id, submission.slug)):
            names[_nfc(name)].append(submission)
    pieces, chosen, unknown = _nfc(words).split(","), [], []
    while pieces:
        for count in range(len(pieces), 0, -1):
            if (name := ",".join(pieces[:count]).strip()) in names:
                chosen += names[name]
                break
        else:
            count = 1
            unknown += [name] if (name := pieces[0].strip()) else []
        pieces = pieces[count:]
    wanted = {submission.id for submission in chosen}
    return [submission for submission in submissions if submission.id in wanted], unknown


def remarks(submission: Submission, missing: Iterable[str], strays: Iterable[str]) -> list[str]:
    """Return sentences for instructor and student about what in a submission answers nothing.

    Parameters
    ----------
    submission : Submission
    missing : iterable of str
        Names of the notebooks that nothing answers. What lies beside a whole set of notebooks needs
        no sentence.
    strays : list of str
        What ``match`` said of the notebooks that answer none.

    Returns
    -------
    list of str
    """
    missing = set(missing)
    said = list(strays) if missing else []
    for handed in submission.others:
        name = PurePosixPath(handed.label).name
        archive = name.lower().endswith(OTHER_ARCHIVES)
        if not submission.files or (missing and (archive or plain_name(name) in missing)):
            said.append(_no_notebook(handed.label, archive))
    if len(said) > 8:
        said[7:] = [f"{len(said) - 7} more files answer nothing of this part."]
    return said


def _no_notebook(label: str, archive: bool) -> str:
    if archive:
        kind = (
            "cannot be opened"
            if label.lower().endswith(ARCHIVES)
            else "is an archive that is not read here"
        )
        return f"{label} {kind}: hand in the .ipynb files, singly or in a .zip."
    what = NO_NOTEBOOK.get(PurePosixPath(label.lower()).suffix, "no notebook")
    what = what if what == "no notebook" else f"{what}, no notebook"
    return f"{label} is {what}: hand in the .ipynb file from work/."


# ---------------------------------------------------------------------------------------- notebooks


@dataclass(frozen=True)
class Known:
    """What a notebook of the course is known by.

    Attributes
    ----------
    part, name : str
    lesson : bool
        A lesson, not exercises.
    ids : frozenset of str
        Of cells that no other notebook has: of exercises those to answer and to check.
    functions : frozenset of str
        That its cells define.
    """

    part: str
    name: str
    lesson: bool
    ids: frozenset[str]
    functions: frozenset[str]


@functools.lru_cache(maxsize=2)
def known_notebooks(root: Path) -> tuple[Known, ...]:
    """Return what lessons and exercises are known by; files that cannot be read are left out.

    Parameters
    ----------
    root : Path
        The course's folder.

    Returns
    -------
    tuple of Known
    """
    found = []
    for folder in ("exercises", "notebooks"):
        for path in sorted((Path(root) / folder).glob("*/*.ipynb")):
            try:
                cells = read_cells(path.read_bytes(), path.name)
            except (OSError, NotebookError):
                continue
            if folder == "exercises":
                cells = [
                    cell
                    for cell in cells
                    if cell.id.startswith(ANSWERED) or cell.grade_id.startswith(ANSWERED)
                ]
            ids = {name for cell in cells for name in (cell.id, cell.grade_id) if name}
            found.append(
                Known(
                    path.parent.name,
                    path.stem,
                    folder == "notebooks",
                    frozenset(ids),
                    _defined(cells),
                )
            )
    often = Counter(name for known in found for name in known.ids)
    return tuple(
        replace(k, ids=frozenset(name for name in k.ids if often[name] == 1)) for k in found
    )


ANSWERED = ("answer_", "check_", "free_")


def _defined(cells: Iterable[Cell]) -> frozenset[str]:
    text = "\n".join(cell.source for cell in cells if cell.kind == "code")
    return frozenset(re.findall(r"^(?:async )?def (\w+) *\(", text, re.MULTILINE))


Choice = tuple[Known, "Sheet | None"]  # one that a notebook may answer


def match(
    cells: Sequence[Cell], label: str, sheets: Sequence[Sheet], known: Sequence[Known] = ()
) -> tuple[Sheet | None, str]:
    """Say which sheet a notebook answers.

    Cells with the ids or grade_ids of answers and checks decide; then functions that exercises ask
    for and no lesson defines; then the ids of a lesson; then functions that a lesson defines too;
    then its file's name.

    Parameters
    ----------
    cells : list of Cell
    label : str
    sheets : list of Sheet
        Of the part that is graded.
    known : tuple of Known
        From ``known_notebooks``: without it, other parts and lessons are not recognised.

    Returns
    -------
    sheet : Sheet or None
    sentence : str
        Why it is none, for instructor and student; "" for a sheet.
    """
    name = PurePosixPath(label).name
    part = sheets[0].part
    ids = {cell.id for cell in cells} | {cell.grade_id for cell in cells}
    defined = _defined(cells)
    choices: list[Choice] = [(Known(part, s.name, False, *_asked(s)), s) for s in sheets]
    choices += [(k, None) for k in known if k.lesson or k.part != part]
    exercises = [choice for choice in choices if not choice[0].lesson]
    lessons = [choice for choice in choices if choice[0].lesson]
    asked = defined.difference(*(choice[0].functions for choice in lessons))

    def most(
        some: Iterable[Choice], score: Callable[[Choice], int], least: int = 1
    ) -> Choice | None:
        best = max(some, key=score, default=None)
        return best if best and score(best) >= least else None

    best = (
        most(exercises, lambda choice: len(ids & choice[0].ids))
        or most(exercises, lambda choice: len(asked & choice[0].functions))
        or most(lessons, lambda choice: len(ids & choice[0].ids), 3)
        or most(choices, lambda choice: len(defined & choice[0].functions))
        or most(
            exercises[: len(sheets)],
            lambda choice: plain_name(name).casefold() == choice[0].name.casefold(),
        )
    )
    if best is None:
        return None, f"{label} answers no notebook of {part}."
    kind, sheet = best
    if sheet:
        return sheet, ""
    if kind.lesson:
        return (
            None,
            f"{label} is the lesson {kind.name}, not its exercises: hand in the notebook from "
            f"work/.",
        )
    return None, f"{label} answers {kind.name}, a notebook of {kind.part}, not of {part}."


def _asked(sheet: Sheet) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of a sheet's answers and checks, and the functions that they ask for."""
    ids = {name for name in sheet.given if name.startswith(ANSWERED)} | {
        e.answer_id for e in sheet.exercises
    }
    ids |= {f"free_{q.slug}" for q in sheet.questions}
    return frozenset(ids), frozenset(
        name for exercise in sheet.exercises for name in exercise.names
    )
