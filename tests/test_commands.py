"""How commands end when something is in the way: a sentence, the right exit code, nothing lost."""

import base64
import errno
import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from conftest import ROOT

from grading import __main__ as grader
from tools import course, notebooks

WORDS = ["grade", "submissions", "--part", "1_landscape"]


# -------------------------------------------------------------------------------------- the grader


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped. What is graded is kept"),
        (OSError(errno.ENOSPC, "No space left on device", "grades.csv"), 2, "grades.csv: No space"),
        (PermissionError(errno.EACCES, "Permission denied"), 2, "Permission denied. What was"),
        (FileNotFoundError("There is no file or folder x."), 2, "There is no file or folder x."),
    ],
    ids=["Ctrl+C", "a full disk", "no right to write", "no file"],
)
def test_the_grader_stops_with_a_sentence(monkeypatch, capsys, error, code, said):
    def stop(_):
        raise error

    monkeypatch.setattr(grader, "grade", stop)
    assert grader.main(WORDS) == code
    assert said in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_is_no_fault():
    """As in `downhill-grading ... | head`."""
    program = (
        "import sys; from grading import __main__ as grader\n"
        "grader.grade = lambda _: [print('x' * 100, flush=True) for _ in range(10_000)]\n"
        f"sys.exit(grader.main({WORDS}))"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    running.stdout.readline()
    running.stdout.close()
    assert (running.stderr.read(), running.wait()) == (b"", 0)
    running.stderr.close()


def test_without_a_sandbox_nothing_is_run(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(grader, "missing", lambda: ["Landlock is off."])
    assert grader.main(["grade", str(tmp_path), "--part", "1_landscape"]) == 2
    said = capsys.readouterr().err
    assert "Landlock is off.\nNothing was run. With --no-sandbox" in said


# ------------------------------------------------------------------------------ an author's commands


def test_render_of_a_notebook_that_is_not_there_runs_none(capsys):
    lesson = ROOT / "notebooks" / "start_here.ipynb"
    before = lesson.read_bytes()
    assert notebooks.main(["render", str(lesson), "notebooks/9_none.ipynb"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("There is no such notebook: ") and "9_none.ipynb" in said
    assert lesson.read_bytes() == before


def test_stored_pictures_are_written_by_their_cells(tmp_path):
    picture = base64.b64encode(b"a picture").decode()
    cells = [
        nbformat.v4.new_markdown_cell("# Title", id="title"),
        nbformat.v4.new_code_cell(
            "1",
            id="fit-figure",
            outputs=[nbformat.v4.new_output("display_data", {"image/png": picture})],
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    notebooks.main(["pictures", str(tmp_path / "a.ipynb"), str(tmp_path / "out")])
    (written,) = (tmp_path / "out").iterdir()
    assert (written.name, written.read_bytes()) == ("01_fit-figure.png", b"a picture")


@pytest.mark.parametrize("words", [[], ["dance"], ["pictures", "one word"]], ids=str)
def test_other_words_show_the_usage(capsys, words):
    assert notebooks.main(words) == 2
    assert capsys.readouterr().out.strip() == notebooks.__doc__.strip()


# ----------------------------------------------------------------------------------- tools/course.py


@pytest.fixture
def here(tmp_path):
    """The command of a course that is not installed, in a folder of its own."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "grading").mkdir()
    (tmp_path / "pins").mkdir()
    path = tmp_path / "tools" / "course.py"
    path.write_bytes((ROOT / "tools" / "course.py").read_bytes())
    spec = importlib.util.spec_from_file_location("course_here", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", ["test-web", "test-lite"])
def test_without_chromium_nothing_is_built(here, monkeypatch, capsys, command):
    monkeypatch.setattr(here.shutil, "which", lambda _: None)
    monkeypatch.setattr(here, "install", lambda *_, **__: pytest.fail("nothing is installed"))
    assert here.main([command]) == 1
    assert "sudo apt install chromium" in capsys.readouterr().err


def test_a_full_disk_is_said_in_a_sentence(here, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", ".venv")

    monkeypatch.setattr(here, "install", full)
    assert here.main(["course"]) == 1
    said = capsys.readouterr().err
    assert said.strip() == ".venv: No space left on device. Nothing of yours is lost."


def test_lock_writes_what_is_newest_and_keeps_the_old_pins_if_it_fails(here, monkeypatch, capsys):
    pins, asked = here.ROOT / here.PINS, []
    pins.write_text("numpy==2.0\n")
    (here.ROOT / ".venv-newest").mkdir()
    (here.ROOT / ".venv-newest" / "installed-web").touch()

    def install(name, pins=None, venv=".venv", ranges=False):
        assert not (here.ROOT / venv).exists(), "what was installed last year is not the newest"
        asked.append((name, pins, venv))

    monkeypatch.setattr(here, "install", install)
    answer = SimpleNamespace(returncode=1, stdout="num", stderr="no pip")
    monkeypatch.setattr(here.subprocess, "run", lambda *_, **__: answer)
    assert here.main(["lock"]) == 1 and "no pip" in capsys.readouterr().err
    assert pins.read_text() == "numpy==2.0\n"
    answer.returncode, answer.stdout = 0, "numpy==2.9\n"
    assert here.main(["lock"]) == 0
    assert pins.read_text() == "numpy==2.9\n"
    assert asked == [("web", None, ".venv-newest")] * 2


@pytest.mark.parametrize("word", sorted(course.COMMANDS))
def test_each_command_stands_in_the_usage(word):
    assert f"tools/course.py {word}" in course.__doc__


def test_a_benchmark_may_be_called_as_what_it_measures():
    """`make bench` keeps the folder benchmarks/ off the path, where grading.py hides the package."""
    assert "-P benchmarks/$$name.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
    load = "import runpy; runpy.run_path('benchmarks/grading.py', run_name='loaded')"
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "tools", "tests", "tests/web"))
    command = [sys.executable, "-P", "-c", load]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}
    )
    assert finished.returncode == 0, finished.stderr
