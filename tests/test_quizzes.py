"""The quizzes: what they emit, that it repeats, and what they refuse. The browser's part is in tests/web."""

import re

import nbformat
import pytest
from conftest import ROOT

from downhill import quizzes
from downhill.quizzes import quiz


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(quizzes, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_one_output_that_repeats(shown):
    for _ in range(2):
        quiz("Why?", {"So": "Yes.", "Not": "No."}, "A")
    assert shown[0] == shown[1] and set(shown[0]) == {"text/html", "text/plain"}
    assert "http" not in shown[0]["text/html"]


def test_quiz_explains_every_choice(shown):
    quiz("Is $a < b$?", {"Yes, `x`": "Good.", "B. No": "Because $1 < 2$."}, "A")
    html = shown[0]["text/html"]
    assert html.count("<li>") == html.count('type="radio"') == 2
    assert "<strong>Right.</strong> Good." in html and "<strong>Not this one.</strong> Because $1 &lt; 2$." in html
    assert "A. Yes, <code>x</code>" in html and "B. B." not in html
    assert shown[0]["text/plain"] == "Is $a < b$?\nA. Yes, `x`\nB. No"
    assert len(html) < 3_500


def test_a_quiz_tells_the_page_how_it_stands(shown):
    quiz("Is it?", {"a": "Right here is a word that says nothing.", "b": "y", "c": "z"}, "B")
    html = shown[0]["text/html"]
    assert html.count('<fieldset class="dh tex2jax_process" data-quiz="unanswered"') == html.count("data-quiz=") == 1
    assert re.findall('data-verdict="(.*?)"', html) == ["wrong", "right", "wrong"]


def test_every_stored_quiz_tells_the_page_how_it_stands():
    pages = [output.data["text/html"] for path in sorted((ROOT / "notebooks").rglob("*.ipynb"))
             for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])
             if "<fieldset" in output.get("data", {}).get("text/html", "")]  # fmt: skip
    assert pages and all(page.count(' data-quiz="unanswered"') == page.count("<fieldset") for page in pages)


def test_two_quizzes_do_not_share_buttons(shown):
    quiz("One?", {"a": "x", "b": "y"}, "a")
    quiz("Two?", {"a": "x", "b": "y"}, "b")
    names = [set(re.findall(r'name="([^"]+)"', bundle["text/html"])) for bundle in shown]
    assert len(names[0]) == len(names[1]) == 1 and names[0] != names[1]


@pytest.mark.parametrize("question, choices, answer, complaint", [
    ("", {"a": "x", "b": "y"}, "a", "question"), ("Q", {"a": "x"}, "a", "two choices"),
    ("Q", {"a": "x", "b": "y"}, "C", "not among"), ("Q", {"a": "x", "b": " "}, "a", "explanation")])  # fmt: skip
def test_quiz_refuses(question, choices, answer, complaint):
    with pytest.raises(ValueError, match=complaint):
        quiz(question, choices, answer)
