"""The built site without a browser: its links, its weight, its glossary. `make test-web` builds it first."""

import importlib
import inspect
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import links
import pytest
import website

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
ENTRIES = website.glossary()
needs_site = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="run `make site` first")


def page_of(path):
    return (SITE / path).read_text(encoding="utf-8")


# -- the sources ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["term"])
def test_glossary_names_a_section_and_an_exercise(entry):
    assert entry["says"].endswith(".")
    name, heading = entry["taught"]
    assert heading in website.headings(website.read(f"notebooks/{name}.ipynb"))
    if "exercised" in entry:
        name, heading = entry["exercised"]
        assert heading in {check["title"] for check in website.checks(website.read(f"exercises/{name}.ipynb"))}


def test_glossary_has_each_term_once_and_each_lesson():
    terms = [entry["term"].lower() for entry in ENTRIES]
    assert len(terms) == len(set(terms))
    lessons = {lesson["name"] for part in website.parts() for lesson in part["lessons"]}
    assert {entry["taught"][0] for entry in ENTRIES} == lessons


def test_glossary_leads_to_every_exercise():
    known = {tuple(entry["exercised"]) for entry in ENTRIES if "exercised" in entry}
    missing = {(name, check["title"])
               for name in {entry["taught"][0] for entry in ENTRIES}
               for check in website.checks(website.read(f"exercises/{name}.ipynb"))
               if not check["id"].endswith("_choice")} - known  # fmt: skip
    assert not missing


def test_references_are_single_and_each_has_a_year():
    found = website.references()
    assert len(found) > 90
    several = [text for text, _ in found if len(re.findall(r"\([12]\d{3}\)", text)) > 1]
    assert not several, several
    assert [text for text, _ in found if not re.search(r"\b[12]\d{3}\b", text)] == [
        text for text, _ in found if text.startswith("CS231n")
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[a](../../work/p/n.ipynb)", "[a](../../exercises/p/n.ipynb)"),
        ("[a](../q/m.ipynb#part)", "[a](../q/m.ipynb#part)"),
        ("[`a`](../../CONTRIBUTING.md), b", "`a`, b"),
        ("[a](https://b.org/c) and [d](#e)", "[a](https://b.org/c) and [d](#e)"),
    ],
)
def test_links_of_a_notebook_fit_the_site(text, expected):
    known = {"exercises/p/n.ipynb", "notebooks/q/m.ipynb"}
    assert website.relink(text, "notebooks/p/n.ipynb", known) == expected


def test_links_to_other_files_lead_to_the_repository_if_there_is_one(monkeypatch):
    monkeypatch.setenv("DOWNHILL_REPOSITORY", "https://github.com/owner/name/")
    changed = website.relink("[a](../LICENSE)", "instructors.md", set(), base="docs/instructors.md")
    assert changed == "[a](https://github.com/owner/name/blob/HEAD/LICENSE)"


def test_the_sources_can_be_written_without_the_solutions(monkeypatch, tmp_path):
    monkeypatch.setattr(website, "SOURCE", tmp_path / "source")
    monkeypatch.delenv("DOWNHILL_REPOSITORY", raising=False)
    website.write_sources(lite=False, solutions=False)
    written = {path.relative_to(tmp_path / "source").as_posix(): path.read_text(encoding="utf-8")
               for path in (tmp_path / "source").rglob("*") if path.suffix in (".md", ".ipynb")}  # fmt: skip
    assert set(website.pages(solutions=False)) <= set(written)
    assert not [name for name in written if name.startswith("solutions")]
    for name, text in written.items():
        if name == "instructors.md":  # it says how a solution is marked, and holds none
            continue
        assert not re.search(r"solutions/\d_|BEGIN SOLUTION|HIDDEN TESTS", text), name
    assert "The solutions come later" in written["index.md"] and "{{" not in written["index.md"]


def test_an_unknown_option_is_a_sentence():
    with pytest.raises(website.Stop, match="--solutionless: the options are --lite and --without-solutions"):
        website.build(["--solutionless"])


def test_missing_npm_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(website, "VENDOR", tmp_path)
    monkeypatch.setattr(website.shutil, "which", lambda name: None)
    with pytest.raises(website.Stop, match="sudo apt install npm"):
        website.install_vendored()


def test_a_dead_link_and_a_dead_anchor_are_found(tmp_path):
    (tmp_path / "a.html").write_text("<p id='x'></p><a href='b.html'></a><a href='#y'></a><a href='#x'></a>")
    (tmp_path / "c.html").write_text("<a href='a.html#x'></a><a href='a.html#z'></a><img src='../up.png'>")
    assert links.dead_links(tmp_path) == [
        ("a.html", "b.html"), ("a.html", "#y"), ("c.html", "a.html#z"), ("c.html", "../up.png")]  # fmt: skip


# -- the built site ------------------------------------------------------------------------------------------------


@needs_site
def test_no_internal_link_is_dead():
    assert links.dead_links(SITE) == []


@needs_site
def test_no_page_is_over_three_megabytes():
    pages = links.page_paths(SITE)
    assert len(pages) >= len(website.pages()) + 4
    assert {page.name: page.stat().st_size for page in pages if page.stat().st_size > 3e6} == {}


@needs_site
def test_nothing_comes_from_another_host():
    for page in links.page_paths(SITE):
        text = re.sub(r"data:image/[^\"')]+", "", page.read_text(encoding="utf-8"))
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:https?:)?//[^\"]+", text)
        loaded += re.findall(r"<link[^>]*rel=\"(?!canonical)[^\"]*\"[^>]*href=\"(?:https?:)?//[^\"]+", text)
        assert not loaded, (page, loaded)
    for style in (SITE / "_static").rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style


@needs_site
def test_every_notebook_has_a_page_and_its_download():
    for page in website.pages():
        assert (SITE / page).with_suffix(".html").exists()
        assert (SITE / "download" / page).read_bytes() == (ROOT / page).read_bytes()


@needs_site
def test_all_that_the_package_offers_has_its_place():
    import downhill

    for name in [*(f"downhill.{module}" for module in downhill.__all__), "helpers"]:
        text, offered = page_of(f"api/{name.removeprefix('downhill.')}.html"), importlib.import_module(name)
        for public in offered.__all__:
            if inspect.isfunction(getattr(offered, public)) or inspect.isclass(getattr(offered, public)):
                assert f'id="{name}.{public}"' in text, (name, public)
        assert "Alias for field" not in text and "<ol class=" not in text  # a reference, "C. Rasmussen", begins no list


class Folded(HTMLParser):
    """The text of a page that a reader sees before anything is unfolded."""

    def __init__(self, text):
        super().__init__()
        self.depth, self.seen = 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "details":
            assert "open" not in dict(attributes), "a fold that is open"
            self.depth += 1

    def handle_endtag(self, tag):
        self.depth -= tag == "details"

    def handle_data(self, data):
        if not self.depth:
            self.seen.append(data)


@needs_site
@pytest.mark.parametrize("page", [page for page in website.pages() if page.startswith("solutions/")])
def test_solutions_are_folded_and_complete(page):
    text = page_of(page.replace(".ipynb", ".html")).replace("’", "'")
    seen = "".join(Folded(text[text.index("<article") : text.index("</article")]).seen)
    assert " refuses " in text and " refuses " not in seen and "rejects(" not in seen
    assert "BEGIN SOLUTION" not in seen and "Model answer" in text
    for check in website.checks(website.read(page)):
        assert check["title"].removesuffix(" (choice)").split("$")[0] in seen


def test_moving_figures_say_in_words_what_they_show():
    found = 0
    for page in website.pages():
        for output in (output for cell in website.read(page).cells for output in cell.get("outputs", [])):
            text = output.get("data", {}).get("text/html", "")
            if "<script>" in text:
                assert "aria-valuetext" in text and 'role: "status"' in text
                _, spec, table = json.loads("[" + text.rpartition("still(")[2].partition(");\n})")[0] + "]")
                assert len(spec["alt"]) > 40 and all(slider["label"] for slider in spec["sliders"])
                assert all(sentence.strip() for _, sentence in table.get("scenes", []))
                found += 1
    assert found >= 15


@needs_site
def test_a_quiz_does_not_give_its_answer_away():
    for page in (SITE / "notebooks").rglob("*.html"):
        assert not re.search(r">answer</span><span class=\"o\">=", page.read_text(encoding="utf-8")), page


@needs_site
def test_pictures_have_a_text_alternative():
    assert [path for path, page in links.read_pages(SITE).items() if not all(page.alternatives)] == []
