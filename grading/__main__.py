"""Grade a class.

grade SUBMISSIONS --part PART   grade, and write grades.csv, report.html, feedback/, free_text.csv
selftest                        grade the course's own solutions; try to break out of the sandbox
release PART                    one zip for students, without solutions and hidden tests
nbgrader PART                   make an nbgrader course in a folder of its own
export RESULTS --db URL         write the scores into an nbgrader gradebook
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from grading import ROOT, GradingError, import_helpers
from grading.classroom.layouts import LAYOUTS
from grading.classroom.submissions import Class, Submission, choose, survey
from grading.engine.sandbox import missing
from grading.engine.session import sandbox_of

if TYPE_CHECKING:
    from grading.classroom.sheets import Sheet
    from grading.grade import Done


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m grading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True)
    grade = commands.add_parser("grade", help="grade a class")
    grade.add_argument(
        "submissions", type=Path, help="a folder, a learning platform's zip, or a notebook"
    )
    grade.add_argument("--part", required=True, help="a part of the course, such as 1_landscape")
    grade.add_argument(
        "--out", type=Path, default=Path("results"), help="where results go (default: results)"
    )
    grade.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a processor)"
    )
    grade.add_argument(
        "--scheduler", help="the address of a Dask scheduler, such as tcp://10.0.0.5:8786"
    )
    grade.add_argument(
        "--timeout",
        type=float,
        default=120,
        help="seconds for one notebook, a quarter of them for one cell (default: 120)",
    )
    grade.add_argument("--only", help="names or numbers of students, separated by commas")
    grade.add_argument(
        "--layout",
        choices=tuple(LAYOUTS),
        help="how files are named, if the rules see it wrongly: "
        + "; ".join(f"{name}, {looks}" for name, (_, looks, _) in LAYOUTS.items()),
    )
    grade.add_argument(
        "--dry-run", action="store_true", help="say who handed in what, and run nothing"
    )
    grade.add_argument("--tests", type=Path, help="a folder with your own checks, PART/NOTEBOOK.py")
    grade.add_argument(
        "--lms", choices=("moodle", "canvas"), help="also write a table for its import"
    )
    grade.add_argument(
        "--no-sandbox", action="store_true", help="run students' code without protection"
    )
    grade.add_argument(
        "--json", action="store_true", help="print one line of JSON a student, and a last one"
    )
    test = commands.add_parser("selftest", help="grade the course's own solutions; try the sandbox")
    test.add_argument("--part", help="this part alone")
    give = commands.add_parser("release", help="one zip for students")
    give.add_argument("part")
    give.add_argument("--out", type=Path, help="the zip's name (default: PART.zip)")
    course = commands.add_parser("nbgrader", help="make an nbgrader course in a folder of its own")
    course.add_argument("part")
    course.add_argument(
        "--out", type=Path, default=Path("nbgrader"), help="its folder (default: nbgrader)"
    )
    book = commands.add_parser("export", help="write scores into an nbgrader gradebook")
    book.add_argument("results", type=Path)
    book.add_argument(
        "--db",
        default="sqlite:///downhill-grades.db",
        help="an SQLAlchemy URL (default: sqlite:///downhill-grades.db)",
    )
    return top


def grade(arguments: argparse.Namespace) -> int:
    """Grade a class; return the exit code."""
    if arguments.dry_run:
        return dry_run(arguments)
    if not arguments.no_sandbox and (lacking := missing()):
        print(
            f"{' '.join(lacking)}\nNothing was run. With --no-sandbox students' code runs "
            f"unprotected, with your "
            "rights: do that only on a machine that holds nothing of value.",
            file=sys.stderr,
        )
        return 2
    private = arguments.tests
    if private and not private.is_dir():
        print(f"There is no folder {private} with checks of your own.", file=sys.stderr)
        return 2
    found = survey(arguments.submissions, arguments.part, arguments.layout)
    chosen = submissions = list(found.submissions)
    if arguments.only:
        chosen, unknown = choose(submissions, arguments.only)
        if unknown:
            print(f"Nobody here is called {', '.join(unknown)}.", file=sys.stderr)
            return 2
    if not arguments.scheduler and (ROOT / "solutions" / arguments.part).is_dir():
        sandbox_of(
            not arguments.no_sandbox
        )  # it imports NumPy and the others while this process does
    import_helpers()
    from grading.classroom.sheets import load_part
    from grading.classroom.store import batch_of, open_results
    from grading.grade import Options, grade_class

    sheets = load_part(arguments.part, ROOT, private)
    options = Options(
        arguments.part,
        str(ROOT),
        str(private.resolve()) if private else None,
        arguments.timeout,
        arguments.timeout / 4,
        not arguments.no_sandbox,
        batch_of(arguments.submissions),
    )
    open_results(arguments.out, options.batch)
    check_marks(arguments.out, sheets, submissions)
    if private:
        from grading.selftest import prove_private

        prove_private(options)
    with _progress(len(chosen), arguments.json) as progress:
        if arguments.scheduler:
            from grading.cluster import grade_on_cluster

            grade_on_cluster(chosen, options, arguments.out, arguments.scheduler, progress)
        else:
            grade_class(chosen, options, arguments.out, max(1, arguments.jobs), progress)
    return report(arguments, found, sheets)


def check_marks(out: Path, sheets: Sequence[Sheet], submissions: Iterable[Submission]) -> None:
    """Refuse marks that are none, or nobody's, before an hour of grading and not after it."""
    if (out / "free_text.csv").exists():
        from grading.classroom.classbook import open_book

        open_book(out, sheets, submissions)


def report(arguments: argparse.Namespace, found: Class, sheets: Sequence[Sheet]) -> int:
    """Write the reports of a graded class, and say what came of it; return the exit code."""
    from grading.classroom.report import write_reports

    summary = write_reports(arguments.out, list(found.submissions), sheets, arguments.lms)
    summary["nobodys"] = list(found.nobodys)
    print(
        json.dumps(summary) if arguments.json else _in_words(summary, arguments.out, arguments.lms)
    )
    return 0


def _in_words(summary: dict[str, Any], out: Path, lms: str | None) -> str:
    from grading.classroom.preview import nobodys_work

    look, earlier = summary["need_a_look"], summary["earlier"]
    needs = "needs" if look == 1 else "need"
    lines = [
        f"{summary['handed_in']} handed in, {summary['graded']} graded, {look} {needs} a look.",
        f"{summary['mean_points']:.1f} of {summary['max_score']} points in the mean of "
        f"{summary['students']}; "
        f"{summary['free_text_waiting']} free-text answers wait for a mark, "
        f"{summary['free_text_blank']} are blank.",
    ]
    if earlier:
        more = f" and {len(earlier) - 5} more" if len(earlier) > 5 else ""
        lines.append(
            f"{out} also holds {len(earlier)} {'student' if len(earlier) == 1 else 'students'} of "
            f"earlier runs, and the tables have them too: {', '.join(earlier[:5])}{more}. To take "
            f"somebody out, delete their file in {out / 'students'}/PART/BATCH/."
        )
    lines += summary["mixed"]
    lines += [
        f"{path} cannot be read, and belongs to no submission of this run: grade its folder again."
        for path in summary["unreadable"]
    ]
    if missing_numbers := summary["left_out"]:
        more = f" and {len(missing_numbers) - 10} more" if len(missing_numbers) > 10 else ""
        lines.append(
            f"Without a number of the learning platform, and so not in grades-{lms}.csv: "
            f"{', '.join(missing_numbers[:10])}{more}."
        )
    if summary["nobodys"]:
        lines.append(nobodys_work(summary["nobodys"]))
    return "\n".join([*lines, f"Read {out / 'report.html'}; the table is {out / 'grades.csv'}."])


def dry_run(arguments: argparse.Namespace) -> int:
    """Print who handed in what, and run and write nothing; return the exit code."""
    found = survey(arguments.submissions, arguments.part, arguments.layout)
    chosen, unknown = (
        choose(found.submissions, arguments.only) if arguments.only else (found.submissions, [])
    )
    if unknown:
        print(f"Nobody here is called {', '.join(unknown)}.", file=sys.stderr)
        return 2
    import_helpers()
    from grading.classroom.preview import preview
    from grading.classroom.sheets import load_part

    print("\n".join(preview(found, chosen, load_part(arguments.part, ROOT), ROOT)))
    return 0


class _progress:
    """A bar on a terminal, or a line of JSON a student."""

    def __init__(self, total: int, as_json: bool) -> None:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread of its own: workers are forked
        self.as_json = as_json
        self.bar = tqdm(total=total, unit="student", disable=as_json or not sys.stderr.isatty())

    def __call__(self, done: Done) -> None:
        slug, points, max_score, new = done
        self.bar.update()
        if self.as_json:
            print(
                json.dumps({"student": slug, "points": points, "max_score": max_score, "new": new}),
                flush=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code, 0 if every submission was processed."""
    arguments = parser().parse_args(words)
    try:
        if arguments.command == "grade":
            return grade(arguments)
        if arguments.command == "selftest":
            from grading import selftest

            return selftest.run(arguments.part)
        if arguments.command == "release":
            from grading.classroom import release

            print(release.write_zip(arguments.part, arguments.out or Path(f"{arguments.part}.zip")))
            return 0
        if arguments.command == "nbgrader":
            from grading.classroom import nbcourse

            print(nbcourse.make(arguments.part, arguments.out))
            return 0
        from grading.classroom import gradebook

        return gradebook.export(arguments.results, arguments.db)
    except (GradingError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        print(
            f"{what}{error.strerror or error}. What was graded is kept; mend this, and the same "
            f"command goes on.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(
            "Stopped. What is graded is kept; the same command goes on from there.", file=sys.stderr
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
