"""The moving figures in Chromium: live in JupyterLab, stored in JupyterLab, and as a file without a kernel."""

import copy
import os
import subprocess
import sys

import nbclient
import nbformat
import pytest
from notebook_page import chromium, jupyterlab, key_to_picture, live_figures, open_notebook, run_all, stopped

SETUP = """
import numpy as np
from matplotlib import pyplot as plt
from downhill.figures import Slider, animate, contours, explore, show
from downhill.quizzes import quiz

def himmelblau(x, y):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

def descend(rate, start, steps=60, memory=0.0):
    path, velocity = [np.array(start, float)], 0.0
    for _ in range(steps):
        x, y = path[-1]
        a, b = x * x + y - 11, x + y * y - 7
        velocity = memory * velocity - rate * np.array([4 * x * a + 2 * b, 2 * a + 4 * y * b])
        path.append(path[-1] + velocity)
    return np.array(path)

X, Y = np.meshgrid(*[np.linspace(-5, 5, 161)] * 2)
hills = X, Y, himmelblau(X, Y)
"""
EXPLORE = """
def descent(rate, start):
    path = descend(rate, (start, 0.5))
    return {"paths": [{"points": path, "label": "descent", "markers": True}],
            "points": [{"xy": (3, 2), "label": "minimum"}],
            "text": f"Step size {rate:.3g}: the loss ends at {himmelblau(*path[-1]):.2e}."}

explore(descent, "A larger step size $\\\\eta$ goes further, until it overshoots.",
        "The path of gradient descent over the contours of Himmelblau's function.", background=hills,
        xlabel="x", ylabel="y", rate=Slider(np.linspace(0.002, 0.02, 19), 0.01, "step size η"),
        start=Slider([-1.0, 0.0, 1.0], 0.0, "start"))
"""
CURVES = """
def losses(rate):
    k = np.arange(60)
    return {"paths": [{"points": (1 - rate) ** (2 * k), "label": "steep"},
                      {"points": (1 - rate / 10) ** (2 * k), "label": "flat direction, ten times slower"}],
            "text": f"After 59 steps at {rate:.2g} the flat direction is at {(1 - rate / 10) ** 118:.1e}."}

explore(losses, "The loss falls at two rates.", "Two falling lines on a log scale.", yscale="log", ylim=(1e-8, 2),
        xlabel="step", ylabel=r"loss $f(w_1)$", rate=[0.1, 0.3, 0.5, 0.7, 0.9])
"""
ANIMATE = """
animate({"plain": descend(0.003, (0, -0.2), 100), "momentum": descend(0.003, (0, -0.2), 100, 0.8)},
        "Momentum overshoots, and comes back.", "Two paths race into a valley.", background=hills,
        xlabel="x", ylabel="y", points=[{"xy": (3, 2), "label": "minimum"}])
"""
QUIZ = """
quiz("When does descent on $f(x) = x^2$ diverge?",
     {"For $\\\\eta > 1$": "The curvature is $L = 2$, and $2/L = 1$ is the limit.",
      "For $\\\\eta > 2$": "That is the limit for $x^2/2$.", "Never": "Try `rate = 1.1`."}, answer="A")
"""
SHOW = """
fig, ax = plt.subplots(figsize=(7, 4))
fig.colorbar(contours(ax, hills), label="loss")
ax.plot(*descend(0.01, (0, 0)).T, "o-")
ax.set(xlabel="x", ylabel="y")
show(fig, "Four minima, $f = 0$ at each.", "Contours with four valleys.")
"""


def notebook():
    cells = [nbformat.v4.new_code_cell(code.strip(), id=f"cell-{i}")
             for i, code in enumerate([SETUP, EXPLORE, CURVES, ANIMATE, QUIZ, SHOW])]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The notebook as `make render` stores it, without widgets."""
    options = {"resources": {"metadata": {"path": str(tmp_path_factory.mktemp("run"))}}, "store_widget_state": False}
    done = nbclient.NotebookClient(notebook(), **options).execute()
    for cell in done.cells:
        cell.metadata.clear()
        for output in cell.outputs:
            assert output.output_type == "display_data", output
            output.data.pop("application/vnd.jupyter.widget-view+json", None)
    return done


@pytest.fixture(scope="module")
def lab(stored, tmp_path_factory):
    """The notebook without outputs; with stored ones that this user trusts; and with stored ones of a stranger."""
    folder = tmp_path_factory.mktemp("lab")
    nbformat.write(stored, folder / "trusted.ipynb")
    command = [sys.executable, "-m", "jupyter", "trust", str(folder / "trusted.ipynb")]
    subprocess.run(command, check=True, env={**os.environ, "JUPYTER_DATA_DIR": str(folder / ".data")})
    nbformat.write(notebook(), folder / "live.ipynb")
    unsigned = copy.deepcopy(stored)
    unsigned.metadata["title"] = "Signatures are of the content: this one is unknown"
    nbformat.write(unsigned, folder / "stored.ipynb")
    with jupyterlab(folder) as (home, address), chromium(folder / ".profile", home) as browser:
        yield browser, address


def check_still_figures(page):
    """Slider, animation and quiz in a page without a kernel."""
    figures = page.locator("figure.dh:has(canvas)")
    assert figures.count() == 3
    slider, said = figures.first.locator("input[type=range]").first, figures.first.locator("output").inner_text()
    key_to_picture(page, figures.first, slider, keys=3)
    assert figures.first.locator("output").inner_text() != said
    race = figures.nth(2)
    play, scrub, canvas = race.locator("button"), race.locator("input"), race.locator("canvas")
    assert play.inner_text() == "Play" and scrub.input_value() == "100"
    play.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    assert play.inner_text() == "Pause" and 0 < int(scrub.input_value()) < 90
    if page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches"):
        assert int(scrub.input_value()) % 10 == 0, "ten pictures, not a film"
    page.keyboard.press("Enter")
    paused = scrub.input_value()
    page.wait_for_timeout(300)
    assert play.inner_text() == "Play" and scrub.input_value() == paused
    before = canvas.evaluate("c => c.toDataURL()")
    scrub.focus()
    page.keyboard.press("ArrowRight")
    assert canvas.evaluate("c => c.toDataURL()") != before
    quiz = page.locator("fieldset.dh")
    quiz.scroll_into_view_if_needed()
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    assert quiz.locator("output").inner_text().startswith("Right.")
    assert quiz.get_attribute("data-quiz") == "right"
    page.keyboard.press("ArrowDown")
    assert quiz.locator("output").inner_text().startswith("Not this one.")
    assert quiz.get_attribute("data-quiz") == "wrong"
    assert quiz.locator("input").nth(1).is_checked()


@pytest.mark.parametrize(
    ("width", "colors", "motion"),
    [
        (1280, "#111;background:#fff", "no-preference"),
        (1280, "#eee;background:#14181c", "reduce"),
        (390, "#111;background:#fff", "no-preference"),
    ],
)
def test_figures_move_in_a_file_without_a_kernel(stored, tmp_path, width, colors, motion):
    outputs = "\n".join(cell.outputs[0].data["text/html"] for cell in stored.cells if cell.outputs)
    head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    text = f"{head}<title>Figures</title><body style='font-family:sans-serif;color:{colors}'>{outputs}"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with chromium(tmp_path / "profile", "file:") as browser, browser.page() as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(reduced_motion=motion)
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_timeout(500)
        check_still_figures(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not browser.foreign and not browser.errors


def test_figures_in_lab_are_live(lab):
    browser, address = lab
    with browser.page() as page:
        open_notebook(page, address("live.ipynb"))
        cells, _ = run_all(page)
        assert not stopped(cells)
        figures = 0
        for figure in live_figures(page):
            key_to_picture(page, figure, figure.locator("input[type=range]").first, keys=3)
            figures += 1
        assert figures == 2, "explore is a widget, animate a figure"
    assert not browser.foreign and not browser.errors


def test_a_notebook_that_is_not_trusted_shows_stills(lab):
    browser, address = lab
    with browser.page() as page:
        page.goto(address("stored.ipynb"))
        page.locator("figure img").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        assert page.locator("canvas").count() == 0 and page.locator("figure img").count() == 4
    assert not browser.foreign and not browser.errors


def test_a_notebook_that_is_trusted_moves_without_a_kernel(lab):
    browser, address = lab
    with browser.page() as page:
        page.goto(address("trusted.ipynb"))
        page.locator("fieldset.dh").wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        check_still_figures(page)
    assert not browser.foreign and not browser.errors
