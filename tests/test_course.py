"""The commands that a student types, on a copy of the course: nothing in work/ is ever lost."""

import importlib.util
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

from tools import notebooks

PART, NAME = "1_landscape", "1_surfaces"


@pytest.fixture
def copy(tmp_path):
    """A course with two exercises and its command, not installed."""
    for folder in ("tools", f"exercises/{PART}"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "course.py", tmp_path / "tools")
    for name in (NAME, "2_curvature"):
        (tmp_path / "exercises" / PART / f"{name}.ipynb").write_text(f"fresh {name}", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("course_copy", tmp_path / "tools" / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_exercises_are_copied_and_others_are_left_alone(copy):
    mine = copy.ROOT / "work" / PART / f"{NAME}.ipynb"
    mine.parent.mkdir(parents=True)
    mine.write_text("my own work", encoding="utf-8")
    copied = copy.copy_missing_exercises()
    assert [p.name for p in copied] == ["2_curvature.ipynb"]
    assert mine.read_text(encoding="utf-8") == "my own work"
    assert copy.copy_missing_exercises() == []


@pytest.mark.parametrize("name", [f"{PART}/{NAME}", f"work/{PART}/{NAME}.ipynb", f"{PART}\\{NAME}"])
def test_reset_gives_a_fresh_copy_and_keeps_every_old_one(copy, name):
    folder = copy.ROOT / "work" / PART
    folder.mkdir(parents=True)
    for text in ("first", "second"):
        (folder / f"{NAME}.ipynb").write_text(text, encoding="utf-8")
        assert copy.reset([name]) == 0
    contents = {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()}
    assert contents == {f"{NAME}.ipynb": f"fresh {NAME}", f"{NAME}.old-1.ipynb": "first",
                        f"{NAME}.old-2.ipynb": "second"}  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["1_landscape/9_nothing"], ["../../etc/passwd"]])
def test_reset_of_something_unknown_lists_what_there_is(copy, arguments):
    with pytest.raises(copy.Stop, match=r"make reset EXERCISE=1_landscape/1_surfaces.*2_curvature"):
        copy.reset(arguments)


def test_check_before_the_course_is_set_up(copy):
    with pytest.raises(copy.Stop, match="run `make course` once"):
        copy.check([])


def test_an_old_python_is_refused(copy):
    with pytest.raises(copy.Stop, match="needs Python 3.11 or newer, and this is Python 3.8"):
        copy.require_python((3, 8, 1))


def test_an_unknown_command_shows_the_usage():
    finished = subprocess.run([sys.executable, ROOT / "tools" / "course.py", "dance"], capture_output=True, text=True)
    assert finished.returncode == 2 and "python tools/course.py check" in finished.stdout


@pytest.mark.parametrize(("versions", "venv"), [("constraints-oldest.txt", ".venv-oldest"), ("newest", ".venv-newest")])
def test_other_versions_are_tested_in_an_environment_of_their_own(copy, monkeypatch, versions, venv):
    seen = []
    (copy.ROOT / "constraints-oldest.txt").touch()
    monkeypatch.setattr(copy, "install", lambda *arguments: seen.append(arguments[-1]))
    monkeypatch.setattr(copy, "run", lambda command, **options: seen.append(command[0].parents[1].name))
    copy.test(["--versions", versions])
    assert seen == [venv, venv]


# ------------------------------------------------------------------------------------------ make check


def half_solved(folder):
    """The first exercise as a student might leave it: one right answer, one syntax error, the rest unanswered."""
    solution = nbformat.read(ROOT / "solutions" / PART / f"{NAME}.ipynb", as_version=4)
    answers = {c.id: c.source for c in solution.cells if c.id.startswith("answer_")}
    notebook = nbformat.read(ROOT / "exercises" / PART / f"{NAME}.ipynb", as_version=4)
    cells = [c for c in notebook.cells if c.id.startswith("answer_") and not c.id.endswith("_choice")]
    cells[0].source = answers[cells[0].id]
    cells[1].source = "def half(:"
    path = folder / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path, notebook


def test_check_scores_half_solved_work_and_leaves_it_alone(tmp_path, capsys):
    path, notebook = half_solved(tmp_path / PART)
    before = path.read_bytes()
    assert notebooks.check([path]) == 0
    said = capsys.readouterr().out
    points = [c.metadata.nbgrader.points for c in notebooks.grade_cells(notebook).values()]
    assert f"{points[0]} of {sum(points)} points" in said
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{not json", b'{"cells": 3}', b"\xff\xfe\x00"])
def test_check_of_a_broken_notebook_says_so(tmp_path, capsys, content):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    assert notebooks.check([path]) == 0
    assert "not a notebook that can be read" in capsys.readouterr().out
    assert path.read_bytes() == content


def test_check_of_a_missing_file_and_of_nothing(tmp_path, capsys, monkeypatch):
    assert notebooks.check([tmp_path / "gone.ipynb"]) == 1
    assert "there is no such file" in capsys.readouterr().out
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    assert notebooks.check([]) == 1
    assert "nothing in work/ yet" in capsys.readouterr().out


def test_check_survives_a_kernel_that_dies(tmp_path, capsys):
    path, notebook = half_solved(tmp_path / PART)
    notebook.cells[0] = nbformat.v4.new_code_cell("import os; os._exit(1)", id="the-end")
    nbformat.write(notebook, path)
    assert notebooks.check([path]) == 0
    assert "kernel died" in capsys.readouterr().out


def test_render_leaves_a_notebook_that_stops_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = tmp_path / "stops.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0", id="one")]), path)
    before = path.read_bytes()
    line, done = notebooks.render_one(path)
    assert not done and "stops.ipynb is unchanged" in line and "ZeroDivisionError" in line
    assert path.read_bytes() == before
