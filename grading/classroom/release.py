"""Pack what students get of a part: lessons, exercises, what they import; nothing of solutions.

Every part unpacks into the same folder, so that a later one joins the earlier: one .venv, one
work/. What parts share is the same in each zip; the links of lessons lead to what is in the zip,
and `make course` fits them to what is there.
"""

import json
import posixpath
import re
import zipfile
from pathlib import Path

from grading import ROOT, CourseError
from grading.classroom.leaks import leak, passages
from grading.classroom.sheets import parts
from tools.course import STUDENTS
from tools.relink import LINK, fit_notebook, written

__all__ = ["members", "write_zip"]

FOLDER = "downhill"  # what every zip unpacks into
SHARED = (
    "helpers.py",
    "requirements.txt",
    "pins/constraints.txt",
    "LICENSE",
    "LICENSE-text.md",
    "tools/__init__.py",
    "tools/cells.py",
    "tools/check.py",
    "tools/course.py",
    "tools/relink.py",
    "tools/versions.py",
    "exercises/versions.json",
    "notebooks/start_here.ipynb",
)


def members(part: str, root: Path = ROOT) -> dict[str, bytes]:
    """Return what students get of a part.

    Parameters
    ----------
    part : str
    root : Path
        The course's folder.

    Returns
    -------
    dict of {str: bytes}
        Contents by name, relative to the students' folder.

    Raises
    ------
    CourseError
        If there is no such part, or a file is missing.
    """
    exercises = sorted((root / "exercises" / part).glob("*.ipynb"))
    if part not in parts(root) or not exercises:
        raise CourseError(f"There is no part {part!r}: choose one of {', '.join(parts(root))}.")
    files = (
        [root / name for name in SHARED]
        + exercises
        + sorted((root / "notebooks" / part).glob("*.ipynb"))
    )
    files += [
        p
        for p in sorted((root / "downhill").rglob("*"))
        if p.is_file() and "__pycache__" not in p.parts
    ]
    made = {
        "README.md": "docs/for_students.md",
        "Makefile": "Makefile",
        "pyproject.toml": "pyproject.toml",
    }
    if absent := [
        path
        for path in [*files, *(root / source for source in made.values())]
        if not path.is_file()
    ]:
        raise CourseError(f"{absent[0].relative_to(root)} is missing, and students need it.")
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    for name, source in made.items():
        text = (root / source).read_text(encoding="utf-8")
        found[name] = {"Makefile": students_makefile, "pyproject.toml": students_project}.get(
            name, str
        )(text).encode()
    for name, content in found.items():
        if name.endswith(".ipynb"):
            notebook = json.loads(content)
            if fit_notebook(notebook, name, found.__contains__, first=True):
                found[name] = written(notebook).encode()
    return found


def students_makefile(text: str) -> str:
    """Return the Makefile with the commands of a student alone, and `make help`."""
    head, *rules = text.split("\n\n")
    settings = [
        line for line in head.splitlines() if not re.match(r"VENV|TOOLS|\.PHONY", line)
    ]
    mine = {rule.split(":")[0]: rule.rstrip() for rule in rules if re.match(r"[\w-]+:", rule)}
    mine = {name: rule for name, rule in mine.items() if name in (*STUDENTS, "help")}
    return "\n\n".join(["\n".join(settings), ".PHONY: " + " ".join(mine), *mine.values()]) + "\n"


def students_project(text: str) -> str:
    """Return pyproject.toml with what pip needs to install the course, and nothing else."""
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    needed = r"\[(?:build-system|project|tool\.setuptools.*)\]"
    return "".join(t for t in tables if re.match(needed, t) or t is tables[0]).rstrip() + "\n"


def dead_links(found: dict[str, bytes]) -> list[tuple[str, str]]:
    """List (file, target) of the relative links in texts and notebooks that lead to no member."""
    dead = []
    for name, content in found.items():
        if name.endswith(".ipynb"):
            texts = [
                "".join(c["source"])
                for c in json.loads(content)["cells"]
                if c["cell_type"] == "markdown"
            ]
        elif name.endswith(".md"):
            texts = [content.decode("utf-8")]
        else:
            continue
        for match in LINK.finditer("\n".join(texts)):
            if posixpath.normpath(posixpath.join(posixpath.dirname(name), match[3])) not in found:
                dead.append((name, match[3]))
    return dead


def write_zip(part: str, target: Path | str, root: Path = ROOT) -> Path:
    """Write the zip of a part.

    Parameters
    ----------
    part : str
    target : Path
    root : Path
        The course's folder.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    CourseError
        If there is no such part, if a file is missing, or if one would give a solution away or has
        a dead link.
    """
    found, known = members(part, root), passages(root)
    for name, content in found.items():
        if said := leak(name, content, known):
            advice = (
                "run `make exercises`, then"
                if name.startswith("exercises/")
                else "take that out, and"
            )
            raise CourseError(f"{name} {said}. Nothing was written: {advice} release again.")
    for name, link in dead_links(found):
        raise CourseError(
            f"{name} has a link to {link}, which students do not get. Nothing was written."
        )
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(found.items()):
            info = zipfile.ZipInfo(f"{FOLDER}/{name}")
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    draft.replace(target)
    return target
