"""Every exercise is proved from both sides: red on the stub, green on the solution, red on each mistake."""

import re

import nbformat
import pytest
from conftest import ROOT

import helpers
from tools import notebooks

SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
IDS = [path.relative_to(ROOT / "solutions").with_suffix("").as_posix() for path in SOLUTIONS]
each_solution = pytest.mark.parametrize("solution", SOLUTIONS, ids=IDS)

# Wrong answers that no exercise accepts, whatever it asks.
GENERIC_MISTAKES = {
    "nothing": "lambda *a, **k: None",
    "ellipsis": "lambda *a, **k: ...",
    "nan": "lambda *a, **k: float('nan')",
    "a text": "lambda *a, **k: 'forty-two'",
    "a function": "lambda *a, **k: print",
    "zero": "lambda *a, **k: 0.0",
    "an empty list": "lambda *a, **k: []",
    "its first argument": "lambda *a, **k: a[0] if a else None",
    "another error": "lambda *a, **k: undefined_name",
}


def exercise_of(solution):
    return ROOT / "exercises" / solution.relative_to(ROOT / "solutions")


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


def slugs(notebook):
    return [name.removeprefix("check_") for name in notebooks.grade_cells(notebook)]


def test_there_is_an_exercise_for_every_lesson():
    lessons = {p.relative_to(ROOT / "notebooks") for p in (ROOT / "notebooks").glob("*/*.ipynb")}
    assert lessons == {p.relative_to(ROOT / "solutions") for p in SOLUTIONS}


def test_exercises_are_in_step_with_the_solutions(tmp_path):
    notebooks.make_exercises(tmp_path)
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(ROOT / "exercises"): p.read_bytes() for p in (ROOT / "exercises").rglob("*.ipynb")
            if ".ipynb_checkpoints" not in p.parts}  # fmt: skip
    assert set(made) == set(kept), "a solution without its exercise, or an orphan: run `make exercises`"
    changed = [str(p) for p in made if made[p] != kept[p]]
    assert not changed, f"run `make exercises`: {changed}"


@each_solution
def test_exercise_holds_nothing_of_the_solution(solution):
    text = exercise_of(solution).read_text(encoding="utf-8")
    for trace in ("rejects(", "BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "solution-only"):
        if trace == "rejects(":
            assert trace not in text.replace("rejects, ", "")
        else:
            assert trace not in text
    for cell in nbformat.read(exercise_of(solution), as_version=4).cells:
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)


@each_solution
def test_stub_is_red(solution, run_notebook):
    notebook = run_notebook(exercise_of(solution))
    checks = notebooks.grade_cells(notebook)
    assert checks
    for name, cell in checks.items():
        (error,) = notebooks.errors(cell)
        assert error.ename == "AssertionError", f"{name} stops with {error.ename}: {error.evalue}"
        assert "not answered yet" in error.evalue, name
        assert "raises-exception" in cell.metadata.tags and cell.metadata.nbgrader.locked
    others = [c for c in notebook.cells if c.cell_type == "code" and c not in checks.values()]
    assert not [c.id for c in others if notebooks.errors(c)]
    assert f"0 of {sum(c.metadata.nbgrader.points for c in checks.values())} points" in str(others[-1].outputs)


@pytest.fixture
def solved(run_notebook):
    """Run a solution once: its cells, then one for each check with the generic wrong answers, then the checks
    that are released, and with them each cell that shows a mistake."""

    def run(solution):
        source = nbformat.read(solution, as_version=4)
        names = list(notebooks.grade_cells(source))
        generic = [
            f"""for wrong in [{", ".join(GENERIC_MISTAKES.values())}]:
    try:
        {name}(wrong)
    except Exception as error:
        print("RED", type(error).__name__)
    else:
        print("GREEN")"""
            for name in names
        ]
        released = notebooks.grade_cells(nbformat.read(exercise_of(solution), as_version=4))
        shown = [cell for cell in source.cells if "solution-only" in cell.metadata.get("tags", [])]
        mistakes = [cell.source for cell in shown if cell.cell_type == "code" and "rejects(" in cell.source]
        visible = [cell.source for cell in released.values()] + mistakes
        notebook = run_notebook(solution, *generic, *visible)
        at = len(source.cells), len(source.cells) + len(generic)
        return notebook, notebook.cells[: at[0]], notebook.cells[at[0] : at[1]], notebook.cells[at[1] :]

    return run


@each_solution
def test_solution_is_green_and_refuses_its_mistakes(solution, solved):
    notebook, cells, _, _ = solved(solution)
    checks = notebooks.grade_cells(notebook)
    for cell in cells:
        if cell.cell_type == "code":
            assert not notebooks.errors(cell), f"{cell.id}: {notebooks.errors(cell)[0].evalue}"
            assert not re.search(r"^FAIL", printed(cell), re.MULTILINE), cell.id
    for name, cell in checks.items():
        assert printed(cell).startswith("PASS"), name
        if not name.endswith("_choice"):
            mistakes = [c for c in cells if f"rejects({name}," in c.source]
            assert len(mistakes) >= 2, f"{name} shows fewer than two common mistakes"
            assert all("solution-only" in c.metadata.tags for c in mistakes)
            assert all(f"PASS - {name} refuses" in printed(c) for c in mistakes)
    full = sum(cell.metadata.nbgrader.points for cell in checks.values())
    assert f"{full} of {full} points" in str(cells[-1].outputs), "the scorecard differs from the cells' metadata"


@each_solution
def test_what_students_see_refuses_the_mistakes_too(solution, solved):
    """A student alone has only the released checks: without the hidden tests each mistake is refused as well."""
    visible = solved(solution)[3]
    assert sum("PASS - check_" in printed(cell) for cell in visible) >= 2
    for cell in visible:
        assert not notebooks.errors(cell), f"{cell.source[:200]}: {notebooks.errors(cell)[0].evalue}"


@each_solution
def test_generic_wrong_answers_are_red(solution, solved):
    notebook, _, generic, _ = solved(solution)
    for name, cell in zip(notebooks.grade_cells(notebook), generic, strict=True):
        assert printed(cell).count("RED") == len(GENERIC_MISTAKES), name
        assert "GREEN" not in printed(cell), name
        assert printed(cell).count("RED AssertionError") >= len(GENERIC_MISTAKES) - 2, f"{name}:\n{printed(cell)}"


@each_solution
def test_each_exercise_is_whole(solution):
    notebook = nbformat.read(solution, as_version=4)
    names = slugs(notebook)
    sources = [cell.source for cell in notebook.cells]
    assert any("### BEGIN HIDDEN TESTS" in s for s in sources)
    free = [c for c in notebook.cells if c.cell_type == "markdown" and c.metadata.get("nbgrader", {}).get("grade")]
    assert len(free) == 1 and free[0].metadata.nbgrader.solution, "one free-text question, with a model answer"
    for slug in names:
        if slug.endswith("_choice"):
            continue
        assert f"{slug}_choice" in names, f"{slug} has no choice question"
        at = next(i for i, c in enumerate(notebook.cells) if c.id == f"answer_{slug}")
        before = "".join(s for s in sources[:at][-3:])
        assert before.count("<details>") >= 2, f"{slug} lacks its two hints"
        assert re.search(r"★", before), f"{slug} has no stars"
        stars = len(re.findall(r"★+", before)[-1])
        assert notebooks.grade_cells(notebook)[f"check_{slug}"].metadata.nbgrader.points == stars


@each_solution
def test_exactly_one_of_the_letters_offered_passes(solution):
    cells = nbformat.read(solution, as_version=4).cells
    for at, cell in enumerate(cells):
        if re.fullmatch(r"check_\w+_choice", cell.id):
            ((name, key),) = re.findall(r'check_choice\("([^"]+)", answer\(\), "(\w+)"\)', cell.source)
            offered = re.findall(r"^- ([A-Z])\. ", cells[at - 2].source, re.MULTILINE)
            assert len(offered) >= 3, cell.id
            assert sum(helpers.choice_key(name, letter) == key for letter in offered) == 1, cell.id
