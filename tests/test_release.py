"""The first door: what students get installs and works, gives nothing away, and comes back as full
marks.
"""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import numpy as np
import pytest
from conftest import ROOT

from grading import CourseError, selftest
from grading.classroom import nbcourse, release
from grading.classroom.leaks import leak, passages
from grading.classroom.sheets import load_part, parts
from grading.engine.sandbox import missing

PART, NAME = "1_landscape", "1_surfaces"


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    """The zip of each part."""
    folder = tmp_path_factory.mktemp("zips")
    return {part: release.write_zip(part, folder / f"{part}.zip") for part in parts()}


@pytest.fixture(scope="module")
def contents(zips):
    """What stands in each zip: {part: {name: bytes}}, names without the folder."""
    found = {}
    for part, path in zips.items():
        with zipfile.ZipFile(path) as archive:
            assert {name.split("/")[0] for name in archive.namelist()} == {"downhill"}
            found[part] = {
                name.partition("/")[2]: archive.read(name) for name in archive.namelist()
            }
    return found


@pytest.fixture(scope="module")
def known():
    return passages(ROOT)


def test_a_zip_has_what_students_need_and_nothing_else(contents):
    for part, files in contents.items():
        of_the_part = {
            f"{kind}/{part}/{p.name}"
            for kind in ("exercises", "notebooks")
            for p in (ROOT / "solutions" / part).glob("*.ipynb")
        }
        assert of_the_part == {
            name for name in files if re.match(r"(exercises|notebooks)/\d", name)
        }
        assert not [
            name
            for name in files
            if re.match("solutions|tests|grading|docs|site|work|benchmarks", name)
        ]
        pins = ROOT / "pins" / "constraints.txt"
        assert files["pins/constraints.txt"] == pins.read_bytes()
        assert "pins/oldest.txt" not in files
        assert files["README.md"] == (ROOT / "docs" / "for_students.md").read_bytes()


def test_what_parts_share_is_the_same_in_each(contents):
    """So a part that is unpacked over another leaves it as it was. Start here alone leads to what
    is there.
    """
    for name in set.intersection(*(set(files) for files in contents.values())) - {
        "notebooks/start_here.ipynb"
    }:
        assert len({files[name] for files in contents.values()}) == 1, name


def test_a_zip_has_no_dead_link(contents):
    count = 0
    for files in contents.values():
        for name, content in files.items():
            if name.endswith(".ipynb"):
                cells = json.loads(content)["cells"]
                text = "\n".join(
                    "".join(c["source"]) for c in cells if c["cell_type"] == "markdown"
                )
            elif name.endswith(".md"):
                text = content.decode()
            else:
                continue
            for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
                assert os.path.normpath(os.path.join(os.path.dirname(name), target)) in files, (
                    name,
                    target,
                )
                count += 1
    assert count > 50


def test_the_same_course_makes_the_same_zip(zips, tmp_path):
    assert release.write_zip(PART, tmp_path / "again.zip").read_bytes() == zips[PART].read_bytes()


def test_the_commands_of_a_zip_are_those_that_work_there(contents):
    for files in contents.values():
        makefile, readme = files["Makefile"].decode(), files["README.md"].decode()
        targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
        assert targets == {"help", "course", "work", "check", "update", "add", "reset"}
        assert not re.search(r"VENV|TOOLS|\.venv", makefile)
        assert set(re.findall(r"`(?:make|py tools/course.py) (\w+)", readme)) <= targets
        assert set(re.findall(r"tools/course\.py (\w+)", makefile)) == targets - {"help"}


def test_a_zip_s_project_is_what_pip_needs_and_no_more(contents):
    """The same packages as here; no grader's command, no tools of authors, no settings of tests."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for files in contents.values():
        project = tomllib.loads(files["pyproject.toml"].decode())
        assert set(project) == {"build-system", "project", "tool"}
        assert project["tool"] == {"setuptools": whole["tool"]["setuptools"]}
        assert project["project"] == {
            key: value
            for key, value in whole["project"].items()
            if key not in ("scripts", "optional-dependencies")
        }


# ---------------------------------------------------------------------------- nothing is given away


def solution_cell(kind, name=NAME, part=PART):
    cells = json.loads((ROOT / "solutions" / part / f"{name}.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    return "".join(next(c for c in cells if kind(c))["source"])


def between(marker, kind):
    return re.search(rf"### BEGIN {marker}\n(.*?) *### END", solution_cell(kind), re.DOTALL)[1]


def tagged(c):
    return "solution-only" in c["metadata"].get("tags", [])


PIECES = {
    "the model answer": solution_cell(lambda c: c["id"] == "free_convex_picture").split("\n\n")[1],
    "why it works": solution_cell(lambda c: tagged(c) and c["cell_type"] == "markdown"),
    "a common mistake": solution_cell(lambda c: tagged(c) and "rejects(" in "".join(c["source"])),
    "the body of an answer": between("SOLUTION", lambda c: c["id"] == "answer_my_surface"),
    "a hidden test": between("HIDDEN TESTS", lambda c: "HIDDEN TESTS" in "".join(c["source"])),
}


def cell_with(text, **more):
    return {
        "cell_type": "markdown",
        "metadata": {},
        "source": text.splitlines(keepends=True),
        **more,
    }


def table(text):
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, numbers=np.arange(3), about=json.dumps({"note": text}, ensure_ascii=False).encode()
    )
    return buffer.getvalue()


HIDING = {
    "data.txt": lambda text: text.encode(),
    "wrapped.md": lambda text: text.replace(" ", "\n").encode(),
    "source.ipynb": lambda text: json.dumps({"cells": [cell_with(text)]}).encode(),
    "output.ipynb": lambda text: json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {},
                    "source": "1",
                    "outputs": [{"output_type": "stream", "text": [text]}],
                }
            ]
        }
    ).encode(),
    "shown.ipynb": lambda text: json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {},
                    "source": "1",
                    "outputs": [{"data": {"text/html": [text]}}],
                }
            ]
        }
    ).encode(),
    "table.npz": table,
}


@pytest.mark.parametrize("name", HIDING)
@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_of_a_solution_is_found_wherever_it_hides(known, piece, name):
    assert "words of the solution 1_landscape/1_surfaces" in leak(
        name, HIDING[name](PIECES[piece]), known
    )


@pytest.mark.parametrize("name", ["data.txt", "source.ipynb", "output.ipynb"])
def test_a_marker_is_found_on_a_line_of_its_own(known, name):
    said = leak(name, HIDING[name]("x = 1\n    ### BEGIN HIDDEN TESTS\n"), known)
    assert said == "holds the marker '### BEGIN HIDDEN TESTS'"
    assert (
        leak(name, HIDING[name]("Write it between `### BEGIN SOLUTION` and its end."), known) == ""
    )


def test_a_cell_of_a_solution_is_known_by_its_tag_and_a_lesson_is_no_leak(contents, known):
    notebook = {"cells": [cell_with("harmless", metadata={"tags": ["solution-only"]})]}
    assert "solution-only" in leak("a.ipynb", json.dumps(notebook).encode(), known)
    name = f"notebooks/{PART}/{NAME}.ipynb"
    assert leak(name, contents[PART][name], known) == ""


def test_the_text_of_the_language_model_has_no_answer():
    text = (ROOT / "downhill" / "tables" / "course_prose.txt").read_text(encoding="utf-8")
    assert not re.search(
        r"\*\*Why it works|\*\*Common mistake|\*\*The choice\.\*\*|\*\*Points", text
    )


@pytest.fixture
def course(tmp_path):
    """A course of links to this one, whose `downhill` and exercises are copies."""
    for name in (
        "solutions",
        "notebooks",
        "tools",
        "docs",
        "helpers.py",
        "requirements.txt",
        "pins",
        "LICENSE",
        "LICENSE-text.md",
        "Makefile",
        "pyproject.toml",
        "nbgrader_config.py",
    ):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("downhill", "exercises"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_leak_stops_the_release_and_is_named(course):
    (course / "downhill" / "tables" / "notes.txt").write_text(
        PIECES["the model answer"], encoding="utf-8"
    )
    with pytest.raises(
        CourseError,
        match="downhill/tables/notes.txt holds words of the solution 1_landscape/1_surfaces",
    ):
        release.write_zip("2_convergence", course / "x.zip", course)
    (course / "downhill" / "tables" / "notes.txt").unlink()
    shutil.copy(course / "solutions" / PART / f"{NAME}.ipynb", course / "exercises" / PART)
    with pytest.raises(
        CourseError, match=f"exercises/{PART}/{NAME}.ipynb has a cell.*make exercises"
    ):
        release.write_zip(PART, course / "x.zip", course)
    assert not (course / "x.zip").exists()


def test_a_missing_file_and_a_dead_link_stop_the_release(course):
    (course / "docs").unlink()
    (course / "docs").mkdir()
    with pytest.raises(CourseError, match="docs/for_students.md is missing"):
        release.write_zip(PART, course / "x.zip", course)
    (course / "docs" / "for_students.md").write_text("[plan](docs/instructors.md)")
    with pytest.raises(CourseError, match="README.md has a link to docs/instructors.md"):
        release.write_zip(PART, course / "x.zip", course)
    with pytest.raises(CourseError, match="no part '9_nothing'"):
        release.write_zip("9_nothing", course / "x.zip", course)


# ----------------------------------------------------------------------------------------- nbgrader


def files_below(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.long
def test_an_nbgrader_course_is_made_in_a_folder_of_its_own(tmp_path):
    said = nbcourse.make(PART, tmp_path / "a course")
    (tmp_path / "a course" / "mine.txt").write_text("mine")
    for path in (ROOT / "exercises" / PART).glob("*.ipynb"):
        made = json.loads(
            (tmp_path / "a course" / "release" / PART / path.name).read_text(encoding="utf-8")
        )
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert [c["source"] for c in made["cells"]] == [c["source"] for c in kept["cells"]]
    before = files_below(tmp_path / "a course")
    assert nbcourse.make(PART, tmp_path / "a course") == said
    changed = {
        name.name
        for name, content in files_below(tmp_path / "a course").items()
        if before[name] != content
    }
    assert changed <= {"gradebook.db"}
    changed = tmp_path / "a course" / "source" / PART / f"{NAME}.ipynb"
    changed.write_text("mine")
    before = files_below(tmp_path / "a course")
    with pytest.raises(CourseError, match="1_surfaces.ipynb is not as this command wrote it"):
        nbcourse.make(PART, tmp_path / "a course")
    assert files_below(tmp_path / "a course") == before


def test_nothing_of_others_is_in_the_way_of_an_nbgrader_course(tmp_path):
    (tmp_path / "gradebook.db").write_text("marks")
    (tmp_path / "a_file").touch()
    for folder, said in {
        tmp_path: "gradebook of another course",
        tmp_path / "a_file": "is a file",
        ROOT: "belongs to the course",
        ROOT / "exercises": "belongs to the course",
        ROOT.parent: "belongs to the course",
    }.items():
        with pytest.raises(CourseError, match=said):
            nbcourse.make(PART, folder)
    with pytest.raises(CourseError, match="no part"):
        nbcourse.make("9_nothing", tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_file", "gradebook.db"]


@pytest.mark.long
def test_nbgrader_typed_in_the_courses_folder_leaves_the_exercises_alone(course):
    before = files_below(course / "exercises")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", PART, "--force", "--create"]
    for path in (os.environ["PATH"], "/usr/bin"):  # where it comes to its end, and where it fails
        subprocess.run(command, cwd=course, capture_output=True, env=os.environ | {"PATH": path})
        assert files_below(course / "exercises") == before
        for made in course.glob(".generated.db*"):
            made.unlink()
    assert not (course / "gradebook.db").exists()


@pytest.mark.long
def test_the_commands_that_are_printed_for_nbgrader_work(tmp_path):
    """All points for the solution, none for the stub, typed word for word in a shell that knows no
    nbgrader.
    """
    from nbgrader.api import Gradebook

    said = nbcourse.make(PART, tmp_path / "nbgrader")
    for student, content in {
        "ada": selftest.released(ROOT / "solutions" / PART / f"{NAME}.ipynb"),
        "bob": (ROOT / "exercises" / PART / f"{NAME}.ipynb").read_bytes(),
    }.items():
        (tmp_path / "nbgrader" / "submitted" / student / PART).mkdir(parents=True)
        (tmp_path / "nbgrader" / "submitted" / student / PART / f"{NAME}.ipynb").write_bytes(
            content
        )
    lines = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    done = subprocess.run(
        ["sh", "-ec", "\n".join(lines)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with Gradebook(f"sqlite:///{tmp_path}/nbgrader/gradebook.db") as book:
        assert book.find_submission(PART, "ada").score == 8
        assert book.find_submission(PART, "bob").score == 0
    nbcourse.make("2_convergence", tmp_path / "nbgrader")
    with Gradebook(f"sqlite:///{tmp_path}/nbgrader/gradebook.db") as book:
        assert book.find_submission(PART, "ada").score == 8, "a further part keeps the marks"


# ------------------------------------------------------------------------------------ word for word


def type_in(folder, *words):
    """Type a command in a folder, as a student does: nothing of this environment is known there."""
    unknown = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTEST_CURRENT_TEST")
    environment = {key: value for key, value in os.environ.items() if key not in unknown}
    if shutil.which("make") and os.name != "nt":
        command = ["make", f"PYTHON={sys.executable}", *words]
    else:  # Windows: the same without make
        command = [
            sys.executable,
            "tools/course.py",
            words[0],
            *(word.partition("=")[2] for word in words[1:]),
        ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", env=environment
    )
    assert "no connection to the package index" not in done.stderr, (
        f"this test needs the package index: {done.stderr}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def solve(folder, part):
    """Write the answers of the solutions into a student's notebooks."""
    for path in sorted((folder / "work" / part).glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        solution = json.loads((ROOT / "solutions" / part / path.name).read_text(encoding="utf-8"))[
            "cells"
        ]
        answers = {
            c["id"]: c["source"]
            for c in solution
            if c["metadata"].get("nbgrader", {}).get("solution")
        }
        for c in notebook["cells"]:
            c["source"] = answers.get(c["id"], c["source"])
        path.write_text(json.dumps(notebook), encoding="utf-8")


def scores(said):
    return [tuple(map(int, pair)) for pair in re.findall(r"(\d+) of (\d+) points", said)]


@pytest.mark.long
def test_from_the_zip_to_full_marks(zips, tmp_path):
    """Release, unpack, install, solve, check, hand in and grade; each further part in the same
    folder.
    """
    folder, handed_in, first = tmp_path / "Ada's courses" / "downhill", tmp_path / "submitted", True
    for part, path in zips.items():
        if first:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder.parent)
        else:
            before = files_below(folder / "work")
            type_in(folder, "add", f"ZIP={path}")
            assert files_below(folder / "work").items() >= before.items()
        said = type_in(folder, "course", "ARGS=--version")
        assert ("Installing" in said) == first, "one installation for all parts"
        first = False
        solve(folder, part)
        shutil.copytree(folder / "work" / part, handed_in / part / "ada")
    said = scores(type_in(folder, "check"))
    assert len(said) == 14 and all(got == worth for got, worth in said)
    checkout = {
        part: sorted(p.name for p in (ROOT / "notebooks" / part).glob("*.ipynb")) for part in zips
    }
    for page in [folder / "notebooks" / "start_here.ipynb", *folder.glob("notebooks/*/*.ipynb")]:
        own = ROOT / page.relative_to(folder)
        mine, theirs = (json.loads(p.read_text(encoding="utf-8"))["cells"] for p in (page, own))
        assert [c["source"] for c in mine] == [c["source"] for c in theirs], (
            "with all parts here no link is missing"
        )
    assert {
        p: sorted(f.name for f in (folder / "notebooks" / p).glob("*.ipynb")) for p in checkout
    } == checkout
    if missing():
        return
    for part in zips:
        command = [
            sys.executable,
            "-m",
            "grading",
            "grade",
            str(handed_in / part),
            "--part",
            part,
            "--out",
            str(tmp_path / "results" / part),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with (tmp_path / "results" / part / "grades.csv").open(encoding="utf-8-sig") as file:
            (ada,) = csv.DictReader(file)
        full = sum(exercise.points for sheet in load_part(part) for exercise in sheet.exercises)
        assert (
            ada["student"] == "ada" and float(ada["points"]) == full
        )  # free text waits for a person
        assert ada["needs_a_look"] in ("", "0"), ada
