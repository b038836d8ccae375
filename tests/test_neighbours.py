"""Lessons lead to their neighbours."""

import re

import nbformat
import pytest
from conftest import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))


@pytest.mark.parametrize("at", range(len(LESSONS)), ids=[path.stem for path in LESSONS])
def test_previous_and_next_lead_to_the_neighbours(at):
    cells = nbformat.read(LESSONS[at], as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    around = [ROOT / "notebooks" / "start_here.ipynb", *LESSONS, None]
    found = re.findall(r"\b(Previous|Next)\b[^\[\n.]*\[[^\]]+\]\(([^)#\s]+\.ipynb)\)", prose)
    for word, link in found:
        neighbour = around[at] if word == "Previous" else around[at + 2]
        assert (LESSONS[at].parent / link).resolve() == neighbour, f"{word}: {link}"
    assert found or LESSONS[at] == LESSONS[-1]
