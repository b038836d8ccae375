"""Who handed in what: listings as platforms, students and computers make them, and whose each file
is.
"""

import io
import json
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest
from conftest import ROOT

from grading import GradingError
from grading.__main__ import main
from grading.classroom.sheets import load_part
from grading.classroom.submissions import (
    Handed,
    Submission,
    choose,
    find,
    known_notebooks,
    match,
    survey,
)
from grading.classroom.submissions import remarks as remarks_on
from tools.cells import NotebookError, read_cells

PART, NAME = "1_landscape", "1_surfaces"


def notebook(mark="", name="answer_violated_fraction"):
    """Return a small notebook that answers 1_surfaces; another mark makes other bytes."""
    cell = {"cell_type": "code", "id": name, "metadata": {}, "source": f"# {mark}", "outputs": []}
    return json.dumps(
        {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def content(path):
    """Return what a file of a listing holds: a notebook unless its name says otherwise."""
    low = path.lower()
    if low.endswith("/"):
        return None
    if ".ipynb" in low and not low.endswith((".html", ".pdf", ".py")):
        return notebook(path)
    return b"text of " + path.encode()


def on_disk(folder, listing):
    """Write a listing, {path: bytes or None} or paths alone; a path that ends with / is an empty
    folder.
    """
    listing = listing if isinstance(listing, dict) else {path: content(path) for path in listing}
    for path, data in listing.items():
        target = folder / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return folder


def zipped(listing, **info):
    """Return a zip's bytes."""
    listing = listing if isinstance(listing, dict) else {path: content(path) for path in listing}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, data in listing.items():
            member = zipfile.ZipInfo(path)
            for name, value in info.items():
                setattr(member, name, value)
            archive.writestr(member, data or b"")
    return file.getvalue()


def remarks(submission, missing=()):
    """Return all that is said of a submission before it is graded."""
    return [*submission.notes, *remarks_on(submission, missing, [])]


def who(where, **options):
    """Return {id: (name, labels of notebooks, labels of others)}."""
    return {
        s.id: (s.student, [h.label for h in s.files], [h.label for h in s.others])
        for s in find(where, PART, **options)
    }


def names(where, **options):
    """Return {id: labels of notebooks}."""
    return {each: files for each, (_, files, _) in who(where, **options).items()}


ONE, TWO = [f"{NAME}.ipynb"], [f"{NAME}.ipynb", "2_curvature.ipynb"]

# title: (layout, paths, {id: labels})
LISTINGS = {
    "moodle, folders with a trailing _": (
        "moodle",
        [
            f"Ada L_1234_assignsubmission_file_/{NAME}.ipynb",
            "Bob_99_assignsubmission_file_/x.ipynb",
        ],
        {"1234": ONE, "99": ["x.ipynb"]},
    ),
    "moodle, folders, the students' own folders in them": (
        "moodle",
        [
            f"Ada_1_assignsubmission_file/work/{PART}/{NAME}.ipynb",
            "Ada_1_assignsubmission_file/2_curvature.ipynb",
        ],
        {"1": ["2_curvature.ipynb", f"{NAME}.ipynb"]},
    ),
    "moodle without folders": (
        "moodle",
        [
            f"Ada L_12_assignsubmission_file_{NAME}.ipynb",
            "Ada L_12_assignsubmission_file_2_curvature.ipynb",
            "Bob_9_assignsubmission_file_my_work.ipynb",
        ],
        {"12": TWO, "9": ["my_work.ipynb"]},
    ),
    "moodle, a user name before the name, as some sites have it": (
        "moodle",
        [
            f"al42 Ada_12_assignsubmission_file/{NAME}.ipynb",
            f"ws_26_ada_55_assignsubmission_file/{NAME}.ipynb",
        ],
        {"12": ONE, "55": ONE},
    ),
    "moodle, groups, and those without a group": (
        "moodle",
        [
            f"Group 3_17_assignsubmission_file/{NAME}.ipynb",
            f"Default group_assignsubmission_file/{NAME}.ipynb",
        ],
        {"17": ONE, "Default group": ONE},
    ),
    "moodle, namesakes": (
        "moodle",
        [
            f"Jan Novak_11_assignsubmission_file/{NAME}.ipynb",
            f"Jan Novak_12_assignsubmission_file/{NAME}.ipynb",
        ],
        {"11": ONE, "12": ONE},
    ),
    "moodle, in two wrappers, with an index beside": (
        "moodle",
        [
            f"dl/course/Ada_1_assignsubmission_file/{NAME}.ipynb",
            "dl/course/Bob_2_assignsubmission_file/x.ipynb",
            "dl/readme.txt",
        ],
        {"1": ONE, "2": ["x.ipynb"]},
    ),
    "moodle, and one who sent it by mail": (
        "moodle",
        [f"Ada_1_assignsubmission_file/{NAME}.ipynb", "eve.ipynb", f"Dan/{NAME}.ipynb"],
        {"1": ONE, "eve": ["eve.ipynb"], "Dan": ONE},
    ),
    "canvas": (
        "canvas",
        [f"lovelaceada_1234_5678_{NAME}.ipynb", f"noycebob_LATE_99_7777_{NAME}-1.ipynb"],
        {"1234": ONE, "99": [f"{NAME}-1.ipynb"]},
    ),
    "canvas, names with _, a group, several files": (
        "canvas",
        [
            f"van_der_berg_anna_12_345_{NAME}.ipynb",
            "van_der_berg_anna_12_346_2_curvature.ipynb",
            f"group0_77_991_{NAME}.ipynb",
        ],
        {"12": TWO, "77": ONE},
    ),
    "canvas, one student and a table": (
        "canvas",
        [f"lovelaceada_1234_5678_{NAME}.ipynb", "2026-11-03T1003_Grades-ML.csv"],
        {"1234": ONE},
    ),
    "canvas, anonymous, with a text entry": (
        "canvas",
        [f"anon_aB3dE_345_{NAME}.ipynb", f"LATE_anon_9x8Y7_346_{NAME}.ipynb", "anon_Zz_text.html"],
        {"aB3dE": ONE, "9x8Y7": ONE, "Zz": []},
    ),
    "canvas in a folder, beside what macOS leaves": (
        "canvas",
        [
            f"submissions/lovelaceada_1234_5678_{NAME}.ipynb",
            f"submissions/noycebob_late_99_7777_{NAME}.ipynb",
            "__MACOSX/submissions/._lovelaceada_1234_5678_1_surfaces.ipynb",
            "submissions/.DS_Store",
        ],
        {"1234": ONE, "99": ONE},
    ),
    "canvas, where somebody's zip was unpacked beside it": (
        "canvas",
        [f"lovelaceada_1234_5678_work/{NAME}.ipynb", f"noycebob_99_7777_{NAME}.ipynb"],
        {"1234": ONE, "99": ONE},
    ),
    "folders with years are not Canvas's files": (
        "nbgrader",
        [
            *(f"ws_2026_27_x/{PART}/{name}" for name in TWO),
            f"ws_2026_27_x/{PART}/y.ipynb",
            f"ada/{PART}/{NAME}.ipynb",
        ],
        {"ws_2026_27_x": [*TWO, "y.ipynb"], "ada": ONE},
    ),
    "canvas, a number as a name": (
        "canvas",
        [f"0012_104_5040_{NAME}.ipynb", "0012_104_5041_x.ipynb", f"noycebob_99_7777_{NAME}.ipynb"],
        {"104": [f"{NAME}.ipynb", "x.ipynb"], "99": ONE},
    ),
    "nbgrader, a student called like a word of the course": (
        "nbgrader",
        [
            f"c/wrap/Final/{PART}/{NAME}.ipynb",
            f"c/wrap/x.y/{PART}/{NAME}.ipynb",
            "c/wrap/x.y/notes/x.ipynb",
        ],
        {"Final": ONE, "x.y": [f"{NAME}.ipynb", "x.ipynb"]},
    ),
    "names with years are not Canvas's numbers": (
        "folders",
        ["ws_2026_27_ada.ipynb", "ws_2026_27_bob.ipynb"],
        {"ws_2026_27_ada": ["ws_2026_27_ada.ipynb"], "ws_2026_27_bob": ["ws_2026_27_bob.ipynb"]},
    ),
    "blackboard, two attempts": (
        "blackboard",
        [
            f"Homework 1_ada_attempt_2026-11-03-10-00-00_{NAME}.ipynb",
            "Homework 1_ada_attempt_2026-11-03-10-00-00.txt",
            f"Homework 1_ada_attempt_2026-11-04-10-00-00_{NAME}.ipynb",
            f"Homework 1_bob_attempt_2026-11-03-11-00-00_{NAME}.ipynb",
            "Homework 1_bob_attempt_2026-11-03-11-00-00.txt",
            "Homework 1_cem_attempt_2026-11-03-11-00-00.txt",
        ],
        {
            "ada": [f"2026-11-03-10-00-00/{NAME}.ipynb", f"2026-11-04-10-00-00/{NAME}.ipynb"],
            "bob": ONE,
            "cem": [],
        },
    ),
    "blackboard, one student alone": (
        "blackboard",
        [f"gradebook_HW_1_ada_attempt_2026-11-03-10-00-00_{NAME}.ipynb"],
        {"ada": ONE},
    ),
    "brightspace, folders": (
        "brightspace",
        [
            f"12345-67890 - Mary-Ann Smith - Nov 3, 2026 1003 AM/{NAME}.ipynb",
            "index.html",
            f"12346-67890 - Bob Noyce- Nov 4, 2026 903 PM/{NAME}.ipynb",
        ],
        {"12345": ONE, "12346": ONE},
    ),
    "brightspace, files, two submissions of one": (
        "brightspace",
        [
            f"12345-67890 - Ada - Nov 3, 2026 1003 AM - {NAME}.ipynb",
            "index.html",
            "12345-67890 - Ada - Nov 5, 2026 1003 AM - 2_curvature.ipynb",
            f"12346-67890 - Bob - Nov 4, 2026 903 PM - {NAME}.ipynb",
        ],
        {"12345": TWO, "12346": ONE},
    ),
    "brightspace, where the first number is the folder's": (
        "brightspace",
        [
            f"9-11 - Ada - 3 November 2026 1003/{NAME}.ipynb",
            f"9-12 - Bob - 2026-11-04 0903/{NAME}.ipynb",
        ],
        {"11": ONE, "12": ONE},
    ),
    "brightspace, where numbers tell nobody apart": (
        "brightspace",
        [
            f"9-11 - Ada - Sep 24, 2026 926 PM/{NAME}.ipynb",
            f"9-11 - Bob - Sep 24, 2026 926 PM/{NAME}.ipynb",
        ],
        {"Ada": ONE, "Bob": ONE},
    ),
    "sakai": (
        "sakai",
        [
            "HW 1/grades.csv",
            f"HW 1/Lovelace, Ada(al1)/Submission attachment(s)/{NAME}.ipynb",
            "HW 1/Lovelace, Ada(al1)/timestamp.txt",
            "HW 1/Noyce, Bob(bn2)/Submission attachment(s)/x.ipynb",
            "HW 1/Noyce, Bob(bn2)/comments.txt",
            "HW 1/Noyce, Bob(bn2)/Feedback Attachment(s)/seen.ipynb",
            "HW 1/Cem, C(cc3)/timestamp.txt",
            "HW 1/Cem, C(cc3)/Cem, C(cc3)_submissionText.html",
            "HW 1/Dan, D(dd4)/timestamp.txt",
        ],
        {"al1": ONE, "bn2": ["x.ipynb"], "cc3": [], "dd4": []},
    ),
    "sakai in Japanese": (
        "sakai",
        [
            f"Lovelace, Ada(al1)/提出物の添付ファイル/{NAME}.ipynb",
            f"Noyce, Bob(bn2)/提出物の添付ファイル/{NAME}.ipynb",
        ],
        {"al1": ONE, "bn2": ONE},
    ),
    "sakai, files": (
        "sakai",
        [
            f"HW/Lovelace, Ada(al1)_Submission attachment(s)_{NAME}.ipynb",
            f"HW/Noyce, Bob(bn2)_Submission attachment(s)_{NAME}.ipynb",
        ],
        {"al1": ONE, "bn2": ONE},
    ),
    "pronouns are no user names": (
        "folders",
        [f"Lovelace, Ada(she)/{NAME}.ipynb", f"Hopper, Grace(she)/{NAME}.ipynb"],
        {"Lovelace, Ada(she)": ONE, "Hopper, Grace(she)": ONE},
    ),
    "github, as gh classroom clones it": (
        "github",
        [
            f"hw-1-submissions/hw-1-ada-l/{NAME}.ipynb",
            "hw-1-submissions/hw-1-ada-l/.git/HEAD",
            f"hw-1-submissions/hw-1-ada-m/work/{PART}/{NAME}.ipynb",
            "hw-1-submissions/hw-1-ada-m/.git/HEAD",
            "hw-1-submissions/hw-1-ada-m/README.md",
            "hw-1-submissions/hw-1-none/.git/HEAD",
        ],
        {"ada-l": ONE, "ada-m": ONE, "none": []},
    ),
    "github, as the assistant clones it": (
        "github",
        [
            f"Homework 1/ada/{NAME}.ipynb",
            "Homework 1/ada/.git/HEAD",
            f"Homework 1/bob/{NAME}.ipynb",
            "Homework 1/bob/.git/HEAD",
        ],
        {"ada": ONE, "bob": ONE},
    ),
    "nbgrader": (
        "nbgrader",
        [
            f"submitted/1_ada/{PART}/{NAME}.ipynb",
            f"submitted/1_ada/{PART}/timestamp.txt",
            f"submitted/2_bob/{PART}/{NAME}.ipynb",
            "submitted/2_bob/2_convergence/2_momentum.ipynb",
            "submitted/3_cem/2_convergence/2_momentum.ipynb",
        ],
        {"1_ada": ONE, "2_bob": ONE, "3_cem": ["2_momentum.ipynb"]},
    ),
    "nbgrader, its exchange": (
        "nbgrader",
        [
            f"ada+{PART}+2026-11-03 10_00_00 UTC+x/{NAME}.ipynb",
            f"ada+{PART}+2026-11-04 10_00_00 UTC+y/2_curvature.ipynb",
            f"bob+{PART}+2026-11-03 10_00_00 UTC/{NAME}.ipynb",
        ],
        {"ada": TWO, "bob": ONE},
    ),
    "nbgrader, its whole course folder": (
        "nbgrader",
        [
            f"submitted/ada/{PART}/{NAME}.ipynb",
            f"submitted/bob/{PART}/{NAME}.ipynb",
            "gradebook.db",
            ".git/HEAD",
            f"source/{PART}/{NAME}.ipynb",
            f"release/{PART}/{NAME}.ipynb",
            f"autograded/ada/{PART}/{NAME}.ipynb",
        ],
        {"ada": ONE, "bob": ONE},
    ),
    "nbgrader, one student": ("nbgrader", [f"submitted/ada/{PART}/{NAME}.ipynb"], {"ada": ONE}),
    "nbgrader, the students' work folder in it": (
        "nbgrader",
        [f"ada/work/{PART}/{NAME}.ipynb", f"bob/downhill-main/work/{PART}/{NAME}.ipynb"],
        {"ada": ONE, "bob": ONE},
    ),
    "the part first": (
        "nbgrader",
        [
            f"{PART}/ada/{NAME}.ipynb",
            f"{PART}/bob/{NAME}.ipynb",
            "2_convergence/bob/2_momentum.ipynb",
        ],
        {"ada": ONE, "bob": ONE},
    ),
    "the part first, in a class's folder": (
        "nbgrader",
        [f"class/{PART}/ada/{NAME}.ipynb", f"class/{PART}/bob/{NAME}.ipynb"],
        {"ada": ONE, "bob": ONE},
    ),
    "the part first, files": (
        "folders",
        [f"class/{PART}/ada.ipynb", f"class/{PART}/bob.ipynb"],
        {"ada": ["ada.ipynb"], "bob": ["bob.ipynb"]},
    ),
    "files": (
        "folders",
        ["ada.ipynb", "bob.IPYNB", "cem.pdf", "roster.csv", "1_dan.ipynb"],
        {"ada": ["ada.ipynb"], "bob": ["bob.IPYNB"], "cem": [], "1_dan": ["1_dan.ipynb"]},
    ),
    "files with the notebook's name": (
        "folders",
        [
            "ada_1_surfaces.ipynb",
            "ada_2_curvature.ipynb",
            "1_surfaces - Bob Noyce.ipynb",
            "Eve-1_surfaces (1).ipynb",
            "Dan D - Copy of 1_surfaces.ipynb",
        ],
        {
            "ada": ["ada_1_surfaces.ipynb", "ada_2_curvature.ipynb"],
            "Bob Noyce": ["1_surfaces - Bob Noyce.ipynb"],
            "Eve": ["Eve-1_surfaces (1).ipynb"],
            "Dan D": ["Dan D - Copy of 1_surfaces.ipynb"],
        },
    ),
    "folders": (
        "folders",
        [
            f"ada/{NAME}.ipynb",
            "ada/plot.png",
            f"bob/mine/{NAME}.ipynb",
            "cem/",
            "dan/.ipynb_checkpoints/x.ipynb",
            "eve/.DS_Store",
            "roster.xlsx",
        ],
        {"ada": ONE, "bob": ONE, "cem": [], "dan": [], "eve": []},
    ),
    "weeks": (
        "folders",
        [f"ada/week 1/{NAME}.ipynb", "ada/week 2/2_curvature.ipynb", f"bob/week 1/{NAME}.ipynb"],
        {"ada": TWO, "bob": ONE},
    ),
    "weeks of one student": (
        "folders",
        [f"ada/1_homework/{NAME}.ipynb", "ada/2_homework/2_curvature.ipynb"],
        {"ada": TWO},
    ),
    "weeks first": (
        "folders",
        [f"hw1/ada/{NAME}.ipynb", f"hw1/bob/{NAME}.ipynb", "hw2/ada/2_curvature.ipynb"],
        {"ada": TWO, "bob": ONE},
    ),
    "weeks first, files": (
        "folders",
        ["hw1/ada.ipynb", "hw1/bob.ipynb", "hw2/ada.ipynb"],
        {"ada": ["ada.ipynb", "ada.ipynb"], "bob": ["bob.ipynb"]},
    ),
    "groups of a class": (
        "folders",
        [
            f"monday/ada/{NAME}.ipynb",
            f"monday/bob/{NAME}.ipynb",
            f"tuesday/cem/{NAME}.ipynb",
            f"tuesday/dan/{NAME}.ipynb",
        ],
        {"ada": ONE, "bob": ONE, "cem": ONE, "dan": ONE},
    ),
    "a student's own versions": (
        "folders",
        [f"ada/old/{NAME}.ipynb", f"ada/new/{NAME}.ipynb", f"bob/{NAME}.ipynb"],
        {"ada": [f"new/{NAME}.ipynb", f"old/{NAME}.ipynb"], "bob": ONE},
    ),
    "the instructor's copy beside the students": (
        "folders",
        [f"ada/{NAME}.ipynb", f"bob/{NAME}.ipynb", f"{NAME}.ipynb"],
        {"ada": ONE, "bob": ONE, NAME: ONE},
    ),
    "one student in wrappers": (
        "folders",
        [f"a/b/ada/{NAME}.ipynb", "a/b/ada/2_curvature.ipynb"],
        {"ada": TWO},
    ),
    "one student's work folder": (
        "folders",
        [f"ada/work/{NAME}.ipynb", f"ada/exercises/{NAME}.ipynb", "ada/Makefile"],
        {"ada": [f"exercises/{NAME}.ipynb", f"work/{NAME}.ipynb"]},
    ),
    "numbers as names": (
        "folders",
        [f"4711/{NAME}.ipynb", f"0815/{NAME}.ipynb"],
        {"4711": ONE, "0815": ONE},
    ),
    "one name in two cases": (
        "folders",
        [f"Ada/{NAME}.ipynb", f"ada/{NAME}.ipynb"],
        {"Ada": ONE, "ada": ONE},
    ),
    "ilias": (
        "folders",
        [
            f"HW 1/Lovelace_Ada_al1_4711/{NAME}.ipynb",
            f"HW 1/Noyce_Bob_bn2_4712/{NAME}.ipynb",
            "HW 1/status.xlsx",
        ],
        {"Lovelace_Ada_al1_4711": ONE, "Noyce_Bob_bn2_4712": ONE},
    ),
    "teams, versions of one student": (
        "folders",
        [
            f"Submitted files/Ada L/HW 1/Version 1/{NAME}.ipynb",
            f"Submitted files/Ada L/HW 1/Version 2/{NAME}.ipynb",
        ],
        {"Ada L": [f"Version 1/{NAME}.ipynb", f"Version 2/{NAME}.ipynb"]},
    ),
    "nbgrader, somebody has a folder more": (
        "nbgrader",
        [
            f"ada/my things/{PART}/{NAME}.ipynb",
            f"bob/{PART}/{NAME}.ipynb",
            "cem/2_convergence/2_momentum.ipynb",
        ],
        {"ada": ONE, "bob": ONE, "cem": ["2_momentum.ipynb"]},
    ),
    "nbgrader, groups of a class": (
        "nbgrader",
        [
            f"monday/ada/{PART}/{NAME}.ipynb",
            f"tuesday/bob/{PART}/{NAME}.ipynb",
            f"tuesday/cem/x/{PART}/{NAME}.ipynb",
        ],
        {"ada": ONE, "bob": ONE, "cem": ONE},
    ),
    "homes on a hub": (
        "nbgrader",
        [
            f"home/ada/downhill/work/{PART}/{NAME}.ipynb",
            f"home/bob/downhill/work/{PART}/{NAME}.ipynb",
        ],
        {"ada": ONE, "bob": ONE},
    ),
    "gradescope": (
        "folders",
        [
            f"assignment_7_export/submission_101/{NAME}.ipynb",
            f"assignment_7_export/submission_102/{NAME}.ipynb",
            "assignment_7_export/submission_metadata.yml",
        ],
        {"submission_101": ONE, "submission_102": ONE},
    ),
}


@pytest.mark.parametrize("title", LISTINGS)
def test_whose_each_file_is(title, tmp_path):
    layout, listing, expected = LISTINGS[title]
    folder = on_disk(tmp_path / "class of 2026", listing)
    (tmp_path / "class of 2026.zip").write_bytes(zipped(listing))
    (tmp_path / "backslashes.zip").write_bytes(
        zipped({p.replace("/", "\\"): content(p) for p in listing})
    )
    (tmp_path / "wrapped.zip").write_bytes(zipped({f"downloads/{p}": content(p) for p in listing}))
    for where in (
        folder,
        tmp_path / "class of 2026.zip",
        tmp_path / "backslashes.zip",
        tmp_path / "wrapped.zip",
    ):
        found = survey(where, PART)
        assert {s.id: [h.label for h in s.files] for s in found.submissions} == expected, where
        assert found.layouts[0].startswith(f"{layout}:"), found.layouts
        assert len({s.slug.lower() for s in found.submissions}) == len(found.submissions)
        for submission in found.submissions:
            for handed in submission.files:
                assert read_cells(handed.read(), handed.label)
            if not submission.files:
                assert remarks(submission), "a row without a notebook says why"
    assert names(folder, layout=layout) == expected, "the layout may be named"


def test_an_unknown_layout_and_one_that_is_not_there_get_a_sentence(tmp_path, capsys):
    on_disk(tmp_path, ["ada.ipynb"])
    with pytest.raises(
        GradingError,
        match=r"Nothing in .* is in the layout moodle: NAME_NUMBER_assignsubmission_file",
    ):
        find(tmp_path, PART, "moodle")
    with pytest.raises(SystemExit):
        main(["grade", str(tmp_path), "--part", PART, "--layout", "owl"])
    assert "choose from" in capsys.readouterr().err
    with pytest.raises(
        GradingError, match="There is no part '9_nothing': choose one of 1_landscape"
    ):
        find(tmp_path, "9_nothing")


# ----------------------------------------------------------------------------------------- identity


def test_blind_marking_keeps_people_apart(tmp_path):
    for word in ("Participant", "Teilnehmerin"):
        folder = on_disk(
            tmp_path / word,
            [f"{word}_{n}_assignsubmission_file/{NAME}.ipynb" for n in (101, 102, 103)],
        )
        found = find(folder, PART)
        assert [(s.student, s.lms_id) for s in found] == [
            (f"{word} {n}", str(n)) for n in (101, 102, 103)
        ]


def test_a_name_in_two_spellings_of_unicode_is_one_student(tmp_path):
    composed, decomposed = "J\u00f6rg M\u00fcller", "Jo\u0308rg Mu\u0308ller"
    listing = {
        f"{composed}/{NAME}.ipynb": notebook("a"),
        f"{decomposed}/2_curvature.ipynb": notebook("b"),
        f"ada/{NAME}.ipynb": notebook("c"),
    }
    (tmp_path / "x.zip").write_bytes(zipped(listing))
    _, both = find(tmp_path / "x.zip", PART)
    assert both.student == composed and len(both.files) == 2
    assert (
        both.id == Submission(decomposed, "", ()).id
        and both.slug == Submission(decomposed, "", ()).slug
    )
    assert not choose([both], decomposed)[1]


def test_slugs_differ_as_identities_do():
    names = [
        "Ada",
        "ada",
        "ADA",
        "ada-1",
        "ada-2",
        "a/b",
        "a_b",
        "a b",
        "Jan Novak-11",
        "jan_novak-11",
        "李",
        "王",
        "student",
        "con",
        "nul.txt",
        "x" * 300,
        "x" * 299 + "y",
        "..",
        "=cmd()",
    ]
    numbered = [
        ("Ada", "1"),
        ("Ada", "2"),
        ("Jan Novak", "11"),
        ("", "7"),
        ("Ada L", "al1"),
        ("Ada L", "al2"),
    ]
    made = [Submission(name, "", ()) for name in names] + [Submission(*who, ()) for who in numbered]
    slugs = {s.slug.lower() for s in made}
    assert len(slugs) == len({s.id for s in made}) == len(made)
    for slug in slugs:
        assert slug and len(slug) < 100 and slug.isascii() and not set(slug) & set('/\\:*?"<>| ')
        assert slug.partition(".")[0] not in ("con", "nul", ""), "names of devices on Windows"
    assert (
        Submission("ada", "", ()).slug == "ada"
        and Submission("Jan Novak", "11", ()).slug == "Jan_Novak-11"
    )


def test_one_number_with_two_names_is_two_people(tmp_path):
    (tmp_path / "moodle.zip").write_bytes(zipped([f"Ada_11_assignsubmission_file/{NAME}.ipynb"]))
    (tmp_path / "canvas.zip").write_bytes(
        zipped([f"noycebob_11_77_{NAME}.ipynb", f"ada_12_78_{NAME}.ipynb"])
    )
    found = {s.student: s for s in find(tmp_path, PART)}
    assert sorted(found) == ["Ada", "ada", "noycebob"] and len({s.id for s in found.values()}) == 3
    assert any("somebody else's number too" in note for s in found.values() for note in s.notes)
    revealed = [
        f"Participant_11_assignsubmission_file/{NAME}.ipynb",
        "Ada_11_assignsubmission_file/2_curvature.ipynb",
    ]
    assert who(on_disk(tmp_path / "revealed", revealed)) == {"11": ("Ada", TWO, [])}


def test_students_are_chosen_by_name_number_and_slug(tmp_path):
    found = find(
        on_disk(
            tmp_path,
            [
                f"Lovelace, Ada(al1)/{NAME}.ipynb",
                f"Novak, Jan(12)/{NAME}.ipynb",
                f"Novak, Jan(13)/{NAME}.ipynb",
                "Novak, Jan(13)/timestamp.txt",
            ],
        ),
        PART,
    )

    def chosen(words):
        some, unknown = choose(found, words)
        return [s.id for s in some], unknown

    assert chosen("Lovelace, Ada") == (["al1"], [])
    assert chosen("al1, 13") == (["al1", "13"], [])
    assert chosen("Novak, Jan,al1") == (["al1", "12", "13"], []), "namesakes are all meant"
    assert chosen(f"{found[1].slug},nobody, Novak") == (["12"], ["nobody", "Novak"])


# ---------------------------------------------------------------------- every file is accounted for


def test_files_are_read_by_what_they_hold_and_the_rest_is_flagged(tmp_path):
    endings = (
        ".ipynb.json",
        ".ipynb.txt",
        ".ipynb.ipynb",
        ".IPYNB",
        ".json",
        ".txt",
        ".ipynb.download",
        "",
        ".ipynb.json.txt",
        ".nb",
    )
    read = [".ipynb", *(f"{NAME}{ending}" for ending in endings)]
    listing = {
        f"S{n}_{n}_assignsubmission_file/{name}": notebook(name) for n, name in enumerate(read)
    }
    listing["Utf_90_assignsubmission_file/x.json"] = notebook().decode().encode("utf-16")
    listing["Bom_91_assignsubmission_file/x.txt"] = b"\xef\xbb\xbf \n" + notebook()
    refused = {
        f"{NAME}.html": "a web page",
        f"{NAME}.pdf": "a PDF",
        f"{NAME}.py": "a script",
        "work.rar": "not read here",
        "work.7z": "not read here",
        "work.zip": "cannot be opened",
        "work.tar.gz": "cannot be opened",
        "onlinetext.html": "a web page",
        "data.json": "no notebook",
        "notes.txt": "no notebook",
        f"{NAME}.ipynb.html": "a web page",
        "empty": "no notebook",
        "photo.HEIC": "a picture",
    }
    for n, name in enumerate(refused, 100):
        listing[f"S{n}_{n}_assignsubmission_file/{name}"] = (
            b"" if name == "empty" else b'{"a": 1} x'
        )
    for where in (on_disk(tmp_path / "folder", listing), tmp_path / "class.zip"):
        if where.suffix:
            where.write_bytes(zipped(listing))
        found = {s.id: s for s in find(where, PART)}
        assert len(found) == len(listing)
        for n, name in enumerate(read):
            assert [h.label for h in found[str(n)].files] == [name] and not remarks(
                found[str(n)], [NAME]
            )
        assert len(found["90"].files) == len(found["91"].files) == 1
        for n, (name, said) in enumerate(refused.items(), 100):
            assert not found[str(n)].files and [h.label for h in found[str(n)].others] == [name]
            (sentence,) = remarks(found[str(n)], [NAME])
            assert name in sentence and said in sentence and "hand in the .ipynb" in sentence


def test_what_lies_beside_a_whole_set_of_notebooks_needs_no_sentence(tmp_path):
    beside = ("README.md", "plot.png", "2_curvature.html", "rest.rar", f"{NAME}.ipynb")
    on_disk(tmp_path, ["bob/", *(f"ada/{name}" for name in beside)])
    ada, bob = find(tmp_path, PART)
    assert remarks(ada) == []
    told = remarks(ada, ["2_curvature"])
    assert len(told) == 2 and "2_curvature.html is a web page" in told[0] and "rest.rar" in told[1]
    assert remarks(bob) == ["Nothing was handed in: an empty folder."]


def test_many_files_make_few_sentences(tmp_path):
    on_disk(tmp_path, [f"ada/{n}.png" for n in range(40)] + [f"bob/{NAME}.ipynb"])
    told = remarks(find(tmp_path, PART)[0], [NAME])
    assert len(told) == 8 and told[-1] == "33 more files answer nothing of this part."


def test_archives_of_students_are_read(tmp_path):
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name in (f"work/{NAME}.ipynb", "work/link.ipynb"):
            member = tarfile.TarInfo(name)
            member.size = len(notebook(name))
            if "link" in name:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member, io.BytesIO(notebook(name)))
    inner = zipped([f"deep/{NAME}.ipynb", "__MACOSX/deep/._1_surfaces.ipynb", "deep/plot.png"])
    out = {f"../../escape/{NAME}.ipynb": notebook(), "x.ipynb": notebook(1)}
    linked = zipped({"x.ipynb": b"../../solutions"}, external_attr=(stat.S_IFLNK | 0o777) << 16)
    listing = {
        "Ada_1_assignsubmission_file_/work.zip": inner,
        "Bob_2_assignsubmission_file_/work.zip": b"PK broken",
        "Cem_3_assignsubmission_file_/work.zip": zipped(
            {"again.zip": inner, "2_curvature.ipynb": notebook("c")}
        ),
        "Dan_4_assignsubmission_file_/work.tgz": tar.getvalue(),
        "Eve_5_assignsubmission_file_/work.zip": zipped(out),
        "Fay_6_assignsubmission_file_/work.zip": zipped([]),
        "Gus_7_assignsubmission_file_/work.zip": linked,
        "Hal_8_assignsubmission_file_/a.zip": zipped({"x.ipynb": notebook("a")}),
        "Hal_8_assignsubmission_file_/b.zip": zipped({"x.ipynb": notebook("b")}),
    }
    (tmp_path / "class.zip").write_bytes(zipped(listing))
    found = {s.student: s for s in find(tmp_path / "class.zip", PART)}
    labels = {name: [h.label for h in s.files] for name, s in found.items()}
    assert labels == {
        "Ada": ONE,
        "Bob": [],
        "Cem": ["2_curvature.ipynb", *ONE],
        "Dan": ONE,
        "Eve": ["x.ipynb"],
        "Fay": [],
        "Gus": [],
        "Hal": ["a/x.ipynb", "b/x.ipynb"],
    }
    for submission in found.values():
        for handed in submission.files:
            assert json.loads(handed.read())["cells"]
    assert "cannot be opened" in remarks(found["Bob"], [NAME])[0]
    assert (
        "is a link" in remarks(found["Dan"], [NAME])[0]
        and "is a link" in remarks(found["Gus"], [NAME])[0]
    )
    assert "leads out of its archive" in remarks(found["Eve"], [NAME])[0]
    assert "empty archive" in remarks(found["Fay"], [NAME])[0]
    assert not list(tmp_path.parent.rglob("escape"))


def test_a_password_gets_a_sentence(tmp_path):
    plain = zipped({f"ada/{NAME}.ipynb": notebook(), f"bob/{NAME}.ipynb": notebook()})
    for place in (
        plain.index(b"PK\x03\x04") + 6,
        plain.index(b"PK\x01\x02") + 8,
    ):  # the flags of the first member
        plain = plain[:place] + bytes([plain[place] | 1]) + plain[place + 1 :]
    (tmp_path / "class.zip").write_bytes(plain)
    ada, bob = find(tmp_path / "class.zip", PART)
    assert not ada.files and "password" in remarks(ada)[0]
    assert [h.label for h in bob.files] == ONE


def test_class_archives_in_archives_and_side_by_side(tmp_path):
    moodle = zipped(
        [f"Ada_1_assignsubmission_file/{NAME}.ipynb", f"Bob_2_assignsubmission_file/{NAME}.ipynb"]
    )
    canvas = zipped([f"lovelaceada_1234_5678_{NAME}.ipynb", "noycebob_99_7777_work.ipynb"])
    nbgrader = zipped([f"submitted/cem/{PART}/{NAME}.ipynb", f"submitted/dan/{PART}/{NAME}.ipynb"])
    plain = zipped([f"eve/{NAME}.ipynb", f"fay/{NAME}.ipynb"])
    several = {
        "moodle.zip": moodle,
        "canvas.zip": canvas,
        "nbgrader.zip": nbgrader,
        "plain.zip": plain,
    }
    everyone = {"1", "2", "1234", "99", "cem", "dan", "eve", "fay"}
    on_disk(
        tmp_path / "folder",
        several | {"gus.ipynb": notebook("gus"), "hal.zip": zipped(["x.ipynb"]), "a.txt": b""},
    )
    assert set(names(tmp_path / "folder")) == everyone | {"gus", "hal"}
    spread = {f"week {number}/{name}": data for number, (name, data) in enumerate(several.items())}
    (tmp_path / "outer.zip").write_bytes(zipped(spread))
    assert set(names(tmp_path / "outer.zip")) == everyone
    for inner, expected in (
        (moodle, {"1", "2"}),
        (canvas, {"1234", "99"}),
        (plain, {"eve", "fay"}),
    ):
        (tmp_path / "outer.zip").write_bytes(
            zipped({"downloads/class.zip": inner, "downloads/read me.txt": b""})
        )
        assert set(names(tmp_path / "outer.zip")) == expected
        (tmp_path / "outer.zip").write_bytes(zipped({"a.zip": zipped({"class.zip": inner})}))
        assert set(names(tmp_path / "outer.zip")) == expected


def test_what_one_student_has_zipped_says_nothing_about_others(tmp_path):
    forged = zipped(
        [
            f"Bob_2_assignsubmission_file/{NAME}.ipynb",
            f"submitted/bob/{PART}/x.ipynb",
            f"cem/{NAME}.ipynb",
        ]
    )
    for number, place in enumerate(("{}_assignsubmission_file", f"{{}}/{PART}", "{}")):
        listing = {
            f"{place.format('Ada_1')}/x.zip": forged,
            f"{place.format('Eve_2')}/y.ipynb": notebook(),
        }
        found = find(on_disk(tmp_path / str(number), listing), PART)
        assert [(len(s.files), len(s.notes)) for s in found] == [(3, 0), (1, 0)]


def test_zips_of_students_are_no_classes(tmp_path):
    mine = zipped(
        [f"work/{PART}/{NAME}.ipynb", "work/2_convergence/2_momentum.ipynb", "downhill/x.py"]
    )
    his = zipped([f"bob's work/{NAME}.ipynb"])
    on_disk(tmp_path / "two", {"ada.zip": mine, "bob.zip": his, "cem.ipynb": notebook()})
    assert names(tmp_path / "two") == {"ada": ONE, "bob": ONE, "cem": ["cem.ipynb"]}
    on_disk(tmp_path / "one", {"ada.zip": mine})
    assert names(tmp_path / "one") == {"ada": ONE}
    (tmp_path / "ada.zip").write_bytes(
        zipped([f"{PART}/{NAME}.ipynb", f"{PART}/2_curvature.ipynb"])
    )
    assert names(tmp_path / "ada.zip") == {"ada": TWO}


def test_one_notebook_and_one_student_s_own_folder(tmp_path):
    on_disk(tmp_path / "ada", TWO)
    assert names(tmp_path / "ada") == {"ada": TWO}
    assert names(tmp_path / "ada" / ONE[0]) == {NAME: ONE}
    on_disk(tmp_path / "many", [f"{NAME}.ipynb", f"{NAME} (1).ipynb", f"{NAME} (2).ipynb"])
    assert len(names(tmp_path / "many")) == 3, "perhaps three people's"
    on_disk(tmp_path, {"x.csv": b"a,b", "broken.zip": b"PK broken"})
    for name, said in (
        ("x.csv", "neither a folder, nor an archive"),
        ("broken.zip", "download it again"),
    ):
        with pytest.raises(GradingError, match=said):
            find(tmp_path / name, PART)
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        find(tmp_path / "nowhere", PART)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="Nobody has handed in anything"):
        find(tmp_path / "empty", PART)


def test_links_are_listed_and_not_followed(tmp_path):
    folder = on_disk(tmp_path / "class", [f"bob/{NAME}.ipynb", "cem/"])
    (folder / "ada").mkdir()
    (folder / "ada" / f"{NAME}.ipynb").symlink_to(ROOT / "solutions" / PART / f"{NAME}.ipynb")
    (folder / "cem" / f"{NAME}.ipynb").symlink_to(folder / "bob" / f"{NAME}.ipynb")
    (folder / "dan").symlink_to(folder / "bob")
    (folder / "eve").mkdir()
    os.mkfifo(folder / "eve" / f"{NAME}.ipynb")
    found = {s.student: s for s in find(folder, PART)}
    assert {name: len(s.files) for name, s in found.items()} == {
        "ada": 0,
        "bob": 1,
        "cem": 0,
        "dan": 0,
        "eve": 0,
    }
    assert all(
        "is a link and was not followed" in remarks(found[name])[0]
        for name in ("ada", "cem", "dan")
    )
    assert "no ordinary file" in remarks(found["eve"])[0]


def test_what_may_not_be_read_gets_a_sentence(tmp_path, monkeypatch):
    folder = on_disk(tmp_path / "class", [f"ada/{NAME}.ipynb", f"bob/{NAME}.ipynb"])
    real = os.scandir

    def scandir(path):
        if Path(path).name == "ada":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    ada, bob = find(folder, PART)
    assert not ada.files and "no permission" in remarks(ada)[0] and bob.files
    monkeypatch.undo()
    if os.geteuid():  # root may read all
        (folder / "bob" / f"{NAME}.ipynb").chmod(0)
        with pytest.raises(NotebookError, match="this account has no permission"):
            find(folder, PART)[1].files[0].read()
    with pytest.raises(NotebookError, match="not there any more"):
        Handed("x.ipynb", str(tmp_path / "gone.ipynb")).read()


def test_copies_are_kept_and_the_same_file_once(tmp_path):
    listing = {
        f"ada/{name}.ipynb": notebook("stub")
        for name in (f"{NAME} (1)", f"{NAME} (2)", f"{NAME}-Copy1")
    }
    listing |= {f"ada/{NAME}.ipynb": notebook("solved"), f"bob/{NAME}.ipynb": notebook("stub")}
    (tmp_path / "class.zip").write_bytes(zipped(listing))
    for where in (on_disk(tmp_path / "folder", listing), tmp_path / "class.zip"):
        ada, bob = find(where, PART)
        assert [h.label for h in ada.files] == [f"{NAME} (1).ipynb", f"{NAME}.ipynb"]
        assert (
            len([note for note in ada.notes if "is the same file as 1_surfaces (1).ipynb" in note])
            == 2
        )
        assert len(bob.files) == 1, "two students may hand in the same"


def test_a_folder_given_twice_is_one_class(tmp_path):
    for copy in ("submitted", "submitted copy"):
        on_disk(
            tmp_path / copy,
            {f"ada/{PART}/{NAME}.ipynb": notebook("a"), f"bob/{PART}/{NAME}.ipynb": notebook("b")},
        )
    assert names(tmp_path) == {"ada": ONE, "bob": ONE}
    on_disk(
        tmp_path / "both",
        {
            "ada/x.ipynb": notebook("a"),
            "ada.zip": zipped({"x.ipynb": notebook("a")}),
            "bob/x.ipynb": notebook("b"),
        },
    )
    assert {k: len(v) for k, v in names(tmp_path / "both").items()} == {"ada": 1, "bob": 1}


def test_a_name_that_stands_twice_in_a_zip_is_two_files(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "class.zip", "w") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        for mark in ("first", "second"):
            archive.writestr(f"ada/{NAME}.ipynb", notebook(mark))
        archive.writestr(f"bob/{NAME}.ipynb", notebook("b"))
    ada = find(tmp_path / "class.zip", PART)[0]
    assert [b"first" in h.read() for h in ada.files] == [True, False]


def test_names_that_zips_write_without_saying_how(tmp_path):
    data = zipped({"J__rg/1_surfaces.ipynb": notebook(), "ada/x.ipynb": notebook()})
    (tmp_path / "mac.zip").write_bytes(
        data.replace(b"J__rg", "J\u00f6rg".encode())
    )  # UTF-8 and no flag, as in Finder
    assert set(names(tmp_path / "mac.zip")) == {"J\u00f6rg", "ada"}
    folder = on_disk(tmp_path / "linux", ["ada/x.ipynb"])
    os.makedirs(os.fsencode(folder) + b"/J\xf6rg")
    Path(os.fsdecode(os.fsencode(folder) + b"/J\xf6rg/x.ipynb")).write_bytes(notebook())
    assert set(names(folder)) == {"J\u00f6rg", "ada"}


def test_a_whole_course_handed_in_is_searched(tmp_path):
    """A fork of the course has lessons, stubs, other parts and even solutions beside the student's
    work.
    """
    listing = [
        f"ada/{folder}/{PART}/{NAME}.ipynb"
        for folder in ("work", "exercises", "solutions", "notebooks")
    ]
    listing += [
        "ada/work/2_convergence/2_momentum.ipynb",
        "ada/downhill/nets.py",
        f"bob/solutions/{PART}/{NAME}.ipynb",
    ]
    ada, bob = find(on_disk(tmp_path, listing), PART)
    assert [h.label for h in ada.files] == [
        f"{f}/{PART}/{NAME}.ipynb" for f in ("exercises", "notebooks", "work")
    ]
    assert ada.notes == ("The course's folder solutions/ was handed in too, and left out.",)
    assert len(bob.files) == 1, "what there is else is graded, and flagged as the solution if it is"


def test_a_notebook_behind_thousands_of_files_is_found(tmp_path):
    crowd = {f"venv/lib/{n}.js": b"" for n in range(2500)} | {f"work/{NAME}.ipynb": notebook()}
    (tmp_path / "class.zip").write_bytes(
        zipped({"ada.zip": zipped(crowd), "bob.ipynb": notebook()})
    )
    ada, _ = find(tmp_path / "class.zip", PART)
    assert [h.label for h in ada.files] == ONE and "holds 2501 files" in remarks(ada)[0]


def test_a_zip_that_holds_itself_comes_to_an_end(tmp_path):
    data = zipped({f"{NAME}.ipynb": notebook()})
    for _ in range(30):
        data = zipped({"again.zip": data})
    (tmp_path / "class.zip").write_bytes(zipped({"ada.zip": data, "bob.ipynb": notebook()}))
    ada, bob = find(tmp_path / "class.zip", PART)
    assert not ada.files and "again.zip cannot be opened" in remarks(ada)[0] and bob.files
    (tmp_path / "deep.zip").write_bytes(data)
    assert not find(tmp_path / "deep.zip", PART)[0].files


def test_a_large_listing_takes_memory_and_look_ups_in_proportion(tmp_path, monkeypatch):
    """Each archive's list is read once, not once a member."""
    listing = {f"Student {n}_{n}_assignsubmission_file/{NAME}.ipynb": b"{}" for n in range(3000)}
    (tmp_path / "outer.zip").write_bytes(zipped({"class.zip": zipped(listing)}))
    opened = []
    real = zipfile.ZipFile.__init__
    monkeypatch.setattr(
        zipfile.ZipFile,
        "__init__",
        lambda self, *a, **k: (opened.append(a), real(self, *a, **k))[1],
    )
    found = find(tmp_path / "outer.zip", PART)
    assert len(found) == 3000 and all(s.files[0].read() == b"{}" for s in found)
    assert len(opened) <= 2


# ----------------------------------------------------------------------------------- which notebook


@pytest.fixture(scope="module")
def sheets():
    return load_part(PART)


def released(folder, part, name):
    return json.loads((ROOT / folder / part / f"{name}.ipynb").read_text(encoding="utf-8"))


def matched(notebook, label, sheets):
    sheet, sentence = match(
        read_cells(json.dumps(notebook).encode(), label), label, sheets, known_notebooks(ROOT)
    )
    assert bool(sheet) != bool(sentence)
    return (sheet.name if sheet else None), sentence


def without(notebook, *fields):
    """Return a notebook as tools save it that drop fields of cells."""
    for cell in notebook["cells"]:
        for name in fields:
            cell.pop(name, None)
        cell["metadata"] = {} if "metadata" in fields else cell.get("metadata", {})
    return notebook


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted((ROOT / "exercises" / PART).glob("*.ipynb"))]
)
def test_a_notebook_is_known_by_its_cells(name, sheets):
    assert matched(released("exercises", PART, name), "x.ipynb", sheets) == (name, "")
    assert matched(without(released("exercises", PART, name), "id"), "x.ipynb", sheets) == (
        name,
        "",
    )
    assert matched(
        without(released("exercises", PART, name), "id", "metadata"), "x.ipynb", sheets
    ) == (name, "")
    for label in (
        "{} (1).ipynb",
        "{}-Copy1.ipynb",
        "Kopie von {}.ipynb",
        "{} - Kopie.ipynb.txt",
        "Copy of {}.ipynb",
        "{} 2.ipynb",
        "{}_copy.IPYNB",
        "{} - Copy (3).ipynb",
        "Copia di {} (2).ipynb",
    ):
        assert matched({"cells": []}, label.format(name), sheets) == (name, "")


@pytest.mark.parametrize("part", ["1_landscape", "2_convergence", "3_hyperparameter_optimization"])
def test_a_lesson_and_another_part_are_told_apart_by_name(part, sheets):
    for path in sorted((ROOT / "notebooks" / part).glob("*.ipynb")):
        for fields in ((), ("id", "metadata")):
            sheet, said = matched(
                without(released("notebooks", part, path.stem), *fields), path.name, sheets
            )
            assert sheet is None
            assert (
                said
                == f"{path.name} is the lesson {path.stem}, not its exercises: hand in the notebook from work/."
            )
    if part != PART:
        for path in sorted((ROOT / "exercises" / part).glob("*.ipynb")):
            for fields in ((), ("id", "metadata")):
                sheet, said = matched(
                    without(released("exercises", part, path.stem), *fields), path.name, sheets
                )
                assert (sheet, said) == (
                    None,
                    f"{path.name} answers {path.stem}, a notebook of {part}, not of {PART}.",
                )
    assert matched({"cells": []}, "ada.ipynb", sheets) == (
        None,
        f"ada.ipynb answers no notebook of {PART}.",
    )


def test_answers_in_the_lesson_s_notebook_are_answers(sheets):
    lesson, exercise = released("notebooks", PART, NAME), released("exercises", PART, NAME)
    lesson["cells"] += [cell for cell in exercise["cells"] if cell["id"].startswith("answer_")]
    assert matched(lesson, f"{NAME}.ipynb", sheets) == (NAME, "")
    typed = without(released("notebooks", PART, NAME), "id")
    asked = [
        name
        for sheet in sheets
        if sheet.name == NAME
        for exercise in sheet.exercises
        for name in exercise.names
    ]
    source = "\n".join(f"def {name}():\n    pass" for name in asked)
    typed["cells"].append({"cell_type": "code", "metadata": {}, "source": source})
    assert matched(typed, f"{NAME}.ipynb", sheets) == (NAME, "")


# -------------------------------------------------------------------------------------- the command


def test_a_dry_run_says_who_would_be_whom_and_runs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("grading.__main__.missing", lambda: ["There is no sandbox here."])
    monkeypatch.setattr(
        "grading.engine.session.Notebook.start", lambda self: pytest.fail("something was run")
    )
    exercise = (ROOT / "exercises" / PART / f"{NAME}.ipynb").read_bytes()
    listing = {
        f"Ada_1_assignsubmission_file/{NAME}.ipynb": exercise,
        "Bob_2_assignsubmission_file/x.html": b"<p>",
        f"Cem_3_assignsubmission_file/{NAME}.ipynb": (
            ROOT / "notebooks" / PART / f"{NAME}.ipynb"
        ).read_bytes(),
        "Dan_4_assignsubmission_file/x.ipynb": b"{",
        "grades.csv": b"",
    }
    (tmp_path / "class.zip").write_bytes(zipped(listing))
    words = [
        "grade",
        str(tmp_path / "class.zip"),
        "--part",
        PART,
        "--out",
        str(tmp_path / "out"),
        "--dry-run",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "Layout moodle: 4 of 5 entries of class.zip" in said
    assert f"Ada (number 1)\n    {NAME}.ipynb -> {NAME}\n" in said
    assert "x.html -> nothing\n    look: x.html is a web page" in said
    assert "is the lesson 1_surfaces" in said and "its text is not JSON" in said
    assert "1 file is nobody's work: grades.csv" in said
    assert "4 handed in, 1 with notebooks of 1_landscape, 3 need a look.\nNothing was run." in said
    assert not (tmp_path / "out").exists()
    assert (
        main([*words, "--only", "2,Ada"]) == 0 and "2 handed in, 1 with" in capsys.readouterr().out
    )
    assert (
        main([*words, "--only", "Zoe"]) == 2
        and "Nobody here is called Zoe." in capsys.readouterr().err
    )


# -------------------------------------------------------------------------------- classes by chance

PEOPLE = [
    "Ada",
    "ada",
    "Jan Novak",
    "J\u00f6rg M\u00fcller",
    "O'Neil",
    "李 明",
    "Mary-Ann",
    "1_ada",
    "2_bob",
    "Week",
    "a b c",
    "12",
    "0012",
    "Smith, J",
    "x.y",
    "Student 1",
    "Student 2",
    "Anne (she)",
    "null",
    "Lab Rat",
    "Final",
    "100%",
    "a&b",
    "İ",
    "ß",
    "SS",
]
HANDED_IN = [
    f"{NAME}.ipynb",
    "2_curvature.ipynb",
    "my work.ipynb",
    "final_v2.ipynb",
    f"{NAME} (1).ipynb",
    "w.zip",
]
PLACES = {
    "moodle": (str, "{name}_{n}_assignsubmission_file/{inner}{file}"),
    "moodle without folders": (str, "{name}_{n}_assignsubmission_file_{file}"),
    "canvas": (str, "{canvas}_{late}{n}_{n}{k}_{file}"),
    "blackboard": (str, "HW 1_{n}_attempt_2026-11-03-10-00-0{k}_{file}"),
    "brightspace": (str, "{n}-77 - {name} - Nov 3, 2026 100{k} AM/{file}"),
    "brightspace, files": (str, "{n}-77 - {name} - Nov 3, 2026 100{k} AM - {file}"),
    "sakai": (str, "HW/{name}, F({n})/Submission attachment(s)/{file}"),
    "nbgrader": (None, f"submitted/{{name}}/{PART}/{{file}}"),
    "folders": (None, "{name}/{inner}{file}"),
}


@pytest.mark.parametrize("place", PLACES)
def test_nobody_is_lost_and_no_two_are_merged(place, tmp_path):
    number, pattern = PLACES[place]
    for seed in range(25):
        random = Random(seed)
        listing, expected = {}, {}
        for n, name in enumerate(random.sample(PEOPLE, random.randint(2, 9)), 100):
            files = random.sample(HANDED_IN, random.randint(1, 3))
            expected[str(n) if number else name] = len(files)
            canvas = "".join(filter(str.isalnum, name.lower()))
            for k, file in enumerate(files):
                inner = random.choice(["", "sub/", "work/", f"{PART}/"])
                shown = name.replace("_", " ") if "moodle" in place else name.partition("(")[0]
                shown = name if place in ("nbgrader", "folders") else shown
                late = "LATE_" * (n % 2)
                path = pattern.format(
                    name=shown, n=n, k=k, file=file, inner=inner, canvas=canvas, late=late
                )
                data = (
                    zipped({f"work/{NAME}.ipynb": notebook(path)})
                    if file == "w.zip"
                    else notebook(path)
                )
                listing["wrap/" * (seed % 3) + path] = data
        (tmp_path / "class.zip").write_bytes(zipped(listing))
        found = find(tmp_path / "class.zip", PART)
        assert {s.id: len(s.files) for s in found} == expected, seed
        assert len({s.slug.lower() for s in found}) == len(found)


TOLD_APART = {
    "a number behind the notebook": (
        [f"{sheet}{mark}.ipynb" for mark in ("-4711", " 4712", " (4713)") for sheet in (NAME, "2_curvature")],
        {"4711": 2, "4712": 2, "4713": 2},
    ),
    "groups": ([f"{NAME}_group {n}.ipynb" for n in (1, 2)], {"group 1": 1, "group 2": 1}),
    "namesakes with numbers": (
        [f"{NAME} - Jan Novak {n}.ipynb" for n in (1, 2)], {"Jan Novak 1": 1, "Jan Novak 2": 1},
    ),
    "versions in folders": (
        [f"{who}/{version}/{NAME}.ipynb" for who in ("ada", "bob") for version in ("v1", "v2")],
        {"ada": 2, "bob": 2},
    ),
    "tries in folders": (
        [f"{who}/{version}/{NAME}.ipynb" for who in ("ada", "bob") for version in ("my try", "with Bob")],
        {"ada": 2, "bob": 2},
    ),
    "weekdays": (
        [f"monday/ada/{NAME}.ipynb", f"monday/bob/{NAME}.ipynb", f"tuesday/cem/{NAME}.ipynb"],
        {"ada": 1, "bob": 1, "cem": 1},
    ),
    "given names in parentheses": (
        [f"Müller, Johann (Hans)/{NAME}.ipynb", f"Lovelace, Ada (late)/{NAME}.ipynb"],
        {"Müller, Johann (Hans)": 1, "Lovelace, Ada (late)": 1},
    ),
    "blanks around a name": (
        [f"ada /{NAME}.ipynb", "ada/2_curvature.ipynb", f"bob\u00a0li/{NAME}.ipynb"], {"ada": 2, "bob li": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", TOLD_APART)
def test_people_are_told_apart_and_versions_are_not_people(title, tmp_path):
    files, expected = TOLD_APART[title]
    on_disk(tmp_path / "class", {name: notebook(name) for name in files})
    found = find(tmp_path / "class", PART)
    assert {s.student: len(s.files) for s in found} == expected


@pytest.mark.parametrize(
    "inside",
    [
        [f"v1/{NAME}.ipynb", f"v2/{NAME}.ipynb"],
        [f"mine/{NAME}.ipynb", f"given/{NAME}.ipynb"],
        ["surfaces_mine.ipynb", "curvature_mine.ipynb"],
        [f"own/{NAME}.ipynb", "notes.ipynb"],
    ],
)
def test_what_students_have_zipped_is_theirs_however_it_is_laid_out(inside, tmp_path):
    for who in ("ada", "bob"):
        (tmp_path / f"{who}.zip").write_bytes(zipped({name: notebook(who + name) for name in inside}))
    assert {s.student: len(s.files) for s in find(tmp_path, PART)} == {"ada": 2, "bob": 2}
