"""Drive the moving figures in Chromium: live in JupyterLab, stored in JupyterLab, and as a file without a kernel.

Run by hand: ``python tests/browser/check_figures.py [folder for screenshots]``. Needs Playwright, JupyterLab and
/usr/bin/chromium; prints what it measured and fails on the first thing that does not work.
"""

import copy
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbclient
import nbformat
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
SETUP = """
import numpy as np
from matplotlib import pyplot as plt
from downhill.figures import Slider, animate, contours, explore, quiz, show

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


def executed_outputs(folder):
    """Run the notebook; return it as the render tool stores it, without widgets."""
    done = nbclient.NotebookClient(notebook(), resources={"metadata": {"path": str(folder)}}).execute()
    done.metadata.pop("widgets", None)
    for cell in done.cells:
        cell.metadata.clear()
        for output in cell.outputs:
            assert output.output_type == "display_data", output
            output.data.pop("application/vnd.jupyter.widget-view+json", None)
    return done


class Lab:
    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.token, self.url = secrets.token_hex(8), f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip", "127.0.0.1", "--port", str(port),
                   "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}", "--allow-root"]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(120):
            try:
                return urllib.request.urlopen(f"{self.url}/api?token={self.token}").close()
            except OSError:
                time.sleep(0.5)
        raise RuntimeError("JupyterLab did not start")

    def page(self, name):
        return f"{self.url}/doc/tree/{name}?token={self.token}&reset"


def watched(browser, home, width=1280):
    """Open a page; collect requests that leave this machine, and errors of the page."""
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    ours = ("data:", "blob:", "file:", "ws://127", home)
    page.on("request", lambda request: request.url.startswith(ours) or foreign.append(request.url))
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("console", lambda m: m.type == "error" and errors.append(f"{m.text} {m.location.get('url', '')}"))
    return page


foreign, errors = [], []
WATCH = """(canvas) => {   // notes when the canvas is drawn on
  const fill = CanvasRenderingContext2D.prototype.fillRect;
  if (!window.__watching) {
    window.__watching = true;
    CanvasRenderingContext2D.prototype.fillRect = function (...box) {
      if (!window.__drawn) window.__drawn = performance.now();
      return fill.apply(this, box);
    };
    document.addEventListener("keydown", () => { window.__key = performance.now(); window.__drawn = 0; }, true);
  }
}"""


def key_to_picture(page, figure, keys=12):
    """Press arrow keys on the first slider; return the median of the milliseconds until the canvas is drawn anew."""
    canvas, slider = figure.locator("canvas"), figure.locator("input[type=range]").first
    slider.scroll_into_view_if_needed()
    slider.focus()
    page.evaluate(WATCH, None)
    times, key = [], "ArrowRight"
    for _ in range(keys):
        before, value = canvas.evaluate("c => c.toDataURL()"), slider.input_value()
        key = {slider.get_attribute("max"): "ArrowLeft", "0": "ArrowRight"}.get(value, key)  # turn round at an end
        page.keyboard.press(key)
        page.wait_for_function("window.__drawn > 0", timeout=5000)
        times.append(page.evaluate("window.__drawn - window.__key"))
        page.wait_for_timeout(150)
        assert slider.input_value() != value, "the key did not move the slider"
        assert canvas.evaluate("c => c.toDataURL()") != before, "the picture did not change"
    return statistics.median(times)


def check_static_figures(page, place):
    """Slider, animation and quiz in a page without a kernel."""
    figures = page.locator("figure.dh:has(canvas)")
    assert figures.count() == 3, figures.count()
    said = figures.first.locator("output").inner_text()
    print(f"{place}: key to picture {key_to_picture(page, figures.first):.1f} ms")
    page.keyboard.press("ArrowRight")
    assert figures.first.locator("output").inner_text() != said
    race = figures.nth(2)
    play, scrub, canvas = race.locator("button"), race.locator("input"), race.locator("canvas")
    assert play.inner_text() == "Play" and scrub.input_value() == "100"
    play.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    assert play.inner_text() == "Pause" and 0 < int(scrub.input_value()) < 60, scrub.input_value()
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
    page.keyboard.press("ArrowDown")
    assert quiz.locator("output").inner_text().startswith("Not this one.")
    assert quiz.locator("input").nth(1).is_checked()


def shoot(locator, folder, name):
    locator.scroll_into_view_if_needed()
    locator.page.wait_for_timeout(200)
    locator.screenshot(path=str(folder / f"{name}.png"))


def check_file(browser, stored, folder, shots):
    """The outputs in a file opened from disk, wide and narrow, light and dark."""
    for name, width, colors in (("light", 1280, "#111;background:#fff"), ("dark", 1280, "#eee;background:#14181c"),
                                ("narrow", 390, "#111;background:#fff")):  # fmt: skip
        outputs = "\n".join(cell.outputs[0].data["text/html"] for cell in stored.cells if cell.outputs)
        head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        page_html = f"{head}<title>Figures</title><body style='font-family:sans-serif;color:{colors}'>{outputs}"
        (folder / f"{name}.html").write_text(page_html, encoding="utf-8")
        page = watched(browser, "file:", width)
        page.emulate_media(reduced_motion="reduce" if name == "dark" else "no-preference")
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_timeout(500)
        check_static_figures(page, f"file, {name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "wider than the window"
        page.screenshot(path=str(shots / f"file-{name}.png"), full_page=True)
        page.close()


def check_lab(browser, lab, shots, theme="light"):
    page = watched(browser, lab.url)
    page.goto(lab.page("live.ipynb"))
    page.get_by_text("Run", exact=True).first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator("fieldset.dh").wait_for(timeout=60_000)
    live = page.locator(".jupyter-widgets .dh:has(canvas), .jupyter-widgets.dh:has(canvas)")
    live.nth(1).wait_for(timeout=20_000)
    assert page.locator("figure.dh:has(canvas)").count() == 1, "explore must be a widget, animate a figure"
    page.wait_for_timeout(1500)
    print(f"Lab, live: key to picture {key_to_picture(page, live.first):.1f} ms")
    for i, name in enumerate(("explore", "curves", "animate", "quiz", "show")):
        shoot(page.locator(".jp-OutputArea-output").nth(i), shots, f"lab-{theme}-{name}")
    page.close()

    page = watched(browser, lab.url)
    page.goto(lab.page("stored.ipynb"))
    page.locator("figure img").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    assert page.locator("canvas").count() == 0 and page.locator("figure img").count() == 4, "untrusted: stills"
    for i, name in ((0, "explore"), (3, "quiz")):
        shoot(page.locator(".jp-OutputArea-output").nth(i), shots, f"lab-{theme}-untrusted-{name}")
    page.close()


def check_lab_trusted(browser, lab, shots):
    page = watched(browser, lab.url)
    page.goto(lab.page("trusted.ipynb"))
    page.locator("fieldset.dh").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    check_static_figures(page, "Lab, stored and trusted")
    shoot(page.locator("figure.dh").first, shots, "lab-stored")
    page.close()


def main(shots):
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        os.environ.update(JUPYTER_DATA_DIR=f"{name}/data", JUPYTER_CONFIG_DIR=f"{name}/config")
        stored = executed_outputs(folder)
        assert stored == executed_outputs(folder), "outputs differ on a second run"
        unsigned = copy.deepcopy(stored)
        unsigned.metadata["title"] = "Signatures are of the content: this one is unknown"
        for file, content in (("live", notebook()), ("stored", unsigned), ("trusted", stored)):
            nbformat.write(content, folder / f"{file}.ipynb")
        subprocess.run([sys.executable, "-m", "jupyter", "trust", str(folder / "trusted.ipynb")], check=True)
        (folder / "profile").mkdir()
        browser = playwright.chromium.launch_persistent_context(
            str(folder / "profile"), executable_path=CHROMIUM, headless=True, args=FLAGS)  # fmt: skip
        check_file(browser, stored, folder, shots)
        lab = Lab(folder)
        try:
            check_lab(browser, lab, shots)
            check_lab_trusted(browser, lab, shots)
            themes = folder / "config/lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
            themes.parent.mkdir(parents=True, exist_ok=True)
            themes.write_text('{"theme": "JupyterLab Dark"}', encoding="utf-8")
            check_lab(browser, lab, shots, "dark")
        except Exception:
            browser.pages[-1].screenshot(path=str(shots / "failed.png"))
            raise
        finally:
            browser.close()
            lab.process.terminate()
            lab.process.wait()
    assert not foreign, foreign
    assert not errors, errors
    print("no request left the machine, no error in a console")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="figures-")))
