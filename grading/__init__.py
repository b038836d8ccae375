"""Grade a class: checks run here, answers run in a sandbox. See ``python -m grading --help`` and the README."""


class Refused(Exception):
    """A command cannot do what it was asked; the text says why, and what to do."""
