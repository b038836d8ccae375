"""Every command that README.md, CONTRIBUTING.md and docs/ print is one that there is, and so are
its words.
"""

import argparse
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from grading.__main__ import parser
from grading.classroom.sheets import load_part, parts
from tools.course import COMMANDS

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
each_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
SYSTEM = {
    "cd",
    "cp",
    "mkdir",
    "rm",
    "git",
    "unzip",
    "npm",
    "bash",
}  # what a computer has, or the page says to install
PYTHONS = {"py", "python", "python3", ".venv/bin/python"}
COURSE = {path.name for path in ROOT.iterdir() if path.is_dir()} - {
    "build",
    "work",
    "results",
    "submitted",
}
VARIABLE = re.compile(r"[A-Z][A-Z_]*=")
COMMAND = re.compile(
    r"(?:[A-Z_]+=\S+ )*"
    r"(?:make|py|python3?|\.venv/bin/\w[\w-]*|downhill-grading|jupytext|nbgrader|dask|pytest|ruff|pip) .+"
)


def commands(text):
    """Return the commands of a page: lines of fenced blocks without a language, and code in the
    text that is one.
    """
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [
        re.sub(r"\s+#.*", "", line).strip()
        for kind, block in blocks
        if not kind
        for line in block.splitlines()
    ]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = [code.replace("\n", " ") for code in re.findall(r"`([^`]+)`", prose)]
    return [line for line in lines if line] + [code for code in inline if COMMAND.fullmatch(code)]


def targets():
    return set(
        re.findall(
            r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
        )
    )


def wrong_with(command):
    """Return what is wrong with a command, or an empty string."""
    if "…" in command or "..." in command:
        return ""  # a pattern of commands, which the page explains
    for part in re.split(r"\s*(?:&&|;|\|)\s*", command):
        words = shlex.split(part)
        while words and VARIABLE.match(words[0]):
            words.pop(0)
        if words and (fault := wrong_with_words(words)):
            return fault
    return ""


def wrong_with_words(words):
    program, *rest = words
    if program == "make":
        return wrong_with_make(rest)
    if program == "downhill-grading":
        return wrong_with_grading(rest)
    if program in PYTHONS:
        return wrong_with_python(rest)
    if program.startswith(".venv/bin/"):
        if not (Path(sys.executable).parent / Path(program).name).exists():
            return f"no program {program}"
    elif program not in SYSTEM:
        return f"no program {program}"
    return "" if program in ("mkdir", "rm", "git", "unzip") else missing_file(rest)


def wrong_with_make(words):
    asked = [word for word in words if not VARIABLE.match(word)]
    if unknown := set(asked) - targets():
        return f"no make target {unknown.pop()}"
    given = dict(word.split("=", 1) for word in words if VARIABLE.match(word))
    if asked == ["grading"]:
        return wrong_with_grading(shlex.split(given.get("ARGS", "selftest")))
    if asked == ["reset"] or asked == ["update"]:
        given["EXERCISE"] = f"exercises/{given.get('EXERCISE', '1_landscape/1_surfaces')}.ipynb"
    if asked == ["exercise"]:
        given["NOTEBOOK"] = f"solutions/{given.get('NOTEBOOK', '1_landscape/1_surfaces')}.ipynb"
    return missing_file([word for value in given.values() for word in value.split()])


def wrong_with_python(words):
    words = [word for word in words if not re.fullmatch(r"-3(\.\d+)?", word)]  # py -3.12
    if words[:1] == ["-m"]:
        return "" if importlib.util.find_spec(words[1]) else f"no module {words[1]}"
    if words and words[0] == "tools/course.py" and len(words) > 1:
        if words[1] not in COMMANDS:
            return f"tools/course.py knows no {words[1]}"
        if words[1] == "grading":
            return wrong_with_grading(words[2:])
    return missing_file(words)


def missing_file(words):
    """Return what is wrong with a word that names a file of the course; results and students' files
    are not ours.
    """
    for word in words:
        path = word.removeprefix("./")
        if path.startswith(("notebooks/", "solutions/")):
            path = re.sub(r"\.py$", ".ipynb", path)  # what jupytext writes beside a notebook
        inside = path.partition("/")[0] in COURSE and "/" in path
        if (inside or re.fullmatch(r"[\w-]+\.(?:txt|toml|py|cff)", path)) and not list(
            ROOT.glob(path)
        ):
            return f"no file {path}"
    return ""


class Quiet(argparse.ArgumentParser):
    """A parser that raises what is wrong."""

    def error(self, message):
        raise ValueError(message)


def wrong_with_grading(words):
    quiet = parser()
    subparsers = next(
        action for action in quiet._actions if isinstance(action, argparse._SubParsersAction)
    )
    for each in (quiet, *subparsers.choices.values()):
        each.__class__ = Quiet
    try:
        found = quiet.parse_args(words)
    except ValueError as error:
        return f"grading {' '.join(words)}: {error}"
    part = getattr(found, "part", None)
    return "" if part is None or part in parts() else f"no part {part}"


@each_page
def test_the_commands_of_a_page_are_there(page):
    found = commands(page.read_text(encoding="utf-8"))
    wrong = {command: fault for command in found if (fault := wrong_with(command))}
    assert found and not wrong


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make dance", "no make target dance"),
        ("nbgrader autograde 1_landscape", "no program nbgrader"),
        (".venv/bin/no-such-program x", "no program .venv/bin/no-such-program"),
        ('make grading ARGS="grade x --part 1_landscape --fast"', "unrecognized arguments: --fast"),
        ('make grading ARGS="grade x --part 9_none"', "no part 9_none"),
        ('make grading ARGS="dance"', "invalid choice"),
        ("python3 tools/course.py dance", "knows no dance"),
        (".venv/bin/python tools/no_such_tool.py", "no file tools/no_such_tool.py"),
        (
            "cp solutions/1_landscape/9*.ipynb submitted/ada/",
            "no file solutions/1_landscape/9*.ipynb",
        ),
        ("mkdir a && make dance", "no make target dance"),
        ("make reset EXERCISE=1_landscape/9_none", "no file exercises/1_landscape/9_none.ipynb"),
        ("make render NOTEBOOKS=solutions/1_landscape/9_none.ipynb", "no file"),
        ("pip install -r requirements-none.txt", "no program pip"),
        (".venv/bin/python -m no_such_module", "no module no_such_module"),
        ("make course", ""),
        ("OMP_NUM_THREADS=1 .venv/bin/python -m pytest tests/test_docs.py", ""),
        ("make grading ARGS=\"grade 'all of them.zip' --part 1_landscape\"", ""),
    ],
)
def test_a_command_that_is_not_there_is_seen(command, said):
    fault = wrong_with(command)
    assert said in fault and bool(said) == bool(fault)


@each_page
def test_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", text)):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        if path:  # docs/for_students.md lies in the students' folder as README.md
            home = ROOT if page.name == "for_students.md" else page.parent
            assert (home / path).exists(), link
        else:
            assert anchor in anchors, link


@pytest.mark.parametrize(("number", "part"), list(enumerate(parts(), 1)))
def test_the_plan_of_a_semester_has_the_points_of_the_sheets(number, part):
    """The row in which a part is due says its points, and those that are given by hand."""
    sheets = load_part(part)
    points = sum(exercise.points for sheet in sheets for exercise in sheet.exercises)
    by_hand = sum(question.points for sheet in sheets for question in sheet.questions)
    row = rf"^\|.*\| part {number} \| {points} \+ {by_hand} \|$"
    assert re.search(
        row, (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8"), re.MULTILINE
    )


@pytest.mark.parametrize("part", parts())
def test_every_lesson_is_in_the_plan(part):
    plan = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks" / part).glob("*.ipynb")):
        title = re.search(rf"\| ([\d.]+) \| \[(.+?)\]\(notebooks/{part}/{path.name}\)", README)
        assert title and f"{title[1]} {title[2]} |" in plan, path.name


README = (ROOT / "README.md").read_text(encoding="utf-8")
