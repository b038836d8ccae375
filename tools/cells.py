"""What a graded notebook is: its kinds of cells, its markers, and where its checks run. Standard library only.

``tools.check`` runs a student's notebook by it, ``grading`` what a class handed in, so that both say the same.
"""

import hashlib
import re
from dataclasses import dataclass

__all__ = ["CHECK", "Step", "fingerprint", "normal", "plan", "without_checks"]

CHECK = re.compile(r"^(?:def )?check_(\w+)\(", re.MULTILINE)  # a check, or a call of one, at the margin
_START = re.compile(r"@exercise\b|def check_\w+\(")
_CALL = re.compile(r"check_\w+\(.*\)\s*(#.*)?$")


@dataclass(frozen=True)
class Step:
    """One thing to do when a notebook runs from top to bottom.

    Attributes
    ----------
    at : int
        Of the cell.
    source : str
        The code to run, or "".
    check : str
        The slug of the exercise to check, or "".
    """

    at: int
    source: str = ""
    check: str = ""


def normal(source):
    """Return a cell's source without what editors change: ends of lines, spaces at their ends, blank lines around."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def fingerprint(source):
    """Return twelve letters that stand for a cell's source, the same for sources that are ``normal``-ly the same."""
    return hashlib.sha256(normal(source).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def without_checks(source):
    """Return what a cell holds beside its check: the function ``check_<slug>`` and its call are cut out.

    The text is cut by its lines and not parsed, since a cell may hold magics and errors.
    """
    kept, inside = [], False
    for line in normal(source).split("\n"):
        at_margin = line[:1] not in ("", " ", "\t", ")", "#")
        if _START.match(line):
            inside = True
        elif at_margin:
            inside = inside and line.startswith("@")
        if not inside and not _CALL.match(line):
            kept.append(line)
    return "\n".join(kept).strip("\n")


def plan(cells, checks):
    """Say in which order the cells of a notebook and the checks of its exercises run.

    Parameters
    ----------
    cells : list of (kind, ids, source)
        Of the notebook that was handed in; ``ids`` are the cell's id and its grade_id.
    checks : dict
        From the id of a check cell as released to its slug. Ids of cells that do not run at all map to "".

    Returns
    -------
    list of Step
        A check runs where its cell stands, known by its id or by the function that it defines or calls. A cell that
        holds other code beside its check runs that code first. A check without a cell is not among the steps: it comes
        at the end.
    """
    steps = []
    for at, (kind, ids, source) in enumerate(cells):
        if kind != "code" or not source.strip():
            continue
        known = [checks[name] for name in ids if name in checks]
        slugs = [slug for slug in CHECK.findall(normal(source)) if slug in checks.values()]
        if not slugs and known[:1] == [""]:
            continue
        slugs = slugs or known[:1]
        if rest := without_checks(source) if slugs else source:
            steps.append(Step(at, source=rest))
        steps += [Step(at, check=slug) for slug in dict.fromkeys(slugs)]
    return steps
