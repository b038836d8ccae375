"""Grade a class: checks run here, answers run in a sandbox. See ``python -m grading --help`` and the README."""
