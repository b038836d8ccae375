"""Run a student's notebooks and say how far they are, by the grader's rules and released checks.

usage: check.py [--timeout SECONDS] [NOTEBOOK ...]   those named, or all in work/
"""

import contextlib
import io
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.cells import Cell, NotebookError, plan, read_cells  # noqa: E402

CELL_SECONDS = 60  # for one cell; for a notebook it is four times as long
DEFINED = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
CARD = "scorecard-of-make-check"
PROLOGUE = "get_ipython().ask_exit = lambda: None"  # exit() ends nobody's notebook
UNANSWERED = "not answered yet"  # as helpers.NOT_ANSWERED says it


class Client(NotebookClient):
    """A kernel that keeps errors and the scorecard, and forgets what else is printed or shown."""

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] in ("status", "error") or cell.id == CARD:
            return super().process_message(msg, cell, cell_index)
        return None


class Kernel:
    """A student's notebook in a kernel, cell by cell.

    A cell that takes too long, or that ends the kernel, is left out: the others run again in a new
    one.

    Parameters
    ----------
    folder : Path
        In which the kernel works.
    seconds : float
        For one cell.
    first : list of str
        Cells that run before the notebook's own.
    """

    def __init__(self, folder: Path, seconds: float, first: Sequence[str] = ()) -> None:
        self.folder, self.seconds, self.ends = folder, seconds, time.monotonic() + 4 * seconds
        self.first = list(first)
        self.client: Client | None = None
        self.done: list[str] = []
        self.left_out: list[tuple[str, str]] = []

    def run(self, source: str, name: str = "cell", tell: bool = True) -> list[NotebookNode] | None:
        """Run one cell; return its outputs, or None if it was left out, which is told of."""
        if time.monotonic() > self.ends:
            if tell:
                self.left_out.append((source, "was not run: the notebook had no time left"))
            return None
        try:
            outputs = self._execute(self.client or self._start(), source, name)
        except (CellTimeoutError, DeadKernelError) as error:
            late = isinstance(error, CellTimeoutError)
            said = (
                f"took longer than {self.seconds:g} s"
                if late
                else "ended the kernel: too much memory, or exit()"
            )
            if tell:
                self.left_out.append((source, said))
            self.close()
            return None
        self.done.append(source)
        return outputs

    def _start(self) -> Client:
        client = self.client = Client(
            nbformat.v4.new_notebook(),
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            allow_errors=True,
            resources={"metadata": {"path": str(self.folder)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        client.log.disabled = True
        client.create_kernel_manager()
        client.start_new_kernel()
        client.start_new_kernel_client()
        for source in self.first + self.done:
            self._execute(client, source, "cell")
        return client

    def _execute(self, client: Client, source: str, name: str) -> list[NotebookNode]:
        cell = nbformat.v4.new_code_cell(source, id=name)
        client.nb.cells.append(cell)
        client.timeout = max(1, int(min(self.seconds, self.ends - time.monotonic() + 5)))
        client.execute_cell(cell, len(client.nb.cells) - 1)
        return cell.outputs

    def close(self) -> None:
        """End the kernel, if there is one."""
        client: Any = self.client
        if client is not None:
            with contextlib.suppress(Exception):
                client.kc.stop_channels()
            with contextlib.suppress(Exception):
                run_sync(client.km.shutdown_kernel)(now=True)
            self.client = None


def released_as(cells: Sequence[Cell], path: Path) -> Path:
    """Return the path of the released notebook that shares most ids with a student's.

    Parameters
    ----------
    cells : list of Cell
    path : Path
        Of the student's notebook, which stands for itself if nothing released is like it.

    Returns
    -------
    Path
    """
    ids = {
        name
        for cell in cells
        for name in (cell.id, cell.grade_id)
        if re.match("answer_|check_", name)
    }
    defined = set(
        re.findall(
            r"^def (\w+)\(", "\n".join(c.source for c in cells if c.kind == "code"), re.MULTILINE
        )
    )
    best, most = path, 0
    for candidate in sorted((ROOT / "exercises").glob("*/*.ipynb")):
        theirs = read_cells(candidate.read_bytes(), candidate.name)
        names = {cell.id for cell in theirs if re.match("answer_|check_", cell.id)}
        names |= set(
            re.findall(
                r"^def (\w+)\(",
                "\n".join(c.source for c in theirs if c.kind == "code"),
                re.MULTILINE,
            )
        )
        if len(names & (ids | defined)) > most:
            best, most = candidate, len(names & (ids | defined))
    return best


def given(path: Path) -> list[str]:
    """Return the code cells that a released notebook gives: imports, functions for all."""
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        if cell["cell_type"] == "code" and cell.get("id") != "scorecard"
        if not cell.get("metadata", {}).get("nbgrader")
    ]


def graded(path: Path) -> dict[str, tuple[str, str, int]]:
    """Return a notebook's check cells, as a dict from slug to (id, source, points)."""
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8-sig"))["cells"]:
        marks = cell.get("metadata", {}).get("nbgrader", {})
        if marks.get("grade") and cell["cell_type"] == "code":
            slug = marks["grade_id"].removeprefix("check_")
            found[slug] = (
                cell.get("id", marks["grade_id"]),
                "".join(cell["source"]),
                int(marks["points"]),
            )
    return found


def score(path: Path, seconds: float = CELL_SECONDS) -> str:
    """Run a student's notebook and leave it as it is; return its scorecard and what failed."""
    try:
        cells = read_cells(path.read_bytes(), path.name)
        released = released_as(cells, path)
        exercises, first = graded(released), given(released) if released != path else []
    except (NotebookError, OSError, ValueError, KeyError) as error:
        return (
            f"This file is not a notebook that can be read ({error}). Your file is untouched; "
            f"`make reset EXERCISE={path.parent.name}/{path.stem}` puts a fresh copy in its place and "
            "keeps it."
        )
    if not exercises:
        return (
            "This notebook has no exercises with points: no cell of it is a check of this "
            "course. Is it a lesson, "
            "or notes of your own? Exercises are in work/."
        )
    checks = {name: slug for slug, (name, _, _) in exercises.items()} | {"scorecard": ""}
    kernel = Kernel(path.parent, seconds, [PROLOGUE, *first])
    results: dict[str, str] = {}
    stopped: dict[str, str] = {}  # from a function's name to the error of its cell
    try:
        for step in plan(cells, checks):
            if step.source:
                for wrong in errors_of(kernel.run(step.source)):
                    for name in DEFINED.findall(step.source):
                        stopped[name] = f"{wrong.ename}: {wrong.evalue}"
            else:
                _check(kernel, exercises, step.check, results)
        for slug in [
            slug for slug in exercises if slug not in results
        ]:  # no check cell, or one above its answer
            _check(kernel, exercises, slug, results, last=True)
        card = _scorecard(kernel, exercises, results)
    finally:
        kernel.close()
    written = "\n".join(cell.source for cell in cells if cell.kind == "code")
    told = {
        slug: _explained(text, exercises[slug][1], stopped, written)
        for slug, text in results.items()
    }
    said = [f"  {slug.replace('_', ' ')}: {text}" for slug, text in told.items() if text]
    left_out = [
        f"  The cell that begins with `{source.strip().splitlines()[0][:60]}` {why}. It was left "
        f"out."
        for source, why in kernel.left_out
    ]
    if left_out:
        left_out.append(
            '  If it only needs more time: make check ARGS="--timeout 300" gives every cell 300 s.'
        )
    return "\n".join([card, *said, *left_out])


def _check(
    kernel: Kernel,
    exercises: dict[str, tuple[str, str, int]],
    slug: str,
    results: dict[str, str],
    last: bool = False,
) -> None:
    """Run a check and note what it said, "" if it passed; one whose answer is missing waits."""
    outputs = kernel.run(exercises[slug][1], tell=False)
    errors = errors_of(outputs)
    if outputs is None:
        results[slug] = (
            f"the check did not come to an end with this answer in {kernel.seconds:g} s: a loop "
            "that takes too long, or for ever?"
        )
    elif errors:
        kind, text = errors[0].ename, errors[0].evalue or errors[0].ename
        asked = re.search(rf"^check_{slug}\((\w+)\)", exercises[slug][1], re.MULTILINE)
        missing = errors[0].ename == "NameError" and asked and f"'{asked[1]}'" in text
        if last or not missing:
            results[slug] = text if kind == "AssertionError" else f"{kind}: {text}"
    else:
        results[slug] = ""


def errors_of(outputs: list[NotebookNode] | None) -> list[NotebookNode]:
    """Return the errors among a cell's outputs."""
    return [output for output in outputs or () if output.output_type == "error"]


def _explained(text: str, check: str, stopped: dict[str, str], written: str) -> str:
    """Return what to say of a check that failed, "" if its answer is just open."""
    missing = re.search(r"name '(\w+)' is not defined", text)
    if missing and missing[1] in stopped:
        return f"its cell stopped. {stopped[missing[1]]}"
    if missing and re.search(rf"^check_\w+\({missing[1]}\)", check, re.MULTILINE):
        return f"no cell defines {missing[1]}: it was removed or renamed, or is no code cell"
    if UNANSWERED not in text:
        return text
    asked = re.search(r"^check_\w+\((\w+)\)", check, re.MULTILINE)
    body = asked and re.search(
        rf"^def {asked[1]}\(.*\n((?:[ \t]+.*\n?|\n)*)", written, re.MULTILINE
    )
    if body and not re.search(r"^\s*\.\.\.\s*$", body[1], re.MULTILINE):
        return "the function returns nothing. Did you print the result instead of returning it?"
    return ""


def _scorecard(
    kernel: Kernel, exercises: dict[str, tuple[str, str, int]], results: dict[str, str]
) -> str:
    record = [[slug, not text, slug] for slug, text in results.items()]
    points = {slug: worth for slug, (_, _, worth) in exercises.items()}
    kernel.ends = max(
        kernel.ends, time.monotonic() + 30
    )  # the card is no part of the student's time
    outputs = kernel.run(
        f"import helpers\nhelpers._record[:] = {record!r}\nhelpers.scorecard(**{points!r})",
        name=CARD,
    )
    shown = [output.data["text/plain"] for output in outputs or () if "data" in output]
    wrong = [output.evalue for output in outputs or () if output.output_type == "error"]
    return (
        shown
        or wrong
        or ["The kernel died while this notebook ran, and no scorecard could be made."]
    )[0]


def main(words: list[str]) -> int:
    """Score the notebooks that are named, or all in work/; return the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a console that lacks a letter shows its number
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    seconds = CELL_SECONDS
    if words[:1] == ["--timeout"]:
        if len(words) < 2 or not words[1].isdigit() or int(words[1]) < 1:
            print("--timeout takes a number of seconds, such as --timeout 300.")
            return 2
        seconds, words = int(words[1]), words[2:]
    paths = [Path(word) for word in words] or sorted(
        path for path in (ROOT / "work").glob("*/*.ipynb") if ".old-" not in path.name
    )
    if not paths:
        others = sorted(path.name for path in (ROOT / "work").glob("*/*.*") if path.is_file())
        if others:
            print(
                f"There is no .ipynb in work/, but {', '.join(others[:5])}: a notebook's name ends "
                "in .ipynb. Rename it."
            )
        else:
            print("There is nothing in work/ yet: run `make course` once, and solve an exercise.")
        return 1
    for path in paths:
        if not path.is_file():
            print(f"{path}: there is no such file.")
            return 1
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(f"\n{shown}\n{score(path, seconds)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
