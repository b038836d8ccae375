"""`make exercise` makes a whole exercise that works, or says why not and writes nothing."""

import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

from tools import new_exercise, notebooks

NAME = "1_landscape/1_surfaces"


@pytest.fixture
def copy(tmp_path):
    """A folder with every solution, of which one is written to."""
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    return tmp_path


def ids(path):
    return [cell.id for cell in nbformat.read(path, as_version=4).cells]


def test_the_cells_stand_before_the_free_text_question_and_nothing_else_changes(copy):
    before = json.loads((copy / "solutions" / f"{NAME}.ipynb").read_text(encoding="utf-8"))["cells"]
    path = new_exercise.add_exercise(
        "a_new_one", f"solutions/{NAME}.ipynb", "2", 'A "new" one', copy
    )
    after = json.loads(path.read_text(encoding="utf-8"))["cells"]
    nbformat.validate(nbformat.read(path, as_version=4))
    made = [cell for cell in after if cell["id"] not in {c["id"] for c in before}]
    at = after.index(made[0])
    assert after[at : at + len(made)] == made
    assert after[at + len(made) + 1]["id"].startswith("free_")
    kept = [cell for cell in after if cell not in made]
    changed = [new["id"] for old, new in zip(before, kept, strict=True) if old != new]
    assert changed == [before[0]["id"], "scorecard"]
    assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize("name", sorted(set(new_exercise.slugs_of(ROOT).values())))
def test_every_notebook_takes_one_more_and_counts_it(name, copy):
    path = new_exercise.add_exercise("a_new_one", name, "3", "A new one", copy)
    cells = nbformat.read(path, as_version=4).cells
    tasks = sum(cell.id.startswith("answer_") and not cell.id.endswith("_choice") for cell in cells)
    assert f"{new_exercise.NUMBERS[tasks]} exercises" in cells[0].source
    keywords = {}
    exec(cells[-1].source, {"scorecard": keywords.update})
    assert (keywords["a_new_one"], keywords["a_new_one_choice"]) == (3, 1)
    points = {
        key.removeprefix("check_"): cell.metadata.nbgrader.points
        for key, cell in notebooks.grade_cells(nbformat.from_dict({"cells": cells})).items()
    }
    assert keywords == points


def test_the_exercise_works_as_it_is_made(copy, monkeypatch):
    """Green on its solution, its mistakes refused; on its stub red."""
    path = new_exercise.add_exercise("a_new_one", NAME, "1", "A new one", copy)
    notebook = nbformat.read(path, as_version=4)
    made = [cell for cell in notebook.cells if "a_new_one" in cell.source or cell.id == "imports"]
    stub = [cell.copy() for cell in made if "solution-only" not in cell.metadata.get("tags", [])]
    for cell in stub:
        cell.source = cell.source.replace("return np.mean(x)", "...").replace('return "B"', "...")
    for cell in made + stub:
        cell.outputs = []
    done = notebooks.execute(nbformat.v4.new_notebook(cells=made), copy)
    said = "".join(output.get("text", "") for cell in done.cells for output in cell.outputs)
    assert not [notebooks.errors(cell) for cell in done.cells if notebooks.errors(cell)]
    assert said.count(" refuses ") == 2 and "PASS - a new one choice" in said
    done = notebooks.execute(nbformat.v4.new_notebook(cells=stub), copy, allow_errors=True)
    red = [error.evalue for cell in done.cells for error in notebooks.errors(cell)]
    assert len(red) == 2 and all("not answered yet" in evalue for evalue in red)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("my_slug", "1_landscape/9_none", "2", "T"), "There are: 1_landscape/1_surfaces, "),
        (("my_slug", "", "2", "T"), "There are: 1_landscape/1_surfaces, "),
        (
            ("violated_fraction", NAME, "2", "T"),
            "is taken by an exercise of 1_landscape/1_surfaces",
        ),
        (
            ("gp_posterior", NAME, "2", "T"),
            "is taken by an exercise of 3_hyperparameter_optimization/2_bayesian",
        ),
        (("imports", NAME, "2", "T"), "means something else"),
        (("np", NAME, "2", "T"), "means something else"),
        (("scorecard", NAME, "2", "T"), "means something else"),
        (("sum", NAME, "2", "T"), "means something else"),
        (("lambda", NAME, "2", "T"), "the name of a function"),
        (("mySlug", NAME, "2", "T"), "the name of a function"),
        (("my-slug", NAME, "2", "T"), "the name of a function"),
        (("../x", NAME, "2", "T"), "the name of a function"),
        (("my_choice", NAME, "2", "T"), "the name of a function"),
        (("my_slug", NAME, "4", "T"), "STARS=4 must be 1"),
        (("my_slug", NAME, "", "T"), "STARS= must be 1"),
        (("my_slug", NAME, "2", " "), "must be one line"),
        (("my_slug", NAME, "2", "★ T"), "must be one line"),
        (
            ("my_slug", NAME, "2", "Test chords for convexity"),
            "is a heading of this notebook already",
        ),
        (("My", NAME, "0", ""), "the name of a function.*\n.*STARS=0.*\n.*TITLE"),
    ],
)
def test_bad_words_get_a_sentence_and_nothing_is_written(words, said, copy):
    before = {path: path.read_bytes() for path in copy.rglob("*.ipynb")}
    with pytest.raises(new_exercise.BadWords, match=said):
        new_exercise.add_exercise(*words, copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "source", ["", "scorecard(", "print(1)", "scorecard(a=1)\nscorecard(b=2)"]
)
def test_a_scorecard_that_is_none_stops_it(source):
    with pytest.raises(new_exercise.BadWords, match="scorecard"):
        new_exercise.scorecard_with(source, "my_slug", 2)


def test_the_command_says_what_is_wrong_without_a_traceback():
    command = [sys.executable, ROOT / "tools" / "new_exercise.py"]
    finished = subprocess.run([*command, "np", NAME, "9", "T"], capture_output=True, text=True)
    assert finished.returncode == 2 and "Traceback" not in finished.stderr
    assert (
        "SLUG=np" in finished.stderr
        and "STARS=9" in finished.stderr
        and "Nothing was written" in finished.stderr
    )


def test_no_notebook_waits_for_its_author():
    waiting = {
        f"{path.parent.name}/{path.name}": [cell.id for cell in cells if "FILL IN" in cell.source]
        for path in sorted((ROOT / "solutions").glob("*/*.ipynb"))
        if "FILL IN" in str(cells := nbformat.read(path, as_version=4).cells)
    }
    assert not waiting, "what `make exercise` made asks to be written over"


def test_the_first_exercise_of_a_new_notebook():
    assert new_exercise.scorecard_with("scorecard()", "it", 2) == "scorecard(it=2, it_choice=1)"
    assert new_exercise.counted_up("# A\n\nNo exercises for") == "# A\n\nOne exercise for"
    assert new_exercise.counted_up("One exercise for the") == "Two exercises for the"
