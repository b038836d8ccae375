"""A class of 120 in four layouts at once: every mark as deserved, twice byte for byte, and if the
grader is killed.
"""

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
import zipfile

import classroom
import numpy as np
import pytest
from conftest import ROOT
from variants import VARIANTS, made

from grading.engine.sandbox import missing

PART, NAME = "1_landscape", "1_surfaces"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(missing()), reason=" ".join(missing()) or "none"),
]

FIRST = ("Ada", "Bob", "Jürgen", "Zoë", "Nguyễn", "O'Neil", "Jan", "Mary Ann")
LAST = ("Novak", "Groß", "van der Berg", "Lovelace", "Li", "Müller_Lüdenscheidt", "de la Cruz")


def everybody():
    """Return 120 students as (files by name, points deserved): variants, mistakes, mixtures, no
    notebooks.
    """
    whole = classroom.released(PART, NAME)
    worth = classroom.worth(PART, NAME)
    found = [
        (
            {f"{NAME}.ipynb": made(title, whole)},
            worth - sum(classroom.worth(PART, NAME, slug) for slug in lost),
        )
        for title, (lost, _) in VARIANTS.items()
    ]
    stub = json.dumps(classroom.released(PART, NAME, "exercises")).encode()
    right = made("as it is", whole)
    found += [
        ({f"{NAME}.ipynb.txt": right}, worth),
        ({f"{NAME}.ipynb.json": right}, worth),
        (
            {
                f"{NAME} (1).ipynb": stub,
                f"{NAME}-Copy1.ipynb": right,
                f"{NAME}.ipynb": stub + b"\n",
            },
            worth,
        ),
        ({"work.zip": zipped({f"work/{PART}/{NAME}.ipynb": right})}, worth),
        ({"mine.ipynb": right.decode().encode("utf-16")}, worth),
        ({f"{NAME}.html": b"<html>"}, 0),
        ({f"{NAME}.py": b"x = 1"}, 0),
        ({"work.rar": b"Rar!"}, 0),
        ({f"{NAME}.ipynb": b"{"}, 0),
        ({f"{NAME}.ipynb": b""}, 0),
        ({f"{NAME}.ipynb": (ROOT / "notebooks" / PART / f"{NAME}.ipynb").read_bytes()}, 0),
        ({f"{NAME}.ipynb": stub}, 0),
    ]
    mixed = classroom.make_class(PART, mixed=120 - len(found), seed=5)
    for student in [s for s in mixed if s.name.startswith("mixed")][: 120 - len(found)]:
        deserved = sum(points for (name, _), points in student.truth.items() if name == NAME)
        found.append(({f"{NAME}.ipynb": student.files[f"{NAME}.ipynb"]}, deserved))
    return found


def zipped(files):
    """Return a zip as bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def hand_in(folder):
    """Write the class as four downloads, 30 students in each; return the points deserved by (name
    or number).
    """
    folder.mkdir()
    deserved, names = {}, [f"{first} {last}" for last in LAST for first in FIRST]
    layouts = {"moodle": {}, "canvas": {}, "brightspace": {}, "submitted": {}}
    for number, (files, points) in enumerate(everybody()):
        layout, name = (
            list(layouts)[number % 4],
            names[number % 40],
        )  # namesakes: only their numbers differ
        for file, data in files.items():
            if layout == "moodle":
                path = f"{name}_{1000 + number}_assignsubmission_file/{file}"
            elif layout == "canvas":
                plain = "".join(
                    c
                    for c in unicodedata.normalize("NFKD", name).lower()
                    if c.isascii() and c.isalnum()
                )
                path = f"{plain}_{1000 + number}_{90000 + number}_{file}"
            elif layout == "brightspace":
                path = f"{1000 + number}-{55} - {name} - Nov {1 + number % 28}, 2026 1003 AM/{file}"
            else:
                path = f"{number}_student/{PART}/{file}"
            layouts[layout][path] = data
        deserved[f"{number}_student" if layout == "submitted" else str(1000 + number)] = points
    for layout, files in layouts.items():
        if layout == "submitted":
            for path, data in files.items():
                (folder / layout / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / layout / path).write_bytes(data)
        else:
            (folder / f"{layout}.zip").write_bytes(zipped(files))
    return deserved


def command(where, out):
    return [
        sys.executable,
        "-m",
        "grading",
        "grade",
        str(where),
        "--part",
        PART,
        "--out",
        str(out),
        "--timeout",
        "24",
    ]


def marks(out):
    rows = csv.DictReader((out / "grades.csv").read_text(encoding="utf-8-sig").splitlines())
    return {row["lms_id"] or row["student"]: float(row["points"]) for row in rows}


def test_a_class_of_120_gets_every_mark_as_deserved_twice_and_though_the_grader_is_killed(tmp_path):
    deserved = hand_in(tmp_path / "class")
    assert len(deserved) == 120
    for out in ("once", "twice"):
        finished = subprocess.run(
            command(tmp_path / "class", tmp_path / out), cwd=ROOT, capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stderr
        assert "120 handed in" in finished.stdout
    got = marks(tmp_path / "once")
    assert {
        who: (got.get(who), points) for who, points in deserved.items() if got.get(who) != points
    } == {}
    assert len(got) == 120
    rng = np.random.default_rng(0)
    for _ in range(3):
        running = subprocess.Popen(
            command(tmp_path / "class", tmp_path / "cut"),
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(3, 15))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert (
        subprocess.run(
            command(tmp_path / "class", tmp_path / "cut"), cwd=ROOT, capture_output=True
        ).returncode
        == 0
    )
    for out in ("twice", "cut"):
        for file in ("grades.csv", "free_text.csv", "report.html"):
            assert (tmp_path / out / file).read_bytes() == (
                tmp_path / "once" / file
            ).read_bytes(), (out, file)
