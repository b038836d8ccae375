"""Write what a graded class is read from: the table, the class report, a page a student, the free-text answers."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

import jinja2
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from downhill.figures import COLORS  # noqa: E402
from grading.marks import FREE_TEXT, read_marks  # noqa: E402
from grading.store import result_path, stored, write  # noqa: E402

__all__ = ["write_reports"]

PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True,
    lstrip_blocks=True, undefined=jinja2.StrictUndefined,
)  # fmt: skip


def write_reports(out, submissions, sheets, batch, lms=None):
    """Write every report of a class from the stored results.

    Parameters
    ----------
    out : Path
        The folder that holds ``students/*.json``.
    submissions : list of Submission
    sheets : list of Sheet
    batch : str
    lms : {None, "moodle", "canvas"}
        Also write a table that the learning platform imports.

    Returns
    -------
    dict
        How many students, how many free-text answers wait for a mark, the mean share of the points.
    """
    marks = read_marks(out / "free_text.csv")
    columns = [(sheet.name, e.slug, e.points) for sheet in sheets for e in sheet.exercises]
    free = [(sheet.name, q.slug, q.points) for sheet in sheets for q in sheet.questions]
    table, texts, look, totals = io.StringIO(), io.StringIO(), [], []
    right, failing, answers = Counter(), Counter(), {}
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["student", "lms_id", "points", "worth", "needs_a_look",
                   *(f"{name}/{slug}" for name, slug, _ in columns + free)])  # fmt: skip
    questions = csv.writer(texts, lineterminator="\n")
    questions.writerow(FREE_TEXT)
    page, everyone = PAGES.get_template("student.html"), []
    worth = sum(points for *_, points in columns + free)
    waiting = 0
    for submission in submissions:
        result = stored(result_path(out, sheets[0].part, batch, submission))
        if result is None:
            continue
        got = {(n["name"], e["slug"]): e for n in result["notebooks"] for e in n["exercises"]}
        given = []
        for notebook in result["notebooks"]:
            for question in notebook["questions"]:
                mark, comment = marks.get((result["student"], notebook["name"], question["slug"]), (None, ""))
                question |= {"mark": mark, "comment": comment}
                given.append((notebook["name"], question))
                waiting += mark is None
                questions.writerow(map(_safe, (result["student"], notebook["name"], question["slug"], question["worth"],
                                               _mark(mark), comment, question["text"])))  # fmt: skip
            for cell, source in notebook["answers"].items():
                shape = re.sub(r"\s|#.*", "", source)
                if len(shape) > 120:
                    key = notebook["name"], cell, hash(shape)
                    answers.setdefault(key, []).append(submission)
        points = result["points"] + sum(q["mark"] or 0 for _, q in given)
        by_hand = {(name, q["slug"]): q["mark"] for name, q in given}
        rows.writerow(map(_safe, [
            result["student"], result["lms_id"], _mark(points), worth, len(result["flags"]),
            *(got[name, slug]["points"] if (name, slug) in got else 0 for name, slug, _ in columns),
            *(_mark(by_hand.get((name, slug))) for name, slug, _ in free),
        ]))  # fmt: skip
        right.update(key for key, e in got.items() if e["state"] == "passed")
        failing.update((name, slug, _title(e)) for (name, slug), e in got.items() if e["state"] == "failed")
        look += [(submission.slug, result["student"], flag) for flag in result["flags"]]
        totals.append(points)
        everyone.append((submission, result["student"], points))
        write(out / "feedback" / f"{submission.slug}.html", page.render(result=result, points=points, worth=worth))
    for (name, cell, _), who in sorted(answers.items(), key=lambda item: item[0][:2]):
        if 1 < len(who) <= max(2, len(everyone) // 10):  # an answer that many share is the natural one
            names = ", ".join(s.student for s in who[:8])
            look.append((who[0].slug, names, f"{name}: the same {cell} but for spaces and comments."))
    write(out / "grades.csv", "\ufeff" + table.getvalue())
    write(out / "free_text.csv", "\ufeff" + texts.getvalue())
    if lms:
        write(out / f"grades-{lms}.csv", _for_lms(lms, everyone, worth, sheets[0].part))
    n = len(everyone)
    shares = [(f"{name}: {slug.replace('_', ' ')}", right[name, slug] / n if n else 0) for name, slug, _ in columns]
    report = PAGES.get_template("class.html").render(
        part=sheets[0].part, n=n, worth=worth, mean=sum(totals) / n if n else 0, waiting=waiting, look=look,
        failing=failing.most_common(20), shares=shares, bars=_bars(shares), histogram=_histogram(totals, worth),
        students=[(s.slug, name, points) for s, name, points in everyone],
    )  # fmt: skip
    write(out / "report.html", report)
    return {"students": n, "worth": worth, "mean_points": sum(totals) / n if n else 0.0, "free_text_waiting": waiting}


def _title(exercise):
    """Name what failed without its numbers, so that equal failures are counted together."""
    failed = next((line for line in exercise["said"] if line.startswith("FAIL")), exercise["problem"] or "no answer")
    return failed.removeprefix("FAIL - ").split(":")[0][:120]


def _for_lms(lms, everyone, worth, part):
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    if lms == "moodle":
        rows.writerow(["Identifier", "Full name", "Grade", "Maximum Grade"])
        for submission, name, points in everyone:
            rows.writerow(map(_safe, (f"Participant {submission.lms_id}", name, _mark(points), worth)))
    else:
        rows.writerow(["Student", "ID", "SIS Login ID", "Section", part])
        rows.writerow(["    Points Possible", "", "", "", worth])
        for submission, name, points in everyone:
            rows.writerow(map(_safe, (name, submission.lms_id, "", "", _mark(points))))
    return "\ufeff" + table.getvalue()


def _safe(value):
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value[:1] else value


def _mark(mark):
    return "" if mark is None else int(mark) if float(mark).is_integer() else mark


def _svg(figure):
    """Return a figure as SVG that is the same on every run."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "downhill", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


@plt.style.context("seaborn-v0_8-whitegrid")
def _bars(shares):
    figure, ax = plt.subplots(figsize=(8, 0.3 * len(shares) + 1))
    ax.barh(range(len(shares)), [100 * share for _, share in shares], color=COLORS["primary"])
    ax.set(yticks=range(len(shares)), yticklabels=[name for name, _ in shares], xlim=(0, 100),
           xlabel="students right, per cent")  # fmt: skip
    ax.invert_yaxis()
    return _svg(figure)


@plt.style.context("seaborn-v0_8-whitegrid")
def _histogram(totals, worth):
    figure, ax = plt.subplots(figsize=(8, 2.6))
    ax.hist(totals, bins=[worth * i / 20 for i in range(21)], color=COLORS["primary"], edgecolor="white")
    ax.set(xlabel=f"points of {worth}", ylabel="students", xlim=(0, worth))
    return _svg(figure)
