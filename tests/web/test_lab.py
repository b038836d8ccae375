"""Lessons in JupyterLab as a student runs them: from the menu, top to bottom, then every slider by keyboard.

One lesson of each part by default, the others with `make test-web-full`.
"""

import pytest
from notebook_page import (
    SHORT,
    chromium,
    copy_lessons,
    jupyterlab,
    key_to_picture,
    lessons,
    live_figures,
    open_notebook,
    run_all,
    sliders,
    stopped,
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Lessons in a folder of their own, served by JupyterLab: Chromium, and where a lesson is."""
    folder = tmp_path_factory.mktemp("lab")
    copy_lessons(folder)
    with jupyterlab(folder) as (home, address), chromium(folder / ".profile", home) as browser:
        yield browser, address


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in SHORT else pytest.mark.long) for name in lessons()]
)
def test_lesson_runs_and_its_sliders_move_the_picture(lab, name):
    browser, address = lab
    with browser.page() as page:
        open_notebook(page, address(name))
        cells, _ = run_all(page)
        assert not stopped(cells)
        moved = [key_to_picture(page, figure, slider)
                 for figure in live_figures(page) for slider, _ in sliders(figure)]  # fmt: skip
        assert moved, "a lesson has a figure that moves"
    assert not browser.foreign, "nothing may come from another host"
    assert not browser.errors, "nothing may be red in the console"
