"""What the tests share: where the course is, and notebooks run once however many tests look at them."""

from pathlib import Path

import nbformat
import pytest

from tools import notebooks

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def run_notebook():
    """Run a notebook of the course, cells appended, going on after errors; the same run is done once."""
    done = {}

    def run(path, *extra):
        key = (path, extra)
        if key not in done:
            notebook = nbformat.read(path, as_version=4)
            for number, source in enumerate(extra):
                notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"appended-{number}"))
            done[key] = notebooks.execute(notebook, path.parent, allow_errors=True)
        return done[key]

    return run


def pytest_terminal_summary(terminalreporter):
    """Say how many cells nbval ran in each folder."""
    for folder in ("notebooks", "solutions", "exercises"):
        counts = {
            outcome: sum("::Cell " in report.nodeid and report.nodeid.startswith(f"{folder}/") for report in reports)
            for outcome, reports in terminalreporter.stats.items()
            if outcome in ("passed", "failed", "error", "skipped")
        }
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        terminalreporter.write_line(f"nbval, cells of {folder}: {said or 'none run'}")
