"""Make the cells of a new exercise in a notebook of solutions, before its free-text question.

usage: new_exercise.py SLUG PART/NAME STARS TITLE
such as  my_slug 1_landscape/1_surfaces 2 "Find the slope"

The cells are a whole exercise that works: it asks for the mean of some numbers. Where FILL IN
stands, yours takes its place; `make test` names what is left. Nothing is written unless all of it
can be.
"""

import ast
import builtins
import keyword
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import choice_key  # noqa: E402

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
LETTER = "B"  # the right choice of the cells that are made

TASK = """## {stars} {title}

FILL IN: the task. Say what goes in, what comes out, and which convention holds where there are two.

<details><summary>Hint</summary>FILL IN: one line.</details>
<details><summary>A longer hint</summary>

FILL IN: the way, without the code.

</details>"""

ANSWER = '''def {slug}(x):
    """FILL IN: what it returns.

    Parameters
    ----------
    x : ndarray, (n,)
        FILL IN.

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    return np.mean(x)
    ### END SOLUTION'''

CHECK = """@exercise
def check_{slug}(answer):
    x = np.array([0.5, -1.25, 4.0])
    check_close("FILL IN: three numbers", answer(x), 13 / 12)
    check_close("the same, a hundred times as large", answer(100 * x), 1300 / 12)
    ### BEGIN HIDDEN TESTS
    x = np.random.default_rng(1).normal(size=50)
    check_close("fifty numbers", answer(x), x.sum() / 50)
    ### END HIDDEN TESTS


check_{slug}({slug})"""

CHOICE = """**What does it mean?** FILL IN: a question about the term, or about what one would log in a real run.

- A. FILL IN: wrong, for a reason.
- B. FILL IN: the right one.
- C. FILL IN: wrong, for another reason."""

CHOICE_ANSWER = '''def choice_{slug}():
    """Return your letter, such as "A"."""
    ### BEGIN SOLUTION
    return "{letter}"
    ### END SOLUTION'''

CHOICE_CHECK = """@exercise
def check_{slug}_choice(answer):
    check_choice("{words} choice", answer(), "{key}")


check_{slug}_choice(choice_{slug})"""

WHY = """**Why it works.** FILL IN.

**The choice.** {letter}. FILL IN: why it is right, and why each of the others is wrong."""

MISTAKE = "**Common mistake: {mistake}.** FILL IN: why a person would do it."

MISTAKEN = """def mistake_{slug}_{name}(x):
    return {wrong}


rejects(check_{slug}, mistake_{slug}_{name})"""


class BadWords(Exception):
    """What was typed makes no exercise; the message says why."""


def new_cells(slug: str, stars: int, title: str) -> list[NotebookNode]:
    """Return the cells of an exercise that works and has FILL IN where an author writes.

    Parameters
    ----------
    slug : str
    stars : int
    title : str

    Returns
    -------
    list of notebook cells
    """
    words, name = slug.replace("_", " "), slug.replace("_", "-")
    with_slug = {
        "slug": slug,
        "words": words,
        "letter": LETTER,
        "key": choice_key(f"{words} choice", LETTER),
    }
    only = {"tags": ["solution-only"]}
    mistakes = [
        ("the sum instead of the mean", "sum", "np.sum(x)"),
        ("the median", "median", "np.median(x)"),
    ]
    cells = [
        _cell("markdown", name, TASK.format(stars="★" * stars, title=title)),
        _answer(slug, ANSWER.format(**with_slug)),
        _check(slug, CHECK.format(**with_slug), stars),
        _cell("markdown", f"{name}-choice", CHOICE),
        _answer(f"{slug}_choice", CHOICE_ANSWER.format(**with_slug)),
        _check(f"{slug}_choice", CHOICE_CHECK.format(**with_slug), 1),
        _cell("markdown", f"{name}-why", WHY.format(**with_slug), only),
    ]
    for number, (mistake, called, wrong) in enumerate(mistakes, 1):
        shown = MISTAKEN.format(slug=slug, name=called, wrong=wrong)
        cells.append(
            _cell("markdown", f"{name}-mistake-{number}", MISTAKE.format(mistake=mistake), only)
        )
        cells.append(_cell("code", f"{name}-mistake-{number}-code", shown, only))
    return cells


def _cell(
    kind: str, cell_id: str, source: str, metadata: dict[str, Any] | None = None
) -> NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    return make(source, id=cell_id, metadata=metadata or {})


def _answer(slug: str, source: str) -> NotebookNode:
    return _cell(
        "code", f"answer_{slug}", source, {"nbgrader": _nbgrader(f"answer_{slug}", solution=True)}
    )


def _check(slug: str, source: str, points: int) -> NotebookNode:
    marks = _nbgrader(f"check_{slug}", grade=True, locked=True, points=points)
    return _cell("code", f"check_{slug}", source, {"nbgrader": marks, "tags": ["raises-exception"]})


def _nbgrader(grade_id: str, **changes: Any) -> dict[str, Any]:
    plain = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return {"grade_id": grade_id, **plain, **changes}


def scorecard_with(source: str, slug: str, points: int) -> str:
    """Return a scorecard's call with an exercise and its choice question at its end.

    Parameters
    ----------
    source : str
        A cell that is one call of ``scorecard`` with keywords.
    slug : str
    points : int

    Returns
    -------
    str

    Raises
    ------
    BadWords
        If it is something else.
    """
    try:
        parsed: Any = ast.parse(source)
        (statement,) = parsed.body
        call = statement.value
        called = call.func.id
        last = call.keywords[-1].value if call.keywords else None
    except (SyntaxError, ValueError, AttributeError, IndexError):
        called = ""
    if called != "scorecard":
        raise BadWords(
            "Its last cell is no call such as scorecard(a=1, a_choice=1): mend that first."
        )
    lines, more = source.split("\n"), f"{slug}={points}, {slug}_choice=1"
    if last is None:
        return f"scorecard({more})"
    line, at = (
        lines[last.end_lineno - 1],
        len(lines[last.end_lineno - 1].encode()[: last.end_col_offset].decode()),
    )
    indent = line[: len(line) - len(line.lstrip(" "))] or " " * len("scorecard(")
    between = ", " if len(line) + len(more) + 2 <= 120 else f",\n{indent}"
    lines[last.end_lineno - 1] = line[:at] + between + more + line[at:]
    return "\n".join(lines)


def counted_up(source: str) -> str:
    """Return a notebook's first cell with one exercise more, if a word in it counts them."""

    def next_number(found: re.Match[str]) -> str:
        number = NUMBERS[NUMBERS.index(found[1]) + 1]
        return f"{number} exercise{'s' if number != 'One' else ''}"

    return re.sub(
        rf"^({'|'.join(NUMBERS[:-1])}) exercises?\b",
        next_number,
        source,
        count=1,
        flags=re.MULTILINE,
    )


def require(
    slug: str, stars: str, title: str, notebook: NotebookNode, others: dict[str, str]
) -> None:
    """Raise BadWords, with all that is wrong, unless the words make an exercise of this notebook.

    Parameters
    ----------
    slug, stars, title : str
        As typed.
    notebook : NotebookNode
        The solution that the exercise shall go into.
    others : dict
        From the slugs of the course's exercises to the notebooks that hold them.
    """
    wrong = []
    if (
        not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", slug)
        or keyword.iskeyword(slug)
        or slug.endswith(("_", "_choice"))
    ):
        wrong.append(
            f"SLUG={slug} must be the name of a function: 2 to 40 small letters, digits and _, a "
            f"letter "
            "first, such as my_slug; not a word of Python, and without _choice at its end."
        )
    elif slug in others:
        wrong.append(f"SLUG={slug} is taken by an exercise of {others[slug]}: choose another one.")
    elif slug in taken_names(notebook):
        wrong.append(
            f"SLUG={slug} means something else in this notebook or in Python: choose another one."
        )
    if stars not in ("1", "2", "3"):
        wrong.append(
            f"STARS={stars} must be 1 (direct), 2 (needs a thought) or 3 (puts several ideas "
            f"together)."
        )
    headings = [
        plain
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for plain in re.findall(r"^##+ (?:★+ )?(.+)$", cell.source, re.MULTILINE)
    ]
    if not title.strip() or "\n" in title or title.strip().startswith(("#", "★")):
        wrong.append('TITLE="…" must be one line, without # and stars: it becomes the heading.')
    elif title.strip() in headings:
        wrong.append(
            f"TITLE={title.strip()} is a heading of this notebook already: choose another one."
        )
    if wrong:
        raise BadWords("\n".join(wrong))


def taken_names(notebook: NotebookNode) -> set[str]:
    """Return the names and the cell ids that an exercise of this notebook must leave alone."""
    taken = set(dir(builtins)) | {cell.id.replace("-", "_") for cell in notebook.cells}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Name):
                    taken.add(node.id)
                elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                    taken.add(node.name)
                elif isinstance(node, ast.alias):
                    taken.add((node.asname or node.name).partition(".")[0])
    return taken


def place(notebook: NotebookNode) -> int:
    """Return where a new exercise goes: before the free-text question and its heading."""
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade"):
            return at - 1 if at and notebook.cells[at - 1].cell_type == "markdown" else at
    raise BadWords(
        "It has no free-text question, before which the exercise would go: write that first."
    )


def slugs_of(root: Path) -> dict[str, str]:
    """Return the course's slugs with their notebooks, such as ``1_landscape/1_surfaces``."""
    return {
        cell.id.removeprefix("answer_"): path.relative_to(root / "solutions")
        .with_suffix("")
        .as_posix()
        for path in sorted((root / "solutions").glob("*/*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.id.startswith("answer_")
    }


def add_exercise(slug: str, name: str, stars: str, title: str, root: Path = ROOT) -> Path:
    """Write a new exercise into ``solutions/PART/NAME.ipynb``; return the notebook's path.

    Parameters
    ----------
    slug, name, stars, title : str
        As typed; ``name`` is ``PART/NAME``, with or without ``solutions/`` and ``.ipynb``.
    root : Path
        The course's folder.

    Raises
    ------
    BadWords
        If the words make no exercise. Nothing was written.
    """
    known = {
        path.relative_to(root / "solutions").with_suffix("").as_posix(): path
        for path in sorted((root / "solutions").glob("*/*.ipynb"))
    }
    name = name.replace("\\", "/").removeprefix("solutions/").removesuffix(".ipynb")
    if name not in known:
        raise BadWords(f"NOTEBOOK={name} is none of solutions/. There are: {', '.join(known)}.")
    path = known[name]
    notebook = nbformat.read(path, as_version=4)
    require(slug, stars, title, notebook, slugs_of(root))
    at, points = place(notebook), int(stars)
    notebook.cells[-1].source = scorecard_with(notebook.cells[-1].source, slug, points)
    notebook.cells[0].source = counted_up(notebook.cells[0].source)
    notebook.cells[at:at] = new_cells(slug, points, title.strip())
    draft = path.with_name(f".{path.name}.draft")
    nbformat.write(notebook, draft)
    os.replace(draft, path)
    return path


def main(words: list[str]) -> int:
    if len(words) != 4:
        print(__doc__)
        return 2
    try:
        slug, name, stars, title = words
        path = add_exercise(slug, name, stars, title).relative_to(ROOT).as_posix()
    except BadWords as error:
        print(
            f"{error}\nNothing was written. It goes so: make exercise SLUG=my_slug "
            f"NOTEBOOK=1_landscape/1_surfaces "
            'STARS=2 TITLE="Find the slope"',
            file=sys.stderr,
        )
        return 2
    print(
        f"The cells are in {path}, before the free-text question. Write over each FILL IN, and "
        f"over the mean.\n"
        f"Then: make render NOTEBOOKS={path}, make exercises, make test. CONTRIBUTING.md, Add an "
        f"exercise, has each "
        "step."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
