"""Build the web edition into build/site.

usage: python tools/website.py build [--lite] [--without-solutions]   the whole site; --lite adds JupyterLite, in which
                                                 its notebooks run; a class may get the solutions after the due date
       python tools/website.py links             ask every external link of the built site for an answer

The notebooks are the source and stay as they are: copies go to build/site-source, where Sphinx reads them.
"""

import ast
import base64
import hashlib
import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import links
import nbformat
import yaml
from course import Stop
from relink import LINK

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
SOURCE, SITE, VENDOR = BUILD / "site-source", BUILD / "site", BUILD / "vendor"
FOLDERS = ("notebooks", "exercises", "solutions")
MATHJAX_FILES = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2")
NO_NPM = (
    "Some scripts of the site come from npm, which is not there. Install Node.js (`sudo apt install npm`, or "
    "nodejs.org), then run the same command again."
)

FIRST = {"number": "", "title": "Start here", "name": "start_here", "question": "How does this work?", "minutes": 10}
DOWNLOAD = (
    "Solve them in JupyterLab on your own computer, where `make course` puts a copy into the folder `work/`; the "
    "course's README says how. *Download* at the head of a page gives you the notebook."
)
RUN = (
    "*Run* at the head of a page opens it in your browser with a kernel that needs no installation: what you write "
    "stays in the browser's storage, and you can download it. Or work in JupyterLab on your own computer, as the "
    "course's README says."
)
COMPARE = (
    "The solutions give the reasons, often a second way, and the mistakes that people make. They are folded, one click "
    "away."
)
COMPARE_LATER = "The solutions come later. Until then a check says by how much you miss, and hints are one click away."


# -- what the course consists of ----------------------------------------------------------


def pages(solutions: bool = True) -> list[str]:
    """Return the path of every notebook of the course, relative to the root, in POSIX form, with solutions or not."""
    return [path.relative_to(ROOT).as_posix()
            for folder in FOLDERS[: None if solutions else -1] for path in sorted((ROOT / folder).rglob("*.ipynb"))
            if ".ipynb_checkpoints" not in path.parts]  # fmt: skip


def parts() -> list[dict[str, Any]]:
    """Read the map of the course from README.md's table.

    Returns
    -------
    list of dict
        A dict a part with ``number``, ``title`` and ``lessons``: dicts with ``number``, ``title``, ``name`` (such as
        ``1_landscape/1_surfaces``), ``question``, ``minutes`` and ``exercises`` (how many).
    """
    found: list[dict[str, Any]] = []
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if part := re.match(r"\| (\d) \| \*\*(.+?)\*\*", line):
            found.append({"number": part[1], "title": part[2], "lessons": []})
        elif lesson := re.match(
            r"\| (\d\.\d) \| \[(.+?)\]\(notebooks/(.+?)\.ipynb\) \| (.+?) \| (\d+) \| \[(\d+)\]", line
        ):
            keys = ("number", "title", "name", "question", "minutes", "exercises")
            found[-1]["lessons"].append(dict(zip(keys, lesson.groups(), strict=True)))
    return found


def read(page: str) -> nbformat.NotebookNode:
    """Read a notebook of the course."""
    return nbformat.read(ROOT / page, as_version=4)


def plain(heading: str) -> str:
    """Return a heading without its number and its stars: ``"★★ Stop early"`` gives ``"Stop early"``."""
    return re.sub(r"^(?:\d+\. |★+ )", "", heading.strip())


def headings(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the headings of a notebook below its title, without numbers and stars."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return [plain(title) for title in re.findall(r"^##+ (.+)$", text, flags=re.MULTILINE)]


def checks(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """Return the automatic checks of an exercise notebook: id, points and the exercise's title."""
    title, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (heading := re.match(r"## (.+)", cell.source)):
            title = plain(heading[1])
        grade = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and grade.get("grade"):
            kind = " (choice)" if cell.id.endswith("_choice") else ""
            found.append({"id": cell.id, "points": grade["points"], "title": title + kind})
    return found


def quizzes(notebook: nbformat.NotebookNode) -> int:
    """Count the quizzes among the stored outputs of a lesson: the fieldsets that tell learner.js how they stand."""
    return sum(" data-quiz=" in "".join(output.get("data", {}).get("text/html", ""))
               for cell in notebook.cells for output in cell.get("outputs", []))  # fmt: skip


def glossary() -> list[dict[str, Any]]:
    """Read site/glossary.yml: a list of dicts with ``term``, ``says``, ``taught``, and often ``exercised``.

    ``taught`` and ``exercised`` are each ``[name of the notebook, heading in it]``.
    """
    return yaml.safe_load((ROOT / "site" / "glossary.yml").read_text(encoding="utf-8"))


# -- text -----------------------------------------------------------------------------------


def anchor(name: str, heading: str) -> str:
    """Return the name of the target that stands before a heading that the glossary leads to."""
    return re.sub(r"\W+", "-", f"{name} {heading}".lower()).strip("-")


def relink(text: str, page: str, known: Collection[str], base: str | None = None) -> str:
    """Make relative links of a Markdown text fit the site.

    Links to `work/` lead to the exercises, links to files that are not on the site lead to the repository if
    DOWNHILL_REPOSITORY is set, and are plain text if it is not.

    Parameters
    ----------
    text : str
    page : str
        Where the text will stand, relative to the site's root.
    known : collection of str
        The paths that the site has.
    base : str, optional
        The file whose folder the links start from; by default `page`.
    """
    folder = (ROOT / (base or page)).parent

    def convert(match: re.Match[str]) -> str:
        bang, label, target, fragment = match.groups()
        path = os.path.relpath(folder / target, ROOT).replace(os.sep, "/")
        path = re.sub("^work/", "exercises/", path)
        if path in known:
            relative = os.path.relpath(path, Path(page).parent).replace(os.sep, "/")
            return f"{bang}[{label}]({relative}{fragment or ''})"
        repository = os.environ.get("DOWNHILL_REPOSITORY", "").rstrip("/")
        return f"[{label}]({repository}/blob/HEAD/{path})" if repository else label

    return LINK.sub(convert, text)


def unfold_hints(text: str) -> str:
    """Give the content of one-line details a paragraph of its own, so that its mathematics is read as Markdown."""
    return re.sub(r"<details><summary>(.+?)</summary>(.+?)</details>",
                  r"<details>\n<summary>\1</summary>\n\n\2\n\n</details>", text)  # fmt: skip


def prepare_text(
    text: str, page: str, known: Collection[str], targets: Collection[str] = ()
) -> str:
    """Turn the Markdown of a notebook's cell into that of the site's page."""
    # In a checkout one link leads to the student's copy and one to the unsolved exercise; here they are one.
    text = re.sub(r"(: `make course` has put your own copy there)?\.\s*\(On the web: \[[^]]*\]\([^)]*\)\.\)", ".", text)
    text = relink(unfold_hints(text), page, known)
    name = page.partition("/")[2].removesuffix(".ipynb")

    def mark(match: re.Match[str]) -> str:
        target = anchor(f"{page.split('/')[0]} {name}", plain(match[2]))
        return f"({target})=\n{match[0]}" if target in targets else match[0]

    return re.sub(r"^(##+) (.+)$", mark, text, flags=re.MULTILINE)


def separate_pictures(page_html: str, page: str) -> str:
    """Move the pictures of an output to files that are loaded when they are near; keep the room that they take."""

    def convert(match: re.Match[str]) -> str:
        png = base64.b64decode(match[2])
        name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
        (SOURCE / "figures").mkdir(parents=True, exist_ok=True)
        (SOURCE / "figures" / name).write_bytes(png)
        pixels, lines = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        height = round(int(match[1]) * lines / pixels)
        up = "../" * page.count("/")
        return f'width="{match[1]}" height="{height}" loading="lazy" src="{up}figures/{name}"'

    return re.sub(r'width="(\d+)" src="data:image/png;base64,([^"]+)"', convert, page_html)


def markdown(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def folded(cells: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells of a solution with each run of answers behind a details element that is closed."""
    done, open_ = [], False
    for cell in cells:
        grade = cell.metadata.get("nbgrader", {})
        answer = grade.get("solution") or grade.get("grade") or "solution-only" in cell.metadata.get("tags", [])
        if answer and not open_:
            free = cell.cell_type == "markdown"
            summary = "Model answer" if free else "Answer" if cell.id.endswith("_choice") else "Solution"
            done.append(markdown(f'<details class="dh-solution">\n<summary>{summary}</summary>'))
        if open_ and not answer:
            done.append(markdown("</details>"))
        open_ = answer
        done.append(cell)
    return done + [markdown("</details>")] * bool(open_)


def prepare(page: str, known: Collection[str], targets: Collection[str]) -> nbformat.NotebookNode:
    """Return a copy of a notebook as the site shows it."""
    notebook, folder, name = read(page), page.split("/")[0], page.partition("/")[2].removesuffix(".ipynb")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = prepare_text(cell.source, page, known, targets)
        if cell.source.startswith("quiz("):  # its code says which answer is right
            cell.metadata["tags"] = ["remove-input"]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data = {"text/html": separate_pictures(output.data["text/html"], page)}
    if folder == "solutions":
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = re.sub(r"^### (BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.MULTILINE)
        opening = notebook.cells[0]
        opening.source = re.sub(r"^# \w+: ", "# Solutions: ", opening.source)
        opening.source += f"\n\nEvery answer is folded. Try [the exercises](/exercises/{name}.ipynb) first."
        notebook.cells = folded(notebook.cells)
    if folder == "exercises":
        data = html.escape(json.dumps(checks(read(page)), ensure_ascii=False))
        notebook.cells.append(markdown(f'<div class="dh-points" data-checks="{data}"></div>'))
    if folder == "notebooks" and "/" in name:
        below = ("exercises", "solutions")
        entries = [f"{kind.title()} </{kind}/{name}>" for kind in below if f"{kind}/{name}.ipynb" in known]
        notebook.cells.append(markdown(toctree(entries)))
    return notebook


# -- generated pages ------------------------------------------------------------------------


def toctree(entries: Iterable[str], caption: str = "") -> str:
    caption = f":caption: {caption}\n" if caption else ""
    return "```{toctree}\n:hidden:\n" + caption + "\n" + "\n".join(entries) + "\n```"


def fill(name: str, filled: dict[str, str]) -> str:
    """Return the text of site/pages/<name>.md, with what stands between double braces filled in."""
    text = (ROOT / "site" / "pages" / f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: filled[match[1]], text)


def lesson_item(lesson: dict[str, Any], solutions: bool) -> str:
    """Return the entry of a lesson on the map, with its solutions or not; the first page has no exercises."""
    name, points, practice = lesson["name"], 0, ""
    if "exercises" in lesson:
        points = sum(check["points"] for check in checks(read(f"exercises/{name}.ipynb")))
        which = f'<span class="dh-for"> for lesson {lesson["number"]}</span>'
        practice = f'<a href="exercises/{name}.html">{lesson["exercises"]} exercises{which}</a>, {points} points. '
        if solutions:
            practice += f'<a href="solutions/{name}.html">Solutions{which}</a>. '
    return (f'<li data-page="notebooks/{name}" data-exercise="exercises/{name}" data-points="{points}" '
            f'data-quizzes="{quizzes(read(f"notebooks/{name}.ipynb"))}">'
            f'<span class="dh-number">{lesson["number"]}</span>'
            f'<div><a class="dh-title" href="notebooks/{name}.html">{html.escape(lesson["title"])}</a>'
            f'<div>{html.escape(lesson["question"])}</div><div class="dh-meta">{lesson["minutes"]} minutes. {practice}'
            '<span class="dh-state"></span></div></div></li>')  # fmt: skip


def index_page(lite: bool, solutions: bool) -> str:
    """Return the map of the course: site/pages/index.md with the lessons in it."""
    sections = [f'<ol class="dh-map">{lesson_item(FIRST, solutions)}</ol>']
    trees = [toctree(["Start here <notebooks/start_here>"])]
    for part in parts():
        items = "".join(lesson_item(lesson, solutions) for lesson in part["lessons"])
        sections.append(f'## Part {part["number"]}: {part["title"].lower()}\n\n<ol class="dh-map">{items}</ol>')
        entries = [f"{lesson['number']} {lesson['title']} <notebooks/{lesson['name']}>" for lesson in part["lessons"]]
        trees.append(toctree(entries, f"{part['number']} {part['title']}"))
    trees.append(toctree(["glossary", "references", "api", "instructors"], "More"))
    filled = {"lessons": "\n\n".join(sections), "contents": "\n\n".join(trees),
              "run": RUN if lite else DOWNLOAD,
              "compare": COMPARE if solutions else COMPARE_LATER}  # fmt: skip
    return fill("index", filled)


def glossary_targets(entries: Iterable[dict[str, Any]]) -> set[str]:
    """Return the anchors that the glossary leads to."""
    return {anchor(f"notebooks {entry['taught'][0]}", entry["taught"][1]) for entry in entries} | {
        anchor(f"exercises {entry['exercised'][0]}", entry["exercised"][1]) for entry in entries if "exercised" in entry
    }


def glossary_page(entries: Iterable[dict[str, Any]]) -> str:
    """Return the glossary in MyST: each term, its sentence, where it is taught and where it is exercised."""
    numbers = {lesson["name"]: lesson["number"] for part in parts() for lesson in part["lessons"]}
    lines = []
    for entry in sorted(entries, key=lambda entry: entry["term"].lower()):
        name, heading = entry["taught"]
        where = f"Taught in [{numbers[name]}, {heading}](#{anchor(f'notebooks {name}', heading)})."
        if "exercised" in entry:
            name, heading = entry["exercised"]
            where += f" Exercised in [{numbers[name]}, {heading}](#{anchor(f'exercises {name}', heading)})."
        lines.append(f"{entry['term']}\n  {entry['says']}\n\n  {where}\n")
    text = (ROOT / "site" / "pages" / "glossary.md").read_text(encoding="utf-8")
    return text + "\n```{glossary}\n" + "\n".join(lines) + "```\n"


def cited(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what a lesson's section *Further reading* cites, one reference each."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    reading = re.split(r"^(?:## |\*\*)Further reading(?:\*\*)?$", text, flags=re.MULTILINE)[-1]
    # A new reference begins, after a full stop, with initials and a surname, and has its year in parentheses.
    begin = r"(?<=[\w)*]{2}\. )(?=(?:[A-Z]\.[- ]?)+[^.()]+(?:\.[^.()]+)*\([12]\d{3}\))"
    return [single.strip().rstrip(".") for bullet in re.findall(r"^- (.+)$", reading, flags=re.MULTILINE)
            for single in re.split(begin, bullet)]  # fmt: skip


def references() -> list[tuple[str, list[dict[str, Any]]]]:
    """Collect the references of all lessons.

    Returns
    -------
    list of (str, list of dict)
        The reference in Markdown and the lessons that cite it, by surname of the first author.
    """
    found: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    for part in parts():
        for lesson in part["lessons"]:
            for reference in cited(read(f"notebooks/{lesson['name']}.ipynb")):
                link = re.search(r"\]\((https?://\S+?)\)(?:[.,: ]|$)", reference)
                text, lessons = found.setdefault(link[1] if link else reference, (reference, []))
                lessons.append(lesson)
    surname = lambda text: re.sub(r"^(?:[A-Z]\.[- ]?)+", "", text).lower()
    return sorted(found.values(), key=lambda entry: surname(entry[0]))


def references_page() -> str:
    lines = []
    for reference, lessons in references():
        where = ", ".join(f"[{lesson['number']}](notebooks/{lesson['name']}.ipynb)" for lesson in lessons)
        lines.append(f"- {reference}. Read in {where}.")
    return (ROOT / "site" / "pages" / "references.md").read_text(encoding="utf-8") + "\n" + "\n".join(lines) + "\n"


def modules() -> tuple[str, str, list[tuple[str, str, str]]]:
    """Read the package's docstring.

    Returns
    -------
    opening, rest : str
        What stands before and after its table, in reStructuredText.
    rows : list of (str, str, str)
        Of each module its name, the lessons that teach it, such as ``2.1–2.3``, and what it holds.
    """
    source = (ROOT / "downhill" / "__init__.py").read_text(encoding="utf-8")
    line = r"=+  =+  =+\n"
    opening, _, table, rest = re.split(line, ast.get_docstring(ast.parse(source)) or "")
    return opening.strip(), rest.strip(), re.findall(r"^``(\w+)``\s+(\S+)\s+(.+)$", table, flags=re.MULTILINE)


def api_pages() -> dict[str, str]:
    """Return the pages of the package by their names: the modules with their lessons, and a page a module.

    A module's page is not in the index of the search: each page of the site loads that index, a lesson too.
    """
    numbers = {lesson["number"]: lesson["name"] for part in parts() for lesson in part["lessons"]}
    lead = lambda match: f"[{match[0]}](notebooks/{numbers[match[0]]}.ipynb)"
    opening, rest, rows = modules()
    lines = ["| Module | Lesson | What it holds |", "|---|---|---|"]
    for name, taught, holds in rows:
        lines.append(f"| [`{name}`](api/{name}.md) | {re.sub(r'[0-9][.][0-9]', lead, taught)} | {holds} |")
    names = {name: f"downhill.{name}" for name, _, _ in rows} | {"helpers": "helpers"}
    contents = toctree([f"{full} <api/{name}>" for name, full in names.items()])
    filled = {"opening": opening, "modules": "\n".join(lines), "rest": rest, "contents": contents}
    written = {"api": fill("api", filled)}
    for name, full in names.items():
        body = f"# `{full}`\n\n```{{eval-rst}}\n.. automodule:: {full}\n   :members:\n```\n"
        written[f"api/{name}"] = f"---\nnosearch: true\n---\n\n{body}"
    return written


def instructors_page(known: Collection[str]) -> str:
    """Return docs/instructors.md with links that fit the site."""
    text = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    return relink(text, "instructors.md", known, base="docs/instructors.md")


# -- build ----------------------------------------------------------------------------------


def install_vendored() -> None:
    """Install the scripts of site/package.json into build/vendor and copy those that the site serves."""
    package = ROOT / "site" / "package.json"
    state = hashlib.sha256(package.read_bytes()).hexdigest()
    stamp = VENDOR / "installed"
    if stamp.exists() and stamp.read_text() == state:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise Stop(NO_NPM)
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    shutil.copy(package, VENDOR)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    if subprocess.run([npm, "install", *options], cwd=VENDOR).returncode != 0:
        raise Stop("npm could not install the site's scripts; the lines above say why. Most often there is no "
                   "connection to the package index: connect and run the same command again.")  # fmt: skip
    for name in MATHJAX_FILES:
        source = VENDOR / "node_modules" / "mathjax" / "es5" / name
        target = VENDOR / "static" / "vendor" / "mathjax" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    stamp.write_text(state)


def write_sources(lite: bool, solutions: bool) -> None:
    """Write what Sphinx reads to build/site-source."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    notebooks, entries = pages(solutions), glossary()
    known = {*notebooks, "docs/basins.png"}
    targets = glossary_targets(entries)
    for page in notebooks:
        (SOURCE / page).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(prepare(page, known, targets), SOURCE / page)
    (SOURCE / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "basins.png", SOURCE / "docs")
    written = {"index": index_page(lite, solutions), "glossary": glossary_page(entries),
               "references": references_page(), "instructors": instructors_page(known), **api_pages()}  # fmt: skip
    (SOURCE / "api").mkdir()
    for name, text in written.items():
        (SOURCE / f"{name}.md").write_text(text, encoding="utf-8")


def run_sphinx(lite: bool, solutions: bool) -> None:
    """Run Sphinx, in which a warning is an error."""
    if importlib.util.find_spec("sphinx") is None:
        raise Stop("Sphinx is not installed in this environment. Run `make site`, which installs it.")
    shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-c", ROOT / "site", "-d", BUILD / "site-doctrees",
               "-j", "2", "-E", "-q", "-W", "--keep-going", *["-t", "lite"] * lite, SOURCE, SITE]  # fmt: skip
    if subprocess.run([str(part) for part in command], cwd=ROOT).returncode != 0:
        raise Stop("Sphinx has warned about a page; the lines above say which. Mend it and run `make site` again.")
    for page in pages(solutions):
        (SITE / "download" / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, SITE / "download" / page)
    shutil.copytree(SOURCE / "figures", SITE / "figures")
    for unused in (SITE / "_static").rglob("*.map"):
        unused.unlink()


def slim_icons() -> None:
    """Drop the icons that no page and no script of the site uses: the theme's script has 2,000 of them, 1.5 MB."""
    script = SITE / "_static" / "scripts" / "fontawesome.js"
    users = [*SITE.rglob("*.html"), *(path for path in (SITE / "_static").rglob("*.js") if path != script)]
    used = {name for path in users for name in re.findall(r"\bfa-([a-z0-9-]+)", path.read_text(encoding="utf-8"))}
    icon = r'("?)([a-z0-9-]+)\1:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'

    def keep(match: re.Match[str]) -> str:
        return match[0] if used & {match[2], *re.findall(r'"([a-z0-9-]+)"', match[3])} else ""

    script.write_text(re.sub(icon, keep, script.read_text(encoding="utf-8")), encoding="utf-8")


def build(options: list[str]) -> None:
    start = time.perf_counter()
    lite, solutions = "--lite" in options, "--without-solutions" not in options
    if unknown := set(options) - {"--lite", "--without-solutions"}:
        raise Stop(f"{', '.join(sorted(unknown))}: the options are --lite and --without-solutions.")
    install_vendored()
    write_sources(lite, solutions)
    run_sphinx(lite, solutions)
    slim_icons()
    if lite:
        import lite as jupyterlite

        jupyterlite.build(SITE / "lite", solutions=solutions)
    print(f"The site is in {SITE.relative_to(ROOT)} after {time.perf_counter() - start:.0f} s. "
          f"Open {SITE.relative_to(ROOT)}/index.html, or serve it: python -m http.server -d build/site")  # fmt: skip


def report_links(options: list[str]) -> int:
    """Ask every external link of the built site for an answer."""
    if not (SITE / "index.html").exists():
        raise Stop("There is no site yet: run `make site` first.")
    return 1 if links.report_external(SITE) else 0


COMMANDS: dict[str, Callable[[list[str]], int | None]] = {"build": build, "links": report_links}


def main(arguments: list[str]) -> int | None:
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 2
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except Stop as stop:
        print("\n" + str(stop), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
