"""A notebook in a page of JupyterLab or JupyterLite, driven as a student would; and the servers behind it."""

import http.server
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
CELLS = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  if (!panel?.content?.model || !kernel) return null;
  const cells = panel.content.model.sharedModel.toJSON().cells.filter((cell) => cell.cell_type === "code");
  return { status: kernel.status, cells: cells.map(({ id, execution_count, outputs, metadata }) => ({
    id, count: execution_count, tags: metadata.tags || [],
    errors: outputs.filter((o) => o.output_type === "error").map((o) => `${o.ename}: ${o.evalue}`),
    text: outputs.map((o) => o.text || o.data?.["text/plain"] || "").flat().join("\\n"),
  })) };
}"""
DRAWN = """() => {   // notes when a key goes down, and when a canvas is drawn on after it
  if (window.__key !== undefined) return;
  window.__key = window.__drawn = 0;
  const fill = CanvasRenderingContext2D.prototype.fillRect;
  CanvasRenderingContext2D.prototype.fillRect = function (...box) {
    if (!window.__drawn) window.__drawn = performance.now();
    return fill.apply(this, box);
  };
  document.addEventListener("keydown", () => { window.__key = performance.now(); window.__drawn = 0; }, true);
}"""
LIVE = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells.flatMap(
  ({ outputs }, i) => outputs?.some((o) => o.data?.["application/vnd.jupyter.widget-view+json"]) ? [i] : [])"""
WIDGET = ":is(.jupyter-widgets.dh, .jupyter-widgets .dh):has(canvas)"


SHORT = ["start_here.ipynb", *(min(part.glob("*.ipynb")).relative_to(ROOT / "notebooks").as_posix()
                                for part in sorted((ROOT / "notebooks").glob("[0-9]*")))]  # fmt: skip


def lessons(all_of_them=True):
    """Return the lessons' paths in ``notebooks/``: all, or a light one of each part."""
    found = sorted(path.relative_to(ROOT / "notebooks").as_posix() for path in (ROOT / "notebooks").rglob("*.ipynb")
                   if ".ipynb_checkpoints" not in path.parts)  # fmt: skip
    return found if all_of_them else SHORT


def copy_lessons(folder):
    """Copy the lessons to a folder, without their outputs."""
    for name in lessons():
        notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / name)


class Watch:
    """Chromium with a profile of its own; `foreign` and `errors` collect what no page of the course may do."""

    def __init__(self, context, home):
        self.context, self.home, self.foreign, self.errors = context, home, [], []
        context.on("request", self.requested)

    def requested(self, request):
        if not request.url.startswith((self.home, self.home.replace("http:", "ws:"), "data:", "blob:")):
            self.foreign.append(request.url)

    @contextmanager
    def page(self):
        page = self.context.new_page()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self.said)
        try:
            yield page
        finally:
            page.close()

    def said(self, message):
        place = message.location.get("url", "")
        if message.type == "error" and not place.endswith("/favicon.ico"):
            self.errors.append(f"{message.text} {place}")


@contextmanager
def chromium(profile, home):
    """Start Chromium; requests to another host than ``home`` are noted."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=CHROMIUM, headless=True, args=FLAGS, accept_downloads=True
        )
        try:
            yield Watch(context, home)
        finally:
            context.close()


@contextmanager
def serve(folder):
    """Serve a folder of files on this machine; yield its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def end_headers(self):
            self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """Say nothing: a page that is closed drops its connections."""

    server = Server(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def jupyterlab(folder):
    """Serve a folder by JupyterLab; yield a function from a notebook's path to its address, and the server's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token, home = secrets.token_hex(8), f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip", "127.0.0.1", "--port", str(port),
               "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", "--allow-root",
               "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    own = {"JUPYTER_DATA_DIR": str(folder / ".data"), "JUPYTER_CONFIG_DIR": str(folder / ".config")}
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{home}/api?token={token}").close()
                break
            except OSError:
                time.sleep(0.5)
        yield home, lambda name: f"{home}/doc/tree/{name}?token={token}&reset"
    finally:
        process.terminate()
        process.wait()


def open_notebook(page, address, seconds=600):
    """Go to a notebook's page and wait until its kernel is ready."""
    page.goto(address)
    deadline = time.monotonic() + seconds
    while (state := page.evaluate(CELLS)) is None or state["status"] != "idle":
        assert time.monotonic() < deadline, f"no kernel after {seconds} s: {state and state['status']}"
        page.wait_for_timeout(250)


def run_all(page, seconds=600):
    """Choose *Run All Cells* from the menu; return the cells once the kernel has come to rest, and the seconds."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    started = time.monotonic()
    while True:
        page.wait_for_timeout(500)
        state = page.evaluate(CELLS)
        over = stopped(state["cells"]) or all(cell["count"] for cell in state["cells"])
        if over and state["status"] == "idle":
            return state["cells"], time.monotonic() - started
        assert state["status"] != "dead", "the kernel died"
        assert time.monotonic() - started < seconds, f"not at the end after {seconds} s"


def stopped(cells):
    """Return the errors, outside the checks of exercises, by the id of their cell: there a notebook stops."""
    return {cell["id"]: cell["errors"] for cell in cells if cell["errors"] and "raises-exception" not in cell["tags"]}


def live_figures(page):
    """Go through the notebook, since only cells near the window are drawn; yield each figure that the kernel moves."""
    page.evaluate("window.jupyterapp.shell.currentWidget.content.mode = 'command'")
    for index in page.evaluate(LIVE):
        page.evaluate("(i) => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
        figure = page.locator(f".jp-Cell[data-windowed-list-index='{index}'] {WIDGET}")
        figure.wait_for(timeout=20_000)
        yield figure


def sliders(figure):
    """Return the sliders that can move, each with its label."""
    return [(slider, slider.locator("xpath=..").inner_text()) for slider in figure.locator("input[type=range]").all()
            if slider.get_attribute("max") != "0"]  # fmt: skip


def key_to_picture(page, figure, slider, keys=12):
    """Move a slider by arrow keys; return the median of the milliseconds until the canvas is drawn anew.

    Each move must move the slider; the picture must have changed at some move.
    """
    canvas = figure.locator("canvas")
    slider.scroll_into_view_if_needed()
    slider.focus()
    page.evaluate(DRAWN)
    times, pictures, key = [], {canvas.evaluate("c => c.toDataURL()")}, "ArrowRight"
    for _ in range(keys):
        value = slider.input_value()
        key = {slider.get_attribute("max"): "ArrowLeft", "0": "ArrowRight"}.get(value, key)  # turn round at an end
        page.keyboard.press(key)
        page.wait_for_function("window.__drawn > 0", timeout=10_000)
        times.append(page.evaluate("window.__drawn - window.__key"))
        page.wait_for_timeout(120)
        assert slider.input_value() != value, "the key did not move the slider"
        pictures.add(canvas.evaluate("c => c.toDataURL()"))
    assert len(pictures) > 1, "the picture did not change"
    return statistics.median(times)


def type_into(page, cell_id, source):
    """Go to a cell and type another text in its place."""
    page.evaluate(
        """async (id) => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          const index = notebook.widgets.findIndex((cell) => cell.model.sharedModel.id === id);
          notebook.activeCellIndex = index;
          await notebook.scrollToItem(index, "center");
          notebook.mode = "edit";
          await notebook.activeCell.ready;
          notebook.activeCell.editor.focus();
        }""",
        cell_id,
    )
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    assert source_of(page, cell_id) == source, f"another text stands in {cell_id} than was typed"


def source_of(page, cell_id):
    """Return what stands in a cell."""
    return page.evaluate(
        """(id) => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
             .find((cell) => cell.id === id).source""",
        cell_id,
    )
