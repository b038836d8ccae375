"""A learner on the built site, mostly by keyboard: search, next, quiz, figures, notes, points."""

import json
from pathlib import Path

import pytest
import website
from notebook_page import chromium, serve

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
LESSON = "notebooks/1_landscape/1_surfaces"
FIRST, SECOND = ([lesson["name"] for lesson in part["lessons"]] for part in website.parts()[:2])
LESSONS = 1 + sum(len(part["lessons"]) for part in website.parts())  # and Start here

pytestmark = pytest.mark.skipif(not SITE.exists(), reason="run `make site` first")


@pytest.fixture
def learner(tmp_path):
    """Open a page in a browser without a past; the test ends with no error and no request to another host."""
    with serve(SITE) as home, chromium(tmp_path / "profile", home) as watch:
        with watch.page() as page:
            page.open = lambda name: page.goto(f"{home}/{name}")
            yield page
        assert not watch.errors and not watch.foreign


def pixels(figure):
    return figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def test_search_finds_sharpness(learner):
    learner.open("index.html")
    learner.keyboard.press("Control+k")
    learner.keyboard.type("sharpness")
    learner.keyboard.press("Enter")
    learner.wait_for_url("**/search.html?q=sharpness")
    results = learner.locator("#search-results li a")
    results.first.wait_for()
    learner.wait_for_function("/found \\d+ page/.test(document.querySelector('.search-summary').textContent)")
    titles = results.all_inner_texts()
    assert any("Measure curvature" in title for title in titles) and "Glossary" in titles
    results.filter(has_text="Measure curvature").first.click()
    learner.get_by_role("heading", level=1, name="Measure curvature").wait_for()


def test_next_leads_through_a_part(learner):
    learner.open("index.html")
    seen = []
    while not seen or seen[-1] != f"notebooks/{SECOND[0]}":
        learner.locator("a.right-next").click()
        learner.wait_for_load_state()
        seen.append(learner.locator('meta[name="downhill-page"]').get_attribute("content"))
    assert seen == ["notebooks/start_here", *[f"{folder}/{lesson}" for lesson in FIRST
                                              for folder in ("notebooks", "exercises", "solutions")],
                    f"notebooks/{SECOND[0]}"]  # fmt: skip
    learner.locator("a.left-prev").click()
    learner.get_by_role("heading", level=1, name="Solutions: ").wait_for()


def test_quiz_by_keyboard_and_its_memory(learner):
    learner.open("notebooks/start_here.html")
    quiz, focused = learner.locator("fieldset.dh"), "document.activeElement.type"
    learner.locator("#answer-a-quiz").evaluate("section => { section.tabIndex = -1; section.focus(); }")
    for _ in range(10):
        learner.keyboard.press("Tab")
        if learner.evaluate(focused) == "radio":
            break
    learner.keyboard.press("Space")
    assert quiz.locator("output").inner_text().startswith("Not this one.")
    assert quiz.get_attribute("data-quiz") == "wrong"
    learner.keyboard.press("ArrowDown")
    assert quiz.locator("output").inner_text().startswith("Right.")
    assert quiz.locator("output").get_attribute("role") == "status"
    learner.reload()
    assert quiz.locator("input").nth(1).is_checked()
    assert quiz.locator("output").inner_text().startswith("Right.") and quiz.get_attribute("data-quiz") == "right"
    learner.open("index.html")
    assert learner.locator("#dh-progress").inner_text().count("1 of") == 1
    assert "1 quiz question right." in learner.locator("ol.dh-map li").first.inner_text()


def test_figure_moves_and_says_where_it_is(learner):
    learner.open("notebooks/start_here.html")
    figure = learner.locator("figure.dh:has(canvas)").first
    slider, output = figure.locator("input"), figure.locator("output")
    assert len(figure.locator("canvas").get_attribute("aria-label")) > 40
    assert output.get_attribute("aria-live") == "polite" and slider.get_attribute("aria-valuetext")
    slider.focus()
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
        before = pixels(figure), output.inner_text(), slider.get_attribute("aria-valuetext")
        learner.keyboard.press(key)
        after = pixels(figure), output.inner_text(), slider.get_attribute("aria-valuetext")
        assert all(a != b for a, b in zip(before, after, strict=True))


def test_animation_plays_and_scrubs(learner):
    learner.open(f"{LESSON}.html")
    figure = learner.locator("figure.dh:has(button)").first
    button, scrub, output = figure.locator("button"), figure.locator("input"), figure.locator("output")
    figure.scroll_into_view_if_needed()
    still = pixels(figure)
    button.focus()
    learner.keyboard.press("Enter")
    learner.wait_for_timeout(700)
    assert button.inner_text() == "Pause" and pixels(figure) != still
    assert output.get_attribute("aria-live") == "off", "not a word a frame"
    learner.keyboard.press("Enter")
    assert button.inner_text() == "Play" and output.get_attribute("aria-live") == "polite"
    scrub.focus()
    paused, said = pixels(figure), output.inner_text()
    learner.keyboard.press("ArrowRight")
    assert pixels(figure) != paused and output.inner_text() != said
    learner.keyboard.press("End")
    assert scrub.input_value() == scrub.get_attribute("max") and pixels(figure) == still


def test_notes_stay_and_go_as_the_learner_says(learner, tmp_path):
    learner.open(f"{LESSON}.html")
    learner.get_by_role("button", name="Notes").click()
    note = learner.get_by_label("Your notes on this page")
    note.fill("A contour is a level.\n<b>η</b> < 2/λ")
    assert learner.get_by_role("status").filter(has_text="Saved in this browser.").is_visible()
    learner.keyboard.press("Escape")
    assert note.is_hidden() and learner.evaluate("document.activeElement.textContent").strip() == "Notes"
    learner.get_by_label("I have read this lesson.").check()
    learner.reload()
    assert learner.get_by_label("I have read this lesson.").is_checked()
    learner.get_by_role("button", name="Notes").press("Enter")
    assert note.input_value() == "A contour is a level.\n<b>η</b> < 2/λ"

    learner.open("index.html")
    store, progress = learner.locator("#dh-store"), learner.locator("#dh-progress")
    assert store.get_by_role("link", name="Draw a loss surface").get_attribute("href") == f"{LESSON}.html"
    assert f"1 of {LESSONS}" in progress.inner_text()
    assert f"Completion: {100 // LESSONS // 3} %" in progress.inner_text()
    with learner.expect_download() as download:
        store.get_by_role("button", name="Export").click()
    saved = tmp_path / "notes.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text(encoding="utf-8"))["notes"][LESSON].startswith("A contour")

    learner.once("dialog", lambda dialog: dialog.dismiss())
    store.get_by_role("button", name="Erase").click()
    assert f"1 of {LESSONS}" in progress.inner_text(), "a learner who thinks again keeps everything"
    learner.once("dialog", lambda dialog: dialog.accept())
    store.get_by_role("button", name="Erase").click()
    assert f"0 of {LESSONS}" in progress.inner_text()
    assert learner.evaluate("localStorage.getItem('downhill-learner')") is None

    wrong = tmp_path / "wrong.json"
    for text in ("no JSON", "[]", '{"format": "downhill-learner"}',
                 saved.read_text(encoding="utf-8").replace('"quizzes": {}', '"quizzes": {"a": {"b": 3}}')):  # fmt: skip
        wrong.write_text(text, encoding="utf-8")
        learner.get_by_label("Import from a file").set_input_files(wrong)
        store.get_by_text("That file holds no notes of this course.").wait_for()
        assert f"0 of {LESSONS}" in progress.inner_text()
        learner.reload()
    learner.get_by_label("Import from a file").set_input_files(saved)
    store.get_by_text("Imported.").wait_for()
    assert f"1 of {LESSONS}" in progress.inner_text()


def test_points_are_counted_in_a_solved_notebook(learner, tmp_path):
    name = LESSON.replace("notebooks", "exercises")
    learner.open(f"{name}.html")
    box = learner.locator(".dh-points")
    solved = ROOT / f"{name.replace('exercises', 'solutions')}.ipynb"
    learner.get_by_label("Your solved notebook").set_input_files(ROOT / f"{name}.ipynb")
    box.get_by_text("No check of this page has passed in that file.").wait_for()
    (tmp_path / "picture.ipynb").write_bytes(b"\x89PNG")
    learner.get_by_label("Your solved notebook").set_input_files(tmp_path / "picture.ipynb")
    box.get_by_text("That file is not a notebook.").wait_for()
    learner.get_by_label("Your solved notebook").set_input_files(solved)
    checks = json.loads(box.get_attribute("data-checks"))
    worth, left = sum(c["points"] for c in checks), sum(c["points"] for c in checks[1:])
    box.get_by_text(f"{worth} of {worth} points.").wait_for()
    box.get_by_role("checkbox").first.uncheck()
    box.get_by_text(f"{left} of {worth} points.").wait_for()
    learner.open("index.html")
    assert f"{left} points earned." in learner.locator(f'li[data-exercise="{name}"]').inner_text()


def test_a_browser_that_stores_nothing_says_so(learner):
    learner.add_init_script("""
        const keep = Storage.prototype.setItem;
        Storage.prototype.setItem = function (name, value) {
          if (name.startsWith("downhill")) throw new Error("full");
          keep.call(this, name, value);
        };""")
    learner.open(f"{LESSON}.html")
    learner.get_by_role("button", name="Notes").click()
    learner.get_by_label("Your notes on this page").fill("x")
    learner.get_by_text("This browser does not let pages store anything").wait_for()


def test_solutions_open_with_one_key(learner):
    learner.open(f"{LESSON.replace('notebooks', 'solutions')}.html")
    answer = learner.locator("details.dh-solution").first
    assert answer.locator("pre").first.is_hidden()
    answer.locator("summary").first.press("Enter")
    assert answer.locator("pre").first.is_visible()
