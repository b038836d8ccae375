"""Say who handed in what before anything is graded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from grading.classroom.submissions import Class, Known, Submission, known_notebooks, match, remarks
from tools.cells import NotebookError, read_cells

if TYPE_CHECKING:
    from grading.classroom.sheets import Sheet

__all__ = ["nobodys_work", "preview"]


def preview(
    found: Class, chosen: Sequence[Submission], sheets: Sequence[Sheet], root: Path
) -> list[str]:
    """Return lines that say who would be whom, and which notebooks they would answer.

    Parameters
    ----------
    found : Class
        From ``survey``.
    chosen : list of Submission
        Of whom it is said.
    sheets : list of Sheet
    root : Path
        The course's folder.

    Returns
    -------
    list of str
    """
    part, known = sheets[0].part, known_notebooks(root)
    lines = [f"Layout {sentence}" for sentence in found.layouts] + [""]
    answering = look = 0
    for submission in chosen:
        answers, flags = _answers(submission, sheets, known)
        answering += any(name for _, name in answers)
        look += bool(flags)
        lines.append(
            submission.student + (f" (number {submission.lms_id})" if submission.lms_id else "")
        )
        lines += [f"    {label} -> {name or 'nothing'}" for label, name in answers]
        lines += [f"    look: {sentence}" for sentence in flags]
    if found.nobodys:
        lines += ["", nobodys_work(found.nobodys)]
    verb = "needs" if look == 1 else "need"
    total = f"{len(chosen)} handed in, {answering} with notebooks of {part}, {look} {verb} a look."
    return [*lines, "", total, "Nothing was run."]


def nobodys_work(names: Sequence[str]) -> str:
    """Return a sentence about files that belong to no student."""
    files = "1 file is" if len(names) == 1 else f"{len(names)} files are"
    return f"{files} nobody's work: {', '.join(names[:10])}{', …' if len(names) > 10 else ''}"


def _answers(
    submission: Submission, sheets: Sequence[Sheet], known: Sequence[Known]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return [(label, name of the sheet or "")] and the sentences that a grade would come with."""
    answers, flags, strays = [], [], []
    for handed in submission.files:
        try:
            sheet, sentence = match(
                read_cells(handed.read(), handed.label), handed.label, sheets, known
            )
        except NotebookError as error:
            sheet, sentence = None, ""
            flags.append(str(error))
        strays += [sentence] if sentence else []
        answers.append((handed.label, sheet.name if sheet else ""))
    answered = {name for _, name in answers}
    for name in sorted(answered - {""}):
        labels = [label for label, each in answers if each == name]
        if len(labels) > 1:
            flags.append(f"{len(labels)} files answer {name}: {', '.join(labels)}.")
    missing = [sheet.name for sheet in sheets if sheet.name not in answered]
    answers += [(PurePosixPath(handed.label).as_posix(), "") for handed in submission.others]
    return answers, [*submission.notes, *flags] + remarks(submission, missing, strays)
