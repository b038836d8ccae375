"""Every page of the built site in Chromium: wide and narrow, light and dark. `make test-web` builds it first."""

from pathlib import Path

import pytest
from notebook_page import chromium, serve

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
AXE = ROOT / "build" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html")
               if not {"lite", "_static"} & set(page.relative_to(SITE).parts)) or ["index.html"]  # fmt: skip
WEIGHT = """performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
AXE_RUN = """async ([rules, leftOut]) => (await axe.run({ include: [["html"]], exclude: leftOut },
    { preload: false, runOnly: rules, resultTypes: ["violations"] })).violations
    .map((each) => `${each.id}, ${each.nodes.length} times: ${each.nodes[0].html.slice(0, 200)}`)"""
# A page has thousands of words of code in a dozen colours, and axe takes its time over each: one word a colour will do.
THIN = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight pre span[class]")) {
    const kind = `${word.closest("[class*=highlight-]")?.className} ${word.className}`;
    if (seen.has(kind)) word.replaceWith(word.textContent);
    seen.add(kind);
  }
  document.querySelectorAll("pre").forEach((each) => each.normalize());
}"""

pytestmark = pytest.mark.skipif(not SITE.exists(), reason="run `make site` first")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with serve(SITE) as home, chromium(tmp_path_factory.mktemp("profile"), home) as watch:
        yield watch


def look(page, rules, left_out=()):
    """Return what is wrong with a page as it stands: too wide, or not accessible."""
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    wide = [f"{width} pixels wide in a window of {window}"] if width > window else []
    return wide + page.evaluate(AXE_RUN, [rules, list(left_out)])


@pytest.mark.parametrize("name", PAGES)
def test_page(browser, name):
    """No console error, no request to another host, no horizontal scroll, no finding of axe, at most 3 MB.

    Every second page is opened wide and then made narrow, the others the other way round.
    """
    found, views = [], [(1280, "light", "dark"), (390, "dark", "light")]
    if PAGES.index(name) % 2:
        views.reverse()
    with browser.page() as page:
        for at, (width, first, second) in enumerate(views):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=first)
            if at == 0:
                page.goto(f"{browser.home}/{name}", wait_until="load")
                page.evaluate("window.MathJax?.startup?.promise")
                page.evaluate("document.querySelectorAll('.bd-article details').forEach((each) => (each.open = true))")
                page.add_style_tag(content="* { transition: none !important }")  # axe measures colours at once
                weight = page.evaluate(WEIGHT)
                found += [f"{weight} bytes with all that it loads"] if weight > 3e6 else []
                page.evaluate(THIN)
                page.evaluate(AXE.read_text(encoding="utf-8"))
            # A formula has hundreds of elements, and none of them depends on the width: wide windows have them all.
            left_out = [["mjx-container > *"]] if width < 1000 else []
            page.wait_for_function(f"document.documentElement.dataset.theme === '{first}'")
            found += [f"{width} px, {first}: {what}" for what in look(page, ["wcag2a", "wcag2aa"], left_out)]
            page.emulate_media(color_scheme=second)
            page.wait_for_function(f"document.documentElement.dataset.theme === '{second}'")
            found += [f"{width} px, {second}: {what}" for what in look(page, ["color-contrast"], left_out)]
    found += browser.errors + browser.foreign
    browser.errors.clear()
    browser.foreign.clear()
    assert not found, "\n".join(found)
