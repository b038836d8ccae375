"""What a graded notebook is: its kinds of cells, its markers, its versions. Standard library only.

``tools.notebooks`` reads a student's notebook with it, ``grading`` what a class handed in, and ``tools.versions`` says
which release a cell is from.
"""

import hashlib
import re

__all__ = ["CHECK", "fingerprint", "normal"]

CHECK = re.compile(r"^\s*@exercise\s*\n\s*def check_(\w+)\(", re.MULTILINE)  # a check cell, whatever its id


def normal(source):
    """Return a cell's source without what editors change: ends of lines, spaces at their ends, blank lines around."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def fingerprint(source):
    """Return twelve letters that stand for a cell's source, the same for sources that are ``normal``-ly the same."""
    return hashlib.sha256(normal(source).encode("utf-8", "surrogatepass")).hexdigest()[:12]
