"""How long the site takes to build, and its first page to show its content in Chromium, from a local server.

usage: make bench NAME=website ARGS="[--built]"   (--built measures the site that is in build/site)
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from notebook_page import chromium, serve

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
PAGES = ("index.html", "notebooks/start_here.html", "notebooks/1_landscape/1_surfaces.html")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
BYTES = """performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


def first_paint(watch: Any, name: str) -> list[float]:
    """Return the milliseconds to the first content of a page in a fresh tab, and the bytes that it loads."""
    with watch.page() as page:
        page.goto(f"{watch.home}/{name}", wait_until="load")
        page.wait_for_function(f"{PAINT} > 0")
        return page.evaluate(f"[{PAINT}, {BYTES}]")


def main(arguments: list[str]) -> None:
    if "--built" not in arguments:
        start = time.perf_counter()
        subprocess.run([sys.executable, ROOT / "tools" / "website.py", "build"], check=True)
        print(f"build: {time.perf_counter() - start:.0f} s")
    sizes = {page.stat().st_size: page.relative_to(SITE) for page in SITE.rglob("*.html")}
    print(f"pages: {len(sizes)}, the largest {max(sizes) / 1e6:.2f} MB ({sizes[max(sizes)]})")
    for name in PAGES:
        runs = []
        for _ in range(5):  # a new profile each time: nothing is cached
            with tempfile.TemporaryDirectory() as profile, serve(SITE) as home, chromium(profile, home) as watch:
                runs.append(first_paint(watch, name))
        times, loaded = zip(*runs, strict=True)
        print(f"{name}: first content after {statistics.median(times):.0f} ms (worst {max(times):.0f}), "
              f"{loaded[0] / 1e6:.2f} MB with scripts, fonts and styles")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
