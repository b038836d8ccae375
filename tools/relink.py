"""Make links of a notebook fit what lies beside it, part by part. Standard library only.

A link to a lesson that is not there becomes plain text, and the cell keeps its own text in its
metadata, so that the link comes back when the lesson does.
"""

import json
import posixpath
import re
from collections.abc import Callable
from typing import Any

__all__ = ["LINK", "fit", "fit_notebook", "plain", "source_of", "written"]

# A relative link or picture of Markdown: its mark, its label, its target, its fragment.
LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)"
)
PLACE = re.compile(r" \(in part \d+\)")
OWN = "text_with_all_links"  # where a cell's metadata keep it


def source_of(cell: dict[str, Any]) -> str:
    """Return the source of a cell of a notebook's JSON, where it is a text or a list of lines."""
    return "".join(cell.get("source", ""))


def written(notebook: dict[str, Any]) -> str:
    """Return a notebook's JSON as text, as Jupyter writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def plain(text: str) -> str:
    """Return a text with labels for relative links: what stays the same when links are fitted."""
    return PLACE.sub("", LINK.sub(lambda match: match[2], text))


def fit(text: str, page: str, there: Callable[[str], bool]) -> str:
    """Replace the relative links of a text that lead nowhere by their labels.

    Parameters
    ----------
    text : str
        Markdown.
    page : str
        Where it stands, relative to the course's folder, with ``/``.
    there : callable
        Says of a path like `page` whether it is there.

    Returns
    -------
    str
        A lesson or exercise of another part is followed by the part's number.
    """

    def convert(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), match[3]))
        if there(path):
            return match[0]
        part, own = (re.match(r"(?:notebooks|exercises|work)/(\d+)_", at) for at in (path, page))
        return match[2] + (
            f" (in part {part[1]})" if part and not (own and own[1] == part[1]) else ""
        )

    return LINK.sub(convert, text)


def fit_notebook(
    notebook: dict[str, Any], page: str, there: Callable[[str], bool], first: bool = False
) -> bool:
    """Fit the links of a notebook's JSON in place; a text that somebody has changed stays.

    Parameters
    ----------
    notebook, page, there
        As for ``fit``.
    first : bool
        Fit every text. Otherwise those alone that were fitted before.

    Returns
    -------
    bool
        Whether anything has changed.
    """
    changed = False
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        text, metadata = source_of(cell), cell.setdefault("metadata", {})
        own = metadata.get(OWN, text)
        if not (first or OWN in metadata) or plain(own) != plain(text):
            continue
        fitted = fit(own, page, there)
        if fitted != text:
            cell["source"], changed = fitted.splitlines(keepends=True), True
        if fitted != own:
            metadata[OWN] = own
        else:
            metadata.pop(OWN, None)
    return changed
