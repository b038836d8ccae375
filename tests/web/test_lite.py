"""The edition that runs in the browser: lessons run, exercises are solved, and nothing comes from another host."""

import ast
import html
import io
import json
import shutil
import sys
import zipfile

import lite
import nbformat
import pytest
import website
from notebook_page import ROOT, SHORT, chromium, open_notebook, run_all, serve, source_of, stopped, type_into
from pyodide_files import GoneError, RefusedError, needed, pyodide_files, take, write_core

LESSONS = [name.removesuffix(".ipynb") for name in SHORT]
EXERCISES = LESSONS[1:]
ABSENT = {"optuna", "distributed"}  # the cells that need these say so, and the lesson goes on


def expose(site):
    """Let the tests read the notebook's model, which the published site keeps to itself."""
    path = site / "jupyter-lite.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["jupyter-config-data"]["exposeAppInBrowser"] = True
    path.write_text(json.dumps(settings), encoding="utf-8")


@pytest.fixture(scope="module")
def files():
    try:
        return pyodide_files()
    except GoneError as gone:
        pytest.skip(f"{gone}: no notebook is run in the browser. Tested are that Python starts there and that "
                    "every import of the course is in the lock.")  # fmt: skip


@pytest.fixture(scope="module")
def site(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lite")
    lite.build(folder / "site", files)
    expose(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def browser(site, tmp_path_factory):
    with serve(site) as home, chromium(tmp_path_factory.mktemp("profile"), home) as browser:
        yield browser


def address(browser, name):
    return f"{browser.home}/notebooks/index.html?path={name}.ipynb"


def clean(browser):
    assert not browser.foreign, "nothing may come from another host"
    assert not browser.errors, "nothing may be red in the console"


def test_deployed_the_browser_takes_pyodide_from_its_cdn_and_the_rest_from_beside_the_site(files, tmp_path):
    """It comes first in this file: while the fixture's browser runs, Playwright starts no second one."""
    with serve(files) as cdn:
        lite.build(tmp_path / "site", cdn=cdn)
        expose(tmp_path / "site")
        assert not list((tmp_path / "site" / "static" / "pyodide").glob("*.wasm"))
        (tmp_path / "deployed").mkdir()
        (tmp_path / "site").rename(tmp_path / "deployed" / "lite")  # a site may stand anywhere
        with (serve(tmp_path / "deployed") as home, chromium(tmp_path / "profile", home) as browser,
              browser.page() as page):  # fmt: skip
            open_notebook(page, f"{home}/lite/lab/index.html?path=notebooks/start_here.ipynb")
            cells, _ = run_all(page)
            assert not stopped(cells) and "All there." in cells[0]["text"]
            assert browser.foreign and all(url.startswith(cdn) for url in browser.foreign)
            assert not browser.errors


# -- without a browser --------------------------------------------------------------------------------------


def imported(source):
    """Return the packages that Python code imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def official():
    return json.loads((lite.core() / "pyodide-lock.json").read_text(encoding="utf-8"))


def test_every_import_of_the_course_is_in_the_lock(tmp_path):
    lite.course.install("pins/lite.txt", venv=".venv-lite")
    lite.download_wheels(lite.CACHE / "wheels")
    wheels = [*(lite.CACHE / "wheels").glob("*.whl"), lite.course_wheel(tmp_path)]
    packages = lite.lock(official(), wheels)["packages"]
    for name, depends in lite.DEPENDS.items():
        assert name in packages and set(depends) <= set(packages)
    loaded = needed(packages) | set(lite.DEPENDS) | {"typing-extensions"}
    loaded |= {name for name, row in packages.items() if row["package_type"] == "cpython_module"}  # lzma and the like
    there = {module for name in loaded for module in packages[name]["imports"]}
    there |= set(sys.stdlib_module_names) - {"lzma", "ssl", "sqlite3"}
    sources = [path.read_text(encoding="utf-8") for path in (*(ROOT / "downhill").glob("*.py"), ROOT / "helpers.py")]
    for folder in ("notebooks", "exercises", "solutions"):
        for path in (ROOT / folder).rglob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            sources += [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lacking = {name for source in sources for name in imported(source)} - there - ABSENT
    assert not lacking


def test_the_course_is_a_wheel_with_its_data_and_always_the_same(tmp_path):
    first = lite.course_wheel(tmp_path).read_bytes()
    assert first == lite.course_wheel(tmp_path).read_bytes()
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    tables = {f"downhill/tables/{path.name}" for path in (ROOT / "downhill" / "tables").iterdir() if path.is_file()}
    assert {"helpers.py", "downhill/canvas.js", "downhill/widget.js", "downhill/__init__.py", *tables} <= set(names)
    assert not any("__pycache__" in name or name.startswith("grading") for name in names)


def test_a_file_that_is_not_pyodides_own_is_refused(tmp_path):
    packages = official()["packages"]
    with zipfile.ZipFile(tmp_path / "stranger.zip", "w") as archive:
        for name in needed(packages):
            archive.writestr(f"assets/{packages[name]['file_name']}", b"something else")
    with zipfile.ZipFile(tmp_path / "stranger.zip") as archive, pytest.raises(RefusedError, match="do not use it"):
        take(archive, packages, tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_copies_have_no_outputs_and_lead_to_each_other(tmp_path):
    lite.write_contents(tmp_path)
    copies = sorted(tmp_path.rglob("*.ipynb"))
    assert len(copies) == sum(len(list((ROOT / f).rglob("*.ipynb"))) for f in ("notebooks", "exercises", "solutions"))
    for path in copies:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells)
        assert not any("(../../work/" in cell.source for cell in notebook.cells)


def test_a_slow_notebook_says_so_at_its_top_and_leads_elsewhere(monkeypatch):
    monkeypatch.setenv("DOWNHILL_REPOSITORY", "https://github.com/someone/downhill")
    seconds = json.loads((lite.SETTINGS / "seconds.json").read_text(encoding="utf-8"))
    lessons = {path.relative_to(ROOT).as_posix() for path in (ROOT / "notebooks").rglob("*.ipynb")}
    assert lessons == set(seconds), "each lesson has been measured"
    for name, taken in seconds.items():
        text = lite.lite_copy(ROOT / name)["cells"][1]["source"]
        assert ("Slow in the browser" in text) == (taken > lite.SLOW)
        link = f"https://mybinder.org/v2/gh/someone/downhill/HEAD?urlpath=lab/tree/{name}"
        assert taken <= lite.SLOW or ("make course" in text and link in text)


def test_what_differs_in_the_browser_is_said_before_the_cell_and_does_not_stop_the_lesson():
    for name, cells in json.loads((lite.SETTINGS / "differences.json").read_text(encoding="utf-8")).items():
        copied = lite.lite_copy(ROOT / name)["cells"]
        ids = [cell["id"] for cell in copied]
        for key, sentence in cells.items():
            assert copied[ids.index(key) - 1]["source"] == sentence
            assert "raises-exception" in copied[ids.index(key)]["metadata"]["tags"]


# -- in Chromium --------------------------------------------------------------------------------------------


def test_python_starts_in_the_browser(tmp_path):
    write_core(tmp_path / "site")
    (tmp_path / "site" / "pyodide-lock.json").write_text(json.dumps(official()), encoding="utf-8")
    (tmp_path / "site" / "index.html").write_text(
        "<!doctype html><title>Python</title><script src=pyodide.js></script>"
    )
    with serve(tmp_path / "site") as home, chromium(tmp_path / "profile", home) as browser, browser.page() as page:
        page.goto(f"{home}/index.html")
        assert page.evaluate("async () => (await loadPyodide()).runPython('sum(range(5))')") == 10
        clean(browser)


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_runs_to_the_end(browser, name):
    with browser.page() as page:
        open_notebook(page, address(browser, f"notebooks/{name}"))
        cells, seconds = run_all(page)
        print(f"{name}: {seconds:.0f} s")
        assert not stopped(cells)
        assert "PASS" in "".join(cell["text"] for cell in cells)
        assert not any("Missing" in cell["text"] for cell in cells)
    clean(browser)


def answers(name):
    """Return the right answers of an exercise by the id of their cells."""
    notebook = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    return {cell.id: cell.source for cell in notebook.cells
            if cell.cell_type == "code" and cell.id.startswith("answer_")}  # fmt: skip


def exercise_page(site, name):
    """Write what the course's page of an exercise has for counting points, beside JupyterLite."""
    data = json.dumps(website.checks(website.read(f"exercises/{name}.ipynb")))
    for script in ("progress.js", "learner.js"):
        shutil.copy(ROOT / "site" / "static" / script, site)
    (site / "points.html").write_text(
        f"<!doctype html><meta charset=utf-8><meta name=downhill-page content='exercises/{name}'><title>Points</title>"
        "<div class=article-header-buttons></div><main class=bd-article>"
        f"<div class=dh-points data-checks='{html.escape(data)}'></div></main>"
        "<script src=progress.js></script><script src=learner.js></script>",
        encoding="utf-8",
    )  # fmt: skip


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_is_solved_in_the_page_and_its_points_are_counted(site, browser, name):
    with browser.page() as page:
        open_notebook(page, address(browser, f"exercises/{name}"))
        cells, _ = run_all(page)
        unsolved = {cell["id"]: cell for cell in cells}
        assert not stopped(cells) and "0 of" in cells[-1]["text"]
        assert all("not answered yet" in unsolved[f"check_{key.removeprefix('answer_')}"]["text"]
                   for key in answers(name))  # fmt: skip
        for key, source in answers(name).items():
            type_into(page, key, source)
        cells, _ = run_all(page)
        total = cells[-1]["text"].rpartition(" of ")[2]
        assert not any(cell["errors"] for cell in cells) and f" {total.split()[0]} of {total}" in cells[-1]["text"]
        page.keyboard.press("Escape")
        page.keyboard.press("Control+s")
        page.wait_for_timeout(2000)
        exercise_page(site, name)
        page.goto(f"{browser.home}/points.html")
        page.get_by_role("button", name="Count the notebook that I ran in this browser").click()
        points = total.split()[0]
        page.get_by_text(f"{points} of {points} points.").wait_for()
    clean(browser)


def test_a_wrong_answer_gets_its_sentence_stays_in_the_browser_and_can_be_downloaded(browser, tmp_path):
    name, key = EXERCISES[0], "answer_violated_fraction"
    wrong = answers(name)[key].replace("> chord + slack", "< chord - slack")
    with browser.page() as page:
        open_notebook(page, address(browser, f"exercises/{name}"))
        type_into(page, key, wrong)
        cells, _ = run_all(page)
        said = next(cell["text"] for cell in cells if cell["id"] == "check_violated_fraction")
        assert "FAIL - five chords of Rosenbrock: got 0.4, expected 0.6; the largest difference is 0.2" in said
        page.keyboard.press("Escape")
        page.keyboard.press("Control+s")
        page.wait_for_timeout(2000)
        open_notebook(page, address(browser, f"exercises/{name}"))
        assert source_of(page, key) == wrong
        with page.expect_download() as started:
            page.get_by_text("Download", exact=True).click()
        started.value.save_as(tmp_path / "mine.ipynb")
    mine = nbformat.read(tmp_path / "mine.ipynb", as_version=4)
    assert {cell.id: cell.source for cell in mine.cells}[key] == wrong
