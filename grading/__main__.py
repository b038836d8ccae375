"""Grade a class.

grade SUBMISSIONS --part PART    grade, and write grades.csv, report.html, feedback/ and free_text.csv
selftest                         grade the course's own solutions, and try to break out of the sandbox
release PART                     one zip for students, without solutions and hidden tests
nbgrader PART                    make an nbgrader course in a folder of its own
export RESULTS --db URL          write the scores into an nbgrader gradebook
"""

import argparse
import json
import os
import sys
from pathlib import Path

from grading import Refused, import_helpers
from grading.sandbox import missing
from grading.session import ROOT, sandbox_of
from grading.submissions import find


def parser():
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m grading", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    commands = top.add_subparsers(dest="command", required=True)
    grade = commands.add_parser("grade", help="grade a class")
    grade.add_argument("submissions", type=Path, help="a folder, or a zip from Moodle or Canvas")
    grade.add_argument("--part", required=True, help="a part of the course, such as 1_landscape")
    grade.add_argument("--out", type=Path, default=Path("results"), help="where results go (default: results)")
    grade.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a processor)")
    grade.add_argument("--scheduler", help="the address of a Dask scheduler, such as tcp://10.0.0.5:8786")
    grade.add_argument("--timeout", type=float, default=120, help="seconds for one notebook (default: 120)")
    grade.add_argument("--only", help="students, separated by commas")
    grade.add_argument("--tests", type=Path, help="a folder with your own checks, PART/NOTEBOOK.py")
    grade.add_argument("--lms", choices=("moodle", "canvas"), help="also write a table for its import")
    grade.add_argument("--no-sandbox", action="store_true", help="run students' code without protection")
    grade.add_argument("--json", action="store_true", help="print one line of JSON a student, and a last one")
    test = commands.add_parser("selftest", help="grade the course's own solutions; try the sandbox")
    test.add_argument("--part", help="this part alone")
    give = commands.add_parser("release", help="one zip for students")
    give.add_argument("part")
    give.add_argument("--out", type=Path, help="the zip's name (default: PART.zip)")
    course = commands.add_parser("nbgrader", help="make an nbgrader course in a folder of its own")
    course.add_argument("part")
    course.add_argument("--out", type=Path, default=Path("nbgrader"), help="its folder (default: nbgrader)")
    book = commands.add_parser("export", help="write scores into an nbgrader gradebook")
    book.add_argument("results", type=Path)
    book.add_argument("--db", default="sqlite:///gradebook.db", help="an SQLAlchemy URL")
    return top


def grade(arguments):
    """Grade a class; return the exit code."""
    if not arguments.no_sandbox and (lacking := missing()):
        print(f"{' '.join(lacking)}\nNothing was run. With --no-sandbox students' code runs unprotected, with your "
              "rights: do that only on a machine that holds nothing of value.", file=sys.stderr)  # fmt: skip
        return 2
    private = arguments.tests
    if private and not private.is_dir():
        print(f"There is no folder {private} with checks of your own.", file=sys.stderr)
        return 2
    submissions = find(arguments.submissions, arguments.part)
    if arguments.only:
        wanted = set(arguments.only.split(","))
        chosen = [s for s in submissions if wanted & {s.student, s.slug, s.lms_id}]
        if unknown := wanted - {name for s in chosen for name in (s.student, s.slug, s.lms_id)}:
            print(f"Nobody here is called {', '.join(sorted(unknown))}.", file=sys.stderr)
            return 2
    else:
        chosen = submissions
    if not arguments.scheduler and (ROOT / "solutions" / arguments.part).is_dir():
        sandbox_of(not arguments.no_sandbox)  # it imports NumPy and the others while this process does
    import_helpers()
    from grading.course import load_part
    from grading.grade import Options, grade_class
    from grading.report import write_reports
    from grading.store import batch_of

    sheets = load_part(arguments.part, ROOT, private)
    options = Options(
        arguments.part, str(ROOT), str(private.resolve()) if private else None, arguments.timeout,
        min(30.0, arguments.timeout), not arguments.no_sandbox, batch_of(arguments.submissions),
    )  # fmt: skip
    arguments.out.mkdir(parents=True, exist_ok=True)
    with _progress(len(chosen), arguments.json) as progress:
        if arguments.scheduler:
            from grading.cluster import grade_on_cluster

            grade_on_cluster(chosen, options, arguments.out, arguments.scheduler, progress)
        else:
            grade_class(chosen, options, arguments.out, max(1, arguments.jobs), progress)
    summary = write_reports(arguments.out, submissions, sheets, options.batch, arguments.lms)
    if arguments.json:
        print(json.dumps(summary))
    else:
        print(f"{summary['students']} students, {summary['mean_points']:.1f} of {summary['worth']} points in the mean; "
              f"{summary['free_text_waiting']} free-text answers wait for a mark.\n"
              f"Read {arguments.out / 'report.html'}; the table is {arguments.out / 'grades.csv'}.")  # fmt: skip
    return 0


class _progress:
    """A bar on a terminal, or a line of JSON a student."""

    def __init__(self, total, as_json):
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread of its own: workers are forked
        self.as_json = as_json
        self.bar = tqdm(total=total, unit="student", disable=as_json or not sys.stderr.isatty())

    def __call__(self, done):
        slug, points, worth, new = done
        self.bar.update()
        if self.as_json:
            print(json.dumps({"student": slug, "points": points, "worth": worth, "new": new}), flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()


def main(words=None):
    """Run a command; return the exit code: 0 if every submission was processed, whatever its marks."""
    arguments = parser().parse_args(words)
    try:
        if arguments.command == "grade":
            return grade(arguments)
        if arguments.command == "selftest":
            from grading import selftest

            return selftest.run(arguments.part)
        if arguments.command == "release":
            from grading import release

            print(release.write_zip(arguments.part, arguments.out or Path(f"{arguments.part}.zip")))
            return 0
        if arguments.command == "nbgrader":
            from grading import nbcourse

            print(nbcourse.make(arguments.part, arguments.out))
            return 0
        from grading import gradebook

        return gradebook.export(arguments.results, arguments.db)
    except (Refused, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What is graded is kept; the same command goes on from there.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
