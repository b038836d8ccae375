"""Run every lesson from the Run menu of JupyterLab in Chromium and move its first interactive figure by keyboard.

Run by hand: ``python tests/browser/check_lessons.py [folder for screenshots]``, on a machine as check_figures.py needs.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from check_figures import CHROMIUM, FLAGS, Lab, errors, foreign, key_to_picture, watched
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]


def finished(path):
    """Return the code cells of a saved notebook once all of them have run, else None."""
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return code if [c.execution_count for c in code] == list(range(1, len(code) + 1)) else None


def run_lesson(page, lab, folder, name, shots):
    """Run a lesson, save it, and look for errors in what was saved."""
    page.goto(lab.page(f"notebooks/{name}"))
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    for _ in range(120):
        page.wait_for_timeout(1000)
        page.keyboard.press("Control+s")
        if code := finished(folder / "notebooks" / name):
            break
    else:
        raise AssertionError(f"{name} did not end")
    for cell in code:
        failed = [o.ename for o in cell.outputs if o.output_type == "error"]
        assert not failed or "raises-exception" in cell.metadata.get("tags", []), (name, cell.id, failed)
    live = page.locator(".jupyter-widgets .dh:has(canvas), .jupyter-widgets.dh:has(canvas)").first
    for _ in range(60):  # Lab draws only the cells near the window
        if live.count():
            break
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(150)
    print(f"{name}: {len(code)} cells without an error, key to picture {key_to_picture(page, live):.0f} ms", flush=True)
    page.screenshot(path=str(shots / f"{Path(name).stem}.png"))


def main(shots):
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        os.environ.update(JUPYTER_DATA_DIR=f"{name}/data", JUPYTER_CONFIG_DIR=f"{name}/config")
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for path in folder.rglob("*.ipynb"):  # so that a saved number is one of this run
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            nbformat.write(notebook, path)
        browser = playwright.chromium.launch_persistent_context(
            str(folder / "profile"), executable_path=CHROMIUM, headless=True, args=FLAGS)  # fmt: skip
        lab = Lab(folder)
        try:
            for path in sorted((folder / "notebooks").rglob("*.ipynb"), key=lambda p: (len(p.parts), p)):
                page = watched(browser, lab.url)
                started = time.perf_counter()
                run_lesson(page, lab, folder, path.relative_to(folder / "notebooks").as_posix(), shots)
                print(f"    {time.perf_counter() - started:.0f} s", flush=True)
                page.close()
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
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="lessons-")))
