"""Grade a class: checks run here, answers in a sandbox. See ``python -m grading --help``."""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the course


class GradingError(Exception):
    """A command cannot do what it was asked; the text says why, and what to do."""


class CourseError(GradingError):
    """The course, not a student, is at fault: no such part, a solution that cannot be read."""


def import_helpers() -> None:
    """Import helpers without seaborn, the slowest of its imports: nobody sees figures here."""
    if {"helpers", "seaborn"} & sys.modules.keys():
        return
    sys.modules["seaborn"] = stand_in = types.ModuleType("seaborn")
    stand_in.__dict__["set_theme"] = lambda **_: None
    try:
        import helpers  # noqa: F401
    finally:
        del sys.modules["seaborn"]
