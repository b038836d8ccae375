"""Grade a class: checks run here, answers run in a sandbox. See ``python -m grading --help`` and the README."""

import sys
import types


class Refused(Exception):
    """A command cannot do what it was asked; the text says why, and what to do."""


def import_helpers():
    """Import helpers without seaborn, which takes longer than all the rest: figures that nobody sees need no theme."""
    if {"helpers", "seaborn"} & sys.modules.keys():
        return
    sys.modules["seaborn"] = stand_in = types.ModuleType("seaborn")
    stand_in.set_theme = lambda **_: None
    try:
        import helpers  # noqa: F401
    finally:
        del sys.modules["seaborn"]
