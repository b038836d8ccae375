"""The commands that a student types, on a copy of the course: nothing in work/ is ever lost."""

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import nbformat
import pytest
from conftest import ROOT

from tools import check, notebooks, versions

PART, NAME = "1_landscape", "1_surfaces"


@pytest.fixture
def copy(tmp_path):
    """A course with two exercises and its command, not installed."""
    for folder in ("tools", f"exercises/{PART}"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "course.py", tmp_path / "tools")
    for name in (NAME, "2_curvature"):
        (tmp_path / "exercises" / PART / f"{name}.ipynb").write_text(
            f"fresh {name}", encoding="utf-8"
        )
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
    assert contents == {
        f"{NAME}.ipynb": f"fresh {NAME}",
        f"{NAME}.old-1.ipynb": "first",
        f"{NAME}.old-2.ipynb": "second",
    }


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
    finished = subprocess.run(
        [sys.executable, ROOT / "tools" / "course.py", "dance"], capture_output=True, text=True
    )
    assert finished.returncode == 2 and "python tools/course.py check" in finished.stdout


@pytest.mark.parametrize(
    ("versions", "venv"), [("pins/oldest.txt", ".venv-oldest"), ("newest", ".venv-newest")]
)
def test_other_versions_are_tested_in_an_environment_of_their_own(
    copy, monkeypatch, versions, venv
):
    seen = []
    (copy.ROOT / "pins").mkdir()
    (copy.ROOT / "pins" / "oldest.txt").touch()
    monkeypatch.setattr(copy, "install", lambda *arguments: seen.append(arguments[-1]))
    monkeypatch.setattr(
        copy, "run", lambda command, **options: seen.append(command[0].parents[1].name)
    )
    copy.test(["--versions", versions])
    assert seen == [venv, venv]


def test_unprintable_letters_stop_nothing(tmp_path):
    """Windows' consoles have few letters: a Greek one in a path or a heading shows its number."""
    for folder in ("tools", "exercises/1_λ"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("__init__", "course", "cells", "relink", "versions"):
        shutil.copy(ROOT / "tools" / f"{name}.py", tmp_path / "tools")
    (tmp_path / "exercises" / "1_λ" / "ε.ipynb").write_text('{"cells": []}', encoding="utf-8")
    command = [sys.executable, tmp_path / "tools" / "course.py"]
    for word, said in (
        ("work", b"new exercise: work"),
        ("update", b"is up to date"),
        ("reset", b"Say which exercise"),
    ):
        done = subprocess.run(
            [*command, word], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"}
        )
        assert b"Traceback" not in done.stderr and said in done.stdout + done.stderr, done.stderr
        assert b"\\u03b5" in done.stdout + done.stderr


# ------------------------------------------------------------------------------------- installation


@pytest.fixture
def pip(copy, monkeypatch):
    """A course whose pip only notes what it is asked for, and says what `said` holds for the files
    named.
    """
    (copy.ROOT / "pins").mkdir()
    (copy.ROOT / "pyproject.toml").write_text(PROJECT)
    (copy.ROOT / "requirements.txt").write_text("-e .\n")
    (copy.ROOT / "pins" / "constraints.txt").write_text("numpy==2.1\n")
    python = copy.venv_program("python")
    python.parent.mkdir(parents=True)
    python.touch()
    note = SimpleNamespace(asked=[], said={})

    def answer(command):
        words = [str(word) for word in command]
        files = tuple(word for word in words if word.endswith((".txt", "]")))
        note.asked.append(files)
        return note.said.get(files, "")

    monkeypatch.setattr(copy, "pip", answer)
    return note


PROJECT = """[project]
dependencies = ["numpy>=2"]
[project.optional-dependencies]
dev = ["pytest"]
web = ["downhill[dev]", "sphinx"]
"""
PINS = "pins/constraints.txt"
STUDENT, DEV, WEB = ("requirements.txt", PINS), (".[dev]", PINS), (".[web]", PINS)


def test_what_is_installed_is_not_installed_again(copy, pip):
    """Each has its stamp, and one that names another counts for that one too."""
    copy.install("dev", PINS)
    copy.install(*STUDENT)
    assert pip.asked == [DEV], "make course after make grading needs no network"
    for stamp in (copy.ROOT / ".venv").glob("installed-*"):
        stamp.unlink()
    for _ in range(2):
        copy.install(*STUDENT)
        copy.install("dev", PINS)
    assert pip.asked == [DEV, STUDENT, DEV]
    (copy.ROOT / PINS).write_text("numpy==2.2\n")
    copy.install("web", PINS)
    copy.install("dev", PINS)
    copy.install(*STUDENT)
    assert pip.asked[3:] == [WEB]
    (copy.ROOT / "pyproject.toml").write_text(PROJECT.replace("numpy>=2", "numpy>=3"))
    copy.install(*STUDENT)
    assert pip.asked[4:] == [STUDENT], "what is needed has changed"


def test_where_the_pinned_versions_cannot_be_had_others_are_taken(copy, pip, capsys):
    pip.said[STUDENT] = "ERROR: No matching distribution found for numpy==2.1 (from versions: 2.3)"
    copy.install(*STUDENT, ranges=True)
    assert pip.asked == [STUDENT, ("requirements.txt",)]
    said = capsys.readouterr().out
    assert (
        "Not every version that pins/constraints.txt names can be installed here" in said
        and "marks are the same" in said
    )
    copy.install(*STUDENT, ranges=True)
    assert len(pip.asked) == 2, "it is not tried again"
    pip.said[DEV] = pip.said[STUDENT]
    with pytest.raises(copy.Stop, match="installation stopped"):
        copy.install("dev", PINS)  # tests run on the pinned versions or not at all


@pytest.mark.parametrize(
    "said",
    [
        "WARNING: Retrying ... NewConnectionError\nERROR: Could not find a version (from "
        "versions: none)",
        "ProxyError",
    ],
)
def test_without_a_network_there_is_one_try_and_a_sentence(copy, pip, capsys, said):
    pip.said[STUDENT] = said
    with pytest.raises(copy.Stop, match="no connection to the package index"):
        copy.install(*STUDENT, ranges=True)
    assert pip.asked == [STUDENT] and said in capsys.readouterr().err
    assert not list((copy.ROOT / ".venv").glob("installed*"))


# -------------------------------------------------------------------------------------- corrections


@pytest.fixture
def revised(copy):
    """A course in which a student has begun one exercise before its check was corrected."""
    given = ROOT / "exercises" / PART / f"{NAME}.ipynb"
    path = copy.ROOT / "exercises" / PART / f"{NAME}.ipynb"
    (copy.ROOT / "exercises" / PART / "2_curvature.ipynb").write_text('{"cells": []}')
    shutil.copy(given, path)
    versions.record(copy.ROOT / "exercises", "2026-10-01")
    copy.copy_missing_exercises()
    mine, new = (json.loads(given.read_text(encoding="utf-8")) for _ in range(2))
    for cell in mine["cells"]:
        if cell["id"] == "answer_violated_fraction":
            cell["source"] = ["def violated_fraction(f, a, b, t):\n", "    return 'ß'"]
    (copy.ROOT / "work" / PART / f"{NAME}.ipynb").write_text(json.dumps(mine), encoding="utf-8")
    for cell in new["cells"]:
        if cell["id"] == "check_violated_fraction":
            cell["source"] = [*cell["source"], "\n", "# Corrected."]
    path.write_text(json.dumps(new), encoding="utf-8")
    versions.record(copy.ROOT / "exercises", "2026-10-15")
    return copy


def test_a_correction_is_told_and_one_command_takes_it_over(revised, capsys):
    target = revised.ROOT / "work" / PART / f"{NAME}.ipynb"
    before = target.read_bytes()
    assert revised.work() == 0 and target.read_bytes() == before
    said = capsys.readouterr().out
    assert (
        f'revised: {PART}/{NAME}: the check of "Test chords for convexity"' in said
        and "2_curvature" not in said
    )
    assert f"make update EXERCISE={PART}/{NAME}" in said
    assert revised.update([f"work/{PART}/{NAME}.ipynb"]) == 0
    assert "1_surfaces.old-1.ipynb" in capsys.readouterr().out
    assert target.with_suffix(".old-1.ipynb").read_bytes() == before
    sources = {
        c["id"]: "".join(c["source"])
        for c in json.loads(target.read_text(encoding="utf-8"))["cells"]
    }
    assert (
        "# Corrected." in sources["check_violated_fraction"]
        and "'ß'" in sources["answer_violated_fraction"]
    )
    revised.work()
    assert "revised" not in capsys.readouterr().out
    revised.update([])
    assert capsys.readouterr().out.count("is up to date") == 2
    assert len(list(target.parent.glob("*.ipynb"))) == 3 and not list(target.parent.glob("*draft"))


def test_an_update_of_what_cannot_be_read_leaves_it_alone(revised, capsys):
    target = revised.ROOT / "work" / PART / f"{NAME}.ipynb"
    target.write_text("{broken")
    assert revised.work() == 0 and revised.update([]) == 0
    assert capsys.readouterr().out.count(f"make reset EXERCISE={PART}/{NAME}") == 2
    assert target.read_text() == "{broken"
    target.unlink()
    revised.update([f"{PART}/{NAME}"])
    assert "not in work/ yet" in capsys.readouterr().out
    with pytest.raises(revised.Stop, match="make update EXERCISE=1_landscape/1_surfaces"):
        revised.update(["1_landscape/9_nothing"])


# ----------------------------------------------------------------------------------- a further part


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return [str(path)]


GOOD = {
    "downhill/tools/course.py": "new",
    "downhill/exercises/2_convergence/1_a.ipynb": '{"cells": []}',
}


def test_a_further_part_joins_the_folder(copy, tmp_path, capsys):
    copy.copy_missing_exercises()
    mine = copy.ROOT / "work" / PART / f"{NAME}.ipynb"
    mine.write_text('{"cells": []}')
    assert copy.add(zipped(tmp_path / "p.zip", GOOD)) == 0
    assert (copy.ROOT / "tools" / "course.py").read_text() == "new"
    assert (
        copy.ROOT / "work" / "2_convergence" / "1_a.ipynb"
    ).is_file() and mine.read_text() == '{"cells": []}'
    assert "new exercise: work" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "downhill/work/x",
        "downhill/WORK/x",
        "downhill/../x",
        "/x",
        "x",
        "downhill/.venv/x",
        "downhill",
        "downhill/a\\..\\x",
        "downhill//x",
        "1_landscape/x",
    ],
)
def test_a_zip_that_is_no_part_is_refused_whole(copy, tmp_path, name):
    with pytest.raises(copy.Stop, match="not a part of this course. Nothing was unpacked"):
        copy.add(zipped(tmp_path / "p.zip", {**GOOD, name: "x"}))
    with pytest.raises(copy.Stop, match="not a part of this course"):
        copy.add(zipped(tmp_path / "q.zip", {"downhill/x": "x"}))
    assert (
        not (copy.ROOT / "exercises" / "2_convergence").exists()
        and not (copy.ROOT / "work").exists()
    )


def test_a_damaged_zip_and_none_at_all(copy, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in GOOD.items():
            archive.writestr(name, text * 100)
    data = bytearray(buffer.getvalue())
    data[data.index(b"course.py") + 12] ^= 0xFF
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(copy.Stop, match="is damaged: download it again"):
        copy.add([str(tmp_path / "p.zip")])
    for words in ([], [""], [str(tmp_path / "none.zip")], ["a", "b"]):
        with pytest.raises(copy.Stop, match="Say which zip to add"):
            copy.add(words)
    (copy.ROOT / "grading").mkdir()
    with pytest.raises(copy.Stop, match="use `git pull`"):
        copy.add([str(tmp_path / "p.zip")])


def test_a_folder_of_a_student_has_no_commands_of_an_author(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "course.py", tmp_path / "tools")
    command = [sys.executable, str(tmp_path / "tools" / "course.py")]
    usage = subprocess.run(command, capture_output=True, text=True)
    assert (
        usage.returncode == 2
        and "course.py update" in usage.stdout
        and "course.py grading" not in usage.stdout
    )
    done = subprocess.run([*command, "grading", "selftest"], capture_output=True, text=True)
    assert done.returncode == 1 and "has what students need" in done.stderr


# ----------------------------------------------------------------------------------- make exercises


def test_exercises_are_made_all_or_none(tmp_path, monkeypatch):
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "x.ipynb").write_text("kept")
    start = GenerateAssignment.start

    def fail(self):
        start(self)
        if self.coursedir.assignment_id.startswith("2"):
            raise NbGraderException("broken")

    monkeypatch.setattr(GenerateAssignment, "start", fail)
    with pytest.raises(
        SystemExit, match="could not make the exercises of 2_convergence.*as it was"
    ):
        notebooks.make_exercises(tmp_path)
    assert [p.name for p in tmp_path.rglob("*.ipynb")] == ["x.ipynb"]
    monkeypatch.setattr(GenerateAssignment, "start", start)
    notebooks.make_exercises(tmp_path)
    assert (
        not (tmp_path / "old" / "x.ipynb").exists()
        and (tmp_path / PART / f"{NAME}.ipynb").is_file()
    )


# --------------------------------------------------------------------------------------- make check


def half_solved(folder):
    """The first exercise as a student might leave it: one right answer, one syntax error, the rest
    unanswered.
    """
    solution = nbformat.read(ROOT / "solutions" / PART / f"{NAME}.ipynb", as_version=4)
    answers = {c.id: c.source for c in solution.cells if c.id.startswith("answer_")}
    notebook = nbformat.read(ROOT / "exercises" / PART / f"{NAME}.ipynb", as_version=4)
    cells = [
        c for c in notebook.cells if c.id.startswith("answer_") and not c.id.endswith("_choice")
    ]
    cells[0].source = answers[cells[0].id]
    cells[1].source = "def half(:"
    path = folder / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path, notebook


def test_check_scores_half_solved_work_and_leaves_it_alone(tmp_path, capsys):
    path, notebook = half_solved(tmp_path / PART)
    before = path.read_bytes()
    assert check.main([str(path)]) == 0
    said = capsys.readouterr().out
    points = [c.metadata.nbgrader.points for c in notebooks.grade_cells(notebook).values()]
    assert f"{points[0]} of {sum(points)} points" in said
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{not json", b'{"cells": 3}', b"\xff\xfe\x00"])
def test_check_of_a_broken_notebook_says_so(tmp_path, capsys, content):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    assert check.main([str(path)]) == 0
    assert "not a notebook that can be read" in capsys.readouterr().out
    assert path.read_bytes() == content


def test_check_of_a_missing_file_and_of_nothing(tmp_path, capsys, monkeypatch):
    assert check.main([str(tmp_path / "gone.ipynb")]) == 1
    assert "there is no such file" in capsys.readouterr().out
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.main([]) == 1
    assert "nothing in work/ yet" in capsys.readouterr().out


def test_check_survives_a_kernel_that_dies(tmp_path, capsys):
    path, notebook = half_solved(tmp_path / PART)
    notebook.cells[0] = nbformat.v4.new_code_cell("import os; os._exit(1)", id="the-end")
    nbformat.write(notebook, path)
    assert check.main([str(path)]) == 0
    said = capsys.readouterr().out
    assert (
        "begins with `import os; os._exit(1)` ended the kernel" in said
        and "It was left out." in said
    )


def test_render_leaves_a_notebook_that_stops_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = tmp_path / "stops.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0", id="one")]), path
    )
    before = path.read_bytes()
    line, done = notebooks.render_one(path)
    assert not done and "stops.ipynb is unchanged" in line and "ZeroDivisionError" in line
    assert path.read_bytes() == before


def cells_of(*answers):
    """Return a notebook as JSON whose answer cells hold this."""
    made = [
        {"cell_type": "code", "id": f"answer_{n}", "source": text, "outputs": [], "execution_count": None,
         "metadata": {"nbgrader": {"solution": True, "grade": False, "grade_id": f"answer_{n}"}}}
        for n, text in enumerate(answers)
    ]  # fmt: skip
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_answers_written_where_a_zip_writes_are_kept(copy, tmp_path, capsys):
    target = copy.ROOT / "exercises" / PART / f"{NAME}.ipynb"
    inside = f"downhill/exercises/{PART}/{NAME}.ipynb"
    new = {**GOOD, inside: cells_of("...", "... # new")}
    target.write_text(cells_of("...", "..."))
    copy.add(zipped(tmp_path / "p.zip", new))
    assert "You had written answers" not in capsys.readouterr().out
    target.write_text(cells_of("my own answer", "..."))
    copy.add(zipped(tmp_path / "p.zip", new))
    assert "You had written answers into exercises" in capsys.readouterr().out
    (kept,) = (copy.ROOT / "work" / PART).glob(f"{NAME}.old-*.ipynb")
    assert "my own answer" in kept.read_text() and "# new" in target.read_text()


def test_an_older_zip_takes_nothing_back(copy, tmp_path, capsys):
    history = {f"{PART}/{NAME}": {"check_a": [["111", "2026-11-03"], ["222", "2026-12-01"]]}}
    (copy.ROOT / "exercises" / "versions.json").write_text(json.dumps(history))
    mine = (copy.ROOT / "tools" / "course.py").read_text()
    old = json.dumps({f"{PART}/{NAME}": {"check_a": [["111", "2026-11-03"]]}})
    copy.add(zipped(tmp_path / "p.zip", {**GOOD, "downhill/exercises/versions.json": old}))
    assert "older than what is here" in capsys.readouterr().out
    assert (copy.ROOT / "tools" / "course.py").read_text() == mine
    assert json.loads((copy.ROOT / "exercises" / "versions.json").read_text()) == history
    assert (copy.ROOT / "work" / "2_convergence" / "1_a.ipynb").is_file()


# ---------------------------------------------------------------------------- what a student is told


def told(tmp_path, **answers):
    """Return what make check says of a notebook whose answer cells hold this."""
    notebook = nbformat.read(ROOT / "exercises" / PART / f"{NAME}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.id.removeprefix("answer_") in answers:
            cell.source = answers[cell.id.removeprefix("answer_")]
    path = tmp_path / f"{NAME}.ipynb"
    nbformat.write(notebook, path)
    return check.score(path, 60)


def test_check_says_what_went_wrong_and_where(tmp_path):
    said = told(
        tmp_path,
        violated_fraction="def violated_fraction(f, a, b, t, slack=0)\n    return 1",
        central_difference="def central_difference(f, x, h=None):\n    print(x)",
        my_surface="exit()\ndef my_surface(points):\n    ...",
        central_difference_choice="def choice():\n    return 'A'",
        violated_fraction_choice="def choice_violated_fraction():\n    return A",
        my_surface_choice='def choice_my_surface():\n    return "D"',
    )
    assert "central difference choice: no cell defines choice_central_difference" in said
    assert "violated fraction choice: NameError: name 'A' is not defined" in said
    assert "  violated fraction: its cell stopped. SyntaxError: expected ':'" in said
    assert "  central difference: the function returns nothing. Did you print" in said
    assert "my surface:" not in said and "was left out" not in said, "an open answer is no mistake"
    assert re.search(r"my surface choice +passed", said)


def test_a_folder_that_was_moved_is_told(copy):
    (copy.ROOT / ".venv" / "bin").mkdir(parents=True)
    (copy.ROOT / ".venv" / "bin" / "python").touch()
    (copy.ROOT / ".venv" / "place").write_text(str(copy.ROOT))
    copy.refuse_moved()
    (copy.ROOT / ".venv" / "place").write_text("/elsewhere")
    for command in (copy.check, copy.course):
        with pytest.raises(copy.Stop, match="moved or copied since .venv was made. Delete .venv"):
            command([])


def test_check_takes_an_exercise_s_name_and_knows_other_endings(copy, monkeypatch, capsys):
    (copy.ROOT / "work" / PART).mkdir(parents=True)
    mine = copy.ROOT / "work" / PART / f"{NAME}.ipynb"
    mine.write_text("{}")
    assert copy.in_work(f"{PART}/{NAME}") == copy.in_work(f"{PART}\\{NAME}") == mine
    assert copy.in_work(str(mine)) == mine
    mine.rename(mine.with_suffix(".ipynb.txt"))
    monkeypatch.setattr(check, "ROOT", copy.ROOT)
    assert check.main([]) == 1
    assert f"There is no .ipynb in work/, but {NAME}.ipynb.txt" in capsys.readouterr().out
