"""What holds for every notebook of the course."""

import json
import re

import nbformat
import pytest
from conftest import ROOT

from tools import notebooks

LESSONS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "solutions").rglob("*.ipynb"))
ALL = [p for p in LESSONS + SOLUTIONS if ".ipynb_checkpoints" not in p.parts]
each_notebook = pytest.mark.parametrize("path", ALL, ids=[p.relative_to(ROOT).as_posix() for p in ALL])
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=[p.relative_to(ROOT).as_posix() for p in LESSONS])


@each_notebook
def test_outputs_are_stored_and_carry_nothing_of_the_machine(path):
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1)), "run `make render`"
    assert notebook.metadata == notebooks.METADATA
    text = json.dumps([c.outputs for c in code])
    assert notebooks.WIDGET_VIEW not in text
    assert not re.search(r"/(home|root|Users|tmp)/\w", text)
    assert not [c.id for c in code for o in c.outputs if o.get("name") == "stderr"]
    assert not [c.id for c in notebook.cells if set(c.metadata) - {"tags", "nbgrader"}]


@each_notebook
def test_cell_ids_are_stable_slugs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", cell.id), cell.id


@each_notebook
def test_randomness_is_local(path):
    source = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    assert not re.search(r"np\.random\.(?!default_rng|Generator)", source)


@each_notebook
def test_local_links_lead_somewhere(path):
    prose = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if re.match(r"\w+:", link):
            continue
        target = (path.parent / link).resolve()
        in_work = ROOT / "work" in target.parents
        target = ROOT / "exercises" / target.relative_to(ROOT / "work") if in_work else target
        assert target.exists(), link


IN_PARTS = [path for path in LESSONS if path.name != "start_here.ipynb"]


@pytest.mark.parametrize("at", range(len(IN_PARTS)), ids=[path.stem for path in IN_PARTS])
def test_previous_and_next_lead_to_the_neighbours(at):
    cells = nbformat.read(IN_PARTS[at], as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    around = [ROOT / "notebooks" / "start_here.ipynb", *IN_PARTS, None]
    found = re.findall(r"\b(Previous|Next)\b[^\[\n.]*\[[^\]]+\]\(([^)#\s]+\.ipynb)\)", prose)
    for word, link in found:
        neighbour = around[at] if word == "Previous" else around[at + 2]
        assert (IN_PARTS[at].parent / link).resolve() == neighbour, f"{word}: {link}"
    assert found or IN_PARTS[at] == IN_PARTS[-1]


@each_notebook
def test_pictures_have_alternative_text(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(mime.startswith("image/") for mime in data):
                assert re.search(r"<img[^>]+alt=[\"'][^\"']{40,}", data.get("text/html", "")), cell.id


@each_lesson
def test_lesson_has_its_parts(path):
    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(c.source for c in cells if c.cell_type == "code")
    prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    for call in ("check_", "explore(", "quiz(", "show("):
        assert call in source, call
    if path.name != "start_here.ipynb":
        for part in ("predict", "in practice", "what if", "takeaways", "further reading", "/work/"):
            assert part in prose.lower(), part


EVERY_KIND_OF_OUTPUT = """
import matplotlib.pyplot as plt
from helpers import animate, check_close, contours, exercise, explore, quiz, scorecard, show
from downhill.surfaces import GALLERY
fig, ax = plt.subplots()
contours(ax, GALLERY["beale"])
show(fig, "A caption.", "Contours of Beale's surface.")
path = [[3, 2], [1, 1], [0, 0.5]]
explore(lambda rate: {"paths": [[[rate, 1], [2, rate]]]}, "It moves.", "A line.", rate=[0.1, 0.2])
animate({"a path": path}, "It runs.", "A path.", background=GALLERY["sphere"])
quiz("Which?", {"this": "Right so.", "that": "No."}, answer="A")
@exercise
def check_it(answer):
    check_close("it", answer(), 1)
check_it(lambda: 1)
scorecard(it=2)
"""


def test_rendering_changes_not_one_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = tmp_path / "all.ipynb"
    cell = nbformat.v4.new_code_cell(EVERY_KIND_OF_OUTPUT, id="all")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    contents = []
    for _ in range(2):
        line, done = notebooks.render_one(path)
        assert done, line
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    kinds = [sorted(o.get("data", [o.output_type])) for o in nbformat.read(path, as_version=4).cells[0].outputs]
    picture = ["image/png", "text/html", "text/plain"]
    assert kinds == [picture, picture, picture, picture[1:], ["stream"], picture[1:]]


def test_the_maps_agree_with_the_lessons():
    """Titles, minutes and numbers of exercises in the README, minutes on the first page, all parts listed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    row = r"\| [\d.]+ \| \[(.+?)\]\((notebooks/\S+?)\) \| .+? \| (\d+) \| \[(\d+)\]\((exercises/\S+?)\) \|"
    listed = {}
    for title, lesson, minutes, number, exercise in re.findall(row, readme):
        first = nbformat.read(ROOT / lesson, as_version=4).cells[0].source
        checks = notebooks.grade_cells(nbformat.read(ROOT / exercise, as_version=4))
        assert first.startswith(f"# {title}\n"), lesson
        assert f"About {minutes} minutes" in first, lesson
        assert int(number) == sum(not name.endswith("_choice") for name in checks), exercise
        listed[lesson.removeprefix("notebooks/")] = minutes
    lessons = {p.relative_to(ROOT / "notebooks").as_posix() for p in LESSONS} - {"start_here.ipynb"}
    assert set(listed) == lessons
    start = "\n".join(c.source for c in nbformat.read(ROOT / "notebooks/start_here.ipynb", as_version=4).cells)
    assert dict(re.findall(r"\]\((\d_\S+?)\) \| .+? \| (\d+) \|", start)) == listed


def test_rendering_takes_away_what_editors_add_and_names_new_cells(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = tmp_path / "new.ipynb"
    cells = [nbformat.v4.new_markdown_cell("## Fit a line, twice", id="0a1b2c3d"),
             nbformat.v4.new_code_cell("1", id="e4fbaa58", metadata={"lines_to_next_cell": 1, "tags": ["a"]}),
             nbformat.v4.new_code_cell("2", id="e4fbaa59"), nbformat.v4.new_code_cell("3", id="kept")]  # fmt: skip
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert notebooks.render_one(path)[1]
    made = nbformat.read(path, as_version=4).cells
    assert [c.id for c in made] == ["fit-a-line-twice-text", "fit-a-line-twice-code", "fit-a-line-twice-code-2", "kept"]
    assert [dict(c.metadata) for c in made] == [{}, {"tags": ["a"]}, {}, {}]
