"""Keep results: a JSON file a student, a part and a batch, written as a whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading import GradingError

if TYPE_CHECKING:
    from grading.classroom.submissions import Submission

__all__ = [
    "FORMAT",
    "WriteError",
    "batch_of",
    "check_format",
    "everything",
    "open_results",
    "result_path",
    "save",
    "stored",
    "write",
]

FORMAT = 2  # of a results folder
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class WriteError(GradingError):
    """A file of the results cannot be written: no room, no right to, open in another program."""


def batch_of(where: Path | str) -> str:
    """Return what a folder's or a zip's submissions are kept under: its name, its place's hash."""
    where = Path(where).resolve()
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", where.name).strip("._")[:40] or "class"
    return f"{readable}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"


def result_path(out: Path | str, part: str, batch: str, submission: Submission) -> Path:
    """Return where the result of a submission is kept."""
    return Path(out) / "students" / part / batch / f"{submission.slug}.json"


def open_results(out: Path, batch: str = "") -> None:
    """Make a folder for results, or see that this version can go on with the one that is there.

    Parameters
    ----------
    out : Path
    batch : str
        What is graded into it now; the folder remembers in which order batches came.

    Raises
    ------
    GradingError
        If an older or a newer version wrote it, or it is a file. Nothing in it is touched.
    WriteError
    """
    check_format(out)
    known = batches(out)
    if not (out / "format.json").is_file() or (batch and batch not in known):
        told = {"format": FORMAT, "batches": list(dict.fromkeys([*known, *[batch] * bool(batch)]))}
        write(out / "format.json", json.dumps(told))


def batches(out: Path) -> list[str]:
    """Return the batches of a folder for results in the order in which they were first graded."""
    found = _read(out / "format.json")
    known = found.get("batches", []) if isinstance(found, dict) else []
    return [name for name in known if isinstance(name, str) and name]


def check_format(out: Path) -> None:
    """Raise Refused unless a folder for results is of this version, or new."""
    told = out / "format.json"
    if out.exists() and not out.is_dir():
        raise GradingError(f"{out} is a file, not a folder for results: choose another --out.")
    if told.is_file():
        found = _read(told)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise GradingError(
                f"{out} holds results in another format than this version writes ({told} does "
                f"not say "
                f'{{"format": {FORMAT}}}). Nothing was touched. {_elsewhere(out)}'
            )
    elif any((out / "students").glob("*.json")):
        raise GradingError(
            f"{out} holds results of an older version. Nothing was touched. {_elsewhere(out)}"
        )


def _elsewhere(out: Path) -> str:
    return (
        f"Grade into another folder with --out; copy {out / 'free_text.csv'} into it first, so "
        f"that the marks given "
        "by hand are kept."
    )


def everything(out: Path) -> tuple[list[dict[str, Any]], list[Path]]:
    """Return all results of a folder, and the files that hold none.

    Parameters
    ----------
    out : Path

    Returns
    -------
    list of dict
        In the order of their parts, of their batches as these came, and of file names. Each has
        the keys "part", "batch" and "slug" as its place says.
    list of Path
        What cannot be read.
    """
    results: list[dict[str, Any]] = []
    broken: list[Path] = []
    order = {name: at for at, name in enumerate(batches(out))}

    def place(path: Path) -> tuple[str, int, Path]:
        return path.parts[-3], order.get(path.parts[-2], len(order)), path

    for path in sorted((out / "students").glob("*/*/*.json"), key=place):
        if path.name.startswith("."):
            continue  # a draft that a killed process has left
        if result := stored(path):
            *_, part, batch, _ = path.parts
            results.append(result | {"part": part, "batch": batch, "slug": path.stem})
        else:
            broken.append(path)
    return results, broken


def save(path: Path, result: dict[str, Any]) -> None:
    """Write a result to the place that ``result_path`` names."""
    write(path, json.dumps({"format": FORMAT} | result, indent=1, ensure_ascii=False))


def stored(path: Path) -> dict[str, Any] | None:
    """Return a stored result, or None if none can be read: then it is graded again."""
    found = _read(path)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    kinds = {
        "id": str,
        "student": str,
        "lms_id": str,
        "flags": list,
        "notes": list,
        "notebooks": list,
        "points": int | float,
    }
    return found if all(isinstance(found.get(key), kind) for key, kind in kinds.items()) else None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def write(path: Path, text: str) -> None:
    """Write a file as a whole or not at all; half a character is written as its number.

    Raises
    ------
    WriteError
        The file that was there before is still there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        os.replace(draft, path)
    except OSError as error:
        _remove(draft)
        raise WriteError(_why(path, error)) from None


def _remove(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return  # a folder that cannot be written cannot be tidied


def _why(path: Path, error: OSError) -> str:
    if error.errno in FULL:
        reason = "there is no room left. Make some"
    elif error.errno in CLOSED:
        reason = "it, or its folder, may not be written. Close it if another program has it open, or change its rights"
    else:
        reason = f"{error.strerror or error}. Mend that"
    return f"{path} cannot be written: {reason}, and run the same command again: what was graded is kept."
