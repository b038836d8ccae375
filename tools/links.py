"""Find the dead links of a built site: files and anchors inside it, and, when asked, what other hosts answer."""

import concurrent.futures
import functools
import re
import urllib.error
import urllib.request
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

AGENT = {"User-Agent": "Mozilla/5.0 (link check of a course's site)"}


class Page(HTMLParser):
    """The links, the anchors and the pictures' alternative texts of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.alternatives: list[str | None] = []
        self.feed(re.sub(r"data:image/[^\"']*", "data:", text))  # pictures are most of a page

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "img":
            self.alternatives.append(given.get("alt"))
        self.anchors |= {anchor for name in ("id", "name") if (anchor := given.get(name))}
        if tag != "base":
            self.links += [link for name in ("href", "src") if (link := given.get(name))]


def page_paths(site: Path | str) -> list[Path]:
    """List the pages below a folder, except those of JupyterLite, which has tests of its own."""
    return [path for path in sorted(Path(site).rglob("*.html"))
            if not {"lite", "_static"} & set(path.relative_to(site).parts)]  # fmt: skip


@functools.cache
def read_pages(site: Path | str) -> dict[Path, Page]:
    """Parse the pages below a folder."""
    return {path: Page(path.read_text(encoding="utf-8")) for path in page_paths(site)}


def dead_links(site: Path | str) -> list[tuple[str, str]]:
    """List the internal links of a site that lead nowhere.

    Parameters
    ----------
    site : path
        The folder of the built site.

    Returns
    -------
    list of (str, str)
        Page, relative to the site, and link.
    """
    site, dead = Path(site).resolve(), []
    pages = read_pages(site)
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            inside = target.is_relative_to(site) and target.exists()
            anchor = unquote(parts.fragment)
            if not inside or (anchor and target in pages and anchor not in pages[target].anchors):
                dead.append((path.relative_to(site).as_posix(), link))
    return dead


def external_links(site: Path | str) -> dict[str, set[str]]:
    """Return each link that leaves a site, without its fragment, with the pages that have it."""
    found = defaultdict(set)
    for path, page in read_pages(Path(site)).items():
        for link in page.links:
            if urlsplit(link).scheme in ("http", "https"):
                found[urldefrag(link)[0]].add(path.relative_to(site).as_posix())
    return dict(found)


def answer(url: str) -> str:
    """Return what a host says about an address: its status, or the error in words."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=AGENT), timeout=20) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (OSError, ValueError) as error:
        return f"no answer: {error}"


def report_external(site: Path | str) -> int:
    """Ask every external link for an answer; print those that give none and return how many are gone (404, 410)."""
    links = external_links(site)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = dict(zip(links, pool.map(answer, links), strict=True))
    for url, said in sorted(answers.items(), key=lambda pair: pair[1]):
        if said != "200":
            print(f"{said}: {url} in {', '.join(sorted(links[url]))}")
    print(f"{sum(said == '200' for said in answers.values())} of {len(links)} external links answered with 200. "
          "A publisher that refuses scripts (403) is not a dead link.")  # fmt: skip
    return sum(said in ("404", "410") for said in answers.values())
