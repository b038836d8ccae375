"""Results, marks and reports: nothing is lost, nothing counts twice, and each reader sees what is
meant for them.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import re
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT

from grading import GradingError, selftest
from grading.__main__ import main
from grading.classroom import alike, store
from grading.classroom.classbook import merged, open_book
from grading.classroom.marks import Mark, MarksError, bare, read_marks, safe, settled
from grading.classroom.report import write_reports
from grading.classroom.sheets import load_part
from grading.classroom.submissions import Submission, find
from grading.engine.sandbox import missing
from grading.grade import Options, grade_class

PART, NAME, SLUG = "1_landscape", "1_surfaces", "convex_picture"
LATER = "2_convergence"
HEAD = "student,lms_id,part,notebook,question,worth,mark,comment,earlier_mark,version,answer"
OLD = "student,notebook,question,worth,mark,comment,answer"
PEOPLE = [
    ("ada", "ada", ""),
    ("00123", "Bo Ek", "00123"),
    ("11", "Jan Maier", "11"),
    ("12", "Jan Maier", "12"),
    ("Jürgen Groß", "Jürgen Groß", ""),
    ("=cmd()", "=cmd()", ""),
]
WORTH = {(PART, NAME, SLUG): 3, (PART, "2_curvature", "flatness"): 3}
OTHERS = {(LATER, "2_momentum", "more_momentum")}
POINTS = {
    part: sum(e.points for sheet in load_part(part) for e in sheet.exercises)
    for part in (PART, LATER)
}
BY_HAND = {
    part: sum(q.points for sheet in load_part(part) for q in sheet.questions)
    for part in (PART, LATER)
}
ALONE = sum(e.points for e in load_part(PART)[0].exercises)  # of NAME
ONE = load_part(PART)[0].exercises[0].points  # of violated_fraction
needs_sandbox = pytest.mark.skipif(bool(missing()), reason=" ".join(missing()) or "none")
Person = namedtuple("Person", "student lms_id slug", defaults=("", None))


def run_grader(*words):
    """Run the command in this process; return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(ROOT):
        code = main([str(word) for word in words])
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def version_of(text):
    return f"v{hashlib.sha256(text.encode()).hexdigest()[:12]}" if text else ""


def store_result(
    out, person, texts=None, wrong=(), batch="monday-11111111", part=PART, only=None, **more
):
    """Store the result of somebody who has all right but what `wrong` says: {slug: entry}; return
    where.
    """
    wrong, notebooks = dict(wrong), []
    for sheet in load_part(part):
        there = only is None or sheet.name in only
        exercises = []
        for e in sheet.exercises:
            right = {"state": "passed", "points": e.points, "said": [f"PASS - {e.slug}"]}
            entry = {"state": "absent", "points": 0, "said": []} if not there else right
            entry |= {"points": 0} | wrong[e.slug] if e.slug in wrong and there else {}
            exercises.append(
                {"slug": e.slug, "max_score": e.points, "problem": "", "detail": ""} | entry
            )
        asked = [
            (q.slug, (texts or {}).get(q.slug, f"What I think of {q.slug}."))
            for q in sheet.questions
            if there
        ]
        notebooks.append(
            {
                "name": sheet.name,
                "file": f"{sheet.name}.ipynb" if there else "",
                "exercises": exercises,
                "cells": [],
                "points": sum(e["points"] for e in exercises),
                "max_score": sum(e["max_score"] for e in exercises),
                "questions": [
                    {
                        "slug": slug,
                        "title": slug,
                        "max_score": 3,
                        "text": text,
                        "version": version_of(text),
                        "empty": not text,
                    }
                    for slug, text in asked
                ],
                "answers": {e.answer_id: "x = 1" for e in sheet.exercises} if there else {},
            }
        )
    result = {
        "id": person.lms_id or person.student,
        "student": person.student,
        "lms_id": person.lms_id,
        "part": part,
        "batch": batch,
        "key": "k",
        "points": sum(n["points"] for n in notebooks),
        "flags": [],
        "notes": [],
        "max_score": sum(n["max_score"] for n in notebooks),
        "notebooks": notebooks,
    }
    path = store.result_path(out, part, batch, SimpleNamespace(slug=person.slug or person.student))
    store.save(path, result | more)
    return path


def reports(out, *people, part=PART, lms=None):
    """Write the reports as a run does in which these people handed in."""
    store.open_results(out)
    own = [Submission(person.student, person.lms_id, ()) for person in people]
    return write_reports(out, own, load_part(part), lms)


def write_marks(out, *lines, head=HEAD):
    (out / "free_text.csv").write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def give(out, wanted, **cells):
    """Write into the rows of free_text.csv that a function wants."""
    rows = table(out / "free_text.csv")
    for row in rows:
        if wanted(row):
            row.update(cells)
    with (out / "free_text.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def marked(path, people=PEOPLE, **more):
    return read_marks(path, people, WORTH, OTHERS, **more)[0]


# ---------------------------------------------------------------------------------- a file of marks

ROW = ["ada", NAME, SLUG, "3", "2,5", "größer; als „nötig“, sagt sie", "Zeile eins\nZeile zwei"]


def written(delimiter, ends="\r\n"):
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=delimiter, lineterminator=ends)
    rows.writerows([OLD.split(","), ROW, []])
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["commas", "semicolons", "tabs"])
@pytest.mark.parametrize(
    "encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
def test_a_mark_is_read_however_a_spreadsheet_writes_it(delimiter, encoding, ends, tmp_path):
    path = tmp_path / "free_text.csv"
    path.write_bytes(written(delimiter, ends).encode(encoding))
    mark = marked(path)["ada", PART, NAME, SLUG]
    assert (mark.mark, mark.comment, mark.row.number) == (2.5, ROW[5], 2)


@pytest.mark.parametrize("cell", ["2", "2.0", " 2 ", "2,", "2,0", "'2", "02"])
def test_a_mark_is_a_number_however_it_is_typed(cell, tmp_path):
    write_marks(tmp_path, f'ada,,,{NAME},{SLUG},3,"{cell}",,,,')
    assert marked(tmp_path / "free_text.csv")["ada", PART, NAME, SLUG].mark == 2


@pytest.mark.parametrize(
    "cell", ["four", "-1", "3.5", "nan", "inf", "1_0", "50%", "2/3", "1e9", "2 of 3"]
)
def test_marks_that_are_none_are_refused(cell, tmp_path):
    write_marks(tmp_path, "", f'ada,,,{NAME},{SLUG},3,"{cell}",,,,')
    with pytest.raises(MarksError, match=r"row 3: the mark .* is not a number from 0 to 3"):
        marked(tmp_path / "free_text.csv")


def test_blank_and_short_rows_and_columns_of_the_marker_s_own_are_read(tmp_path):
    path = tmp_path / "free_text.csv"
    path.write_text(
        f"sep=;\n;;;\nStudent ; "
        f"NOTEBOOK;Question;Mark;by\n\nada;{NAME};{SLUG};2;KL;\nada;{NAME}\n;;;;\n"
    )
    mark = marked(path)["ada", PART, NAME, SLUG]
    assert (mark.mark, mark.extra, mark.row.number) == (2, (("by", "KL"),), 5)
    path.write_text("\n".join([OLD, f"ada,{NAME},{SLUG},3,2"]))
    assert marked(path)["ada", PART, NAME, SLUG].mark == 2
    path.write_text(OLD)
    assert marked(path) == {}
    assert marked(tmp_path / "none.csv") == {}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n,,\n", "is empty"),
        (b"PK\x03\x04rest", "is a workbook"),
        (b"student,notebook,question\nada,1,2\n", "lacks a column \\(mark\\)"),
        (b"notebook,question,mark\n1,2,3\n", "lacks a column \\(student\\)"),
        (f"{OLD},mark\n".encode(), "the column 'mark' twice"),
        (f"{OLD}\nada,{NAME},{SLUG},3,2,well, said,text\n".encode(), "row 2: it has more cells"),
        (f'{OLD}\nada,{NAME},{SLUG},3,2,"well said,text\n'.encode(), "a quotation mark is open"),
    ],
)
def test_a_file_that_is_no_table_of_marks_gets_a_sentence(data, said, tmp_path):
    (tmp_path / "free_text.csv").write_bytes(data)
    with pytest.raises(MarksError, match=said):
        marked(tmp_path / "free_text.csv")


@pytest.mark.parametrize(
    ("student", "number", "who"),
    [
        ("ada", "", "ada"),
        ("Bo Ek", "00123", "00123"),
        ("00123", "", "00123"),
        ("Bo Ek", "", "00123"),
        ("", "12", "12"),
        ("Jan Maier", "11", "11"),
        ("Ju\u0308rgen Groß", "", "Jürgen Groß"),
        ("'=cmd()", "", "=cmd()"),
    ],
)
def test_a_row_is_found_by_number_else_by_identity_else_by_a_name_that_one_has(
    student, number, who, tmp_path
):
    write_marks(tmp_path, f"{student},{number},{PART},{NAME},{SLUG},3,1,,,,")
    assert list(marked(tmp_path / "free_text.csv")) == [(who, PART, NAME, SLUG)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            f"Bo Ek,123,,{NAME},{SLUG},3,2",
            "row 2: nobody here has the number 123 \\(did you mean 00123\\?\\)",
        ),
        (f"Bo Ek,123.0,,{NAME},{SLUG},3,2", "did you mean 00123"),
        (f"123,,,{NAME},{SLUG},3,2", "nobody here is called 123 \\(did you mean 00123\\?\\)"),
        (f"Ada,,,{NAME},{SLUG},3,2", "nobody here is called Ada \\(did you mean ada\\?\\)"),
        (f"zzz,,,{NAME},{SLUG},3,2", "nobody here is called zzz\\."),
        (f",,,{NAME},{SLUG},3,2", "nobody here is called \\(no name\\)"),
        (f"zzz,,,{NAME},{SLUG},3,,a comment alone", "nobody here is called zzz"),
        (f"zzz,,,{NAME},{SLUG},3,,,2 for another text", "nobody here is called zzz"),
        (f"Jan Maier,,,{NAME},{SLUG},3,2", "2 students are called Jan Maier.*11, 12"),
        (f"ada,11,,{NAME},{SLUG},3,2", "the rows have slipped"),
        (
            f"ada,,,{NAME},convex,3,2",
            "there is no question 1_surfaces/convex \\(did you mean 1_landscape/1_surfaces",
        ),
        (f"ada,,{LATER},{NAME},{SLUG},3,2", "there is no question 2_convergence/1_surfaces"),
        (
            f"ada,,,{NAME},{SLUG},5,2",
            "the mark '2' was given out of 5, and the question is worth 3 now",
        ),
        (f"ada,,,{NAME},{SLUG},three,2", "was given out of three"),
    ],
)
def test_a_mark_that_is_nobody_s_is_an_error_that_names_the_row(row, said, tmp_path):
    write_marks(tmp_path, row)
    with pytest.raises(MarksError, match=said) as error:
        marked(tmp_path / "free_text.csv")
    assert str(error.value).endswith("Nothing was changed.")


def test_all_rows_at_fault_are_named_up_to_eight(tmp_path):
    write_marks(tmp_path, *(f"nobody{n},,,{NAME},{SLUG},3,2,,,," for n in range(20)))
    with pytest.raises(MarksError) as error:
        marked(tmp_path / "free_text.csv")
    assert [int(row) for row in re.findall(r"row (\d+):", str(error.value))] == list(range(2, 10))
    assert "and 12 more rows" in str(error.value)


def test_rows_of_nobody_with_nothing_written_by_hand_are_no_matter(tmp_path):
    write_marks(tmp_path, f"gone,,,{NAME},{SLUG},3,,,,v1,text", f"ada,,,{NAME},{SLUG},9,,,,v1,text")
    assert marked(tmp_path / "free_text.csv") == {}


def test_two_rows_for_one_answer_agree_or_are_named(tmp_path):
    path, start = tmp_path / "free_text.csv", f"ada,,,{NAME},{SLUG},3"
    write_marks(tmp_path, f"{start},2,good,,v1", f"{start},2.0,,,v1", f"{start},,,,v1")
    assert marked(path)["ada", PART, NAME, SLUG].comment == "good"
    for other in ("3,good", "2,bad"):
        write_marks(tmp_path, f"{start},2,good,,v1", "", f"{start},{other},,v1")
        with pytest.raises(MarksError, match="row 4: it contradicts row 2"):
            marked(path)


def test_the_case_of_marks_typed_in_excel(tmp_path):
    """cp1252 with CRLF; 00123, a name with umlauts, and a plain one."""
    text = f"{OLD}\r\n" + "".join(
        f"{who},{NAME},{SLUG},3,2,gut,Ein Bild in einer Ebene: größer als nötig\r\n"
        for who in ("00123", "Jürgen Groß", "ada")
    )
    path = tmp_path / "free_text.csv"
    path.write_bytes(text.encode("cp1252"))
    assert {key[0]: mark.mark for key, mark in marked(path).items()} == {
        "00123": 2,
        "Jürgen Groß": 2,
        "ada": 2,
    }
    with pytest.raises(
        MarksError, match=r"row 2: nobody here is called 00123 \(did you mean 123\?\)"
    ):
        marked(path, [("123", "123", ""), *PEOPLE[:1], PEOPLE[4]])


@pytest.mark.parametrize(
    "text", ["=1+1", "'=1", "''x", "'x", "+", "-1", "@a", "\ta", "＝1", "plain", "", "'"]
)
def test_what_is_made_safe_for_a_spreadsheet_comes_back_as_it_was(text):
    assert bare(safe(text)) == text
    assert safe(text)[:1] not in tuple("=+-@\t\r＝") or not text


def test_a_mark_waits_again_when_its_text_has_changed():
    given = Mark(2.0, "well said", "", "v1")
    assert settled(given, "v1") == given
    assert settled(Mark(2.0), "v2").mark == 2, "an old file does not say for which text a mark is"
    assert settled(given, None) == given, "no notebook, no other text"
    changed = settled(given, "v2")
    assert (changed.mark, changed.comment) == (None, "")
    assert changed.earlier == "2 for the text before it changed: well said"
    again = settled(Mark(3.0, "", changed.earlier, "v2"), "v3")
    assert (
        again.earlier
        == "3 for the text before it changed; 2 for the text before it changed: well said"
    )


# --------------------------------------------------------------------------------- results are kept


def test_a_late_folder_another_part_and_another_day_are_one_class(tmp_path):
    ada, bob, eve = Person("ada"), Person("bob"), Person("Eve Å", "77", "eve-77")
    for person in (ada, bob):
        store_result(tmp_path, person)
    assert reports(tmp_path, ada, bob)["students"] == 2
    store_result(tmp_path, eve, batch="late-22222222")
    late = reports(tmp_path, eve)
    assert (late["students"], late["handed_in"], late["graded"], late["earlier"]) == (
        3, 1, 1, ["ada", "bob"],
    )  # fmt: skip
    rows = table(tmp_path / "grades.csv")
    assert [row["student"] for row in rows] == ["ada", "bob", "Eve Å"]
    assert {row["points"] for row in rows} == {f"{POINTS[PART]}"} and PART not in rows[0]
    store_result(tmp_path, ada, part=LATER, batch="tuesday-33333333")
    reports(tmp_path, ada, part=LATER)
    rows = {row["student"]: row for row in table(tmp_path / "grades.csv")}
    assert (rows["ada"][PART], rows["ada"][LATER]) == (f"{POINTS[PART]}", f"{POINTS[LATER]}")
    assert rows["ada"]["points"] == f"{POINTS[PART] + POINTS[LATER]}"
    assert rows["bob"][LATER] == "" and rows["bob"]["2_momentum/ball_step"] == ""
    assert rows["bob"]["worth"] == f"{sum(POINTS.values()) + sum(BY_HAND.values())}"
    page = (tmp_path / "feedback" / "ada.html").read_text()
    assert f"{PART}: {POINTS[PART]} of" in page and f"{LATER}: {POINTS[LATER]} of" in page
    report = (tmp_path / "report.html").read_text()
    assert f"<h2>{PART}</h2>" in report and f"<h2>{LATER}</h2>" in report


def test_of_two_copies_the_best_counts_and_a_flag_says_so(tmp_path):
    ada, bob = Person("ada"), Person("bob")
    wrong = {"violated_fraction": {"state": "failed", "said": ["FAIL - a plane: got 2"]}}
    store_result(tmp_path, ada, wrong=wrong, batch="monday-11111111")
    store_result(tmp_path, ada, {SLUG: ""}, batch="friday-22222222")
    for batch in ("monday-11111111", "friday-22222222"):
        store_result(tmp_path, bob, batch=batch)
    reports(tmp_path, ada, bob)
    rows = {row["student"]: row for row in table(tmp_path / "grades.csv")}
    assert rows["ada"]["points"] == rows["bob"]["points"] == f"{POINTS[PART]}"
    assert rows["ada"]["needs_a_look"] == "1" and rows["bob"]["needs_a_look"] == "0"
    report = (tmp_path / "report.html").read_text()
    assert (
        "1_surfaces was handed in more than once, in friday and in monday; the best counts."
        in report
    )
    assert "in friday" not in (tmp_path / "feedback" / "ada.html").read_text()
    texts = {
        row["student"]: row["answer"]
        for row in table(tmp_path / "free_text.csv")
        if row["question"] == SLUG
    }
    assert texts["ada"] == f"What I think of {SLUG}.", (
        "the best copy lacks the text that the other has"
    )


def test_notebooks_of_one_part_handed_in_on_two_days_are_put_together(tmp_path):
    ada = Person("ada")
    store_result(tmp_path, ada, only=[NAME], batch="monday-11111111")
    store_result(tmp_path, ada, only=["2_curvature"], batch="friday-22222222")
    reports(tmp_path, ada)
    (row,) = table(tmp_path / "grades.csv")
    worth = {sheet.name: sum(e.points for e in sheet.exercises) for sheet in load_part(PART)}
    assert int(row["points"]) == worth[NAME] + worth["2_curvature"]
    assert row["needs_a_look"] == "0"


def test_namesakes_and_twice_used_names_are_told_apart(tmp_path):
    store_result(tmp_path, Person("Jan Maier", "11", "jan-11"))
    store_result(
        tmp_path, Person("Jan Maier", "12", "jan-12"), wrong={"classify": {"state": "failed"}}
    )
    store_result(tmp_path, Person("Bo", "13", "a"), batch="a-11111111")
    store_result(tmp_path, Person("Lu", "14", "A"), batch="b-22222222")
    reports(tmp_path)
    rows = {row["lms_id"]: row for row in table(tmp_path / "grades.csv")}
    assert int(rows["11"]["points"]) > int(rows["12"]["points"])
    pages = {path.name.casefold() for path in (tmp_path / "feedback").iterdir()}
    assert len(pages) == 4, "also where file names ignore case"
    store_result(tmp_path, Person("Somebody Else", "11", "else-11"), batch="b-22222222")
    students = merged(store.everything(tmp_path)[0])
    assert len(students) == 4
    (one,) = [student for student in students if student.id == "11"]
    assert "several names: Jan Maier, Somebody Else" in one.work[PART].flags[0]


def test_one_name_encoded_in_two_ways_is_one_student(tmp_path):
    for name, batch in (("J\u00fcrgen", "mac-11111111"), ("Ju\u0308rgen", "windows-22222222")):
        store_result(tmp_path, Person(name, "", "j"), batch=batch, id="J\u00fcrgen")
    assert reports(tmp_path)["students"] == 1
    assert table(tmp_path / "grades.csv")[0]["needs_a_look"] == "0"


def test_results_of_an_older_version_are_left_alone(tmp_path):
    (tmp_path / "students").mkdir()
    (tmp_path / "students" / "ada.json").write_text("{}")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(
        GradingError, match="older version. Nothing was touched.*--out.*free_text.csv"
    ):
        store.open_results(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "format.json").write_text('{"format": 3}')
    with pytest.raises(GradingError, match="another format"):
        store.open_results(tmp_path)
    (tmp_path / "format.json").write_text("{")
    with pytest.raises(GradingError, match="another format"):
        store.open_results(tmp_path)
    with pytest.raises(GradingError, match="is a file, not a folder"):
        store.open_results(tmp_path / "format.json")
    for batch in ("", "on_time-1", "late-2", "on_time-1"):
        store.open_results(tmp_path / "new", batch)
    assert store.batches(tmp_path / "new") == ["on_time-1", "late-2"]


def test_a_part_that_the_course_does_not_have_is_named(tmp_path):
    path = store_result(tmp_path, Person("ada"))
    path.parent.parent.rename(tmp_path / "students" / "9_gone")
    with pytest.raises(
        GradingError, match="results of 9_gone, a part that this course does not have"
    ):
        open_book(tmp_path)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"student": "ada"}', '{"format": 9}', "[" * 9999]
)
def test_a_damaged_result_is_named_and_its_marks_are_kept(damage, tmp_path):
    ada, bob = Person("ada"), Person("bob")
    path = store_result(tmp_path, ada)
    store_result(tmp_path, bob)
    reports(tmp_path, ada, bob)
    give(
        tmp_path,
        lambda row: row["student"] == "ada" and row["question"] == SLUG,
        mark="2",
        comment="good",
    )
    path.write_text(damage)
    assert store.stored(path) is None, "so it is graded again if its submission is there"
    for _ in range(2):
        summary = reports(tmp_path, bob)
        assert summary["unreadable"] == [str(path)] and summary["students"] == 1
        assert "monday-11111111/ada.json" in (tmp_path / "report.html").read_text()
        (row,) = [row for row in table(tmp_path / "free_text.csv") if row["student"] == "ada"]
        assert (row["mark"], row["comment"]) == ("2", "good")
    store_result(tmp_path, ada)
    reports(tmp_path, ada)
    assert {row["student"]: row["points"] for row in table(tmp_path / "grades.csv")} == {
        "ada": f"{POINTS[PART] + 2}",
        "bob": f"{POINTS[PART]}",
    }


def test_what_was_graded_with_other_exercises_needs_a_look(tmp_path):
    path = store_result(tmp_path, Person("ada"))
    path.write_text(path.read_text().replace("violated_fraction", "an_older_exercise"))
    assert reports(tmp_path)["students"] == 1
    assert table(tmp_path / "grades.csv")[0]["needs_a_look"] == "1"
    assert (
        "graded with other exercises than the course has now"
        in (tmp_path / "report.html").read_text()
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no room left"),
        (errno.EROFS, "may not be written"),
        (errno.EACCES, "another program"),
        (errno.EIO, "error"),
    ],
)
@pytest.mark.parametrize("call", ["write_bytes", "mkdir", "replace"])
def test_a_disk_that_takes_nothing_gets_a_sentence_and_keeps_what_was_there(
    number, said, call, tmp_path, monkeypatch
):
    path = tmp_path / "there" / "grades.csv"
    store.write(path, "before")

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "replace" else Path, call, fail)
        with pytest.raises(
            store.WriteError, match=f"grades.csv cannot be written: .*{said}.*graded is kept"
        ):
            store.write(path, "after")
    assert path.read_text() == "before" and os.listdir(path.parent) == ["grades.csv"]


def test_a_half_written_draft_is_taken_away(tmp_path, monkeypatch):
    written = Path.write_bytes

    def half(path, data):
        written(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(store.WriteError):
        store.write(tmp_path / "x", "whole")
    assert os.listdir(tmp_path) == []


# ----------------------------------------------------------------------------------- marks are kept


def test_marks_go_round_and_round_unchanged(tmp_path):
    store_result(tmp_path, Person("ada"), {SLUG: "=a formula\n\n- a list"})
    store_result(tmp_path, Person("=cmd()", "", "cmd"))
    store_result(tmp_path, Person("Bo", "00123", "bo"))
    reports(tmp_path)
    before = (tmp_path / "free_text.csv").read_bytes()
    reports(tmp_path)
    assert (tmp_path / "free_text.csv").read_bytes() == before
    give(tmp_path, lambda row: row["question"] == SLUG, mark="2,5", comment="=well")
    for _ in range(3):
        reports(tmp_path)
    rows = [row for row in table(tmp_path / "free_text.csv") if row["question"] == SLUG]
    assert [(row["mark"], row["comment"]) for row in rows] == [("2.5", "'=well")] * 3
    assert {row["points"] for row in table(tmp_path / "grades.csv")} == {f"{POINTS[PART] + 2.5}"}
    assert ">=well<" in (tmp_path / "feedback" / "ada.html").read_text()


def test_a_marker_reads_one_question_in_a_row_and_blank_ones_apart(tmp_path):
    for name in ("ada", "bob", "cid"):
        store_result(tmp_path, Person(name), {SLUG: "" if name == "bob" else "text"})
    summary = reports(tmp_path)
    rows = table(tmp_path / "free_text.csv")
    assert [(row["question"], row["student"]) for row in rows] == [
        *((SLUG, name) for name in ("ada", "cid")),
        *((slug, name) for slug in ("flatness", "picture") for name in ("ada", "bob", "cid")),
        (SLUG, "bob"),
    ]
    assert rows[-1]["answer"] == "(nothing was written)" and rows[-1]["version"] == "vempty"
    assert all(re.fullmatch(r"v[0-9a-f]{12}", row["version"]) for row in rows[:-1])
    assert (summary["free_text_waiting"], summary["free_text_blank"]) == (8, 1)
    asked = (tmp_path / "free_text.html").read_text()
    for sheet in load_part(PART):
        assert asked.count(f"{sheet.name}: {sheet.questions[0].slug} (") == 1


def test_each_question_has_a_rubric_of_a_line_a_point(tmp_path):
    for part in (PART, LATER, "3_hyperparameter_optimization"):
        store_result(tmp_path, Person("ada"), part=part)
    reports(tmp_path)
    rubrics = re.findall(r"<ol>(.*?)</ol>", (tmp_path / "free_text.html").read_text(), re.DOTALL)
    assert [rubric.count("<li>") for rubric in rubrics] == [3] * len(
        table(tmp_path / "free_text.csv")
    )


def test_a_changed_text_waits_with_its_old_mark_beside_it(tmp_path):
    ada = Person("ada")
    store_result(tmp_path, ada)
    reports(tmp_path, ada)
    give(tmp_path, lambda row: row["question"] == SLUG, mark="2", comment="good")
    reports(tmp_path, ada)
    store_result(tmp_path, ada, {SLUG: "Another text."})
    for _ in range(2):
        summary = reports(tmp_path, ada)
        row = table(tmp_path / "free_text.csv")[0]
        assert (row["mark"], row["comment"], row["answer"]) == ("", "", "Another text.")
        assert row["earlier_mark"] == "2 for the text before it changed: good"
        assert row["version"] == version_of("Another text.")
        assert summary["free_text_waiting"] == 3 and summary["need_a_look"] == 1
    assert "the text of convex_picture has changed" in (tmp_path / "report.html").read_text()
    assert "good" not in (tmp_path / "feedback" / "ada.html").read_text()
    give(tmp_path, lambda row: row["question"] == SLUG, mark="3")
    reports(tmp_path, ada)
    row = table(tmp_path / "free_text.csv")[0]
    assert (row["mark"], row["earlier_mark"]) == ("3", "2 for the text before it changed: good")
    assert table(tmp_path / "grades.csv")[0]["points"] == f"{POINTS[PART] + 3}"


def test_a_mark_for_nothing_does_not_stand_for_a_text_that_comes_late(tmp_path):
    ada = Person("ada")
    store_result(tmp_path, ada, {SLUG: ""})
    reports(tmp_path, ada)
    give(tmp_path, lambda row: row["question"] == SLUG, mark="0")
    reports(tmp_path, ada)
    assert table(tmp_path / "free_text.csv")[-1]["mark"] == "0"
    store_result(tmp_path, ada, batch="late-22222222")
    reports(tmp_path, ada)
    (row,) = [row for row in table(tmp_path / "free_text.csv") if row["question"] == SLUG]
    assert row["mark"] == "" and row["earlier_mark"].startswith("0 for the text before")


def test_a_mark_outlives_a_result_without_its_notebook(tmp_path):
    """As when the grader fails on a submission once: the mark stays, is counted, and somebody
    looks.
    """
    ada = Person("ada")
    store_result(tmp_path, ada)
    reports(tmp_path, ada)
    give(tmp_path, lambda row: row["question"] == SLUG, mark="2")
    store_result(tmp_path, ada, only=[])
    reports(tmp_path, ada)
    (row,) = table(tmp_path / "free_text.csv")
    assert row["mark"] == "2" and row["version"] == version_of(f"What I think of {SLUG}.")
    assert table(tmp_path / "grades.csv")[0]["points"] == "2"
    store_result(tmp_path, ada)
    reports(tmp_path, ada)
    assert table(tmp_path / "grades.csv")[0]["points"] == f"{POINTS[PART] + 2}"


def test_marks_of_a_part_or_a_student_not_graded_here_yet_are_kept(tmp_path):
    write_marks(
        tmp_path,
        f"ada,,{LATER},2_momentum,more_momentum,3,2,good,,v1,a text",
        f"bob,,{PART},{NAME},{SLUG},3,1,,,v2,b",
    )
    store_result(tmp_path, Person("ada"))
    reports(tmp_path, Person("ada"), Person("bob"))
    rows = {(row["student"], row["question"]): row for row in table(tmp_path / "free_text.csv")}
    assert (
        rows["ada", "more_momentum"]["mark"] == "2"
        and rows["ada", "more_momentum"]["answer"] == "a text"
    )
    assert rows["bob", SLUG]["mark"] == "1" and rows["bob", SLUG]["version"] == "v2"
    store_result(tmp_path, Person("ada"), part=LATER)
    reports(tmp_path, Person("ada"), Person("bob"), part=LATER)
    rows = {(row["student"], row["question"]): row for row in table(tmp_path / "free_text.csv")}
    assert rows["ada", "more_momentum"]["earlier_mark"] == "2 for the text before it changed: good"
    assert rows["bob", SLUG]["mark"] == "1"


def test_columns_of_the_marker_s_own_stay(tmp_path):
    store_result(tmp_path, Person("ada"))
    reports(tmp_path)
    rows = table(tmp_path / "free_text.csv")
    lines = [",".join([*HEAD.split(","), "Marked by"])]
    lines += [",".join([*row.values(), "KL" if row["question"] == SLUG else ""]) for row in rows]
    (tmp_path / "free_text.csv").write_text("\n".join(lines))
    for _ in range(2):
        reports(tmp_path)
    assert [row["Marked by"] for row in table(tmp_path / "free_text.csv")] == ["KL", "", ""]


def test_a_bad_mark_changes_no_file(tmp_path):
    store_result(tmp_path, Person("Bo", "00123", "bo"))
    reports(tmp_path)
    give(tmp_path, lambda row: row["question"] == SLUG, mark="2", lms_id="123")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(MarksError, match="row 2: .*did you mean 00123"):
        reports(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# --------------------------------------------------------------------------------- the same answers

STUB = "def f(x):\n    # your answer\n    ...\n"
BODY = "\n".join(f"    step_{n} = x * {n} + other_{n}" for n in range(8))
ANSWER = f'def f(x):\n    """What it does."""\n{BODY}\n    return step_1\n'
ANOTHER = ANSWER.replace("step", "move")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ANSWER, ANSWER.replace('    """What it does."""\n', "    # said otherwise\n")),
        (ANSWER, ANSWER.replace(" * ", "*").replace("    ", "\t")),
        (ANSWER, "\n\n" + ANSWER.replace("\n", "  # so\n\n")),
        ("x = [1,\n     2]", "x = [1, 2]"),
        ("%%time\nx = 1  # one", "%%time\nx=1"),
    ],
)
def test_spaces_comments_and_docstrings_make_no_difference(one, other):
    assert alike.shape(one) == alike.shape(other)


@pytest.mark.parametrize("other", ["x = '# a'", "x = '# b'", "y = '# a'", "x = 'a'"])
def test_code_makes_a_difference(other):
    assert (alike.shape("x = '# a'") == alike.shape(other)) == (other == "x = '# a'")


def same_answers(*answers):
    """Return what is said of students with these answers, as (how many, words)."""
    exercise = SimpleNamespace(slug="f", answer_id="answer_f", stub=STUB, solution=ANSWER)
    students = [
        SimpleNamespace(
            work={PART: SimpleNamespace(notebooks={NAME: {"answers": {"answer_f": answer}}})}
        )
        for answer in answers
    ]
    return [(len(who), why) for _, who, why in alike.alike(students, PART, [(NAME, exercise)])]


def test_the_untouched_stub_the_solution_and_a_shared_answer_are_told_apart():
    assert same_answers(*[STUB] * 6) == []
    assert same_answers(STUB + "# I do not know", STUB, "", "") == []
    assert same_answers(ANSWER + "# mine", STUB) == [
        (1, "the same as the course's solution (1 student)")
    ]
    assert same_answers(*[ANSWER] * 9)[0][0] == 9, "however many: it has been passed on"
    assert same_answers(ANOTHER, ANOTHER + "\n# mine", STUB) == [
        (2, "the same as one another (2 students)")
    ]
    assert same_answers(*["def f(x):\n    return x + 1"] * 2) == [], "short: many would write it"
    natural = "def f(x):\n" + "".join(f"    x = x + {n}\n" for n in range(6)) + "    return x"
    assert len(same_answers(*[natural] * 2)) == 1 and same_answers(*[natural] * 5) == []
    assert same_answers(*[ANOTHER * 2] * 5) == [(5, "the same as one another (5 students)")]


# --------------------------------------------------------------------------------- pages and tables


def odd_class(out, n=9):
    """Store a class in which answers are wrong in several ways, stopped, open, absent; and one
    reason to look.
    """
    fail = lambda line, **more: {"state": "failed", "said": [line]} | more
    plane = fail("FAIL - a further check", detail="FAIL - a secret plane: got 2, expected 1.5")
    error = {
        "state": "stopped",
        "problem": "Its cell stopped with SyntaxError: '(' was never closed",
        "detail": "NameError: name 'central_difference' is not defined",
    }
    for number in range(n):
        wrong = {}
        if number % 3 == 0:
            wrong["violated_fraction"] = plane
        if number % 3 == 1:
            wrong["violated_fraction"] = fail(
                "FAIL - the shape: got (2,)", detail=f"FAIL - the shape: got ({number},)"
            )
            wrong["my_surface"] = {"state": "unanswered", "said": ["FAIL - not answered yet"]}
        if number == 2:
            wrong |= {e.slug: error for e in load_part(PART)[0].exercises}
        said = {
            "flags": ["1_surfaces.ipynb: the check cell was <changed>."],
            "notes": ["A note for you."],
        }
        store_result(
            out,
            Person(f"student {number}", str(40 + number), f"s{number}"),
            wrong=wrong,
            only=[NAME] if number == 5 else None,
            **(said if number == 4 else {}),
        )


def test_the_report_says_first_whom_to_look_at_then_what_was_hard(tmp_path):
    odd_class(tmp_path)
    reports(tmp_path)
    text = (tmp_path / "report.html").read_text()
    order = [
        "Please look at",
        "Hardest exercises",
        "The commonest failing checks",
        "Why answers stopped",
        "The same answers",
        "Everybody",
    ]
    assert sorted(order, key=text.index) == order
    assert "the check cell was &lt;changed&gt;." in text
    hardest = re.findall(
        r'<th scope="row">([^<]+)</th>\s*<td class="number">(\d+) %</td>\s*((?:<td.*?</td>)+)', text
    )
    shares = [int(share) for _, share, _ in hardest]
    assert shares == sorted(shares) and hardest[0][0] == f"{NAME}: violated fraction"
    right, wrong, unanswered, stopped, absent = re.findall(r">(\d+)<", hardest[0][2])
    assert (right, wrong, unanswered, stopped, absent) == ("2", "6", "0", "1", "0")
    assert sum(map(int, (right, wrong, unanswered, stopped, absent))) == 9
    failing = text[text.index("The commonest failing checks") : text.index("Why answers stopped")]
    assert "<td>a secret plane</td>" in failing and "got 2, expected 1.5" in failing
    assert "<td>the shape</td>" in failing, "one row, whatever the numbers"
    assert "NameError" not in failing and "not answered" not in failing
    stopped = text[text.index("Why answers stopped") : text.index("The same answers")]
    sheet = next(sheet for sheet in load_part(PART) if sheet.name == NAME)
    answers = len(sheet.exercises)
    assert stopped.count("<td>Its cell stopped with SyntaxError</td>") == answers


def test_a_student_s_page_begins_with_a_table_and_shows_nothing_that_is_for_the_instructor(
    tmp_path,
):
    odd_class(tmp_path)
    reports(tmp_path)
    for number in range(9):
        text = (tmp_path / "feedback" / f"s{number}.html").read_text()
        assert text.index("<table>") < text.index("<h3>") < text.index("<h4")
        for secret in ("a secret plane", "expected 1.5", "NameError", "check cell was"):
            assert secret not in text
        for target in re.findall(r'href="#([^"]+)"', text):
            assert f'id="{target}"' in text
    text = (tmp_path / "feedback" / "s4.html").read_text()
    assert "A note for you." in text and "<details><summary>1 check passed</summary>" in text
    stopped = (tmp_path / "feedback" / "s2.html").read_text()
    exercise = stopped[stopped.index('<h4 id="1_surfaces-violated_fraction"') :]
    assert exercise.index("SyntaxError") < exercise.index("<h4", 5), (
        "the error stands beside its exercise"
    )
    assert "a further check" in (tmp_path / "feedback" / "s0.html").read_text()


def test_moodle_s_import_takes_the_table(tmp_path):
    """Its importer (assignfeedback_offline) wants these three titles, and "Participant " before the
    number.
    """
    store_result(tmp_path, Person("Doe, Jane", "123", "jane"))
    store_result(tmp_path, Person("ada"))
    summary = reports(tmp_path, lms="moodle")
    (row,) = table(tmp_path / "grades-moodle.csv")
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(row)
    assert (
        row["Identifier"] == "Participant 123"
        and row["Grade"] == f"{POINTS[PART]}"
        and row["Last modified (grade)"] == ""
    )
    assert float(row["Grade"]) <= float(row["Maximum grade"]) == POINTS[PART] + BY_HAND[PART]
    assert summary["left_out"] == ["ada"]


def test_canvas_s_import_takes_the_table(tmp_path):
    """Its importer wants Student, ID, SIS Login ID, Section in this order, then assignments by
    name.
    """
    store_result(tmp_path, Person("Doe, Jane", "123", "jane"))
    store_result(tmp_path, Person("Doe, Jane", "123", "jane"), part=LATER)
    reports(tmp_path, lms="canvas")
    rows = list(
        csv.reader((tmp_path / "grades-canvas.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert rows == [
        ["Student", "ID", "SIS Login ID", "Section", PART],
        ["    Points Possible", "", "", "", f"{POINTS[PART] + BY_HAND[PART]}"],
        ["Doe, Jane", "123", "", "", f"{POINTS[PART]}"],
    ]


def test_a_name_with_a_number_a_part_is_explained(tmp_path):
    """Moodle numbers participants anew for each assignment."""
    store_result(tmp_path, Person("Jane Doe", "123", "jane"))
    store_result(tmp_path, Person("Jane Doe", "456", "jane-4"), part=LATER)
    store_result(tmp_path, Person("Jan Maier", "11", "jan-11"))
    store_result(tmp_path, Person("Jan Maier", "12", "jan-12"))
    reports(tmp_path)
    assert (
        "Jane Doe: the number is another one in each part" in (tmp_path / "report.html").read_text()
    )
    assert [row["lms_id"] for row in table(tmp_path / "grades.csv")] == ["11", "12", "123", "456"]


def test_an_empty_class_has_reports(tmp_path):
    summary = reports(tmp_path)
    assert (summary["students"], summary["mean_points"]) == (0, 0)
    assert "Nobody." in (tmp_path / "report.html").read_text()


# -------------------------------------------------------------------------------------- the command


def small_class(folder):
    """Three students in nbgrader's layout: one solved, one did nothing, one handed in a broken
    file.
    """
    for student, source in (("ada", "solutions"), ("bob", "exercises")):
        (folder / student / PART).mkdir(parents=True)
        path = ROOT / source / PART / f"{NAME}.ipynb"
        (folder / student / PART / path.name).write_bytes(selftest.released(path))
    (folder / "=cmd()" / PART).mkdir(parents=True)
    (folder / "=cmd()" / PART / f"{NAME}.ipynb").write_bytes(b"{")
    return folder


@needs_sandbox
def test_a_class_is_graded_resumed_and_marked_by_hand(tmp_path):
    where, out = small_class(tmp_path / "in"), tmp_path / "out"
    command = ("grade", where, "--part", PART, "--out", out, "--jobs", 1)
    first = run_grader(*command, "--lms", "moodle")
    assert first.returncode == 0, first.stderr
    assert "3 handed in, 2 graded, 1 needs a look." in first.stdout
    assert "not in grades-moodle.csv: =cmd(), ada, bob." in first.stdout
    rows = {row["student"]: row for row in table(out / "grades.csv")}
    assert {name: row["points"] for name, row in rows.items()} == {
        "'=cmd()": "0",
        "ada": f"{ALONE}",
        "bob": "0",
    }
    assert (
        rows["ada"][f"{NAME}/violated_fraction"] == f"{ONE}" and rows["bob"]["needs_a_look"] == "0"
    )
    assert "not a notebook" in (out / "report.html").read_text()
    stamps = {p: p.stat().st_mtime_ns for p in (out / "students").rglob("*.json")}
    before = (out / "grades.csv").read_bytes()
    again = run_grader(*command, "--json")
    assert [json.loads(line).get("new") for line in again.stdout.splitlines()] == [
        False,
        False,
        False,
        None,
    ]
    assert {p: p.stat().st_mtime_ns for p in (out / "students").rglob("*.json")} == stamps
    assert (out / "grades.csv").read_bytes() == before
    give(out, lambda row: row["student"] == "ada", mark="2.5", comment="well said")
    assert run_grader(*command).returncode == 0
    assert {row["student"]: row["points"] for row in table(out / "grades.csv")}[
        "ada"
    ] == f"{ALONE + 2.5}"
    assert "well said" in (out / "feedback" / "ada.html").read_text()
    give(out, lambda row: row["student"] == "ada", mark="25")
    wrong = run_grader(*command)
    assert wrong.returncode == 2 and "not a number from 0 to 3" in wrong.stderr
    give(out, lambda row: row["student"] == "ada", mark="2", student="Ida")
    wrong = run_grader("grade", where / "bob", "--part", PART, "--out", out, "--jobs", 1)
    assert wrong.returncode == 2 and "row 2: nobody here is called Ida" in wrong.stderr


@needs_sandbox
def test_a_disk_that_is_full_keeps_what_is_graded_and_the_rerun_resumes(tmp_path, monkeypatch):
    where, out = small_class(tmp_path / "in"), tmp_path / "out"
    command = ("grade", where, "--part", PART, "--out", out, "--jobs", 1)
    replace = os.replace

    def full(source, target):
        if "bob" in str(target) or "report" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        stopped = run_grader(*command)
        assert (
            stopped.returncode == 2
            and "bob.json cannot be written: there is no room left" in stopped.stderr
        )
        assert "Traceback" not in stopped.stderr
        kept = {path.name for path in (out / "students").rglob("*.json")}
        assert "ada.json" in kept and "bob.json" not in kept
    again = run_grader(*command, "--json")
    new = {line["student"]: line["new"] for line in map(json.loads, again.stdout.splitlines()[:-1])}
    assert new["ada"] is False and new["bob"] is True


def test_a_folder_that_cannot_be_used_is_refused_before_anything_runs(tmp_path, monkeypatch):
    where, out = small_class(tmp_path / "in"), tmp_path / "out"
    monkeypatch.setattr(
        "grading.grade.grade_class", lambda *_: pytest.fail("it must not be graded")
    )
    (out / "students").mkdir(parents=True)
    (out / "students" / "ada.json").write_text("{}")
    refused = run_grader("grade", where, "--part", PART, "--out", out, "--jobs", 1, "--no-sandbox")
    assert refused.returncode == 2 and "older version" in refused.stderr
    (out / "students" / "ada.json").unlink()
    write_marks(out, f"nobody,{NAME},{SLUG},3,2,,", head=OLD)
    refused = run_grader("grade", where, "--part", PART, "--out", out, "--jobs", 1, "--no-sandbox")
    assert refused.returncode == 2 and "nobody here is called nobody" in refused.stderr


@needs_sandbox
def test_pages_show_nothing_live_and_no_hidden_test(tmp_path):
    where, out = tmp_path / "in", tmp_path / "out"
    notebook = json.loads(selftest.released(ROOT / "solutions" / PART / f"{NAME}.ipynb"))
    evil = "<script>alert(1)</script>"
    answer = next(c for c in notebook["cells"] if c["id"] == "answer_violated_fraction")
    answer["source"] = f"def violated_fraction(*a, **k):\n    raise ValueError('{evil}')  # {evil}"
    (where / evil[:7]).mkdir(parents=True)
    (where / evil[:7] / f"{NAME}.ipynb").write_text(json.dumps(notebook))
    submissions = find(where, PART)
    options = Options(PART, str(ROOT), cell_seconds=4, seconds=60)
    grade_class(submissions, options, out)
    write_reports(out, submissions, load_part(PART))
    for page in out.rglob("*.html"):
        text = page.read_text()
        assert evil not in text and "<script" not in text
        assert "HIDDEN" not in text
    pages = [path.read_text() for path in (out / "feedback").glob("*.html")]
    assert (
        len(pages) == 1
        and "&lt;script&gt;" in pages[0]
        and "a low hill and the default slack" not in pages[0]
    )


# ----------------------------------------------------------------------------------------- nbgrader


@pytest.mark.parametrize("where", ["nowhere", "notebooks"])
def test_an_export_of_no_class_gets_a_sentence(where):
    finished = run_grader("export", where)
    assert finished.returncode == 2 and "There is no graded class" in finished.stderr


@pytest.mark.long
def test_scores_go_into_an_nbgrader_gradebook(tmp_path):
    from nbgrader.api import Gradebook

    out = tmp_path / "out"
    wrong = {"violated_fraction": {"state": "failed"}}
    store_result(out, Person("Jan Maier", "11", "jan-11"), wrong=wrong)
    store_result(out, Person("Jan Maier", "12", "jan-12"))
    store_result(out, Person("ada"), wrong=wrong, only=[NAME])
    store_result(out, Person("ada"), only=[NAME], batch="late-22222222")
    store_result(out, Person("ada"), part=LATER)
    reports(out)
    give(out, lambda row: row["student"] == "ada" and row["question"] == SLUG, mark="2,5")
    url = f"sqlite:///{tmp_path}/book.db"
    for _ in range(2):
        finished = run_grader("export", out, "--db", url)
        assert finished.returncode == 0, finished.stderr
    with Gradebook(url) as book:
        assert {student.id for student in book.students} == {"11", "12", "ada"}
        assert book.find_submission(PART, "11").score == POINTS[PART] - ONE
        assert book.find_submission(PART, "12").score == POINTS[PART]
        assert book.find_submission(PART, "ada").score == ALONE + 2.5, "the best copy, and the mark"
        assert book.find_submission(LATER, "ada").score == POINTS[LATER]
        assert book.find_submission(PART, "12").needs_manual_grade
    refused = run_grader("export", out, "--db", f"sqlite:///{tmp_path}/no/folder/book.db")
    assert (
        refused.returncode == 2
        and "cannot be written" in refused.stderr
        and "Traceback" not in refused.stderr
    )
