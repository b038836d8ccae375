"""Whose is a file: the rules by which learning platforms name what students handed in.

A rule looks at a whole listing and says which of its entries are its own, and whose they are. Rules
are asked in the order of ``LAYOUTS``; what one has claimed is not shown to the next. The last one,
``folders``, takes what is left.
"""

from __future__ import annotations

import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grading.classroom.submissions import Handed

__all__ = [
    "LAYOUTS",
    "NOBODY",
    "Claim",
    "Entry",
    "Listing",
    "apply",
    "is_nameless",
    "plain_name",
    "wrappers_of",
]

# mod/assign/classes/downloader.php: the prefix is the name (or "Participant", or a group's name),
# in which every _ became a space, _ and a number; a group submission of people without a group has
# no number. Then the plugin's name and, without folders, _ and the file's. Some versions end a
# folder with a further _.
MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<plugin>[a-z][a-z0-9]*)(?:_(?P<file>.*))?",
    re.DOTALL,
)
# What Moodle's language packs call somebody whose name is hidden (get_string('participant',
# 'mod_assign')).
NAMELESS = {
    "participant",
    "teilnehmer",
    "teilnehmerin",
    "teilnehmer in",
    "participante",
    "partecipante",
    "deelnemer",
    "deltager",
    "deltaker",
    "deltagare",
    "osallistuja",
    "uczestnik",
    "účastník",
    "участник",
    "учасник",
    "katılımcı",
    "résztvevő",
    "参加者",
    "参与者",
}
# Canvas, lib/content_zipper.rb: name, LATE, the user's number (or "anon_" and letters), joined by
# _; then the number of the attachment and the file's name, or text.html, or link.html. A name may
# have _, but no number between two _.
CANVAS = re.compile(
    r"(?:(?P<late2>LATE_)?anon_(?P<anon>[A-Za-z0-9]+)|(?P<name>.+?)_(?P<late>LATE_)?(?P<id>\d+))_(?:question_\d+_)?"
    r"(?:(?P<file_id>\d+)_(?P<file>.+)|(?P<page>(?:text|link)\.html))",
    re.IGNORECASE | re.DOTALL,
)
# Blackboard: ASSIGNMENT_USER_attempt_TIME_FILE, and for each attempt a receipt without _FILE.
BLACKBOARD = re.compile(
    r"(?P<stem>.+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?", re.DOTALL
)
RECEIPT = re.compile(r"^[^:\n]{1,40}: *(?P<name>[^\n]*?) *\((?P<id>[^()\n]+)\)\s*$", re.MULTILINE)
# Brightspace: NUMBER-NUMBER - NAME - DATE, a folder; or the same, and - FILE. Some versions write
# "NAME- DATE".
BRIGHTSPACE = re.compile(
    r"(?P<first>\d+)-(?P<second>\d+) ?- ?(?P<name>.+?) ?- ?"
    r"(?P<date>(?:20\d\d-\d\d-\d\d|(?=[^-]*\b20\d\d\b))[^-]*?)(?: - (?P<file>.+))?",
    re.DOTALL,
)
# Sakai: "LAST, FIRST(USER)/Submission attachment(s)/FILE", in the site's language; or the same
# joined by _.
SAKAI = re.compile(
    r"(?P<name>.*\w.*?(?<!\s))\((?P<id>[^()]+)\)(?:_Submission attachment\(s\)_(?P<file>.+))?",
    re.DOTALL,
)
ATTACHED = ("Submission attachment(s)",)
SAKAI_OWN = {
    "timestamp.txt",
    "comments.txt",
    "feedbacktext.html",
    "grades.csv",
    "grades.xls",
    "grades.xlsx",
}

# nbgrader's exchange: USER+ASSIGNMENT+TIME, and for some +RANDOM; its course folder: what stands
# beside submitted/.
INBOUND = re.compile(
    r"(?P<id>[^+]+)\+(?P<part>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d[ T_]\d\d[^+]*)(?:\+.*)?", re.DOTALL
)
NOT_SUBMITTED = {"source", "release", "autograded", "feedback", "downloaded"}

# Folders of the course, of a term, or of a computer: never a student.
COURSE_FOLDER = re.compile(
    r"work|exercises?|solutions?|notebooks?|downhill.*|course|submitted( "
    r"files)?|submissions?|src|old|new|final|archive"
    r"|backup|v\d+|drafts?|originals?|given|corrected|revis(ed|ion)s?|(first|second|third|last) "
    r"(try|version)|(mon|tues|wednes|thurs|fri|satur|sun)day|(section|tutorial|cohort) ?\w{1,2}"
    r"|(\d+_)?(homework|hw|assignment|aufgabe|uebung|übung|abgabe|devoir|tarea)(s|n|en)?[ "
    r"_.-]*\d*"
    r"|(week|sheet|lab|part|session|lesson|unit|task|version|attempt|woche|blatt|versuch|semaine)s?[ _.-]*\d+",
    re.IGNORECASE,
)
# What a browser, an editor or a file manager makes of a name when there is one already.
COPY_MARKS = re.compile(
    r"^(?:copy|kopie|copie|copia|kopia) (?:\(\d+\) )?(?:of|von|de|di|van|av|z) "
    r"|[ _-]*\(\d{1,3}\)$|[ -]+\d{1,3}$"
    r"|[ _-]+(?:copy|kopie|copie|copia)(?: ?\(?\d+\)?)?$",
    re.IGNORECASE,
)
ENDINGS = re.compile(
    r"(?:\.(?:ipynb|json|txt|download|part|crdownload|zip|tar|t?gz|bz2|xz|7z|rar|html?|pdf|py|docx?|md))+$",
    re.IGNORECASE,
)
NOBODYS = re.compile(
    r"(?:grades?|roster|class|gradebook|readme|index|status|names?|students|teilnehmer|submission_metadata)\b.*"
    r"|.*\.(?:csv|tsv|xlsx?|ods|yml|yaml|db|log|sh|bat)",
    re.IGNORECASE,
)
WORK = re.compile(r".*\.(?:ipynb(\.\w+)?|zip|tar|tgz|tar\.\w+|rar|7z)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)  # two members of a zip may have one name
class Entry:
    """One thing in a listing.

    Attributes
    ----------
    parts : tuple of str
        Its path, from the folder or zip that was given; NFC.
    handed : Handed or None
        The file; None for a folder.
    kind : str
        "file", "folder" (nothing in it that counts), or a key of ``submissions.UNREAD``.
    size : int
    """

    parts: tuple[str, ...]
    handed: Handed | None = None
    kind: str = "file"
    size: int = 0


@dataclass(frozen=True)
class Claim:
    """Whose an entry is.

    Attributes
    ----------
    student, lms_id : str
    below : tuple of str
        The path inside what the student handed in.
    own : bool
        False for a file that the platform has put beside the student's.
    note : str
        A sentence for the instructor, or "".
    """

    student: str
    lms_id: str = ""
    below: tuple[str, ...] = ()
    own: bool = True
    note: str = ""


NOBODY = Claim("", own=False)
Claims = dict[Entry, Claim]


@dataclass(frozen=True)
class Listing:
    """A folder or a zip as a list.

    Attributes
    ----------
    name : str
        Of the folder or zip: a student's, if it turns out to be one student's work.
    entries : tuple of Entry
    sheets : dict
        From each part of the course to the names of its notebooks.
    repositories : frozenset of tuple
        Paths of the folders that have a ``.git``.
    wrappers : tuple of str
        The folders, from the outermost, of which each holds all.
    rest : bool
        Whether another rule has claimed the others already.
    """

    name: str
    entries: tuple[Entry, ...]
    sheets: dict[str, list[str]]
    repositories: frozenset[tuple[str, ...]] = frozenset()
    wrappers: tuple[str, ...] = ()
    rest: bool = False

    def is_course_folder(self, name: str) -> bool:
        """Say whether a folder is a part's, or one of courses and computers: never a student's."""
        return name in self.sheets or bool(COURSE_FOLDER.fullmatch(name))

    def is_sheet(self, file: str) -> bool:
        """Say whether a file is called like a notebook of the course, or like a copy of one."""
        return plain_name(file) in {name for names in self.sheets.values() for name in names}


def plain_name(file: str) -> str:
    """Return a file's name without endings and marks of a copy: "1_a (2).ipynb.txt" is "1_a"."""
    stem = ENDINGS.sub("", PurePosixPath(file).name).strip()
    while (shorter := COPY_MARKS.sub("", stem).strip()) != stem and shorter:
        stem = shorter
    return stem


# ------------------------------------------------------------------------------- rules of platforms
# Each takes a listing and returns a dict from entries to claims.


def is_nameless(name: str) -> bool:
    """Say whether a name, its number apart, is Moodle's for all while marking is blind."""
    return name.casefold().rstrip("0123456789 ") in NAMELESS


def moodle(listing: Listing) -> Claims:
    """Return claims of NAME_NUMBER_assignsubmission_file/FILE, or the same with _ for /."""
    claims = {}
    for entry in listing.entries:
        for at, piece in enumerate(entry.parts):
            if found := MOODLE.fullmatch(piece):
                named = (found["file"],) if found["file"] else ()
                below = named + entry.parts[at + 1 :]
                name, number = found["name"], found["id"] or ""
                student = f"{name} {number}" if number and is_nameless(name) else name
                claims[entry] = Claim(student, number, below or (piece,) * (entry.kind == "file"))
                break
    return claims


def sakai(listing: Listing) -> Claims:
    """Return claims of LAST, FIRST(USER)/Submission attachment(s)/FILE."""
    claims, signs = {}, False
    for entry in listing.entries:
        last = entry.parts[-1].casefold()
        if last in SAKAI_OWN:
            claims[entry] = NOBODY
        for at, piece in enumerate(entry.parts):
            found, inside = SAKAI.fullmatch(piece), entry.parts[at + 1 :]
            is_file = entry.kind == "file" and not inside
            if not found or is_file != bool(found["file"]):
                continue
            given_back = inside[:1] == ("Feedback Attachment(s)",) or (
                len(inside) == 1 and last in SAKAI_OWN
            )
            text = last.endswith("_submissiontext.html") and len(inside) == 1
            signs = (
                signs
                or is_file
                or text
                or ", " in piece
                or inside[:1] in (ATTACHED, ("timestamp.txt",))
            )
            below = inside[1:] if inside[:1] == ATTACHED else inside
            claims[entry] = Claim(
                found["name"],
                found["id"],
                below or (found["file"],) * is_file,
                not given_back and not (text and entry.size == 0),
            )
            break
    people = [claim for claim in claims.values() if claim is not NOBODY]
    return (
        claims if signs and people and _tells_apart((c.lms_id, c.student) for c in people) else {}
    )


def blackboard(listing: Listing) -> Claims:
    """Return claims of ASSIGNMENT_USER_attempt_TIME_FILE, with a receipt beside it."""
    found = {}
    for entry in listing.entries:
        for at, piece in enumerate(entry.parts):
            if match := BLACKBOARD.fullmatch(piece):
                found[entry] = match, entry.parts[at + 1 :]
                break
    people: dict[str, dict[str, str] | re.Match[str]] = {}
    for entry, (match, below) in found.items():
        if not match["file"] and not below and entry.kind == "file" and (who := _receipt(entry)):
            people.setdefault(match["stem"], who)
    stems = {match["stem"] for match, _ in found.values()}
    assignments = {
        stem[: -len(who["id"])] for stem, who in people.items() if stem.endswith(f"_{who['id']}")
    }
    common = os.path.commonprefix(sorted(stems))
    for stem in stems - people.keys():  # without a receipt: what follows the name of the assignment
        before = next(
            (a for a in assignments if stem.startswith(a)), common[: _after_last("_", common)]
        )
        before = before if len(stems) > 1 else stem[: _after_last("_", stem)]
        user = stem.removeprefix(before) or stem
        people[stem] = {"name": user, "id": user}
    claims = {}
    for entry, (match, below) in found.items():
        person, receipt = people[match["stem"]], not match["file"] and not below
        path = (match["time"], *((match["file"],) if match["file"] else ()), *below)
        claims[entry] = Claim(person["name"] or person["id"], person["id"], path, own=not receipt)
    return claims


def _receipt(entry: Entry) -> re.Match[str] | None:
    """Return name and id from Blackboard's receipt, from "Name: Ada Lovelace (alovelace)"."""
    if entry.handed is None:
        return None
    try:
        text = entry.handed.head(2000).decode("utf-8-sig", "replace")
    except OSError:
        return None
    return RECEIPT.search(text)


def _after_last(mark: str, text: str) -> int:
    return text.rfind(mark) + 1


def brightspace(listing: Listing) -> Claims:
    """Return claims of NUMBER-NUMBER - NAME - DATE/FILE, or the same with FILE joined by -."""
    found = {}
    for entry in listing.entries:
        for at, piece in enumerate(entry.parts):
            if match := BRIGHTSPACE.fullmatch(piece):
                found[entry] = match, entry.parts[at + 1 :]
                break
    numbers = [
        n for n in ("first", "second") if _tells_apart((m[n], m["name"]) for m, _ in found.values())
    ]
    number = numbers[0] if numbers else None
    claims = {}
    for entry, (match, below) in found.items():
        file = (match["file"],) if match["file"] else ()
        if (
            not file and not below and entry.kind == "file"
        ):  # the date has swallowed a name without " - "
            file = (entry.parts[-1],)
        claims[entry] = Claim(
            match["name"], match[number] if number else "", (match["date"], *file, *below)
        )
    if claims:
        claims |= {
            e: NOBODY
            for e in listing.entries
            if e.parts[-1].casefold() == "index.html" and e not in claims
        }
    return claims


def _tells_apart(pairs: Iterable[tuple[str, str]]) -> bool:
    """Say whether a number has one name."""
    names = defaultdict(set)
    for number, name in pairs:
        names[number].add(name)
    return all(len(each) == 1 for each in names.values())


def canvas(listing: Listing) -> Claims:
    """Return claims of NAME_NUMBER_NUMBER_FILE, side by side; _LATE is for late ones."""
    beside: dict[tuple[str, ...], set[str]] = defaultdict(set)
    found: dict[tuple[str, ...], dict[Entry, re.Match[str]]] = defaultdict(dict)
    for entry in listing.entries:
        for depth, piece in enumerate(entry.parts):
            if not _is_nobodys(entry):
                beside[entry.parts[:depth]].add(piece)
            if match := CANVAS.fullmatch(piece):
                found[entry.parts[:depth]][entry] = match
    most = max(found, key=lambda where: len(found[where]), default=None)
    if most is None:
        return {}
    pieces = {entry.parts[len(most)] for entry in found[most]}
    files = any(
        len(entry.parts) == len(most) + 1 for entry in found[most]
    )  # Canvas itself makes no folders
    if not files or 2 * len(pieces) <= len(beside[most]) or not _is_canvas(found[most], len(most)):
        return {}
    return {entry: _canvas_claim(match, entry, len(most)) for entry, match in found[most].items()}


def _is_canvas(found: dict[Entry, re.Match[str]], depth: int) -> bool:
    """Say whether numbers are as Canvas gives them: nearly each attachment has its own.

    Where several people with several names are told apart, one person's attachments may share a
    number.
    """
    files, owners, names = set(), defaultdict(set), set()
    for entry, match in found.items():
        person = match["id"] or match["anon"]
        names.add((match["name"] or "").casefold())
        files.add((match["file_id"], ENDINGS.sub("", entry.parts[depth])))
        owners[match["file_id"]].add(person)
    people = len(names) > 1 and len(set.union(*owners.values())) > 1
    own = sum(len(each) == 1 for each in owners.values())
    return len(owners) > len(files) / 2 or (people and own > len(owners) / 2)


def _canvas_claim(match: re.Match[str], entry: Entry, depth: int) -> Claim:
    number = match["id"] or match["anon"]
    named = match["file"] or match["page"]
    note = "Canvas marks it as late." if match["late"] or match["late2"] else ""
    return Claim(
        match["name"] or f"anonymous {number}",
        number,
        (named, *entry.parts[depth + 1 :]),
        note=note,
    )


def github(listing: Listing) -> Claims:
    """Return claims of repositories side by side, ASSIGNMENT-USER/ with .git in each."""
    if (
        len(listing.repositories) < 2 or () in listing.repositories
    ):  # one may be the folder that holds all
        return {}
    places = {path[:-1] for path in listing.repositories}
    if len(places) != 1:
        return {}
    where = places.pop()
    depth = len(where)
    names = sorted(
        {
            e.parts[depth]
            for e in listing.entries
            if e.parts[:depth] == where and len(e.parts) > depth + 1
        }
        | {path[-1] for path in listing.repositories}
    )
    # gh classroom clone makes ASSIGNMENT-submissions/ASSIGNMENT-USER; the Classroom Assistant
    # ASSIGNMENT/USER.
    before = (
        f"{where[-1].removesuffix('-submissions')}-"
        if where and where[-1].endswith("-submissions")
        else ""
    )
    if not before and len(names) > 1:
        common = os.path.commonprefix(names)
        before = common[: _after_last("-", common)]
    if not all(name.startswith(before) and name != before for name in names):
        before = ""
    return {
        entry: Claim(entry.parts[depth].removeprefix(before), "", entry.parts[depth + 1 :])
        for entry in listing.entries
        if entry.parts[:depth] == where and (len(entry.parts) > depth + 1 or entry.kind != "file")
    }


def nbgrader(listing: Listing) -> Claims:
    """Return claims of STUDENT/PART/FILE, and of PART/STUDENT/FILE."""
    claims = {}
    submitted = {
        e.parts[:n]
        for e in listing.entries
        for n, piece in enumerate(e.parts[:-1])
        if piece == "submitted"
    }
    for entry in listing.entries:
        for at, piece in enumerate(entry.parts):
            if found := INBOUND.fullmatch(piece):
                claims[entry] = Claim(
                    found["id"], "", (found["part"], found["time"], *entry.parts[at + 1 :])
                )
            elif piece in NOT_SUBMITTED and entry.parts[:at] in submitted:
                claims[entry] = NOBODY
    return claims | _by_part([entry for entry in listing.entries if entry not in claims], listing)


def _by_part(entries: list[Entry], listing: Listing) -> Claims:
    """Return claims of entries by the names of parts in their paths."""
    before, after, loose = (
        {},
        {},
        set(),
    )  # from entries to the place of the piece that may be the student
    places = {}  # of the part
    for entry in entries:
        place = next((n for n, piece in enumerate(entry.parts) if piece in listing.sheets), None)
        if place is None or (place == len(entry.parts) - 1 and entry.kind == "file"):
            continue
        places[entry] = place
        outer = [n for n in range(place) if not listing.is_course_folder(entry.parts[n])]
        if outer:
            before[entry] = outer[-1]
        below = entry.parts[place + 1 :]
        if len(below) > (entry.kind == "file") and not listing.is_course_folder(below[0]):
            after[entry] = place + 1
        elif below and not listing.is_sheet(below[0]):
            loose.add(below[0])
    people = _innermost(before)
    if len(people) == 1 and _holds_others(next(iter(people)), places, entries, listing):
        return {}
    if len(people) > 1 or (people and not after and len(loose) < 2):
        chosen = before
    elif after:
        chosen = after
    else:  # CLASS/PART/ada.ipynb is for the general rule
        return {}
    usual = Counter(sorted(len(path) for path in _innermost(chosen)))
    depth = usual.most_common(1)[0][0] - 1
    claims = {}
    for entry in entries:
        at = depth
        if chosen is before and depth >= places.get(
            entry, len(entry.parts)
        ):  # the part's folder is no student
            at = chosen.get(entry, depth)
        if len(entry.parts) > at + (entry.kind == "file"):
            parts_above = (piece for piece in entry.parts[:at] if piece in listing.sheets)
            claims[entry] = Claim(entry.parts[at], "", (*parts_above, *entry.parts[at + 1 :]))
    return claims


def _holds_others(
    path: tuple[str, ...], places: dict[Entry, int], entries: list[Entry], listing: Listing
) -> bool:
    """Say whether a folder holds all and is no student: folders stand between it and a part's."""
    depth = len(path)
    inner = {
        entry.parts[depth]
        for entry in entries
        if len(entry.parts) > depth + 1 and entry.parts[:depth] == path
    }
    everything = all(entry.parts[:depth] == path for entry in entries)
    return (
        everything
        and min(places.values()) > depth
        and not all(map(listing.is_course_folder, inner))
    )


def _innermost(places: dict[Entry, int]) -> set[tuple[str, ...]]:
    """Return the paths of folders that may be students, without those that hold others of them."""
    paths = {entry.parts[: place + 1] for entry, place in places.items()}
    return paths - {path[:n] for path in paths for n in range(len(path))}


# --------------------------------------------------------------------------------- the general rule


def folders(listing: Listing) -> Claims:
    """Return claims of all entries: STUDENT/…/FILE, STUDENT.ipynb, or one student's own folder."""
    depth = len(listing.wrappers)
    files = [e for e in listing.entries if len(e.parts) == depth + 1 and e.kind == "file"]
    inner = defaultdict(list)
    for entry in listing.entries:
        if len(entry.parts) > depth + (entry.kind == "file"):
            inner[entry.parts[depth]].append(entry)
    if not listing.rest and (alone := _one_student(listing, files, inner)):
        return {entry: Claim(alone, "", entry.parts[depth:]) for entry in listing.entries}
    deeper = bool(inner) and not any(map(_is_work, files)) and _are_sections(listing, inner, depth)
    claims = {}
    for entry in (entry for each in inner.values() for entry in each):
        below = entry.parts[depth + deeper :]
        if not below or (
            deeper and len(below) == 1 and entry.kind == "file" and not _is_work(entry)
        ):
            claims[entry] = NOBODY
        elif len(below) == 1 and entry.kind == "file":
            claims[entry] = Claim(_stem(below[0]), "", below)
        else:
            claims[entry] = Claim(below[0], "", below[1:])
    stems = {_stem(e.parts[-1]) for e in files} | inner.keys()
    named = _named_for_sheets(listing, files) if not inner and not listing.rest else {}
    for entry in files:
        name = entry.parts[-1]
        if not _is_work(entry) and (inner or listing.rest or NOBODYS.fullmatch(name)):
            claims[entry] = NOBODY
        elif entry in named:
            claims[entry] = Claim(named[entry], "", (name,))
        else:
            note = ""
            if listing.is_sheet(name):
                note = f"{name} is called like a notebook and not like a student: whose is it?"
            elif plain_name(name) != _stem(name) and plain_name(name) in stems:
                note = f"{name} may be a copy of what {plain_name(name)} handed in."
            claims[entry] = Claim(_stem(name), "", (name,), note=note)
    return claims


def _stem(file: str) -> str:
    return ENDINGS.sub("", file) or file


def _is_work(entry: Entry) -> bool:
    return bool(WORK.fullmatch(entry.parts[-1]))


def _is_nobodys(entry: Entry) -> bool:
    """Say whether a file is one that platforms and instructors put there, such as grades.csv."""
    return not _is_work(entry) and bool(NOBODYS.fullmatch(entry.parts[-1]))


def wrappers_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the folders, from the outermost, of which each holds all entries."""
    shared: list[str] = []
    while entries and all(len(entry.parts) > len(shared) + 1 for entry in entries):
        heads = {entry.parts[len(shared)] for entry in entries}
        if len(heads) > 1:
            break
        shared.append(heads.pop())
    return tuple(shared)


def _one_student(listing: Listing, files: list[Entry], inner: dict[str, list[Entry]]) -> str:
    """Return the student's name if the listing is one student's own folder, "" if a class's."""
    works = [entry.parts[-1] for entry in files if _is_work(entry)]
    sheets = [name for name in works if listing.is_sheet(name)]
    holders = [name for name, entries in inner.items() if any(map(_is_work, entries))]
    # The folder that holds all is somebody's, unless it is a folder of the course or was given by
    # itself.
    own_folder = bool(listing.wrappers) and not listing.is_course_folder(listing.wrappers[-1])
    copies = len(sheets) > 1 and len({plain_name(name) for name in sheets}) == 1
    if holders:
        course_folders = all(map(listing.is_course_folder, holders)) and not _are_people(
            listing, inner
        )
        alone = len(sheets) == len(works) and (
            course_folders or (own_folder and works and len(holders) == 1)
        )
    elif works:
        all_sheets = len(sheets) == len(works) and not (copies and not own_folder)
        alone = all_sheets or (own_folder and (sheets or len(works) == 1))
    else:
        alone = own_folder and len(files) + len(inner) == 1
    return _person(listing) if alone else ""


def _are_people(listing: Listing, inner: dict[str, list[Entry]]) -> bool:
    """Say whether folders of the course hold several people's work: hw1/ada/…, hw1/bob.ipynb."""
    depth = len(listing.wrappers) + 1
    people = {
        _stem(e.parts[depth])
        for entries in inner.values()
        for e in entries
        if len(e.parts) > depth and _is_work(e)
        if not (listing.is_sheet(e.parts[depth]) or listing.is_course_folder(e.parts[depth]))
    }
    return len(people) > 1


def _are_sections(listing: Listing, inner: dict[str, list[Entry]], depth: int) -> bool:
    """Say whether each folder holds several people's: notebooks of one name in two of its own.

    Folders of the course, such as hw1, may also hold one folder or notebook a student.
    """
    if all(map(listing.is_course_folder, inner)):
        return _are_people(listing, inner)
    folders = [
        {e.parts[depth + 1] for e in entries if len(e.parts) > depth + 2}
        for entries in inner.values()
    ]
    if max(Counter(name for names in folders for name in names).values(), default=0) > 1:
        return False  # ada/first, ada/second, bob/first, …: what two have is nobody's name
    for entries in inner.values():
        where = defaultdict(set)
        for entry in filter(_is_work, entries):
            if len(entry.parts) == depth + 2 or listing.is_course_folder(entry.parts[depth + 1]):
                return False
            where[plain_name(entry.parts[-1])].add(entry.parts[depth + 1])
        if max(map(len, where.values()), default=0) < 2:
            return False
    return len(inner) > 1


def _person(listing: Listing) -> str:
    """Return the innermost folder that is no part and not the course's; else the listing's name."""
    people = [name for name in listing.wrappers if not listing.is_course_folder(name)]
    return people[-1] if people else listing.name


def _named_for_sheets(listing: Listing, files: list[Entry]) -> dict[Entry, str]:
    """Return students by entry if each notebook is called STUDENT_NOTEBOOK, or the reverse."""
    sheets = sorted(
        {re.escape(name) for names in listing.sheets.values() for name in names},
        key=len,
        reverse=True,
    )
    copy = r"(?:(?:copy|kopie|copie|copia|kopia) (?:of|von|de|di|van|av|z) )*"
    pattern = re.compile(
        rf"(?:(?P<a>.+?)[ _-]+)?{copy}(?:{'|'.join(sheets)})(?:[ _-]+(?P<b>.+))?", re.IGNORECASE
    )
    students = {}
    for entry in files if sheets else []:
        stem = re.sub(r"[ _-]*\(\d{1,3}\)$", "", _stem(entry.parts[-1]))
        for name in (stem, plain_name(entry.parts[-1])):  # "group 1" is a name, "2" marks a copy
            found = pattern.fullmatch(name)
            one = found if found and bool(found["a"]) != bool(found["b"]) else None
            student = (one["a"] or one["b"]).strip("() ") if one else ""
            if student and not re.fullmatch(r"\d{1,3}", student):
                students[entry] = student
                break
        else:
            if _is_work(entry):
                return {}
    return students


# name: (rule, what it looks like, which share of what is left it must claim)
LAYOUTS: dict[str, tuple[Callable[[Listing], Claims], str, float]] = {
    "moodle": (moodle, "NAME_NUMBER_assignsubmission_file/FILE, or joined by _", 0),
    "sakai": (sakai, "LAST, FIRST(USER)/Submission attachment(s)/FILE", 0),
    "blackboard": (blackboard, "ASSIGNMENT_USER_attempt_TIME_FILE", 0),
    "brightspace": (brightspace, "NUMBER-NUMBER - NAME - DATE/FILE, or joined by -", 0),
    "canvas": (canvas, "NAME_NUMBER_NUMBER_FILE", 0.5),
    "github": (github, "ASSIGNMENT-USER/, each a repository with .git", 0.5),
    "nbgrader": (nbgrader, "STUDENT/PART/FILE, or PART/STUDENT/FILE", 0.5),
    "folders": (folders, "STUDENT/FILE, STUDENT/WEEK/FILE or STUDENT.ipynb", 0),
}


def apply(listing: Listing, layout: str | None = None) -> tuple[Claims, dict[str, int]]:
    """Say whose each entry of a listing is.

    Parameters
    ----------
    listing : Listing
    layout : str, optional
        A name of ``LAYOUTS``; without it the rules decide.

    Returns
    -------
    claims : dict
        From every entry to its Claim.
    used : dict
        From the names of the rules that were used to the number of entries that each has claimed.
    """
    claims: Claims = {}
    used: dict[str, int] = {}
    left = replace(listing, wrappers=listing.wrappers or wrappers_of(listing.entries))
    for name, (rule, _, share) in LAYOUTS.items():
        if not left.entries or (layout and name not in (layout, "folders")):
            continue
        found = rule(left)
        if found and (
            layout or len(found) > share * sum(not _is_nobodys(entry) for entry in left.entries)
        ):
            claims |= found
            used[name] = len(found)
            left = replace(
                left, entries=tuple(e for e in left.entries if e not in found), rest=True
            )
    return claims, used
