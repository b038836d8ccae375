"""Find answers that are the same but for spaces and comments, and tell apart why."""

from __future__ import annotations

import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grading.classroom.classbook import Student
    from grading.classroom.sheets import Exercise

__all__ = ["alike", "shape"]

SHORT = 30  # tokens more than the stub has: a shorter answer is what many would write
LONG = 90  # from here on the same text is no accident, however many have it
QUIET = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
LINE_ENDS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def shape(source: str, stub: str = "") -> tuple[str, ...]:
    """Return the tokens of an answer without comments, docstrings and blank space.

    What is no Python, such as a cell with a magic, is compared as text without blank space and
    comments; lines that the stub has too do not count.

    Parameters
    ----------
    source, stub : str

    Returns
    -------
    tuple of str
    """
    try:
        tokens = [
            t
            for t in tokenize.generate_tokens(io.StringIO(source).readline)
            if t.type not in (tokenize.COMMENT, tokenize.NL)
        ]
    except (tokenize.TokenError, SyntaxError, ValueError):
        given = {line.strip() for line in stub.split("\n")}
        own = [line for line in source.split("\n") if line.strip() not in given]
        words = re.findall(r"\w+|[^\w\s]", re.sub(r"#.*", "", "\n".join(own)))
        return (*shape(stub), *words) if stub else tuple(words)
    kept = []
    for at, token in enumerate(tokens):
        begins = at == 0 or tokens[at - 1].type in LINE_ENDS
        ends = at + 1 == len(tokens) or tokens[at + 1].type in (
            tokenize.NEWLINE,
            tokenize.ENDMARKER,
        )
        if token.type not in QUIET and not (token.type == tokenize.STRING and begins and ends):
            kept.append(token.string)
    return tuple(kept)


def alike(
    students: Iterable[Student], part: str, exercises: Iterable[tuple[str, Exercise]]
) -> list[tuple[str, list[Student], str]]:
    """List the answers of a part that several students share, or that are the solution's own.

    Parameters
    ----------
    students : list of Student
    part : str
    exercises : list of (str, Exercise)
        With the name of the notebook.

    Returns
    -------
    list of (str, list of Student, str)
        The exercise, who, and in words what is the same. An untouched stub is no answer. An answer
        that is short is what many would write; one that is not very long is listed only if few have
        it.
    """
    found = []
    for name, exercise in exercises:
        stub, solution = shape(exercise.stub), shape(exercise.solution)
        groups = defaultdict(list)
        for student in students:
            if part in student.work and (notebook := student.work[part].notebooks.get(name)):
                groups[
                    shape(notebook["answers"].get(exercise.answer_id, ""), exercise.stub)
                ].append(student)
        few = max(2, sum(map(len, groups.values())) // 10)
        for answer, who in sorted(groups.items()):
            beyond = len(answer) - len(stub)
            if answer == stub or beyond < SHORT:
                continue
            if answer == solution:
                found.append(
                    (
                        f"{name}: {exercise.slug}",
                        who,
                        f"the same as the course's solution ({_students(who)})",
                    )
                )
            elif len(who) > 1 and (len(who) <= few or beyond >= LONG):
                found.append(
                    (f"{name}: {exercise.slug}", who, f"the same as one another ({_students(who)})")
                )
    return found


def _students(who: list[Student]) -> str:
    return f"{len(who)} {'student' if len(who) == 1 else 'students'}"
