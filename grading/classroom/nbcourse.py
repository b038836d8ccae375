"""Make an nbgrader course of a part in a folder of its own, where nbgrader can delete nothing."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from grading import ROOT, CourseError
from grading.classroom.sheets import parts

__all__ = ["make"]

NOTE = "made_by_downhill.json"  # {file: sha256}: what we wrote, so that nothing else is ever overwritten
BOOK = "gradebook.db"
SETTINGS = """

# The lines above are the course's own. Here nbgrader keeps everything below this folder.
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.db_url = "sqlite:///gradebook.db"
"""


def make(part: str, folder: Path | str, root: Path = ROOT) -> str:
    """Make an nbgrader course, or add a part to it, and generate the part's release version.

    nbgrader works in a folder for temporary files, with a copy of the gradebook; its results are
    moved when all went well. A file that is there is only replaced if it is as this function wrote
    it.

    Parameters
    ----------
    part : str
    folder : Path
        It gets nbgrader_config.py, source/PART, release/PART and gradebook.db.
    root : Path
        The course's folder.

    Returns
    -------
    str
        What to type next.

    Raises
    ------
    CourseError
        If there is no such part, something of somebody else is in the way, or nbgrader fails.
    """
    if part not in parts(root):
        raise CourseError(f"There is no part {part!r}: choose one of {', '.join(parts(root))}.")
    folder = Path(folder).resolve()
    if (
        folder == root
        or folder in root.parents
        or any(
            folder.is_relative_to(root / name)
            for name in ("solutions", "exercises", "notebooks", "downhill", "grading")
        )
    ):
        raise CourseError(
            f"{folder} belongs to the course itself: choose another folder with --out."
        )
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: choose a folder with --out.")
    ours = _ours(folder)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = work / "source" / part
        source.mkdir(parents=True)
        for path in sorted((root / "solutions" / part).glob("*.ipynb")):
            shutil.copy(path, source)
        config = (root / "nbgrader_config.py").read_text(encoding="utf-8") + SETTINGS
        (work / "nbgrader_config.py").write_text(config, encoding="utf-8")
        if (folder / BOOK).is_file():
            shutil.copy(folder / BOOK, work / BOOK)
        _generate(part, work)
        files = [
            work / "nbgrader_config.py",
            *source.iterdir(),
            *(work / "release" / part).iterdir(),
        ]
        new = {path.relative_to(work).as_posix(): path.read_bytes() for path in files}
        for name, content in new.items():
            there = folder / name
            if (
                there.exists()
                and there.read_bytes() != content
                and _hash(there.read_bytes()) != ours.get(name)
            ):
                raise CourseError(
                    f"{there} is not as this command wrote it, and is not overwritten. Nothing was "
                    "changed: move it away, or choose another folder with --out."
                )
        new[BOOK] = (work / BOOK).read_bytes()
    ours |= {name: _hash(content) for name, content in new.items() if name != BOOK}
    for name, content in {
        **new,
        NOTE: json.dumps(ours, indent=1, sort_keys=True).encode() + b"\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{name}.draft"
        draft.write_bytes(content)
        draft.replace(folder / name)
    return _next(part, folder)


def _ours(folder: Path) -> dict[str, str]:
    """Return what this command has written into a folder before."""
    try:
        return dict(json.loads((folder / NOTE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        if (folder / BOOK).exists():
            said = f"{folder / BOOK} is a gradebook of another course: choose another folder with --out."
            raise CourseError(said) from None
        return {}
    except (ValueError, TypeError):
        raise CourseError(
            f"{folder / NOTE} cannot be read: choose another folder with --out."
        ) from None


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _generate(part: str, work: Path) -> None:
    """Let nbgrader make the release version in a folder."""
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", part, "--create", "--force"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=work, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    if done.returncode != 0 or not list((work / "release").glob("*/*.ipynb")):
        raise CourseError(
            f"nbgrader could not make {part}. Nothing was changed. It "
            f"said:\n{done.stderr.strip()[-1500:]}"
        )


def _next(part: str, folder: Path) -> str:
    nbgrader = shlex.quote(str(Path(sys.executable).parent / "nbgrader"))
    return (
        f"{folder} is an nbgrader course with {part}; students get {folder / 'release' / part}.\n"
        f"Put what they hand in into {folder / 'submitted'}/STUDENT/{part}/, then type\n\n"
        f"    cd {shlex.quote(str(folder))}\n"
        f"    {nbgrader} autograde {part} --create\n"
        f"    {nbgrader} generate_feedback {part}\n"
        f"    {nbgrader} export\n"
    )
