"""A class whose marks are known: answers are right, right in another way, wrong in a listed way, or
open.

The answers come from the course's solutions, so a new exercise joins the class by itself.
"""

import ast
import copy
import functools
import json
from dataclasses import dataclass

import numpy as np

from grading import ROOT, selftest
from grading.classroom.sheets import load_part
from tools.cells import without_checks


@dataclass(frozen=True)
class Exercise:
    """An exercise, and what its solution shows: the name asked for, other right ways, mistakes, the
    code they need.
    """

    slug: str
    asked: str
    ways: tuple
    mistakes: tuple
    code: str


@dataclass(frozen=True)
class Student:
    """One who hands in: a name, the notebooks as bytes by file name, and the points deserved by
    (notebook, slug).
    """

    name: str
    files: dict
    truth: dict


@functools.cache
def released(part, name, folder="solutions"):
    """Return a notebook as a student holds it, as a dict with whole sources."""
    notebook = json.loads(selftest.released(ROOT / folder / part / f"{name}.ipynb"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return notebook


@functools.cache
def exercises(part, name):
    """Return the exercises of a notebook that ask for a function, with what its solution shows
    about each.
    """
    cells = json.loads((ROOT / "solutions" / part / f"{name}.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    found, shown = {}, {}
    for cell in cells:
        if cell["id"].startswith("answer_") and not cell["id"].endswith("_choice"):
            slug = cell["id"].removeprefix("answer_")
            tree = ast.parse("".join(cell["source"]))
            found[slug] = next(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
        elif cell["id"].startswith("check_") and not cell["id"].endswith("_choice"):
            aids = without_checks("".join(cell["source"]))  # a mistake may be one of them
            shown.setdefault(slug, []).extend(ast.parse(aids).body)
        elif (
            cell["cell_type"] == "code"
            and found
            and "solution-only" in cell["metadata"].get("tags", [])
        ):
            shown.setdefault(slug, []).extend(ast.parse("".join(cell["source"])).body)
    return tuple(_exercise(slug, asked, shown.get(slug, [])) for slug, asked in found.items())


def _exercise(slug, asked, statements):
    ways, mistakes, code = [], [], []
    for node in statements:
        mentions = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if isinstance(node, ast.For) and "rejects" in mentions:
            mistakes += [ast.unparse(item) for item in node.iter.elts]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            if called == "rejects":
                mistakes.append(ast.unparse(node.value.args[1]))
            elif called == f"check_{slug}":
                ways.append(ast.unparse(node.value.args[0]))
        elif isinstance(node, ast.FunctionDef | ast.Assign | ast.Import | ast.ImportFrom):
            code.append(node)
    code = ast.Module(code, [])
    for node in ast.walk(code):
        if isinstance(node, ast.Name) and node.id == asked:
            node.id = f"right_{asked}"
    return Exercise(slug, asked, tuple(ways), tuple(mistakes), ast.unparse(code))


def answered(part, name, choose):
    """Return a notebook in which each exercise is answered as ``choose(exercise)`` says, and the
    points it deserves.

    It says "right", "open", or a pair of "way" or "mistake" and its number.
    """
    notebook, truth = copy.deepcopy(released(part, name)), {}
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    stubs = {cell["id"]: cell["source"] for cell in released(part, name, "exercises")["cells"]}
    sheet = next(sheet for sheet in load_part(part) if sheet.name == name)
    deserved = {exercise.slug: exercise.points for exercise in sheet.exercises}
    for exercise in exercises(part, name):
        how, cell = choose(exercise), cells[f"answer_{exercise.slug}"]
        if how == "open":
            for slug in (exercise.slug, f"{exercise.slug}_choice"):
                cells[f"answer_{slug}"]["source"] = stubs[f"answer_{slug}"]
                deserved[slug] = 0
        elif how != "right":
            kind, number = how
            other = (exercise.ways if kind == "way" else exercise.mistakes)[number]
            cell["source"] += (
                f"\n\nright_{exercise.asked} = "
                f"{exercise.asked}\n{exercise.code}\n{exercise.asked} = {other}"
            )
            if kind == "mistake":
                deserved[exercise.slug] = 0
    truth.update({(name, slug): points for slug, points in deserved.items()})
    return notebook, truth


@functools.cache
def worth(part, name, *slugs):
    """Return the points of a notebook's checks, or of those named, as its sheet says: no test holds
    a number.
    """
    sheet = next(sheet for sheet in load_part(part) if sheet.name == name)
    return sum(
        exercise.points for exercise in sheet.exercises if not slugs or exercise.slug in slugs
    )


def code_cell(source, cell_id):
    """Return a code cell that a student has added."""
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def noisy(notebook):
    """Add prints, warnings, what goes to stderr, a figure and an error beside the answers."""
    source = (
        "import sys, warnings\nprint('x' * 5000)\nwarnings.warn('loud')\nprint('too loud', "
        "file=sys.stderr)\n"
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n1 / 0"
    )
    notebook["cells"].insert(3, code_cell(source, "noise"))


def slow(notebook):
    """Let the notebook wait a while before its answers."""
    notebook["cells"].insert(3, code_cell("import time\ntime.sleep(2)", "wait"))


def resaved(notebook):
    """Save the notebook with a tool that drops ids and metadata of its own, and move a cell."""
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"] = {"nbgrader": cell["metadata"]["nbgrader"]}
        del cell["id"]
    notebook["nbformat_minor"] = 4


def never_ends(notebook):
    """Add a cell that never ends."""
    notebook["cells"].insert(3, code_cell("while True:\n    pass", "loop"))


CHANGES = {"noisy": noisy, "slow": slow, "resaved": resaved, "never_ends": never_ends}


def make_class(part, mixed, seed, changes=CHANGES):
    """Return the students of a part.

    Parameters
    ----------
    part : str
    mixed : int
        Students whose answers are drawn: half right, a tenth right in another way, a quarter wrong,
        the rest open.
    seed : int
    changes : dict
        Of solved notebooks, one a student.

    Returns
    -------
    list of Student
        Each listed mistake and each other way is somebody's answer: one student has all first ones,
        one all second ones, and so on; one has everything right; one left all open.
    """
    rng = np.random.default_rng(seed)
    names = [sheet.name for sheet in load_part(part)]
    every = [exercise for name in names for exercise in exercises(part, name)]
    students = []

    def add(title, choose, change=None):
        files, truth = {}, {}
        for name in names:
            notebook, deserved = answered(part, name, choose)
            if change:
                change(notebook)
            files[f"{name}.ipynb"] = json.dumps(notebook).encode()
            truth |= deserved
        students.append(Student(title, files, truth))

    def drawn(exercise):
        kind = rng.choice(["right", "way", "mistake", "open"], p=[0.5, 0.1, 0.25, 0.15])
        count = {"way": len(exercise.ways), "mistake": len(exercise.mistakes)}.get(kind, 0)
        return (
            (str(kind), int(rng.integers(count)))
            if count
            else "open"
            if kind == "open"
            else "right"
        )

    add("all_right", lambda e: "right")
    add("all_open", lambda e: "open")
    for kind in ("way", "mistake"):
        for number in range(max(len(getattr(e, f"{kind}s")) for e in every)):
            choose = lambda e, kind, number: (
                (kind, number) if number < len(getattr(e, f"{kind}s")) else "right"
            )
            add(f"{kind}_{number}", functools.partial(choose, kind=kind, number=number))
    for title, change in changes.items():
        add(title, lambda e: "right", change)
    for number in range(mixed):
        add(f"mixed_{number}", drawn)
    return students


def hand_in(students, folder, part):
    """Write a class as nbgrader collects it; return the folder."""
    for student in students:
        where = folder / student.name / part
        where.mkdir(parents=True)
        for name, data in student.files.items():
            (where / name).write_bytes(data)
    return folder
