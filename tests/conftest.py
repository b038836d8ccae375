"""What the tests share: where the course is, and notebooks run once however many tests look at them."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import notebooks  # noqa: E402


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def run_notebook():
    """Run a notebook of the course, with cells appended, going on after errors; each combination is run once."""
    done = {}

    def run(path, *extra_cells):
        if (path, extra_cells) not in done:
            notebook = nbformat.read(path, as_version=4)
            for number, source in enumerate(extra_cells):
                notebook.cells.append(nbformat.v4.new_code_cell(source, id=f"appended-{number}"))
            done[path, extra_cells] = notebooks.execute(notebook, path.parent, allow_errors=True)
        return done[path, extra_cells]

    return run
