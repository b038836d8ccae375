"""The grader and ``make check`` say the same of every notebook, and what it deserves."""

import json
import os
import re
import subprocess
import sys

import classroom
import pytest
from conftest import ROOT
from variants import CHORDS, VARIANTS, cell, code, made, text

from grading import CourseError, selftest
from grading.classroom.classbook import merged
from grading.classroom.essays import free_texts
from grading.classroom.sheets import load_part, parts
from grading.classroom.submissions import Handed, Submission
from grading.engine.checker import FURTHER
from grading.engine.sandbox import missing
from grading.grade import Options, grade_submission, reaches_for_secrets
from tools import check
from tools.cells import fingerprint, normal, plan, read_cells, without_checks

PART, NAME = "1_landscape", "1_surfaces"
OPTIONS = Options(PART, str(ROOT), cell_seconds=4, seconds=60)
needs_sandbox = pytest.mark.skipif(bool(missing()), reason=" ".join(missing()) or "none")


@pytest.fixture(scope="module")
def solved():
    """The solution as a student would hand it in, with the checks as they are released."""
    notebook = json.loads(selftest.released(ROOT / "solutions" / PART / f"{NAME}.ipynb"))
    released = json.loads((ROOT / "exercises" / PART / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    sources = {c["id"]: "".join(c["source"]) for c in released["cells"]}
    for each in notebook["cells"]:
        answer = each["id"].startswith(("answer_", "free_"))
        each["source"] = "".join(each["source"]) if answer else sources[each["id"]]
    return notebook


def graded(tmp_path, data, options=OPTIONS):
    path = tmp_path / f"{NAME}.ipynb"
    path.write_bytes(data)
    result = grade_submission(Submission("somebody", "", (Handed(path.name, str(path)),)), options)
    return result, next(n for n in result["notebooks"] if n["name"] == NAME)


@needs_sandbox
@pytest.mark.parametrize("title", VARIANTS)
def test_the_grader_gives_what_a_notebook_deserves(title, solved, tmp_path):
    result, notebook = graded(tmp_path, made(title, solved))
    lost = {
        e["slug"]: (e["state"], e["problem"], e["said"])
        for e in notebook["exercises"]
        if e["state"] != "passed"
    }
    assert set(lost) == set(VARIANTS[title][0]), (lost, result["flags"])


SHORT = [
    "as it is",
    "a helper's name is used again for the next exercise",
    "the stub is copied below the check",
    "a check cell is gone",
    "a check cell stands above its answer",
    "answer and check in one cell",
    "an edited check that lets all pass",
    "without ids and metadata, as some editors save",
    "numbers as a deque",
    "a dict of Series",
    "an endless loop that swallows interrupts",
    "a flood",
]


@pytest.mark.parametrize(
    "title", [t if t in SHORT else pytest.param(t, marks=pytest.mark.long) for t in VARIANTS]
)
def test_make_check_says_the_same(title, solved, tmp_path):
    path = tmp_path / f"{NAME}.ipynb"
    path.write_bytes(made(title, solved))
    said = check.score(path, seconds=6 if "loop" in title else 60)
    lost = {
        name.replace(" ", "_")
        for name in re.findall(r"^(\w[\w ]+?) +(?:not yet|not run)", said, re.MULTILINE)
    }
    assert lost == set(VARIANTS[title][0]), said
    assert f"of {classroom.worth(PART, NAME)} points" in said and "Traceback" not in said
    assert path.read_bytes() == made(title, solved)


def test_make_check_of_what_has_no_points_and_on_a_console_that_lacks_letters(tmp_path, solved):
    (tmp_path / "notes.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    odd = made("as it is", solved).replace(b"np.abs(x)) if h", b"np.abs(x)) ** 0.9 if h")
    (tmp_path / "odd.ipynb").write_bytes(odd)
    command = [
        sys.executable,
        ROOT / "tools" / "check.py",
        tmp_path / "notes.ipynb",
        tmp_path / "odd.ipynb",
    ]
    finished = subprocess.run(
        command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"}
    )
    said = finished.stdout.decode("cp1252")
    assert finished.returncode == 0 and not finished.stderr, finished.stderr
    assert "no exercises with points" in said
    assert "the powers of \\u03b5 that it takes as steps" in said


@pytest.mark.parametrize("words", [["--timeout"], ["--timeout", "soon"], ["--timeout", "0"]])
def test_make_check_refuses_a_limit_that_is_none(words, capsys):
    assert check.main(words) == 2
    assert "takes a number of seconds" in capsys.readouterr().out


# ------------------------------------------------------------------------------ what a page may say


@needs_sandbox
def test_a_hidden_test_that_fails_is_a_further_check_and_no_more(solved, tmp_path):
    """The answer passes every visible comparison, and a hidden one with another input refuses it."""
    notebook = json.loads(made("as it is", solved))
    answer = cell(notebook, f"answer_{CHORDS}")
    answer["source"] = answer["source"].replace(
        "chord + slack)", "chord + (slack if slack < 50 else 5))"
    )
    _, got = graded(tmp_path, json.dumps(notebook).encode())
    (result,) = (e for e in got["exercises"] if e["slug"] == CHORDS)
    assert result["state"] == "failed" and result["said"][-1] == FURTHER and result["problem"] == ""
    assert all("a slack of 100" not in line and "ellipse" not in line for line in result["said"])
    assert "a slack of 100" in result["detail"]
    answer["source"] = answer["source"].replace(
        "    between", "    if slack > 50:\n        raise ValueError(slack)\n    between"
    )
    _, got = graded(tmp_path, json.dumps(notebook).encode())
    (result,) = (e for e in got["exercises"] if e["slug"] == CHORDS)
    assert (
        result["state"] == "stopped" and result["said"][-1] == FURTHER and result["problem"] == ""
    )
    assert result["detail"] == "ValueError: 100"


@needs_sandbox
def test_where_a_cell_stopped_its_exercise_says_so(solved, tmp_path):
    _, got = graded(tmp_path, made("an answer with a syntax error", solved))
    (result,) = (e for e in got["exercises"] if e["slug"] == CHORDS)
    assert result["state"] == "stopped" and result["problem"].startswith(
        "Its cell stopped. SyntaxError: expected ':'"
    )


def private(tmp_path, source, name=NAME):
    (tmp_path / "private" / PART).mkdir(parents=True, exist_ok=True)
    (tmp_path / "private" / PART / f"{name}.py").write_text(source, encoding="utf-8")
    return Options(PART, str(ROOT), str(tmp_path / "private"), cell_seconds=4, seconds=60)


@needs_sandbox
def test_private_checks_are_proved_on_the_solutions_first(solved, tmp_path):
    right = f"def check_{CHORDS}(answer):\n    check_close('a secret', 1.0, %s)\n"
    selftest.prove_private(private(tmp_path, right % "1.0"))
    _, got = graded(
        tmp_path,
        made("as it is", solved),
        private(tmp_path, right % "1.0 + (answer.__name__ == '')"),
    )
    assert got["points"] == got["max_score"]
    wrong = private(tmp_path / "wrong", right % "2.0")
    with pytest.raises(
        CourseError,
        match="refuse the course's solutions.*\ncheck_violated_fraction: FAIL - a secret: got 1",
    ):
        selftest.prove_private(wrong)
    _, got = graded(tmp_path, made("as it is", solved), wrong)
    (result,) = (e for e in got["exercises"] if e["state"] != "passed")
    assert (
        result["said"][-1] == FURTHER
        and "secret" not in str(result["said"])
        and "secret" in result["detail"]
    )


def test_private_checks_that_belong_to_nothing_are_an_error(tmp_path):
    with pytest.raises(CourseError, match="has check_nothing, but 1_surfaces has no such exercise"):
        load_part(PART, private=private(tmp_path, "def check_nothing(answer):\n    pass\n").private)
    with pytest.raises(
        CourseError,
        match="9_other.py, but the part has no such notebook: name the files 1_surfaces.py",
    ):
        load_part(PART, private=private(tmp_path, "", "9_other").private)
    with pytest.raises(CourseError, match="holds no NOTEBOOK.py"):
        load_part("2_convergence", private=tmp_path / "private")


# ---------------------------------------------------------------------------------------- free text


def essay_of(notebook):
    sheet = next(sheet for sheet in load_part(PART) if sheet.name == NAME)
    (essay,) = free_texts(sheet, read_cells(json.dumps(notebook).encode(), "x")).values()
    return essay.text


ESSAY = "MY OWN ESSAY: one plane shows nothing of other directions."
STUB = "*Write your answer here.*"


def essay_in_its_cell(notebook, free):
    free["source"] = ESSAY


def essay_below_the_stub(notebook, free):
    free["source"] = f"{STUB}\n\n{ESSAY}"


def essay_in_a_new_cell(notebook, free):
    notebook["cells"].insert(notebook["cells"].index(free) + 1, text(ESSAY))


def essay_in_a_raw_cell(notebook, free):
    notebook["cells"].insert(notebook["cells"].index(free), text(ESSAY, "raw"))


def essay_in_a_code_cell(notebook, free):
    free.update(code(ESSAY, free["id"]), metadata=free["metadata"])


def essay_as_a_comment(notebook, free):
    notebook["cells"].insert(notebook["cells"].index(free), code(f"# {ESSAY}"))


def essay_in_the_question(notebook, free):
    notebook["cells"][notebook["cells"].index(free) - 1]["source"] += f"\n\n{ESSAY}"


def essay_without_ids(notebook, free):
    free["source"] = ESSAY
    for each in notebook["cells"]:
        each["metadata"] = {}
        del each["id"]


def essay_at_the_end(notebook, free):
    notebook["cells"].append(text(ESSAY))


def essay_in_the_next_cell_while_its_own_is_gone(notebook, free):
    notebook["cells"][notebook["cells"].index(free)] = text(ESSAY)


@pytest.mark.parametrize(
    "move",
    [
        essay_in_its_cell,
        essay_below_the_stub,
        essay_in_a_new_cell,
        essay_in_a_raw_cell,
        essay_in_a_code_cell,
        essay_as_a_comment,
        essay_in_the_question,
        essay_without_ids,
        essay_at_the_end,
        essay_in_the_next_cell_while_its_own_is_gone,
    ],
)
def test_free_text_is_found_wherever_it_stands(move, solved):
    notebook = json.loads(json.dumps(solved))
    free = next(c for c in notebook["cells"] if c["id"].startswith("free_"))
    free["source"] = STUB
    assert essay_of(notebook) == ""
    move(notebook, free)
    assert essay_of(notebook).removeprefix("# ") == ESSAY


@pytest.mark.parametrize("part", parts())
def test_nothing_is_found_where_nothing_was_written_and_each_question_is_known(part):
    for sheet in load_part(part):
        cells = read_cells(
            (ROOT / "exercises" / part / f"{sheet.name}.ipynb").read_bytes(), sheet.name
        )
        (question,) = sheet.questions
        assert free_texts(sheet, cells)[question.slug].text == ""
        assert len(question.task) > 100 and len(question.model) > 400
        assert question.task[:60] in next(
            cell.source for cell in cells if cell.id == question.task_id
        )


def flags_of(result):
    """What an instructor is told of a student with this one result."""
    (student,) = merged([result | {"slug": "somebody"}])
    return student.work[PART].flags


@needs_sandbox
def test_an_empty_free_text_is_flagged_for_whom_has_worked(solved, tmp_path):
    notebook = json.loads(json.dumps(solved))
    next(c for c in notebook["cells"] if c["id"].startswith("free_"))["source"] = STUB
    result, got = graded(tmp_path, json.dumps(notebook).encode())
    assert got["questions"][0]["empty"] and got["questions"][0]["version"] == ""
    (flag,) = flags_of(result)
    assert "Explain it in your own words) is empty" in flag and result["notes"] == []
    result, _ = graded(tmp_path, (ROOT / "exercises" / PART / f"{NAME}.ipynb").read_bytes())
    assert flags_of(result) == ()


# -------------------------------------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("source", "flagged"),
    [
        ("# grading is easy; see solutions/1_landscape", False),
        ('"""What grading would say."""', False),
        ("x = 1  # subprocess", False),
        ("%%time\n# the grading", False),
        ("import grading.classroom.sheets", True),
        ("__import__('subprocess')", True),
        ("open('../../solutions/x')", True),
        ("import sys\nsys . modules", True),
        ("%%time\nimport ctypes", True),
    ],
)
def test_a_comment_reaches_for_nothing(source, flagged):
    assert reaches_for_secrets(source) == flagged


@needs_sandbox
def test_an_older_release_is_named_and_no_changed_check(solved, tmp_path, monkeypatch):
    notebook = json.loads(made("as it is", solved))
    check_cell = cell(notebook, f"check_{CHORDS}")
    check_cell["source"] = check_cell["source"].replace("five chords", "5 chords")
    old = fingerprint(check_cell["source"])
    monkeypatch.setattr(
        "tools.versions.released", lambda part, name: {f"check_{CHORDS}": [(old, "2026-11-03")]}
    )
    result, got = graded(tmp_path, json.dumps(notebook).encode())
    assert got["points"] == got["max_score"]
    said = (
        "violated_fraction was solved with the check of 3 November 2026; the present one was used."
    )
    assert [note for note in result["notes"] if said in note]
    monkeypatch.setattr("tools.versions.released", lambda part, name: {})
    result, _ = graded(tmp_path, json.dumps(notebook).encode())
    assert [note for note in result["notes"] if "was changed; the original was used" in note]


@needs_sandbox
def test_the_best_of_all_copies_counts_and_is_named(solved, tmp_path):
    stub = (ROOT / "exercises" / PART / f"{NAME}.ipynb").read_bytes()
    handed = []
    for number in range(4):
        path = tmp_path / f"{NAME} ({number}).ipynb"
        path.write_bytes(made("as it is", solved) if number == 3 else stub + b" " * number)
        handed.append(Handed(path.name, str(path)))
    result = grade_submission(Submission("ada", "", tuple(handed)), OPTIONS)
    assert result["points"] == classroom.worth(PART, NAME)
    (said,) = (note for note in result["notes"] if "different files" in note)
    assert f"{NAME} (3).ipynb counts" in said and f"{NAME} (0).ipynb (0)" in said


# ------------------------------------------------------------------------------ cells, cut and read


def test_a_cell_without_its_check_keeps_all_else():
    check = "@exercise\ndef check_it(answer):\n    a = (1,\n)\n\n    # in it\n    b = 2\n\n\ncheck_it(it)  # go\n"
    source = f"%%time\nx = 1\n{check}y = 2"
    assert without_checks(source) == "%%time\nx = 1\ny = 2"
    assert without_checks(source.replace("\n", "\r\n")) == "%%time\nx = 1\ny = 2"
    for sheet in load_part(PART):
        for exercise in sheet.exercises:
            assert f"check_{exercise.slug}" not in without_checks(exercise.check)


def test_a_cell_that_runs_a_check_is_its_check():
    made = [
        code("a = 1", "a"),
        code("check_it(it)", "b"),
        code("", "check_it"),
        code("scorecard(it=1)", "scorecard"),
        text("check_it(it)"),
    ]
    cells = read_cells(json.dumps({"cells": made}).encode(), "x")
    steps = plan(cells, {"check_it": "it", "scorecard": ""})
    assert [(step.at, step.source, step.check) for step in steps] == [
        (0, "a = 1", ""),
        (1, "", "it"),
    ]
    assert normal(" a \r\nb  \n\n") == " a\nb"
