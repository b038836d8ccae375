"""What an author leaves behind is mended by `make render`, or a test says what is left."""

import re

import nbformat
import pytest
from conftest import ROOT

from tools import new_exercise, notebooks

LESSONS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))


def notebook_of(*cells):
    """A notebook; each cell is its kind, its id and its source."""
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    return nbformat.v4.new_notebook(
        cells=[made[kind](source, id=name) for kind, name, source in cells]
    )


def test_a_cell_that_an_editor_named_gets_a_slug_of_its_heading():
    notebook = notebook_of(
        ("code", "0f3a5b7c", "1"),
        ("markdown", "walk", "Text.\n\n## Walk *up* a hill, and η down"),
        ("code", "e4fbaa58", "# A comment\n1"),
        ("code", "walk-up-a-hill-and-down-2", "2"),
        ("markdown", "8d8f9e6a-0c1b-4d55-8a6f-1d2f3a4b5c6d", "More."),
    )
    notebooks.name_cells(notebook.cells)
    assert [cell.id for cell in notebook.cells] == [
        "cell-1",
        "walk",
        "walk-up-a-hill-and-down-1",
        "walk-up-a-hill-and-down-2",
        "walk-up-a-hill-and-down-3",
    ]
    nbformat.validate(notebook)


def test_render_leaves_nothing_of_an_editor_in_a_notebook(tmp_path, monkeypatch):
    """jupytext notes `lines_to_next_cell`, JupyterLab whether a cell is folded."""
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    notebook = notebook_of(("code", "e4fbaa58", "print(6 * 7)"))
    notebook.cells[0].metadata = {"lines_to_next_cell": 1, "jupyter": {}, "tags": ["a"]}
    path = tmp_path / "a.ipynb"
    nbformat.write(notebook, path)
    said, good = notebooks.render_one(path)
    assert good, said
    (cell,) = nbformat.read(path, as_version=4).cells
    assert cell.metadata == {"tags": ["a"]} and cell.id == "cell-1"
    assert cell.outputs[0].text == "42\n"
    before = path.read_bytes()
    notebooks.render_one(path)
    assert path.read_bytes() == before


def test_the_first_exercise_of_a_lesson_is_counted():
    assert new_exercise.scorecard_with("scorecard()", "slope", 2) == (
        "scorecard(slope=2, slope_choice=1)"
    )
    assert new_exercise.counted_up("# T\n\nNo exercises yet.") == "# T\n\nOne exercise yet."
    assert new_exercise.counted_up("One exercise.") == "Two exercises."


@pytest.mark.parametrize("at", range(len(LESSONS)), ids=[path.stem for path in LESSONS])
def test_previous_and_next_lead_to_the_neighbours(at):
    cells = nbformat.read(LESSONS[at], as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    around = [ROOT / "notebooks" / "start_here.ipynb", *LESSONS, None]
    found = re.findall(r"\b(Previous|Next)\b[^\[\n.]*\[[^\]]+\]\(([^)#\s]+\.ipynb)\)", prose)
    for word, link in found:
        neighbour = around[at] if word == "Previous" else around[at + 2]
        assert (LESSONS[at].parent / link).resolve() == neighbour, f"{word}: {link}"
    assert found or LESSONS[at] == LESSONS[-1]
