"""Every page of the built site in Chromium: wide and narrow, light and dark. `make test-web` builds it first."""

from pathlib import Path

import pytest
from notebook_page import chromium, serve

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
AXE = ROOT / "build" / "vendor" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html")
               if not {"lite", "_static"} & set(page.relative_to(SITE).parts)) or ["index.html"]  # fmt: skip
RULES = "axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations']})"

pytestmark = pytest.mark.skipif(not SITE.exists(), reason="run `make site` first")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with serve(SITE) as home, chromium(tmp_path_factory.mktemp("profile"), home) as watch:
        yield watch


def look(page, what):
    """Return what is wrong with a page as it stands: too wide, or not accessible."""
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    found = [f"{what}: {wide[0]} pixels wide in a window of {wide[1]}"] if wide[0] > wide[1] else []
    for violation in page.evaluate(RULES)["violations"]:
        node = violation["nodes"][0]
        found.append(f"{what}: {violation['id']}, {len(violation['nodes'])} times, {node['html'][:200]}")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_page(browser, name):
    """No console error, no request to another host, no horizontal scroll, no finding of axe."""
    found = []
    with browser.page() as page:
        for width, first, second in ((1280, "light", "dark"), (390, "dark", "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=first)
            page.goto(f"{browser.home}/{name}", wait_until="load")
            page.evaluate("window.MathJax?.startup?.promise")
            page.evaluate("document.querySelectorAll('.bd-article details').forEach((each) => (each.open = true))")
            page.wait_for_timeout(100)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found += look(page, f"{width} px, {first}")
            page.emulate_media(color_scheme=second)
            page.wait_for_function(f"document.documentElement.dataset.theme === '{second}'")
            found += look(page, f"{width} px, {second}")
    found += browser.errors + browser.foreign
    browser.errors.clear()
    browser.foreign.clear()
    assert not found, "\n".join(found)
