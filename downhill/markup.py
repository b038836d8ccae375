"""The HTML that figures and quizzes share: their style, text that may hold maths and code, names of elements."""

import hashlib
import html
import re

__all__ = ["CSS", "element_id", "rich_text"]

CSS = """
.dh{margin:.6em 0;padding:0;border:0;max-width:100%;min-width:0;color:inherit;font:inherit}
.dh img,.dh canvas{display:block;max-width:100%;height:auto;background:#fff}
.dh canvas{width:100%}
.dh figcaption{margin-top:.4em;max-width:44em;text-align:left;font-style:italic}
.dh output{display:block;min-height:1.5em;margin:.3em 0}
.dh-controls{display:flex;flex-wrap:wrap;align-items:center;gap:.3em .7em;margin:.3em 0}
.dh-controls label{display:flex;align-items:center;gap:.6em;margin:0}
.dh-controls input{width:12em;max-width:38vw;min-height:24px;accent-color:#0173b2}
.dh-controls button{font:inherit;min-width:5em;padding:.2em .6em;color:#222;background:#eee}
.dh-value{min-width:4em;font-variant-numeric:tabular-nums}
.dh :focus-visible{outline:3px solid #de8f05;outline-offset:2px;box-shadow:0 0 0 2px #222}
fieldset.dh{border:1px solid #888;border-radius:4px;padding:.6em 1em}
fieldset.dh legend{float:left;width:100%;margin:0 0 .4em;padding:0;border:0;font:inherit;font-weight:600}
fieldset.dh label,fieldset.dh output,fieldset.dh details{clear:both;display:block;margin:.25em 0}
fieldset.dh output:not(:empty){border-left:4px solid #0173b2;padding-left:.6em}
"""


def rich_text(text):
    """Escape text for HTML, keep $maths$, and turn `code` into code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def element_id(kind, *content):
    """Return the id of an element, such as dh-quiz-0123456789: another content has another one."""
    return f"dh-{kind}-{hashlib.sha256(repr(content).encode()).hexdigest()[:10]}"
