r"""Quizzes: a question with choices, each of which is explained when it is chosen.

>>> quiz("When does descent on $x^2$ diverge?",
...      {"For a step size above 1": "The curvature is 2, and 2/2 = 1 is the limit.",
...       "For a step size above 2": "That is the limit for $x^2/2$."}, answer="A")

The one output holds all explanations, so it works in a stored page without a kernel. Its element says in the
attribute ``data-quiz`` how it stands, for the page around it: "unanswered", "right" or "wrong".
"""

import re

from IPython.display import display

from downhill.markup import CSS, element_id, rich_text

__all__ = ["quiz"]


def quiz(question, choices, answer):
    """Display a question with choices, each of which is explained when it is chosen.

    Parameters
    ----------
    question : str
        May contain ``$maths$`` and `` `code` ``, as all texts here.
    choices : dict of str to str
        Choice to explanation, for right and wrong ones alike; letters A, B, … are put before them.
    answer : str
        The right choice, or its letter.

    Raises
    ------
    ValueError
        For an empty question or explanation, fewer than two choices, or an answer that is not among them.
    """
    if not question.strip():
        raise ValueError("a quiz needs a question")
    if len(choices) < 2:
        raise ValueError(f"a quiz needs at least two choices, got {len(choices)}")
    labels = [c if re.match(r"[A-Z]\. ", c) else f"{chr(65 + i)}. {c}" for i, c in enumerate(choices)]
    right = [answer in (choice, label, label[0]) for choice, label in zip(choices, labels, strict=True)]
    if sum(right) != 1:
        raise ValueError(f"the answer {answer!r} is not among the choices {list(choices)}")
    if empty := [choice for choice, why in choices.items() if not why.strip()]:
        raise ValueError(f"every choice needs an explanation; missing for {empty}")
    name = element_id("quiz", question, list(choices))
    radios = "".join(
        f'<div><label><input type="radio" name="{name}" value="{i}" data-lm-suppress-shortcuts="true"> '
        f"{rich_text(label)}</label></div>"
        for i, label in enumerate(labels))  # fmt: skip
    verdicts = [("right", "Right.") if ok else ("wrong", "Not this one.") for ok in right]
    reasons = "".join(
        f'<li>{rich_text(label)}<div data-verdict="{verdict}"><strong>{said}</strong> {rich_text(why)}</div></li>'
        for label, (verdict, said), why in zip(labels, verdicts, choices.values(), strict=True))  # fmt: skip
    tell = ("const told=this.querySelectorAll('[data-verdict]')[event.target.value];"
            "this.dataset.quiz=told.dataset.verdict;"
            "this.querySelector('output').innerHTML=told.innerHTML")  # fmt: skip
    bundle = {
        "text/html": f'<fieldset class="dh tex2jax_process" data-quiz="unanswered" onchange="{tell}">'
        f'<style>{CSS}</style><legend>{rich_text(question)}</legend>{radios}<output role="status"></output>'
        f"<details><summary>All answers, explained</summary><ul>{reasons}</ul></details></fieldset>",
        "text/plain": "\n".join([question, *labels]),
    }
    display(bundle, raw=True)
