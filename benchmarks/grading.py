"""Submissions a second, measured in one run on one class: this grader, and nbgrader.

    make bench NAME=grading ARGS="[STUDENTS] [PART]"     36 students of 1_landscape by default;
                                                         about 12 minutes
    make bench NAME=grading ARGS="memory [STUDENTS]"     memory while a large class is graded, by
                                                         default 2000 students

The class is drawn as in ``tests/classroom.py``: half of the answers right, a tenth right in another
way, a quarter wrong, the rest open. nbgrader is installed in an environment of its own,
build/nbgrader, and autogrades the same files. Seconds are wall time of the whole command, start
included, one BLAS thread. A machine's speed drifts, so our runs stand before nbgrader's and after
it; their means are compared. ``memory`` prints the largest resident size that one process of the
grader ever had, without the students' processes, which have limits of their own.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import classroom

ROOT = Path(__file__).resolve().parent.parent
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def timed(command: Iterable[object], env: dict[str, str] = ENV, **options: Any) -> float:
    """Run a command to its end; return its wall time."""
    began = time.perf_counter()
    subprocess.run(
        [str(word) for word in command], check=True, env=env, stdout=subprocess.DEVNULL, **options
    )
    return time.perf_counter() - began


def nbgrader_environment() -> Path:
    """Return the folder of programs of an environment with nbgrader and what the course needs."""
    folder = ROOT / "build" / "nbgrader"
    if not (folder / "ready").exists():
        print("installing nbgrader into build/nbgrader (once) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip: list[str | Path] = [
            folder / "bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "-r",
            "requirements.txt",
            "nbgrader",
        ]
        subprocess.run(pip, cwd=ROOT, check=True)
        (folder / "ready").touch()
    return folder / "bin"


def by_nbgrader(students: Iterable[Any], part: str, folder: Path) -> tuple[float, dict[str, float]]:
    """Autograde the class with nbgrader; return the seconds and each student's points."""
    programs = nbgrader_environment()
    shutil.copytree(ROOT / "solutions" / part, folder / "solutions" / part)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    classroom.hand_in(students, folder / "submitted", part)
    path = os.pathsep.join(
        [str(programs), os.environ["PATH"]]
    )  # nbgrader calls alembic by its name
    quiet: dict[str, Any] = {
        "cwd": folder,
        "stderr": subprocess.DEVNULL,
        "env": ENV | {"PATH": path},
    }
    timed([programs / "nbgrader", "generate_assignment", part, "--create"], **quiet)
    seconds = timed([programs / "nbgrader", "autograde", part, "--create"], **quiet)
    read = (
        "import sys; from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///gradebook.db') as book:\n"
        "    for s in book.assignment_submissions(sys.argv[1]): print(s.student.id, s.score)"
    )
    out = subprocess.run(
        [programs / "python", "-c", read, part],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return seconds, {name: float(score) for name, score in map(str.split, out.stdout.splitlines())}


def command(where: Path, part: str, out: Path, jobs: int) -> list[str]:
    """Return the words that grade a class with ``grading``."""
    words = [sys.executable, "-m", "grading", "grade", where, "--part", part, "--out", out]
    return [str(word) for word in [*words, "--jobs", jobs]]


def by_downhill(
    students: Iterable[Any], part: str, folder: Path, jobs: int
) -> tuple[float, dict[str, float]]:
    """Grade the class with ``grading``; return the seconds and each student's points."""
    where = classroom.hand_in(students, folder / "submitted", part)
    seconds = timed(
        command(where, part, folder / "results", jobs),
        cwd=ROOT,
    )
    rows = csv.DictReader(
        (folder / "results" / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
    )
    return seconds, {row["student"]: float(row["points"]) for row in rows}


def compare(count: int = 36, part: str = "1_landscape") -> None:
    """Print submissions a second, the ratios, and how many marks were as deserved."""
    students = classroom.make_class(part, mixed=max(count - 2, 0), seed=7, changes={})
    students = [
        s for s in students if s.name in ("all_right", "all_open") or s.name.startswith("mixed")
    ]
    deserved = {student.name: sum(student.truth.values()) for student in students}
    ours: list[tuple[Any, ...]] = [
        ("one process", by_downhill, 1),
        ("two processes", by_downhill, 2),
    ]
    took: dict[str, list[float]] = {}
    for name, run, *options in [*ours, ("nbgrader", by_nbgrader), *ours]:
        with tempfile.TemporaryDirectory() as folder:
            seconds, points = run(students, part, Path(folder), *options)
        took.setdefault(name, []).append(seconds)
        right = sum(points.get(student) == truth for student, truth in deserved.items())
        print(
            f"{name:14} {seconds:7.1f} s  {len(students) / seconds:6.3f} submissions a second, "
            f"{right} of "
            f"{len(students)} marks as deserved",
            flush=True,
        )
    for name, *_ in ours:
        print(f"{name}: {took['nbgrader'][0] / (sum(took[name]) / 2):.1f} times nbgrader")


def largest(pid: int) -> float:
    """Return the peak resident MB of a process and its Python children, students' ones apart."""
    peak = 0.0
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        if b"grading.engine.runner" not in command and "VmHWM" in status:
            peak = int(status["VmHWM"].split()[0]) / 1e3
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                peak = max(peak, largest(int(child)))
    except OSError:  # it ended meanwhile
        pass
    return peak


def memory(count: int = 2000, part: str = "1_landscape") -> None:
    """Print the grader's peak memory for a tenth of the class and for all of it."""
    every = classroom.make_class(part, mixed=40, seed=7, changes={})
    one = {"1_surfaces.ipynb"}
    for size in (count // 10, count):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            students = [
                classroom.Student(
                    f"s{i}", {k: d for k, d in every[i % len(every)].files.items() if k in one}, {}
                )
                for i in range(size)
            ]
            where = classroom.hand_in(students, folder / "submitted", part)
            began, peak = time.perf_counter(), 0.0
            running = subprocess.Popen(
                command(where, part, folder / "results", 2),
                cwd=ROOT,
                env=ENV,
            )
            while running.poll() is None:
                peak = max(peak, largest(running.pid))
                time.sleep(0.2)
            seconds = time.perf_counter() - began
            print(
                f"{size:6} submissions: {seconds:6.1f} s, largest process {peak:.0f} MB", flush=True
            )


def main(words: list[str]) -> None:
    if words[:1] == ["memory"]:
        memory(int(words[1]) if words[1:] else 2000)
    else:
        compare(int(words[0]) if words else 36, *words[1:2])


if __name__ == "__main__":
    main(sys.argv[1:])
