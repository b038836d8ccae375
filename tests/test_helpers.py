"""The contract of `helpers`: what passes, what fails, and the sentence that a student reads."""

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT

import helpers
from helpers import check_array, check_choice, check_close, check_true, choice_key, exercise, rejects, scorecard
from tools import notebooks


@pytest.fixture(autouse=True)
def fresh_record(monkeypatch):
    monkeypatch.setattr(helpers, "_record", [])


def failure(call, *args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is AssertionError
    return str(caught.value)


# ------------------------------------------------------------------------------------------ the contract


def test_a_notebook_that_somebody_else_wrote_runs_unchanged(tmp_path):
    foreign = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(
            "import numpy as np\nimport matplotlib.pyplot as plt\n"
            "from helpers import check_close, check_true, header, COLORS\n"
            "header('Part 1: gradients')\n"
            "check_close('gradient', np.array([2.0, 4.0]), [2, 4])\n"
            "check_close(name='loose', value=1.05, target=1.0, tol=0.1)\n"
            "check_true('finite', np.isfinite(3.0))\n"
            "check_true(name='smaller', condition=1 < 2)\n"
            "fig, ax = plt.subplots()\n"
            "for role in ('primary', 'secondary', 'tertiary', 'error', 'neutral', 'highlight'):\n"
            "    ax.plot([0, 1], color=COLORS[role])\n"
            "try:\n    check_true('wrong', False)\nexcept AssertionError:\n    print('caught')\n"
        )
    ])  # fmt: skip
    notebooks.execute(foreign, tmp_path)
    text = foreign.cells[0].outputs[0].text
    assert text.count("PASS - ") == 4
    assert "FAIL - wrong" in text and "caught" in text


def test_pass_prints_and_records(capsys):
    check_close("a sum", 0.1 + 0.2, 0.3)
    check_true("an order", np.float64(1) < 2)
    assert capsys.readouterr().out == "PASS - a sum\nPASS - an order\n"
    assert [passed for _, passed, _ in helpers._record] == [True, True]


@pytest.mark.parametrize(
    ("value", "target", "tol", "passes"),
    [
        (1.0, 1.0 + 0.9e-8, 1e-8, True),
        (1.0, 1.0 + 1.1e-8, 1e-8, False),
        (1.5, 1.0, 0.5, True),  # the tolerance itself passes
        (1e12, 1e12 + 1, 1e-8, False),  # absolute, not relative
        ([1, 2], [1.0, 2.0], 1e-8, True),
        ([1, 2], [[1, 2]], 1e-8, False),
        ([[1], [2]], [1, 2], 1e-8, False),
        (np.ones(3), 1.0, 1e-8, False),  # no broadcasting
        (1.0, np.ones(1), 1e-8, False),
        (1 + 2j, 1 + 2j, 1e-8, True),
        (True, 1.0, 1e-8, True),
        ([], [], 1e-8, True),
        (np.nan, np.nan, 1e-8, False),
        ([1, np.nan], [1, np.nan], np.inf, False),
        (np.inf, np.inf, 1e-8, False),
        (1.0, np.nan, 1e-8, False),
        (np.inf, np.inf, np.inf, False),
        (1.0, np.inf, np.inf, False),
        (Fraction(1, 4), 0.25, 1e-8, True),
        (10**30, 1e30, 1e-8, True),
        (np.float32(0.5), 0.5, 1e-8, True),
    ],
)
def test_check_close_passes_iff_shapes_are_equal_and_differences_small(value, target, tol, passes):
    if passes:
        check_close("it", value, target, tol)
    else:
        assert failure(check_close, "it", value, target, tol).startswith("FAIL - it: ")


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None

    def __sub__(self, other):
        return 0.0


def test_an_always_equal_object_is_refused():
    assert "expected a number" in failure(check_close, "it", AlwaysEqual(), 1.0)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "not answered yet"),
        (..., "not answered yet"),
        ([1.0, None], "not answered yet"),
        ("3", "got the text '3'"),
        (lambda: 3, "a function that was not called"),
        ([[1, 2], [3]], "rows of equal length"),
        ({"x": 1}, "expected a number"),
        (np.nan, "NaN (not a number)"),
        ([1.0, np.inf, 2.0], "an array of shape (3,)"),
        ([1.0, np.inf], "infinity"),
        (np.ma.array([3.0], mask=True), "none of them masked"),
        (np.ma.masked, "none of them masked"),
        (bytearray(b"3"), "got the text"),
        (np.datetime64("2026-01-01"), "expected a number"),
        ((x for x in [3.0]), "generator"),
    ],
)
def test_odd_values_get_a_sentence(value, sentence):
    target = [3.0, 1.0] if sentence == "infinity" else 3.0
    assert sentence in failure(check_close, "it", value, target)


def test_every_failure_says_got_expected_and_tolerance(capsys):
    said = failure(check_close, "area", [3.0, 5.0], [3.0, 4.0], tol=1e-3)
    for part in ("got [3., 5.]", "expected [3., 4.]", "difference is 1", "tolerance is 0.001", "index [1]"):
        assert part in said
    assert capsys.readouterr().out.strip() == said


@pytest.mark.parametrize(
    ("value", "target", "hint"),
    [
        ([1.0, -2.0], [-1.0, 2.0], "sign is flipped"),
        (6.0, 3.0, "factor 2 too many"),
        ([1.5, 2.5], [3.0, 5.0], "factor 2 is missing"),
        ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]], "transposed"),
        (np.ones((2, 3)), np.ones((3, 2)), "transposed"),
        (90.0, np.pi / 2, "degrees; expected radians"),
        (np.pi / 2, 90.0, "radians; expected degrees"),
        (9.0, 3.0, "a root is missing"),
    ],
)
def test_classic_slips_are_named(value, target, hint):
    assert hint in failure(check_close, "it", value, target)


@pytest.mark.parametrize("tol", [-1, np.nan, None, "small", [1e-8], True])
def test_a_tolerance_must_be_a_number(tol):
    with pytest.raises(ValueError, match="tolerance"):
        check_close("it", 1.0, 1.0, tol)


def test_numbers_that_print_alike_are_printed_in_full():
    assert "got 1.00000000001, expected 1;" in failure(check_close, "it", 1 + 1e-11, 1.0, 1e-12)
    assert "where got 1.00000000001, expected 1," in failure(check_close, "it", [1 + 1e-11, 2], [1.0, 2.0], 1e-12)


def test_an_object_that_cannot_be_shown_or_converted_gets_a_sentence():
    class Hostile:
        def __repr__(self):
            raise RuntimeError

        def __array__(self, *args, **kwargs):
            raise RuntimeError("needs a gradient")

    for call in (lambda: check_close("it", Hostile(), 1.0), lambda: check_true("it", Hostile())):
        assert "an object that cannot be shown (Hostile)" in failure(call)


def test_a_loose_tolerance_gives_no_wrong_hint():
    assert "twice" not in failure(check_close, "it", 1.6, 1.0, tol=0.5)


@pytest.mark.parametrize(("value", "target"), [(3.7, 3.0), (3.0 + 1e-7, 3.0), ([1e-7, 0], [0, 0]), (1e-7, 0.0)])
def test_no_hint_where_none_fits(value, target):
    assert failure(check_close, "it", value, target).endswith("tolerance is 1e-08.")


@pytest.mark.parametrize("condition", [True, np.True_, 1, 0.5, np.float64(2), np.array([True]), np.array(True)])
def test_check_true_passes(condition):
    check_true("it", condition)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (False, "expected True"),
        (np.False_, "got False"),
        (0, "expected True"),
        ([True], "list"),
        ([False, False], "list"),
        ({"ok": True}, "dict"),
        ((x > 0 for x in [1]), "generator"),
        (ValueError("no"), "ValueError"),
        (complex("nan"), "NaN"),
        (np.ma.array([True], mask=True), "expected True or False"),
        (np.array([None]), "not answered yet"),
        (np.array("x"), "expected a number"),
        (None, "not answered yet"),
        ("yes", "got the text 'yes'"),
        (print, "not called"),
        (np.nan, "NaN"),
        (np.array([True, False]), "np.all"),
        (np.array([]), "np.all"),
    ],
)
def test_check_true_fails_with_a_sentence(condition, sentence):
    assert sentence in failure(check_true, "it", condition)


def test_check_array_returns_the_array_or_fails():
    array = check_array("it", [[1, 2, 3]], (None, 3))
    assert array.dtype == float and array.shape == (1, 3)
    assert "not answered yet" in failure(check_array, "it", None, (3,))
    assert "expected shape (any, 2)" in failure(check_array, "it", [[1, 2, 3]], (None, 2))
    assert "expected one number" in failure(check_array, "it", [1.0], ())
    assert "finite real numbers" in failure(check_array, "it", [np.nan, 1], (2,))
    assert "finite real numbers" in failure(check_array, "it", 1j, ())


def test_check_choice():
    key = choice_key("curvature", "C")
    check_choice("curvature", " c ", key)
    assert "B is not the answer" in failure(check_choice, "curvature", "B", key)
    assert "one letter in quotes" in failure(check_choice, "curvature", 3, key)
    assert "not answered yet" in failure(check_choice, "curvature", None, key)
    assert "not called" in failure(check_choice, "curvature", lambda: "C", key)
    assert choice_key("another question", "C") != key


def test_a_failed_check_shows_a_sentence_and_no_traceback(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("from helpers import check_close\ncheck_close('slope', None, 3)")
    ])  # fmt: skip
    notebooks.execute(notebook, tmp_path, allow_errors=True)
    stream, error = notebook.cells[0].outputs
    assert "FAIL - slope: not answered yet" in stream.text
    assert error.ename == "AssertionError"
    assert error.traceback == ["FAIL - slope (explained above)"]


# ------------------------------------------------------------------------------ exercises and scorecards


def double(x):
    return 2 * x


@exercise
def check_doubling(answer):
    check_close("twice 3", answer(3), 6)


def test_rejects_passes_only_for_a_failed_check(capsys):
    rejects(check_doubling, lambda x: x**2)
    assert "PASS - check_doubling refuses" in capsys.readouterr().out
    assert "was accepted" in failure(rejects, check_doubling, double)
    assert "NameError" in failure(rejects, check_doubling, lambda x: undefined)  # noqa: F821
    assert "returns nothing" in failure(rejects, check_doubling, lambda x: None)

    def plain_assert(answer):
        raise AssertionError("no check of the course")

    assert "not a failed check" in failure(rejects, plain_assert, double)


def test_rejects_survives_an_answer_that_exits():
    def leave(x):
        raise SystemExit

    assert "SystemExit" in failure(rejects, check_doubling, leave)
    assert helpers._record == [["check_doubling refuses leave", False, None]]


def test_an_exercise_that_swallows_a_failed_check_fails():
    @exercise
    def check_swallow(answer):
        try:
            check_close("twice 3", answer(3), 6)
        except AssertionError:
            check_true("something else", True)

    assert "a check inside it failed" in failure(check_swallow, lambda x: x)


def test_rejects_leaves_no_trace_in_the_record():
    check_doubling(double)
    rejects(check_doubling, lambda x: x + 1)
    assert [slug for _, _, slug in helpers._record if slug] == ["doubling"]
    assert all(passed for _, passed, _ in helpers._record)


def test_an_exercise_that_checks_nothing_fails():
    @exercise
    def check_silence(answer):
        answer(1)

    assert "nothing was checked" in failure(check_silence, double)


def test_scorecard_counts_points_and_keeps_the_latest_result(monkeypatch):
    said = []
    monkeypatch.setattr(helpers, "display", lambda bundle, raw: said.append(bundle))
    scorecard(doubling=2, other=3)
    with pytest.raises(AssertionError):
        check_doubling(lambda x: x)
    scorecard(doubling=2, other=3)
    check_doubling(double)
    scorecard(doubling=2, other=3)
    for bundle, state, total in zip(said, ("not run", "not yet", "passed"), (0, 0, 2), strict=True):
        assert state in bundle["text/plain"].splitlines()[0]
        assert f"{total} of 5 points" in bundle["text/plain"] and f"{total} of 5 points" in bundle["text/html"]
    assert "########............" in said[-1]["text/plain"]


def test_an_error_in_the_answer_leaves_the_exercise_unpassed(monkeypatch):
    said = []
    monkeypatch.setattr(helpers, "display", lambda bundle, raw: said.append(bundle))
    with pytest.raises(ZeroDivisionError):
        check_doubling(lambda x: x / 0)
    scorecard(doubling=1)
    assert "0 of 1 points" in said[0]["text/plain"]


# --------------------------------------------------------------------------------------------- bad input


def import_helpers(before, **options):
    program = f"{before}\nimport helpers"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, **options).stderr


@pytest.mark.parametrize("package", ["numpy", "seaborn", "matplotlib", "IPython"])
def test_a_missing_package_is_named_with_what_to_do(package, tmp_path):
    said = import_helpers(f"import sys\nsys.modules[{package!r}] = None", cwd=tmp_path)
    last = said.strip().splitlines()[-1]
    assert f"Downhill needs the package '{package}'" in last
    assert "make course" in last and "requirements.txt" in last and "restart the kernel" in last


def test_an_old_python_is_told_what_to_do():
    said = import_helpers("import sys\nsys.version_info = (3, 9, 1, 'final', 0)", cwd=ROOT)
    assert "Downhill needs Python 3.11 or newer, and this is Python 3.9. Install a newer Python" in said


def test_a_really_old_python_is_told_what_to_do():
    versions = ["3.6", "3.8", "3.9", "3.10"]
    candidates = [shutil.which(f"python{v}") for v in versions]
    candidates += [str(p) for v in versions for p in Path.home().glob(f".pyenv/versions/{v}*/bin/python")]
    works = [p for p in candidates if p and subprocess.run([p, "-c", ""], capture_output=True).returncode == 0]
    if not works:
        pytest.skip("no Python older than 3.11 on this machine")
    for command in (["-c", "import helpers"], ["tools/course.py", "course"]):
        said = subprocess.run([works[0], *command], cwd=ROOT, capture_output=True, text=True)
        assert said.returncode and "Downhill needs Python 3.11 or newer" in said.stderr


def test_a_notebook_runs_from_another_folder(tmp_path):
    """The course is installed, so the folder does not matter; where it is not, the first cell says what to do."""
    lesson = nbformat.read(ROOT / "notebooks" / "start_here.ipynb", as_version=4)
    lesson.cells = [next(c for c in lesson.cells if c.cell_type == "code" and "from helpers import" in c.source)]
    notebooks.execute(lesson, tmp_path)
    hidden = "import sys; sys.modules['helpers'] = None\n" + lesson.cells[0].source
    env = {**os.environ, "PYTHONPATH": ""}
    said = subprocess.run([sys.executable, "-c", hidden], cwd=tmp_path, capture_output=True, text=True, env=env).stderr
    assert "Run `make course` in the course's folder" in said.strip().splitlines()[-1]
