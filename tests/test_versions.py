"""A correction reaches students who have begun: the release goes around their answers, and nothing
is lost.
"""

import copy
import json

import pytest
from conftest import ROOT

from tools import relink, versions
from tools.cells import fingerprint

PART, NAME = "1_landscape", "1_surfaces"


@pytest.fixture
def old():
    """The exercise as it was handed out."""
    return versions.read(ROOT / "exercises" / PART / f"{NAME}.ipynb")


def cell(notebook, name):
    return next(c for c in notebook["cells"] if c.get("id") == name)


def ids(notebook):
    return [c["id"] for c in notebook["cells"]]


def own(source, kind="code"):
    made = {"cell_type": kind, "id": f"mine-{len(source)}", "metadata": {}, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def answered(old):
    """What a student has after some work: answers, a text, two cells of their own, one cell moved."""
    mine = copy.deepcopy(old)
    cell(mine, "answer_violated_fraction")["source"] = [
        "def violated_fraction(f, a, b, t):\n",
        "    return 0.5\n",
    ]
    cell(mine, "free_convex_picture")["source"] = "It shows a plane.\r\nNo more."
    at = ids(mine).index("check_violated_fraction")
    mine["cells"].insert(at, own("print('try')"))
    mine["cells"].insert(at + 2, own("My notes", "markdown"))
    return mine


def corrected(old, *names, extra=False):
    """A later release: some cells changed, and perhaps an exercise more."""
    new = copy.deepcopy(old)
    for name in names:
        new_cell = cell(new, name)
        new_cell["source"] = relink.source_of(new_cell) + "\n#Corrected."
    if extra:
        at = ids(new).index("make-a-surface-of-your-own")
        task = {
            "cell_type": "markdown",
            "id": "task-new",
            "metadata": {},
            "source": "## ★ Something new",
        }
        answer = copy.deepcopy(cell(old, "answer_violated_fraction")) | {"id": "answer_new"}
        answer |= {"source": "def something_new():\n    ..."}
        check = copy.deepcopy(cell(old, "check_violated_fraction")) | {"id": "check_new"}
        check["source"] = "@exercise\ndef check_new(answer):\n    check_true('new', answer())"
        for one in (answer, check):
            one["metadata"] = {"nbgrader": one["metadata"]["nbgrader"] | {"grade_id": one["id"]}}
        new["cells"][at:at] = [task, answer, check]
    return new


def history(*releases):
    """The history after releases on the first, second, ... of October."""
    known = {}
    for day, release in enumerate(releases, 1):
        versions.note(known, release, f"2026-10-{day:02}")
    return {name: [tuple(v) for v in found] for name, found in known.items()}


def test_the_history_is_in_step_with_the_exercises():
    paths = sorted((ROOT / "exercises").glob("*/*.ipynb"))
    assert {f"{p.parent.name}/{p.stem}" for p in paths} == set(versions.load())
    for path in paths:
        notebook, known = versions.read(path), versions.released(path.parent.name, path.stem)
        assert not versions.changes(notebook, notebook, known)
        for c in notebook["cells"]:
            if versions.is_answer(c):
                assert c["id"] not in known
            else:
                marks = [mark for mark, _ in known[c["id"]]]
                dates = [date for _, date in known[c["id"]]]
                assert dates == sorted(dates) and len(set(marks)) == len(marks), (
                    "run `make exercises`"
                )
                source = relink.source_of(c)
                assert (
                    fingerprint(source if c["cell_type"] == "code" else relink.plain(source))
                    in marks
                ), f"{path.name}, {c['id']}: run `make exercises`"


def test_a_history_grows_with_what_is_new_alone(tmp_path, old):
    folder = tmp_path / "exercises"
    (folder / PART).mkdir(parents=True)
    path = folder / PART / f"{NAME}.ipynb"
    path.write_text(json.dumps(old))
    versions.record(folder, "2026-10-01")
    first = (folder / versions.NAME).read_bytes()
    versions.record(folder, "2026-10-02")
    assert (folder / versions.NAME).read_bytes() == first
    path.write_text(json.dumps(corrected(old, "check_my_surface")))
    versions.record(folder, "2026-10-03")
    known = versions.released(PART, NAME, tmp_path)
    assert [date for _, date in known["check_my_surface"]] == ["2026-10-01", "2026-10-03"]
    assert [date for _, date in known["imports"]] == ["2026-10-01"]
    assert (
        versions.released(PART, "nothing", tmp_path)
        == versions.released(PART, NAME, tmp_path / "no")
        == {}
    )


def test_a_student_who_has_only_worked_is_told_nothing(old):
    assert versions.changes(answered(old), old, history(old)) == []
    mine = answered(old)
    cell(mine, "imports")["source"] = "import numpy as np  # mine"
    cell(mine, "check_my_surface")["source"] = "pass"
    mine["cells"] = [c for c in mine["cells"] if c["id"] != "check_central_difference"]
    assert versions.changes(mine, old, history(old)) == []
    now = corrected(
        old, "imports", "check_my_surface"
    )  # the student has the newest release, and has changed it
    now_mine = answered(now)
    cell(now_mine, "check_my_surface")["source"] = "pass"
    assert versions.changes(now_mine, now, history(old, now)) == []


def test_a_revision_is_named_by_its_heading(old):
    new = corrected(old, "check_violated_fraction", "make-a-surface-of-your-own", extra=True)
    said = [(c.kind, c.what) for c in versions.changes(answered(old), new, history(old, new))]
    assert said == [
        ("revised", 'the check of "Test chords for convexity"'),
        ("new", 'the text of "Something new"'),
        ("new", 'the answer cell of "Something new"'),
        ("new", 'the check of "Something new"'),
        ("revised", 'the text of "Make a surface of your own"'),
    ]


def test_an_update_goes_around_the_answers(old):
    mine, new = answered(old), corrected(old, "check_violated_fraction", "imports", extra=True)
    before = copy.deepcopy(mine)
    done = versions.updated(mine, new, history(old, new))
    assert mine == before, "the student's notebook is not changed in place"
    kept = [c for c in before["cells"] if versions.is_answer(c) or c["id"].startswith("mine-")]
    assert [c for c in done["cells"] if c in kept] == kept
    for name in ("check_violated_fraction", "imports", "task-new", "answer_new", "check_new"):
        assert cell(done, name)["source"] == cell(new, name)["source"]
    order = ids(done)
    assert [name for name in order if not name.startswith("mine-")] == ids(new)
    at = order.index("check_violated_fraction")
    assert [order[at - 1], order[at + 1]] == ["mine-12", "mine-8"], "own cells stay where they are"
    assert versions.changes(done, new, history(old, new)) == []
    assert versions.updated(done, new, history(old, new)) == done


def test_an_update_keeps_the_students_order(old):
    mine = answered(old)
    mine["cells"].append(mine["cells"].pop(ids(mine).index("answer_my_surface")))
    new = corrected(old, "check_my_surface")
    assert ids(versions.updated(mine, new, history(old, new))) == ids(mine)


def test_given_cells_that_a_student_has_changed_are_kept_beside_the_new_ones(old):
    mine, new = (
        answered(old),
        corrected(old, "imports", "check_my_surface", "check_central_difference"),
    )
    cell(mine, "imports")["source"] = "import numpy as np\nfrom math import pi"
    cell(mine, "check_my_surface")["source"] = (
        "@exercise\ndef check_my_surface(answer):\n    print('easier')"
    )
    # an answer written into the check's cell, as after a merge of two cells
    merged = cell(mine, "check_central_difference")
    merged["source"] = "def central_difference(f, x, h=None):\n    return 1\n\n" + relink.source_of(
        merged
    )
    mine["cells"] = [c for c in mine["cells"] if c["id"] != "answer_central_difference"]
    done = versions.updated(mine, new, history(old, new))
    sources = [relink.source_of(c) for c in done["cells"]]
    assert len(set(ids(done))) == len(done["cells"])
    at = ids(done).index("imports")
    assert (
        "#Corrected." in sources[at]
        and sources[at + 1] == "import numpy as np\nfrom math import pi"
    )
    assert not any("easier" in source for source in sources), "two checks of one name would run"
    at = sources.index(relink.source_of(merged))
    assert ids(done)[at + 1] == "check_central_difference" and "#Corrected." in sources[at + 1]
    assert sum("def central_difference(" in source for source in sources) == 1, (
        "no stub over an answer"
    )


def test_a_cell_that_is_gone_from_the_release_goes_unless_it_was_changed(old):
    new = copy.deepcopy(old)
    gone = ("check_my_surface_choice", "make-a-surface-of-your-own-text")
    new["cells"] = [c for c in new["cells"] if c["id"] not in gone]
    mine = answered(old)
    cell(mine, "make-a-surface-of-your-own-text")["source"] = "my own words here"
    kinds = [c.kind for c in versions.changes(mine, new, history(old, new))]
    assert kinds == ["removed", "removed"]
    done = versions.updated(mine, new, history(old, new))
    assert "check_my_surface_choice" not in ids(done)
    assert "my own words here" in [c["source"] for c in done["cells"]]


@pytest.mark.parametrize("kept", ["grade_id", "nothing"])
def test_a_notebook_that_has_lost_its_ids_is_updated(old, kept):
    """Colab gives cells ids of its own; older tools leave them out."""
    mine, new = answered(old), corrected(old, "check_violated_fraction")
    for number, c in enumerate(mine["cells"]):
        del c["id"]
        if kept == "nothing":
            c["metadata"] = {"id": f"colab{number}"}
    mine["nbformat_minor"] = 0
    done = versions.updated(mine, new, history(old, new))
    sources = [relink.source_of(c) for c in done["cells"]]
    assert done["nbformat_minor"] == 5 and len(set(ids(done))) == len(sources)
    assert sum("def violated_fraction(" in source for source in sources) == 1
    assert "It shows a plane.\r\nNo more." in sources
    assert sum("def check_violated_fraction(" in source for source in sources) == 1
    assert "#Corrected." in sources[ids(done).index("check_violated_fraction")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"cells": 3}',
        '{"cells": [3]}',
        '{"cells": [{"cell_type": 1}]}',
        "\x00",
        '{"worksheets": []}',
        '{"cells": [{"cell_type": "code", "source": [1]}]}',
        "[" * 100_000,
        '{"cells": [{"cell_type": "code", "id": [1], "source": ""}]}',
    ],
    ids=range(10),
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(versions.NotebookError, match="x.ipynb is not a notebook that can be read"):
        versions.read(tmp_path / "x.ipynb")


# -- links -----------------------------------------------------------------------------------


def test_links_fit_what_is_there():
    text = "[a](2_b.ipynb), [next](../2_c/1_d.ipynb#e), ![p](x.png), [site](https://a.org), [here](#f), "
    text += "[w](../../work/1_p/1_a.ipynb)"
    there = {"notebooks/1_p/2_b.ipynb"}.__contains__
    assert relink.fit(text, "notebooks/1_p/1_a.ipynb", there) == (
        "[a](2_b.ipynb), next (in part 2), p, [site](https://a.org), [here](#f), w"
    )


def test_a_link_comes_back_when_its_lesson_does_unless_the_text_was_changed():
    def notebook(*texts):
        return {
            "cells": [{"cell_type": "markdown", "metadata": {}, "source": text} for text in texts]
        }

    page, link = "notebooks/1_p/1_a.ipynb", "See [next](../2_c/1_d.ipynb).\nMore."
    one = notebook(link, "no link", link)
    assert relink.fit_notebook(one, page, lambda name: False, first=True)
    assert [relink.source_of(c) for c in one["cells"]] == [
        "See next (in part 2).\nMore.",
        "no link",
    ] + ["See next (in part 2).\nMore."]
    one["cells"][2]["source"] = "See next (in part 2). Mine."
    assert relink.fit_notebook(one, page, lambda name: True)
    assert [relink.source_of(c) for c in one["cells"]] == [
        link,
        "no link",
        "See next (in part 2). Mine.",
    ]
    assert not relink.fit_notebook(one, page, lambda name: True)
    checkout = notebook(link)
    assert not relink.fit_notebook(checkout, page, lambda name: False), (
        "a checkout's own lessons stay as they are"
    )
