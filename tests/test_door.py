"""What stands at the door agrees with itself: packages, their versions, Python's, the commands, the map."""

import re
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tools import course

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STUDENTS = [Requirement(line) for line in PROJECT["dependencies"]]
AUTHORS = [
    requirement
    for lines in PROJECT["optional-dependencies"].values()
    for requirement in map(Requirement, lines)
    if requirement.name != PROJECT["name"]
]
ADMITTED = SpecifierSet(PROJECT["requires-python"])
(FLOOR,) = [each.version for each in ADMITTED]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def asked(name):
    """The lines of a file of requirements, without comments."""
    lines = (line.partition("#")[0].strip() for line in text_of(name).splitlines())
    return [line for line in lines if line]


def pins(name):
    return dict(line.split("==") for line in asked(name))


# ---------------------------------------------------------------------------------------- packages


def test_requirements_repeat_nothing():
    assert asked("requirements.txt") == ["-e ."]
    assert asked(".binder/requirements.txt") == ["-r ../requirements.txt"]


@pytest.mark.parametrize("requirement", STUDENTS, ids=str)
def test_the_oldest_versions_are_the_floors(requirement):
    (floor,) = [each.version for each in requirement.specifier]
    oldest = pins("pins/oldest.txt")[requirement.name]
    assert requirement.specifier.contains(oldest)
    assert Version(oldest).release[: len(Version(floor).release)] == Version(floor).release


def test_no_other_package_has_an_oldest_version():
    assert set(pins("pins/oldest.txt")) == {requirement.name for requirement in STUDENTS}


@pytest.mark.parametrize("requirement", STUDENTS + AUTHORS, ids=str)
def test_the_pinned_versions_are_admitted(requirement):
    pinned = {name.lower().replace("_", "-"): v for name, v in pins("pins/constraints.txt").items()}
    assert requirement.specifier.contains(pinned[requirement.name])


def test_each_package_has_its_reason():
    table = CONTRIBUTING.partition("| Package | Why |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+?)(?: \(([^)]*)\))? \|", table, re.MULTILINE)
    named = {
        name: who or "" for names, who in rows for name in names.split(", ") if "---" not in name
    }
    assert {requirement.name for requirement in STUDENTS + AUTHORS} <= set(named)
    there = {requirement.name for requirement in STUDENTS} | {
        re.split(r"[=>]", line)[0] for line in asked("pins/lite.txt")
    }
    there |= {requirement.name for requirement in AUTHORS}
    assert {name for name, who in named.items() if "npm" not in who} <= there


# ------------------------------------------------------------------------------- Python's versions


def test_the_oldest_python_is_the_same_everywhere():
    assert ".".join(map(str, course.OLDEST)) == FLOOR
    assert f"sys.version_info < ({FLOOR.replace('.', ', ')})" in text_of("helpers.py")
    for name in ("helpers.py", "README.md", "docs/for_students.md", "docs/instructors.md"):
        assert set(re.findall(r"Python (\S+) or newer", text_of(name))) == {FLOOR}, name
    matrix = re.findall(r'python: "([\d.]+)"', text_of(".github/workflows/test.yml"))
    assert min(matrix, key=Version) == FLOOR


def test_every_other_python_that_is_named_is_tested():
    tested = set(re.findall(r'python: "([\d.]+)"', text_of(".github/workflows/test.yml")))
    assert all(ADMITTED.contains(version) for version in tested)
    for name, pattern in {
        ".binder/runtime.txt": r"python-([\d.]+)",
        ".github/workflows/site.yml": r'python-version: "([\d.]+)"',
        ".github/workflows/weekly.yml": r'python(?:-version: "|:)([\d.]+)',
        "Makefile": r"PYTHON=python([\d.]+\d)",
        "README.md": r"PYTHON=python([\d.]+\d)",
        "docs/for_students.md": r"(?:PYTHON=python|py -)([\d.]+\d)",
        "tools/lite.py": r"--python-version=([\d.]+)",
    }.items():
        found = set(re.findall(pattern, text_of(name)))
        assert found and found <= tested, name


# ------------------------------------------------------------------------------- commands and maps


def test_make_help_lists_every_command():
    makefile = text_of("Makefile")
    rules = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    said = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    phony = re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)
    assert rules == said == set(" ".join(phony).split())
    assert set(re.findall(r"tools/course\.py ([\w-]+)", makefile)) == set(course.COMMANDS)


def test_the_grader_s_long_tests_are_all_run():
    (named,) = re.findall(r"^GRADER = (.+)$", text_of("Makefile"), re.MULTILINE)
    long = {
        path.stem.removeprefix("test_")
        for path in (ROOT / "tests").glob("test_*.py")
        if "\nneeds_sandbox = " in path.read_text(encoding="utf-8")
    }
    assert long <= set(named.split())
    assert all((ROOT / "tests" / f"test_{name}.py").is_file() for name in named.split())


def test_the_map_of_the_house_names_what_is_there():
    house = CONTRIBUTING.partition("## What belongs where")[2].partition("\n## ")[0]
    paths = [
        word for word in re.findall(r"`([^`]+)`", house) if re.search(r"/|\.py$|\.toml$", word)
    ]
    assert len(paths) > 40
    assert not [path for path in paths if not (ROOT / path).exists() and path != "work/"]
